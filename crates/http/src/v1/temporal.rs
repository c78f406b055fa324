//! The values that times are compared with: dates and instants, or the numbers of their parts.

use sandbar::query::Value;
use sandbar::time::{Grain, Part};
use sandbar::{Session, Truncation, Type};

use super::refusal::Refusal;
use super::words::Bucket;

fn refused(text: impl Into<String>) -> Refusal {
    Refusal::invalid("H0206", text)
}

/// What a part of a time can be, and what people call it.
fn range(part: Part) -> (i64, i64, &'static str) {
    match part {
        Part::YearNumber | Part::IsoYearNumber | Part::FiscalYearNumber => (0, 9999, "year"),
        Part::QuarterOfYear | Part::FiscalQuarterOfYear => (1, 4, "quarter-of-year"),
        Part::MonthOfYear => (1, 12, "month-of-year"),
        Part::WeekOfYear => (1, 53, "week-of-year"),
        Part::DayOfYear => (1, 366, "day-of-year"),
        Part::DayOfMonth => (1, 31, "day-of-month"),
        Part::DayOfWeek | Part::IsoDayOfWeek => (1, 7, "day-of-week"),
        Part::HourOfDay => (0, 23, "hour-of-day"),
        Part::MinuteOfHour => (0, 59, "minute-of-hour"),
        Part::SecondOfMinute => (0, 59, "second-of-minute"),
    }
}

/// A number of a part of a time.
pub(super) fn part(part: Part, value: &Value) -> Result<Value, Refusal> {
    let (first, last, name) = range(part);
    let monday = if name == "day-of-week" { ", 1 is Monday" } else { "" };
    let wanted = format!("{name} takes whole numbers from {first} to {last}{monday}");
    let number = match value {
        Value::Integer(number) => *number,
        Value::Text(text) => match text.trim().parse() {
            Ok(number) => number,
            Err(_) => {
                let text = format!("Filter value is not a number: {wanted}, not dates or texts");
                return Err(refused(text));
            }
        },
        _ => return Err(refused(format!("Filter value is not a whole number: {wanted}"))),
    };
    if number < first || number > last {
        return Err(refused(format!("Filter value {number} is out of range: {wanted}")));
    }
    Ok(Value::Integer(number))
}

/// A value that a bucket of a time of this type is compared with.
pub(super) fn bucketed(
    session: &Session,
    of: Type,
    bucket: Bucket,
    value: &Value,
) -> Result<Value, Refusal> {
    match bucket.0 {
        Truncation::Part(Part::DayOfYear) => day_of_year(session, of, value),
        // Monday is 1 in a filter, whatever the first day of a week is.
        Truncation::Part(of) => part(of, value),
        Truncation::Grain(grain) => {
            let text = time(value)?;
            let meant = if grain.is_date() { day(of, text)? } else { text };
            let bucket = session.bucket_of(meant, grain);
            bucket.map(Value::Text).ok_or_else(|| no_time(text))
        }
    }
}

/// A date or instant that a time itself of this type is compared with.
pub(super) fn exact(of: Type, value: &Value) -> Result<Value, Refusal> {
    let text = time(value)?;
    let text = if of == Type::Date { day(of, text)? } else { text };
    Ok(Value::Text(text.to_owned()))
}

/// What a text says where days are meant: a date, also as it is written in answers, or of instants
/// one of them. A field of dates has no zone in which an instant would be on some day.
fn day(of: Type, text: &str) -> Result<&str, Refusal> {
    let date = written(text);
    let plain = || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match (date, of) {
        (Some(date), _) => Ok(date),
        (None, Type::Date) if !plain() => Err(refused(format!(
            "Filter value `{}` is not a date, and the field has dates: write one such as \
             `2026-01-31` or `2026-01-31T00:00:00Z`, without another time of day",
            shown(text)
        ))),
        (None, _) => Ok(text),
    }
}

/// The date of a text that has one as answers do, `2026-01-31T00:00:00Z`, or with no zone.
fn written(text: &str) -> Option<&str> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zeros = ["Z", "z", "+00:00", "-00:00", "+0000", "+00"];
    let time = zeros.into_iter().find_map(|zero| time.strip_suffix(zero)).unwrap_or(time);
    let midnight = match time.split_once('.') {
        None => time == "00:00:00" || time == "00:00",
        Some((clock, part)) => {
            clock == "00:00:00" && !part.is_empty() && part.bytes().all(|digit| digit == b'0')
        }
    };
    midnight.then_some(date)
}

fn time(value: &Value) -> Result<&str, Refusal> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Integer(number) if *number < 100 => Err(refused(format!(
            "Filter value {number} looks like a relative time: compute the actual date, and write \
             it such as `2026-01-31`"
        ))),
        _ => Err(refused(
            "Filter value is not a time: write a date such as `2026-01-31`, or an instant such as \
             `2026-01-31T15:00:00Z`",
        )),
    }
}

fn no_time(text: &str) -> Refusal {
    refused(format!(
        "Filter value `{}` is not a time: write a date such as `2026-01-31`, or an instant such as \
         `2026-01-31T15:00:00Z`",
        shown(text)
    ))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Of this one part a date says the number; a small number is taken for a relative time.
fn day_of_year(session: &Session, of: Type, value: &Value) -> Result<Value, Refusal> {
    if let Value::Integer(number) = value
        && *number >= 100
    {
        return part(Part::DayOfYear, value);
    }
    let text = time(value)?;
    let date = session.bucket_of(day(of, text)?, Grain::Day).ok_or_else(|| no_time(text))?;
    ordinal(&date).map(Value::Integer).ok_or_else(|| no_time(text))
}

/// The number of a day in its year.
fn ordinal(day: &str) -> Option<i64> {
    let mut parts = day.rsplitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = usize::try_from(month).ok()?.checked_sub(1)?;
    Some(lengths.iter().take(months).sum::<i64>() + day)
}

#[cfg(test)]
mod tests {
    use super::{ordinal, written};

    #[test]
    fn dates_as_answers_have_them() {
        let forms = ["00:00:00Z", "00:00:00.000Z", "00:00:00+00:00", "00:00Z", "00:00:00"];
        for time in forms {
            assert_eq!(written(&format!("1946-04-16T{time}")), Some("1946-04-16"), "{time}");
        }
        for time in ["00:00:01Z", "00:00:00.001Z", "00:00:00.Z", "00:00:00+02:00", "12:00:00Z", ""]
        {
            assert_eq!(written(&format!("1946-04-16T{time}")), None, "{time}");
        }
        assert_eq!(written("1946-04-16"), None);
    }

    #[test]
    fn days_of_a_year() {
        for (day, wanted) in
            [("2024-01-01", 1), ("2024-12-31", 366), ("2023-03-01", 60), ("2000-03-01", 61)]
        {
            assert_eq!(ordinal(day), Some(wanted), "{day}");
        }
    }
}
