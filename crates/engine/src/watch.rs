//! A running answer ends when a reload takes away what it is made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sandbar_auth::Principal;
use sandbar_catalog::query::SemanticQuery;
use sandbar_executor::Allowance;
use sandbar_permissions::Purpose;
use sandbar_query_planner::{QueryPlan, Shield, authorize, plan, resolve};
use tokio::sync::futures::OwnedNotified;

use crate::engine::Inner;
use crate::error::{Error, ErrorKind};
use crate::request::Request;
use crate::world::World;

/// Looks after the rights of a running answer.
///
/// After each reload the question is planned again, where queries run and up to what stands before
/// all optimisation. Where the same plan comes of it, the asker still sees the same rows and fields
/// of the same tables, whatever else the reload has changed. It needs no data and no waiting.
pub(crate) struct Watch {
    inner: Arc<Inner>,
    begun: Arc<Begun>,
    snapshot: u64,
    /// The newest world that has been looked at, or is.
    seen: u64,
    /// Whether the plan would be the same in that world, while it is looked at.
    looking: Option<BoxFuture<'static, bool>>,
    reloaded: Pin<Box<OwnedNotified>>,
}

/// What an answer was begun with.
struct Begun {
    principal: Principal,
    query: Arc<SemanticQuery>,
    purpose: Purpose,
    now: Timestamp,
    /// The right to run stands in it, also while the question is planned again.
    allowance: Allowance,
    plan: Arc<QueryPlan>,
    shield: Shield,
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
        let (now, purpose, snapshot) = (request.now, request.purpose, request.world.version);
        let allowance = request.allowance.clone();
        let begun = Begun { principal, query, purpose, now, allowance, plan, shield };
        let (begun, seen, looking) = (Arc::new(begun), snapshot, None);
        Self { inner, begun, snapshot, seen, looking, reloaded }
    }

    /// The snapshot that the answer was begun with.
    pub(crate) fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// Whether the answer may go on. The task is woken when that is known, or to be asked again.
    ///
    /// # Errors
    /// The asker has no longer the rights that the answer was begun with.
    pub(crate) fn poll_check(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut overtaken = false;
        loop {
            // Waits anew before the world is looked at, so that no reload is missed.
            while self.reloaded.as_mut().poll(context).is_ready() {
                self.reloaded = Box::pin(Arc::clone(&self.inner.reloaded).notified_owned());
            }
            if let Some(looking) = &mut self.looking {
                let same = ready!(looking.poll_unpin(context));
                self.looking = None;
                if !same {
                    return Poll::Ready(Err(changed()));
                }
                overtaken = true;
            }
            // What was looked at may not be the newest any more.
            let world = self.inner.world.load();
            if world.version == self.seen {
                return Poll::Ready(Ok(()));
            }
            self.seen = world.version;
            let (begun, world) = (Arc::clone(&self.begun), Arc::clone(&world));
            if overtaken {
                // There was another reload meanwhile. Were it looked at in the same way, reloads
                // that come quicker than that would keep the answer from going on.
                let same = catch_unwind(AssertUnwindSafe(|| begun.is_planned_alike(&world)));
                let same = same.is_ok_and(|same| same);
                return Poll::Ready(if same { Ok(()) } else { Err(changed()) });
            }
            let place = self.inner.settings.place.clone();
            let work = async move { begun.is_planned_alike(&world) };
            // What panics is not the same.
            let looking = async move { place.run(work).await.unwrap_or(false) };
            self.looking = Some(looking.boxed());
        }
    }
}

fn changed() -> Error {
    let message = "the model or the rights of the asker have changed while the answer was under \
                   way; ask again";
    Error::new(ErrorKind::Cancelled, "E0308", message)
}

impl Begun {
    fn is_planned_alike(&self, world: &World) -> bool {
        let (grants, compiled) = (world.grants(&self.principal, self.purpose), &world.compiled);
        let rows = self.allowance.limits.rows;
        let planned = resolve(&self.query, &grants, compiled, self.now)
            .and_then(|resolved| authorize(resolved, &grants))
            .and_then(|authorized| plan(&authorized, compiled, rows, self.shield));
        planned.is_ok_and(|planned| planned.logical() == self.plan.logical())
    }
}
