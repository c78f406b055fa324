//! Checked policies: what remains to be done per principal is binding, nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use sandbar_auth::Principal;
use sandbar_catalog::expr::AttributeType;
use sandbar_catalog::{CollectionId, FieldId, MetricId, Snapshot, TableId};

use crate::condition::Condition;
use crate::grants::{Administrator, Grants};
use crate::level::Level;
use crate::mask::Mask;
use crate::propagation::Parent;
use crate::scope::Purpose;

/// Policies checked against one snapshot. Made only by
/// [`PolicyDefinitions::check`](crate::PolicyDefinitions::check).
#[derive(Debug, Default)]
pub struct PolicySet {
    pub(crate) attributes: HashMap<String, AttributeType>,
    /// The attributes again, in the order of the files, with their places.
    pub(crate) attribute_origins: Vec<Declared>,
    pub(crate) groups: Vec<Declared>,
    pub(crate) policies: Vec<Policy>,
    /// For each table, the policies that speak of it.
    pub(crate) by_table: Vec<TablePolicies>,
    pub(crate) metric_grants: HashMap<MetricId, Vec<(usize, Level)>>,
    pub(crate) metric_denials: HashMap<MetricId, Vec<usize>>,
    pub(crate) collection_grants: HashMap<CollectionId, Vec<(usize, Level)>>,
    pub(crate) collection_denials: HashMap<CollectionId, Vec<usize>>,
    pub(crate) fingerprint: u64,
}

/// The name of a group or an attribute, and the file and line that declare it.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: Arc<str>,
    pub(crate) origin: Arc<str>,
}

/// What an administrator is told of a policy, and whom it concerns.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) name: Arc<str>,
    pub(crate) origin: Arc<str>,
    /// Empty: everyone (never for a grant).
    pub(crate) groups: Vec<String>,
    /// The condition as it was written.
    pub(crate) rows: Option<Arc<str>>,
}

/// The policies that speak of one table, by index into [`PolicySet::policies`].
#[derive(Debug, Default)]
pub(crate) struct TablePolicies {
    pub(crate) grants: Vec<TableGrant>,
    pub(crate) restricts: Vec<(usize, UnboundFilter)>,
    pub(crate) denials: Vec<(usize, Option<Vec<FieldId>>)>,
    /// Of how many rows something is told at least.
    pub(crate) min_group_sizes: Vec<(usize, u32)>,
    /// Over which relationships its rows go with those of other tables.
    pub(crate) parents: Vec<Parent>,
}

#[derive(Debug)]
pub(crate) struct TableGrant {
    pub(crate) policy: usize,
    pub(crate) level: Level,
    pub(crate) rows: Option<UnboundFilter>,
    /// One flag per field of the table.
    pub(crate) fields: Vec<bool>,
    pub(crate) masks: Vec<(FieldId, Mask)>,
}

/// A row filter whose attributes are still names. It has no way into a plan: only binding it to a
/// principal gives a [`RowFilter`](crate::RowFilter).
///
/// ```compile_fail,E0603
/// fn into_plan(unbound: sandbar_permissions::UnboundFilter) -> sandbar_permissions::RowFilter {
///     unbound.into()
/// }
/// ```
///
/// ```
/// fn into_plan(bound: sandbar_permissions::Condition) -> sandbar_permissions::RowFilter {
///     sandbar_permissions::RowFilter::Where(bound)
/// }
/// ```
#[derive(Debug)]
pub(crate) struct UnboundFilter(pub(crate) Condition);

impl TablePolicies {
    /// The policies that speak of the table, each as often as it does.
    pub(crate) fn policies(&self) -> impl Iterator<Item = usize> {
        let grants = self.grants.iter().map(|grant| grant.policy);
        let restricts = self.restricts.iter().map(|(policy, _)| *policy);
        let sizes = self.min_group_sizes.iter().map(|(policy, _)| *policy);
        let denials = self.denials.iter().map(|(policy, _)| *policy);
        let parents = self.parents.iter().map(|parent| parent.policy);
        grants.chain(restricts).chain(sizes).chain(denials).chain(parents)
    }

    /// The conditions of one policy.
    pub(crate) fn rows_of(&self, policy: usize) -> impl Iterator<Item = &UnboundFilter> {
        let grants = self.grants.iter().filter(move |grant| grant.policy == policy);
        let restricts = self.restricts.iter().filter(move |(of, _)| *of == policy);
        grants.filter_map(|grant| grant.rows.as_ref()).chain(restricts.map(|(_, rows)| rows))
    }
}

impl PolicySet {
    /// What `principal` may see of `snapshot`, which must be the one the policies were checked
    /// against. Cheap: each table is decided when it is first looked at.
    pub fn grants(self: &Arc<Self>, snapshot: &Arc<Snapshot>, principal: &Principal) -> Grants {
        self.grants_for(snapshot, principal, Purpose::Answer)
    }

    /// The same, to be used for something else than to answer questions: a token may be for some
    /// uses only.
    pub fn grants_for(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        principal: &Principal,
        purpose: Purpose,
    ) -> Grants {
        let (snapshot, policies) = (Arc::clone(snapshot), Arc::clone(self));
        Grants::new(snapshot, policies, Some(principal.clone()), purpose)
    }

    /// Everything, for one whom the host has made an administrator.
    pub fn all(self: &Arc<Self>, snapshot: &Arc<Snapshot>, _: &Administrator) -> Grants {
        Grants::new(Arc::clone(snapshot), Arc::clone(self), None, Purpose::Answer)
    }

    /// The declared type of an attribute.
    pub fn attribute(&self, name: &str) -> Option<AttributeType> {
        self.attributes.get(name).copied()
    }

    /// The declared groups, in the order of the files.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.iter().map(|group| &group.name)
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The policies that speak of a table.
    pub(crate) fn of_table(&self, table: TableId) -> Option<&TablePolicies> {
        self.by_table.get(table.index())
    }

    /// Whether a policy concerns a principal: one of its groups is his, or it has none.
    pub(crate) fn concerns(&self, policy: usize, principal: &Principal) -> bool {
        self.policies.get(policy).is_some_and(|p| {
            p.groups.is_empty()
                || principal.groups().iter().any(|g| p.groups.iter().any(|n| **n == **g))
        })
    }
}
