//! What can be asked in place of what is refused: taken from what the asker sees, and only what
//! resolves for him.

use sandbar_catalog::time::Grain;
use sandbar_catalog::{FieldId, FieldPath, MetricId, RelationshipId, TableId, Type};
use sandbar_permissions::{Level, Missing};

use super::ground::{Ground, METRIC_TIME, NotFound};
use super::{Asking, shorten};

/// The most names that are proposed, and the most ways that are told, at once.
pub(super) const MAX_NAMES: usize = 4;
/// The longest name that is looked at, in bytes.
const MAX_LENGTH: usize = 256;
/// The most shared tables whose fields are looked at.
const MAX_SHARED: usize = 8;
/// The grains that bring times together, those that are asked for most in front.
const GRAINS: [Grain; 7] = [
    Grain::Day,
    Grain::Week,
    Grain::Month,
    Grain::Quarter,
    Grain::Year,
    Grain::FiscalQuarter,
    Grain::FiscalYear,
];

/// Names as they are told.
pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Ways as they are told: the first ones, where there are many.
pub(super) fn some_of(ways: &[String]) -> String {
    match ways.get(..MAX_NAMES) {
        Some(first) if ways.len() > MAX_NAMES => format!("{}, among others", quoted(first)),
        _ => quoted(ways),
    }
}

/// Ways that were found before not all could be tried, as they are told behind that.
pub(super) fn found_of(ways: &[String]) -> String {
    match ways.is_empty() {
        true => String::new(),
        false => format!(" (found: {})", some_of(ways)),
    }
}

/// Names of which one is to be taken.
pub(super) fn one_of(names: &[String]) -> String {
    let all = quoted(names);
    if names.len() == 1 { all } else { format!("one of {all}") }
}

/// A field at a grain, as a question writes it.
pub(super) fn at_grain(name: &str, grain: Grain) -> String {
    format!("`{{\"field\": \"{name}\", \"grain\": \"{}\"}}`", grain.name())
}

/// The finest grain of days or longer periods that all of these lie in.
fn common(natives: &[Grain]) -> Option<Grain> {
    GRAINS.into_iter().find(|grain| natives.iter().all(|native| native.lies_in(*grain)))
}

impl Asking<'_> {
    /// The field that a name means from a table on, if rows can be grouped and narrowed by it.
    fn usable_path(&self, table: TableId, time: Option<FieldId>, name: &str) -> Option<FieldPath> {
        if name.len() > MAX_LENGTH {
            return None;
        }
        let found = self.find(&Ground::new(table, time, ""), name).ok()?;
        let other = self.compiled.snapshot().field(found.field).data_type == Type::Other;
        let lacks = |steps: usize| {
            found.via.get(..steps).is_some_and(|via| self.without_version(via, time))
        };
        (!other && !(1..=found.via.len()).any(lacks)).then_some(found)
    }

    /// The numbers beside which those of some rows are asked.
    pub(super) fn beside(&self, ground: &Ground) -> &[Ground] {
        if ground.asked { &self.beside } else { &[] }
    }

    /// Whether a name can be used, and means one thing for all numbers that are asked together.
    pub(super) fn fits_all(&self, ground: &Ground, name: &str) -> bool {
        let Some(own) = self.usable_path(ground.table, ground.time, name) else { return false };
        self.beside(ground).iter().all(|other| {
            let other = self.usable_path(other.table, other.time, name);
            other.is_some_and(|other| self.one_thing(own.field, other.field))
        })
    }

    /// Which of some names can be used, as advice; with the other numbers if that can be.
    pub(super) fn advice(&self, ground: &Ground, names: &[String], about: &str) -> String {
        let own = |name: &&String| self.usable_path(ground.table, ground.time, name).is_some();
        let all = |name: &&String| self.fits_all(ground, name);
        let together: Vec<String> = names.iter().filter(all).take(MAX_NAMES).cloned().collect();
        if !together.is_empty() {
            return format!("write {}", one_of(&together));
        }
        let alone: Vec<String> = names.iter().filter(own).take(MAX_NAMES).cloned().collect();
        match alone.is_empty() {
            true => format!("ask for `{about}` without it"),
            false => {
                format!("ask for `{about}` in a question of its own, with {}", one_of(&alone))
            }
        }
    }

    /// Some fields behind a way that can be used, of types that fit.
    pub(super) fn fields_behind(
        &self,
        ground: &Ground,
        via: &[RelationshipId],
        fits: impl Fn(Type) -> bool,
    ) -> Vec<String> {
        let table = self.compiled.snapshot().end_of(ground.table, via);
        let fields = self.grants.fields(table).filter(|field| fits(field.data_type));
        let names = fields.map(|field| self.dotted(via, &[field.name.as_str()]));
        names.filter(|name| self.fits_all(ground, name)).take(MAX_NAMES).collect()
    }

    /// Whether numbers have a time that the asker may ask for.
    pub(super) fn timed(&self, time: Option<FieldId>) -> bool {
        let open = |time| self.grants.field_level(&FieldPath::own(time)) == Level::Query;
        time.is_some_and(open)
    }

    /// The finest grain that a name can be asked at for all numbers that are asked together, where
    /// its values stand for such periods.
    pub(super) fn finest(&self, native: Grain, name: &str) -> Grain {
        let mut natives = vec![native];
        for Ground { table, time, .. } in &self.beside {
            let field = match name == METRIC_TIME {
                true => time.filter(|time| self.timed(Some(*time))),
                false => self.usable_path(*table, *time, name).map(|found| found.field),
            };
            natives.extend(field.and_then(|field| self.compiled.snapshot().field(field).grain));
        }
        common(&natives).unwrap_or(native)
    }

    /// Fields of a table that the rows of both lead to, as advice.
    pub(super) fn shared(&self, ground: &Ground, other: TableId) -> Option<String> {
        let snapshot = self.compiled.snapshot();
        let (own, others) = (self.reached(ground.table), self.reached(other));
        let both = own.ways.iter().filter_map(|(table, via)| {
            let theirs = others.first(*table)?;
            (*table != ground.table && *table != other).then_some((*table, via, theirs))
        });
        both.take(MAX_SHARED).find_map(|(table, via, theirs)| {
            let names = self.fields_behind(ground, via, |_| true);
            let name = |table: TableId| snapshot.table(table).name.as_str();
            let way = |from: TableId, via: &[RelationshipId]| {
                format!("`{}.{}`", name(from), self.dotted(via, &[]))
            };
            (!names.is_empty()).then(|| {
                format!(
                    "both lead to `{}` ({}, {}): write {}",
                    name(table),
                    way(ground.table, via),
                    way(other, theirs),
                    one_of(&names)
                )
            })
        })
    }

    /// The question for a number of rows by one of their fields, if the asker can ask it.
    fn count_by(&self, table: TableId, field: &str) -> Option<String> {
        let name = &self.compiled.snapshot().table(table).name;
        if self.grants.find_table(name) != Ok(table) {
            return None;
        }
        self.usable_path(table, self.default_time(table), field)?;
        Some(format!(
            "`{{\"table\": \"{name}\", \"aggregations\": [\"count\"], \
             \"group_by\": [\"{field}\"]}}`"
        ))
    }

    /// Whether single rows are told of a table, and of those on a way from it.
    pub(super) fn tells_single_rows(&self, table: TableId, via: &[RelationshipId]) -> bool {
        let ends = via.iter().map(|step| self.compiled.snapshot().relationship(*step).to);
        std::iter::once(table).chain(ends).all(|table| self.grants.min_group_size(table).is_none())
    }

    fn condition_on(&self, table: TableId, name: &str) -> bool {
        let chain: Vec<&str> = name.split('.').collect();
        let Ok(Some((step, rest))) = self.to_many(table, &chain) else { return false };
        if !self.tells_single_rows(step.table, &step.via) {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        let time = self.default_time(step.table);
        let found = self.usable_path(step.table, time, &rest.join("."));
        found.is_some_and(|found| self.tells_single_rows(step.table, &found.via))
    }

    /// Whether a condition may look at many rows, or at a field of theirs: for all numbers that are
    /// asked together.
    pub(super) fn as_condition(&self, ground: &Ground, name: &str) -> bool {
        self.condition_on(ground.table, name)
            && self.beside(ground).iter().all(|other| {
                self.condition_on(other.table, name)
                    || self.usable_path(other.table, other.time, name).is_some()
            })
    }

    /// What can be asked of a field of other rows, which has no single value for these.
    pub(super) fn of_others(&self, ground: &Ground, name: &str, other: TableId) -> Vec<String> {
        let mut found = Vec::new();
        if self.as_condition(ground, name) {
            found.push(format!("use `{}` in a `filter`", shorten(name)));
        }
        let count = name.split_once('.').and_then(|(_, field)| self.count_by(other, field));
        if let Some(count) = count {
            let table = &self.compiled.snapshot().table(other).name;
            found.push(format!("ask for a number of `{table}`: {count}"));
        }
        found
    }

    /// What can be asked in place of a name that has no single value for these rows, as advice.
    pub(super) fn instead(&self, ground: &Ground, name: &str, why: &NotFound) -> String {
        let about = shorten(&ground.about);
        let found = match why {
            NotFound::Ambiguous { ways, .. } => {
                let field = name.split_once('.').map_or("", |(_, field)| field);
                let names: Vec<String> = ways.iter().map(|way| format!("{way}.{field}")).collect();
                return self.advice(ground, &names, &about);
            }
            NotFound::Finer { table, .. } => self.of_others(ground, name, *table),
            NotFound::Sideways { table } => {
                let shared = self.shared(ground, *table).into_iter();
                shared.chain(self.of_others(ground, name, *table)).collect()
            }
            NotFound::Missing(_) | NotFound::NoTime => Vec::new(),
        };
        if found.is_empty() { format!("ask for `{about}` without it") } else { found.join(", or ") }
    }

    /// Whose field a name is that is none of these rows, where another number that is asked beside
    /// has it, and what can be asked instead.
    pub(super) fn of_another(&self, ground: &Ground, name: &str) -> Option<String> {
        let chain: Vec<&str> = name.split('.').collect();
        let (other, found) = self.beside(ground).iter().find_map(|other| {
            let open = self.grants.table_level(other.table) == Level::Query;
            let found = self.grants.find_field(other.table, &chain).ok().filter(|_| open)?;
            Some((other, found))
        })?;
        let path = self.compiled.snapshot().path_name(&found);
        let full = format!("{}.{path}", self.table_name(other.table));
        let about = shorten(&ground.about);
        let instead = match self.find(ground, &full) {
            Ok(_) if self.fits_all(ground, &full) => format!("write `{full}`"),
            Ok(_) => format!("ask for `{about}` without it"),
            Err(NotFound::Missing(Missing::ToMany { .. })) => {
                let table = other.table;
                self.instead(ground, &full, &NotFound::Finer { table, ways: Vec::new() })
            }
            Err(why) => self.instead(ground, &full, &why),
        };
        let (name, of) = (shorten(name), shorten(&other.about));
        Some(format!("`{name}` is `{full}` for `{of}`, and `{about}` has none; {instead}"))
    }

    /// Rows of which one of these has many, by the names that conditions look at them with: the one
    /// that is close to a name, or some.
    pub(super) fn many_rows(&self, ground: &Ground, name: &str) -> Vec<String> {
        let from = ground.table;
        let own = self.usable(from).into_iter().filter(|step| !step.cardinality.is_to_one());
        let leads = |table: TableId| {
            self.usable(table).iter().any(|step| step.to == from && step.cardinality.is_to_one())
        };
        let tables = self.grants.tables().filter(|table| leads(table.id));
        let names = own.map(|step| &step.name).chain(tables.map(|table| &table.name));
        let names: Vec<String> = names.cloned().collect();
        let close = sandbar_catalog::decode::suggest(name, names.iter().map(String::as_str));
        let names = match close {
            Some(close) => vec![close.to_owned()],
            None => names.iter().take(MAX_NAMES).cloned().collect(),
        };
        names.into_iter().filter(|name| self.as_condition(ground, name)).collect()
    }

    /// Whether a metric has one number for what each row leads to.
    pub(super) fn has_number(&self, id: MetricId, from: TableId, via: &[RelationshipId]) -> bool {
        let snapshot = self.compiled.snapshot();
        let entity = snapshot.table(snapshot.end_of(from, via));
        let mut leaves = snapshot.metric(id).leaves.iter();
        let history = entity.validity.is_some();
        !entity.primary_key.is_empty()
            && !history
            && leaves.all(|leaf| {
                let own = leaf.window.is_none() && leaf.shifts.is_empty();
                own && leaf.conversion.is_none()
                    && leaf.requires.is_empty()
                    && self.tells_single_rows(leaf.table, &[])
                    && (leaf.table == from || self.routes(leaf.table, entity.id).only().is_some())
            })
    }

    /// The relationships behind a way that lead to what a metric has one number for.
    pub(super) fn entities(
        &self,
        from: TableId,
        via: &[RelationshipId],
        metric: &str,
    ) -> Vec<String> {
        let Ok(id) = self.grants.find_metric(metric) else { return Vec::new() };
        let at = self.compiled.snapshot().end_of(from, via);
        let steps = self.usable(at).into_iter().filter(|step| {
            let longer: Vec<RelationshipId> = via.iter().copied().chain([step.id]).collect();
            step.cardinality.is_to_one() && self.has_number(id, from, &longer)
        });
        steps.map(|step| step.name.clone()).take(MAX_NAMES).collect()
    }
}
