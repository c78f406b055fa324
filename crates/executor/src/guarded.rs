//! A provider as plans see it: its filters are hints, so that policies stay visible in the plan.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::composed::{ComposedScanExec, Limit};
use crate::footers::{OfFiles, relied_on};
use crate::source::FileTable;
use crate::verify::reads_only;

/// Reads what the provider behind it reads, and lets it skip rows by a filter but never be the
/// one that applies it: DataFusion keeps a filter above, where it can be verified.
///
/// It has no logical plan, so that a view stays one table; and a scan of it is one leaf, whatever
/// the provider makes of it.
#[derive(Debug)]
pub(crate) struct Guarded(pub(crate) Arc<dyn TableProvider>);

impl Guarded {
    /// A view's own calculations may fail on some rows. Which rows they are made for must not
    /// depend on a question, so a view is asked for all of them.
    fn is_view(&self) -> bool {
        self.0.get_logical_plan().is_some()
    }

    /// Sees to it that Parquet files are read by what their footers say for sure.
    fn sure(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let own = self.0.is::<FileTable>();
        relied_on(plan, if own { OfFiles::Reliable } else { OfFiles::Doubted }, state)
    }

    /// Makes one leaf of a scan.
    fn closed(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        limit: Option<usize>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.is_view() {
            // A view is planned by the session, which makes its plans fit to run.
            return Ok(ComposedScanExec::close(plan, Limit::from(limit)));
        }
        let sorted = plan.properties().output_ordering().is_some();
        if plan.children().is_empty() && !sorted && reads_only(&plan, &self.schema()) {
            return Ok(plan);
        }
        ComposedScanExec::finish(plan, Limit::from(limit), state)
    }
}

#[async_trait]
impl TableProvider for Guarded {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = limit.filter(|_| !self.is_view());
        let plan = self.0.scan(state, projection, filters, limit).await?;
        self.closed(self.sure(plan, state)?, limit, state)
    }

    async fn scan_with_args<'a>(
        &self,
        state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        let limit = args.limit().filter(|_| !self.is_view());
        let scanned = self.0.scan_with_args(state, args.with_limit(limit)).await?;
        let plan = self.sure(Arc::clone(scanned.plan()), state)?;
        let plan = self.closed(plan, limit, state)?;
        Ok(ScanResult::new(plan))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        if self.is_view() {
            return Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()]);
        }
        let answers = self.0.supports_filters_pushdown(filters)?;
        let hint = |answer| match answer {
            TableProviderFilterPushDown::Exact => TableProviderFilterPushDown::Inexact,
            other => other,
        };
        Ok(answers.into_iter().map(hint).collect())
    }
}
