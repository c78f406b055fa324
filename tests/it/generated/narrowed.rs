//! Questions of somebody who sees some rows and values, to random worlds under random policies: his
//! answers are those of a world that has only these.

use std::collections::BTreeMap;

use sandbar::{AttributeValue, Principal, Session};
use sandbar_testkit::generate::{
    Random, batch, constructs, policies, policies_yaml, question, smaller, tables, weaker, world,
    yaml,
};
use sandbar_testkit::reference::{Cell, Policies, Question, World};
use sandbar_testkit::told;
use tokio::runtime::Runtime;

use super::{Outcome, QUESTIONS, TOLD, WORLDS, builder, none_is_wrong, outcome, setting};

fn attribute(values: &[Cell]) -> AttributeValue {
    let one = |cell: &Cell| match cell {
        Cell::Int(n) => AttributeValue::Integer(*n),
        Cell::Text(text) => AttributeValue::Text(text.clone()),
        _ => AttributeValue::Null,
    };
    AttributeValue::List(values.iter().map(one).collect())
}

async fn session(world: &World, policies: &Policies) -> Result<Session, String> {
    let mut builder = builder(world, policies);
    for table in world.stored() {
        builder = builder.batches(&table.name, vec![batch(table)]);
    }
    let engine = builder.build().await.map_err(|error| told(&error))?;
    let principal = Principal::asserted_by_host("somebody")
        .group("here")
        .attribute("cats", attribute(&policies.cats))
        .attribute("sizes", attribute(&policies.sizes))
        .build();
    Ok(engine.session(principal.unwrap()))
}

async fn is_wrong(world: &World, policies: &Policies, question: &Question) -> Option<String> {
    let session = session(world, policies).await.ok()?;
    match outcome(&session, &world.seen(policies), question).await {
        Outcome::Wrong(why) => Some(why),
        Outcome::Same | Outcome::Refused(_) => None,
    }
}

/// A small case that is wrong in the same manner.
async fn shrunk(mut case: (World, Policies, Question), mut why: String) -> String {
    let kind = |why: &str| why.split([':', '\n']).next().map(str::to_owned);
    let mut tries = 0;
    'smaller: loop {
        let (world, policies, question) = &case;
        let mut all: Vec<(World, Policies, Question)> = weaker(policies)
            .into_iter()
            .map(|weaker| (world.clone(), weaker, question.clone()))
            .collect();
        let rest = smaller(world, question).into_iter();
        all.extend(rest.map(|(world, question)| (world, policies.clone(), question)));
        // Policies speak of the tables that are there.
        all.retain(|(smaller, _, _)| smaller.tables.len() == world.tables.len());
        for found in all {
            tries += 1;
            if tries > 300 {
                break 'smaller;
            }
            if let Some(still) = is_wrong(&found.0, &found.1, &found.2).await
                && kind(&still) == kind(&why)
                && still.contains("expected a refusal") == why.contains("expected a refusal")
            {
                (case, why) = (found, still);
                continue 'smaller;
            }
        }
        break;
    }
    let (world, policies, question) = case;
    let json = sandbar_testkit::generate::json(&question);
    let model = yaml(&world, Some(&question));
    let (policies, asker) = (policies_yaml(&world, &policies), (policies.cats, policies.sizes));
    format!("{model}{policies}{asker:?}\n{}{json}\n{why}", tables(&world))
}

#[test]
fn l50_answers_are_those_of_a_world_without_what_is_hidden() {
    let (cases, first) = (setting("SANDBAR_CASES", WORLDS), setting("SANDBAR_SEED", 1));
    let runtime = Runtime::new().unwrap();
    let mut used: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let (mut asked, mut answered, mut wrong) = (0, 0, Vec::new());
    for seed in first..first + cases {
        let mut random = Random::new(seed ^ 0x5EED);
        let world = world(&mut random);
        let policies = policies(&mut random, &world);
        let session = match runtime.block_on(session(&world, &policies)) {
            Ok(session) => session,
            Err(why) => panic!("seed {seed}: {why}\n{}", policies_yaml(&world, &policies)),
        };
        let seen = world.seen(&policies);
        for number in 0..QUESTIONS {
            let question = question(&mut random, &world);
            asked += 1;
            match runtime.block_on(outcome(&session, &seen, &question)) {
                Outcome::Same => {
                    answered += 1;
                    for name in constructs(&world, &question) {
                        *used.entry(name).or_default() += 1;
                    }
                }
                Outcome::Refused(code) => *refused.entry(code).or_default() += 1,
                Outcome::Wrong(why) if wrong.len() < TOLD => {
                    let case = (world.clone(), policies.clone(), question);
                    let small = runtime.block_on(shrunk(case, why));
                    wrong.push(format!("seed {seed}.{number}\n{small}"));
                }
                Outcome::Wrong(_) => wrong.push(String::new()),
            }
        }
    }
    eprintln!("{asked} asked, {answered} answered, refused: {refused:?}\nused: {used:?}");
    none_is_wrong("narrowed", &wrong);
    // Much of what is asked is hidden from whoever asks.
    assert!(answered * 4 > asked, "{answered} of {asked} are answered");
}
