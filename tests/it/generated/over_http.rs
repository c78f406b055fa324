//! What somebody is told over HTTP, by either language: of one question, and of what he can look at.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use sandbar::{Engine, Principal, RateLimit};
use sandbar_http::{Access, Options};
use serde_json::{Value, json};
use tower::ServiceExt;

/// Beside the numbers in double precision, and these numbers.
pub(super) type Heard = (String, Vec<Vec<String>>);

/// A door at which one person asks.
pub(super) struct HttpDoor(Router);

impl HttpDoor {
    pub(super) fn before(engine: Engine, principal: Principal) -> Self {
        let often = RateLimit::new(1_000_000, 1_000_000);
        let access = Access::default().with_requests(often);
        let router = Options::default().access(Arc::new(access)).router(engine);
        Self(router.layer(Extension(principal)))
    }

    /// The answer of a question, and how it would be answered.
    pub(super) async fn told(&self, question: &str) -> Heard {
        let mut heard = Heard::default();
        for path in ["/api/agent/query", "/api/agent/explain"] {
            self.hear(&mut heard, Method::POST, path, question.to_owned()).await;
        }
        heard
    }

    /// What can be looked at: all tables and metrics, what words name, values of fields.
    pub(super) async fn looked_at(&self, words: &[String]) -> Heard {
        let mut heard = Heard::default();
        for path in ["/tables", "/metrics", "/v1/database", "/v1/database/1"] {
            self.get(&mut heard, path).await;
        }
        for word in words {
            let word = word.replace(' ', "%20");
            self.get(&mut heard, &format!("/search?q={word}")).await;
            for kind in ["tables", "metrics"] {
                self.get(&mut heard, &format!("/{kind}/{word}")).await;
            }
            let body = json!({ "term_queries": [word] }).to_string();
            self.hear(&mut heard, Method::POST, "/api/agent/v1/search", body).await;
        }
        for table in self.list("/tables", "tables").await {
            let id = table["id"].to_string();
            let own = format!("/v1/table/{id}");
            self.get(&mut heard, &format!("{own}?with-related-tables=true&with-metrics=true"))
                .await;
            let fields = self.list(&format!("/tables/{id}/fields"), "fields").await;
            // Others in each world, by the number of its words.
            for field in fields.iter().skip(words[0].len() % 3).step_by(3) {
                let number = field["number"].to_string();
                self.get(&mut heard, &format!("{own}/field/t{id}-{number}/values")).await;
            }
            for word in words {
                let word = word.replace(' ', "%20");
                self.get(&mut heard, &format!("{own}/field/{word}/values")).await;
                self.get(&mut heard, &format!("/tables/{id}/fields/{word}/values")).await;
            }
            let body = json!({ "table_id": table["id"], "limit": 50 }).to_string();
            let (head, mut list) = self.ask(Method::POST, "/api/agent/v1/query", body).await;
            // A list may have no order, which it then says.
            if let Some(rows) = list.pointer_mut("/data/rows").and_then(Value::as_array_mut) {
                rows.sort_by_key(Value::to_string);
            }
            note(&mut heard, &format!("{own} {head}"), list);
        }
        for metric in self.list("/metrics", "metrics").await {
            self.get(
                &mut heard,
                &format!("/v1/metric/{}?with-queryable-dimensions=true", metric["id"]),
            )
            .await;
            let body = json!({ "metric_id": metric["id"] }).to_string();
            self.hear(&mut heard, Method::POST, "/api/agent/v1/query", body).await;
        }
        heard
    }

    async fn get(&self, heard: &mut Heard, path: &str) {
        self.hear(heard, Method::GET, &format!("/api/agent{path}"), String::new()).await;
    }

    /// Asks, and adds all that comes back.
    async fn hear(&self, heard: &mut Heard, method: Method, path: &str, body: String) {
        let (head, body) = self.ask(method, path, body).await;
        note(heard, &format!("{path} {head}"), body);
    }

    /// What a list holds.
    async fn list(&self, path: &str, member: &str) -> Vec<Value> {
        let path = format!("/api/agent{path}");
        let (_, body) = self.ask(Method::GET, &path, String::new()).await;
        body[member].as_array().cloned().unwrap_or_default()
    }

    /// Status and headers, and the body: a text where it is no JSON.
    async fn ask(&self, method: Method, path: &str, body: String) -> (String, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("x-request-id", "here")
            .body(Body::from(body))
            .unwrap();
        let mut response = self.0.clone().oneshot(request).await.unwrap();
        // They are digests of bodies and as long as these, doubles and all.
        for digest in ["etag", "content-length"] {
            response.headers_mut().remove(digest);
        }
        let head = format!("{} {:?}", response.status(), response.headers());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut body: Value = serde_json::from_slice(&body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
        // How long it took is another each time.
        body.as_object_mut().map(|members| members.remove("running_time"));
        // So is the order of rows that have none.
        if body.get("ordered") == Some(&Value::Bool(false))
            && let Some(rows) = body.get_mut("rows").and_then(Value::as_array_mut)
        {
            rows.sort_by_key(Value::to_string);
        }
        (head, body)
    }
}

fn note(heard: &mut Heard, head: &str, mut body: Value) {
    let numbers = doubles(&mut body);
    let _ = writeln!(heard.0, "{head} {body}");
    heard.1.push(numbers);
}

/// Takes the numbers in double precision out.
fn doubles(value: &mut Value) -> Vec<String> {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            *value = "a double".into();
            vec![text]
        }
        Value::Array(items) => items.iter_mut().flat_map(doubles).collect(),
        Value::Object(members) => members.values_mut().flat_map(doubles).collect(),
        _ => Vec::new(),
    }
}
