//! A world that looks the same to somebody and is another one where he does not see it: rows that
//! are hidden from him, values under masks, names.

use super::json::json;
use super::keys;
use super::random::Random;
use super::worlds::some_value;
use super::written::shows;
use crate::reference::calendar::day;
use crate::reference::{Cell, Denied, Expression, Kind, Policies, RowRule, Rule, World};

const DAY: i64 = 86_400_000_000;

/// A value that some calculation fails on or counts wrongly, or one like those that are seen.
fn hostile(random: &mut Random, world: &World, kind: Kind, wild: bool) -> Cell {
    if random.percent(35) {
        return some_value(random, kind, world.calendar.zone);
    }
    match kind {
        Kind::Int => Cell::Int(*random.pick(&[
            0,
            -1,
            13,
            13,
            -17,
            i64::MIN,
            i64::MAX,
            i64::MAX / 2 + 1,
            i64::MIN + 1,
        ])),
        Kind::Decimal => Cell::Decimal(*random.pick(&[0, 1, 9_999_999_999, -9_999_999_999]), 2),
        Kind::Double => Cell::Double(*random.pick(&[
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
            -0.0,
            f64::MIN_POSITIVE,
        ])),
        Kind::Text => Cell::Text(match random.below(7) {
            0 => "secret".to_owned(),
            1 => "2026-02-31".to_owned(),
            2 => "9".repeat(40),
            3 => "%_\\' or 1=1".to_owned(),
            4 => "x".repeat(3_000),
            5 => "\u{0}\u{202e}\u{1f4a3}".to_owned(),
            _ => "0".to_owned(),
        }),
        Kind::Bool => Cell::Bool(random.percent(50)),
        Kind::Date => {
            let days = [day(1, 1, 1), day(9999, 12, 31), day(1582, 10, 10), i32::MAX, i32::MIN];
            Cell::Date(days[random.below(if wild { 5 } else { 3 })])
        }
        Kind::Instant => {
            let first = i64::from(day(1, 1, 1)) * DAY;
            let last = i64::from(day(9999, 12, 31)) * DAY;
            // The evaluator's clocks have none of the rules of long ago.
            let end_of_june = i64::from(day(2023, 7, 1)) * DAY - 1;
            let (first, before) = if wild { (first, -1) } else { (last, end_of_june) };
            let instants = [first, last, before, i64::MAX, i64::MIN];
            Cell::Instant(instants[random.below(if wild { 5 } else { 3 })])
        }
    }
}

/// Whether a policy counts days: the evaluator does so in years of four digits.
fn counts_days(policies: &Policies) -> bool {
    fn rule(of: &Rule) -> bool {
        match of {
            Rule::Part(..) | Rule::Bucket(..) => true,
            Rule::And(a, b) | Rule::Or(a, b) => rule(a) || rule(b),
            Rule::Not(inner) => rule(inner),
            Rule::Compare(..) | Rule::IsNull(_) => false,
        }
    }
    let grants = policies.grants.iter().filter_map(|grant| grant.rows.as_ref());
    let mut rules = grants.chain(policies.restrictions.iter().map(|(_, rule)| rule));
    rules.any(|of| of.leaves().iter().any(|leaf| matches!(leaf, RowRule::Own(of) if rule(of))))
}

/// The stored tables alone, nothing of which is worked out.
fn bare(world: &World) -> World {
    let mut bare = world.clone();
    bare.tables.retain(|table| table.derived.is_none());
    bare.metrics.clear();
    for column in bare.tables.iter_mut().flat_map(|table| &mut table.columns) {
        // What it is computed from tells in which rows it is shown.
        let of = column.calculated.take();
        column.calculated = of.map(|of| Expression::Fallible("", of.own_columns()));
    }
    bare
}

/// Whether two worlds show somebody the same rows and values, with the keys and times by which rows
/// lead to each other: which is all that he may learn from.
pub fn alike(a: &World, b: &World, policies: &Policies) -> bool {
    let (a, b) = (bare(a).seen(policies), bare(b).seen(policies));
    a.tables.iter().zip(&b.tables).all(|(a, b)| {
        let columns = a.columns.iter().enumerate();
        let tell = columns.filter(|(_, c)| !c.hidden || c.name.starts_with('#'));
        let tell: Vec<usize> = tell.map(|(index, _)| index).collect();
        a.hidden == b.hidden
            && (a.hidden || a.rows.len() == b.rows.len())
            && (a.hidden
                || a.rows
                    .iter()
                    .zip(&b.rows)
                    .all(|(a, b)| tell.iter().all(|c| is_told_alike(&a[*c], &b[*c]))))
            && (a.hidden || tell.iter().all(|c| a.columns[*c].shown_in == b.columns[*c].shown_in))
    })
}

/// Whether two cells are shown in the same way: both zeros are equal, and are told apart.
fn is_told_alike(a: &Cell, b: &Cell) -> bool {
    let negative = |cell: &Cell| matches!(cell, Cell::Double(value) if value.is_sign_negative());
    a == b && negative(a) == negative(b)
}

/// One random change of the rows of a stored table.
fn change(random: &mut Random, world: &mut World, policies: &Policies, table: usize, wild: bool) {
    let shown = world.shown(policies, table);
    let hidden: Vec<usize> = (0..shown.len()).filter(|row| !shown[*row]).collect();
    let fixed = |world: &World, column: usize| {
        let of = &world.tables[table];
        let ends = of.validity.is_some_and(|(from, till)| column == from || column == till);
        of.keys().any(|key| column == key) || ends || of.columns[column].calculated.is_some()
    };
    match random.below(10) {
        0 if !hidden.is_empty() => {
            let row = *random.pick(&hidden);
            world.tables[table].rows.remove(row);
        }
        1..=3 if !hidden.is_empty() => {
            let row = *random.pick(&hidden);
            for column in 0..world.tables[table].columns.len() {
                if !fixed(world, column) && random.percent(50) {
                    let kind = world.tables[table].columns[column].kind;
                    let value = hostile(random, world, kind, wild);
                    world.tables[table].rows[row][column] = value;
                }
            }
        }
        4 | 5 if !shown.is_empty() => {
            // Of a row that is seen, what is masked or hidden.
            let row = random.below(shown.len());
            let column = random.below(world.tables[table].columns.len());
            if !fixed(world, column) {
                let kind = world.tables[table].columns[column].kind;
                let value = hostile(random, world, kind, wild);
                world.tables[table].rows[row][column] = value;
            }
        }
        _ => {
            // Ten times as many rows as there are, once: more of them would multiply each time.
            let many = random.percent(10) && shown.len() < 100;
            let copies = if many { 10 * (1 + shown.len()) } else { 1 };
            let columns = world.tables[table].columns.clone();
            let mut row: Vec<Cell> = columns
                .iter()
                .map(|column| match column.calculated.is_some() || random.percent(10) {
                    true => Cell::Null,
                    false => hostile(random, world, column.kind, wild),
                })
                .collect();
            for link in world.tables[table].links.clone() {
                let to = &world.tables[link.to];
                if !to.rows.is_empty() && random.percent(80) {
                    let there = random.pick(&to.rows);
                    for (column, key) in link.columns().zip(to.keys()) {
                        row[column] = there[key].clone();
                    }
                }
            }
            let (key, rest) = (world.tables[table].key, world.tables[table].rest);
            if let Some(rest) = rest {
                row[rest] = Cell::Int(random.within(0, 2));
            }
            for id in keys::fresh(&world.tables[table], copies) {
                let mut row = row.clone();
                row[key] = id;
                let at = random.below(world.tables[table].rows.len() + 1);
                world.tables[table].rows.insert(at, row);
            }
        }
    }
}

/// What the derived tables of a world ask for.
pub(super) fn questions(world: &World) -> String {
    world.tables.iter().filter_map(|table| table.derived.as_ref()).map(json).collect()
}

/// Whether a name stands nowhere in what derived tables ask for.
pub(super) fn is_free(name: &str, questions: &str) -> bool {
    let other = |c: char| !c.is_alphanumeric() && c != '_';
    !questions.split(other).any(|word| word == name)
}

/// Other names for what is hidden.
fn disguise(world: &mut World, seen: &World) {
    let questions = questions(world);
    let free = |name: &str| is_free(name, &questions);
    for metric in 0..world.metrics.len() {
        if !seen.shows(metric) {
            world.metrics[metric].name = format!("else_{metric}");
        }
    }
    for (index, shown) in seen.tables.iter().enumerate() {
        let table = &mut world.tables[index];
        for (at, link) in table.links.iter_mut().enumerate() {
            if shown.hidden || seen.tables[link.to].hidden {
                link.name = format!("else_way{at}");
                if let Some(back) = &mut link.back {
                    back.name = format!("of_else{index}_{at}");
                }
            }
        }
        for (at, (name, rule)) in table.segments.iter_mut().enumerate() {
            if shown.hidden || !shows(shown, rule) {
                *name = format!("else_segment{at}");
            }
        }
        let keys: Vec<usize> = table.keys().collect();
        for (at, measure) in table.measures.iter_mut().enumerate() {
            if !seen.shows_measure(index, measure) {
                measure.name = format!("else_measure{at}");
            }
        }
        let columns = table.columns.iter_mut().zip(&shown.columns).enumerate();
        for (at, (column, shown)) in columns.filter(|(_, (_, shown))| shown.hidden) {
            // Every table names its primary key.
            if !keys.contains(&at) && free(&shown.name) {
                column.name = format!("else_{at}");
                column.dimension = None;
            }
        }
        if shown.hidden && free(&shown.name) {
            table.name = format!("else_table{index}");
        }
    }
}

/// The names that somebody does not see.
pub fn hidden_names(world: &World, policies: &Policies) -> Vec<String> {
    let seen = world.seen(&policies.listed());
    let mut names = Vec::new();
    for (index, (table, shown)) in world.tables.iter().zip(&seen.tables).enumerate() {
        names.extend(shown.hidden.then(|| table.name.clone()));
        let columns = table.columns.iter().zip(&shown.columns);
        names.extend(columns.filter(|(_, s)| s.hidden).map(|(c, _)| c.name.clone()));
        for (name, rule) in &table.segments {
            names.extend((!shows(shown, rule)).then(|| name.clone()));
        }
        let gone = |to: usize| seen.tables[index].hidden || seen.tables[to].hidden;
        let links = table.links.iter().filter(|link| gone(link.to));
        names.extend(links.map(|link| format!("{}.cat", link.name)));
    }
    let hidden = (0..world.metrics.len()).filter(|metric| !seen.shows(*metric));
    names.extend(hidden.map(|metric| world.metrics[metric].name.clone()));
    names
}

/// Other values in a column that is masked or hidden: of every row where that shows nothing, or of
/// a few.
fn veil(
    random: &mut Random,
    world: &World,
    twin: &mut World,
    policies: &Policies,
    (table, column): (usize, usize),
) -> bool {
    let wild = !counts_days(policies);
    let kind = world.tables[table].columns[column].kind;
    let mut change = |twin: &World, rows: &[usize]| {
        let mut changed = twin.clone();
        for row in rows {
            let value = match &changed.tables[table].rows[*row][column] {
                // What is left of a prefix stays.
                Cell::Text(text) if random.percent(50) => Cell::Text(format!("{text}~")),
                _ => hostile(random, world, kind, wild),
            };
            changed.tables[table].rows[*row][column] = value;
        }
        alike(world, &changed, policies).then_some(changed)
    };
    let rows: Vec<usize> = (0..twin.tables[table].rows.len()).collect();
    let all = change(twin, &rows);
    let found = all.or_else(|| rows.chunks(4).take(3).find_map(|rows| change(twin, rows)));
    let changed = found.is_some();
    found.into_iter().for_each(|changed| *twin = changed);
    changed
}

/// The columns of stored tables that somebody sees masked or not at all, in some row.
fn veiled(world: &World, policies: &Policies) -> Vec<(usize, usize)> {
    let mut found = policies.denied.clone();
    found.extend(policies.denials_of_his().filter_map(|of| match of {
        Denied::Column(table, column) => Some((table, column)),
        Denied::Table(_) | Denied::Metric(_) => None,
    }));
    for grant in &policies.grants {
        let columns = grant.masks.iter().map(|(column, _)| column).chain(&grant.hidden);
        found.extend(columns.map(|column| (grant.table, *column)));
    }
    found.sort_unstable();
    found.dedup();
    found.retain(|(table, column)| {
        let of = &world.tables[*table];
        let ends = of.validity.is_some_and(|(from, till)| *column == from || *column == till);
        let is_stored = of.derived.is_none() && of.columns[*column].calculated.is_none();
        is_stored && of.keys().all(|key| *column != key) && !ends
    });
    found
}

/// A world that is alike to somebody, and how many changes there are.
pub fn twin(random: &mut Random, world: &World, policies: &Policies) -> (World, usize) {
    let wild = !counts_days(policies);
    let (mut twin, mut changes) = (world.clone(), 0);
    for _ in 0..8 + random.below(12) {
        let table = random.below(world.stored().count());
        let mut changed = twin.clone();
        change(random, &mut changed, policies, table, wild);
        if alike(world, &changed, policies) {
            twin = changed;
            changes += 1;
        }
    }
    for place in veiled(world, policies) {
        changes += usize::from(veil(random, world, &mut twin, policies, place));
    }
    if random.percent(50) {
        // Names that go with an attribute which he lacks are told, and those of what he may know of.
        disguise(&mut twin, &world.seen(&policies.promised().listed()));
    }
    (twin, changes)
}

/// A twin of a world with less of what makes it different, in every way.
pub fn closer(world: &World, twin: &World, policies: &Policies) -> Vec<World> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut World)| {
        let mut closer = twin.clone();
        change(&mut closer);
        if alike(world, &closer, policies) {
            found.push(closer);
        }
    };
    for table in 0..world.stored().count() {
        if world.tables[table].rows != twin.tables[table].rows {
            add(&|w| w.tables[table].rows = world.tables[table].rows.clone());
            for (row, shown) in twin.shown(policies, table).into_iter().enumerate() {
                if !shown {
                    add(&|w| drop(w.tables[table].rows.remove(row)));
                }
            }
        }
    }
    if world.tables.iter().zip(&twin.tables).any(|(a, b)| a.name != b.name)
        || world.metrics.iter().zip(&twin.metrics).any(|(a, b)| a.name != b.name)
    {
        add(&|w| {
            let rows: Vec<_> = w.tables.iter().map(|table| table.rows.clone()).collect();
            *w = world.clone();
            w.tables.iter_mut().zip(rows).for_each(|(table, rows)| table.rows = rows);
        });
    }
    found
}
