//! Numbers for what a row belongs to: conditions on metrics.

use super::cell::Cell;
use super::groups::same_keys;
use super::names::Ground;
use super::numbers::{Leaf, Value};
use super::question::Question;
use super::world::Link;
use super::{Reference, Refused};

/// A metric for each of the rows that others lead to.
pub(super) struct PerEntity {
    /// The way there.
    pub(super) via: Vec<usize>,
    /// The table of these rows.
    entity: usize,
    value: Value,
    /// Each with the way from its rows to the entity.
    leaves: Vec<(Leaf, Vec<usize>)>,
}

impl Reference<'_> {
    /// What a metric is for each row that relationships lead to, whatever rows there are.
    pub(super) fn per_entity(
        &self,
        ground: Ground,
        metric: &str,
        per: Option<&str>,
    ) -> Result<PerEntity, Refused> {
        let (mut entity, mut via) = (ground.table, Vec::new());
        for step in per.into_iter().flat_map(|per| per.split('.')) {
            let links = &self.world.tables[entity].links;
            let leads = |l: &Link| l.name == step && !self.world.tables[l.to].hidden;
            let index = links.iter().position(leads).ok_or("no such relationship")?;
            entity = links[index].to;
            via.push(index);
        }
        let index = self.world.metrics.iter().position(|m| m.name == metric);
        let index = index.filter(|index| self.world.shows(*index)).ok_or("no such metric")?;
        let mut found = Vec::new();
        let value = self.calculation(index, &mut found);
        self.dated(ground, &via)?;
        let mut leaves = Vec::new();
        for leaf in found {
            self.required(&Question::default(), std::slice::from_ref(&leaf))?;
            if leaf.window.is_some() || !leaf.shifts.is_empty() || leaf.follows.is_some() {
                return Err("a number of periods".to_owned());
            }
            let way = if leaf.table == ground.table {
                via.clone()
            } else {
                let mut routes = self.routes(leaf.table, entity);
                if routes.len() != 1 {
                    return Err("not one way to the entity".to_owned());
                }
                routes.remove(0)
            };
            self.dated(leaf.ground(), &way)?;
            self.for_entities(&leaf, &way)?;
            leaves.push((leaf, way));
        }
        Ok(PerEntity { via, entity, value, leaves })
    }

    /// The value of a metric for what a row belongs to.
    pub(super) fn of_entity(
        &self,
        ground: Ground,
        row: usize,
        metric: &str,
        per: Option<&str>,
    ) -> Result<Cell, Refused> {
        let PerEntity { via, entity, value, leaves } = self.per_entity(ground, metric, per)?;
        // Choice: a number for a row of a history is one for what that is of, whatever its version.
        let key = |row: usize| self.world.tables[entity].key_of(row);
        let owner = self.follow(ground, row, &via).map(key);
        let mut cells = Vec::new();
        for (leaf, way) in &leaves {
            let count = self.world.tables[leaf.table].rows.len();
            // Choice: a row that belongs to nothing has the number of no rows: 0 if it is a count.
            let of_owner = |row: &usize| {
                let found = self.follow(leaf.ground(), *row, way).map(key);
                owner.as_ref().zip(found).is_some_and(|(a, b)| same_keys(a, &b))
            };
            let rows: Vec<usize> = (0..count).filter(of_owner).collect();
            cells.push(self.leaf(leaf, &rows)?);
        }
        Ok(value.of(&cells))
    }
}
