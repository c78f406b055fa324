//! The instant at which a day begins, in a zone. Total: a day before or after the calendar begins at
//! the first or last of all instants.

use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, TimestampMicrosecondArray};
use datafusion_common::arrow::datatypes::{DataType, Date32Type};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use sandbar_catalog::query::{date_of_days, offset_at_the_end};

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
    let local = date_of_days(day)?.to_datetime(Time::midnight());
    instant_of(local, zone).or_else(|| at_the_end(day, zone))
}

/// The same of the last days of the calendar, which begin after the last instant that the rules of
/// zones cover, as 9999-12-31 does in Europe: with the offset of the nearest one.
fn at_the_end(day: i32, zone: &TimeZone) -> Option<i64> {
    let offset = offset_at_the_end(day < 0, zone)?.seconds();
    let seconds = i64::from(day).checked_mul(86_400)?.checked_sub(i64::from(offset))?;
    seconds.checked_mul(1_000_000)
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
        let end = |day: i32| if day < 0 { i64::MIN } else { i64::MAX };
        let begins = |day| midnight_of(day, &self.clock.zone).unwrap_or_else(|| end(day));
        let begun: TimestampMicrosecondArray = days.iter().map(|day| day.map(begins)).collect();
        Ok(ColumnarValue::Array(Arc::new(begun.with_timezone("UTC"))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn z1_the_last_days_of_the_calendar_begin_somewhere() {
        // 9999-12-31 is the day 2,932,896; Berlin is an hour ahead then, and New York five behind.
        let day = 2_932_896;
        for (name, hours) in [("Europe/Berlin", 1), ("America/New_York", -5), ("Etc/UTC", 0)] {
            let zone = TimeZone::get(name).unwrap();
            let expected = (i64::from(day) * 24 - hours) * 3_600_000_000;
            assert_eq!(midnight_of(day, &zone), Some(expected), "{name}");
            assert_eq!(midnight_of(day - 1, &zone), Some(expected - 86_400_000_000), "{name}");
        }
        assert_eq!(midnight_of(day + 1, &TimeZone::get("Europe/Berlin").unwrap()), None);
    }
}
