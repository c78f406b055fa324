//! `propagate`, as a policy author writes it: `true`, or a list of relationships.

use std::borrow::Cow;
use std::fmt;

use sandbar_catalog::decode::{Items, Located};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::definitions::{GrantDef, PolicyDef, PolicyFile, RestrictDef};

/// Over which relationships rows of other tables go with the hidden rows that they belong to.
#[derive(Clone, Debug)]
pub enum PropagateDef {
    /// `false`: over none.
    Nowhere,
    /// `true`: over every relationship that leads to the table, to a table that one of these leads
    /// from, and so on.
    Everywhere,
    /// Over these, each written `table.relationship`.
    Over(Items<String>),
}

impl PropagateDef {
    /// Over these relationships, each written `table.relationship`.
    pub fn over(relationships: &[&str]) -> Self {
        let mut items = Items::default();
        for name in relationships {
            items.push((*name).to_owned());
        }
        Self::Over(items)
    }
}

struct PropagateVisitor;

impl<'de> Visitor<'de> for PropagateVisitor {
    type Value = PropagateDef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, or a list of `table.relationship`")
    }

    fn visit_bool<E: Error>(self, everywhere: bool) -> Result<PropagateDef, E> {
        Ok(if everywhere { PropagateDef::Everywhere } else { PropagateDef::Nowhere })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<PropagateDef, A::Error> {
        Items::deserialize(SeqAccessDeserializer::new(seq)).map(PropagateDef::Over)
    }
}

impl<'de> Deserialize<'de> for PropagateDef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(PropagateVisitor)
    }
}

impl Serialize for PropagateDef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nowhere => s.serialize_bool(false),
            Self::Everywhere => s.serialize_bool(true),
            Self::Over(names) => names.serialize(s),
        }
    }
}

impl JsonSchema for PropagateDef {
    fn schema_name() -> Cow<'static, str> {
        "Propagate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "boolean" },
            { "type": "array", "items": { "type": "string" } },
        ] })
    }
}

impl GrantDef {
    /// Rows that belong to hidden rows are hidden too.
    #[must_use]
    pub fn propagate(mut self, over: PropagateDef) -> Self {
        self.propagate = Some(Located::from(over));
        self
    }
}

impl RestrictDef {
    /// Only these rows of a table.
    pub fn table(name: &str, rows: &str) -> Self {
        let mut tables = Items::default();
        tables.push(name.to_owned());
        Self { tables, rows: Some(Located::from(rows.to_owned())), ..Self::default() }
    }

    /// Rows that belong to hidden rows are hidden too.
    #[must_use]
    pub fn propagate(mut self, over: PropagateDef) -> Self {
        self.propagate = Some(Located::from(over));
        self
    }
}

impl PolicyFile {
    /// Adds a restriction that concerns everyone.
    #[must_use]
    pub fn restriction(mut self, name: &str, restrict: RestrictDef) -> Self {
        let def = PolicyDef { restrict: Some(Located::from(restrict)), ..PolicyDef::default() };
        self.policies.insert(name, def);
        self
    }
}
