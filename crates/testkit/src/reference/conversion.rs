//! Events that follow others: each is credited once, to the latest of the same entity before it.

use std::cmp::Ordering;

use super::calendar::{self, Unit};
use super::cell::Cell;
use super::names::Ground;
use super::numbers::Follows;
use super::{Reference, Refused};

impl Reference<'_> {
    /// For each event that follows one of the rows, that row.
    ///
    /// Choice: the rows are those that pass the conditions of the question. A row that does not
    /// pass takes no credit, and its events go to the one before it.
    /// Choice: a row and an event of the same instant: the event follows the row.
    /// Choice: of several rows of one instant, the one with the greatest primary key, where the
    /// asker sees it; else, and where those are equal, that of the last group, missing keys last.
    pub(super) fn credited(
        &self,
        ground: Ground,
        rows: &[usize],
        follows: &Follows,
        keys: &dyn Fn(usize) -> Vec<Cell>,
    ) -> Result<Vec<usize>, Refused> {
        let (clock, time) = (self.world.calendar, ground.time.ok_or("no time")?);
        let (here, there) = (&self.world.tables[ground.table], &self.world.tables[follows.table]);
        let other = self.ground(follows.table, Some(follows.time));
        let all: Vec<usize> = (0..there.rows.len()).collect();
        let mut credited = Vec::new();
        for event in self.narrowed(other, &all, &follows.filters)? {
            let Some(then) = clock.micros(&there.rows[event][follows.time]) else { continue };
            let fits = |row: &usize| {
                follows.on.iter().all(|(own, theirs)| {
                    let (own, theirs) = (&here.rows[*row][*own], &there.rows[event][*theirs]);
                    !own.is_null() && own.same(theirs)
                })
            };
            let before = rows.iter().copied().filter(fits);
            let before = before.filter_map(|row| {
                let at = clock.micros(&here.rows[row][time])?;
                (at <= then).then_some((at, row))
            });
            let before: Vec<(i64, usize)> = before.collect();
            let Some((_, row)) = before.into_iter().max_by(|a, b| self.line(ground, keys, a, b))
            else {
                continue;
            };
            let end = |(count, unit)| self.later(&here.rows[row][time], count, unit);
            let in_time = match follows.window {
                Some(window) => end(window).is_some_and(|end| then < end),
                None => true,
            };
            if in_time {
                credited.push(row);
            }
        }
        Ok(credited)
    }

    /// How two rows stand in line, each with its instant.
    fn line(
        &self,
        ground: Ground,
        keys: &dyn Fn(usize) -> Vec<Cell>,
        (at, row): &(i64, usize),
        (other_at, other): &(i64, usize),
    ) -> Ordering {
        let table = &self.world.tables[ground.table];
        // Versions of one thing are told apart by when they begin.
        let begins = |row: usize| table.validity.map(|(from, _)| table.rows[row][from].clone());
        let told = |row: usize| match table.told_apart {
            true => table.key_of(row).into_iter().chain(begins(row)).collect(),
            false => Vec::new(),
        };
        let named = |row: usize| told(row).into_iter().chain(keys(row));
        let ties = named(*row).zip(named(*other)).map(|(a, b)| a.place(&b));
        at.cmp(other_at).then(ties.fold(Ordering::Equal, Ordering::then))
    }

    /// The same time of a later day, in the zone of the model.
    fn later(&self, cell: &Cell, count: i32, unit: Unit) -> Option<i64> {
        let zone = self.world.calendar.zone;
        match cell {
            Cell::Date(day) => Some(zone.first(calendar::back(*day, -count, unit))),
            Cell::Instant(micros) => {
                let shown = zone.wall(*micros);
                let day = calendar::day_of(shown);
                let days = calendar::back(day, -count, unit) - day;
                Some(zone.instant(shown + i64::from(days) * 86_400_000_000))
            }
            _ => None,
        }
    }
}
