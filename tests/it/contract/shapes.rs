//! What the bodies look like is a promise: one of each address is committed, and every change of
//! one is a change that CHANGELOG.md tells. `SANDBAR_BLESS=1 cargo test` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use sandbar::{Administrator, Limits, RateLimit};
use sandbar_http::{Access, Options};
use serde_json::{Value, json};

use super::{Shop, Told, minted, shop};

/// Routes that have no shape: the document is committed as a whole, the page is no JSON.
const WITHOUT: [&str; 3] = ["GET /openapi.json", "GET /explorer", "GET /explorer/{file}"];

/// What differs from one run to the next.
fn steady(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter_mut() {
                match key.as_str() {
                    "running_time" => *value = json!(0),
                    "continuation_token" => *value = json!("…"),
                    "query" if value.is_string() => *value = json!("…"),
                    _ => steady(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(steady),
        Value::String(text) if text.starts_with("sbs_") => *value = json!("sbs_…"),
        _ => {}
    }
}

fn folder() -> PathBuf {
    sandbar_testkit::fixture("contract/shapes")
}

/// The header that says who asks.
type Who = Option<(&'static str, String)>;

fn bearer(who: &str, scope: Option<&str>) -> Who {
    Some(("authorization", format!("Bearer {}", minted(who, scope))))
}

/// What has been asked, and what of it is not as it was.
struct Seen {
    bless: bool,
    names: BTreeSet<String>,
    routes: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Seen {
    /// Asks, and compares what comes back with what is committed under this name.
    async fn ask(&mut self, shop: &Shop, name: &str, asked: &str, who: Who, body: Value) -> Told {
        let (method, path) = asked.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(shop.address(path));
        let mut request = request.header("x-request-id", "here");
        if let Some((header, value)) = who {
            request = request.header(header, value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(shop.filled(&body).to_string())
        };
        let told = shop.send(request.body(body).unwrap()).await;
        let text = || if told.body.is_empty() { Value::Null } else { json!(told.body) };
        let body = serde_json::from_str(&told.body).unwrap_or_else(|_| text());
        let mut seen = json!({ "status": told.status, "body": body });
        steady(&mut seen);
        let text = format!("{}\n", serde_json::to_string_pretty(&seen).unwrap());
        let file = folder().join(format!("{name}.json"));
        if self.bless {
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            self.wrong.push(format!("{name}: {text}"));
        }
        assert!(self.names.insert(name.to_owned()), "`{name}` is asked twice");
        if told.status < 300 {
            self.routes.insert(route(method, path));
        }
        told
    }
}

/// The route that a path comes to.
fn route(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
    let found = sandbar_http::routes().into_iter().find(|route| {
        let known: Vec<&str> = route.path.split('/').collect();
        let fits = |(part, found): (&&str, &&str)| part == found || part.starts_with('{');
        let alike = known.len() == parts.len() && known.iter().zip(&parts).all(fits);
        route.method == method && alike
    });
    let found = found.unwrap_or_else(|| panic!("no route for {method} {path}"));
    format!("{} {}", found.method, found.path)
}

#[tokio::test]
async fn bodies_are_as_they_were_and_the_changelog_tells_of_changes() {
    let served = Shop::open().await;
    let grouped = json!({
        "table_id": 3,
        "aggregations": [{ "function": "sum", "field_id": "orders:total" }],
        "group_by": [{ "field_id": "orders:created_at", "field_granularity": "year" }],
    });
    let made = served.post("ana", "/v1/construct-query", grouped.clone()).await.at("/query");
    let page = json!({ "table_id": 2, "limit": 2, "fields": [{ "field_id": "products:title" }] });
    let all = "?with-field-values=true&with-measures=true&with-segments=true";
    let table_in_full = format!("GET /v1/table/2{all}");
    let native =
        json!({ "table": "products", "group_by": ["category"], "aggregations": ["count"] });
    let words = json!({ "term_queries": ["orders", "revenue"] });
    let asks: [(&str, &str, Value); 26] = [
        ("ping", "GET /v1/ping", Value::Null),
        ("table", "GET /v1/table/3", Value::Null),
        ("table_in_full", &table_in_full, Value::Null),
        ("table_values", "GET /v1/table/2/field/{products:rating}/values?limit=3", Value::Null),
        ("metric", "GET /v1/metric/101", Value::Null),
        (
            "metric_in_full",
            "GET /v1/metric/111?with-segments=true&with-field-values=true",
            Value::Null,
        ),
        (
            "metric_values",
            "GET /v1/metric/101/field/{revenue:created_at}/values?limit=1",
            Value::Null,
        ),
        ("databases", "GET /v1/database", Value::Null),
        ("database", "GET /v1/database/1", Value::Null),
        ("search", "POST /v1/search?limit=3", words),
        ("construct_query", "POST /v1/construct-query", grouped.clone()),
        ("execute", "POST /v1/execute", json!({ "query": made })),
        ("query", "POST /v1/query", page),
        ("refused_form", "POST /v1/query", json!({ "table_id": 0, "limits": 5 })),
        ("own_tables", "GET /tables", Value::Null),
        ("own_table", "GET /tables/products", Value::Null),
        ("own_fields", "GET /tables/4/fields", Value::Null),
        ("own_values", "GET /tables/2/fields/category/values", Value::Null),
        ("own_metrics", "GET /metrics", Value::Null),
        ("own_metric", "GET /metrics/revenue", Value::Null),
        ("own_search", "GET /search?q=revenue", Value::Null),
        ("own_query", "POST /query?page_size=2", native.clone()),
        ("own_query_v1", "POST /query", grouped.clone()),
        ("own_batch", "POST /batch", json!({ "queries": [native, { "metric_id": 7 }] })),
        ("own_explain", "POST /explain", grouped),
        ("own_refused", "POST /query", json!({ "table": "nothing" })),
    ];
    #[expect(clippy::disallowed_methods, reason = "a test that writes what it is compared with")]
    let bless = std::env::var_os("SANDBAR_BLESS").is_some();
    let (names, routes) = (BTreeSet::new(), BTreeSet::new());
    let mut seen = Seen { bless, names, routes, wrong: Vec::new() };
    for (name, asked, body) in asks {
        let asked = asked.replacen(' ', " /api/agent", 1);
        seen.ask(&served, name, &asked, bearer("ana", None), body).await;
    }
    let engine = || async { shop().build().await.unwrap() };
    for (name, asked) in [("health", "GET /health"), ("ready", "GET /ready")] {
        seen.ask(&served, name, asked, None, Value::Null).await;
    }

    let jwt = json!({ "jwt": minted("ana", None) });
    let told = seen.ask(&served, "sso", "POST /auth/sso", None, jwt.clone()).await;
    let word = told.at("/id").as_str().unwrap().to_owned();
    seen.ask(&served, "sso_to_session", "POST /auth/sso/to_session", None, jwt).await;
    let session = Some(("x-metabase-session", word));
    seen.ask(&served, "session_ended", "DELETE /api/session", session, Value::Null).await;
    seen.ask(&served, "sso_refused_form", "POST /auth/sso", None, json!({})).await;
    let wrong = json!({ "jwt": "a.b.c" });
    seen.ask(&served, "sso_refused_token", "POST /auth/sso", None, wrong).await;

    // Refusals, of our own paths and in the words of Metabase.
    let (own, v1) = ("GET /api/agent/tables/products", "GET /api/agent/v1/table/2");
    for (name, asked) in [("own_refused_unknown", own), ("refused_unknown", v1)] {
        seen.ask(&served, name, asked, None, Value::Null).await;
    }
    for (name, asked) in [("own_refused_scope", own), ("refused_scope", v1)] {
        let who = bearer("ana", Some("agent:search"));
        seen.ask(&served, name, asked, who, Value::Null).await;
    }
    let nothing = "GET /api/agent/v1/table/nothing";
    seen.ask(&served, "refused_absent", nothing, bearer("ana", None), Value::Null).await;
    let telling = Options::default().forbid_hidden(Administrator::asserted_by_host());
    let telling = Shop::bare(telling.router(engine().await));
    let people = "GET /api/agent/v1/table/1";
    seen.ask(&telling, "refused_denied", people, bearer("vic", None), Value::Null).await;
    let access = Access::default().with_requests(RateLimit::new(1, 1));
    let once = Shop::bare(Options::default().access(Arc::new(access)).router(engine().await));
    assert_eq!(once.get("ana", "/v1/ping").await.status, 200);
    for (name, asked) in [("own_refused_often", own), ("refused_often", v1)] {
        seen.ask(&once, name, asked, bearer("ana", None), Value::Null).await;
    }
    let limits = Limits::default().with_joined_rows(10);
    let narrow = Shop::of(shop().limits(limits).build().await.unwrap()).await;
    let joined = json!({
        "table_id": 3,
        "aggregations": [{ "function": "count" }],
        "group_by": [{ "field_id": "orders:product.category" }],
    });
    let failing = "POST /api/agent/v1/query";
    let told = seen.ask(&narrow, "query_failed", failing, bearer("ana", None), joined).await;
    assert_eq!(told.at("/status"), "failed");

    let Seen { names, routes, wrong, .. } = seen;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = sandbar_http::routes().into_iter();
    let all = all.map(|route| format!("{} {}", route.method, route.path));
    let missing: Vec<String> = all.filter(|route| !routes.contains(route)).collect();
    assert_eq!(missing, WITHOUT, "routes that are answered, and of which no body is committed");
    let committed: BTreeSet<String> = shapes().into_iter().map(|(name, _)| name).collect();
    let asked: BTreeSet<String> = names.iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(committed, asked, "bodies that are committed, and those that are asked for");
    told_in_the_changelog();
}

/// What is committed of bodies: names of files and their texts, in the order of the names.
fn shapes() -> Vec<(String, String)> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let mut shapes: Vec<(String, String)> = files
        .map(|file| {
            let text = fs::read_to_string(file.path()).unwrap();
            (file.file_name().into_string().unwrap(), text)
        })
        .collect();
    shapes.sort();
    shapes
}

pub(super) fn page(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    fs::read_to_string(format!("{root}/{name}")).unwrap()
}

/// FNV-1a, of 64 bits: it tells that something has changed, and nothing more.
fn digest(bytes: impl Iterator<Item = u8>) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    bytes.fold(start, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The section of this version in CHANGELOG.md has the digest of all that is told over HTTP.
#[track_caller]
fn told_in_the_changelog() {
    let mut told = shapes();
    told.push(("openapi.json".to_owned(), page("docs/schema/openapi.json")));
    let bytes = told.iter().flat_map(|(name, text)| [name.as_bytes(), b"\0", text.as_bytes()]);
    let digest = digest(bytes.flatten().copied());
    let line = format!("Shapes of answers over HTTP: `{digest:016x}`.");
    let version = env!("CARGO_PKG_VERSION");
    let log = page("CHANGELOG.md");
    let mut sections = log.split("\n## ").skip(1);
    let section = sections.find(|text| text.split([' ', '\n']).next() == Some(version));
    let section = section.unwrap_or_else(|| panic!("CHANGELOG.md does not have {version}"));
    let found: Vec<&str> =
        section.lines().filter(|line| line.starts_with("Shapes of answers over HTTP")).collect();
    assert_eq!(
        found,
        [line.as_str()],
        "what is told over HTTP has changed: say in CHANGELOG.md what has, and put this line there, \
         below the heading of {version} while it is not released, or else of a new version"
    );
}

#[test]
fn the_digest_is_that_of_its_authors() {
    // Vectors of the page on FNV.
    for (text, expected) in [
        ("", 0xcbf2_9ce4_8422_2325),
        ("a", 0xaf63_dc4c_8601_ec8c),
        ("foobar", 0x8594_4171_f739_67e8),
    ] {
        assert_eq!(digest(text.bytes()), expected, "{text}");
    }
}
