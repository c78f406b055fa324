//! `POST /v1/construct-query`, `/v1/execute` and `/v1/query`.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use sandbar::{
    AnswerColumn, Collected, Error, ErrorKind, Overflow, Purpose, SemanticQuery, Session, Type,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::asker::Asker;
use super::body::{Body, ExecuteBody, NonBlank, entries, read, without_effect};
use super::cells;
use super::names::base_type;
use super::question::{Column, Converted, Limit, Made, converted, one_subject};
use super::refusal::{Problem, Refusal, sentences};
use super::seal::Sealed;
use super::{Door, Flags, Reply};
use crate::body::Question;

/// The most rows of one answer.
const ROWS: u64 = 200;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Constructed")]
pub(super) struct Constructed {
    query: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// An answer, or a part of one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Answer")]
pub(crate) struct Answered {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    row_count: usize,
    running_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoped: Option<bool>,
    data: Data,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
}

#[derive(Serialize, Default, JsonSchema)]
#[schemars(rename = "V1Data")]
struct Data {
    cols: Vec<ColumnView>,
    rows: Vec<Vec<Value>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Column")]
struct ColumnView {
    name: String,
    base_type: &'static str,
    effective_type: &'static str,
    display_name: String,
}

/// A place in an answer that is told page by page.
#[derive(Serialize, Deserialize)]
struct Page {
    made: Made,
    /// How many rows a page has.
    size: u64,
    /// Which page is next, from 0.
    next: u64,
}

pub(super) async fn construct(
    door: Door,
    asker: Asker,
    flags: Flags,
    Question(text): Question,
) -> Reply {
    flags.known(&[])?;
    let (body, received) = read::<Body>(&text)?;
    let session = asker.to(Purpose::Construction);
    if body.continuation_token.is_some() {
        let problem = Problem::new("continuation_token", "it is for /v1/query");
        return Err(Refusal::form(&[problem], &received));
    }
    let Converted { made, warnings } = converted(&door, &session, &body, &received, Limit::Total)?;
    session.check(&made.query)?;
    let text = serde_json::to_string(&made).map_err(crate::refusal::Refusal::logged)?;
    let query = door.sealer.seal(Sealed::Query, &session, text)?;
    super::told(&Constructed { query, warnings })
}

pub(super) async fn execute(
    door: Door,
    asker: Asker,
    flags: Flags,
    Question(text): Question,
) -> Reply {
    flags.known(&[])?;
    let (ExecuteBody { query, warnings: _ }, received) = read(&text)?;
    let Some(NonBlank(query)) = query else {
        let problem = Problem::new("query", "value must be a non-blank string.");
        return Err(Refusal::form(&[problem], &received));
    };
    let session = asker.to(Purpose::Execution);
    let made = door.sealer.open(Sealed::Query, &session, &query);
    let made = made.and_then(|text| serde_json::from_str::<Made>(&text).ok());
    let made = made.ok_or_else(Refusal::not_ours)?;
    let started = Instant::now();
    let rows = most(&session);
    let limits = session.limits().clone().with_rows(rows).with_overflow(Overflow::Truncate);
    let answered = async { session.with_limits(limits).query(&made.query).await?.collect().await };
    match answered.await {
        Ok(collected) => {
            let view = completed(&made.columns, &collected, started.elapsed())?;
            told(view, StatusCode::ACCEPTED)
        }
        Err(error) => failed(error, started.elapsed()),
    }
}

pub(super) async fn query(
    door: Door,
    asker: Asker,
    flags: Flags,
    Question(text): Question,
) -> Reply {
    flags.known(&[])?;
    let (body, received) = read::<Body>(&text)?;
    let session = asker.to(Purpose::Question);
    paged(&door, &session, &body, &received, StatusCode::ACCEPTED).await
}

/// Answers a question, or tells the next page of an answer.
async fn paged(
    door: &Door,
    session: &Session,
    body: &Body,
    received: &Value,
    status: StatusCode,
) -> Reply {
    if let Some(NonBlank(token)) = &body.continuation_token {
        let warnings = beside_token(body, received)?;
        let text = door.open_page(session, token).ok_or_else(Refusal::not_ours)?;
        return page_of(door, session, read_page(&text)?, warnings, status).await;
    }
    let Converted { made, warnings } = converted(door, session, body, received, Limit::Page)?;
    let size = body.limit.map_or(ROWS, |limit| limit.0).min(most(session));
    page_of(door, session, Page { made, size, next: 0 }, warnings, status).await
}

/// The first page of an answer whose limit is a total.
pub(super) async fn first_page(
    door: &Door,
    session: &Session,
    converted: Converted,
    size: Option<u64>,
) -> Reply {
    let Converted { made, warnings } = converted;
    let size = size.unwrap_or(ROWS).min(most(session));
    page_of(door, session, Page { made, size, next: 0 }, warnings, StatusCode::OK).await
}

/// The page that the text of a token means, told with a truthful status.
pub(super) async fn later_page(
    door: &Door,
    session: &Session,
    text: &str,
    warnings: Vec<String>,
) -> Reply {
    page_of(door, session, read_page(text)?, warnings, StatusCode::OK).await
}

/// The place that the text of a token means: the question below, the size of a page, the next one.
pub(super) fn place_of(text: &str) -> Result<(SemanticQuery, u64, u64), Refusal> {
    let Page { made, size, next } = read_page(text)?;
    Ok((made.query, size, next))
}

/// What the text of a token means.
fn read_page(text: &str) -> Result<Page, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal::not_ours())
}

async fn page_of(
    door: &Door,
    session: &Session,
    page: Page,
    warnings: Vec<String>,
    status: StatusCode,
) -> Reply {
    let started = Instant::now();
    let skip = page.size.saturating_mul(page.next);
    let collected = match session.page(&page.made.query, skip, page.size).await {
        Ok(collected) => collected,
        // What a question means is known before it runs.
        Err(error) if page.next == 0 && !error.problems().is_empty() => return Err(error.into()),
        Err(error) if status == StatusCode::ACCEPTED => return failed(error, started.elapsed()),
        Err(error) => return Err(error.into()),
    };
    let mut view = completed(&page.made.columns, &collected, started.elapsed())?;
    view.warnings.splice(0..0, warnings);
    let rows = u64::try_from(view.row_count).unwrap_or(u64::MAX);
    let limit = page.made.query.limit.as_ref().map(|limit| limit.value);
    if rows == page.size && limit.is_none_or(|limit| skip.saturating_add(rows) < limit) {
        let next = Page { next: page.next + 1, ..page };
        let text = serde_json::to_string(&next).map_err(crate::refusal::Refusal::logged)?;
        view.continuation_token = Some(door.seal_page(session, text)?);
    }
    told(view, status)
}

/// What stands beside a token has no effect, and is told. Beside a table or metric nobody knows
/// which of them is meant.
pub(super) fn beside_token(body: &Body, received: &Value) -> Result<Vec<String>, Refusal> {
    if body.table_id.is_some() || body.metric_id.is_some() {
        return Err(Refusal::form(&[one_subject()], received));
    }
    let given = [
        ("filters", entries(&body.filters).next().is_some()),
        ("fields", entries(&body.fields).next().is_some()),
        ("aggregations", entries(&body.aggregations).next().is_some()),
        ("group_by", entries(&body.group_by).next().is_some()),
        ("order_by", entries(&body.order_by).next().is_some()),
        ("limit", body.limit.is_some()),
    ];
    let mut warnings = Vec::new();
    without_effect(&given, "", "beside `continuation_token`", &mut warnings);
    Ok(warnings)
}

fn told(view: Answered, status: StatusCode) -> Reply {
    Ok((status, super::told_with(&view, view.scoped)?).into_response())
}

/// An answer that was computed.
fn completed(
    wanted: &[Column],
    collected: &Collected,
    time: Duration,
) -> Result<Answered, Refusal> {
    let columns = collected.columns();
    // The columns stand in another order below where measures and functions are mixed.
    let places: Vec<(usize, &AnswerColumn)> = wanted
        .iter()
        .filter_map(|column| columns.iter().enumerate().find(|(_, c)| c.name == column.name))
        .collect();
    let mut rows = Vec::with_capacity(collected.num_rows());
    for batch in collected.batches() {
        let mut cells = Vec::with_capacity(places.len());
        for array in places.iter().filter_map(|(place, _)| batch.columns().get(*place)) {
            let column = cells::column(array).map_err(crate::refusal::Refusal::logged)?;
            cells.push(column.into_iter());
        }
        for _ in 0..batch.num_rows() {
            rows.push(cells.iter_mut().filter_map(Iterator::next).collect());
        }
    }
    let cols = wanted.iter().zip(&places).map(|(column, (_, found))| {
        let data_type = match found.data_type {
            Type::Date if column.instant => Type::Datetime,
            other => other,
        };
        let base_type = base_type(data_type);
        ColumnView {
            name: column.name.clone(),
            base_type,
            effective_type: base_type,
            display_name: column.display_name.clone(),
        }
    });
    Ok(Answered {
        status: "completed",
        error: None,
        code: None,
        row_count: rows.len(),
        running_time: millis(time),
        scoped: Some(collected.is_scoped()),
        data: Data { cols: cols.collect(), rows },
        warnings: collected.warnings().iter().map(|w| w.message().to_owned()).collect(),
        continuation_token: None,
    })
}

/// A question that was understood, and of which nothing came.
fn failed(error: Error, time: Duration) -> Reply {
    // The token is not for this, or too many ask at a time: nothing was begun.
    if error.code() == "E0103" || error.retry_after().is_some() {
        return Err(error.into());
    }
    let code = error.code();
    let text = match error.kind() {
        ErrorKind::InvalidQuery | ErrorKind::Denied | ErrorKind::NotFound => sentences(&error),
        _ => crate::refusal::Refusal::from(error).message().to_owned(),
    };
    let view = Answered {
        status: "failed",
        error: Some(text),
        code: Some(code),
        row_count: 0,
        running_time: millis(time),
        scoped: None,
        data: Data::default(),
        warnings: Vec::new(),
        continuation_token: None,
    };
    told(view, StatusCode::ACCEPTED)
}

/// The most rows of one answer, here and as the host says.
fn most(session: &Session) -> u64 {
    ROWS.min(session.limits().rows).max(1)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
