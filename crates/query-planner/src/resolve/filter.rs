//! Which rows count: typed conditions over visible fields.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind, Function, Pattern};
use sandbar_catalog::query::{Filter, Op, Truncation, Value};
use sandbar_catalog::{FieldPath, Literal, TableId, Type};

use super::relative::range;
use super::values::{Point, midnight, point};
use super::{Asking, shorten};
use crate::functions::floor_date;
use crate::query::Predicate;

/// The most conditions one question has.
const MAX_CONDITIONS: usize = 1_000;
/// The most values one condition has.
const MAX_VALUES: usize = 10_000;
/// How deeply conditions nest.
const MAX_DEPTH: usize = 32;

impl Asking<'_> {
    /// The conjuncts of the question's filter.
    pub(super) fn filter(&mut self, table: TableId, filter: &Located<Filter>) -> Vec<Predicate> {
        let mut budget = MAX_CONDITIONS;
        let path = if filter.path.is_empty() { "filter" } else { &filter.path };
        match self.condition(table, &filter.value, path, 0, &mut budget) {
            Some(Predicate::And(parts)) => parts,
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    fn condition(
        &mut self,
        table: TableId,
        filter: &Filter,
        path: &str,
        depth: usize,
        budget: &mut usize,
    ) -> Option<Predicate> {
        if depth > MAX_DEPTH {
            let message = format!("conditions nest at most {MAX_DEPTH} deep");
            self.problem("Q0130", path, message);
            return None;
        }
        if *budget == 0 {
            let known = "Q0131";
            if !self.problems.iter().any(|p| p.code == known) {
                let message = format!(
                    "a question has at most {MAX_CONDITIONS} conditions; use `in` for many values"
                );
                self.problem(known, path, message);
            }
            return None;
        }
        *budget -= 1;
        match filter {
            Filter::And(items) | Filter::Or(items) => {
                let word = if matches!(filter, Filter::And(_)) { "and" } else { "or" };
                if items.is_empty() {
                    self.problem("Q0132", path, format!("`{word}` wants at least one condition"));
                    return None;
                }
                let mut parts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}.{word}[{index}]");
                    parts.extend(self.condition(table, &item.value, &path, depth + 1, budget));
                }
                (parts.len() == items.len()).then_some(match filter {
                    Filter::And(_) => Predicate::And(parts),
                    _ => Predicate::Or(parts),
                })
            }
            Filter::Not(inner) => {
                let path = format!("{path}.not");
                let inner = self.condition(table, inner, &path, depth + 1, budget)?;
                Some(Predicate::Not(Box::new(inner)))
            }
            Filter::Segment(name) => self.segment(table, &name.value, path),
            Filter::Field { field, grain, op, values, case_sensitive } => {
                let test = self.field_test(
                    table,
                    &field.value,
                    *grain,
                    *op,
                    values,
                    *case_sensitive,
                    path,
                )?;
                Some(Predicate::Asked(test))
            }
            Filter::Relative { field, op, count, unit } => {
                let name = &field.value;
                let found = self.field(table, name, path)?;
                let data_type = self.compiled.snapshot().field(found.field).data_type;
                if !data_type.is_temporal() {
                    let message = format!(
                        "`{}` wants a date or datetime, and `{}` is a {data_type}",
                        op.name(),
                        shorten(name)
                    );
                    self.problem("Q0133", path, message);
                    return None;
                }
                let days = range(*op, *count, *unit, self.now, &self.clock);
                let ends = days.and_then(|(from, to)| match data_type {
                    Type::Date => Some((Literal::Date(from), Literal::Date(to))),
                    _ => Some((midnight(from, &self.clock.zone)?, midnight(to, &self.clock.zone)?)),
                });
                let Some((from, to)) = ends else {
                    self.problem("Q0134", path, "the stretch of time leaves the calendar");
                    return None;
                };
                let value = Expr::field(found, data_type);
                Some(Predicate::Asked(half_open(value, from, to)))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the members of one condition")]
    fn field_test(
        &mut self,
        table: TableId,
        name: &str,
        grain: Option<Truncation>,
        op: Op,
        values: &[Value],
        case_sensitive: bool,
        path: &str,
    ) -> Option<Expr> {
        let found = self.field(table, name, path)?;
        let stored = self.compiled.snapshot().field(found.field).data_type;
        if let Some(truncation) = grain
            && !self.check_truncation(stored, truncation, name, path)
        {
            return None;
        }
        let (value, data_type) = operand(found, stored, grain);
        if let Some(wanted) = wanted(op, data_type) {
            let message =
                format!("`{}` wants {wanted}, and `{}` is a {data_type}", op.name(), shorten(name));
            self.problem("Q0133", path, message);
            return None;
        }
        if values.len() > MAX_VALUES {
            let message = format!("a condition has at most {MAX_VALUES} values");
            self.problem("Q0135", path, message);
            return None;
        }
        let mut points = Vec::with_capacity(values.len());
        for given in values {
            // A bucket of an hour or less is an instant, a longer one a date.
            match point(given, data_type, &self.clock.zone) {
                Ok(point) => points.push(point),
                Err(wanted) => {
                    let message =
                        format!("`{}` is a {data_type}: this wants {wanted}", shorten(name));
                    self.problem("Q0136", path, message);
                    return None;
                }
            }
        }
        if let Some(Truncation::Grain(grain)) = grain {
            let aligned = |point: &Point| match point {
                Point::Exact(Literal::Date(day)) => {
                    floor_date(*day, grain, self.clock.week_start) == *day
                }
                _ => true,
            };
            if !points.iter().all(aligned) {
                let message = format!("a {} is named by its first day", grain.name());
                self.problem("Q0137", path, message);
                return None;
            }
        }
        Some(test(value, op, points, case_sensitive))
    }
}

/// What is compared: the field, its bucket or its part.
fn operand(path: FieldPath, stored: Type, grain: Option<Truncation>) -> (Expr, Type) {
    let field = Expr::field(path, stored);
    let (function, data_type) = match grain {
        None => return (field, stored),
        Some(Truncation::Grain(grain)) => {
            let bucket = if grain.is_date() { Type::Date } else { Type::Datetime };
            (Function::DateTrunc(grain), bucket)
        }
        Some(Truncation::Part(part)) => (Function::Extract(part), Type::Integer),
    };
    (Expr::new(ExprKind::Call(function, vec![field]), data_type), data_type)
}

/// What an operator wants that this type is not.
fn wanted(op: Op, data_type: Type) -> Option<&'static str> {
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

fn half_open(value: Expr, from: Literal, to: Literal) -> Expr {
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

fn test(value: Expr, op: Op, mut points: Vec<Point>, case_sensitive: bool) -> Expr {
    let missing_or = |test: Expr| or(is_null(&value), test);
    match op {
        Op::IsNull => is_null(&value),
        Op::NotNull => not(is_null(&value)),
        Op::Empty if value.data_type == Type::Text => {
            missing_or(compare(&value, Comparison::Eq, Literal::Text(String::new())))
        }
        Op::Empty => is_null(&value),
        Op::NotEmpty if value.data_type == Type::Text => {
            // NULL gives NULL here, so a missing value does not pass.
            compare(&value, Comparison::NotEq, Literal::Text(String::new()))
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
