//! The checked, immutable model: what every request of one moment sees.

use std::collections::{BTreeSet, HashMap};

use arrow_schema::DataType;
use jiff::tz::TimeZone;

use crate::check::Unit;
use crate::decode::Located;
use crate::expr::{Expr, ExprKind, Extent};
use crate::ids::{
    CollectionId, FieldId, FieldPath, MeasureId, MetricId, RelationshipId, SegmentId, TableId,
};
pub use crate::metric::{
    Conversion, Leaf, Metric, MetricKind, SemiAdditive, Shift, Window, WindowStart,
};
use crate::query::SemanticQuery;
pub use crate::report::Origin;
use crate::report::{Report, SourceText};
use crate::schemas::SourceSchemas;
use crate::time::{FiscalYear, Grain, WeekStart};
use crate::types::{SemanticType, Type, Visibility};
use crate::wire::hashed_id;
use crate::{Definitions, check};

/// A checked model. Made only by [`Definitions::check`].
///
/// Every name in it resolves, every expression is typed, every relationship has a cardinality and
/// lands on a declared key, and nothing refers to itself.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) tables: Vec<Table>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) collections: Vec<Collection>,
    pub(crate) table_names: HashMap<String, TableId>,
    pub(crate) metric_names: HashMap<String, MetricId>,
    pub(crate) collection_names: HashMap<String, CollectionId>,
    pub(crate) table_numbers: HashMap<u64, TableId>,
    pub(crate) metric_numbers: HashMap<u64, MetricId>,
    pub(crate) table_metrics: Vec<Vec<MetricId>>,
    pub(crate) time_zone: TimeZone,
    pub(crate) week_start: WeekStart,
    pub(crate) fiscal_year: FiscalYear,
    pub(crate) fingerprint: u64,
}

impl Definitions {
    /// Checks everything and makes a snapshot.
    ///
    /// # Errors
    /// All problems at once, each with its file, line and column.
    pub fn check(&self, sources: &SourceSchemas) -> Result<Snapshot, Report> {
        let (snapshot, report) = check::check(self, sources);
        if report.is_empty() { Ok(snapshot) } else { Err(report) }
    }

    /// Checks everything, and gives what there is of a snapshot beside what is wrong: definitions
    /// with problems may be missing from it or lack parts. It is for checking more against it, so
    /// that more problems are told at once, and for nothing else.
    pub fn check_as_far_as_it_goes(&self, sources: &SourceSchemas) -> (Snapshot, Report) {
        check::check(self, sources)
    }
}

/// A table of the model.
#[derive(Debug)]
#[non_exhaustive]
pub struct Table {
    /// Its identity in this snapshot.
    pub id: TableId,
    /// Its name.
    pub name: String,
    /// Its number on the wire, below 2^53.
    pub number: u64,
    /// What a person calls it.
    pub label: Option<String>,
    /// What a row is.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// Whether askers are offered it.
    pub visibility: Visibility,
    /// What it reads.
    pub source: TableSource,
    /// The fields, in the order of the definition.
    pub fields: Vec<Field>,
    /// Named aggregations.
    pub measures: Vec<Measure>,
    /// Named conditions.
    pub segments: Vec<Segment>,
    /// Declared joins.
    pub relationships: Vec<Relationship>,
    /// The fields that identify a row; empty where none is declared.
    pub primary_key: Vec<FieldId>,
    /// The temporal field metrics use by default.
    pub time: Option<FieldId>,
    /// When a row holds, from and to, for a table that keeps a history.
    pub validity: Option<(FieldId, FieldId)>,
    /// The collection of a derived table.
    pub collection: Option<CollectionId>,
    /// Somebody looked at reading the same source as another table.
    pub shares_source_reviewed: bool,
    /// Where it was written.
    pub origin: Origin,
    pub(crate) field_names: HashMap<String, FieldId>,
    /// What the numbers of fields on the wire stand for: own fields, and those one step away.
    pub(crate) field_numbers: HashMap<u64, FieldPath>,
    pub(crate) measure_names: HashMap<String, MeasureId>,
    pub(crate) segment_names: HashMap<String, SegmentId>,
    pub(crate) relationship_names: HashMap<String, RelationshipId>,
}

/// What a table reads.
#[derive(Debug)]
pub enum TableSource {
    /// A source by name.
    Source {
        /// The name of the source.
        name: String,
        /// What the source physically is.
        identity: String,
        /// Other sources that have rows in common with it.
        shares: BTreeSet<String>,
    },
    /// A query over other tables.
    Query(Box<DerivedTable>),
}

/// The query that a derived table is, and what it reads.
#[derive(Debug)]
#[non_exhaustive]
pub struct DerivedTable {
    /// The query, and where it was written.
    pub query: Located<SemanticQuery>,
    /// The text that it was written in.
    pub file: Option<SourceText>,
    /// What it reads; nothing until its names are resolved.
    pub reads: Reads,
}

/// What a derived table reads. Whoever may not see all of it does not see the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The tables whose rows it reads.
    pub tables: Vec<TableId>,
    /// The stored fields of those tables that it reads, keys of joins not among them.
    pub fields: Vec<FieldId>,
    /// The metrics that it asks for.
    pub metrics: Vec<MetricId>,
    /// For each field of the derived table the stored fields that its values are made of.
    pub origins: Vec<Vec<FieldId>>,
    /// For each field of the derived table the fields that numbers made of it require, as the
    /// metrics do that it is made of; `None` where no field tells them apart.
    pub requires: Vec<Vec<Option<FieldId>>>,
}

/// A field of a table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Field {
    /// Its identity in this snapshot.
    pub id: FieldId,
    /// Its name.
    pub name: String,
    /// The number of the field on the wire, unique in its table.
    pub number: u64,
    /// What a person calls it.
    pub label: Option<String>,
    /// What it says about a row.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// Whether askers are offered it.
    pub visibility: Visibility,
    /// The type of its values.
    pub data_type: Type,
    /// What the values mean.
    pub semantic: Option<SemanticType>,
    /// The unit of the values.
    pub unit: Option<String>,
    /// What the values are, where fields of several tables hold the same.
    pub dimension: Option<String>,
    /// The period that each value stands for.
    pub grain: Option<Grain>,
    /// Where the values come from.
    pub kind: FieldKind,
    /// The stored fields it is computed from; itself for a stored field.
    pub inputs: Vec<FieldPath>,
    /// The calculated fields it is computed from, itself first; none for a stored field.
    pub calculations: Vec<FieldPath>,
    /// How large it is with all that it is computed from.
    pub extent: Extent,
    /// Its unit, or else that of what it is computed from.
    pub(crate) made_of: Unit,
}

/// Where the values of a field come from.
#[derive(Debug)]
pub enum FieldKind {
    /// A column of the source.
    Stored {
        /// The name of the column.
        column: String,
        /// Its stored type.
        arrow: DataType,
    },
    /// A calculation.
    Calculated(Expr),
}

/// A named aggregation of one table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Measure {
    /// Its identity in this snapshot.
    pub id: MeasureId,
    /// Its name.
    pub name: String,
    /// Its number on the wire, below 2^53.
    pub number: u64,
    /// What a person calls it.
    pub label: Option<String>,
    /// What it measures.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// The aggregation.
    pub expr: Expr,
    /// The stored fields it reads.
    pub inputs: Vec<FieldPath>,
}

/// A named condition on one table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Segment {
    /// Its identity in this snapshot.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// Its number on the wire, below 2^53.
    pub number: u64,
    /// What a person calls it.
    pub label: Option<String>,
    /// Which rows it selects.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// The condition.
    pub condition: Expr,
    /// The stored fields it reads.
    pub inputs: Vec<FieldPath>,
}

/// How many rows of each side match one row of the other, this side first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// Many rows here share one row there.
    ManyToOne,
    /// At most one row on each side.
    OneToOne,
    /// One row here has many there.
    OneToMany,
}

impl Cardinality {
    /// Whether following it keeps the number of rows.
    pub fn is_to_one(self) -> bool {
        matches!(self, Self::ManyToOne | Self::OneToOne)
    }
}

/// A declared join.
#[derive(Debug)]
#[non_exhaustive]
pub struct Relationship {
    /// Its identity in this snapshot.
    pub id: RelationshipId,
    /// Its role name.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
    /// The table it leads to.
    pub to: TableId,
    /// The stored fields that must be equal: own, then theirs.
    pub on: Vec<(FieldId, FieldId)>,
    /// How many rows match.
    pub cardinality: Cardinality,
    /// The time of a row here that decides which version of a history it sees, where the model
    /// says it.
    pub as_of: Option<FieldId>,
    /// The declared keys are not looked at.
    pub trusted: bool,
    /// Rows here may be grouped by what it leads to, many rows each.
    pub bridge: bool,
}

/// A place that metrics and derived tables are kept in.
#[derive(Debug)]
#[non_exhaustive]
pub struct Collection {
    /// Its identity in this snapshot.
    pub id: CollectionId,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    pub label: Option<String>,
    /// What belongs in it.
    pub description: Option<String>,
    /// The collection it lies in.
    pub parent: Option<CollectionId>,
}

macro_rules! lookup {
    ($(#[$doc:meta])* $name:ident, $id:ty, $out:ty, $list:ident) => {
        $(#[$doc])*
        #[expect(clippy::indexing_slicing, reason = "ids are made by this snapshot only")]
        pub fn $name(&self, id: $id) -> &$out {
            &self.$list[id.index()]
        }
    };
}

macro_rules! member_lookup {
    ($(#[$doc:meta])* $name:ident, $id:ty, $out:ty, $list:ident) => {
        $(#[$doc])*
        #[expect(clippy::indexing_slicing, reason = "ids are made by this snapshot only")]
        pub fn $name(&self, id: $id) -> &$out {
            &self.table(id.table()).$list[id.index()]
        }
    };
}

impl Snapshot {
    lookup!(
        /// The table with this id, which this snapshot must have handed out.
        table, TableId, Table, tables
    );
    lookup!(
        /// The metric with this id.
        metric, MetricId, Metric, metrics
    );
    lookup!(
        /// The collection with this id.
        collection, CollectionId, Collection, collections
    );
    member_lookup!(
        /// The field with this id.
        field, FieldId, Field, fields
    );
    member_lookup!(
        /// The measure with this id.
        measure, MeasureId, Measure, measures
    );
    member_lookup!(
        /// The segment with this id.
        segment, SegmentId, Segment, segments
    );
    member_lookup!(
        /// The relationship with this id.
        relationship, RelationshipId, Relationship, relationships
    );

    /// All tables, in the order of the definitions.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// All metrics.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// All collections.
    pub fn collections(&self) -> &[Collection] {
        &self.collections
    }

    /// The table of that name or number.
    pub fn find_table(&self, name: &str) -> Option<TableId> {
        let by_number = || name.parse().ok().and_then(|n| self.table_numbers.get(&n));
        self.table_names.get(name).or_else(by_number).copied()
    }

    /// The metric of that name or number.
    pub fn find_metric(&self, name: &str) -> Option<MetricId> {
        let by_number = || name.parse().ok().and_then(|n| self.metric_numbers.get(&n));
        self.metric_names.get(name).or_else(by_number).copied()
    }

    /// The collection of that name.
    pub fn find_collection(&self, name: &str) -> Option<CollectionId> {
        self.collection_names.get(name).copied()
    }

    /// The metrics of a table.
    pub fn metrics_of(&self, table: TableId) -> &[MetricId] {
        self.table_metrics.get(table.index()).map_or(&[], Vec::as_slice)
    }

    /// The model's time zone.
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// The model's first day of a week.
    pub fn week_start(&self) -> WeekStart {
        self.week_start
    }

    /// The model's fiscal year.
    pub fn fiscal_year(&self) -> FiscalYear {
        self.fiscal_year
    }

    /// A number that changes when the definitions or the source schemas do.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The table that a path of relationships leads to from `start`.
    pub fn end_of(&self, start: TableId, via: &[RelationshipId]) -> TableId {
        via.last().map_or(start, |last| self.relationship(*last).to)
    }

    /// A field path as an asker writes it: `product.category`.
    pub fn path_name(&self, path: &FieldPath) -> String {
        let mut text = String::new();
        for step in &path.via {
            text.push_str(&self.relationship(*step).name);
            text.push('.');
        }
        text.push_str(&self.field(path.field).name);
        text
    }

    /// The number on the wire of a field as it is seen from a table: the same for every asker, and
    /// one for each way there.
    pub fn field_number(&self, path: &FieldPath) -> u64 {
        let field = self.field(path.field);
        if path.via.is_empty() {
            return field.number;
        }
        let steps = path.via.iter().map(|step| self.relationship(*step).name.as_str());
        let parts: Vec<&str> = steps.chain([field.name.as_str()]).collect();
        hashed_id(&parts)
    }

    /// The time of a row that decides which version of a history it sees for its own sake, not for
    /// that of a number: what the relationship names, or the stored time of its table.
    pub fn version_time(&self, relationship: &Relationship) -> Option<FieldId> {
        let time = self.table(relationship.id.table()).time;
        let stored = |id: &FieldId| matches!(self.field(*id).kind, FieldKind::Stored { .. });
        relationship.as_of.or(time).filter(stored)
    }

    /// Every stored field that `expr`, standing on some table, reads: own and related ones.
    pub fn stored_inputs(&self, expr: &Expr) -> Vec<FieldPath> {
        self.made_of(expr, |field| &field.inputs)
    }

    /// The calculated fields an expression is computed from.
    pub(crate) fn calculations(&self, expr: &Expr) -> Vec<FieldPath> {
        self.made_of(expr, |field| &field.calculations)
    }

    /// What the fields of an expression are made of, seen from where it stands, each once.
    fn made_of(&self, expr: &Expr, of: impl Fn(&Field) -> &[FieldPath]) -> Vec<FieldPath> {
        let mut found = Vec::new();
        for path in expr.fields() {
            for part in of(self.field(path.field)) {
                let part = part.behind(&path.via);
                if !found.contains(&part) {
                    found.push(part);
                }
            }
        }
        found
    }

    /// The field that relationship names and a field name lead to from `start`, whoever asks.
    ///
    /// # Errors
    /// A sentence and at most one suggestion, taken from all names: for authors, not for askers.
    pub fn resolve_field(
        &self,
        start: TableId,
        chain: &[&str],
    ) -> Result<FieldPath, crate::expr::ExprError> {
        check::resolve_path(self, start, chain, &|_, _| false)
    }

    /// Says what a derived table reads, and the types that its columns have. It is for whoever
    /// resolves the names of its query, once, before the snapshot is shared.
    pub fn set_derived(&mut self, table: TableId, reads: Reads, types: &[DataType]) {
        let Some(table) = self.tables.get_mut(table.index()) else { return };
        let TableSource::Query(derived) = &mut table.source else { return };
        derived.reads = reads;
        for (field, data_type) in table.fields.iter_mut().zip(types) {
            if let FieldKind::Stored { arrow, .. } = &mut field.kind {
                *arrow = data_type.clone();
            }
        }
    }

    /// The query of a derived table, and what it reads.
    pub fn derived(&self, table: TableId) -> Option<&DerivedTable> {
        match &self.table(table).source {
            TableSource::Query(derived) => Some(derived),
            TableSource::Source { .. } => None,
        }
    }

    /// How large an expression is with all that it is computed from. Nothing is written out for
    /// that.
    pub fn extent(&self, expr: &Expr) -> Extent {
        expr.extent(&|leaf| match &leaf.kind {
            ExprKind::Field(path) => self.field(path.field).extent,
            _ => Extent::ONE,
        })
    }

    /// The same expression over stored fields only: calculated fields are written out.
    #[must_use]
    pub fn inline(&self, expr: &Expr) -> Expr {
        expr.replace_fields(&mut |path, data_type| match &self.field(path.field).kind {
            FieldKind::Stored { .. } => Expr::field(path.clone(), data_type),
            FieldKind::Calculated(inner) => self.inline(&inner.behind(&path.via)),
        })
    }

    /// Whether `expr` and every calculated field that it reads cannot fail on any data.
    pub fn is_total(&self, expr: &Expr) -> bool {
        let mut total = self.is_total_itself(expr);
        expr.walk(&mut |node| {
            if let ExprKind::Field(path) = &node.kind
                && let FieldKind::Calculated(inner) = &self.field(path.field).kind
            {
                total &= self.is_total(inner);
            }
        });
        total
    }

    /// Whether `expr` cannot fail on any data, whatever the calculated fields do that it reads.
    pub fn is_total_itself(&self, expr: &Expr) -> bool {
        let mut total = true;
        expr.walk(&mut |node| total &= node.is_total_here() && self.cut_short(node).is_none());
        total
    }

    /// What a node calculates with that has values which the type it calculates in does not take:
    /// how it is stored, and that type.
    pub fn cut_short(&self, node: &Expr) -> Option<(DataType, Type)> {
        let read = node.converted().into_iter();
        let mut read = read.filter_map(|(operand, to)| Some((self.stored_as(operand)?, to)));
        read.find(|(stored, to)| !to.holds(stored))
    }

    /// The Arrow type in which the values of an expression come; none of what is always missing.
    /// Of what an answer gives only the model's type is known.
    fn stored_as(&self, expr: &Expr) -> Option<DataType> {
        match &expr.kind {
            ExprKind::Field(path) => match &self.field(path.field).kind {
                FieldKind::Stored { arrow, .. } => Some(arrow.clone()),
                FieldKind::Calculated(inner) => self.stored_as(inner),
            },
            ExprKind::Input(_) if expr.data_type == Type::Integer => Some(DataType::UInt64),
            _ => expr.data_type.canonical(),
        }
    }
}

impl Table {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields by which rows are told apart: the primary key and, of a history, from when a row
    /// holds. None where no key is declared.
    pub fn identity(&self) -> impl Iterator<Item = FieldId> + '_ {
        let from = self.validity.map(|(from, _)| from).filter(|_| !self.primary_key.is_empty());
        self.primary_key.iter().copied().chain(from)
    }

    /// The field of that name.
    pub fn find_field(&self, name: &str) -> Option<FieldId> {
        self.field_names.get(name).copied()
    }

    /// The field with that number on the wire: an own one, or one behind a relationship that leads
    /// to one row.
    pub fn find_field_number(&self, number: u64) -> Option<&FieldPath> {
        self.field_numbers.get(&number)
    }

    /// The measure of that name.
    pub fn find_measure(&self, name: &str) -> Option<MeasureId> {
        self.measure_names.get(name).copied()
    }

    /// The segment of that name.
    pub fn find_segment(&self, name: &str) -> Option<SegmentId> {
        self.segment_names.get(name).copied()
    }

    /// The relationship of that role name.
    pub fn find_relationship(&self, name: &str) -> Option<RelationshipId> {
        self.relationship_names.get(name).copied()
    }
}
