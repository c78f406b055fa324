//! A question to the answer of another one: its columns take the place of fields.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::{Aggregate, AggregateFunction, Expr, ExprKind, Fraction};
use sandbar_catalog::query::{Aggregation, FieldAsk, SemanticQuery};
use sandbar_catalog::{Literal, Type};

use super::calculated::Meaning;
use super::columns::{cut_type, keeps_unit};
use super::compare::cut;
use super::filter::On;
use super::{Asking, did_you_mean, shorten};
use crate::query::{
    AnswerColumn, Cut, Leaf, Output, Place, Predicate, Query, ResolvedQuery, Shape, SortBy,
    SortKey, Source, Stage,
};

/// How many questions stand in each other.
const MAX_STAGES: usize = 4;

impl Asking<'_> {
    pub(super) fn second_stage(
        &mut self,
        query: &SemanticQuery,
        inner: &Located<SemanticQuery>,
    ) -> Option<ResolvedQuery> {
        let names = [
            ("table", query.table.is_some()),
            ("metrics", !query.metrics.is_empty()),
            ("measures", !query.measures.is_empty()),
            ("segments", !query.segments.is_empty()),
            ("shares", !query.shares.is_empty()),
            ("totals", !query.totals.is_empty()),
        ];
        if let Some((name, _)) = names.iter().find(|(_, given)| *given) {
            let message = format!(
                "`{name}` belongs to a question to tables; this one is to the answer of `from`, \
                 whose columns it can list, group, filter and aggregate"
            );
            self.problem("Q0156", name, message);
            return None;
        }
        self.stages += 1;
        if self.stages >= MAX_STAGES {
            let message = format!("at most {MAX_STAGES} questions stand in each other");
            self.problem("Q0156", "from", message);
            return None;
        }
        let known = self.problems.len();
        // What the inner question does not say of time is that of the outer one.
        let outer = self.clock.clone();
        if inner.value.time_zone.is_some() {
            match super::zone(&inner.value, self.compiled) {
                Ok(clock) => self.clock.zone = clock.zone,
                Err(problem) => self.problems.push(problem),
            }
        }
        self.clock.week_start = inner.value.week_start.unwrap_or(outer.week_start);
        let resolved = self.resolve(&inner.value);
        self.clock = outer;
        for problem in self.problems.iter_mut().skip(known) {
            let dot = if problem.path.is_empty() { "" } else { "." };
            problem.path = format!("from{dot}{}", problem.path);
        }
        let inner = resolved?;
        self.widths = self.widths_of(&inner);
        let columns: Vec<AnswerColumn> = inner.shape.columns().into_iter().cloned().collect();
        let filter = match &query.filter {
            Some(filter) => self.on_columns(&mut On::Answer(&columns), filter, "filter"),
            None => Vec::new(),
        };
        let grouped = !query.aggregations.is_empty() || !query.group_by.is_empty();
        if grouped && !query.fields.is_empty() {
            let message = "a question lists `fields` or aggregates; to aggregate by a column, put \
                           it in `group_by`";
            self.problem("Q0118", "fields", message);
        }
        let mut numbers = Vec::new();
        let (shape, keys, leaves) = if grouped {
            let asked: Vec<&FieldAsk> = query.group_by.iter().map(|ask| &ask.value).collect();
            let (shown, keys) = self.of_columns(&columns, &asked, "group_by");
            let (values, leaves, at) = self.aggregated_columns(query, &columns);
            numbers = at;
            let places = (0..leaves.len()).map(|leaf| Place { part: 0, leaf }).collect();
            (self.shape_of_groups(query, shown, places, values), keys, leaves)
        } else {
            let all: Vec<FieldAsk> = columns.iter().map(|c| FieldAsk::new(&c.name)).collect();
            let asked: Vec<&FieldAsk> = match query.fields.is_empty() {
                true => all.iter().collect(),
                false => query.fields.iter().map(|ask| &ask.value).collect(),
            };
            let (shown, keys) = self.of_columns(&columns, &asked, "fields");
            (Shape::Listing(shown), keys, Vec::new())
        };
        self.check_names(&shape);
        let stage = Stage { inner, filter, keys, leaves };
        let requires = self.requirements_of_stage(&stage, &shape.columns(), &numbers);
        self.the_rest(|asking, name| asking.of_answer(&columns, name));
        let having = self.having(query, &shape);
        let order = self.order_of_columns(query, &shape);
        let limit = query.limit.as_ref().map(|limit| limit.value);
        if limit == Some(0) {
            self.problem("Q0112", "limit", "`limit` is at least 1");
        }
        if !self.problems.is_empty() {
            return None;
        }
        let (source, clock) = (Source::Answer(Box::new(stage)), self.clock.clone());
        Some(Query { source, shape, requires, dense: None, having, order, limit, clock })
    }

    /// A column of the inner answer, or what is calculated of them.
    fn inner_column(&mut self, columns: &[AnswerColumn], name: &str, path: &str) -> Option<Expr> {
        match self.of_answer(columns, name) {
            Meaning::Calculated(expr) => return Some(expr),
            Meaning::Broken => return None,
            Meaning::Other => {}
        }
        let found = columns.iter().position(|column| column.name == name);
        if let Some((index, column)) = found.and_then(|at| Some((at, columns.get(at)?))) {
            return Some(Expr::input(index, column.data_type));
        }
        let known = columns.iter().map(|column| column.name.as_str());
        let hint = did_you_mean(name, known).unwrap_or_default();
        let message = format!("`{}` is not a column of `from`{hint}", shorten(name));
        self.problem("Q0147", path, message);
        None
    }

    fn of_columns(
        &mut self,
        columns: &[AnswerColumn],
        asked: &[&FieldAsk],
        list: &str,
    ) -> (Vec<AnswerColumn>, Vec<Expr>) {
        let (mut shown, mut keys) = (Vec::new(), Vec::new());
        for (index, ask) in asked.iter().enumerate() {
            let (name, path) = (&ask.field.value, format!("{list}[{index}]"));
            let Some(value) = self.inner_column(columns, name, &path) else { continue };
            let Some(found) = self.cut(ask, value.data_type, &path) else { continue };
            if value.data_type == Type::Other && list == "group_by" {
                self.not_to_group(name, &path);
                continue;
            }
            let known = columns.iter().find(|column| column.name == *name);
            shown.push(AnswerColumn {
                name: ask.alias.clone().unwrap_or_else(|| name.clone()),
                label: known.and_then(|column| column.label.clone()),
                data_type: cut_type(value.data_type, found),
                semantic: known.and_then(|c| c.semantic).filter(|_| found.is_none()),
                unit: known.and_then(|c| c.unit.clone()).filter(|_| keeps_unit(found)),
            });
            keys.push(cut(value, found));
        }
        (shown, keys)
    }

    /// The numbers, what each is computed of, and its place among the aggregations.
    fn aggregated_columns(
        &mut self,
        query: &SemanticQuery,
        columns: &[AnswerColumn],
    ) -> (Vec<Output>, Vec<Leaf>, Vec<usize>) {
        let (mut values, mut leaves, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for (index, asked) in query.aggregations.iter().enumerate() {
            let path = format!("aggregations[{index}]");
            let Some((column, expr)) = self.aggregated_column(&asked.value, columns, &path) else {
                continue;
            };
            let filters: Vec<Predicate> = match &asked.value.filter {
                Some(filter) => {
                    self.on_columns(&mut On::Answer(columns), filter, &format!("{path}.filter"))
                }
                None => Vec::new(),
            };
            let value = Expr::input(leaves.len(), expr.data_type);
            leaves.push(Leaf::new(expr, filters).asked());
            values.push(Output { column, value, metric: None });
            numbers.push(index);
        }
        (values, leaves, numbers)
    }

    fn aggregated_column(
        &mut self,
        asked: &Aggregation,
        columns: &[AnswerColumn],
        path: &str,
    ) -> Option<(AnswerColumn, Expr)> {
        let argument = match &asked.field {
            Some(field) => Some(self.inner_column(columns, &field.value, path)?),
            None => None,
        };
        let argument = self.truncated(asked, argument, path)?;
        let unit = asked.field.as_ref().and_then(|field| {
            columns.iter().find(|column| column.name == field.value)?.unit.clone()
        });
        let (function, distinct, data_type) =
            self.aggregation_type(asked, argument.as_ref().map(|a| a.data_type), path)?;
        let column = AnswerColumn {
            name: asked.column_name(),
            label: None,
            data_type,
            semantic: None,
            unit: unit.filter(|_| !function.counts() && asked.grain.is_none()),
        };
        let aggregate = Aggregate { function, argument, distinct, filter: None };
        Some((column, Expr::new(ExprKind::Aggregate(Box::new(aggregate)), data_type)))
    }

    fn order_of_columns(&mut self, query: &SemanticQuery, shape: &Shape) -> Vec<SortKey> {
        let mut keys: Vec<SortKey> = Vec::new();
        for (index, asked) in query.order_by.iter().enumerate() {
            let name = &asked.value.field.value;
            let columns = shape.columns();
            let Some(position) = columns.iter().position(|column| column.name == *name) else {
                let message = format!("`{}` is not a column of the answer", shorten(name));
                self.problem("Q0115", &format!("order_by[{index}]"), message);
                continue;
            };
            let by = SortBy::Column(position);
            if !keys.iter().any(|key| key.by == by) {
                keys.push(SortKey { by, order: asked.value.order });
            }
        }
        keys
    }

    /// What an aggregation is computed over: values, or the grain or part that it names of them.
    pub(super) fn truncated(
        &mut self,
        asked: &Aggregation,
        argument: Option<Expr>,
        path: &str,
    ) -> Option<Option<Expr>> {
        let Some(grain) = asked.grain else { return Some(argument) };
        let (Some(field), Some(value)) = (&asked.field, argument) else {
            let message = "a `grain` is of a `field`, and this aggregation names none";
            self.problem("Q0124", path, message);
            return None;
        };
        if !self.check_truncation(value.data_type, grain, &field.value, path) {
            return None;
        }
        if let ExprKind::Field(of) = &value.kind
            && !self.check_grain(&of.clone(), Some(grain), &field.value, path)
        {
            return None;
        }
        Some(Some(cut(value, Some(Cut::Time(grain)))))
    }

    /// What an aggregation computes, and the type of its result.
    pub(super) fn aggregation_type(
        &mut self,
        asked: &Aggregation,
        argument: Option<Type>,
        path: &str,
    ) -> Option<(AggregateFunction, bool, Type)> {
        let name = asked.function.value.as_str();
        let percentile = AggregateFunction::PERCENTILES.iter().find(|(known, _)| *known == name);
        let found = match (percentile, asked.p) {
            (Some((_, make)), p) => match p.and_then(|p| Fraction::of(&Literal::Number(p))) {
                Some(share) => Some((make(share), false)),
                None => {
                    let message = format!(
                        "`{name}` wants `p`: the share of the values, from 0 to 1, with at most 18 \
                         digits after the point"
                    );
                    self.problem("Q0159", path, message);
                    return None;
                }
            },
            (None, p) => {
                let found = Aggregation::named(name);
                if p.is_some() && found.is_some() {
                    let message =
                        format!("`p` is for `percentile` and `percentile_disc`, not for `{name}`");
                    self.problem("Q0159", path, message);
                    return None;
                }
                found
            }
        };
        let Some((function, distinct)) = found else {
            let hint = did_you_mean(name, Aggregation::names()).unwrap_or_else(|| {
                format!("; use one of {}", Aggregation::names().collect::<Vec<_>>().join(", "))
            });
            let message = format!("there is no aggregation `{}`{hint}", shorten(name));
            self.problem("Q0125", path, message);
            return None;
        };
        if argument.is_none() && (function != AggregateFunction::Count || distinct) {
            self.problem("Q0126", path, format!("`{name}` wants a `field`"));
            return None;
        }
        match function.result_type(argument) {
            Ok(data_type) => Some((function, distinct, data_type)),
            Err(wanted) => {
                let field = asked.field.as_ref().zip(argument);
                let shown = field.map_or(String::new(), |(field, data_type)| {
                    format!(", and `{}` is {}", shorten(&field.value), data_type.with_article())
                });
                self.problem("Q0127", path, format!("`{name}` wants {wanted}{shown}"));
                None
            }
        }
    }
}
