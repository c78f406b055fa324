//! A running answer ends when a reload takes away what it is made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use jiff::Timestamp;
use sandbar_auth::Principal;
use sandbar_catalog::query::SemanticQuery;
use sandbar_permissions::Purpose;
use sandbar_query_planner::{QueryPlan, Shield, authorize, plan, resolve};
use tokio::sync::futures::OwnedNotified;

use crate::engine::Inner;
use crate::error::{Error, ErrorKind};
use crate::request::Request;
use crate::world::World;

/// Looks after the rights of a running answer.
///
/// After each reload the question is planned again, up to what stands before all optimisation.
/// Where the same plan comes of it, the asker still sees the same rows and fields of the same
/// tables, whatever else the reload has changed. It needs no data and no waiting.
pub(crate) struct Watch {
    inner: Arc<Inner>,
    principal: Principal,
    query: Arc<SemanticQuery>,
    purpose: Purpose,
    now: Timestamp,
    rows: u64,
    plan: Arc<QueryPlan>,
    shield: Shield,
    snapshot: u64,
    /// The newest world that has been looked at.
    seen: u64,
    reloaded: Pin<Box<OwnedNotified>>,
}

impl Watch {
    pub(crate) fn new(
        inner: &Arc<Inner>,
        principal: &Principal,
        query: Arc<SemanticQuery>,
        request: &Request,
        plan: Arc<QueryPlan>,
        shield: Shield,
    ) -> Self {
        let reloaded = Box::pin(Arc::clone(&inner.reloaded).notified_owned());
        let (inner, principal) = (Arc::clone(inner), principal.clone());
        let (now, rows, snapshot) = (request.now, request.limits.rows, request.world.version);
        let (seen, purpose) = (snapshot, request.purpose);
        Self { inner, principal, query, purpose, now, rows, plan, shield, snapshot, seen, reloaded }
    }

    /// The snapshot that the answer was begun with.
    pub(crate) fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// Whether the answer may go on. The task is woken when that is to be asked again.
    ///
    /// # Errors
    /// The asker has no longer the rights that the answer was begun with.
    pub(crate) fn check(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        // Waits anew before the world is looked at, so that no reload is missed.
        while self.reloaded.as_mut().poll(context).is_ready() {
            self.reloaded = Box::pin(Arc::clone(&self.inner.reloaded).notified_owned());
        }
        let world = self.inner.world.load();
        if world.version == self.seen {
            return Ok(());
        }
        let world = Arc::clone(&world);
        self.seen = world.version;
        let same = catch_unwind(AssertUnwindSafe(|| self.is_planned_alike(&world)));
        if same.is_ok_and(|same| same) {
            return Ok(());
        }
        let message = "the model or the rights of the asker have changed while the answer was \
                       under way; ask again";
        Err(Error::new(ErrorKind::Cancelled, "E0308", message))
    }

    fn is_planned_alike(&self, world: &World) -> bool {
        let (grants, compiled) = (world.grants(&self.principal, self.purpose), &world.compiled);
        let planned = resolve(&self.query, &grants, compiled, self.now)
            .and_then(|resolved| authorize(resolved, &grants))
            .and_then(|authorized| plan(&authorized, compiled, self.rows, self.shield));
        planned.is_ok_and(|planned| planned.logical() == self.plan.logical())
    }
}
