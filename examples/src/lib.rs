//! sandbar-examples.
