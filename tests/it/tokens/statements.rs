//! Issuer and audience, and claims that a host requires or calls otherwise.

use sandbar_auth::TokenRefusal::{
    BadAttributes, BadGroups, BadScope, BadTokenId, MissingClaim, MissingEmail, WrongAudience,
    WrongIssuer,
};

use super::Cases;
use super::doors::Door;

pub(super) fn cases() -> Vec<Cases> {
    vec![issuers(), audiences(), typed_parties(), required(), named()]
}

/// JWT9: the issuer, where one is configured, to the letter.
fn issuers() -> Cases {
    let mut cases = Cases::of("jwt9");
    cases.claims(Door::Issuer, r#""iss":"https://shop.test""#, Ok(()));
    for iss in [
        "",
        r#""iss":"""#,
        r#""iss":"https://shop.test/""#,
        r#""iss":"https://shop""#,
        r#""iss":"https://shop.test.evil.test""#,
        r#""iss":"https://SHOP.test""#,
        r#""iss":"HTTPS://shop.test""#,
        r#""iss":"http://shop.test""#,
        r#""iss":" https://shop.test""#,
        r#""iss":"https://shop.test ""#,
        r#""iss":"https://shop.test\u0000""#,
        r#""iss":"shop.test""#,
        r#""iss":"*""#,
        r#""Iss":"https://shop.test""#,
        r#""issuer":"https://shop.test""#,
    ] {
        cases.claims(Door::Issuer, iss, Err(WrongIssuer));
    }
    // Where none is configured nobody looks.
    cases.claims(Door::Plain, r#""iss":"https://evil.test""#, Ok(()));
    cases
}

/// JWT10: the audience, alone or among others.
fn audiences() -> Cases {
    let mut cases = Cases::of("jwt10");
    for aud in
        [r#""reports""#, r#"["reports"]"#, r#"["other","reports"]"#, r#"["reports","reports"]"#]
    {
        cases.claims(Door::Audience, &format!(r#""aud":{aud}"#), Ok(()));
    }
    cases.claims(Door::Plain, r#""aud":"other""#, Ok(()));
    for aud in [
        r#""aud":"""#,
        r#""aud":"report""#,
        r#""aud":"reports ""#,
        r#""aud":"REPORTS""#,
        r#""aud":"reports,other""#,
        r#""aud":"other reports""#,
        r#""aud":"reports.evil.test""#,
        r#""aud":[]"#,
        r#""aud":["other"]"#,
        r#""aud":["report","s"]"#,
        r#""aud":"*""#,
        r#""AUD":"reports""#,
        r#""audience":"reports""#,
        "",
    ] {
        cases.claims(Door::Audience, aud, Err(WrongAudience));
    }
    cases
}

/// ATK11: values of other types, which some libraries take for missing or search in.
fn typed_parties() -> Cases {
    let mut cases = Cases::of("atk11");
    let mixed = [
        "null",
        "42",
        "true",
        "{}",
        r#"{"https://shop.test":1}"#,
        r#"["https://shop.test"]"#,
        r#"["https://shop.test","evil"]"#,
        r#"[["https://shop.test"]]"#,
        "[]",
        "1.5",
    ];
    for iss in mixed {
        cases.claims(Door::Issuer, &format!(r#""iss":{iss}"#), Err(WrongIssuer));
    }
    for aud in [
        "null",
        "42",
        "true",
        "{}",
        r#"{"reports":true}"#,
        r#"["reports",42]"#,
        r#"[42,"reports"]"#,
        r#"["reports",null]"#,
        r#"[["reports"]]"#,
        r#"["other",["reports"]]"#,
        r#"[{"reports":1}]"#,
        r#"["reports",["other"]]"#,
    ] {
        cases.claims(Door::Audience, &format!(r#""aud":{aud}"#), Err(WrongAudience));
    }
    let many = format!(r#""aud":[{}"reports"]"#, r#""a","#.repeat(1_000));
    cases.claims(Door::Audience, &many, Ok(()));
    cases
}

/// What a host requires besides (JWT9).
fn required() -> Cases {
    let mut cases = Cases::of("jwt9");
    let exp = r#""exp":1782864060"#;
    let all = format!(r#"{exp},"jti":"7","tenant":"a""#);
    cases.claims(Door::Required, &all, Ok(()));
    cases.claims(Door::Required, &format!(r#"{exp},"jti":"7","tenant":false"#), Ok(()));
    for members in [
        String::new(),
        exp.to_owned(),
        format!(r#"{exp},"jti":"7""#),
        format!(r#"{exp},"tenant":"a""#),
        r#""jti":"7","tenant":"a""#.to_owned(),
        format!(r#"{exp},"jti":"7","tenant":null"#),
        format!(r#"{exp},"jti":"7","Tenant":"a""#),
    ] {
        cases.claims(Door::Required, &members, Err(MissingClaim));
    }
    cases
}

/// Groups, attributes, scopes and ids of a token: doubt refuses (JWT11).
fn named() -> Cases {
    let mut cases = Cases::of("jwt11");
    let bad = |cases: &mut Cases, name: &str, values: &[&str], why| {
        for value in values {
            cases.claims(Door::Plain, &format!(r#""{name}":{value}"#), Err(why));
        }
    };
    let long = format!("[\"{}\"]", "g".repeat(257));
    let groups = [
        r#""analysts""#,
        "1",
        "true",
        "{}",
        "[1]",
        "[null]",
        r#"["a",["b"]]"#,
        r#"[""]"#,
        r#"[" a"]"#,
        r#"["a "]"#,
        r#"["a\u0000"]"#,
        r#"["a\u200b"]"#,
        r#"["a\u202e"]"#,
        &long,
    ];
    bad(&mut cases, "groups", &groups, BadGroups);
    let names = ["[]", r#""a""#, "1", "true", r#"{"":1}"#, r#"{" a":1}"#, r#"{"a\u0007":1}"#];
    bad(&mut cases, "attributes", &names, BadAttributes);
    let scopes = [
        "null",
        "1",
        "true",
        "{}",
        "[1]",
        r#"["a b"]"#,
        r#"[""]"#,
        r#""a\tb""#,
        r#""é""#,
        r#""a\"b""#,
    ];
    bad(&mut cases, "scope", &scopes, BadScope);
    bad(&mut cases, "jti", &["1", "null", "[]", r#""""#, r#"" 7""#, r#""7\u0000""#], BadTokenId);
    for good in [
        r#""groups":[]"#,
        r#""groups":null"#,
        r#""groups":["data team é"]"#,
        r#""attributes":{"tenant":{"op":"ne"}}"#,
        r#""attributes":null"#,
        r#""scope":"""#,
        r#""scope":["agent:search"]"#,
        r#""jti":"7""#,
        r#""admin":true,"role":"superuser","is_superuser":true"#,
    ] {
        cases.claims(Door::Plain, good, Ok(()));
    }
    let renamed = |members: &str| format!(r#""mail":"ana@shop.test",{members}"#);
    cases.claims(
        Door::Renamed,
        &renamed(r#""roles":["a"],"facts":{"x":1},"may":"agent:*""#),
        Ok(()),
    );
    // The usual names are words like any others there.
    cases.claims(Door::Renamed, &renamed(r#""groups":7,"scope":7"#), Ok(()));
    cases.claims(Door::Renamed, r#""roles":["a"]"#, Err(MissingEmail));
    cases.claims(Door::Renamed, &renamed(r#""roles":"a""#), Err(BadGroups));
    cases.claims(Door::Renamed, &renamed(r#""may":7"#), Err(BadScope));
    cases.claims(Door::Renamed, &renamed(r#""facts":[]"#), Err(BadAttributes));
    let twice = r#""facts":{"tenant":"a"},"tenant_id":"b""#;
    cases.claims(Door::Renamed, &renamed(twice), Err(BadAttributes));
    cases
}
