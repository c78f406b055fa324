//! Row filters: conditions over a table, the rows it belongs to, and sets of other rows.

use std::collections::HashMap;

use arrow_schema::DataType;
use sandbar_catalog::decode::{Located, suggest};
use sandbar_catalog::expr::{
    Allow, AttributeType, Expr, ExprError, ExprErrorKind, ExprKind, Extent, RowSet, Scope, bind,
};
use sandbar_catalog::{
    FieldKind, FieldPath, RelationshipId, Snapshot, TableId, Type, place_inside,
};

use super::{
    ATTRIBUTE, CONDITION, Checker, DERIVED_ROWS, MIXED_TABLES, NO_VERSION, NOT_TOTAL, SET,
    UNKNOWN_FIELD,
};
use crate::condition::{Condition, RowFilter, Unsorted};
use crate::policy_set::UnboundFilter;

impl Checker<'_> {
    pub(super) fn rows(
        &mut self,
        table: TableId,
        text: &Located<String>,
    ) -> Result<UnboundFilter, ()> {
        if self.snapshot.derived(table).is_some() {
            let name = &self.snapshot.table(table).name;
            let message = format!(
                "`{name}` is a derived table: its rows are made of those that an asker may see of \
                 the tables below it, so narrow the rows of these"
            );
            self.at(text, DERIVED_ROWS, message, None);
            return Err(());
        }
        let result = {
            let mut scope = PolicyScope {
                table,
                snapshot: self.snapshot,
                attributes: &self.set.attributes,
                broken: &self.broken,
            };
            bind(&text.value, Allow::Rows, &mut scope)
        };
        let expr = match result {
            Ok(expr) => expr,
            Err(error) => {
                if !error.silent {
                    let code = match error.kind {
                        ExprErrorKind::Attribute => ATTRIBUTE,
                        ExprErrorKind::UnknownName => UNKNOWN_FIELD,
                        ExprErrorKind::Expression | ExprErrorKind::Cycle => CONDITION,
                    };
                    let place = place_inside(text, error.at, self.file.as_ref());
                    let suggestion = error.suggestion.as_deref();
                    self.say(place, &text.path, code, error.message, suggestion);
                }
                return Err(());
            }
        };
        if !matches!(expr.data_type, Type::Boolean | Type::Null) {
            let message =
                format!("a condition is wanted here, not {}", expr.data_type.with_article());
            self.at(text, CONDITION, message, None);
            return Err(());
        }
        match condition(self.snapshot, &expr) {
            Ok(condition) => Ok(UnboundFilter(condition)),
            Err(Unsorted::Set(code, message)) => {
                self.at(text, code, message, None);
                Err(())
            }
            Err(Unsorted::MixedTables) => {
                let message = "one comparison mixes fields of two tables: compare each with \
                               constants or attributes"
                    .to_owned();
                self.at(text, MIXED_TABLES, message, None);
                Err(())
            }
        }
    }
}

/// A condition on rows that a policy may look at, sorted by the tables that it speaks of.
fn condition(snapshot: &Snapshot, expr: &Expr) -> Result<Condition, Unsorted> {
    if !snapshot.extent(expr).fits() {
        let Extent { parts, depth, decisions } = Extent::MOST;
        let message = format!(
            "with all that it is computed from a row filter has at most {parts} parts, where each \
             counts as often as it is used, and at most {depth} in each other, of comparisons and \
             `case` {decisions}"
        );
        return Err(Unsorted::Set(CONDITION, message));
    }
    if !snapshot.is_total(expr) {
        return Err(Unsorted::Set(NOT_TOTAL, not_total(snapshot, expr)));
    }
    let stored = snapshot.inline(expr);
    for step in stored.fields().into_iter().flat_map(|path| &path.via) {
        may_follow(snapshot, *step)?;
    }
    values(snapshot, &stored)?;
    Condition::sort(&stored, &mut |set| rows_of(snapshot, set))
}

/// Whether a row filter can look at what a relationship leads to.
pub(super) fn may_follow(snapshot: &Snapshot, step: RelationshipId) -> Result<(), Unsorted> {
    let step = snapshot.relationship(step);
    let to = snapshot.table(step.to);
    over_source(snapshot, step.to)?;
    if to.validity.is_none() || snapshot.version_time(step).is_some() {
        return Ok(());
    }
    let message = format!(
        "`{}` keeps a history, and nothing says which version a row filter looks at: give `{}` a \
         stored `time`, or `{}` an `as_of`",
        to.name,
        snapshot.table(step.id.table()).name,
        step.name
    );
    Err(Unsorted::Set(NO_VERSION, message))
}

fn over_source(snapshot: &Snapshot, table: TableId) -> Result<(), Unsorted> {
    if snapshot.derived(table).is_none() {
        return Ok(());
    }
    let message = format!(
        "`{}` is a derived table, whose rows depend on who asks: a row filter looks at tables over \
         sources",
        snapshot.table(table).name
    );
    Err(Unsorted::Set(DERIVED_ROWS, message))
}

/// Why a condition can fail on some row.
fn not_total(snapshot: &Snapshot, expr: &Expr) -> String {
    let mut lost = None;
    snapshot.inline(expr).walk(&mut |node| lost = lost.take().or_else(|| snapshot.cut_short(node)));
    let why = match lost {
        None => "no arithmetic on whole numbers or decimals, no `cast`, no `div`".to_owned(),
        Some((stored, to)) => format!(
            "this calculates with {to}, which not every value of {stored} is; compare the field \
             itself"
        ),
    };
    format!("a row filter must not be able to fail on any row: {why}")
}

fn stored_type<'s>(snapshot: &'s Snapshot, path: &FieldPath) -> Option<&'s DataType> {
    match &snapshot.field(path.field).kind {
        FieldKind::Stored { arrow, .. } => Some(arrow),
        FieldKind::Calculated(_) => None,
    }
}

/// Values are looked up as they are stored, by columns that are compared without a conversion that
/// could fail.
fn values(snapshot: &Snapshot, expr: &Expr) -> Result<(), Unsorted> {
    let mut found = Ok(());
    expr.walk(&mut |node| {
        if let ExprKind::InRows(value, set) = &node.kind
            && let Err(message) = comparable(snapshot, value, set)
        {
            found = Err(Unsorted::Set(SET, message));
        }
    });
    found
}

fn comparable(snapshot: &Snapshot, value: &Expr, set: &RowSet) -> Result<(), String> {
    let looked_up = match &value.kind {
        ExprKind::Field(path) => stored_type(snapshot, path),
        _ => None,
    };
    let theirs = stored_type(snapshot, &FieldPath::own(set.field));
    let (Some(own), Some(theirs)) = (looked_up, theirs) else {
        return Err("values are looked up in sets by stored fields, on both sides".to_owned());
    };
    if value.data_type.is_comparable_as_stored(own, theirs) {
        return Ok(());
    }
    Err(format!(
        "values stored as {own} and {theirs} are not looked up in sets: use whole numbers, texts, \
         dates, or decimals and times that are stored alike"
    ))
}

/// The rows of a set: their table is one over a source, and their condition like any other.
fn rows_of(snapshot: &Snapshot, set: &RowSet) -> Result<RowFilter, Unsorted> {
    over_source(snapshot, set.field.table())?;
    match &set.filter {
        None => Ok(RowFilter::Everything),
        Some(filter) => condition(snapshot, filter).map(RowFilter::Where),
    }
}

/// What a row filter may speak of: every field of its table and of those it reaches without
/// fanning out, hidden or not (it runs with its author's rights), and the declared attributes.
struct PolicyScope<'a> {
    table: TableId,
    snapshot: &'a Snapshot,
    attributes: &'a HashMap<String, AttributeType>,
    broken: &'a [String],
}

impl Scope for PolicyScope<'_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let path = self.snapshot.resolve_field(self.table, chain)?;
        let data_type = self.snapshot.field(path.field).data_type;
        Ok(Expr::field(path, data_type))
    }

    fn attribute(&mut self, name: &str) -> Result<AttributeType, ExprError> {
        if let Some(declared) = self.attributes.get(name) {
            return Ok(*declared);
        }
        if self.broken.iter().any(|b| b == name) {
            return Err(ExprError::silent());
        }
        let known = self.attributes.keys().map(String::as_str);
        let message = format!("`{name}` is not a declared attribute");
        let error = ExprError::suggesting(message, suggest(name, known));
        Err(error.about(ExprErrorKind::Attribute))
    }

    fn rows_of(&mut self, table: &str) -> Result<Box<dyn Scope + '_>, ExprError> {
        let Some(found) = self.snapshot.find_table(table) else {
            let known = self.snapshot.tables().iter().map(|t| t.name.as_str());
            let message = format!("`{table}` is not a table");
            let error = ExprError::suggesting(message, suggest(table, known));
            return Err(error.about(ExprErrorKind::UnknownName));
        };
        Ok(Box::new(PolicyScope { table: found, ..*self }))
    }
}
