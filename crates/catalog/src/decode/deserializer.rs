//! serde over a [`Node`] tree: records what is wrong and goes on where it can.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::entries::{ATTEMPT, ENTRIES, ITEMS};
use super::located::LOCATED;
use super::node::{Node, NodeKind, Place};
use super::problem::{Problem, Problems};
use super::suggest::suggest;

/// Reads a tree into a type. What is wrong goes into `problems`; `None` if nothing could be made.
pub fn decode<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Option<T> {
    let sink = RefCell::new(std::mem::take(problems));
    let reader = Reader { node, path: String::new(), sink: &sink };
    let read = T::deserialize(reader);
    *problems = sink.into_inner();
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(error.into_problem(node.place, ""));
            None
        }
    }
}

/// What went wrong, with its place once a reader has seen it pass.
#[derive(Debug)]
struct Failure {
    code: &'static str,
    message: String,
    suggestion: Option<String>,
    at: Option<(Option<Place>, String)>,
}

impl Failure {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, suggestion: None, at: None }
    }

    fn located(mut self, place: Option<Place>, path: &str) -> Self {
        if self.at.is_none() {
            self.at = Some((place, path.to_owned()));
        }
        self
    }

    fn into_problem(self, place: Option<Place>, path: &str) -> Problem {
        let (place, path) = self.at.unwrap_or_else(|| (place, path.to_owned()));
        let Self { code, message, suggestion, .. } = self;
        Problem { code, place, path, message, suggestion }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("D0005", message.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // The reader that sees it pass adds what was found.
        Self::new("D0001", format!("expected {expected}"))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new("D0001", format!("expected {expected}, found {found}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("D0003", format!("`{field}` is missing"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut failure = Self::new("D0002", unknown_key(field, expected));
        failure.suggestion = suggest(field, expected.iter().copied()).map(str::to_owned);
        failure
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let list = expected.join("`, `");
        let mut failure = Self::new("D0004", format!("`{variant}` is not one of `{list}`"));
        failure.suggestion = suggest(variant, expected.iter().copied()).map(str::to_owned);
        failure
    }
}

fn unknown_key(key: &str, expected: &[&str]) -> String {
    if suggest(key, expected.iter().copied()).is_some() || expected.is_empty() {
        format!("unknown key `{key}`")
    } else {
        format!("unknown key `{key}`: the keys here are `{}`", expected.join("`, `"))
    }
}

#[derive(Clone)]
struct Reader<'n, 's> {
    node: &'n Node,
    path: String,
    sink: &'s RefCell<Problems>,
}

impl<'n, 's> Reader<'n, 's> {
    fn child(&self, node: &'n Node, step: &str) -> Self {
        let path = if self.path.is_empty() || step.starts_with('[') {
            format!("{}{step}", self.path)
        } else {
            format!("{}.{step}", self.path)
        };
        Self { node, path, sink: self.sink }
    }

    fn place(&self) -> Option<Place> {
        self.node.place
    }

    fn record(&self, failure: Failure) {
        self.sink.borrow_mut().push(failure.into_problem(self.place(), &self.path));
    }

    /// Adds the place, and to a wrong type what was found instead.
    fn explain(&self, mut failure: Failure) -> Failure {
        if failure.at.is_none() && failure.code == "D0001" && !failure.message.contains(", found ")
        {
            failure.message.push_str(", found ");
            failure.message.push_str(&self.node.describe());
            let scalar = matches!(
                self.node.kind,
                NodeKind::Bool(_) | NodeKind::Integer(_) | NodeKind::Float(_)
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
            NodeKind::Float(n) => visitor.visit_f64(*n),
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
            (ATTEMPT, _) => visitor.visit_newtype_struct(Recording { reader: self.clone() }),
            (ENTRIES | ITEMS, _) => self.any(visitor),
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
        let NodeKind::Map(entries) = &self.node.kind else {
            return self.any(visitor).map_err(|f| self.explain(f));
        };
        let (known, unknown): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _, _)| fields.contains(&key.as_str()));
        for (key, place, _) in unknown {
            let failure = <Failure as de::Error>::unknown_field(key, fields);
            self.record(failure.located(*place, &format!("{}.{key}", self.path)));
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
        let Some((key, place, _)) = self.entries.get(self.index) else { return Ok(None) };
        let path = format!("{}.{key}", self.reader.path);
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

/// Records a failure instead of passing it on: the reader of an entry that may fail.
struct Recording<'n, 's> {
    reader: Reader<'n, 's>,
}

impl<'de> Deserializer<'de> for Recording<'_, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let reader = self.reader.clone();
        reader.deserialize_newtype_struct(LOCATED, visitor).map_err(|failure| self.spent(failure))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl Recording<'_, '_> {
    fn spent(&self, failure: Failure) -> Failure {
        self.reader.record(failure);
        Failure::new("D0005", String::new())
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
                "D0002 1:1 .tabels | unknown key `tabels`; did you mean `tables`?",
                "D0002 4:7 tables.b.sorce | unknown key `sorce`; did you mean `source`?",
                "D0002 4:17 tables.b.lmit | unknown key `lmit`; did you mean `limit`?",
                "D0003 4:6 tables.b | `source` is missing",
                "D0001 5:15 tables.c.source | expected a string, found the number 7: put it in quotes",
                "D0001 6:11 list[1] | expected u8, found the text `x`",
                "D0001 6:14 list[2] | expected u8, found integer `300`",
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
