//! The day of a date that is stored in milliseconds, which Arrow's cast cuts towards 1970. Total: a
//! day that no date can hold is missing.

use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, Date32Array};
use datafusion_common::arrow::datatypes::{DataType, Date64Type};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The day that a date in milliseconds lies in.
pub(crate) fn whole_day(value: Expr) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(WholeDay { signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value]))
}

fn day_of(millis: i64) -> Option<i32> {
    i32::try_from(millis.div_euclid(86_400_000)).ok()
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WholeDay {
    signature: Signature,
}

impl ScalarUDFImpl for WholeDay {
    fn name(&self) -> &str {
        "whole_day"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Date64] => Ok(arguments.to_vec()),
            _ => plan_err!("a date in milliseconds is expected, not {arguments:?}"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let millis = array.as_primitive::<Date64Type>();
        let days: Date32Array = millis.iter().map(|millis| millis.and_then(day_of)).collect();
        Ok(ColumnarValue::Array(Arc::new(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_before_all_of_its_milliseconds() {
        let day = 86_400_000;
        for (millis, expected) in
            [(0, 0), (day - 1, 0), (day, 1), (-1, -1), (-day, -1), (-day - 1, -2)]
        {
            assert_eq!(day_of(millis), Some(expected), "{millis}");
        }
        let last = i64::from(i32::MAX) * day;
        assert_eq!(day_of(last + day - 1), Some(i32::MAX));
        for beyond in [last + day, i64::MAX, i64::from(i32::MIN) * day - 1, i64::MIN] {
            assert_eq!(day_of(beyond), None, "{beyond}");
        }
    }
}
