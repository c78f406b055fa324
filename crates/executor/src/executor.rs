//! Optimise, verify again, make a physical plan, start it.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionState;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use sandbar_query_planner::QueryPlan;

use crate::allowance::Allowance;
use crate::barrier::BarrierPlanner;
use crate::budget::Budget;
use crate::cache::{AnswerCache, CachedAnswer, Slot};
use crate::deadline::Deadline;
use crate::decoding::watched;
use crate::error::RunError;
use crate::exact_lists::optimizer_rules;
use crate::guarded::Guarded;
use crate::keys::{Keys, duplicates};
use crate::lost_limits::DropLostLimits;
use crate::memory_cap::MemoryCap;
use crate::optional::CloseOptional;
use crate::place::Place;
use crate::row_by_row::row_by_row;
use crate::source::Sources;
use crate::spill::Spill;
use crate::stores::{Held, ObjectStores, Pins};
use crate::stream::AnswerStream;
use crate::timed::optimized;
use crate::verify::verify;

/// Runs verified plans over opened sources.
///
/// It runs nothing else:
///
/// ```compile_fail
/// use sandbar_executor::{Deadline, Executor};
/// async fn bare(executor: &Executor, plan: datafusion::logical_expr::LogicalPlan) {
///     let _ = executor.prepare(&plan, Deadline::starting_now(None)).await;
/// }
/// ```
///
/// ```
/// use sandbar_executor::{Deadline, Executor};
/// async fn verified(executor: &Executor, plan: sandbar_query_planner::QueryPlan) {
///     let _ = executor.prepare(&plan, Deadline::starting_now(None)).await;
/// }
/// ```
pub struct Executor {
    state: SessionState,
    /// The same for plans that sort all rows in one place.
    whole: SessionState,
    planner: DefaultPhysicalPlanner,
    sources: Sources,
    keys: Keys,
    place: Place,
    cache: Option<AnswerCache>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// A plan that is optimised, proven and ready to start.
#[derive(Debug)]
pub struct Prepared {
    optimised: LogicalPlan,
    physical: Arc<dyn ExecutionPlan>,
    row_cap: u64,
    narrowed: bool,
}

impl Prepared {
    /// The optimised logical plan as text, for an administrator.
    pub fn logical_text(&self) -> String {
        self.optimised.display_indent().to_string()
    }

    /// The physical plan as text, for an administrator.
    pub fn physical_text(&self) -> String {
        datafusion::physical_plan::displayable(self.physical.as_ref()).indent(false).to_string()
    }
}

impl Executor {
    /// The session state that sources are opened with and queries run in.
    ///
    /// A host's state keeps its runtime environment (object stores, caches, memory pool) and its
    /// options, with these exceptions: filters stay above Parquet scans, where they can be verified;
    /// join keys get no filters against NULL; no answer is taken from statistics; what has given
    /// wrong answers is off; queries have at most `memory` bytes of its pool together; and what
    /// they put on disk goes where `spill` says, if it says anything. Files are found in `stores`
    /// before they are in those of the host's state.
    ///
    /// # Errors
    /// None that is known of: what DataFusion says to the runtime environment.
    pub fn session_state(
        host: Option<SessionState>,
        memory: usize,
        spill: Option<Spill>,
        stores: ObjectStores,
    ) -> Result<SessionState, RunError> {
        // What a host has set up for spilling counts, unless it says something else here.
        let spill = spill.or_else(|| host.is_none().then(Spill::default));
        let mut state = match host {
            Some(state) => state,
            None => SessionStateBuilder::new()
                .with_config(SessionConfig::new())
                .with_default_features()
                .build(),
        };
        let options = state.config_mut().options_mut();
        options.execution.parquet.pushdown_filters = false;
        options.optimizer.filter_null_join_keys = false;
        // The optimiser keeps what it said of a column, never NULL, where it writes `coalesce` over
        // truth values with `or`, of which no plan can tell any more: no reason to give no answer.
        options.execution.skip_physical_aggregate_schema_check = true;
        // A limit goes through what computes a column of the name that it sorts by, into inner
        // groups; the least of one number decides which rows another one is computed from, and a
        // NaN that statistics leave out is not read (apache/datafusion#24816, #15812).
        options.optimizer.enable_topk_aggregation = false;
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        options.optimizer.enable_topk_dynamic_filter_pushdown = false;
        // Statistics tell how many rows there may be, not how many there are: `count(distinct x)`
        // over no rows was answered with 1 from them.
        let rules = state.physical_optimizers().iter();
        let rules = rules.filter(|rule| rule.name() != "aggregate_statistics").cloned();
        let first: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(CloseOptional);
        let last: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(DropLostLimits);
        let rules = std::iter::once(first).chain(rules).chain([last]).collect();
        let exact = optimizer_rules(&state);
        let host = state.runtime_env();
        let pool = MemoryCap::of_engine(Arc::clone(&host.memory_pool), memory);
        let runtime = RuntimeEnvBuilder::from_runtime_env(host).with_memory_pool(Arc::new(pool));
        let stores = stores.before(Arc::clone(&host.object_store_registry));
        let runtime = runtime.with_object_store_registry(stores);
        let runtime = match spill {
            Some(spill) => runtime.with_disk_manager_builder(spill.manager()),
            None => runtime,
        };
        let runtime = runtime.build_arc().map_err(RunError::from_datafusion)?;
        Ok(SessionStateBuilder::new_from_existing(state)
            .with_runtime_env(runtime)
            .with_physical_optimizer_rules(rules)
            .with_optimizer_rules(exact)
            .build())
    }

    /// An executor over opened sources, which keeps no answers.
    pub fn new(state: SessionState, sources: Sources, place: Place) -> Self {
        let planner =
            DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(BarrierPlanner)]);
        // Projections that go below a join take what one of its columns is known to be with them.
        let rules = state.physical_optimizers().iter();
        let rules = rules.filter(|rule| rule.name() != "ProjectionPushdown").cloned().collect();
        let whole = SessionStateBuilder::new_from_existing(state.clone());
        let mut whole = whole.with_physical_optimizer_rules(rules).build();
        whole.config_mut().options_mut().optimizer.repartition_sorts = false;
        Self { state, whole, planner, sources, keys: Keys::default(), place, cache: None }
    }

    /// The same, which keeps answers of so many bytes in all for whoever would be given the same.
    #[must_use]
    pub fn keeping_answers(self, bytes: u64) -> Self {
        Self { cache: Some(AnswerCache::new(bytes)), ..self }
    }

    /// The opened sources.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What can be scanned under a source's name.
    pub fn scan_source(&self, name: &str) -> Option<Arc<dyn TableSource>> {
        let guarded: Arc<dyn TableProvider> = Arc::new(Guarded(self.sources.provider(name)?));
        Some(provider_as_source(guarded))
    }

    /// Optimises a plan and proves that it still keeps every policy.
    ///
    /// # Errors
    /// [`RunError::Unproven`] where the optimised plan cannot be proven; the caller may plan again
    /// with a stronger shield. [`RunError::Time`] where it takes longer than the request may.
    pub async fn prepare(
        &self,
        plan: &QueryPlan,
        deadline: Deadline,
    ) -> Result<Prepared, RunError> {
        let optimised = optimized(plan.logical(), &self.state, deadline)?;
        let optimised =
            row_by_row(optimised, plan.is_narrowed()).map_err(RunError::from_datafusion)?;
        let physical = self.planner.create_physical_plan(&optimised, &self.state).await;
        let physical = match physical {
            // It leaves a column out of a sort in several partitions that has one value there, and
            // then misses it where these are merged, or where another rule has moved what says so.
            Err(error) if is_out_of_order(&error) => {
                self.planner.create_physical_plan(&optimised, &self.whole).await
            }
            made => made,
        };
        let physical = physical.map_err(RunError::from_datafusion)?;
        deadline.check()?;
        verify(&physical, &optimised, plan, &self.state, &self.sources)?;
        let (row_cap, narrowed) = (plan.row_cap(), plan.is_narrowed());
        Ok(Prepared { optimised, physical, row_cap, narrowed })
    }

    /// Where the answer to a plan is kept for people with these rights, or can be. The files that
    /// it is computed from are listed anew: an answer to other data is none. `None` where nothing
    /// is kept, or the data may change unseen.
    pub async fn slot(&self, plan: &QueryPlan, rights: &[u8; 32]) -> Option<Slot> {
        self.cache.as_ref()?.slot(plan, rights, &self.sources, &self.state).await
    }

    /// Gives the rows of an answer that was kept, within what its new asker may use.
    ///
    /// # Errors
    /// None that is known of: what Arrow says to the types of an answer.
    pub fn replay(
        &self,
        answer: &CachedAnswer,
        plan: &QueryPlan,
        allowance: &Allowance,
    ) -> Result<AnswerStream, RunError> {
        let Allowance { limits, deadline, .. } = allowance.clone();
        AnswerStream::new(answer.stream(), plan.row_cap(), limits, deadline, false)
    }

    /// Sees to it that the keys by which a prepared plan joins are unique, as the model declares.
    ///
    /// # Errors
    /// [`RunError::BrokenKey`] where one is not; whatever keeps the key from being read within the
    /// limits.
    pub async fn check_keys(
        &self,
        plan: &QueryPlan,
        allowance: &Allowance,
    ) -> Result<(), RunError> {
        for key in plan.declared_keys() {
            let version = self.sources.version(key.source());
            if self.keys.is_known(key, &version) {
                continue;
            }
            let duplicates = duplicates(key, &self.sources).map_err(RunError::from_datafusion)?;
            if let Some(plan) = duplicates
                && self.has_rows(&plan, allowance).await?
            {
                let columns = key.columns().iter().map(|column| format!("`{column}`"));
                return Err(RunError::BrokenKey {
                    table: key.source().to_owned(),
                    columns: columns.collect::<Vec<_>>().join(", "),
                });
            }
            self.keys.remember(key, version);
        }
        Ok(())
    }

    async fn has_rows(&self, plan: &LogicalPlan, allowance: &Allowance) -> Result<bool, RunError> {
        let optimised = optimized(plan, &self.state, allowance.deadline)?;
        let physical = self.planner.create_physical_plan(&optimised, &self.state).await;
        let physical = physical.map_err(RunError::from_datafusion)?;
        let context = self.context(&physical, allowance)?;
        let stream = execute_stream(watched(physical)?, context);
        let stream = stream.map_err(RunError::from_datafusion)?;
        let Allowance { limits, deadline, .. } = allowance.clone();
        let mut rows = AnswerStream::new(stream, u64::MAX, limits, deadline, false)?;
        while let Some(batch) = rows.next().await {
            if batch?.num_rows() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a query runs in: its own share of the memory, each file as it was planned with, and
    /// everything else as the host has it.
    fn context(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        allowance: &Allowance,
    ) -> Result<Arc<TaskContext>, RunError> {
        let host = self.state.runtime_env();
        let (behind, permit) = (Arc::clone(&host.memory_pool), allowance.permit.clone());
        let pool = Arc::new(MemoryCap::of_query(behind, allowance.limits.memory, permit));
        let pins = Pins::of_plan(plan).map_err(RunError::from_datafusion)?;
        let stores = Arc::clone(&host.object_store_registry);
        let runtime = RuntimeEnvBuilder::from_runtime_env(host)
            .with_memory_pool(pool)
            .with_object_store_registry(Arc::new(Held { stores, pins }))
            .build_arc()
            .map_err(RunError::from_datafusion)?;
        let base = self.state.task_ctx();
        Ok(Arc::new(TaskContext::new(
            None,
            base.session_id(),
            base.session_config().clone(),
            self.state.scalar_functions().clone(),
            std::collections::HashMap::new(),
            self.state.aggregate_functions().clone(),
            self.state.window_functions().clone(),
            runtime,
        )))
    }

    /// Starts a prepared plan, in the place where queries run. Dropping the stream cancels the
    /// query. If all of its rows come they are kept in the slot, if there is one and the plan reads
    /// the data of it.
    ///
    /// # Errors
    /// What DataFusion finds wrong before the first row.
    pub fn start(
        &self,
        prepared: &Prepared,
        allowance: &Allowance,
        slot: Option<Slot>,
    ) -> Result<AnswerStream, RunError> {
        let slot = slot.and_then(|slot| slot.for_ready(&self.sources));
        let context = self.context(&prepared.physical, allowance)?;
        let Allowance { limits, deadline, permit } = allowance.clone();
        let budget = Budget::new(limits.joined_rows, deadline);
        let waiting = budget.waiting();
        let plan = watched(budget.over(&prepared.physical)?)?;
        let open = move || execute_stream(plan, context);
        let stream = self.place.stream(prepared.physical.schema(), open, permit)?;
        let stream =
            AnswerStream::new(stream, prepared.row_cap, limits, deadline, prepared.narrowed);
        let stream = stream?.for_somebody(waiting);
        Ok(match slot {
            Some(slot) => stream.kept_in(slot),
            None => stream,
        })
    }
}

/// Whether DataFusion's own last check refuses the plan that it has made.
fn is_out_of_order(error: &DataFusionError) -> bool {
    matches!(error, DataFusionError::Context(rule, _) if rule == "SanityCheckPlan")
}
