//! Questions that are refused: each of fixtures/refused with the code in its name, the place, and
//! words that help.

use std::fs;
use std::path::PathBuf;

use sandbar_testkit::fixture;

use crate::traps::world::{Way, engine, session};

fn questions() -> Vec<PathBuf> {
    let files = fs::read_dir(fixture("refused")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_refusal_has_its_code_and_place_and_says_what_is_wrong() {
    let folder = fixture("refused");
    let engine = engine(&folder, Way::Plain).await.unwrap();
    let session = session(&engine, &folder);
    let mut wrong = Vec::new();
    for file in questions() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let told = match session.query_json(&text).await {
            Ok(_) => "answered".to_owned(),
            Err(error) => {
                let problems = error.problems().iter();
                let lines = problems.map(|p| format!("{} {}: {}\n", p.code, p.path, p.message));
                let lines: String = lines.collect();
                if lines.is_empty() { format!("{} {error}\n", error.code()) } else { lines }
            }
        };
        let expected = fs::read_to_string(file.with_extension("told")).unwrap_or_default();
        let code = name.split('-').next().unwrap();
        if told != expected || !told.starts_with(&format!("{code} ")) {
            wrong.push(format!("{name}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every code of a question stands in some file of the folder, or where the test that provokes it
/// is named here.
#[test]
fn every_code_of_a_question_is_provoked() {
    // What it takes is too large, or another clock, for a file.
    let elsewhere =
        ["Q0104", "Q0111", "Q0116", "Q0119", "Q0122", "Q0123", "Q0130", "Q0131", "Q0134", "Q0135"];
    let errors = fs::read_to_string(fixture("../docs/errors.md")).unwrap();
    let codes = errors.lines().filter_map(|line| line.strip_prefix("## Q"));
    let codes: Vec<String> =
        codes.map(|rest| format!("Q{}", rest.split(':').next().unwrap())).collect();
    assert!(codes.len() >= 45);
    let names: Vec<String> = questions()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for code in codes.iter().filter(|code| !elsewhere.contains(&code.as_str())) {
        assert!(names.iter().any(|name| name.starts_with(code.as_str())), "{code}");
    }
}
