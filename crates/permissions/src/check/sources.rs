//! One physical source under two tables can be read around a restriction of one of them.

use std::collections::BTreeMap;

use sandbar_catalog::decode::{Place, Problem};
use sandbar_catalog::{FieldId, FieldKind, Finding, SourceText, Table, TableId, TableSource};

use super::{Checker, SHARED_SOURCE};

impl Checker<'_> {
    /// Every two tables that have rows in common are compared: a review of one says nothing about
    /// two others.
    pub(super) fn shared_sources(&mut self) {
        let mut by_identity: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
        let mut by_name: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
        let mut found = Vec::new();
        for table in self.snapshot.tables() {
            let TableSource::Source { name, identity, shares } = &table.source else { continue };
            // Those that were read before: each pair is told at the later of the two.
            let of_name = shares.iter().filter_map(|other| by_name.get(other.as_str()));
            let mut earlier = by_identity.get(identity.as_str()).into_iter().chain(of_name);
            let other = earlier.find_map(|tables| {
                tables.iter().copied().find(|other| self.conflict(other, table))
            });
            if let Some(other) = other {
                found.push(shared(other, table));
            }
            if !identity.is_empty() {
                by_identity.entry(identity).or_default().push(table);
                by_name.entry(name).or_default().push(table);
            }
        }
        self.findings.extend(found);
    }

    fn conflict(&self, a: &Table, b: &Table) -> bool {
        if a.shares_source_reviewed || b.shares_source_reviewed {
            return false;
        }
        let (a, b) = (self.restricts(a.id), self.restricts(b.id));
        a != b || a.is_empty()
    }

    /// The policies that narrow a table on top of its grants; with what propagates, over which
    /// columns, and where it leads.
    fn restricts(&self, id: TableId) -> Vec<(usize, Vec<(&str, FieldId)>)> {
        let mut policies = Vec::new();
        if let Some(rules) = self.set.by_table.get(id.index()) {
            let of_rows = rules.restricts.iter().map(|(policy, _)| *policy);
            let of_groups = rules.min_group_sizes.iter().map(|(policy, _)| *policy);
            policies.extend(of_rows.chain(of_groups).map(|policy| (policy, Vec::new())));
            policies.extend(rules.parents.iter().map(|parent| {
                let on = &self.snapshot.relationship(parent.step).on;
                (parent.policy, on.iter().map(|pair| (self.column(pair.0), pair.1)).collect())
            }));
        }
        policies.sort();
        policies.dedup();
        policies
    }

    fn column(&self, field: FieldId) -> &str {
        let field = self.snapshot.field(field);
        match &field.kind {
            FieldKind::Stored { column, .. } => column,
            FieldKind::Calculated(_) => &field.name,
        }
    }
}

/// The finding stands at the later table, whose text the policies do not hold.
fn shared(first: &Table, second: &Table) -> Finding {
    let message = format!(
        "tables `{}` ({}) and `{}` ({}) read one source: give both the same `restrict`, or say \
         `shares_source: reviewed`",
        first.name, first.origin, second.name, second.origin
    );
    let origin = &second.origin;
    let place = (origin.line > 0).then_some(Place { line: origin.line, column: origin.column });
    let path = format!("tables.{}", second.name);
    let problem = Problem { code: SHARED_SOURCE, place, path, message, suggestion: None };
    Finding { file: origin.file.as_ref().map(|name| SourceText::new(name.clone(), "")), problem }
}
