//! Limits of groups without numbers, where the groups have got an order.
//!
//! DataFusion tells an aggregation that only tells groups apart how many of them are enough, where
//! these have no order. A rule that comes later takes the projection below away, which hid that a
//! calculated key has one value there, or sorts the rows; the aggregation is made anew, keeps its
//! limit and has an order. It is then taken for one that keeps the first groups of an order, and
//! fails as nobody has said in which direction (apache/datafusion#25350). Such a limit only saves
//! work: what cuts the rows off stands above it.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

/// The rule that takes such limits away. It comes after all that make aggregations anew.
#[derive(Debug)]
pub(crate) struct DropLostLimits;

impl PhysicalOptimizerRule for DropLostLimits {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match without_lost_limit(&node) {
            Some(all) => Ok(Transformed::yes(all)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "drop_lost_limits"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// An aggregation without its limit, where it could not run with it.
fn without_lost_limit(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let aggregation = node.downcast_ref::<AggregateExec>()?;
    let limit = aggregation.limit_options()?;
    let lost = aggregation.aggr_expr().is_empty()
        && limit.descending().is_none()
        && !aggregation.is_unordered_unfiltered_group_by_distinct();
    if !lost {
        return None;
    }
    Some(Arc::new(aggregation.with_new_limit_options(None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_expr::PhysicalSortExpr;
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_plan::aggregates::{AggregateMode, LimitOptions, PhysicalGroupBy};
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::physical_plan::limit::GlobalLimitExec;
    use datafusion::physical_plan::sorts::sort::SortExec;

    /// What the rule leaves of the limit of an aggregation, below the one that cuts its rows off.
    fn left(sorted: bool, limit: LimitOptions) -> Option<LimitOptions> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let key = col("a", &schema).unwrap();
        let mut rows: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::clone(&schema)));
        if sorted {
            let order = [PhysicalSortExpr::new_default(Arc::clone(&key))];
            rows = Arc::new(SortExec::new(order.into(), rows));
        }
        let keys = PhysicalGroupBy::new_single(vec![(key, "a".to_owned())]);
        let groups =
            AggregateExec::try_new(AggregateMode::Single, keys, vec![], vec![], rows, schema);
        let groups = groups.unwrap().with_limit_options(Some(limit));
        let cut = Arc::new(GlobalLimitExec::new(Arc::new(groups), 0, Some(3)));
        let done = DropLostLimits.optimize(cut, &ConfigOptions::default()).unwrap();
        assert!(done.is::<GlobalLimitExec>(), "{done:?}");
        done.children()[0].downcast_ref::<AggregateExec>().unwrap().limit_options()
    }

    #[test]
    fn a_limit_goes_where_groups_have_got_an_order_that_it_does_not_know() {
        let (any, last) = (LimitOptions::new(3), LimitOptions::new_with_order(3, true));
        assert_eq!(left(true, any), None);
        assert_eq!(left(false, any), Some(any));
        assert_eq!(left(true, last), Some(last));
    }
}
