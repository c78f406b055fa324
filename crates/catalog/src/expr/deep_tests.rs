//! Texts that are as long as they may be and as deep as that makes them: they are refused, on a
//! stack of the usual size.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::ast::Expr;
use super::bind::{Allow, ExprError, Scope, bind};
use crate::types::Type;

struct Numbers;

impl Scope for Numbers {
    fn name(&mut self, _: &[&str]) -> Result<Expr, ExprError> {
        Ok(Expr::new(super::ast::ExprKind::Attribute("x".to_owned()), Type::Integer))
    }
}

/// The stack that a thread has unless somebody says otherwise.
#[track_caller]
fn check(text: String, expected: &str) {
    let work = move || bind(&text, Allow::Rows, &mut Numbers).map(|_| ()).unwrap_err().message;
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap();
    let message = thread.join().unwrap();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_chain_of_thousands_of_terms_is_refused_and_overflows_no_stack() {
    let large = "at most 400 parts and a depth of 48";
    for (first, term, count) in [
        ("1", "+1", 4_000),
        ("x", " or x", 1_600),
        ("x", " is null", 1_000),
        ("x", " collate c", 800),
        ("x", "::int", 1_600),
        ("x", " at time zone 'UTC'", 420),
        ("x", "[1]", 2_700),
        ("", "not ", 2_000),
        ("", "(", 8_000),
        ("", "- ", 4_000),
    ] {
        let text = format!("{first}{}", term.repeat(count));
        assert!(text.len() <= 8_192, "{term}");
        check(text, if first.is_empty() { "" } else { large });
    }
}

#[test]
fn the_longest_chain_that_is_read_at_all_overflows_no_stack() {
    for (first, term, tokens, expected) in [
        ("1", "+1", 2, "at most 400 parts"),
        ("x", " or x", 2, "at most 400 parts"),
        ("x", " is null", 2, ""),
        ("x", " collate c", 2, ""),
        ("x", "::int", 2, ""),
    ] {
        check(format!("{first}{}", term.repeat(1_590 / tokens)), expected);
    }
}

/// The parser tries other ways where one does not lead to an end, and so goes through all that
/// stands in such a form twice, or three times.
#[test]
fn what_is_read_again_is_not_read_a_million_times() {
    for (first, last) in [
        ("not (", ")"),
        ("not -(", ")"),
        ("case -(", ")"),
        ("floor(", ")"),
        ("cast(", " as text)"),
        ("try_convert(", ")"),
        ("current_date(", ")"),
        ("localtimestamp(", ")"),
        ("position(", ")"),
        ("extract(", ")"),
        ("interval ", ""),
        ("interval -(", ")"),
        ("case[", "]"),
        ("array[", "]"),
        ("a.b[", "]"),
        ("x in (values (", "))"),
        ("x in (", ")"),
        ("f(x := ", ")"),
        ("f(x => ", ")"),
        ("(y -> ", ")"),
        ("{fn f(", ")}"),
        ("struct(", ")"),
        ("exists (", ")"),
        ("(select a from (", "))"),
        ("x in (select a from t where ", ")"),
        ("(with a as (", "))"),
        ("array(", ")"),
    ] {
        for inner in ["x y", ") x"] {
            for count in [13, 30, 45] {
                check(format!("{}{inner}{}", first.repeat(count), last.repeat(count)), "");
            }
        }
    }
    check(format!("{}x y{}", "not -(".repeat(30), ")".repeat(30)), "in each other");
}

#[test]
fn what_can_be_read_may_stand_in_itself() {
    let text = format!("{}x = 1{}", "not (".repeat(20), ")".repeat(20));
    assert!(bind(&text, Allow::Rows, &mut Numbers).is_ok());
}
