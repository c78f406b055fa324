//! Which periods a day counts in: windows that accumulate, values of another time, gaps filled.
//!
//! A number that is accumulated or taken from another time is computed as if from the rows of each
//! period: every row is repeated for the periods that it counts in, and grouped by them.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, AsArray, Date32Array, Date32Builder, ListBuilder};
use datafusion_common::arrow::datatypes::{DataType, Date32Type, Field};
use datafusion_common::{DataFusionError, Result, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use sandbar_catalog::definitions::ReportDay;
use sandbar_catalog::time::Grain;
use sandbar_catalog::{Shift, Window, WindowStart};

use super::calendar::{self, Rules};
use super::checked::ComputationError;

/// The most periods that one row counts in, or that one gap is filled with.
const MAX_PERIODS: usize = 10_000;

/// How the numbers of periods are put together from the rows of days.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reporting {
    /// The periods that are reported; `None`: one number for all that is asked.
    pub(crate) grain: Option<Grain>,
    pub(crate) window: Option<Window>,
    /// Other times, the innermost first.
    pub(crate) shifts: Vec<Moved>,
    /// The first day that is asked for.
    pub(crate) from: Option<i32>,
    /// The day after the last one that is asked for.
    pub(crate) to: Option<i32>,
    /// When the periods start.
    pub(crate) rules: Rules,
    /// When the weeks start since which a window accumulates.
    pub(crate) since: Rules,
}

/// Another time, and when the weeks start that it speaks of.
pub(crate) type Moved = (Shift, Rules);

impl Reporting {
    /// The days whose rows are needed: from the first up to, but without, the second.
    pub(crate) fn days(&self) -> (Option<i32>, Option<i32>) {
        let (from, mut to) = (self.source_from(), self.source_to());
        if let (Some(window), None, Some(from)) = (self.window, self.grain, from)
            && window.report == ReportDay::First
        {
            // All of the stretch is told on its first day.
            to = to.map(|to| to.min(from + 1)).or(Some(from + 1));
        }
        let last = to.map(|to| to - 1);
        let first = match (self.window, self.grain) {
            (None, _) => from,
            (Some(window), None) => last.and_then(|last| self.start(window, last)),
            (Some(window), Some(grain)) => from.and_then(|from| {
                let period = calendar::floor(from, grain, self.rules);
                // Without an end that is asked for, the first period may be told on any day from
                // here on.
                let last = last.or(Some(from));
                self.start(window, self.told_on(period, grain, window, Some(from), last))
            }),
        };
        let day = |day: i64| i32::try_from(day).ok();
        (first.and_then(day), to.and_then(day))
    }

    /// The first day of the periods that the reported ones take their values from.
    pub(super) fn source_from(&self) -> Option<i64> {
        self.source().0
    }

    /// The day after their last one.
    pub(super) fn source_to(&self) -> Option<i64> {
        self.source().1
    }

    fn source(&self) -> (Option<i64>, Option<i64>) {
        let stretch = (self.from.map(i64::from), self.to.map(i64::from));
        self.shifts.iter().rev().fold(stretch, |(from, to), shift| {
            let to = to.map(|to| match shift {
                (Shift::Back(..), rules) => {
                    // The end of a month is the start of the next one, whatever its length, also
                    // where it is moved by quarters or years, if all of its days are moved; of a
                    // part of it the last day is. Days and weeks all have one end.
                    let month = calendar::floor(to - 1, Grain::Month, *rules);
                    let ends = calendar::floor(to, Grain::Month, *rules) == to;
                    let whole = ends && from.is_none_or(|from| from <= month);
                    if whole { back(to, *shift) } else { back(to - 1, *shift) + 1 }
                }
                (Shift::StartOf(_), _) => {
                    let start = back(to - 1, *shift);
                    calendar::next(start, self.grain.unwrap_or(Grain::Day), self.rules)
                }
            });
            (from.map(|from| back(from, *shift)), to)
        })
    }

    /// The day that tells the value of a period.
    fn told_on(
        &self,
        period: i64,
        grain: Grain,
        window: Window,
        from: Option<i64>,
        last: Option<i64>,
    ) -> i64 {
        match window.report {
            ReportDay::First => from.map_or(period, |from| period.max(from)),
            ReportDay::Last => {
                let end = calendar::next(period, grain, self.rules) - 1;
                last.map_or(end, |last| end.min(last))
            }
        }
    }

    /// The first day whose rows count in the value that is told on `day`; `None`: all before.
    fn start(&self, window: Window, day: i64) -> Option<i64> {
        match window.start {
            WindowStart::AllTime => None,
            WindowStart::Trailing(count, unit) => {
                Some(calendar::shift(day + 1, -i64::from(count), unit))
            }
            WindowStart::ToDate(unit) => Some(calendar::floor(day, unit.grain(), self.since)),
        }
    }

    /// The periods in whose values the rows of a day count. `newest` is the last day that has rows.
    fn periods(&self, day: i64, newest: Option<i64>) -> Result<Vec<i64>> {
        let Some(grain) = self.grain else { return Ok(Vec::new()) };
        let from = self.from.map(i64::from);
        let end = self.to.map(i64::from).or(newest.map(|newest| newest + 1));
        // A stretch that begins after the last day has none to be told of.
        if from.zip(end).is_some_and(|(from, end)| end <= from) {
            return Ok(Vec::new());
        }
        let mut periods = self.accumulated(day, grain, newest)?;
        for shift in &self.shifts {
            let mut moved = Vec::new();
            for period in periods {
                self.forward(period, grain, *shift, &mut moved);
                capped(&moved)?;
            }
            periods = moved;
        }
        let first = from.map(|from| calendar::floor(from, grain, self.rules));
        periods.retain(|period| {
            first.is_none_or(|first| *period >= first) && end.is_none_or(|end| *period < end)
        });
        Ok(periods)
    }

    fn accumulated(&self, day: i64, grain: Grain, newest: Option<i64>) -> Result<Vec<i64>> {
        let Some(window) = self.window else {
            return Ok(vec![calendar::floor(day, grain, self.rules)]);
        };
        let from = self.source_from();
        let last = self.source_to().map(|to| to - 1).or(newest);
        let Some(last) = last.filter(|last| from.is_none_or(|from| from <= *last)) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let first = from.map_or(day, |from| day.max(from));
        let mut period = calendar::floor(first, grain, self.rules);
        while period <= last {
            let told = self.told_on(period, grain, window, from, Some(last));
            if self.start(window, told).is_some_and(|start| day < start) {
                break;
            }
            if day <= told {
                found.push(period);
                capped(&found)?;
            }
            period = calendar::next(period, grain, self.rules);
        }
        Ok(found)
    }

    /// The periods that show the value of `period`.
    fn forward(&self, period: i64, grain: Grain, shift: Moved, into: &mut Vec<i64>) {
        match shift {
            (Shift::Back(count, unit), _) => {
                let shown = calendar::shift(period, i64::from(count), unit);
                let mut candidate = calendar::floor(shown, grain, self.rules);
                // The last days of a month may all show the one last day of a shorter one.
                for _ in 0..6 {
                    let own = calendar::floor(back(candidate, shift), grain, self.rules);
                    if own > period {
                        break;
                    }
                    if own == period {
                        into.push(candidate);
                    }
                    candidate = calendar::next(candidate, grain, self.rules);
                }
            }
            (Shift::StartOf(unit), rules) => {
                let start = back(period, shift);
                if calendar::floor(start, grain, self.rules) != period {
                    return;
                }
                let end = calendar::next(period, unit.grain(), rules);
                let mut shown = period;
                while shown < end && into.len() <= MAX_PERIODS {
                    into.push(shown);
                    shown = calendar::next(shown, grain, self.rules);
                }
            }
        }
    }
}

/// The day whose value a day shows.
fn back(day: i64, (shift, rules): Moved) -> i64 {
    match shift {
        Shift::Back(count, unit) => calendar::shift(day, -i64::from(count), unit),
        Shift::StartOf(unit) => calendar::floor(day, unit.grain(), rules),
    }
}

fn capped(periods: &[i64]) -> Result<()> {
    if periods.len() <= MAX_PERIODS {
        return Ok(());
    }
    Err(DataFusionError::External(Box::new(ComputationError::TooManyPeriods)))
}

/// The list of periods in which the rows of `day` count; `newest` is the last day that has rows.
pub(crate) fn periods(reporting: &Reporting, day: Expr, newest: Expr) -> Expr {
    call(Kind::Reported(reporting.clone()), vec![day, newest])
}

/// The list of a period and those from `first` to `last` that are missing around it: all before it
/// where nothing is `before` it, and those up to `after`, or to the last where nothing is.
pub(crate) fn gap(
    grain: Grain,
    rules: Rules,
    period: Expr,
    (before, after): (Expr, Expr),
    (first, last): (Expr, Expr),
) -> Expr {
    call(Kind::Gap(grain, rules), vec![period, before, after, first, last])
}

fn call(kind: Kind, args: Vec<Expr>) -> Expr {
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::from(Periods { kind, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Reported(Reporting),
    Gap(Grain, Rules),
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Periods {
    pub(super) kind: Kind,
    signature: Signature,
}

impl ScalarUDFImpl for Periods {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Reported(_) => "reported_periods",
            Kind::Gap(..) => "missing_periods",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Date32; arguments.len()])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Date32, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let columns: Vec<&Date32Array> =
            arrays.iter().map(|array| array.as_primitive::<Date32Type>()).collect();
        let at = |column: &Date32Array, row: usize| {
            (!column.is_null(row)).then(|| i64::from(column.value(row)))
        };
        let mut lists = ListBuilder::new(Date32Builder::new());
        for row in 0..rows {
            let found = match (&self.kind, columns.as_slice()) {
                (Kind::Reported(reporting), [day, newest]) => match at(day, row) {
                    Some(day) => reporting.periods(day, at(newest, row))?,
                    None => Vec::new(),
                },
                (Kind::Gap(grain, rules), [period, before, after, first, last]) => {
                    let Some(period) = at(period, row) else {
                        // A missing time stays a group of its own.
                        lists.values().append_null();
                        lists.append(true);
                        continue;
                    };
                    let first = at(first, row).map(|day| calendar::floor(day, *grain, *rules));
                    let end = at(last, row).map(|last| last + 1);
                    let start = first.filter(|_| at(before, row).is_none()).unwrap_or(period);
                    let after = at(after, row).or(end).unwrap_or(period);
                    // What is grouped by another time may lie outside, where nothing is missing.
                    let start = start.max(first.unwrap_or(start));
                    let mut found =
                        span(start, end.map_or(after, |end| after.min(end)), *grain, *rules)?;
                    if !found.contains(&period) {
                        found.push(period);
                    }
                    found
                }
                _ => return exec_err!("an argument is missing"),
            };
            for period in found {
                lists.values().append_option(i32::try_from(period).ok());
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

/// The periods from `start` up to, but without, `end`.
fn span(start: i64, end: i64, grain: Grain, rules: Rules) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    let mut period = start;
    while period < end {
        found.push(period);
        capped(&found)?;
        period = calendar::next(period, grain, rules);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jiff::civil::Date;
    use sandbar_catalog::query::RelativeUnit;
    use sandbar_catalog::query::{date_of_days, days_since_epoch};
    use sandbar_catalog::time::{FiscalYear, NamedAfter, WeekStart};

    fn day(text: &str) -> i32 {
        days_since_epoch(text.parse::<Date>().unwrap())
    }

    const RULES: Rules = Rules {
        week_start: WeekStart::Monday,
        fiscal: FiscalYear { starts: 1, named_after: NamedAfter::End },
    };

    fn reporting(grain: Grain) -> Reporting {
        let (window, shifts, from, to) = (None, Vec::new(), None, None);
        Reporting { grain: Some(grain), window, shifts, from, to, rules: RULES, since: RULES }
    }

    #[track_caller]
    fn check(reporting: &Reporting, of: &str, newest: &str, expected: &str) {
        let found = reporting.periods(day(of).into(), Some(day(newest).into())).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|day| date_of_days(i32::try_from(*day).unwrap()).unwrap().to_string())
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    fn window(start: WindowStart) -> Option<Window> {
        Some(Window { start, report: ReportDay::Last })
    }

    #[test]
    fn c1_all_time_counts_in_every_later_period() {
        let all = Reporting { window: window(WindowStart::AllTime), ..reporting(Grain::Month) };
        check(&all, "2024-01-15", "2024-03-02", "2024-01-01 2024-02-01 2024-03-01");
        let march = Reporting { from: Some(day("2024-03-01")), to: Some(day("2024-04-01")), ..all };
        check(&march, "2024-01-15", "2024-09-02", "2024-03-01");
        check(&march, "2024-04-15", "2024-09-02", "");
        assert_eq!(march.days(), (None, Some(day("2024-04-01"))));
    }

    #[test]
    fn c4_a_window_has_the_current_day_in_it() {
        let start = WindowStart::Trailing(2, RelativeUnit::Day);
        let two = Reporting { window: window(start), ..reporting(Grain::Day) };
        check(&two, "2024-01-01", "2024-01-03", "2024-01-01 2024-01-02");
        check(&two, "2024-01-03", "2024-01-03", "2024-01-03");
        let month = Reporting { grain: Some(Grain::Month), ..two };
        // By month the value is that of the last day: only its last two days count.
        check(&month, "2024-01-29", "2024-02-20", "");
        check(&month, "2024-01-30", "2024-02-20", "2024-01-01");
    }

    #[test]
    fn c5_to_date_ends_with_its_period() {
        let start = WindowStart::ToDate(RelativeUnit::Month);
        let mtd = Reporting { window: window(start), ..reporting(Grain::Day) };
        check(&mtd, "2024-01-30", "2024-02-02", "2024-01-30 2024-01-31");
        check(&mtd, "2024-02-02", "2024-02-02", "2024-02-02");
    }

    /// The days that a number of so many units earlier needs for a stretch: from the first up to,
    /// but without, the last of these.
    #[track_caller]
    fn needs(grain: Grain, stretch: (u32, RelativeUnit, &str, &str, &str, &str)) {
        let (count, unit, from, to, first, end) = stretch;
        let shifts = vec![(Shift::Back(count, unit), RULES)];
        let (from, to) = (Some(day(from)), Some(day(to)));
        let moved = Reporting { shifts, from, to, ..reporting(grain) };
        assert_eq!(moved.days(), (Some(day(first)), Some(day(end))), "{count} {unit:?}");
    }

    #[test]
    fn o3_whole_months_end_with_the_month_that_they_are_moved_to() {
        let units = [
            (1, RelativeUnit::Year, "2025-02-01", "2025-03-01", "2024-02-01", "2024-03-01"),
            (1, RelativeUnit::Quarter, "2025-02-01", "2025-03-01", "2024-11-01", "2024-12-01"),
            (3, RelativeUnit::Month, "2025-02-01", "2025-03-01", "2024-11-01", "2024-12-01"),
            (1, RelativeUnit::Quarter, "2024-06-01", "2024-07-01", "2024-03-01", "2024-04-01"),
            // Up to the 28th of a month is no whole one.
            (1, RelativeUnit::Year, "2025-02-01", "2025-02-28", "2024-02-01", "2024-02-28"),
            (2, RelativeUnit::Week, "2025-02-01", "2025-03-01", "2025-01-18", "2025-02-15"),
        ];
        for stretch in units {
            needs(Grain::Month, stretch);
        }
    }

    #[test]
    fn o3_a_part_of_a_month_ends_with_the_day_that_its_last_one_is_moved_to() {
        let stretches = [
            (1, RelativeUnit::Month, "2026-06-30", "2026-07-01", "2026-05-30", "2026-05-31"),
            (1, RelativeUnit::Month, "2024-02-29", "2024-03-01", "2024-01-29", "2024-01-30"),
            (1, RelativeUnit::Year, "2025-02-28", "2025-03-01", "2024-02-28", "2024-02-29"),
            (1, RelativeUnit::Quarter, "2026-06-16", "2026-07-01", "2026-03-16", "2026-03-31"),
            (1, RelativeUnit::Month, "2026-06-02", "2026-07-01", "2026-05-02", "2026-05-31"),
            // The last month is whole, whatever comes before it.
            (1, RelativeUnit::Quarter, "2026-05-16", "2026-07-01", "2026-02-16", "2026-04-01"),
            (1, RelativeUnit::Month, "2026-06-01", "2026-07-01", "2026-05-01", "2026-06-01"),
        ];
        for stretch in stretches {
            needs(Grain::Day, stretch);
        }
    }

    #[test]
    fn o3_months_are_moved_as_months() {
        let shifts = vec![(Shift::Back(1, RelativeUnit::Month), RULES)];
        let month = Reporting { shifts: shifts.clone(), ..reporting(Grain::Month) };
        check(&month, "2025-03-31", "2025-12-31", "2025-04-01");
        let by_day = Reporting { shifts, ..reporting(Grain::Day) };
        // The last day of February is what the last days of March show.
        let shown = "2025-03-28 2025-03-29 2025-03-30 2025-03-31";
        check(&by_day, "2025-02-28", "2025-12-31", shown);
        check(&by_day, "2025-01-31", "2025-12-31", "");
        check(&by_day, "2025-01-28", "2025-12-31", "2025-02-28");
    }

    #[test]
    fn o3_the_days_that_are_needed_are_whole_months() {
        let shifts = vec![(Shift::Back(1, RelativeUnit::Month), RULES)];
        let (from, to) = (Some(day("2025-04-01")), Some(day("2025-05-01")));
        let april = Reporting { shifts, from, to, ..reporting(Grain::Month) };
        assert_eq!(april.days(), (Some(day("2025-03-01")), Some(day("2025-04-01"))));
        let leap = Reporting {
            shifts: vec![(Shift::Back(1, RelativeUnit::Year), RULES)],
            from: Some(day("2024-02-01")),
            to: Some(day("2024-03-01")),
            ..reporting(Grain::Month)
        };
        assert_eq!(leap.days(), (Some(day("2023-02-01")), Some(day("2023-03-01"))));
    }

    #[test]
    fn a_stretch_that_begins_after_the_last_day_has_no_period() {
        let shifts = vec![(Shift::Back(1, RelativeUnit::Year), RULES)];
        let year = Reporting { shifts, ..reporting(Grain::Year) };
        let april = Reporting { from: Some(day("2025-04-01")), ..year };
        check(&april, "2024-05-01", "2025-03-10", "");
        check(&april, "2024-05-01", "2025-03-31", "");
        check(&april, "2024-05-01", "2025-04-01", "2025-01-01");
    }

    #[test]
    fn the_start_of_a_month_is_shown_all_month() {
        let shifts = vec![(Shift::StartOf(RelativeUnit::Month), RULES)];
        let start = Reporting { shifts, ..reporting(Grain::Day) };
        check(&start, "2024-02-01", "2024-02-03", "2024-02-01 2024-02-02 2024-02-03");
        check(&start, "2024-02-02", "2024-02-03", "");
    }

    #[test]
    fn one_row_counts_in_10_000_periods_and_in_no_more() {
        let all = Reporting { window: window(WindowStart::AllTime), ..reporting(Grain::Day) };
        // The first day and those after it.
        assert_eq!(all.periods(0, Some(9_999)).unwrap().len(), 10_000);
        assert!(all.periods(0, Some(10_000)).is_err());
    }

    #[test]
    fn a_gap_is_filled_with_10_000_periods_and_with_no_more() {
        assert_eq!(span(0, 10_000, Grain::Day, RULES).unwrap().len(), 10_000);
        assert!(span(0, 10_001, Grain::Day, RULES).is_err());
        // 10,000 weeks from a Monday.
        let monday = i64::from(day("2024-01-01"));
        assert_eq!(span(monday, monday + 70_000, Grain::Week, RULES).unwrap().len(), 10_000);
        assert!(span(monday, monday + 70_001, Grain::Week, RULES).is_err());
    }

    #[test]
    fn too_many_periods_are_an_error() {
        let all = Reporting { window: window(WindowStart::AllTime), ..reporting(Grain::Day) };
        let far = all.periods(0, Some(2_000_000)).unwrap_err();
        assert!(far.to_string().contains("periods"), "{far}");
    }
}
