//! The same definitions from Rust: small functions that start a definition, to be completed with
//! struct update or the chaining methods.
//!
//! ```
//! use sandbar_catalog::definitions::build::{calculated, field, many_to_one, metric, model, table};
//!
//! let shop = model()
//!     .table("orders", table().key("id").field("id", field()).field("total", field())
//!         .field("user_id", field())
//!         .relationship("customer", many_to_one("people", "user_id", "id")))
//!     .table("people", table().key("id").field("id", field()).field("state", field())
//!         .field("west", calculated("state in ('CA', 'OR', 'WA')")))
//!     .metric("revenue", metric("orders", "sum(total)"));
//! assert_eq!(shop.tables.len(), 2);
//! ```

use crate::decode::{Entries, Located};
use crate::query::SemanticQuery;
use crate::types::{SemanticType, Visibility};

use super::{
    CardinalityDef, CollectionDef, FieldDef, MeasureDef, MetricDef, ModelFile, RelationshipDef,
    SegmentDef, TableDef,
};

/// An empty model.
pub fn model() -> ModelFile {
    ModelFile::default()
}

/// An empty table that reads the source of its own name.
pub fn table() -> TableDef {
    TableDef::default()
}

/// A stored field that reads the column of its own name.
pub fn field() -> FieldDef {
    FieldDef::default()
}

/// A calculated field.
pub fn calculated(expr: &str) -> FieldDef {
    FieldDef { expr: Some(Located::from(expr.to_owned())), ..FieldDef::default() }
}

/// A metric: one aggregation of one table.
pub fn metric(table: &str, expr: &str) -> MetricDef {
    MetricDef {
        table: Some(Located::from(table.to_owned())),
        expr: Some(Located::from(expr.to_owned())),
        ..MetricDef::default()
    }
}

/// A relationship in which many rows here share one row of `to`.
pub fn many_to_one(to: &str, own_field: &str, their_field: &str) -> RelationshipDef {
    let mut on = Entries::default();
    on.insert(own_field, their_field.to_owned());
    RelationshipDef {
        to: Located::from(to.to_owned()),
        on,
        cardinality: CardinalityDef::ManyToOne,
        description: None,
        as_of: None,
        trusted: None,
        bridge: None,
    }
}

impl ModelFile {
    /// Adds a table.
    #[must_use]
    pub fn table(mut self, name: &str, table: TableDef) -> Self {
        self.tables.insert(name, table);
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, name: &str, metric: MetricDef) -> Self {
        self.metrics.insert(name, metric);
        self
    }

    /// Adds a collection.
    #[must_use]
    pub fn collection(mut self, name: &str, collection: CollectionDef) -> Self {
        self.collections.insert(name, collection);
        self
    }
}

impl TableDef {
    /// Reads the source of this name instead of the table's own.
    #[must_use]
    pub fn source(mut self, name: &str) -> Self {
        self.source = Some(Located::from(name.to_owned()));
        self
    }

    /// Makes it a derived table.
    #[must_use]
    pub fn query(mut self, query: SemanticQuery) -> Self {
        self.query = Some(Located::from(query));
        self
    }

    /// Adds a field to the primary key.
    #[must_use]
    pub fn key(mut self, name: &str) -> Self {
        self.primary_key.push(name.to_owned());
        self
    }

    /// The default temporal field.
    #[must_use]
    pub fn time(mut self, name: &str) -> Self {
        self.time = Some(Located::from(name.to_owned()));
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, field: FieldDef) -> Self {
        self.fields.insert(name, field);
        self
    }

    /// Adds a measure.
    #[must_use]
    pub fn measure(mut self, name: &str, expr: &str) -> Self {
        let expr = Located::from(expr.to_owned());
        self.measures.insert(name, MeasureDef { expr, ..MeasureDef::default() });
        self
    }

    /// Adds a segment.
    #[must_use]
    pub fn segment(mut self, name: &str, condition: &str) -> Self {
        let condition = Located::from(condition.to_owned());
        self.segments.insert(name, SegmentDef { condition, ..SegmentDef::default() });
        self
    }

    /// Adds a relationship.
    #[must_use]
    pub fn relationship(mut self, name: &str, relationship: RelationshipDef) -> Self {
        self.relationships.insert(name, relationship);
        self
    }
}

impl FieldDef {
    /// What the values mean.
    #[must_use]
    pub fn semantic(mut self, semantic: SemanticType) -> Self {
        self.semantic = Some(semantic);
        self
    }

    /// Keeps the field out of every asker's sight.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.visibility = Some(Visibility::Internal);
        self
    }
}
