//! One part: rows grouped by its keys, and aggregated.

use std::sync::Arc;

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Column, JoinType, ScalarValue};
use datafusion_expr::expr::{AggregateFunction, Case};
use datafusion_expr::{AggregateUDF, Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use datafusion_functions::core;
use datafusion_functions_aggregate::expr_fn::max;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::sum::sum_udaf;
use sandbar_catalog::definitions::Pick;
use sandbar_catalog::{FieldPath, Type};
use sandbar_permissions::Sandbox;

use super::rows::Wants;
use super::smallest::in_groups;
use super::window::{for_each_of, over_all, with_column, with_columns, with_windows};
use super::{Planner, bare};
use crate::ends::{Timed, others, part_filter};
use crate::error::QueryError;
use crate::functions::{checked_sum, periods};
use crate::lower::{Lower, Lowered, aggregate_name, balanced, one_number, only_where};
use crate::query::{Key, Of, Part, Predicate, Series};
use crate::resolve::cut;

/// A part, aggregated: the columns of its keys, then those of its aggregations.
pub(super) struct Aggregated {
    pub(super) builder: LogicalPlanBuilder,
    /// The types of the keys.
    pub(super) keys: Vec<DataType>,
    /// The names of the aggregations' columns.
    pub(super) aggregates: Vec<AggregateColumn>,
    /// What the leaves are, over those columns.
    pub(super) leaves: Vec<Lowered>,
    /// Under which condition each of them may be told, where there is one.
    pub(super) told: Vec<Option<Plan>>,
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

impl<'a> Planner<'a, '_> {
    /// What rows are grouped by: instants by their microseconds, in whatever they are stored, so that
    /// groups are the same beside those of another table.
    pub(super) fn group_key(
        &self,
        key: &Key,
        lower: &mut Lower<'a>,
    ) -> Result<Lowered, QueryError> {
        let value = one_number(self.key(key, lower)?);
        lower.in_micros(value)
    }

    /// What a key is, of each row.
    pub(super) fn key(&self, key: &Key, lower: &mut Lower<'a>) -> Result<Lowered, QueryError> {
        lower.expr(&cut(key.of.expr(self.compiled.snapshot()), key.cut))
    }

    /// A part of several, aggregated.
    pub(super) fn aggregated(
        &mut self,
        part: &Part<Sandbox>,
        all: &[Part<Sandbox>],
    ) -> Result<Aggregated, QueryError> {
        if let Some(events) = &part.events {
            return self.followed(part, events);
        }
        let mut lower = self.lower(&part.rows)?;
        lower.first_aggregate = self.shared.aggregates;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let series = part.series.as_ref();
        let (bridge, mut of_bridge) = match &part.bridge {
            Some(bridge) => {
                let (plan, keys) = self.bridged(&part.keys, bridge)?;
                (Some((plan, &bridge.step)), keys)
            }
            None => (None, vec![None; part.keys.len()]),
        };
        let mut keys = Vec::with_capacity(part.keys.len());
        for (index, key) in part.keys.iter().enumerate() {
            let bridged = of_bridge.get_mut(index).and_then(Option::take);
            keys.push(match (series, bridged) {
                (_, Some(bridged)) => bridged,
                (Some(series), None) if series.key == index => {
                    Lowered { plan: bare(PERIOD), arrow: DataType::Date32 }
                }
                _ => match &key.of {
                    Of::Field(path) if key.internal => self.internal_key(&part.rows, path)?,
                    _ => self.group_key(key, &mut lower)?,
                },
            });
        }
        lower.smallest = self.smallest(part)?;
        let enough = lower.enough(None, None);
        let shared = part_filter(part);
        let Picks { picks, computed, windows } = self.picks(part, shared, &mut keys, &mut lower)?;
        let mut leaves = Vec::with_capacity(part.leaves.len());
        let mut told = Vec::with_capacity(part.leaves.len());
        for (leaf, pick) in part.leaves.iter().zip(picks) {
            let filters = if shared.is_empty() { leaf.filters.as_slice() } else { &[] };
            let own = self.smallest_of(leaf, &part.rows)?;
            let all = lower.smallest.len();
            lower.smallest.extend(own);
            leaves.push(match &leaf.definer {
                Some(of) => lower.lifted(&leaf.expr, &of.filters, filters, pick)?,
                None => lower.aggregated(&leaf.expr, leaf.zone, filters, pick)?,
            });
            lower.smallest.truncate(all);
            told.push(lower.told());
        }
        let condition = condition_of(part, &mut lower)?;
        let day = match series {
            Some(series) => Some(self.day(series, &mut lower)?),
            None => None,
        };
        let fields = part.fields_read(self.compiled.snapshot(), &[]);
        let step = part.bridge.as_ref().map(|bridge| &bridge.step);
        let mut internal = part.internal_keys();
        internal.extend(self.own_keys(part)?);
        let lifted = part.lifted(self.compiled.snapshot());
        let wants = Wants {
            condition,
            bridge: step,
            keys: &internal,
            lifted: &lifted,
            ..Wants::fields(&fields)
        };
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        let builder = match bridge {
            Some((plan, step)) => self.with_bridge(builder, &part.rows, step, plan)?,
            None => builder,
        };
        let first = lower.first_aggregate;
        let name = |index: usize| aggregate_name(first + index);
        let aggregates = lower.named_aggregates();
        let groups = |keys: &[Lowered]| -> Vec<Plan> {
            let keys = keys.iter().enumerate();
            keys.map(|(index, key)| key.plan.clone().alias(key_column(index))).collect()
        };
        let ends = match series {
            Some(series) => self.ends(part, series, all)?,
            None => Ends::default(),
        };
        let builder = match (series, day) {
            (Some(series), Some(day)) => match merging(&lower.aggregates) {
                Some(merging) if windows.is_empty() => {
                    // Rows of a day are put together before days are repeated for periods.
                    let mut daily = groups(&keys);
                    if let Some(slot) = daily.get_mut(series.key) {
                        *slot = day.alias(DAY);
                    }
                    let builder = builder.aggregate(daily, aggregates)?;
                    let builder = self.reported(builder, series, ends)?;
                    let all = (0..keys.len()).map(|index| match index {
                        _ if index == series.key => bare(PERIOD).alias(key_column(index)),
                        _ => bare(&key_column(index)),
                    });
                    let again = merging.into_iter().enumerate().map(|(index, function)| {
                        call(function, bare(&name(index))).alias(name(index))
                    });
                    builder.aggregate(all.collect::<Vec<_>>(), again.collect::<Vec<_>>())?
                }
                _ => {
                    let builder = with_column(builder, day, DAY)?;
                    let builder = with_columns(self.reported(builder, series, ends)?, computed)?;
                    with_windows(builder, windows)?.aggregate(groups(&keys), aggregates)?
                }
            },
            _ => {
                let builder = with_windows(with_columns(builder, computed)?, windows)?;
                builder.aggregate(groups(&keys), aggregates)?
            }
        };
        let mut columns = Vec::with_capacity(lower.aggregates.len());
        for (index, plan) in lower.aggregates.iter().enumerate() {
            let name = name(index);
            let arrow = builder.schema().field_with_unqualified_name(&name)?.data_type().clone();
            let counts = matches!(function(plan), Some("count" | "approx_distinct"));
            columns.push(AggregateColumn { name, arrow, counts });
        }
        self.shared.aggregates += columns.len();
        // That there is a group tells of its rows. Without keys there is one, whatever the rows.
        let builder = match enough {
            Some(enough) if !keys.is_empty() => builder.filter(enough)?,
            _ => builder,
        };
        let keys = keys.into_iter().map(|key| key.arrow).collect();
        Ok(Aggregated { builder, keys, aggregates: columns, leaves, told })
    }

    /// Which rows count for numbers that are not added up over time: those of the first or last
    /// time among the rows of their group that pass their filters. The windows that tell are over
    /// columns: what is computed stands below them, the keys too.
    fn picks(
        &mut self,
        part: &Part<Sandbox>,
        shared: &[Predicate],
        keys: &mut [Lowered],
        lower: &mut Lower<'a>,
    ) -> Result<Picks, QueryError> {
        let (mut picks, mut windows) = (Vec::new(), Vec::new());
        let mut computed = Vec::new();
        if part.leaves.iter().any(|leaf| leaf.semi_additive.is_some()) {
            keys.iter_mut().for_each(|key| key.plan = column(key.plan.clone(), &mut computed));
        }
        for leaf in &part.leaves {
            let Some(semi) = &leaf.semi_additive else {
                picks.push(None);
                continue;
            };
            let time = lower.field(&FieldPath::own(semi.over))?.plan;
            let filters = if shared.is_empty() { leaf.filters.as_slice() } else { &[] };
            let filters = filters.iter().map(|predicate| lower.predicate(predicate));
            let counted = match balanced(filters.collect::<Result<_, _>>()?, Operator::And) {
                Some(all) => {
                    let arm = (Box::new(all), Box::new(time.clone()));
                    Plan::Case(Case::new(None, vec![arm], None))
                }
                None => time.clone(),
            };
            let mut partition: Vec<Plan> = keys.iter().map(|key| key.plan.clone()).collect();
            for path in &semi.per {
                let value = one_number(lower.field(path)?);
                partition.push(column(value.plan, &mut computed));
            }
            let counted = column(counted, &mut computed);
            let function = match semi.pick {
                Pick::First => min_udaf(),
                Pick::Last => max_udaf(),
            };
            let name = format!("#w{}", windows.len());
            windows.push((over_all(function, counted, partition)?, name.clone()));
            picks.push(Some(time.eq(bare(&name))));
        }
        Ok(Picks { picks, computed, windows })
    }

    /// The day of a row, in the zone of the question.
    fn day(&self, series: &Series, lower: &mut Lower<'a>) -> Result<Plan, QueryError> {
        Ok(self.key(&Key::days(FieldPath::own(series.time)), lower)?.plan)
    }

    /// Rows of days, each once for every period in which it counts.
    fn reported(
        &self,
        builder: LogicalPlanBuilder,
        series: &Series,
        Ends { until, own }: Ends,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let (builder, day) = match own {
            Some(own) => {
                let known = Plan::IsNotNull(Box::new(bare(OWN)));
                (beside(builder, own, (EACH_OWN, ONLY_OWN))?, only_where(Some(known), bare(DAY)))
            }
            None => (builder, bare(DAY)),
        };
        if series.reporting.to.is_some() {
            let none = Plan::Literal(ScalarValue::Date32(None), None);
            return reported_until(builder, series, day, none);
        }
        // Without an end that is asked for, the last day of the rows is the end.
        let newest = over_all(max_udaf(), bare(DAY), Vec::new())?;
        let builder = with_windows(builder, vec![(newest, NEWEST.to_owned())])?;
        let Some(until) = until else { return reported_until(builder, series, day, bare(NEWEST)) };
        let builder = beside(builder, until, (EACH, ONLY))?;
        let newest = core::expr_fn::greatest(vec![bare(NEWEST), bare(UNTIL)]);
        reported_until(builder, series, day, newest)
    }

    /// What decides in how many periods rows count.
    fn ends(
        &mut self,
        part: &Part<Sandbox>,
        series: &Series,
        all: &[Part<Sandbox>],
    ) -> Result<Ends, QueryError> {
        let until = self.until(part, series, all)?;
        let own = match series.reporting.window {
            Some(_) if in_groups(&part.rows) => {
                let last = self.last_day(part, &Key::days(FieldPath::own(series.time)))?;
                Some(one_day(last, (OWN, ONLY_OWN))?)
            }
            _ => None,
        };
        Ok(Ends { until, own })
    }

    /// The last day of the rows of all parts, as one row, where some are computed from other rows:
    /// the periods of one answer have one end. Rows that are too few to be told move it nowhere.
    fn until(
        &mut self,
        part: &Part<Sandbox>,
        series: &Series,
        all: &[Part<Sandbox>],
    ) -> Result<Option<LogicalPlan>, QueryError> {
        if series.reporting.to.is_some() {
            return Ok(None);
        }
        self.last_of(Some(part), series.key, all)
    }

    /// The last day of the rows of all parts but one, as one row.
    pub(super) fn last_of(
        &mut self,
        known: Option<&Part<Sandbox>>,
        key: usize,
        all: &[Part<Sandbox>],
    ) -> Result<Option<LogicalPlan>, QueryError> {
        let sizes = all.iter().map(|part| self.smallest(part)).collect::<Result<Vec<_>, _>>()?;
        let mut days: Option<LogicalPlanBuilder> = None;
        for alike in others(known, key, all, Sandbox::table, &sizes) {
            let last = match alike.as_slice() {
                [(other, days)] => self.last_day(other, days)?,
                several => self.last_days(several)?,
            };
            days = Some(match days {
                Some(days) => days.union(last.build()?)?,
                None => last,
            });
        }
        days.map(|days| one_day(days, (UNTIL, ONLY))).transpose()
    }

    /// The last day of the rows of several parts, which are read once for all: of each part only of
    /// the rows that its numbers are of, and none where these are too few to be told.
    fn last_days(
        &mut self,
        parts: &[Timed<'_, Sandbox>],
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let snapshot = self.compiled.snapshot();
        let first = parts.first().ok_or_else(|| QueryError::internal("the last day of nothing"))?;
        let rows = &first.0.rows;
        let mut lower = self.lower(rows)?;
        let looked = self.look_up(rows, &mut lower)?;
        let (mut last, mut told) = (Vec::new(), Vec::new());
        let (mut fields, mut keys) = (Vec::new(), Vec::new());
        for (index, (part, days)) in parts.iter().enumerate() {
            let day = self.key(days, &mut lower)?.plan;
            let condition = condition_of(part, &mut lower)?;
            lower.smallest = self.smallest(part)?;
            let enough = lower.enough(None, condition.as_ref());
            let name = format!("{UNTIL}{index}");
            last.push(max(only_where(condition, day)).alias(&name));
            told.push(only_where(enough, bare(&name)));
            fields.extend(part.fields_read(snapshot, &[]));
            keys.extend(self.own_keys(part)?);
        }
        let wants = Wants { keys: &keys, ..Wants::fields(&fields) };
        let builder = self.narrowed(rows, looked, &wants, &mut lower)?;
        let mut aggregates = lower.named_aggregates();
        aggregates.extend(last);
        let builder = builder.aggregate(Vec::<Plan>::new(), aggregates)?;
        Ok(builder.project(vec![core::expr_fn::greatest(told).alias(UNTIL)])?)
    }

    /// The last day of the rows of a part; no row where these are too few to be told.
    fn last_day(
        &mut self,
        part: &Part<Sandbox>,
        days: &Key,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let mut lower = self.lower(&part.rows)?;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let (bridge, day) = match &part.bridge {
            Some(bridge) if days.bridge.is_some() => {
                let (plan, day) = self.last_bridged(days, bridge)?;
                (Some((plan, &bridge.step)), day)
            }
            _ => (None, self.key(days, &mut lower)?.plan),
        };
        let condition = condition_of(part, &mut lower)?;
        lower.smallest = self.smallest(part)?;
        let enough = lower.enough(None, None);
        let fields = part.fields_read(self.compiled.snapshot(), &[]);
        let keys = self.own_keys(part)?;
        let step = bridge.as_ref().map(|(_, step)| *step);
        let wants = Wants { condition, keys: &keys, bridge: step, ..Wants::fields(&fields) };
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        let builder = match bridge {
            Some((plan, step)) => self.with_bridge(builder, &part.rows, step, plan)?,
            None => builder,
        };
        let mut aggregates = lower.named_aggregates();
        aggregates.push(max(day).alias(UNTIL));
        let builder = builder.aggregate(Vec::<Plan>::new(), aggregates)?;
        Ok(match enough {
            Some(enough) => builder.filter(enough)?.project(vec![bare(UNTIL)])?,
            None => builder,
        })
    }
}

/// The condition that the numbers of a part have in common, where there is one.
fn condition_of(part: &Part<Sandbox>, lower: &mut Lower<'_>) -> Result<Option<Plan>, QueryError> {
    let conditions = part_filter(part).iter().map(|predicate| lower.predicate(predicate));
    Ok(balanced(conditions.collect::<Result<_, _>>()?, Operator::And))
}

/// What decides in how many periods rows count, each the one row of a plan.
#[derive(Default)]
struct Ends {
    /// The last day of the rows of all parts.
    until: Option<LogicalPlan>,
    /// That of the own rows, missing where they are too few to be told: these count in no period, as
    /// that there are too many periods would tell of them.
    own: Option<LogicalPlan>,
}

/// The last of some days as one row, with the constant by which it is found.
fn one_day(days: LogicalPlanBuilder, (day, only): (&str, &str)) -> Result<LogicalPlan, QueryError> {
    let last = days.aggregate(Vec::<Plan>::new(), vec![max(bare(UNTIL)).alias(day)])?;
    Ok(last.project(vec![bare(day), lit(0_i64).alias(only)])?.build()?)
}

/// Rows, each beside the one row of a plan, which is found by a constant.
pub(super) fn beside(
    builder: LogicalPlanBuilder,
    one: LogicalPlan,
    (each, only): (&str, &str),
) -> Result<LogicalPlanBuilder, QueryError> {
    let by = |name: &str| vec![Column::new_unqualified(name)];
    let builder = with_column(builder, lit(0_i64), each)?;
    Ok(builder.join(one, JoinType::Left, (by(each), by(only)), None)?)
}

/// Rows of days, each once for every period in which it counts, up to a last day.
fn reported_until(
    builder: LogicalPlanBuilder,
    series: &Series,
    day: Plan,
    newest: Plan,
) -> Result<LogicalPlanBuilder, QueryError> {
    let list = periods(&series.reporting, day, newest);
    for_each_of(with_column(builder, list, PERIOD)?, PERIOD)
}

/// For each leaf which rows count, and the windows that tell, over columns that are computed
/// before.
struct Picks {
    picks: Vec<Option<Plan>>,
    computed: Vec<(Plan, String)>,
    windows: Vec<(Plan, String)>,
}

/// A column of what is computed; equal ones are one.
fn column(plan: Plan, computed: &mut Vec<(Plan, String)>) -> Plan {
    if matches!(plan, Plan::Column(_)) {
        return plan;
    }
    if let Some((_, name)) = computed.iter().find(|(known, _)| *known == plan) {
        return bare(name);
    }
    let name = format!("#g{}", computed.len());
    computed.push((plan, name.clone()));
    bare(&name)
}

/// The columns by which rows of days become periods.
const DAY: &str = "#day";
const NEWEST: &str = "#newest";
const PERIOD: &str = "#period";
/// The last day of the rows of all parts; the constants by which it is found.
pub(super) const UNTIL: &str = "#until";
pub(super) const EACH: &str = "#each";
pub(super) const ONLY: &str = "#only";
/// The same of a part's own rows.
const OWN: &str = "#own";
const EACH_OWN: &str = "#each_own";
const ONLY_OWN: &str = "#only_own";

/// The functions that put aggregations of days together, if all of them can be.
fn merging(aggregates: &[Plan]) -> Option<Vec<Arc<AggregateUDF>>> {
    let one = |plan: &Plan| match plan {
        Plan::AggregateFunction(aggregate) if aggregate.params.distinct => None,
        _ => match function(plan)? {
            "count" | "sum" => Some(sum_udaf()),
            "checked_sum" => Some(checked_sum()),
            "min" => Some(min_udaf()),
            "max" => Some(max_udaf()),
            _ => None,
        },
    };
    aggregates.iter().map(one).collect()
}

/// The name of an aggregation's function.
fn function(plan: &Plan) -> Option<&str> {
    match plan {
        Plan::AggregateFunction(aggregate) => Some(aggregate.func.name()),
        _ => None,
    }
}

fn call(function: Arc<AggregateUDF>, argument: Plan) -> Plan {
    let args = vec![argument];
    Plan::AggregateFunction(AggregateFunction::new_udf(function, args, false, None, vec![], None))
}

/// The one type in which the parts' keys of a model type are merged, where they differ.
pub(super) fn merged_type(data_type: Type) -> Result<DataType, QueryError> {
    crate::lower::arrow_of(data_type)
}
