//! Numbers of one value of a field each, such as amounts of one currency: what a question groups
//! by for their sake, or narrows to one value, and what they are of in an answer that is asked on.

use sandbar_catalog::expr::{AggregateFunction, Comparison, Expr, ExprKind};
use sandbar_catalog::{FieldId, FieldKind, FieldPath, Snapshot, TableId};
use sandbar_permissions::Level;

use super::numbers::Draft;
use super::{Asking, shorten};
use crate::query::{AnswerColumn, Key, Place, Predicate, Requires, ResolvedQuery, Shape, Stage};

const MIXED: &str = "Q0150";

/// Fields that a number wants to be grouped by, or narrowed to one value.
pub(super) struct Required {
    pub(super) part: usize,
    /// `None` where no field of the rows tells its values apart.
    pub(super) fields: Vec<Option<FieldPath>>,
    pub(super) about: String,
    pub(super) path: String,
    /// The number's own place among the leaves of the part.
    pub(super) leaf: usize,
}

impl Asking<'_> {
    /// What a number requires: what the model says of it, and what the derived tables that it is
    /// made of have of numbers that do.
    pub(super) fn required_of(&self, modelled: &[FieldId], expr: &Expr) -> Vec<Option<FieldPath>> {
        let mut found: Vec<_> = modelled.iter().map(|field| Some(FieldPath::own(*field))).collect();
        each_put_together(expr, &mut |argument| {
            handed_on(self.compiled.snapshot(), argument, &mut found);
        });
        found
    }

    /// Numbers of different units are not added up: each wants its unit grouped by, or one value.
    /// So does each of the `levels`, the positions of the keys that totals and shares go by. There
    /// are none where a condition is on the number.
    pub(super) fn requirements(
        &mut self,
        required: &[Required],
        drafts: &[Draft],
        levels: Option<&[Vec<usize>]>,
    ) {
        for wanted in required {
            let Some(draft) = drafts.get(wanted.part) else { continue };
            let about = shorten(&wanted.about);
            for field in &wanted.fields {
                let Some(field) = field else {
                    let message = format!(
                        "`{about}` adds up numbers of different units, and its rows do not say \
                         which: it cannot be asked for"
                    );
                    self.problem(MIXED, &wanted.path, message);
                    continue;
                };
                let required = self.compiled.snapshot().field(field.field);
                let name = &required.name;
                let stands = self.grants.shows_stored(field.field);
                if stands && wanted.is_narrowed(draft, field) {
                    continue;
                }
                let is_key = |at: &usize| draft.keys.get(*at).is_some_and(|key| tells(key, field));
                let grouped = (0..draft.keys.len()).any(|at| is_key(&at));
                let kept = levels.unwrap_or_default().iter().all(|level| level.iter().any(is_key));
                if stands && grouped && kept {
                    continue;
                }
                // Of a derived table he may not be shown it.
                if self.grants.field_level(field) == Level::None {
                    let message = format!(
                        "`{about}` adds up numbers of one value of a field that cannot be asked \
                         for: only other numbers can be made of it"
                    );
                    self.problem(MIXED, &wanted.path, message);
                    continue;
                }
                let instead = if !stands {
                    "you do not see all of its values, so that nothing tells them apart".to_owned()
                } else if levels.is_none() {
                    format!(
                        "a condition on it would add up all of them; ask for `{about}` in a \
                         question of its own, by `{name}`"
                    )
                } else if grouped {
                    format!("keep `{name}` in each of the `totals` and `shares`")
                } else if self.fits_all(&draft.ground, name) {
                    format!("group by `{name}`, or filter to one value of it")
                } else {
                    format!(
                        "ask for `{about}` in a question of its own, by `{name}`, or give it a \
                         `filter` to one value of it"
                    )
                };
                let message = format!("`{about}` adds up numbers of one `{name}` only: {instead}");
                self.problem(MIXED, &wanted.path, message);
            }
        }
    }

    /// What numbers that are made of the columns of an answer to tables require.
    pub(super) fn requires(
        &self,
        required: &[Required],
        drafts: &[Draft],
        shape: &Shape,
    ) -> Vec<Requires> {
        let (snapshot, mut found) = (self.compiled.snapshot(), Vec::new());
        if let Some(draft) = drafts.first() {
            for (column, key) in draft.keys.iter().enumerate() {
                let mut fields = Vec::new();
                handed_on(snapshot, &key.of.expr(snapshot), &mut fields);
                found.extend(fields.into_iter().map(|field| {
                    let by = field.and_then(|field| position(&draft.keys, &field));
                    Requires { column: Some(column), by }
                }));
            }
        }
        let Shape::Grouped(groups) = shape else { return found };
        if groups.marker.is_some() {
            let by = shape.columns().len().checked_sub(1);
            found.push(Requires { column: None, by });
        }
        for wanted in required {
            let Some(draft) = drafts.get(wanted.part) else { continue };
            let place = Place { part: wanted.part, leaf: wanted.leaf };
            let inputs = groups.places.iter().enumerate().filter(|(_, known)| **known == place);
            let inputs: Vec<usize> = inputs.map(|(input, _)| input).collect();
            for field in &wanted.fields {
                if field.as_ref().is_some_and(|field| wanted.is_narrowed(draft, field)) {
                    continue;
                }
                let by = field.as_ref().and_then(|field| position(&draft.keys, field));
                for (at, output) in groups.values.iter().enumerate() {
                    if output.value.inputs().iter().any(|input| inputs.contains(input)) {
                        found.push(Requires { column: Some(groups.keys.len() + at), by });
                    }
                }
            }
        }
        found
    }

    /// What is put together of the columns of an answer is of one unit too: by the keys of the
    /// stage, or within its conditions. `numbers` has the place of each of its leaves among the
    /// aggregations. It gives what numbers require that are made of the columns of this stage.
    pub(super) fn requirements_of_stage(
        &mut self,
        stage: &Stage<TableId>,
        names: &[&AnswerColumn],
        numbers: &[usize],
    ) -> Vec<Requires> {
        let Stage { inner, filter, keys, leaves } = stage;
        let mut found = Vec::new();
        let is_narrowed = |by: Option<usize>, own: &[Predicate]| {
            let is_it = |expr: &Expr| by.is_some_and(|by| expr.kind == ExprKind::Input(by));
            filter.iter().chain(own).any(|predicate| to_one_value(predicate, &is_it))
        };
        let key = |by: usize| keys.iter().position(|key| key.kind == ExprKind::Input(by));
        // Of which columns there is something in a value that stands in the answer.
        let within = |inputs: &[usize], own: &[Predicate]| -> Vec<Requires> {
            let of = |known: &&Requires| known.column.is_none_or(|column| inputs.contains(&column));
            let known = inner.requires.iter().filter(of);
            known.filter(|known| !is_narrowed(known.by, own)).copied().collect()
        };
        let mut hand_on = |known: &Requires, column: usize| {
            let column = known.column.map(|_| column);
            let handed = Requires { column, by: known.by.and_then(key) };
            if !found.contains(&handed) {
                found.push(handed);
            }
            handed.by
        };
        for (column, of) in keys.iter().enumerate() {
            for known in within(&of.inputs(), &[]) {
                hand_on(&known, column);
            }
        }
        for (at, (leaf, number)) in leaves.iter().zip(numbers).enumerate() {
            let mut inputs = Vec::new();
            each_put_together(&leaf.expr, &mut |argument| inputs.extend(argument.inputs()));
            let column = keys.len() + at;
            for known in within(&inputs, &leaf.filters) {
                if hand_on(&known, column).is_some() {
                    continue;
                }
                let about = names.get(column).map_or("", |column| &column.name);
                let (code, message) = mixed(&shorten(about), &known, inner);
                self.problem(code, &format!("aggregations[{number}]"), message);
            }
        }
        found
    }
}

/// What is wrong with a number that puts together what the answer of `from` tells apart.
fn mixed(about: &str, known: &Requires, inner: &ResolvedQuery) -> (&'static str, String) {
    let told = known.by.and_then(|by| Some(shorten(&inner.shape.columns().get(by)?.name)));
    match (known.column, told) {
        (None, told) => {
            let marker = told.as_deref().unwrap_or("totals");
            let message = format!(
                "`{about}` would count rows of totals beside those that they are totals of: filter \
                 `{marker}` to 0, or leave the totals out of `from`"
            );
            ("Q0155", message)
        }
        (Some(_), Some(unit)) => {
            let message = format!(
                "`{about}` is made of numbers of one `{unit}` each: group by `{unit}`, or filter to \
                 one value of it"
            );
            (MIXED, message)
        }
        (Some(_), None) => {
            let message = format!(
                "`{about}` is made of numbers of different units, and the answer of `from` does not \
                 say which: show there what tells them apart"
            );
            (MIXED, message)
        }
    }
}

impl Required {
    /// Whether only rows with one value of a field count in the number.
    fn is_narrowed(&self, draft: &Draft, field: &FieldPath) -> bool {
        let own = draft.leaves.get(self.leaf).map_or(&[][..], |leaf| &leaf.filters);
        let is_it = |expr: &Expr| matches!(&expr.kind, ExprKind::Field(path) if path == field);
        draft.filter.iter().chain(own).any(|predicate| to_one_value(predicate, &is_it))
    }
}

/// Whether the groups of a key have one value of a field each.
fn tells(key: &Key, field: &FieldPath) -> bool {
    key.is_of(field) && key.cut.is_none()
}

fn position(keys: &[Key], field: &FieldPath) -> Option<usize> {
    keys.iter().position(|key| tells(key, field))
}

/// Calls `visit` on what the values are that an expression puts together of many rows. Rows that are
/// counted have no unit.
fn each_put_together(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    expr.walk(&mut |part| {
        if let ExprKind::Aggregate(aggregate) = &part.kind
            && let Some(argument) = &aggregate.argument
            && (aggregate.function != AggregateFunction::Count || aggregate.distinct)
        {
            visit(argument);
        }
    });
}

/// Adds what the derived tables that a value is taken from require.
fn handed_on(snapshot: &Snapshot, expr: &Expr, found: &mut Vec<Option<FieldPath>>) {
    for path in expr.fields() {
        match &snapshot.field(path.field).kind {
            FieldKind::Calculated(inner) => {
                let mut below = Vec::new();
                handed_on(snapshot, inner, &mut below);
                let below = below.into_iter();
                found.extend(below.map(|field| field.map(|field| field.behind(&path.via))));
            }
            FieldKind::Stored { .. } => {
                let derived = snapshot.derived(path.field.table());
                let own = derived.and_then(|of| of.reads.requires.get(path.field.index()));
                let seen = |field: &FieldId| FieldPath::own(*field).behind(&path.via);
                found.extend(own.into_iter().flatten().map(|field| field.as_ref().map(seen)));
            }
        }
    }
}

/// Whether only rows pass in which an expression has one value.
fn to_one_value(predicate: &Predicate, of: &dyn Fn(&Expr) -> bool) -> bool {
    let constant = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(_));
    fn pinned(expr: &Expr, of: &dyn Fn(&Expr) -> bool, constant: &dyn Fn(&Expr) -> bool) -> bool {
        match &expr.kind {
            ExprKind::Compare(Comparison::Eq, a, b) => of(a) && constant(b) || of(b) && constant(a),
            ExprKind::InList(value, list) => of(value) && list.len() == 1,
            ExprKind::And(a, b) => pinned(a, of, constant) || pinned(b, of, constant),
            _ => false,
        }
    }
    match predicate {
        Predicate::And(parts) => parts.iter().any(|part| to_one_value(part, of)),
        Predicate::Asked(expr) | Predicate::Modelled(expr) => pinned(expr, of, &constant),
        Predicate::Or(_) | Predicate::Not(_) | Predicate::Exists(_) => false,
    }
}
