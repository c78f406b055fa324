//! A world and a question as people write them: YAML, JSON and rows.

use std::fmt::Write;

use super::metrics::below;
use super::worlds::stored;
use crate::reference::{
    AskedField, Calculation, Cell, Column, Condition, Formula, Function, Input, Question, Rule,
    Shift, Start, World,
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
    }
}

fn rule(world: &World, table: usize, of: &Rule) -> String {
    let name = |column: &usize| &world.tables[table].columns[*column].name;
    match of {
        Rule::IsNull(column) => format!("{} is null", name(column)),
        Rule::Compare(column, op, Cell::Text(text)) => format!("{} {op} '{text}'", name(column)),
        Rule::Compare(column, op, cell) => format!("{} {op} {}", name(column), cell.text()),
        Rule::And(a, b) => format!("({} and {})", rule(world, table, a), rule(world, table, b)),
        Rule::Or(a, b) => format!("({} or {})", rule(world, table, a), rule(world, table, b)),
        Rule::Not(inner) => format!("not ({})", rule(world, table, inner)),
    }
}

fn shift(of: Shift) -> String {
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
        let _ = write!(text, ", filter: \"{}\"", rule(world, *table, filter));
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

fn metric(world: &World, index: usize) -> String {
    let metric = &world.metrics[index];
    let mut text = match &metric.calculation {
        Calculation::Simple { table, function: f, column, filter, time, semi, dense } => {
            let columns = &world.tables[*table].columns;
            let name = |column: &usize| columns[*column].name.as_str();
            let expr = match (f, column) {
                (Function::CountDistinct, Some(c)) => format!("count(distinct {})", name(c)),
                (f, Some(c)) => format!("{}({})", function(*f), name(c)),
                (_, None) => "count(*)".to_owned(),
            };
            let mut text = format!("table: {}, expr: \"{expr}\"", world.tables[*table].name);
            if let Some(filter) = filter {
                let _ = write!(text, ", filter: \"{}\"", rule(world, *table, filter));
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

/// The model of a world; with a question, only the metrics that it needs.
pub fn yaml(world: &World, question: Option<&Question>) -> String {
    let mut text = "format: 1\ntables:\n".to_owned();
    for table in &world.tables {
        let _ = writeln!(text, "  {}:\n    primary_key: [id]", table.name);
        if let Some(time) = table.time {
            let _ = writeln!(text, "    time: {}", table.columns[time].name);
        }
        let field = |column: &Column| {
            let stored = stored(table, column);
            let dimension = column.dimension.as_ref();
            let dimension = dimension.map_or(String::new(), |d| format!(", dimension: {d}"));
            format!("{}: {{ column: {stored}{dimension} }}", column.name)
        };
        let fields: Vec<String> = table.columns.iter().map(field).collect();
        let _ = writeln!(text, "    fields: {{ {} }}", fields.join(", "));
        if !table.links.is_empty() {
            text += "    relationships:\n";
        }
        for link in &table.links {
            let (key, to) = (&table.columns[link.column].name, &world.tables[link.to].name);
            let _ = writeln!(
                text,
                "      {}: {{ to: {to}, on: {{ {key}: id }}, cardinality: many_to_one }}",
                link.name
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
        (0..count).filter(|m| asked(*m)).flat_map(|m| below(world, m)).collect();
    used.sort_unstable();
    used.dedup();
    if !used.is_empty() {
        text += "metrics:\n";
    }
    used.into_iter().for_each(|index| text += &metric(world, index));
    text
}

fn value(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("\"{text}\""),
        Cell::Date(_) | Cell::Instant(_) => format!("\"{}\"", cell.text()),
        _ => cell.text(),
    }
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn condition(of: &Condition) -> String {
    match of {
        Condition::And(parts) => format!("{{\"and\": {}}}", list(parts, condition)),
        Condition::Or(parts) => format!("{{\"or\": {}}}", list(parts, condition)),
        Condition::Not(inner) => format!("{{\"not\": {}}}", condition(inner)),
        Condition::Exists(name, None) => format!("{{\"exists\": \"{name}\"}}"),
        Condition::Exists(name, Some(inner)) => {
            format!("{{\"exists\": \"{name}\", \"filter\": {}}}", condition(inner))
        }
        Condition::Metric(name, per, op, values) => {
            let per = per.as_ref().map_or(String::new(), |per| format!(", \"per\": \"{per}\""));
            format!("{{\"metric\": \"{name}\"{per}, \"op\": \"{op}\"{}}}", operands(op, values))
        }
        Condition::Relative(field, op, count, unit) => format!(
            "{{\"field\": \"{field}\", \"op\": \"{op}\", \"count\": {count}, \"unit\": \"{}\"}}",
            unit.name()
        ),
        Condition::Field { field, grain, op, values, case } => {
            let mut text = format!("{{\"field\": \"{field}\", \"op\": \"{op}\"");
            if let Some(grain) = grain {
                let _ = write!(text, ", \"grain\": \"{grain}\"");
            }
            if *case {
                text += ", \"case_sensitive\": true";
            }
            text + &operands(op, values) + "}"
        }
    }
}

fn operands(op: &str, values: &[Cell]) -> String {
    match (op, values) {
        ("is_null" | "not_null" | "empty" | "not_empty", _) => String::new(),
        ("=" | "!=" | "<" | "<=" | ">" | ">=", [one]) => format!(", \"value\": {}", value(one)),
        _ => format!(", \"values\": {}", list(values, value)),
    }
}

fn field(asked: &AskedField) -> String {
    let grain = asked.grain.map_or(String::new(), |grain| format!(", \"grain\": \"{grain}\""));
    format!("{{\"field\": \"{}\"{grain}, \"as\": \"{}\"}}", asked.field, asked.alias)
}

fn names(names: &[String]) -> String {
    list(names, |name| format!("\"{name}\""))
}

/// A question as JSON.
pub fn json(question: &Question) -> String {
    let mut members = Vec::new();
    let filter = |of: &Option<Condition>| {
        of.as_ref().map_or(String::new(), |of| format!(", \"filter\": {}", condition(of)))
    };
    if let Some(inner) = &question.from {
        members.push(format!("\"from\": {}", json(inner)));
    }
    if let Some(table) = &question.table {
        members.push(format!("\"table\": \"{table}\""));
    }
    if !question.metrics.is_empty() {
        let metrics = list(&question.metrics, |m| {
            let mut text = format!("{{\"name\": \"{}\", \"as\": \"{}\"", m.name, m.alias);
            text += &filter(&m.filter);
            if let Some(offset) = m.offset {
                let _ = write!(text, ", \"offset\": {}", shift(offset));
            }
            if let Some(compare) = m.compare {
                let _ = write!(text, ", \"compare\": \"{compare}\"");
            }
            text + "}"
        });
        members.push(format!("\"metrics\": {metrics}"));
    }
    if !question.aggregations.is_empty() {
        let aggregations = list(&question.aggregations, |a| {
            let field = a.field.as_ref().map_or(String::new(), |f| format!(", \"field\": \"{f}\""));
            let name = function(a.function);
            let filter = filter(&a.filter);
            format!("{{\"function\": \"{name}\"{field}, \"as\": \"{}\"{filter}}}", a.alias)
        });
        members.push(format!("\"aggregations\": {aggregations}"));
    }
    if !question.fields.is_empty() {
        members.push(format!("\"fields\": {}", list(&question.fields, field)));
    }
    if !question.group_by.is_empty() {
        members.push(format!("\"group_by\": {}", list(&question.group_by, field)));
    }
    if let Some(filter) = &question.filter {
        members.push(format!("\"filter\": {}", condition(filter)));
    }
    if let Some(having) = &question.having {
        members.push(format!("\"having\": {}", condition(having)));
    }
    if !question.totals.is_empty() {
        members.push(format!("\"totals\": {}", list(&question.totals, |kept| names(kept))));
    }
    if !question.shares.is_empty() {
        let shares = list(&question.shares, |s| {
            let within = names(&s.within);
            format!("{{\"of\": \"{}\", \"within\": {within}, \"as\": \"{}\"}}", s.of, s.alias)
        });
        members.push(format!("\"shares\": {shares}"));
    }
    if !question.order_by.is_empty() {
        let order = list(&question.order_by, |(name, largest)| {
            let order = if *largest { "desc" } else { "asc" };
            format!("{{\"field\": \"{name}\", \"order\": \"{order}\"}}")
        });
        members.push(format!("\"order_by\": {order}"));
    }
    if let Some(limit) = question.limit {
        members.push(format!("\"limit\": {limit}"));
    }
    format!("{{{}}}", members.join(", "))
}

/// The rows of all tables.
pub fn tables(world: &World) -> String {
    let mut text = String::new();
    for table in &world.tables {
        let head: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let _ = writeln!(text, "{}: {}", table.name, head.join(","));
        for row in &table.rows {
            let row: Vec<String> = row.iter().map(Cell::text).collect();
            let _ = writeln!(text, "    {}", row.join(","));
        }
    }
    text
}
