//! Limits of rows, time and memory.

use std::time::{Duration, Instant};

use futures::StreamExt;
use sandbar::{ErrorKind, Limits, Overflow};

use super::{COUNT, HEAVY, LIST, asked, chief, csv, engine};

fn limits() -> Limits {
    Limits::default()
}

/// How many rows come of a hundred, and whether the answer says that there are more.
async fn check_rows(cap: u64, query: &str, expected: usize, truncated: bool) {
    let session = chief(&engine(100).await).with_limits(limits().with_rows(cap));
    let collected = asked(&session, query).await.unwrap();
    assert_eq!((collected.num_rows(), collected.is_truncated()), (expected, truncated), "{query}");
    let codes: Vec<&str> = collected.warnings().iter().map(|w| w.code()).collect();
    assert_eq!(codes, if truncated { vec!["W0002"] } else { vec![] });
}

#[tokio::test]
async fn w0002_an_answer_over_the_limit_is_cut_and_says_so() {
    check_rows(10, LIST, 10, true).await;
    check_rows(99, LIST, 99, true).await;
    check_rows(1, LIST, 1, true).await;
    check_rows(0, LIST, 0, true).await;
}

#[tokio::test]
async fn an_answer_within_the_limit_is_whole() {
    check_rows(100, LIST, 100, false).await;
    check_rows(u64::MAX, LIST, 100, false).await;
    check_rows(1, COUNT, 1, false).await;
    check_rows(10, r#"{"table":"sales","fields":["id"],"limit":10}"#, 10, false).await;
}

#[tokio::test]
async fn a_limit_that_is_asked_for_does_not_lift_the_other() {
    check_rows(10, r#"{"table":"sales","fields":["id"],"limit":11}"#, 10, true).await;
    check_rows(10, r#"{"table":"sales","group_by":["id"],"limit":50}"#, 10, true).await;
}

#[tokio::test]
async fn e0301_more_rows_than_allowed_where_that_is_to_fail() {
    let fail = limits().with_rows(10).with_overflow(Overflow::Fail);
    let session = chief(&engine(100).await).with_limits(fail);
    let error = asked(&session, LIST).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0301"));
    let ten = r#"{"table":"sales","fields":["id"],"limit":10}"#;
    assert_eq!(asked(&session, ten).await.unwrap().num_rows(), 10);
}

/// A hundred ids of eight bytes.
#[tokio::test]
async fn e0311_more_bytes_than_allowed() {
    let engine = engine(100).await;
    let asked_with = async |limits: Limits| asked(&chief(&engine).with_limits(limits), LIST).await;
    assert_eq!(asked_with(limits().with_bytes(800)).await.unwrap().num_rows(), 100);
    let error = asked_with(limits().with_bytes(799)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0311"));
    // Rows that are cut off do not count.
    let few = asked_with(limits().with_rows(10).with_bytes(80)).await.unwrap();
    assert_eq!((few.num_rows(), few.is_truncated()), (10, true));
    let error = asked_with(limits().with_rows(10).with_bytes(79)).await.unwrap_err();
    assert_eq!(error.code(), "E0311");
}

#[tokio::test]
async fn e0302_a_question_that_takes_longer_than_allowed() {
    let engine = engine(100_000).await;
    let short = limits().with_time(Some(Duration::from_millis(1)));
    let started = Instant::now();
    let error = asked(&chief(&engine).with_limits(short), HEAVY).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0302"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
    // The session that asked before is not the worse for it.
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n100000\n");
}

#[tokio::test]
async fn e0302_holds_for_a_stream_that_is_read_slowly() {
    let engine = engine(100_000).await;
    let short = limits().with_rows(u64::MAX).with_time(Some(Duration::from_millis(1_500)));
    let mut answer = chief(&engine).with_limits(short).query_json(LIST).await.unwrap();
    let first = answer.next().await.unwrap();
    if first.is_ok() {
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        let error = answer.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), "E0302");
    }
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn e0303_a_question_that_needs_more_memory_than_allowed() {
    let engine = engine(100_000).await;
    let small = limits().with_memory(1 << 20).with_time(None);
    let error = asked(&chief(&engine).with_limits(small), HEAVY).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0303"), "{error}");
    assert!(!error.to_string().contains("GroupedHash"), "{error}");
}

#[tokio::test]
async fn memory_that_is_allowed_is_enough_for_a_small_question() {
    let engine = engine(100_000).await;
    let small = limits().with_memory(1 << 20);
    assert_eq!(csv(&chief(&engine).with_limits(small), COUNT).await, "count\n100000\n");
}
