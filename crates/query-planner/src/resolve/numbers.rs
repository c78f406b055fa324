//! The numbers of a question: which parts compute them, each at the grain of its own table.

use sandbar_catalog::expr::{Aggregate, AggregateFunction, Arithmetic, Expr, ExprKind};
use sandbar_catalog::query::{Aggregation, Compare, Filter, MetricAsk, SemanticQuery};
use sandbar_catalog::{FieldId, Leaf as ModelLeaf, MetricId, TableId, Type};

use super::ground::Ground;
use super::{Asking, shorten};
use crate::query::{AnswerColumn, Key, Leaf, Output, Place, Predicate};

/// A metric that is asked for, and where.
pub(super) struct AskedMetric<'q> {
    pub(super) id: MetricId,
    pub(super) ask: &'q MetricAsk,
    pub(super) path: String,
}

/// A part being put together.
pub(super) struct Draft {
    pub(super) ground: Ground,
    pub(super) keys: Vec<Key>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) filter: Vec<Predicate>,
}

/// The parts of a question and where their leaves stand.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) all: Vec<Draft>,
    pub(super) places: Vec<Place>,
    /// Whether the question speaks of each number's own time.
    pub(super) timed: bool,
}

impl Drafts {
    /// The part at the grain of a table, made where there is none: numbers of one table share it,
    /// unless the question goes by their times and these differ.
    pub(super) fn part(&mut self, table: TableId, time: Option<FieldId>, about: &str) -> usize {
        let fits = |draft: &Draft| {
            draft.ground.table == table && (!self.timed || draft.ground.time == time)
        };
        if let Some(found) = self.all.iter().position(fits) {
            return found;
        }
        let ground = Ground::new(table, time, about);
        let (keys, leaves, filter) = (Vec::new(), Vec::new(), Vec::new());
        self.all.push(Draft { ground, keys, leaves, filter });
        self.all.len() - 1
    }

    /// The input that stands for a leaf of a part; equal leaves are one.
    pub(super) fn leaf(&mut self, part: usize, leaf: Leaf) -> Expr {
        let data_type = leaf.expr.data_type;
        let Some(draft) = self.all.get_mut(part) else { return Expr::input(0, data_type) };
        let position = match draft.leaves.iter().position(|known| *known == leaf) {
            Some(position) => position,
            None => {
                draft.leaves.push(leaf);
                draft.leaves.len() - 1
            }
        };
        let place = Place { part, leaf: position };
        let input = match self.places.iter().position(|known| *known == place) {
            Some(input) => input,
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        Expr::input(input, data_type)
    }
}

impl Asking<'_> {
    /// Every number that is asked for, in the order of the answer.
    pub(super) fn numbers(
        &mut self,
        query: &SemanticQuery,
        table: Option<TableId>,
        metrics: &[AskedMetric<'_>],
        drafts: &mut Drafts,
    ) -> Vec<Output> {
        let mut values = Vec::new();
        for asked in metrics {
            values.extend(self.metric_output(asked, drafts));
        }
        if query.measures.is_empty() && query.aggregations.is_empty() {
            return values;
        }
        let Some(table) = table else {
            let message = "name the `table` that the measures and aggregations are of";
            self.problem("Q0114", "table", message);
            return values;
        };
        let (time, about) = (self.default_time(table), self.table_name(table));
        let part = drafts.part(table, time, &about);
        for (index, asked) in query.measures.iter().enumerate() {
            let path = format!("measures[{index}]");
            let Some(id) = self.measure(table, &asked.value.name.value, &path) else { continue };
            let filters = self.narrowed(asked.value.filter.as_ref(), &path, part, drafts);
            let measure = self.compiled.snapshot().measure(id);
            let leaf = Leaf { expr: measure.expr.clone(), filters, semi_additive: None };
            let column = AnswerColumn {
                name: asked.value.alias.clone().unwrap_or_else(|| measure.name.clone()),
                label: measure.label.clone(),
                data_type: measure.expr.data_type,
                semantic: None,
                unit: None,
            };
            let value = drafts.leaf(part, leaf);
            values.push(Output { column, value });
        }
        for (index, asked) in query.aggregations.iter().enumerate() {
            let path = format!("aggregations[{index}]");
            values.extend(self.aggregation(&asked.value, part, drafts, &path));
        }
        values
    }

    pub(super) fn default_time(&self, table: TableId) -> Option<FieldId> {
        self.compiled.snapshot().table(table).time
    }

    pub(super) fn table_name(&self, table: TableId) -> String {
        self.compiled.snapshot().table(table).name.clone()
    }

    fn metric_output(
        &mut self,
        asked: &AskedMetric<'_>,
        drafts: &mut Drafts,
    ) -> Option<Output> {
        let metric = self.compiled.snapshot().metric(asked.id);
        let ask = asked.ask;
        let filter = ask.filter.as_ref();
        let now = |asking: &mut Self, drafts: &mut Drafts| {
            asking.metric_value(asked.id, filter, &asked.path, drafts)
        };
        let value = match (&ask.offset, ask.compare) {
            (None, None) => now(self, drafts)?,
            (None, Some(_)) => {
                let message = "`compare` belongs beside `offset`: compare with which time?";
                self.problem("Q0145", &asked.path, message);
                return None;
            }
            (Some(_), _) => {
                self.problem("Q0145", &asked.path, "offsets cannot be asked for yet");
                return None;
            }
        };
        let compared = matches!(ask.compare, Some(Compare::Ratio));
        let column = AnswerColumn {
            name: ask.alias.clone().unwrap_or_else(|| metric.name.clone()),
            label: metric.label.clone(),
            data_type: value.data_type,
            semantic: None,
            unit: metric.unit.clone().filter(|_| !compared),
        };
        Some(Output { column, value })
    }

    /// The value of a metric, over the leaves of the parts.
    pub(super) fn metric_value(
        &mut self,
        id: MetricId,
        filter: Option<&sandbar_catalog::decode::Located<Filter>>,
        path: &str,
        drafts: &mut Drafts,
    ) -> Option<Expr> {
        let metric = self.compiled.snapshot().metric(id);
        let mut inputs = Vec::with_capacity(metric.leaves.len());
        let known = self.problems.len();
        for leaf in &metric.leaves {
            inputs.push(self.model_leaf(leaf, &metric.name, filter, path, drafts));
        }
        if self.problems.len() > known {
            return None;
        }
        Some(metric.expr.replace_inputs(&mut |index, data_type| {
            inputs.get(index).cloned().unwrap_or_else(|| Expr::input(index, data_type))
        }))
    }

    fn model_leaf(
        &mut self,
        leaf: &ModelLeaf,
        about: &str,
        filter: Option<&sandbar_catalog::decode::Located<Filter>>,
        path: &str,
        drafts: &mut Drafts,
    ) -> Expr {
        let part = drafts.part(leaf.table, leaf.time, about);
        let mut filters: Vec<Predicate> =
            leaf.filters.iter().cloned().map(Predicate::Modelled).collect();
        filters.extend(self.narrowed(filter, path, part, drafts));
        let expr = leaf.expr.clone();
        drafts.leaf(part, Leaf { expr, filters, semi_additive: leaf.semi_additive.clone() })
    }

    /// The condition of one number alone, over the rows of its part.
    fn narrowed(
        &mut self,
        filter: Option<&sandbar_catalog::decode::Located<Filter>>,
        path: &str,
        part: usize,
        drafts: &mut Drafts,
    ) -> Vec<Predicate> {
        let (Some(filter), Some(draft)) = (filter, drafts.all.get_mut(part)) else {
            return Vec::new();
        };
        self.filter(&mut draft.ground, filter, &format!("{path}.filter"))
    }

    fn aggregation(
        &mut self,
        asked: &Aggregation,
        part: usize,
        drafts: &mut Drafts,
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
        let filters = self.narrowed(asked.filter.as_ref(), path, part, drafts);
        let ground = &drafts.all.get(part)?.ground;
        let argument = match &asked.field {
            Some(field) => Some(self.field(ground, &field.value, path)?),
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
        let expr = Expr::new(ExprKind::Aggregate(Box::new(aggregate)), data_type);
        let value = drafts.leaf(part, Leaf { expr, filters, semi_additive: None });
        Some(Output { column, value })
    }
}

/// Two values of one number, compared.
pub(super) fn compared(compare: Compare, now: Expr, then: Expr) -> Option<Expr> {
    match compare {
        Compare::Value => Some(then),
        Compare::Difference => Expr::arithmetic(Arithmetic::Subtract, now, then),
        Compare::Ratio => Expr::arithmetic(Arithmetic::Divide, now, then),
    }
}

/// Whether a value is a number that can be calculated with.
pub(super) fn is_number(data_type: Type) -> bool {
    data_type.is_numeric()
}
