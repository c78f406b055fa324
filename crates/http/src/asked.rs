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

/// What the keys of a body say it is.
enum Words {
    /// The next page of an answer, in whichever language that was asked.
    Token,
    /// A question in the words of Metabase's Agent API.
    Theirs(Value),
    /// Whatever else.
    Ours,
}

impl Words {
    fn of(text: &str) -> Self {
        let Ok(body) = serde_json::from_str::<Value>(text) else { return Self::Ours };
        if body.get("continuation_token").is_some_and(|token| !token.is_null()) {
            Self::Token
        } else if ["table_id", "metric_id"].iter().any(|key| body.get(key).is_some()) {
            Self::Theirs(body)
        } else {
            Self::Ours
        }
    }
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
    let Asking { question, fresh } = Asking::of(text)?;
    let session = if fresh { session.clone().fresh() } else { session.clone() };
    let text = &*question;
    match Words::of(text) {
        Words::Token if size.is_some() => {
            let message = "the size of a page is that of the first one: leave `page_size` out";
            Err(Refusal::parameter(message).into())
        }
        Words::Token => {
            next_page(door, &session.used_for(Purpose::Answer), text, accepted.format).await
        }
        Words::Theirs(received) => {
            let session = session.used_for(Purpose::Answer);
            if accepted.format == Format::Json {
                return Ok(v1::answered(door, &session, text, &received, size).await?);
            }
            let question = v1::question(door, &session, text, &received)?;
            match size {
                None => {
                    let answer = session.query(&question).await.map_err(Refusal::from)?;
                    Ok(answer::reply(answer, accepted, session.limits().time).await?)
                }
                Some(size) => first_page(door, &session, question, size, accepted.format).await,
            }
        }
        Words::Ours => {
            let Some(size) = size else {
                let answer = session.query_json(text).await.map_err(Refusal::from)?;
                return Ok(answer::reply(answer, accepted, session.limits().time).await?);
            };
            let question = SemanticQuery::from_json(text);
            let question =
                question.map_err(|problems| Refusal::from(sandbar::Error::from(problems)))?;
            first_page(door, &session, question, size, accepted.format).await
        }
    }
}

/// The page that a token means, which tells by itself which language it is of.
async fn next_page(door: &Door, session: &Session, text: &str, format: Format) -> Reply {
    let (token, ignored) = v1::token(text)?;
    let text = door.open_page(session, &token).ok_or_else(v1::not_ours)?;
    let page = match serde_json::from_str::<Page>(&text) {
        Ok(page) => match ignored.first() {
            None => page,
            // An answer of ours has no place to say so.
            Some(said) => return Err(Refusal::parameter(format!("{said}: leave it out")).into()),
        },
        Err(_) if format == Format::Json => {
            return Ok(v1::next_page(door, session, &text, ignored).await?);
        }
        Err(_) => {
            let (question, size, next) = v1::place(&text)?;
            Page { question, size, next }
        }
    };
    paged(door, session, page, format).await
}

/// The first page of an answer to a question in the language below.
async fn first_page(
    door: &Door,
    session: &Session,
    question: SemanticQuery,
    size: u64,
    format: Format,
) -> Reply {
    let size = size.min(session.limits().rows).max(1);
    paged(door, session, Page { question, size, next: 0 }, format).await
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
    let question = match Words::of(&text) {
        Words::Theirs(received) => {
            let session = session.clone().used_for(Purpose::Explanation);
            v1::question(&door, &session, &text, &received)?
        }
        Words::Token | Words::Ours => SemanticQuery::from_json(&text)
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
