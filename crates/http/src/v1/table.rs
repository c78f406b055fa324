//! `GET /v1/table/{id}`.

use sandbar::{MetricDetail, Purpose, RelatedTable, Subject, TableDetail};
use schemars::JsonSchema;
use serde::Serialize;

use super::asker::Asker;
use super::database::{DATABASE, ENGINE};
use super::fields::{FieldView, NamedView};
use super::names::display;
use super::values::views;
use super::{Door, Flags, PathId, Reply, told_with};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Table")]
pub(super) struct TableView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    name: String,
    display_name: String,
    database_id: u64,
    database_engine: &'static str,
    database_schema: Option<String>,
    description: Option<String>,
    fields: Vec<FieldView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_tables: Option<Vec<RelatedView>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricBrief>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measures: Vec<NamedView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segments: Vec<NamedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoped: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1RelatedTable")]
struct RelatedView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    name: String,
    display_name: String,
    database_id: u64,
    database_engine: &'static str,
    database_schema: Option<String>,
    related_by: String,
    fields: Vec<FieldView>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1MetricBrief")]
struct MetricBrief {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    display_name: String,
    description: Option<String>,
    default_time_dimension_field_id: Option<String>,
}

/// The parameters that it has.
/// What is told beside the table, and whether it is if nothing is said.
pub(super) const SWITCHES: [(&str, bool); 6] = [
    ("with-fields", true),
    ("with-field-values", false),
    ("with-related-tables", true),
    ("with-metrics", true),
    ("with-measures", false),
    ("with-segments", false),
];

pub(super) async fn get(door: Door, asker: Asker, PathId(id): PathId, flags: Flags) -> Reply {
    let [with_fields, with_values, with_related, with_metrics, with_measures, with_segments] =
        flags.switches(&SWITCHES)?;
    let session = asker.to(Purpose::Tables);
    let TableDetail { table, related, metrics, .. } = door.table(&session, &id)?;
    let prefix = format!("t{}-", table.id);
    let (fields, scoped) = if with_fields {
        let subject = Subject::Table(&table.name);
        views(&session, subject, &table.fields, &prefix, with_values).await?
    } else {
        (Vec::new(), None)
    };
    let related = related.iter().map(|other| RelatedView::of(other, &prefix));
    let view = TableView {
        kind: "table",
        id: table.id,
        display_name: display(table.label.as_deref(), &table.name),
        name: table.name,
        database_id: DATABASE,
        database_engine: ENGINE,
        database_schema: None,
        description: table.description,
        fields,
        related_tables: with_related.then(|| related.collect()),
        metrics: if with_metrics { metrics.iter().map(MetricBrief::of).collect() } else { vec![] },
        measures: if with_measures {
            table.measures.iter().map(Into::into).collect()
        } else {
            vec![]
        },
        segments: if with_segments {
            table.segments.iter().map(Into::into).collect()
        } else {
            vec![]
        },
        scoped,
    };
    told_with(&view, scoped)
}

impl RelatedView {
    fn of(other: &RelatedTable, prefix: &str) -> Self {
        Self {
            kind: "table",
            id: other.id,
            name: other.name.clone(),
            display_name: display(other.label.as_deref(), &other.name),
            database_id: DATABASE,
            database_engine: ENGINE,
            database_schema: None,
            // The key may be hidden where the relationship is not.
            related_by: other.key.clone().unwrap_or_else(|| other.relationship.clone()),
            fields: other.fields.iter().map(|field| FieldView::of(field, prefix)).collect(),
        }
    }
}

impl MetricBrief {
    fn of(detail: &MetricDetail) -> Self {
        let metric = &detail.metric;
        Self {
            id: metric.id,
            kind: "metric",
            name: metric.name.clone(),
            display_name: display(metric.label.as_deref(), &metric.name),
            description: metric.description.clone(),
            default_time_dimension_field_id: super::metric::time(detail),
        }
    }
}
