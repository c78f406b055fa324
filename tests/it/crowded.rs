//! Conditions on other rows where one key is that of many rows on both sides: they cost what the rows
//! cost, and not their pairs.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Limits, Principal, Session};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

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

/// So many versions of one thing, and events with it, that their pairs take minutes to look at.
const VERSIONS: i32 = 60_000;
/// Longer than anything here takes that is stopped.
const LONG: Duration = Duration::from_secs(60);

const HISTORY: &str = "
tables:
  events:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {} }
    relationships: { was: { to: versions, on: { id: id }, cardinality: many_to_one } }
  versions:
    primary_key: [id]
    validity: { from: since, to: until }
    fields: { id: {}, since: {}, until: {} }
metrics:
  known: { table: events, expr: count(*), filter: was.since is not null }
";

const EVERYTHING: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [events, versions] } } }
";

/// Events of one thing before its first version, each of which holds for a day.
async fn history(queries: &Runtime) -> Session {
    let count = usize::try_from(VERSIONS).unwrap();
    let ids = || -> ArrayRef { Arc::new(Int64Array::from(vec![1; count])) };
    let days =
        |from| -> ArrayRef { Arc::new(Date32Array::from_iter_values(from..from + VERSIONS)) };
    let before: ArrayRef = Arc::new(Date32Array::from(vec![-1; count]));
    let events = RecordBatch::try_from_iter([("id", ids()), ("day", before)]).unwrap();
    let versions = [("id", ids()), ("since", days(0)), ("until", days(1))];
    let versions = RecordBatch::try_from_iter(versions).unwrap();
    let engine = Engine::builder()
        .model("model.yaml", HISTORY)
        .policies("policies.yaml", EVERYTHING)
        .batches("events", vec![events])
        .batches("versions", vec![versions])
        .runtime(queries.handle().clone())
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

async fn idle(queries: &Runtime) {
    let is_idle = async {
        while queries.metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, is_idle).await.expect("somebody works on");
}

#[test]
fn a_join_that_finds_nothing_is_stopped_between_pairs() {
    let queries = Builder::new_multi_thread().enable_all().thread_stack_size(8 << 20).build();
    let queries = queries.unwrap();
    let own = Builder::new_current_thread().enable_all().build().unwrap();
    own.block_on(async {
        let question = r#"{"metrics":["known"]}"#;
        let session = history(&queries).await;
        let short = Limits::default().with_time(Some(Duration::from_millis(500)));
        let hurried = session.clone().with_limits(short);
        let over = match hurried.query_json(question).await {
            Ok(answer) => answer.collect().await.err(),
            Err(error) => Some(error),
        };
        assert_eq!(over.map(|error| error.code()), Some("E0302"));
        idle(&queries).await;
        // Nobody waits for it any more, and its time is not over.
        let asked = async { session.query_json(question).await.unwrap().collect().await };
        assert!(timeout(Duration::from_millis(500), asked).await.is_err());
        assert!(queries.metrics().num_alive_tasks() > 0, "nothing is left to stop");
        idle(&queries).await;
    });
    queries.shutdown_background();
}
