//! Maps and lists that survive a broken entry.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::located::Located;
use super::node::Place;

/// The names under which our deserializer lets entries fail one by one.
pub(super) const ENTRIES: &str = "$sandbar::Entries";
pub(super) const ITEMS: &str = "$sandbar::Items";
pub(super) const ATTEMPT: &str = "$sandbar::Attempt";

/// Reads what may be left out: `null` in its place is the same.
///
/// # Errors
/// What is there and cannot be read.
pub fn optional<'de, D: Deserializer<'de>, T>(d: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// The name under which our deserializer tells a number as it is written.
pub(crate) const DIGITS: &str = "$sandbar::Digits";

/// A map from names to values, in the order of the document. An entry that could not be read is
/// left out and its name kept in [`Entries::failed`].
#[derive(Clone, Debug)]
pub struct Entries<T> {
    entries: IndexMap<String, Located<T>>,
    failed: Vec<String>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { entries: IndexMap::new(), failed: Vec::new() }
    }
}

impl<T> Entries<T> {
    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Located<T>)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<&Located<T>> {
        self.entries.get(name)
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, name: &str, value: T) {
        self.entries.insert(name.to_owned(), Located::from(value));
    }

    /// The names of entries that could not be read.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T: Serialize> Serialize for Entries<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.entries.len()))?;
        for (name, value) in &self.entries {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Entries_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        IndexMap::<String, T>::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(ENTRIES, EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from names to values")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Entries<T>, D::Error> {
        let entries = IndexMap::<String, T>::deserialize(d)?;
        let entries = entries.into_iter().map(|(name, value)| (name, Located::from(value)));
        Ok(Entries { entries: entries.collect(), failed: Vec::new() })
    }

    /// Our deserializer: name and place of the key, then the value, or nothing where it failed.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut found = Entries::default();
        while let Some((name, line, column)) = map.next_key::<(String, u32, u32)>()? {
            match map.next_value::<Attempt<T>>()?.0 {
                Some(mut value) => {
                    value.key_place = (line > 0).then_some(Place { line, column });
                    found.entries.insert(name, value);
                }
                None => found.failed.push(name),
            }
        }
        Ok(found)
    }
}

/// More than there are values that may be left out of one document.
const MAX_ATTEMPTS: usize = 128;

/// A value that may have failed; our deserializer has recorded why.
struct Attempt<T>(Option<Located<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Attempt<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(ATTEMPT, AttemptVisitor(PhantomData))
    }
}

struct AttemptVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AttemptVisitor<T> {
    type Value = Attempt<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    /// Our deserializer: an error asks for another attempt, which leaves out what failed.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Attempt<T>, A::Error> {
        for _ in 0..MAX_ATTEMPTS {
            if let Ok(read) = seq.next_element() {
                return Ok(Attempt(read));
            }
        }
        Ok(Attempt(None))
    }
}

/// A list of values. An item that could not be read is left out.
#[derive(Clone, Debug)]
pub struct Items<T> {
    items: Vec<Located<T>>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> Items<T> {
    /// The items.
    pub fn iter(&self) -> std::slice::Iter<'_, Located<T>> {
        self.items.iter()
    }

    /// Adds an item.
    pub fn push(&mut self, value: T) {
        self.items.push(Located::from(value));
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The first item.
    pub fn first(&self) -> Option<&Located<T>> {
        self.items.first()
    }
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(Some(self.items.len()))?;
        for item in &self.items {
            seq.serialize_element(item)?;
        }
        seq.end()
    }
}

impl<T: JsonSchema> JsonSchema for Items<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Items_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_newtype_struct(ITEMS, ItemsVisitor(PhantomData))
    }
}

struct ItemsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Items<T>, D::Error> {
        let items = Vec::<T>::deserialize(d)?;
        Ok(Items { items: items.into_iter().map(Located::from).collect() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Attempt<T>>()? {
            items.extend(item.0);
        }
        Ok(Items { items })
    }
}
