//! Sets of rows that a row filter looks values up in: `select field from table where …`.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned;

use crate::FieldPath;

use super::ast::{Expr, ExprKind, RowSet};
use super::bind::{Allow, Binder, ExprError, boolean};

const SHAPE: &str = "a set of values is `select field from table where condition`, the condition \
                     being optional, and nothing else";

/// What the text of a set consists of.
struct Parts<'t> {
    field: &'t sql::Expr,
    table: &'t sql::Ident,
    condition: Option<&'t sql::Expr>,
}

/// The parts of a set; `None` where there is more to it. Written anew from its parts it must be
/// the same text, so that no clause of SQL is passed over.
fn parts(query: &sql::Query) -> Option<Parts<'_>> {
    let sql::SetExpr::Select(select) = query.body.as_ref() else { return None };
    let ([sql::SelectItem::UnnamedExpr(field)], [from]) = (&*select.projection, &*select.from)
    else {
        return None;
    };
    let sql::TableFactor::Table { name, .. } = &from.relation else { return None };
    let [sql::ObjectNamePart::Identifier(table)] = name.0.as_slice() else { return None };
    let condition = select.selection.as_ref();
    let mut written = format!("SELECT {field} FROM {table}");
    if let Some(condition) = condition {
        written.push_str(&format!(" WHERE {condition}"));
    }
    (query.to_string() == written).then_some(Parts { field, table, condition })
}

impl RowSet {
    /// Whether no value of it is missing: its condition says so.
    pub fn has_every_value(&self) -> bool {
        let mut open: Vec<&Expr> = self.filter.iter().collect();
        while let Some(part) = open.pop() {
            match &part.kind {
                ExprKind::And(a, b) => open.extend([a.as_ref(), b.as_ref()]),
                ExprKind::Not(inner) => {
                    if let ExprKind::IsNull(value) = &inner.kind
                        && value.kind == ExprKind::Field(FieldPath::own(self.field))
                    {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }
}

impl Binder<'_> {
    /// A set of rows, with the type of its values.
    pub(super) fn rows(
        &mut self,
        query: &sql::Query,
        depth: usize,
    ) -> Result<(RowSet, Expr), ExprError> {
        let Parts { field, table, condition } =
            parts(query).ok_or_else(|| ExprError::new(SHAPE).located(query.span()))?;
        let mut scope = self.scope.rows_of(&table.value).map_err(|e| e.located(table.span))?;
        let mut inner = Binder {
            scope: scope.as_mut(),
            allow: Allow::Rows,
            nodes: self.nodes,
            in_aggregate: false,
        };
        let value = inner.expr(field, depth)?;
        let ExprKind::Field(path) = &value.kind else {
            return Err(ExprError::new(SHAPE).located(field.span()));
        };
        if !path.via.is_empty() {
            let message = "the values of a set are those of a field of its own table";
            return Err(ExprError::new(message).located(field.span()));
        }
        let set_field = path.field;
        let filter = match condition {
            Some(condition) => {
                let filter = inner.expr(condition, depth)?;
                Some(boolean(filter).map_err(|e| e.located(condition.span()))?)
            }
            None => None,
        };
        self.nodes = inner.nodes;
        Ok((RowSet { field: set_field, filter }, value))
    }
}
