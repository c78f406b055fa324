//! Sums of wide decimals that fail where they leave their 38 digits: DataFusion's own wrap.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array};
use datafusion_common::arrow::datatypes::{DataType, Decimal128Type, DecimalType};
use datafusion_common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::checked::ComputationError;
use super::grouped::passes;

/// The sum of decimals of any precision, in 38 digits; NULL over no values.
pub(crate) fn checked_sum() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(CheckedSum { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    signature: Signature,
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "checked_sum"
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
        match arguments {
            [DataType::Decimal128(_, scale)] => Ok(DataType::Decimal128(38, *scale)),
            _ => plan_err!("a decimal is expected"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("a checked sum of different values is not known");
        }
        Ok(Box::new(Whole { arrow: args.return_field.data_type().clone(), sum: None }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups { arrow: args.return_field.data_type().clone(), sums: Vec::new() }))
    }
}

/// What a sum is that has left its digits. Whatever is added to it, it stays that.
const LEFT: i128 = i128::MIN;

fn plus(sum: Option<i128>, value: i128) -> i128 {
    match sum {
        Some(LEFT) => LEFT,
        Some(_) if value == LEFT => LEFT,
        Some(sum) => sum.checked_add(value).unwrap_or(LEFT),
        None => value,
    }
}

fn within(sum: i128) -> Result<i128> {
    if Decimal128Type::is_valid_decimal_precision(sum, 38) {
        return Ok(sum);
    }
    Err(DataFusionError::External(Box::new(ComputationError::Overflow)))
}

fn first(arrays: &[ArrayRef]) -> Result<&Decimal128Array> {
    let array = arrays.first().and_then(|array| array.as_primitive_opt::<Decimal128Type>());
    array.ok_or_else(|| exec_datafusion_err!("a decimal is missing"))
}

/// The sum, where there are no groups.
#[derive(Debug)]
struct Whole {
    arrow: DataType,
    sum: Option<i128>,
}

impl Whole {
    fn scalar(&self, sum: Option<i128>) -> Result<ScalarValue> {
        let one = Decimal128Array::from_iter([sum]).with_data_type(self.arrow.clone());
        ScalarValue::try_from_array(&one, 0)
    }
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in first(values)?.iter().flatten() {
            self.sum = Some(plus(self.sum, value));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.scalar(self.sum.map(within).transpose()?)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.scalar(self.sum)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The sum of each group.
#[derive(Debug)]
struct Groups {
    arrow: DataType,
    sums: Vec<Option<i128>>,
}

impl Groups {
    fn array(&self, sums: impl IntoIterator<Item = Option<i128>>) -> ArrayRef {
        let sums: Decimal128Array = sums.into_iter().collect();
        Arc::new(sums.with_data_type(self.arrow.clone()))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, None);
        let values = first(values)?;
        let mut add = |group: usize, value: i128| {
            if let Some(slot) = self.sums.get_mut(group) {
                *slot = Some(plus(*slot, value));
            }
        };
        if opt_filter.is_none() && values.null_count() == 0 {
            let pairs = group_indices.iter().zip(values.values());
            pairs.for_each(|(group, value)| add(*group, *value));
            return Ok(());
        }
        for (row, (group, value)) in group_indices.iter().zip(values).enumerate() {
            if let Some(value) = value.filter(|_| passes(opt_filter, row)) {
                add(*group, value);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums).into_iter();
        let sums: Vec<Option<i128>> =
            sums.map(|sum| sum.map(within).transpose()).collect::<Result<_>>()?;
        Ok(self.array(sums))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        Ok(vec![self.array(sums)])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = first(values)?.iter().enumerate();
        let sums = values.map(|(row, value)| value.filter(|_| passes(opt_filter, row)));
        Ok(vec![self.array(sums)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<i128>>()
    }
}
