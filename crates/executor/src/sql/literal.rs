//! Types and constants.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

use super::{NoSqlText, SqlDialect};

/// Which values can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Null,
    Boolean,
    Number,
    Text,
    Day,
    /// An instant without a zone.
    Local,
    /// An instant.
    Instant,
}

pub(super) fn family(data_type: &DataType, dialect: SqlDialect) -> Result<Family, NoSqlText> {
    Ok(match data_type {
        DataType::Null => Family::Null,
        DataType::Boolean => Family::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Date32 => Family::Day,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return Err(no_type(data_type, dialect)),
        DataType::Timestamp(_, None) => Family::Local,
        DataType::Timestamp(_, Some(_)) => Family::Instant,
        DataType::Dictionary(_, value) => family(value, dialect)?,
        number => {
            type_name(number, dialect)?;
            Family::Number
        }
    })
}

fn no_type(data_type: &DataType, dialect: SqlDialect) -> NoSqlText {
    NoSqlText::Type { data_type: data_type.to_string(), dialect }
}

/// The name of a type that has every value of the plan's.
pub(super) fn type_name(data_type: &DataType, dialect: SqlDialect) -> Result<String, NoSqlText> {
    Ok(match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "SMALLINT",
        DataType::Int32 | DataType::UInt16 => "INTEGER",
        DataType::Int64 | DataType::UInt32 => "BIGINT",
        DataType::UInt64 => "DECIMAL(20, 0)",
        DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE PRECISION",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Date32 => "DATE",
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return Err(no_type(data_type, dialect)),
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Dictionary(_, value) => return type_name(value, dialect),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s)
            if *p <= 38 && *s >= 0 =>
        {
            return Ok(format!("DECIMAL({p}, {s})"));
        }
        other => return Err(no_type(other, dialect)),
    }
    .to_owned())
}

/// A constant where the others tell its type.
pub(super) fn bare(value: &ScalarValue, dialect: SqlDialect) -> Result<String, NoSqlText> {
    if value.is_null() {
        return typed(value, dialect);
    }
    match value {
        ScalarValue::Int8(_)
        | ScalarValue::Int16(_)
        | ScalarValue::Int32(_)
        | ScalarValue::Int64(_)
        | ScalarValue::UInt8(_)
        | ScalarValue::UInt16(_)
        | ScalarValue::UInt32(_)
        | ScalarValue::UInt64(_)
        | ScalarValue::Decimal32(..)
        | ScalarValue::Decimal64(..)
        | ScalarValue::Decimal128(..)
        | ScalarValue::Decimal256(..) => text_of(value, dialect),
        _ => typed(value, dialect),
    }
}

/// A constant that tells its type.
pub(super) fn typed(value: &ScalarValue, dialect: SqlDialect) -> Result<String, NoSqlText> {
    if let ScalarValue::Dictionary(_, value) = value {
        return typed(value, dialect);
    }
    let data_type = value.data_type();
    if value.is_null() {
        return match data_type {
            DataType::Null => Ok("NULL".to_owned()),
            data_type => Ok(format!("CAST(NULL AS {})", type_name(&data_type, dialect)?)),
        };
    }
    match value {
        ScalarValue::Boolean(Some(true)) => Ok("TRUE".to_owned()),
        ScalarValue::Boolean(Some(false)) => Ok("FALSE".to_owned()),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => string(text, dialect),
        ScalarValue::Float64(Some(number)) => {
            Ok(format!("CAST('{}' AS DOUBLE PRECISION)", double(*number)))
        }
        ScalarValue::Float32(Some(number)) => {
            Ok(format!("CAST('{}' AS REAL)", double(f64::from(*number))))
        }
        ScalarValue::Date32(Some(_)) => {
            Ok(format!("DATE '{}'", calendar(text_of(value, dialect)?, dialect)?))
        }
        ScalarValue::TimestampSecond(..)
        | ScalarValue::TimestampMillisecond(..)
        | ScalarValue::TimestampMicrosecond(..) => {
            let utc = matches!(data_type, DataType::Timestamp(_, Some(_)));
            let zone = utc.then(|| "UTC".into());
            let plain = value.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, zone));
            let plain = plain.map_err(|_| NoSqlText::Constant(dialect))?;
            let text = calendar(text_of(&plain, dialect)?, dialect)?.replace('T', " ");
            let text = text.replace('Z', "+00");
            Ok(format!("CAST('{text}' AS {})", type_name(&data_type, dialect)?))
        }
        _ => {
            let text = text_of(value, dialect)?;
            Ok(format!("CAST({text} AS {})", type_name(&data_type, dialect)?))
        }
    }
}

fn text_of(value: &ScalarValue, dialect: SqlDialect) -> Result<String, NoSqlText> {
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => Ok(text),
        _ => Err(NoSqlText::Constant(dialect)),
    }
}

/// A date or instant of the years 1 to 9999: others are written differently everywhere.
fn calendar(text: String, dialect: SqlDialect) -> Result<String, NoSqlText> {
    let year = text.split('-').next().unwrap_or_default();
    let usual = year.len() == 4 && year != "0000" && year.bytes().all(|b| b.is_ascii_digit());
    if usual { Ok(text) } else { Err(NoSqlText::Constant(dialect)) }
}

fn double(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{number:?}")
    }
}

/// A text in quotes.
pub(super) fn string(text: &str, dialect: SqlDialect) -> Result<String, NoSqlText> {
    if text.contains('\0') {
        return Err(NoSqlText::Constant(dialect));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// A day counted from 1970-01-01.
pub(super) fn day(days: i64, dialect: SqlDialect) -> Result<String, NoSqlText> {
    let days = i32::try_from(days).map_err(|_| NoSqlText::Constant(dialect))?;
    typed(&ScalarValue::Date32(Some(days)), dialect)
}
