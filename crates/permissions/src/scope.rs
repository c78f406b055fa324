//! What a token may be used for. A scope takes away from what policies give, by the name of what a
//! question is about: what a number is made of, and what it is grouped and narrowed by, needs
//! policies only.

use sandbar_catalog::{MetricId, TableId};

use crate::grants::{Grants, Refusal};
use crate::level::Level;

/// What grants are asked for. A token that names its uses has to name this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To answer a question.
    Answer,
    /// To answer a question that is asked in full.
    Question,
    /// To answer a question that was made before.
    Execution,
    /// To make a question, and answer it later.
    Construction,
    /// To tell how a question would be answered.
    Explanation,
    /// To list the values of a field.
    Values,
    /// To list the values of a field that a metric can be grouped by. Who may be told of the
    /// metric is asked first; its table then needs policies only.
    MetricValues,
    /// To list what there is in all.
    Databases,
    /// To list or describe tables.
    Tables,
    /// To list or describe metrics.
    Metrics,
    /// To search.
    Search,
    /// To resolve what a model asks, which is nobody's own question.
    Model,
}

const SEARCH: &str = "agent:search";
const READ_TABLE: &str = "agent:table:read";
const READ_METRIC: &str = "agent:metric:read";
const READ_DATABASE: &str = "agent:database:read";
const QUERY: &str = "agent:query";
const CONSTRUCT: &str = "agent:query:construct";
const EXECUTE: &str = "agent:query:execute";

impl Purpose {
    /// The uses of which one is needed.
    fn uses(self) -> &'static [&'static str] {
        match self {
            Self::Answer => &[QUERY, EXECUTE],
            Self::Question => &[QUERY],
            Self::Execution => &[EXECUTE],
            Self::Construction => &[CONSTRUCT],
            Self::Explanation => &[QUERY, EXECUTE, CONSTRUCT],
            Self::Values => &[READ_TABLE, QUERY, EXECUTE],
            Self::MetricValues => &[READ_METRIC],
            Self::Databases => &[READ_DATABASE],
            Self::Tables => &[READ_TABLE],
            Self::Metrics => &[READ_METRIC],
            Self::Search => &[SEARCH],
            Self::Model => &[],
        }
    }

    /// The use to ask for.
    pub fn needs(self) -> &'static str {
        self.uses().first().copied().unwrap_or(QUERY)
    }

    pub(crate) fn name(self) -> &'static [u8] {
        match self {
            Self::Answer => b"answer",
            Self::Question => b"question",
            Self::Execution => b"execution",
            Self::Construction => b"construction",
            Self::Explanation => b"explanation",
            Self::Values => b"values",
            Self::MetricValues => b"metric values",
            Self::Databases => b"databases",
            Self::Tables => b"tables",
            Self::Metrics => b"metrics",
            Self::Search => b"search",
            Self::Model => b"model",
        }
    }
}

/// What a scope names.
#[derive(Clone, Copy)]
enum Named<'n> {
    Table(&'n str),
    Metric(&'n str),
}

impl Grants {
    /// Whether the token may be used for this at all, if only for some tables or metrics.
    pub fn may_be_used(&self) -> bool {
        let Some(scopes) = self.scopes() else { return true };
        let touched = |wanted: &&str| match *wanted {
            // `agent:query:execute` is a use of its own.
            QUERY => {
                let kinds = ["agent:query:table", "agent:query:metric"];
                scopes.cover(QUERY) || kinds.iter().any(|kind| scopes.touch(kind))
            }
            other => scopes.touch(other),
        };
        self.purpose.uses().iter().any(touched)
    }

    /// How far a table may be asked about: what policies give, and no further than the scope of
    /// the token.
    pub fn asked_table_level(&self, table: TableId) -> Level {
        let level = self.table_level(table);
        level.min(self.within_scope(Named::Table(&self.snapshot().table(table).name)))
    }

    /// How far a metric may be asked about: what policies give, and no further than the scope of
    /// the token.
    pub fn asked_metric_level(&self, metric: MetricId) -> Level {
        let level = self.metric_level(metric);
        level.min(self.within_scope(Named::Metric(&self.snapshot().metric(metric).name)))
    }

    /// Whether and why not a question may be about a table.
    pub(crate) fn may_ask_table(&self, table: TableId) -> Result<(), Refusal> {
        let scope = self.within_scope(Named::Table(&self.snapshot().table(table).name));
        within(scope, || self.may_query(table))
    }

    /// Whether and why not a question may be about a metric.
    pub(crate) fn may_ask_metric(&self, metric: MetricId) -> Result<(), Refusal> {
        let scope = self.within_scope(Named::Metric(&self.snapshot().metric(metric).name));
        within(scope, || self.may_ask(metric))
    }

    fn within_scope(&self, named: Named<'_>) -> Level {
        let Some(scopes) = self.scopes() else { return Level::Query };
        let any = |uses: &[&str]| uses.iter().any(|wanted| self.covers(wanted, named));
        let read = match named {
            Named::Table(_) => READ_TABLE,
            Named::Metric(_) => READ_METRIC,
        };
        match self.purpose {
            Purpose::Model => Level::Query,
            Purpose::MetricValues => match named {
                // The metric was asked for; this is its table.
                Named::Table(_) => Level::Query,
                Named::Metric(_) if any(self.purpose.uses()) => Level::Query,
                Named::Metric(_) => Level::None,
            },
            Purpose::Answer
            | Purpose::Question
            | Purpose::Execution
            | Purpose::Construction
            | Purpose::Explanation
            | Purpose::Values => {
                if any(self.purpose.uses()) {
                    Level::Query
                } else if any(&[read]) {
                    Level::Describe
                } else {
                    Level::None
                }
            }
            Purpose::Tables | Purpose::Metrics | Purpose::Search | Purpose::Databases => {
                let listing = match (self.purpose, named) {
                    // Metrics are shown with their table, unless the token says which may be read.
                    (Purpose::Tables, Named::Metric(_)) if scopes.touch(READ_METRIC) => {
                        &[READ_METRIC]
                    }
                    (purpose, _) => purpose.uses(),
                };
                if !any(listing) {
                    Level::None
                } else if any(&[QUERY, EXECUTE]) {
                    Level::Query
                } else {
                    Level::Describe
                }
            }
        }
    }

    /// Whether a use is covered for everything, for everything of the kind, or by name.
    fn covers(&self, wanted: &str, named: Named<'_>) -> bool {
        let Some(scopes) = self.scopes() else { return true };
        if scopes.cover(wanted) {
            return true;
        }
        let (kind, name) = match named {
            Named::Table(name) => ("table", name),
            Named::Metric(name) => ("metric", name),
        };
        match (wanted, named) {
            (READ_TABLE, Named::Table(_)) | (READ_METRIC, Named::Metric(_)) => {
                scopes.cover(&format!("{wanted}:{name}"))
            }
            (READ_TABLE | READ_METRIC, _) => false,
            _ => {
                let kind = format!("{wanted}:{kind}");
                scopes.cover(&kind) || scopes.cover(&format!("{kind}:{name}"))
            }
        }
    }

    fn scopes(&self) -> Option<&sandbar_auth::Scopes> {
        self.principal.as_ref()?.scopes()
    }
}

/// What lies outside of the scope is absent, whatever policies say of it.
fn within(scope: Level, policies: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
    match scope {
        Level::None => Err(Refusal::Absent),
        Level::Describe => policies().and(Err(Refusal::DescribeOnly)),
        Level::Query => policies(),
    }
}
