//! What the columns of the answer are: the fields that are listed or grouped by.

use sandbar_catalog::query::{FieldAsk, SemanticQuery, Truncation};
use sandbar_catalog::time::Part as TimePart;
use sandbar_catalog::{FieldPath, Type};
use sandbar_permissions::{Level, Missing};

use super::ground::{Ground, METRIC_TIME, NotFound};
use super::numbers::Draft;
use super::{Asking, MAX_COLUMNS, shorten};
use crate::query::{AnswerColumn, Key, Shape, ToMany};

impl Asking<'_> {
    pub(super) fn check_names(&mut self, shape: &Shape) {
        let columns = shape.columns();
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        if names.len() > MAX_COLUMNS {
            let message = format!("an answer has at most {MAX_COLUMNS} columns");
            self.problem("Q0119", "", message);
        }
        if names.iter().any(|name| name.is_empty() || name.len() > 256 || name.starts_with('#')) {
            let message = "the name of a column has 1 to 256 bytes and does not start with `#`";
            self.problem("Q0120", "", message);
        }
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair.first() == pair.last());
        if let Some(name) = twice.and_then(|pair| pair.first()) {
            let message = format!("two columns are named `{}`; name one with `as`", shorten(name));
            self.problem("Q0121", "", message);
        }
    }

    /// The columns of a listing, and what each shows of a row.
    pub(super) fn listed(
        &mut self,
        query: &SemanticQuery,
        ground: &Ground,
    ) -> (Vec<AnswerColumn>, Vec<Key>) {
        if query.fields.is_empty() {
            return self.all_fields(ground);
        }
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        for (index, ask) in query.fields.iter().enumerate() {
            let path = format!("fields[{index}]");
            if let Some((column, key)) = self.key(ground, &ask.value, &path, Use::Listed) {
                columns.push(column);
                keys.push(key);
            }
        }
        (columns, keys)
    }

    /// Every field of the table that the asker may query, in the order of the model.
    fn all_fields(&mut self, ground: &Ground) -> (Vec<AnswerColumn>, Vec<Key>) {
        let snapshot = self.compiled.snapshot();
        let fields = snapshot.table(ground.table).fields.iter();
        let paths = fields.map(|field| (FieldPath::own(field.id), field.name.clone()));
        let shown = paths.filter(|(path, _)| self.grants.field_level(path) == Level::Query);
        let (columns, keys): (Vec<AnswerColumn>, Vec<Key>) = shown
            .map(|(path, name)| (self.column(&path, None, name), Key::new(path, None)))
            .unzip();
        if columns.is_empty() {
            self.problem("Q0122", "fields", "no field of this table can be listed");
        }
        (columns, keys)
    }

    /// The columns that the answer is grouped by; each part gets what it computes for them.
    pub(super) fn grouped(
        &mut self,
        query: &SemanticQuery,
        drafts: &mut [Draft],
    ) -> Vec<AnswerColumn> {
        let mut columns = Vec::new();
        for (index, ask) in query.group_by.iter().enumerate() {
            let path = format!("group_by[{index}]");
            let known = self.problems.len();
            let mut first = None;
            for draft in drafts.iter_mut() {
                let Some((column, key)) = self.key(&draft.ground, &ask.value, &path, Use::Grouped)
                else {
                    break;
                };
                draft.keys.push(key);
                let known = first.get_or_insert(column.clone());
                if known.data_type != column.data_type {
                    let message = format!(
                        "`{}` is {} for some of the numbers and {} for others; name a `grain` to \
                         put them together",
                        shorten(&ask.value.field.value),
                        known.data_type.with_article(),
                        column.data_type.with_article()
                    );
                    self.problem("Q0143", &path, message);
                    break;
                }
            }
            // One wrong name is told once, not once for each number.
            if self.problems.len() == known {
                columns.extend(first);
            }
        }
        columns
    }

    fn key(
        &mut self,
        ground: &Ground,
        ask: &FieldAsk,
        path: &str,
        used: Use,
    ) -> Option<(AnswerColumn, Key)> {
        let name = &ask.field.value;
        let (field, bridge) = match used {
            Use::Grouped => self.field_or_bridge(ground, name, path)?,
            Use::Listed => (self.field(ground, name, path)?, None),
        };
        let data_type = self.compiled.snapshot().field(field.field).data_type;
        if let Some(truncation) = ask.grain
            && !self.check_truncation(data_type, truncation, name, path)
        {
            return None;
        }
        if used == Use::Grouped && !self.check_grain(&field, ask.grain, name, path) {
            return None;
        }
        if data_type == Type::Other && used == Use::Grouped {
            let message = format!("`{}` has values that cannot be grouped", shorten(name));
            self.problem("Q0123", path, message);
            return None;
        }
        let shown = ask.alias.clone().unwrap_or_else(|| name.clone());
        let column = self.column(&field, ask.grain, shown);
        Some((column, Key { bridge, ..Key::new(field, ask.grain) }))
    }

    /// A field with a single value for each row, or one of rows that it is declared to belong to.
    fn field_or_bridge(
        &mut self,
        ground: &Ground,
        name: &str,
        path: &str,
    ) -> Option<(FieldPath, Option<Box<ToMany>>)> {
        let many = match self.find(ground, name) {
            Err(why) => matches!(
                why,
                NotFound::Missing(Missing::ToMany { .. })
                    | NotFound::Finer { .. }
                    | NotFound::Sideways { .. }
            ),
            Ok(_) => false,
        };
        let chain: Vec<&str> = name.split('.').collect();
        if many
            && let Ok(Some((step, rest))) = self.to_many(ground.table, &chain)
            && step.bridge
            && !rest.is_empty()
        {
            let inner = Ground::new(step.table, self.default_time(step.table), &ground.about);
            let field = self.field(&inner, &rest.join("."), path)?;
            return Some((field, Some(Box::new(step))));
        }
        Some((self.field(ground, name, path)?, None))
    }

    pub(super) fn check_truncation(
        &mut self,
        data_type: Type,
        truncation: Truncation,
        name: &str,
        path: &str,
    ) -> bool {
        let fits = match (data_type, truncation) {
            (Type::Datetime, _) => true,
            (Type::Date, Truncation::Grain(grain)) => grain.is_date(),
            (Type::Date, Truncation::Part(part)) => !matches!(
                part,
                TimePart::HourOfDay | TimePart::MinuteOfHour | TimePart::SecondOfMinute
            ),
            _ => false,
        };
        if !fits {
            let message = format!(
                "`{}` is {}, which has no `{}`",
                shorten(name),
                data_type.with_article(),
                truncation.name()
            );
            self.problem("Q0124", path, message);
        }
        fits
    }

    /// Nothing finer is asked of a time than the periods that its values stand for.
    fn check_grain(
        &mut self,
        field: &FieldPath,
        asked: Option<Truncation>,
        name: &str,
        path: &str,
    ) -> bool {
        let Some(native) = self.compiled.snapshot().field(field.field).grain else { return true };
        let fits = match asked {
            // The values themselves: the first days of their periods. Beside days of others they
            // would pass for days.
            None => name != METRIC_TIME,
            Some(Truncation::Grain(grain)) => native.lies_in(grain),
            Some(Truncation::Part(part)) => native.lies_in(part.grain()),
        };
        if !fits {
            let message = format!(
                "each value of `{}` stands for a {}, so nothing finer can be asked of it",
                shorten(name),
                native.name()
            );
            self.problem("Q0152", path, message);
        }
        fits
    }

    fn column(
        &self,
        path: &FieldPath,
        truncation: Option<Truncation>,
        name: String,
    ) -> AnswerColumn {
        let field = self.compiled.snapshot().field(path.field);
        AnswerColumn {
            name,
            label: field.label.clone(),
            data_type: truncated_type(field.data_type, truncation),
            semantic: field.semantic.filter(|_| truncation.is_none()),
            unit: field.unit.clone().filter(|_| truncation.is_none()),
        }
    }
}

/// The type of a field's values, or of their buckets or parts.
pub(super) fn truncated_type(data_type: Type, truncation: Option<Truncation>) -> Type {
    match truncation {
        None => data_type,
        Some(Truncation::Part(_)) => Type::Integer,
        Some(Truncation::Grain(grain)) if grain.is_date() => Type::Date,
        Some(Truncation::Grain(_)) => Type::Datetime,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Listed,
    Grouped,
}
