//! What can be wrong with a source: data for the operator. It names paths and columns, so it is
//! never shown to the one who asks.

use std::error::Error;
use std::fmt;

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

/// A source cannot be read as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceProblem {
    /// The name of the source.
    pub source: String,
    /// What is wrong.
    pub kind: SourceProblemKind,
}

/// What is wrong with a source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SourceProblemKind {
    /// A relative path without an absolute folder to start from.
    Relative {
        /// The path as declared.
        path: String,
    },
    /// A URL of no object store that the host has handed over.
    UnsupportedStore {
        /// The path as declared, without what may be a password.
        path: String,
    },
    /// A pattern that cannot be understood.
    BadPattern {
        /// The path as declared.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither a file nor a folder.
    NotFound {
        /// The path that does not exist.
        path: String,
    },
    /// The path is fine but there is no file to read, or no longer.
    NoFiles {
        /// The path.
        path: String,
    },
    /// Folders nest too deep, most likely because a link points back up.
    TooDeep {
        /// The deepest folder that was looked at.
        path: String,
        /// How many levels are followed.
        limit: usize,
    },
    /// A file without a byte, or without a column.
    Empty {
        /// The file.
        file: String,
    },
    /// A file or folder that cannot be read or is not of the declared format.
    Unreadable {
        /// The file or folder.
        file: String,
        /// What the reader says.
        reason: String,
    },
    /// What gives access to it panicked.
    Panicked,
    /// Two columns of a file have the same name.
    RepeatedColumn {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A column has another type than in the other files.
    Disagrees {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The type in the other files.
        expected: DataType,
        /// The type in this file.
        found: DataType,
    },
    /// A file lacks a column that the other files have.
    ColumnMissing {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// A file has a column that the other files lack.
    ColumnUnknown {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// The columns are the right ones, but in another order, in a format that goes by position.
    ColumnOrder {
        /// The file.
        file: String,
        /// The column that should stand there.
        expected: String,
        /// The column that stands there.
        found: String,
        /// The position, from 1.
        position: usize,
    },
    /// A file lies in no folder that gives the value of a partition column.
    PartitionMissing {
        /// The file.
        file: String,
        /// The partition column.
        column: String,
    },
    /// A folder's value is not of the type of its partition column.
    PartitionValue {
        /// The file.
        file: String,
        /// The partition column.
        column: String,
        /// The type of the partition column.
        expected: DataType,
    },
    /// A partition column is declared twice or stands in the files too.
    PartitionRepeated {
        /// The partition column.
        column: String,
    },
    /// A batch has another number of columns than the schema.
    BatchWidth {
        /// The batch, from 0.
        batch: usize,
        /// The number of columns of the schema.
        expected: usize,
        /// The number of columns of the batch.
        found: usize,
    },
    /// A batch has another column than the schema at some position.
    BatchColumn {
        /// The batch, from 0.
        batch: usize,
        /// The column of the schema.
        expected: String,
        /// The column of the batch.
        found: String,
    },
    /// A column of a batch has another type than the schema says.
    BatchType {
        /// The batch, from 0.
        batch: usize,
        /// The column.
        column: String,
        /// The type of the schema.
        expected: DataType,
        /// The type of the batch.
        found: DataType,
    },
    /// A batch holds a null where the schema excludes it.
    BatchNull {
        /// The batch, from 0.
        batch: usize,
        /// The column.
        column: String,
    },
}

impl SourceProblem {
    pub(super) fn new(source: &str, kind: SourceProblemKind) -> Self {
        Self { source: source.to_owned(), kind }
    }

    /// The problem that made a plan or a query fail, if it was the fault of a source.
    pub fn behind(error: &DataFusionError) -> Option<&Self> {
        let mut error: &(dyn Error + 'static) = error;
        loop {
            if let Some(problem) = error.downcast_ref() {
                return Some(problem);
            }
            error = error.source()?;
        }
    }
}

impl From<SourceProblem> for DataFusionError {
    fn from(problem: SourceProblem) -> Self {
        Self::External(Box::new(problem))
    }
}

impl Error for SourceProblem {}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source `{}`: {}", self.source, self.kind)
    }
}

impl fmt::Display for SourceProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative { path } => {
                write!(f, "`{path}` is relative: write an absolute path or give an absolute base")
            }
            Self::UnsupportedStore { path } => {
                write!(
                    f,
                    "`{path}` is a URL of no object store that is known: write a path of the local file system, or let the host hand the store over under its scheme and name"
                )
            }
            Self::BadPattern { path, reason } => {
                write!(
                    f,
                    "`{path}` is no pattern ({reason}): write `**` as a name of its own, close each `[` and leave out `..`"
                )
            }
            Self::NotFound { path } => {
                write!(f, "`{path}` does not exist: correct the path or create it")
            }
            Self::NoFiles { path } => {
                write!(
                    f,
                    "`{path}` holds no file to read: check the path and the extensions, or add a file"
                )
            }
            Self::TooDeep { path, limit } => write!(
                f,
                "`{path}` lies more than {limit} folders deep: remove a link that points back up or name the folder below"
            ),
            Self::Empty { file } => {
                write!(f, "file `{file}` is empty: remove it or write it again")
            }
            Self::Unreadable { file, reason } => {
                write!(
                    f,
                    "`{file}` cannot be read ({reason}): check its format and rights, or write it again"
                )
            }
            Self::Panicked => {
                write!(f, "what opens it panicked: see to the store that it is in")
            }
            Self::RepeatedColumn { file, column } => {
                write!(f, "file `{file}` has two columns `{column}`: rename one")
            }
            Self::Disagrees { file, column, expected, found } => write!(
                f,
                "file `{file}` has column `{column}` as {found} where the source has {expected}: write it with the same type or move it to a source of its own"
            ),
            Self::ColumnMissing { file, column } => {
                write!(
                    f,
                    "file `{file}` lacks column `{column}` of the other files: write it with that column"
                )
            }
            Self::ColumnUnknown { file, column } => write!(
                f,
                "file `{file}` has column `{column}` that the other files lack: write it without, or all files with it and open the source again"
            ),
            Self::ColumnOrder { file, expected, found, position } => write!(
                f,
                "file `{file}` has column `{found}` at position {position} where the other files have `{expected}`: write the columns in the same order"
            ),
            Self::PartitionMissing { file, column } => {
                write!(
                    f,
                    "file `{file}` lies in no folder `{column}=…`: move it into one per partition column, in the declared order"
                )
            }
            Self::PartitionValue { file, column, expected } => {
                write!(
                    f,
                    "the folder `{column}=…` of file `{file}` does not give a value of type {expected}: rename the folder or declare another type"
                )
            }
            Self::PartitionRepeated { column } => {
                write!(
                    f,
                    "partition column `{column}` is declared twice or stands in the files too: rename or remove one"
                )
            }
            Self::BatchWidth { batch, expected, found } => {
                write!(
                    f,
                    "batch {batch} has {found} columns and the schema {expected}: give it the columns of the schema"
                )
            }
            Self::BatchColumn { batch, expected, found } => {
                write!(
                    f,
                    "batch {batch} has column `{found}` where the schema has `{expected}`: give it the columns of the schema, in order"
                )
            }
            Self::BatchType { batch, column, expected, found } => {
                write!(
                    f,
                    "batch {batch} has column `{column}` as {found} where the schema has {expected}: cast it first"
                )
            }
            Self::BatchNull { batch, column } => {
                write!(
                    f,
                    "batch {batch} has a null in column `{column}`: declare the column nullable in the schema"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use super::*;

    fn problem() -> SourceProblem {
        SourceProblem::new("orders", SourceProblemKind::NoFiles { path: "/data".into() })
    }

    #[test]
    fn found_behind_wrappers() {
        let plain = DataFusionError::from(problem());
        let wrapped = DataFusionError::Shared(Arc::new(plain.context("while planning")));
        assert_eq!(SourceProblem::behind(&wrapped), Some(&problem()));
        assert_eq!(SourceProblem::behind(&DataFusionError::Plan("x".into())), None);
    }

    #[test]
    fn names_source_and_remedy() {
        let text = problem().to_string();
        assert!(text.starts_with("source `orders`: `/data` holds no file"), "{text}");
    }
}
