//! How much memory queries may use: each one at most its own limit, and all of an engine's together
//! no more than that of the engine.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use crate::admission::Permit;

/// Lets at most a number of bytes be had, all of them from the pool behind it.
#[derive(Debug)]
pub(crate) struct MemoryCap {
    /// Whose bytes they are, for the log.
    whose: &'static str,
    behind: Arc<dyn MemoryPool>,
    limit: usize,
    used: AtomicUsize,
    /// The right to run. What sorts, groups and joins holds this pool until it has come to rest,
    /// also where nobody waits for it any more.
    _permit: Option<Arc<Permit>>,
}

impl MemoryCap {
    pub(crate) fn of_query(
        behind: Arc<dyn MemoryPool>,
        limit: usize,
        permit: Option<Arc<Permit>>,
    ) -> Self {
        Self { _permit: permit, ..Self::new("a query", behind, limit) }
    }

    pub(crate) fn of_engine(behind: Arc<dyn MemoryPool>, limit: usize) -> Self {
        Self::new("all queries together", behind, limit)
    }

    fn new(whose: &'static str, behind: Arc<dyn MemoryPool>, limit: usize) -> Self {
        Self { whose, behind, limit, used: AtomicUsize::new(0), _permit: None }
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

impl fmt::Display for MemoryCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may use {} bytes", self.whose, self.limit)
    }
}

impl MemoryPool for MemoryCap {
    fn name(&self) -> &str {
        "memory cap"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.behind.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.behind.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.behind.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.behind.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if !self.take(additional) {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} may use {} bytes",
                self.whose, self.limit
            )));
        }
        self.behind.try_grow(reservation, additional).inspect_err(|_| {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        })
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}
