//! Every place of a question that a calculated field can stand in, with the rows that must come.

use std::collections::BTreeMap;

use super::failing::{Attack, Middle, Value};
use super::world::{Row, notes_with};

/// A place of a question.
pub(super) struct Position {
    pub(super) name: &'static str,
    /// The question about an attack; none where it does not fit.
    pub(super) ask: fn(&Attack) -> Option<String>,
    /// The lines of the answer, computed from the rows that are seen.
    pub(super) expect: fn(&Attack, &[Row]) -> Vec<String>,
    /// Whether a failing row that is seen makes the question fail.
    pub(super) fails: bool,
}

fn filtered(attack: &Attack, condition: &str) -> Option<String> {
    let condition =
        condition.replace("FIELD", attack.name).replace("MIDDLE", &attack.middle_in_question());
    Some(format!(r#"{{"table":"items","fields":["id"],"filter":{condition}}}"#))
}

/// A question of which `BINS` are those of what is calculated, where that is a whole number.
fn binned(attack: &Attack, members: &str) -> Option<String> {
    let bins = format!(r#"{{"field":"{}","bin":{{"width":50}}}}"#, attack.name);
    let members = members.replace("BINS", &bins).replace("FIELD", attack.name);
    matches!(attack.middle, Middle::Whole(_)).then(|| format!("{{{members}}}"))
}

/// The lower bounds of the bins that values lie in.
fn bounds(attack: &Attack, seen: &[Row]) -> Vec<(i64, Option<Value>)> {
    let bound = |value| match value {
        Value::Whole(n) => Value::Whole(n.div_euclid(50) * 50),
        other => other,
    };
    valued(attack, seen).into_iter().map(|(id, value)| (id, value.map(bound))).collect()
}

fn ids(attack: &Attack, seen: &[Row], keep: impl Fn(&Row, Option<Value>) -> bool) -> Vec<String> {
    let kept = seen.iter().filter(|row| keep(row, (attack.value)(row)));
    kept.map(|row| row.id.to_string()).collect()
}

fn below(attack: &Attack, seen: &[Row]) -> Vec<String> {
    ids(attack, seen, |_, value| value.is_some_and(|v| v < attack.middle()))
}

fn at_least(attack: &Attack, seen: &[Row]) -> Vec<String> {
    ids(attack, seen, |_, value| value.is_some_and(|v| v >= attack.middle()))
}

fn shown(value: &Option<Value>) -> String {
    value.as_ref().map(Value::to_string).unwrap_or_default()
}

/// How often each value comes, missing ones last.
fn groups(values: impl Iterator<Item = Option<Value>>) -> Vec<String> {
    let mut counts: BTreeMap<(bool, Option<Value>), usize> = BTreeMap::new();
    for value in values {
        *counts.entry((value.is_none(), value)).or_default() += 1;
    }
    counts.iter().map(|((_, value), count)| format!("{},{count}", shown(value))).collect()
}

/// The ids with the greatest values, missing ones last, smaller ids first among equals.
fn greatest(mut rows: Vec<(i64, Option<Value>)>, count: usize) -> Vec<String> {
    rows.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
    rows.iter().take(count).map(|(id, _)| id.to_string()).collect()
}

fn valued(attack: &Attack, seen: &[Row]) -> Vec<(i64, Option<Value>)> {
    seen.iter().map(|row| (row.id, (attack.value)(row))).collect()
}

fn aggregates(attack: &Attack, seen: &[Row]) -> Vec<String> {
    let values: Vec<Value> = seen.iter().filter_map(attack.value).collect();
    let mut different = values.clone();
    different.sort();
    different.dedup();
    let sum = values.iter().map(|value| match value {
        Value::Whole(n) | Value::Decimal(n) => *n,
        Value::Text(_) => 0,
    });
    let sum = match values.first() {
        None => String::new(),
        Some(Value::Decimal(_)) => Value::Decimal(sum.sum()).to_string(),
        Some(_) => Value::Whole(sum.sum()).to_string(),
    };
    let (least, most) = (values.iter().min().cloned(), values.iter().max().cloned());
    let mut line =
        format!("{},{},{},{}", values.len(), different.len(), shown(&least), shown(&most));
    if attack.is_number() {
        line = format!("{line},{sum}");
    }
    vec![line]
}

fn count(ids: Vec<String>) -> Vec<String> {
    vec![ids.len().to_string()]
}

pub(super) const POSITIONS: [Position; 23] = [
    Position {
        name: "filter",
        ask: |a| filtered(a, r#"{"field":"FIELD","op":"<","value":MIDDLE}"#),
        expect: below,
        fails: true,
    },
    Position {
        name: "not",
        ask: |a| filtered(a, r#"{"not":{"field":"FIELD","op":"<","value":MIDDLE}}"#),
        expect: at_least,
        fails: true,
    },
    Position {
        name: "or",
        ask: |a| {
            let low = r#"{"field":"FIELD","op":"<","value":MIDDLE}"#;
            filtered(a, &format!(r#"{{"or":[{{"field":"id","op":"<","value":0}},{low}]}}"#))
        },
        expect: below,
        fails: true,
    },
    Position {
        name: "and, beside conditions that cannot fail",
        ask: |a| {
            let high = r#"{"field":"FIELD","op":">=","value":MIDDLE}"#;
            let total =
                r#"{"field":"id","op":">=","value":100},{"field":"tenant","op":"!=","value":"c"}"#;
            filtered(a, &format!(r#"{{"and":[{total},{high}]}}"#))
        },
        expect: |a, seen| {
            ids(a, seen, |row, value| row.id >= 100 && value.is_some_and(|v| v >= a.middle()))
        },
        fails: true,
    },
    Position {
        name: "not equal",
        ask: |a| filtered(a, r#"{"field":"FIELD","op":"!=","value":MIDDLE}"#),
        expect: |a, seen| ids(a, seen, |_, value| value.is_none_or(|v| v != a.middle())),
        fails: true,
    },
    Position {
        name: "in",
        ask: |a| filtered(a, r#"{"field":"FIELD","values":[MIDDLE]}"#),
        expect: |a, seen| ids(a, seen, |_, value| value.is_some_and(|v| v == a.middle())),
        fails: true,
    },
    Position {
        name: "is not null",
        ask: |a| filtered(a, r#"{"field":"FIELD","op":"not_null"}"#),
        expect: |a, seen| ids(a, seen, |_, value| value.is_some()),
        fails: true,
    },
    Position {
        name: "filter with a limit",
        ask: |a| {
            let filtered = filtered(a, r#"{"field":"FIELD","op":">=","value":MIDDLE}"#)?;
            Some(filtered.replacen('{', r#"{"limit":3,"#, 1))
        },
        expect: |a, seen| at_least(a, seen).into_iter().take(3).collect(),
        fails: true,
    },
    Position {
        name: "segment",
        ask: |a| {
            let segment = format!(r#""segments":["low_{}"]"#, a.name);
            Some(format!(r#"{{"table":"items","fields":["id"],{segment}}}"#))
        },
        expect: below,
        fails: true,
    },
    Position {
        name: "segment in a condition",
        ask: |a| {
            let not = format!(r#"{{"not":{{"segment":"low_{}"}}}}"#, a.name);
            filtered(a, &not)
        },
        expect: at_least,
        fails: true,
    },
    Position {
        name: "metric with a filter",
        ask: |a| Some(format!(r#"{{"metrics":["many_{}"]}}"#, a.name)),
        expect: |a, seen| count(below(a, seen)),
        fails: true,
    },
    Position {
        name: "measure with a filter",
        ask: |a| Some(format!(r#"{{"table":"items","measures":["few_{}"]}}"#, a.name)),
        expect: |a, seen| count(below(a, seen)),
        fails: true,
    },
    Position {
        name: "group by",
        ask: |a| {
            let groups = format!(r#""group_by":["{}"],"aggregations":["count"]"#, a.name);
            Some(format!(r#"{{"table":"items",{groups}}}"#))
        },
        expect: |a, seen| groups(seen.iter().map(a.value)),
        fails: true,
    },
    Position {
        name: "bins of a question",
        ask: |a| binned(a, r#""table":"items","group_by":[BINS],"aggregations":["count"]"#),
        expect: |a, seen| groups(bounds(a, seen).into_iter().map(|(_, bound)| bound)),
        fails: true,
    },
    Position {
        name: "bins of a list",
        ask: |a| binned(a, r#""table":"items","fields":["id",BINS]"#),
        expect: |a, seen| {
            bounds(a, seen).iter().map(|(id, bound)| format!("{id},{}", shown(bound))).collect()
        },
        fails: true,
    },
    Position {
        name: "bins of an answer",
        ask: |a| {
            let having = r#""having":{"field":"FIELD","op":"<","value":MIDDLE}"#;
            let having = having.replace("MIDDLE", &a.middle_in_question());
            let of = r#""from":{"table":"items","fields":["id","FIELD"]},"group_by":[BINS]"#;
            binned(a, &format!(r#"{of},"aggregations":["count"],{having}"#))
        },
        expect: |a, seen| {
            let bounds = bounds(a, seen).into_iter().map(|(_, bound)| bound);
            groups(bounds.filter(|bound| bound.as_ref().is_some_and(|b| *b < a.middle())))
        },
        fails: true,
    },
    Position {
        name: "order by",
        ask: |a| {
            let order = format!(r#""order_by":[{{"field":"{}","order":"desc"}}]"#, a.name);
            Some(format!(r#"{{"table":"items","fields":["id"],{order},"limit":7}}"#))
        },
        expect: |a, seen| greatest(valued(a, seen), 7),
        fails: true,
    },
    Position {
        name: "fields",
        ask: |a| Some(format!(r#"{{"table":"items","fields":["id","{}"]}}"#, a.name)),
        expect: |a, seen| {
            valued(a, seen).iter().map(|(id, value)| format!("{id},{}", shown(value))).collect()
        },
        fails: true,
    },
    Position {
        name: "aggregations",
        ask: |a| {
            let of =
                |function: &str| format!(r#"{{"function":"{function}","field":"{}"}}"#, a.name);
            let mut all: Vec<String> = ["count", "count_distinct", "min", "max"].map(of).into();
            if a.is_number() {
                all.push(of("sum"));
            }
            Some(format!(r#"{{"table":"items","aggregations":[{}]}}"#, all.join(",")))
        },
        expect: aggregates,
        fails: true,
    },
    Position {
        name: "filter over a relationship",
        ask: |a| {
            let condition = r#"{"field":"item.FIELD","op":"<","value":MIDDLE}"#;
            Some(filtered(a, condition)?.replace(r#""items""#, r#""notes""#))
        },
        expect: |a, seen| {
            let notes = notes_with(seen, a.value).into_iter();
            let kept = notes.filter(|(_, v)| v.as_ref().is_some_and(|v| *v < a.middle()));
            kept.map(|(id, _)| id.to_string()).collect()
        },
        fails: false,
    },
    Position {
        name: "group by over a relationship",
        ask: |a| {
            let groups = format!(r#""group_by":["item.{}"],"aggregations":["count"]"#, a.name);
            Some(format!(r#"{{"table":"notes",{groups}}}"#))
        },
        expect: |a, seen| groups(notes_with(seen, a.value).into_iter().map(|(_, value)| value)),
        fails: false,
    },
    Position {
        name: "order by over a relationship",
        ask: |a| {
            let order = format!(r#""order_by":[{{"field":"item.{}","order":"desc"}}]"#, a.name);
            Some(format!(r#"{{"table":"notes","fields":["id"],{order},"limit":7}}"#))
        },
        expect: |a, seen| greatest(notes_with(seen, a.value), 7),
        fails: false,
    },
    Position {
        name: "is not null over a relationship",
        ask: |a| {
            let condition = r#"{"field":"item.FIELD","op":"not_null"}"#;
            Some(filtered(a, condition)?.replace(r#""items""#, r#""notes""#))
        },
        expect: |a, seen| {
            let notes = notes_with(seen, a.value).into_iter();
            notes.filter(|(_, v)| v.is_some()).map(|(id, _)| id.to_string()).collect()
        },
        fails: false,
    },
];
