//! An answer compared with what a case expects of it.

use sandbar_catalog::decode::Entries;
use sandbar_catalog::query::Value;
use sandbar_permissions::PolicyCase;
use serde_json::{Map, Value as Json};

use super::CaseDifference;
use super::value::{found_text, same, text};
use crate::answer::{Collected, Warning};

/// How many rows that differ are told.
const MOST_ROWS: usize = 20;

type Row = Map<String, Json>;

/// So many rows, in words.
pub(super) fn rows(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} row{plural}")
}

/// What of an answer is not as the case expects.
pub(super) fn answer(case: &PolicyCase, answer: &Collected) -> Vec<CaseDifference> {
    if answer.is_truncated() {
        let found = format!("more than {}", rows(answer.num_rows()));
        return vec![CaseDifference::new("answer", "all of its rows", found)];
    }
    let found = match answer.to_json_rows() {
        Ok(found) => found,
        Err(error) => return vec![CaseDifference::new("answer", "rows", error.to_string())],
    };
    let found: Vec<Row> = found.into_iter().filter_map(object).collect();
    let mut differences = Vec::new();
    if let Some(count) = case.count
        && usize::try_from(count) != Ok(found.len())
    {
        differences.push(CaseDifference::new("count", count.to_string(), found.len().to_string()));
    }
    if let Some(wanted) = &case.total {
        differences.extend(total(wanted, answer, &found));
    }
    if let Some(wanted) = &case.rows {
        let wanted: Vec<&Entries<Value>> = wanted.iter().map(|row| &row.value).collect();
        differences.extend(match columns(&wanted, answer) {
            Some(difference) => Some(difference),
            None if case.in_order => in_order(&wanted, answer, &found),
            None => in_any_order(&wanted, answer, &found),
        });
    }
    differences
}

fn object(value: Json) -> Option<Row> {
    match value {
        Json::Object(row) => Some(row),
        _ => None,
    }
}

fn total(wanted: &Value, answer: &Collected, found: &[Row]) -> Option<CaseDifference> {
    let ([column], [row]) = (answer.columns(), found) else {
        let shape = format!("{} of {} columns", rows(found.len()), answer.columns().len());
        return Some(CaseDifference::new("total", "one value", shape));
    };
    let value = row.get(&column.name).unwrap_or(&Json::Null);
    let equal = same(wanted, value, column.data_type);
    (!equal).then(|| CaseDifference::new("total", text(wanted), found_text(value)))
}

/// A row that does not have exactly the columns of the answer.
fn columns(wanted: &[&Entries<Value>], answer: &Collected) -> Option<CaseDifference> {
    let known: Vec<&str> = answer.columns().iter().map(|column| column.name.as_str()).collect();
    let fits = |row: &&&Entries<Value>| {
        row.len() == known.len() && known.iter().all(|name| row.get(name).is_some())
    };
    let other = wanted.iter().find(|row| !fits(row))?;
    let names: Vec<&str> = other.iter().map(|(name, _)| name).collect();
    Some(CaseDifference::new("columns", names.join(", "), known.join(", ")))
}

fn same_row(wanted: &Entries<Value>, answer: &Collected, found: &Row) -> bool {
    answer.columns().iter().all(|column| {
        match (wanted.get(&column.name), found.get(&column.name)) {
            (Some(wanted), Some(found)) => same(&wanted.value, found, column.data_type),
            _ => false,
        }
    })
}

fn in_any_order(
    wanted: &[&Entries<Value>],
    answer: &Collected,
    found: &[Row],
) -> Option<CaseDifference> {
    let mut rest: Vec<&Row> = found.iter().collect();
    let mut missing = Vec::new();
    for row in wanted {
        match rest.iter().position(|found| same_row(row, answer, found)) {
            Some(at) => drop(rest.swap_remove(at)),
            None => missing.push(*row),
        }
    }
    // In the order of the answer, not of what was taken out.
    let left = found.iter().filter(|row| rest.iter().any(|left| std::ptr::eq(*left, *row)));
    told("rows", wanted.len(), answer, &missing, &left.collect::<Vec<_>>(), found.len())
}

fn in_order(
    wanted: &[&Entries<Value>],
    answer: &Collected,
    found: &[Row],
) -> Option<CaseDifference> {
    if answer.warnings().contains(&Warning::Unordered) {
        let found = "rows without a determined order: say `order_by`";
        return Some(CaseDifference::new("order", "rows in order", found));
    }
    let pairs = wanted.iter().zip(found);
    let wrong: Vec<_> = pairs.filter(|(row, found)| !same_row(row, answer, found)).collect();
    let mut missing: Vec<&Entries<Value>> = wrong.iter().map(|(row, _)| **row).collect();
    let mut unexpected: Vec<&Row> = wrong.iter().map(|(_, found)| *found).collect();
    missing.extend(wanted.iter().skip(found.len()));
    unexpected.extend(found.iter().skip(wanted.len()));
    told("rows in order", wanted.len(), answer, &missing, &unexpected, found.len())
}

fn told(
    what: &str,
    wanted: usize,
    answer: &Collected,
    missing: &[&Entries<Value>],
    unexpected: &[&Row],
    found: usize,
) -> Option<CaseDifference> {
    if missing.is_empty() && unexpected.is_empty() {
        return None;
    }
    let line = |value: &dyn Fn(&str) -> String| {
        let columns = answer.columns().iter().map(|column| column.name.as_str());
        let cells = columns.map(|name| format!("{name}: {}", value(name)));
        format!("{{ {} }}", cells.collect::<Vec<_>>().join(", "))
    };
    let missing_lines = missing
        .iter()
        .map(|row| line(&|name| row.get(name).map(|value| text(&value.value)).unwrap_or_default()));
    let unexpected_lines = unexpected
        .iter()
        .map(|row| line(&|name| row.get(name).map(found_text).unwrap_or_default()));
    Some(CaseDifference {
        missing: cut(missing_lines.collect()),
        unexpected: cut(unexpected_lines.collect()),
        ..CaseDifference::new(what, rows(wanted), rows(found))
    })
}

fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MOST_ROWS {
        let more = lines.len() - MOST_ROWS;
        lines.truncate(MOST_ROWS);
        lines.push(format!("and {}", rows(more)));
    }
    lines
}
