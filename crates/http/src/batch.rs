//! Many questions in one request: each gets what it would get alone, with its status.

use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use sandbar::Session;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::{SCOPED, scoped, typed};
use crate::asked::{Reply, answered};
use crate::asker::Asker;
use crate::body::Question;
use crate::format::{Accepted, Format};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::v1::Door;

/// The most questions of a batch.
const QUESTIONS: usize = 50;
/// How many of them run at a time, as far as the engine lets them.
const AT_A_TIME: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'t> {
    /// Each as it stands: what is wrong with one is told where it is read.
    #[serde(borrow)]
    queries: Vec<&'t RawValue>,
    /// Whether each is computed anew, also where its answer is kept.
    #[serde(default)]
    fresh: bool,
}

pub(crate) async fn batch(
    door: Door,
    Asker(session): Asker,
    params: Params,
    Question(text): Question,
) -> Reply {
    params.none()?;
    let Ok(Batch { queries, fresh }) = serde_json::from_str(&text) else {
        let form =
            "a batch is `{\"queries\": […]}`, with `\"fresh\": true` perhaps, and nothing else";
        return Err(Refusal::batch(form).into());
    };
    let session = if fresh { session.fresh() } else { session };
    if queries.is_empty() || queries.len() > QUESTIONS {
        return Err(Refusal::batch(format!("a batch has 1 to {QUESTIONS} queries")).into());
    }
    // Each different question is answered once, and its answer is told wherever it is asked.
    let mut distinct: Vec<(&str, u64)> = Vec::new();
    let mut places = Vec::with_capacity(queries.len());
    for query in queries.iter().map(|query| query.get()) {
        let known = distinct.iter().position(|(other, _)| *other == query);
        places.push(known.unwrap_or(distinct.len()));
        match known.and_then(|known| distinct.get_mut(known)) {
            Some((_, copies)) => *copies += 1,
            None => distinct.push((query, 1)),
        }
    }
    let copies: Vec<u64> = distinct.iter().map(|(_, copies)| *copies).collect();
    let texts: Vec<String> = distinct.into_iter().map(|(query, _)| query.to_owned()).collect();
    let work = stream::iter(texts).map(|text| item(&door, &session, text)).buffered(AT_A_TIME);
    let mut work = std::pin::pin!(work.zip(stream::iter(copies)));
    // All answers together are as large as one may be.
    let mut left = session.limits().bytes;
    let mut answers: Vec<Item> = Vec::new();
    while let Some((item, copies)) = work.next().await {
        let size = u64::try_from(item.text.len()).unwrap_or(u64::MAX).saturating_mul(copies);
        answers.push(match left.checked_sub(size) {
            Some(rest) => {
                left = rest;
                item
            }
            None => told(Refusal::batch_too_large().into_response()).await,
        });
    }
    let mut body = br#"{"results":["#.to_vec();
    for (index, item) in places.iter().filter_map(|place| answers.get(*place)).enumerate() {
        body.extend_from_slice(if index == 0 { b"" } else { b"," });
        body.extend_from_slice(&item.text);
    }
    body.extend_from_slice(b"]}");
    let is_scoped = answers.iter().any(|item| item.scoped);
    Ok(scoped(typed(Format::Json.media_type(), body.into()), is_scoped))
}

/// What is told of one question.
struct Item {
    /// `{"status":200,"body":{…}}`, or with `"retry_after":…` between.
    text: Vec<u8>,
    /// What was read for it was narrowed.
    scoped: bool,
}

/// What the same question gets alone.
async fn item(door: &Door, session: &Session, text: String) -> Item {
    let answered = answered(door, session, &text, None, Accepted::JSON).await;
    told(answered.unwrap_or_else(IntoResponse::into_response)).await
}

/// Every answer and every refusal here is JSON.
async fn told(response: Response) -> Item {
    let scoped = response.headers().get(SCOPED).is_some_and(|value| value == "true");
    let mut text = format!("{{\"status\":{},", response.status().as_u16()).into_bytes();
    // How long to wait is said by a header, which is not part of what is told here.
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    if let Some(seconds) = wait {
        text.extend_from_slice(format!("\"retry_after\":{seconds},").as_bytes());
    }
    text.extend_from_slice(b"\"body\":");
    match response.into_body().collect().await {
        Ok(body) => text.extend_from_slice(&body.to_bytes()),
        Err(_) => text.extend_from_slice(b"null"),
    }
    text.push(b'}');
    Item { text, scoped }
}
