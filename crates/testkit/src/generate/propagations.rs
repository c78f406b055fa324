//! Random policies over which rows go with hidden rows, none of which goes round in a circle.

use super::random::Random;
use crate::reference::{Policies, Propagation, World};

/// Whether a row says which version of a history it belongs to.
pub(super) fn is_dated(world: &World, (table, link): (usize, usize)) -> bool {
    let (own, link) = (&world.tables[table], &world.tables[table].links[link]);
    world.tables[link.to].validity.is_none() || link.as_of.or(own.time).is_some()
}

/// Whether some relationships, one after the other, lead back to where one of them leads from.
fn is_round(world: &World, ways: &[(usize, usize)]) -> bool {
    let mut left: Vec<(usize, usize)> =
        ways.iter().map(|(from, link)| (*from, world.tables[*from].links[*link].to)).collect();
    loop {
        let before = left.len();
        let ends = left.clone();
        left.retain(|(_, to)| ends.iter().any(|(from, _)| from == to));
        if left.len() == before {
            return before > 0;
        }
    }
}

/// Some relationships of those that lead to a table, each of which does so over others of them.
fn some(random: &mut Random, world: &World, all: &[(usize, usize)], of: usize) -> Propagation {
    let mut over: Vec<(usize, usize)> = all.to_vec();
    over.retain(|way| is_dated(world, *way) && random.percent(70));
    loop {
        let before = over.len();
        let known = over.clone();
        over.retain(|(from, link)| {
            let to = world.tables[*from].links[*link].to;
            to == of || known.iter().any(|(next, _)| *next == to)
        });
        if over.len() == before {
            return Propagation { table: of, over: Some(over) };
        }
    }
}

/// Lets rows go with hidden rows of some tables. It takes no chance away from what else is random:
/// it has its own.
pub fn propagating(random: &mut Random, world: &World, policies: &mut Policies) {
    if random.percent(45) {
        return;
    }
    let mut known: Vec<(usize, usize)> = Vec::new();
    for table in 0..world.tables.len() {
        if world.tables[table].derived.is_some() || random.percent(40) {
            continue;
        }
        let everywhere = Propagation { table, over: None };
        let all = world.ways(&everywhere);
        let listed = random.percent(60) || !all.iter().all(|way| is_dated(world, *way));
        let chosen = if listed { some(random, world, &all, table) } else { everywhere };
        let ways = world.ways(&chosen);
        let together: Vec<(usize, usize)> = known.iter().chain(&ways).copied().collect();
        // What leads round among others leads nowhere.
        if ways.is_empty() || is_round(world, &together) {
            continue;
        }
        known = together;
        policies.propagations.push(chosen);
    }
}
