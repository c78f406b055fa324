//! Why a query stopped. No variant that an asker is shown carries a value of the data.

use std::time::Duration;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use sandbar_query_planner::ComputationError;

use crate::source::SourceProblem;

/// Why a query stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The optimised plan could not be proven to keep the policies; a stronger shield may help.
    #[error("the optimised plan is refused: {0}")]
    Unproven(String),
    /// The answer has more rows than allowed.
    #[error("the answer has more than {0} rows")]
    Rows(u64),
    /// The values of the answer are more bytes than allowed.
    #[error("the answer has more than {0} bytes")]
    Bytes(u64),
    /// The query took longer than allowed.
    #[error("the query took longer than {0:?}")]
    Time(Duration),
    /// The query needs more memory than allowed.
    #[error("the query needs more memory than allowed")]
    Memory(#[source] DataFusionError),
    /// A calculation has no answer.
    #[error("a calculation failed: {what}")]
    Computation {
        /// What happened, without any value.
        what: &'static str,
        /// What DataFusion says, which may carry values: for the operator only.
        #[source]
        cause: DataFusionError,
    },
    /// Two rows of a table have a key that the model declares to be unique.
    #[error("two rows of `{table}` have the same {columns}, which the model declares to be a key")]
    BrokenKey {
        /// The source.
        table: String,
        /// The columns of the key.
        columns: String,
    },
    /// A source cannot be read.
    #[error("a source cannot be read")]
    Source(#[source] DataFusionError),
    /// Something that should not happen.
    #[error("internal error")]
    Internal(#[source] DataFusionError),
    /// The query panicked.
    #[error("the query panicked")]
    Panicked,
    /// The joins of the query give more rows than allowed.
    #[error("the query joins more than {0} rows")]
    Joined(u64),
    /// The turn of the query did not come in time.
    #[error("the query waited {limit:?} for its turn: {}", why(*own))]
    Waited {
        /// How long it had.
        limit: Duration,
        /// How many queries of its asker are under way, where that is as many as may be.
        own: Option<usize>,
        /// What to wait before the next try.
        retry_after: Duration,
    },
    /// Too many queries run and wait.
    #[error("too many queries are running; ask again in a moment")]
    Busy {
        /// What to wait before the next try.
        retry_after: Duration,
    },
}

impl RunError {
    /// Sorts an error of DataFusion by what it means for the asker.
    pub(crate) fn from_datafusion(error: DataFusionError) -> Self {
        if let Some(own) = behind(&error) {
            return own;
        }
        if SourceProblem::behind(&error).is_some() {
            return Self::Source(error);
        }
        if let Some(what) = computation(&error) {
            return Self::Computation { what, cause: error };
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory(error),
            root if is_full(root) => Self::Memory(error),
            DataFusionError::ObjectStore(_)
            | DataFusionError::ParquetError(_)
            | DataFusionError::IoError(_) => Self::Source(error),
            DataFusionError::ArrowError(arrow, _)
                if matches!(
                    **arrow,
                    ArrowError::IoError(..)
                        | ArrowError::CsvError(_)
                        | ArrowError::JsonError(_)
                        | ArrowError::ParquetError(_)
                        | ArrowError::IpcError(_)
                        | ArrowError::ParseError(_)
                        | ArrowError::ExternalError(_)
                ) =>
            {
                Self::Source(error)
            }
            _ => Self::Internal(error),
        }
    }
}

/// Why a turn does not come, as far as it is the asker's to know.
fn why(own: Option<usize>) -> String {
    match own {
        Some(own) => format!(
            "as many of the same principal are under way as may be, which is {own}; an answer that \
             is neither read to its end nor dropped keeps its place"
        ),
        None => "too many queries are running; ask again in a moment".to_owned(),
    }
}

/// Whether more would be put on disk than may: DataFusion says so with a text only.
fn is_full(root: &DataFusionError) -> bool {
    let full = |text: &str| text.contains("used disk space during the spilling process");
    match root {
        DataFusionError::IoError(io) => full(&io.to_string()),
        DataFusionError::ArrowError(arrow, _) => {
            matches!(&**arrow, ArrowError::IoError(text, io) if full(text) || full(&io.to_string()))
        }
        _ => false,
    }
}

/// What we said ourselves inside of a plan.
fn behind(error: &DataFusionError) -> Option<RunError> {
    let DataFusionError::External(inner) = error.find_root() else { return None };
    match inner.downcast_ref::<RunError>()? {
        RunError::Joined(limit) => Some(RunError::Joined(*limit)),
        RunError::Time(limit) => Some(RunError::Time(*limit)),
        _ => None,
    }
}

/// What is said of any calculation that fails.
pub(crate) const ANY_FAILURE: &str = "a number is too large or divided by zero, a value cannot be \
                                      converted, or there are too many periods";

fn computation(error: &DataFusionError) -> Option<&'static str> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(known) = current.downcast_ref::<ComputationError>() {
            return Some(match known {
                ComputationError::Overflow => "a number is too large",
                ComputationError::DivisionByZero => "a whole number is divided by zero",
                ComputationError::TooManyPeriods => {
                    "there are too many periods between the first day and the last"
                }
            });
        }
        if let Some(arrow) = current.downcast_ref::<ArrowError>() {
            match arrow {
                ArrowError::DivideByZero => return Some("a number is divided by zero"),
                ArrowError::ArithmeticOverflow(_) => return Some("a number is too large"),
                ArrowError::CastError(_) => {
                    return Some("a value cannot be converted to the type that is wanted");
                }
                // A reader of files says `Error while parsing value` instead.
                ArrowError::ParseError(text) if text.starts_with("Error parsing") => {
                    return Some("a value cannot be converted to the type that is wanted");
                }
                ArrowError::InvalidArgumentError(text)
                    if text.contains("too large to store")
                        || text.contains("too small to store") =>
                {
                    return Some("a number is too large");
                }
                _ => {}
            }
        }
        if let Some(DataFusionError::Execution(text)) = current.downcast_ref()
            && (text.contains("negative count not allowed")
                || text.contains("start position overflow"))
        {
            return Some("a part of a text has a negative length or no start");
        }
        next = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::ArrowError(inner, _)) => Some(inner.as_ref()),
            _ => current.source(),
        };
    }
    None
}
