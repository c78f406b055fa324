//! sandbar-tests.
