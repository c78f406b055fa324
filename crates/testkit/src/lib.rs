//! What tests of several crates share: the sample shop as an engine, and its people.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

pub mod entrances;
pub mod faults;
pub mod forge;
pub mod fuzzed;
pub mod generate;
pub mod reference;
pub mod rows;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbar::{AttributeValue, Collected, Engine, EngineBuilder, Principal, Session};
use sandbar_shop::{Asker, Attribute, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};

/// A folder or file below the repository's fixtures.
pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// The first instant of a day, given in days since 1970-01-01.
pub fn instant_of_day(day: i32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(day).expect("after 1970") * 86_400)
}

/// An engine to be over the sample shop, its clock at the first instant of the shop's today.
pub fn shop() -> EngineBuilder {
    first_rows(&Shop::generate().expect("the shop can be made"), usize::MAX)
}

/// The same over the first rows of each table, at most so many.
pub(crate) fn first_rows(shop: &Shop, most: usize) -> EngineBuilder {
    let today = instant_of_day(shop.today());
    let mut builder = Engine::builder()
        .model(MODEL_NAME, MODEL)
        .policies(POLICIES_NAME, POLICIES)
        .clock(move || today);
    for (name, batch) in shop.tables() {
        builder = builder.batches(name, vec![batch.slice(0, batch.num_rows().min(most))]);
    }
    builder
}

/// One of the people who ask the shop.
pub fn principal(asker: &Asker) -> Principal {
    let mut builder = Principal::asserted_by_host(asker.email);
    for group in asker.groups {
        builder = builder.group(group);
    }
    for (name, value) in asker.attributes {
        builder = match value {
            Attribute::Text(text) => builder.attribute(name, *text),
            Attribute::Texts(texts) => {
                let list = texts.iter().map(|text| AttributeValue::from(*text)).collect();
                builder.attribute(name, AttributeValue::List(list))
            }
        };
    }
    builder.build().expect("the people of the shop are well-formed")
}

/// An error with its cause, which no asker is told.
pub fn told(error: &sandbar::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    format!("{} {error} {}", error.code(), cause.unwrap_or_default())
}

/// The whole answer to a question in JSON.
///
/// # Errors
/// The question's, or one that comes before its last row.
pub async fn collected(session: &Session, question: &str) -> Result<Collected, sandbar::Error> {
    session.query_json(question).await?.collect().await
}

/// The same as CSV, or what is said instead.
///
/// # Errors
/// What is told of an error.
pub async fn csv(session: &Session, question: &str) -> Result<String, String> {
    let answer = collected(session, question).await.map_err(|error| told(&error))?;
    answer.to_csv().map_err(|error| told(&error))
}
