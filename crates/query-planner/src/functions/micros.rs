//! Dates and instants of any unit as instants in microseconds, in UTC. Arrow's casts are not total:
//! they lose what is without a zone and beyond the year 262,143, where databases write what is
//! infinite, and days beyond the year 290,000; and they cut nanoseconds towards 1970.

use std::sync::Arc;

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::tz::TimeZone;

use super::instants::{map_instants, temporal, timestamps};
use super::later::instant_type;
use super::zone::Clock;

/// The microsecond that an instant lies in, or in which a day begins in UTC; the first or last of
/// all where it is before or after these.
pub(crate) fn micros(value: Expr, clock: &Clock) -> Expr {
    let clock = Clock { zone: TimeZone::UTC, ..clock.clone() };
    let function = Micros { clock, signature: Signature::user_defined(Volatility::Immutable) };
    let function = Arc::new(ScalarUDF::from(function));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![value]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Micros {
    clock: Clock,
    signature: Signature,
}

impl ScalarUDFImpl for Micros {
    fn name(&self) -> &str {
        "microseconds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        temporal(arguments)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return plan_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let micros = map_instants(&array, &self.clock, &mut |_, _, micros| micros)?;
        Ok(ColumnarValue::Array(Arc::new(timestamps(&micros))))
    }
}
