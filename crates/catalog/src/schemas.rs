//! What the sources hold: data that the engine hands to the check.

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::SchemaRef;

/// The pinned schema of one source.
#[derive(Clone, Debug)]
pub struct SourceSchema {
    /// The columns with their Arrow types.
    pub schema: SchemaRef,
    /// What the source physically is (a canonical path, the address of a provider): two sources
    /// with the same identity are one physical source under two names.
    pub identity: String,
    /// Other sources that have rows in common with it: a folder and a file of it.
    pub shares: BTreeSet<String>,
}

/// The schemas of all sources, by source name.
#[derive(Clone, Debug, Default)]
pub struct SourceSchemas {
    sources: BTreeMap<String, SourceSchema>,
    unopened: BTreeSet<String>,
}

impl SourceSchemas {
    /// No sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a source.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        schema: SchemaRef,
        identity: impl Into<String>,
    ) -> Self {
        let (identity, shares) = (identity.into(), BTreeSet::new());
        self.sources.insert(name.into(), SourceSchema { schema, identity, shares });
        self
    }

    /// Says that two sources have rows in common. One that is not there shares nothing.
    #[must_use]
    pub fn sharing(mut self, one: &str, other: &str) -> Self {
        for (name, with) in [(one, other), (other, one)] {
            if let Some(source) = self.sources.get_mut(name) {
                source.shares.insert(with.to_owned());
            }
        }
        self
    }

    /// Says that a source is declared but could not be opened, which is told elsewhere: tables
    /// over it are checked as far as that goes without its columns.
    #[must_use]
    pub fn unopened(mut self, name: impl Into<String>) -> Self {
        self.unopened.insert(name.into());
        self
    }

    /// Whether a source is declared but could not be opened.
    pub fn is_unopened(&self, name: &str) -> bool {
        self.unopened.contains(name)
    }

    /// The source of that name.
    pub fn get(&self, name: &str) -> Option<&SourceSchema> {
        self.sources.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }
}
