//! A question in ids: [`Query<TableId>`](Query) once resolved, `Query<Sandbox>` once authorized.

use sandbar_catalog::expr::{Aggregate, Expr};
use sandbar_catalog::query::{Order, Truncation};
use sandbar_catalog::{
    FieldPath, MeasureId, MetricId, RelationshipId, SemanticType, Snapshot, TableId, Type,
};
use sandbar_permissions::Sandbox;

use crate::functions::Clock;

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
#[derive(Clone, Debug)]
pub struct Query<S> {
    /// The tables read, the asked one first, each related one after the one that leads to it.
    pub(crate) scans: Vec<Scan<S>>,
    /// All of these hold.
    pub(crate) filter: Vec<Predicate>,
    pub(crate) shape: Shape,
    pub(crate) order: Vec<SortKey>,
    pub(crate) limit: Option<u64>,
    pub(crate) clock: Clock,
}

/// A question whose names are resolved within what the asker may see.
pub type ResolvedQuery = Query<TableId>;

/// A question whose tables are narrowed to what the asker may see.
pub type AuthorizedQuery = Query<Sandbox>;

/// One table in one role.
#[derive(Clone, Debug)]
pub(crate) struct Scan<S> {
    /// How the asked table reaches it; empty for the asked table itself.
    pub(crate) via: Vec<RelationshipId>,
    pub(crate) source: S,
}

/// A condition on rows, parts of which were written by the asker and parts by the model's author:
/// the two may live in different time zones.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    /// In the asker's zone.
    Asked(Expr),
    /// In the model's zone.
    Modelled(Expr),
}

/// What the rows of the answer are.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One row a row.
    Listing(Vec<Output>),
    /// One row a group.
    Grouped { keys: Vec<Output>, values: Vec<Output> },
}

/// A column of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) column: AnswerColumn,
    pub(crate) value: Value,
}

/// What a column is computed from.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Field(FieldPath, Option<Truncation>),
    Metric(MetricId),
    Measure(MeasureId),
    Aggregate(Box<Aggregate>),
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
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) by: SortBy,
    pub(crate) order: Order,
}

/// What the rows are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortBy {
    /// A column of the answer, by position.
    Column(usize),
    /// A field that a listing does not show.
    Field(FieldPath),
}

impl Shape {
    /// The columns in the order of the answer.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Output> {
        let (first, second) = match self {
            Self::Listing(columns) => (columns.as_slice(), &[][..]),
            Self::Grouped { keys, values } => (keys.as_slice(), values.as_slice()),
        };
        first.iter().chain(second)
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
        }
    }
}

impl<S> Query<S> {
    /// Every stored field that is read, own and related, each once.
    pub(crate) fn stored_fields(&self, snapshot: &Snapshot) -> Vec<FieldPath> {
        let mut found: Vec<FieldPath> = Vec::new();
        let mut add = |path: FieldPath| {
            if !found.contains(&path) {
                found.push(path);
            }
        };
        let mut add_field = |path: &FieldPath| {
            for input in &snapshot.field(path.field).inputs {
                add(input.behind(&path.via));
            }
        };
        for key in &self.order {
            if let SortBy::Field(path) = &key.by {
                add_field(path);
            }
        }
        for output in self.shape.outputs() {
            match &output.value {
                Value::Field(path, _) => add_field(path),
                Value::Metric(id) => snapshot.metric(*id).inputs.iter().for_each(&mut add_field),
                Value::Measure(id) => snapshot.measure(*id).inputs.iter().for_each(&mut add_field),
                Value::Aggregate(aggregate) => {
                    let parts = aggregate.argument.iter().chain(&aggregate.filter);
                    parts.flat_map(Expr::fields).for_each(&mut add_field);
                }
            }
        }
        for predicate in &self.filter {
            predicate.expressions(&mut |expr| expr.fields().into_iter().for_each(&mut add_field));
        }
        found
    }
}
