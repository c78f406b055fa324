//! Connections, and what each may cost: nobody keeps one, or what it holds, by sending nothing, by
//! sending slowly or by not reading.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::auth::Source;
use crate::guard::MAX_HEAD;

/// What connections may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// The most that are open at a time; further ones wait to be accepted.
    pub open: usize,
    /// The most of one address that are open at a time, at least one; further ones are closed at
    /// once, so that nobody takes all places. Addresses are told apart as [`Source`] does. Behind
    /// a proxy all have the address of the proxy: lift it there to what `open` is.
    pub per_address: usize,
    /// The longest time for the head of a request, also until it begins: for as long an idle
    /// connection is kept.
    pub head: Duration,
    /// The longest time that a client takes nothing of an answer.
    pub unread: Duration,
    /// How long further requests are answered after the end has begun, so that whoever spreads
    /// them over servers finds out from `GET /ready`.
    pub drain: Duration,
    /// The longest time that requests which are running at the end are waited for.
    pub end: Duration,
}

impl Default for Connections {
    /// 1,024, of which 128 of one address; 15 seconds, 30 seconds, no time, and 30 seconds.
    fn default() -> Self {
        Self {
            open: 1_024,
            per_address: 128,
            head: Duration::from_secs(15),
            unread: Duration::from_secs(30),
            drain: Duration::ZERO,
            end: Duration::from_secs(30),
        }
    }
}

impl Connections {
    /// At most so many open at a time.
    #[must_use]
    pub fn with_open(self, open: usize) -> Self {
        Self { open, ..self }
    }

    /// At most so many of one address open at a time.
    #[must_use]
    pub fn with_per_address(self, per_address: usize) -> Self {
        Self { per_address, ..self }
    }

    /// So much time for the head of a request.
    #[must_use]
    pub fn with_head(self, head: Duration) -> Self {
        Self { head, ..self }
    }

    /// So much time to take something of an answer.
    #[must_use]
    pub fn with_unread(self, unread: Duration) -> Self {
        Self { unread, ..self }
    }

    /// So much time in which `GET /ready` says that the end has begun.
    #[must_use]
    pub fn with_drain(self, drain: Duration) -> Self {
        Self { drain, ..self }
    }

    /// So much time for requests that are running at the end.
    #[must_use]
    pub fn with_end(self, end: Duration) -> Self {
        Self { end, ..self }
    }
}

/// How long nothing is accepted after that has failed, as it does where files are used up.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a router until `stopped` ends; requests that are running then are finished first.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    stopped: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(connections.open.clamp(1, Semaphore::MAX_PERMITS)));
    let addresses = Arc::new(Addresses::default());
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // A head that has not ended by then is not waited for; `guard` holds it to the byte.
    http.timer(TokioTimer::new()).header_read_timeout(connections.head).max_buf_size(MAX_HEAD);
    let mut stopped = std::pin::pin!(stopped);
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            Some(_) = open.join_next() => continue,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, from, place)) => {
                let source = Source::new(from.ip());
                let Some(counted) = addresses.enter(source, connections.per_address) else {
                    // Dropped, it is closed; nothing is read of it, and nothing said.
                    tracing::debug!(%from, "an address has as many connections as it may");
                    continue;
                };
                let router = router.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    // Where a request comes from is what failures are counted by.
                    request.extensions_mut().insert(ConnectInfo(from));
                    router.clone().oneshot(request)
                });
                let stream = TokioIo::new(paced(stream, &connections));
                let served = graceful.watch(http.serve_connection(stream, service));
                open.spawn(async move {
                    // What goes wrong with a connection is the client's: it is gone.
                    if let Err(error) = served.await {
                        tracing::debug!(%error, "a connection has ended");
                    }
                    drop((place, counted));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(connections.end, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests that do not end are cut off");
    }
}

/// How many connections each address has; those that have none are not remembered.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<Source, usize>>);

/// One connection of an address, until it is dropped.
struct Counted {
    addresses: Arc<Addresses>,
    source: Source,
}

impl Addresses {
    /// One more connection of an address, unless it has as many as it may.
    fn enter(self: &Arc<Self>, source: Source, most: usize) -> Option<Counted> {
        let mut open = self.0.lock();
        let count = open.entry(source).or_default();
        if *count >= most.max(1) {
            return None;
        }
        *count += 1;
        Some(Counted { addresses: Arc::clone(self), source })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.addresses.0.lock().entry(self.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    Ok((stream, from, place))
}

/// The bytes of one connection.
fn paced(stream: TcpStream, connections: &Connections) -> Pin<Box<TimeoutStream<TcpStream>>> {
    // Small answers are not held back.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection waits for more");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(connections.unread));
    Box::pin(stream)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn l56_an_address_has_so_many_connections_and_takes_none_of_others() {
        let addresses = Arc::new(Addresses::default());
        let enter = |address: &str| addresses.enter(Source::new(address.parse().unwrap()), 2);
        // Of IPv6 the first half counts, and IPv4 in its words is IPv4.
        for (first, second, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
            ("127.0.0.1", "127.0.0.1", "::1"),
        ] {
            let open = [enter(first), enter(second)];
            assert!(open.iter().all(Option::is_some), "{first}");
            assert!(enter(first).is_none() && enter(second).is_none(), "{first}");
            assert!(enter(other).is_some(), "{other}");
            // What was refused has taken no place, and a place that is free is given again.
            let [one, _two] = open;
            drop(one);
            let again = enter(second);
            assert!(again.is_some() && enter(first).is_none(), "{first}");
        }
        assert!(addresses.0.lock().is_empty(), "an address without connections is remembered");
        // None at all would be no server.
        let source = Source::new("192.0.2.1".parse().unwrap());
        assert!(addresses.enter(source, 0).is_some());
    }
}
