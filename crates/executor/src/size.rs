//! How many bytes the values of a batch are.
//!
//! Only values count, not how they are kept: the same rows are as large in one batch as in many, so
//! that a limit tells nothing of where batches end.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;

/// The bytes of all values: those of a type with a width of its own as many as it has, a text or
/// binary as many as it is long, a boolean one; a missing value none.
pub(crate) fn value_bytes(batch: &RecordBatch) -> u64 {
    let bytes: usize = batch.columns().iter().map(|column| of(column.as_ref())).sum();
    bytes as u64
}

fn of(array: &dyn Array) -> usize {
    let values = array.len() - array.logical_null_count();
    let long = |lengths: &mut dyn Iterator<Item = usize>| lengths.sum();
    match array.data_type() {
        DataType::Boolean => values,
        DataType::Utf8 => long(&mut array.as_string::<i32>().iter().flatten().map(str::len)),
        DataType::LargeUtf8 => long(&mut array.as_string::<i64>().iter().flatten().map(str::len)),
        DataType::Utf8View => long(&mut array.as_string_view().iter().flatten().map(str::len)),
        DataType::Binary => long(&mut array.as_binary::<i32>().iter().flatten().map(<[u8]>::len)),
        DataType::LargeBinary => {
            long(&mut array.as_binary::<i64>().iter().flatten().map(<[u8]>::len))
        }
        DataType::BinaryView => long(&mut array.as_binary_view().iter().flatten().map(<[u8]>::len)),
        other => match other.primitive_width() {
            Some(width) => values.saturating_mul(width),
            // Lists and the like can be listed, and nothing else.
            None => array.get_buffer_memory_size(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, StringArray};

    use super::*;

    #[test]
    fn rows_are_as_large_in_one_batch_as_in_many() {
        let columns: [(&str, ArrayRef); 3] = [
            ("n", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
            ("t", Arc::new(StringArray::from(vec![Some("abc"), Some("é"), None]))),
            ("b", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        // 2 × 4, 3 + 2 and 3.
        assert_eq!(value_bytes(&batch), 16);
        let parts = value_bytes(&batch.slice(0, 1)) + value_bytes(&batch.slice(1, 2));
        assert_eq!(parts, 16);
    }
}
