//! Declared keys, looked at: a key that is not unique would count rows of other tables twice.
//!
//! A relationship leads to one row because the model says that its keys are unique. Whether they are
//! is found out the first time that a question follows it, and kept for as long as the data stay the
//! same. A table of the host may change at any time, so its keys are looked at for every question.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowFunctionDefinition, ident, lit,
};
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;
use sandbar_query_planner::{DeclaredKey, told_apart};

use crate::guarded::Guarded;
use crate::source::{Sources, Version};

/// The keys that have been found to be unique, with the data in which they were.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: Mutex<HashMap<DeclaredKey, Version>>,
}

impl Keys {
    /// Whether a key is known to be unique in the data of this moment.
    pub(crate) fn is_known(&self, key: &DeclaredKey, version: &Version) -> bool {
        self.known.lock().get(key).is_some_and(|known| known.is_same(version))
    }

    /// Remembers that a key is unique.
    pub(crate) fn remember(&self, key: &DeclaredKey, version: Version) {
        self.known.lock().insert(key.clone(), version);
    }
}

/// A plan with a row if, and only if, two rows of a source have the same key. Rows whose key is
/// missing lead nowhere and do not count.
pub(crate) fn duplicates(key: &DeclaredKey, sources: &Sources) -> Result<Option<LogicalPlan>> {
    let Some(provider) = sources.provider(key.source()) else { return Ok(None) };
    let schema = provider.schema();
    let ends = key.validity();
    let names = key.columns().iter().chain(ends.iter().flat_map(|(from, to)| [from, to]));
    let projection = names.map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let source = provider_as_source(Arc::new(Guarded(provider)));
    #[expect(
        clippy::disallowed_methods,
        reason = "it reads keys for no principal, and tells nothing but whether they are unique"
    )]
    let scan = LogicalPlanBuilder::scan(KEYS, source, Some(projection))?;
    let stored = |name: &String| -> Result<Expr> {
        let column = schema.field_with_name(name)?;
        let value = Expr::Column(Column::new(Some(KEYS), name));
        Ok(told_apart(value, column.data_type()))
    };
    let keys = key.columns().iter().map(stored).collect::<Result<Vec<Expr>>>()?;
    let known = keys.iter().cloned().map(Expr::is_not_null).reduce(Expr::and);
    let known = known.unwrap_or_else(|| lit(true));
    let Some((from, to)) = ends else {
        let twice = scan
            .filter(known)?
            .aggregate(keys, vec![count(lit(1_i64)).alias("#rows")])?
            .filter(ident("#rows").gt(lit(1_i64)))?;
        return Ok(Some(twice.limit(0, Some(1))?.build()?));
    };
    // A history: of one key no row may start before the one before it ends.
    let (from, to) = (stored(from)?, stored(to)?);
    let lasting = to.clone().is_null().or(from.clone().lt(to.clone()));
    let one = || WindowFrameBound::Following(ScalarValue::UInt64(Some(1)));
    let next = Expr::from(WindowFunction::new(
        WindowFunctionDefinition::AggregateUDF(max_udaf()),
        vec![from.clone()],
    ))
    .partition_by(keys)
    .order_by(vec![from.sort(true, false)])
    .window_frame(WindowFrame::new_bounds(WindowFrameUnits::Rows, one(), one()))
    .build()?;
    let name = next.schema_name().to_string();
    let scan = scan.filter(known.and(lasting))?.build()?;
    let overlaps = ident(name.as_str())
        .is_not_null()
        .and(to.clone().is_null().or(ident(name.as_str()).lt(to)));
    let windowed = LogicalPlanBuilder::window_plan(scan, vec![next])?;
    let found = LogicalPlanBuilder::from(windowed).filter(overlaps)?.limit(0, Some(1))?;
    Ok(Some(found.build()?))
}

/// The name under which a source is read for its keys.
const KEYS: &str = "keys";
