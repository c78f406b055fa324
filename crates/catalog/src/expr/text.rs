//! An expression in the words of the language that it was written in.

use crate::FieldPath;
use crate::query::decimal_text;
use crate::types::Literal;

use super::ast::{Arithmetic, Comparison, Expr, ExprKind};
use super::functions::Function;

/// What stands for the leaves of an expression in a text.
pub trait Names {
    /// A field.
    fn field(&self, path: &FieldPath) -> String;
    /// A value of the step before.
    fn input(&self, index: usize) -> String;
}

impl Expr {
    /// The expression as an author would write it. Only for people to read: what it gives is
    /// never parsed again.
    pub fn text(&self, names: &dyn Names) -> String {
        self.written(names, 0)
    }

    /// `binds` says how strongly what is around it binds; weaker expressions stand in brackets.
    fn written(&self, names: &dyn Names, binds: u8) -> String {
        let of = |expr: &Expr, binds: u8| expr.written(names, binds);
        let list =
            |items: &[Expr]| items.iter().map(|item| of(item, 0)).collect::<Vec<_>>().join(", ");
        let (text, strength) = match &self.kind {
            ExprKind::Literal(literal) => (constant(literal), 9),
            ExprKind::Field(path) => (names.field(path), 9),
            ExprKind::Input(index) => (names.input(*index), 9),
            ExprKind::Attribute(name) => (format!("attribute.{name}"), 9),
            ExprKind::Not(a) => (format!("not {}", of(a, 4)), 3),
            ExprKind::And(a, b) => (format!("{} and {}", of(a, 2), of(b, 2)), 2),
            ExprKind::Or(a, b) => (format!("{} or {}", of(a, 1), of(b, 1)), 1),
            ExprKind::Compare(op, a, b) => (format!("{} {} {}", of(a, 5), sign(*op), of(b, 5)), 4),
            ExprKind::InList(a, items) => (format!("{} in ({})", of(a, 5), list(items)), 4),
            ExprKind::InRows(a, _) => (format!("{} in (select …)", of(a, 5)), 4),
            ExprKind::Between(x, low, high) => {
                (format!("{} between {} and {}", of(x, 5), of(low, 5), of(high, 5)), 4)
            }
            ExprKind::IsNull(a) => (format!("{} is null", of(a, 5)), 4),
            ExprKind::Like(a, pattern) => {
                let like = if pattern.case_sensitive { "like" } else { "ilike" };
                (format!("{} {like} {}", of(a, 5), quoted(&pattern.text)), 4)
            }
            ExprKind::Arithmetic(op, a, b) => {
                let (op, strength) = match op {
                    Arithmetic::Add => ("+", 5),
                    Arithmetic::Subtract => ("-", 5),
                    Arithmetic::Multiply => ("*", 6),
                    Arithmetic::Divide => ("/", 6),
                };
                (format!("{} {op} {}", of(a, strength), of(b, strength + 1)), strength)
            }
            ExprKind::Negate(a) => (format!("-{}", of(a, 8)), 7),
            ExprKind::Case(arms, otherwise) => {
                let arms = arms
                    .iter()
                    .map(|(when, then)| format!(" when {} then {}", of(when, 0), of(then, 0)));
                let mut text = format!("case{}", arms.collect::<String>());
                if let Some(otherwise) = otherwise {
                    text.push_str(&format!(" else {}", of(otherwise, 0)));
                }
                (format!("{text} end"), 9)
            }
            ExprKind::Call(function, args) => (call(*function, &list(args)), 9),
            ExprKind::Cast { value, strict } => {
                let cast = if *strict { "cast" } else { "try_cast" };
                (format!("{cast}({} as {})", of(value, 0), self.data_type), 9)
            }
            ExprKind::Aggregate(aggregate) => {
                let distinct = if aggregate.distinct { "distinct " } else { "" };
                let argument = match &aggregate.argument {
                    Some(argument) => format!("{distinct}{}", of(argument, 0)),
                    None => "*".to_owned(),
                };
                let mut text = format!("{}({argument})", aggregate.function.name());
                if let Some(filter) = &aggregate.filter {
                    text.push_str(&format!(" filter (where {})", of(filter, 0)));
                }
                (text, 9)
            }
        };
        if strength < binds { format!("({text})") } else { text }
    }
}

fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => "=",
        Comparison::NotEq => "<>",
        Comparison::Lt => "<",
        Comparison::LtEq => "<=",
        Comparison::Gt => ">",
        Comparison::GtEq => ">=",
        Comparison::Distinct => "is distinct from",
        Comparison::NotDistinct => "is not distinct from",
    }
}

fn call(function: Function, args: &str) -> String {
    match function {
        Function::DateTrunc(grain) => format!("date_trunc('{}', {args})", grain.name()),
        Function::Bin(bins) => {
            let (width, start, unit) = bins.parts();
            let per = if unit == 1 { String::new() } else { format!(" / {unit}") };
            let start = if start == 0 { String::new() } else { format!(", {start}{per}") };
            format!("bin({args}, {width}{per}{start})")
        }
        Function::Extract(part) => format!("{}({args})", part.name()),
        _ => {
            let known = Function::NAMES.iter().find(|(_, f)| *f == function);
            format!("{}({args})", known.map_or("?", |(name, _)| name))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn constant(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(b) => b.to_string(),
        Literal::Integer(n) => n.to_string(),
        Literal::Number(n) => format!("{n:?}"),
        Literal::Decimal { value, scale } => decimal_text(*value, *scale),
        Literal::Text(text) => quoted(text),
        Literal::Date(day) => {
            let epoch = jiff::civil::Date::constant(1970, 1, 1);
            let date = jiff::Span::new()
                .try_days(i64::from(*day))
                .and_then(|days| epoch.checked_add(days));
            date.map_or_else(|_| format!("day {day}"), |date| format!("date '{date}'"))
        }
        Literal::Datetime(micros) => match jiff::Timestamp::from_microsecond(*micros) {
            Ok(at) => format!("timestamp '{at}'"),
            Err(_) => format!("instant {micros}"),
        },
    }
}
