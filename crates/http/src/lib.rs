//! The door over HTTP: an [`axum::Router`] in front of a [`sandbar::Engine`]. It knows wire types,
//! status codes and formats; what a question means and who may ask it is decided below.
//!
//! | route | gives |
//! |---|---|
//! | `GET /health` | `{"status":"ok","snapshot":1}`, to anybody |
//! | `GET /ready` | the same while further requests are wanted, to anybody |
//! | `GET /explorer` | a page for trying the routes out (Swagger UI, all of it from here), to anybody |
//! | `GET /openapi.json` | the document of these routes (OpenAPI 3.1), to anybody |
//! | `GET /api/agent/tables` | `{"tables":[…],"metrics":[…]}`: what is visible, in brief |
//! | `GET /api/agent/tables/{id}` | one table with all that can be asked of it |
//! | `GET /api/agent/tables/{id}/fields` | `{"fields":[…]}` |
//! | `GET /api/agent/tables/{id}/fields/{field}/values?limit=100` | `{"column":{…},"values":[…],…}` |
//! | `GET /api/agent/metrics` | `{"metrics":[…]}`: the visible metrics, in brief |
//! | `GET /api/agent/metrics/{id}` | one metric with the fields it can be grouped by |
//! | `GET /api/agent/search?q=words` | `{"results":[…]}`, best first |
//! | `POST /auth/sso`, `/auth/sso/to_session` | a session for the token in `{"jwt":"…"}` |
//! | `DELETE /api/session` | ends the session of the request |
//! | `POST /api/agent/query` | the answer of a question (docs/query.md, or in the words of v1), at most 1 MiB of JSON; `?page_size=50` gives pages |
//! | `POST /api/agent/batch` | `{"queries":[…]}`: what each gets alone, with its status |
//! | `POST /api/agent/explain` | how a question would be answered |
//! | `/api/agent/v1/…` | the paths of Metabase's Agent API, generation v1 (docs/http.md) |
//!
//! An `{id}` is a number or a name. Parameters that a route does not know are refused.
//! [`Options`] has what a host decides, such as the key of opaque queries.
//!
//! # Who asks
//! The header `X-Metabase-Session` with the word of a session, `X-API-Key` with that of a service,
//! or `Authorization: Bearer …` with a token; of several the first that is said here (docs/auth.md). A host that has its own way to know who asks puts a [`sandbar::Principal`] into the request's
//! extensions; it then counts instead of all these. Nothing else of a request says who asks.
//!
//! ```
//! use axum::extract::Request;
//! use axum::middleware::{Next, from_fn};
//! use axum::response::Response;
//! use sandbar::{Engine, Principal};
//!
//! /// Who asks, as this host's own session, client certificate or proxy says.
//! fn signed_in(_request: &Request) -> Option<Principal> {
//!     Principal::asserted_by_host("mia").group("staff").build().ok()
//! }
//!
//! async fn with_principal(mut request: Request, next: Next) -> Response {
//!     // Whoever is not signed in needs a token.
//!     if let Some(principal) = signed_in(&request) {
//!         request.extensions_mut().insert(principal);
//!     }
//!     next.run(request).await
//! }
//!
//! fn routes(engine: Engine) -> axum::Router {
//!     let ours = sandbar_http::router(engine).layer(from_fn(with_principal));
//!     // `nest` rather than `merge`: the router answers unknown routes itself.
//!     axum::Router::new().nest("/semantics", ours)
//! }
//! ```
//!
//! # Formats of an answer
//! `Accept` chooses; without it the answer is JSON. Errors are always JSON.
//!
//! | `Accept` | form | rows are |
//! |---|---|---|
//! | `application/json` | `{"columns":[…],"rows":[[…]],"row_count":…,"scoped":…,"ordered":…,"truncated":…,"warnings":[…],"snapshot":…}` | collected, arrays in the order of the columns |
//! | `text/csv` | RFC 4180 with a header | collected |
//! | `application/x-ndjson` | an object a line | streamed to whoever sends `TE: trailers`, else collected |
//! | `application/vnd.apache.arrow.stream` | the Arrow IPC stream | the same |
//! | `application/vnd.apache.parquet` | a Parquet file | collected |
//!
//! In JSON, decimals and whole numbers beyond 2^53 are texts, so that no reader rounds them.
//! All formats carry the headers `x-sandbar-scoped` (whether what was read was narrowed for the
//! asker) and `x-sandbar-snapshot`; collected ones also `x-sandbar-truncated` and, where the asker should
//! know something, `x-sandbar-warnings` with its codes (`W0002, W0003`), which a stream tells in
//! trailers: that is why it comes only to who reads them. A stream that fails after its first rows,
//! or that is not read within the time of a question, is cut off without its regular end. A client
//! that goes away cancels its query.
//!
//! # Headers of every answer
//! `x-request-id` is that of the request, or a new one, and stands in the log. What a `GET` or `HEAD`
//! below `/api/agent` tells has an `ETag`: with it in `If-None-Match` the answer is 304 as long as the asker
//! sees the same. Nothing is to be kept on the way (`no-store`), and no page of another origin may
//! read anything: there is no CORS unless a host adds it.
//!
//! # Errors
//! `{"error":"NotFound","code":"Q0101","message":"…","problems":[{"code","path","message"}]}`, with
//! `problems` where a question has more to say; the codes stand in docs/errors.md. Beside them stand
//! the members of RFC 9457: `type` (`urn:sandbar:Q0101`), `title`, `status`, `detail` (the message)
//! and, but for 401, `instance` (the request's id).
//!
//! | `error` | status |
//! |---|---|
//! | `InvalidQuery` | 400 |
//! | `Unauthenticated` | 401, the same bytes for every reason |
//! | `Denied` | 403 |
//! | `NotFound` | 404 |
//! | `LimitExceeded` | 422: well formed, but more than this engine spends on one question; 429 with `Retry-After` where too many questions are asked at a time, somebody asks too often, or too much from one address was refused |
//! | `Internal`, `InvalidModel`, `InvalidPolicy` | 500, without details |
//! | `Source` | 502 |
//! | `Cancelled` | 503 |
//!
//! And of the door itself: `H0101` no such route (404), `H0102` wrong method (405), `H0103` not JSON
//! (415), `H0104` no such format (406), `H0105` too large (413), `H0106` a wrong parameter (400),
//! `H0107` a request that cannot be read (400), `H0108` a handler that failed (500), `H0109` a body
//! that does not come (408), `H0110` a server that ends (503, of `GET /ready`), `H0111` an
//! address that is too long (414), `H0112` a head that is too long (431), `H0207` a batch that is none (400), `H0208` one with too large answers (422, of a question of it). Below `/api/agent/v1` refusals have the words of Metabase, and their code in
//! the header `x-sandbar-code`; H0201 to H0206 are of that language.

mod answer;
mod asked;
mod asker;
mod auth;
mod batch;
mod body;
mod cells;
mod connections;
mod explained;
mod explorer;
mod format;
mod fresh;
mod guard;
mod metrics;
mod openapi;
mod operation;
mod options;
mod params;
mod pen;
mod readiness;
mod refusal;
mod router;
mod routes;
mod stream;
mod tags;
mod v1;
mod wire;

pub use auth::{Access, Source};
pub use connections::Connections;
pub use metrics::Metrics;
pub use options::{Options, TokenKey};
pub use readiness::Readiness;
pub use router::{openapi, router, router_with, routes};
pub use routes::Route;

#[cfg(test)]
mod tests;

/// Serves an engine's API on a listener until `stopped` ends; requests that are running then are
/// finished first.
pub async fn serve(
    listener: tokio::net::TcpListener,
    engine: sandbar::Engine,
    stopped: impl Future<Output = ()>,
) {
    let (options, connections) = (Options::default(), Connections::default());
    serve_with(listener, engine, options, connections, stopped).await;
}

/// The same as a host decides, and with limits of connections. When `stopped` ends, `GET /ready`
/// says so for as long as [`Connections::drain`]; then nothing is accepted any more.
pub async fn serve_with(
    listener: tokio::net::TcpListener,
    engine: sandbar::Engine,
    options: Options,
    connections: Connections,
    stopped: impl Future<Output = ()>,
) {
    let (readiness, drain) = (options.readiness.clone(), connections.drain);
    let drained = async {
        stopped.await;
        readiness.end();
        tokio::time::sleep(drain).await;
    };
    connections::serve(listener, options.router(engine), connections, drained).await;
}
