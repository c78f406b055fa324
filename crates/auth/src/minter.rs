//! Tokens for those who hold the secret: the command line, examples and tests.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value};

use crate::attribute::AttributeValue;
use crate::compact::MAX_TOKEN;
use crate::principal_builder::{PrincipalError, checked_email, checked_name};
use crate::scopes::Scopes;
use crate::secret::{SecretError, SharedSecret};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Makes tokens that a [`Verifier`](crate::Verifier) with the same secret accepts.
#[derive(Clone)]
pub struct TokenMinter {
    key: EncodingKey,
    scopes: Option<Scopes>,
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The e-mail address or a name would be refused by every verifier.
    #[error(transparent)]
    Identity(#[from] PrincipalError),
    /// An attribute has a value that no policy can use.
    #[error("the attribute `{name}` has an unsupported value: give a scalar or a list of scalars")]
    Unsupported {
        /// The attribute.
        name: String,
    },
    /// The token would be longer than a verifier reads.
    #[error(
        "the token has {length} bytes: at most 8192 are read, so give fewer groups or attributes"
    )]
    TooLarge {
        /// The length in bytes.
        length: usize,
    },
    /// The signature could not be computed.
    #[error("the token could not be signed")]
    Signing,
}

impl TokenMinter {
    /// A minter for HMAC-SHA-256 with this shared secret, used as raw bytes.
    ///
    /// # Errors
    /// A secret that no verifier would take.
    pub fn hs256(secret: impl Into<SharedSecret>) -> Result<Self, SecretError> {
        Ok(Self { key: EncodingKey::from_secret(secret.into().checked(32)?), scopes: None })
    }

    /// The same minter, for tokens that may be used for this only.
    #[must_use]
    pub fn scoped(self, scopes: Scopes) -> Self {
        Self { scopes: Some(scopes), ..self }
    }

    /// A token for this e-mail address, issued at `now` (seconds since 1970-01-01T00:00:00Z).
    ///
    /// Of two values for one attribute the later counts.
    ///
    /// # Errors
    /// What a verifier with the default claim names would refuse for its content.
    ///
    /// ```
    /// use sandbar_auth::TokenMinter;
    ///
    /// let minter = TokenMinter::hs256("9b1f6d0e4c7a2358e1d4b7f0a3c65982").unwrap();
    /// let states = ("states", vec!["CA", "OR"].into());
    /// let token = minter.mint("wei@shop.test", &["regional"], &[states], 1_782_864_000)?;
    /// assert_eq!(token.split('.').count(), 3);
    /// # Ok::<(), sandbar_auth::MintError>(())
    /// ```
    pub fn mint(
        &self,
        email: &str,
        groups: &[&str],
        attributes: &[(&str, AttributeValue)],
        now: u64,
    ) -> Result<String, MintError> {
        let mut claims = Map::new();
        claims.insert("iat".to_owned(), now.into());
        claims.insert("email".to_owned(), checked_email(email)?.into());
        if !groups.is_empty() {
            for group in groups {
                checked_name("group", group)?;
            }
            claims.insert("groups".to_owned(), groups.to_vec().into());
        }
        if !attributes.is_empty() {
            claims.insert("attributes".to_owned(), Value::Object(attribute_claims(attributes)?));
        }
        if let Some(scopes) = &self.scopes {
            let words: Vec<&str> = scopes.words().collect();
            claims.insert("scope".to_owned(), words.join(" ").into());
        }
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = encode(&Value::Object(claims).to_string());
        let token = self.sign_message(format!("{}.{claims}", encode(HEADER)))?;
        let length = token.len();
        if length > MAX_TOKEN { Err(MintError::TooLarge { length }) } else { Ok(token) }
    }

    /// The message with its signature, whatever it says.
    pub(crate) fn sign_message(&self, message: String) -> Result<String, MintError> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::HS256, &self.key)
            .map_err(|_| MintError::Signing)?;
        let signature = signer.try_sign(message.as_bytes()).map_err(|_| MintError::Signing)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The secret is not shown.
impl fmt::Debug for TokenMinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMinter").finish_non_exhaustive()
    }
}

fn attribute_claims(
    attributes: &[(&str, AttributeValue)],
) -> Result<Map<String, Value>, MintError> {
    let mut claims = Map::new();
    for (name, value) in attributes {
        checked_name("attribute name", name)?;
        let json = value.to_json();
        // Also catches values built by hand that JSON cannot carry.
        if *value == AttributeValue::Unsupported || AttributeValue::from_json(&json) != *value {
            return Err(MintError::Unsupported { name: (*name).to_owned() });
        }
        claims.insert((*name).to_owned(), json);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{NOW, SECRET, verifier};

    fn minter() -> TokenMinter {
        TokenMinter::hs256(SECRET).unwrap()
    }

    #[test]
    fn what_is_minted_is_verified_with_its_types() {
        let given = [
            ("text", "CA".into()),
            ("whole", 1.into()),
            ("fraction", 1.0.into()),
            ("flag", true.into()),
            ("nothing", AttributeValue::Null),
            ("list", vec!["CA", "OR"].into()),
        ];
        let token = minter().mint("Ana@Shop.test", &["b", "a"], &given, NOW).unwrap();
        let principal = verifier().verify(&token, NOW).unwrap();
        assert_eq!(principal.subject(), "ana@shop.test");
        assert_eq!(principal.groups(), ["a", "b"]);
        for (name, value) in &given {
            assert_eq!(principal.attribute(name), Some(value), "{name}");
        }
        assert_eq!(principal.attributes().len(), given.len());
    }

    #[test]
    fn no_token_is_minted_that_would_be_refused() {
        let refused = |email: &str, groups: &[&str], attributes: &[(&str, AttributeValue)]| {
            minter().mint(email, groups, attributes, NOW).unwrap_err()
        };
        assert!(matches!(refused("ana", &[], &[]), MintError::Identity(_)));
        assert!(matches!(refused("ana@shop.test", &[""], &[]), MintError::Identity(_)));
        assert!(matches!(refused("ana@shop.test", &[], &[("", 1.into())]), MintError::Identity(_)));
        let name = "x".to_owned();
        for value in [AttributeValue::Unsupported, AttributeValue::Number(f64::NAN)] {
            let found = refused("ana@shop.test", &[], &[("x", value)]);
            assert_eq!(found, MintError::Unsupported { name: name.clone() });
        }
        let long = [("x", "a".repeat(8_000).into())];
        assert!(matches!(refused("ana@shop.test", &[], &long), MintError::TooLarge { .. }));
    }

    #[test]
    fn jwt6_a_minter_takes_no_weaker_secret_than_a_verifier() {
        assert_eq!(TokenMinter::hs256("secret").unwrap_err(), SecretError::TooShort);
        assert_eq!(TokenMinter::hs256(&[7; 32]).unwrap_err(), SecretError::Repetitive);
    }
}
