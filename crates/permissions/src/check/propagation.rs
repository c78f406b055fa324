//! `propagate`: which relationships it goes over, and that it never goes round in a circle.

use sandbar_catalog::decode::{Items, Located, suggest};
use sandbar_catalog::{Cardinality, FieldId, Relationship, RelationshipId, TableId, Visibility};

use super::{Checker, DERIVED_ROWS, UNKNOWN_FIELD, UNKNOWN_TABLE};
use crate::condition::Unsorted;
use crate::level::Level;
use crate::propagation::{Parent, PropagateDef};

/// It leads nowhere, or past rows that nobody would look for there.
const NO_WAY: &str = "P0118";
/// What is shown of a table would depend on what is shown of it.
const CIRCLE: &str = "P0119";

impl Checker<'_> {
    /// What `propagate` of a policy says about tables that lead to these.
    pub(super) fn propagate(
        &mut self,
        policy: usize,
        tables: &[TableId],
        level: Level,
        def: &Located<PropagateDef>,
    ) {
        let found = match &def.value {
            PropagateDef::Nowhere => return,
            _ if level < Level::Query => {
                let message = "`propagate` goes with rows that are shown, so with level `query`";
                return self.at(def, NO_WAY, message.to_owned(), None);
            }
            PropagateDef::Everywhere => self.everything_to(tables, def),
            PropagateDef::Over(names) if names.is_empty() => {
                let message = "name the relationships that it goes over, or say `true`";
                return self.at(def, NO_WAY, message.to_owned(), None);
            }
            PropagateDef::Over(names) => self.listed(tables, names),
        };
        for table in tables {
            let table = self.snapshot.table(*table);
            if table.visibility == Visibility::Internal {
                let message = format!(
                    "`{}` is internal to the model: nobody is shown a row of it, so that no row \
                     which belongs to one would be left; write the condition on the others",
                    table.name
                );
                return self.at(def, NO_WAY, message, None);
            }
        }
        for (of, step) in found {
            if let Err(Unsorted::Set(code, message)) = super::rows::may_follow(self.snapshot, step)
            {
                self.at(def, code, message, None);
                return;
            }
            if let Some(ring) = self.ring(step) {
                let ring: Vec<String> = ring.into_iter().map(|step| self.full_name(step)).collect();
                let message = format!(
                    "`propagate` goes round in a circle, over {}: list those that it should go \
                     over",
                    ring.join(", ")
                );
                self.at(def, CIRCLE, message, None);
                return;
            }
            if let Some(rules) = self.set.by_table.get_mut(step.table().index()) {
                rules.parents.push(Parent { policy, of, step });
            }
        }
    }

    /// Every relationship that leads to one of the tables, however far.
    fn everything_to(
        &mut self,
        tables: &[TableId],
        def: &Located<PropagateDef>,
    ) -> Vec<(TableId, RelationshipId)> {
        let mut all = Vec::new();
        for of in tables {
            let steps = self.leading_to(*of);
            if let Some(message) = self.passed_by(*of, &steps) {
                self.at(def, NO_WAY, message, None);
                return Vec::new();
            }
            all.extend(steps.into_iter().map(|step| (*of, step)));
        }
        if all.is_empty() {
            let names = tables.iter().map(|of| format!("`{}`", self.snapshot.table(*of).name));
            let names: Vec<String> = names.collect();
            if !names.is_empty() {
                let message =
                    format!("no relationship leads to {}, so it does nothing", names.join(" or "));
                self.at(def, NO_WAY, message, None);
            }
        }
        all
    }

    /// The relationships of tables over sources that lead to a table, or to one from which such a
    /// relationship leads.
    fn leading_to(&self, of: TableId) -> Vec<RelationshipId> {
        let sources =
            self.snapshot.tables().iter().filter(|t| self.snapshot.derived(t.id).is_none());
        let to_one = sources.flat_map(|table| &table.relationships);
        let to_one = to_one.filter(|step| step.cardinality.is_to_one());
        self.leading_over(&to_one.map(|step| step.id).collect::<Vec<_>>(), of)
    }

    /// Those of some relationships that lead to a table, or to one from which another of them leads.
    fn leading_over(&self, steps: &[RelationshipId], of: TableId) -> Vec<RelationshipId> {
        let mut reached = vec![of];
        let mut found = Vec::new();
        let mut next = 0;
        while let Some(table) = reached.get(next).copied() {
            next += 1;
            for step in steps.iter().filter(|step| self.snapshot.relationship(**step).to == table) {
                found.push(*step);
                if !reached.contains(&step.table()) {
                    reached.push(step.table());
                }
            }
        }
        found
    }

    /// Rows that belong to those of a table, and that no relationship of theirs leads from: who
    /// wants all of them hidden is told that these would not be.
    fn passed_by(&self, of: TableId, steps: &[RelationshipId]) -> Option<String> {
        let reached = |table: TableId| table == of || steps.iter().any(|s| s.table() == table);
        let ways: Vec<&Relationship> =
            steps.iter().map(|step| self.snapshot.relationship(*step)).collect();
        for table in self.snapshot.tables() {
            let is_derived = self.snapshot.derived(table.id).is_some();
            for step in &table.relationships {
                if step.cardinality == Cardinality::OneToMany {
                    let swapped: Vec<(FieldId, FieldId)> =
                        step.on.iter().map(|(own, theirs)| (*theirs, *own)).collect();
                    let back = |way: &&Relationship| {
                        way.to == table.id
                            && way.id.table() == step.to
                            && way.on.len() == swapped.len()
                            && way.on.iter().all(|pair| swapped.contains(pair))
                    };
                    let to_source = self.snapshot.derived(step.to).is_none();
                    if reached(table.id) && to_source && !ways.iter().any(back) {
                        let many = &self.snapshot.table(step.to).name;
                        return Some(format!(
                            "`{}` leads to rows of `{many}`, and no relationship leads back by \
                             the same keys: declare one in `{many}`, or list the relationships \
                             that it goes over",
                            self.full_name(step.id)
                        ));
                    }
                } else if is_derived && reached(step.to) && !self.is_made_of(step, &ways) {
                    return Some(format!(
                        "the key of `{}` is not made of keys that are narrowed, and `{}` is a \
                         derived table, whose rows are not narrowed themselves: list the \
                         relationships that it goes over",
                        self.full_name(step.id),
                        table.name
                    ));
                }
            }
        }
        None
    }

    /// Whether the keys of a derived table are made of those of rows that are shown: of the table
    /// that they lead to, or of relationships to it that are gone over.
    fn is_made_of(&self, step: &Relationship, ways: &[&Relationship]) -> bool {
        step.on.iter().all(|(own, theirs)| self.comes_from(*own, *theirs, ways))
    }

    fn comes_from(&self, field: FieldId, key: FieldId, ways: &[&Relationship]) -> bool {
        let Some(derived) = self.snapshot.derived(field.table()) else {
            return field == key || ways.iter().any(|way| way.on.contains(&(field, key)));
        };
        let origins = derived.reads.origins.get(field.index());
        origins.is_some_and(|all| all.iter().all(|origin| self.comes_from(*origin, key, ways)))
    }

    /// The relationships of a list, each with the tables that it leads to over others of the list.
    fn listed(
        &mut self,
        tables: &[TableId],
        names: &Items<String>,
    ) -> Vec<(TableId, RelationshipId)> {
        let mut steps: Vec<RelationshipId> = Vec::new();
        let mut named = Vec::new();
        for name in names.iter() {
            if let Some(step) = self.named(name) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
                named.push((name, step));
            }
        }
        let mut all = Vec::new();
        for of in tables {
            all.extend(self.leading_over(&steps, *of).into_iter().map(|step| (*of, step)));
        }
        for (name, step) in named {
            if !tables.is_empty() && !all.iter().any(|(_, known)| *known == step) {
                let to = &self.snapshot.table(self.snapshot.relationship(step).to).name;
                let of = tables.iter().map(|of| format!("`{}`", self.snapshot.table(*of).name));
                let message = format!(
                    "`{}` leads to `{to}`, and no other of the list leads from there to {}",
                    name.value,
                    of.collect::<Vec<_>>().join(" or ")
                );
                self.at(name, NO_WAY, message, None);
            }
        }
        all
    }

    fn named(&mut self, name: &Located<String>) -> Option<RelationshipId> {
        let Some((table, role)) = name.value.split_once('.') else {
            let message = format!("`{}` is not a relationship: write `table.relationship`", **name);
            self.at(name, NO_WAY, message, None);
            return None;
        };
        let Some(id) = self.snapshot.find_table(table) else {
            let known = self.snapshot.tables().iter().map(|t| t.name.as_str());
            let message = format!("`{table}` is not a table");
            self.at(name, UNKNOWN_TABLE, message, suggest(table, known));
            return None;
        };
        let of = self.snapshot.table(id);
        let Some(step) = of.relationships.iter().find(|step| step.name == role) else {
            let known = of.relationships.iter().map(|step| step.name.as_str());
            let message = format!("`{role}` is not a relationship of `{table}`");
            self.at(name, UNKNOWN_FIELD, message, suggest(role, known));
            return None;
        };
        if !step.cardinality.is_to_one() {
            let message = format!(
                "`{}` leads to many rows, and a row belongs to one: name the relationship that \
                 leads back",
                name.value
            );
            self.at(name, NO_WAY, message, None);
            return None;
        }
        if self.snapshot.derived(id).is_some() {
            let message = format!(
                "`{table}` is a derived table: its rows are made of those that an asker may see of \
                 the tables below it, and go with these"
            );
            self.at(name, DERIVED_ROWS, message, None);
            return None;
        }
        Some(step.id)
    }

    /// The relationships that would lead back to where one more leads from.
    fn ring(&self, step: RelationshipId) -> Option<Vec<RelationshipId>> {
        let mut open = vec![vec![step]];
        let mut seen = Vec::new();
        while let Some(way) = open.pop() {
            let to = self.snapshot.relationship(*way.last()?).to;
            if to == step.table() {
                return Some(way);
            }
            if seen.contains(&to) {
                continue;
            }
            seen.push(to);
            let further = self.set.by_table.get(to.index()).into_iter().flat_map(|r| &r.parents);
            open.extend(further.map(|parent| {
                let mut way = way.clone();
                way.push(parent.step);
                way
            }));
        }
        None
    }

    fn full_name(&self, step: RelationshipId) -> String {
        let table = &self.snapshot.table(step.table()).name;
        format!("{table}.{}", self.snapshot.relationship(step).name)
    }
}
