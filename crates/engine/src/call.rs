//! One public call: its span and its record. Every way into the engine opens one first, so that
//! none is without a trace. It cannot be forgotten: dropping it closes it, as cancelled unless
//! something came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbar_auth::{Origin, Principal};
use sandbar_catalog::{FieldId, Snapshot};
use sandbar_query_planner::QueryPlan;
use tracing::Span;
use tracing::field::Empty;

use crate::answer::Started;
use crate::decision::{Action, Decision, DecisionOutcome, DecisionSink};
use crate::engine::Inner;
use crate::error::Error;
use crate::quota::Quota;
use crate::request::Request;

/// A call that is under way.
///
/// Its span says what is done, in which snapshot and how it ended: nobody's name, no literal, no
/// value.
pub(crate) struct Call {
    sink: Option<Arc<dyn DecisionSink>>,
    quota: Arc<Quota>,
    started: Instant,
    decision: Decision,
    span: Span,
}

impl Call {
    /// Opens a call of somebody, where he is known.
    pub(crate) fn open(inner: &Inner, action: Action, who: Option<&Principal>) -> Self {
        let snapshot = inner.world.load().version;
        let span = tracing::info_span!(
            target: "sandbar",
            "sandbar.call",
            action = action.name(),
            snapshot,
            outcome = Empty,
        );
        let decision = Decision {
            subject: None,
            action,
            snapshot,
            effective_policy: None,
            scoped: false,
            definers: Vec::new(),
            token: None,
            policies: Vec::new(),
            masked: Vec::new(),
            kept: false,
            rows: 0,
            waited: Duration::ZERO,
            planning: Duration::ZERO,
            duration: Duration::ZERO,
            outcome: DecisionOutcome::Cancelled,
        };
        let sink = inner.settings.sink.clone();
        let quota = Arc::clone(&inner.quota);
        let mut call = Self { sink, quota, started: Instant::now(), decision, span };
        if let Some(who) = who {
            call.known(who);
        }
        call
    }

    /// What everything that is done for this call is done in.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// What is asked for.
    pub(crate) fn action(&self) -> Action {
        self.decision.action
    }

    /// Who asks is known by now.
    pub(crate) fn known(&mut self, principal: &Principal) {
        self.decision.subject = Some(principal.subject().to_owned());
        self.decision.token = match principal.origin() {
            Origin::Token { id } => id.clone(),
            Origin::ApiKey | Origin::Host => None,
        };
    }

    /// Its turn has come.
    pub(crate) fn admitted(&mut self) {
        self.decision.waited = self.started.elapsed();
    }

    /// What the call sees, and with which rights.
    pub(crate) fn sees(&mut self, request: &Request) {
        self.decision.effective_policy = Some(*request.grants.effective().as_bytes());
        self.snapshot(request.world.version);
    }

    /// The snapshot that the call sees, or has made.
    pub(crate) fn snapshot(&mut self, version: u64) {
        self.decision.snapshot = version;
        self.span.record("snapshot", version);
    }

    /// What the plan of a question says of rights.
    pub(crate) fn planned(&mut self, plan: &QueryPlan, snapshot: &Snapshot) {
        self.decision.planning = self.started.elapsed().saturating_sub(self.decision.waited);
        self.decision.scoped = plan.is_scoped();
        // Names are for whoever keeps the records.
        let is_logged = tracing::enabled!(target: "sandbar::decision", tracing::Level::INFO);
        if self.sink.is_none() && !is_logged {
            return;
        }
        let names = plan.definers().iter().map(|id| snapshot.metric(*id).name.clone());
        self.decision.definers = names.collect();
        self.decision.policies = plan.policies().iter().map(|name| name.to_string()).collect();
        let name = |id: &FieldId| {
            format!("{}.{}", snapshot.table(id.table()).name, snapshot.field(*id).name)
        };
        self.decision.masked = plan.masked().iter().map(name).collect();
    }

    /// Its answer has begun.
    pub(crate) fn started(&mut self, started: &Started, snapshot: &Snapshot) {
        self.decision.kept = started.kept;
        self.planned(&started.plan, snapshot);
    }

    /// So many rows have been told by now. They count before the turn ends, so that the next one
    /// of the same principal knows of them.
    pub(crate) fn rows(&mut self, rows: u64) {
        let more = rows.saturating_sub(self.decision.rows);
        self.decision.rows = rows;
        if let (true, Some(subject)) = (self.decision.action.is_told_rows(), &self.decision.subject)
        {
            self.quota.spend(subject, more);
        }
    }

    pub(crate) fn answered(&mut self) {
        self.decision.outcome = DecisionOutcome::Answered;
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.decision.outcome = DecisionOutcome::Failed(error.kind(), error.code());
    }

    /// Closes the call with what came of it, and gives that on.
    pub(crate) fn closed<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Ok(_) => self.answered(),
            Err(error) => self.failed(error),
        }
        result
    }

    /// Does all of a call that does not wait.
    pub(crate) fn run<T>(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let result = self.span().in_scope(|| work(&mut self));
        self.closed(result)
    }
}

/// The text of a digest.
fn hexadecimal(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Drop for Call {
    fn drop(&mut self) {
        self.decision.duration = self.started.elapsed();
        let decision = &self.decision;
        let outcome = decision.outcome.name();
        let code = match decision.outcome {
            DecisionOutcome::Failed(_, code) => Some(code),
            DecisionOutcome::Answered | DecisionOutcome::Cancelled => None,
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.span.record("outcome", outcome);
        tracing::info!(
            target: "sandbar::decision",
            parent: &self.span,
            subject = decision.subject.as_deref(),
            token = decision.token.as_deref(),
            action = decision.action.name(),
            snapshot = decision.snapshot,
            effective_policy = decision.effective_policy.map(hexadecimal),
            scoped = decision.scoped,
            policies = ?decision.policies,
            masked = ?decision.masked,
            definers = ?decision.definers,
            kept = decision.kept,
            rows = decision.rows,
            waited_micros = micros(decision.waited),
            planning_micros = micros(decision.planning),
            micros = micros(decision.duration),
            outcome,
            code,
        );
        if let Some(sink) = &self.sink {
            sink.record(decision);
        }
    }
}
