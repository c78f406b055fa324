//! One part: rows grouped by its keys, and aggregated.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::{Expr as Plan, LogicalPlanBuilder, Operator};
use sandbar_catalog::Type;
use sandbar_catalog::expr::Expr;
use sandbar_permissions::Sandbox;

use super::Planner;
use super::rows::Wants;
use crate::error::QueryError;
use crate::lower::{Lower, Lowered, aggregate_name, balanced};
use crate::query::{Key, Part, Predicate};
use crate::resolve::truncated;

/// A part, aggregated: the columns of its keys, then those of its aggregations.
pub(super) struct Aggregated {
    pub(super) builder: LogicalPlanBuilder,
    /// The types of the keys.
    pub(super) keys: Vec<DataType>,
    /// The names of the aggregations' columns.
    pub(super) aggregates: Vec<AggregateColumn>,
    /// What the leaves are, over those columns.
    pub(super) leaves: Vec<Lowered>,
}

/// The column of one aggregation.
pub(super) struct AggregateColumn {
    pub(super) name: String,
    pub(super) arrow: DataType,
    /// Whether it is 0, and not NULL, over no rows.
    pub(super) counts: bool,
}

/// The name of a key's column between the aggregation and the answer.
pub(super) fn key_column(index: usize) -> String {
    format!("#k{index}")
}

impl<'a> Planner<'a> {
    /// What a key is, of each row.
    pub(super) fn key(&self, key: &Key, lower: &mut Lower<'a>) -> Result<Lowered, QueryError> {
        if key.truncation.is_none() {
            return lower.field(&key.path);
        }
        let data_type = self.compiled.snapshot().field(key.path.field).data_type;
        lower.expr(&truncated(Expr::field(key.path.clone(), data_type), key.truncation))
    }

    pub(super) fn aggregated(&mut self, part: &Part<Sandbox>) -> Result<Aggregated, QueryError> {
        let mut lower = self.lower(&part.rows)?;
        lower.first_aggregate = self.aggregates;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let keys = part.keys.iter().map(|key| self.key(key, &mut lower));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let shared = shared_filter(part);
        let mut leaves = Vec::with_capacity(part.leaves.len());
        for leaf in &part.leaves {
            let filters = if shared.is_empty() { leaf.filters.as_slice() } else { &[] };
            leaves.push(lower.aggregated(&leaf.expr, filters)?);
        }
        let condition = shared.iter().map(|predicate| lower.predicate(predicate));
        let condition = balanced(condition.collect::<Result<_, _>>()?, Operator::And);
        let fields = part.stored_fields(self.compiled.snapshot(), &[]);
        let wants = Wants { fields: &fields, keys: &[], condition };
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        let groups = keys.iter().enumerate();
        let groups: Vec<Plan> =
            groups.map(|(index, key)| key.plan.clone().alias(key_column(index))).collect();
        let first = lower.first_aggregate;
        let named = lower.aggregates.iter().enumerate();
        let named: Vec<Plan> =
            named.map(|(i, a)| a.clone().alias(aggregate_name(first + i))).collect();
        let builder = builder.aggregate(groups, named)?;
        let mut aggregates = Vec::with_capacity(lower.aggregates.len());
        for (index, plan) in lower.aggregates.iter().enumerate() {
            let name = aggregate_name(first + index);
            let field = builder.schema().field_with_unqualified_name(&name)?;
            let counts = matches!(plan, Plan::AggregateFunction(a) if a.func.name() == "count");
            aggregates.push(AggregateColumn { name, arrow: field.data_type().clone(), counts });
        }
        self.aggregates += aggregates.len();
        let keys = keys.into_iter().map(|key| key.arrow).collect();
        Ok(Aggregated { builder, keys, aggregates, leaves })
    }
}

/// The conditions that every number of a part has in common: they then narrow the rows themselves.
fn shared_filter(part: &Part<Sandbox>) -> &[Predicate] {
    let Some(first) = part.leaves.first() else { return &[] };
    let same = part.leaves.iter().all(|leaf| leaf.filters == first.filters);
    if same { &first.filters } else { &[] }
}

/// The one type in which the parts' keys of a model type are merged, where they differ.
pub(super) fn merged_type(data_type: Type) -> Result<DataType, QueryError> {
    crate::lower::arrow_of(data_type)
}
