//! What a host decides about the door.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use sandbar::{Administrator, Engine};

use crate::auth::Access;
use crate::body::BodyTime;
use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// What a host decides about the door; everything has a default.
///
/// ```
/// use sandbar_http::{Options, TokenKey};
///
/// // The same key in every process that answers for one address.
/// fn routes(engine: sandbar::Engine, key: [u8; 32]) -> axum::Router {
///     Options::default().token_key(TokenKey::new(key)).router(engine)
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) token_key: Option<TokenKey>,
    pub(crate) tells_hidden: Option<Administrator>,
    pub(crate) access: Arc<Access>,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) body_time: BodyTime,
}

impl Options {
    /// All routes over an engine, as [`router`](crate::router) has them.
    pub fn router(&self, engine: Engine) -> Router {
        crate::router::made(engine, self)
    }

    /// The key of the opaque questions and continuation tokens that clients are handed. Without
    /// it each router makes one of its own, and clients start anew where they come to another.
    #[must_use]
    pub fn token_key(self, key: TokenKey) -> Self {
        Self { token_key: Some(key), ..self }
    }

    /// The sessions, API keys and rate limits of the host's.
    #[must_use]
    pub fn access(self, access: Arc<Access>) -> Self {
        Self { access, ..self }
    }

    /// Whether further requests are wanted, for a host that serves the routes itself;
    /// [`serve_with`](crate::serve_with) says it by itself.
    #[must_use]
    pub fn readiness(self, readiness: Readiness) -> Self {
        Self { readiness, ..self }
    }

    /// Counts each request here. The engine's calls are counted where it is given the same
    /// [`Metrics`] for its decisions.
    #[must_use]
    pub fn metrics(self, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// The longest time that the body of a request is waited for: 30 seconds unless it is said here.
    #[must_use]
    pub fn body_time(self, time: Duration) -> Self {
        Self { body_time: BodyTime(time), ..self }
    }

    /// Under `/api/agent/v1`, answers 403 and not 404 for a table or metric that there is and that
    /// the asker may not see, as Metabase does. Everybody can then find out what there is, which
    /// is why it takes an [`Administrator`].
    #[must_use]
    pub fn forbid_hidden(self, administrator: Administrator) -> Self {
        Self { tells_hidden: Some(administrator), ..self }
    }
}

/// A key of 32 bytes, which is never shown.
#[derive(Clone)]
pub struct TokenKey(Arc<[u8; 32]>);

impl TokenKey {
    /// The key of these bytes, which nobody should be able to guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(bytes))
    }

    /// A key that nobody knows; `None` where the system gives no random bytes.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self::new(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}
