//! Of how many rows something is told at least.

use sandbar_catalog::checked_group_size;
use sandbar_catalog::decode::Located;

use super::{Checker, MIN_GROUP_SIZE, SHAPE};
use crate::definitions::RestrictDef;

impl Checker<'_> {
    /// What a restriction says of groups; it says that, or which rows remain, or both.
    pub(super) fn min_group_size(&mut self, restrict: &Located<RestrictDef>) -> Option<u32> {
        if restrict.rows.is_none() && restrict.min_group_size.is_none() {
            let message = "a restriction says `rows`, `min_group_size` or both".to_owned();
            self.at(restrict, SHAPE, message, None);
        }
        let asked = restrict.min_group_size.as_ref()?;
        match checked_group_size(asked.value) {
            Ok(rows) => Some(rows),
            Err(message) => {
                self.at(asked, MIN_GROUP_SIZE, message, None);
                None
            }
        }
    }
}
