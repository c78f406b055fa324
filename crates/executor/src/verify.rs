//! The third lock, second half: the plan that will run is walked after DataFusion has optimised it.
//!
//! Every leaf that reads data must be one of the scans that were planned, below its policy. The
//! policy's conditions are put through the same simplifier as the plan and must then stand in
//! filters between the leaf and whatever combines rows; doubt refuses the plan.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, ToDFSchema};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::error::Result;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use sandbar_query_planner::{Guard, QueryPlan};

use crate::barrier::SecurityBarrierExec;
use crate::error::RunError;
use crate::source::Sources;

/// A policy as its conditions look in a physical plan, every column at position 0.
struct Expected {
    source: String,
    policy: Vec<Arc<dyn PhysicalExpr>>,
    columns: Vec<String>,
    barrier: bool,
    never: bool,
}

/// A leaf that reads data, with what stands between it and the first node that combines rows.
struct Leaf {
    columns: Vec<String>,
    conditions: Vec<Arc<dyn PhysicalExpr>>,
    barrier: bool,
}

/// Proves that a physical plan keeps the policies of the plan it was made from.
pub(crate) fn verify(
    physical: &Arc<dyn ExecutionPlan>,
    plan: &QueryPlan,
    state: &SessionState,
    sources: &Sources,
) -> Result<(), RunError> {
    let unproven = |what: String| RunError::Unproven(what);
    let mut expected = Vec::with_capacity(plan.guards().len());
    for guard in plan.guards() {
        let found = expect(guard, state, sources);
        expected.push(found.map_err(|e| unproven(e.strip_backtrace()))?);
    }
    let mut leaves = Vec::new();
    let mut empty = false;
    walk(physical, &mut Vec::new(), &mut leaves, &mut empty).map_err(unproven)?;
    // The strongest policies choose their leaves first, so that none is left to a weaker one.
    expected.sort_by_key(|e| std::cmp::Reverse((e.policy.len(), e.barrier)));
    for expected in expected {
        let fits = |leaf: &Leaf| {
            !expected.never
                && leaf.columns.iter().all(|name| expected.columns.contains(name))
                && expected.policy.iter().all(|wanted| leaf.conditions.contains(wanted))
                && (leaf.barrier || !expected.barrier)
        };
        match leaves.iter().position(fits) {
            Some(index) => {
                leaves.swap_remove(index);
            }
            // What reads nothing shows nothing.
            None if empty || expected.never => {}
            None => {
                return Err(unproven(format!(
                    "the policy over `{}` is not found",
                    expected.source
                )));
            }
        }
    }
    if leaves.is_empty() {
        Ok(())
    } else {
        Err(unproven("data is read that was not planned".to_owned()))
    }
}

fn expect(guard: &Guard, state: &SessionState, sources: &Sources) -> Result<Expected> {
    let provider = sources.provider(guard.source()).ok_or_else(|| {
        datafusion::error::DataFusionError::Internal("an unknown source is scanned".to_owned())
    })?;
    let schema = provider.schema();
    let columns = schema.fields().iter().map(|f| f.name().clone()).collect();
    let mut policy = Vec::new();
    if let Some(all) = conjunction(guard.policy().iter().cloned()) {
        let bare = all.transform(|node| match node {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(
                datafusion::common::Column::new_unqualified(column.name),
            ))),
            other => Ok(Transformed::no(other)),
        })?;
        let df_schema = Arc::new(DFSchema::try_from(Arc::clone(&schema))?);
        let context = SimplifyContext::builder().with_schema(Arc::clone(&df_schema)).build();
        let simplifier = ExprSimplifier::new(context);
        let coerced = simplifier.coerce(bare.data, &df_schema)?;
        let simplified = simplifier.simplify(coerced)?;
        let physical = state.create_physical_expr(simplified, &schema.to_dfschema()?)?;
        // A condition that is true of every row the schema allows leaves no trace in the plan.
        for part in split_conjunction(&physical).into_iter().filter(|part| !always(part)) {
            policy.push(normalised(part, &|name| Some(name.to_owned()))?);
        }
    }
    Ok(Expected {
        source: guard.source().to_owned(),
        policy,
        columns,
        barrier: guard.barrier(),
        never: guard.never(),
    })
}

fn always(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Literal>()
        .is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(true)))
}

/// The expression with every column under its source name, at position 0.
fn normalised(
    expr: &Arc<dyn PhysicalExpr>,
    source_name: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let renamed = Arc::clone(expr).transform(|node| {
        match node.downcast_ref::<Column>() {
            Some(column) => {
                // A computed column has no source name, and matches none.
                let name = source_name(column.name()).unwrap_or_else(|| "#computed".to_owned());
                Ok(Transformed::yes(Arc::new(Column::new(&name, 0)) as Arc<dyn PhysicalExpr>))
            }
            None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(renamed.data)
}

fn walk<'p>(
    node: &'p Arc<dyn ExecutionPlan>,
    above: &mut Vec<&'p Arc<dyn ExecutionPlan>>,
    leaves: &mut Vec<Leaf>,
    empty: &mut bool,
) -> Result<(), String> {
    if node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() {
        return Err("a join without a key".to_owned());
    }
    let children = node.children();
    if children.is_empty() {
        if node.is::<EmptyExec>() {
            *empty = true;
        } else if !node.is::<PlaceholderRowExec>() {
            leaves.push(leaf(node, above)?);
        }
        return Ok(());
    }
    above.push(node);
    for child in children {
        walk(child, above, leaves, empty)?;
    }
    above.pop();
    Ok(())
}

fn leaf(node: &Arc<dyn ExecutionPlan>, above: &[&Arc<dyn ExecutionPlan>]) -> Result<Leaf, String> {
    let (columns, mut names) = read_columns(node);
    let mut conditions = Vec::new();
    let mut limited = node.fetch().is_some();
    for node in above.iter().rev() {
        if let Some(filter) = node.downcast_ref::<FilterExec>() {
            if limited {
                return Err("a limit stands below a policy".to_owned());
            }
            for part in split_conjunction(filter.predicate()) {
                let part = normalised(part, &|name| names.get(name).cloned());
                conditions.push(part.map_err(|e| e.strip_backtrace())?);
            }
            limited |= filter.fetch().is_some();
        } else if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
            let mut renamed = HashMap::new();
            for projected in projection.expr() {
                if let Some(column) = projected.expr.downcast_ref::<Column>()
                    && let Some(source) = names.get(column.name())
                {
                    renamed.insert(projected.alias.clone(), source.clone());
                }
            }
            names = renamed;
        } else if node.is::<GlobalLimitExec>() || node.is::<LocalLimitExec>() {
            limited = true;
        } else if !transparent(node.name()) {
            break;
        }
    }
    let barrier = above.iter().any(|node| node.is::<SecurityBarrierExec>());
    Ok(Leaf { columns, conditions, barrier })
}

/// The source's columns that a leaf reads, and the source names of the columns it gives. A scan of
/// files may compute and rename columns by itself.
fn read_columns(node: &Arc<dyn ExecutionPlan>) -> (Vec<String>, HashMap<String, String>) {
    let files = node
        .downcast_ref::<DataSourceExec>()
        .and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>());
    if let Some(files) = files
        && let Some(projection) = files.file_source().projection()
    {
        let schema = files.file_source().table_schema().table_schema();
        let read = projection.column_indices().into_iter();
        let columns = read.map(|index| match schema.fields().get(index) {
            Some(field) => field.name().clone(),
            None => "#unknown".to_owned(),
        });
        let plain = projection.iter().filter_map(|projected| {
            let column = projected.expr.downcast_ref::<Column>()?;
            Some((projected.alias.clone(), column.name().to_owned()))
        });
        return (columns.collect(), plain.collect());
    }
    let columns: Vec<String> = node.schema().fields().iter().map(|f| f.name().clone()).collect();
    let names = columns.iter().map(|name| (name.clone(), name.clone())).collect();
    (columns, names)
}

/// Nodes that pass every row on as it is. A barrier is none of them: what stands above it may be
/// the question's, and so is whatever combines rows.
fn transparent(name: &str) -> bool {
    matches!(
        name,
        "RepartitionExec"
            | "CoalesceBatchesExec"
            | "CoalescePartitionsExec"
            | "SortPreservingMergeExec"
            | "CooperativeExec"
            | "BufferExec"
    )
}
