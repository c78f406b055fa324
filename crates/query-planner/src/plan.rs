//! An authorized question becomes a logical plan.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, JoinType, TableReference};
use datafusion_expr::{Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr};
use sandbar_catalog::expr::{Expr, ExprKind, Function};
use sandbar_catalog::query::{Order, Truncation};
use sandbar_catalog::{FieldId, FieldPath, Type};
use sandbar_permissions::{Cell, Sandbox};

use crate::compiled::Compiled;
use crate::error::QueryError;
use crate::lower::{Columns, Lower, Lowered, aggregate_name, balanced};
use crate::query::{AnswerColumn, AuthorizedQuery, Output, Scan, Shape, SortBy, Value};
use crate::scan::{Guard, Scans, Shield, Wanted, key_name};
use crate::verify::verify;

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
    ordered: bool,
    scoped: bool,
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

    /// Whether the order of the rows is determined.
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Whether anything that the question reads is narrowed for its asker.
    pub fn is_scoped(&self) -> bool {
        self.scoped
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
    let planned = Planner { query, compiled, shield }.plan(row_cap)?;
    verify(&planned.plan, &planned.guards)?;
    Ok(planned)
}

struct Planner<'a> {
    query: &'a AuthorizedQuery,
    compiled: &'a Compiled,
    shield: Shield,
}

/// A condition, lowered.
struct Conjunct {
    plan: Plan,
    fallible: bool,
    own: bool,
}

/// A column that is computed before ordering.
struct Computed {
    plan: Plan,
    name: String,
}

impl Planner<'_> {
    fn plan(&self, row_cap: u64) -> Result<QueryPlan, QueryError> {
        let base = self.base()?;
        let mut lower =
            Lower::new(self.compiled, Columns::Joined(base.source.table()), &self.query.clock);
        let conjuncts = self.conjuncts(&mut lower)?;
        let mut filters: Vec<Plan> = conjuncts.iter().map(|c| c.plan.clone()).collect();
        let shared = self.shared_filter();
        if let Some(condition) = shared {
            filters.push(lower.modelled(condition)?.plan);
        }
        let (keys, values) = match &self.query.shape {
            Shape::Listing(columns) => (self.outputs(columns, shared, &mut lower)?, Vec::new()),
            Shape::Grouped { keys, values } => {
                let keys = self.outputs(keys, shared, &mut lower)?;
                (keys, self.outputs(values, shared, &mut lower)?)
            }
        };
        let hidden_keys = self.hidden_sort_columns(&mut lower)?;
        let (joined, guards) = self.joined(&conjuncts, lower.fallible)?;
        let mut builder = LogicalPlanBuilder::from(joined);
        if let Some(all) = balanced(filters, Operator::And) {
            builder = builder.filter(all)?;
        }
        let grouped = matches!(self.query.shape, Shape::Grouped { .. });
        let mut computed: Vec<Computed> = Vec::new();
        if grouped {
            let name = |index: usize| format!("#k{index}");
            let groups = keys.iter().enumerate().map(|(i, key)| key.plan.clone().alias(name(i)));
            let groups: Vec<Plan> = groups.collect();
            let aggregates = lower.aggregates.iter().enumerate();
            let aggregates: Vec<Plan> =
                aggregates.map(|(i, a)| a.clone().alias(aggregate_name(i))).collect();
            builder = builder.aggregate(groups, aggregates)?;
            let group_columns =
                (0..keys.len()).map(|i| Plan::Column(Column::new_unqualified(name(i))));
            let all = group_columns.chain(values.into_iter().map(|v| v.plan));
            computed.extend(
                all.zip(self.query.shape.outputs())
                    .map(|(plan, output)| Computed { plan, name: output.column.name.clone() }),
            );
        } else {
            computed.extend(keys.into_iter().zip(self.query.shape.outputs()).map(
                |(lowered, output)| Computed {
                    plan: lowered.plan,
                    name: output.column.name.clone(),
                },
            ));
        }
        let shown = computed.len();
        computed.extend(hidden_keys);
        let extra = computed.len() > shown;
        builder = builder.project(computed.into_iter().map(|c| c.plan.alias(c.name)))?;
        let (sort, ordered) = self.sort();
        if !sort.is_empty() {
            builder = builder.sort(sort)?;
        }
        let fetch = self.query.limit.unwrap_or(u64::MAX).min(row_cap.saturating_add(1));
        // DataFusion's limits are signed; one beyond them is none.
        if let Ok(fetch) = i64::try_from(fetch) {
            builder = builder.limit(0, usize::try_from(fetch).ok())?;
        }
        if extra {
            let names = self
                .query
                .shape
                .outputs()
                .map(|o| Plan::Column(Column::new_unqualified(o.column.name.clone())));
            builder = builder.project(names.collect::<Vec<_>>())?;
        }
        let scoped = self.query.scans.iter().any(|scan| scan.source.is_narrowed());
        let columns = self.query.shape.outputs().map(|o| o.column.clone()).collect();
        Ok(QueryPlan { plan: builder.build()?, columns, guards, ordered, scoped, row_cap })
    }

    fn base(&self) -> Result<&Scan<Sandbox>, QueryError> {
        self.query.scans.first().ok_or_else(|| QueryError::internal("a question without a table"))
    }

    fn conjuncts(&self, lower: &mut Lower<'_>) -> Result<Vec<Conjunct>, QueryError> {
        let mut conjuncts = Vec::with_capacity(self.query.filter.len());
        for predicate in &self.query.filter {
            let before = std::mem::take(&mut lower.fallible);
            let plan = lower.predicate(predicate)?;
            let fallible = lower.fallible;
            lower.fallible |= before;
            let mut own = true;
            let snapshot = self.compiled.snapshot();
            predicate.expressions(&mut |expr| {
                own &= snapshot.stored_inputs(expr).iter().all(|path| path.via.is_empty());
            });
            conjuncts.push(Conjunct { plan, fallible, own });
        }
        Ok(conjuncts)
    }

    /// The filter that every asked number has in common: it then narrows the rows themselves.
    fn shared_filter(&self) -> Option<&Expr> {
        let Shape::Grouped { values, .. } = &self.query.shape else { return None };
        let filter_of = |output: &Output| match &output.value {
            Value::Metric(id) => self.compiled.snapshot().metric(*id).filter.as_ref(),
            _ => None,
        };
        let first = values.first().and_then(filter_of)?;
        values.iter().all(|value| filter_of(value) == Some(first)).then_some(first)
    }

    fn outputs(
        &self,
        outputs: &[Output],
        shared: Option<&Expr>,
        lower: &mut Lower<'_>,
    ) -> Result<Vec<Lowered>, QueryError> {
        let snapshot = self.compiled.snapshot();
        outputs
            .iter()
            .map(|output| match &output.value {
                Value::Field(path, truncation) => self.field(path, *truncation, lower),
                Value::Metric(id) => {
                    let metric = snapshot.metric(*id);
                    let narrowed = match shared {
                        Some(_) => None,
                        None => metric.filter.as_ref(),
                    };
                    lower.aggregated(&metric.expr, narrowed)
                }
                Value::Measure(id) => lower.aggregated(&snapshot.measure(*id).expr, None),
                Value::Aggregate(aggregate) => {
                    let kind = ExprKind::Aggregate(aggregate.clone());
                    lower.aggregated(&Expr::new(kind, output.column.data_type), None)
                }
            })
            .collect()
    }

    fn field(
        &self,
        path: &FieldPath,
        truncation: Option<Truncation>,
        lower: &mut Lower<'_>,
    ) -> Result<Lowered, QueryError> {
        let data_type = self.compiled.snapshot().field(path.field).data_type;
        let field = Expr::field(path.clone(), data_type);
        let (function, data_type) = match truncation {
            None => return lower.field(path),
            Some(Truncation::Part(part)) => (Function::Extract(part), Type::Integer),
            Some(Truncation::Grain(grain)) if grain.is_date() => {
                (Function::DateTrunc(grain), Type::Date)
            }
            Some(Truncation::Grain(grain)) => (Function::DateTrunc(grain), Type::Datetime),
        };
        lower.expr(&Expr::new(ExprKind::Call(function, vec![field]), data_type))
    }

    /// The tables, joined: each row of the asked table once, with what it is related to.
    fn joined(
        &self,
        conjuncts: &[Conjunct],
        fallible: bool,
    ) -> Result<(LogicalPlan, Vec<Guard>), QueryError> {
        let snapshot = self.compiled.snapshot();
        let base = self.base()?.source.table();
        let mut used = self.query.stored_fields(snapshot);
        used.extend(self.tie_breakers().into_iter().map(FieldPath::own));
        let mut scans = Scans::new(self.compiled);
        let mut joined: Option<LogicalPlanBuilder> = None;
        for scan in &self.query.scans {
            let alias = self.compiled.alias(base, &scan.via);
            let fields = once(used.iter().filter(|p| p.via == scan.via).map(|p| p.field));
            let keys = self.keys(scan);
            let narrowed = !scan.source.rows().is_everything();
            let barrier = narrowed && (fallible || self.shield > Shield::Open);
            let copies = if barrier && scan.via.is_empty() && self.shield < Shield::Sealed {
                self.copies(conjuncts, &alias)?
            } else {
                Vec::new()
            };
            let wanted = Wanted { alias: &alias, fields: &fields, keys: &keys, copies, barrier };
            let plan = scans.scan(&scan.source, wanted)?;
            joined = Some(match (joined, scan.via.split_last()) {
                (None, _) => LogicalPlanBuilder::from(plan),
                (Some(joined), Some((last, before))) => {
                    let parent = self.compiled.alias(base, before);
                    let on = &snapshot.relationship(*last).on;
                    let key = |alias: &str, id: FieldId| {
                        let name = key_name(&snapshot.field(id).name);
                        Column::new(Some(TableReference::bare(alias)), name)
                    };
                    let left: Vec<Column> = on.iter().map(|(own, _)| key(&parent, *own)).collect();
                    let right: Vec<Column> =
                        on.iter().map(|(_, their)| key(&alias, *their)).collect();
                    joined.join(plan, JoinType::Left, (left, right), None)?
                }
                (Some(_), None) => return Err(QueryError::internal("two asked tables")),
            });
        }
        let joined = joined.ok_or_else(|| QueryError::internal("a question without a table"))?;
        Ok((joined.build()?, scans.guards))
    }

    /// The stored fields of a scan that joins use: to the table before it and to those after.
    fn keys(&self, scan: &Scan<Sandbox>) -> Vec<FieldId> {
        let snapshot = self.compiled.snapshot();
        let mut keys = Vec::new();
        if let Some(last) = scan.via.last() {
            keys.extend(snapshot.relationship(*last).on.iter().map(|(_, theirs)| *theirs));
        }
        for other in &self.query.scans {
            if let Some((last, before)) = other.via.split_last()
                && before == scan.via.as_slice()
            {
                keys.extend(snapshot.relationship(*last).on.iter().map(|(own, _)| *own));
            }
        }
        once(keys)
    }

    /// Conditions on the asked table alone that cannot fail, over its columns below the alias.
    fn copies(&self, conjuncts: &[Conjunct], alias: &str) -> Result<Vec<Plan>, QueryError> {
        let relation = TableReference::bare(alias);
        let total = conjuncts.iter().filter(|c| c.own && !c.fallible);
        let copy = |conjunct: &Conjunct| {
            let moved = conjunct.plan.clone().transform(|node| match node {
                Plan::Column(column) if column.relation.as_ref() == Some(&relation) => {
                    Ok(Transformed::yes(Plan::Column(Column::new_unqualified(column.name))))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(moved.data)
        };
        total.map(copy).collect()
    }

    fn hidden_sort_columns(&self, lower: &mut Lower<'_>) -> Result<Vec<Computed>, QueryError> {
        let mut columns = Vec::new();
        for (index, key) in self.query.order.iter().enumerate() {
            if let SortBy::Field(path) = &key.by {
                columns
                    .push(Computed { plan: lower.field(path)?.plan, name: format!("#s{index}") });
            }
        }
        for (index, field) in self.tie_breakers().into_iter().enumerate() {
            let plan = lower.field(&FieldPath::own(field))?.plan;
            columns.push(Computed { plan, name: format!("#t{index}") });
        }
        Ok(columns)
    }

    /// The primary key, where a listing can end its order with it: every field of it is clear for
    /// the asker. A masked key does not tell rows apart.
    fn tie_breakers(&self) -> Vec<FieldId> {
        let (Shape::Listing(_), Some(base)) = (&self.query.shape, self.query.scans.first()) else {
            return Vec::new();
        };
        let key = &self.compiled.snapshot().table(base.source.table()).primary_key;
        let clear = key.iter().all(|field| *base.source.cell(*field) == Cell::Clear);
        if clear { key.clone() } else { Vec::new() }
    }

    /// The order of the rows, and whether it determines them.
    fn sort(&self) -> (Vec<SortExpr>, bool) {
        let column = |name: String, order: Order| {
            Plan::Column(Column::new_unqualified(name)).sort(order == Order::Asc, false)
        };
        let names: Vec<&str> = self.query.shape.outputs().map(|o| o.column.name.as_str()).collect();
        let mut sort = Vec::new();
        for (index, key) in self.query.order.iter().enumerate() {
            let name = match &key.by {
                SortBy::Column(position) => names.get(*position).map(|name| (*name).to_owned()),
                SortBy::Field(_) => Some(format!("#s{index}")),
            };
            sort.extend(name.map(|name| column(name, key.order)));
        }
        let asked =
            |position: usize| self.query.order.iter().any(|key| key.by == SortBy::Column(position));
        match &self.query.shape {
            Shape::Grouped { keys, .. } => {
                let rest = keys.iter().enumerate().filter(|(position, _)| !asked(*position));
                sort.extend(rest.map(|(_, key)| column(key.column.name.clone(), Order::Asc)));
                (sort, true)
            }
            Shape::Listing(_) => {
                let ties = self.tie_breakers().len();
                sort.extend((0..ties).map(|index| column(format!("#t{index}"), Order::Asc)));
                let ordered = ties > 0 || !self.query.order.is_empty();
                (sort, ordered)
            }
        }
    }
}

/// Each key once, in the order of the model.
fn once(keys: impl IntoIterator<Item = FieldId>) -> Vec<FieldId> {
    let mut keys: Vec<FieldId> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
