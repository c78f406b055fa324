//! What an author asks of his policies before anybody else does: what they leave open or without
//! effect ([`Coverage`]), and what a change of them gives or takes ([`PolicyDiff`]).
//!
//! Everything here names what is hidden, so it is for an [`Administrator`](crate::Administrator).
//! It looks at policies and the model, and at no data.

mod cell;
mod coverage;
mod diff;
mod effects;
mod either;
mod rows;
mod view;

pub use coverage::{Coverage, CoverageFinding, CoverageKind};
#[cfg(test)]
pub(crate) use view::View;

pub use diff::{ChangeEffect, DeclarationChange, GroupDiff, PolicyChange, PolicyDiff};
