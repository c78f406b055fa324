//! From what a token says to a principal: the people who are known, and groups by other names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::directory::Directory;
use crate::principal::{Identity, Origin, Principal};
use crate::seen::OneUse;
use crate::token_error::TokenRefusal;

/// What a token says of its bearer, before anybody has looked whether he is known.
///
/// It is what a session keeps: who he is and what he may is worked out anew at every request
/// ([`Verifier::admit`](crate::Verifier::admit)).
#[derive(Clone, Debug)]
pub struct Claimed {
    pub(crate) principal: Principal,
    /// Where its token is for one use; clones are of the same use.
    pub(crate) once: Option<Arc<OneUse>>,
}

impl Claimed {
    /// The folded address, or whatever an API key is called.
    pub fn subject(&self) -> &str {
        self.principal.subject()
    }
}

/// Who is let in.
#[derive(Clone, Default)]
pub(crate) enum Membership {
    /// Whoever has a token: it says everything.
    #[default]
    Stateless,
    /// Whoever is known, and active.
    Known(Arc<dyn Directory>),
    /// The same, and whoever is not known yet is from now on.
    Provisioned(Arc<dyn Directory>),
}

/// Who is let in, and as what.
#[derive(Clone, Default)]
pub(crate) struct AdmissionRules {
    pub(crate) membership: Membership,
    /// Groups of tokens by the names that policies have for them; without it they are the same.
    pub(crate) groups: Option<BTreeMap<String, Vec<String>>>,
}

impl AdmissionRules {
    /// Who is let in with what a token says.
    ///
    /// He is in the groups of his token and in those that the directory has for him. Of an
    /// attribute that both have, that of the directory counts.
    pub(crate) fn admit(&self, claimed: &Claimed) -> Result<Principal, TokenRefusal> {
        let principal = &claimed.principal;
        // A service is configured as a whole, and is nobody whom a directory could know.
        if *principal.origin() == Origin::ApiKey {
            return Ok(principal.clone());
        }
        let person = match (&self.membership, principal.email()) {
            (Membership::Stateless, _) => None,
            (_, None) => return Err(TokenRefusal::UnknownPerson),
            (Membership::Known(known), Some(email)) => {
                Some(known.find(email).ok_or(TokenRefusal::UnknownPerson)?)
            }
            (Membership::Provisioned(known), Some(email)) => {
                let found = known
                    .find(email)
                    .or_else(|| if known.add(email) { known.find(email) } else { None });
                Some(found.ok_or(TokenRefusal::UnknownPerson)?)
            }
        };
        if person.is_none() && self.groups.is_none() {
            return Ok(principal.clone());
        }
        let mut groups: Vec<String> = match &self.groups {
            None => principal.groups().to_vec(),
            Some(names) => {
                let mapped = principal.groups().iter().filter_map(|group| names.get(group));
                mapped.flatten().cloned().collect()
            }
        };
        let owned = |(name, value): (&str, &_)| (name.to_owned(), Clone::clone(value));
        let mut attributes: BTreeMap<_, _> = principal.attributes().map(owned).collect();
        if let Some(person) = person {
            // A directory that gives another person than was asked for is not believed.
            if Some(person.email()) != principal.email() {
                return Err(TokenRefusal::UnknownPerson);
            }
            if !person.is_active() {
                return Err(TokenRefusal::InactivePerson);
            }
            groups.extend(person.groups().iter().cloned());
            let known = person.attributes().iter();
            attributes.extend(known.map(|(name, value)| (name.clone(), value.clone())));
        }
        let identity = Identity {
            subject: principal.subject().to_owned(),
            email: principal.email().map(str::to_owned),
            groups,
            attributes,
            scopes: principal.scopes().cloned(),
        };
        Ok(Principal::new(identity, principal.origin().clone()))
    }
}

impl fmt::Debug for AdmissionRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let membership = match &self.membership {
            Membership::Stateless => "Stateless",
            Membership::Known(_) => "Known",
            Membership::Provisioned(_) => "Provisioned",
        };
        f.debug_struct("AdmissionRules")
            .field("membership", &membership)
            .field("groups", &self.groups)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{CLAIMS, HEADER, NOW, check_token, sign, verifier};
    use crate::{AttributeValue, People, Person, SamePerson, Verifier};

    fn list() -> Arc<People> {
        let ana = Person::new("Ana@shop.test").unwrap().group("analysts").unwrap();
        let ana = ana.attribute("tenant", "of the list").unwrap();
        let vic = Person::new("vic@shop.test").unwrap().group("vendors").unwrap().inactive();
        Arc::new(People::new([ana, vic]).unwrap())
    }

    fn token(email: &str, more: &str) -> String {
        sign(HEADER, &CLAIMS.replace("ana@shop.test", email).replace('}', &format!("{more}}}")))
    }

    #[track_caller]
    fn groups(verifier: &Verifier, token: &str, expected: &[&str]) {
        assert_eq!(verifier.verify(token, NOW).unwrap().groups(), expected);
    }

    #[test]
    fn jwt9_atk13_whoever_is_not_known_is_not_let_in() {
        let people = list();
        let known = verifier().known_people(Arc::clone(&people) as Arc<dyn Directory>);
        check_token(&known, &token("ANA@Shop.test", ""), Ok(()));
        check_token(&known, &token("vic@shop.test", ""), Err(TokenRefusal::InactivePerson));
        for other in ["mia@shop.test", "ana+x@shop.test", "\u{430}na@shop.test", "ana@shop.tes"] {
            check_token(&known, &token(other, ""), Err(TokenRefusal::UnknownPerson));
        }
        assert_eq!(people.len(), 2);
        // At the next request it is another list.
        people.replace(People::default());
        check_token(&known, &token("ana@shop.test", ""), Err(TokenRefusal::UnknownPerson));
        check_token(&verifier(), &token("mia@shop.test", ""), Ok(()));
    }

    #[test]
    fn a_person_may_be_taken_in() {
        let people = list();
        let open = verifier().provisioned_people(Arc::clone(&people) as Arc<dyn Directory>);
        check_token(&open, &token("Mia@shop.test", ""), Ok(()));
        assert!(people.find("mia@shop.test").is_some());
        check_token(&open, &token("mia@shop.test", ""), Ok(()));
        assert_eq!(people.len(), 3);
        // Whoever is out stays out.
        check_token(&open, &token("vic@shop.test", ""), Err(TokenRefusal::InactivePerson));
        // A token that is refused takes nobody in.
        let old = sign(HEADER, r#"{"iat":1,"email":"zoe@shop.test"}"#);
        check_token(&open, &old, Err(TokenRefusal::TooOld));
        assert_eq!(people.len(), 3);
    }

    #[test]
    fn the_token_and_the_list_count_together() {
        let known = verifier().known_people(list() as Arc<dyn Directory>);
        groups(&known, &token("ana@shop.test", ""), &["analysts"]);
        let more = r#","groups":["west","analysts"],"attributes":{"tenant":"mine","n":1}"#;
        let principal = known.verify(&token("ana@shop.test", more), NOW).unwrap();
        assert_eq!(principal.groups(), ["analysts", "west"]);
        assert_eq!(principal.attribute("tenant"), Some(&AttributeValue::from("of the list")));
        assert_eq!(principal.attribute("n"), Some(&AttributeValue::from(1)));
        let scoped = token("ana@shop.test", r#","scope":"agent:search""#);
        assert!(known.verify(&scoped, NOW).unwrap().scopes().is_some(), "a scope stays");
    }

    #[test]
    fn groups_go_by_the_names_that_policies_have() {
        let mapped = || {
            verifier().map_group("ext-sales", &["sales", "readers"]).map_group("ext-hr", &["hr"])
        };
        let with = |groups: &str| token("ana@shop.test", &format!(r#","groups":[{groups}]"#));
        groups(&mapped(), &with(r#""ext-sales""#), &["readers", "sales"]);
        groups(&mapped(), &with(r#""ext-hr","ext-sales""#), &["hr", "readers", "sales"]);
        // What is not mapped is left out: not even a name of the policies gets through.
        groups(&mapped(), &with(r#""sales","Ext-HR","ext-""#), &[]);
        groups(&mapped(), &with(""), &[]);
        let known = mapped().known_people(list() as Arc<dyn Directory>);
        groups(&known, &with(r#""ext-hr""#), &["analysts", "hr"]);
    }

    #[test]
    fn atk13_two_people_of_a_list_have_two_addresses() {
        let person = |email: &str| Person::new(email).unwrap();
        let twice = People::new([person("ana@shop.test"), person("ANA@SHOP.test")]);
        assert_eq!(twice.err(), Some(SamePerson { email: "ana@shop.test".to_owned() }));
        assert!(Person::new("ana\u{200b}@shop.test").is_err());
        assert!(person("ana@shop.test").group(" x").is_err());
        assert!(person("ana@shop.test").attribute("", 1).is_err());
    }

    #[test]
    fn a_directory_that_gives_somebody_else_is_not_believed() {
        struct Wrong;
        impl Directory for Wrong {
            fn find(&self, _: &str) -> Option<Person> {
                Person::new("root@shop.test").ok()
            }
        }
        let wrong = verifier().known_people(Arc::new(Wrong));
        check_token(&wrong, &token("ana@shop.test", ""), Err(TokenRefusal::UnknownPerson));
    }

    #[test]
    fn l54_debug_shows_no_attribute_of_a_person() {
        let known = verifier().known_people(list() as Arc<dyn Directory>);
        let shown = format!("{:?} {known:?}", list());
        assert!(shown.contains("tenant") && !shown.contains("of the list"), "{shown}");
    }
}
