//! How often somebody may do something: a bucket of tokens for each, with the time handed in.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

/// How long it takes until full buckets are looked for again, in microseconds: whoever makes up
/// addresses must not make each request a look through all of them.
const BETWEEN_LOOKS: u64 = 100_000;

/// So many at once, and so many more in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    burst: u32,
    /// How long one takes to come back, in microseconds; rounded up, so that none comes too early.
    step: u64,
}

impl RateLimit {
    /// So many at once, and so many more a minute; at least one of each.
    pub fn new(burst: u32, per_minute: u32) -> Self {
        Self { burst: burst.max(1), step: 60_000_000_u64.div_ceil(u64::from(per_minute.max(1))) }
    }

    /// So many an hour, all of them at once if need be; at least one.
    pub fn hourly(many: u32) -> Self {
        let many = many.max(1);
        Self { burst: many, step: 3_600_000_000_u64.div_ceil(u64::from(many)) }
    }
}

/// A bucket for each key. Two keys never share one, unless there are more than are remembered.
///
/// ```
/// use std::time::Duration;
/// use sandbar_auth::{Buckets, RateLimit};
///
/// // Two at once, and one more every second.
/// let buckets: Buckets<&str> = Buckets::new(RateLimit::new(2, 60), 1_000);
/// let at = |millis: u64| Duration::from_millis(millis);
/// assert_eq!(buckets.take("ana", at(0)), Ok(()));
/// assert_eq!(buckets.take("ana", at(0)), Ok(()));
/// assert_eq!(buckets.take("ana", at(400)), Err(at(600)));
/// assert_eq!(buckets.take("wei", at(400)), Ok(()));
/// assert_eq!(buckets.take("ana", at(1_000)), Ok(()));
/// ```
pub struct Buckets<K> {
    limit: RateLimit,
    most: usize,
    state: Mutex<State<K>>,
}

/// Of each bucket, when it is full again: the generic cell rate algorithm (ITU-T I.371).
struct State<K> {
    full: HashMap<K, u64>,
    /// The bucket of all who are not remembered.
    others: u64,
    next_look: u64,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets of this size; so many of those that are not full are remembered.
    pub fn new(limit: RateLimit, most: usize) -> Self {
        let state = State { full: HashMap::new(), others: 0, next_look: 0 };
        Self { limit, most, state: Mutex::new(state) }
    }

    /// Takes one out of a bucket.
    ///
    /// # Errors
    /// It is empty: how long it takes until there is one.
    pub fn take(&self, key: impl Into<K>, now: Duration) -> Result<(), Duration> {
        let (now, step) = (micros(now), self.limit.step);
        let mut state = self.state.lock();
        let bucket = state.bucket(key.into(), now, self.most);
        let full = (*bucket).max(now).saturating_add(step);
        self.wait(full, now)?;
        *bucket = full;
        Ok(())
    }

    /// Takes so many out of a bucket, whether they are there or not: what is owed has to come back
    /// before there is one again.
    pub fn spend(&self, key: impl Into<K>, many: u64, now: Duration) {
        let (now, spent) = (micros(now), self.limit.step.saturating_mul(many));
        let mut state = self.state.lock();
        let bucket = state.bucket(key.into(), now, self.most);
        *bucket = (*bucket).max(now).saturating_add(spent);
    }

    /// Whether there is one in a bucket, which stays in it.
    ///
    /// # Errors
    /// It is empty: how long it takes until there is one.
    pub fn look(&self, key: impl Into<K>, now: Duration) -> Result<(), Duration> {
        let (now, state) = (micros(now), self.state.lock());
        let full = match state.full.get(&key.into()) {
            Some(full) => *full,
            None if state.full.len() >= self.most && now < state.next_look => state.others,
            None => return Ok(()),
        };
        self.wait(full.max(now).saturating_add(self.limit.step), now)
    }

    /// How long until a bucket that is full at that time has one to give.
    fn wait(&self, full: u64, now: u64) -> Result<(), Duration> {
        let size = self.limit.step.saturating_mul(u64::from(self.limit.burst));
        match (full - now).saturating_sub(size) {
            0 => Ok(()),
            wait => Err(Duration::from_micros(wait)),
        }
    }
}

impl<K: Hash + Eq> State<K> {
    /// When a bucket is full. Full ones are as good as none, and are forgotten.
    fn bucket(&mut self, key: K, now: u64, most: usize) -> &mut u64 {
        if self.full.len() >= most && now >= self.next_look {
            self.full.retain(|_, full| *full > now);
            self.next_look = now.saturating_add(BETWEEN_LOOKS);
        }
        if self.full.len() >= most && !self.full.contains_key(&key) {
            return &mut self.others;
        }
        self.full.entry(key).or_default()
    }
}

fn micros(now: Duration) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// The keys are not shown.
impl<K> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn l56_a_bucket_gives_what_is_in_it_and_no_more() {
        // Three at once, and one more every half second.
        let buckets: Buckets<u32> = Buckets::new(RateLimit::new(3, 120), 10);
        for _ in 0..3 {
            assert_eq!(buckets.look(1_u32, at(0)), Ok(()));
            assert_eq!(buckets.take(1_u32, at(0)), Ok(()));
        }
        assert_eq!(buckets.look(1_u32, at(0)), Err(at(500)));
        assert_eq!(buckets.take(1_u32, at(0)), Err(at(500)));
        // Asking in vain costs nothing.
        assert_eq!(buckets.take(1_u32, at(499)), Err(at(1)));
        assert_eq!(buckets.take(1_u32, at(500)), Ok(()));
        assert_eq!(buckets.take(1_u32, at(500)), Err(at(500)));
        // Somebody else's is his own.
        assert_eq!(buckets.take(2_u32, at(500)), Ok(()));
        // It fills up to three, however long it takes.
        for _ in 0..3 {
            assert_eq!(buckets.take(1_u32, at(3_600_000)), Ok(()));
        }
        assert_eq!(buckets.take(1_u32, at(3_600_000)), Err(at(500)));
        // A clock that goes back gives nothing.
        assert_eq!(buckets.take(1_u32, at(3_599_000)), Err(at(1_500)));
    }

    #[test]
    fn l56_what_is_spent_is_owed_until_it_has_come_back() {
        // Ten an hour: one comes back in six minutes.
        let minutes = |minutes: u64| at(minutes * 60_000);
        let buckets: Buckets<u32> = Buckets::new(RateLimit::hourly(10), 10);
        buckets.spend(1_u32, 9, minutes(0));
        assert_eq!(buckets.look(1_u32, minutes(0)), Ok(()));
        buckets.spend(1_u32, 4, minutes(0));
        assert_eq!(buckets.look(1_u32, minutes(0)), Err(minutes(24)));
        assert_eq!(buckets.look(1_u32, minutes(23)), Err(minutes(1)));
        assert_eq!(buckets.look(1_u32, minutes(24)), Ok(()));
        assert_eq!(buckets.look(2_u32, minutes(0)), Ok(()));
        buckets.spend(1_u32, u64::MAX, minutes(24));
        assert!(buckets.look(1_u32, minutes(24)).is_err());
    }

    #[test]
    fn atk7_only_so_many_buckets_are_remembered() {
        let buckets: Buckets<u32> = Buckets::new(RateLimit::new(1, 60), 2);
        assert_eq!(buckets.take(1_u32, at(0)), Ok(()));
        assert_eq!(buckets.take(2_u32, at(500)), Ok(()));
        // All others share one.
        assert_eq!(buckets.take(3_u32, at(500)), Ok(()));
        assert_eq!(buckets.take(4_u32, at(500)), Err(at(1_000)));
        assert_eq!(buckets.look(5_u32, at(500)), Err(at(1_000)));
        assert_eq!(buckets.take(1_u32, at(500)), Err(at(500)));
        // Nobody has looked again yet.
        assert_eq!(buckets.take(6_u32, at(599)), Err(at(901)));
        // The first is full again, and makes room.
        assert_eq!(buckets.take(4_u32, at(1_000)), Ok(()));
        assert_eq!(buckets.take(4_u32, at(1_000)), Err(at(1_000)));
        assert_eq!(buckets.take(2_u32, at(1_000)), Err(at(500)));
    }

    #[test]
    fn limits_of_nothing_are_of_one() {
        let buckets: Buckets<u32> = Buckets::new(RateLimit::new(0, 0), 2);
        assert_eq!(buckets.take(1_u32, at(0)), Ok(()));
        assert_eq!(buckets.take(1_u32, at(0)), Err(at(60_000)));
    }
}
