//! Who gets in, and what is refused at the door.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::routing::get as route;
use axum::{Extension, Router};
use futures::StreamExt;
use sandbar::Admission;
use sandbar_shop::Asker;
use tower::ServiceExt;

use super::sessions::NOBODY;
use super::{ID, NOW, SECRET, app, engine, get, post, question, shop, token, token_with};
use crate::Options;
use crate::guard::guard;

#[tokio::test]
async fn health_is_for_everybody() {
    let told = get("/health").of(&app().await).await;
    assert_eq!((told.status.as_u16(), told.text()), (200, r#"{"status":"ok","snapshot":1}"#));
    get("/health?x=1").of(&app().await).await.refused(400, "InvalidRequest", "H0106");
}

#[tokio::test]
async fn every_bad_token_gets_the_same_bytes() {
    let good = token("ana");
    let other = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let headers = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer nonsense".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Basic {good}"),
        good.clone(),
        format!("Bearer {good}x"),
        format!("Bearer {}", token_with(SECRET, "ana", NOW - 10_000_000)),
        format!("Bearer {}", token_with(SECRET, "ana", NOW + 10_000_000)),
        format!("Bearer {}", token_with(other, "ana", NOW)),
    ];
    let app = app().await;
    let no_verifier = crate::router(sandbar_testkit::shop().build().await.unwrap());
    let mut asks = vec![(&app, get("/api/agent/tables")), (&app, post("not even JSON"))];
    for header in &headers {
        asks.push((&app, get("/api/agent/metrics?unknown=1").with("authorization", header)));
    }
    let mut twice = get("/api/agent/tables").bearing("ana");
    twice.0.headers_mut().append("authorization", format!("Bearer {good}").parse().unwrap());
    asks.push((&app, twice));
    asks.push((&no_verifier, get("/api/agent/tables").bearing("ana")));
    for (app, ask) in asks {
        let told = ask.of(app).await;
        assert_eq!((told.status.as_u16(), told.text()), (401, NOBODY));
        assert_eq!(told.header("www-authenticate"), "Bearer");
        assert_eq!(told.headers.len(), 9, "{:?}", told.headers);
    }
    let told = get("/api/agent/tables").with("authorization", &format!("bEARER {good}"));
    assert_eq!(told.of(&app).await.status, 200);
}

/// The members of RFC 9457 stand beside those of our own, and beside Metabase's where those are JSON.
#[tokio::test]
async fn refusals_have_the_members_of_problem_details() {
    let app = app().await;
    let to = |path: &str, body: &str| {
        let mut ask = post(body.to_owned()).bearing("ana");
        *ask.0.uri_mut() = path.parse().unwrap();
        ask
    };
    let theirs = r#"{"table_id":2,"metric_id":101}"#;
    let both = "exactly one of table_id, metric_id, continuation_token is given";
    for (ask, status, code, title, detail) in [
        (get("/nothing"), 404, "H0101", "Not found", "there is nothing at this address"),
        (to("/api/agent/query", theirs), 400, "H0201", "Not a valid request", both),
        (to("/api/agent/v1/query", theirs), 400, "H0201", "Not a valid request", both),
        (
            to("/auth/sso", "{}"),
            400,
            "H0107",
            "Not a valid request",
            r#"the body is `{"jwt": "…"}` and nothing else"#,
        ),
    ] {
        let sso = ask.0.uri().path() == "/auth/sso";
        let told = ask.of(&app).await;
        assert_eq!(told.status.as_u16(), status, "{}", told.text());
        let body = told.json();
        assert_eq!(body["type"], format!("urn:sandbar:{code}"));
        assert_eq!((&body["title"], &body["detail"]), (&title.into(), &detail.into()));
        assert_eq!(body["instance"], ID);
        // There it is Metabase's, a word.
        assert_eq!(body["status"].as_u64(), (!sso).then_some(u64::from(status)), "{body}");
    }
    // Of a request that has no id it is the one that it was given.
    let mut ask = get("/nothing");
    ask.0.headers_mut().remove("x-request-id");
    let told = ask.of(&app).await;
    assert_eq!(told.header("x-request-id").len(), 32);
    assert_eq!(told.json()["instance"], told.header("x-request-id"));
    // A question of a batch has what it would have alone.
    let told = to("/api/agent/batch", r#"{"queries":[7]}"#).of(&app).await;
    let item = &told.json()["results"][0];
    assert_eq!((&item["body"]["status"], &item["body"]["instance"]), (&400.into(), &ID.into()));
    // Texts stay texts.
    let told = get("/api/agent/v1/table/999999").bearing("ana").of(&app).await;
    assert_eq!((told.status.as_u16(), told.text()), (404, "Not found."));
}

/// Where nobody is known nothing of the request is in the body, so that the bytes are always the same.
#[tokio::test]
async fn whoever_is_not_let_in_is_told_nothing_of_his_request() {
    let app = app().await;
    for path in ["/api/agent/tables", "/api/agent/v1/ping"] {
        let mut told = Vec::new();
        for id in ["a", "b"] {
            let ask = get(path).with("x-request-id", id).with("authorization", "Bearer a.b.c");
            told.push(ask.of(&app).await);
        }
        assert_eq!((told[0].status.as_u16(), &told[0].body), (401, &told[1].body), "{path}");
    }
}

#[tokio::test]
async fn a_host_may_say_who_asks() {
    let ana = sandbar_testkit::principal(Asker::named("ana").unwrap());
    let ours = crate::router(engine().await).layer(Extension(ana));
    let host = Router::new().nest("/semantics", ours);
    // The token of somebody who sees less, and one that is none, do not count.
    let asks = [
        get("/semantics/api/agent/tables"),
        get("/semantics/api/agent/tables").bearing("vic"),
        get("/semantics/api/agent/tables").with("authorization", "Bearer nonsense"),
    ];
    for ask in asks {
        let told = ask.of(&host).await;
        assert!(told.text().contains("people"), "{}", told.text());
    }
    let none = from_fn(async |request: Request, next: Next| next.run(request).await);
    let ours = crate::router(engine().await).layer(none);
    assert_eq!(get("/api/agent/tables").of(&ours).await.text(), NOBODY);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_json() {
    let app = app().await;
    let revenue = || question("revenue_by_category");
    get("/").of(&app).await.refused(404, "NotFound", "H0101");
    get("/api/agent/nothing").of(&app).await.refused(404, "NotFound", "H0101");
    get("/api/agent/tables/").bearing("ana").of(&app).await.refused(404, "NotFound", "H0101");
    let told = get("/api/agent/query").bearing("ana").of(&app).await;
    told.refused(405, "MethodNotAllowed", "H0102");
    assert_eq!(told.header("allow"), "POST");
    let told = post(revenue()).bearing("ana").with("content-type", "text/plain").of(&app).await;
    told.refused(415, "UnsupportedMediaType", "H0103");
    let mut untyped = post(revenue()).bearing("ana");
    untyped.0.headers_mut().remove("content-type");
    untyped.of(&app).await.refused(415, "UnsupportedMediaType", "H0103");
    let told = post(revenue()).bearing("ana").with("accept", "text/html").of(&app).await;
    told.refused(406, "NotAcceptable", "H0104");
    assert!(told.text().contains("application/x-ndjson"));
    let told = post(vec![0xff_u8]).bearing("ana").of(&app).await;
    told.refused(400, "InvalidRequest", "H0107");
}

#[tokio::test]
async fn json_is_in_utf_8() {
    let app = app().await;
    let typed = |media_type: &str| {
        post(question("revenue_by_category")).bearing("ana").with("content-type", media_type)
    };
    for right in [
        "application/json",
        "application/json;",
        "Application/JSON ; charset=utf-8",
        "application/json; Charset=\"UTF-8\"",
        "application/json; profile=x; charset=utf-8",
        "application/json;charset=UTF8",
    ] {
        assert_eq!(typed(right).of(&app).await.status, 200, "{right}");
    }
    for wrong in [
        "application/json; charset=latin1",
        "application/json;CHARSET=ISO-8859-1",
        "application/json; charset=\"utf-16\"",
        "application/json; charset = utf-7",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset=utf-8; charset=latin1",
        "text/plain; charset=utf-8",
    ] {
        let told = typed(wrong).of(&app).await;
        assert_eq!(told.refusal().0, 415, "{wrong}");
        told.refused(415, "UnsupportedMediaType", "H0103");
    }
}

#[tokio::test]
async fn a_body_is_not_compressed() {
    let app = app().await;
    let coded = |coding: &str| {
        post(question("revenue_by_category")).bearing("ana").with("content-encoding", coding)
    };
    for right in ["identity", "Identity", "", "identity, identity"] {
        assert_eq!(coded(right).of(&app).await.status, 200, "{right}");
    }
    for wrong in ["br", "zstd", "gzip", "x-gzip", "deflate", "GZIP", "identity, gzip", "*"] {
        coded(wrong).of(&app).await.refused(415, "UnsupportedMediaType", "H0103");
    }
    let mut twice = coded("identity");
    twice.0.headers_mut().append("content-encoding", "br".parse().unwrap());
    twice.of(&app).await.refused(415, "UnsupportedMediaType", "H0103");
    // What it was made of on its way is not undone either.
    for (sent, status) in [("chunked", 200), ("gzip, chunked", 415), ("gzip", 415)] {
        let asked = post(question("revenue_by_category")).bearing("ana");
        let told = asked.with("transfer-encoding", sent).of(&app).await;
        assert_eq!(told.status, status, "{sent}");
    }
    // The words of v1 are JSON in the same form.
    for path in ["/api/agent/v1/search", "/api/agent/batch", "/api/agent/explain"] {
        let mut ask = coded("br");
        *ask.0.uri_mut() = path.parse().unwrap();
        ask.of(&app).await.refused(415, "UnsupportedMediaType", "H0103");
    }
}

#[tokio::test]
async fn a_body_comes_in_its_time() {
    let pieces = |rest: Option<Duration>| {
        let body = question("revenue_by_category");
        let (first, second) = body.split_at(body.len() / 2);
        let (first, second) = (first.to_owned(), second.to_owned());
        let rest = async move {
            match rest {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
            Ok::<_, std::fmt::Error>(second)
        };
        let first = futures::stream::once(std::future::ready(Ok(first)));
        Body::from_stream(first.chain(futures::stream::once(rest)))
    };
    let late = Some(Duration::from_millis(50));
    assert_eq!(post(pieces(late)).bearing("ana").of(&app().await).await.status, 200);
    let short = Options::default().body_time(Duration::from_millis(20));
    let short = short.router(engine().await);
    let whole = post(question("revenue_by_category"));
    assert_eq!(whole.bearing("ana").of(&short).await.status, 200);
    let paths = ["/api/agent/query", "/api/agent/batch", "/api/agent/v1/query", "/auth/sso"];
    for path in paths {
        let mut ask = post(pieces(None)).bearing("ana");
        *ask.0.uri_mut() = path.parse().unwrap();
        let told = ask.of(&short).await;
        assert_eq!((told.status.as_u16(), told.header("x-sandbar-code")), (408, "H0109"), "{path}");
    }
}

#[tokio::test]
async fn no_request_is_sent_back_by_trace() {
    let app = app().await;
    for route in crate::routes() {
        let path = route.path.replace(['{', '}'], "");
        let mut ask = get(&path).bearing("ana");
        *ask.0.method_mut() = Method::TRACE;
        let told = ask.of(&app).await;
        assert_eq!(told.status, 405, "{path}");
        told.refused(405, "MethodNotAllowed", "H0102");
        assert!(!told.text().contains(&token("ana")), "{path}");
    }
}

#[tokio::test]
async fn a_question_has_a_mebibyte() {
    let app = app().await;
    let mut body = question("revenue_by_category");
    body.push_str(&" ".repeat((1 << 20) - body.len()));
    assert_eq!(post(body.clone()).bearing("ana").of(&app).await.status, 200);
    body.push(' ');
    post(body).bearing("ana").of(&app).await.refused(413, "PayloadTooLarge", "H0105");
    // What is announced is not waited for,
    let none = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::fmt::Error>>());
    let announced = post(none).bearing("ana").with("content-length", "1048577");
    announced.of(&app).await.refused(413, "PayloadTooLarge", "H0105");
    // nor does it help not to say how much there will be.
    let pieces = futures::stream::repeat(Ok::<_, std::fmt::Error>(vec![b' '; 1 << 16]));
    let endless = post(Body::from_stream(pieces)).bearing("ana");
    endless.of(&app).await.refused(413, "PayloadTooLarge", "H0105");
}

#[tokio::test]
async fn a_panic_is_a_plain_500() {
    async fn handler() {
        panic!("a secret");
    }
    let app = Router::new().route("/", route(handler)).layer(from_fn(guard));
    let told = get("/").of(&app).await;
    told.refused(500, "Internal", "H0108");
    assert!(!told.text().contains("secret"));
}

#[tokio::test]
async fn l14_no_answer_is_kept_on_the_way() {
    let app = app().await;
    for ask in [get("/health"), get("/nothing"), post(question("all_fields")).bearing("ana")] {
        let response = app.clone().oneshot(ask.0).await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        let nothing = "default-src 'none'; frame-ancestors 'none'";
        assert_eq!(response.headers()["content-security-policy"], nothing);
    }
}

#[tokio::test]
async fn every_request_has_an_id() {
    let app = app().await;
    let told = get("/health").with("x-request-id", "Trace-7.b_2").of(&app).await;
    assert_eq!(told.header("x-request-id"), "Trace-7.b_2");
    let long = "x".repeat(129);
    let mut twice = get("/health").with("x-request-id", "a");
    twice.0.headers_mut().append("x-request-id", "b".parse().unwrap());
    let mut made = vec![twice];
    for none in ["", "a b", "a\u{e9}", "a;b", &long] {
        made.push(get("/nothing").with("x-request-id", none));
    }
    made.push(post(vec![0xff_u8]).bearing("ana"));
    let mut seen = Vec::new();
    for mut ask in made {
        if ask.0.headers()["x-request-id"] == ID {
            ask.0.headers_mut().remove("x-request-id");
        }
        let id = ask.of(&app).await.header("x-request-id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(!seen.contains(&id), "{id}");
        seen.push(id);
    }
}

#[tokio::test]
async fn a_tag_tells_no_more_than_what_it_is_of() {
    let app = app().await;
    for path in ["/api/agent/tables", "/api/agent/search?q=orders", "/api/agent/v1/table/orders"] {
        let ana = get(path).bearing("ana").of(&app).await;
        let tag = ana.header("etag").to_owned();
        assert!(ana.status == 200 && tag.len() == 24, "{path}: {tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let told = get(path).bearing("ana").with("if-none-match", &known).of(&app).await;
            assert_eq!((told.status.as_u16(), told.text(), told.header("etag")), (304, "", &*tag));
        }
        let told = get(path).bearing("ana").with("if-none-match", "\"x\"").of(&app).await;
        assert_eq!((told.status.as_u16(), &told.body), (200, &ana.body));
        // Whoever sees something else has another tag, and somebody else's lets nobody in.
        let vic = get(path).bearing("vic").with("if-none-match", &tag).of(&app).await;
        assert_eq!(vic.status, 200, "{path}");
        assert_ne!(vic.header("etag"), tag);
        let nobody = get(path).with("if-none-match", &tag).of(&app).await;
        assert_eq!((nobody.status.as_u16(), nobody.header("etag")), (401, ""));
    }
    // What is asked has none, and neither has what is not there.
    let told = post(question("revenue_by_category")).bearing("ana").of(&app).await;
    assert_eq!(told.header("etag"), "");
    let told = get("/api/agent/tables/nothing").bearing("ana").with("if-none-match", "*");
    told.of(&app).await.refused(404, "NotFound", "Q0102");
}

#[tokio::test]
async fn no_page_of_another_origin_reads_anything() {
    let app = app().await;
    let told = get("/api/agent/tables").bearing("ana").with("origin", "https://evil.test");
    let told = told.of(&app).await;
    let preflight = Request::builder().method("OPTIONS").uri("/api/agent/query");
    let preflight = preflight.header("origin", "https://evil.test");
    let preflight = preflight.header("access-control-request-method", "POST");
    let preflight = super::Ask(preflight.body(Body::empty()).unwrap()).of(&app).await;
    preflight.refused(405, "MethodNotAllowed", "H0102");
    for told in [told, preflight] {
        let cross = |name: &str| name.starts_with("access-control");
        assert!(!told.headers.keys().any(|name| cross(name.as_str())), "{:?}", told.headers);
    }
}

#[tokio::test]
async fn l42_the_clock_is_read_once_per_request() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let clock = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        UNIX_EPOCH + Duration::from_secs(NOW)
    };
    let app = crate::router(shop().clock(clock).build().await.unwrap());
    let before = reads.load(Ordering::SeqCst);
    let asks = [
        get("/api/agent/tables"),
        get("/api/agent/tables/orders"),
        get("/api/agent/tables/orders/fields/status/values"),
        get("/api/agent/search?q=orders"),
        post(question("best_products")),
        post("{}"),
    ];
    let asked = asks.len();
    for ask in asks {
        ask.bearing("ana").of(&app).await;
    }
    assert_eq!(reads.load(Ordering::SeqCst) - before, asked);
}

#[tokio::test]
async fn too_many_questions_at_a_time_are_told_when_to_come_back() {
    let admission = Admission::default().with_running(1).with_queued(0);
    let engine = shop().admission(admission.with_retry_after(Duration::from_millis(1_200))).build();
    let engine = engine.await.unwrap();
    let app = crate::router(engine.clone());
    let body = question("revenue_by_category");
    let ana = engine.authenticate(&token("ana")).unwrap();
    let running = ana.query_json(&body).await.unwrap();
    for name in ["ana", "wei"] {
        let told = post(body.clone()).bearing(name).of(&app).await;
        told.refused(429, "LimitExceeded", "E0307");
        // Whole seconds, and the same for everybody.
        assert_eq!(told.header("retry-after"), "2");
    }
    drop(running);
    let told = post(body.clone()).bearing("ana").of(&app).await;
    assert_eq!((told.status.as_u16(), told.header("retry-after")), (200, ""));
}
