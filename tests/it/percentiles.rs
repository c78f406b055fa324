//! Percentiles and approximate counts of distinct values, with numbers that were worked out by hand.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::Int32Type;
use sandbar::query::{Aggregation, SemanticQuery};
use sandbar::{Engine, Principal, Session, Warning};
use sandbar_testkit::collected;

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    time: day
    fields: { id: {}, cat: {}, size: { unit: kg }, price: {}, ratio: {}, day: {}, word: {}, flag: {} }
    measures:
      p90: { expr: \"percentile(price, 0.9)\" }
    relationships: { u: { to: u, on: { id: id }, cardinality: many_to_one } }
  u:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {} }
metrics:
  middle: { table: t, expr: \"percentile_disc(size, 0.5)\" }
  spread: { table: t, expr: \"percentile(size, 0.75) - percentile(size, 0.25)\" }
  middle_so_far: { cumulative: { metric: middle } }
  words: { table: t, expr: approx_distinct(word) }
  words_so_far: { cumulative: { metric: words } }
  late: { table: u, expr: count(*) }
  per_word: { ratio: { numerator: late, denominator: words } }
";

const POLICIES: &str = "
groups: { everyone: {}, half: {} }
policies:
  all: { groups: [everyone], grant: { tables: [t, u] } }
  half: { groups: [half], grant: { tables: [t, u], rows: 'id in (2, 4, 6)' } }
";

/// The lines of an answer, or the code that refuses the question.
pub(crate) async fn answer(session: &Session, question: &str) -> Result<String, String> {
    match collected(session, question).await {
        Ok(collected) => Ok(collected.to_csv().unwrap()),
        Err(error) => Err(error.code().to_owned()),
    }
}

/// `a`: sizes 10, 20, 30, 40; `b`: 5 and nothing.
async fn engine() -> Engine {
    let price = Decimal128Array::from(vec![100, 250, 199, 1_000, 7, 7]);
    let word = ["x", "y", "x", "z", "x", "y"];
    let word: DictionaryArray<Int32Type> = word.into_iter().collect();
    let columns: [(&str, ArrayRef, bool); 8] = [
        ("id", Arc::new(Int64Array::from_iter_values(1..=6)), true),
        ("cat", Arc::new(StringArray::from(vec!["a", "a", "a", "a", "b", "b"])), true),
        (
            "size",
            Arc::new(Int64Array::from(vec![Some(40), Some(10), Some(30), Some(20), Some(5), None])),
            true,
        ),
        ("price", Arc::new(price.with_precision_and_scale(9, 2).unwrap()), true),
        ("ratio", Arc::new(Float64Array::from(vec![0.5, f64::NAN, 1.5, 0.5, -0.0, 2.5])), true),
        ("day", Arc::new(Date32Array::from(vec![0, 1, 2, 31, 40, 41])), true),
        ("word", Arc::new(word), true),
        ("flag", Arc::new(BooleanArray::from(vec![true, true, false, true, true, true])), true),
    ];
    let t = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])), true),
        ("day", Arc::new(Date32Array::from(vec![100, 31])), true),
    ];
    let u = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL);
    let builder = builder.policies("policies.yaml", POLICIES);
    builder.batches("t", vec![t]).batches("u", vec![u]).build().await.unwrap()
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("ana").group(group).build().unwrap())
}

async fn check(question: &str, expected: &str) {
    let found = answer(&session(&engine().await, "everyone"), question).await;
    assert_eq!(found.as_deref(), Ok(expected), "{question}");
}

#[tokio::test]
async fn percentiles_lie_between_two_values_or_are_one() {
    check(
        r#"{"table":"t","group_by":["cat"],"aggregations":[
            {"function":"percentile","field":"size","p":0.25,"as":"quarter"},
            {"function":"percentile","field":"size","p":0.5,"as":"half"},
            {"function":"median","field":"size"},
            {"function":"percentile","field":"size","p":0,"as":"first"},
            {"function":"percentile","field":"size","p":1,"as":"last"},
            {"function":"percentile_disc","field":"size","p":0.25,"as":"q"},
            {"function":"percentile_disc","field":"size","p":0.26,"as":"r"},
            {"function":"percentile_disc","field":"price","p":0.5,"as":"price"},
            {"function":"percentile_disc","field":"day","p":0.5,"as":"day"}]}"#,
        "cat,quarter,half,median_size,first,last,q,r,price,day\n\
         a,17.5,25.0,25.0,10.0,40.0,10,20,1.99,1970-01-02\n\
         b,5.0,5.0,5.0,5.0,5.0,5,5,0.07,1970-02-10\n",
    )
    .await;
    // 0.07, 0.07, 1.00, 1.99, 2.50, 10.00: half way from the fifth to the last.
    check(r#"{"table":"t","measures":["p90"]}"#, "p90\n6.25\n").await;
    check(r#"{"metrics":["spread","middle"]}"#, "spread,middle\n20.0,20\n").await;
}

#[tokio::test]
async fn a_percentile_of_nothing_is_missing_and_a_filter_is_its_own() {
    check(
        r#"{"table":"t","group_by":["cat"],"aggregations":[
            {"function":"percentile","field":"size","p":0.5,"as":"large",
                "filter":{"field":"size","op":">","value":5}},
            {"function":"percentile_disc","field":"size","p":0.5,"as":"small",
                "filter":{"field":"size","op":"<","value":0}},
            {"function":"approx_distinct","field":"word","as":"words",
                "filter":{"field":"size","op":">","value":5}}]}"#,
        "cat,large,small,words\na,25.0,,3\nb,,,0\n",
    )
    .await;
    check(
        r#"{"table":"t","aggregations":[{"function":"percentile","field":"size","p":0.9}],
            "filter":{"field":"id","value":99}}"#,
        "percentile_size\n\n",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_a_number_is_the_last_of_numbers() {
    check(
        r#"{"table":"t","aggregations":[
            {"function":"percentile","field":"ratio","p":0.2,"as":"a"},
            {"function":"percentile_disc","field":"ratio","p":0.8,"as":"b"},
            {"function":"percentile_disc","field":"ratio","p":1,"as":"c"}]}"#,
        "a,b,c\n0.5,2.5,NaN\n",
    )
    .await;
}

#[tokio::test]
async fn totals_and_periods_are_computed_from_rows() {
    // Of all five sizes the middle one is 20, and not the middle of 20 and 5.
    check(
        r#"{"metrics":["middle","words"],"group_by":["cat"],"totals":[[]]}"#,
        "cat,middle,words,totals\na,20,3,0\nb,5,2,0\n,20,3,1\n",
    )
    .await;
    // 10, 30, 40; then with 20; then with 5.
    check(
        r#"{"metrics":["middle_so_far","words_so_far"],
            "group_by":[{"field":"metric_time","grain":"month"}]}"#,
        "metric_time,middle_so_far,words_so_far\n1970-01-01,30,2\n1970-02-01,20,3\n",
    )
    .await;
    // Beside another table's groups a count of nothing is 0, and no percentile is there.
    check(
        r#"{"metrics":["late","words","middle","per_word"],
            "group_by":[{"field":"metric_time","grain":"month"}]}"#,
        "metric_time,late,words,middle,per_word\n1970-01-01,0,2,30,0.0\n\
         1970-02-01,1,3,5,0.3333333333333333\n1970-04-01,1,0,,\n",
    )
    .await;
    check(
        r#"{"from":{"metrics":["middle"],"group_by":[{"field":"metric_time","grain":"day","as":"d"}]},
            "aggregations":[{"function":"percentile","field":"middle","p":0.75,"as":"p"},
                {"function":"approx_distinct","field":"d","as":"days"}]}"#,
        "p,days\n30.0,6\n",
    )
    .await;
    check(
        r#"{"table":"t","aggregations":["count"],
            "filter":{"metric":"words","op":"=","value":1}}"#,
        "count\n6\n",
    )
    .await;
}

/// Whether an answer warns that something in it is approximate.
async fn check_approximate(question: &str, expected: bool) {
    let session = session(&engine().await, "everyone");
    let collected = session.query_json(question).await.unwrap().collect().await.unwrap();
    let warned = collected.warnings().contains(&Warning::Approximate);
    assert_eq!(warned, expected, "{question}");
    assert!(collected.warnings().iter().all(|w| w.code() == "W0003"));
}

#[tokio::test]
async fn w0003_what_is_approximate_says_so() {
    check_approximate(r#"{"metrics":["words"]}"#, true).await;
    check_approximate(r#"{"metrics":["per_word"],"group_by":["metric_time"]}"#, true).await;
    check_approximate(
        r#"{"from":{"metrics":["words"],"group_by":["cat"]},"aggregations":["count"]}"#,
        true,
    )
    .await;
    check_approximate(
        r#"{"from":{"table":"t","group_by":["cat"]},
            "aggregations":[{"function":"approx_distinct","field":"cat"}]}"#,
        true,
    )
    .await;
    check_approximate(
        r#"{"table":"t","fields":["id"],"filter":{"metric":"words","op":">","value":0}}"#,
        true,
    )
    .await;
    check_approximate(
        r#"{"table":"t","aggregations":["count",{"function":"count_distinct","field":"word"},
            {"function":"percentile","field":"size","p":0.5}]}"#,
        false,
    )
    .await;
}

#[tokio::test]
async fn every_type_that_can_be_grouped_is_counted() {
    let all = ["id", "cat", "price", "ratio", "day", "word", "flag"];
    let of = |f: &&str| format!(r#"{{"function":"approx_distinct","field":"{f}","as":"{f}"}}"#);
    let all: Vec<String> = all.iter().map(of).collect();
    let all = all.join(",");
    check(
        &format!(r#"{{"table":"t","aggregations":[{all}]}}"#),
        "id,cat,price,ratio,day,word,flag\n6,2,5,5,6,3,2\n",
    )
    .await;
    check(
        &format!(
            r#"{{"table":"t","group_by":[{{"field":"cat","as":"c"}}],"aggregations":[{all}]}}"#
        ),
        "c,id,cat,price,ratio,day,word,flag\na,4,1,4,3,4,3,2\nb,2,1,1,2,2,2,1\n",
    )
    .await;
}

#[tokio::test]
async fn l1_hidden_rows_count_for_nothing() {
    let engine = engine().await;
    let session = session(&engine, "half");
    let question = r#"{"table":"t","aggregations":[
        {"function":"percentile","field":"size","p":1,"as":"p"},
        {"function":"percentile_disc","field":"size","p":1,"as":"d"},
        {"function":"approx_distinct","field":"word","as":"w"}],"totals":[],"measures":["p90"]}"#;
    // Of 10 and 20; y, z and y; 0.07, 2.50 and 10.00.
    assert_eq!(answer(&session, question).await.unwrap(), "p90,p,d,w\n8.5,20.0,20,2\n");
}

#[tokio::test]
async fn many_values_are_counted_within_two_percent() {
    let (count, distinct) = (60_000_u32, 20_000_u32);
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(UInt32Array::from_iter_values(0..count))),
        ("n", Arc::new(UInt32Array::from_iter_values((0..count).map(|i| i % distinct)))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let engine = Engine::builder()
        .model("m.yaml", "tables: { t: { primary_key: [id], fields: { id: {}, n: {} } } }")
        .policies("p.yaml", &POLICIES.replace(", u]", "]"))
        .batches("t", (0..6).map(|i| rows.slice(i * 10_000, 10_000)).collect())
        .build()
        .await
        .unwrap();
    let query = SemanticQuery::table("t")
        .aggregate(Aggregation::of("approx_distinct", "n").alias("d"))
        .aggregate(Aggregation::of("percentile", "n").at(0.5).alias("p"));
    let collected = session(&engine, "everyone").query(&query).await.unwrap().collect().await;
    let found = collected.unwrap().to_csv().unwrap();
    let (approximate, middle) = found.lines().nth(1).unwrap().split_once(',').unwrap();
    let approximate: f64 = approximate.parse().unwrap();
    assert!((approximate / f64::from(distinct) - 1.0).abs() < 0.02, "{approximate}");
    // Each of 0 … 19999 three times.
    assert_eq!(middle, "9999.5");
}
