//! Attributes become constants, and doubt denies.

use sandbar_auth::AttributeValue;

use super::text::{cell, rows};
use super::world::{grants, who};

const INJECTION: &str = "' or 1=1 --";

fn json(text: &str) -> AttributeValue {
    AttributeValue::from_json(&serde_json::from_str(text).unwrap())
}

/// The rows of `orders` under one grant with this condition.
#[track_caller]
fn check(condition: &str, attribute: &str, value: AttributeValue, expected: &str) {
    let policy = format!("groups: [a], grant: {{tables: [orders], rows: {condition}}}");
    let found = rows(&grants(&[&policy], &who("a", &[(attribute, value)])), "orders");
    assert_eq!(found, expected);
}

/// The same from JSON; `None` expects the grant to be void.
#[track_caller]
fn check_type(attribute: &str, value: &str, expected: Option<&str>) {
    let (condition, shown) = condition(attribute);
    let expected = match expected {
        Some("never") => "never".to_owned(),
        Some(value) => format!("{shown}{value}"),
        None => format!("MissingAttribute(\"{attribute}\")"),
    };
    check(condition, attribute, json(value), &expected);
}

/// A condition that compares with an attribute, and how it begins where it is shown.
fn condition(attribute: &str) -> (&'static str, &'static str) {
    match attribute {
        "text" => ("state = attribute.text", "state = "),
        "integer" => ("id = attribute.integer", "id = "),
        "number" => ("weight = attribute.number", "weight = "),
        "boolean" => ("paid = attribute.boolean", "paid = "),
        "date" => ("placed_on = attribute.date", "placed_on = "),
        "texts" => ("state in (attribute.texts)", "state in "),
        "integers" => ("id in (attribute.integers)", "id in "),
        "dates" => ("placed_on in (attribute.dates)", "placed_on in "),
        other => panic!("{other}"),
    }
}

#[test]
fn a_text_takes_text_as_it_is() {
    check_type("text", r#""CA""#, Some("'CA'"));
    check_type("text", r#""""#, Some("''"));
    check_type("text", r#"" CA ""#, Some("' CA '"));
    check_type("text", r#""Köln 北京 🦀""#, Some("'Köln 北京 🦀'"));
    check_type("text", r#""null""#, Some("'null'"));
    check_type("text", r#""1""#, Some("'1'"));
    check("state = attribute.text", "text", INJECTION.into(), &format!("state = '{INJECTION}'"));
    let long = "x".repeat(100_000);
    check("state = attribute.text", "text", long.as_str().into(), &format!("state = '{long}'"));
    for other in ["null", "1", "1.5", "true", "[]", r#"["CA"]"#, "{}", r#"{"a": "CA"}"#] {
        check_type("text", other, None);
    }
}

#[test]
fn an_integer_takes_whole_numbers_and_their_one_spelling() {
    check_type("integer", "7", Some("7"));
    check_type("integer", "-9223372036854775808", Some("-9223372036854775808"));
    check_type("integer", r#""7""#, Some("7"));
    check_type("integer", r#""-7""#, Some("-7"));
    for other in [
        "null",
        "7.0",
        "7.5",
        "true",
        "[7]",
        "{}",
        "9223372036854775808",
        "1e3",
        r#""""#,
        r#"" 7""#,
        r#""7 ""#,
        r#""07""#,
        r#""+7""#,
        r#""-0""#,
        r#""7.0""#,
        r#""0x7""#,
        r#""７""#,
        r#""9223372036854775808""#,
        r#""1 or 1=1""#,
    ] {
        check_type("integer", other, None);
    }
    check("id = attribute.integer", "integer", INJECTION.into(), "MissingAttribute(\"integer\")");
}

#[test]
fn a_number_takes_finite_numbers() {
    check_type("number", "1.5", Some("1.5"));
    check_type("number", "-0.0", Some("0.0"));
    check_type("number", "7", Some("7.0"));
    check_type("number", "9007199254740992", Some("9007199254740992.0"));
    // Rounding would compare with a neighbour.
    check_type("number", "9007199254740993", None);
    check_type("number", "-9223372036854775808", None);
    for other in ["null", "true", r#""1.5""#, r#""7""#, "[1.5]", "{}", "18446744073709551615"] {
        check_type("number", other, None);
    }
    for n in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = "MissingAttribute(\"number\")";
        check("weight = attribute.number", "number", AttributeValue::Number(n), refused);
    }
}

#[test]
fn a_boolean_takes_nothing_else() {
    check_type("boolean", "true", Some("true"));
    check_type("boolean", "false", Some("false"));
    for other in ["null", "0", "1", r#""true""#, r#""false""#, r#""""#, "[true]", "{}"] {
        check_type("boolean", other, None);
    }
}

#[test]
fn a_date_takes_one_spelling() {
    check_type("date", r#""1970-01-11""#, Some("day 10"));
    for other in [
        "null",
        "10",
        "true",
        "{}",
        r#"["1970-01-11"]"#,
        r#""1970-1-11""#,
        r#""19700111""#,
        r#""1970-02-30""#,
        r#""1970-01-11T00:00:00""#,
        r#"" 1970-01-11""#,
        r#""today""#,
    ] {
        check_type("date", other, None);
    }
}

#[test]
fn a_list_takes_lists_of_its_type() {
    check_type("texts", r#"["CA"]"#, Some("('CA')"));
    check_type("texts", r#"["CA", "OR", "' or 1=1 --"]"#, Some("('CA', 'OR', '' or 1=1 --')"));
    check_type("texts", r#"["CA, OR"]"#, Some("('CA, OR')"));
    check_type("integers", r#"[1, "2"]"#, Some("(1, 2)"));
    check_type("dates", r#"["1970-01-02"]"#, Some("(day 1)"));
    for empty in ["texts", "integers", "dates"] {
        check_type(empty, "[]", Some("never"));
    }
    for other in [
        "null",
        r#""CA""#,
        r#""CA,OR""#,
        "{}",
        "true",
        r#"[["CA"]]"#,
        r#"[["CA"], "OR"]"#,
        "[[]]",
        "[null]",
        r#"["CA", null]"#,
        r#"["CA", 1]"#,
        r#"["CA", {}]"#,
    ] {
        check_type("texts", other, None);
    }
    for other in ["1", r#"[1, "x"]"#, "[1.5]", "[true]"] {
        check_type("integers", other, None);
    }
    let nested = AttributeValue::List(vec![AttributeValue::List(vec!["CA".into()]), "OR".into()]);
    let refused = "MissingAttribute(\"texts\")";
    check("state in (attribute.texts)", "texts", nested, refused);
    let many = |count: i64| AttributeValue::from((0..count).collect::<Vec<i64>>());
    let all: Vec<String> = (0..10_000).map(|n: i64| n.to_string()).collect();
    let shown = format!("id in ({})", all.join(", "));
    check("id in (attribute.integers)", "integers", many(10_000), &shown);
    let refused = "MissingAttribute(\"integers\")";
    check("id in (attribute.integers)", "integers", many(10_001), refused);
}

#[test]
fn an_empty_list_means_no_rows_wherever_it_stands() {
    let empty = || AttributeValue::List(Vec::new());
    check("\"not (state in (attribute.texts))\"", "texts", empty(), "never");
    check("\"state in ('CA', attribute.texts)\"", "texts", empty(), "never");
    check("\"paid or state in (attribute.texts)\"", "texts", empty(), "never");
    check(
        "\"state in ('CA', attribute.texts)\"",
        "texts",
        vec!["OR"].into(),
        "state in ('CA', 'OR')",
    );
}

#[test]
fn an_attribute_that_is_missing_voids_the_whole_wherever_an_empty_list_stands() {
    let empty = || AttributeValue::List(Vec::new());
    let missing = "MissingAttribute(\"integer\")";
    check("state in (attribute.texts) or id = attribute.integer", "texts", empty(), missing);
    check("id = attribute.integer or state in (attribute.texts)", "texts", empty(), missing);
    check("not (state in (attribute.texts)) and id = attribute.integer", "texts", empty(), missing);
}

#[test]
fn what_is_certain_without_a_row_has_no_place_in_a_filter() {
    // By hand, as SQL has it.
    for (condition, expected) in [
        ("attribute.text = 'boss'", "never"),
        ("attribute.text = 'clerk'", "everything"),
        ("attribute.text <> 'boss' and id > 3", "id > 3"),
        ("attribute.text = 'boss' or id > 3", "id > 3"),
        ("attribute.text = 'boss' and id > 3", "never"),
        ("attribute.text in ('boss', 'chief')", "never"),
        ("attribute.text in ('boss', 'clerk')", "everything"),
        ("not (attribute.text in ('boss', 'chief'))", "everything"),
        ("attribute.text between 'a' and 'd'", "everything"),
        ("attribute.text between 'd' and 'e'", "never"),
        ("attribute.text is not null", "everything"),
        ("attribute.text is not distinct from 'clerk'", "everything"),
        ("attribute.text is distinct from null", "everything"),
        ("attribute.text = 'clerk' and state in ('CA', null)", "state in ('CA', null)"),
        ("attribute.text = 'clerk' and state not in ('CA', null)", "never"),
        ("attribute.text = 'clerk' and state = null", "never"),
        ("attribute.text = 'clerk' and state in (null)", "never"),
        ("attribute.text = 'clerk' and not (state = null or id > 3)", "never"),
    ] {
        check(&format!("\"{condition}\""), "text", "clerk".into(), expected);
    }
}

#[test]
fn names_of_attributes_are_exact() {
    for name in ["Text", "tex", "texts", "attribute.text", "text ."] {
        check("state = attribute.text", name, "CA".into(), "MissingAttribute(\"text\")");
    }
}

/// One row of the table in docs/policies.md: what a grant alone shows, what a restriction of somebody
/// who is shown everything keeps, and what a denial leaves. `None`: it cannot be bound.
#[track_caller]
fn check_row(attribute: &str, value: Option<AttributeValue>, bound: Option<&str>) {
    let (condition, shown) = condition(attribute);
    let given: Vec<_> = value.into_iter().map(|value| (attribute, value)).collect();
    let found =
        |policies: &[&str], groups: &str| rows(&grants(policies, &who(groups, &given)), "orders");
    let grant = format!("groups: [a], grant: {{tables: [orders], rows: {condition}}}");
    let restriction = format!("restrict: {{tables: [orders], rows: {condition}}}");
    let denial = "deny: {tables: [orders]}";
    let (granted, kept) = match bound {
        Some("never") => ("never".to_owned(), "never".to_owned()),
        Some(value) => (format!("{shown}{value}"), format!("{shown}{value}")),
        None => (format!("MissingAttribute(\"{attribute}\")"), "never".to_owned()),
    };
    assert_eq!(found(&[&grant], "a"), granted);
    assert_eq!(found(&[BY_NOTHING, &restriction], "b"), kept);
    assert_eq!(found(&[&grant, denial], "a"), "Absent");
    assert_eq!(found(&[BY_NOTHING, &restriction, denial], "b"), "Absent");
}

#[test]
fn l37_every_cell_of_the_manual_is_as_it_says() {
    let row = |attribute: &str, value: &str, bound: Option<&str>| {
        check_row(attribute, Some(json(value)), bound);
    };
    // Its declared type.
    row("text", r#""CA""#, Some("'CA'"));
    row("integer", "7", Some("7"));
    row("number", "1.5", Some("1.5"));
    row("boolean", "true", Some("true"));
    row("date", r#""1970-01-11""#, Some("day 10"));
    row("texts", r#"["CA", "OR"]"#, Some("('CA', 'OR')"));
    for attribute in ["text", "integer", "number", "boolean", "date", "texts", "integers", "dates"]
    {
        check_row(attribute, None, None);
        row(attribute, "null", None);
        row(attribute, "{}", None);
    }
    // Another type, of the whole or of an element; too many.
    row("boolean", r#""true""#, None);
    row("date", "10", None);
    row("texts", r#""CA""#, None);
    row("text", r#"["CA"]"#, None);
    row("texts", r#"["CA", 1]"#, None);
    check_row("integers", Some((0..10_001).collect::<Vec<i64>>().into()), None);
    for attribute in ["texts", "integers", "dates"] {
        row(attribute, "[]", Some("never"));
    }
    // A number as text, and a text as number.
    row("integer", r#""7""#, Some("7"));
    row("integer", r#""-7""#, Some("-7"));
    for text in [r#""07""#, r#""+7""#, r#"" 7""#, r#""7.0""#, r#""７""#] {
        row("integer", text, None);
    }
    row("number", r#""1.5""#, None);
    row("text", "1", None);
    // Huge numbers.
    for number in ["9223372036854775808", "-9223372036854775809", "7.0", "1e3"] {
        row("integer", number, None);
    }
    row("integer", "9223372036854775807", Some("9223372036854775807"));
    row("number", "9007199254740992", Some("9007199254740992.0"));
    for number in ["9007199254740993", "-9007199254740993", "18446744073709551615"] {
        row("number", number, None);
    }
    for number in ["1e20", "100000000000000000000", "100000000000000000001"] {
        row("number", number, Some("1e20"));
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check_row("number", Some(AttributeValue::Number(number)), None);
    }
    // Letters, and what would mean something elsewhere.
    row("text", r#""Köln 北京 🦀""#, Some("'Köln 北京 🦀'"));
    row("text", r#""' or 1=1 --""#, Some(&format!("'{INJECTION}'")));
    row("text", r#""null""#, Some("'null'"));
    for attribute in ["integer", "number", "boolean", "date", "texts", "integers", "dates"] {
        row(attribute, r#""1 or 1=1""#, None);
        check_row(attribute, Some(INJECTION.into()), None);
    }
}

const BY_STATE: &str = "groups: [a], grant: {tables: [orders], rows: state = attribute.text}";
const BY_ID: &str = "groups: [a], grant: {tables: [orders], rows: id = attribute.integer}";
const BY_NOTHING: &str = "groups: [b], grant: {tables: [orders]}";
const RESTRICTED: &str = "restrict: {tables: [orders], rows: state = attribute.text}";

#[track_caller]
fn check_all(policies: &[&str], groups: &str, text: Option<&str>, expected: &str) {
    let attributes: Vec<_> = text.into_iter().map(|t| ("text", AttributeValue::from(t))).collect();
    assert_eq!(rows(&grants(policies, &who(groups, &attributes)), "orders"), expected);
}

#[test]
fn a_void_grant_contributes_nothing() {
    check_all(&[BY_STATE], "a", None, "MissingAttribute(\"text\")");
    check_all(&[BY_STATE, BY_NOTHING], "a b", None, "everything");
    check_all(&[BY_STATE, BY_ID], "a", Some("CA"), "state = 'CA'");
    check_all(&[BY_STATE, BY_ID], "a", None, "MissingAttribute(\"text\")");
    check_all(&[BY_ID, BY_STATE], "a", None, "MissingAttribute(\"integer\")");
    check_all(&[BY_STATE], "b", None, "Absent");
    check_all(&[BY_STATE, "deny: {tables: [orders]}"], "a", None, "Absent");
    let shown = "groups: [b], grant: {tables: [orders], fields: {only: [id]}}";
    let found = grants(&[BY_STATE, shown], &who("a b", &[]));
    assert_eq!(cell(&found, "orders.total"), "hidden");
    let of_none =
        "groups: [a], grant: {tables: [orders], level: none, rows: state = attribute.text}";
    check_all(&[of_none], "a", None, "Absent");
}

#[test]
fn a_void_restriction_shows_nothing() {
    check_all(&[BY_NOTHING, RESTRICTED], "b", None, "never");
    check_all(&[BY_NOTHING, RESTRICTED], "b", Some("CA"), "state = 'CA'");
    check_all(&[BY_ID, RESTRICTED], "a", None, "MissingAttribute(\"integer\")");
    let of_b = "groups: [b], restrict: {tables: [orders], rows: state = attribute.text}";
    check_all(&["groups: [a], grant: {tables: [orders]}", of_b], "a", None, "everything");
    check_all(&["groups: [a], grant: {tables: [orders]}", of_b], "a b", None, "never");
}

#[test]
fn a_denial_applies_whatever_attributes_there_are() {
    let denied = "deny: {tables: [orders]}";
    check_all(&[BY_NOTHING, denied], "b", None, "Absent");
    check_all(&[BY_NOTHING, denied, RESTRICTED], "b", Some("CA"), "Absent");
}

#[test]
fn l37_a_set_of_other_rows_is_as_doubtful_as_its_attributes() {
    let set = "user_id in (select id from people where state = attribute.text)";
    let shown = |rows: &str| format!("user_id in people.id[{rows}]");
    check(set, "text", "CA".into(), &shown("state = 'CA'"));
    check(set, "text", INJECTION.into(), &shown(&format!("state = '{INJECTION}'")));
    check(set, "text", 1_i64.into(), "MissingAttribute(\"text\")");
    check(set, "integer", 1_i64.into(), "MissingAttribute(\"text\")");
    // An empty list lets no row pass, also where the set is one of two ways in.
    let either = "paid or user_id in (select id from people where state in (attribute.texts))";
    check(either, "texts", json("[]"), "never");
    let both = "user_id not in (select id from people where id is not null and state = \
                attribute.text) and paid";
    let other = "user_id not in people.id[(not id is null and state = 'CA')]";
    check(both, "text", "CA".into(), &format!("({other} and paid)"));
}

#[test]
fn not_of_a_set_is_the_other_set() {
    let policy = |rows: &str| {
        let policy = format!("groups: [a], grant: {{tables: [orders], rows: '{rows}'}}");
        rows_of(&policy)
    };
    let set = "(user_id in (select id from people where id is not null))";
    assert_eq!(policy(&format!("not {set}")), "user_id not in people.id[not id is null]");
    assert_eq!(policy(&format!("not (not {set})")), "user_id in people.id[not id is null]");
    // Nobody is in it, so everybody who is known is not.
    let nobody = "user_id not in (select id from people where id is not null and false)";
    assert_eq!(policy(nobody), "not user_id is null");
    assert_eq!(policy("user_id in (select id from people where false)"), "never");
    assert_eq!(policy("user_id in (select id from people)"), "user_id in people.id[everything]");
    // Behind a relationship, and with a set inside of a set.
    assert_eq!(
        policy("customer.id in (select user_id from orders where paid)"),
        "customer[id in orders.user_id[paid]]"
    );
    assert_eq!(
        policy(
            "user_id in (select user_id from orders where product_id in (select id from products))"
        ),
        "user_id in orders.user_id[product_id in products.id[everything]]"
    );
}

#[track_caller]
fn rows_of(policy: &str) -> String {
    rows(&grants(&[policy], &who("a", &[])), "orders")
}
