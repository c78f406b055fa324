//! Constants as they are written in an expression, and the words for grains, parts and types.

use sqlparser::ast as sql;

use crate::decode::suggest;
use crate::time::{Grain, Part};
use crate::types::{Literal, Type};

use super::ast::Expr;
use super::bind::ExprError;

pub(super) fn temporal_literal(text: &str, target: Type) -> Result<Literal, ExprError> {
    let wrong = || ExprError::new(format!("`{text}` is not a {target}: write `2026-01-31`"));
    match target {
        Type::Date => crate::query::plain_date(text)
            .map(|date| Literal::Date(crate::query::days_since_epoch(date)))
            .ok_or_else(wrong),
        Type::Datetime => crate::query::instant(text, &jiff::tz::TimeZone::UTC)
            .map(Literal::Datetime)
            .ok_or_else(|| {
                ExprError::new(format!(
                    "`{text}` is not a datetime: write `2026-01-31`, `2026-01-31T08:30:00Z` or \
                     `2026-01-31T08:30:00-05:00`"
                ))
            }),
        _ => Err(wrong()),
    }
}

pub(super) fn literal(value: &sql::Value) -> Result<Expr, ExprError> {
    match value {
        sql::Value::Null => Ok(Expr::literal(Literal::Null)),
        sql::Value::Boolean(b) => Ok(Expr::literal(Literal::Boolean(*b))),
        sql::Value::SingleQuotedString(text) => Ok(Expr::literal(Literal::Text(text.clone()))),
        sql::Value::Number(digits, _) => number(digits).map(Expr::literal),
        other => Err(ExprError::new(format!("`{other}` is not a constant of the language"))),
    }
}

pub(super) fn number(digits: &str) -> Result<Literal, ExprError> {
    let wrong = || ExprError::new(format!("`{digits}` is not a number that can be kept exactly"));
    if let Ok(whole) = digits.parse::<i64>() {
        return Ok(Literal::Integer(whole));
    }
    if digits.contains(['e', 'E']) {
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        return if number.is_finite() { Ok(Literal::Number(number)) } else { Err(wrong()) };
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let value: i128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let scale = u8::try_from(fraction.len()).map_err(|_| wrong())?;
    if scale > 38 || value.unsigned_abs() >= 10_u128.pow(38) {
        return Err(wrong());
    }
    Ok(Literal::Decimal { value, scale })
}

pub(super) fn negated(constant: &Literal) -> Result<Literal, ExprError> {
    match constant {
        Literal::Integer(n) => n.checked_neg().map(Literal::Integer),
        Literal::Number(n) => Some(Literal::Number(-n)),
        Literal::Decimal { value, scale } => {
            Some(Literal::Decimal { value: -value, scale: *scale })
        }
        _ => None,
    }
    .ok_or_else(|| {
        ExprError::new(format!("`-` does not apply to {}", constant.data_type().with_article()))
    })
}

pub(super) fn grain_named(tree: &sql::Expr) -> Result<Grain, ExprError> {
    if let sql::Expr::Value(value) = tree
        && let sql::Value::SingleQuotedString(name) = &value.value
    {
        let found = Grain::NAMES.iter().find(|(n, _)| n == name);
        return found.map(|(_, grain)| *grain).ok_or_else(|| {
            ExprError::suggesting(
                format!("unknown grain `{name}`"),
                suggest(name, Grain::NAMES.iter().map(|(n, _)| *n)),
            )
        });
    }
    Err(ExprError::new("the grain is a constant: `date_trunc('month', field)`"))
}

pub(super) fn part_named(name: &str) -> Result<Part, ExprError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "year" => Part::YearNumber,
        "quarter" => Part::QuarterOfYear,
        "month" => Part::MonthOfYear,
        "week" => Part::WeekOfYear,
        "isoyear" => Part::IsoYearNumber,
        "day" => Part::DayOfMonth,
        "doy" => Part::DayOfYear,
        "isodow" => Part::IsoDayOfWeek,
        "day_of_week" => Part::DayOfWeek,
        "hour" => Part::HourOfDay,
        "minute" => Part::MinuteOfHour,
        "second" => Part::SecondOfMinute,
        other => return Err(ExprError::new(format!("unknown part of time `{other}`"))),
    })
}

pub(super) fn named_type(data_type: &sql::DataType) -> Result<Type, ExprError> {
    let text = data_type.to_string().to_ascii_lowercase().replace(' ', "");
    let text = match text.as_str() {
        "int" | "bigint" | "int8" => "integer",
        "double" | "doubleprecision" | "float" => "number",
        "varchar" | "string" => "text",
        "timestamp" => "datetime",
        "bool" => "boolean",
        other => other,
    };
    Type::parse(text).ok_or_else(|| {
        ExprError::suggesting(format!("unknown type `{data_type}`"), suggest(text, Type::NAMES))
    })
}
