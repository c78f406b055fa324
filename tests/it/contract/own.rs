//! The paths of our own: questions in either language, in pages, many at a time, explained.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request};
use sandbar::{Action, Decision};
use serde_json::{Value, json};

use super::{Shop, Told, minted};

const REVENUE: f64 = 4_098_935.08;

async fn accepting(shop: &Shop, accept: &str, path: &str, body: &Value) -> Told {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/agent{path}"))
        .header("authorization", format!("Bearer {}", minted("ana", None)))
        .header("content-type", "application/json")
        .header("accept", accept);
    shop.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_question_is_one_in_either_language() {
    let shop = Shop::open().await;
    let native = shop.post("ana", "/query", json!({ "metrics": ["revenue"] })).await;
    assert_eq!((native.status, native.at("/rows")), (200, json!([["4098935.08"]])));
    let theirs = shop.post("ana", "/query", json!({ "metric_id": 101 })).await;
    assert_eq!((theirs.status, theirs.at("/status")), (200, json!("completed")), "{theirs:?}");
    assert_eq!(theirs.at("/data/rows"), json!([[REVENUE]]));
}

#[tokio::test]
async fn status_codes_say_what_came_of_it() {
    let shop = Shop::open().await;
    for (who, body, status, error, code) in [
        ("ana", json!({ "table_id": 0 }), 400, "InvalidQuery", "D0005"),
        ("ana", json!({ "table_id": 3, "metric_id": 101 }), 400, "InvalidQuery", "H0201"),
        (
            "ana",
            json!({ "table_id": 3, "fields": [{ "field_id": "x" }] }),
            400,
            "InvalidQuery",
            "H0203",
        ),
        ("ana", json!({ "table_id": 999_999 }), 404, "NotFound", "Q0102"),
        ("vic", json!({ "table_id": 1 }), 404, "NotFound", "Q0102"),
        ("vic", json!({ "metric_id": 101 }), 404, "NotFound", "Q0101"),
        ("nia", json!({ "metric_id": 101 }), 403, "Denied", "Q0104"),
        ("ana", json!({ "table": "nothing" }), 404, "NotFound", "Q0102"),
        ("ana", json!({ "continuation_token": "x" }), 400, "InvalidQuery", "H0205"),
    ] {
        let told = shop.post(who, "/query", body.clone()).await;
        assert_eq!(
            (told.status, told.at("/error"), told.at("/code")),
            (status, json!(error), json!(code)),
            "{body}: {told:?}"
        );
        assert!(told.at("/message").as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(told.header("content-type"), "application/json");
    }
    let limits = sandbar::Limits::default().with_joined_rows(10);
    let small = Shop::of(super::shop().limits(limits).build().await.unwrap()).await;
    let body = json!({ "table_id": 3, "fields": [{ "field_id": "orders:product.title" }] });
    let told = small.post("ana", "/query", body).await;
    assert_eq!((told.status, told.at("/code")), (422, json!("E0309")), "{told:?}");
}

/// Follows the tokens of an answer: how many rows each page has.
async fn pages(shop: &Shop, first: Told, rows: &str) -> Vec<usize> {
    let (mut told, mut sizes) = (first, Vec::new());
    loop {
        assert_eq!(told.status, 200, "{told:?}");
        sizes.push(told.at(rows).as_array().unwrap().len());
        let token = told.at("/continuation_token");
        if token.is_null() {
            return sizes;
        }
        told = shop.post("ana", "/query", json!({ "continuation_token": token })).await;
    }
}

#[tokio::test]
async fn a_limit_is_a_total_and_pages_have_a_size() {
    let shop = Shop::open().await;
    let native = json!({ "table": "products", "fields": ["id"], "limit": 25 });
    let first = shop.post("ana", "/query?page_size=10", native.clone()).await;
    assert_eq!(pages(&shop, first, "/rows").await, [10, 10, 5]);
    let theirs = json!({ "table_id": 2, "fields": [{ "field_id": "products:id" }], "limit": 20 });
    let first = shop.post("ana", "/query?page_size=10", theirs.clone()).await;
    assert_eq!(pages(&shop, first, "/data/rows").await, [10, 10]);
    // Without a size an answer has one page of as many rows as fit.
    assert_eq!(pages(&shop, shop.post("ana", "/query", theirs).await, "/data/rows").await, [20]);
    let all = json!({ "table_id": 1, "fields": [{ "field_id": "people:id" }], "limit": 450 });
    let first = shop.post("ana", "/query", all).await;
    assert_eq!(pages(&shop, first, "/data/rows").await, [200, 200, 50]);
    for wrong in ["0", "-1", "x"] {
        let path = format!("/query?page_size={wrong}");
        assert_eq!(shop.post("ana", &path, native.clone()).await.status, 400);
    }
    // Pages of other forms say where they go on in a header.
    let told = accepting(&shop, "text/csv", "/query?page_size=2", &native).await;
    assert_eq!((told.status, told.body.lines().count()), (200, 3), "{told:?}");
    let token = json!({ "continuation_token": told.header("x-sandbar-continuation") });
    let told = accepting(&shop, "text/csv", "/query", &token).await;
    assert_eq!(told.body.lines().count(), 3, "{told:?}");
    let told = accepting(&shop, "application/x-ndjson", "/query?page_size=2", &native).await;
    assert_eq!(told.status, 406);
}

/// It says how a question is answered, and not what is asked: beside a token as beside a question.
#[tokio::test]
async fn a_page_may_be_fresh() {
    let kept = Arc::<Mutex<Vec<bool>>>::default();
    let seen = Arc::clone(&kept);
    let sink = move |decision: &Decision| {
        if decision.action == Action::Query {
            seen.lock().unwrap().push(decision.kept);
        }
    };
    let engine = super::shop().keep_answers(16 << 20).decisions(sink).build().await.unwrap();
    let shop = Shop::of(engine).await;
    let native = json!({ "table": "products", "fields": ["id"] });
    let theirs = json!({ "table_id": 2, "fields": [{ "field_id": "products:id" }] });
    // Of two sizes, so that the one question does not keep the other's pages.
    for (body, size, rows) in [(native, 3, "/rows"), (theirs, 4, "/data/rows")] {
        let first = shop.post("ana", &format!("/query?page_size={size}"), body).await;
        let token = first.at("/continuation_token");
        let second: Vec<Value> = (size + 1..=2 * size).map(|id| json!([id])).collect();
        kept.lock().unwrap().clear();
        for fresh in [false, false, true] {
            let body = json!({ "continuation_token": token, "fresh": fresh });
            let told = shop.post("ana", "/query", body).await;
            assert_eq!((told.status, told.at(rows)), (200, json!(second)), "{told:?}");
        }
        assert_eq!(*kept.lock().unwrap(), [false, true, false], "{rows}");
        for wrong in [json!(null), json!(1), json!("true")] {
            let body = json!({ "continuation_token": token, "fresh": wrong });
            let told = shop.post("ana", "/query", body).await;
            assert_eq!((told.status, told.at("/code")), (400, json!("H0106")), "{told:?}");
        }
        // In v1 there is no such key.
        let body = json!({ "continuation_token": token, "fresh": true });
        let told = shop.post("ana", "/v1/query", body).await;
        assert_eq!((told.status, told.at("/problems/0/path")), (400, json!("fresh")), "{told:?}");
    }
}

/// In JSON a question in the words of v1 comes in pages, in every other form as one of ours does.
#[tokio::test]
async fn the_words_of_v1_are_answered_in_the_form_that_is_asked_for() {
    let shop = Shop::open().await;
    let ids = |first: u64, last: u64| {
        let lines: Vec<String> = (first..=last).map(|id| format!("{id}\n")).collect();
        format!("id\n{}", lines.concat())
    };
    // All 200 products and all 2,500 people: without a size of pages there is one.
    for (table, rows) in [(2, 200), (1, 2_500)] {
        let body = json!({ "table_id": table, "fields": [{ "field_id": "id" }] });
        let told = accepting(&shop, "text/csv", "/query", &body).await;
        assert_eq!((told.status, told.body == ids(1, rows)), (200, true), "{told:?}");
        assert_eq!(told.header("x-sandbar-continuation"), "");
    }
    let body = json!({ "table_id": 2, "fields": [{ "field_id": "id" }], "limit": 25 });
    let mut told = accepting(&shop, "text/csv", "/query?page_size=10", &body).await;
    for (first, last) in [(1, 10), (11, 20), (21, 25)] {
        assert_eq!((told.status, told.body.as_str()), (200, ids(first, last).as_str()), "{told:?}");
        if last < 25 {
            let token = json!({ "continuation_token": told.header("x-sandbar-continuation") });
            told = accepting(&shop, "text/csv", "/query", &token).await;
        }
    }
    assert_eq!(told.header("x-sandbar-continuation"), "");
    // The token of a page in JSON asks for the next one in whichever form.
    let first = shop.post("ana", "/query?page_size=10", body).await;
    let token = json!({ "continuation_token": first.at("/continuation_token") });
    let told = accepting(&shop, "text/csv", "/query", &token).await;
    assert_eq!((told.status, told.body.as_str()), (200, ids(11, 20).as_str()), "{told:?}");
    let told = accepting(&shop, "application/json", "/query", &token).await;
    assert_eq!((told.status, told.at("/data/rows/0")), (200, json!([11])), "{told:?}");
    assert_eq!(accepting(&shop, "application/x-ndjson", "/query", &token).await.status, 406);
}

#[tokio::test]
async fn a_batch_is_its_questions_one_by_one() {
    let shop = Shop::open().await;
    let (native, theirs) = (json!({ "metrics": ["revenue"] }), json!({ "metric_id": 101 }));
    let wrong = json!({ "metric_id": 999_999 });
    let queries = json!({ "queries": [native, theirs, wrong, native, 7] });
    let told = shop.post("ana", "/batch", queries).await;
    assert_eq!(told.status, 200);
    let statuses: Vec<Value> = (0..5).map(|n| told.at(&format!("/results/{n}/status"))).collect();
    assert_eq!(Value::from(statuses), json!([200, 200, 404, 200, 400]));
    for (place, body) in [(0, &native), (2, &wrong), (3, &native)] {
        let alone = shop.post("ana", "/query", body.clone()).await;
        assert_eq!(told.at(&format!("/results/{place}/body")), alone.json());
    }
    assert_eq!(told.at("/results/1/body/data/rows"), json!([[REVENUE]]));
    let many: Vec<Value> = vec![native.clone(); 51];
    for wrong in [json!({}), json!({ "queries": [] }), json!({ "queries": many }), json!([native])]
    {
        let told = shop.post("ana", "/batch", wrong).await;
        assert_eq!((told.status, told.at("/code")), (400, json!("H0207")), "{told:?}");
    }
    let others =
        shop.post("vic", "/batch", json!({ "queries": [theirs, { "metric_id": 104 }] })).await;
    assert_eq!(others.at("/results/0/status"), 404);
    // What vendors see of it: fixtures/shop/cases.yaml.
    assert_eq!(others.at("/results/1/body/data/rows"), json!([[3083]]));
}

#[tokio::test]
async fn a_batch_reads_its_questions_as_they_are_written() {
    let shop = Shop::open().await;
    let field = shop.id("products:id");
    let theirs = |more: &str| {
        format!(
            r#"{{"table_id":2,"aggregations":[{{"function":"count"}}],
                "filters":[{{"field_id":"{field}","operation":"equals","value":1{more}}}]}}"#
        )
    };
    let native = |more: &str| {
        format!(
            r#"{{"table":"products","aggregations":["count"],
                "filter":{{"field":"id","value":1{more}}}}}"#
        )
    };
    let twice = r#"{"table":"products","aggregations":["count"],
        "filter":{"field":"id","value":1},"filter":null}"#;
    let queries = [
        twice.to_owned(),
        native(r#","value":2"#),
        theirs(r#","value":2"#),
        native("e400"),
        native(""),
        theirs(""),
    ];
    let batch = format!(r#"{{"queries":[{}]}}"#, queries.join(","));
    let told = shop.text("ana", "/batch", &batch).await;
    assert_eq!(told.status, 200, "{told:?}");
    for (place, query) in queries.iter().enumerate() {
        let alone = shop.text("ana", "/query", query).await;
        let status = if place < 4 { 400 } else { 200 };
        assert_eq!(alone.status, status, "{query}: {alone:?}");
        assert_eq!(told.at(&format!("/results/{place}/status")), status, "{query}: {told:?}");
    }
    for place in [0, 1, 3] {
        assert_eq!(told.at(&format!("/results/{place}/body/code")), "D0000", "{told:?}");
    }
    assert_eq!(told.at("/results/2/body/problems/0/code"), "D0000", "{told:?}");
    assert_eq!(told.at("/results/4/body/rows"), json!([[1]]));
    assert_eq!(told.at("/results/5/body/data/rows"), json!([[1]]));
}

#[tokio::test]
async fn a_question_is_explained_to_who_asks() {
    let shop = Shop::open().await;
    let theirs =
        json!({ "metric_id": 105, "group_by": [{ "field_id": "order_count:product.category" }] });
    let told = shop.post("vic", "/explain", theirs).await;
    assert_eq!((told.status, told.at("/scoped")), (200, json!(true)), "{told:?}");
    assert_eq!(told.at("/columns/1/name"), "order_count");
    assert_eq!(told.at("/outline/grains/0/table"), "orders");
    assert_eq!(told.at("/outline/grains/0/joins/0/table"), "products");
    // Policies and their values are for others.
    assert!(!told.body.contains("Wick") && !told.body.contains("vendor"), "{}", told.body);
    let native = shop.post("ana", "/explain", json!({ "metrics": ["revenue"] })).await;
    assert_eq!((native.status, native.at("/scoped")), (200, json!(false)));
    let earlier = json!({
        "metrics": [{ "name": "revenue", "offset": { "count": 1, "unit": "year" } }],
        "group_by": [{ "field": "metric_time", "grain": "month" }],
    });
    let told = shop.post("ana", "/explain", earlier).await;
    let offsets = told.at("/outline/columns/1/numbers/0/offsets");
    assert_eq!(offsets, json!([{ "count": 1, "unit": "year" }]), "{told:?}");
    let hidden = shop.post("vic", "/explain", json!({ "metric_id": 101 })).await;
    let absent = shop.post("vic", "/explain", json!({ "metric_id": 901 })).await;
    assert_eq!((hidden.status, hidden.body), (404, absent.body));
}

#[tokio::test]
async fn the_answers_of_a_batch_have_room_for_one() {
    // 2,500 people with their e-mail addresses: more than a third of what an answer may have.
    let limits = sandbar::Limits::default().with_bytes(150_000);
    let small = Shop::of(super::shop().limits(limits).build().await.unwrap()).await;
    let emails = json!({ "table": "people", "fields": ["id", "email"] });
    let count = json!({ "table": "people", "aggregations": ["count"] });
    let alone = small.post("ana", "/query", emails.clone()).await;
    assert_eq!(alone.status, 200, "{alone:?}");
    assert!((75_000..150_000).contains(&alone.body.len()), "{}", alone.body.len());
    let statuses = async |queries: Value| {
        let told = small.post("ana", "/batch", json!({ "queries": queries })).await;
        assert_eq!(told.status, 200);
        let results = told.at("/results");
        let results = results.as_array().unwrap().iter();
        results
            .map(|item| match item["status"].as_u64().unwrap() {
                422 => {
                    assert_eq!(item["body"]["code"], "H0208");
                    422
                }
                status => status,
            })
            .collect::<Vec<u64>>()
    };
    assert_eq!(statuses(json!([emails, count])).await, [200, 200]);
    // Each as often as it is asked for; what is small still has room.
    assert_eq!(statuses(json!([emails, emails, count])).await, [422, 422, 200]);
    let others = json!({ "table": "people", "fields": ["email", "id"] });
    assert_eq!(statuses(json!([emails, others, count])).await, [200, 422, 200]);
}

#[tokio::test]
async fn nothing_is_handed_out_that_is_not_taken_back() {
    let shop = Shop::open().await;
    let values: Vec<String> = (0..850).map(|n| format!("{n:0>1000}")).collect();
    let theirs = json!({
        "table_id": 2,
        "filters": [{ "field_id": "products:title", "operation": "not-equals", "values": values }],
    });
    for path in ["/v1/construct-query", "/v1/query"] {
        let told = shop.post("ana", path, theirs.clone()).await;
        assert_eq!((told.status, told.header("x-sandbar-code")), (413, "H0105"), "{told:?}");
    }
    let filter = json!({ "field": "title", "op": "not_in", "values": values });
    let native = json!({ "table": "products", "fields": ["id"], "filter": filter });
    let told = shop.post("ana", "/query?page_size=5", native.clone()).await;
    assert_eq!((told.status, told.at("/code")), (413, json!("H0105")), "{told:?}");
    assert_eq!(shop.post("ana", "/query", native).await.status, 200);
    // What a client does not read as a header.
    let filter = json!({ "field": "title", "op": "not_in", "values": values[..20] });
    let native = json!({ "table": "products", "fields": ["id"], "filter": filter });
    let told = accepting(&shop, "text/csv", "/query?page_size=5", &native).await;
    assert_eq!((told.status, told.at("/code")), (406, json!("H0104")), "{told:?}");
    assert_eq!(shop.post("ana", "/query?page_size=5", native).await.status, 200);
}

#[tokio::test]
async fn lists_of_values_say_whether_there_are_more() {
    let shop = Shop::open().await;
    // Four categories of products.
    for (limit, given, truncated) in [("3", 3, true), ("4", 4, false), ("5", 4, false)] {
        let path = format!("/tables/products/fields/category/values?limit={limit}");
        let told = shop.get("ana", &path).await;
        assert_eq!(told.at("/values").as_array().unwrap().len(), given, "{told:?}");
        assert_eq!(told.at("/truncated"), json!(truncated), "{told:?}");
    }
}

#[tokio::test]
async fn fields_behind_a_relationship_have_names_too() {
    let shop = Shop::open().await;
    let by_name = shop.get("ana", "/v1/table/orders/field/customer.state/values").await;
    assert_eq!(by_name.status, 200, "{by_name:?}");
    let id = by_name.at("/field_id");
    let by_id =
        shop.get("ana", &format!("/v1/table/orders/field/{}/values", id.as_str().unwrap())).await;
    assert_eq!((by_id.status, &by_id.body), (200, &by_name.body));
    let told = shop.get("ana", "/v1/table/orders/field/customer.salary/values").await;
    assert_eq!((told.status, told.header("x-sandbar-code")), (400, "H0203"));
}
