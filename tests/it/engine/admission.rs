//! So many queries run at a time, so many wait, and the next one is refused.

use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use sandbar::{Admission, Answer, Engine, Error, ErrorKind, Limits, Overflow, SemanticQuery};

use super::cancelled::endless_table;
use super::runtime::Queries;
use super::{COUNT, HEAVY, LIST, asked, builder, chief, csv, hosted, tenant};

/// Some rows of this come, and then it never ends.
const FOREVER: &str = r#"{"table":"heap","fields":["id"]}"#;

async fn endless(running: usize, queued: usize, per_principal: usize) -> Engine {
    let admission = Admission::default()
        .with_running(running)
        .with_queued(queued)
        .with_per_principal(per_principal);
    hosted(endless_table().0).admission(admission).build().await.unwrap()
}

/// Lets what can go on do so.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn runs(engine: &Engine) -> Answer {
    chief(engine).query_json(FOREVER).await.unwrap()
}

fn busy(error: &Error) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0307"), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
}

#[tokio::test]
async fn e0307_so_many_run_so_many_wait_and_the_next_is_refused() {
    let engine = endless(2, 1, 9).await;
    let (first, _second) = (runs(&engine).await, runs(&engine).await);
    let session = chief(&engine);
    let mut third = pin!(session.query_json(FOREVER));
    assert!((&mut third).now_or_never().is_none());
    busy(&session.query_json(FOREVER).await.unwrap_err());
    // Whatever is planned counts, however it is asked.
    let query = SemanticQuery::from_json(FOREVER).unwrap();
    busy(&session.query(&query).await.unwrap_err());
    busy(&session.explain(&query).await.unwrap_err());
    busy(&session.field_values("heap", "id", 1).await.unwrap_err());
    // Names are looked up all the same.
    assert_eq!(session.tables().unwrap().len(), 2);
    drop(first);
    let mut third = third.await.unwrap();
    assert!(third.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn e0307_without_a_queue_nobody_waits() {
    let engine = endless(1, 0, 9).await;
    let first = runs(&engine).await;
    busy(&chief(&engine).query_json(FOREVER).await.unwrap_err());
    drop(first);
    drop(runs(&engine).await);
}

#[tokio::test]
async fn other_errors_name_no_time_to_wait() {
    let engine = builder(3).build().await.unwrap();
    let error = asked(&chief(&engine), r#"{"table":"nothing"}"#).await.unwrap_err();
    assert_eq!(error.retry_after(), None);
}

#[tokio::test]
async fn a_query_runs_until_its_last_row_whether_its_answer_is_dropped_or_not() {
    let admission = Admission::default().with_running(1).with_queued(0);
    let engine = builder(20).admission(admission).build().await.unwrap();
    let mut answer = chief(&engine).query_json(LIST).await.unwrap();
    busy(&asked(&chief(&engine), COUNT).await.unwrap_err());
    while let Some(batch) = answer.next().await {
        batch.unwrap();
    }
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n20\n");
    // One that cannot be begun leaves its place too, and so does one that fails on the way.
    assert!(asked(&chief(&engine), r#"{"table":"nothing"}"#).await.is_err());
    let strict = Limits::default().with_rows(1).with_overflow(Overflow::Fail);
    assert!(asked(&chief(&engine).with_limits(strict), LIST).await.is_err());
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n20\n");
    drop(answer);
}

#[tokio::test]
async fn one_principal_leaves_room_for_others() {
    let engine = endless(3, 9, 2).await;
    let _two = (runs(&engine).await, runs(&engine).await);
    let session = chief(&engine);
    let mut third = pin!(session.query_json(FOREVER));
    assert!((&mut third).now_or_never().is_none());
    // Another one is answered, as far as the table goes.
    let _other = tenant(&engine, "a").query_json(LIST).await.unwrap();
    assert!((&mut third).now_or_never().is_none());
}

#[tokio::test]
async fn turns_go_round_among_principals() {
    let engine = endless(1, 9, 1).await;
    let first = runs(&engine).await;
    let (one, other) = (chief(&engine), tenant(&engine, "a"));
    let mut waiting = [pin!(one.query_json(FOREVER)), pin!(one.query_json(FOREVER))];
    let mut later = pin!(other.query_json(LIST));
    assert!(waiting.iter_mut().all(|call| call.now_or_never().is_none()));
    assert!((&mut later).now_or_never().is_none());
    drop(first);
    let [second, third] = waiting;
    drop(second.await.unwrap());
    // The other one's turn comes before the third of the first.
    drop(later.await.unwrap());
    drop(third.await.unwrap());
}

#[tokio::test]
async fn e0310_what_is_waited_counts_and_why_is_said() {
    let short = Limits::default().with_time(Some(Duration::from_millis(30)));
    let waited = async |engine: &Engine| {
        let session = chief(engine).with_limits(short.clone());
        let error = session.query_json(FOREVER).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0310"), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
        error.to_string()
    };
    let others = "the query waited 30ms for its turn: too many queries are running; ask again in a \
                  moment";
    let engine = endless(1, 1, 9).await;
    let first = runs(&engine).await;
    // It leaves the queue each time: another one finds its place there.
    for _ in 0..3 {
        assert_eq!(waited(&engine).await, others);
    }
    drop(first);
    let _another = tenant(&engine, "a").query_json(LIST).await.unwrap();
    assert_eq!(waited(&engine).await, others);
    // Whoever holds all that he may have, and reads none of it, waits for himself.
    let engine = endless(9, 9, 2).await;
    let held = (runs(&engine).await, runs(&engine).await);
    assert_eq!(
        waited(&engine).await,
        "the query waited 30ms for its turn: as many of the same principal are under way as may \
         be, which is 2; an answer that is neither read to its end nor dropped keeps its place"
    );
    drop(held);
    drop(runs(&engine).await);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_queue() {
    let engine = endless(1, 1, 9).await;
    let first = runs(&engine).await;
    let session = chief(&engine);
    for _ in 0..3 {
        assert!(session.query_json(FOREVER).now_or_never().is_none());
    }
    let waiting = session.query_json(FOREVER);
    let mut waiting = Box::pin(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    drop(first);
    // It is its turn, and nobody looks.
    pause().await;
    drop(waiting);
    drop(runs(&engine).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other_nobody_is_refused_also_without_a_queue() {
    let queries = Queries::new(2);
    let admission = Admission::default().with_running(1).with_queued(0);
    let here = builder(5_000).admission(admission.clone()).build().await.unwrap();
    let there = queries.of(builder(5_000).admission(admission)).build().await.unwrap();
    for engine in [here, there] {
        for query in [COUNT, LIST, HEAVY, COUNT, LIST, HEAVY] {
            asked(&chief(&engine), query).await.unwrap();
            // Also where what is left of another one has not come to rest.
            drop(chief(&engine).query_json(query).await.unwrap());
        }
    }
}
