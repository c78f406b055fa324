//! Values of attributes, typed as they came.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde_json::Value;

/// The most elements a list may have.
const MAX_LIST: usize = 10_000;

/// The value of an attribute: typed as it was given, never converted here.
///
/// `1`, `1.0`, `"1"` and `true` are four different values. `Debug` shows the type only, because
/// attribute values belong in no log.
///
/// ```
/// use sandbar_auth::AttributeValue;
///
/// let states = AttributeValue::from(vec!["CA", "OR"]);
/// assert_eq!(format!("{states:?}"), "List(2)");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum AttributeValue {
    /// JSON null.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number with a fraction or an exponent; -0 equals 0.
    Number(f64),
    /// Text.
    Text(String),
    /// A list of scalars, at most 10,000.
    List(Vec<AttributeValue>),
    /// Something no policy can use (an object, a list of lists, a list that is too long, a whole
    /// number of 64 bits that is no `i64`, a number that is not finite): every policy that asks for
    /// it fails closed. JSON with a longer one is a [`Number`](AttributeValue::Number), the nearest double.
    Unsupported,
}

impl AttributeValue {
    /// The attribute value of a JSON value.
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Boolean(*b),
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(n) => match (n.as_i64(), n.is_f64(), n.as_f64()) {
                (Some(n), ..) => Self::Integer(n),
                (None, true, Some(n)) => Self::from(n),
                _ => Self::Unsupported,
            },
            Value::Object(_) => Self::Unsupported,
        }
    }

    /// The value as JSON; an unsupported value, or a number that is not finite, is null.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null | Self::Unsupported => Value::Null,
            Self::Boolean(b) => (*b).into(),
            Self::Integer(n) => (*n).into(),
            Self::Number(n) => (*n).into(),
            Self::Text(text) => text.clone().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect::<Vec<_>>().into(),
        }
    }

    /// Appends a typed, length-prefixed form: different values give different bytes (L15).
    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'0'),
            Self::Boolean(false) => out.push(b'f'),
            Self::Boolean(true) => out.push(b't'),
            Self::Integer(n) => {
                out.push(b'i');
                out.extend_from_slice(&n.to_be_bytes());
            }
            Self::Number(n) => {
                out.push(b'n');
                out.extend_from_slice(&bits(*n).to_be_bytes());
            }
            Self::Text(text) => {
                out.push(b's');
                write_text(text, out);
            }
            Self::List(items) => {
                out.push(b'l');
                write_length(items.len(), out);
                for item in items {
                    item.write_canonical(out);
                }
            }
            Self::Unsupported => out.push(b'!'),
        }
    }

    fn list(items: Vec<Self>) -> Self {
        let nested = items.iter().any(|i| matches!(i, Self::List(_) | Self::Unsupported));
        if nested || items.len() > MAX_LIST { Self::Unsupported } else { Self::List(items) }
    }
}

/// Appends a text with its length.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a length, 64 bits whatever the platform.
pub(crate) fn write_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}

/// One bit pattern per number: -0 is 0, and any NaN that a caller builds equals itself.
fn bits(n: f64) -> u64 {
    if n.is_nan() { f64::NAN.to_bits() } else { (n + 0.0).to_bits() }
}

impl PartialEq for AttributeValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) | (Self::Unsupported, Self::Unsupported) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => bits(*a) == bits(*b),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (
                Self::Null
                | Self::Boolean(_)
                | Self::Integer(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::List(_)
                | Self::Unsupported,
                _,
            ) => false,
        }
    }
}

impl Eq for AttributeValue {}

impl Hash for AttributeValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null | Self::Unsupported => {}
            Self::Boolean(b) => b.hash(state),
            Self::Integer(n) => n.hash(state),
            Self::Number(n) => bits(*n).hash(state),
            Self::Text(text) => text.hash(state),
            Self::List(items) => items.hash(state),
        }
    }
}

/// The type only (L54).
impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Boolean(_) => f.write_str("Boolean"),
            Self::Integer(_) => f.write_str("Integer"),
            Self::Number(_) => f.write_str("Number"),
            Self::Text(_) => f.write_str("Text"),
            Self::List(items) => write!(f, "List({})", items.len()),
            Self::Unsupported => f.write_str("Unsupported"),
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for AttributeValue {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<bool> for AttributeValue {
    fn from(b: bool) -> Self {
        Self::Boolean(b)
    }
}

impl From<f64> for AttributeValue {
    fn from(n: f64) -> Self {
        if n.is_finite() { Self::Number(n + 0.0) } else { Self::Unsupported }
    }
}

impl<T: Into<AttributeValue>> From<Vec<T>> for AttributeValue {
    fn from(items: Vec<T>) -> Self {
        Self::list(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(json: &Value, expected: AttributeValue) {
        let found = AttributeValue::from_json(json);
        assert!(found == expected, "{json}: {found:?} is not {expected:?}");
    }

    fn canonical(value: &AttributeValue) -> Vec<u8> {
        let mut out = Vec::new();
        value.write_canonical(&mut out);
        out
    }

    #[test]
    fn values_keep_the_type_they_had_in_json() {
        check(&json!(null), AttributeValue::Null);
        check(&json!(true), AttributeValue::Boolean(true));
        check(&json!(i64::MIN), AttributeValue::Integer(i64::MIN));
        check(&json!(1.0), AttributeValue::Number(1.0));
        check(&json!(-0.0), AttributeValue::Number(0.0));
        check(&json!("1 OR 1=1"), AttributeValue::Text("1 OR 1=1".to_owned()));
        check(&json!([]), AttributeValue::List(Vec::new()));
        check(&json!(["a", 1]), AttributeValue::List(vec!["a".into(), 1.into()]));
    }

    #[test]
    fn l38_shapes_no_policy_can_use_are_unsupported() {
        for shape in
            [json!({"op": "ne"}), json!([["a"], "b"]), json!([[]]), json!([{}]), json!(u64::MAX)]
        {
            check(&shape, AttributeValue::Unsupported);
        }
        let at_limit: Vec<i64> = (0..10_000).collect();
        check(
            &json!(at_limit),
            AttributeValue::List(at_limit.iter().map(|n| (*n).into()).collect()),
        );
        check(&json!((0..10_001).collect::<Vec<i64>>()), AttributeValue::Unsupported);
        for n in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(AttributeValue::from(n), AttributeValue::Unsupported);
        }
        assert_eq!(AttributeValue::from(vec![vec!["a"]]), AttributeValue::Unsupported);
    }

    #[test]
    fn l15_different_values_have_different_keys() {
        let all: Vec<AttributeValue> = vec![
            AttributeValue::Null,
            AttributeValue::Unsupported,
            true.into(),
            false.into(),
            0.into(),
            1.into(),
            0.0.into(),
            1.0.into(),
            "".into(),
            "1".into(),
            "true".into(),
            Vec::<String>::new().into(),
            vec![1].into(),
            vec!["1"].into(),
            vec!["a", "b"].into(),
            vec!["b", "a"].into(),
            vec!["ab"].into(),
            vec!["a,b"].into(),
            vec!["a", "b", ""].into(),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all.iter().map(canonical).collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn equal_numbers_hash_alike_even_when_built_by_hand() {
        let (plus, minus) = (AttributeValue::Number(0.0), AttributeValue::Number(-0.0));
        assert_eq!(plus, minus);
        assert_eq!(canonical(&plus), canonical(&minus));
        assert_eq!(HashSet::from([plus, minus]).len(), 1);
        assert_eq!(AttributeValue::Number(f64::NAN), AttributeValue::Number(-f64::NAN));
    }

    #[test]
    fn l54_debug_shows_no_value() {
        let value = AttributeValue::from(vec!["PLANTED"]);
        assert_eq!(format!("{value:?}"), "List(1)");
        assert_eq!(format!("{:?}", AttributeValue::from("PLANTED")), "Text");
    }
}
