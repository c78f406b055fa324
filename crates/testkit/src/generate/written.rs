//! A world as people write it: a model in YAML, and rows.

use std::fmt::Write;

use super::calculated::expr;
use super::json::json;
use super::metrics::below;
use crate::reference::calendar::Calendar;
use crate::reference::{
    Calculation, Cell, Column, Formula, Function, Input, Link, Measure, Question, Rule, Shift,
    Start, Table, World,
};

/// A function as it is asked for.
pub(super) fn function(function: Function) -> &'static str {
    match function {
        Function::Count => "count",
        Function::CountDistinct => "count_distinct",
        Function::Sum => "sum",
        Function::Avg => "avg",
        Function::Min => "min",
        Function::Max => "max",
        Function::Median => "median",
        Function::Percentile(_) => "percentile",
        Function::PercentileDisc(_) => "percentile_disc",
        Function::ApproxDistinct => "approx_distinct",
        Function::Stddev => "stddev",
        Function::StddevPop => "stddev_pop",
        Function::Variance => "variance",
        Function::VariancePop => "variance_pop",
    }
}

/// Hundredths as a number.
pub(super) fn hundredths(n: i64) -> String {
    Cell::Decimal(n.into(), 2).text()
}

/// The share of a percentile.
pub(super) fn share(function: Function) -> Option<String> {
    match function {
        Function::Percentile(of) | Function::PercentileDisc(of) => Some(hundredths(of.into())),
        _ => None,
    }
}

/// The beginning of a call of the expression language that gives a part of a time.
fn of_part(part: &str) -> &'static str {
    match part {
        "year_number" => "year",
        "quarter_of_year" => "quarter",
        "month_of_year" => "month",
        "week_of_year" => "week",
        "iso_year_number" => "extract(isoyear from",
        "day_of_month" => "day",
        "day_of_year" => "extract(doy from",
        "day_of_week" => "extract(day_of_week from",
        "iso_day_of_week" => "extract(isodow from",
        "hour_of_day" => "hour",
        _ => "minute",
    }
}

/// A rule in the expression language, of a table that is reached over the relationships of a prefix.
pub(super) fn rule(world: &World, table: usize, prefix: &str, of: &Rule) -> String {
    let name = |column: &usize| format!("{prefix}{}", world.tables[table].columns[*column].name);
    let part = |of: &Rule| rule(world, table, prefix, of);
    match of {
        Rule::IsNull(column) => format!("{} is null", name(column)),
        Rule::Compare(column, op, Cell::Text(text)) => format!("{} {op} '{text}'", name(column)),
        Rule::Compare(column, op, cell) => format!("{} {op} {}", name(column), cell.text()),
        Rule::Part(column, part, op, with) => {
            let call = match of_part(part) {
                call if call.starts_with("extract") => format!("{call} {})", name(column)),
                call => format!("{call}({})", name(column)),
            };
            format!("{call} {op} {with}")
        }
        Rule::Bucket(column, unit, op, with) => {
            let (unit, day) = (unit.name(), Cell::Date(*with).text());
            format!("date_trunc('{unit}', {}) {op} date '{day}'", name(column))
        }
        Rule::And(a, b) => format!("({} and {})", part(a), part(b)),
        Rule::Or(a, b) => format!("({} or {})", part(a), part(b)),
        Rule::Not(inner) => format!("not ({})", part(inner)),
    }
}

pub(super) fn shift(of: Shift) -> String {
    match of {
        Shift::Back(count, unit) => {
            format!("{{\"count\": {count}, \"unit\": \"{}\"}}", unit.name())
        }
        Shift::StartOf(unit) => format!("{{\"to\": \"{}\"}}", unit.name()),
    }
}

fn input(world: &World, of: &Input) -> String {
    let mut text = format!("{{ metric: {}", world.metrics[of.metric].name);
    if let (Some(filter), Calculation::Simple { table, .. }) =
        (&of.filter, &world.metrics[of.metric].calculation)
    {
        let _ = write!(text, ", filter: \"{}\"", rule(world, *table, "", filter));
    }
    if let Some(offset) = of.offset {
        let _ = write!(text, ", offset: {}", shift(offset));
    }
    text + " }"
}

fn formula(of: &Formula) -> String {
    match of {
        Formula::Input(index) => format!("i{index}"),
        Formula::Number(n) => n.to_string(),
        Formula::Calculate(op, a, b) => format!("({} {op} {})", formula(a), formula(b)),
    }
}

/// An aggregation in the expression language.
fn aggregation(of: &Table, f: Function, column: Option<usize>) -> String {
    match (f, column.map(|column| &of.columns[column].name)) {
        (Function::CountDistinct, Some(name)) => format!("count(distinct {name})"),
        (f, Some(name)) => {
            let share = share(f).map_or(String::new(), |share| format!(", {share}"));
            format!("{}({name}{share})", function(f))
        }
        (_, None) => "count(*)".to_owned(),
    }
}

/// A measure of a table.
fn measure(world: &World, table: usize, of: &Measure) -> String {
    let mut expr = aggregation(&world.tables[table], of.function, of.column);
    if let Some(filter) = &of.filter {
        let _ = write!(expr, " filter (where {})", rule(world, table, "", filter));
    }
    if of.per_row {
        expr += " / count(*)";
    }
    format!("      {}: {{ expr: \"{expr}\" }}\n", of.name)
}

fn metric(world: &World, index: usize) -> String {
    let metric = &world.metrics[index];
    let mut text = match &metric.calculation {
        Calculation::Simple { table, function: f, column, filter, time, semi, dense } => {
            let of = &world.tables[*table];
            let name = |column: &usize| of.columns[*column].name.as_str();
            let aggregation = match metric.measure {
                Some(measure) => format!("measure: {}", of.measures[measure].name),
                None => format!("expr: \"{}\"", aggregation(of, *f, *column)),
            };
            let mut text = format!("table: {}, {aggregation}", of.name);
            if let Some(filter) = filter {
                let _ = write!(text, ", filter: \"{}\"", rule(world, *table, "", filter));
            }
            if let Some(time) = time {
                let _ = write!(text, ", time: {}", name(time));
            }
            if let Some(semi) = semi {
                let pick = if semi.first { "first" } else { "last" };
                let per: Vec<&str> = semi.per.iter().map(name).collect();
                let per = match per.is_empty() {
                    true => "global".to_owned(),
                    false => format!("{{ fields: [{}] }}", per.join(", ")),
                };
                let over = name(&semi.over);
                let _ =
                    write!(text, ", semi_additive: {{ over: {over}, pick: {pick}, per: {per} }}");
            }
            if *dense {
                text += ", join_to_timespine: true";
            }
            if !metric.requires.is_empty() {
                let requires: Vec<&str> = metric.requires.iter().map(name).collect();
                let _ = write!(text, ", requires: [{}]", requires.join(", "));
            }
            text
        }
        Calculation::Ratio(a, b) => {
            format!("ratio: {{ numerator: {}, denominator: {} }}", input(world, a), input(world, b))
        }
        Calculation::Derived(f, inputs) => {
            let inputs = inputs.iter().enumerate();
            let inputs: Vec<String> =
                inputs.map(|(index, i)| format!("i{index}: {}", input(world, i))).collect();
            format!("derived: \"{}\", inputs: {{ {} }}", formula(f), inputs.join(", "))
        }
        Calculation::Cumulative(of, (start, first)) => {
            let mut text = format!("cumulative: {{ metric: {}", input(world, of));
            match start {
                Start::AllTime => {}
                Start::Trailing(count, unit) => {
                    let unit = unit.name();
                    let _ = write!(text, ", window: {{ count: {count}, unit: {unit} }}");
                }
                Start::ToDate(unit) => {
                    let _ = write!(text, ", to_date: {}", unit.name());
                }
            }
            if *first {
                text += ", report: first";
            }
            text + " }"
        }
        Calculation::Conversion { base, follows, on, window, count } => {
            let name = |of: &Input, column: usize| match &world.metrics[of.metric].calculation {
                Calculation::Simple { table, .. } => {
                    world.tables[*table].columns[column].name.clone()
                }
                _ => String::new(),
            };
            let pair = |(a, b): &(usize, usize)| {
                format!("{{ base: {}, conversion: {} }}", name(base, *a), name(follows, *b))
            };
            let mut text = format!(
                "conversion: {{ base: {}, conversion: {}, entity: {}",
                input(world, base),
                input(world, follows),
                pair(&on[0])
            );
            if on.len() > 1 {
                let rest: Vec<String> = on.iter().skip(1).map(pair).collect();
                let _ = write!(text, ", constant_properties: [{}]", rest.join(", "));
            }
            if let Some((count, unit)) = window {
                let unit = unit.name();
                let _ = write!(text, ", window: {{ count: {count}, unit: {unit} }}");
            }
            if *count {
                text += ", gives: count";
            }
            text + " }"
        }
    };
    if let Some(fill) = metric.fill {
        let _ = write!(text, ", fill_nulls_with: {fill}");
    }
    format!("  {}: {{ {text} }}\n", metric.name)
}

/// How time is counted, where it is not as if nothing were said.
fn defaults(calendar: Calendar) -> String {
    let (mut said, nothing) = (Vec::new(), Calendar::default());
    if calendar.zone != nothing.zone {
        said.push(format!("time_zone: {}", calendar.zone.name()));
    }
    if calendar.week_start != nothing.week_start {
        said.push(format!("week_start: {}", calendar.week_start.name()));
    }
    let fiscal = calendar.fiscal;
    if fiscal != nothing.fiscal {
        let after = if fiscal.after_start { "start" } else { "end" };
        said.push(format!("fiscal_year: {{ starts: {}, named_after: {after} }}", fiscal.starts));
    }
    match said.is_empty() {
        true => String::new(),
        false => format!("defaults: {{ {} }}\n", said.join(", ")),
    }
}

/// Which columns of two tables are equal where a row leads to another.
fn on(
    (own, columns): (&Table, impl Iterator<Item = usize>),
    (their, keys): (&Table, impl Iterator<Item = usize>),
) -> String {
    let pair =
        |(a, b): (usize, usize)| format!("{}: {}", own.columns[a].name, their.columns[b].name);
    let pairs: Vec<String> = columns.zip(keys).map(pair).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Whether nothing is hidden of what a rule looks at.
pub(super) fn shows(table: &Table, rule: &Rule) -> bool {
    let mut columns = Vec::new();
    rule.columns(&mut columns);
    columns.iter().all(|column| !table.columns[*column].hidden)
}

/// The model of a world, without what it has hidden; with a question, only the metrics that it needs.
pub fn yaml(world: &World, question: Option<&Question>) -> String {
    let mut text = format!("format: 1\n{}tables:\n", defaults(world.calendar));
    for (index, table) in world.tables.iter().enumerate().filter(|(_, table)| !table.hidden) {
        let _ = writeln!(text, "  {}:", table.name);
        if let Some(question) = &table.derived {
            let _ = writeln!(text, "    query: {}", json(question));
        }
        if table.told_apart {
            let keys: Vec<&str> =
                table.keys().map(|key| table.columns[key].name.as_str()).collect();
            let _ = writeln!(text, "    primary_key: [{}]", keys.join(", "));
        }
        if let Some(time) = table.time {
            let _ = writeln!(text, "    time: {}", table.columns[time].name);
        }
        if let Some((from, till)) = table.validity {
            let (from, till) = (&table.columns[from].name, &table.columns[till].name);
            let _ = writeln!(text, "    validity: {{ from: {from}, to: {till} }}");
        }
        let field = |column: &Column| {
            if let Some(of) = &column.calculated {
                return format!("{}: {{ expr: \"{}\" }}", column.name, expr(world, index, of));
            }
            let stored = match column.data_type {
                Some(data_type) => format!("{}, type: '{data_type}'", column.name),
                None => column.name.clone(),
            };
            let dimension = column.dimension.as_ref();
            let dimension = dimension.map_or(String::new(), |d| format!(", dimension: {d}"));
            format!("{}: {{ column: {stored}{dimension} }}", column.name)
        };
        let fields: Vec<String> = table.columns.iter().filter(|c| !c.hidden).map(field).collect();
        let _ = writeln!(text, "    fields: {{ {} }}", fields.join(", "));
        let measures = table.measures.iter().filter(|of| world.shows_measure(index, of));
        let measures: String = measures.map(|of| measure(world, index, of)).collect();
        if !measures.is_empty() {
            text += "    measures:\n";
            text += &measures;
        }
        let mut segments = table.segments.iter().filter(|(_, rule)| shows(table, rule)).peekable();
        if segments.peek().is_some() {
            text += "    segments:\n";
        }
        for (name, segment) in segments {
            let segment = rule(world, index, "", segment);
            let _ = writeln!(text, "      {name}: {{ where: \"{segment}\" }}");
        }
        let leads = |link: &&Link| !world.tables[link.to].hidden;
        let mut links = table.links.iter().filter(leads).peekable();
        let mut backs =
            world.backs(index).filter(|(_, from, _)| !world.tables[*from].hidden).peekable();
        if links.peek().is_some() || backs.peek().is_some() {
            text += "    relationships:\n";
        }
        for link in links {
            let to = &world.tables[link.to];
            let on = on((table, link.columns()), (to, to.keys()));
            let cardinality = if link.one { "one_to_one" } else { "many_to_one" };
            let as_of = link.as_of.map(|time| format!(", as_of: {}", table.columns[time].name));
            let _ = writeln!(
                text,
                "      {}: {{ to: {}, on: {on}, cardinality: {cardinality}{} }}",
                link.name,
                to.name,
                as_of.unwrap_or_default()
            );
        }
        for (back, from, link) in backs {
            let from = &world.tables[from];
            let on = on((table, table.keys()), (from, link.columns()));
            let _ = writeln!(
                text,
                "      {}: {{ to: {}, on: {on}, cardinality: one_to_many, bridge: {} }}",
                back.name, from.name, back.bridge
            );
        }
    }
    let written = question.map(json);
    let asked = |index: usize| match &written {
        Some(text) => text.contains(&format!("\"{}\"", world.metrics[index].name)),
        None => true,
    };
    let count = world.metrics.len();
    let mut used: Vec<usize> =
        (0..count).filter(|m| asked(*m) && world.shows(*m)).flat_map(|m| below(world, m)).collect();
    used.sort_unstable();
    used.dedup();
    if !used.is_empty() {
        text += "metrics:\n";
    }
    used.into_iter().for_each(|index| text += &metric(world, index));
    text
}

/// The rows of all tables, and what time it is.
pub fn tables(world: &World) -> String {
    let mut text = format!("now: {}\n", Cell::Instant(world.now).text());
    for table in world.stored() {
        let name = |c: &Column| match c.zone {
            Some(zone) => format!("{} ({zone})", c.name),
            None => c.name.clone(),
        };
        let is_stored = |c: &&Column| c.calculated.is_none();
        let head: Vec<String> = table.columns.iter().filter(is_stored).map(name).collect();
        let _ = writeln!(text, "{}: {}", table.name, head.join(","));
        for row in &table.rows {
            let cells = table.columns.iter().zip(row).filter(|(c, _)| is_stored(c));
            let row: Vec<String> = cells.map(|(_, cell)| cell.text()).collect();
            let _ = writeln!(text, "    {}", row.join(","));
        }
    }
    text
}
