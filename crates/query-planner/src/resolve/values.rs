//! Values of a question, read as values of the field they are compared with.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use sandbar_catalog::query::{Value, days_since_epoch, decimal, instant};
use sandbar_catalog::{Literal, Type};

use crate::functions::midnight_of;

/// A value to compare with: one constant, or a whole day of instants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Point {
    Exact(Literal),
    /// From the first instant up to, but without, the second.
    Day(Literal, Literal),
}

/// Reads `value` as a value of `data_type`; the error says what is wanted.
pub(super) fn point(
    value: &Value,
    data_type: Type,
    zone: &TimeZone,
) -> Result<Point, &'static str> {
    let exact = |literal| Ok(Point::Exact(literal));
    match (data_type, value) {
        (_, Value::Null) => Err("a value; ask for missing values with `is_null`"),
        (Type::Boolean, Value::Boolean(b)) => exact(Literal::Boolean(*b)),
        (Type::Boolean, _) => Err("true or false"),
        (Type::Number, Value::Integer(n)) if n.unsigned_abs() <= 1 << 53 =>
        {
            #[expect(clippy::cast_precision_loss, reason = "nothing is lost")]
            exact(Literal::Number(*n as f64))
        }
        (Type::Integer | Type::Number | Type::Decimal { .. }, Value::Integer(n)) => {
            exact(Literal::Integer(*n))
        }
        (Type::Integer | Type::Number | Type::Decimal { .. }, Value::Decimal { value, scale }) => {
            exact(Literal::Decimal { value: *value, scale: *scale })
        }
        (Type::Number, Value::Number(n)) => exact(Literal::Number(*n)),
        (Type::Integer | Type::Decimal { .. }, Value::Number(n)) => {
            exact(decimal(*n).unwrap_or(Literal::Number(*n)))
        }
        (Type::Integer | Type::Number | Type::Decimal { .. }, _) => {
            Err("a number, written without quotes")
        }
        (Type::Text, Value::Text(text)) => exact(Literal::Text(text.clone())),
        (Type::Text, _) => Err("a text, written in quotes"),
        (Type::Date, Value::Text(text)) => {
            exact(Literal::Date(date(text).ok_or("a date such as `2026-01-31`")?))
        }
        (Type::Date, _) => Err("a date such as `2026-01-31`"),
        (Type::Datetime, Value::Text(text)) => datetime(text, zone),
        (Type::Datetime, _) => Err(DATETIME),
        (Type::Other | Type::Null, _) => Err("only `is_null` or `not_null`"),
    }
}

/// A day without a change of clocks, in microseconds.
const DAY: i64 = 86_400_000_000;
const DATETIME: &str = "a date such as `2026-01-31`, which means the whole day, or an instant \
                        such as `2026-01-31T15:00:00Z`";

fn datetime(text: &str, zone: &TimeZone) -> Result<Point, &'static str> {
    match date(text) {
        Some(day) => {
            let next = day.checked_add(1).ok_or(DATETIME)?;
            let start = midnight_of(day, zone).ok_or(DATETIME)?;
            // The last day of the calendar has no next one, and ends all the same.
            let end = midnight_of(next, zone).unwrap_or(start.saturating_add(DAY));
            Ok(Point::Day(Literal::Datetime(start), Literal::Datetime(end)))
        }
        None => Ok(Point::Exact(Literal::Datetime(instant(text, zone).ok_or(DATETIME)?))),
    }
}

/// The first instant of a day in a zone.
pub(super) fn midnight(day: i32, zone: &TimeZone) -> Option<Literal> {
    midnight_of(day, zone).map(Literal::Datetime)
}

/// A date and nothing else.
fn date(text: &str) -> Option<i32> {
    let date: Date = (text.len() <= 13).then(|| text.parse().ok())??;
    (date.to_string() == text).then(|| days_since_epoch(date))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn z2_a_day_has_23_hours_when_clocks_go_forward() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let day = point(&Value::from("2024-03-10"), Type::Datetime, &zone).unwrap();
        let Point::Day(Literal::Datetime(start), Literal::Datetime(end)) = day else {
            unreachable!("a date is a day");
        };
        assert_eq!(end - start, 23 * 3_600_000_000);
    }

    /// 9999-12-31 is the day 2,932,896 after the first of 1970.
    #[test]
    fn z2_the_last_day_of_the_calendar_has_an_end() {
        for (name, hours) in [("Etc/UTC", 0), ("Europe/Berlin", 1), ("America/New_York", -5)] {
            let zone = TimeZone::get(name).unwrap();
            let start = (2_932_896 * 24 - hours) * 3_600_000_000;
            let day = point(&Value::from("9999-12-31"), Type::Datetime, &zone).unwrap();
            let end = Literal::Datetime(start + 24 * 3_600_000_000);
            assert_eq!(day, Point::Day(Literal::Datetime(start), end), "{name}");
            let noon = point(&Value::from("9999-12-31T12:00:00"), Type::Datetime, &zone).unwrap();
            let noon_there = Literal::Datetime(start + 12 * 3_600_000_000);
            assert_eq!(noon, Point::Exact(noon_there), "{name}");
            let noon = point(&Value::from("9999-12-31T12:00:00Z"), Type::Datetime, &zone).unwrap();
            let noon_utc = Literal::Datetime((2_932_896 * 24 + 12) * 3_600_000_000);
            assert_eq!(noon, Point::Exact(noon_utc), "{name}");
        }
    }

    #[test]
    fn only_a_plain_date_is_a_day() {
        for text in ["2024-3-1", "20240301", "2024-03-01T00:00", "tomorrow", ""] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
