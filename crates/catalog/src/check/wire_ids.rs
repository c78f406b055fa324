//! Numbers of fields that are seen from other tables: one for each way to a field, the same for
//! every asker.

use std::collections::hash_map::Entry;

use crate::ids::{FieldPath, TableId};
use crate::snapshot::Snapshot;

use super::codes;
use super::names::Names;
use super::sink::{Sink, complaint};

/// Numbers the fields one step away from each table. Where a step leads to many rows its fields
/// have no value of their own, and so no number.
pub(super) fn related_fields(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    let ids: Vec<TableId> = snapshot.tables.iter().map(|table| table.id).collect();
    for id in ids {
        let mut found = Vec::new();
        let steps = snapshot.table(id).relationships.iter();
        for step in steps.filter(|step| step.cardinality.is_to_one()) {
            for field in &snapshot.table(step.to).fields {
                let path = FieldPath { via: vec![step.id], field: field.id };
                found.push((snapshot.field_number(&path), path));
            }
        }
        let mut collided = Vec::new();
        let Some(table) = snapshot.tables.get_mut(id.index()) else { continue };
        for (number, path) in found {
            match table.field_numbers.entry(number) {
                Entry::Occupied(_) => collided.push(path),
                Entry::Vacant(free) => {
                    free.insert(path);
                }
            }
        }
        for path in collided {
            let (name, field) = (&snapshot.table(id).name, snapshot.path_name(&path));
            let message = format!("the wire id of `{field}` collides: rename the relationship");
            if let Some(entry) = names.tables.get(name.as_str()) {
                sink.at_key(entry.file, entry.def, complaint(codes::WIRE_ID, message));
            }
        }
    }
}
