//! The numbers that columns are computed from: which rows count in each, and of which time.

use std::fmt;

use sandbar_catalog::definitions::{Pick, ReportDay, WindowDef};
use sandbar_catalog::query::RelativeUnit;
use sandbar_catalog::time::Grain;
use sandbar_catalog::{Shift, Window, WindowStart};

use crate::query::Times;

/// An aggregation that a column is computed from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberOutline {
    /// What is aggregated, in the words of the expression language.
    pub aggregated: String,
    /// The table whose rows count; `None` where they are those of the answer of a question.
    pub table: Option<String>,
    /// Only rows for which all of these hold count.
    pub filters: Vec<String>,
    /// For a number that is accumulated over time: over which.
    pub window: Option<Window>,
    /// For a number of another time: how the asked time leads there, one step after the other.
    pub shifts: Vec<Shift>,
    /// For a number that is not added up over time.
    pub semi_additive: Option<SemiAdditiveOutline>,
    /// For the number of events that follow others.
    pub conversion: Option<ConversionOutline>,
}

/// A number of which only the rows of one time count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemiAdditiveOutline {
    /// The time over which it is not added up.
    pub over: String,
    /// The first or last time.
    pub pick: Pick,
    /// What has a first and last time of its own; empty: each group as a whole.
    pub per: Vec<String>,
}

/// Which events count in the number of those that follow others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversionOutline {
    /// The table of the events that are followed.
    pub base: String,
    /// When these happen.
    pub base_time: String,
    /// When the events that follow happen.
    pub time: String,
    /// Whose events they are.
    pub entity: PropertyOutline,
    /// What else must be equal in both.
    pub constant_properties: Vec<PropertyOutline>,
    /// How long after an event another one still follows it; for ever where there is none.
    pub window: Option<WindowDef>,
}

/// A field of events that are followed, and that of those that follow which must equal it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropertyOutline {
    /// Of the events that are followed.
    pub base: String,
    /// Of those that follow.
    pub conversion: String,
}

/// The periods that have a row whether they have data or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpineOutline {
    /// How long they are.
    pub grain: Grain,
    /// The time whose periods they are.
    pub of: String,
}

impl NumberOutline {
    /// Whether it is an aggregation of all rows, and of the asked time.
    pub(super) fn is_plain(&self) -> bool {
        self.filters.is_empty()
            && self.window.is_none()
            && self.shifts.is_empty()
            && self.semi_additive.is_none()
            && self.conversion.is_none()
    }
}

impl fmt::Display for NumberOutline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.aggregated)?;
        if let Some(conversion) = &self.conversion {
            let counted = self.table.as_deref().unwrap_or_default();
            write!(f, " of {counted} that follow {}", conversion.base)?;
            if let Some(WindowDef { count, unit }) = conversion.window {
                write!(f, " within {}", length(count, unit))?;
            }
            let pairs =
                conversion.pairs().map(|pair| format!("{} = {}", pair.base, pair.conversion));
            write!(f, ", with {}", pairs.collect::<Vec<_>>().join(" and "))?;
        }
        let mut times = Vec::new();
        if let Some(Window { start, report }) = self.window {
            times.push(match start {
                WindowStart::AllTime => "over all time".to_owned(),
                WindowStart::Trailing(count, unit) => {
                    format!("over the trailing {}", length(count, unit))
                }
                WindowStart::ToDate(unit) => format!("over the {} to date", unit.grain().name()),
            });
            if report == ReportDay::First {
                times.push("told on the first day".to_owned());
            }
        }
        if !self.shifts.is_empty() {
            times.push(moved(&self.shifts));
        }
        if !times.is_empty() {
            write!(f, " {}", times.join(", "))?;
        }
        if !self.filters.is_empty() {
            write!(f, " where {}", self.filters.join(" and "))?;
        }
        if let Some(SemiAdditiveOutline { over, pick, per }) = &self.semi_additive {
            let pick = match pick {
                Pick::First => "first",
                Pick::Last => "last",
            };
            write!(f, " at the {pick} {over}")?;
            if !per.is_empty() {
                write!(f, " per {}", per.join(", "))?;
            }
        }
        Ok(())
    }
}

impl ConversionOutline {
    fn pairs(&self) -> impl Iterator<Item = &PropertyOutline> {
        std::iter::once(&self.entity).chain(&self.constant_properties)
    }

    /// Which events follow which, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .pairs()
            .map(|pair| format!("{} is the same as {}", pair.conversion, pair.base))
            .collect();
        let mut when = format!("{} is not before {}", self.time, self.base_time);
        if let Some(WindowDef { count, unit }) = self.window {
            when.push_str(&format!(", and less than {} after it", length(count, unit)));
        }
        notes.push(when);
        notes
    }
}

/// Which rows count in the periods of a time.
pub(super) fn periods(time: &str, times: &Times) -> String {
    let shifts = steps(times);
    let Some(Window { start, report }) = times.window else {
        return format!("each period of {time} has the rows of the one {}", moved(&shifts));
    };
    let rows = match start {
        WindowStart::AllTime => "all rows".to_owned(),
        WindowStart::Trailing(count, unit) => format!("the rows of the {}", length(count, unit)),
        WindowStart::ToDate(unit) => {
            format!("the rows from the start of the {} on,", unit.grain().name())
        }
    };
    let day = match report {
        ReportDay::First => "first day",
        ReportDay::Last => "last day",
    };
    let end = match shifts.is_empty() {
        true => format!("its {day}"),
        false => format!("the {day} of the one {}", moved(&shifts)),
    };
    format!("each period of {time} has {rows} up to {end}")
}

/// How the asked time leads to the one that numbers are of.
pub(super) fn steps(times: &Times) -> Vec<Shift> {
    times.shifts.iter().rev().copied().collect()
}

fn moved(shifts: &[Shift]) -> String {
    let told = shifts.iter().map(|shift| match shift {
        Shift::Back(count, unit) => format!("{} earlier", length(*count, *unit)),
        Shift::StartOf(unit) => format!("at the start of the {}", unit.grain().name()),
    });
    told.collect::<Vec<_>>().join(", then ")
}

fn length(count: u32, unit: RelativeUnit) -> String {
    let unit = unit.grain().name();
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
