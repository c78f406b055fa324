//! What benches/http/run asks over HTTP, asked in process: as many calls as are answered in some
//! seconds, by 1, 8 and 64 tasks at a time.

#![expect(clippy::print_stdout, reason = "a program that tells figures")]

use std::error::Error;
use std::time::{Duration, Instant};

use sandbar::{Engine, Principal, Session};
use sandbar_shop::{Asker, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};
use tokio::task::JoinSet;

const AGGREGATE: &str = r#"{"metrics":["revenue"],"group_by":["product.category"]}"#;

#[derive(Clone, Copy)]
enum Asked {
    Search,
    Aggregate,
    Kept,
}

async fn ask(session: &Session, asked: Asked) -> Result<usize, sandbar::Error> {
    match asked {
        Asked::Search => Ok(session.search("revenue")?.len()),
        Asked::Aggregate => rows(&session.clone().fresh()).await,
        Asked::Kept => rows(session).await,
    }
}

async fn rows(session: &Session) -> Result<usize, sandbar::Error> {
    Ok(session.query_json(AGGREGATE).await?.collect().await?.num_rows())
}

/// The times of calls that one task gets answered.
async fn times(session: Session, asked: Asked, until: Instant) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        let found = ask(&session, asked).await.map_err(|error| error.to_string())?;
        if found == 0 {
            return Err("nothing was found".to_owned());
        }
        times.push(started.elapsed());
        tokio::task::yield_now().await;
    }
    Ok(times)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let mut builder = Engine::builder().model(MODEL_NAME, MODEL).policies(POLICIES_NAME, POLICIES);
    for (name, batch) in Shop::generate()?.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    let engine = builder.keep_answers(64 << 20).build().await?;
    let ana = Asker::named("ana").ok_or("ana is one of the shop")?;
    let mut principal = Principal::asserted_by_host(ana.email);
    for group in ana.groups {
        principal = principal.group(group);
    }
    let session = engine.session(principal.build()?);
    println!("| call | at a time | a second | p50 ms | p99 ms |\n|---|---|---|---|---|");
    let calls = [("search", Asked::Search), ("aggregate", Asked::Aggregate), ("kept", Asked::Kept)];
    for (name, asked) in calls {
        for tasks in [1, 8, 64] {
            let span = Duration::from_secs(seconds);
            let mut all = JoinSet::new();
            for _ in 0..tasks {
                all.spawn(times(session.clone(), asked, Instant::now() + span));
            }
            let mut found = Vec::new();
            for times in all.join_all().await {
                found.extend(times?);
            }
            found.sort_unstable();
            let at = |share: f64| {
                let place = (found.len() as f64 * share) as usize;
                found.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
            };
            let rate = found.len() as f64 / span.as_secs_f64();
            println!("| {name} | {tasks} | {rate:.0} | {:.2} | {:.2} |", at(0.5), at(0.99));
        }
    }
    Ok(())
}
