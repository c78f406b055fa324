//! Aggregations: exact sums, and one aggregation for equal ones.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Column, ScalarValue};
use datafusion_expr::expr::AggregateFunction as PlanAggregate;
use datafusion_expr::{AggregateUDF, Expr as Plan, Operator, lit};
use datafusion_functions_aggregate as functions;
use sandbar_catalog::Type;
use sandbar_catalog::expr::{Aggregate, AggregateFunction, Expr, ExprKind, Fraction};
use std::sync::Arc;

use super::{
    Lower, Lowered, aggregate_name, arrow_of, balanced, binary, cast, one_number, only_where,
};
use crate::error::QueryError;
use crate::functions::{Between, checked_sum, count_distinct, mean, percentile, place, placed};
use crate::query::{Predicate, Zone};

impl Lower<'_> {
    /// A measure or metric: aggregations and what is calculated from them, each over the rows for
    /// which all of `filters` hold, and `pick`.
    pub(crate) fn aggregated(
        &mut self,
        expr: &Expr,
        zone: Zone,
        filters: &[Predicate],
        pick: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        let all = self.counted(filters, pick)?;
        self.over(expr, zone, all)
    }

    /// The conditions under which a row counts.
    fn counted(
        &mut self,
        filters: &[Predicate],
        pick: Option<Plan>,
    ) -> Result<Vec<Plan>, QueryError> {
        let filters = filters.iter().map(|filter| self.predicate(filter));
        filters.chain(pick.map(Ok)).collect()
    }

    /// What is calculated from aggregations over the rows that pass all conditions.
    fn over(
        &mut self,
        expr: &Expr,
        zone: Zone,
        conditions: Vec<Plan>,
    ) -> Result<Lowered, QueryError> {
        self.narrowed = balanced(conditions, Operator::And);
        let lowered = match zone {
            Zone::Model => self.modelled(expr),
            Zone::Question => self.expr(expr),
        };
        self.narrowed = None;
        lowered
    }

    /// Lowers what an author lifts. The check refuses what can fail by its model types; the stored
    /// ones decide.
    fn total<T>(
        &mut self,
        lower: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let (lowered, fallible) = self.by_itself(lower);
        let lowered = lowered?;
        if fallible {
            return Err(QueryError::internal("what an author lifts can fail on stored values"));
        }
        Ok(lowered)
    }

    /// The same where the metric's author wrote the expression and some filters to be read with his
    /// rights.
    pub(crate) fn lifted(
        &mut self,
        expr: &Expr,
        own: &[Predicate],
        filters: &[Predicate],
        pick: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        let mut all = self.counted(filters, pick)?;
        self.lifts = true;
        all.extend(self.total(|lower| lower.counted(own, None))?);
        let lowered = self.over(expr, Zone::Model, all);
        self.lifts = false;
        lowered
    }

    pub(super) fn aggregate(
        &mut self,
        aggregate: &Aggregate,
        data_type: Type,
    ) -> Result<Lowered, QueryError> {
        if self.lifts {
            return self.total(|lower| lower.filtered(aggregate, data_type));
        }
        self.filtered(aggregate, data_type)
    }

    fn filtered(&mut self, aggregate: &Aggregate, data_type: Type) -> Result<Lowered, QueryError> {
        let own = match &aggregate.filter {
            Some(condition) => Some(self.expr(condition)?.plan),
            None => None,
        };
        let filter = match (self.narrowed.clone(), own) {
            (Some(a), Some(b)) => Some(binary(a, Operator::And, b)),
            (a, b) => a.or(b),
        };
        // Whether what is aggregated can fail decides how it is filtered.
        self.by_itself(|lower| lower.aggregate_of(aggregate, data_type, filter)).0
    }

    fn aggregate_of(
        &mut self,
        aggregate: &Aggregate,
        data_type: Type,
        filter: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        if let (AggregateFunction::Avg, Some(argument)) = (aggregate.function, &aggregate.argument)
            && matches!(argument.data_type, Type::Decimal { .. })
        {
            return self.decimal_mean(aggregate, argument, data_type, filter);
        }
        if let (AggregateFunction::Avg, Some(argument)) = (aggregate.function, &aggregate.argument)
            && argument.data_type == Type::Integer
        {
            return self.whole_mean(aggregate, argument, filter);
        }
        if let (AggregateFunction::Min | AggregateFunction::Max, Some(argument)) =
            (aggregate.function, &aggregate.argument)
            && argument.data_type == Type::Number
        {
            return self.extreme_double(aggregate, argument, filter);
        }
        let (udaf, arguments, found) = match share(aggregate.function) {
            Some((share, between)) => self.percentile(aggregate, data_type, share, between)?,
            None => {
                let (udaf, argument, found) = self.function(aggregate, data_type)?;
                (udaf, vec![argument], found)
            }
        };
        let column = self.aggregate_column(udaf, arguments, aggregate.distinct, filter);
        let wanted = match aggregate.function {
            AggregateFunction::Min | AggregateFunction::Max => found.clone(),
            AggregateFunction::PercentileDiscrete(_) => found.clone(),
            _ => arrow_of(data_type)?,
        };
        let plan = if found == wanted { column } else { cast(column, wanted.clone()) };
        Ok(Lowered::new(plan, wanted))
    }

    /// What stands for an aggregation in what is calculated from it: its column, or nothing where
    /// that is of too few rows.
    fn aggregate_column(
        &mut self,
        udaf: Arc<AggregateUDF>,
        arguments: Vec<Plan>,
        distinct: bool,
        filter: Option<Plan>,
    ) -> Plan {
        let enough = self.enough(arguments.first(), filter.as_ref());
        self.conditions.extend(enough.clone());
        only_where(enough, self.column_of(udaf, arguments, distinct, filter))
    }

    /// The column of an aggregation between the aggregation and what is calculated from it; equal
    /// aggregations share one.
    ///
    /// What can fail is calculated for the rows that pass the filter, and for no others. DataFusion
    /// calculates it for every row where there are groups, and otherwise for those that are left of
    /// a batch, also where that is none: with constants, it would fail by where batches end.
    pub(super) fn column_of(
        &mut self,
        udaf: Arc<AggregateUDF>,
        mut arguments: Vec<Plan>,
        distinct: bool,
        filter: Option<Plan>,
    ) -> Plan {
        let filter = match (filter, arguments.first_mut()) {
            (Some(filter), Some(value)) if self.fallible => {
                *value = only_where(Some(filter), value.clone());
                None
            }
            (filter, _) => filter,
        };
        let plan = Plan::AggregateFunction(PlanAggregate::new_udf(
            udaf,
            arguments,
            distinct,
            filter.map(Box::new),
            Vec::new(),
            None,
        ));
        let index = match self.aggregates.iter().position(|known| *known == plan) {
            Some(index) => index,
            None => {
                self.aggregates.push(plan);
                self.aggregates.len() - 1
            }
        };
        Plan::Column(Column::new_unqualified(aggregate_name(self.first_aggregate + index)))
    }

    /// The aggregations found, each under the name by which the expression refers to it.
    pub(crate) fn named_aggregates(&self) -> Vec<Plan> {
        let named = |(index, plan): (usize, &Plan)| {
            plan.clone().alias(aggregate_name(self.first_aggregate + index))
        };
        self.aggregates.iter().enumerate().map(named).collect()
    }

    /// The mean of decimals is the exact sum over the count, rounded half away from zero:
    /// DataFusion's own mean cuts digits off.
    fn decimal_mean(
        &mut self,
        aggregate: &Aggregate,
        argument: &Expr,
        data_type: Type,
        filter: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        let value = self.canonical(argument, argument.data_type)?;
        let (distinct, counted) = (aggregate.distinct, value.plan.clone());
        let wide = self.sums_wide(distinct);
        let (function, summed, found) = sum(argument.data_type, value, wide);
        let mut sum = self.aggregate_column(function, vec![summed], distinct, filter.clone());
        if let DataType::Decimal256(_, scale) = found {
            sum = cast(sum, DataType::Decimal128(38, scale));
        }
        let count = functions::count::count_udaf();
        let count = self.aggregate_column(count, vec![counted], distinct, filter);
        Ok(Lowered::new(mean(sum, count), arrow_of(data_type)?))
    }

    /// The mean of whole numbers is the double nearest to their exact sum over the count: a sum of
    /// doubles forgets small numbers beside large ones.
    fn whole_mean(
        &mut self,
        aggregate: &Aggregate,
        argument: &Expr,
        filter: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        let value = self.summand(argument, Type::Decimal { precision: 38, scale: 0 })?;
        let (distinct, counted) = (aggregate.distinct, value.plan.clone());
        let (function, summed, _) = sum(argument.data_type, value, distinct);
        let sum = self.aggregate_column(function, vec![summed], distinct, filter.clone());
        let count = functions::count::count_udaf();
        let count = self.aggregate_column(count, vec![counted], distinct, filter);
        let double = |plan: Plan| cast(plan, DataType::Float64);
        let mean = binary(double(sum), Operator::Divide, double(count));
        Ok(Lowered::new(mean, DataType::Float64))
    }

    /// The least or greatest of doubles by their places, since DataFusion's own of groups with a NaN
    /// depends on the order of the rows.
    fn extreme_double(
        &mut self,
        aggregate: &Aggregate,
        argument: &Expr,
        filter: Option<Plan>,
    ) -> Result<Lowered, QueryError> {
        let value = self.expr(argument)?;
        let udaf = match aggregate.function {
            AggregateFunction::Min => functions::min_max::min_udaf(),
            _ => functions::min_max::max_udaf(),
        };
        let places = vec![place(value.plan, &value.arrow)];
        let extreme = self.aggregate_column(udaf, places, aggregate.distinct, filter);
        Ok(Lowered::new(placed(extreme, &value.arrow), value.arrow))
    }

    /// Whether sums have room for more digits than are told. Of too few rows none is told, so that
    /// one of them must not fail either: its digits are looked at where it is told.
    fn sums_wide(&self, distinct: bool) -> bool {
        distinct || !self.smallest.is_empty()
    }

    /// The function, its argument, and the type DataFusion gives the result.
    fn function(
        &mut self,
        aggregate: &Aggregate,
        data_type: Type,
    ) -> Result<(Arc<AggregateUDF>, Plan, DataType), QueryError> {
        let Some(argument) = &aggregate.argument else {
            let count = functions::count::count_udaf();
            return Ok((count, lit(ScalarValue::Int64(Some(1))), DataType::Int64));
        };
        Ok(match aggregate.function {
            AggregateFunction::Count => {
                let value = self.expr(argument)?;
                if !aggregate.distinct {
                    return Ok((functions::count::count_udaf(), value.plan, DataType::Int64));
                }
                // Texts in dictionaries are counted as texts.
                let value = one_number(self.out_of_dictionary(value, argument.data_type)?);
                let value = self.in_micros(value)?;
                let count = match value.arrow.is_integer() {
                    true => functions::count::count_udaf(),
                    false => count_distinct(),
                };
                (count, value.plan, DataType::Int64)
            }
            AggregateFunction::Min => {
                let value = self.orderable(argument)?;
                (functions::min_max::min_udaf(), value.plan, value.arrow)
            }
            AggregateFunction::Max => {
                let value = self.orderable(argument)?;
                (functions::min_max::max_udaf(), value.plan, value.arrow)
            }
            AggregateFunction::Sum => {
                let value = self.summand(argument, data_type)?;
                sum(argument.data_type, value, self.sums_wide(aggregate.distinct))
            }
            // Of whole numbers and decimals it is a sum over a count.
            AggregateFunction::Avg => self.double(functions::average::avg_udaf(), argument)?,
            AggregateFunction::ApproxDistinct => {
                let approx = functions::approx_distinct::approx_distinct_udaf();
                (approx, self.hashed(argument)?, DataType::UInt64)
            }
            AggregateFunction::Median
            | AggregateFunction::PercentileContinuous(_)
            | AggregateFunction::PercentileDiscrete(_) => {
                return Err(QueryError::internal("a percentile without its share"));
            }
            AggregateFunction::StddevSample => {
                self.double(functions::stddev::stddev_udaf(), argument)?
            }
            AggregateFunction::StddevPopulation => {
                self.double(functions::stddev::stddev_pop_udaf(), argument)?
            }
            AggregateFunction::VarianceSample => {
                self.double(functions::variance::var_samp_udaf(), argument)?
            }
            AggregateFunction::VariancePopulation => {
                self.double(functions::variance::var_pop_udaf(), argument)?
            }
        })
    }

    /// A percentile of doubles, or one of the values as they are.
    fn percentile(
        &mut self,
        aggregate: &Aggregate,
        data_type: Type,
        share: Fraction,
        between: Between,
    ) -> Result<(Arc<AggregateUDF>, Vec<Plan>, DataType), QueryError> {
        let missing = || QueryError::internal("a percentile of nothing");
        let argument = aggregate.argument.as_ref().ok_or_else(missing)?;
        let value = match data_type {
            Type::Integer => self.whole(argument)?,
            _ => self.canonical(argument, data_type)?,
        };
        #[expect(clippy::cast_precision_loss, reason = "for whoever reads the plan")]
        let shown = lit(share.parts() as f64 / Fraction::WHOLE as f64);
        Ok((percentile(share, between), vec![value.plan, shown], value.arrow))
    }

    /// A whole number of 64 bits. One without a sign stays that: a conversion would fail on some.
    fn whole(&mut self, argument: &Expr) -> Result<Lowered, QueryError> {
        if matches!(argument.kind, ExprKind::Literal(_)) {
            return self.canonical(argument, Type::Integer);
        }
        let lowered = self.expr(argument)?;
        match lowered.arrow {
            DataType::UInt64 => Ok(lowered),
            _ => self.convert(lowered, Type::Integer),
        }
    }

    /// A value of which different ones are counted by their hashes: doubles, which have none, as
    /// their digits.
    fn hashed(&mut self, argument: &Expr) -> Result<Plan, QueryError> {
        let lowered = self.orderable(argument)?;
        Ok(match argument.data_type {
            Type::Number => {
                let double = one_number(self.convert(lowered, Type::Number)?);
                cast(double.plan, DataType::Utf8)
            }
            _ => self.in_micros(lowered)?.plan,
        })
    }

    fn double(
        &mut self,
        udaf: Arc<AggregateUDF>,
        argument: &Expr,
    ) -> Result<(Arc<AggregateUDF>, Plan, DataType), QueryError> {
        Ok((udaf, self.canonical(argument, Type::Number)?.plan, DataType::Float64))
    }

    /// The smallest of texts in dictionaries is a text.
    fn orderable(&mut self, argument: &Expr) -> Result<Lowered, QueryError> {
        let lowered = self.expr(argument)?;
        self.out_of_dictionary(lowered, argument.data_type)
    }

    fn out_of_dictionary(&mut self, value: Lowered, to: Type) -> Result<Lowered, QueryError> {
        match value.arrow {
            DataType::Dictionary(..) => self.convert(value, to),
            _ => Ok(value),
        }
    }

    /// Whole numbers of up to 32 bits cannot wrap a sum of 64 bits before 2^31 rows; wider ones
    /// are summed as decimals, whose 38 digits no number of rows can fill.
    fn summand(&mut self, argument: &Expr, result: Type) -> Result<Lowered, QueryError> {
        let lowered = self.expr(argument)?;
        match (&lowered.arrow, argument.data_type) {
            (
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::UInt8
                | DataType::UInt16,
                _,
            ) => self.convert(lowered, Type::Integer),
            (_, Type::Integer) => self.convert(lowered, result),
            (_, data_type) => self.convert(lowered, data_type),
        }
    }
}

/// The sum of values of a type: the function, its argument, and the type of its result. Decimals of
/// so many digits that a sum could leave 128 bits are seen to it that it does not, or are summed in
/// `wide` ones.
fn sum(data_type: Type, value: Lowered, wide: bool) -> (Arc<AggregateUDF>, Plan, DataType) {
    let plain = functions::sum::sum_udaf();
    match (data_type, value.arrow) {
        (Type::Decimal { .. }, DataType::Decimal128(p, s)) if p > WITHOUT_CARE => match wide {
            true => {
                let wide = DataType::Decimal256(76, s);
                (plain, cast(value.plan, wide.clone()), wide)
            }
            false => (checked_sum(), value.plan, DataType::Decimal128(38, s)),
        },
        (_, DataType::Decimal128(p, s)) => {
            (plain, value.plan, DataType::Decimal128(p.saturating_add(10).min(38), s))
        }
        (_, other) => (plain, value.plan, other),
    }
}

/// The digits of decimals of which ten thousand million can be summed in 38 digits.
const WITHOUT_CARE: u8 = 28;

/// The share of a percentile, and what is told between two values.
fn share(function: AggregateFunction) -> Option<(Fraction, Between)> {
    match function {
        AggregateFunction::Median => Some((Fraction::HALF, Between::Interpolated)),
        AggregateFunction::PercentileContinuous(share) => Some((share, Between::Interpolated)),
        AggregateFunction::PercentileDiscrete(share) => Some((share, Between::Larger)),
        _ => None,
    }
}
