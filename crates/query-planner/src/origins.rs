//! The stored fields that the columns of an answer are made of.

use sandbar_catalog::expr::Expr;
use sandbar_catalog::{FieldId, FieldPath, Snapshot};

use crate::query::{Leaf, MemberOf, Part, Place, Predicate, Query, Rows, Shape, Source};

impl<S> Query<S> {
    /// The stored fields that the values of a column of the answer are made of.
    pub(crate) fn origins(&self, snapshot: &Snapshot, column: usize) -> Vec<FieldId> {
        let mut origins = Origins { snapshot, counting: false, found: Vec::new() };
        origins.column(self, column);
        origins.once()
    }

    /// Those, and the ones that say which rows count in the numbers of the column.
    pub(crate) fn lineage(&self, snapshot: &Snapshot, column: usize) -> Vec<FieldId> {
        let mut origins = Origins { snapshot, counting: true, found: Vec::new() };
        origins.column(self, column);
        origins.once()
    }
}

/// The same of a number that is computed from parts.
pub(crate) fn lineage_of<S>(
    snapshot: &Snapshot,
    parts: &[Part<S>],
    places: &[Place],
    value: &Expr,
) -> Vec<FieldId> {
    let mut origins = Origins { snapshot, counting: true, found: Vec::new() };
    origins.value(parts, places, value);
    origins.once()
}

/// Stored fields being found.
struct Origins<'s> {
    snapshot: &'s Snapshot,
    /// Also those that say which rows count.
    counting: bool,
    found: Vec<FieldId>,
}

impl Origins<'_> {
    fn once(mut self) -> Vec<FieldId> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found
    }

    fn column<S>(&mut self, query: &Query<S>, column: usize) {
        let (keys, value, places) = match &query.shape {
            Shape::Listing(columns) => (columns.len(), None, &[][..]),
            Shape::Grouped(groups) => {
                let at = column.checked_sub(groups.keys.len());
                let values = groups.values.len();
                // A share is made of what its number is made of.
                let share = |at: usize| groups.shares.get(at.checked_sub(values)?);
                let value = at.and_then(|at| {
                    groups.values.get(at).or_else(|| groups.values.get(share(at)?.value))
                });
                (groups.keys.len(), value, groups.places.as_slice())
            }
        };
        match &query.source {
            Source::Answer(stage) => {
                let key = stage.keys.get(column).filter(|_| column < keys);
                let leaf = |input: usize| stage.leaves.get(places.get(input)?.leaf);
                let leaves = value.iter().flat_map(|output| output.value.inputs()).filter_map(leaf);
                let mut read: Vec<&Expr> = key.into_iter().collect();
                for leaf in leaves {
                    read.push(&leaf.expr);
                    for filter in leaf.filters.iter().filter(|_| self.counting) {
                        filter.expressions(&mut |expr| read.push(expr));
                    }
                }
                for input in read.into_iter().flat_map(Expr::inputs) {
                    self.column(&stage.inner, input);
                }
            }
            Source::Parts(parts) => {
                let keys = parts.iter().filter_map(|part| part.keys.get(column));
                keys.flat_map(|key| key.of.fields()).for_each(|path| self.field(path));
                if let Some(output) = value {
                    self.value(parts, places, &output.value);
                }
            }
        }
    }

    /// A calculation over numbers of parts.
    fn value<S>(&mut self, parts: &[Part<S>], places: &[Place], value: &Expr) {
        for place in value.inputs().into_iter().filter_map(|input| places.get(input)) {
            let Some(part) = parts.get(place.part) else { continue };
            let Some(leaf) = part.leaves.get(place.leaf) else { continue };
            // What is read with its author's rights is nobody's to look into.
            if leaf.definer.is_none() {
                self.expr(&leaf.expr);
            }
            if self.counting {
                self.conditions_of(part, leaf);
            }
        }
    }

    /// What says which rows count in a number; its author's own conditions aside, where these are
    /// read with his rights.
    fn conditions_of<S>(&mut self, part: &Part<S>, leaf: &Leaf) {
        self.conditions(&part.rows, &leaf.filters);
        if let Some(semi) = &leaf.semi_additive {
            self.field(&FieldPath::own(semi.over));
            semi.per.iter().for_each(|path| self.field(path));
        }
        let Some(events) = &part.events else { return };
        // What the model says of the rows that are followed stands among the conditions of all.
        let modelled = |filter: &&Predicate| matches!(filter, Predicate::Modelled(_));
        self.conditions(&part.rows, part.rows.filter.iter().filter(modelled));
        self.conditions(&events.rows, &events.rows.filter);
        for time in [events.base_time, events.time] {
            self.field(&FieldPath::own(time));
        }
        for (own, theirs) in &events.on {
            self.field(own);
            self.field(theirs);
        }
    }

    /// Conditions on rows, and what these look up.
    fn conditions<'p, S>(
        &mut self,
        rows: &Rows<S>,
        filters: impl IntoIterator<Item = &'p Predicate>,
    ) {
        for filter in filters {
            filter.expressions(&mut |expr| self.expr(expr));
            for member in filter.members() {
                match rows.members.get(member).map(|member| &member.of) {
                    Some(MemberOf::Rows { rows, .. }) => self.conditions(rows, &rows.filter),
                    Some(MemberOf::Value { parts, places, value, .. }) => {
                        self.value(parts, places, value);
                    }
                    None => {}
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        expr.fields().into_iter().for_each(|path| self.field(path));
    }

    fn field(&mut self, path: &FieldPath) {
        let inputs = &self.snapshot.field(path.field).inputs;
        self.found.extend(inputs.iter().map(|input| input.field));
    }
}
