//! One principal is given so many rows an hour, on whatever way he asks for them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use futures::future::join_all;
use sandbar::{
    Administrator, Admission, Engine, EngineBuilder, Error, ErrorKind, Principal, SemanticQuery,
    Session, Subject,
};

const MODEL: &str = "
tables:
  things: { primary_key: [id], fields: { id: {} } }
";
const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [things] } } }
";
const LIST: &str = r#"{"table":"things","fields":["id"]}"#;

/// Three things, and so many rows an hour.
fn builder(rows: u32) -> EngineBuilder {
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3]));
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("things", vec![RecordBatch::try_from_iter([("id", ids as _)]).unwrap()])
        .rows_per_hour(rows)
}

async fn engine(rows: u32) -> Engine {
    builder(rows).build().await.unwrap()
}

fn session(engine: &Engine, who: &str) -> Session {
    engine.session(Principal::asserted_by_host(who).group("all").build().unwrap())
}

async fn rows(session: &Session) -> Result<usize, Error> {
    Ok(session.query_json(LIST).await?.collect().await?.num_rows())
}

/// There is a row again after this many minutes, less the moments that have gone by.
#[track_caller]
fn spent(error: &Error, minutes: u64) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0312"), "{error}");
    let wait = error.retry_after().unwrap();
    let (least, most) =
        (Duration::from_secs(60 * (minutes - 1)), Duration::from_secs(60 * minutes));
    assert!(least < wait && wait <= most, "{wait:?}");
}

#[tokio::test]
async fn e0312_rows_are_given_until_those_of_the_hour_are_used_up() {
    // One comes back in a quarter of an hour.
    let engine = engine(4).await;
    let ann = session(&engine, "ann");
    assert_eq!(rows(&ann).await.unwrap(), 3);
    // One is left; an answer that has begun is given to its end.
    assert_eq!(rows(&ann).await.unwrap(), 3);
    spent(&rows(&ann).await.unwrap_err(), 45);
    // On every way to rows, and a refusal costs nothing.
    spent(&ann.field_values("things", "id", 1).await.unwrap_err(), 45);
    spent(&ann.field_profile(Subject::Table("things"), "id", 1).await.unwrap_err(), 45);
    let query = SemanticQuery::from_json(LIST).unwrap();
    spent(&ann.query(&query).await.unwrap_err(), 45);
    // Whoever has another session of the same person is the same person.
    spent(&rows(&session(&engine, "ann")).await.unwrap_err(), 45);
    // What tells no row goes on, and so do others.
    assert_eq!(ann.tables().unwrap().len(), 1);
    assert!(ann.explain(&query).await.is_ok());
    assert_eq!(rows(&session(&engine, "wei")).await.unwrap(), 3);
}

/// How many rows are given where the same is asked forty times at once; the others are refused.
async fn given<F: Future<Output = Result<usize, Error>>>(ask: impl Fn() -> F) -> usize {
    let told = join_all((0..40).map(|_| ask())).await;
    let one = |told: Result<usize, Error>| {
        told.unwrap_or_else(|error| {
            assert_eq!(error.code(), "E0312", "{error}");
            0
        })
    };
    told.into_iter().map(one).sum()
}

/// Four rows an hour, and so many answers at a time; the others wait.
async fn crowded(at_once: usize) -> Session {
    let admission =
        Admission::default().with_running(9).with_queued(64).with_per_principal(at_once);
    session(&builder(4).admission(admission).build().await.unwrap(), "ann")
}

/// Of four rows, one answer takes three, and the next one is given to its end: no third begins,
/// also where it has waited since there were four.
#[tokio::test]
async fn e0312_whoever_waits_for_his_turn_is_given_no_rows_that_are_used_up_by_then() {
    let ann = &crowded(1).await;
    assert_eq!(given(|| rows(ann)).await, 6);
    let ann = &crowded(1).await;
    let values =
        || async move { ann.field_values("things", "id", 3).await.map(|told| told.num_rows()) };
    assert_eq!(given(values).await, 6);
    let things = Subject::Table("things");
    let ann = &crowded(1).await;
    let sample =
        || async move { ann.field_sample(things, "id", 3).await.map(|told| told.num_rows()) };
    assert_eq!(given(sample).await, 6);
    // It has two turns.
    let ann = &crowded(1).await;
    let profile = || async move {
        ann.field_profile(things, "id", 3).await.map(|told| told.values.num_rows())
    };
    assert_eq!(given(profile).await, 6);
    let ann = &crowded(1).await;
    let query = &SemanticQuery::from_json(LIST).unwrap();
    let page = || async move { ann.page(query, 0, 3).await.map(|told| told.num_rows()) };
    assert_eq!(given(page).await, 6);
}

/// The last of two at a time begin with one row left at the least.
#[tokio::test]
async fn e0312_what_is_owed_is_what_the_answers_at_a_time_may_have() {
    let ann = &crowded(2).await;
    let rows = given(|| rows(ann)).await;
    assert!((6..=3 + 2 * 3).contains(&rows), "{rows}");
}

#[tokio::test]
async fn e0312_values_of_fields_are_rows_too() {
    let engine = engine(5).await;
    let ann = session(&engine, "ann");
    assert_eq!(ann.field_values("things", "id", 2).await.unwrap().num_rows(), 2);
    assert_eq!(ann.field_values("things", "id", 9).await.unwrap().num_rows(), 3);
    // None is left, and one comes back in twelve minutes.
    spent(&rows(&ann).await.unwrap_err(), 12);
}

#[tokio::test]
async fn e0312_of_pages_those_rows_count_that_are_on_them() {
    let engine = engine(4).await;
    let ann = session(&engine, "ann");
    let query = SemanticQuery::from_json(LIST).unwrap();
    for skip in 0..3 {
        assert_eq!(ann.page(&query, skip, 1).await.unwrap().num_rows(), 1);
    }
    assert_eq!(rows(&ann).await.unwrap(), 3);
    spent(&rows(&ann).await.unwrap_err(), 45);
}

#[tokio::test]
async fn e0312_what_an_administrator_looks_at_costs_nobody_anything() {
    let engine = engine(3).await;
    let ann = Principal::asserted_by_host("ann").group("all").build().unwrap();
    let query = SemanticQuery::from_json(LIST).unwrap();
    let administrator = Administrator::asserted_by_host();
    for _ in 0..3 {
        assert!(engine.explain_as(&administrator, &ann, &query).await.is_ok());
    }
    assert_eq!(rows(&session(&engine, "ann")).await.unwrap(), 3);
}
