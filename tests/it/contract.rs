//! The Agent API as its clients meet it: tables of requests and of what has to come back, over the
//! sample shop. What is expected comes from the page that describes the contract, from hand
//! arithmetic, and from another database (fixtures/contract/oracle.py).

mod answers;
mod conditions;
mod described;
mod discovery;
mod given_back;
mod headers;
mod ids;
mod leaks;
mod numbers;
mod odd;
mod own;
mod refused;
mod sampled;
mod scoped;
mod shapes;
mod tokens;
mod who;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use sandbar::{AttributeValue, Engine, EngineBuilder, Principal, TokenMinter, Verifier};
use sandbar_shop::{Asker, Attribute};
use serde_json::{Value, json};
use tower::ServiceExt;

const SECRET: &str = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
/// 2026-07-01T00:00:00Z, the shop's today.
const NOW: u64 = 1_782_864_000;

fn shop() -> EngineBuilder {
    sandbar_testkit::shop().verifier(Verifier::hs256(SECRET).unwrap())
}

/// The door, and the ids of what it shows to somebody who sees everything.
struct Shop {
    app: Router,
    ids: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
struct Told {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Told {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A member of the body, by its JSON pointer.
    #[track_caller]
    fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or(Value::Null)
    }
}

fn minted(name: &str, scope: Option<&str>) -> String {
    let asker = Asker::named(name).unwrap();
    let value = |attribute: &Attribute| match attribute {
        Attribute::Text(text) => AttributeValue::from(*text),
        Attribute::Texts(texts) => texts.to_vec().into(),
    };
    let attributes: Vec<(&str, AttributeValue)> =
        asker.attributes.iter().map(|(name, given)| (*name, value(given))).collect();
    let mut minter = TokenMinter::hs256(SECRET).unwrap();
    if let Some(scope) = scope {
        minter = minter.scoped(sandbar::Scopes::parse(scope).unwrap());
    }
    minter.mint(asker.email, asker.groups, &attributes, NOW).unwrap()
}

impl Shop {
    async fn open() -> Self {
        Self::of(shop().build().await.unwrap()).await
    }

    /// Over an engine, with the host's word that it is Mia of the staff who asks.
    fn of_mia(engine: Engine) -> Self {
        let mia = Principal::asserted_by_host("mia").group("staff").build().unwrap();
        let app = sandbar_http::router(engine).layer(axum::Extension(mia));
        Self::bare(app)
    }

    /// Without the ids of what it shows.
    fn bare(app: Router) -> Self {
        Self { app, ids: BTreeMap::new() }
    }

    async fn of(engine: Engine) -> Self {
        Self::at(sandbar_http::router(engine)).await
    }

    async fn at(app: Router) -> Self {
        let mut shop = Self::bare(app);
        let found = shop.post("ana", "/v1/search", json!({})).await.json();
        for item in found["data"].as_array().unwrap() {
            let name = item["name"].as_str().unwrap();
            let (kind, id) = (item["type"].as_str().unwrap(), &item["id"]);
            let detail = format!("/v1/{kind}/{id}?with-segments=true");
            let detail =
                if kind == "table" { format!("{detail}&with-measures=true") } else { detail };
            let detail = shop.get("ana", &detail).await.json();
            shop.learn(name, kind, &detail);
        }
        shop
    }

    /// Remembers the ids of what belongs to a table or metric.
    fn learn(&mut self, name: &str, kind: &str, detail: &Value) {
        self.ids.insert(format!("{kind}:{name}"), detail["id"].to_string());
        let fields = if kind == "table" { "fields" } else { "queryable_dimensions" };
        for field in detail[fields].as_array().unwrap() {
            let own = field["name"].as_str().unwrap();
            let via = field["table_reference"].as_str();
            let path = via.map_or(own.to_owned(), |via| format!("{}.{own}", via.to_lowercase()));
            let id = field["field_id"].as_str().unwrap();
            self.ids.insert(format!("{name}:{path}"), id.to_owned());
        }
        for other in detail["related_tables"].as_array().into_iter().flatten() {
            for field in other["fields"].as_array().unwrap() {
                let via = field["table_reference"].as_str().unwrap().to_lowercase();
                let path = format!("{name}:{via}.{}", field["name"].as_str().unwrap());
                self.ids.insert(path, field["field_id"].as_str().unwrap().to_owned());
            }
        }
        for (kind, list) in [("segment", "segments"), ("measure", "measures")] {
            for named in detail[list].as_array().into_iter().flatten() {
                let path = format!("{kind}:{name}:{}", named["name"].as_str().unwrap());
                self.ids.insert(path, named["id"].to_string());
            }
        }
    }

    /// An id that is written as `orders:total`, `revenue:created_at` or `segment:orders:bulk`.
    fn id(&self, name: &str) -> &str {
        self.ids.get(name).unwrap_or_else(|| panic!("there is no `{name}`"))
    }

    /// The same value with ids in place of their names; numbers stay numbers.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match self.ids.get(text) {
                Some(id) => id.parse::<u64>().map_or(json!(id), Value::from),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                let filled = members.iter().map(|(key, value)| (key.clone(), self.filled(value)));
                Value::Object(filled.collect())
            }
            _ => value.clone(),
        }
    }

    /// The same address with ids in place of names in braces: `/v1/table/{table:orders}`.
    fn address(&self, path: &str) -> String {
        let mut filled = String::new();
        let mut rest = path;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap();
            filled.push_str(before);
            filled.push_str(self.id(name));
            rest = after;
        }
        filled + rest
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Told { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, who: &str, path: &str) -> Told {
        self.ask(Some(&minted(who, None)), Method::GET, path, None).await
    }

    async fn post(&self, who: &str, path: &str, body: Value) -> Told {
        let body = self.filled(&body).to_string();
        self.ask(Some(&minted(who, None)), Method::POST, path, Some(&body)).await
    }

    async fn text(&self, who: &str, path: &str, body: &str) -> Told {
        self.ask(Some(&minted(who, None)), Method::POST, path, Some(body)).await
    }

    async fn ask(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> Told {
        let uri = format!("/api/agent{}", self.address(path));
        let mut request = Request::builder().method(method).uri(uri).header("x-request-id", "here");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_owned())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// Makes a question, and answers it.
    async fn made(&self, who: &str, body: Value) -> Told {
        let made = self.post(who, "/v1/construct-query", body).await;
        assert_eq!(made.status, 200, "{made:?}");
        self.post(who, "/v1/execute", json!({ "query": made.at("/query") })).await
    }
}

/// A request, and what has to come back. Its headers follow from the rest.
struct Row {
    /// Nobody, where there is no name.
    who: &'static str,
    method: Method,
    path: &'static str,
    body: &'static str,
    status: u16,
    expected: Expected,
}

/// What stands in the body, and whether it is JSON or plain text.
enum Expected {
    /// This text.
    Text(&'static str),
    /// This JSON.
    Json(&'static str),
    /// JSON with this at a pointer.
    At(&'static str, &'static str),
    /// A text that has this in it.
    Has(&'static str),
    /// JSON that has this in it somewhere.
    JsonHas(&'static str),
}
use Expected::{At, Has, Json, JsonHas, Text};

impl Expected {
    fn media_type(&self) -> &'static str {
        match self {
            Text(_) | Has(_) => TEXT,
            Json(_) | At(..) | JsonHas(_) => JSON,
        }
    }
}

const fn get(who: &'static str, path: &'static str, status: u16, expected: Expected) -> Row {
    Row { who, method: Method::GET, path, body: "", status, expected }
}

const fn post(
    who: &'static str,
    path: &'static str,
    body: &'static str,
    status: u16,
    expected: Expected,
) -> Row {
    Row { who, method: Method::POST, path, body, status, expected }
}

/// Asks every row of a table; tells all that differ, in their status, their body or a header.
async fn check(shop: &Shop, rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let body = match serde_json::from_str::<Value>(row.body) {
            Ok(body) => shop.filled(&body).to_string(),
            Err(_) => row.body.to_owned(),
        };
        let body = (row.method == Method::POST).then_some(body.as_str());
        let token = (!row.who.is_empty()).then(|| minted(row.who, None));
        let told = shop.ask(token.as_deref(), row.method.clone(), row.path, body).await;
        let found: Option<Value> = serde_json::from_str(&told.body).ok();
        let wanted = |text: &str| {
            let wanted: Value = serde_json::from_str(text).unwrap();
            shop.filled(&wanted)
        };
        let fits = match row.expected {
            Text(text) => told.body == text,
            Json(text) => found == Some(wanted(text)),
            At(pointer, text) => found.is_some() && told.at(pointer) == wanted(text),
            Has(part) | JsonHas(part) => told.body.contains(part),
        };
        let tagged = row.method == Method::GET && row.status == 200;
        let headers = headers::wrong(&told, row.expected.media_type(), tagged);
        if told.status != row.status || !fits || !headers.is_empty() {
            wrong.push(format!(
                "{} {} {} {}: {} {} {headers:?}",
                row.who, row.method, row.path, row.body, told.status, told.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
