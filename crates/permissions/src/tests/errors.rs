//! What is said of policies that are built in Rust, or that no file can show.

use sandbar_catalog::Report;

use super::world::snapshot;
use crate::{DenyDef, GrantDef, MaskDef, PolicyDefinitions, PolicyFile};

fn report(file: PolicyFile) -> Result<usize, Report> {
    PolicyDefinitions::new(file).check(&snapshot()).map(|set| set.len())
}

/// The codes and sentences, in order.
#[track_caller]
fn check(file: PolicyFile, expected: &[&str]) {
    let report = report(file).expect_err("the policies are right");
    let found = report.findings().iter().map(|f| format!("{} {}", f.problem.code, f.problem));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

fn file() -> PolicyFile {
    PolicyFile::new().group("a").attribute("state", "text").list_attribute("states", "text")
}

#[test]
fn policies_built_in_rust_are_checked_too() {
    let orders = || GrantDef::table("orders");
    let right = file()
        .grant("own", "a", orders().rows("state in (attribute.states)").except(&["note"]))
        .grant("masked", "a", GrantDef::table("people").mask("email", MaskDef::Hash))
        .restrict("paid", "orders", "paid")
        .deny("secret", DenyDef::table("people").fields(&["birth_date"]));
    assert_eq!(report(right).unwrap(), 4);
    assert_eq!(report(PolicyFile::new()).unwrap(), 0);
    check(
        file().grant("own", "b", orders().rows("stat = attribute.stat").only(&["idd"])),
        &[
            "P0103 `stat` is not a field of `orders`; did you mean `state`?",
            "P0103 `idd` is not a field of `orders`; did you mean `id`?",
            "P0106 `b` is not a declared group",
        ],
    );
    check(
        file().grant("nothing", "a", GrantDef::default()),
        &["P0111 a grant names `tables`, `metrics` or `collections`"],
    );
}

#[test]
fn a_condition_that_is_wrong_never_becomes_a_grant_of_everything() {
    for rows in ["", " ", "state =", "total", "total + discount > 1", "customer.state = state"] {
        let wrong = file().grant("own", "a", GrantDef::table("orders").rows(rows));
        assert_eq!(report(wrong).unwrap_err().len(), 1, "{rows}");
        let wrong = file().restrict("own", "orders", rows);
        assert_eq!(report(wrong).unwrap_err().len(), 1, "{rows}");
    }
}

#[test]
fn l26_a_condition_reads_no_other_table_than_related_ones() {
    for (rows, expected) in [
        ("people.state = 'CA'", "P0103 `people` is not a relationship of `orders`"),
        ("customer.orders.id = 1", "P0103 `orders` is not a relationship of `people`"),
        (
            "product.sold.paid",
            "P0101 `sold` leads to many rows of `orders`: a row has no single value there",
        ),
        ("current_user = 'ana'", "P0101 unknown function `current_user`"),
        ("state = attribute", "P0103 `attribute` is not a field of `orders`"),
    ] {
        check(file().restrict("r", "orders", rows), &[expected]);
    }
}

#[test]
fn l40_an_attribute_is_no_pattern() {
    let expected = ["P0101 the pattern of `like` is a constant text"];
    for rows in [
        "state like attribute.state",
        "state not like attribute.state",
        "state ilike attribute.state",
        "state like concat(attribute.state, '%')",
    ] {
        check(file().restrict("r", "orders", rows), &expected);
    }
}

#[test]
fn no_value_of_an_attribute_can_appear_in_a_report() {
    let report = report(file().restrict("r", "orders", "id = attribute.state")).unwrap_err();
    assert!(report.to_string().contains("an integer cannot be compared with a text"), "{report}");
}
