//! The examples of the manual: each YAML and JSON block of the pages on models, policies and
//! questions is read as a host would read it, and each question is asked. The Rust blocks are doc
//! tests of this package; `builders.rs` holds questions in Rust to those in JSON.

use sandbar::{Definitions, PolicyCases, PolicyDefinitions, SemanticQuery};
use sandbar_shop::ASKERS;
use sandbar_testkit::{csv, fixture, principal, shop};

use crate::traps::world;

/// A fenced block of a page, and the line that opens it.
pub struct Block {
    pub language: String,
    pub line: usize,
    pub text: String,
}

impl Block {
    /// The trap whose tables a question is asked of, instead of the shop's.
    fn trap(&self) -> Option<&str> {
        self.language.strip_prefix("json ")
    }

    pub fn is_question(&self) -> bool {
        self.language == "json" || self.trap().is_some()
    }
}

pub fn page(name: &str) -> String {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
    std::fs::read_to_string(format!("{docs}/{name}")).unwrap()
}

pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => {
                let language = language.to_owned();
                open = Some(Block { language, line: index + 1, text: String::new() });
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The text inside of a frame: lines of keys, each two deeper than the one before.
fn framed(text: &str, frame: &[&str]) -> String {
    let mut framed = String::new();
    for (depth, key) in frame.iter().enumerate() {
        framed.push_str(&format!("{}{key}\n", "  ".repeat(depth)));
    }
    for line in text.lines() {
        framed.push_str(&format!("{}{line}\n", "  ".repeat(frame.len())));
    }
    framed
}

/// What is wrong with a block in the frame that it fits best; nothing if it can be read in one.
fn problems(text: &str, frames: &[&[&str]], read: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let found = frames.iter().map(|frame| read(&framed(text, frame)));
    found.min_by_key(Vec::len).unwrap_or_default()
}

fn model(text: &str) -> Vec<String> {
    let frames: [&[&str]; 4] = [
        &[],
        &["tables:", "example:"],
        &["metrics:", "example:"],
        &["tables:", "example:", "fields:"],
    ];
    problems(text, &frames, |text| {
        let report = Definitions::from_yaml_str("docs", text).problems();
        report.findings().iter().map(ToString::to_string).collect()
    })
}

/// A block of the page on policies: policies, or cases that they are tested with.
fn policies(text: &str) -> Vec<String> {
    if text.lines().any(|line| line == "cases:") {
        let report = PolicyCases::from_yaml([sandbar::SourceText::new("docs", text)]).problems();
        return report.findings().iter().map(ToString::to_string).collect();
    }
    let frames: [&[&str]; 3] =
        [&[], &["policies:", "example:"], &["policies:", "example:", "grant:"]];
    problems(text, &frames, |text| {
        let text = sandbar::SourceText::new("docs", text);
        let report = PolicyDefinitions::from_yaml([text]).problems();
        report.findings().iter().map(ToString::to_string).collect()
    })
}

fn people(text: &str) -> Vec<String> {
    match sandbar::read_people(&sandbar::SourceText::new("docs", text)) {
        Ok(_) => Vec::new(),
        Err(report) => report.findings().iter().map(ToString::to_string).collect(),
    }
}

fn question(text: &str) -> Vec<String> {
    match SemanticQuery::from_json(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Reads every block of one language on a page, of which there are at least so many.
fn check(name: &str, language: &str, least: usize, read: fn(&str) -> Vec<String>) {
    let blocks = blocks(&page(name));
    let blocks: Vec<&Block> = blocks.iter().filter(|b| b.language == language).collect();
    assert!(blocks.len() >= least, "{name} has {} blocks of {language}", blocks.len());
    let mut wrong = Vec::new();
    for block in blocks {
        let found = if block.text.trim().is_empty() {
            vec!["nothing is shown".to_owned()]
        } else {
            read(&block.text)
        };
        wrong.extend(found.iter().map(|what| format!("docs/{name}:{}: {what}", block.line)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_of_models_can_be_read() {
    check("model.md", "yaml", 9, model);
}

#[test]
fn examples_of_policies_can_be_read() {
    check("policies.md", "yaml", 5, policies);
}

#[test]
fn examples_of_people_can_be_read() {
    check("auth.md", "yaml", 1, people);
}

#[test]
fn examples_of_questions_can_be_read() {
    check("query.md", "json", 10, question);
}

/// The rows behind a question are those of its answer, and `…` stands for what is left of them.
/// DuckDB gives them too (`.ci/sqltext`).
#[tokio::test]
async fn questions_of_the_manual_have_the_rows_that_it_shows() {
    let engine = shop().build().await.unwrap();
    let ana = engine.session(principal(&ASKERS[0]));
    let blocks = blocks(&page("query.md"));
    let (mut asked, mut wrong) = (0, Vec::new());
    for (index, block) in blocks.iter().enumerate().filter(|(_, b)| b.is_question()) {
        asked += 1;
        let session = match block.trap() {
            Some(trap) => {
                let folder = fixture("traps").join(trap);
                let engine = world::engine(&folder, world::Way::Plain).await.unwrap();
                world::session(&engine, &folder)
            }
            None => ana.clone(),
        };
        let shown = blocks.iter().skip(index + 1).find(|b| b.language != "rust");
        let shown = shown.filter(|b| b.language == "csv").map_or("", |b| b.text.as_str());
        let found = csv(&session, &block.text).await.unwrap_or_else(|told| told);
        let right = match shown.strip_suffix("…\n") {
            Some(first) => found.starts_with(first) && found.len() > first.len(),
            None => found == shown,
        };
        if !right || shown.is_empty() {
            let first: Vec<&str> = found.lines().take(5).collect();
            wrong.push(format!("docs/query.md:{}:\n{}", block.line, first.join("\n")));
        }
    }
    assert!(asked >= 29, "{asked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_block_is_read_by_something() {
    let read =
        [("model.md", "yaml"), ("policies.md", "yaml"), ("query.md", "json"), ("auth.md", "yaml")];
    for (name, language) in read {
        for block in blocks(&page(name)) {
            // `text` is what is shown only; `rust` is compiled and run, see src/lib.rs.
            let known = [language, "rust", "text", "csv"].contains(&block.language.as_str())
                || (name == "query.md" && block.is_question());
            assert!(known, "docs/{name}:{}: a block of `{}`", block.line, block.language);
        }
    }
}

#[test]
fn the_line_that_names_a_schema_leads_to_it() {
    let shop = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/shop");
    let mut lines =
        vec![page("model.md").lines().find(|l| l.contains("$schema=")).unwrap().to_owned()];
    for name in ["model.yaml", "policies.yaml", "cases.yaml"] {
        let text = std::fs::read_to_string(shop.join(name)).unwrap();
        lines.push(text.lines().next().unwrap().to_owned());
    }
    for line in lines {
        let path = line.strip_prefix("# yaml-language-server: $schema=").expect(&line);
        let schema = std::fs::read_to_string(shop.join(path)).expect(path);
        assert!(schema.contains("json-schema.org/draft/2020-12"), "{path}");
    }
}

#[test]
fn the_reader_has_teeth() {
    assert!(model("tables: { t: { fields: { id: {} } } }").is_empty());
    assert!(model("segments: { west: { where: a = 1 } }").is_empty());
    assert!(!model("segments: { west: { when: a = 1 } }").is_empty());
    assert!(!model("tables: { t: { feilds: {} } }").is_empty());
    assert!(policies("masks: { email: hash }").is_empty());
    assert!(!policies("masks: { email: hush }").is_empty());
    assert!(policies("cases:\n  x: { as: {}, hidden: [a] }").is_empty());
    assert!(!policies("cases:\n  x: { as: {}, hiden: [a] }").is_empty());
    assert!(people("people: { a@shop.test: { active: false } }").is_empty());
    assert!(!people("people: { a@shop.test: { activ: false } }").is_empty());
    assert!(question(r#"{ "metrics": ["a"] }"#).is_empty());
    assert!(!question(r#"{ "metric": ["a"] }"#).is_empty());
    assert_eq!(blocks("```yaml\na: 1\n```\n\n```\nb\n```").len(), 2);
}
