//! A small world: tables with rows, how they lead to each other, and metrics over them.

use super::calculated::Expression;
use super::calendar::{Calendar, Unit};
use super::cell::Cell;
use super::policy::Mask;
use super::question::Question;
use super::scope::Scope;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Decimals with two digits after the point.
    Decimal,
    /// Doubles.
    Double,
    /// Texts.
    Text,
    /// True and false.
    Bool,
    /// Dates.
    Date,
    /// Instants.
    Instant,
}

impl Kind {
    /// Whether it can be added up.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal | Self::Double)
    }

    /// Whether it is a time.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Instant)
    }
}

/// A column; `dimension` says that columns of other tables mean the same.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// What it means beyond its table.
    pub dimension: Option<String>,
    /// The zone that its instants are stored with, which changes none of them.
    pub zone: Option<&'static str>,
    /// For the asker there is no such column.
    pub hidden: bool,
    /// What it is computed from, where it is not stored.
    pub calculated: Option<Expression>,
    /// The type that a derived table says it has.
    pub data_type: Option<&'static str>,
    /// The asker sees others in place of some of its values, or none.
    pub masked: bool,
    /// What the asker sees in its place, of a derived table.
    pub mask: Option<Mask>,
    /// The column with the stored values, where the asker sees others.
    pub clear: Option<usize>,
    /// In which rows the asker sees what is calculated, where not in all.
    pub shown_in: Option<Vec<bool>>,
}

impl Column {
    /// A column that everybody sees.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            dimension: None,
            zone: None,
            hidden: false,
            calculated: None,
            data_type: None,
            masked: false,
            mask: None,
            clear: None,
            shown_in: None,
        }
    }
}

/// A relationship to at most one row of another table, whose primary key equals the column, or both
/// columns, or is its day, and which holds at the time of the row where that table keeps a history.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The position of the column with the key.
    pub column: usize,
    /// The position of the column with the second part of the key, where it has two.
    pub rest: Option<usize>,
    /// At most one row leads to each: the model says so.
    pub one: bool,
    /// The position of the table that it leads to.
    pub to: usize,
    /// Which time of the row decides, where it is not the time of what is computed.
    pub as_of: Option<usize>,
    /// The same relationship, declared from there.
    pub back: Option<Back>,
}

impl Link {
    /// The positions of the columns with the key. One that is missing leads nowhere.
    pub fn columns(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.column).chain(self.rest)
    }
}

/// A relationship to the many rows that lead to a row.
#[derive(Clone, Debug)]
pub struct Back {
    /// Its name.
    pub name: String,
    /// Rows may be grouped by what it leads to.
    pub bridge: bool,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Where its rows lead.
    pub links: Vec<Link>,
    /// Named conditions.
    pub segments: Vec<(String, Rule)>,
    /// Named aggregations.
    pub measures: Vec<Measure>,
    /// The position of its primary key.
    pub key: usize,
    /// The position of the second column of its primary key, where it has two.
    pub rest: Option<usize>,
    /// The position of its time.
    pub time: Option<usize>,
    /// From when until when a row holds, where it keeps a history.
    pub validity: Option<(usize, usize)>,
    /// For the asker there is no such table.
    pub hidden: bool,
    /// The asker sees the primary key of every row.
    pub told_apart: bool,
    /// Of how many rows something is told to the asker at least, where not of single ones.
    pub min_group_size: Option<usize>,
    /// The question whose answer it is, where it is not stored.
    pub derived: Option<Question>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The positions of the columns of its primary key.
    pub fn keys(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.key).chain(self.rest)
    }

    /// The primary key of a row.
    pub(super) fn key_of(&self, row: usize) -> Vec<Cell> {
        self.keys().map(|key| self.rows[row][key].clone()).collect()
    }

    /// Whether it has a row for each day: times of other tables lead to theirs.
    pub fn is_calendar(&self) -> bool {
        self.columns[self.key].kind == Kind::Date
    }
}

/// An aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Rows, or values that are present.
    Count,
    /// Different values.
    CountDistinct,
    /// The sum.
    Sum,
    /// The mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The one in the middle.
    Median,
    /// At so many hundredths of the values, or between two of them.
    Percentile(u8),
    /// The first one with which so many hundredths of the values are complete.
    PercentileDisc(u8),
    /// Different values, not quite exactly.
    ApproxDistinct,
    /// The standard deviation of a sample.
    Stddev,
    /// The standard deviation of all values.
    StddevPop,
    /// The variance of a sample.
    Variance,
    /// The variance of all values.
    VariancePop,
}

impl Function {
    /// Whether it tells how far values lie apart. Its last digits depend on the order of additions.
    pub fn is_spread(self) -> bool {
        matches!(self, Self::Stddev | Self::StddevPop | Self::Variance | Self::VariancePop)
    }
}

/// A named aggregation of a table.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The function.
    pub function: Function,
    /// Of which column; rows if none.
    pub column: Option<usize>,
    /// The rows that the function is of, where not of all.
    pub filter: Option<Rule>,
    /// Divided by the number of all rows.
    pub per_row: bool,
}

/// A condition that the author of the model wrote, over one table: three-valued, as in SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// The column compares with the value.
    Compare(usize, &'static str, Cell),
    /// A part of the column, which is a time, compares with the number.
    Part(usize, &'static str, &'static str, i64),
    /// The first day of the unit in which the column lies compares with the day.
    Bucket(usize, Unit, &'static str, i32),
    /// The column is missing.
    IsNull(usize),
    /// Both.
    And(Box<Rule>, Box<Rule>),
    /// One of them.
    Or(Box<Rule>, Box<Rule>),
    /// It does not hold.
    Not(Box<Rule>),
}

/// Another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// So many units earlier.
    Back(i32, Unit),
    /// The first period of a longer one.
    StartOf(Unit),
}

/// Where a window starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first row.
    AllTime,
    /// So many units before its end.
    Trailing(i32, Unit),
    /// With the period that its last day lies in.
    ToDate(Unit),
}

/// A window, and whether the first day of a period tells its value, not the last one.
pub type Window = (Start, bool);

/// A number of one time only: the time's column, whether the first counts, and of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Semi {
    /// The column of the time.
    pub over: usize,
    /// The first, not the last.
    pub first: bool,
    /// Each combination of these columns has its own; empty: each group.
    pub per: Vec<usize>,
}

/// A metric that another one is computed from.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its position.
    pub metric: usize,
    /// Only these rows.
    pub filter: Option<Rule>,
    /// Its value of another time.
    pub offset: Option<Shift>,
}

/// A calculation over inputs, by position.
#[derive(Clone, Debug)]
pub enum Formula {
    /// An input.
    Input(usize),
    /// A whole number.
    Number(i64),
    /// `+`, `-`, `*` or `/`.
    Calculate(char, Box<Formula>, Box<Formula>),
}

/// How a metric is computed.
#[derive(Clone, Debug)]
pub enum Calculation {
    /// One aggregation of a table.
    Simple {
        /// The table.
        table: usize,
        /// The function.
        function: Function,
        /// Of which column; rows if none.
        column: Option<usize>,
        /// Only these rows.
        filter: Option<Rule>,
        /// A time that is not the table's.
        time: Option<usize>,
        /// Not added up over time.
        semi: Option<Semi>,
        /// Periods without data have a row.
        dense: bool,
    },
    /// One divided by another.
    Ratio(Input, Input),
    /// A formula over inputs.
    Derived(Formula, Vec<Input>),
    /// Accumulated over time.
    Cumulative(Input, Window),
    /// Events that follow others.
    Conversion {
        /// The count of what may be followed.
        base: Input,
        /// The count of what follows.
        follows: Input,
        /// Pairs of columns that are equal in both.
        on: Vec<(usize, usize)>,
        /// How long after it still counts.
        window: Option<(i32, Unit)>,
        /// The number of events, not their share.
        count: bool,
    },
}

/// A metric.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How it is computed.
    pub calculation: Calculation,
    /// What stands in place of a missing number.
    pub fill: Option<i64>,
    /// The measure of its table that is its aggregation, by position.
    pub measure: Option<usize>,
    /// The columns of its table that a question groups by, or narrows to one value each.
    pub requires: Vec<usize>,
    /// For the asker there is no such metric.
    pub hidden: bool,
}

impl Metric {
    /// A metric and nothing more.
    pub fn new(name: String, calculation: Calculation) -> Self {
        let (fill, measure, requires, hidden) = (None, None, Vec::new(), false);
        Self { name, calculation, fill, measure, requires, hidden }
    }
}

/// Tables and metrics.
#[derive(Clone, Debug)]
pub struct World {
    /// How its people count time where they say nothing else.
    pub calendar: Calendar,
    /// What time it is there, in microseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// The tables.
    pub tables: Vec<Table>,
    /// The metrics; each is computed from earlier ones.
    pub metrics: Vec<Metric>,
    /// What the asker's token may be used for, where it says so.
    pub scope: Option<Scope>,
}

impl World {
    /// The tables that are stored.
    pub fn stored(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.derived.is_none())
    }

    /// Whether rows of a table see versions by the time of what is computed.
    pub fn sees_history(&self, table: usize) -> bool {
        self.tables[table].links.iter().any(|link| {
            let to = &self.tables[link.to];
            !to.hidden && to.validity.is_some() && link.as_of.is_none()
        })
    }

    /// The relationships of a table to many rows, each with the table of these and the link that it
    /// is the other direction of.
    pub fn backs(&self, of: usize) -> impl Iterator<Item = (&Back, usize, &Link)> {
        let links = self.tables.iter().enumerate();
        let links = links.flat_map(|(index, table)| table.links.iter().map(move |l| (index, l)));
        let to_it = links.filter(move |(_, link)| link.to == of);
        to_it.filter_map(|(index, link)| Some((link.back.as_ref()?, index, link)))
    }
}
