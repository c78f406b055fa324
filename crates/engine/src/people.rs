//! A file of the people who are known: YAML becomes a list, or every problem with its place.

use sandbar_auth::{AttributeValue, People, Person, PrincipalError};
use sandbar_catalog::decode::{Entries, Items, Located, Problem};
use sandbar_catalog::{Finding, Report, SourceText};
use serde::Deserialize;

const NOT_AN_ADDRESS: &str = "A0101";
const STANDS_TWICE: &str = "A0102";
const NOT_A_NAME: &str = "A0103";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PeopleFile {
    people: Entries<PersonDef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PersonDef {
    active: Option<bool>,
    groups: Items<String>,
    attributes: Entries<serde_json::Value>,
}

/// Reads a file of people: who is known by his e-mail address, and what counts of him besides what
/// his token says.
///
/// # Errors
/// All problems at once, each with its place.
///
/// ```
/// use sandbar::{SourceText, read_people};
///
/// let people = read_people(&SourceText::new("people.yaml", "
/// people:
///   ana@shop.test: { groups: [analysts], attributes: { states: [CA, OR] } }
///   vic@partner.test: { active: false }
/// ")).unwrap();
/// assert_eq!(people.len(), 2);
/// let report = read_people(&SourceText::new("people.yaml", "people: { ana: {} }")).unwrap_err();
/// assert_eq!(report.findings()[0].problem.code, "A0101");
/// ```
pub fn read_people(file: &SourceText) -> Result<People, Report> {
    let mut findings = Vec::new();
    let read: PeopleFile = file.decode(&mut findings);
    let mut people: Vec<Person> = Vec::new();
    for (email, def) in read.people.iter() {
        let mut at = |code, message: String| {
            let place = def.key_place.or(def.place);
            let problem =
                Problem { code, place, path: def.path.clone(), message, suggestion: None };
            findings.push(Finding { file: Some(file.clone()), problem });
        };
        match person(email, def) {
            Err(error @ PrincipalError::Email { .. }) => at(NOT_AN_ADDRESS, error.to_string()),
            Err(error) => at(NOT_A_NAME, error.to_string()),
            Ok(person) if people.iter().any(|known| known.email() == person.email()) => {
                let email = person.email();
                let message = format!("`{email}` stands twice: the case of letters does not count");
                at(STANDS_TWICE, message);
            }
            Ok(person) => people.push(person),
        }
    }
    if !findings.is_empty() {
        return Err(Report::new(findings));
    }
    // Each stands once, as has been seen.
    Ok(People::new(people).unwrap_or_default())
}

fn person(email: &str, def: &Located<PersonDef>) -> Result<Person, PrincipalError> {
    let mut person = Person::new(email)?;
    for group in def.groups.iter() {
        person = person.group(&group.value)?;
    }
    for (name, value) in def.attributes.iter() {
        person = person.attribute(name, AttributeValue::from_json(&value.value))?;
    }
    Ok(if def.active == Some(false) { person.inactive() } else { person })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use sandbar_auth::Directory;

    use super::*;

    /// The codes and lines of what is wrong.
    #[track_caller]
    fn check(text: &str, expected: &[(&str, u32)]) {
        let report = read_people(&SourceText::new("people.yaml", text)).unwrap_err();
        let found = report.findings().iter();
        let found: Vec<_> =
            found.map(|f| (f.problem.code, f.problem.place.unwrap().line)).collect();
        assert_eq!(found, expected, "{report}");
    }

    #[test]
    fn people_are_read_with_what_counts_of_them() {
        let text = "people:\n  Ana@Shop.test:\n    groups: [a, b]\n    attributes: { n: 1, t: \"1\" }\n  vic@shop.test: { active: false }\n";
        let people = read_people(&SourceText::new("people.yaml", text)).unwrap();
        let ana = Person::new("ana@shop.test").unwrap().group("a").unwrap().group("b").unwrap();
        let ana = ana.attribute("n", 1).unwrap().attribute("t", "1").unwrap();
        assert_eq!(people.find("ana@shop.test"), Some(ana));
        assert!(!people.find("vic@shop.test").unwrap().is_active());
        assert_eq!(people.len(), 2);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        check(
            "people:\n  ana: {}\n  b@shop.test: { group: [a] }\n  c@shop.test: { groups: [' x'] }\n  \
             d@shop.test: {}\n  D@shop.test: {}\n  e@shop.test: { active: perhaps }\nmore: 1\n",
            &[("A0101", 2), ("D0002", 3), ("A0103", 4), ("A0102", 6), ("D0001", 7), ("D0002", 8)],
        );
        check("people: [", &[("D0000", 1)]);
    }
}
