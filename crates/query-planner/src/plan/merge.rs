//! Parts merged into one: every group of every part once, missing keys as one group.
//!
//! The rows of all parts are put under each other, each with NULL for the numbers of the others,
//! and grouped once more. A chain of full joins would split the groups whose keys are missing.

use datafusion_common::arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion_common::{DataFusionError, ScalarValue};
use datafusion_expr::expr::Case;
use datafusion_expr::{BinaryExpr, Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator};
use datafusion_functions::core;
use datafusion_functions_aggregate::expr_fn::max;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use sandbar_permissions::Sandbox;

use super::part::{AggregateColumn, Aggregated, EACH, ONLY, UNTIL, beside, key_column};
use super::window::{Frame, for_each_of, over, over_all, with_column, with_windows};
use super::{Planner, bare};
use crate::error::QueryError;
use crate::functions::{Clock, floor_date, gap, micros, place, placed};
use crate::lower::{Lowered, balanced, cast, first_known};
use crate::query::{Dense, Part, Place};

/// What a number is where its part has no such group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// What it is over no rows, for the groups of other parts.
    AsComputed,
    /// The same, also where no part has the group: the rows are looked up by others.
    Missing,
}

/// Which numbers of the answer have a row of their own.
const FIRST: &str = "#first";
const LAST: &str = "#last";
const BEFORE: &str = "#before";
const AFTER: &str = "#after";
const PERIOD: &str = "#period";

/// Parts merged: the columns of the keys, then those of all aggregations.
pub(super) struct Merged {
    pub(super) builder: LogicalPlanBuilder,
    /// What the leaves of each part are, over those columns.
    pub(super) leaves: Vec<Vec<Lowered>>,
    /// Under which conditions these may be told, where there are some.
    pub(super) told: Vec<Vec<Option<Plan>>>,
}

impl Merged {
    /// The condition under which what is calculated from the leaves at some places may be told.
    pub(super) fn told(
        told: &[Vec<Option<Plan>>],
        places: &[Place],
        inputs: &[usize],
    ) -> Option<Plan> {
        let places = inputs.iter().filter_map(|input| places.get(*input));
        let mut all: Vec<Plan> = Vec::new();
        for place in places {
            let condition = told.get(place.part).and_then(|part| part.get(place.leaf)?.clone());
            all.extend(condition.filter(|condition| !all.contains(condition)));
        }
        balanced(all, Operator::And)
    }

    /// The leaves that stand at these places.
    pub(super) fn inputs(
        leaves: &[Vec<Lowered>],
        places: &[Place],
    ) -> Result<Vec<Lowered>, QueryError> {
        let find = |place: &Place| leaves.get(place.part)?.get(place.leaf).cloned();
        let found = places.iter().map(find);
        found.collect::<Option<_>>().ok_or_else(|| QueryError::internal("a number got lost"))
    }
}

impl Planner<'_, '_> {
    pub(super) fn merged(
        &mut self,
        parts: &[Part<Sandbox>],
        keys: usize,
        absent: Absent,
    ) -> Result<Merged, QueryError> {
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            all.push(self.aggregated(part, parts)?);
        }
        let counts: Vec<(String, DataType)> = all
            .iter()
            .flat_map(|part| &part.aggregates)
            .filter(|column| column.counts)
            .map(|column| (column.name.clone(), column.arrow.clone()))
            .collect();
        let single = all.len() == 1;
        let mut leaves = Vec::with_capacity(all.len());
        let mut told = Vec::with_capacity(all.len());
        for part in &mut all {
            leaves.push(std::mem::take(&mut part.leaves));
            told.push(std::mem::take(&mut part.told));
        }
        let builder = match all.pop() {
            Some(only) if single => only.builder,
            Some(last) => {
                all.push(last);
                grouped_again(union(all, keys, &self.query.clock)?, keys)?
            }
            None => return Err(QueryError::internal("a question without a part")),
        };
        let fill = |lowered: Lowered| -> Result<Lowered, QueryError> {
            let plan = filled(lowered.plan, &counts)?;
            Ok(Lowered { plan, arrow: lowered.arrow })
        };
        if !single || absent == Absent::Missing {
            for lowered in leaves.iter_mut().flatten() {
                *lowered = fill(lowered.clone())?;
            }
        }
        Ok(Merged { builder, leaves, told })
    }
}

impl Planner<'_, '_> {
    /// The groups of the answer with those of periods that have no data.
    pub(super) fn with_gaps(
        &mut self,
        builder: LogicalPlanBuilder,
        parts: &[Part<Sandbox>],
        keys: usize,
        dense: Dense,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let rules = self.query.clock.rules();
        let day = |day: i32| Plan::Literal(ScalarValue::Date32(Some(day)), None);
        let none = || Plan::Literal(ScalarValue::Date32(None), None);
        let names: Vec<String> =
            builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let time = key_column(dense.key);
        // What is of other times ends with its own rows, and the periods with those of all.
        let until = match dense.to {
            None if parts.iter().any(|part| part.series.is_some()) => {
                self.last_of(None, dense.key, parts)?
            }
            _ => None,
        };
        let (whole, until) = match (keys, dense.from, dense.to, until) {
            (1, Some(from), Some(to), _) if to <= from => return Ok(builder),
            (1, Some(from), Some(to), until) => {
                let last = day(to.saturating_sub(1));
                (Some((from, LogicalPlanBuilder::empty(true), last)), until)
            }
            (1, Some(from), None, Some(until)) => {
                let begun = bare(UNTIL).gt_eq(day(from));
                let newest = LogicalPlanBuilder::from(until).filter(begun)?;
                (Some((from, newest, bare(UNTIL))), None)
            }
            (_, _, _, until) => (None, until),
        };
        if let Some((from, one, last)) = whole {
            // All periods that are asked for are known, whether there are rows or none.
            let first = floor_date(from, dense.grain, &self.query.clock);
            let ends = (day(first), last);
            let list = gap(dense.grain, rules, day(first), (none(), none()), ends);
            let spine = one.project(vec![list.alias(&time)])?;
            let mut spine = for_each_of(spine, &time)?;
            let mut columns = Vec::with_capacity(names.len());
            for name in &names {
                let field = builder.schema().field_with_unqualified_name(name)?;
                columns.push(if *name == time {
                    cast(bare(name), field.data_type().clone()).alias(name)
                } else {
                    Plan::Literal(ScalarValue::try_from(field.data_type())?, None).alias(name)
                });
            }
            spine = spine.project(columns)?;
            return grouped_again(builder.union(spine.build()?)?.build()?, keys);
        }
        let (others, _) = names.split_at(keys.min(names.len()));
        let others: Vec<Plan> =
            others.iter().filter(|name| **name != time).map(|name| bare(name)).collect();
        let near = |frame: Frame, name: &str| -> Result<(Plan, String), QueryError> {
            let order = vec![bare(&time)];
            let window = over(max_udaf(), bare(&time), others.clone(), order, frame)?;
            Ok((window, name.to_owned()))
        };
        let mut windows = vec![near(Frame::Before, BEFORE)?, near(Frame::After, AFTER)?];
        let first = match dense.from {
            Some(from) => day(from),
            None => {
                let first = over_all(min_udaf(), bare(&time), Vec::new())?;
                windows.push((first, FIRST.to_owned()));
                bare(FIRST)
            }
        };
        let last = match dense.to {
            Some(to) => day(to.saturating_sub(1)),
            None => {
                let last = over_all(max_udaf(), bare(&time), Vec::new())?;
                windows.push((last, LAST.to_owned()));
                match until {
                    Some(_) => core::expr_fn::greatest(vec![
                        cast(bare(LAST), DataType::Date32),
                        bare(UNTIL),
                    ]),
                    None => bare(LAST),
                }
            }
        };
        let builder = match until {
            Some(until) => beside(builder, until, (EACH, ONLY))?,
            None => builder,
        };
        let near = (bare(BEFORE), bare(AFTER));
        let list = gap(dense.grain, rules, bare(&time), near, (first, last));
        let builder = with_column(with_windows(builder, windows)?, list, PERIOD)?;
        let builder = for_each_of(builder, PERIOD)?;
        let (mut shown, own) = (Vec::with_capacity(names.len()), bare(PERIOD));
        for (index, name) in names.iter().enumerate() {
            shown.push(if *name == time {
                own.clone().alias(name)
            } else if index < keys {
                bare(name)
            } else {
                let here = Plan::BinaryExpr(BinaryExpr::new(
                    Box::new(own.clone()),
                    Operator::IsNotDistinctFrom,
                    Box::new(bare(&time)),
                ));
                let arm = (Box::new(here), Box::new(bare(name)));
                Plan::Case(Case::new(None, vec![arm], None)).alias(name)
            });
        }
        Ok(builder.project(shown)?)
    }
}

/// An expression in which counts of nothing are 0.
fn filled(plan: Plan, counts: &[(String, DataType)]) -> Result<Plan, QueryError> {
    use datafusion_common::tree_node::{Transformed, TreeNode};
    let moved = plan.transform_up(|node| {
        let Plan::Column(column) = &node else { return Ok(Transformed::no(node)) };
        let Some((_, arrow)) = counts.iter().find(|(name, _)| *name == column.name) else {
            return Ok(Transformed::no(node));
        };
        let zero = Plan::Literal(ScalarValue::new_zero(arrow)?, None);
        let known = first_known(vec![node, zero], arrow);
        known.map(Transformed::yes).map_err(|e| DataFusionError::Internal(e.to_string()))
    })?;
    Ok(moved.data)
}

/// The parts under each other, each with NULL for the numbers of the others.
fn union(parts: Vec<Aggregated>, keys: usize, clock: &Clock) -> Result<LogicalPlan, QueryError> {
    let mut types: Vec<DataType> = Vec::with_capacity(keys);
    for index in 0..keys {
        types.push(common_type(parts.iter().filter_map(|part| part.keys.get(index)))?);
    }
    let columns: Vec<(usize, String, DataType)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, aggregated)| {
            let of = |column: &AggregateColumn| (part, column.name.clone(), column.arrow.clone());
            aggregated.aggregates.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    let mut whole: Option<LogicalPlanBuilder> = None;
    for (part, aggregated) in parts.into_iter().enumerate() {
        let mut shown = Vec::with_capacity(keys + columns.len());
        for (index, (target, own)) in types.iter().zip(&aggregated.keys).enumerate() {
            let name = key_column(index);
            let key = match (own, target) {
                (own, target) if own == target => bare(&name),
                (DataType::Timestamp(..), DataType::Timestamp(..)) => micros(bare(&name), clock),
                _ => cast(bare(&name), target.clone()),
            };
            shown.push(key.alias(name));
        }
        for (of, name, arrow) in &columns {
            let value = if *of == part {
                bare(name)
            } else {
                Plan::Literal(ScalarValue::try_from(arrow)?, None)
            };
            shown.push(value.alias(name));
        }
        let next = aggregated.builder.project(shown)?;
        whole = Some(match whole {
            None => next,
            Some(whole) => whole.union(next.build()?)?,
        });
    }
    let whole = whole.ok_or_else(|| QueryError::internal("a question without a part"))?;
    Ok(whole.build()?)
}

/// The type in which keys of these types are equal where their values are.
fn common_type<'t>(types: impl Iterator<Item = &'t DataType>) -> Result<DataType, QueryError> {
    let mut types = types.map(plain);
    let Some(first) = types.next() else { return Ok(DataType::Null) };
    types.try_fold(first, |a, b| {
        if a == b {
            return Ok(a);
        }
        let model = sandbar_catalog::Type::from_arrow(&a);
        let other = sandbar_catalog::Type::from_arrow(&b);
        let unified = model.unify(other);
        let unified = unified.ok_or_else(|| QueryError::internal("keys of different types"))?;
        super::part::merged_type(unified)
    })
}

/// The type of the values in a dictionary.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        other => other.clone(),
    }
}

/// Each group once: of every number the one row that has it.
fn grouped_again(union: LogicalPlan, keys: usize) -> Result<LogicalPlanBuilder, QueryError> {
    let fields = Fields::clone(union.schema().fields());
    let (keys, numbers) = fields.split_at(keys.min(fields.len()));
    let groups: Vec<Plan> = keys.iter().map(|key| bare(key.name())).collect();
    let one = |number: &FieldRef| {
        let value = place(bare(number.name()), number.data_type());
        max(value).alias(number.name())
    };
    let again = numbers.iter().map(one).collect::<Vec<_>>();
    let builder = LogicalPlanBuilder::from(union).aggregate(groups.clone(), again)?;
    if !numbers.iter().any(|number| number.data_type().is_floating()) {
        return Ok(builder);
    }
    let known = numbers
        .iter()
        .map(|number| placed(bare(number.name()), number.data_type()).alias(number.name()));
    Ok(builder.project(groups.into_iter().chain(known))?)
}
