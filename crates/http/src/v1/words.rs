//! The words of the language, and what each stands for below.

use std::borrow::Cow;
use std::marker::PhantomData;

use sandbar::query::Op;
use sandbar::time::{Grain, Part};
use sandbar::{Order, Truncation};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};

use super::body::{Word, WordVisitor};

macro_rules! word {
    ($type:ident) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_any(WordVisitor::<Self>(PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                concat!("V1", stringify!($type)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    };
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Whether it is there: no value.
    Exists(Op),
    /// Whether it is true, or false: no value.
    Is(bool),
    /// A part of a time: whole numbers.
    Extract(Part, Op),
    /// Equal or different: texts and numbers.
    Equal(Op),
    /// Less or more: one text or number.
    Ordered(Op),
    /// What a text has in it: texts.
    Text(Op),
}

impl Word for Operation {
    const WHAT: &'static str = "filter operation";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("equals", Self::Equal(Op::Eq)),
        ("not-equals", Self::Equal(Op::NotEq)),
        ("greater-than", Self::Ordered(Op::Gt)),
        ("greater-than-or-equal", Self::Ordered(Op::GtEq)),
        ("less-than", Self::Ordered(Op::Lt)),
        ("less-than-or-equal", Self::Ordered(Op::LtEq)),
        ("is-null", Self::Exists(Op::IsNull)),
        ("is-not-null", Self::Exists(Op::NotNull)),
        ("string-is-empty", Self::Exists(Op::Empty)),
        ("string-is-not-empty", Self::Exists(Op::NotEmpty)),
        ("is-true", Self::Is(true)),
        ("is-false", Self::Is(false)),
        ("string-contains", Self::Text(Op::Contains)),
        ("string-not-contains", Self::Text(Op::NotContains)),
        ("string-starts-with", Self::Text(Op::StartsWith)),
        ("string-ends-with", Self::Text(Op::EndsWith)),
        ("year-equals", Self::Extract(Part::YearNumber, Op::Eq)),
        ("year-not-equals", Self::Extract(Part::YearNumber, Op::NotEq)),
        ("quarter-equals", Self::Extract(Part::QuarterOfYear, Op::Eq)),
        ("quarter-not-equals", Self::Extract(Part::QuarterOfYear, Op::NotEq)),
        ("month-equals", Self::Extract(Part::MonthOfYear, Op::Eq)),
        ("month-not-equals", Self::Extract(Part::MonthOfYear, Op::NotEq)),
        // Monday is 1 in a filter, whatever the first day of a week is.
        ("day-of-week-equals", Self::Extract(Part::IsoDayOfWeek, Op::Eq)),
        ("day-of-week-not-equals", Self::Extract(Part::IsoDayOfWeek, Op::NotEq)),
        ("hour-equals", Self::Extract(Part::HourOfDay, Op::Eq)),
        ("hour-not-equals", Self::Extract(Part::HourOfDay, Op::NotEq)),
        ("minute-equals", Self::Extract(Part::MinuteOfHour, Op::Eq)),
        ("minute-not-equals", Self::Extract(Part::MinuteOfHour, Op::NotEq)),
        ("second-equals", Self::Extract(Part::SecondOfMinute, Op::Eq)),
        ("second-not-equals", Self::Extract(Part::SecondOfMinute, Op::NotEq)),
    ];
}
word!(Operation);

impl Operation {
    pub(super) fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, op)| *op == self).map_or("equals", |(name, _)| name)
    }
}

/// What stands in place of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket(pub(super) Truncation);

impl Word for Bucket {
    const WHAT: &'static str = "bucket";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("second", Self(Truncation::Grain(Grain::Second))),
        ("minute", Self(Truncation::Grain(Grain::Minute))),
        ("hour", Self(Truncation::Grain(Grain::Hour))),
        ("day", Self(Truncation::Grain(Grain::Day))),
        ("week", Self(Truncation::Grain(Grain::Week))),
        ("month", Self(Truncation::Grain(Grain::Month))),
        ("quarter", Self(Truncation::Grain(Grain::Quarter))),
        ("year", Self(Truncation::Grain(Grain::Year))),
        ("second-of-minute", Self(Truncation::Part(Part::SecondOfMinute))),
        ("minute-of-hour", Self(Truncation::Part(Part::MinuteOfHour))),
        ("hour-of-day", Self(Truncation::Part(Part::HourOfDay))),
        ("day-of-week", Self(Truncation::Part(Part::DayOfWeek))),
        ("day-of-month", Self(Truncation::Part(Part::DayOfMonth))),
        ("day-of-year", Self(Truncation::Part(Part::DayOfYear))),
        ("week-of-year", Self(Truncation::Part(Part::WeekOfYear))),
        ("month-of-year", Self(Truncation::Part(Part::MonthOfYear))),
        ("quarter-of-year", Self(Truncation::Part(Part::QuarterOfYear))),
        ("year-of-era", Self(Truncation::Part(Part::YearNumber))),
    ];
}
word!(Bucket);

impl Bucket {
    pub(super) fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, bucket)| *bucket == self).map_or("day", |(name, _)| name)
    }
}

/// What a time is grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granularity(pub(super) Bucket);

impl Word for Granularity {
    const WHAT: &'static str = "field_granularity";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("minute", Self(Bucket(Truncation::Grain(Grain::Minute)))),
        ("hour", Self(Bucket(Truncation::Grain(Grain::Hour)))),
        ("day", Self(Bucket(Truncation::Grain(Grain::Day)))),
        ("week", Self(Bucket(Truncation::Grain(Grain::Week)))),
        ("month", Self(Bucket(Truncation::Grain(Grain::Month)))),
        ("quarter", Self(Bucket(Truncation::Grain(Grain::Quarter)))),
        ("year", Self(Bucket(Truncation::Grain(Grain::Year)))),
        // From the first day of the model's week.
        ("day-of-week", Self(Bucket(Truncation::Part(Part::DayOfWeek)))),
    ];
}
word!(Granularity);

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
}

impl Word for Function {
    const WHAT: &'static str = "aggregation function";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("count", Self::Count),
        ("count-distinct", Self::CountDistinct),
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
    ];
}
word!(Function);

impl Function {
    /// What it is called below.
    pub(super) fn below(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::CountDistinct => "count_distinct",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// The name of its column.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::CountDistinct => "count",
            other => other.below(),
        }
    }

    /// What a person calls it, of a field.
    pub(super) fn of(self, field: &str) -> String {
        match self {
            Self::Count => "Count".to_owned(),
            Self::CountDistinct => format!("Distinct values of {field}"),
            Self::Sum => format!("Sum of {field}"),
            Self::Avg => format!("Average of {field}"),
            Self::Min => format!("Min of {field}"),
            Self::Max => format!("Max of {field}"),
        }
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction(pub(super) Order);

impl Word for Direction {
    const WHAT: &'static str = "direction";
    const WORDS: &'static [(&'static str, Self)] =
        &[("asc", Self(Order::Asc)), ("desc", Self(Order::Desc))];
}
word!(Direction);

impl Bucket {
    /// What it stands for in a filter, where Monday is the first day of a week.
    pub(super) fn of_filter(self) -> Truncation {
        match self.0 {
            Truncation::Part(Part::DayOfWeek) => Truncation::Part(Part::IsoDayOfWeek),
            other => other,
        }
    }
}
