//! The values of an answer in JSON, as `Collected::to_json_rows` writes them, without a copy of
//! the whole in between.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sandbar::{Collected, beyond_calendar};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

/// The largest whole number that every JSON reader keeps exactly.
const EXACT: u64 = 1 << 53;

/// All rows of an answer: arrays in the order of the columns.
pub(crate) struct Rows<'a>(pub(crate) &'a Collected);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.num_rows()))?;
        for batch in self.0.batches() {
            let cells = cells(batch).map_err(S::Error::custom)?;
            for row in 0..batch.num_rows() {
                rows.serialize_element(&AsArrayOf { cells: &cells, row })?;
            }
        }
        rows.end()
    }
}

/// The first column of an answer.
pub(crate) struct FirstCells<'a>(pub(crate) &'a Collected);

impl Serialize for FirstCells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_seq(Some(self.0.num_rows()))?;
        for batch in self.0.batches() {
            let cells = cells(batch).map_err(S::Error::custom)?;
            let Some(first) = cells.first() else { continue };
            for row in 0..batch.num_rows() {
                values.serialize_element(&first.value(row).map_err(S::Error::custom)?)?;
            }
        }
        values.end()
    }
}

/// The rows of a batch, an object a line.
pub(crate) fn lines(names: &[String], batch: &RecordBatch) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    let cells = cells(batch).map_err(serde_json::Error::custom)?;
    for row in 0..batch.num_rows() {
        serde_json::to_writer(&mut text, &AsObjectOf { names, cells: &cells, row })?;
        text.push(b'\n');
    }
    Ok(text)
}

struct AsArrayOf<'a> {
    cells: &'a [Cells<'a>],
    row: usize,
}

impl Serialize for AsArrayOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.cells.len()))?;
        for cell in self.cells {
            array.serialize_element(&cell.value(self.row).map_err(S::Error::custom)?)?;
        }
        array.end()
    }
}

struct AsObjectOf<'a> {
    names: &'a [String],
    cells: &'a [Cells<'a>],
    row: usize,
}

impl Serialize for AsObjectOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.cells.len()))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            let value = cell.value(self.row).map_err(S::Error::custom)?;
            object.serialize_entry(name, &value)?;
        }
        object.end()
    }
}

/// One column of a batch.
struct Cells<'a> {
    array: &'a ArrayRef,
    formatter: ArrayFormatter<'a>,
}

fn cells(batch: &RecordBatch) -> Result<Vec<Cells<'_>>, ArrowError> {
    // Instants without a zone are in UTC, like those with one.
    const OPTIONS: FormatOptions<'static> = FormatOptions::new()
        .with_display_error(false)
        .with_datetime_format(Some("%Y-%m-%d"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let made = batch.columns().iter();
    made.map(|array| Ok(Cells { array, formatter: ArrayFormatter::try_new(array, &OPTIONS)? }))
        .collect()
}

impl Cells<'_> {
    fn value(&self, row: usize) -> Result<Value, ArrowError> {
        let array = self.array;
        if array.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match array.data_type() {
            DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
            DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => double(f64::from(array.as_primitive::<Float32Type>().value(row))),
            DataType::Float16 => double(f64::from(array.as_primitive::<Float16Type>().value(row))),
            DataType::Int64 => whole(i128::from(array.as_primitive::<Int64Type>().value(row))),
            DataType::UInt64 => whole(i128::from(array.as_primitive::<UInt64Type>().value(row))),
            // A sum of whole numbers is a decimal without a fraction.
            DataType::Decimal128(_, 0) => whole(array.as_primitive::<Decimal128Type>().value(row)),
            data_type if data_type.is_integer() => {
                let text = self.text(row)?;
                text.parse::<i64>().map_or(Value::String(text), Value::from)
            }
            _ => Value::String(self.text(row)?),
        })
    }

    fn text(&self, row: usize) -> Result<String, ArrowError> {
        match beyond_calendar(self.array, row) {
            Some(text) => Ok(text),
            None => self.formatter.value(row).try_to_string(),
        }
    }
}

/// A whole number; one that a reader could round is a text.
fn whole(n: i128) -> Value {
    match i64::try_from(n) {
        Ok(n) if n.unsigned_abs() <= EXACT => n.into(),
        _ => n.to_string().into(),
    }
}

/// A double; one that JSON has no number for is a text.
fn double(n: f64) -> Value {
    serde_json::Number::from_f64(n).map_or_else(|| Value::String(n.to_string()), Value::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use arrow::array::{Date32Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn days_and_instants_beyond_the_calendar_are_written() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![16_331, i32::MAX]));
        let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MAX]));
        let batch = RecordBatch::try_from_iter([("day", days), ("at", instants)]).unwrap();
        let names = ["day", "at"].map(str::to_owned);
        let text = String::from_utf8(lines(&names, &batch).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"day\":\"2014-09-18\",\"at\":\"1970-01-01T00:00:00Z\"}\n\
             {\"day\":\"+5881580-07-11\",\"at\":\"+294247-01-10T04:00:54.775807Z\"}\n"
        );
    }
}
