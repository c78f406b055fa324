//! The values of an answer, as Metabase writes them: dates and instants in ISO 8601, numbers as
//! numbers where no reader rounds them, and else as texts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sandbar::beyond_calendar;
use serde_json::{Number, Value};

/// The largest whole number that is safe in JavaScript (`Number.MAX_SAFE_INTEGER`).
const SAFE: u64 = (1 << 53) - 1;

/// All values of a column.
pub(super) fn column(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    // A day has no zone: it is written as its first instant, as Metabase does.
    const OPTIONS: FormatOptions<'static> = FormatOptions::new()
        .with_display_error(false)
        .with_date_format(Some("%Y-%m-%dT00:00:00Z"))
        .with_datetime_format(Some("%Y-%m-%dT00:00:00Z"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let formatter = ArrayFormatter::try_new(array, &OPTIONS)?;
    (0..array.len()).map(|row| value(array, &formatter, row)).collect()
}

fn value(
    array: &ArrayRef,
    formatter: &ArrayFormatter<'_>,
    row: usize,
) -> Result<Value, ArrowError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let text = || -> Result<String, ArrowError> {
        let Some(beyond) = beyond_calendar(array, row) else {
            return formatter.value(row).try_to_string();
        };
        let day = *array.data_type() == DataType::Date32;
        Ok(if day { format!("{beyond}T00:00:00Z") } else { beyond })
    };
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => double(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float16 => double(f64::from(array.as_primitive::<Float16Type>().value(row))),
        data_type if data_type.is_integer() => whole(text()?),
        DataType::Decimal128(_, 0) => whole(text()?),
        DataType::Decimal128(..) | DataType::Decimal256(..) => decimal(text()?),
        DataType::Decimal32(..) | DataType::Decimal64(..) => decimal(text()?),
        _ => Value::String(text()?),
    })
}

/// A whole number; one that JavaScript could round is a text.
fn whole(text: String) -> Value {
    match text.parse::<i64>() {
        Ok(n) if n.unsigned_abs() <= SAFE => n.into(),
        _ => Value::String(text),
    }
}

/// A decimal; one with more digits than a double has is a text.
fn decimal(text: String) -> Value {
    let exact = text.parse::<f64>().ok().filter(|n| same(&format!("{n}"), &text));
    exact.and_then(Number::from_f64).map_or(Value::String(text), Value::Number)
}

/// Whether two decimals are the same but for zeros at the end.
fn same(a: &str, b: &str) -> bool {
    fn plain(text: &str) -> &str {
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => text,
        }
    }
    plain(a).trim_start_matches('-') == plain(b).trim_start_matches('-')
}

/// A double; one that JSON has no number for is a text.
fn double(n: f64) -> Value {
    Number::from_f64(n).map_or_else(|| Value::String(n.to_string()), Value::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, Int64Array, TimestampMicrosecondArray, UInt64Array,
    };
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(array: impl Array + 'static, wanted: Value) {
        let array: ArrayRef = Arc::new(array);
        assert_eq!(Value::Array(column(&array).unwrap()), wanted);
    }

    #[test]
    fn a10_numbers_beyond_a_double_are_texts() {
        let safe = 9_007_199_254_740_991;
        check(
            Int64Array::from(vec![safe, safe + 1, -safe, -safe - 1]),
            json!([safe, "9007199254740992", -safe, "-9007199254740992"]),
        );
        check(UInt64Array::from(vec![u64::MAX]), json!(["18446744073709551615"]));
        let decimals = |values: Vec<i128>, scale| {
            Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap()
        };
        check(decimals(vec![1_523_450, -50, 0], 2), json!([15234.5, -0.5, 0.0]));
        let digits = 12_345_678_901_234_567_890_i128;
        check(decimals(vec![digits], 2), json!(["123456789012345678.90"]));
        check(decimals(vec![digits, 7], 0), json!(["12345678901234567890", 7]));
    }

    #[test]
    fn times_are_written_in_iso_8601() {
        check(Date32Array::from(vec![16_331]), json!(["2014-09-18T00:00:00Z"]));
        check(Date32Array::from(vec![i32::MIN]), json!(["-5877641-06-23T00:00:00Z"]));
        check(
            TimestampMicrosecondArray::from(vec![i64::MAX]),
            json!(["+294247-01-10T04:00:54.775807Z"]),
        );
        let micros = 1_411_000_000_000_000;
        let instants = TimestampMicrosecondArray::from(vec![micros, micros + 250_000]);
        check(instants, json!(["2014-09-18T00:26:40Z", "2014-09-18T00:26:40.250Z"]));
    }
}
