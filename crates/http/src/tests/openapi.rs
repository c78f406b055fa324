//! The document of the routes: it is the one that is committed, it holds together, and answers are
//! what it says.

use std::collections::{BTreeSet, HashSet};

use axum::Router;
use axum::http::{HeaderName, Method};
use sandbar::RateLimit;
use serde_json::{Value, json};

use super::sessions::{app_with, verifier};
use super::{Ask, Told, app, get, post, question, token};
use crate::{Access, Route};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/openapi.json");

#[test]
fn the_committed_document_is_that_of_the_routes() {
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    let made = serde_json::to_string_pretty(&crate::openapi()).unwrap() + "\n";
    assert!(committed == made, "cargo run -p sandbar-http --example openapi");
}

#[test]
fn every_route_has_its_operation_and_every_reference_leads_somewhere() {
    let document = crate::openapi();
    let mut ids = HashSet::new();
    for route in crate::routes() {
        let method = route.method.to_ascii_lowercase();
        let operation = &document["paths"][&route.path][method];
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{route:?}"));
        assert!(ids.insert(id.to_owned()), "{id}");
        // Nobody but these is let in without a credential.
        let public = [
            "/health",
            "/ready",
            "/openapi.json",
            "/explorer",
            "/explorer/{file}",
            "/auth/sso",
            "/auth/sso/to_session",
        ];
        let security = match route.path.as_str() {
            path if public.contains(&path) => json!([]),
            // A token has no end but its own.
            "/api/session" => json!([{ "session": [] }]),
            _ => Value::Null,
        };
        assert_eq!(operation["security"], security, "{route:?}");
    }
    let paths = document["paths"].as_object().unwrap();
    let told: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(told, ids.len());
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

/// What some route takes is stated by each that takes it, and refused by all others.
#[tokio::test]
async fn routes_take_the_parameters_that_the_document_states() {
    let (app, document) = (app().await, crate::openapi());
    let stated = |route: &Route| {
        let operation = &document["paths"][&route.path][route.method.to_ascii_lowercase()];
        let all = operation["parameters"].as_array().into_iter().flatten();
        let all = all.filter(|parameter| parameter["in"] == "query");
        let names = all.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        names.collect::<BTreeSet<String>>()
    };
    let routes = crate::routes();
    let all: BTreeSet<String> = routes.iter().flat_map(&stated).collect();
    assert!(all.contains("limit") && all.contains("page_size"), "{all:?}");
    for route in &routes {
        let stated = stated(route);
        let path = route.path.replace("{id}", "products").replace("{field}", "category");
        let path = path.replace("{file}", "explorer.js");
        for name in &all {
            let mut ask = if route.method == "POST" { post("{}") } else { get("/") };
            *ask.0.uri_mut() = format!("{path}?{name}=x").parse().unwrap();
            *ask.0.method_mut() = route.method.parse().unwrap();
            let told = ask.bearing("ana").of(&app).await;
            let refused = told.text().contains("is not a parameter here");
            assert_eq!(refused, !stated.contains(name), "{route:?} {name}: {}", told.text());
        }
    }
}

/// What is wrong with an answer by what the document says of its status: its headers of ours, its
/// form, and members that are not told.
#[track_caller]
fn wrong(document: &Value, (method, path): (&str, &str), told: &Told) -> Vec<String> {
    let method = method.to_ascii_lowercase();
    let response = &document["paths"][path][method]["responses"][told.status.as_str()];
    assert!(response.is_object(), "{path}: {} is not stated", told.status);
    let ours = |name: &&str| {
        name.starts_with("x-sandbar-")
            || ["x-request-id", "etag", "retry-after", "www-authenticate"].contains(name)
    };
    let headers = told.headers.keys().map(HeaderName::as_str).filter(ours);
    let headers = headers.filter(|name| response["headers"].get(name).is_none());
    let mut wrong: Vec<String> = headers.map(|name| format!("{name} is not stated")).collect();
    let media = told.header("content-type").split(';').next().unwrap();
    if media.is_empty() {
        assert!(told.body.is_empty() && response.get("content").is_none(), "{path}");
        return wrong;
    }
    let schema = &response["content"][media]["schema"];
    assert!(schema.is_object(), "{path}: {} as {media} is not stated", told.status);
    if media == "application/json" {
        let mut schemas = document["components"]["schemas"].clone();
        for schema in schemas.as_object_mut().unwrap().values_mut() {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = json!(false);
            }
        }
        let mut schema = schema.clone();
        schema["components"] = json!({ "schemas": schemas });
        let valid = jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{path}: {e}"));
        let answer = told.json();
        let errors = valid.iter_errors(&answer);
        wrong.extend(errors.map(|error| format!("{error} at {}", error.instance_path())));
    }
    wrong
}

/// Routes with their documents, and which of them have answered.
struct Held {
    app: Router,
    document: Value,
    answered: BTreeSet<String>,
}

impl Held {
    /// What comes back for a request, which is as the document says.
    async fn ask(&mut self, route: &str, ask: Ask) -> Told {
        let told = ask.of(&self.app).await;
        let (method, path) = route.split_once(' ').unwrap();
        let found = wrong(&self.document, (method, path), &told);
        assert_eq!(found, Vec::<String>::new(), "{route}: {}", told.status);
        if told.status.is_success() {
            self.answered.insert(route.to_owned());
        }
        told
    }

    /// The same, with this status.
    async fn status(&mut self, status: u16, route: &str, ask: Ask) -> Told {
        let told = self.ask(route, ask).await;
        assert_eq!(told.status, status, "{route}: {}", told.text());
        told
    }
}

fn send(path: &str, body: &Value) -> Ask {
    let mut ask = post(body.to_string());
    *ask.0.uri_mut() = path.parse().unwrap();
    ask
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let (app, document) = (app().await, crate::openapi());
    let told = get("/openapi.json").of(&app).await;
    assert_eq!((told.status.as_u16(), told.json() == document), (200, true));
    let mut held = Held { app, document, answered: BTreeSet::new() };
    let native: Value = serde_json::from_str(&question("revenue_by_category")).unwrap();
    let theirs = json!({ "table_id": 2, "limit": 3 });
    let switches = "with-field-values=true&with-segments=true";
    let table = format!("/v1/table/products?{switches}&with-measures=true");
    let metric = format!("/v1/metric/average_rating?{switches}");
    let values = "/v1/metric/average_rating/field/product.category/values";
    // Below /api/agent: the path of the document, the address, and what is sent.
    let asks: Vec<(&str, &str, Option<Value>)> = vec![
        ("/tables", "/tables", None),
        ("/tables/{id}", "/tables/products", None),
        ("/tables/{id}/fields", "/tables/products/fields", None),
        (
            "/tables/{id}/fields/{field}/values",
            "/tables/products/fields/category/values?limit=2",
            None,
        ),
        ("/metrics", "/metrics", None),
        ("/metrics/{id}", "/metrics/average_rating", None),
        ("/search", "/search?q=orders", None),
        ("/query", "/query", Some(native.clone())),
        ("/query", "/query?page_size=2", Some(native.clone())),
        ("/query", "/query", Some(theirs.clone())),
        ("/batch", "/batch", Some(json!({ "queries": [native, 7] }))),
        ("/explain", "/explain", Some(native.clone())),
        ("/v1/ping", "/v1/ping", None),
        ("/v1/table/{id}", &table, None),
        ("/v1/table/{id}/field/{field}/values", "/v1/table/products/field/category/values", None),
        ("/v1/metric/{id}", &metric, None),
        ("/v1/metric/{id}/field/{field}/values", values, None),
        ("/v1/database", "/v1/database", None),
        ("/v1/database/{id}", "/v1/database/1", None),
        ("/v1/search", "/v1/search", Some(json!({ "term_queries": ["product"] }))),
        ("/v1/construct-query", "/v1/construct-query", Some(theirs.clone())),
        ("/v1/query", "/v1/query", Some(theirs.clone())),
    ];
    let mut checked = 0;
    for (path, address, body) in asks {
        let address = format!("/api/agent{address}");
        // The second sees some of it only: what he is refused has its form as well.
        for name in ["ana", "vic"] {
            let (method, ask) = match &body {
                None => ("GET", get(&address)),
                Some(body) => ("POST", send(&address, body)),
            };
            let told = held.ask(&format!("{method} /api/agent{path}"), ask.bearing(name)).await;
            match told.status.as_u16() {
                200 | 202 => checked += 1,
                status => assert!(name == "vic" && matches!(status, 403 | 404), "{path}: {status}"),
            }
        }
    }
    assert!(checked > 30, "{checked}");
    held.status(200, "GET /health", get("/health")).await;
    held.status(200, "GET /ready", get("/ready")).await;
    let made = send("/api/agent/v1/construct-query", &theirs).bearing("ana").of(&held.app).await;
    let execute = send("/api/agent/v1/execute", &made.json()).bearing("ana");
    held.status(202, "POST /api/agent/v1/execute", execute).await;
    let paged = send("/api/agent/query?page_size=2", &native).bearing("ana");
    let told = held.status(200, "POST /api/agent/query", paged.with("accept", "text/csv")).await;
    assert!(told.headers.contains_key("x-sandbar-continuation"));
    let sent = json!({ "jwt": token("ana") });
    let told = held.status(200, "POST /auth/sso", send("/auth/sso", &sent)).await;
    let mut end =
        get("/api/session").with("x-metabase-session", told.json()["id"].as_str().unwrap());
    *end.0.method_mut() = Method::DELETE;
    held.status(204, "DELETE /api/session", end).await;
    let exchange = send("/auth/sso/to_session", &sent);
    held.status(200, "POST /auth/sso/to_session", exchange).await;
    // What is no JSON of ours is left, and the document itself.
    let routes = crate::routes().into_iter();
    let routes = routes.map(|route| format!("{} {}", route.method, route.path));
    let left: Vec<String> = routes.filter(|route| !held.answered.contains(route)).collect();
    assert_eq!(left, ["GET /openapi.json", "GET /explorer", "GET /explorer/{file}"]);
}

#[tokio::test]
async fn refusals_are_what_the_document_says() {
    // Enough for what follows, and no more.
    let access = Access::default().with_requests(RateLimit::new(12, 1));
    let (app, _) = app_with(verifier(), access).await;
    let mut held = Held { app, document: crate::openapi(), answered: BTreeSet::new() };
    let own = "GET /api/agent/tables/{id}";
    let v1 = "GET /api/agent/v1/table/{id}";
    let (at, v1_at) = ("/api/agent/tables", "/api/agent/v1/table");
    let below = |start: &str, rest: &str| get(&format!("{start}/{rest}"));
    held.status(401, own, below(at, "products")).await;
    held.status(401, v1, below(v1_at, "products")).await;
    for (start, route) in [(at, own), (v1_at, v1)] {
        held.status(404, route, below(start, "nothing").bearing("ana")).await;
        held.status(400, route, below(start, "products?x=1").bearing("ana")).await;
        let told = held.status(200, route, below(start, "products").bearing("ana")).await;
        let known = below(start, "products").with("if-none-match", told.header("etag"));
        held.status(304, route, known.bearing("ana")).await;
    }
    let query = "POST /api/agent/query";
    held.status(406, query, post("{}").bearing("ana").with("accept", "text/html")).await;
    held.status(415, query, post("{}").bearing("ana").with("content-type", "text/html")).await;
    let form = send("/api/agent/v1/query", &json!({ "table_id": 0, "limits": 5 })).bearing("ana");
    held.status(400, "POST /api/agent/v1/query", form).await;
    let sso = "POST /auth/sso";
    held.status(400, sso, send("/auth/sso", &json!({}))).await;
    held.status(400, sso, send("/auth/sso?x=1", &json!({}))).await;
    held.status(401, sso, send("/auth/sso", &json!({ "jwt": "a.b.c" }))).await;
    held.status(415, sso, send("/auth/sso", &json!({})).with("content-type", "text/html")).await;
    let mut end = get("/api/session").bearing("ana");
    *end.0.method_mut() = Method::DELETE;
    held.status(401, "DELETE /api/session", end).await;
    held.status(200, own, below(at, "products").bearing("ana")).await;
    // From here on she has asked too often.
    for (start, route) in [(at, own), (v1_at, v1)] {
        let told = held.status(429, route, below(start, "products").bearing("ana")).await;
        assert!(!told.header("retry-after").is_empty());
    }
    held.status(429, sso, send("/auth/sso", &json!({ "jwt": token("ana") }))).await;
}

/// What is refused for its form is none by the document either.
#[test]
fn the_schemas_of_bodies_are_no_wider_than_what_is_taken() {
    let document = crate::openapi();
    let many = |key: &str, one: Value, count: usize| json!({ key: vec![one; count] });
    let field = || json!({ "field_id": "id" });
    for (name, body, fits) in [
        ("V1Search", many("term_queries", json!("orders"), 50), true),
        ("V1Search", many("term_queries", json!("orders"), 51), false),
        ("V1Search", many("semantic_queries", json!("orders"), 51), false),
        ("V1Search", many("term_queries", json!(" "), 1), false),
        ("V1Question", many("fields", field(), 256), true),
        ("V1Question", many("fields", field(), 257), false),
        ("V1Question", many("group_by", field(), 257), false),
        ("V1Question", many("aggregations", json!({ "function": "count" }), 257), false),
        ("V1Question", json!({ "table_id": "orders", "metric_id": 1, "limit": 1 }), true),
        ("V1Question", json!({ "table_id": " " }), false),
        ("V1Question", json!({ "metric_id": 0 }), false),
        ("V1Question", json!({ "limit": 0 }), false),
        ("V1QuestionOrFresh", many("fields", field(), 257), false),
        ("NextPageOrFresh", json!({ "continuation_token": "x", "fresh": true }), true),
        ("NextPageOrFresh", json!({ "continuation_token": " " }), false),
        ("NextPageOrFresh", json!({ "continuation_token": "x", "fresh": null }), false),
        ("Exchange", json!({ "jwt": "a.b.c" }), true),
        ("Exchange", json!({ "jwt": " " }), false),
        ("Batch", many("queries", json!({}), 51), false),
    ] {
        let pointer = format!("#/components/schemas/{name}");
        let schema = json!({ "$ref": pointer, "components": document["components"] });
        let bodies = jsonschema::draft202012::new(&schema).unwrap();
        assert_eq!(bodies.is_valid(&body), fits, "{name}: {:.100}", body.to_string());
    }
}

#[test]
fn the_schema_of_questions_lets_none_pass_that_has_no_meaning() {
    let document = crate::openapi();
    let name = "#/components/schemas/SemanticQuery";
    let schema = json!({ "$ref": name, "components": document["components"] });
    let questions = jsonschema::draft202012::new(&schema).unwrap();
    let filter = |filter: Value| json!({ "table": "orders", "filter": filter });
    let offset = |offset: Value| json!({ "metrics": [{ "name": "m", "offset": offset }] });
    let function = |name: &str| json!({ "aggregations": [{ "function": name, "field": "total" }] });
    for (question, means) in [
        (json!({ "table": "orders", "limit": 1 }), true),
        (json!({ "table": "orders", "limit": null }), true),
        (json!({ "table": "orders", "limit": 0 }), false),
        (filter(json!(null)), true),
        (filter(json!({ "segment": "paid" })), true),
        (filter(json!({ "field": "total", "op": "is_null", "value": null })), true),
        (filter(json!({ "field": "total", "value": 1, "segment": null })), true),
        (filter(json!({ "not": { "or": [{ "exists": "lines" }] } })), true),
        (filter(json!({})), false),
        (filter(json!({ "field": null })), false),
        (filter(json!({ "field": "total", "value": 1, "segment": "paid" })), false),
        (filter(json!({ "and": [{}] })), false),
        (filter(json!({ "field": "total", "values": [1, 2.5, "a", true] })), true),
        (filter(json!({ "field": "total", "values": [1, null] })), false),
        (filter(json!({ "field": "day", "op": "last", "count": 1, "unit": "day" })), true),
        (filter(json!({ "field": "day", "op": "last", "count": 0, "unit": "day" })), false),
        (offset(json!({ "unit": "month", "to": null })), true),
        (offset(json!({ "to": "month" })), true),
        (offset(json!({})), false),
        (offset(json!({ "unit": "month", "to": "year" })), false),
        (offset(json!({ "unit": "month", "count": 0 })), false),
        (function("percentile_disc"), true),
        (function("count_distinct"), true),
        (function("summ"), false),
    ] {
        assert_eq!(questions.is_valid(&question), means, "{question}");
    }
}
