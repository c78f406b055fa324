//! Around every request: it has an id, its address and its head are not too long, a panic ends in a
//! plain 500, and no answer is kept by anybody in between.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use crate::refusal::Refusal;

/// The header by which a request is found again in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most bytes of an address, its parameters included.
const MAX_ADDRESS: usize = 4 << 10;

/// The most bytes of the head of a request: its first line, and all headers.
pub(crate) const MAX_HEAD: usize = 64 << 10;

/// What a page that is no page may load and do.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

tokio::task_local! {
    /// The id of the request that is being answered.
    static ANSWERED: Option<String>;
}

/// The id of the request that is being answered, for what its answer says of it.
pub(crate) fn request_id() -> Option<String> {
    ANSWERED.try_with(Clone::clone).ok().flatten()
}

/// Runs a request. Nothing is used after a panic that it could have left half done: the engine
/// swaps its state as a whole.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let id = given(request.headers()).or_else(new_id);
    let shown = id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned);
    let span = tracing::info_span!("request", id = shown.as_deref().unwrap_or_default());
    let address = request.uri().path_and_query();
    let is_long = address.is_some_and(|address| address.as_str().len() > MAX_ADDRESS);
    let is_large = head_length(&request) > MAX_HEAD;
    let answer = async {
        if is_long {
            Refusal::too_long().into_response()
        } else if is_large {
            Refusal::too_long_a_head().into_response()
        } else {
            next.run(request).await
        }
    };
    let answer = ANSWERED.scope(shown.clone(), answer);
    let answered = AssertUnwindSafe(answer).catch_unwind().instrument(span.clone());
    let mut response = answered.await.unwrap_or_else(|_| {
        let _request = span.entered();
        tracing::error!("a handler panicked");
        ANSWERED.sync_scope(shown, || Refusal::internal().into_response())
    });
    let headers = response.headers_mut();
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A browser that is led to an answer does nothing with it, and does not tell where it was.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    response
}

/// How many bytes the head of a request has in HTTP/1.1, with one blank behind each colon. A server
/// bounds what it waits for before a head has ended, but not what has come at once.
fn head_length(request: &Request) -> usize {
    let uri = request.uri();
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let address = uri.path_and_query().map_or(0, |address| address.as_str().len());
    let method = request.method().as_str().len();
    let first = method + scheme + authority + address + "  HTTP/1.1\r\n".len();
    let lines = request.headers().iter();
    let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    first + lines.sum::<usize>() + "\r\n".len()
}

/// The id that a request brings: letters, digits, `-`, `_` and `.`, at most 128.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut all = headers.get_all(REQUEST_ID).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let bytes = only.as_bytes();
    ((1..=128).contains(&bytes.len()) && bytes.iter().all(plain)).then(|| only.clone())
}

/// An id of 128 random bits; `None` where the system gives none.
fn new_id() -> Option<HeaderValue> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    HeaderValue::try_from(format!("{:032x}", u128::from_ne_bytes(random))).ok()
}
