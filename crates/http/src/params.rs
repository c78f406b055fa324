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
        let unreadable = || Refusal::unreadable("the parameters cannot be read");
        // What is no text would be read with other characters in its place.
        if parts.uri.query().is_some_and(|query| !is_text(query)) {
            return Err(unreadable());
        }
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        query.map(|Query(pairs)| Self(pairs)).map_err(|_| unreadable())
    }
}

/// Whether the bytes that are written with `%` are UTF-8 where they stand. What is between two
/// parameters, or before a value, is ASCII, so that all of them are looked at together.
fn is_text(query: &str) -> bool {
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        // A `%` without two digits behind it means itself.
        let written = match behind {
            [high, low, after @ ..] if *first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| ((high << 4) | low, after))
            }
            _ => None,
        };
        let (byte, after) = written.unwrap_or((*first, behind));
        bytes.push(byte);
        rest = after;
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: bool) {
        assert_eq!(is_text(query), expected, "{query}");
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        for text in ["", "q=a+b", "q=%C3%a9&x=%20", "q=100%", "q=%zz%f&%", "q=%25ff"] {
            check(text, true);
        }
        for bytes in ["q=%ff", "%FF=1", "q=%c3", "q=%C3&x=%a9", "%C3=%A9", "q=%ed%a0%80"] {
            check(bytes, false);
        }
    }
}
