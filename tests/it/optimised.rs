//! Questions whose numbers a rule of the optimiser would change: conditions moved below an
//! aggregation without keys, limits moved below windows, answers taken from statistics.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  t: { primary_key: [id], time: day, fields: { id: {}, cat: {}, size: {}, day: {} } }
metrics:
  rows: { table: t, expr: count(*) }
  latest:
    { table: t, expr: median(size), semi_additive: { over: day, pick: last, per: { fields: [cat] } } }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies:
  all: { groups: [everyone], grant: { tables: [t] } }
";

async fn session(cats: &[Option<&str>], sizes: Vec<i64>, days: Vec<Option<i32>>) -> Session {
    let ids: Vec<i64> = (1..).take(cats.len()).collect();
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(Int64Array::from(ids)), true),
        ("cat", Arc::new(StringArray::from(cats.to_vec())), true),
        ("size", Arc::new(Int64Array::from(sizes)), true),
        ("day", Arc::new(Date32Array::from(days)), true),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine = builder.batches("t", vec![rows]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

pub(crate) async fn answer(session: &Session, question: &str) -> String {
    let answer = session.query_json(question).await;
    let answer = answer
        .unwrap_or_else(|e| panic!("{question}: {e} {e:?} {:?}", std::error::Error::source(&e)));
    answer.collect().await.unwrap_or_else(|e| panic!("{question}: {e}")).to_csv().unwrap()
}

#[tokio::test]
async fn a_condition_on_a_total_stays_above_its_aggregation() {
    let one = session(&[Some("ab")], vec![1], vec![None]).await;
    let of_rows = r#""table":"t","aggregations":[{"function":"count","as":"n"}],
        "group_by":[{"field":"cat","as":"k"}],"totals":[[]]"#;
    // One group and one total over it.
    let groups = format!(
        r#"{{"from":{{{of_rows}}},"filter":{{"field":"totals","value":0}},"aggregations":["count"]}}"#
    );
    assert_eq!(answer(&one, &groups).await, "count\n1\n");
    let other = format!(r#"{{"from":{{{of_rows}}},"filter":{{"field":"k","value":"a"}}}}"#);
    assert_eq!(answer(&one, &other).await, "k,n,totals\n");
    let known = format!(r#"{{"from":{{{of_rows}}},"filter":{{"field":"k","op":"not_null"}}}}"#);
    assert_eq!(answer(&one, &known).await, "k,n,totals\nab,1,0\n");
    let shares = r#"{"from":{"metrics":["rows"],"shares":[{"of":"rows","as":"share"}]},
        "aggregations":[{"function":"count","field":"rows","as":"n"}]}"#;
    assert_eq!(answer(&one, shares).await, "n\n1\n");
}

#[tokio::test]
async fn a_limit_stays_above_the_whole_of_a_share() {
    let cats = [Some("a"), Some("ab%"), Some("a_b"), Some("b")];
    let days = vec![Some(19_762), Some(19_789), Some(19_759), None];
    let four = session(&cats, vec![1, -3, 5, -4], days).await;
    // The last day of each is its own; `b` has none. The median of 1, -3 and 5 is 1.
    let question = r#"{"metrics":["latest"],"group_by":["cat"],
        "shares":[{"of":"latest","as":"share"}],"limit":4}"#;
    let expected = "cat,latest,share\na,1.0,1.0\na_b,5.0,5.0\nab%,-3.0,-3.0\nb,,\n";
    assert_eq!(answer(&four, question).await, expected);
}

#[tokio::test]
async fn a_total_is_a_share_of_no_smaller_group() {
    let one = session(&[None], vec![1], vec![None]).await;
    let question = r#"{"metrics":["rows"],"group_by":[{"field":"cat","as":"k"},"size"],"totals":[[]],
        "shares":[{"of":"rows","within":["k"],"as":"share"}]}"#;
    let expected = "k,size,rows,share,totals\n,1,1,1.0,0\n,,1,,1\n";
    assert_eq!(answer(&one, question).await, expected);
}

#[tokio::test]
async fn nothing_is_counted_as_nothing() {
    let one = session(&[Some("ab")], vec![1], vec![None]).await;
    let question = r#"{"table":"t","aggregations":[{"function":"count_distinct","field":"cat","as":"n"}],
        "filter":{"field":"cat","value":"zz"}}"#;
    assert_eq!(answer(&one, question).await, "n\n0\n");
}

#[tokio::test]
async fn what_stands_for_a_missing_truth_value_is_a_key() {
    let model = "
tables:
  t: { primary_key: [id], time: day, fields: { id: {}, day: {}, flag: {}, size: {} } }
metrics:
  mean: { table: t, expr: avg(size) }
";
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, true),
        ("day", Arc::new(Date32Array::from(vec![0, 0, 730])), true),
        ("flag", Arc::new(BooleanArray::from(vec![None, Some(false), Some(true)])), true),
        ("size", Arc::new(Int64Array::from(vec![4, 6, 8])), true),
    ])
    .unwrap();
    for rows in [rows.slice(0, 0), rows] {
        let expected = match rows.num_rows() {
            0 => "day,known,before,mean\n",
            _ => {
                "day,known,before,mean\n1970-01-01,false,,6.0\n1970-01-01,true,,4.0\n\
                  1972-01-01,false,6.0,\n1972-01-01,true,4.0,8.0\n"
            }
        };
        let builder = Engine::builder().model("model.yaml", model);
        let builder = builder.policies("policies.yaml", POLICIES).batches("t", vec![rows]);
        let engine = builder.build().await.unwrap();
        let asker = Principal::asserted_by_host("ana").group("everyone").build().unwrap();
        let question = r#"{"calculated":{"known":"coalesce(flag, true)"},"metrics":[
            {"name":"mean","as":"before","offset":{"count":2,"unit":"year"}},"mean"],
            "group_by":[{"field":"metric_time","grain":"day","as":"day"},"known"]}"#;
        assert_eq!(answer(&engine.session(asker), question).await, expected);
    }
}

/// A column that a condition leaves one value of goes out of the sort of each partition, and was
/// missed where these are merged: rows by their keys, then by it.
#[tokio::test]
async fn rows_are_in_the_order_of_what_has_one_value_in_several_partitions() {
    let model = "
tables:
  t:
    primary_key: [id]
    validity: { from: since, to: till }
    time: day
    fields: { id: {}, since: {}, till: {}, day: {} }
    segments: { one: { where: 'id * (-2) + (0) = -2' } }
  u:
    primary_key: [id]
    fields: { id: {}, t_id: {} }
    relationships: { t: { to: t, on: { t_id: id }, cardinality: many_to_one } }
";
    let policies = "
groups: { everyone: {} }
policies:
  t: { groups: [everyone], grant: { tables: [t], rows: id <= 5 } }
  u: { groups: [everyone], grant: { tables: [u] } }
";
    let ints = |values: [i64; 3]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let days = |values: [i32; 3]| Arc::new(Date32Array::from(values.to_vec())) as ArrayRef;
    let t = [
        ("id", ints([1, 2, 3])),
        ("since", days([0, 0, 0])),
        ("till", days([9, 9, 9])),
        ("day", days([1, 1, 1])),
    ];
    let u = [("id", ints([1, 2, 3])), ("t_id", ints([1, 1, 2]))];
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(2);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let builder = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let builder = builder.session_state(state);
    let builder = builder.batches("t", vec![RecordBatch::try_from_iter(t).unwrap()]);
    let builder = builder.batches("u", vec![RecordBatch::try_from_iter(u).unwrap()]);
    let engine = builder.build().await.unwrap();
    let ana = Principal::asserted_by_host("ana").group("everyone").build().unwrap();
    let question = r#"{"table":"t","calculated":{"c":"id * (-2) + (0)"},
        "fields":[{"field":"c","bin":{"width":7.0},"as":"b"}],
        "filter":{"field":"u.id","op":"<=","value":2},"segments":["one"]}"#;
    assert_eq!(answer(&engine.session(ana), question).await, "b\n-7\n");
}

/// Where the condition is over what is joined, what says so was moved below the join, after the
/// rows had been sorted without it.
#[tokio::test]
async fn rows_are_in_the_order_of_what_has_one_value_behind_a_join() {
    let model = "
tables:
  t:
    primary_key: [id]
    time: day
    fields: { id: {}, size: {}, day: {}, twice: { expr: on_day.week * 2 + 0 } }
    relationships:
      on_day: { to: days, on: { day: day }, cardinality: many_to_one }
      all: { to: u, on: { id: id }, cardinality: one_to_many, bridge: true }
  u: { primary_key: [id], fields: { id: {}, kind: {} } }
  days: { primary_key: [day], fields: { day: {}, week: {} } }
metrics:
  last: { table: t, expr: avg(size), semi_additive: { over: day, pick: last, per: global } }
";
    let policies = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t, u, days] } } }
";
    let ints = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let days = |values: &[i32]| Arc::new(Date32Array::from(values.to_vec())) as ArrayRef;
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let t = vec![("id", ints(&[1, 2, 3])), ("size", ints(&[10, 20, 5])), ("day", days(&[0, 1, 1]))];
    let u = vec![("id", ints(&[1, 2, 3])), ("kind", ints(&[7, 8, 7]))];
    let weeks = vec![("day", days(&[0, 1])), ("week", ints(&[1, 2]))];
    let config = SessionConfig::new().with_target_partitions(2);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let builder = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let builder = builder.session_state(state);
    let builder = builder.batches("t", vec![batch(t)]).batches("u", vec![batch(u)]);
    let engine = builder.batches("days", vec![batch(weeks)]).build().await.unwrap();
    let ana = engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap());
    // The rows of the second day, of which each kind has one.
    for (week, expected) in
        [(4, "all.kind,twice,last\n7,4,5.0\n8,4,20.0\n"), (3, "all.kind,twice,last\n")]
    {
        let question = format!(
            r#"{{"metrics":["last"],"group_by":["all.kind","twice"],"order_by":["all.kind"],
                "filter":{{"field":"twice","value":{week}}}}}"#
        );
        assert_eq!(answer(&ana, &question).await, expected);
    }
}

/// A decimal that is never missing, multiplied by nothing, was simplified to a zero of its own
/// digits: compared with what has those of the product it failed, and had another type than told.
#[tokio::test]
async fn what_is_multiplied_by_nothing_has_the_digits_of_a_product() {
    let prices = Decimal128Array::from(vec![150, 225]).with_precision_and_scale(12, 2).unwrap();
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("price", Arc::new(prices)),
    ]);
    let model = "
tables:
  t: { primary_key: [id], fields: { id: {}, price: {}, none: { expr: price * 0.00 } } }
metrics:
  free: { table: t, expr: count(*), filter: none > 0 }
";
    let policies = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t] } } }
";
    let builder = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let engine = builder.batches("t", vec![rows.unwrap()]).build().await.unwrap();
    let ana = engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap());
    assert_eq!(answer(&ana, r#"{"metrics":["free"]}"#).await, "free\n0\n");
    for (expr, zero) in [
        ("price * 0", "0.00"),
        ("0 * price", "0.00"),
        ("price * 0.000", "0.00000"),
        ("none", "0.0000"),
    ] {
        for (op, ids) in [("=", "1 2"), (">", "")] {
            let question = format!(
                r#"{{"table":"t","calculated":{{"c":"{expr}"}},"fields":["id","c"],"order_by":["id"],
                    "filter":{{"field":"c","op":"{op}","value":0}}}}"#
            );
            let rows: String = ids.split_whitespace().map(|id| format!("{id},{zero}\n")).collect();
            assert_eq!(answer(&ana, &question).await, format!("id,c\n{rows}"), "{question}");
        }
    }
}
