//! Values an asker writes, and how texts are read as dates and instants.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::decode::DIGITS;
use crate::types::Literal;

/// A value in a query. Dates and instants are texts; their meaning comes from the field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Missing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number in double precision, of which the shortest digits are meant.
    Number(f64),
    /// A number of more digits than a whole number of 64 bits or a double keeps:
    /// `value / 10^scale`.
    Decimal {
        /// The digits as one whole number.
        value: i128,
        /// How many of the digits stand after the point, 0 to 38.
        scale: u8,
    },
    /// Text.
    Text(String),
}

impl Value {
    /// The number that plain digits say, exactly: a minus perhaps, digits, and perhaps a point and
    /// more digits, at most 38 together.
    pub fn of_digits(text: &str) -> Option<Self> {
        let (value, scale) = plain_digits(text)?;
        Some(match i64::try_from(value) {
            Ok(whole) if scale == 0 => Self::Integer(whole),
            _ => Self::Decimal { value, scale },
        })
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        match self {
            Self::Null => s.serialize_unit(),
            Self::Boolean(b) => s.serialize_bool(*b),
            Self::Integer(n) => s.serialize_i64(*n),
            Self::Number(n) => s.serialize_f64(*n),
            Self::Decimal { value, scale } => {
                let digits = RawValue::from_string(decimal_text(*value, *scale));
                digits.map_err(S::Error::custom)?.serialize(s)
            }
            Self::Text(t) => s.serialize_str(t),
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number, boolean or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Boolean(b))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Integer(n))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        let exact = Value::Decimal { value: i128::from(n), scale: 0 };
        Ok(i64::try_from(n).map_or(exact, Value::Integer))
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Value, E> {
        if n.is_finite() { Ok(Value::Number(n)) } else { Err(E::custom("a number is finite")) }
    }

    /// Our deserializer: a number that no double is, as it is written.
    fn visit_bytes<E: Error>(self, digits: &[u8]) -> Result<Value, E> {
        let read = std::str::from_utf8(digits).ok().and_then(Value::of_digits);
        read.ok_or_else(|| {
            E::custom("a number has at most 38 digits; with an exponent, `1.5e60`, it is a double")
        })
    }

    /// Another deserializer: its numbers are doubles from 64 bits on.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, t: &str) -> Result<Value, E> {
        if t.len() > 64 * 1024 {
            return Err(E::custom("a text has at most 65536 bytes"));
        }
        Ok(Value::Text(t.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(DIGITS, ValueVisitor)
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "null"] })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Number(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Boolean(b)
    }
}

/// Days from 1970-01-01 to `date`.
pub fn days_since_epoch(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    date.duration_since(epoch)
        .as_hours()
        .checked_div(24)
        .and_then(|d| i32::try_from(d).ok())
        .unwrap_or(0)
}

/// The date that many days after 1970-01-01, where the calendar (years −9999 to 9999) has it.
pub fn date_of_days(days: i32) -> Option<Date> {
    let epoch = Date::constant(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// The parts of a text that is a date, or a date and a time of day, with an offset or without. What
/// the parser reads besides and leaves out is refused: a zone or calendar in brackets, a second 60.
fn pieces(text: &str) -> Option<Pieces<'_>> {
    let (_, time) = text.split_once(['T', 't', ' ']).unwrap_or_default();
    let clock = time.split(|c: char| !c.is_ascii_digit() && c != ':').next().unwrap_or_default();
    if text.contains('[') || clock.ends_with("60") { None } else { Pieces::parse(text).ok() }
}

/// The date that a text is, where it is nothing else.
pub fn plain_date(text: &str) -> Option<Date> {
    pieces(text).filter(|pieces| pieces.time().is_none()).map(|pieces| pieces.date())
}

/// Microseconds since the epoch of a text: a date (its first instant in `zone`), a local date and
/// time in `zone`, or an instant with its own offset. A part of a microsecond is no such text.
pub fn instant(text: &str, zone: &TimeZone) -> Option<i64> {
    let pieces = pieces(text)?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    let instant = match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(local),
        None => zone.to_timestamp(local),
    };
    if local.subsec_nanosecond() % 1_000 != 0 {
        return None;
    }
    match instant {
        Ok(instant) => Some(instant.as_microsecond()),
        Err(_) => {
            let days = i64::from(days_since_epoch(local.date()));
            let nearest = || offset_at_the_end(days < 0, zone);
            let offset = pieces.to_numeric_offset().or_else(nearest)?.seconds();
            let of_day = local.time().duration_since(Time::midnight()).as_micros();
            let utc = days.checked_mul(86_400)?.checked_sub(i64::from(offset))?;
            utc.checked_mul(1_000_000)?.checked_add(i64::try_from(of_day).ok()?)
        }
    }
}

/// The offset of the first or last hours of the calendar, which lie beyond what the rules of zones
/// cover: that of the nearest instant within.
pub fn offset_at_the_end(first: bool, zone: &TimeZone) -> Option<Offset> {
    let edge = if first { Timestamp::MIN } else { Timestamp::MAX };
    let inside = edge.as_microsecond() - edge.as_microsecond().signum() * 2_000_000;
    Some(zone.to_offset(Timestamp::from_microsecond(inside).ok()?))
}

/// The whole number that a double is, where it is one for its size alone (from 2^53) and its shortest
/// form has more digits than every double keeps (15): these are not those of the number.
#[expect(clippy::cast_possible_truncation, reason = "a whole number within 128 bits")]
pub fn large_whole(n: f64) -> Option<i128> {
    let text = format!("{:e}", n.abs());
    let digits = text.split('e').next().unwrap_or_default().len().saturating_sub(1);
    ((9_007_199_254_740_992.0..1e38).contains(&n.abs()) && digits > 15).then_some(n as i128)
}

/// The decimal number that a double is written as in its shortest form, or the whole number that a
/// large one is.
pub fn decimal(n: f64) -> Option<Literal> {
    if let Some(value) = large_whole(n) {
        return Some(Literal::Decimal { value, scale: 0 });
    }
    let (value, scale) = plain_digits(&n.to_string())?;
    Some(Literal::Decimal { value, scale })
}

/// Whether a double says the same number as the digits it was read from.
pub(crate) fn keeps(n: f64, digits: &str) -> bool {
    let written = plain_digits(digits).map(|(value, scale)| Literal::Decimal { value, scale });
    written.is_some() && decimal(n) == written
}

/// The number of up to 38 digits that a text without an exponent is: `value / 10^scale`, without
/// zeros at its end.
fn plain_digits(text: &str) -> Option<(i128, u8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 38)?;
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    (value.unsigned_abs() < 10_u128.pow(38)).then_some((value, scale))
}

/// How `value / 10^scale` is written.
pub fn decimal_text(value: i128, scale: u8) -> String {
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(scale));
    let sign = if value < 0 { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a10_a_decimal_keeps_the_digits_that_were_written() {
        assert_eq!(decimal(0.1), Some(Literal::Decimal { value: 1, scale: 1 }));
        assert_eq!(decimal(-12.50), Some(Literal::Decimal { value: -125, scale: 1 }));
        assert_eq!(decimal(3.0), Some(Literal::Decimal { value: 3, scale: 0 }));
        // 2^62, of which the shortest form is 4611686018427388000; and what has that many digits.
        let value = 4_611_686_018_427_387_904;
        assert_eq!(decimal(4.611686018427388e18), Some(Literal::Decimal { value, scale: 0 }));
        let value = 10_i128.pow(23);
        assert_eq!(decimal(1e23), Some(Literal::Decimal { value, scale: 0 }));
        assert_eq!(decimal(1e60), None);
        assert_eq!(decimal(1e-60), None);
    }

    #[test]
    fn a10_up_to_38_digits_are_kept() {
        let most = "9".repeat(38);
        for (text, value, scale) in [
            ("9223372036854775808", 1 << 63, 0),
            ("-9223372036854775809", -(1 << 63) - 1, 0),
            ("12345678901234567.891", 12_345_678_901_234_567_891, 3),
            ("0.50", 5, 1),
            ("-0.05", -5, 2),
            (most.as_str(), 10_i128.pow(38) - 1, 0),
        ] {
            assert_eq!(Value::of_digits(text), Some(Value::Decimal { value, scale }), "{text}");
        }
        for (text, whole) in [("7.00", 7), ("-0", 0), ("9223372036854775807", i64::MAX)] {
            assert_eq!(Value::of_digits(text), Some(Value::Integer(whole)), "{text}");
        }
        let tiny = format!("0.{}1", "0".repeat(38));
        let more = format!("1{most}");
        for text in ["", "-", "+1", "1.", ".5", "1e3", " 1", "1_0", "--1", "NaN", &tiny, &more] {
            assert_eq!(Value::of_digits(text), None, "{text}");
        }
    }

    #[test]
    fn a10_a_number_is_written_as_it_is_read() {
        for text in ["9223372036854775808", "-12345678901234567.891", "0.10000000000000001"] {
            let value = Value::of_digits(text).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
    }

    #[test]
    fn a_plain_date_has_no_time() {
        assert_eq!(plain_date("9999-12-31"), Some(Date::constant(9999, 12, 31)));
        for text in [
            "2026-01-31T00:00:00Z",
            "2026-01-31 00:00:00",
            "2026-01-31T23:00:00[America/New_York]",
            "2026-01-31[UTC]",
            "2026-01-31+05:00",
            "20260131T12",
            "20260131 12",
            "20260131[A]",
            "2026-02-30",
            "soon",
            "",
        ] {
            assert_eq!(plain_date(text), None, "{text}");
        }
    }

    #[test]
    fn days_count_from_1970() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2026-07-01", 20_635)] {
            let date: Date = text.parse().unwrap();
            assert_eq!(days_since_epoch(date), days, "{text}");
            assert_eq!(date_of_days(days), Some(date));
        }
    }

    #[test]
    fn z2_a_date_is_its_first_instant_in_the_zone() {
        let new_york = TimeZone::get("America/New_York").unwrap();
        let five_hours = 5 * 3_600_000_000_i64;
        let utc = instant("2024-01-01", &TimeZone::UTC).unwrap();
        assert_eq!(instant("2024-01-01", &new_york), Some(utc + five_hours));
        assert_eq!(instant("2024-01-01T00:00:00Z", &new_york), Some(utc));
        assert_eq!(instant("2024-01-01 05:00:00", &TimeZone::UTC), Some(utc + five_hours));
        assert_eq!(instant("soon", &TimeZone::UTC), None);
    }

    #[test]
    fn z2_an_instant_has_an_offset_or_none_and_nothing_else() {
        let utc = instant("2024-01-06T01:00:00Z", &TimeZone::UTC).unwrap();
        for text in ["2024-01-05T20:00:00-05:00", "2024-01-06 01:00", "20240106T0600+0500"] {
            assert_eq!(instant(text, &TimeZone::UTC), Some(utc), "{text}");
        }
        // The `60` in an offset is no second.
        assert_eq!(instant("20240106T07+0600", &TimeZone::UTC), Some(utc));
        for text in [
            "2024-01-05 20:00:00[America/New_York]",
            "2024-01-05T20:00:00-05:00[America/New_York]",
            "2024-01-06T01:00:00Z[UTC]",
            "2024-01-06T01:00:00Z[u-ca=gregory]",
            "2024-01-06[America/New_York]",
            "2024-01-05T23:59:60",
            "2024-01-05T23:59:60Z",
            "2024-01-05 23:59:60.5+01:00",
            "20240105t235960Z",
        ] {
            assert_eq!(instant(text, &TimeZone::UTC), None, "{text}");
        }
    }

    /// The last instant of the rules of zones is 9999-12-30T22:00:00.999999999Z: ten hours west, this
    /// one is later, on the day 2,932,896 after the first of 1970.
    #[test]
    fn z2_an_offset_is_not_left_out_where_it_leads_too_far() {
        let text = "9999-12-31T00:00:00";
        let kiritimati = TimeZone::get("Pacific/Kiritimati").unwrap();
        assert!(instant(text, &kiritimati).is_some());
        let there = (2_932_896 * 24 + 10) * 3_600_000_000;
        assert_eq!(instant(&format!("{text}-10:00"), &kiritimati), Some(there));
        assert_eq!(instant("9999-12-31T23:59:60", &kiritimati), None);
    }
}
