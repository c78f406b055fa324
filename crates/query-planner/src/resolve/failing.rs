//! What is not asked beside rows that are not told one by one: anything that can fail. The error
//! would tell which rows are there, as what can fail is calculated for those that pass the rest.

use sandbar_catalog::expr::{Expr, ExprKind};
use sandbar_catalog::{Snapshot, TableId};

use super::{Asking, cut};
use crate::query::{Leaf, MemberOf, Part, Predicate, ResolvedQuery, Rows, Source, Zone};

/// Tells whether an expression can fail on some row.
type Fails<'f> = dyn Fn(&Expr) -> bool + 'f;

impl Asking<'_> {
    /// Refuses what can fail beside rows of a table that is told in groups, or beside what a number
    /// reads with its author's rights; the questions of derived tables have been looked at
    /// themselves.
    pub(super) fn failing(&mut self, query: &ResolvedQuery) {
        match &query.source {
            Source::Answer(stage) => self.failing(&stage.inner),
            Source::Parts(parts) => parts.iter().for_each(|part| self.part_failing(part)),
        }
    }

    fn part_failing(&mut self, part: &Part<TableId>) {
        let snapshot = self.compiled.snapshot();
        let lifts = part.leaves.iter().any(|leaf| leaf.definer.is_some());
        // What the question names of the model stands beside what is lifted as well.
        if lifts && part_fails(part, snapshot, true, &|expr| !snapshot.is_total(expr)) {
            let message = "a number that is asked for reads fields with the rights of its author, \
                           so nothing beside it may be able to fail on a row: no calculated \
                           value, group or condition that overflows, divides whole numbers \
                           or converts";
            self.single_rows_of(message.to_owned());
        }
        // What the model says and can fail is its author's to say.
        if let Some(table) = self.read_in_groups(part)
            && part_fails(part, snapshot, false, &|expr| !snapshot.is_total_itself(expr))
        {
            let why = "nothing that is asked beside them may be able to fail on a row: no \
                       calculated value that overflows, divides whole numbers or converts";
            self.single_rows(table, why);
        }
    }

    /// The first table of which only groups are told among all that a part reads.
    fn read_in_groups(&self, part: &Part<TableId>) -> Option<TableId> {
        all_rows(part).find_map(|rows| self.told_in_groups(rows))
    }
}

/// The rows of a part, and those that it goes by beside them.
fn all_rows(part: &Part<TableId>) -> impl Iterator<Item = &Rows<TableId>> {
    let bridge = part.bridge.iter().map(|bridge| &bridge.rows);
    let events = part.events.iter().map(|events| &events.rows);
    std::iter::once(&part.rows).chain(bridge).chain(events)
}

/// Whether something can fail that a question says of the rows of a part; `modelled`: the
/// conditions of the model that it names as well.
fn part_fails(
    part: &Part<TableId>,
    snapshot: &Snapshot,
    modelled: bool,
    fails: &Fails<'_>,
) -> bool {
    let mut keys = part.keys.iter().map(|key| cut(key.of.expr(snapshot), key.cut));
    keys.any(|key| fails(&key))
        || all_rows(part).any(|rows| rows_fail(rows, modelled, fails))
        || part.leaves.iter().any(|leaf| leaf_fails(leaf, snapshot, modelled, fails))
}

/// The same of the conditions of some rows, and of others that these look at. What a number is made
/// of that is looked up is said by the model alone.
fn rows_fail(rows: &Rows<TableId>, modelled: bool, fails: &Fails<'_>) -> bool {
    rows.filter.iter().any(|filter| condition_fails(filter, modelled, fails))
        || rows.members.iter().any(|member| match &member.of {
            MemberOf::Rows { rows, .. } => rows_fail(rows, modelled, fails),
            MemberOf::Value { .. } => false,
        })
}

/// The same of a number. The conditions of one that reads with its author's rights are the asker's,
/// segments too; its own ones stand apart. Of others those of the model belong to the number.
fn leaf_fails(leaf: &Leaf, snapshot: &Snapshot, modelled: bool, fails: &Fails<'_>) -> bool {
    let modelled = modelled && leaf.definer.is_some();
    let mut found = leaf.filters.iter().any(|filter| condition_fails(filter, modelled, fails));
    if leaf.zone == Zone::Question {
        leaf.expr.walk(&mut |node| {
            if let ExprKind::Aggregate(aggregate) = &node.kind {
                found |= snapshot.cut_short(node).is_some();
                found |= aggregate.argument.iter().any(fails);
            }
        });
    }
    found
}

fn condition_fails(condition: &Predicate, modelled: bool, fails: &Fails<'_>) -> bool {
    match condition {
        Predicate::And(parts) | Predicate::Or(parts) => {
            parts.iter().any(|part| condition_fails(part, modelled, fails))
        }
        Predicate::Not(inner) => condition_fails(inner, modelled, fails),
        Predicate::Asked(expr) => fails(expr),
        Predicate::Modelled(expr) => modelled && fails(expr),
        Predicate::Exists(_) => false,
    }
}
