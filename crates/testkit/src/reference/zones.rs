//! What the clocks of some places show, by their laws of the years 2023 to 2025. Each place adds a
//! fixed time in summer, from one Sunday to another.

/// A minute in microseconds.
const MINUTE: i64 = 60_000_000;
/// A day in microseconds.
const DAY: i64 = 1440 * MINUTE;

/// A place with clocks of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// No place.
    #[default]
    Utc,
    /// Summer in the north.
    Berlin,
    /// West of Greenwich.
    NewYork,
    /// Half an hour, and no summer time.
    Kolkata,
    /// Summer at the turn of the year.
    Auckland,
    /// Half an hour, and summer time.
    StJohns,
    /// Summer time is half an hour.
    LordHowe,
    /// The first day of summer time has no midnight.
    Santiago,
}

/// A Sunday of a year: in a month, the first one that is not before a day.
type Sunday = (i32, i32);

/// Summer time: the minutes it adds; the Sundays with which it begins and ends, and when it does,
/// in minutes of that Sunday in UTC.
struct Summer {
    adds: i64,
    begins: (Sunday, i64),
    ends: (Sunday, i64),
}

impl Zone {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Utc,
        Self::Berlin,
        Self::NewYork,
        Self::Kolkata,
        Self::Auckland,
        Self::StJohns,
        Self::LordHowe,
        Self::Santiago,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Berlin => "Europe/Berlin",
            Self::NewYork => "America/New_York",
            Self::Kolkata => "Asia/Kolkata",
            Self::Auckland => "Pacific/Auckland",
            Self::StJohns => "America/St_Johns",
            Self::LordHowe => "Australia/Lord_Howe",
            Self::Santiago => "America/Santiago",
        }
    }

    /// Minutes east of Greenwich in winter.
    pub fn winter(self) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Berlin => 60,
            Self::NewYork => -5 * 60,
            Self::Kolkata => 5 * 60 + 30,
            Self::Auckland => 12 * 60,
            Self::StJohns => -(3 * 60 + 30),
            Self::LordHowe => 10 * 60 + 30,
            Self::Santiago => -4 * 60,
        }
    }

    fn summer(self) -> Option<Summer> {
        let hour = 60;
        let (adds, begins, ends) = match self {
            Self::Utc | Self::Kolkata => return None,
            Self::Berlin => (hour, ((3, 25), hour), ((10, 25), hour)),
            // At two o'clock by the clocks that are changed.
            Self::NewYork => (hour, ((3, 8), 7 * hour), ((11, 1), 6 * hour)),
            Self::StJohns => (hour, ((3, 8), 5 * hour + 30), ((11, 1), 4 * hour + 30)),
            // At two, and back at three: the day before in Greenwich.
            Self::Auckland => (hour, ((9, 24), -10 * hour), ((4, 1), -10 * hour)),
            // At two, both times.
            Self::LordHowe => (hour / 2, ((10, 1), -8 * hour - 30), ((4, 1), -9 * hour)),
            // At midnight, both times.
            Self::Santiago => (hour, ((9, 2), 4 * hour), ((4, 2), 3 * hour)),
        };
        Some(Summer { adds, begins, ends })
    }

    /// When summer time begins and ends in a year.
    pub fn changes(self, year: i32) -> Option<(i64, i64)> {
        let Summer { begins, ends, .. } = self.summer()?;
        let at = |((month, first), minutes): (Sunday, i64)| {
            let first = super::calendar::day(year, month, first);
            // 1970-01-04 was a Sunday.
            let sunday = first + (3 - first).rem_euclid(7);
            // The first and the last year of all instants are not whole.
            i64::from(sunday).saturating_mul(DAY).saturating_add(minutes * MINUTE)
        };
        Some((at(begins), at(ends)))
    }

    /// Minutes east of Greenwich at an instant.
    pub fn offset(self, micros: i64) -> i64 {
        let (year, ..) = super::calendar::date(super::calendar::day_of(micros));
        let (Some(summer), Some((begins, ends))) = (self.summer(), self.changes(year)) else {
            return self.winter();
        };
        let is_summer = match begins < ends {
            true => begins <= micros && micros < ends,
            false => micros < ends || begins <= micros,
        };
        self.winter() + if is_summer { summer.adds } else { 0 }
    }

    /// What the clocks show, as if they were those of Greenwich.
    pub fn wall(self, micros: i64) -> i64 {
        micros.saturating_add(self.offset(micros) * MINUTE)
    }

    /// The instant at which the clocks show a time.
    ///
    /// Choice: a time that they show twice is the first of the two; one that they skip is as long
    /// after the change as it would have been.
    pub fn instant(self, wall: i64) -> i64 {
        let summer = self.summer().map_or(0, |summer| summer.adds);
        let instants = [self.winter() + summer, self.winter()].map(|o| wall - o * MINUTE);
        let shown = instants.into_iter().find(|instant| self.wall(*instant) == wall);
        shown.unwrap_or(wall - self.winter() * MINUTE)
    }

    /// The first instant of a day.
    pub fn first(self, day: i32) -> i64 {
        self.instant(i64::from(day) * DAY)
    }

    /// The zone that people often ask in where the model counts in this one.
    pub fn abroad(self) -> Self {
        let own = Self::ALL.into_iter().position(|zone| zone == self).unwrap_or(0);
        Self::ALL[(own + 3) % Self::ALL.len()]
    }
}
