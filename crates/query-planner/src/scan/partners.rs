//! Rows of other tables that a policy looks at: what a row is related to, and sets of values. They
//! are the policy's author's, and only ever decide which rows of the guarded table there are.

use datafusion_common::{Column, JoinType, TableReference};
use datafusion_expr::{Expr as Plan, LogicalPlanBuilder};
use sandbar_catalog::expr::ExprKind;
use sandbar_catalog::{FieldId, FieldKind, RelationshipId, TableId, Type};
use sandbar_permissions::{Among, Condition, RowFilter};

use super::{Scanner, guard_of, marked};
use crate::barrier::apart;
use crate::error::QueryError;
use crate::lower::{Columns, Lower, Lowered, arrow_of, cast, join_key, one_number, plain_type};
use crate::versions::holds;

/// Rows that a policy looks at, found by keys.
pub(super) struct Partners {
    table: TableId,
    /// What must be equal, that of the guarded table first.
    on: Vec<(FieldId, FieldId)>,
    filter: RowFilter,
    /// The time of the guarded row, and from when to when a partner holds.
    held: Option<(FieldId, (FieldId, FieldId))>,
    /// Whether one key may be that of many rows on both sides. A hash join visits each pair of
    /// them, also where it only asks whether there is any: their keys stand once.
    crowded: bool,
}

/// The stored field whose value is looked up.
pub(super) fn looked_up(among: &Among) -> Result<FieldId, QueryError> {
    match &among.value.kind {
        ExprKind::Field(path) if path.via.is_empty() => Ok(path.field),
        _ => Err(QueryError::internal("what a policy looks up is no field")),
    }
}

impl Scanner<'_> {
    /// What a relationship leads to, where it fulfils a condition.
    pub(super) fn related(
        &self,
        relationship: RelationshipId,
        condition: &Condition,
    ) -> Result<Partners, QueryError> {
        let snapshot = self.compiled.snapshot();
        let relationship = snapshot.relationship(relationship);
        let held = match snapshot.table(relationship.to).validity {
            None => None,
            Some(validity) => {
                let time = snapshot.version_time(relationship);
                let time = time.ok_or_else(|| QueryError::internal("a history without a time"))?;
                Some((time, validity))
            }
        };
        let filter = RowFilter::Where(condition.clone());
        let (table, on) = (relationship.to, relationship.on.clone());
        Ok(Partners { table, on, filter, held, crowded: false })
    }

    /// The rows among whose values one is looked up.
    pub(super) fn among(among: &Among) -> Result<Partners, QueryError> {
        let (table, filter) = (among.field.table(), among.rows.clone());
        let on = vec![(looked_up(among)?, among.field)];
        Ok(Partners { table, on, filter, held: None, crowded: true })
    }

    /// All rows, and of each whether it has a partner.
    pub(super) fn mark(
        &mut self,
        builder: LogicalPlanBuilder,
        at: &TableReference,
        partners: &Partners,
        marks: &mut usize,
    ) -> Result<(LogicalPlanBuilder, Plan), QueryError> {
        *marks += 1;
        let (builder, alias) = self.join(builder, at, partners, JoinType::LeftMark)?;
        Ok((marked(builder, &alias)?, Plan::Column(Column::new_unqualified(alias))))
    }

    /// Joins the rows with partners, on the stored keys. The rows of the policy's table are its
    /// owner's: no sandbox of the asker applies to them.
    pub(super) fn join(
        &mut self,
        builder: LogicalPlanBuilder,
        at: &TableReference,
        partners: &Partners,
        join_type: JoinType,
    ) -> Result<(LogicalPlanBuilder, String), QueryError> {
        let compiled = self.compiled;
        let there = self.scans.reference(compiled.stored(partners.table)?);
        let alias = format!("policy.{}", self.scans.policies);
        self.scans.policies += 1;
        let mut their_fields: Vec<FieldId> =
            partners.on.iter().map(|(_, theirs)| *theirs).collect();
        their_fields.extend(partners.held.iter().flat_map(|(_, (from, to))| [*from, *to]));
        let guard = self.scans.guards.len();
        let (rows, _) = self.rows(partners.table, &there, &partners.filter, their_fields)?;
        if let Some(guard) = self.scans.guards.get_mut(guard) {
            guard.owner = guard_of(at);
        }
        let column = |name: &str| Column::new(Some(TableReference::bare(alias.clone())), name);
        let key = |index: usize| format!("{alias}.k{index}");
        let (mut left, mut right, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (own, theirs)) in partners.on.iter().enumerate() {
            let (own, theirs) = self.comparable((at, *own), (&there, *theirs))?;
            shown.push(theirs.alias(key(index)));
            right.push(Plan::Column(column(&key(index))));
            left.push(own);
        }
        let held = match &partners.held {
            None => None,
            Some((time, (from, to))) => {
                let data_type = |field: &FieldId| compiled.snapshot().field(*field).data_type;
                let mut end = |name: &str, field: &FieldId| {
                    let name = format!("{alias}.{name}");
                    shown.push(self.raw(&there, *field)?.alias(&name));
                    Ok::<_, QueryError>((Plan::Column(column(&name)), data_type(field)))
                };
                let ends = [end("from", from)?, end("to", to)?];
                let [from, to] = ends;
                Some(holds([(self.raw(at, *time)?, data_type(time)), from, to], compiled.clock()))
            }
        };
        let mut rows = rows.project(shown)?;
        if partners.crowded {
            let keys =
                (0..partners.on.len()).map(|i| Plan::Column(Column::new_unqualified(key(i))));
            rows = rows.aggregate(keys, Vec::<Plan>::new())?;
        }
        if self.scans.sealed {
            rows = apart(rows)?;
        }
        let rows = rows.alias(TableReference::bare(alias.clone()))?.build()?;
        Ok((builder.join_with_expr_keys(rows, join_type, (left, right), held)?, alias))
    }

    /// Two stored fields as they are compared: the day of an instant with a day, and what is stored
    /// otherwise in the one type of its values.
    fn comparable(
        &self,
        (at, own): (&TableReference, FieldId),
        (there, theirs): (&TableReference, FieldId),
    ) -> Result<(Plan, Plan), QueryError> {
        let snapshot = self.compiled.snapshot();
        let types = (snapshot.field(own).data_type, snapshot.field(theirs).data_type);
        let left = self.field_of(at, own)?;
        let right = self.field_of(there, theirs)?;
        if types.0 != types.1 || types.0 == Type::Datetime || left.arrow == right.arrow {
            let (left, right) = (one_number(left), one_number(right));
            let clock = self.compiled.clock();
            return Ok((join_key(left.plan, &left.arrow, &right.arrow, clock), right.plan));
        }
        let mut lower = Lower::new(self.compiled, Columns::Nothing, self.compiled.clock());
        let target = arrow_of(types.0)?;
        let mut key = |side: Lowered| {
            let value = one_number(lower.convert(side, types.0)?);
            // Texts of another width are left as they are, and keys must be of one type.
            let is_other = value.arrow != target;
            Ok::<_, QueryError>(if is_other {
                cast(value.plan, target.clone())
            } else {
                value.plan
            })
        };
        let (left, right) = (key(left)?, key(right)?);
        if lower.fallible {
            return Err(QueryError::internal("the keys of a policy cannot be compared"));
        }
        Ok((left, right))
    }

    pub(super) fn field_of(
        &self,
        at: &TableReference,
        field: FieldId,
    ) -> Result<Lowered, QueryError> {
        match &self.compiled.snapshot().field(field).kind {
            FieldKind::Stored { arrow, .. } => {
                Ok(Lowered { plan: self.raw(at, field)?, arrow: plain_type(arrow) })
            }
            FieldKind::Calculated(_) => Err(QueryError::internal("a calculated key")),
        }
    }
}
