//! Counts of requests and calls for whoever runs a server, in the words of Prometheus. They hold no
//! name of a model and of nobody who asks; but how many rows were given, and how long that took,
//! follows from data that a single asker may not see, which is why no route for askers has them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Router, middleware};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use sandbar::{Decision, DecisionOutcome, DecisionSink};
use tokio::net::TcpListener;

use crate::answer;
use crate::connections::{self, Connections};
use crate::operation::Operation;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::routes::Routes;

/// OpenMetrics 1.0.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From 1 ms, about the least that a question takes, to a minute, the most (in seconds).
const BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
type Times<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Counts of requests and calls, in the words of Prometheus. It is given to an engine as where
/// decisions go, to the [`Options`](crate::Options) of its routes, and served apart from them:
///
/// ```
/// use sandbar_http::{Metrics, Options};
///
/// # async fn serve(builder: sandbar::EngineBuilder) -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = Metrics::new();
/// let engine = builder.decisions(metrics.clone()).build().await?;
/// let routes = Options::default().metrics(metrics.clone()).router(engine);
/// // `GET /metrics`, on an address that only whoever runs the server reaches:
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9817").await?;
/// tokio::join!(metrics.serve(listener), async { /* serve the routes */ });
/// # let _ = routes; Ok(()) }
/// ```
///
/// docs/server.md has the list of what is counted.
#[derive(Clone)]
pub struct Metrics(Arc<Counts>);

struct Counts {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    request_time: Times<2>,
    running: Gauge,
    calls: Family<Labels<3>, Counter>,
    call_time: Times<1>,
    rows: Family<Labels<1>, Counter>,
    snapshot: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn times() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut counts = Counts {
            registry: Registry::with_prefix("sandbar"),
            requests: Family::default(),
            request_time: Family::new_with_constructor(times),
            running: Gauge::default(),
            calls: Family::default(),
            call_time: Family::new_with_constructor(times),
            rows: Family::default(),
            snapshot: Gauge::default(),
        };
        let all = &mut counts.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "What is running", version);
        all.register(
            "http_requests",
            "Requests, by how they were answered",
            counts.requests.clone(),
        );
        all.register_with_unit(
            "http_request_duration",
            "From the head of a request to that of its answer",
            Unit::Seconds,
            counts.request_time.clone(),
        );
        all.register(
            "http_requests_running",
            "Requests whose answer has not begun",
            counts.running.clone(),
        );
        all.register("calls", "Calls of the engine, by how they ended", counts.calls.clone());
        all.register_with_unit(
            "call_duration",
            "From a call to the end of its answer",
            Unit::Seconds,
            counts.call_time.clone(),
        );
        all.register("rows", "Rows that were given", counts.rows.clone());
        all.register(
            "snapshot",
            "The number of the model and policies that calls see",
            counts.snapshot.clone(),
        );
        Self(Arc::new(counts))
    }

    /// `GET /metrics`, to whoever asks.
    pub fn router(&self) -> Router {
        let operation = Operation::new("metrics", "What was counted").also_as(&[MEDIA_TYPE]);
        let routes = Routes::new().get("/metrics", told, operation.public());
        let router = routes.router().with_state(self.clone());
        router
            .fallback(async || Refusal::no_route())
            .method_not_allowed_fallback(async || Refusal::wrong_method())
    }

    /// Serves [`Metrics::router`] on a listener of its own, without end.
    pub async fn serve(&self, listener: TcpListener) {
        let never = std::future::pending();
        connections::serve(listener, self.router(), Connections::default(), never).await;
    }

    /// The same router, with each request counted.
    pub(crate) fn around(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), counted))
    }

    fn request(&self, method: &'static str, route: &str, status: u16, time: Duration) {
        let route: Cow<'static, str> = route.to_owned().into();
        let how = [("method", method.into()), ("route", route)];
        self.0.request_time.get_or_create(&how).observe(time.as_secs_f64());
        let [method, route] = how;
        let how = [method, route, ("status", status.to_string().into())];
        self.0.requests.get_or_create(&how).inc();
    }
}

impl DecisionSink for Metrics {
    fn record(&self, decision: &Decision) {
        let action = [("action", decision.action.name().into())];
        let code = match decision.outcome {
            DecisionOutcome::Failed(_, code) => code,
            _ => "",
        };
        let [first] = action.clone();
        let how = [first, ("outcome", decision.outcome.name().into()), ("code", code.into())];
        self.0.calls.get_or_create(&how).inc();
        self.0.call_time.get_or_create(&action).observe(decision.duration.as_secs_f64());
        if decision.rows > 0 {
            self.0.rows.get_or_create(&action).inc_by(decision.rows);
        }
        let snapshot = i64::try_from(decision.snapshot).unwrap_or(i64::MAX);
        self.0.snapshot.set(snapshot);
    }
}

/// A request that runs, for as long as this is kept: also one that is given up.
struct Running<'m>(&'m Gauge);

impl<'m> Running<'m> {
    fn new(gauge: &'m Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn told(State(metrics): State<Metrics>, params: Params) -> Result<Response, Refusal> {
    params.none()?;
    let mut text = String::new();
    encode(&mut text, &metrics.0.registry).map_err(Refusal::logged)?;
    Ok(answer::typed(MEDIA_TYPE, text.into()))
}

async fn counted(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let running = Running::new(&metrics.0.running);
    let started = Instant::now();
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // Neither an address nor a method that somebody has made up is kept.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics.request(method, route, response.status().as_u16(), started.elapsed());
    drop(running);
    response
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
