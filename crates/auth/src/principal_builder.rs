//! A principal on the host's word, checked when it is built.

use std::collections::BTreeMap;
use std::fmt;

use crate::attribute::AttributeValue;
use crate::identity::{BadName, MAX_NAME, check_name, fold_email};
use crate::principal::{Identity, Origin, Principal};
use crate::scopes::{BadScope, Scopes};

/// A principal in the making: see [`Principal::asserted_by_host`].
#[derive(Clone)]
pub struct PrincipalBuilder {
    subject: String,
    email: Option<String>,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
    scope: Option<String>,
}

/// Why the host's word does not make a principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// A name is empty.
    #[error("the {what} is empty: give it 1 to 256 characters")]
    Empty {
        /// What the name is for: subject, group or attribute name.
        what: &'static str,
    },
    /// A name is too long.
    #[error("the {what} has {length} characters: shorten it to at most 256")]
    TooLong {
        /// What the name is for.
        what: &'static str,
        /// Its length in characters.
        length: usize,
    },
    /// A name holds a control, zero-width or bidirectional character, or an unusual space.
    #[error("the {what} `{shown}` holds the invisible character U+{code:04X}: remove it")]
    Invisible {
        /// What the name is for.
        what: &'static str,
        /// The name, invisible characters escaped.
        shown: String,
        /// The code point.
        code: u32,
    },
    /// A name starts or ends with a space.
    #[error("the {what} `{shown}` starts or ends with a space: remove it")]
    SpaceAtEnd {
        /// What the name is for.
        what: &'static str,
        /// The name.
        shown: String,
    },
    /// The e-mail address is not one.
    #[error("`{shown}` is not a plain e-mail address: give one such as `ana@shop.test`")]
    Email {
        /// The text, shortened, invisible characters escaped.
        shown: String,
    },
    /// The scope is none.
    #[error(transparent)]
    Scope(#[from] BadScope),
}

impl PrincipalBuilder {
    pub(crate) fn new(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            email: None,
            groups: Vec::new(),
            attributes: BTreeMap::new(),
            scope: None,
        }
    }

    /// His e-mail address; without it, the subject is taken for one if it looks like one.
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

    /// He has this attribute; of two values for one name the later counts.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<AttributeValue>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// He may use his rights for this only: words with spaces between them, in the form of the
    /// claim of a token. Without it nothing is taken away; an empty text takes everything.
    #[must_use]
    pub fn scope(mut self, words: &str) -> Self {
        self.scope = Some(words.to_owned());
        self
    }

    /// The principal.
    ///
    /// # Errors
    /// A subject, group or attribute name that is not 1 to 256 visible characters, an e-mail
    /// address that could be mistaken for another, or a scope that is none.
    pub fn build(self) -> Result<Principal, PrincipalError> {
        checked_name("subject", &self.subject)?;
        for group in &self.groups {
            checked_name("group", group)?;
        }
        for name in self.attributes.keys() {
            checked_name("attribute name", name)?;
        }
        let email = match &self.email {
            Some(email) => Some(checked_email(email)?),
            None => fold_email(&self.subject),
        };
        let scopes = self.scope.as_deref().map(Scopes::parse).transpose()?;
        let Self { subject, groups, attributes, .. } = self;
        let identity = Identity { subject, email, groups, attributes, scopes };
        Ok(Principal::new(identity, Origin::Host))
    }
}

/// What is in it belongs to the principal; only the subject is shown.
impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Refuses a name with the reason as an error for people.
pub(crate) fn checked_name(what: &'static str, name: &str) -> Result<(), PrincipalError> {
    check_name(name).map_err(|bad| match bad {
        BadName::Empty => PrincipalError::Empty { what },
        BadName::TooLong => PrincipalError::TooLong { what, length: name.chars().count() },
        BadName::Invisible(c) => {
            PrincipalError::Invisible { what, shown: shown(name), code: c.into() }
        }
        BadName::SpaceAtEnd => PrincipalError::SpaceAtEnd { what, shown: shown(name) },
    })
}

/// The folded address, or an error for people.
pub(crate) fn checked_email(email: &str) -> Result<String, PrincipalError> {
    fold_email(email).ok_or_else(|| PrincipalError::Email { shown: shown(email) })
}

/// At most one name's length of the text, invisible characters escaped.
fn shown(text: &str) -> String {
    text.chars().take(MAX_NAME).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn ana() -> PrincipalBuilder {
        PrincipalBuilder::new("ana@shop.test")
    }

    #[track_caller]
    fn check(builder: PrincipalBuilder, expected: &str) {
        assert_eq!(builder.build().unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_kind_of_value_converts() {
        let principal = ana()
            .attribute("text", "CA")
            .attribute("owned", String::from("CA"))
            .attribute("integer", 7)
            .attribute("number", 0.5)
            .attribute("boolean", true)
            .attribute("list", vec![1, 2])
            .build()
            .unwrap();
        assert_eq!(principal.attributes().len(), 6);
        assert_eq!(principal.attribute("integer"), Some(&AttributeValue::Integer(7)));
        assert_eq!(principal.attribute("absent"), None);
        assert_eq!(principal.origin(), &Origin::Host);
    }

    #[test]
    fn names_say_what_is_wrong_with_them() {
        check(PrincipalBuilder::new(""), "the subject is empty: give it 1 to 256 characters");
        check(
            ana().group(&"g".repeat(257)),
            "the group has 257 characters: shorten it to at most 256",
        );
        assert!(ana().group(&"g".repeat(256)).build().is_ok());
        check(
            ana().group("a\u{200b}"),
            "the group `a\\u{200b}` holds the invisible character U+200B: remove it",
        );
        check(
            ana().attribute("state ", "CA"),
            "the attribute name `state ` starts or ends with a space: remove it",
        );
        check(
            ana().attribute("a\0", 1),
            "the attribute name `a\\0` holds the invisible character U+0000: remove it",
        );
    }

    #[test]
    fn the_email_is_folded_and_optional() {
        let service = PrincipalBuilder::new("service-7").build().unwrap();
        assert_eq!((service.subject(), service.email()), ("service-7", None));
        let upper = PrincipalBuilder::new("Ana@Shop.Test").build().unwrap();
        assert_eq!((upper.subject(), upper.email()), ("Ana@Shop.Test", Some("ana@shop.test")));
        let given = PrincipalBuilder::new("7").email("Ana@shop.test").build().unwrap();
        assert_eq!(given.email(), Some("ana@shop.test"));
        check(
            ana().email("ana"),
            "`ana` is not a plain e-mail address: give one such as `ana@shop.test`",
        );
    }

    #[test]
    fn l54_debug_of_a_builder_shows_no_attribute() {
        let shown = format!("{:?}", ana().attribute("tenant", "PLANTED"));
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}
