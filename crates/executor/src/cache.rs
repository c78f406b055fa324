//! Answers that are kept, and given to whoever would be given the same rows.
//!
//! An answer is found again by all that its rows depend on:
//!
//! - *the plan*, before it is optimised. The policies stand in it with the values that they are
//!   bound to, and so do masks, the zone, and the periods that the question means at its moment.
//!   Whole plans are compared, and no digests of them.
//! - *the rights of the asker*, so that two things would have to fail together for an answer to
//!   reach somebody else.
//! - *the data*. Files are listed anew before an answer is given again, and each listing that is
//!   another one has a number that does not come again, whatever files are put back. An answer is
//!   kept only where nothing else was listed from its question to its plan. A table of the host may
//!   change unseen, so that no answer that reads one is kept.
//!
//! The model is no part of it: each reload begins with another executor, and an empty cache.

use std::collections::BTreeSet;
use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::join_all;
use futures::stream;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sandbar_query_planner::QueryPlan;

use crate::source::{Sources, Version};

/// About how many bytes an answer has in the middle: how many entries there is room for at first.
const USUAL: u64 = 16 << 10;
/// One answer has at most this part of the cache.
const LARGEST: u64 = 8;
/// What a node of a plan and the names of its columns are counted as, in bytes.
const NODE: u64 = 2 << 10;

/// The answers that are kept.
pub(crate) struct AnswerCache {
    answers: Arc<Answers>,
    largest: u64,
}

type Answers = Cache<AnswerKey, CachedAnswer, Weight>;

/// What an answer is found by, beside the data.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AnswerKey {
    rights: [u8; 32],
    row_cap: u64,
    plan: LogicalPlan,
}

/// An answer that was kept. Cheap to clone.
#[derive(Clone)]
pub struct CachedAnswer(Arc<Entry>);

struct Entry {
    /// The data of each source of the plan, in the order of their names.
    data: Vec<Version>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    bytes: u64,
}

/// Where the answer to one plan over the data of one moment is kept, or can be.
pub struct Slot {
    answers: Arc<Answers>,
    key: AnswerKey,
    sources: BTreeSet<String>,
    data: Vec<Version>,
    batches: Vec<RecordBatch>,
    bytes: u64,
    largest: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<AnswerKey, CachedAnswer> for Weight {
    fn weight(&self, _: &AnswerKey, answer: &CachedAnswer) -> u64 {
        answer.0.bytes
    }
}

impl AnswerCache {
    /// For so many bytes in all.
    pub(crate) fn new(bytes: u64) -> Self {
        let usual = usize::try_from(bytes / USUAL).unwrap_or(usize::MAX).max(1);
        Self {
            answers: Arc::new(Cache::with_weighter(usual, bytes, Weight)),
            largest: bytes / LARGEST,
        }
    }

    /// Where the answer to a plan is kept; `None` where it cannot be.
    pub(crate) async fn slot(
        &self,
        plan: &QueryPlan,
        rights: &[u8; 32],
        sources: &Sources,
        state: &SessionState,
    ) -> Option<Slot> {
        let names = plan.guards().iter().map(|guard| guard.source().to_owned());
        let names: BTreeSet<String> = names.collect();
        let data = join_all(names.iter().map(|name| sources.newest(name, state))).await;
        if data.iter().any(|version| matches!(version, Version::Unknown)) {
            return None;
        }
        let (plan, row_cap) = (plan.logical().clone(), plan.row_cap());
        let bytes = size_of_plan(&plan);
        let key = AnswerKey { rights: *rights, row_cap, plan };
        let (answers, batches, largest) = (Arc::clone(&self.answers), Vec::new(), self.largest);
        let sources = names;
        (bytes <= largest).then_some(Slot { answers, key, sources, data, batches, bytes, largest })
    }
}

impl Entry {
    fn is_of(&self, data: &[Version]) -> bool {
        self.data.len() == data.len() && self.data.iter().zip(data).all(|(a, b)| a.is_same(b))
    }
}

impl CachedAnswer {
    /// Its rows.
    pub(crate) fn stream(&self) -> SendableRecordBatchStream {
        let batches = self.0.batches.clone().into_iter().map(Ok);
        let schema = Arc::clone(&self.0.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}

impl fmt::Debug for CachedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedAnswer").field("bytes", &self.0.bytes).finish_non_exhaustive()
    }
}

impl Slot {
    /// The answer, if it is kept.
    pub fn answer(&self) -> Option<CachedAnswer> {
        self.answers.get(&self.key).filter(|found| found.0.is_of(&self.data))
    }

    /// The same for a plan that is ready to be run; `None` where it may read other data than those
    /// that were listed for the slot: listings have numbers that do not come again.
    pub(crate) fn for_ready(self, sources: &Sources) -> Option<Self> {
        let mut now = self.sources.iter().map(|name| sources.version(name));
        let same = self.data.iter().all(|data| now.next().is_some_and(|now| now.is_same(data)));
        same.then_some(self)
    }

    /// With more rows; `None` where they are too many to be kept.
    pub(crate) fn with(mut self, batch: &RecordBatch) -> Option<Self> {
        self.bytes = self.bytes.saturating_add(batch.get_array_memory_size() as u64);
        if self.bytes > self.largest {
            return None;
        }
        self.batches.push(batch.clone());
        Some(self)
    }

    /// All rows have come.
    pub(crate) fn fill(self, schema: SchemaRef) {
        let Self { answers, key, data, batches, bytes, .. } = self;
        answers.insert(key, CachedAnswer(Arc::new(Entry { data, schema, batches, bytes })));
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// About how many bytes a plan takes.
fn size_of_plan(plan: &LogicalPlan) -> u64 {
    let mut bytes = 0_u64;
    let mut of_expression = |expression: &Expr| {
        expression.apply(|part| {
            let text = match part {
                Expr::Literal(value, _) => value.size(),
                _ => 0,
            };
            bytes = bytes.saturating_add((size_of::<Expr>() + text) as u64);
            Ok(TreeNodeRecursion::Continue)
        })
    };
    let mut nodes = 0_u64;
    let seen = plan.apply_with_subqueries(|node| {
        nodes += 1;
        node.apply_expressions(&mut of_expression)
    });
    match seen {
        Ok(_) => bytes.saturating_add(nodes.saturating_mul(NODE)),
        // It cannot be looked at: too large for any cache.
        Err(_) => u64::MAX,
    }
}
