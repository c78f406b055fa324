//! Events that follow others: how many rows of a part have one, each event counted once.
//!
//! Rows and events of one entity stand in one line, in the order of time. Each event belongs to the
//! last row before it; rows of nobody or at no time have none. Nothing is joined, so nothing is counted
//! twice. Rows of one instant stand in the order of their primary key, where the asker sees it, and
//! then of the groups that they are in.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Column, ScalarValue};
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr as Plan, LogicalPlanBuilder, Operator, lit};
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::max_udaf;
use jiff::tz::TimeZone;
use sandbar_catalog::expr::Expr;
use sandbar_catalog::time::Grain;
use sandbar_catalog::{FieldPath, Type};
use sandbar_permissions::Sandbox;

use super::part::{AggregateColumn, Aggregated, key_column};
use super::rows::{Wants, base};
use super::smallest::of_single_rows;
use super::window::{Frame, over, over_all, with_windows};
use super::{Planner, bare};
use crate::barrier::apart;
use crate::error::QueryError;
use crate::functions::{Clock, bucket, instant_type, later, midnight, place, placed};
use crate::lower::{Lower, Lowered, aggregate_name, balanced, cast, one_number};
use crate::query::{Events, Part};

/// When a row or event happens.
const TIME: &str = "#time";
/// 0 for a row, 1 for an event.
const EVENT: &str = "#event";
/// How many rows there were so far.
const NUMBER: &str = "#number";
/// When the row happens that an event follows.
const SINCE: &str = "#since";

fn entity(index: usize) -> String {
    format!("#e{index}")
}

/// A field of the primary key of a row.
fn tie_breaker(index: usize) -> String {
    format!("#t{index}")
}

/// The rows of a part in the form of the line.
struct Line {
    builder: LogicalPlanBuilder,
    keys: Vec<DataType>,
    tie_breakers: Vec<DataType>,
}

impl<'a> Planner<'a, '_> {
    pub(super) fn followed(
        &mut self,
        part: &Part<Sandbox>,
        events: &Events<Sandbox>,
    ) -> Result<Aggregated, QueryError> {
        of_single_rows(&part.rows)?;
        of_single_rows(&events.rows)?;
        let Line { builder, keys, tie_breakers } = self.lined_up(part, events)?;
        let follow = self.events(events, &keys, &tie_breakers)?;
        // DataFusion would sort both before it puts them together, and forgets by what it did where
        // the two have constants that differ.
        let line = apart(builder.union(follow.build()?)?)?;
        let entities: Vec<Plan> = (0..events.on.len()).map(|i| bare(&entity(i))).collect();
        let is_row = bare(EVENT).eq(lit(0_i32));
        let of_row = |value: Plan| {
            let arm = (Box::new(is_row.clone()), Box::new(value));
            Plan::Case(Case::new(None, vec![arm], None))
        };
        let mut order = vec![bare(TIME), bare(EVENT)];
        order.extend((0..tie_breakers.len()).map(|i| bare(&tie_breaker(i))));
        order.extend((0..keys.len()).map(|i| bare(&key_column(i))));
        let number = over(count_udaf(), of_row(lit(1_i64)), entities.clone(), order, Frame::UpTo)?;
        let line = with_windows(line, vec![(number, NUMBER.to_owned())])?;
        // One row and the events up to the next row: what is told of the row holds for all.
        let mut together = entities;
        together.push(bare(NUMBER));
        let since = over_all(max_udaf(), of_row(bare(TIME)), together.clone())?;
        let mut windows = vec![(since, SINCE.to_owned())];
        for (index, arrow) in keys.iter().enumerate() {
            let key = place(bare(&key_column(index)), arrow);
            let key = over_all(max_udaf(), key, together.clone())?;
            windows.push((key, format!("#of{index}")));
        }
        let line = with_windows(line, windows)?;
        let is_event = bare(EVENT).eq(lit(1_i32));
        let mut conditions = vec![is_event.clone(), bare(NUMBER).gt(lit(0_i64))];
        if let Some((count, unit)) = events.window {
            // The window is the model's.
            let model = self.compiled.clock();
            let days = self.compiled.snapshot().field(events.base_time).data_type == Type::Date;
            let end = if days && model.zone_name().is_some() {
                // It ends where a day begins, also where the first one begins after midnight.
                let utc = Clock { zone: TimeZone::UTC, ..model.clone() };
                let first = cast(bucket(bare(SINCE), Grain::Day, model), instant_type());
                midnight(cast(later(first, count, unit, &utc), DataType::Date32), model)
            } else {
                later(bare(SINCE), count, unit, model)
            };
            conditions.push(bare(TIME).lt(end));
        }
        // The groups are those of the rows, whether an event follows them or not.
        let line = match balanced(conditions, Operator::And) {
            Some(credited) => line.filter(is_row.or(credited))?,
            None => line,
        };
        let groups = keys
            .iter()
            .enumerate()
            .map(|(i, arrow)| placed(bare(&format!("#of{i}")), arrow).alias(key_column(i)));
        let name = aggregate_name(self.shared.aggregates);
        self.shared.aggregates += 1;
        let event = Case::new(None, vec![(Box::new(is_event), Box::new(lit(1_i64)))], None);
        let count = datafusion_functions_aggregate::expr_fn::count(Plan::Case(event)).alias(&name);
        let builder = line.aggregate(groups.collect::<Vec<_>>(), vec![count])?;
        let value = Lowered { plan: bare(&name), arrow: DataType::Int64 };
        let leaves = part.leaves.iter().map(|_| value.clone()).collect();
        let told = part.leaves.iter().map(|_| None).collect();
        let column = AggregateColumn { name, arrow: DataType::Int64, counts: true };
        Ok(Aggregated { builder, keys, aggregates: vec![column], leaves, told })
    }

    /// The rows of the part, in the form of the line.
    fn lined_up(
        &mut self,
        part: &Part<Sandbox>,
        events: &Events<Sandbox>,
    ) -> Result<Line, QueryError> {
        let mut lower = self.lower(&part.rows)?;
        let looked = self.look_up(&part.rows, &mut lower)?;
        let mut shown = Vec::new();
        let mut keys = Vec::with_capacity(part.keys.len());
        for (index, key) in part.keys.iter().enumerate() {
            let lowered = self.group_key(key, &mut lower)?;
            shown.push(lowered.plan.alias(key_column(index)));
            keys.push(lowered.arrow);
        }
        // Without groups it makes no difference which row is credited.
        let of_key = match part.keys.is_empty() {
            true => Vec::new(),
            false => self.clear_key(&base(&part.rows)?.source),
        };
        let mut tie_breakers = Vec::with_capacity(of_key.len());
        for (index, field) in of_key.iter().enumerate() {
            let lowered = lower.field(&FieldPath::own(*field))?;
            shown.push(lowered.plan.alias(tie_breaker(index)));
            tie_breakers.push(lowered.arrow);
        }
        let on = events.on.iter().map(|(own, _)| own);
        shown.extend(self.placed(on, FieldPath::own(events.base_time), &mut lower)?);
        shown.push(lit(0_i32).alias(EVENT));
        let mut fields = part.fields_read(self.compiled.snapshot(), &[]);
        fields.extend(of_key.into_iter().map(FieldPath::own));
        let wants = Wants::fields(&fields);
        let builder = self.narrowed(&part.rows, looked, &wants, &mut lower)?;
        let builder = builder.project(shown)?;
        Ok(Line { builder, keys, tie_breakers })
    }

    fn events(
        &mut self,
        events: &Events<Sandbox>,
        keys: &[DataType],
        tie_breakers: &[DataType],
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let mut lower = self.lower(&events.rows)?;
        let looked = self.look_up(&events.rows, &mut lower)?;
        let mut shown = Vec::new();
        let keys = keys.iter().enumerate().map(|(index, arrow)| (key_column(index), arrow));
        let ties = tie_breakers.iter().enumerate();
        for (name, arrow) in keys.chain(ties.map(|(index, arrow)| (tie_breaker(index), arrow))) {
            let missing = Plan::Literal(ScalarValue::try_from(arrow)?, None);
            shown.push(missing.alias(name));
        }
        let on = events.on.iter().map(|(_, theirs)| theirs);
        shown.extend(self.placed(on, FieldPath::own(events.time), &mut lower)?);
        shown.push(lit(1_i32).alias(EVENT));
        let fields = events.fields_read(self.compiled.snapshot());
        let wants = Wants::fields(&fields);
        let builder = self.narrowed(&events.rows, looked, &wants, &mut lower)?;
        known(builder.project(shown)?, events)
    }

    /// Whose a row or event is, and when it happens.
    fn placed<'p>(
        &self,
        on: impl Iterator<Item = &'p FieldPath>,
        time: FieldPath,
        lower: &mut Lower<'a>,
    ) -> Result<Vec<Plan>, QueryError> {
        let snapshot = self.compiled.snapshot();
        let mut shown = Vec::new();
        for (index, path) in on.enumerate() {
            let data_type = snapshot.field(path.field).data_type;
            let value = lower.canonical(&Expr::field(path.clone(), data_type), data_type)?;
            let value = one_number(value);
            shown.push(value.plan.alias(entity(index)));
        }
        let data_type = snapshot.field(time.field).data_type;
        let instant = lower.instant(&Expr::field(time, data_type))?;
        shown.push(instant.plan.alias(TIME));
        Ok(shown)
    }
}

/// Only events of somebody and at some time: a missing value equals no other.
fn known(
    builder: LogicalPlanBuilder,
    events: &Events<Sandbox>,
) -> Result<LogicalPlanBuilder, QueryError> {
    let names = (0..events.on.len()).map(entity).chain([TIME.to_owned()]);
    let conditions =
        names.map(|name| Plan::IsNotNull(Box::new(Plan::Column(Column::new_unqualified(name)))));
    Ok(match balanced(conditions.collect(), Operator::And) {
        Some(all) => builder.filter(all)?,
        None => builder,
    })
}
