//! The keys that tokens are checked with, which may be replaced while tokens are checked.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::algorithm::Algorithm;
use crate::key_error::KeyError;
use crate::token_error::TokenRefusal;
use crate::verifying_key::VerifyingKey;
use crate::{jwk, pem};

const MAX_KEYS: usize = 64;
/// Each of these may be tried for one token.
const MAX_WITHOUT_ID: usize = 4;

/// Keys that tokens are checked with, each for one algorithm.
///
/// A token that names a key in its header `kid` is checked with the key of that id; if there is
/// none, with those that have no id. A token that names none is checked with those that have no
/// id, or with the only key of its algorithm. In any case the token's algorithm has to be the
/// key's: it never chooses how a key is used.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// A set of keys.
    ///
    /// # Errors
    /// No key, more than 64 or more than 4 without an id, and two of one id.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let keys: Vec<VerifyingKey> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(KeyError::NoKeys);
        }
        let ids: Vec<&str> = keys.iter().filter_map(VerifyingKey::key_id).collect();
        if keys.len() > MAX_KEYS || keys.len() - ids.len() > MAX_WITHOUT_ID {
            return Err(KeyError::TooManyKeys);
        }
        if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
            return Err(KeyError::IdTwice);
        }
        Ok(Self { keys })
    }

    /// The keys of a text: a JWKS or JWK in JSON, or one public key in PEM.
    ///
    /// `algorithm` is that of keys that do not say theirs, as RSA keys in PEM and of some issuers.
    /// Keys of a JWKS that are for encryption are left out.
    ///
    /// # Errors
    /// What is wrong with the first key that cannot be used.
    pub fn parse(text: &str, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        if pem::is_pem(text) {
            return Self::new([VerifyingKey::pem(text, algorithm)?]);
        }
        if !text.trim_start().starts_with('{') {
            return Err(KeyError::NotAKey);
        }
        let members = jwk::object(text)?;
        if members.contains_key("keys") {
            Self::new(jwk::set(&members, algorithm)?)
        } else {
            Self::new([jwk::key(&members, algorithm)?])
        }
    }

    /// All keys of this set and of another.
    ///
    /// # Errors
    /// As for [`KeySet::new`].
    pub fn and(self, other: Self) -> Result<Self, KeyError> {
        Self::new(self.keys.into_iter().chain(other.keys))
    }

    /// The keys, in their order.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The keys that may have signed a token of this header.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<&VerifyingKey>, TokenRefusal> {
        let named = self.keys.iter().find(|key| id.is_some() && key.key_id() == id);
        if let Some(key) = named {
            let fits = key.algorithm() == algorithm;
            return if fits { Ok(vec![key]) } else { Err(TokenRefusal::AlgorithmNotAllowed) };
        }
        let without: Vec<_> = self.keys.iter().filter(|key| key.key_id().is_none()).collect();
        if id.is_some() && without.is_empty() {
            return Err(TokenRefusal::UnknownKey);
        }
        let of_it = |key: &&VerifyingKey| key.algorithm() == algorithm;
        let fitting: Vec<_> = without.into_iter().filter(of_it).collect();
        if !fitting.is_empty() {
            return Ok(fitting);
        }
        let with: Vec<_> = self.keys.iter().filter(|_| id.is_none()).filter(of_it).collect();
        match with.len() {
            0 => Err(TokenRefusal::AlgorithmNotAllowed),
            1 => Ok(with),
            _ => Err(TokenRefusal::UnknownKey),
        }
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self { keys: vec![key] }
    }
}

/// The keys of a running verifier: a handle that replaces them all at once.
///
/// A token is checked with the set of one moment, never with half of two. To change a key without
/// a gap, first add the new one, then let its owner sign with it, and remove the old one when the
/// last token of it has become too old.
///
/// ```
/// use sandbar_auth::{Algorithm, KeyRing, KeySet, VerifyingKey, Verifier};
///
/// let of = |secret: &str, id: &str| VerifyingKey::shared(Algorithm::Hs256, secret)?.id(id);
/// let old = of("9b1f6d0e4c7a2358e1d4b7f0a3c65982", "1")?;
/// let new = of("c7a23589b1f6d0e45982e1d4b7f0a3c6", "2")?;
/// let ring = KeyRing::from(KeySet::new([old.clone()])?);
/// let verifier = Verifier::with_keys(ring.clone());
/// ring.replace(KeySet::new([old, new.clone()])?);
/// ring.replace(KeySet::new([new])?);
/// assert_eq!(ring.ids(), ["2"]);
/// # drop(verifier);
/// # Ok::<(), sandbar_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<ArcSwap<KeySet>>,
}

impl KeyRing {
    /// Checks every token from now on with these keys, and with no others.
    pub fn replace(&self, keys: KeySet) {
        self.current.store(Arc::new(keys));
    }

    /// The ids of the keys of this moment.
    pub fn ids(&self) -> Vec<String> {
        self.current().keys.iter().filter_map(VerifyingKey::key_id).map(str::to_owned).collect()
    }

    pub(crate) fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }
}

impl<K: Into<KeySet>> From<K> for KeyRing {
    fn from(keys: K) -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(keys.into())) }
    }
}

/// As [`VerifyingKey`]: no key is shown.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.current().keys).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{CLAIMS, HEADER, NOW, SECRET, check_token, jwk, pem, sign};
    use crate::{TokenMinter, Verifier};

    const OTHER: &[u8] = b"another one of thirty-two bytes, or more";

    fn shared(secret: &[u8]) -> VerifyingKey {
        VerifyingKey::shared(Algorithm::Hs256, secret).unwrap()
    }

    fn named(secret: &[u8], id: &str) -> VerifyingKey {
        shared(secret).id(id).unwrap()
    }

    fn jwks(keys: &[Value]) -> String {
        json!({ "keys": keys }).to_string()
    }

    fn with(name: &str, changes: &[(&str, &str)]) -> Value {
        let mut members = jwk(name);
        for (member, value) in changes {
            members.insert((*member).to_owned(), (*value).into());
        }
        Value::Object(members)
    }

    #[track_caller]
    fn check(keys: impl Into<KeySet>, kid: Option<Value>, expected: Result<(), TokenRefusal>) {
        let header = match kid {
            None => HEADER.to_owned(),
            Some(kid) => json!({"alg": "HS256", "kid": kid}).to_string(),
        };
        check_token(&Verifier::with_keys(keys.into()), &sign(&header, CLAIMS), expected);
    }

    #[test]
    fn jwt11_a_key_is_chosen_by_its_id() {
        let set = || KeySet::new([named(OTHER, "1"), named(SECRET, "2")]).unwrap();
        check(set(), Some(json!("2")), Ok(()));
        check(set(), Some(json!("1")), Err(TokenRefusal::BadSignature));
        check(set(), Some(json!("3")), Err(TokenRefusal::UnknownKey));
        check(set(), Some(json!("2 ")), Err(TokenRefusal::UnknownKey));
        check(set(), None, Err(TokenRefusal::UnknownKey));
        check(named(SECRET, "2"), None, Ok(()));
        check(named(SECRET, "2"), Some(json!("3")), Err(TokenRefusal::UnknownKey));
        // What has no id is for whoever names none, or one that is not there.
        let mixed = || KeySet::new([named(OTHER, "1"), shared(SECRET)]).unwrap();
        check(mixed(), None, Ok(()));
        check(mixed(), Some(json!("2")), Ok(()));
        check(mixed(), Some(json!("1")), Err(TokenRefusal::BadSignature));
        let several = KeySet::new([shared(OTHER), shared(SECRET)]).unwrap();
        check(several, None, Ok(()));
    }

    #[test]
    fn jwt11_an_id_is_short_and_printable() {
        let longest = "k".repeat(128);
        check(named(SECRET, &longest), Some(json!(longest)), Ok(()));
        for kid in [
            json!("k".repeat(129)),
            json!(""),
            json!("a\u{0}"),
            json!("é"),
            json!(null),
            json!(["2"]),
        ] {
            check(shared(SECRET), Some(kid), Err(TokenRefusal::BadKeyId));
        }
        for id in ["", "a\n", "é", &"k".repeat(129)] {
            assert_eq!(shared(SECRET).id(id).err(), Some(KeyError::BadId), "{id:?}");
        }
    }

    #[test]
    fn jwt1_atk2_the_id_leads_to_no_other_use_of_a_key() {
        // The token says HS256 and names a public key: it is not used as a secret.
        let key = VerifyingKey::pem(&pem("p256"), None).unwrap().id("ec").unwrap();
        let set = KeySet::new([key, named(SECRET, "hs")]).unwrap();
        check(set.clone(), Some(json!("ec")), Err(TokenRefusal::AlgorithmNotAllowed));
        check(set.clone(), Some(json!("hs")), Ok(()));
        // Of each algorithm there is one.
        check(set, None, Ok(()));
    }

    #[test]
    fn atk4_a_set_has_each_id_once_and_not_too_many_keys() {
        let two = KeySet::new([named(SECRET, "1"), named(OTHER, "1")]);
        assert_eq!(two.err(), Some(KeyError::IdTwice));
        assert_eq!(KeySet::new([]).err(), Some(KeyError::NoKeys));
        let named_keys = |count: usize| (0..count).map(|n| named(SECRET, &n.to_string()));
        assert!(KeySet::new(named_keys(64)).is_ok());
        assert_eq!(KeySet::new(named_keys(65)).err(), Some(KeyError::TooManyKeys));
        assert!(KeySet::new((0..4).map(|_| shared(SECRET))).is_ok());
        let five = KeySet::new((0..5).map(|_| shared(SECRET)));
        assert_eq!(five.err(), Some(KeyError::TooManyKeys));
    }

    #[test]
    fn a_text_is_read_as_what_it_is() {
        let ids = |text: &str| KeySet::parse(text, None).map(|set| KeyRing::from(set).ids());
        let all = jwks(&[
            with("rsa2048", &[("kid", "r")]),
            with("rsa2048", &[("kid", "e"), ("alg", "RSA-OAEP"), ("use", "enc")]),
            with("p256", &[("kid", "p")]),
        ]);
        assert_eq!(ids(&all).unwrap(), ["r", "p"]);
        assert_eq!(ids(&format!("\n {all} \n")).unwrap(), ["r", "p"]);
        assert_eq!(ids(&with("p384", &[("kid", "3")]).to_string()).unwrap(), ["3"]);
        assert_eq!(ids(&pem("ed25519")).unwrap(), Vec::<String>::new());
        let parse = |text: &str| KeySet::parse(text, None).err();
        for text in ["", "secret", "[]", "null", "ssh-ed25519 AAAA"] {
            assert_eq!(parse(text), Some(KeyError::NotAKey), "{text}");
        }
        for text in ["{", "{}x", r#"{"keys":[],"keys":[]}"#, r#"{"kty":"EC","k\u0074y":"RSA"}"#] {
            assert_eq!(parse(text), Some(KeyError::NotJson), "{text}");
        }
        assert_eq!(parse("{}"), Some(KeyError::Member { member: "kty" }));
        assert_eq!(parse(r#"{"keys":{}}"#), Some(KeyError::Member { member: "keys" }));
        assert_eq!(parse(&jwks(&[])), Some(KeyError::NoKeys));
        let encryption = with("rsa2048", &[("use", "enc")]);
        assert_eq!(parse(&jwks(std::slice::from_ref(&encryption))), Some(KeyError::NoKeys));
        assert_eq!(parse(&encryption.to_string()), Some(KeyError::NotForSignatures));
        let second = jwks(&[with("p256", &[]), with("p256", &[("alg", "none")])]);
        let error = Box::new(KeyError::UnknownAlgorithm);
        assert_eq!(parse(&second), Some(KeyError::InSet { index: 1, error }));
        let same = jwks(&[with("p256", &[("kid", "a")]), with("p384", &[("kid", "a")])]);
        assert_eq!(parse(&same), Some(KeyError::IdTwice));
    }

    #[test]
    fn keys_are_replaced_while_a_verifier_is_used() {
        let ring = KeyRing::from(named(OTHER, "1"));
        let verifier = Verifier::with_keys(ring.clone());
        let clone = verifier.clone();
        let token =
            TokenMinter::hs256(SECRET).unwrap().mint("ana@shop.test", &[], &[], NOW).unwrap();
        check_token(&verifier, &token, Err(TokenRefusal::BadSignature));
        ring.replace(KeySet::new([named(OTHER, "1"), shared(SECRET)]).unwrap());
        check_token(&verifier, &token, Ok(()));
        check_token(&clone, &token, Ok(()));
        ring.replace(named(OTHER, "1").into());
        check_token(&clone, &token, Err(TokenRefusal::BadSignature));
    }

    #[test]
    fn keys_are_replaced_as_a_whole() {
        let set = |ids: [&str; 2]| KeySet::new(ids.map(|id| named(SECRET, id))).unwrap();
        let ring = KeyRing::from(set(["a", "b"]));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..200 {
                    ring.replace(set(["c", "d"]));
                    ring.replace(set(["a", "b"]));
                }
            });
            for _ in 0..2_000 {
                let seen = ring.ids();
                assert!(seen == ["a", "b"] || seen == ["c", "d"], "{seen:?}");
            }
        });
    }

    #[test]
    fn l54_debug_shows_no_key() {
        let ring = KeyRing::from(named(SECRET, "the id"));
        let shown = format!("{ring:?} {:?}", Verifier::with_keys(ring.clone()));
        assert!(shown.contains("the id") && !shown.contains("6d1f"), "{shown}");
    }
}
