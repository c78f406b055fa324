//! What policies leave open, or say in vain.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use sandbar_catalog::{Field, FieldKind, Snapshot, Table, Visibility};
use serde::Serialize;

use super::rows::attributes;
use super::view::View;
use crate::grants::Administrator;
use crate::level::Level;
use crate::policy_set::{Declared, PolicySet};

/// Beyond so many groups, what two of them see together is not looked at.
pub(super) const MOST_GROUPS_IN_PAIRS: usize = 24;

/// What policies leave open, or say in vain. Made by [`PolicySet::coverage`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// How many tables the model has that askers may be offered.
    pub tables: usize,
    /// How many metrics it has.
    pub metrics: usize,
    /// How many groups are declared.
    pub groups: usize,
    /// How many policies there are.
    pub policies: usize,
    /// Whether what two groups see together was looked at: with more than 24 groups it is not, and
    /// what only they see is told as what nobody sees.
    pub pairs: bool,
    /// What was found, kind by kind.
    pub findings: Vec<CoverageFinding>,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CoverageFinding {
    /// What kind of thing it is.
    pub kind: CoverageKind,
    /// What that means.
    pub meaning: &'static str,
    /// The table, `table.field`, metric, group, attribute or policy that it is about.
    pub subject: String,
    /// The groups that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The file and line of the group, attribute or policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CoverageKind {
    /// A table that nobody sees.
    UnseenTable,
    /// A field, of a table that somebody sees, which nobody sees.
    UnseenField,
    /// A metric that nobody sees.
    UnseenMetric,
    /// A metric that no policy speaks of, and yet is there for whoever sees what it reads.
    MetricByInputs,
    /// A group sees every row of a table.
    EveryRow,
    /// Fields that every group sees in clear.
    SeenByAll,
    /// A grant to every group there is.
    GrantedToAll,
    /// A group that no policy speaks of.
    UnusedGroup,
    /// A group that sees nothing by itself, although policies speak of it.
    BlindGroup,
    /// An attribute that no condition uses.
    UnusedAttribute,
    /// A policy, or what it says of one table, that never changes what anybody sees.
    NoEffect,
}

impl CoverageFinding {
    pub(super) fn new(kind: CoverageKind, subject: impl Into<String>) -> Self {
        let (subject, meaning) = (subject.into(), kind.meaning());
        Self { kind, meaning, subject, groups: Vec::new(), detail: None, origin: None }
    }
}

impl CoverageKind {
    /// The name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnseenTable => "unseen_table",
            Self::UnseenField => "unseen_field",
            Self::UnseenMetric => "unseen_metric",
            Self::MetricByInputs => "metric_by_inputs",
            Self::EveryRow => "every_row",
            Self::SeenByAll => "seen_by_all",
            Self::GrantedToAll => "granted_to_all",
            Self::UnusedGroup => "unused_group",
            Self::BlindGroup => "blind_group",
            Self::UnusedAttribute => "unused_attribute",
            Self::NoEffect => "no_effect",
        }
    }

    /// What it means for the author of the policies.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::UnseenTable => {
                "nobody sees these tables: no policy shows them to any group, alone or together"
            }
            Self::UnseenField => "nobody sees these fields, although somebody sees their tables",
            Self::UnseenMetric => {
                "nobody may ask for these metrics: a collection or something they read is not \
                 shown to any group"
            }
            Self::MetricByInputs => {
                "no policy speaks of these metrics and they are in no collection: whoever sees \
                 what they read may ask for them"
            }
            Self::EveryRow => "these groups see every row of a table: no condition narrows it",
            Self::SeenByAll => "every group that sees anything sees these fields in clear",
            Self::GrantedToAll => {
                "these grants are to every group there is: whoever is in any group has them"
            }
            Self::UnusedGroup => "no policy speaks of these groups: being in one gives nothing",
            Self::BlindGroup => {
                "these groups see nothing by themselves, although policies speak of them"
            }
            Self::UnusedAttribute => "no condition uses these attributes",
            Self::NoEffect => "what these policies say here never changes what anybody sees",
        }
    }
}

impl PolicySet {
    /// What these policies leave open, or say in vain. It names everything, hidden or not.
    pub fn coverage(self: &Arc<Self>, snapshot: &Arc<Snapshot>, _: &Administrator) -> Coverage {
        let offered = snapshot.tables().iter().filter(|t| t.visibility != Visibility::Internal);
        let offered: Vec<&Table> = offered.collect();
        let mut look = Look::new(self, snapshot);
        look.tables(&offered);
        look.metrics();
        look.groups(&offered);
        look.attributes();
        let mut findings = look.found;
        findings.extend(super::effects::without_effect(self, snapshot));
        findings.sort_by_key(|finding| finding.kind);
        Coverage {
            tables: offered.len(),
            metrics: snapshot.metrics().len(),
            groups: self.groups.len(),
            policies: self.policies.len(),
            pairs: self.groups.len() <= MOST_GROUPS_IN_PAIRS,
            findings,
        }
    }
}

struct Look<'s> {
    policies: &'s Arc<PolicySet>,
    snapshot: &'s Arc<Snapshot>,
    /// Each group alone.
    single: Vec<(&'s Declared, View)>,
    /// Several groups together, for what only they see.
    together: Vec<View>,
    found: Vec<CoverageFinding>,
}

impl<'s> Look<'s> {
    fn new(policies: &'s Arc<PolicySet>, snapshot: &'s Arc<Snapshot>) -> Self {
        let view = |groups: &[&str]| View::of(policies, snapshot, groups);
        let names: Vec<&str> = policies.group_names().map(|name| &**name).collect();
        let single = policies.groups.iter();
        let single = single.filter_map(|group| Some((group, view(&[&*group.name])?))).collect();
        let pairs = if names.len() <= MOST_GROUPS_IN_PAIRS { pairs(&names) } else { Vec::new() };
        let mut together: Vec<View> = pairs.iter().filter_map(|pair| view(pair)).collect();
        together.extend(view(&names));
        Self { policies, snapshot, single, together, found: Vec::new() }
    }

    fn anybody(&self, sees: impl Fn(&View) -> bool) -> bool {
        self.single.iter().map(|(_, view)| view).chain(&self.together).any(sees)
    }

    fn say(&mut self, kind: CoverageKind, subject: impl Into<String>) -> &mut CoverageFinding {
        let subject = subject.into();
        self.found.push(CoverageFinding::new(kind, subject));
        let last = self.found.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.found[last]
    }

    fn tables(&mut self, offered: &[&Table]) {
        for table in offered {
            if !self.anybody(|view| view.table_level(table.id) > Level::None) {
                self.say(CoverageKind::UnseenTable, &*table.name);
                continue;
            }
            for field in offered_fields(table) {
                if !self.anybody(|view| view.field_level(field.id) > Level::None) {
                    let name = format!("{}.{}", table.name, field.name);
                    self.say(CoverageKind::UnseenField, name);
                }
            }
        }
    }

    fn metrics(&mut self) {
        let snapshot = self.snapshot;
        for metric in snapshot.metrics() {
            let level = |view: &View| view.metric_level(metric.id) > Level::None;
            let governed = metric.collection.is_some()
                || self.policies.metric_grants.contains_key(&metric.id)
                || self.policies.metric_denials.contains_key(&metric.id);
            if !self.anybody(level) {
                self.say(CoverageKind::UnseenMetric, &*metric.name);
            } else if !governed {
                let seen = self.single.iter().filter(|(_, view)| level(view));
                let groups = seen.map(|(group, _)| group.name.to_string()).collect();
                self.say(CoverageKind::MetricByInputs, &*metric.name).groups = groups;
            }
        }
    }

    fn groups(&mut self, offered: &[&Table]) {
        let named: HashSet<&str> =
            self.policies.policies.iter().flat_map(|p| &p.groups).map(String::as_str).collect();
        let mut found = Vec::new();
        let finding = |kind, subject: &str, groups, detail, origin: Option<&Arc<str>>| {
            let origin = origin.map(ToString::to_string);
            CoverageFinding { groups, detail, origin, ..CoverageFinding::new(kind, subject) }
        };
        for (group, view) in &self.single {
            let name = &*group.name;
            if !named.contains(name) {
                let kind = CoverageKind::UnusedGroup;
                found.push(finding(kind, name, vec![], None, Some(&group.origin)));
            } else if !view.sees_anything() {
                let kind = CoverageKind::BlindGroup;
                found.push(finding(kind, name, vec![], None, Some(&group.origin)));
            }
            for table in offered {
                let rows = view.rows(table.id);
                let detail = if rows.is_everything() {
                    let count = offered_fields(table).count();
                    let clear = offered_fields(table).filter(|f| sees_clear(view, f)).count();
                    match count - clear {
                        0 => "and every field in clear".to_owned(),
                        _ => format!("and {clear} of {count} fields in clear"),
                    }
                } else if rows.is_everything_with_attributes() {
                    format!("if the attributes are there that it wants: {rows}")
                } else {
                    continue;
                };
                let (kind, groups) = (CoverageKind::EveryRow, vec![name.to_owned()]);
                found.push(finding(kind, &table.name, groups, Some(detail), None));
            }
        }
        let seeing: Vec<&View> =
            self.single.iter().map(|(_, view)| view).filter(|view| view.sees_anything()).collect();
        if seeing.len() > 1 {
            for table in offered {
                let all = |field: &&Field| seeing.iter().all(|view| sees_clear(view, field));
                let fields = offered_fields(table).filter(all).map(|f| f.name.as_str());
                let fields: Vec<&str> = fields.collect();
                if !fields.is_empty() {
                    let (kind, detail) = (CoverageKind::SeenByAll, fields.join(", "));
                    found.push(finding(kind, &table.name, vec![], Some(detail), None));
                }
            }
        }
        let granting: HashSet<usize> = super::effects::grants(self.policies).collect();
        for (index, policy) in self.policies.policies.iter().enumerate() {
            let all = self.policies.group_names().all(|g| policy.groups.iter().any(|n| **n == **g));
            if all && self.policies.groups.len() > 1 && granting.contains(&index) {
                let kind = CoverageKind::GrantedToAll;
                found.push(finding(kind, &policy.name, vec![], None, Some(&policy.origin)));
            }
        }
        self.found.extend(found);
    }

    fn attributes(&mut self) {
        let policies = self.policies;
        let rules = policies.by_table.iter();
        let conditions = rules.flat_map(|rules| {
            let grants = rules.grants.iter().filter_map(|grant| grant.rows.as_ref());
            grants.chain(rules.restricts.iter().map(|(_, rows)| rows))
        });
        let used: HashSet<String> = conditions.flat_map(|rows| attributes(&rows.0)).collect();
        for declared in policies.attribute_origins.iter().filter(|a| !used.contains(&*a.name)) {
            let finding = self.say(CoverageKind::UnusedAttribute, &*declared.name);
            finding.origin = Some(declared.origin.to_string());
        }
    }
}

/// The fields that askers may be offered.
fn offered_fields(table: &Table) -> impl Iterator<Item = &Field> {
    table.fields.iter().filter(|field| field.visibility != Visibility::Internal)
}

/// Whether a field can be queried, and is not masked. What is calculated is made of what is seen.
fn sees_clear(view: &View, field: &Field) -> bool {
    let calculated = matches!(field.kind, FieldKind::Calculated(_));
    view.field_level(field.id) == Level::Query && (calculated || view.shown(field.id).is_clear())
}

/// Every two of them.
pub(super) fn pairs<'n>(names: &[&'n str]) -> Vec<[&'n str; 2]> {
    let rest = |index: usize| names.iter().skip(index + 1);
    names.iter().enumerate().flat_map(|(i, a)| rest(i).map(|b| [*a, *b])).collect()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tables, metrics, groups, policies, pairs, findings } = self;
        writeln!(f, "{tables} tables, {metrics} metrics, {groups} groups, {policies} policies")?;
        if !pairs {
            writeln!(f, "what two groups see together was not looked at: there are too many")?;
        }
        let mut last = None;
        for finding in findings {
            if last != Some(finding.kind) {
                writeln!(f, "\n{}: {}", finding.kind.name(), finding.kind.meaning())?;
                last = Some(finding.kind);
            }
            write!(f, "  {}", finding.subject)?;
            if !finding.groups.is_empty() {
                write!(f, " [{}]", finding.groups.join(", "))?;
            }
            if let Some(detail) = &finding.detail {
                write!(f, ": {detail}")?;
            }
            match &finding.origin {
                Some(origin) => writeln!(f, " ({origin})")?,
                None => writeln!(f)?,
            }
        }
        if findings.is_empty() {
            writeln!(f, "\nnothing to look at")?;
        }
        Ok(())
    }
}
