//! A question in another zone than the model's, where rows are found by days: what the question says
//! counts its own days, and what the model says keeps the model's or is refused.

use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::reference::calendar::day;

use crate::optimised::answer;

const MODEL: &str = "
defaults: { time_zone: UTC }
tables:
  events:
    primary_key: [id]
    time: at
    fields:
      id: {}
      at: {}
      shop: {}
      season: { expr: calendar.season }
      loud: { expr: upper(was.size) }
      month: { expr: month(at) }
    segments: { winter: { where: calendar.season = 'winter' }, march: { where: month(at) = 3 } }
    relationships:
      calendar: { to: days, on: { at: day }, cardinality: many_to_one }
      was: { to: shops, on: { shop: id }, cardinality: many_to_one, as_of: at }
      opened: { to: openings, on: { shop: id }, cardinality: many_to_one }
  days: { primary_key: [day], fields: { day: {}, season: {}, big: { expr: upper(season) } } }
  shops:
    primary_key: [id]
    validity: { from: since, to: until }
    fields: { id: {}, since: {}, until: {}, size: {} }
  openings: { primary_key: [id], fields: { id: {}, city: {} } }
metrics:
  all: { table: events, expr: count(*) }
  in_winter: { table: events, expr: count(*), filter: calendar.season = 'winter' }
  of_small: { table: events, expr: count(*), filter: was.size = 'small' }
  in_rome: { table: events, expr: count(*), filter: opened.city = 'Rome' }
  in_march: { table: events, expr: count(*), filter: month(at) = 3 }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies:
  all:
    groups: [everyone]
    grant: { tables: [events, days, shops, openings] }
";

/// One event, half an hour before April in UTC and an hour and a half into it in Berlin. With April
/// summer begins, and the shop is large.
async fn session() -> Session {
    let (march, april) = (day(2025, 3, 31), day(2025, 4, 1));
    let ints = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let days = |values: Vec<Option<i32>>| -> ArrayRef { Arc::new(Date32Array::from(values)) };
    let at = (i64::from(march) * 1440 + 23 * 60 + 30) * 60_000_000;
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![at]));
    let events = [("id", ints(vec![1])), ("at", at), ("shop", ints(vec![1]))];
    let calendar = [
        ("day", days(vec![Some(march), Some(april)])),
        ("season", texts(vec!["winter", "summer"])),
    ];
    let shops = [
        ("id", ints(vec![1, 1])),
        ("since", days(vec![Some(day(2025, 1, 1)), Some(april)])),
        ("until", days(vec![Some(april), None])),
        ("size", texts(vec!["small", "large"])),
    ];
    let openings = [("id", ints(vec![1])), ("city", texts(vec!["Rome"]))];
    let batch = |columns: Vec<(&'static str, ArrayRef)>| {
        let columns = columns.into_iter().map(|(name, values)| (name, values, true));
        vec![RecordBatch::try_from_iter_with_nullable(columns).unwrap()]
    };
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("events", batch(events.to_vec()))
        .batches("days", batch(calendar.to_vec()))
        .batches("shops", batch(shops.to_vec()))
        .batches("openings", batch(openings.to_vec()))
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ann").group("everyone").build().unwrap())
}

const BERLIN: &str = r#","time_zone":"Europe/Berlin"}"#;

fn in_berlin(question: &str) -> String {
    format!("{}{BERLIN}", question.strip_suffix('}').unwrap())
}

#[tokio::test]
async fn what_a_question_says_counts_its_own_days() {
    let session = session().await;
    for (question, here, there) in [
        (r#"{"metrics":["all"],"group_by":["calendar.season"]}"#, "winter,1", "summer,1"),
        (r#"{"metrics":["all"],"group_by":["was.size"]}"#, "small,1", "large,1"),
        (
            r#"{"metrics":["all"],"filter":{"field":"calendar.season","op":"=","value":"winter"}}"#,
            "1",
            "0",
        ),
        // The days that events lead to, looked at from the days.
        (
            r#"{"table":"days","fields":["season"],"filter":{"exists":"events"}}"#,
            "winter",
            "summer",
        ),
        (
            r#"{"table":"days","fields":["season"],"filter":{"not":{"exists":"events"}}}"#,
            "summer",
            "winter",
        ),
        (
            r#"{"table":"days","aggregations":["count"],"group_by":["season"],
            "filter":{"field":"events.shop","op":"=","value":1}}"#,
            "winter,1",
            "summer,1",
        ),
        // What is calculated in the row that the question leads to.
        (r#"{"table":"events","fields":["calendar.big"]}"#, "WINTER", "SUMMER"),
        (r#"{"table":"events","fields":["id"],"calculated":{"c":"calendar.big"}}"#, "1", "1"),
    ] {
        let lines = |answer: String| answer.lines().skip(1).collect::<Vec<_>>().join("\n");
        assert_eq!(lines(answer(&session, question).await), here, "{question}");
        let question = in_berlin(question);
        assert_eq!(lines(answer(&session, &question).await), there, "{question}");
    }
}

#[tokio::test]
async fn what_the_model_says_keeps_its_days_or_is_refused() {
    let session = session().await;
    for (question, expected) in [
        (r#"{"metrics":["in_winter"]}"#, "1"),
        (r#"{"metrics":["of_small"]}"#, "1"),
        (r#"{"table":"events","fields":["season"]}"#, "winter"),
        (r#"{"table":"events","fields":["loud"]}"#, "SMALL"),
        (r#"{"table":"events","aggregations":["count"],"segments":["winter"]}"#, "1"),
        (r#"{"metrics":["all"],"group_by":["season"]}"#, "winter,1"),
        (r#"{"table":"events","fields":["c"],"calculated":{"c":"lower(season)"}}"#, "winter"),
    ] {
        let found = answer(&session, question).await;
        assert_eq!(found.lines().nth(1), Some(expected), "{question}");
        // The same zone by its name is no other one.
        let named = question.strip_suffix('}').unwrap();
        let found = answer(&session, &format!(r#"{named},"time_zone":"UTC"}}"#)).await;
        assert_eq!(found.lines().nth(1), Some(expected), "{question}");
        let error = session.query_json(&in_berlin(question)).await.err();
        let error = error.unwrap_or_else(|| panic!("{question} is answered"));
        let problem = &error.problems()[0];
        assert_eq!((problem.code, &*problem.path), ("Q0163", "time_zone"), "{question}: {error}");
    }
    // No days are counted on the way, or in the row itself.
    for (question, expected) in [
        (r#"{"metrics":["in_rome"]}"#, "1"),
        (r#"{"metrics":["in_march"]}"#, "1"),
        (r#"{"table":"events","fields":["month"],"segments":["march"]}"#, "3"),
    ] {
        let found = answer(&session, &in_berlin(question)).await;
        assert_eq!(found.lines().nth(1), Some(expected), "{question}");
    }
}
