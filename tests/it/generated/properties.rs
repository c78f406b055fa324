//! What never changes the number that is told: other numbers beside it, tables and relationships
//! that it does not need, the order in which things are named, and how it is divided into groups.

use sandbar_testkit::generate::json;
use sandbar_testkit::reference::{
    Calculation, Cell, Column, Condition, Formula, Function, Kind, Link, Question, Table, World,
};
use sandbar_testkit::rows::{Rows, same_cell, same_rows};
use tokio::runtime::Runtime;

use super::laws::{Asked, Case, Engines, Law, Verdict, plain, shown};
use super::parts::may_be_many;
use super::session;

/// Without what depends on all rows of the answer, or cuts some off.
fn bare(question: Question) -> Question {
    Question {
        having: None,
        shares: Vec::new(),
        order_by: Vec::new(),
        limit: None,
        from: None,
        ..question
    }
}

fn position(world: &World, name: &str) -> usize {
    world.metrics.iter().position(|metric| metric.name == name).unwrap()
}

fn formula(of: &Formula, inputs: &[Option<f64>]) -> Option<f64> {
    match of {
        Formula::Input(index) => inputs[*index],
        Formula::Number(number) => Some(*number as f64),
        Formula::Calculate(op, a, b) => {
            let (a, b) = (formula(a, inputs)?, formula(b, inputs)?);
            match op {
                '+' => Some(a + b),
                '-' => Some(a - b),
                '*' => Some(a * b),
                _ => (b != 0.0).then(|| a / b),
            }
        }
    }
}

/// The value of a metric where it has no rows.
fn of_nothing(world: &World, metric: usize) -> Option<f64> {
    let metric = &world.metrics[metric];
    let value = match &metric.calculation {
        Calculation::Simple {
            function: Function::Count | Function::CountDistinct | Function::ApproxDistinct,
            ..
        } => Some(0.0),
        Calculation::Simple { .. } => None,
        // Nothing, or a division by nothing.
        Calculation::Ratio(a, b) => {
            let of = |metric| of_nothing(world, metric);
            of(b.metric).filter(|b| *b != 0.0).and_then(|b| Some(of(a.metric)? / b))
        }
        Calculation::Derived(of, inputs) => {
            let inputs: Vec<Option<f64>> =
                inputs.iter().map(|input| of_nothing(world, input.metric)).collect();
            formula(of, &inputs)
        }
        Calculation::Cumulative(input, _) => of_nothing(world, input.metric),
        Calculation::Conversion { count, .. } => count.then_some(0.0),
    };
    value.or(metric.fill.map(|fill| fill as f64))
}

/// Whether a cell is that of a metric without rows.
fn is_nothing(world: &World, question: &Question, at: usize, cell: &str) -> bool {
    let asked = &question.metrics[at];
    let value = of_nothing(world, position(world, &asked.name));
    let value = match asked.compare {
        // It is the same then and now.
        Some("difference") => value.map(|_| 0.0),
        Some("ratio") => value.filter(|value| *value != 0.0).map(|_| 1.0),
        _ => value,
    };
    match (cell.parse::<f64>(), value) {
        (Ok(cell), Some(value)) => cell == value,
        (Err(_), None) => cell.is_empty(),
        _ => false,
    }
}

/// The columns of some names, row by row.
fn columns(rows: &Rows, names: &[String]) -> Vec<Vec<String>> {
    let at: Vec<usize> =
        names.iter().map(|name| rows.head.iter().position(|n| n == name).unwrap()).collect();
    rows.rows.iter().map(|row| at.iter().map(|at| row[*at].clone()).collect()).collect()
}

fn with_one_metric_less(case: &Case, question: &Question) -> Verdict {
    for left_out in [0, question.metrics.len() - 1] {
        match without(case, question, left_out) {
            Verdict::Holds => {}
            other => return other,
        }
    }
    Verdict::Holds
}

fn without(case: &Case, question: &Question, left_out: usize) -> Verdict {
    let mut fewer = question.clone();
    fewer.metrics.remove(left_out);
    let [all, some] = match case.all([question, &fewer]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let mut keys: Vec<String> = question.group_by.iter().map(|key| key.alias.clone()).collect();
    keys.extend((!question.totals.is_empty()).then(|| "totals".to_owned()));
    let numbers: Vec<String> = fewer.metrics.iter().map(|metric| metric.alias.clone()).collect();
    let rows = |of: &Rows| -> Vec<(Vec<String>, Vec<String>)> {
        columns(of, &keys).into_iter().zip(columns(of, &numbers)).collect()
    };
    let (all_rows, some_rows) = (rows(&all), rows(&some));
    let lost = some_rows.iter().any(|(keys, _)| !all_rows.iter().any(|(other, _)| keys == other));
    let changed = all_rows.iter().any(|(keys, found)| {
        match some_rows.iter().find(|(other, _)| keys == other) {
            Some((_, alone)) => !found.iter().zip(alone).all(|(a, b)| same_cell(a, b)),
            None => !found
                .iter()
                .enumerate()
                .all(|(at, cell)| is_nothing(&case.world, &fewer, at, cell)),
        }
    });
    match lost || changed {
        true => Verdict::Broken(format!("together:\n{}without:\n{}", shown(&all), shown(&some))),
        false => Verdict::Holds,
    }
}

#[test]
fn a_metric_more_changes_no_other() {
    let law = Law {
        cases: 16,
        questions: 6,
        engines: plain,
        about: |_, question| {
            let several = question.metrics.len() > 1;
            several.then(|| bare(question))
        },
        check: with_one_metric_less,
    };
    law.holds();
}

/// A world with three tables that nobody asks about: the last table that is stored leads to one, one
/// leads to the first whose key is a whole number, and one stands alone. None of them lies between
/// two others, where it would be a way.
fn with_more(world: &World) -> World {
    let row = |id: i64, key: i64| {
        let text = Cell::Text("a".to_owned());
        vec![Cell::Int(id), text, Cell::Int(3), Cell::Date(19_760), Cell::Int(key)]
    };
    let mut more = world.clone();
    let count = more.tables.len();
    let link = |name: &str, column: usize, to: usize| Link {
        name: name.to_owned(),
        column,
        rest: None,
        one: false,
        to,
        as_of: None,
        back: None,
    };
    let last = more.tables.iter_mut().rfind(|table| table.derived.is_none());
    if let Some(table) = last {
        table.columns.push(Column::new("key_more", Kind::Int));
        table.links.push(link("more", table.columns.len() - 1, count));
        for (row, key) in table.rows.iter_mut().zip((1..6).cycle()) {
            row.push(if key == 5 { Cell::Null } else { Cell::Int(key) });
        }
    }
    let plain = |table: &Table| table.rest.is_none() && table.columns[table.key].kind == Kind::Int;
    let first = more.stored().position(plain);
    for name in ["led_to", "leads", "alone"] {
        more.tables.push(Table {
            name: name.to_owned(),
            columns: vec![
                Column::new("id", Kind::Int),
                Column::new("cat", Kind::Text),
                Column::new("size", Kind::Int),
                Column::new("day", Kind::Date),
                Column::new("key", Kind::Int),
            ],
            links: first
                .filter(|_| name == "leads")
                .map(|to| link("first", 4, to))
                .into_iter()
                .collect(),
            segments: Vec::new(),
            measures: Vec::new(),
            key: 0,
            rest: None,
            time: Some(3),
            validity: None,
            hidden: false,
            told_apart: true,
            min_group_size: None,
            derived: None,
            rows: vec![row(1, 1), row(2, 1), row(3, 2), row(4, 99)],
        });
    }
    more
}

fn with_and_without(runtime: &Runtime, world: &World) -> Result<Engines, String> {
    let mut engines = plain(runtime, world)?;
    engines.sessions.push(runtime.block_on(session(&with_more(world)))?);
    Ok(engines)
}

fn both_engines(case: &Case, question: &Question) -> Verdict {
    match (case.ask(0, question), case.ask(1, question)) {
        (Asked::Rows(a), Asked::Rows(b)) if a == b => Verdict::Holds,
        (Asked::Rows(a), Asked::Rows(b)) => {
            Verdict::Broken(format!("without:\n{}with:\n{}", shown(&a), shown(&b)))
        }
        // What was refused may be asked with them, and what had one way may have two.
        (Asked::Refused(_), _) => Verdict::Refused,
        (_, Asked::Refused(code)) if code == "Q0140" => Verdict::Refused,
        (a, b) => Verdict::Broken(format!("{} without, {} with", a.told(), b.told())),
    }
}

#[test]
fn tables_and_relationships_that_are_not_asked_change_nothing() {
    let law = Law {
        cases: 16,
        questions: 6,
        engines: with_and_without,
        // A list without fields is one of all fields: the new key is one of them.
        about: |_, question| {
            let all = question.table.is_some()
                && question.fields.is_empty()
                && question.group_by.is_empty()
                && question.aggregations.is_empty();
            (!all).then_some(question)
        },
        check: both_engines,
    };
    law.holds();
}

fn backwards(of: &Condition) -> Condition {
    let all = |parts: &[Condition]| parts.iter().rev().map(backwards).collect();
    match of {
        Condition::And(parts) => Condition::And(all(parts)),
        Condition::Or(parts) => Condition::Or(all(parts)),
        Condition::Not(inner) => Condition::Not(Box::new(backwards(inner))),
        Condition::Exists(name, inner) => {
            Condition::Exists(name.clone(), inner.as_ref().map(|inner| Box::new(backwards(inner))))
        }
        Condition::Field { field, grain, op: op @ ("in" | "not_in"), values, case } => {
            let (field, values) = (field.clone(), values.iter().rev().cloned().collect());
            Condition::Field { field, grain: *grain, op, values, case: *case }
        }
        other => other.clone(),
    }
}

/// The same question, said the other way round.
fn reversed(question: &Question) -> Question {
    let mut other = question.clone();
    other.metrics.reverse();
    other.aggregations.reverse();
    for filter in other
        .metrics
        .iter_mut()
        .map(|metric| &mut metric.filter)
        .chain(other.aggregations.iter_mut().map(|aggregation| &mut aggregation.filter))
        .chain([&mut other.filter, &mut other.having])
    {
        *filter = filter.as_ref().map(backwards);
    }
    other.from = question.from.as_ref().map(|inner| Box::new(reversed(inner)));
    other
}

fn in_another_order(case: &Case, question: &Question) -> Verdict {
    let other = reversed(question);
    let (found, turned) = match (case.ask(0, question), case.ask(0, &other)) {
        (Asked::Rows(a), Asked::Rows(b)) => (a, b),
        (Asked::Refused(_), Asked::Refused(_)) => return Verdict::Refused,
        (a, b) => {
            let json = json(&other);
            return Verdict::Broken(format!("{}, but {} for {json}", a.told(), b.told()));
        }
    };
    let mut names = found.head.clone();
    names.sort();
    let mut others = turned.head.clone();
    others.sort();
    let same = names == others && {
        let sorted = |rows: &Rows| Rows { head: names.clone(), rows: columns(rows, &names) };
        same_rows(&sorted(&found), &sorted(&turned))
    };
    match same {
        true => Verdict::Holds,
        false => {
            Verdict::Broken(format!("{}but\n{}{}", shown(&found), json(&other), shown(&turned)))
        }
    }
}

#[test]
fn the_order_of_metrics_and_conditions_does_not_matter() {
    let law = Law {
        cases: 16,
        questions: 6,
        engines: plain,
        about: |_, question| (json(&reversed(&question)) != json(&question)).then_some(question),
        check: in_another_order,
    };
    law.holds();
}

/// One metric that can be added up, by groups.
fn additive(world: &World, question: Question) -> Option<Question> {
    let adds_up = |name: &str| {
        let metric = &world.metrics[position(world, name)];
        let sums = |function: &Function| matches!(function, Function::Count | Function::Sum);
        let of = &metric.calculation;
        metric.fill.is_none()
            && matches!(of, Calculation::Simple { function, semi: None, .. } if sums(function))
    };
    let asked = question.metrics.iter();
    let asked = asked.filter(|asked| asked.offset.is_none() && adds_up(&asked.name));
    let metrics: Vec<_> = asked.take(1).cloned().collect();
    // Groups over a bridge overlap.
    let overlap = question.group_by.iter().any(|key| may_be_many(&key.field));
    let groups = !metrics.is_empty() && !question.group_by.is_empty() && question.from.is_none();
    let groups = groups && !overlap;
    groups.then(|| Question { metrics, totals: Vec::new(), ..bare(question) })
}

fn sum_of_groups(case: &Case, question: &Question) -> Verdict {
    let whole = Question { group_by: Vec::new(), ..question.clone() };
    let [groups, whole] = match case.all([question, &whole]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let name = [question.metrics[0].alias.clone()];
    let numbers = |rows: &Rows| -> Vec<f64> {
        columns(rows, &name).into_iter().filter_map(|row| row[0].parse().ok()).collect()
    };
    let (parts, total) = (numbers(&groups), numbers(&whole));
    let same = match total.as_slice() {
        // A sum over no rows is missing, and so are those of the groups, if there are any.
        [] => parts.is_empty(),
        [total] => {
            let sum: f64 = parts.iter().sum();
            (sum - total).abs() <= 1e-9 * sum.abs().max(total.abs()).max(1.0)
        }
        _ => false,
    };
    match same && whole.rows.len() == 1 {
        true => Verdict::Holds,
        false => Verdict::Broken(format!("groups:\n{}whole:\n{}", shown(&groups), shown(&whole))),
    }
}

#[test]
fn what_can_be_added_up_is_the_sum_of_its_groups() {
    let law =
        Law { cases: 16, questions: 6, engines: plain, about: additive, check: sum_of_groups };
    law.holds();
}
