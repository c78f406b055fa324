//! Who sends a request, by what it carries: a session, an API key or a token; and the routes that
//! open and end sessions. What makes any of them right is decided below, in `sandbar-auth`.

mod access;
mod identify;
mod routes;

pub use access::{Access, Source};
pub(crate) use identify::identify;
pub(crate) use routes::routes;
