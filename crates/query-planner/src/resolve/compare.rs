//! Comparisons as expressions: what each operator says of a value.

use sandbar_catalog::expr::{Comparison, Expr, ExprKind, Function, Pattern};
use sandbar_catalog::query::{Op, Truncation};
use sandbar_catalog::{Literal, Type};

use super::columns::cut_type;
use super::values::Point;
use crate::query::Cut;

/// What is compared, grouped by or listed: the value, or what stands in its place.
pub(crate) fn cut(value: Expr, cut: Option<Cut>) -> Expr {
    let data_type = cut_type(value.data_type, cut);
    let function = match cut {
        None => return value,
        Some(Cut::Time(Truncation::Grain(grain))) => Function::DateTrunc(grain),
        Some(Cut::Time(Truncation::Part(part))) => Function::Extract(part),
        Some(Cut::Bins(bins)) => Function::Bin(bins),
    };
    Expr::new(ExprKind::Call(function, vec![value]), data_type)
}

/// What an operator wants that this type is not.
pub(super) fn wanted(op: Op, data_type: Type) -> Option<&'static str> {
    match op {
        Op::Contains | Op::NotContains | Op::StartsWith | Op::EndsWith
            if data_type != Type::Text =>
        {
            Some("a text")
        }
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::Between | Op::InRange
            if data_type == Type::Boolean =>
        {
            Some("a value that can be ordered")
        }
        _ => None,
    }
}

fn boolean(kind: ExprKind) -> Expr {
    Expr::new(kind, Type::Boolean)
}

fn compare(value: &Expr, comparison: Comparison, with: Literal) -> Expr {
    let (left, right) = (Box::new(value.clone()), Box::new(Expr::literal(with)));
    boolean(ExprKind::Compare(comparison, left, right))
}

fn or(a: Expr, b: Expr) -> Expr {
    boolean(ExprKind::Or(Box::new(a), Box::new(b)))
}

fn not(a: Expr) -> Expr {
    boolean(ExprKind::Not(Box::new(a)))
}

fn is_null(value: &Expr) -> Expr {
    boolean(ExprKind::IsNull(Box::new(value.clone())))
}

pub(super) fn half_open(value: Expr, from: Literal, to: Literal) -> Expr {
    compare(&value, Comparison::GtEq, from).and(compare(&value, Comparison::Lt, to))
}

/// Halves until one is left: many alternatives make a shallow tree.
fn any(mut parts: Vec<Expr>) -> Expr {
    match parts.len() {
        0 => Expr::literal(Literal::Boolean(false)),
        1 => parts.remove(0),
        n => {
            let rest = parts.split_off(n / 2);
            or(any(parts), any(rest))
        }
    }
}

pub(super) fn test(value: Expr, op: Op, mut points: Vec<Point>, case_sensitive: bool) -> Expr {
    let missing_or = |test: Expr| or(is_null(&value), test);
    match op {
        Op::IsNull => is_null(&value),
        Op::NotNull => not(is_null(&value)),
        Op::Empty if value.data_type == Type::Text => {
            missing_or(compare(&value, Comparison::Eq, Literal::Text(String::new())))
        }
        Op::Empty => is_null(&value),
        Op::NotEmpty if value.data_type == Type::Text => {
            let full = compare(&value, Comparison::NotEq, Literal::Text(String::new()));
            not(is_null(&value)).and(full)
        }
        Op::NotEmpty => not(is_null(&value)),
        Op::Contains | Op::StartsWith | Op::EndsWith => texts(&value, op, points, case_sensitive),
        Op::NotContains => missing_or(not(texts(&value, Op::Contains, points, case_sensitive))),
        Op::Eq | Op::In => one_of(&value, points),
        Op::NotEq | Op::NotIn => missing_or(not(one_of(&value, points))),
        Op::Between | Op::InRange => {
            let (high, low) = (points.pop(), points.pop());
            let below = if op == Op::Between { Comparison::LtEq } else { Comparison::Lt };
            match (low, high) {
                (Some(low), Some(high)) => {
                    ordered(&value, Comparison::GtEq, low).and(ordered(&value, below, high))
                }
                _ => Expr::literal(Literal::Boolean(false)),
            }
        }
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
            let comparison = match op {
                Op::Lt => Comparison::Lt,
                Op::LtEq => Comparison::LtEq,
                Op::Gt => Comparison::Gt,
                _ => Comparison::GtEq,
            };
            match points.pop() {
                Some(point) => ordered(&value, comparison, point),
                None => Expr::literal(Literal::Boolean(false)),
            }
        }
        // Relative stretches are conditions of their own.
        Op::Last | Op::This | Op::Previous => Expr::literal(Literal::Boolean(false)),
    }
}

/// A comparison with the right end of a day: `<=` a day means up to its end.
fn ordered(value: &Expr, comparison: Comparison, point: Point) -> Expr {
    match (point, comparison) {
        (Point::Exact(literal), comparison) => compare(value, comparison, literal),
        (Point::Day(_, next), Comparison::LtEq) => compare(value, Comparison::Lt, next),
        (Point::Day(_, next), Comparison::Gt) => compare(value, Comparison::GtEq, next),
        (Point::Day(start, _), comparison) => compare(value, comparison, start),
    }
}

fn one_of(value: &Expr, points: Vec<Point>) -> Expr {
    let mut exact = Vec::new();
    let mut tests = Vec::new();
    for point in points {
        match point {
            Point::Exact(literal) => exact.push(literal),
            Point::Day(start, next) => tests.push(half_open(value.clone(), start, next)),
        }
    }
    match exact.len() {
        // No value is among none, and yet the field is asked of.
        0 if tests.is_empty() => {
            return not(is_null(value)).and(Expr::literal(Literal::Boolean(false)));
        }
        0 => {}
        1 => tests.extend(exact.into_iter().map(|literal| compare(value, Comparison::Eq, literal))),
        _ => {
            let list = exact.into_iter().map(Expr::literal).collect();
            tests.push(boolean(ExprKind::InList(Box::new(value.clone()), list)));
        }
    }
    any(tests)
}

fn texts(value: &Expr, op: Op, points: Vec<Point>, case_sensitive: bool) -> Expr {
    let tests = points.into_iter().filter_map(|point| match point {
        Point::Exact(Literal::Text(text)) => {
            let escaped = escape(&text);
            let text = match op {
                Op::StartsWith => format!("{escaped}%"),
                Op::EndsWith => format!("%{escaped}"),
                _ => format!("%{escaped}%"),
            };
            let pattern = Pattern { text, case_sensitive };
            Some(boolean(ExprKind::Like(Box::new(value.clone()), pattern)))
        }
        _ => None,
    });
    any(tests.collect())
}

/// The pattern that matches exactly this text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
