//! Who asks: somebody of the sample shop, or somebody described on the command line.

use sandbar::{AttributeValue, Principal};
use sandbar_shop::{Asker, Attribute};

use crate::args::{PersonArgs, RightsArgs};
use crate::failure::Failure;

/// What a token says of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) groups: Vec<String>,
    pub(crate) attributes: Vec<(String, AttributeValue)>,
}

impl Person {
    /// Reads who it is; what is said on the command line comes on top of what the shop says.
    pub(crate) fn named(who: &str, rights: &RightsArgs) -> Result<Self, Failure> {
        let mut person = match Asker::named(who) {
            Some(asker) => Self::of_the_shop(asker),
            None if who.contains('@') => {
                Self { email: who.to_owned(), groups: Vec::new(), attributes: Vec::new() }
            }
            None => {
                return Err(Failure::wrong(format!(
                    "`{who}` is nobody of the sample shop (ana, wei, vic, nia) and no e-mail address"
                )));
            }
        };
        person.groups.extend(rights.groups.iter().cloned());
        for (name, value) in attributes(&rights.attributes)? {
            person.attributes.retain(|(known, _)| *known != name);
            person.attributes.push((name, value));
        }
        Ok(person)
    }

    pub(crate) fn of_the_shop(asker: &Asker) -> Self {
        let value = |attribute: &Attribute| match attribute {
            Attribute::Text(text) => AttributeValue::from(*text),
            Attribute::Texts(texts) => {
                AttributeValue::List(texts.iter().map(|text| AttributeValue::from(*text)).collect())
            }
        };
        Self {
            email: asker.email.to_owned(),
            groups: asker.groups.iter().map(|group| (*group).to_owned()).collect(),
            attributes: asker
                .attributes
                .iter()
                .map(|(name, v)| ((*name).to_owned(), value(v)))
                .collect(),
        }
    }

    pub(crate) fn principal(&self) -> Result<Principal, Failure> {
        let mut builder = Principal::asserted_by_host(&self.email).email(&self.email);
        for group in &self.groups {
            builder = builder.group(group);
        }
        for (name, value) in &self.attributes {
            builder = builder.attribute(name, value.clone());
        }
        builder.build().map_err(|error| Failure::wrong(error.to_string()))
    }
}

/// Attributes that are said as NAME=VALUE: the value is JSON, or a text.
pub(crate) fn attributes(said: &[String]) -> Result<Vec<(String, AttributeValue)>, Failure> {
    let read = said.iter().map(|attribute| {
        let Some((name, value)) = attribute.split_once('=') else {
            return Err(Failure::wrong(format!("`{attribute}` is not NAME=VALUE")));
        };
        let value = match serde_json::from_str::<serde_json::Value>(value) {
            Ok(json) => AttributeValue::from_json(&json),
            Err(_) => AttributeValue::from(value),
        };
        Ok((name.to_owned(), value))
    });
    read.collect()
}

/// The principal that `--as`, `--group` and `--attribute` describe.
pub(crate) fn principal(args: &PersonArgs) -> Result<Principal, Failure> {
    Person::named(&args.who, &args.rights)?.principal()
}
