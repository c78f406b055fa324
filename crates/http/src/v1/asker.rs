//! Who asks, and what is said to whom nothing is known of.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use sandbar::{Engine, Session};

use super::refusal::Refusal;
use crate::asker::Asker as Known;

pub(super) const INVALID: &str = "Invalid or expired JWT token.";
const MISSING: &str = "Authentication required. Use X-Metabase-Session header or Authorization: \
                       Bearer <jwt>.";
const NOT_BEARER: &str = "Authorization header must use Bearer scheme: Authorization: Bearer <jwt>";
const NOT_CONFIGURED: &str =
    "JWT authentication is not configured. Set the JWT shared secret in admin settings.";

/// The session of whoever sent the request.
pub(super) struct Asker(pub(super) Session);

impl FromRequestParts<Engine> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Refusal> {
        let known = Known::from_request_parts(parts, engine).await;
        match known {
            Ok(Known(session)) => Ok(Self(session)),
            Err(told) if told.status() == StatusCode::UNAUTHORIZED => {
                Err(unknown(&parts.headers, engine))
            }
            // Somebody who may not even try.
            Err(told) => Err(told.into()),
        }
    }
}

/// The words tell apart what the client can see by itself, and nothing about its token.
fn unknown(headers: &HeaderMap, engine: &Engine) -> Refusal {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Refusal::unauthorized("missing_authorization", MISSING);
    };
    let scheme = header.to_str().ok().and_then(|text| text.split_once(' '));
    if !scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        return Refusal::unauthorized("invalid_authorization_format", NOT_BEARER);
    }
    if !engine.checks_tokens() {
        return Refusal::unauthorized("jwt_not_configured", NOT_CONFIGURED);
    }
    Refusal::unauthorized("invalid_jwt", INVALID)
}
