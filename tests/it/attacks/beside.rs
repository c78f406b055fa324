//! L29, L30: what can fail beside rows that are not told one by one, or beside fields that a number
//! reads with its author's rights. Whether it fails would tell which of them pass a condition. All
//! expected numbers are counted by hand from the rows below.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use sandbar::Engine;

use super::definer::{asked, check, session};

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    time: hired
    fields:
      id: {}
      pay: {}
      price: {}
      share: {}
      hired: {}
      inverse: { expr: 'div(1, id - 2)' }
    segments: { inverted: { where: 'div(1, id - 2) < 5' } }
  orders:
    primary_key: [id]
    fields:
      id: {}
      user_id: {}
      rich: { expr: customer.pay > 100 }
      poor: { expr: case when rich then 0 else 1 end }
    relationships:
      customer: { to: people, on: { user_id: id }, cardinality: many_to_one }
  by_pay:
    query: { metrics: [heads], group_by: [{ field: people.pay, as: pay }] }
    fields: { pay: { type: integer }, heads: { type: integer } }
metrics:
  heads: { table: people, expr: count(*) }
  risky: { table: people, expr: sum(id * 2) }
  ordered: { table: orders, expr: count(*) }
  well_paid: { table: people, expr: count(*), filter: pay > 100, definer: true, min_group_size: 2 }
  paid_well: { table: people, expr: count(*) filter (where pay > 100), definer: true, min_group_size: 2 }
  of_rich: { table: orders, expr: count(*), filter: customer.pay > 100, definer: true, min_group_size: 2 }
  rich_part: { ratio: { numerator: well_paid, denominator: heads } }
";

const POLICIES: &str = "
groups: { unpaid: {}, grouped: {}, all: {} }
policies:
  people: { groups: [unpaid], grant: { tables: [people], fields: { except: [pay] } } }
  orders: { groups: [unpaid], grant: { tables: [orders] } }
  everything: { groups: [grouped, all], grant: { tables: [people, orders, by_pay] } }
  in_groups: { groups: [grouped], restrict: { tables: [people], min_group_size: 5 } }
";

/// The pay of the people 1 to 6: those of 2 and 6 are well paid.
const PAY: [i64; 6] = [50, 500, 50, 50, 50, 500];
/// The same number of them, and others.
const OTHER_PAY: [i64; 6] = [500, 50, 50, 50, 500, 50];

/// Six people, and an order of each.
async fn engine(pay: [i64; 6], price: [i128; 6]) -> Engine {
    let ids = || Arc::new(Int64Array::from_iter_values(1..=6)) as ArrayRef;
    let price = Decimal128Array::from_iter_values(price).with_precision_and_scale(10, 2).unwrap();
    let batch = |columns: Vec<(&str, ArrayRef)>| {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    };
    let people = batch(vec![
        ("id", ids()),
        ("pay", Arc::new(Int64Array::from_iter_values(pay))),
        ("price", Arc::new(price)),
        ("share", Arc::new(Float64Array::from_iter_values([0.5; 6]))),
        ("hired", Arc::new(Date32Array::from_iter_values(20_454..20_460))),
    ]);
    let orders = batch(vec![("id", ids()), ("user_id", ids())]);
    let builder = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("people", vec![people])
        .batches("orders", vec![orders]);
    builder.build().await.unwrap()
}

/// Each is refused, and says the same whoever is well paid.
async fn refused(group: &str, questions: &[&str]) {
    let prices = [500; 6];
    let (one, two) = (engine(PAY, prices).await, engine(OTHER_PAY, prices).await);
    let mut wrong = String::new();
    for question in questions {
        let one = asked(&session(&one, group), question).await;
        let two = asked(&session(&two, group), question).await;
        if one != two || !matches!(&one, Err(said) if said.starts_with("Q0160 ")) {
            let _ = writeln!(wrong, "{question}\n  {one:?}\n  {two:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn l29_nothing_fails_beside_what_is_lifted() {
    refused("unpaid", &[
        r#"{"metrics":["heads",{"name":"well_paid","filter":{"field":"c","op":"<","value":5}}],"calculated":{"c":"div(1, id - 2)"}}"#,
        r#"{"metrics":["heads",{"name":"paid_well","filter":{"field":"c","op":"<","value":5}}],"calculated":{"c":"div(1, id - 2)"}}"#,
        r#"{"metrics":["well_paid"],"calculated":{"c":"id * 9223372036854775807"},"filter":{"or":[{"field":"people.id","value":1},{"not":{"field":"c","op":"<","value":5}}]}}"#,
        r#"{"metrics":["well_paid"],"calculated":{"c":"div(1, id - 2)"},"group_by":["c"]}"#,
        r#"{"table":"people","metrics":["well_paid"],"calculated":{"c":"div(1, id - 2)"},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"people","metrics":["well_paid"],"calculated":{"c":"div(1, id - 2)"},"aggregations":[{"function":"count","filter":{"field":"c","op":"<","value":5}}]}"#,
        // What the model has and the question names.
        r#"{"metrics":["well_paid"],"filter":{"field":"people.inverse","op":"<","value":5}}"#,
        r#"{"metrics":["well_paid"],"group_by":["people.inverse"]}"#,
        r#"{"metrics":["well_paid"],"filter":{"segment":"inverted"}}"#,
        r#"{"metrics":["heads",{"name":"well_paid","filter":{"segment":"inverted"}}]}"#,
        // Of what another number is made, and from another table.
        r#"{"metrics":[{"name":"rich_part","filter":{"field":"c","op":"<","value":5}}],"calculated":{"c":"div(1, id - 2)"}}"#,
        r#"{"metrics":["ordered",{"name":"of_rich","filter":{"field":"c","op":"<","value":5}}],"calculated":{"c":"div(1, id - 2)"}}"#,
        r#"{"metrics":["of_rich"],"filter":{"field":"customer.inverse","op":"<","value":5}}"#,
        r#"{"from":{"metrics":["well_paid"],"calculated":{"c":"div(1, id - 2)"},"group_by":["c"]},"aggregations":["count"]}"#,
    ])
    .await;
}

#[tokio::test]
async fn l29_what_cannot_fail_stands_beside_what_is_lifted() {
    let session = session(&engine(PAY, [500; 6]).await, "unpaid");
    check(&session, &[
        (r#"{"metrics":["well_paid","paid_well"]}"#, "2,2"),
        (r#"{"metrics":["well_paid"],"calculated":{"c":"id / 2"},"filter":{"field":"c","op":">","value":0.6}}"#, "2"),
        (r#"{"metrics":["well_paid"],"group_by":[{"field":"people.id","bin":{"width":10}}]}"#, "0,2"),
        (r#"{"metrics":["well_paid"],"group_by":[{"field":"people.share","bin":{"width":10}}]}"#, "0.0,2"),
        // Numbers of the model that can fail are of all rows: twice 21.
        (r#"{"metrics":["well_paid","risky"]}"#, "2,42"),
        // Of the answer everything is calculated.
        (r#"{"from":{"metrics":["well_paid"]},"calculated":{"c":"div(well_paid, 2)"},"fields":["c"]}"#, "1"),
        // Where nothing is lifted it fails as before.
        (r#"{"metrics":["heads"],"calculated":{"c":"div(1, id - 2)"},"filter":{"field":"c","op":"<","value":5}}"#, "E0304"),
    ])
    .await;
}

#[tokio::test]
async fn l30_nothing_fails_beside_rows_that_are_told_in_groups() {
    refused("grouped", &[
        r#"{"table":"orders","calculated":{"c":"div(1, id - id)"},"filter":{"and":[{"field":"id","value":2},{"field":"customer.pay","op":">","value":100}]},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - id)"},"filter":{"and":[{"field":"id","value":2},{"field":"rich","value":true}]},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"filter":{"field":"customer.pay","op":">","value":100},"group_by":["c"]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"filter":{"and":[{"field":"customer.pay","op":">","value":100},{"not":{"field":"c","op":"<","value":5}}]},"aggregations":["count"]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"aggregations":[{"function":"sum","field":"c","filter":{"field":"customer.pay","op":">","value":100}}]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"group_by":["customer.pay"],"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"metrics":["ordered",{"name":"ordered","as":"n","filter":{"field":"customer.pay","op":">","value":100}},{"name":"ordered","as":"m","filter":{"field":"c","op":"<","value":5}}],"calculated":{"c":"div(1, id - 2)"}}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"filter":{"metric":"heads","per":"customer","op":">","value":0},"aggregations":[{"function":"sum","field":"c"}]}"#,
        // A field of the model leads there, over one step and over two; whether it fails or not.
        r#"{"table":"orders","calculated":{"c":"case when rich then div(1, 0) else 1 end"},"filter":{"field":"id","value":2},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"orders","calculated":{"c":"div(1, poor)"},"filter":{"field":"id","value":2},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"orders","calculated":{"c":"case when id = 2 and rich then 1 else 0 end"},"aggregations":[{"function":"sum","field":"c"}]}"#,
        r#"{"table":"orders","calculated":{"c":"case when id = 2 then poor else 0 end"},"aggregations":[{"function":"max","field":"c"}]}"#,
    ])
    .await;
}

#[tokio::test]
async fn l30_what_cannot_fail_stands_beside_rows_that_are_told_in_groups() {
    let engine = engine(PAY, [500; 6]).await;
    check(&session(&engine, "grouped"), &[
        // A half of 1 to 6 each, from the orders of all six.
        (r#"{"table":"orders","calculated":{"c":"id / 2"},"filter":{"field":"customer.pay","op":">","value":10},"aggregations":[{"function":"sum","field":"c"}]}"#, "10.5"),
        (r#"{"table":"orders","calculated":{"c":"id / 2"},"filter":{"field":"customer.pay","op":">","value":100},"aggregations":[{"function":"sum","field":"c"}]}"#, ""),
        (r#"{"table":"orders","group_by":[{"field":"id","bin":{"width":10}}],"filter":{"field":"customer.pay","op":">","value":10},"aggregations":["count"]}"#, "0,6"),
        (r#"{"table":"people","group_by":[{"field":"price","bin":{"width":10,"start":0.01}}],"aggregations":["count"]}"#, "0.01,6"),
        // No price lies below -99999999.99, so that this starts the bin that ends before 100.
        (r#"{"table":"people","group_by":[{"field":"price","bin":{"width":999999999,"start":100}}],"aggregations":["count"]}"#, "-99999999.99,6"),
        (r#"{"table":"people","group_by":[{"field":"share","bin":{"width":999999999,"start":100}}],"aggregations":["count"]}"#, "-999999899.0,6"),
        (r#"{"metrics":["heads"],"group_by":[{"field":"people.hired","grain":"year"}]}"#, "2026-01-01,6"),
        // Nothing is read of people.
        (r#"{"table":"orders","group_by":[{"field":"id","bin":{"width":10}}],"aggregations":["count"]}"#, "0,6"),
        (r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"aggregations":[{"function":"sum","field":"c"}]}"#, "E0304"),
    ])
    .await;
    // Whom it does not concern: -1 of order 1, 1 of order 3 and none of the others are added up.
    check(&session(&engine, "all"), &[
        (r#"{"table":"orders","calculated":{"c":"div(1, id - 2)"},"filter":{"field":"customer.pay","op":"<","value":100},"aggregations":[{"function":"sum","field":"c"}]}"#, "0"),
        (r#"{"table":"orders","calculated":{"c":"case when rich then 1 else 0 end"},"aggregations":[{"function":"sum","field":"c"}]}"#, "2"),
        (r#"{"table":"people","group_by":[{"field":"price","bin":{"width":10}}],"aggregations":["count"]}"#, "0.00,6"),
    ])
    .await;
}

#[tokio::test]
async fn l30_what_fails_of_an_answer_fails_of_no_group_that_is_left_out() {
    let session = session(&engine(PAY, [500; 6]).await, "grouped");
    check(&session, &[
        // The groups of 500 have two people, and those of an id one.
        (r#"{"from":{"metrics":["heads"],"group_by":[{"field":"people.id","as":"id"}]},"calculated":{"c":"div(1, id - 3)"},"filter":{"field":"c","op":"<","value":5}}"#, ""),
        (r#"{"from":{"metrics":["heads"],"filter":{"field":"people.pay","op":">","value":100},"group_by":[{"field":"people.id","as":"id"}]},"calculated":{"c":"div(1, id - 2)"},"filter":{"field":"c","op":"<","value":5}}"#, ""),
        (r#"{"from":{"metrics":["heads"],"group_by":[{"field":"people.pay","as":"pay"}]},"calculated":{"c":"div(1, pay - 500)"},"group_by":["c"],"aggregations":["count"]}"#, ""),
        (r#"{"table":"by_pay","calculated":{"c":"div(1, pay - 500)"},"filter":{"field":"c","op":"<","value":5},"aggregations":["count"]}"#, "0"),
        (r#"{"table":"by_pay","calculated":{"c":"div(1, pay - 500)"},"fields":["c"]}"#, ""),
    ])
    .await;
}
