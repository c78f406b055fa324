//! The one who asks.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::attribute::{AttributeValue, write_length, write_text};
use crate::principal_builder::PrincipalBuilder;
use crate::scopes::Scopes;

/// The one who asks: who it is, which groups he is in, his attributes, and what his token may be
/// used for.
///
/// Made only from a verified token ([`Verifier::verify`](crate::Verifier::verify)) or by the
/// host's word ([`Principal::asserted_by_host`]). It never changes, clones are cheap, and it holds
/// no rights: those are worked out anew for every request.
///
/// Two principals are equal if subject, e-mail, groups, attributes and scopes are; where they come from
/// does not count, so a person's next token is the same principal.
#[derive(Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Identity,
    origin: Origin,
}

/// What decides rights, in canonical order: the sole input of equality, hash and cache keys.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) attributes: BTreeMap<String, AttributeValue>,
    /// `None`: nothing is taken away.
    pub(crate) scopes: Option<Scopes>,
}

/// Where a principal comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A verified token, with its id where it has one.
    Token {
        /// The claim `jti`.
        id: Option<String>,
    },
    /// The API key of a service.
    ApiKey,
    /// The host's word.
    Host,
}

impl Principal {
    /// Starts a principal on the host's word: the host has made sure who it is.
    ///
    /// ```
    /// use sandbar_auth::Principal;
    ///
    /// let wei = Principal::asserted_by_host("wei@shop.test")
    ///     .group("regional")
    ///     .attribute("states", vec!["CA", "OR", "WA"])
    ///     .build()?;
    /// assert_eq!(wei.email(), Some("wei@shop.test"));
    /// # Ok::<(), sandbar_auth::PrincipalError>(())
    /// ```
    pub fn asserted_by_host(subject: &str) -> PrincipalBuilder {
        PrincipalBuilder::new(subject)
    }

    pub(crate) fn new(mut identity: Identity, origin: Origin) -> Self {
        identity.groups.sort_unstable();
        identity.groups.dedup();
        Self { inner: Arc::new(Inner { identity, origin }) }
    }

    /// Who it is: the folded e-mail of a token, or what the host said.
    pub fn subject(&self) -> &str {
        &self.identity().subject
    }

    /// The folded e-mail address, where there is one.
    pub fn email(&self) -> Option<&str> {
        self.identity().email.as_deref()
    }

    /// The groups, sorted, each once.
    pub fn groups(&self) -> &[String] {
        &self.identity().groups
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.identity().attributes.get(name)
    }

    /// All attributes, sorted by name.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.identity().attributes.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// What the token may be used for; `None`: whatever its bearer may.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.identity().scopes.as_ref()
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Everything that decides rights as bytes, the same in every process: the input of a
    /// fingerprint for cache keys.
    ///
    /// Typed and length-prefixed: principals that are not equal give different bytes. The bytes
    /// hold attribute values in the clear; hash them before they are kept or shown.
    ///
    /// ```
    /// use sandbar_auth::Principal;
    ///
    /// let one = Principal::asserted_by_host("svc").attribute("shop", 1).build()?;
    /// let text = Principal::asserted_by_host("svc").attribute("shop", "1").build()?;
    /// assert_ne!(one.canonical_bytes(), text.canonical_bytes());
    /// # Ok::<(), sandbar_auth::PrincipalError>(())
    /// ```
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let Identity { subject, email, groups, attributes, scopes } = self.identity();
        let mut out = Vec::new();
        write_text(subject, &mut out);
        out.push(u8::from(email.is_some()));
        write_text(email.as_deref().unwrap_or_default(), &mut out);
        write_length(groups.len(), &mut out);
        for group in groups {
            write_text(group, &mut out);
        }
        write_length(attributes.len(), &mut out);
        for (name, value) in attributes {
            write_text(name, &mut out);
            value.write_canonical(&mut out);
        }
        out.push(u8::from(scopes.is_some()));
        let words = || scopes.iter().flat_map(Scopes::words);
        write_length(words().count(), &mut out);
        words().for_each(|word| write_text(word, &mut out));
        out
    }

    fn identity(&self) -> &Identity {
        &self.inner.identity
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Principal {}

impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// The values of attributes are left out: they belong in no log.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.attributes().map(|(name, _)| name).collect();
        f.debug_struct("Principal")
            .field("subject", &self.subject())
            .field("groups", &self.groups())
            .field("attributes", &names)
            .field("scopes", &self.scopes().map(|scopes| scopes.words().collect::<Vec<_>>()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::*;

    fn ana() -> PrincipalBuilder {
        Principal::asserted_by_host("ana@shop.test").group("a").attribute("state", "CA")
    }

    #[test]
    fn l54_debug_names_attributes_without_their_values() {
        let principal = ana().attribute("tenant", "PLANTED").build().unwrap();
        let shown = format!("{principal:?}");
        assert!(shown.contains("tenant") && !shown.contains("PLANTED"), "{shown}");
    }

    #[test]
    fn the_order_and_the_origin_do_not_count() {
        let host = ana().group("b").group("a").attribute("n", 1).build().unwrap();
        let attributes = BTreeMap::from([("n".into(), 1.into()), ("state".into(), "CA".into())]);
        let identity = Identity {
            subject: "ana@shop.test".to_owned(),
            email: Some("ana@shop.test".to_owned()),
            groups: vec!["b".to_owned(), "a".to_owned(), "b".to_owned()],
            attributes,
            scopes: None,
        };
        let token = Principal::new(identity, Origin::Token { id: Some("7".to_owned()) });
        assert_eq!(host, token);
        assert_eq!(host.canonical_bytes(), token.canonical_bytes());
        assert_eq!(token.groups(), ["a", "b"]);
        let names: Vec<&str> = token.attributes().map(|(name, _)| name).collect();
        assert_eq!(names, ["n", "state"]);
        assert_eq!(HashSet::from([host, token]).len(), 1);
    }

    #[test]
    fn l15_principals_that_differ_have_different_keys() {
        let all: Vec<Principal> = [
            ana(),
            ana().email("ana@home.test"),
            ana().group("b"),
            ana().group("ab"),
            ana().group("state"),
            ana().attribute("state", vec!["CA"]),
            ana().attribute("state", AttributeValue::Null),
            ana().attribute("stat", "eCA"),
            ana().scope(""),
            ana().scope("a"),
            ana().scope("a state"),
            Principal::asserted_by_host("ana").email("ana@shop.test").group("a"),
            Principal::asserted_by_host("ana").group("a"),
            Principal::asserted_by_host("anaa"),
        ]
        .into_iter()
        .map(|builder| builder.build().unwrap())
        .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        let keys: HashSet<Vec<u8>> = all.iter().map(Principal::canonical_bytes).collect();
        assert_eq!(keys.len(), all.len());
    }

    #[test]
    fn principals_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Principal>();
        check::<crate::Verifier>();
        check::<crate::TokenMinter>();
    }
}
