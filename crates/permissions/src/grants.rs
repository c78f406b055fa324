//! Policies applied to one principal.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sandbar_auth::Principal;
use sandbar_catalog::expr::Expr;
use sandbar_catalog::{
    FieldId, FieldKind, FieldPath, MeasureId, Reads, Relationship, RelationshipId, SegmentId,
    Snapshot, TableId, Visibility,
};

use crate::bind::bind;
use crate::condition::RowFilter;
use crate::effective::{EffectivePolicy, PolicyShape, both, keys};
use crate::level::Level;
use crate::mask::Mask;
use crate::policy_set::{PolicySet, TableGrant};
use crate::sandbox::{Cell, Sandbox};
use crate::scope::Purpose;

/// The right to see everything, and why others do not. The host makes it; nothing in a token does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Administrator;

impl Administrator {
    /// Declares that the caller is the host acting for an administrator.
    pub fn asserted_by_host() -> Self {
        Self
    }
}

/// What one principal may see of one snapshot.
///
/// Every reader of data or names takes it: queries, listings, search, suggestions, values.
pub struct Grants {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) policies: Arc<PolicySet>,
    /// `None` for an administrator.
    pub(crate) principal: Option<Principal>,
    pub(crate) purpose: Purpose,
    tables: Box<[OnceLock<TableAccess>]>,
    nothing: TableAccess,
    shape: PolicyShape,
    effective: EffectivePolicy,
    /// The same for what a model asks, where a token has a scope.
    of_model: OnceLock<Box<Grants>>,
}

/// Why a table or metric is not to be queried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not exist for this principal.
    Absent,
    /// It may be described, not queried.
    DescribeOnly,
    /// Every grant is void: the principal lacks this attribute, or it is not of its type.
    MissingAttribute(String),
}

/// A policy that shaped an answer, for an administrator's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedPolicy {
    /// Its name.
    pub name: Arc<str>,
    /// The file and line it was written at.
    pub origin: Arc<str>,
    /// What it did: `grant`, `restrict`, `deny`, or `propagate` where it speaks of a table whose
    /// hidden rows hide those that belong to them.
    pub effect: &'static str,
    /// The condition as it was written.
    pub rows: Option<Arc<str>>,
    /// Whether it could not be bound and so gave nothing.
    pub void: bool,
}

#[derive(Debug, Default)]
pub(crate) struct TableAccess {
    pub(crate) level: Level,
    pub(crate) void: Option<Void>,
    rows: Option<RowFilter>,
    cells: Arc<[Cell]>,
    min_group_size: Option<u32>,
    /// The names of the policies that decided.
    policies: Arc<[Arc<str>]>,
    /// One level per field, calculated ones included.
    pub(crate) fields: Vec<Level>,
}

/// A table all of whose grants could not be bound.
#[derive(Debug)]
pub(crate) struct Void {
    /// The attribute that the first of them lacks.
    pub(crate) attribute: String,
    /// What they would have shown: the table, and each of its fields.
    pub(crate) level: Level,
    pub(crate) fields: Vec<Level>,
}

/// What a derived table reads, as its asker may see it.
enum Below {
    /// Access to all of it goes this far.
    Seen(Level),
    /// It would be seen, but for want of this attribute.
    Lacking(String),
}

/// One grant of a table, bound.
struct Rectangle<'p> {
    rows: RowFilter,
    fields: &'p [bool],
    masks: &'p [(FieldId, Mask)],
    level: Level,
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants").field("effective", &self.effective).finish_non_exhaustive()
    }
}

impl Grants {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        policies: Arc<PolicySet>,
        principal: Option<Principal>,
        purpose: Purpose,
    ) -> Self {
        let (shape, effective) = keys(&snapshot, &policies, principal.as_ref(), purpose);
        let tables = snapshot.tables().iter().map(|_| OnceLock::new()).collect();
        let (nothing, of_model) = (TableAccess::default_none(), OnceLock::new());
        Self { snapshot, policies, principal, purpose, tables, nothing, shape, effective, of_model }
    }

    /// Grants about which everything is decided, made of these and others.
    pub(crate) fn decided(&self, other: &Self, tables: Vec<TableAccess>) -> Self {
        let (snapshot, policies) = (Arc::clone(&self.snapshot), Arc::clone(&self.policies));
        let principal = self.principal.clone().or_else(|| other.principal.clone());
        let (shape, effective) = both(self.effective, other.effective);
        let tables = tables.into_iter().map(OnceLock::from).collect();
        let (nothing, purpose) = (TableAccess::default_none(), self.purpose);
        let of_model = OnceLock::new();
        Self { snapshot, policies, principal, purpose, tables, nothing, shape, effective, of_model }
    }

    /// What this principal may see of what a model asks, below a derived table: all that policies
    /// give, as the scope of a token is about the question that the principal asks.
    pub fn of_model(&self) -> &Self {
        if self.principal.as_ref().is_none_or(|principal| principal.scopes().is_none()) {
            return self;
        }
        self.of_model.get_or_init(|| {
            let tables = self.snapshot.tables().iter().map(|_| OnceLock::new()).collect();
            Box::new(Self {
                snapshot: Arc::clone(&self.snapshot),
                policies: Arc::clone(&self.policies),
                principal: self.principal.clone(),
                purpose: Purpose::Model,
                tables,
                nothing: TableAccess::default_none(),
                shape: self.shape,
                effective: self.effective,
                of_model: OnceLock::new(),
            })
        })
    }

    /// The model these grants are about.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Whether they are those of an administrator, who sees everything.
    pub fn are_all(&self) -> bool {
        self.principal.is_none()
    }

    /// Which policies apply, without attribute values.
    pub fn shape(&self) -> PolicyShape {
        self.shape
    }

    /// Which policies apply, with attribute values.
    pub fn effective(&self) -> EffectivePolicy {
        self.effective
    }

    /// How far access to a table goes.
    pub fn table_level(&self, table: TableId) -> Level {
        self.access(table).level
    }

    /// Whether and why not a table may be queried.
    ///
    /// # Errors
    /// The refusal to answer with; a hidden table is [`Refusal::Absent`].
    pub fn may_query(&self, table: TableId) -> Result<(), Refusal> {
        let access = self.access(table);
        match (access.level, &access.void) {
            (Level::Query, _) => Ok(()),
            (Level::Describe, _) => Err(Refusal::DescribeOnly),
            (Level::None, Some(void)) => Err(Refusal::MissingAttribute(void.attribute.clone())),
            (Level::None, None) => Err(Refusal::Absent),
        }
    }

    /// The table as this principal sees it: the only way to something that can be scanned.
    ///
    /// # Errors
    /// As for [`Grants::may_query`].
    pub fn sandbox(&self, table: TableId) -> Result<Sandbox, Refusal> {
        self.may_query(table)?;
        let access = self.access(table);
        let rows = access.rows.clone().unwrap_or(RowFilter::Never);
        let clear_key = self.snapshot.table(table).identity().all(|field| self.is_clear(field));
        let smallest = self.min_group_size(table);
        let sandbox = Sandbox::new(table, rows, Arc::clone(&access.cells), clear_key, smallest);
        Ok(sandbox.made_by(Arc::clone(&access.policies)))
    }

    /// Of how many rows of a table something is told to this principal at least: the most that any
    /// restriction says which concerns him. `None`: of single rows too.
    pub fn min_group_size(&self, table: TableId) -> Option<u32> {
        self.access(table).min_group_size
    }

    /// How far access to a field goes, seen from the table that the path starts at. Every table
    /// on the way must be visible; the keys that are joined on need not be.
    pub fn field_level(&self, path: &FieldPath) -> Level {
        let mut level = Level::Query;
        for step in &path.via {
            level = level.min(self.step_level(*step, &|id| self.table_level(id)));
        }
        level.min(self.own_field_level(path.field))
    }

    fn own_field_level(&self, id: FieldId) -> Level {
        let field = self.snapshot.field(id);
        if field.visibility == Visibility::Internal {
            return Level::None;
        }
        self.inputs_level(&[FieldPath::own(id)])
    }

    fn granted_level(&self, id: FieldId) -> Level {
        self.access(id.table()).fields.get(id.index()).copied().unwrap_or(Level::None)
    }

    /// The least of the levels of what something is computed from: of every field, and where that
    /// is calculated of every field it reads in turn.
    pub fn inputs_level(&self, inputs: &[FieldPath]) -> Level {
        self.least(inputs, &|id| self.table_level(id), &|id| self.granted_level(id))
    }

    pub(crate) fn least<'f>(
        &self,
        inputs: impl IntoIterator<Item = &'f FieldPath>,
        of_table: &dyn Fn(TableId) -> Level,
        of_field: &dyn Fn(FieldId) -> Level,
    ) -> Level {
        let of_path = |path: &FieldPath| {
            let steps = path.via.iter().map(|step| self.step_level(*step, of_table));
            let own = steps.min().unwrap_or(Level::Query).min(of_field(path.field));
            match &self.snapshot.field(path.field).kind {
                FieldKind::Stored { .. } => own,
                FieldKind::Calculated(expr) => {
                    own.min(self.least(expr.fields(), of_table, of_field))
                }
            }
        };
        inputs.into_iter().map(of_path).min().unwrap_or(Level::Query)
    }

    /// How far access to a relationship goes: no further than to both of its tables, and nowhere
    /// where it would join by keys that are masked.
    fn step_level(&self, step: RelationshipId, of_table: &dyn Fn(TableId) -> Level) -> Level {
        let relationship = self.snapshot.relationship(step);
        if !self.joins_clear_keys(relationship) {
            return Level::None;
        }
        of_table(step.table()).min(of_table(relationship.to))
    }

    /// The least of the levels of the fields that an expression over `table` reads, and its own.
    fn expr_level(&self, table: TableId, expr: &Expr) -> Level {
        let fields: Vec<FieldPath> = expr.fields().into_iter().cloned().collect();
        self.inputs_level(&fields).min(self.table_level(table))
    }

    /// How far access to a measure goes: its table's, and no further than its inputs.
    pub fn measure_level(&self, id: MeasureId) -> Level {
        self.expr_level(id.table(), &self.snapshot.measure(id).expr)
    }

    /// How far access to a segment goes: its table's, and no further than its inputs.
    pub fn segment_level(&self, id: SegmentId) -> Level {
        self.expr_level(id.table(), &self.snapshot.segment(id).condition)
    }

    /// The policies that shape this principal's view of a table, for an administrator.
    pub fn applied(&self, table: TableId, _: &Administrator) -> Vec<AppliedPolicy> {
        let (Some(principal), Some(rules)) = (&self.principal, self.policies.of_table(table))
        else {
            return Vec::new();
        };
        let describe = |policy: usize, effect: &'static str, void: bool| {
            self.policies.policies.get(policy).map(|p| AppliedPolicy {
                name: Arc::clone(&p.name),
                origin: Arc::clone(&p.origin),
                effect,
                rows: p.rows.clone(),
                void,
            })
        };
        let concerned = |policy: usize| self.policies.concerns(policy, principal);
        let unbound = |rows: &crate::policy_set::UnboundFilter| {
            bind(&rows.0, &self.policies, principal).is_err()
        };
        let grants = rules
            .grants
            .iter()
            .filter(|g| concerned(g.policy))
            .filter_map(|g| describe(g.policy, "grant", g.rows.as_ref().is_some_and(unbound)));
        let restricts = rules.restricts.iter().filter(|(p, _)| concerned(*p));
        let restricts = restricts.filter_map(|(p, rows)| describe(*p, "restrict", unbound(rows)));
        // A policy that says both has one line.
        let of_rows = |policy: usize| rules.restricts.iter().any(|(p, _)| *p == policy);
        let sizes = rules.min_group_sizes.iter().filter(|(p, _)| concerned(*p) && !of_rows(*p));
        let sizes = sizes.filter_map(|(p, _)| describe(*p, "restrict", false));
        let denials = rules.denials.iter().filter(|(p, _)| concerned(*p));
        let denials = denials.filter_map(|(p, _)| describe(*p, "deny", false));
        let mut told: Vec<AppliedPolicy> =
            grants.chain(restricts).chain(sizes).chain(denials).collect();
        for parent in rules.parents.iter().filter(|parent| concerned(parent.policy)) {
            let there = self.policies.of_table(parent.of);
            let void =
                there.into_iter().flat_map(|rules| rules.rows_of(parent.policy)).any(unbound);
            let applied = describe(parent.policy, "propagate", void);
            told.extend(applied.filter(|applied| !told.contains(applied)));
        }
        told
    }

    pub(crate) fn access(&self, table: TableId) -> &TableAccess {
        match self.tables.get(table.index()) {
            Some(cell) => cell.get_or_init(|| self.decide(table)),
            None => &self.nothing,
        }
    }

    /// The combination rules of house.md, for one table.
    fn decide(&self, table: TableId) -> TableAccess {
        let count = self.snapshot.table(table).fields.len();
        let Some(principal) = &self.principal else {
            return TableAccess {
                level: Level::Query,
                void: None,
                rows: Some(RowFilter::Everything),
                cells: vec![Cell::Clear; count].into(),
                min_group_size: None,
                policies: Arc::default(),
                fields: vec![Level::Query; count],
            };
        };
        let Some(rules) = self.policies.of_table(table) else { return TableAccess::default_none() };
        if self.snapshot.table(table).visibility == Visibility::Internal {
            return TableAccess::default_none();
        }
        // What a collection holds is granted and denied with it.
        let (by_collection, kept_away) = match self.snapshot.table(table).collection {
            Some(collection) => self.collection_access(collection, principal),
            None => (Level::None, false),
        };
        if kept_away {
            return TableAccess::default_none();
        }
        let concerned = |policy: usize| self.policies.concerns(policy, principal);
        let mut denied = vec![false; count];
        for (policy, fields) in &rules.denials {
            if !concerned(*policy) {
                continue;
            }
            let Some(fields) = fields else { return TableAccess::default_none() };
            for field in fields {
                if let Some(flag) = denied.get_mut(field.index()) {
                    *flag = true;
                }
            }
        }
        let mut void: Option<Void> = None;
        let mut rectangles = Vec::new();
        let all = vec![true; count];
        if by_collection > Level::None {
            let rows = RowFilter::Everything;
            rectangles.push(Rectangle { rows, fields: &all, masks: &[], level: by_collection });
        }
        let counts = |g: &&TableGrant| g.level > Level::None && concerned(g.policy);
        for grant in rules.grants.iter().filter(counts) {
            let rows = match &grant.rows {
                None => Ok(RowFilter::Everything),
                Some(rows) => bind(&rows.0, &self.policies, principal),
            };
            match rows {
                Ok(rows) => rectangles.push(Rectangle {
                    rows,
                    fields: &grant.fields,
                    masks: &grant.masks,
                    level: grant.level,
                }),
                Err(unbound) => {
                    let (attribute, level) = (unbound.attribute, Level::None);
                    let fields = vec![Level::None; count];
                    void.get_or_insert(Void { attribute, level, fields }).promise(grant, &denied);
                }
            }
        }
        if rectangles.is_empty() {
            return TableAccess { void, ..TableAccess::default_none() };
        }
        let below = match self.snapshot.derived(table) {
            Some(derived) => self.reads_level(&derived.reads),
            None => Below::Seen(Level::Query),
        };
        let mut restricted = RowFilter::Everything;
        for (_, rows) in rules.restricts.iter().filter(|(p, _)| concerned(*p)) {
            let bound = bind(&rows.0, &self.policies, principal).unwrap_or(RowFilter::Never);
            restricted = restricted.and(bound);
        }
        let restricted = restricted.and(self.propagated(table, principal));
        let mut access = Self::combine(table, &rectangles, &denied, restricted, &self.snapshot);
        let sizes = rules.min_group_sizes.iter().filter(|(p, _)| concerned(*p));
        access.min_group_size = sizes.map(|(_, rows)| *rows).max();
        let mut shaping: Vec<usize> =
            rules.policies().filter(|policy| concerned(*policy)).collect();
        shaping.sort_unstable();
        shaping.dedup();
        let shaping = shaping.into_iter().filter_map(|at| self.policies.policies.get(at));
        access.policies = shaping.map(|policy| Arc::clone(&policy.name)).collect();
        match below {
            Below::Seen(Level::None) => TableAccess::default_none(),
            Below::Seen(level) => {
                let fields = access.fields.into_iter().map(|field| field.min(level)).collect();
                TableAccess { level: access.level.min(level), fields, ..access }
            }
            Below::Lacking(attribute) => {
                let (level, fields) = (access.level, access.fields);
                let void = Some(Void { attribute, level, fields });
                TableAccess { void, ..TableAccess::default_none() }
            }
        }
    }

    /// How far access to everything that a derived table reads goes.
    fn reads_level(&self, reads: &Reads) -> Below {
        let tables = reads.tables.iter().map(|id| self.table_level(*id));
        let fields = reads.fields.iter().map(|id| self.granted_level(*id));
        let metrics = reads.metrics.iter().map(|id| self.metric_level(*id));
        let level = tables.chain(fields).chain(metrics).min().unwrap_or(Level::Query);
        if level > Level::None {
            return Below::Seen(level);
        }
        // What void grants would show, as for a metric.
        let mut lacking = None;
        let mut promised = Level::Query;
        for id in &reads.tables {
            let access = self.access(*id);
            promised = promised.min(access.promised());
            lacking = lacking.or(access.void.as_ref().map(|void| void.attribute.clone()));
        }
        for id in &reads.fields {
            promised = promised.min(self.access(id.table()).promised_field(*id));
        }
        for id in &reads.metrics {
            let level = self.metric_level(*id);
            let void = || self.lacking(*id).map_or(Level::None, |_| Level::Query);
            promised = promised.min(if level > Level::None { level } else { void() });
        }
        match lacking {
            Some(attribute) if promised > Level::None => Below::Lacking(attribute),
            _ => Below::Seen(Level::None),
        }
    }

    /// Whether the values of a field are those that are stored: it is not masked, nor, in a
    /// derived table, anything that they are made of.
    fn is_clear(&self, id: FieldId) -> bool {
        let cell = self.access(id.table()).cells.get(id.index());
        cell == Some(&Cell::Clear) && self.origins_are_clear(id)
    }

    fn origins_are_clear(&self, id: FieldId) -> bool {
        if self.principal.is_none() {
            return true;
        }
        let Some(derived) = self.snapshot.derived(id.table()) else { return true };
        let origins = derived.reads.origins.get(id.index());
        origins.is_some_and(|origins| origins.iter().all(|origin| self.is_clear(*origin)))
    }

    /// Whether all rows that are seen show the values of a field as they are stored: nothing is
    /// masked in it, nor in what it is calculated from, and no row that it is taken from is missing.
    pub fn shows_stored(&self, id: FieldId) -> bool {
        let whole = |step: &RelationshipId| {
            let rows = &self.access(self.snapshot.relationship(*step).to).rows;
            rows.as_ref().is_some_and(RowFilter::is_everything)
        };
        let stored = |path: &FieldPath| path.via.iter().all(whole) && self.shows_stored(path.field);
        self.is_clear(id)
            && match &self.snapshot.field(id).kind {
                FieldKind::Stored { .. } => true,
                FieldKind::Calculated(expr) => expr.fields().into_iter().all(stored),
            }
    }

    /// Whether the keys that a relationship joins are those that are stored. The keys of a table
    /// over a source always are; those of a derived table are what its asker sees of them.
    pub(crate) fn joins_clear_keys(&self, relationship: &Relationship) -> bool {
        let mut keys = relationship.on.iter().flat_map(|(own, theirs)| [*own, *theirs]);
        keys.all(|key| self.origins_are_clear(key))
    }

    fn combine(
        table: TableId,
        rectangles: &[Rectangle<'_>],
        denied: &[bool],
        restricted: RowFilter,
        snapshot: &Snapshot,
    ) -> TableAccess {
        let level = rectangles.iter().map(|r| r.level).max().unwrap_or(Level::None);
        let queried: Vec<&Rectangle<'_>> =
            rectangles.iter().filter(|r| r.level == Level::Query).collect();
        let rows = RowFilter::any(queried.iter().map(|r| r.rows.clone())).and(restricted);
        let fields = &snapshot.table(table).fields;
        let mut levels = Vec::with_capacity(fields.len());
        let mut cells = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            // A calculated field is shown by what shows all that it is computed from as well.
            let made = field.inputs.iter().chain(&field.calculations);
            let made = made.filter(|path| path.via.is_empty()).map(|path| path.field.index());
            let mut needed: Vec<usize> = made.chain([index]).collect();
            needed.sort_unstable();
            needed.dedup();
            let flag = |flags: &[bool], at: usize| flags.get(at).copied().unwrap_or(false);
            let gone = needed.iter().any(|at| flag(denied, *at));
            let shows = |r: &Rectangle<'_>| !gone && needed.iter().all(|at| flag(r.fields, *at));
            let best = rectangles.iter().filter(|r| shows(r)).map(|r| r.level).max();
            levels.push(best.unwrap_or(Level::None));
            cells.push(cell(field.id, &queried, &shows));
        }
        let (rows, cells) = (Some(rows), cells.into());
        let (min_group_size, policies) = (None, Arc::default());
        TableAccess { level, void: None, rows, cells, min_group_size, policies, fields: levels }
    }
}

impl Void {
    /// Adds what a grant would have shown.
    fn promise(&mut self, grant: &TableGrant, denied: &[bool]) {
        self.level = self.level.max(grant.level);
        let shown = grant.fields.iter().zip(denied).map(|(shown, denied)| *shown && !denied);
        for (field, shown) in self.fields.iter_mut().zip(shown) {
            if shown {
                *field = (*field).max(grant.level);
            }
        }
    }
}

impl TableAccess {
    /// How far access to the table goes, or would go if its void grants were not.
    pub(crate) fn promised(&self) -> Level {
        self.void.as_ref().map_or(self.level, |void| void.level)
    }

    /// The same of one of its fields.
    pub(crate) fn promised_field(&self, id: FieldId) -> Level {
        let fields = self.void.as_ref().map_or(&self.fields, |void| &void.fields);
        fields.get(id.index()).copied().unwrap_or(Level::None)
    }

    /// The rows that can be asked for, where any can.
    pub(crate) fn queried_rows(&self) -> Option<&RowFilter> {
        self.rows.as_ref().filter(|_| self.level == Level::Query)
    }

    /// The rows of both, without a field.
    pub(crate) fn rows_of_either(&self, other: &Self) -> Self {
        let queried = [self, other].into_iter().filter(|access| access.level == Level::Query);
        let rows: Vec<RowFilter> = queried.filter_map(|access| access.rows.clone()).collect();
        if rows.is_empty() {
            return Self::default_none();
        }
        Self {
            level: Level::Query,
            void: None,
            rows: Some(RowFilter::any(rows)),
            cells: vec![Cell::Hidden; self.cells.len()].into(),
            min_group_size: None,
            policies: Arc::default(),
            fields: vec![Level::None; self.fields.len()],
        }
    }

    fn default_none() -> Self {
        Self { level: Level::None, ..Self::default() }
    }
}

/// A cell is clear iff one single grant shows both its row and its field.
fn cell(
    field: FieldId,
    queried: &[&Rectangle<'_>],
    shows: &dyn Fn(&Rectangle<'_>) -> bool,
) -> Cell {
    let mut rules: Vec<(RowFilter, Option<Mask>)> = Vec::new();
    let mut unseen = false;
    for rectangle in queried {
        if rectangle.rows == RowFilter::Never {
            continue;
        }
        if !shows(rectangle) {
            unseen = true;
            continue;
        }
        let mask = rectangle.masks.iter().find(|(id, _)| *id == field).map(|(_, m)| m.clone());
        rules.push((rectangle.rows.clone(), mask));
    }
    // Clear beats masked where both would show the cell.
    rules.sort_by_key(|(_, mask)| mask.is_some());
    if rules.is_empty() {
        let shown = queried.iter().any(|r| shows(r));
        return if shown { Cell::Masked(Mask::Null) } else { Cell::Hidden };
    }
    if let Some(end) = rules.iter().position(|(rows, _)| rows.is_everything()) {
        rules.truncate(end + 1);
        unseen = false;
    }
    let uniform = rules.iter().all(|(_, mask)| Some(mask) == rules.first().map(|(_, m)| m));
    match rules.first() {
        Some((_, None)) if uniform && !unseen => Cell::Clear,
        Some((_, Some(mask))) if uniform && !unseen => Cell::Masked(mask.clone()),
        _ => Cell::ByRow(rules),
    }
}
