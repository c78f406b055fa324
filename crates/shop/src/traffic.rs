//! When something happens in the shop: a trend, the month, the day of the week and the hour.

use crate::calendar::{ANCHOR, DAY_MICROS, FIRST_DAY, civil};
use crate::rng::{Rng, Weights};

/// How busy each month is, January first.
const MONTHS: [i64; 12] = [82, 80, 92, 96, 104, 100, 94, 90, 98, 108, 132, 148];

/// How busy each day of the week is, counted from Thursday, the day of 1970-01-01.
const WEEKDAYS: [i64; 7] = [100, 108, 122, 116, 96, 92, 94];

/// How likely each day from the first to the anchor is.
pub(crate) struct Traffic {
    days: Weights,
}

impl Traffic {
    /// Four years in which business grows fourfold.
    pub(crate) fn new() -> Self {
        Self { days: Weights::new((FIRST_DAY..=ANCHOR).map(weight)) }
    }

    /// `count` moments in microseconds since 1970-01-01, ascending.
    pub(crate) fn moments(&self, rng: &mut Rng, count: usize) -> Vec<i64> {
        let mut moments: Vec<i64> = (0..count).map(|_| self.moment(rng)).collect();
        moments.sort_unstable();
        moments
    }

    fn moment(&self, rng: &mut Rng) -> i64 {
        let day = i64::from(FIRST_DAY) + self.days.draw(rng) as i64;
        day * DAY_MICROS + time_of_day(rng)
    }
}

/// A time of day in whole milliseconds, as microseconds since midnight in UTC: most often around
/// 20:00, when North America is awake.
pub(crate) fn time_of_day(rng: &mut Rng) -> i64 {
    (rng.hump(43_200_000) + 28_800_000) % 86_400_000 * 1_000
}

fn weight(day: i32) -> i64 {
    let month = civil(day).1.saturating_sub(1) as usize;
    let of_month = MONTHS.get(month).copied().unwrap_or_default();
    let of_week = WEEKDAYS.get(day.rem_euclid(7) as usize).copied().unwrap_or_default();
    (500 + i64::from(day - FIRST_DAY)) * of_month * of_week
}
