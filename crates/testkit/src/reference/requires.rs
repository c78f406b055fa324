//! Numbers of several units, which are not added up: what a question has to group by, or to narrow
//! to one value.

use super::cell::Cell;
use super::groups::Key;
use super::names::Ground;
use super::numbers::{Extra, Leaf};
use super::question::{Condition, Question};
use super::world::{Kind, Rule};
use super::{Reference, Refused};

impl Reference<'_> {
    /// A question groups by what its numbers require, also in totals and shares, or narrows it to
    /// one value.
    pub(super) fn required(&self, question: &Question, leaves: &[Leaf]) -> Result<(), Refused> {
        for leaf in leaves.iter().filter(|leaf| !leaf.requires.is_empty()) {
            let keys = self.keys(question, leaf.ground())?;
            for column in &leaf.requires {
                let is_it = |key: &Key| {
                    let own = key.bridge.is_none() && key.place.via.is_empty();
                    own && key.place.column == *column && key.cut.is_none()
                };
                let grouped = question.group_by.iter().zip(&keys).filter(|(_, key)| is_it(key));
                let names: Vec<&String> = grouped.map(|(asked, _)| &asked.alias).collect();
                let within = question.shares.iter().map(|share| &share.within);
                let mut levels = question.totals.iter().chain(within);
                let keeps = |level: &Vec<String>| names.iter().any(|name| level.contains(name));
                let is_grouped = !names.is_empty() && levels.all(keeps);
                if !is_grouped && !self.is_narrowed(question, leaf, *column) {
                    return Err("numbers of several units".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Whether all rows that count have one value.
    fn is_narrowed(&self, question: &Question, leaf: &Leaf, column: usize) -> bool {
        let (ground, filter) = (leaf.ground(), question.filter.as_ref());
        let narrows = |condition: &Condition| self.narrows(ground, condition, column);
        // Of a number of periods a condition on the time says which are told, and no more.
        let is_moved = leaf.window.is_some() || !leaf.shifts.is_empty();
        let asked = match is_moved {
            true => self.parted(ground, filter).1,
            false => filter.into_iter().collect(),
        };
        asked.into_iter().any(narrows)
            || leaf.filters.iter().any(|extra| match extra {
                Extra::Rule(rule) => rule.narrows(column),
                Extra::Asked(condition) => narrows(condition),
            })
    }

    /// Choice: a condition narrows to one value if it names that, alone or beside others.
    fn narrows(&self, ground: Ground, condition: &Condition, column: usize) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().any(|part| self.narrows(ground, part, column)),
            Condition::Segment(name) => self
                .segment(ground, name)
                .is_ok_and(|(via, _, rule)| via.is_empty() && rule.narrows(column)),
            Condition::Field { field, grain: None, op: "=" | "in", values, .. } => {
                let columns = &self.world.tables[ground.table].columns;
                // A day stands for all instants of it.
                let one = |value: &Cell| {
                    columns[column].kind != Kind::Instant || !matches!(value, Cell::Date(_))
                };
                let same = |value: &Cell| values.iter().all(|other| other.same(value));
                values.first().is_some_and(|value| one(value) && same(value))
                    && self
                        .find(ground, field)
                        .is_ok_and(|place| place.via.is_empty() && place.column == column)
            }
            _ => false,
        }
    }
}

impl Rule {
    /// Whether it holds for rows with one value alone.
    fn narrows(&self, column: usize) -> bool {
        match self {
            Self::Compare(of, "=", _) => *of == column,
            Self::And(a, b) => a.narrows(column) || b.narrows(column),
            _ => false,
        }
    }
}
