//! The third lock, second half: the plan that will run is walked after DataFusion has optimised it.
//!
//! Every leaf that reads data must be one of the scans that were planned, below its policy. The
//! policy's conditions are put through the same simplifier as the plan and must then stand in
//! filters between the leaf and whatever combines rows; doubt refuses the plan.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::error::Result;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{self as logical_utils, conjunction};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, Operator};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use sandbar_query_planner::{Guard, QueryPlan, guard_of};

use crate::barrier::SecurityBarrierExec;
use crate::composed::ComposedScanExec;
use crate::error::RunError;
use crate::exact_lists::simplify;
use crate::source::Sources;

/// Columns by their names, each over the columns of the source.
type Names = HashMap<String, Arc<dyn PhysicalExpr>>;

/// How often a condition is simplified at most.
const MAX_PASSES: usize = 4;

/// A policy as its conditions look in a physical plan, every column at position 0.
struct Expected {
    source: String,
    /// All of it, simplified as one.
    policy: Vec<Form>,
    /// Each condition of it alone: as it was planned, and simplified.
    conditions: Vec<[Vec<Form>; 2]>,
    schema: SchemaRef,
    barrier: bool,
    never: bool,
}

/// A leaf, with what stands between it and the first node that combines rows.
struct Leaf {
    columns: Vec<String>,
    /// All columns of what it reads, where it tells.
    source: Option<SchemaRef>,
    conditions: Vec<Form>,
    barrier: bool,
    /// It reads nothing: a source without files, or rows that there cannot be.
    empty: bool,
}

/// A condition as it is compared: parts that AND or OR joins are the same in any order, and once or
/// twice.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Form {
    Joined(Operator, Vec<Form>),
    /// An expression over others of which one is joined: itself over nothing, and these.
    Over(Arc<dyn PhysicalExpr>, Vec<Form>),
    Whole(Arc<dyn PhysicalExpr>),
}

impl Form {
    fn of(expr: &Arc<dyn PhysicalExpr>) -> Self {
        let Some((op, sides)) = joined(expr) else { return Self::unjoined(expr) };
        let (mut open, mut parts) = (sides, Vec::new());
        while let Some(next) = open.pop() {
            match joined(&next) {
                Some((inner, sides)) if inner == op => open.extend(sides),
                _ => parts.push(Self::of(&next)),
            }
        }
        // Any order does, as long as it is always the same.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        parts.sort_by_cached_key(|part| hasher.hash_one(part));
        parts.dedup();
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                Self::Joined(op, parts)
            }
        }
    }

    fn unjoined(expr: &Arc<dyn PhysicalExpr>) -> Self {
        let children = expr.children();
        if children.iter().any(|child| has_joined(child)) {
            let nothing = children.iter().map(|_| source_column("#operand")).collect();
            // It says the same with other operands: what they are is compared on its own.
            if let Ok(shell) = Arc::clone(expr).with_new_children(nothing) {
                return Self::Over(shell, children.into_iter().map(Self::of).collect());
            }
        }
        Self::Whole(Arc::clone(expr))
    }

    /// Whether it is true wherever all of `conditions` are. The optimiser leaves out what others
    /// say already.
    fn follows(&self, conditions: &[Self]) -> bool {
        conditions.iter().any(|condition| self.follows_from(condition))
            || match self {
                Self::Joined(Operator::And, parts) => parts.iter().all(|p| p.follows(conditions)),
                Self::Joined(_, parts) => parts.iter().any(|p| p.follows(conditions)),
                Self::Over(..) | Self::Whole(_) => false,
            }
    }

    /// Whether it is true wherever one condition is, as `a OR b` is where `a` is.
    fn follows_from(&self, condition: &Self) -> bool {
        let by_parts = match condition {
            Self::Joined(Operator::And, parts) => parts.iter().any(|p| self.follows_from(p)),
            Self::Joined(_, parts) => parts.iter().all(|p| self.follows_from(p)),
            Self::Whole(condition) => match self {
                Self::Whole(whole) => lies_within(condition, whole),
                Self::Joined(..) | Self::Over(..) => false,
            },
            Self::Over(..) => false,
        };
        self == condition
            || by_parts
            || match self {
                Self::Joined(Operator::And, parts) => {
                    parts.iter().all(|part| part.follows_from(condition))
                }
                Self::Joined(_, parts) => parts.iter().any(|part| part.follows_from(condition)),
                Self::Over(..) | Self::Whole(_) => false,
            }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(expr) => write!(f, "{expr}"),
            Self::Over(shell, operands) => {
                write!(f, "{shell} with ")?;
                operands.iter().try_for_each(|operand| write!(f, "({operand})"))
            }
            Self::Joined(op, parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let op = if index == 0 { String::new() } else { format!(" {op} ") };
                    write!(f, "{op}({part})")?;
                }
                Ok(())
            }
        }
    }
}

/// Whether a comparison with a constant is true wherever another one of the same value is.
pub(crate) fn lies_within(narrow: &Arc<dyn PhysicalExpr>, wide: &Arc<dyn PhysicalExpr>) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let parts = |expr: &Arc<dyn PhysicalExpr>| {
        let binary = expr.downcast_ref::<BinaryExpr>()?;
        let constant = binary.right().downcast_ref::<Literal>()?.value().clone();
        Some((Arc::clone(binary.left()), *binary.op(), constant))
    };
    let (Some((value, op, bound)), Some((other, wanted, wider))) = (parts(narrow), parts(wide))
    else {
        return false;
    };
    let Some(order) = bound.partial_cmp(&wider) else { return false };
    value == other
        && match (op, wanted) {
            (Lt, Lt | LtEq | NotEq) | (LtEq | Eq, LtEq) => order.is_le(),
            (Gt, Gt | GtEq | NotEq) | (GtEq | Eq, GtEq) => order.is_ge(),
            (LtEq, Lt | NotEq) | (Eq, Lt) => order.is_lt(),
            (GtEq, Gt | NotEq) | (Eq, Gt) => order.is_gt(),
            (Eq, NotEq) => order.is_ne(),
            _ => false,
        }
}

/// What AND or OR joins. A short list is the comparisons with its members: DataFusion writes it
/// either way.
fn joined(expr: &Arc<dyn PhysicalExpr>) -> Option<(Operator, Vec<Arc<dyn PhysicalExpr>>)> {
    if let Some(list) = expr.downcast_ref::<InListExpr>()
        && (2..=SHORT_LIST).contains(&list.list().len())
    {
        let (op, test) = match list.negated() {
            true => (Operator::And, Operator::NotEq),
            false => (Operator::Or, Operator::Eq),
        };
        let test = |member: &Arc<dyn PhysicalExpr>| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(Arc::clone(list.expr()), test, Arc::clone(member)))
        };
        return Some((op, list.list().iter().map(test).collect()));
    }
    let binary = expr.downcast_ref::<BinaryExpr>()?;
    let sides = || vec![Arc::clone(binary.left()), Arc::clone(binary.right())];
    matches!(binary.op(), Operator::And | Operator::Or).then(|| (*binary.op(), sides()))
}

fn has_joined(expr: &Arc<dyn PhysicalExpr>) -> bool {
    joined(expr).is_some() || expr.children().into_iter().any(has_joined)
}

/// A comparison with its sides in one order, and constants on the right: the optimiser turns it
/// round as it likes.
fn turned(comparison: &BinaryExpr) -> Option<BinaryExpr> {
    let (left, right) = (comparison.left(), comparison.right());
    let op = comparison.op().swap()?;
    let is_constant = |side: &Arc<dyn PhysicalExpr>| side.is::<Literal>();
    let ordered = is_constant(right) || !is_constant(left) && left.to_string() <= right.to_string();
    (!ordered).then(|| BinaryExpr::new(Arc::clone(right), op, Arc::clone(left)))
}

/// How many members a list has at most that is compared member by member.
const SHORT_LIST: usize = 64;

/// Proves that a physical plan keeps the policies of the plan it was made from. `optimised` is what
/// it was made from last: its scans still have their names.
pub(crate) fn verify(
    physical: &Arc<dyn ExecutionPlan>,
    optimised: &LogicalPlan,
    plan: &QueryPlan,
    state: &SessionState,
    sources: &Sources,
) -> Result<(), RunError> {
    let unproven = |what: String| RunError::Unproven(what);
    let left = scans(optimised, plan.guards().len()).map_err(unproven)?;
    // A policy's table may be gone only together with the table whose rows it decides, or where its
    // own policy leaves nothing of it.
    for (position, guard) in plan.guards().iter().enumerate() {
        if left.contains(&position) || guard.owner().is_none_or(|owner| !left.contains(&owner)) {
            continue;
        }
        let nothing = leaves_nothing(guard, state, sources);
        if !nothing.map_err(|e| unproven(e.strip_backtrace()))? {
            return Err(unproven("a policy's table is gone, and what it guards is not".to_owned()));
        }
    }
    let guards: Vec<&Guard> = left.iter().filter_map(|guard| plan.guards().get(*guard)).collect();
    let mut expected = Vec::with_capacity(guards.len());
    for guard in &guards {
        let found = expect(guard, state, sources);
        expected.push(found.map_err(|e| unproven(e.strip_backtrace()))?);
    }
    let mut leaves = Vec::new();
    walk(physical, &mut Vec::new(), &mut leaves).map_err(unproven)?;
    let fits = |expected: &Expected, empty: bool| -> Vec<usize> {
        let leaves = leaves.iter().enumerate();
        let fitting = leaves.filter(|(_, l)| (empty || !l.empty) && expected.fits(l));
        fitting.map(|(n, _)| n).collect()
    };
    let fitting = |empty: bool| expected.iter().map(|one| fits(one, empty)).collect();
    let mut taken = vec![None; leaves.len()];
    let mut open = Vec::new();
    let reading: Vec<Vec<usize>> = fitting(false);
    for policy in 0..expected.len() {
        if !matched(policy, &reading, &mut taken, &mut vec![false; leaves.len()]) {
            open.push(policy);
        }
    }
    // What is left over reads nothing. Leaves that have a policy keep one.
    let mut all = if open.is_empty() { Vec::new() } else { fitting(true) };
    for policy in open {
        if matched(policy, &all, &mut taken, &mut vec![false; leaves.len()]) {
            continue;
        }
        let (Some(expected), Some(guard)) = (expected.get_mut(policy), guards.get(policy)) else {
            continue;
        };
        // One that contradicts itself may have become what no row fulfils, where it stands.
        let nothing = leaves_nothing(guard, state, sources);
        expected.never |= nothing.map_err(|e| unproven(e.strip_backtrace()))?;
        if let (true, Some(fitting)) = (expected.never, all.get_mut(policy)) {
            *fitting = fits(expected, true);
            if matched(policy, &all, &mut taken, &mut vec![false; leaves.len()]) {
                continue;
            }
        }
        // For the operator's log: no asker sees it.
        let shown = |conditions: &[Form]| {
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
    let planned = taken.iter().zip(&leaves).all(|(taken, leaf)| taken.is_some() || leaf.empty);
    if planned { Ok(()) } else { Err(unproven("data is read that was not planned".to_owned())) }
}

/// The guards whose scans an optimised plan still has, by their positions.
fn scans(optimised: &LogicalPlan, guards: usize) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    let mut unknown = false;
    let walked = optimised.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            match guard_of(&scan.table_name).filter(|position| *position < guards) {
                Some(position) => found.push(position),
                None => unknown = true,
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|e| e.strip_backtrace())?;
    if unknown { Err("data is read that was not planned".to_owned()) } else { Ok(found) }
}

fn schema_of(guard: &Guard, sources: &Sources) -> Result<SchemaRef> {
    let provider = sources.provider(guard.source()).ok_or_else(|| {
        datafusion::error::DataFusionError::Internal("an unknown source is scanned".to_owned())
    })?;
    Ok(provider.schema())
}

/// Whether a policy is true of no row, as the optimiser finds: it looks more than once, and at lists
/// in forms that the simplifier alone does not come to.
fn leaves_nothing(guard: &Guard, state: &SessionState, sources: &Sources) -> Result<bool> {
    let Some(all) = conjunction(guard.policy().iter().cloned()) else { return Ok(guard.never()) };
    if guard.never() {
        return Ok(true);
    }
    let schema = schema_of(guard, sources)?;
    let policy = Forms::new(&schema, state)?.coerced(all)?;
    let schema = Arc::new(DFSchema::try_from(schema)?);
    let row = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema });
    let is_nothing = |condition: Expr| -> Result<bool> {
        let rows = LogicalPlanBuilder::from(row.clone()).filter(condition)?.build()?;
        let left = state.optimize(&rows)?;
        Ok(matches!(left, LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, .. })))
    };
    if is_nothing(policy.clone())? {
        return Ok(true);
    }
    // Two lists meet only where they stand beside each other, and the optimiser moves conditions.
    let parts = logical_utils::split_conjunction(&policy);
    for (position, one) in parts.iter().enumerate() {
        let columns = one.column_refs();
        for other in parts.iter().skip(position + 1) {
            let meet = !columns.is_disjoint(&other.column_refs());
            if meet && is_nothing((*one).clone().and((*other).clone()))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn expect(guard: &Guard, state: &SessionState, sources: &Sources) -> Result<Expected> {
    let schema = schema_of(guard, sources)?;
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
    /// Whether a leaf may be this policy's: it reads the policy's source, as far as its columns
    /// tell, below the conditions and the barrier.
    fn fits(&self, leaf: &Leaf) -> bool {
        let same = |source: &SchemaRef| {
            let pairs = source.fields().iter().zip(self.schema.fields());
            source.fields().len() == self.schema.fields().len()
                && pairs.into_iter().all(|(a, b)| a.name() == b.name())
        };
        leaf.source.as_ref().is_none_or(same)
            && leaf.columns.iter().all(|name| self.schema.column_with_name(name).is_some())
            && (leaf.barrier || !self.barrier)
            && if self.never { leaf.conditions.contains(&never()) } else { self.holds(leaf) }
    }

    /// Whether the policy stands over a leaf. DataFusion rewrites what it comes by, together or
    /// apart or not at all; each form says the same.
    fn holds(&self, leaf: &Leaf) -> bool {
        let stands = |form: &[Form]| form.iter().all(|part| part.follows(&leaf.conditions));
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

    fn planned(&self, condition: Expr) -> Result<Vec<Form>> {
        self.physical(self.coerced(condition)?)
    }

    /// The optimiser simplifies more than once: what the first time makes of a list may have parts
    /// that are the same.
    fn simpler(&self, condition: Expr) -> Result<Expr> {
        let mut condition = self.coerced(condition)?;
        for _ in 0..MAX_PASSES {
            let simpler = simplify(&self.simplifier, condition.clone())?;
            if simpler == condition {
                break;
            }
            condition = simpler;
        }
        Ok(condition)
    }

    fn simplified(&self, condition: Expr) -> Result<Vec<Form>> {
        self.physical(self.simpler(condition)?)
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

    fn physical(&self, condition: Expr) -> Result<Vec<Form>> {
        let physical = self.state.create_physical_expr(condition, &self.schema)?;
        // A condition that is true of every row the schema allows leaves no trace in the plan.
        let parts = split_conjunction(&physical).into_iter().filter(|part| !always(part));
        let own = |name: &str| Some(source_column(name));
        parts.map(|part| Ok(Form::of(&normalised(part, &own)?))).collect()
    }
}

fn truth(value: bool) -> Literal {
    Literal::new(ScalarValue::Boolean(Some(value)))
}

fn always(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Literal>().is_some_and(|literal| *literal == truth(true))
}

/// The condition that no row fulfils.
fn never() -> Form {
    Form::Whole(Arc::new(truth(false)))
}

/// A column of a source, at position 0.
fn source_column(name: &str) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(name, 0))
}

/// The expression over the columns of its source: what a projection has computed is put in place of
/// its columns. A column of which that is not known matches none.
fn normalised(
    expr: &Arc<dyn PhysicalExpr>,
    computed: &dyn Fn(&str) -> Option<Arc<dyn PhysicalExpr>>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let replaced = Arc::clone(expr).transform_up(|node| match node.downcast_ref::<Column>() {
        Some(column) => {
            let known = computed(column.name());
            Ok(Transformed::yes(known.unwrap_or_else(|| source_column("#unknown"))))
        }
        None => Ok(match node.downcast_ref::<BinaryExpr>().and_then(turned) {
            Some(turned) => Transformed::yes(Arc::new(turned)),
            None => Transformed::no(node),
        }),
    })?;
    Ok(replaced.data)
}

fn walk<'p>(
    node: &'p Arc<dyn ExecutionPlan>,
    above: &mut Vec<&'p Arc<dyn ExecutionPlan>>,
    leaves: &mut Vec<Leaf>,
) -> Result<(), String> {
    if node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() {
        return Err("a join without a key".to_owned());
    }
    let children = node.children();
    if let Some(twice) = twice(node, children.len()) {
        return Err(format!("two columns are called `{twice}` where conditions go by names"));
    }
    if children.is_empty() {
        if !node.is::<PlaceholderRowExec>() {
            leaves.push(leaf(node, above)?);
        }
        return Ok(());
    }
    above.push(node);
    for child in children {
        walk(child, above, leaves)?;
    }
    above.pop();
    Ok(())
}

/// A name that two columns of a node have. DataFusion moves conditions, those of a `limit` too, to
/// the first column of a name (apache/datafusion#25296): rows would be lost without a word. What
/// tells of a row whether it has a partner is called the same by every join, and never moved.
fn twice(node: &Arc<dyn ExecutionPlan>, children: usize) -> Option<String> {
    let schema = node.schema();
    let mut names = HashSet::with_capacity(schema.fields().len());
    let mut names_of = schema.fields().iter().map(|field| field.name());
    let twice = names_of.find(|name| !names.insert(*name) && (children < 2 || *name != MARK));
    twice.cloned()
}

/// What DataFusion calls the column by which a join tells whether a row has a partner.
const MARK: &str = "mark";

fn leaf(node: &Arc<dyn ExecutionPlan>, above: &[&Arc<dyn ExecutionPlan>]) -> Result<Leaf, String> {
    let (columns, mut names) = read_columns(node).map_err(|e| e.strip_backtrace())?;
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
                conditions.push(Form::of(&part.map_err(|e| e.strip_backtrace())?));
            }
            limited |= filter.fetch().is_some();
        } else if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
            let mut shown = HashMap::new();
            for projected in projection.expr() {
                let value = normalised(&projected.expr, &|name| names.get(name).cloned());
                let value = value.map_err(|e| e.strip_backtrace())?;
                shown.insert(projected.alias.clone(), value);
            }
            names = shown;
        } else if node.is::<GlobalLimitExec>() || node.is::<LocalLimitExec>() {
            limited = true;
        } else if !transparent(node.name()) {
            break;
        }
    }
    // Above rows of several kinds there may be one for another reason.
    let mut below = above.iter().rev().take_while(|node| !node.is::<UnionExec>());
    let barrier = below.any(|node| node.is::<SecurityBarrierExec>());
    Ok(Leaf { columns, source, conditions, barrier, empty: node.is::<EmptyExec>() })
}

/// Whether a leaf reads columns of a source under the names they have there.
pub(crate) fn reads_only(node: &Arc<dyn ExecutionPlan>, schema: &SchemaRef) -> bool {
    let read = read_columns(node);
    read.is_ok_and(|(read, _)| read.iter().all(|name| schema.column_with_name(name).is_some()))
}

/// All columns of the files or batches that a leaf reads.
fn source_schema(node: &Arc<dyn ExecutionPlan>) -> Option<SchemaRef> {
    let source = node.downcast_ref::<DataSourceExec>()?.data_source();
    let files = source.downcast_ref::<FileScanConfig>();
    let files = files.map(|f| Arc::clone(f.file_source().table_schema().table_schema()));
    files.or_else(|| Some(source.downcast_ref::<MemorySourceConfig>()?.original_schema()))
}

/// The source's columns that a leaf reads, and what each column is that it gives. A scan of files
/// may compute and rename columns by itself.
fn read_columns(node: &Arc<dyn ExecutionPlan>) -> Result<(Vec<String>, Names)> {
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
        let mut names = Names::new();
        for projected in projection.iter() {
            let value = normalised(&projected.expr, &|name| Some(source_column(name)))?;
            names.insert(projected.alias.clone(), value);
        }
        return Ok((columns.collect(), names));
    }
    let columns: Vec<String> = node.schema().fields().iter().map(|f| f.name().clone()).collect();
    let names = columns.iter().map(|name| (name.clone(), source_column(name))).collect();
    Ok((columns, names))
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
