//! How far access goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far access to a table, metric or field goes.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As if it did not exist.
    None,
    /// Listed and described, not queried.
    Describe,
    /// Listed, described and queried.
    #[default]
    Query,
}
