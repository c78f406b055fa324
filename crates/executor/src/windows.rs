//! Windows over all rows of each partition, a batch at a time. DataFusion waits for the last row of
//! all partitions and makes one batch of everything in one step, which nothing stops and whose
//! memory nobody counts. Here a partition is given when its last row has come, what is held of it is
//! counted, and there are rests in between.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use crate::passing::only;
use crate::resting::resting;
use crate::size::value_bytes;

/// A node of windows over all rows of each partition that goes by batches; `None`: it is another
/// node, or has windows of other kinds.
pub(crate) fn by_batches(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let windows = node.downcast_ref::<WindowAggExec>()?;
    let partition_by = windows.window_expr().first()?.partition_by().to_vec();
    let aggregates: Option<Vec<_>> =
        windows.window_expr().iter().map(|window| over_all(window, &partition_by)).collect();
    let schema = windows.input().schema();
    let types: Result<Vec<_>> = partition_by.iter().map(|key| key.data_type(&schema)).collect();
    let keys: Vec<SortField> = types.ok()?.into_iter().map(SortField::new).collect();
    if !RowConverter::supports_fields(&keys) {
        return None;
    }
    Some(Arc::new(WindowsExec {
        input: resting(Arc::clone(windows.input())),
        properties: Arc::clone(node.properties()),
        partition_by,
        keys,
        aggregates: aggregates?,
    }))
}

/// What a window aggregates over all rows of each of these partitions.
fn over_all(
    window: &Arc<dyn WindowExpr>,
    partition_by: &[Arc<dyn PhysicalExpr>],
) -> Option<AggregateFunctionExpr> {
    let frame = window.get_window_frame();
    let all = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
    let aggregate = window.as_any().downcast_ref::<PlainAggregateWindowExpr>()?;
    let aggregate = aggregate.get_aggregate_expr();
    let simple = matches!(aggregate.fun().name(), "min" | "max") && !aggregate.is_distinct();
    let same = window.order_by().is_empty() && window.partition_by() == partition_by;
    (all && simple && same && aggregate.groups_accumulator_supported()).then(|| aggregate.clone())
}

/// The node. Its input is sorted by partition.
#[derive(Clone, Debug)]
struct WindowsExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    /// How its values are told apart.
    keys: Vec<SortField>,
    aggregates: Vec<AggregateFunctionExpr>,
}

impl DisplayAs for WindowsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WindowsExec")
    }
}

impl ExecutionPlan for WindowsExec {
    fn name(&self) -> &'static str {
        "WindowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = only(children, self.name())?;
        Ok(Arc::new(Self { input, ..(*self).clone() }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let accumulators = self.aggregates.iter().map(|one| one.create_groups_accumulator());
        let consumer = MemoryConsumer::new("WindowsExec");
        Ok(Box::pin(Parted {
            input: self.input.execute(partition, Arc::clone(&context))?,
            ended: false,
            schema: self.schema(),
            partition_by: self.partition_by.clone(),
            converter: RowConverter::new(self.keys.clone())?,
            arguments: self.aggregates.iter().map(AggregateFunctionExpr::expressions).collect(),
            accumulators: accumulators.collect::<Result<_>>()?,
            open: Vec::new(),
            key: None,
            ready: VecDeque::new(),
            reservation: consumer.register(context.memory_pool()),
        }))
    }
}

/// Rows of partitions whose last row has come.
struct Ready {
    rows: RecordBatch,
    /// Of which partition each row is; `None`: all are of the first.
    partitions: Option<Vec<u32>>,
    /// For each window a value of each partition.
    values: Vec<ArrayRef>,
}

struct Parted {
    input: SendableRecordBatchStream,
    /// Whether the last row has come.
    ended: bool,
    schema: SchemaRef,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    converter: RowConverter,
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The rows of the partition whose last row may still come. Its aggregations are in the first
    /// group of each accumulator.
    open: Vec<RecordBatch>,
    /// What the open rows have in common.
    key: Option<OwnedRow>,
    ready: VecDeque<Ready>,
    reservation: MemoryReservation,
}

fn evaluated(of: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    of.iter().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

/// What is held of rows: their values, and a little for each.
fn held(rows: &RecordBatch) -> usize {
    let bytes = usize::try_from(value_bytes(rows)).unwrap_or(usize::MAX);
    bytes.saturating_add(rows.num_rows().saturating_mul(rows.num_columns()))
}

impl Parted {
    /// In which of these rows a partition begins. Without keys all rows are one partition.
    fn beginnings(&self, keys: Option<&Rows>, count: usize) -> Vec<bool> {
        let begins = |row: usize| match (row.checked_sub(1), keys) {
            (Some(before), Some(keys)) => keys.row(row) != keys.row(before),
            (None, Some(keys)) => self.key.as_ref().is_none_or(|key| key.row() != keys.row(0)),
            (before, None) => before.is_none() && self.open.is_empty(),
        };
        (0..count).map(begins).collect()
    }

    /// Takes rows in. What ends with them is ready.
    fn take_in(&mut self, rows: &RecordBatch) -> Result<()> {
        let count = rows.num_rows();
        if count == 0 {
            return Ok(());
        }
        self.reservation.try_grow(held(rows))?;
        let keys = evaluated(&self.partition_by, rows)?;
        let keys = match keys.is_empty() {
            true => None,
            false => Some(self.converter.convert_columns(&keys)?),
        };
        let begins = self.beginnings(keys.as_ref(), count);
        // The open partition is the first one, if there is one.
        let mut begun = usize::from(!self.open.is_empty());
        let mut partitions = Vec::with_capacity(count);
        for begins in &begins {
            begun += usize::from(*begins);
            partitions.push(begun.saturating_sub(1));
        }
        for (accumulator, arguments) in self.accumulators.iter_mut().zip(&self.arguments) {
            accumulator.update_batch(&evaluated(arguments, rows)?, &partitions, None, begun)?;
        }
        // All have ended but the one that began last.
        let last = begins.iter().rposition(|begins| *begins);
        let from = last.unwrap_or(0);
        if last.is_some() && begun > 1 {
            let values = self.values(EmitTo::First(begun - 1))?;
            self.close(&values);
            if from > 0 {
                let (rows, of) = (rows.slice(0, from), partitions.iter().take(from));
                let of = of.map(|partition| u32::try_from(*partition).unwrap_or(u32::MAX));
                self.ready.push_back(Ready { rows, partitions: Some(of.collect()), values });
            }
        }
        self.open.push(rows.slice(from, count - from));
        self.key = keys.map(|keys| keys.row(count - 1).owned());
        Ok(())
    }

    fn values(&mut self, of: EmitTo) -> Result<Vec<ArrayRef>> {
        self.accumulators.iter_mut().map(|accumulator| accumulator.evaluate(of)).collect()
    }

    /// The open rows are ready.
    fn close(&mut self, values: &[ArrayRef]) {
        let open = std::mem::take(&mut self.open).into_iter();
        let closed = open.map(|rows| Ready { rows, partitions: None, values: values.to_vec() });
        self.ready.extend(closed);
    }

    /// Rows with the values of their partitions.
    fn give(&mut self, ready: Ready) -> Result<RecordBatch> {
        let Ready { rows, partitions, values } = ready;
        self.reservation.shrink(held(&rows).min(self.reservation.size()));
        let of = UInt32Array::from(partitions.unwrap_or_else(|| vec![0; rows.num_rows()]));
        let mut columns = rows.columns().to_vec();
        for values in &values {
            columns.push(take(values, &of, None)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Stream for Parted {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(ready) = this.ready.pop_front() {
                return Poll::Ready(Some(this.give(ready)));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(this.input.poll_next_unpin(context)) {
                Some(rows) => this.take_in(&rows?)?,
                None => {
                    this.ended = true;
                    if !this.open.is_empty() {
                        let values = this.values(EmitTo::All)?;
                        this.close(&values);
                    }
                }
            }
        }
    }
}

impl RecordBatchStream for Parted {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    #![allow(clippy::disallowed_methods, reason = "windows of DataFusion's own plans")]
    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::error::DataFusionError;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    /// Rows of a partition, a second one and a value, in batches of some rows.
    type Row = (Option<i64>, &'static str, Option<i64>);

    fn batch(rows: &[Row]) -> RecordBatch {
        let columns: [(&str, ArrayRef); 3] = [
            ("p", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
            ("q", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
            ("v", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    async fn planned(context: &SessionContext, rows: &[Row], sql: &str) -> Arc<dyn ExecutionPlan> {
        context.register_batch("t", batch(rows)).unwrap();
        context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
    }

    /// The same plan, with its windows by batches.
    fn parted(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
        let parted = Arc::clone(plan).transform_up(|node| {
            Ok(by_batches(&node).map_or(Transformed::no(node), Transformed::yes))
        });
        let parted = parted.data().unwrap();
        let text = displayable(parted.as_ref()).indent(false).to_string();
        assert!(text.contains("WindowsExec") && !text.contains("WindowAggExec"), "{text}");
        parted
    }

    fn context(batch_size: usize) -> SessionContext {
        let config = SessionConfig::new().with_batch_size(batch_size).with_target_partitions(2);
        SessionContext::new_with_config(config)
    }

    #[tokio::test]
    async fn every_row_has_what_its_partition_has() {
        let rows: [Row; 9] = [
            (Some(1), "a", Some(5)),
            (None, "a", Some(7)),
            (Some(1), "a", None),
            (Some(2), "b", None),
            (Some(1), "b", Some(-3)),
            (None, "a", Some(9)),
            (Some(1), "a", Some(2)),
            (Some(3), "", Some(4)),
            (None, "b", Some(1)),
        ];
        let of = [
            // By hand: (1,a) has 5, none, 2; (1,b) has -3; (2,b) none; (3,"") 4; (none,a) 7, 9;
            // (none,b) 1.
            (
                "select p, q, v, min(v) over (partition by p, q), max(v) over (partition by p, q) \
                 from t order by 1 nulls last, 2, 3 nulls last",
                vec![
                    (Some(2), Some(5)),
                    (Some(2), Some(5)),
                    (Some(2), Some(5)),
                    (Some(-3), Some(-3)),
                    (None, None),
                    (Some(4), Some(4)),
                    (Some(7), Some(9)),
                    (Some(7), Some(9)),
                    (Some(1), Some(1)),
                ],
            ),
            ("select p, q, v, min(v) over (), max(v) over () from t", vec![(Some(-3), Some(9)); 9]),
        ];
        for batch_size in [1, 2, 3, 100] {
            for (sql, expected) in &of {
                let context = context(batch_size);
                let plan = planned(&context, &rows, sql).await;
                let found = collect(parted(&plan), context.task_ctx()).await.unwrap();
                let found = concat_batches(&plan.schema(), &found).unwrap();
                let column = |at: usize| {
                    found.column(at).as_any().downcast_ref::<Int64Array>().unwrap().clone()
                };
                let found: Vec<_> = column(3).iter().zip(column(4).iter()).collect();
                assert_eq!(&found, expected, "{sql} by {batch_size}");
            }
        }
    }

    #[tokio::test]
    async fn no_rows_have_no_windows() {
        let context = context(10);
        let plan = planned(&context, &[], "select max(v) over (partition by p) from t").await;
        let found = collect(parted(&plan), context.task_ctx()).await.unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    }

    /// What is held of a partition that is not at its end is counted, and what has ended is not.
    #[tokio::test]
    async fn l31_open_partitions_count_against_the_memory() {
        let run = async |partition: fn(i64) -> i64| {
            let context = context(100);
            let rows: Vec<Row> = (0..4_000).map(|v| (Some(partition(v)), "", Some(v))).collect();
            let sql = "select max(v) over (partition by p) from (select * from t order by p) as t";
            let plan = planned(&context, &rows, sql).await;
            // Sorting is done before, without a limit.
            let found = find(&plan).unwrap();
            let windows = found.downcast_ref::<WindowAggExec>().unwrap();
            let input = Arc::clone(windows.input());
            let sorted = collect(input, context.task_ctx()).await.unwrap();
            let schema = sorted.first().unwrap().schema();
            let source = datafusion::datasource::memory::MemorySourceConfig::try_new_exec(
                &[sorted],
                schema,
                None,
            );
            let windows = windows.window_expr().to_vec();
            let plan: Arc<dyn ExecutionPlan> =
                Arc::new(WindowAggExec::try_new(windows, source.unwrap(), false).unwrap());
            let pool = Arc::new(GreedyMemoryPool::new(20_000));
            let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
            let context = SessionContext::new_with_config_rt(SessionConfig::new(), runtime);
            collect(parted(&plan), context.task_ctx()).await
        };
        // 4,000 values of eight bytes in one partition are more than 20,000 bytes.
        let error = run(|_| 1).await.unwrap_err();
        assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
        assert_eq!(
            run(|v| v / 10).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(),
            4_000
        );
    }

    fn find(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        if plan.is::<WindowAggExec>() {
            return Some(Arc::clone(plan));
        }
        plan.children().into_iter().find_map(find)
    }
}
