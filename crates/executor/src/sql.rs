//! A plan as SQL text, for an administrator to read.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::PostgreSqlDialect;
use sandbar_query_planner::{Barrier, QueryPlan};

/// Where less of the stack than this is left, the text is made on another one of this size.
const MARGIN: usize = 16 << 20;
const STACK: usize = 64 << 20;

/// The SQL text of a plan, policies and masks included; `None` where a part of it has none.
///
/// It is for administrators: it shows the policies with the attribute values they are bound to.
pub fn sql_text(plan: &QueryPlan) -> Option<String> {
    let without_barriers = plan.logical().clone().transform_up(|node| match &node {
        LogicalPlan::Extension(extension)
            if extension.node.as_any().downcast_ref::<Barrier>().is_some() =>
        {
            match extension.node.inputs().first() {
                Some(input) => Ok(Transformed::yes((*input).clone())),
                None => Ok(Transformed::no(node)),
            }
        }
        _ => Ok(Transformed::no(node)),
    });
    let plan = without_barriers.ok()?.data;
    let dialect = PostgreSqlDialect {};
    // The unparser calls itself once for each node of the plan, with large frames.
    let unparsed =
        stacker::maybe_grow(MARGIN, STACK, || Unparser::new(&dialect).plan_to_sql(&plan));
    let statement = unparsed.ok()?;
    Some(format!("{statement:#}"))
}
