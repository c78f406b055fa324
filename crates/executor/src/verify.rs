//! The third lock, second half: the plan that will run is walked after DataFusion has optimised it.
//!
//! Every leaf that reads data must be one of the scans that were planned, below its policy. The
//! policy's conditions are put through the same simplifier as the plan and must then stand in
//! filters between the leaf and whatever combines rows; doubt refuses the plan.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
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
use crate::composed::ComposedScanExec;
use crate::error::RunError;
use crate::source::Sources;

/// A policy as its conditions look in a physical plan, every column at position 0.
struct Expected {
    source: String,
    /// All of it, simplified as one.
    policy: Vec<Arc<dyn PhysicalExpr>>,
    /// Each condition of it alone: as it was planned, and simplified.
    conditions: Vec<[Vec<Arc<dyn PhysicalExpr>>; 2]>,
    schema: SchemaRef,
    barrier: bool,
    never: bool,
    joined: bool,
    position: usize,
    owner: Option<usize>,
}

/// A leaf that reads data, with what stands between it and the first node that combines rows.
struct Leaf {
    columns: Vec<String>,
    /// All columns of what it reads, where it tells.
    source: Option<SchemaRef>,
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
    for (position, guard) in plan.guards().iter().enumerate() {
        let found = expect(position, guard, state, sources);
        expected.push(found.map_err(|e| unproven(e.strip_backtrace()))?);
    }
    let mut leaves = Vec::new();
    // Whether a condition can never be true, so that nothing stands in place of data.
    let mut empty = false;
    walk(physical, &mut Vec::new(), &mut leaves, &mut empty).map_err(unproven)?;
    // The strongest policies find their leaves first, so that none is left to a weaker one.
    expected.sort_by_key(|e| std::cmp::Reverse((e.policy.len(), e.barrier)));
    let fitting: Vec<Vec<usize>> = expected
        .iter()
        .map(|expected| {
            leaves
                .iter()
                .enumerate()
                .filter(|(_, leaf)| expected.fits(leaf))
                .map(|(n, _)| n)
                .collect()
        })
        .collect();
    // The optimiser leaves out a table when nothing of it is asked for. That is no gap where every
    // leaf keeps the policy of whichever table it may read.
    let clear = || {
        leaves.iter().all(|leaf| {
            let mut likely = expected.iter().filter(|expected| expected.may_be(leaf));
            let joined = likely.clone().filter(|expected| expected.joined).count();
            (joined == 0 || joined == likely.clone().count())
                && likely.all(|expected| expected.fits(leaf))
        })
    };
    let mut taken = vec![None; leaves.len()];
    let mut missing: Vec<(usize, Option<usize>)> = Vec::new();
    for (index, expected) in expected.iter().enumerate() {
        if matched(index, &fitting, &mut taken, &mut vec![false; leaves.len()]) {
            continue;
        }
        // What reads nothing shows nothing.
        if empty || expected.never || clear() {
            missing.push((expected.position, expected.owner));
            continue;
        }
        // For the operator's log: no asker sees it.
        let shown = |conditions: &[Arc<dyn PhysicalExpr>]| {
            conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        };
        let found: Vec<String> = leaves.iter().map(|l| shown(&l.conditions)).collect();
        return Err(unproven(format!(
            "the policy over `{}` is not found: {} among {}",
            expected.source,
            shown(&expected.policy),
            found.join("; ")
        )));
    }
    // A policy's table may be gone only together with the table whose rows it decides.
    let gone = |position: usize| missing.iter().any(|(other, _)| *other == position);
    if missing.iter().any(|(_, owner)| owner.is_some_and(|owner| !gone(owner))) {
        return Err(unproven("a policy's table is gone, and what it guards is not".to_owned()));
    }
    if taken.iter().all(Option::is_some) {
        Ok(())
    } else {
        Err(unproven("data is read that was not planned".to_owned()))
    }
}

fn expect(
    position: usize,
    guard: &Guard,
    state: &SessionState,
    sources: &Sources,
) -> Result<Expected> {
    let provider = sources.provider(guard.source()).ok_or_else(|| {
        datafusion::error::DataFusionError::Internal("an unknown source is scanned".to_owned())
    })?;
    let schema = provider.schema();
    let forms = Forms::new(&schema, state)?;
    let policy = match conjunction(guard.policy().iter().cloned()) {
        Some(all) => forms.simplified(all)?,
        None => Vec::new(),
    };
    let conditions = guard
        .policy()
        .iter()
        .map(|condition| {
            Ok([forms.planned(condition.clone())?, forms.simplified(condition.clone())?])
        })
        .collect::<Result<_>>()?;
    Ok(Expected {
        source: guard.source().to_owned(),
        policy,
        conditions,
        schema,
        barrier: guard.barrier(),
        never: guard.never(),
        joined: guard.joined() > 0,
        position,
        owner: guard.owner(),
    })
}

/// Finds a leaf for a policy, moving others to other leaves that fit them (an augmenting path of
/// the bipartite matching). Two tables can have columns of the same names, and a leaf that reads
/// only those fits either.
fn matched(
    policy: usize,
    fitting: &[Vec<usize>],
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &leaf in fitting.get(policy).into_iter().flatten() {
        if seen.get_mut(leaf).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        let free = match taken.get(leaf).copied().flatten() {
            None => true,
            Some(other) => matched(other, fitting, taken, seen),
        };
        if let (true, Some(slot)) = (free, taken.get_mut(leaf)) {
            *slot = Some(policy);
            return true;
        }
    }
    false
}

impl Expected {
    /// Whether a leaf may be this policy's.
    fn fits(&self, leaf: &Leaf) -> bool {
        !self.never && self.may_be(leaf) && self.holds(leaf) && (leaf.barrier || !self.barrier)
    }

    /// Whether a leaf may read this policy's source, by its columns.
    fn may_be(&self, leaf: &Leaf) -> bool {
        let same = |source: &SchemaRef| {
            let pairs = source.fields().iter().zip(self.schema.fields());
            source.fields().len() == self.schema.fields().len()
                && pairs.into_iter().all(|(a, b)| a.name() == b.name())
        };
        leaf.source.as_ref().is_none_or(same)
            && leaf.columns.iter().all(|name| self.schema.column_with_name(name).is_some())
    }

    /// Whether the policy stands over a leaf. DataFusion simplifies what it comes by, together or
    /// apart or not at all; each form says the same.
    fn holds(&self, leaf: &Leaf) -> bool {
        let stands =
            |form: &[Arc<dyn PhysicalExpr>]| form.iter().all(|part| leaf.conditions.contains(part));
        stands(&self.policy)
            || self.conditions.iter().all(|forms| forms.iter().any(|form| stands(form)))
    }
}

/// Brings conditions into the forms that they can have in a physical plan.
struct Forms<'a> {
    state: &'a SessionState,
    schema: Arc<DFSchema>,
    simplifier: ExprSimplifier,
}

impl<'a> Forms<'a> {
    fn new(schema: &SchemaRef, state: &'a SessionState) -> Result<Self> {
        let schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
        let context = SimplifyContext::builder().with_schema(Arc::clone(&schema)).build();
        Ok(Self { state, schema, simplifier: ExprSimplifier::new(context) })
    }

    fn planned(&self, condition: Expr) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        self.physical(self.coerced(condition)?)
    }

    fn simplified(&self, condition: Expr) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        self.physical(self.simplifier.simplify(self.coerced(condition)?)?)
    }

    fn coerced(&self, condition: Expr) -> Result<Expr> {
        let bare = condition.transform(|node| match node {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(
                datafusion::common::Column::new_unqualified(column.name),
            ))),
            other => Ok(Transformed::no(other)),
        })?;
        self.simplifier.coerce(bare.data, &self.schema)
    }

    fn physical(&self, condition: Expr) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        let physical = self.state.create_physical_expr(condition, &self.schema)?;
        // A condition that is true of every row the schema allows leaves no trace in the plan.
        let parts = split_conjunction(&physical).into_iter().filter(|part| !always(part));
        parts.map(|part| normalised(part, &|name| Some(name.to_owned()))).collect()
    }
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
    let source = source_schema(node);
    let mut conditions = Vec::new();
    let composed = node.downcast_ref::<ComposedScanExec>();
    let mut limited = node.fetch().is_some() || composed.is_some_and(ComposedScanExec::is_limited);
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
    Ok(Leaf { columns, source, conditions, barrier })
}

/// Whether a leaf reads columns of a source under the names they have there.
pub(crate) fn reads_only(node: &Arc<dyn ExecutionPlan>, schema: &SchemaRef) -> bool {
    read_columns(node).0.iter().all(|name| schema.column_with_name(name).is_some())
}

/// All columns of the files or batches that a leaf reads.
fn source_schema(node: &Arc<dyn ExecutionPlan>) -> Option<SchemaRef> {
    let source = node.downcast_ref::<DataSourceExec>()?.data_source();
    let files = source.downcast_ref::<FileScanConfig>();
    let files = files.map(|f| Arc::clone(f.file_source().table_schema().table_schema()));
    files.or_else(|| Some(source.downcast_ref::<MemorySourceConfig>()?.original_schema()))
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
