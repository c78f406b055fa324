//! Sides of joins whose rows may be missing.
//!
//! Where a row has no partner, NULL stands for each of its columns. DataFusion takes what it knows of
//! the rows that are there for true of them all: a column that a filter leaves one value is dropped
//! from orders and groups above the join, and two that are equal count as one. Rows come out of
//! order, a `limit` keeps the wrong ones, and which ones it keeps tells how many rows a policy hides.
//! So nothing that is known of such a side is told to its join.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use crate::passing::{Beside, PassingExec, Tells};

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
                    true => Arc::new(OptionalExec::new(Arc::clone(side), Arc::new(Optional))),
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

/// A node through which filters go, and that tells of its rows how many there may be: which side of a
/// join is kept in memory goes by that.
type OptionalExec = PassingExec<Optional>;

/// What it does beside: nothing.
#[derive(Debug)]
struct Optional;

impl Beside for Optional {
    const NAME: &'static str = "OptionalExec";
    const TELLS: Tells = Tells::HowMany;
}
