//! sandbar-testkit.
