//! The physical barrier: rows pass, nothing else does.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use sandbar_query_planner::Barrier;

use crate::passing::{Beside, PassingExec, Tells};

/// A node that nothing is moved through, and that tells nothing of its rows.
pub(crate) type SecurityBarrierExec = PassingExec<Shut>;

/// What it does beside: nothing.
#[derive(Debug)]
pub(crate) struct Shut;

impl Beside for Shut {
    const NAME: &'static str = "SecurityBarrierExec";
    const TELLS: Tells = Tells::Nothing;
}

/// Plans the logical barrier.
#[derive(Debug)]
pub(crate) struct BarrierPlanner;

#[async_trait]
impl ExtensionPlanner for BarrierPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match (node.as_any().downcast_ref::<Barrier>(), inputs) {
            (Some(_), [input]) => {
                let barrier = SecurityBarrierExec::new(Arc::clone(input), Arc::new(Shut));
                Ok(Some(Arc::new(barrier)))
            }
            _ => Ok(None),
        }
    }
}
