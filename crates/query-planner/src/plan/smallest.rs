//! Tables of whose rows nothing is told of fewer than some.

use datafusion_expr::Expr as Plan;
use sandbar_catalog::FieldId;
use sandbar_permissions::Sandbox;

use super::Planner;
use crate::error::QueryError;
use crate::lower::Smallest;
use crate::query::{Part, Rows, Scan};
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
            let (Some(base), Some(rows)) = (base, scan.source.min_group_size()) else { continue };
            let alias = self.compiled.alias(base, &scan.via);
            let keys = self.told_apart(scan)?.into_iter();
            let column = |field: FieldId| {
                let name = &self.compiled.snapshot().field(field).name;
                Plan::Column(key_of(&alias, name))
            };
            found.push(Smallest { rows, keys: keys.map(column).collect() });
        }
        Ok(found)
    }

    /// The keys that tell the rows of a scan apart, or what they are versions of. The rows that are
    /// asked for stand once each.
    pub(super) fn told_apart(&self, scan: &Scan<Sandbox>) -> Result<Vec<FieldId>, QueryError> {
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

/// Says so where single rows are about to be told of a table of which only groups are: resolving
/// should have refused it.
pub(super) fn of_single_rows(rows: &Rows<Sandbox>) -> Result<(), QueryError> {
    refused(rows.scans.iter())
}

/// The same of numbers for single rows of something else.
pub(super) fn of_entities(part: &Part<Sandbox>) -> Result<(), QueryError> {
    refused(part.rows.scans.iter().filter(|scan| part.entity() != Some(&scan.via)))
}

fn refused<'s>(mut scans: impl Iterator<Item = &'s Scan<Sandbox>>) -> Result<(), QueryError> {
    match scans.any(|scan| scan.source.min_group_size().is_some()) {
        true => Err(QueryError::internal("single rows of a table that is told in groups")),
        false => Ok(()),
    }
}
