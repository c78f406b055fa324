//! What is to be opened for a model: the files it declares, and what the host gives instead. What
//! is wrong with that is said where the model declares it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::datatypes::{DataType, TimeUnit};
use sandbar_catalog::decode::{Located, Problem};
use sandbar_catalog::definitions::{FileFormat, SourceDef};
use sandbar_catalog::{Finding, SourceText, Type};
use sandbar_executor::source::{FilesSpec, Format, SourceProblem, SourceSpec};

use crate::builder::{Model, Settings};

/// A source cannot be opened.
pub(crate) const UNOPENED: &str = "E0203";
/// A source is declared wrongly.
pub(crate) const MISDECLARED: &str = "E0204";

/// What is to be opened, by name, and what is wrong with the rest.
pub(crate) struct Declared<'m> {
    pub(crate) specs: BTreeMap<String, SourceSpec>,
    pub(crate) findings: Vec<Finding>,
    /// The sources that the model declares and the host does not replace by others.
    own: BTreeMap<&'m str, (&'m Located<SourceDef>, Option<&'m SourceText>)>,
}

impl<'m> Declared<'m> {
    pub(crate) fn of(model: &'m Model, settings: &Settings) -> Self {
        let mut declared = Self {
            specs: settings.sources.clone(),
            findings: settings.schemaless.iter().map(|name| schemaless(name)).collect(),
            own: BTreeMap::new(),
        };
        for (name, def, file) in model.definitions.sources() {
            if let Some(given) = settings.sources.get(name) {
                // What is declared, looked for in a folder that the host knows.
                let path = &def.value.path.value;
                if matches!(given, SourceSpec::Files(files) if files.path == *path) {
                    declared.own.entry(name).or_insert((def, file));
                }
                continue;
            }
            if declared.own.contains_key(name) {
                continue;
            }
            declared.own.insert(name, (def, file));
            match declared_files(&def.value, settings.base.clone()) {
                Ok(files) => {
                    declared.specs.insert(name.to_owned(), SourceSpec::Files(files));
                }
                Err(wrong) => {
                    let message = format!("source `{name}`: {}", wrong.message);
                    let path = format!("sources.{name}.{}", wrong.key);
                    let place = def.key_place.or(def.place);
                    let problem =
                        Problem { code: MISDECLARED, place, path, message, suggestion: None };
                    declared.findings.push(Finding { file: file.cloned(), problem });
                }
            }
        }
        declared
    }

    /// What could not be opened, said at the path that was declared.
    pub(crate) fn unopened(&self, problem: &SourceProblem) -> Finding {
        let (message, path) = (problem.to_string(), format!("sources.{}", problem.source));
        let code = UNOPENED;
        match self.own.get(problem.source.as_str()) {
            Some((def, file)) => {
                let (place, path) = (def.value.path.place.or(def.place), format!("{path}.path"));
                let problem = Problem { code, place, path, message, suggestion: None };
                Finding { file: file.cloned(), problem }
            }
            None => {
                let problem = Problem { code, place: None, path, message, suggestion: None };
                Finding { file: None, problem }
            }
        }
    }
}

fn schemaless(name: &str) -> Finding {
    let message = format!("source `{name}` has no batch to take the schema from");
    let path = format!("sources.{name}");
    let problem = Problem { code: UNOPENED, place: None, path, message, suggestion: None };
    Finding { file: None, problem }
}

/// Why files are declared wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misdeclared {
    /// The key of the definition that is wrong.
    pub key: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// The files that a model declares, a relative path from `base`.
///
/// # Errors
/// The first key of the definition that says nothing that can be opened.
pub fn declared_files(def: &SourceDef, base: Option<PathBuf>) -> Result<FilesSpec, Misdeclared> {
    let only_csv = [("header", def.header.is_some()), ("delimiter", def.delimiter.is_some())];
    let without_effect = only_csv.into_iter().find(|(_, given)| *given);
    if let (Some((key, _)), false) = (without_effect, def.format == FileFormat::Csv) {
        let message = format!("`{key}` is for CSV files");
        return Err(Misdeclared { key, message });
    }
    let delimiter = u8::try_from(def.delimiter.unwrap_or(',')).ok().filter(|byte| separates(*byte));
    let delimiter = delimiter.ok_or_else(|| Misdeclared {
        key: "delimiter",
        message: "the delimiter is one ASCII character, and no quote, end of a line or NUL"
            .to_owned(),
    })?;
    let format = match def.format {
        FileFormat::Parquet => Format::Parquet,
        FileFormat::Csv => Format::Csv { header: def.header.unwrap_or(true), delimiter },
        FileFormat::JsonLines => Format::JsonLines,
        FileFormat::Arrow => Format::Arrow,
    };
    let mut partitions = Vec::with_capacity(def.partitions.len());
    for (column, data_type) in &def.partitions {
        let arrow = Type::parse(data_type).and_then(partition_type);
        let arrow = arrow.ok_or_else(|| Misdeclared {
            key: "partitions",
            message: format!("partition `{column}` has no type `{data_type}`"),
        })?;
        partitions.push((column.clone(), arrow));
    }
    Ok(FilesSpec { format, path: def.path.value.clone(), base, partitions })
}

/// Whether a character can stand between values: others end a row, or quote a value.
fn separates(delimiter: u8) -> bool {
    delimiter.is_ascii() && !matches!(delimiter, b'\n' | b'\r' | b'"' | b'\0')
}

/// The stored type of a partition column.
fn partition_type(data_type: Type) -> Option<DataType> {
    Some(match data_type {
        Type::Boolean => DataType::Boolean,
        Type::Integer => DataType::Int64,
        Type::Number => DataType::Float64,
        Type::Text => DataType::Utf8,
        Type::Date => DataType::Date32,
        Type::Datetime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Decimal { .. } | Type::Other | Type::Null => return None,
    })
}
