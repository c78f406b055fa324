//! Events that follow others: each is credited once, to the latest of the same entity before it.

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
            let Some(latest) = before.iter().map(|(at, _)| *at).max() else { continue };
            let tied: Vec<usize> =
                before.iter().filter(|(at, _)| *at == latest).map(|(_, row)| *row).collect();
            let same = |row: &usize| keys(*row).iter().zip(keys(tied[0])).all(|(a, b)| a.same(&b));
            if !tied.iter().all(same) {
                return Err("unclear: two rows of one instant, and which is credited?".to_owned());
            }
            let end = |(count, unit)| self.later(&here.rows[tied[0]][time], count, unit);
            let in_time = match follows.window {
                Some(window) => end(window).is_some_and(|end| then < end),
                None => true,
            };
            if in_time {
                credited.push(tied[0]);
            }
        }
        Ok(credited)
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
