//! From verified claims to a principal: times, issuer, audience, identity.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::attribute::AttributeValue;
use crate::identity::{check_name, fold_email};
use crate::principal::Principal;
use crate::token_error::TokenRefusal;

/// What is asked of the claims.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) max_age: u64,
    pub(crate) skew: u64,
    pub(crate) max_lifetime: u64,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) email_claim: String,
    pub(crate) groups_claim: String,
    pub(crate) attributes_claim: String,
    /// Claim name to attribute name.
    pub(crate) attribute_claims: BTreeMap<String, String>,
}

impl Rules {
    pub(crate) fn principal(
        &self,
        claims: &Map<String, Value>,
        now: u64,
    ) -> Result<Principal, TokenRefusal> {
        self.times(claims, now)?;
        self.parties(claims)?;
        let email = claims.get(&self.email_claim).and_then(Value::as_str);
        let email = email.and_then(|e| fold_email(e).ok()).ok_or(TokenRefusal::Email)?;
        let groups = self.groups(claims)?;
        let attributes = self.attributes(claims)?;
        let id = claims.get("jti").and_then(Value::as_str).map(str::to_owned);
        Ok(Principal::from_token(email, groups, attributes, id))
    }

    /// `iat` is required and younger than the maximum age: at exactly that age it is refused.
    fn times(&self, claims: &Map<String, Value>, now: u64) -> Result<(), TokenRefusal> {
        let issued = claims.get("iat").and_then(Value::as_u64).ok_or(TokenRefusal::IssuedAt)?;
        if issued > now.saturating_add(self.skew) {
            return Err(TokenRefusal::FromTheFuture);
        }
        if now.saturating_sub(issued) >= self.max_age {
            return Err(TokenRefusal::TooOld);
        }
        if let Some(expiry) = claims.get("exp") {
            let expiry = expiry.as_u64().ok_or(TokenRefusal::Expired)?;
            let longest = issued.saturating_add(self.max_lifetime);
            if expiry <= now || expiry < issued || expiry > longest {
                return Err(TokenRefusal::Expired);
            }
        }
        if let Some(from) = claims.get("nbf") {
            let from = from.as_u64().ok_or(TokenRefusal::FromTheFuture)?;
            if from > now.saturating_add(self.skew) {
                return Err(TokenRefusal::FromTheFuture);
            }
        }
        Ok(())
    }

    fn parties(&self, claims: &Map<String, Value>) -> Result<(), TokenRefusal> {
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(TokenRefusal::Issuer);
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
        if meant { Ok(()) } else { Err(TokenRefusal::Audience) }
    }

    fn groups(&self, claims: &Map<String, Value>) -> Result<Vec<String>, TokenRefusal> {
        let list = match claims.get(&self.groups_claim) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= 1_000 => list,
            Some(_) => return Err(TokenRefusal::Groups),
        };
        let name = |value: &Value| {
            let name = value.as_str().filter(|name| check_name(name).is_ok());
            name.map(str::to_owned).ok_or(TokenRefusal::Groups)
        };
        list.iter().map(name).collect()
    }

    fn attributes(
        &self,
        claims: &Map<String, Value>,
    ) -> Result<BTreeMap<String, AttributeValue>, TokenRefusal> {
        let mut found = BTreeMap::new();
        match claims.get(&self.attributes_claim) {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                for (name, value) in map {
                    check_name(name).map_err(|_| TokenRefusal::Attributes)?;
                    found.insert(name.clone(), AttributeValue::from_json(value));
                }
            }
            Some(_) => return Err(TokenRefusal::Attributes),
        }
        for (claim, attribute) in &self.attribute_claims {
            if let Some(value) = claims.get(claim) {
                found.insert(attribute.clone(), AttributeValue::from_json(value));
            }
        }
        Ok(found)
    }
}
