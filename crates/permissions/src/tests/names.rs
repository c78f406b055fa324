//! Names: nothing says more than what may be seen, and only what may be queried is suggested.

use super::text::level;
use super::world::{all, grants, table, who};
use crate::{Grants, Missing, Refusal, SearchTarget, Suggestion};

const ORDERS: &str = "groups: [a], grant: {tables: [orders]}";
const PEOPLE: &str = "groups: [a], grant: {tables: [people]}";
const BY_STATE: &str = "groups: [a], grant: {tables: [orders], rows: state = attribute.text}";
const DESCRIBED: &str = "groups: [a], grant: {tables: [orders], level: describe}";
const FINANCE: &str = "groups: [a], grant: {collections: [finance]}";

fn see(policies: &[&str]) -> Grants {
    grants(policies, &who("a", &[]))
}

fn answer<T>(found: Result<T, Missing>) -> String {
    match found {
        Ok(_) => "found".to_owned(),
        Err(Missing::Unknown { suggestion: None }) => "unknown".to_owned(),
        Err(Missing::Unknown { suggestion: Some(Suggestion::Close(name)) }) => {
            format!("unknown, close: {name}")
        }
        Err(Missing::Unknown { suggestion: Some(Suggestion::Instead(name)) }) => {
            format!("unknown, instead: {name}")
        }
        Err(Missing::Refused(Refusal::MissingAttribute(name))) => format!("lacks {name}"),
        Err(Missing::Refused(refusal)) => format!("{refusal:?}"),
        Err(Missing::ToMany { relationship }) => format!("to many: {relationship}"),
    }
}

#[track_caller]
fn check_table(policies: &[&str], name: &str, expected: &str) {
    assert_eq!(answer(see(policies).find_table(name)), expected, "{name}");
}

#[track_caller]
fn check_metric(policies: &[&str], name: &str, expected: &str) {
    assert_eq!(answer(see(policies).find_metric(name)), expected, "{name}");
}

/// A field as seen from `orders`.
#[track_caller]
fn check_field(policies: &[&str], name: &str, expected: &str) {
    let grants = see(policies);
    let chain: Vec<&str> = name.split('.').collect();
    let found = grants.find_field(table(&grants, "orders"), &chain);
    assert_eq!(answer(found), expected, "{name}");
}

/// A measure of `orders`.
#[track_caller]
fn check_measure(policies: &[&str], name: &str, expected: &str) {
    let grants = see(policies);
    assert_eq!(answer(grants.find_measure(table(&grants, "orders"), name)), expected, "{name}");
}

/// A segment as seen from `orders`.
#[track_caller]
fn check_segment(policies: &[&str], name: &str, expected: &str) {
    let grants = see(policies);
    assert_eq!(answer(grants.find_segment(table(&grants, "orders"), name)), expected, "{name}");
}

#[track_caller]
fn check_search(policies: &[&str], words: &str, expected: &[&str]) {
    let grants = see(policies);
    let names: Vec<&str> = grants
        .search(words)
        .iter()
        .map(|hit| match hit.target {
            SearchTarget::Table(id) => grants.snapshot().table(id).name.as_str(),
            SearchTarget::Metric(id) => grants.snapshot().metric(id).name.as_str(),
        })
        .collect();
    assert_eq!(names, expected, "{words}");
}

#[test]
fn a_table_is_found_by_name_and_number() {
    check_table(&[ORDERS], "orders", "found");
    let number = see(&[]).snapshot().table(table(&see(&[]), "orders")).number.to_string();
    check_table(&[ORDERS], &number, "found");
    check_table(&[], &number, "unknown");
    check_table(&[ORDERS], "ordres", "unknown, close: orders");
    check_table(&[ORDERS], "Orders", "unknown, close: orders");
    check_table(&[DESCRIBED], "orders", "DescribeOnly");
    check_table(&[BY_STATE], "orders", "lacks text");
}

#[test]
fn a_hidden_table_is_an_unknown_one() {
    for name in ["people", "audit", "nosuch"] {
        check_table(&[ORDERS], name, "unknown");
    }
    check_table(&[ORDERS], "poeple", "unknown");
    check_table(&[ORDERS], "audti", "unknown");
    check_table(&[ORDERS, "deny: {tables: [orders]}"], "orders", "unknown");
    check_table(&[BY_STATE, "deny: {tables: [orders]}"], "orders", "unknown");
}

#[test]
fn what_is_only_described_is_never_suggested() {
    check_table(&[DESCRIBED], "ordres", "unknown");
    check_metric(&[DESCRIBED], "revenu", "unknown");
    check_metric(&[DESCRIBED], "turnover", "unknown");
    check_table(&[BY_STATE], "ordres", "unknown");
    let described = "groups: [a], grant: {tables: [orders], level: describe}";
    let ids = "groups: [a], grant: {tables: [orders], fields: {only: [id, total]}}";
    check_field(&[described, ids], "discount", "DescribeOnly");
    check_field(&[described, ids], "discuont", "unknown");
    check_field(&[described, ids], "totl", "unknown, close: total");
    let people = "groups: [a], grant: {tables: [people], level: describe}";
    check_field(&[ORDERS, people], "custmer.state", "unknown");
    check_field(&[ORDERS, people], "customer.state", "DescribeOnly");
    let metric = "groups: [a], grant: {metrics: [revenue], level: describe}";
    check_metric(&[ORDERS, metric], "revenue", "DescribeOnly");
    check_metric(&[ORDERS, metric], "revenu", "unknown, instead: order_count");
}

#[test]
fn measures_and_segments_are_found_or_unknown_or_only_described() {
    let ids = "groups: [a], grant: {tables: [orders], fields: {only: [id, total]}}";
    for (policies, discounts, big_net) in [
        (&[ORDERS][..], "found", "found"),
        (&[ids], "unknown", "unknown"),
        (&[DESCRIBED, ids], "DescribeOnly", "DescribeOnly"),
        (&[DESCRIBED], "DescribeOnly", "DescribeOnly"),
        (&[], "unknown", "unknown"),
    ] {
        check_measure(policies, "discounts", discounts);
        check_segment(policies, "big_net", big_net);
    }
    check_measure(&[ORDERS], "discuonts", "unknown, close: discounts");
    // What is only described is never suggested.
    check_measure(&[DESCRIBED, ids], "discuonts", "unknown");
    check_segment(&[DESCRIBED, ids], "big_nte", "unknown");
    let people = "groups: [a], grant: {tables: [people], level: describe}";
    check_segment(&[ORDERS, people], "western", "DescribeOnly");
    check_segment(&[ORDERS], "western", "unknown");
    check_segment(&[ORDERS, people], "customer.any", "DescribeOnly");
    check_segment(&[ORDERS], "customer.any", "unknown");
}

#[test]
fn l9_nothing_is_suggested_for_an_id() {
    let grants = see(&[ORDERS, "deny: {tables: [orders], fields: [note, discount]}"]);
    let orders = grants.snapshot().table(table(&grants, "orders"));
    let of = |field: &str| {
        let id = orders.find_field(field).unwrap();
        format!("t{}-{}", orders.number, grants.snapshot().field(id).number)
    };
    for id in [of("discount"), format!("t{}-1", orders.number), "t1-2".to_owned()] {
        assert_eq!(answer(grants.find_field(orders.id, &[&id])), "unknown", "{id}");
    }
    assert_eq!(answer(grants.find_field(orders.id, &[&of("total")])), "found");
}

#[test]
fn of_all_searches_so_many_different_words_count() {
    let many: Vec<String> = (0..5)
        .map(|text| {
            (0..16).map(|word| format!("nothing{}", text * 16 + word)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let grants = see(&[ORDERS]);
    let texts = |with: usize| -> Vec<&str> {
        let mut texts: Vec<&str> = many.iter().map(String::as_str).collect();
        texts.insert(with, "revenue");
        texts
    };
    assert!(grants.search_any(&texts(0)).iter().any(|hit| hit.score > 0.0));
    assert!(grants.search_any(&texts(3)).iter().any(|hit| hit.score > 0.0));
    assert!(grants.search_any(&texts(4)).is_empty());
    assert!(grants.search_any(&texts(5)).is_empty());
}

#[test]
fn a_metric_is_found_or_unknown() {
    check_metric(&[ORDERS], "revenue", "found");
    check_metric(&[ORDERS], "revenu", "unknown, close: revenue");
    check_metric(&[ORDERS], "given_awya", "unknown, close: given_away");
    check_metric(&[], "revenue", "unknown");
    check_metric(&[PEOPLE], "revenue", "unknown");
    check_metric(&[DESCRIBED], "revenue", "DescribeOnly");
}

#[test]
fn instead_of_an_unknown_metric_the_best_verified_one_is_named() {
    check_metric(&[ORDERS], "turnover", "unknown, instead: revenue");
    check_metric(&[ORDERS], "placed", "unknown, instead: order_count");
    check_metric(&[ORDERS], "xyzzy", "unknown, instead: revenue");
    // Hidden ones are not named, and a hidden name is answered like one that does not exist.
    check_metric(
        &[ORDERS, "deny: {metrics: [revenue]}"],
        "turnover",
        "unknown, instead: order_count",
    );
    check_metric(
        &[ORDERS, "deny: {metrics: [revenue]}"],
        "revenue",
        "unknown, instead: order_count",
    );
    check_metric(&[ORDERS], "margin", "unknown, instead: revenue");
    check_metric(&[ORDERS], "margim", "unknown, instead: revenue");
    check_metric(&[ORDERS, FINANCE], "margim", "unknown, close: margin");
    check_metric(&[ORDERS, "deny: {metrics: [revenue, order_count]}"], "xyzzy", "unknown");
    check_metric(&[PEOPLE], "xyzzy", "unknown");
    check_metric(&[ORDERS], "", "unknown, instead: revenue");
}

#[test]
fn a_missing_attribute_is_named_only_where_it_alone_hides_the_metric() {
    check_metric(&[BY_STATE], "revenue", "lacks text");
    check_metric(&[BY_STATE], "order_count", "lacks text");
    check_metric(&[BY_STATE], "margin", "unknown");
    check_metric(&[BY_STATE, FINANCE], "margin", "lacks text");
    check_metric(&[BY_STATE, FINANCE, "deny: {collections: [board]}"], "margin", "unknown");
    check_metric(&[BY_STATE, "deny: {metrics: [revenue]}"], "revenue", "unknown");
    check_metric(&[BY_STATE, "deny: {tables: [orders], fields: [total]}"], "revenue", "unknown");
    check_metric(
        &[BY_STATE, "deny: {tables: [orders], fields: [total]}"],
        "order_count",
        "lacks text",
    );
    let ids = "groups: [a], grant: {tables: [orders], rows: state = attribute.text, \
               fields: {only: [id]}}";
    check_metric(&[ids], "revenue", "unknown");
    check_metric(&[ids], "order_count", "lacks text");
    // The void grant may be that of a related table.
    let people = "groups: [a], grant: {tables: [people], rows: state = attribute.text}";
    check_metric(&[ORDERS, people], "western_buyers", "lacks text");
    check_metric(&[people], "western_buyers", "unknown");
    check_metric(&[BY_STATE], "western_buyers", "unknown");
    let other = "groups: [b], grant: {tables: [orders], rows: state = attribute.text}";
    check_metric(&[other], "revenue", "unknown");
}

#[test]
fn a_field_is_found_along_visible_relationships_only() {
    check_field(&[ORDERS], "total", "found");
    check_field(&[ORDERS, PEOPLE], "customer.state", "found");
    check_field(&[ORDERS, PEOPLE], "customer.stat", "unknown, close: customer.state");
    check_field(&[ORDERS, PEOPLE], "custmer.state", "unknown, close: customer");
    check_field(&[ORDERS], "customer.state", "unknown");
    check_field(&[ORDERS], "custmer.state", "unknown");
    check_field(&[ORDERS], "note", "unknown, close: noted");
    check_field(&[ORDERS, "deny: {tables: [orders], fields: [noted]}"], "note", "unknown");
    check_field(&[ORDERS, "deny: {tables: [orders], fields: [discount]}"], "discount", "unknown");
    check_field(&[ORDERS, "deny: {tables: [orders], fields: [discount]}"], "discuont", "unknown");
    check_field(&[ORDERS, "deny: {tables: [orders], fields: [discount]}"], "net", "unknown");
    check_field(&[], "total", "unknown");
    check_field(&[PEOPLE], "customer.state", "unknown");
    check_field(
        &[ORDERS, "groups: [a], grant: {tables: [products]}"],
        "product.sold.id",
        "to many: sold",
    );
    check_field(&[ORDERS], "", "unknown");
}

#[test]
fn search_never_names_hidden_things() {
    check_search(&[ORDERS], "revenue", &["revenue", "big_revenue"]);
    check_search(&[ORDERS], "turnover", &["revenue"]);
    check_search(&[ORDERS, "deny: {metrics: [revenue]}"], "turnover", &[]);
    check_search(&[ORDERS, "deny: {metrics: [revenue]}"], "revenue", &["big_revenue"]);
    check_search(&[ORDERS], "people", &[]);
    check_search(&[ORDERS], "everybody", &[]);
    check_search(&[PEOPLE], "everybody", &["people"]);
    check_search(&[ORDERS], "audit", &[]);
    check_search(&["groups: [a], grant: {tables: [audit]}"], "audit", &[]);
    check_search(&[DESCRIBED], "orders", &["orders"]);
    check_search(&[BY_STATE], "orders", &[]);
    check_search(&[], "", &[]);
    check_search(&[PEOPLE], "", &["people"]);
    check_search(&[PEOPLE], "' or 1=1 --", &[]);
}

#[test]
fn several_searches_are_fused_by_their_ranks() {
    let grants = see(&[ORDERS]);
    let found = |searches: &[&str]| -> Vec<(SearchTarget, f64)> {
        grants.search_any(searches).iter().map(|hit| (hit.target, hit.score)).collect()
    };
    // One search, also twice, is what it is alone; none finds everything.
    let alone = grants.search("revenue");
    assert_eq!(grants.search_any(&["revenue", "revenue"]), alone);
    assert_eq!(grants.search_any(&[]), grants.search(""));
    // `revenue` is first of two and then alone: 1/61 + 1/61; the other second of two: 1/62.
    let [first, second] = alone.as_slice() else { panic!("{alone:?}") };
    let wanted = [(first.target, 1.0 / 61.0 + 1.0 / 61.0), (second.target, 1.0 / 62.0)];
    assert_eq!(found(&["revenue", "turnover"]), wanted);
    assert_eq!(found(&["turnover", "revenue"]), wanted);
    assert_eq!(found(&["nothing", "people"]), []);
}

#[test]
fn listings_show_what_may_be_described() {
    let names = |grants: &Grants| -> Vec<String> {
        let tables =
            grants.tables().map(|t| format!("{} {}", t.name, level(grants.table_level(t.id))));
        tables.chain(grants.metrics().map(|m| m.name.clone())).collect()
    };
    assert_eq!(names(&see(&[])), Vec::<String>::new());
    assert_eq!(names(&see(&[PEOPLE])), ["people query"]);
    let described = ["orders describe", "revenue", "order_count", "given_away", "big_revenue"];
    assert_eq!(names(&see(&[DESCRIBED])), described);
    assert_eq!(names(&all(&[])).len(), 12);
    let grants = see(&[ORDERS, "deny: {tables: [orders], fields: [discount]}"]);
    let fields = grants.fields(table(&grants, "orders")).map(|f| f.name.as_str());
    let expected =
        ["id", "user_id", "product_id", "state", "total", "paid", "weight", "placed_on", "noted"];
    assert_eq!(fields.collect::<Vec<_>>(), expected);
}
