//! Who a token names: one spelling for each person.

use sandbar_auth::TokenRefusal::{
    BadEmail, BadSignature, Expired, InactivePerson, MissingEmail, TooOld, UnknownPerson,
};
use sandbar_testkit::forge::{Forge, NOW, Pen};
use serde_json::{Value, json};

use super::Cases;
use super::doors::{Door, OTHER_SECRET};

pub(super) fn cases() -> Vec<Cases> {
    vec![addresses(), known(), alike()]
}

fn of(email: &Value) -> String {
    Forge::new().claims(json!({"iat": NOW, "email": email}).to_string()).token()
}

/// ATK13: what could be read as somebody else's address is nobody's.
fn addresses() -> Cases {
    let mut cases = Cases::of("atk13");
    for email in [
        "ana@shop.test",
        "Ana@Shop.TEST",
        "ana+reports@shop.test",
        "ana.b-c_d@shop.test",
        "ana@localhost",
        "ana@xn--shp-sna.test",
        "\u{131}gor@shop.test",
        "stra\u{df}e@shop.test",
        "ren\u{e9}@shop.test",
        "\u{430}na@shop.test",
    ] {
        cases.accepted(email, of(&json!(email)));
    }
    for email in [
        "",
        "ana",
        "@",
        "@shop.test",
        "ana@",
        "ana@@shop.test",
        "a@b@shop.test",
        "ana@shop.test@evil.test",
        " ana@shop.test",
        "ana@shop.test ",
        "an a@shop.test",
        "ana @shop.test",
        "ana@ shop.test",
        "ana@shop.test\n",
        "ana@shop.test\r\nbcc:x@evil.test",
        "ana\t@shop.test",
        "ana\0@shop.test",
        "ana@shop.test\0.evil.test",
        "ana\u{a0}@shop.test",
        "ana\u{ad}@shop.test",
        "ana\u{200b}@shop.test",
        "ana\u{200d}@shop.test",
        "ana\u{2060}@shop.test",
        "\u{feff}ana@shop.test",
        "\u{202e}ana@shop.test",
        "ana@shop.test\u{202c}",
        "ana\u{3164}@shop.test",
        "ana\u{e0061}@shop.test",
        "ana\u{ff20}shop.test",
        "ana\u{ff20}evil.test@shop.test",
        "ana\u{fe6b}evil.test@shop.test",
        "ana@shop.test\u{ff20}evil.test",
        "ana@shop\u{3002}test",
        "ana@shop\u{ff0e}test",
        "ana@sh\u{f6}p.test",
        "ana@\u{455}hop.test",
        "ana@\u{212a}elvin.test",
        "\u{212a}im@shop.test",
        "\u{212b}ke@shop.test",
        "rene\u{301}@shop.test",
        "a\u{30a}ke@shop.test",
        "\u{1100}\u{1161}@shop.test",
        "ana@shop.test.",
        "ana@.shop.test",
        "ana@shop..test",
        "ana@shop.test,evil@shop.test",
        "evil@shop.test,ana@shop.test",
        "ana@shop.test;evil@shop.test",
        "\"ana\"@shop.test",
        "\"a@b\"@shop.test",
        "(x)ana@shop.test",
        "Ana <ana@shop.test>",
        "<ana@shop.test>",
        "mailto:ana@shop.test",
        "ana@[127.0.0.1]",
        "ana@shop_test",
        "ana@shop.test/x",
        "ana@shop.test?x",
        "ana\\@shop.test",
    ] {
        cases.refused(format!("{email:?}"), of(&json!(email)), BadEmail);
    }
    let long = |length: usize| format!("{}@shop.test", "a".repeat(length - 10));
    cases.accepted("256 characters", of(&json!(long(256))));
    cases.refused("257 characters", of(&json!(long(257))), BadEmail);
    for email in [json!(1), json!(true), json!([]), json!({}), json!(["ana@shop.test"]), json!(1.5)]
    {
        cases.refused(email.to_string(), of(&email), BadEmail);
    }
    cases.refused("null", of(&json!(null)), MissingEmail);
    cases.refused("none", Forge::new().claims(format!(r#"{{"iat":{NOW}}}"#)).token(), MissingEmail);
    let subject = format!(r#"{{"iat":{NOW},"sub":"ana@shop.test"}}"#);
    cases.refused("the subject is not asked", Forge::new().claims(subject).token(), MissingEmail);
    cases
}

/// ATK13: who is known, and who only looks like it.
fn known() -> Cases {
    let mut cases = Cases::of("atk13");
    for email in ["ana@shop.test", "ANA@SHOP.TEST", "aNa@sHoP.tEsT"] {
        cases.case(email, Door::Known, of(&json!(email)), Ok(()));
    }
    for email in [
        "\u{430}na@shop.test",
        "an\u{430}@shop.test",
        "\u{e0}na@shop.test",
        "\u{ff41}na@shop.test",
        "ana+x@shop.test",
        "a.na@shop.test",
        "ana.@shop.test",
        "ana@shop.test.evil.test",
        "ana@evil.test",
        "ana@sh0p.test",
        "ana@shop-test",
        "ana%40shop.test@evil.test",
        "xana@shop.test",
        "anna@shop.test",
    ] {
        cases.case(email, Door::Known, of(&json!(email)), Err(UnknownPerson));
        cases.accepted(format!("{email}, where everybody is known"), of(&json!(email)));
    }
    cases
}

/// ATK14: told apart inside, and by nobody outside.
fn alike() -> Cases {
    let mut cases = Cases::of("atk14");
    let with = |email: &str, more: &str| {
        Forge::new().claims(format!(r#"{{"iat":{NOW},"email":"{email}"{more}}}"#))
    };
    let door = Door::Known;
    cases.case("somebody known", door, with("ana@shop.test", "").token(), Ok(()));
    cases.case("nobody known", door, with("mia@shop.test", "").token(), Err(UnknownPerson));
    cases.case("somebody out", door, with("vic@shop.test", "").token(), Err(InactivePerson));
    for email in ["ana@shop.test", "mia@shop.test", "vic@shop.test"] {
        let forged = with(email, "").pen(Pen::hs256(OTHER_SECRET)).token();
        cases.case(format!("{email}, not signed"), door, forged, Err(BadSignature));
        let over = with(email, r#","exp":1"#).token();
        cases.case(format!("{email}, over"), door, over, Err(Expired));
        let old = Forge::new().claims(format!(r#"{{"iat":1,"email":"{email}"}}"#)).token();
        cases.case(format!("{email}, old"), door, old, Err(TooOld));
    }
    cases
}
