//! Columns whose values stand in folder names: their values per file, and the files that a filter
//! on them leaves.

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue, internal_datafusion_err};
use datafusion::datasource::listing::helpers::{
    expr_applicable_for_cols, parse_partitions_for_path,
};
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::problem::SourceProblemKind;
use crate::stores::shown;

/// What Hive writes for a null. Columns of folder names are never null here, so it is refused.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns of a source, outermost first.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    columns: Vec<(String, DataType)>,
}

impl Partitions {
    pub(super) fn new(columns: Vec<(String, DataType)>) -> Self {
        Self { columns }
    }

    /// The columns as fields, in order.
    pub(super) fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|(name, ty)| Field::new(name, ty.clone(), false)).collect()
    }

    /// Every file with the values of its folders. Where a name occurs twice on the way, the folder
    /// nearest to the file counts.
    pub(super) fn place(
        &self,
        files: &[ObjectMeta],
    ) -> Result<Vec<PartitionedFile>, SourceProblemKind> {
        files
            .iter()
            .map(|file| {
                let values = self.values(&file.location)?;
                Ok(PartitionedFile::new_from_meta(file.clone()).with_partition_values(values))
            })
            .collect()
    }

    /// Whether a filter can be decided per file, exactly.
    pub(super) fn decide(&self, filter: &Expr) -> bool {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let foreign = |expr: &Expr| {
            Ok(matches!(
                expr,
                Expr::OuterReferenceColumn(..)
                    | Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::SetComparison(_)
            ))
        };
        !names.is_empty()
            && expr_applicable_for_cols(&names, filter)
            && !filter.exists(foreign).unwrap_or(true)
    }

    /// The files for which all filters hold. Each filter must be one that is decided per file.
    pub(super) fn prune(
        &self,
        files: Vec<PartitionedFile>,
        filters: &[&Expr],
        state: &dyn Session,
    ) -> PlanResult<Vec<PartitionedFile>> {
        let Some(filter) = conjunction(filters.iter().map(|&f| f.clone())) else {
            return Ok(files);
        };
        if files.is_empty() {
            return Ok(files);
        }
        let fields = self.fields();
        let columns = (0..fields.len())
            .map(|column| {
                let values = files.iter().filter_map(|f| f.partition_values.get(column)).cloned();
                ScalarValue::iter_to_array(values)
            })
            .collect::<PlanResult<_>>()?;
        let batch = RecordBatch::try_new(Schema::new(fields.clone()).into(), columns)?;
        let schema = DFSchema::from_unqualified_fields(fields.into(), Default::default())?;
        let holds = state
            .create_physical_expr(unqualified(filter)?, &schema)?
            .evaluate(&batch)?
            .into_array(batch.num_rows())?;
        let holds = holds
            .as_any()
            .downcast_ref::<BooleanArray>()
            .ok_or_else(|| internal_datafusion_err!("a filter is not boolean"))?;
        let kept = files.into_iter().zip(holds).filter(|(_, holds)| *holds == Some(true));
        Ok(kept.map(|(file, _)| file).collect())
    }

    fn values(&self, file: &Path) -> Result<Vec<ScalarValue>, SourceProblemKind> {
        let names: Vec<_> = file.parts().collect();
        let mut folders = names.iter().rev().skip(1);
        let mut values = Vec::with_capacity(self.columns.len());
        for (column, data_type) in self.columns.iter().rev() {
            let text = folders.find_map(|folder| folder_value(folder.as_ref(), column));
            let text = text.ok_or_else(|| SourceProblemKind::PartitionMissing {
                file: shown(file),
                column: column.clone(),
            })?;
            let value = (text != HIVE_NULL)
                .then(|| ScalarValue::try_from_string(text, data_type).ok())
                .flatten()
                .filter(|value| !value.is_null());
            values.push(value.ok_or_else(|| SourceProblemKind::PartitionValue {
                file: shown(file),
                column: column.clone(),
                expected: data_type.clone(),
            })?);
        }
        values.reverse();
        Ok(values)
    }
}

/// The value if a folder is named `column=value`, with `%2F` and the like decoded.
fn folder_value(folder: &str, column: &str) -> Option<String> {
    let root = ListingTableUrl::parse("file:///").ok()?;
    let path = Path::parse(folder).ok()?;
    let values = parse_partitions_for_path(&root, &path, [column])?;
    values.into_iter().next().map(|value| value.into_owned())
}

/// The filter names columns under the alias of the scan, the files know them bare.
fn unqualified(filter: Expr) -> PlanResult<Expr> {
    use datafusion::common::tree_node::Transformed;
    let bare = filter.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(column.name.into())),
            other => Transformed::no(other),
        })
    })?;
    Ok(bare.data)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn partitions() -> Partitions {
        Partitions::new(vec![("y".into(), DataType::Int32), ("c".into(), DataType::Utf8)])
    }

    #[track_caller]
    fn check(file: &str, expected: Result<(i32, &str), &str>) {
        let values = partitions().values(&Path::parse(file).unwrap());
        match expected {
            Ok((y, c)) => assert_eq!(values, Ok(vec![y.into(), c.into()])),
            Err(text) => {
                let told = values.unwrap_err().to_string();
                assert!(told.starts_with(text), "{told}");
            }
        }
    }

    #[test]
    fn values_come_from_the_nearest_folders() {
        check("d/y=1/c=a/f", Ok((1, "a")));
        check("d/y=1/deeper/c=a/tmp/f", Ok((1, "a")));
        check("y=9/d/y=1/c=a/f", Ok((1, "a")));
        check("d/y=1/c=a%2Fb/f", Ok((1, "a/b")));
        check("d/y=1/c=/f", Ok((1, "")));
        check("d/c=a/y=1/f", Err("file `/d/c=a/y=1/f` lies in no folder `y=…`"));
        check("d/y=1/f", Err("file `/d/y=1/f` lies in no folder `c=…`"));
        check("d/y=x/c=a/f", Err("the folder `y=…` of file `/d/y=x/c=a/f`"));
        check(&format!("d/y=1/c={HIVE_NULL}/f"), Err("the folder `c=…` of file"));
    }
}
