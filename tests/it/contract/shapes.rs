//! What the bodies look like is a promise: one of each address is committed, and every change of
//! one is a change that CHANGELOG.md tells. `SANDBAR_BLESS=1 cargo test` writes them anew.

use axum::http::Method;
use serde_json::{Value, json};

use super::Shop;

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
        _ => {}
    }
}

#[tokio::test]
async fn bodies_are_as_they_were() {
    let shop = Shop::open().await;
    let grouped = json!({
        "table_id": 3,
        "aggregations": [{ "function": "sum", "field_id": "orders:total" }],
        "group_by": [{ "field_id": "orders:created_at", "field_granularity": "year" }],
    });
    let made = shop.post("ana", "/v1/construct-query", grouped.clone()).await.at("/query");
    let page = json!({ "table_id": 2, "limit": 2, "fields": [{ "field_id": "products:title" }] });
    let all = "?with-field-values=true&with-measures=true&with-segments=true";
    let native =
        json!({ "table": "products", "group_by": ["category"], "aggregations": ["count"] });
    let asks = [
        ("ping", "GET", "/v1/ping".to_owned(), Value::Null),
        ("table", "GET", "/v1/table/3".to_owned(), Value::Null),
        ("table_in_full", "GET", format!("/v1/table/2{all}"), Value::Null),
        (
            "table_values",
            "GET",
            "/v1/table/2/field/{products:rating}/values?limit=3".to_owned(),
            Value::Null,
        ),
        ("metric", "GET", "/v1/metric/101".to_owned(), Value::Null),
        (
            "metric_in_full",
            "GET",
            "/v1/metric/111?with-segments=true&with-field-values=true".to_owned(),
            Value::Null,
        ),
        (
            "metric_values",
            "GET",
            "/v1/metric/101/field/{revenue:created_at}/values?limit=1".to_owned(),
            Value::Null,
        ),
        ("databases", "GET", "/v1/database".to_owned(), Value::Null),
        ("database", "GET", "/v1/database/1".to_owned(), Value::Null),
        (
            "search",
            "POST",
            "/v1/search?limit=3".to_owned(),
            json!({ "term_queries": ["orders", "revenue"] }),
        ),
        ("construct_query", "POST", "/v1/construct-query".to_owned(), grouped.clone()),
        ("execute", "POST", "/v1/execute".to_owned(), json!({ "query": made })),
        ("query", "POST", "/v1/query".to_owned(), page),
        ("refused_form", "POST", "/v1/query".to_owned(), json!({ "table_id": 0, "limits": 5 })),
        ("own_tables", "GET", "/tables".to_owned(), Value::Null),
        ("own_table", "GET", "/tables/products".to_owned(), Value::Null),
        ("own_fields", "GET", "/tables/4/fields".to_owned(), Value::Null),
        ("own_values", "GET", "/tables/2/fields/category/values".to_owned(), Value::Null),
        ("own_metrics", "GET", "/metrics".to_owned(), Value::Null),
        ("own_metric", "GET", "/metrics/revenue".to_owned(), Value::Null),
        ("own_search", "GET", "/search?q=revenue".to_owned(), Value::Null),
        ("own_query", "POST", "/query?page_size=2".to_owned(), native.clone()),
        ("own_query_v1", "POST", "/query".to_owned(), grouped.clone()),
        (
            "own_batch",
            "POST",
            "/batch".to_owned(),
            json!({ "queries": [native, { "metric_id": 7 }] }),
        ),
        ("own_explain", "POST", "/explain".to_owned(), grouped),
        ("own_refused", "POST", "/query".to_owned(), json!({ "table": "nothing" })),
    ];
    #[expect(clippy::disallowed_methods, reason = "a test that writes what it is compared with")]
    let bless = std::env::var_os("SANDBAR_BLESS").is_some();
    let mut wrong = Vec::new();
    for (name, method, path, body) in asks {
        let token = super::minted("ana", None);
        let body = (method == "POST").then(|| shop.filled(&body).to_string());
        let method: Method = method.parse().unwrap();
        let told = shop.ask(Some(&token), method, &path, body.as_deref()).await;
        let mut seen = json!({ "status": told.status, "body": told.json() });
        steady(&mut seen);
        let text = format!("{}\n", serde_json::to_string_pretty(&seen).unwrap());
        let file = sandbar_testkit::fixture(&format!("contract/shapes/{name}.json"));
        if bless {
            std::fs::write(&file, &text).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != text {
            wrong.push(format!("{name}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
