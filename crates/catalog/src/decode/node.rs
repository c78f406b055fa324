//! A document as a tree whose values know their places.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::overlooked::overlooked;
use super::problem::{Problem, Problems};
use crate::query::keeps;

/// A place in a text: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands; `None` for JSON, whose values are told apart by their path.
    pub place: Option<Place>,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number beyond `i64`.
    Unsigned(u64),
    /// A number with a point.
    Float(f64),
    /// A number that no double is, without an exponent.
    Digits {
        /// As it is written, in the form of JSON.
        text: String,
        /// The nearest double.
        near: f64,
    },
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the document: key, the key's place, value.
    Map(Vec<(String, Option<Place>, Node)>),
}

const MAX_YAML_DEPTH: usize = 64;
const MAX_JSON_DEPTH: usize = 32;
const MAX_JSON_NODES: usize = 10_000;

impl Node {
    /// Reads YAML; alias bombs and tags are refused. A key may stand twice here: decoding tells of
    /// it.
    ///
    /// # Errors
    /// The first syntax error, or what the values would not tell of, with its place.
    pub fn from_yaml(text: &str) -> Result<Self, Problem> {
        let blank = |line: &str| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line == "---"
        };
        if text.lines().all(blank) {
            return Ok(Self { place: None, kind: NodeKind::Map(Vec::new()) });
        }
        let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::PassThrough };
        let read = serde_saphyr::from_str_with_options::<YamlNode>(text, options);
        let node = read.map_err(|error| {
            let error = error.without_snippet();
            let place = error.location().map(|l| Place::from_yaml(&l));
            let text = error.to_string();
            let message = text.lines().next().unwrap_or("not YAML").to_owned();
            // The place is told apart; the reader's own " at line …" would say it twice.
            let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
            let message = if message.starts_with("budget breached") {
                "the document is too large; an alias counts as all that it stands for".to_owned()
            } else {
                message
            };
            Problem { code: "D0000", place, path: String::new(), message, suggestion: None }
        })?;
        Ok(node.into_node(&overlooked(text)?))
    }

    /// Reads JSON strictly: duplicate keys, a depth over 32 and more than 10,000 values are
    /// refused.
    ///
    /// # Errors
    /// The first syntax error, with its line and column.
    pub fn from_json(text: &str) -> Result<Self, Problem> {
        Self::from_json_within(text, MAX_JSON_DEPTH, MAX_JSON_NODES)
    }

    /// Reads JSON that was written from what had been read, in which more may be said.
    pub(crate) fn from_written_json(text: &str) -> Result<Self, Problem> {
        Self::from_json_within(text, usize::MAX, usize::MAX)
    }

    fn from_json_within(text: &str, deepest: usize, nodes: usize) -> Result<Self, Problem> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let mut rest = Rest { deepest, nodes, numbers: Numbers(text) };
        let seed = JsonSeed { depth: 0, rest: &mut rest };
        let read = seed.deserialize(&mut reader).and_then(|node| reader.end().map(|()| node));
        read.map_err(|error| {
            let place = Place {
                line: u32::try_from(error.line()).unwrap_or(0),
                column: u32::try_from(error.column()).unwrap_or(0),
            };
            let text = error.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            Problem {
                code: "D0000",
                place: Some(place),
                path: String::new(),
                message: format!("not valid JSON: {message}"),
                suggestion: None,
            }
        })
    }

    /// The place of what stands at a path such as `tables.orders.fields[2]`, or of the last thing
    /// on the way that is there.
    pub fn place_of(&self, path: &str) -> Option<Place> {
        let (mut node, mut place) = (self, self.place);
        let keys = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
        for step in keys.filter(|step| !step.is_empty()) {
            let next = match &node.kind {
                NodeKind::Map(entries) => entries.iter().find(|(key, _, _)| key == step),
                NodeKind::List(items) => {
                    let item = step.parse().ok().and_then(|index: usize| items.get(index));
                    let Some(item) = item else { break };
                    (node, place) = (item, item.place.or(place));
                    continue;
                }
                _ => None,
            };
            let Some((_, key_place, value)) = next else { break };
            (node, place) = (value, value.place.or(*key_place).or(place));
        }
        place
    }

    /// The same tree, in which each key of a map stands once: the first time. The others are
    /// problems.
    pub(super) fn with_each_key_once(&self, problems: &mut Problems) -> Cow<'_, Self> {
        // JSON is read strictly: there a key that stands twice is no JSON.
        if self.place.is_none() {
            return Cow::Borrowed(self);
        }
        let mut twice = Vec::new();
        self.twice("", &mut twice);
        if twice.is_empty() {
            return Cow::Borrowed(self);
        }
        twice.into_iter().for_each(|problem| problems.push(problem));
        let mut once = self.clone();
        once.keep_first();
        Cow::Owned(once)
    }

    fn twice(&self, path: &str, found: &mut Vec<Problem>) {
        match &self.kind {
            NodeKind::Map(entries) => {
                let mut seen: HashMap<&str, Option<Place>> = HashMap::new();
                for (key, place, value) in entries {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    value.twice(&path, found);
                    match seen.entry(key) {
                        Entry::Vacant(slot) => drop(slot.insert(*place)),
                        Entry::Occupied(first) => {
                            let message = stands_twice(key, *first.get());
                            let (code, place, suggestion) = ("D0000", *place, None);
                            found.push(Problem { code, place, path, message, suggestion });
                        }
                    }
                }
            }
            NodeKind::List(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(n, item)| item.twice(&format!("{path}[{n}]"), found));
            }
            _ => {}
        }
    }

    fn keep_first(&mut self) {
        match &mut self.kind {
            NodeKind::Map(entries) => {
                let mut seen = HashSet::new();
                entries.retain(|(key, _, _)| seen.insert(key.clone()));
                entries.iter_mut().for_each(|(_, _, value)| value.keep_first());
            }
            NodeKind::List(items) => items.iter_mut().for_each(Self::keep_first),
            _ => {}
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            NodeKind::Null => "nothing".to_owned(),
            NodeKind::Bool(b) => format!("`{b}`"),
            NodeKind::Integer(n) => format!("the number {n}"),
            NodeKind::Unsigned(n) => format!("the number {n}"),
            NodeKind::Float(n) => format!("the number {n}"),
            NodeKind::Digits { text, .. } => format!("the number {}", short(text)),
            NodeKind::Text(text) => format!("the text `{}`", short(text)),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a map".to_owned(),
        }
    }
}

/// What is said of a key that has stood before.
pub(super) fn stands_twice(key: &str, first: Option<Place>) -> String {
    let line = first.map(|place| format!(": first in line {}", place.line));
    format!("the key `{key}` stands twice{}", line.unwrap_or_default())
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Place {
    fn from_yaml(location: &serde_saphyr::Location) -> Self {
        Self {
            line: u32::try_from(location.line()).unwrap_or(0),
            column: u32::try_from(location.column()).unwrap_or(0),
        }
    }
}

/// A node of YAML: serde-saphyr knows the places of whatever stands in a `Spanned`.
struct YamlNode {
    /// Where it is used.
    place: Place,
    /// Where it is written: elsewhere, if an alias stands for it.
    written: Place,
    kind: YamlKind,
}

enum YamlKind {
    Scalar(NodeKind),
    List(Vec<YamlNode>),
    Map(Vec<(String, Place, YamlNode)>),
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<YamlKind>::deserialize(d)?;
        let place = Place::from_yaml(&spanned.referenced);
        let written = Place::from_yaml(&spanned.defined);
        let node = Self { place, written, kind: spanned.value };
        if node.depth() > MAX_YAML_DEPTH {
            return Err(D::Error::custom("nested too deeply: at most 64 levels"));
        }
        Ok(node)
    }
}

impl YamlNode {
    /// The depth of a tree; only its left edge is followed, since every level is checked on its
    /// own.
    fn depth(&self) -> usize {
        let mut depth = 1;
        let mut at = self;
        while let Some(next) = match &at.kind {
            YamlKind::Scalar(_) => None,
            YamlKind::List(items) => items.first(),
            YamlKind::Map(entries) => entries.first().map(|(_, _, value)| value),
        } {
            depth += 1;
            at = next;
        }
        depth
    }

    /// The same tree, of which no number loses a digit; `numbers` are the long ones as they are
    /// written, by their places.
    fn into_node(self, numbers: &HashMap<Place, String>) -> Node {
        let kind = match self.kind {
            YamlKind::Scalar(NodeKind::Float(near)) => match numbers.get(&self.written) {
                Some(text) => exactly(near, &as_in_json(text)),
                None => NodeKind::Float(near),
            },
            YamlKind::Scalar(kind) => kind,
            YamlKind::List(items) => {
                NodeKind::List(items.into_iter().map(|item| item.into_node(numbers)).collect())
            }
            YamlKind::Map(entries) => {
                let entries = entries.into_iter();
                let entry = |(key, place, value): (String, Place, Self)| {
                    (key, Some(place), value.into_node(numbers))
                };
                NodeKind::Map(entries.map(entry).collect())
            }
        };
        Node { place: Some(self.place), kind }
    }
}

/// A number without an exponent as JSON writes it: no plus, and digits on both sides of a point.
fn as_in_json(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.split_once('.') {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((whole, "")) => format!("{sign}{whole}"),
        _ => format!("{sign}{digits}"),
    }
}

/// The nearest double of a number, or its digits where that is another number. An exponent makes a
/// double.
fn exactly(near: f64, text: &str) -> NodeKind {
    if text.contains(['e', 'E']) || keeps(near, text) {
        return NodeKind::Float(near);
    }
    NodeKind::Digits { text: text.to_owned(), near }
}

impl<'de> Deserialize<'de> for YamlKind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(YamlVisitor)
    }
}

macro_rules! scalar_visits {
    ($kind:ident) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($kind(NodeKind::Null))
        }
        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok($kind(NodeKind::Null))
        }
        fn visit_bool<E: Error>(self, b: bool) -> Result<Self::Value, E> {
            Ok($kind(NodeKind::Bool(b)))
        }
        fn visit_i64<E: Error>(self, n: i64) -> Result<Self::Value, E> {
            Ok(self.number(NodeKind::Integer(n)))
        }
        fn visit_u64<E: Error>(self, n: u64) -> Result<Self::Value, E> {
            Ok(self.number(i64::try_from(n).map_or(NodeKind::Unsigned(n), NodeKind::Integer)))
        }
        fn visit_f64<E: Error>(self, n: f64) -> Result<Self::Value, E> {
            Ok(self.number(NodeKind::Float(n)))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok($kind(NodeKind::Text(text.to_owned())))
        }
    };
}

struct YamlVisitor;

fn scalar(kind: NodeKind) -> YamlKind {
    YamlKind::Scalar(kind)
}

impl YamlVisitor {
    fn number(self, kind: NodeKind) -> YamlKind {
        scalar(kind)
    }
}

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalar_visits!(scalar);

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<YamlKind, D::Error> {
        d.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<YamlKind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(YamlKind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<YamlKind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = Place::from_yaml(&key.referenced);
            entries.push((key.value, place, map.next_value()?));
        }
        Ok(YamlKind::Map(entries))
    }
}

/// What is left of a JSON text while it is read.
struct Rest<'t> {
    /// The most levels that there may be.
    deepest: usize,
    /// How many more values there may be.
    nodes: usize,
    numbers: Numbers<'t>,
}

/// The numbers of a JSON text as they are written, in their order.
struct Numbers<'t>(&'t str);

impl<'t> Iterator for Numbers<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            let start = self.0.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let found = self.0.get(start..)?;
            if let Some(text) = found.strip_prefix('"') {
                let mut escaped = false;
                let end = text.find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                self.0 = text.get(end? + 1..)?;
                continue;
            }
            let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
            let end = found.find(|c: char| !part(c)).unwrap_or(found.len());
            self.0 = found.get(end..)?;
            return found.get(..end);
        }
    }
}

struct JsonSeed<'n, 't> {
    depth: usize,
    rest: &'n mut Rest<'t>,
}

impl JsonSeed<'_, '_> {
    /// A number, of which no digit is lost: the reader of JSON makes a double of all that has a
    /// point or more than 64 bits, and not always the nearest one.
    fn number(self, kind: NodeKind) -> Node {
        let text = self.rest.numbers.next();
        let NodeKind::Float(read) = kind else { return placeless(kind) };
        let Some(text) = text else { return placeless(kind) };
        let near = text.parse().ok().filter(|n: &f64| n.is_finite()).unwrap_or(read);
        placeless(exactly(near, text))
    }
}

fn placeless(kind: NodeKind) -> Node {
    Node { place: None, kind }
}

impl<'de> DeserializeSeed<'de> for JsonSeed<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Node, D::Error> {
        if self.depth > self.rest.deepest {
            return Err(D::Error::custom("nested too deeply: at most 32 levels"));
        }
        let Some(nodes) = self.rest.nodes.checked_sub(1) else {
            return Err(D::Error::custom("too large: at most 10000 values"));
        };
        self.rest.nodes = nodes;
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalar_visits!(placeless);

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let depth = self.depth + 1;
        let mut items = Vec::new();
        while let Some(node) = seq.next_element_seed(JsonSeed { depth, rest: &mut *self.rest })? {
            items.push(node);
        }
        Ok(placeless(NodeKind::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let depth = self.depth + 1;
        let mut entries: Vec<(String, Option<Place>, Node)> = Vec::new();
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            let seed = JsonSeed { depth, rest: &mut *self.rest };
            let value = map.next_value_seed(seed)?;
            entries.push((key, None, value));
        }
        Ok(placeless(NodeKind::Map(entries)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn yaml_keys_and_values_know_their_places() {
        let node = Node::from_yaml("a:\n  b: 1\n  c: [x, 2.5]\n").unwrap();
        let NodeKind::Map(top) = &node.kind else { panic!("{node:?}") };
        assert_eq!(top[0].1, Some(Place { line: 1, column: 1 }));
        let NodeKind::Map(inner) = &top[0].2.kind else { panic!("{node:?}") };
        assert_eq!(inner[1].1, Some(Place { line: 3, column: 3 }));
        let NodeKind::List(items) = &inner[1].2.kind else { panic!("{node:?}") };
        assert_eq!(items[1].place, Some(Place { line: 3, column: 10 }));
        assert_eq!(items[1].kind, NodeKind::Float(2.5));
    }

    #[test]
    fn yaml_bombs_and_syntax_are_refused_with_a_place() {
        let broken = Node::from_yaml("a: [1, 2\nb: 3\n").unwrap_err();
        assert!(broken.place.is_some(), "{broken}");
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(Node::from_yaml(&bomb).is_err());
        assert!(Node::from_yaml(&"[".repeat(5_000)).is_err());
        assert_eq!(Node::from_yaml("# nothing\n").unwrap().kind, NodeKind::Map(Vec::new()));
    }

    #[test]
    fn keys_of_yaml_that_stand_twice_are_told_with_their_places() {
        let node = Node::from_yaml("a:\n  b: 1\n  c: [{d: 1, d: 2}]\n  b: 2\na: 3\n").unwrap();
        let mut problems = Problems::default();
        let once = node.with_each_key_once(&mut problems);
        let told: Vec<_> = problems.iter().map(|p| (p.path.as_str(), p.place.unwrap())).collect();
        let at = |line, column| Place { line, column };
        assert_eq!(
            told,
            [("a.c[0].d", at(3, 14)), ("a.b", at(4, 3)), ("a", at(5, 1))],
            "{problems:?}"
        );
        assert_eq!(*once, Node::from_yaml("a:\n  b: 1\n  c: [{d: 1}]\n").unwrap());
    }

    #[test]
    fn a10_numbers_of_json_keep_their_digits() {
        let text = r#"{"a \" 1 \\": [0.5, "2", -9223372036854775809, true, 12345678901234567.891],
            "b": 1e40, "c": {"7": 18446744073709551616, "d": 1.5E+3}, "e": 5.00}"#;
        let Node { kind: NodeKind::Map(top), .. } = Node::from_json(text).unwrap() else {
            panic!("{text}");
        };
        let digits = |text: &str, near| NodeKind::Digits { text: text.to_owned(), near };
        let NodeKind::List(items) = &top[0].2.kind else { panic!("{top:?}") };
        let kinds: Vec<&NodeKind> = items.iter().map(|item| &item.kind).collect();
        assert_eq!(
            kinds,
            [
                &NodeKind::Float(0.5),
                &NodeKind::Text("2".to_owned()),
                &digits("-9223372036854775809", -9_223_372_036_854_775_808.0),
                &NodeKind::Bool(true),
                &digits("12345678901234567.891", 12_345_678_901_234_568.0),
            ]
        );
        // An exponent makes a double.
        assert_eq!(top[1].2.kind, NodeKind::Float(1e40));
        let NodeKind::Map(inner) = &top[2].2.kind else { panic!("{top:?}") };
        // 2^64 is a double.
        assert_eq!(inner[0].2.kind, NodeKind::Float(2_f64.powi(64)));
        assert_eq!(inner[1].2.kind, NodeKind::Float(1500.0));
        assert_eq!(top[3].2.kind, NodeKind::Float(5.0));
    }

    #[test]
    fn a10_numbers_of_yaml_keep_their_digits() {
        let text = "\
a: &a 12345678901234567.891
b: [0.5, '12345678901234567.891', -100000000000000000001, 18446744073709551615, +.10000000000000000001]
c: {<<: &m {d: 100000000000000000001, e: 12345678901234567.5}, f: *a, g: *a}
h: *m
i: {<<: *m, d: 18446744073709551616}
j: 12345678901234567.891e0
k: 00012345678901234567.
l: 1.00000000000000000000
";
        let Node { kind: NodeKind::Map(top), .. } = Node::from_yaml(text).unwrap() else {
            panic!("{text}");
        };
        let digits = |text: &str, near| NodeKind::Digits { text: text.to_owned(), near };
        let of = |node: &Node| -> Vec<NodeKind> {
            match &node.kind {
                NodeKind::List(items) => items.iter().map(|item| item.kind.clone()).collect(),
                NodeKind::Map(entries) => {
                    let mut entries: Vec<_> = entries.iter().collect();
                    entries.sort_by(|a, b| a.0.cmp(&b.0));
                    entries.into_iter().map(|(_, _, value)| value.kind.clone()).collect()
                }
                kind => vec![kind.clone()],
            }
        };
        let (many, near) = ("12345678901234567.891", 12_345_678_901_234_568.0);
        let long = digits("100000000000000000001", 1e20);
        let half = digits("12345678901234567.5", near);
        assert_eq!(of(&top[0].2), [digits(many, near)]);
        assert_eq!(
            of(&top[1].2),
            [
                NodeKind::Float(0.5),
                NodeKind::Text(many.to_owned()),
                digits("-100000000000000000001", -1e20),
                NodeKind::Unsigned(u64::MAX),
                digits("0.10000000000000000001", 0.1),
            ]
        );
        assert_eq!(
            of(&top[2].2),
            [long.clone(), half.clone(), digits(many, near), digits(many, near)]
        );
        // Where they are used, and not where they are written.
        let NodeKind::Map(inner) = &top[2].2.kind else { panic!("{top:?}") };
        let used = inner.iter().find(|(key, _, _)| key == "g").unwrap().2.place;
        assert_eq!(used, Some(Place { line: 3, column: 74 }));
        assert_eq!(of(&top[3].2), [long, half.clone()]);
        // 2^64 is a double.
        assert_eq!(of(&top[4].2), [NodeKind::Float(2_f64.powi(64)), half]);
        // An exponent makes a double.
        assert_eq!(of(&top[5].2), [NodeKind::Float(near)]);
        assert_eq!(of(&top[6].2), [digits("00012345678901234567", near)]);
        assert_eq!(of(&top[7].2), [NodeKind::Float(1.0)]);
    }

    #[test]
    fn json_is_strict() {
        assert!(Node::from_json("{\"a\": 1, \"a\": 2}").is_err());
        assert!(Node::from_json("{\"a\": 1, \"\\u0061\": 2}").is_err());
        assert!(Node::from_json("{} x").is_err());
        assert!(Node::from_json(&format!("{}{}", "[".repeat(33), "]".repeat(33))).is_ok());
        assert!(Node::from_json(&format!("{}{}", "[".repeat(34), "]".repeat(34))).is_err());
        let wide = format!("[{}1]", "1,".repeat(10_000));
        assert!(Node::from_json(&wide).is_err());
    }
}
