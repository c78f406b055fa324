//! How soon the work ends when an answer is dropped: CPU (no task is left) and memory (nothing is
//! reserved), for each kind of work, on a runtime of its own. And how late a caller hears of his
//! deadline while the processors are all busy.
//!
//! `cargo bench -p sandbar-benches --bench cancel`, with `-- --test` once for each.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a bench fails loudly and tells")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use futures::{FutureExt, StreamExt};
use sandbar::{Admission, Engine, Limits, Principal, Session};
use tokio::runtime::{Builder, Runtime};

const MODEL: &str = "
tables:
  facts:
    fields: { id: {}, key: {}, text: {} }
    relationships:
      part: { to: parts, on: { key: key }, cardinality: many_to_one, trusted: true }
  parts: { primary_key: [key], fields: { key: {}, name: {} } }
  events:
    primary_key: [id]
    time: day
    fields: { id: {}, key: {}, text: {}, day: {} }
metrics:
  events: { table: events, expr: count(*) }
  newest:
    table: events
    expr: sum(key)
    semi_additive: { over: day, pick: last, per: { fields: [text] } }
  followed:
    conversion:
      base: events
      conversion: events
      entity: { base: text, conversion: text }
      window: { count: 7, unit: day }
";
const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [facts, parts, events] } } }
";

/// How often each kind of work is dropped.
const ROUNDS: u32 = 100;
/// How much of what takes long is looked at.
const LONGEST: Duration = Duration::from_secs(4);

const ROWS: i64 = 1_000_000;
const BATCH: i64 = 8_192;

/// What is asked, and within how many milliseconds its work has to end.
const WORK: [(&str, u64, &str); 7] = [
    ("scan", 50, r#"{"table":"facts","fields":["id","text"]}"#),
    (
        "filter",
        50,
        r#"{"table":"facts","fields":["id"],
        "filter":{"field":"text","op":"contains","value":"77"}}"#,
    ),
    ("aggregate", 50, r#"{"table":"facts","group_by":["text"],"aggregations":["count"]}"#),
    ("sort", 50, r#"{"table":"facts","fields":["text","id"],"order_by":[{"field":"text"}]}"#),
    // Each fact has a thousand parts, although the model says that it has one.
    ("join", 500, r#"{"table":"facts","group_by":["part.name"],"aggregations":["count"]}"#),
    // What is told of each text looks at all of its rows together.
    ("balance", 500, r#"{"metrics":["newest"],"group_by":["key"]}"#),
    ("conversion", 500, r#"{"metrics":["followed"],"group_by":["key"]}"#),
];

fn facts() -> Vec<RecordBatch> {
    let batch = |start: i64| {
        let ids = || start..(start + BATCH).min(ROWS);
        let texts = ids().map(|id| format!("text {}", (id * 7_919) % ROWS));
        let days = ids().map(|id| i32::try_from(id % 1_000).expect("it is small"));
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids()))),
            ("key", Arc::new(Int64Array::from_iter_values(ids().map(|id| id % 10)))),
            ("text", Arc::new(StringArray::from_iter_values(texts))),
            ("day", Arc::new(Date32Array::from_iter_values(days))),
        ];
        RecordBatch::try_from_iter(columns).expect("the columns fit")
    };
    (0..ROWS).step_by(BATCH as usize).map(batch).collect()
}

fn parts() -> RecordBatch {
    let keys: Vec<i64> = (0..10_000).map(|row| row % 10).collect();
    let names = (0..10_000).map(|row| format!("part {}", row % 500));
    let columns: [(&str, ArrayRef); 2] = [
        ("key", Arc::new(Int64Array::from(keys))),
        ("name", Arc::new(StringArray::from_iter_values(names))),
    ];
    RecordBatch::try_from_iter(columns).expect("the columns fit")
}

fn runtime(threads: usize) -> Runtime {
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(threads).thread_stack_size(8 << 20).enable_all();
    runtime.build().expect("there are threads")
}

/// An engine, what runs its queries, and what their memory is taken from.
struct Bench {
    session: Session,
    queries: Runtime,
    pool: Arc<dyn MemoryPool>,
}

impl Bench {
    async fn new(queries: Runtime) -> Self {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let environment = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&pool)).build_arc();
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_runtime_env(environment.expect("there is an environment"))
            .build();
        let engine = Engine::builder()
            .model("model.yaml", MODEL)
            .policies("policies.yaml", POLICIES)
            .batches("facts", facts())
            .batches("parts", vec![parts()])
            .batches("events", facts())
            .session_state(state)
            .runtime(queries.handle().clone())
            .limits(Limits::default().with_rows(u64::MAX).with_time(None))
            // More at once than there are processors: what is late is not the turn.
            .admission(Admission::default().with_running(16).with_per_principal(16))
            .build()
            .await
            .expect("the model is right");
        let everybody = Principal::asserted_by_host("somebody").group("all").build();
        let session = engine.session(everybody.expect("there is a name"));
        Self { session, queries, pool }
    }

    fn idle(&self) -> bool {
        self.queries.metrics().num_alive_tasks() == 0 && self.pool.reserved() == 0
    }

    /// How long an answer takes, or the longest that is looked at.
    async fn whole(&self, query: &str) -> Duration {
        let asked = Instant::now();
        let answered = self.dropped(query, LONGEST).await.is_none();
        if answered { asked.elapsed() } else { LONGEST }
    }

    /// From the drop of an answer that has been worked on for so long to the end of its work;
    /// `None` where it was over before.
    async fn dropped(&self, query: &str, worked: Duration) -> Option<Duration> {
        let mut answer = self.session.query_json(query).await.expect("it is a question");
        let until = Instant::now() + worked;
        // Rows that come are taken, as somebody would who reads on.
        while Instant::now() < until {
            match tokio::time::timeout_at(until.into(), answer.next()).await {
                Ok(None) => return None,
                Ok(Some(batch)) => drop(batch.expect("nothing is wrong with it")),
                Err(_) => {}
            }
        }
        let dropped = Instant::now();
        drop(answer);
        while !self.idle() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        Some(dropped.elapsed())
    }
}

fn shares(mut times: Vec<Duration>) -> String {
    times.sort();
    let share = |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1));
    let text = |time: Option<&Duration>| time.map_or("–".to_owned(), |time| format!("{time:?}"));
    format!("p50 {}, p99 {}, of {}", text(share(50)), text(share(99)), times.len())
}

fn main() {
    let once = std::env::args().any(|argument| argument == "--test");
    let rounds = if once { 1 } else { ROUNDS };
    let host = runtime(1);
    host.block_on(async {
        let bench = Bench::new(runtime(2)).await;
        for (name, bound, query) in WORK {
            let whole = bench.whole(query).await;
            let mut times = Vec::new();
            for round in 0..rounds {
                // At another moment each time, from the beginning to the end.
                let worked = whole * ((round * 79) % ROUNDS) / ROUNDS;
                times.extend(bench.dropped(query, worked).await);
            }
            if !times.is_empty() {
                println!("{name}: {} (bound {bound} ms)", shares(times));
            }
        }
        let mut late = Vec::new();
        // As much work as the processors can do, and somebody with a limit beside it.
        let _work: Vec<_> = futures::future::join_all((0..3).map(|_| async {
            let (_, _, query) = WORK[4];
            let mut answer = bench.session.query_json(query).await.expect("it is a question");
            let _ = answer.next().now_or_never();
            answer
        }))
        .await;
        let limit = Duration::from_millis(100);
        let session = bench.session.clone().with_limits(Limits::default().with_time(Some(limit)));
        for _ in 0..rounds.min(50) {
            let (_, _, query) = WORK[4];
            let asked = Instant::now();
            let ended = async { session.query_json(query).await?.collect().await }.await;
            assert_eq!(ended.expect_err("it is too much").code(), "E0302");
            late.push(asked.elapsed().saturating_sub(limit));
        }
        println!("late after the deadline: {} (bound 100 ms)", shares(late));
        bench.queries.shutdown_background();
    });
}
