//! Policies that never change what anybody sees.
//!
//! Only what is so for everybody is told, in whatever groups he is and whatever attributes he has.

use std::sync::Arc;

use sandbar_catalog::{CollectionId, FieldId, MetricId, Snapshot, Table, TableId, Visibility};

use super::coverage::{CoverageFinding, CoverageKind};
use super::rows::{Rows, attributes};
use crate::level::Level;
use crate::policy_set::{PolicySet, TableGrant, TablePolicies};

/// The policies that grant something.
pub(super) fn grants(policies: &PolicySet) -> impl Iterator<Item = usize> {
    let tables = policies.by_table.iter().flat_map(|rules| rules.grants.iter().map(|g| g.policy));
    let metrics = policies.metric_grants.values().flatten().map(|(policy, _)| *policy);
    let collections = policies.collection_grants.values().flatten().map(|(policy, _)| *policy);
    tables.chain(metrics).chain(collections)
}

/// What policies say in vain, table by table and policy by policy.
pub(super) fn without_effect(
    policies: &PolicySet,
    snapshot: &Arc<Snapshot>,
) -> Vec<CoverageFinding> {
    let mut look = Look { policies, snapshot, found: Vec::new() };
    for (table, rules) in snapshot.tables().iter().zip(&policies.by_table) {
        look.grants_of(table, rules);
        look.restricts_of(table, rules);
        look.denials_of(table, rules);
    }
    look.metrics();
    look.collections();
    look.found.sort_by_key(|(policy, _)| *policy);
    look.found.into_iter().map(|(_, finding)| finding).collect()
}

struct Look<'s> {
    policies: &'s PolicySet,
    snapshot: &'s Snapshot,
    found: Vec<(usize, CoverageFinding)>,
}

impl Look<'_> {
    fn say(&mut self, policy: usize, detail: String) {
        let Some(of) = self.policies.policies.get(policy) else { return };
        let finding = CoverageFinding {
            groups: of.groups.clone(),
            detail: Some(detail),
            origin: Some(of.origin.to_string()),
            ..CoverageFinding::new(CoverageKind::NoEffect, &*of.name)
        };
        self.found.push((policy, finding));
    }

    /// Whether a policy hides rows of other tables with those of a table.
    fn propagates(&self, policy: usize, of: TableId) -> bool {
        let parents = self.policies.by_table.iter().flat_map(|rules| &rules.parents);
        parents.into_iter().any(|parent| (parent.policy, parent.of) == (policy, of))
    }

    fn name(&self, policy: usize) -> &str {
        self.policies.policies.get(policy).map_or("", |policy| &policy.name)
    }

    /// Whether whoever the one policy concerns, the other does too.
    fn covers(&self, wide: usize, narrow: usize) -> bool {
        let groups =
            |policy: usize| self.policies.policies.get(policy).map(|p| p.groups.as_slice());
        let (wide, narrow) = (groups(wide).unwrap_or_default(), groups(narrow).unwrap_or_default());
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|group| wide.contains(group))
    }

    fn grants_of(&mut self, table: &Table, rules: &TablePolicies) {
        let name = &table.name;
        for (index, grant) in rules.grants.iter().enumerate() {
            let policy = grant.policy;
            if self.propagates(policy, table.id) {
                continue;
            }
            let denied = rules.denials.iter().filter(|(denial, _)| self.covers(*denial, policy));
            let whole = denied.clone().find(|(_, fields)| fields.is_none()).map(|(p, _)| *p);
            let gone: Vec<FieldId> = denied.filter_map(|(_, f)| f.clone()).flatten().collect();
            let wider = rules.grants.iter().enumerate().find(|(other, wide)| {
                let same = self.is_within(wide, grant);
                *other != index && self.is_within(grant, wide) && (!same || *other < index)
            });
            let shown = table.fields.iter().zip(&grant.fields).filter(|(_, shown)| **shown);
            let mut shown = shown.map(|(field, _)| field.id);
            if grant.level == Level::None {
                self.say(policy, format!("its level is `none`, which gives nothing of `{name}`"));
            } else if table.visibility == Visibility::Internal {
                self.say(
                    policy,
                    format!("`{name}` is internal to the model, so nobody is shown it"),
                );
            } else if let Some(denial) = whole {
                let denial = self.name(denial).to_owned();
                self.say(policy, format!("`{denial}` hides `{name}` from all whom it concerns"));
            } else if shown.clone().next().is_some() && shown.all(|field| gone.contains(&field)) {
                self.say(policy, format!("every field that it shows of `{name}` is denied"));
            } else if let Some((_, wide)) = wider {
                let wide = self.name(wide.policy).to_owned();
                self.say(policy, format!("`{wide}` shows all of that of `{name}` already"));
            }
        }
    }

    /// Whether the second grant shows all that the first does, to all to whom that does.
    fn is_within(&self, grant: &TableGrant, wide: &TableGrant) -> bool {
        let rows = |grant: &TableGrant| {
            let mut rows = Rows::default();
            rows.show(grant.rows.as_ref(), Arc::default());
            rows
        };
        let mask = |grant: &TableGrant, field: FieldId| {
            grant.masks.iter().find(|(id, _)| *id == field).map(|(_, mask)| mask.clone())
        };
        // A grant that is void shows no name either, also where the other shows no row.
        let wanted = |grant: &TableGrant| {
            grant.rows.as_ref().map(|rows| attributes(&rows.0)).unwrap_or_default()
        };
        let narrow = wanted(grant);
        let masked = wide.masks.iter().map(|(id, _)| *id);
        let shown = |id: &FieldId| grant.fields.get(id.index()).copied().unwrap_or(false);
        self.covers(wide.policy, grant.policy)
            && wide.level >= grant.level
            && rows(grant).is_within(&rows(wide))
            && wanted(wide).iter().all(|name| narrow.contains(name))
            && grant.fields.iter().zip(&wide.fields).all(|(own, wide)| !own || *wide)
            && masked.filter(shown).all(|id| mask(wide, id) == mask(grant, id))
    }

    fn restricts_of(&mut self, table: &Table, rules: &TablePolicies) {
        let limits = |policy: usize| rules.min_group_sizes.iter().any(|(p, _)| *p == policy);
        let by_collection = table.collection.is_some_and(|id| self.is_granted(id));
        let nobody = !by_collection && rules.grants.iter().all(|grant| grant.level == Level::None);
        let of_rows = |policy: usize| rules.restricts.iter().any(|(p, _)| *p == policy);
        for (policy, _) in &rules.min_group_sizes {
            if nobody && !of_rows(*policy) {
                let message = format!("it concerns no one: nothing grants `{}`", table.name);
                self.say(*policy, message);
            }
        }
        for (policy, filter) in &rules.restricts {
            if self.propagates(*policy, table.id) {
                continue;
            }
            let mut rows = Rows::everything();
            rows.keep(filter, Arc::default());
            if nobody {
                let message = format!("it concerns no one: nothing grants `{}`", table.name);
                self.say(*policy, message);
            } else if rows.is_everything() && !limits(*policy) {
                self.say(*policy, format!("it keeps every row of `{}`", table.name));
            }
        }
    }

    fn denials_of(&mut self, table: &Table, rules: &TablePolicies) {
        let granted = rules.grants.iter().any(|grant| grant.level > Level::None);
        let by_collection = table.collection.is_some_and(|id| self.is_granted(id));
        for (policy, fields) in &rules.denials {
            if !granted && !by_collection {
                let message = format!("nothing grants `{}`, so it is hidden anyway", table.name);
                self.say(*policy, message);
                continue;
            }
            let Some(fields) = fields else { continue };
            let shown = |field: &FieldId| {
                let shows = |g: &&TableGrant| g.fields.get(field.index()).copied().unwrap_or(false);
                by_collection || rules.grants.iter().any(|grant| shows(&grant))
            };
            if !fields.iter().any(shown) {
                let message =
                    format!("no grant of `{}` shows the fields that it denies", table.name);
                self.say(*policy, message);
            }
        }
    }

    fn is_granted(&self, start: CollectionId) -> bool {
        self.up(start).any(|id| {
            let grants = self.policies.collection_grants.get(&id);
            grants.is_some_and(|grants| grants.iter().any(|(_, level)| *level > Level::None))
        })
    }

    /// A collection, and those that it lies in.
    fn up(&self, start: CollectionId) -> impl Iterator<Item = CollectionId> {
        std::iter::successors(Some(start), |id| self.snapshot.collection(*id).parent)
    }

    fn metrics(&mut self) {
        let ids: Vec<MetricId> = self.policies.metric_grants.keys().copied().collect();
        for id in ids {
            let metric = self.snapshot.metric(id);
            let mut denials: Vec<usize> =
                self.policies.metric_denials.get(&id).cloned().unwrap_or_default();
            for collection in metric.collection.into_iter().flat_map(|id| self.up(id)) {
                let more = self.policies.collection_denials.get(&collection);
                denials.extend(more.into_iter().flatten());
            }
            for (policy, level) in self.policies.metric_grants.get(&id).cloned().unwrap_or_default()
            {
                let denial = denials.iter().find(|denial| self.covers(**denial, policy));
                if let Some(denial) = denial {
                    let denial = self.name(*denial).to_owned();
                    let message = format!(
                        "`{denial}` hides metric `{}` from all whom it concerns",
                        metric.name
                    );
                    self.say(policy, message);
                } else if metric.collection.is_none() && level == Level::Query {
                    let message = format!(
                        "metric `{}` is in no collection, so that it needs no grant",
                        metric.name
                    );
                    self.say(policy, message);
                }
            }
        }
    }

    fn collections(&mut self) {
        for collection in self.snapshot.collections() {
            let Some(grants) = self.policies.collection_grants.get(&collection.id) else {
                continue;
            };
            let holds = |id: Option<CollectionId>| {
                id.is_some_and(|id| self.up(id).any(|up| up == collection.id))
            };
            let metric = self.snapshot.metrics().iter().any(|metric| holds(metric.collection));
            let table = self.snapshot.tables().iter().any(|table| holds(table.collection));
            let denials: Vec<usize> = self
                .up(collection.id)
                .filter_map(|id| self.policies.collection_denials.get(&id))
                .flatten()
                .copied()
                .collect();
            for (policy, _) in grants.clone() {
                let denial = denials.iter().find(|denial| self.covers(**denial, policy));
                if let Some(denial) = denial {
                    let message = format!(
                        "`{}` hides collection `{}` from all whom it concerns",
                        self.name(*denial),
                        collection.name
                    );
                    self.say(policy, message);
                } else if !metric && !table {
                    self.say(policy, format!("collection `{}` is empty", collection.name));
                }
            }
        }
    }
}
