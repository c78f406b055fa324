//! Instants as those of another unit and zone, where rows are joined by them. Arrow's casts are not
//! total: instants far away leave a finer unit, or have no calendar in which they get a zone; and to a
//! coarser unit they cut, so that different instants become equal.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion_common::arrow::array::{AsArray, Int64Array};
use datafusion_common::arrow::compute::cast;
use datafusion_common::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The same instant in another type of instants; missing where that has no such instant.
pub(crate) fn alike(instant: Expr, to: &DataType) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Alike { to: to.clone(), signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![instant]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Alike {
    pub(super) to: DataType,
    signature: Signature,
}

/// How many of a unit a second has.
fn per_second(instants: &DataType) -> Result<i64> {
    match instants {
        DataType::Timestamp(TimeUnit::Second, _) => Ok(1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Ok(1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(1_000_000_000),
        other => plan_err!("a timestamp is expected, not {other}"),
    }
}

fn counted(count: i64, from: i64, to: i64) -> Option<i64> {
    match from.cmp(&to) {
        Ordering::Equal => Some(count),
        Ordering::Less => count.checked_mul(to / from),
        Ordering::Greater => {
            let each = from / to;
            (count % each == 0).then_some(count / each)
        }
    }
}

impl ScalarUDFImpl for Alike {
    fn name(&self) -> &str {
        "alike"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [DataType::Timestamp(..)] => Ok(arguments.to_vec()),
            _ => plan_err!("a timestamp is expected"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let instants = value.to_array(args.number_rows)?;
        let (from, to) = (per_second(instants.data_type())?, per_second(&self.to)?);
        let counts = cast(&instants, &DataType::Int64)?;
        let counts = counts.as_primitive::<Int64Type>();
        let found: Int64Array = counts.unary_opt(|count| counted(count, from, to));
        Ok(ColumnarValue::Array(cast(&found, &self.to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_in_another_unit_or_missing() {
        const NANOS: i64 = 1_000_000_000;
        for (count, from, to, expected) in [
            (7, 1_000, 1_000, Some(7)),
            (i64::MIN, 1, 1, Some(i64::MIN)),
            (-3, 1, NANOS, Some(-3_000_000_000)),
            (9_223_372_036, 1, NANOS, Some(9_223_372_036_000_000_000)),
            // In 2262 nanoseconds end.
            (9_223_372_037, 1, NANOS, None),
            (-9_223_372_037, 1, NANOS, None),
            (i64::MAX, 1, NANOS, None),
            (2_000_000_000, NANOS, 1, Some(2)),
            (2_000_000_001, NANOS, 1, None),
            (-2_000_000_000, NANOS, 1, Some(-2)),
            (-1, NANOS, 1_000_000, None),
            (i64::MIN, NANOS, 1_000_000, None),
        ] {
            assert_eq!(counted(count, from, to), expected, "{count} from {from} to {to}");
        }
    }
}
