//! Of how many rows something is told at least: the most that anything says which concerns
//! somebody, whatever else he is granted.

use std::sync::Arc;

use super::world::{all, grants, policies, snapshot, table, who};
use crate::{Administrator, PolicyDefinitions, PolicyFile};

const ALL: &str = "groups: [a, b], grant: {tables: [orders, people]}";
const FIVE: &str = "groups: [a], restrict: {tables: [orders], min_group_size: 5}";
const NINE: &str = "groups: [b], restrict: {tables: [orders, people], min_group_size: 9}";
const TWO: &str = "restrict: {tables: [orders], rows: paid, min_group_size: 2}";

/// The sizes of `orders` and `people`.
#[track_caller]
fn check(policies: &[&str], groups: &str, expected: (Option<u32>, Option<u32>)) {
    let grants = grants(policies, &who(groups, &[]));
    let size = |name: &str| grants.min_group_size(table(&grants, name));
    assert_eq!((size("orders"), size("people")), expected);
    for name in ["orders", "people"] {
        if let Ok(sandbox) = grants.sandbox(table(&grants, name)) {
            assert_eq!(sandbox.min_group_size(), size(name));
            assert!(sandbox.is_narrowed() || size(name).is_none());
        }
    }
}

#[test]
fn the_largest_size_that_concerns_somebody_holds() {
    check(&[ALL], "a", (None, None));
    check(&[ALL, FIVE], "a", (Some(5), None));
    check(&[ALL, FIVE], "b", (None, None));
    check(&[ALL, FIVE, NINE], "a b", (Some(9), Some(9)));
    check(&[ALL, NINE, FIVE], "b a", (Some(9), Some(9)));
    check(&[ALL, TWO], "b", (Some(2), None));
    check(&[ALL, TWO, FIVE, NINE], "a", (Some(5), None));
    // No grant lifts it, and it grants nothing.
    check(&[ALL, FIVE, "groups: [c], grant: {tables: [orders]}"], "a c", (Some(5), None));
    check(&[FIVE, NINE, TWO], "a b", (None, None));
}

#[test]
fn rows_and_groups_of_one_policy_are_both_narrowed() {
    let grants = grants(&[ALL, TWO], &who("a", &[]));
    let sandbox = grants.sandbox(table(&grants, "orders")).unwrap();
    assert!(!sandbox.rows().is_everything());
    // It is told once.
    let applied = grants.applied(table(&grants, "orders"), &Administrator::asserted_by_host());
    let effects: Vec<_> = applied.iter().map(|policy| policy.effect).collect();
    assert_eq!(effects, ["grant", "restrict"]);
}

#[test]
fn an_administrator_sees_single_rows() {
    let grants = all(&[ALL, FIVE, TWO]);
    assert_eq!(grants.min_group_size(table(&grants, "orders")), None);
    let one = super::world::grants(&[ALL, FIVE], &who("a", &[]));
    let either = one.rows_of_either(&one, &Administrator::asserted_by_host());
    assert_eq!(either.min_group_size(table(&either, "orders")), None);
}

#[test]
fn another_size_is_another_right() {
    let six = FIVE.replace('5', "6");
    let of = |lines: &[&str]| grants(lines, &who("a", &[])).effective();
    assert_ne!(of(&[ALL, FIVE]), of(&[ALL, &six]));
}

#[test]
fn a_change_of_sizes_is_told() {
    let snapshot = snapshot();
    let administrator = Administrator::asserted_by_host();
    let diff = |before: &[&str], after: &[&str]| {
        let (before, after) = (policies(&snapshot, before), policies(&snapshot, after));
        before.diff(&after, &snapshot, &administrator).to_string()
    };
    assert_eq!(diff(&[ALL], &[ALL, FIVE]), "group a\n  - table orders: min_group_size 1 → 5\n");
    assert_eq!(
        diff(&[ALL, NINE], &[ALL, FIVE]),
        "group a\n  - table orders: min_group_size 1 → 5\ngroup b\n  + table orders: \
         min_group_size 9 → 1\n  + table people: min_group_size 9 → 1\n"
    );
    let nobody = policies(&snapshot, &[FIVE]).coverage(&snapshot, &administrator);
    assert!(nobody.to_string().contains("it concerns no one: nothing grants `orders`"));
    let true_for_all = "restrict: {tables: [orders], rows: 'true', min_group_size: 2}";
    let useful = policies(&snapshot, &[ALL, true_for_all]).coverage(&snapshot, &administrator);
    assert!(!useful.to_string().contains("it keeps every row"), "{useful}");
}

#[test]
fn a_size_built_in_rust_is_checked_too() {
    let check = |rows: u32| {
        let file = PolicyFile::new().min_group_size("few", "orders", rows);
        PolicyDefinitions::new(file).check(&snapshot()).map(|set| Arc::new(set).len())
    };
    assert_eq!(check(2).unwrap(), 1);
    assert_eq!(check(1_000_000).unwrap(), 1);
    for rows in [0, 1, 1_000_001] {
        assert_eq!(check(rows).unwrap_err().findings()[0].problem.code, "P0117");
    }
}
