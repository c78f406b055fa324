//! The record of a request: once for each, however it ends. And the clock: read once for each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use futures::StreamExt;
use sandbar::{
    Action, Decision, DecisionOutcome, Engine, ErrorKind, Limits, Overflow, SemanticQuery,
};

use super::{COUNT, LIST, asked, builder, chief, tenant};

type Records = Arc<Mutex<Vec<Decision>>>;

async fn recorded(rows: i64) -> (Engine, Records) {
    let records = Records::default();
    let kept = Arc::clone(&records);
    let sink = move |decision: &Decision| kept.lock().unwrap().push(decision.clone());
    (builder(rows).decisions(sink).build().await.unwrap(), records)
}

/// The one record there is: who asked, what came of it, how many rows.
fn only(records: &Records) -> (String, Action, DecisionOutcome, u64) {
    let records = records.lock().unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    (record.subject.clone().unwrap(), record.action, record.outcome, record.rows)
}

/// The record of one question of a tenant.
async fn check(query: &str, outcome: DecisionOutcome, rows: u64) {
    let (engine, records) = recorded(40).await;
    let _ = asked(&tenant(&engine, "a"), query).await;
    let expected = ("somebody of a".to_owned(), Action::Query, outcome, rows);
    assert_eq!(only(&records), expected, "{query}");
    assert_eq!(records.lock().unwrap()[0].snapshot, 1);
}

#[tokio::test]
async fn an_answer_is_recorded_once() {
    check(LIST, DecisionOutcome::Answered, 20).await;
    check(COUNT, DecisionOutcome::Answered, 1).await;
    let none = r#"{"table":"sales","fields":["id"],"filter":{"field":"id","value":-1}}"#;
    check(none, DecisionOutcome::Answered, 0).await;
}

#[tokio::test]
async fn a_refusal_is_recorded_once() {
    let unknown = r#"{"table":"sales","fields":["nothing"]}"#;
    let (engine, records) = recorded(40).await;
    let code = asked(&tenant(&engine, "a"), unknown).await.unwrap_err().code();
    let failed = DecisionOutcome::Failed(ErrorKind::NotFound, code);
    assert_eq!(only(&records), ("somebody of a".to_owned(), Action::Query, failed, 0));
    check(
        r#"{"table":"heap"}"#,
        DecisionOutcome::Failed(ErrorKind::NotFound, code_of_table().await),
        0,
    )
    .await;
}

async fn code_of_table() -> &'static str {
    let (engine, _) = recorded(1).await;
    asked(&tenant(&engine, "a"), r#"{"table":"heap"}"#).await.unwrap_err().code()
}

#[tokio::test]
async fn a_failure_on_the_way_is_recorded_once() {
    let (engine, records) = recorded(40).await;
    let strict = Limits::default().with_rows(5).with_overflow(Overflow::Fail);
    let session = tenant(&engine, "a").with_limits(strict);
    assert!(asked(&session, LIST).await.is_err());
    let (_, _, outcome, _) = only(&records);
    assert_eq!(outcome, DecisionOutcome::Failed(ErrorKind::LimitExceeded, "E0301"));
}

#[tokio::test]
async fn a_truncated_answer_is_recorded_with_the_rows_that_were_given() {
    let (engine, records) = recorded(40).await;
    let session = tenant(&engine, "a").with_limits(Limits::default().with_rows(5));
    assert_eq!(asked(&session, LIST).await.unwrap().num_rows(), 5);
    let expected = ("somebody of a".to_owned(), Action::Query, DecisionOutcome::Answered, 5);
    assert_eq!(only(&records), expected);
}

#[tokio::test]
async fn an_answer_that_is_dropped_unread_was_cancelled() {
    let (engine, records) = recorded(40).await;
    let answer = tenant(&engine, "a").query_json(LIST).await.unwrap();
    assert!(records.lock().unwrap().is_empty());
    drop(answer);
    let expected = ("somebody of a".to_owned(), Action::Query, DecisionOutcome::Cancelled, 0);
    assert_eq!(only(&records), expected);
}

#[tokio::test]
async fn an_answer_that_is_dropped_halfway_was_cancelled() {
    let (engine, records) = recorded(40_000).await;
    let many = Limits::default().with_rows(u64::MAX);
    let mut answer = tenant(&engine, "a").with_limits(many).query_json(LIST).await.unwrap();
    let rows = answer.next().await.unwrap().unwrap().num_rows();
    assert!(rows < 20_000);
    drop(answer);
    let (_, _, outcome, given) = only(&records);
    assert_eq!((outcome, given), (DecisionOutcome::Cancelled, rows as u64));
}

#[tokio::test]
async fn a_stream_that_is_read_to_its_end_is_recorded_before_it_is_dropped() {
    let (engine, records) = recorded(40).await;
    let mut answer = tenant(&engine, "a").query_json(LIST).await.unwrap();
    while let Some(batch) = answer.next().await {
        batch.unwrap();
    }
    assert_eq!(only(&records).2, DecisionOutcome::Answered);
    assert!(answer.next().await.is_none());
    drop(answer);
    assert_eq!(only(&records).3, 20);
}

#[tokio::test]
async fn values_and_explanations_are_recorded_as_what_they_are() {
    let (engine, records) = recorded(40).await;
    tenant(&engine, "a").field_values("sales", "tenant", 10).await.unwrap();
    let expected = ("somebody of a".to_owned(), Action::FieldValues, DecisionOutcome::Answered, 1);
    assert_eq!(only(&records), expected);
    records.lock().unwrap().clear();
    let query = SemanticQuery::from_json(LIST).unwrap();
    chief(&engine).explain(&query).await.unwrap();
    let expected = ("the chief".to_owned(), Action::Explain, DecisionOutcome::Answered, 0);
    assert_eq!(only(&records), expected);
}

#[tokio::test]
async fn l54_a_record_says_whether_anything_was_narrowed_and_no_value() {
    let (engine, records) = recorded(40).await;
    let query =
        r#"{"table":"sales","fields":["id"],"filter":{"field":"code","value":"my literal"}}"#;
    asked(&tenant(&engine, "a"), query).await.unwrap();
    asked(&chief(&engine), LIST).await.unwrap();
    let records = records.lock().unwrap();
    assert!(records[0].scoped && !records[1].scoped);
    for record in &*records {
        assert!(record.planning > Duration::ZERO, "{record:?}");
        assert!(record.waited + record.planning <= record.duration, "{record:?}");
    }
    assert_ne!(records[0].effective_policy, records[1].effective_policy);
    assert!(!format!("{records:?}").contains("my literal"));
}

/// How often a clock was read for one request.
async fn check_clock<T>(ask: impl AsyncFnOnce(&Engine) -> T) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let clock = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        UNIX_EPOCH + Duration::from_secs(86_400 * 3)
    };
    let engine = builder(40).clock(clock).build().await.unwrap();
    let before = reads.load(Ordering::SeqCst);
    ask(&engine).await;
    assert_eq!(reads.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn l42_the_clock_is_read_once_per_request() {
    let times = r#"{"table":"sales","fields":["id"],"filter":{"and":[
        {"field":"at","op":"this","unit":"day"},{"field":"at","op":"last","count":2,"unit":"week"},
        {"not":{"field":"at","op":"previous","count":3,"unit":"month"}}]}}"#;
    check_clock(async |engine| asked(&chief(engine), LIST).await).await;
    check_clock(async |engine| asked(&tenant(engine, "a"), times).await.unwrap()).await;
    check_clock(async |engine| asked(&chief(engine), r#"{"table":"nothing"}"#).await).await;
    check_clock(async |engine| chief(engine).field_values("sales", "id", 3).await.unwrap()).await;
    let query = SemanticQuery::from_json(times).unwrap();
    check_clock(async |engine| chief(engine).explain(&query).await.unwrap()).await;
    check_clock(async |engine| chief(engine).tables().unwrap()).await;
    check_clock(async |engine| chief(engine).search("sales").unwrap()).await;
}

#[tokio::test]
async fn a_record_names_policies_and_masked_fields_and_no_value() {
    let records = Records::default();
    let kept = Arc::clone(&records);
    let sink = move |decision: &Decision| kept.lock().unwrap().push(decision.clone());
    let engine = sandbar_testkit::shop().decisions(sink).build().await.unwrap();
    let wei = sandbar_testkit::principal(sandbar_shop::Asker::named("wei").unwrap());
    let session = engine.session(wei);
    for (query, policies, masked) in [
        (
            r#"{"table":"orders","aggregations":["count"],"group_by":["customer.email"]}"#,
            vec!["regional_orders", "regional_people"],
            vec!["people.email"],
        ),
        (r#"{"table":"products","aggregations":["count"]}"#, vec!["regional_products"], vec![]),
        (r#"{"table":"people","fields":["id"],"limit":1}"#, vec!["regional_people"], vec![]),
    ] {
        asked(&session, query).await.unwrap();
        let record = records.lock().unwrap().pop().unwrap();
        // The states that he is responsible for are in his attributes.
        assert!(!format!("{record:?}").contains("\"CA\""), "{record:?}");
        assert_eq!((record.policies, record.masked), (listed(&policies), listed(&masked)));
        assert_eq!(record.token, None);
    }
    session.tables().unwrap();
    let record = records.lock().unwrap().pop().unwrap();
    assert!(record.policies.is_empty() && record.masked.is_empty());
}

fn listed(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
