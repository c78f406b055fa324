//! Percentiles from all values of a group, at ranks that are computed in whole numbers.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion_common::arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, ListArray, PrimitiveArray,
};
use datafusion_common::arrow::buffer::ScalarBuffer;
use datafusion_common::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt64Type,
};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use sandbar_catalog::expr::Fraction;

use super::grouped::{first, list_of, lists, passes};

/// What is told where a percentile falls between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Between {
    /// What lies between them: doubles only.
    Interpolated,
    /// The larger one.
    Larger,
}

/// The percentile of doubles or, without interpolation, of whole numbers, decimals, dates and
/// instants as they are calculated with; NULL over no values. A second argument shows the share to
/// whoever reads the plan.
pub(crate) fn percentile(share: Fraction, between: Between) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(Percentile { share, between, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    share: Fraction,
    between: Between,
    signature: Signature,
}

/// Makes something of a [`Kind`] of the type of the values.
macro_rules! of_type {
    ($percentile:expr, $arrow:expr, $make:path) => {
        match $arrow {
            DataType::Float64 => Ok(Box::new($make($percentile.kind::<Float64Type>($arrow)))),
            DataType::Int64 => Ok(Box::new($make($percentile.kind::<Int64Type>($arrow)))),
            DataType::UInt64 => Ok(Box::new($make($percentile.kind::<UInt64Type>($arrow)))),
            DataType::Decimal128(..) => {
                Ok(Box::new($make($percentile.kind::<Decimal128Type>($arrow))))
            }
            DataType::Date32 => Ok(Box::new($make($percentile.kind::<Date32Type>($arrow)))),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Ok(Box::new($make($percentile.kind::<TimestampMicrosecondType>($arrow))))
            }
            other => plan_err!("{other} has no percentile"),
        }
    };
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        match self.between {
            Between::Interpolated => "exact_percentile",
            Between::Larger => "exact_percentile_disc",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match (self.between, arguments) {
            (Between::Interpolated, [DataType::Float64, _]) | (Between::Larger, [_, _]) => {
                Ok(arguments.to_vec())
            }
            _ => plan_err!("a value and a share are expected"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(value) => Ok(value.clone()),
            None => plan_err!("an argument is missing"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = list_of(args.return_field.data_type());
        let list = DataType::List(list);
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, self.name()), list, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        of_type!(self, args.return_field.data_type(), Whole::new)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        of_type!(self, args.return_field.data_type(), Groups::new)
    }
}

impl Percentile {
    fn kind<T: Ordered>(&self, arrow: &DataType) -> Kind<T> {
        let (share, between, arrow) = (self.share, self.between, arrow.clone());
        Kind { share, between, arrow, of: PhantomData }
    }
}

/// Values with an order, and what lies between two of them.
trait Ordered: ArrowPrimitiveType + Debug + Send + Sync {
    fn order(a: &Self::Native, b: &Self::Native) -> Ordering;

    /// The value at a weight between two different ones; only doubles are interpolated.
    fn between(_low: Self::Native, high: Self::Native, _weight: f64) -> Self::Native {
        high
    }
}

macro_rules! ordered {
    ($($kind:ty),*) => {
        $(impl Ordered for $kind {
            fn order(a: &Self::Native, b: &Self::Native) -> Ordering {
                a.cmp(b)
            }
        })*
    };
}

ordered!(Int64Type, UInt64Type, Decimal128Type, Date32Type, TimestampMicrosecondType);

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

/// Which percentile, of which values.
#[derive(Debug)]
struct Kind<T> {
    share: Fraction,
    between: Between,
    arrow: DataType,
    of: PhantomData<T>,
}

impl<T: Ordered> Kind<T> {
    /// The percentile of some values, which are put into another order.
    fn of(&self, values: &mut [T::Native]) -> Option<T::Native> {
        let count = u128::try_from(values.len()).ok().filter(|count| *count > 0)?;
        let (parts, whole) = (u128::from(self.share.parts()), u128::from(Fraction::WHOLE));
        let (rank, rest) = match self.between {
            Between::Interpolated => {
                let position = parts * (count - 1);
                (position / whole, position % whole)
            }
            // The first value with which at least the share is complete.
            Between::Larger => ((parts * count).div_ceil(whole).saturating_sub(1), 0),
        };
        let rank = usize::try_from(rank).ok().filter(|rank| *rank < values.len())?;
        let (_, low, above) = values.select_nth_unstable_by(rank, T::order);
        let next = above.iter().min_by(|a, b| T::order(a, b)).filter(|_| rest > 0);
        match next {
            Some(high) if T::order(low, high) != Ordering::Equal => {
                #[expect(clippy::cast_precision_loss, reason = "a weight is a double")]
                let weight = rest as f64 / whole as f64;
                Some(T::between(*low, *high, weight))
            }
            _ => Some(*low),
        }
    }

    /// Some values in the form in which they wait to be put together with others.
    fn list(
        &self,
        lengths: impl Iterator<Item = usize>,
        values: Vec<T::Native>,
    ) -> Result<ListArray> {
        let values = PrimitiveArray::<T>::new(ScalarBuffer::from(values), None);
        lists(lengths, Arc::new(values.with_data_type(self.arrow.clone())))
    }
}

/// All values, where there are no groups.
#[derive(Debug)]
struct Whole<T: Ordered> {
    kind: Kind<T>,
    values: Vec<T::Native>,
}

impl<T: Ordered> Whole<T> {
    fn new(kind: Kind<T>) -> Self {
        Self { kind, values: Vec::new() }
    }
}

impl<T: Ordered> Accumulator for Whole<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.extend(first(values)?.as_primitive::<T>().iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.kind.of(&mut self.values);
        let value = PrimitiveArray::<T>::from_iter([value]);
        ScalarValue::try_from_array(&value.with_data_type(self.kind.arrow.clone()), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<T::Native>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = std::mem::take(&mut self.values);
        let list = self.kind.list([values.len()].into_iter(), values)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in first(states)?.as_list::<i32>().iter().flatten() {
            self.values.extend(list.as_primitive::<T>().iter().flatten());
        }
        Ok(())
    }
}

/// All values of each group.
#[derive(Debug)]
struct Groups<T: Ordered> {
    kind: Kind<T>,
    groups: Vec<Vec<T::Native>>,
    /// How many values there is room for.
    room: usize,
}

impl<T: Ordered> Groups<T> {
    fn new(kind: Kind<T>) -> Self {
        Self { kind, groups: Vec::new(), room: 0 }
    }

    fn extend(&mut self, group: usize, values: impl Iterator<Item = T::Native>) {
        if let Some(group) = self.groups.get_mut(group) {
            let before = group.capacity();
            group.extend(values);
            self.room += group.capacity() - before;
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Vec<T::Native>> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.room = self.groups.iter().map(Vec::capacity).sum();
        taken
    }
}

impl<T: Ordered> GroupsAccumulator for Groups<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Vec::new());
        let values = first(values)?.as_primitive::<T>();
        for (row, (group, value)) in group_indices.iter().zip(values).enumerate() {
            if passes(opt_filter, row) {
                self.extend(*group, value.into_iter());
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut groups = self.take(emit_to);
        let found = groups.iter_mut().map(|values| self.kind.of(values));
        let found: PrimitiveArray<T> = found.collect();
        Ok(Arc::new(found.with_data_type(self.kind.arrow.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let lengths: Vec<usize> = groups.iter().map(Vec::len).collect();
        let values = groups.into_iter().flatten().collect();
        Ok(vec![Arc::new(self.kind.list(lengths.into_iter(), values)?)])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = first(values)?.as_primitive::<T>();
        let (mut lengths, mut counted) = (Vec::with_capacity(values.len()), Vec::new());
        for (row, value) in values.iter().enumerate() {
            let value = value.filter(|_| passes(opt_filter, row));
            lengths.push(usize::from(value.is_some()));
            counted.extend(value);
        }
        Ok(vec![Arc::new(self.kind.list(lengths.into_iter(), counted)?)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Vec::new());
        let lists = first(values)?.as_list::<i32>();
        for (group, list) in group_indices.iter().zip(lists.iter()) {
            if let Some(list) = list {
                self.extend(*group, list.as_primitive::<T>().iter().flatten());
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let groups = self.groups.capacity() * size_of::<Vec<T::Native>>();
        size_of_val(self) + groups + self.room * size_of::<T::Native>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use sandbar_catalog::Literal;

    fn kind<T: Ordered>(share: f64, between: Between, arrow: DataType) -> Kind<T> {
        let share = Fraction::of(&Literal::Number(share)).unwrap();
        Kind { share, between, arrow, of: PhantomData }
    }

    #[track_caller]
    fn check(values: &[f64], share: f64, continuous: f64, discrete: f64) {
        for (between, expected) in
            [(Between::Interpolated, continuous), (Between::Larger, discrete)]
        {
            let kind = kind::<Float64Type>(share, between, DataType::Float64);
            let found = kind.of(&mut values.to_vec()).unwrap();
            let same = found == expected || found.is_nan() && expected.is_nan();
            assert!(same, "{share} of {values:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn ranks_are_those_of_sql() {
        let four = [40.0, 10.0, 30.0, 20.0];
        check(&four, 0.0, 10.0, 10.0);
        check(&four, 0.25, 17.5, 10.0);
        check(&four, 0.5, 25.0, 20.0);
        check(&four, 0.51, 25.3, 30.0);
        check(&four, 0.75, 32.5, 30.0);
        check(&four, 1.0, 40.0, 40.0);
        check(&[7.0], 0.9, 7.0, 7.0);
        check(&[1.0, 1.0, 5.0], 0.25, 1.0, 1.0);
    }

    #[test]
    fn a_rank_that_is_there_is_not_missed_by_a_bit() {
        // In doubles 0.29 × 100 is 28.999999999999996.
        let values: Vec<f64> = (0..=100).map(|n| f64::from(n) * 1e6).collect();
        check(&values, 0.29, 29e6, 29e6);
        check(&values, 0.57, 57e6, 57e6);
    }

    #[test]
    fn what_is_not_a_number_stands_last() {
        let negative = f64::NAN.copysign(-1.0);
        check(&[negative, 1.0, 2.0], 0.0, 1.0, 1.0);
        check(&[negative, 1.0, 2.0], 0.5, 2.0, 2.0);
        check(&[f64::NAN, 1.0, 2.0], 1.0, f64::NAN, f64::NAN);
        check(&[f64::INFINITY, 1.0], 0.5, f64::INFINITY, 1.0);
        check(&[f64::INFINITY, f64::INFINITY], 0.5, f64::INFINITY, f64::INFINITY);
        check(&[f64::MAX, -f64::MAX], 0.5, 0.0, -f64::MAX);
        check(&[f64::MAX, f64::MAX.next_down()], 1.0, f64::MAX, f64::MAX);
    }

    #[test]
    fn nothing_has_no_percentile() {
        let kind = kind::<Int64Type>(0.5, Between::Larger, DataType::Int64);
        assert_eq!(kind.of(&mut []), None);
        let mut whole = Whole::new(kind);
        assert_eq!(whole.evaluate().unwrap(), ScalarValue::Int64(None));
    }

    fn numbers(values: &[Option<i128>]) -> ArrayRef {
        let values = PrimitiveArray::<Decimal128Type>::from_iter(values.iter().copied());
        Arc::new(values.with_precision_and_scale(9, 2).unwrap())
    }

    #[test]
    fn states_of_several_parts_are_put_together() {
        let arrow = DataType::Decimal128(9, 2);
        let kind = || kind::<Decimal128Type>(0.5, Between::Larger, arrow.clone());
        let (mut one, mut other) = (Whole::new(kind()), Whole::new(kind()));
        one.update_batch(&[numbers(&[Some(5), None, Some(1)])]).unwrap();
        other.update_batch(&[numbers(&[Some(3), Some(9), Some(2)])]).unwrap();
        let mut states = one.state().unwrap();
        states.extend(other.state().unwrap());
        // Both in one batch.
        let states = ScalarValue::iter_to_array(states).unwrap();
        let mut whole = Whole::new(kind());
        whole.merge_batch(&[states]).unwrap();
        assert_eq!(whole.evaluate().unwrap(), ScalarValue::Decimal128(Some(3), 9, 2));
    }

    #[test]
    fn groups_are_told_apart_filtered_and_emitted_in_turn() {
        let arrow = DataType::Decimal128(9, 2);
        let kind = || kind::<Decimal128Type>(0.5, Between::Larger, arrow.clone());
        let values = numbers(&[Some(1), Some(7), None, Some(5), Some(100), Some(3)]);
        let filter = BooleanArray::from(vec![
            Some(true),
            Some(true),
            Some(true),
            Some(true),
            None,
            Some(true),
        ]);
        let mut first = Groups::new(kind());
        first.update_batch(&[values], &[0, 1, 1, 0, 0, 0], Some(&filter), 3).unwrap();
        assert!(first.size() >= 4 * size_of::<i128>());
        let states = first.state(EmitTo::All).unwrap();
        let rows = first.convert_to_state(&[numbers(&[Some(4), None])], None).unwrap();
        let mut alone = Groups::new(kind());
        alone.merge_batch(&rows, &[1, 0], 2).unwrap();
        let mut groups = Groups::new(kind());
        groups.merge_batch(&states, &[1, 0, 2], 3).unwrap();
        let shown = |array: ArrayRef| format!("{:?}", array.as_primitive::<Decimal128Type>());
        let expected = |values: &[Option<i128>]| shown(numbers(values));
        assert_eq!(shown(alone.evaluate(EmitTo::All).unwrap()), expected(&[None, Some(4)]));
        assert_eq!(shown(groups.evaluate(EmitTo::First(1)).unwrap()), expected(&[Some(7)]));
        // The second group was that of 1, 5 and 3; the last one has no values.
        assert_eq!(shown(groups.evaluate(EmitTo::All).unwrap()), expected(&[Some(3), None]));
    }
}
