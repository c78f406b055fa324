//! Questions that are refused: each of fixtures/refused with the code in its name, the place, and
//! words that help.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use sandbar::query::{Op, RelativeUnit, Value};
use sandbar::{Aggregation, Engine, ErrorKind, Filter, SemanticQuery};
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

/// A question that is refused with this code alone.
async fn check(engine: &Engine, query: &SemanticQuery, code: &str) {
    let error = session(engine, &fixture("refused")).query(query).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, code), "{error}");
}

/// No file of the folder has values of a type that the language does not know.
#[tokio::test]
async fn q0123_values_that_cannot_be_grouped() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"a".as_slice(), b"b".as_slice()]));
    let engine = Engine::builder()
        .model("model.yaml", "tables: { orders: { fields: { picture: {} } } }")
        .policies("policies.yaml", PICTURES)
        .batches("orders", vec![RecordBatch::try_from_iter([("picture", bytes)]).unwrap()])
        .build()
        .await
        .unwrap();
    let count = SemanticQuery::table("orders").aggregate(Aggregation::new("count"));
    check(&engine, &count.group_by("picture"), "Q0123").await;
    let listed = SemanticQuery::table("orders").field("picture");
    let again = SemanticQuery::from_answer(listed).aggregate(Aggregation::new("count"));
    check(&engine, &again.group_by("picture"), "Q0123").await;
}

const PICTURES: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [orders] } } }
";

/// JSON has no count that leads so far.
#[tokio::test]
async fn q0134_a_stretch_of_time_that_leaves_the_calendar() {
    let engine = engine(&fixture("refused"), Way::Plain).await.unwrap();
    let long = Filter::previous("paid_on", 20_000, RelativeUnit::Year);
    check(&engine, &SemanticQuery::metric("revenue").filter(long), "Q0134").await;
}

/// JSON of that kind is not read.
#[tokio::test]
async fn q0133_nothing_beside_a_test_is_passed_over() {
    let engine = engine(&fixture("refused"), Way::Plain).await.unwrap();
    let values = |numbers: &[i64]| numbers.iter().map(|n| (*n).into()).collect::<Vec<Value>>();
    let case = |op: Op, value: &str| Filter::Field {
        field: "status".to_owned().into(),
        grain: None,
        op,
        values: vec![value.into()],
        case_sensitive: true,
    };
    let wrong = [
        Filter::with("total", Op::Gt, values(&[1, 2])),
        Filter::with("total", Op::Eq, values(&[])),
        Filter::with("total", Op::Between, values(&[1, 2, 3])),
        Filter::with("total", Op::IsNull, values(&[1])),
        Filter::with("status", Op::Contains, values(&[])),
        Filter::with("paid_on", Op::Last, values(&[])),
        case(Op::Eq, "paid"),
        Filter::Relative {
            field: "paid_on".to_owned().into(),
            op: Op::This,
            count: 2,
            unit: RelativeUnit::Month,
        },
        Filter::Metric {
            metric: "orders_paid".to_owned().into(),
            per: Some("customer".to_owned().into()),
            op: Op::GtEq,
            values: values(&[1, 2]),
        },
    ];
    for filter in wrong {
        check(&engine, &SemanticQuery::metric("revenue").filter(filter), "Q0133").await;
    }
    let right = SemanticQuery::metric("revenue").filter(case(Op::StartsWith, "pai"));
    assert!(session(&engine, &fixture("refused")).query(&right).await.is_ok());
}

/// The codes for which it takes more than a file of the folder: the test that provokes each, and the
/// file of it.
const ELSEWHERE: [(&str, &str, &str); 8] = [
    (
        "Q0104",
        "engine/derived.rs",
        "who_may_not_see_all_that_a_derived_table_reads_does_not_see_it",
    ),
    ("Q0116", "engine/forms.rs", "q0116_thirty_two_tables"),
    ("Q0119", "engine/forms.rs", "q0119_two_hundred_and_fifty_six_columns"),
    ("Q0123", "refused.rs", "q0123_values_that_cannot_be_grouped"),
    ("Q0130", "engine/forms.rs", "q0130_thirty_two_levels_of_conditions"),
    ("Q0131", "engine/forms.rs", "q0131_a_thousand_conditions"),
    ("Q0134", "refused.rs", "q0134_a_stretch_of_time_that_leaves_the_calendar"),
    ("Q0135", "engine/forms.rs", "q0135_ten_thousand_values"),
];

/// Every code of a question stands in some file of the folder, or in the test that is named here.
#[test]
fn every_code_of_a_question_is_provoked() {
    let errors = fs::read_to_string(fixture("../docs/errors.md")).unwrap();
    let codes = errors.lines().filter_map(|line| line.strip_prefix("## Q"));
    let codes: Vec<String> =
        codes.map(|rest| format!("Q{}", rest.split(':').next().unwrap())).collect();
    assert!(codes.len() >= 45);
    let names: Vec<String> = questions()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for code in &codes {
        let here = names.iter().any(|name| name.starts_with(code.as_str()));
        let elsewhere = ELSEWHERE.iter().any(|(of, ..)| of == code);
        assert!(here != elsewhere, "{code}: in a file {here}, in a test {elsewhere}");
    }
    for (code, file, test) in ELSEWHERE {
        assert!(codes.iter().any(|known| known == code), "{code}");
        let source = fs::read_to_string(fixture(&format!("../tests/it/{file}"))).unwrap();
        let (before, after) = source
            .split_once(&format!("\nasync fn {test}() {{\n"))
            .unwrap_or_else(|| panic!("{code}: {file} has no {test}"));
        assert!(before.ends_with("#[tokio::test]"), "{test}");
        let body = after.split("\n}\n").next().unwrap();
        assert!(body.contains(&format!("\"{code}\"")), "{test} does not ask for {code}");
    }
}
