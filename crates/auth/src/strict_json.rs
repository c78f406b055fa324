//! JSON without ambiguity: an object at the top, no key twice, bounded depth and size (ATK8).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::token_error::TokenRefusal;

const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 10_000;
const DUPLICATE: &str = "duplicate key";

/// Reads one JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, TokenRefusal> {
    if bytes.first() != Some(&b'{') {
        return Err(TokenRefusal::Malformed);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut nodes = 0;
    let seed = Strict { depth: 0, nodes: &mut nodes };
    let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(Value::Object(map)) => Ok(map),
        Err(error) if error.to_string().starts_with(DUPLICATE) => Err(TokenRefusal::DuplicateKey),
        _ => Err(TokenRefusal::Malformed),
    }
}

struct Strict<'n> {
    depth: usize,
    nodes: &'n mut usize,
}

impl Strict<'_> {
    fn below(&mut self) -> Strict<'_> {
        Strict { depth: self.depth + 1, nodes: self.nodes }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        *self.nodes += 1;
        if self.depth > MAX_DEPTH || *self.nodes > MAX_NODES {
            return Err(D::Error::custom("too large"));
        }
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        Ok(b.into())
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.below())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if entries.contains_key(&key) {
                return Err(A::Error::custom(DUPLICATE));
            }
            let value = map.next_value_seed(self.below())?;
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<TokenRefusal>) {
        assert_eq!(object(text.as_bytes()).err(), expected, "{text}");
    }

    #[test]
    fn atk8_json_ambiguity() {
        check(r#"{"a":1}"#, None);
        check(r#"{"a":1,"a":2}"#, Some(TokenRefusal::DuplicateKey));
        check(r#"{"email":"a","em\u0061il":"b"}"#, Some(TokenRefusal::DuplicateKey));
        check(r#"{"x":{"a":1,"a":2}}"#, Some(TokenRefusal::DuplicateKey));
        check("[1]", Some(TokenRefusal::Malformed));
        check(r#" {"a":1}"#, Some(TokenRefusal::Malformed));
        check(r#"{"a":1} x"#, Some(TokenRefusal::Malformed));
        check("{\"a\":NaN}", Some(TokenRefusal::Malformed));
        check("{\"a\":1e400}", Some(TokenRefusal::Malformed));
        check("\u{feff}{}", Some(TokenRefusal::Malformed));
        check(&format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40)), Some(TokenRefusal::Malformed));
        check(&format!("{{\"a\":[{}1]}}", "1,".repeat(10_000)), Some(TokenRefusal::Malformed));
    }
}
