//! The parts of a question: what to list, group, aggregate and order.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::filter::{Filter, RelativeUnit};
use super::values::Value;
use crate::decode::Located;
use crate::definitions::OffsetDef;
use crate::expr::AggregateFunction;
use crate::time::{Grain, Part};

/// A type that can be written as one name, or as a map when more is to be said.
pub(crate) trait Shorthand: Sized {
    type Full: for<'de> Deserialize<'de> + Into<Self> + JsonSchema;
    const EXPECTED: &'static str;
    /// Listings give it a number, by which it may be named too.
    const NUMBERED: bool;
    fn from_name(name: &str) -> Self;

    /// The JSON types of a name.
    fn by_name() -> &'static [&'static str] {
        if Self::NUMBERED { &["string", "integer"] } else { &["string"] }
    }
}

/// A name, or the number that listings give.
pub(crate) struct Name(String);

impl Located<Name> {
    /// It as a text.
    pub(crate) fn named(self) -> Located<String> {
        let Self { value, place, key_place, path } = self;
        Located { value: value.0, place, key_place, path }
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NameOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"] })
    }
}

/// Reads a name or a number, where there may be none.
pub(crate) fn named<'de, D>(d: D) -> Result<Option<Located<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<Located<Name>>::deserialize(d)?.map(Located::named))
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a number")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Name, E> {
        Ok(Name(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Name, E> {
        Ok(Name(number.to_string()))
    }
}

pub(crate) struct ShorthandVisitor<T>(pub(crate) PhantomData<T>);

impl<'de, T: Shorthand> Visitor<'de> for ShorthandVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        Ok(T::from_name(name))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        if T::NUMBERED {
            return Ok(T::from_name(&number.to_string()));
        }
        Err(E::invalid_type(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_type(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Full::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }
}

macro_rules! shorthand {
    ($name:ident, $full:ident, $expected:literal, $mod_name:literal, $numbered:literal) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_any($crate::query::ShorthandVisitor::<Self>(std::marker::PhantomData))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $mod_name.into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let full = generator.subschema_for::<$full>();
                let by_name = <$name as $crate::query::Shorthand>::by_name();
                schemars::json_schema!({ "anyOf": [{ "type": by_name }, full] })
            }
        }

        impl $crate::query::Shorthand for $name {
            type Full = $full;
            const EXPECTED: &'static str = $expected;
            const NUMBERED: bool = $numbered;
            fn from_name(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}
pub(crate) use shorthand;

/// A metric that is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct MetricAsk {
    /// Its name.
    pub name: Located<String>,
    /// The name of the column in the answer; its own if left out.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<Filter>>,
    /// Its value of another time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Located<OffsetDef>>,
    /// With `offset`: what is told of the two values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
}

/// What is told of a value and that of another time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, DeriveDeserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The value of the other time.
    #[default]
    Value,
    /// The value less that of the other time.
    Difference,
    /// The value divided by that of the other time.
    Ratio,
}

/// A metric, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricAskFull")]
pub(crate) struct MetricAskFull {
    /// Its name, or its number.
    name: Located<Name>,
    /// The name of the column in the answer; its own if left out.
    #[serde(rename = "as", default)]
    alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(default)]
    filter: Option<Located<Filter>>,
    /// Its value of another time.
    #[serde(default)]
    offset: Option<Located<OffsetDef>>,
    /// With `offset`: what is told of the two values.
    #[serde(default)]
    compare: Option<Compare>,
}

impl From<MetricAskFull> for MetricAsk {
    fn from(full: MetricAskFull) -> Self {
        let MetricAskFull { name, alias, filter, offset, compare } = full;
        Self { name: name.named(), alias, filter, offset, compare }
    }
}

impl MetricAsk {
    /// A metric under its own name.
    pub fn new(name: &str) -> Self {
        let name = Located::from(name.to_owned());
        Self { name, alias: None, filter: None, offset: None, compare: None }
    }

    /// The same under another name.
    #[must_use]
    pub fn alias(self, name: &str) -> Self {
        Self { alias: Some(name.to_owned()), ..self }
    }

    /// The same over fewer rows.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Some(Located::from(filter)), ..self }
    }

    /// The value of `count` units earlier.
    #[must_use]
    pub fn back(self, count: u32, unit: RelativeUnit) -> Self {
        let offset = OffsetDef { count: Some(count), unit: Some(unit), to: None };
        Self { offset: Some(Located::from(offset)), ..self }
    }

    /// The value of the first period of this longer one.
    #[must_use]
    pub fn start_of(self, unit: RelativeUnit) -> Self {
        let offset = OffsetDef { count: None, unit: None, to: Some(unit) };
        Self { offset: Some(Located::from(offset)), ..self }
    }

    /// With an offset: what is told of the two values.
    #[must_use]
    pub fn compare(self, compare: Compare) -> Self {
        Self { compare: Some(compare), ..self }
    }
}

shorthand!(
    MetricAsk,
    MetricAskFull,
    "a name, or {name, as, filter, offset, compare}",
    "MetricAsk",
    true
);

/// A measure that is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct MeasureAsk {
    /// Its name.
    pub name: Located<String>,
    /// The name of the column in the answer; its own if left out.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<Filter>>,
}

/// A measure, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MeasureAskFull")]
pub(crate) struct MeasureAskFull {
    /// Its name.
    name: Located<String>,
    /// The name of the column in the answer; its own if left out.
    #[serde(rename = "as", default)]
    alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(default)]
    filter: Option<Located<Filter>>,
}

impl From<MeasureAskFull> for MeasureAsk {
    fn from(full: MeasureAskFull) -> Self {
        Self { name: full.name, alias: full.alias, filter: full.filter }
    }
}

impl MeasureAsk {
    /// A measure under its own name.
    pub fn new(name: &str) -> Self {
        Self { name: Located::from(name.to_owned()), alias: None, filter: None }
    }

    /// The same under another name.
    #[must_use]
    pub fn alias(self, name: &str) -> Self {
        Self { alias: Some(name.to_owned()), ..self }
    }

    /// The same over fewer rows.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Some(Located::from(filter)), ..self }
    }
}

shorthand!(MeasureAsk, MeasureAskFull, "a name, or {name, as, filter}", "MeasureAsk", false);

/// A number as the share of its total.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    /// The name of the number's column.
    pub of: Located<String>,
    /// The columns of the groups whose total it is a share of; the total of all if left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// The name of the column in the answer; `share_` and that of the number if left out.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// A share, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ShareFull")]
pub(crate) struct ShareFull {
    /// The name of the number's column.
    of: Located<String>,
    /// The columns of the groups whose total it is a share of; the total of all if left out.
    #[serde(default)]
    within: Vec<String>,
    /// The name of the column in the answer; `share_` and that of the number if left out.
    #[serde(rename = "as", default)]
    alias: Option<String>,
}

impl From<ShareFull> for Share {
    fn from(full: ShareFull) -> Self {
        Self { of: full.of, within: full.within, alias: full.alias }
    }
}

impl Share {
    /// The share of the total of all.
    pub fn new(of: &str) -> Self {
        Self { of: Located::from(of.to_owned()), within: Vec::new(), alias: None }
    }

    /// The share of the total of the groups that have the same values in these columns.
    #[must_use]
    pub fn within(self, columns: &[&str]) -> Self {
        Self { within: columns.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// The same under another name.
    #[must_use]
    pub fn alias(self, name: &str) -> Self {
        Self { alias: Some(name.to_owned()), ..self }
    }
}

shorthand!(Share, ShareFull, "the name of a number, or {of, within, as}", "Share", false);

/// A field to list.
#[derive(Clone, Debug, Serialize)]
pub struct FieldAsk {
    /// Its name, with the relationships that lead to it: `product.category`.
    pub field: Located<String>,
    /// A grain or part, for a temporal field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain: Option<Truncation>,
    /// Bins, for a number: the lower bound of the one that a value lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin: Option<Bin>,
    /// The name of the column in the answer.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// What to group by: the same shape as a field to list.
pub type GroupBy = FieldAsk;

/// A field, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FieldAskFull")]
pub(crate) struct FieldAskFull {
    /// Its name, with the relationships that lead to it: `product.category`.
    field: Located<String>,
    /// A grain or part, for a temporal field.
    #[serde(default)]
    grain: Option<Truncation>,
    /// Bins, for a number: the lower bound of the one that a value lies in.
    #[serde(default)]
    bin: Option<Bin>,
    /// The name of the column in the answer.
    #[serde(rename = "as", default)]
    alias: Option<String>,
}

impl From<FieldAskFull> for FieldAsk {
    fn from(full: FieldAskFull) -> Self {
        let FieldAskFull { field, grain, bin, alias } = full;
        Self { field, grain, bin, alias }
    }
}

impl FieldAsk {
    /// A field as it is.
    pub fn new(name: &str) -> Self {
        Self { field: Located::from(name.to_owned()), grain: None, bin: None, alias: None }
    }

    /// The same truncated, or a part of it.
    #[must_use]
    pub fn grain(self, grain: Truncation) -> Self {
        Self { grain: Some(grain), ..self }
    }

    /// The same in bins.
    #[must_use]
    pub fn bin(self, bin: Bin) -> Self {
        Self { bin: Some(bin), ..self }
    }

    /// The same under another name.
    #[must_use]
    pub fn alias(self, name: &str) -> Self {
        Self { alias: Some(name.to_owned()), ..self }
    }
}

shorthand!(FieldAsk, FieldAskFull, "a field name, or {field, grain, bin, as}", "FieldAsk", false);

/// Bins of one width: `width` and `start`, or `count`, `min` and `max`.
#[derive(Clone, Debug, Default, Serialize, DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// How wide each is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub width: Option<Value>,
    /// Where one of them starts; 0 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub start: Option<Value>,
    /// How many there are from `min` up to, but without, `max`; others like them go on beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Where the first of `count` bins starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub min: Option<Value>,
    /// Where the last of `count` bins ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub max: Option<Value>,
}

impl Bin {
    /// Bins of this width, one of which starts at 0.
    pub fn width(width: impl Into<Value>) -> Self {
        Self { width: Some(width.into()), ..Self::default() }
    }

    /// The same, one of which starts here.
    #[must_use]
    pub fn start(self, start: impl Into<Value>) -> Self {
        Self { start: Some(start.into()), ..self }
    }

    /// So many bins from `min` up to, but without, `max`.
    pub fn count(count: u32, min: impl Into<Value>, max: impl Into<Value>) -> Self {
        let (min, max) = (Some(min.into()), Some(max.into()));
        Self { count: Some(count), min, max, ..Self::default() }
    }
}

/// A grain to truncate to, or a part to extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truncation {
    /// Truncate: `month` gives the first day of the month.
    Grain(Grain),
    /// Extract: `month_of_year` gives 1 to 12.
    Part(Part),
}

impl Truncation {
    /// Every name, grains first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let grains = Grain::NAMES.iter().map(|(name, _)| *name);
        grains.chain(Part::NAMES.iter().map(|(name, _)| *name))
    }

    /// The grain or part of that name.
    pub fn named(name: &str) -> Option<Self> {
        let grain = Grain::NAMES.iter().find(|(n, _)| *n == name).map(|(_, g)| Self::Grain(*g));
        grain.or_else(|| Part::NAMES.iter().find(|(n, _)| *n == name).map(|(_, p)| Self::Part(*p)))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grain(grain) => grain.name(),
            Self::Part(part) => part.name(),
        }
    }
}

impl Serialize for Truncation {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Truncation {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        Self::named(&name).ok_or_else(|| {
            let known: Vec<&str> = Self::names().collect();
            D::Error::custom(format!("unknown grain `{name}`; use one of {}", known.join(", ")))
        })
    }
}

impl JsonSchema for Truncation {
    fn schema_name() -> Cow<'static, str> {
        "Truncation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::names().collect();
        json_schema!({ "enum": names })
    }
}

/// An aggregation made up for one query.
#[derive(Clone, Debug, Serialize)]
pub struct Aggregation {
    /// What to compute: count, sum, avg, min, max, count_distinct, median, percentile, stddev …
    pub function: Located<String>,
    /// The field to compute it over; left out only for `count`, which then counts rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Located<String>>,
    /// A grain or part of a temporal field to compute it over instead of its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain: Option<Truncation>,
    /// For `percentile` and `percentile_disc`: the share of the values, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The name of the column in the answer.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Located<Filter>>,
}

/// An aggregation, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggregationFull")]
pub(crate) struct AggregationFull {
    /// What to compute.
    #[schemars(schema_with = "super::schema::functions")]
    function: Located<String>,
    /// The field to compute it over; left out only for `count`, which then counts rows.
    #[serde(default)]
    field: Option<Located<String>>,
    /// A grain or part of a temporal field to compute it over instead of its value.
    #[serde(default)]
    grain: Option<Truncation>,
    /// For `percentile` and `percentile_disc`: the share of the values, from 0 to 1.
    #[serde(default)]
    p: Option<f64>,
    /// The name of the column in the answer.
    #[serde(rename = "as", default)]
    alias: Option<String>,
    /// Only rows for which this holds too count, for this column alone.
    #[serde(default)]
    filter: Option<Located<Filter>>,
}

impl From<AggregationFull> for Aggregation {
    fn from(full: AggregationFull) -> Self {
        let AggregationFull { function, field, grain, p, alias, filter } = full;
        Self { function, field, grain, p, alias, filter }
    }
}

impl Aggregation {
    /// An aggregation without a field: only `count` has that form.
    pub fn new(function: &str) -> Self {
        let function = Located::from(function.to_owned());
        Self { function, field: None, grain: None, p: None, alias: None, filter: None }
    }

    /// An aggregation of a field.
    pub fn of(function: &str, field: &str) -> Self {
        Self { field: Some(Located::from(field.to_owned())), ..Self::new(function) }
    }

    /// The same over a grain or part of its temporal field.
    #[must_use]
    pub fn grain(self, grain: Truncation) -> Self {
        Self { grain: Some(grain), ..self }
    }

    /// A percentile: at this share of the values, from 0 to 1.
    #[must_use]
    pub fn at(self, p: f64) -> Self {
        Self { p: Some(p), ..self }
    }

    /// The same under another name.
    #[must_use]
    pub fn alias(self, name: &str) -> Self {
        Self { alias: Some(name.to_owned()), ..self }
    }

    /// The same over fewer rows.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Some(Located::from(filter)), ..self }
    }

    /// The name of its column: its `as`, or function and field.
    pub fn column_name(&self) -> String {
        match (&self.alias, &self.field) {
            (Some(alias), _) => alias.clone(),
            (None, Some(field)) => format!("{}_{}", self.function.value, field.value),
            (None, None) => self.function.value.clone(),
        }
    }

    /// The names an asker can write, with the function and whether only distinct values count; a
    /// percentile has none without its share.
    pub fn named(name: &str) -> Option<(AggregateFunction, bool)> {
        if name == "count_distinct" {
            return Some((AggregateFunction::Count, true));
        }
        AggregateFunction::NAMES.iter().find(|(n, _)| *n == name).map(|(_, f)| (*f, false))
    }

    /// Every name an asker can write.
    pub fn names() -> impl Iterator<Item = &'static str> {
        AggregateFunction::names().chain(["count_distinct"])
    }
}

shorthand!(
    Aggregation,
    AggregationFull,
    "`count`, or {function, field, grain, p, as, filter}",
    "Aggregation",
    false
);

/// A direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, DeriveDeserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Smallest first, NULL last.
    #[default]
    Asc,
    /// Largest first, NULL last.
    Desc,
}

/// One key of the order.
#[derive(Clone, Debug, Serialize)]
pub struct OrderBy {
    /// A column of the answer, or a field.
    pub field: Located<String>,
    /// The direction.
    pub order: Order,
}

/// One key of the order, in full.
#[derive(DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OrderByFull")]
pub(crate) struct OrderByFull {
    /// A column of the answer, or a field.
    field: Located<String>,
    /// The direction; ascending if left out.
    #[serde(default)]
    order: Order,
}

impl From<OrderByFull> for OrderBy {
    fn from(full: OrderByFull) -> Self {
        Self { field: full.field, order: full.order }
    }
}

impl OrderBy {
    /// Ascending.
    pub fn new(name: &str) -> Self {
        Self { field: Located::from(name.to_owned()), order: Order::Asc }
    }
}

shorthand!(OrderBy, OrderByFull, "a column name, or {field, order}", "OrderBy", false);
