//! Decimals that have no more digits than their type: DataFusion's arithmetic on decimals of 38
//! digits fails beyond 128 bits only, which hold a little more.

use std::sync::Arc;

use datafusion_common::arrow::array::AsArray;
use datafusion_common::arrow::datatypes::{DataType, Decimal128Type};
use datafusion_common::{DataFusionError, Result, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::checked::ComputationError;

/// The least number of 39 digits.
const TOO_LARGE: u128 = 10_u128.pow(38);

/// The same decimal, of at most 38 digits; more are an error.
pub(crate) fn within_digits(decimal: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(WithinDigits { signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![decimal]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WithinDigits {
    signature: Signature,
}

impl ScalarUDFImpl for WithinDigits {
    fn name(&self) -> &str {
        "within_digits"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Decimal128(..)] => Ok(arguments.to_vec()),
            _ => plan_err!("a decimal is expected"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let Some(decimal) = arguments.first() else { return plan_err!("an argument is missing") };
        Ok(decimal.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return plan_err!("an argument is missing");
        };
        let array = value.to_array(args.number_rows)?;
        let decimals = array.as_primitive::<Decimal128Type>();
        if decimals.iter().flatten().any(|decimal| decimal.unsigned_abs() >= TOO_LARGE) {
            return Err(DataFusionError::External(Box::new(ComputationError::Overflow)));
        }
        Ok(value)
    }
}
