//! Instants are stored with nanoseconds or without, with a zone or without, and beyond every calendar:
//! groups, keys and versions are the same. All expected numbers are added up by hand.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::array::{TimestampMicrosecondArray, TimestampNanosecondArray};
use sandbar::{Engine, EngineBuilder, Principal, Session};

const MODEL: &str = "
tables:
  fine:
    primary_key: [id]
    time: at
    fields: { id: {}, at: { dimension: at }, amount: {} }
  zoned:
    primary_key: [id]
    time: at
    fields: { id: {}, at: { dimension: at }, amount: {} }
  coarse:
    primary_key: [id]
    time: at
    fields: { id: {}, at: { dimension: at }, amount: {} }
    relationships:
      day: { to: by_instant, on: { at: at }, cardinality: many_to_one }
  by_instant:
    query:
      table: fine
      group_by: [at]
      aggregations: [{ function: sum, field: amount, as: s }]
    primary_key: [at]
    fields: { at: { type: datetime }, s: { type: 'decimal(38,0)' } }
  versions:
    primary_key: [id]
    validity: { from: since, to: till }
    fields: { id: {}, since: {}, till: {}, name: {} }
  bookings:
    primary_key: [id]
    time: at
    fields: { id: {}, of: {}, at: {}, since: {}, amount: {} }
    relationships:
      version: { to: versions, on: { of: id }, cardinality: many_to_one }
      listed: { to: list, on: { of: id, since: since }, cardinality: many_to_one }
  list:
    query: { table: versions, fields: [id, since, name] }
    primary_key: [id, since]
    fields: { id: { type: integer }, since: { type: datetime }, name: { type: text } }
metrics:
  fine: { table: fine, expr: sum(amount) }
  zoned: { table: zoned, expr: sum(amount) }
  coarse: { table: coarse, expr: sum(amount) }
  booked: { table: bookings, expr: sum(amount) }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies:
  all:
    groups: [everyone]
    grant: { tables: [fine, zoned, coarse, by_instant, versions, bookings, list] }
";

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn micros(values: Vec<Option<i64>>) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(values)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Vec<RecordBatch> {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    vec![RecordBatch::try_from_iter_with_nullable(columns).unwrap()]
}

/// The instants of a table, each with an amount.
fn at(instants: ArrayRef, amounts: &[i64]) -> Vec<RecordBatch> {
    let ids: Vec<i64> = (1..).take(amounts.len()).collect();
    batch(vec![("id", numbers(&ids)), ("at", instants), ("amount", numbers(amounts))])
}

/// Versions of one thing, from when until when.
fn builder(since: Vec<Option<i64>>, till: Vec<Option<i64>>) -> EngineBuilder {
    let names: Vec<&str> = ["old", "new", "newest"].into_iter().take(since.len()).collect();
    let versions = batch(vec![
        ("id", numbers(&vec![1; since.len()])),
        ("since", Arc::new(micros(since))),
        ("till", Arc::new(micros(till))),
        ("name", Arc::new(StringArray::from(names))),
    ]);
    let times = || micros(vec![Some(0), Some(2_000_000)]).with_timezone("UTC");
    let bookings = batch(vec![
        ("id", numbers(&[1, 2])),
        ("of", numbers(&[1, 1])),
        ("at", Arc::new(times())),
        ("since", Arc::new(times())),
        ("amount", numbers(&[10, 100])),
    ]);
    let fine = TimestampNanosecondArray::from(vec![1, 2, 1_500, 2_500]);
    let zoned = TimestampNanosecondArray::from(vec![1, 2]).with_timezone("UTC");
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("fine", at(Arc::new(fine), &[10, 20, 40, 80]))
        .batches("zoned", at(Arc::new(zoned), &[100, 200]))
        .batches("coarse", at(Arc::new(micros(vec![Some(0), Some(1), Some(2)])), &[1, 2, 4]))
        .batches("versions", versions)
        .batches("bookings", bookings)
}

async fn session(since: Vec<Option<i64>>, till: Vec<Option<i64>>) -> Session {
    let engine = builder(since, till).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

async fn check(session: &Session, question: &str, expected: &str) {
    let answer = session.query_json(question).await.unwrap_or_else(|e| panic!("{question}: {e}"));
    let answer = answer.collect().await.unwrap_or_else(|e| panic!("{question}: {e}"));
    let csv = answer.to_csv().unwrap();
    assert_eq!(csv.split_once('\n').unwrap().1, expected, "{question}");
}

const FIRST: &str = "1970-01-01T00:00:00Z";
const SECOND: &str = "1970-01-01T00:00:00.000001Z";
const THIRD: &str = "1970-01-01T00:00:00.000002Z";

#[tokio::test]
async fn groups_are_of_microseconds_alone_and_beside_others() {
    let session = session(vec![Some(0)], vec![None]).await;
    let alone = format!("{FIRST},30\n{SECOND},40\n{THIRD},80\n");
    check(&session, r#"{"metrics":["fine"],"group_by":["at"]}"#, &alone).await;
    check(&session, r#"{"metrics":["fine"],"group_by":["metric_time"]}"#, &alone).await;
    let all = format!("{FIRST},30,300,1,0\n{SECOND},40,,2,0\n{THIRD},80,,4,0\n,150,300,7,1\n");
    let question =
        r#"{"metrics":["fine","zoned","coarse"],"group_by":["metric_time"],"totals":[[]]}"#;
    check(&session, question, &all).await;
}

#[tokio::test]
async fn a_derived_table_of_instants_is_joined_once() {
    let session = session(vec![Some(0)], vec![None]).await;
    let question = r#"{"metrics":["coarse"],"group_by":["day.s"],"totals":[[]]}"#;
    check(&session, question, "30,1,0\n40,2,0\n80,4,0\n,7,1\n").await;
}

#[tokio::test]
async fn a_version_holds_since_before_all_time() {
    // What PostgreSQL and DuckDB write for minus infinity.
    let session =
        session(vec![Some(-i64::MAX), Some(1_000_000)], vec![Some(1_000_000), None]).await;
    let question = r#"{"table":"bookings","fields":["id","version.name"],"order_by":["id"]}"#;
    check(&session, question, "1,old\n2,new\n").await;
}

#[tokio::test]
async fn versions_that_never_held_are_no_key_of_a_list() {
    let question = r#"{"metrics":["booked"],"group_by":["listed.name"],"totals":[[]]}"#;
    let (zero, two) = (Some(0), Some(2_000_000));
    let once = session(vec![zero, two], vec![two, None]).await;
    check(&once, question, "new,100,0\nold,10,0\n,110,1\n").await;
    // The first one is of no time, and is listed all the same.
    let twice = session(vec![zero, zero, two], vec![zero, two, None]).await;
    let error = match twice.query_json(question).await {
        Ok(answer) => answer.collect().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), "E0306", "{error}");
}

#[tokio::test]
async fn m0117_a_history_goes_from_dates_to_dates_or_from_instants_to_instants() {
    let days = arrow::array::Date32Array::from(vec![Some(1)]);
    let versions = batch(vec![
        ("id", numbers(&[1])),
        ("since", Arc::new(micros(vec![Some(0)]))),
        ("till", Arc::new(days)),
        ("name", Arc::new(StringArray::from(vec!["old"]))),
    ]);
    let error = builder(vec![Some(0)], vec![None]).batches("versions", versions).build().await;
    let error = error.err().unwrap().to_string();
    assert!(error.contains("`validity` goes from a datetime to a date"), "{error}");
}
