//! Numbers in bins: the bounds of every type, what lies on a bound, below zero and at the end of a type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array, RecordBatch,
    UInt64Array,
};
use sandbar::query::{Aggregation, Bin, FieldAsk, SemanticQuery};
use sandbar::{Engine, Principal, Session};

use crate::percentiles::answer;

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields:
      id: {}
      whole: { unit: kg, semantic: quantity }
      small: {}
      unsigned: {}
      price: {}
      share: {}
      single: {}
      by_ten: { expr: \"bin(whole, 10, -3)\" }
  o:
    primary_key: [id]
    fields: { id: {}, t_id: {}, whole: { dimension: size }, price: {} }
    relationships: { of: { to: t, on: { t_id: id }, cardinality: many_to_one } }
metrics:
  rows: { table: t, expr: count(*) }
  each: { table: t, expr: sum(price), requires: [whole] }
  wide: { table: t, expr: \"count(*) filter (where bin(share, 0.5) = 0.5)\" }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies:
  all: { groups: [everyone], grant: { tables: [t, o] } }
";

fn decimals(digits: &[Option<i128>]) -> ArrayRef {
    let digits = Decimal128Array::from(digits.to_vec());
    Arc::new(digits.with_precision_and_scale(4, 2).unwrap())
}

async fn session() -> Session {
    let whole = vec![Some(0), Some(49), Some(50), Some(-1), Some(-50), None];
    let share = vec![Some(0.3), Some(-0.05), Some(f64::NAN), Some(f64::INFINITY), Some(0.7), None];
    let price = [Some(1_000), Some(1_999), Some(-1), Some(-2_000), Some(0), None];
    let columns: [(&str, ArrayRef, bool); 7] = [
        ("id", Arc::new(Int64Array::from_iter_values(1..=6)), true),
        ("whole", Arc::new(Int64Array::from(whole.clone())), true),
        ("small", Arc::new(Int8Array::from(vec![127, -128, 0, 99, 100, -100])), true),
        ("unsigned", Arc::new(UInt64Array::from(vec![0, 1, 49, 50, 51, 100])), true),
        ("price", decimals(&price), true),
        ("share", Arc::new(Float64Array::from(share)), true),
        ("single", Arc::new(Float32Array::from(vec![0.5, 0.25, -0.25, 1.0, 1.5, 2.0])), true),
    ];
    let t = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(1..=3)), true),
        ("t_id", Arc::new(Int64Array::from(vec![Some(1), Some(3), None])), true),
        ("whole", Arc::new(Int64Array::from(vec![i64::MIN, 5, 6])), true),
        ("price", decimals(&[Some(-9_999), Some(0), Some(0)]), true),
    ];
    let o = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let builder = builder.batches("t", vec![t]).batches("o", vec![o]);
    let engine = builder.build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

/// Groups a field of `t` by bins and counts; a line for each group.
async fn check(field: &str, bin: &str, expected: &[&str]) {
    let question = format!(
        r#"{{"table":"t","group_by":[{{"field":"{field}","bin":{bin},"as":"b"}}],
            "aggregations":["count"]}}"#
    );
    let found = answer(&session().await, &question).await.unwrap();
    let lines: Vec<&str> = found.lines().skip(1).collect();
    assert_eq!(lines, expected, "{field} {bin}");
}

#[tokio::test]
async fn whole_numbers_lie_in_the_bin_that_starts_with_or_before_them() {
    check("whole", r#"{"width":50}"#, &["-50,2", "0,2", "50,1", ",1"]).await;
    check("whole", r#"{"width":50,"start":-1}"#, &["-51,1", "-1,2", "49,2", ",1"]).await;
    check("whole", r#"{"width":50.0,"start":99}"#, &["-51,1", "-1,2", "49,2", ",1"]).await;
    // Four bins of 25 from 0 up to 100, and others like them.
    check(
        "whole",
        r#"{"count":4,"min":0,"max":100}"#,
        &["-50,1", "-25,1", "0,1", "25,1", "50,1", ",1"],
    )
    .await;
    check("small", r#"{"width":100}"#, &["-200,1", "-100,1", "0,2", "100,2"]).await;
    check("unsigned", r#"{"width":50}"#, &["0,3", "50,2", "100,1"]).await;
}

#[tokio::test]
async fn decimals_keep_their_scale() {
    check("price", r#"{"width":10}"#, &["-20.00,1", "-10.00,1", "0.00,1", "10.00,2", ",1"]).await;
    check(
        "price",
        r#"{"width":0.01,"start":5}"#,
        &["-20.00,1", "-0.01,1", "0.00,1", "10.00,1", "19.99,1", ",1"],
    )
    .await;
    check(
        "price",
        r#"{"count":8,"min":0,"max":2}"#,
        &["-20.00,1", "-0.25,1", "0.00,1", "10.00,1", "19.75,1", ",1"],
    )
    .await;
}

#[tokio::test]
async fn doubles_have_the_bounds_that_were_written() {
    check("share", r#"{"width":0.1}"#, &["-0.1,1", "0.3,1", "0.7,1", "inf,1", "NaN,1", ",1"]).await;
    check(
        "share",
        r#"{"count":3,"min":0,"max":1}"#,
        &["-0.3333333333333333,1", "0.0,1", "0.6666666666666666,1", "inf,1", "NaN,1", ",1"],
    )
    .await;
    check("single", r#"{"width":0.5}"#, &["-0.5,1", "0.0,1", "0.5,1", "1.0,1", "1.5,1", "2.0,1"])
        .await;
    let session = session().await;
    assert_eq!(answer(&session, r#"{"metrics":["wide"]}"#).await.unwrap(), "wide\n1\n");
}

#[tokio::test]
async fn the_bin_of_the_least_value_of_a_type_starts_with_it() {
    let session = session().await;
    let of = |field: &str, width: &str| {
        format!(
            r#"{{"table":"o","fields":["id",{{"field":"{field}","bin":{{"width":{width}}}}}]}}"#
        )
    };
    // No whole number lies between -9223372036854775850 and the least one; 8 divides that.
    for width in ["50", "8", "1000000000000000000"] {
        let found = answer(&session, &of("whole", width)).await.unwrap();
        assert_eq!(found, "id,whole\n1,-9223372036854775808\n2,0\n3,0\n", "{width}");
    }
    // -100.00 has five digits.
    for width in ["50", "11.11", "9999999999"] {
        let found = answer(&session, &of("price", width)).await.unwrap();
        assert_eq!(found, "id,price\n1,-99.99\n2,0.00\n3,0.00\n", "{width}");
    }
}

#[tokio::test]
async fn bins_stand_wherever_fields_are_grouped_by_or_listed() {
    let session = session().await;
    // In a calculated field, and behind a relationship with and without a partner.
    let question = r#"{"table":"o","fields":["id","of.by_ten",
        {"field":"of.whole","bin":{"width":20},"as":"by_20"}]}"#;
    let found = answer(&session, question).await.unwrap();
    assert_eq!(found, "id,of.by_ten,by_20\n1,-3,0\n2,47,40\n3,,\n");
    // Two bins of one field, totals of the one that is left, ordered by a bin.
    let question = r#"{"metrics":["rows"],"group_by":[
        {"field":"whole","bin":{"width":100},"as":"wide"},
        {"field":"whole","bin":{"width":50},"as":"narrow"}],"totals":[["wide"],[]],
        "order_by":[{"field":"narrow","order":"desc"}],
        "having":{"field":"narrow","op":"not_null"}}"#;
    let expected = "wide,narrow,rows,totals\n0,50,1,0\n0,0,2,0\n-100,-50,2,0\n\
                    -100,,2,1\n0,,3,1\n,,1,1\n,,6,2\n";
    assert_eq!(answer(&session, question).await.unwrap(), expected);
    // Of an answer: how many groups have how many rows.
    let question = r#"{"from":{"metrics":["rows"],"group_by":[{"field":"whole","bin":{"width":50}}]},
        "group_by":[{"field":"rows","bin":{"width":2}}],
        "aggregations":[{"function":"count","as":"groups"}]}"#;
    assert_eq!(answer(&session, question).await.unwrap(), "rows,groups\n0,2\n2,2\n");
}

#[tokio::test]
async fn a_bin_is_not_the_field_itself() {
    let session = session().await;
    // Ordered by the field, which the list does not show.
    let question = r#"{"table":"t","fields":["id",{"field":"whole","bin":{"width":100},"as":"b"}],
        "order_by":[{"field":"whole","order":"desc"}]}"#;
    let expected = "id,b\n3,0\n2,0\n1,0\n4,-100\n5,-100\n6,\n";
    assert_eq!(answer(&session, question).await.unwrap(), expected);
    // Numbers that want to be told apart by the field are added up in its bins.
    let question = r#"{"metrics":["each"],"group_by":[{"field":"whole","bin":{"width":1}}]}"#;
    assert_eq!(answer(&session, question).await.unwrap_err(), "Q0150");
}

#[tokio::test]
async fn a_bin_is_in_the_unit_of_its_field() {
    let query = SemanticQuery::table("t")
        .group_by_bin("whole", Bin::width(50).start(10))
        .group_by_bin("price", Bin::count(4, 0, 100))
        .aggregate(Aggregation::new("count"));
    let written = r#"{"table":"t","group_by":[{"field":"whole","bin":{"width":50,"start":10}},
        {"field":"price","bin":{"count":4,"min":0,"max":100}}],"aggregations":["count"]}"#;
    let read = SemanticQuery::from_json(written).unwrap();
    assert_eq!(serde_json::to_value(&query).unwrap(), serde_json::to_value(&read).unwrap());
    let answer = session().await.query(&query).await.unwrap();
    let [whole, price, _] = answer.columns() else { panic!("three columns") };
    assert_eq!((whole.unit.as_deref(), whole.semantic), (Some("kg"), None));
    assert_eq!(
        (whole.data_type.to_string(), price.data_type.to_string()),
        ("integer".to_owned(), "decimal(4,2)".to_owned())
    );
    let field = FieldAsk::new("whole").bin(Bin::width(2.5));
    assert_eq!(
        serde_json::to_value(&field).unwrap(),
        serde_json::json!({"field": "whole", "bin": {"width": 2.5}})
    );
}
