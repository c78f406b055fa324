//! Sides of joins whose rows may be missing.
//!
//! Where a row has no partner, NULL stands for each of its columns. DataFusion takes what it knows of
//! the rows that are there for true of them all: a column that a filter leaves one value is dropped
//! from orders and groups above the join, and two that are equal count as one. Rows come out of
//! order, a `limit` keeps the wrong ones, and which ones it keeps tells how many rows a policy hides.
//! So nothing that is known of such a side is told to its join.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};

use crate::barrier::unordered;

/// The rule that closes such sides. It comes before all that look at what is known of rows.
#[derive(Debug)]
pub(crate) struct CloseOptional;

impl PhysicalOptimizerRule for CloseOptional {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = join_type(&node) else { return Ok(Transformed::no(node)) };
            let optional = match join {
                JoinType::Left => [false, true],
                JoinType::Right => [true, false],
                JoinType::Full => [true, true],
                _ => return Ok(Transformed::no(node)),
            };
            let sides = node.children().into_iter().zip(optional);
            let closed =
                sides.map(|(side, optional)| match optional && !side.is::<OptionalExec>() {
                    true => Arc::new(OptionalExec::new(Arc::clone(side))),
                    false => Arc::clone(side),
                });
            let closed = closed.collect();
            Ok(Transformed::yes(replace_children_if_necessary(node, closed)?))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "close_optional"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn join_type(node: &Arc<dyn ExecutionPlan>) -> Option<JoinType> {
    let hashed = node.downcast_ref::<HashJoinExec>().map(|join| join.join_type);
    let sorted = || node.downcast_ref::<SortMergeJoinExec>().map(|join| join.join_type);
    let nested = || node.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
    hashed.or_else(sorted).or_else(nested)
}

/// Passes rows and filters on. Nothing is known of the rows but how many there may be and how they
/// are spread.
#[derive(Debug)]
struct OptionalExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl OptionalExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = unordered(&input);
        Self { input, properties }
    }
}

impl DisplayAs for OptionalExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OptionalExec")
    }
}

impl ExecutionPlan for OptionalExec {
    fn name(&self) -> &str {
        "OptionalExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
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
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => Err(DataFusionError::Internal("OptionalExec has one input".to_owned())),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    /// Which side of a join is kept in memory goes by them.
    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        input: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(input.first().map_or_else(unknown, Arc::clone))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
