//! The traps of fixtures/traps: questions to which a careless semantic layer gives a wrong number
//! without a word.
//!
//! Each folder has a model, its tables, questions and their rows, and as `NAME.naive` what a careless
//! planner answers to the question of that name. Every question is asked four ways (as it is, without
//! the optimiser, over shuffled partitions, under a policy that is always true) and has to give the
//! same rows each time.

pub(crate) mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sandbar::{Engine, Session};
use sandbar_testkit::csv;
use sandbar_testkit::rows::{Rows, same_rows};
use world::{Way, engine, session};

/// One folder.
struct Trap {
    id: String,
    folder: PathBuf,
    /// Each question with its rows, or with `error:` and the code that refuses it.
    questions: BTreeMap<String, (String, String)>,
    /// What a careless planner answers, by the names of the questions.
    naive: BTreeMap<String, String>,
}

fn traps() -> Vec<Trap> {
    let folders = fs::read_dir(sandbar_testkit::fixture("traps")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let read = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let id = name.split('-').next().unwrap().to_owned();
        let text = |name: &str| fs::read_to_string(folder.join(name));
        let (mut questions, mut naive) = (BTreeMap::new(), BTreeMap::new());
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("json") if stem != "attributes" => {
                    let rows = text(&format!("{stem}.rows")).expect("every question has its rows");
                    questions.insert(stem.clone(), (text(&format!("{stem}.json")).unwrap(), rows));
                }
                Some("naive") => {
                    naive.insert(stem.clone(), text(&format!("{stem}.naive")).unwrap());
                }
                _ => {}
            }
        }
        Trap { id, folder, questions, naive }
    };
    folders.into_iter().map(read).collect()
}

async fn answer(session: &Session, query: &str) -> String {
    csv(session, query).await.unwrap_or_else(|told| format!("error: {told}"))
}

fn fits(found: &str, expected: &str) -> bool {
    match expected.strip_prefix("error: ") {
        Some(code) => found.starts_with(&format!("error: {} ", code.trim())),
        None => same_rows(&Rows::read(found), &Rows::read(expected)),
    }
}

#[tokio::test]
async fn every_trap_has_the_right_rows_in_four_ways() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    let traps = traps();
    assert_eq!(traps.len(), 65);
    for trap in &traps {
        assert!(!trap.questions.is_empty(), "{}", trap.id);
        for way in Way::ALL {
            let engine: Engine = match engine(&trap.folder, way).await {
                Ok(engine) => engine,
                Err(error) => {
                    wrong.push(format!("{} {way:?}: {error}", trap.id));
                    continue;
                }
            };
            let session = session(&engine, &trap.folder);
            for (name, (query, expected)) in &trap.questions {
                let found = answer(&session, query).await;
                asked += 1;
                if !fits(&found, expected) {
                    wrong.push(format!("{} {name} {way:?}: {found}", trap.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked >= 4 * 65);
}

/// The check of the check: what a careless planner answers is told apart from what is right, in
/// every folder.
#[test]
fn a_careless_answer_is_recognised() {
    // The largest amount is the same either way, and must not be refused. Of hidden customers the
    // orders stay, unless a policy says otherwise.
    let harmless = ["F10", "P3"];
    let (mut compared, mut refused) = (0, 0);
    for trap in traps() {
        assert!(!trap.naive.is_empty(), "{} has no careless answer", trap.id);
        for (name, naive) in &trap.naive {
            let about = format!("{} {name}: {naive}", trap.id);
            let (_, expected) = trap.questions.get(name).expect(&about);
            let right = fits(naive, expected);
            assert_eq!(right, harmless.contains(&trap.id.as_str()), "{about}");
            if expected.starts_with("error: ") {
                // Rows where a refusal is due: whatever is in them is wrong.
                assert!(!naive.starts_with("error"), "{about}");
                refused += 1;
            } else {
                // Other columns would be told apart by their names alone.
                assert_eq!(Rows::read(naive).head, Rows::read(expected).head, "{about}");
                compared += 1;
            }
        }
    }
    assert_eq!((compared, refused), (61, 6));
}
