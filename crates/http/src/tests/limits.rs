//! How often somebody may ask, and how often an address may be refused.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use sandbar::{ApiKey, ApiKeys, Limits, RateLimit, Verifier};
use sandbar_testkit::forge::{self, Forge};
use serde_json::{Value, json};

use super::sessions::{app_with, nobody, session_of, tables, verifier};
use super::{Ask, NOW, Told, get, post, shop, token};
use crate::{Access, Source};

fn from(ask: Ask, address: &str) -> Ask {
    let mut ask = ask;
    let address: SocketAddr = address.parse().unwrap();
    ask.0.extensions_mut().insert(ConnectInfo(address));
    ask
}

async fn bad(app: &Router, address: &str) -> Told {
    from(tables().with("authorization", "Bearer a.b.c"), address).of(app).await
}

#[track_caller]
fn wait(told: &Told, code: &str, seconds: &str) {
    told.refused(429, "LimitExceeded", code);
    assert_eq!(told.header("retry-after"), seconds);
}

const HERE: &str = "192.0.2.1:1000";
const THERE: &str = "192.0.2.2:1000";

#[tokio::test]
async fn atk14_too_much_that_fails_from_one_address_is_not_looked_at() {
    let new = ApiKey::generate([7; 32]);
    let bot = ApiKey::new("bot", &new.digest).unwrap();
    // Three at once, one more every two seconds.
    let access = Access::default().with_failures(RateLimit::new(3, 30));
    let access = access.with_api_keys(ApiKeys::new([bot]).unwrap());
    let (app, clock) = app_with(verifier(), access).await;
    // What is right costs nothing, nor does a request that carries nothing.
    for _ in 0..5 {
        assert_eq!(from(tables().bearing("ana"), HERE).of(&app).await.status, 200);
        nobody(&from(tables(), HERE).of(&app).await);
    }
    for _ in 0..3 {
        nobody(&bad(&app, HERE).await);
    }
    wait(&bad(&app, HERE).await, "A0301", "2");
    wait(&bad(&app, "192.0.2.1:2000").await, "A0301", "2");
    // Not even a right token is looked at from there; a session or a key still counts.
    wait(&from(tables().bearing("ana"), HERE).of(&app).await, "A0301", "2");
    let key = from(tables().with("x-api-key", &new.word), HERE).of(&app).await;
    assert_eq!(key.status, 200);
    wait(&from(tables().with("x-api-key", "x"), HERE).of(&app).await, "A0301", "2");
    let session = from(tables().with("x-metabase-session", "x"), HERE).of(&app).await;
    wait(&session, "A0301", "2");
    let mut exchange = post(format!(r#"{{"jwt":"{}"}}"#, token("ana")));
    *exchange.0.uri_mut() = "/auth/sso".parse().unwrap();
    wait(&from(exchange, HERE).of(&app).await, "A0301", "2");
    // The same person from elsewhere is not locked out, nor is a host that says no address.
    assert_eq!(from(tables().bearing("ana"), THERE).of(&app).await.status, 200);
    assert_eq!(tables().bearing("ana").of(&app).await.status, 200);
    clock.store(NOW + 2, Ordering::SeqCst);
    assert_eq!(from(tables().bearing("ana"), HERE).of(&app).await.status, 200);
    nobody(&bad(&app, HERE).await);
    wait(&bad(&app, HERE).await, "A0301", "2");
}

/// There is nothing wrong with a token for which there is no room: its bearer is told what is told of
/// all that are refused, and it does not count as one of them.
#[tokio::test]
async fn atk12_a_token_without_room_is_no_failure() {
    let once = Verifier::hs256(forge::SECRET).unwrap().once(1);
    let access = Access::default().with_failures(RateLimit::new(1, 1));
    let (app, _) = app_with(once, access).await;
    let with = |jti: &str| {
        let token = Forge::new().and(&format!(r#""jti":"{jti}""#)).token();
        from(tables().with("authorization", &format!("Bearer {token}")), HERE)
    };
    assert_eq!(with("1").of(&app).await.status, 200);
    for further in ["2", "3", "2"] {
        nobody(&with(further).of(&app).await);
    }
    // One that has been used is wrong, and there may be one of these.
    nobody(&with("1").of(&app).await);
    wait(&with("1").of(&app).await, "A0301", "60");
    wait(&with("2").of(&app).await, "A0301", "60");
}

#[tokio::test]
async fn l56_whoever_asks_too_often_waits_and_nobody_else_does() {
    // Four at once, one more every second.
    let access = Access::default().with_requests(RateLimit::new(4, 60));
    let (app, clock) = app_with(verifier(), access).await;
    for _ in 0..4 {
        assert_eq!(tables().bearing("ana").of(&app).await.status, 200);
    }
    let told = tables().bearing("ana").of(&app).await;
    wait(&told, "A0302", "1");
    assert!(!told.text().contains("ana"), "{}", told.text());
    assert_eq!(tables().bearing("wei").of(&app).await.status, 200);
    // A token of other groups is no other person.
    let minter = sandbar::TokenMinter::hs256(super::SECRET).unwrap();
    let other = minter.mint("Ana@Shop.test", &[], &[], NOW).unwrap();
    let ask = tables().with("authorization", &format!("Bearer {other}"));
    wait(&ask.of(&app).await, "A0302", "1");
    // Opening sessions is asking too.
    let mut exchange = post(format!(r#"{{"jwt":"{}"}}"#, token("ana")));
    *exchange.0.uri_mut() = "/auth/sso".parse().unwrap();
    wait(&exchange.of(&app).await, "A0302", "1");
    clock.store(NOW + 1, Ordering::SeqCst);
    assert_eq!(tables().bearing("ana").of(&app).await.status, 200);
    wait(&tables().bearing("ana").of(&app).await, "A0302", "1");
}

/// A person comes by sessions as by tokens, and a service by its key.
#[tokio::test]
async fn l56_sessions_and_keys_are_counted_as_tokens_are() {
    let new = ApiKey::generate([7; 32]);
    let bot = ApiKey::new("bot", &new.digest).unwrap();
    // Three at once, one more every second.
    let access = Access::default().with_requests(RateLimit::new(3, 60));
    let access = access.with_api_keys(ApiKeys::new([bot]).unwrap());
    let (app, clock) = app_with(verifier(), access).await;
    // Opening it is the first.
    let session = session_of(&app, "ana").await;
    let in_session = || tables().with("x-metabase-session", &session);
    for _ in 0..2 {
        assert_eq!(in_session().of(&app).await.status, 200);
    }
    wait(&in_session().of(&app).await, "A0302", "1");
    wait(&tables().bearing("ana").of(&app).await, "A0302", "1");
    let by_key = || tables().with("x-api-key", &new.word);
    for _ in 0..3 {
        assert_eq!(by_key().of(&app).await.status, 200);
    }
    wait(&by_key().of(&app).await, "A0302", "1");
    clock.store(NOW + 1, Ordering::SeqCst);
    for (ask, again) in [(in_session(), in_session()), (by_key(), by_key())] {
        assert_eq!(ask.of(&app).await.status, 200);
        wait(&again.of(&app).await, "A0302", "1");
    }
}

#[test]
fn an_address_is_what_somebody_cannot_change_at_will() {
    let source = |text: &str| Source::new(text.parse::<IpAddr>().unwrap());
    assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
}

#[tokio::test]
async fn a_host_behind_a_proxy_says_the_address() {
    let access = Access::default().with_failures(RateLimit::new(1, 1));
    let (app, _) = app_with(verifier(), access).await;
    let of = |client: &str| {
        let mut ask = from(tables().with("authorization", "Bearer x"), HERE);
        ask.0.extensions_mut().insert(Source::new(client.parse().unwrap()));
        ask
    };
    nobody(&of("198.51.100.1").of(&app).await);
    wait(&of("198.51.100.1").of(&app).await, "A0301", "60");
    nobody(&of("198.51.100.2").of(&app).await);
    // The proxy itself has not failed yet.
    nobody(&bad(&app, HERE).await);
}

/// Whoever could say by himself where he comes from would have as many addresses as he likes.
#[tokio::test]
async fn atk14_no_header_says_the_address() {
    let access = Access::default().with_failures(RateLimit::new(1, 1));
    let (app, _) = app_with(verifier(), access).await;
    nobody(&bad(&app, HERE).await);
    for (name, value) in [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "198.51.100.2, 192.0.2.1"),
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
        ("x-client-ip", "198.51.100.1"),
        ("true-client-ip", "198.51.100.1"),
    ] {
        let ask = tables().with("authorization", "Bearer a.b.c").with(name, value);
        wait(&from(ask, HERE).of(&app).await, "A0301", "60");
    }
    // Nor does a header lock others out.
    let other = tables().with("authorization", "Bearer a.b.c");
    nobody(&from(other.with("x-forwarded-for", "192.0.2.1"), THERE).of(&app).await);
}

/// Four rows an hour are one every quarter. Six are given to their end: after three quarters there is
/// one again.
#[tokio::test]
async fn e0312_whoever_was_given_his_rows_is_told_when_there_are_more() {
    let app = crate::router(shop().rows_per_hour(4).build().await.unwrap());
    let in_time = |seconds: u64| (2_640..=2_700).contains(&seconds);
    let to = |path: &str, body: &str| {
        let mut ask = post(body.to_owned());
        *ask.0.uri_mut() = format!("/api/agent{path}").parse().unwrap();
        ask
    };
    let six = r#"{"table":"products","fields":["id"],"limit":6}"#;
    let theirs = r#"{"table_id":2}"#;
    assert_eq!(to("/query", six).bearing("ana").of(&app).await.status, 200);
    for ask in [
        to("/query", six),
        to("/query", theirs),
        to("/query", six).with("accept", "text/csv"),
        to("/v1/query", theirs),
        get("/api/agent/tables/products/fields/vendor/values"),
        get("/api/agent/v1/table/2/field/vendor/values"),
    ] {
        let path = ask.0.uri().to_string();
        let told = ask.bearing("ana").of(&app).await;
        assert_eq!((told.status.as_u16(), told.header("x-sandbar-code")), (429, "E0312"), "{path}");
        assert!(in_time(told.header("retry-after").parse().unwrap()), "{path}: {:?}", told.headers);
    }
    // A question of a batch has it beside its status, since it has no headers.
    let told = to("/batch", &format!(r#"{{"queries":[{six},7]}}"#)).bearing("ana").of(&app).await;
    assert_eq!((told.status.as_u16(), told.header("retry-after")), (200, ""));
    let results = told.json()["results"].clone();
    assert_eq!(
        (&results[0]["status"], &results[0]["body"]["code"]),
        (&json!(429), &json!("E0312"))
    );
    assert!(in_time(results[0]["retry_after"].as_u64().unwrap()), "{results}");
    assert_eq!(
        (&results[1]["status"], results[1].get("retry_after")),
        (&json!(400), None::<&Value>)
    );
    assert_eq!(to("/query", six).bearing("wei").of(&app).await.status, 200);
}

#[tokio::test]
async fn e0302_e0303_e0311_what_one_question_may_use_is_told_as_422() {
    let list = r#"{"table":"orders","fields":["id"]}"#;
    let heavy = r#"{"table":"orders","group_by":["id"],"aggregations":[
        {"function":"count_distinct","field":"user_id"},{"function":"median","field":"total"}]}"#;
    let limits = Limits::default;
    for (limits, body, code) in [
        (limits().with_time(Some(Duration::from_millis(1))), heavy, "E0302"),
        (limits().with_memory(64 << 10).with_time(None), heavy, "E0303"),
        (limits().with_bytes(1), list, "E0311"),
    ] {
        let app = crate::router(shop().limits(limits).build().await.unwrap());
        let told = post(body).bearing("ana").of(&app).await;
        told.refused(422, "LimitExceeded", code);
        assert_eq!(told.header("retry-after"), "");
    }
}
