//! Questions that try to learn what is hidden: by calculations that fail on some rows, in every
//! place of a question, and by names that are hidden or almost right.

use super::filters::{comparison, many_rows};
use super::questions::question;
use super::random::Random;
use crate::reference::calendar::Calendar;
use crate::reference::{
    AskedAggregation, AskedField, AskedMetric, Calculation, Cell, Column, Condition, Expression,
    Function, Kind, Metric, Question, World,
};

/// What fails on some values of a kind of columns, and what it gives. The values of a world that
/// are seen do not make it fail; 13 and its like are left for what is hidden.
const FALLIBLE: [(Kind, &str, Kind); 11] = [
    (Kind::Int, "div(100, {0} - 13)", Kind::Int),
    (Kind::Int, "div(7, {0} + 17) + {0}", Kind::Int),
    (Kind::Int, "{0} * 2", Kind::Int),
    (Kind::Int, "abs({0})", Kind::Int),
    (Kind::Int, "bin({0}, 5)", Kind::Int),
    (Kind::Int, "-{0}", Kind::Int),
    (Kind::Int, "case when {0} > 12 then div(1, {0} - {0}) else {0} end", Kind::Int),
    (Kind::Text, "cast({0} as integer)", Kind::Int),
    (Kind::Text, "cast({0} as decimal(9,2))", Kind::Decimal),
    (Kind::Text, "substring({0}, 1, cast({0} as integer))", Kind::Text),
    (Kind::Text, "case when {0} like 's%' then div(1, 0) else cast({0} as integer) end", Kind::Int),
];

/// Gives the stored tables of a world texts that are numbers, calculated columns that can fail, and
/// metrics over these.
pub fn arm(random: &mut Random, world: &mut World) {
    let stored = world.stored().count();
    for table in 0..stored {
        let of = &mut world.tables[table];
        of.columns.push(Column::new("code", Kind::Text));
        let code = of.columns.len() - 1;
        for row in &mut of.rows {
            row.push(match random.percent(10) {
                true => Cell::Null,
                false => Cell::Text(random.within(1, 30).to_string()),
            });
        }
        for index in 0..2 + random.below(2) {
            let (input, text, kind) = *random.pick(&FALLIBLE);
            let column = if input == Kind::Text { code } else { 2 };
            let name = format!("risk{index}");
            let calculated = Some(Expression::Fallible(text, vec![column]));
            of.columns.push(Column { calculated, ..Column::new(&name, kind) });
            of.rows.iter_mut().for_each(|row| row.push(Cell::Null));
        }
    }
    for _ in 0..1 + random.below(3) {
        let table = random.below(stored);
        let column = *random.pick(&risks(world, table));
        let is_number = world.tables[table].columns[column].kind.is_number();
        let functions = [Function::Sum, Function::Avg, Function::Max, Function::Count];
        let function = if is_number { *random.pick(&functions) } else { Function::Max };
        let (filter, time, semi, dense) = (None, None, None, false);
        let column = Some(column);
        let calculation =
            Calculation::Simple { table, function, column, filter, time, semi, dense };
        let name = format!("m{}", world.metrics.len());
        world.metrics.push(Metric::new(name, calculation));
    }
    world.calculate();
}

/// The columns of a table that can fail.
fn risks(world: &World, table: usize) -> Vec<usize> {
    let columns = &world.tables[table].columns;
    let fails = |c: &usize| matches!(columns[*c].calculated, Some(Expression::Fallible(..)));
    (0..columns.len()).filter(fails).collect()
}

/// A name that is almost another one.
fn misspelled(random: &mut Random, name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    match random.below(3) {
        0 => letters.push('x'),
        1 if letters.len() > 2 => drop(letters.remove(random.below(letters.len()))),
        _ => letters.insert(random.below(letters.len()), '_'),
    }
    letters.into_iter().collect()
}

/// A field of a table or of what it leads to that can fail.
fn risky(random: &mut Random, world: &World, table: usize) -> (String, Kind) {
    let links = &world.tables[table].links;
    let (mut path, mut at) = (String::new(), table);
    if !links.is_empty() && random.percent(25) {
        let link = random.pick(links);
        (path, at) = (format!("{}.", link.name), link.to);
    }
    let column = &world.tables[at].columns[*random.pick(&risks(world, at))];
    (format!("{path}{}", column.name), column.kind)
}

fn asked(field: &str, alias: &str) -> AskedField {
    AskedField { field: field.to_owned(), cut: None, alias: alias.to_owned() }
}

/// Names that are hidden, asked for as they are or almost.
fn by_name(random: &mut Random, world: &World, hidden: &[String]) -> Question {
    let mut question = question(random, world);
    let tables = &world.tables;
    let name = match hidden.is_empty() {
        true => {
            let table = random.below(tables.len());
            random.pick(&tables[table].columns).name.clone()
        }
        false => random.pick(hidden).clone(),
    };
    let name = if random.percent(50) { misspelled(random, &name) } else { name };
    let filter = |name: String| {
        let (op, values) = (">", vec![Cell::Int(3)]);
        Condition::Field { field: name, grain: None, op, values, case: false }
    };
    match random.below(6) {
        0 => question.filter = Some(filter(name)),
        1 if question.fields.is_empty() => question.group_by.push(asked(&name, "x")),
        2 => question.order_by = vec![(name, random.percent(50))],
        3 if question.table.is_some() => question.table = Some(name),
        4 if !question.metrics.is_empty() => question.metrics[0].name = name,
        _ if question.fields.is_empty() => question.having = Some(filter(name)),
        _ => question.fields.push(asked(&name, "x")),
    }
    question
}

/// A question that tries to learn what is hidden, some names of which are told.
pub fn attack(random: &mut Random, world: &World, hidden: &[String]) -> Question {
    if random.percent(25) {
        return by_name(random, world, hidden);
    }
    let table = random.below(world.stored().count());
    let (field, kind) = risky(random, world, table);
    let calendar = Calendar::default();
    let mut test = |field: &str, kind| comparison(random, calendar, field.to_owned(), kind, false);
    let condition = test(&field, kind);
    let having = test("n", Kind::Double);
    let mut question =
        Question { table: Some(world.tables[table].name.clone()), ..Question::default() };
    let aggregation = |function, field: Option<&str>, filter| AskedAggregation {
        function,
        field: field.map(str::to_owned),
        grain: None,
        alias: "n".to_owned(),
        filter,
    };
    match random.below(9) {
        0 => {
            question.fields = vec![asked("size", "size"), asked(&field, "x")];
            question.order_by.push(("x".to_owned(), random.percent(50)));
        }
        1 => {
            question.fields = vec![asked("cat", "cat"), asked("size", "size")];
            question.filter = Some(condition);
        }
        2 => {
            let all = [Function::Sum, Function::Max, Function::CountDistinct, Function::Avg];
            let function = if kind.is_number() { *random.pick(&all) } else { Function::Max };
            question.aggregations.push(aggregation(function, Some(&field), None));
            question.group_by.push(asked("cat", "cat"));
            question.having = random.percent(50).then_some(having);
        }
        3 => {
            question.group_by.push(asked(&field, "x"));
            question.aggregations.push(aggregation(Function::Count, None, None));
            question.order_by.push(("x".to_owned(), random.percent(50)));
        }
        4 => {
            question.aggregations.push(aggregation(Function::Count, None, Some(condition)));
            question.group_by.push(asked("cat", "cat"));
        }
        5 => {
            let function = Function::Max;
            question.aggregations.push(aggregation(function, Some("size"), None));
            question.filter = Some(Condition::Not(Box::new(condition)));
            question.having = random.percent(50).then_some(having);
        }
        6 => {
            // Rows that lead to others of which something fails.
            let (name, there) = many_rows(random, world, table).unwrap_or_default();
            let there = if name.is_empty() { table } else { there };
            let column = &world.tables[there].columns[*random.pick(&risks(world, there))];
            let (inner, kind) = (column.name.clone(), column.kind);
            let inner = comparison(random, calendar, inner, kind, false);
            question.fields = vec![asked("id", "id"), asked("cat", "cat")];
            question.filter = Some(match name.is_empty() {
                true => inner,
                false => Condition::Exists(name, Some(Box::new(inner))),
            });
        }
        7 => {
            let risky = |m: &&Metric| match &m.calculation {
                Calculation::Simple { table, column: Some(column), .. } => {
                    risks(world, *table).contains(column)
                }
                _ => false,
            };
            let all: Vec<&Metric> = world.metrics.iter().filter(risky).collect();
            let name = random.pick(&all).name.clone();
            let links = &world.tables[table].links;
            let per =
                (!links.is_empty() && random.percent(60)).then(|| random.pick(links).name.clone());
            if random.percent(50) {
                question.fields = vec![asked("id", "id")];
                let values = vec![Cell::Int(random.within(-2, 6))];
                question.filter = Some(Condition::Metric(name, per, ">", values));
            } else {
                let (filter, offset, compare) = (None, None, None);
                let alias = "n".to_owned();
                question.metrics.push(AskedMetric { name, alias, filter, offset, compare });
                question.table = None;
                question.group_by.extend(random.percent(70).then(|| asked("cat", "cat")));
            }
        }
        _ => {
            question.fields = vec![asked(&field, "x"), asked("cat", "cat"), asked("id", "id")];
            question.filter = random.percent(50).then_some(condition);
            question.order_by = vec![("cat".to_owned(), true), ("x".to_owned(), false)];
        }
    }
    question.limit = random.percent(40).then(|| 1 + random.below(4));
    question
}
