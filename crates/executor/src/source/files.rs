//! A table over files: the schema is pinned when it is opened, the files are those of the moment
//! of each scan.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result as PlanResult, Statistics, TableReference, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::TableScopedPath;
use datafusion::execution::cache::cache_manager::{CachedFileMetadata, SchemaFingerprint};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;

use crate::footers;

use super::inference;
use super::listing::list;
use super::location::Location;
use super::partitions::Partitions;
use super::problem::{SourceProblem, SourceProblemKind};
use super::reading::DAMAGED;
use super::spec::{FilesSpec, Format};
use super::{reading, remote};
use crate::stores::{Pins, Steady, shown};

/// Files of one format, read as one table.
///
/// Each scan lists the files anew. Files that are new or have changed since the last scan are
/// checked against the pinned schema first; one that disagrees fails the scan with a
/// [`SourceProblem`], and so does a source that has lost all its files.
#[derive(Debug)]
pub struct FileTable {
    source: String,
    location: Location,
    format: Format,
    reader: Arc<dyn FileFormat>,
    partitions: Partitions,
    schema: TableSchema,
    fingerprint: Arc<SchemaFingerprint>,
    verified: Mutex<Listing>,
}

/// The files that agree with the schema, as they were listed last.
#[derive(Debug)]
struct Listing {
    /// Ordered by path.
    files: Arc<Vec<ObjectMeta>>,
    /// When each was changed in any way, where that has been looked at.
    changes: Vec<Change>,
    /// Which listing this is: another one whenever they are others, also where they have been the
    /// same before.
    number: u64,
}

/// When a local file was changed in any way, in seconds and nanoseconds: nobody sets this time back,
/// as the one that a listing has can be.
type Change = Option<(i64, i64)>;

impl FileTable {
    /// Reads the schema of every file and pins what they have in common.
    ///
    /// # Errors
    /// All that is wrong: with the path, with each file, between the files.
    pub(super) async fn open(
        source: &str,
        spec: &FilesSpec,
        state: &dyn Session,
    ) -> Result<Self, Vec<SourceProblem>> {
        let one = |kind| vec![SourceProblem::new(source, kind)];
        let all = |kinds: Vec<SourceProblemKind>| {
            kinds.into_iter().map(|kind| SourceProblem::new(source, kind)).collect::<Vec<_>>()
        };
        let location = match spec.path.contains("://") {
            true => remote::locate(spec, state).await,
            false => Location::resolve(spec),
        };
        let location = location.map_err(one)?;
        let store = store(state, &location).map_err(one)?;
        let files = list(&location, store.as_ref()).await.map_err(one)?;
        let reader = reading::reader(spec.format, state);

        let schemas: Vec<_> = stream::iter(&files)
            .map(|file| {
                forget(state, file);
                let store = steady(&store, &location, file);
                let reader = reader.as_ref();
                async move { reading::file_schema(spec.format, reader, state, &store, file).await }
            })
            .boxed()
            .buffered(concurrency(state))
            .collect()
            .await;
        let (mut read, mut problems) = (Vec::new(), Vec::new());
        for (file, schema) in files.iter().zip(schemas) {
            match schema {
                Ok(schema) => read.push((file, schema)),
                Err(problem) => problems.push(problem),
            }
        }
        let pinned = match inference::pin(spec.format, &read) {
            Ok(pinned) => pinned,
            Err(kinds) => {
                problems.extend(kinds);
                return Err(all(problems));
            }
        };
        let partitions = Partitions::new(spec.partitions.clone());
        problems
            .extend(files.iter().filter_map(|f| partitions.place(std::slice::from_ref(f)).err()));
        problems.extend(repeated(&partitions, &pinned));
        if !problems.is_empty() {
            return Err(all(problems));
        }

        let fields: Vec<_> = partitions.fields().into_iter().map(Arc::new).collect();
        let fingerprint = Arc::new(SchemaFingerprint::from_schema(&pinned));
        Ok(Self {
            source: source.to_owned(),
            location,
            format: spec.format,
            reader,
            partitions,
            schema: TableSchema::builder(pinned).with_table_partition_cols(fields).build(),
            fingerprint,
            verified: Mutex::new(Listing {
                files: Arc::new(files),
                changes: Vec::new(),
                number: 0,
            }),
        })
    }

    /// The canonical path, with the pattern.
    pub(super) fn identity(&self) -> &str {
        &self.location.identity
    }

    /// The files of the last scan, or of the opening.
    pub(super) fn files(&self) -> Vec<String> {
        let files = Arc::clone(&self.verified.lock().files);
        files.iter().map(|file| shown(&file.location)).collect()
    }

    /// The number of the listing of the last scan, or of the opening: the same for as long as the
    /// files stay, and never the same again.
    pub(super) fn listing(&self) -> u64 {
        self.verified.lock().number
    }

    /// The number of the listing of this moment, in which files are told apart by all their times.
    pub(super) async fn newest(&self, state: &dyn Session) -> Result<u64, SourceProblemKind> {
        let (_, files) = self.listed(state).await?;
        let is_local = self.location.url == ObjectStoreUrl::local_filesystem();
        let changes = files.iter().map(|file| if is_local { change(file) } else { None });
        let changes: Vec<Change> = changes.collect();
        let mut known = self.verified.lock();
        if !Arc::ptr_eq(&known.files, &files) || known.changes != changes {
            // Others may have been listed meanwhile.
            known.number += 1;
            known.changes = changes;
            known.files = files;
        }
        Ok(known.number)
    }

    /// The files of this moment, which are current from then on, and the store that they lie in.
    async fn listed(
        &self,
        state: &dyn Session,
    ) -> Result<(Arc<dyn ObjectStore>, Arc<Vec<ObjectMeta>>), SourceProblemKind> {
        let store = store(state, &self.location)?;
        let verified = AssertUnwindSafe(self.verified_files(state, &store)).catch_unwind().await;
        let verified = verified.unwrap_or(Err(SourceProblemKind::Panicked))?;
        Ok((store, verified))
    }

    /// The files of this moment, all of them checked against the schema.
    async fn verified_files(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Arc<Vec<ObjectMeta>>, SourceProblemKind> {
        let files = list(&self.location, store.as_ref()).await?;
        let known = Arc::clone(&self.verified.lock().files);
        if *known == files {
            return Ok(known);
        }
        let is_known = |file: &ObjectMeta| {
            let place = known.binary_search_by(|k| k.location.cmp(&file.location)).ok();
            place.and_then(|index| known.get(index)) == Some(file)
        };
        stream::iter(files.iter().filter(|file| !is_known(file)))
            .map(|file| self.verify(file, state, store))
            .boxed()
            .buffered(concurrency(state))
            .try_collect::<()>()
            .await?;
        let files = Arc::new(files);
        let mut listing = self.verified.lock();
        listing.number += 1;
        listing.changes = Vec::new();
        listing.files = Arc::clone(&files);
        Ok(files)
    }

    async fn verify(
        &self,
        file: &ObjectMeta,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<(), SourceProblemKind> {
        forget(state, file);
        let store = steady(store, &self.location, file);
        let found =
            reading::file_schema(self.format, self.reader.as_ref(), state, &store, file).await?;
        inference::check(self.format, self.schema.file_schema(), &found, file)
    }

    /// The files with their statistics, no more than hold `limit` rows. The flag tells that files
    /// were left out.
    async fn with_statistics(
        &self,
        files: Vec<PartitionedFile>,
        limit: Option<usize>,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
    ) -> PlanResult<(Vec<PartitionedFile>, bool)> {
        if !state.config().collect_statistics() {
            return Ok((files, false));
        }
        let total = files.len();
        let mut files = stream::iter(files)
            .map(|file| async {
                // They are made of what a damaged file may say.
                let read = self.statistics(&file.object_meta, state, store);
                let read = AssertUnwindSafe(read).catch_unwind().await;
                let statistics = read.map_err(|_| {
                    let (file, reason) = (shown(&file.object_meta.location), DAMAGED.to_owned());
                    let kind = SourceProblemKind::Unreadable { file, reason };
                    DataFusionError::from(SourceProblem::new(&self.source, kind))
                })??;
                Ok::<_, DataFusionError>(file.with_statistics(statistics))
            })
            .boxed()
            .buffered(concurrency(state));
        let (mut taken, mut rows) = (Vec::new(), Precision::Exact(0));
        while let Some(file) = files.try_next().await? {
            if let Some(statistics) = &file.statistics {
                rows = rows.add(&statistics.num_rows);
            }
            taken.push(file);
            if let (Some(limit), Precision::Exact(rows)) = (limit, rows)
                && rows > limit
            {
                break;
            }
        }
        let cut = taken.len() < total;
        Ok((taken, cut))
    }

    async fn statistics(
        &self,
        file: &ObjectMeta,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
    ) -> PlanResult<Arc<Statistics>> {
        let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
        let key = cache_key(file);
        if let Some(cached) = cache.as_ref().and_then(|cache| cache.get(&key))
            && cached.is_valid_for(file, &self.fingerprint)
        {
            return Ok(cached.statistics);
        }
        let store = steady(store, &self.location, file);
        let statistics = Arc::new(match self.format {
            Format::Parquet => {
                let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
                let footer = DFParquetMetadata::new(store.as_ref(), file)
                    .with_file_metadata_cache(Some(footers))
                    .fetch_metadata()
                    .await?;
                footers::statistics(&footer, self.schema.file_schema())?
            }
            Format::Csv { .. } | Format::JsonLines | Format::Arrow => {
                let schema = Arc::clone(self.schema.file_schema());
                self.reader.infer_stats(state, &store, schema, file).await?
            }
        });
        if let Some(cache) = cache {
            let fingerprint = Arc::clone(&self.fingerprint);
            let kept = Arc::clone(&statistics);
            cache.put(&key, CachedFileMetadata::new(file.clone(), fingerprint, kept, None));
        }
        Ok(statistics)
    }

    /// The files spread over the partitions of the plan, and the statistics of all.
    fn group(
        &self,
        files: Vec<PartitionedFile>,
        cut: bool,
        state: &dyn Session,
    ) -> PlanResult<(Vec<FileGroup>, Statistics)> {
        let schema = self.schema.table_schema();
        let mut groups =
            FileGroup::new(files).split_files(state.config().target_partitions().max(1));
        if !state.config().collect_statistics() {
            return Ok((groups, Statistics::new_unknown(schema)));
        }
        for group in &mut groups {
            let files = group.iter().filter_map(|file| file.statistics.as_deref());
            let statistics = Arc::new(Statistics::try_merge_iter(files, schema)?);
            *group = std::mem::take(group).with_statistics(statistics);
        }
        let of_groups = groups.iter().filter_map(|group| group.file_statistics(None));
        let statistics = Statistics::try_merge_iter(of_groups, schema)?;
        Ok((groups, if cut { statistics.to_inexact() } else { statistics }))
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            if self.partitions.decide(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let fail = |kind| SourceProblem::new(&self.source, kind);
        let (store, verified) = self.listed(state).await.map_err(fail)?;
        let files = self.partitions.place(&verified).map_err(fail)?;

        let (per_file, per_row): (Vec<_>, Vec<_>) =
            filters.iter().partition(|filter| self.partitions.decide(filter));
        let files = self.partitions.prune(files, &per_file, state)?;
        if files.is_empty() {
            let schema = project_schema(self.schema.table_schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        // A filter may drop the rows of the first files, so only without one is a limit reached.
        let enough = if per_row.is_empty() { limit } else { None };
        let (files, cut) = self.with_statistics(files, enough, state, &store).await?;
        let (groups, statistics) = self.group(files, cut, state)?;

        let reader = self.reader.file_source(self.schema.clone());
        let config = FileScanConfigBuilder::new(self.location.url.clone(), reader)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        let plan = self.reader.create_physical_plan(state, config).await?;
        let pinned = Steady::new(store, self.location.url.as_str(), Pins::ordered(verified));
        Ok(read_through(plan, Arc::new(pinned), state))
    }
}

#[cfg(unix)]
fn change(file: &ObjectMeta) -> Change {
    use std::os::unix::fs::MetadataExt;
    let known = std::fs::metadata(shown(&file.location)).ok()?;
    Some((known.ctime(), known.ctime_nsec()))
}

#[cfg(not(unix))]
fn change(_: &ObjectMeta) -> Change {
    None
}

fn store(
    state: &dyn Session,
    location: &Location,
) -> Result<Arc<dyn ObjectStore>, SourceProblemKind> {
    state.runtime_env().object_store(&location.url).map_err(|error| SourceProblemKind::Unreadable {
        file: location.shown.clone(),
        reason: error.strip_backtrace(),
    })
}

/// The store, in which a file is the version that was listed.
fn steady(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    file: &ObjectMeta,
) -> Arc<dyn ObjectStore> {
    Arc::new(Steady::new(Arc::clone(store), location.url.as_str(), Pins::of(file)))
}

/// A scan of Parquet files keeps the store that it is planned with, unlike the others, which find
/// theirs when they run.
fn read_through(
    plan: Arc<dyn ExecutionPlan>,
    store: Arc<dyn ObjectStore>,
    state: &dyn Session,
) -> Arc<dyn ExecutionPlan> {
    let source = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    let Some(config) = source.and_then(|source| source.downcast_ref::<FileScanConfig>()) else {
        return plan;
    };
    let Some(parquet) = config.file_source().downcast_ref::<ParquetSource>() else { return plan };
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let factory = Arc::new(CachedParquetFileReaderFactory::new(store, cache));
    let parquet = parquet.clone().with_parquet_file_reader_factory(factory);
    let config = FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(parquet));
    DataSourceExec::from_data_source(config.build())
}

fn concurrency(state: &dyn Session) -> usize {
    state.config_options().execution.meta_fetch_concurrency.get()
}

/// What others have found out about a file, as DataFusion does, is not what is sure of it.
fn cache_key(file: &ObjectMeta) -> TableScopedPath {
    let table = Some(TableReference::partial("sandbar", "files"));
    TableScopedPath { table, path: file.location.clone() }
}

/// Drops what the runtime's caches hold about a file that is new to us. They compare size and time
/// only, which misses a file that was moved into place with the size and time of the old one.
fn forget(state: &dyn Session, file: &ObjectMeta) {
    let caches = &state.runtime_env().cache_manager;
    caches.get_file_metadata_cache().remove(&file.location);
    if let Some(cache) = caches.get_file_statistic_cache() {
        cache.remove(&cache_key(file));
    }
}

/// The partition columns that are declared twice or that the files have too.
fn repeated(partitions: &Partitions, pinned: &Schema) -> Vec<SourceProblemKind> {
    let fields = partitions.fields();
    let twice = |index: usize, name: &str| fields.iter().skip(index + 1).any(|f| f.name() == name);
    fields
        .iter()
        .enumerate()
        .filter(|(index, field)| {
            pinned.field_with_name(field.name()).is_ok() || twice(*index, field.name())
        })
        .map(|(_, field)| SourceProblemKind::PartitionRepeated { column: field.name().clone() })
        .collect()
}
