//! Of how many rows something is told at least.

use sandbar_catalog::decode::Located;

use super::{Checker, MIN_GROUP_SIZE, SHAPE};
use crate::definitions::RestrictDef;

/// The most that makes sense: beyond it nothing is told of most tables.
const MOST: u32 = 1_000_000;

impl Checker<'_> {
    /// What a restriction says of groups; it says that, or which rows remain, or both.
    pub(super) fn min_group_size(&mut self, restrict: &Located<RestrictDef>) -> Option<u32> {
        if restrict.rows.is_none() && restrict.min_group_size.is_none() {
            let message = "a restriction says `rows`, `min_group_size` or both".to_owned();
            self.at(restrict, SHAPE, message, None);
        }
        let asked = restrict.min_group_size.as_ref()?;
        if (2..=MOST).contains(&asked.value) {
            return Some(asked.value);
        }
        let message = format!("`min_group_size` is a number of rows from 2 to {MOST}");
        self.at(asked, MIN_GROUP_SIZE, message, None);
        None
    }
}
