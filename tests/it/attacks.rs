//! Attacks of an asker on what is hidden from him, through nothing but the doors he has.
//!
//! Ids are those of the leak suite (security 2.4 and 2.6).

mod advice;
mod beside;
mod by_row;
mod definer;
mod empty;
mod failing;
mod grains;
mod groups;
mod hidden;
mod masked;
mod named;
mod parents;
mod positions;
mod row_level;
mod sandboxed;
mod spelled;
mod stored;
mod unordered;
mod ways;
mod world;
mod written;
