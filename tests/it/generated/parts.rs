//! A condition divides the rows into those for which it is true, those for which it is false, and
//! those for which it is unknown: together they are all, and none is in two. What passes it as a
//! filter is what it is true for where it is computed for each row of all.

use sandbar_testkit::reference::{AskedAggregation, Condition, Function, Question, World};
use sandbar_testkit::rows::{Rows, same_cell, same_rows};

use super::laws::{Case, Law, Verdict, plain, shown};

/// Whether a name may stand for many rows: it begins with a table, or goes over a relationship that
/// leads to many.
pub(super) fn may_be_many(name: &str) -> bool {
    if name.split('.').any(|step| step.starts_with("of_t")) {
        return true;
    }
    let first = name.split_once('.').map(|(first, _)| first);
    first.and_then(|first| first.strip_prefix('t')).is_some_and(|n| n.parse::<u32>().is_ok())
}

/// The condition that a field is missing.
fn is_missing(field: &str) -> Condition {
    let (field, op, values) = (field.to_owned(), "is_null", Vec::new());
    Condition::Field { field, grain: None, op, values, case: false }
}

/// The condition that another one is unknown; it is itself never unknown. None where it cannot be
/// said in words of the query language.
fn unknown(of: &Condition) -> Option<Condition> {
    // Some part decides it in neither direction: none says `no`, and one says nothing.
    let undecided = |parts: &[Condition], open: fn(&Condition) -> Condition| {
        let unknown: Option<Vec<Condition>> = parts.iter().map(unknown).collect();
        let unknown = unknown?;
        let either = parts.iter().zip(&unknown);
        let mut all: Vec<Condition> = either
            .map(|(part, unknown)| Condition::Or(vec![open(part), unknown.clone()]))
            .collect();
        all.push(Condition::Or(unknown));
        Some(Condition::And(all))
    };
    match of {
        Condition::And(parts) => undecided(parts, Condition::clone),
        Condition::Or(parts) => undecided(parts, |part| Condition::Not(Box::new(part.clone()))),
        Condition::Not(inner) => unknown(inner),
        Condition::Segment(_) => None,
        Condition::Exists(..) => Some(never()),
        Condition::Metric(name, per, op, _) => Some(match *op {
            "!=" | "is_null" | "not_null" => never(),
            _ => Condition::Metric(name.clone(), per.clone(), "is_null", Vec::new()),
        }),
        Condition::Relative(field, ..) => (!may_be_many(field)).then(|| is_missing(field)),
        Condition::Field { field, .. } if may_be_many(field) => None,
        Condition::Field { field, op, values, .. } => Some(match *op {
            "!=" | "not_in" | "not_contains" => never(),
            "is_null" | "not_null" | "empty" | "not_empty" => never(),
            "in" if values.is_empty() => never(),
            _ => is_missing(field),
        }),
    }
}

/// A condition that no row passes.
fn never() -> Condition {
    let present = Condition::Not(Box::new(is_missing("id")));
    Condition::And(vec![is_missing("id"), present])
}

/// A list of all fields of a table, or groups of its rows with what can be put together again.
fn divisible(world: &World, question: Question) -> Option<Question> {
    let table = question.table.as_ref().filter(|_| question.from.is_none())?;
    question.filter.as_ref().and_then(unknown)?;
    let columns = &world.tables.iter().find(|t| t.name == *table)?.columns;
    let mut asked = Question {
        table: Some(table.clone()),
        fields: question.fields,
        group_by: question.group_by,
        filter: question.filter,
        ..Question::default()
    };
    if asked.fields.is_empty() {
        let functions = [Function::Count, Function::Sum, Function::Min, Function::Max];
        let size = columns.get(2).map(|column| column.name.clone());
        for (index, function) in functions.into_iter().enumerate() {
            let field = size.clone().filter(|_| index > 0);
            let alias = format!("n{index}");
            let (grain, filter) = (None, None);
            asked.aggregations.push(AskedAggregation { function, field, grain, alias, filter });
        }
    }
    Some(asked)
}

/// The numbers of a group in one part put together with those in another: a count, a sum, the
/// smallest and the largest of whole numbers.
fn together(a: &[String], b: &[String]) -> Vec<String> {
    let put =
        |(index, (a, b)): (usize, (&String, &String))| match (a.parse::<i64>(), b.parse::<i64>()) {
            (Ok(a), Ok(b)) => match index {
                0 | 1 => (a + b).to_string(),
                2 => a.min(b).to_string(),
                _ => a.max(b).to_string(),
            },
            (Ok(_), _) => a.clone(),
            _ => b.clone(),
        };
    a.iter().zip(b).enumerate().map(put).collect()
}

/// The rows of all parts; the same group in several of them is put together.
fn united(question: &Question, parts: &[Rows]) -> Rows {
    let head = parts[0].head.clone();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in parts.iter().flat_map(|part| &part.rows) {
        let keys = question.group_by.len();
        let known = rows.iter().position(|known| known[..keys] == row[..keys]);
        match known.filter(|_| question.fields.is_empty()) {
            Some(at) => {
                let numbers = together(&rows[at][keys..], &row[keys..]);
                rows[at].truncate(keys);
                rows[at].extend(numbers);
            }
            None => rows.push(row.clone()),
        }
    }
    Rows { head, rows }
}

fn three_parts(case: &Case, question: &Question) -> Verdict {
    let filter = question.filter.clone().unwrap();
    let with = |filter: Option<Condition>| Question { filter, ..question.clone() };
    let [all, yes, no, neither] = [
        with(None),
        question.clone(),
        with(Some(Condition::Not(Box::new(filter.clone())))),
        with(unknown(&filter)),
    ];
    let [all, yes, no, neither] = match case.all([&all, &yes, &no, &neither]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let whole = united(question, &[yes.clone(), no.clone(), neither.clone()]);
    match same_rows(&all, &whole) {
        true => Verdict::Holds,
        false => Verdict::Broken(format!(
            "all:\n{}true:\n{}false:\n{}unknown:\n{}",
            shown(&all),
            shown(&yes),
            shown(&no),
            shown(&neither)
        )),
    }
}

#[test]
fn a_condition_divides_the_rows_in_three() {
    let law = Law { cases: 15, questions: 5, engines: plain, about: divisible, check: three_parts };
    law.holds();
}

/// Groups of a table under a condition.
fn counted(_: &World, question: Question) -> Option<Question> {
    let table = question.table.filter(|_| question.from.is_none());
    let (filter, group_by) = (question.filter, question.group_by);
    let plain = table.is_some() && filter.is_some();
    plain.then(|| Question { table, filter, group_by, ..Question::default() })
}

fn as_filter_and_for_each_row(case: &Case, question: &Question) -> Verdict {
    let count = |alias: &str, filter: Option<Condition>| AskedAggregation {
        function: Function::Count,
        field: None,
        grain: None,
        alias: alias.to_owned(),
        filter,
    };
    let narrowed = Question { aggregations: vec![count("passed", None)], ..question.clone() };
    // The second count keeps the condition from becoming a filter of all rows.
    let aggregations = vec![count("passed", question.filter.clone()), count("rows", None)];
    let computed = Question { aggregations, filter: None, ..question.clone() };
    let [narrowed, computed] = match case.all([&narrowed, &computed]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let keys = question.group_by.len();
    let passed = |row: &&Vec<String>| keys == 0 || row[keys] != "0";
    let expected: Vec<&Vec<String>> = computed.rows.iter().filter(passed).collect();
    let same = narrowed.rows.len() == expected.len()
        && narrowed.rows.iter().all(|row| {
            let other = expected.iter().find(|other| other[..keys] == row[..keys]);
            other.is_some_and(|other| same_cell(&other[keys], &row[keys]))
        });
    match same {
        true => Verdict::Holds,
        false => Verdict::Broken(format!(
            "as a filter:\n{}for each row:\n{}",
            shown(&narrowed),
            shown(&computed)
        )),
    }
}

#[test]
fn a_filter_passes_the_rows_that_its_condition_is_true_for() {
    let law = Law {
        cases: 15,
        questions: 5,
        engines: plain,
        about: counted,
        check: as_filter_and_for_each_row,
    };
    law.holds();
}
