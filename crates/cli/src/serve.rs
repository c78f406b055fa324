//! `sandbar serve`: the HTTP API on its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use sandbar::{KeyRing, People};
use sandbar_http::{Access, Metrics};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{LogLevel, ServeArgs};
use crate::failure::{Failure, note, say};
use crate::project::{Today, read};
use crate::settings::{Settings, settings};

/// Serves until the process is asked to stop; heavy queries keep `queries` busy, and nothing else.
pub(crate) async fn run(mut args: ServeArgs, queries: &Handle) -> Result<(), Failure> {
    let mut settings = settings(&args)?;
    let said = args.clone();
    log(settings.log)?;
    (args.project.models, args.project.policies) =
        (std::mem::take(&mut settings.models), std::mem::take(&mut settings.policies));
    let known = Known {
        keys: KeyRing::from(settings.keys.clone()),
        people: settings.people.take().map(Arc::new),
        access: Arc::new(settings.access()),
    };
    // Tokens are checked against the real time, so the shop ends yesterday.
    let mut project = read(&args.project, Today::Real)?;
    let models = project.models;
    let verifier = settings.verifier(known.keys.clone(), known.people.clone());
    project.builder = project.builder.verifier(verifier).runtime(queries.clone());
    project.builder = settings.bounded(project.builder);
    let mut options = settings.options().access(Arc::clone(&known.access));
    let mut counted = None;
    if let Some(address) = settings.metrics() {
        let metrics = Metrics::new();
        project.builder = project.builder.decisions(metrics.clone());
        options = options.metrics(metrics.clone());
        counted = Some((metrics, listen(address).await?));
    }
    let engine = project.open().await?;
    let (listener, bound) = listen(SocketAddr::new(settings.host, settings.port)).await?;
    // There is no engine over a model with errors, so that one that is ready has none.
    say(&format!("READY url=http://{bound} models={models} errors=0\n"))?;
    let token = match (settings.is_development, args.project.models.is_empty()) {
        (true, true) => "; a token for somebody: sandbar token wei",
        (true, false) => "; a token for somebody: sandbar token WHO --group GROUP",
        (false, _) => "",
    };
    note(&format!("stop with ctrl-c{token}"));
    if let Some((_, (_, bound))) = &counted {
        note(&format!("what is counted: http://{bound}/metrics"));
    }
    let connections = settings.connections();
    let served = sandbar_http::serve_with(listener, engine, options, connections, stopped());
    let told = async {
        match counted {
            Some((metrics, (listener, _))) => metrics.serve(listener).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = served => Ok(()),
        () = told => Ok(()),
        never = known.read_again(&said) => match never {},
    }
}

/// Listens on an address, and says on which it is where a free port was to be taken.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| Failure::wrong(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// What a running server knows of those who ask, and may read again.
struct Known {
    keys: KeyRing,
    people: Option<Arc<People>>,
    access: Arc<Access>,
}

impl Known {
    /// Reads keys, people and services again whenever the process is told to (SIGHUP). With a
    /// problem in them everything stays as it is.
    async fn read_again(&self, args: &ServeArgs) -> Infallible {
        #[cfg(unix)]
        if let Ok(mut told) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
        {
            while told.recv().await.is_some() {
                match settings(args) {
                    Ok(settings) => self.replace(settings),
                    Err(failure) => {
                        note(&format!("nothing has changed, because:\n{}", failure.message()));
                    }
                }
            }
        }
        std::future::pending().await
    }

    fn replace(&self, settings: Settings) {
        self.keys.replace(settings.keys);
        self.access.api_keys().replace(settings.api_keys);
        match (&self.people, settings.people) {
            (Some(known), Some(people)) => known.replace(people),
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                note("whether people are known at all changes with the next start");
            }
        }
        note("keys, people and services are read again");
    }
}

/// Tells on stderr what the libraries say of what they do.
fn log(level: LogLevel) -> Result<(), Failure> {
    let started = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(LevelFilter::from(level))
        .try_init();
    started.map_err(|error| Failure::wrong(error.to_string()))
}

/// Ends when the process is asked to.
async fn stopped() {
    let interrupted = async {
        // Without a handler the process is ended the hard way, which is fine too.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => tokio::select! {
                () = interrupted => {}
                _ = terminate.recv() => {}
            },
            Err(_) => interrupted.await,
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
