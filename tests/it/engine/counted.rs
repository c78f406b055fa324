//! What works is counted as running, also where its caller has gone: until it comes to rest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
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
use futures::{FutureExt, StreamExt};
use sandbar::{Admission, Engine, Limits};

use super::cancelled::until;
use super::runtime::Queries;
use super::{COUNT, HEAVY, LIST, asked, builder, chief, csv, hosted, rows};

/// Where a table holds its thread.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Scanned,
    Read,
}

/// A table that holds the thread of who comes first, until it is let go.
#[derive(Clone, Debug)]
struct Holding {
    when: When,
    holds: Arc<AtomicBool>,
    gone: Arc<(Mutex<bool>, Condvar)>,
}

impl Holding {
    fn new(when: When) -> Self {
        Self { when, holds: Arc::default(), gone: Arc::default() }
    }

    fn reached(&self, when: When) {
        let (gone, told) = &*self.gone;
        if when == self.when && !self.holds.swap(true, Ordering::SeqCst) {
            let held = gone.lock().unwrap();
            drop(told.wait_while(held, |gone| !*gone).unwrap());
        }
    }

    fn let_go(&self) {
        let (gone, told) = &*self.gone;
        *gone.lock().unwrap() = true;
        told.notify_all();
    }
}

#[async_trait]
impl TableProvider for Holding {
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

impl PartitionStream for Holding {
    fn schema(&self) -> &SchemaRef {
        static SCHEMA: std::sync::LazyLock<SchemaRef> =
            std::sync::LazyLock::new(|| rows(0).schema());
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let table = self.clone();
        let batches = futures::stream::iter([Ok(rows(5))]);
        let batches = batches.inspect(move |_| table.reached(When::Read));
        Box::pin(RecordBatchStreamAdapter::new(rows(0).schema(), batches))
    }
}

/// An engine in which one query runs at a time, on a runtime of its own.
async fn one_at_a_time(table: &Holding, queries: &Queries) -> Engine {
    let admission = Admission::default().with_running(1);
    let builder = hosted(Arc::new(table.clone())).admission(admission);
    queries.of(builder).build().await.unwrap()
}

/// Nobody else runs until the work of somebody who has gone comes to rest.
async fn check_counted(engine: &Engine, table: &Holding) {
    let session = chief(engine);
    let mut next = Box::pin(csv(&session, COUNT));
    let waited = tokio::time::timeout(Duration::from_millis(60), &mut next).await;
    assert!(
        waited.is_err(),
        "{:?}: the next one runs beside what is left of the first",
        table.when
    );
    table.let_go();
    assert_eq!(next.await, "count\n10\n");
}

#[tokio::test]
async fn a_query_whose_time_is_over_is_counted_while_it_is_planned() {
    let (queries, table) = (Queries::new(2), Holding::new(When::Scanned));
    let engine = one_at_a_time(&table, &queries).await;
    let mut time = Duration::from_millis(30);
    // On a busy machine the time may be over before the table is reached.
    while !table.holds.load(Ordering::SeqCst) {
        let short = Limits::default().with_time(Some(time));
        let error = asked(&chief(&engine).with_limits(short), COUNT).await.unwrap_err();
        assert!(["E0302", "E0310"].contains(&error.code()), "{error}");
        time *= 2;
    }
    check_counted(&engine, &table).await;
}

#[tokio::test]
async fn an_answer_that_is_dropped_is_counted_while_its_work_goes_on() {
    for query in [COUNT, LIST, HEAVY] {
        let (queries, table) = (Queries::new(2), Holding::new(When::Read));
        let engine = one_at_a_time(&table, &queries).await;
        let answer = chief(&engine).query_json(query).await.unwrap();
        until("nothing is read", || table.holds.load(Ordering::SeqCst)).await;
        drop(answer);
        check_counted(&engine, &table).await;
    }
}

#[tokio::test]
async fn rights_are_looked_at_again_where_queries_run() {
    let queries = Queries::new(1);
    let engine = queries.of(builder(40_000)).build().await.unwrap();
    let wide = Limits::default().with_rows(100_000);
    let unordered = r#"{"table":"heap","fields":["id"]}"#;
    let mut answer = chief(&engine).with_limits(wide).query_json(unordered).await.unwrap();
    let mut found = answer.next().await.unwrap().unwrap().num_rows();
    // Other batches are ready, and nothing is done there any more.
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let (started, told) = tokio::sync::oneshot::channel();
    let blocker = queries.handle().spawn(async move {
        started.send(()).unwrap();
        busy.recv().unwrap();
    });
    told.await.unwrap();
    engine.reload(&super::model()).await.unwrap();
    for _ in 0..3 {
        assert!(answer.next().now_or_never().is_none(), "a row is given before rights are known");
        tokio::task::yield_now().await;
    }
    // It is looked at while there is another reload. However quickly they come, each look at one is
    // followed by rows.
    engine.reload(&super::model()).await.unwrap();
    free.send(()).unwrap();
    queries.handle().spawn(async {}).await.unwrap();
    found += answer.next().now_or_never().unwrap().unwrap().unwrap().num_rows();
    while let Some(batch) = answer.next().await {
        found += batch.unwrap().num_rows();
    }
    assert_eq!(found, 40_000);
    blocker.await.unwrap();
}
