//! Tables of whose rows nothing is told of fewer than some.

use datafusion_expr::Expr as Plan;
use sandbar_catalog::{FieldId, FieldPath, TableId};
use sandbar_permissions::Sandbox;

use super::Planner;
use crate::error::QueryError;
use crate::lower::Smallest;
use crate::query::{Leaf, Part, Rows, Scan};
use crate::scan::key_of;

impl Planner<'_, '_> {
    /// Those among the rows of a part, each with what tells its rows apart.
    pub(super) fn smallest(&self, part: &Part<Sandbox>) -> Result<Vec<Smallest>, QueryError> {
        let mut found = Vec::new();
        let base = part.rows.scans.first().map(|scan| scan.source.table());
        for scan in &part.rows.scans {
            // What numbers are looked up for stands among the rows that look, and is counted there.
            if part.entity() == Some(&scan.via) {
                continue;
            }
            if let (Some(base), Some(rows)) = (base, scan.source.min_group_size()) {
                found.push(self.at_least(rows, base, scan)?);
            }
        }
        Ok(found)
    }

    /// What a number of its own wants: so many rows, and so many of every table that it reads with
    /// its author's rights.
    pub(super) fn smallest_of(
        &self,
        leaf: &Leaf,
        of: &Rows<Sandbox>,
    ) -> Result<Vec<Smallest>, QueryError> {
        let Some(rows) = leaf.min_group_size else { return Ok(Vec::new()) };
        let base = of.scans.first().map(|scan| scan.source.table());
        let base = base.ok_or_else(|| QueryError::internal("a number of no table"))?;
        let lifted = leaf.lifted(self.compiled.snapshot());
        let reads = |scan: &&Scan<Sandbox>| {
            scan.via.is_empty() || lifted.iter().any(|path| path.via.starts_with(&scan.via))
        };
        of.scans.iter().filter(reads).map(|scan| self.at_least(rows, base, scan)).collect()
    }

    fn at_least(
        &self,
        rows: u32,
        base: TableId,
        scan: &Scan<Sandbox>,
    ) -> Result<Smallest, QueryError> {
        let alias = self.compiled.alias(base, &scan.via);
        let column = |field: FieldId| {
            let name = &self.compiled.snapshot().field(field).name;
            Plan::Column(key_of(&alias, name))
        };
        let keys = self.told_apart(scan)?.into_iter().map(column).collect();
        Ok(Smallest { rows, keys })
    }

    /// The keys that tell the asked rows apart, where they are needed for that.
    pub(super) fn own_keys(&self, part: &Part<Sandbox>) -> Result<Vec<FieldPath>, QueryError> {
        let sizes = part.leaves.iter().any(|leaf| leaf.min_group_size.is_some());
        let mut keys = Vec::new();
        for scan in part.rows.scans.iter().filter(|scan| scan.via.is_empty()) {
            if sizes || scan.source.min_group_size().is_some() {
                keys.extend(self.told_apart(scan)?.into_iter().map(FieldPath::own));
            }
        }
        Ok(keys)
    }

    /// The keys that tell the rows of a scan apart, or what they are versions of. The rows that are
    /// asked for stand once each.
    fn told_apart(&self, scan: &Scan<Sandbox>) -> Result<Vec<FieldId>, QueryError> {
        let snapshot = self.compiled.snapshot();
        let Some(last) = scan.via.last() else {
            let table = snapshot.table(scan.source.table());
            let versions = table.validity.is_some();
            return Ok(if versions { table.primary_key.clone() } else { Vec::new() });
        };
        let keys: Vec<FieldId> =
            snapshot.relationship(*last).on.iter().map(|(_, theirs)| *theirs).collect();
        match keys.is_empty() {
            true => Err(QueryError::internal("a relationship without a key")),
            false => Ok(keys),
        }
    }
}

/// Whether of some table among some rows only groups are told.
pub(super) fn in_groups(rows: &Rows<Sandbox>) -> bool {
    some_in_groups(rows.scans.iter())
}

fn some_in_groups<'s>(mut scans: impl Iterator<Item = &'s Scan<Sandbox>>) -> bool {
    scans.any(|scan| scan.source.min_group_size().is_some())
}

/// Says so where single rows are about to be told of a table of which only groups are: resolving
/// should have refused it.
pub(super) fn of_single_rows(rows: &Rows<Sandbox>) -> Result<(), QueryError> {
    refused(rows.scans.iter())
}

/// The same of numbers for single rows of something else.
pub(super) fn of_entities(part: &Part<Sandbox>) -> Result<(), QueryError> {
    refused(part.rows.scans.iter().filter(|scan| part.entity() != Some(&scan.via)))
}

fn refused<'s>(scans: impl Iterator<Item = &'s Scan<Sandbox>>) -> Result<(), QueryError> {
    match some_in_groups(scans) {
        true => Err(QueryError::internal("single rows of a table that is told in groups")),
        false => Ok(()),
    }
}
