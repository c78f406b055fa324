//! sandbar-executor.

pub mod source;
