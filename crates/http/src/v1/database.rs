//! `GET /v1/database` and `/v1/database/{id}`: there is one, which has every table.

use sandbar::Purpose;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::asker::Asker;
use super::names::display;
use super::refusal::{NOT_FOUND, Refusal};
use super::{Flags, PathId, Reply, told};

/// Its number.
pub(super) const DATABASE: u64 = 1;
/// Its engine, and its name.
pub(super) const ENGINE: &str = "sandbar";

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1Database")]
pub(super) struct DatabaseView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    name: &'static str,
    engine: &'static str,
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<TableBrief>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "V1TableBrief")]
struct TableBrief {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    name: String,
    display_name: String,
    database_schema: Option<String>,
    description: Option<String>,
}

fn view(tables: Option<Vec<TableBrief>>) -> DatabaseView {
    let (name, description) = (ENGINE, None);
    DatabaseView { kind: "database", id: DATABASE, name, engine: ENGINE, description, tables }
}

pub(super) async fn list(asker: Asker, flags: Flags) -> Reply {
    flags.known(&[])?;
    // Whether the token may be used for it at all.
    asker.to(Purpose::Databases).tables()?;
    told(&json!({ "data": [view(None)], "total_count": 1 }))
}

pub(super) async fn get(asker: Asker, PathId(id): PathId, flags: Flags) -> Reply {
    flags.known(&[])?;
    let tables = asker.to(Purpose::Databases).tables()?;
    if !id.is(DATABASE, ENGINE) {
        return Err(Refusal::absent("Q0102", NOT_FOUND));
    }
    let tables = tables.into_iter().map(|table| TableBrief {
        kind: "table",
        id: table.id,
        display_name: display(table.label.as_deref(), &table.name),
        name: table.name,
        database_schema: None,
        description: table.description,
    });
    told(&view(Some(tables.collect())))
}
