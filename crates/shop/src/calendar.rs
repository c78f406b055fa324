//! Days and moments of the proleptic Gregorian calendar, in UTC; it never reads a clock.

use arrow::array::{Date32Array, TimestampMicrosecondArray};
use arrow::error::ArrowError;

/// The first day with orders, 2022-07-01, in days since 1970-01-01.
pub const FIRST_DAY: i32 = days_from_civil(2022, 7, 1);

/// The last day with orders, 2026-06-30, in days since 1970-01-01; the shop's "today" is the day
/// after.
pub const ANCHOR: i32 = days_from_civil(2026, 6, 30);

/// The day on which prices rose, 2024-10-01, in days since 1970-01-01: before it customers paid
/// about 87 % of today's list price.
pub const PRICE_STEP: i32 = days_from_civil(2024, 10, 1);

/// Microseconds of one day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// The first and the last `today` that can be asked for: 0200-01-01 and 9999-12-31. The first
/// leaves room for birth dates.
const TODAYS: (i32, i32) = (days_from_civil(200, 1, 1), days_from_civil(9999, 12, 31));

/// The civil date as days since 1970-01-01, or nothing if there is no such date in the years 1 to
/// 9999.
///
/// ```
/// assert_eq!(sandbar_shop::day(1970, 2, 1), Some(31));
/// assert_eq!(sandbar_shop::day(2026, 2, 29), None);
/// ```
pub fn day(year: i32, month: u32, day: u32) -> Option<i32> {
    let plausible =
        (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let days = plausible.then(|| days_from_civil(year, month, day))?;
    (civil(days) == (year, month, day)).then_some(days)
}

/// The year, month (1 to 12) and day of the month (1 to 31) of a day since 1970-01-01.
///
/// ```
/// assert_eq!(sandbar_shop::civil(sandbar_shop::ANCHOR), (2026, 6, 30));
/// ```
pub fn civil(days: i32) -> (i32, u32, u32) {
    // Years here begin in March, so that the leap day is the last of its year; 400 such years
    // ("an era") have 146,097 days.
    let from_march = i64::from(days) + 719_468;
    let (era, of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

/// The inverse of [`civil`], for dates that exist.
const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month as i32 + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// The day of a moment in microseconds since 1970-01-01.
pub(crate) fn day_of(moment: i64) -> i32 {
    moment.div_euclid(DAY_MICROS) as i32
}

/// How far the tables move from the anchor, in whole days.
#[derive(Clone, Copy)]
pub(crate) struct Shift(i32);

impl Shift {
    /// The shift that makes `today` the first day without orders.
    pub(crate) fn to(today: i32) -> Result<Self, ArrowError> {
        if today < TODAYS.0 || today > TODAYS.1 {
            return Err(ArrowError::InvalidArgumentError(format!(
                "the shop's today must lie in the years 200 to 9999, not at day {today}"
            )));
        }
        Ok(Self(today - ANCHOR - 1))
    }

    /// Moments as a timestamp column without zone.
    pub(crate) fn moments(self, moments: impl Iterator<Item = i64>) -> TimestampMicrosecondArray {
        let micros = i64::from(self.0) * DAY_MICROS;
        TimestampMicrosecondArray::from_iter_values(moments.map(|moment| moment + micros))
    }

    /// Days as a date column.
    pub(crate) fn days(self, days: impl Iterator<Item = Option<i32>>) -> Date32Array {
        days.map(|day| day.map(|day| day + self.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        // The calendar repeats itself after 400 years.
        for days in -100_000..=50_000 {
            let (year, month, of_month) = civil(days);
            assert_eq!(day(year, month, of_month), Some(days));
        }
    }

    #[test]
    fn known_days() {
        assert_eq!(day(1970, 1, 1), Some(0));
        assert_eq!(day(2000, 3, 1), Some(11_017));
        assert_eq!(day(2026, 7, 1), Some(ANCHOR + 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        for (year, month, of_month) in [(2026, 2, 29), (2026, 13, 1), (2026, 0, 1), (0, 1, 1)] {
            assert_eq!(day(year, month, of_month), None);
        }
    }

    #[test]
    fn the_calendar_ends_somewhere() {
        assert!(Shift::to(TODAYS.0).is_ok() && Shift::to(TODAYS.1).is_ok());
        for today in [TODAYS.0 - 1, TODAYS.1 + 1, i32::MIN, i32::MAX] {
            assert!(Shift::to(today).is_err());
        }
    }
}
