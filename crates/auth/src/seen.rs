//! Which tokens have been used already, by their ids (ATK12). Bounded: a full memory refuses.

use std::collections::HashMap;
use std::fmt;

use parking_lot::Mutex;

use crate::token_error::TokenRefusal;

/// The ids of tokens that are still young enough to be accepted, as digests of one size.
pub(crate) struct SeenTokens {
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When each is too old in any case, in seconds.
    ends: HashMap<[u8; 32], u64>,
    /// When some of them may have become too old.
    next_look: u64,
}

impl SeenTokens {
    /// A memory of at most so many tokens.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    /// Remembers a token until it is too old, unless it is remembered already.
    pub(crate) fn first_time(&self, id: &str, ends: u64, now: u64) -> Result<(), TokenRefusal> {
        let digest = *blake3::hash(id.as_bytes()).as_bytes();
        let mut seen = self.seen.lock();
        if now >= seen.next_look {
            seen.ends.retain(|_, ends| *ends > now);
            seen.next_look = seen.ends.values().min().copied().unwrap_or(ends);
        }
        if seen.ends.contains_key(&digest) {
            return Err(TokenRefusal::Replayed);
        }
        if seen.ends.len() >= self.most {
            return Err(TokenRefusal::TooManyTokens);
        }
        seen.ends.insert(digest, ends);
        Ok(())
    }
}

impl fmt::Debug for SeenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenTokens").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atk12_an_id_counts_once_while_its_token_is_young() {
        let seen = SeenTokens::new(2);
        assert_eq!(seen.first_time("a", 180, 0), Ok(()));
        assert_eq!(seen.first_time("a", 180, 0), Err(TokenRefusal::Replayed));
        assert_eq!(seen.first_time("a", 400, 179), Err(TokenRefusal::Replayed));
        assert_eq!(seen.first_time("b", 300, 179), Ok(()));
        // Two are remembered, and neither is forgotten for a third.
        assert_eq!(seen.first_time("c", 300, 179), Err(TokenRefusal::TooManyTokens));
        assert_eq!(seen.first_time("a", 300, 179), Err(TokenRefusal::Replayed));
        // The first is too old by itself now.
        assert_eq!(seen.first_time("c", 300, 180), Ok(()));
        assert_eq!(seen.first_time("b", 300, 180), Err(TokenRefusal::Replayed));
        // A clock that goes back forgets nothing.
        assert_eq!(seen.first_time("b", 300, 0), Err(TokenRefusal::Replayed));
    }
}
