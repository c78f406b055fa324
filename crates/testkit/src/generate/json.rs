//! A question as people write it: JSON.

use std::fmt::Write;

use super::spelled;
use super::written::{function, hundredths, share, shift};
use crate::reference::{AskedField, Bin, Cell, Condition, Cut, Question, Zone, clock};

/// A value; instants as in a zone, if there is one.
fn value(cell: &Cell, zone: Option<Zone>) -> String {
    match (cell, zone) {
        (Cell::Instant(micros), Some(zone)) => {
            let offset = zone.offset(*micros);
            let sign = if offset < 0 { '-' } else { '+' };
            let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
            format!("\"{}{sign}{hours:02}:{minutes:02}\"", clock(zone.wall(*micros)))
        }
        _ => plain(cell),
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => format!("\"{text}\""),
        Cell::Date(_) | Cell::Instant(_) | Cell::Clock(_) => format!("\"{}\"", cell.text()),
        _ => cell.text(),
    }
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn condition(of: &Condition, zone: Option<Zone>) -> String {
    let one = |part: &Condition| condition(part, zone);
    match of {
        Condition::And(parts) => format!("{{\"and\": {}}}", list(parts, one)),
        Condition::Or(parts) => format!("{{\"or\": {}}}", list(parts, one)),
        Condition::Not(inner) => format!("{{\"not\": {}}}", one(inner)),
        Condition::Segment(name) => format!("{{\"segment\": \"{name}\"}}"),
        Condition::Exists(name, None) => format!("{{\"exists\": \"{name}\"}}"),
        Condition::Exists(name, Some(inner)) => {
            format!("{{\"exists\": \"{name}\", \"filter\": {}}}", one(inner))
        }
        Condition::Metric(name, per, op, values) => {
            let per = per.as_ref().map_or(String::new(), |per| format!(", \"per\": \"{per}\""));
            format!(
                "{{\"metric\": \"{name}\"{per}, \"op\": \"{op}\"{}}}",
                operands(op, values, zone)
            )
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
            text + &operands(op, values, zone) + "}"
        }
    }
}

fn operands(op: &str, values: &[Cell], zone: Option<Zone>) -> String {
    match (op, values) {
        ("is_null" | "not_null" | "empty" | "not_empty", _) => String::new(),
        ("=" | "!=" | "<" | "<=" | ">" | ">=", [one]) => {
            format!(", \"value\": {}", value(one, zone))
        }
        _ => format!(", \"values\": {}", list(values, |cell| value(cell, zone))),
    }
}

fn field(asked: &AskedField) -> String {
    let cut = match asked.cut {
        None => String::new(),
        Some(Cut::Grain(grain)) => format!(", \"grain\": \"{grain}\""),
        Some(Cut::Bin(Bin::Width(width, start))) => {
            let start = start.map_or(String::new(), |s| format!(", \"start\": {}", hundredths(s)));
            format!(", \"bin\": {{\"width\": {}{start}}}", hundredths(width))
        }
        Some(Cut::Bin(Bin::Count(count, min, max))) => {
            format!(", \"bin\": {{\"count\": {count}, \"min\": {min}, \"max\": {max}}}")
        }
    };
    format!("{{\"field\": \"{}\"{cut}, \"as\": \"{}\"}}", asked.field, asked.alias)
}

fn names(names: &[String]) -> String {
    list(names, |name| format!("\"{name}\""))
}

/// A question as JSON.
pub fn json(question: &Question) -> String {
    let question = &spelled::named(question);
    let mut members = Vec::new();
    let condition = |of: &Condition| condition(of, question.time_zone);
    let filter = |of: &Option<Condition>| {
        of.as_ref().map_or(String::new(), |of| format!(", \"filter\": {}", condition(of)))
    };
    if let Some(inner) = &question.from {
        members.push(format!("\"from\": {}", json(inner)));
    }
    if let Some(table) = &question.table {
        members.push(format!("\"table\": \"{table}\""));
    }
    if !question.calculated.is_empty() {
        let calculated =
            question.calculated.iter().map(|(name, text)| format!("\"{name}\": {text:?}"));
        members.push(format!("\"calculated\": {{{}}}", calculated.collect::<Vec<_>>().join(", ")));
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
    if !question.measures.is_empty() {
        let measures = list(&question.measures, |m| {
            format!("{{\"name\": \"{}\", \"as\": \"{}\"{}}}", m.name, m.alias, filter(&m.filter))
        });
        members.push(format!("\"measures\": {measures}"));
    }
    if !question.aggregations.is_empty() {
        let aggregations = list(&question.aggregations, |a| {
            let field = a.field.as_ref().map_or(String::new(), |f| format!(", \"field\": \"{f}\""));
            let name = function(a.function);
            let share = share(a.function).map_or(String::new(), |p| format!(", \"p\": {p}"));
            let grain = a.grain.map_or(String::new(), |grain| format!(", \"grain\": \"{grain}\""));
            let (alias, filter) = (&a.alias, filter(&a.filter));
            format!(
                "{{\"function\": \"{name}\"{field}{grain}{share}, \"as\": \"{alias}\"{filter}}}"
            )
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
    if !question.segments.is_empty() {
        members.push(format!("\"segments\": {}", names(&question.segments)));
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
    if let Some(zone) = question.time_zone {
        members.push(format!("\"time_zone\": \"{}\"", zone.name()));
    }
    if let Some(start) = question.week_start {
        members.push(format!("\"week_start\": \"{}\"", start.name()));
    }
    format!("{{{}}}", members.join(", "))
}
