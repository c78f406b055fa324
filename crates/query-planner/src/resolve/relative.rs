//! Stretches of time counted from now, as half-open ranges of local days.

use jiff::Timestamp;
use sandbar_catalog::query::{Op, RelativeUnit, days_since_epoch};

use crate::functions::{Clock, calendar_shift, floor_date};

/// From the first day up to, but without, the second (days since 1970-01-01). `None`: outside of
/// the calendar.
///
/// `this` is the current unit, `previous n` the n complete units before it, `last n` those and
/// the current one.
pub(super) fn range(
    op: Op,
    count: u32,
    unit: RelativeUnit,
    now: Timestamp,
    clock: &Clock,
) -> Option<(i32, i32)> {
    let today = days_since_epoch(clock.zone.to_datetime(now).date());
    let grain = unit.grain();
    let current = floor_date(today, grain, clock);
    let count = i64::from(count);
    match op {
        Op::This => Some((current, shift(current, unit, 1)?)),
        Op::Previous => Some((shift(current, unit, -count)?, current)),
        Op::Last => Some((shift(current, unit, -count)?, shift(current, unit, 1)?)),
        _ => None,
    }
}

fn shift(day: i32, unit: RelativeUnit, count: i64) -> Option<i32> {
    let day = i32::try_from(calendar_shift(i64::from(day), count, unit)).ok()?;
    // What lies outside of the calendar has no date.
    sandbar_catalog::query::date_of_days(day).map(|_| day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jiff::tz::TimeZone;
    use sandbar_catalog::query::date_of_days;
    use sandbar_catalog::time::{FiscalYear, WeekStart};

    #[track_caller]
    fn check(now: &str, zone: &str, op: Op, count: u32, unit: RelativeUnit, expected: &str) {
        let zone = TimeZone::get(zone).unwrap();
        let clock = Clock { zone, week_start: WeekStart::Monday, fiscal: FiscalYear::default() };
        let (from, to) = range(op, count, unit, now.parse().unwrap(), &clock).unwrap();
        let shown = format!("{}..{}", date_of_days(from).unwrap(), date_of_days(to).unwrap());
        assert_eq!(shown, expected);
    }

    #[test]
    fn z6_ranges_are_half_open_and_calendar_aligned() {
        use RelativeUnit::*;
        let now = "2026-07-01T00:00:00Z";
        check(now, "UTC", Op::Previous, 1, Quarter, "2026-04-01..2026-07-01");
        check(now, "UTC", Op::This, 1, Quarter, "2026-07-01..2026-10-01");
        check(now, "UTC", Op::Last, 2, Month, "2026-05-01..2026-08-01");
        check(now, "UTC", Op::Previous, 1, Week, "2026-06-22..2026-06-29");
        check(now, "UTC", Op::Previous, 30, Day, "2026-06-01..2026-07-01");
        check(now, "UTC", Op::Previous, 1, Year, "2025-01-01..2026-01-01");
        // In New York it is still June.
        check(now, "America/New_York", Op::Previous, 1, Quarter, "2026-01-01..2026-04-01");
        check(now, "America/New_York", Op::This, 1, Day, "2026-06-30..2026-07-01");
    }

    #[test]
    fn beyond_the_calendar_is_none() {
        let clock = Clock {
            zone: TimeZone::UTC,
            week_start: WeekStart::Monday,
            fiscal: FiscalYear::default(),
        };
        let now = "2026-07-01T00:00:00Z".parse().unwrap();
        assert_eq!(range(Op::Previous, u32::MAX, RelativeUnit::Year, now, &clock), None);
    }
}
