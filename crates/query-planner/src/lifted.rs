//! Numbers of a question that are told of enough rows only, and those that read fields with their
//! authors' rights.

use sandbar_catalog::expr::Expr;
use sandbar_catalog::{FieldPath, MetricId, RelationshipId, Snapshot};

use crate::query::{Definer, Fields, Leaf, MemberOf, Part, Predicate, Query, Rows, Source, Zone};

impl Leaf {
    /// An aggregation of what who asks may see.
    pub(crate) fn new(expr: Expr, filters: Vec<Predicate>) -> Self {
        let (zone, semi_additive, min_group_size) = (Zone::Model, None, None);
        Self { expr, zone, filters, semi_additive, min_group_size, definer: None }
    }

    /// The same, written by who asks.
    pub(crate) fn asked(self) -> Self {
        Self { zone: Zone::Question, ..self }
    }

    /// The stored fields that it reads with its author's rights, own and related.
    pub(crate) fn lifted(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        let mut found = Fields::default();
        if let Some(Definer { filters, .. }) = &self.definer {
            let mut add = |expr: &Expr| {
                snapshot.stored_inputs(expr).iter().for_each(|path| found.add(snapshot, path));
            };
            add(&self.expr);
            filters.iter().for_each(|filter| filter.expressions(&mut add));
        }
        found.0
    }
}

impl<S> Part<S> {
    /// The stored fields that its numbers read with their authors' rights, own and related.
    pub(crate) fn lifted(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        let mut found: Vec<FieldPath> = Vec::new();
        for path in self.leaves.iter().flat_map(|leaf| leaf.lifted(snapshot)) {
            if !found.contains(&path) {
                found.push(path);
            }
        }
        found
    }

    /// The metrics of those numbers, where they read something there.
    pub(crate) fn definers_of(&self, snapshot: &Snapshot, via: &[RelationshipId]) -> Vec<MetricId> {
        let mut found = Vec::new();
        for leaf in &self.leaves {
            let reads = || leaf.lifted(snapshot).iter().any(|path| path.via == via);
            let metric = leaf.definer.as_ref().map(|definer| definer.metric);
            found.extend(metric.filter(|id| !found.contains(id) && reads()));
        }
        found
    }
}

impl<S> Query<S> {
    /// Calls `visit` on every aggregation of rows of tables, those of inner questions too.
    pub(crate) fn each_leaf<'q>(&'q self, visit: &mut dyn FnMut(&'q Leaf)) {
        match &self.source {
            Source::Answer(stage) => stage.inner.each_leaf(visit),
            Source::Parts(parts) => parts.iter().for_each(|part| part.each_leaf(visit)),
        }
    }

    /// The metrics that read fields with their authors' rights, each once.
    pub(crate) fn definers(&self) -> Vec<MetricId> {
        let mut found = Vec::new();
        self.each_leaf(&mut |leaf| {
            let metric = leaf.definer.as_ref().map(|definer| definer.metric);
            found.extend(metric.filter(|id| !found.contains(id)));
        });
        found
    }

    /// Whether some number is told of enough rows only, whoever asks.
    pub(crate) fn has_sizes(&self) -> bool {
        let mut found = false;
        self.each_leaf(&mut |leaf| found |= leaf.min_group_size.is_some());
        found
    }
}

impl<S> Part<S> {
    fn each_leaf<'q>(&'q self, visit: &mut dyn FnMut(&'q Leaf)) {
        self.leaves.iter().for_each(&mut *visit);
        let others = self.bridge.iter().map(|bridge| &bridge.rows);
        let others = others.chain(self.events.iter().map(|events| &events.rows));
        std::iter::once(&self.rows).chain(others).for_each(|rows| rows.each_leaf(visit));
    }
}

impl<S> Rows<S> {
    fn each_leaf<'q>(&'q self, visit: &mut dyn FnMut(&'q Leaf)) {
        for inner in self.scans.iter().filter_map(|scan| scan.derived.as_ref()) {
            inner.each_leaf(visit);
        }
        for member in &self.members {
            match &member.of {
                MemberOf::Rows { rows, .. } => rows.each_leaf(visit),
                MemberOf::Value { parts, .. } => {
                    parts.iter().for_each(|part| part.each_leaf(visit));
                }
            }
        }
    }
}
