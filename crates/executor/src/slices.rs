//! Few rows at a time where each becomes many: a row that counts in ten thousand periods is written
//! out for each, and all rows of a batch would be in one step, which nothing stops and whose memory
//! nobody counts.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use futures::{Stream, StreamExt};

use crate::passing::{Beside, PassingExec, Tells};

/// How many rows have their periods listed in one step.
const ROWS: usize = 1_024;
/// How many rows come of a step that writes them out, and no more than one row's periods beyond.
const WRITTEN: usize = 65_536;

/// A node that writes rows out for each value of a list, with few of them at a time; `None`: it is
/// another node.
pub(crate) fn written_in_slices(
    node: &Arc<dyn ExecutionPlan>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if !node.is::<UnnestExec>() {
        return Ok(None);
    }
    let sliced = Arc::clone(node).map_children(|lists| {
        let lists = if lists.is::<ProjectionExec>() {
            // Where the lists are made.
            let few = |rows| {
                let what = Arc::new(Slices { of: Of::Rows });
                Ok(Transformed::yes(Arc::new(PassingExec::new(rows, what)) as _))
            };
            lists.map_children(few)?.data
        } else {
            lists
        };
        let what = Arc::new(Slices { of: Of::Lists });
        Ok(Transformed::yes(Arc::new(PassingExec::new(lists, what)) as _))
    })?;
    Ok(Some(sliced.data))
}

/// Cuts batches.
#[derive(Clone, Copy, Debug)]
struct Slices {
    of: Of,
}

/// By what they are cut.
#[derive(Clone, Copy, Debug)]
enum Of {
    Rows,
    Lists,
}

impl Beside for Slices {
    const NAME: &'static str = "SliceExec";
    const TELLS: Tells = Tells::Order;

    fn around(self: &Arc<Self>, input: SendableRecordBatchStream) -> SendableRecordBatchStream {
        Box::pin(Sliced { input, of: self.of, ready: VecDeque::new() })
    }
}

struct Sliced {
    input: SendableRecordBatchStream,
    of: Of,
    /// What is cut and not yet given: a batch, from which row, and to which.
    ready: VecDeque<(RecordBatch, usize, usize)>,
}

impl Of {
    /// Where to cut a batch: each piece from one of these rows to the next.
    fn cuts(self, batch: &RecordBatch) -> Vec<usize> {
        let rows = batch.num_rows();
        match self {
            Self::Rows => (0..rows).step_by(ROWS).chain([rows]).collect(),
            Self::Lists => {
                let mut cuts = vec![0];
                let mut written = 0;
                for row in 0..rows {
                    if written > WRITTEN {
                        cuts.push(row);
                        written = 0;
                    }
                    let long = batch.columns().iter().map(|column| length(column.as_ref(), row));
                    written += long.max().unwrap_or(0).max(1);
                }
                cuts.push(rows);
                cuts
            }
        }
    }
}

/// How many values the list of a row has.
fn length(column: &dyn Array, row: usize) -> usize {
    match column.data_type() {
        DataType::List(_) if !column.is_null(row) => {
            usize::try_from(column.as_list::<i32>().value_length(row)).unwrap_or(0)
        }
        _ => 0,
    }
}

impl Stream for Sliced {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some((batch, from, to)) = this.ready.pop_front() {
                if from == 0 && to == batch.num_rows() {
                    return Poll::Ready(Some(Ok(batch)));
                }
                // In memory of its own: what follows may look at all of a buffer.
                let rows = UInt64Array::from_iter_values((from..to).map(|row| row as u64));
                return Poll::Ready(Some(Ok(take_record_batch(&batch, &rows)?)));
            }
            match ready!(this.input.poll_next_unpin(context)) {
                Some(Ok(batch)) => {
                    let cuts = this.of.cuts(&batch);
                    let ends = cuts.iter().skip(1);
                    let pieces = cuts.iter().zip(ends).filter(|(from, to)| from < to);
                    this.ready.extend(pieces.map(|(from, to)| (batch.clone(), *from, *to)));
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

impl RecordBatchStream for Sliced {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use datafusion::arrow::array::{ArrayRef, Int64Array, ListArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::{TryStreamExt, stream};

    use super::*;

    /// Rows that have lists of these lengths.
    fn batch(lengths: &[i64]) -> RecordBatch {
        let lists = lengths.iter().map(|length| Some((0..*length).map(Some)));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let columns: [(&str, ArrayRef); 2] = [
            ("n", Arc::new(Int64Array::from_iter_values(0..lengths.len() as i64))),
            ("l", Arc::new(lists)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    async fn pieces(of: Of, batch: RecordBatch) -> Vec<RecordBatch> {
        let schema = batch.schema();
        let input = RecordBatchStreamAdapter::new(schema, stream::iter([Ok(batch)]));
        Arc::new(Slices { of }).around(Box::pin(input)).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn rows_with_long_lists_come_few_at_a_time() {
        // 7 times 10,000 are more than 65,536, and 6 times are not.
        let whole = batch(&[10_000; 20]);
        let found = pieces(Of::Lists, whole.clone()).await;
        let rows: Vec<usize> = found.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [7, 7, 6]);
        let again = concat_batches(&whole.schema(), &found).unwrap();
        assert_eq!(again, whole);
        // A piece holds the values of its own lists only.
        assert_eq!(found[2].column(1).as_list::<i32>().values().len(), 60_000);
    }

    #[tokio::test]
    async fn what_is_short_stays_together() {
        let whole = batch(&[2; 8_192]);
        assert_eq!(pieces(Of::Lists, whole.clone()).await, std::slice::from_ref(&whole));
        assert_eq!(pieces(Of::Rows, whole).await.len(), 8);
        assert_eq!(pieces(Of::Rows, batch(&[])).await.len(), 0);
    }
}
