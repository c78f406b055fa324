//! Random derived tables: questions to earlier tables, with the columns that every table has.

use super::filters::comparison;
use super::random::Random;
use crate::reference::{
    AskedAggregation, AskedField, Column, Cut, Function, Kind, Question, Reference, Table, World,
};

fn asked(field: &str, cut: Option<Cut>, alias: &str) -> AskedField {
    AskedField { field: field.to_owned(), cut, alias: alias.to_owned() }
}

fn column(name: &str, kind: Kind, data_type: &'static str) -> Column {
    Column { data_type: Some(data_type), ..Column::new(name, kind) }
}

/// The columns that every table has: a key, a text, a whole number and a day; and the position of
/// the second column of the key, if there is one.
fn first(
    random: &mut Random,
    world: &World,
    table: usize,
) -> (Question, Vec<Column>, Option<usize>) {
    let of = &world.tables[table];
    let mut columns = vec![
        column("id", Kind::Int, "integer"),
        column("cat", Kind::Text, "text"),
        column("size", Kind::Int, "integer"),
        column("day", Kind::Date, "date"),
    ];
    for (index, dimension) in [(1, "cat"), (3, "day")] {
        columns[index].dimension = Some(dimension.to_owned());
    }
    let mut question = Question { table: Some(of.name.clone()), ..Question::default() };
    if random.percent(40) {
        let fields = ["id", "cat", "size", "day"].map(|name| asked(name, None, name));
        question.fields = fields.to_vec();
        if of.columns[of.key].kind == Kind::Text {
            columns[0] = column("id", Kind::Text, "text");
        }
        let rest = of.rest.map(|rest| {
            let name = &of.columns[rest].name;
            question.fields.push(asked(name, None, name));
            columns.push(column(name, Kind::Int, "integer"));
            columns.len() - 1
        });
        return (question, columns, rest);
    }
    let grain = random.percent(40).then(|| Cut::Grain(random.name(&["day", "week", "month"])));
    let cut = grain.filter(|grain| *grain != Cut::Grain("day"));
    question.group_by =
        vec![asked("size", None, "id"), asked("cat", None, "cat"), asked("day", cut, "day")];
    let function = *random.pick(&[Function::Count, Function::CountDistinct, Function::Max]);
    let field = (function != Function::Count).then(|| "size".to_owned());
    let alias = "size".to_owned();
    question.aggregations.push(AskedAggregation::new(function, field, alias));
    (question, columns, None)
}

/// A further number of the groups.
fn number(random: &mut Random, of: &Table) -> Option<(AskedAggregation, Column)> {
    let (function, name, kind, data_type) = *random.pick(&[
        (Function::Sum, "price", Kind::Decimal, "decimal(38,2)"),
        (Function::Min, "price", Kind::Decimal, "decimal(10,2)"),
        (Function::Avg, "weight", Kind::Double, "number"),
        (Function::Median, "size", Kind::Double, "number"),
        (Function::Min, "day", Kind::Date, "date"),
        (Function::Max, "cat", Kind::Text, "text"),
    ]);
    let found = of.columns.iter().find(|column| column.name == name)?;
    if found.data_type.is_some() && kind == Kind::Decimal {
        // Of a decimal that a derived table has, the digits are others.
        return None;
    }
    let (field, alias) = (Some(name.to_owned()), "more".to_owned());
    let asked = AskedAggregation::new(function, field, alias);
    Some((asked, column("more", kind, data_type)))
}

/// Gives a world derived tables; those that mean nothing are left out.
pub(super) fn derived(random: &mut Random, world: &mut World) {
    for _ in 0..random.below(3) {
        let base = random.below(world.tables.len());
        let (mut question, mut columns, rest) = first(random, world, base);
        let is_listing = !question.fields.is_empty();
        if !is_listing && let Some((asked, more)) = number(random, &world.tables[base]) {
            question.aggregations.push(asked);
            columns.push(more);
        }
        if random.percent(50) {
            // Of its own fields alone: what is ambiguous is no model.
            let of = random.pick(&world.tables[base].columns);
            let (name, kind) = (of.name.clone(), of.kind);
            question.filter = Some(comparison(random, world.calendar, name, kind, false));
        }
        let Ok(answer) = Reference::new(world).answer(&question) else { continue };
        let order: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let of = &world.tables[base];
        let unique = is_listing && of.told_apart && of.validity.is_none();
        let Some(rows) = answer.in_order(&order) else { continue };
        world.tables.push(Table {
            name: format!("t{}", world.tables.len()),
            columns,
            links: Vec::new(),
            segments: Vec::new(),
            measures: Vec::new(),
            key: 0,
            rest,
            time: random.percent(70).then_some(3),
            validity: None,
            hidden: false,
            told_apart: unique,
            min_group_size: None,
            derived: Some(question),
            rows,
        });
    }
}
