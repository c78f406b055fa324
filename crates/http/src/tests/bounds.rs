//! Limits of the form of a request (docs/limits.md): each is met, and then passed by one.

use axum::Router;
use serde_json::{Value, json};

use super::{ID, Told, app, get, post, question};

async fn ask(app: &Router, path: &str, body: String) -> Told {
    let mut ask = post(body).bearing("ana");
    *ask.0.uri_mut() = path.parse().unwrap();
    ask.of(app).await
}

/// `at` is answered; `over`, which is one more, is refused.
async fn held(path: &str, at: String, over: String, (status, code): (u16, &str)) {
    let app = app().await;
    let told = ask(&app, path, at).await;
    assert_eq!(told.status, 200, "{code}: {}", told.text());
    let told = ask(&app, path, over).await;
    let (found, _, first) = told.refusal();
    assert_eq!((found, first.as_str()), (status, code), "{}", told.text());
}

const QUERY: &str = "/api/agent/query";

async fn question_held(make: impl Fn(usize) -> Value, most: usize, code: &str) {
    held(QUERY, make(most).to_string(), make(most + 1).to_string(), (400, code)).await;
}

#[tokio::test]
async fn a_body_has_at_most_1_mib() {
    let mut at = question("revenue_by_category");
    at.push_str(&" ".repeat((1 << 20) - at.len()));
    let over = format!("{at} ");
    held(QUERY, at, over, (413, "H0105")).await;
}

#[tokio::test]
async fn an_address_has_at_most_4_kib() {
    let app = app().await;
    let of = |start: &str, length: usize| format!("{start}{}", "x".repeat(length - start.len()));
    for (start, found) in [("/api/agent/search?q=", 200), ("/api/agent/tables/", 404)] {
        let told = get(&of(start, 4 << 10)).bearing("ana").of(&app).await;
        assert_eq!(told.status, found, "{start}");
        let told = get(&of(start, (4 << 10) + 1)).bearing("ana").of(&app).await;
        told.refused(414, "InvalidRequest", "H0111");
    }
}

#[tokio::test]
async fn a_head_has_at_most_64_kib() {
    let app = app().await;
    let of = |lines: usize, length: usize| {
        let mut rest = format!("GET /health HTTP/1.1\r\nx-request-id: {ID}\r\n\r\n").len();
        let mut ask = get("/health");
        for _ in 1..lines {
            rest += "x-more: x\r\n".len();
            ask.0.headers_mut().append("x-more", "x".parse().unwrap());
        }
        ask.with("x-much", &"x".repeat(length - rest - "x-much: \r\n".len()))
    };
    for lines in [1, 90] {
        assert_eq!(of(lines, 64 << 10).of(&app).await.status, 200, "{lines}");
        of(lines, (64 << 10) + 1).of(&app).await.refused(431, "InvalidRequest", "H0112");
    }
}

#[tokio::test]
async fn json_has_at_most_32_levels() {
    let make = |levels: usize| {
        // The question itself and its innermost condition are one each.
        let innermost = json!({ "field": "id", "op": "<", "value": 3 });
        let filter = (2..levels).fold(innermost, |inner, _| json!({ "not": inner }));
        json!({ "table": "orders", "fields": ["id"], "filter": filter })
    };
    question_held(make, 32, "D0000").await;
}

#[tokio::test]
async fn json_has_at_most_10_000_values() {
    let make = |values: usize| {
        // The question, its table, its list of fields and the one in it, the limit, the filter and
        // the list of its conditions; of each of these itself, its field, its operation and its list.
        let mut left = values - 7;
        let mut all = Vec::new();
        while left > 0 {
            let count = (left - 4).min(1_000);
            let list: Vec<usize> = (0..count).collect();
            all.push(json!({ "field": "id", "op": "in", "values": list }));
            left -= 4 + count;
        }
        json!({ "table": "orders", "fields": ["id"], "limit": 1, "filter": { "and": all } })
    };
    question_held(make, 10_000, "D0000").await;
}

#[tokio::test]
async fn a_question_has_at_most_1_000_conditions() {
    let make = |conditions: usize| {
        // What holds them all is one.
        let condition = |number: usize| json!({ "field": "id", "op": ">", "value": number });
        let all: Vec<Value> = (1..conditions).map(condition).collect();
        json!({ "table": "orders", "fields": ["id"], "filter": { "and": all } })
    };
    question_held(make, 1_000, "Q0131").await;
}

#[tokio::test]
async fn an_answer_has_at_most_256_columns() {
    let make = |columns: usize| {
        let metric = |number: usize| json!({ "name": "revenue", "as": format!("r{number}") });
        let all: Vec<Value> = (0..columns).map(metric).collect();
        json!({ "metrics": all })
    };
    question_held(make, 256, "Q0119").await;
}

#[tokio::test]
async fn a_question_has_at_most_16_totals() {
    // Any of five columns, and none: more sets than are allowed.
    const COLUMNS: [&str; 5] = ["id", "quantity", "created_at", "customer.state", "customer.id"];
    let make = |levels: usize| {
        let sets = (0..levels).map(|bits| {
            let within = |column: &usize| bits >> column & 1 == 1;
            (0..COLUMNS.len()).filter(within).map(|column| COLUMNS[column]).collect::<Vec<_>>()
        });
        json!({ "metrics": ["revenue"], "group_by": COLUMNS, "totals": sets.collect::<Vec<_>>() })
    };
    question_held(make, 16, "Q0155").await;
}

#[tokio::test]
async fn at_most_4_questions_stand_in_each_other() {
    let make = |questions: usize| {
        let innermost = json!({ "table": "orders", "fields": ["id"] });
        (1..questions).fold(innermost, |inner, _| json!({ "from": inner, "fields": ["id"] }))
    };
    question_held(make, 4, "Q0156").await;
}

#[tokio::test]
async fn a_question_calculates_at_most_64_values() {
    let make = |values: usize| {
        let of = |number: usize| (format!("c{number}"), json!("id + 1"));
        let calculated: serde_json::Map<String, Value> = (0..values).map(of).collect();
        // All are named up to the most; a further one is refused whether it is used or not.
        let fields: Vec<String> = calculated.keys().take(64).cloned().collect();
        json!({ "table": "orders", "calculated": calculated, "fields": fields })
    };
    question_held(make, 64, "Q0162").await;
}

#[tokio::test]
async fn a_batch_has_at_most_50_questions() {
    let make = |questions: usize| {
        let one: Value = serde_json::from_str(&question("revenue_by_category")).unwrap();
        json!({ "queries": vec![one; questions] }).to_string()
    };
    held("/api/agent/batch", make(50), make(51), (400, "H0207")).await;
}

#[tokio::test]
async fn a_page_has_at_least_one_row() {
    let body = question("revenue_by_category");
    let app = app().await;
    assert_eq!(ask(&app, "/api/agent/query?page_size=1", body.clone()).await.status, 200);
    ask(&app, "/api/agent/query?page_size=0", body).await.refused(400, "InvalidRequest", "H0106");
}
