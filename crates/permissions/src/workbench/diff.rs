//! What a change of policies gives, takes or changes, group by group.

use std::fmt;
use std::sync::Arc;

use sandbar_catalog::decode::{Problem, suggest};
use sandbar_catalog::expr::AttributeType;
use sandbar_catalog::{FieldKind, Finding, Report, Snapshot, TableId, Visibility};
use serde::Serialize;

use super::coverage::{MOST_GROUPS_IN_PAIRS, pairs};
use super::view::View;
use crate::check::ATTRIBUTE;
use crate::grants::Administrator;
use crate::level::Level;
use crate::policy_set::PolicySet;

/// What a change of policies gives, takes or changes. Made by [`PolicySet::diff`].
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct PolicyDiff {
    /// Groups and attributes that are declared, no longer declared, or declared otherwise.
    pub declarations: Vec<DeclarationChange>,
    /// What changes for somebody in no group, for each group alone, and for two groups together
    /// where that follows from neither alone. Those for whom nothing changes are left out.
    pub groups: Vec<GroupDiff>,
    /// Whether two groups together were looked at: with more than 24 groups they are not.
    pub pairs: bool,
}

/// A group or an attribute that is declared otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeclarationChange {
    /// `group` or `attribute`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// How it was declared; `None`: it was not.
    pub before: Option<String>,
    /// How it is declared; `None`: it is not.
    pub after: Option<String>,
}

/// What changes for somebody in these groups and no others, who has every attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupDiff {
    /// The groups; none for somebody in no group.
    pub groups: Vec<String>,
    /// The changes, table by table, then metrics.
    pub changes: Vec<PolicyChange>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyChange {
    /// Whether it gives or takes.
    pub effect: ChangeEffect,
    /// `table`, `field` or `metric`.
    pub what: &'static str,
    /// The table, `table.field` or metric.
    pub name: String,
    /// `level`, `rows` or `min_group_size` (of a table), or `values` (of a field: clear, masked,
    /// NULL).
    pub aspect: &'static str,
    /// What was.
    pub before: String,
    /// What is.
    pub after: String,
    #[serde(skip)]
    table: Option<TableId>,
}

/// Whether a change gives or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeEffect {
    /// More is seen.
    Gives,
    /// Less is seen.
    Takes,
    /// Something else is seen; whether it is more or less depends on the data or the attributes.
    Changes,
}

impl ChangeEffect {
    /// One character for a line of text.
    pub fn sign(self) -> char {
        match self {
            Self::Gives => '+',
            Self::Takes => '-',
            Self::Changes => '~',
        }
    }

    fn of<T: PartialOrd>(before: &T, after: &T) -> Self {
        if after > before { Self::Gives } else { Self::Takes }
    }
}

impl PolicyDiff {
    /// Whether nothing changes for anybody, as far as was looked.
    pub fn is_empty(&self) -> bool {
        self.declarations.is_empty() && self.groups.is_empty()
    }
}

impl PolicyChange {
    /// Whether one line tells of both: the same change, of fields of one table or of metrics.
    fn is_told_with(&self, other: &Self) -> bool {
        let same = |change: &Self| {
            let Self { effect, what, aspect, before, after, table, .. } = change.clone();
            (effect, what, aspect, before, after, table)
        };
        self.what != "table" && same(self) == same(other)
    }
}

impl GroupDiff {
    /// The tables whose visible rows may change, each once.
    pub fn tables(&self) -> Vec<TableId> {
        let mut tables = Vec::new();
        for change in self.changes.iter().filter(|change| change.what == "table") {
            tables.extend(change.table.filter(|table| !tables.contains(table)));
        }
        tables
    }
}

impl PolicySet {
    /// Attributes that are given to somebody although neither these policies nor `newer` ones
    /// declare them: each is a problem.
    pub fn undeclared<'n>(&self, newer: &Self, names: impl Iterator<Item = &'n str>) -> Report {
        let unknown =
            names.filter(|name| self.attribute(name).or_else(|| newer.attribute(name)).is_none());
        let finding = |name| {
            let known = self.attributes.keys().chain(newer.attributes.keys()).map(String::as_str);
            let problem = Problem {
                code: ATTRIBUTE,
                place: None,
                path: String::new(),
                message: format!("`{name}` is not a declared attribute"),
                suggestion: suggest(name, known).map(str::to_owned),
            };
            Finding { file: None, problem }
        };
        Report::new(unknown.map(finding).collect())
    }

    /// What changes when `newer` policies take the place of these. Both were checked against the
    /// snapshot. It names everything, hidden or not.
    pub fn diff(
        self: &Arc<Self>,
        newer: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        _: &Administrator,
    ) -> PolicyDiff {
        let mut names: Vec<&str> = self.group_names().map(|name| &**name).collect();
        for name in newer.group_names() {
            if !names.contains(&&**name) {
                names.push(name);
            }
        }
        let compared = |groups: &[&str]| {
            let before = View::of(self, snapshot, groups)?;
            let after = View::of(newer, snapshot, groups)?;
            let changes = changes(snapshot, &before, &after);
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            (!changes.is_empty()).then_some(GroupDiff { groups, changes })
        };
        let mut found: Vec<GroupDiff> = compared(&[]).into_iter().collect();
        found.extend(names.iter().filter_map(|name| compared(&[name])));
        let with_pairs = names.len() <= MOST_GROUPS_IN_PAIRS;
        if with_pairs {
            let together = pairs(&names).into_iter().filter_map(|pair| compared(&pair));
            let news = together.filter_map(|diff| unforeseen(diff, &found)).collect::<Vec<_>>();
            found.extend(news);
        }
        PolicyDiff { declarations: declarations(self, newer), groups: found, pairs: with_pairs }
    }
}

/// What of a change for two groups is not also a change for one of them.
fn unforeseen(mut diff: GroupDiff, alone: &[GroupDiff]) -> Option<GroupDiff> {
    let of_one = |group: &GroupDiff| group.groups.iter().all(|name| diff.groups.contains(name));
    let known: Vec<&PolicyChange> =
        alone.iter().filter(|group| of_one(group)).flat_map(|group| &group.changes).collect();
    // In which rows a field is shown follows from which rows there are.
    let follows = |change: &PolicyChange, from: &PolicyChange| {
        (change.what, &change.name) == (from.what, &from.name)
            || change.aspect == "values" && from.aspect == "rows" && change.table == from.table
    };
    diff.changes.retain(|change| !known.iter().any(|from| follows(change, from)));
    (!diff.changes.is_empty()).then_some(diff)
}

fn changes(snapshot: &Snapshot, before: &View, after: &View) -> Vec<PolicyChange> {
    let mut found = Vec::new();
    for table in snapshot.tables().iter().filter(|t| t.visibility != Visibility::Internal) {
        let mut say = |effect, what, name, aspect, before, after| {
            let table = Some(table.id);
            found.push(PolicyChange { effect, what, name, aspect, before, after, table });
        };
        let levels = (before.table_level(table.id), after.table_level(table.id));
        if levels.0 != levels.1 {
            let effect = ChangeEffect::of(&levels.0, &levels.1);
            let (old, new) = (level(levels.0), level(levels.1));
            say(effect, "table", table.name.clone(), "level", old, new);
        }
        let (old, new) = (before.rows(table.id), after.rows(table.id));
        if old != new {
            let effect = match (old.is_within(&new), new.is_within(&old)) {
                (true, _) => ChangeEffect::Gives,
                (_, true) => ChangeEffect::Takes,
                _ => ChangeEffect::Changes,
            };
            say(effect, "table", table.name.clone(), "rows", old.to_string(), new.to_string());
        }
        let (old, new) = (before.min_group_size(table.id), after.min_group_size(table.id));
        // A table that appears with a size says so; one that goes has said so.
        if old != new && levels.1 == Level::Query {
            let effect = ChangeEffect::of(&new, &old);
            let (old, new) = (old.to_string(), new.to_string());
            say(effect, "table", table.name.clone(), "min_group_size", old, new);
        }
        for field in table.fields.iter().filter(|f| f.visibility != Visibility::Internal) {
            let name = format!("{}.{}", table.name, field.name);
            let levels = (before.field_level(field.id), after.field_level(field.id));
            if levels.0 != levels.1 {
                let effect = ChangeEffect::of(&levels.0, &levels.1);
                let (old, new) = (level(levels.0), level(levels.1));
                say(effect, "field", name.clone(), "level", old, new);
            }
            // Of what is calculated, the fields say it that it is computed from.
            if matches!(field.kind, FieldKind::Calculated(_)) {
                continue;
            }
            let (old, new) = (before.shown(field.id), after.shown(field.id));
            let queried = levels.0.min(levels.1) == Level::Query;
            // A field that appears in clear has said so; one that appears masked has not.
            let appears = levels.1 == Level::Query && !queried && !new.is_clear();
            if queried && old.differs(&new) {
                let effect = match (old.is_clear(), new.is_clear()) {
                    (false, true) => ChangeEffect::Gives,
                    (true, false) => ChangeEffect::Takes,
                    _ => ChangeEffect::Changes,
                };
                say(effect, "field", name, "values", old.to_string(), new.to_string());
            } else if appears {
                say(ChangeEffect::Gives, "field", name, "values", "none".into(), new.to_string());
            }
        }
    }
    for metric in snapshot.metrics() {
        let levels = (before.metric_level(metric.id), after.metric_level(metric.id));
        if levels.0 != levels.1 {
            found.push(PolicyChange {
                effect: ChangeEffect::of(&levels.0, &levels.1),
                what: "metric",
                name: metric.name.clone(),
                aspect: "level",
                before: level(levels.0),
                after: level(levels.1),
                table: None,
            });
        }
    }
    // What is alike stands together: levels of the fields of a table, then their values.
    let place = |change: &PolicyChange| (change.table, change.what != "table", change.aspect);
    let count = found.iter().take_while(|change| change.what != "metric").count();
    if let Some(of_tables) = found.get_mut(..count) {
        of_tables.sort_by(|a, b| {
            let (a, b) = (place(a), place(b));
            a.0.map(TableId::index).cmp(&b.0.map(TableId::index)).then((a.1, a.2).cmp(&(b.1, b.2)))
        });
    }
    found
}

fn level(level: Level) -> String {
    match level {
        Level::None => "none",
        Level::Describe => "describe",
        Level::Query => "query",
    }
    .to_owned()
}

fn declarations(before: &PolicySet, after: &PolicySet) -> Vec<DeclarationChange> {
    let mut found = Vec::new();
    let mut compare = |what, name: &Arc<str>, before: Option<String>, after: Option<String>| {
        if before != after {
            found.push(DeclarationChange { what, name: name.to_string(), before, after });
        }
    };
    let group = |set: &PolicySet, name: &Arc<str>| {
        set.group_names().any(|group| group == name).then(|| "declared".to_owned())
    };
    let attribute = |set: &PolicySet, name: &Arc<str>| set.attribute(name).map(type_text);
    let gone = |all: &PolicySet, name: &Arc<str>| !all.group_names().any(|known| known == name);
    for name in before.group_names().chain(after.group_names().filter(|n| gone(before, n))) {
        compare("group", name, group(before, name), group(after, name));
    }
    let old = before.attribute_origins.iter().map(|a| &a.name);
    let new = after.attribute_origins.iter().map(|a| &a.name);
    for name in old.chain(new.filter(|name| before.attribute(name).is_none())) {
        compare("attribute", name, attribute(before, name), attribute(after, name));
    }
    found
}

fn type_text(declared: AttributeType) -> String {
    let list = if declared.list { "list of " } else { "" };
    format!("{list}{}", declared.data_type)
}

impl fmt::Display for PolicyDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.declarations {
            let DeclarationChange { what, name, before, after } = change;
            let (old, new) = (before.as_deref(), after.as_deref());
            let none = "not declared";
            writeln!(f, "{what} {name}: {} → {}", old.unwrap_or(none), new.unwrap_or(none))?;
        }
        for group in &self.groups {
            write!(f, "{group}")?;
        }
        if !self.pairs {
            writeln!(f, "two groups together were not compared: there are too many")?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.groups.as_slice() {
            [] => writeln!(f, "somebody in no group")?,
            [one] => writeln!(f, "group {one}")?,
            several => writeln!(f, "groups {} together", several.join(" and "))?,
        }
        let mut rest = self.changes.as_slice();
        while let Some((first, more)) = rest.split_first() {
            let PolicyChange { effect, what, name, aspect, before, after, .. } = first;
            let alike = more.iter().take_while(|change| first.is_told_with(change)).count();
            let sign = effect.sign();
            let (with, others) = more.split_at_checked(alike).unwrap_or((more, &[]));
            rest = others;
            if with.is_empty() {
                writeln!(f, "  {sign} {what} {name}: {aspect} {before} → {after}")?;
                continue;
            }
            let (prefix, _) = name.rsplit_once('.').unwrap_or_default();
            let short = |name: &String| name.rsplit('.').next().unwrap_or_default().to_owned();
            let names = std::iter::once(first).chain(with).map(|change| short(&change.name));
            let names = names.collect::<Vec<_>>().join(", ");
            let of = if prefix.is_empty() { String::new() } else { format!(" of {prefix}") };
            writeln!(f, "  {sign} {what}s{of}: {aspect} {before} → {after}: {names}")?;
        }
        Ok(())
    }
}
