//! The unit that a metric is told in: its own, or that of what it is computed from.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use sandbar::{Engine, Principal, SemanticQuery};

const MODEL: &str = "
tables:
  t:
    fields:
      id: {}
      paid: { unit: USD }
      fee: {}
      twice: { expr: paid + paid }
metrics:
  in_all: { table: t, expr: sum(paid) }
  doubled: { table: t, expr: max(twice) }
  less_five: { derived: in_all - 5 }
  in_euros: { derived: in_all * 2, unit: EUR }
  of_euros: { derived: \"coalesce(in_euros, 0)\" }
  rows: { table: t, expr: count(paid) }
  squares: { table: t, expr: variance(paid) }
  each: { ratio: { numerator: in_all, denominator: rows } }
  fees: { table: t, expr: sum(fee) }
  with_fees: { derived: in_all + fees }
  of_hidden: { table: t, expr: sum(paid), definer: true, min_group_size: 2 }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t] } } }
";

#[tokio::test]
async fn a_number_without_a_unit_has_that_of_all_that_it_is_computed_from() {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values(1..=3))),
        ("paid", Arc::new(Int64Array::from_iter_values(10..=12))),
        ("fee", Arc::new(Int64Array::from_iter_values(1..=3))),
    ];
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("t", vec![RecordBatch::try_from_iter(columns).unwrap()])
        .build()
        .await
        .unwrap();
    let ana = Principal::asserted_by_host("ana").group("everyone").build().unwrap();
    let session = engine.session(ana);
    for (metric, unit) in [
        ("in_all", Some("USD")),
        ("doubled", Some("USD")),
        ("less_five", Some("USD")),
        ("in_euros", Some("EUR")),
        ("of_euros", Some("EUR")),
        ("rows", None),
        ("squares", None),
        ("each", None),
        // Nothing says what fees are in.
        ("with_fees", None),
        // Who asks may not see what its field is in.
        ("of_hidden", None),
    ] {
        let answer = session.query(&SemanticQuery::metric(metric)).await.unwrap();
        let [column] = answer.columns() else { panic!("{metric}: one column") };
        assert_eq!(column.unit.as_deref(), unit, "{metric}");
    }
}
