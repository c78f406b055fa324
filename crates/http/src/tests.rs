//! The router as a client meets it, over the sample shop.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bounds;
mod discovery;
mod doors;
mod formats;
mod leaks;
mod limits;
mod openapi;
mod operations;
mod questions;
mod sessions;
mod socket;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use sandbar::{
    Action, AttributeValue, Decision, DecisionOutcome, Engine, EngineBuilder, TokenMinter, Verifier,
};
use sandbar_shop::{Asker, Attribute};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
/// 2026-07-01T00:00:00Z, the shop's today.
const NOW: u64 = 1_782_864_000;

/// The sample shop with the verifier that [`token`] is for.
fn shop() -> EngineBuilder {
    sandbar_testkit::shop().verifier(Verifier::hs256(SECRET).unwrap())
}

async fn engine() -> Engine {
    shop().build().await.unwrap()
}

async fn app() -> Router {
    crate::router(engine().await)
}

/// How questions have ended, in their order.
type Outcomes = Arc<Mutex<Vec<DecisionOutcome>>>;

/// What writes down how questions end, and where.
fn outcomes() -> (Outcomes, impl Fn(&Decision) + Send + Sync + 'static) {
    let outcomes = Outcomes::default();
    let kept = Arc::clone(&outcomes);
    let record = move |decision: &Decision| {
        if decision.action == Action::Query {
            kept.lock().unwrap().push(decision.outcome);
        }
    };
    (outcomes, record)
}

fn token_with(secret: &str, name: &str, now: u64) -> String {
    let asker = Asker::named(name).unwrap();
    let value = |attribute: &Attribute| match attribute {
        Attribute::Text(text) => AttributeValue::from(*text),
        Attribute::Texts(texts) => texts.to_vec().into(),
    };
    let attributes: Vec<(&str, AttributeValue)> =
        asker.attributes.iter().map(|(name, given)| (*name, value(given))).collect();
    let minter = TokenMinter::hs256(secret).unwrap();
    minter.mint(asker.email, asker.groups, &attributes, now).unwrap()
}

fn token(name: &str) -> String {
    token_with(SECRET, name, NOW)
}

/// A request in the making.
struct Ask(Request<Body>);

fn get(path: &str) -> Ask {
    Ask(Request::builder().uri(path).body(Body::empty()).unwrap()).with("x-request-id", ID)
}

/// Requests have one id here, so that answers can be compared.
const ID: &str = "here";

fn post(body: impl Into<Body>) -> Ask {
    let request = Request::builder().method(Method::POST).uri("/api/agent/query");
    let request = request.header("x-request-id", ID);
    let request = request.header("content-type", "application/json");
    Ask(request.body(body.into()).unwrap())
}

/// A question of fixtures/queries.
fn question(name: &str) -> String {
    std::fs::read_to_string(sandbar_testkit::fixture(&format!("queries/{name}.json"))).unwrap()
}

impl Ask {
    fn with(mut self, header: &'static str, value: &str) -> Self {
        self.0.headers_mut().insert(header, value.parse().unwrap());
        self
    }

    fn bearing(self, name: &str) -> Self {
        self.with("authorization", &format!("Bearer {}", token(name)))
    }

    async fn of(self, app: &Router) -> Told {
        let response = app.clone().oneshot(self.0).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let collected = response.into_body().collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Told { status, headers, trailers, body: collected.to_bytes() }
    }
}

/// What came back.
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Bytes,
}

impl Told {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Its status, the kind of the refusal and its code.
    #[track_caller]
    fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        assert!(!text("message").is_empty());
        assert_eq!(self.header("x-sandbar-code"), text("code"));
        (self.status.as_u16(), text("error"), text("code"))
    }

    #[track_caller]
    fn refused(&self, status: u16, error: &str, code: &str) {
        assert_eq!(self.refusal(), (status, error.to_owned(), code.to_owned()), "{}", self.text());
    }
}
