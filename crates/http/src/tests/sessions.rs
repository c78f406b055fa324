//! Sessions and API keys, and what a request may carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::http::Method;
use sandbar::{
    ApiKey, ApiKeys, Directory, People, Person, RateLimit, Scopes, Sessions, TokenMinter, Verifier,
};
use sandbar_testkit::forge::{self, Forge};
use serde_json::{Value, json};

use super::{Ask, NOW, SECRET, Told, app, get, post, shop, token, token_with};
use crate::{Access, router_with};

pub(super) const NOBODY: &str = r#"{"error":"Unauthenticated","message":"a valid bearer token is needed","code":"E0101","status":401,"type":"urn:sandbar:E0101","title":"Not let in","detail":"a valid bearer token is needed"}"#;

/// A clock that is set, in seconds.
pub(super) type Clock = Arc<AtomicU64>;

/// The shop with a clock that is set.
pub(super) async fn app_with(verifier: Verifier, access: Access) -> (Router, Clock) {
    let clock: Clock = Arc::new(AtomicU64::new(NOW));
    let read = Arc::clone(&clock);
    let now = move || UNIX_EPOCH + Duration::from_secs(read.load(Ordering::SeqCst));
    let engine = shop().verifier(verifier).clock(now).build().await.unwrap();
    (router_with(engine, Arc::new(access)), clock)
}

pub(super) fn verifier() -> Verifier {
    Verifier::hs256(SECRET).unwrap()
}

fn send(path: &str, body: &str) -> Ask {
    let mut ask = post(body.to_owned());
    *ask.0.uri_mut() = path.parse().unwrap();
    ask
}

fn exchange(token: &str) -> Ask {
    send("/auth/sso/to_session", &json!({ "jwt": token }).to_string())
}

pub(super) async fn session_of(app: &Router, name: &str) -> String {
    let told = exchange(&token(name)).of(app).await;
    assert_eq!(told.status, 200, "{}", told.text());
    told.json()["session_token"].as_str().unwrap().to_owned()
}

pub(super) fn tables() -> Ask {
    get("/api/agent/tables")
}

fn end() -> Ask {
    let mut ask = get("/api/session");
    *ask.0.method_mut() = Method::DELETE;
    ask
}

#[track_caller]
pub(super) fn nobody(told: &Told) {
    assert_eq!((told.status.as_u16(), told.text()), (401, NOBODY));
}

/// The names of the tables that somebody sees.
fn seen(told: &Told) -> Vec<String> {
    let tables = told.json()["tables"].as_array().unwrap().clone();
    tables.iter().map(|table| table["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_opens_a_session_which_is_its_bearer_for_a_while() {
    let access = Access::default().with_sessions(Sessions::new(3_600));
    let (app, clock) = app_with(verifier(), access).await;
    let told = exchange(&token("vic")).of(&app).await;
    let body = told.json();
    let word = body["session_token"].as_str().unwrap().to_owned();
    assert_eq!(body, json!({ "session_token": word, "exp": NOW + 3_600, "iat": NOW }));
    let other = send("/auth/sso", &json!({ "jwt": token("vic") }).to_string()).of(&app).await;
    let id = other.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(other.json(), json!({ "id": id, "exp": NOW + 3_600, "iat": NOW }));
    assert_ne!(id, word);

    let by_token = seen(&tables().bearing("vic").of(&app).await);
    let ask = || tables().with("x-metabase-session", &word);
    assert_eq!(seen(&ask().of(&app).await), by_token);
    // Long after the token has become too old.
    clock.store(NOW + 3_599, Ordering::SeqCst);
    nobody(&tables().bearing("vic").of(&app).await);
    assert_eq!(seen(&ask().of(&app).await), by_token);
    clock.store(NOW + 3_600, Ordering::SeqCst);
    nobody(&ask().of(&app).await);
}

#[tokio::test]
async fn atk12_a_session_that_was_ended_opens_nothing() {
    let (app, _) = app_with(verifier(), Access::default()).await;
    let (word, other) = (session_of(&app, "ana").await, session_of(&app, "ana").await);
    let with = |ask: Ask, word: &str| ask.with("x-metabase-session", word);
    let told = with(end(), &word).of(&app).await;
    assert_eq!((told.status.as_u16(), told.text()), (204, ""));
    nobody(&with(tables(), &word).of(&app).await);
    nobody(&with(end(), &word).of(&app).await);
    nobody(&end().of(&app).await);
    nobody(&end().bearing("ana").of(&app).await);
    assert_eq!(with(tables(), &other).of(&app).await.status, 200);
    get("/api/session").of(&app).await.refused(405, "MethodNotAllowed", "H0102");
}

#[tokio::test]
async fn a_session_comes_before_a_token_and_counts_for_nothing_once_it_is_over() {
    let access = Access::default().with_sessions(Sessions::new(100));
    let (app, clock) = app_with(verifier(), access).await;
    let of_ana = seen(&tables().bearing("ana").of(&app).await);
    let of_vic = seen(&tables().bearing("vic").of(&app).await);
    assert_ne!(of_ana, of_vic);
    let vic = session_of(&app, "vic").await;
    let both = |token: &str| {
        let ask = tables().with("x-metabase-session", &vic);
        ask.with("authorization", &format!("Bearer {token}"))
    };
    assert_eq!(seen(&both(&token("ana")).of(&app).await), of_vic);
    assert_eq!(seen(&both("nonsense").of(&app).await), of_vic);
    clock.store(NOW + 100, Ordering::SeqCst);
    assert_eq!(seen(&both(&token("ana")).of(&app).await), of_ana);
    nobody(&both("nonsense").of(&app).await);
}

#[tokio::test]
async fn atk14_whatever_opens_no_session_is_told_the_same() {
    let people = People::new([Person::new("vic@partner.test").unwrap().inactive()]).unwrap();
    let known = verifier().known_people(Arc::new(people) as Arc<dyn Directory>);
    let (app, _) = app_with(known, Access::default()).await;
    let other = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let bad = [
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        "sbs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        token_with(other, "ana", NOW),
        token_with(SECRET, "ana", NOW - 180),
        token_with(SECRET, "ana", NOW + 180),
        // Nobody of the list, and somebody who is out.
        token("ana"),
        token("vic"),
    ];
    let invalid = json!({ "status": "error-jwt-invalid", "error": "Unauthenticated",
        "message": "a valid token is needed", "code": "E0101", "type": "urn:sandbar:E0101",
        "title": "Not let in", "detail": "a valid token is needed" });
    for token in &bad {
        for path in ["/auth/sso", "/auth/sso/to_session"] {
            let told = send(path, &json!({ "jwt": token }).to_string()).of(&app).await;
            assert_eq!((told.status.as_u16(), told.json()), (401, invalid.clone()), "{token}");
            assert_eq!(told.header("x-sandbar-code"), "E0101");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_exchange_says_what_one_is() {
    let app = app().await;
    let jwt = token("ana");
    let twice = format!(r#"{{"jwt":"{jwt}","jwt":"{jwt}"}}"#);
    let more = format!(r#"{{"jwt":"{jwt}","return_to":"/"}}"#);
    for body in
        ["", "{}", "[]", "null", r#"{"jwt":""}"#, r#"{"jwt":" "}"#, r#"{"jwt":1}"#, &twice, &more]
    {
        let told = send("/auth/sso/to_session", body).of(&app).await;
        let json = told.json();
        assert_eq!((told.status.as_u16(), &json["status"]), (400, &json!("error-jwt-missing")));
        assert_eq!(json["errors"], json!({ "jwt": "value must be a non-blank string." }));
        assert_eq!(told.header("x-sandbar-code"), "H0107");
    }
    let plain = exchange(&jwt).with("content-type", "text/plain").of(&app).await;
    plain.refused(415, "UnsupportedMediaType", "H0103");
    let latin = exchange(&jwt).with("content-type", "application/json; charset=latin1");
    latin.of(&app).await.refused(415, "UnsupportedMediaType", "H0103");
    let packed = exchange(&jwt).with("content-encoding", "gzip").of(&app).await;
    packed.refused(415, "UnsupportedMediaType", "H0103");
    let padded = |length: usize| {
        let mut body = json!({ "jwt": jwt }).to_string();
        body.push_str(&" ".repeat(length - body.len()));
        send("/auth/sso/to_session", &body)
    };
    assert_eq!(padded(16 << 10).of(&app).await.status, 200);
    padded((16 << 10) + 1).of(&app).await.refused(413, "PayloadTooLarge", "H0105");
    let parameter = send("/auth/sso?jwt=x", &json!({ "jwt": jwt }).to_string());
    parameter.of(&app).await.refused(400, "InvalidRequest", "H0106");
    let none = crate::router(sandbar_testkit::shop().build().await.unwrap());
    let told = exchange(&jwt).of(&none).await;
    assert_eq!((told.status.as_u16(), &told.json()["status"]), (400, &json!("error-jwt-disabled")));
    assert_eq!(told.header("x-sandbar-code"), "E0102");
}

#[tokio::test]
async fn atk7_no_more_sessions_are_opened_than_there_may_be() {
    let access = Access::default().with_sessions(Sessions::new(100).at_most(2));
    let (app, clock) = app_with(verifier(), access).await;
    let ana = session_of(&app, "ana").await;
    session_of(&app, "wei").await;
    let told = exchange(&token("vic")).of(&app).await;
    told.refused(429, "LimitExceeded", "A0303");
    assert_eq!(told.header("retry-after"), "60");
    assert_eq!(tables().with("x-metabase-session", &ana).of(&app).await.status, 200);
    clock.store(NOW + 101, Ordering::SeqCst);
    session_of(&app, "vic").await;
}

#[tokio::test]
async fn l58_a_session_may_be_used_for_no_more_than_its_token() {
    let (app, _) = app_with(verifier(), Access::default()).await;
    let minter = TokenMinter::hs256(SECRET).unwrap().scoped(Scopes::parse("agent:search").unwrap());
    let scoped = minter.mint("ana@shop.test", &["analysts"], &[], NOW).unwrap();
    let word =
        exchange(&scoped).of(&app).await.json()["session_token"].as_str().unwrap().to_owned();
    tables().with("x-metabase-session", &word).of(&app).await.refused(403, "Denied", "E0103");
    let told = get("/api/agent/search?q=orders").with("x-metabase-session", &word).of(&app).await;
    assert_eq!(told.status, 200);
}

/// A token for one use is used up by its bearer, and by nobody who is not let in.
#[tokio::test]
async fn atk12_a_token_for_one_use_opens_one_session() {
    let people = Arc::new(People::default());
    let once = Verifier::hs256(forge::SECRET).unwrap().once(1);
    let known = once.known_people(Arc::clone(&people) as Arc<dyn Directory>);
    let (app, _) = app_with(known, Access::default()).await;
    let token = |jti: &str| Forge::new().and(&format!(r#""jti":"{jti}""#)).token();
    let bearing = |jti: &str| tables().with("authorization", &format!("Bearer {}", token(jti)));
    // Nobody is known yet.
    for jti in ["1", "2"] {
        assert_eq!(exchange(&token(jti)).of(&app).await.status, 401);
        nobody(&bearing(jti).of(&app).await);
    }
    people.replace(People::new([Person::new("ana@shop.test").unwrap()]).unwrap());
    let told = exchange(&token("1")).of(&app).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let word = told.json()["session_token"].as_str().unwrap().to_owned();
    // It has been used, and for another one there is no room.
    for jti in ["1", "2"] {
        assert_eq!(exchange(&token(jti)).of(&app).await.status, 401);
        nobody(&bearing(jti).of(&app).await);
    }
    for _ in 0..2 {
        assert_eq!(tables().with("x-metabase-session", &word).of(&app).await.status, 200);
    }
}

#[tokio::test]
async fn l43_whoever_is_taken_out_is_out_at_his_next_request() {
    let people = Arc::new(People::new([Person::new("ana@shop.test").unwrap()]).unwrap());
    let known = verifier().known_people(Arc::clone(&people) as Arc<dyn Directory>);
    let (app, _) = app_with(known, Access::default()).await;
    let word = session_of(&app, "ana").await;
    let ask = || tables().with("x-metabase-session", &word);
    assert_eq!(ask().of(&app).await.status, 200);
    people.replace(People::default());
    nobody(&ask().of(&app).await);
    nobody(&tables().bearing("ana").of(&app).await);
}

/// Pages outlive the token that asked for the first of them, and its session, but do not stand for
/// either.
#[tokio::test]
async fn l44_who_is_over_begins_no_next_page() {
    let access = Access::default().with_sessions(Sessions::new(100));
    let (app, clock) = app_with(verifier(), access).await;
    let word = session_of(&app, "ana").await;
    let in_session = |ask: Ask| ask.with("x-metabase-session", &word);
    let question = r#"{"table":"products","fields":["id"]}"#;
    let first = || send("/api/agent/query?page_size=2", question);
    let page = |told: &Told| {
        let token = told.json()["continuation_token"].as_str().unwrap().to_owned();
        move || send("/api/agent/query", &json!({ "continuation_token": token }).to_string())
    };
    let by_token = page(&first().bearing("ana").of(&app).await);
    let by_session = page(&in_session(first()).of(&app).await);
    clock.store(NOW + 99, Ordering::SeqCst);
    assert_eq!(by_token().bearing("ana").of(&app).await.status, 200);
    assert_eq!(in_session(by_session()).of(&app).await.status, 200);
    clock.store(NOW + 100, Ordering::SeqCst);
    nobody(&in_session(by_session()).of(&app).await);
    clock.store(NOW + 180, Ordering::SeqCst);
    nobody(&by_token().bearing("ana").of(&app).await);
    nobody(&by_token().of(&app).await);
    // The pages are still there, for whoever shows anew that he is their asker.
    for next in [by_token(), by_session()] {
        let bearer = format!("Bearer {}", token_with(SECRET, "ana", NOW + 180));
        let told = next.with("authorization", &bearer).of(&app).await;
        assert_eq!((told.status.as_u16(), &told.json()["row_count"]), (200, &json!(2)));
    }
}

fn service() -> (ApiKeys, String) {
    let new = ApiKey::generate([7; 32]);
    let bot = ApiKey::new("bot", &new.digest).unwrap().group("analysts").unwrap();
    (ApiKeys::new([bot.ends(NOW + 1_000)]).unwrap(), new.word)
}

#[tokio::test]
async fn a_service_asks_with_its_key() {
    let (keys, word) = service();
    let (app, clock) = app_with(verifier(), Access::default().with_api_keys(keys)).await;
    let ask = || tables().with("x-api-key", &word);
    let of_ana = seen(&tables().bearing("ana").of(&app).await);
    assert_eq!(seen(&ask().of(&app).await), of_ana, "both are analysts");
    // A key that is wrong is not made right by a token.
    nobody(&tables().with("x-api-key", "sbk_x").bearing("ana").of(&app).await);
    clock.store(NOW + 999, Ordering::SeqCst);
    assert_eq!(ask().of(&app).await.status, 200);
    clock.store(NOW + 1_000, Ordering::SeqCst);
    nobody(&ask().of(&app).await);
}

/// Each kind of credential in each place: only its own counts.
#[tokio::test]
async fn jwt13_one_kind_is_not_taken_for_another() {
    let (keys, key) = service();
    let (app, _) = app_with(verifier(), Access::default().with_api_keys(keys)).await;
    let session = session_of(&app, "ana").await;
    let kinds =
        [("authorization", token("ana")), ("x-metabase-session", session), ("x-api-key", key)];
    for (own, word) in &kinds {
        for (place, _) in &kinds {
            let said =
                if *place == "authorization" { format!("Bearer {word}") } else { word.clone() };
            let told = tables().with(place, &said).of(&app).await;
            if place == own {
                assert_eq!(told.status, 200, "{own}");
            } else {
                nobody(&told);
            }
        }
    }
    // Nor does a session or a key open a session.
    for (_, word) in &kinds[1..] {
        assert_eq!(exchange(word).of(&app).await.status, 401);
    }
}

#[tokio::test]
async fn atk16_what_is_said_twice_or_unclearly_is_nothing() {
    let (keys, key) = service();
    let access = Access::default().with_api_keys(keys).with_failures(RateLimit::new(1_000, 1));
    let (app, _) = app_with(verifier(), access).await;
    let (session, good) = (session_of(&app, "ana").await, token("ana"));
    let twice = |name: &'static str, first: &str, second: &str| {
        let mut ask = tables().with(name, first);
        ask.0.headers_mut().append(name, second.parse().unwrap());
        ask
    };
    let bearer = format!("Bearer {good}");
    for ask in [
        twice("authorization", &bearer, &bearer),
        twice("authorization", &bearer, "Bearer x"),
        twice("authorization", "Basic YTpi", &bearer),
        twice("x-metabase-session", &session, &session),
        twice("x-metabase-session", &session, "x"),
        twice("x-metabase-session", "x", "y").bearing("ana"),
        twice("x-api-key", &key, &key),
        twice("x-api-key", &key, "x").bearing("ana"),
    ] {
        nobody(&ask.of(&app).await);
    }
    for value in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer\t",
        "bearer",
        "Token x",
        "Basic YTpi",
        "Negotiate x",
        "Digest x",
    ] {
        nobody(&tables().with("authorization", value).of(&app).await);
    }
    for value in [
        good.clone(),
        format!("Bearer\t{good}"),
        format!("Bearer:{good}"),
        format!("Bearer={good}"),
        format!("Bearer {good},"),
        format!("Bearer {good}, Bearer {good}"),
        format!("Bearer {good} {good}"),
        format!("Bearer {good};"),
        format!("Bearer \"{good}\""),
        format!("Bearer Bearer {good}"),
        format!("Bearer {good}\tx"),
        format!("JWT {good}"),
        format!("Bearerx {good}"),
        format!("{good} Bearer"),
    ] {
        nobody(&tables().with("authorization", &value).of(&app).await);
    }
    for value in [format!("bearer {good}"), format!("BEARER {good}"), format!("Bearer  {good}")] {
        assert_eq!(tables().with("authorization", &value).of(&app).await.status, 200, "{value}");
    }
    let mut bytes = tables();
    let value = [bearer.as_bytes(), &[0xe9]].concat();
    bytes.0.headers_mut().insert("authorization", value.as_slice().try_into().unwrap());
    nobody(&bytes.of(&app).await);
    // Neither the address nor a cookie says who asks.
    for path in
        [format!("?jwt={good}"), format!("?access_token={good}"), format!("?session={session}")]
    {
        nobody(&get(&format!("/api/agent/tables{path}")).of(&app).await);
    }
    for name in ["cookie", "x-jwt", "x-auth-token", "x-metabase-session-id", "proxy-authorization"]
    {
        nobody(&tables().with(name, &format!("metabase.SESSION={session}")).of(&app).await);
    }
}

#[tokio::test]
async fn what_a_token_says_counts_for_its_request() {
    let (app, _) = app_with(verifier(), Access::default()).await;
    let minter = TokenMinter::hs256(SECRET).unwrap();
    let with = |groups: &[&str]| {
        let token = minter.mint("zoe@shop.test", groups, &[], NOW).unwrap();
        tables().with("authorization", &format!("Bearer {token}"))
    };
    assert_eq!(seen(&with(&[]).of(&app).await), Vec::<String>::new());
    assert!(!seen(&with(&["analysts"]).of(&app).await).is_empty());
    assert_eq!(seen(&with(&[]).of(&app).await), Vec::<String>::new());
    let value: Value = with(&[]).of(&app).await.json();
    assert_eq!(value, json!({ "tables": [], "metrics": [] }));
}
