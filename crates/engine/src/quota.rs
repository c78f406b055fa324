//! How many rows one principal is told in an hour, on whatever way he asks for them.

use std::time::{Duration, Instant};

use sandbar_auth::{Buckets, RateLimit};

use crate::error::{Error, ErrorKind};

/// How many principals are remembered that were told rows lately.
const REMEMBERED: usize = 100_000;

/// What each principal may still be told.
pub(crate) struct Quota {
    rows: Option<Buckets<String>>,
    started: Instant,
}

impl Quota {
    /// So many rows an hour; `None`: as many as are asked for.
    pub(crate) fn new(per_hour: Option<u32>) -> Self {
        let rows = per_hour.map(|rows| Buckets::new(RateLimit::hourly(rows), REMEMBERED));
        Self { rows, started: Instant::now() }
    }

    /// Whether somebody may be told a row.
    ///
    /// # Errors
    /// E0312, with the time after which he may.
    pub(crate) fn check(&self, subject: &str) -> Result<(), Error> {
        let Some(rows) = &self.rows else { return Ok(()) };
        rows.look(subject, self.now()).map_err(|wait| {
            let message = "as many rows were given as one principal is given in an hour";
            Error::new(ErrorKind::LimitExceeded, "E0312", message).after(wait)
        })
    }

    /// Somebody has been told so many rows.
    pub(crate) fn spend(&self, subject: &str, many: u64) {
        if let Some(rows) = &self.rows
            && many > 0
        {
            rows.spend(subject, many, self.now());
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
