//! The query language: what an asker may say, as names only.
//!
//! One shape, [`SemanticQuery`], is read from JSON ([`SemanticQuery::from_json`]), stands in the
//! `query` of a derived table, or is built in Rust with the methods here.

mod ask;
mod filter;
pub(crate) mod schema;
mod values;

pub use ask::{
    Aggregation, Bin, Compare, FieldAsk, GroupBy, MeasureAsk, MetricAsk, Order, OrderBy, Share,
    Truncation,
};
pub(crate) use ask::{Shorthand, ShorthandVisitor, shorthand};
pub use filter::{Filter, Op, RelativeUnit};
pub(crate) use values::keeps;
pub use values::{
    Value, date_of_days, days_since_epoch, decimal, decimal_text, instant, large_whole,
    offset_at_the_end, plain_date,
};

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::decode::{Entries, Items, Located, MAX_PROBLEMS, Node, Problem, Problems, decode_first};
use crate::time::WeekStart;

/// A question, in names.
///
/// ```
/// use sandbar_catalog::query::{Filter, RelativeUnit, SemanticQuery};
///
/// let query = SemanticQuery::metric("revenue")
///     .group_by("product.category")
///     .filter(Filter::previous("created_at", 1, RelativeUnit::Quarter));
/// let same = SemanticQuery::from_json(
///     r#"{"metrics": ["revenue"], "group_by": ["product.category"],
///         "filter": {"field": "created_at", "op": "previous", "unit": "quarter"}}"#,
/// ).unwrap();
/// assert_eq!(serde_json::to_value(&query).unwrap(), serde_json::to_value(&same).unwrap());
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Sandbar query")]
pub struct SemanticQuery {
    /// A question whose answer is asked instead of a table: its columns are the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<Located<SemanticQuery>>>,
    /// The table asked; not needed when metrics say it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "ask::named")]
    #[schemars(with = "Option<ask::Name>")]
    pub table: Option<Located<String>>,
    /// Values calculated for this query, by the names that it gives them: expressions of the
    /// model's language over the fields of a row, or over the columns of `from`.
    #[serde(skip_serializing_if = "Entries::is_empty")]
    pub calculated: Entries<String>,
    /// Governed numbers, by name.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub metrics: Items<MetricAsk>,
    /// Measures of the table, by name.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub measures: Items<MeasureAsk>,
    /// Aggregations made up for this query.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub aggregations: Items<Aggregation>,
    /// Fields to list, one row a row; `group_by` alone lists their different values.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub fields: Items<FieldAsk>,
    /// What to group by.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub group_by: Items<GroupBy>,
    /// Which rows count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<Filter>>,
    /// Numbers as shares of their total.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub shares: Items<Share>,
    /// Rows of totals, each over the groups that have the same values in these columns; an empty
    /// list is the total of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<Vec<String>>,
    /// Which rows of the answer are given: a condition on its columns, by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub having: Option<Located<Filter>>,
    /// Named conditions of the table, all of which must hold.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub segments: Items<String>,
    /// The order of the answer, by the names of its columns or by fields.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub order_by: Items<OrderBy>,
    /// The most rows wanted in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<Located<u64>>,
    /// An IANA time zone for buckets and filters; the model's if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Located<String>>,
    /// The first day of a week; the model's if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub week_start: Option<WeekStart>,
}

impl SemanticQuery {
    /// Reads a query from JSON. Numbers keep all of their digits; other readers of JSON give those
    /// beyond 64 bits as doubles.
    ///
    /// # Errors
    /// Every problem with the document, each with its JSON path.
    pub fn from_json(text: &str) -> Result<Self, Problems> {
        Self::from_node(Node::from_json(text))
    }

    /// Reads a query that stands in a larger document of serde_json, as it was written there:
    /// numbers keep all of their digits.
    ///
    /// # Errors
    /// It is no query.
    pub fn deserialize_written<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(d)?;
        Self::from_node(Node::from_written_json(text.get())).map_err(D::Error::custom)
    }

    fn from_node(node: Result<Node, Problem>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let node = match node {
            Ok(node) => node,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        match decode_first::<Self>(&node, &mut problems, MAX_PROBLEMS) {
            Some(query) if problems.is_empty() => Ok(query),
            _ => Err(problems),
        }
    }

    /// The JSON Schema (draft 2020-12) of a query.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// A question for one metric.
    pub fn metric(name: &str) -> Self {
        Self::default().and_metric(name)
    }

    /// A question to one table.
    pub fn table(name: &str) -> Self {
        Self { table: Some(Located::from(name.to_owned())), ..Self::default() }
    }

    /// Also asks for this metric.
    #[must_use]
    pub fn and_metric(mut self, name: &str) -> Self {
        self.metrics.push(MetricAsk::new(name));
        self
    }

    /// Also asks for this metric, with a filter, another time or another name.
    #[must_use]
    pub fn and_metric_as(mut self, metric: MetricAsk) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Also asks for this measure of the table.
    #[must_use]
    pub fn measure(mut self, name: &str) -> Self {
        self.measures.push(MeasureAsk::new(name));
        self
    }

    /// Also asks for this measure of the table, with a filter or another name.
    #[must_use]
    pub fn measure_as(mut self, measure: MeasureAsk) -> Self {
        self.measures.push(measure);
        self
    }

    /// Also aggregates.
    #[must_use]
    pub fn aggregate(mut self, aggregation: Aggregation) -> Self {
        self.aggregations.push(aggregation);
        self
    }

    /// Also calculates this of each row, to be named like a field.
    ///
    /// ```
    /// use sandbar_catalog::query::{Aggregation, SemanticQuery};
    ///
    /// let query = SemanticQuery::table("orders")
    ///     .calculate("net", "total - coalesce(discount, 0)")
    ///     .aggregate(Aggregation::of("sum", "net"));
    /// ```
    #[must_use]
    pub fn calculate(mut self, name: &str, expr: &str) -> Self {
        self.calculated.insert(name, expr.to_owned());
        self
    }

    /// Also lists this field.
    #[must_use]
    pub fn field(mut self, name: &str) -> Self {
        self.fields.push(FieldAsk::new(name));
        self
    }

    /// Also lists this field, truncated, in bins or under another name.
    #[must_use]
    pub fn field_as(mut self, field: FieldAsk) -> Self {
        self.fields.push(field);
        self
    }

    /// Also groups by this field.
    #[must_use]
    pub fn group_by(mut self, name: &str) -> Self {
        self.group_by.push(GroupBy::new(name));
        self
    }

    /// Also groups by this temporal field, truncated.
    #[must_use]
    pub fn group_by_grain(mut self, name: &str, grain: Truncation) -> Self {
        self.group_by.push(GroupBy { grain: Some(grain), ..GroupBy::new(name) });
        self
    }

    /// Also groups by this number, in bins.
    #[must_use]
    pub fn group_by_bin(mut self, name: &str, bin: Bin) -> Self {
        self.group_by.push(GroupBy::new(name).bin(bin));
        self
    }

    /// Also groups by this field, truncated, in bins or under another name.
    #[must_use]
    pub fn group_by_as(mut self, field: GroupBy) -> Self {
        self.group_by.push(field);
        self
    }

    /// Only rows for which this (too) holds.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(Located::from(match self.filter.take() {
            Some(first) => first.value.and(filter),
            None => filter,
        }));
        self
    }

    /// A question to the answer of another one.
    pub fn from_answer(inner: Self) -> Self {
        Self { from: Some(Box::new(Located::from(inner))), ..Self::default() }
    }

    /// Also tells a number as the share of its total over all groups.
    #[must_use]
    pub fn share(mut self, of: &str, name: &str) -> Self {
        let share = Share::new(of);
        self.shares.push(Share { alias: Some(name.to_owned()), ..share });
        self
    }

    /// Also tells a number as a share of its total over all groups, or within some of them.
    #[must_use]
    pub fn share_as(mut self, share: Share) -> Self {
        self.shares.push(share);
        self
    }

    /// Also gives a row of totals for each combination of values of these columns.
    #[must_use]
    pub fn total(mut self, columns: &[&str]) -> Self {
        self.totals.push(columns.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Only rows of the answer for which this (too) holds: a condition on its columns.
    #[must_use]
    pub fn having(mut self, filter: Filter) -> Self {
        self.having = Some(Located::from(match self.having.take() {
            Some(first) => first.value.and(filter),
            None => filter,
        }));
        self
    }

    /// Only rows of this segment.
    #[must_use]
    pub fn segment(mut self, name: &str) -> Self {
        self.segments.push(name.to_owned());
        self
    }

    /// Then by this column or field.
    #[must_use]
    pub fn order_by(mut self, name: &str, order: Order) -> Self {
        self.order_by.push(OrderBy { order, ..OrderBy::new(name) });
        self
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(Located::from(rows));
        self
    }

    /// Buckets and filters in this IANA zone.
    #[must_use]
    pub fn time_zone(mut self, zone: &str) -> Self {
        self.time_zone = Some(Located::from(zone.to_owned()));
        self
    }

    /// Weeks that start on this day.
    #[must_use]
    pub fn week_start(mut self, day: WeekStart) -> Self {
        self.week_start = Some(day);
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{
        Aggregation, Bin, Compare, FieldAsk, Filter, MeasureAsk, MetricAsk, Op, RelativeUnit,
        SemanticQuery, Share, Truncation,
    };
    use crate::time::{Grain, Part, WeekStart};

    /// What is built is what is read.
    #[track_caller]
    fn check(built: &SemanticQuery, json: &str) {
        let read = SemanticQuery::from_json(json).unwrap();
        let value = |query: &SemanticQuery| serde_json::to_value(query).unwrap();
        assert_eq!(value(built), value(&read));
    }

    #[test]
    fn a_number_has_a_filter_of_its_own() {
        let bulk = MeasureAsk::new("units").alias("bulk_units").filter(Filter::segment("bulk"));
        let californian = Aggregation::of("sum", "total")
            .alias("californian")
            .filter(Filter::eq("customer.state", "CA"));
        check(
            &SemanticQuery::table("orders").measure_as(bulk).aggregate(californian),
            r#"{ "table": "orders",
                "measures": [{ "name": "units", "as": "bulk_units", "filter": { "segment": "bulk" } }],
                "aggregations": [{ "function": "sum", "field": "total", "as": "californian",
                    "filter": { "field": "customer.state", "value": "CA" } }] }"#,
        );
    }

    #[test]
    fn weeks_start_where_the_question_says() {
        let week = Truncation::Grain(Grain::Week);
        check(
            &SemanticQuery::metric("revenue")
                .group_by_grain("created_at", week)
                .time_zone("America/New_York")
                .week_start(WeekStart::Sunday),
            r#"{ "metrics": ["revenue"], "group_by": [{ "field": "created_at", "grain": "week" }],
                "time_zone": "America/New_York", "week_start": "sunday" }"#,
        );
    }

    #[test]
    fn a_metric_is_asked_at_the_start_of_its_period() {
        let of_january = MetricAsk::new("revenue").alias("a").start_of(RelativeUnit::Year);
        let earlier = MetricAsk::new("revenue").alias("b").back(2, RelativeUnit::Month);
        check(
            &SemanticQuery::metric("revenue")
                .and_metric_as(of_january.compare(Compare::Difference))
                .and_metric_as(earlier),
            r#"{ "metrics": ["revenue",
                { "name": "revenue", "as": "a", "offset": { "to": "year" }, "compare": "difference" },
                { "name": "revenue", "as": "b", "offset": { "count": 2, "unit": "month" } }] }"#,
        );
    }

    #[test]
    fn a_condition_compares_the_grain_of_a_time() {
        let year = Truncation::Grain(Grain::Year);
        let weekday = Truncation::Part(Part::IsoDayOfWeek);
        let weekend = vec![6_i64.into(), 7_i64.into()];
        check(
            &SemanticQuery::metric("order_count")
                .filter(Filter::with_grain("created_at", year, Op::Eq, vec!["2026-01-01".into()]))
                .filter(Filter::with_grain("created_at", weekday, Op::In, weekend)),
            r#"{ "metrics": ["order_count"], "filter": { "and": [
                { "field": "created_at", "grain": "year", "value": "2026-01-01" },
                { "field": "created_at", "grain": "iso_day_of_week", "op": "in", "values": [6, 7] }] } }"#,
        );
    }

    #[test]
    fn a_condition_is_of_a_stretch_of_time_around_now() {
        let stretches = Filter::this("created_at", RelativeUnit::Year)
            .or(Filter::last("created_at", 3, RelativeUnit::Month))
            .or(Filter::previous("created_at", 2, RelativeUnit::Quarter));
        check(
            &SemanticQuery::metric("revenue").filter(stretches),
            r#"{ "metrics": ["revenue"], "filter": { "or": [{ "or": [
                { "field": "created_at", "op": "this", "unit": "year" },
                { "field": "created_at", "op": "last", "count": 3, "unit": "month" }] },
                { "field": "created_at", "op": "previous", "count": 2, "unit": "quarter" }] } }"#,
        );
    }

    #[test]
    fn so_many_problems_are_told() {
        let keys: Vec<String> = (0..9_000).map(|key| format!(r#""key{key}":0"#)).collect();
        let wrong = vec!["1"; 900].join(",");
        let text = format!(r#"{{"totals":[[{wrong}]],{}}}"#, keys.join(","));
        let problems = SemanticQuery::from_json(&text).unwrap_err();
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 20, "{all:?}");
        let more = "beyond these there are more, which are told when these are mended";
        assert!(all[19].ends_with(more) && !all[18].contains(more), "{all:?}");
        let two = SemanticQuery::from_json(r#"{"tabel":"a","filtr":1}"#).unwrap_err();
        assert_eq!(two.to_string().matches("did you mean").count(), 2, "{two}");
        assert!(!two.to_string().contains(more), "{two}");
    }

    #[test]
    fn a_field_has_a_grain_or_bins_and_a_name() {
        let month = Truncation::Grain(Grain::Month);
        check(
            &SemanticQuery::table("orders")
                .field_as(FieldAsk::new("created_at").grain(month).alias("month"))
                .field_as(FieldAsk::new("total").bin(Bin::width(50)).alias("from")),
            r#"{ "table": "orders", "fields": [
                { "field": "created_at", "grain": "month", "as": "month" },
                { "field": "total", "bin": { "width": 50 }, "as": "from" }] }"#,
        );
        check(
            &SemanticQuery::metric("revenue")
                .group_by("customer.state")
                .group_by_as(FieldAsk::new("created_at").grain(month).alias("month"))
                .share_as(Share::new("revenue").within(&["month"]).alias("share"))
                .share_as(Share::new("revenue")),
            r#"{ "metrics": ["revenue"],
                "group_by": ["customer.state", { "field": "created_at", "grain": "month", "as": "month" }],
                "shares": [{ "of": "revenue", "within": ["month"], "as": "share" }, "revenue"] }"#,
        );
    }

    #[test]
    fn conditions_stand_beside_each_other_or_in_each_other() {
        let [a, b, c] = ["a", "b", "c"].map(Filter::is_null);
        check(
            &SemanticQuery::table("orders").filter(Filter::all([a.clone(), b.clone(), c.clone()])),
            r#"{ "table": "orders", "filter": { "and": [{ "field": "a", "op": "is_null" },
                { "field": "b", "op": "is_null" }, { "field": "c", "op": "is_null" }] } }"#,
        );
        check(
            &SemanticQuery::table("orders").filter(Filter::any([a, b.and(c)])),
            r#"{ "table": "orders", "filter": { "or": [{ "field": "a", "op": "is_null" },
                { "and": [{ "field": "b", "op": "is_null" }, { "field": "c", "op": "is_null" }] }] } }"#,
        );
    }

    #[test]
    fn upper_and_lower_case_count_where_they_are_to() {
        let starts = Filter::with_case("name", Op::StartsWith, vec!["Mc".into()]);
        check(
            &SemanticQuery::table("people").filter(starts),
            r#"{ "table": "people", "filter":
                { "field": "name", "op": "starts_with", "value": "Mc", "case_sensitive": true } }"#,
        );
    }

    #[test]
    fn a_condition_is_of_what_the_row_belongs_to() {
        check(
            &SemanticQuery::metric("revenue").filter(Filter::metric(
                "order_count",
                "customer",
                Op::GtEq,
                20_i64,
            )),
            r#"{ "metrics": ["revenue"],
                "filter": { "metric": "order_count", "per": "customer", "op": ">=", "value": 20 } }"#,
        );
    }
}
