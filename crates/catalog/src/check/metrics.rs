//! What is written over finished tables: measures, segments, collections, metrics.

use crate::decode::{Located, suggest};
use crate::definitions::{PerDef, SemiAdditiveDef};
use crate::expr::{Allow, Expr};
use crate::ids::{CollectionId, FieldId, FieldPath, MeasureId, SegmentId, TableId};
use crate::snapshot::{Collection, Leaf, Measure, Segment, SemiAdditive, Snapshot};
use crate::types::Type;
use crate::wire::hashed_id;

use super::MetricEntry;
use super::codes;
use super::definer::with_rights;
use super::expressions::expression;
use super::names::{Entry, Names, check_name};
use super::sink::{Sink, complaint};

pub(super) fn measures_and_segments(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    for (index, (_, entry)) in names.tables.iter().enumerate() {
        let Some(id) = snapshot.tables.get(index).map(|t| t.id) else { continue };
        let measures = measures(id, *entry, snapshot, names, sink);
        let segments = segments(id, *entry, snapshot, names, sink);
        temporal(id, entry.def.time.as_ref(), *entry, snapshot, sink);
        if let Some(table) = snapshot.tables.get_mut(index) {
            table.measure_names = measures.iter().map(|m| (m.name.clone(), m.id)).collect();
            table.measures = measures;
            table.segment_names = segments.iter().map(|s| (s.name.clone(), s.id)).collect();
            table.segments = segments;
        }
    }
}

fn temporal(
    id: TableId,
    name: Option<&Located<String>>,
    entry: super::TableEntry<'_>,
    snapshot: &Snapshot,
    sink: &mut Sink,
) {
    let (Some(field), Some(name)) = (snapshot.table(id).time, name) else { return };
    let data_type = snapshot.field(field).data_type;
    if !data_type.is_temporal() && data_type != Type::Null {
        let message =
            format!("`time` names `{}`, which is {data_type}: use a date or datetime", name.value);
        sink.at(entry.file, name, complaint(codes::TIME_FIELD, message));
    }
}

fn measures(
    id: TableId,
    entry: super::TableEntry<'_>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Vec<Measure> {
    let mut found = Vec::new();
    for (name, def) in entry.def.measures.iter() {
        check_name(name, "measure", Entry { file: entry.file, def }, sink);
        let expr = expression(id, &def.expr, Allow::Aggregates, entry.file, snapshot, names, sink);
        let Some(expr) = expr.filter(|e| aggregated(e, &def.expr, entry.file, sink)) else {
            continue;
        };
        found.push(Measure {
            id: MeasureId { table: id, index: u32::try_from(found.len()).unwrap_or(u32::MAX) },
            name: name.to_owned(),
            number: hashed_id(&["measure", &snapshot.table(id).name, name]),
            label: def.label.clone(),
            description: def.description.clone(),
            synonyms: def.synonyms.clone(),
            inputs: snapshot.stored_inputs(&expr),
            expr,
        });
    }
    found
}

/// Whether every field stands inside an aggregation; says so if not.
fn aggregated(
    expr: &Expr,
    text: &Located<String>,
    file: Option<&crate::report::SourceText>,
    sink: &mut Sink,
) -> bool {
    if expr.has_aggregate() && bare_field(expr).is_none() {
        return true;
    }
    let message =
        "a number per group is wanted: put every field inside an aggregation such as `sum(…)`";
    sink.at(file, text, complaint(codes::AGGREGATION, message));
    false
}

fn bare_field(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        crate::expr::ExprKind::Field(_) => Some(expr),
        crate::expr::ExprKind::Aggregate(_) => None,
        _ => expr.children().into_iter().find_map(bare_field),
    }
}

fn segments(
    id: TableId,
    entry: super::TableEntry<'_>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Vec<Segment> {
    let mut found = Vec::new();
    for (name, def) in entry.def.segments.iter() {
        check_name(name, "segment", Entry { file: entry.file, def }, sink);
        let text = &def.condition;
        let condition = expression(id, text, Allow::Rows, entry.file, snapshot, names, sink);
        let Some(condition) = condition.filter(|e| is_condition(e, text, entry.file, sink)) else {
            continue;
        };
        found.push(Segment {
            id: SegmentId { table: id, index: u32::try_from(found.len()).unwrap_or(u32::MAX) },
            name: name.to_owned(),
            number: hashed_id(&["segment", &snapshot.table(id).name, name]),
            label: def.label.clone(),
            description: def.description.clone(),
            synonyms: def.synonyms.clone(),
            inputs: snapshot.stored_inputs(&condition),
            condition,
        });
    }
    found
}

fn is_condition(
    expr: &Expr,
    text: &Located<String>,
    file: Option<&crate::report::SourceText>,
    sink: &mut Sink,
) -> bool {
    let fits = matches!(expr.data_type, Type::Boolean | Type::Null);
    if !fits {
        let message = format!("a condition is wanted here, not {}", expr.data_type.with_article());
        sink.at(file, text, complaint(codes::EXPRESSION, message));
    }
    fits
}

pub(super) fn collections(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    for (index, (name, entry)) in names.collections.iter().enumerate() {
        let id = CollectionId(u32::try_from(index).unwrap_or(u32::MAX));
        snapshot.collection_names.insert((*name).to_owned(), id);
        snapshot.collections.push(Collection {
            id,
            name: (*name).to_owned(),
            label: entry.def.label.clone(),
            description: entry.def.description.clone(),
            parent: None,
        });
    }
    for (index, (_, entry)) in names.collections.iter().enumerate() {
        let parent = find_collection(entry.def.parent.as_ref(), *entry, snapshot, names, sink);
        if let Some(collection) = snapshot.collections.get_mut(index) {
            collection.parent = parent;
        }
    }
    for (index, (name, entry)) in names.collections.iter().enumerate() {
        let mut at = snapshot.collections.get(index).and_then(|c| c.parent);
        let mut steps = 0;
        while let Some(parent) = at {
            steps += 1;
            if parent.index() == index || steps > snapshot.collections.len() {
                let message = format!("collection `{name}` lies in itself");
                sink.at_key(entry.file, entry.def, complaint(codes::CYCLE, message));
                break;
            }
            at = snapshot.collections.get(parent.index()).and_then(|c| c.parent);
        }
    }
    for (index, (_, entry)) in names.tables.iter().enumerate() {
        let found = find_collection(entry.def.collection.as_ref(), *entry, snapshot, names, sink);
        if let Some(table) = snapshot.tables.get_mut(index) {
            table.collection = found;
        }
    }
}

pub(super) fn find_collection<T>(
    name: Option<&Located<String>>,
    entry: Entry<'_, T>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<CollectionId> {
    let name = name?;
    let found = snapshot.find_collection(&name.value);
    if found.is_none() && !names.is_broken(&name.value) {
        let known = snapshot.collections.iter().map(|c| c.name.as_str());
        let what =
            complaint(codes::UNKNOWN_COLLECTION, format!("`{}` is not a collection", name.value))
                .suggest(suggest(&name.value, known));
        sink.at(entry.file, name, what);
    }
    found
}

/// Types one metric that aggregates a table.
pub(super) fn simple(
    name: &str,
    entry: MetricEntry<'_>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<Leaf> {
    let def = entry.def;
    let Some(owner) = &def.table else {
        let message = format!("metric `{name}` needs a `table`: whose rows does it aggregate?");
        sink.at_key(entry.file, def, complaint(codes::METRIC_SHAPE, message));
        return None;
    };
    let Some(table) = snapshot.table_names.get(&owner.value).copied() else {
        if !names.is_broken(&owner.value) {
            let known = snapshot.table_names.keys().map(String::as_str);
            let what = complaint(
                codes::UNKNOWN_TABLE,
                format!("metric `{name}` aggregates `{}`, which is not a table", owner.value),
            )
            .suggest(suggest(&owner.value, known));
            sink.at(entry.file, owner, what);
        }
        return None;
    };
    let expr = aggregation(name, table, entry, snapshot, names, sink);
    let filter = match &def.filter {
        None => Some(None),
        Some(text) => condition(table, text, entry, snapshot, names, sink).map(Some),
    };
    let time = match &def.time {
        None => snapshot.table(table).time,
        Some(name) => time_field(name, "time", table, entry, snapshot, names, sink),
    };
    let semi_additive = match &def.semi_additive {
        None => Some(None),
        Some(semi) => semi_additive(&semi.value, table, entry, snapshot, names, sink).map(Some),
    };
    let mut requires = Vec::new();
    for name in def.requires.iter() {
        requires.extend(own_field(name, "`requires`", table, entry, snapshot, names, sink));
    }
    let (expr, filter, semi_additive) = (expr?, filter?, semi_additive?);
    let filters: Vec<Expr> = filter.into_iter().collect();
    let mut leaf = Leaf {
        table,
        time,
        expr,
        filters,
        semi_additive,
        window: None,
        shifts: Vec::new(),
        conversion: None,
        dense: def.join_to_timespine.unwrap_or(false),
        requires,
        min_group_size: None,
        definer: None,
        inputs: Vec::new(),
    };
    leaf.inputs = inputs(snapshot, &leaf);
    with_rights(name, entry, leaf, snapshot, sink)
}

/// The stored fields that a leaf reads.
pub(super) fn inputs(snapshot: &Snapshot, leaf: &Leaf) -> Vec<FieldPath> {
    let mut inputs: Vec<FieldPath> = Vec::new();
    let mut add = |found: Vec<FieldPath>| {
        for input in found {
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
    };
    leaf.expressions().for_each(|expr| add(snapshot.stored_inputs(expr)));
    let read = |path: &FieldPath| {
        let field = snapshot.field(path.field);
        field.inputs.iter().map(|input| input.behind(&path.via)).collect::<Vec<_>>()
    };
    if let Some(semi) = &leaf.semi_additive {
        add(read(&FieldPath::own(semi.over)));
        semi.per.iter().for_each(|path| add(read(path)));
    }
    if let Some(conversion) = &leaf.conversion {
        conversion.on.iter().for_each(|(base, _)| add(read(base)));
    }
    inputs
}

/// A condition over the rows of a table.
pub(super) fn condition(
    table: TableId,
    text: &Located<String>,
    entry: MetricEntry<'_>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<Expr> {
    expression(table, text, Allow::Rows, entry.file, snapshot, names, sink)
        .filter(|e| is_condition(e, text, entry.file, sink))
}

fn semi_additive(
    def: &SemiAdditiveDef,
    table: TableId,
    entry: MetricEntry<'_>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<SemiAdditive> {
    let over = time_field(&def.over, "over", table, entry, snapshot, names, sink);
    let mut per = Some(Vec::new());
    if let PerDef::Fields(fields) = &def.per.value {
        if fields.is_empty() {
            let message = "name the fields that have a first and last time of their own, or write \
                           `per: global`";
            sink.at(entry.file, &def.per, complaint(codes::METRIC_SHAPE, message));
            per = None;
        }
        for name in fields {
            let name = Located { value: name.clone(), key_place: None, ..at(&def.per) };
            match own_field(&name, "`per`", table, entry, snapshot, names, sink) {
                Some(field) => per.iter_mut().for_each(|per| per.push(FieldPath::own(field))),
                None => per = None,
            }
        }
    }
    Some(SemiAdditive { over: over?, pick: def.pick, per: per? })
}

/// The place of a value, without the value.
fn at<T>(value: &Located<T>) -> Located<String> {
    Located {
        value: String::new(),
        place: value.place,
        key_place: value.key_place,
        path: value.path.clone(),
    }
}

fn aggregation(
    name: &str,
    table: TableId,
    entry: MetricEntry<'_>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<Expr> {
    match (&entry.def.expr, &entry.def.measure) {
        (Some(text), None) => {
            expression(table, text, Allow::Aggregates, entry.file, snapshot, names, sink)
                .filter(|e| aggregated(e, text, entry.file, sink))
        }
        (None, Some(measure)) => {
            let owner = snapshot.table(table);
            if let Some(id) = owner.find_measure(&measure.value) {
                return Some(snapshot.measure(id).expr.clone());
            }
            let defined = names.tables.get(owner.name.as_str());
            let excused = defined.is_some_and(|e| {
                e.def.measures.get(&measure.value).is_some()
                    || e.def.measures.failed().contains(&measure.value)
            });
            if !excused {
                let known = owner.measures.iter().map(|m| m.name.as_str());
                let what = complaint(
                    codes::UNKNOWN_MEASURE,
                    format!("`{}` is not a measure of `{}`", measure.value, owner.name),
                )
                .suggest(suggest(&measure.value, known));
                sink.at(entry.file, measure, what);
            }
            None
        }
        _ => {
            let message = format!("metric `{name}` needs an `expr` or a `measure`, and not both");
            sink.at_key(entry.file, entry.def, complaint(codes::METRIC_SHAPE, message));
            None
        }
    }
}

/// A field of the metric's own table.
pub(super) fn own_field(
    name: &Located<String>,
    place: &str,
    table: TableId,
    entry: MetricEntry<'_>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<FieldId> {
    let owner = snapshot.table(table);
    let found = owner.find_field(&name.value);
    let defined = names.tables.get(owner.name.as_str());
    let excused = defined.is_some_and(|e| e.def.fields.failed().contains(&name.value));
    if found.is_none() && !excused {
        let known = owner.fields.iter().map(|f| f.name.as_str());
        let message =
            format!("{place} names `{}`, which is not a field of `{}`", name.value, owner.name);
        let what = complaint(codes::UNKNOWN_FIELD, message).suggest(suggest(&name.value, known));
        sink.at(entry.file, name, what);
    }
    found
}

pub(super) fn time_field(
    name: &Located<String>,
    place: &str,
    table: TableId,
    entry: MetricEntry<'_>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<FieldId> {
    let owner = snapshot.table(table);
    let Some(id) = owner.find_field(&name.value) else {
        let defined = names.tables.get(owner.name.as_str());
        if !defined.is_some_and(|e| e.def.fields.failed().contains(&name.value)) {
            let known = owner.fields.iter().filter(|f| f.data_type.is_temporal());
            let message = format!(
                "`{place}` names `{}`, which is not a field of `{}`",
                name.value, owner.name
            );
            let what = complaint(codes::TIME_FIELD, message)
                .suggest(suggest(&name.value, known.map(|f| f.name.as_str())));
            sink.at(entry.file, name, what);
        }
        return None;
    };
    let data_type = snapshot.field(id).data_type;
    if data_type.is_temporal() || data_type == Type::Null {
        return Some(id);
    }
    let message =
        format!("`{place}` names `{}`, which is {data_type}: use a date or datetime", name.value);
    sink.at(entry.file, name, complaint(codes::TIME_FIELD, message));
    None
}
