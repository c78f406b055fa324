//! The routes: each hands its words to a session and writes down what comes back.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::{Extension, Json, Router, middleware};
use sandbar::{
    Engine, FieldDescription, FoundObject, MetricDescription, SemanticQuery, TableDescription,
};

use crate::asker::Asker;
use crate::auth::{self, Access};
use crate::body::MAX_BODY;
use crate::explained::Explained;
use crate::format::Format;
use crate::fresh::OrFresh;
use crate::guard::guard;
use crate::openapi::document;
use crate::openapi::shapes::{Batch, Document, NextPage, Results};
use crate::operation::{Header, Kind, Operation};
use crate::options::Options;
use crate::params::{Params, Segments};
use crate::readiness::Readiness;
use crate::refusal::Refusal;
use crate::routes::{Route, Routes};
use crate::v1::{self, Shared};
use crate::wire::{Answered, FieldList, FieldValues, Health, MetricList, SearchResults, TableList};
use crate::{answer, asked, batch, explorer};

/// How many values of a field are given unless the request says otherwise.
const VALUES: u64 = 100;

/// What is told of rows in headers.
const ABOUT_ROWS: [Header; 5] =
    [Header::Scoped, Header::Snapshot, Header::Truncated, Header::Warnings, Header::Continuation];

type Reply<T> = Result<Json<T>, Refusal>;

/// All routes over an engine; the crate's page describes them.
///
/// ```no_run
/// # async fn serve(engine: sandbar::Engine) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, sandbar_http::router(engine)).await?;
/// # Ok(())
/// # }
/// ```
pub fn router(engine: Engine) -> Router {
    Options::default().router(engine)
}

/// The same with sessions, API keys and rate limits of the host's.
pub fn router_with(engine: Engine, access: Arc<Access>) -> Router {
    Options::default().access(access).router(engine)
}

/// What [`router`] serves.
pub fn routes() -> Vec<Route> {
    all().list().iter().map(|(route, _)| route.clone()).collect()
}

/// The document of what [`router`] serves (OpenAPI 3.1), as `/openapi.json` tells it.
pub fn openapi() -> serde_json::Value {
    document(all().list())
}

/// All routes, as a host decides.
pub(crate) fn made(engine: Engine, options: &Options) -> Router {
    let all = all();
    // Written down once: it is the same for everybody.
    let told = Told(document(all.list()).to_string().into());
    let router = all
        .router()
        .fallback(async || Refusal::no_route())
        .method_not_allowed_fallback(async || Refusal::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(Arc::clone(&options.access)))
        .layer(Extension(told))
        .layer(Extension(Shared::new(options)))
        .layer(Extension(options.readiness.clone()))
        .layer(Extension(options.body_time))
        .layer(middleware::from_fn(guard))
        .with_state(engine);
    match &options.metrics {
        Some(metrics) => metrics.around(router),
        None => router,
    }
}

fn all() -> Routes<Engine> {
    let agent = Routes::new()
        .get(
            "/tables",
            tables,
            Operation::new("listTables", "The tables and metrics that the asker sees, in brief")
                .gives::<TableList>()
                .refuses(&[403]),
        )
        .get(
            "/tables/{id}",
            table,
            Operation::new("getTable", "A table with all that can be asked of it")
                .gives::<TableDescription>()
                .refuses(&[403, 404]),
        )
        .get(
            "/tables/{id}/fields",
            fields,
            Operation::new("listFields", "The fields of a table")
                .gives::<FieldList>()
                .refuses(&[403, 404]),
        )
        .get(
            "/tables/{id}/fields/{field}/values",
            values,
            Operation::new(
                "listValues",
                "The values of a field, each once, as the asker sees them",
            )
            .takes("limit", Kind::Number(0), "how many values; 100 if left out")
            .gives::<FieldValues<'_>>()
            .tells(&[Header::Scoped])
            .refuses(&[403, 404]),
        )
        .get(
            "/metrics",
            metrics,
            Operation::new("listMetrics", "The metrics that the asker sees, in brief")
                .gives::<MetricList>()
                .refuses(&[403]),
        )
        .get(
            "/metrics/{id}",
            metric,
            Operation::new("getMetric", "A metric with the fields that it can be grouped by")
                .gives::<MetricDescription>()
                .refuses(&[403, 404]),
        )
        .get(
            "/search",
            search,
            Operation::new("search", "Tables and metrics that fit some words, best first")
                .needs("q", Kind::Text, "the words")
                .gives::<SearchResults>()
                .refuses(&[403]),
        )
        .post(
            "/query",
            asked::query,
            Operation::new("query", "The answer of a question in either language")
                .takes("page_size", Kind::Number(1), "in pages of so many rows")
                .body::<OrFresh<SemanticQuery>>()
                .body::<OrFresh<v1::Asked>>()
                .body::<OrFresh<NextPage>>()
                .gives::<Answered<'_>>()
                .gives::<v1::Answer>()
                .also_as(&Format::BESIDE_JSON)
                .tells(&ABOUT_ROWS)
                .refuses(&[403, 404, 406, 422]),
        )
        .post(
            "/batch",
            batch::batch,
            Operation::new("batch", "Up to 50 questions, each with what it would get alone")
                .body::<Batch>()
                .gives::<Results>()
                .tells(&[Header::Scoped]),
        )
        .post(
            "/explain",
            asked::explain,
            Operation::new("explain", "How a question would be answered")
                .body::<SemanticQuery>()
                .body::<v1::Asked>()
                .gives::<Explained<'_>>()
                .tells(&[Header::Scoped])
                .refuses(&[403, 404]),
        )
        .under("/v1", v1::routes())
        .with_tags();
    Routes::new()
        .get(
            "/health",
            health,
            Operation::new("health", "That the server runs").gives::<Health>().public(),
        )
        .get(
            "/ready",
            ready,
            Operation::new("ready", "That further requests are wanted here")
                .gives::<Health>()
                .public()
                .refuses(&[503]),
        )
        .get(
            "/openapi.json",
            told,
            Operation::new("openapi", "This document").gives::<Document>().public(),
        )
        .get(
            "/explorer",
            explorer::page,
            Operation::new("explorer", "A page for trying the routes out")
                .also_as(&["text/html"])
                .public(),
        )
        .get(
            "/explorer/{file}",
            explorer::beside,
            Operation::new("explorerFile", "What that page is made of")
                .also_as(&["text/javascript", "text/css"])
                .public()
                .refuses(&[404]),
        )
        .under("/api/agent", agent)
        .and(auth::routes())
}

/// The document of the routes.
#[derive(Clone)]
struct Told(Bytes);

async fn told(
    Extension(Told(document)): Extension<Told>,
    params: Params,
) -> Result<Response, Refusal> {
    params.none()?;
    Ok(answer::typed(Format::Json.media_type(), document.into()))
}

async fn health(State(engine): State<Engine>, params: Params) -> Reply<Health> {
    params.none()?;
    Ok(Json(Health { status: "ok", snapshot: engine.snapshot_version() }))
}

async fn ready(
    State(engine): State<Engine>,
    Extension(readiness): Extension<Readiness>,
    params: Params,
) -> Reply<Health> {
    params.none()?;
    if readiness.is_ending() {
        return Err(Refusal::ending());
    }
    Ok(Json(Health { status: "ready", snapshot: engine.snapshot_version() }))
}

async fn tables(Asker(session): Asker, params: Params) -> Reply<TableList> {
    params.none()?;
    let tables = session.tables()?;
    let metrics = match session.metrics() {
        // A token may be for tables only.
        Err(error) if error.code() == "E0103" => Vec::new(),
        metrics => metrics?,
    };
    Ok(Json(TableList::of(tables, metrics)))
}

async fn table(
    Asker(session): Asker,
    Segments(id): Segments<String>,
    params: Params,
) -> Reply<TableDescription> {
    params.none()?;
    Ok(Json(session.describe_table(&id)?))
}

async fn fields(
    Asker(session): Asker,
    Segments(id): Segments<String>,
    params: Params,
) -> Reply<FieldList> {
    params.none()?;
    let fields: Vec<FieldDescription> = session.describe_table(&id)?.fields;
    Ok(Json(FieldList { fields }))
}

async fn values(
    Asker(session): Asker,
    Segments((id, field)): Segments<(String, String)>,
    params: Params,
) -> Result<Response, Refusal> {
    let limit = params.only("limit")?;
    let limit = limit.map(|text| Params::whole_number("limit", &text)).transpose()?;
    let values = session.field_values(&id, &field, limit.unwrap_or(VALUES)).await?;
    let response = answer::json(&FieldValues::of(&values)?)?;
    Ok(answer::scoped(response, values.is_scoped()))
}

async fn metrics(Asker(session): Asker, params: Params) -> Reply<MetricList> {
    params.none()?;
    Ok(Json(MetricList::of(session.metrics()?)))
}

async fn metric(
    Asker(session): Asker,
    Segments(id): Segments<String>,
    params: Params,
) -> Reply<MetricDescription> {
    params.none()?;
    Ok(Json(session.describe_metric(&id)?))
}

async fn search(Asker(session): Asker, params: Params) -> Reply<SearchResults> {
    let words = params.only("q")?.ok_or_else(|| Refusal::parameter("`q` says what to look for"))?;
    let results: Vec<FoundObject> = session.search(&words)?;
    Ok(Json(SearchResults { results }))
}
