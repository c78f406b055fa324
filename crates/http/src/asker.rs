//! Who asks: the session of whoever sent a request, as [`crate::auth`] finds it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sandbar::{Engine, Session};

use crate::auth::identify;
use crate::refusal::Refusal;

/// The session of whoever sent the request.
pub(crate) struct Asker(pub(crate) Session);

impl FromRequestParts<Engine> for Asker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Refusal> {
        Ok(Self(identify(parts, engine)?))
    }
}
