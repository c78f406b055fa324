//! A question, as plain data: what the JSON of the query language says, and no more.

use super::bins::Cut;
use super::calendar::{Unit, WeekStart};
use super::cell::Cell;
use super::world::{Function, Shift};
use super::zones::Zone;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All hold.
    And(Vec<Condition>),
    /// One holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field compares.
    Field {
        /// Its name.
        field: String,
        /// A grain or part.
        grain: Option<&'static str>,
        /// The operator.
        op: &'static str,
        /// With what.
        values: Vec<Cell>,
        /// Whether case counts.
        case: bool,
    },
    /// A stretch of time: `last`, `this` or `previous`.
    Relative(String, &'static str, i32, Unit),
    /// A named condition of the table, or of one that relationships lead to.
    Segment(String),
    /// There is a related row.
    Exists(String, Option<Box<Condition>>),
    /// The metric's value compares, for what the relationships lead to.
    Metric(String, Option<String>, &'static str, Vec<Cell>),
}

/// A metric that is asked for.
#[derive(Clone, Debug)]
pub struct AskedMetric {
    /// Its name.
    pub name: String,
    /// The name of the column.
    pub alias: String,
    /// Only these rows.
    pub filter: Option<Condition>,
    /// Another time.
    pub offset: Option<Shift>,
    /// `value`, `difference` or `ratio`.
    pub compare: Option<&'static str>,
}

/// A measure that is asked for.
#[derive(Clone, Debug)]
pub struct AskedMeasure {
    /// Its name.
    pub name: String,
    /// The name of the column.
    pub alias: String,
    /// Only these rows.
    pub filter: Option<Condition>,
}

/// An aggregation that is made up.
#[derive(Clone, Debug)]
pub struct AskedAggregation {
    /// The function.
    pub function: Function,
    /// Of what.
    pub field: Option<String>,
    /// A grain or part that takes the place of the values.
    pub grain: Option<&'static str>,
    /// The name of the column.
    pub alias: String,
    /// Only these rows.
    pub filter: Option<Condition>,
}

impl AskedAggregation {
    /// An aggregation of all rows, of the values as they are.
    pub fn new(function: Function, field: Option<String>, alias: String) -> Self {
        Self { function, field, grain: None, alias, filter: None }
    }
}

/// A field to group by or to list.
#[derive(Clone, Debug)]
pub struct AskedField {
    /// Its name.
    pub field: String,
    /// What stands in place of its values.
    pub cut: Option<Cut>,
    /// The name of the column.
    pub alias: String,
}

/// A share of a total.
#[derive(Clone, Debug)]
pub struct AskedShare {
    /// Of which column.
    pub of: String,
    /// Within which groups.
    pub within: Vec<String>,
    /// The name of the column.
    pub alias: String,
}

/// A question.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// To the answer of another one.
    pub from: Option<Box<Question>>,
    /// The table.
    pub table: Option<String>,
    /// Columns of the model that the question calculates itself, each with how. Their names are
    /// those of the model here, and others in JSON.
    pub calculated: Vec<(String, String)>,
    /// Metrics.
    pub metrics: Vec<AskedMetric>,
    /// Measures of the table.
    pub measures: Vec<AskedMeasure>,
    /// Aggregations.
    pub aggregations: Vec<AskedAggregation>,
    /// Fields to list.
    pub fields: Vec<AskedField>,
    /// Keys of groups.
    pub group_by: Vec<AskedField>,
    /// Which rows count.
    pub filter: Option<Condition>,
    /// Named conditions that hold beside the filter.
    pub segments: Vec<String>,
    /// Which rows of the answer are given.
    pub having: Option<Condition>,
    /// Rows of totals.
    pub totals: Vec<Vec<String>>,
    /// Shares.
    pub shares: Vec<AskedShare>,
    /// Columns, and whether the largest comes first.
    pub order_by: Vec<(String, bool)>,
    /// The most rows.
    pub limit: Option<usize>,
    /// Whose days.
    pub time_zone: Option<Zone>,
    /// Which weeks.
    pub week_start: Option<WeekStart>,
}

impl Condition {
    /// Another condition that holds beside it.
    pub(crate) fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut parts) => {
                parts.push(other);
                Self::And(parts)
            }
            first => Self::And(vec![first, other]),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Whether the order of the rows is determined.
    pub ordered: bool,
}

impl Answer {
    /// Its rows with the columns in an order; none where one of them is missing.
    pub fn in_order(&self, names: &[String]) -> Option<Vec<Vec<Cell>>> {
        let place = |name: &String| self.head.iter().position(|known| known == name);
        let places: Vec<usize> = names.iter().map(place).collect::<Option<_>>()?;
        let row = |row: &Vec<Cell>| places.iter().map(|place| row[*place].clone()).collect();
        Some(self.rows.iter().map(row).collect())
    }
}
