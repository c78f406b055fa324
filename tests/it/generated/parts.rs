//! A condition divides the rows into those for which it is true, those for which it is false, and
//! those for which it is unknown: together they are all, and none is in two. This is so of the rows
//! of tables, of what numbers and groups are made of, and of the rows of an answer. What passes it
//! as a filter is what it is true for where it is computed for each row of all.

use sandbar_testkit::reference::{
    AskedAggregation, Calculation, Condition, Function, Kind, Question, World,
};
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
/// said in words of the query language. There is a name of something in any case.
fn unknown(of: &Condition, something: &str) -> Option<Condition> {
    let never = || never(something);
    // Some part decides it in neither direction: none says `no`, and one says nothing.
    let undecided = |parts: &[Condition], open: fn(&Condition) -> Condition| {
        let unknown: Option<Vec<Condition>> =
            parts.iter().map(|part| unknown(part, something)).collect();
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
        Condition::Not(inner) => unknown(inner, something),
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
fn never(something: &str) -> Condition {
    let present = Condition::Not(Box::new(is_missing(something)));
    Condition::And(vec![is_missing(something), present])
}

/// The primary key of almost every table.
const ID: &str = "id";

/// The values of some fields, each combination once.
fn dimensions(_: &World, question: Question) -> Option<Question> {
    let table = question.table.filter(|_| question.from.is_none())?;
    unknown(question.filter.as_ref()?, ID)?;
    let (group_by, filter) = (question.group_by, question.filter);
    let grouped = Question { table: Some(table), group_by, filter, ..Question::default() };
    (!grouped.group_by.is_empty()).then_some(grouped)
}

/// The first metric that is one number of its rows and can be put together again, by groups.
fn one_metric(world: &World, question: Question) -> Option<Question> {
    unknown(question.filter.as_ref()?, ID)?;
    let mut asked = question.metrics.into_iter().filter(|asked| asked.offset.is_none());
    let metrics = vec![asked.find(|asked| simple(world, &asked.name).is_some())?];
    let (group_by, filter) = (question.group_by, question.filter);
    question.from.is_none().then(|| Question { metrics, group_by, filter, ..Question::default() })
}

/// The function of a metric that can be put together again: of rows, or of whole numbers.
fn simple(world: &World, name: &str) -> Option<Function> {
    let metric = world.metrics.iter().find(|metric| metric.name == name)?;
    match &metric.calculation {
        Calculation::Simple { table, function, column, semi: None, dense: false, .. }
            if metric.fill.is_none() =>
        {
            let whole = |column: &usize| world.tables[*table].columns[*column].kind == Kind::Int;
            let adds_up = match function {
                Function::Count => true,
                Function::Sum | Function::Min | Function::Max => column.as_ref().is_some_and(whole),
                _ => false,
            };
            adds_up.then_some(*function)
        }
        _ => None,
    }
}

/// The functions of the numbers of a question.
fn functions(world: &World, question: &Question) -> Vec<Function> {
    let metrics = question.metrics.iter().filter_map(|asked| simple(world, &asked.name));
    metrics.chain(question.aggregations.iter().map(|asked| asked.function)).collect()
}

/// A list of all fields of a table, or groups of its rows with what can be put together again.
fn divisible(world: &World, question: Question) -> Option<Question> {
    let table = question.table.as_ref().filter(|_| question.from.is_none())?;
    unknown(question.filter.as_ref()?, ID)?;
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
fn together(functions: &[Function], a: &[String], b: &[String]) -> Vec<String> {
    let put = |(function, (a, b)): (&Function, (&String, &String))| match (
        a.parse::<i64>(),
        b.parse::<i64>(),
    ) {
        (Ok(a), Ok(b)) => match function {
            Function::Min => a.min(b).to_string(),
            Function::Max => a.max(b).to_string(),
            _ => (a + b).to_string(),
        },
        (Ok(_), _) => a.clone(),
        _ => b.clone(),
    };
    functions.iter().zip(a.iter().zip(b)).map(put).collect()
}

/// The rows of all parts; the same group in several of them is put together.
fn united(question: &Question, functions: &[Function], parts: &[Rows]) -> Rows {
    let head = parts[0].head.clone();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in parts.iter().flat_map(|part| &part.rows) {
        let keys = question.group_by.len();
        let known = rows.iter().position(|known| known[..keys] == row[..keys]);
        match known.filter(|_| question.fields.is_empty()) {
            Some(at) => {
                let numbers = together(functions, &rows[at][keys..], &row[keys..]);
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
        with(unknown(&filter, ID)),
    ];
    let [all, yes, no, neither] = match case.all([&all, &yes, &no, &neither]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let functions = functions(&case.world, question);
    let whole = united(question, &functions, &[yes.clone(), no.clone(), neither.clone()]);
    whole_of(&all, &whole, [&yes, &no, &neither])
}

/// Whether what is put together of three parts is the whole.
fn whole_of(all: &Rows, whole: &Rows, [yes, no, neither]: [&Rows; 3]) -> Verdict {
    match same_rows(all, whole) {
        true => Verdict::Holds,
        false => Verdict::Broken(format!(
            "all:\n{}true:\n{}false:\n{}unknown:\n{}",
            shown(all),
            shown(yes),
            shown(no),
            shown(neither)
        )),
    }
}

#[test]
fn a_condition_divides_the_rows_in_three() {
    let law = Law { cases: 15, questions: 5, engines: plain, about: divisible, check: three_parts };
    law.holds();
}

#[test]
fn a_condition_divides_groups_without_numbers_in_three() {
    let law =
        Law { cases: 12, questions: 4, engines: plain, about: dimensions, check: three_parts };
    law.holds();
}

#[test]
fn a_condition_divides_what_a_metric_is_made_of_in_three() {
    let law =
        Law { cases: 12, questions: 4, engines: plain, about: one_metric, check: three_parts };
    law.holds();
}

/// An answer of which a condition leaves some rows, all of which it may leave.
fn narrowed(_: &World, question: Question) -> Option<Question> {
    unknown(question.having.as_ref()?, first_column(&question)?)?;
    let (totals, order_by, limit) = (Vec::new(), Vec::new(), None);
    question.from.is_none().then_some(Question { totals, order_by, limit, ..question })
}

/// The name of a column of an answer.
fn first_column(question: &Question) -> Option<&str> {
    let metrics = question.metrics.iter().map(|asked| asked.alias.as_str());
    metrics.chain(question.aggregations.iter().map(|asked| asked.alias.as_str())).next()
}

fn three_parts_of_an_answer(case: &Case, question: &Question) -> Verdict {
    let having = question.having.clone().unwrap();
    let with = |having: Option<Condition>| Question { having, ..question.clone() };
    let [all, yes, no, neither] = [
        with(None),
        question.clone(),
        with(Some(Condition::Not(Box::new(having.clone())))),
        with(unknown(&having, first_column(question).unwrap())),
    ];
    let [all, yes, no, neither] = match case.all([&all, &yes, &no, &neither]) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let rows = [&yes, &no, &neither].into_iter().flat_map(|part| part.rows.clone()).collect();
    let whole = Rows { head: yes.head.clone(), rows };
    whole_of(&all, &whole, [&yes, &no, &neither])
}

#[test]
fn a_condition_divides_the_rows_of_an_answer_in_three() {
    let law = Law {
        cases: 12,
        questions: 4,
        engines: plain,
        about: narrowed,
        check: three_parts_of_an_answer,
    };
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
