//! An authorized question becomes a logical plan.
//!
//! ```text
//! part: scans joined → conditions → aggregated by its keys      one for each grain
//! all:  parts merged → numbers computed → having → order → limit
//! ```

mod conversion;
mod groups;
mod merge;
mod part;
mod rows;
mod smallest;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::tree_node::TreeNode;
use datafusion_common::{Column, TableReference};
use datafusion_expr::{
    Expr as Plan, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr, lit,
};
use sandbar_catalog::query::Order;
use sandbar_catalog::{FieldId, FieldPath, MetricId, Snapshot};
use sandbar_permissions::{Cell, Sandbox};

use crate::barrier::apart;
use crate::compiled::Compiled;
use crate::ends::shared_filter;
use crate::error::QueryError;
use crate::lower::{Columns, Lower, Lowered, balanced, one_number};
use crate::query::{AnswerColumn, AuthorizedQuery, Of, Part, Shape, SortBy, Source, Stage};
use crate::scan::{Guard, Scans, Shield};
use crate::verify::verify;
use part::key_column;
use rows::Wants;
use smallest::of_single_rows;
use window::one_row;

/// A verified logical plan: the only thing the executor runs.
///
/// It cannot be made from a plan that somebody built:
///
/// ```compile_fail
/// fn smuggle(plan: datafusion_expr::LogicalPlan) -> sandbar_query_planner::QueryPlan {
///     plan.into()
/// }
/// ```
///
/// ```
/// fn look(plan: &sandbar_query_planner::QueryPlan) -> &datafusion_expr::LogicalPlan {
///     plan.logical()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct QueryPlan {
    plan: LogicalPlan,
    columns: Vec<AnswerColumn>,
    guards: Vec<Guard>,
    keys: Vec<DeclaredKey>,
    ordered: bool,
    narrowed: bool,
    scoped: bool,
    approximate: bool,
    grouped: bool,
    definers: Vec<MetricId>,
    policies: Vec<Arc<str>>,
    masked: Vec<FieldId>,
    row_cap: u64,
}

impl QueryPlan {
    /// The plan, for reading.
    pub fn logical(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The columns of the answer.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// What must stand over each scan.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The keys that joins of the plan rely on, each once.
    pub fn declared_keys(&self) -> &[DeclaredKey] {
        &self.keys
    }

    /// Whether the order of the rows is determined.
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Whether any table that the question reads is narrowed for its asker in any way, also in
    /// fields that the question does not read. It decides how the plan is run; the asker is told
    /// [`is_scoped`](Self::is_scoped), which does not tell of hidden fields.
    pub fn is_narrowed(&self) -> bool {
        self.narrowed
    }

    /// Whether what the question reads is narrowed for its asker: rows left out, values masked, or
    /// what is of few rows not told.
    pub fn is_scoped(&self) -> bool {
        self.scoped
    }

    /// Whether some number that the answer has or depends on is only counted approximately.
    pub fn is_approximate(&self) -> bool {
        self.approximate
    }

    /// Whether something that the question reads is told in groups of some rows only, so that what
    /// is of fewer is left out.
    pub fn leaves_few_out(&self) -> bool {
        self.grouped
    }

    /// The metrics of it that read fields with their authors' rights.
    pub fn definers(&self) -> &[MetricId] {
        &self.definers
    }

    /// The names of the policies that narrow what it reads, each once.
    pub fn policies(&self) -> &[Arc<str>] {
        &self.policies
    }

    /// The fields that it reads masked, if only in some rows.
    pub fn masked(&self) -> &[FieldId] {
        &self.masked
    }

    /// The most rows an answer may have; the plan gives one more where there are more.
    pub fn row_cap(&self) -> u64 {
        self.row_cap
    }
}

/// Plans an authorized question.
///
/// The answer has at most `row_cap` rows and one that tells that there are more.
///
/// # Errors
/// Only internal ones: whatever an asker can get wrong was refused while resolving.
pub fn plan(
    query: &AuthorizedQuery,
    compiled: &Compiled,
    row_cap: u64,
    shield: Shield,
) -> Result<QueryPlan, QueryError> {
    let (planned, fails) = planned(query, compiled, row_cap, shield)?;
    // DataFusion reads one side of a join first, and the other one only if it found something; which
    // one that is goes by how many rows are stored. Where something can fail on rows that are read or
    // not, nothing is told of tables that have hidden ones.
    if fails && planned.narrowed && planned.guards.len() > 1 && shield < Shield::Barrier {
        return Ok(self::planned(query, compiled, row_cap, Shield::Barrier)?.0);
    }
    Ok(planned)
}

/// The plan, and whether something in it can fail on some data.
fn planned(
    query: &AuthorizedQuery,
    compiled: &Compiled,
    row_cap: u64,
    shield: Shield,
) -> Result<(QueryPlan, bool), QueryError> {
    let (scans, keys) = (Scans::under(shield), Vec::new());
    let mut shared = Shared { scans, keys, aggregates: 0, members: 0, fails: false };
    let mut planner = Planner { query, compiled, shield, shared: &mut shared };
    let (builder, ordered) = planner.rows_of_answer(Some(row_cap.saturating_add(1)))?;
    let columns = query.shape.columns().into_iter().cloned().collect();
    let (plan, guards, keys) = (builder.build()?, shared.scans.guards, shared.keys);
    let tables = query.tables();
    let narrowed = tables.iter().any(|sandbox| sandbox.is_narrowed());
    let leaves_out = tables.iter().any(|sandbox| sandbox.leaves_out());
    let policies = once(tables.into_iter().flat_map(Sandbox::policies).cloned());
    let (grouped, definers) = (leaves_few_out(query), query.definers());
    let approximate = is_approximate(&plan)?;
    let masked = once(masked(query, compiled.snapshot()).into_iter());
    let scoped = leaves_out || !masked.is_empty();
    let planned = QueryPlan {
        plan,
        columns,
        guards,
        keys,
        ordered,
        narrowed,
        scoped,
        approximate,
        grouped,
        definers,
        policies,
        masked,
        row_cap,
    };
    verify(&planned.plan, &planned.guards)?;
    Ok((planned, shared.fails))
}

/// A key of a source that the model declares, and that a join relies on: no two rows have the same
/// values in its columns, or, of a history, no two at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeclaredKey {
    source: String,
    columns: Vec<String>,
    validity: Option<(String, String)>,
}

impl DeclaredKey {
    /// The name of the source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The columns of the key.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The columns that say from when until when a row of a history holds.
    pub fn validity(&self) -> Option<&(String, String)> {
        self.validity.as_ref()
    }
}

struct Planner<'a, 's> {
    query: &'a AuthorizedQuery,
    compiled: &'a Compiled,
    shield: Shield,
    shared: &'s mut Shared,
}

/// What all questions of one plan have in common.
struct Shared {
    scans: Scans,
    /// The keys that joins rely on, each once.
    keys: Vec<DeclaredKey>,
    /// How many aggregations have a name so far.
    aggregates: usize,
    /// How many members have a name so far.
    members: usize,
    /// Whether something can fail on some data.
    fails: bool,
}

/// The columns of an answer before they are ordered.
struct Computed {
    builder: LogicalPlanBuilder,
    /// Columns that are only ordered by stand behind those that are shown.
    extra: bool,
}

impl<'a> Planner<'a, '_> {
    /// The rows of the answer, at most `cap` of them, and whether their order is determined.
    fn rows_of_answer(
        &mut self,
        cap: Option<u64>,
    ) -> Result<(LogicalPlanBuilder, bool), QueryError> {
        let query = self.query;
        let Computed { builder, extra } = match (&query.source, &query.shape) {
            (Source::Parts(parts), Shape::Listing(columns)) => self.listing(parts, columns)?,
            (Source::Parts(parts), Shape::Grouped(groups)) => self.groups(parts, groups)?,
            (Source::Answer(stage), shape) => self.stage(stage, shape)?,
        };
        let single = match &query.shape {
            Shape::Grouped(groups) => groups.keys.is_empty() && groups.levels.is_empty(),
            Shape::Listing(_) => false,
        };
        // Conditions stand above it here, or in the question of whose answer this is.
        let narrowed = !query.having.is_empty() || cap.is_none();
        let builder = if single && narrowed { one_row(builder)? } else { builder };
        let builder = self.having(builder)?;
        let (sort, ordered) = self.sort();
        let fetch = match (query.limit, cap) {
            (Some(limit), Some(cap)) => Some(limit.min(cap)),
            (limit, cap) => limit.or(cap),
        };
        // Without a limit the order of an inner answer tells nothing.
        let sorted = cap.is_some() || fetch.is_some();
        let builder = if sort.is_empty() || !sorted {
            builder
        } else {
            let sort = in_order(sort, &builder)?;
            builder.sort(sort)?
        };
        // DataFusion's limits are signed; one beyond them is none.
        let builder = match fetch.map(i64::try_from) {
            Some(Ok(fetch)) => builder.limit(0, usize::try_from(fetch).ok())?,
            _ => builder,
        };
        let builder = if extra {
            let names = query.shape.columns().into_iter().map(|column| bare(&column.name));
            builder.project(names.collect::<Vec<_>>())?
        } else {
            builder
        };
        // Which rows an inner answer has is decided before anything is asked of it. DataFusion moves
        // limits through groups, and takes joined rows for sorted by what sorts one side of them
        // (apache/datafusion#24927, #25052).
        let builder = if cap.is_none() && fetch.is_some() { apart(builder)? } else { builder };
        Ok((builder, ordered))
    }

    /// The rows of a table, one for one.
    fn listing(
        &mut self,
        parts: &[Part<Sandbox>],
        columns: &[AnswerColumn],
    ) -> Result<Computed, QueryError> {
        let part = parts.first().ok_or_else(|| QueryError::internal("a list of nothing"))?;
        of_single_rows(&part.rows)?;
        let sorted = self.hidden_sort_fields();
        let mut lower = self.lower(&part.rows)?;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let mut shown = Vec::with_capacity(columns.len());
        for (key, column) in part.keys.iter().zip(columns) {
            shown.push(self.key(key, &mut lower)?.plan.alias(&column.name));
        }
        let extra = !sorted.is_empty();
        for (name, of) in &sorted {
            shown.push(lower.expr(&of.expr(self.compiled.snapshot()))?.plan.alias(name));
        }
        let mut fields = part.fields_read(self.compiled.snapshot(), &self.query.order);
        fields.extend(self.tie_breakers().into_iter().map(FieldPath::own));
        let wants = Wants::fields(&fields);
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        Ok(Computed { builder: builder.project(shown)?, extra })
    }

    /// What is computed from the answer of another question.
    fn stage(&mut self, stage: &Stage<Sandbox>, shape: &Shape) -> Result<Computed, QueryError> {
        let mut inner = Planner { query: &stage.inner, shared: &mut *self.shared, ..*self };
        let (builder, _) = inner.rows_of_answer(None)?;
        let from = TableReference::bare("from");
        let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
        let fields = builder.schema().fields().iter();
        lower.inputs = fields
            .map(|field| Lowered {
                plan: Plan::Column(Column::new(Some(from.clone()), field.name())),
                arrow: field.data_type().clone(),
            })
            .collect();
        lower.first_aggregate = self.shared.aggregates;
        let shared = shared_filter(&stage.leaves);
        let conditions =
            stage.filter.iter().chain(shared).map(|predicate| lower.predicate(predicate));
        let conditions = balanced(conditions.collect::<Result<_, _>>()?, Operator::And);
        let keys = stage.keys.iter().map(|key| lower.expr(key));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let mut leaves = Vec::with_capacity(stage.leaves.len());
        for leaf in &stage.leaves {
            leaves.push(lower.aggregated(&leaf.expr, leaf.zone, &leaf.filters, None)?);
        }
        // What can fail is calculated of the rows of the inner answer alone: not of those that a
        // policy hides, and not of groups that are left out.
        let builder = if lower.fallible { apart(builder)? } else { builder };
        self.shared.fails |= lower.fallible;
        let builder = builder.alias(from)?;
        let builder = match conditions {
            Some(all) => builder.filter(all)?,
            None => builder,
        };
        let Shape::Grouped(groups) = shape else {
            let shown = keys.into_iter().zip(shape.columns());
            let shown: Vec<Plan> =
                shown.map(|(key, column)| key.plan.alias(&column.name)).collect();
            return Ok(Computed { builder: builder.project(shown)?, extra: false });
        };
        let aggregates = lower.named_aggregates();
        self.shared.aggregates += aggregates.len();
        // Named apart from the answer: an order of the answer is none of the groups.
        let keys = keys.into_iter().map(one_number).enumerate();
        let keys: Vec<Plan> = keys.map(|(index, key)| key.plan.alias(key_column(index))).collect();
        let builder = builder.aggregate(keys, aggregates)?;
        let shown = groups.keys.iter().enumerate();
        let mut shown: Vec<Plan> =
            shown.map(|(index, column)| bare(&key_column(index)).alias(&column.name)).collect();
        let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
        lower.inputs = leaves;
        for output in &groups.values {
            shown.push(lower.expr(&output.value)?.plan.alias(&output.column.name));
        }
        Ok(Computed { builder: builder.project(shown)?, extra: false })
    }

    fn having(&self, builder: LogicalPlanBuilder) -> Result<LogicalPlanBuilder, QueryError> {
        if self.query.having.is_empty() {
            return Ok(builder);
        }
        let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
        let types = builder.schema().fields().iter().map(|field| field.data_type().clone());
        let columns = self.query.shape.columns();
        lower.inputs = columns
            .iter()
            .zip(types)
            .map(|(column, arrow)| Lowered { plan: bare(&column.name), arrow })
            .collect();
        let conditions = self.query.having.iter().map(|predicate| lower.predicate(predicate));
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        let Some(all) = balanced(conditions, Operator::And) else { return Ok(builder) };
        // Totals stay: they are those of all groups, also of the ones that are left out.
        let all = match &self.query.shape {
            Shape::Grouped(groups) => match &groups.marker {
                Some(marker) => all.or(bare(&marker.name).gt(lit(0_i64))),
                None => all,
            },
            Shape::Listing(_) => all,
        };
        Ok(builder.filter(all)?)
    }

    /// The fields that a list is ordered by and does not show, each with the name of its column.
    fn hidden_sort_fields(&self) -> Vec<(String, Of)> {
        let mut columns = Vec::new();
        for (index, key) in self.query.order.iter().enumerate() {
            if let SortBy::Value(of) = &key.by {
                columns.push((format!("#s{index}"), of.clone()));
            }
        }
        for (index, field) in self.tie_breakers().into_iter().enumerate() {
            columns.push((format!("#t{index}"), Of::Field(FieldPath::own(field))));
        }
        columns
    }

    /// The primary key, where a listing can end its order with it.
    fn tie_breakers(&self) -> Vec<FieldId> {
        self.listed().map_or_else(Vec::new, |sandbox| self.clear_key(sandbox))
    }

    /// The primary key, where it tells the rows apart for the asker: every field of it is clear. A
    /// masked key does not.
    fn clear_key(&self, sandbox: &Sandbox) -> Vec<FieldId> {
        if !sandbox.has_clear_key() {
            return Vec::new();
        }
        self.compiled.snapshot().table(sandbox.table()).identity().collect()
    }

    /// Whether the rows of a list are those of a history: versions that never held may begin with
    /// others.
    fn lists_versions(&self) -> bool {
        let table = |sandbox: &Sandbox| self.compiled.snapshot().table(sandbox.table());
        self.listed().is_some_and(|sandbox| table(sandbox).validity.is_some())
    }

    /// Whether the rows of a list are the groups of an answer, which have an order of their own.
    fn lists_groups(&self) -> bool {
        let mut query = self.query;
        while let (Shape::Listing(_), Source::Answer(stage)) = (&query.shape, &query.source) {
            query = &stage.inner;
            if matches!(query.shape, Shape::Grouped(_)) {
                return true;
            }
        }
        false
    }

    /// Whether rows that are in no order would tell of what is hidden, or of what is of few rows:
    /// which come first depends on the rows that lie between them, and of a join on how many are
    /// stored, which decides what DataFusion reads first.
    fn order_tells(&self) -> bool {
        let mut tables = self.query.tables().into_iter();
        tables.any(|sandbox| sandbox.looks_at_others() || sandbox.leaves_out())
    }

    /// The table whose rows are listed, where they are those of a table.
    fn listed(&self) -> Option<&Sandbox> {
        match (&self.query.shape, &self.query.source) {
            (Shape::Listing(_), Source::Parts(parts)) => {
                Some(&parts.first()?.rows.scans.first()?.source)
            }
            _ => None,
        }
    }

    /// The order of the rows, and whether it determines them.
    fn sort(&self) -> (Vec<SortExpr>, bool) {
        let column = |name: &str, order: Order| bare(name).sort(order == Order::Asc, false);
        let columns = self.query.shape.columns();
        let mut sort = Vec::new();
        if let Shape::Grouped(groups) = &self.query.shape {
            // Totals stand last.
            sort.extend(groups.marker.iter().map(|marker| column(&marker.name, Order::Asc)));
        }
        for (index, key) in self.query.order.iter().enumerate() {
            let name = match &key.by {
                SortBy::Column(position) => columns.get(*position).map(|c| c.name.clone()),
                SortBy::Value(_) => Some(format!("#s{index}")),
            };
            sort.extend(name.map(|name| column(&name, key.order)));
        }
        let asked =
            |position: usize| self.query.order.iter().any(|key| key.by == SortBy::Column(position));
        match &self.query.shape {
            Shape::Grouped(groups) => {
                let keys = groups.keys.iter().enumerate();
                let rest = keys.filter(|(position, _)| !asked(*position));
                sort.extend(rest.map(|(_, key)| column(&key.name, Order::Asc)));
                (sort, true)
            }
            Shape::Listing(_) => {
                let ties = self.tie_breakers().len();
                sort.extend((0..ties).map(|index| column(&format!("#t{index}"), Order::Asc)));
                let untold = ties == 0 && (!self.query.order.is_empty() || self.order_tells());
                if untold || self.lists_versions() || self.lists_groups() {
                    // Rows that are alike in all that is shown may stand in any order.
                    let rest = columns.iter().enumerate().filter(|(place, _)| !asked(*place));
                    sort.extend(rest.map(|(_, shown)| column(&shown.name, Order::Asc)));
                }
                let ordered = !sort.is_empty();
                (sort, ordered)
            }
        }
    }
}

/// Each of some things once, in order.
fn once<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<T>>().into_iter().collect()
}

/// The fields that a question reads masked.
fn masked(query: &AuthorizedQuery, snapshot: &Snapshot) -> Vec<FieldId> {
    let mut found = Vec::new();
    query.each_rows(&mut |rows, fields| {
        for path in fields(snapshot) {
            let scan = rows.scans.iter().find(|scan| scan.via == path.via);
            let cell = scan.map(|scan| scan.source.cell(path.field));
            if matches!(cell, Some(Cell::Masked(_) | Cell::ByRow(_))) {
                found.push(path.field);
            }
        }
    });
    found
}

/// Keys of an order by which doubles that are equal stand beside each other.
fn in_order(
    sort: Vec<SortExpr>,
    builder: &LogicalPlanBuilder,
) -> Result<Vec<SortExpr>, QueryError> {
    let mut shown = Vec::new();
    let key = |key: SortExpr| -> Result<SortExpr, QueryError> {
        let arrow = key.expr.get_type(builder.schema().as_ref())?;
        if arrow.is_floating() {
            // Both zeros are one number and are shown as two.
            shown.push(key.clone());
        }
        Ok(SortExpr { expr: one_number(Lowered { plan: key.expr, arrow }).plan, ..key })
    };
    let mut keys = sort.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
    keys.extend(shown);
    Ok(keys)
}

/// A column by its name alone, whatever stands in the name.
fn bare(name: &str) -> Plan {
    Plan::Column(Column::new_unqualified(name))
}

/// Whether an answer leaves out groups or numbers of too few rows, if there are any.
fn leaves_few_out(query: &AuthorizedQuery) -> bool {
    let mut tables = query.tables().into_iter();
    tables.any(|sandbox| sandbox.min_group_size().is_some()) || query.has_sizes()
}

/// Whether a plan counts distinct values approximately, if only for a condition.
fn is_approximate(plan: &LogicalPlan) -> Result<bool, QueryError> {
    let known = datafusion_functions_aggregate::approx_distinct::approx_distinct_udaf();
    let called = |plan: &Plan| {
        let call = match plan {
            Plan::Alias(alias) => alias.expr.as_ref(),
            plan => plan,
        };
        matches!(call, Plan::AggregateFunction(call) if call.func.name() == known.name())
    };
    Ok(plan.exists(|node| match node {
        LogicalPlan::Aggregate(aggregate) => Ok(aggregate.aggr_expr.iter().any(called)),
        _ => Ok(false),
    })?)
}
