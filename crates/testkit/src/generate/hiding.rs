//! By what policies hide: what is counted, so that each has its share of the worlds.

use crate::reference::{Mask, Policies};

/// What some worlds at least are asked under.
pub const HIDING: [&str; 4] = ["mask null", "mask constant", "mask prefix", "mask hash"];

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
    found.sort_unstable();
    found.dedup();
    found
}
