//! What the host or the model says to read. Nothing here is opened or checked yet.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;

/// One source, as it is declared.
#[derive(Clone, Debug)]
pub enum SourceSpec {
    /// Files of one format: one file, a folder, or all that match a pattern.
    Files(FilesSpec),
    /// Rows that the host holds in memory.
    Batches {
        /// The schema of every batch; a batch may only be stricter about nulls.
        schema: SchemaRef,
        /// The rows; may be empty.
        batches: Vec<RecordBatch>,
    },
    /// A table of the host's own making. Its schema is taken at opening and must not change.
    Provider(Arc<dyn TableProvider>),
}

/// Files on the local file system.
#[derive(Clone, Debug)]
pub struct FilesSpec {
    /// How the files are written.
    pub format: Format,
    /// A file, a folder or a pattern, absolute or relative to `base`.
    ///
    /// A folder stands for all files below it, at any depth, that have one of the format's
    /// extensions. A pattern (`*`, `?`, `[..]` within a name, `**` for any number of folders)
    /// stands for exactly the files it matches, whatever their extension. Names that start with
    /// `.` or `_` are skipped below the folder and in patterns, except for folders such as
    /// `_year=2024`.
    pub path: String,
    /// The absolute folder that a relative `path` starts from.
    pub base: Option<PathBuf>,
    /// The columns whose values stand in folder names (`year=2024/month=1`), outermost first. Each
    /// file must lie below one such folder per column; they become the last columns of the source.
    pub partitions: Vec<(String, DataType)>,
}

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet (`.parquet`). Columns are found by name.
    Parquet,
    /// Separated values in UTF-8 (`.csv`, `.tsv`). Columns are found by position; types are
    /// inferred from the first [`INFERENCE_ROWS`](super::INFERENCE_ROWS) rows of each file.
    Csv {
        /// Whether the first row holds the column names; without it they are `column_1` and so on.
        header: bool,
        /// The byte between two values.
        delimiter: u8,
    },
    /// One JSON object per line (`.jsonl`, `.ndjson`, `.json`). Columns are found by name; types
    /// are inferred from the first [`INFERENCE_ROWS`](super::INFERENCE_ROWS) rows of each file.
    JsonLines,
    /// Arrow IPC files (`.arrow`, `.feather`, `.ipc`), not streams. Columns are found by position.
    Arrow,
}

impl Format {
    /// The extensions that a file of a folder may have, without the dot and in lower case.
    pub(super) fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Parquet => &["parquet"],
            Self::Csv { .. } => &["csv", "tsv"],
            Self::JsonLines => &["jsonl", "ndjson", "json"],
            Self::Arrow => &["arrow", "feather", "ipc"],
        }
    }
}
