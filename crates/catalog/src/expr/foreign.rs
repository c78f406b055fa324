//! What the parser reads and the language does not have.

use sqlparser::ast as sql;

use super::bind::ExprError;

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
            let mut message = format!("`{other}` is not part of the expression language");
            if let sql::Expr::CompoundFieldAccess { root, .. } = other
                && let sql::Expr::Function(word) = &**root
                && matches!(word.args, sql::FunctionArguments::None)
            {
                let word = word.name.to_string();
                message +=
                    &format!(": a name that is a word of SQL stands in quotes, `\"{word}\"`");
            }
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
    fn words_of_sql_stand_in_quotes() {
        check(&["user.role = 'dev'"], "stands in quotes, `\"user\"`");
        assert!(read("\"user\".role = 'dev'").is_ok());
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
