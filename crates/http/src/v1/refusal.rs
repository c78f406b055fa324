//! A request that is not answered, in the words of Metabase's Agent API: some are plain text, some
//! JSON. The header `x-sandbar-code` has the code that docs/errors.md explains; a name that is
//! hidden and one that does not exist have the same.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sandbar::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::refusal::{Refusal as Told, add_members, headed};

/// The code of what is wrong.
/// What is said of everything that is not there, for all the asker may know.
pub(super) const NOT_FOUND: &str = "Not found.";
const DENIED: &str = "You don't have permissions to do that.";

/// A request that is not answered.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Answer>);

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    code: &'static str,
    body: Body,
    retry_after: Option<Duration>,
    /// It is answered as the door answers everywhere.
    plain: Option<Told>,
}

#[derive(Debug)]
enum Body {
    Text(String),
    Json(Value),
}

/// One thing that is wrong with a body or a parameter.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The code of docs/errors.md.
    pub(super) code: &'static str,
    /// Where it stands: `filters[0].operation`.
    pub(super) path: String,
    /// What is wanted there.
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: "H0201", path: path.into(), message: message.into() }
    }
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, body: Body) -> Self {
        Self(Box::new(Answer { status, code, body, retry_after: None, plain: None }))
    }

    pub(super) fn text(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self::new(status, code, Body::Text(text.into()))
    }

    /// A question that means nothing here.
    pub(super) fn invalid(code: &'static str, text: impl Into<String>) -> Self {
        Self::text(StatusCode::BAD_REQUEST, code, text)
    }

    pub(super) fn absent(code: &'static str, text: impl Into<String>) -> Self {
        Self::text(StatusCode::NOT_FOUND, code, text)
    }

    pub(super) fn denied(code: &'static str) -> Self {
        Self::text(StatusCode::FORBIDDEN, code, DENIED)
    }

    /// A query or token that was not handed out here, or not to this asker, or that he would not
    /// be handed now: which of them it is stays untold.
    pub(super) fn not_ours() -> Self {
        Self::invalid("H0205", "Invalid request: expected a base64-encoded JSON object.")
    }

    pub(super) fn unauthorized(error: &str, message: &str) -> Self {
        let body = json!({ "error": error, "message": message });
        Self::new(StatusCode::UNAUTHORIZED, "E0101", Body::Json(body))
    }

    fn scope() -> Self {
        let message = "Insufficient scope for this operation.";
        let body = json!({ "error": "unsupported_scope", "message": message });
        Self::new(StatusCode::FORBIDDEN, "E0103", Body::Json(body))
    }

    /// A body or parameter of another form, with what was received where that is known.
    pub(super) fn form(problems: &[Problem], received: &Value) -> Self {
        let (mut errors, mut specific) = (Map::new(), Map::new());
        let mut list = Vec::new();
        for problem in problems {
            let end = problem.path.find(['.', '[']).unwrap_or(problem.path.len());
            let field = problem.path.get(..end).filter(|field| !field.is_empty());
            let field = field.unwrap_or("_root").to_owned();
            let message = &problem.message;
            errors.entry(field.clone()).or_insert_with(|| message.clone().into());
            let at = if field == problem.path || problem.path.is_empty() {
                String::new()
            } else {
                format!(" (at `{}`)", problem.path)
            };
            let given = shown(at_path(received, &problem.path));
            let said = Value::from(format!("{message}{at}, received: {given}"));
            if let Value::Array(all) = specific.entry(field).or_insert_with(|| json!([])) {
                all.push(said);
            }
            list.push(json!({ "code": problem.code, "path": problem.path, "message": message }));
        }
        let body = json!({ "errors": errors, "specific-errors": specific, "problems": list });
        let code = problems.first().map_or("H0201", |problem| problem.code);
        Self::new(StatusCode::BAD_REQUEST, code, Body::Json(body))
    }

    /// The same for one thing that is wrong with the address.
    pub(super) fn parameter(name: &str, message: impl Into<String>, given: &str) -> Self {
        let mut received = Map::new();
        received.insert(name.to_owned(), given.into());
        Self::form(&[Problem::new(name, message)], &Value::Object(received))
    }

    /// Its status, its code, the time to wait, and a body of JSON, whatever it is elsewhere.
    pub(crate) fn in_json(self) -> (StatusCode, &'static str, Option<Duration>, Value) {
        let Answer { status, code, body, plain, retry_after } = *self.0;
        let message = |text: &str| json!({ "error": "", "message": text, "code": code });
        let body = match (plain, body) {
            (Some(told), _) => message(told.message()),
            (None, Body::Text(text)) => message(&text),
            (None, Body::Json(mut value)) => {
                let said = said(&value);
                if let Some(members) = value.as_object_mut() {
                    members.insert("message".to_owned(), said.into());
                }
                value
            }
        };
        (status, code, retry_after, body)
    }

    /// Whether it says that something does not exist.
    pub(super) fn is_absent(&self) -> bool {
        self.0.status == StatusCode::NOT_FOUND
    }

    /// The same refusal, about a table that was named by its id.
    pub(super) fn of_table(self, id: &str) -> Self {
        if !self.is_absent() {
            return self;
        }
        let id: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
        Self::absent(self.0.code, format!("No table found with table_id {id}"))
    }
}

/// The message of a body, or those of its problems.
fn said(body: &Value) -> String {
    if let Some(message) = body.get("message").and_then(Value::as_str) {
        return message.to_owned();
    }
    let all = body.get("problems").and_then(Value::as_array).into_iter().flatten();
    let all = all.filter_map(|problem| problem.get("message")?.as_str());
    all.collect::<Vec<_>>().join("; ")
}

/// What stands at a path of a document.
fn at_path<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut at = document;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        at = match step.strip_suffix(']').map(str::parse::<usize>) {
            Some(Ok(index)) => at.get(index)?,
            _ => at.get(step)?,
        };
    }
    Some(at)
}

fn shown(value: Option<&Value>) -> String {
    let text = value.map_or("nil".to_owned(), Value::to_string);
    if text.chars().count() <= 80 {
        return text;
    }
    text.chars().take(79).chain(['…']).collect()
}

impl From<Told> for Refusal {
    fn from(told: Told) -> Self {
        let body = Body::Text(String::new());
        let Self(mut answer) = Self::new(told.status(), told.code(), body);
        answer.plain = Some(told);
        Self(answer)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unauthenticated => {
                return Self::unauthorized("invalid_jwt", super::asker::INVALID);
            }
            ErrorKind::Denied if error.code() == "E0103" => return Self::scope(),
            ErrorKind::Denied => return Self::denied(error.code()),
            ErrorKind::NotFound => return Self::absent(error.code(), NOT_FOUND),
            ErrorKind::InvalidQuery => return Self::invalid(error.code(), sentences(&error)),
            _ => {}
        }
        let retry_after = error.retry_after();
        // It also logs what went wrong on this side.
        let told = Told::from(error);
        let body = Body::Text(told.message().to_owned());
        let Self(mut answer) = Self::new(told.status(), told.code(), body);
        answer.retry_after = retry_after;
        Self(answer)
    }
}

/// What is wrong with a question, without the places: they are those of another language.
pub(super) fn sentences(error: &Error) -> String {
    if error.problems().is_empty() {
        return error.to_string();
    }
    let messages: Vec<&str> = error.problems().iter().map(|p| p.message.as_str()).collect();
    messages.join("; ")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Answer { status, code, body, retry_after, plain } = *self.0;
        if let Some(told) = plain {
            return told.into_response();
        }
        let (media_type, text) = match body {
            Body::Text(text) => ("text/plain; charset=utf-8", text),
            Body::Json(mut value) => {
                let detail = said(&value);
                // Whoever is not let in is told the words of Metabase and nothing else.
                if let Some(members) = value.as_object_mut()
                    && status != StatusCode::UNAUTHORIZED
                {
                    add_members(members, status, code, &detail);
                }
                ("application/json", value.to_string())
            }
        };
        let media_type = HeaderValue::from_static(media_type);
        let response = (status, [(CONTENT_TYPE, media_type)], text).into_response();
        let mut response = headed(response, code, retry_after);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
