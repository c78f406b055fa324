//! Instants of nanoseconds as those of microseconds: the one that each lies in. Arrow's cast cuts
//! towards 1970, and so moves what is before it.

use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, PrimitiveArray};
use datafusion_common::arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion_common::{Result, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The microsecond that an instant of nanoseconds lies in, in UTC.
pub(crate) fn micros(nanos: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Micros { signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![nanos]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Micros {
    signature: Signature,
}

impl ScalarUDFImpl for Micros {
    fn name(&self) -> &str {
        "microseconds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Timestamp(TimeUnit::Nanosecond, _)] => Ok(arguments.to_vec()),
            _ => plan_err!("an instant of nanoseconds is expected"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return plan_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let nanos = array.as_primitive::<TimestampNanosecondType>();
        let micros: PrimitiveArray<TimestampMicrosecondType> =
            nanos.unary(|nanos| nanos.div_euclid(1_000));
        Ok(ColumnarValue::Array(Arc::new(micros.with_timezone("UTC"))))
    }
}
