//! What is handed out to be given back: questions that were made, and places in answers. Each is
//! readable, and says with a code (HMAC, RFC 2104, with SHA-256) that it was made here, for this
//! asker, while he could see this. Whatever is wrong with one, its bearer is told the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sandbar::Session;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::body::MAX_BODY;
use crate::options::TokenKey;
use crate::refusal::Refusal;

/// The most bytes of a sealed text: it comes back in a body, with a name before it.
const LARGEST: usize = MAX_BODY - 256;

/// What a sealed text is for: one is not taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// A question that was made.
    Query,
    /// The next page of an answer.
    Page,
}

/// Seals texts, and opens those that it sealed.
#[derive(Clone)]
pub(crate) struct Sealer {
    /// `None` where the system gives no random bytes: nothing is sealed then.
    key: Option<TokenKey>,
}

/// The form in which a sealed text goes out, as base64 of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    text: String,
    code: String,
}

impl Sealer {
    pub(crate) fn new(key: Option<TokenKey>) -> Self {
        Self { key: key.or_else(TokenKey::random) }
    }

    /// Seals a text for whoever asks, and what he may see now: as many bytes as are taken back.
    pub(crate) fn seal(
        &self,
        what: Sealed,
        session: &Session,
        text: String,
    ) -> Result<String, Refusal> {
        let code = self.code(what, session, &text).ok_or_else(Refusal::internal)?;
        let code = STANDARD.encode(code.finalize().into_bytes());
        let envelope = serde_json::to_vec(&Envelope { text, code }).map_err(Refusal::logged)?;
        let sealed = STANDARD.encode(envelope);
        if sealed.len() > LARGEST { Err(Refusal::too_large_to_return()) } else { Ok(sealed) }
    }

    /// The text that was sealed, where it was sealed here for the same asker, who may see the same
    /// now.
    pub(crate) fn open(&self, what: Sealed, session: &Session, sealed: &str) -> Option<String> {
        let written = STANDARD.decode(sealed).ok()?;
        let envelope: Envelope = serde_json::from_slice(&written).ok()?;
        // It has one form: not a blank may be added to it.
        if serde_json::to_vec(&envelope).ok()? != written {
            return None;
        }
        let Envelope { text, code } = envelope;
        let code = STANDARD.decode(code).ok()?;
        // In constant time.
        self.code(what, session, &text)?.verify_slice(&code).ok()?;
        Some(text)
    }

    /// Each part goes in with its length, so that no two inputs are one.
    fn code(&self, what: Sealed, session: &Session, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()?.as_bytes()).ok()?;
        let what: &[u8] = match what {
            Sealed::Query => b"query",
            Sealed::Page => b"page",
        };
        let subject = session.principal().subject().as_bytes();
        let binding = session.binding();
        for part in [b"sandbar-http 1".as_slice(), what, subject, &binding, text.as_bytes()] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}
