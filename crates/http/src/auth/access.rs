//! What a server keeps of those who ask: sessions, API keys, and how often they have asked.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use sandbar::{ApiKeys, Buckets, RateLimit, Sessions};

/// How many addresses and people are remembered that have asked lately.
const REMEMBERED: usize = 100_000;

/// The sessions, API keys and rate limits of one router.
///
/// ```
/// use std::sync::Arc;
/// use sandbar::{ApiKey, ApiKeys, RateLimit, Sessions};
/// use sandbar_http::Access;
///
/// # let random = [7; 32];
/// // 32 bytes of the operating system's randomness, once; the digest is what is kept.
/// let new = ApiKey::generate(random);
/// let dashboards = ApiKey::new("dashboards", &new.digest)?.group("analysts")?;
/// let access = Access::default()
///     .with_sessions(Sessions::new(3_600))
///     .with_api_keys(ApiKeys::new([dashboards])?)
///     .with_failures(RateLimit::new(10, 30))
///     .with_requests(RateLimit::new(100, 600));
/// # let engine = |engine: sandbar::Engine| {
/// let routes = sandbar_http::router_with(engine, Arc::new(access));
/// # routes };
/// # Ok::<(), sandbar::ApiKeyError>(())
/// ```
#[derive(Debug)]
pub struct Access {
    sessions: Sessions,
    api_keys: ApiKeys,
    failures: Buckets<Source>,
    requests: Buckets<String>,
}

/// Sessions of eight hours, no API key, 20 failures at once and one more a second from one
/// address, 500 requests at once and 50 more a second by one person.
impl Default for Access {
    fn default() -> Self {
        Self {
            sessions: Sessions::new(8 * 3_600),
            api_keys: ApiKeys::default(),
            failures: Buckets::new(RateLimit::new(20, 60), REMEMBERED),
            requests: Buckets::new(RateLimit::new(500, 3_000), REMEMBERED),
        }
    }
}

impl Access {
    /// With these sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: Sessions) -> Self {
        Self { sessions, ..self }
    }

    /// With these API keys.
    #[must_use]
    pub fn with_api_keys(self, api_keys: ApiKeys) -> Self {
        Self { api_keys, ..self }
    }

    /// How often something may be refused that comes from one address.
    #[must_use]
    pub fn with_failures(self, limit: RateLimit) -> Self {
        Self { failures: Buckets::new(limit, REMEMBERED), ..self }
    }

    /// How often one person, or one service, may ask.
    #[must_use]
    pub fn with_requests(self, limit: RateLimit) -> Self {
        Self { requests: Buckets::new(limit, REMEMBERED), ..self }
    }

    /// The sessions, which a host may end.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The API keys, which a host may replace.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    pub(super) fn failures(&self) -> &Buckets<Source> {
        &self.failures
    }

    pub(super) fn requests(&self) -> &Buckets<String> {
        &self.requests
    }
}

/// The address that a request comes from, for the limit on failures.
///
/// [`serve`](crate::serve) knows it. A host that mounts the router behind a proxy puts it into the
/// extensions of a request; where nobody says an address, failures are not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// An address. Of IPv6 the first half counts, since the second is for whoever has the first to
    /// choose.
    pub fn new(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let prefix = u128::from(v6) & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from(prefix))
            }
            v4 => v4,
        })
    }

    /// What the host says, or else the other end of the connection.
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        let connected = || extensions.get::<ConnectInfo<std::net::SocketAddr>>();
        extensions.get::<Self>().copied().or_else(|| connected().map(|c| Self::new(c.0.ip())))
    }
}
