//! One value of an answer compared with one that an author wrote.
//!
//! Whole numbers and decimals are compared exactly; doubles may differ by 1e-9 of their size.

use jiff::tz::TimeZone;
use sandbar_catalog::query::{Value, decimal, decimal_text, instant};
use sandbar_catalog::{Literal, Type};
use serde_json::Value as Json;

/// How much doubles may differ, as a share of the larger one.
const TOLERANCE: f64 = 1e-9;

/// Whether the values are the same.
pub(super) fn same(wanted: &Value, found: &Json, data_type: Type) -> bool {
    if *wanted == Value::Null || found.is_null() {
        return *wanted == Value::Null && found.is_null();
    }
    match data_type {
        Type::Boolean => matches!((wanted, found), (Value::Boolean(a), Json::Bool(b)) if a == b),
        Type::Integer | Type::Decimal { .. } => {
            let wanted = written_number(wanted);
            let wanted = wanted.as_deref().and_then(exact);
            wanted.is_some() && wanted == exact(&found_text(found))
        }
        Type::Number => match (double(wanted), found_text(found).parse::<f64>().ok()) {
            (Some(a), Some(b)) => {
                a == b
                    || a.is_nan() && b.is_nan()
                    || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
                        && a.is_finite()
                        && b.is_finite()
            }
            _ => false,
        },
        Type::Datetime => {
            let at = |text: &str| instant(text, &TimeZone::UTC);
            match wanted {
                Value::Text(text) => at(text).is_some() && at(text) == at(&found_text(found)),
                _ => false,
            }
        }
        Type::Text | Type::Date | Type::Other | Type::Null => {
            matches!((wanted, found), (Value::Text(a), Json::String(b)) if a == b)
        }
    }
}

/// The digits of a number; `None` of what is no number.
fn written_number(value: &Value) -> Option<String> {
    match value {
        Value::Integer(n) => Some(n.to_string()),
        Value::Number(n) => match decimal(*n) {
            Some(Literal::Decimal { value, scale }) => Some(decimal_text(value, scale)),
            _ => Some(n.to_string()),
        },
        Value::Decimal { value, scale } => Some(decimal_text(*value, *scale)),
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::Boolean(_) => None,
    }
}

/// A decimal number as its sign, its digits before the point, and those after it without zeros at
/// the end.
fn exact(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(rest) || digits.ends_with('.') {
        return None;
    }
    let (whole, rest) = (whole.trim_start_matches('0'), rest.trim_end_matches('0'));
    let zero = whole.is_empty() && rest.is_empty();
    Some((negative && !zero, whole, rest))
}

#[expect(clippy::cast_precision_loss, reason = "it is compared within a tolerance")]
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Number(n) => Some(*n),
        Value::Decimal { value, scale } => decimal_text(*value, *scale).parse().ok(),
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Boolean(_) => None,
    }
}

/// A value as its author may have written it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Decimal { value, scale } => decimal_text(*value, *scale),
        Value::Text(value) => value.clone(),
    }
}

/// A value of an answer.
pub(super) fn found_text(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMAL: Type = Type::Decimal { precision: 38, scale: 2 };

    #[track_caller]
    fn check(wanted: impl Into<Value>, found: impl Into<Json>, data_type: Type, expected: bool) {
        let (wanted, found) = (wanted.into(), found.into());
        assert_eq!(same(&wanted, &found, data_type), expected, "{wanted:?} {found} {data_type}");
    }

    #[test]
    fn whole_numbers_and_decimals_are_exact() {
        check(3, 3, Type::Integer, true);
        check(3, 4, Type::Integer, false);
        check(-3, -3, Type::Integer, true);
        check(3.0, 3, Type::Integer, true);
        check("3", 3, Type::Integer, true);
        check(9_007_199_254_740_993, "9007199254740993", Type::Integer, true);
        check(9_007_199_254_740_993, "9007199254740992", Type::Integer, false);
        check(118_760.34, "118760.34", DECIMAL, true);
        check(118_760.34, "118760.35", DECIMAL, false);
        check(118_760.34, "118760.3400", DECIMAL, true);
        check(12, "12.00", DECIMAL, true);
        check(-0.5, "-0.50", DECIMAL, true);
        check(0, "0.00", DECIMAL, true);
        check(-0.0, "0.00", DECIMAL, true);
        check("12345678901234567890.12", "12345678901234567890.12", DECIMAL, true);
        check("12345678901234567890.12", "12345678901234567890.13", DECIMAL, false);
        let long = || Value::Decimal { value: 12_345_678_901_234_567_891, scale: 3 };
        check(long(), "12345678901234567.891", DECIMAL, true);
        check(long(), "12345678901234567.890", DECIMAL, false);
        check(0.123_456_789_012_345_6, "0.1234567890123456", DECIMAL, true);
        // 2^62, of which the shortest digits are those of another number.
        check(4.611_686_018_427_388e18, "4611686018427387904", Type::Integer, true);
        check(4.611_686_018_427_388e18, "4611686018427388000", Type::Integer, false);
        check("12.", "12.00", DECIMAL, false);
        check("many", "12.00", DECIMAL, false);
        check(true, 1, Type::Integer, false);
    }

    #[test]
    fn doubles_may_differ_by_a_billionth() {
        check(0.1, 0.1, Type::Number, true);
        check(1.0, 1.000_000_000_5, Type::Number, true);
        check(1.0, 1.000_000_002, Type::Number, false);
        check(2, 2.0, Type::Number, true);
        check(0, 1e-300, Type::Number, false);
        check("NaN", "NaN", Type::Number, true);
        check("inf", "inf", Type::Number, true);
        check("inf", "-inf", Type::Number, false);
        check(1e308, "inf", Type::Number, false);
    }

    #[test]
    fn a_missing_value_is_only_itself() {
        for data_type in [Type::Integer, Type::Number, Type::Text, Type::Boolean, DECIMAL] {
            check(Value::Null, Json::Null, data_type, true);
            check(Value::Null, "", data_type, false);
            check(0, Json::Null, data_type, false);
            check("null", Json::Null, data_type, false);
        }
    }

    #[test]
    fn texts_days_and_instants_are_what_they_say() {
        check("CA", "CA", Type::Text, true);
        check("CA", "ca", Type::Text, false);
        check(42, "42", Type::Text, false);
        check(true, true, Type::Boolean, true);
        check("true", true, Type::Boolean, false);
        check("2026-01-31", "2026-01-31", Type::Date, true);
        check("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z", Type::Datetime, true);
        check("2026-01-31", "2026-01-31T00:00:00Z", Type::Datetime, true);
        check("2026-01-31T01:00:00+01:00", "2026-01-31T00:00:00Z", Type::Datetime, true);
        check("2026-01-31T00:00:01Z", "2026-01-31T00:00:00Z", Type::Datetime, false);
        check("soon", "soon", Type::Datetime, false);
        // A zone in brackets would be passed over, and a second 60 be the one before.
        let berlin = "2026-01-31T00:00:00[Europe/Berlin]";
        check(berlin, "2026-01-31T00:00:00Z", Type::Datetime, false);
        check("2026-01-30T23:59:60Z", "2026-01-30T23:59:59Z", Type::Datetime, false);
    }
}
