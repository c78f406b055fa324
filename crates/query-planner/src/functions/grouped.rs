//! What aggregations that keep the values of their groups share.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, BooleanArray, ListArray};
use datafusion_common::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, exec_datafusion_err};

/// Whether a row counts: its condition is true, not false or missing.
pub(super) fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

/// The first argument.
pub(super) fn first(arrays: &[ArrayRef]) -> Result<&ArrayRef> {
    arrays.first().ok_or_else(|| exec_datafusion_err!("an argument is missing"))
}

/// The values of a list.
pub(super) fn list_of(value: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(value.clone(), true))
}

/// Values of groups, one group after the other, in the form in which they wait to be put together
/// with others.
pub(super) fn lists(lengths: impl Iterator<Item = usize>, values: ArrayRef) -> Result<ListArray> {
    let (mut offsets, mut end) = (vec![0_i32], 0_usize);
    for length in lengths {
        end = end.saturating_add(length);
        let too_many = |_| exec_datafusion_err!("too many values in one batch");
        offsets.push(i32::try_from(end).map_err(too_many)?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(ListArray::try_new(list_of(values.data_type()), offsets, values, None)?)
}
