//! The combination rules of policies, on one small world.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod attributes;
mod cases;
mod cells;
mod combine;
mod dependents;
mod errors;
mod group_sizes;
mod invalid;
mod keys;
mod lifted;
mod names;
mod propagation;
mod schemas;
mod text;
mod workbench;
mod workbench_laws;
mod world;
