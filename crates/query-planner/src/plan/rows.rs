//! The rows of a part: tables joined, conditions applied.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, JoinType, TableReference};
use datafusion_expr::{Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use datafusion_functions_aggregate::expr_fn::max;
use sandbar_catalog::{
    Field, FieldId, FieldKind, FieldPath, Relationship, RelationshipId, TableId,
};
use sandbar_permissions::Sandbox;

use super::merge::{Absent, Merged};
use super::part::key_column;
use super::smallest::{of_entities, of_single_rows};
use super::{DeclaredKey, Planner, bare};
use crate::barrier::apart;
use crate::error::QueryError;
use crate::lower::{Columns, Lower, Lowered, balanced, cast, join_key, only_where, plain_type};
use crate::query::{
    AuthorizedQuery, Bridge, Key, Member, MemberOf, Predicate, Rows, Scan, Shape, Source, ToMany,
    bridge_fields,
};
use crate::scan::{Shield, Wanted, is_shown_by_row, key_of, marked};
use crate::versions::holds;

/// A condition, lowered.
struct Conjunct {
    plan: Plan,
    fallible: bool,
    /// Whether it is on the asked table alone.
    own: bool,
}

/// What is wanted of some rows.
pub(super) struct Wants<'w> {
    /// Stored fields that are read of them, and of what they lead to.
    pub(super) fields: &'w [FieldPath],
    /// Stored fields by which they are looked up, clear.
    pub(super) keys: &'w [FieldPath],
    /// Stored fields that numbers read with their authors' rights, clear.
    pub(super) lifted: &'w [FieldPath],
    /// A further condition.
    pub(super) condition: Option<Plan>,
    /// The step to rows that they have many of, and are joined with.
    pub(super) bridge: Option<&'w ToMany>,
}

impl<'w> Wants<'w> {
    /// Some stored fields.
    pub(super) fn fields(fields: &'w [FieldPath]) -> Self {
        Self { fields, keys: &[], lifted: &[], condition: None, bridge: None }
    }
}

/// What conditions look at, planned.
pub(super) struct Looked {
    first: usize,
    plans: Vec<LogicalPlan>,
    joins: Vec<JoinType>,
    /// The positions of the conditions that those joins are.
    done: Vec<usize>,
}

impl<'a> Planner<'a, '_> {
    /// What lowers expressions over the joined rows.
    pub(super) fn lower(&self, rows: &Rows<Sandbox>) -> Result<Lower<'a>, QueryError> {
        let base = base(rows)?.source.table();
        let mut lower = Lower::new(self.compiled, Columns::Joined(base), &self.query.clock);
        let snapshot = self.compiled.snapshot();
        for scan in rows.scans.iter().filter(|scan| scan.source.is_narrowed()) {
            let fields = snapshot.table(scan.source.table()).fields.iter();
            let by_row = fields.filter(|field| {
                matches!(field.kind, FieldKind::Calculated(_))
                    && is_shown_by_row(scan.source.cell(field.id))
            });
            let path = |field: &Field| FieldPath { via: scan.via.clone(), field: field.id };
            lower.shown.extend(by_row.map(path));
        }
        Ok(lower)
    }

    /// Plans what conditions look at beyond the joined tables; from then on `lower` knows it.
    pub(super) fn look_up(
        &mut self,
        rows: &Rows<Sandbox>,
        lower: &mut Lower<'a>,
    ) -> Result<Looked, QueryError> {
        let first = self.shared.members;
        self.shared.members += rows.members.len();
        let count = rows.members.len();
        let (mut plans, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut joins = Vec::with_capacity(count);
        for (index, member) in rows.members.iter().enumerate() {
            let (plan, value) = self.looked_up(member, &member_alias(first + index))?;
            joins.push(match &member.of {
                MemberOf::Value { .. } => JoinType::Left,
                MemberOf::Rows { .. } => JoinType::LeftMark,
            });
            plans.push(plan);
            values.push(value);
        }
        // A condition that is nothing else decides which rows there are, and is known of each.
        let mut done = Vec::new();
        for (position, predicate) in rows.filter.iter().enumerate() {
            let (index, join) = match predicate {
                Predicate::Exists(index) => (*index, JoinType::LeftSemi),
                Predicate::Not(inner) => match inner.as_ref() {
                    Predicate::Exists(index) => (*index, JoinType::LeftAnti),
                    _ => continue,
                },
                _ => continue,
            };
            if let (Some(slot), Some(value)) = (joins.get_mut(index), values.get_mut(index))
                && *slot == JoinType::LeftMark
            {
                value.plan = lit(join == JoinType::LeftSemi);
                *slot = join;
                done.push(position);
            }
        }
        lower.inputs.extend(values);
        Ok(Looked { first, plans, joins, done })
    }

    /// Rows that are joined and fulfill the conditions. Whatever else is lowered over them has
    /// been before, so that `lower` knows whether anything can fail.
    pub(super) fn narrowed(
        &mut self,
        rows: &Rows<Sandbox>,
        looked: Looked,
        wants: &Wants<'_>,
        lower: &mut Lower<'a>,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let Looked { first, plans, joins, done } = looked;
        let mut conjuncts = Vec::with_capacity(rows.filter.len());
        for (position, predicate) in rows.filter.iter().enumerate() {
            if !done.contains(&position) {
                conjuncts.push(self.conjunct(predicate, lower)?);
            }
        }
        self.shared.fails |= lower.fallible;
        let mut builder = self.joined(rows, wants, &conjuncts, lower.fallible)?;
        let base = base(rows)?.source.table();
        let members = rows.members.iter().zip(plans).zip(joins);
        for (index, ((member, plan), join)) in members.enumerate() {
            let near = self.compiled.alias(base, &member.via);
            let snapshot = self.compiled.snapshot();
            let name = |field: &FieldId| key_of(&near, &snapshot.field(*field).name);
            let left: Vec<Column> = member.near.iter().map(name).collect();
            let alias = member_alias(first + index);
            let right = (0..left.len()).map(|index| {
                Column::new(Some(TableReference::bare(&*alias)), member_key(&alias, index))
            });
            let right: Vec<Column> = right.collect();
            builder = builder.join(plan, join, (left, right), None)?;
            if join == JoinType::LeftMark {
                builder = marked(builder, &alias)?;
            }
        }
        let mut filters: Vec<Plan> = conjuncts.into_iter().map(|c| c.plan).collect();
        filters.extend(wants.condition.clone());
        Ok(match balanced(filters, Operator::And) {
            Some(all) => builder.filter(all)?,
            None => builder,
        })
    }

    fn conjunct(
        &self,
        predicate: &Predicate,
        lower: &mut Lower<'a>,
    ) -> Result<Conjunct, QueryError> {
        let (plan, fallible) = lower.by_itself(|lower| lower.predicate(predicate));
        let plan = plan?;
        let mut own = predicate.members().is_empty();
        let snapshot = self.compiled.snapshot();
        predicate.expressions(&mut |expr| {
            own &= snapshot.stored_inputs(expr).iter().all(|path| path.via.is_empty());
        });
        Ok(Conjunct { plan, fallible, own })
    }

    /// The tables, joined: each row of the asked table once, with what it is related to.
    fn joined(
        &mut self,
        rows: &Rows<Sandbox>,
        wants: &Wants<'_>,
        conjuncts: &[Conjunct],
        fallible: bool,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let snapshot = self.compiled.snapshot();
        let base = base(rows)?.source.table();
        let mut joined: Option<LogicalPlanBuilder> = None;
        for scan in &rows.scans {
            let alias = self.compiled.alias(base, &scan.via);
            let used = wants.fields.iter().filter(|path| path.via == scan.via);
            let fields = once(used.map(|path| path.field));
            let keys = self.keys(rows, wants, &scan.via);
            let lifted = wants.lifted.iter().filter(|path| path.via == scan.via);
            let lifted = once(lifted.map(|path| path.field));
            let narrowed = !scan.source.rows().is_everything();
            let barrier = narrowed && (fallible || self.shield > Shield::Open);
            let copies = if barrier && scan.via.is_empty() && self.shield < Shield::Sealed {
                copies(conjuncts, &alias)?
            } else {
                Vec::new()
            };
            let (alias, fields, keys) = (&*alias, &*fields, &*keys);
            let wanted = Wanted { alias, fields, keys, lifted: &lifted, copies, barrier };
            let derived = match &scan.derived {
                Some(query) => Some(self.derived(query, scan.source.table(), fallible)?),
                None => None,
            };
            let plan = self.shared.scans.scan(self.compiled, &scan.source, wanted, derived)?;
            joined = Some(match (joined, scan.via.split_last()) {
                (None, _) => LogicalPlanBuilder::from(plan),
                (Some(joined), Some((last, before))) => {
                    let parent = self.compiled.alias(base, before);
                    let step = snapshot.relationship(*last);
                    let mut keys = (Vec::new(), Vec::new());
                    for (own, theirs) in &step.on {
                        keys.0.push(self.join_key(&parent, *own, *theirs)?);
                        let theirs = key_of(alias, &snapshot.field(*theirs).name);
                        keys.1.push(Plan::Column(theirs));
                    }
                    let held = self.held(rows, step, &parent, alias)?;
                    self.rely_on(scan, step)?;
                    joined.join_with_expr_keys(plan, JoinType::Left, keys, held)?
                }
                (Some(_), None) => return Err(QueryError::internal("two asked tables")),
            });
        }
        joined.ok_or_else(|| QueryError::internal("a question without a table"))
    }

    /// The groups that the rows of a part belong to: each combination of its keys of a bridge once
    /// for each row, so that a row counts once in each group.
    pub(super) fn bridged(
        &mut self,
        of: &[Key],
        bridge: &Bridge<Sandbox>,
    ) -> Result<(LogicalPlan, Vec<Option<Lowered>>), QueryError> {
        of_single_rows(&bridge.rows)?;
        let mut lower = self.lower(&bridge.rows)?;
        let looked = self.look_up(&bridge.rows, &mut lower)?;
        let asked = self.compiled.alias(base(&bridge.rows)?.source.table(), &[]);
        let snapshot = self.compiled.snapshot();
        let mut shown = Vec::new();
        for (index, (own, theirs)) in bridge.step.far.iter().zip(&bridge.step.near).enumerate() {
            shown.push(self.join_key(&asked, *own, *theirs)?.alias(far_column(index)));
        }
        let mut keys = Vec::with_capacity(of.len());
        for (index, key) in of.iter().enumerate() {
            if key.bridge.is_none() {
                keys.push(None);
                continue;
            }
            let lowered = self.group_key(key, &mut lower)?;
            shown.push(lowered.plan.alias(key_column(index)));
            let plan = Plan::Column(of_bridge(key_column(index)));
            keys.push(Some(Lowered { plan, arrow: lowered.arrow }));
        }
        let fields = bridge_fields(of, snapshot);
        let far: Vec<FieldPath> = bridge.step.far.iter().copied().map(FieldPath::own).collect();
        let wants = Wants { keys: &far, ..Wants::fields(&fields) };
        let builder = self.narrowed(&bridge.rows, looked, &wants, &mut lower)?;
        // Each combination once.
        let builder = builder.aggregate(shown, Vec::<Plan>::new())?;
        Ok((builder.alias(TableReference::bare(BRIDGE))?.build()?, keys))
    }

    /// The last of some days of the rows of a bridge, once for each row of a part, and its column.
    pub(super) fn last_bridged(
        &mut self,
        days: &Key,
        bridge: &Bridge<Sandbox>,
    ) -> Result<(LogicalPlan, Plan), QueryError> {
        let (plan, _) = self.bridged(std::slice::from_ref(days), bridge)?;
        let far =
            (0..bridge.step.far.len()).map(|index| Plan::Column(of_bridge(far_column(index))));
        let far: Vec<Plan> = far.collect();
        let day = Plan::Column(of_bridge(key_column(0)));
        let last = max(day.clone()).alias(key_column(0));
        let builder = LogicalPlanBuilder::from(plan).aggregate(far, vec![last])?;
        Ok((builder.alias(TableReference::bare(BRIDGE))?.build()?, day))
    }

    /// Rows joined with the groups that they belong to.
    pub(super) fn with_bridge(
        &self,
        builder: LogicalPlanBuilder,
        rows: &Rows<Sandbox>,
        step: &ToMany,
        bridge: LogicalPlan,
    ) -> Result<LogicalPlanBuilder, QueryError> {
        let near = self.compiled.alias(base(rows)?.source.table(), &step.via);
        let snapshot = self.compiled.snapshot();
        let left = step.near.iter().map(|field| key_of(&near, &snapshot.field(*field).name));
        let left: Vec<Column> = left.collect();
        let right = (0..left.len()).map(|index| of_bridge(far_column(index)));
        let right: Vec<Column> = right.collect();
        Ok(builder.join(bridge, JoinType::Left, (left, right), None)?)
    }

    /// The rows of a derived table, under the names and in the types of its columns.
    fn derived(
        &mut self,
        query: &AuthorizedQuery,
        table: TableId,
        fallible: bool,
    ) -> Result<LogicalPlan, QueryError> {
        let compiled = self.compiled;
        let mut inner = Planner { query, shared: &mut *self.shared, ..*self };
        let (builder, _) = inner.rows_of_answer(None)?;
        let mut lower = Lower::new(compiled, Columns::Nothing, compiled.clock());
        let mut shown: Vec<(&str, Plan)> = Vec::new();
        for field in &compiled.snapshot().table(table).fields {
            let FieldKind::Stored { column, arrow } = &field.kind else { continue };
            if shown.iter().any(|(name, _)| name == column) {
                continue;
            }
            let known = builder.schema().qualified_field_with_unqualified_name(column)?;
            let plan = Plan::Column(Column::new(known.0.cloned(), column));
            let value = Lowered { plan, arrow: known.1.data_type().clone() };
            let value = lower.convert(value, field.data_type)?;
            let plan =
                if value.arrow == *arrow { value.plan } else { cast(value.plan, arrow.clone()) };
            shown.push((column, plan.alias(column)));
        }
        let shown: Vec<Plan> = shown.into_iter().map(|(_, plan)| plan).collect();
        self.shared.fails |= lower.fallible;
        // What can fail is calculated of its rows alone: not of those that a policy hides, and not
        // of groups that are left out.
        let builder = if fallible || lower.fallible { apart(builder)? } else { builder };
        Ok(builder.project(shown)?.build()?)
    }

    /// Remembers that rows are counted once only if the key that they are joined by is unique.
    fn rely_on(&mut self, scan: &Scan<Sandbox>, step: &Relationship) -> Result<(), QueryError> {
        if step.trusted {
            return Ok(());
        }
        let fields: Vec<FieldId> = step.on.iter().map(|(_, theirs)| *theirs).collect();
        self.rely_on_key(scan, &fields)
    }

    fn rely_on_key(&mut self, scan: &Scan<Sandbox>, fields: &[FieldId]) -> Result<(), QueryError> {
        let snapshot = self.compiled.snapshot();
        if let Some(query) = &scan.derived {
            // Groups are told apart by what makes them; the rows of a list by the listed table's
            // key, which was seen to be part of this one.
            return match listed(query) {
                Some(base) => {
                    let of = base.source.table();
                    let table = snapshot.table(of);
                    self.rely_on_key(base, &table.primary_key)?;
                    match (table.validity, &base.derived) {
                        // A list has versions that never held as well.
                        (Some(_), None) => {
                            self.declare(of, &table.identity().collect::<Vec<_>>(), None)
                        }
                        _ => Ok(()),
                    }
                }
                None => Ok(()),
            };
        }
        let to = scan.source.table();
        self.declare(to, fields, snapshot.table(to).validity)
    }

    /// Remembers that stored fields are a key, of versions where there are ends.
    fn declare(
        &mut self,
        to: TableId,
        fields: &[FieldId],
        ends: Option<(FieldId, FieldId)>,
    ) -> Result<(), QueryError> {
        let snapshot = self.compiled.snapshot();
        let stored = self.compiled.stored(to)?;
        let column = |field: FieldId| match &snapshot.field(field).kind {
            FieldKind::Stored { column, .. } => Ok(column.clone()),
            FieldKind::Calculated(_) => Err(QueryError::internal("a calculated key")),
        };
        let columns = fields.iter().map(|field| column(*field));
        let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
        columns.sort_unstable();
        columns.dedup();
        let validity = match ends {
            Some((from, to)) => Some((column(from)?, column(to)?)),
            None => None,
        };
        let key = DeclaredKey { source: stored.name.clone(), columns, validity };
        if !self.shared.keys.contains(&key) {
            self.shared.keys.push(key);
        }
        Ok(())
    }

    /// A stored field by which the numbers of a part are looked up.
    pub(super) fn internal_key(
        &self,
        rows: &Rows<Sandbox>,
        path: &FieldPath,
    ) -> Result<Lowered, QueryError> {
        let field = self.compiled.snapshot().field(path.field);
        let FieldKind::Stored { arrow, .. } = &field.kind else {
            return Err(QueryError::internal("a calculated key"));
        };
        let alias = self.compiled.alias(base(rows)?.source.table(), &path.via);
        let plan = Plan::Column(key_of(&alias, &field.name));
        Ok(Lowered { plan, arrow: plain_type(arrow) })
    }

    /// What the rows of a table are joined by: a field, the day of an instant, or an instant in
    /// another unit.
    fn join_key(&self, alias: &str, own: FieldId, theirs: FieldId) -> Result<Plan, QueryError> {
        let snapshot = self.compiled.snapshot();
        let (own, theirs) = (snapshot.field(own), snapshot.field(theirs));
        let (FieldKind::Stored { arrow, .. }, FieldKind::Stored { arrow: other, .. }) =
            (&own.kind, &theirs.kind)
        else {
            return Err(QueryError::internal("a calculated key"));
        };
        let column = Plan::Column(key_of(alias, &own.name));
        Ok(join_key(column, &plain_type(arrow), &plain_type(other), &self.query.clock))
    }

    /// The condition under which a row of a history held at the time of the row that leads to it.
    fn held(
        &self,
        rows: &Rows<Sandbox>,
        step: &Relationship,
        parent: &str,
        alias: &str,
    ) -> Result<Option<Plan>, QueryError> {
        let snapshot = self.compiled.snapshot();
        let Some((from, to)) = snapshot.table(step.to).validity else { return Ok(None) };
        let time = step.as_of.or(rows.time).filter(|time| time.table() == step.id.table());
        let time = time.ok_or_else(|| QueryError::internal("a history without a time"))?;
        let value = |alias: &str, field: FieldId| {
            let field = snapshot.field(field);
            (Plan::Column(key_of(alias, &field.name)), field.data_type)
        };
        let times = [value(parent, time), value(alias, from), value(alias, to)];
        Ok(Some(holds(times, &self.query.clock)))
    }

    /// The stored fields of a scan that joins use: to the table before it, to those after, and to
    /// members; and those by which the rows themselves are looked up.
    fn keys(
        &self,
        rows: &Rows<Sandbox>,
        wants: &Wants<'_>,
        via: &[RelationshipId],
    ) -> Vec<FieldId> {
        let snapshot = self.compiled.snapshot();
        let looked_up = wants.keys.iter().filter(|path| path.via == via);
        let mut keys: Vec<FieldId> = looked_up.map(|path| path.field).collect();
        if let Some(last) = via.last() {
            let step = snapshot.relationship(*last);
            keys.extend(step.on.iter().map(|(_, theirs)| *theirs));
            keys.extend(
                snapshot.table(step.to).validity.iter().flat_map(|(from, to)| [*from, *to]),
            );
        }
        for other in &rows.scans {
            if let Some((last, before)) = other.via.split_last()
                && before == via
            {
                let step = snapshot.relationship(*last);
                keys.extend(step.on.iter().map(|(own, _)| *own));
                if snapshot.table(step.to).validity.is_some() {
                    let time = step.as_of.or(rows.time);
                    keys.extend(time.filter(|time| time.table() == step.id.table()));
                }
            }
        }
        if let Some(step) = wants.bridge.filter(|step| step.via == via) {
            keys.extend(step.near.iter().copied());
        }
        for member in rows.members.iter().filter(|member| member.via == via) {
            keys.extend(member.near.iter().copied());
        }
        once(keys)
    }

    /// What a condition looks at, by its keys; and the value that it gives.
    fn looked_up(
        &mut self,
        member: &Member<Sandbox>,
        alias: &str,
    ) -> Result<(LogicalPlan, Lowered), QueryError> {
        let relation = TableReference::bare(alias);
        match &member.of {
            MemberOf::Rows { rows, far } => {
                of_single_rows(rows)?;
                let mut lower = self.lower(rows)?;
                let looked = self.look_up(rows, &mut lower)?;
                let fields = rows.fields_read(self.compiled.snapshot());
                let paths: Vec<FieldPath> = far.iter().copied().map(FieldPath::own).collect();
                let wants = Wants { keys: &paths, ..Wants::fields(&fields) };
                let builder = self.narrowed(rows, looked, &wants, &mut lower)?;
                let asked = self.compiled.alias(base(rows)?.source.table(), &[]);
                let mut keys = Vec::with_capacity(far.len());
                for (index, (own, theirs)) in far.iter().zip(&member.near).enumerate() {
                    let key = self.join_key(&asked, *own, *theirs)?;
                    keys.push(key.alias(member_key(alias, index)));
                }
                // Many rows may be related to one on the way, which has many partners: a hash join
                // visits each pair, also where it only asks whether there is any.
                let builder = match member.via.is_empty() {
                    true => builder.project(keys)?,
                    false => builder.aggregate(keys, Vec::<Plan>::new())?,
                };
                let plan = builder.alias(relation)?.build()?;
                let mark = Plan::Column(Column::new_unqualified(alias));
                Ok((plan, Lowered::boolean(mark)))
            }
            MemberOf::Value { parts, places, value, .. } => {
                parts.iter().try_for_each(of_entities)?;
                let keys = member.near.len();
                let merged = self.merged(parts, keys, Absent::Missing)?;
                let inputs = Merged::inputs(&merged.leaves, places)?;
                let columns = merged.builder.schema().fields().iter().enumerate();
                let shown = columns.map(|(index, field)| match bare(field.name()) {
                    key if index < keys => key.alias(member_key(alias, index)),
                    number => number,
                });
                let shown: Vec<Plan> = shown.collect();
                let builder = merged.builder.project(shown)?;
                let plan = builder.alias(relation.clone())?.build()?;
                let mut lower = Lower::new(self.compiled, Columns::Nothing, &self.query.clock);
                lower.inputs = inputs;
                let mut lowered = lower.expr(value)?;
                self.shared.fails |= lower.fallible;
                let told = Merged::told(&merged.told, places, &value.inputs());
                lowered.plan = only_where(told, lowered.plan);
                // The columns are those of the member now.
                let moved = lowered.plan.transform(|node| match node {
                    Plan::Column(column) if column.relation.is_none() => Ok(Transformed::yes(
                        Plan::Column(Column::new(Some(relation.clone()), column.name)),
                    )),
                    other => Ok(Transformed::no(other)),
                })?;
                Ok((plan, Lowered { plan: moved.data, arrow: lowered.arrow }))
            }
        }
    }
}

/// The table whose rows a question lists one for one, itself or over others.
fn listed(query: &AuthorizedQuery) -> Option<&Scan<Sandbox>> {
    match (&query.source, &query.shape) {
        (_, Shape::Grouped(_)) => None,
        (Source::Answer(stage), Shape::Listing(_)) => listed(&stage.inner),
        (Source::Parts(parts), Shape::Listing(_)) => parts.first()?.rows.scans.first(),
    }
}

/// The asked table of some rows.
pub(super) fn base(rows: &Rows<Sandbox>) -> Result<&Scan<Sandbox>, QueryError> {
    rows.scans.first().ok_or_else(|| QueryError::internal("a question without a table"))
}

/// The name of the rows that a part has many of.
const BRIDGE: &str = "bridge";

fn far_column(index: usize) -> String {
    format!("#f{index}")
}

/// A column of the rows that a part has many of.
fn of_bridge(name: String) -> Column {
    Column::new(Some(TableReference::bare(BRIDGE)), name)
}

fn member_alias(index: usize) -> String {
    format!("member.{index}")
}

fn member_key(alias: &str, index: usize) -> String {
    format!("{alias}.k{index}")
}

/// Conditions on the asked table alone that cannot fail, over its columns below the alias.
fn copies(conjuncts: &[Conjunct], alias: &str) -> Result<Vec<Plan>, QueryError> {
    let relation = TableReference::bare(alias);
    let total = conjuncts.iter().filter(|c| c.own && !c.fallible);
    let copy = |conjunct: &Conjunct| {
        let moved = conjunct.plan.clone().transform(|node| match node {
            Plan::Column(column) if column.relation.as_ref() == Some(&relation) => {
                Ok(Transformed::yes(Plan::Column(Column::new_unqualified(column.name))))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(moved.data)
    };
    total.map(copy).collect()
}

/// Each key once, in the order of the model.
fn once(keys: impl IntoIterator<Item = FieldId>) -> Vec<FieldId> {
    let mut keys: Vec<FieldId> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
