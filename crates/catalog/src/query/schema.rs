//! What the types alone do not say in the JSON Schema of a question.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::ask::Aggregation;

/// The aggregations, by their names.
pub(super) fn functions(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Aggregation::names().collect();
    json_schema!({ "type": "string", "enum": names })
}

/// Values to compare with: a missing one is asked for with `is_null`.
pub(super) fn known_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["array", "null"],
        "items": { "type": ["string", "number", "boolean"] }
    })
}

/// A condition is of one kind.
pub(super) fn one_condition(schema: &mut Schema) {
    let texts = ["segment", "exists", "metric", "field"].map(|name| (name, "string"));
    let nested = [("and", "array"), ("or", "array"), ("not", "object")];
    one_of(schema, nested.into_iter().chain(texts));
}

/// Another time is so many units earlier, or the first period of a longer one.
pub(crate) fn one_time(schema: &mut Schema) {
    one_of(schema, [("unit", "string"), ("to", "string")].into_iter());
}

/// Exactly one of these members is there, with a value of this type; `null` is none.
fn one_of(schema: &mut Schema, members: impl Iterator<Item = (&'static str, &'static str)>) {
    let arm = |(name, of): (&str, &str)| json!({ "properties": { name: { "type": of } }, "required": [name] });
    let arms: Vec<Value> = members.map(arm).collect();
    schema.insert("oneOf".to_owned(), arms.into());
}
