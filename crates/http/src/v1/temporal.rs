//! The values that times are compared with: dates and instants, or the numbers of their parts.

use sandbar::query::Value;
use sandbar::time::{Grain, Part};
use sandbar::{Session, Truncation};

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

/// A value that a bucket of a time is compared with.
pub(super) fn bucketed(session: &Session, bucket: Bucket, value: &Value) -> Result<Value, Refusal> {
    match bucket.0 {
        Truncation::Part(Part::DayOfYear) => day_of_year(session, value),
        // Monday is 1 in a filter, whatever the first day of a week is.
        Truncation::Part(of) => part(of, value),
        Truncation::Grain(grain) => {
            let text = time(value)?;
            let bucket = session.bucket_of(text, grain);
            bucket.map(Value::Text).ok_or_else(|| no_time(text))
        }
    }
}

/// A date or instant that a time itself is compared with.
pub(super) fn exact(value: &Value) -> Result<Value, Refusal> {
    time(value).map(|text| Value::Text(text.to_owned()))
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
    let shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    refused(format!(
        "Filter value `{shown}` is not a time: write a date such as `2026-01-31`, or an instant \
         such as `2026-01-31T15:00:00Z`"
    ))
}

/// Of this one part a date says the number; a small number is taken for a relative time.
fn day_of_year(session: &Session, value: &Value) -> Result<Value, Refusal> {
    if let Value::Integer(number) = value
        && *number >= 100
    {
        return part(Part::DayOfYear, value);
    }
    let text = time(value)?;
    let day = session.bucket_of(text, Grain::Day).ok_or_else(|| no_time(text))?;
    ordinal(&day).map(Value::Integer).ok_or_else(|| no_time(text))
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
    use super::ordinal;

    #[test]
    fn days_of_a_year() {
        for (day, wanted) in
            [("2024-01-01", 1), ("2024-12-31", 366), ("2023-03-01", 60), ("2000-03-01", 61)]
        {
            assert_eq!(ordinal(day), Some(wanted), "{day}");
        }
    }
}
