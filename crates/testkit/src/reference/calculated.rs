//! Calculated columns: what a row, and the rows that it leads to, make of their values.

use super::Reference;
use super::cell::Cell;
use super::names::Place;
use super::world::{Column, Rule, Table, World};

/// What a calculated column is computed from. Columns of its own table stand before it.
#[derive(Clone, Debug)]
pub enum Expression {
    /// A whole number of the row, or of what it leads to over these links, times another and plus
    /// another.
    Linear {
        /// The links.
        via: Vec<usize>,
        /// The column there.
        column: usize,
        /// What it is multiplied by.
        factor: i64,
        /// What is added.
        summand: i64,
    },
    /// A column, or a value where that is missing.
    Filled(usize, Cell),
    /// Whether a rule holds.
    Holds(Rule),
    /// A value where a rule holds, and otherwise a column.
    Chosen(Rule, Cell, usize),
    /// Something in the expression language that fails on some values of these columns, which
    /// stand in it as `{0}`, `{1}` … It is not worked out.
    Fallible(&'static str, Vec<usize>),
}

impl Expression {
    /// The columns of its own table that it is computed from.
    pub(crate) fn own_columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        match self {
            Self::Linear { via, column, .. } => columns.extend(via.is_empty().then_some(*column)),
            Self::Filled(column, _) => columns.push(*column),
            Self::Holds(rule) => rule.columns(&mut columns),
            Self::Chosen(rule, _, column) => {
                rule.columns(&mut columns);
                columns.push(*column);
            }
            Self::Fallible(_, of) => columns.extend(of),
        }
        columns
    }
}

impl Table {
    /// A column and all of the same table that it is computed from in the end.
    pub(super) fn made_of(&self, column: usize) -> Vec<usize> {
        let mut found = vec![column];
        let mut next = 0;
        while let Some(column) = found.get(next).copied() {
            let of = self.columns[column].calculated.as_ref();
            for input in of.iter().flat_map(|of| of.own_columns()) {
                if !found.contains(&input) {
                    found.push(input);
                }
            }
            next += 1;
        }
        found
    }
}

impl Reference<'_> {
    fn calculated(&self, table: usize, row: usize, of: &Expression) -> Cell {
        let own = |column: usize| self.world.tables[table].rows[row][column].clone();
        match of {
            Expression::Linear { via, column, factor, summand } => {
                let place =
                    Place { via: via.clone(), table: self.end(table, via), column: *column };
                let product =
                    self.value(self.ground(table, None), row, &place).times(&Cell::Int(*factor));
                product.plus(&Cell::Int(*summand))
            }
            Expression::Filled(column, value) => match own(*column) {
                Cell::Null => value.clone(),
                found => found,
            },
            Expression::Holds(rule) => self.rule(table, row, rule).map_or(Cell::Null, Cell::Bool),
            Expression::Chosen(rule, value, column) => match self.rule(table, row, rule) {
                Some(true) => value.clone(),
                _ => own(*column),
            },
            Expression::Fallible(..) => Cell::Null,
        }
    }

    fn end(&self, table: usize, via: &[usize]) -> usize {
        via.iter().fold(table, |table, link| self.world.tables[table].links[*link].to)
    }
}

impl World {
    /// Computes a derived table anew, of what its asker sees of the tables below it; where there is
    /// no answer for him, there is no table.
    fn derive(&mut self, table: usize) {
        let of = &self.tables[table];
        let Some(question) = &of.derived else { return };
        let asked = |column: &&Column| column.calculated.is_none() && !column.name.starts_with('#');
        let names: Vec<String> =
            of.columns.iter().filter(asked).map(|column| column.name.clone()).collect();
        let answer = Reference::new(self).whole(question).ok();
        let rows = answer.and_then(|answer| answer.in_order(&names));
        let below = self.tables.iter().find(|table| Some(&table.name) == question.table.as_ref());
        let told_apart = below.is_some_and(|below| below.told_apart);
        let of = &mut self.tables[table];
        of.told_apart &= told_apart;
        of.hidden |= rows.is_none();
        of.rows = rows.unwrap_or_default();
        let stored = |key: usize| {
            let named = of.columns[key].name.trim_start_matches('#');
            (key, of.columns.iter().position(|column| column.name == named))
        };
        let of_key: Vec<(usize, Option<usize>)> = of.keys().map(stored).collect();
        for row in &mut of.rows {
            let clear =
                of_key.iter().filter_map(|(key, stored)| Some((*key, row.get((*stored)?)?)));
            let clear: Vec<(usize, Cell)> = clear.map(|(key, cell)| (key, cell.clone())).collect();
            for (cell, column) in row.iter_mut().zip(&of.columns) {
                if let Some(mask) = &column.mask {
                    *cell = mask.of(cell);
                }
            }
            // Calculated columns stand behind the others, and the key as it was behind these.
            row.resize(of.columns.len(), Cell::Null);
            for (key, cell) in clear {
                row[key] = cell;
            }
        }
    }

    /// Computes all derived tables and calculated columns anew.
    pub fn calculate(&mut self) {
        for table in 0..self.tables.len() {
            self.derive(table);
            for column in 0..self.tables[table].columns.len() {
                let Some(of) = self.tables[table].columns[column].calculated.clone() else {
                    continue;
                };
                let reference = Reference::new(self);
                let rows = 0..self.tables[table].rows.len();
                let shown_in = &self.tables[table].columns[column].shown_in;
                let is_shown =
                    |row: &usize| shown_in.as_ref().is_none_or(|shown_in| shown_in[*row]);
                let cells: Vec<Cell> = rows
                    .map(|row| match is_shown(&row) {
                        true => reference.calculated(table, row, &of),
                        false => Cell::Null,
                    })
                    .collect();
                for (row, cell) in self.tables[table].rows.iter_mut().zip(cells) {
                    row[column] = cell;
                }
            }
        }
    }

    /// Whether somebody who calculates a column himself is told what he is told of the column: it is
    /// shown, or hidden because of what it is computed from.
    pub fn may_be_calculated(&self, table: usize, column: usize) -> bool {
        let column = &self.tables[table].columns[column];
        let shows = |of: &Expression| self.shows_inputs(table, of);
        let alike = |of: &Expression| {
            if column.hidden { !shows(of) } else { column.shown_in.is_none() }
        };
        column.calculated.as_ref().is_some_and(alike)
    }

    /// Whether the asker sees everything that a column is computed from.
    pub(super) fn shows_inputs(&self, table: usize, of: &Expression) -> bool {
        let shown = |column: &usize| !self.tables[table].columns[*column].hidden;
        let of_rule = |rule: &Rule| {
            let mut columns = Vec::new();
            rule.columns(&mut columns);
            columns.iter().all(shown)
        };
        match of {
            Expression::Linear { via, column, .. } => {
                let mut at = table;
                via.iter().all(|link| {
                    at = self.tables[at].links[*link].to;
                    !self.tables[at].hidden
                }) && !self.tables[at].columns[*column].hidden
            }
            Expression::Filled(column, _) => shown(column),
            Expression::Holds(rule) => of_rule(rule),
            Expression::Chosen(rule, _, column) => of_rule(rule) && shown(column),
            Expression::Fallible(_, columns) => columns.iter().all(shown),
        }
    }
}
