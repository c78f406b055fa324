//! How a question would be answered, on the wire.

use sandbar::definitions::{OffsetDef, Pick, ReportDay, WindowDef};
use sandbar::query::RelativeUnit;
use sandbar::{
    ColumnOutline, ConversionOutline, Explanation, GrainOutline, NumberOutline, Outline,
    PropertyOutline, Shift, Window, WindowStart,
};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    spine: Option<SpineView<'a>>,
}

/// The periods that have a row whether they have data or not.
#[derive(Serialize, JsonSchema)]
struct SpineView<'a> {
    grain: &'static str,
    of: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct ColumnView<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    computed: &'a str,
    lineage: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    numbers: Vec<NumberView<'a>>,
    /// What stands for a metric where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    fill: Option<&'a str>,
}

/// An aggregation that a column is computed from.
#[derive(Serialize, JsonSchema)]
struct NumberView<'a> {
    aggregated: &'a str,
    /// The table whose rows count.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    filters: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cumulative: Option<CumulativeView>,
    /// How the asked time leads to the one that the number is of, one step after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offsets: Vec<OffsetDef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    semi_additive: Option<SemiAdditiveView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion: Option<ConversionView<'a>>,
}

/// Over which time a number is accumulated: over a trailing window, since the start of a period,
/// or, without either, over all time.
#[derive(Serialize, JsonSchema)]
struct CumulativeView {
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowDef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_date: Option<RelativeUnit>,
    report: ReportDay,
}

/// A number of which only the rows of the first or last time count.
#[derive(Serialize, JsonSchema)]
struct SemiAdditiveView<'a> {
    over: &'a str,
    pick: Pick,
    /// What has a first and last time of its own; without any, each group as a whole.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    per: &'a [String],
}

/// Which events count in the number of those that follow others.
#[derive(Serialize, JsonSchema)]
struct ConversionView<'a> {
    /// The table of the events that are followed.
    base: &'a str,
    base_time: &'a str,
    /// When the events that follow happen.
    time: &'a str,
    entity: PropertyView<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    constant_properties: Vec<PropertyView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowDef>,
}

/// Fields that are equal in both events.
#[derive(Serialize, JsonSchema)]
struct PropertyView<'a> {
    base: &'a str,
    conversion: &'a str,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    looked_up: Vec<LookedUpView<'a>>,
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

/// A number that conditions look up for what a row belongs to.
#[derive(Serialize, JsonSchema)]
struct LookedUpView<'a> {
    /// How the conditions tell it.
    told: &'a str,
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
        spine: of
            .spine
            .as_ref()
            .map(|spine| SpineView { grain: spine.grain.name(), of: &spine.of }),
    }
}

fn column(of: &ColumnOutline) -> ColumnView<'_> {
    ColumnView {
        name: &of.name,
        metric: of.metric.as_deref(),
        computed: &of.computed,
        lineage: &of.lineage,
        numbers: of.numbers.iter().map(number).collect(),
        fill: of.fill.as_deref(),
    }
}

fn number(of: &NumberOutline) -> NumberView<'_> {
    let semi = of.semi_additive.as_ref();
    NumberView {
        aggregated: &of.aggregated,
        table: of.table.as_deref(),
        filters: &of.filters,
        cumulative: of.window.map(cumulative),
        offsets: of.shifts.iter().map(|shift| offset(*shift)).collect(),
        semi_additive: semi.map(|semi| SemiAdditiveView {
            over: &semi.over,
            pick: semi.pick,
            per: &semi.per,
        }),
        conversion: of.conversion.as_ref().map(conversion),
    }
}

fn cumulative(Window { start, report }: Window) -> CumulativeView {
    let (window, to_date) = match start {
        WindowStart::AllTime => (None, None),
        WindowStart::Trailing(count, unit) => (Some(WindowDef { count, unit }), None),
        WindowStart::ToDate(unit) => (None, Some(unit)),
    };
    CumulativeView { window, to_date, report }
}

fn offset(shift: Shift) -> OffsetDef {
    match shift {
        Shift::Back(count, unit) => OffsetDef { count: Some(count), unit: Some(unit), to: None },
        Shift::StartOf(unit) => OffsetDef { count: None, unit: None, to: Some(unit) },
    }
}

fn conversion(of: &ConversionOutline) -> ConversionView<'_> {
    ConversionView {
        base: &of.base,
        base_time: &of.base_time,
        time: &of.time,
        entity: property(&of.entity),
        constant_properties: of.constant_properties.iter().map(property).collect(),
        window: of.window,
    }
}

fn property(of: &PropertyOutline) -> PropertyView<'_> {
    PropertyView { base: &of.base, conversion: &of.conversion }
}

fn grain(of: &GrainOutline) -> GrainView<'_> {
    let joins = of.joins.iter().map(|join| JoinView { path: &join.path, table: &join.table });
    let derived = of.derived.iter();
    let derived = derived.map(|(table, of)| DerivedView { table, outline: outline(of) });
    let looked_up = of.looked_up.iter();
    let looked_up = looked_up.map(|(told, of)| LookedUpView { told, outline: outline(of) });
    GrainView {
        table: &of.table,
        by: &of.by,
        joins: joins.collect(),
        filters: &of.filters,
        notes: &of.notes,
        derived: derived.collect(),
        looked_up: looked_up.collect(),
    }
}
