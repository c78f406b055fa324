//! Cases checked against policies and a model, so that none can hold by mistake.

use std::collections::HashSet;
use std::sync::Arc;

use sandbar_auth::{AttributeValue, Principal};
use sandbar_catalog::decode::{Entries, Items, Located, Problem, suggest};
use sandbar_catalog::query::{SemanticQuery, Value, instant};
use sandbar_catalog::{
    FieldPath, Finding, MeasureId, MetricId, Report, SegmentId, Snapshot, SourceText, TableId,
};

use super::definitions::{ANYBODY, AskerDef, AskerRef, CaseDef, CaseFile, PolicyCases};
use crate::bind::fits;
use crate::check::{ATTRIBUTE, DEFINED_TWICE, FORMAT, UNKNOWN_GROUP};
use crate::check::{UNKNOWN_FIELD, UNKNOWN_METRIC, UNKNOWN_TABLE};
use crate::grants::{Administrator, Grants};
use crate::level::Level;
use crate::policy_set::PolicySet;

const NOTHING_EXPECTED: &str = "P0120";
const NOBODY: &str = "P0121";
const NOT_A_TIME: &str = "P0123";

/// Cases that can be asked. Made only by [`PolicyCases::check`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckedCases {
    /// The cases, in the order of the files.
    pub cases: Vec<PolicyCase>,
}

/// One case: who asks what, and what comes of it. It expects something for certain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolicyCase {
    /// Its name.
    pub name: String,
    /// The text that it was written in.
    pub file: SourceText,
    /// The file and line it was written at.
    pub origin: String,
    /// Who asks.
    pub asker: Principal,
    /// When, in microseconds since 1970-01-01T00:00:00Z; the engine's clock if it is left out.
    pub now: Option<i64>,
    /// What is asked, and where it stands in the file.
    pub query: Option<Located<SemanticQuery>>,
    /// The rows of the answer.
    pub rows: Option<Items<Entries<Value>>>,
    /// Whether they come in this order.
    pub in_order: bool,
    /// How many rows the answer has.
    pub count: Option<u64>,
    /// The one value of the answer.
    pub total: Option<Value>,
    /// That the question is refused.
    pub refused: Option<ExpectedRefusal>,
    /// How far access to what goes.
    pub names: Vec<ExpectedName>,
}

/// How a question is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedRefusal {
    /// It exists, and may not be queried.
    Denied,
    /// It does not exist, for all the asker may know.
    NotFound,
    /// With this code.
    Code(String),
}

/// How far access to something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpectedName {
    /// The name, as it was written.
    pub name: String,
    /// What it names.
    pub target: NameTarget,
    /// How far access goes.
    pub level: Level,
}

/// What a name of a case stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameTarget {
    /// A table.
    Table(TableId),
    /// A field, seen from the table that is named first.
    Field(FieldPath),
    /// A measure.
    Measure(MeasureId),
    /// A segment.
    Segment(SegmentId),
    /// A metric.
    Metric(MetricId),
}

impl ExpectedName {
    /// How far access really goes.
    pub fn level_for(&self, grants: &Grants) -> Level {
        match &self.target {
            NameTarget::Table(id) => grants.table_level(*id),
            NameTarget::Field(path) => grants.field_level(path),
            NameTarget::Measure(id) => grants.measure_level(*id),
            NameTarget::Segment(id) => grants.segment_level(*id),
            NameTarget::Metric(id) => grants.metric_level(*id),
        }
    }
}

impl PolicyCases {
    /// Checks the cases against policies and their model. Everything may be named in them, hidden
    /// or not, so this is for an administrator.
    ///
    /// # Errors
    /// All problems at once, each with its place. Whether the queries can be asked at all is for
    /// the engine to say.
    pub fn check(
        &self,
        policies: &PolicySet,
        snapshot: &Snapshot,
        _: &Administrator,
    ) -> Result<CheckedCases, Report> {
        let mut found = CheckedCases { cases: Vec::new() };
        let mut findings = self.findings.clone();
        let mut names = HashSet::new();
        for (source, file) in &self.files {
            let mut checker =
                Checker { policies, snapshot, source, findings: Vec::new(), file, now: None };
            checker.file();
            // What could not be read may have been a case.
            if file.cases.is_empty() && self.findings.is_empty() {
                let message = "there are no `cases`, so nothing is tested";
                checker.at(&Located::from(()), NOTHING_EXPECTED, message, None);
            }
            for (name, def) in file.people.iter() {
                checker.asker(name, def);
            }
            for (name, def) in file.cases.iter() {
                if !names.insert(name.to_owned()) {
                    checker.at_key(def, DEFINED_TWICE, format!("case `{name}` is written twice"));
                }
                found.cases.extend(checker.case(name, def));
            }
            findings.extend(checker.findings);
        }
        if findings.is_empty() { Ok(found) } else { Err(Report::new(findings)) }
    }
}

struct Checker<'s> {
    policies: &'s PolicySet,
    snapshot: &'s Snapshot,
    source: &'s SourceText,
    file: &'s CaseFile,
    findings: Vec<Finding>,
    now: Option<i64>,
}

impl Checker<'_> {
    fn at<T>(
        &mut self,
        value: &Located<T>,
        code: &'static str,
        message: impl Into<String>,
        suggestion: Option<&str>,
    ) {
        let (place, path) = (value.place, value.path.clone());
        let suggestion = suggestion.map(str::to_owned);
        let problem = Problem { code, place, path, message: message.into(), suggestion };
        self.findings.push(Finding { file: Some(self.source.clone()), problem });
    }

    fn at_key<T>(&mut self, value: &Located<T>, code: &'static str, message: impl Into<String>) {
        let place = value.key_place.or(value.place);
        let located = Located { value: (), place, key_place: None, path: value.path.clone() };
        self.at(&located, code, message, None);
    }

    fn file(&mut self) {
        if let Some(format) = &self.file.format
            && format.value != 1
        {
            self.at(format, FORMAT, "this version reads format 1", None);
        }
        if let Some(now) = &self.file.now {
            self.now = instant(&now.value, self.snapshot.time_zone());
            if self.now.is_none() {
                let message = format!(
                    "`{}` is not a day or an instant: write `2026-07-01` or \
                     `2026-07-01T12:00:00Z`",
                    now.value
                );
                self.at(now, NOT_A_TIME, message, None);
            }
        }
    }

    fn asker(&mut self, name: &str, def: &Located<AskerDef>) -> Option<Principal> {
        let before = self.findings.len();
        for group in def.groups.iter() {
            if !self.policies.group_names().any(|known| **known == *group.value) {
                let known: Vec<Arc<str>> = self.policies.group_names().map(Arc::clone).collect();
                let meant = suggest(&group.value, known.iter().map(|known| &**known));
                let message = format!("`{}` is not a declared group", group.value);
                self.at(group, UNKNOWN_GROUP, message, meant);
            }
        }
        for (name, value) in def.attributes.iter() {
            let Some(declared) = self.policies.attribute(name) else {
                let known = self.policies.attributes.keys().map(String::as_str);
                let meant = suggest(name, known).map(str::to_owned);
                let message = format!("`{name}` is not a declared attribute");
                self.at(value, ATTRIBUTE, message, meant.as_deref());
                continue;
            };
            let given = &value.value.0;
            if *given != AttributeValue::Null && !fits(given, declared) {
                let list = if declared.list { "a list of " } else { "" };
                let message = format!(
                    "`{name}` is {list}{}, and this is not: a text that looks like something else \
                     is put in quotes",
                    declared.data_type
                );
                self.at(value, ATTRIBUTE, message, None);
            }
        }
        match def.principal(name) {
            Ok(principal) => (self.findings.len() == before).then_some(principal),
            Err(error) => {
                self.at(def, NOBODY, error.to_string(), None);
                None
            }
        }
    }

    fn case(&mut self, name: &str, def: &Located<CaseDef>) -> Option<PolicyCase> {
        let before = self.findings.len();
        let asker = match &def.asker.value {
            AskerRef::Named(name) => self.named(name, &def.asker),
            AskerRef::Described(inner) => {
                let Located { place, key_place, path, .. } = def.asker.clone();
                let located = Located { value: (**inner).clone(), place, key_place, path };
                self.asker(ANYBODY, &located)
            }
        };
        let names = self.names(def);
        self.fits(name, def);
        let refused = def.refused.as_ref().and_then(|refused| self.refusal(refused));
        let place = def.key_place.or(def.place);
        let line = place.map_or(0, |place| place.line);
        let query = def.query.as_ref().map(|query| {
            let Located { value, place, key_place, path } = query.clone();
            Located { value: value.query(), place, key_place, path }
        });
        let case = PolicyCase {
            name: name.to_owned(),
            file: self.source.clone(),
            origin: format!("{}:{line}", self.source.name),
            asker: asker?,
            now: self.now,
            query,
            rows: def.rows.as_ref().map(|rows| rows.value.clone()),
            in_order: def.in_order.as_ref().is_some_and(|in_order| in_order.value),
            count: def.count.as_ref().map(|count| count.value),
            total: def.total.as_ref().map(|total| total.value.clone()),
            refused,
            names,
        };
        (self.findings.len() == before).then_some(case)
    }

    fn named(&mut self, name: &str, at: &Located<AskerRef>) -> Option<Principal> {
        let file = self.file;
        let Some(def) = file.people.get(name) else {
            // Whoever could not be read has been told of.
            if !file.people.failed().iter().any(|failed| failed == name) {
                let meant = suggest(name, file.people.iter().map(|(known, _)| known));
                self.at(at, NOBODY, format!("`{name}` is none of the `people`"), meant);
            }
            return None;
        };
        // What is wrong with him is told once, where he is described.
        let known = self.findings.len();
        let principal = self.asker(name, def);
        self.findings.truncate(known);
        principal
    }

    /// What is expected goes together, and is something.
    fn fits(&mut self, name: &str, def: &Located<CaseDef>) {
        let answer = def.rows.is_some() || def.count.is_some() || def.total.is_some();
        let of_query = answer || def.refused.is_some();
        let of_names = def.hidden.is_some() || def.described.is_some() || def.visible.is_some();
        let mut wrong = |message: String| self.at_key(def, NOTHING_EXPECTED, message);
        match (&def.query, of_query) {
            (Some(_), false) => wrong(format!(
                "case `{name}` asks, and expects nothing of the answer: say `rows`, `count`, \
                 `total` or `refused`"
            )),
            (None, true) => wrong(format!("case `{name}` expects an answer, and has no `query`")),
            (None, false) if !of_names => wrong(format!(
                "case `{name}` expects nothing: give it a `query`, or `hidden`, `described` or \
                 `visible` names"
            )),
            _ => {}
        }
        if answer && let Some(refused) = &def.refused {
            let message = "a question that is refused has no answer to expect something of";
            self.at(refused, NOTHING_EXPECTED, message, None);
        }
        if def.rows.is_none()
            && let Some(in_order) = &def.in_order
        {
            self.at(in_order, NOTHING_EXPECTED, "`in_order` goes with `rows`", None);
        }
        for names in [&def.hidden, &def.described, &def.visible].into_iter().flatten() {
            if names.is_empty() {
                self.at(names, NOTHING_EXPECTED, "an empty list expects nothing", None);
            }
        }
        for row in def.rows.iter().flat_map(|rows| rows.iter()).filter(|row| row.is_empty()) {
            self.at(row, NOTHING_EXPECTED, "a row without a column expects nothing", None);
        }
    }

    fn refusal(&mut self, text: &Located<String>) -> Option<ExpectedRefusal> {
        let code = |text: &str| {
            let digits = text.strip_prefix(['Q', 'E']);
            digits.is_some_and(|d| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()))
        };
        match text.value.as_str() {
            "denied" => Some(ExpectedRefusal::Denied),
            "not_found" => Some(ExpectedRefusal::NotFound),
            other if code(other) => Some(ExpectedRefusal::Code(other.to_owned())),
            other => {
                let message =
                    format!("`{other}` is not `denied`, `not_found` or a code such as `Q0104`");
                let meant = suggest(other, ["denied", "not_found"]);
                self.at(text, NOTHING_EXPECTED, message, meant);
                None
            }
        }
    }

    fn names(&mut self, def: &CaseDef) -> Vec<ExpectedName> {
        let lists = [
            (&def.hidden, Level::None),
            (&def.described, Level::Describe),
            (&def.visible, Level::Query),
        ];
        let mut found = Vec::new();
        for (list, level) in lists {
            for name in list.iter().flat_map(|list| list.iter()) {
                let targets = self.targets(name);
                let name = |target| ExpectedName { name: name.value.clone(), target, level };
                found.extend(targets.into_iter().map(name));
            }
        }
        found
    }

    /// What a name stands for: a table and a metric may have one name, and then both are meant.
    fn targets(&mut self, name: &Located<String>) -> Vec<NameTarget> {
        let snapshot = self.snapshot;
        let parts: Vec<&str> = name.value.split('.').collect();
        let [first, rest @ ..] = parts.as_slice() else { return Vec::new() };
        let table = snapshot.find_table(first);
        if rest.is_empty() {
            let metric = snapshot.find_metric(first).map(NameTarget::Metric);
            let found: Vec<NameTarget> =
                table.map(NameTarget::Table).into_iter().chain(metric).collect();
            if found.is_empty() {
                let tables = snapshot.tables().iter().map(|table| table.name.as_str());
                let metrics = snapshot.metrics().iter().map(|metric| metric.name.as_str());
                let meant = suggest(first, tables.chain(metrics));
                let message = format!("`{first}` is neither a table nor a metric");
                self.at(name, UNKNOWN_METRIC, message, meant);
            }
            return found;
        }
        let Some(table) = table else {
            let tables = snapshot.tables().iter().map(|table| table.name.as_str());
            let message = format!("`{first}` is not a table");
            self.at(name, UNKNOWN_TABLE, message, suggest(first, tables));
            return Vec::new();
        };
        if let [member] = rest {
            let of = snapshot.table(table);
            let measure = of.find_measure(member).map(NameTarget::Measure);
            let other = measure.or_else(|| of.find_segment(member).map(NameTarget::Segment));
            if let Some(target) = other.filter(|_| of.find_field(member).is_none()) {
                return vec![target];
            }
        }
        match snapshot.resolve_field(table, rest) {
            Ok(path) => vec![NameTarget::Field(path)],
            Err(error) => {
                self.at(name, UNKNOWN_FIELD, error.message, error.suggestion.as_deref());
                Vec::new()
            }
        }
    }
}
