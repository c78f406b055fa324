//! The rows that one of two principals sees, to be counted.

use sandbar_catalog::TableId;

use crate::grants::{Administrator, Grants};

impl Grants {
    /// The rows that these or the other grants show, and no field of them: they can be counted,
    /// which tells how many rows a change of policies gives and takes. Both are of one snapshot.
    #[must_use]
    pub fn rows_of_either(&self, other: &Self, _: &Administrator) -> Self {
        let tables = self.snapshot.tables().iter();
        let tables =
            tables.map(|table| self.access(table.id).rows_of_either(other.access(table.id)));
        self.decided(other, tables.collect())
    }

    /// Whether these grants and the others let other rows of a table pass, for one person with all
    /// his groups and attributes: also by what propagates to it from afar.
    pub fn rows_differ(&self, other: &Self, table: TableId, _: &Administrator) -> bool {
        self.access(table).queried_rows() != other.access(table).queried_rows()
    }
}
