//! Where the work of queries is done: where the caller is, or on a runtime that the host hands
//! over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::JoinSet;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::future::poll_fn;
use futures::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

use crate::admission::Permit;
use crate::error::RunError;

/// How many batches are ready before they are asked for.
const AHEAD: usize = 2;

/// Where the work of queries is done.
#[derive(Clone, Debug, Default)]
pub struct Place {
    runtime: Option<Handle>,
}

impl Place {
    /// On a runtime; `None`: where the caller is.
    pub fn new(runtime: Option<Handle>) -> Self {
        Self { runtime }
    }

    /// Does some work there. A panic ends this work only; dropping it ends it at its next rest,
    /// until which it keeps what it holds: the right to run, too.
    ///
    /// # Errors
    /// [`RunError::Panicked`], also where the runtime is shut down.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> std::result::Result<T, RunError> {
        let work = with_room(work);
        let Some(runtime) = &self.runtime else {
            return AssertUnwindSafe(work).catch_unwind().await.map_err(|_| RunError::Panicked);
        };
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work.instrument(Span::current()), runtime);
        match tasks.join_next().await {
            Some(Ok(done)) => Ok(done),
            Some(Err(_)) | None => Err(RunError::Panicked),
        }
    }

    /// The batches of a stream that is made and read there, under a right to run. Dropping them
    /// ends the reading.
    pub(crate) fn stream(
        &self,
        schema: SchemaRef,
        open: impl FnOnce() -> Result<SendableRecordBatchStream> + Send + 'static,
        permit: Option<Arc<Permit>>,
    ) -> std::result::Result<SendableRecordBatchStream, RunError> {
        let Some(runtime) = &self.runtime else {
            let opened = catch_unwind(AssertUnwindSafe(open)).map_err(|_| RunError::Panicked)?;
            return opened.map_err(RunError::from_datafusion);
        };
        let mut batches = RecordBatchReceiverStreamBuilder::new(schema, AHEAD);
        let sender = batches.tx();
        let read = async move {
            let _permit = permit;
            let mut stream = open()?;
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    // Nobody waits for more.
                    break;
                }
            }
            Ok::<(), DataFusionError>(())
        };
        batches.spawn_on(read.instrument(Span::current()), runtime);
        Ok(batches.build())
    }
}

/// The same work on a larger stack where there is little left: a question may be a hundred
/// calculations in each other, and DataFusion goes through each by calls.
fn with_room<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    /// More than the deepest question takes.
    const LEFT: usize = if cfg!(debug_assertions) { 3 << 20 } else { 512 << 10 };
    const MORE: usize = 8 << 20;
    let mut work = Box::pin(work);
    poll_fn(move |context| stacker::maybe_grow(LEFT, MORE, || work.as_mut().poll(context)))
}
