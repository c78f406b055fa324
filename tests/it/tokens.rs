//! Tokens that attack, each refused for its stated reason, and their twins that are accepted. The
//! ids are those of SECURITY.md. Each case is given to a verifier, which tells the reason inside,
//! and to the HTTP door, where all that are refused get the same bytes.

#![allow(clippy::string_slice, reason = "tests")]

mod doors;
mod forms;
mod headers;
mod people;
mod signatures;
mod statements;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use sandbar::Engine;
use sandbar_auth::{TokenRefusal, Verifier};
use sandbar_testkit::forge::{Forge, NOW};
use tower::ServiceExt;

use doors::{Door, doors};

/// One token, and what must come of it.
pub(crate) struct Case {
    /// The requirement or attack: `jwt1`, `atk17`.
    id: &'static str,
    /// What is tried.
    what: String,
    token: String,
    /// Which verifier it is given to.
    door: Door,
    /// When, in seconds.
    now: u64,
    expected: Result<(), TokenRefusal>,
}

/// Cases of one id.
pub(crate) struct Cases {
    id: &'static str,
    cases: Vec<Case>,
}

impl Cases {
    fn of(id: &'static str) -> Self {
        Self { id, cases: Vec::new() }
    }

    fn case(
        &mut self,
        what: impl Into<String>,
        door: Door,
        token: impl Into<String>,
        expected: Result<(), TokenRefusal>,
    ) {
        let (what, token) = (what.into(), token.into());
        self.cases.push(Case { id: self.id, what, token, door, now: NOW, expected });
    }

    /// A token that is refused for this reason at the plain door.
    fn refused(&mut self, what: impl Into<String>, token: impl Into<String>, why: TokenRefusal) {
        self.case(what, Door::Plain, token, Err(why));
    }

    /// A token that is accepted at the plain door.
    fn accepted(&mut self, what: impl Into<String>, token: impl Into<String>) {
        self.case(what, Door::Plain, token, Ok(()));
    }

    /// What a right token with these claims besides comes to at a door.
    fn claims(&mut self, door: Door, members: &str, expected: Result<(), TokenRefusal>) {
        self.case(members, door, Forge::new().and(members).token(), expected);
    }

    /// The last case at another time.
    fn at(&mut self, now: u64) {
        self.cases.last_mut().unwrap().now = now;
    }
}

/// All cases, those of one id in the order in which they are given.
fn all() -> Vec<Case> {
    let groups = [
        signatures::cases(),
        headers::cases(),
        forms::cases(),
        statements::cases(),
        times::cases(),
        people::cases(),
    ];
    groups.into_iter().flatten().flat_map(|group| group.cases).collect()
}

/// What is told to the bearer of whatever is refused.
const OUTSIDE: &str = "invalid or expired token";

#[test]
fn jwt1_jwt15_atk1_atk17_every_token_is_refused_for_its_reason_or_accepted() {
    let doors = doors();
    let mut wrong = Vec::new();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut accepted: BTreeMap<&str, usize> = BTreeMap::new();
    let all = all();
    for case in &all {
        let found = doors[&case.door].verify(&case.token, case.now);
        let outside = found.as_ref().err().map_or(OUTSIDE.to_owned(), ToString::to_string);
        let found = found.map(|_| ()).map_err(|error| error.reason());
        if found != case.expected || outside != OUTSIDE {
            let Case { id, what, token, door, .. } = case;
            let token: String = token.chars().take(120).collect();
            wrong.push(format!(
                "{id} at {door:?}: {found:?}, not {:?}: {what}: {token}",
                case.expected
            ));
        }
        let counts = if case.expected.is_ok() { &mut accepted } else { &mut refused };
        *counts.entry(case.id).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    let total = |counts: &BTreeMap<&str, usize>| counts.values().sum::<usize>();
    println!("{} refused, {} accepted", total(&refused), total(&accepted));
    let counted = format!("refused {refused:?}\naccepted {accepted:?}");
    assert!(total(&refused) >= 600, "{}: {counted}", total(&refused));
    assert!(total(&accepted) >= 60, "{}: {counted}", total(&accepted));
    // ATK16 is about headers of HTTP: crates/http/src/tests/sessions.rs.
    let ids = (1..=15).map(|n| format!("jwt{n}")).chain((1..=17).map(|n| format!("atk{n}")));
    for id in ids.filter(|id| id != "atk16") {
        let both = refused.get(&*id).min(accepted.get(&*id));
        assert!(both.is_some(), "{id} has no refused token, or no accepted twin: {counted}");
    }
}

#[tokio::test]
async fn atk14_the_bearer_reads_the_same_bytes_for_every_reason() {
    let clock = Arc::new(AtomicU64::new(NOW));
    let mut apps = BTreeMap::new();
    for (door, verifier) in doors() {
        apps.insert(door, app(verifier, &clock).await);
    }
    let (mut told, mut wrong) = (BTreeMap::new(), Vec::new());
    for case in all() {
        clock.store(case.now, Ordering::SeqCst);
        let request = Request::builder().uri("/api/agent/tables").header("x-request-id", "here");
        let request = request.header("authorization", format!("Bearer {}", case.token));
        // What is no header at all reaches no server, and spaces around a token are HTTP's.
        if case.token.trim_matches(' ') != case.token {
            continue;
        }
        let Ok(request) = request.body(Body::empty()) else { continue };
        let response = apps[&case.door].clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), format!("{:?}", response.headers()));
        // A head that is too long is refused before anybody looks at its token (H0112).
        if status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE && case.token.len() > 65_000 {
            continue;
        }
        let body = response.into_body().collect().await.unwrap().to_bytes();
        // Whoever is let in may still not be allowed to list tables, by his scope.
        let refused = status == StatusCode::UNAUTHORIZED;
        if refused == case.expected.is_ok() {
            wrong.push(format!("{} {}: {status}", case.id, case.what));
        }
        if refused {
            told.entry((status, headers, body)).or_insert(case.what);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(told.len(), 1, "{told:#?}");
}

/// The HTTP door over an engine without a table.
async fn app(verifier: Verifier, clock: &Arc<AtomicU64>) -> axum::Router {
    let clock = Arc::clone(clock);
    let now = move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst));
    let engine = Engine::builder().clock(now).verifier(verifier).build().await.unwrap();
    sandbar_http::router(engine)
}
