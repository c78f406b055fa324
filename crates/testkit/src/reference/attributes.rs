//! Attributes that an asker may lack, beside his lists `cats` and `sizes`: what he has of them, and
//! what policies make of that.

use std::cmp::Ordering;

use super::cell::Cell;
use super::policy::{Grant, Policies, RowRule};
use super::world::Kind;

/// What somebody has of an attribute.
#[derive(Clone, Debug)]
pub enum Given {
    /// Nothing.
    Absent,
    /// A null.
    Null,
    /// One value.
    One(Cell),
    /// A list of values.
    List(Vec<Cell>),
}

/// An attribute that policies declare, and what the asker has of it.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Of its value, or of each value of a list: texts, whole numbers or doubles.
    pub kind: Kind,
    /// Whether it is a list.
    pub list: bool,
    /// What the asker has of it, of its type or not.
    pub given: Given,
}

/// What an attribute is compared with.
#[derive(Clone, Debug)]
pub enum Side {
    /// The value of a column.
    Column(usize),
    /// This value, whatever the row.
    Value(Cell),
}

/// A comparison with an attribute of the asker.
#[derive(Clone, Debug)]
pub struct AttributeRule {
    /// What stands on the left.
    pub side: Side,
    /// `=` or `<=`; of a list, whether it is one of its values.
    pub op: &'static str,
    /// What stands on the right.
    pub attribute: Attribute,
}

impl Attribute {
    /// The values that policies compare with; `None` where it is missing or has another type.
    pub(crate) fn values(&self) -> Option<Vec<Cell>> {
        match (&self.given, self.list) {
            (Given::One(cell), false) => self.value(cell).map(|value| vec![value]),
            (Given::List(cells), true) => cells.iter().map(|cell| self.value(cell)).collect(),
            _ => None,
        }
    }

    /// A value under the declared type. A whole number may come as the text that it is written as.
    fn value(&self, cell: &Cell) -> Option<Cell> {
        match (self.kind, cell) {
            (Kind::Text, Cell::Text(_))
            | (Kind::Int, Cell::Int(_))
            | (Kind::Double, Cell::Int(_) | Cell::Double(_)) => Some(cell.clone()),
            (Kind::Int, Cell::Text(text)) => {
                let number: i64 = text.parse().ok()?;
                (number.to_string() == *text).then_some(Cell::Int(number))
            }
            _ => None,
        }
    }
}

impl AttributeRule {
    /// Whether it holds for a row; unknown where the row's value is missing.
    pub(super) fn holds(&self, row: &[Cell]) -> Option<bool> {
        let value = match &self.side {
            Side::Column(column) => &row[*column],
            Side::Value(value) => value,
        };
        if value.is_null() {
            return None;
        }
        let is = |with: &Cell| match self.op {
            "<=" => value.compare(with).is_some_and(Ordering::is_le),
            _ => value.same(with),
        };
        Some(self.attribute.values()?.iter().any(is))
    }
}

impl RowRule {
    /// The first attribute that it asks for and the asker lacks: then it says nothing at all.
    pub(crate) fn lacking(&self) -> Option<&Attribute> {
        self.leaves().into_iter().find_map(|leaf| match leaf {
            Self::Attribute(rule) => Some(&rule.attribute).filter(|of| of.values().is_none()),
            _ => None,
        })
    }

    /// The list without values that it asks for: then no row passes, whatever else it says.
    pub(crate) fn empty_list(&self) -> Option<Attribute> {
        self.leaves().into_iter().find_map(|leaf| match leaf {
            Self::Attribute(rule) => {
                let of = &rule.attribute;
                of.values().is_some_and(|values| values.is_empty()).then(|| of.clone())
            }
            // Texts are among the one list, numbers among the other.
            Self::Among(column, values) if values.is_empty() => {
                let (name, kind) = match column {
                    1 => ("cats", Kind::Text),
                    _ => ("sizes", Kind::Int),
                };
                Some(Attribute { name, kind, list: true, given: Given::List(Vec::new()) })
            }
            _ => None,
        })
    }
}

impl Grant {
    /// Whether it gives nothing, for want of an attribute.
    pub(crate) fn lacks(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.lacking().is_some())
    }
}

impl Policies {
    /// Policies that show the names of which the asker is told that he lacks an attribute for them:
    /// of tables all of whose grants give nothing for want of one. Of rows they say nothing.
    pub(crate) fn promised(&self) -> Self {
        let mut promised = self.clone();
        let gives = self.grants.iter().filter(|grant| !grant.lacks());
        promised.grants.retain(|grant| {
            !grant.lacks() || !gives.clone().any(|other| other.table == grant.table)
        });
        for grant in promised.grants.iter_mut().filter(|grant| grant.lacks()) {
            grant.rows = None;
        }
        promised
    }
}
