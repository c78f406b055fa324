//! The body of a question: JSON by its content type, of a bounded size, in UTF-8.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;

use crate::refusal::Refusal;

/// The largest body that is read, in bytes.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// The longest time that a body is waited for; it is part of each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTime(pub(crate) Duration);

impl Default for BodyTime {
    /// 30 seconds.
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

/// The whole of a body, within the limit of its route and its time.
pub(crate) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Unread> {
    // What says that it is too large is not waited for.
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|text| text.parse().ok()).is_some_and(|bytes: u64| bytes > MAX_BODY as u64)
    {
        return Err(Unread::TooLarge);
    }
    let BodyTime(time) = request.extensions().get::<BodyTime>().copied().unwrap_or_default();
    match tokio::time::timeout(time, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) => Err(match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Unread::TooLarge,
            _ => Unread::Broken,
        }),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// The JSON text of a question; whether it is one is found out below.
pub(crate) struct Question(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Question {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Refusal::not_json());
        }
        let bytes = read(request, state).await.map_err(|unread| match unread {
            Unread::TooLarge => Refusal::too_large(),
            Unread::TooSlow => Refusal::too_slow(),
            Unread::Broken => Refusal::unreadable("the body cannot be read"),
        })?;
        let text = String::from_utf8(bytes.into());
        text.map(Self).map_err(|_| Refusal::unreadable("the body is not UTF-8"))
    }
}

/// Whether a request says that its body is JSON. That is in UTF-8 (RFC 8259, section 8.1): another
/// `charset` would be another text, and so would what is compressed.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let only = all.next().filter(|_| all.next().is_none());
    let text = only.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(is_utf8)
        && headers.get_all(CONTENT_ENCODING).iter().all(is_identity)
        && is_sent_plainly(headers)
}

/// Whether a body comes as it is, in chunks or at once: of what else it may have been made on its
/// way (`gzip, chunked`) nothing is undone here (RFC 9112, section 6.1).
fn is_sent_plainly(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// Whether no coding is applied to a body (RFC 9110, section 8.4.1).
fn is_identity(codings: &HeaderValue) -> bool {
    let mut codings = codings.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether a parameter of a media type is no `charset`, or that of UTF-8, which many clients write
/// without its dash (a label of the same in the Encoding Standard).
fn is_utf8(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim().trim_matches('"');
    let is_utf8 = ["utf-8", "utf8"].iter().any(|label| value.eq_ignore_ascii_case(label));
    !name.trim().eq_ignore_ascii_case("charset") || is_utf8
}
