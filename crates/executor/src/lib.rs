//! How does the plan become batches: sources are opened, verified plans run, limits kept.
//!
//! The executor runs nothing but a [`QueryPlan`](sandbar_query_planner::QueryPlan), and looks at
//! the plan once more after DataFusion has optimised it. It has no runtime of its own, and of who
//! asks it knows a name at most, to let the queries of each in by turns.

mod admission;
mod allowance;
mod barrier;
mod budget;
mod cache;
mod composed;
mod deadline;
mod decoding;
mod error;
mod exact_lists;
mod executor;
mod filled;
mod footers;
mod guarded;
mod keys;
mod limits;
mod lost_limits;
mod memory_cap;
mod optional;
mod pairs;
mod passing;
mod place;
mod renew;
mod resting;
mod row_by_row;
mod size;
mod slices;
pub mod source;
mod spill;
mod sql;
mod stores;
mod stream;
mod timed;
mod verify;
#[cfg(test)]
mod verify_tests;
mod windows;

pub use admission::{Admission, Gate, Permit, Turn};
pub use allowance::Allowance;
pub use cache::{CachedAnswer, Slot};
pub use deadline::Deadline;
pub use error::RunError;
pub use executor::{Executor, Prepared};
pub use limits::{Limits, Overflow};
pub use place::Place;
pub use spill::Spill;
pub use sql::{NoSqlText, SqlDialect, sql_text};
pub use stores::{NoStoreAddress, ObjectStores};
pub use stream::{AnswerStream, Outcome};
