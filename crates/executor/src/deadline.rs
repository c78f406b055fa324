//! When a request has to be over: one moment for all of its stages.

use std::panic::catch_unwind;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use tokio::time::Sleep;

use crate::error::RunError;

/// When a request has to be over, counted from its start.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    started: Instant,
    limit: Option<Duration>,
}

impl Deadline {
    /// A request that starts now and may take so long; `None`: as long as it likes.
    pub fn starting_now(limit: Option<Duration>) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// Nothing where there is time left.
    ///
    /// # Errors
    /// [`RunError::Time`] where there is none.
    pub fn check(&self) -> Result<(), RunError> {
        match self.limit {
            Some(limit) if self.started.elapsed() >= limit => Err(RunError::Time(limit)),
            _ => Ok(()),
        }
    }

    /// Waits for a stage as long as there is time; the stage is dropped when there is none left.
    /// On a runtime without timers, and for work that does not wait, the time is looked at when
    /// the stage is over.
    ///
    /// # Errors
    /// [`RunError::Time`], or what the stage fails with.
    pub async fn bound<T>(
        &self,
        stage: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        self.check()?;
        let done = match (self.limit, self.timer()) {
            (Some(limit), Some(timer)) => match select(std::pin::pin!(stage), timer).await {
                Either::Left((done, _)) => done?,
                Either::Right(_) => return Err(RunError::Time(limit)),
            },
            _ => stage.await?,
        };
        self.check()?;
        Ok(done)
    }

    /// Wakes its task when the time is over, where the runtime has timers.
    pub(crate) fn timer(&self) -> Option<Pin<Box<Sleep>>> {
        let left = self.limit?.saturating_sub(self.started.elapsed());
        // A runtime without timers makes tokio panic; the limit is then kept between batches.
        catch_unwind(|| Box::pin(tokio::time::sleep(left))).ok()
    }
}
