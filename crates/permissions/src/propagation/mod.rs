//! Rows that go with hidden rows: what `propagate` makes of the rows of other tables.
//!
//! A row passes where it belongs to nothing, or to a row that is shown. It belongs to nothing where
//! a part of its key is missing, which no row of the other table can change; a key that leads to no
//! row is treated like one that leads to a hidden row, so that nobody tells them apart.

mod definition;

pub use definition::PropagateDef;

use sandbar_auth::Principal;
use sandbar_catalog::expr::{Expr, ExprKind};
use sandbar_catalog::{FieldPath, Literal, RelationshipId, Snapshot, TableId, Type};

use crate::condition::{Condition, RowFilter};
use crate::grants::Grants;
use crate::policy_set::PolicySet;

/// A relationship of a table over which rows go with hidden rows of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The policy that says so.
    pub(crate) policy: usize,
    /// The table that it speaks of.
    pub(crate) of: TableId,
    /// The relationship, which leads there or to another table that does.
    pub(crate) step: RelationshipId,
}

/// The rows that propagating policies leave to somebody.
pub(crate) struct Propagation<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policies: &'a PolicySet,
    /// Whether a policy concerns him.
    pub(crate) concerned: &'a dyn Fn(usize) -> bool,
    /// The rows of a table that he sees.
    pub(crate) shown: &'a dyn Fn(TableId) -> RowFilter,
}

impl Grants {
    /// The rows that propagating policies leave of a table to whom these grants are about.
    pub(crate) fn propagated(&self, table: TableId, principal: &Principal) -> RowFilter {
        // What cannot be queried shows no row: then only what belongs to nothing is left.
        let shown = |of: TableId| {
            self.sandbox(of).map_or(RowFilter::Never, |sandbox| sandbox.rows().clone())
        };
        let (snapshot, policies) = (&*self.snapshot, &*self.policies);
        let concerned = |policy| policies.concerns(policy, principal);
        Propagation { snapshot, policies, concerned: &concerned, shown: &shown }.rows(table)
    }
}

impl Propagation<'_> {
    /// The relationships of a table over which rows are hidden, each with the table whose policies
    /// say so.
    pub(crate) fn parents(&self, table: TableId) -> Vec<(TableId, RelationshipId)> {
        let all = self.covered(table);
        let told = |(of, step): &(TableId, RelationshipId)| {
            // What a table on the way asks of its own rows is in what it asks of others.
            let to = self.snapshot.relationship(*step).to;
            *of == to || !all.contains(&(to, *step))
        };
        all.iter().filter(|parent| told(parent)).copied().collect()
    }

    fn covered(&self, table: TableId) -> Vec<(TableId, RelationshipId)> {
        let mut found = Vec::new();
        let rules = self.policies.of_table(table).into_iter().flat_map(|rules| &rules.parents);
        for parent in rules.filter(|parent| (self.concerned)(parent.policy)) {
            if !found.contains(&(parent.of, parent.step)) {
                found.push((parent.of, parent.step));
            }
        }
        found
    }

    /// The rows of a table that go with no hidden row.
    pub(crate) fn rows(&self, table: TableId) -> RowFilter {
        let parents = self.parents(table).into_iter();
        parents.fold(RowFilter::Everything, |rows, (of, step)| rows.and(self.needed(of, step)))
    }

    /// The rows that belong to nothing over a relationship, or to what is shown.
    pub(crate) fn needed(&self, of: TableId, step: RelationshipId) -> RowFilter {
        let relationship = self.snapshot.relationship(step);
        let there = if relationship.to == of {
            (self.shown)(of)
        } else {
            let further = self.covered(relationship.to).into_iter();
            let further = further.filter(|(other, _)| *other == of);
            further.fold(RowFilter::Everything, |rows, (_, next)| rows.and(self.needed(of, next)))
        };
        let related = match there {
            RowFilter::Never => RowFilter::Never,
            RowFilter::Everything => {
                // It is there: that is all.
                let always = Condition::Own(Expr::literal(Literal::Boolean(true)));
                RowFilter::Where(Condition::Related(step, Box::new(always)))
            }
            RowFilter::Where(inner) => RowFilter::Where(Condition::Related(step, Box::new(inner))),
        };
        let keyless = relationship.on.iter().map(|(own, _)| {
            let data_type = self.snapshot.field(*own).data_type;
            let key = Expr::field(FieldPath::own(*own), data_type);
            let missing = ExprKind::IsNull(Box::new(key));
            RowFilter::Where(Condition::Own(Expr::new(missing, Type::Boolean)))
        });
        RowFilter::any(keyless.chain([related]))
    }

    /// The ways over a relationship to the table whose rows decide, for an author to read.
    pub(crate) fn ways(&self, of: TableId, step: RelationshipId) -> Vec<String> {
        let relationship = self.snapshot.relationship(step);
        if relationship.to == of {
            return vec![relationship.name.clone()];
        }
        let further = self.covered(relationship.to).into_iter();
        let further = further.filter(|(other, _)| *other == of);
        let ways = further.flat_map(|(_, next)| self.ways(of, next));
        ways.map(|way| format!("{}.{way}", relationship.name)).collect()
    }
}
