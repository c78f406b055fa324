//! The record of a request: who asked, what was decided, how it ended. It cannot be forgotten:
//! dropping it closes it as cancelled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Rows.
    Query,
    /// The values of a field.
    FieldValues,
    /// How a question would be answered.
    Explain,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecisionOutcome {
    /// All rows were given, or as many as allowed.
    Answered,
    /// An error of this kind, with its code.
    Failed(ErrorKind, &'static str),
    /// The asker went away.
    Cancelled,
}

/// The record of a request. It holds no literal of the question and no value of the data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decision {
    /// Who asked.
    pub subject: String,
    /// What was asked for.
    pub action: Action,
    /// The snapshot that was seen.
    pub snapshot: u64,
    /// The digest of the rights that applied.
    pub effective_policy: [u8; 32],
    /// Whether anything was narrowed.
    pub scoped: bool,
    /// How many rows were given.
    pub rows: u64,
    /// From the call to the end of the answer.
    pub duration: Duration,
    /// How it ended.
    pub outcome: DecisionOutcome,
}

/// Is told of every request when it ends.
pub trait DecisionSink: Send + Sync {
    /// Takes a record. It is called on the task that ends the request, so it should be quick.
    fn record(&self, decision: &Decision);
}

impl<F: Fn(&Decision) + Send + Sync> DecisionSink for F {
    fn record(&self, decision: &Decision) {
        self(decision);
    }
}

/// A record that is still open.
pub(crate) struct OpenDecision {
    sink: Option<Arc<dyn DecisionSink>>,
    started: Instant,
    decision: Decision,
}

impl OpenDecision {
    pub(crate) fn new(sink: Option<Arc<dyn DecisionSink>>, decision: Decision) -> Self {
        Self { sink, started: Instant::now(), decision }
    }

    pub(crate) fn scoped(&mut self, scoped: bool) {
        self.decision.scoped = scoped;
    }

    pub(crate) fn rows(&mut self, rows: u64) {
        self.decision.rows = rows;
    }

    pub(crate) fn answered(&mut self) {
        self.decision.outcome = DecisionOutcome::Answered;
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.decision.outcome = DecisionOutcome::Failed(error.kind(), error.code());
    }
}

impl Drop for OpenDecision {
    fn drop(&mut self) {
        self.decision.duration = self.started.elapsed();
        let decision = &self.decision;
        tracing::info!(
            target: "sandbar::decision",
            subject = %decision.subject,
            action = ?decision.action,
            snapshot = decision.snapshot,
            scoped = decision.scoped,
            rows = decision.rows,
            micros = u64::try_from(decision.duration.as_micros()).unwrap_or(u64::MAX),
            outcome = ?decision.outcome,
        );
        if let Some(sink) = &self.sink {
            sink.record(decision);
        }
    }
}
