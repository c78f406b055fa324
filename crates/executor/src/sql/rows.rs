//! Queries in waiting, and the steps of the `WITH` that they become.

use std::collections::HashSet;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sandbar_query_planner::{Meaning, QueryPlan};

use super::expression::Scope;
use super::{NoSqlText, SqlDialect, quoted};

/// A query in waiting: what further nodes of a plan can be added to until it becomes a step.
pub(super) struct Rows {
    /// What stands after `FROM`: a table or step, then what is joined with it; nothing for the one
    /// row without columns.
    pub(super) from: Vec<String>,
    /// The columns, as many as the schema of the plan has.
    pub(super) cells: Vec<Cell>,
    pub(super) filters: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) limit: Option<u64>,
    /// What a step of it is called.
    pub(super) hint: String,
}

/// A column of a query in waiting.
#[derive(Clone)]
pub(super) enum Cell {
    /// A column of what stands after `FROM`.
    Plain(String),
    /// An expression over such columns.
    Computed(String),
    /// A list of periods, which only becomes rows.
    Periods(Meaning, Vec<String>),
}

impl Rows {
    /// Rows of a table or step, each column by its name.
    pub(super) fn of(from: String, cells: Vec<Cell>, hint: String) -> Self {
        let (filters, order) = (Vec::new(), Vec::new());
        Self { from: vec![from], cells, filters, order, limit: None, hint }
    }

    fn is_limited(&self) -> bool {
        !self.order.is_empty() || self.limit.is_some()
    }
}

/// Writes one plan down.
pub(super) struct Writer {
    pub(super) dialect: SqlDialect,
    /// All names of tables and steps, in lower case.
    names: HashSet<String>,
    steps: Vec<String>,
}

impl Writer {
    pub(super) fn new(dialect: SqlDialect) -> Self {
        Self { dialect, names: HashSet::new(), steps: Vec::new() }
    }

    pub(super) fn write(mut self, plan: &QueryPlan) -> Result<String, NoSqlText> {
        let cap = plan.row_cap();
        let plan = plan.logical();
        self.reserve(plan)?;
        let mut rows = self.node(plan)?;
        // One row more than the cap tells that there are more; it is not shown.
        rows.limit = rows.limit.map(|limit| limit.min(cap));
        let names = plan.schema().fields().iter().map(|field| field.name().clone());
        let answer = select(&rows, &names.collect::<Vec<_>>(), "")?;
        if self.steps.is_empty() {
            return Ok(answer);
        }
        Ok(format!("WITH {}\n{answer}", self.steps.join(",\n")))
    }

    /// Keeps the names of the sources for the sources.
    fn reserve(&mut self, plan: &LogicalPlan) -> Result<(), NoSqlText> {
        let mut tables: Vec<&str> = Vec::new();
        let mut open = vec![plan];
        while let Some(node) = open.pop() {
            if let LogicalPlan::TableScan(scan) = node
                && !tables.contains(&scan.table_name.table())
            {
                tables.push(scan.table_name.table());
            }
            open.extend(node.inputs());
        }
        for table in tables {
            if !self.names.insert(table.to_lowercase()) {
                return Err(NoSqlText::Name { name: table.to_owned(), dialect: self.dialect });
            }
        }
        Ok(())
    }

    /// A name that nothing else has.
    pub(super) fn fresh(&mut self, hint: &str) -> String {
        let hint = short(hint);
        let mut number = 1_u64;
        loop {
            let name = format!("{hint}_{number}");
            if self.names.insert(name.to_lowercase()) {
                return name;
            }
            number += 1;
        }
    }

    /// Makes a step of some rows; further nodes then read that.
    pub(super) fn step(&mut self, rows: &Rows, schema: &DFSchema) -> Result<Rows, NoSqlText> {
        let names = column_names(schema);
        let text = select(rows, &names, "  ")?;
        Ok(self.named(&rows.hint, &text, names, false))
    }

    /// The same, and nothing is moved into it.
    pub(super) fn closed(&mut self, rows: &Rows, schema: &DFSchema) -> Result<Rows, NoSqlText> {
        let names = column_names(schema);
        let text = select(rows, &names, "  ")?;
        Ok(self.named(&rows.hint, &text, names, true))
    }

    /// A step of a text, which is indented, and the names of its columns.
    pub(super) fn text_step(&mut self, hint: &str, text: &str, names: Vec<String>) -> Rows {
        self.named(hint, text, names, false)
    }

    fn named(&mut self, hint: &str, text: &str, names: Vec<String>, closed: bool) -> Rows {
        let name = self.fresh(hint);
        let closed = if closed { " MATERIALIZED" } else { "" };
        self.steps.push(format!("{} AS{closed} (\n{text}\n)", quoted(&name)));
        let cell = |column: String| Cell::Plain(format!("{}.{}", quoted(&name), quoted(&column)));
        Rows::of(quoted(&name), names.into_iter().map(cell).collect(), hint.to_owned())
    }

    /// Rows over whose columns the expressions can be written: those that they read are plain.
    pub(super) fn readable(
        &mut self,
        rows: Rows,
        schema: &DFSchema,
        read: &[&Expr],
    ) -> Result<Rows, NoSqlText> {
        let plain = |expr: &&Expr| {
            expr.column_refs().into_iter().all(|column| {
                let cell = schema.maybe_index_of_column(column).and_then(|i| rows.cells.get(i));
                matches!(cell, Some(Cell::Plain(_)))
            })
        };
        if read.iter().all(plain) { Ok(rows) } else { self.step(&rows, schema) }
    }

    /// The same, and the rows are not limited or ordered yet.
    pub(super) fn open(
        &mut self,
        rows: Rows,
        schema: &DFSchema,
        read: &[&Expr],
    ) -> Result<Rows, NoSqlText> {
        let rows = if rows.is_limited() { self.step(&rows, schema)? } else { rows };
        self.readable(rows, schema, read)
    }

    /// Rows that can stand in a join: a table or a step, with plain columns.
    pub(super) fn joinable(&mut self, rows: Rows, schema: &DFSchema) -> Result<Rows, NoSqlText> {
        let plain = rows.cells.iter().all(|cell| matches!(cell, Cell::Plain(_)));
        let narrowed = rows.is_limited() || !rows.filters.is_empty() || rows.from.is_empty();
        if plain && !narrowed { Ok(rows) } else { self.step(&rows, schema) }
    }

    pub(super) fn scope<'s>(&self, schema: &'s DFSchema, rows: &'s Rows) -> Scope<'s> {
        Scope { dialect: self.dialect, schema, cells: &rows.cells }
    }
}

/// The names of a step's columns: those of the plan, each once whatever its case.
pub(super) fn column_names(schema: &DFSchema) -> Vec<String> {
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        names.push(unlike(&names, &short(field.name())));
    }
    names
}

/// A name that none of the others is, whatever its case.
pub(super) fn unlike(others: &[String], own: &str) -> String {
    let mut name = own.to_owned();
    let mut number = 2_u64;
    while others.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
        name = format!("{own}_{number}");
        number += 1;
    }
    name
}

/// A name that is short enough for PostgreSQL with a number behind it, without the marks that tell
/// the columns of plans from those of the model.
fn short(name: &str) -> String {
    let name = name.trim_start_matches('#');
    let mut end = name.len().min(50);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    match name.get(..end) {
        Some(short) if !short.is_empty() => short.replace('\0', "_"),
        _ => "column".to_owned(),
    }
}

/// The text of a query.
pub(super) fn select(rows: &Rows, names: &[String], indent: &str) -> Result<String, NoSqlText> {
    let mut shown = Vec::with_capacity(names.len());
    for (cell, name) in rows.cells.iter().zip(names) {
        let text = match cell {
            Cell::Plain(text) | Cell::Computed(text) => text,
            Cell::Periods(..) => {
                return Err(NoSqlText::Unknown("a list of periods that is shown".to_owned()));
            }
        };
        shown.push(format!("{indent}  {text} AS {}", quoted(name)));
    }
    if shown.is_empty() {
        shown.push(format!("{indent}  TRUE AS \"row\""));
    }
    let mut text = format!("{indent}SELECT\n{}", shown.join(",\n"));
    text.push_str(&tail(rows, indent));
    if !rows.order.is_empty() {
        text.push_str(&format!("\n{indent}ORDER BY {}", rows.order.join(", ")));
    }
    if let Some(limit) = rows.limit {
        text.push_str(&format!("\n{indent}LIMIT {limit}"));
    }
    Ok(text)
}

/// What stands after the columns: from where, and under which conditions.
fn tail(rows: &Rows, indent: &str) -> String {
    let mut text = String::new();
    if !rows.from.is_empty() {
        text.push_str(&format!("\n{indent}FROM {}", rows.from.join(&format!("\n{indent}  "))));
    }
    if !rows.filters.is_empty() {
        let all = rows.filters.join(&format!("\n{indent}  AND "));
        text.push_str(&format!("\n{indent}WHERE {all}"));
    }
    text
}

/// Whether there are such rows, in one line.
pub(super) fn exists(rows: &Rows) -> String {
    let (from, all) = (rows.from.join(" "), rows.filters.join(" AND "));
    format!("EXISTS (SELECT 1 FROM {from} WHERE {all})")
}
