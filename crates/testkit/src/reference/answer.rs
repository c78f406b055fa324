//! Questions to tables: each grain grouped by itself, then put together group by group.

use super::bins::Cut;
use super::calendar;
use super::cell::Cell;
use super::groups::{Group, Key, Part, same_keys};
use super::listing::ordered;
use super::names::Place;
use super::numbers::{Extra, Leaf, Value, moved};
use super::question::{Answer, AskedField, AskedMeasure, Condition, Question};
use super::world::{Function, Shift};
use super::{Reference, Refused};

/// The numbers of a question.
pub(super) struct Numbers {
    /// What they aggregate.
    pub(super) leaves: Vec<Leaf>,
    /// What is calculated of that.
    pub(super) values: Vec<Value>,
    pub(super) head: Vec<String>,
}

/// A question with its segments in its filter.
pub(super) fn narrowed(question: &Question) -> Question {
    let segments = question.segments.iter().cloned().map(Condition::Segment);
    let filter = question.filter.clone().into_iter().chain(segments).reduce(Condition::and);
    Question { filter, segments: Vec::new(), ..question.clone() }
}

impl Reference<'_> {
    /// The answer to a question.
    ///
    /// # Errors
    /// The question means nothing.
    pub fn answer(&self, question: &Question) -> Result<Answer, Refused> {
        self.within_scope(question)?;
        self.whole(question)
    }

    /// The same, whatever the asker's token is for.
    pub(super) fn whole(&self, question: &Question) -> Result<Answer, Refused> {
        self.asked_by(question).told(question)
    }

    fn told(&self, question: &Question) -> Result<Answer, Refused> {
        if let Some(inner) = &question.from {
            return self.of_answer(question, inner);
        }
        if !question.segments.is_empty() {
            return self.told(&narrowed(question));
        }
        if !question.fields.is_empty() {
            return self.listing(question);
        }
        let made_up = question.measures.len() + question.aggregations.len();
        let numbers = question.metrics.len() + made_up;
        if numbers == 0 && question.group_by.is_empty() {
            let table = question.table.as_ref().and_then(|name| self.table_named(name));
            let columns = &self.world.tables[table.ok_or("no table")?].columns;
            let all = columns.iter().filter(|column| !column.hidden).map(|column| AskedField {
                field: column.name.clone(),
                cut: None,
                alias: column.name.clone(),
            });
            return self.listing(&Question { fields: all.collect(), ..question.clone() });
        }
        let Numbers { leaves, values, head } = self.numbers(question)?;
        self.required(question, &leaves)?;
        let table = question.table.as_ref().and_then(|name| self.table_named(name));
        let parts = self.parts(question, table, &leaves)?;
        self.grouped(question, &parts, &leaves, &values, &head)
    }

    /// The numbers of a question.
    pub(super) fn numbers(&self, question: &Question) -> Result<Numbers, Refused> {
        let (mut leaves, mut values, mut head) = (Vec::new(), Vec::new(), Vec::new());
        for asked in &question.metrics {
            let index = self.world.metrics.iter().position(|m| m.name == asked.name);
            let index = index.filter(|index| self.world.shows(*index)).ok_or("no such metric")?;
            let mut of_time = |shift: Option<Shift>| {
                let first = leaves.len();
                let value = self.calculation(index, &mut leaves);
                for leaf in &mut leaves[first..] {
                    leaf.shifts.extend(shift.map(|shift| moved(shift, self.calendar)));
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
        for asked in &question.measures {
            let table = table.ok_or("no table")?;
            values.push(self.measured(table, asked, &mut leaves)?);
            head.push(asked.alias.clone());
        }
        for asked in &question.aggregations {
            let ground = self.ground(table.ok_or("no table")?, None);
            let of = asked.field.as_ref().map(|field| self.field(ground, field)).transpose()?;
            let filters = asked.filter.iter().cloned().map(Extra::Asked).collect();
            let cut = asked.grain.map(Cut::Grain);
            leaves.push(Leaf { of, cut, filters, ..Leaf::new(ground, asked.function) });
            values.push(Value::Leaf(leaves.len() - 1));
            head.push(asked.alias.clone());
        }
        Ok(Numbers { leaves, values, head })
    }

    /// The calculation of a measure, its aggregations added to `leaves`.
    fn measured(
        &self,
        table: usize,
        asked: &AskedMeasure,
        leaves: &mut Vec<Leaf>,
    ) -> Result<Value, Refused> {
        let mut measures = self.world.tables[table].measures.iter();
        let measure = measures.find(|measure| measure.name == asked.name);
        let measure = measure.filter(|measure| self.world.shows_measure(table, measure));
        let measure = measure.ok_or("no such measure")?;
        let ground = self.ground(table, None);
        let filters: Vec<Extra> = asked.filter.iter().cloned().map(Extra::Asked).collect();
        let of = measure.column.map(|column| Place { via: Vec::new(), table, column });
        let (within, all) = (measure.filter.clone(), filters.clone());
        leaves.push(Leaf { of, within, filters, ..Leaf::new(ground, measure.function) });
        let value = Value::Leaf(leaves.len() - 1);
        if !measure.per_row {
            return Ok(value);
        }
        leaves.push(Leaf { filters: all, ..Leaf::new(ground, Function::Count) });
        let rows = Value::Leaf(leaves.len() - 1);
        Ok(Value::Calculate('/', Box::new(value), Box::new(rows)))
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
        let moved = parts.iter().any(|part| part.moved.is_some());
        let newest = if moved { self.newest(question, parts, leaves)? } else { None };
        for part in parts {
            let keys = self.keys(question, part.ground)?;
            all_keys.push(keys.clone());
            let lost = |(index, _): &(usize, calendar::Unit)| !level.contains(index);
            if part.moved.is_some() && self.period(part.ground, &keys)?.as_ref().is_some_and(lost) {
                return Err("a number of periods has no total over them".to_owned());
            }
            let keys: Vec<Key> = level.iter().map(|index| keys[*index].clone()).collect();
            let filter = question.filter.as_ref();
            for (found, cells) in self.groups(part, &keys, filter, leaves, newest)? {
                let known = merged.iter().position(|(known, _)| same_keys(known, &found));
                let position = known.unwrap_or_else(|| {
                    merged.push((found, self.nothing(parts, leaves)));
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

    /// Adds the periods that have no data, for each combination of the other keys of a level that
    /// has some.
    fn filled(
        &self,
        question: &Question,
        parts: &[Part],
        leaves: &[Leaf],
        level: &[usize],
        merged: &mut Vec<Group>,
    ) -> Result<(), Refused> {
        let mut found = None;
        let all = parts.iter().flat_map(|part| &part.leaves).map(|index| &leaves[*index]);
        for leaf in all.filter(|leaf| leaf.dense) {
            let ground = leaf.ground();
            let keys = self.keys(question, ground)?;
            if keys.iter().filter(|key| key.is_time_of(ground)).count() > 1 {
                return Err("unclear: gaps of two keys of one time".to_owned());
            }
            if let Ok(Some((at, grain))) = self.period(ground, &keys) {
                match &found {
                    None => found = Some((ground, at, grain)),
                    Some((_, known, _)) if *known == at => {}
                    Some(_) => return Err("gaps of two times".to_owned()),
                }
            }
        }
        let Some((ground, at, grain)) = found else { return Ok(()) };
        let Some(at) = level.iter().position(|key| *key == at) else { return Ok(()) };
        let (days, _) = self.parted(ground, question.filter.as_ref());
        let periods = merged.iter().filter_map(|(keys, _)| match keys[at] {
            Cell::Date(day) => Some(day),
            _ => None,
        });
        let periods: Vec<i32> = periods.collect();
        // Numbers of other times end with their own rows, and the periods with those of all.
        let moved = parts.iter().any(|part| part.moved.is_some());
        let newest = if moved { self.newest(question, parts, leaves)? } else { None };
        let first = days.from.or(periods.iter().min().copied());
        let last = days.to.map(|to| to - 1).or(periods.iter().max().copied().max(newest));
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        // A stretch that ends before it starts has no days.
        if first > last {
            return Ok(());
        }
        let mut others: Vec<Vec<Cell>> = Vec::new();
        if level.len() == 1 {
            others.push(vec![Cell::Null]);
        }
        for (found, _) in merged.iter().filter(|(keys, _)| !keys[at].is_null()) {
            let mut other = found.clone();
            other[at] = Cell::Null;
            if !others.iter().any(|known| same_keys(known, &other)) {
                others.push(other);
            }
        }
        for mut other in others {
            let mut period = self.calendar.floor(first, grain);
            while period <= last {
                other[at] = Cell::Date(period);
                if !merged.iter().any(|(known, _)| same_keys(known, &other)) {
                    merged.push((other.clone(), self.nothing(parts, leaves)));
                }
                period = self.calendar.next(period, grain);
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
        self.filled(question, parts, leaves, &all, &mut merged)?;
        // Rows with their level, its keys, and the numbers.
        let mut rows: Vec<(usize, Vec<usize>, Group)> =
            told(merged).into_iter().map(|group| (0, all.clone(), group)).collect();
        for (index, kept) in question.totals.iter().enumerate() {
            let level = level(kept);
            let mut merged = self.merged(question, parts, leaves, &level)?;
            self.filled(question, parts, leaves, &level, &mut merged)?;
            for (found, cells) in told(merged) {
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
            let mut totals = self.merged(question, parts, leaves, &within)?;
            self.filled(question, parts, leaves, &within, &mut totals)?;
            let totals = told(totals);
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
                Some(having) => number > 0 || self.on_columns(&head, &row, having)? == Some(true),
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
}
