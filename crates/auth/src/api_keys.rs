//! API keys of services: random words that a configuration knows by their digests.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;

use crate::admission::Claimed;
use crate::attribute::AttributeValue;
use crate::identity::fold_email;
use crate::principal::{Identity, Origin, Principal};
use crate::principal_builder::{PrincipalError, checked_name};
use crate::scopes::{BadScope, Scopes};
use crate::token_error::{TokenError, TokenRefusal};

/// What API keys begin with.
const START: &str = "sbk_";

/// A service that may ask: its name, the digest of its key, and what it may.
#[derive(Clone)]
pub struct ApiKey {
    name: String,
    digest: [u8; 32],
    ends: Option<u64>,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
    scopes: Option<Scopes>,
}

/// A new key: the word for the service, and the digest for the configuration.
pub struct NewApiKey {
    /// What the service sends; it is kept nowhere.
    pub word: String,
    /// What is known of it here, in hexadecimal.
    pub digest: String,
}

/// Why there is no such API key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// The digest is none.
    #[error("the digest is not 64 hexadecimal digits")]
    Digest,
    /// A name that is a person's.
    #[error("`{name}` is an e-mail address: call a service by another name than people")]
    Person {
        /// The name.
        name: String,
    },
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] PrincipalError),
    /// A scope that is none.
    #[error(transparent)]
    Scope(#[from] BadScope),
    /// Two services have one name, or one key.
    #[error("two services have the name `{name}`, or its key")]
    Twice {
        /// The name of the second.
        name: String,
    },
}

impl ApiKey {
    /// A key for a service, known by its digest.
    ///
    /// # Errors
    /// A name that is none or a person's, or a digest that is not 64 hexadecimal digits.
    pub fn new(name: &str, digest: &str) -> Result<Self, ApiKeyError> {
        checked_name("name of the service", name)?;
        if fold_email(name).is_some() {
            return Err(ApiKeyError::Person { name: name.to_owned() });
        }
        let digest = unhex(digest).ok_or(ApiKeyError::Digest)?;
        let name = name.to_owned();
        let (groups, attributes) = (Vec::new(), BTreeMap::new());
        Ok(Self { name, digest, ends: None, groups, attributes, scopes: None })
    }

    /// A new key of 32 random bytes.
    pub fn generate(random: [u8; 32]) -> NewApiKey {
        let word = format!("{START}{}", URL_SAFE_NO_PAD.encode(random));
        let digest = digest(&word).iter().map(|byte| format!("{byte:02x}")).collect();
        NewApiKey { word, digest }
    }

    /// The service is in this group.
    ///
    /// # Errors
    /// A name that no group can have.
    pub fn group(mut self, name: &str) -> Result<Self, ApiKeyError> {
        checked_name("group", name)?;
        self.groups.push(name.to_owned());
        Ok(self)
    }

    /// The service has this attribute.
    ///
    /// # Errors
    /// A name that no attribute can have.
    pub fn attribute(
        mut self,
        name: &str,
        value: impl Into<AttributeValue>,
    ) -> Result<Self, ApiKeyError> {
        checked_name("attribute name", name)?;
        self.attributes.insert(name.to_owned(), value.into());
        Ok(self)
    }

    /// The key may be used for this only; without it for whatever the service may.
    ///
    /// # Errors
    /// A text that is no scope.
    pub fn scope(self, words: &str) -> Result<Self, ApiKeyError> {
        Ok(Self { scopes: Some(Scopes::parse(words)?), ..self })
    }

    /// From this second on the key counts no longer.
    #[must_use]
    pub fn ends(self, seconds: u64) -> Self {
        Self { ends: Some(seconds), ..self }
    }

    fn claimed(&self) -> Claimed {
        let identity = Identity {
            subject: self.name.clone(),
            email: None,
            groups: self.groups.clone(),
            attributes: self.attributes.clone(),
            scopes: self.scopes.clone(),
        };
        Claimed { principal: Principal::new(identity, Origin::ApiKey), once: None }
    }
}

/// What is known by a digest: the service, and when its key is over.
type Known = (Claimed, Option<u64>);

/// The API keys that count.
#[derive(Default)]
pub struct ApiKeys {
    known: RwLock<HashMap<[u8; 32], Known>>,
}

impl ApiKeys {
    /// These keys.
    ///
    /// # Errors
    /// Two services of one name, or with one key.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Result<Self, ApiKeyError> {
        let mut known: HashMap<_, (Claimed, _)> = HashMap::new();
        for key in keys {
            let same_name = known.values().any(|(claimed, _)| claimed.subject() == key.name);
            let same_key = known.insert(key.digest, (key.claimed(), key.ends)).is_some();
            if same_name || same_key {
                return Err(ApiKeyError::Twice { name: key.name });
            }
        }
        Ok(Self { known: RwLock::new(known) })
    }

    /// Knows these keys from now on, and no others.
    pub fn replace(&self, other: Self) {
        *self.known.write() = other.known.into_inner();
    }

    /// The service that a key is for.
    ///
    /// # Errors
    /// One opaque error for words that are no key, and keys that count no longer.
    pub fn find(&self, word: &str, now: u64) -> Result<Claimed, TokenError> {
        let own = word.len() == START.len() + 43 && word.starts_with(START);
        let found = own.then(|| self.known.read().get(&digest(word)).cloned()).flatten();
        let (claimed, ends) = found.ok_or(TokenRefusal::UnknownApiKey)?;
        if ends.is_some_and(|ends| now >= ends) {
            return Err(TokenRefusal::ApiKeyOver.into());
        }
        Ok(claimed)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn digest(word: &str) -> [u8; 32] {
    blake3::derive_key("sandbar 2026 API key", word.as_bytes())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The digest is left out, and so are the values of attributes.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", &self.name)
            .field("groups", &self.groups)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// The word is not shown.
impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{NOW, verifier};

    fn key(name: &str, n: u8) -> (ApiKey, String) {
        let new = ApiKey::generate(*blake3::hash(&[n]).as_bytes());
        (ApiKey::new(name, &new.digest).unwrap(), new.word)
    }

    #[track_caller]
    fn check(keys: &ApiKeys, word: &str, now: u64, expected: Result<&str, TokenRefusal>) {
        let found = keys.find(word, now);
        assert_eq!(found.as_ref().map(Claimed::subject).map_err(|e| e.reason()), expected);
        if let Err(error) = found {
            assert_eq!(error.to_string(), "invalid or expired token");
        }
    }

    #[test]
    fn atk12_a_key_counts_until_it_ends_or_is_taken_out() {
        let (dashboards, word) = key("dashboards", 1);
        let (bot, other) = key("bot", 2);
        let keys = ApiKeys::new([dashboards.clone().ends(NOW + 10), bot]).unwrap();
        check(&keys, &word, NOW + 9, Ok("dashboards"));
        check(&keys, &word, NOW + 10, Err(TokenRefusal::ApiKeyOver));
        check(&keys, &other, u64::MAX, Ok("bot"));
        keys.replace(ApiKeys::new([dashboards]).unwrap());
        check(&keys, &other, NOW, Err(TokenRefusal::UnknownApiKey));
        check(&keys, &word, u64::MAX, Ok("dashboards"));
    }

    #[test]
    fn jwt13_only_the_word_is_the_key() {
        let (bot, word) = key("bot", 1);
        let digest = ApiKey::generate(*blake3::hash(&[1]).as_bytes()).digest;
        let keys = ApiKeys::new([bot]).unwrap();
        let (_, body) = word.split_at(4);
        for other in [
            "",
            "sbk_",
            body,
            &digest,
            &format!("sbs_{body}"),
            &format!("{word}="),
            &format!(" {word}"),
            &word.to_ascii_uppercase(),
        ] {
            check(&keys, other, NOW, Err(TokenRefusal::UnknownApiKey));
        }
        assert!(verifier().verify(&word, NOW).is_err());
    }

    #[test]
    fn a_service_is_what_its_key_is_configured_for() {
        let (bot, word) = key("bot", 1);
        let bot = bot.group("readers").unwrap().attribute("tenant", "a").unwrap();
        let keys = ApiKeys::new([bot.scope("agent:query").unwrap()]).unwrap();
        let claimed = keys.find(&word, NOW).unwrap();
        // A list of people has nothing to say of services, nor have the names of others' groups.
        let known = verifier().known_people(std::sync::Arc::new(crate::People::default()));
        let principal = known.map_group("x", &["y"]).admit(&claimed).unwrap();
        assert_eq!((principal.subject(), principal.email()), ("bot", None));
        assert_eq!(principal.groups(), ["readers"]);
        assert_eq!(principal.attribute("tenant"), Some(&"a".into()));
        assert!(principal.scopes().unwrap().cover("agent:query"));
        assert_eq!(principal.origin(), &Origin::ApiKey);
    }

    #[test]
    fn what_is_no_key_is_refused_at_once() {
        let (bot, _) = key("bot", 1);
        let (other, _) = key("bot", 2);
        let (same, _) = key("other", 1);
        let twice = |name: &str| Some(ApiKeyError::Twice { name: name.to_owned() });
        assert_eq!(ApiKeys::new([bot.clone(), other]).err(), twice("bot"));
        assert_eq!(ApiKeys::new([bot.clone(), same]).err(), twice("other"));
        for digest in ["", "00", &"0".repeat(63), &"g".repeat(64), &"+1".repeat(32)] {
            assert_eq!(ApiKey::new("a", digest).err(), Some(ApiKeyError::Digest), "{digest}");
        }
        let person = ApiKey::new("Ana@shop.test", &"0".repeat(64));
        assert!(matches!(person, Err(ApiKeyError::Person { .. })));
        assert!(matches!(ApiKey::new("", &"0".repeat(64)), Err(ApiKeyError::Name(_))));
        assert!(matches!(bot.scope("é"), Err(ApiKeyError::Scope(_))));
    }

    #[test]
    fn l54_debug_shows_no_key() {
        let new = ApiKey::generate([7; 32]);
        let shown = format!("{new:?} {:?}", key("bot", 1));
        assert!(!shown.contains(&new.word), "{shown}");
        let (bot, _) = key("bot", 1);
        let shown = format!("{:?}", bot.attribute("t", "PLANTED").unwrap());
        assert!(!shown.contains("PLANTED") && !shown.contains("digest"), "{shown}");
    }
}
