//! Numbers of other times: each period's value is worked out from the rows of the days that count
//! for it, as if nothing else had been asked.

use super::calendar::{self, Calendar, Unit};
use super::cell::Cell;
use super::names::Ground;
use super::numbers::Moved;
use super::question::Condition;
use super::world::{Kind, Shift, Start, Window};
use super::{Reference, Refused};

/// The first day of a period, where there are periods, and the rows that count in it.
pub(super) type Period = (Option<i32>, Vec<usize>);

/// A stretch of days: from the first up to, but without, the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: Option<i32>,
    pub(super) to: Option<i32>,
}

impl Days {
    fn and(self, other: Self) -> Self {
        let to = [self.to, other.to].into_iter().flatten().min();
        Self { from: self.from.max(other.from), to }
    }
}

/// The day whose value a day shows.
fn shown(day: i32, (shift, weeks): Moved) -> i32 {
    match shift {
        Shift::Back(count, unit) => calendar::back(day, count, unit),
        Shift::StartOf(unit) => weeks.floor(day, unit),
    }
}

/// Which days' rows count for which periods. Periods are those of the question; a metric that
/// counts since the start of a week means the weeks of the model.
#[derive(Clone, Debug)]
pub(super) struct Periods {
    pub(super) grain: Option<Unit>,
    pub(super) window: Option<Window>,
    pub(super) shifts: Vec<Moved>,
    pub(super) days: Days,
    pub(super) asked: Calendar,
    pub(super) model: Calendar,
}

impl Periods {
    /// The stretch that the values are taken from.
    fn source(&self) -> Days {
        let grain = self.grain.unwrap_or(Unit::Day);
        let (mut from, mut to) = (self.days.from, self.days.to);
        for shift in self.shifts.iter().rev() {
            to = to.map(|end| match shift {
                // The end of a month of which all days are moved is the start of the next, whatever
                // the lengths of both.
                (Shift::Back(..), weeks)
                    if weeks.floor(end, Unit::Month) == end
                        && from.is_none_or(|from| from <= weeks.floor(end - 1, Unit::Month)) =>
                {
                    shown(end, *shift)
                }
                (Shift::Back(..), _) => shown(end - 1, *shift) + 1,
                (Shift::StartOf(_), _) => self.asked.next(shown(end - 1, *shift), grain),
            });
            from = from.map(|day| shown(day, *shift));
        }
        Days { from, to }
    }

    fn start(&self, start: Start, told: i32) -> Option<i32> {
        match start {
            Start::AllTime => None,
            Start::Trailing(count, unit) => Some(calendar::back(told + 1, count, unit)),
            Start::ToDate(unit) => Some(self.model.floor(told, unit)),
        }
    }

    /// Whether a row of `day` counts for the period; `newest` is the last day with rows.
    fn counts(&self, period: i32, grain: Unit, day: i32, newest: i32) -> bool {
        let source = self.source();
        let back = |day, shift: &Moved| self.asked.floor(shown(day, *shift), grain);
        let period = self.shifts.iter().rev().fold(period, back);
        let Some((start, first)) = self.window else {
            let within =
                source.from.is_none_or(|from| day >= from) && source.to.is_none_or(|to| day < to);
            return within && self.asked.floor(day, grain) == period;
        };
        let last = source.to.map_or(newest, |to| to - 1);
        if period > last || source.from.is_some_and(|from| from > last) {
            return false;
        }
        let told = if first {
            source.from.map_or(period, |from| period.max(from))
        } else {
            (self.asked.next(period, grain) - 1).min(last)
        };
        day <= told && self.start(start, told).is_none_or(|start| day >= start)
    }

    /// The periods that are told, given the days of all rows.
    fn told(&self, grain: Unit, days: &[i32], newest: i32) -> Vec<i32> {
        let Some(oldest) = days.iter().min() else { return Vec::new() };
        let end = self.days.to.unwrap_or(newest + 1);
        // Of a stretch that has no day no period is told.
        if self.days.from.is_some_and(|from| from >= end) {
            return Vec::new();
        }
        let mut period = self.asked.floor(self.days.from.unwrap_or(*oldest), grain);
        let mut found = Vec::new();
        while period < end {
            found.push(period);
            period = self.asked.next(period, grain);
        }
        found
    }

    /// The rows of each period, or of all that is asked where there are none; each row has its day.
    ///
    /// Choice: without a grain and an end, a running total counts rows without a time as well.
    /// Choice: without an end that is asked for, the last period is that of `newest`, the newest
    /// row that passes the conditions of any number of the question of which enough rows pass.
    pub(super) fn rows(
        &self,
        rows: &[(usize, Option<i32>)],
        newest: Option<i32>,
    ) -> Result<Vec<Period>, Refused> {
        let days: Vec<i32> = rows.iter().filter_map(|(_, day)| *day).collect();
        let newest = newest.unwrap_or(0);
        let picked = |test: &dyn Fn(Option<i32>) -> bool| -> Vec<usize> {
            rows.iter().filter(|(_, day)| test(*day)).map(|(row, _)| *row).collect()
        };
        let Some(grain) = self.grain else {
            let source = self.source();
            let (from, to) = match self.window {
                None => (source.from, source.to),
                Some((_, true)) if source.from.is_none() => {
                    return Err("the first day of which stretch?".to_owned());
                }
                Some(_) if source.from.is_some() && source.to.is_none() => {
                    return Err("a stretch without an end".to_owned());
                }
                Some((start, true)) => {
                    let told = source.from.unwrap_or(0);
                    (
                        self.start(start, told),
                        Some(source.to.map_or(told + 1, |to| to.min(told + 1))),
                    )
                }
                Some((start, _)) => match source.to {
                    Some(to) => (self.start(start, to - 1), Some(to)),
                    None if start == Start::AllTime => (None, None),
                    None => return Err("a number up to which day?".to_owned()),
                },
            };
            // Of a stretch that has no day no day is told.
            let is_empty = self.days.from.zip(self.days.to).is_some_and(|(from, to)| from >= to);
            let starts = self.shifts.iter().any(|shift| matches!(shift, (Shift::StartOf(_), _)));
            if starts || (!self.shifts.is_empty() && self.days.to.is_none()) {
                return Err("of which time?".to_owned());
            }
            let within = |day: Option<i32>| match day {
                _ if is_empty => false,
                Some(day) => from.is_none_or(|f| day >= f) && to.is_none_or(|t| day < t),
                None => from.is_none() && to.is_none(),
            };
            return Ok(vec![(None, picked(&within))]);
        };
        let periods = self.told(grain, &days, newest).into_iter();
        Ok(periods
            .map(|period| {
                let counts =
                    |day: Option<i32>| day.is_some_and(|d| self.counts(period, grain, d, newest));
                (Some(period), picked(&counts))
            })
            .collect())
    }
}

/// The conditions that all hold.
pub(super) fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

impl Reference<'_> {
    /// Whether a name is the time of what is computed.
    pub(super) fn is_time(&self, ground: Ground, name: &str) -> bool {
        let found = self.find(ground, name);
        found.is_ok_and(|place| place.via.is_empty() && Some(place.column) == ground.time)
    }

    /// The days that a condition on the time means, if it is a stretch of them.
    pub(super) fn days(&self, ground: Ground, condition: &Condition) -> Option<Days> {
        let kind = self.world.tables[ground.table].columns[ground.time?].kind;
        match condition {
            Condition::Relative(field, op, count, unit) if self.is_time(ground, field) => {
                let (from, to) = self.stretch(op, *count, *unit);
                Some(Days { from: Some(from), to: Some(to) })
            }
            Condition::Field { field, grain, op, values, .. } if self.is_time(ground, field) => {
                let grain = Unit::of_grain(grain.unwrap_or("day"))?;
                let starting = |micros: i64| {
                    let day = self.calendar.day(micros);
                    (self.calendar.zone.first(day) == micros).then_some(day)
                };
                let day = |value: &Cell| match (value, kind) {
                    (Cell::Date(day), _) => Some(*day),
                    (Cell::Instant(micros), Kind::Instant) => starting(*micros),
                    (Cell::Clock(shown), Kind::Instant) => {
                        starting(self.calendar.zone.instant(*shown))
                    }
                    _ => None,
                };
                let days: Vec<i32> = values.iter().map(day).collect::<Option<_>>()?;
                let next = |day: i32| Some(self.calendar.next(day, grain));
                let (from, to) = match (*op, days.as_slice()) {
                    ("=", [day]) => (Some(*day), next(*day)),
                    ("<", [day]) => (None, Some(*day)),
                    ("<=", [day]) => (None, next(*day)),
                    (">", [day]) => (next(*day), None),
                    (">=", [day]) => (Some(*day), None),
                    ("between", [a, b]) => (Some(*a), next(*b)),
                    ("in_range", [a, b]) => (Some(*a), Some(*b)),
                    _ => return None,
                };
                Some(Days { from, to })
            }
            _ => None,
        }
    }

    /// What all conditions on the time of some numbers ask for, and the other conditions.
    pub(super) fn parted<'c>(
        &self,
        ground: Ground,
        condition: Option<&'c Condition>,
    ) -> (Days, Vec<&'c Condition>) {
        let (mut days, mut others) = (Days::default(), Vec::new());
        for conjunct in condition.into_iter().flat_map(conjuncts) {
            match self.days(ground, conjunct) {
                Some(found) => days = days.and(found),
                None => others.push(conjunct),
            }
        }
        (days, others)
    }

    /// The day of a row's time.
    pub(super) fn day(&self, ground: Ground, row: usize) -> Option<i32> {
        let cell = &self.world.tables[ground.table].rows[row][ground.time?];
        match self.calendar.truncated(cell, Some("day")) {
            Cell::Date(day) => Some(day),
            _ => None,
        }
    }
}
