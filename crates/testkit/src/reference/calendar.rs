//! Days, months and years, counted by hand.

use super::zones::Zone;

/// A length of calendar time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
    /// Quarters.
    Quarter,
    /// Years.
    Year,
    /// Quarters of the fiscal year.
    FiscalQuarter,
    /// Fiscal years.
    FiscalYear,
}

impl Unit {
    /// Those that are counted in.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The unit of a grain, where its buckets are days or longer.
    pub fn of_grain(grain: &str) -> Option<Self> {
        let fiscal = [Self::FiscalQuarter, Self::FiscalYear];
        Self::ALL.into_iter().chain(fiscal).find(|unit| unit.name() == grain)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::FiscalQuarter => "fiscal_quarter",
            Self::FiscalYear => "fiscal_year",
        }
    }
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeekStart {
    /// As in ISO 8601.
    #[default]
    Monday,
    /// The day before.
    Sunday,
    /// Two days before.
    Saturday,
}

impl WeekStart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Monday, Self::Sunday, Self::Saturday];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Sunday => "sunday",
            Self::Saturday => "saturday",
        }
    }

    /// How many days of its week are before a day.
    fn before(self, day: i32) -> i32 {
        // 1970-01-01 was a Thursday.
        let monday = match self {
            Self::Monday => 3,
            Self::Sunday => 4,
            Self::Saturday => 5,
        };
        (day + monday).rem_euclid(7)
    }
}

/// The fiscal year: the month it starts with, and whether it has the number of the calendar year
/// that it starts in, not of the one that it ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiscalYear {
    /// 1 to 12.
    pub starts: i32,
    /// Whether it is named after its start.
    pub after_start: bool,
}

impl Default for FiscalYear {
    fn default() -> Self {
        Self { starts: 1, after_start: false }
    }
}

/// How somebody counts days, weeks and years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Whose days.
    pub zone: Zone,
    /// Which weeks.
    pub week_start: WeekStart,
    /// Which fiscal years.
    pub fiscal: FiscalYear,
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// After which the calendar repeats itself: 97 of 400 years are leap years.
const DAYS_OF_400_YEARS: i32 = 400 * 365 + 97;

fn days_of(year: i32) -> i32 {
    if is_leap(year) { 366 } else { 365 }
}

/// The day since 1970-01-01 of a date, less than 0 before it.
pub fn day(year: i32, month: i32, day_of_month: i32) -> i32 {
    let (cycles, year) = ((year - 1970).div_euclid(400), 1970 + (year - 1970).rem_euclid(400));
    let years: i32 = (1970..year).map(days_of).sum();
    let months: i32 = (1..month).map(|m| length(year, m)).sum();
    cycles * DAYS_OF_400_YEARS + years + months + day_of_month - 1
}

/// Year, month and day of the month of a day since 1970-01-01.
pub fn date(day: i32) -> (i32, i32, i32) {
    let mut year = 1970 + 400 * day.div_euclid(DAYS_OF_400_YEARS);
    let mut rest = day.rem_euclid(DAYS_OF_400_YEARS);
    while rest >= days_of(year) {
        rest -= days_of(year);
        year += 1;
    }
    let mut month = 1;
    while rest >= length(year, month) {
        rest -= length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

/// The day that an instant lies in, or that clocks show, in UTC.
pub fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(0)
}

/// A date as text.
pub fn written(of: i32) -> String {
    let (year, month, day) = date(of);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day so many units before another: of a month that is shorter, the last one.
pub fn back(of: i32, count: i32, unit: Unit) -> i32 {
    let months = match unit {
        Unit::Day => return of - count,
        Unit::Week => return of - 7 * count,
        Unit::Month => count,
        Unit::Quarter | Unit::FiscalQuarter => 3 * count,
        Unit::Year | Unit::FiscalYear => 12 * count,
    };
    let (year, month, day_of_month) = date(of);
    let index = year * 12 + month - 1 - months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    day(year, month, day_of_month.min(length(year, month)))
}

impl Calendar {
    /// The day that an instant lies in.
    pub fn day(self, micros: i64) -> i32 {
        day_of(self.zone.wall(micros))
    }

    /// The first day of the unit that a day lies in.
    pub fn floor(self, of: i32, unit: Unit) -> i32 {
        let (year, month, _) = date(of);
        let months = match unit {
            Unit::Day => return of,
            Unit::Week => return of - self.week_start.before(of),
            Unit::Month => 0,
            Unit::Quarter => (month - 1) % 3,
            Unit::Year => month - 1,
            Unit::FiscalQuarter => self.fiscal_month(month) % 3,
            Unit::FiscalYear => self.fiscal_month(month),
        };
        back(day(year, month, 1), months, Unit::Month)
    }

    /// How many months of its fiscal year are before a month.
    fn fiscal_month(self, month: i32) -> i32 {
        (month - self.fiscal.starts).rem_euclid(12)
    }

    /// The first day of the unit after the one that a day lies in.
    pub fn next(self, of: i32, unit: Unit) -> i32 {
        let mut later = of;
        while self.floor(later, unit) == self.floor(of, unit) {
            later += 1;
        }
        later
    }

    /// Parts of a date as numbers, by their names.
    pub fn part(self, of: i32, name: &str) -> Option<i64> {
        let (year, month, day_of_month) = date(of);
        let found = match name {
            "year_number" => year,
            "quarter_of_year" => (month - 1) / 3 + 1,
            "month_of_year" => month,
            "day_of_year" => of - day(year, 1, 1) + 1,
            "day_of_month" => day_of_month,
            "day_of_week" => self.week_start.before(of) + 1,
            "iso_day_of_week" => WeekStart::Monday.before(of) + 1,
            // The week of a day is that of its Thursday, whatever the first day of the week.
            "iso_year_number" => date(of - WeekStart::Monday.before(of) + 3).0,
            "week_of_year" => {
                let thursday = of - WeekStart::Monday.before(of) + 3;
                (thursday - self.floor(thursday, Unit::Year)) / 7 + 1
            }
            "fiscal_year_number" => {
                let first = self.floor(of, Unit::FiscalYear);
                let last = self.next(of, Unit::FiscalYear) - 1;
                date(if self.fiscal.after_start { first } else { last }).0
            }
            "fiscal_quarter_of_year" => self.fiscal_month(month) / 3 + 1,
            _ => return None,
        };
        Some(i64::from(found))
    }
}
