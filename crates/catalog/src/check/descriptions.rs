//! How long descriptions may be: whoever lists tables and metrics is told all of them, and so is a
//! language model that reads for him.

use crate::decode::Located;
use crate::report::SourceText;

use super::codes;
use super::names::Names;
use super::sink::{Sink, complaint};

/// The most characters of a description.
const LONGEST: usize = 4_000;

pub(super) fn descriptions(names: &Names<'_>, sink: &mut Sink) {
    for (name, entry) in &names.tables {
        let (file, def) = (entry.file, entry.def);
        check(file, name, def, def.description.as_deref(), sink);
        for (name, def) in def.fields.iter() {
            check(file, name, def, def.description.as_deref(), sink);
        }
        for (name, def) in def.measures.iter() {
            check(file, name, def, def.description.as_deref(), sink);
        }
        for (name, def) in def.segments.iter() {
            check(file, name, def, def.description.as_deref(), sink);
        }
        for (name, def) in def.relationships.iter() {
            check(file, name, def, def.description.as_deref(), sink);
        }
    }
    for (name, entry) in &names.metrics {
        check(entry.file, name, entry.def, entry.def.description.as_deref(), sink);
    }
    for (name, entry) in &names.collections {
        check(entry.file, name, entry.def, entry.def.description.as_deref(), sink);
    }
}

fn check<T>(
    file: Option<&SourceText>,
    name: &str,
    def: &Located<T>,
    description: Option<&str>,
    sink: &mut Sink,
) {
    if description.is_some_and(|text| text.chars().nth(LONGEST).is_some()) {
        let message = format!("the description of `{name}` has more than {LONGEST} characters");
        sink.at_key(file, def, complaint(codes::DESCRIPTION, message));
    }
}
