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

/// Slots 1 and 5 are of the first of January, and in New York slot 2 is as well; 3 and 4 are of the
/// third and the fourth. Each of the first three days has a note.
#[tokio::test]
async fn rows_of_instants_and_rows_of_days_meet_in_a_table_of_days() {
    let first = day(2026, 1, 1);
    let ids = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let days = |count: i32| -> ArrayRef {
        Arc::new(Date32Array::from_iter_values((0..count).map(|after| first + after)))
    };
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    // The hours after the beginning of the first day in UTC.
    let hours = [14, 24, 57, 81, 15].map(|hour| (i64::from(first) * 24 + hour) * 3_600_000_000);
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(hours.to_vec()));
    let batch =
        |columns: Vec<(&'static str, ArrayRef)>| vec![RecordBatch::try_from_iter(columns).unwrap()];
    let slots = batch(vec![("at", at), ("n", ids(vec![1, 2, 3, 4, 5]))]);
    let notes =
        vec![("id", ids(vec![1, 2, 3])), ("day", days(3)), ("kind", texts(vec!["x", "z", "y"]))];
    let notes = batch(notes);
    let calendar = batch(vec![("day", days(4)), ("name", texts(vec!["a", "b", "c", "d"]))]);
    for cardinality in ["many_to_one", "one_to_one"] {
        let model = format!(
            "
tables:
  slots:
    primary_key: [at]
    fields: {{ at: {{}}, n: {{}} }}
    relationships: {{ day: {{ to: days, on: {{ at: day }}, cardinality: {cardinality} }} }}
  notes:
    primary_key: [id]
    fields: {{ id: {{}}, day: {{}}, kind: {{}} }}
    relationships: {{ its_day: {{ to: days, on: {{ day: day }}, cardinality: many_to_one }} }}
  days:
    primary_key: [day]
    fields: {{ day: {{}}, name: {{}} }}
    relationships:
      notes: {{ to: notes, on: {{ day: day }}, cardinality: one_to_many, bridge: true }}
metrics:
  written: {{ table: notes, expr: count(*) }}
"
        );
        let policies = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [slots, notes, days] } } }
";
        let engine = Engine::builder()
            .model("model.yaml", &model)
            .policies("policies.yaml", policies)
            .batches("slots", slots.clone())
            .batches("notes", notes.clone())
            .batches("days", calendar.clone())
            .build()
            .await
            .unwrap();
        let asker = Principal::asserted_by_host("ann").group("everyone").build().unwrap();
        let session = engine.session(asker);
        for (question, utc, new_york) in [
            (
                r#"{"table":"slots","fields":["n"],"filter":{"exists":"day.notes"}}"#,
                "1 5 2 3",
                "1 5 2 3",
            ),
            (
                r#"{"table":"slots","fields":["n"],"filter":{"exists":"notes"}}"#,
                "1 5 2 3",
                "1 5 2 3",
            ),
            (
                r#"{"table":"slots","fields":["n"],
                "filter":{"metric":"written","per":"day","op":">=","value":1}}"#,
                "1 5 2 3",
                "1 5 2 3",
            ),
            (
                r#"{"table":"slots","aggregations":["count"],"group_by":["day.notes.kind"]}"#,
                "x,2 y,1 z,1 ,1",
                "x,3 y,1 ,1",
            ),
            (
                r#"{"table":"slots","aggregations":["count"],"group_by":["day.name"]}"#,
                "a,2 b,1 c,1 d,1",
                "a,3 c,1 d,1",
            ),
            (
                r#"{"table":"days","fields":["name"],"filter":{"exists":"slots"}}"#,
                "a b c d",
                "a c d",
            ),
            (r#"{"table":"notes","fields":["id"],"filter":{"exists":"slots"}}"#, "1 2 3", "1 3"),
        ] {
            let lines = |found: String| found.lines().skip(1).collect::<Vec<_>>().join(" ");
            assert_eq!(lines(answer(&session, question).await), utc, "{cardinality} {question}");
            let there = question.strip_suffix('}').unwrap();
            let there = format!(r#"{there},"time_zone":"America/New_York"}}"#);
            assert_eq!(lines(answer(&session, &there).await), new_york, "{cardinality} {question}");
        }
    }
}
