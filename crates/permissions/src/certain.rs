//! What is known of a condition without looking at a row. What is certain needs no place in a plan,
//! where it would make an end of what stands beside it.

use std::cmp::Ordering;

use sandbar_catalog::Literal;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind};

/// True, false, or unknown as SQL has it.
type Truth = Option<bool>;

/// What a condition is in every row; `None` where that depends on the row, or is not looked into.
pub(crate) fn certain(condition: &Expr) -> Option<Truth> {
    match &condition.kind {
        ExprKind::Literal(Literal::Boolean(value)) => Some(Some(*value)),
        ExprKind::Literal(Literal::Null) => Some(None),
        ExprKind::Not(inner) => certain(inner).map(|truth| truth.map(|value| !value)),
        ExprKind::And(a, b) => both(certain(a), certain(b), false),
        ExprKind::Or(a, b) => both(certain(a), certain(b), true),
        ExprKind::Compare(comparison, a, b) => compared(*comparison, a, b),
        ExprKind::Between(value, low, high) => {
            let low = compared(Comparison::GtEq, value, low);
            both(low, compared(Comparison::LtEq, value, high), false)
        }
        ExprKind::InList(value, list) => {
            let mut found = Some(Some(false));
            for item in list {
                found = both(found, compared(Comparison::Eq, value, item), true);
            }
            found
        }
        ExprKind::IsNull(value) => match &value.kind {
            ExprKind::Literal(literal) => Some(Some(*literal == Literal::Null)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a condition is true of no row, although it may be false of some and unknown of others.
pub(crate) fn is_never_true(condition: &Expr) -> bool {
    if let ExprKind::Not(inner) = &condition.kind
        && let ExprKind::InList(_, list) = &inner.kind
    {
        // Whether a value is another one than a missing one is unknown.
        return list.iter().any(|item| item.kind == ExprKind::Literal(Literal::Null));
    }
    matches!(certain(condition), Some(Some(false) | None))
}

/// `and` (decided by false) or `or` (decided by true) of what is known of both sides.
fn both(a: Option<Truth>, b: Option<Truth>, decides: bool) -> Option<Truth> {
    let decided = Some(Some(decides));
    if a == decided || b == decided {
        return decided;
    }
    let (a, b) = (a?, b?);
    Some(if a.is_none() || b.is_none() { None } else { Some(!decides) })
}

/// A comparison of two constants of one type.
fn compared(comparison: Comparison, a: &Expr, b: &Expr) -> Option<Truth> {
    let is_missing = |side: &Expr| side.kind == ExprKind::Literal(Literal::Null);
    let tells_missing = matches!(comparison, Comparison::Distinct | Comparison::NotDistinct);
    if !tells_missing && (is_missing(a) || is_missing(b)) {
        return Some(None);
    }
    let (ExprKind::Literal(a), ExprKind::Literal(b)) = (&a.kind, &b.kind) else { return None };
    let missing = [a, b].into_iter().filter(|side| **side == Literal::Null).count();
    match comparison {
        Comparison::Distinct if missing > 0 => return Some(Some(missing == 1)),
        Comparison::NotDistinct if missing > 0 => return Some(Some(missing == 2)),
        _ => {}
    }
    let order = match (a, b) {
        (Literal::Text(a), Literal::Text(b)) => a.cmp(b),
        (Literal::Integer(a), Literal::Integer(b)) => a.cmp(b),
        (Literal::Boolean(a), Literal::Boolean(b)) => a.cmp(b),
        (Literal::Date(a), Literal::Date(b)) => a.cmp(b),
        _ => return None,
    };
    Some(Some(match comparison {
        Comparison::Eq | Comparison::NotDistinct => order == Ordering::Equal,
        Comparison::NotEq | Comparison::Distinct => order != Ordering::Equal,
        Comparison::Lt => order == Ordering::Less,
        Comparison::LtEq => order != Ordering::Greater,
        Comparison::Gt => order == Ordering::Greater,
        Comparison::GtEq => order != Ordering::Less,
    }))
}
