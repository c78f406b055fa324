//! An answer: rows, and what is to be known about them.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt};
use sandbar_executor::{AnswerStream, Outcome, Turn};
use sandbar_query_planner::{AnswerColumn, QueryPlan};
use tracing::Span;

use crate::call::Call;
use crate::error::Error;
use crate::watch::Watch;

/// Something an asker should know about his answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// `W0001`: the rows have no determined order.
    Unordered,
    /// `W0002`: there are more rows than were given.
    Truncated,
    /// `W0003`: distinct values were counted approximately.
    Approximate,
    /// `W0004`: what is of too few rows is left out. It is told whether there is any or not.
    FewLeftOut,
}

impl Warning {
    /// What is known before any row is read.
    pub(crate) fn of(plan: &QueryPlan) -> Vec<Self> {
        let known = [
            (!plan.is_ordered(), Self::Unordered),
            (plan.is_approximate(), Self::Approximate),
            (plan.leaves_few_out(), Self::FewLeftOut),
        ];
        known.into_iter().filter_map(|(holds, warning)| holds.then_some(warning)).collect()
    }

    /// A stable code, explained in docs/errors.md.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unordered => "W0001",
            Self::Truncated => "W0002",
            Self::Approximate => "W0003",
            Self::FewLeftOut => "W0004",
        }
    }

    /// A sentence for the asker.
    pub fn message(self) -> &'static str {
        match self {
            Self::Unordered => "the rows have no determined order; say `order_by`",
            Self::Truncated => "there are more rows than were given",
            Self::Approximate => {
                "what `approx_distinct` counts is approximate, mostly within two percent"
            }
            Self::FewLeftOut => "groups and numbers of too few rows are left out, if there are any",
        }
    }
}

/// An answer whose rows are still to come: a stream of record batches. Dropping it cancels the
/// query.
#[must_use]
pub struct Answer {
    stream: AnswerStream,
    columns: Vec<AnswerColumn>,
    scoped: bool,
    /// What is known of the rows before they come.
    known: Vec<Warning>,
    snapshot: u64,
    /// What the rows are waited for in.
    span: Span,
    call: Option<Call>,
    /// Which of the rows are given on.
    given: Range<u64>,
    /// What a running answer needs; nothing once it has ended.
    running: Option<(Watch, Turn)>,
}

/// What an answer begins with.
pub(crate) struct Started {
    pub(crate) plan: Arc<QueryPlan>,
    pub(crate) stream: AnswerStream,
    pub(crate) watch: Watch,
    pub(crate) turn: Turn,
    pub(crate) span: Span,
    /// Whether its rows were kept, and are not computed.
    pub(crate) kept: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Answer {
    /// Without a call, an answer is a part of one that goes on.
    pub(crate) fn new(started: Started, call: Option<Call>) -> Self {
        let Started { plan, stream, watch, turn, span, kept: _ } = started;
        Self {
            columns: plan.columns().to_vec(),
            scoped: plan.is_scoped(),
            known: Warning::of(&plan),
            stream,
            snapshot: watch.snapshot(),
            span,
            call,
            given: 0..u64::MAX,
            running: Some((watch, turn)),
        }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        self.stream.schema()
    }

    /// What the columns are.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// Whether anything that was read was narrowed for its asker: rows left out, values masked, or
    /// what is of few rows not told. Fields that are hidden from him narrow nothing: whoever asks for
    /// one is told that there is none.
    pub fn is_scoped(&self) -> bool {
        self.scoped
    }

    /// The snapshot that was seen.
    pub fn snapshot_version(&self) -> u64 {
        self.snapshot
    }

    /// Whether there were more rows than allowed; known once all rows have come.
    pub fn is_truncated(&self) -> bool {
        self.stream.outcome() == Outcome::Truncated
    }

    /// What the asker should know; complete once all rows have come.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.known.clone();
        if self.is_truncated() {
            warnings.push(Warning::Truncated);
        }
        warnings.sort_by_key(|warning| warning.code());
        warnings
    }

    /// Waits for all rows.
    ///
    /// # Errors
    /// The first error on the way; no rows are given then.
    pub async fn collect(mut self) -> Result<Collected, Error> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(Collected {
            schema: self.schema().clone(),
            columns: self.columns.clone(),
            scoped: self.scoped,
            snapshot: self.snapshot,
            warnings: self.warnings(),
            batches,
        })
    }

    /// Waits for all rows, and gives those within a range, which are those that the record counts.
    /// If there are more behind it, the answer is truncated.
    pub(crate) async fn collect_within(mut self, given: Range<u64>) -> Result<Collected, Error> {
        self.given = given.clone();
        Ok(self.collect().await?.cut(given.end).without_first(given.start))
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _call = this.call.as_ref().map(|call| call.span().entered());
        let _run = this.span.clone().entered();
        let checked = match &mut this.running {
            Some((watch, _)) => watch.poll_check(context),
            None => Poll::Ready(Ok(())),
        };
        let polled = match checked {
            Poll::Ready(Err(error)) => {
                this.stream.abandon();
                Some(Err(error))
            }
            Poll::Ready(Ok(())) => match this.stream.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(polled) => polled.map(|batch| batch.map_err(Error::from)),
            },
            // No row is given before that is known, and no more time either.
            Poll::Pending => match this.stream.poll_time(context) {
                Ok(()) => return Poll::Pending,
                Err(over) => Some(Err(over.into())),
            },
        };
        if let Some(call) = &mut this.call {
            let rows = this.stream.rows().min(this.given.end);
            call.rows(rows.saturating_sub(this.given.start));
            match &polled {
                Some(Err(error)) => call.failed(error),
                _ if this.stream.outcome() != Outcome::Running => call.answered(),
                _ => {}
            }
        }
        if this.stream.outcome() != Outcome::Running {
            this.call = None;
            this.running = None;
            this.span = Span::none();
        }
        Poll::Ready(polled)
    }
}

/// An answer with all its rows.
#[derive(Clone, Debug)]
pub struct Collected {
    schema: SchemaRef,
    columns: Vec<AnswerColumn>,
    scoped: bool,
    snapshot: u64,
    warnings: Vec<Warning>,
    batches: Vec<RecordBatch>,
}

impl Collected {
    /// The schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The first rows of it. If there are more, it is truncated.
    fn cut(mut self, rows: u64) -> Self {
        let mut left = usize::try_from(rows).unwrap_or(usize::MAX);
        if self.num_rows() <= left {
            return self;
        }
        let batches = self.batches.into_iter().map(|batch| {
            let kept = left.min(batch.num_rows());
            left -= kept;
            batch.slice(0, kept)
        });
        self.batches = batches.filter(|batch| batch.num_rows() > 0).collect();
        if !self.warnings.contains(&Warning::Truncated) {
            self.warnings.push(Warning::Truncated);
        }
        self
    }

    /// The same without its first rows.
    fn without_first(self, rows: u64) -> Self {
        let mut skip = usize::try_from(rows).unwrap_or(usize::MAX);
        let batches = self.batches.into_iter().filter_map(|batch| {
            let skipped = skip.min(batch.num_rows());
            skip -= skipped;
            let left = batch.num_rows() - skipped;
            (left > 0).then(|| batch.slice(skipped, left))
        });
        Self { batches: batches.collect(), ..self }
    }

    /// What the columns are.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }

    /// The rows.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// How many rows there are.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether anything that was read was narrowed for its asker; see [`Answer::is_scoped`].
    pub fn is_scoped(&self) -> bool {
        self.scoped
    }

    /// Whether there were more rows than allowed.
    pub fn is_truncated(&self) -> bool {
        self.warnings.contains(&Warning::Truncated)
    }

    /// The snapshot that was seen.
    pub fn snapshot_version(&self) -> u64 {
        self.snapshot
    }

    /// What the asker should know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}
