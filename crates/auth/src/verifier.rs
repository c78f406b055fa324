//! From the bytes of a token to a principal, refusing whatever is not exactly right.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::claims::Rules;
use crate::principal::Principal;
use crate::secret::{SecretError, check_secret};
use crate::strict_json;
use crate::token_error::{TokenError, TokenRefusal};

const MAX_TOKEN: usize = 8 * 1024;

/// Header members that would choose a key or change the format (JWT7, JWT11, JWT15).
const REFUSED_HEADERS: [&str; 9] =
    ["crit", "jku", "jwk", "x5u", "x5c", "enc", "zip", "p2c", "b64"];

/// Verifies tokens: one key, one algorithm (HS256).
///
/// Required: `iat` (a whole number, younger than 180 s unless configured otherwise) and the e-mail
/// claim. Honoured if present: `exp`, `nbf`. The secret is never shown.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
    rules: Rules,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier for tokens signed with HMAC-SHA-256 and this shared secret, used as raw bytes.
    ///
    /// # Errors
    /// A secret that is weak or was never one (JWT6).
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let secret = secret.as_ref();
        check_secret(secret)?;
        let rules = Rules {
            max_age: 180,
            skew: 5,
            max_lifetime: 24 * 3600,
            issuer: None,
            audience: None,
            email_claim: "email".to_owned(),
            groups_claim: "groups".to_owned(),
            attributes_claim: "attributes".to_owned(),
            attribute_claims: BTreeMap::new(),
        };
        Ok(Self { key: DecodingKey::from_secret(secret), rules })
    }

    /// Tokens must be younger than this many seconds (at most a day).
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.rules.max_age = seconds.min(24 * 3600);
        self
    }

    /// How many seconds `iat` and `nbf` may lie in the future (at most 60).
    #[must_use]
    pub fn clock_skew(mut self, seconds: u64) -> Self {
        self.rules.skew = seconds.min(60);
        self
    }

    /// The issuer is then required, and exactly this.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.rules.issuer = Some(issuer.to_owned());
        self
    }

    /// The audience is then required, and contains exactly this.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.rules.audience = Some(audience.to_owned());
        self
    }

    /// The claim that holds the e-mail address (`email` by default).
    #[must_use]
    pub fn email_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.email_claim);
        self
    }

    /// The claim that holds the list of groups (`groups` by default).
    #[must_use]
    pub fn groups_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.groups_claim);
        self
    }

    /// The claim that holds the attributes as an object (`attributes` by default).
    #[must_use]
    pub fn attributes_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.attributes_claim);
        self
    }

    /// Also takes one top-level claim as an attribute.
    #[must_use]
    pub fn attribute_from_claim(mut self, claim: &str, attribute: &str) -> Self {
        self.rules.attribute_claims.insert(claim.to_owned(), attribute.to_owned());
        self
    }

    /// The principal of a token.
    ///
    /// `now` is in seconds since 1970-01-01T00:00:00Z. The signature is checked before any claim
    /// is looked at.
    ///
    /// # Errors
    /// One opaque error for every reason; [`TokenError::refusal`] is for the operator.
    pub fn verify(&self, token: &str, now: u64) -> Result<Principal, TokenError> {
        let claims = self.claims(token)?;
        Ok(self.rules.principal(&claims, now)?)
    }

    fn claims(&self, token: &str) -> Result<Map<String, Value>, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::TooLarge);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !token.bytes().all(allowed) {
            return Err(TokenRefusal::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;
        if payload.contains('.') {
            return Err(TokenRefusal::Malformed);
        }
        check_header(&part(header)?)?;
        let signature =
            URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenRefusal::Malformed)?;
        let hmac = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::HS256, &self.key)
            .map_err(|_| TokenRefusal::Signature)?;
        hmac.verify(message.as_bytes(), &signature).map_err(|_| TokenRefusal::Signature)?;
        part(payload)
    }
}

/// Strict base64url (no padding, canonical last character), then a strict JSON object.
fn part(text: &str) -> Result<Map<String, Value>, TokenRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Malformed)?;
    strict_json::object(&bytes)
}

fn check_header(header: &Map<String, Value>) -> Result<(), TokenRefusal> {
    if REFUSED_HEADERS.iter().any(|name| header.contains_key(*name)) {
        return Err(TokenRefusal::Header);
    }
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(TokenRefusal::Algorithm);
    }
    let Some(kind) = header.get("typ") else { return Ok(()) };
    let kind = kind.as_str().ok_or(TokenRefusal::WrongType)?.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    if kind == "jwt" { Ok(()) } else { Err(TokenRefusal::WrongType) }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
