//! The files that a model declares, looked for beside the file that declares them.

use std::path::Path;

use arrow::datatypes::{DataType, TimeUnit};
use sandbar::definitions::{FileFormat, SourceDef};
use sandbar::{Definitions, FilesSpec, Format, SourceSpec, Type};

/// The sources of a model file that lies in `folder`, which is absolute. What is wrong with a
/// source is left to the engine to say: it finds the same.
pub(crate) fn beside(definitions: &Definitions, folder: &Path) -> Vec<(String, SourceSpec)> {
    let sources = definitions.sources();
    sources.filter_map(|(name, def, _)| Some((name.to_owned(), spec(def, folder)?))).collect()
}

fn spec(def: &SourceDef, folder: &Path) -> Option<SourceSpec> {
    let format = match def.format {
        FileFormat::Parquet => Format::Parquet,
        FileFormat::Csv => {
            let delimiter = u8::try_from(def.delimiter.unwrap_or(',')).ok().filter(u8::is_ascii)?;
            Format::Csv { header: def.header.unwrap_or(true), delimiter }
        }
        FileFormat::JsonLines => Format::JsonLines,
        FileFormat::Arrow => Format::Arrow,
    };
    let partitions = def.partitions.iter();
    let partitions = partitions
        .map(|(column, data_type)| Some((column.clone(), stored(Type::parse(data_type)?)?)))
        .collect::<Option<Vec<_>>>()?;
    let (path, base) = (def.path.value.clone(), Some(folder.to_owned()));
    Some(SourceSpec::Files(FilesSpec { format, path, base, partitions }))
}

/// The stored type of a column that stands in folder names.
fn stored(data_type: Type) -> Option<DataType> {
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
