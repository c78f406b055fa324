//! Random scopes of tokens, which are for some tables and metrics only.

use super::random::Random;
use crate::reference::{Policies, Scope, World};

/// Words for some things of a kind, at least one of them.
fn some(random: &mut Random, names: &[&str], often: usize, word: &str) -> Vec<String> {
    let mut chosen: Vec<&str> = names.iter().copied().filter(|_| random.percent(often)).collect();
    if chosen.is_empty() {
        chosen.extend(names.first());
    }
    chosen.into_iter().map(|name| format!("{word}:{name}")).collect()
}

/// What somebody may ask about, of the tables or of the metrics.
fn asking(random: &mut Random, kind: &str, names: &[&str]) -> Vec<String> {
    let mut words = match random.below(6) {
        0 | 1 => vec![format!("agent:query:{kind}")],
        2 => some(random, names, 75, &format!("agent:query:execute:{kind}")),
        _ => some(random, names, 75, &format!("agent:query:{kind}")),
    };
    if random.percent(40) {
        // These are to be explained, and no more.
        words.extend(some(random, names, 60, &format!("agent:query:construct:{kind}")));
    }
    words
}

/// What he may read of them.
fn reading(random: &mut Random, kind: &str, names: &[&str]) -> Vec<String> {
    match random.below(4) {
        0 | 1 => vec![format!("agent:{kind}:read")],
        2 => vec![format!("agent:{kind}:*")],
        _ => some(random, names, 50, &format!("agent:{kind}:read")),
    }
}

/// Lets some askers come with a token that is for some tables and metrics only. What they may not
/// ask about they may often read, and something of each kind they always may. It takes no chance
/// away from what else is random: it has its own.
pub fn scoping(random: &mut Random, world: &World, policies: &mut Policies) {
    if !random.percent(7) {
        return;
    }
    let tables: Vec<&str> = world.tables.iter().map(|table| table.name.as_str()).collect();
    let metrics: Vec<&str> = world.metrics.iter().map(|metric| metric.name.as_str()).collect();
    let mut words = vec!["agent:search".to_owned()];
    for (kind, names) in [("table", tables), ("metric", metrics)] {
        words.extend(asking(random, kind, &names));
        words.extend(reading(random, kind, &names));
    }
    policies.scope = Some(Scope(words));
}
