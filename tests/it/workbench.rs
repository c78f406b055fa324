//! The workbench of whoever writes policies: cases, differences, and what policies leave open.
//!
//! What is expected was counted by hand from the rows below; the shop's cases say themselves where
//! their numbers come from.

mod propagated;

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use sandbar::{
    Administrator, DiffSamples, Engine, Limits, Model, PolicyCases, PolicyDefinitions, Principal,
    SourceText,
};
use sandbar_shop::{CASES, CASES_NAME, MODEL, MODEL_NAME, POLICIES, POLICIES_NAME};
use sandbar_testkit::shop;

const PARKS: &str = "
tables:
  trees:
    primary_key: [id]
    fields: { id: {}, park: {}, kind: {}, value: {}, height: {} }
    relationships: { in: { to: parks, on: { park: name }, cardinality: many_to_one } }
  parks: { primary_key: [name], fields: { name: {}, city: {} } }
metrics:
  trees_planted: { table: trees, expr: count(*) }
  worth: { table: trees, expr: sum(value) }
  mean_height: { table: trees, expr: avg(height) }
";
const RULES: &str = "
attributes: { park: { type: text }, cities: { type: text, list: true } }
groups: { wardens: {}, council: {}, public: {} }
policies:
  own_park:
    groups: [wardens]
    grant: { tables: [trees], rows: park = attribute.park, fields: { except: [value] } }
  own_cities: { groups: [council], grant: { tables: [trees], rows: in.city in (attribute.cities) } }
  parks: { groups: [wardens, council], grant: { tables: [parks] } }
  names: { groups: [public], grant: { tables: [parks], fields: { only: [name] }, level: describe } }
";

/// Five trees: 1 and 2 in the elm park (city of Ash), 3 and 4 in the fig park (of Birch), 5 nowhere.
async fn parks() -> Engine {
    let texts =
        |texts: &[Option<&str>]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let value = Decimal128Array::from(vec![1_050, 200, 300, 45, 5]).with_precision_and_scale(10, 2);
    let trees = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef),
        ("park", texts(&[Some("elm"), Some("elm"), Some("fig"), Some("fig"), None])),
        ("kind", texts(&[Some("oak"), Some("yew"), Some("oak"), None, Some("NO")])),
        ("value", Arc::new(value.unwrap())),
        ("height", Arc::new(Float64Array::from(vec![0.1, 0.2, 1e9, 2.0, 4.0]))),
    ]);
    let parks = RecordBatch::try_from_iter([
        ("name", texts(&[Some("elm"), Some("fig")])),
        ("city", texts(&[Some("Ash"), Some("Birch")])),
    ]);
    let builder = Engine::builder().model("model.yaml", PARKS).policies("policies.yaml", RULES);
    let builder = builder.batches("trees", vec![trees.unwrap()]);
    builder.batches("parks", vec![parks.unwrap()]).build().await.unwrap()
}

fn cases(text: &str) -> PolicyCases {
    PolicyCases::from_yaml([SourceText::new("cases.yaml", text)])
}

const PEOPLE: &str = "people:
  wanda: { groups: [wardens], attributes: { park: elm } }
  carl: { groups: [council], attributes: { cities: [Ash, Birch] } }
  pia: { groups: [public] }
cases:
";

/// What is told of some cases, each a line below the people.
async fn told(lines: &str) -> String {
    let text = format!("{PEOPLE}{lines}");
    let administrator = Administrator::asserted_by_host();
    match parks().await.policy_test_as(&administrator, &cases(&text)).await {
        Ok(report) => report.to_string(),
        Err(error) => format!("{} {error}", error.code()),
    }
}

#[track_caller]
fn check(told: &str, expected: &str) {
    assert_eq!(told, expected.trim_start_matches('\n'), "\n{told}");
}

#[tokio::test]
async fn cases_that_hold_pass() {
    let lines = r#"
  rows_in_any_order:
    as: carl
    query: { table: trees, fields: [id, kind] }
    rows: [{ id: 4, kind: null }, { id: 1, kind: oak }, { id: 3, kind: oak }, { id: 2, kind: yew }]
  rows_in_order:
    as: carl
    query: { table: trees, fields: [id], order_by: [{ field: value, order: desc }] }
    in_order: true
    rows: [{ id: 1 }, { id: 3 }, { id: 2 }, { id: 4 }]
  decimals: { as: carl, query: worth, total: 15.95 }
  decimals_in_quotes: { as: carl, query: worth, total: "15.950" }
  doubles: { as: wanda, query: mean_height, total: 0.15 }
  nothing_is_a_value: { as: { groups: [wardens], attributes: { park: oak } }, query: mean_height, total: null }
  counts: { as: wanda, query: { table: trees, fields: [id] }, count: 2 }
  no_rows: { as: { groups: [council], attributes: { cities: [] } }, query: { table: trees, fields: [id] }, rows: [] }
  refused: { as: wanda, query: worth, refused: not_found }
  refused_with_a_code: { as: wanda, query: worth, refused: Q0101 }
  refused_for_an_attribute: { as: { groups: [wardens] }, query: trees_planted, refused: Q0104 }
  refused_as_it_may_be_described: { as: pia, query: { table: parks, fields: [name] }, refused: denied }
  names: { as: pia, described: [parks, parks.name], hidden: [parks.city, trees, worth, trees.in.name] }
  other_names: { as: wanda, visible: [trees.in.city, trees_planted], hidden: [worth, trees.value] }
"#;
    check(&told(lines).await, "14 of 14 cases passed\n");
}

#[tokio::test]
async fn every_case_that_fails_is_told_with_its_place_and_what_differs() {
    let lines = "  right: { as: wanda, query: trees_planted, total: 2 }
  wrong_total: { as: wanda, query: trees_planted, total: 3 }
  wrong_count: { as: wanda, query: { table: trees, fields: [kind] }, count: 5 }
  wrong_rows: { as: wanda, query: { table: trees, fields: [kind, height] }, count: 2, rows: [{ kind: oak, height: 0.1 }, { kind: elm, height: 0.2 }, { kind: yew, height: 0.20000001 }] }
  wrong_order: { as: wanda, query: { table: trees, fields: [id], order_by: [kind] }, in_order: true, rows: [{ id: 2 }, { id: 1 }] }
  other_columns: { as: wanda, query: { table: trees, fields: [id, kind] }, rows: [{ id: 1, king: oak }] }
  fewer_columns: { as: wanda, query: { table: trees, fields: [id, kind] }, rows: [{ id: 1 }] }
  not_one_value: { as: wanda, query: { table: trees, fields: [id, kind] }, total: 1 }
  a_word_for_a_boolean: { as: wanda, query: { table: trees, fields: [kind], filter: { field: id, value: 1 } }, rows: [{ kind: no }] }
  answered: { as: wanda, query: { table: trees, fields: [kind] }, refused: denied }
  refused: { as: wanda, query: worth, total: 1 }
  refused_otherwise: { as: pia, query: { table: parks, fields: [name] }, refused: not_found }
  names: { as: pia, visible: [parks], hidden: [parks.name], described: [worth] }
";
    let expected = "
cases.yaml:7: wrong_total as wanda [wardens]
  total: expected 3, found 2
cases.yaml:8: wrong_count as wanda [wardens]
  count: expected 5, found 2
cases.yaml:9: wrong_rows as wanda [wardens]
  rows: expected 3 rows, found 2 rows
    - { kind: elm, height: 0.2 }
    - { kind: yew, height: 0.20000001 }
    + { kind: yew, height: 0.2 }
cases.yaml:10: wrong_order as wanda [wardens]
  rows in order: expected 2 rows, found 2 rows
    - { id: 2 }
    - { id: 1 }
    + { id: 1 }
    + { id: 2 }
cases.yaml:11: other_columns as wanda [wardens]
  columns: expected id, king, found id, kind
cases.yaml:12: fewer_columns as wanda [wardens]
  columns: expected id, found id, kind
cases.yaml:13: not_one_value as wanda [wardens]
  total: expected one value, found 2 rows of 2 columns
cases.yaml:14: a_word_for_a_boolean as wanda [wardens]
  rows: expected 1 row, found 1 row
    - { kind: false }
    + { kind: oak }
cases.yaml:15: answered as wanda [wardens]
  answer: expected denied, found an answer of 2 rows
cases.yaml:16: refused as wanda [wardens]
  answer: expected an answer, found not_found: Q0101 there is no metric `worth` (at `metrics[0]`)
cases.yaml:17: refused_otherwise as pia [public]
  answer: expected not_found, found denied: Q0103 table `parks`: it may be described but not queried with these rights (at `cases.refused_otherwise.query.table`)
cases.yaml:18: names as pia [public]
  parks.name: expected hidden, found described
  worth: expected described, found hidden
  parks: expected visible, found described
1 of 13 cases passed
";
    check(&told(lines).await, expected);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_has_no_order_is_not_compared() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let rows = RecordBatch::try_from_iter([("nr", numbers)]).unwrap();
    let model = "tables: { heap: { fields: { nr: {} } } }";
    let rules = "groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [heap] } } }
";
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", rules);
    let engine = engine.batches("heap", vec![rows]).limits(Limits::default().with_rows(2));
    let engine = engine.build().await.unwrap();
    let lines = "cases:
  cut: { as: { groups: [all] }, query: { table: heap, fields: [nr] }, count: 2 }
  unordered: { as: { groups: [all] }, query: { table: heap, fields: [nr], limit: 1 }, in_order: true, rows: [{ nr: 1 }] }
";
    let administrator = Administrator::asserted_by_host();
    let report = engine.policy_test_as(&administrator, &cases(lines)).await.unwrap();
    check(
        &report.to_string(),
        "
cases.yaml:2: cut as somebody [all]
  answer: expected all of its rows, found more than 2 rows
cases.yaml:3: unordered as somebody [all]
  order: expected rows in order, found rows without a determined order: say `order_by`
0 of 2 cases passed
",
    );
}

#[tokio::test]
async fn l19_values_of_rows_are_told_only_where_rows_are_expected() {
    let lines = "  count: { as: wanda, query: { table: trees, fields: [kind, height] }, count: 5 }
  denied: { as: wanda, query: { table: trees, fields: [kind] }, refused: denied }
  columns: { as: wanda, query: { table: trees, fields: [kind] }, rows: [{ king: x }] }
  shape: { as: wanda, query: { table: trees, fields: [kind] }, total: x }
";
    let told = told(lines).await;
    assert!(told.ends_with("0 of 4 cases passed\n"), "{told}");
    for value in ["oak", "yew", "0.1", "0.2"] {
        assert!(!told.contains(value), "{value}: {told}");
    }
}

#[tokio::test]
async fn a_question_that_nobody_could_ask_is_a_mistake_of_the_case() {
    let lines = "  typo: { as: wanda, query: worht, refused: not_found }
  other: { as: wanda, query: { table: trees, fields: [kindd, heigth] }, refused: not_found }
  right: { as: wanda, query: worth, refused: not_found }
";
    let told = told(lines).await;
    assert!(told.starts_with("E0205 P0122 nobody could ask this: Q0101"), "{told}");
    for part in ["`worth`", "cases.yaml:6:29", "`kindd`", "`heigth`", "cases.yaml:7:", "3 problems"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = self::told("  empty: { as: wanda, query: worth }\n").await;
    assert!(told.starts_with("E0205 P0120"), "{told}");
}

#[tokio::test]
async fn the_cases_of_a_file_have_one_time() {
    let engine = shop().build().await.unwrap();
    let administrator = Administrator::asserted_by_host();
    // In the quarter before 1 July 2026: fixtures/golden/revenue_by_category.ana.csv, added up.
    let text = |now: &str, total: &str| {
        format!(
            "{now}
cases:
  quarter:
    as: {{ groups: [analysts] }}
    query: {{ metrics: [revenue], filter: {{ field: created_at, op: previous, unit: quarter }} }}
    total: {total}
"
        )
    };
    let sum = "366499.15";
    for now in ["", "now: 2026-07-01", "now: 2026-09-30T23:59:59Z"] {
        let report = engine.policy_test_as(&administrator, &cases(&text(now, sum))).await.unwrap();
        assert!(report.passed(), "{now} {report}");
    }
    for now in ["now: 2026-10-01", "now: 2026-06-30"] {
        let report = engine.policy_test_as(&administrator, &cases(&text(now, sum))).await.unwrap();
        assert!(!report.passed(), "{now}");
    }
}

/// What the policies of the shop would be with a part of them changed.
fn changed(part: &str, other: &str) -> String {
    assert_eq!(POLICIES.matches(part).count(), 1, "{part}");
    POLICIES.replace(part, other)
}

#[tokio::test]
async fn the_cases_of_the_shop_hold_and_hold_each_of_its_policies() {
    let engine = shop().build().await.unwrap();
    let cases = PolicyCases::from_yaml([SourceText::new(CASES_NAME, CASES)]);
    let administrator = Administrator::asserted_by_host();
    let report = engine.policy_test_as(&administrator, &cases).await.unwrap();
    assert!(report.passed() && report.cases.len() >= 25, "{report}");

    let mut others: Vec<(String, String)> = Vec::new();
    // Without any one of them.
    let body = POLICIES.split_once("policies:\n").unwrap().1;
    let names = body.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let names: Vec<&str> = names.filter(|name| !name.starts_with([' ', '#'])).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        let (before, after) = POLICIES.split_once(&format!("  {name}:\n")).unwrap();
        let rest = after.lines().skip_while(|line| line.starts_with("    "));
        let rest: Vec<&str> = rest.collect();
        others.push((format!("without {name}"), format!("{before}{}\n", rest.join("\n"))));
    }
    // With any one of them wider.
    let wider = [
        ("      rows: state in (attribute.states)\n", ""),
        ("      fields: { except: [birth_date] }\n", ""),
        ("      masks: { email: { prefix: 3 } }\n", ""),
        ("email: { prefix: 3 }", "email: { prefix: 4 }"),
        ("      rows: customer.state in (attribute.states)\n", ""),
        (
            "      tables: [products]\n      rows: \"'any' in (attribute.states) or true\"\n",
            "      tables: [products]\n",
        ),
        (
            "      tables: [reviews]\n      rows: \"'any' in (attribute.states) or true\"\n",
            "      tables: [reviews]\n",
        ),
        ("      rows: vendor = attribute.vendor\n", ""),
        ("      fields: { except: [price] }\n", ""),
        (
            "      tables: [orders]\n      rows: product.vendor = attribute.vendor\n",
            "      tables: [orders]\n",
        ),
        ("only: [id, product_id, quantity, created_at]", "except: [total]"),
        (
            "      tables: [reviews]\n      rows: product.vendor = attribute.vendor\n",
            "      tables: [reviews]\n",
        ),
        ("groups: [analysts]", "groups: [analysts, regional]"),
    ];
    others.extend(wider.map(|(part, other)| (format!("`{part}`"), changed(part, other))));
    for (what, policies) in others {
        let model = Model::new().with_model(MODEL_NAME, MODEL);
        engine.reload(&model.with_policies(POLICIES_NAME, &policies)).await.expect(&what);
        let report = engine.policy_test_as(&administrator, &cases).await.unwrap();
        assert!(!report.passed(), "no case fails with {what}");
    }
}

fn rules(text: &str) -> PolicyDefinitions {
    PolicyDefinitions::from_yaml([SourceText::new("newer.yaml", text)])
}

/// What changes in the parks, for somebody of the elm park and somebody of Ash.
async fn difference(part: &str, other: &str) -> String {
    assert!(RULES.contains(part), "{part}");
    let (engine, newer) = (parks().await, rules(&RULES.replace(part, other)));
    let ash = Principal::asserted_by_host("ash").group("council").group("wardens");
    let ash = ash.attribute("cities", vec!["Ash"]).attribute("park", "fig").build().unwrap();
    let samples = DiffSamples {
        attributes: vec![("park".to_owned(), "elm".into())],
        people: vec![("ash".to_owned(), ash)],
    };
    let administrator = Administrator::asserted_by_host();
    engine.policy_diff_as(&administrator, &newer, &samples).await.unwrap().to_string()
}

#[tokio::test]
async fn a_difference_counts_the_rows_that_each_gains_and_loses() {
    check(&difference("groups", "groups").await, "");
    // Of trees, ash sees 1 and 2 of Ash and 3 and 4 of the fig park; then 5 in place of 3 and 4.
    let other = difference("rows: park = attribute.park", "rows: park is null").await;
    check(
        &other,
        "
group wardens
  ~ table trees: rows park = attribute.park → park is null
rows
  group wardens: trees 2 → 1 (+1 -2)
  ash: trees 4 → 3 (+1 -2)
",
    );
    check(
        &difference("in.city in (attribute.cities)", "in.city in (attribute.cities) or in.city = 'Birch'").await,
        "
group council
  + table trees: rows in.city in (attribute.cities) → in.city in (attribute.cities) or in.city = 'Birch'
rows
  group council: trees 0 → 0 (+0 -0): under the new policies, attribute `cities` is wanted, and is missing or has the wrong type
  ash: trees 4 → 4 (+0 -0)
",
    );
    check(
        &difference(
            "groups: [wardens, council], grant: { tables: [parks] }",
            "groups: [council], grant: { tables: [parks] }",
        )
        .await,
        "
group wardens
  - table parks: level query → none
  - table parks: rows every row → no row
  - fields of parks: level query → none: name, city
rows
  group wardens: parks 2 → 0 (+0 -2)
  ash: parks 2 → 2 (+0 -0)
",
    );
}

#[tokio::test]
async fn problems_of_the_newer_policies_are_told_and_the_older_stay() {
    let engine = parks().await;
    let administrator = Administrator::asserted_by_host();
    let newer = rules(&RULES.replace("rows: park =", "rows: prak ="));
    let error = engine.policy_diff_as(&administrator, &newer, &DiffSamples::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), "E0202");
    assert!(error.to_string().contains("newer.yaml"), "{error}");
    assert_eq!(engine.snapshot_version(), 1);
}

#[tokio::test]
async fn an_attribute_of_a_sample_is_declared_before_or_after() {
    let engine = parks().await;
    let administrator = Administrator::asserted_by_host();
    let diff = async |newer: &str, name: &str| {
        let attributes = vec![(name.to_owned(), "elm".into())];
        let samples = DiffSamples { attributes, people: Vec::new() };
        engine.policy_diff_as(&administrator, &rules(newer), &samples).await
    };
    let error = diff(RULES, "parc").await.unwrap_err();
    assert_eq!(error.code(), "E0202");
    let told = "P0107 `parc` is not a declared attribute; did you mean `park`?";
    assert!(error.to_string().contains(told), "{error}");
    diff(RULES, "park").await.unwrap();
    // Declared by the newer policies, or by the older alone.
    let more = RULES.replacen("attributes: {", "attributes: { extra: { type: text },", 1);
    assert_ne!(more, RULES);
    diff(&more, "extra").await.unwrap();
    diff("groups: { wardens: {}, council: {} }", "park").await.unwrap();
}

#[tokio::test]
async fn what_policies_leave_open_is_told() {
    let coverage = parks().await.policy_coverage_as(&Administrator::asserted_by_host()).unwrap();
    check(
        &coverage.to_string(),
        "
2 tables, 3 metrics, 3 groups, 4 policies

metric_by_inputs: no policy speaks of these metrics and they are in no collection: whoever sees what they read may ask for them
  trees_planted [wardens, council]
  worth [council]
  mean_height [wardens, council]

every_row: these groups see every row of a table: no condition narrows it
  parks [wardens]: and every field in clear
  parks [council]: and every field in clear
",
    );
}

/// The blocks of the manual's page on policies that hold this.
fn manual(part: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policies.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let mut found = blocks.filter(|block| block.contains(part));
    let block = found.next().expect(part);
    block.split_once('\n').unwrap().1.to_owned()
}

#[tokio::test]
async fn the_manual_says_what_its_example_does() {
    let model = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, total: {}, customer_id: {}, status: {}, note: {} }
    relationships: { customer: { to: people, on: { customer_id: id }, cardinality: many_to_one } }
  people: { primary_key: [id], fields: { id: {}, name: {}, state: {} } }
collections: { finance: {}, board: {} }
metrics: { order_count: { table: orders, expr: count(*) } }
";
    let ids = |ids: &[Option<i64>]| -> ArrayRef { Arc::new(Int64Array::from(ids.to_vec())) };
    let texts = |texts: &[&str]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let orders = RecordBatch::try_from_iter([
        ("id", ids(&[Some(1), Some(2), Some(3), Some(4)])),
        ("total", ids(&[Some(10), Some(20), Some(30), Some(40)])),
        ("customer_id", ids(&[Some(1), Some(2), Some(1), None])),
        ("status", texts(&["paid", "paid", "test", "paid"])),
        ("note", texts(&["", "", "", ""])),
    ]);
    let people = RecordBatch::try_from_iter([
        ("id", ids(&[Some(1), Some(2)])),
        ("name", texts(&["Ada", "Bob"])),
        ("state", texts(&["CA", "NY"])),
    ]);
    let policies = manual("  orders_of_own_customers:");
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", &policies);
    let engine = engine.batches("orders", vec![orders.unwrap()]);
    let engine = engine.batches("people", vec![people.unwrap()]).build().await.unwrap();
    let administrator = Administrator::asserted_by_host();
    let cases = cases(&manual("cases:"));
    let report = engine.policy_test_as(&administrator, &cases).await.unwrap();
    check(&report.to_string(), "6 of 6 cases passed\n");
    // Without `no_tests`.
    let (before, after) = policies.split_once("  no_tests:\n").unwrap();
    let (_, after) = after.split_once("\n    restrict:").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let model = Model::new().with_model("model.yaml", model);
    engine
        .reload(&model.with_policies("policies.yaml", &format!("{before}{after}")))
        .await
        .unwrap();
    let report = engine.policy_test_as(&administrator, &cases).await.unwrap();
    let shown = manual("$ sandbar policy test");
    check(&report.to_string(), shown.split_once('\n').unwrap().1);
}

#[tokio::test]
async fn the_manual_says_what_a_change_of_the_shop_does() {
    let newer = POLICIES.replace("prefix: 3", "prefix: 5");
    let own = "rows: state in (attribute.states)\n";
    assert_eq!(newer.matches(own).count(), 1);
    let newer = newer.replace(own, "rows: state in (attribute.states) or state is null\n");
    let samples = DiffSamples {
        attributes: vec![("states".to_owned(), sandbar::AttributeValue::List(vec!["NV".into()]))],
        people: Vec::new(),
    };
    let engine = shop().build().await.unwrap();
    let administrator = Administrator::asserted_by_host();
    // 45 people of NV and 14 of no state: counted by DuckDB over the same rows.
    let difference = engine.policy_diff_as(&administrator, &rules(&newer), &samples).await.unwrap();
    let shown = manual("$ sandbar policy diff");
    check(&difference.to_string(), shown.split_once('\n').unwrap().1);
}
