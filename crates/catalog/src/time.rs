//! Grains and parts of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time that a temporal field is truncated to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Calendar days in the query's zone.
    Day,
    /// Weeks, starting on the query's week start.
    Week,
    /// Calendar months.
    Month,
    /// Calendar quarters.
    Quarter,
    /// Calendar years.
    Year,
    /// Quarters of the fiscal year.
    FiscalQuarter,
    /// Fiscal years.
    FiscalYear,
}

impl Grain {
    /// All grains with their names, finest first.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
        ("fiscal_quarter", Self::FiscalQuarter),
        ("fiscal_year", Self::FiscalYear),
    ];

    /// The name of the grain.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, g)| *g == self).map_or("day", |(name, _)| name)
    }

    /// Whether a bucket of it is a calendar date (a day or coarser) rather than an instant.
    pub fn is_date(self) -> bool {
        self >= Self::Day
    }

    /// Whether every bucket of `self` lies in one bucket of `coarser`, so that values of the one
    /// are values of the other.
    pub fn lies_in(self, coarser: Self) -> bool {
        use Grain::{
            Day, FiscalQuarter, FiscalYear, Hour, Minute, Month, Quarter, Second, Week, Year,
        };
        match (self, coarser) {
            (a, b) if a == b => true,
            (Second, _) | (Minute, Hour) => true,
            (Minute | Hour, b) => b >= Day,
            (Day, b) => b > Day,
            (Week, _) => false,
            (Month, Quarter | Year | FiscalQuarter | FiscalYear) => true,
            (Quarter, Year) | (FiscalQuarter, FiscalYear) => true,
            _ => false,
        }
    }
}

/// A part of a date or time, as a whole number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The year.
    YearNumber,
    /// 1 to 4.
    QuarterOfYear,
    /// 1 to 12.
    MonthOfYear,
    /// ISO 8601 week, 1 to 53.
    WeekOfYear,
    /// The year of the ISO 8601 week, which at a turn of the year may be the one beside: 2024-12-30 is
    /// in week 1 of 2025.
    IsoYearNumber,
    /// 1 to 366.
    DayOfYear,
    /// 1 to 31.
    DayOfMonth,
    /// 1 (the week start of the query) to 7.
    DayOfWeek,
    /// 1 (Monday) to 7 (Sunday), as ISO 8601 counts.
    IsoDayOfWeek,
    /// 0 to 23.
    HourOfDay,
    /// 0 to 59.
    MinuteOfHour,
    /// 0 to 59.
    SecondOfMinute,
    /// The fiscal year.
    FiscalYearNumber,
    /// 1 to 4, of the fiscal year.
    FiscalQuarterOfYear,
}

impl Part {
    /// All parts with their names.
    pub const NAMES: [(&'static str, Self); 14] = [
        ("year_number", Self::YearNumber),
        ("quarter_of_year", Self::QuarterOfYear),
        ("month_of_year", Self::MonthOfYear),
        ("week_of_year", Self::WeekOfYear),
        ("iso_year_number", Self::IsoYearNumber),
        ("day_of_year", Self::DayOfYear),
        ("day_of_month", Self::DayOfMonth),
        ("day_of_week", Self::DayOfWeek),
        ("iso_day_of_week", Self::IsoDayOfWeek),
        ("hour_of_day", Self::HourOfDay),
        ("minute_of_hour", Self::MinuteOfHour),
        ("second_of_minute", Self::SecondOfMinute),
        ("fiscal_year_number", Self::FiscalYearNumber),
        ("fiscal_quarter_of_year", Self::FiscalQuarterOfYear),
    ];

    /// The longest grain whose buckets each have one value of the part.
    pub fn grain(self) -> Grain {
        match self {
            Self::YearNumber => Grain::Year,
            Self::QuarterOfYear => Grain::Quarter,
            Self::MonthOfYear => Grain::Month,
            Self::WeekOfYear
            | Self::IsoYearNumber
            | Self::DayOfYear
            | Self::DayOfMonth
            | Self::DayOfWeek
            | Self::IsoDayOfWeek => Grain::Day,
            Self::HourOfDay => Grain::Hour,
            Self::MinuteOfHour => Grain::Minute,
            Self::SecondOfMinute => Grain::Second,
            Self::FiscalYearNumber => Grain::FiscalYear,
            Self::FiscalQuarterOfYear => Grain::FiscalQuarter,
        }
    }

    /// The name of the part.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, p)| *p == self).map_or("year_number", |(name, _)| name)
    }
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeekStart {
    /// Weeks run Monday to Sunday (ISO 8601).
    #[default]
    Monday,
    /// Weeks run Sunday to Saturday.
    Sunday,
    /// Weeks run Saturday to Friday.
    Saturday,
}

impl WeekStart {
    /// How many days the week starts before the ISO Monday that follows it.
    pub fn days_before_monday(self) -> i32 {
        match self {
            Self::Monday => 0,
            Self::Sunday => 1,
            Self::Saturday => 2,
        }
    }
}

/// The fiscal year of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FiscalYear {
    /// The month it starts with, 1 to 12.
    pub starts: u8,
    /// The calendar year that it is named after.
    #[serde(default, deserialize_with = "crate::decode::optional")]
    pub named_after: NamedAfter,
}

/// The calendar year that a fiscal year is named after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedAfter {
    /// The one it starts in.
    Start,
    /// The one it ends in.
    #[default]
    End,
}

impl Default for FiscalYear {
    /// The calendar year.
    fn default() -> Self {
        Self { starts: 1, named_after: NamedAfter::End }
    }
}
