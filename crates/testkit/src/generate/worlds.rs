//! Random tables: keys that are missing or lead nowhere, several roles of one table, ways over
//! several tables, dimensions that tables share.

use super::metrics::metrics;
use super::random::Random;
use crate::reference::calendar::day;
use crate::reference::{Cell, Column, Kind, Link, Table, World};

/// The texts of categories.
pub(super) const TEXTS: [&str; 6] = ["a", "b", "B", "", "a_b", "ab%"];

/// A day of a few months around the leap day of 2024, some of them often.
pub(super) fn some_day(random: &mut Random) -> i32 {
    let first = day(2023, 12, 20);
    match random.below(6) {
        0 => {
            *random.pick(&[day(2023, 12, 31), day(2024, 1, 31), day(2024, 2, 29), day(2024, 3, 31)])
        }
        1 => first + random.below(120) as i32,
        _ => day(2024, 1, 25) + random.below(20) as i32,
    }
}

pub(super) fn some_instant(random: &mut Random) -> i64 {
    let hour = *random.pick(&[0, 0, 5, 12, 23]);
    let minute = *random.pick(&[0, 0, 30, 59]);
    (i64::from(some_day(random)) * 1440 + hour * 60 + minute) * 60_000_000
}

/// A present value.
pub(super) fn some_value(random: &mut Random, kind: Kind) -> Cell {
    match kind {
        Kind::Int => Cell::Int(random.within(-4, 9)),
        Kind::Decimal => Cell::Decimal(i128::from(random.within(-250, 1000)), 2),
        Kind::Double => Cell::Double(random.within(-8, 20) as f64 / 4.0),
        Kind::Text => Cell::Text((*random.pick(&TEXTS)).to_owned()),
        Kind::Bool => Cell::Bool(random.percent(50)),
        Kind::Date => Cell::Date(some_day(random)),
        Kind::Instant => Cell::Instant(some_instant(random)),
    }
}

fn column(name: &str, kind: Kind, dimension: Option<&str>) -> Column {
    Column { dimension: dimension.map(str::to_owned), ..Column::new(name, kind) }
}

fn table(random: &mut Random, index: usize, count: usize) -> Table {
    let mut columns = vec![
        column("id", Kind::Int, None),
        column("cat", Kind::Text, Some("cat")),
        column("size", Kind::Int, None),
        column("day", Kind::Date, Some("day")),
    ];
    let more = [
        ("price", Kind::Decimal),
        ("weight", Kind::Double),
        ("flag", Kind::Bool),
        ("at", Kind::Instant),
    ];
    for (name, kind) in more {
        if random.percent(60) {
            columns.push(column(name, kind, None));
        }
    }
    let times: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].kind.is_time()).collect();
    let time = random.percent(85).then(|| *random.pick(&times));
    let mut links = Vec::new();
    for role in ["to_a", "to_b", "to_c"] {
        if count == 1 || random.percent(60) {
            continue;
        }
        // Mostly to earlier tables; sometimes round in a circle.
        let to = match random.percent(8) || index == 0 {
            true if index > 0 || random.percent(10) => random.below(count),
            true => continue,
            false => random.below(index),
        };
        if to != index {
            let name = format!("key_{role}");
            columns.push(column(&name, Kind::Int, None));
            links.push(Link { name: role.to_owned(), column: columns.len() - 1, to });
        }
    }
    let name = format!("t{index}");
    Table { name, columns, links, key: 0, time, hidden: false, rows: Vec::new() }
}

/// A random world.
pub fn world(random: &mut Random) -> World {
    let count = 1 + random.below(5);
    let mut tables: Vec<Table> = (0..count).map(|index| table(random, index, count)).collect();
    let sizes: Vec<usize> = (0..count).map(|_| random.below(13)).collect();
    for index in 0..count {
        let mut ids: Vec<i64> = (1..=sizes[index] as i64).collect();
        for at in 1..ids.len() {
            ids.swap(at, random.below(at + 1));
        }
        let missing = random.below(35);
        for id in ids {
            let columns = &tables[index].columns;
            let mut row: Vec<Cell> = columns
                .iter()
                .map(|column| match random.percent(missing) {
                    true => Cell::Null,
                    false => some_value(random, column.kind),
                })
                .collect();
            row[0] = Cell::Int(id);
            for link in &tables[index].links {
                if !row[link.column].is_null() {
                    row[link.column] = Cell::Int(random.within(1, sizes[link.to] as i64 + 1));
                }
            }
            tables[index].rows.push(row);
        }
    }
    let mut world = World { tables, metrics: Vec::new() };
    metrics(random, &mut world);
    world
}
