//! Cases that policies are tested with: who asks what, and what comes of it.
//!
//! They are read and checked here, and asked by the engine. A case that would hold whatever the
//! policies say is refused: one that expects nothing, or that speaks of a group, an attribute or a
//! name which does not exist.

mod check;
mod definitions;

pub use check::{CheckedCases, ExpectedName, ExpectedRefusal, NameTarget, PolicyCase};
pub use definitions::{
    AskerDef, AskerRef, CaseDef, CaseFile, GivenAttribute, PolicyCases, QueryRef,
};
