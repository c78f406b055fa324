//! One value of a row, and what can be calculated with it. It knows no table and no question.

use std::cmp::Ordering;

/// A value; each kind is one type of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Missing.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number of tenths, hundredths …: the digits, and how many stand after the point.
    Decimal(i128, u8),
    /// A double.
    Double(f64),
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// What clocks show, as if they were those of UTC; only in questions.
    Clock(i64),
}

use Cell::{Bool, Clock, Date, Decimal, Double, Instant, Int, Null, Text};

/// Ten to the power of `n`.
fn ten(n: u8) -> i128 {
    10_i128.pow(u32::from(n))
}

impl Cell {
    /// Whether it is missing.
    pub fn is_null(&self) -> bool {
        matches!(self, Null)
    }

    /// Roughly when a time is, to put times of all kinds in order.
    pub fn micros(&self) -> Option<i64> {
        match self {
            Date(day) => Some(i64::from(*day) * 86_400_000_000),
            Instant(micros) | Clock(micros) => Some(*micros),
            _ => None,
        }
    }

    /// The digits and scale of an exact number.
    pub fn exact(&self) -> Option<(i128, u8)> {
        match self {
            Int(n) => Some((i128::from(*n), 0)),
            Decimal(n, scale) => Some((*n, *scale)),
            _ => None,
        }
    }

    /// The number as a double.
    #[expect(clippy::cast_precision_loss, reason = "that is what a double is")]
    pub fn double(&self) -> Option<f64> {
        match self {
            Double(n) => Some(*n),
            other => other.exact().map(|(n, scale)| n as f64 / 10_f64.powi(i32::from(scale))),
        }
    }

    /// The order of two present values of one kind, or of two numbers.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Text(a), Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Bool(a), Bool(b)) => Some(a.cmp(b)),
            (Date(a), Date(b)) => Some(a.cmp(b)),
            (Instant(a), Instant(b)) => Some(a.cmp(b)),
            _ => match (self.exact(), other.exact()) {
                (Some((a, s)), Some((b, t))) => Some((a * ten(t)).cmp(&(b * ten(s)))),
                // What is no number is greater than every number.
                _ => match (self.double()?, other.double()?) {
                    (a, b) if a.is_nan() || b.is_nan() => Some(a.is_nan().cmp(&b.is_nan())),
                    (a, b) => a.partial_cmp(&b),
                },
            },
        }
    }

    /// Whether both are one group: equal, or both missing.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Null, Null) => true,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// The order of keys: missing ones last.
    pub fn place(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Null, Null) => Ordering::Equal,
            (Null, _) => Ordering::Greater,
            (_, Null) => Ordering::Less,
            // Of two kinds that are not compared, each stands with its own.
            _ => self.compare(other).unwrap_or_else(|| self.kind().cmp(&other.kind())),
        }
    }

    /// A number for each kind of values that are compared with each other.
    fn kind(&self) -> u8 {
        match self {
            Int(_) | Decimal(..) | Double(_) => 0,
            Text(_) => 1,
            Bool(_) => 2,
            Date(_) => 3,
            Instant(_) => 4,
            Clock(_) => 5,
            Null => 6,
        }
    }

    /// The sum; missing if one of them is.
    pub fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Null, _) | (_, Null) => Null,
            (Int(a), Int(b)) => Int(a + b),
            _ => match (self.exact(), other.exact()) {
                (Some((a, s)), Some((b, t))) => {
                    let scale = s.max(t);
                    Decimal(a * ten(scale - s) + b * ten(scale - t), scale)
                }
                _ => self.doubles(other, |a, b| a + b),
            },
        }
    }

    /// The number with the other sign.
    pub fn negated(&self) -> Self {
        match self {
            Int(n) => Int(-n),
            Decimal(n, scale) => Decimal(-n, *scale),
            Double(n) => Double(-n),
            _ => Null,
        }
    }

    /// The product; missing if one of them is.
    pub fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Null, _) | (_, Null) => Null,
            (Int(a), Int(b)) => Int(a * b),
            _ => match (self.exact(), other.exact()) {
                (Some((a, s)), Some((b, t))) => Decimal(a * b, s + t),
                _ => self.doubles(other, |a, b| a * b),
            },
        }
    }

    /// The quotient in double precision; missing where the divisor is 0 or missing.
    pub fn over(&self, other: &Self) -> Self {
        match (self.double(), other.double()) {
            (Some(a), Some(b)) if b != 0.0 => Double(a / b),
            _ => Null,
        }
    }

    fn doubles(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        match (self.double(), other.double()) {
            (Some(a), Some(b)) => Double(f(a, b)),
            _ => Null,
        }
    }

    /// As it is written in an answer.
    pub fn text(&self) -> String {
        match self {
            Null => String::new(),
            Int(n) => n.to_string(),
            Decimal(n, 0) => n.to_string(),
            Decimal(n, scale) => {
                let sign = if *n < 0 { "-" } else { "" };
                let (whole, rest) = (n.abs() / ten(*scale), n.abs() % ten(*scale));
                format!("{sign}{whole}.{rest:0width$}", width = usize::from(*scale))
            }
            Double(n) => format!("{n:?}"),
            Text(text) if text.is_empty() => "\"\"".to_owned(),
            Text(text) => text.clone(),
            Bool(b) => b.to_string(),
            Date(day) => super::calendar::written(*day),
            Instant(micros) => format!("{}Z", clock(*micros)),
            Clock(micros) => clock(*micros),
        }
    }
}

/// What clocks show.
pub(crate) fn clock(micros: i64) -> String {
    let date = super::calendar::written(super::calendar::day_of(micros));
    let second = micros.div_euclid(1_000_000).rem_euclid(86_400);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{date}T{hour:02}:{minute:02}:{:02}", second % 60)
}
