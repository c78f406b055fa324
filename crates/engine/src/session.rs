//! One principal's way in. Read [`Session::query`] first: it has the calls of a request in order.

use std::fmt;
use std::sync::Arc;

use sandbar_auth::Principal;
use sandbar_catalog::query::SemanticQuery;
use sandbar_executor::{Limits, Prepared, RunError};
use sandbar_permissions::Administrator;
use sandbar_query_planner::{QueryPlan, Shield, authorize, plan, resolve};
use tracing::Instrument;

use crate::answer::{Answer, Collected};
use crate::decision::{Action, OpenDecision};
use crate::describe::{self, FoundObject, MetricDescription, TableDescription};
use crate::engine::Inner;
use crate::error::{Error, ErrorKind};
use crate::explain::{self, Explanation};
use crate::request::Request;

/// One principal's way in. It holds who asks, never what he may see.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    principal: Principal,
    limits: Limits,
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
        Self { inner, principal, limits }
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The same session with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Answers a question. The rows come as they are computed; dropping the answer cancels it.
    ///
    /// # Errors
    /// Everything that is wrong with the question at once. What the asker may not see is answered
    /// like what does not exist.
    pub async fn query(&self, query: &SemanticQuery) -> Result<Answer, Error> {
        self.ask(query, Action::Query).await
    }

    /// Answers a question written in JSON.
    ///
    /// # Errors
    /// As for [`Session::query`], and whatever is wrong with the JSON.
    pub async fn query_json(&self, json: &str) -> Result<Answer, Error> {
        self.query(&SemanticQuery::from_json(json)?).await
    }

    async fn ask(&self, query: &SemanticQuery, action: Action) -> Result<Answer, Error> {
        let request = Request::new(&self.inner, &self.principal, &self.limits)?;
        let mut decision = request.decision(&self.inner, &self.principal, action);
        let span = tracing::info_span!("sandbar.query", snapshot = request.world.version);
        match self.answer(query, &request, &mut decision).instrument(span).await {
            Ok((plan, stream)) => Ok(Answer::new(&plan, stream, request.world.version, decision)),
            Err(error) => {
                decision.failed(&error);
                Err(error)
            }
        }
    }

    async fn answer(
        &self,
        query: &SemanticQuery,
        request: &Request,
        decision: &mut OpenDecision,
    ) -> Result<(QueryPlan, sandbar_executor::AnswerStream), Error> {
        let (plan, prepared) = self.prepare(query, request).await?;
        decision.scoped(plan.is_scoped());
        let stream = request.world.executor.start(&prepared, &request.limits, request.deadline)?;
        Ok((plan, stream))
    }

    /// From names to a proven physical plan.
    async fn prepare(
        &self,
        query: &SemanticQuery,
        request: &Request,
    ) -> Result<(QueryPlan, Prepared), Error> {
        let (world, grants) = (&request.world, &request.grants);
        let resolved = resolve(query, grants, &world.compiled, request.now)?;
        let authorized = authorize(resolved, grants)?;
        let mut unproven = None;
        // The optimiser may merge a policy with the question so far that it cannot be recognised;
        // a stronger shield keeps the two apart.
        for shield in [Shield::Open, Shield::Barrier, Shield::Sealed] {
            let plan = plan(&authorized, &world.compiled, request.limits.rows, shield)?;
            match request.deadline.bound(world.executor.prepare(&plan)).await {
                Ok(prepared) => return Ok((plan, prepared)),
                Err(error @ RunError::Unproven(_)) => {
                    tracing::warn!(?shield, %error, "a plan is made again with a stronger shield");
                    unproven = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(match unproven {
            Some(error) => error.into(),
            None => Error::new(ErrorKind::Internal, "E0900", "the question cannot be answered"),
        })
    }

    /// The tables that this principal may describe or query.
    ///
    /// # Errors
    /// Only where the clock is out of the calendar.
    pub fn tables(&self) -> Result<Vec<TableDescription>, Error> {
        Ok(describe::tables(&self.request()?.grants))
    }

    /// The metrics that this principal may describe or query.
    ///
    /// # Errors
    /// As for [`Session::tables`].
    pub fn metrics(&self) -> Result<Vec<MetricDescription>, Error> {
        Ok(describe::metrics(&self.request()?.grants))
    }

    /// A table by name or number, with its fields and what can be asked of it.
    ///
    /// # Errors
    /// Not found, whether it is hidden or does not exist.
    pub fn describe_table(&self, name: &str) -> Result<TableDescription, Error> {
        describe::table_named(&self.request()?.grants, name)
    }

    /// A metric by name or number, with the fields it can be grouped by.
    ///
    /// # Errors
    /// Not found, whether it is hidden or does not exist.
    pub fn describe_metric(&self, name: &str) -> Result<MetricDescription, Error> {
        describe::metric_named(&self.request()?.grants, name)
    }

    /// Tables and metrics that fit the words, best first.
    ///
    /// # Errors
    /// As for [`Session::tables`].
    pub fn search(&self, words: &str) -> Result<Vec<FoundObject>, Error> {
        Ok(describe::search(&self.request()?.grants, words))
    }

    /// The values of a field, each once, in order: those of the rows this principal sees, as he
    /// sees them.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn field_values(
        &self,
        table: &str,
        field: &str,
        limit: u64,
    ) -> Result<Collected, Error> {
        let query = SemanticQuery::table(table).group_by(field).limit(limit);
        self.ask(&query, Action::FieldValues).await?.collect().await
    }

    /// How a question would be answered, as far as its asker may know.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn explain(&self, query: &SemanticQuery) -> Result<Explanation, Error> {
        let request = self.request()?;
        let mut decision = request.decision(&self.inner, &self.principal, Action::Explain);
        match self.prepare(query, &request).await {
            Ok((plan, _)) => {
                decision.scoped(plan.is_scoped());
                decision.answered();
                Ok(explain::for_asker(&plan, request.world.version))
            }
            Err(error) => {
                decision.failed(&error);
                Err(error)
            }
        }
    }

    pub(crate) async fn explain_in_full(
        &self,
        administrator: &Administrator,
        query: &SemanticQuery,
    ) -> Result<Explanation, Error> {
        let request = self.request()?;
        let policies = explain::policies(&request.grants, query, administrator);
        match self.prepare(query, &request).await {
            Ok((plan, prepared)) => {
                Ok(explain::in_full(&plan, &prepared, policies, request.world.version))
            }
            Err(error) => {
                let hidden = explain::hidden(&request.grants, query, administrator);
                Ok(explain::refusal(error, policies, hidden, request.world.version))
            }
        }
    }

    fn request(&self) -> Result<Request, Error> {
        Request::new(&self.inner, &self.principal, &self.limits)
    }
}
