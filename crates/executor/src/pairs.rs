//! The condition of a join, which is looked at for every pair of rows that share a key. A join that
//! finds few of very many pairs gives no rows for a long time, and does not rest before it has some:
//! so a query is stopped here, too.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;

use crate::budget::Budget;

/// The same join, stopped between pairs where the query is over; `None` for what looks at none.
pub(crate) fn stopped_between(
    node: &Arc<dyn ExecutionPlan>,
    budget: &Arc<Budget>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(None) };
    let Some(filter) = join.filter() else { return Ok(None) };
    let (condition, budget) = (Arc::clone(filter.expression()), Arc::clone(budget));
    let condition = Arc::new(Stopped { condition, budget });
    let (columns, schema) = (filter.column_indices().to_vec(), Arc::clone(filter.schema()));
    let filter = JoinFilter::new(condition, columns, schema);
    Ok(Some(Arc::new(join.builder().with_filter(Some(filter)).build()?)))
}

/// A condition that is not looked at any more where the query is over.
#[derive(Debug)]
struct Stopped {
    condition: Arc<dyn PhysicalExpr>,
    budget: Arc<Budget>,
}

impl PartialEq for Stopped {
    fn eq(&self, other: &Self) -> bool {
        *self.condition == *other.condition && Arc::ptr_eq(&self.budget, &other.budget)
    }
}

impl Eq for Stopped {}

impl Hash for Stopped {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for Stopped {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.condition.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.condition.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.budget.check()?;
        self.condition.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(condition), true) => {
                Ok(Arc::new(Self { condition, budget: Arc::clone(&self.budget) }))
            }
            _ => Err(DataFusionError::Internal("a condition of a join is one".to_owned())),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
