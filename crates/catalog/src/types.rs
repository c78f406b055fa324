//! The types of the model language, and how Arrow types map to them.

use std::fmt;

use arrow_schema::{DataType, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of a field or expression, as an author and an asker see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// True or false.
    Boolean,
    /// A whole number of 64 bits or fewer.
    Integer,
    /// A binary floating point number.
    Number,
    /// An exact number: total digits and digits after the point.
    Decimal {
        /// Total digits, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// Unicode text.
    Text,
    /// A calendar day.
    Date,
    /// An instant. Values stored without a zone are read as UTC.
    Datetime,
    /// A stored type that the model language cannot compute with; it can be listed, not filtered.
    Other,
    /// The type of a bare `null`, which fits everywhere.
    Null,
}

/// How many digits the exact numbers of a stored type have, and how many of them after the point.
pub fn exact_digits(stored: &DataType) -> Option<(i16, i16)> {
    Some(match stored {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => (i16::from(*p), i16::from(*s)),
        DataType::Dictionary(_, value) => return exact_digits(value),
        _ => return None,
    })
}

impl Type {
    /// Whether values of this type that are stored in two ways are compared without a conversion
    /// that could fail or lose something. Doubles are not looked up by equality.
    pub fn is_comparable_as_stored(self, a: &DataType, b: &DataType) -> bool {
        fn plain(stored: &DataType) -> &DataType {
            match stored {
                DataType::Dictionary(_, value) => plain(value),
                other => other,
            }
        }
        match self {
            Self::Number | Self::Other | Self::Null => false,
            _ if a == b => true,
            // Half of its values are no whole numbers of 64 bits with a sign.
            Self::Integer => [a, b].into_iter().all(|side| *plain(side) != DataType::UInt64),
            Self::Text | Self::Boolean | Self::Date => true,
            Self::Decimal { .. } | Self::Datetime => false,
        }
    }

    /// The stored type that values of this type have once they are calculated with.
    pub fn canonical(self) -> Option<DataType> {
        Some(match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Decimal { precision, scale } if precision <= 38 => {
                DataType::Decimal128(precision, scale)
            }
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Datetime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Decimal { .. } | Self::Other => return None,
            Self::Null => DataType::Null,
        })
    }

    /// Whether a calculation with values of this type takes every value that is stored so: all whole
    /// numbers but those of 64 bits without a sign have 64 bits with one, and decimals as many digits
    /// as their type.
    pub fn holds(self, stored: &DataType) -> bool {
        match (self, exact_digits(stored)) {
            (Self::Integer, Some((p, s))) => (p, s) < (20, 0),
            (Self::Decimal { precision, scale }, Some((p, s))) => {
                let (precision, scale) = (i16::from(precision), i16::from(scale));
                scale >= s && precision - scale >= p - s
            }
            (Self::Integer | Self::Decimal { .. }, None) => Self::from_arrow(stored) == self,
            _ => true,
        }
    }

    /// The model type of an Arrow type.
    pub fn from_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Integer,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Number,
            // Zeros at their ends that are not stored are digits all the same.
            DataType::Decimal32(_, s)
            | DataType::Decimal64(_, s)
            | DataType::Decimal128(_, s)
            | DataType::Decimal256(_, s)
                if *s < 0 =>
            {
                Self::Other
            }
            DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
                Self::Decimal { precision: *p, scale: *s }
            }
            DataType::Decimal256(p, s) if *p <= 38 => Self::Decimal { precision: *p, scale: *s },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(_, _) => Self::Datetime,
            DataType::Dictionary(_, value) => Self::from_arrow(value),
            DataType::Null => Self::Null,
            _ => Self::Other,
        }
    }

    /// Whether arithmetic applies.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::Decimal { .. })
    }

    /// Whether it can be truncated to a temporal grain.
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::Datetime)
    }

    /// Whether values of the two types can be compared with each other.
    pub fn comparable(self, other: Self) -> bool {
        self == Self::Null
            || other == Self::Null
            || (self == other && self != Self::Other)
            || (self.is_numeric() && other.is_numeric())
            || (self.is_temporal() && other.is_temporal())
    }

    /// The common type of two branches (of `case`, `coalesce`, an IN list), if there is one.
    pub fn unify(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Other, _) | (_, Self::Other) => None,
            (Self::Null, t) | (t, Self::Null) => Some(t),
            (a, b) if a == b => Some(a),
            (Self::Number, b) if b.is_numeric() => Some(Self::Number),
            (a, Self::Number) if a.is_numeric() => Some(Self::Number),
            (a, b) if a.is_numeric() && b.is_numeric() => {
                let ((p1, s1), (p2, s2)) = (a.digits(), b.digits());
                let scale = s1.max(s2);
                let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
                let precision = u8::try_from(whole + i16::from(scale)).unwrap_or(38).min(38);
                Some(Self::Decimal { precision, scale })
            }
            _ => None,
        }
    }

    fn digits(self) -> (u8, i8) {
        match self {
            Self::Decimal { precision, scale } => (precision, scale),
            _ => (20, 0),
        }
    }

    /// Whether a declared type describes stored values of `stored`.
    pub fn describes(self, stored: Self) -> bool {
        self == stored
    }

    /// Reads the name an author writes: `integer`, `decimal(12,2)`, …
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        Some(match lower.as_str() {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "text" => Self::Text,
            "date" => Self::Date,
            "datetime" => Self::Datetime,
            "other" => Self::Other,
            _ => {
                let inner = lower.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (p, s) = inner.split_once(',')?;
                let (precision, scale) = (p.trim().parse().ok()?, s.trim().parse().ok()?);
                let fits = (1..=38).contains(&precision)
                    && (0..=i16::from(precision)).contains(&i16::from(scale));
                fits.then_some(Self::Decimal { precision, scale })?
            }
        })
    }

    /// The type with its article, for messages: `an integer`, `a text`.
    pub fn with_article(self) -> String {
        let article = if matches!(self, Self::Integer | Self::Other) { "an" } else { "a" };
        format!("{article} {self}")
    }

    /// The names an author can write.
    pub const NAMES: [&'static str; 8] =
        ["boolean", "integer", "number", "decimal(12,2)", "text", "date", "datetime", "other"];
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Integer => f.write_str("integer"),
            Self::Number => f.write_str("number"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Text => f.write_str("text"),
            Self::Date => f.write_str("date"),
            Self::Datetime => f.write_str("datetime"),
            Self::Other => f.write_str("other"),
            Self::Null => f.write_str("null"),
        }
    }
}

/// A constant of the model language.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A finite binary floating point number.
    Number(f64),
    /// An exact number: `value / 10^scale`.
    Decimal {
        /// The digits as one whole number.
        value: i128,
        /// How many of the digits stand after the point, 0 to 38.
        scale: u8,
    },
    /// Text.
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Datetime(i64),
}

impl Literal {
    /// The type of the constant.
    pub fn data_type(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Boolean(_) => Type::Boolean,
            Self::Integer(_) => Type::Integer,
            Self::Number(_) => Type::Number,
            Self::Decimal { value, scale } => {
                let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
                let precision = u8::try_from(digits).unwrap_or(38).max(*scale).clamp(1, 38);
                Type::Decimal { precision, scale: i8::try_from(*scale).unwrap_or(0) }
            }
            Self::Text(_) => Type::Text,
            Self::Date(_) => Type::Date,
            Self::Datetime(_) => Type::Datetime,
        }
    }
}

/// What the values of a field mean, beyond their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SemanticType {
    /// Identifies a row of this table.
    Key,
    /// Identifies a row of another table.
    ForeignKey,
    /// One of a few names to group by.
    Category,
    /// A name a person reads.
    Name,
    /// A title a person reads.
    Title,
    /// A longer text.
    Description,
    /// An amount of money.
    Money,
    /// A count of things.
    Quantity,
    /// A share between 0 and 1, or a percentage.
    Percentage,
    /// A score.
    Score,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
    /// A town.
    City,
    /// A state or province.
    State,
    /// A country.
    Country,
    /// A postal code.
    ZipCode,
    /// A postal address.
    Address,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// When the row came to be.
    CreatedAt,
    /// When the row last changed.
    UpdatedAt,
    /// A day of birth.
    BirthDate,
    /// A secret that no one should list.
    Secret,
}

/// Whether a table or field is offered to askers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Offered to everyone whose grants show it.
    #[default]
    Normal,
    /// Usable inside the model (expressions, joins, policies), never by an asker.
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(text: &str, expected: Option<Type>) {
        assert_eq!(Type::parse(text), expected, "{text}");
    }

    #[track_caller]
    fn check_comparable(a: DataType, b: DataType, expected: bool) {
        let data_type = Type::from_arrow(&a);
        assert_eq!(data_type.is_comparable_as_stored(&a, &b), expected, "{a} and {b}");
    }

    #[test]
    fn what_is_stored_in_two_ways_is_compared_where_that_cannot_fail() {
        use arrow_schema::TimeUnit::{Microsecond, Second};
        let words = |value| DataType::Dictionary(Box::new(DataType::Int32), Box::new(value));
        check_comparable(DataType::Int32, DataType::Int64, true);
        check_comparable(DataType::UInt64, DataType::UInt64, true);
        check_comparable(DataType::Int64, DataType::UInt64, false);
        check_comparable(DataType::Int64, words(DataType::UInt64), false);
        check_comparable(DataType::LargeUtf8, words(DataType::Utf8), true);
        check_comparable(DataType::Float64, DataType::Float64, false);
        check_comparable(DataType::Decimal128(9, 2), DataType::Decimal128(9, 2), true);
        check_comparable(DataType::Decimal128(9, 2), DataType::Decimal128(9, 3), false);
        let time = |unit| DataType::Timestamp(unit, None);
        check_comparable(time(Second), time(Second), true);
        check_comparable(time(Second), time(Microsecond), false);
    }

    #[test]
    fn decimals_have_up_to_38_digits_and_no_negative_scale() {
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let words = |value| DataType::Dictionary(Box::new(DataType::Int32), Box::new(value));
        for (stored, expected) in [
            (DataType::Decimal128(38, 0), decimal(38, 0)),
            (DataType::Decimal256(38, 38), decimal(38, 38)),
            (DataType::Decimal256(39, 2), Type::Other),
            (DataType::Decimal32(5, -2), Type::Other),
            (DataType::Decimal64(5, -2), Type::Other),
            (DataType::Decimal128(38, -2), Type::Other),
            (DataType::Decimal256(20, -1), Type::Other),
            (words(DataType::Decimal128(5, -2)), Type::Other),
        ] {
            assert_eq!(Type::from_arrow(&stored), expected, "{stored}");
        }
    }

    #[test]
    fn type_names() {
        check_name("integer", Some(Type::Integer));
        check_name("Decimal(12, 2)", Some(Type::Decimal { precision: 12, scale: 2 }));
        check_name("decimal(39,2)", None);
        check_name("decimal(2,3)", None);
        check_name("int", None);
        check_name("decimal(", None);
    }

    #[test]
    fn unify_keeps_every_digit() {
        let a = Type::Decimal { precision: 12, scale: 2 };
        let b = Type::Decimal { precision: 6, scale: 4 };
        assert_eq!(a.unify(b), Some(Type::Decimal { precision: 14, scale: 4 }));
        assert_eq!(a.unify(Type::Number), Some(Type::Number));
        assert_eq!(a.unify(Type::Text), None);
        assert_eq!(Type::Null.unify(Type::Text), Some(Type::Text));
    }
}
