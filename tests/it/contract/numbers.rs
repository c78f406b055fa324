//! Large numbers of a question: every digit counts, at once, on pages and in queries that are given
//! back.

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
