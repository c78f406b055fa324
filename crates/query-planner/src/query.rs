//! A question in ids: [`Query<TableId>`](Query) once resolved, `Query<Sandbox>` once authorized.
//!
//! ```text
//! Query
//!  ├ parts        one for each grain: its rows, what they are grouped by, what is aggregated
//!  │   └ rows     a table with the related ones that are joined to it, conditions, members
//!  ├ shape        what the columns of the answer are, computed from the parts
//!  └ having, order, limit
//! ```

use sandbar_catalog::expr::{Bins, Expr, ExprKind};
use sandbar_catalog::query::{Order, RelativeUnit, Truncation};
use sandbar_catalog::time::Grain;
use sandbar_catalog::{
    FieldId, FieldPath, MetricId, RelationshipId, SemanticType, SemiAdditive, Shift, Snapshot,
    TableId, Type, Window,
};
use sandbar_permissions::Sandbox;

use crate::functions::{Clock, Reporting};

/// A question in ids. `S` is what stands for a table: its id, or what one principal sees of it.
///
/// Only an authorized question can be planned:
///
/// ```compile_fail
/// use sandbar_query_planner::{Compiled, ResolvedQuery, plan};
/// fn skip_the_guard(resolved: ResolvedQuery, compiled: &Compiled) {
///     let _ = plan(&resolved, compiled, 10, sandbar_query_planner::Shield::Open);
/// }
/// ```
///
/// ```
/// use sandbar_query_planner::{AuthorizedQuery, Compiled, plan};
/// fn plan_it(authorized: AuthorizedQuery, compiled: &Compiled) {
///     let _ = plan(&authorized, compiled, 10, sandbar_query_planner::Shield::Open);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Query<S> {
    pub(crate) source: Source<S>,
    pub(crate) shape: Shape,
    /// What numbers that are made of its columns require.
    pub(crate) requires: Vec<Requires>,
    /// Periods without data have a row too.
    pub(crate) dense: Option<Dense>,
    /// Conditions on the columns of the answer.
    pub(crate) having: Vec<Predicate>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) clock: Clock,
}

/// A column whose values, or rows that, are of one value of another each: numbers that are made of
/// them group by that, or are narrowed to one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requires {
    /// `None`: all rows.
    pub(crate) column: Option<usize>,
    /// The other column; `None` where the answer does not have it.
    pub(crate) by: Option<usize>,
}

/// A question whose names are resolved within what the asker may see.
pub type ResolvedQuery = Query<TableId>;

/// A question whose tables are narrowed to what the asker may see.
pub type AuthorizedQuery = Query<Sandbox>;

/// What the answer is computed from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source<S> {
    /// Each is computed at the grain of its own table; a listing has one.
    Parts(Vec<Part<S>>),
    /// The answer of another question.
    Answer(Box<Stage<S>>),
}

/// What is computed from the answer of another question, whose columns are the inputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage<S> {
    pub(crate) inner: Query<S>,
    pub(crate) filter: Vec<Predicate>,
    pub(crate) keys: Vec<Expr>,
    pub(crate) leaves: Vec<Leaf>,
}

/// What is computed at one grain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part<S> {
    pub(crate) rows: Rows<S>,
    /// What the rows are grouped by, or what is listed of them: one for each key of the answer.
    pub(crate) keys: Vec<Key>,
    pub(crate) leaves: Vec<Leaf>,
    /// Groups in which no row counts stay, for numbers of the table that have another filter.
    pub(crate) keeps: bool,
    /// The numbers are accumulated over time, or of another time.
    pub(crate) series: Option<Series>,
    /// Over which time they are accumulated, and of which other time they are.
    pub(crate) times: Times,
    /// The events that may follow those that are the rows.
    pub(crate) events: Option<Events<S>>,
    /// The rows by which some keys go, of which each row of the part has many.
    pub(crate) bridge: Option<Bridge<S>>,
}

/// Rows of which each row of a part has many: it counts in each group that they make, once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bridge<S> {
    pub(crate) rows: Rows<S>,
    pub(crate) step: ToMany,
}

/// A step from a table to rows that it has many of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToMany {
    /// How the table is reached that the step starts from.
    pub(crate) via: Vec<RelationshipId>,
    pub(crate) near: Vec<FieldId>,
    pub(crate) far: Vec<FieldId>,
    pub(crate) table: TableId,
    /// Rows may be grouped by what it leads to.
    pub(crate) bridge: bool,
}

/// Of which time numbers are that are not of the asked one alone, whether the question goes by
/// periods or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Times {
    pub(crate) window: Option<Window>,
    /// Other times, the innermost first.
    pub(crate) shifts: Vec<Shift>,
}

/// How the rows of days become numbers of periods.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) time: FieldId,
    /// The key that the periods are.
    pub(crate) key: usize,
    pub(crate) reporting: Reporting,
}

/// Events that follow the rows of a part, each at most one of them: the latest before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Events<S> {
    pub(crate) rows: Rows<S>,
    /// When the rows of the part happen.
    pub(crate) base_time: FieldId,
    /// When the events happen.
    pub(crate) time: FieldId,
    /// What must be equal in both, that of the part first.
    pub(crate) on: Vec<(FieldPath, FieldPath)>,
    /// How long after a row an event still follows it.
    pub(crate) window: Option<(u32, RelativeUnit)>,
}

/// Which periods have a row whether they have data or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dense {
    /// The key that the periods are.
    pub(crate) key: usize,
    pub(crate) grain: Grain,
    /// The first day that is asked for.
    pub(crate) from: Option<i32>,
    /// The day after the last one.
    pub(crate) to: Option<i32>,
}

/// Rows of a table with the related rows that each leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows<S> {
    /// The time that decides which version of a history a row sees, unless the relationship says
    /// another.
    pub(crate) time: Option<FieldId>,
    /// The tables read, the asked one first, each related one after the one that leads to it.
    pub(crate) scans: Vec<Scan<S>>,
    /// All of these hold.
    pub(crate) filter: Vec<Predicate>,
    /// What conditions look at beyond the joined tables, each once.
    pub(crate) members: Vec<Member<S>>,
}

/// One table in one role.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scan<S> {
    /// How the asked table reaches it; empty for the asked table itself.
    pub(crate) via: Vec<RelationshipId>,
    pub(crate) source: S,
    /// The question that a derived table is the answer of.
    pub(crate) derived: Option<Box<Query<S>>>,
}

/// What a condition looks at beyond the tables that are joined: other rows, found by keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member<S> {
    /// How the asked table reaches the one whose keys are looked up.
    pub(crate) via: Vec<RelationshipId>,
    /// Those keys.
    pub(crate) near: Vec<FieldId>,
    pub(crate) of: MemberOf<S>,
}

/// What is looked up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MemberOf<S> {
    /// Whether there is a row with these keys: the condition is [`Predicate::Exists`].
    Rows { rows: Rows<S>, far: Vec<FieldId> },
    /// The number of a metric for these keys, which are those of the parts: the condition's
    /// expression has it as the input of the member's position.
    Value { metric: MetricId, parts: Vec<Part<S>>, places: Vec<Place>, value: Expr },
}

/// A condition on rows, parts of which were written by the asker and parts by the model's author:
/// the two may live in different time zones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Predicate {
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    /// In the asker's zone.
    Asked(Expr),
    /// In the model's zone.
    Modelled(Expr),
    /// The member of this position has a row.
    Exists(usize),
}

/// What a part is grouped by, or lists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) of: Of,
    pub(crate) cut: Option<Cut>,
    /// The step over which the path starts, where that leads to many rows.
    pub(crate) bridge: Option<Box<ToMany>>,
    /// It is never shown, only joined by: masks do not hold for it.
    pub(crate) internal: bool,
}

impl Key {
    /// A field of the part's own rows, or of what they lead to.
    pub(crate) fn new(path: FieldPath, cut: Option<Cut>) -> Self {
        Self { of: Of::Field(path), cut, bridge: None, internal: false }
    }

    /// What the question calculates of each row.
    pub(crate) fn calculated(expr: Expr, cut: Option<Cut>) -> Self {
        Self { of: Of::Calculated(expr), cut, bridge: None, internal: false }
    }

    /// The days of a time.
    pub(crate) fn days(path: FieldPath) -> Self {
        Self::new(path, Some(Cut::Time(Truncation::Grain(Grain::Day))))
    }

    /// Whether it has the values of a field, or what stands in their place: of the row itself, and
    /// not of the many that it leads to.
    pub(crate) fn is_of(&self, path: &FieldPath) -> bool {
        self.bridge.is_none() && matches!(&self.of, Of::Field(of) if of == path)
    }

    /// Whether it is this, of the row itself.
    pub(crate) fn has(&self, of: &Of) -> bool {
        self.bridge.is_none() && self.of == *of
    }

    /// A stored field by which the numbers of a part are looked up.
    pub(crate) fn internal(path: FieldPath) -> Self {
        Self { internal: true, ..Self::new(path, None) }
    }
}

/// What a key has of each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Of {
    /// The values of a field.
    Field(FieldPath),
    /// What the question calculates, in the asker's zone.
    Calculated(Expr),
}

impl Of {
    /// The fields that it names.
    pub(crate) fn fields(&self) -> Vec<&FieldPath> {
        match self {
            Self::Field(path) => vec![path],
            Self::Calculated(expr) => expr.fields(),
        }
    }

    /// It as an expression.
    pub(crate) fn expr(&self, snapshot: &Snapshot) -> Expr {
        match self {
            Self::Field(path) => Expr::field(path.clone(), snapshot.field(path.field).data_type),
            Self::Calculated(expr) => expr.clone(),
        }
    }
}

/// What stands in place of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The bucket of a time, or a part of it.
    Time(Truncation),
    /// The lower bound of the bin of a number.
    Bins(Bins),
}

/// One aggregation of a part, and what is calculated from it alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) expr: Expr,
    /// Whose zone it counts time in.
    pub(crate) zone: Zone,
    /// Only rows for which all of these are true count.
    pub(crate) filters: Vec<Predicate>,
    pub(crate) semi_additive: Option<SemiAdditive>,
    /// Of how many rows it is told at least, where not of single ones.
    pub(crate) min_group_size: Option<u32>,
    /// With whose rights it reads fields, where not with those of who asks.
    pub(crate) definer: Option<Definer>,
}

/// Whose zone an expression counts time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// That of the model, whose author wrote it.
    Model,
    /// That of the question, whose asker did.
    Question,
}

/// The rights with which a number reads fields: those of the author of its metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definer {
    pub(crate) metric: MetricId,
    /// What the metric itself counts of rows, with its rights too.
    pub(crate) filters: Vec<Predicate>,
}

/// Where a leaf stands: its part, and its position there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) part: usize,
    pub(crate) leaf: usize,
}

/// What the rows of the answer are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// One row a row: the keys of the only part.
    Listing(Vec<AnswerColumn>),
    /// One row a group.
    Grouped(Box<Groups>),
}

/// The groups of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Groups {
    pub(crate) keys: Vec<AnswerColumn>,
    /// What the inputs of the values are, by position.
    pub(crate) places: Vec<Place>,
    pub(crate) values: Vec<Output>,
    /// Coarser groups: the positions of the keys that each goes by. Of the first ones there are
    /// rows in the answer.
    pub(crate) levels: Vec<Vec<usize>>,
    /// How many levels have rows in the answer.
    pub(crate) shown_levels: usize,
    pub(crate) shares: Vec<ShareOf>,
    /// The column that tells totals from groups, where there are any.
    pub(crate) marker: Option<AnswerColumn>,
}

/// A number as a share of that of a coarser group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShareOf {
    pub(crate) column: AnswerColumn,
    /// The position of the number among the values.
    pub(crate) value: usize,
    /// The position of the coarser groups among the levels.
    pub(crate) level: usize,
}

/// A number of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) column: AnswerColumn,
    /// Its inputs are leaves.
    pub(crate) value: Expr,
    /// The metric that it is, where it is one, at its own time, at another, or compared.
    pub(crate) metric: Option<MetricId>,
}

/// A column of an answer, as the asker is told of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnswerColumn {
    /// Its name, unique in the answer.
    pub name: String,
    /// What a person calls it.
    pub label: Option<String>,
    /// The type of its values.
    pub data_type: Type,
    /// What the values mean.
    pub semantic: Option<SemanticType>,
    /// The unit of the values.
    pub unit: Option<String>,
}

/// One key of the order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) by: SortBy,
    pub(crate) order: Order,
}

/// What the rows are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortBy {
    /// A column of the answer, by position.
    Column(usize),
    /// What a listing does not show.
    Value(Of),
}

impl Shape {
    /// The columns in the order of the answer.
    pub(crate) fn columns(&self) -> Vec<&AnswerColumn> {
        match self {
            Self::Listing(columns) => columns.iter().collect(),
            Self::Grouped(groups) => {
                let values = groups.values.iter().map(|output| &output.column);
                let shares = groups.shares.iter().map(|share| &share.column);
                groups.keys.iter().chain(values).chain(shares).chain(&groups.marker).collect()
            }
        }
    }
}

impl Predicate {
    /// Calls `visit` on every expression in it.
    pub(crate) fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.expressions(visit));
            }
            Self::Not(inner) => inner.expressions(visit),
            Self::Asked(expr) | Self::Modelled(expr) => visit(expr),
            Self::Exists(_) => {}
        }
    }

    /// The members that it looks at.
    pub(crate) fn members(&self) -> Vec<usize> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::members).collect(),
            Self::Not(inner) => inner.members(),
            Self::Asked(expr) | Self::Modelled(expr) => expr.inputs(),
            Self::Exists(member) => vec![*member],
        }
    }
}

/// Fields, each once, in the order in which they are found.
#[derive(Default)]
pub(crate) struct Fields(pub(crate) Vec<FieldPath>);

impl Fields {
    /// Adds what is read of a field: the stored fields that it is computed from, and of calculated
    /// ones whether they are shown. One that shows a calculated field shows what it is made of in its
    /// own table as well.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, path: &FieldPath) {
        let field = snapshot.field(path.field);
        let calculated = field.calculations.iter().enumerate();
        let calculated = calculated.filter(|(at, of)| *at == 0 || !of.via.is_empty());
        for input in field.inputs.iter().chain(calculated.map(|(_, of)| of)) {
            let input = input.behind(&path.via);
            if !self.0.contains(&input) {
                self.0.push(input);
            }
        }
    }

    fn add_expr(&mut self, snapshot: &Snapshot, expr: &Expr) {
        expr.fields().into_iter().for_each(|path| self.add(snapshot, path));
    }

    fn add_predicate(&mut self, snapshot: &Snapshot, predicate: &Predicate) {
        predicate.expressions(&mut |expr| self.add_expr(snapshot, expr));
    }
}

/// Tells the fields that are read of some rows.
type FieldsOf<'f> = dyn Fn(&Snapshot) -> Vec<FieldPath> + 'f;
/// What is called on rows.
type Visit<'v, 'q, S> = dyn FnMut(&'q Rows<S>, &FieldsOf<'_>) + 'v;

impl<S> Query<S> {
    /// Calls `visit` on all rows that are read, those of inner questions too, with what tells the
    /// fields that are read of them.
    pub(crate) fn each_rows<'q>(&'q self, visit: &mut Visit<'_, 'q, S>) {
        match &self.source {
            Source::Answer(stage) => stage.inner.each_rows(visit),
            Source::Parts(parts) => {
                parts.iter().for_each(|part| part.each_rows(&self.order, visit));
            }
        }
    }

    /// Every table that is read, each as often as it is.
    pub(crate) fn tables(&self) -> Vec<&S> {
        let mut found = Vec::new();
        self.each_rows(&mut |rows, _| {
            found.extend(rows.scans.iter().map(|scan| &scan.source));
        });
        found
    }
}

impl ResolvedQuery {
    /// The tables that are read, each once: those below derived tables too, and not those that
    /// policies look at.
    pub fn reads(&self) -> Vec<TableId> {
        let mut tables = Vec::new();
        for table in self.tables() {
            if !tables.contains(table) {
                tables.push(*table);
            }
        }
        tables
    }

    /// The columns by which the rows of the answer can be told apart, whatever the data; `None`
    /// where there are none. A masked key tells rows of a listing apart no more.
    pub(crate) fn identity(&self, snapshot: &Snapshot) -> Option<Vec<usize>> {
        if let Shape::Grouped(groups) = &self.shape {
            return groups.marker.is_none().then(|| (0..groups.keys.len()).collect());
        }
        match &self.source {
            Source::Answer(stage) => {
                let inner = stage.inner.identity(snapshot)?;
                let shown = |column: &usize| {
                    stage.keys.iter().position(|key| key.kind == ExprKind::Input(*column))
                };
                inner.iter().map(shown).collect()
            }
            Source::Parts(parts) => {
                let [part] = parts.as_slice() else { return None };
                let table = snapshot.table(part.rows.scans.first()?.source);
                if table.primary_key.is_empty() {
                    return None;
                }
                let shown = |field: FieldId| {
                    let whole = |key: &Key| key.is_of(&FieldPath::own(field)) && key.cut.is_none();
                    part.keys.iter().position(whole)
                };
                table.identity().map(shown).collect()
            }
        }
    }
}

impl<S> Part<S> {
    fn each_rows<'q>(&'q self, order: &[SortKey], visit: &mut Visit<'_, 'q, S>) {
        self.rows.each_rows(&|snapshot| self.fields_read(snapshot, order), visit);
        if let Some(bridge) = &self.bridge {
            bridge.rows.each_rows(&|snapshot| self.bridge_fields(snapshot), visit);
        }
        if let Some(events) = &self.events {
            events.rows.each_rows(&|snapshot| events.fields_read(snapshot), visit);
        }
    }

    /// The days that its periods go by, where a key of the question is made of periods: those of
    /// its rows, or of the rows of its bridge.
    pub(crate) fn days_of(&self, key: usize) -> Option<Key> {
        if let Some(series) = &self.series {
            return Some(Key::days(FieldPath::own(series.time)));
        }
        let Key { of: Of::Field(path), bridge, .. } = self.keys.get(key)? else { return None };
        Some(Key { bridge: bridge.clone(), ..Key::days(path.clone()) })
    }

    /// Every field that is read, own and related, each once; not those of members: stored ones, and
    /// calculated ones.
    pub(crate) fn fields_read(&self, snapshot: &Snapshot, order: &[SortKey]) -> Vec<FieldPath> {
        let mut found = Fields::default();
        for key in order {
            if let SortBy::Value(of) = &key.by {
                of.fields().into_iter().for_each(|path| found.add(snapshot, path));
            }
        }
        let own = self.keys.iter().filter(|key| key.bridge.is_none() && !key.internal);
        own.flat_map(|key| key.of.fields()).for_each(|path| found.add(snapshot, path));
        for leaf in &self.leaves {
            if leaf.definer.is_none() {
                found.add_expr(snapshot, &leaf.expr);
            }
            leaf.filters.iter().for_each(|filter| found.add_predicate(snapshot, filter));
            if let Some(semi) = &leaf.semi_additive {
                found.add(snapshot, &FieldPath::own(semi.over));
                semi.per.iter().for_each(|path| found.add(snapshot, path));
            }
        }
        if let Some(series) = &self.series {
            found.add(snapshot, &FieldPath::own(series.time));
        }
        if let Some(events) = &self.events {
            found.add(snapshot, &FieldPath::own(events.base_time));
            events.on.iter().for_each(|(own, _)| found.add(snapshot, own));
        }
        found.0.extend(self.rows.fields_read(snapshot));
        let mut once = Fields::default();
        found.0.iter().for_each(|path| once.add(snapshot, path));
        once.0
    }

    /// The stored fields by which its numbers are looked up.
    pub(crate) fn internal_keys(&self) -> Vec<FieldPath> {
        let keys = self.keys.iter().filter(|key| key.internal);
        keys.flat_map(|key| key.of.fields()).cloned().collect()
    }

    /// The way to what its numbers are looked up for, where they are.
    pub(crate) fn entity(&self) -> Option<&[RelationshipId]> {
        let key = self.keys.iter().find(|key| key.internal)?;
        key.of.fields().first().map(|path| path.via.as_slice())
    }

    /// Every field that is read of the rows of its bridge.
    pub(crate) fn bridge_fields(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        bridge_fields(&self.keys, snapshot)
    }
}

/// Every field that some keys read of the rows of a bridge.
pub(crate) fn bridge_fields(keys: &[Key], snapshot: &Snapshot) -> Vec<FieldPath> {
    let mut found = Fields::default();
    let keys = keys.iter().filter(|key| key.bridge.is_some());
    keys.flat_map(|key| key.of.fields()).for_each(|path| found.add(snapshot, path));
    found.0
}

impl<S> Rows<S> {
    fn each_rows<'q>(&'q self, fields: &FieldsOf<'_>, visit: &mut Visit<'_, 'q, S>) {
        visit(self, fields);
        for inner in self.scans.iter().filter_map(|scan| scan.derived.as_ref()) {
            inner.each_rows(visit);
        }
        for member in &self.members {
            match &member.of {
                MemberOf::Rows { rows, .. } => {
                    rows.each_rows(&|snapshot| rows.fields_read(snapshot), visit);
                }
                MemberOf::Value { parts, .. } => {
                    parts.iter().for_each(|part| part.each_rows(&[], visit));
                }
            }
        }
    }

    /// Every field that the conditions read.
    pub(crate) fn fields_read(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        let mut found = Fields::default();
        self.filter.iter().for_each(|filter| found.add_predicate(snapshot, filter));
        found.0
    }
}

impl<S> Events<S> {
    /// Every field that is read of the events.
    pub(crate) fn fields_read(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        let mut found = Fields(self.rows.fields_read(snapshot));
        found.add(snapshot, &FieldPath::own(self.time));
        self.on.iter().for_each(|(_, theirs)| found.add(snapshot, theirs));
        found.0
    }
}
