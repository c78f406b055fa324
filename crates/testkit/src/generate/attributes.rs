//! Random attributes beside the lists `cats` and `sizes`: single values, what somebody lacks that a
//! policy asks for, and somebody else who has other values.

use std::mem;

use sandbar::{AttributeValue, Principal, PrincipalBuilder};

use super::policies::concerned;
use super::propagations::is_dated;
use super::random::Random;
use super::worlds::TEXTS;
use crate::reference::{
    Attribute, AttributeRule, Cell, Given, InRows, Kind, Policies, RowRule, Side, World,
};

/// The attributes: their names, the kinds of their values, and whether they are lists.
const DECLARED: [(&str, Kind, bool); 4] = [
    ("wards", Kind::Text, true),
    ("rank", Kind::Int, false),
    ("place", Kind::Text, false),
    ("share", Kind::Double, false),
];

/// A value that fits.
fn some(random: &mut Random, kind: Kind) -> Cell {
    match kind {
        Kind::Text => Cell::Text((*random.pick(&TEXTS)).to_owned()),
        Kind::Double if random.percent(40) => Cell::Double(random.within(2, 14) as f64 / 4.0),
        _ => Cell::Int(random.within(0, 6)),
    }
}

/// What somebody has of an attribute; what does not fit counts as if he had nothing.
fn given(random: &mut Random, kind: Kind, list: bool) -> Given {
    match (random.below(20), kind, list) {
        (0..=2, ..) => Given::Absent,
        (3 | 4, ..) => Given::Null,
        (5, _, true) => Given::One(some(random, kind)),
        (5, _, false) => Given::List(vec![some(random, kind)]),
        // No whole number is written like that, and no double comes as a text.
        (6, Kind::Int | Kind::Double, _) => Given::One(Cell::Text("07".to_owned())),
        (6, _, _) => Given::One(Cell::Int(7)),
        (7..=9, _, true) => Given::List(Vec::new()),
        (7..=9, Kind::Int, _) => Given::One(Cell::Text(random.within(0, 6).to_string())),
        (_, _, true) => {
            let count = 1 + random.below(3);
            Given::List((0..count).map(|_| some(random, kind)).collect())
        }
        (_, _, false) => Given::One(some(random, kind)),
    }
}

/// One rule, or all of some, or one of them.
fn together(random: &mut Random, mut parts: Vec<RowRule>) -> RowRule {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            if random.percent(50) { RowRule::All(parts) } else { RowRule::Any(parts) }
        }
    }
}

/// A rule over the columns of a table that asks for these attributes.
fn here(random: &mut Random, world: &World, table: usize, asked: &[Attribute]) -> RowRule {
    let columns = &world.tables[table].columns;
    let decimal = columns.iter().position(|of| of.kind == Kind::Decimal && of.calculated.is_none());
    let mut parts = Vec::new();
    for attribute in asked {
        // Columns 1 and 2 of every table are a text and a whole number.
        let column = match (attribute.kind, decimal) {
            (Kind::Text, _) => 1,
            (Kind::Double, Some(decimal)) if random.percent(50) => decimal,
            _ => 2,
        };
        let is_text = attribute.kind == Kind::Text;
        let op = if !is_text && random.percent(60) { "<=" } else { "=" };
        let (side, attribute) = (Side::Column(column), attribute.clone());
        parts.push(RowRule::Attribute(AttributeRule { side, op, attribute }));
    }
    together(random, parts)
}

/// The same, or one over what the rows of a table lead to, or over rows that they are looked up in.
fn rule(random: &mut Random, world: &World, table: usize, asked: &[Attribute]) -> RowRule {
    let is_stored = |table: usize| world.tables[table].derived.is_none();
    let links = &world.tables[table].links;
    let leads = |link: &usize| is_stored(links[*link].to) && is_dated(world, (table, *link));
    let ways: Vec<usize> = (0..links.len()).filter(leads).collect();
    match random.below(10) {
        0 | 1 if !ways.is_empty() => {
            let link = *random.pick(&ways);
            RowRule::Related(link, Box::new(here(random, world, links[link].to, asked)))
        }
        2 => {
            let others: Vec<usize> =
                (0..world.tables.len()).filter(|table| is_stored(*table)).collect();
            let to = *random.pick(&others);
            let rows = Some(here(random, world, to, asked));
            let negated = random.percent(30);
            RowRule::InRows(Box::new(InRows { column: 1, table: to, of: 1, rows, negated }))
        }
        _ => here(random, world, table, asked),
    }
}

/// Gives some askers more attributes, or lets them lack these, and lets one rule ask for them. It
/// takes no chance away from what else is random: it has its own.
pub fn attributed(random: &mut Random, world: &World, policies: &mut Policies) {
    let is_stored = |table: &usize| world.tables[*table].derived.is_none();
    let granted: Vec<usize> =
        policies.grants.iter().map(|grant| grant.table).filter(is_stored).collect();
    if !random.percent(33) || granted.is_empty() {
        return;
    }
    let table = *random.pick(&granted);
    let mut attributes: Vec<Attribute> = Vec::new();
    for (name, kind, list) in DECLARED {
        attributes.push(Attribute { name, kind, list, given: given(random, kind, list) });
    }
    let asked = if random.percent(20) {
        // An empty list, and beside it something that is missing.
        attributes[0].given = Given::List(Vec::new());
        attributes[1].given = if random.percent(50) { Given::Absent } else { Given::Null };
        attributes[..2].to_vec()
    } else {
        vec![random.pick(&attributes).clone()]
    };
    policies.attributes = attributes;
    let rule = rule(random, world, table, &asked);
    if random.percent(25) {
        policies.restrictions.push((table, rule));
        return;
    }
    // Of a grant, which is often the only one of its table.
    let (alone, mut found) = (random.percent(60), false);
    policies.grants.retain(|grant| {
        let is_another = grant.table == table && mem::replace(&mut found, true);
        !(alone && is_another)
    });
    if let Some(grant) = policies.grants.iter_mut().find(|grant| grant.table == table) {
        grant.rows = Some(match grant.rows.take() {
            Some(rows) if random.percent(50) => together(random, vec![rows, rule]),
            _ => rule,
        });
    }
}

/// A rule that looks at no row, and asks for an attribute all the same.
pub(super) fn asking(attribute: &Attribute) -> RowRule {
    let value = match attribute.kind {
        Kind::Text => Cell::Text("a".to_owned()),
        _ => Cell::Int(1),
    };
    let (side, attribute) = (Side::Value(value), attribute.clone());
    RowRule::Attribute(AttributeRule { side, op: "=", attribute })
}

/// A rule as it is written, of a table that is reached over the relationships of a prefix.
pub(super) fn written(world: &World, table: usize, prefix: &str, of: &AttributeRule) -> String {
    let value = match &of.side {
        Side::Column(column) => format!("{prefix}{}", world.tables[table].columns[*column].name),
        Side::Value(Cell::Text(text)) => format!("'{text}'"),
        Side::Value(cell) => cell.text(),
    };
    let (op, Attribute { name, list, .. }) = (of.op, &of.attribute);
    match list {
        true => format!("{value} in (attribute.{name})"),
        false => format!("{value} {op} attribute.{name}"),
    }
}

/// The lines that declare attributes in YAML.
pub(super) fn declared(attributes: &[Attribute]) -> String {
    let line = |of: &Attribute| {
        let (name, list) = (of.name, of.list);
        let kind = match of.kind {
            Kind::Text => "text",
            Kind::Int => "integer",
            _ => "number",
        };
        format!("  {name}: {{ type: {kind}, list: {list} }}\n")
    };
    attributes.iter().map(line).collect()
}

fn one(cell: &Cell) -> AttributeValue {
    match cell {
        Cell::Int(n) => AttributeValue::Integer(*n),
        Cell::Double(n) => AttributeValue::Number(*n),
        Cell::Text(text) => AttributeValue::Text(text.clone()),
        _ => AttributeValue::Null,
    }
}

/// Values as a list attribute.
pub(super) fn list(values: &[Cell]) -> AttributeValue {
    AttributeValue::List(values.iter().map(one).collect())
}

/// Somebody with what he has of some attributes.
pub(super) fn holding(somebody: PrincipalBuilder, attributes: &[Attribute]) -> PrincipalBuilder {
    attributes.iter().fold(somebody, |somebody, Attribute { name, given, .. }| match given {
        Given::Absent => somebody,
        Given::Null => somebody.attribute(name, AttributeValue::Null),
        Given::One(cell) => somebody.attribute(name, one(cell)),
        Given::List(cells) => somebody.attribute(name, list(cells)),
    })
}

/// Somebody else of the same group, who has another value of each attribute, and lacks none. His name
/// is the same, so that nothing but attributes tells the two apart.
pub fn rival(policies: &Policies) -> Principal {
    let texts = || TEXTS.map(|text| Cell::Text(text.to_owned())).into_iter();
    let mut other = policies.clone();
    other.cats = texts().filter(|text| !policies.cats.contains(text)).collect();
    other.sizes = (-4..=9).map(Cell::Int).filter(|size| !policies.sizes.contains(size)).collect();
    for attribute in &mut other.attributes {
        let had = attribute.values().unwrap_or_default();
        let mut left: Vec<Cell> = match attribute.kind {
            Kind::Text => texts().collect(),
            _ => (0..=6).map(Cell::Int).collect(),
        };
        left.retain(|cell| !had.iter().any(|value| value.same(cell)));
        let largest = left.last().cloned().filter(|_| !attribute.list);
        attribute.given = largest.map_or(Given::List(left), Given::One);
    }
    concerned(&other)
}
