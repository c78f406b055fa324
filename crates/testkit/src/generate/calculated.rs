//! Random calculated columns and segments.

use super::metrics::rule;
use super::random::Random;
use super::worlds::some_value;
use super::written;
use crate::reference::{Cell, Column, Expression, Kind, World};

fn expression(random: &mut Random, world: &World, table: usize) -> (Kind, Expression) {
    let columns = &world.tables[table].columns;
    let zone = world.calendar.zone;
    let of_kind = |random: &mut Random, kinds: &[Kind]| {
        let fits = |c: &usize| kinds.contains(&columns[*c].kind);
        let fitting: Vec<usize> = (0..columns.len()).filter(fits).collect();
        *random.pick(&fitting)
    };
    match random.below(4) {
        0 => {
            let (factor, summand) = (random.within(-3, 4), random.within(-9, 9));
            let links = &world.tables[table].links;
            // What a row sees of a history is not the same for all numbers.
            let one = |link: &usize| world.tables[links[*link].to].validity.is_none();
            let links: Vec<usize> = (0..links.len()).filter(one).collect();
            let (via, column) = match links.is_empty() || random.percent(40) {
                true => (Vec::new(), of_kind(random, &[Kind::Int])),
                // Column 2 of every table is a whole number.
                false => (vec![*random.pick(&links)], 2),
            };
            (Kind::Int, Expression::Linear { via, column, factor, summand })
        }
        1 => {
            let column = of_kind(random, &[Kind::Int, Kind::Text, Kind::Bool]);
            let kind = columns[column].kind;
            (kind, Expression::Filled(column, some_value(random, kind, zone)))
        }
        2 => (Kind::Bool, Expression::Holds(rule(random, world, table, 1))),
        _ => {
            let column = of_kind(random, &[Kind::Int, Kind::Text]);
            let (kind, rule) = (columns[column].kind, rule(random, world, table, 1));
            (kind, Expression::Chosen(rule, some_value(random, kind, zone), column))
        }
    }
}

/// Gives tables calculated columns and segments.
pub(super) fn calculated(random: &mut Random, world: &mut World) {
    for table in 0..world.tables.len() {
        for index in 0..random.below(3) {
            let (kind, of) = expression(random, world, table);
            let name = format!("calc{index}");
            let column = Column { calculated: Some(of), ..Column::new(&name, kind) };
            world.tables[table].columns.push(column);
            world.tables[table].rows.iter_mut().for_each(|row| row.push(Cell::Null));
        }
        for index in 0..random.below(3) {
            let rule = rule(random, world, table, 2);
            world.tables[table].segments.push((format!("seg{index}"), rule));
        }
    }
    world.calculate();
}

/// A calculation in the expression language.
pub(super) fn expr(world: &World, table: usize, of: &Expression) -> String {
    let name = |column: &usize| world.tables[table].columns[*column].name.clone();
    let value = |cell: &Cell| match cell {
        Cell::Text(text) => format!("'{text}'"),
        cell => cell.text(),
    };
    match of {
        Expression::Linear { via, column, factor, summand } => {
            let (mut at, mut path) = (table, String::new());
            for link in via {
                let link = &world.tables[at].links[*link];
                path = format!("{path}{}.", link.name);
                at = link.to;
            }
            let column = &world.tables[at].columns[*column].name;
            format!("{path}{column} * ({factor}) + ({summand})")
        }
        Expression::Filled(column, cell) => format!("coalesce({}, {})", name(column), value(cell)),
        Expression::Holds(rule) => written::rule(world, table, "", rule),
        Expression::Chosen(rule, cell, column) => {
            let rule = written::rule(world, table, "", rule);
            format!("case when {rule} then {} else {} end", value(cell), name(column))
        }
        Expression::Fallible(text, columns) => {
            let mut text = (*text).to_owned();
            for (index, column) in columns.iter().enumerate() {
                text = text.replace(&format!("{{{index}}}"), &name(column));
            }
            text
        }
    }
}
