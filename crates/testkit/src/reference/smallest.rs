//! Tables that are told in groups of some rows only: where a number or group is of fewer, it is not
//! told; and single rows are refused.

use super::calculated::Expression;
use super::cell::Cell;
use super::groups::{Key, Part};
use super::names::{Ground, NotFound, Place, Step};
use super::numbers::{Extra, Leaf, of_nothing};
use super::question::Condition;
use super::world::Rule;
use super::{Reference, Refused};

/// A way from the rows of a part, over links, to a table that is told in groups; and of how many
/// rows of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    via: Vec<usize>,
    least: usize,
}

/// What a number is that is not told.
pub(super) const UNTOLD: &str = "\0untold";

pub(super) fn is_untold(cell: &Cell) -> bool {
    matches!(cell, Cell::Text(text) if text == UNTOLD)
}

/// Every way that something is read over, with those that lead there.
#[derive(Default)]
pub(super) struct Ways(Vec<Vec<usize>>);

impl Ways {
    fn add(&mut self, via: &[usize]) {
        for length in 0..=via.len() {
            let way = via[..length].to_vec();
            if !self.0.contains(&way) {
                self.0.push(way);
            }
        }
    }
}

impl Reference<'_> {
    fn least(&self, table: usize) -> Option<usize> {
        self.world.tables[table].min_group_size
    }

    fn end_of(&self, from: usize, via: &[usize]) -> usize {
        via.iter().fold(from, |table, link| self.world.tables[table].links[*link].to)
    }

    /// A field is read, with what it is computed from.
    pub(super) fn reads_place(&self, place: &Place, ways: &mut Ways) {
        ways.add(&place.via);
        let of = self.world.tables[place.table].columns[place.column].calculated.as_ref();
        if let Some(Expression::Linear { via, .. }) = of {
            ways.add(&[place.via.as_slice(), via].concat());
        }
    }

    /// A rule is read, of a table that is reached over links.
    fn reads_rule(&self, (via, table): (&[usize], usize), rule: &Rule, ways: &mut Ways) {
        let mut columns = Vec::new();
        rule.columns(&mut columns);
        for column in columns {
            self.reads_place(&Place { via: via.to_vec(), table, column }, ways);
        }
    }

    /// Rows are looked at from others: none of them is of a table that is told in groups.
    fn looks_at(&self, step: &Step, ways: &mut Ways) -> Result<Ground, Refused> {
        ways.add(&step.via);
        match self.least(step.table) {
            Some(_) => Err("single rows are looked at".to_owned()),
            None => Ok(self.ground(step.table, None)),
        }
    }

    fn none_limited(&self, ground: Ground, ways: &Ways) -> Result<(), Refused> {
        match self.limits(ground, ways).is_empty() {
            true => Ok(()),
            false => Err("single rows are looked at".to_owned()),
        }
    }

    fn reads_field(&self, ground: Ground, name: &str, ways: &mut Ways) -> Result<(), Refused> {
        match self.tested(ground, name) {
            Ok(place) => self.reads_place(&place, ways),
            Err(NotFound::Other(why)) => return Err(why),
            Err(NotFound::Many) => {
                let (step, rest) = self.step(ground, name)?;
                let there = self.looks_at(&step, ways)?;
                let mut inner = Ways::default();
                self.reads_field(there, &rest, &mut inner)?;
                self.none_limited(there, &inner)?;
            }
        }
        Ok(())
    }

    pub(super) fn reads(
        &self,
        ground: Ground,
        condition: &Condition,
        ways: &mut Ways,
    ) -> Result<(), Refused> {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().try_for_each(|part| self.reads(ground, part, ways))
            }
            Condition::Not(inner) => self.reads(ground, inner, ways),
            Condition::Field { field, .. } | Condition::Relative(field, ..) => {
                self.reads_field(ground, field, ways)
            }
            Condition::Segment(name) => {
                let (via, table, rule) = self.segment(ground, name)?;
                ways.add(&via);
                self.reads_rule((via.as_slice(), table), rule, ways);
                Ok(())
            }
            Condition::Exists(name, inner) => {
                let (step, _) = self.step(ground, name)?;
                let there = self.looks_at(&step, ways)?;
                let mut within = Ways::default();
                if let Some(inner) = inner {
                    self.reads(there, inner, &mut within)?;
                }
                self.none_limited(there, &within)
            }
            Condition::Metric(metric, per, ..) => {
                ways.add(&self.per_entity(ground, metric, per.as_deref())?.via);
                Ok(())
            }
        }
    }

    /// What a leaf reads of its rows.
    pub(super) fn reads_leaf(&self, leaf: &Leaf, ways: &mut Ways) -> Result<(), Refused> {
        leaf.of.iter().for_each(|place| self.reads_place(place, ways));
        for extra in &leaf.filters {
            match extra {
                Extra::Asked(condition) => self.reads(leaf.ground(), condition, ways)?,
                Extra::Rule(rule) => self.reads_rule((&[], leaf.table), rule, ways),
            }
        }
        leaf.within.iter().for_each(|rule| self.reads_rule((&[], leaf.table), rule, ways));
        if let Some(semi) = &leaf.semi {
            for column in semi.per.iter().chain([&semi.over]).copied() {
                self.reads_place(&Place { via: Vec::new(), table: leaf.table, column }, ways);
            }
        }
        Ok(())
    }

    /// The tables on some ways that are told in groups.
    pub(super) fn limits(&self, ground: Ground, ways: &Ways) -> Vec<Limit> {
        let own = std::iter::once(Vec::new());
        let mut found = Vec::new();
        for via in own.chain(ways.0.iter().filter(|via| !via.is_empty()).cloned()) {
            let least = self.least(self.end_of(ground.table, &via));
            found.extend(least.map(|least| Limit { via, least }));
        }
        found
    }

    /// The limits of a part.
    pub(super) fn limits_of(
        &self,
        part: &Part,
        keys: &[Key],
        filter: Option<&Condition>,
        leaves: &[Leaf],
    ) -> Result<Vec<Limit>, Refused> {
        let ground = part.ground;
        let mut ways = Ways::default();
        for key in keys {
            let Some(step) = &key.bridge else {
                self.reads_place(&key.place, &mut ways);
                continue;
            };
            let there = self.looks_at(step, &mut ways)?;
            let mut inner = Ways::default();
            self.reads_place(&key.place, &mut inner);
            self.none_limited(there, &inner)?;
        }
        if let Some(filter) = filter {
            self.reads(ground, filter, &mut ways)?;
        }
        for index in &part.leaves {
            self.reads_leaf(&leaves[*index], &mut ways)?;
        }
        let limits = self.limits(ground, &ways);
        if let Some(follows) = &part.follows {
            let mut of_events = Ways::default();
            for extra in &follows.filters {
                if let Extra::Rule(rule) = extra {
                    self.reads_rule((&[], follows.table), rule, &mut of_events);
                }
            }
            let events = self.limits(self.ground(follows.table, None), &of_events);
            if !events.is_empty() || !limits.is_empty() {
                return Err("what follows single rows".to_owned());
            }
        }
        Ok(limits)
    }

    /// A number for each of some other rows is of no table that is told in groups, other than the
    /// one of these rows.
    pub(super) fn for_entities(&self, leaf: &Leaf, way: &[usize]) -> Result<(), Refused> {
        let mut ways = Ways::default();
        ways.add(way);
        self.reads_leaf(leaf, &mut ways)?;
        let limits = self.limits(leaf.ground(), &ways);
        match limits.iter().all(|limit| limit.via == way) {
            true => Ok(()),
            false => Err("a number of single rows".to_owned()),
        }
    }

    /// Whether there are enough rows of every table that is told in groups.
    pub(super) fn enough(&self, ground: Ground, limits: &[Limit], rows: &[usize]) -> bool {
        limits.iter().all(|Limit { via, least }| {
            let table = &self.world.tables[self.end_of(ground.table, via)];
            if via.is_empty() && table.validity.is_none() {
                return rows.len() >= *least;
            }
            let rows: Vec<usize> =
                rows.iter().filter_map(|row| self.follow(ground, *row, via)).collect();
            // Of two key columns the values of one column have to be enough.
            table.keys().any(|column| {
                let mut keys: Vec<&Cell> = Vec::new();
                for there in &rows {
                    let key = &table.rows[*there][column];
                    if !key.is_null() && !keys.iter().any(|known| known.same(key)) {
                        keys.push(key);
                    }
                }
                keys.len() >= *least
            })
        })
    }

    /// What the leaves are over no rows.
    pub(super) fn nothing(&self, parts: &[Part], leaves: &[Leaf]) -> Vec<Cell> {
        let mut cells: Vec<Cell> = leaves.iter().map(|leaf| of_nothing(leaf.function)).collect();
        for part in parts.iter().filter(|part| !part.limits.is_empty()) {
            part.leaves.iter().for_each(|index| cells[*index] = Cell::Text(UNTOLD.to_owned()));
        }
        cells
    }
}
