//! A scan that is a whole plan of its own: a view, or a provider that puts several reads together.
//!
//! To the plan around it it is one leaf, as it was one table to whoever modelled it. What is inside
//! is the host's; nothing of a question or a policy is moved there, and nothing is known of how
//! many rows it has.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::physical_planner::DefaultPhysicalPlanner;

use crate::passing::unordered;

/// One leaf in place of a plan. It keeps DataFusion's defaults, which know no statistics and
/// refuse to move limits, projections and sorts into it; and nothing is known of its rows' order.
#[derive(Debug)]
pub(crate) struct ComposedScanExec {
    inner: Arc<dyn ExecutionPlan>,
    limit: Limit,
    properties: Arc<PlanProperties>,
}

/// Whether the plan inside was told that some rows are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It gives every row.
    None,
    /// It may leave rows out.
    Some,
}

impl From<Option<usize>> for Limit {
    fn from(limit: Option<usize>) -> Self {
        limit.map_or(Self::None, |_| Self::Some)
    }
}

impl ComposedScanExec {
    /// Closes a plan that is fit to run.
    pub(crate) fn close(inner: Arc<dyn ExecutionPlan>, limit: Limit) -> Arc<dyn ExecutionPlan> {
        let properties = unordered(&inner);
        Arc::new(Self { inner, limit, properties })
    }

    /// Makes a plan fit to run and closes it. The rules that do so (spreading, sorting) do not
    /// reach into a leaf, so they are applied here, unless the provider has done so.
    pub(crate) fn finish(
        inner: Arc<dyn ExecutionPlan>,
        limit: Limit,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if is_optimised(&inner)? {
            return Ok(Self::close(inner, limit));
        }
        let planner = DefaultPhysicalPlanner::default();
        let inner = planner.optimize_physical_plan(inner, session, |_, _| {})?;
        Ok(Self::close(inner, limit))
    }

    /// What is inside, for whoever only looks.
    pub(crate) fn inner(&self) -> &Arc<dyn ExecutionPlan> {
        &self.inner
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.limit == Limit::Some
    }
}

/// Whether all rules have been applied to a plan. Joins that have their dynamic filters tell so:
/// the rules refuse to see those twice. Other nodes can be seen any number of times.
fn is_optimised(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        Ok(node.is::<HashJoinExec>() && !node.dynamic_expressions_produced().is_empty())
    })
}

impl DisplayAs for ComposedScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComposedScanExec: {}", self.inner.name())
    }
}

impl ExecutionPlan for ComposedScanExec {
    fn name(&self) -> &str {
        "ComposedScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None that a rule could reach.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
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
        if children.is_empty() {
            Ok(self)
        } else {
            Err(DataFusionError::Internal("a composed scan is a leaf".to_owned()))
        }
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = reset_plan_states(Arc::clone(&self.inner))?;
        Ok(Self::close(inner, self.limit))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.inner.execute(partition, context)
    }

    /// No filter is taken, whatever the default says of a node without children.
    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::all_unsupported(child_pushdown_result))
    }
}
