//! What goes over the wire beside the descriptions that the engine gives.

use sandbar::{
    AnswerColumn, Collected, FieldDescription, FoundObject, MetricDescription, SemanticType,
    TableDescription, Warning,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cells::{FirstCells, Rows};
use crate::refusal::Refusal;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    pub(crate) status: &'static str,
    pub(crate) snapshot: u64,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct FieldList {
    pub(crate) fields: Vec<FieldDescription>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SearchResults {
    pub(crate) results: Vec<FoundObject>,
}

/// What there is to ask: tables, and metrics as far as the token may be used for them.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TableList {
    tables: Vec<Brief>,
    metrics: Vec<Brief>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct MetricList {
    metrics: Vec<Brief>,
}

/// A table or metric in brief: enough to choose one and ask for more.
#[derive(Serialize, JsonSchema)]
struct Brief {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    synonyms: Vec<String>,
    /// Of a metric: the table whose rows it aggregates.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    level: sandbar::Level,
}

impl TableList {
    pub(crate) fn of(tables: Vec<TableDescription>, metrics: Vec<MetricDescription>) -> Self {
        let brief = |table: TableDescription| Brief {
            id: table.id,
            name: table.name,
            label: table.label,
            description: table.description,
            synonyms: table.synonyms,
            table: None,
            unit: None,
            verified: None,
            level: table.level,
        };
        let metrics = MetricList::of(metrics).metrics;
        Self { tables: tables.into_iter().map(brief).collect(), metrics }
    }
}

impl MetricList {
    pub(crate) fn of(metrics: Vec<MetricDescription>) -> Self {
        let brief = |metric: MetricDescription| Brief {
            id: metric.id,
            name: metric.name,
            label: metric.label,
            description: metric.description,
            synonyms: metric.synonyms,
            table: metric.tables.into_iter().next(),
            unit: metric.unit,
            verified: Some(metric.verified),
            level: metric.level,
        };
        Self { metrics: metrics.into_iter().map(brief).collect() }
    }
}

/// A column of an answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Column<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic: Option<SemanticType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl<'a> Column<'a> {
    pub(crate) fn of(column: &'a AnswerColumn) -> Self {
        Self {
            name: &column.name,
            data_type: column.data_type.to_string(),
            label: column.label.as_deref(),
            semantic: column.semantic,
            unit: column.unit.as_deref(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Note {
    code: &'static str,
    message: &'static str,
}

impl Note {
    pub(crate) fn of(warning: &Warning) -> Self {
        Self { code: warning.code(), message: warning.message() }
    }
}

/// An answer with all its rows.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Answered<'a> {
    columns: Vec<Column<'a>>,
    #[schemars(with = "Vec<Vec<serde_json::Value>>")]
    rows: Rows<'a>,
    row_count: usize,
    scoped: bool,
    ordered: bool,
    truncated: bool,
    warnings: Vec<Note>,
    snapshot: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<&'a str>,
}

impl<'a> Answered<'a> {
    /// The same, with where it goes on.
    pub(crate) fn going_on(self, continuation_token: Option<&'a str>) -> Self {
        Self { continuation_token, ..self }
    }

    pub(crate) fn of(collected: &'a Collected) -> Self {
        Self {
            columns: collected.columns().iter().map(Column::of).collect(),
            rows: Rows(collected),
            row_count: collected.num_rows(),
            scoped: collected.is_scoped(),
            ordered: !collected.warnings().contains(&Warning::Unordered),
            truncated: collected.is_truncated(),
            warnings: collected.warnings().iter().map(Note::of).collect(),
            snapshot: collected.snapshot_version(),
            continuation_token: None,
        }
    }
}

/// The values of one field.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FieldValues<'a> {
    column: Column<'a>,
    #[schemars(with = "Vec<serde_json::Value>")]
    values: FirstCells<'a>,
    scoped: bool,
    truncated: bool,
    snapshot: u64,
}

impl<'a> FieldValues<'a> {
    pub(crate) fn of(collected: &'a Collected) -> Result<Self, Refusal> {
        let column = collected.columns().first().ok_or_else(Refusal::internal)?;
        Ok(Self {
            column: Column::of(column),
            values: FirstCells(collected),
            scoped: collected.is_scoped(),
            truncated: collected.is_truncated(),
            snapshot: collected.snapshot_version(),
        })
    }
}
