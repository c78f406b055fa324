//! sandbar-benches.
