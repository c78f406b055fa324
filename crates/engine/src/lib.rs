//! sandbar.
