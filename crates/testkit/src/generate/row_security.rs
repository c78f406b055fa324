//! Policies as the row-level security of PostgreSQL, where that can say the same: whose rows a
//! database of others shows is compared with what the engine shows.

use std::fmt::Write;

use super::attributes::attributed;
use super::random::Random;
use super::strata::stratified;
use crate::reference::calendar::Unit;
use crate::reference::{Cell, InRows, Kind, Policies, RowRule, Rule, Side, World};

/// Random policies of rows alone, and the statements that make them of the tables in PostgreSQL.
///
/// PostgreSQL hides no fields and masks none. Conditions on other tables hold with the rights of
/// their author here, and with those of the asker there: the statements read other tables through
/// views, which have those of their owner.
pub fn row_security(random: &mut Random, world: &World) -> (Policies, String) {
    loop {
        let mut policies = stratified(random, world);
        attributed(&mut random.aside(0xA77), world, &mut policies);
        policies.denied.clear();
        for grant in &mut policies.grants {
            grant.hidden.clear();
            grant.masks.clear();
        }
        if let Some(statements) = statements(world, &policies) {
            return (policies, statements);
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The rows of a table, whoever asks.
fn all_of(name: &str) -> String {
    quoted(&format!("all {name}"))
}

fn statements(world: &World, policies: &Policies) -> Option<String> {
    let mut text = String::new();
    for table in world.stored() {
        let (name, all) = (quoted(&table.name), all_of(&table.name));
        let _ = writeln!(text, "CREATE VIEW {all} AS SELECT * FROM {name};");
        let _ = writeln!(text, "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;");
    }
    let grants =
        policies.grants.iter().map(|grant| (grant.table, grant.rows.as_ref(), "PERMISSIVE"));
    let restrictions = policies.restrictions.iter();
    let restrictions = restrictions.map(|(table, rule)| (*table, Some(rule), "RESTRICTIVE"));
    for (index, (table, rule, kind)) in grants.chain(restrictions).enumerate() {
        let of = &world.tables[table];
        if of.derived.is_some() {
            continue;
        }
        let mut names = 0;
        let condition = match rule {
            None => "true".to_owned(),
            Some(rule) if rule.is_void() => "false".to_owned(),
            Some(rule) => condition(world, table, &quoted(&of.name), rule, &mut names)?,
        };
        let name = quoted(&of.name);
        let _ = writeln!(
            text,
            "CREATE POLICY p{index} ON {name} AS {kind} FOR SELECT TO somebody USING ({condition});"
        );
    }
    Some(text)
}

/// A condition on the rows of `row`; none where PostgreSQL would need more than a condition.
fn condition(
    world: &World,
    table: usize,
    row: &str,
    of: &RowRule,
    names: &mut usize,
) -> Option<String> {
    let own = &world.tables[table];
    let column = |column: usize| format!("{row}.{}", quoted(&own.columns[column].name));
    let mut fresh = || {
        *names += 1;
        format!("r{names}")
    };
    match of {
        RowRule::Own(rule) => stored(world, table, row, rule),
        RowRule::Among(at, values) => {
            let values: Vec<String> = values.iter().map(constant).collect();
            Some(format!("{} IN ({})", column(*at), values.join(", ")))
        }
        RowRule::Attribute(rule) => {
            let Side::Column(at) = &rule.side else { return None };
            let one = |value: &Cell| format!("{} {} {}", column(*at), rule.op, constant(value));
            let tests: Vec<String> = rule.attribute.values()?.iter().map(one).collect();
            Some(tests.join(" OR "))
        }
        RowRule::Related(link, inner) => {
            let link = &own.links[*link];
            let to = &world.tables[link.to];
            if to.validity.is_some() || to.derived.is_some() {
                return None;
            }
            let (there, all) = (fresh(), all_of(&to.name));
            let pair = |(own, key): (usize, usize)| {
                format!("{there}.{} = {}", quoted(&to.columns[key].name), column(own))
            };
            let pairs: Vec<String> = link.columns().zip(to.keys()).map(pair).collect();
            let (from, inner) =
                (pairs.join(" AND "), condition(world, link.to, &there, inner, names)?);
            Some(format!("EXISTS (SELECT FROM {all} AS {there} WHERE {from} AND ({inner}))"))
        }
        RowRule::InRows(set) => {
            let InRows { column: at, table: to, of, rows, negated } = set.as_ref();
            let there = fresh();
            let (all, value) = (all_of(&world.tables[*to].name), column(*at));
            let of = format!("{there}.{}", quoted(&world.tables[*to].columns[*of].name));
            let rows = match rows {
                Some(rows) => condition(world, *to, &there, rows, names)?,
                None => "true".to_owned(),
            };
            let not = if *negated { "NOT " } else { "" };
            Some(format!(
                "{value} IS NOT NULL AND {value} {not}IN \
                 (SELECT {of} FROM {all} AS {there} WHERE {of} IS NOT NULL AND ({rows}))"
            ))
        }
        RowRule::All(parts) => joined(world, table, row, parts, " AND ", names),
        RowRule::Any(parts) => joined(world, table, row, parts, " OR ", names),
    }
}

fn joined(
    world: &World,
    table: usize,
    row: &str,
    parts: &[RowRule],
    word: &str,
    names: &mut usize,
) -> Option<String> {
    let one = |part| condition(world, table, row, part, names).map(|part| format!("({part})"));
    Some(parts.iter().map(one).collect::<Option<Vec<_>>>()?.join(word))
}

fn stored(world: &World, table: usize, row: &str, of: &Rule) -> Option<String> {
    let columns = &world.tables[table].columns;
    let name = |column: usize| format!("{row}.{}", quoted(&columns[column].name));
    let part = |of: &Rule| stored(world, table, row, of);
    match of {
        Rule::IsNull(column) => Some(format!("{} IS NULL", name(*column))),
        Rule::Compare(column, op, cell) => {
            Some(format!("{} {op} {}", name(*column), constant(cell)))
        }
        // What a day of an instant is depends on the zone of the model.
        Rule::Part(column, part, op, with) if columns[*column].kind == Kind::Date => {
            let part = match *part {
                "year_number" => "year",
                "quarter_of_year" => "quarter",
                "month_of_year" => "month",
                "day_of_month" => "day",
                "day_of_year" => "doy",
                "iso_day_of_week" => "isodow",
                _ => return None,
            };
            Some(format!("extract({part} FROM {}) {op} {with}", name(*column)))
        }
        Rule::Bucket(column, unit, op, with) if columns[*column].kind == Kind::Date => {
            if !matches!(unit, Unit::Day | Unit::Month | Unit::Quarter | Unit::Year) {
                return None;
            }
            let (unit, with) = (unit.name(), constant(&Cell::Date(*with)));
            Some(format!("date_trunc('{unit}', {})::date {op} {with}", name(*column)))
        }
        Rule::Part(..) | Rule::Bucket(..) => None,
        Rule::And(a, b) => Some(format!("({} AND {})", part(a)?, part(b)?)),
        Rule::Or(a, b) => Some(format!("({} OR {})", part(a)?, part(b)?)),
        Rule::Not(inner) => Some(format!("NOT ({})", part(inner)?)),
    }
}

fn constant(of: &Cell) -> String {
    match of {
        Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Cell::Date(_) => format!("date '{}'", of.text()),
        other => other.text(),
    }
}
