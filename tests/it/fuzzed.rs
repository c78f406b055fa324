//! Every door that reads what others have written, given what nobody should write: no door panics,
//! every refusal says what is wrong and where, and none tells of a secret. The doors stand in
//! `sandbar_testkit::fuzzed`, where fuzzers (`fuzz/`) find them too.
//!
//! `SANDBAR_CASES` says how many texts each door is given, `SANDBAR_SEED` which is the first. Texts
//! that a door fails on are kept in `target/tmp/fuzzed`.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::thread;

use sandbar_testkit::fuzzed::{DOORS, corpus, mutated};
use sandbar_testkit::generate::Random;

use crate::generated::setting;

/// As much as threads that answer questions should have.
const STACK: usize = 8 << 20;

/// Gives a door texts that are almost right.
fn check(name: &'static str, cases: u64) {
    let work = move || {
        let door = DOORS.iter().find(|door| door.name == name).expect("it is a door");
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "`{name}` has nothing to start from");
        // What is committed comes as it is: all that was once found is in there.
        let given = corpus.iter().cloned().map(|text| ("corpus".to_owned(), text));
        let first = setting("SANDBAR_SEED", 1);
        let seeds = first..first + setting("SANDBAR_CASES", cases);
        let mutations = seeds.map(|seed| {
            let text = mutated(&mut Random::new(seed), &corpus);
            (format!("seed {seed}"), text)
        });
        for (origin, text) in given.chain(mutations) {
            // Aborts leave the text behind as well as panics do.
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzzed");
            std::fs::create_dir_all(&kept).unwrap();
            let kept = kept.join(name);
            if setting("SANDBAR_CASES", cases) > cases {
                std::fs::write(&kept, &text).unwrap();
            }
            let opened = std::panic::catch_unwind(AssertUnwindSafe(|| (door.open)(&text)));
            if opened.is_err() {
                std::fs::write(&kept, &text).unwrap();
                panic!("`{name}` fails on {origin}, kept in {}", kept.display());
            }
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn questions() {
    check("query", 500);
}

#[test]
fn models() {
    check("model", 60);
}

#[test]
fn policies() {
    check("policies", 80);
}

#[test]
fn cases_of_policies() {
    check("cases", 80);
}

#[test]
fn tokens() {
    check("token", 3_000);
}

#[test]
fn claims() {
    check("claims", 3_000);
}

#[test]
fn keys() {
    check("keys", 1_000);
}

#[test]
fn people() {
    check("people", 500);
}

#[test]
fn bodies_of_requests() {
    check("body", 150);
}

#[test]
fn what_is_handed_out() {
    check("sealed", 300);
}
