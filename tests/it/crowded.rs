//! Conditions on other rows where one key is that of many rows on both sides: they cost what the rows
//! cost, and not their pairs.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};

use crate::optimised::answer;

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, cid: {}, state: {} }
    relationships: { shop: { to: shops, on: { cid: id }, cardinality: many_to_one } }
  shops:
    primary_key: [id]
    fields: { id: {} }
    relationships: { sold: { to: orders, on: { id: cid }, cardinality: one_to_many } }
metrics:
  rows: { table: orders, expr: count(*) }
";

/// So many orders that their pairs cannot be looked at within the time of a question.
const ORDERS: i64 = 100_000;

/// All orders are of one shop; every second one is of CA, the others of NY.
async fn session(rows: &str) -> Session {
    let ids: ArrayRef = Arc::new((0..ORDERS).collect::<Int64Array>());
    let shop: ArrayRef = Arc::new((0..ORDERS).map(|_| 1).collect::<Int64Array>());
    let states = (0..ORDERS).map(|id| Some(if id % 2 == 0 { "CA" } else { "NY" }));
    let states: ArrayRef = Arc::new(states.collect::<StringArray>());
    let orders = RecordBatch::try_from_iter([("id", ids), ("cid", shop), ("state", states)]);
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let shops = RecordBatch::try_from_iter([("id", one)]);
    let policies = format!(
        "groups: {{ everyone: {{}} }}
policies:
  orders: {{ groups: [everyone], grant: {{ tables: [orders], rows: \"{rows}\" }} }}
  shops: {{ groups: [everyone], grant: {{ tables: [shops] }} }}
"
    );
    let engine = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", &policies);
    let engine = engine.batches("orders", vec![orders.unwrap()]);
    let engine = engine.batches("shops", vec![shops.unwrap()]).build().await;
    let engine = engine.unwrap_or_else(|e| panic!("{rows}: {e}"));
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

#[tokio::test]
async fn values_that_stand_often_are_looked_up_once() {
    let ca = "select state from orders where state = 'CA' and state is not null";
    for (rows, expected) in [
        (format!("state in ({ca})"), 50_000),
        (format!("state not in ({ca})"), 50_000),
        (format!("id = 1 or state in ({ca})"), 50_001),
        (format!("id = 0 or state not in ({ca})"), 50_001),
    ] {
        let session = session(&rows).await;
        let found = answer(&session, r#"{"metrics":["rows"]}"#).await;
        assert_eq!(found, format!("rows\n{expected}\n"), "{rows}");
    }
}

#[tokio::test]
async fn rows_of_a_related_row_are_looked_up_once() {
    let session = session("true").await;
    for (filter, expected) in [
        (r#"{"exists":"shop.sold","filter":{"field":"state","op":"=","value":"CA"}}"#, 100_000),
        (r#"{"not":{"exists":"shop.sold"}}"#, 0),
        (r#"{"or":[{"exists":"shop.sold"},{"field":"id","op":"=","value":3}]}"#, 100_000),
        (r#"{"field":"shop.sold.state","op":"=","value":"NY"}"#, 100_000),
    ] {
        let question = format!(r#"{{"metrics":["rows"],"filter":{filter}}}"#);
        let found = answer(&session, &question).await;
        assert_eq!(found, format!("rows\n{expected}\n"), "{filter}");
    }
}
