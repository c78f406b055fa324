//! What a policy author writes: the serde types of a policy file, before any check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use sandbar_catalog::decode::{Entries, Items, Located, optional};
use sandbar_catalog::query::Value;
use sandbar_catalog::{Finding, Report, Snapshot, SourceText};

use crate::level::Level;
use crate::policy_set::PolicySet;
use crate::propagation::PropagateDef;

/// All policy files of one engine, read but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct PolicyDefinitions {
    pub(crate) files: Vec<(Option<SourceText>, PolicyFile)>,
    pub(crate) findings: Vec<Finding>,
}

impl PolicyDefinitions {
    /// Policies built in Rust.
    pub fn new(file: PolicyFile) -> Self {
        Self { files: vec![(None, file)], findings: Vec::new() }
    }

    /// Reads policy files; what is wrong with them is reported by the check.
    pub fn from_yaml(texts: impl IntoIterator<Item = SourceText>) -> Self {
        let mut all = Self::default();
        for source in texts {
            let file = source.decode(&mut all.findings);
            all.files.push((Some(source), file));
        }
        all
    }

    /// The same policies with those of `other` added.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.findings.extend(other.findings);
        self
    }

    /// What reading the files has found so far.
    pub fn problems(&self) -> Report {
        Report::new(self.findings.clone())
    }

    /// Checks the policies against a model.
    ///
    /// # Errors
    /// All problems at once, each with its place.
    pub fn check(&self, snapshot: &Snapshot) -> Result<PolicySet, Report> {
        crate::check::check(self, snapshot)
    }

    /// The JSON Schema (draft 2020-12) of a policy file, for editors.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(PolicyFile).to_value()
    }
}

/// One policy file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Sandbar policies")]
pub struct PolicyFile {
    /// The version of the policy language; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Located<u32>>,
    /// The attributes of a principal that row filters may use, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub attributes: Entries<AttributeDef>,
    /// The groups that policies speak of, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub groups: Entries<GroupDef>,
    /// The policies, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub policies: Entries<PolicyDef>,
}

/// An attribute of a principal.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeDef {
    /// text, integer, number, boolean or date.
    #[serde(rename = "type")]
    pub data_type: Located<String>,
    /// Whether it is a list of such values, to be used with `in`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<bool>,
    /// What it says about a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A group of principals.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupDef {
    /// Who is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A policy: exactly one of `grant`, `restrict` and `deny`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyDef {
    /// Why it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whom it concerns. A grant names its groups; without groups a restriction or denial
    /// concerns everyone.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub groups: Items<String>,
    /// Shows rows and fields of tables, or metrics, or collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Located<GrantDef>>,
    /// Narrows the rows of tables, or the groups that are told, on top of every grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrict: Option<Located<RestrictDef>>,
    /// Takes away, whatever grants say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Located<DenyDef>>,
}

/// A rectangle of tables (which rows × which fields), or metrics, or collections.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GrantDef {
    /// The tables.
    #[serde(skip_serializing_if = "Items::is_empty", deserialize_with = "optional")]
    pub tables: Items<String>,
    /// Which rows: a condition over the table, its related tables and `attribute.…`; all if left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Located<String>>,
    /// Whether rows of other tables that belong to a row which is not shown are hidden too: over
    /// every relationship (`true`), or those that are listed; over none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate: Option<Located<PropagateDef>>,
    /// Which fields; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Located<FieldsDef>>,
    /// Fields whose values are replaced, by name.
    #[serde(skip_serializing_if = "Entries::is_empty")]
    pub masks: Entries<MaskDef>,
    /// Metrics, by name (for those kept in a collection).
    #[serde(skip_serializing_if = "Items::is_empty", deserialize_with = "optional")]
    pub metrics: Items<String>,
    /// Collections with everything below them.
    #[serde(skip_serializing_if = "Items::is_empty", deserialize_with = "optional")]
    pub collections: Items<String>,
    /// How far access goes; `query` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// Which fields of a table.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldsDef {
    /// Every field, also those added later.
    All,
    /// These and no others.
    Only(Items<String>),
    /// Every field but these.
    Except(Items<String>),
}

/// What stands in place of a value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = or_bare_null)]
pub enum MaskDef {
    /// NULL.
    Null,
    /// A keyed hash (text only).
    Hash,
    /// The first characters, then `***` (text only).
    Prefix(u8),
    /// One constant.
    Constant(Value),
}

/// Narrows rows on top of every grant, or what is told of few of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestrictDef {
    /// The tables.
    pub tables: Items<String>,
    /// Which rows remain; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Located<String>>,
    /// Nothing is told of fewer rows than these, and of no single row: at least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_group_size: Option<Located<u32>>,
    /// Whether rows of other tables that belong to a row which is not shown are hidden too: over
    /// every relationship (`true`), or those that are listed; over none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate: Option<Located<PropagateDef>>,
}

/// Takes away, whatever grants say.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DenyDef {
    /// The tables: whole, unless `fields` is given.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub tables: Items<String>,
    /// The fields of those tables.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub fields: Items<String>,
    /// Metrics.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub metrics: Items<String>,
    /// Collections with everything below them.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub collections: Items<String>,
}

impl PolicyFile {
    /// No policies: nobody sees anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a group.
    #[must_use]
    pub fn group(mut self, name: &str) -> Self {
        self.groups.insert(name, GroupDef::default());
        self
    }

    /// Declares an attribute with one value.
    #[must_use]
    pub fn attribute(mut self, name: &str, data_type: &str) -> Self {
        let data_type = Located::from(data_type.to_owned());
        self.attributes.insert(name, AttributeDef { data_type, ..AttributeDef::default() });
        self
    }

    /// Declares an attribute that is a list.
    #[must_use]
    pub fn list_attribute(mut self, name: &str, data_type: &str) -> Self {
        let data_type = Located::from(data_type.to_owned());
        let def = AttributeDef { data_type, list: Some(true), description: None };
        self.attributes.insert(name, def);
        self
    }

    /// Adds a policy that grants something to a group.
    #[must_use]
    pub fn grant(mut self, name: &str, group: &str, grant: GrantDef) -> Self {
        let mut def = PolicyDef { grant: Some(Located::from(grant)), ..PolicyDef::default() };
        def.groups.push(group.to_owned());
        self.policies.insert(name, def);
        self
    }

    /// Adds a policy that narrows a table for everyone.
    #[must_use]
    pub fn restrict(self, name: &str, table: &str, rows: &str) -> Self {
        self.restriction(name, RestrictDef::table(table, rows))
    }

    /// Adds a policy under which nothing is told of fewer rows of a table, to anyone.
    #[must_use]
    pub fn min_group_size(self, name: &str, table: &str, rows: u32) -> Self {
        let min_group_size = Some(Located::from(rows));
        let tables = items(&[table]);
        self.restriction(name, RestrictDef { tables, min_group_size, ..RestrictDef::default() })
    }

    /// Adds a denial.
    #[must_use]
    pub fn deny(mut self, name: &str, deny: DenyDef) -> Self {
        let def = PolicyDef { deny: Some(Located::from(deny)), ..PolicyDef::default() };
        self.policies.insert(name, def);
        self
    }
}

impl GrantDef {
    /// All rows and fields of a table.
    pub fn table(name: &str) -> Self {
        Self::default().and_table(name)
    }

    /// Also this table.
    #[must_use]
    pub fn and_table(mut self, name: &str) -> Self {
        self.tables.push(name.to_owned());
        self
    }

    /// Only these rows.
    #[must_use]
    pub fn rows(mut self, condition: &str) -> Self {
        self.rows = Some(Located::from(condition.to_owned()));
        self
    }

    /// Only these fields.
    #[must_use]
    pub fn only(mut self, fields: &[&str]) -> Self {
        self.fields = Some(Located::from(FieldsDef::Only(items(fields))));
        self
    }

    /// Every field but these.
    #[must_use]
    pub fn except(mut self, fields: &[&str]) -> Self {
        self.fields = Some(Located::from(FieldsDef::Except(items(fields))));
        self
    }

    /// Replaces the values of a field.
    #[must_use]
    pub fn mask(mut self, field: &str, mask: MaskDef) -> Self {
        self.masks.insert(field, mask);
        self
    }

    /// Also this collection.
    #[must_use]
    pub fn collection(mut self, name: &str) -> Self {
        self.collections.push(name.to_owned());
        self
    }

    /// How far it goes.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }
}

impl DenyDef {
    /// Denies a whole table.
    pub fn table(name: &str) -> Self {
        Self { tables: items(&[name]), ..Self::default() }
    }

    /// Only these fields of the table.
    #[must_use]
    pub fn fields(mut self, fields: &[&str]) -> Self {
        self.fields = items(fields);
        self
    }
}

/// In YAML and JSON a bare `null` is read as the mask of that name.
fn or_bare_null(schema: &mut schemars::Schema) {
    if let Some(variants) = schema.get_mut("oneOf").and_then(|v| v.as_array_mut()) {
        variants.push(serde_json::json!({ "type": "null", "description": "NULL." }));
    }
}

fn items(names: &[&str]) -> Items<String> {
    let mut items = Items::default();
    for name in names {
        items.push((*name).to_owned());
    }
    items
}
