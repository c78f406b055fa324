//! Reads any column of dates or instants as microseconds since the epoch.

use datafusion_common::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, PrimitiveArray, TimestampMicrosecondArray,
};
use datafusion_common::arrow::buffer::ScalarBuffer;
use datafusion_common::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion_common::{Result, exec_err, plan_err};

use super::zone::{Clock, Offsets};

const DAY: i64 = 86_400_000_000;

/// What a temporal column counts in.
#[derive(Clone, Copy)]
enum Unit {
    /// Calendar days: no zone applies.
    Days,
    Instant(TimeUnit),
}

/// Checks that a function gets one temporal argument; texts beside it are for the reader.
pub(super) fn temporal(arguments: &[DataType]) -> Result<Vec<DataType>> {
    match arguments.first() {
        Some(DataType::Date32 | DataType::Timestamp(_, _)) => Ok(arguments.to_vec()),
        _ => plan_err!("a date or a timestamp is expected"),
    }
}

fn unary<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    mut map: impl FnMut(T::Native) -> i64,
) -> PrimitiveArray<Int64Type> {
    let array = array.as_primitive::<T>();
    let values: ScalarBuffer<i64> = array.values().iter().map(|value| map(*value)).collect();
    PrimitiveArray::new(values, array.nulls().cloned())
}

fn instants<T: ArrowPrimitiveType<Native = i64>>(
    array: &ArrayRef,
    to_micros: impl Fn(i64) -> i64,
    offsets: &mut Offsets<'_>,
    with: &mut dyn FnMut(i64, i64, i64) -> i64,
) -> PrimitiveArray<Int64Type> {
    unary::<T>(array, |value| {
        let micros = to_micros(value);
        let (day, of_day) = offsets.local(micros);
        with(day, of_day, micros)
    })
}

/// Applies `with(local day, microsecond of that day, instant in microseconds)` to each value.
pub(super) fn map_instants(
    array: &ArrayRef,
    clock: &Clock,
    with: &mut dyn FnMut(i64, i64, i64) -> i64,
) -> Result<PrimitiveArray<Int64Type>> {
    let unit = match array.data_type() {
        DataType::Date32 => Unit::Days,
        DataType::Timestamp(unit, _) => Unit::Instant(*unit),
        other => return exec_err!("a date or a timestamp is expected, not {other}"),
    };
    let mut offsets = clock.offsets();
    let offsets = &mut offsets;
    Ok(match unit {
        Unit::Days => unary::<Date32Type>(array, |days| {
            let day = i64::from(days);
            with(day, 0, day.saturating_mul(DAY))
        }),
        Unit::Instant(TimeUnit::Second) => {
            instants::<TimestampSecondType>(array, |n| n.saturating_mul(1_000_000), offsets, with)
        }
        Unit::Instant(TimeUnit::Millisecond) => {
            instants::<TimestampMillisecondType>(array, |n| n.saturating_mul(1_000), offsets, with)
        }
        Unit::Instant(TimeUnit::Microsecond) => {
            instants::<TimestampMicrosecondType>(array, |n| n, offsets, with)
        }
        Unit::Instant(TimeUnit::Nanosecond) => {
            instants::<TimestampNanosecondType>(array, |n| n.div_euclid(1_000), offsets, with)
        }
    })
}

/// Days as dates; a day that no date can hold becomes the nearest one that can.
pub(super) fn dates(days: &PrimitiveArray<Int64Type>) -> Date32Array {
    days.unary(|day| {
        let bounded = day.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        i32::try_from(bounded).unwrap_or(i32::MAX)
    })
}

/// Microseconds as instants in UTC.
pub(super) fn timestamps(micros: &PrimitiveArray<Int64Type>) -> TimestampMicrosecondArray {
    micros.reinterpret_cast::<TimestampMicrosecondType>().with_timezone("UTC")
}
