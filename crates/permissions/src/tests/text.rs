//! Row filters and cells as short texts, to compare them with.

use sandbar_catalog::expr::{Comparison, Expr, ExprKind};
use sandbar_catalog::{Literal, Snapshot};

use crate::{Among, Cell, Condition, Grants, Level, Mask, RowFilter};

use super::world::{path, table};

/// `query`, `describe` or `none`.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::None => "none",
        Level::Describe => "describe",
        Level::Query => "query",
    }
}

/// The rows of a table, or why it cannot be asked.
pub(super) fn rows(grants: &Grants, name: &str) -> String {
    match grants.sandbox(table(grants, name)) {
        Ok(sandbox) => filter(sandbox.rows(), grants.snapshot()),
        Err(refusal) => format!("{refusal:?}"),
    }
}

/// What is seen of `table.field`.
pub(super) fn cell(grants: &Grants, name: &str) -> String {
    let path = path(grants, name);
    match grants.sandbox(path.field.table()) {
        Ok(sandbox) => match sandbox.cell(path.field) {
            Cell::Clear => "clear".to_owned(),
            Cell::Hidden => "hidden".to_owned(),
            Cell::Masked(mask) => masked(Some(mask)),
            Cell::ByRow(rules) => {
                let rules = rules.iter().map(|(rows, mask)| {
                    format!("{} -> {}", filter(rows, grants.snapshot()), masked(mask.as_ref()))
                });
                rules.collect::<Vec<_>>().join("; ")
            }
        },
        Err(refusal) => format!("{refusal:?}"),
    }
}

fn masked(mask: Option<&Mask>) -> String {
    match mask {
        None => "clear".to_owned(),
        Some(Mask::Null) => "null".to_owned(),
        Some(Mask::Hash) => "hash".to_owned(),
        Some(Mask::Prefix(length)) => format!("prefix {length}"),
        Some(Mask::Constant(value)) => literal(value),
    }
}

/// A row filter.
pub(super) fn filter(rows: &RowFilter, snapshot: &Snapshot) -> String {
    match rows {
        RowFilter::Everything => "everything".to_owned(),
        RowFilter::Never => "never".to_owned(),
        RowFilter::Where(rows) => condition(rows, snapshot),
    }
}

fn condition(rows: &Condition, snapshot: &Snapshot) -> String {
    let join = |parts: &[Condition], word: &str| {
        let parts: Vec<String> = parts.iter().map(|p| condition(p, snapshot)).collect();
        format!("({})", parts.join(word))
    };
    match rows {
        Condition::All(parts) => join(parts, " and "),
        Condition::Any(parts) => join(parts, " or "),
        Condition::Own(expr) => self::expr(expr, snapshot),
        Condition::Related(id, inner) => {
            format!("{}[{}]", snapshot.relationship(*id).name, condition(inner, snapshot))
        }
        Condition::In(among) => self::among(among, "in", snapshot),
        Condition::NotIn(among) => self::among(among, "not in", snapshot),
    }
}

fn among(among: &Among, word: &str, snapshot: &Snapshot) -> String {
    let of = snapshot.field(among.field);
    let table = &snapshot.table(among.field.table()).name;
    let rows = filter(&among.rows, snapshot);
    format!("{} {word} {table}.{}[{rows}]", expr(&among.value, snapshot), of.name)
}

fn expr(node: &Expr, snapshot: &Snapshot) -> String {
    let go = |e: &Expr| expr(e, snapshot);
    match &node.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::Field(path) => snapshot.path_name(path),
        ExprKind::Attribute(name) => panic!("the attribute `{name}` is not bound"),
        ExprKind::Not(a) => format!("not {}", go(a)),
        ExprKind::IsNull(a) => format!("{} is null", go(a)),
        ExprKind::InList(a, list) => {
            let list: Vec<String> = list.iter().map(go).collect();
            format!("{} in ({})", go(a), list.join(", "))
        }
        ExprKind::Compare(op, a, b) => {
            let op = match op {
                Comparison::Eq => "=",
                Comparison::Gt => ">",
                Comparison::Lt => "<",
                other => panic!("no text for {other:?}"),
            };
            format!("{} {op} {}", go(a), go(b))
        }
        other => panic!("no text for {other:?}"),
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Text(text) => format!("'{text}'"),
        Literal::Integer(n) => n.to_string(),
        Literal::Number(n) => format!("{n:?}"),
        Literal::Boolean(b) => b.to_string(),
        Literal::Null => "null".to_owned(),
        Literal::Date(days) => format!("day {days}"),
        Literal::Decimal { value, scale } => format!("{value}e-{scale}"),
        Literal::Datetime(micros) => format!("micros {micros}"),
    }
}
