//! What an author of cases writes: the serde types of a file of cases, before any check.

use std::borrow::Cow;
use std::fmt;

use sandbar_auth::{AttributeValue, Principal, PrincipalError};
use sandbar_catalog::decode::{Entries, Items, Located, optional};
use sandbar_catalog::query::{SemanticQuery, Value};
use sandbar_catalog::{Finding, Report, SourceText};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The subject of who is given none.
pub(crate) const ANYBODY: &str = "somebody";

/// All files of cases, read but not yet checked.
#[derive(Clone, Debug, Default)]
pub struct PolicyCases {
    pub(crate) files: Vec<(SourceText, CaseFile)>,
    pub(crate) findings: Vec<Finding>,
}

impl PolicyCases {
    /// Reads files of cases; what is wrong with them is reported by the check.
    pub fn from_yaml(texts: impl IntoIterator<Item = SourceText>) -> Self {
        let mut all = Self::default();
        for source in texts {
            let file = source.decode(&mut all.findings);
            all.files.push((source, file));
        }
        all
    }

    /// What reading the files has found so far.
    pub fn problems(&self) -> Report {
        Report::new(self.findings.clone())
    }

    /// Whoever asks in the files, each once: the people by their names, others by those of their
    /// cases. Whoever can be nobody is left out.
    pub fn people(&self) -> Vec<(String, Principal)> {
        let mut found: Vec<(String, Principal)> = Vec::new();
        for (_, file) in &self.files {
            let people = file.people.iter().map(|(name, def)| (name, &def.value));
            let others = file.cases.iter().filter_map(|(name, case)| match &case.asker.value {
                AskerRef::Described(def) => Some((name, &**def)),
                AskerRef::Named(_) => None,
            });
            for (name, def) in people.chain(others) {
                let Ok(principal) = def.principal(ANYBODY) else { continue };
                let key = principal.canonical_bytes();
                if !found.iter().any(|(_, known)| known.canonical_bytes() == key) {
                    found.push((name.to_owned(), principal));
                }
            }
        }
        found
    }

    /// The JSON Schema (draft 2020-12) of a file of cases, for editors.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(CaseFile).to_value()
    }
}

/// One file of cases.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Sandbar policy cases")]
pub struct CaseFile {
    /// The version of the language of cases; 1 if left out.
    pub format: Option<Located<u32>>,
    /// The time of all cases: a day, or an instant. The engine's clock counts if left out.
    pub now: Option<Located<String>>,
    /// People that cases ask as, by name.
    #[serde(deserialize_with = "optional")]
    pub people: Entries<AskerDef>,
    /// The cases, by name.
    #[serde(deserialize_with = "optional")]
    pub cases: Entries<CaseDef>,
}

/// Somebody who asks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AskerDef {
    /// Who it is; policies do not look at it.
    pub subject: Option<Located<String>>,
    /// The groups; none if left out.
    #[serde(deserialize_with = "optional")]
    pub groups: Items<String>,
    /// The attributes, by name.
    #[serde(deserialize_with = "optional")]
    pub attributes: Entries<GivenAttribute>,
}

/// One case.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseDef {
    /// Why it is so.
    #[serde(default)]
    pub description: Option<String>,
    /// Who asks: one of the people, or somebody described here.
    #[serde(rename = "as")]
    pub asker: Located<AskerRef>,
    /// What is asked: a query, or metrics by name.
    #[serde(default, deserialize_with = "given")]
    pub query: Option<Located<QueryRef>>,
    /// The rows of the answer, all of them, each with a value for each column.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<std::collections::BTreeMap<String, Value>>>")]
    pub rows: Option<Located<Items<Entries<Value>>>>,
    /// Whether the rows come in this order.
    #[serde(default, deserialize_with = "given")]
    pub in_order: Option<Located<bool>>,
    /// How many rows the answer has.
    #[serde(default, deserialize_with = "given")]
    pub count: Option<Located<u64>>,
    /// The one value of an answer with one row and one column.
    #[serde(default, deserialize_with = "given")]
    pub total: Option<Located<Value>>,
    /// That the question is refused: `denied`, `not_found`, or the code of the error.
    #[serde(default, deserialize_with = "given")]
    pub refused: Option<Located<String>>,
    /// Tables, `table.field`s and metrics that do not exist for who asks.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<String>>")]
    pub hidden: Option<Located<Items<String>>>,
    /// Tables, `table.field`s and metrics that he may describe, and not query.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<String>>")]
    pub described: Option<Located<Items<String>>>,
    /// Tables, `table.field`s and metrics that he may query.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<String>>")]
    pub visible: Option<Located<Items<String>>>,
}

impl AskerDef {
    /// The principal.
    pub(crate) fn principal(&self, name: &str) -> Result<Principal, PrincipalError> {
        let subject = self.subject.as_ref().map_or(name, |subject| &subject.value);
        let mut builder = Principal::asserted_by_host(subject);
        for group in self.groups.iter() {
            builder = builder.group(&group.value);
        }
        for (name, value) in self.attributes.iter() {
            builder = builder.attribute(name, value.value.0.clone());
        }
        builder.build()
    }
}

/// A value that is there: a bare `null` is a value too, and none that says nothing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// Who asks: a name of the `people`, or somebody described in place.
#[derive(Clone, Debug)]
pub enum AskerRef {
    /// By name.
    Named(String),
    /// In place.
    Described(Box<AskerDef>),
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum QueryRef {
    /// Metrics by name, with commas between.
    Metrics(Vec<String>),
    /// A query.
    Query(Box<SemanticQuery>),
}

/// The value of an attribute, as a token would have it.
#[derive(Clone, Debug)]
pub struct GivenAttribute(pub AttributeValue);

struct AskerVisitor;

impl<'de> Visitor<'de> for AskerVisitor {
    type Value = AskerRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name of the `people`, or {groups, attributes}")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<AskerRef, E> {
        Ok(AskerRef::Named(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AskerRef, A::Error> {
        let described = AskerDef::deserialize(MapAccessDeserializer::new(map))?;
        Ok(AskerRef::Described(Box::new(described)))
    }
}

impl<'de> Deserialize<'de> for AskerRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(AskerVisitor)
    }
}

impl JsonSchema for AskerRef {
    fn schema_name() -> Cow<'static, str> {
        "Asker".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let described = generator.subschema_for::<AskerDef>();
        json_schema!({ "anyOf": [{ "type": "string" }, described] })
    }
}

struct QueryVisitor;

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = QueryRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a query, or names of metrics with commas between")
    }

    fn visit_str<E: Error>(self, names: &str) -> Result<QueryRef, E> {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(QueryRef::Metrics(names.map(str::to_owned).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<QueryRef, A::Error> {
        let query = SemanticQuery::deserialize(MapAccessDeserializer::new(map))?;
        Ok(QueryRef::Query(Box::new(query)))
    }
}

impl<'de> Deserialize<'de> for QueryRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(QueryVisitor)
    }
}

impl JsonSchema for QueryRef {
    fn schema_name() -> Cow<'static, str> {
        "CaseQuery".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let query = generator.subschema_for::<SemanticQuery>();
        json_schema!({ "anyOf": [{ "type": "string" }, query] })
    }
}

impl QueryRef {
    /// The query.
    pub fn query(&self) -> SemanticQuery {
        match self {
            Self::Query(query) => (**query).clone(),
            Self::Metrics(names) => {
                names.iter().fold(SemanticQuery::default(), |query, name| query.and_metric(name))
            }
        }
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = AttributeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number, boolean or null, or a list of those")
    }

    fn visit_unit<E: Error>(self) -> Result<AttributeValue, E> {
        Ok(AttributeValue::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<AttributeValue, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<AttributeValue, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<AttributeValue, E> {
        i64::try_from(value)
            .map(AttributeValue::from)
            .map_err(|_| E::custom(format!("`{value}` is too large: at most {}", i64::MAX)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<AttributeValue, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<AttributeValue, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AttributeValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<GivenAttribute>()? {
            items.push(item.0);
        }
        Ok(items.into())
    }
}

impl<'de> Deserialize<'de> for GivenAttribute {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(AttributeVisitor).map(Self)
    }
}

impl JsonSchema for GivenAttribute {
    fn schema_name() -> Cow<'static, str> {
        "GivenAttribute".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "null", "array"] })
    }
}
