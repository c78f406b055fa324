//! Typed access to the columns, for the tests.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Int64Type, TimestampMicrosecondType,
};

use crate::Shop;

pub(crate) fn shop() -> Shop {
    Shop::generate().unwrap()
}

pub(crate) fn column<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> &'a PrimitiveArray<T> {
    batch.column_by_name(name).unwrap().as_primitive()
}

pub(crate) fn longs<'a>(batch: &'a RecordBatch, name: &str) -> &'a PrimitiveArray<Int64Type> {
    column(batch, name)
}

pub(crate) fn cents<'a>(batch: &'a RecordBatch, name: &str) -> &'a PrimitiveArray<Decimal128Type> {
    column(batch, name)
}

pub(crate) fn moments(batch: &RecordBatch) -> &[i64] {
    column::<TimestampMicrosecondType>(batch, "created_at").values()
}

pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> &'a StringArray {
    batch.column_by_name(name).unwrap().as_string()
}

/// How many rows each key has.
pub(crate) fn counts<K: Eq + std::hash::Hash>(
    keys: impl IntoIterator<Item = K>,
) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

pub(crate) fn assert_key(batch: &RecordBatch, name: &str) {
    let column = batch.column_by_name(name).unwrap();
    let different = match column.data_type() {
        DataType::Utf8 => texts(batch, name).iter().collect::<HashSet<_>>().len(),
        _ => longs(batch, name).iter().collect::<HashSet<_>>().len(),
    };
    assert_eq!((different, column.null_count()), (batch.num_rows(), 0), "{name}");
}
