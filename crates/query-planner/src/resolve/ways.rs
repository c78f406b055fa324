//! Ways over relationships from a table to others. What was looked for is kept for the rest of the
//! question, and no more of it than messages can tell.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
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

/// The ways that were found from a table to another.
pub(super) struct Ways<W> {
    pub(super) found: Vec<W>,
    /// Whether there may be others: not all relationships were tried.
    pub(super) more: bool,
}

impl<W> Ways<W> {
    /// The way, where it is known to be the only one.
    pub(super) fn only(&self) -> Option<&W> {
        match self.found.as_slice() {
            [only] if !self.more => Some(only),
            _ => None,
        }
    }

    /// Whether it is known that there is none.
    pub(super) fn none(&self) -> bool {
        self.found.is_empty() && !self.more
    }
}

/// What was looked for so far.
#[derive(Default)]
pub(super) struct Known {
    routes: Kept<Ways<Route>>,
    many: Kept<Ways<(ToMany, Way)>>,
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
    /// Whether there may be other ways.
    more: bool,
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
    pub(super) fn routes(&self, from: TableId, to: TableId) -> Rc<Ways<Route>> {
        self.ways.routes.or_find(from, to, || {
            if from == to {
                return Ways { found: vec![Vec::new()], more: false };
            }
            let between = between(self.grants, from, to);
            let mut walk = Walk { grants: self.grants, to, between, found: Vec::new(), tries: 0 };
            walk.on(&mut vec![from], &mut Vec::new());
            Ways { more: walk.tries > MAX_TRIES, found: walk.found }
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
        let (mut next, mut more) = (0, false);
        while let Some((table, via)) = ways.get(next).cloned() {
            next += 1;
            if via.len() >= MAX_STEPS {
                continue;
            }
            if ways.len() > MAX_TRIES {
                more = true;
                break;
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
        Reached { ways, places, more }
    }

    /// The rows of a table of which each row of another has many, by each way with how it is told:
    /// by relationships, whose keys the asker need not know.
    pub(super) fn many(&self, from: TableId, target: TableId) -> Rc<Ways<(ToMany, Way)>> {
        self.ways.many.or_find(from, target, || self.ways_to_many(from, target))
    }

    fn ways_to_many(&self, from: TableId, target: TableId) -> Ways<(ToMany, Way)> {
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
        // Rows that lead to one of the table have none of it besides: no way passes it twice.
        let passes = |via: &Route| via.iter().any(|id| snapshot.relationship(*id).to == target);
        let places = places.into_iter().filter_map(|place| reached.ways.get(place));
        for (table, via) in places.filter(|(_, via)| !passes(via)) {
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
        Ways { found, more: reached.more }
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

/// The relationships of a table that lead to one row.
fn to_one(grants: &Grants, table: TableId) -> impl Iterator<Item = &Relationship> {
    usable(grants, table).filter(|step| step.cardinality.is_to_one())
}

/// The tables on ways from one to another, the latter included: no other table is worth a try.
fn between(grants: &Grants, from: TableId, to: TableId) -> HashSet<TableId> {
    let mut back: HashMap<TableId, Vec<TableId>> = HashMap::new();
    let (mut seen, mut next) = (HashSet::from([from, to]), vec![from]);
    while let Some(at) = next.pop() {
        for step in to_one(grants, at) {
            back.entry(step.to).or_default().push(at);
            if seen.insert(step.to) {
                next.push(step.to);
            }
        }
    }
    let (mut between, mut next) = (HashSet::from([to]), vec![to]);
    while let Some(at) = next.pop() {
        for before in back.get(&at).into_iter().flatten() {
            if *before != from && between.insert(*before) {
                next.push(*before);
            }
        }
    }
    between
}

/// A search for the ways to a table.
struct Walk<'g> {
    grants: &'g Grants,
    to: TableId,
    between: HashSet<TableId>,
    found: Vec<Route>,
    tries: usize,
}

impl Walk<'_> {
    /// Goes on from the table that was passed last, to which a way leads.
    fn on(&mut self, passed: &mut Vec<TableId>, via: &mut Route) {
        let Some(at) = passed.last().copied() else { return };
        let grants = self.grants;
        if via.len() >= MAX_STEPS {
            return;
        }
        for step in to_one(grants, at) {
            self.tries += 1;
            if self.tries > MAX_TRIES || self.found.len() > MAX_ROUTES {
                return;
            }
            if !self.between.contains(&step.to) || passed.contains(&step.to) {
                continue;
            }
            via.push(step.id);
            if step.to == self.to {
                self.found.push(via.clone());
            } else {
                passed.push(step.to);
                self.on(passed, via);
                passed.pop();
            }
            via.pop();
        }
    }
}
