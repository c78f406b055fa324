//! The instant at which a day begins, in a zone. Total: a day out of the calendar has none.

use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, TimestampMicrosecondArray};
use datafusion_common::arrow::datatypes::{DataType, Date32Type};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use sandbar_catalog::query::date_of_days;

use super::bucket::call;
use super::later::{instant_of, instant_type, with_first};
use super::zone::Clock;

/// The first instant of each day of `value`, in the zone of a clock; where clocks skip midnight, the
/// first instant after.
pub(crate) fn midnight(value: Expr, clock: &Clock) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    call(ScalarUDF::from(Midnight { clock: clock.clone(), signature }), value, clock)
}

/// The first instant of a day, in microseconds since the epoch.
pub(crate) fn midnight_of(day: i32, zone: &TimeZone) -> Option<i64> {
    instant_of(date_of_days(day)?.to_datetime(Time::midnight()), zone)
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Midnight {
    clock: Clock,
    signature: Signature,
}

impl ScalarUDFImpl for Midnight {
    fn name(&self) -> &str {
        "midnight"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(with_first(arguments, DataType::Date32))
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let days = array.as_primitive::<Date32Type>();
        let begins = |day| midnight_of(day, &self.clock.zone);
        let begun: TimestampMicrosecondArray =
            days.iter().map(|day| day.and_then(begins)).collect();
        Ok(ColumnarValue::Array(Arc::new(begun.with_timezone("UTC"))))
    }
}
