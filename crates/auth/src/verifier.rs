//! What a host configures, and the one door from a token to a principal.

use std::fmt;
use std::sync::Arc;

use crate::admission::{AdmissionRules, Claimed, Membership};
use crate::algorithm::Algorithm;
use crate::claims::Rules;
use crate::compact::{TokenType, media_type, signed_claims};
use crate::directory::Directory;
use crate::key_set::KeyRing;
use crate::principal::Principal;
use crate::secret::{SecretError, SharedSecret};
use crate::seen::{OneUse, SeenTokens};
use crate::token_error::{TokenError, TokenRefusal};
use crate::verifying_key::VerifyingKey;

/// A day: the longest maximum age, and the default of the maximum lifetime.
const DAY: u64 = 24 * 3600;

/// Verifies tokens with keys that each have one algorithm.
///
/// Required: `iat`, a whole number of seconds, younger than the maximum age, and the e-mail claim.
/// Honored if present: `exp`, `nbf`, groups, attributes. Make one at start-up and share it.
///
/// ```
/// use sandbar_auth::{TokenRefusal, Verifier};
///
/// let verifier = Verifier::hs256("9b1f6d0e4c7a2358e1d4b7f0a3c65982")?
///     .issuer("https://shop.test")
///     .audience("reports")
///     .attribute_from_claim("tenant_id", "tenant")
///     .max_age(60);
/// let refused = verifier.verify("not.a.token", 1_782_864_000).unwrap_err();
/// assert_eq!(refused.to_string(), "invalid or expired token");
/// assert_eq!(refused.reason(), TokenRefusal::Malformed);
/// # Ok::<(), sandbar_auth::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    keys: KeyRing,
    kind: TokenType,
    rules: Rules,
    admission: AdmissionRules,
    /// Where a token may be used once.
    seen: Option<Arc<SeenTokens>>,
}

impl Verifier {
    /// A verifier for tokens signed with HMAC-SHA-256 and this shared secret, used as raw bytes.
    ///
    /// # Errors
    /// A secret that is weak, well known, or a key for another algorithm.
    pub fn hs256(secret: impl Into<SharedSecret>) -> Result<Self, SecretError> {
        Ok(Self::with_keys(VerifyingKey::checked_secret(Algorithm::Hs256, &secret.into())?))
    }

    /// A verifier for tokens signed with one of these keys: a [`KeySet`](crate::KeySet), a
    /// [`VerifyingKey`], or a [`KeyRing`] that replaces them while the verifier is used.
    ///
    /// ```
    /// use sandbar_auth::{KeySet, Verifier};
    ///
    /// let jwks = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026-07", "use": "sig",
    ///     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let verifier = Verifier::with_keys(KeySet::parse(jwks, None)?).issuer("https://shop.test");
    /// # Ok::<(), sandbar_auth::KeyError>(())
    /// ```
    pub fn with_keys(keys: impl Into<KeyRing>) -> Self {
        let rules = Rules {
            max_age: 180,
            clock_skew: 5,
            max_lifetime: DAY,
            issuer: None,
            audience: None,
            required: Vec::new(),
            email_claim: "email".to_owned(),
            groups_claim: "groups".to_owned(),
            attributes_claim: "attributes".to_owned(),
            scope_claim: "scope".to_owned(),
            attribute_claims: Vec::new(),
        };
        Self {
            keys: keys.into(),
            kind: TokenType::default(),
            rules,
            admission: AdmissionRules::default(),
            seen: None,
        }
    }

    /// Tokens must be younger than this many seconds: 180 by default, at most a day.
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.rules.max_age = seconds.min(DAY);
        self
    }

    /// How many seconds `iat` and `nbf` may lie in the future: 5 by default, at most 60.
    #[must_use]
    pub fn clock_skew(mut self, seconds: u64) -> Self {
        self.rules.clock_skew = seconds.min(60);
        self
    }

    /// How many seconds `exp` may lie after `iat`: a day by default, at most 366 days.
    ///
    /// A token that claims to live longer is refused; the maximum age holds in any case.
    #[must_use]
    pub fn max_lifetime(mut self, seconds: u64) -> Self {
        self.rules.max_lifetime = seconds.min(366 * DAY);
        self
    }

    /// The header's `typ` is then required and has to be this, compared as a media type: the case
    /// does not count, nor does `application/`. Without it `typ` may be missing, or `JWT`.
    #[must_use]
    pub fn token_type(mut self, name: &str) -> Self {
        self.kind = TokenType { name: media_type(name), required: true };
        self
    }

    /// The issuer (`iss`) is then required, a string, and exactly this.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.rules.issuer = Some(issuer.to_owned());
        self
    }

    /// The audience (`aud`) is then required: exactly this, or a list of strings that holds it.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.rules.audience = Some(audience.to_owned());
        self
    }

    /// This claim is then required and not null, `exp` or `jti` for instance.
    #[must_use]
    pub fn require_claim(mut self, name: &str) -> Self {
        self.rules.required.push(name.to_owned());
        self
    }

    /// A token may then be used once, and has to have an id (`jti`). So many are remembered while
    /// they are young enough; further ones are refused until there is room.
    ///
    /// It is used up when its bearer is let in ([`Verifier::admit`]), and not by being read. Clones
    /// of the verifier remember together; other processes do not.
    #[must_use]
    pub fn once(mut self, most: usize) -> Self {
        self.seen = Some(Arc::new(SeenTokens::new(most)));
        self
    }

    /// The claim that holds the e-mail address: `email` by default.
    #[must_use]
    pub fn email_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.email_claim);
        self
    }

    /// The claim that holds the list of groups: `groups` by default.
    #[must_use]
    pub fn groups_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.groups_claim);
        self
    }

    /// The claim that says what the token may be used for: `scope` by default. A token without it
    /// may be used for everything that its bearer may.
    #[must_use]
    pub fn scope_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.scope_claim);
        self
    }

    /// The claim that holds the attributes as an object: `attributes` by default.
    #[must_use]
    pub fn attributes_claim(mut self, name: &str) -> Self {
        name.clone_into(&mut self.rules.attributes_claim);
        self
    }

    /// Also takes one top-level claim as an attribute.
    ///
    /// A token that gives the same attribute in two places is refused.
    #[must_use]
    pub fn attribute_from_claim(mut self, claim: &str, attribute: &str) -> Self {
        self.rules.attribute_claims.push((claim.to_owned(), attribute.to_owned()));
        self
    }

    /// Only people whom this directory knows are let in, with the groups and attributes that it
    /// has for them besides those of their token ([`Person`](crate::Person)).
    #[must_use]
    pub fn known_people(mut self, directory: Arc<dyn Directory>) -> Self {
        self.admission.membership = Membership::Known(directory);
        self
    }

    /// The same, and whoever is not known is taken in by his first token.
    #[must_use]
    pub fn provisioned_people(mut self, directory: Arc<dyn Directory>) -> Self {
        self.admission.membership = Membership::Provisioned(directory);
        self
    }

    /// A group of tokens stands for these groups of the policies. As soon as one group is mapped,
    /// those that are not count for nothing.
    #[must_use]
    pub fn map_group(mut self, of_tokens: &str, of_policies: &[&str]) -> Self {
        let names = self.admission.groups.get_or_insert_default();
        let names = names.entry(of_tokens.to_owned()).or_default();
        names.extend(of_policies.iter().map(|name| (*name).to_owned()));
        self
    }

    /// The principal of a token.
    ///
    /// `now` is in seconds since 1970-01-01T00:00:00Z. The signature is checked before any claim
    /// is read. Tokens are not remembered: within the maximum age one may be used again, unless
    /// [`Verifier::once`] says otherwise.
    ///
    /// # Errors
    /// One opaque error for every reason; [`TokenError::reason`] is for the operator.
    pub fn verify(&self, token: &str, now: u64) -> Result<Principal, TokenError> {
        self.admit(&self.claimed(token, now)?)
    }

    /// What a token says, which a session keeps. A token that is for one use is not used up by
    /// that.
    ///
    /// # Errors
    /// As for [`Verifier::verify`], but for people who are not known.
    pub fn claimed(&self, token: &str, now: u64) -> Result<Claimed, TokenError> {
        let claims = signed_claims(token, &self.keys.current(), &self.kind)?;
        let principal = self.rules.principal(&claims, now)?;
        let once = match &self.seen {
            Some(seen) => {
                let (id, ends) = self.rules.id_until(&claims).ok_or(TokenRefusal::Replayed)?;
                Some(Arc::new(OneUse::of(seen, id, ends, now)?))
            }
            None => None,
        };
        Ok(Claimed { principal, once })
    }

    /// Who somebody is now, of whom a token or an API key has been seen to be right. A token that
    /// is for one use is used up by that: what it said may be admitted again, as for a session, and
    /// the token may not be.
    ///
    /// # Errors
    /// Somebody who is not known, or known not to be let in; a token that has been used up since it
    /// was read, or for which there is no room any more.
    pub fn admit(&self, claimed: &Claimed) -> Result<Principal, TokenError> {
        let principal = self.admission.admit(claimed)?;
        if let Some(once) = &claimed.once {
            once.make()?;
        }
        Ok(principal)
    }
}

/// The secret is not shown.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{NOW, check_token, sign, verifier};
    use crate::{People, Person, SecretError, Sessions};

    #[test]
    fn jwt6_weak_secrets_make_no_verifier() {
        assert_eq!(Verifier::hs256("short").err(), Some(SecretError::TooShort));
        assert_eq!(Verifier::hs256(vec![0; 64]).err(), Some(SecretError::Repetitive));
    }

    #[test]
    fn atk10_limits_are_clamped() {
        let open = verifier().max_age(u64::MAX).clock_skew(u64::MAX).max_lifetime(u64::MAX);
        let issued = |iat: u64| {
            sign(r#"{"alg":"HS256"}"#, &format!(r#"{{"iat":{iat},"email":"ana@shop.test"}}"#))
        };
        check_token(&open, &issued(NOW - DAY + 1), Ok(()));
        check_token(&open, &issued(NOW - DAY), Err(TokenRefusal::TooOld));
        check_token(&open, &issued(NOW + 60), Ok(()));
        check_token(&open, &issued(NOW + 61), Err(TokenRefusal::FromTheFuture));
        check_token(&verifier().max_age(0), &issued(NOW), Err(TokenRefusal::TooOld));
        check_token(&verifier().max_age(1), &issued(NOW), Ok(()));
    }

    #[test]
    fn atk10_every_reading_of_the_clock_is_safe() {
        let token = sign(r#"{"alg":"HS256"}"#, r#"{"iat":0,"email":"ana@shop.test"}"#);
        assert!(verifier().verify(&token, 0).is_ok());
        assert!(verifier().verify(&token, 179).is_ok());
        assert!(verifier().verify(&token, 1 << 31).is_err());
        assert!(verifier().verify(&token, u64::MAX).is_err());
        let last = format!(r#"{{"iat":{},"email":"ana@shop.test"}}"#, u64::MAX);
        let last = sign(r#"{"alg":"HS256"}"#, &last);
        assert!(verifier().verify(&last, u64::MAX).is_ok());
        assert!(verifier().verify(&last, 0).is_err());
    }

    #[test]
    fn atk12_a_token_may_be_for_one_use() {
        let once = verifier().once(10);
        let with = |jti: &str| {
            let claims = format!(r#"{{"iat":{NOW},"email":"ana@shop.test"{jti}}}"#);
            sign(r#"{"alg":"HS256"}"#, &claims)
        };
        check_token(&once, &with(r#","jti":"1""#), Ok(()));
        check_token(&once.clone(), &with(r#","jti":"1""#), Err(TokenRefusal::Replayed));
        check_token(&once, &with(r#","jti":"2""#), Ok(()));
        check_token(&once, &with(""), Err(TokenRefusal::Replayed));
        check_token(&verifier(), &with(r#","jti":"1""#), Ok(()));
        // A token that is refused for another reason has not been used.
        let early = once.clone().audience("shop");
        check_token(&early, &with(r#","jti":"3""#), Err(TokenRefusal::WrongAudience));
        check_token(&once, &with(r#","jti":"3""#), Ok(()));
    }

    #[test]
    fn atk12_a_token_is_used_up_by_whoever_is_let_in() {
        let people = Arc::new(People::default());
        let known = verifier().once(1).known_people(Arc::clone(&people) as Arc<dyn Directory>);
        let token = |jti: &str| {
            let claims = format!(r#"{{"iat":{NOW},"email":"ana@shop.test","jti":"{jti}"}}"#);
            sign(r#"{"alg":"HS256"}"#, &claims)
        };
        let ana = || Person::new("ana@shop.test").unwrap();
        // Whoever is not let in has used nothing, and takes no room.
        for jti in ["1", "1", "2", "3"] {
            check_token(&known, &token(jti), Err(TokenRefusal::UnknownPerson));
        }
        people.replace(People::new([ana().inactive()]).unwrap());
        check_token(&known, &token("1"), Err(TokenRefusal::InactivePerson));
        people.replace(People::new([ana()]).unwrap());
        // Two that are read at the same time are one.
        let [first, second] = [(); 2].map(|()| known.claimed(&token("1"), NOW).unwrap());
        assert!(known.admit(&second).is_ok());
        let refused = known.admit(&first).err().map(|error| error.reason());
        assert_eq!(refused, Some(TokenRefusal::Replayed));
        check_token(&known, &token("1"), Err(TokenRefusal::Replayed));
        check_token(&known, &token("2"), Err(TokenRefusal::TooManyTokens));
        // A session goes on being its bearer, as long as he is let in.
        let sessions = Sessions::new(3_600);
        let word = sessions.open(second, [7; 32], NOW).unwrap().word;
        for now in [NOW, NOW + 3_599] {
            assert!(known.admit(&sessions.find(&word, now).unwrap()).is_ok());
        }
    }

    #[test]
    fn atk12_a_token_that_was_used_takes_nobody_in() {
        let people = Arc::new(People::default());
        let open =
            verifier().once(10).provisioned_people(Arc::clone(&people) as Arc<dyn Directory>);
        let token = |email: &str| {
            let claims = format!(r#"{{"iat":{NOW},"email":"{email}","jti":"1"}}"#);
            sign(r#"{"alg":"HS256"}"#, &claims)
        };
        check_token(&open, &token("ana@shop.test"), Ok(()));
        check_token(&open, &token("mia@shop.test"), Err(TokenRefusal::Replayed));
        assert_eq!(people.len(), 1);
    }

    #[test]
    fn jwt12_a_type_of_ones_own_is_required() {
        let of = |typ: &str| sign(&format!(r#"{{"alg":"HS256"{typ}}}"#), crate::testing::CLAIMS);
        let own = verifier().token_type("application/shop+jwt");
        for typ in ["shop+jwt", "Shop+JWT", "application/shop+jwt"] {
            check_token(&own, &of(&format!(r#","typ":"{typ}""#)), Ok(()));
        }
        for typ in ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#, r#","typ":"text/shop+jwt""#] {
            check_token(&own, &of(typ), Err(TokenRefusal::WrongType));
        }
        check_token(&verifier().token_type("JWT"), &of(""), Err(TokenRefusal::WrongType));
    }
}
