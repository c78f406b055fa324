//! Calculations that a model offers and that fail on some rows: division, cast, CASE, overflow.

use std::fmt;

use super::world::Row;

/// A value that a calculation has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Value {
    Whole(i128),
    /// With four digits behind the point.
    Decimal(i128),
    /// A text, a date, an instant or a boolean, as it is shown.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(n) => write!(f, "{n}"),
            Self::Decimal(n) => write!(f, "{}.{:04}", n / 10_000, n % 10_000),
            Self::Text(text) if text.is_empty() => f.write_str("\"\""),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A calculated field that fails on every hidden row.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) expr: &'static str,
    /// Its value in a row that does not make it fail.
    pub(super) value: fn(&Row) -> Option<Value>,
    /// Something in the middle of its values.
    pub(super) middle: Middle,
}

/// A constant to compare with.
pub(super) enum Middle {
    Whole(i64),
    Decimal(i64),
    Text(&'static str),
    /// Of a type whose constants are quoted in a model too.
    Day(&'static str),
}

fn whole(n: i64) -> Value {
    Value::Whole(i128::from(n))
}

pub(super) const ATTACKS: [Attack; 13] = [
    Attack {
        name: "ratio",
        expr: "div(1000000, salary - 100000)",
        value: |row| Some(whole(1_000_000 / (row.salary? - 100_000))),
        middle: Middle::Whole(-2_000),
    },
    Attack {
        name: "parsed",
        expr: "cast(secret as integer)",
        value: |row| Some(whole(row.secret.as_ref()?.parse().unwrap())),
        middle: Middle::Whole(250),
    },
    Attack {
        name: "branched",
        expr: "case when tenant = 'b' then div(1, salary - 100000) else 0 end",
        // Missing where what it is calculated from is hidden, whatever it would make of that.
        value: |row| (!row.is_blank()).then_some(Value::Whole(0)),
        middle: Middle::Whole(1),
    },
    Attack {
        name: "doubled",
        expr: "big * 2",
        value: |row| Some(whole(row.big? * 2)),
        middle: Middle::Whole(700),
    },
    Attack {
        name: "summed",
        expr: "big + id + 8",
        value: |row| Some(whole(row.big? + row.id + 8)),
        middle: Middle::Whole(9_000),
    },
    Attack {
        name: "size",
        expr: "abs(low)",
        value: |row| Some(whole(row.low?.abs())),
        middle: Middle::Whole(150),
    },
    Attack {
        name: "negated",
        expr: "-low",
        value: |row| Some(whole(-row.low?)),
        middle: Middle::Whole(150),
    },
    Attack {
        name: "squared",
        expr: "money * money",
        value: |row| Some(Value::Decimal(row.money? * row.money?)),
        middle: Middle::Decimal(1_000),
    },
    Attack {
        name: "sliced",
        expr: "substring(secret, 1, cut)",
        value: |row| {
            let length = usize::try_from(row.cut?).unwrap();
            Some(Value::Text(row.secret.as_ref()?.chars().take(length).collect()))
        },
        middle: Middle::Text("3"),
    },
    Attack {
        name: "dated",
        expr: "cast(day as date)",
        value: |row| Some(Value::Text(row.day.clone()?)),
        middle: Middle::Day("2026-01-15"),
    },
    Attack {
        name: "timed",
        expr: "cast(day as datetime)",
        value: |row| Some(Value::Text(format!("{}T00:00:00Z", row.day.as_ref()?))),
        middle: Middle::Day("2026-01-15"),
    },
    Attack {
        name: "priced",
        expr: "cast(secret as decimal(9,4))",
        value: |row| Some(Value::Decimal(row.secret.as_ref()?.parse::<i128>().unwrap() * 10_000)),
        middle: Middle::Decimal(250),
    },
    Attack {
        name: "counted",
        expr: "cast(score as integer)",
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        value: |row| Some(whole(row.score? as i64)),
        middle: Middle::Whole(100),
    },
];

impl Attack {
    /// The middle as a value.
    pub(super) fn middle(&self) -> Value {
        match (&self.middle, self.name) {
            (Middle::Whole(n), _) => whole(*n),
            (Middle::Decimal(n), _) => Value::Decimal(i128::from(*n) * 10_000),
            (Middle::Day(day), "timed") => Value::Text(format!("{day}T00:00:00Z")),
            (Middle::Text(text) | Middle::Day(text), _) => Value::Text((*text).to_owned()),
        }
    }

    /// The middle as it stands in a question.
    pub(super) fn middle_in_question(&self) -> String {
        match &self.middle {
            Middle::Whole(n) | Middle::Decimal(n) => n.to_string(),
            Middle::Text(text) => format!("\"{text}\""),
            // A date beside an instant would be the whole day.
            Middle::Day(day) if self.name == "timed" => format!("\"{day}T00:00:00Z\""),
            Middle::Day(day) => format!("\"{day}\""),
        }
    }

    /// The middle as it stands in a model.
    pub(super) fn below_in_model(&self) -> String {
        match &self.middle {
            Middle::Whole(n) | Middle::Decimal(n) => n.to_string(),
            Middle::Text(text) | Middle::Day(text) => format!("'{text}'"),
        }
    }

    /// Whether its values can be added up.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.middle, Middle::Whole(_) | Middle::Decimal(_))
    }
}
