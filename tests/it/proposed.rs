//! What refusals propose is answered: the question or the name is taken out of what was told, asked,
//! and has the rows that it must have.

use std::collections::BTreeSet;
use std::fs;

use sandbar_testkit::fixture;

use crate::percentiles::answer;
use crate::traps::world::{Way, engine, session};

/// The codes whose refusals propose something.
const CODES: [&str; 11] = [
    "Q0140", "Q0141", "Q0142", "Q0143", "Q0144", "Q0148", "Q0149", "Q0150", "Q0151", "Q0152",
    "Q0157",
];

/// A file of fixtures/refused, the words that stand before what it proposes, the question in which
/// that is asked (`OPEN` is an object that is not closed yet), and how each answer begins.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const PER: &str =
    r#"{"metrics":["revenue"],"filter":{"metric":"revenue","per":"PROPOSED","op":">","value":1}}"#;
const BY_METRIC: &str =
    r#"{"metrics":["revenue"],"filter":{"metric":"PROPOSED","per":"customer","op":">","value":1}}"#;
const OFFSET: &str =
    r#"{"metrics":[{"name":"revenue","offset":{"unit":"month"}}],"group_by":[PROPOSED]}"#;
const BETWEEN: &str = r#"{"metrics":["budget"],"filter":{"field":"month","op":"between","values":["2024-01-01","PROPOSED"]}}"#;
const LAST: &str =
    r#"{"metrics":["budget"],"filter":{"field":"month","op":"last","count":10,PROPOSED}}"#;
const BOTH: &str = r#"{"metrics":["revenue","visits_of_large"],"group_by":[PROPOSED]}"#;
const METRIC: &str = r#"{"metrics":["PROPOSED"]}"#;
const TABLE: &str = r#"{"table":"PROPOSED","aggregations":["count"]}"#;

/// There is one order of 10 USD, of Ada in the North (country A) and of a store in the South (B),
/// which one return was sent back to; one budget of 100 for January 2026.
const CASES: [Case; 40] = [
    (
        "Q0140-two-ways",
        "write one of ",
        r#"{"metrics":["revenue"],"group_by":["PROPOSED"]}"#,
        &["customer.home.country,revenue\nA,10\n", "store.home.country,revenue\nB,10\n"],
    ),
    (
        "Q0140-beside-another",
        "write ",
        r#"{"metrics":["revenue","sent_back"],"group_by":["PROPOSED"]}"#,
        &["store.home.country,revenue,sent_back\nB,10,1\n"],
    ),
    ("Q0140-rows-of-two-ways", "ask for ", TABLE, &["count\n1\n"]),
    (
        "Q0141-finer",
        "use ",
        r#"{"metrics":["customers_known"],"filter":{"field":"PROPOSED","op":"not_null"}}"#,
        &["customers_known\n1\n"],
    ),
    ("Q0141-finer", "a number of `orders`: ", "PROPOSED", &["status,count\npaid,1\n"]),
    (
        "Q0142-sideways",
        "write one of ",
        r#"{"metrics":["sent_back"],"group_by":["PROPOSED"]}"#,
        &["store.home.name,sent_back\nSouth,1\n", "store.home.country,sent_back\nB,1\n"],
    ),
    // No customer lives in the South.
    (
        "Q0142-sideways",
        "use ",
        r#"{"metrics":["sent_back"],"filter":{"field":"PROPOSED","op":"not_null"}}"#,
        &["sent_back\n0\n"],
    ),
    ("Q0142-sideways", "a number of `customers`: ", "PROPOSED", &["name,count\nAda,1\n"]),
    (
        "Q0142-field-of-one-number",
        "write one of ",
        r#"{"metrics":["revenue","sent_back"],"group_by":["PROPOSED"]}"#,
        &[
            "store.id,revenue,sent_back\n1,10,1\n",
            "store.region,revenue,sent_back\nSouth,10,1\n",
            "store.city,revenue,sent_back\nRome,10,1\n",
        ],
    ),
    (
        "Q0142-field-of-one-number",
        "a number of `orders`: ",
        "PROPOSED",
        &["currency,count\nUSD,1\n"],
    ),
    (
        "Q0142-filter-of-one-number",
        "write one of ",
        r#"{"metrics":["revenue","sent_back"],"filter":{"field":"PROPOSED","op":"not_null"}}"#,
        &["revenue,sent_back\n10,1\n"; 3],
    ),
    (
        "Q0142-filter-of-one-number",
        "a number of `orders`: ",
        "PROPOSED",
        &["currency,count\nUSD,1\n"],
    ),
    (
        "Q0142-field-of-what-it-leads-to",
        "write ",
        r#"{"metrics":["revenue","customers_known"],"group_by":["PROPOSED"]}"#,
        &["customers.name,revenue,customers_known\nAda,10,1\n"],
    ),
    (
        "Q0142-field-of-what-leads-to-it",
        "use ",
        r#"{"metrics":["revenue","customers_known"],"filter":{"field":"PROPOSED","value":"paid"}}"#,
        &["revenue,customers_known\n10,1\n"],
    ),
    (
        "Q0142-field-of-what-leads-to-it",
        "a number of `orders`: ",
        "PROPOSED",
        &["status,count\npaid,1\n"],
    ),
    (
        "Q0143-one-name-for-two-things",
        "ask for ",
        r#"{"metrics":["PROPOSED"],"group_by":["status"]}"#,
        &["status,revenue\npaid,10\n"],
    ),
    (
        "Q0143-one-name-for-two-things",
        "and for ",
        r#"{"metrics":["PROPOSED"],"group_by":["status"]}"#,
        &["status,sent_back\nnew,1\n"],
    ),
    (
        "Q0143-filter-of-two-things",
        "and for ",
        r#"{"metrics":["PROPOSED"],"filter":{"field":"status","value":"new"}}"#,
        &["sent_back\n1\n"],
    ),
    (
        "Q0143-days-and-instants",
        "write ",
        BOTH,
        &["metric_time,revenue,visits_of_large\n2026-01-31,10,1\n"],
    ),
    ("Q0144-no-time", "ask for ", METRIC, &["customers_known\n1\n"]),
    ("Q0148-unknown-entity", "did you mean ", PER, &["revenue\n10\n"]),
    (
        "Q0148-unknown-rows",
        "write ",
        r#"{"metrics":["customers_known"],"filter":{"exists":"PROPOSED"}}"#,
        &["customers_known\n1\n"],
    ),
    ("Q0149-leads-nowhere", "ask for ", METRIC, &["revenue\n10\n"]),
    ("Q0149-no-entity", "ask for ", TABLE, &["count\n1\n"]),
    ("Q0149-number-of-periods", "there is ", BY_METRIC, &["revenue\n10\n"]),
    (
        "Q0150-mixed-units",
        "group by ",
        r#"{"metrics":["paid_in"],"group_by":["PROPOSED"]}"#,
        &["currency,paid_in\nUSD,10\n"],
    ),
    (
        "Q0150-in-a-condition",
        "own, by ",
        r#"{"metrics":["paid_in"],"group_by":["PROPOSED"]}"#,
        &["currency,paid_in\nUSD,10\n"],
    ),
    (
        "Q0151-hours",
        "group by ",
        r#"{"metrics":["so_far"],"group_by":[PROPOSED]}"#,
        &["metric_time,so_far\n2026-01-01,10\n"],
    ),
    ("Q0151-no-time", "ask for ", METRIC, &["customers_known\n1\n"]),
    ("Q0151-of-when", "group by ", OFFSET, &["metric_time,revenue\n"]),
    (
        "Q0151-rows-for-two-grains",
        "group by ",
        r#"{"metrics":["each_day"],"group_by":[PROPOSED]}"#,
        &["metric_time,each_day\n2026-01-01,1\n"],
    ),
    (
        "Q0151-up-to-when",
        "group by ",
        r#"{"metrics":["this_month"],"group_by":[PROPOSED]}"#,
        &["metric_time,this_month\n2026-01-01,10\n"],
    ),
    ("Q0151-weeks-and-months", "group by ", OFFSET, &["metric_time,revenue\n"]),
    ("Q0152-budget-between-days", "write ", BETWEEN, &["budget\n"]),
    (
        "Q0152-budget-of-a-weekday",
        "write ",
        r#"{"metrics":["budget"],"filter":OPEN,"value":"2026-01-01"}}"#,
        &["budget\n100\n"],
    ),
    ("Q0152-budget-of-last-days", "write ", LAST, &["budget\n"]),
    (
        "Q0152-budget-up-to-a-day",
        "write ",
        r#"{"metrics":["budget"],"filter":{"field":"month","op":"<","value":"PROPOSED"}}"#,
        &["budget\n"],
    ),
    (
        "Q0152-days-of-a-budget",
        "write ",
        r#"{"metrics":["budget"],"group_by":[PROPOSED]}"#,
        &["month,budget\n2026-01-01,100\n"],
    ),
    (
        "Q0152-time-of-months",
        "write ",
        r#"{"metrics":["revenue","budget"],"group_by":[PROPOSED]}"#,
        &["metric_time,revenue,budget\n2026-01-01,10,100\n"],
    ),
    (
        "Q0157-two-bridges",
        "ask for `revenue` by ",
        r#"{"metrics":["revenue"],"group_by":["PROPOSED"]}"#,
        &["labels.label,revenue\nnew,10\n"],
    ),
];

/// The names or questions that stand in quotes behind some words.
fn proposed<'m>(message: &'m str, words: &str) -> Vec<&'m str> {
    let (_, mut rest) = message.split_once(words).unwrap_or_else(|| panic!("{message}"));
    let mut found = Vec::new();
    while let Some((name, behind)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        found.push(name);
        rest = behind.strip_prefix(", ").unwrap_or_default();
    }
    found
}

#[tokio::test]
async fn what_a_refusal_proposes_is_answered() {
    let folder = fixture("refused");
    let engine = engine(&folder, Way::Plain).await.unwrap();
    let session = session(&engine, &folder);
    for (file, words, question, answers) in CASES {
        let refused = fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
        let error = session.query_json(&refused).await.err().unwrap();
        let [problem] = error.problems() else { panic!("{file}: {error}") };
        let names = proposed(&problem.message, words);
        assert_eq!(names.len(), answers.len(), "{file}: {}", problem.message);
        for (name, begins) in names.into_iter().zip(answers) {
            let open = name.strip_suffix('}').unwrap_or_default();
            let question = question.replace("PROPOSED", name).replace("OPEN", open);
            let found = answer(&session, &question).await;
            let found = found.unwrap_or_else(|code| panic!("{file}: {question}: {code}"));
            assert!(found.starts_with(begins), "{file}: {question}\n{found}");
        }
    }
}

/// No refusal of these codes is left out above.
#[test]
fn every_refusal_of_what_can_be_asked_otherwise_proposes_something() {
    let files = fs::read_dir(fixture("refused")).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files
        .filter(|file| file.extension().is_some_and(|e| e == "json"))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| CODES.iter().any(|code| name.starts_with(code)))
        .collect();
    let asked: BTreeSet<String> = CASES.iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(files, asked);
}
