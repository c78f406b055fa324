//! Who is asking: a verified JWT or the host's own word becomes a [`Principal`].
//!
//! ```text
//! token ──Verifier::verify(token, now)──► Principal { subject, email, groups, attributes }
//! host  ──Principal::asserted_by_host───►
//! ```
//!
//! Signatures are HMACs of a shared secret, or RSA, ECDSA or Ed25519 with keys from PEM, JWK or JWKS
//! texts ([`KeySet`]); the keys of a running verifier can be replaced ([`KeyRing`]).
//!
//! This crate is pure: the caller passes the time, nothing is read from the environment or from
//! files, nothing is written anywhere. It never knows tables, policies or rights. Signatures are
//! checked with the RustCrypto backend of `jsonwebtoken`, named at every call, so no process-wide
//! provider is installed or relied on, whatever the host does with its own copy of that library.
//!
//! ```
//! use sandbar_auth::{TokenMinter, Verifier};
//!
//! let secret = b"a long and random secret: 7f3c9a1e5b2d8f40";
//! let minter = TokenMinter::hs256(secret).unwrap();
//! let token = minter.mint("ana@shop.test", &["analysts"], &[], 1_782_864_000).unwrap();
//! let verifier = Verifier::hs256(secret).unwrap();
//! let principal = verifier.verify(&token, 1_782_864_010).unwrap();
//! assert_eq!(principal.subject(), "ana@shop.test");
//! assert_eq!(principal.groups(), ["analysts"]);
//! assert!(verifier.verify(&token, 1_782_864_180).is_err(), "180 s is too old");
//! ```

mod admission;
mod algorithm;
mod api_keys;
mod attribute;
mod claims;
mod compact;
mod directory;
mod identity;
mod jwk;
mod key_error;
mod key_set;
mod minter;
mod pem;
mod principal;
mod principal_builder;
mod rate;
mod scopes;
mod secret;
mod seen;
mod sessions;
mod strict_json;
#[cfg(test)]
mod testing;
mod token_error;
mod verifier;
mod verifying_key;

pub use admission::Claimed;
pub use algorithm::Algorithm;
pub use api_keys::{ApiKey, ApiKeyError, ApiKeys, NewApiKey};
pub use attribute::AttributeValue;
pub use directory::{Directory, People, Person, SamePerson};
pub use key_error::KeyError;
pub use key_set::{KeyRing, KeySet};
pub use minter::{MintError, TokenMinter};
pub use principal::{Origin, Principal};
pub use principal_builder::{PrincipalBuilder, PrincipalError};
pub use rate::{Buckets, RateLimit};
pub use scopes::{BadScope, Scopes};
pub use secret::{SecretError, SharedSecret};
pub use sessions::{OpenedSession, Sessions, TooManySessions};
pub use token_error::{TokenError, TokenRefusal};
pub use verifier::Verifier;
pub use verifying_key::VerifyingKey;
