//! What an author writes: the serde types of the model language, before any check.
//!
//! The same types are read from YAML ([`Definitions::from_yaml`]) and built in Rust
//! ([`Definitions::new`] and the `with_…` functions of [`crate::definitions::build`]).

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decode::{Entries, Items, Located, optional};
use crate::query::SemanticQuery;
use crate::report::{Finding, Report, SourceText};
use crate::time::{FiscalYear, Grain, WeekStart};
use crate::types::{SemanticType, Visibility};

pub mod build;
mod metric;

pub use metric::{
    ConversionDef, ConversionGives, CumulativeDef, MetricDef, MetricInput, OffsetDef, PerDef, Pick,
    PropertyDef, RatioDef, ReportDay, SemiAdditiveDef, WindowDef,
};

/// All model files of one engine, read but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub(crate) files: Vec<DefinitionFile>,
    pub(crate) findings: Vec<Finding>,
}

/// One file, or one set of definitions built in Rust.
#[derive(Clone, Debug)]
pub(crate) struct DefinitionFile {
    pub(crate) source: Option<SourceText>,
    pub(crate) model: ModelFile,
}

impl Definitions {
    /// Definitions built in Rust.
    pub fn new(model: ModelFile) -> Self {
        Self { files: vec![DefinitionFile { source: None, model }], findings: Vec::new() }
    }

    /// Reads model files. What is wrong with a file is kept and reported by the check, together
    /// with everything else.
    pub fn from_yaml(texts: impl IntoIterator<Item = SourceText>) -> Self {
        let mut all = Self::default();
        for source in texts {
            let model = source.decode(&mut all.findings);
            all.files.push(DefinitionFile { source: Some(source), model });
        }
        all
    }

    /// Reads one model file.
    ///
    /// # Errors
    /// Never here: problems are kept for the check. Use [`Definitions::problems`] to look early.
    pub fn from_yaml_str(name: &str, text: &str) -> Self {
        Self::from_yaml([SourceText::new(name, text)])
    }

    /// The same definitions with those of `other` added.
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

    /// The file sources that the definitions declare, with the file that declares each.
    pub fn sources(
        &self,
    ) -> impl Iterator<Item = (&str, &Located<SourceDef>, Option<&SourceText>)> {
        self.files.iter().flat_map(|file| {
            file.model.sources.iter().map(|(name, def)| (name, def, file.source.as_ref()))
        })
    }

    /// The names of sources whose definitions could not be read.
    pub fn unread_sources(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|file| file.model.sources.failed().iter().map(String::as_str))
    }

    /// The JSON Schema (draft 2020-12) of a model file, for editors.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(ModelFile).to_value()
    }
}

/// One model file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Sandbar model")]
pub struct ModelFile {
    /// The version of the model language; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Located<u32>>,
    /// What holds wherever a table or query says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<DefaultsDef>,
    /// Files that tables read; the host may register more.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub sources: Entries<SourceDef>,
    /// The tables, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub tables: Entries<TableDef>,
    /// The metrics, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub metrics: Entries<MetricDef>,
    /// The collections that metrics and derived tables are kept in, by name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub collections: Entries<CollectionDef>,
}

/// Model-wide defaults.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultsDef {
    /// An IANA time zone; `UTC` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Located<String>>,
    /// The first day of a week; `monday` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub week_start: Option<WeekStart>,
    /// The fiscal year; the calendar year if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year: Option<Located<FiscalYear>>,
}

/// Files that a table reads.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDef {
    /// The format of the files.
    pub format: FileFormat,
    /// A file, a folder, or a glob, relative to the model file.
    pub path: Located<String>,
    /// Columns encoded in folder names (`year=2026/…`), outermost first, with their types.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty", deserialize_with = "optional")]
    pub partitions: IndexMap<String, String>,
    /// CSV only: whether the first line names the columns (it does if left out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// CSV only: the character between values; a comma if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
}

/// The file formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Arrow IPC files.
    Arrow,
}

/// A table: one relation with one grain.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TableDef {
    /// The number of the table on the wire; keeps it through a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Located<u64>>,
    /// The source it reads; the table's own name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Located<String>>,
    /// A derived table: a query over other tables instead of a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Located<SemanticQuery>>,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What a row is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words people use for it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub synonyms: Vec<String>,
    /// Whether askers are offered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The fields that identify a row: its grain.
    #[serde(skip_serializing_if = "Items::is_empty", deserialize_with = "optional")]
    pub primary_key: Items<String>,
    /// When a row holds, for a table that keeps the history of each key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<Located<ValidityDef>>,
    /// The temporal field that metrics of this table use unless they name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Located<String>>,
    /// The collection of a derived table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<Located<String>>,
    /// Says that reading the same physical source as another table was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares_source: Option<SharesSource>,
    /// The fields, by name. Only what is listed here exists.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub fields: Entries<FieldDef>,
    /// Named aggregations.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub measures: Entries<MeasureDef>,
    /// Named conditions.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub segments: Entries<SegmentDef>,
    /// Declared joins, by role name.
    #[serde(skip_serializing_if = "Entries::is_empty", deserialize_with = "optional")]
    pub relationships: Entries<RelationshipDef>,
}

/// When a row of a history holds: from one time up to, but without, another; where that is
/// missing, until now.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidityDef {
    /// The date or datetime from which it holds.
    pub from: Located<String>,
    /// The date or datetime from which it no longer does.
    pub to: Located<String>,
}

/// The only thing `shares_source` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharesSource {
    /// Somebody has checked that the policies of both tables fit together.
    Reviewed,
}

/// A field: a stored column or a calculation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FieldDef {
    /// The stored column; the field's own name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Located<String>>,
    /// A calculation over other fields instead of a column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr: Option<Located<String>>,
    /// boolean, integer, number, decimal(p,s), text, date or datetime; taken from the source if
    /// left out, compared with it if given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<Located<String>>,
    /// What the values mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<SemanticType>,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it says about a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words people use for it.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub synonyms: Vec<String>,
    /// Whether askers are offered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The unit of the values, such as `USD` or `kg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What the values are, where fields of several tables hold the same: metrics of those tables
    /// can then be grouped by it together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Located<String>>,
    /// For a date or datetime: the period that each value stands for. Nothing finer can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grain: Option<Located<Grain>>,
}

/// A named aggregation of one table.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureDef {
    /// The aggregation, such as `sum(total)` or `count(*)`.
    pub expr: Located<String>,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words people use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub synonyms: Vec<String>,
}

/// A named condition on one table.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentDef {
    /// The condition, such as `total > 100`.
    #[serde(rename = "where")]
    pub condition: Located<String>,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Which rows it selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words people use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "optional")]
    pub synonyms: Vec<String>,
}

/// A declared join.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationshipDef {
    /// The table it leads to.
    pub to: Located<String>,
    /// The fields that must be equal: one of this table, one of the other.
    pub on: Entries<String>,
    /// How many rows of each side match one row of the other, this side first.
    pub cardinality: CardinalityDef,
    /// What the relationship means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// To a table that keeps a history: the time of this row that decides which version it sees;
    /// the time of the asked number if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Located<String>>,
    /// Somebody else sees to it that the declared keys are unique: they are not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// With `one_to_many`: rows may be grouped by what it leads to; a row then counts in each group
    /// that it belongs to, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<bool>,
}

/// How many rows of each side match, this side first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CardinalityDef {
    /// Many rows here share one row there.
    ManyToOne,
    /// At most one row on each side.
    OneToOne,
    /// One row here has many there.
    OneToMany,
}

/// A place that metrics and derived tables are kept in.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CollectionDef {
    /// The collection it lies in; none for the top level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Located<String>>,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What belongs in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
