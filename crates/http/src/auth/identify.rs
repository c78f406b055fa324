//! From the headers of a request to the session of whoever sent it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use sandbar::{Claimed, Engine, Principal, Session, TokenError, TokenRefusal, Verifier};

use super::access::{Access, Source};
use crate::refusal::Refusal;

/// The header of sessions, as clients of Metabase send it.
pub(super) const SESSION: &str = "x-metabase-session";
/// The header of API keys.
const API_KEY: &str = "x-api-key";

/// Why nobody is known to have sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unidentified {
    /// It carries nothing that says so.
    Missing,
    /// Its `Authorization` is of another scheme.
    NotBearer,
    /// What it carries is not right, or is there twice.
    Invalid,
    /// There is nothing that could tell what is right.
    NotConfigured,
    /// Too much from its address was not right.
    TooManyFailures(Duration),
    /// Its sender has asked too often.
    TooOften(Duration),
}

/// What a header that may stand once says.
enum Once<'r> {
    Absent,
    Said(&'r str),
    /// It stands twice, or is no text: nobody knows which one is meant.
    Unclear,
}

impl<'r> Once<'r> {
    fn of(headers: &'r HeaderMap, name: &str) -> Self {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Self::Absent,
            (Some(only), None) => only.to_str().map_or(Self::Unclear, Self::Said),
            (Some(_), Some(_)) => Self::Unclear,
        }
    }
}

/// What a request carries.
struct Carried<'r> {
    session: Once<'r>,
    api_key: Once<'r>,
    bearer: Result<&'r str, Unidentified>,
}

/// The session of whoever sent a request: a principal that the host put into it, or else the
/// owner of its session, of its API key or of its token, the first of these that it carries.
///
/// A session that is over is as good as none, since clients go on sending it: then the others
/// count. An API key that is not right is not right, whatever else is there.
pub(crate) fn identify(parts: &Parts, engine: &Engine) -> Result<Session, Unidentified> {
    if let Some(principal) = parts.extensions.get::<Principal>() {
        return Ok(engine.session(principal.clone()));
    }
    let carried = Carried {
        session: Once::of(&parts.headers, SESSION),
        api_key: Once::of(&parts.headers, API_KEY),
        bearer: bearer(&parts.headers),
    };
    if let (Once::Absent, Once::Absent, Err(why)) =
        (&carried.session, &carried.api_key, carried.bearer)
    {
        return Err(why);
    }
    let access = parts.extensions.get::<Arc<Access>>();
    let find = |verifier: &Verifier, now: SystemTime, source| {
        carried.find(verifier, access.map(|access| &**access), source, now)
    };
    let (session, now) = attempt(engine, access, &parts.extensions, find)?;
    if let Some(access) = access {
        let subject = session.principal().subject();
        access.requests().take(subject, now).map_err(Unidentified::TooOften)?;
    }
    Ok(session)
}

/// Lets the engine look for somebody. What fails counts against its address, but for a token for
/// which there is no room here; while too much has failed from there, tokens are not even looked at.
pub(super) fn attempt(
    engine: &Engine,
    access: Option<&Arc<Access>>,
    extensions: &Extensions,
    find: impl FnOnce(&Verifier, SystemTime, Option<Source>) -> Result<Claimed, TokenError>,
) -> Result<(Session, Duration), Unidentified> {
    let source = Source::of(extensions);
    let read = Cell::new(None);
    let found = engine.identify_request(|verifier, now| {
        read.set(Some(since(now)));
        find(verifier, now, source)
    });
    let error = match (found, read.get()) {
        (Ok(session), now) => return Ok((session, now.unwrap_or_default())),
        (Err(error), _) => error,
    };
    let reason = reason(&error);
    tracing::info!(code = error.code(), ?reason, "somebody is not let in");
    // The clock is read where somebody is looked for, and nowhere else.
    let Some(now) = read.get() else { return Err(Unidentified::NotConfigured) };
    if let (Some(access), Some(source)) = (access, source)
        && reason != Some(TokenRefusal::TooManyTokens)
    {
        access.failures().take(source, now).map_err(Unidentified::TooManyFailures)?;
    }
    Err(Unidentified::Invalid)
}

/// Why somebody is not let in, for the log: what he is told is the same for every reason.
fn reason(error: &sandbar::Error) -> Option<TokenRefusal> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<TokenError>().map(TokenError::reason)
}

/// A token is looked at only while not too much has failed.
pub(super) fn of_token(
    verifier: &Verifier,
    access: Option<&Access>,
    source: Option<Source>,
    token: &str,
    now: SystemTime,
) -> Result<Claimed, TokenError> {
    if let (Some(access), Some(source)) = (access, source)
        && access.failures().look(source, since(now)).is_err()
    {
        return Err(TokenRefusal::TooManyFailures.into());
    }
    verifier.claimed(token, since(now).as_secs())
}

impl Carried<'_> {
    fn find(
        &self,
        verifier: &Verifier,
        access: Option<&Access>,
        source: Option<Source>,
        now: SystemTime,
    ) -> Result<Claimed, TokenError> {
        let seconds = since(now).as_secs();
        let mut refused = TokenError::from(TokenRefusal::Malformed);
        match (&self.session, access) {
            (Once::Said(word), Some(access)) => match access.sessions().find(word, seconds) {
                Ok(claimed) => return Ok(claimed),
                Err(error) => refused = error,
            },
            (Once::Unclear, _) => return Err(refused),
            (Once::Said(_), None) | (Once::Absent, _) => {}
        }
        match (&self.api_key, access) {
            (Once::Said(word), Some(access)) => return access.api_keys().find(word, seconds),
            (Once::Unclear, _) | (Once::Said(_), None) => return Err(refused),
            (Once::Absent, _) => {}
        }
        match self.bearer {
            Ok(token) => of_token(verifier, access, source, token, now),
            Err(_) => Err(refused),
        }
    }
}

/// The token of the header `Authorization`, if there is exactly one (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Unidentified> {
    let text = match Once::of(headers, AUTHORIZATION.as_str()) {
        Once::Absent => return Err(Unidentified::Missing),
        Once::Unclear => return Err(Unidentified::Invalid),
        Once::Said(text) => text,
    };
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Unidentified::NotBearer);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() { Err(Unidentified::Invalid) } else { Ok(token) }
}

fn since(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// One text for whatever is missing or wrong, so that nothing is told of why.
impl From<Unidentified> for Refusal {
    fn from(why: Unidentified) -> Self {
        match why {
            Unidentified::Missing
            | Unidentified::NotBearer
            | Unidentified::Invalid
            | Unidentified::NotConfigured => Self::unauthenticated(),
            Unidentified::TooManyFailures(wait) => Self::too_many_failures(wait),
            Unidentified::TooOften(wait) => Self::too_often(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_why() {
        let error = sandbar::Error::from(TokenError::from(TokenRefusal::TooOld));
        assert_eq!(reason(&error), Some(TokenRefusal::TooOld));
        assert!(!error.to_string().contains("old"), "{error}");
    }
}
