//! The document of the routes: it is the one that is committed, it holds together, and answers are
//! what it says.

use std::collections::HashSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{app, get, post, question};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/openapi.json");

#[test]
fn the_committed_document_is_that_of_the_routes() {
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    let made = serde_json::to_string_pretty(&crate::openapi()).unwrap() + "\n";
    assert!(committed == made, "cargo run -p sandbar-http --example openapi");
}

#[test]
fn every_route_has_its_operation_and_every_reference_leads_somewhere() {
    let document = crate::openapi();
    let mut ids = HashSet::new();
    for route in crate::routes() {
        let method = route.method.to_ascii_lowercase();
        let operation = &document["paths"][&route.path][method];
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{route:?}"));
        assert!(ids.insert(id.to_owned()), "{id}");
        // Nobody but these is let in without a credential.
        let public = [
            "/health",
            "/ready",
            "/openapi.json",
            "/explorer",
            "/explorer/{file}",
            "/auth/sso",
            "/auth/sso/to_session",
        ];
        let open = operation.get("security").is_some();
        assert_eq!(open, public.contains(&route.path.as_str()), "{route:?}");
    }
    let paths = document["paths"].as_object().unwrap();
    let told: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(told, ids.len());
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

/// What an answer has to be, with no member that is not told.
fn validator(document: &Value, path: &str, method: &str, status: u16) -> Validator {
    let mut schemas = document["components"]["schemas"].clone();
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = json!(false);
        }
    }
    let answer = &document["paths"][path][method]["responses"][status.to_string()];
    let mut schema = answer["content"]["application/json"]["schema"].clone();
    schema["components"] = json!({ "schemas": schemas });
    jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let (app, document) = (app().await, crate::openapi());
    let told = get("/openapi.json").of(&app).await;
    assert_eq!((told.status.as_u16(), told.json() == document), (200, true));
    let native: Value = serde_json::from_str(&question("revenue_by_category")).unwrap();
    let theirs = json!({ "table_id": 2, "limit": 3 });
    let switches = "with-field-values=true&with-segments=true";
    let table = format!("/v1/table/products?{switches}&with-measures=true");
    let metric = format!("/v1/metric/average_rating?{switches}");
    let values = "/v1/metric/average_rating/field/product.category/values";
    // Below /api/agent: the path of the document, the address, and what is sent.
    let asks: Vec<(&str, &str, Option<Value>)> = vec![
        ("/tables", "/tables", None),
        ("/tables/{id}", "/tables/products", None),
        ("/tables/{id}/fields", "/tables/products/fields", None),
        (
            "/tables/{id}/fields/{field}/values",
            "/tables/products/fields/category/values?limit=2",
            None,
        ),
        ("/metrics", "/metrics", None),
        ("/metrics/{id}", "/metrics/average_rating", None),
        ("/search", "/search?q=orders", None),
        ("/query", "/query", Some(native.clone())),
        ("/query", "/query?page_size=2", Some(native.clone())),
        ("/query", "/query", Some(theirs.clone())),
        ("/batch", "/batch", Some(json!({ "queries": [native, 7] }))),
        ("/explain", "/explain", Some(native)),
        ("/v1/ping", "/v1/ping", None),
        ("/v1/table/{id}", &table, None),
        ("/v1/table/{id}/field/{field}/values", "/v1/table/products/field/category/values", None),
        ("/v1/metric/{id}", &metric, None),
        ("/v1/metric/{id}/field/{field}/values", values, None),
        ("/v1/database", "/v1/database", None),
        ("/v1/database/{id}", "/v1/database/1", None),
        ("/v1/search", "/v1/search", Some(json!({ "term_queries": ["product"] }))),
        ("/v1/construct-query", "/v1/construct-query", Some(theirs.clone())),
        ("/v1/query", "/v1/query", Some(theirs)),
    ];
    let mut checked = 0;
    for (path, address, body) in asks {
        let (path, address) = (format!("/api/agent{path}"), format!("/api/agent{address}"));
        // The second sees some of it only: what he is refused has its form as well.
        for name in ["ana", "vic"] {
            let (method, ask) = match &body {
                None => ("get", get(&address)),
                Some(body) => {
                    let mut ask = post(body.to_string());
                    *ask.0.uri_mut() = address.parse().unwrap();
                    ("post", ask)
                }
            };
            let told = ask.bearing(name).of(&app).await;
            let status = told.status.as_u16();
            if !matches!(status, 200 | 202) {
                assert!(name == "vic" && matches!(status, 403 | 404), "{path}: {}", told.text());
                continue;
            }
            let valid = validator(&document, &path, method, status);
            let answer = told.json();
            let wrong = valid.iter_errors(&answer);
            let wrong: Vec<String> =
                wrong.map(|error| format!("{error} at {}", error.instance_path())).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{path}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    let refused = get("/api/agent/tables/nothing").bearing("ana").of(&app).await;
    let schema =
        json!({ "$ref": "#/components/schemas/Refusal", "components": document["components"] });
    assert!(jsonschema::draft202012::new(&schema).unwrap().is_valid(&refused.json()));
}

#[test]
fn the_schema_of_questions_lets_none_pass_that_has_no_meaning() {
    let document = crate::openapi();
    let name = "#/components/schemas/SemanticQuery";
    let schema = json!({ "$ref": name, "components": document["components"] });
    let questions = jsonschema::draft202012::new(&schema).unwrap();
    let filter = |filter: Value| json!({ "table": "orders", "filter": filter });
    let offset = |offset: Value| json!({ "metrics": [{ "name": "m", "offset": offset }] });
    let function = |name: &str| json!({ "aggregations": [{ "function": name, "field": "total" }] });
    for (question, means) in [
        (json!({ "table": "orders", "limit": 1 }), true),
        (json!({ "table": "orders", "limit": null }), true),
        (json!({ "table": "orders", "limit": 0 }), false),
        (filter(json!(null)), true),
        (filter(json!({ "segment": "paid" })), true),
        (filter(json!({ "field": "total", "op": "is_null", "value": null })), true),
        (filter(json!({ "field": "total", "value": 1, "segment": null })), true),
        (filter(json!({ "not": { "or": [{ "exists": "lines" }] } })), true),
        (filter(json!({})), false),
        (filter(json!({ "field": null })), false),
        (filter(json!({ "field": "total", "value": 1, "segment": "paid" })), false),
        (filter(json!({ "and": [{}] })), false),
        (filter(json!({ "field": "total", "values": [1, 2.5, "a", true] })), true),
        (filter(json!({ "field": "total", "values": [1, null] })), false),
        (filter(json!({ "field": "day", "op": "last", "count": 1, "unit": "day" })), true),
        (filter(json!({ "field": "day", "op": "last", "count": 0, "unit": "day" })), false),
        (offset(json!({ "unit": "month", "to": null })), true),
        (offset(json!({ "to": "month" })), true),
        (offset(json!({})), false),
        (offset(json!({ "unit": "month", "to": "year" })), false),
        (offset(json!({ "unit": "month", "count": 0 })), false),
        (function("percentile_disc"), true),
        (function("count_distinct"), true),
        (function("summ"), false),
    ] {
        assert_eq!(questions.is_valid(&question), means, "{question}");
    }
}
