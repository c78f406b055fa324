//! The expression language of models and policies: a small, allow-listed part of SQL.
//!
//! Text is parsed once, when definitions are checked; a name is looked up in a [`Scope`] that
//! offers only what the expression may use. What a question calculates is read when it is resolved;
//! nothing is parsed while a query runs.

mod ast;
mod bind;
mod bins;
mod constants;
#[cfg(test)]
mod deep_tests;
mod foreign;
mod functions;
mod loose;
mod parse;
mod rows;
mod text;

pub use ast::{Aggregate, Arithmetic, Comparison, Expr, ExprKind, Extent, Pattern, RowSet};
pub use bind::{Allow, AttributeType, ExprError, ExprErrorKind, Scope, bind};
pub use bins::{Bins, Fraction, NoBins};
pub use functions::{AggregateFunction, Function};
pub use parse::parse;
pub use text::Names;
