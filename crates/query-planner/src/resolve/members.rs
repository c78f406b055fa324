//! Conditions that look beyond the joined tables: at many rows, at numbers of what a row belongs to.

use sandbar_catalog::decode::Located;
use sandbar_catalog::expr::Expr;
use sandbar_catalog::query::Filter;
use sandbar_catalog::{FieldId, FieldPath, Relationship, RelationshipId, TableId};
use sandbar_permissions::Level;

use super::filter::{On, Test};
use super::ground::Ground;
use super::instead::{MAX_NAMES, found_of, one_of, some_of};
use super::numbers::{Drafts, Kind, Narrowed};
use super::ways::{Way, Ways};
use super::{Asking, did_you_mean, shorten};
use crate::error::ProblemKind;
use crate::query::{Key, Member, MemberOf, Predicate, Rows, ToMany};

impl Asking<'_> {
    pub(super) fn several_steps(
        &mut self,
        ground: &Ground,
        name: &str,
        ways: &Ways<Way>,
        path: &str,
    ) {
        let field = name.split_once('.').map(|(_, field)| format!(".{field}")).unwrap_or_default();
        let (mut all, mut written) = (Vec::new(), Vec::new());
        for way in &ways.found {
            match way {
                Way::Told(way) => all.push(way.clone()),
                Way::Written(way) => {
                    all.push(way.clone());
                    written.push(format!("{way}{field}"));
                }
            }
        }
        written.retain(|way| self.as_condition(ground, way) || self.fits_all(ground, way));
        written.truncate(MAX_NAMES);
        let about = shorten(&ground.about);
        let instead = match written.is_empty() {
            true => format!(
                "ask for `{about}` without it, or declare the relationship that is meant in the \
                 model, and write its name"
            ),
            false => format!("write {}", one_of(&written)),
        };
        let name = shorten(name);
        let message = match ways.more {
            true => format!(
                "for `{about}`, the rows of `{name}` may be found in several ways, of which not \
                 all could be tried{}; {instead}",
                found_of(&all)
            ),
            false => format!(
                "for `{about}`, the rows of `{name}` can be found in several ways, by {}; \
                 {instead}",
                some_of(&all)
            ),
        };
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
                let (about, known) = (shorten(&ground.about), self.many_rows(ground, &name.value));
                let instead = match known.is_empty() {
                    true => format!("ask for `{about}` without it"),
                    false => format!("write {}", one_of(&known)),
                };
                let message = format!(
                    "`{}` leads to no rows of which one of `{table}` has many, so it is no \
                     condition for `{about}`; {instead}",
                    shorten(&name.value)
                );
                self.push("Q0148", ProblemKind::NotFound, path, message);
                None
            }
            Err(ways) => {
                self.several_steps(ground, &name.value, &ways, path);
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
            Some(name) => self.steps(ground.table, &name.value, &metric.value, path)?,
        };
        let entity = snapshot.end_of(ground.table, &via);
        let keys = snapshot.table(entity).primary_key.clone();
        if keys.is_empty() {
            let known = self.entities(ground.table, &[], &metric.value);
            let instead = match known.is_empty() {
                true => format!("ask for `{}` without it", shorten(&ground.about)),
                false => format!("write `per` with {}", one_of(&known)),
            };
            let message = format!(
                "rows of `{}` cannot be told apart, so `{}` for each of them means nothing: the \
                 model gives it no primary key; {instead}",
                snapshot.table(entity).name,
                shorten(&metric.value)
            );
            self.problem("Q0149", path, message);
            return None;
        }
        // What a derived table gives in place of a key is what its rows are told by above it.
        let clear = || self.grants.sandbox(entity).is_ok_and(|sandbox| sandbox.has_clear_key());
        if snapshot.derived(entity).is_some() && !clear() {
            let message = format!(
                "rows of `{}` cannot be told apart with these rights, so that there is no `{}` for \
                 each of them: its key is masked",
                self.table_name(entity),
                shorten(&metric.value)
            );
            self.push("Q0111", ProblemKind::Denied, path, message);
            return None;
        }
        let id = self.metric_named(&metric.value, path)?;
        let mut drafts = Drafts::default();
        let narrowed = Narrowed { filter: None, path };
        let value = self.metric_value(id, narrowed, None, &mut drafts)?;
        if drafts.all.iter().any(|draft| draft.kind != Kind::Plain) {
            let uses = snapshot.metric(id).uses.iter().filter(|used| {
                let name = &snapshot.metric(**used).name;
                self.grants.find_metric(name) == Ok(**used)
                    && self.has_number(**used, ground.table, &via)
            });
            let known: Vec<String> = uses.map(|used| snapshot.metric(*used).name.clone()).collect();
            let instead = match known.is_empty() {
                true => format!("ask for `{}` without it", shorten(&ground.about)),
                false => format!("there is {} for each", one_of(&known)),
            };
            let message = format!(
                "`{}` is a number of periods, and not of one row of `{}`; {instead}",
                shorten(&metric.value),
                snapshot.table(entity).name
            );
            self.problem("Q0149", path, message);
            return None;
        }
        self.requirements(&drafts.required, &drafts.all, None);
        let mut parts = Vec::with_capacity(drafts.all.len());
        let places = std::mem::take(&mut drafts.places);
        for mut draft in drafts.all {
            let table = draft.ground.table;
            // The same way as the asked rows take, where they are the ones that are counted.
            let way = if table == ground.table {
                via.clone()
            } else {
                self.only_route(table, (&*ground, entity), &metric.value, path)?
            };
            let key = |field: &FieldId| Key::internal(FieldPath::own(*field).behind(&way));
            draft.keys = keys.iter().map(key).collect();
            parts.push(self.part(draft, &[])?);
        }
        let data_type = value.data_type;
        let of = MemberOf::Value { metric: id, parts, places, value };
        let input = Expr::input(ground.member(Member { via, near: keys, of }), data_type);
        let condition = self.value_test(input, test, &metric.value, path)?;
        Some(Predicate::Asked(condition))
    }

    /// The relationships that a name says, each leading to one row.
    fn steps(
        &mut self,
        from: TableId,
        name: &str,
        metric: &str,
        path: &str,
    ) -> Option<Vec<RelationshipId>> {
        let snapshot = self.compiled.snapshot();
        let (mut at, mut via) = (from, Vec::new());
        for step in name.split('.') {
            let usable = |r: &&Relationship| {
                r.name == step
                    && r.cardinality.is_to_one()
                    && self.grants.table_level(r.to) == Level::Query
            };
            let Some(found) = self.grants.relationships(at).find(usable) else {
                let known = self.entities(from, &via, metric);
                let hint = did_you_mean(step, known.iter().map(String::as_str));
                let hint = hint.unwrap_or_else(|| match known.is_empty() {
                    true => "; ask without it".to_owned(),
                    false => {
                        let known: Vec<String> =
                            known.iter().map(|name| self.dotted(&via, &[name.as_str()])).collect();
                        format!("; write `per` with {}", one_of(&known))
                    }
                });
                let message = format!(
                    "`{}` is not a relationship of `{}` that leads to one row, so there is no \
                     `{}` for it{hint}",
                    shorten(step),
                    snapshot.table(at).name,
                    shorten(metric)
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
        (ground, to): (&Ground, TableId),
        metric: &str,
        path: &str,
    ) -> Option<Vec<RelationshipId>> {
        let routes = self.routes(from, to);
        if let Some(only) = routes.only() {
            return Some(only.clone());
        }
        let ways: Vec<String> = routes.found.iter().map(|route| self.dotted(route, &[])).collect();
        let ways = match (routes.more, ways.is_empty()) {
            (true, _) => format!("in ways of which not all could be tried{}", found_of(&ways)),
            (false, true) => "in no way".to_owned(),
            (false, false) => format!(
                "in several ways ({}), each with a number of its own, and a condition says none",
                some_of(&ways)
            ),
        };
        let (from, to) = (self.table_name(from), self.table_name(to));
        let known = self.entities(ground.table, &[], metric);
        let instead = match known.is_empty() {
            true => format!("ask for `{}` without it", shorten(&ground.about)),
            false => format!("write `per` with {}", one_of(&known)),
        };
        let message = format!(
            "`{}` has no single value for a row of `{to}`: rows of `{from}` lead there {ways}; \
             {instead}",
            shorten(metric)
        );
        self.problem("Q0149", path, message);
        None
    }
}
