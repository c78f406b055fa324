//! Days that related rows go by, and in whose zone they are counted.
//!
//! A calendar is joined by the day of an instant, and a history by the days on which its rows hold.
//! Tables are joined once, in the zone of the question; what the model says keeps the model's. Where
//! the two differ, what the model looks up there would be another number for each who asks.

use sandbar_catalog::{FieldId, FieldPath, Relationship, RelationshipId, Type};

use super::Lower;
use crate::error::{ProblemKind, QueryError, QueryProblem};

impl Lower<'_> {
    /// Lowers what is calculated in a row that the question itself leads to.
    pub(super) fn along<T>(
        &mut self,
        way: &[RelationshipId],
        with: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.is_elsewhere() {
            return with(self);
        }
        let outer = std::mem::replace(&mut self.asked_way, way.to_vec());
        let result = with(self);
        self.asked_way = outer;
        result
    }

    /// Whether days are counted in another zone now than those of the question.
    fn is_elsewhere(&self) -> bool {
        self.clock.zone != self.asked.zone
    }

    /// Refuses a field that the model's own words reach by days, where the question counts others.
    pub(super) fn in_one_zone(&self, path: &FieldPath) -> Result<(), QueryError> {
        if !self.is_elsewhere() {
            return Ok(());
        }
        let own = path.via.strip_prefix(&*self.asked_way).unwrap_or(&path.via);
        let snapshot = self.compiled.snapshot();
        if own.iter().any(|step| self.goes_by_days(snapshot.relationship(*step))) {
            let message = "the model goes by days here, to a calendar or a version of a row, and \
                           counts them in its own time zone; ask without `time_zone`"
                .to_owned();
            let (code, kind, path) = ("Q0163", ProblemKind::Invalid, "time_zone".to_owned());
            return Err(QueryError::Problems(vec![QueryProblem { code, kind, path, message }]));
        }
        Ok(())
    }

    /// Whether it depends on a zone which row another one leads to.
    fn goes_by_days(&self, step: &Relationship) -> bool {
        let snapshot = self.compiled.snapshot();
        let type_of = |field: &FieldId| snapshot.field(*field).data_type;
        let differ =
            |types: &[Type]| types.contains(&Type::Date) && types.contains(&Type::Datetime);
        if step.on.iter().any(|(own, theirs)| differ(&[type_of(own), type_of(theirs)])) {
            return true;
        }
        let Some((from, to)) = snapshot.table(step.to).validity else { return false };
        let mut times = vec![type_of(&from), type_of(&to)];
        match &step.as_of {
            Some(time) => times.push(type_of(time)),
            // The time of a number, which may be any of its table.
            None => {
                times.extend(snapshot.table(step.id.table()).fields.iter().map(|f| f.data_type))
            }
        }
        differ(&times)
    }
}
