#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::minter::TokenMinter;

const SECRET: &[u8] = b"6d1f0c8b7a9e4d23f5b6a7c8d9e0f1a2";
const NOW: u64 = 1_782_864_000;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn sign(header: &str, claims: &str) -> String {
    TokenMinter::hs256(SECRET).unwrap().sign(header.as_bytes(), claims.as_bytes()).unwrap()
}

fn verifier() -> Verifier {
    Verifier::hs256(SECRET).unwrap()
}

#[track_caller]
fn check_token(verifier: &Verifier, token: &str, expected: Result<(), TokenRefusal>) {
    let found = verifier.verify(token, NOW);
    assert_eq!(found.as_ref().map(|_| ()).map_err(TokenError::refusal), expected, "{token:.200}");
    if let Err(error) = found {
        assert_eq!(error.to_string(), "invalid or expired token");
    }
}

#[track_caller]
fn check_header(header: &str, expected: Result<(), TokenRefusal>) {
    let claims = json!({"iat": NOW, "email": "ana@shop.test"}).to_string();
    check_token(&verifier(), &sign(header, &claims), expected);
}

#[track_caller]
fn check_claims(claims: &Value, expected: Result<(), TokenRefusal>) {
    check_token(&verifier(), &sign(HEADER, &claims.to_string()), expected);
}

#[track_caller]
fn check_extra(name: &str, value: Value, expected: Result<(), TokenRefusal>) {
    let mut claims = json!({"iat": NOW, "email": "ana@shop.test"});
    claims[name] = value;
    check_claims(&claims, expected);
}

#[test]
fn jwt1_atk1_only_the_algorithm_of_the_key() {
    check_header(HEADER, Ok(()));
    for alg in ["none", "None", "NONE", "nOnE", "hs256", "HS512", "RS256", "ES256", "", " HS256"] {
        check_header(&json!({"alg": alg}).to_string(), Err(TokenRefusal::Algorithm));
    }
    for alg in [json!(["HS256"]), json!(null), json!(256), json!({"a": 1})] {
        check_header(&json!({"alg": alg}).to_string(), Err(TokenRefusal::Algorithm));
    }
    check_header("{}", Err(TokenRefusal::Algorithm));
}

#[test]
fn jwt15_atk4_atk5_headers_that_change_the_rules() {
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("jku", json!("http://127.0.0.1:9/")),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("x5u", json!("x")),
        ("x5c", json!([])),
        ("enc", json!("A256GCM")),
        ("zip", json!("DEF")),
        ("p2c", json!(1_000_000_000)),
        ("b64", json!(false)),
    ] {
        let mut header = json!({"alg": "HS256"});
        header[name] = value;
        check_header(&header.to_string(), Err(TokenRefusal::Header));
    }
    check_header(&json!({"alg": "HS256", "kid": "../../dev/null"}).to_string(), Ok(()));
}

#[test]
fn jwt12_the_type_is_jwt_or_absent() {
    for typ in ["JWT", "jwt", "application/jwt"] {
        check_header(&json!({"alg": "HS256", "typ": typ}).to_string(), Ok(()));
    }
    for typ in [json!("at+jwt"), json!("secevent+jwt"), json!(1), json!(null)] {
        check_header(&json!({"alg": "HS256", "typ": typ}).to_string(), Err(TokenRefusal::WrongType));
    }
}

#[test]
fn atk10_issued_at() {
    let at = |iat: Value| json!({"iat": iat, "email": "ana@shop.test"});
    check_claims(&at(json!(NOW)), Ok(()));
    check_claims(&at(json!(NOW - 179)), Ok(()));
    check_claims(&at(json!(NOW - 180)), Err(TokenRefusal::TooOld));
    check_claims(&at(json!(NOW - 181)), Err(TokenRefusal::TooOld));
    check_claims(&at(json!(0)), Err(TokenRefusal::TooOld));
    check_claims(&at(json!(NOW + 5)), Ok(()));
    check_claims(&at(json!(NOW + 6)), Err(TokenRefusal::FromTheFuture));
    check_claims(&at(json!(u64::MAX)), Err(TokenRefusal::FromTheFuture));
    check_claims(&json!({"email": "ana@shop.test"}), Err(TokenRefusal::IssuedAt));
    for iat in [json!(null), json!(NOW.to_string()), json!(1.5), json!(-1), json!([NOW])] {
        check_claims(&at(iat), Err(TokenRefusal::IssuedAt));
    }
}

#[test]
fn atk10_expiry_and_not_before() {
    check_extra("exp", json!(NOW + 1), Ok(()));
    check_extra("exp", json!(NOW), Err(TokenRefusal::Expired));
    check_extra("exp", json!(NOW - 1), Err(TokenRefusal::Expired));
    check_extra("exp", json!(u64::MAX), Err(TokenRefusal::Expired));
    for exp in [json!("never"), json!(null), json!(true), json!(-1)] {
        check_extra("exp", exp, Err(TokenRefusal::Expired));
    }
    check_extra("nbf", json!(NOW), Ok(()));
    check_extra("nbf", json!(NOW + 6), Err(TokenRefusal::FromTheFuture));
    check_extra("nbf", json!("x"), Err(TokenRefusal::FromTheFuture));
}

#[test]
fn jwt9_jwt10_atk11_issuer_and_audience() {
    let strict = verifier().issuer("https://shop.test").audience("sandbar");
    let with = |iss: Value, aud: Value| {
        json!({"iat": NOW, "email": "ana@shop.test", "iss": iss, "aud": aud}).to_string()
    };
    let good = json!("https://shop.test");
    check_token(&strict, &sign(HEADER, &with(good.clone(), json!("sandbar"))), Ok(()));
    check_token(&strict, &sign(HEADER, &with(good.clone(), json!(["x", "sandbar"]))), Ok(()));
    for iss in [
        json!("https://shop.test/"),
        json!("https://shop"),
        json!("HTTPS://SHOP.TEST"),
        json!(["https://shop.test"]),
        json!(42),
        json!(null),
    ] {
        let token = sign(HEADER, &with(iss, json!("sandbar")));
        check_token(&strict, &token, Err(TokenRefusal::Issuer));
    }
    for aud in [json!("sand"), json!("Sandbar"), json!(["sandbar", 42]), json!(42), json!(null), json!([])] {
        let token = sign(HEADER, &with(good.clone(), aud));
        check_token(&strict, &token, Err(TokenRefusal::Audience));
    }
}

#[test]
fn jwt14_atk6_atk7_atk9_format() {
    let good = sign(HEADER, &json!({"iat": NOW, "email": "ana@shop.test"}).to_string());
    check_token(&verifier(), &good, Ok(()));
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { unreachable!() };
    for bad in [
        String::new(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{good}.a.b"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replace('.', ":"),
        format!("{{\"payload\":\"{payload}\"}}"),
        format!("{header}+.{payload}.{signature}"),
    ] {
        check_token(&verifier(), &bad, Err(TokenRefusal::Malformed));
    }
    // The last character of 32 bytes in base64url has two unused bits; another value there is refused.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let other = format!("{header}.{payload}.{}{next}", signature.strip_suffix(last).unwrap());
    check_token(&verifier(), &other, Err(TokenRefusal::Malformed));
    check_token(&verifier(), &"a".repeat(8 * 1024 + 1), Err(TokenRefusal::TooLarge));
    check_token(&verifier(), &".".repeat(8 * 1024), Err(TokenRefusal::Malformed));
}

#[test]
fn jwt4_the_signature_counts() {
    let good = sign(HEADER, &json!({"iat": NOW, "email": "ana@shop.test"}).to_string());
    let other = Verifier::hs256(b"another secret of thirty-two bytes!").unwrap();
    check_token(&other, &good, Err(TokenRefusal::Signature));
    let forged = sign(HEADER, &json!({"iat": NOW, "email": "root@shop.test"}).to_string());
    let (message, _) = forged.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    check_token(&verifier(), &format!("{message}.{signature}"), Err(TokenRefusal::Signature));
    check_token(&verifier(), &format!("{message}."), Err(TokenRefusal::Signature));
    check_token(&verifier(), &format!("{message}.AAAA"), Err(TokenRefusal::Signature));
}

#[test]
fn atk8_ambiguous_claims() {
    let twice = format!(r#"{{"iat":{NOW},"email":"ana@shop.test","em\u0061il":"root@shop.test"}}"#);
    check_token(&verifier(), &sign(HEADER, &twice), Err(TokenRefusal::DuplicateKey));
    check_token(&verifier(), &sign(HEADER, &format!("[{NOW},\"a@b.c\"]")), Err(TokenRefusal::Malformed));
    check_token(&verifier(), &sign(r#"{"alg":"none","alg":"HS256"}"#, "{}"), Err(TokenRefusal::DuplicateKey));
}

#[test]
fn identity_groups_and_attributes() {
    for email in [json!(null), json!(7), json!("ana"), json!(["ana@shop.test"]), json!("ana@shop.test\u{0}")] {
        check_claims(&json!({"iat": NOW, "email": email}), Err(TokenRefusal::Email));
    }
    check_extra("groups", json!("analysts"), Err(TokenRefusal::Groups));
    check_extra("groups", json!([1]), Err(TokenRefusal::Groups));
    check_extra("attributes", json!([1]), Err(TokenRefusal::Attributes));
    let claims = json!({
        "iat": NOW, "mail": "Ana@Shop.test", "roles": ["b", "a"],
        "attributes": {"states": ["CA"], "n": 1}, "tenant": "t1", "jti": "j",
    });
    let mapped = verifier().email_claim("mail").groups_claim("roles").attribute_from_claim("tenant", "company");
    let principal = mapped.verify(&sign(HEADER, &claims.to_string()), NOW).unwrap();
    assert_eq!((principal.subject(), principal.groups()), ("ana@shop.test", &["a".to_owned(), "b".to_owned()][..]));
    let attributes: Vec<&str> = principal.attributes().map(|(name, _)| name).collect();
    assert_eq!(attributes, ["company", "n", "states"]);
    assert_eq!(*principal.origin(), crate::Origin::Token { id: Some("j".to_owned()) });
}
