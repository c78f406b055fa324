//! Percentiles from all values of a group, with ranks that are computed in whole numbers.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion_common::arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray,
};
use datafusion_common::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion_common::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use sandbar_catalog::expr::Fraction;

/// What is told where a percentile falls between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Between {
    /// What lies between them: doubles only.
    Interpolated,
    /// The larger one.
    Larger,
}

/// The percentile of doubles or, without interpolation, of whole numbers, decimals, dates and
/// instants as they are calculated with; NULL over no values.
pub(crate) fn percentile(share: Fraction, between: Between) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    // The name tells percentiles of one argument apart.
    let name = match between {
        Between::Interpolated => format!("percentile_{}", share.parts()),
        Between::Larger => format!("percentile_disc_{}", share.parts()),
    };
    Arc::new(AggregateUDF::from(Percentile { name, share, between, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    name: String,
    share: Fraction,
    between: Between,
    signature: Signature,
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match (self.between, arguments.first()) {
            (Between::Interpolated, Some(DataType::Float64))
            | (
                Between::Larger,
                Some(
                    DataType::Float64
                    | DataType::Int64
                    | DataType::Decimal128(..)
                    | DataType::Date32
                    | DataType::Timestamp(TimeUnit::Microsecond, _),
                ),
            ) => Ok(arguments.to_vec()),
            _ => plan_err!("a value that can be ordered is expected"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(value) => Ok(value.clone()),
            None => plan_err!("an argument is missing"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let value = args.return_field.data_type().clone();
        let list = DataType::List(Arc::new(Field::new_list_field(value, true)));
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, self.name()), list, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match args.return_field.data_type() {
            DataType::Float64 => self.values::<Float64Type>(&args),
            DataType::Int64 => self.values::<Int64Type>(&args),
            DataType::Decimal128(..) => self.values::<Decimal128Type>(&args),
            DataType::Date32 => self.values::<Date32Type>(&args),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.values::<TimestampMicrosecondType>(&args)
            }
            _ => return plan_err!("a value that can be ordered is expected"),
        })
    }
}

impl Percentile {
    fn values<T: Ordered>(&self, args: &AccumulatorArgs<'_>) -> Box<dyn Accumulator> {
        let arrow = args.return_field.data_type().clone();
        let (share, between) = (self.share, self.between);
        let (values, of) = (Vec::new(), PhantomData);
        Box::new(Values::<T> { share, between, arrow, values, of })
    }
}

/// Values with an order, and what lies between two of them.
trait Ordered: ArrowPrimitiveType + Debug + Send + Sync {
    fn order(a: &Self::Native, b: &Self::Native) -> Ordering;

    /// The value at a weight between two different ones; the larger where there is none between.
    fn between(_low: Self::Native, high: Self::Native, _weight: f64) -> Self::Native {
        high
    }
}

impl Ordered for Int64Type {
    fn order(a: &i64, b: &i64) -> Ordering {
        a.cmp(b)
    }
}

impl Ordered for Decimal128Type {
    fn order(a: &i128, b: &i128) -> Ordering {
        a.cmp(b)
    }
}

impl Ordered for Date32Type {
    fn order(a: &i32, b: &i32) -> Ordering {
        a.cmp(b)
    }
}

impl Ordered for TimestampMicrosecondType {
    fn order(a: &i64, b: &i64) -> Ordering {
        a.cmp(b)
    }
}

impl Ordered for Float64Type {
    /// What is not a number stands last, whatever its sign.
    fn order(a: &f64, b: &f64) -> Ordering {
        a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b))
    }

    fn between(low: f64, high: f64, weight: f64) -> f64 {
        let apart = high - low;
        if apart.is_finite() {
            return low + apart * weight;
        }
        // Two large ones may be further apart than any double.
        low * (1.0 - weight) + high * weight
    }
}

/// All values of one group.
#[derive(Debug)]
struct Values<T: Ordered> {
    share: Fraction,
    between: Between,
    arrow: DataType,
    values: Vec<T::Native>,
    of: PhantomData<T>,
}

impl<T: Ordered> Values<T> {
    fn add(&mut self, array: &ArrayRef) {
        self.values.extend(array.as_primitive::<T>().iter().flatten());
    }

    /// The percentile of the values.
    fn found(&mut self) -> Option<T::Native> {
        let values = &mut self.values;
        let count = u128::try_from(values.len()).ok().filter(|count| *count > 0)?;
        let (parts, whole) = (u128::from(self.share.parts()), u128::from(Fraction::WHOLE));
        let (rank, rest) = match self.between {
            Between::Interpolated => {
                let position = parts * (count - 1);
                (position / whole, position % whole)
            }
            // The first of which, with all before it, at least the share is made.
            Between::Larger => ((parts * count).div_ceil(whole).saturating_sub(1), 0),
        };
        let rank = usize::try_from(rank).ok().filter(|rank| *rank < values.len())?;
        let (_, found, above) = values.select_nth_unstable_by(rank, T::order);
        let low = *found;
        let Some(high) = above.iter().min_by(|a, b| T::order(a, b)).filter(|_| rest > 0) else {
            return Some(low);
        };
        if T::order(&low, high) == Ordering::Equal {
            return Some(low);
        }
        #[expect(clippy::cast_precision_loss, reason = "a weight of 18 digits is a double")]
        let weight = rest as f64 / whole as f64;
        Some(T::between(low, *high, weight))
    }
}

impl<T: Ordered> Accumulator for Values<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(array) = values.first() else { return exec_err!("an argument is missing") };
        self.add(array);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states.first().and_then(|state| state.as_list_opt::<i32>());
        let Some(lists) = lists else { return exec_err!("a list of values is expected") };
        lists.iter().flatten().for_each(|list| self.add(&list));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = ScalarBuffer::from(std::mem::take(&mut self.values));
        let values = PrimitiveArray::<T>::new(values, None).with_data_type(self.arrow.clone());
        let field = Arc::new(Field::new_list_field(self.arrow.clone(), true));
        let one = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(field, one, Arc::new(values), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let found = PrimitiveArray::<T>::from_iter([self.found()]);
        ScalarValue::try_from_array(&found.with_data_type(self.arrow.clone()), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<T::Native>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use sandbar_catalog::Literal;

    fn of<T: Ordered>(share: f64, between: Between, values: &[T::Native]) -> Option<T::Native> {
        let share = Fraction::of(&Literal::Number(share)).unwrap();
        let (values, arrow, of) = (values.to_vec(), T::DATA_TYPE, PhantomData);
        Values::<T> { share, between, arrow, values, of }.found()
    }

    #[track_caller]
    fn check(share: f64, values: &[f64], expected: Option<f64>) {
        let found = of::<Float64Type>(share, Between::Interpolated, values);
        assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{found:?}");
    }

    #[test]
    fn a_continuous_percentile_lies_between_two_values() {
        // Position 0.25 * 3 = 0.75: 1 + 0.75 * (3 - 1).
        check(0.25, &[7.0, 1.0, 3.0, 5.0], Some(2.5));
        check(0.5, &[7.0, 1.0, 3.0, 5.0], Some(4.0));
        check(0.0, &[7.0, 1.0, 3.0], Some(1.0));
        check(1.0, &[7.0, 1.0, 3.0], Some(7.0));
        // 0.29 * 100 is a rank, whatever doubles make of it.
        let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
        check(0.29, &hundred, Some(29.0));
        check(0.5, &[], None);
        check(0.5, &[f64::MAX, f64::MIN], Some(0.0));
        check(0.5, &[f64::INFINITY, f64::INFINITY], Some(f64::INFINITY));
        check(0.25, &[f64::NAN, 1.0, 2.0], Some(1.5));
    }

    #[test]
    fn a_discrete_percentile_is_one_of_the_values() {
        let at = |share, values: &[i64]| of::<Int64Type>(share, Between::Larger, values);
        // Of four values each makes a quarter.
        let found = [0.0, 0.25, 0.26, 0.5, 0.75, 0.76, 1.0].map(|p| at(p, &[40, 10, 30, 20]));
        assert_eq!(found, [10, 10, 20, 20, 30, 40, 40].map(Some));
        assert_eq!(at(0.5, &[]), None);
        assert_eq!(at(0.5, &[i64::MAX, i64::MIN]), Some(i64::MIN));
    }
}
