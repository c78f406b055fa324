//! One principal is given so many rows an hour, on whatever way he asks for them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use sandbar::{Administrator, Engine, Error, ErrorKind, Principal, SemanticQuery, Session};

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
async fn engine(rows: u32) -> Engine {
    let ids = Arc::new(Int64Array::from(vec![1, 2, 3]));
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("things", vec![RecordBatch::try_from_iter([("id", ids as _)]).unwrap()])
        .rows_per_hour(rows)
        .build()
        .await
        .unwrap()
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
    spent(&ann.field_profile(sandbar::Subject::Table("things"), "id", 1).await.unwrap_err(), 45);
    let query = SemanticQuery::from_json(LIST).unwrap();
    spent(&ann.query(&query).await.unwrap_err(), 45);
    // Whoever has another session of the same person is the same person.
    spent(&rows(&session(&engine, "ann")).await.unwrap_err(), 45);
    // What tells no row goes on, and so do others.
    assert_eq!(ann.tables().unwrap().len(), 1);
    assert!(ann.explain(&query).await.is_ok());
    assert_eq!(rows(&session(&engine, "wei")).await.unwrap(), 3);
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
