//! sandbar-auth.
