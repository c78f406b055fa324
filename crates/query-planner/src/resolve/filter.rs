//! Which rows count: typed conditions over visible fields.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind, Function, Pattern};
use sandbar_catalog::query::{Filter, Op, RelativeUnit, SemanticQuery, Truncation, Value};
use sandbar_catalog::{FieldId, FieldPath, Literal, Relationship, RelationshipId, TableId, Type};
use sandbar_permissions::{Level, Missing};

use super::columns::truncated_type;
use super::ground::{Ground, NotFound, routes};
use super::numbers::{Drafts, Kind, Narrowed};
use super::relative::range;
use super::values::{Point, midnight, point};
use super::{Asking, shorten};
use crate::error::ProblemKind;
use crate::functions::floor_date;
use crate::query::{AnswerColumn, Key, Member, MemberOf, Predicate, Rows, Shape, ToMany};

/// The most conditions one question has.
const MAX_CONDITIONS: usize = 1_000;
/// The most values one condition has.
const MAX_VALUES: usize = 10_000;
/// How deeply conditions nest.
const MAX_DEPTH: usize = 32;

/// What a condition is on.
enum On<'a> {
    /// Rows, before they are grouped.
    Rows(&'a mut Ground),
    /// The columns of the answer.
    Columns(&'a [AnswerColumn]),
}

/// A comparison as it was written.
struct Test<'q> {
    op: Op,
    values: &'q [Value],
    case_sensitive: bool,
}

impl Asking<'_> {
    /// The conjuncts of a condition on rows.
    pub(super) fn filter(
        &mut self,
        ground: &mut Ground,
        filter: &Located<Filter>,
        path: &str,
    ) -> Vec<Predicate> {
        let mut budget = MAX_CONDITIONS;
        let path = if filter.path.is_empty() { path } else { &filter.path };
        match self.condition(&mut On::Rows(ground), &filter.value, path, 0, &mut budget) {
            Some(Predicate::And(parts)) => parts,
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    /// The conjuncts of the condition on the columns of the answer, whose inputs they are.
    pub(super) fn having(&mut self, query: &SemanticQuery, shape: &Shape) -> Vec<Predicate> {
        let Some(having) = &query.having else { return Vec::new() };
        if matches!(shape, Shape::Listing(_)) {
            let message = "`having` is for numbers of groups; a list is narrowed by `filter`";
            self.problem("Q0146", "having", message);
            return Vec::new();
        }
        let columns: Vec<AnswerColumn> = shape.columns().into_iter().cloned().collect();
        self.on_columns(&columns, having, "having")
    }

    /// The conjuncts of a condition on the columns of an answer, which are the inputs.
    pub(super) fn on_columns(
        &mut self,
        columns: &[AnswerColumn],
        filter: &Located<Filter>,
        path: &str,
    ) -> Vec<Predicate> {
        let mut budget = MAX_CONDITIONS;
        let path = if filter.path.is_empty() { path } else { &filter.path };
        match self.condition(&mut On::Columns(columns), &filter.value, path, 0, &mut budget) {
            Some(Predicate::And(parts)) => parts,
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    fn condition(
        &mut self,
        on: &mut On<'_>,
        filter: &Filter,
        path: &str,
        depth: usize,
        budget: &mut usize,
    ) -> Option<Predicate> {
        if depth > MAX_DEPTH {
            let message = format!("conditions nest at most {MAX_DEPTH} deep");
            self.problem("Q0130", path, message);
            return None;
        }
        if *budget == 0 {
            let known = "Q0131";
            if !self.problems.iter().any(|p| p.code == known) {
                let message = format!(
                    "a question has at most {MAX_CONDITIONS} conditions; use `in` for many values"
                );
                self.problem(known, path, message);
            }
            return None;
        }
        *budget -= 1;
        match filter {
            Filter::And(items) | Filter::Or(items) => {
                let word = if matches!(filter, Filter::And(_)) { "and" } else { "or" };
                if items.is_empty() {
                    self.problem("Q0132", path, format!("`{word}` wants at least one condition"));
                    return None;
                }
                let mut parts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}.{word}[{index}]");
                    parts.extend(self.condition(on, &item.value, &path, depth + 1, budget));
                }
                (parts.len() == items.len()).then_some(match filter {
                    Filter::And(_) => Predicate::And(parts),
                    _ => Predicate::Or(parts),
                })
            }
            Filter::Not(inner) => {
                let path = format!("{path}.not");
                let inner = self.condition(on, inner, &path, depth + 1, budget)?;
                Some(Predicate::Not(Box::new(inner)))
            }
            Filter::Segment(name) => match on {
                On::Rows(ground) => self.segment(ground, &name.value, path),
                On::Columns(_) => self.rows_only("segment", path),
            },
            Filter::Exists { path: name, filter } => match on {
                On::Rows(ground) => {
                    let ground = &mut **ground;
                    self.exists(ground, name, filter.as_deref(), path, depth, budget)
                }
                On::Columns(_) => self.rows_only("exists", path),
            },
            Filter::Metric { metric, per, op, values } => match on {
                On::Rows(ground) => {
                    let test = Test { op: *op, values, case_sensitive: false };
                    self.per_entity(ground, metric, per.as_ref(), &test, path)
                }
                On::Columns(_) => self.rows_only("metric", path),
            },
            Filter::Field { field, grain, op, values, case_sensitive } => {
                let test = Test { op: *op, values, case_sensitive: *case_sensitive };
                self.on_value(on, &field.value, path, &mut |asking, value, name| {
                    asking.field_test(value, *grain, &test, name, path)
                })
            }
            Filter::Relative { field, op, count, unit } => {
                self.on_value(on, &field.value, path, &mut |asking, value, name| {
                    asking.relative_test(value, (*op, *count, *unit), name, path)
                })
            }
        }
    }

    fn rows_only(&mut self, what: &str, path: &str) -> Option<Predicate> {
        let message = format!("`{what}` is a condition on rows: it belongs in `filter`");
        self.problem("Q0146", path, message);
        None
    }

    /// Tests what a name stands for. Where that are many rows, one of them has to pass.
    fn on_value(
        &mut self,
        on: &mut On<'_>,
        name: &str,
        path: &str,
        test: &mut dyn FnMut(&mut Self, Expr, &str) -> Option<Expr>,
    ) -> Option<Predicate> {
        match on {
            On::Rows(ground) => self.on_field(ground, name, path, test),
            On::Columns(columns) => {
                let Some(index) = columns.iter().position(|column| column.name == name) else {
                    let known = columns.iter().map(|column| column.name.as_str());
                    let hint = match sandbar_catalog::decode::suggest(name, known) {
                        Some(close) => format!("; did you mean `{close}`?"),
                        None => "; `filter` is for fields".to_owned(),
                    };
                    let message =
                        format!("`{}` is not a column of the answer{hint}", shorten(name));
                    self.problem("Q0147", path, message);
                    return None;
                };
                let data_type = columns.get(index)?.data_type;
                test(self, Expr::input(index, data_type), name).map(Predicate::Asked)
            }
        }
    }

    fn on_field(
        &mut self,
        ground: &mut Ground,
        name: &str,
        path: &str,
        test: &mut dyn FnMut(&mut Self, Expr, &str) -> Option<Expr>,
    ) -> Option<Predicate> {
        let why = match self.find(ground, name) {
            Ok(_) => {
                let found = self.field(ground, name, path)?;
                let data_type = self.compiled.snapshot().field(found.field).data_type;
                return test(self, Expr::field(found, data_type), name).map(Predicate::Asked);
            }
            Err(why) => why,
        };
        let many = matches!(
            why,
            NotFound::Missing(Missing::ToMany { .. })
                | NotFound::Finer { .. }
                | NotFound::Sideways { .. }
        );
        let chain: Vec<&str> = name.split('.').collect();
        let step = if many { self.to_many(ground.table, &chain) } else { Ok(None) };
        let (step, rest) = match step {
            Ok(Some((step, rest))) if !rest.is_empty() => (step, rest.join(".")),
            Ok(_) => {
                self.not_found(ground, name, path, why);
                return None;
            }
            Err(ways) => {
                self.several_steps(name, &ways, path);
                return None;
            }
        };
        let mut inner = Ground::new(step.table, self.default_time(step.table), &ground.about);
        let condition = self.on_field(&mut inner, &rest, path, test)?;
        self.member(ground, inner, vec![condition], step)
    }

    fn several_steps(&mut self, name: &str, ways: &[String], path: &str) {
        let ways = ways.iter().map(|way| format!("`{way}`")).collect::<Vec<_>>().join(", ");
        let message = format!(
            "the rows of `{}` can be found in several ways, by {ways}; declare the relationship \
             that is meant in the model, and write its name",
            shorten(name)
        );
        self.problem("Q0140", path, message);
    }

    /// There is a row among the many that a name leads to.
    fn exists(
        &mut self,
        ground: &mut Ground,
        name: &Located<String>,
        filter: Option<&Filter>,
        path: &str,
        depth: usize,
        budget: &mut usize,
    ) -> Option<Predicate> {
        let chain: Vec<&str> = name.value.split('.').collect();
        match self.to_many(ground.table, &chain) {
            Ok(Some((step, []))) => {
                let time = self.default_time(step.table);
                let mut inner = Ground::new(step.table, time, &ground.about);
                let mut conditions = Vec::new();
                if let Some(filter) = filter {
                    let path = format!("{path}.filter");
                    let on = &mut On::Rows(&mut inner);
                    conditions.push(self.condition(on, filter, &path, depth + 1, budget)?);
                }
                self.member(ground, inner, conditions, step)
            }
            Ok(_) => {
                let table = self.table_name(ground.table);
                let message = format!(
                    "`{}` leads to no rows of which one of `{table}` has many",
                    shorten(&name.value)
                );
                self.push("Q0148", ProblemKind::NotFound, path, message);
                None
            }
            Err(ways) => {
                self.several_steps(&name.value, &ways, path);
                None
            }
        }
    }

    /// Adds rows to look for.
    fn member(
        &mut self,
        ground: &mut Ground,
        inner: Ground,
        filter: Vec<Predicate>,
        step: ToMany,
    ) -> Option<Predicate> {
        let time = inner.time;
        let mut rows = Rows { time, scans: Vec::new(), filter, members: inner.members };
        let used = rows.stored_fields(self.compiled.snapshot());
        rows.scans = self.scans(step.table, time, &used, &rows.members)?;
        let of = MemberOf::Rows { rows, far: step.far };
        ground.members.push(Member { via: step.via, near: step.near, of });
        Some(Predicate::Exists(ground.members.len() - 1))
    }

    /// A number for what the row belongs to.
    fn per_entity(
        &mut self,
        ground: &mut Ground,
        metric: &Located<String>,
        per: Option<&Located<String>>,
        test: &Test<'_>,
        path: &str,
    ) -> Option<Predicate> {
        let snapshot = self.compiled.snapshot();
        let via = match per {
            None => Vec::new(),
            Some(name) => self.steps(ground.table, &name.value, path)?,
        };
        let entity = snapshot.end_of(ground.table, &via);
        let keys = snapshot.table(entity).primary_key.clone();
        if keys.is_empty() {
            let message = format!(
                "rows of `{}` cannot be told apart, so a number for each means nothing: the model \
                 gives it no primary key",
                snapshot.table(entity).name
            );
            self.problem("Q0149", path, message);
            return None;
        }
        let id = self.metric_named(&metric.value, path)?;
        let mut drafts = Drafts::default();
        let narrowed = Narrowed { filter: None, path };
        let value = self.metric_value(id, narrowed, None, &mut drafts)?;
        if drafts.all.iter().any(|draft| draft.kind != Kind::Plain) {
            let message = format!(
                "`{}` is a number of periods, and not of one `{}`",
                shorten(&metric.value),
                snapshot.table(entity).name
            );
            self.problem("Q0149", path, message);
            return None;
        }
        let mut parts = Vec::with_capacity(drafts.all.len());
        let places = std::mem::take(&mut drafts.places);
        for mut draft in drafts.all {
            let table = draft.ground.table;
            // The same way as the asked rows take, where they are the ones that are counted.
            let way = if table == ground.table {
                via.clone()
            } else {
                self.only_route(table, entity, &metric.value, path)?
            };
            let key = |field: &FieldId| Key::new(FieldPath::own(*field).behind(&way), None);
            draft.keys = keys.iter().map(key).collect();
            parts.push(self.part(draft, &[])?);
        }
        let input = Expr::input(ground.members.len(), value.data_type);
        let condition = self.value_test(input, test, &metric.value, path)?;
        let of = MemberOf::Value { parts, places, value };
        ground.members.push(Member { via, near: keys, of });
        Some(Predicate::Asked(condition))
    }

    /// The relationships that a name says, each leading to one row.
    fn steps(&mut self, from: TableId, name: &str, path: &str) -> Option<Vec<RelationshipId>> {
        let snapshot = self.compiled.snapshot();
        let (mut at, mut via) = (from, Vec::new());
        for step in name.split('.') {
            let usable = |r: &&Relationship| {
                r.name == step
                    && r.cardinality.is_to_one()
                    && self.grants.table_level(r.to) == Level::Query
            };
            let Some(found) = self.grants.relationships(at).find(usable) else {
                let known = self.grants.relationships(at).filter(|r| r.cardinality.is_to_one());
                let close = sandbar_catalog::decode::suggest(step, known.map(|r| r.name.as_str()));
                let hint = close.map_or(String::new(), |c| format!("; did you mean `{c}`?"));
                let message = format!(
                    "`{}` is not a relationship of `{}` that leads to one row{hint}",
                    shorten(step),
                    snapshot.table(at).name
                );
                self.push("Q0148", ProblemKind::NotFound, path, message);
                return None;
            };
            via.push(found.id);
            at = found.to;
        }
        Some(via)
    }

    fn only_route(
        &mut self,
        from: TableId,
        to: TableId,
        metric: &str,
        path: &str,
    ) -> Option<Vec<RelationshipId>> {
        let mut routes = routes(self.grants, from, to);
        if routes.len() == 1 {
            return routes.pop();
        }
        let (from, to) = (self.table_name(from), self.table_name(to));
        let ways = if routes.is_empty() { "in no way" } else { "in several ways" };
        let message = format!(
            "`{}` has no single value for a row of `{to}`: rows of `{from}` lead there {ways}",
            shorten(metric)
        );
        self.problem("Q0149", path, message);
        None
    }

    fn relative_test(
        &mut self,
        value: Expr,
        (op, count, unit): (Op, u32, RelativeUnit),
        name: &str,
        path: &str,
    ) -> Option<Expr> {
        let data_type = value.data_type;
        if !data_type.is_temporal() {
            let message = format!(
                "`{}` wants a date or datetime, and `{}` is {}",
                op.name(),
                shorten(name),
                data_type.with_article()
            );
            self.problem("Q0133", path, message);
            return None;
        }
        let days = range(op, count, unit, self.now, &self.clock);
        let ends = days.and_then(|(from, to)| match data_type {
            Type::Date => Some((Literal::Date(from), Literal::Date(to))),
            _ => Some((midnight(from, &self.clock.zone)?, midnight(to, &self.clock.zone)?)),
        });
        let Some((from, to)) = ends else {
            self.problem("Q0134", path, "the stretch of time leaves the calendar");
            return None;
        };
        Some(half_open(value, from, to))
    }

    /// A field, its bucket or its part, compared.
    fn field_test(
        &mut self,
        value: Expr,
        grain: Option<Truncation>,
        test: &Test<'_>,
        name: &str,
        path: &str,
    ) -> Option<Expr> {
        if let Some(truncation) = grain
            && !self.check_truncation(value.data_type, truncation, name, path)
        {
            return None;
        }
        let value = truncated(value, grain);
        if let Some(Truncation::Grain(grain)) = grain {
            let points = self.points(value.data_type, test, name, path)?;
            let aligned = |point: &Point| match point {
                Point::Exact(Literal::Date(day)) => floor_date(*day, grain, &self.clock) == *day,
                _ => true,
            };
            if !points.iter().all(aligned) {
                let message = format!("a {} is named by its first day", grain.name());
                self.problem("Q0137", path, message);
                return None;
            }
        }
        self.value_test(value, test, name, path)
    }

    fn value_test(&mut self, value: Expr, test: &Test<'_>, name: &str, path: &str) -> Option<Expr> {
        let (op, data_type) = (test.op, value.data_type);
        if let Some(wanted) = wanted(op, data_type) {
            let message = format!(
                "`{}` wants {wanted}, and `{}` is {}",
                op.name(),
                shorten(name),
                data_type.with_article()
            );
            self.problem("Q0133", path, message);
            return None;
        }
        let points = self.points(data_type, test, name, path)?;
        Some(self::test(value, op, points, test.case_sensitive))
    }

    /// The values of a comparison, read as values of its type.
    fn points(
        &mut self,
        data_type: Type,
        test: &Test<'_>,
        name: &str,
        path: &str,
    ) -> Option<Vec<Point>> {
        if test.values.len() > MAX_VALUES {
            let message = format!("a condition has at most {MAX_VALUES} values");
            self.problem("Q0135", path, message);
            return None;
        }
        let mut points = Vec::with_capacity(test.values.len());
        for given in test.values {
            // A bucket of an hour or less is an instant, a longer one a date.
            match point(given, data_type, &self.clock.zone) {
                Ok(point) => points.push(point),
                Err(wanted) => {
                    let message = format!(
                        "`{}` is {}: this wants {wanted}",
                        shorten(name),
                        data_type.with_article()
                    );
                    self.problem("Q0136", path, message);
                    return None;
                }
            }
        }
        Some(points)
    }
}

/// What is compared: the value, its bucket or its part.
pub(crate) fn truncated(value: Expr, grain: Option<Truncation>) -> Expr {
    let data_type = truncated_type(value.data_type, grain);
    let function = match grain {
        None => return value,
        Some(Truncation::Grain(grain)) => Function::DateTrunc(grain),
        Some(Truncation::Part(part)) => Function::Extract(part),
    };
    Expr::new(ExprKind::Call(function, vec![value]), data_type)
}

/// What an operator wants that this type is not.
fn wanted(op: Op, data_type: Type) -> Option<&'static str> {
    match op {
        Op::Contains | Op::NotContains | Op::StartsWith | Op::EndsWith
            if data_type != Type::Text =>
        {
            Some("a text")
        }
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::Between | Op::InRange
            if data_type == Type::Boolean =>
        {
            Some("a value that can be ordered")
        }
        _ => None,
    }
}

fn boolean(kind: ExprKind) -> Expr {
    Expr::new(kind, Type::Boolean)
}

fn compare(value: &Expr, comparison: Comparison, with: Literal) -> Expr {
    let (left, right) = (Box::new(value.clone()), Box::new(Expr::literal(with)));
    boolean(ExprKind::Compare(comparison, left, right))
}

fn or(a: Expr, b: Expr) -> Expr {
    boolean(ExprKind::Or(Box::new(a), Box::new(b)))
}

fn not(a: Expr) -> Expr {
    boolean(ExprKind::Not(Box::new(a)))
}

fn is_null(value: &Expr) -> Expr {
    boolean(ExprKind::IsNull(Box::new(value.clone())))
}

fn half_open(value: Expr, from: Literal, to: Literal) -> Expr {
    compare(&value, Comparison::GtEq, from).and(compare(&value, Comparison::Lt, to))
}

/// Halves until one is left: many alternatives make a shallow tree.
fn any(mut parts: Vec<Expr>) -> Expr {
    match parts.len() {
        0 => Expr::literal(Literal::Boolean(false)),
        1 => parts.remove(0),
        n => {
            let rest = parts.split_off(n / 2);
            or(any(parts), any(rest))
        }
    }
}

fn test(value: Expr, op: Op, mut points: Vec<Point>, case_sensitive: bool) -> Expr {
    let missing_or = |test: Expr| or(is_null(&value), test);
    match op {
        Op::IsNull => is_null(&value),
        Op::NotNull => not(is_null(&value)),
        Op::Empty if value.data_type == Type::Text => {
            missing_or(compare(&value, Comparison::Eq, Literal::Text(String::new())))
        }
        Op::Empty => is_null(&value),
        Op::NotEmpty if value.data_type == Type::Text => {
            // NULL gives NULL here, so a missing value does not pass.
            compare(&value, Comparison::NotEq, Literal::Text(String::new()))
        }
        Op::NotEmpty => not(is_null(&value)),
        Op::Contains | Op::StartsWith | Op::EndsWith => texts(&value, op, points, case_sensitive),
        Op::NotContains => missing_or(not(texts(&value, Op::Contains, points, case_sensitive))),
        Op::Eq | Op::In => one_of(&value, points),
        Op::NotEq | Op::NotIn => missing_or(not(one_of(&value, points))),
        Op::Between | Op::InRange => {
            let (high, low) = (points.pop(), points.pop());
            let below = if op == Op::Between { Comparison::LtEq } else { Comparison::Lt };
            match (low, high) {
                (Some(low), Some(high)) => {
                    ordered(&value, Comparison::GtEq, low).and(ordered(&value, below, high))
                }
                _ => Expr::literal(Literal::Boolean(false)),
            }
        }
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
            let comparison = match op {
                Op::Lt => Comparison::Lt,
                Op::LtEq => Comparison::LtEq,
                Op::Gt => Comparison::Gt,
                _ => Comparison::GtEq,
            };
            match points.pop() {
                Some(point) => ordered(&value, comparison, point),
                None => Expr::literal(Literal::Boolean(false)),
            }
        }
        // Relative stretches are conditions of their own.
        Op::Last | Op::This | Op::Previous => Expr::literal(Literal::Boolean(false)),
    }
}

/// A comparison with the right end of a day: `<=` a day means up to its end.
fn ordered(value: &Expr, comparison: Comparison, point: Point) -> Expr {
    match (point, comparison) {
        (Point::Exact(literal), comparison) => compare(value, comparison, literal),
        (Point::Day(_, next), Comparison::LtEq) => compare(value, Comparison::Lt, next),
        (Point::Day(_, next), Comparison::Gt) => compare(value, Comparison::GtEq, next),
        (Point::Day(start, _), comparison) => compare(value, comparison, start),
    }
}

fn one_of(value: &Expr, points: Vec<Point>) -> Expr {
    let mut exact = Vec::new();
    let mut tests = Vec::new();
    for point in points {
        match point {
            Point::Exact(literal) => exact.push(literal),
            Point::Day(start, next) => tests.push(half_open(value.clone(), start, next)),
        }
    }
    match exact.len() {
        0 => {}
        1 => tests.extend(exact.into_iter().map(|literal| compare(value, Comparison::Eq, literal))),
        _ => {
            let list = exact.into_iter().map(Expr::literal).collect();
            tests.push(boolean(ExprKind::InList(Box::new(value.clone()), list)));
        }
    }
    any(tests)
}

fn texts(value: &Expr, op: Op, points: Vec<Point>, case_sensitive: bool) -> Expr {
    let tests = points.into_iter().filter_map(|point| match point {
        Point::Exact(Literal::Text(text)) => {
            let escaped = escape(&text);
            let text = match op {
                Op::StartsWith => format!("{escaped}%"),
                Op::EndsWith => format!("%{escaped}"),
                _ => format!("%{escaped}%"),
            };
            let pattern = Pattern { text, case_sensitive };
            Some(boolean(ExprKind::Like(Box::new(value.clone()), pattern)))
        }
        _ => None,
    });
    any(tests.collect())
}

/// The pattern that matches exactly this text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
