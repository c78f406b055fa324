//! `sandbar token`: a token for somebody, to try the HTTP API with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbar::{AttributeValue, Scopes, TokenMinter};

use crate::args::TokenArgs;
use crate::failure::{Failure, say};
use crate::people::Person;
use crate::secret::secret;

pub(crate) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let person = Person::named(&args.who, &args.rights)?;
    let secret = secret(&args.secret)?;
    let minter =
        TokenMinter::hs256(secret.as_bytes()).map_err(|error| Failure::wrong(error.to_string()))?;
    let minter = match &args.scope {
        None => minter,
        Some(words) => {
            minter.scoped(Scopes::parse(words).map_err(|error| Failure::wrong(error.to_string()))?)
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let groups: Vec<&str> = person.groups.iter().map(String::as_str).collect();
    let attributes: Vec<(&str, AttributeValue)> =
        person.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let token = minter
        .mint(&person.email, &groups, &attributes, now)
        .map_err(|error| Failure::wrong(error.to_string()))?;
    say(&format!("{token}\n"))
}
