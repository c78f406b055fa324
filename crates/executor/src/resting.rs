//! Rests within the work. A task is stopped between two polls and not before, and DataFusion counts
//! batches until it rests, whatever is made of each: without a rest by the clock, an aggregation
//! reads on for a tenth of a second after its asker has gone.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::physical_plan::ExecutionPlan;
use futures::{Stream, StreamExt};

use crate::passing::{Beside, PassingExec, Tells};

/// How long is worked without a rest, where there are rows all the time.
const STRETCH: Duration = Duration::from_millis(4);

/// Whether a node gives rows without being waited for: it reads them, or other tasks have them ready.
pub(crate) fn gives_at_once(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.children().is_empty()
        || matches!(node.name(), "RepartitionExec" | "CoalescePartitionsExec")
}

/// A node with rests between its rows.
pub(crate) fn resting(node: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    Arc::new(PassingExec::new(node, Arc::new(Rests)))
}

/// Rests between the rows of a node.
#[derive(Debug)]
struct Rests;

impl Beside for Rests {
    const NAME: &'static str = "RestExec";
    const TELLS: Tells = Tells::Order;

    fn around(self: &Arc<Self>, input: SendableRecordBatchStream) -> SendableRecordBatchStream {
        Box::pin(Resting { input, since: None })
    }
}

struct Resting {
    input: SendableRecordBatchStream,
    /// Since when there has been no rest.
    since: Option<Instant>,
}

impl Stream for Resting {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= STRETCH {
            self.since = None;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = self.input.poll_next_unpin(context);
        if next.is_pending() {
            self.since = None;
        }
        next
    }
}

impl RecordBatchStream for Resting {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use datafusion::arrow::datatypes::Schema;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::{stream, task::noop_waker};

    /// A batch every millisecond, as long as it is asked for.
    #[test]
    fn work_rests_by_the_clock() {
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::new_empty(Arc::clone(&schema));
        let slow = stream::repeat_with(move || {
            std::thread::sleep(Duration::from_millis(1));
            Ok(batch.clone())
        });
        let input = Box::pin(RecordBatchStreamAdapter::new(schema, slow));
        let mut resting = Resting { input, since: None };
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let mut given = [0, 0];
        for stretch in &mut given {
            while resting.poll_next_unpin(&mut context).is_ready() {
                *stretch += 1;
                assert!(*stretch < 10, "no rest");
            }
        }
        assert!(given.iter().all(|stretch| *stretch > 0), "{given:?}");
    }
}
