//! A plan as SQL text, for an administrator to read and to run elsewhere.
//!
//! The text gives the same rows as the plan, or there is none: every node, expression and function
//! is written by a rule of its own, and what no rule knows is refused with the reason. It is made
//! from the canonical plan, never from the optimised one. Each place where the plan needs a query
//! of its own becomes a step of a `WITH`; a barrier becomes a materialized one.
//!
//! DataFusion's unparser is not used: it passes functions on that it does not know, and forgets the
//! types of constants, the collation of texts and the zone of instants.

mod cast;
mod expression;
mod function;
mod literal;
mod node;
mod periods;
mod rows;
mod time;

use std::fmt;

use sandbar_query_planner::QueryPlan;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SqlDialect {
    /// DuckDB 1.4 and later.
    #[default]
    DuckDb,
    /// PostgreSQL 13 and later.
    Postgres,
}

/// Why a plan has no SQL text that gives the same rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSqlText {
    /// A hash mask.
    #[error("a hash mask has no SQL text: whoever had its key could test guesses")]
    HashMask,
    /// A function that has no equal.
    #[error("{dialect} has no equal of `{function}`")]
    Function {
        /// The function.
        function: String,
        /// Whose SQL it would be.
        dialect: SqlDialect,
    },
    /// A conversion that gives something else.
    #[error("{dialect} converts {from} to {to} in another way")]
    Conversion {
        /// What is converted.
        from: String,
        /// Into what.
        to: String,
        /// Whose SQL it would be.
        dialect: SqlDialect,
    },
    /// A condition that ignores the case of letters other than those of ASCII.
    #[error("{0} ignores the case of letters like those of the condition in another way")]
    Letters(SqlDialect),
    /// A type that has no equal.
    #[error("{dialect} has no equal of the type {data_type}")]
    Type {
        /// The type.
        data_type: String,
        /// Whose SQL it would be.
        dialect: SqlDialect,
    },
    /// Values of two types that are compared in another way.
    #[error("{dialect} compares {left} and {right} in another way")]
    Comparison {
        /// One of them.
        left: String,
        /// The other one.
        right: String,
        /// Whose SQL it would be.
        dialect: SqlDialect,
    },
    /// A constant that cannot be written.
    #[error("{0} cannot write one of the constants")]
    Constant(SqlDialect),
    /// Names that are the same without their case.
    #[error("{dialect} cannot tell `{name}` from another name that differs in case only")]
    Name {
        /// One of them.
        name: String,
        /// Whose SQL it would be.
        dialect: SqlDialect,
    },
    /// A time of day that is there twice.
    #[error("{0} takes the later of two times where clocks are set back")]
    ClocksSetBack(SqlDialect),
    /// A part of a plan that no rule knows.
    #[error("the plan has a part that no SQL text is known for: {0}")]
    Unknown(String),
}

impl SqlDialect {
    /// The name of the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl fmt::Display for SqlDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The SQL text of a plan, policies and masks included.
///
/// It is for administrators: it shows the policies with the attribute values they are bound to. Each
/// source is a table of its name, with the columns that the source has; a column of instants
/// without a zone counts as UTC.
///
/// # Errors
/// Why there is no text that gives the same rows.
pub fn sql_text(plan: &QueryPlan, dialect: SqlDialect) -> Result<String, NoSqlText> {
    rows::Writer::new(dialect).write(plan)
}

/// A name in quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
