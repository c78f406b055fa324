//! An answer in the format that was asked for.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sandbar::{Answer, Collected, Warning};
use serde::Serialize;

use crate::format::{Accepted, Delivery, Format};
use crate::pen::Pen;
use crate::refusal::Refusal;
use crate::stream;
use crate::wire::Answered;

/// Whether anything was narrowed for the asker.
pub(crate) const SCOPED: HeaderName = HeaderName::from_static("x-sandbar-scoped");
/// The snapshot that was seen.
const SNAPSHOT: HeaderName = HeaderName::from_static("x-sandbar-snapshot");
/// Whether there were more rows than were given: a header, or the trailer of a stream.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("x-sandbar-truncated");
/// The codes of what the asker should know (docs/errors.md), if there is something, in the same
/// place.
pub(crate) const WARNINGS: HeaderName = HeaderName::from_static("x-sandbar-warnings");

/// The whole of an answer, or the beginning of one. A failure before the first rows is told by
/// the status. A stream that is not read is let go after `time`.
pub(crate) async fn reply(
    answer: Answer,
    accepted: Accepted,
    time: Option<Duration>,
) -> Result<Response, Refusal> {
    let is_scoped = answer.is_scoped();
    let snapshot = HeaderValue::from(answer.snapshot_version());
    let mut response = match accepted.delivery {
        Delivery::Whole => written(&answer.collect().await?, accepted.format, None)?,
        Delivery::Streamed => stream::begun(answer, accepted.format, time).await?,
    };
    response.headers_mut().insert(SNAPSHOT, snapshot);
    Ok(scoped(response, is_scoped))
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
    let snapshot = HeaderValue::from(collected.snapshot_version());
    response.headers_mut().insert(SNAPSHOT, snapshot);
    Ok(scoped(response, collected.is_scoped()))
}

fn written(
    collected: &Collected,
    format: Format,
    token: Option<&str>,
) -> Result<Response, Refusal> {
    let mut response = match format {
        Format::Json => json(&Answered::of(collected).going_on(token))?,
        Format::Csv => typed("text/csv; charset=utf-8; header=present", collected.to_csv()?.into()),
        Format::Parquet => typed(format.media_type(), parquet(collected)?.into()),
        Format::Lines | Format::Arrow => {
            let mut pen = Pen::new(format, collected.schema(), collected.columns())?;
            let mut body = Vec::new();
            for batch in collected.batches() {
                body.extend(pen.write(batch).map_err(Refusal::logged)?);
            }
            body.extend(pen.end().map_err(Refusal::logged)?);
            typed(format.media_type(), body.into())
        }
    };
    response.headers_mut().extend(end(collected.is_truncated(), collected.warnings()));
    Ok(response)
}

fn parquet(collected: &Collected) -> Result<Vec<u8>, Refusal> {
    let level = ZstdLevel::default();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let schema = collected.schema().clone();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(Refusal::logged)?;
    for batch in collected.batches() {
        writer.write(batch).map_err(Refusal::logged)?;
    }
    writer.into_inner().map_err(Refusal::logged)
}

/// What is known of an answer at its end.
pub(crate) fn end(truncated: bool, warnings: &[Warning]) -> HeaderMap {
    let mut told = HeaderMap::from_iter([(TRUNCATED, flag(truncated))]);
    let codes: Vec<&str> = warnings.iter().map(|warning| warning.code()).collect();
    if !codes.is_empty()
        && let Ok(codes) = HeaderValue::try_from(codes.join(", "))
    {
        told.insert(WARNINGS, codes);
    }
    told
}

/// A body of JSON. Unlike `axum::Json` it does not tell the client why a value cannot be written.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_vec(value).map_err(Refusal::logged)?;
    Ok(typed(Format::Json.media_type(), text.into()))
}

pub(crate) fn typed(media_type: &'static str, body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}

/// An answer that says whether what was read for it was narrowed for the asker.
pub(crate) fn scoped(mut response: Response, is_scoped: bool) -> Response {
    response.headers_mut().insert(SCOPED, flag(is_scoped));
    response
}

fn flag(value: bool) -> HeaderValue {
    HeaderValue::from_static(if value { "true" } else { "false" })
}
