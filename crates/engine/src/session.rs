//! One principal's way in. Read [`Session::query`] first: it has the calls of a request in order.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use sandbar_auth::Principal;
use sandbar_catalog::query::SemanticQuery;
use sandbar_executor::{
    Allowance, CachedAnswer, Deadline, Limits, Overflow, Prepared, RunError, Slot, Turn,
};
use sandbar_permissions::{Administrator, Grants, Purpose};
use sandbar_query_planner::{AuthorizedQuery, QueryPlan, Shield, authorize, plan, resolve};
use tracing::{Instrument, debug_span};

use crate::answer::{Answer, Collected, Started};
use crate::call::Call;
use crate::decision::Action;
use crate::describe::{
    self, FoundObject, MetricDescription, MetricDetail, TableDescription, TableDetail,
};
use crate::engine::Inner;
use crate::error::Error;
use crate::explain::{self, Explanation};
use crate::request::Request;
use crate::watch::Watch;

/// One principal's way in. It holds who asks, never what he may see.
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
    pub(crate) principal: Principal,
    pub(crate) limits: Limits,
    /// The time of its calls; `None`: each reads the clock.
    at: Option<SystemTime>,
    /// What its calls are made for, as far as the scope of a token is concerned; `None`: what they
    /// do.
    purpose: Option<Purpose>,
    /// Whether answers that are kept are looked for.
    reuse: Reuse,
}

/// Whether an answer may be one that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reuse {
    Kept,
    Fresh,
}

/// A question that can be answered.
struct Proven {
    plan: QueryPlan,
    prepared: Prepared,
    shield: Shield,
}

/// A question whose rows can be given.
enum Ready {
    /// They are kept.
    Kept(QueryPlan, CachedAnswer),
    /// They are still to be computed, and may be kept then.
    Proven(Box<Proven>, Option<Slot>),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("subject", &self.principal.subject())
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(inner: Arc<Inner>, principal: Principal) -> Self {
        let limits = inner.settings.limits.clone();
        Self { inner, principal, limits, at: None, purpose: None, reuse: Reuse::Kept }
    }

    /// The same session at this moment.
    pub(crate) fn at(self, now: SystemTime) -> Self {
        Self { at: Some(now), ..self }
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What a question may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same session with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same session for calls that are made for this: the scope of a token has to name it. It
    /// says nothing where the token has no scope.
    #[must_use]
    pub fn used_for(self, purpose: Purpose) -> Self {
        Self { purpose: Some(purpose), ..self }
    }

    /// The same session for answers that are computed anew, also where one is kept
    /// ([`EngineBuilder::keep_answers`](crate::EngineBuilder::keep_answers)); they take its place.
    #[must_use]
    pub fn fresh(self) -> Self {
        Self { reuse: Reuse::Fresh, ..self }
    }

    /// Answers a question. The rows come as they are computed; dropping the answer cancels it.
    ///
    /// # Errors
    /// Everything that is wrong with the question at once. What the asker may not see is answered
    /// like what does not exist.
    pub async fn query(&self, query: &SemanticQuery) -> Result<Answer, Error> {
        self.ask(Arc::new(query.clone()), self.open(Action::Query)).await
    }

    /// Answers a question written in JSON.
    ///
    /// # Errors
    /// As for [`Session::query`], and whatever is wrong with the JSON.
    pub async fn query_json(&self, json: &str) -> Result<Answer, Error> {
        let call = self.open(Action::Query);
        match call.span().in_scope(|| SemanticQuery::from_json(json)) {
            Ok(query) => self.ask(Arc::new(query), call).await,
            Err(problems) => call.closed(Err(problems.into())),
        }
    }

    /// The answer takes the call along, and closes it with its last row.
    async fn ask(&self, query: Arc<SemanticQuery>, mut call: Call) -> Result<Answer, Error> {
        let span = call.span();
        match self.start(query, &mut call).instrument(span).await {
            Ok(started) => Ok(Answer::new(started, Some(call))),
            Err(error) => call.closed(Err(error)),
        }
    }

    async fn start(&self, query: Arc<SemanticQuery>, call: &mut Call) -> Result<Started, Error> {
        let (turn, allowance) = self.turn_for_rows(call).await?;
        let request = self.request(call, allowance)?;
        let started = self.started(query, &request, turn).await?;
        call.started(&started, &request.world.snapshot);
        Ok(started)
    }

    /// Begins an answer within one request that has its turn.
    pub(crate) async fn started(
        &self,
        query: Arc<SemanticQuery>,
        request: &Request,
        turn: Turn,
    ) -> Result<Started, Error> {
        let ready = self
            .placed(request, Self::ready(Arc::clone(&query), request.clone(), self.reuse))
            .await?;
        let span = debug_span!(target: "sandbar", "sandbar.run");
        let (executor, allowance) = (&request.world.executor, &request.allowance);
        let (plan, shield, stream, kept) = match ready {
            Ready::Kept(plan, answer) => {
                let stream = executor.replay(&answer, &plan, allowance)?;
                (plan, Shield::Open, stream, true)
            }
            Ready::Proven(proven, slot) => {
                let Proven { plan, prepared, shield } = *proven;
                let stream = span.in_scope(|| executor.start(&prepared, allowance, slot))?;
                (plan, shield, stream, false)
            }
        };
        let plan = Arc::new(plan);
        let (inner, principal) = (&self.inner, &self.principal);
        let watch = Watch::new(inner, principal, query, request, Arc::clone(&plan), shield);
        Ok(Started { plan, stream, watch, turn, span, kept })
    }

    /// Waits for a turn, where this principal may be given rows. What he is given while this waits
    /// counts.
    pub(crate) async fn turn_for_rows(&self, call: &mut Call) -> Result<(Turn, Allowance), Error> {
        self.may_be_given_rows()?;
        let turn = self.admitted(call).await?;
        self.may_be_given_rows()?;
        Ok(turn)
    }

    /// Whether this principal may be given rows. It has to be asked in a turn: no more answers of
    /// his begin on the same word then than run at a time.
    pub(crate) fn may_be_given_rows(&self) -> Result<(), Error> {
        self.inner.quota.check(self.principal.subject())
    }

    /// Waits until a call has its turn, and lets it know.
    pub(crate) async fn admitted(&self, call: &mut Call) -> Result<(Turn, Allowance), Error> {
        let turn = self.turn().await?;
        call.admitted();
        Ok(turn)
    }

    /// Waits until the queries of this principal have their turn. What is waited counts.
    pub(crate) async fn turn(&self) -> Result<(Turn, Allowance), Error> {
        let deadline = Deadline::starting_now(self.limits.time);
        let turn = self.inner.gate.admit(self.principal.subject(), deadline).await?;
        let (limits, permit) = (self.limits.clone(), Some(turn.permit()));
        Ok((turn, Allowance { limits, deadline, permit }))
    }

    /// From names to a proven physical plan, where queries run.
    async fn prepare(
        &self,
        query: &Arc<SemanticQuery>,
        request: &Request,
    ) -> Result<Proven, Error> {
        self.placed(request, Self::proven(Arc::clone(query), request.clone())).await
    }

    /// Does some work of a request where queries run, within its time.
    async fn placed<T: Send + 'static>(
        &self,
        request: &Request,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        request.allowance.deadline.bound(self.inner.settings.place.run(work)).await?
    }

    async fn ready(
        query: Arc<SemanticQuery>,
        request: Request,
        reuse: Reuse,
    ) -> Result<Ready, Error> {
        let authorized = Self::authorized(&query, &request)?;
        let plan = Self::planned(&authorized, &request, Shield::Open)?;
        let (executor, rights) = (&request.world.executor, request.grants.effective());
        let slot = async { Ok(executor.slot(&plan, rights.as_bytes()).await) };
        let slot = request.allowance.deadline.bound(slot).await?;
        if reuse == Reuse::Kept
            && let Some(answer) = slot.as_ref().and_then(Slot::answer)
        {
            return Ok(Ready::Kept(plan, answer));
        }
        let proven = Self::proof(&authorized, &request, plan).await?;
        Ok(Ready::Proven(Box::new(proven), slot))
    }

    async fn proven(query: Arc<SemanticQuery>, request: Request) -> Result<Proven, Error> {
        let authorized = Self::authorized(&query, &request)?;
        let plan = Self::planned(&authorized, &request, Shield::Open)?;
        Self::proof(&authorized, &request, plan).await
    }

    fn authorized(query: &SemanticQuery, request: &Request) -> Result<AuthorizedQuery, Error> {
        let (world, grants) = (&request.world, &request.grants);
        let resolved = debug_span!(target: "sandbar", "sandbar.resolve")
            .in_scope(|| resolve(query, grants, &world.compiled, request.now))?;
        let authorized = debug_span!(target: "sandbar", "sandbar.authorize")
            .in_scope(|| authorize(resolved, grants))?;
        Ok(authorized)
    }

    fn planned(
        query: &AuthorizedQuery,
        request: &Request,
        shield: Shield,
    ) -> Result<QueryPlan, Error> {
        let (compiled, rows) = (&request.world.compiled, request.allowance.limits.rows);
        let plan = debug_span!(target: "sandbar", "sandbar.plan", ?shield)
            .in_scope(|| plan(query, compiled, rows, shield))?;
        Ok(plan)
    }

    /// Proves a plan that was made without a shield, or another one of the same question.
    async fn proof(
        query: &AuthorizedQuery,
        request: &Request,
        plan: QueryPlan,
    ) -> Result<Proven, Error> {
        let (world, allowance) = (&request.world, &request.allowance);
        let (mut plan, mut shield) = (plan, Shield::Open);
        loop {
            let span = debug_span!(target: "sandbar", "sandbar.prepare", ?shield);
            let prepare = world.executor.prepare(&plan, allowance.deadline).instrument(span);
            match allowance.deadline.bound(prepare).await {
                Ok(prepared) => {
                    let keys = world.executor.check_keys(&plan, allowance);
                    allowance.deadline.bound(keys).await?;
                    return Ok(Proven { plan, prepared, shield });
                }
                Err(error @ RunError::Unproven(_)) => {
                    // What was not found names the values of policies: not for a common log.
                    tracing::warn!(?shield, "a plan is made again with a stronger shield");
                    // The optimiser may merge a policy with the question so far that it cannot be
                    // recognised; a stronger shield keeps the two apart.
                    shield = shield.stronger().ok_or(error)?;
                    plan = Self::planned(query, request, shield)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The tables that this principal may describe or query.
    ///
    /// # Errors
    /// Only where the clock is out of the calendar.
    pub fn tables(&self) -> Result<Vec<TableDescription>, Error> {
        self.look(Action::Tables, |grants| Ok(describe::tables(grants)))
    }

    /// The metrics that this principal may describe or query.
    ///
    /// # Errors
    /// As for [`Session::tables`].
    pub fn metrics(&self) -> Result<Vec<MetricDescription>, Error> {
        self.look(Action::Metrics, |grants| Ok(describe::metrics(grants)))
    }

    /// A table by name or number, with its fields and what can be asked of it.
    ///
    /// # Errors
    /// Not found, whether it is hidden or does not exist.
    pub fn describe_table(&self, name: &str) -> Result<TableDescription, Error> {
        self.look(Action::DescribeTable, |grants| describe::table_named(grants, name))
    }

    /// A metric by name or number, with the fields it can be grouped by.
    ///
    /// # Errors
    /// Not found, whether it is hidden or does not exist.
    pub fn describe_metric(&self, name: &str) -> Result<MetricDescription, Error> {
        self.look(Action::DescribeMetric, |grants| describe::metric_named(grants, name))
    }

    /// A table by name or number, with what its relationships lead to.
    ///
    /// # Errors
    /// As for [`Session::describe_table`].
    pub fn table_in_full(&self, name: &str) -> Result<TableDetail, Error> {
        self.look(Action::DescribeTable, |grants| describe::table_in_full(grants, name))
    }

    /// A metric by name or number, with what it can be asked with.
    ///
    /// # Errors
    /// As for [`Session::describe_metric`].
    pub fn metric_in_full(&self, name: &str) -> Result<MetricDetail, Error> {
        self.look(Action::DescribeMetric, |grants| describe::metric_in_full(grants, name))
    }

    /// Tables and metrics that fit the words, best first.
    ///
    /// # Errors
    /// As for [`Session::tables`].
    pub fn search(&self, words: &str) -> Result<Vec<FoundObject>, Error> {
        self.search_any(&[words])
    }

    /// Tables and metrics that fit one of several searches, best first; with no search, all.
    ///
    /// # Errors
    /// As for [`Session::tables`].
    pub fn search_any(&self, searches: &[&str]) -> Result<Vec<FoundObject>, Error> {
        self.look(Action::Search, |grants| Ok(describe::search(grants, searches)))
    }

    /// The values of a field, each once, in order: those of the rows this principal sees, as he
    /// sees them. If there are more than `limit`, the answer is truncated.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn field_values(
        &self,
        table: &str,
        field: &str,
        limit: u64,
    ) -> Result<Collected, Error> {
        // One more tells whether there are more, unless asking for it is an error.
        let Limits { rows, overflow, .. } = self.limits();
        let more = u64::from(limit < *rows || *overflow == Overflow::Truncate);
        let query = SemanticQuery::table(table).group_by(field).limit(limit.saturating_add(more));
        let asked = self.ask(Arc::new(query), self.open(Action::FieldValues)).await?;
        asked.collect_within(0..limit).await
    }

    /// How a question would be answered, as far as its asker may know.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn explain(&self, query: &SemanticQuery) -> Result<Explanation, Error> {
        let mut call = self.open(Action::Explain);
        let span = call.span();
        let result = self.explained(query, &mut call).instrument(span).await;
        call.closed(result)
    }

    async fn explained(
        &self,
        query: &SemanticQuery,
        call: &mut Call,
    ) -> Result<Explanation, Error> {
        let (_turn, allowance) = self.admitted(call).await?;
        let request = self.request(call, allowance)?;
        let Proven { plan, .. } = self.prepare(&Arc::new(query.clone()), &request).await?;
        call.planned(&plan, &request.world.snapshot);
        let (grants, compiled) = (&request.grants, &request.world.compiled);
        let outline = resolve(query, grants, compiled, request.now)?.outline(grants);
        Ok(explain::for_asker(&plan, outline, request.world.version))
    }

    pub(crate) async fn explain_in_full(
        &self,
        administrator: &Administrator,
        query: &SemanticQuery,
    ) -> Result<Explanation, Error> {
        let mut call = self.open(Action::ExplainAs);
        let span = call.span();
        let work = self.explained_in_full(administrator, query, &mut call);
        let result = work.instrument(span).await;
        call.closed(result)
    }

    async fn explained_in_full(
        &self,
        administrator: &Administrator,
        query: &SemanticQuery,
        call: &mut Call,
    ) -> Result<Explanation, Error> {
        let (_turn, allowance) = self.admitted(call).await?;
        let request = self.request(call, allowance)?;
        let (outline, policies) = explain::looked_into(&request, query, administrator);
        match self.prepare(&Arc::new(query.clone()), &request).await {
            Ok(Proven { plan, prepared, .. }) => {
                call.planned(&plan, &request.world.snapshot);
                let version = request.world.version;
                Ok(explain::in_full(&plan, &prepared, outline, policies, version))
            }
            Err(error) => {
                let hidden = explain::hidden(&request.grants, query, administrator);
                let version = request.world.version;
                Ok(explain::refusal(error, outline, policies, hidden, version))
            }
        }
    }

    /// A call that looks at names only.
    fn look<T>(
        &self,
        action: Action,
        work: impl FnOnce(&Grants) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (deadline, limits) = (Deadline::starting_now(None), self.limits.clone());
        let allowance = Allowance { limits, deadline, permit: None };
        self.open(action).run(|call| work(&self.request(call, allowance)?.grants))
    }

    pub(crate) fn open(&self, action: Action) -> Call {
        Call::open(&self.inner, action, Some(&self.principal))
    }

    pub(crate) fn request(&self, call: &mut Call, allowance: Allowance) -> Result<Request, Error> {
        let now = self.at.unwrap_or_else(|| self.inner.now());
        let inner = &self.inner;
        let purpose = self.purpose.unwrap_or(call.action().purpose());
        let request = Request::new(inner, &self.principal, purpose, allowance, now)?;
        call.sees(&request);
        Ok(request)
    }
}
