//! `sandbar serve`: the HTTP API on its own.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing_subscriber::filter::LevelFilter;

use crate::args::{LogLevel, ServeArgs};
use crate::failure::{Failure, note, say};
use crate::project::{Today, read};
use crate::settings::settings;

pub(crate) async fn run(mut args: ServeArgs) -> Result<(), Failure> {
    let settings = settings(&args)?;
    log(settings.log)?;
    (args.project.models, args.project.policies) = (settings.models, settings.policies);
    // Tokens are checked against the real time, so the shop ends yesterday.
    let mut project = read(&args.project, Today::Real)?;
    let models = project.models;
    project.builder = project.builder.verifier(settings.verifier);
    let engine = project.open().await?;
    let address = SocketAddr::new(settings.host, settings.port);
    let failed = |error: std::io::Error| Failure::wrong(format!("{address}: {error}"));
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    // There is no engine over a model with errors, so that one that is ready has none.
    say(&format!("READY url=http://{bound} models={models} errors=0\n"))?;
    let token = match (settings.is_development, args.project.models.is_empty()) {
        (true, true) => "; a token for somebody: sandbar token wei",
        (true, false) => "; a token for somebody: sandbar token WHO --group GROUP",
        (false, _) => "",
    };
    note(&format!("stop with ctrl-c{token}"));
    let access = Arc::new(settings.access);
    sandbar_http::serve_with(listener, engine, access, stopped()).await.map_err(failed)
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
