//! Names become ids, within what the asker may see; every problem is found in one go.

mod columns;
mod filter;
mod names;
mod relative;
mod values;

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbar_catalog::query::SemanticQuery;
use sandbar_catalog::{FieldPath, RelationshipId, TableId};
use sandbar_permissions::Grants;

use crate::compiled::Compiled;
use crate::error::{ProblemKind, QueryError, QueryProblem};
use crate::functions::Clock;
use crate::query::{Query, ResolvedQuery, Scan, Shape, SortBy, SortKey, Value};

/// The most columns an answer has.
const MAX_COLUMNS: usize = 256;
/// The most related tables one question reads.
const MAX_SCANS: usize = 32;

/// Resolves the names of a question within what its asker may see.
///
/// `now` is the instant that relative times count from.
///
/// # Errors
/// Every problem at once. A name that the asker may not see is answered like one that does not
/// exist, and suggestions come from visible names only.
pub fn resolve(
    query: &SemanticQuery,
    grants: &Grants,
    compiled: &Compiled,
    now: Timestamp,
) -> Result<ResolvedQuery, QueryError> {
    let clock = match zone(query, compiled) {
        Ok(clock) => clock,
        Err(problem) => return Err(QueryError::Problems(vec![problem])),
    };
    let mut asking = Asking { grants, compiled, now, clock, problems: Vec::new(), table: None };
    let resolved = asking.resolve(query);
    match resolved {
        Some(resolved) if asking.problems.is_empty() => Ok(resolved),
        _ if asking.problems.is_empty() => Err(QueryError::internal("a question got lost")),
        _ => Err(QueryError::Problems(asking.problems)),
    }
}

fn zone(query: &SemanticQuery, compiled: &Compiled) -> Result<Clock, QueryProblem> {
    let model = compiled.clock();
    let zone = match &query.time_zone {
        None => model.zone.clone(),
        Some(name) => TimeZone::get(&name.value).map_err(|_| QueryProblem {
            code: "Q0110",
            kind: ProblemKind::Invalid,
            path: name.path.clone(),
            message: format!(
                "`{}` is not an IANA time zone such as `Europe/Berlin`",
                shorten(&name.value)
            ),
        })?,
    };
    Ok(Clock { zone, week_start: query.week_start.unwrap_or(model.week_start) })
}

/// At most 64 characters of what an asker wrote.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// One question being resolved.
struct Asking<'a> {
    grants: &'a Grants,
    compiled: &'a Compiled,
    now: Timestamp,
    clock: Clock,
    problems: Vec<QueryProblem>,
    /// The asked table, once known.
    table: Option<TableId>,
}

impl Asking<'_> {
    fn problem(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        self.push(code, ProblemKind::Invalid, path, message.into());
    }

    fn push(&mut self, code: &'static str, kind: ProblemKind, path: &str, message: String) {
        self.problems.push(QueryProblem { code, kind, path: path.to_owned(), message });
    }

    fn resolve(&mut self, query: &SemanticQuery) -> Option<ResolvedQuery> {
        let metrics = self.metrics(query);
        let table = self.base_table(query, &metrics)?;
        self.table = Some(table);
        if self.compiled.stored(table).is_none() {
            let name = &self.compiled.snapshot().table(table).name;
            let message = format!("`{name}` is a derived table, which cannot be queried yet");
            self.problem("Q0111", "table", message);
            return None;
        }
        let shape = self.shape(query, table, metrics);
        let mut filter = Vec::new();
        if let Some(asked) = &query.filter {
            filter.extend(self.filter(table, asked));
        }
        for (index, name) in query.segments.iter().enumerate() {
            let path = format!("segments[{index}]");
            filter.extend(self.segment(table, &name.value, &path));
        }
        let order = self.order(query, table, &shape);
        let limit = query.limit.as_ref().map(|limit| limit.value);
        if limit == Some(0) {
            self.problem("Q0112", "limit", "`limit` is at least 1");
        }
        if !self.problems.is_empty() {
            return None;
        }
        let mut resolved =
            Query { scans: Vec::new(), filter, shape, order, limit, clock: self.clock.clone() };
        resolved.scans = self.scans(table, &resolved)?;
        Some(resolved)
    }

    /// The table that is asked, which every metric must belong to.
    fn base_table(
        &mut self,
        query: &SemanticQuery,
        metrics: &[(sandbar_catalog::MetricId, String)],
    ) -> Option<TableId> {
        let named = match &query.table {
            Some(name) => {
                let path = if name.path.is_empty() { "table" } else { &name.path };
                Some(self.table_named(&name.value, path)?)
            }
            None => None,
        };
        let snapshot = self.compiled.snapshot();
        let mut table = named;
        for (index, (metric, _)) in metrics.iter().enumerate() {
            let metric = snapshot.metric(*metric);
            match table {
                None => table = Some(metric.table),
                Some(table) if table == metric.table => {}
                Some(table) => {
                    // Both are visible: the metric's inputs and the table itself.
                    let message = format!(
                        "`{}` is a metric of `{}`, not of `{}`; ask for it in a question of its own",
                        metric.name,
                        snapshot.table(metric.table).name,
                        snapshot.table(table).name
                    );
                    self.problem("Q0113", &format!("metrics[{index}]"), message);
                }
            }
        }
        if table.is_none() && self.problems.is_empty() {
            self.problem("Q0114", "", "name a `table`, or at least one of `metrics`");
        }
        table
    }

    fn order(&mut self, query: &SemanticQuery, table: TableId, shape: &Shape) -> Vec<SortKey> {
        let mut keys: Vec<SortKey> = Vec::new();
        for (index, asked) in query.order_by.iter().enumerate() {
            let path = format!("order_by[{index}]");
            let name = &asked.value.field.value;
            let position = shape.outputs().position(|output| output.column.name == *name);
            let by = match position {
                Some(position) => Some(SortBy::Column(position)),
                None => self.order_field(table, name, &path, shape),
            };
            if let Some(by) = by
                && !keys.iter().any(|key| key.by == by)
            {
                keys.push(SortKey { by, order: asked.value.order });
            }
        }
        keys
    }

    fn order_field(
        &mut self,
        table: TableId,
        name: &str,
        path: &str,
        shape: &Shape,
    ) -> Option<SortBy> {
        match shape {
            Shape::Listing(columns) => {
                let field = self.field(table, name, path)?;
                let shown = columns
                    .iter()
                    .position(|c| matches!(&c.value, Value::Field(shown, None) if *shown == field));
                Some(shown.map_or(SortBy::Field(field), SortBy::Column))
            }
            Shape::Grouped { keys, .. } => {
                let field = self.field(table, name, path)?;
                let key = keys.iter().position(
                    |key| matches!(&key.value, Value::Field(shown, _) if *shown == field),
                );
                if key.is_none() {
                    let message = format!(
                        "an answer in groups is ordered by its own columns, and `{}` is none of them",
                        shorten(name)
                    );
                    self.problem("Q0115", path, message);
                }
                key.map(SortBy::Column)
            }
        }
    }

    /// The asked table and every related one that the question reads.
    fn scans(&mut self, table: TableId, query: &ResolvedQuery) -> Option<Vec<Scan<TableId>>> {
        let snapshot = self.compiled.snapshot();
        let mut seen: HashSet<Vec<RelationshipId>> = HashSet::from([Vec::new()]);
        let mut scans = vec![Scan { via: Vec::new(), source: table }];
        for path in query.stored_fields(snapshot) {
            for length in 1..=path.via.len() {
                let via: Vec<RelationshipId> = path.via.iter().take(length).copied().collect();
                if seen.insert(via.clone()) {
                    let source = snapshot.end_of(table, &via);
                    scans.push(Scan { via, source });
                }
            }
        }
        if scans.len() > MAX_SCANS {
            let message = format!("a question reads at most {MAX_SCANS} tables");
            self.problem("Q0116", "", message);
            return None;
        }
        if scans.iter().any(|scan| self.compiled.stored(scan.source).is_none()) {
            self.problem("Q0111", "", "a derived table cannot be reached from a question yet");
            return None;
        }
        Some(scans)
    }

    fn field(&mut self, table: TableId, name: &str, path: &str) -> Option<FieldPath> {
        let chain: Vec<&str> = name.split('.').collect();
        match self.grants.find_field(table, &chain) {
            Ok(field) => Some(field),
            Err(missing) => {
                self.missing("Q0105", "field", name, &missing, path);
                None
            }
        }
    }
}
