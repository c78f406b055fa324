//! What is asked for by its name: measures of tables, segments also of what a row leads to, and
//! fields that metrics require. What a world and its questions are without these is drawn before,
//! and stays as it is.

use super::filters::{GRAINS, condition, part};
use super::metrics::{aggregation, below, rule};
use super::random::Random;
use super::spelled::only_table;
use super::worlds::some_value;
use crate::reference::{
    AskedField, AskedMeasure, Calculation, Condition, Expression, Function, Kind, Measure,
    Question, World,
};

/// Gives the tables of a world measures. Some metrics are one of these, and some require fields.
pub fn give_names(random: &mut Random, world: &mut World) {
    for table in 0..world.tables.len() {
        for index in 0..random.below(3) {
            let (function, column) = aggregation(random, world, table);
            let filter = random.percent(35).then(|| rule(random, world, table, 1));
            let adds_up =
                matches!(function, Function::Count | Function::CountDistinct | Function::Sum);
            let per_row = adds_up && random.percent(40);
            let name = format!("mu{index}");
            let measure = Measure { name, function, column, filter, per_row };
            world.tables[table].measures.push(measure);
        }
    }
    for metric in 0..world.metrics.len() {
        let Calculation::Simple { table, function, column, .. } = world.metrics[metric].calculation
        else {
            continue;
        };
        if random.percent(25) {
            let measures = &mut world.tables[table].measures;
            let (name, filter, per_row) = (format!("mu{}", measures.len()), None, false);
            measures.push(Measure { name, function, column, filter, per_row });
            world.metrics[metric].measure = Some(measures.len() - 1);
        }
        if random.percent(10) {
            let of = &world.tables[table];
            let is_plain = |column: &usize| {
                let asked = |question: &Question| {
                    let asked = question.fields.iter().chain(&question.group_by);
                    asked.into_iter().any(|asked| asked.alias == of.columns[*column].name)
                };
                match &of.columns[*column].calculated {
                    // What other tables lead to is another test's.
                    Some(Expression::Linear { via, .. }) => via.is_empty(),
                    Some(_) => true,
                    None => of.derived.as_ref().is_none_or(asked),
                }
            };
            let others = (1..of.columns.len()).filter(|c| of.columns[*c].kind != Kind::Double);
            let others: Vec<usize> = others.filter(is_plain).collect();
            // Column 1 of every table is a text that it shares with the others.
            let column = if random.percent(70) { 1 } else { *random.pick(&others) };
            world.metrics[metric].requires.push(column);
        }
    }
}

/// Lets a question name measures, segments and grains, and mostly group by what its metrics require
/// or narrow it to one value.
pub fn ask_by_name(random: &mut Random, world: &World, question: &mut Question) {
    if let Some(inner) = &mut question.from {
        ask_by_name(random, world, inner);
        let groups = !question.aggregations.is_empty() || !question.group_by.is_empty();
        let keys = match inner.from {
            None => required(world, inner),
            Some(_) => Vec::new(),
        };
        for (table, column) in keys.into_iter().filter(|_| groups) {
            let name = &world.tables[table].columns[column].name;
            let key = |key: &&AskedField| key.field == *name && key.cut.is_none();
            let Some(alias) = inner.group_by.iter().find(key).map(|key| key.alias.clone()) else {
                continue;
            };
            let known = question.group_by.iter().any(|key| key.alias == alias);
            if !known && random.percent(75) {
                question.group_by.push(AskedField { field: alias.clone(), cut: None, alias });
            }
        }
        return;
    }
    if let Some(table) = only_table(world, question) {
        segments(random, world, table, question);
        grains(random, world, table, question);
        measures(random, world, table, question);
    }
    for of in required(world, question) {
        if random.percent(85) {
            meet(random, world, question, of);
        }
    }
}

/// The columns that the metrics of a question require, each with its table.
fn required(world: &World, question: &Question) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for asked in &question.metrics {
        let metric = world.metrics.iter().position(|metric| metric.name == asked.name);
        for metric in metric.into_iter().flat_map(|metric| below(world, metric)) {
            let metric = &world.metrics[metric];
            if let Calculation::Simple { table, .. } = &metric.calculation {
                found.extend(metric.requires.iter().map(|column| (*table, *column)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn meet(
    random: &mut Random,
    world: &World,
    question: &mut Question,
    (table, column): (usize, usize),
) {
    let column = &world.tables[table].columns[column];
    let field = column.name.clone();
    if random.percent(40) {
        let values = vec![some_value(random, column.kind, world.calendar.zone)];
        let op = *random.pick(&["=", "in"]);
        let one = Condition::Field { field, grain: None, op, values, case: false };
        question.filter = Some(match question.filter.take() {
            Some(filter) => filter.and(one),
            None => one,
        });
        return;
    }
    let is_key = |key: &&AskedField| key.field == field && key.cut.is_none();
    let known = question.group_by.iter().find(is_key).map(|key| key.alias.clone());
    let alias = known.unwrap_or_else(|| {
        let alias = format!("r{}", question.group_by.len());
        question.group_by.push(AskedField { field, cut: None, alias: alias.clone() });
        alias
    });
    let within = question.shares.iter_mut().map(|share| &mut share.within);
    for level in question.totals.iter_mut().chain(within) {
        if !level.contains(&alias) && random.percent(85) {
            level.push(alias.clone());
        }
    }
}

/// The name of a segment of a table, or of what its rows lead to.
fn segment(random: &mut Random, world: &World, table: usize) -> Option<String> {
    let (mut at, mut name) = (table, String::new());
    let mut further = 60;
    while !world.tables[at].links.is_empty() && random.percent(further) {
        let link = random.pick(&world.tables[at].links);
        name = format!("{name}{}.", link.name);
        at = link.to;
        further = 20;
    }
    let segments = &world.tables[at].segments;
    (!segments.is_empty()).then(|| format!("{name}{}", random.pick(segments).0))
}

/// Puts a condition in the place of one of those that another is made of, anywhere in it.
fn replace(random: &mut Random, within: &mut Condition, with: Condition) {
    match within {
        Condition::And(parts) | Condition::Or(parts) if !parts.is_empty() => {
            let at = random.below(parts.len());
            replace(random, &mut parts[at], with);
        }
        Condition::Not(inner) => replace(random, inner, with),
        other => *other = with,
    }
}

fn segments(random: &mut Random, world: &World, table: usize, question: &mut Question) {
    if random.percent(12) {
        question.segments.extend(segment(random, world, table));
        if random.percent(25) {
            question.segments.extend(segment(random, world, table));
        }
    }
    let Some(name) = segment(random, world, table).filter(|_| random.percent(15)) else { return };
    let segment = Condition::Segment(name);
    question.filter = Some(match question.filter.take() {
        Some(mut filter) if random.percent(60) => {
            replace(random, &mut filter, segment);
            filter
        }
        Some(filter) if random.percent(50) => Condition::Or(vec![filter, segment]),
        Some(filter) => filter.and(segment),
        None if random.percent(40) => Condition::Not(Box::new(segment)),
        None => segment,
    });
}

/// Aggregations of times in which buckets or parts take the place of these.
fn grains(random: &mut Random, world: &World, table: usize, question: &mut Question) {
    let columns = &world.tables[table].columns;
    let times: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].kind.is_time()).collect();
    for asked in &mut question.aggregations {
        if times.is_empty() || !random.percent(20) {
            continue;
        }
        let column = &columns[*random.pick(&times)];
        let is_part = random.percent(50);
        asked.field = Some(column.name.clone());
        asked.grain = Some(match (is_part, column.kind) {
            (true, kind) => part(random, kind),
            (_, Kind::Instant) if random.percent(50) => random.name(&["hour", "minute", "second"]),
            _ => random.name(&GRAINS),
        });
        let of_all = [Function::CountDistinct, Function::CountDistinct, Function::Count];
        let of_parts = [Function::Sum, Function::Avg, Function::Max, Function::Percentile(25)];
        let of_buckets = [Function::Min, Function::Max, Function::PercentileDisc(50)];
        asked.function = match (random.percent(40), is_part) {
            (true, _) => *random.pick(&of_all),
            (_, true) => *random.pick(&of_parts),
            _ => *random.pick(&of_buckets),
        };
    }
}

fn measures(random: &mut Random, world: &World, table: usize, question: &mut Question) {
    let of = &world.tables[table];
    let is_grouped = !question.aggregations.is_empty() || !question.group_by.is_empty();
    let often = match (question.metrics.is_empty(), is_grouped && question.fields.is_empty()) {
        (true, true) => 35,
        (false, _) => 8,
        _ => 0,
    };
    if of.measures.is_empty() || !random.percent(often) {
        return;
    }
    question.table = Some(of.name.clone());
    for index in 0..1 + random.below(2) {
        let name = random.pick(&of.measures).name.clone();
        let filter = random.percent(30).then(|| condition(random, world, table, 1));
        question.measures.push(AskedMeasure { name, alias: format!("u{index}"), filter });
    }
}
