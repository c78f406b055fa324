//! A budget of rows inside the plan: what comes out of joins is counted where it comes out, so that
//! a join that gives more and more rows is stopped before something above has read them all.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::make_cooperative;
use futures::{Stream, StreamExt};

use crate::deadline::Deadline;
use crate::error::RunError;
use crate::passing::{Beside, Tells, beside};

/// What the joins of one query may give.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    deadline: Deadline,
}

impl Budget {
    pub(crate) fn new(limit: u64, deadline: Deadline) -> Self {
        Self { limit, used: AtomicU64::new(0), deadline }
    }

    /// The plan with every join of it counted. Nothing is optimised after this.
    pub(crate) fn over(
        self,
        plan: &Arc<dyn ExecutionPlan>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, RunError> {
        beside(Arc::clone(plan), self, |node| node.name().ends_with("JoinExec"))
    }

    fn take(&self, rows: usize) -> Result<()> {
        let rows = rows as u64;
        let used = self.used.fetch_add(rows, Ordering::Relaxed).saturating_add(rows);
        let stop = |error| Err(DataFusionError::External(Box::new(error)));
        if used > self.limit {
            return stop(RunError::Joined(self.limit));
        }
        self.deadline.check().or_else(stop)
    }
}

/// Counts the rows of a join.
impl Beside for Budget {
    const NAME: &'static str = "BudgetExec";
    const TELLS: Tells = Tells::Order;

    fn execute(
        self: &Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = input.execute(partition, context)?;
        let counted = Counted { input, budget: Arc::clone(self) };
        // One batch of the input may give very many: without a rest in between whoever reads them
        // could not be stopped.
        Ok(make_cooperative(Box::pin(counted)))
    }
}

struct Counted {
    input: SendableRecordBatchStream,
    budget: Arc<Budget>,
}

impl Stream for Counted {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.input.poll_next_unpin(context));
        Poll::Ready(next.map(|batch| {
            let batch = batch?;
            self.budget.take(batch.num_rows())?;
            Ok(batch)
        }))
    }
}

impl RecordBatchStream for Counted {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
