//! Random tables: keys that are missing or lead nowhere, several roles of one table, ways over
//! several tables, dimensions that tables share.

use super::calculated::calculated;
use super::derived::derived;
use super::keys;
use super::metrics::metrics;
use super::random::Random;
use crate::reference::calendar::{Calendar, FiscalYear, WeekStart, day};
use crate::reference::{Back, Cell, Column, Kind, Link, Table, World, Zone};

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

const MINUTE: i64 = 60_000_000;

/// An instant near a change of the clocks, or near midnight, of a zone or of the one that people
/// often ask in where it is the model's; or some other one.
pub(super) fn some_instant(random: &mut Random, zone: Zone) -> i64 {
    let zone = if random.percent(65) { zone } else { zone.abroad() };
    let second = *random.pick(&[0, 0, 0, 59]) * 1_000_000;
    if let Some(change) = some_change(random, zone).filter(|_| random.percent(45)) {
        let minutes = [-90, -60, -45, -30, -1, 0, 0, 1, 29, 30, 45, 60, 75, 90, 119];
        // Days before and after, for what lasts over the change.
        let days = *random.pick(&[0, 0, 0, -1, -1, 1]);
        return change + (days * 1440 + *random.pick(&minutes)) * MINUTE + second;
    }
    if random.percent(40) {
        let minutes = [-60, -30, -1, 0, 0, 30, 59];
        return zone.first(some_day(random)) + *random.pick(&minutes) * MINUTE + second;
    }
    let hour = *random.pick(&[0, 0, 5, 12, 23]);
    let minute = *random.pick(&[0, 0, 30, 59]);
    (i64::from(some_day(random)) * 1440 + hour * 60 + minute) * MINUTE
}

/// When the clocks of a zone are changed, in the autumn of 2023 or the spring of 2024.
pub(super) fn some_change(random: &mut Random, zone: Zone) -> Option<i64> {
    let ((_, autumn), (spring, _)) = match (zone.changes(2023)?, zone.changes(2024)?) {
        // South of the equator they are set back in the year's first half.
        ((begins, ends), (_, later)) if begins > ends => ((0, begins), (later, 0)),
        northern => northern,
    };
    Some(*random.pick(&[autumn, spring]))
}

/// What clocks of a zone show; sometimes what they skip.
pub(super) fn some_clock(random: &mut Random, zone: Zone) -> Cell {
    let instant = some_instant(random, zone);
    Cell::Clock(match random.percent(30) {
        true => instant + zone.winter() * MINUTE,
        false => zone.wall(instant),
    })
}

/// How the people of a world count time.
fn some_calendar(random: &mut Random) -> Calendar {
    let mut calendar = Calendar::default();
    if random.percent(65) {
        calendar.zone = *random.pick(&Zone::ALL);
    }
    if random.percent(40) {
        calendar.week_start = *random.pick(&WeekStart::ALL);
    }
    if random.percent(50) {
        let starts = random.within(1, 12) as i32;
        calendar.fiscal = FiscalYear { starts, after_start: random.percent(40) };
    }
    calendar
}

/// A present value.
pub(super) fn some_value(random: &mut Random, kind: Kind, zone: Zone) -> Cell {
    match kind {
        Kind::Int => Cell::Int(random.within(-4, 9)),
        Kind::Decimal => Cell::Decimal(i128::from(random.within(-250, 1000)), 2),
        Kind::Double => Cell::Double(random.within(-8, 20) as f64 / 4.0),
        Kind::Text => Cell::Text((*random.pick(&TEXTS)).to_owned()),
        Kind::Bool => Cell::Bool(random.percent(50)),
        Kind::Date => Cell::Date(some_day(random)),
        Kind::Instant => Cell::Instant(some_instant(random, zone)),
    }
}

fn column(name: &str, kind: Kind, dimension: Option<&str>) -> Column {
    Column { dimension: dimension.map(str::to_owned), ..Column::new(name, kind) }
}

/// A table; `histories` says which of all keep a history.
fn table(random: &mut Random, index: usize, histories: &[bool]) -> Table {
    let count = histories.len();
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
    if let Some(instants) = columns.iter_mut().find(|column| column.kind == Kind::Instant) {
        instants.zone =
            *random.pick(&[None, None, Some("UTC"), Some("+05:30"), Some("Asia/Tokyo")]);
    }
    let validity = histories[index].then(|| {
        let kind = *random.pick(&[Kind::Date, Kind::Date, Kind::Instant]);
        columns.extend([column("since", kind, None), column("till", kind, None)]);
        (columns.len() - 2, columns.len() - 1)
    });
    let times: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].kind.is_time()).collect();
    let time = random.percent(85).then(|| *random.pick(&times));
    let mut links = Vec::new();
    for role in ["a", "b", "c"] {
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
            let as_of = (histories[to] && random.percent(35)).then(|| *random.pick(&times));
            let role = match (histories[to], as_of) {
                (false, _) => format!("to_{role}"),
                (true, None) => format!("was_{role}"),
                (true, Some(_)) => format!("when_{role}"),
            };
            let name = format!("key_{role}");
            columns.push(column(&name, Kind::Int, None));
            let back = random
                .percent(80)
                .then(|| Back { name: format!("of_t{index}_{role}"), bridge: random.percent(75) });
            let (column, rest, one) = (columns.len() - 1, None, false);
            links.push(Link { name: role, column, rest, one, to, as_of, back });
        }
    }
    let name = format!("t{index}");
    Table {
        name,
        columns,
        links,
        segments: Vec::new(),
        measures: Vec::new(),
        key: 0,
        rest: None,
        time,
        validity,
        hidden: false,
        told_apart: true,
        min_group_size: None,
        derived: None,
        rows: Vec::new(),
    }
}

/// Makes the rows of a table versions of few things, of which no two hold at one time: with gaps,
/// some that never hold, and the last often without an end.
fn versions(random: &mut Random, table: &mut Table, (from, till): (usize, usize), zone: Zone) {
    let things = 1 + random.below(1 + table.rows.len() / 2);
    for row in &mut table.rows {
        row[table.key] = Cell::Int(1 + random.below(things) as i64);
    }
    let kind = table.columns[from].kind;
    for thing in 1..=things as i64 {
        let mut rows: Vec<&mut Vec<Cell>> =
            table.rows.iter_mut().filter(|row| row[table.key] == Cell::Int(thing)).collect();
        let times = (0..2 * rows.len()).map(|_| some_value(random, kind, zone));
        let mut times: Vec<Cell> = times.collect();
        times.sort_by(Cell::place);
        let count = rows.len();
        for (at, row) in rows.iter_mut().enumerate() {
            let next = if random.percent(50) { 2 * at + 2 } else { 2 * at + 1 };
            row[from] = times[2 * at].clone();
            row[till] = times[next.min(2 * count - 1)].clone();
            if at + 1 == count && random.percent(60) {
                row[till] = Cell::Null;
            }
            if random.percent(4) {
                // Nobody knows since when: it never holds.
                row[from] = Cell::Null;
            }
        }
    }
}

/// A random world, of a dozen rows a table at most.
pub fn world(random: &mut Random) -> World {
    sized(random, 13)
}

/// A random world with tables of which a fifth is several rows.
pub fn wide_world(random: &mut Random) -> World {
    sized(random, 31)
}

fn sized(random: &mut Random, most: usize) -> World {
    // What came later has numbers of its own, so that all else stays as it was.
    let mut more = random.aside(0x5133);
    let count = 1 + random.below(5);
    let count = count + usize::from(count == 5 && more.percent(75));
    let calendar = some_calendar(random);
    let histories: Vec<bool> = (0..count).map(|_| count > 1 && random.percent(30)).collect();
    let mut tables: Vec<Table> = (0..count).map(|index| table(random, index, &histories)).collect();
    let sizes: Vec<usize> = (0..count).map(|_| random.below(most)).collect();
    for index in 0..count {
        let mut ids: Vec<i64> = (1..=sizes[index] as i64).collect();
        for at in 1..ids.len() {
            ids.swap(at, random.below(at + 1));
        }
        let missing = random.below(35);
        // Where all lead to few, many pairs are the same.
        let few = random.percent(40);
        for id in ids {
            let columns = &tables[index].columns;
            let mut row: Vec<Cell> = columns
                .iter()
                .map(|column| match random.percent(missing) {
                    true => Cell::Null,
                    false => some_value(random, column.kind, calendar.zone),
                })
                .collect();
            row[0] = Cell::Int(id);
            for link in &tables[index].links {
                if !row[link.column].is_null() {
                    let last = sizes[link.to] as i64 + 1;
                    let last = if few { last.min(3) } else { last };
                    row[link.column] = Cell::Int(random.within(1, last));
                }
            }
            tables[index].rows.push(row);
        }
        if let Some(validity) = tables[index].validity {
            versions(random, &mut tables[index], validity, calendar.zone);
        }
    }
    keys::vary(&mut more, &mut tables);
    // The leap day, at times at which it is another day elsewhere.
    let minute = *random.pick(&[0, 0, 5 * 60, 12 * 60, 23 * 60 + 30]);
    let now = (i64::from(day(2024, 2, 29)) * 1440 + minute) * MINUTE;
    let mut world = World { calendar, now, tables, metrics: Vec::new(), scope: None };
    derived(random, &mut world);
    calculated(random, &mut world);
    metrics(random, &mut world);
    world
}
