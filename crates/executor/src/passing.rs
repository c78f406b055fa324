//! Nodes that pass the rows of another on, in their partitions and their order, and do something
//! beside. They are put into a plan after it is optimised.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::error::RunError;

/// What is done beside.
pub(crate) trait Beside: fmt::Debug + Send + Sync + 'static {
    /// The name of the nodes that do it.
    const NAME: &'static str;

    /// The rows of one partition.
    fn execute(
        self: &Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream>;
}

/// The plan with something done beside each of these nodes of it.
pub(crate) fn beside<B: Beside>(
    plan: Arc<dyn ExecutionPlan>,
    what: B,
    nodes: impl Fn(&Arc<dyn ExecutionPlan>) -> bool,
) -> std::result::Result<Arc<dyn ExecutionPlan>, RunError> {
    let what = Arc::new(what);
    let done = plan.transform_up(|node| {
        if !nodes(&node) {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(Arc::new(PassingExec::new(node, Arc::clone(&what)))))
    });
    done.data().map_err(RunError::from_datafusion)
}

#[derive(Debug)]
struct PassingExec<B> {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    what: Arc<B>,
}

impl<B> PassingExec<B> {
    fn new(input: Arc<dyn ExecutionPlan>, what: Arc<B>) -> Self {
        let properties = Arc::clone(input.properties());
        Self { input, properties, what }
    }
}

impl<B: Beside> DisplayAs for PassingExec<B> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(B::NAME)
    }
}

impl<B: Beside> ExecutionPlan for PassingExec<B> {
    fn name(&self) -> &str {
        B::NAME
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
            (Some(input), true) => Ok(Arc::new(Self::new(input, Arc::clone(&self.what)))),
            _ => Err(DataFusionError::Internal(format!("{} has one input", B::NAME))),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.what.execute(&self.input, partition, context)
    }
}
