//! The mean of decimals from their sum and count, rounded half away from zero.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, AsArray, Decimal128Array};
use datafusion_common::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion_common::{DataFusionError, Result, exec_err, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::checked::ComputationError;

/// How many more digits after the point a mean has than its values.
const MORE_DIGITS: i8 = 4;

/// `sum / count`, with four more digits after the point (at most 38); NULL where there is nothing
/// to take the mean of.
pub(crate) fn mean(sum: Expr, count: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(DecimalMean { signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![sum, count]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DecimalMean {
    signature: Signature,
}

fn scale_of(sum: &DataType) -> Result<i8> {
    match sum {
        DataType::Decimal128(_, scale) => Ok(*scale),
        other => plan_err!("a decimal is expected, not {other}"),
    }
}

impl ScalarUDFImpl for DecimalMean {
    fn name(&self) -> &str {
        "decimal_mean"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Decimal128(..), DataType::Int64] => Ok(arguments.to_vec()),
            _ => plan_err!("a decimal and a count are expected"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let Some(sum) = arguments.first() else { return plan_err!("an argument is missing") };
        Ok(DataType::Decimal128(38, scale_of(sum)?.saturating_add(MORE_DIGITS).min(38)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sum, count] = args.args.as_slice() else {
            return exec_err!("two arguments are expected");
        };
        let (sum, count) = (sum.to_array(args.number_rows)?, count.to_array(args.number_rows)?);
        let scale = scale_of(sum.data_type())?;
        let result = scale.saturating_add(MORE_DIGITS).min(38);
        let power = 10_i128.pow(u32::try_from(result - scale).unwrap_or(0));
        let sums = sum.as_primitive::<Decimal128Type>();
        let counts = count.as_primitive::<Int64Type>();
        let means = sums.iter().zip(counts).map(|(sum, count)| match (sum, count) {
            (Some(sum), Some(count)) if count > 0 => {
                rounded(sum, i128::from(count), power).map(Some)
            }
            _ => Ok(None),
        });
        let means: Decimal128Array = means.collect::<Result<Vec<_>>>()?.into();
        Ok(ColumnarValue::Array(Arc::new(means.with_precision_and_scale(38, result)?)))
    }
}

fn rounded(sum: i128, count: i128, power: i128) -> Result<i128> {
    let overflow = || DataFusionError::External(Box::new(ComputationError::Overflow));
    let scaled = sum.checked_mul(power).ok_or_else(overflow)?;
    let half = if scaled < 0 { -(count / 2) } else { count / 2 };
    // `count / 2` rounds down, so an odd count never meets an exact half.
    Ok(scaled.checked_add(half).ok_or_else(overflow)? / count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::rounded;

    #[test]
    fn a10_a_mean_is_rounded_half_away_from_zero() {
        for (sum, count, expected) in
            [(1, 3, 3_333), (2, 3, 6_667), (-2, 3, -6_667), (1, 2, 5_000), (0, 7, 0)]
        {
            assert_eq!(rounded(sum, count, 10_000).unwrap(), expected);
        }
        // 1 / 20000 = 0.00005: exactly a half of the last digit.
        assert_eq!(rounded(1, 20_000, 10_000).unwrap(), 1);
        assert_eq!(rounded(-1, 20_000, 10_000).unwrap(), -1);
        assert!(rounded(i128::MAX, 3, 10_000).is_err());
    }
}
