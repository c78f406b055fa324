//! What joins give is counted inside the plan, and a join that is busy is ended with its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use futures::StreamExt;
use sandbar::{Engine, EngineBuilder, ErrorKind, Limits, Model};

use super::cancelled::until;
use super::runtime::Queries;
use super::{asked, chief, csv};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, product_id: {} }
    relationships:
      product: { to: products, on: { product_id: id }, cardinality: many_to_one, trusted: true }
  products: { primary_key: [id], fields: { id: {}, name: {} } }
";
const POLICIES: &str = "
groups: { chiefs: {} }
policies: { all: { groups: [chiefs], grant: { tables: [orders, products] } } }
";
const BY_NAME: &str = r#"{"table":"orders","group_by":["product.name"],"aggregations":["count"]}"#;

/// Orders of four products, each of which is there so many times.
fn builder(orders: i64, times: i64) -> EngineBuilder {
    let ids = Int64Array::from_iter_values(0..orders);
    let products = Int64Array::from_iter_values((0..orders).map(|id| id % 4));
    let orders = [("id", Arc::new(ids) as ArrayRef), ("product_id", Arc::new(products))];
    let of_each: Vec<i64> = (0..4).flat_map(|id| (0..times).map(move |_| id)).collect();
    let names = StringArray::from_iter_values(of_each.iter().map(|id| format!("product {id}")));
    let ids = Int64Array::from(of_each);
    let products = [("id", Arc::new(ids) as ArrayRef), ("name", Arc::new(names))];
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("orders", vec![RecordBatch::try_from_iter(orders).unwrap()])
        .batches("products", vec![RecordBatch::try_from_iter(products).unwrap()])
}

/// Whether a question whose joins give so many rows is answered exactly where it may be.
async fn check(times: i64, query: &str, joined: u64) {
    let session = chief(&builder(40, times).build().await.unwrap());
    let limit = |rows: u64| Limits::default().with_joined_rows(rows);
    asked(&session.clone().with_limits(limit(joined)), query).await.unwrap();
    if let Some(less) = joined.checked_sub(1) {
        let error = asked(&session.with_limits(limit(less)), query).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0309"), "{error}");
        assert_eq!(error.to_string(), format!("the query joins more than {less} rows"));
    }
}

#[tokio::test]
async fn e0309_joins_give_as_many_rows_as_allowed_and_no_more() {
    // A join to one row gives each order once.
    check(1, BY_NAME, 40).await;
    // A key that is trusted and broken gives it more often.
    check(3, BY_NAME, 120).await;
    check(2_500, BY_NAME, 100_000).await;
    // Nothing is joined here.
    check(3, r#"{"table":"orders","group_by":["product_id"],"aggregations":["count"]}"#, 0).await;
}

/// On a runtime of the host's own, which has nothing else to do than a join of which nothing comes
/// for long: how soon it ends after the reload that takes one of its tables. The next question has
/// its turn.
async fn ends_after_its_right() -> Duration {
    let queries = Queries::new(2);
    // 800 million rows.
    let engine: Engine = queries.of(builder(40_000, 20_000)).build().await.unwrap();
    let limits = Limits::default().with_joined_rows(1_000_000_000_000);
    let session = chief(&engine).with_limits(limits);
    let mut answer = session.query_json(BY_NAME).await.unwrap();
    let soon = Duration::from_millis(200);
    assert!(tokio::time::timeout(soon, answer.next()).await.is_err(), "it is over");
    let fewer = POLICIES.replace("[orders, products]", "[orders]");
    assert_ne!(fewer, POLICIES);
    let reloaded =
        Model::new().with_model("model.yaml", MODEL).with_policies("policies.yaml", &fewer);
    engine.reload(&reloaded).await.unwrap();
    let since = Instant::now();
    let error = answer.next().await.unwrap().unwrap_err();
    let took = since.elapsed();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Cancelled, "E0308"), "{error}");
    let count = r#"{"table":"orders","aggregations":["count"]}"#;
    assert_eq!(csv(&session, count).await, "count\n40000\n");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    took
}

#[tokio::test]
async fn l43_a_busy_join_ends_within_a_second_of_its_right() {
    let mut took = Vec::new();
    // A machine that is busy itself is given another try.
    for _ in 0..3 {
        took.push(ends_after_its_right().await);
        if took.iter().any(|took| *took < Duration::from_secs(1)) {
            return;
        }
    }
    panic!("{took:?}");
}

const SERIES: &str = "
tables:
  sales: { primary_key: [id], time: day, fields: { id: {}, day: {}, who: {} } }
metrics:
  sold: { table: sales, expr: count(*) }
  so_far: { cumulative: { metric: sold } }
";
const SO_FAR: &str = r#"{"metrics":["so_far"],"group_by":["who",{"field":"day","grain":"day"}]}"#;

/// So many sales of one person each on the first day, and one of somebody on a later day.
fn accumulated(people: i64, later: i32) -> EngineBuilder {
    let ids = || Arc::new(Int64Array::from_iter_values(0..=people)) as ArrayRef;
    let days = (0..=people).map(|id| if id < people { 0 } else { later });
    let days = Arc::new(Date32Array::from_iter_values(days)) as ArrayRef;
    let rows = RecordBatch::try_from_iter([("id", ids()), ("day", days), ("who", ids())]);
    Engine::builder()
        .model("model.yaml", SERIES)
        .policies("policies.yaml", &POLICIES.replace("[orders, products]", "[sales]"))
        .batches("sales", vec![rows.unwrap()])
}

/// Each of 40 sales of the first day counts in 100 periods, and that of the last day in one.
#[tokio::test]
async fn e0309_rows_that_are_written_out_for_periods_count_as_joined_ones() {
    let session = chief(&accumulated(40, 99).build().await.unwrap());
    let limit = |rows: u64| Limits::default().with_joined_rows(rows);
    let error = asked(&session.clone().with_limits(limit(4_000)), SO_FAR).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0309"), "{error}");
    // A few more, for the last day of all.
    let answer = asked(&session.with_limits(limit(4_101)), SO_FAR).await.unwrap();
    assert_eq!(answer.num_rows(), 4_001);
}

/// Two hundred million rows to be written out: neither the time of the question nor whoever drops
/// its answer waits for more than some thousand of them.
#[tokio::test]
async fn what_is_written_out_for_periods_ends_with_its_question() {
    let queries = Queries::new(2);
    let engine = queries.of(accumulated(20_000, 9_998)).build().await.unwrap();
    let limits = Limits::default().with_memory(1 << 40).with_joined_rows(u64::MAX);
    let short = limits.clone().with_time(Some(Duration::from_millis(500)));
    let error = asked(&chief(&engine).with_limits(short), SO_FAR).await.unwrap_err();
    assert_eq!(error.code(), "E0302", "{error}");
    let alive = || queries.handle().metrics().num_alive_tasks() > 0;
    until("the work goes on after its time", || !alive()).await;
    let mut answer = chief(&engine).with_limits(limits).query_json(SO_FAR).await.unwrap();
    let soon = Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, answer.next()).await.is_err(), "it is over");
    drop(answer);
    until("the work goes on after its answer", || !alive()).await;
}
