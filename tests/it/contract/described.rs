//! What may be described and not queried: it is listed, and everything else about it is 403.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::Engine;
use serde_json::{Value, json};

use super::{Shop, TEXT};

const MODEL: &str = "
tables:
  notes:
    id: 1
    primary_key: [id]
    source: notes
    fields: { id: {}, text: {} }
    measures: { texts: { expr: count(text) } }
  files: { id: 2, primary_key: [id], source: files, fields: { id: {}, size: {} } }
metrics:
  note_count: { id: 7, table: notes, expr: count(*) }
";
const POLICIES: &str = "
groups: { staff: {} }
policies:
  known: { groups: [staff], grant: { tables: [notes], level: describe } }
  read: { groups: [staff], grant: { tables: [files], fields: { only: [id] } } }
  heard_of: { groups: [staff], grant: { tables: [files], level: describe } }
";

async fn described() -> Shop {
    let whole = |numbers: [i64; 2]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["secret a", "secret b"]));
    let notes = [("id", whole([1, 2])), ("text", texts)];
    let files = [("id", whole([1, 2])), ("size", whole([654_321, 654_322]))];
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("notes", vec![RecordBatch::try_from_iter(notes).unwrap()])
        .batches("files", vec![RecordBatch::try_from_iter(files).unwrap()])
        .build()
        .await
        .unwrap();
    Shop::of_mia(engine)
}

#[tokio::test]
async fn what_may_be_described_is_listed_and_not_queried() {
    let shop = described().await;
    for (path, pointer, wanted) in [
        ("/v1/table/1?with-field-values=true", "/fields/1/name", json!("text")),
        ("/v1/table/1?with-measures=true", "/measures/0/name", json!("texts")),
        ("/v1/metric/7", "/queryable_dimensions/1/name", json!("text")),
        ("/v1/table/2", "/fields/1/name", json!("size")),
        ("/v1/database/1", "/tables/0/name", json!("notes")),
    ] {
        let told = shop.get("ana", path).await;
        assert_eq!((told.status, told.at(pointer)), (200, wanted), "{path}: {told:?}");
    }
    let denied = |told: &super::Told, what: &str| {
        let seen = (told.status, told.body.as_str(), told.header("content-type"));
        assert_eq!(seen, (403, "You don't have permissions to do that.", TEXT), "{what}");
        assert_eq!(told.header("x-sandbar-code"), "Q0103", "{what}");
    };
    for path in [
        "/v1/table/1/field/text/values",
        "/v1/metric/7/field/text/values",
        "/v1/table/2/field/size/values",
    ] {
        denied(&shop.get("ana", path).await, path);
    }
    let size = json!({ "field_id": "size" });
    let filter = json!({ "field_id": "size", "operation": "greater-than", "value": 0 });
    for body in [
        json!({ "table_id": 1 }),
        json!({ "table_id": 1, "aggregations": [{ "function": "count" }] }),
        json!({ "metric_id": 7 }),
        json!({ "table_id": 2, "fields": [size] }),
        json!({ "table_id": 2, "filters": [filter] }),
        json!({ "table_id": 2, "group_by": [size] }),
        json!({ "table_id": 2, "order_by": [{ "field": size, "direction": "asc" }] }),
        json!({ "table_id": 2, "aggregations": [{ "function": "max", "field_id": "size" }] }),
    ] {
        for path in ["/v1/construct-query", "/v1/query"] {
            denied(&shop.post("ana", path, body.clone()).await, &body.to_string());
        }
        let told = shop.post("ana", "/query", body.clone()).await;
        assert_eq!((told.status, told.at("/error")), (403, json!("Denied")), "{body}");
    }
    // What is left is what may be queried.
    let told = shop.post("ana", "/v1/query", json!({ "table_id": 2 })).await;
    assert_eq!(told.at("/data/rows"), json!([[1], [2]]));
    assert_eq!(told.at("/data/cols/1"), Value::Null);
}
