//! The routes that exchange a token for a session, and end one. Their shapes are those of
//! Metabase's single sign-on, with the members of our refusals beside them.

use std::cell::RefCell;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use sandbar::{Engine, OpenedSession};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Access;
use super::identify::{SESSION, Unidentified, attempt, of_token};
use crate::body::{Unread, is_json, read};
use crate::operation::Operation;
use crate::params::Params;
use crate::refusal::{self, Members, Refusal, headed};
use crate::routes::Routes;

/// The largest body, in bytes: twice the longest token.
const MAX_BODY: usize = 16 << 10;

/// The routes, for a router that has its [`Access`] in the extensions of requests.
pub(crate) fn routes() -> Routes<Engine> {
    Routes::new()
        .post(
            "/auth/sso",
            sso,
            Operation::new("signIn", "A session for the bearer of a token")
                .body::<Exchange>()
                .gives::<Sso>()
                .public()
                .refuses(&[401, 429])
                .refused_as::<Whole>()
                .refused_as::<refusal::Body<'_>>(),
        )
        .post(
            "/auth/sso/to_session",
            to_session,
            Operation::new("exchangeToken", "The same, with other names")
                .body::<Exchange>()
                .gives::<ToSession>()
                .public()
                .refuses(&[401, 429])
                .refused_as::<Whole>()
                .refused_as::<refusal::Body<'_>>(),
        )
        .with_bodies(MAX_BODY)
        .delete(
            "/api/session",
            end,
            Operation::new("signOut", "Ends the session of the request")
                .with_status(204)
                .of_session(),
        )
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exchange {
    #[schemars(regex(pattern = r"\S"))]
    jwt: String,
}

/// The answer of `/auth/sso`.
#[derive(Serialize, JsonSchema)]
struct Sso {
    id: String,
    exp: u64,
    iat: u64,
}

/// The answer of `/auth/sso/to_session`.
#[derive(Serialize, JsonSchema)]
struct ToSession {
    session_token: String,
    exp: u64,
    iat: u64,
}

async fn sso(
    State(engine): State<Engine>,
    Extension(access): Extension<Arc<Access>>,
    request: Request,
) -> Result<Response, Refused> {
    let OpenedSession { word: id, issued: iat, ends: exp } = open(engine, access, request).await?;
    Ok(Json(Sso { id, exp, iat }).into_response())
}

async fn to_session(
    State(engine): State<Engine>,
    Extension(access): Extension<Arc<Access>>,
    request: Request,
) -> Result<Response, Refused> {
    let opened = open(engine, access, request).await?;
    let OpenedSession { word: session_token, issued: iat, ends: exp } = opened;
    Ok(Json(ToSession { session_token, exp, iat }).into_response())
}

/// Opens a session for the bearer of the token in the body, if he is let in now.
async fn open(
    engine: Engine,
    access: Arc<Access>,
    request: Request,
) -> Result<OpenedSession, Refused> {
    let (mut parts, body) = request.into_parts();
    let params = Params::from_request_parts(&mut parts, &engine).await;
    params.and_then(Params::none)?;
    if !is_json(&parts.headers) {
        return Err(Refused::NotJson);
    }
    let extensions = parts.extensions.clone();
    let body = read(Request::from_parts(parts, body), &engine).await;
    let body = body.map_err(|unread| match unread {
        Unread::TooLarge => Refused::TooLarge,
        Unread::TooSlow => Refused::Other(Refusal::too_slow()),
        Unread::Broken => Refused::NoToken,
    })?;
    let token = match serde_json::from_slice::<Exchange>(&body) {
        Ok(Exchange { jwt }) if !jwt.trim().is_empty() => jwt,
        _ => return Err(Refused::NoToken),
    };
    let kept = RefCell::new(None);
    let (session, now) = attempt(&engine, Some(&access), &extensions, |verifier, now, source| {
        let claimed = of_token(verifier, Some(&access), source, &token, now)?;
        kept.replace(Some(claimed.clone()));
        Ok(claimed)
    })?;
    let subject = session.principal().subject();
    access.requests().take(subject, now).map_err(Unidentified::TooOften)?;
    // Somebody was found, so that something was kept.
    let claimed = kept.into_inner().ok_or(Refused::Failed)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "there is no randomness for a session");
        Refused::Failed
    })?;
    access.sessions().open(claimed, random, now.as_secs()).map_err(|_| Refused::TooManySessions)
}

/// Ends the session that a request carries.
async fn end(
    State(engine): State<Engine>,
    Extension(access): Extension<Arc<Access>>,
    parts: Parts,
) -> Result<StatusCode, Refusal> {
    let mut parts = parts;
    Params::from_request_parts(&mut parts, &engine).await?.none()?;
    let mut words = parts.headers.get_all(SESSION).iter();
    let only = words.next().filter(|_| words.next().is_none());
    let word = only.and_then(|word| word.to_str().ok()).ok_or(Unidentified::Missing)?;
    // Whoever is not let in any more may still end his session: it needs no more than the word.
    if access.sessions().end(word) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let unknown = attempt(&engine, Some(&access), &parts.extensions, |_, now, _| {
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        access.sessions().find(word, now.as_secs())
    });
    Err(unknown.err().unwrap_or(Unidentified::Invalid).into())
}

/// A token that opens no session.
enum Refused {
    NotJson,
    TooLarge,
    NoToken,
    Unidentified(Unidentified),
    TooManySessions,
    Failed,
    Other(Refusal),
}

impl From<Unidentified> for Refused {
    fn from(why: Unidentified) -> Self {
        Self::Unidentified(why)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal)
    }
}

/// What clients of Metabase look at, beside a refusal.
#[derive(Serialize, JsonSchema)]
struct Told {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<MissingToken>,
    error: &'static str,
    message: &'static str,
    code: &'static str,
}

/// The same with the members that refusals have everywhere; `status` stays the word.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SsoRefusal")]
struct Whole {
    #[serde(flatten)]
    told: Told,
    #[serde(flatten)]
    members: Members<'static>,
}

#[derive(Serialize, JsonSchema)]
struct MissingToken {
    jwt: &'static str,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let told =
            |status, error, message, code| Told { status, errors: None, error, message, code };
        let (status, told) = match self {
            Self::Unidentified(Unidentified::TooManyFailures(wait)) => {
                return Refusal::too_many_failures(wait).into_response();
            }
            Self::Unidentified(Unidentified::TooOften(wait)) => {
                return Refusal::too_often(wait).into_response();
            }
            Self::TooManySessions => return Refusal::too_many_sessions().into_response(),
            Self::Failed => return Refusal::internal().into_response(),
            Self::Other(refusal) => return refusal.into_response(),
            Self::NotJson => {
                let message = "a token is sent as `application/json` in UTF-8, and not compressed";
                let told = told("error-not-json", "UnsupportedMediaType", message, "H0103");
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, told)
            }
            Self::TooLarge => {
                let message = "a token has at most 8 KiB";
                let told = told("error-jwt-invalid", "PayloadTooLarge", message, "H0105");
                (StatusCode::PAYLOAD_TOO_LARGE, told)
            }
            Self::NoToken => {
                let message = "the body is `{\"jwt\": \"…\"}` and nothing else";
                let mut told = told("error-jwt-missing", "InvalidRequest", message, "H0107");
                told.errors = Some(MissingToken { jwt: "value must be a non-blank string." });
                (StatusCode::BAD_REQUEST, told)
            }
            Self::Unidentified(Unidentified::NotConfigured) => {
                let message = "this server checks no tokens";
                let told = told("error-jwt-disabled", "InvalidRequest", message, "E0102");
                (StatusCode::BAD_REQUEST, told)
            }
            // One text for every reason.
            Self::Unidentified(
                Unidentified::Missing | Unidentified::NotBearer | Unidentified::Invalid,
            ) => {
                let message = "a valid token is needed";
                let told = told("error-jwt-invalid", "Unauthenticated", message, "E0101");
                (StatusCode::UNAUTHORIZED, told)
            }
        };
        let code = told.code;
        let members = Members::of(status, code, told.message);
        headed((status, Json(Whole { told, members })).into_response(), code, None)
    }
}
