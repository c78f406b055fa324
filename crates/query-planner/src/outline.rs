//! What a question is made of, as data and in words: for whoever wants to know how a number comes
//! about.
//!
//! It names what may be seen with the grants that it is made with, and nothing else: a part of the
//! model that reads something hidden shows as [`HIDDEN`].

use std::fmt;

use sandbar_catalog::expr::{Expr, ExprKind, Names};
use sandbar_catalog::{FieldId, FieldPath, RelationshipId, Snapshot, TableId};
use sandbar_permissions::{Grants, Level};

use crate::query::{
    Cut, Key, Leaf, Member, MemberOf, Of, Part, Place, Predicate, ResolvedQuery, Rows, Shape,
    Source,
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
    /// The stored fields that its values are made of, as `table.field`.
    pub lineage: Vec<String>,
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
        Teller { grants, snapshot: grants.snapshot() }.outline(self)
    }
}

struct Teller<'a> {
    grants: &'a Grants,
    snapshot: &'a Snapshot,
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
    fn outline(&self, query: &ResolvedQuery) -> Outline {
        let mut outline = Outline::default();
        let (keys, leaves) = match &query.source {
            Source::Parts(parts) => {
                outline.grains = parts.iter().map(|part| self.grain(part)).collect();
                let first = parts.first();
                let keys = first.map(|part| self.keys(part)).unwrap_or_default();
                let leaf = |part: &Part<TableId>, leaf: &Leaf| self.leaf(table_of(part), leaf, &[]);
                let all = |part: &Part<TableId>| -> Vec<String> {
                    part.leaves.iter().map(|found| leaf(part, found)).collect()
                };
                (keys, parts.iter().map(all).collect::<Vec<_>>())
            }
            Source::Answer(stage) => {
                let inner: Vec<String> =
                    stage.inner.shape.columns().iter().map(|column| column.name.clone()).collect();
                outline.from = Some(Box::new(self.outline(&stage.inner)));
                let filters = stage.filter.iter();
                outline.on_from = filters.map(|p| self.predicate(None, p, &inner)).collect();
                let keys = stage.keys.iter().map(|key| self.expr(None, key, &inner)).collect();
                let leaves = stage.leaves.iter().map(|leaf| self.leaf(None, leaf, &inner));
                (keys, vec![leaves.collect()])
            }
        };
        let told = |place: &Place| {
            let leaf = leaves.get(place.part).and_then(|part: &Vec<String>| part.get(place.leaf));
            leaf.cloned().unwrap_or_else(|| HIDDEN.to_owned())
        };
        let mut computed: Vec<String> = keys;
        if let Shape::Grouped(groups) = &query.shape {
            computed.truncate(groups.keys.len());
            let inputs: Vec<String> = groups.places.iter().map(told).collect();
            let values = groups.values.iter();
            let bracketed: Vec<String> = inputs.iter().map(|text| bracketed(text)).collect();
            let values: Vec<String> = values
                .map(|output| match &output.value.kind {
                    ExprKind::Input(_) => self.expr(None, &output.value, &inputs),
                    _ => self.expr(None, &output.value, &bracketed),
                })
                .collect();
            let shares = groups.shares.iter().map(|share| {
                let of = values.get(share.value).map_or(HIDDEN, String::as_str);
                let level = groups.levels.get(share.level).into_iter().flatten();
                let within = level.filter_map(|key| groups.keys.get(*key));
                let within: Vec<&str> = within.map(|key| key.name.as_str()).collect();
                match within.as_slice() {
                    [] => format!("{of}, as a share of its total"),
                    within => format!("{of}, as a share of that by {}", within.join(", ")),
                }
            });
            let shares: Vec<String> = shares.collect();
            computed.extend(values);
            computed.extend(shares);
            computed
                .extend(groups.marker.iter().map(|_| "0 for groups, else the total".to_owned()));
        }
        let columns = query.shape.columns();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        for (at, (name, computed)) in names.iter().zip(computed).enumerate() {
            let origins = query.origins(self.snapshot, at);
            let lineage = origins.into_iter().filter_map(|id| self.stored(id)).collect();
            let (name, metric) = (name.clone(), self.metric(query, at));
            outline.columns.push(ColumnOutline { name, metric, computed, lineage });
        }
        outline.having = query.having.iter().map(|p| self.predicate(None, p, &names)).collect();
        outline
    }

    /// The metric that a column is.
    fn metric(&self, query: &ResolvedQuery, at: usize) -> Option<String> {
        let Shape::Grouped(groups) = &query.shape else { return None };
        let id = groups.values.get(at.checked_sub(groups.keys.len())?)?.metric?;
        let seen = self.grants.metric_level(id) > Level::None;
        Some(if seen { self.snapshot.metric(id).name.clone() } else { HIDDEN.to_owned() })
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
            grain
                .notes
                .push(format!("each row counts in every period of {time} that it belongs to"));
        }
        if let Some(events) = &part.events {
            let inner = self.rows(&events.rows);
            let table = &inner.table;
            grain.notes.push(format!("with the rows of `{table}` that follow them, each once"));
            let filters = inner.filters.into_iter().map(|filter| format!("of `{table}`: {filter}"));
            grain.notes.extend(filters);
        }
        grain
    }

    fn rows(&self, rows: &Rows<TableId>) -> GrainOutline {
        let base = rows.scans.first().map(|scan| scan.source);
        let mut grain = GrainOutline {
            table: base.map_or_else(String::new, |table| self.table(table)),
            by: Vec::new(),
            joins: Vec::new(),
            filters: Vec::new(),
            notes: Vec::new(),
            derived: Vec::new(),
        };
        for scan in &rows.scans {
            if !scan.via.is_empty() {
                let (path, table) = (self.path(&scan.via), self.table(scan.source));
                grain.joins.push(JoinOutline { path, table });
            }
            if let Some(inner) = &scan.derived {
                grain.derived.push((self.table(scan.source), self.outline(inner)));
            }
        }
        let members: Vec<String> = rows.members.iter().map(|member| self.member(member)).collect();
        let filters = rows.filter.iter().map(|filter| self.predicate(base, filter, &members));
        grain.filters = filters.collect();
        grain
    }

    fn member(&self, member: &Member<TableId>) -> String {
        match &member.of {
            MemberOf::Rows { rows, .. } => {
                let inner = self.rows(rows);
                let conditions = match inner.filters.as_slice() {
                    [] => String::new(),
                    filters => format!(" with {}", filters.join(" and ")),
                };
                format!("there is a row of `{}`{conditions}", inner.table)
            }
            MemberOf::Value { parts, places, value } => {
                let told = |place: &Place| {
                    let part = parts.get(place.part)?;
                    Some(self.leaf(table_of(part), part.leaves.get(place.leaf)?, &[]))
                };
                let inputs: Vec<String> = places.iter().filter_map(told).collect();
                let entity = member.near.first().map(|field| self.table(field.table()));
                let entity = entity.unwrap_or_default();
                format!("{} of its `{entity}`", self.expr(None, value, &inputs))
            }
        }
    }

    fn keys(&self, part: &Part<TableId>) -> Vec<String> {
        let base = table_of(part);
        let told = |key: &Key| {
            let from = key.bridge.as_ref().map(|step| step.table).or(base);
            let field = match &key.of {
                Of::Field(path) => {
                    from.map_or_else(|| HIDDEN.to_owned(), |from| self.field(from, path))
                }
                Of::Calculated(expr) => self.expr(from, expr, &[]),
            };
            match key.cut {
                None => field,
                Some(Cut::Time(truncation)) => format!("{}({field})", truncation.name()),
                Some(Cut::Bins(_)) => format!("bins of {field}"),
            }
        };
        part.keys.iter().map(told).collect()
    }

    fn leaf(&self, table: Option<TableId>, leaf: &Leaf, inputs: &[String]) -> String {
        let mut text = self.expr(table, &leaf.expr, inputs);
        let lifted = leaf.definer.iter().flat_map(|definer| &definer.filters);
        let filters: Vec<String> = lifted
            .chain(&leaf.filters)
            .map(|filter| self.predicate(table, filter, inputs))
            .collect();
        if !filters.is_empty() {
            text.push_str(&format!(" where {}", filters.join(" and ")));
        }
        if let (Some(semi), Some(table)) = (&leaf.semi_additive, table) {
            let over = self.field(table, &own(semi.over));
            let per: Vec<String> = semi.per.iter().map(|path| self.field(table, path)).collect();
            let per =
                if per.is_empty() { String::new() } else { format!(" per {}", per.join(", ")) };
            let pick = format!("{:?}", semi.pick).to_lowercase();
            text.push_str(&format!(" at the {pick} {over}{per}"));
        }
        text
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

    /// A stored field, as `table.field`.
    fn stored(&self, id: FieldId) -> Option<String> {
        self.shows(&own(id)).then(|| self.field(id.table(), &own(id)))
    }
}

/// A number with its condition as part of a calculation.
fn bracketed(text: &str) -> String {
    if text.contains(" where ") { format!("({text})") } else { text.to_owned() }
}

fn own(field: FieldId) -> FieldPath {
    FieldPath::own(field)
}

fn table_of(part: &Part<TableId>) -> Option<TableId> {
    part.rows.scans.first().map(|scan| scan.source)
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
            for (name, inner) in &grain.derived {
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
