//! Doubles of which equal ones have the same bits, and their places among all.
//!
//! Both zeros are equal, and so is every value that is not a number, which is greater than all
//! others: as in DuckDB and PostgreSQL. DataFusion goes by bits where it groups and sorts, takes a NaN
//! with a sign for the least of all, its least and greatest of groups with a NaN depend on the order
//! of the rows, and its greatest of a group of minus infinities is the least finite number.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion_common::arrow::compute::cast;
use datafusion_common::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_common::{Result, exec_err};
use datafusion_expr::expr::{Cast, ScalarFunction};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// What a function of doubles gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Gives {
    /// The number itself, of its type.
    Same,
    /// Its place among all numbers, of 64 bits.
    Place,
    /// The number at a place.
    Placed,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Doubles {
    gives: Gives,
    signature: Signature,
}

/// The same number; equal ones have the same bits.
pub(crate) fn same_double(value: Expr) -> Expr {
    call(Gives::Same, value)
}

/// What the least or greatest of values of a type is looked for by: of doubles their places.
pub(crate) fn place(value: Expr, arrow: &DataType) -> Expr {
    if arrow.is_floating() { call(Gives::Place, value) } else { value }
}

/// The value that such a least or greatest one stands for.
pub(crate) fn placed(found: Expr, arrow: &DataType) -> Expr {
    match arrow {
        DataType::Float64 => call(Gives::Placed, found),
        shorter if shorter.is_floating() => {
            Expr::Cast(Cast::new(Box::new(call(Gives::Placed, found)), shorter.clone()))
        }
        _ => found,
    }
}

fn call(gives: Gives, value: Expr) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    let function = ScalarUDF::from(Doubles { gives, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value]))
}

fn same(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// The bits of a double as a whole number with its order, and back.
fn turned(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

impl ScalarUDFImpl for Doubles {
    fn name(&self) -> &str {
        match self.gives {
            Gives::Same => "same_double",
            Gives::Place => "double_place",
            Gives::Placed => "placed_double",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match (self.gives, args) {
            (
                Gives::Same,
                [double @ (DataType::Float16 | DataType::Float32 | DataType::Float64)],
            ) => Ok(double.clone()),
            (Gives::Place, [DataType::Float16 | DataType::Float32 | DataType::Float64]) => {
                Ok(DataType::Int64)
            }
            (Gives::Placed, [DataType::Int64]) => Ok(DataType::Float64),
            _ => exec_err!("a double is expected, not {args:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let values = value.to_array(args.number_rows)?;
        let doubles = || cast(&values, &DataType::Float64);
        let found: ArrayRef = match self.gives {
            Gives::Same => {
                let doubles = doubles()?;
                let found: Float64Array = doubles.as_primitive::<Float64Type>().unary(same);
                cast(&found, values.data_type())?
            }
            Gives::Place => {
                let doubles = doubles()?;
                let doubles = doubles.as_primitive::<Float64Type>();
                let place = |value: f64| turned(same(value).to_bits().cast_signed());
                let found: Int64Array = doubles.unary(place);
                Arc::new(found)
            }
            Gives::Placed => {
                let Some(places) = values.as_primitive_opt::<Int64Type>() else {
                    return exec_err!("a place is expected, not {}", values.data_type());
                };
                let number = |place: i64| f64::from_bits(turned(place).cast_unsigned());
                let found: Float64Array = places.unary(number);
                Arc::new(found)
            }
        };
        Ok(ColumnarValue::Array(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_numbers() {
        let numbers = [f64::NEG_INFINITY, -2.5, -f64::MIN_POSITIVE, 0.0, 5e-324, 1.0, 1e300];
        let place = |value: f64| turned(same(value).to_bits().cast_signed());
        let places: Vec<i64> = numbers.iter().map(|number| place(*number)).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        for number in numbers {
            assert_eq!(f64::from_bits(turned(place(number)).cast_unsigned()), number);
        }
        assert_eq!(place(-0.0), place(0.0));
        assert_eq!(place(-f64::NAN), place(f64::NAN));
        assert!(place(f64::NAN) > place(f64::INFINITY));
    }
}
