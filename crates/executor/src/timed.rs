//! Plans are optimised within the time of a request: the optimiser does its work in one step, which
//! nobody who waits for it can end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};

use crate::deadline::Deadline;
use crate::error::RunError;

/// After how many nodes of a plan the clock is looked at.
const NODES: u32 = 64;

/// Optimises as the state does, as long as there is time.
///
/// # Errors
/// [`RunError::Time`] where there is none left, and what the optimiser says.
pub(crate) fn optimized(
    plan: &LogicalPlan,
    state: &SessionState,
    deadline: Deadline,
) -> std::result::Result<LogicalPlan, RunError> {
    deadline.check()?;
    let analyzer = state.analyzer();
    let analyzed = analyzer.execute_and_check(plan.clone(), state.config_options(), |_, _| {});
    let analyzed = analyzed.map_err(RunError::from_datafusion)?;
    let rules = state.optimizers().iter();
    let timed =
        |rule: &Arc<dyn OptimizerRule + Send + Sync>| -> Arc<dyn OptimizerRule + Send + Sync> {
            Arc::new(Timed { rule: Arc::clone(rule), deadline, nodes: AtomicU32::new(0) })
        };
    let optimizer = Optimizer::with_rules(rules.map(timed).collect());
    let optimized = optimizer.optimize(analyzed, state, |_, _| {});
    optimized.map_err(RunError::from_datafusion)
}

/// A rule that ends with the time.
#[derive(Debug)]
struct Timed {
    rule: Arc<dyn OptimizerRule + Send + Sync>,
    deadline: Deadline,
    nodes: AtomicU32,
}

impl OptimizerRule for Timed {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let nodes = self.nodes.fetch_add(1, Ordering::Relaxed);
        if nodes.is_multiple_of(NODES) {
            let over = |error| DataFusionError::External(Box::new(error));
            self.deadline.check().map_err(over)?;
        }
        self.rule.rewrite(plan, config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use datafusion::logical_expr::{LogicalPlanBuilder, lit};
    use datafusion::prelude::SessionContext;

    use super::*;

    fn plan() -> LogicalPlan {
        let one = LogicalPlanBuilder::empty(true).project(vec![lit(1).alias("a")]).unwrap();
        one.filter(lit(true)).unwrap().build().unwrap()
    }

    #[test]
    fn a_plan_is_optimised_as_the_state_does() {
        let state = SessionContext::new().state();
        let (ours, theirs) =
            (optimized(&plan(), &state, Deadline::starting_now(None)), state.optimize(&plan()));
        assert_eq!(ours.unwrap(), theirs.unwrap());
    }

    /// The time is over while the rules are applied.
    #[test]
    fn a_rule_ends_with_the_time() {
        let state = SessionContext::new().state();
        let deadline = Deadline::starting_now(Some(Duration::ZERO));
        let rule = Arc::clone(state.optimizers().first().unwrap());
        let timed = Timed { rule, deadline, nodes: AtomicU32::new(0) };
        let error = RunError::from_datafusion(timed.rewrite(plan(), &state).unwrap_err());
        assert!(matches!(error, RunError::Time(_)), "{error}");
        let error = optimized(&plan(), &state, deadline).unwrap_err();
        assert!(matches!(error, RunError::Time(_)), "{error}");
    }
}
