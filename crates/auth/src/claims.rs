//! From signed claims to a principal: times, parties, identity, attributes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::attribute::AttributeValue;
use crate::identity::{check_name, fold_email};
use crate::principal::{Identity, Origin, Principal};
use crate::scopes::{BadScope, Scopes};
use crate::token_error::TokenRefusal;

type Claims = Map<String, Value>;

const MAX_GROUPS: usize = 1_000;

/// What is asked of the claims; times in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) max_age: u64,
    pub(crate) clock_skew: u64,
    pub(crate) max_lifetime: u64,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) required: Vec<String>,
    pub(crate) email_claim: String,
    pub(crate) groups_claim: String,
    pub(crate) attributes_claim: String,
    pub(crate) scope_claim: String,
    /// Claim and attribute.
    pub(crate) attribute_claims: Vec<(String, String)>,
}

impl Rules {
    pub(crate) fn principal(&self, claims: &Claims, now: u64) -> Result<Principal, TokenRefusal> {
        self.times(claims, now)?;
        self.parties(claims)?;
        if self.required.iter().any(|name| present(claims, name).is_none()) {
            return Err(TokenRefusal::MissingClaim);
        }
        let email = present(claims, &self.email_claim).ok_or(TokenRefusal::MissingEmail)?;
        let email = email.as_str().and_then(fold_email).ok_or(TokenRefusal::BadEmail)?;
        let identity = Identity {
            subject: email.clone(),
            email: Some(email),
            groups: self.groups(claims)?,
            attributes: self.attributes(claims)?,
            scopes: self.scopes(claims)?,
        };
        Ok(Principal::new(identity, Origin::Token { id: token_id(claims)? }))
    }

    /// The id of a token, and when it is too old in any case.
    pub(crate) fn id_until<'c>(&self, claims: &'c Claims) -> Option<(&'c str, u64)> {
        let issued = claims.get("iat")?.as_u64()?;
        Some((claims.get("jti")?.as_str()?, issued.saturating_add(self.max_age)))
    }

    /// `iat` is required and younger than the maximum age: at exactly that age it is refused.
    fn times(&self, claims: &Claims, now: u64) -> Result<(), TokenRefusal> {
        let issued = present(claims, "iat").ok_or(TokenRefusal::MissingIat)?;
        let issued = issued.as_u64().ok_or(TokenRefusal::BadIat)?;
        let latest = now.saturating_add(self.clock_skew);
        if issued > latest {
            return Err(TokenRefusal::FromTheFuture);
        }
        if now.saturating_sub(issued) >= self.max_age {
            return Err(TokenRefusal::TooOld);
        }
        if let Some(expiry) = claims.get("exp") {
            let expiry = expiry.as_u64().ok_or(TokenRefusal::BadExp)?;
            if expiry <= now || expiry < issued {
                return Err(TokenRefusal::Expired);
            }
            if expiry > issued.saturating_add(self.max_lifetime) {
                return Err(TokenRefusal::LivesTooLong);
            }
        }
        if let Some(start) = claims.get("nbf") {
            let start = start.as_u64().ok_or(TokenRefusal::BadNbf)?;
            if start > latest {
                return Err(TokenRefusal::NotYetValid);
            }
        }
        Ok(())
    }

    /// Looked at only where configured; then required and compared exactly.
    fn parties(&self, claims: &Claims) -> Result<(), TokenRefusal> {
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(TokenRefusal::WrongIssuer);
        }
        let Some(audience) = &self.audience else { return Ok(()) };
        let meant = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => {
                many.iter().all(Value::is_string)
                    && many.iter().any(|one| one.as_str() == Some(audience))
            }
            _ => false,
        };
        if meant { Ok(()) } else { Err(TokenRefusal::WrongAudience) }
    }

    fn groups(&self, claims: &Claims) -> Result<Vec<String>, TokenRefusal> {
        let list = match present(claims, &self.groups_claim) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= MAX_GROUPS => list,
            Some(_) => return Err(TokenRefusal::BadGroups),
        };
        list.iter().map(|group| name(group).ok_or(TokenRefusal::BadGroups)).collect()
    }

    /// A text, or a list of words. Null is no scope: doubt takes away.
    fn scopes(&self, claims: &Claims) -> Result<Option<Scopes>, TokenRefusal> {
        let scopes = match claims.get(&self.scope_claim) {
            None => return Ok(None),
            Some(Value::String(text)) => Scopes::parse(text),
            Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                Scopes::of_words(list.iter().filter_map(Value::as_str))
            }
            Some(_) => Err(BadScope),
        };
        scopes.map(Some).map_err(|BadScope| TokenRefusal::BadScope)
    }

    /// Names are checked wherever they come from; no attribute is given twice.
    fn attributes(
        &self,
        claims: &Claims,
    ) -> Result<BTreeMap<String, AttributeValue>, TokenRefusal> {
        let nested = match present(claims, &self.attributes_claim) {
            None => &Claims::new(),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(TokenRefusal::BadAttributes),
        };
        let mapped = self
            .attribute_claims
            .iter()
            .filter_map(|(claim, attribute)| claims.get(claim).map(|value| (attribute, value)));
        let mut found = BTreeMap::new();
        for (name, value) in nested.iter().chain(mapped) {
            check_name(name).map_err(|_| TokenRefusal::BadAttributes)?;
            if found.insert(name.clone(), AttributeValue::from_json(value)).is_some() {
                return Err(TokenRefusal::BadAttributes);
            }
        }
        Ok(found)
    }
}

/// The claim, unless it is missing or null.
fn present<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    claims.get(name).filter(|value| !value.is_null())
}

fn token_id(claims: &Claims) -> Result<Option<String>, TokenRefusal> {
    let id = claims.get("jti").map(|id| name(id).ok_or(TokenRefusal::BadTokenId));
    id.transpose()
}

fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|text| check_name(text).is_ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::Verifier;
    use crate::testing::{HEADER, NOW, check_token, sign, verifier};

    /// The claims of a good token, with these in place of its own; null stays null.
    fn claims(changes: &[(&str, Value)]) -> String {
        let mut claims = Map::new();
        claims.insert("iat".to_owned(), NOW.into());
        claims.insert("email".to_owned(), "ana@shop.test".into());
        for (name, value) in changes {
            claims.insert((*name).to_owned(), value.clone());
        }
        Value::Object(claims).to_string()
    }

    #[track_caller]
    fn check_with(
        verifier: &Verifier,
        changes: &[(&str, Value)],
        expected: Result<(), TokenRefusal>,
    ) {
        check_token(verifier, &sign(HEADER, &claims(changes)), expected);
    }

    #[track_caller]
    fn check(name: &str, value: Value, expected: Result<(), TokenRefusal>) {
        check_with(&verifier(), &[(name, value)], expected);
    }

    #[track_caller]
    fn check_text(claims: &str, expected: Result<(), TokenRefusal>) {
        check_token(&verifier(), &sign(HEADER, claims), expected);
    }

    #[test]
    fn atk10_iat_is_younger_than_the_maximum_age() {
        check("iat", json!(NOW), Ok(()));
        check("iat", json!(NOW - 179), Ok(()));
        check("iat", json!(NOW - 180), Err(TokenRefusal::TooOld));
        check("iat", json!(NOW - 181), Err(TokenRefusal::TooOld));
        check("iat", json!(0), Err(TokenRefusal::TooOld));
        check("iat", json!(NOW + 1), Ok(()));
        check("iat", json!(NOW + 5), Ok(()));
        check("iat", json!(NOW + 6), Err(TokenRefusal::FromTheFuture));
        check("iat", json!(NOW * 1_000), Err(TokenRefusal::FromTheFuture));
        check("iat", json!(u64::MAX), Err(TokenRefusal::FromTheFuture));
        let hour = verifier().max_age(3_600).clock_skew(0);
        check_with(&hour, &[("iat", json!(NOW - 3_599))], Ok(()));
        check_with(&hour, &[("iat", json!(NOW - 3_600))], Err(TokenRefusal::TooOld));
        check_with(&hour, &[("iat", json!(NOW + 1))], Err(TokenRefusal::FromTheFuture));
    }

    #[test]
    fn atk10_iat_is_a_whole_number() {
        check_text(r#"{"email":"ana@shop.test"}"#, Err(TokenRefusal::MissingIat));
        check("iat", json!(null), Err(TokenRefusal::MissingIat));
        for iat in [
            json!(NOW.to_string()),
            json!(1.5),
            json!(1_782_864_000.0),
            json!(-1),
            json!(i64::MIN),
            json!(true),
            json!([NOW]),
            json!({"iat": NOW}),
        ] {
            check("iat", iat, Err(TokenRefusal::BadIat));
        }
        for iat in ["18446744073709551616", "1e9", "-0"] {
            let text = format!(r#"{{"iat":{iat},"email":"ana@shop.test"}}"#);
            check_text(&text, Err(TokenRefusal::BadIat));
        }
        let text = r#"{"iat":1e400,"email":"ana@shop.test"}"#;
        check_text(text, Err(TokenRefusal::Malformed));
    }

    #[test]
    fn atk10_exp_is_ahead_but_not_far() {
        check("exp", json!(NOW + 1), Ok(()));
        check("exp", json!(NOW), Err(TokenRefusal::Expired));
        check("exp", json!(NOW - 1), Err(TokenRefusal::Expired));
        check("exp", json!(0), Err(TokenRefusal::Expired));
        let early = [("iat", json!(NOW + 5)), ("exp", json!(NOW + 4))];
        check_with(&verifier(), &early, Err(TokenRefusal::Expired));
        check("exp", json!(NOW + 86_400), Ok(()));
        check("exp", json!(NOW + 86_401), Err(TokenRefusal::LivesTooLong));
        check("exp", json!(u64::MAX), Err(TokenRefusal::LivesTooLong));
        let short = verifier().max_lifetime(60);
        check_with(&short, &[("exp", json!(NOW + 60))], Ok(()));
        check_with(&short, &[("exp", json!(NOW + 61))], Err(TokenRefusal::LivesTooLong));
        // A far expiry does not outlive the maximum age.
        let old = [("iat", json!(NOW - 180)), ("exp", json!(NOW + 60))];
        check_with(&verifier(), &old, Err(TokenRefusal::TooOld));
        for exp in [json!("9999999999"), json!(null), json!(true), json!(-1), json!(1e12)] {
            check("exp", exp, Err(TokenRefusal::BadExp));
        }
    }

    #[test]
    fn atk10_nbf_has_come() {
        check("nbf", json!(0), Ok(()));
        check("nbf", json!(NOW + 5), Ok(()));
        check("nbf", json!(NOW + 6), Err(TokenRefusal::NotYetValid));
        check("nbf", json!(u64::MAX), Err(TokenRefusal::NotYetValid));
        for nbf in [json!("0"), json!(null), json!(false), json!(-1), json!(0.5)] {
            check("nbf", nbf, Err(TokenRefusal::BadNbf));
        }
    }

    #[test]
    fn jwt9_atk11_the_issuer_is_exact() {
        let strict = verifier().issuer("https://shop.test");
        check_with(&strict, &[("iss", json!("https://shop.test"))], Ok(()));
        check_with(&strict, &[], Err(TokenRefusal::WrongIssuer));
        for iss in [
            json!("https://shop.test/"),
            json!("https://shop"),
            json!("HTTPS://SHOP.TEST"),
            json!(""),
            json!(["https://shop.test"]),
            json!(["https://shop.test", "https://evil.test"]),
            json!({"https://shop.test": 1}),
            json!(42),
            json!(null),
        ] {
            check_with(&strict, &[("iss", iss)], Err(TokenRefusal::WrongIssuer));
        }
    }

    #[test]
    fn jwt10_atk11_the_audience_is_an_exact_element() {
        let strict = verifier().audience("sandbar");
        check_with(&strict, &[("aud", json!("sandbar"))], Ok(()));
        check_with(&strict, &[("aud", json!(["x", "sandbar"]))], Ok(()));
        check_with(&strict, &[], Err(TokenRefusal::WrongAudience));
        for aud in [
            json!("sand"),
            json!("sandbars"),
            json!("Sandbar"),
            json!("x sandbar"),
            json!(["sandbar", 42]),
            json!([["sandbar"]]),
            json!([]),
            json!({"sandbar": 1}),
            json!(42),
            json!(null),
        ] {
            check_with(&strict, &[("aud", aud)], Err(TokenRefusal::WrongAudience));
        }
    }

    #[test]
    fn required_claims_are_there() {
        let strict = verifier().require_claim("exp").require_claim("jti");
        check_with(&strict, &[("exp", json!(NOW + 1)), ("jti", json!("7"))], Ok(()));
        check_with(&strict, &[("exp", json!(NOW + 1))], Err(TokenRefusal::MissingClaim));
        check_with(&strict, &[("jti", json!("7"))], Err(TokenRefusal::MissingClaim));
        let tenant = verifier().require_claim("tenant");
        check_with(&tenant, &[("tenant", json!(null))], Err(TokenRefusal::MissingClaim));
    }

    #[test]
    fn atk8_atk13_the_email_is_a_plain_address() {
        check("email", json!("Ana@Shop.Test"), Ok(()));
        check_text(&format!(r#"{{"iat":{NOW}}}"#), Err(TokenRefusal::MissingEmail));
        check("email", json!(null), Err(TokenRefusal::MissingEmail));
        for email in [
            json!(""),
            json!("ana"),
            json!("ana@shop.test\0"),
            json!("ana\u{ff20}shop.test"),
            json!("ana@sh\u{f6}p.test"),
            json!(["ana@shop.test"]),
            json!({"email": "ana@shop.test"}),
            json!(true),
            json!(7),
        ] {
            check("email", email, Err(TokenRefusal::BadEmail));
        }
        let mail = verifier().email_claim("mail");
        check_with(&mail, &[("mail", json!("wei@shop.test"))], Ok(()));
        check_with(&mail, &[], Err(TokenRefusal::MissingEmail));
    }

    #[test]
    fn groups_are_a_list_of_names() {
        check("groups", json!(null), Ok(()));
        check("groups", json!([]), Ok(()));
        check("groups", json!(["analysts", "data team"]), Ok(()));
        for groups in [
            json!("analysts"),
            json!({"analysts": true}),
            json!([1]),
            json!([null]),
            json!([["analysts"]]),
            json!([""]),
            json!(["a\0"]),
            json!(["admin\u{200b}"]),
        ] {
            check("groups", groups, Err(TokenRefusal::BadGroups));
        }
        check("groups", json!(vec!["g"; 1_000]), Ok(()));
        check("groups", json!(vec!["g"; 1_001]), Err(TokenRefusal::BadGroups));
    }

    #[test]
    fn l58_a_scope_is_read_strictly() {
        let scopes = |scope: Value| {
            let token = sign(HEADER, &claims(&[("scope", scope)]));
            let principal = verifier().verify(&token, NOW).unwrap();
            let words = principal.scopes().map(|s| s.words().map(str::to_owned).collect());
            words.unwrap_or_else(|| vec!["everything".to_owned()])
        };
        assert_eq!(scopes(json!("agent:search  agent:query")), ["agent:query", "agent:search"]);
        assert_eq!(scopes(json!(["agent:search"])), ["agent:search"]);
        assert_eq!(scopes(json!("")), [""; 0]);
        assert_eq!(scopes(json!([])), [""; 0]);
        let free = verifier().verify(&sign(HEADER, &claims(&[])), NOW).unwrap();
        assert_eq!(free.scopes(), None);
        for bad in [
            json!(null),
            json!(true),
            json!(7),
            json!({"agent:search": true}),
            json!("a\tb"),
            json!("ä"),
            json!(["a b"]),
            json!([""]),
            json!(["a", 7]),
            json!([["a"]]),
        ] {
            check("scope", bad, Err(TokenRefusal::BadScope));
        }
        let other = verifier().scope_claim("scp");
        let token = sign(HEADER, &claims(&[("scp", json!(["a"])), ("scope", json!(7))]));
        assert_eq!(other.verify(&token, NOW).unwrap().scopes().unwrap().words().len(), 1);
    }

    #[test]
    fn atk12_the_token_id_is_kept_for_the_host() {
        let id = |changes: &[(&str, Value)]| {
            let token = sign(HEADER, &claims(changes));
            verifier().verify(&token, NOW).unwrap().origin().clone()
        };
        assert_eq!(id(&[]), Origin::Token { id: None });
        assert_eq!(id(&[("jti", json!("j-1"))]), Origin::Token { id: Some("j-1".to_owned()) });
        for jti in [json!(null), json!(1), json!(""), json!("a\n"), json!("a".repeat(257))] {
            check("jti", jti, Err(TokenRefusal::BadTokenId));
        }
    }

    #[test]
    fn jwt11_only_configured_claims_become_attributes() {
        let changes = [
            ("attributes", json!({"states": ["CA"], "n": 1, "odd": {"op": "ne"}})),
            ("roles", json!(["b", "a", "b"])),
            ("tenant", json!("t1")),
            ("admin", json!(true)),
        ];
        let mapped = verifier().groups_claim("roles").attribute_from_claim("tenant", "company");
        let principal = mapped.verify(&sign(HEADER, &claims(&changes)), NOW).unwrap();
        assert_eq!(principal.subject(), "ana@shop.test");
        assert_eq!(principal.groups(), ["a", "b"]);
        let names: Vec<&str> = principal.attributes().map(|(name, _)| name).collect();
        assert_eq!(names, ["company", "n", "odd", "states"]);
        assert_eq!(principal.attribute("n"), Some(&AttributeValue::Integer(1)));
        assert_eq!(principal.attribute("odd"), Some(&AttributeValue::Unsupported));
    }

    #[test]
    fn attributes_are_an_object_with_names_given_once() {
        check("attributes", json!(null), Ok(()));
        check("attributes", json!({}), Ok(()));
        for attributes in [json!([1]), json!("a"), json!(1), json!({"": 1}), json!({"a\0": 1})] {
            check("attributes", attributes, Err(TokenRefusal::BadAttributes));
        }
        let mapped = verifier().attribute_from_claim("tenant", "tenant");
        let inner = ("attributes", json!({"tenant": "t2"}));
        let outer = ("tenant", json!("t1"));
        check_with(&mapped, std::slice::from_ref(&inner), Ok(()));
        check_with(&mapped, std::slice::from_ref(&outer), Ok(()));
        check_with(&mapped, &[inner, outer], Err(TokenRefusal::BadAttributes));
        let renamed = verifier().attributes_claim("user");
        check_with(&renamed, &[("user", json!([]))], Err(TokenRefusal::BadAttributes));
        check_with(&renamed, &[("attributes", json!([]))], Ok(()));
    }
}
