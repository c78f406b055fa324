//! An instant some calendar units later, in a zone. Total: out of the calendar is no instant.

use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, TimestampMicrosecondArray};
use datafusion_common::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sandbar_catalog::query::{RelativeUnit, date_of_days, days_since_epoch};

use super::bucket::call;
use super::calendar;
use super::zone::Clock;

/// `value` and `count` calendar units: the same time of a later day.
pub(crate) fn later(value: Expr, count: u32, unit: RelativeUnit, clock: &Clock) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = Later { count, unit, clock: clock.clone(), signature };
    call(ScalarUDF::from(function), value, clock)
}

/// The type in which instants are calculated with.
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Later {
    pub(super) count: u32,
    pub(super) unit: RelativeUnit,
    pub(super) clock: Clock,
    signature: Signature,
}

impl Later {
    fn of(&self, micros: i64) -> Option<i64> {
        let zone = &self.clock.zone;
        let local = zone.to_datetime(Timestamp::from_microsecond(micros).ok()?);
        let day = i64::from(days_since_epoch(local.date()));
        let day = calendar::shift(day, i64::from(self.count), self.unit);
        let date = date_of_days(i32::try_from(day).ok()?)?;
        instant_of(date.to_datetime(local.time()), zone)
    }
}

/// When a clock of a zone shows a time, in microseconds since the epoch.
pub(super) fn instant_of(local: DateTime, zone: &TimeZone) -> Option<i64> {
    Some(zone.to_timestamp(local).ok()?.as_microsecond())
}

/// The types of arguments of which the first is wanted in one type; texts beside it are for the
/// reader.
pub(super) fn with_first(arguments: &[DataType], wanted: DataType) -> Vec<DataType> {
    let rest = arguments.iter().skip(1).cloned();
    arguments.first().map(|_| wanted).into_iter().chain(rest).collect()
}

impl ScalarUDFImpl for Later {
    fn name(&self) -> &str {
        "later"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(with_first(arguments, instant_type()))
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let array = array.as_primitive::<TimestampMicrosecondType>();
        let moved: TimestampMicrosecondArray =
            array.iter().map(|micros| micros.and_then(|micros| self.of(micros))).collect();
        Ok(ColumnarValue::Array(Arc::new(moved.with_timezone("UTC"))))
    }
}
