//! One short text that stands for all values of a batch.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, ToByteSlice,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The BLAKE3 hash of a batch's column names, types and values, as 64 hexadecimal digits.
///
/// It depends on nothing else: neither on offsets, capacities, what lies under a NULL, nor on
/// whether a column without NULLs carries a validity bitmap. Columns of the types in the shop are
/// hashed by their bytes in little-endian order, others by their display text.
///
/// ```
/// # fn main() -> Result<(), arrow::error::ArrowError> {
/// use sandbar_shop::{Shop, checksum};
///
/// let (one, other) = (Shop::generate()?, Shop::generate()?);
/// assert_eq!(checksum(one.orders()), checksum(other.orders()));
/// # Ok(())
/// # }
/// ```
pub fn checksum(batch: &RecordBatch) -> String {
    let mut bytes = Vec::new();
    bytes.extend((batch.num_columns() as u64).to_le_bytes());
    bytes.extend((batch.num_rows() as u64).to_le_bytes());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        text(&mut bytes, field.name());
        text(&mut bytes, &field.data_type().to_string());
        values(&mut bytes, column);
    }
    blake3::hash(&bytes).to_hex().to_string()
}

fn values(bytes: &mut Vec<u8>, column: &ArrayRef) {
    match column.data_type() {
        DataType::Int32 => primitive::<Int32Type>(bytes, column),
        DataType::Int64 => primitive::<Int64Type>(bytes, column),
        DataType::Float64 => primitive::<Float64Type>(bytes, column),
        DataType::Date32 => primitive::<Date32Type>(bytes, column),
        DataType::Decimal128(_, _) => primitive::<Decimal128Type>(bytes, column),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(bytes, column);
        }
        DataType::Utf8 => {
            for value in column.as_string::<i32>() {
                optional(bytes, value, text);
            }
        }
        _ => displayed(bytes, column),
    }
}

fn primitive<T: ArrowPrimitiveType>(bytes: &mut Vec<u8>, column: &ArrayRef) {
    for value in column.as_primitive::<T>() {
        optional(bytes, value, |bytes, value| bytes.extend(little_endian(value.to_byte_slice())));
    }
}

fn displayed(bytes: &mut Vec<u8>, column: &ArrayRef) {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => {
            for row in 0..column.len() {
                let value = column.is_valid(row).then(|| formatter.value(row).to_string());
                optional(bytes, value.as_deref(), text);
            }
        }
        Err(error) => text(bytes, &error.to_string()),
    }
}

/// A byte that tells NULL from a value, then the value.
fn optional<V>(bytes: &mut Vec<u8>, value: Option<V>, write: impl Fn(&mut Vec<u8>, V)) {
    bytes.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(bytes, value);
    }
}

/// The length, then the text: no two lists of texts give the same bytes.
fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The bytes of a native number in the order that does not depend on the machine.
fn little_endian(native: &[u8]) -> impl Iterator<Item = u8> {
    let len = native.len();
    (0..len).filter_map(move |at| {
        let at = if cfg!(target_endian = "big") { len - 1 - at } else { at };
        native.get(at).copied()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use arrow::array::{BooleanArray, Int32Array, StringArray};
    use arrow::buffer::NullBuffer;

    use super::*;

    fn of(column: impl Array + 'static) -> String {
        checksum(&RecordBatch::try_from_iter([("c", Arc::new(column) as ArrayRef)]).unwrap())
    }

    #[test]
    fn the_layout_does_not_count() {
        let plain = Int32Array::from(vec![1, 2]);
        let with_bitmap = Int32Array::new(vec![1, 2].into(), Some(NullBuffer::new_valid(2)));
        assert_eq!(of(plain.clone()), of(with_bitmap));
        assert_eq!(of(plain), of(Int32Array::from(vec![0, 1, 2, 3]).slice(1, 2)));
        let nulls = || Some(NullBuffer::new_null(1));
        let [seven, eight] = [7, 8].map(|hidden| Int32Array::new(vec![hidden].into(), nulls()));
        assert_eq!(of(seven), of(eight));
    }

    #[test]
    fn values_types_and_nulls_count() {
        let all = [
            of(Int32Array::from(vec![0])),
            of(Int32Array::from(vec![1])),
            of(Int32Array::from(vec![None])),
            of(StringArray::from(vec!["a", "b"])),
            of(StringArray::from(vec!["ab", ""])),
            of(BooleanArray::from(vec![true])),
            of(BooleanArray::from(vec![false])),
            of(BooleanArray::from(vec![None])),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
