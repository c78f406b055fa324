//! Days, months and years, counted by hand. Weeks start on Monday, days are those of UTC.

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
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
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

/// The day since 1970-01-01 of a date after it.
pub fn day(year: i32, month: i32, day_of_month: i32) -> i32 {
    let years: i32 = (1970..year).map(|y| if is_leap(y) { 366 } else { 365 }).sum();
    let months: i32 = (1..month).map(|m| length(year, m)).sum();
    years + months + day_of_month - 1
}

/// Year, month and day of the month of a day since 1970-01-01.
pub fn date(day: i32) -> (i32, i32, i32) {
    let (mut year, mut rest) = (1970, day);
    while rest >= if is_leap(year) { 366 } else { 365 } {
        rest -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while rest >= length(year, month) {
        rest -= length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

/// The day that an instant lies in.
pub fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(0)
}

/// A date as text.
pub fn written(of: i32) -> String {
    let (year, month, day) = date(of);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The first day of the unit that a day lies in.
pub fn floor(of: i32, unit: Unit) -> i32 {
    let (year, month, _) = date(of);
    match unit {
        Unit::Day => of,
        // 1970-01-01 was a Thursday.
        Unit::Week => of - (of + 3).rem_euclid(7),
        Unit::Month => day(year, month, 1),
        Unit::Quarter => day(year, (month - 1) / 3 * 3 + 1, 1),
        Unit::Year => day(year, 1, 1),
    }
}

/// The first day of the unit after the one that a day lies in.
pub fn next(of: i32, unit: Unit) -> i32 {
    let mut later = of;
    while floor(later, unit) == floor(of, unit) {
        later += 1;
    }
    later
}

/// The day so many units before another: of a month that is shorter, the last one.
pub fn back(of: i32, count: i32, unit: Unit) -> i32 {
    let months = match unit {
        Unit::Day => return of - count,
        Unit::Week => return of - 7 * count,
        Unit::Month => count,
        Unit::Quarter => 3 * count,
        Unit::Year => 12 * count,
    };
    let (year, month, day_of_month) = date(of);
    let index = year * 12 + month - 1 - months;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    day(year, month, day_of_month.min(length(year, month)))
}

/// Parts of a date as numbers, by their names.
pub fn part(of: i32, name: &str) -> Option<i64> {
    let (year, month, day_of_month) = date(of);
    let weekday = (of + 3).rem_euclid(7) + 1;
    let found = match name {
        "year_number" => year,
        "quarter_of_year" => (month - 1) / 3 + 1,
        "month_of_year" => month,
        "day_of_year" => of - day(year, 1, 1) + 1,
        "day_of_month" => day_of_month,
        "day_of_week" => weekday,
        // The week of a day is that of its Thursday.
        "week_of_year" => {
            let thursday = of - weekday + 4;
            (thursday - floor(thursday, Unit::Year)) / 7 + 1
        }
        _ => return None,
    };
    Some(i64::from(found))
}
