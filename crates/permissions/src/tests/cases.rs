//! Cases that policies are tested with are read strictly: none can hold by mistake.

use sandbar_catalog::{Report, SourceText};

use super::world::{policies, snapshot};
use crate::{Administrator, CheckedCases, ExpectedRefusal, Level, NameTarget, PolicyCases};

fn read(text: &str) -> Result<CheckedCases, Report> {
    let snapshot = snapshot();
    let set = policies(&snapshot, &["groups: [a], grant: {tables: [orders]}"]);
    let cases = PolicyCases::from_yaml([SourceText::new("cases.yaml", text)]);
    cases.check(&set, &snapshot, &Administrator::asserted_by_host())
}

/// The places, codes and sentences of what is wrong with a file, in order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let report = read(text).err().unwrap_or_default();
    let found = report.findings().iter().map(|finding| {
        let place = finding.problem.place.map_or((0, 0), |place| (place.line, place.column));
        format!("{}:{} {} {}", place.0, place.1, finding.problem.code, finding.problem)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{report}");
}

/// One case, without its name, and without the places.
#[track_caller]
fn check_case(body: &str, expected: &[&str]) {
    let report = read(&format!("cases:\n  x: {{{body}}}\n")).err().unwrap_or_default();
    let found = report.findings().iter().map(|f| format!("{} {}", f.problem.code, f.problem));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{report}");
}

#[test]
fn a_case_expects_something() {
    check_case("as: {groups: [a]}, query: revenue, count: 1", &[]);
    check_case("as: {groups: [a]}, hidden: [people]", &[]);
    check_case("as: {}, query: {table: orders, fields: [id]}, rows: []", &[]);
    let asks = "P0120 case `x` asks, and expects nothing of the answer: say `rows`, `count`, `total` or `refused`";
    check_case(
        "as: {groups: [a]}",
        &[
            "P0120 case `x` expects nothing: give it a `query`, or `hidden`, `described` or `visible` names",
        ],
    );
    check_case("as: {groups: [a]}, query: revenue", &[asks]);
    // What is said of names says nothing of the answer.
    check_case("as: {groups: [a]}, query: revenue, visible: [orders]", &[asks]);
    check_case(
        "as: {groups: [a]}, count: 1",
        &["P0120 case `x` expects an answer, and has no `query`"],
    );
    check_case(
        "as: {groups: [a]}, visible: [orders], refused: denied",
        &["P0120 case `x` expects an answer, and has no `query`"],
    );
    check_case("as: {groups: [a]}, hidden: []", &["P0120 an empty list expects nothing"]);
    check_case(
        "as: {groups: [a]}, query: revenue, rows: [{}]",
        &["P0120 a row without a column expects nothing"],
    );
    check_case(
        "as: {groups: [a]}, query: revenue, count: 0, refused: denied",
        &["P0120 a question that is refused has no answer to expect something of"],
    );
    check_case(
        "as: {groups: [a]}, query: revenue, count: 1, in_order: true",
        &["P0120 `in_order` goes with `rows`"],
    );
    check_case(
        "as: {groups: [a]}, query: revenue, refused: forbidden",
        &["P0120 `forbidden` is not `denied`, `not_found` or a code such as `Q0104`"],
    );
    check("", &["0:0 P0120 there are no `cases`, so nothing is tested"]);
    check(
        "people: {ann: {groups: [a]}}",
        &["0:0 P0120 there are no `cases`, so nothing is tested"],
    );
}

#[test]
fn what_is_nothing_is_not_what_is_left_out() {
    // NULL is a value that an answer can have.
    let total = read("cases:\n  x: {as: {}, query: revenue, total: null}").unwrap();
    assert!(total.cases[0].total.is_some());
    check_case(
        "as: {}, query: revenue, total: 1, count: null",
        &["D0001 expected a whole number, 0 or more, found nothing"],
    );
    check_case(
        "as: {}, query: revenue, total: 1, rows:",
        &["D0001 expected a list, found nothing"],
    );
    check_case(
        "as: {}, query: revenue, total: 1, hidden: ~",
        &["D0001 expected a list, found nothing"],
    );
    check_case(
        "as: {}, query: , visible: [orders]",
        &["D0001 expected a query, or names of metrics with commas between, found nothing"],
    );
}

#[test]
fn every_name_is_one_that_is_there() {
    check_case("as: {groups: [aa]}, hidden: [people]", &["P0106 `aa` is not a declared group"]);
    check_case(
        "as: {groups: [a], attributes: {txt: x}}, hidden: [people]",
        &["P0107 `txt` is not a declared attribute; did you mean `text`?"],
    );
    // YAML takes some words for booleans.
    let list = "P0107 `texts` is a list of text, and this is not: a text that looks like something else is put in quotes";
    check_case("as: {attributes: {texts: [CA, no]}}, hidden: [people]", &[list]);
    check_case("as: {attributes: {texts: CA}}, hidden: [people]", &[list]);
    check_case("as: {attributes: {texts: [CA, 'no'], text: ~}}, hidden: [people]", &[]);
    check_case("as: ann, hidden: [people]", &["P0121 `ann` is none of the `people`"]);
    check(
        "people: {ana: {groups: [a]}}\ncases:\n  x: {as: ann, hidden: [people]}",
        &["3:11 P0121 `ann` is none of the `people`; did you mean `ana`?"],
    );
    check_case(
        "as: {subject: ''}, hidden: [people]",
        &["P0121 the subject is empty: give it 1 to 256 characters"],
    );
    check_case(
        "as: {}, hidden: [peolpe, orders.nots, ordres.id, orders.customer.emial], visible: [revenu]",
        &[
            "P0104 `peolpe` is neither a table nor a metric; did you mean `people`?",
            "P0103 `nots` is not a field of `orders`; did you mean `note`?",
            "P0102 `ordres` is not a table; did you mean `orders`?",
            "P0103 `emial` is not a field of `people`; did you mean `email`?",
            "P0104 `revenu` is neither a table nor a metric; did you mean `revenue`?",
        ],
    );
}

#[test]
fn a_file_is_read_strictly_and_to_its_end() {
    check(
        "format: 2\nnow: soon\npeople:\n  ann: {group: [a]}\ncases:\n  x: {as: ann, hiden: [people]}\n  y: {as: {groops: [a]}, query: {metrics: [revenue], filtr: 1}, count: many}\n",
        &[
            "1:9 P0100 this version reads format 1",
            "2:6 P0123 `soon` is not a day or an instant: write `2026-07-01` or `2026-07-01T12:00:00Z`",
            "4:9 D0002 unknown key `group`; did you mean `groups`?",
            "6:3 P0120 case `x` expects nothing: give it a `query`, or `hidden`, `described` or `visible` names",
            "6:16 D0002 unknown key `hiden`; did you mean `hidden`?",
            "7:12 D0002 unknown key `groops`; did you mean `groups`?",
            "7:54 D0002 unknown key `filtr`; did you mean `filter`?",
            "7:72 D0001 expected a whole number, 0 or more, found the text `many`",
        ],
    );
    check("cases:\n  x: {hidden: [people]}", &["2:6 D0003 `as` is missing"]);
    check(
        "now: '2026-07-01 12:00:00[America/New_York]'\ncases:\n  x: {as: {}, hidden: [people]}",
        &[
            "1:6 P0123 `2026-07-01 12:00:00[America/New_York]` is not a day or an instant: write `2026-07-01` or `2026-07-01T12:00:00Z`",
        ],
    );
}

#[test]
fn what_is_right_is_read_as_it_stands() {
    let text = "
now: 2026-07-01
people:
  ann: { groups: [a, b], attributes: { texts: [CA, OR], integer: 3, number: 0.5, boolean: true, text: ~ } }
cases:
  one:
    as: ann
    query: revenue , order_count
    rows: [{ revenue: 12.50, order_count: 3 }]
    in_order: true
    hidden: [audit]
    described: [orders.net]
    visible: [orders, orders.customer.state, orders.revenue_sum, orders.big, revenue]
  two: { as: { subject: bob, groups: [] }, query: { table: orders, fields: [id] }, refused: Q0102 }
";
    let read = read(text).unwrap();
    let (one, two) = (&read.cases[0], &read.cases[1]);
    assert_eq!((one.name.as_str(), one.origin.as_str()), ("one", "cases.yaml:6"));
    assert_eq!((one.asker.subject(), one.asker.groups().len()), ("ann", 2));
    assert_eq!(one.asker.attribute("texts").unwrap().to_json(), serde_json::json!(["CA", "OR"]));
    assert_eq!(one.asker.attribute("text").unwrap().to_json(), serde_json::json!(null));
    // 2026-07-01 is day 20,635 since 1970.
    assert_eq!(one.now, Some(20_635 * 86_400_000_000));
    let metrics: Vec<&str> =
        one.query.as_ref().unwrap().metrics.iter().map(|m| m.name.value.as_str()).collect();
    assert_eq!(metrics, ["revenue", "order_count"]);
    assert!(one.in_order && one.rows.as_ref().unwrap().len() == 1);
    let levels: Vec<Level> = one.names.iter().map(|name| name.level).collect();
    assert_eq!(levels[..2], [Level::None, Level::Describe]);
    assert!(levels[2..].iter().all(|level| *level == Level::Query) && levels.len() == 7);
    let targets = one.names.iter().map(|name| &name.target);
    let of = |wanted: fn(&NameTarget) -> bool| targets.clone().filter(|t| wanted(t)).count();
    assert_eq!(of(|t| matches!(t, NameTarget::Field(_))), 2);
    assert_eq!(of(|t| matches!(t, NameTarget::Measure(_) | NameTarget::Segment(_))), 2);
    assert_eq!(two.asker.subject(), "bob");
    assert_eq!(two.refused, Some(ExpectedRefusal::Code("Q0102".to_owned())));
    // Whoever asks is somebody to look at, named or not.
    let cases = PolicyCases::from_yaml([SourceText::new("cases.yaml", text)]);
    let people = cases.people();
    assert_eq!(people.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ann", "two"]);
}
