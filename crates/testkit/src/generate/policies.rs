//! Random policies over a world, and how they are written.

use std::fmt::Write;

use sandbar::Principal;

use super::metrics::rule;
use super::random::Random;
use super::worlds::{TEXTS, some_value};
use super::{attributes, denials, levels, written};
use crate::reference::{
    Cell, Grant, InRows, Kind, Mask, Policies, Propagation, RowRule, Rule, World,
};

fn row_rule(
    random: &mut Random,
    world: &World,
    table: usize,
    asker: &Policies,
    depth: usize,
) -> RowRule {
    let (own, links) = (&world.tables[table], &world.tables[table].links);
    // Which version of a history a row sees is a matter of its time.
    let dated = |link: &usize| {
        let link = &links[*link];
        world.tables[link.to].validity.is_none() || link.as_of.or(own.time).is_some()
    };
    let dated: Vec<usize> = (0..links.len()).filter(dated).collect();
    if depth > 0 && random.percent(30) {
        let mut part = || row_rule(random, world, table, asker, depth - 1);
        let parts = vec![part(), part()];
        return if random.percent(50) { RowRule::All(parts) } else { RowRule::Any(parts) };
    }
    if depth > 0 && !dated.is_empty() && random.percent(30) {
        let link = *random.pick(&dated);
        let inner = row_rule(random, world, links[link].to, asker, depth - 1);
        return RowRule::Related(link, Box::new(inner));
    }
    if depth > 0 && random.percent(20) {
        return in_rows(random, world, table, asker, depth - 1);
    }
    // Columns 1 and 2 of every table are a text and a whole number.
    match random.below(6) {
        0 => RowRule::Among(1, asker.cats.clone()),
        1 => RowRule::Among(2, asker.sizes.clone()),
        // One value is left of the column.
        2 => {
            let value = some_value(random, Kind::Text, world.calendar.zone);
            RowRule::Own(Rule::Compare(1, "=", value))
        }
        _ => RowRule::Own(stored(random, world, table)),
    }
}

/// Values among those of other rows, of one type: keys, texts or whole numbers.
fn in_rows(
    random: &mut Random,
    world: &World,
    table: usize,
    asker: &Policies,
    depth: usize,
) -> RowRule {
    let stored = |index: &usize| world.tables[*index].derived.is_none();
    let others: Vec<usize> = (0..world.tables.len()).filter(stored).collect();
    let to = *random.pick(&others);
    let link = world.tables[table].links.iter().find(|link| link.to == to);
    let (column, of) = match link {
        Some(link) if random.percent(50) => (link.column, world.tables[to].key),
        _ if random.percent(50) => (1, 1),
        _ => (2, 2),
    };
    let rows = random.percent(80).then(|| row_rule(random, world, to, asker, depth));
    let negated = random.percent(40);
    RowRule::InRows(Box::new(InRows { column, table: to, of, rows, negated }))
}

/// A rule over what is stored: policies calculate nothing that can fail.
fn stored(random: &mut Random, world: &World, table: usize) -> Rule {
    loop {
        let rule = rule(random, world, table, 1);
        let mut columns = Vec::new();
        rule.columns(&mut columns);
        let columns_of = &world.tables[table].columns;
        if columns.iter().all(|column| columns_of[*column].calculated.is_none()) {
            return rule;
        }
    }
}

fn mask(random: &mut Random, world: &World, kind: Kind) -> Mask {
    // What came later has numbers of its own, so that all else stays as it was.
    let hashes = kind == Kind::Text && random.aside(0x4A54).percent(30);
    let mask = match (random.below(3), kind) {
        (0, _) => Mask::Null,
        (1, Kind::Text) => Mask::Prefix(random.below(3)),
        // An instant has no constants.
        (_, Kind::Instant) => Mask::Null,
        _ => Mask::Constant(some_value(random, kind, world.calendar.zone)),
    };
    if hashes { Mask::Hash } else { mask }
}

fn grant(random: &mut Random, world: &World, table: usize, asker: &Policies) -> Grant {
    let is_stored = world.tables[table].derived.is_none();
    let rows = (is_stored && random.percent(75)).then(|| row_rule(random, world, table, asker, 2));
    let columns = &world.tables[table].columns;
    let (hidden, masks, described) = (Vec::new(), Vec::new(), false);
    let mut grant = Grant { table, rows, hidden, masks, described };
    for (index, column) in columns.iter().enumerate() {
        if random.percent(6) {
            grant.hidden.push(index);
        } else if column.calculated.is_none() && random.percent(15) {
            grant.masks.push((index, mask(random, world, column.kind)));
        }
    }
    grant
}

/// Somebody with random attributes, whom no policy concerns.
pub(super) fn asker(random: &mut Random) -> Policies {
    let count = random.below(5);
    let cats = (0..count).map(|_| Cell::Text((*random.pick(&TEXTS)).to_owned())).collect();
    let count = random.below(8);
    let sizes = (0..count).map(|_| Cell::Int(random.within(-4, 9))).collect();
    Policies { cats, sizes, ..Policies::default() }
}

/// Adds random policies of one table.
pub(super) fn of_table(random: &mut Random, world: &World, table: usize, policies: &mut Policies) {
    for _ in 0..1 + random.below(2) * random.below(3) {
        let grant = grant(random, world, table, policies);
        policies.grants.push(grant);
    }
    if world.tables[table].derived.is_none() && random.percent(20) {
        let rule = row_rule(random, world, table, policies, 2);
        policies.restrictions.push((table, rule));
    }
    if random.percent(8) {
        policies.denied.push((table, random.below(world.tables[table].columns.len())));
    }
}

/// Tells some tables in groups only.
pub fn in_groups(random: &mut Random, world: &World, policies: &mut Policies) {
    for table in 0..world.tables.len() {
        if random.percent(35) {
            policies.min_group_sizes.push((table, 2 + random.below(2)));
        }
    }
}

fn condition(world: &World, table: usize, prefix: &str, of: &RowRule) -> String {
    let joined = |parts: &[RowRule], word: &str| {
        let parts: Vec<String> =
            parts.iter().map(|part| condition(world, table, prefix, part)).collect();
        format!("({})", parts.join(word))
    };
    match of {
        RowRule::Own(rule) => written::rule(world, table, prefix, rule),
        RowRule::Among(column, _) => {
            let column = &world.tables[table].columns[*column];
            let list = if column.kind == Kind::Text { "cats" } else { "sizes" };
            format!("{prefix}{} in (attribute.{list})", column.name)
        }
        RowRule::Attribute(rule) => attributes::written(world, table, prefix, rule),
        RowRule::Related(link, inner) => {
            let link = &world.tables[table].links[*link];
            condition(world, link.to, &format!("{prefix}{}.", link.name), inner)
        }
        RowRule::InRows(set) => {
            let (own, there) = (&world.tables[table], &world.tables[set.table]);
            let of = &there.columns[set.of].name;
            let mut conditions = Vec::new();
            if let Some(rows) = &set.rows {
                conditions.push(format!("({})", condition(world, set.table, "", rows)));
            }
            if set.negated {
                conditions.push(format!("{of} is not null"));
            }
            let mut rows = format!("select {of} from {}", there.name);
            if !conditions.is_empty() {
                let _ = write!(rows, " where {}", conditions.join(" and "));
            }
            let not = if set.negated { "not " } else { "" };
            format!("{prefix}{} {not}in ({rows})", own.columns[set.column].name)
        }
        RowRule::All(parts) => joined(parts, " and "),
        RowRule::Any(parts) => joined(parts, " or "),
    }
}

/// Somebody whom the policies concern.
///
/// # Panics
/// Never: his name is well-formed, and so is his scope.
pub fn concerned(policies: &Policies) -> Principal {
    let somebody = Principal::asserted_by_host("somebody").group("here");
    let somebody = policies.groups.iter().fold(somebody, |somebody, group| somebody.group(group));
    let somebody = somebody
        .attribute("cats", attributes::list(&policies.cats))
        .attribute("sizes", attributes::list(&policies.sizes));
    let somebody = match &policies.scope {
        Some(scope) => somebody.scope(&scope.0.join(" ")),
        None => somebody,
    };
    attributes::holding(somebody, &policies.attributes).build().expect("a name")
}

/// Over which relationships rows go with those of a table, where they do.
fn propagated(world: &World, of: &Propagation) -> String {
    let Some(over) = &of.over else { return ", propagate: true".to_owned() };
    let name = |(table, link): &(usize, usize)| {
        let table = &world.tables[*table];
        format!("{}.{}", table.name, table.links[*link].name)
    };
    format!(", propagate: [{}]", over.iter().map(name).collect::<Vec<_>>().join(", "))
}

/// The policies in YAML. They concern the group `here`; somebody else sees everything.
pub fn policies_yaml(world: &World, policies: &Policies) -> String {
    let mut text = "format: 1\nattributes:\n  cats: { type: text, list: true }\n  sizes: { type: \
                    integer, list: true }\n"
        .to_owned();
    text += &attributes::declared(&policies.attributes);
    let further = denials::declared(policies);
    let _ = writeln!(text, "groups: {{ here: {{}}, elsewhere: {{}}{further} }}\npolicies:");
    // The first policy of a table says it, whether it grants or restricts; or one of its own.
    let mut unsaid: Vec<&Propagation> = policies.propagations.iter().collect();
    let mut say = |table: usize| {
        let at = unsaid.iter().position(|of| of.table == table);
        at.map_or(String::new(), |at| propagated(world, unsaid.remove(at)))
    };
    for (index, grant) in policies.grants.iter().enumerate() {
        let table = &world.tables[grant.table];
        let name = |column: &usize| table.columns[*column].name.as_str();
        let _ = write!(text, "  p{index}: {{ groups: [here], grant: {{ tables: [{}]", table.name);
        if let Some(rows) = &grant.rows {
            let _ = write!(text, ", rows: \"{}\"", condition(world, grant.table, "", rows));
        }
        // What is only described shows no rows that others could go with.
        if index % 2 == 0 && !grant.described {
            text += &say(grant.table);
        }
        if !grant.hidden.is_empty() {
            let hidden: Vec<&str> = grant.hidden.iter().map(name).collect();
            let _ = write!(text, ", fields: {{ except: [{}] }}", hidden.join(", "));
        }
        if !grant.masks.is_empty() {
            let mask = |(column, mask): &(usize, Mask)| {
                let mask = match mask {
                    Mask::Null => "null".to_owned(),
                    Mask::Constant(Cell::Text(text)) => format!("{{ constant: '{text}' }}"),
                    Mask::Constant(cell) => format!("{{ constant: {} }}", cell.text()),
                    Mask::Prefix(length) => format!("{{ prefix: {length} }}"),
                    Mask::Hash => "hash".to_owned(),
                };
                format!("{}: {mask}", name(column))
            };
            let masks: Vec<String> = grant.masks.iter().map(mask).collect();
            let _ = write!(text, ", masks: {{ {} }}", masks.join(", "));
        }
        if grant.described {
            text += ", level: describe";
        }
        text += " } }\n";
    }
    for (index, (table, rule)) in policies.restrictions.iter().enumerate() {
        let (name, rule) = (&world.tables[*table].name, condition(world, *table, "", rule));
        let more = say(*table);
        let _ = writeln!(
            text,
            "  r{index}: {{ groups: [here], restrict: {{ tables: [{name}], rows: \"{rule}\"{more} }} }}"
        );
    }
    for of in unsaid {
        let (table, more) = (&world.tables[of.table].name, propagated(world, of));
        let _ = writeln!(
            text,
            "  {table}_goes: {{ groups: [here], restrict: {{ tables: [{table}], rows: \"true\"{more} }} }}"
        );
    }
    for (index, (table, rows)) in policies.min_group_sizes.iter().enumerate() {
        let name = &world.tables[*table].name;
        let _ = writeln!(
            text,
            "  g{index}: {{ groups: [here], restrict: {{ tables: [{name}], min_group_size: {rows} }} }}"
        );
    }
    for (index, (table, column)) in policies.denied.iter().enumerate() {
        let table = &world.tables[*table];
        let column = &table.columns[*column].name;
        let _ = writeln!(
            text,
            "  d{index}: {{ groups: [here], deny: {{ tables: [{}], fields: [{column}] }} }}",
            table.name
        );
    }
    text += &levels::written(world, policies);
    text += &denials::written(world, policies);
    let tables = world.tables.iter().filter(|table| !table.hidden);
    let names: Vec<&str> = tables.map(|table| table.name.as_str()).collect();
    let _ = writeln!(
        text,
        "  all: {{ groups: [elsewhere], grant: {{ tables: [{}] }} }}",
        names.join(", ")
    );
    text
}
