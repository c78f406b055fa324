//! Workloads for benchmarks and oracle tests: TPC-H data with its model, and large made-up models.
//!
//! Nothing here measures or answers a question; the targets in `benches/` and `examples/` do.

pub mod load;
pub mod ssb;
pub mod tpch;
