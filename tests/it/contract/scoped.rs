//! Whether what was read was narrowed for the asker is told by every answer that is made of rows: by
//! a member, and by a header.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Shop;

/// What is answered without a row.
const OTHERS: [&str; 19] = [
    "/health",
    "/ready",
    "/openapi.json",
    "/explorer",
    "/explorer/{file}",
    "/auth/sso",
    "/auth/sso/to_session",
    "/api/session",
    "/api/agent/tables",
    "/api/agent/tables/{id}",
    "/api/agent/tables/{id}/fields",
    "/api/agent/metrics",
    "/api/agent/metrics/{id}",
    "/api/agent/search",
    "/api/agent/v1/ping",
    "/api/agent/v1/database",
    "/api/agent/v1/database/{id}",
    "/api/agent/v1/search",
    "/api/agent/v1/construct-query",
];

/// Vic sees the products of one vendor, and what was ordered of them; Ana sees everything.
#[tokio::test]
async fn every_answer_that_is_made_of_rows_says_whether_it_is_scoped() {
    let shop = Shop::open().await;
    let native = json!({ "table": "products", "aggregations": ["count"] });
    let theirs = json!({ "table_id": 2, "aggregations": [{ "function": "count" }] });
    let batch = json!({ "queries": [native, theirs, { "table": "nothing" }] });
    let mut reading = BTreeSet::new();
    for (who, scoped) in [("ana", false), ("vic", true)] {
        let made = shop.post(who, "/v1/construct-query", theirs.clone()).await;
        let made = json!({ "query": made.at("/query") });
        let asks: [(&str, &str, Option<&Value>, &str); 14] = [
            (
                "/tables/{id}/fields/{field}/values",
                "/tables/products/fields/vendor/values",
                None,
                "/scoped",
            ),
            ("/query", "/query", Some(&native), "/scoped"),
            ("/query", "/query?page_size=5", Some(&native), "/scoped"),
            ("/query", "/query", Some(&theirs), "/scoped"),
            ("/batch", "/batch", Some(&batch), "/results/0/body/scoped"),
            ("/batch", "/batch", Some(&batch), "/results/1/body/scoped"),
            ("/explain", "/explain", Some(&native), "/scoped"),
            ("/explain", "/explain", Some(&theirs), "/scoped"),
            ("/v1/table/{id}", "/v1/table/2?with-field-values=true", None, "/scoped"),
            (
                "/v1/table/{id}/field/{field}/values",
                "/v1/table/2/field/{products:vendor}/values",
                None,
                "/scoped",
            ),
            ("/v1/metric/{id}", "/v1/metric/105?with-field-values=true", None, "/scoped"),
            (
                "/v1/metric/{id}/field/{field}/values",
                "/v1/metric/105/field/{order_count:product.category}/values",
                None,
                "/scoped",
            ),
            ("/v1/execute", "/v1/execute", Some(&made), "/scoped"),
            ("/v1/query", "/v1/query", Some(&theirs), "/scoped"),
        ];
        for (route, path, body, member) in asks {
            let told = match body {
                None => shop.get(who, path).await,
                Some(body) => shop.post(who, path, body.clone()).await,
            };
            assert!(matches!(told.status, 200 | 202), "{who} {path}: {told:?}");
            assert_eq!(told.at(member), json!(scoped), "{who} {path}: {told:?}");
            let header = told.header("x-sandbar-scoped");
            assert_eq!(header, scoped.to_string(), "{who} {path}: {told:?}");
            reading.insert(format!("/api/agent{route}"));
        }
        // Without a row there is nothing to say.
        for path in ["/v1/table/2", "/v1/metric/105", "/tables/products"] {
            let told = shop.get(who, path).await;
            let seen = (told.status, told.header("x-sandbar-scoped"), told.at("/scoped"));
            assert_eq!(seen, (200, "", Value::Null), "{who} {path}");
        }
    }
    let all: BTreeSet<String> =
        sandbar_http::routes().into_iter().map(|route| route.path).collect();
    reading.extend(OTHERS.map(str::to_owned));
    assert_eq!(reading, all, "a route that is in neither list, or in none that is served");
}
