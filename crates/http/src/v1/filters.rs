//! Conditions, each checked and then said in the language below.

use sandbar::query::{Op, Value};
use sandbar::{Filter, Session, Truncation, Type};

use super::body::{FilterBody, Id, without_effect};
use super::ground::{Ground, Known};
use super::refusal::{Problem, Refusal};
use super::temporal;
use super::words::Operation;

/// A condition of the language below.
pub(super) enum Condition {
    Segment(String),
    Filter(Filter),
}

/// What is wrong with the form of a condition, and what of it has no effect.
pub(super) fn checked(
    filter: &FilterBody,
    path: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) {
    let mut problem = |name: &str, message: String| {
        let path = if name.is_empty() { path.to_owned() } else { format!("{path}.{name}") };
        problems.push(Problem::new(path, message));
    };
    let values: &[Value] = filter.values.as_deref().unwrap_or_default();
    let value = filter.value.as_ref().filter(|value| **value != Value::Null);
    if filter.segment_id.is_some() {
        if filter.field_id.is_some() || filter.operation.is_some() {
            problem("", "a filter has a `segment_id`, or a `field_id`, not both".to_owned());
        }
        let ignored = [
            ("bucket", filter.bucket.is_some()),
            ("value", value.is_some()),
            ("values", !values.is_empty()),
        ];
        without_effect(&ignored, &format!("{path}."), "beside `segment_id`", warnings);
        return;
    }
    if filter.field_id.is_none() {
        problem("", "a filter has a `segment_id`, or a `field_id` and an `operation`".to_owned());
        return;
    }
    let Some(operation) = filter.operation else {
        problem("operation", "a filter of a field has an `operation`".to_owned());
        return;
    };
    let name = operation.name();
    let ignored = |key: &str| format!("`{path}.{key}` has no effect with `{name}`");
    if filter.bucket.is_some() && !matches!(operation, Operation::Equal(_) | Operation::Ordered(_))
    {
        warnings.push(ignored("bucket"));
    }
    match operation {
        Operation::Exists(_) | Operation::Is(_) => {
            if value.is_some() {
                warnings.push(ignored("value"));
            }
            if !values.is_empty() {
                warnings.push(ignored("values"));
            }
            return;
        }
        Operation::Ordered(_) if !values.is_empty() => {
            problem("values", format!("`{name}` compares with one `value`"));
        }
        _ if value.is_some() && !values.is_empty() => {
            problem("values", "give `value` or `values`, not both".to_owned());
        }
        Operation::Text(_) if values.len() > Op::MOST_TEXTS => {
            let most = Op::MOST_TEXTS;
            problem("values", format!("`{name}` looks for at most {most} `values`"));
        }
        _ if value.is_none() && values.is_empty() => {
            let or = if matches!(operation, Operation::Ordered(_)) { "" } else { " or `values`" };
            problem(
                "value",
                format!("`{name}` takes a `value`{or}; `is-null` asks for missing ones"),
            );
        }
        _ => {}
    }
    let wanted = |value: &Value| match (operation, value) {
        (Operation::Extract(..), Value::Integer(_)) => None,
        (Operation::Extract(..), _) => Some("value must be an integer."),
        (Operation::Text(_), Value::Text(_)) => None,
        (Operation::Text(_), _) => Some("value must be a string."),
        (_, Value::Text(_) | Value::Integer(_) | Value::Number(_) | Value::Decimal { .. }) => None,
        _ => Some("value must be a string or a number."),
    };
    if let Some(message) = value.and_then(wanted) {
        problem("value", message.to_owned());
    }
    for (index, value) in values.iter().enumerate() {
        if let Some(message) = wanted(value) {
            problem(&format!("values[{index}]"), message.to_owned());
        }
    }
}

/// A checked condition, in the language below.
pub(super) fn converted(
    session: &Session,
    ground: &Ground,
    filter: &FilterBody,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<Condition, Refusal> {
    if let Some(id) = &filter.segment_id {
        let Id(_) = id;
        return Ok(Condition::Segment(ground.segment(id)?.name.clone()));
    }
    let (Some(id), Some(operation)) = (&filter.field_id, filter.operation) else {
        return Err(Refusal::invalid("H0201", "a filter has a `field_id` and an `operation`"));
    };
    let field = ground.field(&id.0)?;
    let single = filter.value.iter().filter(|value| **value != Value::Null);
    let values: Vec<&Value> = single.chain(filter.values.iter().flatten()).collect();
    let several = values.len() > 1 || filter.values.as_ref().is_some_and(|v| !v.is_empty());
    let made = |op: Op, grain: Option<Truncation>, values: Vec<Value>| {
        let op = match op {
            Op::Eq if several => Op::In,
            Op::NotEq if several => Op::NotIn,
            other => other,
        };
        let field = field.asked.clone().into();
        Condition::Filter(Filter::Field { field, grain, op, values, case_sensitive: false })
    };
    Ok(match operation {
        Operation::Exists(op) => Condition::Filter(Filter::with(&field.asked, op, Vec::new())),
        Operation::Is(wanted) => Condition::Filter(Filter::eq(&field.asked, wanted)),
        Operation::Extract(part, op) => {
            let values: Result<_, _> =
                values.into_iter().map(|value| temporal::part(part, value)).collect();
            made(op, Some(Truncation::Part(part)), values?)
        }
        Operation::Text(op) => made(op, None, values.into_iter().cloned().collect()),
        Operation::Equal(op) | Operation::Ordered(op) => {
            if !field.data_type.is_temporal() {
                if filter.bucket.is_some() {
                    warnings.push(format!("`{path}.bucket` has no effect: the field is no time"));
                }
                let values = values.into_iter().map(|value| fitting(field, value)).collect();
                return Ok(made(op, None, values));
            }
            let of = field.data_type;
            let Some(bucket) = filter.bucket else {
                let values: Result<_, _> =
                    values.into_iter().map(|value| temporal::exact(of, value)).collect();
                return Ok(made(op, None, values?));
            };
            let values: Result<_, _> =
                values.into_iter().map(|v| temporal::bucketed(session, of, bucket, v)).collect();
            made(op, Some(bucket.of_filter()), values?)
        }
    })
}

/// A number with a point that is whole is a whole number for a field of those. A number may be
/// written as a text, as answers have those of many digits.
fn fitting(field: &Known, value: &Value) -> Value {
    match (field.data_type, value) {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        (Type::Integer, Value::Number(number))
            if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            Value::Integer(*number as i64)
        }
        (of, Value::Text(text)) if of.is_numeric() => {
            Value::of_digits(text).unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}
