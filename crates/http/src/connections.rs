//! Connections, and what each may cost: nobody keeps one, or what it holds, by sending nothing, by
//! sending slowly or by not reading.

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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::guard::MAX_HEAD;

/// What connections may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// The most that are open at a time; further ones wait to be accepted.
    pub open: usize,
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
    /// 1,024; 15 seconds, 30 seconds, no time, and 30 seconds.
    fn default() -> Self {
        Self {
            open: 1_024,
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
                    drop(place);
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
