//! A field, a segment and a measure as listings show them.

use sandbar::{FieldDescription, MeasureDescription, SegmentDescription, Type};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::names::{base_type, database_type, display, kind, semantic_type};

/// A field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Field")]
pub(super) struct FieldView {
    field_id: String,
    name: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_type: Option<String>,
    base_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field_values: Option<Vec<Value>>,
}

impl FieldView {
    /// A field, with the id that something has for it.
    pub(super) fn of(field: &FieldDescription, prefix: &str) -> Self {
        let data_type = Type::parse(&field.data_type).unwrap_or(Type::Other);
        let (via, name) = match field.name.rsplit_once('.') {
            Some((via, name)) => (Some(via), name),
            None => (None, field.name.as_str()),
        };
        Self {
            field_id: format!("{prefix}{}", field.number),
            name: name.to_owned(),
            display_name: display(field.label.as_deref(), name),
            kind: kind(data_type),
            description: field.description.clone(),
            database_type: database_type(data_type),
            base_type: base_type(data_type),
            semantic_type: field.semantic.and_then(semantic_type),
            unit: field.unit.clone(),
            table_reference: via.map(super::names::humanized),
            field_values: None,
        }
    }
}

/// A segment or a measure.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Named")]
pub(super) struct NamedView {
    id: u64,
    name: String,
    display_name: String,
    description: Option<String>,
}

impl From<&SegmentDescription> for NamedView {
    fn from(segment: &SegmentDescription) -> Self {
        Self {
            id: segment.id,
            name: segment.name.clone(),
            display_name: display(segment.label.as_deref(), &segment.name),
            description: segment.description.clone(),
        }
    }
}

impl From<&MeasureDescription> for NamedView {
    fn from(measure: &MeasureDescription) -> Self {
        Self {
            id: measure.id,
            name: measure.name.clone(),
            display_name: display(measure.label.as_deref(), &measure.name),
            description: measure.description.clone(),
        }
    }
}
