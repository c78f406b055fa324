//! Conditions that look beyond the joined tables: at many rows, at numbers of what a row belongs to.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::Expr;
use sandbar_catalog::query::Filter;
use sandbar_catalog::{FieldId, FieldPath, Relationship, RelationshipId, TableId};
use sandbar_permissions::Level;

use super::filter::{On, Test};
use super::ground::{Ground, routes};
use super::numbers::{Drafts, Kind, Narrowed};
use super::{Asking, did_you_mean, shorten};
use crate::error::ProblemKind;
use crate::query::{Key, Member, MemberOf, Predicate, Rows, ToMany};

impl Asking<'_> {
    pub(super) fn several_steps(&mut self, name: &str, ways: &[String], path: &str) {
        let ways = ways.iter().map(|way| format!("`{way}`")).collect::<Vec<_>>().join(", ");
        let message = format!(
            "the rows of `{}` can be found in several ways, by {ways}; declare the relationship \
             that is meant in the model, and write its name",
            shorten(name)
        );
        self.problem("Q0140", path, message);
    }

    /// There is a row among the many that a name leads to.
    pub(super) fn exists(
        &mut self,
        ground: &mut Ground,
        name: &Located<String>,
        filter: Option<&Filter>,
        path: &str,
        depth: usize,
        budget: &mut usize,
    ) -> Option<Predicate> {
        let chain: Vec<&str> = name.value.split('.').collect();
        match self.to_many(ground.table, &chain) {
            Ok(Some((step, []))) => {
                let time = self.default_time(step.table);
                let mut inner = Ground::new(step.table, time, &ground.about);
                let mut conditions = Vec::new();
                if let Some(filter) = filter {
                    let path = format!("{path}.filter");
                    let on = &mut On::Rows(&mut inner);
                    conditions.push(self.condition(on, filter, &path, depth + 1, budget)?);
                }
                self.member(ground, inner, conditions, step)
            }
            Ok(_) => {
                let table = self.table_name(ground.table);
                let message = format!(
                    "`{}` leads to no rows of which one of `{table}` has many",
                    shorten(&name.value)
                );
                self.push("Q0148", ProblemKind::NotFound, path, message);
                None
            }
            Err(ways) => {
                self.several_steps(&name.value, &ways, path);
                None
            }
        }
    }

    /// Adds rows to look for.
    pub(super) fn member(
        &mut self,
        ground: &mut Ground,
        inner: Ground,
        filter: Vec<Predicate>,
        step: ToMany,
    ) -> Option<Predicate> {
        let time = inner.time;
        let mut rows = Rows { time, scans: Vec::new(), filter, members: inner.members };
        let used = rows.fields_read(self.compiled.snapshot());
        rows.scans = self.scans(step.table, time, &used, &rows.members)?;
        let of = MemberOf::Rows { rows, far: step.far };
        let member = ground.member(Member { via: step.via, near: step.near, of });
        Some(Predicate::Exists(member))
    }

    /// A number for what the row belongs to.
    pub(super) fn per_entity(
        &mut self,
        ground: &mut Ground,
        metric: &Located<String>,
        per: Option<&Located<String>>,
        test: &Test<'_>,
        path: &str,
    ) -> Option<Predicate> {
        let snapshot = self.compiled.snapshot();
        let via = match per {
            None => Vec::new(),
            Some(name) => self.steps(ground.table, &name.value, path)?,
        };
        let entity = snapshot.end_of(ground.table, &via);
        let keys = snapshot.table(entity).primary_key.clone();
        if keys.is_empty() {
            let message = format!(
                "rows of `{}` cannot be told apart, so a number for each means nothing: the model \
                 gives it no primary key",
                snapshot.table(entity).name
            );
            self.problem("Q0149", path, message);
            return None;
        }
        let id = self.metric_named(&metric.value, path)?;
        let mut drafts = Drafts::default();
        let narrowed = Narrowed { filter: None, path };
        let value = self.metric_value(id, narrowed, None, &mut drafts)?;
        if drafts.all.iter().any(|draft| draft.kind != Kind::Plain) {
            let message = format!(
                "`{}` is a number of periods, and not of one `{}`",
                shorten(&metric.value),
                snapshot.table(entity).name
            );
            self.problem("Q0149", path, message);
            return None;
        }
        self.requirements(&drafts.required, &drafts.all, &[]);
        let mut parts = Vec::with_capacity(drafts.all.len());
        let places = std::mem::take(&mut drafts.places);
        for mut draft in drafts.all {
            let table = draft.ground.table;
            // The same way as the asked rows take, where they are the ones that are counted.
            let way = if table == ground.table {
                via.clone()
            } else {
                self.only_route(table, entity, &metric.value, path)?
            };
            let key = |field: &FieldId| Key::internal(FieldPath::own(*field).behind(&way));
            draft.keys = keys.iter().map(key).collect();
            parts.push(self.part(draft, &[])?);
        }
        let data_type = value.data_type;
        let of = MemberOf::Value { parts, places, value };
        let input = Expr::input(ground.member(Member { via, near: keys, of }), data_type);
        let condition = self.value_test(input, test, &metric.value, path)?;
        Some(Predicate::Asked(condition))
    }

    /// The relationships that a name says, each leading to one row.
    fn steps(&mut self, from: TableId, name: &str, path: &str) -> Option<Vec<RelationshipId>> {
        let snapshot = self.compiled.snapshot();
        let (mut at, mut via) = (from, Vec::new());
        for step in name.split('.') {
            let usable = |r: &&Relationship| {
                r.name == step
                    && r.cardinality.is_to_one()
                    && self.grants.table_level(r.to) == Level::Query
            };
            let Some(found) = self.grants.relationships(at).find(usable) else {
                let known = self.grants.relationships(at).filter(|r| r.cardinality.is_to_one());
                let known = known.map(|r| r.name.as_str());
                let hint = did_you_mean(step, known).unwrap_or_default();
                let message = format!(
                    "`{}` is not a relationship of `{}` that leads to one row{hint}",
                    shorten(step),
                    snapshot.table(at).name
                );
                self.push("Q0148", ProblemKind::NotFound, path, message);
                return None;
            };
            via.push(found.id);
            at = found.to;
        }
        Some(via)
    }

    fn only_route(
        &mut self,
        from: TableId,
        to: TableId,
        metric: &str,
        path: &str,
    ) -> Option<Vec<RelationshipId>> {
        let mut routes = routes(self.grants, from, to);
        if routes.len() == 1 {
            return routes.pop();
        }
        let ways: Vec<String> =
            routes.iter().map(|route| format!("`{}`", self.dotted(route, &[]))).collect();
        let ways = match ways.is_empty() {
            true => "in no way".to_owned(),
            false => format!(
                "in several ways ({}), each with a number of its own, and a condition says none",
                ways.join(", ")
            ),
        };
        let (from, to) = (self.table_name(from), self.table_name(to));
        let message = format!(
            "`{}` has no single value for a row of `{to}`: rows of `{from}` lead there {ways}",
            shorten(metric)
        );
        self.problem("Q0149", path, message);
        None
    }
}
