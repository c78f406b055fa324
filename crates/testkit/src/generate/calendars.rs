//! Random calendars of one's own: a table of days in periods of all lengths, to which the times of
//! other tables lead, and questions that speak of it. They take no chance away from what else is
//! random: they have their own.

use super::filters::{GRAINS, comparison, condition};
use super::metrics::below;
use super::policies::of_table;
use super::questions::bin;
use super::random::Random;
use super::spelled::only_table;
use super::worlds::{TEXTS, some_change};
use crate::reference::calendar::{Unit, day, day_of};
use crate::reference::{
    AskedAggregation, AskedField, AskedMetric, Back, Calculation, Cell, Column, Condition, Cut,
    Expression, Function, Kind, Link, Metric, Policies, Question, Rule, Table, World, Zone,
};

/// The position of the number of a period, in a calendar.
const WEEK: usize = 2;
/// The column of other tables that is calculated over a calendar.
const CALCULATED: &str = "calc_week";

/// The days of a few weeks and those around changes of the clocks, some left out.
fn some_days(random: &mut Random, zone: Zone) -> Vec<i32> {
    let first = day(2024, 1, 18) + random.below(12) as i32;
    let mut days: Vec<i32> = (first..first + 15 + random.below(30) as i32).collect();
    for zone in [zone, zone.abroad()] {
        let change = some_change(random, zone).map(day_of);
        days.extend(change.into_iter().flat_map(|day| day - 2..=day + 2));
    }
    days.sort_unstable();
    days.dedup();
    days.retain(|_| !random.percent(6));
    days
}

/// A table of days: the first columns are those that every table has, a key, a text and a whole
/// number.
fn calendar(random: &mut Random, zone: Zone) -> Table {
    let columns = [
        ("day", Kind::Date),
        ("period", Kind::Text),
        ("week", Kind::Int),
        ("year", Kind::Int),
        ("opens", Kind::Date),
        ("holiday", Kind::Bool),
    ];
    let (mut name, mut week, mut year, mut opens, mut left) = ("", 0, 1, 0, 0);
    let mut rows = Vec::new();
    for day in some_days(random, zone) {
        if left == 0 {
            (name, week, opens) = (random.name(&TEXTS), week + 1, day);
            left = *random.pick(&[1, 2, 3, 4, 5, 4, 9]);
            if random.percent(20) {
                (week, year) = (1, year + 1);
            }
        }
        left -= 1;
        // Some days are of no period.
        let period = if random.percent(5) { Cell::Null } else { Cell::Text(name.to_owned()) };
        let holiday = if random.percent(10) { Cell::Null } else { Cell::Bool(random.percent(30)) };
        let (week, year) = (Cell::Int(week), Cell::Int(year));
        rows.push(vec![Cell::Date(day), period, week, year, Cell::Date(opens), holiday]);
    }
    Table {
        name: "retail".to_owned(),
        columns: columns.map(|(name, kind)| Column::new(name, kind)).into(),
        links: Vec::new(),
        segments: Vec::new(),
        measures: Vec::new(),
        key: 0,
        rest: None,
        time: Some(0),
        validity: None,
        hidden: false,
        told_apart: true,
        min_group_size: None,
        derived: None,
        rows,
    }
}

/// Relationships of a table from its times to a calendar. Those of dates may be declared from there.
fn links(random: &mut Random, table: &Table, index: usize, to: usize) -> Vec<Link> {
    let mut found = Vec::new();
    for (column, of) in table.columns.iter().enumerate() {
        if !of.kind.is_time() || of.calculated.is_some() || random.percent(25) {
            continue;
        }
        let back = (of.kind == Kind::Date && random.percent(40))
            .then(|| Back { name: format!("of_t{index}_{}", of.name), bridge: random.percent(75) });
        found.push(Link {
            name: format!("on_{}", of.name),
            column,
            rest: None,
            one: false,
            to,
            as_of: None,
            back,
        });
    }
    found
}

/// The position of the column that is calculated over a calendar.
fn calculated(table: &Table) -> Option<usize> {
    table.columns.iter().position(|column| column.name == CALCULATED)
}

/// The first metric that leads over a calendar.
fn leading(world: &World) -> Option<usize> {
    (0..world.metrics.len()).find(|metric| leads_to_days(world, *metric))
}

/// Whether the rows of a metric are chosen by what is calculated over a calendar.
fn leads_to_days(world: &World, metric: usize) -> bool {
    match &world.metrics[metric].calculation {
        Calculation::Simple { table, filter: Some(Rule::Compare(column, ..)), .. } => {
            world.tables[*table].columns[*column].name == CALCULATED
        }
        _ => false,
    }
}

/// Gives some worlds a calendar: a last table, to which others lead. Policies concern it as others,
/// where there are any.
pub fn with_calendar(random: &mut Random, world: &mut World, policies: Option<&mut Policies>) {
    if !random.percent(45) {
        return;
    }
    let last = world.tables.len();
    let table = calendar(random, world.calendar.zone);
    world.tables.push(table);
    if let Some(policies) = policies {
        of_table(random, world, last, policies);
        if !policies.min_group_sizes.is_empty() && random.percent(35) {
            policies.min_group_sizes.push((last, 2));
        }
    }
    let mut with = Vec::new();
    for index in 0..last {
        if world.tables[index].derived.is_some() {
            continue;
        }
        let links = links(random, &world.tables[index], index, last);
        let table = &mut world.tables[index];
        let ways: Vec<usize> = (0..links.len()).map(|link| table.links.len() + link).collect();
        table.links.extend(links);
        if ways.is_empty() || random.percent(40) {
            continue;
        }
        let (via, factor) = (vec![*random.pick(&ways)], random.within(1, 3));
        let of = Expression::Linear { via, column: WEEK, factor, summand: 0 };
        table.columns.push(Column { calculated: Some(of), ..Column::new(CALCULATED, Kind::Int) });
        table.rows.iter_mut().for_each(|row| row.push(Cell::Null));
        with.push(index);
    }
    if !with.is_empty() {
        let table = *random.pick(&with);
        let (column, op) =
            (world.tables[table].columns.len() - 1, *random.pick(&["<", ">=", "<>"]));
        let filter = Some(Rule::Compare(column, op, Cell::Int(random.within(2, 9))));
        let (name, function) = (format!("m{}", world.metrics.len()), Function::Count);
        let (column, time, semi, dense) = (None, None, None, false);
        let calculation =
            Calculation::Simple { table, function, column, filter, time, semi, dense };
        world.metrics.push(Metric::new(name, calculation));
    }
    world.calculate();
}

/// Takes away what leads to a calendar, which then is a table that nothing needs.
pub(super) fn lead_nowhere(world: &mut World) {
    if leading(world).is_some() {
        // It came last, like the columns and links.
        world.metrics.pop();
    }
    let calendar = world.tables.iter().position(Table::is_calendar);
    for table in &mut world.tables {
        if let Some(column) = calculated(table) {
            table.columns.truncate(column);
            table.rows.iter_mut().for_each(|row| row.truncate(column));
        }
        table.links.retain(|link| Some(link.to) != calendar);
    }
}

/// Whether something leads to a calendar that nothing with a name of its own may be made of.
pub(super) fn leads_somewhere(world: &World) -> bool {
    let mut links = world.tables.iter().flat_map(|table| &table.links);
    let over = |table: &Table| calculated(table).is_some();
    let named = |table: &Table| !table.measures.is_empty() || !table.segments.is_empty();
    links.any(|link| world.tables[link.to].is_calendar())
        && !world.tables.iter().any(|table| over(table) && named(table))
        && world.metrics.iter().all(|metric| metric.requires.is_empty())
}

/// A way from rows of a table to a calendar, by names; of several tables, one that all may have.
fn way(random: &mut Random, world: &World, last: usize, table: Option<usize>) -> Option<String> {
    let Some(table) = table else { return Some("on_day".to_owned()) };
    let leads = |table: usize| {
        let links = world.tables[table].links.iter().filter(|link| link.to == last);
        links.map(|link| link.name.clone()).collect::<Vec<String>>()
    };
    let own = leads(table);
    let mut further = Vec::new();
    for link in &world.tables[table].links {
        further.extend(leads(link.to).iter().map(|name| format!("{}.{name}", link.name)));
    }
    for (back, from, _) in world.backs(table) {
        further.extend(leads(from).iter().map(|name| format!("{}.{name}", back.name)));
    }
    if own.is_empty() && further.is_empty() {
        return None;
    }
    if random.percent(8) {
        return Some(world.tables[last].name.clone());
    }
    let instants = own.iter().find(|name| *name == "on_at");
    match own.is_empty() || !further.is_empty() && random.percent(25) {
        true => Some(random.pick(&further).clone()),
        // The days of instants are others in each zone: they are asked for often.
        false => match instants.filter(|_| random.percent(50)) {
            Some(name) => Some(name.clone()),
            None => Some(random.pick(&own).clone()),
        },
    }
}

/// One more condition that has to hold.
fn narrow(filter: &mut Option<Condition>, more: Condition) {
    *filter = Some(match filter.take() {
        None => more,
        Some(Condition::And(mut parts)) => {
            parts.push(more);
            Condition::And(parts)
        }
        Some(other) => Condition::And(vec![other, more]),
    });
}

/// A condition on the days that a way leads to.
fn on_days(
    random: &mut Random,
    world: &World,
    (field, kind): (String, Kind),
    way: &str,
) -> Condition {
    let is_step = way.starts_with("on_");
    if is_step && random.percent(10) {
        // What else is of the same day.
        let calendar = world.tables.iter().position(Table::is_calendar);
        let backs = calendar.into_iter().flat_map(|calendar| world.backs(calendar));
        let names: Vec<String> = backs.map(|(back, ..)| format!("{way}.{}", back.name)).collect();
        if !names.is_empty() {
            return Condition::Exists(random.pick(&names).clone(), None);
        }
    }
    if is_step && random.percent(10) {
        let metric = random.pick(&world.metrics).name.clone();
        let (op, values) = (*random.pick(&["=", "<", ">="]), vec![Cell::Int(random.within(0, 3))]);
        return Condition::Metric(metric, Some(way.to_owned()), op, values);
    }
    if kind == Kind::Date && random.percent(25) {
        let count = 1 + random.below(3) as i32;
        return Condition::Relative(field, "last", count, *random.pick(&Unit::ALL));
    }
    let compared = comparison(random, world.calendar, field, kind, false);
    if random.percent(20) { Condition::Not(Box::new(compared)) } else { compared }
}

/// Lets a question speak of a calendar: group or list by what it says of days, narrow by it, and
/// compute over it.
fn speak(random: &mut Random, world: &World, last: usize, question: &mut Question) {
    if let Some(inner) = &mut question.from {
        speak(random, world, last, inner);
        return;
    }
    if random.percent(10) {
        return;
    }
    if let Some(metric) = leading(world).filter(|_| random.percent(15))
        && let Some(asked) = question.metrics.first_mut()
    {
        let (name, alias) = (world.metrics[metric].name.clone(), asked.alias.clone());
        *asked = AskedMetric { name, alias, filter: None, offset: None, compare: None };
    }
    let table = only_table(world, question);
    let Some(way) = way(random, world, last, table) else { return };
    let calculates = table.is_some_and(|table| calculated(&world.tables[table]).is_some());
    let chosen = |random: &mut Random| {
        if calculates && random.percent(35) {
            return (CALCULATED.to_owned(), Kind::Int);
        }
        let column = random.pick(&world.tables[last].columns);
        (format!("{way}.{}", column.name), column.kind)
    };
    for index in 0..random.below(3) {
        let (field, kind) = chosen(random);
        let cut = match kind {
            Kind::Date if random.percent(40) => Some(Cut::Grain(random.name(&GRAINS))),
            Kind::Int if random.percent(20) => Some(bin(random, kind)),
            _ => None,
        };
        let asked = AskedField { field, cut, alias: format!("d{index}") };
        match question.fields.is_empty() {
            true => question.group_by.push(asked),
            false => question.fields.push(asked),
        }
    }
    if random.percent(40) {
        let of = chosen(random);
        let more = on_days(random, world, of, &way);
        narrow(&mut question.filter, more);
    }
    if random.percent(20)
        && let Some(asked) = question.metrics.first_mut()
    {
        let of = chosen(random);
        let more = on_days(random, world, of, &way);
        narrow(&mut asked.filter, more);
    }
    if question.table.is_some() && question.fields.is_empty() && random.percent(65) {
        let functions = [Function::Sum, Function::CountDistinct, Function::Max, Function::Avg];
        let function = *random.pick(&functions);
        let week = format!("{way}.{}", world.tables[last].columns[WEEK].name);
        let (field, alias) = (Some(week), "weeks".to_owned());
        question.aggregations.push(AskedAggregation::new(function, field, alias));
    }
    if question.time_zone.is_none() && random.percent(40) {
        question.time_zone = Some(world.calendar.zone.abroad());
    }
}

/// A question about the days themselves.
fn of_days(random: &mut Random, world: &World, last: usize) -> Question {
    let calendar = &world.tables[last];
    let mut question = Question { table: Some(calendar.name.clone()), ..Question::default() };
    for index in 0..1 + random.below(2) {
        let field = random.pick(&calendar.columns).name.clone();
        question.group_by.push(AskedField { field, cut: None, alias: format!("d{index}") });
    }
    let counted = [(Function::Count, None), (Function::Max, Some("opens".to_owned()))];
    for (index, (function, field)) in counted.into_iter().enumerate() {
        let alias = format!("n{index}");
        question.aggregations.push(AskedAggregation::new(function, field, alias));
    }
    if random.percent(70) {
        // Days on which there is something.
        let mut names: Vec<(String, usize)> =
            world.backs(last).map(|(back, from, _)| (back.name.clone(), from)).collect();
        for (index, table) in world.tables.iter().enumerate() {
            let leads = table.links.iter().any(|link| link.to == last);
            names.extend(leads.then(|| (table.name.clone(), index)));
        }
        if !names.is_empty() {
            let (name, from) = random.pick(&names).clone();
            let inner = random.percent(40).then(|| Box::new(condition(random, world, from, 0)));
            question.filter = Some(Condition::Exists(name, inner));
        }
    }
    if random.percent(30) {
        question.time_zone = Some(world.calendar.zone.abroad());
    }
    question
}

/// Lets many questions to a world with a calendar speak of it.
pub fn by_calendar(random: &mut Random, world: &World, question: &mut Question) {
    let Some(last) = world.tables.iter().position(Table::is_calendar) else { return };
    if question.from.is_none() && random.percent(10) {
        *question = of_days(random, world, last);
        return;
    }
    speak(random, world, last, question);
}

/// Whether a name leads over a calendar.
pub(super) fn is_of_days(name: &str) -> bool {
    name.starts_with("retail.") || name.split('.').any(|step| step.starts_with("on_"))
}

/// Whether a condition speaks of a calendar.
fn narrows(of: &Condition) -> bool {
    match of {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(narrows),
        Condition::Not(inner) => narrows(inner),
        Condition::Field { field, .. } | Condition::Relative(field, ..) => is_of_days(field),
        Condition::Exists(name, _) => is_of_days(name),
        Condition::Metric(_, per, ..) => per.as_deref().is_some_and(is_of_days),
        Condition::Segment(_) => false,
    }
}

/// What of a calendar a question makes use of, by names that the test counts; beside what is known
/// of the question.
pub(super) fn of_calendars(
    world: &World,
    question: &Question,
    found: &[&'static str],
) -> Vec<&'static str> {
    let asked = question.group_by.iter().chain(&question.fields).map(|asked| &asked.field);
    let computed = question.aggregations.iter().filter_map(|asked| asked.field.as_ref());
    let (keys, computed): (Vec<&String>, Vec<&String>) = (asked.collect(), computed.collect());
    let both = || keys.iter().chain(&computed);
    let own = |filter: &Option<Condition>| filter.as_ref().is_some_and(narrows);
    let is_key = keys.iter().any(|name| is_of_days(name));
    let of_instants = both().any(|name| is_of_days(name) && name.contains("on_at"));
    let named =
        |asked: &AskedMetric| world.metrics.iter().position(|metric| metric.name == asked.name);
    let metrics = question.metrics.iter().filter_map(named);
    let known = |names: &[&str]| found.iter().any(|name| names.contains(name));
    let days = world.tables.iter().find(|table| table.is_calendar());
    let all = [
        ("calendar", is_key),
        ("calendar accumulated", is_key && known(&["all time", "trailing", "to date"])),
        ("calendar aggregated", computed.iter().any(|name| is_of_days(name))),
        ("calendar calculated", both().any(|name| *name == CALCULATED)),
        ("calendar elsewhere", of_instants && known(&["asked zone"])),
        ("calendar itself", days.is_some_and(|days| question.table.as_ref() == Some(&days.name))),
        (
            "calendar metric",
            metrics.flat_map(|m| below(world, m)).any(|metric| leads_to_days(world, metric)),
        ),
        ("calendar of instants", of_instants),
        ("calendar offset", is_key && known(&["asked offset", "input offset"])),
        (
            "filter calendar",
            own(&question.filter) || question.metrics.iter().any(|asked| own(&asked.filter)),
        ),
    ];
    all.into_iter().filter(|(_, used)| *used).map(|(name, _)| name).collect()
}
