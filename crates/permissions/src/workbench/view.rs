//! What somebody sees who is in some groups, whatever the values of his attributes.

use std::sync::Arc;

use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::expr::AttributeType;
use sandbar_catalog::{FieldId, FieldPath, MetricId, Snapshot, TableId, Type};

use super::cell::Shown;
use super::rows::Rows;
use crate::grants::Grants;
use crate::level::Level;
use crate::policy_set::{PolicySet, TableGrant};
use crate::propagation::Propagation;

/// What somebody sees who is in these groups and no others, and has every attribute.
///
/// How far he gets is asked of the grants of a stand-in, whose attributes have some value of their
/// type: which values they are decides about rows, and never about a name. Rows and masks are read
/// from the policies themselves, attributes left open.
pub(crate) struct View {
    snapshot: Arc<Snapshot>,
    policies: Arc<PolicySet>,
    stand_in: Principal,
    grants: Grants,
}

impl View {
    /// `None` where nobody can be in these groups, because a token cannot name them.
    pub(crate) fn of(
        policies: &Arc<PolicySet>,
        snapshot: &Arc<Snapshot>,
        groups: &[&str],
    ) -> Option<Self> {
        let mut builder = Principal::asserted_by_host("somebody");
        for group in groups {
            builder = builder.group(group);
        }
        for (name, declared) in &policies.attributes {
            let with = builder.clone().attribute(name, some_value(*declared));
            // An attribute that no token can name is one that nobody has.
            if with.clone().build().is_ok() {
                builder = with;
            }
        }
        let stand_in = builder.build().ok()?;
        let grants = policies.grants(snapshot, &stand_in);
        let (snapshot, policies) = (Arc::clone(snapshot), Arc::clone(policies));
        Some(Self { snapshot, policies, stand_in, grants })
    }

    pub(crate) fn table_level(&self, table: TableId) -> Level {
        self.grants.table_level(table)
    }

    pub(crate) fn field_level(&self, field: FieldId) -> Level {
        self.grants.field_level(&FieldPath::own(field))
    }

    pub(crate) fn metric_level(&self, metric: MetricId) -> Level {
        self.grants.metric_level(metric)
    }

    /// Whether a policy concerns these groups.
    pub(crate) fn concerned(&self, policy: usize) -> bool {
        self.policies.concerns(policy, &self.stand_in)
    }

    /// Whether anything can be queried at all.
    pub(crate) fn sees_anything(&self) -> bool {
        self.snapshot.tables().iter().any(|table| self.table_level(table.id) > Level::None)
    }

    /// The rows of a table that can be queried; none of one that cannot.
    pub(crate) fn rows(&self, table: TableId) -> Rows {
        let mut rows = Rows::default();
        if self.table_level(table) < Level::Query {
            return rows;
        }
        if self.by_collection(table) {
            rows.show_everything();
        }
        let Some(rules) = self.policies.of_table(table) else { return rows };
        for grant in self.grants_of(table) {
            rows.show(grant.rows.as_ref(), self.text(grant.policy));
        }
        for (policy, filter) in rules.restricts.iter().filter(|(p, _)| self.concerned(*p)) {
            rows.keep(filter, self.text(*policy));
        }
        let shown = |of: TableId| self.rows(of).filter();
        let propagation = Propagation {
            snapshot: &self.snapshot,
            policies: &self.policies,
            concerned: &|policy| self.concerned(policy),
            shown: &shown,
        };
        for (of, step) in propagation.parents(table) {
            let ways = propagation.ways(of, step);
            rows.keep_with(propagation.needed(of, step), &ways, &self.rows(of));
        }
        rows
    }

    /// Of how many rows of a table something is told at least; 1: of single rows too.
    pub(crate) fn min_group_size(&self, table: TableId) -> u32 {
        self.grants.min_group_size(table).unwrap_or(1)
    }

    /// In which rows the values of a stored field are shown, and what masks them.
    pub(crate) fn shown(&self, field: FieldId) -> Shown {
        let mut shown = Shown::default();
        let table = field.table();
        if self.field_level(field) < Level::Query {
            return shown;
        }
        if self.by_collection(table) {
            shown.show(Rows::everything(), None);
        }
        for grant in self.grants_of(table) {
            let mut rows = Rows::default();
            rows.show(grant.rows.as_ref(), self.text(grant.policy));
            if grant.fields.get(field.index()).copied().unwrap_or(false) {
                let mask = grant.masks.iter().find(|(id, _)| *id == field);
                shown.show(rows, mask.map(|(_, mask)| mask.clone()));
            } else {
                shown.leave_out(&rows);
            }
        }
        shown
    }

    /// The grants of a table at level `query` that concern these groups.
    fn grants_of(&self, table: TableId) -> impl Iterator<Item = &TableGrant> {
        let grants = self.policies.of_table(table).into_iter().flat_map(|rules| &rules.grants);
        grants.filter(|grant| grant.level == Level::Query && self.concerned(grant.policy))
    }

    /// Whether a derived table is granted with its collection.
    fn by_collection(&self, table: TableId) -> bool {
        let collection = self.snapshot.table(table).collection;
        collection.is_some_and(|collection| {
            self.grants.collection_access(collection, &self.stand_in).0 == Level::Query
        })
    }

    fn text(&self, policy: usize) -> Arc<str> {
        let policy = self.policies.policies.get(policy);
        policy.and_then(|policy| policy.rows.clone()).unwrap_or_default()
    }
}

/// Some value of the type that was declared, not an empty list.
fn some_value(declared: AttributeType) -> AttributeValue {
    let one = match declared.data_type {
        Type::Integer => AttributeValue::from(1_i64),
        Type::Number => AttributeValue::from(0.5),
        Type::Boolean => AttributeValue::from(true),
        Type::Date => AttributeValue::from("2000-01-01"),
        _ => AttributeValue::from("something"),
    };
    if declared.list { AttributeValue::List(vec![one]) } else { one }
}
