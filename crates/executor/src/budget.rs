//! A budget of rows inside the plan: what comes out of joins, and of rows that are written out for
//! each period in which they count, is counted where it comes out, so that what gives more and more
//! rows is stopped before something above has read them all.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::make_cooperative;
use futures::{Stream, StreamExt};

use crate::deadline::Deadline;
use crate::error::RunError;
use crate::pairs::stopped_between;
use crate::passing::{Beside, PassingExec, Tells};
use crate::resting::{gives_at_once, resting};
use crate::slices::written_in_slices;
use crate::windows::by_batches;

/// What the joins of one query, and what is like them, may give, and until when.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    deadline: Deadline,
    gone: Arc<AtomicBool>,
}

/// Says when it is dropped that nobody waits for the answer any more.
#[derive(Debug)]
pub(crate) struct Waiting {
    gone: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    pub(crate) fn new(limit: u64, deadline: Deadline) -> Self {
        Self { limit, used: AtomicU64::new(0), deadline, gone: Arc::default() }
    }

    /// Whoever waits for the answer.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { gone: Arc::clone(&self.gone) }
    }

    /// The plan with all of it counted that makes more rows of some, with rests where rows are read,
    /// and with windows that go by batches. Nothing is optimised after this.
    pub(crate) fn over(
        self,
        plan: &Arc<dyn ExecutionPlan>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, RunError> {
        let budget = Arc::new(self);
        let counted = Arc::clone(plan).transform_up(|node| {
            if gives_at_once(&node) {
                return Ok(Transformed::yes(resting(node)));
            }
            if let Some(parted) = by_batches(&node) {
                return Ok(Transformed::yes(resting(parted)));
            }
            let more = match written_in_slices(&node)? {
                Some(sliced) => sliced,
                None if node.name().ends_with("JoinExec") => {
                    stopped_between(&node, &budget)?.unwrap_or(node)
                }
                None => return Ok(Transformed::no(node)),
            };
            Ok(Transformed::yes(Arc::new(PassingExec::new(more, Arc::clone(&budget)))))
        });
        counted.data().map_err(RunError::from_datafusion)
    }

    /// Nothing where there is time left and somebody waits.
    pub(crate) fn check(&self) -> Result<()> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("nobody waits for the answer".to_owned()));
        }
        self.deadline.check().map_err(|over| DataFusionError::External(Box::new(over)))
    }

    fn take(&self, rows: usize) -> Result<()> {
        let rows = rows as u64;
        let used = self.used.fetch_add(rows, Ordering::Relaxed).saturating_add(rows);
        if used > self.limit {
            return Err(DataFusionError::External(Box::new(RunError::Joined(self.limit))));
        }
        self.check()
    }
}

/// Counts the rows of a join, and of what is like one.
impl Beside for Budget {
    const NAME: &'static str = "BudgetExec";
    const TELLS: Tells = Tells::Order;

    fn around(self: &Arc<Self>, input: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let counted = Counted { input, budget: Arc::clone(self) };
        // One batch of the input may give very many: without a rest in between whoever reads them
        // could not be stopped.
        make_cooperative(Box::pin(counted))
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
