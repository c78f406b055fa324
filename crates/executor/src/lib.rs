//! sandbar-executor.
