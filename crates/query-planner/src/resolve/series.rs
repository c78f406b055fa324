//! Numbers over time: which days are asked for, and how the rows of days become periods.

use sandbar_catalog::decode::Located;
use sandbar_catalog::definitions::ReportDay;
use sandbar_catalog::expr::{Comparison, Expr, ExprKind};
use sandbar_catalog::query::{Filter, Op, RelativeUnit, SemanticQuery, Truncation, Value};
use sandbar_catalog::time::Grain;
use sandbar_catalog::{
    Conversion, FieldId, FieldPath, Literal, RelationshipId, Shift, TableId, Type, Window,
    WindowStart,
};

use super::derived::TOO_MANY;
use super::filter::MAX_CONDITIONS;
use super::ground::{Ground, METRIC_TIME};
use super::instead::at_grain;
use super::numbers::{Draft, Kind};
use super::relative::range;
use super::values::{Point, midnight, point};
use super::{Asking, shorten};
use crate::ends::others;
use crate::functions::{Moved, Reporting, Rules, floor_date, next_date};
use crate::query::{Cut, Dense, Events, Key, Of, Part, Predicate, Rows, Scan, Series, Shape};

/// The most tables that are read for nothing but the day that periods end with.
const MAX_ENDS: usize = 512;

/// A stretch of days: from the first up to, but without, the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: Option<i32>,
    pub(super) to: Option<i32>,
}

impl Days {
    fn and(self, other: Self) -> Self {
        let latest = |a: Option<i32>, b: Option<i32>| a.max(b);
        let earliest = match (self.to, other.to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { from: latest(self.from, other.from), to: earliest }
    }
}

impl Asking<'_> {
    /// The conditions of a question on the rows of a part, and the days that they ask for. Where a
    /// number is of other times, the days say which periods are reported, not which rows count.
    pub(super) fn asked_days(
        &mut self,
        draft: &mut Draft,
        filter: &Located<Filter>,
        path: &str,
    ) -> Days {
        let moved = matches!(draft.kind, Kind::Moved { .. });
        let mut days = Days::default();
        let (mut conjuncts, mut budget) = (Vec::new(), MAX_CONDITIONS);
        if !flatten(&filter.value, path.to_owned(), &mut conjuncts, &mut budget) {
            self.too_many_conditions(path);
            return days;
        }
        for (conjunct, path) in conjuncts {
            let of_time = self.days_of(&draft.ground, conjunct);
            if let Some(found) = of_time {
                days = days.and(found);
                if moved {
                    continue;
                }
            }
            let located = Located { path, ..Located::from(conjunct.clone()) };
            let found = self.filter(&mut draft.ground, &located, "", &mut budget);
            self.not_of_time(draft, &found, &located.path);
            draft.filter.extend(found);
        }
        days
    }

    /// Says so where a number of other times is narrowed by a time that is no stretch of days.
    pub(super) fn not_of_time(&mut self, draft: &Draft, found: &[Predicate], path: &str) {
        let (Kind::Moved { .. }, Some(time)) = (&draft.kind, draft.ground.time) else { return };
        let own = FieldPath::own(time);
        let mut reads = false;
        for predicate in found {
            predicate.expressions(&mut |expr| reads |= expr.fields().contains(&&own));
        }
        if reads {
            let message = format!(
                "`{}` is of other times than its rows, so a condition on its time is a stretch of \
                 whole days that the whole question is narrowed to",
                shorten(&draft.ground.about)
            );
            self.problem("Q0153", path, message);
        }
    }

    /// The days that a condition on the time of some numbers means, if it is one.
    fn days_of(&self, ground: &Ground, filter: &Filter) -> Option<Days> {
        let time = ground.time?;
        let of_time =
            |name: &str| self.find(ground, name).ok().is_some_and(|p| p == FieldPath::own(time));
        match filter {
            Filter::Relative { field, op, count, unit } if of_time(&field.value) => {
                let (from, to) = range(*op, *count, *unit, self.now, &self.clock)?;
                Some(Days { from: Some(from), to: Some(to) })
            }
            Filter::Field { field, grain, op, values, .. } if of_time(&field.value) => {
                let grain = match grain {
                    None => Grain::Day,
                    Some(Truncation::Grain(grain)) if grain.is_date() => *grain,
                    Some(_) => return None,
                };
                let data_type = self.compiled.snapshot().field(time).data_type;
                let days = values.iter().map(|value| self.whole_day(value, data_type));
                let days: Vec<i32> = days.collect::<Option<_>>()?;
                if days.iter().any(|day| floor_date(*day, grain, &self.clock) != *day) {
                    return None;
                }
                let next = |day: i32| next_date(day, grain, &self.clock);
                let between = |from, to| Some(Days { from, to });
                match (op, days.as_slice()) {
                    (Op::Eq, [day]) => between(Some(*day), Some(next(*day))),
                    (Op::Lt, [day]) => between(None, Some(*day)),
                    (Op::LtEq, [day]) => between(None, Some(next(*day))),
                    (Op::Gt, [day]) => between(Some(next(*day)), None),
                    (Op::GtEq, [day]) => between(Some(*day), None),
                    (Op::Between, [a, b]) => between(Some(*a), Some(next(*b))),
                    (Op::InRange, [a, b]) => between(Some(*a), Some(*b)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The day that a value stands for; an instant does where it is the first of its day.
    fn whole_day(&self, value: &Value, data_type: Type) -> Option<i32> {
        if let Ok(Point::Exact(Literal::Date(day))) = point(value, Type::Date, &self.clock.zone) {
            return Some(day);
        }
        let Ok(Point::Exact(Literal::Datetime(micros))) = point(value, data_type, &self.clock.zone)
        else {
            return None;
        };
        let day = i32::try_from(self.clock.offsets().local(micros).0).ok()?;
        (midnight(day, &self.clock.zone)? == Literal::Datetime(micros)).then_some(day)
    }

    /// How a part whose numbers are of other times gets them from the rows of days.
    pub(super) fn series(&mut self, draft: &mut Draft, days: Days) {
        let Kind::Moved { window, shifts } = draft.kind.clone() else { return };
        let Some(time) = draft.ground.time else { return };
        let about = shorten(&draft.ground.about);
        let by = || self.by_time(&draft.ground, &shifts);
        let data_type = self.compiled.snapshot().field(time).data_type;
        let keys: Vec<(usize, &Key)> =
            draft.keys.iter().enumerate().filter(|(_, k)| k.is_of(&FieldPath::own(time))).collect();
        let grain = match keys.as_slice() {
            [] => None,
            [(_, key)] => match (key.cut, data_type) {
                (Some(Cut::Time(Truncation::Grain(grain))), _) if grain.is_date() => Some(grain),
                (None, Type::Date) => Some(Grain::Day),
                _ => {
                    let message = format!(
                        "`{about}` is a number of days or longer periods, grouped by a `grain` of \
                         its time from `day` on; {}",
                        by()
                    );
                    self.problem("Q0151", "group_by", message);
                    return;
                }
            },
            _ => {
                let message =
                    format!("`{about}` is grouped by one grain of its time, not by two; {}", by());
                self.problem("Q0151", "group_by", message);
                return;
            }
        };
        let own = FieldPath::own(time);
        let of_time =
            |key: &Key| matches!(&key.of, Of::Calculated(expr) if expr.fields().contains(&&own));
        if draft.keys.iter().any(of_time) {
            let message = format!(
                "`{about}` is of other times than its rows, so it is grouped by a grain of its \
                 time, not by what is calculated of it; {}",
                by()
            );
            self.problem("Q0151", "group_by", message);
            return;
        }
        let (rules, since) = (self.clock.rules(), self.compiled.clock().rules());
        if let Err(why) = fits((grain, rules), window, &shifts, days, &by) {
            self.problem("Q0151", "", format!("`{about}` {why}"));
            return;
        }
        let Days { from, to } = days;
        let reporting = Reporting { grain, window, shifts, from, to, rules, since };
        let (first, end) = reporting.days();
        let value = Expr::field(FieldPath::own(time), data_type);
        let mut bound = |comparison: Comparison, day: Option<i32>| {
            let Some(day) = day else { return };
            let literal = match data_type {
                Type::Date => Some(Literal::Date(day)),
                _ => midnight(day, &self.clock.zone),
            };
            // Beyond the calendar there are no rows to leave out.
            draft.filter.extend(literal.map(|literal| {
                let (left, right) = (Box::new(value.clone()), Box::new(Expr::literal(literal)));
                Predicate::Asked(Expr::new(
                    ExprKind::Compare(comparison, left, right),
                    Type::Boolean,
                ))
            }));
        };
        bound(Comparison::GtEq, first);
        bound(Comparison::Lt, end);
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            // Without a day nothing is told of any, also where windows and shifts reach some.
            draft.filter.push(Predicate::Asked(Expr::literal(Literal::Boolean(false))));
        }
        draft.series = keys.first().map(|(key, _)| Series { time, key: *key, reporting });
    }

    /// By which grain of their time some numbers can be grouped, as advice.
    fn by_time(&self, ground: &Ground, shifts: &[Moved]) -> String {
        let native = ground.time.and_then(|time| self.compiled.snapshot().field(time).grain);
        let rules = self.clock.rules();
        let fits = |grain: &Grain| {
            native.is_none_or(|native| native.lies_in(*grain))
                && shifts.iter().all(|shift| is_aligned(*grain, rules, shift))
        };
        let grains = [Grain::Month, Grain::Quarter, Grain::Year, Grain::Day, Grain::Week];
        match grains.into_iter().find(fits) {
            Some(grain) if self.timed(ground.time) => {
                let together = self.beside(ground).iter().all(|other| self.timed(other.time));
                let alone = if together { "" } else { " in a question of its own" };
                format!("group by {}{alone}", at_grain(METRIC_TIME, grain))
            }
            _ => "group by its time".to_owned(),
        }
    }

    /// The events that follow those of a part.
    pub(super) fn events(
        &mut self,
        conversion: &Conversion,
        base_time: FieldId,
    ) -> Option<Events<TableId>> {
        let filter = conversion.filters.iter().cloned().map(Predicate::Modelled).collect();
        let (time, on, window) = (conversion.time, conversion.on.clone(), conversion.window);
        let rows = Rows { time: Some(time), scans: Vec::new(), filter, members: Vec::new() };
        let mut events = Events { rows, base_time, time, on, window };
        let used = events.fields_read(self.compiled.snapshot());
        events.rows.scans = self.scans(conversion.table, Some(time), &used, &[])?;
        Some(events)
    }

    /// Which periods have a row whether they have data or not: where a number wants it, and the
    /// question goes by its time.
    pub(super) fn dense(&mut self, query: &SemanticQuery, drafts: &[Draft]) -> Option<Dense> {
        let times = drafts.iter().flat_map(|draft| draft.dense.iter().map(move |of| (draft, of)));
        let mut found = times.filter_map(|(draft, (time, about))| {
            let data_type = self.compiled.snapshot().field(*time).data_type;
            draft.keys.iter().enumerate().find_map(|(index, key)| {
                let grain = match key.cut {
                    Some(Cut::Time(Truncation::Grain(grain))) if grain.is_date() => Some(grain),
                    None if data_type == Type::Date => Some(Grain::Day),
                    _ => None,
                };
                let grain = grain.filter(|_| key.is_of(&FieldPath::own(*time)));
                grain.map(|grain| ((draft, *time, about), index, grain))
            })
        });
        let ((draft, time, about), key, grain) = found.next()?;
        let own = FieldPath::own(time);
        let ground = Ground::new(draft.ground.table, Some(time), about);
        if let Some(((.., other), ..)) = found.find(|(_, index, _)| *index != key) {
            let message = format!(
                "`{}` and `{}` have a row for each period of different times: group by one of \
                 these, or ask for them apart",
                shorten(about),
                shorten(other)
            );
            self.problem("Q0151", "group_by", message);
            return None;
        }
        if draft.keys.iter().filter(|key| key.is_of(&own)).count() > 1 {
            let message = format!(
                "`{}` has a row for each period: it is grouped by one grain of its time, not by \
                 two; {}",
                shorten(about),
                self.by_time(&ground, &[])
            );
            self.problem("Q0151", "group_by", message);
            return None;
        }
        let mut days = Days::default();
        if let Some(filter) = &query.filter {
            let mut conjuncts = Vec::new();
            // What is too much was told where it is narrowed.
            flatten(&filter.value, String::new(), &mut conjuncts, &mut { MAX_CONDITIONS });
            for (conjunct, _) in conjuncts {
                days = days.and(self.days_of(&ground, conjunct).unwrap_or_default());
            }
        }
        Some(Dense { key, grain, from: days.from, to: days.to })
    }

    /// Where a question does not say until when, each of its numbers of other times looks at the
    /// rows of all others for the day that periods end with, and so does each of its totals: says
    /// so where these are too many.
    pub(super) fn ends_fit(&mut self, parts: &[Part<TableId>], shape: &Shape) {
        let Shape::Grouped(groups) = shape else { return };
        let sizes = |part: &Part<TableId>| -> Vec<(Vec<RelationshipId>, u32)> {
            let size = |scan: &Scan<TableId>| {
                Some((scan.via.clone(), self.grants.min_group_size(scan.source)?))
            };
            part.rows.scans.iter().filter_map(size).collect()
        };
        let sizes: Vec<_> = parts.iter().map(sizes).collect();
        let mut read = 0;
        for part in parts {
            let open = part.series.as_ref().filter(|series| series.reporting.to.is_none());
            let Some(series) = open else { continue };
            for alike in others(Some(part), series.key, parts, |table: &TableId| *table, &sizes) {
                let Some((other, days)) = alike.first() else { continue };
                let bridge = other.bridge.as_ref().filter(|_| days.bridge.is_some());
                let bridge = bridge.map_or(0, |bridge| bridge.rows.scans.len());
                read += (other.rows.scans.len() + bridge) * (groups.levels.len() + 1);
            }
            if read > MAX_ENDS {
                let message = "each number of another time ends with the newest day of all others, \
                               and these are of too many tables: filter the time up to a day, or \
                               ask for fewer of them at once";
                self.problem(TOO_MANY, "", message);
                return;
            }
        }
    }
}

/// The conditions that all hold, each with its place; not where there are too many that hold them
/// together.
fn flatten<'f>(
    filter: &'f Filter,
    path: String,
    into: &mut Vec<(&'f Filter, String)>,
    budget: &mut usize,
) -> bool {
    match filter {
        Filter::And(items) if !items.is_empty() => {
            let Some(left) = budget.checked_sub(1) else { return false };
            *budget = left;
            let mut items = items.iter().enumerate();
            items.all(|(index, item)| {
                flatten(&item.value, format!("{path}.and[{index}]"), into, budget)
            })
        }
        other => {
            into.push((other, path));
            true
        }
    }
}

/// Whether periods of this grain have values of those other times.
fn fits(
    (grain, rules): (Option<Grain>, Rules),
    window: Option<Window>,
    shifts: &[Moved],
    days: Days,
    by: &dyn Fn() -> String,
) -> Result<(), String> {
    let Some(grain) = grain else {
        let trailing = window.is_some_and(|window| window.start != WindowStart::AllTime);
        if trailing && days.to.is_none() {
            return Err(format!(
                "is a number up to some day: {}, or filter its time up to a day",
                by()
            ));
        }
        if shifts.iter().any(|shift| matches!(shift, (Shift::StartOf(_), _))) {
            return Err(format!("shows the start of a period: {}", by()));
        }
        if !shifts.is_empty() && days.to.is_none() {
            return Err(format!(
                "is of another time, and nothing says than which: {}, or filter its time to a \
                 stretch of days that ends",
                by()
            ));
        }
        if window.is_some() && days.from.is_some() && days.to.is_none() {
            return Err(format!(
                "is a number of a stretch that ends: {}, or filter its time up to a day",
                by()
            ));
        }
        let first = window.is_some_and(|window| window.report == ReportDay::First);
        if first && days.from.is_none() {
            return Err(format!(
                "is told on the first day of a stretch: {}, or filter its time from a day to \
                 another",
                by()
            ));
        }
        return Ok(());
    };
    for moved in shifts {
        if !is_aligned(grain, rules, moved) {
            let (shift, _) = moved;
            let (Shift::Back(_, unit) | Shift::StartOf(unit)) = shift;
            let unit = unit.grain().name();
            let earlier = match shift {
                Shift::Back(1, _) => format!("a {unit} earlier"),
                Shift::Back(count, _) => format!("{count} {unit}s earlier"),
                Shift::StartOf(_) => format!("at the start of its {unit}"),
            };
            let grain = grain.name();
            return Err(format!(
                "has no value of a {grain} that is {earlier}: the two do not fit; {}",
                by()
            ));
        }
    }
    Ok(())
}

/// Whether periods of this grain are periods where they are moved.
fn is_aligned(grain: Grain, rules: Rules, (shift, weeks): &Moved) -> bool {
    match shift {
        Shift::Back(count, unit) => is_whole(grain, *count, *unit),
        Shift::StartOf(unit) => {
            grain.lies_in(unit.grain()) && (grain != Grain::Week || *weeks == rules)
        }
    }
}

/// Whether a period moved by so many units is a period again.
fn is_whole(grain: Grain, count: u32, unit: RelativeUnit) -> bool {
    let months = match unit {
        RelativeUnit::Day | RelativeUnit::Week => None,
        RelativeUnit::Month => Some(count),
        RelativeUnit::Quarter => count.checked_mul(3),
        RelativeUnit::Year => count.checked_mul(12),
    };
    match grain {
        Grain::Second | Grain::Minute | Grain::Hour => false,
        Grain::Day => true,
        Grain::Week => match unit {
            RelativeUnit::Week => true,
            RelativeUnit::Day => count.is_multiple_of(7),
            _ => false,
        },
        Grain::Month => months.is_some(),
        Grain::Quarter | Grain::FiscalQuarter => {
            months.is_some_and(|months| months.is_multiple_of(3))
        }
        Grain::Year | Grain::FiscalYear => months.is_some_and(|months| months.is_multiple_of(12)),
    }
}
