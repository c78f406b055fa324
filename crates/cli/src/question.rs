//! What is asked, as it is said on the command line.

use std::io::Read;

use sandbar::query::{Filter, Op, RelativeUnit};
use sandbar::{Error, MetricDescription, SemanticQuery, Truncation};

use crate::args::QuestionArgs;
use crate::failure::Failure;

/// How a metric is looked up by its name: as who asks sees it, or as the model has it.
pub(crate) type Look<'a> = &'a dyn Fn(&str) -> Result<MetricDescription, Error>;

/// Reads a question: JSON, a file, stdin, or names of metrics. Only `--when` looks a metric up.
pub(crate) fn read(args: &QuestionArgs, metric: Look<'_>) -> Result<SemanticQuery, Failure> {
    let text = args.query.trim();
    let json = if text.starts_with('{') {
        Some(text.to_owned())
    } else if text == "-" {
        let mut read = String::new();
        let failed = |error| Failure::wrong(format!("stdin: {error}"));
        std::io::stdin().read_to_string(&mut read).map_err(failed)?;
        Some(read)
    } else if text.ends_with(".json") {
        let failed = |error| Failure::wrong(format!("{text}: {error}"));
        Some(std::fs::read_to_string(text).map_err(failed)?)
    } else {
        None
    };
    match json {
        Some(_) if !args.by.is_empty() || args.when.is_some() => {
            Err(Failure::wrong("`--by` and `--when` go with names of metrics"))
        }
        Some(json) => {
            SemanticQuery::from_json(&json).map_err(|problems| Error::from(problems).into())
        }
        None => metrics(args, metric),
    }
}

fn metrics(args: &QuestionArgs, look: Look<'_>) -> Result<SemanticQuery, Failure> {
    let mut query = SemanticQuery::default();
    let names: Vec<&str> = args.query.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    for name in &names {
        query = query.and_metric(name);
    }
    for field in &args.by {
        query = match field.split_once(':') {
            None => query.group_by(field),
            Some((name, grain)) => {
                let truncation = Truncation::named(grain).ok_or_else(|| {
                    let known: Vec<&str> = Truncation::names().collect();
                    Failure::wrong(format!("`{grain}` is not one of {}", known.join(", ")))
                })?;
                query.group_by_grain(name, truncation)
            }
        };
    }
    if let Some(words) = &args.when {
        let name = names.first().copied().unwrap_or_default();
        let metric = look(name)?;
        let time = metric.time.ok_or_else(|| {
            Failure::wrong(format!("`{name}` has no time of its own; write the query as JSON"))
        })?;
        query = query.filter(stretch(words, &time)?);
    }
    Ok(query)
}

fn stretch(words: &str, field: &str) -> Result<Filter, Failure> {
    let wrong = || {
        Failure::wrong(format!(
            "`{words}` is not a stretch of time such as `previous quarter` or `last 30 day`"
        ))
    };
    let parts: Vec<&str> = words.split_whitespace().collect();
    let (op, count, unit) = match parts.as_slice() {
        [op, unit] => (*op, 1, *unit),
        [op, count, unit] => (*op, count.parse().map_err(|_| wrong())?, *unit),
        _ => return Err(wrong()),
    };
    let op = match op {
        "previous" => Op::Previous,
        "last" => Op::Last,
        "this" if count == 1 => Op::This,
        _ => return Err(wrong()),
    };
    let unit = match unit.trim_end_matches('s') {
        "day" => RelativeUnit::Day,
        "week" => RelativeUnit::Week,
        "month" => RelativeUnit::Month,
        "quarter" => RelativeUnit::Quarter,
        "year" => RelativeUnit::Year,
        _ => return Err(wrong()),
    };
    Ok(Filter::Relative { field: field.to_owned().into(), op, count, unit })
}
