//! The third lock: a finished plan is walked again, by rules that know nothing of how it was made.

use datafusion_common::JoinType;
use datafusion_expr::{Expr, LogicalPlan, Operator, Projection};

use crate::barrier::Barrier;
use crate::error::QueryError;
use crate::scan::{Guard, guard_of};

/// Checks that every scan stands below its policy, that nothing stands in the plan that could
/// read past one, and that no join multiplies rows for want of a key.
///
/// # Errors
/// An internal error that names the rule that is broken.
pub(crate) fn verify(plan: &LogicalPlan, guards: &[Guard]) -> Result<(), QueryError> {
    let mut open: Vec<Option<&Guard>> = guards.iter().map(Some).collect();
    let mut above = Vec::new();
    walk(plan, &mut above, &mut open)?;
    match open.into_iter().flatten().next() {
        Some(guard) => Err(broken(format!("the scan of `{}` is lost", guard.source()))),
        None => Ok(()),
    }
}

fn broken(what: String) -> QueryError {
    QueryError::Internal(format!("plan refused: {what}"))
}

fn walk<'p>(
    plan: &'p LogicalPlan,
    above: &mut Vec<&'p LogicalPlan>,
    open: &mut [Option<&Guard>],
) -> Result<(), QueryError> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            if !scan.filters.is_empty() || scan.fetch.is_some() {
                return Err(broken("a scan filters by itself".to_owned()));
            }
            let name = scan.table_name.table();
            // Each scan has a guard of its own.
            let guard = guard_of(&scan.table_name).and_then(|guard| open.get_mut(guard)?.take());
            guard
                .filter(|guard| guard.source() == name && stands(guard, above))
                .ok_or_else(|| broken(format!("`{name}` is scanned without its policy")))?;
        }
        LogicalPlan::Join(join) if join.on.is_empty() => {
            return Err(broken("a join without a key".to_owned()));
        }
        LogicalPlan::Extension(extension)
            if extension.node.as_any().downcast_ref::<Barrier>().is_none() =>
        {
            return Err(broken(format!("an unknown node {}", extension.node.name())));
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Join(_) => {}
        other => return Err(broken(format!("an unexpected node {}", other.display()))),
    }
    above.push(plan);
    for input in plan.inputs() {
        walk(input, above, open)?;
    }
    above.pop();
    Ok(())
}

/// Whether the policy stands right above the scan, and a barrier before the alias where one must.
fn stands(guard: &Guard, above: &[&LogicalPlan]) -> bool {
    let mut conjuncts = Vec::new();
    let mut joins = 0;
    let mut barrier = false;
    let mut rows_done = false;
    for node in above.iter().rev() {
        match node {
            LogicalPlan::Filter(filter) if !rows_done => split(&filter.predicate, &mut conjuncts),
            LogicalPlan::Join(_) if !rows_done => joins += 1,
            LogicalPlan::Projection(shown) if !rows_done && is_mark(shown) => {}
            LogicalPlan::Projection(_) => rows_done = true,
            LogicalPlan::Extension(_) if rows_done => barrier = true,
            // A policy's table stands below the asked one: the barrier is that of both.
            LogicalPlan::SubqueryAlias(alias) if is_policy(alias.alias.table()) => {}
            LogicalPlan::SubqueryAlias(_) => break,
            _ if rows_done => {}
            // Whatever counts, cuts or mixes rows before the policy has seen them reads past it.
            _ => return false,
        }
    }
    let never = Expr::Literal(datafusion_common::ScalarValue::Boolean(Some(false)), None);
    guard.policy().iter().chain(guard.tests()).all(|wanted| {
        let mut parts = Vec::new();
        split(wanted, &mut parts);
        parts.iter().all(|part| conjuncts.contains(part))
    }) && (!guard.never() || conjuncts.contains(&&never))
        && (!guard.barrier() || barrier)
        && joins >= guard.joined()
}

/// Whether a projection shows all that it is made of, and only names whether a row has a partner.
fn is_mark(shown: &Projection) -> bool {
    let LogicalPlan::Join(join) = &*shown.input else { return false };
    let columns = join.schema.columns();
    join.join_type == JoinType::LeftMark
        && shown.expr.len() == columns.len()
        && shown.expr.iter().zip(&columns).all(|(expr, column)| match expr {
            Expr::Column(same) => same == column,
            Expr::Alias(mark) => {
                is_policy(&mark.name) && *mark.expr == Expr::Column(column.clone())
            }
            _ => false,
        })
}

fn is_policy(alias: &str) -> bool {
    alias.strip_prefix("policy.").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn split<'e>(predicate: &'e Expr, into: &mut Vec<&'e Expr>) {
    match predicate {
        Expr::BinaryExpr(binary) if binary.op == Operator::And => {
            split(&binary.left, into);
            split(&binary.right, into);
        }
        other => into.push(other),
    }
}
