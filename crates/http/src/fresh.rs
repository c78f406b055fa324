//! The member `fresh` beside a question: its answer is computed anew, also where one is kept.
//!
//! It says how a question is answered, and not what is asked, so that it stands in a body here and
//! is no part of the language below; and so that it means the same beside the token of a page.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::refusal::Refusal;

const FRESH: &str = "fresh";

/// A question as it is written, and whether its answer is to be fresh.
pub(crate) struct Asking<'t> {
    pub(crate) question: Cow<'t, str>,
    pub(crate) fresh: bool,
}

impl<'t> Asking<'t> {
    /// Takes the member out of a body. What is no object is left to those who read it.
    ///
    /// # Errors
    /// It is neither true nor false, or said twice.
    pub(crate) fn of(body: &'t str) -> Result<Self, Refusal> {
        let as_it_is = Self { question: Cow::Borrowed(body), fresh: false };
        let Ok(Members(members)) = serde_json::from_str(body) else { return Ok(as_it_is) };
        let (said, others): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|(key, _)| key == FRESH);
        let fresh = match said.as_slice() {
            [] => return Ok(as_it_is),
            [(_, value)] => serde_json::from_str(value.get())
                .map_err(|_| Refusal::parameter("`fresh` is true or false"))?,
            _ => return Err(Refusal::parameter("`fresh` is said more than once")),
        };
        let mut question = String::with_capacity(body.len());
        for (key, value) in others {
            question.push(if question.is_empty() { '{' } else { ',' });
            question.push_str(&serde_json::to_string(&key).map_err(Refusal::logged)?);
            question.push(':');
            question.push_str(value.get());
        }
        question.push_str(if question.is_empty() { "{}" } else { "}" });
        Ok(Self { question: Cow::Owned(question), fresh })
    }
}

/// The members of an object as they are written: each of them, in their order.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        d.deserialize_map(Read)
    }
}

/// The form of a body that is a question, or one with the member beside it.
pub(crate) struct OrFresh<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrFresh<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrFresh", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let member = json_schema!({
            "description": "Whether the answer is computed anew, also where one is kept.",
            "type": "boolean",
        });
        let properties = schema.ensure_object().get_mut("properties");
        if let Some(properties) = properties.and_then(serde_json::Value::as_object_mut) {
            properties.insert(FRESH.to_owned(), member.into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[track_caller]
    fn check(body: &str, question: &str, fresh: bool) {
        let asking = Asking::of(body).unwrap();
        assert_eq!((&*asking.question, asking.fresh), (question, fresh));
    }

    #[test]
    fn it_is_taken_out_of_a_body() {
        check(r#"{"fresh": true, "table": "orders"}"#, r#"{"table":"orders"}"#, true);
        check(r#"{"table": "orders", "fresh": false}"#, r#"{"table":"orders"}"#, false);
        check(r#"{"fresh": true}"#, "{}", true);
    }

    #[test]
    fn everything_else_stays_as_it_is_written() {
        check(r#"{ "limit": 1 }"#, r#"{ "limit": 1 }"#, false);
        let digits = r#"{"n":12345678901234567890.10,"n":{"fresh": true},"\"":[1.0]}"#;
        let body = format!("{}{}", r#"{"fresh":true,"#, digits.strip_prefix('{').unwrap());
        check(&body, digits, true);
        check("[1", "[1", false);
        check("7", "7", false);
    }

    #[test]
    fn it_is_one_of_two_words() {
        for body in [
            r#"{"fresh": 1}"#,
            r#"{"fresh": "true"}"#,
            r#"{"fresh": null}"#,
            r#"{"fresh": true, "fresh": true}"#,
        ] {
            assert!(Asking::of(body).is_err(), "{body}");
        }
    }
}
