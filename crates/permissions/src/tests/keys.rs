//! Keys: equal for equal rights, different wherever an answer could differ.

use sandbar_auth::{AttributeValue, Principal};

use super::world::{all, grants, policies, snapshot, who};
use crate::{EffectivePolicy, PolicyShape};

const POLICIES: [&str; 3] = [
    "groups: [a], grant: {tables: [orders], rows: state = attribute.text}",
    "groups: [b], grant: {tables: [orders], rows: state in (attribute.texts)}",
    "groups: [a], grant: {tables: [people]}",
];

fn keys(principal: &Principal) -> (PolicyShape, EffectivePolicy) {
    let grants = grants(&POLICIES, principal);
    (grants.shape(), grants.effective())
}

fn json(text: &str) -> AttributeValue {
    AttributeValue::from_json(&serde_json::from_str(text).unwrap())
}

/// Whether shape and effective policy of two principals are the same.
#[track_caller]
fn check(left: &Principal, right: &Principal, expected: (bool, bool)) {
    let (left, right) = (keys(left), keys(right));
    assert_eq!((left.0 == right.0, left.1 == right.1), expected);
}

/// Two values of the attribute `text`: always one shape.
#[track_caller]
fn check_values(left: &str, right: &str, same: bool) {
    let of = |value: &str| who("a", &[("text", json(value))]);
    check(&of(left), &of(right), (true, same));
}

#[test]
fn equal_values_have_equal_keys() {
    for value in ["null", "true", "7", "7.5", r#""CA""#, "[]", r#"["CA", 1, null]"#, "{}"] {
        check_values(value, value, true);
    }
    check_values("0.0", "-0.0", true);
}

#[test]
fn l14_l15_different_values_have_different_keys() {
    let all = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "1.0",
        "1.5",
        r#""""#,
        r#""1""#,
        r#""1.0""#,
        r#""true""#,
        r#""null""#,
        r#""[]""#,
        r#""absent""#,
        r#""list""#,
        "[]",
        "[1]",
        r#"["1"]"#,
        r#"["a", "b"]"#,
        r#"["b", "a"]"#,
        r#"["ab"]"#,
        r#"["a,b"]"#,
        r#"["a", "b", ""]"#,
        r#"[""]"#,
        "[null]",
        r#"["text", "a"]"#,
        r#""' or 1=1 --""#,
    ];
    for (index, left) in all.iter().enumerate() {
        for right in &all[index + 1..] {
            check_values(left, right, false);
        }
        check(&who("a", &[("text", json(left))]), &who("a", &[]), (true, false));
    }
}

#[test]
fn bytes_of_one_type_are_not_those_of_another() {
    let text = "abcdefgh";
    let bits: [u8; 8] = text.as_bytes().try_into().unwrap();
    let values: [AttributeValue; 3] = [
        text.into(),
        i64::from_le_bytes(bits).into(),
        AttributeValue::Number(f64::from_le_bytes(bits)),
    ];
    for (left, right) in [(0, 1), (0, 2), (1, 2)] {
        let of = |index: usize| who("a", &[("text", values[index].clone())]);
        check(&of(left), &of(right), (true, false));
    }
}

#[test]
fn l15_nested_lists_are_told_apart() {
    let list = |items: Vec<AttributeValue>| AttributeValue::List(items);
    let text = |t: &str| AttributeValue::from(t);
    let left = who("a", &[("text", list(vec![list(vec![text("a")]), text("b")]))]);
    let right = who("a", &[("text", list(vec![list(vec![text("a"), text("b")])]))]);
    let flat = who("a", &[("text", list(vec![text("a"), text("b")]))]);
    check(&left, &right, (true, false));
    check(&left, &flat, (true, false));
    check(&right, &flat, (true, false));
}

#[test]
fn the_same_value_under_another_name_is_another_key() {
    let text = who("a", &[("text", "CA".into())]);
    let other = who("a", &[("texts", "CA".into())]);
    check(&text, &other, (true, false));
    let split = who("a", &[("text", "C".into()), ("texts", "A".into())]);
    let shifted = who("a", &[("text", "".into()), ("texts", "CA".into())]);
    check(&split, &shifted, (true, false));
}

#[test]
fn order_and_what_no_policy_mentions_do_not_matter() {
    let (text, list) = (("text", "CA".into()), ("texts", vec!["OR"].into()));
    let left = who("a b", &[text.clone(), list.clone()]);
    check(&left, &who("b a", &[list.clone(), text.clone()]), (true, true));
    check(&left, &who("a a b", &[text.clone(), list.clone()]), (true, true));
    check(&left, &who("a b visitors", &[text.clone(), list.clone()]), (true, true));
    check(
        &left,
        &who("a b", &[text.clone(), list.clone(), ("shoe size", 44.into())]),
        (true, true),
    );
    let other = Principal::asserted_by_host("wei@shop.test").group("a").attribute("text", "CA");
    check(&who("a", &[text]), &other.build().unwrap(), (true, true));
}

#[test]
fn groups_that_bring_policies_change_both_keys() {
    check(&who("a", &[]), &who("b", &[]), (false, false));
    check(&who("a", &[]), &who("a b", &[]), (false, false));
    check(&who("", &[]), &who("nobody", &[]), (true, true));
    check(&who("", &[]), &who("a", &[]), (false, false));
}

#[test]
fn as_many_other_policies_are_another_shape() {
    let both = ["groups: [a], grant: {tables: [orders]}", "groups: [b], grant: {tables: [people]}"];
    let (left, right) = (grants(&both, &who("a", &[])), grants(&both, &who("b", &[])));
    assert!(left.shape() != right.shape() && left.effective() != right.effective());
}

#[test]
fn l14_l16_other_policies_or_an_administrator_have_other_keys() {
    let ana = who("a", &[]);
    let (left, right) = (grants(&POLICIES, &ana), grants(&POLICIES[..2], &ana));
    assert!(left.shape() != right.shape() && left.effective() != right.effective());
    let admin = all(&POLICIES);
    assert!(left.shape() != admin.shape() && left.effective() != admin.effective());
    assert_eq!(admin.effective(), all(&POLICIES).effective());
    let nobody = grants(&POLICIES, &who("", &[]));
    assert!(nobody.effective() != admin.effective());
}

#[test]
fn keys_do_not_depend_on_the_run() {
    let snapshot = snapshot();
    let set = policies(&snapshot, &POLICIES);
    let ana = who("a", &[("text", "CA".into())]);
    let first = set.grants(&snapshot, &ana);
    assert_eq!(first.effective(), grants(&POLICIES, &ana).effective());
    assert_eq!(first.effective().as_bytes().len(), 32);
    assert_ne!(first.effective().as_bytes(), first.shape().as_bytes());
}
