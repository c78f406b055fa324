//! Tokens for those who hold the secret: the command line, examples and tests.

use std::fmt;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::attribute::AttributeValue;
use crate::secret::{SecretError, check_secret};

/// Makes tokens that a [`Verifier`](crate::Verifier) with the same secret accepts.
#[derive(Clone)]
pub struct TokenMinter {
    key: EncodingKey,
}

impl fmt::Debug for TokenMinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMinter").finish_non_exhaustive()
    }
}

impl TokenMinter {
    /// A minter for HMAC-SHA-256 with this shared secret.
    ///
    /// # Errors
    /// A secret that no verifier would take.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        check_secret(secret.as_ref())?;
        Ok(Self { key: EncodingKey::from_secret(secret.as_ref()) })
    }

    /// A token issued at `now` (seconds since 1970-01-01T00:00:00Z).
    ///
    /// # Errors
    /// None in practice: only if the HMAC cannot be computed.
    pub fn mint(
        &self,
        email: &str,
        groups: &[&str],
        attributes: &[(&str, AttributeValue)],
        now: u64,
    ) -> Result<String, SecretError> {
        let mut claims = json!({ "iat": now, "email": email });
        if !groups.is_empty() {
            claims["groups"] = json!(groups);
        }
        if !attributes.is_empty() {
            let map: Map<String, Value> =
                attributes.iter().map(|(name, v)| ((*name).to_owned(), v.to_json())).collect();
            claims["attributes"] = Value::Object(map);
        }
        self.sign(r#"{"alg":"HS256","typ":"JWT"}"#.as_bytes(), claims.to_string().as_bytes())
    }

    pub(crate) fn sign(&self, header: &[u8], claims: &[u8]) -> Result<String, SecretError> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(header), encode(claims));
        let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::HS256, &self.key)
            .map_err(|_| SecretError::TooShort)?;
        let signature = signer.try_sign(message.as_bytes()).map_err(|_| SecretError::TooShort)?;
        Ok(format!("{message}.{}", encode(&signature)))
    }
}
