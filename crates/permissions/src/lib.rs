//! What may this one see: policies and a principal become [`Grants`], and grants a [`Sandbox`]
//! per table.
//!
//! ```text
//! PolicyDefinitions ──check(&Snapshot)──► PolicySet ──grants(&Principal)──► Grants ──sandbox(table)──► Sandbox
//! ```
//!
//! Discovery (what a principal may list, search and name) is computed here too, so that a name a
//! principal may not see has no way into an answer, a suggestion or an error. This crate reads no
//! data and does not know DataFusion.

mod bind;
mod cases;
mod certain;
mod check;
mod condition;
mod definitions;
mod discovery;
mod effective;
mod grants;
mod level;
mod lifted;
mod mask;
mod metric_access;
mod policy_set;
mod propagation;
mod sandbox;
mod scope;
#[cfg(test)]
mod tests;
mod workbench;

pub use cases::{
    AskerDef, AskerRef, CaseDef, CaseFile, CheckedCases, ExpectedName, ExpectedRefusal,
    GivenAttribute, NameTarget, PolicyCase, PolicyCases, QueryRef,
};
pub use condition::{Among, Condition, RowFilter};
pub use definitions::{
    AttributeDef, DenyDef, FieldsDef, GrantDef, GroupDef, MaskDef, PolicyDef, PolicyDefinitions,
    PolicyFile, RestrictDef,
};
pub use discovery::{Missing, SearchHit, SearchTarget, Suggestion};
pub use effective::{EffectivePolicy, PolicyShape};
pub use grants::{Administrator, AppliedPolicy, Grants, Refusal};
pub use level::Level;
pub use mask::Mask;
pub use policy_set::PolicySet;
pub use propagation::PropagateDef;
pub use sandbox::{Cell, Sandbox};
pub use scope::Purpose;
pub use workbench::{
    ChangeEffect, Coverage, CoverageFinding, CoverageKind, DeclarationChange, GroupDiff,
    PolicyChange, PolicyDiff,
};
