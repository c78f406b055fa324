//! Who asks: a principal that the host put into the request, or else the bearer of a token.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sandbar::{Engine, Principal, Session};

use crate::refusal::Refusal;

/// The session of whoever sent the request.
pub(crate) struct Asker(pub(crate) Session);

impl FromRequestParts<Engine> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Refusal> {
        if let Some(principal) = parts.extensions.get::<Principal>() {
            return Ok(Self(engine.session(principal.clone())));
        }
        let token = bearer(&parts.headers).ok_or_else(Refusal::unauthenticated)?;
        engine.authenticate_request(token).map(Self).map_err(|error| {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            tracing::info!(code = error.code(), reason, "a token is refused");
            Refusal::unauthenticated()
        })
    }
}

/// The token, if the request has exactly one (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
