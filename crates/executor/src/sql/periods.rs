//! Lists of periods that become rows: every row once for each period in which it counts.

use datafusion::common::DFSchema;
use sandbar_query_planner::words::{Grain, RelativeUnit, ReportDay, Shift, Window, WindowStart};
use sandbar_query_planner::{Calendar, Meaning, Reported};

use super::literal::day;
use super::rows::{Cell, Rows, Writer, column_names, select, unlike};
use super::time::{floor, interval, length};
use super::{NoSqlText, SqlDialect};

impl Writer {
    /// Each row once for each period of its list; the column of the list becomes that of the
    /// periods.
    pub(super) fn each_period(
        &mut self,
        rows: &Rows,
        schema: &DFSchema,
        list: usize,
    ) -> Result<Rows, NoSqlText> {
        let Some(Cell::Periods(meaning, args)) = rows.cells.get(list) else {
            return Err(NoSqlText::Unknown("a list that is not one of periods".to_owned()));
        };
        // The other columns, and behind them what the periods are computed from.
        let mut names = column_names(schema);
        let mut first = Rows {
            from: rows.from.clone(),
            filters: rows.filters.clone(),
            order: rows.order.clone(),
            limit: rows.limit,
            ..Rows::of(String::new(), rows.cells.clone(), rows.hint.clone())
        };
        if let Some(cell) = first.cells.get_mut(list) {
            *cell = Cell::Computed(match (meaning, args.first()) {
                // A row counts in the period of its day, and in others that show this one.
                (Meaning::Reported(reported), Some(of)) if reported.window.is_none() => {
                    floor(of, reported.grain, &reported.calendar)
                }
                _ => "CAST(NULL AS DATE)".to_owned(),
            });
        }
        for (index, text) in args.iter().enumerate() {
            names.push(unlike(&names, if index == 0 { "day counted" } else { "argument" }));
            first.cells.push(Cell::Computed(text.clone()));
        }
        let text = select(&first, &names, "  ")?;
        let listed = self.text_step(&rows.hint, &text, names.clone());
        let given: Vec<String> =
            listed.cells.iter().skip(schema.fields().len()).map(text_of).collect();
        let mut each = match (meaning, given.as_slice()) {
            (Meaning::Gap(grain, calendar), [period, before, after, start, end]) => {
                let start = format!(
                    "CASE WHEN {before} IS NULL THEN least({}, {period}) ELSE {period} END",
                    floor(start, *grain, calendar)
                );
                let end = format!("greatest(coalesce({after} - 1, {end}, {period}), {period})");
                let missing = match self.dialect {
                    SqlDialect::DuckDb => "[CAST(NULL AS TIMESTAMP)]",
                    SqlDialect::Postgres => "ARRAY[CAST(NULL AS TIMESTAMP)]",
                };
                let found = self.series(&start, &end, *grain);
                let found = format!("CASE WHEN {period} IS NULL THEN {missing} ELSE {found} END");
                self.unnested(&listed, &names, list, &found)?
            }
            (Meaning::Reported(reported), [_, _]) => {
                let columns = Columns { names: &names, list, given: schema.fields().len() };
                self.reported(listed, &columns, reported)?
            }
            _ => return Err(NoSqlText::Unknown("another list of periods".to_owned())),
        };
        each.cells.truncate(schema.fields().len());
        Ok(each)
    }

    /// A list of the first days of periods, from one on and up to a day.
    fn series(&self, start: &str, last: &str, grain: Grain) -> String {
        let (start, last) =
            (format!("CAST({start} AS TIMESTAMP)"), format!("CAST({last} AS TIMESTAMP)"));
        let series = format!("generate_series({start}, {last}, {})", length(grain));
        match self.dialect {
            SqlDialect::DuckDb => series,
            SqlDialect::Postgres => format!("ARRAY(SELECT {series})"),
        }
    }

    /// A step in which every row stands once for each element of a list.
    fn unnested(
        &mut self,
        rows: &Rows,
        names: &[String],
        list: usize,
        elements: &str,
    ) -> Result<Rows, NoSqlText> {
        let mut cells = rows.cells.clone();
        if let Some(cell) = cells.get_mut(list) {
            *cell = Cell::Computed(format!("CAST(unnest({elements}) AS DATE)"));
        }
        let from = rows.from.clone();
        let rows = Rows {
            from,
            filters: rows.filters.clone(),
            ..Rows::of(String::new(), cells, rows.hint.clone())
        };
        let text = select(&rows, names, "  ")?;
        Ok(self.text_step(&rows.hint, &text, names.to_vec()))
    }

    fn reported(
        &mut self,
        rows: Rows,
        columns: &Columns<'_>,
        reported: &Reported,
    ) -> Result<Rows, NoSqlText> {
        let Reported { grain, calendar, .. } = reported;
        let (names, list) = (columns.names, columns.list);
        let dialect = self.dialect;
        let constant = |known: Option<i64>| known.map(|known| day(known, dialect)).transpose();
        let mut rows = match reported.window {
            None => rows,
            Some((window, ref since)) => {
                let mut rows = rows;
                let (last, from) =
                    (constant(reported.source_last)?, constant(reported.source_first)?);
                let last_of = |rows: &Rows| last.clone().unwrap_or_else(|| columns.newest(rows));
                let of = columns.of(&rows);
                let first = match &from {
                    Some(from) => format!("greatest({of}, {from})"),
                    None => of,
                };
                let first = floor(&first, *grain, calendar);
                let ends = from.as_ref().map(|from| format!("{from} <= {}", last_of(&rows)));
                rows.filters.extend(ends);
                let found = self.series(&first, &last_of(&rows), *grain);
                let mut rows = self.unnested(&rows, names, list, &found)?;
                let (of, period) = (columns.of(&rows), columns.period(&rows));
                let told = told_on(window, &period, *grain, &last_of(&rows), from);
                rows.filters.push(format!("{of} <= {told}"));
                rows.filters.extend(start(window, &told, since).map(|s| format!("{of} >= {s}")));
                rows
            }
        };
        for (shift, weeks) in &reported.shifts {
            let period = columns.period(&rows);
            rows = match shift {
                Shift::Back(count, unit) if is_whole(*grain, *unit) => {
                    let by = interval(*count, *unit);
                    if let Some(cell) = rows.cells.get_mut(list) {
                        *cell = Cell::Computed(format!("CAST({period} + {by} AS DATE)"));
                    }
                    let text = select(&rows, names, "  ")?;
                    self.text_step(&rows.hint, &text, names.to_vec())
                }
                Shift::Back(count, unit) => {
                    let by = interval(*count, *unit);
                    let from = floor(&format!("({period} + {by})"), *grain, calendar);
                    // The last days of a month may all show the one last day of a shorter one.
                    let to = [length(*grain); 5].join(" + ");
                    let found = self.series(&from, &format!("({from} + {to})"), *grain);
                    self.shown(rows, columns, &found, &|shown| {
                        floor(&format!("({shown} - {by})"), *grain, calendar)
                    })?
                }
                Shift::StartOf(unit) => {
                    let longer = unit.grain();
                    let first = floor(&period, longer, weeks);
                    let end = format!("({first} + {} - INTERVAL '1 day')", length(longer));
                    let found = self.series(&period, &end, *grain);
                    // Only the first period of the longer one is shown by others.
                    rows.filters.push(format!("{} = {period}", floor(&first, *grain, calendar)));
                    self.unnested(&rows, names, list, &found)?
                }
            };
        }
        let period = columns.period(&rows);
        rows.filters.push(format!("{} IS NOT NULL", columns.of(&rows)));
        if let Some(first) = constant(reported.first)? {
            rows.filters.push(format!("{period} >= {first}"));
        }
        rows.filters.push(match constant(reported.end)? {
            Some(end) => format!("{period} < {end}"),
            None => format!("{period} <= {}", columns.newest(&rows)),
        });
        Ok(rows)
    }

    /// The periods that show the value of another one, which `back` leads to.
    fn shown(
        &mut self,
        mut rows: Rows,
        columns: &Columns<'_>,
        elements: &str,
        back: &dyn Fn(&str) -> String,
    ) -> Result<Rows, NoSqlText> {
        // The period itself is kept beside those that show it.
        let mut names = columns.names.to_vec();
        names.push(unlike(&names, "shown period"));
        rows.cells.push(Cell::Plain(columns.period(&rows)));
        let mut rows = self.unnested(&rows, &names, columns.list, elements)?;
        let own = rows.cells.pop().as_ref().map(text_of).unwrap_or_default();
        rows.filters.push(format!("{} = {own}", back(&columns.period(&rows))));
        Ok(rows)
    }
}

/// Where the columns of a step of periods stand: those of the plan, then the day that counts and
/// the last one of all.
struct Columns<'c> {
    names: &'c [String],
    list: usize,
    given: usize,
}

impl Columns<'_> {
    fn period(&self, rows: &Rows) -> String {
        rows.cells.get(self.list).map(text_of).unwrap_or_default()
    }

    fn of(&self, rows: &Rows) -> String {
        rows.cells.get(self.given).map(text_of).unwrap_or_default()
    }

    fn newest(&self, rows: &Rows) -> String {
        rows.cells.get(self.given + 1).map(text_of).unwrap_or_default()
    }
}

/// The day that tells the value of a period.
fn told_on(window: Window, period: &str, grain: Grain, last: &str, from: Option<String>) -> String {
    match (window.report, from) {
        (ReportDay::First, Some(from)) => format!("greatest({period}, {from})"),
        (ReportDay::First, None) => period.to_owned(),
        (ReportDay::Last, _) => {
            let end = format!("CAST({period} + {} - INTERVAL '1 day' AS DATE)", length(grain));
            format!("least({end}, {last})")
        }
    }
}

/// The first day that counts in a value that is told on a day; nothing where all before it do.
fn start(window: Window, told: &str, calendar: &Calendar) -> Option<String> {
    match window.start {
        WindowStart::AllTime => None,
        WindowStart::Trailing(count, unit) => {
            Some(format!("CAST({told} + 1 - {} AS DATE)", interval(count, unit)))
        }
        WindowStart::ToDate(unit) => Some(floor(told, unit.grain(), calendar)),
    }
}

/// Whether periods that are moved by a unit are periods again, each one of another.
fn is_whole(grain: Grain, unit: RelativeUnit) -> bool {
    use RelativeUnit::{Day, Month, Quarter, Week, Year};
    match grain {
        Grain::Day => matches!(unit, Day | Week),
        Grain::Week => unit == Week,
        Grain::Month => matches!(unit, Month | Quarter | Year),
        Grain::Quarter => matches!(unit, Quarter | Year),
        Grain::Year => unit == Year,
        Grain::Second | Grain::Minute | Grain::Hour | Grain::FiscalQuarter | Grain::FiscalYear => {
            false
        }
    }
}

/// The text of a column of a step.
fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Plain(text) | Cell::Computed(text) => text.clone(),
        Cell::Periods(..) => String::new(),
    }
}
