//! The groups of an answer: numbers from all parts, totals over coarser groups, shares of them.

use datafusion_common::ScalarValue;
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::expr::Case;
use datafusion_expr::{BinaryExpr, Expr as Plan, LogicalPlanBuilder, Operator, lit};
use datafusion_functions_aggregate::min_max::max_udaf;
use sandbar_permissions::Sandbox;

use super::merge::{Absent, Merged};
use super::part::key_column;
use super::window::{one_row, over_all, with_windows};
use super::{Computed, Planner, bare};
use crate::error::QueryError;
use crate::functions::{place, placed};
use crate::lower::{Columns, Lower, cast, not_zero, only_where};
use crate::query::{Dense, Groups, Part};

/// 0 for a group, else the number of the coarser groups that a row is of.
const LEVEL: &str = "#level";

impl<'a> Planner<'a, '_> {
    /// One row a group, from all parts.
    pub(super) fn groups(
        &mut self,
        parts: &[Part<Sandbox>],
        groups: &Groups,
    ) -> Result<Computed, QueryError> {
        let first = self.shared.aggregates;
        let dense = self.query.dense;
        // Numbers are computed alike from all rows, also from those that a part does not have.
        let absent = if dense.is_some() || !groups.levels.is_empty() {
            Absent::Missing
        } else {
            Absent::AsComputed
        };
        let Merged { mut builder, leaves, told } = self.merged(parts, groups.keys.len(), absent)?;
        if let Some(dense) = dense {
            builder = self.with_gaps(builder, parts, groups.keys.len(), dense)?;
        }
        if !groups.levels.is_empty() {
            builder = self.with_levels(builder, parts, groups, first)?;
        }
        let inputs = Merged::inputs(&leaves, &groups.places)?;
        let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
        lower.inputs = inputs;
        let mut shown = Vec::with_capacity(groups.keys.len() + groups.values.len());
        for (index, column) in groups.keys.iter().enumerate() {
            shown.push(bare(&key_column(index)).alias(&column.name));
        }
        for output in &groups.values {
            let value = lower.expr(&output.value)?.plan;
            // Whatever the calculation makes of missing numbers: one of too few rows stays missing.
            let told = Merged::told(&told, &groups.places, &output.value.inputs());
            shown.push(only_where(told, value).alias(&output.column.name));
        }
        if groups.levels.is_empty() {
            return Ok(Computed { builder: builder.project(shown)?, extra: false });
        }
        shown.push(bare(LEVEL));
        let builder = self.with_shares(builder.project(shown)?, groups)?;
        Ok(Computed { builder, extra: false })
    }

    /// The groups, and under them those of each level. A level is computed from the rows of its own
    /// groups, never from the numbers of finer ones.
    fn with_levels(
        &mut self,
        groups: LogicalPlanBuilder,
        parts: &[Part<Sandbox>],
        of: &Groups,
        first: usize,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let names: Vec<String> =
            groups.schema().fields().iter().map(|field| field.name().clone()).collect();
        let types: Vec<_> =
            groups.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let mut columns: Vec<Plan> = names.iter().map(|name| bare(name)).collect();
        columns.push(lit(0_i64).alias(LEVEL));
        let mut whole = groups.project(columns)?;
        for (number, level) in of.levels.iter().enumerate() {
            let coarser: Vec<Part<Sandbox>> =
                parts.iter().map(|part| coarser(part, level)).collect();
            let nothing = level.is_empty() && parts.iter().all(|part| part.leaves.is_empty());
            let rows = if nothing {
                // The total of nothing is one row, whatever the rows are.
                LogicalPlanBuilder::empty(true)
            } else {
                // The same aggregations under the same names.
                let after = std::mem::replace(&mut self.shared.aggregates, first);
                let merged = self.merged(&coarser, level.len(), Absent::Missing)?;
                self.shared.aggregates = after;
                // Periods without data have their totals too.
                let dense = self.query.dense.and_then(|dense| {
                    let key = level.iter().position(|key| *key == dense.key)?;
                    Some(Dense { key, ..dense })
                });
                match dense {
                    Some(dense) => self.with_gaps(merged.builder, &coarser, level.len(), dense)?,
                    None => merged.builder,
                }
            };
            let mut columns = Vec::with_capacity(names.len() + 1);
            for (index, (name, arrow)) in names.iter().zip(&types).enumerate() {
                let value = if index >= of.keys.len() && !nothing {
                    bare(name)
                } else if let Some(position) = level.iter().position(|key| *key == index) {
                    cast(bare(&key_column(position)), arrow.clone())
                } else {
                    Plan::Literal(ScalarValue::try_from(arrow)?, None)
                };
                columns.push(value.alias(name));
            }
            let number = i64::try_from(number + 1).unwrap_or(i64::MAX);
            columns.push(lit(number).alias(LEVEL));
            let rows = if level.is_empty() { one_row(rows)? } else { rows };
            whole = whole.union(rows.project(columns)?.build()?)?;
        }
        Ok(whole)
    }

    /// The columns of the answer: shares beside the numbers, and what tells totals from groups.
    fn with_shares(
        &self,
        builder: LogicalPlanBuilder,
        groups: &Groups,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let mut windows = Vec::new();
        let mut shares = Vec::new();
        for (index, share) in groups.shares.iter().enumerate() {
            let (Some(level), Some(output)) =
                (groups.levels.get(share.level), groups.values.get(share.value))
            else {
                return Err(QueryError::internal("a share of nothing"));
            };
            let value = cast(bare(&output.column.name), DataType::Float64);
            let number = i64::try_from(share.level + 1).unwrap_or(i64::MAX);
            let total = place(value.clone(), &DataType::Float64);
            let arm = (Box::new(bare(LEVEL).eq(lit(number))), Box::new(total));
            let of_level = Plan::Case(Case::new(None, vec![arm], None));
            let partition = level.iter().filter_map(|key| groups.keys.get(*key));
            let partition: Vec<Plan> = partition.map(|key| bare(&key.name)).collect();
            let total = format!("#total{index}");
            windows.push((over_all(max_udaf(), of_level, partition)?, total.clone()));
            let whole = not_zero(placed(bare(&total), &DataType::Float64));
            let (value, whole) = (Box::new(value), Box::new(whole));
            let ratio = Plan::BinaryExpr(BinaryExpr::new(value, Operator::Divide, whole));
            // A total over more than the groups of the share is a share of none of them.
            let inside = (0_i64..)
                .zip(&groups.levels)
                .filter(|(_, inner)| level.iter().all(|key| inner.contains(key)));
            let inside = std::iter::once(lit(0_i64)).chain(inside.map(|(n, _)| lit(n + 1)));
            let arm = (Box::new(bare(LEVEL).in_list(inside.collect(), false)), Box::new(ratio));
            shares.push(Plan::Case(Case::new(None, vec![arm], None)).alias(&share.column.name));
        }
        let windowed = !windows.is_empty();
        let shown_levels = i64::try_from(groups.shown_levels).unwrap_or(i64::MAX);
        let builder =
            with_windows(builder, windows)?.filter(bare(LEVEL).lt_eq(lit(shown_levels)))?;
        // An order with a limit must not move below the windows: by what is computed above them it
        // cannot.
        let column = |name: &str| {
            if !windowed {
                return bare(name);
            }
            let arm = (Box::new(bare(LEVEL).gt_eq(lit(0_i64))), Box::new(bare(name)));
            Plan::Case(Case::new(None, vec![arm], None)).alias(name)
        };
        let keys = groups.keys.iter().map(|key| column(&key.name));
        let values = groups.values.iter().map(|output| column(&output.column.name));
        let mut shown: Vec<Plan> = keys.chain(values).chain(shares).collect();
        shown.extend(groups.marker.iter().map(|marker| bare(LEVEL).alias(&marker.name)));
        Ok(builder.project(shown)?)
    }
}

/// The same part, grouped by fewer keys.
fn coarser(part: &Part<Sandbox>, level: &[usize]) -> Part<Sandbox> {
    let mut part = part.clone();
    part.keys = level.iter().filter_map(|key| part.keys.get(*key).cloned()).collect();
    if part.keys.iter().all(|key| key.bridge.is_none()) {
        // Without the groups that overlap each row counts once.
        part.bridge = None;
    }
    if let Some(series) = &mut part.series
        && let Some(position) = level.iter().position(|key| *key == series.key)
    {
        series.key = position;
    }
    part
}
