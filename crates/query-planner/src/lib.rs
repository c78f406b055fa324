//! sandbar-query-planner.
