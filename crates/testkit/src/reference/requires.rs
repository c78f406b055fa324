//! Numbers of several units, which are not added up: what a question has to group by, or to narrow
//! to one value.

use super::answer::{Numbers, narrowed};
use super::cell::Cell;
use super::groups::Key;
use super::names::Ground;
use super::numbers::{Extra, Leaf};
use super::question::{AskedField, Condition, Question};
use super::world::{Function, Kind, Rule};
use super::{Reference, Refused};

/// A column of an answer, or all rows, and the column that tells its units apart, if there is one.
pub(super) struct Requires {
    column: Option<String>,
    by: Option<String>,
    kind: Kind,
}

impl Reference<'_> {
    /// A question groups by what its numbers require, also in totals and shares, or narrows it to
    /// one value.
    pub(super) fn required(&self, question: &Question, leaves: &[Leaf]) -> Result<(), Refused> {
        for leaf in leaves.iter().filter(|leaf| !leaf.requires.is_empty()) {
            let keys = self.keys(question, leaf.ground())?;
            for column in &leaf.requires {
                // What stands in place of several values tells nothing apart.
                if self.world.tables[leaf.table].columns[*column].masked {
                    return Err("units that are masked".to_owned());
                }
                let grouped = question.group_by.iter().zip(&keys);
                let grouped = grouped.filter(|(_, key)| key.is_plainly(*column));
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

    /// What numbers made of the columns of an answer require.
    fn requires(&self, question: &Question) -> Result<Vec<Requires>, Refused> {
        if let Some(inner) = &question.from {
            return self.of_one_unit(question, inner);
        }
        let question = narrowed(question);
        let mut found = Vec::new();
        let Numbers { leaves, values, head } = self.numbers(&question)?;
        for (index, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| !leaf.requires.is_empty())
        {
            let keys = self.keys(&question, leaf.ground())?;
            for column in leaf.requires.iter().filter(|c| !self.is_narrowed(&question, leaf, **c)) {
                let keys = question.group_by.iter().zip(&keys);
                let key =
                    keys.filter(|(_, key)| key.is_plainly(*column)).map(|(asked, _)| asked).next();
                let by = key.map(|asked| asked.alias.clone());
                let kind = self.world.tables[leaf.table].columns[*column].kind;
                let of = head.iter().zip(&values).filter(|(_, value)| value.reads(index));
                found.extend(of.map(|(name, _)| Requires {
                    column: Some(name.clone()),
                    by: by.clone(),
                    kind,
                }));
            }
        }
        if !question.totals.is_empty() {
            // Rows of totals, and those that they are totals of.
            let by = Some("totals".to_owned());
            found.push(Requires { column: None, by, kind: Kind::Int });
        }
        Ok(found)
    }

    /// The same of a question to an answer, which puts numbers together that are of one value alone.
    pub(super) fn of_one_unit(
        &self,
        question: &Question,
        inner: &Question,
    ) -> Result<Vec<Requires>, Refused> {
        let known = self.requires(inner)?;
        let mut found = Vec::new();
        for Requires { column, by, kind } in known {
            let narrows = |filter: Option<&Condition>| {
                by.as_ref().zip(filter).is_some_and(|(by, filter)| filter.narrows_to(by, kind))
            };
            if narrows(question.filter.as_ref()) {
                continue;
            }
            let is_listed = question.aggregations.is_empty() && question.group_by.is_empty();
            let listed = if is_listed { &question.fields } else { &question.group_by };
            let shows_all = is_listed && question.fields.is_empty();
            let key =
                |asked: &&AskedField| Some(&asked.field) == by.as_ref() && asked.cut.is_none();
            let told = match shows_all {
                true => by.clone(),
                false => listed.iter().find(key).map(|asked| asked.alias.clone()),
            };
            let is_it = |field: &String| column.as_ref().is_none_or(|column| column == field);
            let mut names: Vec<&String> = Vec::new();
            if shows_all {
                names.extend(&column);
            }
            names.extend(listed.iter().filter(|asked| is_it(&asked.field)).map(|a| &a.alias));
            for asked in &question.aggregations {
                let reads = match &column {
                    None => true,
                    Some(_) if asked.function == Function::Count => false,
                    Some(_) => asked.field.as_ref().is_some_and(is_it),
                };
                if !reads || narrows(asked.filter.as_ref()) {
                    continue;
                }
                if told.is_none() {
                    return Err("numbers of several units in an answer".to_owned());
                }
                names.push(&asked.alias);
            }
            if column.is_none() {
                found.push(Requires { column: None, by: told, kind });
                continue;
            }
            let handed = names.into_iter().map(|name| Some(name.clone()));
            found.extend(handed.map(|column| Requires { column, by: told.clone(), kind }));
        }
        Ok(found)
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
                is_one(values, self.world.tables[ground.table].columns[column].kind)
                    && self
                        .find(ground, field)
                        .is_ok_and(|place| place.via.is_empty() && place.column == column)
            }
            _ => false,
        }
    }
}

/// Whether these are one value of a type. A day stands for all instants of it.
fn is_one(values: &[Cell], kind: Kind) -> bool {
    let one = |value: &Cell| kind != Kind::Instant || !matches!(value, Cell::Date(_));
    let same = |value: &Cell| values.iter().all(|other| other.same(value));
    values.first().is_some_and(|value| one(value) && same(value))
}

impl Condition {
    /// The same of a condition on the columns of an answer.
    fn narrows_to(&self, column: &str, kind: Kind) -> bool {
        match self {
            Self::And(parts) => parts.iter().any(|part| part.narrows_to(column, kind)),
            Self::Field { field, grain: None, op: "=" | "in", values, .. } => {
                field == column && is_one(values, kind)
            }
            _ => false,
        }
    }
}

impl Key {
    /// Whether it is a column of the row itself, as it is.
    fn is_plainly(&self, column: usize) -> bool {
        let own = self.bridge.is_none() && self.place.via.is_empty();
        own && self.place.column == column && self.cut.is_none()
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
