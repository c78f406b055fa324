//! Tables with their stored fields, keys and relationships.

use std::collections::{BTreeSet, HashMap};

use arrow_schema::{DataType, SchemaRef};

use crate::decode::{Located, suggest};
use crate::definitions::{CardinalityDef, FieldDef, SharesSource};
use crate::expr::{Expr, Extent};
use crate::ids::{FieldId, FieldPath, RelationshipId, TableId};
use crate::schemas::SourceSchemas;
use crate::snapshot::{
    Cardinality, DerivedTable, Field, FieldKind, Origin, Reads, Relationship, Snapshot, Table,
    TableSource,
};
use crate::types::{Literal, Type};
use crate::wire::hashed_id;

use super::TableEntry;
use super::codes;
use super::names::{Defaults, Entry, Names, check_name, number};
use super::sink::{Sink, complaint};
use super::units::Unit;

/// The snapshot with all tables and their fields; calculated fields are typed later.
pub(super) fn stored(
    names: &Names<'_>,
    defaults: Defaults,
    sources: &SourceSchemas,
    sink: &mut Sink,
) -> Snapshot {
    let mut snapshot = Snapshot {
        tables: Vec::with_capacity(names.tables.len()),
        metrics: Vec::new(),
        collections: Vec::new(),
        table_names: HashMap::new(),
        metric_names: HashMap::new(),
        collection_names: HashMap::new(),
        table_numbers: HashMap::new(),
        metric_numbers: HashMap::new(),
        table_metrics: vec![Vec::new(); names.tables.len()],
        time_zone: defaults.time_zone,
        week_start: defaults.week_start,
        fiscal_year: defaults.fiscal_year,
        fingerprint: 0,
    };
    for (index, (name, entry)) in names.tables.iter().enumerate() {
        let id = TableId(u32::try_from(index).unwrap_or(u32::MAX));
        let number =
            number(name, "table", entry.def.id.as_ref(), *entry, &snapshot.table_numbers, sink);
        snapshot.table_numbers.insert(number, id);
        snapshot.table_names.insert((*name).to_owned(), id);
        let table = table(id, name, number, *entry, sources, sink);
        snapshot.tables.push(table);
    }
    snapshot
}

fn table(
    id: TableId,
    name: &str,
    number: u64,
    entry: TableEntry<'_>,
    sources: &SourceSchemas,
    sink: &mut Sink,
) -> Table {
    let def = entry.def;
    let (source, schema) = source(name, entry, sources, sink);
    let mut table = Table {
        id,
        name: name.to_owned(),
        number,
        label: def.label.clone(),
        description: def.description.clone(),
        synonyms: def.synonyms.clone(),
        visibility: def.visibility.unwrap_or_default(),
        source,
        fields: Vec::with_capacity(def.fields.len()),
        measures: Vec::new(),
        segments: Vec::new(),
        relationships: Vec::new(),
        primary_key: Vec::new(),
        time: None,
        validity: None,
        collection: None,
        shares_source_reviewed: def.shares_source == Some(SharesSource::Reviewed),
        origin: Origin::new(entry.file, def.key_place.or(def.place)),
        field_names: HashMap::new(),
        field_numbers: HashMap::new(),
        measure_names: HashMap::new(),
        segment_names: HashMap::new(),
        relationship_names: HashMap::new(),
    };
    if def.fields.is_empty() && def.fields.failed().is_empty() {
        let message = format!("table `{name}` has no fields: list what askers may see");
        sink.at_key(entry.file, def, complaint(codes::NO_FIELDS, message));
    }
    for (field_name, field_def) in def.fields.iter() {
        let field_entry = Entry { file: entry.file, def: field_def };
        check_name(field_name, "field", field_entry, sink);
        let index = u32::try_from(table.fields.len()).unwrap_or(u32::MAX);
        let field_id = FieldId { table: id, index };
        let field = field(field_id, field_name, field_entry, schema.as_ref(), &table, sink);
        table.field_names.insert(field_name.to_owned(), field_id);
        if table.field_numbers.insert(field.number, FieldPath::own(field_id)).is_some() {
            let message = format!("the wire id of field `{field_name}` collides: rename it");
            sink.at_key(entry.file, field_def, complaint(codes::WIRE_ID, message));
        }
        table.fields.push(field);
    }
    keys(&mut table, entry, sink);
    table
}

fn source(
    name: &str,
    entry: TableEntry<'_>,
    sources: &SourceSchemas,
    sink: &mut Sink,
) -> (TableSource, Option<SchemaRef>) {
    let def = entry.def;
    if let Some(query) = &def.query {
        if let Some(source) = &def.source {
            let what = complaint(
                codes::SOURCE_AND_QUERY,
                format!("table `{name}` has a `source` and a `query`: keep one"),
            );
            sink.at(entry.file, source, what);
        }
        if let Some(validity) = &def.validity {
            let message =
                format!("derived table `{name}` keeps no history: a `validity` is stored");
            sink.at(entry.file, validity, complaint(codes::DERIVED, message));
        }
        let (query, file) = (query.clone(), entry.file.cloned());
        let derived = DerivedTable { query, file, reads: Reads::default() };
        return (TableSource::Query(Box::new(derived)), None);
    }
    let wanted = def.source.as_ref().map_or(name, |s| s.value.as_str());
    let Some(found) = sources.get(wanted) else {
        let (identity, shares) = (String::new(), BTreeSet::new());
        let source = TableSource::Source { name: wanted.to_owned(), identity, shares };
        if sources.is_unopened(wanted) {
            return (source, None);
        }
        let what = complaint(
            codes::UNKNOWN_SOURCE,
            format!("table `{name}` reads source `{wanted}`, which nobody registered"),
        )
        .suggest(suggest(wanted, sources.names()));
        match &def.source {
            Some(source) => sink.at(entry.file, source, what),
            None => sink.at_key(entry.file, def, what),
        }
        return (source, None);
    };
    let identity = found.identity.clone();
    let (name, shares) = (wanted.to_owned(), found.shares.clone());
    let source = TableSource::Source { name, identity, shares };
    (source, Some(found.schema.clone()))
}

fn field(
    id: FieldId,
    name: &str,
    entry: Entry<'_, FieldDef>,
    schema: Option<&SchemaRef>,
    table: &Table,
    sink: &mut Sink,
) -> Field {
    let def = entry.def;
    let declared = def.data_type.as_ref().and_then(|text| {
        let parsed = Type::parse(&text.value);
        if parsed.is_none() {
            let message = format!("`{}` is not a type: {}", text.value, Type::NAMES.join(", "));
            let what =
                complaint(codes::WRONG_TYPE, message).suggest(suggest(&text.value, Type::NAMES));
            sink.at(entry.file, text, what);
        }
        parsed
    });
    if let (Some(column), Some(_)) = (&def.column, &def.expr) {
        let message = format!("field `{name}` has a `column` and an `expr`: keep one");
        sink.at(entry.file, column, complaint(codes::COLUMN_AND_EXPR, message));
    }
    let (kind, data_type) = if def.expr.is_some() {
        // The expression is typed once all stored fields are known.
        let placeholder = Expr::literal(Literal::Null);
        (FieldKind::Calculated(placeholder), declared.unwrap_or(Type::Null))
    } else {
        stored_field(name, entry, declared, schema, table, sink)
    };
    let inputs = match kind {
        FieldKind::Stored { .. } => vec![FieldPath::own(id)],
        FieldKind::Calculated(_) => Vec::new(),
    };
    Field {
        id,
        name: name.to_owned(),
        number: hashed_id(&[name]),
        label: def.label.clone(),
        description: def.description.clone(),
        synonyms: def.synonyms.clone(),
        visibility: def.visibility.unwrap_or_default(),
        data_type,
        semantic: def.semantic,
        unit: def.unit.clone(),
        dimension: def.dimension.as_ref().map(|name| name.value.clone()),
        grain: def.grain.as_ref().map(|grain| grain.value),
        kind,
        inputs,
        calculations: Vec::new(),
        extent: Extent::ONE,
        made_of: Unit::declared(def.unit.as_ref()),
    }
}

fn stored_field(
    name: &str,
    entry: Entry<'_, FieldDef>,
    declared: Option<Type>,
    schema: Option<&SchemaRef>,
    table: &Table,
    sink: &mut Sink,
) -> (FieldKind, Type) {
    let def = entry.def;
    let column = def.column.as_ref().map_or(name, |c| c.value.as_str());
    let unknown = |data_type| {
        let kind = FieldKind::Stored { column: column.to_owned(), arrow: DataType::Null };
        (kind, data_type)
    };
    let Some(schema) = schema else {
        let derived = matches!(table.source, TableSource::Query(_));
        if derived && declared.is_none() && def.data_type.is_none() {
            let message = format!("field `{name}` of a derived table needs a `type`");
            sink.at_key(entry.file, def, complaint(codes::DERIVED, message));
        }
        return unknown(declared.unwrap_or(Type::Null));
    };
    let Ok(found) = schema.field_with_name(column) else {
        let columns = schema.fields().iter().map(|f| f.name().as_str());
        let what = complaint(
            codes::UNKNOWN_COLUMN,
            format!("field `{name}` reads column `{column}`, which the source does not have"),
        )
        .suggest(suggest(column, columns));
        match &def.column {
            Some(column) => sink.at(entry.file, column, what),
            None => sink.at_key(entry.file, def, what),
        }
        return unknown(declared.unwrap_or(Type::Null));
    };
    let stored = Type::from_arrow(found.data_type());
    if let (Some(declared), Some(text)) = (declared, &def.data_type)
        && !declared.describes(stored)
    {
        let message =
            format!("field `{name}` is declared as {declared}, but the source stores {stored}");
        let what = complaint(codes::WRONG_TYPE, message);
        sink.at(entry.file, text, what.suggest(Some(&stored.to_string())));
    }
    let kind = FieldKind::Stored { column: column.to_owned(), arrow: found.data_type().clone() };
    (kind, stored)
}

fn keys(table: &mut Table, entry: TableEntry<'_>, sink: &mut Sink) {
    for name in entry.def.primary_key.iter() {
        match own_stored(table, name) {
            Ok(id) => table.primary_key.push(id),
            Err(why) => unknown_field(table, entry, name, "the primary key", why, sink),
        }
    }
    if let Some(validity) = &entry.def.validity {
        let mut end = |name: &Located<String>| match own_stored(table, name) {
            Ok(id) if is_temporal(table, id) => Some(id),
            Ok(_) => {
                let message = format!("`validity` names `{}`: use a date or datetime", name.value);
                sink.at(entry.file, name, complaint(codes::TIME_FIELD, message));
                None
            }
            Err(why) => {
                unknown_field(table, entry, name, "`validity`", why, sink);
                None
            }
        };
        table.validity = end(&validity.from).zip(end(&validity.to));
        let types = table.validity.map(|(from, to)| [from, to].map(|id| type_of(table, id)));
        // Whether versions overlap would go by the zone of each question.
        if let Some([from, to]) = types
            && from != to
            && from != Type::Null
            && to != Type::Null
        {
            let message = format!("`validity` goes from a {from} to a {to}: use one type for both");
            sink.at(entry.file, &validity.to, complaint(codes::TIME_FIELD, message));
            table.validity = None;
        }
    }
    if let Some(name) = &entry.def.time {
        match own_field(table, name) {
            Ok(id) => table.time = Some(id),
            Err(why) => unknown_field(table, entry, name, "`time`", why, sink),
        }
    }
}

/// The type of a field; none that has been reported already.
fn type_of(table: &Table, id: FieldId) -> Type {
    table.fields.get(id.index()).map_or(Type::Null, |field| field.data_type)
}

/// Whether a field holds dates or instants, or something that has been reported already.
fn is_temporal(table: &Table, id: FieldId) -> bool {
    let data_type = type_of(table, id);
    data_type.is_temporal() || data_type == Type::Null
}

fn unknown_field(
    table: &Table,
    entry: TableEntry<'_>,
    name: &Located<String>,
    place: &str,
    why: Missing,
    sink: &mut Sink,
) {
    if why == Missing::NotStored {
        let message =
            format!("{place} names `{}`, which is calculated: use a stored field", name.value);
        sink.at(entry.file, name, complaint(codes::UNKNOWN_FIELD, message));
    } else if !entry.def.fields.failed().contains(&name.value) {
        let known = table.fields.iter().map(|f| f.name.as_str());
        let message =
            format!("{place} names `{}`, which is not a field of `{}`", name.value, table.name);
        let what = complaint(codes::UNKNOWN_FIELD, message).suggest(suggest(&name.value, known));
        sink.at(entry.file, name, what);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Unknown,
    NotStored,
}

fn own_field(table: &Table, name: &str) -> Result<FieldId, Missing> {
    table.find_field(name).ok_or(Missing::Unknown)
}

fn own_stored(table: &Table, name: &str) -> Result<FieldId, Missing> {
    let id = own_field(table, name)?;
    match table.fields.get(id.index()).map(|f| &f.kind) {
        Some(FieldKind::Stored { .. }) => Ok(id),
        _ => Err(Missing::NotStored),
    }
}

/// Resolves the relationships of all tables.
pub(super) fn relationships(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    for (index, (_, entry)) in names.tables.iter().enumerate() {
        let Some(table) = snapshot.tables.get(index) else { continue };
        let mut found = Vec::new();
        for (name, located) in entry.def.relationships.iter() {
            let relation_entry = Entry { file: entry.file, def: located };
            check_name(name, "relationship", relation_entry, sink);
            if table.find_field(name).is_some() {
                let message =
                    format!("`{name}` is both a field and a relationship of `{}`", table.name);
                sink.at_key(entry.file, located, complaint(codes::DEFINED_TWICE, message));
            }
            let id = RelationshipId {
                table: table.id,
                index: u32::try_from(found.len()).unwrap_or(u32::MAX),
            };
            if let Some(relationship) = relationship(id, name, *entry, snapshot, names, sink) {
                found.push(relationship);
            }
        }
        if let Some(table) = snapshot.tables.get_mut(index) {
            table.relationship_names = found.iter().map(|r| (r.name.clone(), r.id)).collect();
            table.relationships = found;
        }
    }
}

fn relationship(
    id: RelationshipId,
    name: &str,
    entry: TableEntry<'_>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<Relationship> {
    let located = entry.def.relationships.get(name)?;
    let own = snapshot.tables.get(id.table.index())?;
    let Some(to) = snapshot.table_names.get(&located.to.value).copied() else {
        if !names.is_broken(&located.to.value) {
            let what = complaint(
                codes::UNKNOWN_TABLE,
                format!(
                    "relationship `{name}` leads to `{}`, which is not a table",
                    located.to.value
                ),
            )
            .suggest(suggest(&located.to.value, snapshot.table_names.keys().map(String::as_str)));
            sink.at(entry.file, &located.to, what);
        }
        return None;
    };
    let their = snapshot.tables.get(to.index())?;
    let their_entry = names.tables.get(their.name.as_str())?;
    let mut on = Vec::new();
    let mut whole = true;
    for (own_name, their_name) in located.on.iter() {
        let key = Located {
            value: own_name.to_owned(),
            place: their_name.key_place,
            ..Located::from(String::new())
        };
        let key = Located { path: their_name.path.clone(), ..key };
        let left = own_stored(own, own_name)
            .map_err(|why| unknown_field(own, entry, &key, "`on`", why, sink));
        let right = own_stored(their, &their_name.value).map_err(|why| {
            let at_entry = TableEntry { file: entry.file, def: their_entry.def };
            unknown_field(their, at_entry, their_name, "`on`", why, sink);
        });
        let (Ok(left), Ok(right)) = (left, right) else {
            whole = false;
            continue;
        };
        let (a, b) = (snapshot.field(left).data_type, snapshot.field(right).data_type);
        // A type that could not be determined has been reported where it was declared.
        // An instant leads to its day.
        let daily = (a, b) == (Type::Datetime, Type::Date);
        if daily && located.cardinality == CardinalityDef::OneToMany {
            // Instants differ, and their days need not.
            let message = format!(
                "`{own_name}` is {a}, but `{}` of `{}` is {b}: rows of `{}` may share a day, so \
                 none of them is the one of `one_to_many`; lead to a table of days from both \
                 (`many_to_one`)",
                their_name.value, their.name, own.name
            );
            sink.at(entry.file, their_name, complaint(codes::KEY_TYPES, message));
            whole = false;
            continue;
        }
        if !daily && a != b && a != Type::Null && b != Type::Null {
            let message = format!(
                "`{own_name}` is {a}, but `{}` of `{}` is {b}: keys have one type",
                their_name.value, their.name
            );
            sink.at(entry.file, their_name, complaint(codes::KEY_TYPES, message));
            whole = false;
            continue;
        }
        on.push((left, right));
    }
    if !whole || !located.on.failed().is_empty() {
        return None;
    }
    if on.is_empty() {
        let message =
            format!("relationship `{name}` has no keys: `on: {{ own_field: their_field }}`");
        sink.at_key(entry.file, located, complaint(codes::KEY_TYPES, message));
        return None;
    }
    let cardinality = match located.cardinality {
        CardinalityDef::ManyToOne => Cardinality::ManyToOne,
        CardinalityDef::OneToOne => Cardinality::OneToOne,
        CardinalityDef::OneToMany => Cardinality::OneToMany,
    };
    let (one_side, keys): (&Table, Vec<FieldId>) = if cardinality.is_to_one() {
        (their, on.iter().map(|(_, right)| *right).collect())
    } else {
        (own, on.iter().map(|(left, _)| *left).collect())
    };
    let same = keys.len() == one_side.primary_key.len()
        && one_side.primary_key.iter().all(|k| keys.contains(k));
    if !same
        && one_side.primary_key.len()
            == names.tables.get(one_side.name.as_str())?.def.primary_key.len()
    {
        let message = format!(
            "relationship `{name}` says one row of `{}`, but its keys are not the primary key of `{}`",
            one_side.name, one_side.name
        );
        sink.at_key(entry.file, located, complaint(codes::NOT_A_KEY, message));
    }
    let as_of = match &located.as_of {
        None => None,
        Some(field) => match own_stored(own, field) {
            Ok(id) if is_temporal(own, id) && their.validity.is_some() => Some(id),
            Ok(_) => {
                let message = "`as_of` names a date or datetime, and leads to a table with a \
                               `validity`";
                sink.at(entry.file, field, complaint(codes::TIME_FIELD, message));
                None
            }
            Err(why) => {
                unknown_field(own, entry, field, "`as_of`", why, sink);
                None
            }
        },
    };
    let bridge = located.bridge.unwrap_or(false);
    if bridge && cardinality.is_to_one() {
        let message = format!("relationship `{name}` is a bridge, so it is `one_to_many`");
        sink.at_key(entry.file, located, complaint(codes::NOT_A_KEY, message));
    }
    Some(Relationship {
        id,
        name: name.to_owned(),
        description: located.description.clone(),
        to,
        on,
        cardinality,
        as_of,
        trusted: located.trusted.unwrap_or(false),
        bridge,
    })
}
