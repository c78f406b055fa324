//! A host that serves pages of its own mounts the Agent API beside them, and says itself who asks:
//! its sign-in, here a session cookie, stands in front of the router. `axum_host PORT`.
#![expect(clippy::print_stdout, reason = "an example tells where it listens")]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use sandbar::{Engine, Principal, SemanticQuery};
use sandbar_shop::{ASKERS, Asker, Attribute, MODEL, POLICIES, Shop};

/// What the host keeps: who is signed in, by the value of the cookie.
#[derive(Clone)]
struct Host {
    engine: Engine,
    signed_in: Arc<HashMap<String, Principal>>,
}

/// Whoever is signed in: the host's own extractor.
struct SignedIn(Principal);

impl FromRequestParts<Host> for SignedIn {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, host: &Host) -> Result<Self, StatusCode> {
        let cookies = parts.headers.get(COOKIE).and_then(|cookies| cookies.to_str().ok());
        let sign_in = cookies.into_iter().flat_map(|cookies| cookies.split("; "));
        let sign_in = sign_in.filter_map(|cookie| cookie.strip_prefix("sign_in="));
        let found = sign_in.filter_map(|cookie| host.signed_in.get(cookie)).next();
        found.cloned().map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// The Agent API is asked by whoever the host says, and by nobody else.
async fn as_signed_in(
    SignedIn(principal): SignedIn,
    State(_): State<Host>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(principal);
    next.run(request).await
}

/// A page of the host's own: the same library, without HTTP between.
async fn dashboard(State(host): State<Host>, SignedIn(principal): SignedIn) -> Response {
    let question = SemanticQuery::metric("revenue").group_by("product.category");
    let answer = async { host.engine.session(principal).query(&question).await?.collect().await };
    match answer.await.and_then(|rows| rows.to_csv()) {
        Ok(rows) => rows.into_response(),
        Err(error) => {
            let status = StatusCode::NOT_FOUND;
            (status, Json(HashMap::from([("code", error.code())]))).into_response()
        }
    }
}

fn principal(asker: &Asker) -> Result<Principal, Box<dyn std::error::Error>> {
    let mut principal = Principal::asserted_by_host(asker.email);
    for group in asker.groups {
        principal = principal.group(group);
    }
    for (name, value) in asker.attributes {
        principal = match value {
            Attribute::Text(text) => principal.attribute(name, *text),
            Attribute::Texts(texts) => principal.attribute(name, texts.to_vec()),
        };
    }
    Ok(principal.build()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let mut builder =
        Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    for (name, batch) in Shop::generate()?.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    let engine = builder.build().await?;
    // A host makes such values when somebody signs in; these are for trying it out.
    let mut signed_in = HashMap::new();
    for asker in &ASKERS {
        signed_in.insert(format!("{}-is-signed-in", asker.name), principal(asker)?);
    }
    let host = Host { engine: engine.clone(), signed_in: Arc::new(signed_in) };
    let agent_api =
        sandbar_http::router(engine).layer(from_fn_with_state(host.clone(), as_signed_in));
    let app = Router::new()
        .route("/dashboard", get(dashboard))
        .with_state(host)
        .nest("/semantics", agent_api);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("READY url=http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
