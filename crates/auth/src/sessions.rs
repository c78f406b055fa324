//! Sessions: a token is shown once, and a random word stands for it for a while.
//!
//! Only the digest of a word is kept, so that whoever reads the memory of a process, or a dump of
//! it, can open nothing. Randomness and the time are handed in.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;

use crate::admission::Claimed;
use crate::token_error::{TokenError, TokenRefusal};

/// What session words begin with, so that they are told from other secrets.
const START: &str = "sbs_";
/// The longest time that a session may last: 14 days.
const LONGEST: u64 = 14 * 24 * 3_600;

/// The sessions that are open.
///
/// ```
/// use sandbar_auth::{Sessions, TokenMinter, Verifier};
///
/// let secret = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
/// let token = TokenMinter::hs256(secret).unwrap().mint("ana@shop.test", &[], &[], 1_000).unwrap();
/// let verifier = Verifier::hs256(secret).unwrap();
/// let sessions = Sessions::new(3_600);
/// # let random = [7; 32];
/// // 32 bytes of the operating system's randomness.
/// let opened = sessions.open(verifier.claimed(&token, 1_010).unwrap(), random, 1_010).unwrap();
/// let claimed = sessions.find(&opened.word, 4_609).unwrap();
/// assert_eq!(verifier.admit(&claimed).unwrap().subject(), "ana@shop.test");
/// assert!(sessions.find(&opened.word, 4_610).is_err(), "an hour is over");
/// ```
pub struct Sessions {
    lifetime: u64,
    most: usize,
    most_each: usize,
    open: RwLock<Open>,
}

#[derive(Default)]
struct Open {
    by_digest: HashMap<[u8; 32], Entry>,
    /// The sessions of each person, the oldest first.
    by_subject: HashMap<Box<str>, VecDeque<[u8; 32]>>,
    /// When some of them may be over.
    next_look: u64,
}

struct Entry {
    claimed: Claimed,
    ends: u64,
}

/// A session that has been opened. The word is told to its owner once, and is kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedSession {
    /// The word that stands for the session.
    pub word: String,
    /// When it was opened, in seconds.
    pub issued: u64,
    /// From when on it counts no longer, in seconds.
    pub ends: u64,
}

/// No session can be opened: there are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sessions are open")]
pub struct TooManySessions;

impl Sessions {
    /// Sessions that last so many seconds, at most 14 days.
    ///
    /// There are up to 100,000 of them, and 32 of one person.
    pub fn new(lifetime: u64) -> Self {
        let lifetime = lifetime.min(LONGEST);
        Self { lifetime, most: 100_000, most_each: 32, open: RwLock::default() }
    }

    /// At most so many sessions; no more are opened then.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// At most so many sessions of one person: a further one ends his oldest.
    #[must_use]
    pub fn at_most_each(self, most_each: usize) -> Self {
        Self { most_each: most_each.max(1), ..self }
    }

    /// Opens a session for somebody whose token has been seen to be right. It says what his token
    /// says, and never more.
    ///
    /// `random` are 32 bytes that nobody can guess, and that are used for nothing else.
    ///
    /// # Errors
    /// There are as many sessions as there may be.
    pub fn open(
        &self,
        claimed: Claimed,
        random: [u8; 32],
        now: u64,
    ) -> Result<OpenedSession, TooManySessions> {
        let word = format!("{START}{}", URL_SAFE_NO_PAD.encode(random));
        let ends = now.saturating_add(self.lifetime);
        let (key, subject) = (digest(&word), Box::from(claimed.subject()));
        let mut open = self.open.write();
        if now >= open.next_look {
            open.forget(|entry| now >= entry.ends);
            open.next_look = open.by_digest.values().map(|e| e.ends).min().unwrap_or(ends);
        }
        let own = open.by_subject.get(&subject).map_or(0, VecDeque::len);
        if own >= self.most_each {
            let oldest = open.by_subject.get(&subject).and_then(|all| all.front().copied());
            oldest.into_iter().for_each(|oldest| {
                open.end(&oldest);
            });
        } else if open.by_digest.len() >= self.most {
            return Err(TooManySessions);
        }
        open.by_subject.entry(subject).or_default().push_back(key);
        open.by_digest.insert(key, Entry { claimed, ends });
        Ok(OpenedSession { word, issued: now, ends })
    }

    /// What the token of a session said.
    ///
    /// # Errors
    /// One opaque error for words that were never one, sessions that are over and those that were
    /// ended.
    pub fn find(&self, word: &str, now: u64) -> Result<Claimed, TokenError> {
        let key = own_digest(word).ok_or(TokenRefusal::UnknownSession)?;
        let open = self.open.read();
        let entry = open.by_digest.get(&key).ok_or(TokenRefusal::UnknownSession)?;
        if now >= entry.ends {
            return Err(TokenRefusal::SessionOver.into());
        }
        Ok(entry.claimed.clone())
    }

    /// Ends a session; whether there was one.
    pub fn end(&self, word: &str) -> bool {
        own_digest(word).is_some_and(|key| self.open.write().end(&key))
    }

    /// Ends all sessions of somebody, by his folded e-mail address; how many there were.
    pub fn end_all_of(&self, subject: &str) -> usize {
        let mut open = self.open.write();
        let keys = open.by_subject.remove(subject).unwrap_or_default();
        keys.iter().filter(|key| open.by_digest.remove(*key).is_some()).count()
    }

    /// Ends every session.
    pub fn end_all(&self) {
        *self.open.write() = Open::default();
    }

    /// How many sessions are kept, some of which may be over.
    pub fn len(&self) -> usize {
        self.open.read().by_digest.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Open {
    fn end(&mut self, key: &[u8; 32]) -> bool {
        let Some(entry) = self.by_digest.remove(key) else { return false };
        let subject = entry.claimed.subject();
        if let Some(own) = self.by_subject.get_mut(subject) {
            own.retain(|other| other != key);
            if own.is_empty() {
                self.by_subject.remove(subject);
            }
        }
        true
    }

    fn forget(&mut self, over: impl Fn(&Entry) -> bool) {
        let keys: Vec<_> =
            self.by_digest.iter().filter(|(_, entry)| over(entry)).map(|(key, _)| *key).collect();
        keys.iter().for_each(|key| {
            self.end(key);
        });
    }
}

/// A digest for sessions only: no other secret of ours has the same for the same bytes (JWT13).
fn digest(word: &str) -> [u8; 32] {
    blake3::derive_key("sandbar 2026 session", word.as_bytes())
}

fn own_digest(word: &str) -> Option<[u8; 32]> {
    // 43 characters stand for 32 bytes.
    (word.len() == START.len() + 43 && word.starts_with(START)).then(|| digest(word))
}

/// Neither words nor people are shown.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("lifetime", &self.lifetime)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The word is not shown.
impl fmt::Debug for OpenedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedSession")
            .field("issued", &self.issued)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Verifier;
    use crate::testing::{CLAIMS, HEADER, NOW, sign, verifier};

    fn claimed(email: &str) -> Claimed {
        let token = sign(HEADER, &CLAIMS.replace("ana@shop.test", email));
        verifier().claimed(&token, NOW).unwrap()
    }

    /// Another 32 bytes for each number.
    fn random(n: u8) -> [u8; 32] {
        *blake3::hash(&[n]).as_bytes()
    }

    fn open(sessions: &Sessions, email: &str, n: u8, now: u64) -> String {
        sessions.open(claimed(email), random(n), now).unwrap().word
    }

    #[track_caller]
    fn check(sessions: &Sessions, word: &str, now: u64, expected: Result<&str, TokenRefusal>) {
        let found = sessions.find(word, now);
        let reason = found.as_ref().map(Claimed::subject).map_err(|error| error.reason());
        assert_eq!(reason, expected);
        if let Err(error) = found {
            assert_eq!(error.to_string(), "invalid or expired token");
        }
    }

    #[test]
    fn atk12_a_session_ends_by_itself_or_when_it_is_told_to() {
        let sessions = Sessions::new(100);
        let ana = open(&sessions, "ana@shop.test", 1, NOW);
        let wei = open(&sessions, "wei@shop.test", 2, NOW);
        assert_ne!(ana, wei);
        check(&sessions, &ana, NOW, Ok("ana@shop.test"));
        check(&sessions, &ana, NOW + 99, Ok("ana@shop.test"));
        check(&sessions, &ana, NOW + 100, Err(TokenRefusal::SessionOver));
        assert!(sessions.end(&ana));
        assert!(!sessions.end(&ana));
        check(&sessions, &ana, NOW, Err(TokenRefusal::UnknownSession));
        check(&sessions, &wei, NOW, Ok("wei@shop.test"));
        let again = open(&sessions, "wei@shop.test", 3, NOW);
        assert_eq!(sessions.end_all_of("wei@shop.test"), 2);
        assert_eq!(sessions.end_all_of("wei@shop.test"), 0);
        check(&sessions, &again, NOW, Err(TokenRefusal::UnknownSession));
        let last = open(&sessions, "wei@shop.test", 4, NOW);
        sessions.end_all();
        check(&sessions, &last, NOW, Err(TokenRefusal::UnknownSession));
        assert!(sessions.is_empty());
        assert_eq!(
            Sessions::new(u64::MAX).open(claimed("a@b.test"), random(1), 0).unwrap().ends,
            LONGEST
        );
    }

    #[test]
    fn jwt13_a_word_is_no_other_word() {
        let sessions = Sessions::new(100);
        let word = open(&sessions, "ana@shop.test", 1, NOW);
        assert_eq!(word.len(), 47);
        let (_, body) = word.split_at(4);
        for other in [
            "",
            "sbs_",
            body,
            &format!("sbk_{body}"),
            &format!("SBS_{body}"),
            &format!("{word} "),
            &format!("{word}="),
            &word.to_ascii_lowercase(),
            &sign(HEADER, CLAIMS),
            &URL_SAFE_NO_PAD.encode(digest(&word)),
            "7f3c9a1e-5b2d-4f40-8c65-982e1d4b7f0a",
        ] {
            check(&sessions, other, NOW, Err(TokenRefusal::UnknownSession));
            assert!(!sessions.end(other));
        }
        assert!(verifier().verify(&word, NOW).is_err());
        check(&sessions, &word, NOW, Ok("ana@shop.test"));
    }

    #[test]
    fn atk7_there_are_only_so_many() {
        let sessions = Sessions::new(100).at_most(3).at_most_each(2);
        let first = open(&sessions, "ana@shop.test", 1, NOW);
        let second = open(&sessions, "ana@shop.test", 2, NOW);
        // His oldest ends.
        let third = open(&sessions, "ana@shop.test", 3, NOW + 1);
        check(&sessions, &first, NOW + 1, Err(TokenRefusal::UnknownSession));
        check(&sessions, &second, NOW + 1, Ok("ana@shop.test"));
        open(&sessions, "wei@shop.test", 4, NOW + 1);
        let full = sessions.open(claimed("vic@shop.test"), random(5), NOW + 99);
        assert_eq!(full, Err(TooManySessions));
        // Nobody else's session ends for it, and a person may still renew his own.
        let fourth = open(&sessions, "ana@shop.test", 6, NOW + 99);
        check(&sessions, &third, NOW + 99, Ok("ana@shop.test"));
        check(&sessions, &fourth, NOW + 99, Ok("ana@shop.test"));
        // What is over is forgotten as soon as a session is opened.
        open(&sessions, "vic@shop.test", 7, NOW + 101);
        assert_eq!(sessions.len(), 2, "ana's fourth and vic's");
    }

    #[test]
    fn l58_a_session_says_what_its_token_said() {
        let more = r#","scope":"agent:search","groups":["a"],"attributes":{"t":1}}"#;
        let token = sign(HEADER, &CLAIMS.replace('}', more));
        let sessions = Sessions::new(100);
        let word = sessions.open(verifier().claimed(&token, NOW).unwrap(), random(1), NOW);
        let found = sessions.find(&word.unwrap().word, NOW + 99).unwrap();
        let of_token = verifier().verify(&token, NOW).unwrap();
        assert_eq!(verifier().admit(&found).unwrap(), of_token);
    }

    #[test]
    fn l43_whoever_is_taken_out_has_no_session_either() {
        use crate::{Directory, People, Person};
        use std::sync::Arc;
        let people = Arc::new(People::new([Person::new("ana@shop.test").unwrap()]).unwrap());
        let known: Verifier = verifier().known_people(Arc::clone(&people) as Arc<dyn Directory>);
        let sessions = Sessions::new(100);
        let word = open(&sessions, "ana@shop.test", 1, NOW);
        assert!(known.admit(&sessions.find(&word, NOW).unwrap()).is_ok());
        people.replace(People::new([Person::new("ana@shop.test").unwrap().inactive()]).unwrap());
        let refused = known.admit(&sessions.find(&word, NOW).unwrap());
        assert_eq!(refused.unwrap_err().reason(), TokenRefusal::InactivePerson);
    }

    #[test]
    fn l54_debug_shows_no_word() {
        let sessions = Sessions::new(100);
        let opened = sessions.open(claimed("ana@shop.test"), random(1), NOW).unwrap();
        let shown = format!("{sessions:?} {opened:?}");
        assert!(!shown.contains("sbs_") && !shown.contains("ana"), "{shown}");
    }
}
