//! The headers of answers, as docs/http.md states them ("Headers"). Each row of each table is held to
//! them; here are rows of the statuses that other tables do not have.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, Method, Request};
use sandbar::{Limits, RateLimit};
use sandbar_http::{Access, Options, Readiness};
use serde_json::Value;

use super::{At, JSON, Json, Shop, Text, Told, check, get, minted, post, shapes, shop};

/// Whether a value has the form that it should have.
type IsForm = fn(&str) -> bool;

/// What every answer has; requests call themselves `here`.
const ALWAYS: [(&str, &str); 5] = [
    ("x-request-id", "here"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
];

/// What some have.
const SOMETIMES: [&str; 8] = [
    "content-type",
    "content-length",
    "allow",
    "etag",
    "retry-after",
    "www-authenticate",
    "x-sandbar-code",
    "x-sandbar-scoped",
];

/// What is wrong with the headers of an answer in this form, which has a tag or has none.
pub(super) fn wrong(told: &Told, media_type: &str, tagged: bool) -> Vec<String> {
    let body: Value = serde_json::from_str(&told.body).unwrap_or_default();
    let mut wrong = Vec::new();
    let mut hold = |name: &str, holds: bool| {
        if !holds {
            wrong.push(format!("{name}: {:?}", told.headers.get(name)));
        }
    };
    let scheme = if told.status == 401 { "Bearer" } else { "" };
    let scoped = body["scoped"].as_bool().map(|scoped| scoped.to_string()).unwrap_or_default();
    for (name, value) in ALWAYS {
        hold(name, told.header(name) == value);
    }
    hold("content-type", told.header("content-type") == media_type);
    hold("www-authenticate", told.header("www-authenticate") == scheme);
    hold("x-sandbar-scoped", told.header("x-sandbar-scoped") == scoped);
    let formed: [(&str, bool, IsForm); 4] = [
        ("allow", told.status == 405, is_methods),
        ("etag", tagged, is_tag),
        ("retry-after", told.status == 429, is_seconds),
        ("x-sandbar-code", told.status >= 400, is_code),
    ];
    for (name, there, is_form) in formed {
        let fits = told.headers.get(name).is_some_and(|value| is_form(value.to_str().unwrap()));
        hold(name, if there { fits } else { !told.headers.contains_key(name) });
    }
    // A refusal says the same in its body, but to whom nobody knows.
    if told.status >= 400 && told.status != 401 && body.is_object() {
        hold(
            "x-sandbar-code",
            body["type"] == format!("urn:sandbar:{}", told.header("x-sandbar-code")),
        );
        hold("x-request-id", body["instance"] == told.header("x-request-id"));
    }
    for name in told.headers.keys().map(HeaderName::as_str) {
        let stated = ALWAYS.iter().any(|(known, _)| *known == name) || SOMETIMES.contains(&name);
        hold(name, stated && told.headers.get_all(name).iter().count() == 1);
    }
    wrong
}

/// `GET,HEAD`
fn is_methods(text: &str) -> bool {
    let known = ["DELETE", "GET", "HEAD", "POST"];
    text.split(',').all(|method| known.contains(&method.trim()))
}

/// A strong tag (RFC 9110, section 8.8.3).
fn is_tag(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains('"'))
}

/// Whole seconds, one at least.
fn is_seconds(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|seconds| seconds > 0)
}

/// A letter and four digits.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(|letter: char| letter.is_ascii_uppercase());
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn the_page_states_each_header() {
    let page = shapes::page("docs/http.md");
    let always = ALWAYS.iter().map(|(name, _)| *name);
    for name in always.chain(SOMETIMES) {
        assert!(page.contains(&format!("`{name}`")), "docs/http.md does not state `{name}`");
    }
    for (name, value) in ALWAYS.into_iter().skip(1) {
        assert!(
            page.contains(&format!("`{value}`")),
            "docs/http.md does not state `{name}: {value}`"
        );
    }
}

#[tokio::test]
async fn whoever_is_not_known_is_told_the_scheme() {
    let shop = Shop::open().await;
    let (theirs, own) = (r#""missing_authorization""#, r#""E0101""#);
    let rows = [
        get("", "/v1/ping", 401, At("/error", theirs)),
        get("", "/v1/table/3", 401, At("/error", theirs)),
        post("", "/v1/query", "{}", 401, At("/error", theirs)),
        get("", "/tables", 401, At("/code", own)),
        post("", "/query", "{}", 401, At("/code", own)),
        post("", "/batch", "{}", 401, At("/code", own)),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn paths_of_our_own_have_the_same_headers() {
    let shop = Shop::open().await;
    let long = &*format!("/v1/table/{}", "x".repeat(4 << 10)).leak();
    let sealed = "Invalid request: expected a base64-encoded JSON object.";
    let rows = [
        get("ana", "/metrics/revenue", 200, At("/id", "101")),
        get("ana", "/search?q=revenue", 200, At("/results/0/id", "101")),
        post("ana", "/explain", r#"{"metrics":["revenue"]}"#, 200, At("/scoped", "false")),
        post("ana", "/query", r#"{"metric_id":101}"#, 200, At("/row_count", "1")),
        post("ana", "/query", r#"{"table":"nothing"}"#, 404, At("/code", r#""Q0102""#)),
        post("ana", "/query", r#"{"table_id":999999}"#, 404, At("/code", r#""Q0102""#)),
        post("ana", "/query?page_size=0", "{}", 400, At("/code", r#""H0106""#)),
        post("ana", "/batch", r#"{"queries":[]}"#, 400, At("/code", r#""H0207""#)),
        post("ana", "/v1/execute", r#"{"query":"x"}"#, 400, Text(sealed)),
        get("ana", "/tables/nothing", 404, At("/code", r#""Q0102""#)),
        get("ana", "/nothing", 404, At("/code", r#""H0101""#)),
        get("ana", "/query", 405, At("/code", r#""H0102""#)),
        get("ana", long, 414, At("/code", r#""H0111""#)),
    ];
    check(&shop, &rows).await;
}

/// A `HEAD` has the headers of what it is of; and whoever has that already is told no more of it.
#[tokio::test]
async fn a_head_is_what_is_looked_up_without_its_body() {
    let shop = Shop::open().await;
    for path in [
        "/tables",
        "/tables/products",
        "/tables/products/fields",
        "/tables/products/fields/category/values",
        "/metrics",
        "/metrics/revenue",
        "/search?q=revenue",
        "/v1/ping",
        "/v1/table/2?with-field-values=true",
        "/v1/table/2/field/{products:category}/values",
        "/v1/metric/101",
        "/v1/database",
        "/v1/database/1",
    ] {
        let ask = async |method: Method, known: &str| {
            let uri = format!("/api/agent{}", shop.address(path));
            let ask = Request::builder().method(method).uri(uri).header("x-request-id", "here");
            let ask = ask.header("authorization", format!("Bearer {}", minted("ana", None)));
            shop.send(ask.header("if-none-match", known).body(Body::empty()).unwrap()).await
        };
        let whole = ask(Method::GET, "\"x\"").await;
        let head = ask(Method::HEAD, "\"x\"").await;
        assert_eq!((whole.status, head.status, head.body.as_str()), (200, 200, ""), "{path}");
        assert_eq!(whole.headers, head.headers, "{path}");
        let found = wrong(&whole, JSON, true);
        assert!(found.is_empty(), "{path}: {found:?} {whole:?}");
        let tag = whole.header("etag");
        for method in [Method::GET, Method::HEAD] {
            let told = ask(method, tag).await;
            let seen = (told.status, told.body.as_str(), told.header("etag"));
            assert_eq!(seen, (304, "", tag), "{path}");
            let found = wrong(&told, "", true);
            assert!(found.is_empty(), "{path}: {found:?} {told:?}");
        }
    }
}

/// In v1 the status does not tell, nor is there anything to say of rows that have not come.
#[tokio::test]
async fn e0309_a_question_that_fails_says_nothing_of_rows() {
    let limits = Limits::default().with_joined_rows(10);
    let small = Shop::of(shop().limits(limits).build().await.unwrap()).await;
    let body = r#"{"table_id":3,"fields":[{"field_id":"orders:product.title"}]}"#;
    let rows = [
        post("ana", "/v1/query", body, 202, At("/code", r#""E0309""#)),
        post("ana", "/query", body, 422, At("/code", r#""E0309""#)),
    ];
    check(&small, &rows).await;
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_how_long_to_wait() {
    // One at once, one more every minute.
    let access = Access::default().with_requests(RateLimit::new(1, 1));
    let engine = shop().build().await.unwrap();
    let once = Shop::bare(Options::default().access(Arc::new(access)).router(engine));
    let often = r#""A0302""#;
    let rows = [
        get("ana", "/v1/ping", 200, Json(r#"{"message":"pong"}"#)),
        get("ana", "/v1/ping", 429, At("/code", often)),
        post("ana", "/v1/query", "{}", 429, At("/code", often)),
        get("ana", "/tables", 429, At("/code", often)),
        post("ana", "/query", "{}", 429, At("/code", often)),
    ];
    check(&once, &rows).await;
}

/// Nobody has to wait for this server: others take what comes.
#[tokio::test]
async fn a_server_that_ends_says_no_time_to_wait() {
    let readiness = Readiness::default();
    let engine = shop().build().await.unwrap();
    let shop = Shop::bare(Options::default().readiness(readiness.clone()).router(engine));
    for status in [200, 503] {
        let ask = Request::get("/ready").header("x-request-id", "here");
        let told = shop.send(ask.body(Body::empty()).unwrap()).await;
        let found = wrong(&told, JSON, false);
        assert!(told.status == status && found.is_empty(), "{found:?} {told:?}");
        readiness.end();
    }
}

#[test]
fn the_forms_have_teeth() {
    assert!(is_tag("\"a-_\"") && !is_tag("W/\"a\"") && !is_tag("\"\"") && !is_tag("a"));
    assert!(is_code("H0101") && !is_code("H010") && !is_code("h0101") && !is_code("01010"));
    assert!(is_seconds("60") && !is_seconds("0") && !is_seconds("1.5") && !is_seconds(""));
    assert!(is_methods("GET,HEAD") && is_methods("POST") && !is_methods("") && !is_methods("get"));
}
