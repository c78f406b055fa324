//! The verifiers that tokens are given to, as hosts configure them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandbar_auth::{Algorithm, KeySet, People, Person, Verifier, VerifyingKey};
use sandbar_testkit::forge::{SECRET, pem};

/// A secret of enough bytes for every HMAC; [`SECRET`] is the start of it.
pub(crate) const LONG_SECRET: &str =
    "6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2c3b4d5e6978f8a9b0c1d2e3f405162738495a6b7";
/// A good secret that is nobody's here.
pub(crate) const OTHER_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub(crate) const ISSUER: &str = "https://shop.test";
pub(crate) const AUDIENCE: &str = "reports";

/// A verifier by what it is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    /// HS256, and the rules that hold when nothing is said.
    Plain,
    /// One key of one algorithm, without an id.
    Key(&'static str),
    /// Keys with ids, among them two secrets in rotation.
    Ring,
    /// The issuer is required.
    Issuer,
    /// The audience is required.
    Audience,
    /// The type `shop+jwt` is required.
    Typed,
    /// The claims `exp`, `jti` and `tenant` are required.
    Required,
    /// Tokens of a minute, and no skew.
    Strict,
    /// Tokens of an hour, a minute of skew, lifetimes of two hours.
    Lenient,
    /// Each token once; three are remembered.
    Once,
    /// `ana@shop.test` is known, `vic@shop.test` is known and out.
    Known,
    /// Other names of claims, and attributes from claims.
    Renamed,
}

/// The algorithms that have a door of their own.
pub(crate) const KEYED: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "EdDSA",
];

/// The file with the public key for an algorithm.
pub(crate) fn file(algorithm: &str) -> &'static str {
    match algorithm {
        "ES256" => "p256",
        "ES384" => "p384",
        "EdDSA" => "ed25519",
        _ => "rsa2048",
    }
}

fn key(name: &str) -> VerifyingKey {
    let algorithm = Algorithm::named(name).unwrap();
    match name {
        "HS256" => VerifyingKey::shared(algorithm, SECRET).unwrap(),
        "HS384" | "HS512" => VerifyingKey::shared(algorithm, LONG_SECRET).unwrap(),
        _ => VerifyingKey::pem(&pem(file(name)), Some(algorithm)).unwrap(),
    }
}

pub(crate) fn doors() -> BTreeMap<Door, Verifier> {
    let plain = || Verifier::hs256(SECRET).unwrap();
    let named = |name: &str, id: &str| key(name).id(id).unwrap();
    let old = VerifyingKey::shared(Algorithm::Hs256, OTHER_SECRET).unwrap().id("old").unwrap();
    let ring = KeySet::new([
        named("HS256", "hs"),
        old,
        named("ES256", "es"),
        named("EdDSA", "ed"),
        named("RS256", "rs"),
        named("PS256", "ps"),
    ]);
    let person = |email: &str| Person::new(email).unwrap();
    let people = People::new([person("Ana@shop.test"), person("vic@shop.test").inactive()]);
    let mut doors: BTreeMap<Door, Verifier> = [
        (Door::Plain, plain()),
        (Door::Ring, Verifier::with_keys(ring.unwrap())),
        (Door::Issuer, plain().issuer(ISSUER)),
        (Door::Audience, plain().audience(AUDIENCE)),
        (Door::Typed, plain().token_type("shop+jwt")),
        (Door::Required, plain().require_claim("exp").require_claim("jti").require_claim("tenant")),
        (Door::Strict, plain().max_age(60).clock_skew(0).max_lifetime(60)),
        (Door::Lenient, plain().max_age(3_600).clock_skew(60).max_lifetime(7_200)),
        (Door::Once, plain().once(3)),
        (Door::Known, plain().known_people(Arc::new(people.unwrap()))),
        (
            Door::Renamed,
            plain()
                .email_claim("mail")
                .groups_claim("roles")
                .attributes_claim("facts")
                .scope_claim("may")
                .attribute_from_claim("tenant_id", "tenant"),
        ),
    ]
    .into_iter()
    .collect();
    doors.extend(KEYED.map(|name| (Door::Key(name), Verifier::with_keys(key(name)))));
    doors
}
