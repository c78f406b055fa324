//! The second lock: the only place that scans a table, and only a sandboxed one.
//!
//! ```text
//! scan → row filter on clear values → visible fields, masked → [copies of total conditions] → [barrier] → alias
//! ```

mod partners;

use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Column, JoinType, TableReference};
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr as Plan, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use datafusion_functions::unicode;
use sandbar_catalog::{FieldId, FieldKind, TableId};
use sandbar_permissions::{Cell, Condition, Mask, RowFilter, Sandbox};

use crate::barrier::apart;
use crate::compiled::{Compiled, Stored};
use crate::error::QueryError;
use crate::functions::mask_hash;
use crate::lower::{Columns, Lower, balanced, cast, constant_in, one_number, plain, plain_type};
use partners::looked_up;

/// How strongly the policies are set apart from the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shield {
    /// A barrier only where something that can fail could otherwise meet a hidden row.
    Open,
    /// A barrier over every narrowed table; conditions that cannot fail are copied below it.
    Barrier,
    /// A barrier over every narrowed table, and nothing of the question below it.
    Sealed,
}

impl Shield {
    /// The next one, which keeps more apart.
    pub fn stronger(self) -> Option<Self> {
        match self {
            Self::Open => Some(Self::Barrier),
            Self::Barrier => Some(Self::Sealed),
            Self::Sealed => None,
        }
    }
}

/// What must stand between a scan and the rest of the plan: `verify` looks for it again in the
/// finished plans.
#[derive(Clone, Debug)]
pub struct Guard {
    source: String,
    policy: Vec<Plan>,
    tests: Vec<Plan>,
    joined: usize,
    barrier: bool,
    never: bool,
    owner: Option<usize>,
}

impl Guard {
    /// The source that is scanned.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The conditions that every row above the scan must fulfil, over the source's own columns.
    pub fn policy(&self) -> &[Plan] {
        &self.policy
    }

    /// The conditions in which it stands whether a row has a partner among those of other tables.
    pub(crate) fn tests(&self) -> &[Plan] {
        &self.tests
    }

    /// How many policy tables its rows are joined with.
    pub fn joined(&self) -> usize {
        self.joined
    }

    /// Whether a barrier stands above.
    pub fn barrier(&self) -> bool {
        self.barrier
    }

    /// For the scan of a policy's table: the position of the guard whose rows it decides.
    pub fn owner(&self) -> Option<usize> {
        self.owner
    }

    /// Whether no row may pass at all.
    pub fn never(&self) -> bool {
        self.never
    }
}

/// What a scan is called in a plan beside its source's name, by the position of its guard.
fn guard_name(guard: usize) -> String {
    format!("scan.{guard}")
}

/// The position of the guard that a scan of a plan belongs to, by its name there.
pub fn guard_of(scan: &TableReference) -> Option<usize> {
    scan.schema()?.strip_prefix("scan.")?.parse().ok()
}

/// The name of a field's column among the rows of a question, for the table that stands under
/// `alias` there: with the way to the table before it. No two tables that are joined have a name in
/// common, since DataFusion's physical rules move conditions to the first column of a name.
fn column_name(alias: &str, field: &str) -> String {
    match alias.split_once('.') {
        Some((_, way)) => format!("{way}.{field}"),
        None => field.to_owned(),
    }
}

/// The name of a key's column, which only joins may use.
fn key_name(alias: &str, field: &str) -> String {
    format!("#key.{}", column_name(alias, field))
}

/// The column of a field that the question reads.
pub(crate) fn column_of(alias: &str, field: &str) -> Column {
    Column::new(Some(TableReference::bare(alias)), column_name(alias, field))
}

/// The column of a key, clear.
pub(crate) fn key_of(alias: &str, field: &str) -> Column {
    Column::new(Some(TableReference::bare(alias)), key_name(alias, field))
}

/// The column of a field that a metric reads with its author's rights, clear.
pub(crate) fn lifted_of(alias: &str, field: &str) -> Column {
    Column::new(Some(TableReference::bare(alias)), lifted_name(alias, field))
}

/// The column that tells whether a calculated field is shown in a row.
pub(crate) fn shown_of(alias: &str, field: &str) -> Column {
    Column::new(Some(TableReference::bare(alias)), shown_name(alias, field))
}

fn shown_name(alias: &str, field: &str) -> String {
    format!("#shown.{}", column_name(alias, field))
}

/// Whether a calculated field is shown in some rows and not in others.
pub(crate) fn is_shown_by_row(cell: &Cell) -> bool {
    match cell {
        Cell::Clear | Cell::Hidden => false,
        Cell::Masked(_) | Cell::ByRow(_) => true,
    }
}

fn lifted_name(alias: &str, field: &str) -> String {
    format!("#lifted.{}", column_name(alias, field))
}

/// Rows joined with others that tell of each row whether it has a partner, in a column of its own
/// name.
pub(crate) fn marked(
    builder: LogicalPlanBuilder,
    mark: &str,
) -> Result<LogicalPlanBuilder, QueryError> {
    let mut shown: Vec<Plan> = builder.schema().columns().into_iter().map(Plan::Column).collect();
    if let Some(last) = shown.pop() {
        shown.push(last.alias(mark));
    }
    Ok(builder.project(shown)?)
}

/// The scans of one plan, and what guards each.
#[derive(Default)]
pub(crate) struct Scans {
    pub(crate) guards: Vec<Guard>,
    policies: usize,
    /// Whether the rows that policies look at stand behind barriers of their own: what is known of
    /// the guarded rows would say of some sets that they are empty, where no proof finds them.
    sealed: bool,
}

/// Scans sandboxes, and remembers what guards each scan.
struct Scanner<'a> {
    compiled: &'a Compiled,
    scans: &'a mut Scans,
}

/// What is wanted of one scan.
pub(crate) struct Wanted<'a> {
    pub(crate) alias: &'a str,
    /// The fields the question reads, masked as the sandbox says. Of a calculated one it is whether
    /// it is shown in a row, where that depends on the row.
    pub(crate) fields: &'a [FieldId],
    /// The fields that joins use, clear.
    pub(crate) keys: &'a [FieldId],
    /// The fields that metrics read with their authors' rights, clear.
    pub(crate) lifted: &'a [FieldId],
    /// Conditions on the masked fields that cannot fail.
    pub(crate) copies: Vec<Plan>,
    pub(crate) barrier: bool,
}

impl Scans {
    pub(crate) fn under(shield: Shield) -> Self {
        Self { sealed: shield == Shield::Sealed, ..Self::default() }
    }

    /// The name of the next scan in a plan: the guard that it belongs to, and its source.
    fn reference(&self, stored: &Stored) -> TableReference {
        TableReference::partial(guard_name(self.guards.len()), stored.name.clone())
    }

    /// The rows and fields of one table that its sandbox shows. Those of a derived table are made
    /// of `derived`, a plan of what the asker sees of the tables below it.
    pub(crate) fn scan(
        &mut self,
        compiled: &Compiled,
        sandbox: &Sandbox,
        wanted: Wanted<'_>,
        derived: Option<LogicalPlan>,
    ) -> Result<LogicalPlan, QueryError> {
        Scanner { compiled, scans: self }.scan(sandbox, wanted, derived)
    }
}

impl<'a> Scanner<'a> {
    fn scan(
        &mut self,
        sandbox: &Sandbox,
        wanted: Wanted<'_>,
        derived: Option<LogicalPlan>,
    ) -> Result<LogicalPlan, QueryError> {
        let table = sandbox.table();
        let mut columns: Vec<FieldId> = wanted.fields.iter().chain(wanted.keys).copied().collect();
        columns.extend(wanted.lifted);
        let mut by_row = Vec::new();
        for field in wanted.fields {
            if let Cell::ByRow(rules) = sandbox.cell(*field) {
                by_row.extend(rules.iter().map(|(rows, _)| rows));
            }
        }
        for filter in &by_row {
            self.condition_fields(filter, &mut columns);
        }
        let own_guard = self.scans.guards.len();
        let stored = self.compiled.stored(table)?;
        let at = self.scans.reference(stored);
        let (mut builder, mut marks) = match derived {
            Some(plan) if sandbox.rows().is_everything() => {
                (LogicalPlanBuilder::from(plan).alias(at.clone())?, 0)
            }
            Some(_) => return Err(QueryError::internal("a row filter on a derived table")),
            None => self.rows(table, &at, sandbox.rows(), columns)?,
        };
        // Conditions of cells join their related tables too, before the masks are applied.
        let mut tests: Vec<Plan> = Vec::with_capacity(by_row.len());
        for filter in by_row {
            let test = match filter {
                RowFilter::Everything => lit(true),
                RowFilter::Never => lit(false),
                RowFilter::Where(condition) => {
                    let (joined, test) = self.condition(builder, &at, condition, &mut marks)?;
                    builder = joined;
                    test
                }
            };
            tests.push(test);
        }
        let mut tests = tests.into_iter();
        let mut shown = Vec::with_capacity(wanted.fields.len() + wanted.keys.len());
        for field in wanted.fields {
            let (cell, snapshot) = (sandbox.cell(*field), self.compiled.snapshot());
            let name = &snapshot.field(*field).name;
            match snapshot.field(*field).kind {
                FieldKind::Stored { .. } => {
                    let value = self.cell(&at, cell, *field, &mut tests)?;
                    shown.push(value.alias(column_name(wanted.alias, name)));
                }
                FieldKind::Calculated(_) if is_shown_by_row(cell) => {
                    let told = told_by_row(cell, &mut tests);
                    shown.push(told.alias(shown_name(wanted.alias, name)));
                }
                FieldKind::Calculated(_) => {}
            }
        }
        for key in wanted.keys {
            let name = &self.compiled.snapshot().field(*key).name;
            // Keys that are equal are the same.
            let key = one_number(self.field_of(&at, *key)?);
            shown.push(key.plan.alias(key_name(wanted.alias, name)));
        }
        for field in wanted.lifted {
            if !sandbox.lifts(*field) {
                return Err(QueryError::internal("a field is read with nobody's rights"));
            }
            let name = &self.compiled.snapshot().field(*field).name;
            shown.push(self.raw(&at, *field)?.alias(lifted_name(wanted.alias, name)));
        }
        if shown.is_empty() {
            shown.push(lit(true).alias("#row"));
        }
        builder = builder.project(shown)?;
        if let Some(copies) = balanced(wanted.copies, Operator::And) {
            builder = builder.filter(copies)?;
        }
        // A semi-join is a place where DataFusion moves conditions through: it is always closed.
        let barrier = wanted.barrier || marks > 0;
        if barrier {
            // The asked table and every policy table below it stand behind the same barrier.
            self.scans.guards.iter_mut().skip(own_guard).for_each(|guard| guard.barrier = true);
        }
        let builder = if barrier { apart(builder)? } else { builder };
        Ok(builder.alias(TableReference::bare(wanted.alias))?.build()?)
    }

    /// The rows of a table that a filter lets pass, with the stored columns named; and how many
    /// policy tables were joined for it.
    fn rows(
        &mut self,
        table: TableId,
        at: &TableReference,
        filter: &RowFilter,
        mut columns: Vec<FieldId>,
    ) -> Result<(LogicalPlanBuilder, usize), QueryError> {
        self.condition_fields(filter, &mut columns);
        let stored = self.compiled.stored(table)?;
        let mut projection: Vec<usize> = columns.iter().filter_map(|f| stored.column(*f)).collect();
        projection.sort_unstable();
        projection.dedup();
        let source = stored.source.clone();
        let source = source.ok_or_else(|| QueryError::internal("a derived table is scanned"))?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that scans")]
        let mut builder = LogicalPlanBuilder::scan(at.clone(), source, Some(projection))?;
        let mut marks = 0;
        let guard = self.scans.guards.len();
        self.scans.guards.push(Guard {
            source: stored.name.clone(),
            policy: Vec::new(),
            tests: Vec::new(),
            joined: 0,
            barrier: false,
            never: *filter == RowFilter::Never,
            owner: None,
        });
        let condition = match filter {
            RowFilter::Everything => return Ok((builder, 0)),
            RowFilter::Never => return Ok((builder.filter(lit(false))?, 0)),
            RowFilter::Where(condition) => condition,
        };
        let mut conjuncts = Vec::new();
        flatten(condition, &mut conjuncts);
        let (own, others): (Vec<&Condition>, Vec<&Condition>) =
            conjuncts.into_iter().partition(|condition| condition.is_own());
        let (mut policy, mut tests) = (Vec::with_capacity(own.len()), Vec::new());
        for condition in own {
            policy.push(self.own(at, condition)?);
        }
        if let Some(all) = balanced(policy.clone(), Operator::And) {
            builder = builder.filter(all)?;
        }
        for condition in others {
            let partners = match condition {
                Condition::Related(relationship, inner) => self.related(*relationship, inner)?,
                Condition::In(among) => Self::among(among)?,
                _ => {
                    let (joined, test) = self.condition(builder, at, condition, &mut marks)?;
                    builder = joined.filter(test.clone())?;
                    tests.push(test);
                    continue;
                }
            };
            marks += 1;
            builder = self.join(builder, at, &partners, JoinType::LeftSemi)?.0;
        }
        if let Some(guard) = self.scans.guards.get_mut(guard) {
            guard.policy = policy;
            guard.tests = tests;
            guard.joined = marks;
        }
        Ok((builder, marks))
    }

    /// A condition on the table's own fields.
    fn own(&self, at: &TableReference, condition: &Condition) -> Result<Plan, QueryError> {
        match condition {
            Condition::Own(expr) => {
                let mut lower = Lower::new(self.compiled, Columns::Raw(at), self.compiled.clock());
                let plan = lower.modelled(expr)?.plan;
                // The check refuses what can fail by its model types; the stored ones decide.
                if lower.fallible {
                    return Err(QueryError::internal("a row filter can fail on stored values"));
                }
                Ok(plan)
            }
            Condition::All(parts) | Condition::Any(parts) => {
                let op = match condition {
                    Condition::All(_) => Operator::And,
                    _ => Operator::Or,
                };
                let parts = parts.iter().map(|p| self.own(at, p)).collect::<Result<_, _>>()?;
                balanced(parts, op).ok_or_else(|| QueryError::internal("an empty row filter"))
            }
            Condition::Related(..) | Condition::In(_) | Condition::NotIn(_) => {
                Err(QueryError::internal("a row filter on other rows alone"))
            }
        }
    }

    /// A condition in which other tables stand beside it: each becomes a mark.
    fn condition(
        &mut self,
        mut builder: LogicalPlanBuilder,
        at: &TableReference,
        condition: &Condition,
        marks: &mut usize,
    ) -> Result<(LogicalPlanBuilder, Plan), QueryError> {
        match condition {
            Condition::Own(_) => Ok((builder, self.own(at, condition)?)),
            Condition::Related(relationship, inner) => {
                let partners = self.related(*relationship, inner)?;
                self.mark(builder, at, &partners, marks)
            }
            Condition::In(among) => self.mark(builder, at, &Self::among(among)?, marks),
            Condition::NotIn(among) => {
                let value = self.raw(at, looked_up(among)?)?;
                let (builder, mark) = self.mark(builder, at, &Self::among(among)?, marks)?;
                let other = Plan::Not(Box::new(mark));
                let known = Plan::IsNotNull(Box::new(value));
                Ok((builder, datafusion_expr::binary_expr(known, Operator::And, other)))
            }
            Condition::All(parts) | Condition::Any(parts) => {
                let op = match condition {
                    Condition::All(_) => Operator::And,
                    _ => Operator::Or,
                };
                let mut tests = Vec::with_capacity(parts.len());
                for part in parts {
                    let (joined, test) = self.condition(builder, at, part, marks)?;
                    builder = joined;
                    tests.push(test);
                }
                let test = balanced(tests, op)
                    .ok_or_else(|| QueryError::internal("an empty row filter"))?;
                Ok((builder, test))
            }
        }
    }

    /// The stored fields that a filter reads of its own table, keys to related tables included.
    fn condition_fields(&self, filter: &RowFilter, columns: &mut Vec<FieldId>) {
        let RowFilter::Where(condition) = filter else { return };
        let snapshot = self.compiled.snapshot();
        for expr in condition.own_expressions() {
            columns.extend(snapshot.stored_inputs(expr).into_iter().map(|path| path.field));
        }
        for (relationship, _) in condition.related() {
            let relationship = snapshot.relationship(relationship);
            columns.extend(relationship.on.iter().map(|(own, _)| *own));
            if snapshot.table(relationship.to).validity.is_some() {
                columns.extend(snapshot.version_time(relationship));
            }
        }
    }

    fn raw_column(&self, at: &TableReference, field: FieldId) -> Result<Column, QueryError> {
        match &self.compiled.snapshot().field(field).kind {
            FieldKind::Stored { column, .. } => Ok(Column::new(Some(at.clone()), column.clone())),
            FieldKind::Calculated(_) => {
                Err(QueryError::internal("a calculated field is not stored"))
            }
        }
    }

    /// A stored column, of its plain type.
    fn raw(&self, at: &TableReference, field: FieldId) -> Result<Plan, QueryError> {
        let column = Plan::Column(self.raw_column(at, field)?);
        match &self.compiled.snapshot().field(field).kind {
            FieldKind::Stored { arrow, .. } => Ok(plain(column, arrow)),
            FieldKind::Calculated(_) => Ok(column),
        }
    }

    /// What the sandbox shows of a field, in the plain type of what is stored.
    fn cell(
        &self,
        at: &TableReference,
        cell: &Cell,
        field: FieldId,
        tests: &mut impl Iterator<Item = Plan>,
    ) -> Result<Plan, QueryError> {
        let FieldKind::Stored { arrow, .. } = &self.compiled.snapshot().field(field).kind else {
            return Err(QueryError::internal("a calculated field is not stored"));
        };
        let (value, arrow) = (self.raw(at, field)?, &plain_type(arrow));
        match cell {
            Cell::Clear => Ok(value),
            Cell::Hidden => Err(QueryError::internal("a hidden field is read")),
            Cell::Masked(mask) => self.mask(mask, value, arrow),
            Cell::ByRow(rules) => {
                let mut arms = Vec::with_capacity(rules.len());
                for (_, mask) in rules {
                    let test =
                        tests.next().ok_or_else(|| QueryError::internal("a cell lost its test"))?;
                    let shown = match mask {
                        None => value.clone(),
                        Some(mask) => self.mask(mask, value.clone(), arrow)?,
                    };
                    arms.push((Box::new(test), Box::new(shown)));
                }
                let nothing = self.mask(&Mask::Null, value, arrow)?;
                Ok(Plan::Case(Case::new(None, arms, Some(Box::new(nothing)))))
            }
        }
    }

    fn mask(&self, mask: &Mask, value: Plan, arrow: &DataType) -> Result<Plan, QueryError> {
        let text = |value: Plan| match arrow {
            DataType::Utf8 => value,
            _ => cast(value, DataType::Utf8),
        };
        let stored = |masked: Plan| match arrow {
            DataType::Utf8 => masked,
            _ => cast(masked, arrow.clone()),
        };
        Ok(match mask {
            Mask::Null => constant_in(arrow, &sandbar_catalog::Literal::Null)?,
            Mask::Constant(literal) => constant_in(arrow, literal)?,
            Mask::Hash => stored(mask_hash(text(value), self.compiled.mask_key())),
            Mask::Prefix(length) => {
                let start = unicode::expr_fn::left(text(value), lit(i64::from(*length)));
                let masked =
                    datafusion_expr::binary_expr(start, Operator::StringConcat, lit("***"));
                stored(masked)
            }
        })
    }
}

/// Whether a calculated field is shown in a row: one of the filters lets it pass.
fn told_by_row(cell: &Cell, tests: &mut impl Iterator<Item = Plan>) -> Plan {
    let rules = match cell {
        Cell::ByRow(rules) => rules.len(),
        Cell::Clear | Cell::Hidden | Cell::Masked(_) => 0,
    };
    balanced(tests.take(rules).collect(), Operator::Or).unwrap_or_else(|| lit(false))
}

/// The conjuncts of a condition.
fn flatten<'c>(condition: &'c Condition, into: &mut Vec<&'c Condition>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| flatten(part, into)),
        one => into.push(one),
    }
}
