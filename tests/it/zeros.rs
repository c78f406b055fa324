//! Doubles have two zeros, which are equal, and many values that are not a number, which are one: in
//! conditions, groups, orders and counts.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionConfig;
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, x: {}, y: {}, rounded: { expr: round(x) } }
    segments: { nothing: { where: x = 0 } }
    measures: { different: { expr: count(distinct x) } }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t] } } }
";

async fn session() -> Session {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
        (
            "x",
            Arc::new(Float64Array::from(vec![Some(-0.0), Some(0.0), Some(-0.4), None, Some(1.0)])),
        ),
        (
            "y",
            Arc::new(Float32Array::from(vec![Some(-0.0), Some(0.0), Some(1.5), None, Some(1.5)])),
        ),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine = builder.batches("t", vec![rows]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

async fn rows(session: &Session, question: &str) -> String {
    let answer = session.query_json(question).await.unwrap();
    let csv = answer.collect().await.unwrap().to_csv().unwrap();
    csv.split_once('\n').unwrap().1.to_owned()
}

#[tokio::test]
async fn both_zeros_are_equal_in_conditions() {
    let session = session().await;
    for (condition, ids) in [
        (r#"{"field":"x","value":0}"#, "1\n2\n"),
        (r#"{"field":"x","op":"in","values":[0,7]}"#, "1\n2\n"),
        (r#"{"field":"x","op":"!=","value":0}"#, "3\n4\n5\n"),
        (r#"{"field":"x","op":"<","value":0}"#, "3\n"),
        (r#"{"field":"x","op":"<=","value":0}"#, "1\n2\n3\n"),
        (r#"{"field":"x","op":">","value":0}"#, "5\n"),
        (r#"{"field":"x","op":">=","value":0}"#, "1\n2\n5\n"),
        (r#"{"field":"x","op":"between","values":[0,1]}"#, "1\n2\n5\n"),
        (r#"{"field":"rounded","value":0}"#, "1\n2\n3\n"),
        (r#"{"segment":"nothing"}"#, "1\n2\n"),
    ] {
        let question = format!(r#"{{"table":"t","fields":["id"],"filter":{condition}}}"#);
        assert_eq!(rows(&session, &question).await, ids, "{condition}");
    }
}

#[tokio::test]
async fn both_zeros_are_one_group_and_one_value() {
    let session = session().await;
    let groups =
        |of: &str| format!(r#"{{"table":"t","group_by":["{of}"],"aggregations":["count"]}}"#);
    assert_eq!(rows(&session, &groups("x")).await, "-0.4,1\n0.0,2\n1.0,1\n,1\n");
    assert_eq!(rows(&session, &groups("y")).await, "0.0,2\n1.5,2\n,1\n");
    assert_eq!(rows(&session, &groups("rounded")).await, "0.0,3\n1.0,1\n,1\n");
    let again =
        r#"{"from":{"table":"t","fields":["x"]},"group_by":["x"],"aggregations":["count"]}"#;
    assert_eq!(rows(&session, again).await, "-0.4,1\n0.0,2\n1.0,1\n,1\n");
    let counts = r#"{"table":"t","measures":["different"],"aggregations":[
        {"function":"count_distinct","field":"y"},{"function":"approx_distinct","field":"x"}]}"#;
    assert_eq!(rows(&session, counts).await, "3,2,3\n");
}

/// A NaN as the processor makes it of `inf - inf`: with a sign.
fn signed_nan() -> f64 {
    f64::from_bits(f64::NAN.to_bits() | 1 << 63)
}

const NUMBERS: &str = "
tables:
  numbers:
    primary_key: [id]
    fields:
      id: {}
      k: {}
      x: {}
      larger: { expr: 'greatest(x, 0)' }
      smaller: { expr: 'least(x, 0)' }
      below: { expr: 'x < x + 1' }
      listed: { expr: 'x in (0, 2, 3, 4, 5, 6)' }
";

/// Numbers in two groups, one in the order of the other turned round, as they are stored in a type.
async fn numbers(stored: &DataType) -> Session {
    let half = [Some(f64::NAN), Some(-1.0), None, Some(-0.0), Some(signed_nan()), Some(3.0)];
    let x = Float64Array::from_iter(half.into_iter().chain(half.into_iter().rev()));
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..12)), false),
        ("k", Arc::new(Int64Array::from_iter_values((0..12).map(|id| id / 6))), false),
        ("x", cast(&x, stored).unwrap(), true),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let policies = POLICIES.replace("[t]", "[numbers]");
    let builder =
        Engine::builder().model("numbers.yaml", NUMBERS).policies("policies.yaml", &policies);
    // One row at a time, over two partitions.
    let config = SessionConfig::new().with_target_partitions(2).with_batch_size(1);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let engine = builder.batches("numbers", vec![rows]).session_state(state).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

fn stored_types() -> [DataType; 4] {
    let words = |value| DataType::Dictionary(Box::new(DataType::Int32), Box::new(value));
    [DataType::Float64, DataType::Float32, words(DataType::Float64), words(DataType::Float32)]
}

/// DataFusion looks more than three values up by their bits (apache/datafusion#25186).
#[tokio::test]
async fn a_long_list_has_both_zeros() {
    let list = "[0,2,4,5,6,7,8]";
    for stored in stored_types() {
        let session = numbers(&stored).await;
        let one = |value: u8| format!(r#"{{"field":"x","value":{value}}}"#);
        let any = format!(r#"{{"or":[{},{},{},{}]}}"#, one(0), one(2), one(4), one(5));
        for (condition, ids) in [
            (format!(r#"{{"field":"x","op":"in","values":{list}}}"#), "3\n8\n"),
            (
                format!(r#"{{"field":"x","op":"not_in","values":{list}}}"#),
                "0\n1\n2\n4\n5\n6\n7\n9\n10\n11\n",
            ),
            (
                format!(r#"{{"not":{{"field":"x","op":"in","values":{list}}}}}"#),
                "0\n1\n4\n5\n6\n7\n10\n11\n",
            ),
            (any, "3\n8\n"),
            (r#"{"field":"listed","value":true}"#.to_owned(), "3\n5\n6\n8\n"),
        ] {
            let question = format!(r#"{{"table":"numbers","fields":["id"],"filter":{condition}}}"#);
            assert_eq!(rows(&session, &question).await, ids, "{stored} {condition}");
        }
    }
}

/// Whatever is not a number is one value, and greater than every number. DataFusion's extremes of
/// groups depend on the order of their rows (apache/datafusion#24432).
#[tokio::test]
async fn what_is_no_number_is_one_value_above_all() {
    for stored in stored_types() {
        let session = numbers(&stored).await;
        for (question, expected) in [
            (
                r#"{"table":"numbers","group_by":["x"],"aggregations":["count"]}"#,
                "-1.0,2\n0.0,2\n3.0,2\nNaN,4\n,2\n",
            ),
            (
                r#"{"table":"numbers","group_by":["k"],"aggregations":[{"function":"min","field":"x"},
                    {"function":"max","field":"x"},{"function":"count_distinct","field":"x"},
                    {"function":"approx_distinct","field":"x"}]}"#,
                "0,-1.0,NaN,4,4\n1,-1.0,NaN,4,4\n",
            ),
            (
                r#"{"table":"numbers","aggregations":[{"function":"min","field":"x"},
                    {"function":"max","field":"x"}]}"#,
                "-1.0,NaN\n",
            ),
            (
                r#"{"table":"numbers","group_by":["k"],"filter":{"field":"x","op":"<","value":1},
                    "aggregations":[{"function":"max","field":"x"}]}"#,
                "0,0.0\n1,0.0\n",
            ),
            (
                r#"{"table":"numbers","fields":["id"],"order_by":["x"],"filter":{"field":"k","value":0}}"#,
                "1\n3\n5\n0\n4\n2\n",
            ),
            (
                r#"{"table":"numbers","fields":["larger","smaller","below"],
                    "filter":{"field":"k","value":0}}"#,
                "NaN,0.0,false\n0.0,-1.0,true\n0.0,0.0,\n0.0,0.0,true\nNaN,0.0,false\n3.0,0.0,true\n",
            ),
            (
                r#"{"table":"numbers","fields":["id"],"filter":{"field":"x","op":">","value":2}}"#,
                "0\n4\n5\n6\n7\n11\n",
            ),
        ] {
            assert_eq!(rows(&session, question).await, expected, "{stored} {question}");
        }
    }
}

/// What a file says of the values in it, it says of their bits.
#[tokio::test]
async fn a_zero_is_found_by_the_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let properties = WriterProperties::builder().set_bloom_filter_enabled(true).build();
    for (file, zero) in [-0.0, 0.0].into_iter().enumerate() {
        let first = i64::try_from(file).unwrap() * 2;
        let x = [zero, f64::NAN];
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from(vec![first, first + 1]))),
            ("x", Arc::new(Float64Array::from(x.to_vec()))),
            ("y", cast(&Float64Array::from(x.to_vec()), &DataType::Float32).unwrap()),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let file = File::create(folder.path().join(format!("{file}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties.clone()));
        writer.as_mut().unwrap().write(&rows).unwrap();
        writer.unwrap().close().unwrap();
    }
    let sources = "sources: { t: { format: parquet, path: '.' } }";
    let builder = Engine::builder().model("sources.yaml", sources).base_dir(folder.path());
    let builder = builder.model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let principal = Principal::asserted_by_host("ana").group("everyone").build().unwrap();
    let session = builder.build().await.unwrap().session(principal);
    for field in ["x", "y"] {
        for (condition, ids) in [
            (r#""value":0"#, "0\n2\n"),
            (r#""op":"in","values":[0,9]"#, "0\n2\n"),
            (r#""op":"in","values":[0,9,8,7,6]"#, "0\n2\n"),
            (r#""op":"!=","value":0"#, "1\n3\n"),
            (r#""op":"not_in","values":[0,9,8,7,6]"#, "1\n3\n"),
        ] {
            let filter = format!(r#"{{"field":"{field}",{condition}}}"#);
            let question = format!(r#"{{"table":"t","fields":["id"],"filter":{filter}}}"#);
            assert_eq!(rows(&session, &question).await, ids, "{filter}");
        }
    }
}

const KEYED: &str = "
tables:
  sales:
    fields: { place: {}, amount: {} }
    relationships: { at: { to: places, on: { place: id }, cardinality: many_to_one } }
  places:
    primary_key: [id]
    fields: { id: {}, name: {} }
    relationships: { sold: { to: sales, on: { id: place }, cardinality: one_to_many } }
";

const KEYED_POLICIES: &str = "
groups: { everyone: {}, one: {} }
policies:
  all: { groups: [everyone], grant: { tables: [sales, places] } }
  places: { groups: [one], grant: { tables: [places] } }
  sales: { groups: [one], grant: { tables: [sales], rows: at.name = 'a' } }
";

/// Sales at the place -0.0, at 0.0, at 1.0 and at a number that is none with a sign.
async fn keyed(ids: Vec<f64>, group: &str) -> Session {
    let names = ["a", "b", "c"].into_iter().take(ids.len());
    let names = StringArray::from_iter_values(names);
    let places: [(&str, ArrayRef); 2] =
        [("id", Arc::new(Float64Array::from(ids))), ("name", Arc::new(names))];
    let sales: [(&str, ArrayRef); 2] = [
        ("place", Arc::new(Float64Array::from(vec![-0.0, 0.0, 1.0, -f64::NAN]))),
        ("amount", Arc::new(Int64Array::from(vec![1, 2, 4, 8]))),
    ];
    let engine = Engine::builder()
        .model("model.yaml", KEYED)
        .policies("policies.yaml", KEYED_POLICIES)
        .batches("places", vec![RecordBatch::try_from_iter(places).unwrap()])
        .batches("sales", vec![RecordBatch::try_from_iter(sales).unwrap()])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ana").group(group).build().unwrap())
}

const SUM: &str = r#"[{"function":"sum","field":"amount","as":"v"}]"#;

#[tokio::test]
async fn keys_that_are_equal_belong_together() {
    let by_place = format!(r#"{{"table":"sales","group_by":["at.name"],"aggregations":{SUM}}}"#);
    let all = keyed(vec![0.0, 1.0, f64::NAN], "everyone").await;
    assert_eq!(rows(&all, &by_place).await, "a,3\nb,4\nc,8\n");
    let sold = r#"{"table":"places","fields":["name"],"filter":{"exists":"sold"}}"#;
    assert_eq!(rows(&all, sold).await, "a\nb\nc\n");
    // A policy goes by the same keys.
    let one = keyed(vec![0.0, 1.0, f64::NAN], "one").await;
    assert_eq!(rows(&one, &by_place).await, "a,3\n");
}

#[tokio::test]
async fn both_zeros_are_one_key_that_stands_twice() {
    let session = keyed(vec![0.0, -0.0], "everyone").await;
    let by_place = format!(r#"{{"table":"sales","group_by":["at.name"],"aggregations":{SUM}}}"#);
    let answer = session.query_json(&by_place).await;
    assert_eq!(answer.err().map(|error| error.code()), Some("E0306"));
}
