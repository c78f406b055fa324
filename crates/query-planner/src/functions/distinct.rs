//! How many different values each of many groups has.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use datafusion_common::arrow::compute::filter;
use datafusion_common::arrow::datatypes::{DataType, FieldRef};
use datafusion_common::arrow::row::{RowConverter, Rows, SortField};
use datafusion_common::{HashSet, Result, ScalarValue, exec_datafusion_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};
use datafusion_functions_aggregate::count::count_udaf;

use super::grouped::{first, lists, passes};

/// The count of different values, of any type, by groups; without groups, or of all values, it is
/// DataFusion's.
pub(crate) fn count_distinct() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(CountDistinct { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CountDistinct {
    signature: Signature,
}

impl AggregateUDFImpl for CountDistinct {
    fn name(&self) -> &'static str {
        "count"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        count_udaf().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        count_udaf().accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        args.exprs.len() == 1
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match args.expr_fields.first() {
            Some(value) if args.is_distinct => Ok(Box::new(Groups::new(value.data_type())?)),
            _ => count_udaf().create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }
}

/// Different values of a group, each in the form of a row of one column.
type Values = HashSet<Box<[u8]>>;

#[derive(Debug)]
struct Groups {
    converter: RowConverter,
    groups: Vec<Values>,
    /// What the values of all groups take, in bytes.
    room: usize,
}

impl Groups {
    fn new(arrow: &DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(arrow.clone())])?;
        Ok(Self { converter, groups: Vec::new(), room: 0 })
    }

    fn rows(&self, values: &ArrayRef) -> Result<Rows> {
        Ok(self.converter.convert_columns(&[Arc::clone(values)])?)
    }

    fn insert(&mut self, group: usize, value: &[u8]) -> Result<()> {
        let values = self.groups.get_mut(group);
        let values = values.ok_or_else(|| exec_datafusion_err!("a group is missing"))?;
        if !values.contains(value) {
            let before = values.allocation_size();
            values.insert(Box::from(value));
            self.room += values.allocation_size() - before + value.len();
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Values> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.room = self.groups.iter().map(room).sum();
        taken
    }
}

/// What the values of a group take, in bytes.
fn room(values: &Values) -> usize {
    values.allocation_size() + values.iter().map(|value| value.len()).sum::<usize>()
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Values::default());
        let values = first(values)?;
        let rows = self.rows(values)?;
        for (row, (group, value)) in group_indices.iter().zip(rows.iter()).enumerate() {
            if values.is_valid(row) && passes(opt_filter, row) {
                self.insert(*group, value.as_ref())?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let counts = self.take(emit_to).into_iter().map(|values| values.len() as i64);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let parser = self.converter.parser();
        let values = groups.iter().flatten().map(|value| parser.parse(value));
        let values = self.converter.convert_rows(values)?.pop();
        let values = values.ok_or_else(|| exec_datafusion_err!("a column is missing"))?;
        Ok(vec![Arc::new(lists(groups.iter().map(Values::len), values)?)])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = first(values)?;
        let counts = (0..values.len()).map(|row| values.is_valid(row) && passes(opt_filter, row));
        let counts: BooleanArray = counts.map(Some).collect();
        let lengths = counts.values().iter().map(usize::from);
        Ok(vec![Arc::new(lists(lengths, filter(values, &counts)?)?)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Values::default());
        let lists = first(values)?.as_list::<i32>();
        for (group, list) in group_indices.iter().zip(lists.iter()) {
            let Some(list) = list else { continue };
            let rows = self.rows(&list)?;
            for (row, value) in rows.iter().enumerate() {
                if list.is_valid(row) {
                    self.insert(*group, value.as_ref())?;
                }
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let groups = self.groups.capacity() * size_of::<Values>();
        size_of_val(self) + self.converter.size() + groups + self.room
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use datafusion_common::arrow::array::{Date32Array, StringArray, StringViewArray};

    use super::*;

    fn counts(array: &ArrayRef) -> Vec<i64> {
        array.as_primitive::<datafusion_common::arrow::datatypes::Int64Type>().values().to_vec()
    }

    fn check(values: &ArrayRef) {
        // In groups 0 to 2: a, b; a; none. The last value does not pass.
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), None]);
        let groups = [0, 0, 0, 1, 2];
        let part = || {
            let mut part = Groups::new(values.data_type()).unwrap();
            part.update_batch(&[Arc::clone(values)], &groups, Some(&filter), 3).unwrap();
            part
        };
        assert_eq!(counts(&part().evaluate(EmitTo::All).unwrap()), [2, 1, 0]);
        // Two parts that have seen the same rows, of which one told its first group before.
        let (mut one, mut other) = (part(), part());
        let before = one.state(EmitTo::First(1)).unwrap();
        let rest = one.state(EmitTo::All).unwrap();
        let all = other.state(EmitTo::All).unwrap();
        let mut merged = Groups::new(values.data_type()).unwrap();
        merged.merge_batch(&before, &[0], 1).unwrap();
        merged.merge_batch(&rest, &[1, 2], 3).unwrap();
        merged.merge_batch(&all, &[0, 1, 2], 3).unwrap();
        assert_eq!(counts(&merged.evaluate(EmitTo::First(2)).unwrap()), [2, 1]);
        assert_eq!(counts(&merged.evaluate(EmitTo::All).unwrap()), [0]);
        assert_eq!((one.room, merged.room), (0, 0));
        // Each row on its own.
        let rows = merged.convert_to_state(&[Arc::clone(values)], Some(&filter)).unwrap();
        merged.merge_batch(&rows, &groups, 3).unwrap();
        assert_eq!(counts(&merged.evaluate(EmitTo::All).unwrap()), [2, 1, 0]);
    }

    #[test]
    fn values_are_counted_once_in_each_group_and_put_together() {
        let texts = [Some("a"), Some("b"), Some("a"), Some("a"), Some("c")];
        check(&(Arc::new(StringArray::from(texts.to_vec())) as ArrayRef));
        check(&(Arc::new(StringViewArray::from(texts.to_vec())) as ArrayRef));
        check(&(Arc::new(Date32Array::from(vec![1, 2, 1, 1, 3])) as ArrayRef));
        // What is missing is no value.
        let mut groups = Groups::new(&DataType::Utf8).unwrap();
        let missing: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a"), None]));
        groups.update_batch(&[missing], &[0, 1, 1], None, 2).unwrap();
        assert_eq!(counts(&groups.evaluate(EmitTo::All).unwrap()), [0, 1]);
    }

    #[test]
    fn a_group_of_one_short_text_takes_little() {
        let count = 10_000;
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..count).map(|_| "a")));
        let mut groups = Groups::new(&DataType::Utf8View).unwrap();
        let indices: Vec<usize> = (0..count).collect();
        groups.update_batch(&[texts], &indices, None, count).unwrap();
        assert!((100..400).contains(&(groups.size() / count)), "{}", groups.size() / count);
        assert_eq!(groups.room, groups.groups.iter().map(room).sum::<usize>());
    }
}
