//! Infinite doubles keep their sign and what they are not, where numbers are put together by groups.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  a:
    primary_key: [id]
    time: at
    fields: { id: {}, k: { dimension: k }, x: {}, at: {} }
  b:
    primary_key: [id]
    time: at
    fields: { id: {}, k: { dimension: k }, at: {} }
metrics:
  rows: { table: a, expr: count(*) }
  total: { table: a, expr: sum(x) }
  mean: { table: a, expr: avg(x) }
  middle: { table: a, expr: median(x) }
  least: { table: a, expr: min(x) }
  others: { table: b, expr: count(*) }
  followed:
    conversion:
      base: rows
      conversion: others
      entity: { base: k, conversion: k }
      window: { count: 1, unit: day }
      gives: count
";

const POLICIES: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [a, b] } } }
";

const X: [(i64, Option<f64>); 11] = [
    (1, Some(f64::NEG_INFINITY)),
    (1, Some(1.0)),
    (2, Some(f64::INFINITY)),
    (2, Some(2.0)),
    (3, Some(f64::INFINITY)),
    (3, Some(f64::NEG_INFINITY)),
    (4, Some(f64::NAN)),
    (4, Some(1.0)),
    (5, Some(f64::NEG_INFINITY)),
    (5, None),
    (6, None),
];

async fn session(stored: &DataType) -> Session {
    let times = |count: i64, first: i64, apart: i64| -> ArrayRef {
        let times = (0..count).map(|row| (first + row * apart) * 1_000_000);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let numbers = |of: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(of)) };
    let x: ArrayRef = Arc::new(X.iter().map(|(_, x)| *x).collect::<Float64Array>());
    let columns = [
        ("id", numbers((1..=11).collect())),
        ("k", numbers(X.iter().map(|(k, _)| *k).collect())),
        ("x", cast(&x, stored).unwrap()),
        ("at", times(11, 0, 43_200)),
    ];
    let a = RecordBatch::try_from_iter(columns).unwrap();
    let k = numbers(vec![1, 1, 7]);
    let b = RecordBatch::try_from_iter([
        ("id", numbers(vec![1, 2, 3])),
        ("k", k),
        ("at", times(3, 60, 1)),
    ]);
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine =
        builder.batches("a", vec![a]).batches("b", vec![b.unwrap()]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

async fn check(asked: &[(&str, &str)]) {
    for stored in [DataType::Float64, DataType::Float32] {
        let session = session(&stored).await;
        for (question, expected) in asked {
            let answer =
                session.query_json(question).await.unwrap_or_else(|e| panic!("{question}: {e}"));
            let csv = answer.collect().await.unwrap().to_csv().unwrap();
            let rows = csv.split_once('\n').unwrap().1;
            assert_eq!(rows, *expected, "{stored} {question}");
        }
    }
}

/// By hand: an infinity and a number add up to it, both infinities to what is no number.
#[tokio::test]
async fn numbers_beside_those_of_other_tables_are_what_they_are_alone() {
    let alone = "1,-inf,-inf,-inf,-inf\n2,inf,inf,inf,2.0\n3,NaN,NaN,NaN,-inf\n4,NaN,NaN,NaN,1.0\n\
        5,-inf,-inf,-inf,-inf\n6,,,,\n";
    let beside = "1,-inf,-inf,-inf,-inf,2\n2,inf,inf,inf,2.0,0\n3,NaN,NaN,NaN,-inf,0\n\
        4,NaN,NaN,NaN,1.0,0\n5,-inf,-inf,-inf,-inf,0\n6,,,,,0\n7,,,,,1\n";
    check(&[
        (r#"{"metrics":["total","mean","middle","least"],"group_by":["k"]}"#, alone),
        (r#"{"metrics":["total","mean","middle","least","others"],"group_by":["k"]}"#, beside),
        (
            r#"{"metrics":["total","others"],"filter":{"field":"k","op":"in","values":[1,5]}}"#,
            "-inf,2\n",
        ),
    ])
    .await;
}

#[tokio::test]
async fn numbers_of_other_times_are_what_they_are_alone() {
    let question = r#"{"metrics":["total",
        {"name":"total","as":"before","offset":{"count":4,"unit":"day"}}],
        "group_by":[{"field":"metric_time","grain":"day"}],
        "filter":{"field":"k","op":"in","values":[1,5]}}"#;
    check(&[(question, "1970-01-01,-inf,\n1970-01-05,-inf,-inf\n")]).await;
}

/// An infinity over an infinity is no number, and a number over an infinity is nothing of it.
#[tokio::test]
async fn shares_of_infinities_are_no_numbers() {
    check(&[
        (
            r#"{"metrics":["total"],"group_by":["k"],"shares":["total"],
                "filter":{"field":"k","op":"in","values":[1,5]}}"#,
            "1,-inf,NaN\n5,-inf,NaN\n",
        ),
        (
            r#"{"metrics":["total"],"group_by":["id"],"shares":["total"],
                "filter":{"field":"k","value":1}}"#,
            "1,-inf,NaN\n2,1.0,-0.0\n",
        ),
        (
            r#"{"metrics":["total"],"group_by":["id"],"shares":["total"],
                "filter":{"field":"k","value":2}}"#,
            "3,inf,NaN\n4,2.0,0.0\n",
        ),
    ])
    .await;
}

/// The rows of the base are in the groups, with what follows each of them.
#[tokio::test]
async fn conversions_are_grouped_by_infinities() {
    check(&[(
        r#"{"metrics":["followed"],"group_by":["a.x"],"filter":{"field":"k","value":1}}"#,
        "-inf,2\n1.0,0\n",
    )])
    .await;
}
