//! How each entrance is asked, and every byte that it tells.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use sandbar::{
    Answer, Collected, Decision, Engine, Error, FieldProfile, SemanticQuery, Session, SqlDialect,
    Subject, TokenMinter, Verifier,
};
use sandbar_http::{Options, TokenKey};
use sandbar_testkit::entrances::{Asker, Entrance, NOW, Probe, SECRET, Twin, World};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// The forms that an answer has over HTTP.
const FORMATS: [&str; 5] = [
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
];

/// All worlds that were asked so far, and the doors to them.
pub(super) struct Doors {
    runtime: Runtime,
    open: BTreeMap<Twin, House>,
}

/// What was told in the first world, which is asked for each of its twins.
static TOLD: Mutex<BTreeMap<Asked, Option<Vec<u8>>>> = Mutex::new(BTreeMap::new());

type Asked = (Asker, Entrance, Probe);

/// One world, and its doors.
struct House {
    world: World,
    engine: Engine,
    router: Router,
    records: Arc<Mutex<Vec<Decision>>>,
}

impl House {
    async fn of(world: World) -> Self {
        let records: Arc<Mutex<Vec<Decision>>> = Arc::default();
        let kept = Arc::clone(&records);
        let mut builder = Engine::builder()
            .model("model.yaml", &world.model())
            .policies("policies.yaml", &world.policies())
            .verifier(Verifier::hs256(SECRET).unwrap())
            .clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
            .mask_key([7; 32])
            .decisions(move |decision: &Decision| kept.lock().unwrap().push(decision.clone()));
        for (name, batch) in world.tables() {
            builder = builder.batches(name, vec![batch]);
        }
        let engine = builder.build().await.unwrap();
        // What goes on is told with a code, whose key all worlds have.
        let router = Options::default().token_key(TokenKey::new([5; 32])).router(engine.clone());
        Self { world, engine, router, records }
    }

    fn session(&self, who: Asker) -> Session {
        self.engine.session(self.world.principal(who))
    }

    fn token(&self, who: Asker) -> String {
        let (group, attributes) = (self.world.group(who), self.world.attributes(who));
        let minter = TokenMinter::hs256(SECRET).unwrap();
        minter.mint(who.email(), &[group], &attributes, NOW).unwrap()
    }

    /// What is told over HTTP: status, headers, body and trailers.
    async fn http(
        &self,
        who: Asker,
        method: Method,
        path: &str,
        body: &str,
        accept: &str,
    ) -> Vec<u8> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token(who)))
            .header("content-type", "application/json")
            .header("accept", accept)
            .header("te", "trailers")
            .header("x-request-id", "here")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let headers = format!("{} {:?}\n", response.status(), response.headers());
        let collected = match response.into_body().collect().await {
            Ok(collected) => collected,
            Err(error) => return format!("{headers}{error}").into_bytes(),
        };
        let trailers = format!("\n{:?}", collected.trailers());
        [headers.into_bytes(), collected.to_bytes().to_vec(), trailers.into_bytes()].concat()
    }

    /// The first two pages of an answer, and what the token says that leads to the second. The code
    /// in it is that of the asker's rights, which differs with policies: only its length is told.
    async fn pages(&self, who: Asker, json: &str) -> Vec<u8> {
        let path = "/api/agent/query";
        let first = format!("{path}?page_size=2");
        let mut told = self.http(who, Method::POST, &first, json, FORMATS[0]).await;
        let text = String::from_utf8(told.clone()).unwrap();
        let token = text.split_once("\"continuation_token\":\"").map(|(_, rest)| rest);
        let Some((token, _)) = token.and_then(|rest| rest.split_once('"')) else { return told };
        let sealed: Value = serde_json::from_slice(&STANDARD.decode(token).unwrap()).unwrap();
        assert_eq!(sealed.as_object().unwrap().len(), 2, "a part that is not looked at: {sealed}");
        let code = sealed["code"].as_str().unwrap();
        let said = format!("{} {} {}", token.len(), code.len(), sealed["text"].as_str().unwrap());
        told = text.replace(token, &said).into_bytes();
        let body = serde_json::json!({ "continuation_token": token }).to_string();
        let next = self.http(who, Method::POST, path, &body, FORMATS[0]).await;
        // That it goes on is told again, by a token that differs in the number of the page.
        let next = String::from_utf8(next).unwrap();
        let next = next.split("\"continuation_token\":\"").next().unwrap();
        told.extend(next.as_bytes());
        told
    }

    async fn get(&self, who: Asker, path: &str) -> Vec<u8> {
        self.http(who, Method::GET, &format!("/api/agent{path}"), "", FORMATS[0]).await
    }
}

impl Doors {
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { runtime: runtime.unwrap(), open: BTreeMap::new() }
    }

    /// What somebody is told in a world, or `None` where an entrance cannot be asked that.
    pub(super) fn ask(
        &mut self,
        world: World,
        who: Asker,
        entrance: Entrance,
        probe: &Probe,
    ) -> Option<Vec<u8>> {
        let key = (who, entrance, probe.clone());
        if world.0 == Twin::Same
            && let Some(told) = TOLD.lock().unwrap().get(&key)
        {
            return told.clone();
        }
        let house = self.open.entry(world.0);
        let house = house.or_insert_with(|| self.runtime.block_on(House::of(world)));
        let told = self.runtime.block_on(told(house, who, entrance, probe));
        if world.0 == Twin::Same {
            TOLD.lock().unwrap().insert(key, told.clone());
        }
        told
    }
}

/// One arm for each entrance, with the probes that it can be asked.
async fn told(house: &House, who: Asker, entrance: Entrance, probe: &Probe) -> Option<Vec<u8>> {
    let session = house.session(who);
    let told = match (entrance, probe) {
        (Entrance::Query, Probe::Question(json)) if one_of(3, 0, json) => {
            match SemanticQuery::from_json(json) {
                Ok(query) => rows(session.query(&query).await).await,
                // What is no question cannot be asked here.
                Err(_) => return None,
            }
        }
        (Entrance::QueryJson, Probe::Question(json)) => rows(session.query_json(json).await).await,
        (Entrance::FieldValues, Probe::Values(table, field)) => {
            match session.field_values(table, field, 100).await {
                Ok(values) => format!("{values:?}\n{}", values.to_csv().unwrap()),
                Err(error) => all_of(&error),
            }
        }
        (Entrance::Explain, Probe::Question(json)) if one_of(2, 0, json) => {
            let Ok(query) = SemanticQuery::from_json(json) else { return None };
            let explained = session.explain(&query).await;
            if let Ok(explanation) = &explained {
                assert!(explanation.sql(SqlDialect::DuckDb).is_none());
                assert!(explanation.sql(SqlDialect::Postgres).is_none());
            }
            shown(explained)
        }
        (Entrance::Tables, Probe::Tables) => shown(session.tables()),
        (Entrance::Metrics, Probe::Metrics) => shown(session.metrics()),
        (Entrance::DescribeTable, Probe::Table(name)) => shown(session.describe_table(name)),
        (Entrance::DescribeMetric, Probe::Metric(name)) => shown(session.describe_metric(name)),
        (Entrance::Search, Probe::Search(words)) => shown(session.search(words)),
        (Entrance::Authenticate, probe) => {
            of_bearer(&house.engine.authenticate(&house.token(who)).unwrap(), probe).await?
        }
        (Entrance::AuthenticateRequest, probe) => {
            of_bearer(&house.engine.authenticate_request(&house.token(who)).unwrap(), probe).await?
        }
        (Entrance::Error, probe) => match error_of(&session, 1, probe).await? {
            Some(error) => format!("{error} {error:?} {:?} {}", error.kind(), error.code()),
            None => "none".to_owned(),
        },
        (Entrance::Problems, probe) => match error_of(&session, 2, probe).await? {
            Some(error) => format!("{:?}", error.problems()),
            None => "none".to_owned(),
        },
        (Entrance::Decisions, Probe::Question(json)) if one_of(2, 1, json) => {
            house.records.lock().unwrap().clear();
            let _ = rows(session.query_json(json).await).await;
            let records = house.records.lock().unwrap().clone();
            records.iter().map(recorded).collect()
        }
        (Entrance::HttpQuery, Probe::Question(json)) => {
            let mut told = Vec::new();
            let others = FORMATS.iter().skip(1).enumerate();
            let other = others.filter(|(turn, _)| one_of(5, *turn, json)).map(|(_, format)| format);
            for format in FORMATS.iter().take(1).chain(other) {
                let post = house.http(who, Method::POST, "/api/agent/query", json, format);
                told.extend(post.await);
            }
            if one_of(5, 4, json) {
                told.extend(house.pages(who, json).await);
            }
            return Some(told);
        }
        (Entrance::HttpTables, Probe::Tables) => return Some(house.get(who, "/tables").await),
        (Entrance::HttpTable, Probe::Table(name)) => {
            return Some(house.get(who, &format!("/tables/{}", segment(name))).await);
        }
        (Entrance::HttpFields, Probe::Table(name)) => {
            return Some(house.get(who, &format!("/tables/{}/fields", segment(name))).await);
        }
        (Entrance::HttpValues, Probe::Values(table, field)) => {
            let (table, field) = (segment(table), segment(field));
            let path = format!("/tables/{table}/fields/{field}/values?limit=100");
            return Some(house.get(who, &path).await);
        }
        (Entrance::HttpMetrics, Probe::Metrics) => return Some(house.get(who, "/metrics").await),
        (Entrance::HttpMetric, Probe::Metric(name)) => {
            return Some(house.get(who, &format!("/metrics/{}", segment(name))).await);
        }
        (Entrance::HttpSearch, Probe::Search(words)) => {
            return Some(house.get(who, &format!("/search?q={}", segment(words))).await);
        }
        (Entrance::HttpBatch, Probe::Question(json)) if one_of(3, 0, json) => {
            let batch = format!("{{\"queries\":[{json},{{\"table\":\"absent\"}}]}}");
            let post = house.http(who, Method::POST, "/api/agent/batch", &batch, FORMATS[0]);
            return Some(post.await);
        }
        (Entrance::HttpExplain, Probe::Question(json)) if one_of(3, 1, json) => {
            let post = house.http(who, Method::POST, "/api/agent/explain", json, FORMATS[0]);
            return Some(post.await);
        }
        (Entrance::V1Search, Probe::Search(words)) => {
            let body = serde_json::json!({ "term_queries": [words], "semantic_queries": [words] });
            let (body, path) = (body.to_string(), "/api/agent/v1/search");
            return Some(house.http(who, Method::POST, path, &body, FORMATS[0]).await);
        }
        (Entrance::TableInFull, Probe::Table(name)) => shown(session.table_in_full(name)),
        (Entrance::MetricInFull, Probe::Metric(name)) => shown(session.metric_in_full(name)),
        (Entrance::FieldProfile, Probe::Values(table, field)) => {
            profiled(session.field_profile(Subject::Table(table), field, 100).await)
        }
        (Entrance::FieldProfile, Probe::MetricValues(metric, field)) => {
            profiled(session.field_profile(Subject::Metric(metric), field, 100).await)
        }
        (Entrance::FieldSample, Probe::Values(table, field)) => {
            collected(session.field_sample(Subject::Table(table), field, 100).await)
        }
        (Entrance::FieldSample, Probe::MetricValues(metric, field)) => {
            collected(session.field_sample(Subject::Metric(metric), field, 100).await)
        }
        (Entrance::SearchAny, Probe::Search(words)) => {
            shown(session.search_any(&[words.as_str(), "orders"]))
        }
        (Entrance::Check, Probe::Question(json)) => {
            let Ok(query) = SemanticQuery::from_json(json) else { return None };
            shown(session.check(&query))
        }
        (Entrance::Page, Probe::Question(json)) => {
            let Ok(query) = SemanticQuery::from_json(json) else { return None };
            // A page from within, or all of it.
            let (skip, rows) = if one_of(2, 0, json) { (2, 3) } else { (0, 1_000) };
            collected(session.page(&query, skip, rows).await)
        }
        // The program is started in crates/cli/tests/it/leaks.rs.
        (Entrance::CommandQuery, _) => return None,
        (
            Entrance::Query
            | Entrance::QueryJson
            | Entrance::FieldValues
            | Entrance::Explain
            | Entrance::Tables
            | Entrance::Metrics
            | Entrance::DescribeTable
            | Entrance::DescribeMetric
            | Entrance::Search
            | Entrance::Decisions
            | Entrance::HttpQuery
            | Entrance::HttpTables
            | Entrance::HttpTable
            | Entrance::HttpFields
            | Entrance::HttpValues
            | Entrance::HttpMetrics
            | Entrance::HttpMetric
            | Entrance::HttpSearch
            | Entrance::HttpBatch
            | Entrance::HttpExplain
            | Entrance::V1Search
            | Entrance::TableInFull
            | Entrance::MetricInFull
            | Entrance::FieldProfile
            | Entrance::FieldSample
            | Entrance::SearchAny
            | Entrance::Check
            | Entrance::Page,
            _,
        ) => return None,
    };
    Some(told.into_bytes())
}

/// Where entrances lead the same way, each is asked its share of the questions; whatever goes by
/// JSON, and the door over HTTP, are asked all of them.
fn one_of(shares: usize, turn: usize, json: &str) -> bool {
    json.len() % shares == turn
}

/// A part of a path, or of the words after `?`.
fn segment(text: &str) -> String {
    text.replace(' ', "%20")
}

/// Everything of an answer: what is known before its rows, its batches, and how it is written.
async fn rows(answer: Result<Answer, Error>) -> String {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return all_of(&error),
    };
    let before = format!("{:?} {:?} {}", answer.columns(), answer.schema(), answer.is_scoped());
    match answer.collect().await {
        Ok(rows) => {
            let sizes: Vec<usize> = rows.batches().iter().map(|b| b.num_rows()).collect();
            let (csv, table) = (rows.to_csv().unwrap(), rows.to_table().unwrap());
            let json = rows.to_json_rows().unwrap();
            format!("{before}\n{sizes:?}\n{rows:?}\n{csv}\n{table}\n{json:?}")
        }
        Err(error) => format!("{before}\n{}", all_of(&error)),
    }
}

/// Rows that come at once.
fn collected(rows: Result<Collected, Error>) -> String {
    match rows {
        Ok(rows) => format!("{rows:?}\n{}", rows.to_csv().unwrap()),
        Err(error) => all_of(&error),
    }
}

/// What a field is like, and its values.
fn profiled(profile: Result<FieldProfile, Error>) -> String {
    match profile {
        Ok(FieldProfile { field, statistics, values, .. }) => {
            let (statistics, values) = (statistics.to_csv(), values.to_csv());
            format!("{field:?}\n{}\n{}", statistics.unwrap(), values.unwrap())
        }
        Err(error) => all_of(&error),
    }
}

fn shown<T: Debug>(told: Result<T, Error>) -> String {
    told.map_or_else(|error| all_of(&error), |told| format!("{told:?}"))
}

/// Everything that an asker can see of a failure.
fn all_of(error: &Error) -> String {
    let (kind, code, wait) = (error.kind(), error.code(), error.retry_after());
    format!("{kind:?} {code} {error} {error:?} {:?} {wait:?}", error.problems())
}

/// What the bearer of a token is told; of many questions some, since it is the same session then.
async fn of_bearer(session: &Session, probe: &Probe) -> Option<String> {
    match probe {
        Probe::Question(json) if one_of(3, 1, json) => {
            Some(rows(session.query_json(json).await).await)
        }
        Probe::Table(name) => Some(shown(session.describe_table(name))),
        _ => None,
    }
}

/// The error that a probe ends with, if it ends with one; `None` for what cannot fail.
async fn error_of(session: &Session, turn: usize, probe: &Probe) -> Option<Option<Error>> {
    Some(match probe {
        Probe::Question(json) if !one_of(3, turn, json) => return None,
        Probe::Question(json) => match session.query_json(json).await {
            Ok(answer) => answer.collect().await.err(),
            Err(error) => Some(error),
        },
        Probe::Values(table, field) => session.field_values(table, field, 100).await.err(),
        Probe::Table(name) => session.describe_table(name).err(),
        Probe::Metric(name) => session.describe_metric(name).err(),
        Probe::Tables | Probe::Metrics | Probe::MetricValues(..) | Probe::Search(_) => {
            return None;
        }
    })
}

/// A record, but for how long it took and the digest of rights, which differs with policies.
fn recorded(record: &Decision) -> String {
    let Decision { subject, token, action, snapshot, scoped, policies, masked, .. } = record;
    let Decision { definers, rows, outcome, .. } = record;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{subject:?} {token:?} {action:?} {snapshot} {scoped} {policies:?} {masked:?} {definers:?} \
         {rows} {outcome:?}"
    );
    text
}
