//! The numbers of a question: which parts compute them, each at the grain of its own table.

use sandbar_catalog::decode::Located;
use sandbar_catalog::definitions::OffsetDef;
use sandbar_catalog::expr::{Aggregate, Arithmetic, Expr, ExprKind};
use sandbar_catalog::query::{
    Aggregation, Compare, Filter, MetricAsk, RelativeUnit, SemanticQuery,
};
use sandbar_catalog::{
    Conversion, FieldId, FieldPath, Leaf as ModelLeaf, MetricId, Shift, TableId, Window,
};

use super::Asking;
use super::filter::MAX_CONDITIONS;
use super::ground::Ground;
use super::requires::Required;
use crate::functions::Moved;
use crate::query::{
    AnswerColumn, Definer, Key, Leaf, Member, Of, Output, Place, Predicate, Series, Zone,
};

/// A metric that is asked for, and where.
pub(super) struct AskedMetric<'q> {
    pub(super) id: MetricId,
    pub(super) ask: &'q MetricAsk,
    pub(super) path: String,
}

/// The condition of one number alone, and where the number is asked for.
#[derive(Clone, Copy)]
pub(super) struct Narrowed<'q> {
    pub(super) filter: Option<&'q Located<Filter>>,
    pub(super) path: &'q str,
}

/// A part being put together.
pub(super) struct Draft {
    pub(super) ground: Ground,
    pub(super) kind: Kind,
    pub(super) keys: Vec<Key>,
    pub(super) leaves: Vec<Leaf>,
    /// Whether groups in which no row counts stay.
    pub(super) keeps: bool,
    pub(super) filter: Vec<Predicate>,
    pub(super) series: Option<Series>,
    /// The times of which periods without data have a row, each once, with the first number that
    /// wants them.
    pub(super) dense: Vec<(FieldId, String)>,
}

impl Draft {
    /// Remembers whose periods have a row without data, where those of a number do.
    fn fills(&mut self, leaf: &ModelLeaf, about: &str) {
        let known = |time: &FieldId| self.dense.iter().any(|(known, _)| known == time);
        let time = leaf.time.filter(|time| leaf.dense && !known(time));
        self.dense.extend(time.map(|time| (time, about.to_owned())));
    }
}

/// What a part computes its numbers from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// The rows of each group.
    Plain,
    /// Rows of other times.
    Moved { window: Option<Window>, shifts: Vec<Moved> },
    /// Rows and the events that follow them.
    Followed(Box<Conversion>),
}

/// The parts of a question and where their leaves stand.
#[derive(Default)]
pub(super) struct Drafts {
    pub(super) all: Vec<Draft>,
    pub(super) places: Vec<Place>,
    /// Whether the question speaks of each number's own time.
    pub(super) timed: bool,
    pub(super) required: Vec<Required>,
}

impl Drafts {
    /// The part at the grain of a table, made where there is none: numbers of one table share it,
    /// unless their times differ and the question goes by them, or rows see versions by them.
    pub(super) fn part(
        &mut self,
        (table, versions): (TableId, bool),
        time: Option<FieldId>,
        kind: Kind,
        about: &str,
    ) -> usize {
        let timed = self.timed || versions || kind != Kind::Plain;
        let fits = |draft: &Draft| {
            draft.ground.table == table
                && draft.kind == kind
                && (!timed || draft.ground.time == time)
                && !matches!(kind, Kind::Followed(_))
        };
        if let Some(found) = self.all.iter().position(fits) {
            return found;
        }
        self.all.push(Draft {
            ground: Ground { asked: true, ..Ground::new(table, time, about) },
            kind,
            keys: Vec::new(),
            leaves: Vec::new(),
            keeps: false,
            filter: Vec::new(),
            series: None,
            dense: Vec::new(),
        });
        self.all.len() - 1
    }

    /// Groups in which no row counts stay where the numbers of a table have different filters, also
    /// where these see other versions. Where the question goes by times each time has rows of its
    /// own, and so has what is of other times, or followed by events.
    pub(super) fn keep_groups(&mut self) {
        if self.timed {
            return;
        }
        let plain = |draft: &&Draft| draft.kind == Kind::Plain;
        let keeps = |draft: &Draft| {
            let beside = self.all.iter().filter(plain);
            let beside = beside.filter(|other| other.ground.table == draft.ground.table);
            let mut conditions = beside.flat_map(conditions);
            let first = conditions.next();
            draft.kind == Kind::Plain && conditions.any(|other| first.as_ref() != Some(&other))
        };
        let keeps: Vec<bool> = self.all.iter().map(keeps).collect();
        for (draft, keeps) in self.all.iter_mut().zip(keeps) {
            draft.keeps = keeps;
        }
    }

    /// Remembers what a leaf of a part wants, which is the next one or is there already.
    fn required(
        &mut self,
        part: usize,
        leaf: &Leaf,
        fields: Vec<Option<FieldPath>>,
        about: &str,
        path: &str,
    ) {
        let Some(draft) = self.all.get(part).filter(|_| !fields.is_empty()) else { return };
        let there = draft.leaves.iter().position(|known| known == leaf);
        let leaf = there.unwrap_or(draft.leaves.len());
        let (about, path) = (about.to_owned(), path.to_owned());
        self.required.push(Required { part, fields, about, path, leaf });
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
        let part = drafts.part(self.grain(table), time, Kind::Plain, &about);
        for (index, asked) in query.measures.iter().enumerate() {
            let path = format!("measures[{index}]");
            let Some(id) = self.measure(table, &asked.value.name.value, &path) else { continue };
            let narrowed = Narrowed { filter: asked.value.filter.as_ref(), path: &path };
            let filters = self.narrowed(narrowed, part, drafts);
            let measure = self.compiled.snapshot().measure(id);
            let leaf = Leaf::new(measure.expr.clone(), filters);
            let required = self.required_of(&[], &leaf.expr);
            drafts.required(part, &leaf, required, &measure.name, &path);
            let column = AnswerColumn {
                name: asked.value.alias.clone().unwrap_or_else(|| measure.name.clone()),
                label: measure.label.clone(),
                data_type: measure.expr.data_type,
                semantic: None,
                unit: None,
            };
            let value = drafts.leaf(part, leaf);
            values.push(Output { column, value, metric: None });
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

    /// A table, and whether its rows see versions of others by the time of what is computed.
    pub(super) fn grain(&self, table: TableId) -> (TableId, bool) {
        let snapshot = self.compiled.snapshot();
        let mut one = self.usable(table).into_iter().filter(|step| step.cardinality.is_to_one());
        let versions =
            one.any(|step| step.as_of.is_none() && snapshot.table(step.to).validity.is_some());
        (table, versions)
    }

    pub(super) fn table_name(&self, table: TableId) -> String {
        self.compiled.snapshot().table(table).name.clone()
    }

    fn metric_output(&mut self, asked: &AskedMetric<'_>, drafts: &mut Drafts) -> Option<Output> {
        let metric = self.compiled.snapshot().metric(asked.id);
        let ask = asked.ask;
        let narrowed = Narrowed { filter: ask.filter.as_ref(), path: &asked.path };
        let compare = ask.compare.unwrap_or_default();
        let value = match &ask.offset {
            None if ask.compare.is_some() => {
                let message = "`compare` belongs beside `offset`: compare with which time?";
                self.problem("Q0145", &asked.path, message);
                return None;
            }
            None => self.metric_value(asked.id, narrowed, None, drafts)?,
            Some(offset) => {
                let shift = self.shift(offset, &asked.path)?;
                let then = self.metric_value(asked.id, narrowed, Some(shift), drafts)?;
                if compare == Compare::Value {
                    then
                } else {
                    let now = self.metric_value(asked.id, narrowed, None, drafts)?;
                    let found = compared(compare, now, then);
                    if found.is_none() {
                        let message = format!("`{}` is no number to compare", metric.name);
                        self.problem("Q0145", &asked.path, message);
                    }
                    found?
                }
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
        Some(Output { column, value, metric: Some(asked.id) })
    }

    fn shift(&mut self, offset: &Located<OffsetDef>, path: &str) -> Option<Shift> {
        let count = offset.count.unwrap_or(1);
        match (offset.unit, offset.to) {
            (Some(unit), None) if (1..=10_000).contains(&count) => Some(Shift::Back(count, unit)),
            (None, Some(unit)) if offset.count.is_none() => Some(Shift::StartOf(unit)),
            _ => {
                let message = "an offset is `{\"count\": 1, \"unit\": \"month\"}`, with a count from \
                               1 to 10000, or `{\"to\": \"month\"}`";
                self.problem("Q0145", &format!("{path}.offset"), message);
                None
            }
        }
    }

    /// The value of a metric, over the leaves of the parts.
    pub(super) fn metric_value(
        &mut self,
        id: MetricId,
        narrowed: Narrowed<'_>,
        shift: Option<Shift>,
        drafts: &mut Drafts,
    ) -> Option<Expr> {
        let metric = self.compiled.snapshot().metric(id);
        let mut inputs = Vec::with_capacity(metric.leaves.len());
        let known = self.wrong();
        for leaf in &metric.leaves {
            inputs.extend(self.model_leaf(leaf, &metric.name, narrowed, shift, drafts));
        }
        if self.wrong() > known || inputs.len() < metric.leaves.len() {
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
        narrowed: Narrowed<'_>,
        shift: Option<Shift>,
        drafts: &mut Drafts,
    ) -> Option<Expr> {
        // What the model says of weeks is of its own weeks.
        let (model, asked) = (self.compiled.clock().rules(), self.clock.rules());
        let modelled = leaf.shifts.iter().map(|shift| (*shift, model));
        let weekly = |shift: &Shift| {
            matches!(shift, Shift::Back(_, RelativeUnit::Week) | Shift::StartOf(RelativeUnit::Week))
        };
        let asked = shift.map(|shift| (shift, if weekly(&shift) { asked } else { model }));
        let shifts: Vec<Moved> = modelled.chain(asked).collect();
        let window = leaf.window;
        let moved = window.is_some() || !shifts.is_empty();
        let grain = self.grain(leaf.table);
        let mut filters: Vec<Predicate> =
            leaf.filters.iter().cloned().map(Predicate::Modelled).collect();
        let definer = leaf.definer.as_ref().and_then(|name| {
            // Its own conditions are its author's; what is asked on top has the asker's rights.
            let metric = self.compiled.snapshot().find_metric(name)?;
            Some(Definer { metric, filters: std::mem::take(&mut filters) })
        });
        if let Some(conversion) = &leaf.conversion {
            if moved {
                let message = format!(
                    "`{about}` counts conversions, which have no other time; ask for `{about}` \
                     without `offset`"
                );
                self.problem("Q0151", narrowed.path, message);
                return None;
            }
            let part = drafts.part(grain, leaf.time, Kind::Followed(conversion.clone()), about);
            filters.extend(self.narrowed(narrowed, part, drafts));
            // The part is that of these events alone: they are its rows.
            let draft = drafts.all.get_mut(part)?;
            draft.filter.extend(filters);
            draft.fills(leaf, about);
            let made = Leaf::new(leaf.expr.clone(), Vec::new());
            let required = self.required_of(&leaf.requires, &leaf.expr);
            drafts.required(part, &made, required, about, narrowed.path);
            return Some(drafts.leaf(part, made));
        }
        // Of what time another is asked only who may see it can say.
        if moved && leaf.time.is_none() || shift.is_some() && !self.timed(leaf.time) {
            let message = format!(
                "`{about}` has no time that can be asked for, so it has no value of another time; \
                 ask for `{about}` without `offset`"
            );
            self.problem("Q0151", narrowed.path, message);
            return None;
        }
        let kind = if moved { Kind::Moved { window, shifts } } else { Kind::Plain };
        let part = drafts.part(grain, leaf.time, kind, about);
        filters.extend(self.narrowed(narrowed, part, drafts));
        drafts.all.get_mut(part)?.fills(leaf, about);
        let (expr, semi_additive) = (leaf.expr.clone(), leaf.semi_additive.clone());
        let (min_group_size, zone) = (leaf.min_group_size, Zone::Model);
        let made = Leaf { expr, zone, filters, semi_additive, min_group_size, definer };
        let required = self.required_of(&leaf.requires, &made.expr);
        drafts.required(part, &made, required, about, narrowed.path);
        Some(drafts.leaf(part, made))
    }

    /// The condition of one number alone, over the rows of its part.
    fn narrowed(
        &mut self,
        narrowed: Narrowed<'_>,
        part: usize,
        drafts: &mut Drafts,
    ) -> Vec<Predicate> {
        let (Some(filter), Some(draft)) = (narrowed.filter, drafts.all.get_mut(part)) else {
            return Vec::new();
        };
        let path = format!("{}.filter", narrowed.path);
        let found = self.filter(&mut draft.ground, filter, &path, &mut { MAX_CONDITIONS });
        self.not_of_time(draft, &found, &path);
        found
    }

    fn aggregation(
        &mut self,
        asked: &Aggregation,
        part: usize,
        drafts: &mut Drafts,
        path: &str,
    ) -> Option<Output> {
        let narrowed = Narrowed { filter: asked.filter.as_ref(), path };
        let filters = self.narrowed(narrowed, part, drafts);
        let ground = &drafts.all.get(part)?.ground;
        let argument = match &asked.field {
            Some(field) => Some(self.of(ground, &field.value, path)?),
            None => None,
        };
        let snapshot = self.compiled.snapshot();
        // What the question counts itself it counts in its own zone.
        let (field, zone) = match &argument {
            Some(Of::Field(path)) if asked.grain.is_none() => {
                (Some(snapshot.field(path.field)), Zone::Model)
            }
            Some(Of::Field(path)) => (Some(snapshot.field(path.field)), Zone::Question),
            Some(Of::Calculated(_)) => (None, Zone::Question),
            None => (None, Zone::Model),
        };
        let argument = argument.map(|of| of.expr(snapshot));
        let argument = self.truncated(asked, argument, path)?;
        let (function, distinct, data_type) =
            self.aggregation_type(asked, argument.as_ref().map(|a| a.data_type), path)?;
        let column = AnswerColumn {
            name: asked.column_name(),
            label: None,
            data_type,
            semantic: None,
            unit: field
                .and_then(|f| f.unit.clone())
                .filter(|_| !function.counts() && asked.grain.is_none()),
        };
        let aggregate = Aggregate { function, argument, distinct, filter: None };
        let expr = Expr::new(ExprKind::Aggregate(Box::new(aggregate)), data_type);
        let leaf = Leaf { zone, ..Leaf::new(expr, filters) };
        let required = self.required_of(&[], &leaf.expr);
        drafts.required(part, &leaf, required, &column.name, path);
        let value = drafts.leaf(part, leaf);
        Some(Output { column, value, metric: None })
    }
}

/// What each number of a part counts of its rows: the conditions, and what these look at.
fn conditions(draft: &Draft) -> impl Iterator<Item = (&[Predicate], Vec<&Member<TableId>>)> {
    draft.leaves.iter().map(|leaf| {
        let members = leaf.filters.iter().flat_map(Predicate::members);
        let members = members.filter_map(|member| draft.ground.members.get(member));
        (leaf.filters.as_slice(), members.collect())
    })
}

/// Two values of one number, compared.
fn compared(compare: Compare, now: Expr, then: Expr) -> Option<Expr> {
    match compare {
        Compare::Value => Some(then),
        Compare::Difference => Expr::arithmetic(Arithmetic::Subtract, now, then),
        Compare::Ratio => Expr::arithmetic(Arithmetic::Divide, now, then),
    }
}
