//! What is shown of one field, in the words of the author of the policies.

use std::fmt;

use sandbar_catalog::Literal;
use sandbar_catalog::query::date_of_days;

use super::rows::Rows;
use crate::mask::Mask;

/// In which rows the values of a field are shown, and what masks them: the first rows that a row
/// is among decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    rules: Vec<(Rows, Option<Mask>)>,
    /// Rows that some grant shows without the field.
    left_out: Vec<Rows>,
}

impl Shown {
    /// A grant shows the field in these rows. A clear value beats a mask.
    pub(crate) fn show(&mut self, rows: Rows, mask: Option<Mask>) {
        if rows.is_nothing() || self.rules.contains(&(rows.clone(), mask.clone())) {
            return;
        }
        let clear = self.rules.iter().filter(|(_, mask)| mask.is_none()).count();
        let at = if mask.is_none() { clear } else { self.rules.len() };
        self.rules.insert(at, (rows, mask));
        if let Some(end) = self.rules.iter().position(|(rows, _)| rows.is_everything()) {
            self.rules.truncate(end + 1);
            self.left_out.clear();
        }
    }

    /// A grant shows these rows, without the field.
    pub(crate) fn leave_out(&mut self, rows: &Rows) {
        let all = self.rules.iter().any(|(shown, _)| shown.is_everything());
        if !all && !rows.is_nothing() && !self.left_out.contains(rows) {
            self.left_out.push(rows.clone());
        }
    }

    /// Whether the values of all visible rows are shown as they are.
    pub(crate) fn is_clear(&self) -> bool {
        self.uniform() == Some(&None)
    }

    /// The mask of all visible rows, where they have one or none in common.
    fn uniform(&self) -> Option<&Option<Mask>> {
        let (_, first) = self.rules.first()?;
        let same = self.rules.iter().all(|(_, mask)| mask == first);
        (same && self.left_out.is_empty()).then_some(first)
    }

    /// Whether they differ in more than in which rows there are, which their table tells.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        match (self.uniform(), other.uniform()) {
            (Some(a), Some(b)) => a != b,
            _ => self.rules != other.rules || self.left_out.is_empty() != other.left_out.is_empty(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mask) = self.uniform() {
            return f.write_str(&mask_text(mask.as_ref()));
        }
        if self.rules.is_empty() {
            return f.write_str("NULL");
        }
        for (rows, mask) in &self.rules {
            write!(f, "{} where {rows}; ", mask_text(mask.as_ref()))?;
        }
        f.write_str("else NULL")
    }
}

fn mask_text(mask: Option<&Mask>) -> String {
    match mask {
        None => "clear".to_owned(),
        Some(Mask::Null) => "null".to_owned(),
        Some(Mask::Hash) => "hash".to_owned(),
        Some(Mask::Prefix(length)) => format!("prefix {length}"),
        Some(Mask::Constant(value)) => format!("constant {}", constant_text(value)),
    }
}

fn constant_text(value: &Literal) -> String {
    match value {
        Literal::Text(text) => format!("'{text}'"),
        Literal::Date(days) => date_of_days(*days).map(|date| date.to_string()).unwrap_or_default(),
        Literal::Decimal { value, scale } => {
            let (sign, digits) = (if *value < 0 { "-" } else { "" }, value.unsigned_abs());
            let unit = 10_u128.checked_pow(u32::from(*scale)).unwrap_or(1).max(1);
            let (whole, rest) = (digits / unit, digits % unit);
            let width = usize::from(*scale);
            if width == 0 {
                format!("{sign}{whole}")
            } else {
                format!("{sign}{whole}.{rest:0width$}")
            }
        }
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) => value.to_string(),
        Literal::Number(value) => value.to_string(),
        _ => "NULL".to_owned(),
    }
}
