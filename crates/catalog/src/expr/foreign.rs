//! What the parser reads and the language does not have.

use sqlparser::ast as sql;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::bind::ExprError;

/// What the parser reads in a way of its own and, where it cannot, once more as a call like others.
const READ_TWICE: [&str; 18] = [
    "ARRAY",
    "CASE",
    "CAST",
    "CEIL",
    "CONVERT",
    "EXISTS",
    "EXTRACT",
    "FLOOR",
    "INTERVAL",
    "NOT",
    "OVERLAY",
    "POSITION",
    "SAFE_CAST",
    "STRUCT",
    "SUBSTR",
    "SUBSTRING",
    "TRIM",
    "TRY_CAST",
];
/// How many of these stand in each other at most: of each, all within is read twice where something
/// is wrong in it.
const MAX_TWICE: usize = 12;

/// Refuses what the parser would go through too often.
pub(super) fn read_once(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    let mut open = Vec::new();
    let mut before = false;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen => {
                open.push(before);
                if open.iter().filter(|twice| **twice).count() > MAX_TWICE {
                    let message = format!(
                        "at most {MAX_TWICE} of `not (…)`, `cast(…)`, `floor(…)`, `trim(…)` and \
                         their like stand in each other"
                    );
                    return Err(ExprError::new(message).located(token.span));
                }
            }
            Token::RParen => {
                open.pop();
            }
            _ => {}
        }
        before = matches!(&token.token, Token::Word(word) if is_read_twice(&word.value));
    }
    Ok(())
}

fn is_read_twice(word: &str) -> bool {
    READ_TWICE.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Why a part of a text is refused. The parser knows more forms of some functions than the language
/// does: of these it is said which one is.
pub(super) fn foreign(tree: &sql::Expr) -> ExprError {
    ExprError::new(match tree {
        sql::Expr::Cast { .. } => "write `cast(x as type)`",
        sql::Expr::Floor { .. } => {
            "write `floor(x)`: `round(x, digits)` goes by digits, `date_trunc('day', x)` by time"
        }
        sql::Expr::Ceil { .. } => {
            "write `ceil(x)`: `round(x, digits)` goes by digits, `date_trunc('day', x)` by time"
        }
        sql::Expr::Trim { .. } => {
            "write `trim(t)`: it takes spaces away at both ends, and nothing else"
        }
        sql::Expr::Substring { .. } => {
            "write `substring(t, from)` or `substring(t, from, length)`: the first character is 1"
        }
        other => {
            let message = format!("`{other}` is not part of the expression language");
            return ExprError::new(message);
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::ast::{Expr, ExprKind};
    use super::super::bind::{Allow, Scope, bind};
    use super::*;
    use crate::types::Type;

    struct Texts;

    impl Scope for Texts {
        fn name(&mut self, _: &[&str]) -> Result<Expr, ExprError> {
            Ok(Expr::new(ExprKind::Attribute("t".to_owned()), Type::Text))
        }
    }

    fn read(text: &str) -> Result<Expr, ExprError> {
        bind(text, Allow::Aggregates, &mut Texts)
    }

    #[track_caller]
    fn check(texts: &[&str], expected: &str) {
        for text in texts {
            let message = read(text).unwrap_err().message;
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn no_part_of_a_call_is_passed_over() {
        check(&["floor(1.5, 1)", "floor(1.5 to day)", "floor(1.5 to week(monday))"], "`floor(x)`");
        check(&["ceil(1.5, 1)", "ceil(1.5 to day)"], "`ceil(x)`");
        check(&["substring(t)", "substring(t for 2)", "substr(t for 2)"], "`substring(t, from)`");
        check(
            &[
                "trim(leading t)",
                "trim(trailing t)",
                "trim(both t)",
                "trim(both 'x' from t)",
                "trim('x' from t)",
                "trim(t, 'x')",
            ],
            "`trim(t)`",
        );
        check(
            &[
                "cast(t as integer array)",
                "try_cast(t as integer array)",
                "cast(t as integer format 'x')",
                "safe_cast(t as integer)",
                "t::integer",
            ],
            "`cast(x as type)`",
        );
        check(
            &["count(distinct *)", "count(*, t)", "count(t, *)", "max(t, *)"],
            "`*` stands alone",
        );
        check(&["count(*, *)"], "plain values");
    }

    #[test]
    fn the_same_in_another_form_is_the_same() {
        assert_eq!(read("substring(t from 2 for 3)").unwrap(), read("substring(t, 2, 3)").unwrap());
        assert_eq!(read("substring(t from 2)").unwrap(), read("substring(t, 2)").unwrap());
        assert_eq!(read("count( * )").unwrap(), read("count(*)").unwrap());
    }
}
