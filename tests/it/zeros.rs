//! Doubles have two zeros, which are equal: in conditions, groups and counts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch};
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
