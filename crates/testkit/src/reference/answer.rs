//! Questions to tables: each grain grouped by itself, then put together group by group.

use std::cmp::Ordering;

use super::calendar;
use super::cell::Cell;
use super::filter::{on_columns, truncated, unit};
use super::names::{Ground, Place};
use super::numbers::{Extra, Follows, Leaf, Value, of_nothing};
use super::question::{Answer, AskedField, Condition, Question};
use super::series::Periods;
use super::world::{Kind, Shift, Window};
use super::{Reference, Refused};

/// What is computed at one grain, from rows of one kind.
#[derive(Clone, Debug)]
struct Part {
    ground: Ground,
    moved: Option<(Option<Window>, Vec<Shift>)>,
    follows: Option<Follows>,
    /// The positions of its leaves.
    leaves: Vec<usize>,
}

/// A key: where it is, and its grain.
type Key = (Place, Option<&'static str>);

/// Keys of a group with the values of leaves.
type Group = (Vec<Cell>, Vec<Cell>);

fn same_keys(a: &[Cell], b: &[Cell]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.same(b))
}

fn speaks_of_time(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(speaks_of_time),
        Condition::Not(inner) => speaks_of_time(inner),
        Condition::Field { field, .. } | Condition::Relative(field, ..) => field == "metric_time",
        Condition::Exists(..) | Condition::Metric(..) => false,
    }
}

impl Reference<'_> {
    /// The answer to a question.
    ///
    /// # Errors
    /// The question means nothing.
    pub fn answer(&self, question: &Question) -> Result<Answer, Refused> {
        if let Some(inner) = &question.from {
            return self.of_answer(question, inner);
        }
        if !question.fields.is_empty() {
            return self.listing(question);
        }
        let numbers = question.metrics.len() + question.aggregations.len();
        if numbers == 0 && question.group_by.is_empty() {
            let table = question.table.as_ref().and_then(|name| self.table_named(name));
            let columns = &self.world.tables[table.ok_or("no table")?].columns;
            let all = columns.iter().map(|column| AskedField {
                field: column.name.clone(),
                grain: None,
                alias: column.name.clone(),
            });
            return self.listing(&Question { fields: all.collect(), ..question.clone() });
        }
        let (mut leaves, mut values, mut head) = (Vec::new(), Vec::new(), Vec::new());
        for asked in &question.metrics {
            let index = self.world.metrics.iter().position(|m| m.name == asked.name);
            let index = index.ok_or("no such metric")?;
            let mut of_time = |shift: Option<Shift>| {
                let first = leaves.len();
                let value = self.calculation(index, &mut leaves);
                for leaf in &mut leaves[first..] {
                    leaf.shifts.extend(shift);
                    leaf.filters.extend(asked.filter.iter().cloned().map(Extra::Asked));
                }
                value
            };
            let then = of_time(asked.offset);
            values.push(match asked.compare.filter(|compare| *compare != "value") {
                None => then,
                Some(compare) => {
                    let now = of_time(None);
                    let op = if compare == "ratio" { '/' } else { '-' };
                    Value::Calculate(op, Box::new(now), Box::new(then))
                }
            });
            head.push(asked.alias.clone());
        }
        let table = match &question.table {
            Some(name) => Some(self.table_named(name).ok_or("no such table")?),
            None => None,
        };
        for asked in &question.aggregations {
            let table = table.ok_or("no table")?;
            let ground = Ground { table, time: self.world.tables[table].time };
            let of = asked.field.as_ref().map(|field| self.field(ground, field)).transpose()?;
            leaves.push(Leaf {
                table,
                time: ground.time,
                function: asked.function,
                of,
                filters: asked.filter.iter().cloned().map(Extra::Asked).collect(),
                semi: None,
                window: None,
                shifts: Vec::new(),
                follows: None,
                dense: false,
            });
            values.push(Value::Leaf(leaves.len() - 1));
            head.push(asked.alias.clone());
        }
        let parts = self.parts(question, table, &leaves)?;
        self.grouped(question, &parts, &leaves, &values, &head)
    }

    /// Numbers of one table are computed from the same rows, unless the question goes by times and
    /// theirs differ.
    fn parts(
        &self,
        question: &Question,
        table: Option<usize>,
        leaves: &[Leaf],
    ) -> Result<Vec<Part>, Refused> {
        let filters = question.metrics.iter().filter_map(|m| m.filter.as_ref());
        let timed = question.group_by.iter().any(|key| key.field == "metric_time")
            || filters.chain(&question.filter).any(speaks_of_time);
        let mut parts: Vec<Part> = Vec::new();
        for (index, leaf) in leaves.iter().enumerate() {
            let ground = Ground { table: leaf.table, time: leaf.time };
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
                    && (!(timed || is_moved) || part.ground.time == ground.time)
                    && part.follows.is_none()
                    && leaf.follows.is_none()
            };
            match parts.iter_mut().find(fits) {
                Some(part) => part.leaves.push(index),
                None => {
                    let follows = leaf.follows.clone();
                    parts.push(Part { ground, moved, follows, leaves: vec![index] });
                }
            }
        }
        if parts.is_empty() {
            let table = table.ok_or("no table")?;
            let ground = Ground { table, time: self.world.tables[table].time };
            parts.push(Part { ground, moved: None, follows: None, leaves: Vec::new() });
        }
        Ok(parts)
    }

    fn keys(&self, question: &Question, ground: Ground) -> Result<Vec<Key>, Refused> {
        let keys = question.group_by.iter();
        keys.map(|key| Ok((self.field(ground, &key.field)?, key.grain))).collect()
    }

    /// One name means one field, or fields of one dimension.
    fn conformed(&self, question: &Question, keys: &[Vec<Key>]) -> Result<(), Refused> {
        for (index, asked) in question.group_by.iter().enumerate() {
            let places = keys.iter().map(|keys| &keys[index].0);
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

    /// The groups of a part that the rows make, by some of the keys.
    fn groups(
        &self,
        part: &Part,
        keys: &[Key],
        filter: Option<&Condition>,
        leaves: &[Leaf],
    ) -> Result<Vec<Group>, Refused> {
        let ground = part.ground;
        let own: Vec<&Leaf> = part.leaves.iter().map(|index| &leaves[*index]).collect();
        let (days, others) = self.parted(ground, filter);
        let conditions: Vec<Extra> = match &part.moved {
            Some(_) => others.into_iter().cloned().map(Extra::Asked).collect(),
            None => filter.cloned().into_iter().map(Extra::Asked).collect(),
        };
        let all: Vec<usize> = (0..self.world.tables[ground.table].rows.len()).collect();
        let mut rows = self.narrowed(ground, &all, &conditions)?;
        // Where all numbers have the same conditions, no other keeps a group for which no row
        // counts.
        if own.iter().all(|leaf| leaf.filters == own[0].filters)
            && let Some(first) = own.first()
        {
            rows = self.narrowed(ground, &rows, &first.filters)?;
        }
        let of_row = |row: usize, (place, grain): &Key| {
            truncated(&self.value(ground.table, row, place), *grain)
        };
        let stretches = match &part.moved {
            None => vec![(None, rows)],
            Some((window, shifts)) => {
                let grain = self.period(ground, keys)?.map(|(_, grain)| grain);
                let (window, shifts) = (*window, shifts.clone());
                let dated: Vec<_> = rows.iter().map(|row| (*row, self.day(ground, *row))).collect();
                Periods { grain, window, shifts, days }.rows(&dated)?
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
            let of_group = |row: usize| -> Vec<Cell> {
                let of_key = |(index, key)| match period {
                    Some(day) if at == Some(index) => Cell::Date(day),
                    _ => of_row(row, key),
                };
                keys.iter().enumerate().map(of_key).collect()
            };
            let rows = match &part.follows {
                Some(follows) => self.credited(ground, &rows, follows, &of_group)?,
                None => rows,
            };
            for row in rows {
                let found = of_group(row);
                match groups.iter_mut().find(|(known, _)| same_keys(known, &found)) {
                    Some((_, rows)) => rows.push(row),
                    None => groups.push((found, vec![row])),
                }
            }
        }
        let mut found = Vec::new();
        for (keys, rows) in groups {
            let count = Cell::Int(i64::try_from(rows.len()).unwrap_or(0));
            let cells = own.iter().map(|leaf| match leaf.follows {
                Some(_) => Ok(count.clone()),
                None => self.leaf(leaf, &rows),
            });
            found.push((keys, cells.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(found)
    }

    /// The key that periods are, and how long they are.
    fn period(
        &self,
        ground: Ground,
        keys: &[Key],
    ) -> Result<Option<(usize, calendar::Unit)>, Refused> {
        let own = |(_, (place, _)): &(usize, &Key)| {
            place.via.is_empty() && Some(place.column) == ground.time
        };
        let found: Vec<(usize, &Key)> = keys.iter().enumerate().filter(own).collect();
        match found.as_slice() {
            [] => Ok(None),
            [(index, (place, grain))] => {
                let kind = self.world.tables[place.table].columns[place.column].kind;
                let grain = match (grain, kind) {
                    (None, Kind::Date) => Some(calendar::Unit::Day),
                    (grain, _) => grain.and_then(unit),
                };
                Ok(Some((*index, grain.ok_or("no period")?)))
            }
            _ => Err("two grains of one time".to_owned()),
        }
    }

    /// All groups of all parts, each with the values of all leaves, by the keys of `level`.
    fn merged(
        &self,
        question: &Question,
        parts: &[Part],
        leaves: &[Leaf],
        level: &[usize],
    ) -> Result<Vec<Group>, Refused> {
        let mut merged: Vec<Group> = Vec::new();
        let mut all_keys = Vec::new();
        for part in parts {
            let keys = self.keys(question, part.ground)?;
            all_keys.push(keys.clone());
            let lost = |(index, _): &(usize, calendar::Unit)| !level.contains(index);
            if part.moved.is_some() && self.period(part.ground, &keys)?.as_ref().is_some_and(lost) {
                return Err("a number of periods has no total over them".to_owned());
            }
            let keys: Vec<Key> = level.iter().map(|index| keys[*index].clone()).collect();
            for (found, cells) in self.groups(part, &keys, question.filter.as_ref(), leaves)? {
                let known = merged.iter().position(|(known, _)| same_keys(known, &found));
                let position = known.unwrap_or_else(|| {
                    let nothing = |leaf: &Leaf| of_nothing(leaf.function);
                    merged.push((found, leaves.iter().map(nothing).collect()));
                    merged.len() - 1
                });
                for (index, cell) in part.leaves.iter().zip(cells) {
                    merged[position].1[*index] = cell;
                }
            }
        }
        self.conformed(question, &all_keys)?;
        Ok(merged)
    }

    /// Adds the periods that have no data, for each combination of the other keys that has some.
    fn filled(
        &self,
        question: &Question,
        parts: &[Part],
        leaves: &[Leaf],
        merged: &mut Vec<Group>,
    ) -> Result<(), Refused> {
        let dense = |part: &&Part| part.leaves.iter().any(|index| leaves[*index].dense);
        let Some(part) = parts.iter().find(dense) else { return Ok(()) };
        let keys = self.keys(question, part.ground)?;
        let of_time =
            |(place, _): &&Key| place.via.is_empty() && Some(place.column) == part.ground.time;
        if keys.iter().filter(of_time).count() > 1 {
            return Err("unclear: gaps of two keys of one time".to_owned());
        }
        let Ok(Some((at, grain))) = self.period(part.ground, &keys) else { return Ok(()) };
        let (days, _) = self.parted(part.ground, question.filter.as_ref());
        let periods = merged.iter().filter_map(|(keys, _)| match keys[at] {
            Cell::Date(day) => Some(day),
            _ => None,
        });
        let periods: Vec<i32> = periods.collect();
        let first = days.from.or(periods.iter().min().copied());
        let last = days.to.map(|to| to - 1).or(periods.iter().max().copied());
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        let mut others: Vec<Vec<Cell>> = Vec::new();
        if keys.len() == 1 {
            others.push(vec![Cell::Null]);
            if periods.is_empty() && (days.from.is_none() || days.to.is_none()) {
                return Ok(());
            }
        }
        for (found, _) in merged.iter().filter(|(keys, _)| !keys[at].is_null()) {
            let mut other = found.clone();
            other[at] = Cell::Null;
            if !others.iter().any(|known| same_keys(known, &other)) {
                others.push(other);
            }
        }
        for mut other in others {
            let mut period = calendar::floor(first, grain);
            while period <= last {
                other[at] = Cell::Date(period);
                if !merged.iter().any(|(known, _)| same_keys(known, &other)) {
                    let nothing = leaves.iter().map(|leaf| of_nothing(leaf.function)).collect();
                    merged.push((other.clone(), nothing));
                }
                period = calendar::next(period, grain);
            }
        }
        Ok(())
    }

    fn grouped(
        &self,
        question: &Question,
        parts: &[Part],
        leaves: &[Leaf],
        values: &[Value],
        numbers: &[String],
    ) -> Result<Answer, Refused> {
        let names: Vec<String> = question.group_by.iter().map(|key| key.alias.clone()).collect();
        let all: Vec<usize> = (0..names.len()).collect();
        let level = |kept: &[String]| -> Vec<usize> {
            all.iter().copied().filter(|index| kept.contains(&names[*index])).collect()
        };
        let told = |groups: Vec<Group>| -> Vec<Group> {
            let value = |cells: &[Cell]| values.iter().map(|value| value.of(cells)).collect();
            groups.into_iter().map(|(keys, cells)| (keys, value(&cells))).collect()
        };
        let mut merged = self.merged(question, parts, leaves, &all)?;
        self.filled(question, parts, leaves, &mut merged)?;
        // Rows with their level, its keys, and the numbers.
        let mut rows: Vec<(usize, Vec<usize>, Group)> =
            told(merged).into_iter().map(|group| (0, all.clone(), group)).collect();
        for (index, kept) in question.totals.iter().enumerate() {
            let level = level(kept);
            for (found, cells) in told(self.merged(question, parts, leaves, &level)?) {
                let mut keys = vec![Cell::Null; names.len()];
                for (position, key) in level.iter().zip(found) {
                    keys[*position] = key;
                }
                rows.push((index + 1, level.clone(), (keys, cells)));
            }
        }
        let mut shares: Vec<Vec<Cell>> = vec![Vec::new(); rows.len()];
        for share in &question.shares {
            let within = level(&share.within);
            let of = numbers.iter().position(|name| *name == share.of).ok_or("no such number")?;
            let totals = told(self.merged(question, parts, leaves, &within)?);
            for ((_, level, (keys, cells)), found) in rows.iter().zip(&mut shares) {
                let own: Vec<Cell> = within.iter().map(|index| keys[*index].clone()).collect();
                let total = totals.iter().find(|(known, _)| same_keys(known, &own));
                // Totals over several of the groups are the share of none of them.
                let total = total.filter(|_| within.iter().all(|key| level.contains(key)));
                found.push(total.map_or(Cell::Null, |(_, total)| cells[of].over(&total[of])));
            }
        }
        let mut head = names.clone();
        head.extend(numbers.iter().cloned());
        head.extend(question.shares.iter().map(|share| share.alias.clone()));
        let marked = !question.totals.is_empty();
        head.extend(marked.then(|| "totals".to_owned()));
        let mut shown = Vec::new();
        for ((number, _, (keys, cells)), shares) in rows.into_iter().zip(shares) {
            let mut row = keys;
            row.extend(cells);
            row.extend(shares);
            row.extend(marked.then(|| Cell::Int(i64::try_from(number).unwrap_or(0))));
            // Totals are those of all groups, also of the ones that are left out.
            let kept = match &question.having {
                Some(having) => number > 0 || on_columns(&head, &row, having)? == Some(true),
                None => true,
            };
            if kept {
                shown.push(row);
            }
        }
        let keys = (0..names.len()).map(|index| (index, false)).collect::<Vec<_>>();
        ordered(question, &head, &mut shown, &keys)?;
        Ok(Answer { head, rows: shown, ordered: !marked })
    }

    fn listing(&self, question: &Question) -> Result<Answer, Refused> {
        let name = question.table.as_ref().ok_or("no table")?;
        let table = self.table_named(name).ok_or("no such table")?;
        let ground = Ground { table, time: self.world.tables[table].time };
        let all: Vec<usize> = (0..self.world.tables[table].rows.len()).collect();
        let filter: Vec<Extra> = question.filter.iter().cloned().map(Extra::Asked).collect();
        let mut head: Vec<String> = question.fields.iter().map(|f| f.alias.clone()).collect();
        let mut places = Vec::new();
        for asked in &question.fields {
            places.push((self.field(ground, &asked.field)?, asked.grain));
        }
        let shown = places.len();
        // What is only ordered by stands behind, the primary key last.
        for (name, _) in question.order_by.iter().filter(|(name, _)| !head.contains(name)) {
            places.push((self.field(ground, name)?, None));
        }
        let behind = question.order_by.iter().map(|(name, _)| name);
        let behind: Vec<String> = behind.filter(|name| !head.contains(name)).cloned().collect();
        head.extend(behind);
        places.push((Place { via: Vec::new(), table, column: 0 }, None));
        let rows = self.narrowed(ground, &all, &filter)?.into_iter();
        let cell =
            |row: usize, (place, grain): &Key| truncated(&self.value(table, row, place), *grain);
        let mut rows: Vec<Vec<Cell>> =
            rows.map(|row| places.iter().map(|place| cell(row, place)).collect()).collect();
        ordered(question, &head, &mut rows, &[(places.len() - 1, false)])?;
        rows.iter_mut().for_each(|row| row.truncate(shown));
        head.truncate(shown);
        Ok(Answer { head, rows, ordered: true })
    }
}

/// Orders rows by what is asked, then by the keys, missing values last; and cuts them.
pub(super) fn ordered(
    question: &Question,
    head: &[String],
    rows: &mut Vec<Vec<Cell>>,
    keys: &[(usize, bool)],
) -> Result<(), Refused> {
    let mut by = Vec::new();
    for (name, largest) in &question.order_by {
        let index = head.iter().position(|known| known == name).ok_or("no such column")?;
        by.push((index, *largest));
    }
    by.extend(keys);
    rows.sort_by(|a, b| {
        let one = |(index, largest): &(usize, bool)| {
            let (a, b) = (&a[*index], &b[*index]);
            if *largest && !a.is_null() && !b.is_null() { b.place(a) } else { a.place(b) }
        };
        by.iter().map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    if let Some(limit) = question.limit {
        rows.truncate(limit);
    }
    Ok(())
}
