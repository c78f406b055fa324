//! Batches that have rows. What calculates is called for a batch without rows as well, with its
//! constants, and `div(1, 0)` in a branch of a `case` that no row takes fails then. Whether there is
//! such a batch depends on where batches end and on hidden rows: so there is none.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::{Stream, StreamExt};

/// The batches that have rows.
pub(crate) fn filled(input: SendableRecordBatchStream) -> SendableRecordBatchStream {
    Box::pin(Filled { input })
}

struct Filled {
    input: SendableRecordBatchStream,
}

impl Stream for Filled {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = ready!(self.input.poll_next_unpin(context));
            let empty = matches!(&next, Some(Ok(batch)) if batch.num_rows() == 0);
            if !empty {
                return Poll::Ready(next);
            }
        }
    }
}

impl RecordBatchStream for Filled {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
