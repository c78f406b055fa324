//! Values in the form in which equal ones are the same: doubles, days in milliseconds, and what is
//! stored in dictionaries.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::Expr as Plan;

use super::{Lowered, cast};
use crate::functions::{same_double, whole_day};

/// A value by which rows are grouped, told apart or put in order: doubles that are equal are the
/// same, which DataFusion tells apart.
pub(crate) fn one_number(value: Lowered) -> Lowered {
    let Lowered { plan, arrow } = value;
    let plan = if is_float(&arrow) { same_double(plan) } else { plan };
    Lowered { plan, arrow }
}

/// Whether values of a type are doubles, or shorter.
fn is_float(arrow: &DataType) -> bool {
    matches!(arrow, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// The type of a stored column among the rows of a question. Numbers and times in dictionaries are
/// taken out of them: DataFusion cannot do with them what it can with others. What is stored in
/// milliseconds of a day is that day, and all decimals have 128 bits, in which constants meet them.
pub(crate) fn plain_type(stored: &DataType) -> DataType {
    match taken_out(stored) {
        DataType::Date64 => DataType::Date32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(precision, scale) if *precision <= 38 => {
            DataType::Decimal128(*precision, *scale)
        }
        other => other.clone(),
    }
}

/// The type of a stored column, numbers and times taken out of dictionaries.
fn taken_out(stored: &DataType) -> &DataType {
    match stored {
        DataType::Dictionary(_, value) if !value.is_string() => value,
        other => other,
    }
}

/// A stored column, of its plain type.
pub(crate) fn plain(column: Plan, stored: &DataType) -> Plan {
    let value = match taken_out(stored) {
        same if same == stored => column,
        other => cast(column, other.clone()),
    };
    match (taken_out(stored), plain_type(stored)) {
        (DataType::Date64, _) => whole_day(value),
        (known, plain) if *known != plain => cast(value, plain),
        _ => value,
    }
}

/// What the values of a stored column are told apart by: equal ones are the same.
pub fn told_apart(column: Plan, stored: &DataType) -> Plan {
    let (plan, arrow) = (plain(column, stored), plain_type(stored));
    one_number(Lowered { plan, arrow }).plan
}
