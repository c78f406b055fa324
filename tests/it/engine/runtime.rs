//! Queries on a runtime of the host, and queries that panic.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use sandbar::{Engine, EngineBuilder, Limits, Overflow};
use tokio::runtime::{Builder, Handle, Runtime};

use super::cancelled::{endless_table, until};
use super::{COUNT, HEAVY, LIST, asked, builder, chief, csv, hosted, rows};

/// The threads of a host's runtime.
const NAME: &str = "queries";

/// A runtime that is dropped without waiting, as asynchronous tests must.
pub(super) struct Queries(Option<Runtime>);

impl Queries {
    pub(super) fn new(threads: usize) -> Self {
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(threads).thread_name(NAME).enable_all();
        Self(Some(runtime.build().unwrap()))
    }

    pub(super) fn handle(&self) -> &Handle {
        self.0.as_ref().unwrap().handle()
    }

    pub(super) fn of(&self, builder: EngineBuilder) -> EngineBuilder {
        builder.runtime(self.handle().clone())
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

/// When a table panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Never,
    Scanned,
    Executed,
    Read,
}

/// A table that writes down on which threads it is worked on, and that may panic.
#[derive(Clone, Debug)]
struct Told {
    when: When,
    panicking: Arc<AtomicBool>,
    threads: Arc<Mutex<Vec<String>>>,
}

impl Told {
    fn new(when: When) -> Self {
        Self { when, panicking: Arc::new(true.into()), threads: Arc::default() }
    }

    fn reached(&self, when: When) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.threads.lock().unwrap().push(thread);
        let panics = self.when == when && self.panicking.load(Ordering::SeqCst);
        assert!(!panics, "a secret of the table");
    }
}

#[async_trait]
impl TableProvider for Told {
    fn schema(&self) -> SchemaRef {
        rows(0).schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.reached(When::Scanned);
        let parts = (0..2).map(|_| -> Arc<dyn PartitionStream> { Arc::new(self.clone()) });
        let table = StreamingTable::try_new(TableProvider::schema(self), parts.collect())?;
        table.scan(state, projection, filters, limit).await
    }
}

impl PartitionStream for Told {
    fn schema(&self) -> &SchemaRef {
        static SCHEMA: std::sync::LazyLock<SchemaRef> =
            std::sync::LazyLock::new(|| rows(0).schema());
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.reached(When::Executed);
        let told = self.clone();
        let batches = futures::stream::iter([Ok(rows(5))]).inspect(move |_| {
            told.reached(When::Read);
        });
        Box::pin(RecordBatchStreamAdapter::new(rows(0).schema(), batches))
    }
}

#[tokio::test]
async fn queries_are_planned_and_run_on_the_runtime_of_the_host() {
    let queries = Queries::new(2);
    let told = Told::new(When::Never);
    let engine = queries.of(hosted(Arc::new(told.clone()))).build().await.unwrap();
    for query in [COUNT, LIST, HEAVY] {
        asked(&chief(&engine), query).await.unwrap();
    }
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n10\n");
    let threads = told.threads.lock().unwrap();
    assert!(threads.len() >= 12 && threads.iter().all(|name| name == NAME), "{threads:?}");
}

#[tokio::test]
async fn answers_are_the_same_on_both() {
    let queries = Queries::new(2);
    let here = builder(3_000).build().await.unwrap();
    let there = queries.of(builder(3_000)).build().await.unwrap();
    for query in [COUNT, LIST, HEAVY, r#"{"table":"sales","fields":["id"],"limit":7}"#] {
        assert_eq!(csv(&chief(&here), query).await, csv(&chief(&there), query).await, "{query}");
    }
    let strict = Limits::default().with_rows(1).with_overflow(Overflow::Fail);
    for query in [LIST, r#"{"table":"nothing"}"#] {
        let fails = async |engine: &Engine| {
            asked(&chief(engine).with_limits(strict.clone()), query).await.unwrap_err()
        };
        let [here, there] = [fails(&here).await, fails(&there).await];
        assert_eq!((here.code(), here.to_string()), (there.code(), there.to_string()), "{query}");
    }
}

#[tokio::test]
async fn dropping_an_answer_ends_its_work_on_the_other_runtime() {
    let queries = Queries::new(1);
    let (table, open) = endless_table();
    let engine = queries.of(hosted(table)).build().await.unwrap();
    for query in [COUNT, LIST, HEAVY, r#"{"table":"heap","fields":["id"]}"#] {
        let answer = chief(&engine).query_json(query).await.unwrap();
        until("nothing is read", || open.load(Ordering::SeqCst) == 3).await;
        drop(answer);
        until("a stream is read on", || open.load(Ordering::SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn e0302_the_limit_is_kept_while_the_other_runtime_is_busy() {
    let queries = Queries::new(1);
    let engine = queries.of(builder(10)).build().await.unwrap();
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let (started, told) = std::sync::mpsc::channel::<()>();
    let blocker = queries.handle().spawn(async move {
        started.send(()).unwrap();
        busy.recv().unwrap();
    });
    told.recv().unwrap();
    let short = Limits::default().with_time(Some(Duration::from_millis(30)));
    let error = asked(&chief(&engine).with_limits(short), COUNT).await.unwrap_err();
    assert_eq!(error.code(), "E0302");
    assert!(!blocker.is_finished());
    free.send(()).unwrap();
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n10\n");
}

/// A query over a table that panics fails, tells nothing, and the next one is answered.
async fn check_panic(when: When, set_up: impl FnOnce(EngineBuilder) -> EngineBuilder) {
    let told = Told::new(when);
    let engine: Engine = set_up(hosted(Arc::new(told.clone()))).build().await.unwrap();
    for query in [COUNT, LIST, HEAVY] {
        let error = asked(&chief(&engine), query).await.unwrap_err();
        assert_eq!(error.code(), "E0900", "{when:?} {query}");
        assert_eq!(error.to_string(), "the question cannot be answered");
    }
    told.panicking.store(false, Ordering::SeqCst);
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n10\n", "{when:?}");
}

#[tokio::test]
async fn e0900_a_panic_fails_its_query_only() {
    let queries = Queries::new(2);
    for when in [When::Scanned, When::Executed, When::Read] {
        check_panic(when, |builder| builder).await;
        check_panic(when, |builder| queries.of(builder)).await;
    }
}

#[tokio::test]
async fn e0900_a_runtime_that_is_shut_down_answers_nothing() {
    let queries = Queries::new(1);
    let engine = queries.of(builder(10)).build().await.unwrap();
    drop(queries);
    assert_eq!(asked(&chief(&engine), COUNT).await.unwrap_err().code(), "E0900");
}
