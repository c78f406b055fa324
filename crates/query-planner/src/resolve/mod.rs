//! Names become ids, within what the asker may see; every problem is found in one go.

mod calculated;
mod columns;
mod compare;
mod derived;
mod extent;
mod failing;
mod filter;
mod ground;
mod instead;
mod members;
mod names;
mod numbers;
mod relative;
mod requires;
mod series;
mod smallest;
mod stage;
mod totals;
mod values;
mod ways;
mod widths;

pub(crate) use compare::cut;
pub use derived::derive;

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbar_catalog::decode::MAX_PROBLEMS;
use sandbar_catalog::query::{Filter, SemanticQuery};
use sandbar_catalog::{
    FieldId, FieldKind, FieldPath, MetricId, Relationship, RelationshipId, TableId,
};
use sandbar_permissions::{Grants, Level};

use crate::compiled::Compiled;
use crate::error::{ProblemKind, QueryError, QueryProblem};
use crate::functions::Clock;
use crate::query::{
    Bridge, Key, Member, Of, Part, Predicate, Query, ResolvedQuery, Rows, Scan, Shape, SortBy,
    SortKey, Source, Times, ToMany,
};
use calculated::{Calculated, Spent};
use ground::{Ground, METRIC_TIME, Use};
use instead::{one_of, quoted};
use numbers::{AskedMetric, Draft, Drafts, Kind};
use series::Days;
use ways::Known;
use widths::Width;

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
    let mut asking = Asking::new(grants, compiled, now, clock);
    asking.answered(query)
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
    let week_start = query.week_start.unwrap_or(model.week_start);
    Ok(Clock { zone, week_start, fiscal: model.fiscal })
}

/// What to say behind a name that is not known, where one that is known is close to it.
fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let close = sandbar_catalog::decode::suggest(name, known)?;
    Some(format!("; did you mean `{close}`?"))
}

/// Whether a question asks for a column of this name.
fn is_asked(query: &SemanticQuery, name: &str) -> bool {
    let named = |alias: &Option<String>, own: Option<&String>| {
        alias.as_ref().or(own).is_some_and(|given| given == name)
    };
    query.metrics.iter().any(|ask| named(&ask.value.alias, Some(&ask.value.name.value)))
        || query.measures.iter().any(|ask| named(&ask.value.alias, Some(&ask.value.name.value)))
        || query.aggregations.iter().any(|ask| named(&ask.value.alias, None))
        || query.fields.iter().any(|ask| named(&ask.value.alias, None))
        || query.group_by.iter().any(|ask| named(&ask.value.alias, None))
        || query.shares.iter().any(|ask| named(&ask.value.alias, None))
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
    /// How many more there were.
    untold: usize,
    /// The ways over relationships that were looked for so far.
    ways: Known,
    /// What names stood for so far.
    uses: Vec<Use>,
    /// The rows and times of the numbers that are asked together.
    beside: Vec<Ground>,
    /// How many questions stand in each other so far.
    stages: usize,
    /// What the question calculates itself.
    calculated: Vec<Calculated>,
    /// What that may use, of which each counts as often as it was used.
    spent: Spent,
    /// How long the texts in the columns of the answer may be that is asked.
    widths: Vec<Width>,
    /// The metrics that were asked for so far.
    metrics: Vec<MetricId>,
    /// The questions of derived tables, where they are looked into.
    derived: derived::Questions,
}

impl<'a> Asking<'a> {
    fn new(grants: &'a Grants, compiled: &'a Compiled, now: Timestamp, clock: Clock) -> Self {
        let (problems, uses, metrics) = (Vec::new(), Vec::new(), Vec::new());
        let derived = derived::Questions::default();
        let calculated = Vec::new();
        Self {
            grants,
            compiled,
            now,
            clock,
            problems,
            untold: 0,
            ways: Known::default(),
            uses,
            beside: Vec::new(),
            stages: 0,
            calculated,
            spent: Spent::default(),
            widths: Vec::new(),
            metrics,
            derived,
        }
    }

    fn answered(&mut self, query: &SemanticQuery) -> Result<ResolvedQuery, QueryError> {
        let resolved = self.resolve(query);
        if let Some(query) = &resolved {
            self.of_groups(query);
            self.failing(query);
            self.extent(query);
        }
        match resolved {
            Some(resolved) if self.problems.is_empty() => Ok(resolved),
            _ if self.problems.is_empty() => Err(QueryError::internal("a question got lost")),
            _ => Err(QueryError::Problems(self.told())),
        }
    }
}

impl Asking<'_> {
    fn problem(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        self.push(code, ProblemKind::Invalid, path, message.into());
    }

    /// What is found wherever a name is used is told once.
    fn push(&mut self, code: &'static str, kind: ProblemKind, path: &str, message: String) {
        let told = |known: &QueryProblem| {
            known.code == code && known.path == path && known.message == message
        };
        if self.problems.iter().any(told) {
            return;
        }
        if self.problems.len() >= MAX_PROBLEMS {
            self.untold += 1;
            return;
        }
        self.problems.push(QueryProblem { code, kind, path: path.to_owned(), message });
    }

    /// How much was found to be wrong so far.
    fn wrong(&self) -> usize {
        self.problems.len() + self.untold
    }

    /// Whether so much is wrong that nothing more is looked at.
    fn told_enough(&self) -> bool {
        self.untold > 0
    }

    /// The problems; the last one says so if there are more.
    fn told(&mut self) -> Vec<QueryProblem> {
        let mut problems = std::mem::take(&mut self.problems);
        if let Some(last) = problems.last_mut().filter(|_| self.told_enough()) {
            last.message.push_str(&format!(
                "; beyond these {MAX_PROBLEMS} problems there are more, which are told when these \
                 are mended"
            ));
        }
        problems
    }

    fn resolve(&mut self, query: &SemanticQuery) -> Option<ResolvedQuery> {
        let outer = self.calculate(query);
        let resolved = match &query.from {
            Some(inner) => self.second_stage(query, inner),
            None => self.first_stage(query),
        };
        self.calculated = outer;
        resolved
    }

    /// A question to tables.
    fn first_stage(&mut self, query: &SemanticQuery) -> Option<ResolvedQuery> {
        self.beside.clear();
        let metrics = self.metrics(query);
        let named = match &query.table {
            Some(name) => {
                let path = if name.path.is_empty() { "table" } else { &name.path };
                Some(self.table_named(&name.value, path)?)
            }
            None => None,
        };
        self.table_says_something(query, named, &metrics);
        let grouped = !query.metrics.is_empty()
            || !query.measures.is_empty()
            || !query.aggregations.is_empty()
            || !query.group_by.is_empty();
        if grouped && !query.fields.is_empty() {
            let message = "a question lists `fields` or aggregates; to aggregate by a field, put \
                           it in `group_by`";
            self.problem("Q0118", "fields", message);
        }
        let mut drafts = Drafts { timed: speaks_of_time(query), ..Drafts::default() };
        let values = if grouped {
            // A token for a metric is not for all numbers of its table.
            let asked = |table: &TableId| self.grants.asked_table_level(*table) == Level::Query;
            let table = named.or_else(|| self.only_table(&metrics).filter(asked));
            self.numbers(query, table, &metrics, &mut drafts)
        } else {
            Vec::new()
        };
        drafts.keep_groups();
        if drafts.all.is_empty() {
            match named {
                Some(table) => {
                    let (time, about) = (self.default_time(table), self.table_name(table));
                    drafts.part(self.grain(table), time, Kind::Plain, &about);
                }
                None if self.problems.is_empty() => {
                    self.problem("Q0114", "", "name a `table`, or at least one of `metrics`");
                }
                None => {}
            }
        }
        // A condition of one number alone is of its rows alone; what follows is of all.
        let grounds = drafts.all.iter().map(|draft| &draft.ground);
        self.beside = grounds.map(|of| Ground::new(of.table, of.time, &of.about)).collect();
        let shape = if grouped {
            let keys = self.grouped(query, &mut drafts.all);
            let places = std::mem::take(&mut drafts.places);
            self.shape_of_groups(query, keys, places, values)
        } else {
            let draft = drafts.all.first_mut()?;
            self.none_of_a_list(query);
            let (columns, keys) = self.listed(query, &draft.ground);
            draft.keys = keys;
            Shape::Listing(columns)
        };
        self.check_names(&shape);
        self.conditions(query, &mut drafts.all);
        if let Some(draft) = drafts.all.first() {
            self.the_rest(|asking, name| asking.of_rows(&draft.ground, name));
        }
        let levels = match &shape {
            Shape::Grouped(groups) => groups.levels.clone(),
            Shape::Listing(_) => Vec::new(),
        };
        self.requirements(&drafts.required, &drafts.all, Some(levels.as_slice()));
        let requires = self.requires(&drafts.required, &drafts.all, &shape);
        self.levels_fit(&shape, &drafts.all);
        let dense = self.dense(query, &drafts.all);
        let order = self.order(query, &drafts.all, &shape);
        let having = self.having(query, &shape);
        let limit = query.limit.as_ref().map(|limit| limit.value);
        if limit == Some(0) {
            self.problem("Q0112", "limit", "`limit` is at least 1");
        }
        self.conformed();
        if !self.problems.is_empty() {
            return None;
        }
        let parts = drafts.all.into_iter().map(|draft| self.part(draft, &order));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        self.ends_fit(&parts, &shape);
        let (source, clock) = (Source::Parts(parts), self.clock.clone());
        Some(Query { source, shape, requires, dense, having, order, limit, clock })
    }

    /// A table beside metrics is that of measures and aggregations, or of one of the metrics.
    fn table_says_something(
        &mut self,
        query: &SemanticQuery,
        named: Option<TableId>,
        metrics: &[AskedMetric<'_>],
    ) {
        let (Some(table), false) = (named, metrics.is_empty()) else { return };
        let snapshot = self.compiled.snapshot();
        let of_one =
            metrics.iter().any(|asked| snapshot.metric(asked.id).tables().contains(&table));
        if of_one || !query.measures.is_empty() || !query.aggregations.is_empty() {
            return;
        }
        let message = format!(
            "none of the metrics is of `{}`; a `table` beside them is that of `measures` and \
             `aggregations`",
            self.table_name(table)
        );
        self.problem("Q0114", "table", message);
    }

    /// The table whose rows every asked metric aggregates, where that is one.
    fn only_table(&self, metrics: &[AskedMetric<'_>]) -> Option<TableId> {
        let snapshot = self.compiled.snapshot();
        let mut tables = metrics.iter().flat_map(|asked| snapshot.metric(asked.id).tables());
        let first = tables.next()?;
        tables.all(|table| table == first).then_some(first)
    }

    /// Which rows count: for every number the same.
    fn conditions(&mut self, query: &SemanticQuery, drafts: &mut [Draft]) {
        for draft in drafts {
            let known = self.wrong();
            let mut days = Days::default();
            if let Some(asked) = &query.filter {
                let path = if asked.path.is_empty() { "filter" } else { &asked.path };
                days = self.asked_days(draft, asked, path);
            }
            for (index, name) in query.segments.iter().enumerate() {
                let path = format!("segments[{index}]");
                let found: Vec<Predicate> =
                    self.segment(&draft.ground, &name.value, &path).into_iter().collect();
                self.not_of_time(draft, &found, &path);
                draft.filter.extend(found);
            }
            self.series(draft, days);
            // What is wrong is told once, not once for each number.
            if self.wrong() > known {
                return;
            }
        }
    }

    /// A part with all the tables that it reads.
    pub(super) fn part(&mut self, draft: Draft, order: &[SortKey]) -> Option<Part<TableId>> {
        let Draft { mut ground, kind, keys, leaves, keeps, filter, series, .. } = draft;
        let (time, members) = (ground.time, std::mem::take(&mut ground.members));
        let rows = Rows { time, scans: Vec::new(), filter, members };
        let (times, events) = match kind {
            Kind::Plain => (Times::default(), None),
            Kind::Moved { window, shifts } => {
                let shifts = shifts.into_iter().map(|(shift, _)| shift).collect();
                (Times { window, shifts }, None)
            }
            Kind::Followed(conversion) => {
                (Times::default(), Some(self.events(&conversion, ground.time?)?))
            }
        };
        let bridge = self.bridge(&ground, &keys)?;
        if bridge.is_some() && events.is_some() {
            let about = shorten(&ground.about);
            let fields = quoted(&self.by_bridge(&ground, &keys, &|_, _| true));
            let message = format!(
                "`{about}` counts conversions, which are not grouped by rows of which an event has \
                 many ({fields}); ask for `{about}` without them"
            );
            self.problem("Q0157", "group_by", message);
            return None;
        }
        let mut part = Part { rows, keys, leaves, keeps, series, times, events, bridge };
        let of_bridge = part.bridge_fields(self.compiled.snapshot());
        if let Some(Bridge { rows, step }) = &mut part.bridge {
            rows.scans = self.scans(step.table, rows.time, &of_bridge, &[])?;
        }
        let mut used = part.fields_read(self.compiled.snapshot(), order);
        used.extend(part.internal_keys());
        used.extend(part.lifted(self.compiled.snapshot()));
        if let Some(Bridge { step, .. }) = &part.bridge
            && let Some(near) = step.near.first()
        {
            // The table that the bridge starts from is read, if only for its keys.
            used.push(FieldPath::own(*near).behind(&step.via));
        }
        part.rows.scans = self.scans(ground.table, ground.time, &used, &part.rows.members)?;
        Some(part)
    }

    /// The rows by which keys go that the rows of a part have many of.
    fn bridge(&mut self, ground: &Ground, keys: &[Key]) -> Option<Option<Bridge<TableId>>> {
        let mut steps = keys.iter().filter_map(|key| key.bridge.as_deref());
        let Some(step) = steps.next() else { return Some(None) };
        if steps.any(|other| other != step) {
            let about = shorten(&ground.about);
            let told =
                |step: &ToMany, field: &FieldPath| self.tells_single_rows(step.table, &field.via);
            let instead = match self.by_bridge(ground, keys, &told).as_slice() {
                [] => "without them".to_owned(),
                fields => format!("by {}", one_of(fields)),
            };
            let message = format!(
                "`{about}` is grouped by one of the relationships that lead to many, not by two \
                 ({}): the groups of both would count a row for each pair; ask for `{about}` \
                 {instead}",
                quoted(&self.by_bridge(ground, keys, &|_, _| true))
            );
            self.problem("Q0157", "group_by", message);
            return None;
        }
        let time = self.default_time(step.table);
        let rows = Rows { time, scans: Vec::new(), filter: Vec::new(), members: Vec::new() };
        Some(Some(Bridge { rows, step: step.clone() }))
    }

    /// The first field behind each bridge that fits, as it is written.
    fn by_bridge(
        &self,
        ground: &Ground,
        keys: &[Key],
        wanted: &dyn Fn(&ToMany, &FieldPath) -> bool,
    ) -> Vec<String> {
        let (mut seen, mut names) = (Vec::new(), Vec::new());
        for key in keys {
            let (Some(step), Of::Field(field)) = (key.bridge.as_deref(), &key.of) else { continue };
            if seen.contains(&step) || !wanted(step, field) {
                continue;
            }
            seen.push(step);
            let from = self.compiled.snapshot().end_of(ground.table, &step.via);
            let on: Vec<(FieldId, FieldId)> =
                step.near.iter().copied().zip(step.far.iter().copied()).collect();
            let fits = |r: &&Relationship| r.bridge && r.to == step.table && r.on == on;
            if let Some(bridge) = self.usable(from).into_iter().find(fits) {
                let rest = self.compiled.snapshot().path_name(field);
                names.push(self.dotted(&step.via, &[bridge.name.as_str(), rest.as_str()]));
            }
        }
        names
    }

    fn order(&mut self, query: &SemanticQuery, drafts: &[Draft], shape: &Shape) -> Vec<SortKey> {
        let mut keys: Vec<SortKey> = Vec::new();
        for (index, asked) in query.order_by.iter().enumerate() {
            let path = format!("order_by[{index}]");
            let name = &asked.value.field.value;
            let columns = shape.columns();
            let by = match columns.iter().position(|column| column.name == *name) {
                Some(position) => Some(SortBy::Column(position)),
                // What is wrong with the column of that name has been told.
                None if self.wrong() > 0 && is_asked(query, name) => None,
                None => self.order_field(drafts, name, &path, shape),
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
        drafts: &[Draft],
        name: &str,
        path: &str,
        shape: &Shape,
    ) -> Option<SortBy> {
        let draft = drafts.first()?;
        let of = self.of(&draft.ground, name, path)?;
        match shape {
            Shape::Listing(_) => {
                let shown = |key: &Key| key.has(&of) && key.cut.is_none();
                let shown = draft.keys.iter().position(shown);
                Some(shown.map_or(SortBy::Value(of), SortBy::Column))
            }
            Shape::Grouped(_) => {
                let key = draft.keys.iter().position(|key| key.has(&of));
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

    /// Whether nothing says which version is meant of what a way leads to.
    fn without_version(&self, via: &[RelationshipId], time: Option<FieldId>) -> bool {
        let snapshot = self.compiled.snapshot();
        let Some(last) = via.last() else { return false };
        let step = snapshot.relationship(*last);
        let history = snapshot.table(step.to).validity.is_some();
        let stored = |id: &FieldId| !matches!(snapshot.field(*id).kind, FieldKind::Calculated(_));
        let own_time = time.filter(|id| via.len() == 1 && stored(id));
        history && step.as_of.is_none() && own_time.is_none()
    }

    /// A table and every related one of which something is read.
    pub(super) fn scans(
        &mut self,
        table: TableId,
        time: Option<FieldId>,
        used: &[FieldPath],
        members: &[Member<TableId>],
    ) -> Option<Vec<Scan<TableId>>> {
        let snapshot = self.compiled.snapshot();
        let mut seen: HashSet<Vec<RelationshipId>> = HashSet::from([Vec::new()]);
        let mut scans = vec![Scan { via: Vec::new(), source: table, derived: None }];
        let ways = used.iter().map(|path| &path.via).chain(members.iter().map(|m| &m.via));
        for way in ways {
            for length in 1..=way.len() {
                let via: Vec<RelationshipId> = way.iter().take(length).copied().collect();
                if seen.insert(via.clone()) {
                    let source = snapshot.end_of(table, &via);
                    scans.push(Scan { via, source, derived: None });
                }
            }
        }
        for scan in &scans {
            let Some(last) = scan.via.last() else { continue };
            let step = snapshot.relationship(*last);
            if self.without_version(&scan.via, time) {
                let message = format!(
                    "`{}` keeps a history, and nothing says of which time: the model gives \
                     `{}.{}` no `as_of`",
                    snapshot.table(step.to).name,
                    snapshot.table(step.id.table()).name,
                    step.name
                );
                self.problem("Q0154", "", message);
                return None;
            }
        }
        if scans.len() > MAX_SCANS {
            let message = format!("a question reads at most {MAX_SCANS} tables");
            self.problem(derived::TOO_MANY, "", message);
            return None;
        }
        for scan in &mut scans {
            if let Some(derived) = snapshot.derived(scan.source) {
                scan.derived = self.derived_question(scan.source, derived)?;
            }
        }
        Some(scans)
    }
}

/// Whether a question goes by each number's own time.
fn speaks_of_time(query: &SemanticQuery) -> bool {
    fn in_filter(filter: &Filter) -> bool {
        match filter {
            Filter::And(items) | Filter::Or(items) => items.iter().any(|i| in_filter(&i.value)),
            Filter::Not(inner) => in_filter(inner),
            Filter::Field { field, .. } | Filter::Relative { field, .. } => {
                field.value == METRIC_TIME
            }
            Filter::Segment(_) | Filter::Exists { .. } | Filter::Metric { .. } => false,
        }
    }
    let metrics = query.metrics.iter().filter_map(|m| m.value.filter.as_ref());
    let measures = query.measures.iter().filter_map(|m| m.value.filter.as_ref());
    let aggregations = query.aggregations.iter().filter_map(|a| a.value.filter.as_ref());
    let mut filters = metrics.chain(measures).chain(aggregations).chain(&query.filter);
    let keys = query.group_by.iter().map(|key| &key.value.field);
    let of = query.aggregations.iter().filter_map(|a| a.value.field.as_ref());
    query.calculated.iter().any(|(_, text)| text.value.contains(METRIC_TIME))
        || keys.chain(of).any(|name| name.value == METRIC_TIME)
        || filters.any(|filter| in_filter(&filter.value))
}
