//! The record of a call: who asked, what was decided, how it ended.

use std::time::Duration;

use sandbar_permissions::Purpose;

use crate::error::ErrorKind;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Rows.
    Query,
    /// The values of a field.
    FieldValues,
    /// Whether a question can be asked.
    Construct,
    /// How a question would be answered.
    Explain,
    /// The tables there are.
    Tables,
    /// The metrics there are.
    Metrics,
    /// What a table is.
    DescribeTable,
    /// What a metric is.
    DescribeMetric,
    /// What fits some words.
    Search,
    /// How somebody's question is answered, asked by an administrator.
    ExplainAs,
    /// What policies leave open.
    PolicyCoverage,
    /// What a change of policies gives or takes.
    PolicyDiff,
    /// A test of policies as a whole; each of its cases is a call of its own.
    PolicyTest,
    /// One case of a test of policies: a question as somebody.
    PolicyCase,
    /// A session for the bearer of a token.
    Authenticate,
    /// Another model and other policies.
    Reload,
}

impl Action {
    /// Whether it tells its own asker rows of the data; what an administrator looks at as somebody
    /// is not told to him.
    pub(crate) fn is_told_rows(self) -> bool {
        matches!(self, Self::Query | Self::FieldValues)
    }

    /// The name, as spans and logs use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FieldValues => "field_values",
            Self::Construct => "construct",
            Self::Explain => "explain",
            Self::Tables => "tables",
            Self::Metrics => "metrics",
            Self::DescribeTable => "describe_table",
            Self::DescribeMetric => "describe_metric",
            Self::Search => "search",
            Self::ExplainAs => "explain_as",
            Self::PolicyCoverage => "policy_coverage",
            Self::PolicyDiff => "policy_diff",
            Self::PolicyTest => "policy_test",
            Self::PolicyCase => "policy_case",
            Self::Authenticate => "authenticate",
            Self::Reload => "reload",
        }
    }
}

impl Action {
    /// What rights are asked for.
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::FieldValues => Purpose::Values,
            Self::Construct => Purpose::Construction,
            Self::Explain | Self::ExplainAs => Purpose::Explanation,
            Self::Tables | Self::DescribeTable => Purpose::Tables,
            Self::Metrics | Self::DescribeMetric => Purpose::Metrics,
            Self::Search => Purpose::Search,
            Self::Query
            | Self::PolicyCoverage
            | Self::PolicyDiff
            | Self::PolicyTest
            | Self::PolicyCase
            | Self::Authenticate
            | Self::Reload => Purpose::Answer,
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecisionOutcome {
    /// All rows were given, or as many as allowed.
    Answered,
    /// An error of this kind, with its code.
    Failed(ErrorKind, &'static str),
    /// The asker went away.
    Cancelled,
}

impl DecisionOutcome {
    /// The name, as spans and logs use it: of a failure that of its kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "Answered",
            Self::Failed(kind, _) => kind.name(),
            Self::Cancelled => "Cancelled",
        }
    }
}

/// The record of a call. It holds no literal of the question and no value of the data; of a token
/// that is refused, nothing at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decision {
    /// Who asked. Of [`Action::ExplainAs`] and [`Action::PolicyCase`] whose question it would be:
    /// the administrator is the host's to know. `None` where nobody is: a token was refused, the
    /// host reloads, or policies are looked at as a whole.
    pub subject: Option<String>,
    /// The id of the token that said so (`jti`), where there is one.
    pub token: Option<String>,
    /// What was asked for.
    pub action: Action,
    /// The snapshot that was seen; of a reload the one that was made, if one was.
    pub snapshot: u64,
    /// The digest of the rights that applied; `None` where none were looked at. What stands below
    /// it, up to `definers`, is known of a question that has a plan.
    pub effective_policy: Option<[u8; 32]>,
    /// Whether anything that was read was narrowed: rows left out, values masked, or what is of few
    /// rows not told.
    pub scoped: bool,
    /// The names of the policies over what was read that concern the asker, whether each of them
    /// takes or shows anything or not.
    pub policies: Vec<String>,
    /// The fields that were read masked, if only in some rows, as `table.field`.
    pub masked: Vec<String>,
    /// The metrics asked for, directly or by others, that read fields with their authors' rights.
    pub definers: Vec<String>,
    /// Whether the answer was one that was kept ([`EngineBuilder::keep_answers`]).
    ///
    /// [`EngineBuilder::keep_answers`]: crate::EngineBuilder::keep_answers
    pub kept: bool,
    /// How many rows were given.
    pub rows: u64,
    /// From the call to its turn among others.
    pub waited: Duration,
    /// From its turn to a plan that is proven; zero where nothing is planned, or the plan failed.
    pub planning: Duration,
    /// From the call to the end of the answer: what is neither waited nor planning is running, and
    /// the time that the asker takes for the rows.
    pub duration: Duration,
    /// How it ended.
    pub outcome: DecisionOutcome,
}

/// Is told of every call when it ends.
pub trait DecisionSink: Send + Sync {
    /// Takes a record. It is called on the task that ends the call, so it should be quick.
    fn record(&self, decision: &Decision);
}

impl<F: Fn(&Decision) + Send + Sync> DecisionSink for F {
    fn record(&self, decision: &Decision) {
        self(decision);
    }
}
