//! The Agent API over the sample shop, with tokens that the host signs: `http_server PORT`. The secret
//! that it shares with who signs them stands in `SANDBAR_JWT_SECRET`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program tells where it listens, and takes its secret from its environment"
)]

use std::net::{Ipv4Addr, SocketAddr};

use sandbar::{Engine, Verifier};
use sandbar_shop::{MODEL, POLICIES, Shop};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let secret = std::env::var("SANDBAR_JWT_SECRET")?;
    let mut builder = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .verifier(Verifier::hs256(secret.as_bytes())?);
    for (name, batch) in Shop::generate()?.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    let engine = builder.build().await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("READY url=http://{}", listener.local_addr()?);
    let stopped = async {
        // Without a handler the process is ended the hard way, which is fine too.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    sandbar_http::serve(listener, engine, stopped).await;
    Ok(())
}
