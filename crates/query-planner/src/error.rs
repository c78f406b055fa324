//! What is wrong with a question: all of it at once, each with a place and a code.

use std::fmt;

/// What kind of no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A name that does not exist, for all the asker may know.
    NotFound,
    /// A question that has no meaning here.
    Invalid,
    /// It exists, and the asker may not query it.
    Denied,
}

/// One thing that is wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryProblem {
    /// A stable code, explained in docs/errors.md.
    pub code: &'static str,
    /// What kind of no it is.
    pub kind: ProblemKind,
    /// The JSON path of the part that is wrong; empty for the question as a whole.
    pub path: String,
    /// What is wrong and what would be right, for the asker.
    pub message: String,
}

impl fmt::Display for QueryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " (at `{}`)", self.path) }
    }
}

/// Why a question is not planned.
#[derive(Debug)]
pub enum QueryError {
    /// The asker can mend it: never empty.
    Problems(Vec<QueryProblem>),
    /// We cannot: a rule of the house is broken or DataFusion refused. Answered as denied.
    Internal(String),
}

impl QueryError {
    pub(crate) fn internal(what: impl fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    let comma = if index > 0 { "; " } else { "" };
                    write!(f, "{comma}{problem}")?;
                }
                Ok(())
            }
            Self::Internal(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for QueryError {}

impl From<datafusion_common::DataFusionError> for QueryError {
    fn from(error: datafusion_common::DataFusionError) -> Self {
        Self::internal(error)
    }
}
