//! Arithmetic on 64-bit whole numbers that refuses to wrap.

use std::sync::Arc;

use datafusion_common::arrow::array::Datum;
use datafusion_common::arrow::compute::kernels::numeric;
use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::arrow::error::ArrowError;
use datafusion_common::{DataFusionError, Result, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// A computation that has no answer. It names no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputationError {
    /// The result does not fit into its type.
    #[error("a number is too large for its calculation")]
    Overflow,
    /// `div` by zero.
    #[error("a whole number is divided by zero")]
    DivisionByZero,
    /// A row counts in more periods than are told apart.
    #[error("there are too many periods between the first and the last day")]
    TooManyPeriods,
}

/// An operation that checks for overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckedOp {
    /// The sum.
    Add,
    /// The difference.
    Subtract,
    /// The product.
    Multiply,
    /// Whole-number division, towards zero.
    Divide,
    /// The negative.
    Negate,
}

/// The operation over `args`, all of them 64-bit whole numbers.
pub(crate) fn checked(op: CheckedOp, args: Vec<Expr>) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Checked { op, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Checked {
    pub(super) op: CheckedOp,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            CheckedOp::Add => "checked_add",
            CheckedOp::Subtract => "checked_subtract",
            CheckedOp::Multiply => "checked_multiply",
            CheckedOp::Divide => "checked_divide",
            CheckedOp::Negate => "checked_negate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Int64; arguments.len()])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = match (self.op, arrays.as_slice()) {
            (CheckedOp::Negate, [a]) => numeric::neg(a.as_ref()),
            (op, [a, b]) => {
                let (a, b): (&dyn Datum, &dyn Datum) = (a, b);
                match op {
                    CheckedOp::Add => numeric::add(a, b),
                    CheckedOp::Subtract => numeric::sub(a, b),
                    CheckedOp::Multiply => numeric::mul(a, b),
                    CheckedOp::Divide => numeric::div(a, b),
                    CheckedOp::Negate => return exec_err!("one argument is expected"),
                }
            }
            _ => return exec_err!("two arguments are expected"),
        };
        match result {
            Ok(array) => Ok(ColumnarValue::Array(array)),
            Err(ArrowError::DivideByZero) => failed(ComputationError::DivisionByZero),
            Err(_) => failed(ComputationError::Overflow),
        }
        .and_then(|value| match (value, constant) {
            (ColumnarValue::Array(array), true) => {
                datafusion_common::ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar)
            }
            (value, _) => Ok(value),
        })
    }
}

fn failed(error: ComputationError) -> Result<ColumnarValue> {
    Err(DataFusionError::External(Box::new(error)))
}
