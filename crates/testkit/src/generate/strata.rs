//! Random policies that show of each table as much as wanted: how much of it a policy lets pass
//! decides what DataFusion does with its condition.

use super::metrics::asked_tables;
use super::policies::{asker, of_table};
use super::random::Random;
use crate::reference::{Cell, Kind, Policies, Question, RowRule, Rule, World};

/// How much of a table somebody sees.
pub const STRATA: [&str; 6] = ["none", "one row", "below 20 %", "20 to 80 %", "above 80 %", "all"];

/// How much so many rows are of all, of which there is at least one.
pub fn stratum(shown: usize, all: usize) -> &'static str {
    match (shown * 5, all) {
        (0, _) => STRATA[0],
        (_, all) if shown == all => STRATA[5],
        (5, _) => STRATA[1],
        (fifths, all) if fifths < all => STRATA[2],
        (fifths, all) if fifths <= 4 * all => STRATA[3],
        _ => STRATA[4],
    }
}

/// So many rows that they are that much of all; nearly, where there are few.
fn wanted(random: &mut Random, stratum: usize, all: usize) -> usize {
    match stratum {
        0 => 0,
        1 => 1,
        2 => (all.saturating_sub(1) / 5).clamp(1, 2 + random.below(3)),
        3 => (2 * all).div_ceil(5) + random.below(1 + all / 4),
        4 => all.saturating_sub(1),
        _ => all,
    }
}

/// How much somebody sees of the tables with rows that a question is about.
pub fn strata_of(world: &World, policies: &Policies, question: &Question) -> Vec<&'static str> {
    if let Some(inner) = &question.from {
        return strata_of(world, policies, inner);
    }
    let mut tables = asked_tables(world, question);
    tables.sort_unstable();
    tables.dedup();
    let counts =
        |t: &usize| world.tables[*t].derived.is_none() && !world.tables[*t].rows.is_empty();
    tables.into_iter().filter(counts).map(|table| measured(world, policies, table)).collect()
}

fn measured(world: &World, policies: &Policies, table: usize) -> &'static str {
    let shown = world.shown(policies, table);
    stratum(shown.iter().filter(|shown| **shown).count(), shown.len())
}

/// Random policies that concern one asker. Of each table that has rows and is not derived, he sees
/// as much as one stratum says, and each stratum is as frequent as another.
pub fn stratified(random: &mut Random, world: &World) -> Policies {
    let mut policies = asker(random);
    for table in 0..world.tables.len() {
        if random.percent(5) {
            continue;
        }
        let all = world.tables[table].rows.len();
        if world.tables[table].derived.is_some() || all == 0 {
            of_table(random, world, table, &mut policies);
            continue;
        }
        let stratum = random.below(STRATA.len());
        let mut found = None;
        for _ in 0..12 {
            let mut tried = policies.clone();
            of_table(random, world, table, &mut tried);
            if measured(world, &tried, table) == STRATA[stratum] {
                found = Some(tried);
                break;
            }
            found = None;
        }
        policies = found.unwrap_or_else(|| by_key(random, world, table, stratum, policies));
    }
    policies
}

/// Policies of a table that show the rows with the smallest keys.
fn by_key(
    random: &mut Random,
    world: &World,
    table: usize,
    stratum: usize,
    mut policies: Policies,
) -> Policies {
    let first = policies.grants.len();
    let restrictions = policies.restrictions.len();
    of_table(random, world, table, &mut policies);
    policies.restrictions.truncate(restrictions);
    let key = world.tables[table].key;
    let keys = world.tables[table].rows.iter().map(|row| &row[key]);
    let mut keys: Vec<&Cell> = keys.filter(|key| !key.is_null()).collect();
    keys.sort_by(|a, b| a.place(b));
    let count = wanted(random, stratum, keys.len());
    let last = count.checked_sub(1).and_then(|last| keys.get(last));
    let rule = RowRule::Own(match (last, world.tables[table].columns[key].kind) {
        (Some(last), _) => Rule::Compare(key, "<=", (*last).clone()),
        // No text is less than the empty one.
        (None, Kind::Text) => Rule::Compare(key, "<", Cell::Text(String::new())),
        (None, _) => Rule::Compare(key, "<=", Cell::Int(0)),
    });
    let restricted = random.percent(30);
    for grant in &mut policies.grants[first..] {
        grant.rows = if restricted { None } else { Some(rule.clone()) };
    }
    if restricted {
        policies.restrictions.push((table, rule));
    }
    policies
}
