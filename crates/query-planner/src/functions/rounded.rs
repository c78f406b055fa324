//! Numbers in double precision to so many decimal digits, halves away from zero. DataFusion multiplies
//! by a power of ten also where that is a fraction, which no double is, and leaves the doubles where
//! the number is large or the power is.

use std::sync::Arc;

use datafusion_common::ScalarValue;
use datafusion_common::arrow::array::{AsArray, Float64Array};
use datafusion_common::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_common::{Result, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// From here on a double has no fraction.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The greatest power of ten up to which all of them are doubles.
const EXACT: f64 = 1e22;

/// A double to so many digits behind the point, or before it where there are fewer than none.
pub(crate) fn rounded(value: Expr, digits: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Rounded { signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value, digits]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Rounded {
    signature: Signature,
}

impl ScalarUDFImpl for Rounded {
    fn name(&self) -> &str {
        "rounded"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Float64, DataType::Int64] => Ok(arguments.to_vec()),
            _ => plan_err!("a double and a number of digits are expected"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, digits] = args.args.as_slice() else {
            return plan_err!("an argument is missing");
        };
        let values = value.to_array(args.number_rows)?;
        let values = values.as_primitive::<Float64Type>();
        let found: Float64Array = match digits {
            ColumnarValue::Scalar(ScalarValue::Int64(Some(digits))) => {
                let power = power(*digits);
                values.unary(|value| round(value, *digits, power))
            }
            other => {
                let digits = other.to_array(args.number_rows)?;
                let digits = digits.as_primitive::<Int64Type>();
                let of = |(value, digits): (Option<f64>, Option<i64>)| {
                    let (value, digits) = (value?, digits?);
                    Some(round(value, digits, power(digits)))
                };
                values.iter().zip(digits.iter()).map(of).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

/// The double that is nearest to the power of ten.
fn power(digits: i64) -> f64 {
    format!("1e{}", digits.unsigned_abs()).parse().unwrap_or(f64::INFINITY)
}

/// What is not finite, has no further digits or would be beyond the doubles stays what it is.
fn round(value: f64, digits: i64, power: f64) -> f64 {
    let scaled = if digits < 0 { value / power } else { value * power };
    if scaled.is_nan() || scaled.abs() >= WHOLE {
        return value;
    }
    let count = scaled.round();
    let found = if digits >= 0 {
        count / power
    } else if power.is_infinite() {
        0.0
    } else if power <= EXACT {
        count * power
    } else {
        format!("{count}e{}", digits.unsigned_abs()).parse().unwrap_or(value)
    };
    if found.is_finite() { found } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, digits: i64, expected: f64) {
        let found = round(value, digits, power(digits));
        assert_eq!(found.to_bits(), expected.to_bits(), "round({value}, {digits}): {found}");
    }

    #[test]
    fn digits_before_the_point_give_whole_multiples_of_powers_of_ten() {
        check(100_001.0, -5, 100_000.0);
        check(1_000_000_001.0, -9, 1e9);
        check(1_000_000_000_000_001.0, -15, 1e15);
        check(2.3e24, -23, 2.3e24);
        check(-1e308, -300, -1e308);
        // Three times the double nearest to 10^23 is not the double nearest to 3 × 10^23.
        check(3e23, -23, 3e23);
        for digits in 1..=308 {
            for count in 1..10 {
                let value: f64 = format!("{count}e{digits}").parse().unwrap_or(f64::INFINITY);
                if value.is_finite() {
                    check(value, -digits, value);
                    check(-value, -digits, -value);
                }
            }
        }
    }

    #[test]
    fn halves_go_away_from_zero() {
        check(25.0, -1, 30.0);
        check(-25.0, -1, -30.0);
        check(24.999, -1, 20.0);
        check(50_000.0, -5, 100_000.0);
        check(49_999.0, -5, 0.0);
        check(-49_999.0, -5, -0.0);
        check(0.5, 0, 1.0);
        check(-2.5, 0, -3.0);
    }

    #[test]
    fn digits_behind_the_point_are_those_of_duckdb() {
        // As DuckDB 2.0.0 says.
        for (value, digits, expected) in [
            (2.675, 2, 2.68),
            (2.345, 2, 2.35),
            (1.005, 2, 1.0),
            (1.015, 2, 1.01),
            (0.285, 2, 0.28),
            (1.255, 2, 1.25),
            (10.235, 2, 10.24),
            (-2.675, 2, -2.68),
            (-1.005, 2, -1.0),
            (0.300_000_000_000_000_04, 1, 0.3),
            (0.15, 1, 0.2),
            (0.25, 1, 0.3),
            (0.35, 1, 0.4),
            (0.45, 1, 0.5),
            (1_234.567_8, 3, 1_234.568),
            (1_234.567_85, 4, 1_234.567_9),
            (99.995, 2, 100.0),
            (99.994_9, 2, 99.99),
            (1e-7, 7, 1e-7),
            (1.5e-7, 7, 2e-7),
            (123_456_789.125, 2, 123_456_789.13),
            (-0.005, 2, -0.01),
            (0.005, 2, 0.01),
            (8.345, 2, 8.35),
            (4.35, 1, 4.4),
            (1.45, 1, 1.5),
            (33.333_333, 5, 33.333_33),
            (0.666_666_666_666_666_6, 10, 0.666_666_666_7),
            (1_000_000.005, 2, 1_000_000.01),
            (0.000_123_455, 8, 0.000_123_45),
        ] {
            check(value, digits, expected);
        }
    }

    #[test]
    fn no_number_is_lost() {
        for value in [f64::MAX, -f64::MAX, 1e300, 2.345, 4_503_599_627_370_497.0] {
            for digits in [300, 309, i64::MAX] {
                check(value, digits, value);
            }
        }
        check(0.0, i64::MAX, 0.0);
        // 17 digits say which double it is.
        check(0.1 + 0.2, 17, 0.1 + 0.2);
        for digits in [-309, i64::MIN] {
            check(f64::MAX, digits, 0.0);
        }
        check(1e308, -308, 1e308);
        check(4e307, -308, 0.0);
        for digits in [i64::MIN, -309, -308, -23, -2, 0, 2, 23, 309, i64::MAX] {
            check(f64::INFINITY, digits, f64::INFINITY);
            check(f64::NEG_INFINITY, digits, f64::NEG_INFINITY);
            assert!(round(f64::NAN, digits, power(digits)).is_nan());
        }
    }

    #[test]
    fn what_would_be_beyond_the_doubles_stays() {
        check(f64::MAX, -308, f64::MAX);
        check(-f64::MAX, -307, -f64::MAX);
        check(1.7e308, -308, 1.7e308);
    }
}
