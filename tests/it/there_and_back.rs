//! A bridge that leads back to rows of the asked table: its fields are those of other rows, by which
//! no number is of one unit, has its period, is told apart, or stands in an order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::{csv, told};

const MODEL: &str = "
tables:
  places:
    primary_key: [id]
    fields: { id: {} }
    relationships:
      all: { to: sales, on: { id: place }, cardinality: one_to_many, bridge: true }
  sales:
    primary_key: [id]
    time: day
    fields: { id: {}, place: {}, currency: {}, amount: {}, day: {} }
    relationships:
      at: { to: places, on: { place: id }, cardinality: many_to_one }
metrics:
  sold: { table: sales, expr: sum(amount), requires: [currency] }
  sold_so_far: { cumulative: { metric: amount } }
  amount: { table: sales, expr: sum(amount) }
";
const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [places, sales] } } }
";

/// Of five persons the first is above the second and the third, who are above one each.
const PEOPLE: &str = "
tables:
  people:
    primary_key: [id]
    fields: { id: {}, above: {}, name: {} }
    relationships:
      below: { to: people, on: { id: above }, cardinality: one_to_many, bridge: true }
metrics:
  heads: { table: people, expr: count(*) }
";

async fn of_people(question: &str) -> Result<String, String> {
    let above = Int64Array::from(vec![None, Some(1), Some(1), Some(2), Some(3)]);
    let people: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])), false),
        ("above", Arc::new(above), true),
        ("name", Arc::new(StringArray::from(vec!["z", "a", "b", "y", "x"])), false),
    ];
    let people = RecordBatch::try_from_iter_with_nullable(people).unwrap();
    let engine = Engine::builder()
        .model("model.yaml", PEOPLE)
        .policies("policies.yaml", &POLICIES.replace("[places, sales]", "[people]"))
        .batches("people", vec![people])
        .build()
        .await
        .unwrap();
    let session = engine.session(Principal::asserted_by_host("ann").group("all").build().unwrap());
    csv(&session, question).await
}

/// Two sales at one place, in two currencies, on the first days of January and of February 1970.
async fn session(model: &str) -> Result<Session, sandbar::Error> {
    let numbers = |numbers: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
    let sales = RecordBatch::try_from_iter([
        ("id", numbers([1, 2])),
        ("place", numbers([7, 7])),
        ("currency", Arc::new(StringArray::from(vec!["EUR", "USD"])) as ArrayRef),
        ("amount", numbers([10, 300])),
        ("day", Arc::new(Date32Array::from(vec![0, 31]))),
    ]);
    let places = RecordBatch::try_from_iter([("id", numbers([7, 8]))]);
    let engine = Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![sales.unwrap()])
        .batches("places", vec![places.unwrap()])
        .build()
        .await?;
    Ok(engine.session(Principal::asserted_by_host("ann").group("all").build().unwrap()))
}

async fn asked(question: &str) -> Result<String, String> {
    csv(&session(MODEL).await.unwrap(), question).await
}

#[tokio::test]
async fn a_unit_of_other_rows_is_none_of_a_number() {
    let own = r#"{"metrics":["sold"],"group_by":["currency"]}"#;
    assert_eq!(asked(own).await.unwrap(), "currency,sold\nEUR,10\nUSD,300\n");
    // In each group of the place's currencies both sales are added up.
    let others = r#"{"metrics":["sold"],"group_by":["at.all.currency"]}"#;
    let error = asked(others).await.unwrap_err();
    assert!(error.starts_with("Q0150"), "{error}");
}

/// A number that is asked for twice has one condition, and another one has its own.
#[tokio::test]
async fn a_unit_is_that_of_each_number() {
    let euros = |name: &str| {
        format!(r#"{{"name":"sold","as":"{name}","filter":{{"field":"currency","value":"EUR"}}}}"#)
    };
    let (a, b) = (euros("a"), euros("b"));
    assert_eq!(asked(&format!(r#"{{"metrics":[{a},{b}]}}"#)).await.unwrap(), "a,b\n10,10\n");
    for metrics in [format!(r#"{a},{b},"sold""#), format!(r#""sold",{a},{b}"#)] {
        let error = asked(&format!(r#"{{"metrics":[{metrics}]}}"#)).await.unwrap_err();
        assert!(error.starts_with("Q0150"), "{error}");
    }
}

#[tokio::test]
async fn a_time_of_other_rows_is_no_period_of_a_number() {
    let own = r#"{"metrics":["sold_so_far"],"group_by":[{"field":"day","grain":"month"}]}"#;
    assert_eq!(asked(own).await.unwrap(), "day,sold_so_far\n1970-01-01,10\n1970-02-01,310\n");
    // All of both sales, in each month in which the place sold something.
    let others =
        r#"{"metrics":["sold_so_far"],"group_by":[{"field":"at.all.day","grain":"month"}]}"#;
    assert_eq!(
        asked(others).await.unwrap(),
        "at.all.day,sold_so_far\n1970-01-01,310\n1970-02-01,310\n"
    );
}

#[tokio::test]
async fn keys_of_other_rows_do_not_tell_groups_apart() {
    let derived = MODEL.replace(
        "metrics:",
        "  pairs:
    query: { table: sales, aggregations: [count], group_by: [id, { field: at.all.id, as: other }] }
    primary_key: [other]
    fields: { id: { type: integer }, other: { type: integer }, count: { type: integer } }
metrics:",
    );
    let error = told(&session(&derived).await.unwrap_err());
    assert!(error.contains("M0123") && error.contains("primary key"), "{error}");
}

/// Those below `z` are `a` and `b`, those below these `y` and `x`.
#[tokio::test]
async fn an_order_by_a_field_is_not_one_by_that_of_other_rows() {
    let both = r#""group_by":[{"field":"below.name","as":"under"},{"field":"name","as":"own"}]"#;
    let question = format!(
        r#"{{"metrics":["heads"],{both},"order_by":[{{"field":"name","order":"desc"}}],"limit":2}}"#
    );
    assert_eq!(of_people(&question).await.unwrap(), "under,own,heads\na,z,1\nb,z,1\n");
    let question = format!(r#"{{"metrics":["heads"],{both},"order_by":["name"],"limit":2}}"#);
    assert_eq!(of_people(&question).await.unwrap(), "under,own,heads\ny,a,1\nx,b,1\n");
    let alone = r#"{"metrics":["heads"],"group_by":[{"field":"below.name","as":"under"}],
        "order_by":["name"]}"#;
    let error = of_people(alone).await.unwrap_err();
    assert!(error.starts_with("Q0115"), "{error}");
}
