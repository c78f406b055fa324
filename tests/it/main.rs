//! Everything that is tested through the doors that hosts and askers use, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod attacks;
mod batches;
mod bins;
mod bounded;
mod bridged;
mod builders;
mod calculated;
mod clocks;
mod constants;
mod contract;
mod credited;
mod crowded;
mod days;
mod digits;
mod dimensions;
mod docs;
mod elsewhere;
mod ends;
mod engine;
mod entrances;
mod explained;
mod fuzzed;
mod generated;
mod golden;
mod infinite;
mod instants;
mod mixed;
mod optimised;
mod partners;
mod percentiles;
mod plans;
mod prefixed;
mod proposed;
mod proven;
mod refused;
mod seeded;
mod shields;
mod soak;
mod stored;
mod sums;
mod there_and_back;
mod tidy;
mod tokens;
mod total;
mod tpch;
mod traps;
mod units;
mod workbench;
mod zeros;
