//! L33: rows that are in no order do not tell how many others are hidden. Which table of a join is
//! read first is decided by how many rows are stored, and the order of what is joined by that.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  notes:
    fields: { text: {}, place: {}, tenant: {} }
    relationships:
      where: { to: places, on: { place: id }, cardinality: many_to_one }
  places:
    primary_key: [id]
    fields: { id: {}, name: {}, tenant: {} }
";
const POLICIES: &str = "
groups: { own: {}, related: {}, among: {} }
policies:
  own: { groups: [own], grant: { tables: [notes, places], rows: tenant = 'a' } }
  places: { groups: [related], grant: { tables: [places], rows: tenant = 'a' } }
  notes: { groups: [related], grant: { tables: [notes], rows: where.tenant = 'a' } }
  all_places: { groups: [among], grant: { tables: [places] } }
  among:
    groups: [among]
    grant: { tables: [notes], rows: place in (select id from places where tenant = 'a') }
";

/// Five notes at five places are seen; of each table so many rows more are stored.
async fn session(notes: i64, places: i64, group: &str) -> Session {
    let numbers = |count: i64, of: fn(i64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..count).map(of)))
    };
    let texts = |count: i64, of: fn(i64) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..count).map(of)))
    };
    let tenant = |n: i64| if n < 5 { "a" } else { "b" }.to_owned();
    let notes = RecordBatch::try_from_iter([
        ("text", texts(5 + notes, |n| format!("note {n}"))),
        ("place", numbers(5 + notes, |n| if n < 5 { 4 - n } else { n })),
        ("tenant", texts(5 + notes, tenant)),
    ]);
    let places = RecordBatch::try_from_iter([
        ("id", numbers(5 + places, |n| n)),
        ("name", texts(5 + places, |n| format!("place {n}"))),
        ("tenant", texts(5 + places, tenant)),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("notes", vec![notes.unwrap()])
        .batches("places", vec![places.unwrap()])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ann").group(group).build().unwrap())
}

async fn check(group: &str, query: &str) {
    let mut told = Vec::new();
    for (notes, places) in [(0, 0), (200, 0), (0, 200), (200, 200)] {
        let session = session(notes, places, group).await;
        let answer = session.query_json(query).await.unwrap().collect().await.unwrap();
        told.push((answer.to_csv().unwrap(), format!("{:?}", answer.warnings())));
    }
    let expected = told[0].clone();
    assert!(told.iter().all(|found| *found == expected), "{group} {query}: {told:#?}");
}

#[tokio::test]
async fn l33_rows_without_an_order_do_not_tell_how_many_are_hidden() {
    for query in [
        r#"{"table":"notes","fields":["where.name"]}"#,
        r#"{"table":"notes","fields":["where.name"],"limit":2}"#,
        r#"{"table":"notes","fields":["text"],"filter":{"field":"where.name","op":"!=","value":"x"}}"#,
        r#"{"from":{"table":"notes","fields":["text","where.name"]},"fields":["text"],"limit":2}"#,
    ] {
        check("own", query).await;
        check("related", query).await;
    }
    let places = r#"{"table":"notes","fields":["place"]}"#;
    let session = session(200, 0, "own").await;
    let answer = session.query_json(places).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap(), "place\n0\n1\n2\n3\n4\n", "they are stored from 4 on");
    assert!(answer.warnings().is_empty(), "{:?}", answer.warnings());
    for group in ["own", "related", "among"] {
        check(group, r#"{"table":"notes","fields":["text"],"limit":2}"#).await;
        check(group, r#"{"table":"notes","fields":["text"]}"#).await;
        check(group, r#"{"from":{"table":"notes","fields":["text"]},"fields":["text"],"limit":2}"#)
            .await;
    }
}

const FEW: &str = "
tables:
  people: { primary_key: [id], fields: { id: {}, state: {} } }
  states:
    fields: { state: {}, number: {} }
    relationships: { counted: { to: heads, on: { state: state }, cardinality: many_to_one } }
  heads:
    query:
      table: people
      group_by: [state]
      aggregations: [{ function: count, as: heads }]
    primary_key: [state]
    fields: { state: { type: text }, heads: { type: integer } }
";
const OF_FIVE: &str = "
groups: { all: {} }
policies:
  all: { groups: [all], grant: { tables: [people, states, heads] } }
  few: { groups: [all], restrict: { tables: [people], min_group_size: 5 } }
";

/// Seven people in each of two states; of the others there are three each, and nothing is told.
#[tokio::test]
async fn l30_l33_rows_without_an_order_do_not_tell_how_many_groups_are_too_small() {
    let mut told = Vec::new();
    for few in [0, 600] {
        let states = (0..14).map(|n| if n < 7 { "CA" } else { "NY" }.to_owned());
        let states = states.chain((0..few).map(|n| format!("X{}", n / 3)));
        let people = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from_iter_values(0..14 + few)) as ArrayRef),
            ("state", Arc::new(StringArray::from_iter_values(states))),
        ]);
        let states = (0..20).map(|n| match n {
            6 => "NY".to_owned(),
            13 => "CA".to_owned(),
            n => format!("S{n}"),
        });
        let states = RecordBatch::try_from_iter([
            ("state", Arc::new(StringArray::from_iter_values(states)) as ArrayRef),
            ("number", Arc::new(Int64Array::from_iter_values(0..20))),
        ]);
        let engine = Engine::builder()
            .model("model.yaml", FEW)
            .policies("policies.yaml", OF_FIVE)
            .batches("people", vec![people.unwrap()])
            .batches("states", vec![states.unwrap()])
            .build()
            .await
            .unwrap();
        let asker = Principal::asserted_by_host("ann").group("all").build().unwrap();
        let session = engine.session(asker);
        let mut answers = Vec::new();
        for question in [
            r#"{"table":"states","fields":["number"],"filter":{"field":"counted.heads","op":"not_null"},"limit":1}"#,
            r#"{"table":"states","fields":["number"],"filter":{"field":"counted.heads","op":"not_null"}}"#,
            r#"{"table":"states","fields":["number","counted.heads"]}"#,
            r#"{"from":{"table":"states","fields":["number","counted.heads"]},"fields":["number","counted.heads"]}"#,
        ] {
            let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
            answers.push((answer.to_csv().unwrap(), format!("{:?}", answer.warnings())));
        }
        told.push(answers);
    }
    assert_eq!(told[0][1].0, "number\n6\n13\n");
    assert_eq!(told[0], told[1]);
}
