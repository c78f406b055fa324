//! `GET /v1/metric/{id}`.

use sandbar::{MetricDetail, Purpose, Subject};
use schemars::JsonSchema;
use serde::Serialize;

use super::asker::Asker;
use super::fields::{FieldView, NamedView};
use super::names::display;
use super::values::views;
use super::{Door, Flags, PathId, Reply, told_with};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Metric")]
pub(super) struct MetricView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    name: String,
    display_name: String,
    description: Option<String>,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_time_dimension_field_id: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queryable_dimensions: Option<Vec<FieldView>>,
    segments: Vec<NamedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoped: Option<bool>,
}

/// What is told beside the metric, and whether it is if nothing is said.
pub(super) const SWITCHES: [(&str, bool); 4] = [
    ("with-default-temporal-breakout", true),
    ("with-field-values", false),
    ("with-queryable-dimensions", true),
    ("with-segments", false),
];

pub(super) async fn get(door: Door, asker: Asker, PathId(id): PathId, flags: Flags) -> Reply {
    let [with_time, with_values, with_dimensions, with_segments] = flags.switches(&SWITCHES)?;
    let session = asker.to(Purpose::Metrics);
    let detail = door.metric(&session, &id)?;
    let metric = &detail.metric;
    let prefix = format!("c{}-", metric.id);
    let (dimensions, scoped) = if with_dimensions {
        let subject = Subject::Metric(&metric.name);
        views(&session, subject, &metric.dimensions, &prefix, with_values).await?
    } else {
        (Vec::new(), None)
    };
    let view = MetricView {
        kind: "metric",
        id: metric.id,
        name: metric.name.clone(),
        display_name: display(metric.label.as_deref(), &metric.name),
        description: metric.description.clone(),
        verified: metric.verified,
        default_time_dimension_field_id: with_time.then(|| time(&detail)),
        queryable_dimensions: with_dimensions.then_some(dimensions),
        segments: if with_segments {
            detail.segments.iter().map(Into::into).collect()
        } else {
            vec![]
        },
        scoped,
    };
    told_with(&view, scoped)
}

/// The field that a metric is reported over, where its asker sees it.
pub(super) fn time(detail: &MetricDetail) -> Option<String> {
    let time = detail.time.as_ref()?;
    Some(format!("c{}-{}", detail.metric.id, time.number))
}
