//! The language of Metabase's Agent API, generation v1, on the wire: its paths, bodies, status
//! codes and words. What a question means is decided below; docs/http.md says where this door
//! differs, and why.

mod asker;
mod body;
mod cells;
mod database;
mod fields;
mod filters;
mod ground;
mod metric;
mod names;
mod own;
mod question;
mod refusal;
mod run;
mod seal;
mod search;
mod table;
mod temporal;
mod values;
mod words;

pub(crate) use self::body::Body as Asked;
pub(crate) use self::own::{OnOwnPath, answered, next_page, not_ours, place, question, token};
pub(crate) use self::run::Answered as Answer;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use sandbar::{Engine, Purpose, Session};
use serde::Serialize;
use serde_json::json;

use self::asker::Asker;
use self::body::{Body, Id};
use self::refusal::Refusal;
use self::seal::{Sealed, Sealer};
use crate::openapi::shapes::{Databases, Pong, V1Refusal};
use crate::operation::{Header, Kind, Operation};
use crate::options::Options;
use crate::params::Segments;
use crate::routes::Routes;

type Reply = Result<Response, Refusal>;

/// What all requests to a router share.
#[derive(Clone)]
pub(crate) struct Shared {
    sealer: Sealer,
    tells_hidden: Option<sandbar::Administrator>,
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        let sealer = Sealer::new(options.token_key.clone());
        Self { sealer, tells_hidden: options.tells_hidden }
    }
}

/// What a request needs.
pub(crate) struct Door {
    engine: Engine,
    sealer: Sealer,
    tells_hidden: Option<sandbar::Administrator>,
}

impl FromRequestParts<Engine> for Door {
    type Rejection = crate::refusal::Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        engine: &Engine,
    ) -> Result<Self, Self::Rejection> {
        let shared = parts.extensions.get::<Shared>().cloned();
        let Shared { sealer, tells_hidden } = shared.ok_or_else(Self::Rejection::internal)?;
        Ok(Self { engine: engine.clone(), sealer, tells_hidden })
    }
}

impl Door {
    /// What a continuation token says, where it is one of ours for this asker.
    pub(crate) fn open_page(&self, session: &Session, token: &str) -> Option<String> {
        self.sealer.open(Sealed::Page, session, token)
    }

    /// A continuation token.
    pub(crate) fn seal_page(
        &self,
        session: &Session,
        text: String,
    ) -> Result<String, crate::refusal::Refusal> {
        self.sealer.seal(Sealed::Page, session, text)
    }

    /// What is said of a table that was not found: the same whether there is one, unless the host
    /// wants it told.
    fn hidden_table(&self, id: &str, refusal: Refusal) -> Refusal {
        let there = |administrator: &sandbar::Administrator| {
            self.engine.describe_table_as(administrator, id).is_ok()
        };
        let told = refusal.is_absent() && self.tells_hidden.as_ref().is_some_and(there);
        if told { Refusal::denied("Q0102") } else { refusal }
    }

    /// The same of a metric.
    fn hidden_metric(&self, id: &str, refusal: Refusal) -> Refusal {
        let there = |administrator: &sandbar::Administrator| {
            self.engine.describe_metric_as(administrator, id).is_ok()
        };
        let told = refusal.is_absent() && self.tells_hidden.as_ref().is_some_and(there);
        if told { Refusal::denied("Q0101") } else { refusal }
    }
}

/// All routes below `/api/agent/v1`.
pub(crate) fn routes() -> Routes<Engine> {
    let values = |id, summary| {
        Operation::new(id, summary)
            .takes("limit", Kind::Number(1), "how many values; 30 if left out")
            .gives::<values::ValuesView>()
            .tells(&[Header::Scoped])
            .refuses(&[403, 404])
    };
    let switches = |operation: Operation, switches: &[(&'static str, bool)]| {
        switches.iter().fold(operation, |operation, (name, default)| {
            operation.takes(name, Kind::Flag(*default), "whether it tells these")
        })
    };
    let table = Operation::new("v1GetTable", "A table").gives::<table::TableView>();
    let table = table.tells(&[Header::Scoped]).refuses(&[403, 404]);
    let metric = Operation::new("v1GetMetric", "A metric").gives::<metric::MetricView>();
    let metric = metric.tells(&[Header::Scoped]).refuses(&[403, 404]);
    Routes::new()
        .get("/ping", ping, Operation::new("v1Ping", "That the asker is let in").gives::<Pong>())
        .get("/table/{id}", table::get, switches(table, &table::SWITCHES))
        .get(
            "/table/{id}/field/{field}/values",
            values::of_table,
            values("v1ListValuesOfTable", "Statistics and values of a field of a table"),
        )
        .get("/metric/{id}", metric::get, switches(metric, &metric::SWITCHES))
        .get(
            "/metric/{id}/field/{field}/values",
            values::of_metric,
            values("v1ListValuesOfMetric", "Statistics and values of a field of a metric"),
        )
        .get(
            "/database",
            database::list,
            Operation::new("v1ListDatabases", "The only database")
                .gives::<Databases<database::DatabaseView>>()
                .refuses(&[403]),
        )
        .get(
            "/database/{id}",
            database::get,
            Operation::new(
                "v1GetDatabase",
                "The only database, with the tables that the asker sees",
            )
            .gives::<database::DatabaseView>()
            .refuses(&[403, 404]),
        )
        .post(
            "/search",
            search::post,
            Operation::new("v1Search", "Tables and metrics that fit some searches, best first")
                .takes("limit", Kind::Number(1), "how many results; 50 if left out")
                .body::<body::SearchBody>()
                .gives::<search::Results>()
                .refuses(&[403]),
        )
        .post(
            "/construct-query",
            run::construct,
            Operation::new("v1ConstructQuery", "A question, made to be executed later")
                .body::<Body>()
                .gives::<run::Constructed>()
                .refuses(&[403, 404]),
        )
        .post(
            "/execute",
            run::execute,
            Operation::new("v1Execute", "The answer of a question that was made")
                .body::<body::ExecuteBody>()
                .gives::<Answer>()
                .with_status(202)
                .tells(&[Header::Scoped])
                .refuses(&[403]),
        )
        .post(
            "/query",
            run::query,
            Operation::new("v1Query", "The answer of a question, in pages")
                .body::<Body>()
                .gives::<Answer>()
                .with_status(202)
                .tells(&[Header::Scoped])
                .refuses(&[403, 404]),
        )
        .each(|operation| operation.refused_as::<V1Refusal>().refused_in_text())
}

async fn ping(_: Asker, flags: Flags) -> Reply {
    flags.known(&[])?;
    told(&json!({ "message": "pong" }))
}

/// A body of JSON.
fn told(body: &impl Serialize) -> Reply {
    Ok(crate::answer::json(body)?)
}

/// The same, with whether what was read for it was narrowed, where something was.
fn told_with(body: &impl Serialize, scoped: Option<bool>) -> Reply {
    let response = told(body)?;
    Ok(match scoped {
        Some(is_scoped) => crate::answer::scoped(response, is_scoped),
        None => response,
    })
}

/// The id that an address names.
struct PathId(Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Segments(id) = Segments::<String>::from_request_parts(parts, state).await?;
        read_id(&id).map(Self)
    }
}

fn read_id(text: &str) -> Result<Id, Refusal> {
    Id::read(text).ok_or_else(|| Refusal::parameter("id", body::POSITIVE, text))
}

/// The parameters of an address: each known one at most once.
struct Flags(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Flags {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        crate::params::Params::from_request_parts(parts, state)
            .await
            .map(|params| Self(params.all()))
            .map_err(Refusal::from)
    }
}

impl Flags {
    /// All parameters are among these.
    fn known(&self, known: &[&str]) -> Result<(), Refusal> {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let close = sandbar::decode::suggest(name, known.iter().copied());
                let hint = match close {
                    Some(close) => format!("; did you mean `{close}`?"),
                    None => String::new(),
                };
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                let message = format!("`{shown}` is not a parameter here{hint}");
                return Err(Refusal::parameter(&shown, message, value));
            }
            if self.0.iter().skip(index + 1).any(|(other, _)| other == name) {
                let message = format!("`{name}` is given twice");
                return Err(Refusal::parameter(name, message, value));
            }
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What these say, each `true` or `false`, or else what stands for it here; and no others.
    fn switches<const N: usize>(&self, known: &[(&str, bool); N]) -> Result<[bool; N], Refusal> {
        self.known(&known.map(|(name, _)| name))?;
        let mut told = known.map(|(_, default)| default);
        for ((name, _), told) in known.iter().zip(&mut told) {
            *told = match self.get(name) {
                None => *told,
                Some("true") => true,
                Some("false") => false,
                Some(other) => {
                    let message = "value must be a valid boolean string ('true' or 'false').";
                    return Err(Refusal::parameter(name, message, other));
                }
            };
        }
        Ok(told)
    }

    /// A whole number of at least 1.
    fn positive(&self, name: &str, default: u64) -> Result<u64, Refusal> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let read = text.parse().ok().filter(|n| *n > 0);
        read.ok_or_else(|| Refusal::parameter(name, body::POSITIVE, text))
    }
}

/// Whatever is asked for here, some uses of a token have to name it.
impl Asker {
    fn to(self, purpose: Purpose) -> Session {
        self.0.used_for(purpose)
    }
}
