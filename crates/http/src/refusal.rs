//! A request that is not answered: its status and its body.

use std::error::Error as StdError;
use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sandbar::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::guard::request_id;

/// The header with the code that docs/errors.md explains.
const CODE: HeaderName = HeaderName::from_static("x-sandbar-code");

/// What is said of every failure of ours.
const OURS: &str = "the request cannot be answered because of a problem on this side";

/// A request that is not answered.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    retry_after: Option<Duration>,
    said: Box<Said>,
}

/// What is said of it.
#[derive(Debug)]
struct Said {
    error: &'static str,
    message: String,
    code: &'static str,
    problems: Vec<Problem>,
}

/// The body of a refusal.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refusal")]
pub(crate) struct Body<'a> {
    error: &'static str,
    message: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    problems: &'a [Problem],
    status: u16,
    #[serde(flatten)]
    members: Members<'a>,
}

/// The members of RFC 9457 beside those of our own, but for the status, which has another meaning
/// where a session is opened.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Members<'a> {
    #[serde(rename = "type")]
    reference: String,
    title: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl<'a> Members<'a> {
    /// Those of a refusal. One who is not let in is told the same bytes whatever he asks: they do
    /// not name his request.
    pub(crate) fn of(status: StatusCode, code: &str, detail: &'a str) -> Self {
        let named = status != StatusCode::UNAUTHORIZED;
        Self {
            reference: format!("urn:sandbar:{code}"),
            title: title(status),
            detail,
            instance: if named { request_id() } else { None },
        }
    }
}

/// Puts the members of RFC 9457 beside others.
pub(crate) fn add_members(
    body: &mut Map<String, Value>,
    status: StatusCode,
    code: &str,
    detail: &str,
) {
    body.insert("status".to_owned(), status.as_u16().into());
    if let Ok(Value::Object(members)) = serde_json::to_value(Members::of(status, code, detail)) {
        body.extend(members);
    }
}

/// What refusals of a status have in common, in a few words.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "Not a valid request",
        StatusCode::UNAUTHORIZED => "Not let in",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Another method is wanted",
        StatusCode::NOT_ACCEPTABLE => "No such format",
        StatusCode::REQUEST_TIMEOUT => "Too slow",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "Too long",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Another type is wanted",
        StatusCode::UNPROCESSABLE_ENTITY => "Beyond a limit",
        StatusCode::TOO_MANY_REQUESTS => "Wait before the next",
        StatusCode::BAD_GATEWAY => "A source failed",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "A failure of this side",
    }
}

/// One thing that is wrong with a question.
#[derive(Debug, Serialize, JsonSchema)]
struct Problem {
    code: &'static str,
    path: String,
    message: String,
}

impl Refusal {
    fn new(
        status: StatusCode,
        error: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let said = Said { error, message: message.into(), code, problems: Vec::new() };
        Self { status, retry_after: None, said: Box::new(said) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.said.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.said.message
    }

    /// One text for every reason, so that a token tells its bearer nothing about why it fails.
    pub(crate) fn unauthenticated() -> Self {
        let message = "a valid bearer token is needed";
        Self::new(StatusCode::UNAUTHORIZED, "Unauthenticated", "E0101", message)
    }

    /// Too much from one address was not right.
    pub(crate) fn too_many_failures(wait: Duration) -> Self {
        let message = "too many attempts have failed: wait before the next";
        Self::wait("A0301", message, wait)
    }

    /// One who asks has asked too often; nothing of others.
    pub(crate) fn too_often(wait: Duration) -> Self {
        Self::wait("A0302", "you have asked too often: wait before the next question", wait)
    }

    pub(crate) fn too_many_sessions() -> Self {
        let message = "no more sessions can be opened now: wait, or send a token with each request";
        Self::wait("A0303", message, Duration::from_secs(60))
    }

    fn wait(code: &'static str, message: &'static str, wait: Duration) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "LimitExceeded", code, message);
        Self { retry_after: Some(wait), ..refusal }
    }

    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "H0101", "there is nothing at this address")
    }

    pub(crate) fn wrong_method() -> Self {
        let message = "this address takes another method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "H0102", message)
    }

    pub(crate) fn not_json() -> Self {
        let message = "a question is sent as `application/json` in UTF-8, and not compressed";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "H0103", message)
    }

    pub(crate) fn not_acceptable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", "H0104", message)
    }

    pub(crate) fn too_large() -> Self {
        let message = "a question has at most 1 MiB";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge", "H0105", message)
    }

    /// What would be handed out could not be given back.
    pub(crate) fn too_large_to_return() -> Self {
        let message = "the question is too large to be handed out and given back: ask it at once";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge", "H0105", message)
    }

    pub(crate) fn too_slow() -> Self {
        let message = "the body of the request has not come in its time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "InvalidRequest", "H0109", message)
    }

    /// The server ends: others take what comes.
    pub(crate) fn ending() -> Self {
        let message = "this server ends: nothing more should be sent here";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "H0110", message)
    }

    pub(crate) fn too_long() -> Self {
        let message = "an address has at most 4 KiB, its parameters included";
        Self::new(StatusCode::URI_TOO_LONG, "InvalidRequest", "H0111", message)
    }

    pub(crate) fn too_long_a_head() -> Self {
        let message = "the head of a request has at most 64 KiB";
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "InvalidRequest", "H0112", message)
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", "H0106", message)
    }

    pub(crate) fn unreadable(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", "H0107", message)
    }

    pub(crate) fn batch(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", "H0207", message)
    }

    /// There is no room for one more answer beside those before it.
    pub(crate) fn batch_too_large() -> Self {
        let message = "the answers of this batch are larger together than one answer may be: ask \
                       for fewer rows, or ask it alone";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "LimitExceeded", "H0208", message)
    }

    /// What fails here rather than below.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal", "H0108", OURS)
    }

    /// The same for an error whose text is for the log only.
    pub(crate) fn logged(error: impl StdError) -> Self {
        tracing::error!(%error, "an answer cannot be written");
        Self::internal()
    }
}

/// What an error comes from, for the log.
pub(crate) fn causes(error: &dyn StdError) -> String {
    let (mut text, mut cause) = (String::new(), error.source());
    while let Some(inner) = cause {
        let colon = if text.is_empty() { "" } else { ": " };
        text.push_str(&format!("{colon}{inner}"));
        cause = inner.source();
    }
    text
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        let status = match error.retry_after() {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => status(kind),
        };
        if kind == ErrorKind::Unauthenticated {
            return Self::unauthenticated();
        }
        if status.is_server_error() {
            let source = causes(&error);
            tracing::error!(code = error.code(), %error, source, "a request failed");
        }
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => OURS.to_owned(),
            _ => error.to_string(),
        };
        let mut refusal = Self::new(status, kind.name(), error.code(), message);
        refusal.retry_after = error.retry_after();
        refusal.said.problems = error
            .problems()
            .iter()
            .map(|problem| Problem {
                code: problem.code,
                path: problem.path.clone(),
                message: problem.message.clone(),
            })
            .collect();
        refusal
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidQuery => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::LimitExceeded => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Source => StatusCode::BAD_GATEWAY,
        ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        // The rest is ours, and so is any kind that is yet to come.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let said = &*self.said;
        let body = Body {
            error: said.error,
            message: &said.message,
            code: said.code,
            problems: &said.problems,
            status: self.status.as_u16(),
            members: Members::of(self.status, said.code, &said.message),
        };
        let response = (self.status, Json(body)).into_response();
        let mut response = headed(response, said.code, self.retry_after);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A refusal with its code, and with the time to wait where there is one.
pub(crate) fn headed(
    mut response: Response,
    code: &'static str,
    retry_after: Option<Duration>,
) -> Response {
    let headers = response.headers_mut();
    headers.insert(CODE, HeaderValue::from_static(code));
    if let Some(wait) = retry_after {
        // In whole seconds (RFC 9110, section 10.2.3), and not sooner than was said.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
