//! A running answer ends when a reload takes away what it is made of, and only then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use sandbar::{Action, Decision, DecisionOutcome, Engine, Error, ErrorKind, Model, Session};

use super::cancelled::{endless_table, until};
use super::{HEAVY, LIST, MODEL, POLICIES, builder, chief, hosted, model, tenant};

const HEAP: &str = r#"{"table":"heap","fields":["id","tenant"]}"#;

fn with(model: &str, policies: &str) -> Model {
    Model::new().with_model("model.yaml", model).with_policies("policies.yaml", policies)
}

fn without(line: &str) -> String {
    POLICIES.lines().filter(|l| !l.contains(line)).collect::<Vec<_>>().join("\n")
}

fn ended(error: &Error) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Cancelled, "E0308"), "{error}");
}

/// Whether an answer that waits for rows ends when the engine is reloaded.
async fn ends(asker: impl Fn(&Engine) -> Session, query: &str, reloaded: Model) -> bool {
    let (table, open) = endless_table();
    let engine = hosted(table).build().await.unwrap();
    let mut answer = asker(&engine).query_json(query).await.unwrap();
    let wait = async {
        loop {
            match answer.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break ended(&error),
                None => panic!("it is over"),
            }
        }
    };
    let reload = async {
        until("it is read", || open.load(std::sync::atomic::Ordering::SeqCst) == 3).await;
        engine.reload(&reloaded).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let ended = tokio::select! {
        biased;
        () = wait => true,
        () = reload => false,
    };
    if ended {
        assert!(answer.next().await.is_none());
        until("a stream is read on", || open.load(std::sync::atomic::Ordering::SeqCst) == 0).await;
    }
    ended
}

fn a(engine: &Engine) -> Session {
    tenant(engine, "a")
}

#[tokio::test]
async fn l43_a_revoked_policy_ends_what_runs_of_it() {
    let fewer = with(MODEL, &without("own:"));
    assert!(ends(a, LIST, fewer.clone()).await);
    assert!(ends(a, HEAVY, fewer.clone()).await);
    // What others run goes on.
    assert!(!ends(chief, LIST, fewer.clone()).await);
    assert!(!ends(chief, HEAP, fewer).await);
    assert!(ends(chief, HEAP, with(MODEL, &without("all:"))).await);
}

#[tokio::test]
async fn l43_a_narrowed_policy_ends_what_runs_of_it() {
    let fewer_rows = POLICIES.replace("rows: tenant", "rows: id < 9 and tenant");
    assert!(ends(a, LIST, with(MODEL, &fewer_rows)).await);
    for less in ["masks: { tenant: null }", "masks: { tenant: hash }", "fields: { only: [id] }"] {
        let less = POLICIES.replace("heap] }", &format!("heap], {less} }}"));
        assert_ne!(less, POLICIES);
        assert!(ends(chief, HEAP, with(MODEL, &less)).await, "{less}");
        let only = r#"{"table":"heap","fields":["id"]}"#;
        assert!(!ends(chief, only, with(MODEL, &less)).await, "{less}");
    }
}

#[tokio::test]
async fn masks_that_stay_as_they_are_end_nothing() {
    let masked = with(MODEL, &POLICIES.replace("heap] }", "heap], masks: { tenant: hash } }"));
    let engine = builder(20).build().await.unwrap();
    engine.reload(&masked).await.unwrap();
    let mut answer = chief(&engine).query_json(HEAP).await.unwrap();
    engine.reload(&masked).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = answer.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!((rows, engine.snapshot_version()), (20, 3));
}

#[tokio::test]
async fn what_a_reload_leaves_as_it_is_goes_on() {
    assert!(!ends(a, LIST, model()).await);
    assert!(!ends(a, HEAVY, model()).await);
    let more = format!("{MODEL}  most: {{ table: sales, expr: max(id) }}\n");
    assert!(!ends(a, LIST, with(&more, POLICIES)).await);
    // A table that comes before the others changes their places, not what is seen of them.
    let earlier = MODEL.replace(
        "tables:\n",
        "tables:\n  ant: { fields: { id: {} }, source: sales, shares_source: reviewed }\n",
    );
    assert!(!ends(a, LIST, with(&earlier, POLICIES)).await);
}

#[tokio::test]
async fn l43_no_row_is_given_after_a_reload_that_takes_it_away() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let outcomes = Arc::clone(&kept);
    let sink = move |decision: &Decision| {
        outcomes.lock().unwrap().push((decision.action, decision.outcome));
    };
    let engine = builder(20).decisions(sink).build().await.unwrap();
    let mut answer = tenant(&engine, "a").query_json(LIST).await.unwrap();
    engine.reload(&with(MODEL, &without("own:"))).await.unwrap();
    ended(&answer.next().await.unwrap().unwrap_err());
    assert!(answer.next().await.is_none());
    assert_eq!(
        *kept.lock().unwrap(),
        [
            (Action::Reload, DecisionOutcome::Answered),
            (Action::Query, DecisionOutcome::Failed(ErrorKind::Cancelled, "E0308")),
        ]
    );
}
