//! Events that follow others: each is credited once, to the latest of the same entity before it.

use super::calendar;
use super::cell::Cell;
use super::filter::micros;
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
        let time = ground.time.ok_or("no time")?;
        let (here, there) = (&self.world.tables[ground.table], &self.world.tables[follows.table]);
        let other = Ground { table: follows.table, time: Some(follows.time) };
        let all: Vec<usize> = (0..there.rows.len()).collect();
        let mut credited = Vec::new();
        for event in self.narrowed(other, &all, &follows.filters)? {
            let Some(then) = micros(&there.rows[event][follows.time]) else { continue };
            let fits = |row: &usize| {
                follows.on.iter().all(|(own, theirs)| {
                    let (own, theirs) = (&here.rows[*row][*own], &there.rows[event][*theirs]);
                    !own.is_null() && own.same(theirs)
                })
            };
            let before = rows.iter().copied().filter(fits);
            let before = before.filter_map(|row| {
                let at = micros(&here.rows[row][time])?;
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
            let in_time = follows.window.is_none_or(|(count, unit)| {
                let day = calendar::day_of(latest);
                let end = calendar::back(day, -count, unit);
                then < latest + i64::from(end - day) * 86_400_000_000
            });
            if in_time {
                credited.push(tied[0]);
            }
        }
        Ok(credited)
    }
}
