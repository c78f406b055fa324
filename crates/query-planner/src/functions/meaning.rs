//! What the functions of a plan compute, for whoever writes plans down in another language.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;
use sandbar_catalog::expr::Bins;
use sandbar_catalog::query::RelativeUnit;
use sandbar_catalog::time::{FiscalYear, Grain, Part, WeekStart};
use sandbar_catalog::{Shift, Window};

use super::alike::Alike;
use super::bin::Binned;
use super::bucket::Bucket;
use super::calendar::{self, Rules};
use super::checked::{Checked, CheckedOp};
use super::days::WholeDay;
use super::digits::WithinDigits;
use super::doubles::Doubles;
use super::hash::MaskHash;
use super::kept::Kept;
use super::later::Later;
use super::mean::DecimalMean;
use super::micros::Micros;
use super::midnight::Midnight;
use super::part::PartOf;
use super::periods::{Kind, Periods, Reporting};
use super::rounded::Rounded;
use super::zone::Clock;

/// What a function of ours computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The bucket that a day or instant lies in: a date for a day and coarser, else an instant.
    Bucket(Grain, Calendar),
    /// A part of a day or instant, as a whole number.
    Part(Part, Calendar),
    /// The lower bound of the bin that a number lies in.
    Bin(Bins),
    /// Arithmetic on whole numbers of 64 bits, that fails where it would wrap.
    Checked(CheckedOp),
    /// The first argument over the second one, with four more digits, rounded half away from zero.
    DecimalMean,
    /// The first argument, a double, to as many decimal digits as the second one says, halves away
    /// from zero.
    Rounded,
    /// The value itself.
    Kept,
    /// The number itself, that fails where it has more digits than its type.
    WithinDigits,
    /// The number itself; or its place among all, or back: the order of places is that of numbers.
    Double,
    /// The same time of a day some calendar units later.
    Later(u32, RelativeUnit, Calendar),
    /// The instant at which a day begins, in a zone that is not UTC.
    Midnight,
    /// The day that a date in milliseconds lies in.
    Day,
    /// A day or instant as an instant in UTC.
    Instant,
    /// The same instant in another type of instants; missing where that has no such instant.
    Alike(DataType),
    /// A keyed hash.
    MaskHash,
    /// The list of periods in which the first argument, a day, counts; the second one is the last
    /// day that has rows.
    Reported(Box<Reported>),
    /// The list of a period and those that are missing around it: of the period, the one before it,
    /// the one after it, the first and the last day.
    Gap(Grain, Calendar),
}

/// What days, weeks and years are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The IANA name of the zone; `None` where it has none.
    pub zone: Option<String>,
    /// When weeks start.
    pub week_start: WeekStart,
    /// When fiscal years start.
    pub fiscal: FiscalYear,
}

/// In which periods a day counts. Days are counted from 1970-01-01.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The periods.
    pub grain: Grain,
    /// When they start; it has no zone.
    pub calendar: Calendar,
    /// What is accumulated, and when the weeks start since which it is.
    pub window: Option<(Window, Calendar)>,
    /// Other times, the innermost first, and when the weeks start that they speak of.
    pub shifts: Vec<(Shift, Calendar)>,
    /// The first period that is told.
    pub first: Option<i64>,
    /// The day before which the periods start that are told.
    pub end: Option<i64>,
    /// The first day of what they take their values from.
    pub source_first: Option<i64>,
    /// The last one.
    pub source_last: Option<i64>,
}

impl Meaning {
    /// What a function computes; `None` for a function that is not ours.
    pub fn of(function: &ScalarUDF) -> Option<Self> {
        let inner = function.inner();
        if let Some(bucket) = inner.downcast_ref::<Bucket>() {
            return Some(Self::Bucket(bucket.grain, Calendar::of(&bucket.clock)));
        }
        if let Some(part) = inner.downcast_ref::<PartOf>() {
            return Some(Self::Part(part.part, Calendar::of(&part.clock)));
        }
        if let Some(binned) = inner.downcast_ref::<Binned>() {
            return Some(Self::Bin(binned.bins));
        }
        if let Some(checked) = inner.downcast_ref::<Checked>() {
            return Some(Self::Checked(checked.op));
        }
        if inner.downcast_ref::<DecimalMean>().is_some() {
            return Some(Self::DecimalMean);
        }
        if inner.downcast_ref::<Rounded>().is_some() {
            return Some(Self::Rounded);
        }
        if inner.downcast_ref::<Kept>().is_some() {
            return Some(Self::Kept);
        }
        if inner.downcast_ref::<WithinDigits>().is_some() {
            return Some(Self::WithinDigits);
        }
        if inner.downcast_ref::<Doubles>().is_some() {
            return Some(Self::Double);
        }
        if let Some(later) = inner.downcast_ref::<Later>() {
            return Some(Self::Later(later.count, later.unit, Calendar::of(&later.clock)));
        }
        if inner.downcast_ref::<Midnight>().is_some() {
            return Some(Self::Midnight);
        }
        if inner.downcast_ref::<WholeDay>().is_some() {
            return Some(Self::Day);
        }
        if inner.downcast_ref::<Micros>().is_some() {
            return Some(Self::Instant);
        }
        if let Some(alike) = inner.downcast_ref::<Alike>() {
            return Some(Self::Alike(alike.to.clone()));
        }
        if inner.downcast_ref::<MaskHash>().is_some() {
            return Some(Self::MaskHash);
        }
        match &inner.downcast_ref::<Periods>()?.kind {
            Kind::Reported(reporting) => reported(reporting),
            Kind::Gap(grain, rules) => Some(Self::Gap(*grain, Calendar::without_zone(*rules))),
        }
    }
}

impl Calendar {
    fn of(clock: &Clock) -> Self {
        let zone = clock.zone.iana_name().map(str::to_owned);
        Self { zone, ..Self::without_zone(clock.rules()) }
    }

    fn without_zone(rules: Rules) -> Self {
        Self { zone: None, week_start: rules.week_start, fiscal: rules.fiscal }
    }
}

fn reported(reporting: &Reporting) -> Option<Meaning> {
    let grain = reporting.grain?;
    let floor = |day: i32| calendar::floor(i64::from(day), grain, reporting.rules);
    let shifts = reporting.shifts.iter();
    let shifts = shifts.map(|(shift, rules)| (*shift, Calendar::without_zone(*rules)));
    Some(Meaning::Reported(Box::new(Reported {
        grain,
        calendar: Calendar::without_zone(reporting.rules),
        window: reporting.window.map(|window| (window, Calendar::without_zone(reporting.since))),
        shifts: shifts.collect(),
        first: reporting.from.map(floor),
        end: reporting.to.map(i64::from),
        source_first: reporting.source_from(),
        source_last: reporting.source_to().map(|to| to - 1),
    })))
}
