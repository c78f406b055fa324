//! Keys: equal for equal rights, different wherever an answer could differ.
//!
//! `SANDBAR_CASES` says how many random pairs of attributes are compared.

use sandbar_auth::{AttributeValue, Principal};

use super::workbench_laws::Random;
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

/// How many random pairs are compared, where nobody says otherwise.
const PAIRS: usize = 10_000;

fn pairs() -> usize {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
    let said = std::env::var("SANDBAR_CASES");
    said.ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS)
}

/// Texts that are easily taken for something else, or for two.
const TEXTS: [&str; 10] = ["", "a", "b", "ab", "a,b", "1", "1.0", "null", "list", "[]"];

fn value(random: &mut Random, depth: usize) -> AttributeValue {
    match random.below(if depth == 0 { 8 } else { 13 }) {
        0 => AttributeValue::Null,
        1 => AttributeValue::Unsupported,
        2 => (random.below(2) == 0).into(),
        3 | 4 => [0_i64, 1, -1, 97][random.below(4)].into(),
        5 => [0.0, 1.0, 1.5, 97.0][random.below(4)].into(),
        6 | 7 => random.pick(&TEXTS).into(),
        _ => AttributeValue::List(values(random, depth - 1)),
    }
}

fn values(random: &mut Random, depth: usize) -> Vec<AttributeValue> {
    (0..random.below(4)).map(|_| value(random, depth)).collect()
}

/// What is almost the same: another type, other brackets, another order.
fn almost(random: &mut Random, of: &AttributeValue) -> AttributeValue {
    let AttributeValue::List(items) = of else {
        return match random.below(3) {
            0 => AttributeValue::List(vec![of.clone()]),
            1 => written(of).into(),
            _ => value(random, 0),
        };
    };
    let mut items = items.clone();
    match random.below(5) {
        0 => items.reverse(),
        1 => items.push(AttributeValue::List(Vec::new())),
        // The first two in brackets of their own.
        2 if items.len() > 1 => {
            let rest = items.split_off(2);
            items = [vec![AttributeValue::List(items)], rest].concat();
        }
        // Without the brackets within.
        3 => {
            let within = items.into_iter().flat_map(|item| match item {
                AttributeValue::List(within) => within,
                other => vec![other],
            });
            items = within.collect();
        }
        _ => {
            let changed = items.first().cloned().map(|first| almost(random, &first));
            items.splice(..usize::from(changed.is_some()), changed);
        }
    }
    AttributeValue::List(items)
}

/// All that a value is, and nothing besides.
fn written(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Null => "null".to_owned(),
        AttributeValue::Boolean(b) => b.to_string(),
        AttributeValue::Integer(n) => n.to_string(),
        AttributeValue::Number(n) => format!("{n:?} in double precision"),
        AttributeValue::Text(text) => format!("{text:?}"),
        AttributeValue::List(items) => {
            format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        _ => "unsupported".to_owned(),
    }
}

#[test]
fn l14_l15_random_attributes_have_one_key_where_they_are_the_same_and_only_there() {
    type Attributes = [Option<AttributeValue>; 2];
    let snapshot = snapshot();
    let set = policies(&snapshot, &POLICIES);
    let key = |attributes: &Attributes, reversed: bool| {
        let named = ["text", "texts"].into_iter().zip(attributes);
        let mut named: Vec<_> =
            named.filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        if reversed {
            named.reverse();
        }
        let grants = set.grants(&snapshot, &who("a b", &named));
        (grants.shape(), grants.effective())
    };
    let texts = |attributes: &Attributes| attributes.clone().map(|v| v.as_ref().map(written));
    let mut random = Random(15);
    let attributes =
        |random: &mut Random| [(); 2].map(|()| (random.below(5) > 0).then(|| value(random, 3)));
    let (pairs, mut equal) = (pairs(), 0);
    for _ in 0..pairs {
        let left = attributes(&mut random);
        let right = match random.below(4) {
            0 => left.clone(),
            // Each under the other's name.
            1 => [left[1].clone(), left[0].clone()],
            2 => left.clone().map(|v| v.map(|v| almost(&mut random, &v))),
            _ => attributes(&mut random),
        };
        let same = texts(&left) == texts(&right);
        let (one, other) = (key(&left, false), key(&right, true));
        assert!(one.0 == other.0, "another shape: {:?} {:?}", texts(&left), texts(&right));
        assert_eq!(one.1 == other.1, same, "{:?} {:?}", texts(&left), texts(&right));
        equal += usize::from(same);
    }
    assert!(equal * 10 > pairs && equal * 2 < pairs, "{equal} of {pairs} are the same");
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
