//! The doors that read what others have written, each as one function of bytes. It panics where a
//! door does what it must not: where it panics itself, refuses without saying what or where, or
//! tells of a secret. Fuzzers (`fuzz/`) and the tests on stable (`tests/it/fuzzed.rs`) call the same.

mod corpus;
mod mutate;
mod over_http;

use std::error::Error as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use sandbar::{
    Administrator, Engine, Error, KeySet, Model, PolicyCases, Report, SemanticQuery, Session,
    SourceText, TokenMinter, Verifier,
};
use sandbar_shop::{ASKERS, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};
use tokio::runtime::Runtime;

use crate::forge::{Forge, Pen};
use crate::{first_rows, principal};

pub use corpus::{corpus, tokens};
pub use mutate::mutated;
pub use over_http::{body, sealed};

/// What signs the tokens. No text may have it in it.
const SECRET: &str = "6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2";
/// When tokens are verified, in seconds.
const NOW: u64 = 1_782_864_000;
/// What nobody may be told, since only administrators see it.
const CONDITION: &str = "attribute.";

/// A door, by the name of its target.
pub struct Door {
    /// The name of the fuzz target and of the folder of its corpus.
    pub name: &'static str,
    /// What it is given goes through here.
    pub open: fn(&[u8]),
}

/// All doors.
pub const DOORS: [Door; 10] = [
    Door { name: "query", open: query },
    Door { name: "model", open: model },
    Door { name: "policies", open: policies },
    Door { name: "cases", open: cases },
    Door { name: "token", open: token },
    Door { name: "claims", open: claims },
    Door { name: "keys", open: keys },
    Door { name: "people", open: people },
    Door { name: "body", open: body },
    Door { name: "sealed", open: sealed },
];

/// The sample shop without a row, so that planning is all that takes time.
struct World {
    runtime: Runtime,
    engine: Engine,
    /// Of whom the first sees everything, and the last next to nothing.
    sessions: Vec<Session>,
    /// Another one, which is reloaded.
    reloaded: Engine,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("there is a runtime");
        let shop = Shop::generate().expect("the shop can be made");
        let build = || runtime.block_on(first_rows(&shop, 0).build()).expect("the shop is right");
        let (engine, reloaded) = (build(), build());
        let sessions = ASKERS.iter().map(|asker| engine.session(principal(asker))).collect();
        World { runtime, engine, sessions, reloaded }
    })
}

/// What is read as text: bytes that are none are replaced, as doors are given texts.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An error says what is wrong, and every part of it where.
fn check_error(error: &Error) {
    check_code(error.code());
    let told = error.to_string();
    assert!(!told.is_empty(), "{} says nothing", error.code());
    assert!(
        error.code() != "E0900",
        "{told}: {:?}",
        error.source().map(|cause| format!("{cause:?}"))
    );
    check_text(&told);
    for problem in error.problems() {
        check_code(problem.code);
        assert!(!problem.message.is_empty(), "{} says nothing", problem.code);
        check_text(&problem.message);
    }
    if let Some(report) = error.source().and_then(|cause| cause.downcast_ref::<Report>()) {
        check_report(report);
    }
}

fn check_report(report: &Report) {
    for finding in report.findings() {
        let problem = &finding.problem;
        check_code(problem.code);
        assert!(!problem.message.is_empty(), "{} says nothing", problem.code);
        // What is wrong with a file as a whole stands nowhere in it.
        if let Some(file) = &finding.file
            && (problem.place.is_some() || !problem.path.is_empty())
        {
            let place = problem.place.unwrap_or_else(|| panic!("{problem} has no place"));
            let lines = u32::try_from(file.text.lines().count().max(1)).unwrap_or(u32::MAX);
            let within = (1..=lines + 1).contains(&place.line) && place.column >= 1;
            assert!(within, "{problem} stands at {place:?} of {lines} lines");
        }
    }
}

fn check_code(code: &str) {
    let mut bytes = code.bytes();
    let letter = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
    assert!(letter && code.len() == 5 && bytes.all(|b| b.is_ascii_digit()), "`{code}` is no code");
}

fn check_text(text: &str) {
    assert!(!text.contains(SECRET), "the secret is told: {text}");
}

/// A question in JSON, up to the plan.
pub fn query(bytes: &[u8]) {
    let (world, text) = (world(), text(bytes));
    let query = match SemanticQuery::from_json(&text) {
        Ok(query) => query,
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal without a reason");
            problems.iter().for_each(|problem| check_code(problem.code));
            return;
        }
    };
    // Who asks goes by the text, so that one text always means the same.
    let asker = bytes.len() % world.sessions.len().max(1);
    let Some(session) = world.sessions.get(asker) else { return };
    match world.runtime.block_on(session.explain(&query)) {
        Ok(explanation) => check_text(&format!("{explanation:?}")),
        Err(error) => {
            check_error(&error);
            let told = error.to_string();
            let own = text.contains(CONDITION);
            assert!(own || !told.contains(CONDITION), "a policy is told: {told}");
        }
    }
}

/// A file of the model, with the policies of the shop.
pub fn model(bytes: &[u8]) {
    let text = text(bytes);
    let model = Model::new().with_model("fuzzed.yaml", &text);
    // Files of the machine are none of a fuzzer's business.
    let paths = model.definitions.sources();
    if paths.into_iter().any(|(_, def, _)| def.value.path.value.starts_with('/')) {
        return;
    }
    reload(&model.with_policies(POLICIES_NAME, POLICIES));
}

/// A file of policies, with the model of the shop.
pub fn policies(bytes: &[u8]) {
    let world = world();
    let model = Model::new().with_model(MODEL_NAME, MODEL);
    if reload(&model.with_policies("fuzzed.yaml", &text(bytes))) {
        // Whatever they say, they can be applied to anybody.
        for asker in &ASKERS {
            let session = world.reloaded.session(principal(asker));
            let question = SemanticQuery::table("orders").group_by("status");
            if let Err(error) = world.runtime.block_on(session.explain(&question)) {
                check_error(&error);
            }
        }
        let administrator = Administrator::asserted_by_host();
        if let Err(error) = world.reloaded.policy_coverage_as(&administrator) {
            check_error(&error);
        }
    }
}

fn reload(model: &Model) -> bool {
    let world = world();
    match world.runtime.block_on(world.reloaded.reload(model)) {
        Ok(_) => true,
        Err(error) => {
            check_error(&error);
            let report = error.source().and_then(|cause| cause.downcast_ref::<Report>());
            assert!(report.is_some_and(|r| !r.findings().is_empty()), "no report: {error}");
            false
        }
    }
}

/// A file of cases, over the shop.
pub fn cases(bytes: &[u8]) {
    let world = world();
    let cases = PolicyCases::from_yaml([SourceText::new("fuzzed.yaml", text(bytes))]);
    let administrator = Administrator::asserted_by_host();
    match world.runtime.block_on(world.engine.policy_test_as(&administrator, &cases)) {
        Ok(report) => check_text(&report.to_string()),
        Err(error) => check_error(&error),
    }
}

/// A token: only what the secret has signed is believed.
pub fn token(bytes: &[u8]) {
    let token = text(bytes);
    if let Err(refused) = verified(&token) {
        check_text(&format!("{refused} {refused:?}"));
        return;
    }
    // Bytes of a token that was made, all of them.
    let known = tokens().into_iter().any(|made| made == token);
    assert!(known, "a token is believed that nobody has made: {token}");
}

/// What a rightly signed token says: whatever it is, it is read or refused.
pub fn claims(bytes: &[u8]) {
    let token = signed(r#"{"alg":"HS256","typ":"JWT"}"#.as_bytes(), bytes);
    match verified(&token) {
        Ok(principal) => {
            assert!(!principal.subject().is_empty(), "somebody without a name");
            let session = world().engine.session(principal);
            if let Err(error) = session.tables() {
                check_error(&error);
            }
        }
        Err(refused) => check_text(&format!("{refused} {refused:?}")),
    }
}

/// A text of keys: whatever it is, it makes no public key a secret.
pub fn keys(bytes: &[u8]) {
    let text = text(bytes);
    let stolen = Forge::new().pen(Pen::hs256(&text)).token();
    for algorithm in [None, Some(sandbar::Algorithm::Rs256), Some(sandbar::Algorithm::Hs256)] {
        match KeySet::parse(&text, algorithm) {
            Ok(set) => {
                let refused = Verifier::with_keys(set).verify(&stolen, NOW).is_err();
                assert!(refused, "a token is believed that is signed with the text of a key");
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a refusal without a reason"),
        }
    }
}

/// A file of people.
pub fn people(bytes: &[u8]) {
    if let Err(report) = sandbar::read_people(&SourceText::new("fuzzed.yaml", text(bytes))) {
        assert!(!report.is_empty(), "no reason");
        check_report(&report);
    }
}

fn verified(token: &str) -> Result<sandbar::Principal, sandbar::TokenError> {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    let verifier = VERIFIER.get_or_init(|| Verifier::hs256(SECRET).expect("the secret is strong"));
    verifier.verify(token, NOW)
}

/// A token with the right signature, whatever it says.
fn signed(header: &[u8], claims: &[u8]) -> String {
    let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::HS256, &key).expect("a signer");
    let signature = signer.try_sign(message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Makes tokens as hosts do.
fn minter() -> TokenMinter {
    TokenMinter::hs256(SECRET).expect("the secret is strong")
}
