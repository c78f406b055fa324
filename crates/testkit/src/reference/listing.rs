//! Lists of rows, and the order of answers.

use std::cmp::Ordering;

use super::bins::Cut;
use super::cell::Cell;
use super::names::Place;
use super::numbers::Extra;
use super::question::{Answer, Question};
use super::smallest::Ways;
use super::{Reference, Refused};

impl Reference<'_> {
    pub(super) fn listing(&self, question: &Question) -> Result<Answer, Refused> {
        let name = question.table.as_ref().ok_or("no table")?;
        let table = self.table_named(name).ok_or("no such table")?;
        let ground = self.ground(table, None);
        let all: Vec<usize> = (0..self.world.tables[table].rows.len()).collect();
        let filter: Vec<Extra> = question.filter.iter().cloned().map(Extra::Asked).collect();
        let mut head: Vec<String> = question.fields.iter().map(|f| f.alias.clone()).collect();
        let mut places = Vec::new();
        for asked in &question.fields {
            places.push((self.field(ground, &asked.field)?, asked.cut));
        }
        let mut ways = Ways::default();
        places.iter().for_each(|(place, _)| self.reads_place(place, &mut ways));
        if let Some(condition) = &question.filter {
            self.reads(ground, condition, &mut ways)?;
        }
        let shown = places.len();
        // What is only ordered by stands behind, the primary key last.
        for (name, _) in question.order_by.iter().filter(|(name, _)| !head.contains(name)) {
            let place = self.field(ground, name)?;
            self.reads_place(&place, &mut ways);
            places.push((place, None));
        }
        if !self.limits(ground, &ways).is_empty() {
            return Err("single rows are listed".to_owned());
        }
        let behind = question.order_by.iter().map(|(name, _)| name);
        let behind: Vec<String> = behind.filter(|name| !head.contains(name)).cloned().collect();
        head.extend(behind);
        let of = &self.world.tables[table];
        // What the asker sees of the primary key.
        let shown_key = |key: usize| {
            let name = of.columns[key].name.trim_start_matches('#');
            of.columns.iter().position(|column| column.name == name).unwrap_or(0)
        };
        // A history is told apart by when its rows begin as well.
        let from = of.validity.map(|(from, _)| from);
        for column in of.keys().map(shown_key).chain(from) {
            places.push((Place { via: Vec::new(), table, column }, None));
        }
        let rows = self.narrowed(ground, &all, &filter)?.into_iter();
        let cell = |row: usize, (place, cut): &(Place, Option<Cut>)| {
            self.calendar.cut(&self.value(ground, row, place), *cut)
        };
        let mut rows: Vec<Vec<Cell>> =
            rows.map(|row| places.iter().map(|place| cell(row, place)).collect()).collect();
        let mut last: Vec<(usize, bool)> =
            (head.len()..places.len()).map(|at| (at, false)).collect();
        if from.is_some() {
            // Versions that never held may begin with others.
            last.extend((0..shown).map(|at| (at, false)));
        }
        ordered(question, &head, &mut rows, &last)?;
        rows.iter_mut().for_each(|row| row.truncate(shown));
        head.truncate(shown);
        if self.world.tables[table].told_apart {
            return Ok(Answer { head, rows, ordered: true });
        }
        match question.limit {
            None => Ok(Answer { head, rows, ordered: false }),
            Some(_) => Err("unclear: some of rows that cannot be told apart".to_owned()),
        }
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
