//! What the engine reads: files, rows in memory and tables of the host, opened under the names that
//! the model uses. Nothing here knows who asks, and nothing is read from the environment.

mod files;
mod inference;
mod listing;
mod location;
mod memory;
mod partitions;
mod problem;
mod reading;
mod remote;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use futures::FutureExt;

pub use files::FileTable;
pub use problem::{SourceProblem, SourceProblemKind};
pub use reading::INFERENCE_ROWS;
pub use spec::{FilesSpec, Format, SourceSpec};

/// The opened sources, by name.
#[derive(Debug)]
pub struct Sources {
    opened: BTreeMap<String, Opened>,
}

/// The data of a source at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    /// They never change.
    Fixed,
    /// They are those of the listing of this number.
    Files(u64),
    /// Nobody knows whether they have changed.
    Unknown,
}

impl Version {
    /// Whether both are surely the same data.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed, Self::Fixed) => true,
            (Self::Files(a), Self::Files(b)) => a == b,
            _ => false,
        }
    }
}

#[derive(Debug)]
struct Opened {
    provider: Arc<dyn TableProvider>,
    /// The same, where it reads files.
    files: Option<Arc<FileTable>>,
    /// Whether the rows are those of the opening for ever.
    fixed: bool,
    schema: SchemaRef,
    identity: String,
    /// What the source is made of: files, buffers, or the provider.
    parts: BTreeSet<String>,
}

impl Sources {
    /// Opens every source: resolves paths, reads the schema of each file, checks each batch.
    ///
    /// File sources read through the local object store of the session's runtime; a later scan may
    /// come with another session as long as it shares that runtime's caches and stores.
    ///
    /// # Errors
    /// All problems of all sources, in the order of their names.
    ///
    /// # Example
    /// ```
    /// # use std::collections::BTreeMap;
    /// # use std::sync::Arc;
    /// # use arrow::array::{Int64Array, RecordBatch};
    /// # use datafusion::prelude::SessionContext;
    /// use sandbar_executor::source::{SourceSpec, Sources};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let column = Int64Array::from(vec![1, 2, 3]);
    /// let batch = RecordBatch::try_from_iter([("id", Arc::new(column) as _)])?;
    /// let spec = SourceSpec::Batches { schema: batch.schema(), batches: vec![batch] };
    /// let state = SessionContext::new().state();
    /// let sources = Sources::open(&state, BTreeMap::from([("orders".to_owned(), spec)])).await;
    /// assert!(sources.is_ok_and(|s| s.provider("orders").is_some()));
    /// # Ok::<(), arrow::error::ArrowError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn open(
        state: &SessionState,
        specs: BTreeMap<String, SourceSpec>,
    ) -> Result<Self, Vec<SourceProblem>> {
        let (sources, problems) = Self::open_some(state, specs).await;
        if problems.is_empty() { Ok(sources) } else { Err(problems) }
    }

    /// Opens every source that can be opened, and tells what is wrong with the others: all
    /// problems, in the order of their names.
    pub async fn open_some(
        state: &SessionState,
        specs: BTreeMap<String, SourceSpec>,
    ) -> (Self, Vec<SourceProblem>) {
        let mut opened = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, spec) in specs {
            // A store is the host's, and a panic of it is no more than a source that fails.
            match AssertUnwindSafe(Opened::open(state, &name, spec)).catch_unwind().await {
                Ok(Ok(source)) => {
                    opened.insert(name, source);
                }
                Ok(Err(found)) => problems.extend(found),
                Err(_) => problems.push(SourceProblem::new(&name, SourceProblemKind::Panicked)),
            }
        }
        (Self { opened }, problems)
    }

    /// The table to scan for a source.
    pub fn provider(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.opened.get(name).map(|source| Arc::clone(&source.provider))
    }

    /// The data that a source has given last.
    pub(crate) fn version(&self, name: &str) -> Version {
        match self.opened.get(name) {
            Some(Opened { files: Some(files), .. }) => Version::Files(files.listing()),
            Some(Opened { fixed: true, .. }) => Version::Fixed,
            _ => Version::Unknown,
        }
    }

    /// The data that a source has at this moment: its files are listed anew. What cannot be listed
    /// is unknown.
    pub(crate) async fn newest(&self, name: &str, state: &SessionState) -> Version {
        match self.opened.get(name).and_then(|source| source.files.as_ref()) {
            Some(files) => files.newest(state).await.map_or(Version::Unknown, Version::Files),
            None => self.version(name),
        }
    }

    /// Every source with its pinned schema and its physical identity, by name.
    ///
    /// Equal identities mean one physical source under two names. The reverse does not hold: a
    /// folder and a pattern below it differ and yet share files, see [`Sources::shared`].
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SchemaRef, &str)> {
        self.opened
            .iter()
            .map(|(name, source)| (name.as_str(), &source.schema, source.identity.as_str()))
    }

    /// The pairs of names, each in order, that had a file, a buffer or a provider in common when
    /// they were opened.
    pub fn shared(&self) -> Vec<(&str, &str)> {
        let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, source) in &self.opened {
            let parts = source.parts.iter().map(String::as_str);
            for part in parts.chain([source.identity.as_str()]) {
                readers.entry(part).or_default().push(name);
            }
        }
        let mut pairs = BTreeSet::new();
        for names in readers.values() {
            for (index, name) in names.iter().enumerate() {
                let later = names.iter().skip(index + 1).filter(|other| *other != name);
                pairs.extend(later.map(|other| (*name, *other)));
            }
        }
        pairs.into_iter().collect()
    }
}

impl Opened {
    async fn open(
        state: &SessionState,
        name: &str,
        spec: SourceSpec,
    ) -> Result<Self, Vec<SourceProblem>> {
        match spec {
            SourceSpec::Files(spec) => Self::files(state, name, &spec).await,
            SourceSpec::Batches { schema, batches } => Self::batches(state, schema, &batches)
                .map_err(|kinds| {
                    kinds.into_iter().map(|kind| SourceProblem::new(name, kind)).collect()
                }),
            SourceSpec::Provider(provider) => Ok(Self::provider(provider)),
        }
    }

    async fn files(
        state: &SessionState,
        name: &str,
        spec: &FilesSpec,
    ) -> Result<Self, Vec<SourceProblem>> {
        let table = Arc::new(FileTable::open(name, spec, state).await?);
        // Two links to one file are one part.
        let canonical = |file: String| match std::fs::canonicalize(&file) {
            Ok(path) => path.display().to_string(),
            Err(_) => file,
        };
        Ok(Self {
            schema: table.schema(),
            identity: table.identity().to_owned(),
            parts: table.files().into_iter().map(canonical).collect(),
            files: Some(Arc::clone(&table)),
            fixed: false,
            provider: table,
        })
    }

    fn batches(
        state: &SessionState,
        schema: SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<Self, Vec<SourceProblemKind>> {
        let batches = memory::conform(&schema, batches)?;
        let table =
            memory::table(Arc::clone(&schema), &batches, state.config()).map_err(|error| {
                let reason = error.strip_backtrace();
                vec![SourceProblemKind::Unreadable { file: "batches".to_owned(), reason }]
            })?;
        let opened = Self { fixed: true, ..Self::provider(Arc::new(table)) };
        let addresses = memory::addresses(&batches);
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(match addresses.first() {
            Some(first) => Self {
                identity: format!("{first} ({rows} rows)"),
                parts: addresses.into_iter().collect(),
                ..opened
            },
            // Without a value the table itself is the part.
            None => opened,
        })
    }

    fn provider(provider: Arc<dyn TableProvider>) -> Self {
        let identity = identity_of(&provider);
        let mut parts = BTreeSet::new();
        read_by(&provider, &mut parts);
        let (files, fixed) = (None, false);
        Self { schema: provider.schema(), identity, parts, provider, files, fixed }
    }
}

fn identity_of(provider: &Arc<dyn TableProvider>) -> String {
    format!("provider:{:p}", Arc::as_ptr(provider).cast::<()>())
}

/// A provider and, where it is a view, those that its plan reads.
fn read_by(provider: &Arc<dyn TableProvider>, parts: &mut BTreeSet<String>) {
    if !parts.insert(identity_of(provider)) {
        return;
    }
    let Some(plan) = provider.get_logical_plan() else { return };
    // Looking at a plan does not fail; what cannot be looked at is no part that is known of.
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(inner) = source_as_provider(&scan.source)
        {
            read_by(&inner, parts);
        }
        Ok(TreeNodeRecursion::Continue)
    });
}
