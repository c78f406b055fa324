//! Random questions to a world.

use super::filters::{
    GRAINS, comparison, condition, field, has_instants, many_rows, of_time, part,
};
use super::metrics::{aggregation, below, shift};
use super::random::Random;
use crate::reference::calendar::{Calendar, WeekStart};
use crate::reference::{
    AskedAggregation, AskedField, AskedMetric, AskedShare, Bin, Calculation, Cell, Condition, Cut,
    Function, Kind, Question, World, Zone,
};

/// The grains of instants alone.
const HOURS: [&str; 4] = ["hour", "hour", "minute", "second"];

/// The table of the first aggregation of a metric.
fn table_of(world: &World, metric: usize) -> usize {
    let tables = below(world, metric).into_iter().filter_map(|metric| {
        match &world.metrics[metric].calculation {
            Calculation::Simple { table, .. } => Some(*table),
            _ => None,
        }
    });
    tables.fold(0, |_, table| table)
}

/// Whether a metric is of other times than its rows.
fn is_moved(world: &World, metric: usize) -> bool {
    below(world, metric).into_iter().any(|metric| match &world.metrics[metric].calculation {
        Calculation::Cumulative(..) => true,
        Calculation::Ratio(a, b) => a.offset.is_some() || b.offset.is_some(),
        Calculation::Derived(_, inputs) => inputs.iter().any(|input| input.offset.is_some()),
        _ => false,
    })
}

/// Bins that fit a kind of numbers.
pub(super) fn bin(random: &mut Random, kind: Kind) -> Cut {
    let (widths, starts): (&[i64], &[i64]) = match kind {
        Kind::Int => (&[100, 200, 300, 700], &[-500, 0, 100, 1000]),
        Kind::Decimal => (&[10, 33, 100, 250, 500], &[-1, 5, 100]),
        _ => (&[10, 25, 30, 100, 250], &[-5, 5, 25, 100]),
    };
    Cut::Bin(match random.below(4) {
        0 => {
            let (count, min) = (1 + random.below(4), random.within(-3, 3));
            let width = random.within(1, 3);
            // Thirds are bounds of doubles alone.
            let range = if kind == Kind::Double { width } else { width * count as i64 };
            Bin::Count(count as u32, min, min + range)
        }
        1 => Bin::Width(*random.pick(widths), Some(*random.pick(starts))),
        _ => Bin::Width(*random.pick(widths), None),
    })
}

/// A field of rows that a row has many of, or of what these lead to.
fn over_bridge(
    random: &mut Random,
    world: &World,
    bridge: Option<(String, usize)>,
) -> (String, Kind) {
    let (mut name, mut at) = bridge.unwrap_or_default();
    // The other table of a pair.
    if !world.tables[at].links.is_empty() && random.percent(65) {
        let link = random.pick(&world.tables[at].links);
        (name, at) = (format!("{name}.{}", link.name), link.to);
    } else if random.percent(20) {
        name.clone_from(&world.tables[at].name);
    }
    let column = random.pick(&world.tables[at].columns);
    (format!("{name}.{}", column.name), column.kind)
}

fn key(random: &mut Random, world: &World, table: usize, index: usize, shared: bool) -> AskedField {
    let bridge = random.percent(30).then(|| many_rows(random, world, table)).flatten();
    let links = &world.tables[table].links;
    let seen = links.iter().find(|link| world.tables[link.to].validity.is_some());
    let (field, kind) = match random.below(10) {
        _ if bridge.is_some() => over_bridge(random, world, bridge),
        0..=2 => ("metric_time".to_owned(), Kind::Date),
        3 => ("day".to_owned(), Kind::Date),
        4 => ("cat".to_owned(), Kind::Text),
        6 | 7 if !shared && has_instants(world, table) => ("at".to_owned(), Kind::Instant),
        // Versions that rows see are asked for often.
        n if n == 5 && !links.is_empty() || seen.is_some() && n % 2 == 1 => {
            let link = seen.unwrap_or_else(|| random.pick(links));
            let column = random.pick(&world.tables[link.to].columns);
            (format!("{}.{}", link.name, column.name), column.kind)
        }
        _ if shared && random.percent(60) => ("cat".to_owned(), Kind::Text),
        _ => field(random, world, table, false),
    };
    let grain = match kind {
        Kind::Instant if random.percent(35) => Some(random.name(&HOURS)),
        Kind::Instant if random.percent(25) => Some(part(random, kind)),
        Kind::Date | Kind::Instant if random.percent(75) => Some(random.name(&GRAINS)),
        Kind::Date | Kind::Instant if random.percent(75) => Some(part(random, kind)),
        _ => None,
    };
    let cut = match grain {
        Some(grain) => Some(Cut::Grain(grain)),
        None if kind.is_number() && random.percent(50) => Some(bin(random, kind)),
        None => None,
    };
    AskedField { field, cut, alias: format!("k{index}") }
}

fn asked_metric(random: &mut Random, world: &World, index: usize) -> AskedMetric {
    let is_conversion =
        |m: &usize| matches!(world.metrics[*m].calculation, Calculation::Conversion { .. });
    let conversions: Vec<usize> = (0..world.metrics.len()).filter(is_conversion).collect();
    let metric = match !conversions.is_empty() && random.percent(20) {
        true => *random.pick(&conversions),
        false => random.below(world.metrics.len()),
    };
    let table = table_of(world, metric);
    let filter = random.percent(25).then(|| condition(random, world, table, 1));
    let offset = random.percent(15).then(|| shift(random));
    let compares = [None, Some("value"), Some("difference"), Some("ratio")];
    let compare = offset.and_then(|_| *random.pick(&compares));
    let name = world.metrics[metric].name.clone();
    AskedMetric { name, alias: format!("v{index}"), filter, offset, compare }
}

fn listing(random: &mut Random, world: &World) -> Question {
    let table = random.below(world.tables.len());
    let mut question = Question {
        table: Some(world.tables[table].name.clone()),
        filter: random.percent(70).then(|| condition(random, world, table, 2)),
        ..Question::default()
    };
    for index in 0..1 + random.below(4) {
        let (field, kind) = field(random, world, table, false);
        let cut = match kind {
            _ if !random.percent(40) => None,
            _ if kind.is_time() => Some(Cut::Grain(match random.below(4) {
                0 => part(random, kind),
                1 if kind == Kind::Instant => random.name(&HOURS),
                _ => random.name(&GRAINS),
            })),
            _ if kind.is_number() => Some(bin(random, kind)),
            _ => None,
        };
        question.fields.push(AskedField { field, cut, alias: format!("c{index}") });
    }
    let links = &world.tables[table].links;
    if !links.is_empty() && random.percent(30) {
        // By what a row's partner says, if it has one.
        let link = random.pick(links);
        let name = &world.tables[link.to].columns[1].name;
        let (field, alias) = (format!("{}.{name}", link.name), "partner".to_owned());
        question.fields.push(AskedField { field, cut: None, alias: alias.clone() });
        question.order_by.push((alias, random.percent(50)));
    } else if random.percent(50) {
        let name = format!("c{}", random.below(question.fields.len()));
        question.order_by.push((name, random.percent(50)));
    }
    question.limit = random.percent(40).then(|| 1 + random.below(5));
    question
}

fn made_up(random: &mut Random, world: &World) -> Question {
    let table = random.below(world.tables.len());
    let mut question =
        Question { table: Some(world.tables[table].name.clone()), ..Question::default() };
    for index in 0..random.below(3) {
        let (function, column) = aggregation(random, world, table);
        let of = |column: usize| world.tables[table].columns[column].name.clone();
        question.aggregations.push(AskedAggregation {
            function,
            field: column.map(of),
            grain: None,
            alias: format!("n{index}"),
            filter: random.percent(30).then(|| condition(random, world, table, 1)),
        });
    }
    let least = usize::from(question.aggregations.is_empty());
    for index in 0..least + random.below(3) {
        question.group_by.push(key(random, world, table, index, false));
    }
    question.filter = random.percent(60).then(|| condition(random, world, table, 2));
    question
}

fn governed(random: &mut Random, world: &World) -> Question {
    let mut question = Question::default();
    for index in 0..1 + random.below(3) {
        question.metrics.push(asked_metric(random, world, index));
    }
    let first = world.metrics.iter().position(|m| m.name == question.metrics[0].name);
    let table = table_of(world, first.unwrap_or(0));
    let shared = question.metrics.len() > 1;
    for index in 0..random.below(4) {
        question.group_by.push(key(random, world, table, index, shared));
    }
    let moved = |asked: &AskedMetric| {
        let metric = world.metrics.iter().position(|m| m.name == asked.name).unwrap_or(0);
        asked.offset.is_some() || is_moved(world, metric)
    };
    let moved = question.metrics.iter().any(moved);
    if moved && random.percent(85) {
        // Numbers of periods mostly go by one grain of time.
        question.group_by.retain(|key| key.field != "metric_time" && key.field != "day");
        let grains =
            ["day", "day", "day", "week", "week", "month", "month", "quarter", "fiscal_quarter"];
        let grain = *random.pick(&grains);
        let cut = Some(Cut::Grain(grain));
        let (field, alias) = ("metric_time".to_owned(), "time".to_owned());
        question.group_by.insert(0, AskedField { field, cut, alias });
    }
    question.filter = random.percent(if moved { 65 } else { 45 }).then(|| match random.below(3) {
        0 => of_time(random, world.calendar.zone),
        1 => Condition::And(vec![
            of_time(random, world.calendar.zone),
            condition(random, world, table, 1),
        ]),
        _ => condition(random, world, table, 2),
    });
    question
}

/// Adds totals, shares, conditions on numbers, orders and a limit.
fn finish(random: &mut Random, question: &mut Question) {
    // What came later has numbers of its own, so that all else stays as it was.
    let mut more = random.aside(0x2B2B);
    let numbers: Vec<String> = question.metrics.iter().map(|m| m.alias.clone()).collect();
    let made_up = question.aggregations.iter().map(|a| a.alias.clone());
    let numbers: Vec<String> = numbers.into_iter().chain(made_up).collect();
    let keys: Vec<String> = question.group_by.iter().map(|key| key.alias.clone()).collect();
    let some = |random: &mut Random| -> Vec<String> {
        keys.iter().filter(|_| random.percent(40)).cloned().collect()
    };
    if !numbers.is_empty() && random.percent(15) {
        let (of, within) = (random.pick(&numbers).clone(), some(random));
        question.shares.push(AskedShare { of, within, alias: "share".to_owned() });
    }
    // Groups over a bridge overlap: their totals are no sums.
    let overlap = question.group_by.iter().any(|key| key.field.contains("of_t"));
    if !keys.is_empty() && random.percent(if overlap { 40 } else { 15 }) {
        for _ in 0..1 + random.below(2) {
            let kept = some(random);
            if kept.len() < keys.len() && !question.totals.contains(&kept) {
                question.totals.push(kept);
            }
        }
    }
    if !numbers.is_empty() && random.percent(20) {
        let name = random.pick(&numbers).clone();
        let first = comparison(random, Calendar::default(), name, Kind::Double, true);
        question.having = Some(match random.below(3) {
            0 => Condition::Not(Box::new(first)),
            _ => first,
        });
        if more.percent(40) {
            let name = more.pick(&numbers).clone();
            let other = comparison(&mut more, Calendar::default(), name, Kind::Double, true);
            let parts = question.having.take().into_iter().chain([other]).collect();
            let all = more.percent(50);
            question.having = Some(if all { Condition::And(parts) } else { Condition::Or(parts) });
        }
    }
    if random.percent(35) {
        let mut columns: Vec<String> = numbers.iter().chain(&keys).cloned().collect();
        if !columns.is_empty() {
            question.order_by.push((random.pick(&columns).clone(), random.percent(50)));
        }
        columns.retain(|name| question.order_by.iter().all(|(known, _)| known != name));
        if !columns.is_empty() && more.percent(40) {
            question.order_by.push((more.pick(&columns).clone(), more.percent(50)));
        }
    }
    if question.totals.is_empty() {
        question.limit = random.percent(25).then(|| 1 + random.below(4));
    }
}

fn second(random: &mut Random, inner: Question) -> Question {
    let numbers: Vec<String> = inner.metrics.iter().map(|m| m.alias.clone()).collect();
    let counts = inner.aggregations.iter().map(|a| a.alias.clone());
    let numbers: Vec<String> = numbers.into_iter().chain(counts).collect();
    let keys = inner.group_by.clone();
    let mut question = Question::default();
    for index in 0..1 + random.below(2) {
        let functions = [
            Function::Count,
            Function::Sum,
            Function::Avg,
            Function::Max,
            Function::Percentile(25),
            Function::PercentileDisc(50),
            Function::ApproxDistinct,
        ];
        let function = *random.pick(&functions);
        let field = match numbers.is_empty() {
            true => None,
            false => Some(random.pick(&numbers).clone()),
        };
        let function = if field.is_none() { Function::Count } else { function };
        let alias = format!("n{index}");
        let (grain, filter) = (None, None);
        question.aggregations.push(AskedAggregation { function, field, grain, alias, filter });
    }
    if !keys.is_empty() && random.percent(60) {
        let key = random.pick(&keys);
        let is_time = matches!(key.cut, Some(Cut::Grain(grain)) if HOURS.contains(&grain) || GRAINS.contains(&grain));
        let cut = (is_time && random.percent(40)).then(|| Cut::Grain(random.name(&GRAINS)));
        question.group_by.push(AskedField { field: key.alias.clone(), cut, alias: "g".to_owned() });
    }
    if !numbers.is_empty() && random.percent(25) {
        let (field, cut) = (random.pick(&numbers).clone(), Some(bin(random, Kind::Int)));
        question.group_by.push(AskedField { field, cut, alias: "b".to_owned() });
    }
    if !numbers.is_empty() && random.percent(50) {
        let name = random.pick(&numbers).clone();
        question.filter = Some(comparison(random, Calendar::default(), name, Kind::Double, true));
    }
    if !inner.totals.is_empty() && random.percent(60) {
        let (field, op) = ("totals".to_owned(), *random.pick(&["=", "!=", ">"]));
        let values = vec![Cell::Int(0)];
        question.filter = Some(Condition::Field { field, grain: None, op, values, case: false });
    } else if !keys.is_empty() && random.percent(30) {
        let field = random.pick(&keys).alias.clone();
        let op = *random.pick(&["is_null", "not_null"]);
        let values = Vec::new();
        question.filter = Some(Condition::Field { field, grain: None, op, values, case: false });
    }
    question.from = Some(Box::new(inner));
    question
}

/// Sometimes lets a question count time in its own manner.
fn count_time(random: &mut Random, world: &World, question: &mut Question) {
    if random.percent(25) {
        let abroad = random.percent(70);
        let other = *random.pick(&Zone::ALL);
        question.time_zone = Some(if abroad { world.calendar.zone.abroad() } else { other });
    }
    if random.percent(25) {
        question.week_start = Some(*random.pick(&WeekStart::ALL));
    }
}

/// A random question.
pub fn question(random: &mut Random, world: &World) -> Question {
    let listed = random.below(10);
    let mut question = match listed {
        0 | 1 => listing(random, world),
        2 | 3 => made_up(random, world),
        _ => governed(random, world),
    };
    count_time(random, world, &mut question);
    if listed < 2 {
        return question;
    }
    finish(random, &mut question);
    if !random.percent(12) {
        return question;
    }
    let mut outer = second(random, question);
    count_time(random, world, &mut outer);
    outer
}
