//! The node that nothing is moved through.
//!
//! Below it stand a scan, its policy, its masks and conditions that cannot fail; above it
//! everything that can. DataFusion merges neighbouring filters and may then evaluate the asker's
//! on rows that the policy hides, whose error would tell their values; through this node it moves
//! no predicate, no limit and no projection.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion_common::{DFSchemaRef, Result, plan_err};
use datafusion_expr::{
    Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore,
};

/// The node that nothing is moved through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Barrier {
    input: LogicalPlan,
}

/// Rows through which nothing is moved.
pub(crate) fn apart(rows: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
    let node = Arc::new(Barrier { input: rows.build()? });
    Ok(LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node })))
}

impl PartialOrd for Barrier {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Barrier {
    fn name(&self) -> &str {
        "Barrier"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Barrier")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self { input }),
            _ => plan_err!("a barrier has one input"),
        }
    }
}
