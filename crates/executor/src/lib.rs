//! How does the plan become batches: sources are opened, verified plans run, limits kept.
//!
//! The executor runs nothing but a [`QueryPlan`](sandbar_query_planner::QueryPlan), and looks at
//! the plan once more after DataFusion has optimised it. It has no runtime of its own and never
//! learns who asks.

mod barrier;
mod composed;
mod deadline;
mod error;
mod exact_lists;
mod executor;
mod guarded;
mod keys;
mod limits;
mod memory_cap;
mod renew;
pub mod source;
mod sql;
mod stream;
mod verify;
#[cfg(test)]
mod verify_tests;

pub use deadline::Deadline;
pub use error::RunError;
pub use executor::{Executor, Prepared};
pub use limits::{Limits, Overflow};
pub use sql::{NoSqlText, SqlDialect, sql_text};
pub use stream::{AnswerStream, Outcome};
