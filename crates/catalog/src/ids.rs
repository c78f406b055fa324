//! Identities inside one snapshot. Only a [`Snapshot`](crate::Snapshot) hands them out.

/// A table of one snapshot.
///
/// An id cannot be made from a number, so holding one proves that a snapshot handed it out:
///
/// ```compile_fail
/// let id = sandbar_catalog::TableId(3);
/// ```
///
/// ```
/// fn name(snapshot: &sandbar_catalog::Snapshot, id: sandbar_catalog::TableId) -> &str {
///     snapshot.table(id).name()
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub(crate) u32);

/// A metric of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub(crate) u32);

/// A collection of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionId(pub(crate) u32);

macro_rules! member_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            pub(crate) table: TableId,
            pub(crate) index: u32,
        }

        impl $name {
            /// The table it belongs to.
            pub fn table(self) -> TableId {
                self.table
            }

            /// Its position among its kind in the table, from 0.
            pub fn index(self) -> usize {
                self.index as usize
            }
        }
    };
}

member_id!(
    /// A field (stored or calculated dimension) of one table.
    FieldId
);
member_id!(
    /// A measure of one table.
    MeasureId
);
member_id!(
    /// A segment of one table.
    SegmentId
);
member_id!(
    /// A relationship, identified on the table that declares it.
    RelationshipId
);

impl TableId {
    /// Its position in the snapshot, from 0: an index for arrays kept beside the snapshot.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl MetricId {
    /// Its position in the snapshot, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl CollectionId {
    /// Its position in the snapshot, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A field as seen from a table: the relationships to follow, then the field at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath {
    /// The relationships to follow, from the asking table outwards; empty for an own field.
    pub via: Vec<RelationshipId>,
    /// The field on the table that the last relationship leads to.
    pub field: FieldId,
}

impl FieldPath {
    /// A field of the asking table itself.
    pub fn own(field: FieldId) -> Self {
        Self { via: Vec::new(), field }
    }

    /// The same field seen from a table that reaches this one over `prefix`.
    #[must_use]
    pub fn behind(&self, prefix: &[RelationshipId]) -> Self {
        let mut via = prefix.to_vec();
        via.extend_from_slice(&self.via);
        Self { via, field: self.field }
    }
}
