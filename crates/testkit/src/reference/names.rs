//! What names mean: fields over relationships, fields of tables that are reached in one way, and
//! rows of which a row has many.

use super::bins::Cut;
use super::cell::Cell;
use super::groups::Key;
use super::world::{Back, Rule};
use super::{Reference, Refused};

/// A column over relationships, each by its position in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) via: Vec<usize>,
    pub(super) table: usize,
    pub(super) column: usize,
}

/// From a table over relationships to one whose key columns of other rows equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) via: Vec<usize>,
    pub(super) table: usize,
    pub(super) far: Vec<usize>,
    /// Rows may be grouped by what it leads to.
    pub(super) bridge: bool,
}

/// Why a name has no single value.
pub(super) enum NotFound {
    Many,
    Other(Refused),
}

/// The rows that names are looked up from, and the time of what is computed from them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground {
    pub(super) table: usize,
    pub(super) time: Option<usize>,
    /// The same time where the asker may not see it: versions are seen by it all the same.
    pub(super) held: Option<usize>,
}

impl Reference<'_> {
    pub(super) fn table_named(&self, name: &str) -> Option<usize> {
        self.world.tables.iter().position(|table| table.name == name && !table.hidden)
    }

    fn link_named(&self, table: usize, name: &str) -> Option<usize> {
        let links = &self.world.tables[table].links;
        links.iter().position(|link| link.name == name && !self.world.tables[link.to].hidden)
    }

    /// The ways over relationships that pass no table twice.
    pub(super) fn routes(&self, from: usize, to: usize) -> Vec<Vec<usize>> {
        self.reached(from).into_iter().filter(|(end, _)| *end == to).map(|(_, via)| via).collect()
    }

    /// Every table that a row leads to one row of, with the way; itself with none.
    fn reached(&self, from: usize) -> Vec<(usize, Vec<usize>)> {
        let mut found = vec![(from, Vec::new(), vec![from])];
        let mut next = 0;
        while next < found.len() {
            let (table, via, passed) = found[next].clone();
            next += 1;
            for (index, link) in self.world.tables[table].links.iter().enumerate() {
                if passed.contains(&link.to) || self.world.tables[link.to].hidden {
                    continue;
                }
                let (mut via, mut passed) = (via.clone(), passed.clone());
                via.push(index);
                passed.push(link.to);
                found.push((link.to, via, passed));
            }
        }
        found.into_iter().map(|(table, via, _)| (table, via)).collect()
    }

    /// Where named relationships lead, each to one row.
    fn led(&self, from: usize, steps: &[&str]) -> Option<(Vec<usize>, usize)> {
        let (mut table, mut via) = (from, Vec::new());
        for step in steps {
            let link = self.link_named(table, step)?;
            via.push(link);
            table = self.world.tables[table].links[link].to;
        }
        Some((via, table))
    }

    /// A field over named relationships alone.
    fn walked(&self, from: usize, chain: &[&str]) -> Option<Place> {
        let (last, steps) = chain.split_last()?;
        let (via, table) = self.led(from, steps)?;
        let columns = &self.world.tables[table].columns;
        let column = columns.iter().position(|c| c.name == *last && !c.hidden)?;
        Some(Place { via, table, column })
    }

    /// A segment of the rows, or of the one row that named relationships lead to: the way, the
    /// table there, and its condition.
    pub(super) fn segment(
        &self,
        ground: Ground,
        name: &str,
    ) -> Result<(Vec<usize>, usize, &Rule), Refused> {
        let missing = || format!("{name} is no segment");
        let chain: Vec<&str> = name.split('.').collect();
        let (last, steps) = chain.split_last().ok_or_else(missing)?;
        let (via, table) = self.led(ground.table, steps).ok_or_else(missing)?;
        let of = &self.world.tables[table];
        let named = of.segments.iter().find(|(known, _)| known.as_str() == *last);
        let (_, rule) = named.ok_or_else(missing)?;
        let mut columns = Vec::new();
        rule.columns(&mut columns);
        if columns.iter().any(|column| of.columns[*column].hidden) {
            return Err(missing());
        }
        self.dated(ground, &via)?;
        Ok((via, table, rule))
    }

    pub(super) fn find(&self, ground: Ground, name: &str) -> Result<Place, NotFound> {
        if name == "metric_time" {
            let no_time = || NotFound::Other("no time".to_owned());
            let column = ground.time.ok_or_else(no_time)?;
            return Ok(Place { via: Vec::new(), table: ground.table, column });
        }
        let chain: Vec<&str> = name.split('.').collect();
        if let Some(found) = self.walked(ground.table, &chain) {
            self.dated(ground, &found.via).map_err(NotFound::Other)?;
            return Ok(found);
        }
        if self.named_step(ground.table, &chain).is_some() {
            return Err(NotFound::Many);
        }
        let missing = || NotFound::Other(format!("{name} is no field"));
        let target = self.table_named(chain[0]).filter(|_| chain.len() > 1).ok_or_else(missing)?;
        let inner = self.walked(target, &chain[1..]).ok_or_else(missing)?;
        let mut routes = self.routes(ground.table, target);
        match routes.len() {
            0 => Err(NotFound::Many),
            1 => {
                let mut via = routes.remove(0);
                via.extend(inner.via);
                self.dated(ground, &via).map_err(NotFound::Other)?;
                Ok(Place { via, ..inner })
            }
            _ => Err(NotFound::Other(format!("several ways to {name}"))),
        }
    }

    /// A field that a condition tests. Of a table that a row leads to one row of, and has many rows
    /// of itself, either may be meant.
    pub(super) fn tested(&self, ground: Ground, name: &str) -> Result<Place, NotFound> {
        let found = self.find(ground, name)?;
        match self.has_many_too(ground.table, name, false) {
            true => Err(NotFound::Other(format!("one and many behind {name}"))),
            false => Ok(found),
        }
    }

    fn has_many_too(&self, from: usize, name: &str, bridges: bool) -> bool {
        let chain: Vec<&str> = name.split('.').collect();
        let target =
            self.table_named(chain[0]).filter(|_| self.link_named(from, chain[0]).is_none());
        target.filter(|target| *target != from && chain.len() > 1).is_some_and(|target| {
            let mut links = self.world.tables[target].links.iter();
            links.any(|link| {
                let bridge = link.back.as_ref().is_some_and(|back| back.bridge);
                link.to == from && (bridge || !bridges)
            })
        })
    }

    /// The ways from a table that do not pass another.
    fn passing_by(&self, from: usize, other: usize) -> Vec<(usize, Vec<usize>)> {
        let passes = |via: &[usize]| {
            let mut at = from;
            via.iter().any(|link| {
                at = self.world.tables[at].links[*link].to;
                at == other
            })
        };
        self.reached(from).into_iter().filter(|(_, via)| !passes(via)).collect()
    }

    pub(super) fn field(&self, ground: Ground, name: &str) -> Result<Place, Refused> {
        self.find(ground, name).map_err(|why| match why {
            NotFound::Many => format!("{name} has no single value"),
            NotFound::Other(why) => why,
        })
    }

    /// What is computed from a table, over its own time unless another is named.
    pub(super) fn ground(&self, table: usize, named: Option<usize>) -> Ground {
        let held = named.or(self.world.tables[table].time);
        Ground { table, time: self.world.time_of(table, named), held }
    }

    /// Of every history on a way it has to be clear which version is meant: the time of what is
    /// computed says so of the first step alone.
    pub(super) fn dated(&self, ground: Ground, via: &[usize]) -> Result<(), Refused> {
        let mut table = ground.table;
        for (index, step) in via.iter().enumerate() {
            let link = &self.world.tables[table].links[*step];
            let timed = link.as_of.is_some() || index == 0 && ground.held.is_some();
            if self.world.tables[link.to].validity.is_some() && !timed {
                return Err("a history without a time".to_owned());
            }
            table = link.to;
        }
        Ok(())
    }

    /// The stored value of a row, whatever the asker sees.
    fn stored(&self, table: usize, row: usize, column: usize) -> &Cell {
        let table = &self.world.tables[table];
        &table.rows[row][table.columns[column].clear.unwrap_or(column)]
    }

    /// Whether a row holds at a time: from its first up to, but without, its second end.
    ///
    /// Choice: where one of the three is a date, they are compared as days in the zone of the
    /// question, as for the days of a calendar.
    fn holds_at(&self, time: &Cell, table: usize, row: usize) -> bool {
        let Some((from, till)) = self.world.tables[table].validity else { return true };
        let (from, till) = (self.stored(table, row, from), self.stored(table, row, till));
        let days = [time, from, till].iter().any(|cell| matches!(cell, Cell::Date(_)));
        let number = |cell: &Cell| match cell {
            Cell::Date(day) => Some(i64::from(*day)),
            Cell::Instant(micros) if days => Some(self.calendar.day(*micros).into()),
            Cell::Instant(micros) => Some(*micros),
            _ => None,
        };
        match (number(time), number(from), number(till)) {
            (Some(time), Some(from), till) => from <= time && till.is_none_or(|till| time < till),
            _ => false,
        }
    }

    /// A value as the key that it leads to: of an instant its day, in the zone of the question.
    fn as_key(&self, cell: &Cell) -> Cell {
        match cell {
            Cell::Instant(micros) => Cell::Date(self.calendar.day(*micros)),
            other => other.clone(),
        }
    }

    /// Whether columns of a row are the key of another: a missing value is part of none.
    fn leads(
        &self,
        (row, columns): (&[Cell], impl Iterator<Item = usize>),
        (there, keys): (&[Cell], impl Iterator<Item = usize>),
    ) -> bool {
        columns.zip(keys).all(|(column, key)| {
            !row[column].is_null() && self.as_key(&row[column]).same(&there[key])
        })
    }

    /// The row that a row leads to. Days that a calendar does not have lead nowhere.
    pub(super) fn follow(&self, ground: Ground, row: usize, via: &[usize]) -> Option<usize> {
        let (mut table, mut row) = (ground.table, row);
        for (index, step) in via.iter().enumerate() {
            let link = &self.world.tables[table].links[*step];
            let own = &self.world.tables[table].rows[row];
            let time = link.as_of.or(ground.held.filter(|_| index == 0));
            let time = time.map_or(&Cell::Null, |time| self.stored(table, row, time));
            let other = &self.world.tables[link.to];
            let leads = |there: &usize| {
                let key = (other.rows[*there].as_slice(), other.keys());
                self.leads((own.as_slice(), link.columns()), key)
                    && self.holds_at(time, link.to, *there)
            };
            row = (0..other.rows.len()).find(leads)?;
            table = link.to;
        }
        Some(row)
    }

    /// The value that a row has there; missing where it leads to no row.
    pub(super) fn value(&self, ground: Ground, row: usize, place: &Place) -> Cell {
        match self.follow(ground, row, &place.via) {
            Some(row) => self.world.tables[place.table].rows[row][place.column].clone(),
            None => Cell::Null,
        }
    }

    /// The first of named relationships that leads to many rows, and what is left of the name.
    fn named_step<'n>(&self, from: usize, chain: &[&'n str]) -> Option<(Step, Vec<&'n str>)> {
        let (mut table, mut via) = (from, Vec::new());
        for (index, name) in chain.iter().enumerate() {
            let mut backs = self.world.backs(table);
            let named = |(back, to, _): &(&Back, usize, _)| {
                back.name == *name && !self.world.tables[*to].hidden
            };
            if let Some((back, to, link)) = backs.find(named) {
                let far = link.columns().collect();
                let step = Step { via, table: to, far, bridge: back.bridge };
                return Some((step, chain[index + 1..].to_vec()));
            }
            let link = self.link_named(table, name)?;
            via.push(link);
            table = self.world.tables[table].links[link].to;
        }
        None
    }

    /// The rows that a name means of which a row has many, and what is left of the name: over named
    /// relationships, or the rows of a table where one way leads there.
    ///
    /// Choice: what leads to a history belongs to what that is of, so each version has all of it.
    pub(super) fn step(&self, ground: Ground, name: &str) -> Result<(Step, String), Refused> {
        let chain: Vec<&str> = name.split('.').collect();
        if let Some((step, rest)) = self.named_step(ground.table, &chain) {
            self.dated(ground, &step.via)?;
            return Ok((step, rest.join(".")));
        }
        let target = self.table_named(chain[0]).ok_or_else(|| format!("{name} is no table"))?;
        let mut routes = self.routes(ground.table, target);
        if chain.len() > 1 && !routes.is_empty() {
            // What is behind a table that a row has one of belongs to that one.
            let behind = self.named_step(target, &chain[1..]);
            let (step, rest) = behind.ok_or_else(|| format!("{name} leads to no rows"))?;
            if routes.len() > 1 {
                return Err(format!("several ways to {name}"));
            }
            let via = [routes.remove(0), step.via].concat();
            self.dated(ground, &via)?;
            return Ok((Step { via, ..step }, rest.join(".")));
        }
        let mut found: Vec<Step> = Vec::new();
        for (table, via) in self.passing_by(ground.table, target) {
            for link in self.world.tables[target].links.iter().filter(|link| link.to == table) {
                let bridge = link.back.as_ref().is_some_and(|back| back.bridge);
                let (via, far) = (via.clone(), link.columns().collect());
                found.push(Step { via, table: target, far, bridge });
            }
        }
        if found.len() != 1 {
            return Err(format!("{} ways to rows of {name}", found.len()));
        }
        self.dated(ground, &found[0].via)?;
        Ok((found.remove(0), chain[1..].join(".")))
    }

    /// A field by which rows are grouped: of each row, or over a bridge.
    pub(super) fn key(&self, ground: Ground, name: &str, cut: Option<Cut>) -> Result<Key, Refused> {
        let bridged = match self.find(ground, name) {
            Err(NotFound::Many) => Some(self.step(ground, name)?),
            Ok(_) if self.has_many_too(ground.table, name, true) => {
                return Err(format!("one and many behind {name}"));
            }
            _ => None,
        };
        let Some((step, rest)) = bridged else {
            return Ok(Key { bridge: None, place: self.field(ground, name)?, cut });
        };
        if !step.bridge {
            return Err(format!("{name} has no single value"));
        }
        let there = self.ground(step.table, None);
        Ok(Key { place: self.field(there, &rest)?, bridge: Some(step), cut })
    }

    /// The rows that a step leads to.
    pub(super) fn many(&self, ground: Ground, row: usize, step: &Step) -> Vec<usize> {
        let Some(at) = self.follow(ground, row, &step.via) else { return Vec::new() };
        let mut table = ground.table;
        for link in &step.via {
            table = self.world.tables[table].links[*link].to;
        }
        let near = &self.world.tables[table];
        let rows = self.world.tables[step.table].rows.iter().enumerate();
        let leads = |row: &Vec<Cell>| {
            let key = (near.rows[at].as_slice(), near.keys());
            self.leads((row.as_slice(), step.far.iter().copied()), key)
        };
        rows.filter(|(_, row)| leads(row)).map(|(index, _)| index).collect()
    }
}
