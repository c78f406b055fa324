//! What the footers of Parquet files say of their values, as far as it can be relied on.
//!
//! DataFusion leaves out files, row groups and pages by the least and greatest values and the counts
//! of missing ones that stand there, and takes a column whose bounds are equal for a constant. It
//! takes what a footer does not say for no, and the bounds of some row groups for those of the file
//! (apache/datafusion#25226). What is not sure is taken out of a footer before it is used.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::Statistics;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileScanConfig, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{parquet_column, parquet_to_arrow_schema};
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics as Written;

/// Whose statistics of whole files a scan goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfFiles {
    /// They are those of [`statistics`].
    Reliable,
    /// They come from elsewhere, and are estimates.
    Doubted,
}

/// The plan with its Parquet files read by footers that can be relied on.
pub(crate) fn relied_on(
    plan: Arc<dyn ExecutionPlan>,
    of_files: OfFiles,
    state: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let rewrite = |node: Arc<dyn ExecutionPlan>| {
        let scan = node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
        let config = scan.and_then(|scan| scan.downcast_ref::<FileScanConfig>());
        let Some(config) = config else { return Ok(Transformed::no(node)) };
        let Some(source) = config.file_source().downcast_ref::<ParquetSource>() else {
            return Ok(Transformed::no(node));
        };
        let inner = match source.parquet_file_reader_factory() {
            Some(factory) => Arc::clone(factory),
            None => {
                let store = state.runtime_env().object_store(&config.object_store_url)?;
                Arc::new(DefaultParquetFileReaderFactory::new(store))
            }
        };
        let source = source.clone().with_parquet_file_reader_factory(Arc::new(Footers(inner)));
        let mut groups = config.file_groups.clone();
        if of_files == OfFiles::Doubted {
            for group in &mut groups {
                let files = std::mem::take(group).into_inner();
                *group = files.into_iter().map(doubted).collect::<Vec<_>>().into();
            }
        }
        let config = FileScanConfigBuilder::from(config.clone())
            .with_file_groups(groups)
            .with_source(Arc::new(source))
            .build();
        let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        Ok(Transformed::yes(scan))
    };
    Ok(plan.transform_up(rewrite)?.data)
}

fn doubted(mut file: PartitionedFile) -> PartitionedFile {
    file.statistics = file.statistics.map(|known| {
        let mut known = Arc::unwrap_or_clone(known);
        let columns = known.column_statistics.into_iter();
        known.column_statistics = columns.map(|column| column.to_inexact()).collect();
        Arc::new(known)
    });
    file
}

/// The statistics of a file by its footer. Those that are exact are.
pub(crate) fn statistics(
    metadata: &Arc<ParquetMetaData>,
    schema: &SchemaRef,
) -> Result<Statistics> {
    let metadata = reliable(metadata)?;
    let mut found = DFParquetMetadata::statistics_from_parquet_metadata(&metadata, schema)?;
    let file = metadata.file_metadata();
    let stored = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    for (field, known) in schema.fields().iter().zip(&mut found.column_statistics) {
        let sure = parquet_column(file.schema_descr(), &stored, field.name())
            .is_some_and(|(leaf, _)| is_sure(&metadata, leaf));
        if !sure {
            *known = std::mem::take(known).to_inexact();
        }
    }
    Ok(found)
}

/// Whether the statistics of the row groups are those of the file. NaN are no part of bounds.
fn is_sure(metadata: &ParquetMetaData, leaf: usize) -> bool {
    metadata.row_groups().iter().filter(|group| group.num_rows() > 0).all(|group| {
        let Some(column) = group.columns().get(leaf) else { return false };
        let Some(known) = column.statistics() else { return false };
        let all_missing = known.null_count_opt().map(i64::try_from) == Some(Ok(group.num_rows()));
        let bounded = known.min_bytes_opt().is_some() && known.max_bytes_opt().is_some();
        !is_float(column) && (bounded || all_missing)
    })
}

/// The footer without statistics that cannot be relied on.
fn reliable(metadata: &Arc<ParquetMetaData>) -> ParquetResult<Arc<ParquetMetaData>> {
    let careful = is_careful(metadata);
    let columns = || metadata.row_groups().iter().flat_map(|group| group.columns());
    if columns().all(|column| is_reliable(column, careful) && (careful || !is_float(column))) {
        return Ok(Arc::clone(metadata));
    }
    let mut builder = metadata.as_ref().clone().into_builder();
    let mut groups = builder.take_row_groups();
    for column in groups.iter_mut().flat_map(|group| group.columns_mut()) {
        let mut kept = column.clone().into_builder();
        if !is_reliable(column, careful) {
            kept = kept.clear_statistics();
        }
        if !careful && is_float(column) {
            // The bounds of its pages are not read yet, and may be NaN.
            kept = kept.set_column_index_offset(None).set_column_index_length(None);
        }
        *column = kept.build()?;
    }
    let mut pages = builder.take_column_index();
    for (group, pages) in groups.iter().zip(pages.iter_mut().flatten()) {
        for (column, pages) in group.columns().iter().zip(pages) {
            if !careful && is_float(column) {
                *pages = ColumnIndexMetaData::NONE;
            }
        }
    }
    Ok(Arc::new(builder.set_row_groups(groups).set_column_index(pages).build()))
}

/// Whether the file is written by the Parquet crate of Arrow, which leaves NaN out of bounds, and
/// once said nothing where no value is missing.
fn is_careful(metadata: &ParquetMetaData) -> bool {
    let by = metadata.file_metadata().created_by();
    by.is_some_and(|by| by.starts_with("parquet-rs"))
}

/// Whether what is said of a column's values is so.
fn is_reliable(column: &ColumnChunkMetaData, careful: bool) -> bool {
    let Some(known) = column.statistics() else { return true };
    let is_required = column.column_descr().max_def_level() == 0;
    let counts = careful || is_required || known.null_count_opt().is_some();
    // The oldest bounds are those of signed bytes.
    let ordered = !known.is_min_max_deprecated() || is_signed(column);
    counts && ordered && !has_nan(column, known)
}

fn is_signed(column: &ColumnChunkMetaData) -> bool {
    let unsigned = matches!(
        column.column_descr().converted_type(),
        ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64
    );
    match column.column_type() {
        Type::BOOLEAN | Type::FLOAT | Type::DOUBLE => true,
        Type::INT32 | Type::INT64 => !unsigned,
        Type::INT96 | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => false,
    }
}

fn is_half(column: &ColumnChunkMetaData) -> bool {
    matches!(column.column_descr().logical_type_ref(), Some(LogicalType::Float16))
}

fn is_float(column: &ColumnChunkMetaData) -> bool {
    matches!(column.column_type(), Type::FLOAT | Type::DOUBLE) || is_half(column)
}

fn has_nan(column: &ColumnChunkMetaData, known: &Written) -> bool {
    match known {
        Written::Float(known) => {
            known.min_opt().into_iter().chain(known.max_opt()).any(|bound| bound.is_nan())
        }
        Written::Double(known) => {
            known.min_opt().into_iter().chain(known.max_opt()).any(|bound| bound.is_nan())
        }
        // All bits of the exponent, and one of the fraction.
        Written::FixedLenByteArray(_) if is_half(column) => {
            let bounds = known.min_bytes_opt().into_iter().chain(known.max_bytes_opt());
            let bits = bounds.map(|bound| match bound {
                [low, high] => u16::from_le_bytes([*low, *high]),
                _ => u16::MAX,
            });
            bits.into_iter().any(|bits| bits & 0x7fff > 0x7c00)
        }
        _ => false,
    }
}

/// Readers of files whose footers can be relied on.
#[derive(Debug)]
struct Footers(Arc<dyn ParquetFileReaderFactory>);

impl ParquetFileReaderFactory for Footers {
    fn create_reader(
        &self,
        partition_index: usize,
        partitioned_file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let inner =
            self.0.create_reader(partition_index, partitioned_file, metadata_size_hint, metrics)?;
        Ok(Box::new(Reader(inner)))
    }
}

struct Reader(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move { reliable(&self.0.get_metadata(options).await?) }.boxed()
    }
}
