//! The engine as a host uses it: one library, no global state, nothing remembered between calls
//! but what a reload replaces.

mod admission;
mod answers;
mod cancelled;
mod composed;
mod counted;
mod decisions;
mod derived;
mod faulty;
mod files;
mod footers;
mod forms;
mod histories;
mod host;
mod invalid;
mod joined;
mod kept;
mod limits;
mod memory;
mod outline;
mod quota;
mod reload;
mod revoked;
mod runtime;
mod scoped;
mod slow;
mod traced;
mod types;
mod upstream;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::catalog::TableProvider;
use sandbar::{Answer, Collected, Engine, EngineBuilder, Error, Model, Principal, Session};
use tokio::task::JoinSet;

const MODEL: &str = "
tables:
  sales:
    primary_key: [id]
    time: at
    fields:
      id: {}
      tenant: {}
      code: {}
      amount: {}
      at: {}
      share: { expr: 'div(100, amount - 13)' }
    segments: { of_a: { where: tenant = 'a' } }
  heap: { fields: { id: {}, tenant: {} }, source: sales, shares_source: reviewed }
metrics:
  turnover: { table: sales, expr: sum(amount) }
";

const POLICIES: &str = "
attributes: { tenant: { type: text } }
groups: { tenants: {}, chiefs: {} }
policies:
  own: { groups: [tenants], grant: { tables: [sales], rows: tenant = attribute.tenant } }
  all: { groups: [chiefs], grant: { tables: [sales, heap] } }
";

/// Rows whose ids fall, one a day.
fn rows(count: i64) -> RecordBatch {
    let numbers = |of: fn(i64) -> i64| (0..count).rev().map(of);
    let tenants = numbers(|id| id % 2).map(|n| if n == 0 { "a" } else { "b" });
    let codes = numbers(|id| id).map(|id| format!("code {id} and some text to keep in memory"));
    let days = numbers(|id| id * 86_400_000_000 + 3_600_000_000);
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(numbers(|id| id)))),
        ("tenant", Arc::new(StringArray::from_iter_values(tenants))),
        ("code", Arc::new(StringArray::from_iter_values(codes))),
        ("amount", Arc::new(Int64Array::from_iter_values(numbers(|id| id % 10)))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(days).with_timezone("UTC"))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn model() -> Model {
    Model::new().with_model("model.yaml", MODEL).with_policies("policies.yaml", POLICIES)
}

fn builder(count: i64) -> EngineBuilder {
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![rows(count)])
}

async fn engine(count: i64) -> Engine {
    builder(count).build().await.unwrap()
}

/// An engine to be over a table of the host.
fn hosted(table: Arc<dyn TableProvider>) -> EngineBuilder {
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .table_provider("sales", table)
}

async fn over(table: Arc<dyn TableProvider>) -> Engine {
    hosted(table).build().await.unwrap()
}

fn tenant(engine: &Engine, name: &str) -> Session {
    let principal = Principal::asserted_by_host(&format!("somebody of {name}"));
    engine.session(principal.group("tenants").attribute("tenant", name).build().unwrap())
}

fn chief(engine: &Engine) -> Session {
    engine.session(Principal::asserted_by_host("the chief").group("chiefs").build().unwrap())
}

async fn asked(session: &Session, query: &str) -> Result<Collected, Error> {
    let answer: Answer = session.query_json(query).await?;
    answer.collect().await
}

async fn csv(session: &Session, query: &str) -> String {
    asked(session, query).await.unwrap().to_csv().unwrap()
}

const COUNT: &str = r#"{"table":"sales","aggregations":["count"]}"#;
const LIST: &str = r#"{"table":"sales","fields":["id"]}"#;

/// A question that takes time and memory.
const HEAVY: &str = r#"{"table":"sales","group_by":["code"],"aggregations":["count",
    {"function":"count_distinct","field":"code"},{"function":"median","field":"id"}]}"#;

#[test]
fn an_engine_and_its_sessions_can_be_cloned_and_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<Engine>();
    shared::<Session>();
    shared::<Collected>();
    sent::<Answer>();
    sent::<Error>();
    fn sendable<T: Send>(_: T) {}
    fn of(session: &Session) {
        sendable(session.query_json(COUNT));
        sendable(session.field_values("sales", "id", 1));
    }
    let _ = of;
}

/// Two engines of one process that differ in everything.
async fn two_engines() -> (Engine, Engine) {
    let day = |n: u64| UNIX_EPOCH + Duration::from_secs(n * 86_400 + 7_200);
    let first = builder(40).clock(move || day(10)).build().await.unwrap();
    let second = Engine::builder()
        .model(
            "model.yaml",
            "
tables: { sales: { primary_key: [id], fields: { id: {}, at: {}, amount: { column: amount } } } }
metrics: { turnover: { table: sales, expr: max(id) } }
",
        )
        .policies(
            "policies.yaml",
            "
groups: { tenants: {} }
policies: { all: { groups: [tenants], grant: { tables: [sales], rows: id < 30 } } }
",
        )
        .batches("sales", vec![rows(60)])
        .clock(move || day(20))
        .build()
        .await
        .unwrap();
    (first, second)
}

const TODAY: &str = r#"{"table":"sales","fields":["id"],
    "filter":{"field":"at","op":"this","unit":"day"}}"#;
const TURNOVER: &str = r#"{"metrics":["turnover"]}"#;

async fn check_first(engine: &Engine) {
    assert_eq!(csv(&tenant(engine, "a"), TODAY).await, "id\n10\n");
    assert_eq!(csv(&tenant(engine, "a"), TURNOVER).await, "turnover\n80\n");
    assert_eq!(csv(&tenant(engine, "b"), COUNT).await, "count\n20\n");
}

async fn check_second(engine: &Engine) {
    assert_eq!(csv(&tenant(engine, "a"), TODAY).await, "id\n20\n");
    assert_eq!(csv(&tenant(engine, "b"), TURNOVER).await, "turnover\n29\n");
    assert_eq!(csv(&tenant(engine, "b"), COUNT).await, "count\n30\n");
}

#[tokio::test]
async fn two_engines_answer_in_turns() {
    let (first, second) = two_engines().await;
    for _ in 0..5 {
        check_first(&first).await;
        check_second(&second).await;
    }
    drop(first);
    check_second(&second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_engines_answer_at_the_same_time() {
    let (first, second) = two_engines().await;
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (one, two) = (first.clone(), second.clone());
        tasks.spawn(async move { check_first(&one).await });
        tasks.spawn(async move { check_second(&two).await });
    }
    tasks.join_all().await;
}
