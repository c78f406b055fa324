//! What the address says beside the route: its variable segments and its parameters.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The variable segments of the path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(found)| Self(found))
            .map_err(|_| Refusal::unreadable("the path cannot be read"))
    }
}

/// The parameters behind the question mark. They have to be taken by [`Params::none`] or
/// [`Params::only`], which refuse all others.
#[must_use]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        query
            .map(|Query(pairs)| Self(pairs))
            .map_err(|_| Refusal::unreadable("the parameters cannot be read"))
    }
}

impl Params {
    /// All that are there, for whoever looks at each.
    pub(crate) fn all(self) -> Vec<(String, String)> {
        self.0
    }

    /// Nothing may be said.
    pub(crate) fn none(self) -> Result<(), Refusal> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Refusal::parameter(format!("`{}` is not a parameter here", shown(name))))
            }
        }
    }

    /// One parameter may be given, once.
    pub(crate) fn only(self, known: &str) -> Result<Option<String>, Refusal> {
        let mut found = None;
        for (name, value) in self.0 {
            if name != known {
                let name = shown(&name);
                let message = format!("`{name}` is not a parameter here; use `{known}`");
                return Err(Refusal::parameter(message));
            }
            if found.replace(value).is_some() {
                return Err(Refusal::parameter(format!("`{known}` is given twice")));
            }
        }
        Ok(found)
    }

    /// The value of a parameter as a number.
    pub(crate) fn whole_number(name: &str, text: &str) -> Result<u64, Refusal> {
        text.parse().map_err(|_| {
            Refusal::parameter(format!("`{name}` is a whole number, not `{}`", shown(text)))
        })
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
