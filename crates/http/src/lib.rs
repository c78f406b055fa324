//! sandbar-http.
