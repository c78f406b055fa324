//! Which rows count: typed conditions over visible fields.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::{Expr, ExprKind};
use sandbar_catalog::query::{
    Filter, Op, RelativeUnit, SemanticQuery, Truncation, Value, date_of_days,
};
use sandbar_catalog::time::Grain;
use sandbar_catalog::{Literal, Type};

use super::calculated::Meaning;
use super::compare::{cut, half_open, test, wanted};
use super::ground::Ground;
use super::relative::range;
use super::values::{Point, midnight, point};
use super::{Asking, did_you_mean, shorten};
use crate::functions::floor_date;
use crate::query::{AnswerColumn, Cut, Predicate, Shape};

/// The most conditions one question has.
pub(super) const MAX_CONDITIONS: usize = 1_000;
/// The most values one condition has.
const MAX_VALUES: usize = 10_000;
/// How deeply conditions nest.
const MAX_DEPTH: usize = 32;

/// What a condition is on.
pub(super) enum On<'a> {
    /// Rows, before they are grouped.
    Rows(&'a mut Ground),
    /// The columns of the answer.
    Columns(&'a [AnswerColumn]),
    /// The columns of an answer that is asked, and what is calculated of them.
    Answer(&'a [AnswerColumn]),
}

/// A comparison as it was written.
pub(super) struct Test<'q> {
    pub(super) op: Op,
    pub(super) values: &'q [Value],
    pub(super) case_sensitive: bool,
}

/// The parts of a condition that all have to hold.
fn conjuncts(condition: Option<Predicate>) -> Vec<Predicate> {
    match condition {
        Some(Predicate::And(parts)) => parts,
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

impl Asking<'_> {
    /// The conjuncts of a condition on rows, of which there may still be so many.
    pub(super) fn filter(
        &mut self,
        ground: &mut Ground,
        filter: &Located<Filter>,
        path: &str,
        budget: &mut usize,
    ) -> Vec<Predicate> {
        let path = if filter.path.is_empty() { path } else { &filter.path };
        conjuncts(self.condition(&mut On::Rows(ground), &filter.value, path, 0, budget))
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
        self.on_columns(&mut On::Columns(&columns), having, "having")
    }

    /// The conjuncts of a condition on the columns of an answer, which are the inputs.
    pub(super) fn on_columns(
        &mut self,
        on: &mut On<'_>,
        filter: &Located<Filter>,
        path: &str,
    ) -> Vec<Predicate> {
        let mut budget = MAX_CONDITIONS;
        let path = if filter.path.is_empty() { path } else { &filter.path };
        conjuncts(self.condition(on, &filter.value, path, 0, &mut budget))
    }

    pub(super) fn too_many_conditions(&mut self, path: &str) {
        let known = "Q0131";
        if !self.problems.iter().any(|p| p.code == known) {
            let message = format!(
                "a filter has at most {MAX_CONDITIONS} conditions; use `in` for many values"
            );
            self.problem(known, path, message);
        }
    }

    pub(super) fn condition(
        &mut self,
        on: &mut On<'_>,
        filter: &Filter,
        path: &str,
        depth: usize,
        budget: &mut usize,
    ) -> Option<Predicate> {
        if self.told_enough() {
            return None;
        }
        if depth > MAX_DEPTH {
            let message = format!("conditions nest at most {MAX_DEPTH} deep");
            self.problem("Q0130", path, message);
            return None;
        }
        if *budget == 0 {
            self.too_many_conditions(path);
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
                On::Columns(_) | On::Answer(_) => self.rows_only("segment", path),
            },
            Filter::Exists { path: name, filter } => match on {
                On::Rows(ground) => {
                    let ground = &mut **ground;
                    self.exists(ground, name, filter.as_deref(), path, depth, budget)
                }
                On::Columns(_) | On::Answer(_) => self.rows_only("exists", path),
            },
            Filter::Metric { metric, per, op, values } => match on {
                On::Rows(ground) => {
                    let test = Test { op: *op, values, case_sensitive: false };
                    if !self.nothing_beside(&test, path) {
                        return None;
                    }
                    self.per_entity(ground, metric, per.as_ref(), &test, path)
                }
                On::Columns(_) | On::Answer(_) => self.rows_only("metric", path),
            },
            Filter::Field { field, grain, op, values, case_sensitive } => {
                let test = Test { op: *op, values, case_sensitive: *case_sensitive };
                if !self.nothing_beside(&test, path) {
                    return None;
                }
                self.on_value(on, &field.value, path, &mut |asking, value, name| {
                    asking.field_test(value, *grain, &test, name, path)
                })
            }
            Filter::Relative { field, op, count, unit } => {
                if *op == Op::This && *count != 1 {
                    let message = "`this` is the current unit, so its `count` is 1";
                    self.problem("Q0133", path, message);
                    return None;
                }
                self.on_value(on, &field.value, path, &mut |asking, value, name| {
                    asking.relative_test(value, (*op, *count, *unit), name, path)
                })
            }
        }
    }

    /// Whether a test has nothing that would be passed over. JSON of that kind is not read, but
    /// questions are also built in Rust.
    fn nothing_beside(&mut self, test: &Test<'_>, path: &str) -> bool {
        let (op, name, given) = (test.op, test.op.name(), test.values.len());
        let takes = op.takes(usize::MAX);
        let message = if op.is_relative() {
            format!("`{name}` is of a stretch of time, and compares with no values")
        } else if test.case_sensitive && !op.is_of_texts() {
            format!("`case_sensitive` does not belong to `{name}`")
        } else if !takes.contains(&given) {
            let wanted = match takes.into_inner() {
                (_, 0) => "no value",
                (_, 1) => "one value",
                (_, 2) => "two values",
                _ => "at least one value",
            };
            format!("`{name}` wants {wanted}, not {given}")
        } else {
            return true;
        };
        self.problem("Q0133", path, message);
        false
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
        let columns: &[AnswerColumn] = match on {
            On::Rows(ground) => return self.on_field(ground, name, path, test),
            On::Answer(columns) => match self.of_answer(columns, name) {
                Meaning::Calculated(expr) => return test(self, expr, name).map(Predicate::Asked),
                Meaning::Broken => return None,
                Meaning::Other => columns,
            },
            On::Columns(columns) => columns,
        };
        let found = columns.iter().enumerate().find(|(_, column)| column.name == name);
        let Some((index, column)) = found else {
            let known = columns.iter().map(|column| column.name.as_str());
            let hint =
                did_you_mean(name, known).unwrap_or_else(|| "; `filter` is for fields".to_owned());
            let message = format!("`{}` is not a column of the answer{hint}", shorten(name));
            self.problem("Q0147", path, message);
            return None;
        };
        test(self, Expr::input(index, column.data_type), name).map(Predicate::Asked)
    }

    fn on_field(
        &mut self,
        ground: &mut Ground,
        name: &str,
        path: &str,
        test: &mut dyn FnMut(&mut Self, Expr, &str) -> Option<Expr>,
    ) -> Option<Predicate> {
        match self.of_rows(ground, name) {
            Meaning::Calculated(expr) => return test(self, expr, name).map(Predicate::Asked),
            Meaning::Broken => return None,
            Meaning::Other => {}
        }
        let chain: Vec<&str> = name.split('.').collect();
        let why = match self.find(ground, name) {
            Ok(_) => {
                if let Some(ways) = self.one_and_many(ground.table, &chain, |_| true) {
                    self.several_steps(ground, name, &ways, path);
                    return None;
                }
                let found = self.field(ground, name, path)?;
                let data_type = self.compiled.snapshot().field(found.field).data_type;
                return test(self, Expr::field(found, data_type), name).map(Predicate::Asked);
            }
            Err(why) => why,
        };
        let step = if why.may_be_many() { self.to_many(ground.table, &chain) } else { Ok(None) };
        let (step, rest) = match step {
            Ok(Some((step, rest))) if !rest.is_empty() => (step, rest.join(".")),
            Ok(_) => {
                self.not_found(ground, name, path, &why);
                return None;
            }
            Err(ways) => {
                self.several_steps(ground, name, &ways, path);
                return None;
            }
        };
        let mut inner = Ground::new(step.table, self.default_time(step.table), &ground.about);
        let condition = self.on_field(&mut inner, &rest, path, test)?;
        self.member(ground, inner, vec![condition], step)
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
        if let Some(native) = self.native(&value)
            && !native.lies_in(unit.grain())
        {
            use RelativeUnit::{Month, Quarter, Week, Year};
            let instead = match [Week, Month, Quarter, Year]
                .into_iter()
                .find(|unit| native.lies_in(unit.grain()))
            {
                Some(unit) => format!("write `\"unit\": \"{}\"`", unit.grain().name()),
                None => format!("compare it with the first day of a {}", native.name()),
            };
            self.finer(native, name, &instead, path);
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
        if !self.check_period(&value, grain, test, name, path) {
            return None;
        }
        let value = cut(value, grain.map(Cut::Time));
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

    /// The period that each value of a field stands for, where it is one.
    fn native(&self, value: &Expr) -> Option<Grain> {
        match &value.kind {
            ExprKind::Field(path) => self.compiled.snapshot().field(path.field).grain,
            _ => None,
        }
    }

    /// Values that stand for periods are compared with whole periods: with their first days, and up
    /// to their last ones.
    fn check_period(
        &mut self,
        value: &Expr,
        asked: Option<Truncation>,
        test: &Test<'_>,
        name: &str,
        path: &str,
    ) -> bool {
        let (Some(native), ExprKind::Field(field)) = (self.native(value), &value.kind) else {
            return true;
        };
        if asked.is_some() {
            return self.check_grain(field, asked, name, path);
        }
        // What is no value of its type is told below.
        let points = test.values.iter().map(|v| point(v, value.data_type, &self.clock.zone));
        let Ok(points) = points.collect::<Result<Vec<_>, _>>() else { return true };
        let starts = |day: i32| floor_date(day, native, &self.clock) == day;
        let fits = |(place, point): (usize, &Point)| {
            let Some((day, true)) = self.day(point) else { return false };
            let ends = matches!((test.op, place), (Op::LtEq | Op::Gt, _) | (Op::Between, 1));
            starts(day) || ends && day.checked_add(1).is_some_and(starts)
        };
        let wrong = points.iter().enumerate().find(|point| !fits(*point));
        let Some((_, point)) = wrong else { return true };
        let first = self.day(point).map(|(day, _)| floor_date(day, native, &self.clock));
        let instead = match first.and_then(date_of_days) {
            Some(first) => format!(": write `{first}`"),
            None => String::new(),
        };
        let instead = format!("a {} is named by its first day{instead}", native.name());
        self.finer(native, name, &instead, path);
        false
    }

    /// The day that a time of a question lies in, and whether it is the whole day or its start.
    fn day(&self, point: &Point) -> Option<(i32, bool)> {
        let micros = match point {
            Point::Exact(Literal::Date(day)) => return Some((*day, true)),
            Point::Exact(Literal::Datetime(micros)) | Point::Day(Literal::Datetime(micros), _) => {
                *micros
            }
            _ => return None,
        };
        let day = i32::try_from(self.clock.offsets().local(micros).0).ok()?;
        Some((day, midnight(day, &self.clock.zone) == Some(Literal::Datetime(micros))))
    }

    pub(super) fn value_test(
        &mut self,
        value: Expr,
        asked: &Test<'_>,
        name: &str,
        path: &str,
    ) -> Option<Expr> {
        let (op, data_type) = (asked.op, value.data_type);
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
        let points = self.points(data_type, asked, name, path)?;
        Some(test(value, op, points, asked.case_sensitive))
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
