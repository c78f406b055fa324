//! The groups that the rows of one grain make, and the numbers of each.

use super::bins::Cut;
use super::calendar;
use super::cell::Cell;
use super::names::{Ground, Place, Step};
use super::numbers::{Extra, Follows, Leaf, Moved};
use super::question::{Condition, Question};
use super::series::Periods;
use super::smallest::Limit;
use super::world::{Kind, Window};
use super::{Reference, Refused};

/// What is computed at one grain, from rows of one kind.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) ground: Ground,
    pub(super) moved: Option<(Option<Window>, Vec<Moved>)>,
    pub(super) follows: Option<Follows>,
    /// The positions of its leaves.
    pub(super) leaves: Vec<usize>,
    /// The positions of all leaves for which its groups are there.
    pub(super) beside: Vec<usize>,
    /// The tables among what it reads that are told in groups.
    pub(super) limits: Vec<Limit>,
}

/// A key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Over which rows, where a row has many.
    pub(super) bridge: Option<Step>,
    /// Where it is, from these or from the row.
    pub(super) place: Place,
    /// What stands in place of its values.
    pub(super) cut: Option<Cut>,
}

impl Key {
    /// Whether it is the time of what is computed.
    pub(super) fn is_time_of(&self, ground: Ground) -> bool {
        let own = self.bridge.is_none() && self.place.via.is_empty();
        own && Some(self.place.column) == ground.time
    }
}

/// Keys of a group with the values of leaves.
pub(super) type Group = (Vec<Cell>, Vec<Cell>);

pub(super) fn same_keys(a: &[Cell], b: &[Cell]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.same(b))
}

fn speaks_of_time(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(speaks_of_time),
        Condition::Not(inner) => speaks_of_time(inner),
        Condition::Field { field, .. } | Condition::Relative(field, ..) => field == "metric_time",
        Condition::Segment(_) | Condition::Exists(..) | Condition::Metric(..) => false,
    }
}

impl Reference<'_> {
    /// Numbers of one table are computed from the same rows, unless the question goes by times, or
    /// the rows see versions by theirs, and these differ.
    pub(super) fn parts(
        &self,
        question: &Question,
        table: Option<usize>,
        leaves: &[Leaf],
    ) -> Result<Vec<Part>, Refused> {
        let metrics = question.metrics.iter().filter_map(|m| m.filter.as_ref());
        let measures = question.measures.iter().filter_map(|m| m.filter.as_ref());
        let aggregations = question.aggregations.iter().filter_map(|a| a.filter.as_ref());
        let mut filters = metrics.chain(measures).chain(aggregations).chain(&question.filter);
        let keys = question.group_by.iter().map(|key| key.field.as_str());
        let of = question.aggregations.iter().filter_map(|a| a.field.as_deref());
        let timed = keys.chain(of).any(|name| name == "metric_time") || filters.any(speaks_of_time);
        let mut parts: Vec<Part> = Vec::new();
        for (index, leaf) in leaves.iter().enumerate() {
            let ground = leaf.ground();
            let is_moved = leaf.window.is_some() || !leaf.shifts.is_empty();
            if is_moved && leaf.time.is_none() {
                return Err("no time".to_owned());
            }
            if is_moved && leaf.follows.is_some() {
                return Err("conversions have no other time".to_owned());
            }
            let moved = is_moved.then(|| (leaf.window, leaf.shifts.clone()));
            let fits = |part: &&mut Part| {
                part.ground.table == ground.table
                    && part.moved == moved
                    && (!(timed || is_moved || self.world.sees_history(ground.table))
                        || part.ground.held == ground.held)
                    && part.follows.is_none()
                    && leaf.follows.is_none()
            };
            match parts.iter_mut().find(fits) {
                Some(part) => part.leaves.push(index),
                None => {
                    let follows = leaf.follows.clone();
                    let (leaves, beside, limits) = (vec![index], Vec::new(), Vec::new());
                    parts.push(Part { ground, moved, follows, leaves, beside, limits });
                }
            }
        }
        if parts.is_empty() {
            let table = table.ok_or("no table")?;
            let ground = self.ground(table, None);
            let (leaves, beside, limits) = (Vec::new(), Vec::new(), Vec::new());
            parts.push(Part { ground, moved: None, follows: None, leaves, beside, limits });
        }
        // Which version a row sees is no reason to lose a group that another number of its table has.
        let plain = |part: &Part| part.moved.is_none() && part.follows.is_none();
        let of_tables: Vec<(usize, Vec<usize>)> = parts
            .iter()
            .filter(|part| plain(part))
            .map(|part| (part.ground.table, part.leaves.clone()))
            .collect();
        for part in &mut parts {
            part.beside = if timed || !plain(part) {
                part.leaves.clone()
            } else {
                let own = of_tables.iter().filter(|(table, _)| *table == part.ground.table);
                own.flat_map(|(_, leaves)| leaves.iter().copied()).collect()
            };
            let keys = self.keys(question, part.ground)?;
            part.limits = self.limits_of(part, &keys, question.filter.as_ref(), leaves)?;
        }
        Ok(parts)
    }

    pub(super) fn keys(&self, question: &Question, ground: Ground) -> Result<Vec<Key>, Refused> {
        let keys = question.group_by.iter();
        let keys: Vec<Key> = keys
            .map(|key| self.key(ground, &key.field, key.cut))
            .collect::<Result<_, Refused>>()?;
        let mut bridges = keys.iter().filter_map(|key| key.bridge.as_ref());
        let first = bridges.next();
        match bridges.any(|other| Some(other) != first) {
            true => Err("two bridges".to_owned()),
            false => Ok(keys),
        }
    }

    /// The groups that a row belongs to, each once.
    fn groups_of(&self, ground: Ground, row: usize, keys: &[Key]) -> Vec<Vec<Cell>> {
        let bridge = keys.iter().find_map(|key| key.bridge.as_ref());
        let many = bridge.map(|step| (self.ground(step.table, None), self.many(ground, row, step)));
        let cell = |key: &Key, other: Option<(Ground, usize)>| {
            let from = if key.bridge.is_some() { other } else { Some((ground, row)) };
            let cell = from.map_or(Cell::Null, |(from, row)| self.value(from, row, &key.place));
            self.calendar.cut(&cell, key.cut)
        };
        let group = |other| keys.iter().map(|key| cell(key, other)).collect::<Vec<_>>();
        let mut found: Vec<Vec<Cell>> = Vec::new();
        for other in many.iter().flat_map(|(table, rows)| rows.iter().map(|row| (*table, *row))) {
            let group = group(Some(other));
            if !found.iter().any(|known| same_keys(known, &group)) {
                found.push(group);
            }
        }
        // A row that belongs to nothing still counts.
        if found.is_empty() {
            found.push(group(None));
        }
        found
    }

    /// One name means one field, or fields of one dimension.
    pub(super) fn conformed(&self, question: &Question, keys: &[Vec<Key>]) -> Result<(), Refused> {
        for (index, asked) in question.group_by.iter().enumerate() {
            let places = keys.iter().map(|keys| &keys[index].place);
            let means = |place: &Place| {
                let column = &self.world.tables[place.table].columns[place.column];
                (place.table, place.column, column.dimension.clone())
            };
            let all: Vec<_> = places.map(means).collect();
            let same = |other: &(usize, usize, Option<String>)| {
                (other.0, other.1) == (all[0].0, all[0].1)
                    || (other.2.is_some() && other.2 == all[0].2)
            };
            if asked.field != "metric_time" && !all.iter().all(same) {
                return Err(format!("{} means several things", asked.field));
            }
        }
        Ok(())
    }

    /// The rows that a part is computed from.
    fn rows_of(
        &self,
        part: &Part,
        filter: Option<&Condition>,
        leaves: &[Leaf],
    ) -> Result<Vec<usize>, Refused> {
        let ground = part.ground;
        let (_, others) = self.parted(ground, filter);
        let conditions: Vec<Extra> = match &part.moved {
            Some(_) => others.into_iter().cloned().map(Extra::Asked).collect(),
            None => filter.cloned().into_iter().map(Extra::Asked).collect(),
        };
        let all: Vec<usize> = (0..self.world.tables[ground.table].rows.len()).collect();
        let rows = self.narrowed(ground, &all, &conditions)?;
        // Where all numbers have the same conditions, no other keeps a group for which no row
        // counts.
        let mut filters = part.beside.iter().map(|index| &leaves[*index].filters);
        match filters.next() {
            Some(first) if filters.all(|other| other == first) => {
                self.narrowed(ground, &rows, first)
            }
            _ => Ok(rows),
        }
    }

    /// The last day of the rows of all parts whose periods a key of the question is, without parts
    /// of too few rows to be told.
    pub(super) fn newest(
        &self,
        question: &Question,
        parts: &[Part],
        leaves: &[Leaf],
    ) -> Result<Option<i32>, Refused> {
        let mut newest = None;
        for part in parts {
            let keys = self.keys(question, part.ground)?;
            if self.period(part.ground, &keys).is_ok_and(|period| period.is_some()) {
                let rows = self.rows_of(part, question.filter.as_ref(), leaves)?;
                if !self.enough(part.ground, &part.limits, &rows) {
                    continue;
                }
                newest =
                    newest.max(rows.iter().filter_map(|row| self.day(part.ground, *row)).max());
            }
        }
        Ok(newest)
    }

    /// The groups of a part that the rows make, by some of the keys.
    pub(super) fn groups(
        &self,
        part: &Part,
        keys: &[Key],
        filter: Option<&Condition>,
        leaves: &[Leaf],
        newest: Option<i32>,
    ) -> Result<Vec<Group>, Refused> {
        let ground = part.ground;
        let own: Vec<&Leaf> = part.leaves.iter().map(|index| &leaves[*index]).collect();
        let (days, _) = self.parted(ground, filter);
        let rows = self.rows_of(part, filter, leaves)?;
        if part.follows.is_some() && keys.iter().any(|key| key.bridge.is_some()) {
            return Err("conversions are grouped by no bridge".to_owned());
        }
        let stretches = match &part.moved {
            None => vec![(None, rows)],
            Some((window, shifts)) => {
                let grain = self.period(ground, keys)?.map(|(_, grain)| grain);
                let (window, shifts) = (*window, shifts.clone());
                let dated: Vec<_> = rows.iter().map(|row| (*row, self.day(ground, *row))).collect();
                let (asked, model) = (self.calendar, self.world.calendar);
                Periods { grain, window, shifts, days, asked, model }.rows(&dated, newest)?
            }
        };
        let at = match part.moved {
            Some(_) => self.period(ground, keys)?.map(|(index, _)| index),
            None => None,
        };
        let mut groups: Vec<(Vec<Cell>, Vec<usize>)> = Vec::new();
        if keys.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        for (period, rows) in stretches {
            let groups_of = |row: usize| {
                let mut groups = self.groups_of(ground, row, keys);
                if let (Some(day), Some(at)) = (period, at) {
                    groups.iter_mut().for_each(|group| group[at] = Cell::Date(day));
                }
                groups
            };
            let belongs = |row| groups_of(row).into_iter().map(move |group| (row, group));
            let rows = match &part.follows {
                Some(follows) => {
                    // There are groups of rows that nothing follows.
                    for group in rows.iter().flat_map(|row| groups_of(*row)) {
                        if !groups.iter().any(|(known, _)| same_keys(known, &group)) {
                            groups.push((group, Vec::new()));
                        }
                    }
                    self.credited(ground, &rows, follows, &|row| groups_of(row).remove(0))?
                }
                None => rows,
            };
            for (row, found) in rows.into_iter().flat_map(belongs) {
                match groups.iter_mut().find(|(known, _)| same_keys(known, &found)) {
                    Some((_, rows)) => rows.push(row),
                    None => groups.push((found, vec![row])),
                }
            }
        }
        // That there is a group tells of its rows.
        groups.retain(|(keys, rows)| keys.is_empty() || self.enough(ground, &part.limits, rows));
        let mut found = Vec::new();
        for (keys, rows) in groups {
            let count = Cell::Int(i64::try_from(rows.len()).unwrap_or(0));
            let cells = own.iter().map(|leaf| match leaf.follows {
                Some(_) => Ok(count.clone()),
                None => self.told_leaf(leaf, &rows, &part.limits),
            });
            found.push((keys, cells.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(found)
    }

    /// The key that periods are, and how long they are.
    pub(super) fn period(
        &self,
        ground: Ground,
        keys: &[Key],
    ) -> Result<Option<(usize, calendar::Unit)>, Refused> {
        let own = |(_, key): &(usize, &Key)| key.is_time_of(ground);
        let found: Vec<(usize, &Key)> = keys.iter().enumerate().filter(own).collect();
        match found.as_slice() {
            [] => Ok(None),
            [(index, key)] => {
                let kind = self.world.tables[key.place.table].columns[key.place.column].kind;
                let grain = match (key.cut, kind) {
                    (None, Kind::Date) => Some(calendar::Unit::Day),
                    (Some(Cut::Grain(grain)), _) => calendar::Unit::of_grain(grain),
                    _ => None,
                };
                Ok(Some((*index, grain.ok_or("no period")?)))
            }
            _ => Err("two grains of one time".to_owned()),
        }
    }
}
