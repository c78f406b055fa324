//! Masks, and what is seen where grants differ by row.

use super::text::cell;
use super::world::{grants, who};

const HASHED: &str = "groups: [a], grant: {tables: [people], masks: {email: hash}}";
const CALIFORNIANS: &str = "groups: [b], grant: {tables: [people], rows: state = 'CA'}";

/// What is seen of `people.email`.
#[track_caller]
fn check(policies: &[&str], groups: &str, expected: &str) {
    assert_eq!(cell(&grants(policies, &who(groups, &[])), "people.email"), expected);
}

#[track_caller]
fn check_mask(field: &str, mask: &str, expected: &str) {
    let policy = format!("groups: [a], grant: {{tables: [people], masks: {{{field}: {mask}}}}}");
    let found = cell(&grants(&[&policy], &who("a", &[])), &format!("people.{field}"));
    assert_eq!(found, expected, "{mask}");
}

#[test]
fn masks_of_every_kind() {
    check_mask("email", "hash", "hash");
    check_mask("email", "null", "null");
    check_mask("email", "{prefix: 3}", "prefix 3");
    check_mask("email", "{constant: hidden}", "'hidden'");
    check_mask("email", "{constant: null}", "null");
    check_mask("id", "{constant: 0}", "0");
    check_mask("id", "null", "null");
    check_mask("birth_date", "{constant: '1970-01-02'}", "day 1");
}

#[test]
fn clear_beats_masked_row_by_row() {
    let clear = "groups: [b], grant: {tables: [people]}";
    check(&[HASHED, clear], "a", "hash");
    check(&[HASHED, clear], "b", "clear");
    check(&[HASHED, clear], "a b", "clear");
    check(&[clear, HASHED], "a b", "clear");
    let by_row = "state = 'CA' -> clear; everything -> hash";
    check(&[HASHED, CALIFORNIANS], "a b", by_row);
    check(&[CALIFORNIANS, HASHED], "a b", by_row);
    check(&[CALIFORNIANS, HASHED], "b", "clear");
}

#[test]
fn two_masks_go_by_row_and_the_first_policy_wins() {
    let oregon = "groups: [b], grant: {tables: [people], rows: state = 'OR', masks: {email: null}}";
    let washington =
        "groups: [c], grant: {tables: [people], rows: state = 'WA', masks: {email: hash}}";
    check(&[oregon, washington], "b c", "state = 'OR' -> null; state = 'WA' -> hash");
    check(&[washington, oregon], "b c", "state = 'WA' -> hash; state = 'OR' -> null");
    check(&[washington, HASHED], "a c", "hash");
    check(
        &[CALIFORNIANS, HASHED, washington],
        "a b c",
        "state = 'CA' -> clear; everything -> hash",
    );
}

#[test]
fn a_row_whose_grant_does_not_show_the_field_gives_null() {
    let names = "groups: [c], grant: {tables: [people], fields: {only: [name]}}";
    check(&[names], "c", "hidden");
    check(&[names, CALIFORNIANS], "b c", "state = 'CA' -> clear");
    check(&[names, HASHED], "a c", "hash");
}

#[test]
fn a_mask_without_the_field_shows_nothing() {
    let odd = "groups: [a], grant: {tables: [people], fields: {only: [id]}, masks: {email: hash}}";
    check(&[odd], "a", "hidden");
    check(&[HASHED, "deny: {tables: [people], fields: [email]}"], "a", "hidden");
    check(
        &["groups: [a], grant: {tables: [people], masks: {email: hash}, level: describe}"],
        "a",
        "DescribeOnly",
    );
}
