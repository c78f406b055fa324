//! Nodes that pass the rows of another on, in their partitions and their order. Some do something
//! beside and are put into a plan after it is optimised; others keep what is known of the rows from
//! whoever optimises it. Batches without rows end at any of them (`filled.rs`).

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::error::RunError;
use crate::filled::filled;

/// What such nodes do, and what they let through. Whatever else DataFusion would move through a node
/// (limits, projections, sorts) it refuses to by its defaults.
pub(crate) trait Beside: fmt::Debug + Send + Sync + 'static {
    /// The name of the nodes that do it.
    const NAME: &'static str;
    /// What is told of the rows.
    const TELLS: Tells;

    /// The rows of one partition.
    fn execute(
        self: &Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(self.around(input.execute(partition, context)?))
    }

    /// The rows of one partition, with what is done beside.
    fn around(self: &Arc<Self>, input: SendableRecordBatchStream) -> SendableRecordBatchStream {
        input
    }
}

/// What a node tells of the rows that it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Their order, and what is known of their values. It is asked for no more.
    Order,
    /// How many there may be; and filters go through it.
    HowMany,
    /// How they are spread.
    Nothing,
}

/// The properties of a plan of whose rows nothing is known but how they are spread. Joins take the
/// order of one side for that of their rows (apache/datafusion#25052).
pub(crate) fn unordered(plan: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
    let known = plan.properties().as_ref().clone();
    Arc::new(known.with_eq_properties(EquivalenceProperties::new(plan.schema())))
}

/// The input of a node that has one.
pub(crate) fn only(
    mut children: Vec<Arc<dyn ExecutionPlan>>,
    name: &str,
) -> Result<Arc<dyn ExecutionPlan>> {
    let input = children.pop().filter(|_| children.is_empty());
    input.ok_or_else(|| DataFusionError::Internal(format!("{name} has one input")))
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

/// The node.
#[derive(Debug)]
pub(crate) struct PassingExec<B> {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    what: Arc<B>,
}

impl<B: Beside> PassingExec<B> {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, what: Arc<B>) -> Self {
        let properties = match B::TELLS {
            Tells::Order => Arc::clone(input.properties()),
            Tells::HowMany | Tells::Nothing => unordered(&input),
        };
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
        vec![B::TELLS == Tells::Order]
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
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(only(children, B::NAME)?, Arc::clone(&self.what))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(filled(self.what.execute(&self.input, partition, context)?))
    }
    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        match B::TELLS {
            Tells::HowMany => vec![ChildStats::At(partition)],
            Tells::Order | Tells::Nothing => vec![ChildStats::Skip],
        }
    }

    fn statistics_from_inputs(
        &self,
        input: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        // Of what is not asked for, nothing is known.
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(input.first().map_or_else(unknown, Arc::clone))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        match B::TELLS {
            Tells::HowMany => FilterDescription::from_children(filters, &self.children()),
            Tells::Order | Tells::Nothing => {
                Ok(FilterDescription::all_unsupported(&filters, &self.children()))
            }
        }
    }
}
