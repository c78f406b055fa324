//! Random conditions of a question.

use super::random::Random;
use super::worlds::{some_clock, some_day, some_value as near};
use crate::reference::calendar::{Calendar, Unit};
use crate::reference::{Calculation, Cell, Condition, Kind, Metric, Table, World, Zone};

/// A relationship of a table to many rows, over one to one row or not, and where it leads.
pub(super) fn many_rows(
    random: &mut Random,
    world: &World,
    table: usize,
) -> Option<(String, usize)> {
    let (mut at, mut name) = (table, String::new());
    if !world.tables[at].links.is_empty() && random.percent(20) {
        let link = random.pick(&world.tables[at].links);
        (name, at) = (format!("{}.", link.name), link.to);
    }
    let backs: Vec<(String, usize)> =
        world.backs(at).map(|(back, from, _)| (format!("{name}{}", back.name), from)).collect();
    (!backs.is_empty()).then(|| random.pick(&backs).clone())
}

/// The name of a field of a row of a table, over relationships or through the name of a table.
pub(super) fn field(
    random: &mut Random,
    world: &World,
    table: usize,
    many: bool,
) -> (String, Kind) {
    let (mut at, mut name) = (table, String::new());
    while many && random.percent(25) {
        let Some((step, there)) = many_rows(random, world, at) else { break };
        name = format!("{name}{step}.");
        at = there;
    }
    if name.is_empty() && random.percent(if many { 30 } else { 15 }) {
        let leads = |t: &usize| {
            let (a, b) = (&world.tables[table].links, &world.tables[*t].links);
            a.iter().any(|link| link.to == *t) || many && b.iter().any(|link| link.to == table)
        };
        let near: Vec<usize> = (0..world.tables.len()).filter(leads).collect();
        at = match near.is_empty() || random.percent(20) {
            true => random.below(world.tables.len()),
            false => *random.pick(&near),
        };
        name = format!("{}.", world.tables[at].name);
    }
    while !world.tables[at].links.is_empty() && random.percent(35) {
        let link = random.pick(&world.tables[at].links);
        name = format!("{name}{}.", link.name);
        at = link.to;
    }
    let columns = &world.tables[at].columns;
    let column = match random.percent(25) {
        true => &columns[1],
        false => random.pick(columns),
    };
    (format!("{name}{}", column.name), column.kind)
}

/// The grains of days and longer periods.
pub(super) const GRAINS: [&str; 7] =
    ["day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year"];

/// A part that a time has.
pub(super) fn part(random: &mut Random, kind: Kind) -> &'static str {
    if kind == Kind::Instant && random.percent(60) {
        return random.name(&["hour_of_day", "hour_of_day", "minute_of_hour", "second_of_minute"]);
    }
    random.name(&[
        "year_number",
        "quarter_of_year",
        "month_of_year",
        "week_of_year",
        "iso_year_number",
        "day_of_year",
        "day_of_month",
        "day_of_week",
        "iso_day_of_week",
        "fiscal_year_number",
        "fiscal_quarter_of_year",
    ])
}

pub(super) fn comparison(
    random: &mut Random,
    calendar: Calendar,
    field: String,
    kind: Kind,
    doubles: bool,
) -> Condition {
    let grain = match kind.is_time() {
        true if random.percent(30) => Some(part(random, kind)),
        true if random.percent(12) => Some(random.name(&GRAINS)),
        true if kind == Kind::Instant && random.percent(60) => {
            Some(*random.pick(&["hour", "minute"]))
        }
        _ => None,
    };
    let bucket = grain.and_then(Unit::of_grain);
    let value_kind = match grain {
        Some("hour" | "minute") | None => kind,
        Some(_) if bucket.is_some() => Kind::Date,
        Some(_) => Kind::Int,
    };
    let ordered: &[&'static str] = &["<", "<=", ">", ">=", "between", "in_range"];
    let exact: &[&'static str] = &["=", "!=", "in", "not_in"];
    let ops: Vec<&'static str> = match value_kind {
        // Doubles that were calculated differ in the last digits.
        Kind::Double if doubles => {
            let empty: &[&'static str] = &["in", "not_in"];
            [ordered, &["is_null", "not_null"], empty].concat()
        }
        Kind::Bool => [exact, &["is_null", "not_null", "empty", "not_empty"]].concat(),
        Kind::Text => [
            ordered,
            exact,
            exact,
            &["is_null", "not_null", "empty", "not_empty", "starts_with", "ends_with"],
            &["contains", "not_contains", "starts_with", "ends_with"],
            &["contains", "not_contains"],
        ]
        .concat(),
        _ => [ordered, exact, &["is_null", "not_null", "empty", "not_empty"]].concat(),
    };
    let op = *random.pick(&ops);
    let count = match op {
        "is_null" | "not_null" | "empty" | "not_empty" => 0,
        "in" | "not_in" if doubles => 0,
        "in" | "not_in" => random.below(4),
        "between" | "in_range" => 2,
        "contains" | "not_contains" | "starts_with" | "ends_with" => 1 + random.below(2),
        _ => 1,
    };
    let mut values: Vec<Cell> = (0..count)
        .map(|_| match value_kind {
            Kind::Double if doubles => Cell::Double(random.within(-8, 40) as f64 + 0.37),
            // A date stands for a whole day of instants.
            Kind::Instant if random.percent(35) => near(random, Kind::Date, calendar.zone),
            Kind::Instant if random.percent(45) => some_clock(random, calendar.zone),
            kind => match (near(random, kind, calendar.zone), bucket) {
                // A bucket is named by its first day, here of the model's weeks.
                (Cell::Date(day), Some(unit)) => Cell::Date(calendar.floor(day, unit)),
                (Cell::Instant(micros), _) if grain.is_some() => {
                    calendar.truncated(&Cell::Instant(micros), grain)
                }
                (Cell::Int(n), _) if grain.is_some_and(|g| g.ends_with("year_number")) => {
                    Cell::Int(2020 + n)
                }
                (value, _) => value,
            },
        })
        .collect();
    if matches!(op, "between" | "in_range") && random.percent(85) {
        values.sort_by(|a, b| match (a.micros(), b.micros()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.place(b),
        });
    }
    let case = matches!(op, "contains" | "not_contains" | "starts_with" | "ends_with")
        && random.percent(40);
    Condition::Field { field, grain, op, values, case }
}

/// Whether a table has the column `at`.
pub(super) fn has_instants(world: &World, table: usize) -> bool {
    world.tables[table].columns.iter().any(|column| column.name == "at")
}

/// One field among several lists of values: what is missing is unknown to all of them.
fn lists(random: &mut Random, world: &World, table: usize) -> Condition {
    // Columns 1 and 2 of every table are a text and a whole number.
    let column = &world.tables[table].columns[1 + random.below(2)];
    let parts = (0..2 + random.below(2)).map(|_| {
        let (op, count) = match random.below(4) {
            0 => ("=", 1),
            1 => ("not_in", 1 + random.below(6)),
            _ => ("in", 1 + random.below(6)),
        };
        let values = (0..count).map(|_| near(random, column.kind, world.calendar.zone)).collect();
        let field = column.name.clone();
        let list = Condition::Field { field, grain: None, op, values, case: false };
        if random.percent(30) { Condition::Not(Box::new(list)) } else { list }
    });
    let parts: Vec<Condition> = parts.collect();
    let all = if random.percent(50) { Condition::And(parts) } else { Condition::Or(parts) };
    if random.percent(50) { Condition::Not(Box::new(all)) } else { all }
}

/// A condition on the rows of a table.
pub(super) fn condition(
    random: &mut Random,
    world: &World,
    table: usize,
    depth: usize,
) -> Condition {
    if depth > 0 && random.percent(40) {
        let count = 1 + random.below(3);
        let mut inner = || condition(random, world, table, depth - 1);
        let parts: Vec<Condition> = (0..count).map(|_| inner()).collect();
        return match random.below(3) {
            0 => Condition::And(parts),
            1 => Condition::Or(parts),
            _ => Condition::Not(Box::new(parts[0].clone())),
        };
    }
    if random.percent(5) {
        return lists(random, world, table);
    }
    if random.percent(8) && !world.tables[table].segments.is_empty() {
        let segment = random.pick(&world.tables[table].segments);
        return Condition::Segment(segment.0.clone());
    }
    if random.percent(6)
        && let Some((name, there)) = many_rows(random, world, table)
    {
        let inner = (depth > 0).then(|| Box::new(condition(random, world, there, depth - 1)));
        return Condition::Exists(name, inner);
    }
    if random.percent(10) {
        let leads = |t: &&Table| t.links.iter().any(|link| link.to == table);
        let near: Vec<&Table> = world.tables.iter().filter(leads).collect();
        let other = match near.is_empty() || random.percent(15) {
            true => random.pick(&world.tables).name.clone(),
            false => random.pick(&near).name.clone(),
        };
        let inner = random.percent(70).then(|| {
            let there = world.tables.iter().position(|t| t.name == other).unwrap_or(0);
            Box::new(condition(random, world, there, depth.saturating_sub(1)))
        });
        return Condition::Exists(other, inner);
    }
    if random.percent(10) && !world.metrics.is_empty() {
        let simple = |m: &&Metric| matches!(&m.calculation, Calculation::Simple { table: t, .. } if *t == table);
        let own: Vec<&Metric> = world.metrics.iter().filter(simple).collect();
        let metric = match own.is_empty() || random.percent(50) {
            true => random.pick(&world.metrics).name.clone(),
            false => random.pick(&own).name.clone(),
        };
        let links = &world.tables[table].links;
        let per =
            (!links.is_empty() && random.percent(60)).then(|| random.pick(links).name.clone());
        let value = Cell::Int(random.within(-2, 6));
        let op = *random.pick(&["=", "!=", "<", "<=", ">", ">=", "is_null", "not_null"]);
        let values = if op.ends_with("null") { Vec::new() } else { vec![value] };
        return Condition::Metric(metric, per, op, values);
    }
    let (field, kind) = match random.below(100) {
        0..8 => ("metric_time".to_owned(), Kind::Date),
        8..24 if has_instants(world, table) => ("at".to_owned(), Kind::Instant),
        _ => field(random, world, table, true),
    };
    if kind.is_time() && random.percent(20) {
        let op = *random.pick(&["this", "last", "previous"]);
        let count = if op == "this" { 1 } else { 1 + random.below(3) as i32 };
        return Condition::Relative(field, op, count, *random.pick(&Unit::ALL));
    }
    comparison(random, world.calendar, field, kind, false)
}

/// A stretch of days of the time of numbers, which an instant can begin as well.
pub(super) fn of_time(random: &mut Random, zone: Zone) -> Condition {
    let (op, count) =
        *random.pick(&[("in_range", 2), ("between", 2), (">=", 1), ("<", 1), ("<=", 1)]);
    let mut days: Vec<i32> = (0..count).map(|_| some_day(random)).collect();
    days.sort_unstable();
    let form = if count == 1 || op == "in_range" { random.below(16) } else { 2 };
    let value = |day: i32| match form {
        0 if op != "<=" => Cell::Instant(zone.first(day)),
        1 if op != "<=" => Cell::Clock(zone.wall(zone.first(day))),
        _ => Cell::Date(day),
    };
    let values = days.into_iter().map(value).collect();
    Condition::Field { field: "metric_time".to_owned(), grain: None, op, values, case: false }
}
