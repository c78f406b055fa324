//! Conversions between types, where both sides convert alike.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::expression::{Binding, Scope};
use super::literal::{Family, family, typed};
use super::{NoSqlText, SqlDialect};

impl Scope<'_> {
    /// A value in another type. What does not fit is an error, or NULL where it is not `strict`.
    pub(super) fn cast(
        &self,
        value: &Expr,
        to: &DataType,
        strict: bool,
    ) -> Result<String, NoSqlText> {
        if let Expr::Literal(constant, _) = value {
            // What a constant becomes is known.
            let moved = constant.cast_to(to);
            let moved = moved.map_err(|_| NoSqlText::Constant(self.dialect))?;
            return typed(&moved, self.dialect);
        }
        let from = self.type_of(value)?;
        let loose = !strict && !always_fits(&from, to);
        if loose && self.dialect == SqlDialect::Postgres {
            return Err(self.no_conversion(&from, to));
        }
        let text = self.at(value, Binding::Atom)?;
        let text = self.converted(text, &from, to)?;
        Ok(match text.strip_prefix("CAST(") {
            Some(rest) if loose => format!("TRY_CAST({rest}"),
            _ if loose => return Err(self.no_conversion(&from, to)),
            _ => text,
        })
    }

    /// A text of one type in another one.
    pub(super) fn converted(
        &self,
        text: String,
        from: &DataType,
        to: &DataType,
    ) -> Result<String, NoSqlText> {
        use Family::{Boolean, Day, Instant, Local, Null, Number, Text};
        let (own, other) = (family(from, self.dialect)?, family(to, self.dialect)?);
        let name = self.type_name(to)?;
        let floats =
            |data_type: &DataType| matches!(data_type, DataType::Float32 | DataType::Float64);
        let decimal = |data_type: &DataType| scale(data_type) > 0;
        let whole = scale(to) == 0 && !floats(to);
        Ok(match (own, other) {
            _ if from == to => text,
            (Text, Text) | (Boolean, Boolean) | (Day, Day) => text,
            (Local, Local) | (Instant, Instant) if coarser(from, to) => {
                return Err(self.no_conversion(from, to));
            }
            (Local, Local) | (Instant, Instant) => text,
            (Null, _) => format!("CAST({text} AS {name})"),
            (Number, Number) => match (floats(from), floats(to)) {
                // Parts of a whole number are cut off, and not rounded.
                (_, false) if whole && (floats(from) || decimal(from)) && !is_decimal(to) => {
                    format!("CAST(trunc({text}) AS {name})")
                }
                // PostgreSQL looks at the first 15 digits of a double.
                (true, false) if self.dialect == SqlDialect::Postgres => {
                    return Err(self.no_conversion(from, to));
                }
                _ => format!("CAST({text} AS {name})"),
            },
            (Number, Text) if floats(from) => return Err(self.no_conversion(from, to)),
            (Number, Text) => {
                format!("CAST(CAST({text} AS {}) AS VARCHAR)", self.type_name(from)?)
            }
            (Boolean, Number) if *to == DataType::Int64 => {
                format!("CAST(CAST({text} AS INTEGER) AS BIGINT)")
            }
            (Boolean | Day, Text) => format!("CAST({text} AS VARCHAR)"),
            (Day, Local) => format!("CAST({text} AS TIMESTAMP)"),
            (Day, Instant) => format!("(CAST({text} AS TIMESTAMP) AT TIME ZONE 'UTC')"),
            (Local, Instant) | (Instant, Local) if coarser(from, to) => {
                return Err(self.no_conversion(from, to));
            }
            (Local, Instant) => format!("({text} AT TIME ZONE 'UTC')"),
            (Instant, Local) if is_utc(from) => format!("({text} AT TIME ZONE 'UTC')"),
            (Local, Day) => format!("CAST({text} AS DATE)"),
            (Instant, Day) if is_utc(from) => {
                format!("CAST({text} AT TIME ZONE 'UTC' AS DATE)")
            }
            _ => return Err(self.no_conversion(from, to)),
        })
    }

    fn no_conversion(&self, from: &DataType, to: &DataType) -> NoSqlText {
        let (from, to) = (from.to_string(), to.to_string());
        NoSqlText::Conversion { from, to, dialect: self.dialect }
    }
}

/// Whether every value has its like, within the years that can be written.
fn always_fits(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (DataType::Null, _) => true,
        (
            DataType::Date32 | DataType::Timestamp(..),
            DataType::Date32 | DataType::Timestamp(..),
        ) => true,
        (
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..),
            DataType::Utf8,
        ) => true,
        (_, DataType::Utf8) => true,
        (from, DataType::Float64) => {
            ScalarValue::try_from(from).is_ok_and(|v| v.data_type().is_numeric())
        }
        _ => false,
    }
}

/// Whether the second one counts in longer units.
fn coarser(from: &DataType, to: &DataType) -> bool {
    let rank = |data_type: &DataType| match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => 0,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1,
        _ => 2,
    };
    rank(to) < rank(from)
}

fn is_utc(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if zone.as_ref() == "UTC")
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    )
}

/// The digits after the point; 0 for whole numbers.
pub(super) fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, s)
        | DataType::Decimal64(_, s)
        | DataType::Decimal128(_, s)
        | DataType::Decimal256(_, s) => *s,
        _ => 0,
    }
}
