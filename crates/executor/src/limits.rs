//! How much one query may use.

use std::time::Duration;

/// How much one query may use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most rows of an answer.
    pub rows: u64,
    /// What becomes of an answer with more rows.
    pub overflow: Overflow,
    /// The most bytes of an answer: those of its values, as they are in memory.
    pub bytes: u64,
    /// The longest time from the call to the last row, planning and looking at files included;
    /// `None`: no limit. It needs a runtime whose timers are enabled to be kept while the query
    /// waits; without, and while a source blocks its thread, it is kept from stage to stage.
    pub time: Option<Duration>,
    /// The most memory, in bytes, of sorting, grouping and joining.
    pub memory: usize,
    /// The most rows that the joins of a question give, all of them together: what ends one that
    /// gives a row for each of very many pairs.
    pub joined_rows: u64,
}

/// What becomes of an answer that has more rows than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The first rows are the answer, and it says that it is truncated.
    Truncate,
    /// It ends in an error.
    Fail,
}

impl Default for Limits {
    /// 10,000 rows, then truncated; 64 MiB of values; 30 seconds; 512 MiB; a thousand million joined
    /// rows.
    fn default() -> Self {
        Self {
            rows: 10_000,
            overflow: Overflow::Truncate,
            bytes: 64 << 20,
            time: Some(Duration::from_secs(30)),
            memory: 512 << 20,
            joined_rows: 1_000_000_000,
        }
    }
}

impl Limits {
    /// At most this many rows.
    #[must_use]
    pub fn with_rows(self, rows: u64) -> Self {
        Self { rows, ..self }
    }

    /// At most this many bytes of values; more are an error.
    #[must_use]
    pub fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// What becomes of an answer with more rows.
    #[must_use]
    pub fn with_overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }

    /// At most this long.
    #[must_use]
    pub fn with_time(self, time: Option<Duration>) -> Self {
        Self { time, ..self }
    }

    /// At most this many rows out of joins.
    #[must_use]
    pub fn with_joined_rows(self, joined_rows: u64) -> Self {
        Self { joined_rows, ..self }
    }

    /// At most this many bytes for sorting, grouping and joining.
    #[must_use]
    pub fn with_memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }
}
