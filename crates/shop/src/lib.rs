//! sandbar-shop.
