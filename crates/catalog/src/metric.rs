//! A metric of a snapshot: an expression over leaves, each one aggregation at its own grain.

use crate::definitions::{Pick, ReportDay};
use crate::expr::Expr;
use crate::ids::{CollectionId, FieldId, FieldPath, MetricId, TableId};
use crate::query::RelativeUnit;
use crate::report::Origin;

/// The most rows of a group that make sense: beyond it nothing is told of most tables.
const MOST_ROWS: u32 = 1_000_000;

/// A `min_group_size`, as models and policies have it: from 2, since with 1 every row is told alone.
///
/// # Errors
/// What is wrong with it, for its author.
pub fn checked_group_size(rows: u32) -> Result<u32, String> {
    match rows {
        2..=MOST_ROWS => Ok(rows),
        _ => Err(format!("`min_group_size` is a number of rows from 2 to {MOST_ROWS}")),
    }
}

/// A governed number: a calculation over aggregations of tables.
#[derive(Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its identity in this snapshot.
    pub id: MetricId,
    /// Its name.
    pub name: String,
    /// Its number on the wire, below 2^53.
    pub number: u64,
    /// What a person calls it.
    pub label: Option<String>,
    /// What it measures.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// How it was written.
    pub kind: MetricKind,
    /// The calculation: its inputs are the leaves, by position.
    pub expr: Expr,
    /// The aggregations it is computed from, each at the grain of its own table; never empty.
    pub leaves: Vec<Leaf>,
    /// The metrics it is written over, all the way down.
    pub uses: Vec<MetricId>,
    /// The unit of the number.
    pub unit: Option<String>,
    /// The collection it is kept in.
    pub collection: Option<CollectionId>,
    /// Whether its owner vouches for it.
    pub verified: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// How a metric was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// One aggregation of one table.
    Simple,
    /// One metric divided by another.
    Ratio,
    /// A calculation over metrics.
    Derived,
    /// A metric accumulated over time.
    Cumulative,
    /// How many events are followed by others.
    Conversion,
}

impl MetricKind {
    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Ratio => "ratio",
            Self::Derived => "derived",
            Self::Cumulative => "cumulative",
            Self::Conversion => "conversion",
        }
    }
}

/// One aggregation that metrics are computed from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Leaf {
    /// The table whose rows it aggregates: its grain.
    pub table: TableId,
    /// The temporal field it is reported over.
    pub time: Option<FieldId>,
    /// The aggregation, and what is calculated from it.
    pub expr: Expr,
    /// Only rows for which all of these are true count.
    pub filters: Vec<Expr>,
    /// For a number that is not added up over time.
    pub semi_additive: Option<SemiAdditive>,
    /// For a number that is accumulated over time.
    pub window: Option<Window>,
    /// The other times that its value is taken from, in the order in which they apply.
    pub shifts: Vec<Shift>,
    /// For the number of events that are followed by others.
    pub conversion: Option<Box<Conversion>>,
    /// Whether periods without data have a row.
    pub dense: bool,
    /// Fields that a question groups by or narrows to one value.
    pub requires: Vec<FieldId>,
    /// Of how many rows it is told at least, where not of single ones.
    pub min_group_size: Option<u32>,
    /// The metric with whose author's rights its expressions read fields, where not with those of
    /// who asks.
    pub definer: Option<String>,
    /// The stored fields it reads.
    pub inputs: Vec<FieldPath>,
}

/// A number of which only the rows of one time count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemiAdditive {
    /// The temporal field over which it is not added up.
    pub over: FieldId,
    /// The first or last time.
    pub pick: Pick,
    /// What has a first and last time of its own; empty: each group as a whole.
    pub per: Vec<FieldPath>,
}

/// The rows that a period's value is accumulated from: up to the end of the period's day, which
/// is its first or last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Where it starts.
    pub start: WindowStart,
    /// The day of the period that tells its value.
    pub report: ReportDay,
}

/// Where a window starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowStart {
    /// With the first row there is.
    AllTime,
    /// This many units before the end of its last day.
    Trailing(u32, RelativeUnit),
    /// With the period that its last day lies in.
    ToDate(RelativeUnit),
}

/// Another time to take a value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shift {
    /// This many calendar units earlier.
    Back(u32, RelativeUnit),
    /// The first period of the longer one.
    StartOf(RelativeUnit),
}

/// Events that follow those of the leaf's table.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The table of the events that follow.
    pub table: TableId,
    /// When they happen.
    pub time: FieldId,
    /// Only those for which all of these are true count.
    pub filters: Vec<Expr>,
    /// What must be equal in both events, the base's first: the entity, then constant properties.
    pub on: Vec<(FieldPath, FieldPath)>,
    /// How long after a base event a conversion still counts.
    pub window: Option<(u32, RelativeUnit)>,
    /// The stored fields it reads of the events that follow.
    pub inputs: Vec<FieldPath>,
}

impl Metric {
    /// The table of its first aggregation, and the only one of most metrics.
    pub fn table(&self) -> Option<TableId> {
        self.leaves.first().map(|leaf| leaf.table)
    }

    /// The tables whose rows it aggregates, each once.
    pub fn tables(&self) -> Vec<TableId> {
        let mut tables = Vec::new();
        let events = |leaf: &Leaf| leaf.conversion.as_ref().map(|c| c.table);
        for table in self.leaves.iter().flat_map(|leaf| [Some(leaf.table), events(leaf)]).flatten()
        {
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        tables
    }

    /// The temporal field that it is reported over, where that is one.
    pub fn time(&self) -> Option<FieldId> {
        let first = self.leaves.first()?.time;
        first.filter(|_| self.leaves.iter().all(|leaf| leaf.time == first))
    }
}

impl Leaf {
    /// The conditions and aggregations over the rows of the leaf's own table.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        std::iter::once(&self.expr).chain(&self.filters)
    }
}
