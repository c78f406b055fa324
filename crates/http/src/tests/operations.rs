//! What whoever runs a server asks it: whether it is ready, what it has counted; and the page for
//! trying it out.
#![expect(clippy::disallowed_methods, reason = "client and server share one process")]

use std::time::Duration;

use axum::Router;
use sandbar_shop::Asker;

use super::{Told, app, engine, get, post, question, shop};
use crate::{Connections, Metrics, Options, Readiness};

#[tokio::test]
async fn ready_until_the_end_begins() {
    let readiness = Readiness::default();
    let app = Options::default().readiness(readiness.clone()).router(engine().await);
    let told = get("/ready").of(&app).await;
    assert_eq!((told.status.as_u16(), told.text()), (200, r#"{"status":"ready","snapshot":1}"#));
    get("/ready?x=1").of(&app).await.refused(400, "InvalidRequest", "H0106");
    readiness.end();
    get("/ready").of(&app).await.refused(503, "Unavailable", "H0110");
    // Whatever else still comes is answered.
    assert_eq!(get("/health").of(&app).await.status, 200);
    assert_eq!(post(question("revenue_by_category")).bearing("ana").of(&app).await.status, 200);
}

/// The status of a request over a connection of its own; `None` where there is none to be had.
async fn status(address: std::net::SocketAddr, path: &'static str) -> Option<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut told = String::new();
    stream.read_to_string(&mut told).await.ok()?;
    told.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_server_that_ends_says_so_before_it_does() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let stopped = async {
        ended.await.unwrap();
    };
    let connections = Connections::default().with_drain(Duration::from_secs(3));
    let options = Options::default();
    let served = crate::serve_with(listener, engine().await, options, connections, stopped);
    let served = tokio::spawn(served);
    assert_eq!(status(address, "/ready").await, Some(200));
    end.send(()).unwrap();
    // The server may not have run since.
    while status(address, "/ready").await == Some(200) {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(address, "/ready").await, Some(503));
    assert_eq!(status(address, "/health").await, Some(200));
    served.await.unwrap();
    assert_eq!(status(address, "/health").await, None);
}

/// The value of a line.
#[track_caller]
fn value<'t>(told: &'t Told, line: &str) -> &'t str {
    let text = told.text();
    let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line} in\n{text}"))
}

#[tokio::test]
async fn requests_calls_and_rows_are_counted_and_nobody_is_named() {
    let metrics = Metrics::new();
    let engine = shop().decisions(metrics.clone()).build().await.unwrap();
    let app = Options::default().metrics(metrics.clone()).router(engine);
    let asked = question("revenue_by_category");
    for _ in 0..2 {
        assert_eq!(post(asked.clone()).bearing("wei").of(&app).await.status, 200);
    }
    assert_eq!(post(asked.clone()).bearing("vic").of(&app).await.status, 404);
    assert_eq!(post(asked).of(&app).await.status, 401);
    assert_eq!(get("/api/agent/tables/orders").bearing("ana").of(&app).await.status, 200);
    assert_eq!(get("/made/up").of(&app).await.status, 404);
    let mut odd = get("/health");
    *odd.0.method_mut() = "BREW".parse().unwrap();
    assert_eq!(odd.of(&app).await.status, 405);

    let told = get("/metrics").of(&metrics.router()).await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, media_type));
    let requests = |method: &str, route: &str, status: u16| {
        let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
        value(&told, &format!("sandbar_http_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("POST", "/api/agent/query", 200), "2");
    assert_eq!(requests("POST", "/api/agent/query", 404), "1");
    assert_eq!(requests("POST", "/api/agent/query", 401), "1");
    assert_eq!(requests("GET", "/api/agent/tables/{id}", 200), "1");
    assert_eq!(requests("GET", "none", 404), "1");
    assert_eq!(requests("other", "/health", 405), "1");
    let calls = |action: &str, outcome: &str, code: &str| {
        let labels = format!("action=\"{action}\",outcome=\"{outcome}\",code=\"{code}\"");
        value(&told, &format!("sandbar_calls_total{{{labels}}}"))
    };
    assert_eq!(calls("query", "Answered", ""), "2");
    assert_eq!(calls("query", "NotFound", "Q0101"), "1");
    assert_eq!(calls("describe_table", "Answered", ""), "1");
    // Wei is given the five categories (fixtures/shop/README.md), twice.
    assert_eq!(value(&told, "sandbar_rows_total{action=\"query\"}"), "10");
    assert_eq!(value(&told, "sandbar_http_requests_running"), "0");
    assert_eq!(value(&told, "sandbar_snapshot"), "1");
    let count = "sandbar_http_request_duration_seconds_count";
    let of = "{method=\"POST\",route=\"/api/agent/query\"}";
    assert_eq!(value(&told, &format!("{count}{of}")), "4");
    assert!(told.text().ends_with("# EOF\n"));

    let hidden = ["orders", "revenue", "Gizmo", "made", "BREW"].into_iter();
    let people = ["ana", "wei", "vic"];
    let people = people.into_iter().flat_map(|name| [name, Asker::named(name).unwrap().email]);
    for word in hidden.chain(people) {
        let named = told.text().split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
        assert!(!named && !told.text().contains(&format!("\"{word}\"")), "{word}");
    }
    // It is for those who run the server, so not among what askers reach.
    get("/metrics").of(&app).await.refused(404, "NotFound", "H0101");
    get("/api/agent/tables").of(&metrics.router()).await.refused(404, "NotFound", "H0101");
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_run_any_more() {
    let metrics = Metrics::new();
    let app = Options::default().metrics(metrics.clone()).router(engine().await);
    let asked = post(question("revenue_by_category")).bearing("ana");
    let running = || async {
        let told = get("/metrics").of(&metrics.router()).await;
        value(&told, "sandbar_http_requests_running").to_owned()
    };
    let mut answer = Box::pin(asked.of(&app));
    assert!(futures::poll!(&mut answer).is_pending());
    assert_eq!(running().await, "1");
    drop(answer);
    assert_eq!(running().await, "0");
}

#[tokio::test]
async fn the_explorer_is_all_from_here() {
    let app = app().await;
    let below = Router::new().nest("/semantics", app.clone());
    for (app, start) in [(&app, ""), (&below, "/semantics")] {
        let page = get(&format!("{start}/explorer")).of(app).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        // What it is made of lies beside it, wherever it is mounted.
        let named = page.text().split('"').filter(|text| text.starts_with("explorer/"));
        let named: Vec<&str> = named.collect();
        assert_eq!(named.len(), 3, "{named:?}");
        assert!(!page.text().contains("//") && !page.text().contains("=\"/"));
        for name in named {
            let file = get(&format!("{start}/{name}")).of(app).await;
            assert_eq!(file.status, 200, "{name}");
            let media_type = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
            assert_eq!(file.header("content-type"), format!("{media_type}; charset=utf-8"));
            assert_eq!(file.header("x-content-type-options"), "nosniff");
        }
    }
    get("/explorer/other.js").of(&app).await.refused(404, "NotFound", "H0101");
    get("/explorer?x=1").of(&app).await.refused(400, "InvalidRequest", "H0106");
}
