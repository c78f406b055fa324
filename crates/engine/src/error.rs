//! What a host, and through it an asker, is told when something does not work.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use sandbar_auth::TokenError;
use sandbar_catalog::Report;
use sandbar_catalog::decode::Problems;
use sandbar_executor::RunError;
use sandbar_query_planner::{ProblemKind, QueryError, QueryProblem};

use crate::declared::{MISDECLARED, UNOPENED};

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The question has no meaning here.
    InvalidQuery,
    /// A name that does not exist, for all the asker may know.
    NotFound,
    /// It exists, and the asker may not query it.
    Denied,
    /// The model has problems.
    InvalidModel,
    /// The policies have problems.
    InvalidPolicy,
    /// There is no valid proof of who asks.
    Unauthenticated,
    /// A limit was met: of rows, time or memory, or of the queries that run
    /// at a time.
    LimitExceeded,
    /// The query was ended before its answer was complete: its asker's rights have changed.
    Cancelled,
    /// A source cannot be opened or read.
    Source,
    /// Something that should not happen.
    Internal,
}

impl ErrorKind {
    /// The name, as house and wire use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidQuery => "InvalidQuery",
            Self::NotFound => "NotFound",
            Self::Denied => "Denied",
            Self::InvalidModel => "InvalidModel",
            Self::InvalidPolicy => "InvalidPolicy",
            Self::Unauthenticated => "Unauthenticated",
            Self::LimitExceeded => "LimitExceeded",
            Self::Cancelled => "Cancelled",
            Self::Source => "Source",
            Self::Internal => "Internal",
        }
    }
}

/// A failure, opaque but for its [kind](Error::kind) and [code](Error::code).
///
/// `Display` is for the asker: it names nothing he may not see and carries no value of the data.
/// `source()` is for the operator and his log, never for the asker.
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    problems: Vec<QueryProblem>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        let (message, problems) = (message.into(), Vec::new());
        Self { kind, code, message, problems, retry_after: None, source: None }
    }

    /// The same, to be tried again after this time.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A stable code, explained in docs/errors.md.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Everything that is wrong with a question, each part with its place; empty for other
    /// failures.
    pub fn problems(&self) -> &[QueryProblem] {
        &self.problems
    }

    /// What to wait before asking again, where the same question may be answered then.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(crate) fn model(report: Report) -> Self {
        Self::report(ErrorKind::InvalidModel, "E0201", report)
    }

    pub(crate) fn policies(report: Report) -> Self {
        Self::report(ErrorKind::InvalidPolicy, "E0202", report)
    }

    /// Cases that policies are to be tested with.
    pub(crate) fn cases(report: Report) -> Self {
        Self::report(ErrorKind::InvalidPolicy, "E0205", report)
    }

    fn report(kind: ErrorKind, code: &'static str, report: Report) -> Self {
        Self::new(kind, code, report.to_string()).with_source(report)
    }

    pub(crate) fn sources(report: Report) -> Self {
        Self::report(ErrorKind::Source, UNOPENED, report)
    }

    pub(crate) fn misdeclared(report: Report) -> Self {
        Self::report(ErrorKind::InvalidModel, MISDECLARED, report)
    }

    /// An answer that we cannot stand behind: said as a refusal, logged as ours.
    pub(crate) fn internal(what: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(ErrorKind::Internal, "E0900", "the question cannot be answered").with_source(what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|s| s.as_ref() as &(dyn StdError + 'static))
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        let QueryError::Problems(problems) = &error else { return Self::internal(error) };
        // A refusal says more than a mistake beside it.
        let rank = |kind: ProblemKind| match kind {
            ProblemKind::Denied => 0,
            ProblemKind::NotFound => 1,
            ProblemKind::Invalid => 2,
        };
        let Some(worst) = problems.iter().min_by_key(|p| rank(p.kind)) else {
            return Self::internal(error);
        };
        let kind = match worst.kind {
            ProblemKind::Denied => ErrorKind::Denied,
            ProblemKind::NotFound => ErrorKind::NotFound,
            ProblemKind::Invalid => ErrorKind::InvalidQuery,
        };
        Self { problems: problems.clone(), ..Self::new(kind, worst.code, error.to_string()) }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        let code = problems.iter().next().map_or("D0000", |p| p.code);
        let list = problems.iter().map(|p| QueryProblem {
            code: p.code,
            kind: ProblemKind::Invalid,
            path: p.path.clone(),
            message: p.to_string(),
        });
        let list: Vec<QueryProblem> = list.collect();
        let message = problems.to_string();
        Self { problems: list, ..Self::new(ErrorKind::InvalidQuery, code, message) }
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        if let RunError::BrokenKey { .. } = &error {
            // Which key it is may be nothing that the asker knows of: the operator is told.
            let message = "the data do not keep to what the model declares of them, so a number \
                           would be counted twice; the operator is told which key it is";
            return Self::new(ErrorKind::Source, "E0306", message).with_source(error);
        }
        let (kind, code) = match &error {
            RunError::Rows(_) => (ErrorKind::LimitExceeded, "E0301"),
            RunError::Bytes(_) => (ErrorKind::LimitExceeded, "E0311"),
            RunError::Time(_) => (ErrorKind::LimitExceeded, "E0302"),
            RunError::Memory(_) => (ErrorKind::LimitExceeded, "E0303"),
            RunError::Computation { .. } => (ErrorKind::InvalidQuery, "E0304"),
            RunError::Source(_) => (ErrorKind::Source, "E0305"),
            RunError::Joined(_) => (ErrorKind::LimitExceeded, "E0309"),
            RunError::Busy { .. } => (ErrorKind::LimitExceeded, "E0307"),
            RunError::Waited { .. } => (ErrorKind::LimitExceeded, "E0310"),
            _ => return Self::internal(error),
        };
        let retry_after = match &error {
            RunError::Busy { retry_after } | RunError::Waited { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        };
        Self { retry_after, ..Self::new(kind, code, error.to_string()).with_source(error) }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        // One text for every reason: a token tells its bearer nothing about why it fails.
        Self::new(ErrorKind::Unauthenticated, "E0101", "the token is not valid").with_source(error)
    }
}
