//! Whether a row passes a condition: true, false, or unknown because a value is missing.

use std::cmp::Ordering;

use super::calendar::{self, Calendar, Unit};
use super::cell::Cell;
use super::names::{Ground, NotFound};
use super::question::Condition;
use super::world::{Kind, Rule};
use super::{Reference, Refused};

/// True, false or unknown.
pub(super) type Truth = Option<bool>;

pub(super) fn all(parts: impl Iterator<Item = Truth>) -> Truth {
    let mut unknown = false;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(true)
}

fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}

pub(super) fn any(parts: impl Iterator<Item = Truth>) -> Truth {
    not(all(parts.map(not)))
}

impl Calendar {
    /// The bucket or part of a time.
    ///
    /// Choice: an hour begins where the clocks that show it would show its beginning, also where
    /// they were changed since.
    pub(crate) fn truncated(self, cell: &Cell, grain: Option<&str>) -> Cell {
        let Some(grain) = grain else { return cell.clone() };
        let (day, shown, micros) = match cell {
            Cell::Date(day) => (*day, 0, 0),
            Cell::Instant(micros) => (self.day(*micros), self.zone.wall(*micros), *micros),
            _ => return Cell::Null,
        };
        let size = match grain {
            "hour" | "hour_of_day" => 3_600_000_000,
            "minute" | "minute_of_hour" => 60_000_000,
            _ => 1_000_000,
        };
        match grain {
            "hour" | "minute" | "second" => Cell::Instant(micros - shown.rem_euclid(size)),
            "hour_of_day" => Cell::Int(shown.div_euclid(size).rem_euclid(24)),
            "minute_of_hour" | "second_of_minute" => {
                Cell::Int(shown.div_euclid(size).rem_euclid(60))
            }
            other => match (Unit::of_grain(other), self.part(day, other)) {
                (Some(unit), _) => Cell::Date(self.floor(day, unit)),
                (None, Some(part)) => Cell::Int(part),
                (None, None) => Cell::Null,
            },
        }
    }

    /// How a present value lies to one that was written; a date stands for all instants of its day.
    fn against(self, value: &Cell, with: &Cell) -> Option<Ordering> {
        match (value, with) {
            (Cell::Instant(micros), Cell::Date(day)) => Some(self.day(*micros).cmp(day)),
            (Cell::Instant(micros), Cell::Clock(shown)) => {
                Some(micros.cmp(&self.zone.instant(*shown)))
            }
            _ => value.compare(with),
        }
    }

    /// The first instant of a time.
    pub(super) fn micros(self, cell: &Cell) -> Option<i64> {
        match cell {
            Cell::Date(day) => Some(self.zone.first(*day)),
            Cell::Instant(micros) => Some(*micros),
            _ => None,
        }
    }

    /// A value compared as the query language says.
    pub(super) fn compared(self, value: &Cell, op: &str, values: &[Cell], case: bool) -> Truth {
        let missing = value.is_null();
        let is = |wanted: fn(Ordering) -> bool, with: &Cell| {
            (!missing).then(|| self.against(value, with).is_some_and(wanted))
        };
        let fold = |text: &str| if case { text.to_owned() } else { text.to_lowercase() };
        let texts = |test: fn(&str, &str) -> bool| -> Truth {
            match value {
                Cell::Text(text) => Some(values.iter().any(|with| match with {
                    Cell::Text(with) => test(&fold(text), &fold(with)),
                    _ => false,
                })),
                _ => None,
            }
        };
        let equal = || any(values.iter().map(|with| is(Ordering::is_eq, with)));
        match op {
            "=" | "in" => equal(),
            "!=" | "not_in" => Some(missing || equal() == Some(false)),
            "<" => is(Ordering::is_lt, &values[0]),
            "<=" => is(Ordering::is_le, &values[0]),
            ">" => is(Ordering::is_gt, &values[0]),
            ">=" => is(Ordering::is_ge, &values[0]),
            "between" => {
                all([is(Ordering::is_ge, &values[0]), is(Ordering::is_le, &values[1])].into_iter())
            }
            "in_range" => {
                all([is(Ordering::is_ge, &values[0]), is(Ordering::is_lt, &values[1])].into_iter())
            }
            "is_null" => Some(missing),
            "not_null" => Some(!missing),
            "empty" => Some(missing || *value == Cell::Text(String::new())),
            // Known for a missing value as well: the opposite of `empty`.
            "not_empty" => Some(!missing && *value != Cell::Text(String::new())),
            "contains" => texts(|text, with| text.contains(with)),
            "not_contains" => {
                Some(missing || texts(|text, with| text.contains(with)) == Some(false))
            }
            "starts_with" => texts(|text, with| text.starts_with(with)),
            "ends_with" => texts(|text, with| text.ends_with(with)),
            _ => None,
        }
    }
}

/// Whether a value compares so, where it is present.
fn holds(value: &Cell, op: &str, with: &Cell) -> Truth {
    let found = value.compare(with)?;
    Some(match op {
        "=" => found.is_eq(),
        "<>" => found.is_ne(),
        "<" => found.is_lt(),
        "<=" => found.is_le(),
        ">" => found.is_gt(),
        _ => found.is_ge(),
    })
}

impl Reference<'_> {
    /// The stretch of days that is meant, counted from today.
    pub(super) fn stretch(&self, op: &str, count: i32, unit: Unit) -> (i32, i32) {
        let today = self.calendar.day(self.world.now);
        let this = self.calendar.floor(today, unit);
        match op {
            "this" => (this, self.calendar.next(this, unit)),
            "previous" => (calendar::back(this, count, unit), this),
            // Choice, from the table in docs/query.md: `last` 3 months are 4, with the current one.
            _ => (calendar::back(this, count, unit), self.calendar.next(this, unit)),
        }
    }

    /// A date has no hours, and a number no days, whether there are rows or none.
    pub(super) fn has_grains(&self, ground: Ground, condition: &Condition) -> Result<(), Refused> {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().try_for_each(|part| self.has_grains(ground, part))
            }
            Condition::Not(inner) => self.has_grains(ground, inner),
            Condition::Field { field, grain: Some(grain), .. } => {
                let Ok(place) = self.field(ground, field) else { return Ok(()) };
                let kind = self.world.tables[place.table].columns[place.column].kind;
                let finer = ["hour", "minute", "second"].iter().any(|of| grain.starts_with(of));
                if !kind.is_time() || kind == Kind::Date && finer {
                    return Err(format!("{field} has no {grain}"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn passes(
        &self,
        ground: Ground,
        row: usize,
        condition: &Condition,
    ) -> Result<bool, Refused> {
        Ok(self.truth(ground, row, condition)? == Some(true))
    }

    pub(super) fn truth(
        &self,
        ground: Ground,
        row: usize,
        condition: &Condition,
    ) -> Result<Truth, Refused> {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                let parts = parts.iter().map(|part| self.truth(ground, row, part));
                let parts = parts.collect::<Result<Vec<_>, _>>()?.into_iter();
                Ok(match condition {
                    Condition::And(_) => all(parts),
                    _ => any(parts),
                })
            }
            Condition::Not(inner) => Ok(not(self.truth(ground, row, inner)?)),
            Condition::Field { field, grain, op, values, case } => {
                self.on_field(ground, row, field, &|cell| {
                    self.calendar.compared(
                        &self.calendar.truncated(cell, *grain),
                        op,
                        values,
                        *case,
                    )
                })
            }
            Condition::Relative(field, op, count, unit) => {
                let (from, to) = self.stretch(op, *count, *unit);
                self.on_field(ground, row, field, &|cell| match self
                    .calendar
                    .truncated(cell, Some("day"))
                {
                    Cell::Date(day) => Some(from <= day && day < to),
                    _ => None,
                })
            }
            Condition::Segment(name) => {
                let (via, table, rule) = self.segment(ground, name)?;
                // Choice: where a row leads to none, all that the segment reads is missing.
                Ok(match self.follow(ground, row, &via) {
                    Some(row) => self.rule(table, row, rule),
                    None => self.rule_on(&[], rule),
                })
            }
            Condition::Exists(name, inner) => {
                let (step, rest) = self.step(ground, name)?;
                if !rest.is_empty() {
                    return Err(format!("{name} leads to no rows"));
                }
                let there = self.ground(step.table, None);
                let mut found = false;
                for row in self.many(ground, row, &step) {
                    found |= match inner {
                        Some(inner) => self.passes(there, row, inner)?,
                        None => true,
                    };
                }
                Ok(Some(found))
            }
            Condition::Metric(name, per, op, values) => {
                let value = self.of_entity(ground, row, name, per.as_deref())?;
                Ok(self.calendar.compared(&value, op, values, false))
            }
        }
    }

    /// Where a name stands for many rows, one of them has to pass; that is never unknown.
    fn on_field(
        &self,
        ground: Ground,
        row: usize,
        name: &str,
        test: &dyn Fn(&Cell) -> Truth,
    ) -> Result<Truth, Refused> {
        match self.tested(ground, name) {
            Ok(place) => Ok(test(&self.value(ground, row, &place))),
            Err(NotFound::Other(why)) => Err(why),
            Err(NotFound::Many) => {
                let (step, rest) = self.step(ground, name)?;
                let there = self.ground(step.table, None);
                let mut found = false;
                for row in self.many(ground, row, &step) {
                    found |= self.on_field(there, row, &rest, test)? == Some(true);
                }
                Ok(Some(found))
            }
        }
    }

    /// Whether the author's condition holds for a row of a table. He counts as the model does,
    /// whoever asks.
    pub(super) fn rule(&self, table: usize, row: usize, rule: &Rule) -> Truth {
        self.rule_on(&self.world.tables[table].rows[row], rule)
    }

    /// The same for the cells of a row; those that there are none of are missing.
    fn rule_on(&self, cells: &[Cell], rule: &Rule) -> Truth {
        let cell = |column: usize| cells.get(column).unwrap_or(&Cell::Null);
        match rule {
            Rule::IsNull(column) => Some(cell(*column).is_null()),
            Rule::Compare(column, op, with) => holds(cell(*column), op, with),
            Rule::Part(column, part, op, with) => {
                let found = self.world.calendar.truncated(cell(*column), Some(part));
                holds(&found, op, &Cell::Int(*with))
            }
            Rule::Bucket(column, unit, op, with) => {
                let found = self.world.calendar.truncated(cell(*column), Some(unit.name()));
                holds(&found, op, &Cell::Date(*with))
            }
            Rule::And(a, b) => all([a, b].into_iter().map(|r| self.rule_on(cells, r))),
            Rule::Or(a, b) => any([a, b].into_iter().map(|r| self.rule_on(cells, r))),
            Rule::Not(inner) => not(self.rule_on(cells, inner)),
        }
    }

    /// Whether a row of an answer passes a condition on its columns.
    pub(super) fn on_columns(
        &self,
        head: &[String],
        row: &[Cell],
        condition: &Condition,
    ) -> Result<Truth, Refused> {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                let parts = parts.iter().map(|part| self.on_columns(head, row, part));
                let parts = parts.collect::<Result<Vec<_>, _>>()?.into_iter();
                Ok(match condition {
                    Condition::And(_) => all(parts),
                    _ => any(parts),
                })
            }
            Condition::Not(inner) => Ok(not(self.on_columns(head, row, inner)?)),
            Condition::Field { field, grain, op, values, case } => {
                let index = head.iter().position(|name| name == field).ok_or("no such column")?;
                let cell = self.calendar.truncated(&row[index], *grain);
                Ok(self.calendar.compared(&cell, op, values, *case))
            }
            _ => Err("a condition on rows".to_owned()),
        }
    }
}
