//! Ids of fields: one for each way to a field, the same for everybody, and the same when the model
//! changes around them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal};
use serde_json::{Value, json};

use super::Shop;

const MODEL: &str = "
tables:
  airports: { id: 1, primary_key: [id], source: airports, fields: { id: {}, city: {} } }
  flights:
    id: 2
    primary_key: [id]
    source: flights
    fields: { id: {}, origin_id: {}, target_id: {} }
    relationships:
      origin: { to: airports, on: { origin_id: id }, cardinality: many_to_one }
      target: { to: airports, on: { target_id: id }, cardinality: many_to_one }
";
const POLICIES: &str = "
groups: { staff: {}, guests: {} }
policies:
  all: { groups: [staff], grant: { tables: [airports, flights] } }
  some: { groups: [guests], grant: { tables: [airports], fields: { except: [city] } } }
  rest: { groups: [guests], grant: { tables: [flights] } }
";

fn whole(numbers: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(numbers.to_vec()))
}

async fn flights(model: &str, group: &str) -> Shop {
    let cities: ArrayRef = Arc::new(StringArray::from(vec!["Ulm", "Bonn", "Gera"]));
    let airports = [("id", whole(&[1, 2, 3])), ("city", cities)];
    let flights =
        [("id", whole(&[10, 11])), ("origin_id", whole(&[1, 2])), ("target_id", whole(&[3, 1]))];
    let engine = Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", POLICIES)
        .batches("airports", vec![RecordBatch::try_from_iter(airports).unwrap()])
        .batches("flights", vec![RecordBatch::try_from_iter(flights).unwrap()])
        .build()
        .await
        .unwrap();
    let asker = Principal::asserted_by_host("mia").group(group).build().unwrap();
    let app = sandbar_http::router(engine).layer(axum::Extension(asker));
    Shop::bare(app)
}

/// The ids of a table's fields, by the way to each.
async fn ids(shop: &Shop) -> Vec<(String, String)> {
    let told = shop.get("ana", "/v1/table/2").await.json();
    let name = |field: &Value| {
        let via = field["table_reference"].as_str().unwrap_or("-");
        format!("{via} {}", field["name"].as_str().unwrap())
    };
    let own = told["fields"].as_array().unwrap().iter();
    let related = told["related_tables"].as_array().unwrap().iter();
    let related = related.flat_map(|other| other["fields"].as_array().unwrap());
    let id = |field: &Value| field["field_id"].as_str().unwrap().to_owned();
    own.chain(related).map(|field| (name(field), id(field))).collect()
}

#[tokio::test]
async fn two_ways_to_a_table_are_two_ids() {
    let shop = flights(MODEL, "staff").await;
    let ids = ids(&shop).await;
    let id = |name: &str| &ids.iter().find(|(known, _)| known == name).unwrap().1;
    let mut distinct: Vec<&String> = ids.iter().map(|(_, id)| id).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((ids.len(), distinct.len()), (7, 7));
    assert!(ids.iter().all(|(_, id)| id.starts_with("t2-")), "{ids:?}");
    let fields = json!([
        { "field_id": id("- id") },
        { "field_id": id("Origin city") },
        { "field_id": id("Target city") },
    ]);
    let told = shop.post("ana", "/v1/query", json!({ "table_id": 2, "fields": fields })).await;
    assert_eq!(told.at("/data/rows"), json!([[10, "Ulm", "Gera"], [11, "Bonn", "Ulm"]]));
    let names: Vec<Value> = (0..3).map(|n| told.at(&format!("/data/cols/{n}/name"))).collect();
    assert_eq!(Value::from(names), json!(["id", "city", "city_2"]));
    // A question of our own reads them like names.
    let fields = json!(["id", { "field": id("Target city"), "as": "to" }]);
    let order = json!([{ "field": id("Origin city"), "order": "asc" }]);
    let body = json!({ "table": "flights", "fields": fields, "order_by": order });
    let told = shop.post("ana", "/query", body).await;
    assert_eq!(told.at("/rows"), json!([[11, "Ulm"], [10, "Gera"]]), "{told:?}");
    // From another table they mean nothing.
    let body = json!({ "table": "airports", "fields": [id("Target city")] });
    assert_eq!(shop.post("ana", "/query", body).await.status, 404);
}

#[tokio::test]
async fn l11_ids_stay_when_the_model_grows_and_for_who_sees_less() {
    let before = ids(&flights(MODEL, "staff").await).await;
    // Fields that were not there stand first, and a relationship too.
    let grown = MODEL
        .replace("fields: { id: {}, city: {} }", "fields: { code: { expr: id + 1 }, id: {}, city: {} }")
        .replace("fields: { id: {}, origin_id", "fields: { age: { expr: id + 2 }, id: {}, origin_id")
        .replace(
            "    relationships:\n",
            "    relationships:\n      at: { to: airports, on: { id: id }, cardinality: many_to_one }\n",
        );
    let after = ids(&flights(&grown, "staff").await).await;
    assert_eq!(after.len(), before.len() + 6);
    assert!(before.iter().all(|known| after.contains(known)), "{before:?} {after:?}");
    // Guests see no cities; what they see has the ids that others have for it.
    let shop = flights(MODEL, "guests").await;
    let less = ids(&shop).await;
    assert_eq!(less.len(), 5);
    assert!(less.iter().all(|known| before.contains(known)), "{less:?}");
    let hidden = &before.iter().find(|(name, _)| name == "Origin city").unwrap().1;
    let ask = async |id: &str| {
        let body = json!({ "table": "flights", "fields": [id] });
        let told = shop.post("ana", "/query", body).await;
        (told.status, told.body.replace(id, "…"))
    };
    assert_eq!(ask(hidden).await, ask("t2-7").await);
}

#[tokio::test]
async fn a_number_may_be_of_a_grain() {
    let shop = Shop::open().await;
    let aggregations = json!([
        { "function": "count_distinct", "field": "created_at", "grain": "year", "as": "years" },
        { "function": "max", "field": "created_at", "grain": "month_of_year", "as": "last" },
    ]);
    let body = json!({ "table": "orders", "aggregations": aggregations });
    let told = shop.post("ana", "/query", body).await;
    // From July 2022 to June 2026.
    assert_eq!(told.at("/rows"), json!([[5, 12]]), "{told:?}");
    let outer = json!({
        "from": { "table": "orders", "group_by": ["created_at"] },
        "aggregations": [{ "function": "min", "field": "created_at", "grain": "day", "as": "first" }],
    });
    let told = shop.post("ana", "/query", outer).await;
    assert_eq!(told.at("/rows"), json!([["2022-07-01"]]), "{told:?}");
    for (aggregation, code) in [
        (json!({ "function": "max", "field": "total", "grain": "month" }), "Q0124"),
        (json!({ "function": "count", "grain": "month" }), "Q0124"),
    ] {
        let body = json!({ "table": "orders", "aggregations": [aggregation] });
        let told = shop.post("ana", "/query", body).await;
        assert_eq!((told.status, told.at("/code")), (400, json!(code)), "{told:?}");
    }
}
