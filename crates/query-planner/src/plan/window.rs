//! Small parts of plans: windows over rows, lists made into rows.

use datafusion_common::{Column, NullHandling, ScalarValue, UnnestOptions};
use datafusion_expr::expr::WindowFunction;
use datafusion_expr::{
    AggregateUDF, Expr as Plan, ExprFunctionExt, LogicalPlanBuilder, SortExpr, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};
use std::sync::Arc;

use crate::error::QueryError;

/// Which rows of a partition a window sees, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The one before.
    Before,
    /// The one after.
    After,
    /// All up to this one.
    UpTo,
}

/// An aggregation over all rows of each partition.
pub(super) fn over_all(
    function: Arc<AggregateUDF>,
    argument: Plan,
    partition: Vec<Plan>,
) -> Result<Plan, QueryError> {
    let whole = WindowFrame::new(None);
    Ok(window(function, argument).partition_by(partition).window_frame(whole).build()?)
}

/// An aggregation over some rows of each partition, in the order of `order`, missing values last.
pub(super) fn over(
    function: Arc<AggregateUDF>,
    argument: Plan,
    partition: Vec<Plan>,
    order: Vec<Plan>,
    frame: Frame,
) -> Result<Plan, QueryError> {
    let one = || ScalarValue::UInt64(Some(1));
    let (start, end) = match frame {
        Frame::Before => (WindowFrameBound::Preceding(one()), WindowFrameBound::Preceding(one())),
        Frame::After => (WindowFrameBound::Following(one()), WindowFrameBound::Following(one())),
        Frame::UpTo => {
            (WindowFrameBound::Preceding(ScalarValue::UInt64(None)), WindowFrameBound::CurrentRow)
        }
    };
    let frame = WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end);
    let order: Vec<SortExpr> = order.into_iter().map(|key| key.sort(true, false)).collect();
    let window = window(function, argument).partition_by(partition).order_by(order);
    Ok(window.window_frame(frame).build()?)
}

fn window(function: Arc<AggregateUDF>, argument: Plan) -> Plan {
    let function = WindowFunctionDefinition::AggregateUDF(function);
    Plan::from(WindowFunction::new(function, vec![argument]))
}

/// The one row of an aggregation without keys. There is one whatever the condition, so a condition
/// over constants must not move below the aggregation; through this limit it does not.
pub(super) fn one_row(builder: LogicalPlanBuilder) -> Result<LogicalPlanBuilder, QueryError> {
    Ok(builder.limit(0, Some(1))?)
}

/// The rows with further columns: windows, each under its name.
pub(super) fn with_windows(
    builder: LogicalPlanBuilder,
    windows: Vec<(Plan, String)>,
) -> Result<LogicalPlanBuilder, QueryError> {
    if windows.is_empty() {
        return Ok(builder);
    }
    let mut columns: Vec<Plan> = builder.schema().columns().into_iter().map(Plan::Column).collect();
    let mut once: Vec<Plan> = Vec::with_capacity(windows.len());
    for (window, name) in windows {
        let column = Column::new_unqualified(window.schema_name().to_string());
        columns.push(Plan::Column(column).alias(name));
        if !once.contains(&window) {
            once.push(window);
        }
    }
    let plan = LogicalPlanBuilder::window_plan(builder.build()?, once)?;
    Ok(LogicalPlanBuilder::from(plan).project(columns)?)
}

/// The rows with one more column.
pub(super) fn with_column(
    builder: LogicalPlanBuilder,
    value: Plan,
    name: &str,
) -> Result<LogicalPlanBuilder, QueryError> {
    with_columns(builder, vec![(value, name.to_owned())])
}

/// The rows with further columns, each under its name.
pub(super) fn with_columns(
    builder: LogicalPlanBuilder,
    values: Vec<(Plan, String)>,
) -> Result<LogicalPlanBuilder, QueryError> {
    if values.is_empty() {
        return Ok(builder);
    }
    let mut columns: Vec<Plan> = builder.schema().columns().into_iter().map(Plan::Column).collect();
    columns.extend(values.into_iter().map(|(value, name)| value.alias(name)));
    Ok(builder.project(columns)?)
}

/// Each row once for each element of its list; rows whose list is empty are gone.
pub(super) fn for_each_of(
    builder: LogicalPlanBuilder,
    list: &str,
) -> Result<LogicalPlanBuilder, QueryError> {
    let options = UnnestOptions::new().with_null_handling(NullHandling::Drop);
    Ok(builder.unnest_column_with_options(Column::new_unqualified(list), options)?)
}
