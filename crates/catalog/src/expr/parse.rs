//! A text becomes a tree of SQL: what is read, and how much of it.
//!
//! Where the parser cannot read something in one way it tries another, and reads all that stands in
//! it once more: forms of this kind in each other are read a million times. So it is counted how
//! often a term is begun.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast as sql;
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::stack::{has_room, with_room_to_read};

use super::bind::{ExprError, MAX_DEPTH, MAX_NODES, lower_first, too_large};

const MAX_TEXT: usize = 8 * 1024;
/// More words and signs than so many parts can have. What the parser makes of a longer chain of
/// terms is as deep as it is long, and whatever walks it overflows the stack.
const MAX_TOKENS: usize = 4 * MAX_NODES;

/// How often a term is begun at most: ten times as often as the longest text has words.
const MAX_READ: usize = 16_000;
/// What a statement begins with. The parser knows all of SQL behind a parenthesis with one.
const STATEMENTS: [Keyword; 7] = [
    Keyword::WITH,
    Keyword::VALUES,
    Keyword::FROM,
    Keyword::INSERT,
    Keyword::UPDATE,
    Keyword::DELETE,
    Keyword::MERGE,
];

/// Reads the text alone: what stands in it, before any name is looked up.
///
/// # Errors
/// A text that is not one SQL expression.
pub fn parse(text: &str) -> Result<sql::Expr, ExprError> {
    if text.len() > MAX_TEXT {
        return Err(ExprError::new(format!("an expression has at most {MAX_TEXT} bytes")));
    }
    if text.trim().is_empty() {
        return Err(ExprError::new("an expression is empty"));
    }
    let dialect = Language::default();
    let syntax = |error: ParserError| {
        if dialect.is_left.get() {
            return ExprError::new("too much of it stands in each other");
        }
        let text = error.to_string();
        let text = text.strip_prefix("sql parser error: ").unwrap_or(&text);
        // The place is told apart from the sentence.
        let (text, at) = text.split_once(" at Line: ").unwrap_or((text, ""));
        let at = at.split_once(", Column: ").and_then(|(line, column)| {
            Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
        });
        let message = format!("not an expression: {}", lower_first(text));
        ExprError { at, ..ExprError::new(message) }
    };
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| syntax(error.into()))?;
    let words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    if words.count() > MAX_TOKENS {
        return Err(too_large());
    }
    only_terms(&tokens)?;
    let parser = Parser::new(&dialect).with_recursion_limit(MAX_DEPTH);
    let mut parser = parser.with_tokens_with_locations(tokens);
    let tree = with_room_to_read(|| parser.parse_expr()).map_err(syntax)?;
    let rest = parser.peek_token();
    if rest.token == Token::EOF {
        Ok(tree)
    } else {
        Err(ExprError::new(format!("unexpected `{rest}` after the expression")).located(rest.span))
    }
}

/// The generic dialect, as far as the language goes.
#[derive(Debug, Default)]
struct Language {
    /// How often a term was begun.
    read: Cell<usize>,
    /// Whether reading was given up.
    is_left: Cell<bool>,
}

impl Dialect for Language {
    /// Where the parser asks which dialect it is.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    /// Begins a term: as ever, up to some number of them, and as far as the stack goes, of which the
    /// parser does not count all that calls itself. The error is the one that it does not take as a
    /// reason to try another way.
    fn parse_prefix(&self, _: &mut Parser<'_>) -> Option<Result<sql::Expr, ParserError>> {
        self.read.set(self.read.get().saturating_add(1));
        if self.read.get() > MAX_READ || !has_room() {
            self.is_left.set(true);
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        None
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        GenericDialect.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        GenericDialect.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        GenericDialect.is_identifier_part(c)
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_extract_comma_syntax(&self) -> bool {
        true
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }
}

/// Where a parenthesis was opened, and what stands in it so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Terms,
    /// `select …`, up to its tables.
    Selected,
    /// Its tables.
    Tables,
}

/// Refuses what the parser knows beside terms, before it is read: whole statements, and tables that
/// are more than a name.
fn only_terms(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    let mut open = vec![Within::Terms];
    let mut after_open = false;
    for token in tokens {
        let within = open.last().copied().unwrap_or(Within::Terms);
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen if within == Within::Tables => {
                let message =
                    "values are taken from a table by its name: `select field from table`";
                return Err(ExprError::new(message).located(token.span));
            }
            Token::LParen => open.push(Within::Terms),
            Token::RParen => {
                open.pop();
            }
            Token::Word(word) if word.quote_style.is_none() => {
                let next = match (word.keyword, within) {
                    (Keyword::SELECT, _) if after_open => Within::Selected,
                    (Keyword::FROM, Within::Selected) => Within::Tables,
                    (Keyword::WHERE, Within::Tables) => Within::Terms,
                    (keyword, _) if after_open && STATEMENTS.contains(&keyword) => {
                        let word = &word.value;
                        let message = format!(
                            "`({word}` begins a statement, and there are none in expressions; a \
                             field of that name is written \"{word}\""
                        );
                        return Err(ExprError::new(message).located(token.span));
                    }
                    _ => within,
                };
                if let Some(last) = open.last_mut() {
                    *last = next;
                }
            }
            _ => {}
        }
        after_open = token.token == Token::LParen;
    }
    Ok(())
}
