//! `GET /v1/{table|metric}/{id}/field/{field}/values`.

use std::time::Instant;

use arrow::array::RecordBatch;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sandbar::{
    Collected, ErrorKind, FieldDescription, Level, Purpose, SemanticType, Session, Subject,
    TableDetail, Type,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::asker::Asker;
use super::body::Id;
use super::cells;
use super::fields::FieldView;
use super::ground::{Number, number};
use super::refusal::Refusal;
use super::{Door, Flags, Reply, read_id, told_with};
use crate::params::Segments;

/// How many values are given unless the request says otherwise.
const VALUES: u64 = 30;
/// Of how many fields a table or metric is shown with values: for each a question is asked.
const SAMPLED: usize = 100;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Values")]
pub(super) struct ValuesView {
    field_id: String,
    statistics: Map<String, Value>,
    values: Vec<Value>,
    scoped: bool,
}

/// What the address names.
pub(super) struct FieldPath(Id, String);

impl<S: Send + Sync> FromRequestParts<S> for FieldPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Segments::<(String, String)>::from_request_parts(parts, state);
        let Segments((id, field)) = path.await?;
        Ok(Self(read_id(&id)?, field))
    }
}

pub(super) async fn of_table(
    door: Door,
    asker: Asker,
    FieldPath(id, field): FieldPath,
    flags: Flags,
) -> Reply {
    let limit = limit(&flags)?;
    let session = asker.to(Purpose::Tables);
    let TableDetail { table, related, .. } = door.table(&session, &id)?;
    let prefix = format!("t{}-", table.id);
    let behind = related.iter().flat_map(|other| &other.fields);
    let name = named(&field, &prefix, table.fields.iter().chain(behind))?;
    profile(&session.used_for(Purpose::Values), Subject::Table(&table.name), &name, &prefix, limit)
        .await
}

pub(super) async fn of_metric(
    door: Door,
    asker: Asker,
    FieldPath(id, field): FieldPath,
    flags: Flags,
) -> Reply {
    let limit = limit(&flags)?;
    let session = asker.to(Purpose::Metrics);
    let metric = door.metric(&session, &id)?.metric;
    let prefix = format!("c{}-", metric.id);
    let name = named(&field, &prefix, metric.dimensions.iter())?;
    profile(&session, Subject::Metric(&metric.name), &name, &prefix, limit).await
}

fn limit(flags: &Flags) -> Result<u64, Refusal> {
    flags.known(&["limit"])?;
    flags.positive("limit", VALUES)
}

/// What a question below calls the field of an id, or of a name.
fn named<'f>(
    id: &str,
    prefix: &str,
    mut fields: impl Iterator<Item = &'f FieldDescription>,
) -> Result<String, Refusal> {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    match number(id, prefix) {
        Number::Is(Some(number)) => Ok(number.to_string()),
        Number::Is(None) => Err(no_column(id)),
        Number::OfAnother => {
            let text = format!("field {shown} does not match expected prefix {prefix}");
            Err(Refusal::invalid("H0202", text))
        }
        Number::None => match fields.find(|field| field.name == id) {
            Some(field) => Ok(field.number.to_string()),
            None => Err(Refusal::invalid("H0203", format!("Invalid field_id format: {shown}"))),
        },
    }
}

fn no_column(id: &str) -> Refusal {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    let index = shown.rsplit_once('-').map_or("", |(_, index)| index);
    Refusal::absent("H0204", format!("field {shown} not found - no column at index {index}"))
}

async fn profile(
    session: &Session,
    subject: Subject<'_>,
    number: &str,
    prefix: &str,
    limit: u64,
) -> Reply {
    let field_id = format!("{prefix}{number}");
    let profile = session.field_profile(subject, number, limit).await;
    let profile = profile.map_err(|error| match error.code() {
        "Q0105" => no_column(&field_id),
        _ => Refusal::from(error),
    })?;
    let statistics = statistics(&profile.statistics)?;
    let values = first_column(&profile.values)?;
    let scoped = profile.statistics.is_scoped() || profile.values.is_scoped();
    told_with(&ValuesView { field_id, statistics, values, scoped }, Some(scoped))
}

/// Counts become shares; what is not known is left out.
fn statistics(collected: &Collected) -> Result<Map<String, Value>, Refusal> {
    let mut found = Map::new();
    let Some(row) = collected.batches().iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(found);
    };
    let cells = first_row(row)?;
    let names = collected.columns().iter().map(|column| column.name.as_str());
    let (mut rows, mut present) = (None, None);
    for (name, value) in names.zip(cells) {
        match name {
            "rows" => rows = value.as_f64(),
            "present" => present = value.as_f64(),
            _ if value.is_null() => {}
            _ => {
                found.insert(name.to_owned(), value);
            }
        }
    }
    if let (Some(rows), Some(present)) = (rows, present)
        && rows > 0.0
    {
        found.insert("percent_null".to_owned(), ((rows - present) / rows).into());
    }
    Ok(found)
}

fn first_row(batch: &RecordBatch) -> Result<Vec<Value>, Refusal> {
    let first = batch.slice(0, 1);
    let cells = first.columns().iter().map(|array| {
        let cells = cells::column(array).map_err(crate::refusal::Refusal::logged)?;
        Ok(cells.into_iter().next().unwrap_or(Value::Null))
    });
    cells.collect()
}

fn first_column(collected: &Collected) -> Result<Vec<Value>, Refusal> {
    let mut values = Vec::new();
    for batch in collected.batches() {
        let Some(array) = batch.columns().first() else { continue };
        values.extend(cells::column(array).map_err(crate::refusal::Refusal::logged)?);
    }
    Ok(values)
}

/// Fields as listings show them, where that is wanted with some values of each that people choose
/// from; and whether anything that was read for these was narrowed for the asker. All of these
/// values together have the time of one question.
pub(super) async fn views(
    session: &Session,
    subject: Subject<'_>,
    fields: &[FieldDescription],
    prefix: &str,
    with_values: bool,
) -> Result<(Vec<FieldView>, Option<bool>), Refusal> {
    let (mut views, mut scoped) = (Vec::with_capacity(fields.len()), with_values.then_some(false));
    let session = match subject {
        Subject::Table(_) => session.clone().used_for(Purpose::Values),
        Subject::Metric(_) => session.clone(),
    };
    let (started, mut sampled) = (Instant::now(), 0);
    for field in fields {
        let mut view = FieldView::of(field, prefix);
        let is_sampled = with_values && sampled < SAMPLED && is_chosen_from(field);
        sampled += usize::from(is_sampled);
        if is_sampled && let Some(values) = samples(&session, subject, field, started).await? {
            view.field_values = Some(first_column(&values)?);
            scoped = scoped.map(|known| known || values.is_scoped());
        }
        views.push(view);
    }
    Ok((views, scoped))
}

/// Whether a field is one of few values that people choose from, and may be asked for.
fn is_chosen_from(field: &FieldDescription) -> bool {
    let boolean = Type::parse(&field.data_type) == Some(Type::Boolean);
    let chosen = matches!(
        field.semantic,
        Some(SemanticType::Category | SemanticType::State | SemanticType::Country)
    );
    (boolean || chosen) && field.level == Level::Query
}

/// Some values of a field, in what is left of the time since something has `started`.
async fn samples(
    session: &Session,
    subject: Subject<'_>,
    field: &FieldDescription,
    started: Instant,
) -> Result<Option<Collected>, Refusal> {
    let left = session.limits().time.map(|time| time.saturating_sub(started.elapsed()));
    let session = session.clone().with_limits(session.limits().clone().with_time(left));
    match session.field_sample(subject, &field.number.to_string(), VALUES).await {
        Ok(values) => Ok(Some(values)),
        // It may be described, and not be queried.
        Err(error) if error.kind() == ErrorKind::Denied => Ok(None),
        // What is calculated fails on some row: it has no values, and others have theirs.
        Err(error) if error.code() == "E0304" => Ok(None),
        Err(error) => Err(error.into()),
    }
}
