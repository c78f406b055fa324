//! How a question would be answered, on the wire.

use sandbar::{ColumnOutline, Explanation, GrainOutline, Outline};
use schemars::JsonSchema;
use serde::Serialize;

use crate::wire::{Column, Note};

/// How a question would be answered, as far as its asker may know.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained<'a> {
    columns: Vec<Column<'a>>,
    scoped: bool,
    ordered: bool,
    warnings: Vec<Note>,
    snapshot: u64,
    outline: OutlineView<'a>,
}

#[derive(Serialize, JsonSchema)]
struct OutlineView<'a> {
    columns: Vec<ColumnView<'a>>,
    grains: Vec<GrainView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Box<OutlineView<'a>>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    on_from: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    having: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct ColumnView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    computed: &'a str,
    lineage: &'a [String],
}

#[derive(Serialize, JsonSchema)]
struct GrainView<'a> {
    table: &'a str,
    by: &'a [String],
    joins: Vec<JoinView<'a>>,
    filters: &'a [String],
    notes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    derived: Vec<DerivedView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct JoinView<'a> {
    path: &'a str,
    table: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct DerivedView<'a> {
    table: &'a str,
    outline: OutlineView<'a>,
}

impl<'a> Explained<'a> {
    pub(crate) fn of(explanation: &'a Explanation) -> Self {
        Self {
            columns: explanation.columns.iter().map(Column::of).collect(),
            scoped: explanation.scoped,
            ordered: explanation.ordered,
            warnings: explanation.warnings.iter().map(Note::of).collect(),
            snapshot: explanation.snapshot,
            outline: outline(&explanation.outline),
        }
    }
}

fn outline(of: &Outline) -> OutlineView<'_> {
    OutlineView {
        columns: of.columns.iter().map(column).collect(),
        grains: of.grains.iter().map(grain).collect(),
        from: of.from.as_deref().map(|from| Box::new(outline(from))),
        on_from: &of.on_from,
        having: &of.having,
    }
}

fn column(of: &ColumnOutline) -> ColumnView<'_> {
    let metric = of.metric.as_deref();
    ColumnView { name: &of.name, metric, computed: &of.computed, lineage: &of.lineage }
}

fn grain(of: &GrainOutline) -> GrainView<'_> {
    let joins = of.joins.iter().map(|join| JoinView { path: &join.path, table: &join.table });
    let derived = of.derived.iter();
    let derived = derived.map(|(table, of)| DerivedView { table, outline: outline(of) });
    GrainView {
        table: &of.table,
        by: &of.by,
        joins: joins.collect(),
        filters: &of.filters,
        notes: &of.notes,
        derived: derived.collect(),
    }
}
