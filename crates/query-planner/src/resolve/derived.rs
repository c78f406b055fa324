//! Derived tables: the questions that they are the answers of, resolved for the one who asks, and
//! once for the model itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::arrow::datatypes::DataType;
use jiff::Timestamp;
use sandbar_catalog::decode::{Node, Place, Problem, suggest};
use sandbar_catalog::{
    DerivedTable, FieldId, FieldKind, Finding, MetricId, Reads, Report, Snapshot, Table, TableId,
};
use sandbar_permissions::{Administrator, Grants, PolicySet};

use super::Asking;
use super::smallest::tells_of_single_rows;
use crate::compiled::Compiled;
use crate::error::{ProblemKind, QueryError, QueryProblem};
use crate::lower::arrow_of;
use crate::query::{Requires, ResolvedQuery, Shape, Source};

/// What is wrong with the query of a derived table.
const DERIVED: &str = "M0123";
/// The code of a question that reads too many tables.
pub(super) const TOO_MANY: &str = "Q0116";
/// How many derived tables stand on each other.
const MAX_DEPTH: usize = 8;
/// The most derived tables that a question reads, those below others included.
const MAX_READ: usize = 64;

/// The questions of derived tables that stand in each other.
#[derive(Default)]
pub(super) struct Questions {
    /// The table itself is looked at alone, and not what it stands on.
    flat: bool,
    depth: usize,
    /// How many derived tables were looked into so far.
    seen: usize,
}

impl Asking<'_> {
    /// The question that a derived table is the answer of, as this asker may ask it.
    pub(super) fn derived_question(
        &mut self,
        table: TableId,
        derived: &DerivedTable,
    ) -> Option<Option<Box<ResolvedQuery>>> {
        if self.derived.flat {
            return Some(None);
        }
        let name = self.table_name(table);
        if self.derived.depth >= MAX_DEPTH || self.derived.seen >= MAX_READ {
            return self.too_many(&name);
        }
        let grants = self.grants.of_model();
        let mut inner = match Asking::of_model(grants, self.compiled, self.now, derived) {
            Ok(inner) => inner,
            Err(_) => return self.unanswered(&name),
        };
        let (depth, seen) = (self.derived.depth + 1, self.derived.seen + 1);
        inner.derived = Questions { flat: false, depth, seen };
        let resolved = inner.answered(&derived.query.value);
        self.derived.seen = inner.derived.seen;
        match resolved {
            Ok(resolved) => Some(Some(Box::new(resolved))),
            Err(QueryError::Problems(problems)) if tells_of_single_rows(&problems) => {
                let message = format!(
                    "`{name}` cannot be asked with these rights: it is made of single rows of a \
                     table of which only groups are told"
                );
                self.push("Q0160", ProblemKind::Denied, "", message);
                None
            }
            Err(QueryError::Problems(problems)) if problems.iter().any(|p| p.code == TOO_MANY) => {
                self.too_many(&name)
            }
            // What is wrong with it is the author's business, and was told him.
            Err(_) => self.unanswered(&name),
        }
    }

    fn too_many<T>(&mut self, name: &str) -> Option<T> {
        self.problem(TOO_MANY, "", format!("`{name}` stands on too many derived tables"));
        None
    }

    fn unanswered<T>(&mut self, name: &str) -> Option<T> {
        let message = format!(
            "`{name}` cannot be asked with these rights: it is made over keys that are masked"
        );
        self.push("Q0111", ProblemKind::Denied, "", message);
        None
    }
}

impl<'a> Asking<'a> {
    /// Asks as a model does: in its own zone, whoever is behind it.
    fn of_model(
        grants: &'a Grants,
        compiled: &'a Compiled,
        now: Timestamp,
        derived: &DerivedTable,
    ) -> Result<Self, QueryProblem> {
        let clock = super::zone(&derived.query.value, compiled)?;
        Ok(Self::new(grants, compiled, now, clock))
    }
}

/// Resolves the names in the queries of all derived tables, and remembers what each reads. It gives
/// everything that is wrong with them too: names, types, circles, and keys that are none.
///
/// # Errors
/// None that an author can mend.
pub fn derive(
    snapshot: Snapshot,
    administrator: &Administrator,
    now: Timestamp,
) -> Result<(Snapshot, Report), QueryError> {
    if snapshot.tables().iter().all(|table| snapshot.derived(table.id).is_none()) {
        return Ok((snapshot, Report::default()));
    }
    let mut snapshot = snapshot;
    loop {
        let shared = Arc::new(snapshot);
        let (derived, report) = Author::new(&shared, administrator, now).all();
        snapshot =
            Arc::into_inner(shared).ok_or_else(|| QueryError::internal("a snapshot in use"))?;
        let mut handed_on = false;
        for Described { table, reads, types } in derived {
            let requires = reads.requires.iter().any(|of_field| !of_field.is_empty());
            let known = snapshot.derived(table).map(|derived| &derived.reads.requires);
            handed_on |= requires && known != Some(&reads.requires);
            snapshot.set_derived(table, reads, &types);
        }
        // What a table requires those require too that stand on it.
        if !handed_on || !report.is_empty() {
            return Ok((snapshot, report));
        }
    }
}

/// What is found out of a derived table.
struct Described {
    table: TableId,
    reads: Reads,
    types: Vec<DataType>,
}

/// Who writes a model sees all of it.
struct Author {
    grants: Grants,
    compiled: Compiled,
    now: Timestamp,
    findings: Vec<Finding>,
}

impl Author {
    fn new(snapshot: &Arc<Snapshot>, administrator: &Administrator, now: Timestamp) -> Self {
        let grants = Arc::new(PolicySet::default()).all(snapshot, administrator);
        let compiled = Compiled::unscanned(Arc::clone(snapshot));
        Self { grants, compiled, now, findings: Vec::new() }
    }

    fn all(mut self) -> (Vec<Described>, Report) {
        let snapshot = Arc::clone(self.compiled.snapshot());
        let mut found = Vec::new();
        for table in snapshot.tables() {
            let Some(derived) = snapshot.derived(table.id) else { continue };
            let Some((resolved, metrics)) = self.ask(table, derived, true) else { continue };
            self.only_rows(table, derived, &resolved);
            self.key(table, derived, &resolved);
            let (origins, types) = self.fields(table, derived, &resolved);
            let requires = requires(&snapshot, table, &resolved);
            let mut reads = Reads { metrics, origins, requires, ..Reads::default() };
            resolved.each_rows(&mut |rows, fields| {
                reads.tables.extend(rows.scans.iter().map(|scan| scan.source));
                reads.fields.extend(fields(&snapshot).iter().map(|path| path.field));
            });
            sort_once(&mut reads.tables);
            sort_once(&mut reads.fields);
            sort_once(&mut reads.metrics);
            found.push(Described { table: table.id, reads, types });
        }
        self.circles(&snapshot, &found);
        if self.findings.is_empty() {
            // Now that there are no circles, each can be looked into as deep as it goes.
            for table in snapshot.tables() {
                if let Some(derived) = snapshot.derived(table.id) {
                    self.ask(table, derived, false);
                }
            }
        }
        (found, Report::new(self.findings))
    }

    /// Resolves the query of a derived table, and the metrics that it asks for.
    fn ask(
        &mut self,
        table: &Table,
        derived: &DerivedTable,
        flat: bool,
    ) -> Option<(ResolvedQuery, Vec<MetricId>)> {
        let mut asking = match Asking::of_model(&self.grants, &self.compiled, self.now, derived) {
            Ok(asking) => asking,
            Err(problem) => {
                self.found(table, derived, problem);
                return None;
            }
        };
        asking.derived.flat = flat;
        match asking.answered(&derived.query.value) {
            Ok(resolved) => Some((resolved, asking.metrics)),
            Err(QueryError::Problems(problems)) => {
                for problem in problems {
                    self.found(table, derived, problem);
                }
                None
            }
            Err(QueryError::Internal(what)) => {
                self.say(table, derived, "", what, None);
                None
            }
        }
    }

    fn found(&mut self, table: &Table, derived: &DerivedTable, problem: QueryProblem) {
        let message = format!("{} ({})", problem.message, problem.code);
        self.say(table, derived, &problem.path, message, None);
    }

    /// Reports a problem at a path inside the query.
    fn say(
        &mut self,
        table: &Table,
        derived: &DerivedTable,
        path: &str,
        message: String,
        suggestion: Option<&str>,
    ) {
        let start = format!("tables.{}.query", table.name);
        let path = match path {
            "" => start,
            path if path.starts_with(&start) => path.to_owned(),
            path => format!("{start}.{path}"),
        };
        self.say_at(derived, path, derived.query.place, message, suggestion);
    }

    fn say_at(
        &mut self,
        derived: &DerivedTable,
        path: String,
        otherwise: Option<Place>,
        message: String,
        suggestion: Option<&str>,
    ) {
        let text = derived.file.as_ref().and_then(|file| Node::from_yaml(&file.text).ok());
        let place = text.and_then(|node| node.place_of(&path)).or(otherwise);
        let suggestion = suggestion.map(str::to_owned);
        let problem = Problem { code: DERIVED, place, path, message, suggestion };
        self.findings.push(Finding { file: derived.file.clone(), problem });
    }

    /// Rows of totals beside those that they are totals of would be counted twice, and the first
    /// rows of an order that is open are others each time.
    fn only_rows(&mut self, table: &Table, derived: &DerivedTable, resolved: &ResolvedQuery) {
        if resolved.requires.iter().any(|required| required.column.is_none()) {
            let message = "the rows of a derived table are of one kind, so it has no `totals`";
            self.say(table, derived, "totals", message.to_owned(), None);
        }
        let open = match (&resolved.shape, &resolved.source) {
            (Shape::Grouped(_), _) => false,
            (Shape::Listing(_), Source::Answer(_)) => true,
            (Shape::Listing(_), Source::Parts(parts)) => {
                let base = parts.first().and_then(|part| part.rows.scans.first());
                let snapshot = self.compiled.snapshot();
                base.is_none_or(|scan| snapshot.table(scan.source).primary_key.is_empty())
            }
        };
        if resolved.limit.is_some() && open {
            let message = "which rows come first is not determined: limit a question in groups, \
                           or a list of a table with a primary key";
            self.say(table, derived, "limit", message.to_owned(), None);
        }
    }

    /// The declared key tells the rows apart whatever the data, so that nothing needs to be read
    /// for it to be relied on.
    fn key(&mut self, table: &Table, derived: &DerivedTable, resolved: &ResolvedQuery) {
        let snapshot = Arc::clone(self.compiled.snapshot());
        if table.primary_key.is_empty() {
            return;
        }
        let columns = resolved.shape.columns();
        let declared: Vec<&str> =
            table.primary_key.iter().filter_map(|id| column(&snapshot, *id)).collect();
        let identity = resolved.identity(&snapshot).map(|identity| -> Vec<&str> {
            let names = identity.iter().filter_map(|at| columns.get(*at));
            names.map(|column| column.name.as_str()).collect()
        });
        let message = match identity {
            Some(identity) if identity.iter().all(|name| declared.contains(name)) => return,
            Some(identity) => format!(
                "rows of `{}` are told apart by {}: all of them belong to the primary key",
                table.name,
                identity.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
            None => format!(
                "nothing tells the rows of `{}` apart for certain: group them, or list the primary \
                 key of the table that is listed",
                table.name
            ),
        };
        let path = format!("tables.{}.primary_key", table.name);
        self.say_at(derived, path, derived.query.place, message, None);
    }

    /// For each field what it is made of, and the type of its column.
    fn fields(
        &mut self,
        table: &Table,
        derived: &DerivedTable,
        resolved: &ResolvedQuery,
    ) -> (Vec<Vec<FieldId>>, Vec<DataType>) {
        let snapshot = Arc::clone(self.compiled.snapshot());
        let columns = resolved.shape.columns();
        let (mut origins, mut types) = (Vec::new(), Vec::new());
        for field in &table.fields {
            let place = format!("tables.{}.fields.{}", table.name, field.name);
            let mut known = (Vec::new(), DataType::Null);
            if let Some(name) = column(&snapshot, field.id) {
                let position = columns.iter().position(|column| column.name == name);
                match position.and_then(|at| Some((at, columns.get(at)?))) {
                    None => {
                        let message = format!(
                            "field `{}` reads column `{name}`, which the query does not give",
                            field.name
                        );
                        let names = columns.iter().map(|column| column.name.as_str());
                        let close = suggest(name, names);
                        let place = format!("{place}.column");
                        self.say_at(derived, place, derived.query.place, message, close);
                    }
                    Some((at, column)) => {
                        let arrow = arrow_of(column.data_type);
                        if field.data_type != column.data_type {
                            let message = format!(
                                "field `{}` is declared as {}, but the query gives {}",
                                field.name,
                                field.data_type,
                                column.data_type.with_article()
                            );
                            let right = column.data_type.to_string();
                            let place = format!("{place}.type");
                            self.say_at(derived, place, None, message, Some(&right));
                        } else if let Ok(arrow) = arrow {
                            known = (resolved.origins(&snapshot, at), arrow);
                        } else {
                            let message = format!(
                                "field `{}` has values that a derived table cannot hold",
                                field.name
                            );
                            self.say_at(derived, place, None, message, None);
                        }
                    }
                }
            }
            origins.push(known.0);
            types.push(known.1);
        }
        (origins, types)
    }

    /// A derived table that stands on itself.
    fn circles(&mut self, snapshot: &Snapshot, found: &[Described]) {
        let below = |table: TableId| {
            let described = found.iter().find(|described| described.table == table);
            described.map_or(&[][..], |described| described.reads.tables.as_slice())
        };
        for Described { table, .. } in found {
            let mut open = below(*table).to_vec();
            let mut seen = BTreeSet::new();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    open.extend(below(next));
                }
            }
            let Some(derived) = snapshot.derived(*table).filter(|_| seen.contains(table)) else {
                continue;
            };
            let table = snapshot.table(*table);
            let way = seen.iter().filter(|id| snapshot.derived(**id).is_some());
            let way: Vec<String> =
                way.map(|id| format!("`{}`", snapshot.table(*id).name)).collect();
            let message = format!("`{}` is made of itself, over {}", table.name, way.join(", "));
            self.say(table, derived, "", message, None);
        }
    }
}

/// For each field of a derived table the fields of it that numbers made of it require.
fn requires(
    snapshot: &Snapshot,
    table: &Table,
    resolved: &ResolvedQuery,
) -> Vec<Vec<Option<FieldId>>> {
    let columns = resolved.shape.columns();
    let name = |at: usize| columns.get(at).map(|column| column.name.as_str());
    let shows =
        |field: &FieldId, at: usize| column(snapshot, *field).is_some_and(|c| name(at) == Some(c));
    let of_field = |field: &FieldId| -> Vec<Option<FieldId>> {
        let of_it = |known: &&Requires| known.column.is_some_and(|column| shows(field, column));
        let known = resolved.requires.iter().filter(of_it);
        let by =
            |at: usize| table.fields.iter().map(|field| field.id).find(|field| shows(field, at));
        known.map(|known| known.by.and_then(by)).collect()
    };
    table.fields.iter().map(|field| of_field(&field.id)).collect()
}

/// The column of the query that a field shows; `None` where it is calculated.
fn column(snapshot: &Snapshot, field: FieldId) -> Option<&str> {
    match &snapshot.field(field).kind {
        FieldKind::Stored { column, .. } => Some(column),
        FieldKind::Calculated(_) => None,
    }
}

fn sort_once<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}
