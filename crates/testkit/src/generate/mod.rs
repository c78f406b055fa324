//! Random small worlds and questions to them, the same for the same seed.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "small worlds of our own; a mistake here fails a test, and nothing else"
)]

mod attacks;
mod attributes;
mod batches;
mod calculated;
mod calendars;
mod constructs;
mod deleted;
mod denials;
mod derived;
mod filters;
mod hiding;
mod json;
mod keys;
mod levels;
mod metrics;
mod named;
mod policies;
mod propagations;
mod questions;
mod random;
mod row_security;
mod scopes;
mod shrink;
mod spelled;
mod spreads;
mod strata;
mod twins;
mod unbounded;
mod worlds;
mod written;

pub use attacks::{arm, attack};
pub use attributes::{attributed, rival};
pub use batches::batch;
pub use calendars::{by_calendar, with_calendar};
pub use constructs::constructs;
pub use deleted::without_hidden;
pub use denials::denying;
pub use hiding::{HIDING, hiding};
pub use json::json;
pub use levels::describing;
pub use named::{ask_by_name, give_names};
pub use policies::{concerned, in_groups, policies_yaml};
pub use propagations::propagating;
pub use questions::question;
pub use random::Random;
pub use row_security::row_security;
pub use scopes::scoping;
pub use shrink::{questions_below, smaller, weaker};
pub use spelled::spell_out;
pub use spreads::{ask_spreads, with_spreads};
pub use strata::{STRATA, strata_of, stratified};
pub use twins::{alike, closer, hidden_names, twin};
pub use unbounded::unbounded;
pub use worlds::{wide_world, world};
pub use written::{tables, yaml};
