//! An answer in the format that was asked for.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use sandbar::{Answer, Collected};
use serde::Serialize;

use crate::format::Format;
use crate::refusal::Refusal;
use crate::stream;
use crate::wire::Answered;

/// Whether anything was narrowed for the asker.
const SCOPED: HeaderName = HeaderName::from_static("x-sandbar-scoped");
/// The snapshot that was seen.
const SNAPSHOT: HeaderName = HeaderName::from_static("x-sandbar-snapshot");
/// Whether there were more rows than were given: a header, or the trailer of a stream.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("x-sandbar-truncated");

/// The whole of an answer, or the beginning of one. A failure before the first rows is told by
/// the status.
pub(crate) async fn reply(answer: Answer, format: Format) -> Result<Response, Refusal> {
    let scoped = flag(answer.is_scoped());
    let snapshot = HeaderValue::from(answer.snapshot_version());
    let mut response = match format {
        Format::Json | Format::Csv => collected(answer, format).await?,
        Format::Lines | Format::Arrow => stream::begun(answer, format).await?,
    };
    response.headers_mut().insert(SCOPED, scoped);
    response.headers_mut().insert(SNAPSHOT, snapshot);
    Ok(response)
}

async fn collected(answer: Answer, format: Format) -> Result<Response, Refusal> {
    written(&answer.collect().await?, format, None)
}

/// One page of an answer, and where it goes on.
pub(crate) fn page(
    collected: &Collected,
    format: Format,
    token: Option<&str>,
) -> Result<Response, Refusal> {
    if !matches!(format, Format::Json | Format::Csv) {
        return Err(Refusal::not_acceptable("pages come as application/json or text/csv"));
    }
    let mut response = written(collected, format, token)?;
    response.headers_mut().insert(SCOPED, flag(collected.is_scoped()));
    let snapshot = HeaderValue::from(collected.snapshot_version());
    response.headers_mut().insert(SNAPSHOT, snapshot);
    Ok(response)
}

fn written(
    collected: &Collected,
    format: Format,
    token: Option<&str>,
) -> Result<Response, Refusal> {
    let mut response = match format {
        Format::Csv => typed("text/csv; charset=utf-8; header=present", collected.to_csv()?.into()),
        _ => json(&Answered::of(collected).going_on(token))?,
    };
    response.headers_mut().insert(TRUNCATED, flag(collected.is_truncated()));
    Ok(response)
}

/// A body of JSON. Unlike `axum::Json` it does not tell the client why a value cannot be written.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_vec(value).map_err(Refusal::logged)?;
    Ok(typed(Format::Json.media_type(), text.into()))
}

pub(crate) fn typed(media_type: &'static str, body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}

pub(crate) fn flag(value: bool) -> HeaderValue {
    HeaderValue::from_static(if value { "true" } else { "false" })
}
