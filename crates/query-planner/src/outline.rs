//! What a question is made of, as data and in words: for whoever wants to know how a number comes
//! about.
//!
//! It names what may be seen with the grants that it is made with, and nothing else: a part of the
//! model that reads something hidden shows as [`HIDDEN`].

mod number;

use std::fmt;

use sandbar_catalog::definitions::WindowDef;
use sandbar_catalog::expr::{Expr, ExprKind, Function, Names};
use sandbar_catalog::{FieldId, FieldKind, FieldPath, MetricId, RelationshipId, Snapshot, TableId};
use sandbar_permissions::{Grants, Level};

use crate::origins::lineage_of;
use crate::query::{
    Cut, Dense, Events, Key, Leaf, Member, MemberOf, Of, Part, Place, Predicate, ResolvedQuery,
    Rows, Shape, Source,
};
use number::{periods, steps};

pub use number::{
    ConversionOutline, NumberOutline, PropertyOutline, SemiAdditiveOutline, SpineOutline,
};

/// What stands for a part of the model that may not be shown.
const HIDDEN: &str = "(not shown)";

/// What a question is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outline {
    /// The columns of the answer.
    pub columns: Vec<ColumnOutline>,
    /// The rows that they are computed from, one for each grain; one for a list.
    pub grains: Vec<GrainOutline>,
    /// The question of whose answer they are computed instead.
    pub from: Option<Box<Outline>>,
    /// Conditions on the columns of `from`.
    pub on_from: Vec<String>,
    /// Conditions on the groups of the answer.
    pub having: Vec<String>,
    /// The periods that have a row whether they have data or not.
    pub spine: Option<SpineOutline>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ColumnOutline {
    /// Its name.
    pub name: String,
    /// The metric that it is, where it is one, whatever the question calls it.
    pub metric: Option<String>,
    /// What is computed, in the words of the expression language.
    pub computed: String,
    /// The stored fields that its values are made of, and those that say which rows count in it, as
    /// `table.field`.
    pub lineage: Vec<String>,
    /// The aggregations that it is computed from, each once.
    pub numbers: Vec<NumberOutline>,
    /// What stands for a metric where it is missing.
    pub fill: Option<String>,
}

/// The rows of one table, with what each leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrainOutline {
    /// The table.
    pub table: String,
    /// What the rows are grouped by; what is listed of them, for a list.
    pub by: Vec<String>,
    /// The relationships that are followed, each with the table that it leads to.
    pub joins: Vec<JoinOutline>,
    /// All of these hold for the rows, before anything is computed.
    pub filters: Vec<String>,
    /// What else is done with them.
    pub notes: Vec<String>,
    /// What the derived tables among them are made of.
    pub derived: Vec<(String, Outline)>,
    /// The numbers that the conditions look up for what a row belongs to: how they are told there,
    /// and what they are made of.
    pub looked_up: Vec<(String, Outline)>,
}

/// A relationship that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinOutline {
    /// The names of the relationships from the asked table on.
    pub path: String,
    /// The table that it leads to.
    pub table: String,
}

impl ResolvedQuery {
    /// What the question is made of, as far as these grants show it.
    pub fn outline(&self, grants: &Grants) -> Outline {
        Teller { grants, snapshot: grants.snapshot() }.outline(self, Told::Asked)
    }
}

struct Teller<'a> {
    grants: &'a Grants,
    snapshot: &'a Snapshot,
}

/// Whose the names of an answer's columns are.
#[derive(Clone, Copy)]
enum Told {
    /// Those of the question that is asked.
    Asked,
    /// Those of a derived table's question: names of its fields, as far as they are shown.
    Fields(TableId),
    /// Those of a question within that one, which nobody else reads.
    Nowhere,
}

/// The names of fields from a table on; the inputs are told already.
struct From<'t> {
    teller: &'t Teller<'t>,
    table: TableId,
    inputs: &'t [String],
}

impl Names for From<'_> {
    fn field(&self, path: &FieldPath) -> String {
        self.teller.field(self.table, path)
    }

    fn input(&self, index: usize) -> String {
        self.inputs.get(index).cloned().unwrap_or_else(|| HIDDEN.to_owned())
    }
}

impl Teller<'_> {
    fn outline(&self, query: &ResolvedQuery, told: Told) -> Outline {
        let mut outline = Outline::default();
        let (keys, numbers) = match &query.source {
            Source::Parts(parts) => {
                outline.grains = parts.iter().map(|part| self.grain(part)).collect();
                let first = parts.first();
                let keys = first.map(|part| self.keys(part)).unwrap_or_default();
                outline.spine = query.dense.and_then(|dense| self.spine(first?, dense));
                (keys, self.numbers(parts))
            }
            Source::Answer(stage) => {
                let from = match told {
                    Told::Asked => Told::Asked,
                    Told::Fields(_) | Told::Nowhere => Told::Nowhere,
                };
                let columns = stage.inner.shape.columns();
                let inner: Vec<String> =
                    columns.iter().map(|column| self.column(from, &column.name)).collect();
                outline.from = Some(Box::new(self.outline(&stage.inner, from)));
                let filters = stage.filter.iter();
                outline.on_from = filters.map(|p| self.predicate(None, p, &inner)).collect();
                let keys = stage.keys.iter().map(|key| self.expr(None, key, &inner)).collect();
                let leaves = stage.leaves.iter().map(|leaf| self.number(None, leaf, &inner));
                (keys, vec![leaves.collect()])
            }
        };
        let mut made: Vec<Made> = keys.into_iter().map(Made::of).collect();
        if let Shape::Grouped(groups) = &query.shape {
            made.truncate(groups.keys.len());
            let inputs = at(&numbers, &groups.places);
            let values = groups.values.iter().map(|output| {
                let made = self.value(&output.value, &inputs);
                let fill = made.fill.filter(|_| output.metric.is_some());
                Made { fill, ..made }
            });
            let values: Vec<Made> = values.collect();
            let shares = groups.shares.iter().map(|share| {
                let number = values.get(share.value);
                let of = number.map_or(HIDDEN, |made| made.computed.as_str());
                let level = groups.levels.get(share.level).into_iter().flatten();
                let within = level.filter_map(|key| groups.keys.get(*key));
                let within: Vec<String> = within.map(|key| self.column(told, &key.name)).collect();
                let computed = match within.as_slice() {
                    [] => format!("{of}, as a share of its total"),
                    within => format!("{of}, as a share of that by {}", within.join(", ")),
                };
                let numbers = number.map(|made| made.numbers.clone()).unwrap_or_default();
                Made { numbers, ..Made::of(computed) }
            });
            let shares: Vec<Made> = shares.collect();
            made.extend(values);
            made.extend(shares);
            let marker = groups.marker.iter();
            made.extend(marker.map(|_| Made::of("0 for groups, else the total".to_owned())));
        }
        let columns = query.shape.columns();
        let names: Vec<String> =
            columns.iter().map(|column| self.column(told, &column.name)).collect();
        for (at, (name, made)) in names.iter().zip(made).enumerate() {
            let lineage = self.stored(query.lineage(self.snapshot, at));
            outline.columns.push(made.column(name.clone(), self.metric(query, at), lineage));
        }
        outline.having = query.having.iter().map(|p| self.predicate(None, p, &names)).collect();
        outline
    }

    /// The name of a column of an answer.
    fn column(&self, told: Told, name: &str) -> String {
        let shown = |table: TableId| {
            // Several fields may be of one column: a hidden one is not to be told by its silence.
            let mut fields = self.snapshot.table(table).fields.iter();
            fields.any(|field| match &field.kind {
                FieldKind::Stored { column, .. } => column == name && self.shows(&own(field.id)),
                FieldKind::Calculated(_) => false,
            })
        };
        let is_told = self.grants.are_all()
            || match told {
                Told::Asked => true,
                Told::Fields(table) => shown(table),
                Told::Nowhere => false,
            };
        if is_told { name.to_owned() } else { HIDDEN.to_owned() }
    }

    /// The metric that a column is.
    fn metric(&self, query: &ResolvedQuery, at: usize) -> Option<String> {
        let Shape::Grouped(groups) = &query.shape else { return None };
        let id = groups.values.get(at.checked_sub(groups.keys.len())?)?.metric?;
        Some(self.metric_name(id))
    }

    fn metric_name(&self, id: MetricId) -> String {
        match self.grants.metric_level(id) {
            Level::None => HIDDEN.to_owned(),
            _ => self.snapshot.metric(id).name.clone(),
        }
    }

    /// The periods of a key of a part.
    fn spine(&self, part: &Part<TableId>, dense: Dense) -> Option<SpineOutline> {
        let key = part.keys.get(dense.key)?;
        Some(SpineOutline { grain: dense.grain, of: self.key(table_of(part), key) })
    }

    fn grain(&self, part: &Part<TableId>) -> GrainOutline {
        let mut grain = self.rows(&part.rows);
        grain.by = self.keys(part);
        if let Some(bridge) = &part.bridge {
            let table = self.table(bridge.step.table);
            grain.notes.push(format!("each row counts once in each group of `{table}` it has"));
            grain.joins.extend(self.rows(&bridge.rows).joins);
        }
        if let Some(series) = &part.series {
            let time = self.field(table_of(part).unwrap_or(series.time.table()), &own(series.time));
            grain.notes.push(periods(&time, &part.times));
        }
        if let Some(events) = &part.events {
            let inner = self.rows(&events.rows);
            let table = &inner.table;
            grain.notes.push(format!("with the rows of `{table}` that follow them, each once"));
            let conversion = self.conversion(part, events);
            grain.notes.extend(conversion.iter().flat_map(ConversionOutline::notes));
            let filters = inner.filters.into_iter().map(|filter| format!("of `{table}`: {filter}"));
            grain.notes.extend(filters);
        }
        grain
    }

    fn rows(&self, rows: &Rows<TableId>) -> GrainOutline {
        let base = base_of(rows);
        let mut grain = GrainOutline {
            table: base.map_or_else(String::new, |table| self.table(table)),
            by: Vec::new(),
            joins: Vec::new(),
            filters: Vec::new(),
            notes: Vec::new(),
            derived: Vec::new(),
            looked_up: Vec::new(),
        };
        for scan in &rows.scans {
            if !scan.via.is_empty() {
                let (path, table) = (self.path(&scan.via), self.table(scan.source));
                grain.joins.push(JoinOutline { path, table });
            }
            if let Some(inner) = &scan.derived {
                let inner = self.outline(inner, Told::Fields(scan.source));
                grain.derived.push((self.table(scan.source), inner));
            }
        }
        let members = rows.members.iter().map(|member| self.member(member));
        let (members, looked_up): (Vec<String>, Vec<_>) = members.unzip();
        grain.looked_up = looked_up.into_iter().flatten().collect();
        let filters = rows.filter.iter().map(|filter| self.predicate(base, filter, &members));
        grain.filters = filters.collect();
        grain
    }

    /// What a condition looks at, and what is looked up there.
    fn member(&self, member: &Member<TableId>) -> (String, Vec<(String, Outline)>) {
        match &member.of {
            MemberOf::Rows { rows, .. } => {
                let inner = self.rows(rows);
                let conditions = match inner.filters.as_slice() {
                    [] => String::new(),
                    filters => format!(" with {}", filters.join(" and ")),
                };
                let told = format!("there is a row of `{}`{conditions}", inner.table);
                (told, inner.looked_up)
            }
            MemberOf::Value { metric, parts, places, value } => {
                let metric = self.metric_name(*metric);
                let entity = member.near.first().map(|field| self.table(field.table()));
                let entity = entity.unwrap_or_default();
                let told = match member.via.as_slice() {
                    [] => format!("{metric} per row of {entity}"),
                    via => format!("{metric} per {} ({entity})", self.path(via)),
                };
                let made = self.value(value, &at(&self.numbers(parts), places));
                let lineage = self.stored(lineage_of(self.snapshot, parts, places, value));
                let outline = Outline {
                    columns: vec![made.column(metric.clone(), Some(metric), lineage)],
                    grains: parts.iter().map(|part| self.grain(part)).collect(),
                    ..Outline::default()
                };
                (told.clone(), vec![(told, outline)])
            }
        }
    }

    fn keys(&self, part: &Part<TableId>) -> Vec<String> {
        let base = table_of(part);
        let told = |key: &Key| {
            let field = self.key(base, key);
            match key.cut {
                None => field,
                Some(Cut::Time(truncation)) => format!("{}({field})", truncation.name()),
                Some(Cut::Bins(_)) => format!("bins of {field}"),
            }
        };
        part.keys.iter().map(told).collect()
    }

    /// What a key has of each row.
    fn key(&self, base: Option<TableId>, key: &Key) -> String {
        let from = key.bridge.as_ref().map(|step| step.table).or(base);
        match &key.of {
            Of::Field(path) => {
                from.map_or_else(|| HIDDEN.to_owned(), |from| self.field(from, path))
            }
            Of::Calculated(expr) => self.expr(from, expr, &[]),
        }
    }

    /// The numbers of parts, by their places.
    fn numbers(&self, parts: &[Part<TableId>]) -> Vec<Vec<NumberOutline>> {
        let all = |part: &Part<TableId>| {
            let members = part.rows.members.iter().map(|member| self.member(member).0);
            let members: Vec<String> = members.collect();
            part.leaves.iter().map(|leaf| self.number(Some(part), leaf, &members)).collect()
        };
        parts.iter().map(all).collect()
    }

    /// A number of a part, or of the answer of a question.
    fn number(
        &self,
        part: Option<&Part<TableId>>,
        leaf: &Leaf,
        inputs: &[String],
    ) -> NumberOutline {
        let table = part.and_then(table_of);
        let lifted = leaf.definer.iter().flat_map(|definer| &definer.filters);
        let filters =
            lifted.chain(&leaf.filters).map(|filter| self.predicate(table, filter, inputs));
        let mut number = NumberOutline {
            aggregated: self.expr(table, &leaf.expr, inputs),
            table: table.map(|table| self.table(table)),
            filters: filters.collect(),
            ..NumberOutline::default()
        };
        if let (Some(semi), Some(table)) = (&leaf.semi_additive, table) {
            let over = self.field(table, &own(semi.over));
            let per = semi.per.iter().map(|path| self.field(table, path)).collect();
            number.semi_additive = Some(SemiAdditiveOutline { over, pick: semi.pick, per });
        }
        if let Some(part) = part {
            number.window = part.times.window;
            number.shifts = steps(&part.times);
            if let Some(events) = &part.events {
                let counted = self.rows(&events.rows);
                number.table = Some(counted.table);
                number.filters.extend(counted.filters);
                number.conversion = self.conversion(part, events);
            }
        }
        number
    }

    fn conversion(
        &self,
        part: &Part<TableId>,
        events: &Events<TableId>,
    ) -> Option<ConversionOutline> {
        let (base, counted) = (table_of(part)?, base_of(&events.rows)?);
        let pair = |(ours, theirs): &(FieldPath, FieldPath)| PropertyOutline {
            base: self.field(base, ours),
            conversion: self.field(counted, theirs),
        };
        let (entity, constant) = events.on.split_first()?;
        Some(ConversionOutline {
            base: self.table(base),
            base_time: self.field(base, &own(events.base_time)),
            time: self.field(counted, &own(events.time)),
            entity: pair(entity),
            constant_properties: constant.iter().map(pair).collect(),
            window: events.window.map(|(count, unit)| WindowDef { count, unit }),
        })
    }

    /// A calculation over numbers, which are its inputs.
    fn value(&self, value: &Expr, numbers: &[NumberOutline]) -> Made {
        let alone = matches!(value.kind, ExprKind::Input(_));
        let told = |number: &NumberOutline| match alone || number.is_plain() {
            true => number.to_string(),
            false => format!("({number})"),
        };
        let inputs: Vec<String> = numbers.iter().map(told).collect();
        let used = value.inputs().into_iter().filter_map(|input| numbers.get(input).cloned());
        let fill = match &value.kind {
            ExprKind::Call(Function::Coalesce, args) => match args.as_slice() {
                [_, fill] if matches!(fill.kind, ExprKind::Literal(_)) => {
                    Some(self.expr(None, fill, &[]))
                }
                _ => None,
            },
            _ => None,
        };
        Made { computed: self.expr(None, value, &inputs), numbers: used.collect(), fill }
    }

    fn predicate(
        &self,
        table: Option<TableId>,
        predicate: &Predicate,
        inputs: &[String],
    ) -> String {
        let all = |parts: &[Predicate], word: &str| {
            let parts: Vec<String> =
                parts.iter().map(|part| self.predicate(table, part, inputs)).collect();
            format!("({})", parts.join(word))
        };
        match predicate {
            Predicate::And(parts) => all(parts, " and "),
            Predicate::Or(parts) => all(parts, " or "),
            Predicate::Not(inner) => format!("not ({})", self.predicate(table, inner, inputs)),
            Predicate::Asked(expr) | Predicate::Modelled(expr) => self.expr(table, expr, inputs),
            Predicate::Exists(member) => {
                inputs.get(*member).cloned().unwrap_or_else(|| HIDDEN.to_owned())
            }
        }
    }

    /// An expression; all of it is hidden if any of its fields is.
    fn expr(&self, table: Option<TableId>, expr: &Expr, inputs: &[String]) -> String {
        let hidden = expr.fields().iter().any(|path| !self.shows(path));
        let Some(table) = table.or_else(|| self.snapshot.tables().first().map(|table| table.id))
        else {
            return HIDDEN.to_owned();
        };
        if hidden {
            return HIDDEN.to_owned();
        }
        expr.text(&From { teller: self, table, inputs })
    }

    /// Internal fields are shown to administrators only.
    fn shows(&self, path: &FieldPath) -> bool {
        self.grants.are_all() || self.grants.field_level(path) > Level::None
    }

    fn table(&self, table: TableId) -> String {
        match self.grants.table_level(table) {
            Level::None => HIDDEN.to_owned(),
            _ => self.snapshot.table(table).name.clone(),
        }
    }

    fn path(&self, via: &[RelationshipId]) -> String {
        let names = via.iter().map(|step| self.snapshot.relationship(*step).name.as_str());
        names.collect::<Vec<_>>().join(".")
    }

    fn field(&self, from: TableId, path: &FieldPath) -> String {
        if !self.shows(path) {
            return HIDDEN.to_owned();
        }
        format!("{}.{}", self.table(from), self.snapshot.path_name(path))
    }

    /// The stored fields among these that are shown, as `table.field`.
    fn stored(&self, fields: Vec<FieldId>) -> Vec<String> {
        let shown = fields.into_iter().filter(|id| self.shows(&own(*id)));
        shown.map(|id| self.field(id.table(), &own(id))).collect()
    }
}

/// How a column comes about.
struct Made {
    computed: String,
    numbers: Vec<NumberOutline>,
    fill: Option<String>,
}

impl Made {
    fn of(computed: String) -> Self {
        Self { computed, numbers: Vec::new(), fill: None }
    }

    fn column(self, name: String, metric: Option<String>, lineage: Vec<String>) -> ColumnOutline {
        let Self { computed, numbers, fill } = self;
        ColumnOutline { name, metric, computed, lineage, numbers, fill }
    }
}

/// The numbers at these places.
fn at(numbers: &[Vec<NumberOutline>], places: &[Place]) -> Vec<NumberOutline> {
    let told = |place: &Place| {
        let found = numbers.get(place.part).and_then(|part| part.get(place.leaf));
        let hidden = || NumberOutline { aggregated: HIDDEN.to_owned(), ..NumberOutline::default() };
        found.cloned().unwrap_or_else(hidden)
    };
    places.iter().map(told).collect()
}

fn own(field: FieldId) -> FieldPath {
    FieldPath::own(field)
}

fn table_of(part: &Part<TableId>) -> Option<TableId> {
    base_of(&part.rows)
}

fn base_of(rows: &Rows<TableId>) -> Option<TableId> {
    rows.scans.first().map(|scan| scan.source)
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Outline {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let margin = "  ".repeat(depth);
        for column in &self.columns {
            write!(f, "{margin}{} = ", column.name)?;
            if let Some(metric) = column.metric.as_ref().filter(|metric| **metric != column.name) {
                write!(f, "{metric} = ")?;
            }
            write!(f, "{}", column.computed)?;
            if !column.lineage.is_empty() {
                write!(f, "  [{}]", column.lineage.join(", "))?;
            }
            writeln!(f)?;
        }
        for grain in &self.grains {
            write!(f, "{margin}rows of {}", grain.table)?;
            if !grain.by.is_empty() {
                write!(f, ", by {}", grain.by.join(", "))?;
            }
            writeln!(f)?;
            for join in &grain.joins {
                writeln!(f, "{margin}  each with its {} ({})", join.path, join.table)?;
            }
            for filter in &grain.filters {
                writeln!(f, "{margin}  where {filter}")?;
            }
            for note in &grain.notes {
                writeln!(f, "{margin}  {note}")?;
            }
            for (name, inner) in grain.derived.iter().chain(&grain.looked_up) {
                writeln!(f, "{margin}  {name} is made of")?;
                inner.write(f, depth.saturating_add(2))?;
            }
        }
        if self.grains.len() > 1 {
            writeln!(
                f,
                "{margin}each of these is computed for itself, then put together by group"
            )?;
        }
        if let Some(SpineOutline { grain, of }) = &self.spine {
            let grain = grain.name();
            writeln!(f, "{margin}each {grain} of {of} has a row, whether it has data or not")?;
        }
        if let Some(inner) = &self.from {
            writeln!(f, "{margin}from the answer to")?;
            inner.write(f, depth.saturating_add(1))?;
        }
        for filter in &self.on_from {
            writeln!(f, "{margin}where {filter}")?;
        }
        for filter in &self.having {
            writeln!(f, "{margin}having {filter}")?;
        }
        Ok(())
    }
}
