//! Ways over relationships from a table to others. What was looked for is kept for the rest of the
//! question, and no more of it than messages can tell.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sandbar_catalog::{Relationship, RelationshipId, TableId};
use sandbar_permissions::{Grants, Level};

use super::Asking;
use crate::query::ToMany;

/// The most relationships that one name follows.
const MAX_STEPS: usize = 8;
/// The most ways that are looked at before a name counts as ambiguous.
const MAX_ROUTES: usize = 8;
/// The most relationships that are tried for one name.
const MAX_TRIES: usize = 10_000;
/// Of how many tables it is kept what they lead to, which may be as many ways as are tried.
const MAX_KEPT: usize = 4;

/// Relationships that are followed one after the other.
type Route = Vec<RelationshipId>;

/// What was looked for so far.
#[derive(Default)]
pub(super) struct Known {
    routes: Kept<Vec<Route>>,
    many: Kept<Vec<(ToMany, Way)>>,
    /// Those that were used last stand last.
    reached: RefCell<Vec<(TableId, Rc<Reached>)>>,
}

/// What was found from a table to another.
struct Kept<V>(RefCell<HashMap<(TableId, TableId), Rc<V>>>);

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<V> Kept<V> {
    /// What is kept, looked for where nothing is.
    fn or_find(&self, from: TableId, to: TableId, find: impl FnOnce() -> V) -> Rc<V> {
        let known = self.0.borrow().get(&(from, to)).cloned();
        known.unwrap_or_else(|| {
            let found = Rc::new(find());
            self.0.borrow_mut().insert((from, to), Rc::clone(&found));
            found
        })
    }
}

/// The tables that each row of a table leads to one row of.
pub(super) struct Reached {
    /// Each way with the table that it ends at, shorter ones first; the empty one to the table itself.
    pub(super) ways: Vec<(TableId, Route)>,
    /// The places of the ways to a table, in order.
    places: HashMap<TableId, Vec<usize>>,
}

impl Reached {
    /// The first way to a table.
    pub(super) fn first(&self, table: TableId) -> Option<&Route> {
        let place = self.places.get(&table)?.first()?;
        self.ways.get(*place).map(|(_, via)| via)
    }
}

/// A way to rows of which each row has many.
#[derive(Clone)]
pub(super) enum Way {
    /// By relationships that can be written.
    Written(String),
    /// Back over relationships of those rows.
    Told(String),
}

impl Asking<'_> {
    /// The relationships of a table that may be followed.
    pub(super) fn usable(&self, table: TableId) -> Vec<&Relationship> {
        usable(self.grants, table).collect()
    }

    /// The ways from a table to another over relationships that lead to one row; the empty one from
    /// a table to itself. No way passes a table twice.
    pub(super) fn routes(&self, from: TableId, to: TableId) -> Rc<Vec<Route>> {
        self.ways.routes.or_find(from, to, || {
            if from == to {
                return vec![Vec::new()];
            }
            let mut found = Vec::new();
            let mut tries = 0;
            walk(self.grants, &mut vec![from], &mut Vec::new(), to, &mut found, &mut tries);
            found
        })
    }

    /// The tables that each row of a table leads to one row of, itself included.
    pub(super) fn reached(&self, from: TableId) -> Rc<Reached> {
        let mut known = self.ways.reached.borrow_mut();
        let found = match known.iter().position(|(table, _)| *table == from) {
            Some(place) => known.remove(place).1,
            None => Rc::new(self.reach(from)),
        };
        known.push((from, Rc::clone(&found)));
        if known.len() > MAX_KEPT {
            known.remove(0);
        }
        found
    }

    fn reach(&self, from: TableId) -> Reached {
        let mut ways = vec![(from, Vec::new())];
        let mut places = HashMap::from([(from, vec![0])]);
        let mut next = 0;
        while let Some((table, via)) = ways.get(next).cloned() {
            next += 1;
            if via.len() >= MAX_STEPS || ways.len() > MAX_TRIES {
                continue;
            }
            for step in self.usable(table).into_iter().filter(|r| r.cardinality.is_to_one()) {
                let passed = step.to == from
                    || via.iter().any(|id| self.grants.snapshot().relationship(*id).to == step.to);
                if !passed {
                    let mut longer = via.clone();
                    longer.push(step.id);
                    places.entry(step.to).or_default().push(ways.len());
                    ways.push((step.to, longer));
                }
            }
        }
        Reached { ways, places }
    }

    /// The rows of a table of which each row of another has many, by each way with how it is told:
    /// by relationships, whose keys the asker need not know.
    pub(super) fn many(&self, from: TableId, target: TableId) -> Rc<Vec<(ToMany, Way)>> {
        self.ways.many.or_find(from, target, || self.ways_to_many(from, target))
    }

    fn ways_to_many(&self, from: TableId, target: TableId) -> Vec<(ToMany, Way)> {
        let snapshot = self.grants.snapshot();
        let there = |table: TableId| {
            let steps = self.usable(table).into_iter();
            steps.filter(|r| r.to == target && !r.cardinality.is_to_one()).collect::<Vec<_>>()
        };
        let mut back = self.usable(target);
        back.retain(|r| r.cardinality.is_to_one());
        let reached = self.reached(from);
        let leads = |table: TableId| back.iter().any(|r| r.to == table) || !there(table).is_empty();
        let places = reached.places.iter().filter(|(table, _)| leads(**table));
        let mut places: Vec<usize> = places.flat_map(|(_, places)| places).copied().collect();
        places.sort_unstable();
        let mut found: Vec<(ToMany, Way)> = Vec::new();
        for (table, via) in places.into_iter().filter_map(|place| reached.ways.get(place)) {
            if found.len() > MAX_ROUTES {
                break;
            }
            for step in there(*table) {
                let (near, far) = step.on.iter().copied().unzip();
                let told = Way::Written(self.dotted(via, &[step.name.as_str()]));
                let (via, bridge) = (via.clone(), step.bridge);
                add(&mut found, ToMany { via, near, far, table: target, bridge }, told);
            }
            for step in back.iter().filter(|r| r.to == *table) {
                let (far, near) = step.on.iter().copied().unzip();
                let told = format!("{}.{}", snapshot.table(target).name, step.name);
                let told = match via.is_empty() {
                    true => told,
                    false => format!("{told} = {}", self.dotted(via, &[])),
                };
                let via = via.clone();
                let step = ToMany { via, near, far, table: target, bridge: false };
                add(&mut found, step, Way::Told(told));
            }
        }
        found
    }
}

/// Adds a way, unless one over the same columns is known.
fn add(found: &mut Vec<(ToMany, Way)>, step: ToMany, told: Way) {
    let known = |(other, _): &(ToMany, Way)| {
        other.via == step.via && other.near == step.near && other.far == step.far
    };
    if !found.iter().any(known) {
        found.push((step, told));
    }
}

fn usable(grants: &Grants, table: TableId) -> impl Iterator<Item = &Relationship> {
    let open = grants.table_level(table) == Level::Query;
    grants.relationships(table).filter(move |r| open && grants.table_level(r.to) == Level::Query)
}

fn walk(
    grants: &Grants,
    passed: &mut Vec<TableId>,
    via: &mut Route,
    to: TableId,
    found: &mut Vec<Route>,
    tries: &mut usize,
) {
    let Some(at) = passed.last().copied() else { return };
    for step in usable(grants, at).filter(|r| r.cardinality.is_to_one()) {
        *tries += 1;
        if *tries > MAX_TRIES || found.len() > MAX_ROUTES || via.len() >= MAX_STEPS {
            return;
        }
        if passed.contains(&step.to) {
            continue;
        }
        via.push(step.id);
        if step.to == to {
            found.push(via.clone());
        } else {
            passed.push(step.to);
            walk(grants, passed, via, to, found, tries);
            passed.pop();
        }
        via.pop();
    }
}
