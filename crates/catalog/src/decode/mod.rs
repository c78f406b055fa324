//! Reading documents: YAML or JSON into serde types, with every problem and its place.
//!
//! serde stops at the first mistake and forgets where it was. Here a document first becomes a tree
//! of [`Node`]s that know their places; a deserializer over that tree records what is wrong and
//! goes on: unknown keys are skipped, and an entry of [`Entries`] or [`Items`] that cannot be read
//! is left out.

mod deserializer;
mod entries;
mod failure;
mod located;
mod node;
mod overlooked;
mod problem;
mod render;
mod suggest;

pub use deserializer::{decode, decode_first};
pub(crate) use entries::DIGITS;
pub use entries::{Entries, Items, optional};
pub use located::Located;
pub use node::{Node, NodeKind, Place};
pub use problem::{MAX_PROBLEMS, Problem, Problems};
pub use render::render;
pub use suggest::suggest;
