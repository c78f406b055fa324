//! The engine: one model, its policies and its sources, for any number of principals.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use sandbar_auth::{Claimed, Principal, TokenError, Verifier};
use sandbar_executor::Gate;
use sandbar_permissions::Administrator;
use tokio::sync::Notify;
use tracing::Instrument;

use crate::builder::{EngineBuilder, Model, Settings};
use crate::call::Call;
use crate::check::check;
use crate::decision::Action;
use crate::describe::{self, MetricDescription, TableDescription};
use crate::error::{Error, ErrorKind};
use crate::explain::Explanation;
use crate::quota::Quota;
use crate::session::Session;
use crate::world::World;
use sandbar_catalog::query::SemanticQuery;

/// A semantic layer over some sources. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) world: ArcSwap<World>,
    versions: AtomicU64,
    /// Lets queries in.
    pub(crate) gate: Arc<Gate>,
    pub(crate) quota: Arc<Quota>,
    /// Tells running answers that there is another world.
    pub(crate) reloaded: Arc<Notify>,
}

impl Inner {
    /// Reads the clock.
    pub(crate) fn now(&self) -> SystemTime {
        (self.settings.clock)()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("snapshot", &self.snapshot_version()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts to set an engine up.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::new()
    }

    pub(crate) async fn open(settings: Settings, model: &Model) -> Result<Self, Error> {
        let world = Self::world(&settings, model, 1).await?;
        let inner = Inner {
            gate: Arc::new(Gate::new(settings.admission.clone())),
            quota: Arc::new(Quota::new(settings.rows_per_hour)),
            settings,
            world: ArcSwap::from_pointee(world),
            versions: 1.into(),
            reloaded: Arc::new(Notify::new()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    async fn world(settings: &Settings, model: &Model, version: u64) -> Result<World, Error> {
        World::new(version, check(settings, model).await?, settings)
    }

    /// Replaces model and policies, all or nothing. Sources are opened anew. The next request sees
    /// the new snapshot. Running queries go on with what they started with, as long as their askers
    /// would get the same plan now; others end in an error of [`ErrorKind::Cancelled`].
    ///
    /// # Errors
    /// Every problem at once; the engine then keeps answering from the last good snapshot.
    pub async fn reload(&self, model: &Model) -> Result<u64, Error> {
        let mut call = Call::open(&self.inner, Action::Reload, None);
        let result = self.reloaded(model).instrument(call.span()).await;
        if let Ok(version) = &result {
            call.snapshot(*version);
        }
        call.closed(result)
    }

    async fn reloaded(&self, model: &Model) -> Result<u64, Error> {
        let version = self.inner.versions.fetch_add(1, Ordering::Relaxed) + 1;
        let world = Self::world(&self.inner.settings, model, version).await?;
        let world = Arc::new(world);
        // Of two reloads at the same time the one that was called last wins.
        self.inner.world.rcu(|current| {
            let newer = if current.version < version { &world } else { current };
            Arc::clone(newer)
        });
        self.inner.reloaded.notify_waiters();
        Ok(version)
    }

    /// The number of the snapshot that the next request sees; it grows with each reload.
    pub fn snapshot_version(&self) -> u64 {
        self.inner.world.load().version
    }

    /// A session for somebody whom the host vouches for. It holds no rights: each call looks at
    /// the grants of that moment.
    pub fn session(&self, principal: Principal) -> Session {
        Session::new(Arc::clone(&self.inner), principal)
    }

    /// A session for the bearer of a token.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthenticated`], with the same text whatever is wrong with the token.
    pub fn authenticate(&self, token: &str) -> Result<Session, Error> {
        self.identify(|verifier, now| verifier.claimed(token, seconds(now)))
            .map(|(session, _)| session)
    }

    /// A session for one request of the bearer of a token: its calls go by the reading of the
    /// clock that the token was checked with. It is not to be kept.
    ///
    /// # Errors
    /// As for [`Engine::authenticate`].
    pub fn authenticate_request(&self, token: &str) -> Result<Session, Error> {
        self.identify_request(|verifier, now| verifier.claimed(token, seconds(now)))
    }

    /// A session for one request of somebody whom the host finds by other means than a token of
    /// this request, such as a session of its own, by the reading of the clock that all of the
    /// request goes by. The verifier then says whether he is let in.
    ///
    /// # Errors
    /// As for [`Engine::authenticate`].
    pub fn identify_request(
        &self,
        find: impl FnOnce(&Verifier, SystemTime) -> Result<Claimed, TokenError>,
    ) -> Result<Session, Error> {
        self.identify(find).map(|(session, now)| session.at(now))
    }

    fn identify(
        &self,
        find: impl FnOnce(&Verifier, SystemTime) -> Result<Claimed, TokenError>,
    ) -> Result<(Session, SystemTime), Error> {
        Call::open(&self.inner, Action::Authenticate, None).run(|call| {
            let Some(verifier) = &self.inner.settings.verifier else {
                let message = "this engine has no verifier, so no token is valid";
                return Err(Error::new(ErrorKind::Unauthenticated, "E0102", message));
            };
            let now = self.inner.now();
            let principal = verifier.admit(&find(verifier, now)?)?;
            call.known(&principal);
            Ok((self.session(principal), now))
        })
    }

    /// How a principal's question is answered, in full: policies, SQL and plans.
    ///
    /// # Errors
    /// As for [`Session::query`].
    pub async fn explain_as(
        &self,
        administrator: &Administrator,
        principal: &Principal,
        query: &SemanticQuery,
    ) -> Result<Explanation, Error> {
        self.session(principal.clone()).explain_in_full(administrator, query).await
    }

    /// Whether this engine can check tokens.
    pub fn checks_tokens(&self) -> bool {
        self.inner.settings.verifier.is_some()
    }

    /// A table by name or number, as it stands in the model, whoever may see it.
    ///
    /// # Errors
    /// Not found.
    pub fn describe_table_as(
        &self,
        administrator: &Administrator,
        name: &str,
    ) -> Result<TableDescription, Error> {
        Call::open(&self.inner, Action::DescribeTable, None).run(|call| {
            let world = self.inner.world.load();
            call.snapshot(world.version);
            describe::table_named(&world.policies.all(&world.snapshot, administrator), name)
        })
    }

    /// A metric by name or number, as it stands in the model, whoever may see it.
    ///
    /// # Errors
    /// Not found.
    pub fn describe_metric_as(
        &self,
        administrator: &Administrator,
        name: &str,
    ) -> Result<MetricDescription, Error> {
        Call::open(&self.inner, Action::DescribeMetric, None).run(|call| {
            let world = self.inner.world.load();
            call.snapshot(world.version);
            describe::metric_named(&world.policies.all(&world.snapshot, administrator), name)
        })
    }
}

/// Whole seconds since 1970-01-01T00:00:00Z, which tokens are about.
fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
