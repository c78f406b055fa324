//! A part of a date or instant as a whole number, in a zone. Total.

use std::sync::Arc;

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use sandbar_catalog::time::Part;

use super::bucket::call;
use super::calendar;
use super::instants::{map_instants, temporal};
use super::zone::Clock;

/// The part of `value`, as a 64-bit whole number.
pub(crate) fn part(value: Expr, part: Part, clock: &Clock) -> Expr {
    let name = match part {
        Part::YearNumber => "part_year_number",
        Part::QuarterOfYear => "part_quarter_of_year",
        Part::MonthOfYear => "part_month_of_year",
        Part::WeekOfYear => "part_week_of_year",
        Part::IsoYearNumber => "part_iso_year_number",
        Part::DayOfYear => "part_day_of_year",
        Part::DayOfMonth => "part_day_of_month",
        Part::DayOfWeek => "part_day_of_week",
        Part::IsoDayOfWeek => "part_iso_day_of_week",
        Part::HourOfDay => "part_hour_of_day",
        Part::MinuteOfHour => "part_minute_of_hour",
        Part::SecondOfMinute => "part_second_of_minute",
        Part::FiscalYearNumber => "part_fiscal_year_number",
        Part::FiscalQuarterOfYear => "part_fiscal_quarter_of_year",
    };
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = PartOf { name, part, clock: clock.clone(), signature };
    call(ScalarUDF::from(function), value, clock)
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PartOf {
    name: &'static str,
    pub(super) part: Part,
    pub(super) clock: Clock,
    signature: Signature,
}

impl ScalarUDFImpl for PartOf {
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
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let rules = self.clock.rules();
        let mut of = |day, of_day, _| calendar::part(day, of_day, self.part, rules);
        Ok(ColumnarValue::Array(Arc::new(map_instants(&array, &self.clock, &mut of)?)))
    }
}
