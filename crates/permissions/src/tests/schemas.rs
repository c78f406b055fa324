//! The published JSON Schemas are those of the code.

use std::fs;
use std::path::Path;

use sandbar_catalog::Definitions;
use sandbar_catalog::query::SemanticQuery;
use serde_json::Value;

use crate::{PolicyCases, PolicyDefinitions};

#[track_caller]
fn check(name: &str, schema: &Value) {
    let file = format!("docs/schema/{name}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&file);
    let written = fs::read_to_string(path).unwrap_or_default();
    let current = serde_json::to_string_pretty(schema).unwrap() + "\n";
    assert!(
        written == current,
        "{file} is not current: run `cargo run -p sandbar-permissions --example schemas`"
    );
    assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
}

#[test]
fn the_model_schema_is_current() {
    check("model", &Definitions::json_schema());
}

#[test]
fn the_policy_schema_is_current() {
    check("policies", &PolicyDefinitions::json_schema());
}

#[test]
fn the_schema_of_cases_is_current() {
    check("cases", &PolicyCases::json_schema());
}

#[test]
fn the_query_schema_is_current() {
    check("query", &SemanticQuery::json_schema());
}
