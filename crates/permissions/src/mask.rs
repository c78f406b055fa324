//! What stands in place of a value that may not be seen.

use sandbar_catalog::Literal;

/// What stands in place of a value that may not be seen. Every mask is total: it cannot fail on
/// any value, so it reveals nothing by failing.
#[derive(Clone, Debug, PartialEq)]
pub enum Mask {
    /// NULL.
    Null,
    /// One constant of the field's type.
    Constant(Literal),
    /// A keyed hash (text only): equal values stay equal, nothing else remains.
    Hash,
    /// The first characters, then `***` (text only).
    Prefix(u8),
}
