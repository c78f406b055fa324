//! serde over a [`Node`] tree: records what is wrong and goes on where it can.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::entries::{ATTEMPT, DIGITS, ENTRIES, ITEMS};
use super::failure::Failure;
use super::located::LOCATED;
use super::node::{Node, NodeKind, Place};
use super::problem::Problems;

/// Reads a tree into a type. What is wrong goes into `problems`; `None` if nothing could be made.
pub fn decode<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Option<T> {
    decode_first(node, problems, usize::MAX)
}

/// The same, with so many problems at most; the last of them then says that there are more. What
/// anybody may send is not read for longer, or answered with more, because more is wrong with it.
pub fn decode_first<T: DeserializeOwned>(
    node: &Node,
    problems: &mut Problems,
    most: usize,
) -> Option<T> {
    let node = &node.with_each_key_once(problems);
    let known = std::mem::take(problems);
    let most = known.len().saturating_add(most);
    let sink = Sink {
        problems: known,
        most,
        more: false,
        told: HashSet::new(),
        unknown: HashSet::new(),
        left_out: Vec::new(),
    };
    let sink = RefCell::new(sink);
    let reader = Reader { node, path: String::new(), sink: &sink };
    let read = loop {
        match T::deserialize(reader.clone()) {
            Ok(value) => break Some(value),
            Err(failure) => {
                if !reader.leave_out(failure) {
                    break None;
                }
            }
        }
    };
    // Without one of its parts a document would be said to lack what stands there.
    let whole = !reader.has_left_out(|path| !path.contains('.'));
    let sink = sink.into_inner();
    *problems = sink.problems;
    if sink.more {
        problems.say_more();
    }
    read.filter(|_| whole)
}

/// How many values of one document are left out, one after the other, to find what else is wrong.
const MAX_LEFT_OUT: usize = 100;

/// What is wrong so far, and the paths of the values that are left out because of it.
struct Sink {
    problems: Problems,
    /// How many there are at most.
    most: usize,
    /// Whether there are more.
    more: bool,
    /// The paths of unknown keys, which are there each time that their map is read.
    unknown: HashSet<String>,
    /// Paths and sentences of the problems: a value is read again after another was left out.
    told: HashSet<(String, String)>,
    left_out: Vec<LeftOut>,
}

impl Sink {
    /// Whether one more problem is told; if not, it is said that there are more.
    fn has_room(&mut self) -> bool {
        let room = self.problems.len() < self.most;
        self.more |= !room;
        room
    }
}

struct LeftOut {
    /// The entry (or document) that is read without the value.
    owner: String,
    path: String,
}

fn below(path: &str, step: &str) -> String {
    if path.is_empty() || step.starts_with('[') {
        format!("{path}{step}")
    } else {
        format!("{path}.{step}")
    }
}

#[derive(Clone)]
struct Reader<'n, 's> {
    node: &'n Node,
    path: String,
    sink: &'s RefCell<Sink>,
}

impl<'n, 's> Reader<'n, 's> {
    fn child(&self, node: &'n Node, step: &str) -> Self {
        Self { node, path: self.below(step), sink: self.sink }
    }

    fn below(&self, step: &str) -> String {
        below(&self.path, step)
    }

    fn place(&self) -> Option<Place> {
        self.node.place
    }

    fn record(&self, failure: Failure) {
        let problem = failure.into_problem(self.place(), &self.path);
        let mut sink = self.sink.borrow_mut();
        let told = (problem.path.clone(), problem.message.clone());
        if sink.told.insert(told) && sink.has_room() {
            sink.problems.push(problem);
        }
    }

    /// Whether an unknown key is to be told: once, and as long as there is room.
    fn tells_unknown(&self, key: &str) -> bool {
        let mut sink = self.sink.borrow_mut();
        sink.has_room() && sink.unknown.insert(self.below(key))
    }

    /// Records why something at or below this value could not be read. What lies below is left
    /// out from now on, so that the next attempt finds what else is wrong; `false` if nothing does.
    fn leave_out(&self, failure: Failure) -> bool {
        let path = failure.at.as_ref().map_or(self.path.as_str(), |(_, path)| path).to_owned();
        let key = failure.message.split('`').nth(1).unwrap_or_default();
        // A key that was left out is not missing.
        if failure.code != "D0003" || !self.knows(&below(&path, key)) {
            self.record(failure);
        }
        // What is no entry of a map or list (the content of a variant) goes with what holds it.
        let mut path = path.as_str();
        while self.knows(path) {
            path = path.rfind(['.', '[']).and_then(|end| path.get(..end)).unwrap_or_default();
        }
        let mut sink = self.sink.borrow_mut();
        let room = sink.left_out.len() < MAX_LEFT_OUT && !sink.more;
        let fresh = path.len() > self.path.len() && room;
        if fresh {
            sink.left_out.push(LeftOut { owner: self.path.clone(), path: path.to_owned() });
        }
        fresh
    }

    fn knows(&self, path: &str) -> bool {
        self.sink.borrow().left_out.iter().any(|left| left.path == path)
    }

    fn is_left_out(&self, step: &str) -> bool {
        !self.sink.borrow().left_out.is_empty() && self.knows(&self.below(step))
    }

    /// Whether this entry or document is read without something that `matters`.
    fn has_left_out(&self, matters: impl Fn(&str) -> bool) -> bool {
        let sink = self.sink.borrow();
        sink.left_out.iter().any(|left| left.owner == self.path && matters(&left.path))
    }

    /// Adds the place, and to a wrong type what was found instead.
    fn explain(&self, mut failure: Failure) -> Failure {
        if failure.at.is_none() && failure.code == "D0001" && !failure.message.contains(", found ")
        {
            failure.message.push_str(", found ");
            failure.message.push_str(&self.node.describe());
            let scalar = matches!(
                self.node.kind,
                NodeKind::Bool(_)
                    | NodeKind::Integer(_)
                    | NodeKind::Float(_)
                    | NodeKind::Digits { .. }
            );
            if scalar && failure.message.starts_with("expected a string") {
                failure.message.push_str(": put it in quotes");
            }
        }
        failure.located(self.place(), &self.path)
    }

    fn any<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            NodeKind::Null => visitor.visit_unit(),
            NodeKind::Bool(b) => visitor.visit_bool(*b),
            NodeKind::Integer(n) => visitor.visit_i64(*n),
            NodeKind::Unsigned(n) => visitor.visit_u64(*n),
            NodeKind::Float(n) | NodeKind::Digits { near: n, .. } => visitor.visit_f64(*n),
            NodeKind::Text(text) => visitor.visit_str(text),
            NodeKind::List(items) => visitor.visit_seq(List { reader: self, items, index: 0 }),
            NodeKind::Map(entries) => visitor.visit_map(Fields { reader: self, entries, index: 0 }),
        }
    }
}

macro_rules! forward {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.any(visitor).map_err(|f| self.explain(f))
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Failure;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.kind {
            NodeKind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match (name, &self.node.kind) {
            (LOCATED, _) => visitor.visit_map(Placed { reader: &self, told: false }),
            (ENTRIES, NodeKind::Map(entries)) => {
                visitor.visit_map(KeyedEntries { reader: &self, entries, index: 0 })
            }
            (ITEMS, NodeKind::List(items)) => {
                visitor.visit_seq(List { reader: &self, items, index: 0 })
            }
            (ATTEMPT, _) => visitor.visit_seq(Attempts { reader: &self }),
            (DIGITS, NodeKind::Digits { text, .. }) => visitor.visit_bytes(text.as_bytes()),
            (ENTRIES | ITEMS | DIGITS, _) => self.any(visitor),
            _ => visitor.visit_newtype_struct(self.clone()),
        }
        .map_err(|f| self.explain(f))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    /// Unknown keys are recorded here and never reach the type, so that all of them are told.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        // serde would read a list by position.
        let NodeKind::Map(entries) = &self.node.kind else {
            return Err(self.explain(Failure::new("D0001", "expected a map".to_owned())));
        };
        let (mut known, unknown): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _, _)| fields.contains(&key.as_str()));
        known.retain(|(key, _, _)| !self.is_left_out(key));
        for (key, place, _) in unknown {
            if !self.tells_unknown(key) {
                continue;
            }
            let failure = <Failure as de::Error>::unknown_field(key, fields);
            self.record(failure.located(*place, &self.below(key)));
        }
        visitor
            .visit_map(Known { reader: &self, entries: known, index: 0 })
            .map_err(|f| self.explain(f))
    }

    /// A text names a unit variant; a map with one key names a variant with content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.kind {
            NodeKind::Text(name) => visitor.visit_enum(StrDeserializer::<Failure>::new(name)),
            NodeKind::Null if variants.contains(&"null") => {
                visitor.visit_enum(StrDeserializer::<Failure>::new("null"))
            }
            NodeKind::Map(entries) if entries.len() == 1 => match entries.first() {
                Some((name, _, content)) => {
                    let reader = self.child(content, name);
                    visitor.visit_enum(Variant { name, reader })
                }
                None => Err(Failure::new("D0001", "expected a name".to_owned())),
            },
            _ => {
                let list = variants.join("`, `");
                Err(Failure::new("D0001", format!("expected one of `{list}`")))
            }
        }
        .map_err(|f| self.explain(f))
    }
}

struct Fields<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
    entries: &'n [(String, Option<Place>, Node)],
    index: usize,
}

impl<'de> MapAccess<'de> for Fields<'_, '_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let left_out = |(key, _, _): &&(String, _, _)| self.reader.is_left_out(key);
        while self.entries.get(self.index).as_ref().is_some_and(left_out) {
            self.index += 1;
        }
        let Some((key, place, _)) = self.entries.get(self.index) else { return Ok(None) };
        let path = self.reader.below(key);
        let key = StrDeserializer::<Failure>::new(key);
        seed.deserialize(key).map(Some).map_err(|f| f.located(*place, &path))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let Some((key, _, value)) = self.entries.get(self.index) else {
            return Err(Failure::new("D0001", "expected a value".to_owned()));
        };
        self.index += 1;
        seed.deserialize(self.reader.child(value, key))
    }
}

struct Known<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
    entries: Vec<&'n (String, Option<Place>, Node)>,
    index: usize,
}

impl<'de> MapAccess<'de> for Known<'_, '_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((key, _, _)) = self.entries.get(self.index) else { return Ok(None) };
        seed.deserialize(StrDeserializer::<Failure>::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let Some((key, _, value)) = self.entries.get(self.index) else {
            return Err(Failure::new("D0001", "expected a value".to_owned()));
        };
        self.index += 1;
        seed.deserialize(self.reader.child(value, key))
    }
}

/// Items of a list.
struct List<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
    items: &'n [Node],
    index: usize,
}

impl<'de> SeqAccess<'de> for List<'_, '_, '_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        while self.reader.is_left_out(&format!("[{}]", self.index)) {
            self.index += 1;
        }
        let Some(item) = self.items.get(self.index) else { return Ok(None) };
        let reader = self.reader.child(item, &format!("[{}]", self.index));
        self.index += 1;
        seed.deserialize(reader).map(Some)
    }
}

/// Entries of [`Entries`](super::Entries), whose keys come with their places.
struct KeyedEntries<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
    entries: &'n [(String, Option<Place>, Node)],
    index: usize,
}

impl<'de> MapAccess<'de> for KeyedEntries<'_, '_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((key, place, _)) = self.entries.get(self.index) else { return Ok(None) };
        seed.deserialize(Key { name: key, place: *place }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let Some((key, _, value)) = self.entries.get(self.index) else {
            return Err(Failure::new("D0001", "expected a value".to_owned()));
        };
        self.index += 1;
        seed.deserialize(self.reader.child(value, key))
    }
}

/// Tells a key with its place as `(name, line, column)`.
struct Key<'n> {
    name: &'n str,
    place: Option<Place>,
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let (line, column) = self.place.map_or((0, 0), |p| (p.line, p.column));
        let parts = [Part::Text(self.name), Part::Number(line), Part::Number(column)];
        visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

enum Part<'t> {
    Text(&'t str),
    Number(u32),
}

impl<'de> IntoDeserializer<'de, Failure> for Part<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Part<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self {
            Self::Text(text) => visitor.visit_str(text),
            Self::Number(n) => visitor.visit_u32(n),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// The attempts to read one entry. One that fails leaves out what it failed on for the next; it
/// ends without an element where the entry could only be read without something.
struct Attempts<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
}

impl<'de> SeqAccess<'de> for Attempts<'_, '_, '_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        match seed.deserialize(self.reader.clone()) {
            Ok(_) if self.reader.has_left_out(|_| true) => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(failure) => {
                let again = self.reader.leave_out(failure);
                if again { Err(Failure::new("D0005", String::new())) } else { Ok(None) }
            }
        }
    }
}

/// Line, column and path as a key, then the value.
struct Placed<'r, 'n, 's> {
    reader: &'r Reader<'n, 's>,
    told: bool,
}

impl<'de> MapAccess<'de> for Placed<'_, '_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(None);
        }
        let (line, column) = self.reader.place().map_or((0, 0), |p| (p.line, p.column));
        let parts = [Part::Number(line), Part::Number(column), Part::Text(&self.reader.path)];
        seed.deserialize(SeqDeserializer::new(parts.into_iter())).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        seed.deserialize(self.reader.clone())
    }
}

struct Variant<'v, 'n, 's> {
    name: &'v str,
    reader: Reader<'n, 's>,
}

impl<'de, 'n, 's> EnumAccess<'de> for Variant<'_, 'n, 's> {
    type Error = Failure;
    type Variant = Reader<'n, 's>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Reader<'n, 's>), Failure> {
        let value = seed.deserialize(StrDeserializer::<Failure>::new(self.name))?;
        Ok((value, self.reader))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match &self.node.kind {
            NodeKind::Null => Ok(()),
            NodeKind::Map(entries) if entries.is_empty() => Ok(()),
            _ => Err(self.explain(Failure::new("D0001", "expected nothing here".to_owned()))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
    use super::super::{Entries, Items, Located};
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Doc {
        tables: Entries<Table>,
        list: Items<u8>,
        colour: Option<Colour>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        source: Located<String>,
        #[serde(default)]
        limit: Option<f64>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        Mixed(Vec<u8>),
        Null,
    }

    #[track_caller]
    fn check(yaml: &str, expected: &[&str]) -> Option<Doc> {
        let mut problems = Problems::default();
        let doc = decode::<Doc>(&Node::from_yaml(yaml).unwrap(), &mut problems);
        let found: Vec<String> = problems
            .iter()
            .map(|p| {
                let place =
                    p.place.map_or_else(String::new, |p| format!("{}:{}", p.line, p.column));
                format!("{} {place} {} | {p}", p.code, p.path)
            })
            .collect();
        assert_eq!(found, expected);
        doc
    }

    #[test]
    fn every_mistake_is_told_and_the_rest_survives() {
        let yaml = "\
tabels: {}
tables:
  a: {source: s, limit: 3}
  b: {sorce: s, lmit: 1}
  c: {source: 7}
list: [1, x, 300, 4]
";
        let doc = check(
            yaml,
            &[
                "D0002 1:1 tabels | unknown key `tabels`; did you mean `tables`?",
                "D0002 4:7 tables.b.sorce | unknown key `sorce`; did you mean `source`?",
                "D0002 4:17 tables.b.lmit | unknown key `lmit`; did you mean `limit`?",
                "D0003 4:6 tables.b | `source` is missing",
                "D0001 5:15 tables.c.source | expected a string, found the number 7: put it in quotes",
                "D0001 6:11 list[1] | expected a whole number from 0 to 255, found the text `x`",
                "D0001 6:14 list[2] | expected a whole number from 0 to 255, found the number 300",
            ],
        )
        .unwrap();
        assert_eq!(doc.tables.failed(), ["b", "c"]);
        let a = doc.tables.get("a").unwrap();
        assert_eq!((a.source.value.as_str(), a.limit), ("s", Some(3.0)));
        assert_eq!(a.key_place, Some(Place { line: 3, column: 3 }));
        assert_eq!(doc.list.len(), 2);
    }

    #[test]
    fn several_mistakes_in_one_entry_are_all_told() {
        let yaml = "\
tables:
  a: {source: [s], limit: x}
  b: {limit: {}}
  c: [s, 1]
list: 7
colour: {mixed: x}
";
        let doc = check(
            yaml,
            &[
                "D0001 2:15 tables.a.source | expected a string, found a list",
                "D0001 2:27 tables.a.limit | expected a number, found the text `x`",
                "D0001 3:14 tables.b.limit | expected a number, found a map",
                "D0003 3:6 tables.b | `source` is missing",
                "D0001 4:6 tables.c | expected a map, found a list",
                "D0001 5:7 list | expected a list, found the number 7",
                "D0001 6:17 colour.mixed | expected a list, found the text `x`",
            ],
        );
        assert!(doc.is_none(), "whole parts of the document are missing");
    }

    #[test]
    fn many_mistakes_take_no_longer_than_few() {
        let mut yaml = String::from("tables:\n");
        for index in 0..1_000 {
            yaml.push_str(&format!("  t{index}: {{source: [], limit: x, zebra: 1}}\n"));
        }
        let mut problems = Problems::default();
        let doc = decode::<Doc>(&Node::from_yaml(&yaml).unwrap(), &mut problems).unwrap();
        assert_eq!(doc.tables.failed().len(), 1_000);
        assert!(problems.len() > 2_000, "{}", problems.len());
    }

    #[test]
    fn enums_are_names_or_one_key_maps() {
        assert!(matches!(check("colour: red", &[]).unwrap().colour, Some(Colour::Red)));
        let mixed = check("colour: {mixed: [1, 2]}", &[]).unwrap().colour;
        assert!(matches!(mixed, Some(Colour::Mixed(m)) if m == [1, 2]));
        check(
            "colour: rde",
            &["D0004 1:9 colour | `rde` is not one of `red`, `mixed`, `null`; did you mean `red`?"],
        );
    }

    #[test]
    fn other_deserializers_read_the_same_types() {
        let json = r#"{"tables":{"a":{"source":"s","limit":null}},"list":[1],"colour":null}"#;
        let doc: Doc = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&doc).unwrap(), json);
    }
}
