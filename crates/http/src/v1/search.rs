//! `POST /v1/search`.

use sandbar::{FoundObject, Purpose};
use schemars::JsonSchema;
use serde::Serialize;

use super::asker::Asker;
use super::body::{NonBlank, SearchBody, read};
use super::database::{DATABASE, ENGINE};
use super::names::display;
use super::refusal::{Problem, Refusal};
use super::{Flags, Reply, told};
use crate::body::Question;

/// How many results are given unless the request says otherwise.
const RESULTS: u64 = 50;
/// The most queries of one search.
const QUERIES: usize = 50;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Results")]
pub(super) struct Results {
    data: Vec<Item>,
    total_count: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Found")]
struct Item {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    display_name: String,
    description: Option<String>,
    database_id: u64,
    database_engine: &'static str,
    database_schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    // Nobody writes down when a definition was made.
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl From<FoundObject> for Item {
    fn from(found: FoundObject) -> Self {
        Self {
            id: found.id,
            kind: found.kind,
            display_name: display(found.label.as_deref(), &found.name),
            name: found.name,
            description: found.description,
            database_id: DATABASE,
            database_engine: ENGINE,
            database_schema: None,
            verified: found.verified,
            created_at: None,
            updated_at: None,
        }
    }
}

pub(super) async fn post(asker: Asker, flags: Flags, Question(text): Question) -> Reply {
    flags.known(&["limit"])?;
    let limit = flags.positive("limit", RESULTS)?;
    let (SearchBody { term_queries, semantic_queries }, received) = read(&text)?;
    // There is one way of searching, in which all of them are equal.
    let all = term_queries.iter().chain(&semantic_queries).flatten();
    let all: Vec<&str> = all.map(|NonBlank(text)| text.as_str()).collect();
    if all.len() > QUERIES {
        let problem = Problem::new("term_queries", format!("at most {QUERIES} queries at a time"));
        return Err(Refusal::form(&[problem], &received));
    }
    let found = asker.to(Purpose::Search).search_any(&all)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let data: Vec<Item> = found.into_iter().take(limit).map(Item::from).collect();
    told(&Results { total_count: data.len(), data })
}
