//! The files that a model declares, looked for beside the file that declares them.

use std::path::Path;

use sandbar::{Definitions, SourceSpec, declared_files};

/// The sources of a model file that lies in `folder`, which is absolute. What is wrong with a
/// source is left to the engine to say: it finds the same.
pub(crate) fn beside(definitions: &Definitions, folder: &Path) -> Vec<(String, SourceSpec)> {
    let sources = definitions.sources().filter_map(|(name, def, _)| {
        let files = declared_files(&def.value, Some(folder.to_owned())).ok()?;
        Some((name.to_owned(), SourceSpec::Files(files)))
    });
    sources.collect()
}
