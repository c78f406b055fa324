//! What names mean from one table on: its fields, those of tables that it leads to, and rows that
//! lead to it.

use sandbar_catalog::{FieldId, FieldPath, RelationshipId, TableId, Type};
use sandbar_permissions::{Level, Missing, Refusal};

use super::calculated::Meaning;
use super::instead::{found_of, one_of, some_of};
use super::ways::{Way, Ways};
use super::{Asking, shorten};
use crate::error::ProblemKind;
use crate::query::{Member, Of, ToMany};

/// The name under which a question speaks of each metric's own time.
pub(super) const METRIC_TIME: &str = "metric_time";

/// The rows that names are looked up from.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) table: TableId,
    /// The time that its numbers are reported over.
    pub(super) time: Option<FieldId>,
    /// What is computed from these rows, as the asker wrote it.
    pub(super) about: String,
    /// Whether what the question calculates has its names here: only for the rows that it is asked
    /// of, not for others that its conditions look at.
    pub(super) asked: bool,
    /// What conditions look at beyond the tables that are joined.
    pub(super) members: Vec<Member<TableId>>,
}

impl Ground {
    pub(super) fn new(table: TableId, time: Option<FieldId>, about: &str) -> Self {
        Self { table, time, about: about.to_owned(), asked: false, members: Vec::new() }
    }

    /// The position of what a condition looks at; what several look at is there once.
    pub(super) fn member(&mut self, member: Member<TableId>) -> usize {
        if let Some(known) = self.members.iter().position(|known| *known == member) {
            return known;
        }
        self.members.push(member);
        self.members.len() - 1
    }
}

/// Why a name has no single value for each row.
pub(super) enum NotFound {
    /// There is no such name, for all the asker may know.
    Missing(Missing),
    /// Several ways lead to that table, by these relationships; or there may be `more` than these,
    /// since not all could be tried.
    Ambiguous { table: TableId, ways: Vec<String>, more: bool },
    /// Each row leads to many of that table, which lead back in these ways.
    Finer { table: TableId, ways: Vec<String> },
    /// The rows of that table belong to others.
    Sideways { table: TableId },
    /// The numbers have no time.
    NoTime,
}

impl NotFound {
    /// Whether rows may lead to many of what has the name.
    pub(super) fn may_be_many(&self) -> bool {
        matches!(
            self,
            Self::Missing(Missing::ToMany { .. }) | Self::Finer { .. } | Self::Sideways { .. }
        )
    }
}

impl Asking<'_> {
    /// What a name means for each row: what the question calculates, or a field; says so if there
    /// is neither.
    pub(super) fn of(&mut self, ground: &Ground, name: &str, path: &str) -> Option<Of> {
        match self.of_rows(ground, name) {
            Meaning::Calculated(expr) => Some(Of::Calculated(expr)),
            Meaning::Broken => None,
            Meaning::Other => self.field(ground, name, path).map(Of::Field),
        }
    }

    /// The field that a name means; says so if there is none.
    pub(super) fn field(&mut self, ground: &Ground, name: &str, path: &str) -> Option<FieldPath> {
        if self.told_enough() {
            return None;
        }
        match self.find(ground, name) {
            Ok(found) => {
                self.remember(ground, name, path, found.field);
                Some(found)
            }
            Err(why) => {
                self.not_found(ground, name, path, &why);
                None
            }
        }
    }

    /// The field that a name means: over named relationships, as `table.field`, or the time of the
    /// numbers.
    pub(super) fn find(&self, ground: &Ground, name: &str) -> Result<FieldPath, NotFound> {
        if name == METRIC_TIME {
            let time = FieldPath::own(ground.time.ok_or(NotFound::NoTime)?);
            return match self.grants.field_level(&time) {
                Level::Query => Ok(time),
                Level::Describe => Err(NotFound::Missing(Missing::Refused(Refusal::DescribeOnly))),
                Level::None => Err(NotFound::NoTime),
            };
        }
        let chain: Vec<&str> = name.split('.').collect();
        let missing = match self.grants.find_field(ground.table, &chain) {
            Ok(found) => return Ok(found),
            Err(missing) => missing,
        };
        let Some((target, rest)) = self.qualified(ground.table, &chain) else {
            let of_others = self.beside(ground).iter().map(|other| other.table);
            let mut of_others =
                of_others.filter_map(|table| self.grants.find_field(table, &chain).ok());
            let same = of_others.find_map(|other| self.of_one_dimension(ground.table, &other));
            return same.ok_or(NotFound::Missing(missing));
        };
        let inner = self.grants.find_field(target, rest).map_err(NotFound::Missing)?;
        let routes = self.routes(ground.table, target);
        if let Some(route) = routes.only() {
            return Ok(inner.behind(route));
        }
        if routes.none() {
            return Err(self.unreachable(ground.table, target));
        }
        let ways = routes.found.iter().map(|route| self.dotted(route, &[])).collect();
        Err(NotFound::Ambiguous { table: target, ways, more: routes.more })
    }

    /// The one field of a table that is of the dimension of an own field of another: numbers of both
    /// tables are asked together by it, whatever it is called in each.
    fn of_one_dimension(&self, table: TableId, other: &FieldPath) -> Option<FieldPath> {
        let snapshot = self.grants.snapshot();
        let dimension = snapshot.field(other.field).dimension.as_ref()?;
        let own = snapshot.table(table).fields.iter();
        let same = own.filter(|field| field.dimension.as_ref() == Some(dimension));
        let mut seen = same.filter_map(|field| self.grants.find_field(table, &[&field.name]).ok());
        let found = seen.next().filter(|_| other.via.is_empty())?;
        seen.next().is_none().then_some(found)
    }

    /// `table.field`: the table that the first name means, where that is no relationship.
    fn qualified<'c>(
        &self,
        from: TableId,
        chain: &'c [&'c str],
    ) -> Option<(TableId, &'c [&'c str])> {
        let (first, rest) = chain.split_first()?;
        if rest.is_empty() || self.grants.relationships(from).any(|r| r.name == *first) {
            return None;
        }
        let snapshot = self.grants.snapshot();
        let table = snapshot.find_table(first).filter(|id| snapshot.table(*id).name == *first)?;
        (self.grants.table_level(table) == Level::Query).then_some((table, rest))
    }

    pub(super) fn dotted(&self, route: &[RelationshipId], rest: &[&str]) -> String {
        let snapshot = self.grants.snapshot();
        let steps = route.iter().map(|step| snapshot.relationship(*step).name.as_str());
        steps.chain(rest.iter().copied()).collect::<Vec<_>>().join(".")
    }

    /// Why no row of `from` leads to one row of `to`.
    fn unreachable(&self, from: TableId, to: TableId) -> NotFound {
        let back = self.routes(to, from);
        if back.found.is_empty() {
            return NotFound::Sideways { table: to };
        }
        let of = self.table_name(to);
        let ways =
            back.found.iter().map(|route| format!("{of}.{}", self.dotted(route, &[]))).collect();
        NotFound::Finer { table: to, ways }
    }

    /// Answers for a name that has no single value for each row.
    pub(super) fn not_found(&mut self, ground: &Ground, name: &str, path: &str, why: &NotFound) {
        let snapshot = self.compiled.snapshot();
        let own = snapshot.table(ground.table).name.clone();
        let (shown, about) = (shorten(name), shorten(&ground.about));
        match why {
            NotFound::Missing(Missing::ToMany { relationship }) => {
                let message = format!(
                    "`{shown}` has no single value for `{about}`: one row of `{own}` has many \
                     behind `{}`; ask for a number of them, or use it in a filter",
                    shorten(relationship)
                );
                self.problem("Q0117", path, message);
            }
            NotFound::Missing(missing @ Missing::Unknown { .. }) => {
                match self.of_another(ground, name) {
                    Some(message) => self.problem("Q0142", path, message),
                    None => self.missing("Q0105", "field", name, missing, path),
                }
            }
            NotFound::Missing(missing) => self.missing("Q0105", "field", name, missing, path),
            NotFound::Ambiguous { table, ways, more } => {
                let target = &snapshot.table(*table).name;
                let advice = self.instead(ground, name, why);
                let message = match more {
                    true => format!(
                        "`{shown}` may have no single value for `{about}`: of the ways from \
                         `{own}` to `{target}` not all could be tried{}; {advice}",
                        found_of(ways)
                    ),
                    false => format!(
                        "`{shown}` has no single value for `{about}`: `{own}` leads to `{target}` \
                         in several ways ({}), each with an answer of its own; {advice}",
                        some_of(ways)
                    ),
                };
                self.problem("Q0140", path, message);
            }
            NotFound::Finer { table, ways } => {
                let finer = &snapshot.table(*table).name;
                let message = format!(
                    "`{shown}` has no single value for `{about}`: one row of `{own}` has many of \
                     `{finer}` ({}); {}",
                    some_of(ways),
                    self.instead(ground, name, why)
                );
                self.problem("Q0141", path, message);
            }
            NotFound::Sideways { table } => {
                let other = &snapshot.table(*table).name;
                let message = format!(
                    "`{shown}` has no single value for `{about}`: a row of `{own}` belongs to no \
                     row of `{other}`; {}",
                    self.instead(ground, name, why)
                );
                self.problem("Q0142", path, message);
            }
            NotFound::NoTime => {
                let times = self.fields_behind(ground, &[], Type::is_temporal);
                let instead = match times.is_empty() {
                    true => String::new(),
                    false => format!("write {}, or ", one_of(&times)),
                };
                let message = format!(
                    "`{about}` has no time of its own that can be asked for, so `{METRIC_TIME}` \
                     means nothing here; {instead}ask for `{about}` without it"
                );
                self.problem("Q0144", path, message);
            }
        }
    }

    /// The rows that a name means, of which each row has many, and what is left of the name.
    ///
    /// # Errors
    /// Several ways lead there, or may.
    pub(super) fn to_many<'c>(
        &self,
        from: TableId,
        chain: &'c [&'c str],
    ) -> Result<Option<(ToMany, &'c [&'c str])>, Ways<Way>> {
        if let Some(found) = self.named_step(from, chain) {
            return Ok(Some(found));
        }
        let Some((target, rest)) = self.table_of(from, chain) else { return Ok(None) };
        let routes = self.routes(from, target);
        if !rest.is_empty() && !routes.none() {
            // What is behind a table that each row has one of belongs to that one.
            let Some((step, left)) = self.named_step(target, rest) else { return Ok(None) };
            let Some(route) = routes.only() else { return Err(self.written(&routes)) };
            let via = route.iter().chain(&step.via).copied().collect();
            return Ok(Some((ToMany { via, ..step }, left)));
        }
        let ways = self.many(from, target);
        match ways.only() {
            Some((step, _)) => Ok(Some((step.clone(), rest))),
            None if ways.none() => Ok(None),
            None => {
                let found = ways.found.iter().map(|(_, told)| told.clone()).collect();
                Err(Ways { found, more: ways.more })
            }
        }
    }

    /// The first of some named relationships that leads to many rows, and what is left of the name.
    fn named_step<'c>(
        &self,
        from: TableId,
        chain: &'c [&'c str],
    ) -> Option<(ToMany, &'c [&'c str])> {
        let (mut at, mut via) = (from, Vec::new());
        for (index, name) in chain.iter().enumerate() {
            let step = self.usable(at).into_iter().find(|r| r.name == *name)?;
            if step.cardinality.is_to_one() {
                via.push(step.id);
                at = step.to;
                continue;
            }
            let (near, far) = step.on.iter().copied().unzip();
            let rest = chain.get(index + 1..).unwrap_or_default();
            let (table, bridge) = (step.to, step.bridge);
            return Some((ToMany { via, near, far, table, bridge }, rest));
        }
        None
    }

    fn written(&self, routes: &Ways<Vec<RelationshipId>>) -> Ways<Way> {
        let found = routes.found.iter().map(|route| Way::Written(self.dotted(route, &[])));
        Ways { found: found.collect(), more: routes.more }
    }

    /// The ways to a table by which a name calls its field, where each row leads to one row of it, and
    /// has many itself: either may be meant. Others that are many at the end of a longer way are not,
    /// as what belongs to a row stands nearer.
    pub(super) fn one_and_many(
        &self,
        from: TableId,
        chain: &[&str],
        counts: impl Fn(&ToMany) -> bool,
    ) -> Option<Ways<Way>> {
        let (target, _) = self.qualified(from, chain).filter(|(target, _)| *target != from)?;
        let many = self.many(from, target);
        let mut direct = many.found.iter().filter(|(step, _)| step.via.is_empty() && counts(step));
        let first = direct.next()?;
        let mut ways = self.written(&self.routes(from, target));
        ways.found.extend(std::iter::once(first).chain(direct).map(|(_, told)| told.clone()));
        Some(ways)
    }

    fn table_of<'c>(
        &self,
        from: TableId,
        chain: &'c [&'c str],
    ) -> Option<(TableId, &'c [&'c str])> {
        let (first, rest) = chain.split_first()?;
        let padded = [*first, ""];
        let (table, _) = self.qualified(from, &padded)?;
        Some((table, rest))
    }
}

/// What a name stood for, where it stood.
#[derive(Debug)]
pub(super) struct Use {
    path: String,
    name: String,
    about: String,
    field: FieldId,
    is_time: bool,
}

impl Asking<'_> {
    /// Remembers what a name stands for at a place.
    pub(super) fn remember(&mut self, ground: &Ground, name: &str, path: &str, field: FieldId) {
        let is_time = ground.time == Some(field);
        let (path, name, about) = (path.to_owned(), name.to_owned(), ground.about.clone());
        self.uses.push(Use { path, name, about, field, is_time });
    }

    /// What the numbers are that a name was looked up for last at a place.
    pub(super) fn about(&self, name: &str, path: &str) -> Option<&str> {
        let mut uses = self.uses.iter().rev();
        let found = uses.find(|known| known.path == path && known.name == name)?;
        Some(&found.about)
    }

    /// Whether two fields mean the same: they are one, or of one dimension.
    pub(super) fn one_thing(&self, a: FieldId, b: FieldId) -> bool {
        let snapshot = self.compiled.snapshot();
        let dimension = |field: FieldId| &snapshot.field(field).dimension;
        a == b || dimension(a).is_some() && dimension(a) == dimension(b)
    }

    /// A name means one thing for all the numbers of a question: the same field, or fields of one
    /// dimension.
    pub(super) fn conformed(&mut self) {
        let snapshot = self.compiled.snapshot();
        let uses = std::mem::take(&mut self.uses);
        let mut told: Vec<&str> = Vec::new();
        for (index, other) in uses.iter().enumerate() {
            let same = |first: &&Use| first.path == other.path && first.name == other.name;
            let first = uses.iter().take(index).find(same);
            let Some(first) = first else { continue };
            // The time of each is one thing by its name.
            let same = other.name == METRIC_TIME || self.one_thing(first.field, other.field);
            if same || told.contains(&other.path.as_str()) {
                continue;
            }
            told.push(&other.path);
            let (a, b) = (snapshot.field(first.field), snapshot.field(other.field));
            let full = |field: &sandbar_catalog::Field| {
                format!("{}.{}", snapshot.table(field.id.table()).name, field.name)
            };
            let (one, another) = (shorten(&first.about), shorten(&other.about));
            let instead = if first.is_time && other.is_time {
                format!("`{METRIC_TIME}` is the time of each")
            } else {
                format!(
                    "ask for `{one}` and for `{another}` in two questions, or give both fields the \
                     same `dimension` in the model if they mean the same"
                )
            };
            let message = format!(
                "`{}` is `{}` for `{one}`, but `{}` for `{another}`; {instead}",
                shorten(&other.name),
                full(a),
                full(b),
            );
            self.push("Q0143", ProblemKind::Invalid, &other.path, message);
        }
    }
}
