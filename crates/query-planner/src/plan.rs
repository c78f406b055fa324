//! An authorized question becomes a logical plan.
//!
//! ```text
//! part: scans joined → conditions → aggregated by its keys      one for each grain
//! all:  parts merged → numbers computed → having → order → limit
//! ```

mod conversion;
mod merge;
mod part;
mod rows;
mod window;

use datafusion_common::Column;
use datafusion_expr::{Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr};
use sandbar_catalog::query::Order;
use sandbar_catalog::{FieldId, FieldPath};
use sandbar_permissions::{Cell, Sandbox};

use crate::compiled::Compiled;
use crate::error::QueryError;
use crate::lower::{Columns, Lower, Lowered, balanced};
use crate::query::{AnswerColumn, AuthorizedQuery, MemberOf, Rows, Shape, SortBy};
use crate::scan::{Guard, Scans, Shield};
use crate::verify::verify;
use merge::Absent;
use part::key_column;
use rows::Wants;

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
    let scans = Scans::new(compiled);
    let planner = Planner { query, compiled, shield, scans, aggregates: 0, members: 0 };
    let planned = planner.plan(row_cap)?;
    verify(&planned.plan, &planned.guards)?;
    Ok(planned)
}

struct Planner<'a> {
    query: &'a AuthorizedQuery,
    compiled: &'a Compiled,
    shield: Shield,
    scans: Scans<'a>,
    /// How many aggregations have a name so far.
    aggregates: usize,
    /// How many members have a name so far.
    members: usize,
}

/// The columns of an answer before they are ordered.
struct Computed {
    builder: LogicalPlanBuilder,
    /// Columns that are only ordered by stand behind those that are shown.
    extra: bool,
}

impl<'a> Planner<'a> {
    fn plan(mut self, row_cap: u64) -> Result<QueryPlan, QueryError> {
        let Computed { builder, extra } = match &self.query.shape {
            Shape::Listing(columns) => self.listing(columns)?,
            Shape::Grouped { .. } => self.groups()?,
        };
        let builder = self.having(builder)?;
        let (sort, ordered) = self.sort();
        let builder = if sort.is_empty() { builder } else { builder.sort(sort)? };
        let fetch = self.query.limit.unwrap_or(u64::MAX).min(row_cap.saturating_add(1));
        // DataFusion's limits are signed; one beyond them is none.
        let builder = match i64::try_from(fetch) {
            Ok(fetch) => builder.limit(0, usize::try_from(fetch).ok())?,
            Err(_) => builder,
        };
        let builder = if extra {
            let names = self.query.shape.columns();
            builder.project(names.map(|column| bare(&column.name)).collect::<Vec<_>>())?
        } else {
            builder
        };
        let scoped = self.query.parts.iter().any(|part| is_scoped(&part.rows));
        let columns = self.query.shape.columns().cloned().collect();
        let guards = self.scans.guards;
        Ok(QueryPlan { plan: builder.build()?, columns, guards, ordered, scoped, row_cap })
    }

    /// The rows of a table, one for one.
    fn listing(&mut self, columns: &[AnswerColumn]) -> Result<Computed, QueryError> {
        let part = self.query.parts.first();
        let part = part.ok_or_else(|| QueryError::internal("a list of nothing"))?;
        let sorted = self.hidden_sort_fields();
        let mut lower = self.lower(&part.rows)?;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let mut shown = Vec::with_capacity(columns.len());
        for (key, column) in part.keys.iter().zip(columns) {
            shown.push(self.key(key, &mut lower)?.plan.alias(&column.name));
        }
        let extra = !sorted.is_empty();
        for (name, path) in &sorted {
            shown.push(lower.field(path)?.plan.alias(name));
        }
        let mut fields = part.stored_fields(self.compiled.snapshot(), &self.query.order);
        fields.extend(self.tie_breakers().into_iter().map(FieldPath::own));
        let wants = Wants { fields: &fields, keys: &[], condition: None };
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        Ok(Computed { builder: builder.project(shown)?, extra })
    }

    /// One row a group, from all parts.
    fn groups(&mut self) -> Result<Computed, QueryError> {
        let Shape::Grouped { keys, places, values } = &self.query.shape else {
            return Err(QueryError::internal("groups of a list"));
        };
        let dense = self.query.dense;
        let absent = if dense.is_some() { Absent::Missing } else { Absent::AsComputed };
        let merged = self.merged(&self.query.parts, keys.len(), absent)?;
        let inputs = merged.inputs(places)?;
        let builder = match dense {
            Some(dense) => self.with_gaps(merged.builder, keys.len(), dense)?,
            None => merged.builder,
        };
        let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
        lower.inputs = inputs;
        let mut shown = Vec::with_capacity(keys.len() + values.len());
        for (index, column) in keys.iter().enumerate() {
            shown.push(bare(&key_column(index)).alias(&column.name));
        }
        for output in values {
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
        let columns = self.query.shape.columns().zip(types);
        lower.inputs =
            columns.map(|(column, arrow)| Lowered { plan: bare(&column.name), arrow }).collect();
        let conditions = self.query.having.iter().map(|predicate| lower.predicate(predicate));
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        Ok(match balanced(conditions, Operator::And) {
            Some(all) => builder.filter(all)?,
            None => builder,
        })
    }

    /// The fields that a list is ordered by and does not show, each with the name of its column.
    fn hidden_sort_fields(&self) -> Vec<(String, FieldPath)> {
        let mut columns = Vec::new();
        for (index, key) in self.query.order.iter().enumerate() {
            if let SortBy::Field(path) = &key.by {
                columns.push((format!("#s{index}"), path.clone()));
            }
        }
        for (index, field) in self.tie_breakers().into_iter().enumerate() {
            columns.push((format!("#t{index}"), FieldPath::own(field)));
        }
        columns
    }

    /// The primary key, where a listing can end its order with it: every field of it is clear for
    /// the asker. A masked key does not tell rows apart.
    fn tie_breakers(&self) -> Vec<FieldId> {
        let (Shape::Listing(_), Some(part)) = (&self.query.shape, self.query.parts.first()) else {
            return Vec::new();
        };
        let Some(base) = part.rows.scans.first() else { return Vec::new() };
        let key = &self.compiled.snapshot().table(base.source.table()).primary_key;
        let clear = key.iter().all(|field| *base.source.cell(*field) == Cell::Clear);
        if clear { key.clone() } else { Vec::new() }
    }

    /// The order of the rows, and whether it determines them.
    fn sort(&self) -> (Vec<SortExpr>, bool) {
        let column = |name: &str, order: Order| bare(name).sort(order == Order::Asc, false);
        let names: Vec<&str> = self.query.shape.columns().map(|c| c.name.as_str()).collect();
        let mut sort = Vec::new();
        for (index, key) in self.query.order.iter().enumerate() {
            let name = match &key.by {
                SortBy::Column(position) => names.get(*position).map(|name| (*name).to_owned()),
                SortBy::Field(_) => Some(format!("#s{index}")),
            };
            sort.extend(name.map(|name| column(&name, key.order)));
        }
        let asked =
            |position: usize| self.query.order.iter().any(|key| key.by == SortBy::Column(position));
        match &self.query.shape {
            Shape::Grouped { keys, .. } => {
                let rest = keys.iter().enumerate().filter(|(position, _)| !asked(*position));
                sort.extend(rest.map(|(_, key)| column(&key.name, Order::Asc)));
                (sort, true)
            }
            Shape::Listing(_) => {
                let ties = self.tie_breakers().len();
                sort.extend((0..ties).map(|index| column(&format!("#t{index}"), Order::Asc)));
                let ordered = ties > 0 || !self.query.order.is_empty();
                (sort, ordered)
            }
        }
    }
}

/// A column by its name alone, whatever stands in the name.
fn bare(name: &str) -> Plan {
    Plan::Column(Column::new_unqualified(name))
}

/// Whether any table that is read is narrowed.
fn is_scoped(rows: &Rows<Sandbox>) -> bool {
    rows.scans.iter().any(|scan| scan.source.is_narrowed())
        || rows.members.iter().any(|member| match &member.of {
            MemberOf::Rows { rows, .. } => is_scoped(rows),
            MemberOf::Value { parts, .. } => parts.iter().any(|part| is_scoped(&part.rows)),
        })
}
