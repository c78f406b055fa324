//! The lower bound of the bin that a number lies in: exact for whole numbers and decimals, where
//! the bin that their least value lies in starts with that value. It cannot fail.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion_common::arrow::datatypes::{
    DataType, Decimal128Type, DecimalType, Float64Type, Int64Type,
};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use sandbar_catalog::expr::Bins;

/// The most bins from 0 on that doubles tell apart.
const APART: f64 = 9_007_199_254_740_992.0;

/// The lower bound of the bin of `value`, which is a 64-bit whole number, a decimal or a double.
pub(crate) fn bin(value: Expr, bins: Bins) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Binned { bins, signature });
    let (width, start, unit) = bins.parts();
    // For whoever reads the plan.
    let shown = lit(format!("{width}/{unit} from {start}/{unit}"));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value, shown]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Binned {
    pub(super) bins: Bins,
    signature: Signature,
}

impl ScalarUDFImpl for Binned {
    fn name(&self) -> &str {
        "bin"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments.first() {
            Some(DataType::Int64 | DataType::Float64 | DataType::Decimal128(..)) => {
                Ok(arguments.to_vec())
            }
            _ => plan_err!("a number is expected"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(value) => Ok(value.clone()),
            None => plan_err!("an argument is missing"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let exact = |scale: i8| match self.bins.at_scale(scale) {
            Some(bins) => Ok(bins),
            None => exec_err!("bins that do not fit their type"),
        };
        let binned: ArrayRef = match array.data_type() {
            DataType::Int64 => {
                let (width, start) = exact(0)?;
                let of = |value: i64| {
                    i64::try_from(floor(i128::from(value), width, start)).unwrap_or(i64::MIN)
                };
                Arc::new(array.as_primitive::<Int64Type>().unary::<_, Int64Type>(of))
            }
            DataType::Decimal128(precision, scale) => {
                let (width, start) = exact(*scale)?;
                let greatest = Decimal128Type::MAX_FOR_EACH_PRECISION.get(usize::from(*precision));
                let least = greatest.map_or(i128::MIN, |greatest| -greatest);
                let of = |value: i128| floor(value, width, start).max(least);
                let values = array.as_primitive::<Decimal128Type>();
                let bounds: Decimal128Array = values.unary(of);
                Arc::new(bounds.with_precision_and_scale(*precision, *scale)?)
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                let bounds: Float64Array = values.unary(|value| floor_double(value, self.bins));
                Arc::new(bounds)
            }
            _ => return exec_err!("a number is expected"),
        };
        Ok(ColumnarValue::Array(binned))
    }
}

/// The greatest `start + k × width` up to `value`, or the least number there is; `start` lies from 0
/// up to the width.
fn floor(value: i128, width: i128, start: i128) -> i128 {
    let above = (value.rem_euclid(width) - start).rem_euclid(width);
    value.saturating_sub(above)
}

/// The greatest bound up to `value`, where bounds are the doubles nearest to the exact ones, so that
/// 0.3 begins a bin of width 0.1. Where bins are finer than doubles, each value is a bound.
fn floor_double(value: f64, bins: Bins) -> f64 {
    let (width, start, unit) = bins.parts();
    #[expect(clippy::cast_precision_loss, reason = "the bounds of doubles are doubles")]
    let (step, first) = (width as f64 / unit as f64, start as f64 / unit as f64);
    let guess = ((value - first) / step).floor();
    // Not a number and infinities stay what they are.
    if !value.is_finite() || guess.is_nan() || guess.abs() >= APART {
        return value;
    }
    // Some 2^53 steps of at most 60 bits each are far from the end of 128 bits.
    #[expect(clippy::cast_precision_loss, reason = "the bounds of doubles are doubles")]
    let bound = |k: i128| k.saturating_mul(width).saturating_add(start) as f64 / unit as f64;
    #[expect(clippy::cast_possible_truncation, reason = "it is less than 2^53")]
    let mut k = guess as i128;
    while bound(k) > value {
        k -= 1;
    }
    while bound(k + 1) <= value {
        k += 1;
    }
    // There is one zero.
    bound(k) + 0.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use sandbar_catalog::Literal;

    fn bins(width: f64, start: f64) -> Bins {
        Bins::of_width(&Literal::Number(width), Some(&Literal::Number(start))).unwrap()
    }

    #[track_caller]
    fn check_double(value: f64, width: f64, start: f64, expected: f64) {
        let found = floor_double(value, bins(width, start));
        assert_eq!(found.to_bits(), expected.to_bits(), "{value} by {width}: {found}");
    }

    #[test]
    fn whole_numbers_go_down_also_below_zero() {
        for (value, expected) in [(0, 0), (49, 0), (50, 50), (-1, -50), (-50, -50), (-51, -100)] {
            assert_eq!(floor(value, 50, 0), expected, "{value}");
        }
        for (value, expected) in [(9, -40), (10, 10), (59, 10), (60, 60), (-41, -90)] {
            assert_eq!(floor(value, 50, 10), expected, "{value}");
        }
        assert_eq!(floor(i128::MIN, 50, 10), i128::MIN);
        // The sum of value and start is beyond 128 bits.
        let (least, wide) = (1 - 10_i128.pow(38), 10_i128.pow(38));
        assert_eq!(floor(least, wide, wide - 1), -1 - wide);
        assert_eq!(floor(0, wide, wide - 1), -1);
    }

    #[test]
    fn doubles_have_the_bounds_that_are_written() {
        check_double(0.3, 0.1, 0.0, 0.3);
        check_double(0.7, 0.1, 0.0, 0.7);
        check_double(0.29, 0.1, 0.0, 0.2);
        check_double(-0.3, 0.1, 0.0, -0.3);
        check_double(-0.05, 0.1, 0.0, -0.1);
        check_double(1.1, 0.1, 0.05, 1.05);
        check_double(-0.0, 1.0, 0.0, 0.0);
        for k in -3000..3000_i32 {
            let bound = f64::from(k) / 10.0;
            check_double(bound, 0.1, 0.0, bound + 0.0);
            check_double(bound.next_down(), 0.1, 0.0, f64::from(k - 1) / 10.0 + 0.0);
        }
    }

    #[test]
    fn no_double_fails_or_is_lost() {
        check_double(f64::INFINITY, 5.0, 0.0, f64::INFINITY);
        check_double(f64::NEG_INFINITY, 5.0, 0.0, f64::NEG_INFINITY);
        assert!(floor_double(f64::NAN, bins(5.0, 0.0)).is_nan());
        check_double(1e300, 0.1, 0.0, 1e300);
        check_double(-f64::MAX, 1e-18, 0.0, -f64::MAX);
        check_double(f64::MIN_POSITIVE, 1e18, 0.0, 0.0);
        check_double(-f64::MIN_POSITIVE, 1e18, 0.0, -1e18);
        // The bins of a start far away are those near zero.
        check_double(0.5, 1.0, 1e17, 0.0);
        // Where doubles are two apart, every bin of three has one.
        let large = 9_007_199_254_740_994.0_f64;
        check_double(large, 3.0, 0.0, 9_007_199_254_740_992.0);
    }
}
