//! Grants are rectangles and add up; restrictions and denials take away.

use super::text::{cell, level, rows};
use super::world::{all, grants, path, table, who};

const ALL: &str = "groups: [a], grant: {tables: [orders]}";
const CA: &str = "groups: [a], grant: {tables: [orders], rows: state = 'CA'}";
const OR: &str = "groups: [b], grant: {tables: [orders], rows: state = 'OR'}";

/// The rows of `orders`.
#[track_caller]
fn check(policies: &[&str], groups: &str, expected: &str) {
    assert_eq!(rows(&grants(policies, &who(groups, &[])), "orders"), expected);
}

#[track_caller]
fn check_cell(policies: &[&str], groups: &str, field: &str, expected: &str) {
    assert_eq!(cell(&grants(policies, &who(groups, &[])), field), expected, "{field}");
}

#[track_caller]
fn check_field(policies: &[&str], groups: &str, field: &str, expected: &str) {
    let grants = grants(policies, &who(groups, &[]));
    assert_eq!(level(grants.field_level(&path(&grants, field))), expected, "{field}");
}

#[test]
fn no_grant_is_absence() {
    check(&[], "a", "Absent");
    check(&[], "", "Absent");
    check(&[ALL], "", "Absent");
    check(&[ALL], "b", "Absent");
    check(&[ALL], "A", "Absent");
    check(&[ALL], "aa", "Absent");
    check(&["restrict: {tables: [orders], rows: state = 'CA'}"], "a", "Absent");
    check(&["groups: [a], grant: {tables: [people]}"], "a", "Absent");
    check_field(&[], "a", "orders.id", "none");
    check(&[ALL], "a", "everything");
}

#[test]
fn the_rows_of_several_grants_are_their_union() {
    check(&[CA, OR], "a", "state = 'CA'");
    check(&[CA, OR], "b", "state = 'OR'");
    check(&[CA, OR], "a b", "(state = 'CA' or state = 'OR')");
    check(&[CA, ALL], "a", "everything");
    check(&[CA, CA], "a", "state = 'CA'");
    check(
        &["groups: [a, b], grant: {tables: [orders], rows: state = 'CA'}"],
        "a b",
        "state = 'CA'",
    );
    check(&["groups: [a], grant: {tables: [orders], rows: 'true'}"], "a", "everything");
    check(&["groups: [a], grant: {tables: [orders], rows: 'false'}"], "a", "never");
    check(&["groups: [a], grant: {tables: [orders], rows: 'null'}"], "a", "never");
    check(&["groups: [a], grant: {tables: [orders], rows: 'false'}", OR], "a b", "state = 'OR'");
}

#[test]
fn a_cell_is_seen_iff_one_grant_shows_both_its_row_and_its_field() {
    let narrow = "groups: [a], grant: {tables: [orders], rows: state = 'CA', fields: {only: [id]}}";
    let wide = "groups: [b], grant: {tables: [orders], rows: state = 'OR', \
                fields: {except: [total]}}";
    check(&[narrow, wide], "a b", "(state = 'CA' or state = 'OR')");
    check_cell(&[narrow, wide], "a b", "orders.id", "clear");
    check_cell(&[narrow, wide], "a b", "orders.state", "state = 'OR' -> clear");
    check_cell(&[narrow, wide], "a b", "orders.total", "hidden");
    check_cell(&[narrow, wide], "a", "orders.state", "hidden");
    check_cell(&[narrow, wide], "b", "orders.state", "clear");
    // A grant of all rows shows the field wherever it stands.
    let every_id = "groups: [a], grant: {tables: [orders], fields: {only: [id]}}";
    check_cell(&[every_id, OR], "a b", "orders.id", "clear");
    check_cell(&[every_id, OR], "a b", "orders.total", "state = 'OR' -> clear");
    check(&[every_id, OR], "a b", "everything");
    check_cell(
        &["groups: [a], grant: {tables: [orders], fields: {only: []}}"],
        "a",
        "orders.id",
        "hidden",
    );
    check_cell(&["groups: [a], grant: {tables: [orders], fields: all}"], "a", "orders.id", "clear");
}

#[test]
fn a_rectangle_without_rows_hides_nothing_of_another() {
    let nothing = "groups: [b], grant: {tables: [orders], rows: 'false', fields: {only: [id]}}";
    check_cell(&[CA, nothing], "a b", "orders.total", "clear");
    check_cell(&[CA, nothing], "a b", "orders.id", "clear");
    check_cell(&[nothing], "b", "orders.id", "null");
    check_cell(&[nothing], "b", "orders.total", "hidden");
    check(&[nothing], "b", "never");
}

#[test]
fn restrictions_are_added_to_every_grant() {
    let paid = "restrict: {tables: [orders], rows: paid}";
    let dear = "groups: [b], restrict: {tables: [orders], rows: weight > 5}";
    check(&[ALL, paid], "a", "paid");
    check(&[ALL, paid, dear], "a", "paid");
    check(&[ALL, paid, dear], "a b", "(paid and weight > 5)");
    check(&[CA, paid], "a", "(state = 'CA' and paid)");
    check(&[CA, OR, paid], "a b", "((state = 'CA' or state = 'OR') and paid)");
    check(&[ALL, "restrict: {tables: [orders], rows: 'false'}"], "a", "never");
    check(&[ALL, "restrict: {tables: [orders], rows: 'true'}"], "a", "everything");
    check(&[ALL, "restrict: {tables: [people], rows: 'false'}"], "a", "everything");
    check(&[ALL, "restrict: {tables: [people, orders], rows: id = 1}"], "a", "id = 1");
}

#[test]
fn conditions_on_related_rows_ask_for_the_partner() {
    let of = |rows: &str| format!("groups: [a], grant: {{tables: [orders], rows: \"{rows}\"}}");
    check(&[&of("customer.state = 'CA'")], "a", "customer[state = 'CA']");
    check(&[&of("buyer_state = 'CA'")], "a", "customer[state = 'CA']");
    check(&[&of("not (customer.state = 'CA')")], "a", "customer[not state = 'CA']");
    check(&[&of("customer.state is null")], "a", "customer[state is null]");
    check(
        &[&of("not (paid or customer.state = 'CA')")],
        "a",
        "(not paid and customer[not state = 'CA'])",
    );
}

#[test]
fn denial_wins() {
    check(&[ALL, "deny: {tables: [orders]}"], "a", "Absent");
    check(&["deny: {tables: [orders]}", ALL], "a", "Absent");
    check(&[ALL, "groups: [b], deny: {tables: [orders]}"], "a", "everything");
    check(&[ALL, "groups: [b], deny: {tables: [orders]}"], "a b", "Absent");
    check(&[ALL, "groups: [b, c], deny: {tables: [orders]}"], "a c", "Absent");
    let no_total = "deny: {tables: [orders], fields: [total, note]}";
    check(&[ALL, no_total], "a", "everything");
    check_cell(&[ALL, no_total], "a", "orders.total", "hidden");
    check_field(&[ALL, no_total], "a", "orders.total", "none");
    check_cell(&[ALL, no_total], "a", "orders.discount", "clear");
    check_cell(&[ALL, OR, no_total], "a b", "orders.total", "hidden");
}

#[test]
fn levels_are_the_most_that_a_grant_gives() {
    let described = "groups: [a], grant: {tables: [orders], level: describe}";
    let nothing = "groups: [a], grant: {tables: [orders], level: none}";
    check(&[described], "a", "DescribeOnly");
    check(&[nothing], "a", "Absent");
    check(&[described, OR], "a b", "state = 'OR'");
    check(&[nothing, OR], "a b", "state = 'OR'");
    check(&[described, "deny: {tables: [orders]}"], "a", "Absent");
    check_field(&[described], "a", "orders.total", "describe");
    check_field(&[nothing], "a", "orders.total", "none");
    // A field that only a describing grant shows is described, and its values are hidden.
    let ids = "groups: [b], grant: {tables: [orders], fields: {only: [id]}}";
    check_field(&[described, ids], "a b", "orders.total", "describe");
    check_field(&[described, ids], "a b", "orders.id", "query");
    check_cell(&[described, ids], "a b", "orders.total", "hidden");
    check_cell(&[described, ids], "a b", "orders.id", "clear");
    check_field(
        &[described, "deny: {tables: [orders], fields: [total]}"],
        "a",
        "orders.total",
        "none",
    );
    // Rows of a describing grant are not shown to a querying one.
    let narrow = "groups: [b], grant: {tables: [orders], rows: state = 'OR', level: query}";
    check(&[described, narrow], "a b", "state = 'OR'");
}

#[test]
fn an_administrator_sees_everything() {
    let grants =
        all(&["deny: {tables: [orders, people]}", "restrict: {tables: [orders], rows: paid}"]);
    for name in ["orders", "people", "products", "audit"] {
        assert_eq!(rows(&grants, name), "everything");
    }
    assert_eq!(grants.tables().count(), 5);
    assert_eq!(grants.metrics().count(), 7);
    assert_eq!(cell(&grants, "orders.note"), "clear");
    assert!(!grants.sandbox(table(&grants, "orders")).unwrap().is_narrowed());
}
