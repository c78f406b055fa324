//! How a metric is written: one aggregation of a table, or a calculation over other metrics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decode::{Entries, Items, Located, optional};
use crate::query::{RelativeUnit, Value, shorthand};

/// A governed number. Exactly one of `expr`, `measure`, `ratio`, `derived`, `cumulative` and
/// `conversion` says what it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricDef {
    /// The number of the metric on the wire; keeps it through a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Located<u64>>,
    /// With `expr` or `measure`: the table whose rows it aggregates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Located<String>>,
    /// The aggregation, such as `sum(total)`; or use `measure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr: Option<Located<String>>,
    /// A measure of the table instead of an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<Located<String>>,
    /// Only rows for which this holds count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<String>>,
    /// The temporal field it is reported over; the table's if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Located<String>>,
    /// With `expr` or `measure`: not additive over time, such as a balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semi_additive: Option<Located<SemiAdditiveDef>>,
    /// One metric divided by another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Located<RatioDef>>,
    /// A calculation over metrics, such as `revenue - cost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived: Option<Located<String>>,
    /// What the names in `derived` stand for, where that is not simply the metric of that name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub inputs: Entries<MetricInput>,
    /// A metric accumulated over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumulative: Option<Located<CumulativeDef>>,
    /// How many events of one kind are followed by one of another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Located<ConversionDef>>,
    /// What stands in place of a missing number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_nulls_with: Option<Located<Value>>,
    /// Whether periods without data have a row, where the metric is asked over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_to_timespine: Option<bool>,
    /// Fields of the table that a question must group by, or narrow to one value: numbers of
    /// different units are not added up.
    #[serde(skip_serializing_if = "Items::is_empty", deserialize_with = "optional")]
    pub requires: Items<String>,
    /// With `expr` or `measure`: nothing is told of fewer rows than these; at least 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_group_size: Option<Located<u32>>,
    /// With `expr` or `measure`: whether it reads fields with its author's rights, so that whoever
    /// asks need not see them. It then has a `min_group_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definer: Option<Located<bool>>,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words people use for it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub synonyms: Vec<String>,
    /// The unit of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The collection it is kept in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<Located<String>>,
    /// Whether its owner vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A metric that another one is computed from.
#[derive(Clone, Debug, Serialize)]
pub struct MetricInput {
    /// Its name.
    pub metric: Located<String>,
    /// Only rows for which this holds too count: a condition over the table of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<String>>,
    /// Its value of another time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Located<OffsetDef>>,
}

/// A metric that another one is computed from, in full.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricInputFull")]
pub(crate) struct MetricInputFull {
    /// Its name.
    metric: Located<String>,
    /// Only rows for which this holds too count: a condition over the table of the metric.
    #[serde(default)]
    filter: Option<Located<String>>,
    /// Its value of another time.
    #[serde(default)]
    offset: Option<Located<OffsetDef>>,
}

impl From<MetricInputFull> for MetricInput {
    fn from(full: MetricInputFull) -> Self {
        Self { metric: full.metric, filter: full.filter, offset: full.offset }
    }
}

impl MetricInput {
    /// A metric as it is.
    pub fn new(name: &str) -> Self {
        Self { metric: Located::from(name.to_owned()), filter: None, offset: None }
    }
}

shorthand!(
    MetricInput,
    MetricInputFull,
    "the name of a metric, or {metric, filter, offset}",
    "MetricInput",
    false
);

/// One metric divided by another, in double precision; NULL where the divisor is 0 or NULL.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatioDef {
    /// What is divided.
    pub numerator: Located<MetricInput>,
    /// By what.
    pub denominator: Located<MetricInput>,
}

/// Another time: exactly one of `unit` and `to`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = crate::query::schema::one_time)]
pub struct OffsetDef {
    /// How many units earlier; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub count: Option<u32>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<RelativeUnit>,
    /// The first period of this longer one instead: `month` gives the value of its first day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<RelativeUnit>,
}

/// A number that is not added up over time: of each group only the rows of one time count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SemiAdditiveDef {
    /// The date or datetime over which it is not additive.
    pub over: Located<String>,
    /// Which rows count: those of the first or of the last time.
    pub pick: Pick,
    /// The first or last time of what: `global`, or of each of these fields' values.
    pub per: Located<PerDef>,
}

/// The first or the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The earliest time.
    First,
    /// The latest time.
    Last,
}

/// What has a first and last time of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PerDef {
    /// All rows of a group together.
    Global,
    /// Each combination of values of these fields.
    Fields(Vec<String>),
}

/// A metric accumulated over time: over all time, a trailing window, or since the start of a
/// period. The current period is part of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CumulativeDef {
    /// The metric.
    pub metric: Located<MetricInput>,
    /// The length of a trailing window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowDef>,
    /// Since the start of this period; not beside `window`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_date: Option<Located<RelativeUnit>>,
    /// Which day of a longer asked period tells its value; the last if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportDay>,
}

/// Which day of a period tells its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportDay {
    /// The first.
    First,
    /// The last.
    Last,
}

/// A length of calendar time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowDef {
    /// How many units, at least 1.
    pub count: u32,
    /// The unit.
    pub unit: RelativeUnit,
}

/// How many events of one kind are followed by one of another, of the same entity, in time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversionDef {
    /// A metric that counts the events that may be followed.
    pub base: Located<MetricInput>,
    /// A metric that counts the events that follow.
    pub conversion: Located<MetricInput>,
    /// Whose events they are: a field of the base table, then one of the conversion's.
    pub entity: PropertyDef,
    /// How long after a base event a conversion still counts; for ever if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowDef>,
    /// Whether it is the number of conversions, or their share of the base events.
    #[serde(default, deserialize_with = "optional")]
    pub gives: ConversionGives,
    /// Further fields that must be equal in both events.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub constant_properties: Vec<PropertyDef>,
}

/// A field of the base table and the one of the conversion's that must equal it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PropertyDef {
    /// The field of the base table.
    pub base: Located<String>,
    /// The field of the conversion's table.
    pub conversion: Located<String>,
}

/// What a conversion metric tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversionGives {
    /// The share of base events that were followed, 0 to 1.
    #[default]
    Rate,
    /// How many conversions there were.
    Count,
}
