//! Which rows count.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decode::{Items, Located};
use crate::time::Grain;

use super::ask::Truncation;
use super::values::Value;

/// A condition.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "FilterFull", into = "FilterFull")]
#[schemars(with = "FilterFull")]
pub enum Filter {
    /// All of them hold.
    And(Items<Filter>),
    /// One of them holds.
    Or(Items<Filter>),
    /// It does not hold; where it is unknown, neither does this.
    Not(Box<Filter>),
    /// A named condition of the table.
    Segment(Located<String>),
    /// There is a related row, on the other side of a relationship that leads to many.
    Exists {
        /// The relationship, with those that lead to it; or the table.
        path: Located<String>,
        /// What must hold of the related row.
        filter: Option<Box<Filter>>,
    },
    /// A comparison of a metric's value, for what the row belongs to.
    Metric {
        /// The metric.
        metric: Located<String>,
        /// What the row belongs to: the relationships that lead there; the row itself if left out.
        per: Option<Located<String>>,
        /// How.
        op: Op,
        /// With what.
        values: Vec<Value>,
    },
    /// A comparison of one field.
    Field {
        /// The field.
        field: Located<String>,
        /// Compare this grain or part of a temporal field.
        grain: Option<Truncation>,
        /// How.
        op: Op,
        /// With what; how many is checked against `op`.
        values: Vec<Value>,
        /// Whether upper and lower case differ (contains, starts_with, ends_with).
        case_sensitive: bool,
    },
    /// A stretch of time, counted from now.
    Relative {
        /// The temporal field.
        field: Located<String>,
        /// Which stretch.
        op: Op,
        /// How many units.
        count: u32,
        /// The unit.
        unit: RelativeUnit,
    },
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Equal.
    #[serde(rename = "=")]
    Eq,
    /// Different; a missing value is different.
    #[serde(rename = "!=")]
    NotEq,
    /// Less.
    #[serde(rename = "<")]
    Lt,
    /// Less or equal.
    #[serde(rename = "<=")]
    LtEq,
    /// Greater.
    #[serde(rename = ">")]
    Gt,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GtEq,
    /// Equal to one of the values.
    In,
    /// Equal to none of the values; a missing value is equal to none.
    NotIn,
    /// From the first to the second value, both included.
    Between,
    /// From the first value up to, but without, the second.
    InRange,
    /// Missing.
    IsNull,
    /// Present.
    NotNull,
    /// Contains one of the texts.
    Contains,
    /// Contains none of the texts.
    NotContains,
    /// Starts with one of the texts.
    StartsWith,
    /// Ends with one of the texts.
    EndsWith,
    /// Missing or the empty text.
    Empty,
    /// Present and not the empty text.
    NotEmpty,
    /// The last `count` complete and current units up to now.
    Last,
    /// The current unit.
    This,
    /// The `count` complete units before the current one.
    Previous,
}

/// The unit of a relative stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelativeUnit {
    /// Calendar days.
    Day,
    /// Weeks from the week start.
    Week,
    /// Calendar months.
    Month,
    /// Calendar quarters.
    Quarter,
    /// Calendar years.
    Year,
}

impl RelativeUnit {
    /// The grain of the unit's periods.
    pub fn grain(self) -> Grain {
        match self {
            Self::Day => Grain::Day,
            Self::Week => Grain::Week,
            Self::Month => Grain::Month,
            Self::Quarter => Grain::Quarter,
            Self::Year => Grain::Year,
        }
    }
}

impl Op {
    /// How the operator is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "!=",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Between => "between",
            Self::InRange => "in_range",
            Self::IsNull => "is_null",
            Self::NotNull => "not_null",
            Self::Contains => "contains",
            Self::NotContains => "not_contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Empty => "empty",
            Self::NotEmpty => "not_empty",
            Self::Last => "last",
            Self::This => "this",
            Self::Previous => "previous",
        }
    }

    /// Whether it is of a stretch of time, counted from now.
    pub fn is_relative(self) -> bool {
        matches!(self, Self::Last | Self::This | Self::Previous)
    }

    /// The most texts that one condition of JSON looks for: each text is searched for all of them.
    pub const MOST_TEXTS: usize = 100;

    /// Whether it looks into texts, where upper and lower case may count.
    pub fn is_of_texts(self) -> bool {
        matches!(self, Self::Contains | Self::NotContains | Self::StartsWith | Self::EndsWith)
    }

    /// How many values it compares with, where a list of them has at most so many.
    pub fn takes(self, most: usize) -> RangeInclusive<usize> {
        match self {
            Self::IsNull
            | Self::NotNull
            | Self::Empty
            | Self::NotEmpty
            | Self::Last
            | Self::This
            | Self::Previous => 0..=0,
            Self::Between | Self::InRange => 2..=2,
            Self::In | Self::NotIn => 0..=most,
            Self::Contains | Self::NotContains | Self::StartsWith | Self::EndsWith => 1..=most,
            Self::Eq | Self::NotEq | Self::Lt | Self::LtEq | Self::Gt | Self::GtEq => 1..=1,
        }
    }
}

/// A condition: exactly one of `and`, `or`, `not`, `segment`, `exists`, `metric` and `field`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Filter", transform = super::schema::one_condition)]
struct FilterFull {
    /// All of these hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    and: Option<Items<Filter>>,
    /// One of these holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    or: Option<Items<Filter>>,
    /// This does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Option<Box<Filter>>,
    /// A named condition of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<Located<String>>,
    /// There is a related row: the relationship that leads to many rows, or their table.
    #[serde(skip_serializing_if = "Option::is_none")]
    exists: Option<Located<String>>,
    /// Beside `exists`: what must hold of the related row.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Box<Filter>>,
    /// The metric to compare, for what the row belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Located<String>>,
    /// Beside `metric`: what the row belongs to, as the relationships that lead there; the row
    /// itself if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<Located<String>>,
    /// The field to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Located<String>>,
    /// A grain or part of a temporal field to compare instead of its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    grain: Option<Truncation>,
    /// How to compare; `=` if left out with one value, `in` with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<Op>,
    /// The value to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// The values to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::known_values")]
    values: Option<Vec<Value>>,
    /// For contains, starts_with and ends_with; they ignore case if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    case_sensitive: Option<bool>,
    /// For `last` and `previous`: how many units; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    count: Option<u32>,
    /// For `last`, `this` and `previous`: the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<RelativeUnit>,
}

impl TryFrom<FilterFull> for Filter {
    type Error = String;

    fn try_from(full: FilterFull) -> Result<Self, String> {
        let given = [
            full.and.is_some(),
            full.or.is_some(),
            full.not.is_some(),
            full.segment.is_some(),
            full.exists.is_some(),
            full.metric.is_some(),
            full.field.is_some(),
        ];
        if given.iter().filter(|g| **g).count() != 1 {
            return Err("a condition has exactly one of `and`, `or`, `not`, `segment`, `exists`, \
                        `metric` and `field`"
                .to_owned());
        }
        if full.filter.is_some() && full.exists.is_none() {
            return Err("`filter` belongs beside `exists`".to_owned());
        }
        if full.per.is_some() && full.metric.is_none() {
            return Err("`per` belongs beside `metric`".to_owned());
        }
        let beside = [
            ("op", full.op.is_some()),
            ("value", full.value.is_some()),
            ("values", full.values.is_some()),
            ("grain", full.grain.is_some()),
            ("case_sensitive", full.case_sensitive.is_some()),
            ("count", full.count.is_some()),
            ("unit", full.unit.is_some()),
        ];
        let compared = ["op", "value", "values"];
        let stray = beside.iter().find(|(name, given)| {
            *given && full.field.is_none() && !(full.metric.is_some() && compared.contains(name))
        });
        if let Some((name, _)) = stray {
            return Err(format!("`{name}` belongs beside `field`"));
        }
        match full {
            FilterFull { and: Some(items), .. } => Ok(Self::And(items)),
            FilterFull { or: Some(items), .. } => Ok(Self::Or(items)),
            FilterFull { not: Some(inner), .. } => Ok(Self::Not(inner)),
            FilterFull { segment: Some(name), .. } => Ok(Self::Segment(name)),
            FilterFull { exists: Some(path), filter, .. } => Ok(Self::Exists { path, filter }),
            FilterFull { metric: Some(metric), per, op, value, values, .. } => {
                let name = Located::from(String::new());
                match comparison(name, None, op, value, values, None, None, None)? {
                    Filter::Field { op, values, .. } => {
                        Ok(Self::Metric { metric, per, op, values })
                    }
                    _ => Err("a metric is compared with values".to_owned()),
                }
            }
            FilterFull { field: Some(field), .. } => comparison(
                field,
                full.grain,
                full.op,
                full.value,
                full.values,
                full.case_sensitive,
                full.count,
                full.unit,
            ),
            _ => Err("a condition is empty".to_owned()),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the members of one flat JSON object")]
fn comparison(
    field: Located<String>,
    grain: Option<Truncation>,
    op: Option<Op>,
    value: Option<Value>,
    values: Option<Vec<Value>>,
    case_sensitive: Option<bool>,
    count: Option<u32>,
    unit: Option<RelativeUnit>,
) -> Result<Filter, String> {
    if value.is_some() && values.is_some() {
        return Err("give `value` or `values`, not both".to_owned());
    }
    let op = op.unwrap_or(if values.is_some() { Op::In } else { Op::Eq });
    let name = op.name();
    if op.is_relative() {
        if value.is_some() || values.is_some() || grain.is_some() || case_sensitive.is_some() {
            return Err(format!("`{name}` takes `count` and `unit`, nothing else"));
        }
        let Some(unit) = unit else {
            return Err(format!("`{name}` wants a `unit`: day, week, month, quarter or year"));
        };
        let count = count.unwrap_or(1);
        if count == 0 || count > 10_000 || (op == Op::This && count != 1) {
            return Err(format!("`count` is from 1 to 10000, and 1 for `{}`", Op::This.name()));
        }
        return Ok(Filter::Relative { field, op, count, unit });
    }
    if count.is_some() || unit.is_some() {
        return Err(format!("`count` and `unit` do not belong to `{name}`"));
    }
    let texts = op.is_of_texts();
    if case_sensitive.is_some() && !texts {
        return Err(format!("`case_sensitive` does not belong to `{name}`"));
    }
    let values: Vec<Value> = value.into_iter().chain(values.into_iter().flatten()).collect();
    let wanted = op.takes(if texts { Op::MOST_TEXTS } else { 1_000 });
    if !wanted.contains(&values.len()) {
        let wants = match op {
            Op::Between | Op::InRange => "two `values`".to_owned(),
            Op::In | Op::NotIn => "at most 1000 `values`".to_owned(),
            _ if *wanted.end() == 0 => "no value".to_owned(),
            _ if *wanted.end() == 1 => "one `value`".to_owned(),
            _ => format!("1 to {} `values`", Op::MOST_TEXTS),
        };
        // A `null` reads like nothing at all.
        let missing = matches!(op, Op::Eq | Op::NotEq) && values.is_empty();
        let hint = if missing { "; `is_null` asks for missing values" } else { "" };
        return Err(format!("`{name}` wants {wants}, not {}{hint}", values.len()));
    }
    let case_sensitive = case_sensitive.unwrap_or(false);
    Ok(Filter::Field { field, grain, op, values, case_sensitive })
}

impl From<Filter> for FilterFull {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::And(items) => Self { and: Some(items), ..Self::default() },
            Filter::Or(items) => Self { or: Some(items), ..Self::default() },
            Filter::Not(inner) => Self { not: Some(inner), ..Self::default() },
            Filter::Segment(name) => Self { segment: Some(name), ..Self::default() },
            Filter::Exists { path, filter } => {
                Self { exists: Some(path), filter, ..Self::default() }
            }
            Filter::Metric { metric, per, op, mut values } => {
                let single = values.len() == 1 && !matches!(op, Op::In | Op::NotIn);
                let value = if single { values.pop() } else { None };
                Self {
                    metric: Some(metric),
                    per,
                    op: Some(op),
                    value,
                    values: (!values.is_empty() || matches!(op, Op::In | Op::NotIn))
                        .then_some(values),
                    ..Self::default()
                }
            }
            Filter::Relative { field, op, count, unit } => Self {
                field: Some(field),
                op: Some(op),
                count: (count != 1).then_some(count),
                unit: Some(unit),
                ..Self::default()
            },
            Filter::Field { field, grain, op, mut values, case_sensitive } => {
                let single = values.len() == 1 && !matches!(op, Op::In | Op::NotIn);
                let value = if single { values.pop() } else { None };
                Self {
                    field: Some(field),
                    grain,
                    op: Some(op),
                    value,
                    values: (!values.is_empty() || matches!(op, Op::In | Op::NotIn))
                        .then_some(values),
                    case_sensitive: case_sensitive.then_some(true),
                    ..Self::default()
                }
            }
        }
    }
}

impl Filter {
    /// A comparison of a field with one value.
    pub fn compare(field: &str, op: Op, value: impl Into<Value>) -> Self {
        Self::with(field, op, vec![value.into()])
    }

    /// The field equals the value.
    pub fn eq(field: &str, value: impl Into<Value>) -> Self {
        Self::compare(field, Op::Eq, value)
    }

    /// The field equals one of the values.
    pub fn is_in<V: Into<Value>>(field: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::with(field, Op::In, values.into_iter().map(Into::into).collect())
    }

    /// From `low` up to, but without, `high`.
    pub fn in_range(field: &str, low: impl Into<Value>, high: impl Into<Value>) -> Self {
        Self::with(field, Op::InRange, vec![low.into(), high.into()])
    }

    /// The value is missing.
    pub fn is_null(field: &str) -> Self {
        Self::with(field, Op::IsNull, Vec::new())
    }

    /// The `count` complete units before the current one.
    pub fn previous(field: &str, count: u32, unit: RelativeUnit) -> Self {
        Self::relative(field, Op::Previous, count, unit)
    }

    /// The `count` complete units before the current one, and the current one.
    pub fn last(field: &str, count: u32, unit: RelativeUnit) -> Self {
        Self::relative(field, Op::Last, count, unit)
    }

    /// The current unit.
    pub fn this(field: &str, unit: RelativeUnit) -> Self {
        Self::relative(field, Op::This, 1, unit)
    }

    fn relative(field: &str, op: Op, count: u32, unit: RelativeUnit) -> Self {
        Self::Relative { field: Located::from(field.to_owned()), op, count, unit }
    }

    /// A named condition of the table, or of one that it leads to: `customer.west`.
    pub fn segment(name: &str) -> Self {
        Self::Segment(Located::from(name.to_owned()))
    }

    /// There is a row behind a relationship that leads to many, or of a table, for which `filter`
    /// holds.
    pub fn exists(path: &str, filter: Option<Filter>) -> Self {
        Self::Exists { path: Located::from(path.to_owned()), filter: filter.map(Box::new) }
    }

    /// The metric, for what the row belongs to over the relationships `per`, compares so.
    pub fn metric(metric: &str, per: &str, op: Op, value: impl Into<Value>) -> Self {
        Self::Metric {
            metric: Located::from(metric.to_owned()),
            per: (!per.is_empty()).then(|| Located::from(per.to_owned())),
            op,
            values: vec![value.into()],
        }
    }

    /// All of these hold. Without a condition it is refused.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::And(items(conditions))
    }

    /// One of these holds. Without a condition it is refused.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::Or(items(conditions))
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut items) if !items.is_empty() => {
                items.push(other);
                Self::And(items)
            }
            first => Self::all([first, other]),
        }
    }

    /// One of both holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// It does not hold.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// A comparison of a field with any number of values.
    pub fn with(field: &str, op: Op, values: Vec<Value>) -> Self {
        let field = Located::from(field.to_owned());
        Self::Field { field, grain: None, op, values, case_sensitive: false }
    }

    /// The same for tests of texts (contains, starts_with, ends_with), in which upper and lower case
    /// differ then.
    pub fn with_case(field: &str, op: Op, values: Vec<Value>) -> Self {
        let field = Located::from(field.to_owned());
        Self::Field { field, grain: None, op, values, case_sensitive: true }
    }

    /// A comparison of a grain or part of a temporal field with any number of values.
    pub fn with_grain(field: &str, grain: Truncation, op: Op, values: Vec<Value>) -> Self {
        let field = Located::from(field.to_owned());
        Self::Field { field, grain: Some(grain), op, values, case_sensitive: false }
    }
}

/// Conditions as a list.
fn items(conditions: impl IntoIterator<Item = Filter>) -> Items<Filter> {
    let mut items = Items::default();
    for condition in conditions {
        items.push(condition);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[track_caller]
    fn check_refused(json: &str, words: &str) {
        let read = serde_json::from_str::<Filter>(json);
        let told = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(words), "{json}: {told}");
    }

    #[test]
    fn nothing_beside_a_condition_is_ignored() {
        for name in ["op", "value", "values", "grain", "case_sensitive", "count", "unit"] {
            let value = match name {
                "op" => "\"=\"",
                "values" => "[1]",
                "case_sensitive" => "true",
                "grain" | "unit" => "\"month\"",
                _ => "1",
            };
            let words = format!("`{name}` belongs beside `field`");
            check_refused(&format!(r#"{{"segment": "s", "{name}": {value}}}"#), &words);
            check_refused(&format!(r#"{{"and": [], "{name}": {value}}}"#), &words);
        }
        check_refused(
            r#"{"field": "a", "value": 1, "case_sensitive": true}"#,
            "`case_sensitive` does not belong to `=`",
        );
        check_refused(
            r#"{"field": "a", "op": "this", "unit": "day", "case_sensitive": true}"#,
            "nothing else",
        );
        check_refused(r#"{"field": "a", "value": null}"#, "`is_null`");
    }
}
