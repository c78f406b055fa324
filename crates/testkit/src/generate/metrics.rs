//! Random metrics of all kinds, each computed from earlier ones.

use super::random::Random;
use super::worlds::{some_day, some_value};
use crate::reference::calendar::Unit;
use crate::reference::{
    Calculation, Formula, Function, Input, Kind, Metric, Question, Rule, Semi, Shift, Start, Table,
    World,
};

/// A condition over a table, as an author writes it.
pub(super) fn rule(random: &mut Random, world: &World, table: usize, depth: usize) -> Rule {
    if depth > 0 && random.percent(40) {
        let (a, b) = (rule(random, world, table, depth - 1), rule(random, world, table, depth - 1));
        let (a, b) = (Box::new(a), Box::new(b));
        return match random.below(3) {
            0 => Rule::And(a, b),
            1 => Rule::Or(a, b),
            _ => Rule::Not(a),
        };
    }
    if random.percent(20) {
        return of_time(random, world, table);
    }
    if depth > 0 && random.percent(10) {
        return lists(random, world, table);
    }
    let columns = &world.tables[table].columns;
    let plain = |c: &usize| matches!(columns[*c].kind, Kind::Int | Kind::Text | Kind::Bool);
    let columns_: Vec<usize> = (0..columns.len()).filter(plain).collect();
    let column = *random.pick(&columns_);
    if random.percent(15) {
        return Rule::IsNull(column);
    }
    let ops: &[&'static str] = match columns[column].kind {
        Kind::Bool => &["=", "<>"],
        _ => &["=", "<>", "<", "<=", ">", ">="],
    };
    let op = *random.pick(ops);
    Rule::Compare(column, op, some_value(random, columns[column].kind, world.calendar.zone))
}

/// One column beside several lists of values.
fn lists(random: &mut Random, world: &World, table: usize) -> Rule {
    // Columns 1 and 2 of every table are a text and a whole number.
    let column = 1 + random.below(2);
    let kind = world.tables[table].columns[column].kind;
    let list = |random: &mut Random| {
        let one = |random: &mut Random| {
            Rule::Compare(column, "=", some_value(random, kind, world.calendar.zone))
        };
        let first = one(random);
        let list = (0..1 + random.below(4))
            .fold(first, |rule, _| Rule::Or(Box::new(rule), Box::new(one(random))));
        if random.percent(40) { Rule::Not(Box::new(list)) } else { list }
    };
    let (a, b) = (Box::new(list(random)), Box::new(list(random)));
    let both = if random.percent(50) { Rule::And(a, b) } else { Rule::Or(a, b) };
    if random.percent(50) { Rule::Not(Box::new(both)) } else { both }
}

/// A condition on a time: a part of it, or the bucket that it lies in.
fn of_time(random: &mut Random, world: &World, table: usize) -> Rule {
    let columns = &world.tables[table].columns;
    let times: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].kind.is_time()).collect();
    let column = *random.pick(&times);
    let op = *random.pick(&["=", "<>", "<", "<=", ">", ">="]);
    if random.percent(40) {
        let unit = *random.pick(&Unit::ALL);
        let day = world.calendar.floor(some_day(random), unit);
        return Rule::Bucket(column, unit, op, day);
    }
    let parts = ["day_of_week", "iso_day_of_week", "day_of_month", "week_of_year", "month_of_year"];
    let (part, with) = match columns[column].kind {
        Kind::Instant if random.percent(60) => {
            ("hour_of_day", *random.pick(&[0, 1, 2, 12, 22, 23]))
        }
        _ => (*random.pick(&parts), random.within(1, 9)),
    };
    Rule::Part(column, part, op, with)
}

pub(super) fn shift(random: &mut Random) -> Shift {
    if random.percent(15) {
        return Shift::StartOf(*random.pick(&[
            Unit::Week,
            Unit::Week,
            Unit::Month,
            Unit::Quarter,
            Unit::Year,
        ]));
    }
    Shift::Back(1 + random.below(2) as i32, *random.pick(&Unit::ALL))
}

/// A function, and a column that it can be of.
pub(super) fn aggregation(
    random: &mut Random,
    world: &World,
    table: usize,
) -> (Function, Option<usize>) {
    let columns = &world.tables[table].columns;
    let share = *random.pick(&[0, 10, 25, 29, 50, 90, 100]);
    let function = *random.pick(&[
        Function::Count,
        Function::Count,
        Function::CountDistinct,
        Function::Sum,
        Function::Sum,
        Function::Avg,
        Function::Min,
        Function::Max,
        Function::Median,
        Function::Percentile(share),
        Function::PercentileDisc(share),
        Function::ApproxDistinct,
    ]);
    let fits = |c: &usize| match function {
        Function::Sum | Function::Avg | Function::Median | Function::Percentile(_) => {
            columns[*c].kind.is_number()
        }
        Function::PercentileDisc(_) => columns[*c].kind.is_number() || columns[*c].kind.is_time(),
        Function::Min | Function::Max => columns[*c].kind != Kind::Bool,
        _ => true,
    };
    let fitting: Vec<usize> = (1..columns.len()).filter(fits).collect();
    if function == Function::Count && random.percent(60) {
        return (function, None);
    }
    (function, Some(*random.pick(&fitting)))
}

fn simple(random: &mut Random, world: &World) -> Calculation {
    let table = random.below(world.tables.len());
    let (function, column) = aggregation(random, world, table);
    let columns = &world.tables[table].columns;
    let times: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].kind.is_time()).collect();
    let filter = random.percent(35).then(|| rule(random, world, table, 2));
    let time = random.percent(15).then(|| *random.pick(&times));
    let others = [1, 2];
    let semi = random.percent(20).then(|| Semi {
        over: *random.pick(&times),
        first: random.percent(40),
        per: if random.percent(50) { vec![*random.pick(&others)] } else { Vec::new() },
    });
    let has_time = time.or(world.tables[table].time).is_some();
    let dense = has_time && semi.is_none() && random.percent(15);
    Calculation::Simple { table, function, column, filter, time, semi, dense }
}

/// Whether a metric is one number of one table, and which.
fn table_of(world: &World, metric: usize) -> Option<usize> {
    match &world.metrics[metric].calculation {
        Calculation::Simple { table, .. } => Some(*table),
        _ => None,
    }
}

fn is_number(world: &World, metric: usize) -> bool {
    match &world.metrics[metric].calculation {
        Calculation::Simple {
            function: Function::Min | Function::Max | Function::PercentileDisc(_),
            table,
            column,
            ..
        } => column.is_some_and(|c| world.tables[*table].columns[c].kind.is_number()),
        _ => true,
    }
}

/// The metrics that a metric is computed from, with it.
pub(super) fn below(world: &World, metric: usize) -> Vec<usize> {
    let inputs: Vec<&Input> = match &world.metrics[metric].calculation {
        Calculation::Simple { .. } => Vec::new(),
        Calculation::Ratio(a, b) => vec![a, b],
        Calculation::Derived(_, inputs) => inputs.iter().collect(),
        Calculation::Cumulative(input, _) => vec![input],
        Calculation::Conversion { base, follows, .. } => vec![base, follows],
    };
    let mut found = vec![metric];
    for input in inputs {
        found.extend(below(world, input.metric));
    }
    found
}

fn has_time(world: &World, metric: usize) -> bool {
    below(world, metric).into_iter().all(|metric| match &world.metrics[metric].calculation {
        Calculation::Simple { table, time, .. } => time.or(world.tables[*table].time).is_some(),
        Calculation::Conversion { .. } => false,
        _ => true,
    })
}

fn input(random: &mut Random, world: &World, among: &[usize], moves: bool) -> Input {
    let metric = *random.pick(among);
    let table = table_of(world, metric);
    let filter = table.filter(|_| random.percent(25)).map(|table| rule(random, world, table, 1));
    let offset = (moves && has_time(world, metric) && random.percent(25)).then(|| shift(random));
    Input { metric, filter, offset }
}

fn composite(random: &mut Random, world: &World) -> Option<Calculation> {
    let all: Vec<usize> = (0..world.metrics.len()).filter(|m| is_number(world, *m)).collect();
    if all.is_empty() {
        return None;
    }
    match random.below(7) {
        0 => {
            let above = input(random, world, &all, true);
            Some(Calculation::Ratio(above, input(random, world, &all, true)))
        }
        1 => {
            let count = 1 + random.below(2);
            let inputs: Vec<Input> =
                (0..=count).map(|_| input(random, world, &all, true)).collect();
            let mut formula = Formula::Input(0);
            for index in 1..inputs.len() {
                let op = *random.pick(&['+', '-', '/', '+']);
                let right = Box::new(Formula::Input(index));
                formula = Formula::Calculate(op, Box::new(formula), right);
            }
            if random.percent(30) {
                let two = Box::new(Formula::Number(2));
                formula = Formula::Calculate('*', Box::new(formula), two);
            }
            Some(Calculation::Derived(formula, inputs))
        }
        2 | 3 => {
            let plain = |metric: &usize| match &world.metrics[*metric].calculation {
                Calculation::Simple { semi, .. } => semi.is_none() && has_time(world, *metric),
                _ => false,
            };
            let plain: Vec<usize> = all.into_iter().filter(plain).collect();
            if plain.is_empty() {
                return None;
            }
            let start = match random.below(3) {
                0 => Start::AllTime,
                1 => Start::Trailing(1 + random.below(10) as i32, *random.pick(&Unit::ALL)),
                _ => Start::ToDate(*random.pick(&[
                    Unit::Week,
                    Unit::Week,
                    Unit::Month,
                    Unit::Quarter,
                ])),
            };
            let window = (start, random.percent(20));
            Some(Calculation::Cumulative(input(random, world, &plain, false), window))
        }
        _ => {
            let events = |metric: &usize| match &world.metrics[*metric].calculation {
                Calculation::Simple { function: Function::Count, column: None, semi, .. } => {
                    semi.is_none()
                        && has_time(world, *metric)
                        && world.metrics[*metric].fill.is_none()
                }
                _ => false,
            };
            let events: Vec<usize> = all.into_iter().filter(events).collect();
            if events.is_empty() {
                return None;
            }
            let (base, follows) =
                (input(random, world, &events, false), input(random, world, &events, false));
            let mut on = vec![(1, 1)];
            if random.percent(30) {
                on.push((2, 2));
            }
            let window = random.percent(70).then(|| match random.percent(50) {
                true => (1, Unit::Day),
                false => (1 + random.below(9) as i32, *random.pick(&Unit::ALL)),
            });
            let count = random.percent(60);
            Some(Calculation::Conversion { base, follows, on, window, count })
        }
    }
}

pub(super) fn metrics(random: &mut Random, world: &mut World) {
    for index in 0..3 + random.below(3) {
        let calculation = simple(random, world);
        world.metrics.push(Metric::new(format!("m{index}"), calculation));
        if random.percent(15) && is_number(world, index) {
            world.metrics[index].fill = Some(random.within(0, 3));
        }
    }
    let timed = |t: &usize| world.tables[*t].time.is_some();
    let timed: Vec<usize> = (0..world.tables.len()).filter(timed).collect();
    if !timed.is_empty() && random.percent(40) {
        // Events that follow others, or are followed.
        let (name, table) = (format!("m{}", world.metrics.len()), *random.pick(&timed));
        let function = Function::Count;
        let (column, filter, time, semi, dense) = (None, None, None, None, false);
        let calculation =
            Calculation::Simple { table, function, column, filter, time, semi, dense };
        world.metrics.push(Metric::new(name, calculation));
    }
    for _ in 0..1 + random.below(4) {
        let index = world.metrics.len();
        if let Some(calculation) = composite(random, world) {
            let fill = random.percent(15).then(|| random.within(0, 3));
            world.metrics.push(Metric { fill, ..Metric::new(format!("m{index}"), calculation) });
        }
    }
}

/// The tables that a question names, and those of the metrics that it asks for.
pub(super) fn asked_tables(world: &World, question: &Question) -> Vec<usize> {
    let named = |table: &Table| question.table.as_ref() == Some(&table.name);
    let mut tables: Vec<usize> = world.tables.iter().position(named).into_iter().collect();
    for asked in &question.metrics {
        let metric = world.metrics.iter().position(|metric| metric.name == asked.name);
        for metric in metric.into_iter().flat_map(|metric| below(world, metric)) {
            if let Calculation::Simple { table, .. } = &world.metrics[metric].calculation {
                tables.push(*table);
            }
        }
    }
    tables
}
