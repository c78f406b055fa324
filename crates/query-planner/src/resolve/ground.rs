//! What names mean from one table on: its fields, those of tables that it leads to, and rows that
//! lead to it.

use sandbar_catalog::{FieldId, FieldPath, Relationship, RelationshipId, TableId, Type};
use sandbar_permissions::{Grants, Level, Missing, Refusal};

use super::calculated::Meaning;
use super::instead::{one_of, quoted};
use super::{Asking, shorten};
use crate::error::ProblemKind;
use crate::query::{Member, Of, ToMany};

/// The name under which a question speaks of each metric's own time.
pub(super) const METRIC_TIME: &str = "metric_time";

/// The most relationships that one name follows.
const MAX_STEPS: usize = 8;
/// The most ways that are looked at before a name counts as ambiguous.
const MAX_ROUTES: usize = 8;
/// The most relationships that are tried for one name.
const MAX_TRIES: usize = 10_000;

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
    /// Several ways lead to that table, by these relationships.
    Ambiguous { table: TableId, ways: Vec<String> },
    /// Each row leads to many of that table, which lead back in these ways.
    Finer { table: TableId, ways: Vec<String> },
    /// The rows of that table belong to others.
    Sideways { table: TableId },
    /// The numbers have no time.
    NoTime,
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
        match self.find(ground, name) {
            Ok(found) => {
                self.remember(ground, name, path, found.field);
                Some(found)
            }
            Err(why) => {
                self.not_found(ground, name, path, why);
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
            return Err(NotFound::Missing(missing));
        };
        let inner = self.grants.find_field(target, rest).map_err(NotFound::Missing)?;
        let routes = routes(self.grants, ground.table, target);
        match routes.as_slice() {
            [route] => Ok(inner.behind(route)),
            [] => Err(self.unreachable(ground.table, target)),
            many => {
                let ways = many.iter().map(|route| self.dotted(route, &[])).collect();
                Err(NotFound::Ambiguous { table: target, ways })
            }
        }
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
        let back = routes(self.grants, to, from);
        if back.is_empty() {
            return NotFound::Sideways { table: to };
        }
        let of = self.table_name(to);
        let ways = back.iter().map(|route| format!("{of}.{}", self.dotted(route, &[]))).collect();
        NotFound::Finer { table: to, ways }
    }

    /// Answers for a name that has no single value for each row.
    pub(super) fn not_found(&mut self, ground: &Ground, name: &str, path: &str, why: NotFound) {
        let snapshot = self.compiled.snapshot();
        let own = snapshot.table(ground.table).name.clone();
        let (shown, about) = (shorten(name), shorten(&ground.about));
        match why {
            NotFound::Missing(Missing::ToMany { relationship }) => {
                let message = format!(
                    "`{shown}` has no single value for `{about}`: one row of `{own}` has many \
                     behind `{}`; ask for a number of them, or use it in a filter",
                    shorten(&relationship)
                );
                self.problem("Q0117", path, message);
            }
            NotFound::Missing(missing) => self.missing("Q0105", "field", name, &missing, path),
            NotFound::Ambiguous { table, ways } => {
                let target = &snapshot.table(table).name;
                let field = name.split_once('.').map_or("", |(_, field)| field);
                let names: Vec<String> = ways.iter().map(|way| format!("{way}.{field}")).collect();
                let advice = self.advice(ground, &names, &about);
                let message = format!(
                    "`{shown}` has no single value for `{about}`: `{own}` leads to `{target}` in \
                     several ways ({}), each with an answer of its own; {advice}",
                    quoted(&ways)
                );
                self.problem("Q0140", path, message);
            }
            NotFound::Finer { table, ways } => {
                let finer = &snapshot.table(table).name;
                let mut instead = self.of_others(ground, name, table);
                if instead.is_empty() {
                    instead.push(format!("ask for `{about}` without it"));
                }
                let message = format!(
                    "`{shown}` has no single value for `{about}`: one row of `{own}` has many of \
                     `{finer}` ({}); {}",
                    quoted(&ways),
                    instead.join(", or ")
                );
                self.problem("Q0141", path, message);
            }
            NotFound::Sideways { table } => {
                let other = &snapshot.table(table).name;
                let mut instead: Vec<String> = self.shared(ground, table).into_iter().collect();
                instead.extend(self.of_others(ground, name, table));
                if instead.is_empty() {
                    instead.push(format!("ask for `{about}` without it"));
                }
                let message = format!(
                    "`{shown}` has no single value for `{about}`: a row of `{own}` belongs to no \
                     row of `{other}`; {}",
                    instead.join(", or ")
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
    /// Several ways lead there.
    pub(super) fn to_many<'c>(
        &self,
        from: TableId,
        chain: &'c [&'c str],
    ) -> Result<Option<(ToMany, &'c [&'c str])>, Vec<Way>> {
        let snapshot = self.grants.snapshot();
        // Over named relationships, the first of which that leads to many is the step.
        let (mut at, mut via) = (from, Vec::new());
        for (index, name) in chain.iter().enumerate() {
            let Some(step) = self.usable(at).into_iter().find(|r| r.name == *name) else { break };
            if step.cardinality.is_to_one() {
                via.push(step.id);
                at = step.to;
                continue;
            }
            let (near, far) = step.on.iter().copied().unzip();
            let rest = chain.get(index + 1..).unwrap_or_default();
            let (table, bridge) = (step.to, step.bridge);
            return Ok(Some((ToMany { via, near, far, table, bridge }, rest)));
        }
        let Some((target, rest)) = self.table_of(from, chain) else { return Ok(None) };
        // Each with how it is told: by relationships, whose keys the asker need not know.
        let mut found: Vec<(ToMany, Way)> = Vec::new();
        let mut add = |step: ToMany, told: Way| {
            let known = |(other, _): &(ToMany, Way)| {
                other.via == step.via && other.near == step.near && other.far == step.far
            };
            if !found.iter().any(known) {
                found.push((step, told));
            }
        };
        for (table, via) in self.reached(from) {
            for step in self.usable(table).into_iter().filter(|r| r.to == target) {
                if !step.cardinality.is_to_one() {
                    let (near, far) = step.on.iter().copied().unzip();
                    let told = Way::Written(self.dotted(&via, &[step.name.as_str()]));
                    let (via, bridge) = (via.clone(), step.bridge);
                    add(ToMany { via, near, far, table: target, bridge }, told);
                }
            }
            for step in self.usable(target).into_iter().filter(|r| r.to == table) {
                if step.cardinality.is_to_one() {
                    let (far, near) = step.on.iter().copied().unzip();
                    let told = format!("{}.{}", snapshot.table(target).name, step.name);
                    let told = if via.is_empty() {
                        told
                    } else {
                        format!("{told} = {}", self.dotted(&via, &[]))
                    };
                    let via = via.clone();
                    add(ToMany { via, near, far, table: target, bridge: false }, Way::Told(told));
                }
            }
        }
        if found.len() > 1 {
            return Err(found.into_iter().map(|(_, told)| told).collect());
        }
        Ok(found.pop().map(|(step, _)| (step, rest)))
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

    /// The relationships of a table that may be followed.
    pub(super) fn usable(&self, table: TableId) -> Vec<&Relationship> {
        usable(self.grants, table).collect()
    }

    /// The tables that each row of a table leads to one row of, itself included, with the only way.
    pub(super) fn reached(&self, from: TableId) -> Vec<(TableId, Vec<RelationshipId>)> {
        let mut found = vec![(from, Vec::new())];
        let mut next = 0;
        while let Some((table, via)) = found.get(next).cloned() {
            next += 1;
            if via.len() >= MAX_STEPS || found.len() > MAX_TRIES {
                continue;
            }
            for step in self.usable(table).into_iter().filter(|r| r.cardinality.is_to_one()) {
                let passed = step.to == from
                    || via.iter().any(|id| self.grants.snapshot().relationship(*id).to == step.to);
                if !passed {
                    let mut longer = via.clone();
                    longer.push(step.id);
                    found.push((step.to, longer));
                }
            }
        }
        found
    }
}

fn usable(grants: &Grants, table: TableId) -> impl Iterator<Item = &Relationship> {
    let open = grants.table_level(table) == Level::Query;
    grants.relationships(table).filter(move |r| open && grants.table_level(r.to) == Level::Query)
}

/// The ways from a table to another over relationships that lead to one row; the empty one from a
/// table to itself. No way passes a table twice.
pub(super) fn routes(grants: &Grants, from: TableId, to: TableId) -> Vec<Vec<RelationshipId>> {
    if from == to {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    let mut tries = 0;
    walk(grants, &mut vec![from], &mut Vec::new(), to, &mut found, &mut tries);
    found
}

fn walk(
    grants: &Grants,
    passed: &mut Vec<TableId>,
    via: &mut Vec<RelationshipId>,
    to: TableId,
    found: &mut Vec<Vec<RelationshipId>>,
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

/// A way to rows of which each row has many.
pub(super) enum Way {
    /// By relationships that can be written.
    Written(String),
    /// Back over relationships of those rows.
    Told(String),
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
    fn remember(&mut self, ground: &Ground, name: &str, path: &str, field: FieldId) {
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
