//! A budget of rows inside the plan: what comes out of joins is counted where it comes out, so that
//! a join that gives more and more rows is stopped before something above has read them all.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use crate::deadline::Deadline;
use crate::error::RunError;

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
        let budget = Arc::new(self);
        let counted = Arc::clone(plan).transform_up(|node| {
            if !node.name().ends_with("JoinExec") {
                return Ok(Transformed::no(node));
            }
            let properties = Arc::clone(node.properties());
            let budget = Arc::clone(&budget);
            Ok(Transformed::yes(Arc::new(BudgetExec { input: node, properties, budget })))
        });
        counted.data().map_err(RunError::from_datafusion)
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
#[derive(Debug)]
struct BudgetExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    budget: Arc<Budget>,
}

impl DisplayAs for BudgetExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BudgetExec")
    }
}

impl ExecutionPlan for BudgetExec {
    fn name(&self) -> &str {
        "BudgetExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => {
                let properties = Arc::clone(input.properties());
                Ok(Arc::new(Self { input, properties, budget: Arc::clone(&self.budget) }))
            }
            _ => Err(DataFusionError::Internal("a budget has one input".to_owned())),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let counted = Counted { input, budget: Arc::clone(&self.budget) };
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
