//! What a policy, its proofs and the way to them cost, over five million rows: the same question
//! asked through a session that sees a part of the rows, and as SQL with the same condition written
//! by hand, on DataFusion alone. Each pair is also measured in turns, and told as a ratio.
//!
//! `cargo bench -p sandbar-benches --bench overhead`, with `-- --test` once for each.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench fails loudly and tells, and asks DataFusion by hand"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use sandbar::{Engine, Limits, Principal, Session};
use tokio::runtime::Runtime;

const MODEL: &str = "
tables:
  facts: { fields: { id: {}, tenant: {}, category: {}, amount: {}, price: {}, day: {} } }
";
const POLICIES: &str = "
attributes: { tenant: { type: text } }
groups: { tenants: {} }
policies:
  own: { groups: [tenants], grant: { tables: [facts], rows: tenant = attribute.tenant } }
";

const ROWS: i64 = 5_000_000;
const BATCH: i64 = 8_192;
/// One row in so many is the asker's.
const TENANTS: i64 = 4;

/// A question, the same by hand, and what its cost is.
struct Pair {
    name: &'static str,
    question: &'static str,
    sql: &'static str,
    says: &'static str,
}

const PAIRS: [Pair; 5] = [
    Pair {
        name: "count",
        question: r#"{"table":"facts","aggregations":["count"]}"#,
        sql: "SELECT count(*) AS count FROM facts WHERE tenant = 'tenant 1'",
        says: "total: at most 1.05",
    },
    Pair {
        name: "group",
        question: r#"{"table":"facts","group_by":["category"],
            "aggregations":["count",{"function":"max","field":"amount"}]}"#,
        sql: "SELECT category, count(*) AS count, max(amount) AS max_amount FROM facts
            WHERE tenant = 'tenant 1' GROUP BY 1 ORDER BY 1",
        says: "total: at most 1.05",
    },
    Pair {
        name: "filter",
        question: r#"{"table":"facts","group_by":["category"],"aggregations":["count"],
            "filter":{"and":[{"field":"amount","op":">","value":500},
                {"field":"day","op":"between","values":["2025-01-01","2025-12-31"]}]}}"#,
        sql: "SELECT category, count(*) AS count FROM facts WHERE tenant = 'tenant 1'
            AND amount > 500 AND day >= date '2025-01-01' AND day <= date '2025-12-31'
            GROUP BY 1 ORDER BY 1",
        says: "total: at most 1.05",
    },
    Pair {
        name: "sum",
        question: r#"{"table":"facts","group_by":["category"],
            "aggregations":[{"function":"sum","field":"amount"}]}"#,
        sql: "SELECT category, sum(CAST(amount AS DECIMAL(38, 0))) AS sum_amount FROM facts
            WHERE tenant = 'tenant 1' GROUP BY 1 ORDER BY 1",
        says: "total, with the sum that cannot wrap on both sides: at most 1.05",
    },
    Pair {
        name: "fallible",
        question: r#"{"table":"facts","calculated":{"twice":"amount * 2"},"group_by":["category"],
            "aggregations":["count"],"filter":{"field":"twice","op":">","value":900}}"#,
        sql: "SELECT category, count(*) AS count FROM facts WHERE tenant = 'tenant 1'
            AND amount * 2 > 900 GROUP BY 1 ORDER BY 1",
        says: "can fail: with the barrier, and a product that is checked",
    },
];

fn facts(rows: i64) -> Vec<RecordBatch> {
    let batch = |start: i64| {
        let ids = || start..(start + BATCH).min(rows);
        let texts = |name: &'static str, many: i64| {
            let texts = ids().map(move |id| format!("{name} {}", (id * 7_919) % many));
            Arc::new(StringArray::from_iter_values(texts))
        };
        let days = ids().map(|id| 20_000 + i32::try_from(id % 900).unwrap_or(0));
        let columns: [(&str, ArrayRef); 6] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids()))),
            ("tenant", texts("tenant", TENANTS)),
            ("category", texts("category", 23)),
            ("amount", Arc::new(Int64Array::from_iter_values(ids().map(|id| id * 31 % 1_000)))),
            ("price", Arc::new(Float64Array::from_iter_values(ids().map(|id| id as f64 / 7.0)))),
            ("day", Arc::new(Date32Array::from_iter_values(days))),
        ];
        RecordBatch::try_from_iter(columns).expect("the columns fit")
    };
    (0..rows).step_by(BATCH as usize).map(batch).collect()
}

fn state() -> SessionState {
    let config = SessionConfig::new().with_target_partitions(2);
    SessionStateBuilder::new().with_default_features().with_config(config).build()
}

/// Both ways to ask.
struct Both {
    runtime: Runtime,
    session: Session,
    by_hand: SessionContext,
}

impl Both {
    fn new(rows: i64) -> Self {
        let runtime = Runtime::new().expect("there are threads");
        let batches = facts(rows);
        let schema = batches.first().expect("there are rows").schema();
        let by_hand = SessionContext::new_with_state(state());
        let table = MemTable::try_new(schema, vec![batches.clone()]).expect("the batches fit");
        by_hand.register_table("facts", Arc::new(table)).expect("the name is free");
        let engine = Engine::builder()
            .model("model.yaml", MODEL)
            .policies("policies.yaml", POLICIES)
            .batches("facts", batches)
            .session_state(state())
            .limits(Limits::default().with_time(None));
        let engine = runtime.block_on(engine.build()).expect("the model is right");
        let asker = Principal::asserted_by_host("somebody").group("tenants");
        let asker = asker.attribute("tenant", "tenant 1").build().expect("there is a name");
        Self { session: engine.session(asker), runtime, by_hand }
    }

    fn asked(&self, pair: &Pair) -> Vec<RecordBatch> {
        self.runtime.block_on(async {
            let answer = self.session.query_json(pair.question).await.expect("it is a question");
            answer.collect().await.expect("nothing fails").batches().to_vec()
        })
    }

    fn by_hand(&self, pair: &Pair) -> Vec<RecordBatch> {
        self.runtime.block_on(async {
            let frame = self.by_hand.sql(pair.sql).await.expect("it is SQL");
            frame.collect().await.expect("nothing fails")
        })
    }

    /// Both give the same, or what is measured says nothing.
    fn agree(&self, pair: &Pair) {
        let text = |batches: &[RecordBatch]| {
            pretty_format_batches(batches).expect("there are rows").to_string()
        };
        let (asked, by_hand) = (self.asked(pair), self.by_hand(pair));
        assert_eq!(text(&asked), text(&by_hand), "{}", pair.name);
    }

    /// How long the question takes for each second that the SQL does: the median of turns.
    fn ratio(&self, pair: &Pair, turns: usize) -> f64 {
        let mut ratios: Vec<f64> = (0..turns)
            .map(|turn| {
                // Each goes first as often as the other.
                let (asked, by_hand) = if turn % 2 == 0 {
                    let asked = timed(&|| self.asked(pair));
                    (asked, timed(&|| self.by_hand(pair)))
                } else {
                    let by_hand = timed(&|| self.by_hand(pair));
                    (timed(&|| self.asked(pair)), by_hand)
                };
                asked / by_hand
            })
            .collect();
        median(&mut ratios)
    }

    /// The milliseconds of a question, and those of its SQL: the medians of turns.
    fn times(&self, pair: &Pair, turns: usize) -> (f64, f64) {
        let (mut asked, mut by_hand) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            asked.push(timed(&|| self.asked(pair)) * 1_000.0);
            by_hand.push(timed(&|| self.by_hand(pair)) * 1_000.0);
        }
        (median(&mut asked), median(&mut by_hand))
    }
}

/// The seconds that something takes.
fn timed(work: &dyn Fn() -> Vec<RecordBatch>) -> f64 {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed().as_secs_f64()
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

fn overhead(criterion: &mut Criterion) {
    let once = std::env::args().any(|argument| argument == "--test");
    let both = Both::new(if once { 50_000 } else { ROWS });
    let mut group = criterion.benchmark_group("overhead");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    for pair in &PAIRS {
        both.agree(pair);
        group.bench_function(format!("{}/asked", pair.name), |b| b.iter(|| both.asked(pair)));
        group.bench_function(format!("{}/by hand", pair.name), |b| b.iter(|| both.by_hand(pair)));
    }
    group.finish();
    for pair in &PAIRS {
        let ratio = both.ratio(pair, if once { 1 } else { 31 });
        println!("overhead {}: {ratio:.3} ({})", pair.name, pair.says);
    }
    // What a question costs apart from its rows: one is read, resolved, planned and proven, the SQL
    // parsed and planned.
    let few = Both::new(1_000);
    for pair in &PAIRS {
        few.agree(pair);
        let (asked, by_hand) = few.times(pair, if once { 1 } else { 301 });
        println!("a thousand rows, {}: {asked:.2} ms asked, {by_hand:.2} ms by hand", pair.name);
    }
}

criterion_group!(benches, overhead);
criterion_main!(benches);
