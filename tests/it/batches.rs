//! L1: whether a calculation fails depends on the rows that are seen, and not on how these come in
//! batches. Rows that are hidden stand between them, and move the bounds of batches; DataFusion
//! calculates the second side of AND and OR for all rows of some batches and for few of others.
//!
//! L32: the batches of an answer are as large as if there were no hidden rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::{collected, told};

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, g: {}, x: {}, own: {}, per: { expr: 'div(10, x)' } }
    relationships: { of: { to: u, on: { g: id }, cardinality: many_to_one } }
    measures: { some: { expr: 'count(*) filter (where g = 1 and per > -5)' } }
    segments: { few: { where: 'g = 1 and per > -5' }, many: { where: 'g <> 1 or per > -5' } }
  u:
    primary_key: [id]
    fields: { id: {} }
    relationships: { ts: { to: t, on: { id: g }, cardinality: one_to_many } }
metrics:
  counted: { table: t, expr: count(*), filter: 'per > -5 and g = 1' }
  others: { table: t, expr: 'sum(g)', filter: 'g <> 1 or per > -5' }
";
const POLICIES: &str = "
groups: { some: {} }
policies:
  own: { groups: [some], grant: { tables: [t], rows: own } }
  all: { groups: [some], grant: { tables: [u] } }
";
/// The rows that are seen: `x` is 0 in some of them where `g` is 2, and in none where it is 1.
const SEEN: i64 = 8_192;
const ONES: i64 = 1_000;

/// Questions that calculate where nothing fails, and what each is answered.
const ASKED: [(&str, &str); 16] = [
    (
        r#"{"table":"t","aggregations":["count"],"filter":{"or":[{"field":"g","op":"!=","value":1},{"field":"per","op":">","value":-5}]}}"#,
        "8192",
    ),
    (
        r#"{"table":"t","aggregations":["count"],"filter":{"or":[{"field":"per","op":">","value":-5},{"field":"g","op":"!=","value":1}]}}"#,
        "8192",
    ),
    (
        r#"{"table":"t","aggregations":["count"],"filter":{"and":[{"field":"per","op":">","value":-5},{"field":"g","value":1}]}}"#,
        "1000",
    ),
    (
        r#"{"table":"t","aggregations":["count"],"filter":{"not":{"and":[{"field":"g","value":1},{"field":"per","op":">","value":-5}]}}}"#,
        "7192",
    ),
    (
        r#"{"table":"t","aggregations":[{"function":"count","filter":{"and":[{"field":"g","value":1},{"field":"per","op":">","value":-5}]}}]}"#,
        "1000",
    ),
    (
        r#"{"table":"t","aggregations":[{"function":"count","filter":{"or":[{"field":"g","op":"!=","value":1},{"field":"per","op":">","value":-5}]}}]}"#,
        "8192",
    ),
    (r#"{"table":"t","measures":["some"]}"#, "1000"),
    (r#"{"table":"t","aggregations":["count"],"filter":{"segment":"few"}}"#, "1000"),
    (r#"{"table":"t","aggregations":["count"],"filter":{"segment":"many"}}"#, "8192"),
    (r#"{"metrics":["counted"]}"#, "1000"),
    (r#"{"metrics":["others"]}"#, "15384"),
    (
        r#"{"table":"t","calculated":{"c":"g = 1 and div(10, x) > -5"},"group_by":["c"],"aggregations":["count"]}"#,
        "false,7192\ntrue,1000",
    ),
    (
        r#"{"table":"t","calculated":{"c":"case when g = 1 then div(10, x) > -5 else false end"},"group_by":["c"],"aggregations":["count"]}"#,
        "false,7192\ntrue,1000",
    ),
    (
        r#"{"table":"u","aggregations":["count"],"filter":{"exists":"ts","filter":{"and":[{"field":"g","value":1},{"field":"per","op":">","value":-5}]}}}"#,
        "1",
    ),
    (
        r#"{"from":{"table":"t","fields":["id","g","x"]},"calculated":{"c":"div(10, x)"},"aggregations":["count"],"filter":{"and":[{"field":"g","value":1},{"field":"c","op":">","value":-5}]}}"#,
        "1000",
    ),
    (
        r#"{"table":"t","fields":["id"],"limit":2,"filter":{"or":[{"field":"g","op":"!=","value":1},{"field":"per","op":">","value":-5}]}}"#,
        "0\n1",
    ),
];

/// An asker who sees some rows, `hidden` others of which stand among them, in batches of so many.
async fn asker(hidden: i64, at: i64, batch: usize) -> Session {
    let row = |id: i64| match id {
        id if id < ONES => (id, 1, 1, true),
        id => (id, 2, i64::from(id % 50 != 49), true),
    };
    let mut rows: Vec<(i64, i64, i64, bool)> = (0..at).map(row).collect();
    rows.extend((0..hidden).map(|id| (100_000 + id, 3, 1, false)));
    rows.extend((at..SEEN).map(row));
    let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let own: ArrayRef = Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.3))));
    let all = RecordBatch::try_from_iter([
        ("id", ints(rows.iter().map(|row| row.0).collect())),
        ("g", ints(rows.iter().map(|row| row.1).collect())),
        ("x", ints(rows.iter().map(|row| row.2).collect())),
        ("own", own),
    ])
    .unwrap();
    let parts = (0..all.num_rows()).step_by(batch);
    let parts = parts.map(|from| all.slice(from, batch.min(all.num_rows() - from))).collect();
    let groups = RecordBatch::try_from_iter([("id", ints(vec![1, 2, 3]))]).unwrap();
    let config = SessionConfig::new().with_target_partitions(4).with_batch_size(batch);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("t", parts)
        .batches("u", vec![groups])
        .session_state(state)
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ed").group("some").build().unwrap())
}

#[tokio::test]
async fn l1_whether_a_calculation_fails_does_not_go_by_batches() {
    let mut wrong = Vec::new();
    for (hidden, at, batch) in
        [(0, 0, 8_192), (20_000, 2_000, 8_192), (5_000, 500, 1_000), (300, 7_000, 64), (0, 0, 500)]
    {
        let session = asker(hidden, at, batch).await;
        for (question, expected) in ASKED {
            let found = match collected(&session, question).await {
                Ok(answer) => {
                    let text = answer.to_csv().unwrap();
                    let rows: Vec<&str> = text.lines().skip(1).collect();
                    rows.join("\n")
                }
                Err(error) => told(&error),
            };
            if found != expected {
                wrong.push(format!("{hidden} at {at} by {batch}: {question}\n  {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Of two failures the one that is met first is not told.
#[tokio::test]
async fn l1_which_calculation_fails_first_is_not_told() {
    let question = r#"{"table":"t","calculated":{"a":"div(10, x)","b":"id * 9000000000000000"},"fields":["id","a","b"]}"#;
    let mut told = Vec::new();
    for (hidden, at, batch) in [(0, 0, 8_192), (20_000, 2_000, 8_192), (300, 1_030, 64)] {
        let session = asker(hidden, at, batch).await;
        let answer = session.query_json(question).await.unwrap().collect().await;
        told.push(answer.unwrap_err().to_string());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("too large or divided by zero"), "{told:?}");
}

/// Which of two tables is read first, and whether the other one is read, goes by what is known of
/// how many rows they have.
#[tokio::test]
async fn l1_rows_that_are_hidden_do_not_decide_whether_others_are_read() {
    let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let model = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, x: {}, u_id: {}, per: { expr: 'div(10, x)' } }
  u:
    primary_key: [id]
    fields: { id: {}, y: {}, own: {} }
    relationships: { ts: { to: t, on: { id: u_id }, cardinality: one_to_many } }
";
    let policies = "
groups: { some: {} }
policies:
  t: { groups: [some], grant: { tables: [t] } }
  u: { groups: [some], grant: { tables: [u], rows: own } }
";
    let mut told = Vec::new();
    for hidden in [0, 20, 200, 4_000] {
        let t = RecordBatch::try_from_iter([
            ("id", ints((0..100).collect())),
            ("x", ints((0..100).map(|id| i64::from(id % 50 != 49)).collect())),
            ("u_id", ints((0..100).map(|id| id % 10).collect())),
        ])
        .unwrap();
        let own: ArrayRef = Arc::new(BooleanArray::from_iter((0..=hidden).map(|n| Some(n == 0))));
        let u = RecordBatch::try_from_iter([
            ("id", ints((0..=hidden).collect())),
            ("y", ints((0..=hidden).map(|n| if n == 0 { 0 } else { 9 }).collect())),
            ("own", own),
        ])
        .unwrap();
        let engine = Engine::builder()
            .model("model.yaml", model)
            .policies("policies.yaml", policies)
            .batches("t", vec![t])
            .batches("u", vec![u])
            .build()
            .await
            .unwrap();
        let ed = Principal::asserted_by_host("ed").group("some").build().unwrap();
        let question = r#"{"table":"u","fields":["id"],"filter":{"and":[{"field":"y","value":77},{"exists":"ts","filter":{"field":"per","op":">","value":1}}]}}"#;
        let answer = engine.session(ed).query_json(question).await.unwrap().collect().await;
        told.push(match answer {
            Ok(answer) => answer.to_csv().unwrap(),
            Err(error) => told_of(&error),
        });
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

fn told_of(error: &sandbar::Error) -> String {
    format!("{} {error}", error.code())
}

/// Where it fails for a row that is seen, it fails however that row comes.
#[tokio::test]
async fn l1_a_calculation_that_fails_does_so_in_any_batch() {
    let question = r#"{"table":"t","aggregations":["count"],"filter":{"or":[{"field":"g","op":"!=","value":2},{"field":"per","op":">","value":-5}]}}"#;
    for (hidden, at, batch) in [(0, 0, 8_192), (20_000, 2_000, 8_192), (300, 7_000, 64)] {
        let session = asker(hidden, at, batch).await;
        let answer = session.query_json(question).await.unwrap().collect().await;
        assert_eq!(answer.unwrap_err().code(), "E0304", "{hidden} at {at} by {batch}");
    }
}

#[tokio::test]
async fn l32_the_batches_of_an_answer_are_as_large_whatever_is_hidden() {
    let mut askers = Vec::new();
    for (hidden, at) in [(0, 0), (100_000, 0), (100_000, 4_000), (100_000, SEEN)] {
        askers.push(asker(hidden, at, 1_000).await);
    }
    for question in [
        r#"{"table":"t","fields":["id","x"]}"#,
        r#"{"table":"t","fields":["id"],"order_by":[{"field":"x","order":"desc"}]}"#,
        r#"{"table":"t","fields":["id","of.id"],"limit":7000}"#,
        r#"{"table":"t","fields":["id"],"filter":{"field":"g","value":2}}"#,
        r#"{"table":"t","group_by":["id"],"aggregations":["count"]}"#,
    ] {
        let mut sizes = Vec::new();
        for session in &askers {
            let mut answer = session.query_json(question).await.unwrap();
            let mut found = Vec::new();
            while let Some(batch) = answer.next().await {
                found.push(batch.unwrap().num_rows());
            }
            sizes.push(found);
        }
        let same = sizes.iter().all(|found| *found == sizes[0]);
        assert!(same && sizes[0].len() > 6, "{question}: {sizes:?}");
    }
}
