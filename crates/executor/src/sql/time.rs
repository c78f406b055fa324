//! Days, buckets and parts of time. Every text is one that anything can be put before or behind.

use sandbar_query_planner::Calendar;
use sandbar_query_planner::words::{Grain, NamedAfter, Part, RelativeUnit};

use super::NoSqlText;

/// A text of a day or an instant.
pub(super) enum Moment {
    Day(String),
    /// An instant without a zone: one of UTC.
    Local(String),
    Instant(String),
}

/// The day and time that clocks in the calendar's zone show.
pub(super) fn local(moment: &Moment, calendar: &Calendar) -> Result<String, NoSqlText> {
    let unnamed = || NoSqlText::Unknown("a time zone without a name".to_owned());
    let zone = || calendar.zone.as_deref().ok_or_else(unnamed);
    let quoted = |zone: &str| zone.replace('\'', "''");
    Ok(match moment {
        Moment::Day(text) => format!("CAST({text} AS TIMESTAMP)"),
        Moment::Local(text) if is_utc(calendar) => text.clone(),
        Moment::Local(text) => {
            format!("({text} AT TIME ZONE 'UTC' AT TIME ZONE '{}')", quoted(zone()?))
        }
        Moment::Instant(text) => format!("({text} AT TIME ZONE '{}')", quoted(zone()?)),
    })
}

fn is_utc(calendar: &Calendar) -> bool {
    matches!(calendar.zone.as_deref(), Some("UTC" | "Etc/UTC"))
}

/// The bucket of a day or instant: a date for a day and coarser, else the instant it starts at.
pub(super) fn bucket(
    moment: &Moment,
    grain: Grain,
    calendar: &Calendar,
) -> Result<String, NoSqlText> {
    let shown = local(moment, calendar)?;
    if grain.is_date() {
        return Ok(match (moment, grain) {
            (Moment::Day(text), Grain::Day) => text.clone(),
            _ => floor_of(&shown, grain, calendar),
        });
    }
    let unit = grain.name();
    if let Moment::Day(_) = moment {
        return Ok(format!("({shown} AT TIME ZONE 'UTC')"));
    }
    if is_utc(calendar) {
        return Ok(format!("(date_trunc('{unit}', {shown}) AT TIME ZONE 'UTC')"));
    }
    // By what has passed of it: an hour that is there twice has two buckets.
    let instant = match moment {
        Moment::Instant(text) => text.clone(),
        Moment::Local(text) | Moment::Day(text) => format!("({text} AT TIME ZONE 'UTC')"),
    };
    Ok(format!("({instant} - ({shown} - date_trunc('{unit}', {shown})))"))
}

/// The first day of the bucket in which a day lies, or the day of a time.
pub(super) fn floor(day: &str, grain: Grain, calendar: &Calendar) -> String {
    floor_of(&format!("CAST({day} AS TIMESTAMP)"), grain, calendar)
}

/// The same of a time without a zone.
fn floor_of(time: &str, grain: Grain, calendar: &Calendar) -> String {
    let by_months = |unit: &str, months: u8| {
        if months == 0 {
            return format!("CAST(date_trunc('{unit}', {time}) AS DATE)");
        }
        let shift = format!("INTERVAL '{months} month'");
        format!("CAST(date_trunc('{unit}', {time} - {shift}) + {shift} AS DATE)")
    };
    let starts = calendar.fiscal.starts.saturating_sub(1);
    match grain {
        Grain::Second | Grain::Minute | Grain::Hour | Grain::Day => format!("CAST({time} AS DATE)"),
        Grain::Week => match calendar.week_start.days_before_monday() {
            0 => by_months("week", 0),
            days => format!(
                "(CAST(date_trunc('week', {time} + INTERVAL '{days} day') AS DATE) - {days})"
            ),
        },
        Grain::Month => by_months("month", 0),
        Grain::Quarter => by_months("quarter", 0),
        Grain::Year => by_months("year", 0),
        Grain::FiscalQuarter => by_months("quarter", starts % 3),
        Grain::FiscalYear => by_months("year", starts),
    }
}

/// A part of a day or instant, as a whole number.
pub(super) fn part(moment: &Moment, part: Part, calendar: &Calendar) -> Result<String, NoSqlText> {
    let shown = local(moment, calendar)?;
    let extract = |unit: &str| format!("CAST(extract({unit} FROM {shown}) AS BIGINT)");
    let starts = calendar.fiscal.starts.saturating_sub(1);
    let fiscal = |unit: &str| {
        format!("CAST(extract({unit} FROM {shown} - INTERVAL '{starts} month') AS BIGINT)")
    };
    Ok(match part {
        Part::YearNumber => extract("year"),
        Part::QuarterOfYear => extract("quarter"),
        Part::MonthOfYear => extract("month"),
        Part::WeekOfYear => extract("week"),
        Part::IsoYearNumber => extract("isoyear"),
        Part::DayOfYear => extract("doy"),
        Part::DayOfMonth => extract("day"),
        Part::DayOfWeek => match calendar.week_start.days_before_monday() {
            0 => extract("isodow"),
            days => format!("(({} - 1 + {days}) % 7 + 1)", extract("isodow")),
        },
        Part::IsoDayOfWeek => extract("isodow"),
        Part::HourOfDay => extract("hour"),
        Part::MinuteOfHour => extract("minute"),
        Part::SecondOfMinute => {
            format!("CAST(extract(second FROM date_trunc('second', {shown})) AS BIGINT)")
        }
        Part::FiscalYearNumber => {
            let later = starts > 0 && calendar.fiscal.named_after == NamedAfter::End;
            if later { format!("({} + 1)", fiscal("year")) } else { fiscal("year") }
        }
        Part::FiscalQuarterOfYear => fiscal("quarter"),
    })
}

/// A length of time.
pub(super) fn interval(count: u32, unit: RelativeUnit) -> String {
    match unit {
        RelativeUnit::Day => format!("INTERVAL '{count} day'"),
        RelativeUnit::Week => format!("INTERVAL '{} day'", u64::from(count) * 7),
        RelativeUnit::Month => format!("INTERVAL '{count} month'"),
        RelativeUnit::Quarter => format!("INTERVAL '{} month'", u64::from(count) * 3),
        RelativeUnit::Year => format!("INTERVAL '{} month'", u64::from(count) * 12),
    }
}

/// The length of a bucket that starts on a day.
pub(super) fn length(grain: Grain) -> &'static str {
    match grain {
        Grain::Second | Grain::Minute | Grain::Hour | Grain::Day => "INTERVAL '1 day'",
        Grain::Week => "INTERVAL '7 day'",
        Grain::Month => "INTERVAL '1 month'",
        Grain::Quarter | Grain::FiscalQuarter => "INTERVAL '3 month'",
        Grain::Year | Grain::FiscalYear => "INTERVAL '12 month'",
    }
}
