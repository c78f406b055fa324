//! Questions that are made, and then answered: columns and rows, as another database has them.

use serde_json::Value;

use super::Shop;

/// Whether two values are the same; doubles may differ in their last digits.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}

fn cases() -> Vec<Value> {
    let path = sandbar_testkit::fixture("contract/answers.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is wrong with an answer.
fn differs(case: &Value, told: &super::Told) -> Option<String> {
    let name = case["name"].as_str().unwrap();
    if told.status != 202 || told.at("/status") != "completed" {
        return Some(format!("{name}: {} {}", told.status, told.body));
    }
    let of = |column: &Value| {
        ["name", "base_type", "display_name"].iter().map(|key| column[key].clone()).collect()
    };
    let cols = told.at("/data/cols");
    let cols: Value = cols.as_array().unwrap().iter().map(of).collect::<Vec<Value>>().into();
    let rows = told.at("/data/rows");
    let count = told.at("/row_count");
    if cols != case["cols"] {
        return Some(format!("{name}: columns {cols}"));
    }
    if count != rows.as_array().unwrap().len() || !same(&rows, &case["rows"]) {
        return Some(format!("{name}: {count} rows {rows}"));
    }
    None
}

#[tokio::test]
async fn questions_are_made_and_then_answered() {
    let shop = Shop::open().await;
    let cases = cases();
    assert!(cases.len() >= 150, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let who = case["who"].as_str().unwrap();
        let told = shop.made(who, case["body"].clone()).await;
        wrong.extend(differs(case, &told));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test]
async fn questions_are_made_and_answered_in_one_step() {
    let shop = Shop::open().await;
    let mut wrong = Vec::new();
    // Each tenth: the rest is the same as in two steps.
    for case in cases().iter().step_by(10) {
        let who = case["who"].as_str().unwrap();
        let told = shop.post(who, "/v1/query", case["body"].clone()).await;
        wrong.extend(differs(case, &told));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
