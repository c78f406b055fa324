//! Answers as text: CSV, a table for people, and JSON rows.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sandbar_query_planner::civil;
use serde_json::{Map, Value};

use crate::answer::Collected;
use crate::error::Error;

/// The largest whole number that every JSON reader keeps exactly.
const EXACT: u64 = 1 << 53;

impl Collected {
    /// The rows as CSV (RFC 4180): a header, then one line a row. A missing value is nothing, an
    /// empty text `""`; dates and instants are ISO 8601, decimals keep their scale.
    ///
    /// # Errors
    /// An internal one where a value cannot be written.
    pub fn to_csv(&self) -> Result<String, Error> {
        let mut text = String::new();
        let names: Vec<String> = self.columns().iter().map(|c| quoted(&c.name, false)).collect();
        text.push_str(&names.join(","));
        text.push('\n');
        self.each_row(&mut |cells| {
            let line: Vec<String> = cells
                .iter()
                .map(|cell| cell.as_ref().map_or(String::new(), |text| quoted(text, true)))
                .collect();
            text.push_str(&line.join(","));
            text.push('\n');
        })?;
        Ok(text)
    }

    /// The rows as a table for people: columns aligned, numbers to the right.
    ///
    /// # Errors
    /// As for [`Collected::to_csv`].
    pub fn to_table(&self) -> Result<String, Error> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        rows.push(self.columns().iter().map(|c| c.name.clone()).collect());
        self.each_row(&mut |cells| {
            let shown = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "∅".to_owned());
            rows.push(cells.iter().map(shown).map(|text| printable(&text)).collect());
        })?;
        let width = |index: usize| {
            rows.iter().filter_map(|r| r.get(index)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns().len()).map(width).collect();
        let numeric: Vec<bool> = self.columns().iter().map(|c| c.data_type.is_numeric()).collect();
        let mut text = String::new();
        for (line, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).zip(&numeric).map(|((cell, width), numeric)| {
                if *numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
            if line == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                text.push_str(&rule.join("  "));
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// The rows as JSON objects. Whole numbers beyond 2^53 and decimals are texts, so that no
    /// reader rounds them.
    ///
    /// # Errors
    /// As for [`Collected::to_csv`].
    pub fn to_json_rows(&self) -> Result<Vec<Value>, Error> {
        let mut rows = Vec::with_capacity(self.num_rows());
        for batch in self.batches() {
            let formatters = formatters(batch.columns())?;
            for row in 0..batch.num_rows() {
                let mut object = Map::with_capacity(formatters.len());
                let cells = batch.columns().iter().zip(&formatters).zip(self.columns());
                for ((array, formatter), column) in cells {
                    object.insert(column.name.clone(), json(array, formatter, row)?);
                }
                rows.push(Value::Object(object));
            }
        }
        Ok(rows)
    }

    fn each_row(&self, with: &mut dyn FnMut(&[Option<String>])) -> Result<(), Error> {
        for batch in self.batches() {
            let formatters = formatters(batch.columns())?;
            let mut cells: Vec<Option<String>> = vec![None; formatters.len()];
            for row in 0..batch.num_rows() {
                let all = batch.columns().iter().zip(&formatters).zip(&mut cells);
                for ((array, formatter), cell) in all {
                    *cell =
                        if array.is_null(row) { None } else { Some(shown(array, formatter, row)?) };
                }
                with(&cells);
            }
        }
        Ok(())
    }
}

fn formatters(columns: &[ArrayRef]) -> Result<Vec<ArrayFormatter<'_>>, Error> {
    // Instants without a zone are in UTC, like those with one; days have no time, however stored.
    const OPTIONS: FormatOptions<'static> = FormatOptions::new()
        .with_display_error(false)
        .with_datetime_format(Some("%Y-%m-%d"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let made: Result<Vec<_>, ArrowError> =
        columns.iter().map(|column| ArrayFormatter::try_new(column, &OPTIONS)).collect();
    made.map_err(Error::internal)
}

/// A value as text; a double in the shortest form that reads back as the same double.
fn shown(array: &ArrayRef, formatter: &ArrayFormatter<'_>, row: usize) -> Result<String, Error> {
    match as_double(array, row) {
        Some(n) => Ok(format!("{n:?}")),
        None => match beyond_calendar(array, row) {
            Some(text) => Ok(text),
            None => formatter.value(row).try_to_string().map_err(Error::internal),
        },
    }
}

/// How a day or instant is written for which Arrow has no calendar, or none for sure: within a day of
/// its ends it is that of a zone. Its year has a sign, as ISO 8601 expands years. `None` of other
/// values.
pub fn beyond_calendar(array: &ArrayRef, row: usize) -> Option<String> {
    /// Two days within the years -262143 and 262142, in days since 1970.
    const SURE: std::ops::Range<i64> = -96_465_290..95_026_234;
    if array.is_null(row) {
        return None;
    }
    let (count, each) = match array.data_type() {
        DataType::Date32 => {
            let day = i64::from(array.as_primitive::<Date32Type>().value(row));
            return (!SURE.contains(&day)).then(|| written_day(day));
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            (array.as_primitive::<TimestampSecondType>().value(row), 1)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
        }
        _ => return None,
    };
    let (second, part) = (count.div_euclid(each), count.rem_euclid(each));
    if SURE.contains(&second.div_euclid(86_400)) {
        return None;
    }
    let day = written_day(second.div_euclid(86_400));
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let micros = part * (1_000_000 / each);
    let part = match (micros, micros % 1_000) {
        (0, _) => String::new(),
        (_, 0) => format!(".{:03}", micros / 1_000),
        _ => format!(".{micros:06}"),
    };
    Some(format!("{day}T{hour:02}:{minute:02}:{second:02}{part}Z"))
}

fn written_day(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{year:+05}-{month:02}-{day:02}")
}

/// A value of any of the types of doubles, which a shorter one is as well.
fn as_double(array: &ArrayRef, row: usize) -> Option<f64> {
    match array.data_type() {
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => Some(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float16 => Some(f64::from(array.as_primitive::<Float16Type>().value(row))),
        _ => None,
    }
}

fn json(array: &ArrayRef, formatter: &ArrayFormatter<'_>, row: usize) -> Result<Value, Error> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    if let Some(n) = as_double(array, row) {
        return Ok(double(n));
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int64 => {
            let n = array.as_primitive::<Int64Type>().value(row);
            if n.unsigned_abs() <= EXACT { n.into() } else { n.to_string().into() }
        }
        DataType::UInt64 => {
            let n = array.as_primitive::<UInt64Type>().value(row);
            if n <= EXACT { n.into() } else { n.to_string().into() }
        }
        // A sum of whole numbers is a decimal without a fraction.
        DataType::Decimal128(_, 0) => {
            let n = array.as_primitive::<Decimal128Type>().value(row);
            match i64::try_from(n) {
                Ok(n) if n.unsigned_abs() <= EXACT => n.into(),
                _ => n.to_string().into(),
            }
        }
        data_type if data_type.is_integer() => {
            let text = shown(array, formatter, row)?;
            text.parse::<i64>().map_or(Value::String(text), Value::from)
        }
        _ => Value::String(shown(array, formatter, row)?),
    })
}

/// A double; one that JSON has no number for is a text.
fn double(n: f64) -> Value {
    serde_json::Number::from_f64(n).map_or_else(|| Value::String(n.to_string()), Value::Number)
}

fn quoted(text: &str, is_value: bool) -> String {
    let special = |c: char| matches!(c, ',' | '"' | '\n' | '\r');
    if text.contains(special) || (is_value && text.is_empty()) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The text without what could move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampSecondArray,
    };

    use super::*;

    #[track_caller]
    fn check(array: impl Array + 'static, expected: &[&str]) {
        let array: ArrayRef = Arc::new(array);
        let found: Vec<_> = (0..array.len()).map(|row| beyond_calendar(&array, row)).collect();
        let expected: Vec<_> = expected.iter().map(|text| Some((*text).to_owned())).collect();
        assert_eq!(found, expected);
    }

    /// As other calendars without an end have them: those of Java's `LocalDate` and `Instant`.
    #[test]
    fn the_ends_of_days_and_instants_are_written() {
        check(Date32Array::from(vec![i32::MAX, i32::MIN]), &["+5881580-07-11", "-5877641-06-23"]);
        check(
            TimestampMicrosecondArray::from(vec![i64::MAX, i64::MIN]),
            &["+294247-01-10T04:00:54.775807Z", "-290308-12-21T19:59:05.224192Z"],
        );
        check(
            TimestampMillisecondArray::from(vec![i64::MAX, i64::MIN]),
            &["+292278994-08-17T07:12:55.807Z", "-292275055-05-16T16:47:04.192Z"],
        );
        check(TimestampSecondArray::from(vec![i64::MAX]), &["+292277026596-12-04T15:30:07Z"]);
        // Within a day of the ends of Arrow's calendar, where some zone has none.
        check(
            TimestampSecondArray::from(vec![8_210_266_876_799]).with_timezone("Asia/Kolkata"),
            &["+262142-12-31T23:59:59Z"],
        );
        let known: ArrayRef = Arc::new(Date32Array::from(vec![Some(95_026_233), None]));
        assert_eq!((beyond_calendar(&known, 0), beyond_calendar(&known, 1)), (None, None));
        let none: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert_eq!(beyond_calendar(&none, 0), None);
    }
}
