//! Numbers of more digits than doubles keep, in YAML: queries of derived tables, what stands in
//! place of missing numbers, masks and cases of policies.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch};
use sandbar::{Administrator, Engine, PolicyCases, Principal, Session, SourceText};

use crate::percentiles::answer;

/// The nearest double of 12345678901234567.891 is 12345678901234568, and that of 10^20 + 1 is 10^20.
const MODEL: &str = "
tables:
  w: { primary_key: [id], fields: { id: {}, d: {}, nn: {} } }
  equal:
    query: { table: w, fields: [id], filter: { field: d, value: 12345678901234567.891 } }
    primary_key: [id]
    fields: { id: { type: integer } }
  up_to:
    query: { table: w, fields: [id], filter: &up_to { field: d, op: '<=', value: 12345678901234567.891 } }
    primary_key: [id]
    fields: { id: { type: integer } }
  beyond:
    query: { table: w, fields: [id], filter: { <<: *up_to, op: '>' } }
    primary_key: [id]
    fields: { id: { type: integer } }
  whole:
    query: { table: w, fields: [id], filter: { field: nn, value: 100000000000000000001 } }
    primary_key: [id]
    fields: { id: { type: integer } }
  listed:
    query: { table: w, fields: [id], filter: { field: nn, values: [+100000000000000000001, 5] } }
    primary_key: [id]
    fields: { id: { type: integer } }
metrics:
  second: { table: w, expr: max(d), filter: id = 2 }
  filled: { table: w, expr: sum(d), filter: id > 3, fill_nulls_with: 12345678901234567.891 }
";

const POLICIES: &str = "
groups: { everyone: {}, masked: {} }
policies:
  all: { groups: [everyone], grant: { tables: [w, equal, up_to, beyond, whole, listed] } }
  masked:
    groups: [masked]
    grant: { tables: [w], masks: { d: { constant: 12345678901234567.891 }, nn: { constant: 100000000000000000001 } } }
";

async fn engine() -> Engine {
    let decimals = |values: [i128; 3], precision, scale| -> ArrayRef {
        let values = Decimal128Array::from(values.to_vec());
        Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
    };
    let (long, twenty) = (12_345_678_901_234_567_890, 10_i128.pow(20));
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
        ("d", decimals([long, long + 1, long + 110], 30, 3)),
        ("nn", decimals([twenty, twenty + 1, 5], 38, 0)),
    ]);
    let engine = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    engine.batches("w", vec![rows.unwrap()]).build().await.unwrap()
}

async fn session(group: &str) -> Session {
    let asker = Principal::asserted_by_host("ana").group(group).build().unwrap();
    engine().await.session(asker)
}

#[tokio::test]
async fn a10_numbers_of_a_derived_table_keep_their_digits() {
    let session = session("everyone").await;
    for (table, ids) in [
        ("equal", "2\n"),
        ("up_to", "1\n2\n"),
        ("beyond", "3\n"),
        ("whole", "2\n"),
        ("listed", "2\n3\n"),
    ] {
        let question = format!(r#"{{"table":"{table}","fields":["id"]}}"#);
        assert_eq!(answer(&session, &question).await, Ok(format!("id\n{ids}")), "{table}");
    }
}

#[tokio::test]
async fn a10_what_fills_and_masks_keeps_its_digits() {
    let filled = answer(&session("everyone").await, r#"{"metrics":["filled"]}"#).await;
    assert_eq!(filled.as_deref(), Ok("filled\n12345678901234567.891\n"));
    let masked =
        answer(&session("masked").await, r#"{"table":"w","fields":["id","d","nn"]}"#).await;
    let row = "12345678901234567.891,100000000000000000001";
    assert_eq!(masked, Ok(format!("id,d,nn\n1,{row}\n2,{row}\n3,{row}\n")));
}

#[tokio::test]
async fn a10_numbers_of_cases_keep_their_digits() {
    let engine = engine().await;
    let administrator = Administrator::asserted_by_host();
    for (total, holds) in [
        ("12345678901234567.891", true),
        ("'12345678901234567.891'", true),
        ("12345678901234567.890", false),
        ("12345678901234567.892", false),
        // A double, and the whole number that it is.
        ("12345678901234567.891e0", false),
    ] {
        let text = format!(
            "cases: {{ one: {{ as: {{ groups: [everyone] }}, query: second, total: {total} }} }}"
        );
        let cases = PolicyCases::from_yaml([SourceText::new("cases.yaml", text)]);
        let report = engine.policy_test_as(&administrator, &cases).await.unwrap();
        assert_eq!(report.passed(), holds, "{report}");
    }
}
