//! A table of a host that takes its time: the limit counts from the call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use sandbar::{Engine, Error, ErrorKind, Limits, SemanticQuery};

use super::{COUNT, asked, chief, over, rows};

/// How a table takes its time before it can be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    Sleep(Duration),
    Block(Duration),
}

#[derive(Debug)]
struct Slow(MemTable, Wait);

#[async_trait]
impl TableProvider for Slow {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
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
        match self.1 {
            Wait::Sleep(time) => tokio::time::sleep(time).await,
            Wait::Block(time) => std::thread::sleep(time),
        }
        self.0.scan(state, projection, filters, limit).await
    }
}

pub(super) fn slow_table(wait: Wait) -> Arc<dyn TableProvider> {
    let batch = rows(10);
    Arc::new(Slow(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap(), wait))
}

async fn slow(wait: Wait) -> Engine {
    over(slow_table(wait)).await
}

/// A question, and its explanation, that have a tenth of a second end with the limit.
async fn check_time(wait: Wait) {
    let short = Limits::default().with_time(Some(Duration::from_millis(100)));
    let session = chief(&slow(wait).await).with_limits(short);
    let started = Instant::now();
    let over = |error: Error| {
        assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0302"), "{wait:?}");
    };
    over(session.query_json(COUNT).await.unwrap_err());
    over(session.explain(&SemanticQuery::from_json(COUNT).unwrap()).await.unwrap_err());
    assert!(started.elapsed() < Duration::from_secs(20), "{wait:?}: {:?}", started.elapsed());
    // Without a limit the same question is answered.
    let quick = slow(Wait::Block(Duration::from_millis(150))).await;
    let session = chief(&quick).with_limits(Limits::default().with_time(None));
    assert_eq!(asked(&session, COUNT).await.unwrap().to_csv().unwrap(), "count\n10\n");
}

#[tokio::test]
async fn e0302_the_time_counts_from_the_call() {
    check_time(Wait::Sleep(Duration::from_secs(60))).await;
    check_time(Wait::Block(Duration::from_millis(150))).await;
}

#[test]
fn e0302_without_timers_the_time_is_looked_at_between_the_stages() {
    let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
    bare.block_on(check_time(Wait::Block(Duration::from_millis(150))));
}
