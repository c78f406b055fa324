//! How does the question become a plan: [`SemanticQuery`](sandbar_catalog::query::SemanticQuery)
//! to [`QueryPlan`].
//!
//! ```text
//! SemanticQuery ──resolve──► ResolvedQuery ──authorize──► AuthorizedQuery ──plan──► QueryPlan
//! ```
//!
//! Each stage's type is made only by its stage. Nothing here runs a plan, reads a file or has a
//! clock of its own; the instant that relative times count from is an argument.

mod authorize;
mod barrier;
mod compiled;
mod ends;
mod error;
mod functions;
mod lifted;
mod lower;
mod origins;
mod outline;
mod plan;
mod query;
mod resolve;
mod scan;
mod verify;
#[cfg(test)]
mod verify_tests;
mod versions;

pub use authorize::authorize;
pub use barrier::Barrier;
pub use compiled::Compiled;
pub use error::{ProblemKind, QueryError, QueryProblem};
pub use functions::{Calendar, CheckedOp, ComputationError, MaskKey, Meaning, Reported, civil};
pub use lower::told_apart;
pub use outline::{
    ColumnOutline, ConversionOutline, GrainOutline, JoinOutline, NumberOutline, Outline,
    PropertyOutline, SemiAdditiveOutline, SpineOutline,
};
pub use plan::{DeclaredKey, QueryPlan, plan};
pub use query::{AnswerColumn, AuthorizedQuery, Query, ResolvedQuery};
pub use resolve::{derive, resolve};
pub use scan::{Guard, Shield, guard_of};

/// The words of the catalog that [`Meaning`] uses.
pub mod words {
    pub use sandbar_catalog::definitions::ReportDay;
    pub use sandbar_catalog::expr::Bins;
    pub use sandbar_catalog::query::RelativeUnit;
    pub use sandbar_catalog::time::{Grain, NamedAfter, Part};
    pub use sandbar_catalog::{Shift, Window, WindowStart};
}
