//! What is held against a refusal: that the evaluator has an answer, and that whoever asks where
//! nothing is hidden, because it is not there, is refused in the same words.

use sandbar::{Error, ErrorKind, Session};
use sandbar_testkit::generate::{constructs, json};
use sandbar_testkit::reference::{Question, World};

/// A question calculates values of its rows, whether it goes by them or not.
const CALCULATES: &str = "calculates";
/// It calculates what the model does of something that is hidden.
const CALCULATES_HIDDEN: &str = "calculates of what is hidden";

/// Whatever the question makes use of.
const ALWAYS: &[&str] = &[];

/// The codes with which questions are refused that the evaluator answers, each with what such a
/// question makes use of: one of these, if there are any.
const DELIBERATE: [(&str, &[&str]); 17] = [
    // A name in what the question calculates. To the evaluator what it does not go by is not there.
    ("Q0103", &[CALCULATES_HIDDEN]),
    ("Q0105", &[CALCULATES_HIDDEN]),
    // Over masked keys. The evaluator knows each row by its stored key.
    ("Q0111", &["derived metric", "derived table"]),
    // A number of texts or times, as an answer may have them. The evaluator adds nothing up.
    ("Q0127", &["from"]),
    // A test or a value of another type than that of what the name is of in some table. To the
    // evaluator no two such values are equal, and none is ordered.
    ("Q0133", ALWAYS),
    ("Q0136", ALWAYS),
    // The first day of a week of the model, which for the asker is another one.
    ("Q0137", &["asked week start"]),
    // A name in conditions that is a field of several tables, or times of two types together. The
    // evaluator looks a condition's names up from each table by itself.
    ("Q0143", &["derived", "measure beside metrics", "ratio", "several metrics"]),
    // The difference of two texts or times. To the evaluator it is missing.
    ("Q0145", &["compare"]),
    // Rows that cannot be told apart. The evaluator has a key for all of them.
    ("Q0149", &["filter metric", "filter metric per"]),
    // A list that names one value twice, or a calculation of the question's own that is that of the
    // required field: nobody but the evaluator knows that they are the same.
    ("Q0150", &[CALCULATES, "in"]),
    // Periods that are none where they are moved, as weeks by months, and what the question
    // calculates of a time. The evaluator moves days.
    ("Q0151", &["asked offset", "calculated by the question", "input offset"]),
    // A condition on the time that is no stretch of days, beside numbers of other times. The
    // evaluator looks at the rows' own time.
    ("Q0153", &["all time", "asked offset", "input offset", "to date", "trailing"]),
    // A share of what is no number, and totals that were widened until one stood twice.
    ("Q0155", &["requires", "shares"]),
    // Bins of texts or times, as an answer may have them, or another table under that name.
    ("Q0158", ALWAYS),
    // What the question calculates of rows that are told in groups, or beside them.
    ("Q0160", &[CALCULATES]),
    // The days of the model in another zone. The evaluator counts as the model does.
    ("Q0163", &["asked zone"]),
];

/// Whether a question is refused before any row is looked at. What is asked here fails on none.
pub(super) fn is_refusal(error: &Error) -> bool {
    let kinds = [ErrorKind::InvalidQuery, ErrorKind::NotFound, ErrorKind::Denied];
    kinds.contains(&error.kind()) && error.code().starts_with('Q')
}

fn calculates_hidden(world: &World, question: &Question) -> bool {
    let columns = || world.tables.iter().flat_map(|table| &table.columns);
    let is_hidden = |name: &String| columns().any(|column| column.hidden && column.name == *name);
    question.calculated.iter().any(|(name, _)| is_hidden(name))
        || question.from.as_ref().is_some_and(|inner| calculates_hidden(world, inner))
}

/// Whether a question is refused with this code although it has an answer.
pub(super) fn is_deliberate(code: &str, world: &World, question: &Question) -> bool {
    let mut used = constructs(world, question);
    used.extend(json(question).contains("\"calculated\":").then_some(CALCULATES));
    used.extend(calculates_hidden(world, question).then_some(CALCULATES_HIDDEN));
    let makes_use = |of: &&str| used.contains(of);
    DELIBERATE
        .iter()
        .any(|(known, of)| *known == code && (of.is_empty() || of.iter().any(makes_use)))
}

/// All that an asker is told of a refusal.
pub(super) fn words(error: &Error) -> String {
    format!("{:?} {} {error} {:?}\n", error.kind(), error.code(), error.problems())
}

/// What else is said where what is hidden is not there, to whom a question was refused in these
/// words.
///
/// Whether rows of a derived table can be told apart goes by which rows of the tables below he sees,
/// of which other ones are there.
pub(super) async fn otherwise(bare: &Session, question: &Question, told: &str) -> Option<String> {
    if told.contains("Q0111") {
        return None;
    }
    let other = match bare.query_json(&json(question)).await {
        Ok(_) => "there is an answer\n".to_owned(),
        Err(error) => words(&error),
    };
    (other != told)
        .then(|| format!("told otherwise: refused with\n{told}without what is hidden:\n{other}"))
}
