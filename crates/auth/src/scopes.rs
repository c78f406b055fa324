//! What a token may be used for, as far as it says so itself.

use std::collections::BTreeSet;

/// The most words of a scope.
const MAX_WORDS: usize = 1_000;

/// What a token may be used for: words such as `agent:search`, from its claim `scope`
/// ([RFC 6749, section 3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).
///
/// A scope only takes away: whatever it says, nobody gets more than the policies give him. None at
/// all takes nothing away; an empty one takes everything. What the words mean is not known here.
///
/// ```
/// use sandbar_auth::Scopes;
///
/// let scopes = Scopes::parse("agent:table:* agent:query:metric:revenue")?;
/// assert!(scopes.cover("agent:table:read"));
/// assert!(scopes.cover("agent:query:metric:revenue"));
/// assert!(!scopes.cover("agent:query"));
/// # Ok::<(), sandbar_auth::BadScope>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes {
    words: BTreeSet<String>,
}

/// A text is no scope: a word has a character beyond printable ASCII, a quote or a backslash, or
/// there are more than 1,000 words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is up to 1,000 words of printable ASCII without quotes and backslashes")]
pub struct BadScope;

impl Scopes {
    /// The words of a text, with spaces between them.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        Self::of_words(text.split(' ').filter(|word| !word.is_empty()))
    }

    pub(crate) fn of_words<'w>(words: impl Iterator<Item = &'w str>) -> Result<Self, BadScope> {
        let mut found = BTreeSet::new();
        for (index, word) in words.enumerate() {
            let good = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
            if index >= MAX_WORDS || word.is_empty() || !word.bytes().all(good) {
                return Err(BadScope);
            }
            found.insert(word.to_owned());
        }
        Ok(Self { words: found })
    }

    /// Whether a use is among them: by its name, or by what it begins with and `:*`.
    ///
    /// `agent:*` covers `agent:search`; `agent:query` does not cover `agent:query:execute`.
    pub fn cover(&self, wanted: &str) -> bool {
        let starts = |end: usize| {
            wanted.get(..=end).is_some_and(|start| self.words.contains(&format!("{start}*")))
        };
        self.words.contains(wanted) || wanted.match_indices(':').any(|(end, _)| starts(end))
    }

    /// Whether a use, or something of it, is among them: a word that begins with it and a colon.
    pub fn touch(&self, wanted: &str) -> bool {
        let below = |word: &String| word.strip_prefix(wanted).is_some_and(|r| r.starts_with(':'));
        self.cover(wanted) || self.words.iter().any(below)
    }

    /// The words, sorted, each once.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str, covers: bool, touches: bool) {
        let scopes = Scopes::parse(text).unwrap();
        assert_eq!((scopes.cover(wanted), scopes.touch(wanted)), (covers, touches), "{text}");
    }

    #[test]
    fn l58_a_scope_covers_what_it_says_and_no_more() {
        check("agent:query", "agent:query", true, true);
        check("agent:query", "agent:query:execute", false, false);
        check("agent:query:execute", "agent:query", false, true);
        check("agent:*", "agent:table:read", true, true);
        check("agent:table:*", "agent:table:read:orders", true, true);
        check("agent:table:*", "agent:tables", false, false);
        check("agent:table:*", "agent:table", false, true);
        check("agent", "agent:search", false, false);
        check("*", "agent:search", false, false);
        check("agent:s*", "agent:search", false, false);
        check("agent:searching", "agent:search", false, false);
        check("Agent:Search", "agent:search", false, false);
        check("", "agent:search", false, false);
        check("other agent:search", "agent:search", true, true);
    }

    #[test]
    fn the_words_are_printable() {
        for bad in ["a\tb", "a\u{a0}b", "ä", "a\"b", "a\\b", "a\u{0}b"] {
            assert_eq!(Scopes::parse(bad), Err(BadScope), "{bad:?}");
        }
        let many = |count: usize| (0..count).map(|n| format!("s{n} ")).collect::<String>();
        assert_eq!(Scopes::parse(&many(1_000)).unwrap().words().len(), 1_000);
        assert_eq!(Scopes::parse(&many(1_001)), Err(BadScope));
        assert_eq!(Scopes::parse("  b  a a ").unwrap().words().collect::<Vec<_>>(), ["a", "b"]);
    }
}
