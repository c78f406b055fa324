//! What the columns of the answer are: the fields that are listed or grouped by.

use sandbar_catalog::expr::{Bins, Expr};
use sandbar_catalog::query::{Bin, FieldAsk, SemanticQuery, Truncation, Value};
use sandbar_catalog::time::{Grain, Part as TimePart};
use sandbar_catalog::{FieldId, FieldPath, Literal, Type};
use sandbar_permissions::Level;

use super::calculated::Meaning;
use super::ground::{Ground, METRIC_TIME};
use super::instead::at_grain;
use super::numbers::Draft;
use super::{Asking, MAX_COLUMNS, shorten};
use crate::query::{AnswerColumn, Cut, Key, Of, Shape, ToMany};

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
            let known = self.wrong();
            let name = &ask.value.field.value;
            let mut first: Option<(AnswerColumn, Option<FieldId>, String)> = None;
            for draft in drafts.iter_mut() {
                let Some((column, key)) = self.key(&draft.ground, &ask.value, &path, Use::Grouped)
                else {
                    break;
                };
                let field = match &key.of {
                    Of::Field(path) => Some(path.field),
                    Of::Calculated(_) => None,
                };
                draft.keys.push(key);
                let about = &draft.ground.about;
                let (known, own, one) =
                    first.get_or_insert_with(|| (column.clone(), field, about.clone()));
                if known.data_type != column.data_type {
                    let same = |(a, b)| name == METRIC_TIME || self.one_thing(a, b);
                    let temporal = known.data_type.is_temporal() && column.data_type.is_temporal();
                    let (one, about) = (shorten(one), shorten(about));
                    let instead = match temporal && own.zip(field).is_none_or(same) {
                        true => {
                            let grain = self.finest(Grain::Day, name);
                            format!("write {} to put them together", at_grain(name, grain))
                        }
                        false => format!("ask for `{one}` and for `{about}` in two questions"),
                    };
                    let message = format!(
                        "`{}` is {} for `{one}`, but {} for `{about}`; {instead}",
                        shorten(name),
                        known.data_type.with_article(),
                        column.data_type.with_article()
                    );
                    self.problem("Q0143", &path, message);
                    break;
                }
            }
            // One wrong name is told once, not once for each number.
            if self.wrong() == known {
                columns.extend(first.map(|(column, ..)| column));
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
        match self.of_rows(ground, name) {
            Meaning::Calculated(expr) => return self.calculated_key(expr, ask, path, used),
            Meaning::Broken => return None,
            Meaning::Other => {}
        }
        let (field, bridge) = match used {
            Use::Grouped => self.field_or_bridge(ground, name, path)?,
            Use::Listed => (self.field(ground, name, path)?, None),
        };
        let data_type = self.compiled.snapshot().field(field.field).data_type;
        let cut = self.cut(ask, data_type, path)?;
        if used == Use::Grouped && !self.check_grain(&field, ask.grain, name, path) {
            return None;
        }
        if data_type == Type::Other && used == Use::Grouped {
            self.not_to_group(name, path);
            return None;
        }
        let shown = ask.alias.clone().unwrap_or_else(|| name.clone());
        let column = self.column(&field, cut, shown);
        Some((column, Key { bridge, ..Key::new(field, cut) }))
    }

    pub(super) fn not_to_group(&mut self, name: &str, path: &str) {
        let message = format!("`{}` has values that cannot be grouped", shorten(name));
        self.problem("Q0123", path, message);
    }

    /// What the question calculates of each row, as a column.
    fn calculated_key(
        &mut self,
        expr: Expr,
        ask: &FieldAsk,
        path: &str,
        used: Use,
    ) -> Option<(AnswerColumn, Key)> {
        let (name, data_type) = (&ask.field.value, expr.data_type);
        let cut = self.cut(ask, data_type, path)?;
        if matches!(data_type, Type::Other | Type::Null) && used == Use::Grouped {
            self.not_to_group(name, path);
            return None;
        }
        let column = AnswerColumn {
            name: ask.alias.clone().unwrap_or_else(|| name.clone()),
            label: None,
            data_type: cut_type(data_type, cut),
            semantic: None,
            unit: None,
        };
        Some((column, Key::calculated(expr, cut)))
    }

    /// A field with a single value for each row, or one of rows that it is declared to belong to.
    fn field_or_bridge(
        &mut self,
        ground: &Ground,
        name: &str,
        path: &str,
    ) -> Option<(FieldPath, Option<Box<ToMany>>)> {
        if self.told_enough() {
            return None;
        }
        let chain: Vec<&str> = name.split('.').collect();
        let many = match self.find(ground, name) {
            Err(why) => why.may_be_many(),
            Ok(_) => {
                if let Some(ways) = self.one_and_many(ground.table, &chain, |step| step.bridge) {
                    self.several_steps(ground, name, &ways, path);
                    return None;
                }
                false
            }
        };
        if many
            && let Ok(Some((step, rest))) = self.to_many(ground.table, &chain)
            && step.bridge
            && !rest.is_empty()
        {
            let inner = Ground::new(step.table, self.default_time(step.table), &ground.about);
            let field = self.field(&inner, &rest.join("."), path)?;
            // By its whole name it is one thing with what that means for other numbers.
            self.remember(ground, name, path, field.field);
            return Some((field, Some(Box::new(step))));
        }
        Some((self.field(ground, name, path)?, None))
    }

    /// What stands in place of the values of a field, if anything does.
    pub(super) fn cut(
        &mut self,
        ask: &FieldAsk,
        data_type: Type,
        path: &str,
    ) -> Option<Option<Cut>> {
        let name = &ask.field.value;
        match (ask.grain, &ask.bin) {
            (None, None) => Some(None),
            (Some(grain), None) => {
                let fits = self.check_truncation(data_type, grain, name, path);
                fits.then_some(Some(Cut::Time(grain)))
            }
            (None, Some(bin)) => {
                let bins = bins(bin).and_then(|bins| match bins.wanted_by(data_type) {
                    None => Ok(bins),
                    Some(wanted) => {
                        let (name, is) = (shorten(name), data_type.with_article());
                        Err(format!("`{name}` is {is}: `bin` wants {wanted}"))
                    }
                });
                match bins {
                    Ok(bins) => Some(Some(Cut::Bins(bins))),
                    Err(message) => {
                        self.problem("Q0158", &format!("{path}.bin"), message);
                        None
                    }
                }
            }
            (Some(_), Some(_)) => {
                let message = format!(
                    "`{}` has a `grain` and a `bin`: a grain is for dates and datetimes, bins are \
                     for numbers",
                    shorten(name)
                );
                self.problem("Q0158", path, message);
                None
            }
        }
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
    pub(super) fn check_grain(
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
            let instead = format!("write {}", at_grain(name, self.finest(native, name)));
            self.finer(native, name, &instead, path);
        }
        fits
    }

    pub(super) fn finer(&mut self, native: Grain, name: &str, instead: &str, path: &str) {
        let about = self.about(name, path).map(|about| format!(" for `{}`", shorten(about)));
        let message = format!(
            "each value of `{}` stands for a {}, so nothing finer can be asked of it{}; {instead}",
            shorten(name),
            native.name(),
            about.unwrap_or_default()
        );
        self.problem("Q0152", path, message);
    }

    fn column(&self, path: &FieldPath, cut: Option<Cut>, name: String) -> AnswerColumn {
        let field = self.compiled.snapshot().field(path.field);
        AnswerColumn {
            name,
            label: field.label.clone(),
            data_type: cut_type(field.data_type, cut),
            semantic: field.semantic.filter(|_| cut.is_none()),
            unit: field.unit.clone().filter(|_| keeps_unit(cut)),
        }
    }
}

/// Bins as they are asked for, or what is wrong with them.
fn bins(asked: &Bin) -> Result<Bins, String> {
    let number = |value: &Value| match value {
        Value::Integer(n) => Literal::Integer(*n),
        Value::Number(n) => Literal::Number(*n),
        Value::Decimal { value, scale } => Literal::Decimal { value: *value, scale: *scale },
        // Nothing else makes bins.
        _ => Literal::Null,
    };
    let Bin { width, start, count, min, max } = asked;
    let made = match (width, start, count, min, max) {
        (Some(width), start, None, None, None) => {
            Bins::of_width(&number(width), start.as_ref().map(number).as_ref())
        }
        (None, None, Some(count), Some(min), Some(max)) => {
            Bins::in_range(*count, &number(min), &number(max))
        }
        _ => {
            return Err("bins are `{\"width\": 50}`, with a `start` where none starts at 0, or \
                        `{\"count\": 10, \"min\": 0, \"max\": 100}`"
                .to_owned());
        }
    };
    made.map_err(|why| format!("`bin` wants {}", why.wants()))
}

/// The type of a field's values, or of what stands in their place.
pub(super) fn cut_type(data_type: Type, cut: Option<Cut>) -> Type {
    match cut {
        None | Some(Cut::Bins(_)) => data_type,
        Some(Cut::Time(Truncation::Part(_))) => Type::Integer,
        Some(Cut::Time(Truncation::Grain(grain))) if grain.is_date() => Type::Date,
        Some(Cut::Time(Truncation::Grain(_))) => Type::Datetime,
    }
}

/// Whether what stands in place of values is in their unit.
pub(super) fn keeps_unit(cut: Option<Cut>) -> bool {
    !matches!(cut, Some(Cut::Time(_)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Listed,
    Grouped,
}
