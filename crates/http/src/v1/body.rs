//! The body of a question: one flat shape for a table, a metric or the next page of an answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use sandbar::decode::{Items, Located, MAX_PROBLEMS, Node, Problems, decode_first, suggest};
use sandbar::query::Value as Constant;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize as DeriveDeserialize;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Visitor};
use serde_json::Value;

use super::refusal::{Problem, Refusal};
use super::words::{Bucket, Direction, Function, Granularity, Operation};

/// What is said of a number that counts things or names one.
pub(super) const POSITIVE: &str = "value must be an integer greater than zero.";

/// Reads a JSON body; what is wrong with its form is told at once.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<(T, Value), Refusal> {
    let mut problems = Problems::default();
    let read = match Node::from_json(text) {
        Ok(node) => decode_first::<T>(&node, &mut problems, MAX_PROBLEMS),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    let received: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    match read {
        Some(body) if problems.is_empty() => Ok((body, received)),
        _ => {
            let list = problems.iter().map(|problem| Problem {
                code: problem.code,
                path: problem.path.clone(),
                message: problem.to_string(),
            });
            let list: Vec<Problem> = list.collect();
            Err(Refusal::form(&list, &received))
        }
    }
}

/// A question to a table or a metric, or for the next page of an answer.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1Question")]
pub(crate) struct Body {
    pub(super) table_id: Option<Id>,
    pub(super) metric_id: Option<Id>,
    pub(super) filters: Option<Items<FilterBody>>,
    #[schemars(length(max = 256))]
    pub(super) fields: Option<Items<FieldBody>>,
    #[schemars(length(max = 256))]
    pub(super) aggregations: Option<Items<AggregationBody>>,
    #[schemars(length(max = 256))]
    pub(super) group_by: Option<Items<GroupByBody>>,
    pub(super) order_by: Option<Items<OrderByBody>>,
    pub(super) limit: Option<Positive>,
    pub(super) continuation_token: Option<NonBlank>,
}

/// A condition: a segment, or a comparison of a field.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1Filter")]
pub(super) struct FilterBody {
    pub(super) segment_id: Option<Id>,
    pub(super) field_id: Option<NonBlank>,
    pub(super) operation: Option<Operation>,
    pub(super) bucket: Option<Bucket>,
    pub(super) value: Option<Constant>,
    pub(super) values: Option<Vec<Constant>>,
}

/// A field to list or to order by.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1AskedField")]
pub(super) struct FieldBody {
    pub(super) field_id: Option<NonBlank>,
    pub(super) bucket: Option<Bucket>,
}

/// A number over the rows of a group.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1Aggregation")]
pub(super) struct AggregationBody {
    pub(super) function: Option<Function>,
    pub(super) field_id: Option<NonBlank>,
    pub(super) bucket: Option<Bucket>,
    pub(super) measure_id: Option<Id>,
    pub(super) sort_order: Option<Direction>,
}

/// A field to group by.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1GroupBy")]
pub(super) struct GroupByBody {
    pub(super) field_id: Option<NonBlank>,
    pub(super) field_granularity: Option<Granularity>,
}

/// One key of the order.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1OrderBy")]
pub(super) struct OrderByBody {
    pub(super) field: Option<Located<FieldBody>>,
    pub(super) direction: Option<Direction>,
}

/// A query that was made before.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1Execute")]
pub(super) struct ExecuteBody {
    pub(super) query: Option<NonBlank>,
    /// What was told with it, given back as it came; it has no effect.
    pub(super) warnings: Option<Vec<String>>,
}

/// What to search for: at most 50 searches in both lists together.
#[derive(Debug, Default, DeriveDeserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "V1Search")]
pub(super) struct SearchBody {
    #[schemars(length(max = 50))]
    pub(super) term_queries: Option<Vec<NonBlank>>,
    #[schemars(length(max = 50))]
    pub(super) semantic_queries: Option<Vec<NonBlank>>,
}

/// Tells which of some keys below a place are given, where they have no effect.
pub(super) fn without_effect(
    given: &[(&str, bool)],
    below: &str,
    why: &str,
    warnings: &mut Vec<String>,
) {
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        warnings.push(format!("`{below}{key}` has no effect {why}"));
    }
}

/// The entries of a list that may be missing, null or empty: all the same.
pub(super) fn entries<T>(items: &Option<Items<T>>) -> impl Iterator<Item = (usize, &T)> {
    let all = items.iter().flat_map(Items::iter).enumerate();
    all.map(|(index, item)| (index, &item.value))
}

/// What names a table, metric, segment or measure: its number, as a number or a text, or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) String);

impl Id {
    /// Reads what stands in an address or a body.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.parse::<i128>() {
            Ok(number) => (number > 0).then(|| Self(number.to_string())),
            Err(_) => (!text.trim().is_empty()).then(|| Self(text.to_owned())),
        }
    }

    /// Whether it is the number or the name of something.
    pub(super) fn is(&self, number: u64, name: &str) -> bool {
        self.0 == name || self.0.parse() == Ok(number)
    }
}

/// A whole number of at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Positive(pub(super) u64);

/// A text that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NonBlank(pub(super) String);

macro_rules! read_scalar {
    ($type:ident, $schema:expr, $expected:expr, $of_number:expr, $of_text:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Read;
                impl Visitor<'_> for Read {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_u64<E: Error>(self, n: u64) -> Result<$type, E> {
                        let read: fn(i128) -> Option<$type> = $of_number;
                        read(i128::from(n)).ok_or_else(|| E::custom($expected))
                    }
                    fn visit_i64<E: Error>(self, n: i64) -> Result<$type, E> {
                        let read: fn(i128) -> Option<$type> = $of_number;
                        read(i128::from(n)).ok_or_else(|| E::custom($expected))
                    }
                    fn visit_f64<E: Error>(self, _: f64) -> Result<$type, E> {
                        Err(E::custom($expected))
                    }
                    fn visit_bool<E: Error>(self, _: bool) -> Result<$type, E> {
                        Err(E::custom($expected))
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        let read: fn(&str) -> Option<$type> = $of_text;
                        read(text).ok_or_else(|| E::custom($expected))
                    }
                }
                d.deserialize_any(Read)
            }
        }
    };
}

read_scalar!(
    Id,
    json_schema!({ "type": ["integer", "string"], "minimum": 1, "pattern": "\\S" }),
    POSITIVE,
    |n| (n > 0).then(|| Id(n.to_string())),
    Id::read
);
read_scalar!(
    Positive,
    json_schema!({ "type": "integer", "format": "uint64", "minimum": 1 }),
    POSITIVE,
    |n| u64::try_from(n).ok().filter(|n| *n > 0).map(Positive),
    |_| None
);
read_scalar!(
    NonBlank,
    json_schema!({ "type": "string", "pattern": "\\S" }),
    "value must be a non-blank string.",
    |_| None,
    |text| { (!text.trim().is_empty()).then(|| NonBlank(text.to_owned())) }
);

/// One of some words.
pub(super) trait Word: Sized + Copy + 'static {
    /// What the words are for.
    const WHAT: &'static str;
    /// The words, and what each means.
    const WORDS: &'static [(&'static str, Self)];
}

pub(super) struct WordVisitor<T>(pub(super) PhantomData<T>);

impl<T: Word> Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if let Some((_, word)) = T::WORDS.iter().find(|(name, _)| *name == text) {
            return Ok(*word);
        }
        let known = || T::WORDS.iter().map(|(name, _)| *name);
        let shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
        let instead = match suggest(text, known()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of {}", known().collect::<Vec<_>>().join(", ")),
        };
        Err(E::custom(format!("unknown {} `{shown}`; {instead}", T::WHAT)))
    }
}
