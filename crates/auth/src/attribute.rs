//! Values of attributes, typed as they came.

use std::hash::{Hash, Hasher};

/// The value of an attribute: typed as it was given, never converted here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// JSON null.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number with a point; -0 is kept as 0.
    Number(f64),
    /// Text.
    Text(String),
    /// A list of scalars, at most 1,000.
    List(Vec<AttributeValue>),
    /// Something no policy can use (an object, a list of lists, a number beyond 64 bits): every
    /// policy that asks for it fails closed.
    Unsupported,
}

impl Eq for AttributeValue {}

impl Hash for AttributeValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null | Self::Unsupported => {}
            Self::Boolean(b) => b.hash(state),
            Self::Integer(n) => n.hash(state),
            Self::Number(n) => n.to_bits().hash(state),
            Self::Text(text) => text.hash(state),
            Self::List(items) => items.hash(state),
        }
    }
}

const MAX_LIST: usize = 1_000;

impl AttributeValue {
    /// The attribute value of a JSON value.
    pub fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Array(items) if items.len() <= MAX_LIST => {
                let items: Vec<Self> = items.iter().map(Self::scalar).collect();
                if items.contains(&Self::Unsupported) { Self::Unsupported } else { Self::List(items) }
            }
            scalar => Self::scalar(scalar),
        }
    }

    fn scalar(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Boolean(*b),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Number(n) => match (n.as_i64(), n.is_f64(), n.as_f64()) {
                (Some(n), ..) => Self::Integer(n),
                (None, true, Some(n)) if n.is_finite() => Self::Number(n + 0.0),
                _ => Self::Unsupported,
            },
            _ => Self::Unsupported,
        }
    }

    /// The value as JSON; an unsupported value is null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null | Self::Unsupported => serde_json::Value::Null,
            Self::Boolean(b) => (*b).into(),
            Self::Integer(n) => (*n).into(),
            Self::Number(n) => (*n).into(),
            Self::Text(text) => text.clone().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect::<Vec<_>>().into(),
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
        let items: Vec<Self> = items.into_iter().map(Into::into).collect();
        let nested = items.iter().any(|i| matches!(i, Self::List(_) | Self::Unsupported));
        if nested || items.len() > MAX_LIST { Self::Unsupported } else { Self::List(items) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn l38_shapes_no_policy_can_use_are_unsupported() {
        for shape in [json!({"op": "ne"}), json!([["a"], "b"]), json!(u64::MAX), json!([{"a": 1}])] {
            assert_eq!(AttributeValue::from_json(&shape), AttributeValue::Unsupported, "{shape}");
        }
        let many: Vec<i64> = (0..1_001).collect();
        assert_eq!(AttributeValue::from_json(&json!(many)), AttributeValue::Unsupported);
        assert_eq!(AttributeValue::from(f64::NAN), AttributeValue::Unsupported);
    }

    #[test]
    fn l15_types_stay_apart() {
        assert_ne!(AttributeValue::from("1"), AttributeValue::from(1));
        assert_ne!(AttributeValue::from_json(&json!(1.0)), AttributeValue::from(1));
        assert_ne!(AttributeValue::from(true), AttributeValue::from(1));
    }
}
