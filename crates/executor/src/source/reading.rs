//! The schema of one file, as DataFusion's readers see it. A damaged file is an error whatever the
//! readers do with it.

use std::collections::HashSet;
use std::io::Cursor;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use datafusion::catalog::Session;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::{DataFusionError, Result as PlanResult};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::problem::SourceProblemKind;
use super::spec::Format;
use crate::stores::shown;

/// How many rows of a CSV or JSON lines file are read to infer its types.
pub const INFERENCE_ROWS: usize = 10_000;

/// What is said of a file whose reader panics.
pub(super) const DAMAGED: &str = "the file is damaged";

/// What a Parquet file starts and ends with; the length of the footer precedes the end.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// DataFusion's reader of a format.
pub(super) fn reader(format: Format, state: &dyn Session) -> Arc<dyn FileFormat> {
    match format {
        Format::Parquet => {
            let options = state.default_table_options().parquet;
            Arc::new(ParquetFormat::new().with_options(options))
        }
        Format::Csv { header, delimiter } => Arc::new(csv(header, delimiter)),
        Format::JsonLines => {
            Arc::new(JsonFormat::default().with_schema_infer_max_rec(INFERENCE_ROWS))
        }
        Format::Arrow => Arc::new(ArrowFormat),
    }
}

/// The schema of one file.
///
/// # Errors
/// If the file is empty, is not of the format, is damaged where the schema stands, or has two
/// columns of one name.
pub(super) async fn file_schema(
    format: Format,
    reader: &dyn FileFormat,
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
) -> Result<SchemaRef, SourceProblemKind> {
    let empty = || SourceProblemKind::Empty { file: shown(&file.location) };
    let unreadable =
        |reason: String| SourceProblemKind::Unreadable { file: shown(&file.location), reason };
    if file.size == 0 {
        return Err(empty());
    }
    // The readers check little before they compute with what a damaged file says.
    let read = AssertUnwindSafe(read(format, reader, state, store, file)).catch_unwind().await;
    let (schema, names) = read
        .map_err(|_| unreadable(DAMAGED.to_owned()))?
        .map_err(|error| unreadable(error.strip_backtrace()))?;
    if names.is_empty() {
        return Err(empty());
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(column) => Err(SourceProblemKind::RepeatedColumn {
            file: shown(&file.location),
            column: column.clone(),
        }),
        None => Ok(schema),
    }
}

/// The schema and the names of all columns: where DataFusion merges schemas, columns of one name
/// become one.
async fn read(
    format: Format,
    reader: &dyn FileFormat,
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
) -> PlanResult<(SchemaRef, Vec<String>)> {
    let schema = match format {
        Format::Parquet => {
            check_parquet_ends(store, file).await?;
            let schema = reader.infer_schema(state, store, std::slice::from_ref(file)).await?;
            let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
            let metadata = DFParquetMetadata::new(store.as_ref(), file)
                .with_file_metadata_cache(Some(cache))
                .fetch_metadata()
                .await?;
            let columns = metadata.file_metadata().schema_descr().root_schema().get_fields();
            return Ok((schema, columns.iter().map(|c| c.name().to_owned()).collect()));
        }
        Format::Csv { header, delimiter } => {
            let format = csv(header, delimiter);
            let bytes = store.get(&file.location).await?.into_stream();
            let rows = format
                .read_to_delimited_chunks_from_stream(bytes.map_err(DataFusionError::from).boxed());
            let (schema, _) = format.infer_schema_from_stream(state, INFERENCE_ROWS, rows).await?;
            Arc::new(schema)
        }
        Format::JsonLines => reader.infer_schema(state, store, std::slice::from_ref(file)).await?,
        // DataFusion would try what is no file as a stream; a stream has no end to check.
        Format::Arrow => {
            let content = store.get(&file.location).await?;
            match content.payload {
                GetResultPayload::File(file, _) => FileReader::try_new(file, None)?.schema(),
                GetResultPayload::Stream(_) => {
                    let bytes = Cursor::new(content.bytes().await?);
                    FileReader::try_new(bytes, None)?.schema()
                }
            }
        }
    };
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    Ok((schema, names))
}

fn csv(header: bool, delimiter: u8) -> CsvFormat {
    CsvFormat::default()
        .with_has_header(header)
        .with_delimiter(delimiter)
        .with_schema_infer_max_rec(INFERENCE_ROWS)
        // Costs parallel reading within one file; without it a quoted line break could fall
        // between two readers and give wrong rows.
        .with_newlines_in_values(true)
}

/// Whether a Parquet file has both ends and room for its footer.
async fn check_parquet_ends(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> PlanResult<()> {
    let damaged = || DataFusionError::Execution("not a complete Parquet file".to_owned());
    let (head, tail) = (PARQUET_MAGIC.len() as u64, 8);
    if file.size < head + tail {
        return Err(damaged());
    }
    let ends = store.get_ranges(&file.location, &[0..head, file.size - tail..file.size]).await?;
    let [start, end] = ends.as_slice() else { return Err(damaged()) };
    let Some((length, magic)) = end.split_first_chunk::<4>() else { return Err(damaged()) };
    let footer = u64::from(u32::from_le_bytes(*length));
    if start.as_ref() != PARQUET_MAGIC || magic != PARQUET_MAGIC || head + footer + tail > file.size
    {
        return Err(damaged());
    }
    Ok(())
}
