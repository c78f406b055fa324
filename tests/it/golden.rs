//! Every question in fixtures/queries, asked by each of the shop's people, gives the committed
//! rows. Those come from SQL written by hand and run by DuckDB (fixtures/oracle), never from here.

use std::fs;

use sandbar::{Engine, ErrorKind};
use sandbar_shop::ASKERS;
use sandbar_testkit::{collected, fixture, principal, shop};

/// What an asker gets: the rows as CSV, or the kind of the error.
async fn answer(engine: &Engine, asker: &sandbar_shop::Asker, query: &str) -> String {
    let session = engine.session(principal(asker));
    match collected(&session, query).await {
        Ok(collected) => collected.to_csv().unwrap(),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::Denied => format!("error: {}\n", error.kind().name()),
            _ => format!("unexpected: {error} {:?}\n", std::error::Error::source(&error)),
        },
    }
}

async fn check_all(engine: &Engine) -> usize {
    let mut differences = Vec::new();
    let mut checked = 0;
    let mut files: Vec<_> =
        fs::read_dir(fixture("queries")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "json")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let query = fs::read_to_string(file).unwrap();
        for asker in &ASKERS {
            let expected = fixture(&format!("golden/{name}.{}.csv", asker.name));
            let expected = fs::read_to_string(&expected).expect("every question has its rows");
            let found = answer(engine, asker, &query).await;
            checked += 1;
            if !same(&found, &expected) {
                differences.push(difference(name, asker.name, &expected, &found));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    checked
}

fn same(found: &str, expected: &str) -> bool {
    found.lines().count() == expected.lines().count()
        && found.lines().zip(expected.lines()).all(|(a, b)| same_line(a, b))
}

/// Equal as text, but for doubles: sums of doubles depend on the order of the rows, so they may
/// differ by 1e-9 of their size. A decimal has at most six digits after the point here, and is
/// compared exactly.
fn same_line(a: &str, b: &str) -> bool {
    let (cells_a, cells_b): (Vec<&str>, Vec<&str>) =
        (a.split(',').collect(), b.split(',').collect());
    a == b
        || cells_a.len() == cells_b.len()
            && cells_a.iter().zip(&cells_b).all(|(x, y)| x == y || same_double(x, y))
}

fn same_double(x: &str, y: &str) -> bool {
    let long = |text: &str| text.split_once('.').is_some_and(|(_, digits)| digits.len() > 6);
    match (x.parse::<f64>(), y.parse::<f64>()) {
        (Ok(a), Ok(b)) if long(x) || long(y) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => false,
    }
}

fn difference(query: &str, asker: &str, expected: &str, found: &str) -> String {
    let lines = expected.lines().zip(found.lines()).enumerate();
    let first = lines
        .filter(|(_, (a, b))| a != b)
        .map(|(n, (a, b))| format!("line {}: {a} ≠ {b}", n + 1))
        .next();
    let sizes = format!("{} lines ≠ {}", expected.lines().count(), found.lines().count());
    format!("  {query} as {asker}: {}", first.unwrap_or(sizes))
}

#[tokio::test]
async fn every_question_gives_each_person_the_golden_rows_from_memory() {
    let engine = shop().build().await.unwrap();
    assert!(check_all(&engine).await >= 28 * ASKERS.len());
}

#[tokio::test]
async fn every_question_gives_each_person_the_golden_rows_from_parquet() {
    let folder = tempfile::tempdir().unwrap();
    sandbar_shop::Shop::generate().unwrap().write_parquet(folder.path()).unwrap();
    let today = sandbar_testkit::instant_of_day(sandbar_shop::ANCHOR + 1);
    let engine = Engine::builder()
        .model(sandbar_shop::MODEL_NAME, sandbar_shop::MODEL)
        .policies(sandbar_shop::POLICIES_NAME, sandbar_shop::POLICIES)
        .base_dir(folder.path())
        .clock(move || today)
        .build()
        .await
        .unwrap();
    assert!(check_all(&engine).await >= 28 * ASKERS.len());
}
