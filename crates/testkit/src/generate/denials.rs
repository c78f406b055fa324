//! Random denials for those of further groups, some of which are the asker's.

use std::fmt::Write;

use super::random::Random;
use crate::reference::{Denial, Denied, Policies, World};

/// The further groups of an asker.
const HIS: [&str; 2] = ["guests", "trainees"];
/// A group that is not his: what its people are denied he sees all the same.
const OTHER: &str = "strangers";

/// Makes some askers one of further groups, and denies these and others tables, fields and metrics.
/// It takes no chance away from what else is random: it has its own.
pub fn denying(random: &mut Random, world: &World, policies: &mut Policies) {
    if !random.percent(11) {
        return;
    }
    policies.groups = HIS.to_vec();
    let table = random.below(world.tables.len());
    let mut all = vec![Denied::Table(table)];
    let table = random.below(world.tables.len());
    all.push(Denied::Column(table, random.below(world.tables[table].columns.len())));
    if !world.metrics.is_empty() {
        all.push(Denied::Metric(random.below(world.metrics.len())));
    }
    for of in all {
        // Not all at once: then little would be left to ask about.
        if random.percent(50) {
            policies.denials.push(Denial { group: HIS[random.below(HIS.len())], of });
        }
    }
    if random.percent(60) {
        let of = Denied::Table(random.below(world.tables.len()));
        policies.denials.push(Denial { group: OTHER, of });
    }
}

/// The groups that denials name, as they are declared in YAML.
pub(super) fn declared(policies: &Policies) -> String {
    let mut groups: Vec<&str> = policies.denials.iter().map(|denial| denial.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.into_iter().map(|group| format!(", {group}: {{}}")).collect()
}

/// The denials in YAML.
pub(super) fn written(world: &World, policies: &Policies) -> String {
    let mut text = String::new();
    for (index, Denial { group, of }) in policies.denials.iter().enumerate() {
        let denied = match of {
            Denied::Table(table) => format!("tables: [{}]", world.tables[*table].name),
            Denied::Column(table, column) => {
                let table = &world.tables[*table];
                format!("tables: [{}], fields: [{}]", table.name, table.columns[*column].name)
            }
            Denied::Metric(metric) => format!("metrics: [{}]", world.metrics[*metric].name),
        };
        let _ = writeln!(text, "  n{index}: {{ groups: [{group}], deny: {{ {denied} }} }}");
    }
    text
}
