//! What the columns of the answer are.

use sandbar_catalog::expr::{Aggregate, AggregateFunction, Expr};
use sandbar_catalog::query::{Aggregation, FieldAsk, SemanticQuery, Truncation};
use sandbar_catalog::{FieldPath, MetricId, TableId, Type};

use super::{Asking, MAX_COLUMNS, shorten};
use crate::query::{AnswerColumn, Output, Shape, Value};

impl Asking<'_> {
    pub(super) fn shape(
        &mut self,
        query: &SemanticQuery,
        table: TableId,
        metrics: Vec<(MetricId, String)>,
    ) -> Shape {
        let grouped = !query.metrics.is_empty()
            || !query.measures.is_empty()
            || !query.aggregations.is_empty()
            || !query.group_by.is_empty();
        if grouped && !query.fields.is_empty() {
            self.problem(
                "Q0118",
                "fields",
                "a question lists `fields` or aggregates; to aggregate by a field, put it in `group_by`",
            );
        }
        let shape = if grouped {
            let keys =
                self.field_outputs(table, query.group_by.iter().map(|f| &f.value), "group_by");
            let mut values: Vec<Output> =
                metrics.into_iter().map(|(id, name)| self.metric_output(id, name)).collect();
            values.extend(self.measure_outputs(query, table));
            values.extend(self.aggregate_outputs(query, table));
            Shape::Grouped { keys, values }
        } else if query.fields.is_empty() {
            Shape::Listing(self.all_fields(table))
        } else {
            let fields = query.fields.iter().map(|f| &f.value);
            Shape::Listing(self.field_outputs(table, fields, "fields"))
        };
        self.check_names(&shape);
        shape
    }

    fn check_names(&mut self, shape: &Shape) {
        let mut names: Vec<&str> = shape.outputs().map(|o| o.column.name.as_str()).collect();
        if names.len() > MAX_COLUMNS {
            let message = format!("an answer has at most {MAX_COLUMNS} columns");
            self.problem("Q0119", "", message);
        }
        if names.iter().any(|name| name.is_empty() || name.len() > 256 || name.starts_with('#')) {
            let message = "the name of a column has 1 to 256 bytes and does not start with `#`";
            self.problem("Q0120", "", message);
        }
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair.first() == pair.last());
        if let Some(name) = twice.and_then(|pair| pair.first()) {
            let message = format!("two columns are named `{}`; name one with `as`", shorten(name));
            self.problem("Q0121", "", message);
        }
    }

    /// Every field of the table that the asker may query, in the order of the model.
    fn all_fields(&mut self, table: TableId) -> Vec<Output> {
        let snapshot = self.compiled.snapshot();
        let mut outputs = Vec::new();
        for field in &snapshot.table(table).fields {
            let path = FieldPath::own(field.id);
            if self.grants.field_level(&path) == sandbar_permissions::Level::Query {
                outputs.push(self.field_output(path, None, field.name.clone()));
            }
        }
        if outputs.is_empty() {
            self.problem("Q0122", "fields", "no field of this table can be listed");
        }
        outputs
    }

    fn field_outputs<'q>(
        &mut self,
        table: TableId,
        asked: impl Iterator<Item = &'q FieldAsk>,
        list: &str,
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (index, ask) in asked.enumerate() {
            let path = format!("{list}[{index}]");
            let Some(field) = self.field(table, &ask.field.value, &path) else { continue };
            let data_type = self.compiled.snapshot().field(field.field).data_type;
            if let Some(truncation) = ask.grain
                && !self.check_truncation(data_type, truncation, &ask.field.value, &path)
            {
                continue;
            }
            if data_type == Type::Other && list == "group_by" {
                let message =
                    format!("`{}` has values that cannot be grouped", shorten(&ask.field.value));
                self.problem("Q0123", &path, message);
                continue;
            }
            let name = ask.alias.clone().unwrap_or_else(|| ask.field.value.clone());
            outputs.push(self.field_output(field, ask.grain, name));
        }
        outputs
    }

    pub(super) fn check_truncation(
        &mut self,
        data_type: Type,
        truncation: Truncation,
        name: &str,
        path: &str,
    ) -> bool {
        let fits = match (data_type, truncation) {
            (Type::Datetime, _) => true,
            (Type::Date, Truncation::Grain(grain)) => grain.is_date(),
            (Type::Date, Truncation::Part(part)) => {
                use sandbar_catalog::time::Part;
                !matches!(part, Part::HourOfDay | Part::MinuteOfHour | Part::SecondOfMinute)
            }
            _ => false,
        };
        if !fits {
            let message = format!(
                "`{}` is a {data_type}, which has no `{}`",
                shorten(name),
                truncation.name()
            );
            self.problem("Q0124", path, message);
        }
        fits
    }

    fn field_output(
        &self,
        path: FieldPath,
        truncation: Option<Truncation>,
        name: String,
    ) -> Output {
        let field = self.compiled.snapshot().field(path.field);
        let data_type = match truncation {
            None => field.data_type,
            Some(Truncation::Part(_)) => Type::Integer,
            Some(Truncation::Grain(grain)) if grain.is_date() => Type::Date,
            Some(Truncation::Grain(_)) => Type::Datetime,
        };
        let column = AnswerColumn {
            name,
            label: field.label.clone(),
            data_type,
            semantic: field.semantic.filter(|_| truncation.is_none()),
            unit: field.unit.clone().filter(|_| truncation.is_none()),
        };
        Output { column, value: Value::Field(path, truncation) }
    }

    fn metric_output(&self, id: MetricId, name: String) -> Output {
        let metric = self.compiled.snapshot().metric(id);
        let column = AnswerColumn {
            name,
            label: metric.label.clone(),
            data_type: metric.expr.data_type,
            semantic: None,
            unit: metric.unit.clone(),
        };
        Output { column, value: Value::Metric(id) }
    }

    fn measure_outputs(&mut self, query: &SemanticQuery, table: TableId) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (index, asked) in query.measures.iter().enumerate() {
            let path = format!("measures[{index}]");
            let Some(id) = self.measure(table, &asked.value.name.value, &path) else { continue };
            let measure = self.compiled.snapshot().measure(id);
            let column = AnswerColumn {
                name: asked.value.alias.clone().unwrap_or_else(|| measure.name.clone()),
                label: measure.label.clone(),
                data_type: measure.expr.data_type,
                semantic: None,
                unit: None,
            };
            outputs.push(Output { column, value: Value::Measure(id) });
        }
        outputs
    }

    fn aggregate_outputs(&mut self, query: &SemanticQuery, table: TableId) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (index, asked) in query.aggregations.iter().enumerate() {
            let path = format!("aggregations[{index}]");
            outputs.extend(self.aggregate_output(&asked.value, table, &path));
        }
        outputs
    }

    fn aggregate_output(
        &mut self,
        asked: &Aggregation,
        table: TableId,
        path: &str,
    ) -> Option<Output> {
        let name = asked.function.value.as_str();
        let Some((function, distinct)) = Aggregation::named(name) else {
            let close = sandbar_catalog::decode::suggest(name, Aggregation::names());
            let hint = match close {
                Some(close) => format!("; did you mean `{close}`?"),
                None => {
                    format!("; use one of {}", Aggregation::names().collect::<Vec<_>>().join(", "))
                }
            };
            let message = format!("there is no aggregation `{}`{hint}", shorten(name));
            self.problem("Q0125", path, message);
            return None;
        };
        let argument = match &asked.field {
            Some(field) => Some(self.field(table, &field.value, path)?),
            None => None,
        };
        let snapshot = self.compiled.snapshot();
        let field = argument.as_ref().map(|path| snapshot.field(path.field));
        if argument.is_none() && (function != AggregateFunction::Count || distinct) {
            self.problem("Q0126", path, format!("`{name}` wants a `field`"));
            return None;
        }
        let data_type = match function.result_type(field.map(|f| f.data_type)) {
            Ok(data_type) => data_type,
            Err(wanted) => {
                let shown = field
                    .map_or(String::new(), |f| format!(", and `{}` is a {}", f.name, f.data_type));
                self.problem("Q0127", path, format!("`{name}` wants {wanted}{shown}"));
                return None;
            }
        };
        let default = match &asked.field {
            Some(field) => format!("{name}_{}", field.value),
            None => name.to_owned(),
        };
        let column = AnswerColumn {
            name: asked.alias.clone().unwrap_or(default),
            label: None,
            data_type,
            semantic: None,
            unit: field
                .and_then(|f| f.unit.clone())
                .filter(|_| function != AggregateFunction::Count),
        };
        let argument = argument.zip(field).map(|(path, f)| Expr::field(path, f.data_type));
        let aggregate = Aggregate { function, argument, distinct, filter: None };
        Some(Output { column, value: Value::Aggregate(Box::new(aggregate)) })
    }
}
