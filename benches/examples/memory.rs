//! How much memory people take: each with a session of the server that is open, and with what an
//! engine keeps of an asker. Reads `/proc`, so on Linux alone.

#![expect(clippy::print_stdout, reason = "a program that tells figures")]

use std::error::Error;
use std::fs;

use sandbar::{AttributeValue, Engine, Principal, Sessions, TokenMinter, Verifier};
use sandbar_shop::{Asker, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};

const SECRET: &str = "9b1f6d0e4c7a2358e1d4b7f0a3c65982";
const PEOPLE: usize = 50_000;
const QUESTION: &str = r#"{"metrics":["revenue"],"group_by":["product.category"]}"#;

/// The memory of this process, in bytes.
fn resident() -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: usize =
        line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?.parse()?;
    Ok(kib * 1024)
}

fn row(what: &str, before: usize, people: usize) -> Result<(), Box<dyn Error>> {
    let each = resident()?.saturating_sub(before) as f64 / people as f64 / 1024.0;
    println!("| {what} | {people} | {each:.1} |");
    Ok(())
}

/// Sessions of the server: each of a person of his own, with two groups and an attribute.
fn open_sessions() -> Result<Sessions, Box<dyn Error>> {
    let (minter, verifier) = (TokenMinter::hs256(SECRET)?, Verifier::hs256(SECRET)?);
    let sessions = Sessions::new(3_600);
    for number in 0..PEOPLE {
        let email = format!("person{number}@shop.test");
        let attributes = [("state", AttributeValue::Text("CA".to_owned()))];
        let token = minter.mint(&email, &["customers", "everyone"], &attributes, 1_000)?;
        let mut random = [0; 32];
        random[..8].copy_from_slice(&number.to_le_bytes());
        sessions.open(verifier.claimed(&token, 1_010)?, random, 1_010)?;
    }
    Ok(sessions)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("| what | people | KiB each |\n|---|---|---|");
    let before = resident()?;
    let sessions = open_sessions()?;
    row("a session of the server", before, sessions.len())?;

    let mut builder = Engine::builder().model(MODEL_NAME, MODEL).policies(POLICIES_NAME, POLICIES);
    for (name, batch) in Shop::generate()?.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    let engine = builder.build().await?;
    let ana = Asker::named("ana").ok_or("ana is one of the shop")?;
    let person = |number: usize| {
        let mut principal = Principal::asserted_by_host(&format!("person{number}@shop.test"));
        for group in ana.groups {
            principal = principal.group(group);
        }
        principal.build()
    };
    // What is made once is not theirs.
    engine.session(person(PEOPLE)?).query_json(QUESTION).await?.collect().await?;
    let before = resident()?;
    let held = (0..PEOPLE).map(|number| Ok(engine.session(person(number)?)));
    let held = held.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    row("a session of the library", before, held.len())?;
    let asking = held.iter().take(2_000);
    let (before, people) = (resident()?, asking.len());
    for session in asking {
        session.query_json(QUESTION).await?.collect().await?;
    }
    row("having asked a question", before, people)
}
