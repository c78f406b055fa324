//! JSON without ambiguity: an object at the top, no key twice, bounded depth and size (ATK8).
//!
//! Keys are compared after unescaping, so `email` and `em\u0061il` are one key. White space after
//! the object is allowed, before it is not.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::token_error::TokenRefusal;

const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 10_000;

/// Reads one JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, TokenRefusal> {
    if bytes.first() != Some(&b'{') {
        return Err(TokenRefusal::Malformed);
    }
    let mut scan = Scan { nodes: 0, refusal: TokenRefusal::Malformed };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = StrictValue { depth: 0, scan: &mut scan }.deserialize(&mut reader);
    match read.and_then(|value| reader.end().map(|()| value)) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(scan.refusal),
    }
}

/// What one document has used up, and why it was refused if it was.
struct Scan {
    nodes: usize,
    refusal: TokenRefusal,
}

impl Scan {
    fn refuse<E: Error>(&mut self, refusal: TokenRefusal) -> E {
        self.refusal = refusal;
        E::custom("refused")
    }
}

/// One value, inside this many objects and arrays.
struct StrictValue<'s> {
    depth: usize,
    scan: &'s mut Scan,
}

impl StrictValue<'_> {
    fn below(&mut self) -> StrictValue<'_> {
        StrictValue { depth: self.depth + 1, scan: self.scan }
    }

    /// Counts the object or array that starts here.
    fn enter<E: Error>(&mut self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.scan.refuse(TokenRefusal::TooComplex));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if self.scan.nodes >= MAX_NODES {
            return Err(self.scan.refuse(TokenRefusal::TooComplex));
        }
        self.scan.nodes += 1;
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
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
        self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.below())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if entries.contains_key(&key) {
                return Err(self.scan.refuse(TokenRefusal::DuplicateKey));
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
    fn check(bytes: impl AsRef<[u8]>, expected: Option<TokenRefusal>) {
        let bytes = bytes.as_ref();
        assert_eq!(object(bytes).err(), expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn atk8_duplicate_keys_at_every_level() {
        check(r#"{"a":1,"A":2,"b":{"a":1},"c":[{"a":1},{"a":2}]}"#, None);
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"email":"a","em\u0061il":"b"}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[0,{"a":1,"b":2,"a":3}]}"#,
            r#"{"":1,"":2}"#,
        ] {
            check(text, Some(TokenRefusal::DuplicateKey));
        }
    }

    #[test]
    fn atk8_only_one_object() {
        check("{}", None);
        check("{\"a\":1} \n", None);
        for text in
            ["", "[1]", "1", "null", " {\"a\":1}", "{\"a\":1}x", "{}{}", "{\"a\":1", "{a:1}"]
        {
            check(text, Some(TokenRefusal::Malformed));
        }
        for number in ["NaN", "Infinity", "1e400", "01", "+1", ".5"] {
            check(format!("{{\"a\":{number}}}"), Some(TokenRefusal::Malformed));
        }
    }

    #[test]
    fn jwt8_only_utf8_without_a_byte_order_mark() {
        check(r#"{"a":"é\ud83d\ude00"}"#, None);
        check("\u{feff}{}", Some(TokenRefusal::Malformed));
        check(r#"{"a":"\ud800"}"#, Some(TokenRefusal::Malformed));
        check(b"{\"a\":\"\xff\"}", Some(TokenRefusal::Malformed));
        check(b"{\"a\":\"\xc0\xaf\"}", Some(TokenRefusal::Malformed));
        check(b"{\"\xed\xa0\x80\":1}", Some(TokenRefusal::Malformed));
        check(b"{\0\"\0a\0\"\0:\x001\0}\0", Some(TokenRefusal::Malformed));
        check(b"{\"a\":\"\0\"}", Some(TokenRefusal::Malformed));
    }

    #[test]
    fn atk7_depth_and_size_are_bounded() {
        let deep = |levels: usize| {
            format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
        };
        check(deep(32), None);
        check(deep(33), Some(TokenRefusal::TooComplex));
        check(deep(100_000), Some(TokenRefusal::TooComplex));
        // The object and the array are two of the 10,000 values.
        let wide = |items: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(items - 1));
        check(wide(9_998), None);
        check(wide(9_999), Some(TokenRefusal::TooComplex));
    }

    #[test]
    fn numbers_keep_their_type() {
        let read = object(br#"{"a":18446744073709551615,"b":-1,"c":1.0,"d":-0}"#);
        let expected = serde_json::json!({"a": u64::MAX, "b": -1, "c": 1.0, "d": -0.0});
        assert_eq!(read.map(Value::Object), Ok(expected));
    }
}
