//! When a token holds, and how often.

use sandbar_auth::TokenRefusal::{
    BadExp, BadIat, BadNbf, Expired, FromTheFuture, LivesTooLong, Malformed, MissingIat,
    NotYetValid, Replayed, TooManyTokens, TooOld,
};
use sandbar_testkit::forge::{Forge, NOW};

use super::Cases;
use super::doors::Door;

pub(super) fn cases() -> Vec<Cases> {
    vec![issued(), written(), expiring(), starting(), clocks(), again()]
}

/// A right token, issued then.
fn at(iat: u64) -> String {
    said(&iat.to_string())
}

fn said(iat: &str) -> String {
    Forge::new().claims(format!(r#"{{"iat":{iat},"email":"ana@shop.test"}}"#)).token()
}

/// ATK10: younger than 180 s, and at most 5 s ahead.
fn issued() -> Cases {
    let mut cases = Cases::of("atk10");
    for ago in [0, 1, 60, 178, 179] {
        cases.accepted(format!("{ago} s ago"), at(NOW - ago));
    }
    for ago in [180, 181, 240, 3_600, 86_400, 31_536_000, NOW - 1, NOW] {
        cases.refused(format!("{ago} s ago"), at(NOW - ago), TooOld);
    }
    for ahead in [1, 4, 5] {
        cases.accepted(format!("in {ahead} s"), at(NOW + ahead));
    }
    for ahead in [6, 60, 180, 86_400, NOW * 999, u64::MAX - NOW] {
        cases.refused(format!("in {ahead} s"), at(NOW + ahead), FromTheFuture);
    }
    for (door, age, skew) in [(Door::Strict, 60, 0), (Door::Lenient, 3_600, 60)] {
        cases.case("the oldest", door, at(NOW - age + 1), Ok(()));
        cases.case("at the age", door, at(NOW - age), Err(TooOld));
        cases.case("older", door, at(NOW - age - 1), Err(TooOld));
        cases.case("as far ahead as may be", door, at(NOW + skew), Ok(()));
        cases.case("further ahead", door, at(NOW + skew + 1), Err(FromTheFuture));
    }
    cases
}

/// ATK10: a whole number of seconds, and there.
fn written() -> Cases {
    let mut cases = Cases::of("atk10");
    let without = Forge::new().claims(r#"{"email":"ana@shop.test"}"#).token();
    cases.refused("no iat", without, MissingIat);
    cases.refused("null", said("null"), MissingIat);
    for iat in [
        r#""1782864000""#,
        r#"""#.to_owned().as_str(),
        "1782864000.0",
        "1782864000.5",
        "1.782864e9",
        "-1",
        "-1782864000",
        "-0",
        "true",
        "false",
        "[]",
        "[1782864000]",
        "{}",
        "18446744073709551616",
        r#""2026-07-01T00:00:00Z""#,
        "1e10",
        "0.0",
    ] {
        let why = if iat == "\"" { Malformed } else { BadIat };
        cases.refused(iat, said(iat), why);
    }
    cases.refused("1e400", said("1e400"), Malformed);
    cases.refused("milliseconds", at(NOW * 1_000), FromTheFuture);
    cases
}

/// ATK10: an end that has come, or lies too far ahead.
fn expiring() -> Cases {
    let mut cases = Cases::of("atk10");
    let exp = |cases: &mut Cases, exp: String, expected| {
        cases.claims(Door::Plain, &format!(r#""exp":{exp}"#), expected);
    };
    for ahead in [1, 60, 86_400] {
        exp(&mut cases, (NOW + ahead).to_string(), Ok(()));
    }
    for past in [0, 1, 5, 60, NOW] {
        exp(&mut cases, (NOW - past).to_string(), Err(Expired));
    }
    for far in [NOW + 86_401, NOW + 31_536_000, 1_000_000_000_000_000_000, u64::MAX] {
        exp(&mut cases, far.to_string(), Err(LivesTooLong));
    }
    for bad in [
        "null",
        "true",
        r#""9999999999""#,
        "-1",
        "1e12",
        "1782864060.0",
        "[]",
        "{}",
        "18446744073709551616",
    ] {
        exp(&mut cases, bad.to_owned(), Err(BadExp));
    }
    let both = |iat: u64, exp: u64| {
        Forge::new()
            .claims(format!(r#"{{"iat":{iat},"exp":{exp},"email":"ana@shop.test"}}"#))
            .token()
    };
    cases.refused("an end before the start", both(NOW + 5, NOW + 4), Expired);
    cases.refused("an end does not help an old token", both(NOW - 180, NOW + 60), TooOld);
    cases.case("two hours", Door::Lenient, both(NOW, NOW + 7_200), Ok(()));
    cases.case("a second more", Door::Lenient, both(NOW, NOW + 7_201), Err(LivesTooLong));
    cases.case("a minute", Door::Strict, both(NOW, NOW + 60), Ok(()));
    cases.case("a second more", Door::Strict, both(NOW, NOW + 61), Err(LivesTooLong));
    cases
}

/// ATK10: a start that is yet to come.
fn starting() -> Cases {
    let mut cases = Cases::of("atk10");
    let nbf = |cases: &mut Cases, door, nbf: String, expected| {
        cases.claims(door, &format!(r#""nbf":{nbf}"#), expected);
    };
    for start in [0, NOW - 1, NOW, NOW + 5] {
        nbf(&mut cases, Door::Plain, start.to_string(), Ok(()));
    }
    for start in [NOW + 6, NOW + 3_600, u64::MAX] {
        nbf(&mut cases, Door::Plain, start.to_string(), Err(NotYetValid));
    }
    nbf(&mut cases, Door::Strict, NOW.to_string(), Ok(()));
    nbf(&mut cases, Door::Strict, (NOW + 1).to_string(), Err(NotYetValid));
    for bad in ["null", "true", r#""0""#, "-1", "1.5", "[]", "{}"] {
        nbf(&mut cases, Door::Plain, bad.to_owned(), Err(BadNbf));
    }
    cases
}

/// ATK10: other times of day and other centuries.
fn clocks() -> Cases {
    let mut cases = Cases::of("atk10");
    // 2038-01-19T03:14:08Z is one second beyond 31 bits, 2106-02-07 beyond 32.
    for now in [1 << 31, 1 << 32, 253_402_300_800, 4_102_444_800] {
        cases.accepted(format!("at {now}"), at(now - 1));
        cases.at(now);
        cases.refused(format!("old at {now}"), at(now - 180), TooOld);
        cases.at(now);
    }
    // The second before a leap second is told twice: nothing happens.
    cases.accepted("at a leap second", at(1_483_228_799));
    cases.at(1_483_228_800);
    // The clock went back by a minute, and by a second.
    cases.refused("a minute back", at(NOW), FromTheFuture);
    cases.at(NOW - 60);
    cases.accepted("a second back", at(NOW));
    cases.at(NOW - 1);
    cases.accepted("at the start of time", at(0));
    cases.at(0);
    cases
}

/// ATK12: once, where tokens are for one use.
fn again() -> Cases {
    let mut cases = Cases::of("atk12");
    let id = |jti: &str| Forge::new().and(&format!(r#""jti":"{jti}""#)).token();
    cases.case("first", Door::Once, id("1"), Ok(()));
    cases.case("again", Door::Once, id("1"), Err(Replayed));
    let other = Forge::new().and(r#""jti":"1","groups":["analysts"]"#).token();
    cases.case("another token of the same id", Door::Once, other, Err(Replayed));
    cases.case("without an id", Door::Once, Forge::new().token(), Err(Replayed));
    cases.case("second", Door::Once, id("2"), Ok(()));
    cases.case("third", Door::Once, id("3"), Ok(()));
    cases.case("more than are remembered", Door::Once, id("4"), Err(TooManyTokens));
    cases.case("the first is not forgotten", Door::Once, id("1"), Err(Replayed));
    cases.case("nor is it later", Door::Once, id("1"), Err(Replayed));
    cases.at(NOW + 179);
    cases.case("then it is too old", Door::Once, id("1"), Err(TooOld));
    cases.at(NOW + 180);
    let later = Forge::new()
        .claims(format!(r#"{{"iat":{},"email":"ana@shop.test","jti":"4"}}"#, NOW + 180));
    cases.case("and there is room", Door::Once, later.token(), Ok(()));
    cases.at(NOW + 180);
    cases.accepted("elsewhere a token may be used again", id("1"));
    cases.accepted("while it is young", id("1"));
    cases.refused("a captured token, later", at(NOW - 180), TooOld);
    cases
}
