//! Definitions become a snapshot: every rule of the model language, all problems at once.
//!
//! The passes run in the order in which they depend on each other: names, then tables with their
//! stored fields, relationships, calculated fields, and last the things written over all of them
//! (measures, segments, metrics, collections). A definition that is broken is left out quietly for
//! the later passes, so that one mistake is reported once.

mod codes;
mod composite;
mod definer;
mod descriptions;
mod expressions;
mod metrics;
mod names;
mod sink;
mod tables;
mod units;
mod wire_ids;

pub(crate) use self::expressions::resolve_path;
pub use self::names::is_name;
pub(crate) use self::units::Unit;

use crate::definitions::{Definitions, MetricDef, TableDef};
use crate::report::Report;
use crate::schemas::SourceSchemas;
use crate::snapshot::Snapshot;
use crate::wire::hashed_id;

use self::names::Names;
use self::sink::Sink;

/// What is sound, and everything that is wrong.
pub(crate) fn check(definitions: &Definitions, sources: &SourceSchemas) -> (Snapshot, Report) {
    let mut sink = Sink::new(definitions);
    let names = Names::collect(definitions, sources, &mut sink);
    let defaults = names::defaults(definitions, &mut sink);
    let mut snapshot = tables::stored(&names, defaults, sources, &mut sink);
    tables::relationships(&mut snapshot, &names, &mut sink);
    wire_ids::related_fields(&mut snapshot, &names, &mut sink);
    expressions::calculated_fields(&mut snapshot, &names, &mut sink);
    expressions::dimensions(&snapshot, &names, &mut sink);
    metrics::measures_and_segments(&mut snapshot, &names, &mut sink);
    metrics::collections(&mut snapshot, &names, &mut sink);
    composite::metrics(&mut snapshot, &names, &mut sink);
    descriptions::descriptions(&names, &mut sink);
    snapshot.fingerprint = fingerprint(definitions, sources);
    (snapshot, sink.finish())
}

fn fingerprint(definitions: &Definitions, sources: &SourceSchemas) -> u64 {
    let mut parts: Vec<String> = definitions
        .files
        .iter()
        .map(|file| serde_json::to_string(&file.model).unwrap_or_default())
        .collect();
    for name in sources.names() {
        if let Some(source) = sources.get(name) {
            parts.push(format!("{name} {:?}", source.schema));
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    hashed_id(&parts)
}

/// A table definition with its file.
type TableEntry<'d> = names::Entry<'d, TableDef>;
/// A metric definition with its file.
type MetricEntry<'d> = names::Entry<'d, MetricDef>;
