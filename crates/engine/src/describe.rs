//! What a principal may list: plain data for hosts and wires. The selection is made in
//! permissions; nothing here looks past [`Grants`].

use sandbar_catalog::{Field, FieldPath, Leaf, Metric, Segment, SemanticType, Table, TableId};
use sandbar_permissions::{Grants, Level, Missing, Refusal, SearchTarget, Suggestion};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// A table as a principal sees it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TableDescription {
    /// Its number: stable, the same for every principal.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What a row is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Whether it may be queried, or only described.
    pub level: Level,
    /// Its visible fields.
    pub fields: Vec<FieldDescription>,
    /// Its visible measures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<MeasureDescription>,
    /// Its visible segments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentDescription>,
    /// The visible tables it leads to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relationships: Vec<RelationshipDescription>,
    /// The names of its visible metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

/// A field as a principal sees it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FieldDescription {
    /// Its id on the wire.
    pub id: String,
    /// The number in it: the same whatever the id begins with.
    #[serde(skip)]
    pub number: u64,
    /// What a query calls it: `category`, or `product.category` from a table that leads there.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it says about a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// The type of its values.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What the values mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<SemanticType>,
    /// The unit of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether it may be queried, or only described.
    pub level: Level,
}

/// A measure as a principal sees it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MeasureDescription {
    /// Its number: stable, the same for every principal.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The type of the number.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// A segment as a principal sees it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SegmentDescription {
    /// Its number: stable, the same for every principal.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Which rows it selects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A relationship whose target a principal sees.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RelationshipDescription {
    /// Its role name: the prefix of the fields behind it.
    pub name: String,
    /// The table it leads to.
    pub to: String,
    /// Whether each row leads to at most one row there, so that its fields can be used.
    pub to_one: bool,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A metric as a principal sees it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricDescription {
    /// Its number: stable, the same for every principal.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// How it was written: simple, ratio, derived, cumulative or conversion.
    pub kind: &'static str,
    /// The tables whose rows it aggregates, each at its own grain.
    pub tables: Vec<String>,
    /// The type of the number.
    #[serde(rename = "type")]
    pub data_type: String,
    /// The unit of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The temporal field it is reported over, where that is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether its owner vouches for it.
    pub verified: bool,
    /// Whether it may be queried, or only described.
    pub level: Level,
    /// The fields it can be grouped and filtered by.
    pub dimensions: Vec<FieldDescription>,
}

/// A table with what its relationships lead to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TableDetail {
    /// The table.
    pub table: TableDescription,
    /// What is one step away, once for each relationship that leads to one row.
    pub related: Vec<RelatedTable>,
    /// Its visible metrics.
    pub metrics: Vec<MetricDetail>,
}

/// A table as it is seen from another one.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RelatedTable {
    /// The relationship that leads there.
    pub relationship: String,
    /// The field that it joins by, where that is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its visible fields, with the ids and names that the asking table has for them.
    pub fields: Vec<FieldDescription>,
}

/// A metric with what it can be asked with.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricDetail {
    /// The metric.
    pub metric: MetricDescription,
    /// The field that it is reported over, where that is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<FieldDescription>,
    /// The visible segments of its table, where it has one.
    pub segments: Vec<SegmentDescription>,
}

/// An answer of a search.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FoundObject {
    /// `table` or `metric`.
    pub kind: &'static str,
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether its owner vouches for it; of a table nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// How well it fits, from 0 (hardly) to 1 (exactly); of several searches at once, the sum of
    /// what their ranks give.
    pub score: f64,
}

pub(crate) fn tables(grants: &Grants) -> Vec<TableDescription> {
    grants.tables().map(|t| table(grants, t)).collect()
}

pub(crate) fn metrics(grants: &Grants) -> Vec<MetricDescription> {
    grants.metrics().map(|m| metric(grants, m)).collect()
}

pub(crate) fn table_named(grants: &Grants, name: &str) -> Result<TableDescription, Error> {
    shown_table(grants, name).map(|found| table(grants, found))
}

pub(crate) fn metric_named(grants: &Grants, name: &str) -> Result<MetricDescription, Error> {
    shown_metric(grants, name).map(|found| metric(grants, found))
}

/// A table with what its relationships lead to.
pub(crate) fn table_in_full(grants: &Grants, name: &str) -> Result<TableDetail, Error> {
    let found = shown_table(grants, name)?;
    let snapshot = grants.snapshot();
    let related = grants.relationships(found.id).filter(|r| r.cardinality.is_to_one());
    let related = related.map(|step| {
        let target = snapshot.table(step.to);
        let via = [step.id];
        // The key may be joined by without being shown.
        let key = step.on.first().map(|(own, _)| snapshot.field(*own));
        let key = key.filter(|key| grants.field_level(&FieldPath::own(key.id)) > Level::None);
        RelatedTable {
            relationship: step.name.clone(),
            key: key.map(|key| key.name.clone()),
            id: target.number,
            name: target.name.clone(),
            label: target.label.clone(),
            fields: grants.fields(step.to).map(|f| field(grants, found, f, &via)).collect(),
        }
    });
    let metrics = snapshot.metrics_of(found.id).iter();
    let metrics = metrics.filter(|id| grants.asked_metric_level(**id) > Level::None);
    Ok(TableDetail {
        table: table(grants, found),
        related: related.collect(),
        metrics: metrics.map(|id| detail(grants, snapshot.metric(*id))).collect(),
    })
}

/// A metric with what it can be asked with.
pub(crate) fn metric_in_full(grants: &Grants, name: &str) -> Result<MetricDetail, Error> {
    shown_metric(grants, name).map(|found| detail(grants, found))
}

fn detail(grants: &Grants, found: &Metric) -> MetricDetail {
    let snapshot = grants.snapshot();
    let time = found.time().map(FieldPath::own);
    let time = time.filter(|path| grants.field_level(path) > Level::None);
    let time = time.map(|path| {
        let own = snapshot.field(path.field);
        field(grants, snapshot.table(own.id.table()), own, &[])
    });
    let tables = found.tables();
    let segments = match tables.as_slice() {
        [only] => grants.segments(*only).map(segment).collect(),
        _ => Vec::new(),
    };
    MetricDetail { metric: metric(grants, found), time, segments }
}

fn shown_table<'g>(grants: &'g Grants, name: &str) -> Result<&'g Table, Error> {
    let found = match grants.find_table(name) {
        Ok(id) => Some(grants.snapshot().table(id)),
        Err(Missing::Refused(Refusal::DescribeOnly)) => {
            grants.snapshot().find_table(name).map(|id| grants.snapshot().table(id))
        }
        Err(missing) => return Err(not_found("Q0102", "table", name, &missing)),
    };
    let unknown = Missing::Unknown { suggestion: None };
    found.ok_or_else(|| not_found("Q0102", "table", name, &unknown))
}

fn shown_metric<'g>(grants: &'g Grants, name: &str) -> Result<&'g Metric, Error> {
    let found = match grants.find_metric(name) {
        Ok(id) => Some(grants.snapshot().metric(id)),
        Err(Missing::Refused(Refusal::DescribeOnly)) => {
            grants.snapshot().find_metric(name).map(|id| grants.snapshot().metric(id))
        }
        Err(missing) => return Err(not_found("Q0101", "metric", name, &missing)),
    };
    let unknown = Missing::Unknown { suggestion: None };
    found.ok_or_else(|| not_found("Q0101", "metric", name, &unknown))
}

pub(crate) fn search(grants: &Grants, searches: &[&str]) -> Vec<FoundObject> {
    let snapshot = grants.snapshot();
    let hits = grants.search_any(searches).into_iter();
    hits.map(|hit| match hit.target {
        SearchTarget::Table(id) => {
            let table = snapshot.table(id);
            FoundObject {
                kind: "table",
                id: table.number,
                name: table.name.clone(),
                label: table.label.clone(),
                description: table.description.clone(),
                verified: None,
                score: hit.score,
            }
        }
        SearchTarget::Metric(id) => {
            let metric = snapshot.metric(id);
            FoundObject {
                kind: "metric",
                id: metric.number,
                name: metric.name.clone(),
                label: metric.label.clone(),
                description: metric.description.clone(),
                verified: Some(metric.verified),
                score: hit.score,
            }
        }
    })
    .collect()
}

pub(crate) fn not_found(code: &'static str, what: &str, name: &str, missing: &Missing) -> Error {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    match missing {
        Missing::Refused(Refusal::DescribeOnly) => {
            let message =
                format!("{what} `{shown}`: it may be described but not queried with these rights");
            Error::new(ErrorKind::Denied, "Q0103", message)
        }
        Missing::Refused(Refusal::MissingAttribute(attribute)) => {
            let message = format!(
                "{what} `{shown}`: access here depends on attribute `{attribute}`, which is missing \
                 or has the wrong type"
            );
            Error::new(ErrorKind::Denied, "Q0104", message)
        }
        Missing::Unknown { suggestion: Some(Suggestion::Close(close)) } => {
            let message = format!("there is no {what} `{shown}`; did you mean `{close}`?");
            Error::new(ErrorKind::NotFound, code, message)
        }
        Missing::Unknown { suggestion: Some(Suggestion::Instead(other)) } => {
            let message = format!("there is no {what} `{shown}`; `{other}` can be asked for");
            Error::new(ErrorKind::NotFound, code, message)
        }
        _ => Error::new(ErrorKind::NotFound, code, format!("there is no {what} `{shown}`")),
    }
}

fn table(grants: &Grants, table: &Table) -> TableDescription {
    let measures = grants.measures(table.id);
    let segments = grants.segments(table.id);
    let snapshot = grants.snapshot();
    let metrics = snapshot.metrics_of(table.id).iter();
    TableDescription {
        id: table.number,
        name: table.name.clone(),
        label: table.label.clone(),
        description: table.description.clone(),
        synonyms: table.synonyms.clone(),
        level: grants.asked_table_level(table.id),
        fields: grants.fields(table.id).map(|f| field(grants, table, f, &[])).collect(),
        measures: measures
            .map(|m| MeasureDescription {
                id: m.number,
                name: m.name.clone(),
                label: m.label.clone(),
                description: m.description.clone(),
                data_type: m.expr.data_type.to_string(),
            })
            .collect(),
        segments: segments.map(segment).collect(),
        relationships: grants
            .relationships(table.id)
            .map(|r| RelationshipDescription {
                name: r.name.clone(),
                to: snapshot.table(r.to).name.clone(),
                to_one: r.cardinality.is_to_one(),
                description: r.description.clone(),
            })
            .collect(),
        metrics: metrics
            .filter(|id| grants.asked_metric_level(**id) > Level::None)
            .map(|id| snapshot.metric(*id).name.clone())
            .collect(),
    }
}

fn segment(segment: &Segment) -> SegmentDescription {
    SegmentDescription {
        id: segment.number,
        name: segment.name.clone(),
        label: segment.label.clone(),
        description: segment.description.clone(),
    }
}

fn metric(grants: &Grants, metric: &Metric) -> MetricDescription {
    let snapshot = grants.snapshot();
    let time = metric.time().map(FieldPath::own);
    let time = time.filter(|path| grants.field_level(path) > Level::None);
    let tables = metric.tables();
    let names = tables.iter().map(|id| snapshot.table(*id).name.clone());
    MetricDescription {
        id: metric.number,
        name: metric.name.clone(),
        label: metric.label.clone(),
        description: metric.description.clone(),
        synonyms: metric.synonyms.clone(),
        kind: metric.kind.name(),
        tables: names.collect(),
        data_type: metric.expr.data_type.to_string(),
        unit: metric.unit.clone(),
        time: time.map(|path| snapshot.path_name(&path)),
        verified: metric.verified,
        level: grants.asked_metric_level(metric.id),
        dimensions: shared_dimensions(grants, &metric.leaves),
    }
}

/// The fields by which all aggregations of a metric can be grouped: those of its table and one
/// step away, as long as their names mean the same for every other.
fn shared_dimensions(grants: &Grants, leaves: &[Leaf]) -> Vec<FieldDescription> {
    let snapshot = grants.snapshot();
    let Some((first, rest)) = leaves.split_first() else { return Vec::new() };
    let mut found = dimensions(grants, first.table);
    let others: Vec<TableId> =
        rest.iter().map(|leaf| leaf.table).filter(|table| *table != first.table).collect();
    let end = |table: TableId, name: &str| {
        let chain: Vec<&str> = name.split('.').collect();
        grants.find_field(table, &chain).ok().map(|path| path.field)
    };
    found.retain(|dimension| {
        let own = end(first.table, &dimension.name);
        others.iter().all(|table| match (own, end(*table, &dimension.name)) {
            (Some(a), Some(b)) => {
                let (x, y) = (snapshot.field(a), snapshot.field(b));
                a == b || x.dimension.is_some() && x.dimension == y.dimension
            }
            _ => false,
        })
    });
    found
}

/// The fields of a table, and those one to-one step away.
fn dimensions(grants: &Grants, asked: TableId) -> Vec<FieldDescription> {
    let base = grants.snapshot().table(asked);
    let mut all: Vec<FieldDescription> =
        grants.fields(asked).map(|f| field(grants, base, f, &[])).collect();
    for step in grants.relationships(asked).filter(|r| r.cardinality.is_to_one()) {
        let via = [step.id];
        all.extend(grants.fields(step.to).map(|f| field(grants, base, f, &via)));
    }
    all
}

pub(crate) fn field(
    grants: &Grants,
    base: &Table,
    field: &Field,
    via: &[sandbar_catalog::RelationshipId],
) -> FieldDescription {
    let snapshot = grants.snapshot();
    let path = FieldPath { via: via.to_vec(), field: field.id };
    let number = snapshot.field_number(&path);
    FieldDescription {
        id: format!("t{}-{number}", base.number),
        number,
        name: snapshot.path_name(&path),
        label: field.label.clone(),
        description: field.description.clone(),
        synonyms: field.synonyms.clone(),
        data_type: field.data_type.to_string(),
        semantic: field.semantic,
        unit: field.unit.clone(),
        level: grants.field_level(&path),
    }
}
