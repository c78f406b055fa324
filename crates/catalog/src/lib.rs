//! What can be asked about: definitions become a checked, immutable [`Snapshot`].
//!
//! This crate holds the model language (YAML or Rust), the expression language, the query
//! language, and the check that turns [`Definitions`] into a [`Snapshot`] or into a [`Report`]
//! that names every problem at once. It never sees a principal, reads no file, has no clock and
//! does not know DataFusion.

pub mod decode;
pub mod definitions;
pub mod expr;
pub mod query;
pub mod time;

mod check;
mod ids;
mod metric;
mod report;
mod schemas;
mod snapshot;
mod stack;
mod types;
mod wire;

pub use check::is_name;
pub use definitions::Definitions;
pub use ids::{
    CollectionId, FieldId, FieldPath, MeasureId, MetricId, RelationshipId, SegmentId, TableId,
};
pub use metric::checked_group_size;
pub use report::{Finding, Origin, Report, SourceText, place_inside};
pub use schemas::{SourceSchema, SourceSchemas};
pub use snapshot::{
    Cardinality, Collection, Conversion, DerivedTable, Field, FieldKind, Leaf, Measure, Metric,
    MetricKind, Reads, Relationship, Segment, SemiAdditive, Shift, Snapshot, Table, TableSource,
    Window, WindowStart,
};
pub use stack::on_any_stack;
pub use types::{Literal, SemanticType, Type, Visibility, exact_digits};
