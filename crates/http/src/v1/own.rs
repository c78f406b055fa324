//! Questions in Metabase's words on paths of our own, where a limit is a total and the size of a
//! page stands apart.

use axum::response::Response;
use sandbar::{SemanticQuery, Session};
use serde_json::Value;

use super::Door;
use super::body::{Body, NonBlank, read};
use super::question::{Converted, Limit, converted};
use super::refusal::Refusal;
use super::run::{beside_token, first_page, later_page, place_of};
use crate::refusal::Refusal as Told;

/// A refusal on a path of our own, of a question in either language.
#[derive(Debug)]
pub(crate) enum OnOwnPath {
    Ours(Told),
    Theirs(Refusal),
}

impl From<Told> for OnOwnPath {
    fn from(refusal: Told) -> Self {
        Self::Ours(refusal)
    }
}

impl From<Refusal> for OnOwnPath {
    fn from(refusal: Refusal) -> Self {
        Self::Theirs(refusal)
    }
}

/// What is said of a token that is none of ours.
pub(crate) fn not_ours() -> Refusal {
    Refusal::not_ours()
}

fn asked(
    door: &Door,
    session: &Session,
    text: &str,
    received: &Value,
) -> Result<Converted, Refusal> {
    let (body, _) = read::<Body>(text)?;
    converted(door, session, &body, received, Limit::All)
}

/// The answer, or its first page.
pub(crate) async fn answered(
    door: &Door,
    session: &Session,
    text: &str,
    received: &Value,
    size: Option<u64>,
) -> Result<Response, Refusal> {
    let converted = asked(door, session, text, received)?;
    first_page(door, session, converted, size).await
}

/// The token of a body that has one, and what of the rest has no effect.
pub(crate) fn token(text: &str) -> Result<(String, Vec<String>), Refusal> {
    let (body, received) = read::<Body>(text)?;
    let ignored = beside_token(&body, &received)?;
    let NonBlank(token) = body.continuation_token.ok_or_else(Refusal::not_ours)?;
    Ok((token, ignored))
}

/// The page that the text of a token means.
pub(crate) async fn next_page(
    door: &Door,
    session: &Session,
    text: &str,
    warnings: Vec<String>,
) -> Result<Response, Refusal> {
    later_page(door, session, text, warnings).await
}

/// The place that the text of a token means: the question in the language below, how many rows a
/// page has, and which one is next.
pub(crate) fn place(text: &str) -> Result<(SemanticQuery, u64, u64), Refusal> {
    place_of(text)
}

/// The question in the language below.
pub(crate) fn question(
    door: &Door,
    session: &Session,
    text: &str,
    received: &Value,
) -> Result<SemanticQuery, Refusal> {
    asked(door, session, text, received).map(|converted| converted.made.query)
}
