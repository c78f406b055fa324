//! What binds less than a comparison. The parser gives all that follows to `is distinct from`, also what
//! stands behind an AND, while SQL ends it before that.

use sqlparser::ast as sql;

/// Whether something binds less than `is distinct from` does, which the parser gives all of it.
pub(super) fn is_loose(expr: &sql::Expr) -> bool {
    match expr {
        sql::Expr::BinaryOp { op, .. } => !matches!(
            op,
            sql::BinaryOperator::Plus
                | sql::BinaryOperator::Minus
                | sql::BinaryOperator::Multiply
                | sql::BinaryOperator::Divide
                | sql::BinaryOperator::StringConcat
        ),
        sql::Expr::UnaryOp { op, .. } => matches!(op, sql::UnaryOperator::Not),
        sql::Expr::IsNull(_)
        | sql::Expr::IsNotNull(_)
        | sql::Expr::IsTrue(_)
        | sql::Expr::IsNotTrue(_)
        | sql::Expr::IsFalse(_)
        | sql::Expr::IsNotFalse(_)
        | sql::Expr::IsUnknown(_)
        | sql::Expr::IsNotUnknown(_)
        | sql::Expr::IsDistinctFrom(..)
        | sql::Expr::IsNotDistinctFrom(..)
        | sql::Expr::InList { .. }
        | sql::Expr::Between { .. }
        | sql::Expr::Like { .. }
        | sql::Expr::ILike { .. } => true,
        _ => false,
    }
}
