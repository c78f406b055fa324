//! Policies checked against a model: every rule of the policy language, all problems at once.

mod masks;
mod min_group_size;
mod propagation;
mod rows;
mod sources;

use std::sync::Arc;

use sandbar_catalog::decode::{Located, Place, Problem, suggest};
use sandbar_catalog::expr::AttributeType;
use sandbar_catalog::{
    CollectionId, FieldId, Finding, MetricId, Origin, Report, Snapshot, SourceText, TableId, Type,
};

use crate::definitions::{DenyDef, FieldsDef, GrantDef, PolicyDef, PolicyDefinitions, RestrictDef};
use crate::level::Level;
use crate::policy_set::{Declared, Policy, PolicySet, TableGrant, TablePolicies};

pub(crate) const FORMAT: &str = "P0100";
const CONDITION: &str = "P0101";
pub(crate) const UNKNOWN_TABLE: &str = "P0102";
pub(crate) const UNKNOWN_FIELD: &str = "P0103";
pub(crate) const UNKNOWN_METRIC: &str = "P0104";
const UNKNOWN_COLLECTION: &str = "P0105";
pub(crate) const UNKNOWN_GROUP: &str = "P0106";
pub(crate) const ATTRIBUTE: &str = "P0107";
const NOT_TOTAL: &str = "P0108";
const MIXED_TABLES: &str = "P0109";
const MASK: &str = "P0110";
const SHAPE: &str = "P0111";
pub(crate) const DEFINED_TWICE: &str = "P0112";
const SHARED_SOURCE: &str = "P0113";
const DERIVED_ROWS: &str = "P0114";
const NO_VERSION: &str = "P0115";
pub(crate) const SET: &str = "P0116";
const MIN_GROUP_SIZE: &str = "P0117";

pub(crate) fn check(
    definitions: &PolicyDefinitions,
    snapshot: &Snapshot,
) -> Result<PolicySet, Report> {
    let mut checker = Checker {
        snapshot,
        findings: definitions.findings.clone(),
        broken: Vec::new(),
        set: PolicySet {
            by_table: snapshot.tables().iter().map(|_| TablePolicies::default()).collect(),
            ..PolicySet::default()
        },
        file: None,
    };
    checker.declarations(definitions);
    for (file, policies) in &definitions.files {
        checker.file.clone_from(file);
        for (name, def) in policies.policies.iter() {
            checker.policy(name, def);
        }
    }
    checker.shared_sources();
    checker.set.fingerprint = fingerprint(definitions);
    if checker.findings.is_empty() { Ok(checker.set) } else { Err(Report::new(checker.findings)) }
}

fn fingerprint(definitions: &PolicyDefinitions) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for (_, file) in &definitions.files {
        let text = serde_json::to_string(file).unwrap_or_default();
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let digest = hasher.finalize();
    digest.as_bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

struct Checker<'s> {
    snapshot: &'s Snapshot,
    findings: Vec<Finding>,
    /// Names of groups and attributes whose definitions could not be read.
    broken: Vec<String>,
    set: PolicySet,
    file: Option<SourceText>,
}

impl Checker<'_> {
    fn say(
        &mut self,
        place: Option<Place>,
        path: &str,
        code: &'static str,
        message: String,
        suggestion: Option<&str>,
    ) {
        let suggestion = suggestion.map(str::to_owned);
        let problem = Problem { code, place, path: path.to_owned(), message, suggestion };
        self.findings.push(Finding { file: self.file.clone(), problem });
    }

    fn at<T>(
        &mut self,
        value: &Located<T>,
        code: &'static str,
        message: String,
        suggestion: Option<&str>,
    ) {
        self.say(value.place, &value.path, code, message, suggestion);
    }

    fn at_key<T>(&mut self, value: &Located<T>, code: &'static str, message: String) {
        self.say(value.key_place.or(value.place), &value.path, code, message, None);
    }

    fn is_group(&self, name: &str) -> bool {
        self.set.group_names().any(|group| **group == *name)
    }

    /// The file and line of a definition, for an administrator.
    fn origin<T>(&self, def: &Located<T>) -> Arc<str> {
        let place = def.key_place.or(def.place);
        Arc::from(Origin::new(self.file.as_ref(), place).to_string())
    }

    fn declarations(&mut self, definitions: &PolicyDefinitions) {
        for (file, policies) in &definitions.files {
            self.file.clone_from(file);
            if let Some(format) = &policies.format
                && format.value != 1
            {
                self.at(format, FORMAT, "this version reads format 1".to_owned(), None);
            }
            self.broken.extend(policies.groups.failed().iter().cloned());
            self.broken.extend(policies.attributes.failed().iter().cloned());
            for (name, def) in policies.groups.iter() {
                if self.is_group(name) {
                    self.at_key(def, DEFINED_TWICE, format!("group `{name}` is declared twice"));
                }
                let declared = Declared { name: Arc::from(name), origin: self.origin(def) };
                self.set.groups.push(declared);
            }
            for (name, def) in policies.attributes.iter() {
                let names = ["text", "integer", "number", "boolean", "date"];
                let data_type = Type::parse(&def.data_type.value);
                let Some(data_type) =
                    data_type.filter(|_| names.contains(&def.data_type.value.as_str()))
                else {
                    let message = format!(
                        "`{}` is not a type of an attribute: text, integer, number, boolean or date",
                        def.data_type.value
                    );
                    let meant = suggest(&def.data_type.value, names);
                    self.at(&def.data_type, ATTRIBUTE, message, meant);
                    self.broken.push(name.to_owned());
                    continue;
                };
                let origin = self.origin(def);
                self.set.attribute_origins.push(Declared { name: Arc::from(name), origin });
                let declared = AttributeType { data_type, list: def.list.unwrap_or(false) };
                if self.set.attributes.insert(name.to_owned(), declared).is_some() {
                    self.at_key(
                        def,
                        DEFINED_TWICE,
                        format!("attribute `{name}` is declared twice"),
                    );
                }
            }
        }
    }

    fn policy(&mut self, name: &str, def: &Located<PolicyDef>) {
        if self.set.policies.iter().any(|p| *p.name == *name) {
            self.at_key(def, DEFINED_TWICE, format!("policy `{name}` is defined twice"));
        }
        for group in def.groups.iter() {
            if !self.is_group(&group.value) && !self.broken.contains(&group.value) {
                let message = format!("`{}` is not a declared group", group.value);
                let groups: Vec<Arc<str>> = self.set.group_names().map(Arc::clone).collect();
                let meant = suggest(&group.value, groups.iter().map(|name| &**name));
                self.at(group, UNKNOWN_GROUP, message, meant);
            }
        }
        let kinds = usize::from(def.grant.is_some())
            + usize::from(def.restrict.is_some())
            + usize::from(def.deny.is_some());
        if kinds != 1 {
            let message =
                format!("policy `{name}` has exactly one of `grant`, `restrict` and `deny`");
            self.at_key(def, SHAPE, message);
        }
        if def.grant.is_some() && def.groups.is_empty() {
            let message = format!("policy `{name}` grants to nobody: name its `groups`");
            self.at_key(def, SHAPE, message);
        }
        let origin = self.origin(def);
        let rows = def.grant.as_ref().and_then(|g| g.rows.as_ref());
        let rows = rows.or_else(|| def.restrict.as_ref().and_then(|r| r.rows.as_ref()));
        let index = self.set.policies.len();
        self.set.policies.push(Policy {
            name: Arc::from(name),
            origin,
            groups: def.groups.iter().map(|g| g.value.clone()).collect(),
            rows: rows.map(|r| Arc::from(r.value.as_str())),
        });
        if let Some(grant) = &def.grant {
            self.grant(index, grant);
        }
        if let Some(restrict) = &def.restrict {
            self.restrict(index, restrict);
        }
        if let Some(deny) = &def.deny {
            self.deny(index, deny);
        }
    }

    fn grant(&mut self, policy: usize, grant: &Located<GrantDef>) {
        let level = grant.level.unwrap_or(Level::Query);
        if grant.tables.is_empty() && grant.metrics.is_empty() && grant.collections.is_empty() {
            let message = "a grant names `tables`, `metrics` or `collections`".to_owned();
            self.at(grant, SHAPE, message, None);
        } else if grant.tables.is_empty() {
            self.narrows_nothing(grant.rows.as_ref(), "rows");
            self.narrows_nothing(grant.propagate.as_ref(), "propagate");
            self.narrows_nothing(grant.fields.as_ref(), "fields");
            self.narrows_nothing(grant.masks.iter().next().map(|(_, mask)| mask), "masks");
        }
        let mut tables = Vec::new();
        for name in grant.tables.iter() {
            let Some(table) = self.table(name) else { continue };
            tables.push(table);
            let rows = match &grant.rows {
                None => Ok(None),
                Some(text) => self.rows(table, text).map(Some),
            };
            let fields = self.granted_fields(table, grant.fields.as_ref());
            let masks = self.masks(table, grant);
            // A grant whose condition is wrong must not become one without a condition.
            let (Ok(rows), Some(rules)) = (rows, self.set.by_table.get_mut(table.index())) else {
                continue;
            };
            rules.grants.push(TableGrant { policy, level, rows, fields, masks });
        }
        if let Some(def) = &grant.propagate {
            self.propagate(policy, &tables, level, def);
        }
        for metric in self.metrics(&grant.metrics) {
            self.set.metric_grants.entry(metric).or_default().push((policy, level));
        }
        for collection in self.collections(&grant.collections) {
            self.set.collection_grants.entry(collection).or_default().push((policy, level));
        }
    }

    fn restrict(&mut self, policy: usize, restrict: &Located<RestrictDef>) {
        if restrict.tables.is_empty() {
            self.at(restrict, SHAPE, "a restriction names `tables`".to_owned(), None);
        }
        let smallest = self.min_group_size(restrict);
        let mut tables = Vec::new();
        for name in restrict.tables.iter() {
            let Some(table) = self.table(name) else { continue };
            tables.push(table);
            let rows = restrict.rows.as_ref().map(|text| self.rows(table, text));
            let Some(rules) = self.set.by_table.get_mut(table.index()) else { continue };
            if let Some(Ok(rows)) = rows {
                rules.restricts.push((policy, rows));
            }
            rules.min_group_sizes.extend(smallest.map(|rows| (policy, rows)));
        }
        if let Some(def) = &restrict.propagate {
            self.propagate(policy, &tables, Level::Query, def);
        }
    }

    fn deny(&mut self, policy: usize, deny: &Located<DenyDef>) {
        let nothing =
            deny.tables.is_empty() && deny.metrics.is_empty() && deny.collections.is_empty();
        if nothing {
            let message = "a denial names `tables`, `metrics` or `collections`".to_owned();
            self.at(deny, SHAPE, message, None);
        } else if deny.tables.is_empty() {
            self.narrows_nothing(deny.fields.first(), "fields");
        }
        for name in deny.tables.iter() {
            let Some(table) = self.table(name) else { continue };
            let fields = (!deny.fields.is_empty())
                .then(|| deny.fields.iter().filter_map(|field| self.field(table, field)).collect());
            if let Some(rules) = self.set.by_table.get_mut(table.index()) {
                rules.denials.push((policy, fields));
            }
        }
        for metric in self.metrics(&deny.metrics) {
            self.set.metric_denials.entry(metric).or_default().push(policy);
        }
        for collection in self.collections(&deny.collections) {
            self.set.collection_denials.entry(collection).or_default().push(policy);
        }
    }

    /// What narrows tables must not stand where there are none: it would be ignored.
    fn narrows_nothing<T>(&mut self, value: Option<&Located<T>>, key: &str) {
        if let Some(value) = value {
            let message = format!("`{key}` narrows tables, and this policy names no `tables`");
            self.at(value, SHAPE, message, None);
        }
    }

    fn table(&mut self, name: &Located<String>) -> Option<TableId> {
        let found = self.snapshot.find_table(&name.value);
        if found.is_none() {
            let known = self.snapshot.tables().iter().map(|t| t.name.as_str());
            let message = format!("`{}` is not a table", name.value);
            self.at(name, UNKNOWN_TABLE, message, suggest(&name.value, known));
        }
        found
    }

    fn metrics(&mut self, names: &sandbar_catalog::decode::Items<String>) -> Vec<MetricId> {
        let mut found = Vec::new();
        for name in names.iter() {
            if let Some(id) = self.snapshot.find_metric(&name.value) {
                found.push(id);
                continue;
            }
            let known = self.snapshot.metrics().iter().map(|m| m.name.as_str());
            let message = format!("`{}` is not a metric", name.value);
            self.at(name, UNKNOWN_METRIC, message, suggest(&name.value, known));
        }
        found
    }

    fn collections(&mut self, names: &sandbar_catalog::decode::Items<String>) -> Vec<CollectionId> {
        let mut found = Vec::new();
        for name in names.iter() {
            if let Some(id) = self.snapshot.find_collection(&name.value) {
                found.push(id);
                continue;
            }
            let known = self.snapshot.collections().iter().map(|c| c.name.as_str());
            let message = format!("`{}` is not a collection", name.value);
            self.at(name, UNKNOWN_COLLECTION, message, suggest(&name.value, known));
        }
        found
    }

    fn field(&mut self, table: TableId, name: &Located<String>) -> Option<FieldId> {
        let table = self.snapshot.table(table);
        let found = table.find_field(&name.value);
        if found.is_none() {
            let known = table.fields.iter().map(|f| f.name.as_str());
            let message = format!("`{}` is not a field of `{}`", name.value, table.name);
            self.at(name, UNKNOWN_FIELD, message, suggest(&name.value, known));
        }
        found
    }

    fn granted_fields(&mut self, table: TableId, fields: Option<&Located<FieldsDef>>) -> Vec<bool> {
        let count = self.snapshot.table(table).fields.len();
        let (names, named) = match fields.map(|f| &f.value) {
            None | Some(FieldsDef::All) => return vec![true; count],
            Some(FieldsDef::Only(names)) => (names, true),
            Some(FieldsDef::Except(names)) => (names, false),
        };
        let mut flags = vec![!named; count];
        for name in names.iter() {
            if let Some(field) = self.field(table, name)
                && let Some(flag) = flags.get_mut(field.index())
            {
                *flag = named;
            }
        }
        flags
    }
}
