//! `GET /v1/metric/{id}`.

use sandbar::{MetricDetail, Purpose};
use serde::Serialize;

use super::asker::Asker;
use super::fields::{FieldView, NamedView};
use super::names::display;
use super::values::samples;
use super::{Door, Flags, PathId, Reply, told};

#[derive(Serialize)]
struct MetricView {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<NamedView>>,
}

const FLAGS: [&str; 4] = [
    "with-default-temporal-breakout",
    "with-field-values",
    "with-queryable-dimensions",
    "with-segments",
];

pub(super) async fn get(door: Door, asker: Asker, PathId(id): PathId, flags: Flags) -> Reply {
    flags.known(&FLAGS)?;
    let with_time = flags.flag("with-default-temporal-breakout", true)?;
    let with_values = flags.flag("with-field-values", false)?;
    let with_dimensions = flags.flag("with-queryable-dimensions", true)?;
    let with_segments = flags.flag("with-segments", false)?;
    let session = asker.to(Purpose::Metrics);
    let detail = door.metric(&session, &id)?;
    let metric = &detail.metric;
    let prefix = format!("c{}-", metric.id);
    let mut dimensions = Vec::new();
    if with_dimensions {
        for field in &metric.dimensions {
            let mut view = FieldView::of(field, &prefix);
            if with_values {
                view.field_values = samples(&session, &metric.name, true, field).await?;
            }
            dimensions.push(view);
        }
    }
    told(&MetricView {
        kind: "metric",
        id: metric.id,
        name: metric.name.clone(),
        display_name: display(metric.label.as_deref(), &metric.name),
        description: metric.description.clone(),
        verified: metric.verified,
        default_time_dimension_field_id: with_time.then(|| time(&detail)),
        queryable_dimensions: with_dimensions.then_some(dimensions),
        segments: with_segments.then(|| detail.segments.iter().map(Into::into).collect()),
    })
}

/// The field that a metric is reported over, where its asker sees it.
pub(super) fn time(detail: &MetricDetail) -> Option<String> {
    let time = detail.time.as_ref()?;
    Some(format!("c{}-{}", detail.metric.id, time.number))
}
