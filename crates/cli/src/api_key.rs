//! `sandbar api-key`: a key for a service, and what the settings know of it.

use sandbar::ApiKey;

use crate::failure::{Failure, note, say};

pub(crate) fn run() -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| Failure::wrong(error.to_string()))?;
    let new = ApiKey::generate(random);
    note(&format!(
        "the key is shown once; in the settings:\n\napi_keys:\n  NAME: {{ digest: {}, groups: [] }}\n",
        new.digest
    ));
    say(&format!("{}\n", new.word))
}
