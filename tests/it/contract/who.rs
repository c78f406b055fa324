//! Who asks, and what a token may be used for.

use axum::body::Body;
use axum::http::{Method, Request};
use sandbar::Administrator;
use sandbar_http::Options;
use serde_json::json;

use super::{Shop, TEXT, Told, minted, shop};

const MISSING: &str = r#"{"error":"missing_authorization","message":"Authentication required. Use X-Metabase-Session header or Authorization: Bearer <jwt>."}"#;
const NOT_BEARER: &str = r#"{"error":"invalid_authorization_format","message":"Authorization header must use Bearer scheme: Authorization: Bearer <jwt>"}"#;
const INVALID: &str = r#"{"error":"invalid_jwt","message":"Invalid or expired JWT token."}"#;
const NOT_CONFIGURED: &str = r#"{"error":"jwt_not_configured","message":"JWT authentication is not configured. Set the JWT shared secret in admin settings."}"#;
const SCOPE: &str = r#"{"error":"unsupported_scope","message":"Insufficient scope for this operation.","status":403,"type":"urn:sandbar:E0103","title":"Not allowed","detail":"Insufficient scope for this operation.","instance":"here"}"#;

const ROUTES: [(&str, &str); 11] = [
    ("GET", "/v1/ping"),
    ("GET", "/v1/table/3"),
    ("GET", "/v1/table/3/field/t3-1/values"),
    ("GET", "/v1/metric/101"),
    ("GET", "/v1/metric/101/field/c101-1/values"),
    ("GET", "/v1/database"),
    ("GET", "/v1/database/1"),
    ("POST", "/v1/search"),
    ("POST", "/v1/construct-query"),
    ("POST", "/v1/execute"),
    ("POST", "/v1/query"),
];

async fn with_header(shop: &Shop, method: &str, path: &str, header: Option<&str>) -> Told {
    let mut request = Request::builder().method(method).uri(format!("/api/agent{path}"));
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    if method == "POST" {
        request = request.header("content-type", "application/json");
    }
    shop.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn every_address_wants_to_know_who_asks() {
    let known = Shop::open().await;
    let engine = sandbar_testkit::shop().build().await.unwrap();
    let unconfigured = Shop::bare(sandbar_http::router(engine));
    let good = minted("ana", None);
    let bad = format!("Bearer {good}x");
    for (method, path) in ROUTES {
        for (shop, header, wanted) in [
            (&known, None, MISSING),
            (&known, Some("Basic YTpi"), NOT_BEARER),
            (&known, Some(good.as_str()), NOT_BEARER),
            (&known, Some("Bearer"), NOT_BEARER),
            (&known, Some("Bearer a.b.c"), INVALID),
            (&known, Some(bad.as_str()), INVALID),
            (&unconfigured, Some("Bearer a.b.c"), NOT_CONFIGURED),
            (&unconfigured, None, MISSING),
        ] {
            let told = with_header(shop, method, path, header).await;
            assert_eq!((told.status, told.body.as_str()), (401, wanted), "{path} {header:?}");
            assert_eq!(told.header("content-type"), "application/json");
            assert_eq!(told.header("www-authenticate"), "Bearer");
        }
    }
    let told = with_header(&known, "GET", "/v1/ping", Some(&format!("bEaReR {good}"))).await;
    assert_eq!(told.status, 200);
}

async fn scoped(shop: &Shop, scope: &str, method: Method, path: &str, body: &str) -> Told {
    let body = (method == Method::POST).then_some(body);
    shop.ask(Some(&minted("ana", Some(scope))), method, path, body).await
}

#[tokio::test]
async fn a_token_names_what_it_is_for() {
    let shop = Shop::open().await;
    let table = r#"{"table_id":2,"limit":1}"#;
    let query = json!({ "query": shop.post("ana", "/v1/construct-query", json!({ "table_id": 2 })).await.at("/query") });
    let query = query.to_string();
    let routes = [
        (Method::GET, "/v1/table/3", "", "agent:table:read"),
        (Method::GET, "/v1/table/3/field/{orders:id}/values", "", "agent:table:read"),
        (Method::GET, "/v1/metric/101", "", "agent:metric:read"),
        (Method::GET, "/v1/metric/101/field/{revenue:id}/values", "", "agent:metric:read"),
        (Method::GET, "/v1/database", "", "agent:database:read"),
        (Method::GET, "/v1/database/1", "", "agent:database:read"),
        (Method::POST, "/v1/search", "{}", "agent:search"),
        (Method::POST, "/v1/construct-query", table, "agent:query:construct"),
        (Method::POST, "/v1/execute", &query, "agent:query:execute"),
        (Method::POST, "/v1/query", table, "agent:query"),
    ];
    let scopes = [
        "agent:table:read",
        "agent:metric:read",
        "agent:database:read",
        "agent:search",
        "agent:query:construct",
        "agent:query:execute",
        "agent:query",
        "",
        "other",
    ];
    for (method, path, body, needed) in routes {
        for scope in scopes {
            let told = scoped(&shop, scope, method.clone(), path, body).await;
            let told = (told.status, told.body);
            if scope == needed {
                assert!(told.0 < 300, "{path} with `{scope}`: {told:?}");
            } else {
                assert_eq!(told, (403, SCOPE.to_owned()), "{path} with `{scope}`");
            }
        }
        for wide in ["agent:*", &format!("x {needed}")] {
            let told = scoped(&shop, wide, method.clone(), path, body).await;
            assert!(told.status < 300, "{path} with `{wide}`: {told:?}");
        }
    }
    // Whoever is known may knock.
    for scope in scopes {
        assert_eq!(scoped(&shop, scope, Method::GET, "/v1/ping", "").await.status, 200);
    }
}

#[tokio::test]
async fn l58_a_token_may_be_for_one_table_or_metric() {
    let shop = Shop::open().await;
    let (revenue, orders) = (r#"{"metric_id":101}"#, r#"{"metric_id":105}"#);
    let scope = "agent:query:metric:revenue";
    let told = scoped(&shop, scope, Method::POST, "/v1/query", revenue).await;
    assert_eq!((told.status, told.at("/row_count")), (202, json!(1)));
    for (body, text) in [
        (orders, "Not found."),
        (r#"{"metric_id":901}"#, "Not found."),
        (r#"{"table_id":3}"#, "No table found with table_id 3"),
    ] {
        let told = scoped(&shop, scope, Method::POST, "/v1/query", body).await;
        assert_eq!((told.status, told.body.as_str()), (404, text));
    }
    let scope = "agent:table:read:orders";
    for (path, status) in [
        ("/v1/table/3", 200),
        ("/v1/table/2", 404),
        ("/v1/table/3/field/{orders:id}/values", 200),
        ("/v1/table/2/field/{products:id}/values", 404),
    ] {
        assert_eq!(scoped(&shop, scope, Method::GET, path, "").await.status, status, "{path}");
    }
    let scope = "agent:metric:read:revenue";
    for (path, status) in [
        ("/v1/metric/101", 200),
        ("/v1/metric/105", 404),
        ("/v1/metric/101/field/{revenue:product.category}/values", 200),
        ("/v1/metric/105/field/{order_count:product.category}/values", 404),
    ] {
        assert_eq!(scoped(&shop, scope, Method::GET, path, "").await.status, status, "{path}");
    }
}

/// On a path of our own a listing of values is a question like any other; in v1 it belongs to its
/// table.
#[tokio::test]
async fn l58_values_are_listed_for_whoever_may_ask_and_in_v1_for_whoever_may_read_the_table() {
    let shop = Shop::open().await;
    let (own, v1) = ("/tables/orders/fields/id/values", "/v1/table/3/field/{orders:id}/values");
    for (scope, of_own, of_v1) in [
        ("agent:table:read", 200, 200),
        ("agent:table:read:orders", 200, 200),
        ("agent:query", 200, 403),
        ("agent:query:execute", 200, 403),
        ("agent:query:table:orders", 200, 403),
        ("agent:query:table:products", 404, 403),
        ("agent:table:read:products", 404, 404),
        ("agent:query:construct", 403, 403),
        ("agent:metric:read", 403, 403),
        ("agent:search", 403, 403),
        ("", 403, 403),
    ] {
        for (path, status) in [(own, of_own), (v1, of_v1)] {
            let told = scoped(&shop, scope, Method::GET, path, "").await;
            assert_eq!(told.status, status, "{path} with `{scope}`: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_query_may_be_made_with_one_token_and_run_with_another() {
    let shop = Shop::open().await;
    let body = r#"{"table_id":2,"limit":1}"#;
    let path = "/v1/construct-query";
    let made = scoped(&shop, "agent:query:construct", Method::POST, path, body).await;
    let body = json!({ "query": made.at("/query") }).to_string();
    let told = scoped(&shop, "agent:query:execute", Method::POST, "/v1/execute", &body).await;
    assert_eq!((told.status, told.at("/row_count")), (202, json!(1)));
}

#[tokio::test]
async fn a_host_may_have_hidden_told_from_absent() {
    let engine = shop().build().await.unwrap();
    let options = Options::default().forbid_hidden(Administrator::asserted_by_host());
    let shop = Shop::at(options.router(engine)).await;
    let denied = "You don't have permissions to do that.";
    let (people, revenue) = (json!({ "table_id": 1 }), json!({ "metric_id": 101 }));
    for told in [
        shop.get("vic", "/v1/table/1").await,
        shop.get("vic", "/v1/metric/101").await,
        shop.get("vic", "/v1/table/1/field/t1-1/values").await,
        shop.post("vic", "/v1/construct-query", people).await,
        shop.post("vic", "/v1/query", revenue).await,
    ] {
        let seen = (told.status, told.body.as_str(), told.header("content-type"));
        assert_eq!(seen, (403, denied, TEXT));
    }
    let absent = shop.get("vic", "/v1/table/999999").await;
    assert_eq!((absent.status, absent.body.as_str()), (404, "Not found."));
    let absent = shop.post("vic", "/v1/construct-query", json!({ "table_id": 999_999 })).await;
    assert_eq!(absent.body, "No table found with table_id 999999");
}
