//! The doors over HTTP: bodies in either language, and what is handed out to be given back.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use sandbar::{Principal, RateLimit};
use sandbar_http::{Access, Options, TokenKey};
use sandbar_shop::{ASKERS, Shop};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::{CONDITION, check_code, check_text, text};
use crate::{first_rows, principal};

/// Where bodies go.
const BODIES: [&str; 5] = ["v1/construct-query", "v1/query", "v1/search", "query", "batch"];

/// The first rows of the sample shop, behind its door.
struct House {
    runtime: Runtime,
    router: Router,
    /// What the first of those who ask was handed out.
    handed_out: Vec<String>,
}

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("there is a runtime");
        let shop = Shop::generate().expect("the shop can be made");
        // More than a page of v1.
        let engine = runtime.block_on(first_rows(&shop, 300).build()).expect("the shop is right");
        let access = Access::default().with_requests(RateLimit::new(u32::MAX, u32::MAX));
        let options = Options::default().access(Arc::new(access)).token_key(TokenKey::new([7; 32]));
        let mut house = House { runtime, router: options.router(engine), handed_out: Vec::new() };
        let ana = ASKERS.first().map(principal).expect("somebody asks");
        let list = json!({ "table_id": 3 });
        let metric = json!({ "metric_id": 101, "limit": 5 });
        for (path, body, member) in [
            ("v1/construct-query", &list, "query"),
            ("v1/construct-query", &metric, "query"),
            ("v1/query", &list, "continuation_token"),
        ] {
            let (status, _, answer) = house.ask(&ana, path, body.to_string().into());
            let answer: Value = serde_json::from_slice(&answer).expect("an answer in JSON");
            let made = answer.get(member).and_then(Value::as_str);
            house.handed_out.push(made.unwrap_or_else(|| panic!("{status} {answer}")).to_owned());
        }
        house
    })
}

impl House {
    /// The status, the code and the body of the answer to somebody.
    fn ask(&self, who: &Principal, path: &str, body: Body) -> (StatusCode, String, Bytes) {
        let request = Request::post(format!("/api/agent/{path}"));
        let request = request.header("content-type", "application/json").body(body);
        let mut request = request.expect("a request");
        request.extensions_mut().insert(who.clone());
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("it never fails");
            let code = response.headers().get("x-sandbar-code");
            let code = code.map_or("", |code| code.to_str().expect("a code")).to_owned();
            let status = response.status();
            let body = response.into_body().collect().await.expect("the answer is whole");
            (status, code, body.to_bytes())
        })
    }
}

/// A refusal has a code and a text; an answer is JSON. Neither tells of a policy.
fn check(asked: &[u8], status: StatusCode, code: &str, told: &[u8]) {
    let told = String::from_utf8(told.to_vec()).expect("a text");
    assert!(!status.is_server_error(), "{status} {code} {told}");
    if status.is_client_error() {
        check_code(code);
        assert!(!told.is_empty(), "{code} says nothing");
    } else {
        assert!(serde_json::from_str::<Value>(&told).is_ok(), "no JSON: {told}");
    }
    check_text(&told);
    let own = text(asked).contains(CONDITION);
    assert!(own || !told.contains(CONDITION), "a policy is told: {told}");
}

/// A body, sent to each address that takes one.
pub fn body(bytes: &[u8]) {
    let house = house();
    // Who asks goes by the body, so that one body always means the same.
    let Some(asker) = ASKERS.get(bytes.len() % ASKERS.len().max(1)) else { return };
    let who = principal(asker);
    for path in BODIES {
        let (status, code, told) = house.ask(&who, path, bytes.to_vec().into());
        check(bytes, status, &code, &told);
    }
}

/// What was handed out to be given back, given back as anything: only what was made is taken, and
/// only from whom it was made for.
pub fn sealed(bytes: &[u8]) {
    let (house, given) = (house(), text(bytes));
    for (asker, own) in ASKERS.iter().zip([true, false]) {
        for (path, member) in [
            ("v1/execute", "query"),
            ("v1/query", "continuation_token"),
            ("query", "continuation_token"),
        ] {
            let body = json!({ member: given }).to_string();
            let (status, code, told) = house.ask(&principal(asker), path, body.into());
            check(bytes, status, &code, &told);
            let taken = status.is_success() && !failed(&told);
            let made = house.handed_out.iter().any(|made| inside(made) == inside(&given));
            assert!(!taken || (own && made), "{path} takes {given}: {told:?}");
        }
    }
}

/// Whether an answer of v1, whose status is always the same, is none.
fn failed(told: &[u8]) -> bool {
    let answer: Result<Value, _> = serde_json::from_slice(told);
    answer.is_ok_and(|answer| answer.get("status").is_some_and(|status| status == "failed"))
}

/// What is in a sealed text, however it is written down.
fn inside(sealed: &str) -> Option<Value> {
    serde_json::from_slice(&STANDARD.decode(sealed).ok()?).ok()
}

/// What fuzzing of [`sealed`] starts from.
pub(super) fn handed_out() -> Vec<Vec<u8>> {
    house().handed_out.iter().map(|made| made.clone().into_bytes()).collect()
}
