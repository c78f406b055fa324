//! The proleptic Gregorian calendar in whole numbers, for any day an `i32` can count.
//!
//! The conversions are the well-known era-based ones (H. Hinnant, "chrono-compatible low-level
//! date algorithms"): an era is 400 years or 146,097 days, and years start in March.

use sandbar_catalog::query::RelativeUnit;
use sandbar_catalog::time::{FiscalYear, Grain, NamedAfter, Part, WeekStart};

/// When weeks and fiscal years start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) week_start: WeekStart,
    pub(crate) fiscal: FiscalYear,
}

/// Year, month (1–12) and day (1–31) of a day counted from 1970-01-01.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, of a year, month and day.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// 0 for the first day of the week to 6.
fn weekday(day: i64, start: WeekStart) -> i64 {
    // 1970-01-01 was a Thursday: three days after the Monday.
    (day + 3 + i64::from(start.days_before_monday())).rem_euclid(7)
}

/// The first day of the bucket that holds `day`.
pub(crate) fn floor(day: i64, grain: Grain, rules: Rules) -> i64 {
    match grain {
        Grain::Second | Grain::Minute | Grain::Hour | Grain::Day => day,
        Grain::Week => day - weekday(day, rules.week_start),
        Grain::Month => {
            let (year, month, _) = civil(day);
            days(year, month, 1)
        }
        Grain::Quarter => {
            let (year, month, _) = civil(day);
            days(year, (month - 1) / 3 * 3 + 1, 1)
        }
        Grain::Year => days(civil(day).0, 1, 1),
        Grain::FiscalQuarter | Grain::FiscalYear => {
            let (year, month, _) = civil(day);
            let length = if grain == Grain::FiscalYear { 12 } else { 3 };
            let starts = i64::from(rules.fiscal.starts);
            // Months since a fiscal year's start, cut down to whole quarters or years.
            let since = (month - starts).rem_euclid(12) % length;
            let first = year * 12 + (month - 1) - since;
            days(first.div_euclid(12), first.rem_euclid(12) + 1, 1)
        }
    }
}

/// The first day of the bucket after the one that holds `day`.
pub(crate) fn next(day: i64, grain: Grain, rules: Rules) -> i64 {
    let first = floor(day, grain, rules);
    let longest = match grain {
        Grain::Second | Grain::Minute | Grain::Hour | Grain::Day => return first + 1,
        Grain::Week => return first + 7,
        Grain::Month => 31,
        Grain::Quarter | Grain::FiscalQuarter => 92,
        Grain::Year | Grain::FiscalYear => 366,
    };
    // The longest such bucket ends in the next one, however short this one is.
    floor(first + longest, grain, rules)
}

/// The day `count` calendar units later, or earlier; the last day of a month that is too short.
pub(crate) fn shift(day: i64, count: i64, unit: RelativeUnit) -> i64 {
    let months = match unit {
        RelativeUnit::Day => return day + count,
        RelativeUnit::Week => return day + 7 * count,
        RelativeUnit::Month => count,
        RelativeUnit::Quarter => 3 * count,
        RelativeUnit::Year => 12 * count,
    };
    let (year, month, of_month) = civil(day);
    let shifted = year * 12 + (month - 1) + months;
    let (year, month) = (shifted.div_euclid(12), shifted.rem_euclid(12) + 1);
    let first = days(year, month, 1);
    let length = floor(first + 31, Grain::Month, CALENDAR) - first;
    first + of_month.min(length) - 1
}

/// Rules for what goes by months alone.
const CALENDAR: Rules = Rules {
    week_start: WeekStart::Monday,
    fiscal: FiscalYear { starts: 1, named_after: NamedAfter::End },
};

/// The Thursday of an ISO week, which is the week of the year that its Thursday is in.
fn thursday(day: i64) -> i64 {
    day - weekday(day, WeekStart::Monday) + 3
}

/// A part of a day and a microsecond of that day.
pub(crate) fn part(day: i64, micros: i64, part: Part, rules: Rules) -> i64 {
    let second = micros / 1_000_000;
    match part {
        Part::YearNumber => civil(day).0,
        Part::QuarterOfYear => (civil(day).1 - 1) / 3 + 1,
        Part::MonthOfYear => civil(day).1,
        Part::WeekOfYear => {
            let thursday = thursday(day);
            (thursday - days(civil(thursday).0, 1, 1)) / 7 + 1
        }
        Part::IsoYearNumber => civil(thursday(day)).0,
        Part::DayOfYear => day - days(civil(day).0, 1, 1) + 1,
        Part::DayOfMonth => civil(day).2,
        Part::DayOfWeek => weekday(day, rules.week_start) + 1,
        Part::IsoDayOfWeek => weekday(day, WeekStart::Monday) + 1,
        Part::HourOfDay => second / 3_600,
        Part::MinuteOfHour => second / 60 % 60,
        Part::SecondOfMinute => second % 60,
        Part::FiscalYearNumber => {
            let (year, month, _) = civil(floor(day, Grain::FiscalYear, rules));
            let ends_later = month > 1 && rules.fiscal.named_after == NamedAfter::End;
            year + i64::from(ends_later)
        }
        Part::FiscalQuarterOfYear => {
            let month = civil(day).1;
            (month - i64::from(rules.fiscal.starts)).rem_euclid(12) / 3 + 1
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jiff::civil::{Date, Weekday};

    fn rules(week_start: WeekStart) -> Rules {
        Rules { week_start, fiscal: FiscalYear { starts: 2, named_after: NamedAfter::End } }
    }

    /// Fiscal years from February, named after their end: every day by counting months.
    #[test]
    fn z7_fiscal_years_start_where_they_are_said_to() {
        let day = |text: &str| {
            i64::from(sandbar_catalog::query::days_since_epoch(text.parse::<Date>().unwrap()))
        };
        let rules = rules(WeekStart::Monday);
        let cases = [
            ("2024-01-15", "2023-02-01", "2023-11-01", 2024, 4),
            ("2024-02-15", "2024-02-01", "2024-02-01", 2025, 1),
            ("2024-05-01", "2024-02-01", "2024-05-01", 2025, 2),
            ("2023-12-31", "2023-02-01", "2023-11-01", 2024, 4),
        ];
        for (date, year, quarter, number, of_year) in cases {
            assert_eq!(floor(day(date), Grain::FiscalYear, rules), day(year), "{date}");
            assert_eq!(floor(day(date), Grain::FiscalQuarter, rules), day(quarter), "{date}");
            assert_eq!(part(day(date), 0, Part::FiscalYearNumber, rules), number, "{date}");
            assert_eq!(part(day(date), 0, Part::FiscalQuarterOfYear, rules), of_year, "{date}");
        }
        assert_eq!(next(day("2024-01-15"), Grain::FiscalQuarter, rules), day("2024-02-01"));
        assert_eq!(next(day("2024-02-29"), Grain::Year, rules), day("2025-01-01"));
    }

    /// Every 13th day of the years −9000 to 9000 against jiff's calendar.
    #[test]
    fn agrees_with_jiff() {
        let mut day = days(-9_000, 1, 1);
        let end = days(9_000, 1, 1);
        while day < end {
            let date = sandbar_catalog::query::date_of_days(i32::try_from(day).unwrap()).unwrap();
            let (year, month, of_month) = civil(day);
            assert_eq!(
                (year, month, of_month),
                (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()))
            );
            assert_eq!(days(year, month, of_month), day);
            let p = |which| part(day, 0, which, rules(WeekStart::Monday));
            assert_eq!(p(Part::DayOfYear), i64::from(date.day_of_year()));
            assert_eq!(p(Part::WeekOfYear), i64::from(date.iso_week_date().week()));
            assert_eq!(p(Part::IsoYearNumber), i64::from(date.iso_week_date().year()));
            let iso = i64::from(date.weekday().to_monday_one_offset());
            assert_eq!(p(Part::DayOfWeek), iso);
            assert_eq!(part(day, 0, Part::IsoDayOfWeek, rules(WeekStart::Saturday)), iso);
            day += 13;
        }
    }

    #[test]
    fn o3_months_are_moved_as_jiff_moves_them() {
        let mut date: Date = "2023-01-01".parse().unwrap();
        while date.year() < 2026 {
            let from = i64::from(sandbar_catalog::query::days_since_epoch(date));
            for count in [-25, -12, -1, 1, 2, 11, 48] {
                let span = jiff::Span::new().months(count);
                let expected = sandbar_catalog::query::days_since_epoch(date.saturating_add(span));
                let found = shift(from, count.into(), RelativeUnit::Month);
                assert_eq!(found, i64::from(expected), "{date} {count}");
            }
            date = date.tomorrow().unwrap();
        }
    }

    #[track_caller]
    fn check_week(date: &str, start: WeekStart, first: Weekday) {
        let date: Date = date.parse().unwrap();
        let day = i64::from(sandbar_catalog::query::days_since_epoch(date));
        let monday = floor(day, Grain::Week, rules(start));
        let found = sandbar_catalog::query::date_of_days(i32::try_from(monday).unwrap()).unwrap();
        assert_eq!(found.weekday(), first);
        assert!((0..7).contains(&(day - monday)));
    }

    #[test]
    fn z4_weeks_start_where_they_are_said_to() {
        for date in ["2024-12-29", "2024-12-30", "2025-01-04", "2025-01-05", "1969-12-31"] {
            check_week(date, WeekStart::Monday, Weekday::Monday);
            check_week(date, WeekStart::Sunday, Weekday::Sunday);
            check_week(date, WeekStart::Saturday, Weekday::Saturday);
        }
    }

    #[test]
    fn no_day_overflows() {
        for day in [i64::from(i32::MIN), i64::from(i32::MAX)] {
            for (_, grain) in Grain::NAMES {
                let rules = rules(WeekStart::Monday);
                assert!(floor(day, grain, rules) <= day);
                assert!(next(day, grain, rules) > day);
            }
        }
    }
}
