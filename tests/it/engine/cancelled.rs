//! Work ends when nobody waits for it: what was being read is let go.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use sandbar::{Action, Decision, DecisionOutcome, Engine, Limits, SemanticQuery};

use super::slow::{Wait, slow_table};
use super::{COUNT, HEAVY, LIST, asked, chief, hosted, over, rows};

/// A table that gives some rows and then never ends, and counts its streams that are open.
#[derive(Debug)]
struct Endless {
    schema: SchemaRef,
    open: Arc<AtomicUsize>,
}

/// A stream that is open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PartitionStream for Endless {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let open = Open::new(&self.open);
        let stream = futures::stream::iter([Ok(rows(40))]).chain(futures::stream::pending());
        let held = stream.inspect(move |_| assert!(open.0.load(Ordering::SeqCst) > 0));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), held))
    }
}

/// A table that never ends, in three parts, and how many of its streams are open.
pub(super) fn endless_table() -> (Arc<dyn TableProvider>, Arc<AtomicUsize>) {
    let (schema, open) = (rows(0).schema(), Arc::new(AtomicUsize::new(0)));
    let part = |_| -> Arc<dyn PartitionStream> {
        Arc::new(Endless { schema: Arc::clone(&schema), open: Arc::clone(&open) })
    };
    let table = StreamingTable::try_new(Arc::clone(&schema), (0..3).map(part).collect()).unwrap();
    (Arc::new(table), open)
}

async fn endless() -> (Engine, Arc<AtomicUsize>) {
    let (table, open) = endless_table();
    (over(table).await, open)
}

/// Lets other tasks go on until something holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

/// Asks, waits until all partitions are read, drops the answer, and waits until none is.
async fn check_dropped(query: &str, rows_come: bool) {
    let (engine, open) = endless().await;
    let mut answer = chief(&engine).query_json(query).await.unwrap();
    if rows_come {
        assert!(answer.next().await.unwrap().unwrap().num_rows() > 0, "{query}");
    } else {
        let waited = tokio::time::timeout(Duration::from_millis(50), answer.next()).await;
        assert!(waited.is_err(), "{query}");
    }
    assert_eq!(open.load(Ordering::SeqCst), 3, "{query}");
    drop(answer);
    until("a stream is read on", || open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn dropping_an_answer_drops_the_streams_it_is_read_from() {
    let unordered = r#"{"table":"heap","fields":["id"]}"#;
    check_dropped(unordered, true).await;
    // Nothing of these comes before the end of what they read.
    check_dropped(COUNT, false).await;
    check_dropped(LIST, false).await;
    check_dropped(HEAVY, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_call_drops_the_streams_of_its_task() {
    let (engine, open) = endless().await;
    let kept = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&kept);
    let task = tokio::task::JoinSet::from_iter([async move {
        let _ = asked(&chief(&engine), HEAVY).await;
        done.store(true, Ordering::SeqCst);
    }]);
    until("nothing is read", || open.load(Ordering::SeqCst) == 3).await;
    drop(task);
    until("a stream is read on", || open.load(Ordering::SeqCst) == 0).await;
    assert!(!kept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_limit_of_time_drops_the_streams_too() {
    let (engine, open) = endless().await;
    let short = Limits::default().with_time(Some(Duration::from_millis(200)));
    let session = chief(&engine).with_limits(short);
    let mut answer = session.query_json(HEAVY).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap_err().code(), "E0302");
    until("a stream is read on", || open.load(Ordering::SeqCst) == 0).await;
    drop(answer);
}

#[tokio::test]
async fn a_call_that_is_dropped_before_its_answer_is_recorded_as_cancelled() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&outcomes);
    let sink = move |decision: &Decision| {
        kept.lock().unwrap().push((decision.action, decision.outcome));
    };
    let table = slow_table(Wait::Sleep(Duration::from_secs(60)));
    let engine = hosted(table).decisions(sink).build().await.unwrap();
    let session = chief(&engine);
    let soon = Duration::from_millis(50);
    assert!(tokio::time::timeout(soon, session.query_json(COUNT)).await.is_err());
    let query = SemanticQuery::from_json(COUNT).unwrap();
    assert!(tokio::time::timeout(soon, session.explain(&query)).await.is_err());
    let cancelled = |action| (action, DecisionOutcome::Cancelled);
    assert_eq!(*outcomes.lock().unwrap(), [Action::Query, Action::Explain].map(cancelled));
}
