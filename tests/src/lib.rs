//! The package of the tests that use the public doors; see `tests/it`. The Rust examples of the
//! manual are its doc tests, because here are all crates that they use.

#[cfg(doctest)]
#[doc = include_str!("../../docs/auth.md")]
pub struct Authentication;

#[cfg(doctest)]
#[doc = include_str!("../../docs/model.md")]
pub struct Models;

#[cfg(doctest)]
#[doc = include_str!("../../docs/policies.md")]
pub struct Policies;

#[cfg(doctest)]
#[doc = include_str!("../../docs/query.md")]
pub struct Questions;
