//! The paths that are not those of Metabase alone: a question in either language, answered at
//! once, in pages, or explained. Status codes say what came of it.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sandbar::{Purpose, SemanticQuery, Session};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer;
use crate::asker::Asker;
use crate::body::Question;
use crate::explained::Explained;
use crate::format::{Accepted, Format};
use crate::fresh::Asking;
use crate::params::Params;
use crate::refusal::{Refusal, add_members, headed};
use crate::v1::{self, Door, OnOwnPath};

/// Where the next page of an answer is told that is not JSON.
const CONTINUATION: HeaderName = HeaderName::from_static("x-sandbar-continuation");

pub(crate) type Reply = Result<Response, OnOwnPath>;

/// The longest header that clients read for sure.
const LONGEST_HEADER: usize = 8 << 10;

/// A place in an answer to a question in the language below.
#[derive(Serialize, Deserialize)]
struct Page {
    #[serde(deserialize_with = "SemanticQuery::deserialize_written")]
    question: SemanticQuery,
    /// How many rows a page has.
    size: u64,
    /// Which page is next, from 0.
    next: u64,
}

/// Whether a body is in the words of Metabase's Agent API.
fn is_v1(text: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(text).ok()?;
    let keys = body.as_object()?;
    ["table_id", "metric_id"].iter().any(|key| keys.contains_key(*key)).then_some(body)
}

/// The token of the next page, where a body is nothing else.
fn token_alone(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Alone {
        continuation_token: String,
    }
    serde_json::from_str(text).ok().map(|Alone { continuation_token }| continuation_token)
}

pub(crate) async fn query(
    door: Door,
    Asker(session): Asker,
    params: Params,
    accepted: Accepted,
    Question(text): Question,
) -> Reply {
    let size = params.only("page_size")?;
    let size = size.map(|text| Params::whole_number("page_size", &text)).transpose()?;
    if size == Some(0) {
        return Err(Refusal::parameter("`page_size` is at least 1").into());
    }
    answered(&door, &session, &text, size, accepted).await
}

/// The answer to a question in either language.
pub(crate) async fn answered(
    door: &Door,
    session: &Session,
    text: &str,
    size: Option<u64>,
    accepted: Accepted,
) -> Reply {
    if let Some(token) = token_alone(text) {
        if size.is_some() {
            let message = "the size of a page is that of the first one: leave `page_size` out";
            return Err(Refusal::parameter(message).into());
        }
        // It tells by itself which language it is of.
        let session = session.clone().used_for(Purpose::Answer);
        return match door.open_page(&session, &token) {
            Some(text) => match serde_json::from_str::<Page>(&text) {
                Ok(page) => paged(door, &session, page, accepted.format).await,
                Err(_) => Ok(v1::next_page(door, &session, &text).await?),
            },
            None => Err(v1::not_ours().into()),
        };
    }
    let Asking { question, fresh } = Asking::of(text)?;
    let session = if fresh { session.clone().fresh() } else { session.clone() };
    let (text, session) = (&*question, &session);
    if let Some(received) = is_v1(text) {
        let session = session.clone().used_for(Purpose::Answer);
        return Ok(v1::answered(door, &session, text, &received, size).await?);
    }
    let Some(size) = size else {
        let answer = session.query_json(text).await.map_err(Refusal::from)?;
        return Ok(answer::reply(answer, accepted, session.limits().time).await?);
    };
    let question = SemanticQuery::from_json(text);
    let question = question.map_err(|problems| Refusal::from(sandbar::Error::from(problems)))?;
    let size = size.min(session.limits().rows).max(1);
    paged(door, session, Page { question, size, next: 0 }, accepted.format).await
}

/// One page of an answer to a question in the language below.
async fn paged(door: &Door, session: &Session, page: Page, format: Format) -> Reply {
    let skip = page.size.saturating_mul(page.next);
    let collected = session.page(&page.question, skip, page.size).await.map_err(Refusal::from)?;
    let rows = u64::try_from(collected.num_rows()).unwrap_or(u64::MAX);
    let limit = page.question.limit.as_ref().map(|limit| limit.value);
    let goes_on = rows == page.size && limit.is_none_or(|limit| skip.saturating_add(rows) < limit);
    let token = if goes_on {
        let next = Page { next: page.next + 1, ..page };
        let text = serde_json::to_string(&next).map_err(Refusal::logged)?;
        let token = door.seal_page(session, text)?;
        if format != Format::Json && token.len() > LONGEST_HEADER {
            let message = "the pages of so long a question come as application/json";
            return Err(Refusal::not_acceptable(message).into());
        }
        Some(token)
    } else {
        None
    };
    let mut response = answer::page(&collected, format, token.as_deref())?;
    if let Some(token) = token
        && format != Format::Json
        && let Ok(value) = HeaderValue::try_from(token)
    {
        response.headers_mut().insert(CONTINUATION, value);
    }
    Ok(response)
}

pub(crate) async fn explain(
    door: Door,
    Asker(session): Asker,
    params: Params,
    Question(text): Question,
) -> Reply {
    params.none()?;
    let question = match is_v1(&text) {
        Some(received) => {
            let session = session.clone().used_for(Purpose::Explanation);
            v1::question(&door, &session, &text, &received)?
        }
        None => SemanticQuery::from_json(&text)
            .map_err(|problems| Refusal::from(sandbar::Error::from(problems)))?,
    };
    let explained = session.explain(&question).await.map_err(Refusal::from)?;
    let response = answer::json(&Explained::of(&explained))?;
    Ok(answer::scoped(response, explained.scoped))
}

/// A refusal of a question in Metabase's words, on a path of our own: always JSON, with the members
/// that refusals have there.
impl IntoResponse for OnOwnPath {
    fn into_response(self) -> Response {
        match self {
            Self::Ours(refusal) => refusal.into_response(),
            Self::Theirs(refusal) => {
                let (status, code, retry_after, mut body) = refusal.in_json();
                let kind = match status {
                    StatusCode::BAD_REQUEST => "InvalidQuery",
                    StatusCode::FORBIDDEN => "Denied",
                    StatusCode::NOT_FOUND => "NotFound",
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::UNPROCESSABLE_ENTITY => {
                        "LimitExceeded"
                    }
                    StatusCode::BAD_GATEWAY => "Source",
                    StatusCode::SERVICE_UNAVAILABLE => "Cancelled",
                    _ => "Internal",
                };
                let message = body.get("message").and_then(Value::as_str);
                let message = message.unwrap_or_default().to_owned();
                if let Some(members) = body.as_object_mut() {
                    members.insert("error".to_owned(), kind.into());
                    members.insert("code".to_owned(), code.into());
                    add_members(members, status, code, &message);
                }
                let media_type = HeaderValue::from_static("application/json");
                let body = body.to_string();
                let response = (status, [(CONTENT_TYPE, media_type)], body).into_response();
                headed(response, code, retry_after)
            }
        }
    }
}
