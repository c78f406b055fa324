//! Which tokens have been used already, by their ids (ATK12). Bounded: a full memory refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

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
    /// What was too old by then may have been forgotten.
    forgotten: u64,
}

/// The one use of a token. It is made when the bearer is let in, and not when the token is read:
/// a token that lets nobody in stays as it was.
pub(crate) struct OneUse {
    tokens: Arc<SeenTokens>,
    digest: [u8; 32],
    /// When the token is too old in any case, and when it was read, in seconds.
    ends: u64,
    read: u64,
    made: Mutex<bool>,
}

impl SeenTokens {
    /// A memory of at most so many tokens.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }
}

impl OneUse {
    /// The use of a token that has not been used yet, while there is room to remember it.
    pub(crate) fn of(
        tokens: &Arc<SeenTokens>,
        id: &str,
        ends: u64,
        now: u64,
    ) -> Result<Self, TokenRefusal> {
        let digest = *blake3::hash(id.as_bytes()).as_bytes();
        tokens.seen.lock().look(&digest, ends, now, tokens.most)?;
        let tokens = Arc::clone(tokens);
        Ok(Self { tokens, digest, ends, read: now, made: Mutex::new(false) })
    }

    /// Uses the token up: of all that have been read of one id, one is. Whoever was let in by it
    /// stays so, as in a session.
    pub(crate) fn make(&self) -> Result<(), TokenRefusal> {
        let mut made = self.made.lock();
        if *made {
            return Ok(());
        }
        // Looked at again and remembered at once: somebody may have come before.
        let mut seen = self.tokens.seen.lock();
        seen.look(&self.digest, self.ends, self.read, self.tokens.most)?;
        seen.ends.insert(self.digest, self.ends);
        *made = true;
        Ok(())
    }
}

impl Seen {
    /// Whether a token is not remembered, and can be.
    fn look(
        &mut self,
        digest: &[u8; 32],
        ends: u64,
        now: u64,
        most: usize,
    ) -> Result<(), TokenRefusal> {
        if now >= self.next_look {
            self.ends.retain(|_, ends| *ends > now);
            self.next_look = self.ends.values().min().copied().unwrap_or(ends);
            self.forgotten = self.forgotten.max(now);
        }
        // What may have been forgotten may have been used.
        if ends <= self.forgotten || self.ends.contains_key(digest) {
            return Err(TokenRefusal::Replayed);
        }
        if self.ends.len() >= most {
            return Err(TokenRefusal::TooManyTokens);
        }
        Ok(())
    }
}

impl fmt::Debug for SeenTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenTokens").field("most", &self.most).finish_non_exhaustive()
    }
}

impl fmt::Debug for OneUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneUse").field("made", &*self.made.lock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A token is read and used at once.
    fn first_time(
        seen: &Arc<SeenTokens>,
        id: &str,
        ends: u64,
        now: u64,
    ) -> Result<(), TokenRefusal> {
        OneUse::of(seen, id, ends, now)?.make()
    }

    #[test]
    fn atk12_an_id_counts_once_while_its_token_is_young() {
        let seen = Arc::new(SeenTokens::new(2));
        let check = |id: &str, ends: u64, now: u64, expected: Result<(), TokenRefusal>| {
            assert_eq!(first_time(&seen, id, ends, now), expected, "{id} at {now}");
        };
        check("a", 180, 0, Ok(()));
        check("a", 180, 0, Err(TokenRefusal::Replayed));
        check("a", 400, 179, Err(TokenRefusal::Replayed));
        check("b", 300, 179, Ok(()));
        // Two are remembered, and neither is forgotten for a third.
        check("c", 300, 179, Err(TokenRefusal::TooManyTokens));
        check("a", 300, 179, Err(TokenRefusal::Replayed));
        // The first is too old by itself now.
        check("c", 300, 180, Ok(()));
        check("b", 300, 180, Err(TokenRefusal::Replayed));
        // A clock that goes back forgets nothing, and brings back nothing that was forgotten.
        check("b", 300, 0, Err(TokenRefusal::Replayed));
        check("a", 180, 0, Err(TokenRefusal::Replayed));
    }

    #[test]
    fn atk12_of_several_uses_of_one_token_one_is_made() {
        let seen = Arc::new(SeenTokens::new(1));
        let read = |id: &str| OneUse::of(&seen, id, 180, 0);
        let (first, second, other) = (read("a").unwrap(), read("a").unwrap(), read("b").unwrap());
        // What is read and not used takes no room.
        assert_eq!(second.make(), Ok(()));
        assert_eq!(first.make(), Err(TokenRefusal::Replayed));
        assert_eq!(other.make(), Err(TokenRefusal::TooManyTokens));
        assert_eq!(second.make(), Ok(()), "it is the same use");
        assert_eq!(read("a").err(), Some(TokenRefusal::Replayed));
    }

    #[test]
    fn atk12_a_use_that_is_made_late_is_made_once_too() {
        let seen = Arc::new(SeenTokens::new(10));
        let read = || OneUse::of(&seen, "a", 180, 0).unwrap();
        let (first, second, third) = (read(), read(), read());
        assert_eq!(first.make(), Ok(()));
        assert_eq!(second.make(), Err(TokenRefusal::Replayed));
        // The id is forgotten by then.
        assert_eq!(first_time(&seen, "b", 400, 300), Ok(()));
        assert_eq!(third.make(), Err(TokenRefusal::Replayed));
    }
}
