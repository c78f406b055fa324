//! Rows that the host holds in memory: checked against their schema, then spread over partitions.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::MemTable;
use datafusion::common::Result as PlanResult;
use datafusion::prelude::SessionConfig;

use super::problem::SourceProblemKind;

/// The batches under exactly this schema.
///
/// # Errors
/// The first thing wrong with each batch.
pub(super) fn conform(
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Vec<RecordBatch>, Vec<SourceProblemKind>> {
    let mut good = Vec::with_capacity(batches.len());
    let mut bad = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        match conform_one(schema, batch, index) {
            Ok(batch) => good.push(batch),
            Err(kind) => bad.push(kind),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// A table over the batches: no more partitions than the configuration asks for, none of them
/// smaller than a batch of the engine (a small table is planned and read faster in one piece).
pub(super) fn table(
    schema: SchemaRef,
    batches: &[RecordBatch],
    config: &SessionConfig,
) -> PlanResult<MemTable> {
    MemTable::try_new(schema, spread(batches, config.target_partitions(), config.batch_size()))
}

/// What tells whether two sources hold the same values: where the columns lie in memory. The table
/// keeps them there, so an address is not used twice. Dictionaries and empty columns do not count.
pub(super) fn addresses(batches: &[RecordBatch]) -> Vec<String> {
    let mut addresses = Vec::new();
    for column in batches.iter().flat_map(RecordBatch::columns) {
        collect_addresses(&column.to_data(), &mut addresses);
    }
    addresses
}

fn collect_addresses(data: &ArrayData, addresses: &mut Vec<String>) {
    let filled = data.buffers().iter().filter(|buffer| !buffer.is_empty());
    addresses.extend(filled.map(|buffer| format!("memory:{:p}", buffer.as_ptr())));
    if !matches!(data.data_type(), DataType::Dictionary(..)) {
        for child in data.child_data() {
            collect_addresses(child, addresses);
        }
    }
}

fn conform_one(
    schema: &SchemaRef,
    batch: &RecordBatch,
    index: usize,
) -> Result<RecordBatch, SourceProblemKind> {
    let found = batch.schema();
    if found.fields().len() != schema.fields().len() {
        return Err(SourceProblemKind::BatchWidth {
            batch: index,
            expected: schema.fields().len(),
            found: found.fields().len(),
        });
    }
    for ((want, have), column) in schema.fields().iter().zip(found.fields()).zip(batch.columns()) {
        if want.name() != have.name() {
            return Err(SourceProblemKind::BatchColumn {
                batch: index,
                expected: want.name().clone(),
                found: have.name().clone(),
            });
        }
        if want.data_type() != have.data_type() {
            return Err(SourceProblemKind::BatchType {
                batch: index,
                column: want.name().clone(),
                expected: want.data_type().clone(),
                found: have.data_type().clone(),
            });
        }
        if !want.is_nullable() && column.logical_null_count() > 0 {
            return Err(SourceProblemKind::BatchNull { batch: index, column: want.name().clone() });
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| SourceProblemKind::Unreadable {
            file: format!("batch {index}"),
            reason: error.to_string(),
        })
}

/// Cuts the rows, in order, into groups of about the same size. Slices share memory.
fn spread(batches: &[RecordBatch], partitions: usize, batch_size: usize) -> Vec<Vec<RecordBatch>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let share = rows.div_ceil(partitions.max(1)).max(batch_size).max(1);
    let mut groups = vec![];
    let mut group = vec![];
    let mut room = share;
    for batch in batches {
        let mut start = 0;
        while start < batch.num_rows() {
            let length = room.min(batch.num_rows() - start);
            group.push(batch.slice(start, length));
            start += length;
            room -= length;
            if room == 0 {
                groups.push(std::mem::take(&mut group));
                room = share;
            }
        }
    }
    // A table needs at least one partition, be it without rows.
    if !group.is_empty() || groups.is_empty() {
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn schema(nullable: bool) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, nullable)]))
    }

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([(name, column)]).unwrap()
    }

    fn ids(rows: std::ops::Range<i64>) -> RecordBatch {
        batch("id", Arc::new(Int64Array::from_iter_values(rows)))
    }

    #[track_caller]
    fn check_spread(sizes: &[i64], partitions: usize, batch_size: usize, expected: &[usize]) {
        let batches: Vec<_> = sizes.iter().map(|&n| ids(0..n)).collect();
        let groups = spread(&batches, partitions, batch_size);
        let rows: Vec<usize> =
            groups.iter().map(|g| g.iter().map(RecordBatch::num_rows).sum()).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn rows_are_spread_evenly() {
        check_spread(&[], 4, 10, &[0]);
        check_spread(&[0, 0], 4, 10, &[0]);
        check_spread(&[7, 1], 4, 10, &[8]);
        check_spread(&[100], 4, 10, &[25, 25, 25, 25]);
        check_spread(&[3, 30, 7], 4, 10, &[10, 10, 10, 10]);
        check_spread(&[41], 4, 10, &[11, 11, 11, 8]);
        check_spread(&[15], 4, 10, &[10, 5]);
    }

    #[test]
    fn each_bad_batch_is_told() {
        let wrong_name = batch("key", Arc::new(Int64Array::from(vec![1])));
        let wrong_type = batch("id", Arc::new(StringArray::from(vec!["1"])));
        let null = batch("id", Arc::new(Int64Array::from(vec![Some(1), None])));
        let problems =
            conform(&schema(false), &[ids(0..2), wrong_name, wrong_type, null]).unwrap_err();
        assert_eq!(
            problems,
            [
                SourceProblemKind::BatchColumn {
                    batch: 1,
                    expected: "id".into(),
                    found: "key".into()
                },
                SourceProblemKind::BatchType {
                    batch: 2,
                    column: "id".into(),
                    expected: DataType::Int64,
                    found: DataType::Utf8
                },
                SourceProblemKind::BatchNull { batch: 3, column: "id".into() },
            ]
        );
    }

    #[test]
    fn stricter_batches_take_the_schema() {
        let batches = conform(&schema(true), &[ids(0..2)]).unwrap();
        assert_eq!(batches[0].schema(), schema(true));
    }
}
