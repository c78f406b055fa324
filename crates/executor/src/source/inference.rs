//! The schema of a source's files: merged once at opening, and then the measure for every file that
//! is new or has changed.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use object_store::ObjectMeta;

use super::problem::SourceProblemKind;
use super::spec::Format;
use crate::stores::shown;

/// The one schema of all files, with the problems of those that disagree with the files before
/// them. Every column is nullable, because a file may come that has nulls.
pub(super) fn pin(
    format: Format,
    files: &[(&ObjectMeta, SchemaRef)],
) -> Result<SchemaRef, Vec<SourceProblemKind>> {
    let Some((_, first)) = files.first() else {
        return Ok(Arc::new(Schema::empty()));
    };
    let mut fields: Vec<Field> = first.fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut problems = Vec::new();
    for (file, schema) in files {
        if let Err(problem) = columns_agree(format, &Fields::from(fields.clone()), schema, file) {
            problems.push(problem);
            continue;
        }
        for field in &mut fields {
            let Ok(found) = schema.field_with_name(field.name()) else { continue };
            match merge(format, field.data_type(), found.data_type()) {
                Some(merged) => field.set_data_type(merged),
                None => {
                    problems.push(disagrees(field, found, file));
                    break;
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for field in &mut fields {
        field.set_nullable(true);
        // A column without a value in any file: text can hold whatever comes.
        if inferred(format) && field.data_type() == &DataType::Null {
            field.set_data_type(DataType::Utf8);
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Whether a file can be read under the pinned schema.
pub(super) fn check(
    format: Format,
    pinned: &Schema,
    found: &Schema,
    file: &ObjectMeta,
) -> Result<(), SourceProblemKind> {
    columns_agree(format, pinned.fields(), found, file)?;
    for field in pinned.fields() {
        let Ok(found) = found.field_with_name(field.name()) else { continue };
        let merged = merge(format, field.data_type(), found.data_type());
        if !merged.is_some_and(|merged| same_type(&merged, field.data_type())) {
            return Err(disagrees(field, found, file));
        }
    }
    Ok(())
}

fn disagrees(expected: &Field, found: &Field, file: &ObjectMeta) -> SourceProblemKind {
    SourceProblemKind::Disagrees {
        file: shown(&file.location),
        column: expected.name().clone(),
        expected: expected.data_type().clone(),
        found: found.data_type().clone(),
    }
}

/// Whether the names are the same, and in the same order where the reader goes by position.
fn columns_agree(
    format: Format,
    expected: &Fields,
    found: &Schema,
    file: &ObjectMeta,
) -> Result<(), SourceProblemKind> {
    let file = || shown(&file.location);
    if let Some(missing) = expected.iter().find(|f| found.field_with_name(f.name()).is_err()) {
        let column = missing.name().clone();
        return Err(SourceProblemKind::ColumnMissing { file: file(), column });
    }
    if let Some(unknown) = found.fields().iter().find(|f| expected.find(f.name()).is_none()) {
        let column = unknown.name().clone();
        return Err(SourceProblemKind::ColumnUnknown { file: file(), column });
    }
    if by_name(format) {
        return Ok(());
    }
    let swapped =
        expected.iter().zip(found.fields()).enumerate().find(|(_, (e, f))| e.name() != f.name());
    match swapped {
        Some((index, (expected, found))) => Err(SourceProblemKind::ColumnOrder {
            file: file(),
            expected: expected.name().clone(),
            found: found.name().clone(),
            position: index + 1,
        }),
        None => Ok(()),
    }
}

fn by_name(format: Format) -> bool {
    match format {
        Format::Parquet | Format::JsonLines => true,
        Format::Csv { .. } | Format::Arrow => false,
    }
}

fn inferred(format: Format) -> bool {
    match format {
        Format::Csv { .. } | Format::JsonLines => true,
        Format::Parquet | Format::Arrow => false,
    }
}

/// The type that holds the values of both. Only what inference can mistake for something else is
/// reconciled: no value at all, and whole numbers among fractions.
fn merge(format: Format, a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        _ if same_type(a, b) => Some(a.clone()),
        _ if !inferred(format) => None,
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Some(DataType::Float64)
        }
        _ => None,
    }
}

/// Equal but for the metadata of nested fields and the name of a list's item.
fn same_type(a: &DataType, b: &DataType) -> bool {
    let same_inner = |a: &Field, b: &Field| {
        a.is_nullable() == b.is_nullable() && same_type(a.data_type(), b.data_type())
    };
    match (a, b) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && same_inner(a, b))
        }
        (DataType::List(a), DataType::List(b))
        | (DataType::LargeList(a), DataType::LargeList(b))
        | (DataType::ListView(a), DataType::ListView(b))
        | (DataType::LargeListView(a), DataType::LargeListView(b)) => same_inner(a, b),
        (DataType::FixedSizeList(a, n), DataType::FixedSizeList(b, m)) => {
            n == m && same_inner(a, b)
        }
        (DataType::Map(a, n), DataType::Map(b, m)) => n == m && same_inner(a, b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CSV: Format = Format::Csv { header: true, delimiter: b',' };

    fn file(name: &str) -> ObjectMeta {
        ObjectMeta {
            location: name.into(),
            last_modified: Default::default(),
            size: 1,
            e_tag: None,
            version: None,
        }
    }

    fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
        let field =
            |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
        Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    #[track_caller]
    fn check_pin(
        format: Format,
        a: &[(&str, DataType)],
        b: &[(&str, DataType)],
        expected: Result<&[(&str, DataType)], &str>,
    ) {
        let (first, second) = (file("a"), file("b"));
        let pinned = pin(format, &[(&first, schema(a)), (&second, schema(b))]);
        match expected {
            Ok(columns) => assert_eq!(pinned, Ok(schema(columns))),
            Err(text) => {
                assert_eq!(pinned.unwrap_err()[0].to_string().split(':').next(), Some(text))
            }
        }
    }

    #[test]
    fn only_inference_is_reconciled() {
        use DataType::{Float64, Int64, Null, Utf8};
        check_pin(CSV, &[("x", Int64)], &[("x", Float64)], Ok(&[("x", Float64)]));
        check_pin(CSV, &[("x", Null)], &[("x", Int64)], Ok(&[("x", Int64)]));
        check_pin(CSV, &[("x", Null)], &[("x", Null)], Ok(&[("x", Utf8)]));
        let text = "file `/b` has column `x` as Utf8 where the source has Int64";
        check_pin(CSV, &[("x", Int64)], &[("x", Utf8)], Err(text));
        let text = "file `/b` has column `x` as Float64 where the source has Int64";
        check_pin(Format::Parquet, &[("x", Int64)], &[("x", Float64)], Err(text));
    }

    #[test]
    fn columns_are_the_same() {
        use DataType::Int64;
        let (xy, yx) = ([("x", Int64), ("y", Int64)], [("y", Int64), ("x", Int64)]);
        check_pin(Format::Parquet, &xy, &yx, Ok(&xy));
        check_pin(Format::JsonLines, &xy, &yx, Ok(&xy));
        let text = "file `/b` has column `y` at position 1 where the other files have `x`";
        check_pin(CSV, &xy, &yx, Err(text));
        check_pin(Format::Arrow, &xy, &yx, Err(text));
        let text = "file `/b` lacks column `y` of the other files";
        check_pin(CSV, &xy, &[("x", Int64)], Err(text));
        let text = "file `/b` has column `y` that the other files lack";
        check_pin(CSV, &[("x", Int64)], &xy, Err(text));
    }

    #[test]
    fn a_pinned_type_does_not_widen() {
        let check_x = |pinned: DataType, found: DataType| {
            check(CSV, &schema(&[("x", pinned)]), &schema(&[("x", found)]), &file("a"))
        };
        assert!(check_x(DataType::Float64, DataType::Int64).is_ok());
        assert!(check_x(DataType::Int64, DataType::Null).is_ok());
        assert!(check_x(DataType::Int64, DataType::Float64).is_err());
        assert!(check_x(DataType::Utf8, DataType::Int64).is_err());
    }

    #[test]
    fn nested_names_count_and_metadata_does_not() {
        let field = |name: &str| Field::new(name, DataType::Int64, true);
        let of = |field: Field| DataType::Struct(Fields::from(vec![field]));
        let tagged = field("a").with_metadata([("k".to_owned(), "v".to_owned())].into());
        assert!(same_type(&of(field("a")), &of(tagged)));
        assert!(!same_type(&of(field("a")), &of(field("b"))));
    }
}
