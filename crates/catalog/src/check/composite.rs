//! Metrics over metrics: each becomes one expression over the aggregations below it.
//!
//! A metric is flattened when it is checked: `profit = revenue - cost` has the leaves of both, with
//! the filters and offsets that were written on the way. What the planner sees has one level.

use std::collections::HashMap;

use crate::decode::{Located, suggest};
use crate::definitions::{ConversionDef, ConversionGives, CumulativeDef, MetricInput, OffsetDef};
use crate::definitions::{PropertyDef, ReportDay, WindowDef};
use crate::expr::{
    AggregateFunction, Allow, Arithmetic, Expr, ExprError, ExprErrorKind, ExprKind, Extent,
    Function, Scope, bind,
};
use crate::ids::{FieldPath, MetricId, TableId};
use crate::query::Value;
use crate::snapshot::{
    Conversion, Leaf, Metric, MetricKind, Origin, Shift, Snapshot, Window, WindowStart,
};
use crate::stack::on_any_stack;
use crate::types::{Literal, Type};

use super::MetricEntry;
use super::codes;
use super::expressions::{report, too_large};
use super::metrics::{condition, find_collection, inputs, own_field, simple};
use super::names::{Names, number, number_problem};
use super::sink::{Sink, complaint};
use super::units::{self, Unit};

/// Types every metric, in the order in which they need each other.
pub(super) fn metrics(snapshot: &mut Snapshot, names: &Names<'_>, sink: &mut Sink) {
    let mut work = Metrics { states: HashMap::new(), snapshot, names, sink };
    for name in names.metrics.keys() {
        work.resolve(name);
    }
    let Metrics { mut states, snapshot, sink, .. } = work;
    let mut uses: Vec<Vec<String>> = Vec::new();
    for (name, entry) in &names.metrics {
        let wire =
            number(name, "metric", entry.def.id.as_ref(), *entry, &snapshot.metric_numbers, sink);
        if snapshot.table_numbers.contains_key(&wire) {
            let message = format!("id {wire} of metric `{name}` is taken by a table");
            number_problem(entry.def.id.as_ref(), *entry, message, sink);
        }
        let collection =
            find_collection(entry.def.collection.as_ref(), *entry, snapshot, names, sink);
        let Some(State::Done(built)) = states.remove(*name) else { continue };
        let id = MetricId(u32::try_from(snapshot.metrics.len()).unwrap_or(u32::MAX));
        let def = entry.def;
        let unit = built.unit(def.unit.as_ref());
        let metric = Metric {
            id,
            name: (*name).to_owned(),
            number: wire,
            label: def.label.clone(),
            description: def.description.clone(),
            synonyms: def.synonyms.clone(),
            kind: built.kind,
            expr: built.expr,
            leaves: built.leaves,
            uses: Vec::new(),
            unit,
            collection,
            verified: def.verified.unwrap_or(false),
            origin: Origin::new(entry.file, def.key_place.or(def.place)),
        };
        for table in metric.tables() {
            if let Some(list) = snapshot.table_metrics.get_mut(table.index()) {
                list.push(id);
            }
        }
        snapshot.metric_numbers.insert(wire, id);
        snapshot.metric_names.insert((*name).to_owned(), id);
        snapshot.metrics.push(metric);
        uses.push(built.uses);
    }
    for (index, used) in uses.into_iter().enumerate() {
        let used = used.iter().filter_map(|name| snapshot.metric_names.get(name).copied());
        let used: Vec<MetricId> = used.collect();
        if let Some(metric) = snapshot.metrics.get_mut(index) {
            metric.uses = used;
        }
    }
}

#[derive(Clone)]
struct Built {
    kind: MetricKind,
    expr: Expr,
    leaves: Vec<Leaf>,
    uses: Vec<String>,
    /// Its unit, or else that of what it is computed from.
    made_of: Unit,
}

impl Built {
    /// The unit that it is told in. That of fields which its asker may not see stays untold.
    fn unit(&self, declared: Option<&String>) -> Option<String> {
        let definer = self.leaves.iter().any(|leaf| leaf.definer.is_some());
        let found = self.made_of.whole().filter(|_| !definer);
        declared.cloned().or_else(|| found.map(str::to_owned))
    }
}

enum State {
    Running,
    Failed,
    Done(Box<Built>),
}

struct Metrics<'a, 'n, 'd> {
    states: HashMap<String, State>,
    snapshot: &'a mut Snapshot,
    names: &'n Names<'d>,
    sink: &'a mut Sink,
}

/// The most leaves that one metric has.
const MAX_LEAVES: usize = 64;

impl<'d> Metrics<'_, '_, 'd> {
    /// Builds a metric, and those that it is computed from before it. However many of these stand
    /// on each other, that is told at the first that is too large.
    fn resolve(&mut self, name: &str) {
        if self.states.contains_key(name) {
            return;
        }
        let Some(entry) = self.names.metrics.get(name).copied() else { return };
        self.states.insert(name.to_owned(), State::Running);
        let built = on_any_stack(|| self.build(name, entry));
        let built = built.and_then(|built| self.finish(entry, built));
        let state = built.map_or(State::Failed, |built| State::Done(Box::new(built)));
        self.states.insert(name.to_owned(), state);
    }

    fn shape(&mut self, entry: MetricEntry<'d>, message: String) {
        self.sink.at_key(entry.file, entry.def, complaint(codes::METRIC_SHAPE, message));
    }

    fn build(&mut self, name: &str, entry: MetricEntry<'d>) -> Option<Built> {
        let def = entry.def;
        let ways = [
            ("expr", def.expr.is_some() || def.measure.is_some()),
            ("ratio", def.ratio.is_some()),
            ("derived", def.derived.is_some()),
            ("cumulative", def.cumulative.is_some()),
            ("conversion", def.conversion.is_some()),
        ];
        let given: Vec<&str> = ways.iter().filter(|(_, g)| *g).map(|(way, _)| *way).collect();
        if given.len() != 1 {
            self.shape(
                entry,
                format!(
                    "metric `{name}` needs exactly one of `expr`, `measure`, `ratio`, `derived`, \
                     `cumulative` and `conversion`"
                ),
            );
            return None;
        }
        if given.first() != Some(&"expr") {
            let own = [
                ("table", def.table.is_some()),
                ("filter", def.filter.is_some()),
                ("time", def.time.is_some()),
                ("semi_additive", def.semi_additive.is_some()),
                ("requires", !def.requires.is_empty()),
                ("join_to_timespine", def.join_to_timespine.is_some()),
                ("min_group_size", def.min_group_size.is_some()),
                ("definer", def.definer.is_some()),
                ("inputs", !def.inputs.is_empty() && def.derived.is_none()),
            ];
            if let Some((key, _)) = own.iter().find(|(_, given)| *given) {
                let message = format!(
                    "`{key}` belongs to a metric with `expr` or `measure`; metric `{name}` takes \
                     it from the metrics that it is computed from"
                );
                self.shape(entry, message);
                return None;
            }
        } else if !def.inputs.is_empty() {
            self.shape(entry, "`inputs` belongs beside `derived`".to_owned());
            return None;
        }
        if let Some(ratio) = &def.ratio {
            let mut parts = Parts::default();
            let above = self.input(&ratio.numerator, entry, &mut parts);
            let below = self.input(&ratio.denominator, entry, &mut parts);
            let (above, below) = (above?, below?);
            let expr = self.divide(entry, above, below)?;
            return Some(parts.built(MetricKind::Ratio, expr));
        }
        if let Some(text) = &def.derived {
            return self.derived(text, entry);
        }
        if let Some(cumulative) = &def.cumulative {
            return self.cumulative(cumulative, entry);
        }
        if let Some(conversion) = &def.conversion {
            return self.conversion(conversion, entry);
        }
        let leaf = simple(name, entry, self.snapshot, self.names, self.sink)?;
        let expr = Expr::input(0, leaf.expr.data_type);
        let made_of = units::of_fields(&leaf.expr, self.snapshot);
        let (kind, leaves) = (MetricKind::Simple, vec![leaf]);
        Some(Built { kind, expr, leaves, uses: Vec::new(), made_of })
    }

    /// Fills missing numbers, and says the unit, last.
    fn finish(&mut self, entry: MetricEntry<'d>, mut built: Built) -> Option<Built> {
        if built.leaves.len() > MAX_LEAVES {
            self.shape(entry, format!("a metric has at most {MAX_LEAVES} aggregations"));
            return None;
        }
        if !extent(&built, self.snapshot).fits() {
            let what = complaint(codes::EXPRESSION, too_large());
            self.sink.at_key(entry.file, entry.def, what);
            return None;
        }
        if let Some(fill) = &entry.def.fill_nulls_with {
            let number = match &fill.value {
                Value::Integer(n) => Some(Literal::Integer(*n)),
                Value::Number(n) => crate::query::decimal(*n).or(Some(Literal::Number(*n))),
                Value::Decimal { value, scale } => {
                    Some(Literal::Decimal { value: *value, scale: *scale })
                }
                _ => None,
            };
            let unified = number.as_ref().and_then(|n| built.expr.data_type.unify(n.data_type()));
            let (Some(number), Some(data_type)) =
                (number, unified.filter(|_| built.expr.data_type.is_numeric()))
            else {
                let message = "`fill_nulls_with` is a number, for a metric that is a number";
                self.sink.at(entry.file, fill, complaint(codes::METRIC_SHAPE, message));
                return None;
            };
            let args = vec![built.expr, Expr::literal(number)];
            built.expr = Expr::new(ExprKind::Call(Function::Coalesce, args), data_type);
        }
        if entry.def.unit.is_some() {
            built.made_of = Unit::declared(entry.def.unit.as_ref());
        }
        Some(built)
    }

    fn divide(&mut self, entry: MetricEntry<'d>, above: Expr, below: Expr) -> Option<Expr> {
        let ratio = Expr::arithmetic(Arithmetic::Divide, above, below);
        if ratio.is_none() {
            self.shape(entry, "a ratio is of two numbers".to_owned());
        }
        ratio
    }

    /// The metric of that name, once it is built; says so if it is not to be had.
    fn find(&mut self, name: &Located<String>, entry: MetricEntry<'d>) -> Option<Built> {
        match self.found(&name.value) {
            Ok(built) => Some(built),
            Err(error) => {
                if !error.silent {
                    let code = match error.kind {
                        ExprErrorKind::Cycle => codes::CYCLE,
                        _ => codes::UNKNOWN_METRIC,
                    };
                    let what = complaint(code, error.message).suggest(error.suggestion.as_deref());
                    self.sink.at(entry.file, name, what);
                }
                None
            }
        }
    }

    fn found(&mut self, name: &str) -> Result<Built, ExprError> {
        self.resolve(name);
        match self.states.get(name) {
            Some(State::Done(built)) => Ok(Built::clone(built)),
            Some(State::Failed) => Err(ExprError::silent()),
            Some(State::Running) => {
                let message = format!("metric `{name}` is computed from itself");
                Err(ExprError::new(message).about(ExprErrorKind::Cycle))
            }
            None if self.names.is_broken(name) => Err(ExprError::silent()),
            None => {
                let known = self.names.metrics.keys().copied();
                let message = format!("`{name}` is not a metric");
                let error = ExprError::suggesting(message, suggest(name, known));
                Err(error.about(ExprErrorKind::UnknownName))
            }
        }
    }

    /// A metric with what is written beside it, its leaves among those of `parts`.
    fn input(
        &mut self,
        input: &Located<MetricInput>,
        entry: MetricEntry<'d>,
        parts: &mut Parts,
    ) -> Option<Expr> {
        let mut built = self.find(&named(input), entry)?;
        if let Some(text) = &input.filter {
            self.narrow(&mut built, text, entry)?;
        }
        if let Some(offset) = &input.offset {
            let shift = self.shift(offset, entry)?;
            self.move_back(&mut built, shift, offset, entry)?;
        }
        Some(parts.add(&input.metric.value, built))
    }

    /// Adds a condition to every leaf, over its own table.
    fn narrow(
        &mut self,
        built: &mut Built,
        text: &Located<String>,
        entry: MetricEntry<'d>,
    ) -> Option<()> {
        // It would have the rights of another author.
        if let Some(definer) = built.leaves.iter().find_map(|leaf| leaf.definer.as_ref()) {
            let message = format!(
                "`{definer}` reads fields that others may not see, so no other metric narrows it: \
                 give it the `filter`, or a metric of its own"
            );
            self.sink.at(entry.file, text, complaint(codes::DEFINER, message));
            return None;
        }
        for leaf in &mut built.leaves {
            let found = condition(leaf.table, text, entry, self.snapshot, self.names, self.sink)?;
            leaf.filters.push(found);
            leaf.inputs = inputs(self.snapshot, leaf);
        }
        Some(())
    }

    fn shift(&mut self, offset: &Located<OffsetDef>, entry: MetricEntry<'d>) -> Option<Shift> {
        let count = offset.count.unwrap_or(1);
        match (offset.unit, offset.to) {
            (Some(unit), None) if (1..=10_000).contains(&count) => Some(Shift::Back(count, unit)),
            (None, Some(unit)) if offset.count.is_none() => Some(Shift::StartOf(unit)),
            _ => {
                let message = "an offset is `{count: 1, unit: month}`, with a count from 1 to \
                               10000, or `{to: month}`";
                self.sink.at(entry.file, offset, complaint(codes::METRIC_SHAPE, message));
                None
            }
        }
    }

    fn move_back<T>(
        &mut self,
        built: &mut Built,
        shift: Shift,
        place: &Located<T>,
        entry: MetricEntry<'d>,
    ) -> Option<()> {
        for leaf in &mut built.leaves {
            let moved = can_move(leaf, self.snapshot);
            let moved = if leaf.conversion.is_some() {
                Err("conversions have no value of another time".to_owned())
            } else {
                moved
            };
            if let Err(why) = moved {
                self.sink.at(entry.file, place, complaint(codes::METRIC_TIME, why));
                return None;
            }
            leaf.shifts.push(shift);
        }
        Some(())
    }

    fn derived(&mut self, text: &Located<String>, entry: MetricEntry<'d>) -> Option<Built> {
        let mut scope = MetricScope {
            work: self,
            entry,
            parts: Parts::default(),
            known: HashMap::new(),
            written: 0,
        };
        match bind(&text.value, Allow::Rows, &mut scope) {
            Ok(_) if scope.parts.leaves.is_empty() => {
                let message = "a derived metric names at least one metric".to_owned();
                self.sink.at(entry.file, text, complaint(codes::METRIC_SHAPE, message));
                None
            }
            Ok(expr) => {
                let (parts, known) = (scope.parts, scope.known);
                let unused = entry.def.inputs.iter().find(|(name, _)| !known.contains_key(*name));
                if let Some((name, input)) = unused {
                    let message = format!("input `{name}` does not stand in `derived`");
                    self.sink.at_key(entry.file, input, complaint(codes::METRIC_SHAPE, message));
                    return None;
                }
                let made_of = self.unit_of(text, entry, &known);
                Some(Built { made_of, ..parts.built(MetricKind::Derived, expr) })
            }
            Err(error) => {
                report(error, entry.file, text, self.sink);
                None
            }
        }
    }

    /// The unit of a calculation over metrics, each of which has its own.
    fn unit_of(
        &mut self,
        text: &Located<String>,
        entry: MetricEntry<'d>,
        known: &HashMap<String, Expr>,
    ) -> Unit {
        let mut named = Named { known, names: Vec::new() };
        let Ok(expr) = bind(&text.value, Allow::Rows, &mut named) else { return Unit::Unknown };
        let inputs = &entry.def.inputs;
        let metrics = named.names.iter().map(|name| match inputs.get(name) {
            Some(input) => &input.metric.value,
            None => name,
        });
        let found: Vec<Unit> = metrics.map(|metric| self.unit(metric)).collect();
        let leaf = |leaf: &Expr| match &leaf.kind {
            ExprKind::Input(index) => found.get(*index).cloned().unwrap_or_default(),
            _ => Unit::Unknown,
        };
        units::check(&expr, &leaf, entry.file, text, self.sink)
    }

    /// The unit of a metric that is built.
    fn unit(&self, metric: &str) -> Unit {
        match self.states.get(metric) {
            Some(State::Done(built)) => built.made_of.clone(),
            Some(State::Running | State::Failed) | None => Unit::Unknown,
        }
    }

    fn cumulative(
        &mut self,
        def: &Located<CumulativeDef>,
        entry: MetricEntry<'d>,
    ) -> Option<Built> {
        let start = match (def.window, &def.to_date) {
            (None, None) => WindowStart::AllTime,
            (Some(window), None) => {
                let (count, unit) = self.length(window, def, entry)?;
                WindowStart::Trailing(count, unit)
            }
            (None, Some(unit)) => WindowStart::ToDate(unit.value),
            (Some(_), Some(to_date)) => {
                let message = "a metric is accumulated over a `window` or `to_date`, not both";
                self.sink.at(entry.file, to_date, complaint(codes::METRIC_SHAPE, message));
                return None;
            }
        };
        let window = Window { start, report: def.report.unwrap_or(ReportDay::Last) };
        let mut parts = Parts::default();
        let mut built = {
            let expr = self.input(&def.metric, entry, &mut parts)?;
            let made_of = self.unit(&def.metric.metric.value);
            Built { made_of, ..parts.built(MetricKind::Cumulative, expr) }
        };
        for leaf in &mut built.leaves {
            let why = if leaf.window.is_some() {
                Some("a metric that is accumulated already cannot be accumulated again".to_owned())
            } else if leaf.conversion.is_some() {
                Some("conversions cannot be accumulated".to_owned())
            } else if !leaf.shifts.is_empty() {
                Some(
                    "a metric of another time cannot be accumulated; write the offset on the \
                      cumulative metric instead"
                        .to_owned(),
                )
            } else if leaf.semi_additive.is_some() {
                Some("a semi-additive metric is not added up over time".to_owned())
            } else {
                can_move(leaf, self.snapshot).err()
            };
            if let Some(why) = why {
                let what = complaint(codes::METRIC_TIME, why);
                self.sink.at(entry.file, &def.metric, what);
                return None;
            }
            leaf.window = Some(window);
        }
        Some(built)
    }

    fn length<T>(
        &mut self,
        window: WindowDef,
        place: &Located<T>,
        entry: MetricEntry<'d>,
    ) -> Option<(u32, crate::query::RelativeUnit)> {
        if (1..=10_000).contains(&window.count) {
            return Some((window.count, window.unit));
        }
        let message = "a window is from 1 to 10000 units long";
        self.sink.at(entry.file, place, complaint(codes::METRIC_SHAPE, message));
        None
    }

    fn conversion(
        &mut self,
        def: &Located<ConversionDef>,
        entry: MetricEntry<'d>,
    ) -> Option<Built> {
        let mut uses = Parts::default();
        let base = self.input(&def.base, entry, &mut uses);
        let base_leaves = std::mem::take(&mut uses.leaves);
        let event = self.input(&def.conversion, entry, &mut uses);
        let event_leaves = std::mem::take(&mut uses.leaves);
        let (base_expr, event_expr) = (base?, event?);
        let base = self.events(&base_expr, base_leaves, &def.base, entry)?;
        let event = self.events(&event_expr, event_leaves, &def.conversion, entry)?;
        let window = match def.window {
            Some(window) => Some(self.length(window, def, entry)?),
            None => None,
        };
        let time = event.time?;
        let mut on = Vec::new();
        for property in std::iter::once(&def.entity).chain(&def.constant_properties) {
            on.push(self.property(property, base.table, event.table, entry)?);
        }
        let conversion = Conversion {
            table: event.table,
            time,
            filters: event.filters.clone(),
            on,
            window,
            inputs: event.inputs.clone(),
        };
        let mut counted = base.clone();
        counted.conversion = Some(Box::new(conversion));
        counted.inputs = inputs(self.snapshot, &counted);
        if let Some(conversion) = &mut counted.conversion {
            let snapshot = &*self.snapshot;
            let keys = conversion.on.iter().flat_map(|(_, theirs)| {
                let field = snapshot.field(theirs.field);
                field.inputs.iter().map(|input| input.behind(&theirs.via))
            });
            let keys: Vec<FieldPath> = keys.collect();
            conversion.inputs.extend(keys);
        }
        let count = Expr::input(0, Type::Integer);
        let (expr, leaves) = match def.gives {
            ConversionGives::Count => (count, vec![counted]),
            ConversionGives::Rate => {
                let below = Expr::input(1, Type::Integer);
                (self.divide(entry, count, below)?, vec![counted, base])
            }
        };
        let (uses, made_of) = (uses.uses, Unit::Unknown);
        Some(Built { kind: MetricKind::Conversion, expr, leaves, uses, made_of })
    }

    /// One leaf that counts rows, which are events with a time.
    fn events(
        &mut self,
        expr: &Expr,
        mut leaves: Vec<Leaf>,
        input: &Located<MetricInput>,
        entry: MetricEntry<'d>,
    ) -> Option<Leaf> {
        let counts = |leaf: &Leaf| {
            matches!(&leaf.expr.kind, ExprKind::Aggregate(a)
                if a.function == AggregateFunction::Count && a.argument.is_none() && a.filter.is_none())
        };
        let plain = |leaf: &Leaf| {
            leaf.window.is_none()
                && leaf.shifts.is_empty()
                && leaf.conversion.is_none()
                && leaf.semi_additive.is_none()
                && leaf.min_group_size.is_none()
                && leaf.time.is_some()
        };
        let one = leaves.len() == 1 && matches!(expr.kind, ExprKind::Input(_));
        match leaves.pop() {
            Some(leaf) if one && counts(&leaf) && plain(&leaf) => Some(leaf),
            _ => {
                let message = format!(
                    "`{}` is not a count of events: write a metric with `expr: count(*)` over a \
                     table that has a `time`",
                    input.metric.value
                );
                self.sink.at(entry.file, &named(input), complaint(codes::METRIC_TIME, message));
                None
            }
        }
    }

    fn property(
        &mut self,
        def: &PropertyDef,
        base: TableId,
        event: TableId,
        entry: MetricEntry<'d>,
    ) -> Option<(FieldPath, FieldPath)> {
        let place = "a conversion";
        let (snapshot, names) = (&*self.snapshot, self.names);
        let own = own_field(&def.base, place, base, entry, snapshot, names, self.sink);
        let theirs = own_field(&def.conversion, place, event, entry, snapshot, names, self.sink);
        let (own, theirs) = (own?, theirs?);
        let (a, b) = (snapshot.field(own).data_type, snapshot.field(theirs).data_type);
        if a != b && a != Type::Null && b != Type::Null {
            let message =
                format!("`{}` is {a}, but `{}` is {b}", def.base.value, def.conversion.value);
            self.sink.at(entry.file, &def.conversion, complaint(codes::KEY_TYPES, message));
            return None;
        }
        Some((FieldPath::own(own), FieldPath::own(theirs)))
    }
}

/// The name of an input, at its place: a bare name stands at that of the input itself.
fn named(input: &Located<MetricInput>) -> Located<String> {
    let mut name = input.metric.clone();
    if name.place.is_none() {
        (name.place, name.path) = (input.place, input.path.clone());
    }
    name
}

/// How large a metric is: each aggregation once with all that it reads, and what is calculated from
/// them as often as it is used.
fn extent(built: &Built, snapshot: &Snapshot) -> Extent {
    let leaf = |leaf: &Leaf| Extent { parts: above(&leaf.expr), ..snapshot.extent(&leaf.expr) };
    let leaves: Vec<Extent> = built.leaves.iter().map(leaf).collect();
    let mut all = built.expr.extent(&|leaf| match &leaf.kind {
        ExprKind::Input(index) => leaves.get(*index).copied().unwrap_or(Extent::ONE),
        _ => Extent::ONE,
    });
    for read in built.leaves.iter().flat_map(Leaf::expressions) {
        let Extent { parts, depth, decisions } = snapshot.extent(read);
        all.parts = all.parts.saturating_add(parts);
        all.depth = all.depth.max(depth);
        all.decisions = all.decisions.max(decisions);
    }
    all
}

/// How many parts stand above the aggregations of an expression, these included.
fn above(expr: &Expr) -> usize {
    match &expr.kind {
        ExprKind::Aggregate(_) => 1,
        _ => 1 + expr.children().into_iter().map(above).sum::<usize>(),
    }
}

/// Whether a leaf's value can be taken from another time.
fn can_move(leaf: &Leaf, snapshot: &Snapshot) -> Result<(), String> {
    match leaf.time {
        Some(_) => Ok(()),
        None => Err(format!(
            "a number of `{}` has no time: give the metric or its table a `time`",
            snapshot.table(leaf.table).name
        )),
    }
}

/// The leaves and names of what a metric is put together from.
#[derive(Default)]
struct Parts {
    leaves: Vec<Leaf>,
    uses: Vec<String>,
}

impl Parts {
    /// Adds a metric; equal leaves are one.
    fn add(&mut self, name: &str, built: Built) -> Expr {
        for used in std::iter::once(name.to_owned()).chain(built.uses) {
            if !self.uses.contains(&used) {
                self.uses.push(used);
            }
        }
        let mut positions = Vec::with_capacity(built.leaves.len());
        for leaf in built.leaves {
            let position = self.leaves.iter().position(|known| *known == leaf);
            positions.push(position.unwrap_or_else(|| {
                self.leaves.push(leaf);
                self.leaves.len() - 1
            }));
        }
        built.expr.replace_inputs(&mut |index, data_type| {
            Expr::input(positions.get(index).copied().unwrap_or(index), data_type)
        })
    }

    fn built(self, kind: MetricKind, expr: Expr) -> Built {
        Built { kind, expr, leaves: self.leaves, uses: self.uses, made_of: Unit::Unknown }
    }
}

/// The names in a derived metric, each as a value of its own.
struct Named<'k> {
    known: &'k HashMap<String, Expr>,
    names: Vec<String>,
}

impl Scope for Named<'_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let name = chain.join(".");
        let known = self.known.get(&name).ok_or_else(ExprError::silent)?;
        self.names.push(name);
        Ok(Expr::input(self.names.len() - 1, known.data_type))
    }
}

/// The names in a derived metric: its inputs, and metrics.
struct MetricScope<'w, 'a, 'n, 'd> {
    work: &'w mut Metrics<'a, 'n, 'd>,
    entry: MetricEntry<'d>,
    parts: Parts,
    known: HashMap<String, Expr>,
    /// How many parts the metrics had that were written out so far.
    written: usize,
}

impl MetricScope<'_, '_, '_, '_> {
    /// A metric is written out where it stands, as long as all of it has not too many parts.
    fn written(&mut self, expr: Expr) -> Result<Expr, ExprError> {
        expr.walk(&mut |_| self.written = self.written.saturating_add(1));
        if self.written > Extent::MOST.parts { Err(ExprError::new(too_large())) } else { Ok(expr) }
    }
}

impl Scope for MetricScope<'_, '_, '_, '_> {
    fn name(&mut self, chain: &[&str]) -> Result<Expr, ExprError> {
        let [name] = chain else {
            return Err(ExprError::new("a derived metric is computed from metrics, not fields"));
        };
        if let Some(expr) = self.known.get(*name).cloned() {
            return self.written(expr);
        }
        let def = self.entry.def;
        let expr = match def.inputs.get(name) {
            Some(input) => self.work.input(input, self.entry, &mut self.parts),
            None if def.inputs.failed().iter().any(|failed| failed == name) => None,
            None => {
                let built = self.work.found(name)?;
                Some(self.parts.add(name, built))
            }
        };
        let expr = expr.ok_or_else(ExprError::silent)?;
        self.known.insert((*name).to_owned(), expr.clone());
        self.written(expr)
    }
}
