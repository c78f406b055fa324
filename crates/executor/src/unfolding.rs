//! Lists are unfolded into rows a batch at a time, whatever comes of one: a day that counts in a
//! thousand periods makes a thousand rows of each. No limit counts the memory of such a batch, so it
//! is cut before it is unfolded.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};
use futures::{Stream, StreamExt};

use crate::error::RunError;
use crate::passing::{Beside, PassingExec, Tells};

/// How many rows are made of a batch, unless one row alone makes more.
const MOST: usize = 65_536;

/// The plan with all that is unfolded cut before. Nothing is optimised after this.
pub(crate) fn cut(
    plan: Arc<dyn ExecutionPlan>,
) -> std::result::Result<Arc<dyn ExecutionPlan>, RunError> {
    let done = plan.transform_up(|node| {
        let Some(unnest) = node.downcast_ref::<UnnestExec>() else {
            return Ok(Transformed::no(node));
        };
        let lists = unnest.list_column_indices().iter().map(|list| list.index_in_input_schema);
        let cutting = Arc::new(Cutting { lists: lists.collect() });
        let input = Arc::new(PassingExec::new(Arc::clone(unnest.input()), cutting));
        Ok(Transformed::yes(replace_children_if_necessary(node, vec![input])?))
    });
    done.data().map_err(RunError::from_datafusion)
}

/// Which columns are unfolded.
#[derive(Debug)]
struct Cutting {
    lists: Vec<usize>,
}

impl Beside for Cutting {
    const NAME: &'static str = "CuttingExec";
    const TELLS: Tells = Tells::Order;

    fn execute(
        self: &Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = input.execute(partition, context)?;
        Ok(Box::pin(Cut { input, cutting: Arc::clone(self), rest: None }))
    }
}

impl Cutting {
    /// How many rows of the start of a batch are unfolded together.
    fn first(&self, batch: &RecordBatch) -> usize {
        let lists = self.lists.iter().filter_map(|index| batch.columns().get(*index));
        let lists: Vec<_> = lists.filter_map(|column| column.as_list_opt::<i32>()).collect();
        let rows_of = |row: usize| {
            let lengths = lists.iter().filter(|list| list.is_valid(row));
            lengths.map(|list| list.value_length(row)).max().unwrap_or(0).max(1)
        };
        let mut made = 0_usize;
        let fits = |row: &usize| {
            made = made.saturating_add(usize::try_from(rows_of(*row)).unwrap_or(1));
            *row == 0 || made <= MOST
        };
        (0..batch.num_rows()).take_while(fits).count()
    }
}

/// Batches of which few enough rows are made.
struct Cut {
    input: SendableRecordBatchStream,
    cutting: Arc<Cutting>,
    rest: Option<RecordBatch>,
}

impl Stream for Cut {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match ready!(self.input.poll_next_unpin(context)) {
                Some(Ok(batch)) => batch,
                other => return Poll::Ready(other),
            },
        };
        let (rows, first) = (batch.num_rows(), self.cutting.first(&batch));
        if first < rows {
            self.rest = Some(batch.slice(first, rows - first));
        }
        Poll::Ready(Some(Ok(batch.slice(0, first))))
    }
}

impl RecordBatchStream for Cut {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int32Array, ListArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    fn batch(lengths: &[Option<usize>]) -> RecordBatch {
        let lists = lengths.iter().map(|length| length.map(|length| vec![Some(7); length]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
        let count = i32::try_from(lengths.len()).unwrap();
        let rows: ArrayRef = Arc::new(Int32Array::from_iter_values(0..count));
        RecordBatch::try_from_iter_with_nullable([("row", rows, true), ("list", lists, true)])
            .unwrap()
    }

    #[test]
    fn as_many_rows_go_together_as_make_few_enough() {
        let cutting = Cutting { lists: vec![1] };
        let firsts = |lengths: &[Option<usize>]| {
            let (mut rest, mut found) = (batch(lengths), Vec::new());
            while rest.num_rows() > 0 {
                let first = cutting.first(&rest);
                found.push(first);
                rest = rest.slice(first, rest.num_rows() - first);
            }
            found
        };
        assert_eq!(firsts(&[Some(3), None, Some(0), Some(5)]), [4]);
        let half = MOST / 2;
        assert_eq!(firsts(&[Some(half), Some(half), Some(1), Some(half)]), [2, 2]);
        assert_eq!(firsts(&[Some(MOST + 9), Some(1), Some(MOST), None]), [1, 1, 1, 1]);
        assert_eq!(firsts(&[]), [0; 0]);
    }
}
