//! L3, L9, L10, L48: names that are almost those of hidden things, and numbers around theirs. Two
//! engines, one whose model has the things and hides them and one whose model lacks them, say the
//! same of each, to the byte.
//!
//! `SANDBAR_CASES` says how many names there are, `SANDBAR_SEED` which is the first.

use std::fmt::Debug;

use sandbar::{Error, SemanticQuery, Session};
use sandbar_testkit::generate::Random;

use super::hidden::{all_of, engine, session};
use crate::generated::setting;

/// How many names are tried.
const SPELLINGS: u64 = 2_000;

const FIELD: &[&str] = &[
    r#"{"table":"staff","fields":["id","NAME"]}"#,
    r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","op":"is_null"}}"#,
    r#"{"table":"staff","fields":["id"],"order_by":["NAME"]}"#,
    r#"{"table":"staff","group_by":["NAME"],"aggregations":["count"]}"#,
    r#"{"table":"staff","aggregations":[{"function":"sum","field":"NAME"}]}"#,
    r#"{"metrics":["all_waste"],"group_by":["NAME"]}"#,
];
const SEGMENT: &[&str] = &[
    r#"{"table":"staff","fields":["id"],"segments":["NAME"]}"#,
    r#"{"metrics":["all_waste"],"filter":{"not":{"segment":"NAME"}}}"#,
];
const MEASURE: &[&str] = &[r#"{"table":"staff","group_by":["team"],"measures":["NAME"]}"#];
const METRIC: &[&str] = &[
    r#"{"metrics":["NAME"]}"#,
    r#"{"metrics":["all_waste","NAME"],"group_by":["team"]}"#,
    r#"{"metrics":["all_waste"],"order_by":["NAME"]}"#,
];
const TABLE: &[&str] =
    &[r#"{"table":"NAME","fields":["result"]}"#, r#"{"table":"NAME","aggregations":["count"]}"#];

/// What is hidden, and the questions that name such a thing.
const HIDDEN: [(&str, &[&str]); 11] = [
    ("wage", FIELD),
    ("bonus", FIELD),
    ("bonus_of_boss", FIELD),
    ("boss.wage", FIELD),
    ("boss.bonus", FIELD),
    ("audit", FIELD),
    ("audit.result", FIELD),
    ("rich", SEGMENT),
    ("mean_wage", MEASURE),
    ("payroll", METRIC),
    ("audits", TABLE),
];

/// Letters of other alphabets that look like ours.
const ALIKE: [(char, char); 9] = [
    ('a', '\u{430}'),
    ('c', '\u{441}'),
    ('e', '\u{435}'),
    ('i', '\u{131}'),
    ('l', '\u{4cf}'),
    ('o', '\u{3bf}'),
    ('p', '\u{440}'),
    ('s', '\u{455}'),
    ('w', '\u{461}'),
];
/// What joins the letter before it, or is not seen: an accent, a joiner, a blank.
const MARKS: [char; 3] = ['\u{301}', '\u{200d}', '\u{a0}'];
/// What stands in such names.
const LETTERS: [char; 8] = ['a', 'd', 'e', 's', 't', '_', '.', '1'];

/// A name with up to two changes.
fn spelled(random: &mut Random, name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    for _ in 0..random.below(3) {
        let at = random.below(letters.len());
        let letter = letters[at];
        match random.below(8) {
            0 if letters.len() > 1 => {
                letters.remove(at);
            }
            1 => letters.insert(at, letter),
            2 if at > 0 => letters.swap(at - 1, at),
            3 if letter.is_ascii_lowercase() => letters[at] = letter.to_ascii_uppercase(),
            3 => letters[at] = letter.to_ascii_lowercase(),
            4 => {
                let other = ALIKE.iter().find(|(ours, _)| *ours == letter);
                letters[at] = other.map_or(letter, |(_, other)| *other);
            }
            // As wide as letters of the east.
            5 if letter.is_ascii_graphic() => {
                letters[at] = char::from_u32(u32::from(letter) + 0xfee0).unwrap();
            }
            6 => letters.insert(at + 1, *random.pick(&MARKS)),
            _ => letters[at] = *random.pick(&LETTERS),
        }
    }
    letters.into_iter().collect()
}

fn shown<T: Debug>(told: Result<T, Error>) -> String {
    format!("{:?}", told.map_err(|error| all_of(&error)))
}

/// Whether a question can be asked, and what is told of it.
fn checked(session: &Session, question: &str) -> String {
    match SemanticQuery::from_json(question) {
        Ok(query) => shown(session.check(&query)),
        Err(problems) => format!("Err({problems:?})"),
    }
}

/// Whatever takes a name: a question, both descriptions, the search.
fn all_told(session: &Session, question: &str, name: &str) -> [String; 4] {
    [
        checked(session, question),
        shown(session.describe_table(name)),
        shown(session.describe_metric(name)),
        shown(session.search(name)),
    ]
}

#[tokio::test]
async fn l3_l8_l9_l48_what_is_almost_a_hidden_name_is_told_as_if_there_were_none() {
    let (with, without) = (engine(true).await, engine(false).await);
    let chief = session(&with, "chiefs");
    for (name, questions) in HIDDEN {
        // They are the names of real things, for somebody else; what leads to a table is no field.
        let question = questions[0].replace("NAME", name);
        assert_eq!(checked(&chief, &question).starts_with("Ok"), name != "audit", "{question}");
    }
    let (with, without) = (session(&with, "staff"), session(&without, "staff"));
    let (cases, first) = (setting("SANDBAR_CASES", SPELLINGS), setting("SANDBAR_SEED", 1));
    let mut refused = 0;
    for seed in first..first + cases {
        let mut random = Random::new(seed);
        let (name, questions) = *random.pick(&HIDDEN);
        let question = *random.pick(questions);
        let name = spelled(&mut random, name);
        let quoted = serde_json::to_string(&name).unwrap();
        let question = question.replace("\"NAME\"", &quoted);
        let hidden = all_told(&with, &question, &name);
        assert_eq!(hidden, all_told(&without, &question, &name), "seed {seed}: {question}");
        refused += u64::from(hidden[0].starts_with("Err"));
    }
    // Now and then a change makes the name of something that is shown.
    assert!(refused * 100 >= cases * 95, "only {refused} of {cases} are refused");
}

#[tokio::test]
async fn l10_numbers_around_hidden_ones_lead_nowhere() {
    let (with, without) = (engine(true).await, engine(false).await);
    let chief = session(&with, "chiefs");
    let table = chief.describe_table("audits").unwrap().id;
    let metric = chief.describe_metric("payroll").unwrap().id;
    assert_eq!(chief.describe_table(&table.to_string()).unwrap().name, "audits");
    assert_eq!(chief.describe_metric(&metric.to_string()).unwrap().name, "payroll");
    let (with, without) = (session(&with, "staff"), session(&without, "staff"));
    let around = |id: u64| id.saturating_sub(4_000)..=id + 4_000;
    let mut tried = 0;
    for id in around(table).chain(around(metric)).chain(0..=4_000) {
        let id = id.to_string();
        let tables = [&with, &without].map(|session| shown(session.describe_table(&id)));
        let metrics = [&with, &without].map(|session| shown(session.describe_metric(&id)));
        assert_eq!(tables[0], tables[1], "{id}");
        assert_eq!(metrics[0], metrics[1], "{id}");
        assert!(tables[0].starts_with("Err") && metrics[0].starts_with("Err"), "{id} is there");
        tried += 1;
    }
    assert!(tried > 20_000, "{tried}");
}
