//! Large numbers of a question: every digit counts, at once, on pages, in queries that are given
//! back, and as texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch};
use sandbar::Engine;
use serde_json::{Value, json};

use super::Shop;

/// Of the rows 1 to 4, the third has the least whole number of 64 bits.
const A: [i64; 4] = [9_000_000_000_000_000_001, 9_000_000_000_000_000_001, i64::MIN, 5];
/// 38 digits.
const D: i128 = 12_345_678_901_234_567_890_123_456_789_012_345_678;

async fn open() -> Shop {
    let model = "tables: { t: { id: 1, primary_key: [id], fields: { id: {}, a: {}, d: {} } } }";
    let policies = "
groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [t] } } }
";
    let decimals = Decimal128Array::from(vec![D; 4]).with_precision_and_scale(38, 0);
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("a", Arc::new(Int64Array::from(A.to_vec()))),
        ("d", Arc::new(decimals.unwrap())),
    ]);
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    Shop::of_mia(engine.batches("t", vec![rows.unwrap()]).build().await.unwrap())
}

/// One less than the least whole number of 64 bits.
const BELOW: &str = "-9223372036854775809";

/// The ids of all pages of an answer.
async fn ids(shop: &Shop, path: &str, body: &str, rows: &str) -> Vec<Value> {
    let (mut told, mut found) = (shop.text("ana", path, body).await, Vec::new());
    loop {
        assert!([200, 202].contains(&told.status), "{told:?}");
        let page = told.at(rows);
        found.extend(page.as_array().unwrap().iter().map(|row| row[0].clone()));
        let token = told.at("/continuation_token");
        if token.is_null() {
            return found;
        }
        let (next, _) = path.split_once('?').unwrap_or((path, ""));
        told = shop.post("ana", next, json!({ "continuation_token": token })).await;
    }
}

#[tokio::test]
async fn a10_large_numbers_come_back_with_what_is_given_back() {
    let shop = open().await;
    let all = [json!(1), json!(2), json!(3), json!(4)];
    let native = format!(
        r#"{{"table":"t","fields":["id"],"filter":{{"field":"a","op":">","value":{BELOW}}}}}"#
    );
    assert_eq!(ids(&shop, "/query?page_size=2", &native, "/rows").await, all);
    let theirs = format!(
        r#"{{"table_id":1,"fields":[{{"field_id":"id"}}],"limit":2,
            "filters":[{{"field_id":"a","operation":"greater-than","value":{BELOW}}}]}}"#
    );
    assert_eq!(ids(&shop, "/v1/query", &theirs, "/data/rows").await, all);
    let theirs = theirs.replace(r#""limit":2,"#, "");
    assert_eq!(ids(&shop, "/query?page_size=2", &theirs, "/data/rows").await, all);
    let made = shop.text("ana", "/v1/construct-query", &theirs).await;
    let told = shop.post("ana", "/v1/execute", json!({ "query": made.at("/query") })).await;
    assert_eq!(told.at("/row_count"), 4, "{told:?}");
    let batch = format!(r#"{{"queries":[{native},{theirs}]}}"#);
    let told = shop.text("ana", "/batch", &batch).await;
    assert_eq!(told.at("/results/0/body/rows").as_array().unwrap().len(), 4, "{told:?}");
    assert_eq!(told.at("/results/1/body/row_count"), 4, "{told:?}");
}

/// How many rows a filter of a field leaves.
async fn counted(shop: &Shop, filter: Value) -> Value {
    let count = json!([{ "function": "count" }]);
    let body = json!({ "table_id": 1, "aggregations": count, "filters": [filter] });
    let told = shop.post("ana", "/v1/query", body).await;
    assert_eq!((told.status, told.at("/status")), (202, json!("completed")), "{filter}: {told:?}");
    told.at("/data/rows/0/0")
}

#[tokio::test]
async fn a10_texts_of_large_numbers_are_given_back_as_numbers() {
    let shop = open().await;
    let fields = json!([{ "field_id": "a" }, { "field_id": "d" }]);
    let told = shop.post("ana", "/v1/query", json!({ "table_id": 1, "fields": fields })).await;
    let (a, d) = (A.map(|whole| whole.to_string()), D.to_string());
    // As docs/http.md says: texts from 2^53 on.
    let rows = json!([[a[0], d], [a[1], d], [a[2], d], [5, d]]);
    assert_eq!(told.at("/data/rows"), rows);
    for (field, operation, value, count) in [
        ("a", "equals", a[0].as_str(), 2),
        ("a", "equals", a[2].as_str(), 1),
        ("a", "not-equals", a[0].as_str(), 2),
        ("a", "less-than-or-equal", a[2].as_str(), 1),
        ("a", "less-than", BELOW, 0),
        ("a", "equals", "5", 1),
        ("a", "equals", "5.0", 1),
        ("a", "greater-than", "4.5", 3),
        ("d", "equals", d.as_str(), 4),
        ("d", "greater-than", d.as_str(), 0),
        ("d", "greater-than", "12345678901234567890123456789012345677", 4),
    ] {
        let filter = json!({ "field_id": field, "operation": operation, "value": value });
        assert_eq!(counted(&shop, filter).await, count, "{field} {operation} {value}");
    }
    let several = json!({ "field_id": "a", "operation": "equals", "values": [a[0], a[2], 7] });
    assert_eq!(counted(&shop, several).await, 3);
    let more = format!("{d}9");
    for value in ["nine", "1e3", "+5", " 5", "5.", "0x5", more.as_str()] {
        let filter = json!({ "field_id": "a", "operation": "equals", "value": value });
        let body = json!({ "table_id": 1, "filters": [filter] });
        let told = shop.post("ana", "/v1/query", body).await;
        assert_eq!(told.status, 400, "{value}: {told:?}");
        assert!(told.body.contains("a number, written without quotes"), "{value}: {told:?}");
    }
}
