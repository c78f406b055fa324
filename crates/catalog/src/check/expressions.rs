//! Expressions of the model: calculated fields first, in the order in which they need each other.

use std::collections::HashMap;

use crate::decode::{Located, suggest};
use crate::expr::{Allow, Expr, ExprError, ExprErrorKind, Extent, Scope, bind};
use crate::ids::{FieldId, FieldPath, TableId};
use crate::report::{SourceText, place_inside};
use crate::snapshot::{FieldKind, Snapshot};
use crate::stack::on_any_stack;
use crate::types::Type;

use super::codes;
use super::names::Names;
use super::sink::{Sink, complaint};
use super::units;

/// Types every calculated field and fills in what it reads.
pub(super) fn calculated_fields(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    let mut work = Calculated { states: HashMap::new(), names };
    let mut all = Vec::new();
    for table in &snapshot.tables {
        for field in &table.fields {
            if matches!(field.kind, FieldKind::Calculated(_)) {
                all.push(field.id);
            }
        }
    }
    for id in &all {
        work.resolve(*id, snapshot, sink);
    }
}

/// Fields of one dimension hold values of one type.
pub(super) fn dimensions(snapshot: &Snapshot, names: &Names<'_>, sink: &mut Sink) {
    let mut first: HashMap<&str, (Type, String)> = HashMap::new();
    for table in &snapshot.tables {
        for field in &table.fields {
            let entry = names.tables.get(table.name.as_str());
            let grained = entry.and_then(|e| e.def.fields.get(&field.name)?.grain.as_ref());
            if let (Some(entry), Some(grain)) = (entry, grained)
                && !field.data_type.is_temporal()
                && field.data_type != Type::Null
            {
                let message =
                    format!("`{}` is {}, which has no grain", field.name, field.data_type);
                sink.at(entry.file, grain, complaint(codes::TIME_FIELD, message));
            }
            let Some(dimension) = &field.dimension else { continue };
            let shown = format!("{}.{}", table.name, field.name);
            let (wanted, of) =
                first.entry(dimension.as_str()).or_insert_with(|| (field.data_type, shown.clone()));
            if field.data_type == *wanted || [*wanted, field.data_type].contains(&Type::Null) {
                continue;
            }
            let message = format!(
                "`{shown}` is {}, but `{of}` of the same dimension is {wanted}",
                field.data_type
            );
            if let Some(entry) = entry
                && let Some(def) = entry.def.fields.get(&field.name)
                && let Some(name) = &def.dimension
            {
                sink.at(entry.file, name, complaint(codes::DIMENSION, message));
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Done(Type),
    Failed,
}

struct Calculated<'n, 'd> {
    states: HashMap<FieldId, State>,
    names: &'n Names<'d>,
}

impl Calculated<'_, '_> {
    fn resolve(&mut self, id: FieldId, snapshot: &mut Snapshot, sink: &mut Sink) -> State {
        if let Some(state) = self.states.get(&id) {
            return *state;
        }
        self.states.insert(id, State::Running);
        let table = snapshot.table(id.table());
        let (table_name, field_name) = (table.name.clone(), snapshot.field(id).name.clone());
        let Some(entry) = self.names.tables.get(table_name.as_str()).copied() else {
            return State::Failed;
        };
        let Some(def) = entry.def.fields.get(&field_name) else { return State::Failed };
        let Some(text) = &def.expr else { return State::Failed };
        let result = {
            let mut scope = ModelScope {
                table: id.table(),
                snapshot,
                names: self.names,
                calculated: Some((self, sink)),
            };
            on_any_stack(|| bind(&text.value, Allow::Rows, &mut scope))
        };
        let result = result.map(|expr| (snapshot.extent(&expr), expr));
        let state = match result {
            Ok((_, expr)) if expr.data_type == Type::Null => {
                let message =
                    format!("`{field_name}` is always missing, and of no type: `cast` it to one");
                sink.at(entry.file, text, complaint(codes::EXPRESSION, message));
                State::Failed
            }
            Ok((extent, _)) if !extent.fits() => {
                sink.at(entry.file, text, complaint(codes::EXPRESSION, too_large()));
                State::Failed
            }
            Ok((extent, expr)) => {
                let data_type = expr.data_type;
                if let Some(declared) = &def.data_type
                    && let Some(wanted) = Type::parse(&declared.value)
                    && wanted != data_type
                {
                    let message = format!(
                        "field `{field_name}` is declared as {wanted}, but computes {data_type}"
                    );
                    let what =
                        complaint(codes::WRONG_TYPE, message).suggest(Some(&data_type.to_string()));
                    sink.at(entry.file, declared, what);
                }
                let inputs = snapshot.stored_inputs(&expr);
                let unit = units::check_fields(&expr, snapshot, entry.file, text, sink);
                let mut calculations = vec![FieldPath::own(id)];
                calculations.extend(snapshot.calculations(&expr));
                if let Some(field) = snapshot
                    .tables
                    .get_mut(id.table().index())
                    .and_then(|t| t.fields.get_mut(id.index()))
                {
                    field.data_type = data_type;
                    field.kind = FieldKind::Calculated(expr);
                    field.inputs = inputs;
                    field.calculations = calculations;
                    field.extent = extent;
                    if field.unit.is_none() {
                        field.made_of = unit;
                    }
                }
                State::Done(data_type)
            }
            Err(error) => {
                report(error, entry.file, text, sink);
                State::Failed
            }
        };
        self.states.insert(id, state);
        state
    }
}

/// The names an expression of the model may use: fields of its table, and of tables that it
/// reaches without fanning out.
pub(super) struct ModelScope<'a, 'n, 'd> {
    table: TableId,
    snapshot: &'a mut Snapshot,
    names: &'n Names<'d>,
    calculated: Option<(&'a mut Calculated<'n, 'd>, &'a mut Sink)>,
}

impl Scope for ModelScope<'_, '_, '_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let path = resolve_path(self.snapshot, self.table, chain, &|table, field| {
            let entry = self.names.tables.get(table);
            entry.is_some_and(|e| {
                e.def.fields.failed().iter().any(|f| f == field)
                    || e.def.relationships.failed().iter().any(|f| f == field)
                    || e.def.relationships.get(field).is_some()
            })
        })?;
        let mut data_type = self.snapshot.field(path.field).data_type;
        let owner = &self.snapshot.table(path.field.table).name;
        if data_type == Type::Null && self.names.is_unopened(owner) {
            // Its type is in a source that could not be opened, which is told elsewhere.
            return Err(ExprError::silent());
        }
        if matches!(self.snapshot.field(path.field).kind, FieldKind::Calculated(_))
            && let Some((calculated, sink)) = &mut self.calculated
        {
            match calculated.resolve(path.field, self.snapshot, sink) {
                State::Done(found) => data_type = found,
                State::Failed => return Err(ExprError::silent()),
                State::Running => {
                    let name = &self.snapshot.field(path.field).name;
                    let message = format!("`{name}` is computed from itself");
                    return Err(ExprError::new(message).about(ExprErrorKind::Cycle));
                }
            }
        }
        Ok(Expr::field(path, data_type))
    }
}

/// Looks up relationship names, then a field name. `excused(table, name)` says that a name was
/// defined but is broken, so that nothing more need be said.
pub(crate) fn resolve_path(
    snapshot: &Snapshot,
    start: TableId,
    chain: &[&str],
    excused: &dyn Fn(&str, &str) -> bool,
) -> Result<FieldPath, ExprError> {
    let Some((name, steps)) = chain.split_last() else {
        return Err(ExprError::new("a name is empty"));
    };
    let mut via = Vec::with_capacity(steps.len());
    let mut at = start;
    for step in steps {
        let table = snapshot.table(at);
        let Some(id) = table.find_relationship(step) else {
            if excused(&table.name, step) {
                return Err(ExprError::silent());
            }
            let known = table.relationships.iter().map(|r| r.name.as_str());
            let message = format!("`{step}` is not a relationship of `{}`", table.name);
            let error = ExprError::suggesting(message, suggest(step, known));
            return Err(error.about(ExprErrorKind::UnknownName));
        };
        let relationship = snapshot.relationship(id);
        if !relationship.cardinality.is_to_one() {
            return Err(ExprError::new(format!(
                "`{step}` leads to many rows of `{}`: a row has no single value there",
                snapshot.table(relationship.to).name
            )));
        }
        via.push(id);
        at = relationship.to;
    }
    let table = snapshot.table(at);
    match table.find_field(name) {
        Some(field) => Ok(FieldPath { via, field }),
        None if excused(&table.name, name) => Err(ExprError::silent()),
        None => {
            let known = table.fields.iter().map(|f| f.name.as_str());
            let message = format!("`{name}` is not a field of `{}`", table.name);
            let error = ExprError::suggesting(message, suggest(name, known));
            Err(error.about(ExprErrorKind::UnknownName))
        }
    }
}

/// Types an expression that stands over finished tables; what is wrong is reported.
pub(super) fn expression(
    table: TableId,
    text: &Located<String>,
    allow: Allow,
    file: Option<&SourceText>,
    snapshot: &mut Snapshot,
    names: &Names<'_>,
    sink: &mut Sink,
) -> Option<Expr> {
    let result = {
        let mut scope = ModelScope { table, snapshot, names, calculated: None };
        bind(&text.value, allow, &mut scope)
    };
    match result {
        Ok(expr) if !snapshot.extent(&expr).fits() => {
            sink.at(file, text, complaint(codes::EXPRESSION, too_large()));
            None
        }
        Ok(expr) => {
            units::check_fields(&expr, snapshot, file, text, sink);
            Some(expr)
        }
        Err(error) => {
            report(error, file, text, sink);
            None
        }
    }
}

/// What is wrong with an expression that is too large.
pub(super) fn too_large() -> String {
    let Extent { parts, depth, decisions } = Extent::MOST;
    format!(
        "with all that it is computed from this has more than {parts} parts, where each counts as \
         often as it is used, or more than {depth} in each other, or {decisions} comparisons and \
         `case`"
    )
}

/// Reports what is wrong with an expression, at the name inside the text where that is known.
pub(super) fn report(
    error: ExprError,
    file: Option<&SourceText>,
    text: &Located<String>,
    sink: &mut Sink,
) {
    if error.silent {
        return;
    }
    let code = match error.kind {
        ExprErrorKind::Cycle => codes::CYCLE,
        ExprErrorKind::UnknownName => codes::UNKNOWN_NAME,
        ExprErrorKind::Expression | ExprErrorKind::Attribute => codes::EXPRESSION,
    };
    let place = place_inside(text, error.at, file);
    let what = complaint(code, error.message).suggest(error.suggestion.as_deref());
    sink.push(file, place, &text.path, what);
}
