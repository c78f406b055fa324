//! What the tests of several files share: one secret, one instant, tokens of arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use serde_json::{Map, Value};

use crate::{Algorithm, TokenMinter, TokenRefusal, Verifier};

pub(crate) const SECRET: &[u8] = b"6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2";
pub(crate) const NOW: u64 = 1_782_864_000;
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
pub(crate) const CLAIMS: &str = r#"{"iat":1782864000,"email":"ana@shop.test"}"#;

/// A rightly signed token, whatever header and claims say.
pub(crate) fn sign(header: &str, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(claims));
    TokenMinter::hs256(SECRET).unwrap().sign_message(message).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::hs256(SECRET).unwrap()
}

#[track_caller]
pub(crate) fn check_token(verifier: &Verifier, token: &str, expected: Result<(), TokenRefusal>) {
    let found = verifier.verify(token, NOW);
    assert_eq!(found.as_ref().map(|_| ()).map_err(|e| e.reason()), expected, "{token:.200}");
    if let Err(error) = found {
        assert_eq!(error.to_string(), "invalid or expired token");
    }
}

/// A public key of fixtures/tokens/keys, in PEM.
pub(crate) fn pem(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tokens/keys");
    std::fs::read_to_string(format!("{folder}/{name}.pem")).unwrap()
}

/// The same as a JWK.
pub(crate) fn jwk(name: &str) -> Map<String, Value> {
    let all = include_str!("../../../fixtures/tokens/keys/jwk.json");
    let all: Map<String, Value> = serde_json::from_str(all).unwrap();
    all[name].as_object().unwrap().clone()
}

/// The tokens that another library has signed, by algorithm; all are issued at [`NOW`].
pub(crate) fn signed_elsewhere() -> Vec<(Algorithm, String)> {
    let all = include_str!("../../../fixtures/tokens/signed.json");
    let all: Map<String, Value> = serde_json::from_str(all).unwrap();
    let token = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|(name, value)| (Algorithm::named(name).unwrap(), token(value))).collect()
}
