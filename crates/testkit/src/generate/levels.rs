//! Random grants that show that something is there, and no more.

use std::fmt::Write;

use super::random::Random;
use crate::reference::{Grant, Policies, World};

/// Lets some askers know of a table, of more fields and rows of one, or of a metric, which they may
/// not ask about. It takes no chance away from what else is random: it has its own.
pub fn describing(random: &mut Random, world: &World, policies: &mut Policies) {
    if policies.grants.is_empty() || !random.percent(11) {
        return;
    }
    if random.percent(50) {
        let table = random.pick(&policies.grants).table;
        let of_it = policies.grants.iter_mut().filter(|grant| grant.table == table);
        of_it.for_each(|grant| grant.described = true);
    }
    if random.percent(70) {
        // What other grants of the table hide, this one may list; and it speaks of all rows.
        let table = random.pick(&policies.grants).table;
        let columns = 0..world.tables[table].columns.len();
        let hidden = columns.filter(|_| random.percent(20)).collect();
        let (rows, masks, described) = (None, Vec::new(), true);
        policies.grants.push(Grant { table, rows, hidden, masks, described });
    }
    if !world.metrics.is_empty() && random.percent(50) {
        policies.described_metrics.push(random.below(world.metrics.len()));
    }
}

/// The grants of metrics in YAML.
pub(super) fn written(world: &World, policies: &Policies) -> String {
    let mut text = String::new();
    for (index, metric) in policies.described_metrics.iter().enumerate() {
        let name = &world.metrics[*metric].name;
        let _ = writeln!(
            text,
            "  l{index}: {{ groups: [here], grant: {{ metrics: [{name}], level: describe }} }}"
        );
    }
    text
}
