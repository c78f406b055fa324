//! Where files are decoded: a panic there is the failure of a source, and ends its query like any
//! other of them. The readers of formats check little before they compute with what a file says.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use futures::{Stream, StreamExt};

use crate::error::RunError;
use crate::passing::{Beside, Tells, beside};

/// The plan with every scan of files watched. Nothing is optimised after this.
pub(crate) fn watched(
    plan: Arc<dyn ExecutionPlan>,
) -> std::result::Result<Arc<dyn ExecutionPlan>, RunError> {
    beside(plan, Decoding, only_decodes)
}

/// Whether a node reads files and calculates nothing. What calculates in a scan is a question's, and
/// a panic of it is ours. Conditions stand above scans: in one they are held to what the files say
/// of their values, and to nothing else.
fn only_decodes(node: &Arc<dyn ExecutionPlan>) -> bool {
    let source = node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    let config = source.and_then(|source| source.downcast_ref::<FileScanConfig>());
    config.is_some_and(|config| {
        let projection = config.file_source().projection();
        projection.is_none_or(|all| all.iter().all(|one| one.expr.is::<Column>()))
    })
}

fn damaged() -> DataFusionError {
    let text = "what reads a file panicked: the file is damaged, or its store panics";
    DataFusionError::IoError(io::Error::other(text))
}

/// What is seen of a scan of files.
#[derive(Debug)]
struct Decoding;

impl Beside for Decoding {
    const NAME: &'static str = "DecodingExec";
    const TELLS: Tells = Tells::Order;

    fn execute(
        self: &Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let execute = AssertUnwindSafe(|| input.execute(partition, context));
        let input = catch_unwind(execute).map_err(|_| damaged())??;
        let schema = input.schema();
        Ok(Box::pin(Decoded { input: Some(input), schema }))
    }
}

/// The batches of a scan. After a panic nothing of it is used again.
struct Decoded {
    input: Option<SendableRecordBatchStream>,
    schema: SchemaRef,
}

impl Stream for Decoded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(input) = &mut self.input else { return Poll::Ready(None) };
        let polled = catch_unwind(AssertUnwindSafe(|| input.poll_next_unpin(context)));
        polled.unwrap_or_else(|_| {
            self.input = None;
            Poll::Ready(Some(Err(damaged())))
        })
    }
}

impl RecordBatchStream for Decoded {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
