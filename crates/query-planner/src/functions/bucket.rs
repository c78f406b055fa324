//! Truncation to a grain, in a zone and with a week start. Total: every instant has a bucket.

use std::sync::Arc;

use datafusion_common::arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use sandbar_catalog::time::Grain;

use super::calendar;
use super::instants::{dates, map_instants, temporal, timestamps};
use super::zone::Clock;

/// The type of a bucket.
pub(crate) fn bucket_type(grain: Grain) -> DataType {
    if grain.is_date() {
        DataType::Date32
    } else {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }
}

/// The bucket of `value`: a date for a day and coarser, else the instant it starts at.
pub(crate) fn bucket(value: Expr, grain: Grain, clock: &Clock) -> Expr {
    let name = match grain {
        Grain::Second => "bucket_second",
        Grain::Minute => "bucket_minute",
        Grain::Hour => "bucket_hour",
        Grain::Day => "bucket_day",
        Grain::Week => "bucket_week",
        Grain::Month => "bucket_month",
        Grain::Quarter => "bucket_quarter",
        Grain::Year => "bucket_year",
        Grain::FiscalQuarter => "bucket_fiscal_quarter",
        Grain::FiscalYear => "bucket_fiscal_year",
    };
    let function = Bucket {
        name,
        grain,
        clock: clock.clone(),
        signature: Signature::user_defined(Volatility::Immutable),
    };
    call(ScalarUDF::from(function), value, clock)
}

/// A call that shows its zone to whoever reads the plan.
pub(super) fn call(function: ScalarUDF, value: Expr, clock: &Clock) -> Expr {
    let mut args = vec![value];
    if let Some(zone) = clock.zone_name() {
        args.push(Expr::Literal(ScalarValue::from(zone), None));
    }
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
}

/// The first day of the bucket that holds `day`.
pub(crate) fn floor_date(day: i32, grain: Grain, clock: &Clock) -> i32 {
    i32::try_from(calendar::floor(i64::from(day), grain, clock.rules())).unwrap_or(day)
}

/// The first day of the bucket after the one that holds `day`.
pub(crate) fn next_date(day: i32, grain: Grain, clock: &Clock) -> i32 {
    i32::try_from(calendar::next(i64::from(day), grain, clock.rules())).unwrap_or(i32::MAX)
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    name: &'static str,
    pub(super) grain: Grain,
    pub(super) clock: Clock,
    signature: Signature,
}

impl ScalarUDFImpl for Bucket {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        temporal(arguments)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(bucket_type(self.grain))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let rules = self.clock.rules();
        if self.grain.is_date() {
            let mut floor = |day, _, _| calendar::floor(day, self.grain, rules);
            let days = map_instants(&array, &self.clock, &mut floor)?;
            return Ok(ColumnarValue::Array(Arc::new(dates(&days))));
        }
        let length = match self.grain {
            Grain::Hour => 3_600_000_000,
            Grain::Minute => 60_000_000,
            _ => 1_000_000,
        };
        let mut floor = |_, of_day: i64, micros: i64| micros.saturating_sub(of_day % length);
        let micros = map_instants(&array, &self.clock, &mut floor)?;
        Ok(ColumnarValue::Array(Arc::new(timestamps(&micros))))
    }
}
