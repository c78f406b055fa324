//! One physical source under two tables can be read around a restriction of one of them.

use std::collections::BTreeMap;

use sandbar_catalog::decode::{Place, Problem};
use sandbar_catalog::{Finding, SourceText, Table, TableId, TableSource};

use super::{Checker, SHARED_SOURCE};

impl Checker<'_> {
    /// Every two tables of one source are compared: a review of one says nothing about two others.
    pub(super) fn shared_sources(&mut self) {
        let mut readers: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
        for table in self.snapshot.tables() {
            let TableSource::Source { identity, .. } = &table.source else { continue };
            if !identity.is_empty() {
                readers.entry(identity).or_default().push(table);
            }
        }
        for tables in readers.values() {
            for (index, table) in tables.iter().enumerate() {
                let earlier = tables.iter().take(index);
                if let Some(other) = earlier.copied().find(|other| self.conflict(other, table)) {
                    let finding = shared(other, table);
                    self.findings.push(finding);
                }
            }
        }
    }

    fn conflict(&self, a: &Table, b: &Table) -> bool {
        if a.shares_source_reviewed || b.shares_source_reviewed {
            return false;
        }
        let (a, b) = (self.restricts(a.id), self.restricts(b.id));
        a != b || a.is_empty()
    }

    fn restricts(&self, id: TableId) -> Vec<usize> {
        let rules = self.set.by_table.get(id.index());
        let mut policies: Vec<usize> =
            rules.into_iter().flat_map(|r| &r.restricts).map(|(policy, _)| *policy).collect();
        policies.sort_unstable();
        policies
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
