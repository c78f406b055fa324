//! L1, L2: batches without rows. Of a batch all of whose rows a policy takes away nothing may be
//! left over: a calculation that fails on constants would fail of it, although no row asks for it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use sandbar::{Engine, EngineBuilder};

use super::definer::{check, session};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, kind: {}, size: {} }
    relationships:
      part: { to: parts, on: { size: size }, cardinality: many_to_one }
  parts: { primary_key: [size], fields: { size: {}, open: {} } }
";

const POLICIES: &str = "
groups: { own: {}, among: {}, not_among: {}, related: {}, all: {} }
policies:
  parts: { groups: [related, all], grant: { tables: [parts] } }
  own: { groups: [own], grant: { tables: [orders], rows: size = 1 } }
  among: { groups: [among], grant: { tables: [orders], rows: size in (select size from parts where open = 1) } }
  not_among: { groups: [not_among], grant: { tables: [orders], rows: size not in (select size from parts where open = 0 and size is not null) } }
  related: { groups: [related], grant: { tables: [orders], rows: part.open = 1 } }
  all: { groups: [all], grant: { tables: [orders] } }
";

/// Questions about the one order that all of them see, and their answers by hand: no kind of it
/// begins with an `s`, so that nothing is divided by zero.
const ASKED: [(&str, &str); 9] = [
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else 7 end"},"aggregations":[{"function":"sum","field":"c"}]}"#,
        "7",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else id end"},"aggregations":[{"function":"median","field":"c"}]}"#,
        "10.0",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else 7 end"},"group_by":["c"],"aggregations":["count"]}"#,
        "7,1",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else 7 end"},"fields":["id","c"]}"#,
        "10,7",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then 9223372036854775807 + 1 else 7 end"},"filter":{"field":"c","op":">","value":5},"aggregations":["count"]}"#,
        "1",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else 7 end"},"aggregations":[{"function":"count","filter":{"field":"c","value":7}}]}"#,
        "1",
    ),
    // Of a batch no row may be left by the filter of an aggregation either.
    (
        r#"{"table":"orders","calculated":{"c":"case when kind like 's%' then div(1, 0) else 7 end"},"aggregations":[{"function":"median","field":"c","filter":{"field":"id","value":99}},"count"]}"#,
        ",1",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"div(1, id - 10)"},"aggregations":[{"function":"sum","field":"c","filter":{"field":"id","op":"!=","value":10}},"count"]}"#,
        ",1",
    ),
    (
        r#"{"table":"orders","calculated":{"c":"div(1, id - 10)"},"group_by":["kind"],"aggregations":[{"function":"sum","field":"c","filter":{"field":"id","op":"!=","value":10}},"count"]}"#,
        "a,,1",
    ),
];

fn orders(rows: &[(i64, &str, Option<i64>)]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("kind", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
        ("size", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn builder() -> EngineBuilder {
    let columns: [(&str, ArrayRef); 2] = [
        ("size", Arc::new(Int64Array::from(vec![1, 2]))),
        ("open", Arc::new(Int64Array::from(vec![1, 0]))),
    ];
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("parts", vec![RecordBatch::try_from_iter(columns).unwrap()])
}

async fn engine(batches: Vec<RecordBatch>) -> Engine {
    builder().batches("orders", batches).build().await.unwrap()
}

#[tokio::test]
async fn l1_l2_hidden_rows_leave_no_batch_without_rows() {
    let seen = || orders(&[(10, "a", Some(1))]);
    for hidden in [None, Some(2)] {
        // Each batch has one row, so that all rows of a batch can be hidden.
        let apart = engine(vec![orders(&[(9, "b", hidden)]), seen(), orders(&[(11, "c", hidden)])]);
        let (apart, without) = (apart.await, engine(vec![seen()]).await);
        for group in ["own", "among", "not_among", "related"] {
            check(&session(&without, group), &ASKED).await;
            check(&session(&apart, group), &ASKED).await;
        }
    }
}

#[tokio::test]
async fn batches_of_the_host_without_rows_fail_nothing() {
    let batches = || vec![orders(&[]), orders(&[(10, "a", Some(1))]), orders(&[])];
    let schema = orders(&[]).schema();
    let provider = MemTable::try_new(schema, vec![batches(), vec![orders(&[])]]).unwrap();
    let provided = builder().table_provider("orders", Arc::new(provider)).build();
    for engine in [engine(batches()).await, provided.await.unwrap()] {
        for group in ["all", "own", "not_among"] {
            check(&session(&engine, group), &ASKED).await;
        }
    }
}
