//! By what policies hide: what is counted, so that each has its share of the worlds.

use crate::reference::{Denied, Mask, Policies};

/// What some worlds at least are asked under.
pub const HIDING: [&str; 12] = [
    "mask null",
    "mask constant",
    "mask prefix",
    "mask hash",
    "denied table",
    "denied field",
    "denied metric",
    "denied to others",
    "scope",
    "described table",
    "described in part",
    "described metric",
];

/// By what some policies hide, each once.
pub fn hiding(policies: &Policies) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (_, mask) in policies.grants.iter().flat_map(|grant| &grant.masks) {
        found.push(match mask {
            Mask::Null => "mask null",
            Mask::Constant(_) => "mask constant",
            Mask::Prefix(_) => "mask prefix",
            Mask::Hash => "mask hash",
        });
    }
    found.extend(policies.denials_of_his().map(|of| match of {
        Denied::Table(_) => "denied table",
        Denied::Column(..) => "denied field",
        Denied::Metric(_) => "denied metric",
    }));
    let others = policies.denials.iter().filter(|of| !policies.groups.contains(&of.group));
    found.extend(others.map(|_| "denied to others"));
    for grant in policies.grants.iter().filter(|grant| grant.described) {
        let mut all = policies.grants.iter().filter(|other| other.table == grant.table);
        let whole = all.all(|other| other.described);
        found.push(if whole { "described table" } else { "described in part" });
    }
    found.extend(policies.described_metrics.iter().map(|_| "described metric"));
    found.extend(policies.scope.iter().map(|_| "scope"));
    found.sort_unstable();
    found.dedup();
    found
}
