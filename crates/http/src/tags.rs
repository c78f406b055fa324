//! Tags of what is looked up (RFC 9110, section 8.8.3): who has it already is told so, in few bytes.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use crate::answer::SCOPED;
use crate::refusal::Refusal;

/// Gives what a `GET` tells a tag, which is made of its bytes: of what its asker sees, and of nothing
/// else. It is made anew for each request, rights are looked at as ever, and only then compared. A
/// `HEAD` has the same: its answer has a body up to here, which is left out behind.
pub(crate) async fn tagged(request: Request, next: Next) -> Response {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return next.run(request).await;
    }
    let known = request.headers().clone();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return Refusal::internal().into_response();
    };
    let bytes = body.to_bytes();
    let digest = Sha256::digest(&bytes);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default()));
    let is_known = knows(&known, &tag);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        // What is said of the body is known with it. An empty one would have its length told.
        for about in [CONTENT_TYPE, CONTENT_LENGTH, SCOPED] {
            parts.headers.remove(about);
        }
        return Response::from_parts(
            parts,
            Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()),
        );
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a request names the tag, weak or strong.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    })
}
