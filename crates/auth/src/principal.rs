//! The one who asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::attribute::AttributeValue;
use crate::identity::{BadIdentity, check_name, fold_email};

/// The one who asks: who it is, which groups he is in, and his attributes.
///
/// Made only from a verified token ([`Verifier::verify`](crate::Verifier::verify)) or by the
/// host's word ([`Principal::asserted_by_host`]). It holds no rights: those are worked out anew
/// for every request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    inner: Arc<Inner>,
}

#[derive(PartialEq, Eq, Hash)]
struct Inner {
    subject: String,
    email: Option<String>,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
    origin: Origin,
}

/// Where a principal comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A verified token, with its id where it has one.
    Token {
        /// The claim `jti`.
        id: Option<String>,
    },
    /// The host's word.
    Host,
}

/// Why the host's word does not make a principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// A subject, group or attribute name is empty, too long, or holds invisible characters.
    #[error("{what} `{shown}` is not usable: 1 to 256 visible characters, no space at the ends")]
    Name {
        /// What the name is for.
        what: &'static str,
        /// The name, invisible characters escaped.
        shown: String,
    },
    /// The e-mail address is not one.
    #[error("`{shown}` is not an e-mail address such as `ana@shop.test`")]
    Email {
        /// The text, invisible characters escaped.
        shown: String,
    },
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
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(wei.email(), Some("wei@shop.test"));
    /// ```
    pub fn asserted_by_host(subject: &str) -> PrincipalBuilder {
        PrincipalBuilder {
            subject: subject.to_owned(),
            email: None,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }

    pub(crate) fn from_token(
        email: String,
        groups: Vec<String>,
        attributes: BTreeMap<String, AttributeValue>,
        id: Option<String>,
    ) -> Self {
        let origin = Origin::Token { id };
        let groups = sorted(groups);
        let inner =
            Inner { subject: email.clone(), email: Some(email), groups, attributes, origin };
        Self { inner: Arc::new(inner) }
    }

    /// Who it is: the folded e-mail of a token, or what the host said.
    pub fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// The folded e-mail address, where there is one.
    pub fn email(&self) -> Option<&str> {
        self.inner.email.as_deref()
    }

    /// The groups, sorted, each once.
    pub fn groups(&self) -> &[String] {
        &self.inner.groups
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.inner.attributes.get(name)
    }

    /// All attributes, by name.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.inner.attributes.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
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
            .finish_non_exhaustive()
    }
}

/// A principal in the making.
#[derive(Clone)]
pub struct PrincipalBuilder {
    subject: String,
    email: Option<String>,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl PrincipalBuilder {
    /// His e-mail address; the subject is taken for one if it looks like one.
    #[must_use]
    pub fn email(mut self, email: &str) -> Self {
        self.email = Some(email.to_owned());
        self
    }

    /// He is in this group.
    #[must_use]
    pub fn group(mut self, name: &str) -> Self {
        self.groups.push(name.to_owned());
        self
    }

    /// He has this attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<AttributeValue>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// The principal.
    ///
    /// # Errors
    /// A name or e-mail address that could be mistaken for another.
    pub fn build(self) -> Result<Principal, PrincipalError> {
        let named = |what, name: &str| {
            check_name(name).map_err(|_: BadIdentity| PrincipalError::Name {
                what,
                shown: name.escape_debug().to_string(),
            })
        };
        named("subject", &self.subject)?;
        for group in &self.groups {
            named("group", group)?;
        }
        for name in self.attributes.keys() {
            named("attribute", name)?;
        }
        let email = match self.email {
            Some(email) => Some(fold_email(&email).map_err(|_| PrincipalError::Email {
                shown: email.escape_debug().to_string(),
            })?),
            None => fold_email(&self.subject).ok(),
        };
        let inner = Inner {
            subject: self.subject,
            email,
            groups: sorted(self.groups),
            attributes: self.attributes,
            origin: Origin::Host,
        };
        Ok(Principal { inner: Arc::new(inner) })
    }
}

fn sorted(mut groups: Vec<String>) -> Vec<String> {
    groups.sort();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn l54_debug_names_attributes_without_their_values() {
        let principal = Principal::asserted_by_host("ana@shop.test")
            .group("b")
            .group("a")
            .group("b")
            .attribute("tenant", "SECRET-TENANT")
            .build()
            .unwrap();
        let shown = format!("{principal:?}");
        assert!(shown.contains("tenant") && !shown.contains("SECRET-TENANT"), "{shown}");
        assert_eq!(principal.groups(), ["a", "b"]);
    }

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        assert!(Principal::asserted_by_host("").build().is_err());
        assert!(Principal::asserted_by_host("ana\u{200b}").build().is_err());
        assert!(Principal::asserted_by_host("ana").group(" a").build().is_err());
        assert!(Principal::asserted_by_host("service-7").build().unwrap().email().is_none());
    }
}
