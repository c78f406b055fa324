//! What a header may ask for: nothing.

use sandbar_auth::TokenRefusal::{
    AlgorithmNotAllowed, BadKeyId, BadSignature, HeaderNotAllowed, Malformed, UnknownKey, WrongType,
};
use sandbar_testkit::forge::{Forge, Pen, SECRET, encode};
use serde_json::{Value, json};

use super::Cases;
use super::doors::{Door, OTHER_SECRET};

pub(super) fn cases() -> Vec<Cases> {
    vec![encrypted(), key_ids(), types(), other_kinds(), extensions(), brought_keys(), critical()]
}

fn with(members: &str) -> String {
    Forge::new().header_and(members).token()
}

/// JWT7: nothing encrypted, nothing compressed.
fn encrypted() -> Cases {
    let mut cases = Cases::of("jwt7");
    for (alg, enc) in [
        ("dir", "A128GCM"),
        ("dir", "A256GCM"),
        ("A128KW", "A128CBC-HS256"),
        ("A256GCMKW", "A256GCM"),
        ("RSA-OAEP", "A256GCM"),
        ("RSA1_5", "A128CBC-HS256"),
        ("ECDH-ES", "A256GCM"),
        ("ECDH-ES+A128KW", "A128GCM"),
        ("PBES2-HS256+A128KW", "A128CBC-HS256"),
        ("HS256", "A256GCM"),
        ("none", "A256GCM"),
    ] {
        let header = json!({"alg": alg, "enc": enc, "p2c": 1_000_000_000, "zip": "DEF"});
        let five = [encode(header.to_string()), encode([1; 32]), encode([2; 12]), encode("x")];
        let token = format!("{}.{}", five.join("."), encode([3; 16]));
        cases.refused(format!("five parts, {alg} and {enc}"), token, Malformed);
        // The same header over three parts, signed.
        let header = json!({"alg": alg, "enc": enc}).to_string();
        cases.refused(
            format!("signed, {alg} and {enc}"),
            Forge::new().header(header).token(),
            HeaderNotAllowed,
        );
    }
    for members in [
        r#""zip":"DEF""#,
        r#""zip":null"#,
        r#""enc":"""#,
        r#""p2c":4096"#,
        r#""p2c":1000000000"#,
        r#""p2c":"many""#,
    ] {
        cases.refused(members, with(members), HeaderNotAllowed);
    }
    cases.accepted("no such member", with(r#""cty":"x","p2s":"y""#));
    cases
}

/// JWT11: a key's id is looked up in memory, and in nothing else.
fn key_ids() -> Cases {
    let mut cases = Cases::of("jwt11");
    let ring = |kid: &Value, secret: &str| {
        let header = json!({"alg": "HS256", "kid": kid}).to_string();
        Forge::new().header(header).pen(Pen::hs256(secret)).token()
    };
    cases.case("the first secret", Door::Ring, ring(&json!("hs"), SECRET), Ok(()));
    cases.case("the second secret", Door::Ring, ring(&json!("old"), OTHER_SECRET), Ok(()));
    let es = Forge::new().header(r#"{"alg":"ES256","kid":"es"}"#).pen(Pen::of_file("p256")).token();
    cases.case("an elliptic key", Door::Ring, es, Ok(()));
    let ed =
        Forge::new().header(r#"{"alg":"EdDSA","kid":"ed"}"#).pen(Pen::of_file("ed25519")).token();
    cases.case("a key of Ed25519", Door::Ring, ed, Ok(()));
    let sole = Forge::new().header(r#"{"alg":"ES256"}"#).pen(Pen::of_file("p256")).token();
    cases.case("the only key of ES256, unnamed", Door::Ring, sole, Ok(()));
    cases.case("of two secrets none is named", Door::Ring, Forge::new().token(), Err(UnknownKey));
    for (kid, secret) in [("old", SECRET), ("hs", OTHER_SECRET)] {
        let what = format!("`{kid}` and the other secret");
        cases.case(what, Door::Ring, ring(&json!(kid), secret), Err(BadSignature));
    }
    for kid in ["es", "ed", "rs", "ps"] {
        let what = format!("`{kid}` for HS256");
        cases.case(what, Door::Ring, ring(&json!(kid), SECRET), Err(AlgorithmNotAllowed));
    }
    for kid in [
        "HS",
        "hs ",
        " hs",
        "hs2",
        "0",
        "*",
        "../../dev/null",
        "../../../etc/hostname",
        "/dev/null",
        "' OR 1=1--",
        "x' UNION SELECT 'k",
        "hs;ls",
        "$(id)",
        "| cat",
        "http://127.0.0.1:9/k",
        "file:///dev/null",
        "%2e%2e",
        "hs\\u0000",
        "{{7*7}}",
        "hs,old",
    ] {
        cases.case(kid, Door::Ring, ring(&json!(kid), SECRET), Err(UnknownKey));
    }
    let longest = "k".repeat(128);
    cases.case("128 characters", Door::Ring, ring(&json!(longest), SECRET), Err(UnknownKey));
    for (what, kid) in [
        ("129 characters", json!("k".repeat(129))),
        ("4 KiB", json!("k".repeat(4_096))),
        ("empty", json!("")),
        ("NUL", json!("hs\0")),
        ("a newline", json!("hs\n")),
        ("a tab", json!("\ths")),
        ("DEL", json!("hs\u{7f}")),
        ("not ASCII", json!("h\u{17f}")),
        ("full width", json!("\u{ff48}\u{ff53}")),
        ("null", json!(null)),
        ("a number", json!(1)),
        ("a list", json!(["hs"])),
        ("an object", json!({"hs": 1})),
        ("true", json!(true)),
    ] {
        cases.case(what, Door::Ring, ring(&kid, SECRET), Err(BadKeyId));
    }
    cases
}

/// JWT12: the type, where it is said, is that of these tokens.
fn types() -> Cases {
    let mut cases = Cases::of("jwt12");
    let typed =
        |typ: &Value| Forge::new().header(json!({"alg": "HS256", "typ": typ}).to_string()).token();
    for typ in ["JWT", "jwt", "Jwt", "application/jwt", "APPLICATION/JWT"] {
        cases.accepted(typ, typed(&json!(typ)));
        cases.case(typ, Door::Typed, typed(&json!(typ)), Err(WrongType));
    }
    cases.accepted("none", Forge::new().header(r#"{"alg":"HS256"}"#).token());
    cases.case(
        "none",
        Door::Typed,
        Forge::new().header(r#"{"alg":"HS256"}"#).token(),
        Err(WrongType),
    );
    for typ in ["shop+jwt", "Shop+JWT", "application/shop+jwt"] {
        cases.case(typ, Door::Typed, typed(&json!(typ)), Ok(()));
    }
    for typ in [
        json!("at+jwt"),
        json!("secevent+jwt"),
        json!("JWE"),
        json!("JOSE"),
        json!("JOSE+JSON"),
        json!("dpop+jwt"),
        json!("logout+jwt"),
        json!("id_token"),
        json!("text/jwt"),
        json!("jwt "),
        json!(" JWT"),
        json!("jwt;v=1"),
        json!("application/application/jwt"),
        json!("j\u{461}t"),
        json!(""),
        json!(null),
        json!(1),
        json!(["JWT"]),
        json!({"JWT": 1}),
        json!(true),
    ] {
        cases.refused(typ.to_string(), typed(&typ), WrongType);
    }
    cases
}

/// JWT13: what is a token of ours for something else is none for this.
fn other_kinds() -> Cases {
    let mut cases = Cases::of("jwt13");
    for typ in ["sandbar-query", "sandbar-page", "sandbar-session", "query+jwt", "cursor+jwt"] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        cases.refused(typ, Forge::new().header(header).token(), WrongType);
    }
    let opaque = encode([7; 32]);
    for token in [
        format!("sbs_{opaque}"),
        format!("sbk_{opaque}"),
        opaque.clone(),
        format!("{opaque}.{opaque}"),
        "7f3c9a1e-5b2d-4f40-8c65-982e1d4b7f0a".to_owned(),
    ] {
        cases.refused("an opaque token", token, Malformed);
    }
    cases.refused("three opaque parts", [&*opaque; 3].join("."), Malformed);
    cases.accepted("a token for this", Forge::new().token());
    cases
}

/// JWT15: no extension is understood, so that none may be critical.
fn extensions() -> Cases {
    let mut cases = Cases::of("jwt15");
    for members in [
        r#""crit":["exp"],"exp":1"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["b64"],"b64":true"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":"exp""#,
        r#""crit":{}"#,
        r#""crit":true"#,
        r#""crit":0"#,
        r#""crit":["alg"]"#,
        r#""crit":["crit"]"#,
        r#""crit":[1]"#,
        r#""crit":[["exp"]]"#,
        r#""b64":false"#,
        r#""b64":true"#,
    ] {
        cases.refused(members, with(members), HeaderNotAllowed);
    }
    cases.accepted("a member that is not critical", with(r#""exp":1,"x":{"crit":["y"]}"#));
    cases.accepted("Crit", with(r#""Crit":["y"]"#));
    cases
}

/// ATK4: a header brings no key along.
fn brought_keys() -> Cases {
    let mut cases = Cases::of("atk4");
    let jwk = r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"hs"}"#;
    for members in [
        format!(r#""jwk":{jwk}"#),
        r#""jwk":{}"#.to_owned(),
        r#""jwk":null"#.to_owned(),
        r#""jku":"http://127.0.0.1:9/keys""#.to_owned(),
        r#""jku":"file:///dev/null""#.to_owned(),
        r#""jku":"""#.to_owned(),
        r#""x5u":"http://127.0.0.1:9/cert""#.to_owned(),
        r#""x5u":null"#.to_owned(),
        r#""x5c":[]"#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        format!(r#""kid":"hs","jwk":{jwk}"#),
        r#""kid":"hs","jku":"http://127.0.0.1:9/keys""#.to_owned(),
        r#""j\u0077k":{}"#.to_owned(),
    ] {
        for door in [Door::Plain, Door::Ring] {
            // Signed with the key that it brings: 32 zeros.
            let token = Forge::new().header_and(&members).pen(Pen::hs256([0; 32])).token();
            cases.case(&*members, door, token, Err(HeaderNotAllowed));
        }
    }
    let thumb = with(r#""x5t":"AAAA","x5t#S256":"AAAA""#);
    cases.accepted("a digest of a certificate, which is not looked at", thumb);
    cases
}

/// ATK5: the same member, written otherwise.
fn critical() -> Cases {
    let mut cases = Cases::of("atk5");
    for members in [
        r#""\u0063rit":["x"]"#,
        r#""cr\u0069t":[]"#,
        r#""cri\u0074":["b64"],"b64":false"#,
        r#""b\u00364":false"#,
        r#""kid":"hs","crit":["x"]"#,
        r#""x":1,"crit":["x"]"#,
    ] {
        cases.refused(members, with(members), HeaderNotAllowed);
    }
    let header = r#"{"crit":["x"],"alg":"HS256"}"#;
    cases.refused("before the algorithm", Forge::new().header(header).token(), HeaderNotAllowed);
    // In the claims it is a word like any other.
    cases.accepted("in the claims", Forge::new().and(r#""crit":["x"]"#).token());
    cases
}
