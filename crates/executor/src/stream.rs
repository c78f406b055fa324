//! The rows of an answer as they come, within its limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::time::Sleep;

use crate::budget::Waiting;
use crate::cache::Slot;
use crate::deadline::Deadline;
use crate::error::{ANY_FAILURE, RunError};
use crate::limits::{Limits, Overflow};
use crate::renew::Renewal;
use crate::size::value_bytes;

/// The rows of an answer. Dropping it cancels the query.
pub struct AnswerStream {
    inner: Option<SendableRecordBatchStream>,
    narrowed: bool,
    renewal: Renewal,
    limits: Limits,
    left: u64,
    rows: u64,
    bytes: u64,
    deadline: Deadline,
    timer: Option<Pin<Box<Sleep>>>,
    outcome: Outcome,
    waiting: Option<Waiting>,
    /// Where the answer is kept once all of it has come.
    slot: Option<Slot>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There may be more rows.
    Running,
    /// All rows came.
    Complete,
    /// There were more rows than allowed; the first ones came.
    Truncated,
    /// It ended in an error.
    Failed,
}

impl std::fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerStream")
            .field("rows", &self.rows)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

impl AnswerStream {
    pub(crate) fn new(
        inner: SendableRecordBatchStream,
        row_cap: u64,
        limits: Limits,
        deadline: Deadline,
        narrowed: bool,
    ) -> Result<Self, RunError> {
        let renewal = Renewal::new(&inner.schema(), narrowed)
            .map_err(|error| RunError::from_datafusion(error.into()))?;
        Ok(Self {
            renewal,
            narrowed,
            inner: Some(inner),
            left: row_cap,
            limits,
            rows: 0,
            bytes: 0,
            timer: deadline.timer(),
            deadline,
            outcome: Outcome::Running,
            waiting: None,
            slot: None,
        })
    }

    /// The same rows, the work for which ends soon after nobody waits for them.
    pub(crate) fn for_somebody(self, waiting: Waiting) -> Self {
        Self { waiting: Some(waiting), ..self }
    }

    /// The same rows, which are kept for others if all of them come. What is kept holds its values
    /// and nothing beside them; an answer that cannot be made so is not kept.
    pub(crate) fn kept_in(self, slot: Slot) -> Self {
        match Renewal::new(self.schema(), true) {
            Ok(renewal) => Self { renewal, slot: Some(slot), ..self },
            Err(_) => self,
        }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        self.renewal.schema()
    }

    /// How many rows came so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How far it has come.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether its time is over. The task is woken when it is.
    ///
    /// # Errors
    /// [`RunError::Time`]; it has failed then.
    pub fn poll_time(&mut self, context: &mut Context<'_>) -> Result<(), RunError> {
        if self.inner.is_some() {
            // Whether it is over or not: polled, the timer wakes this task when it is.
            let _ = self.timer.as_mut().map(|timer| timer.as_mut().poll(context));
            self.deadline.check().inspect_err(|_| self.end(Outcome::Failed))?;
        }
        Ok(())
    }

    /// Ends it before all rows have come: it has failed.
    pub fn abandon(&mut self) {
        self.end(Outcome::Failed);
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        // Dropping the plan's stream stops its tasks.
        self.inner = None;
        self.timer = None;
        self.waiting = None;
        if let Some(slot) = self.slot.take()
            && outcome == Outcome::Complete
        {
            slot.fill(Arc::clone(self.schema()));
        }
    }

    /// Of several calculations that fail, which one does so first goes by how rows come, so by hidden
    /// ones among them: where there are some, all fail alike.
    fn told(&self, error: DataFusionError) -> RunError {
        match RunError::from_datafusion(error) {
            RunError::Computation { cause, .. } if self.narrowed => {
                RunError::Computation { what: ANY_FAILURE, cause }
            }
            error => error,
        }
    }

    fn fail(&mut self, error: RunError) -> Poll<Option<Result<RecordBatch, RunError>>> {
        self.end(Outcome::Failed);
        Poll::Ready(Some(Err(error)))
    }

    fn accept(&mut self, batch: RecordBatch) -> Poll<Option<Result<RecordBatch, RunError>>> {
        let rows = batch.num_rows() as u64;
        if rows > self.left && self.limits.overflow == Overflow::Fail {
            return self.fail(RunError::Rows(self.limits.rows));
        }
        let kept = match usize::try_from(self.left) {
            Ok(left) if rows > self.left => batch.slice(0, left),
            _ => batch,
        };
        self.bytes = self.bytes.saturating_add(value_bytes(&kept));
        if self.bytes > self.limits.bytes {
            return self.fail(RunError::Bytes(self.limits.bytes));
        }
        if rows <= self.left {
            self.left -= rows;
            self.rows += rows;
            self.slot = self.slot.take().and_then(|slot| slot.with(&kept));
            return Poll::Ready(Some(Ok(kept)));
        }
        self.rows += self.left;
        self.left = 0;
        self.end(Outcome::Truncated);
        if kept.num_rows() == 0 { Poll::Ready(None) } else { Poll::Ready(Some(Ok(kept))) }
    }
}

impl Stream for AnswerStream {
    type Item = Result<RecordBatch, RunError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Err(over) = this.poll_time(context) {
            return Poll::Ready(Some(Err(over)));
        }
        loop {
            let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
            let polled = catch_unwind(AssertUnwindSafe(|| inner.poll_next_unpin(context)));
            return match polled {
                Err(_) => this.fail(RunError::Panicked),
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(None)) => {
                    this.end(Outcome::Complete);
                    Poll::Ready(None)
                }
                Ok(Poll::Ready(Some(Err(error)))) => this.fail(this.told(error)),
                Ok(Poll::Ready(Some(Ok(batch)))) if batch.num_rows() == 0 => continue,
                Ok(Poll::Ready(Some(Ok(batch)))) => match this.renewal.batch(&batch) {
                    Ok(batch) => this.accept(batch),
                    Err(error) => this.fail(this.told(error.into())),
                },
            };
        }
    }
}
