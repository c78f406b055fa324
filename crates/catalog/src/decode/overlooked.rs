//! What reading YAML into values passes over without a word: tags, keys that are aliases or stand
//! twice where maps are merged, and the digits of numbers that no double is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::node::{Place, stands_twice};
use super::problem::Problem;

/// The key whose value is merged into the map that it stands in.
const MERGE: &str = "<<";

/// A map or list that is being read.
struct Open {
    /// Of a map: whether a key comes next.
    key_next: Option<bool>,
    /// Of a map: whether the value that comes next is merged into it.
    merges: bool,
    /// Whether it, or what it lists, is merged into another map.
    merged: bool,
    /// The keys that are not looked at once values are read, and where each stands first.
    keys: HashMap<String, Place>,
}

impl Open {
    /// Takes the next node, of a text in no quotes if it is one; says whether it is merged into a
    /// map.
    fn take(&mut self, text: Option<&str>, plain: bool, place: Place) -> Result<bool, Problem> {
        match self.key_next {
            None => return Ok(self.merged),
            Some(false) => {
                self.key_next = Some(true);
                return Ok(std::mem::take(&mut self.merges));
            }
            Some(true) => self.key_next = Some(false),
        }
        self.merges = plain && text == Some(MERGE);
        let Some(key) = text.filter(|_| self.merges || self.merged) else { return Ok(false) };
        match self.keys.entry(key.to_owned()) {
            Entry::Occupied(first) => Err(problem(place, stands_twice(key, Some(*first.get())))),
            Entry::Vacant(slot) => {
                slot.insert(place);
                Ok(false)
            }
        }
    }
}

/// Every double keeps so many digits.
const KEPT: usize = 15;

/// The numbers of a text, which is YAML, that may have more digits than doubles keep, as they are
/// written, by their places; or the first thing that its values do not tell of.
pub(super) fn overlooked(text: &str) -> Result<HashMap<Place, String>, Problem> {
    let mut open: Vec<Open> = Vec::new();
    let mut numbers = HashMap::new();
    for read in Parser::new_from_str(text) {
        let (event, span) =
            read.map_err(|error| problem(place_of(*error.marker()), error.info()))?;
        let place = place_of(span.start);
        let (scalar, tag, opens) = match event {
            Event::Scalar(value, style, _, tag) => {
                (Some((value, style == ScalarStyle::Plain)), tag, None)
            }
            Event::SequenceStart(_, _, tag) => (None, tag, Some(false)),
            Event::MappingStart(_, _, tag) => (None, tag, Some(true)),
            Event::Alias(_) => {
                if open.last().is_some_and(|outer| outer.key_next == Some(true)) {
                    let message = "an alias in the place of a key is not read: write the key";
                    return Err(problem(place, message.to_owned()));
                }
                (None, None, None)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                continue;
            }
            _ => continue,
        };
        if let Some(tag) = tag {
            let (place, name) = match span.tag_span() {
                Some(at) => (place_of(at.start), at.slice(text).map(str::to_owned)),
                None => (place, None),
            };
            let name = name.unwrap_or_else(|| tag.to_string());
            let message = format!("the tag `{name}` is not read: write the value without it");
            return Err(problem(place, message));
        }
        if let Some((text, true)) = &scalar
            && text.len() > KEPT
            && text.parse::<f64>().is_ok()
        {
            numbers.insert(place, (**text).to_owned());
        }
        let merged = match open.last_mut() {
            Some(outer) => {
                let plain = scalar.as_ref().is_some_and(|(_, plain)| *plain);
                outer.take(scalar.as_ref().map(|(text, _)| &**text), plain, place)?
            }
            None => false,
        };
        if let Some(is_map) = opens {
            let (merges, keys) = (false, HashMap::new());
            open.push(Open { key_next: is_map.then_some(true), merges, merged, keys });
        }
    }
    Ok(numbers)
}

fn place_of(marker: Marker) -> Place {
    Place {
        line: u32::try_from(marker.line()).unwrap_or(0),
        column: u32::try_from(marker.col().saturating_add(1)).unwrap_or(0),
    }
}

fn problem(place: Place, message: String) -> Problem {
    Problem { code: "D0000", place: Some(place), path: String::new(), message, suggestion: None }
}

#[cfg(test)]
mod tests {
    use super::super::Node;
    use super::*;

    #[track_caller]
    fn check(yaml: &str, line: u32, column: u32, message: &str) {
        let found = overlooked(yaml).map_err(|problem| (problem.place, problem.message));
        let expected = (Some(Place { line, column }), message.to_owned());
        assert_eq!(found, Err(expected), "{yaml}");
        assert_eq!(Node::from_yaml(yaml).err().map(|problem| problem.code), Some("D0000"));
    }

    #[test]
    fn every_tag_is_told_with_its_place() {
        let told = |name: &str| format!("the tag `{name}` is not read: write the value without it");
        check("a: { level: !describe }\n", 1, 13, &told("!describe"));
        check("a:\n  rows: !!null 'total > 5'\n", 2, 9, &told("!!null"));
        check("a: !only {except: [id]}\n", 1, 4, &told("!only"));
        check("a: !!seq\n  - 1\n", 1, 4, &told("!!seq"));
        check("a: [1, !!str 2]\n", 1, 8, &told("!!str"));
        check("a: ! b\n", 1, 4, &told("!"));
        check("!x a: 1\n", 1, 1, &told("!x"));
        check("--- !model\na: 1\n", 1, 5, &told("!model"));
        check("a: &a !x {b: 1}\nc: {<<: *a}\n", 1, 7, &told("!x"));
    }

    #[test]
    fn no_key_is_an_alias() {
        let told = "an alias in the place of a key is not read: write the key";
        check("c: {<<: {&k x: 1, *k : 2}}\n", 1, 19, told);
        check("c:\n  &m <<: {x: 1}\n  *m : {x: 2}\n", 3, 3, told);
        check("a: &a b\n? *a\n: 1\n", 2, 3, told);
        for right in ["a: &a b\nc: *a\n", "a: &a b\nc: [*a, {d: *a}]\n", "&a b: 1\nc: *a\n"] {
            assert_eq!(overlooked(right), Ok(HashMap::new()), "{right}");
            assert!(Node::from_yaml(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn merged_maps_have_each_key_once() {
        let base = "a: &a {x: 1}\nb: &b {y: 2}\n";
        check(
            &format!("{base}c:\n  <<: *a\n  z: 3\n  <<: *b\n"),
            6,
            3,
            "the key `<<` stands twice: first in line 4",
        );
        check("c: {<<: {x: 1, x: 2}}\n", 1, 16, "the key `x` stands twice: first in line 1");
        check("c: {<<: [{x: 1, x: 2}]}\n", 1, 17, "the key `x` stands twice: first in line 1");
        for right in [
            "c: {<<: *a}\nd: {<<: *b}\n",
            "c: {<<: [*a, *b], x: 5}\n",
            "c: {<<: [{x: 1}, {x: 2}]}\n",
            "c: {<<: {d: {<<: *a}}, e: {<<: *a}}\n",
            "c: ['<<', '!x', \"!!str\"]\n",
        ] {
            let text = format!("{base}{right}");
            assert_eq!(overlooked(&text), Ok(HashMap::new()), "{text}");
            assert!(Node::from_yaml(&text).is_ok(), "{text}");
        }
    }
}
