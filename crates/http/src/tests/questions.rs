//! Questions of the shop's people.

use serde_json::json;

use super::{app, get, post, question, shop, token};

#[tokio::test]
async fn everybody_gets_his_own_answer() {
    let app = app().await;
    for (name, scoped) in [("ana", "false"), ("wei", "true"), ("vic", ""), ("nia", "")] {
        let golden = sandbar_testkit::fixture(&format!("golden/revenue_by_category.{name}.csv"));
        let golden = std::fs::read_to_string(golden).unwrap();
        let ask = post(question("revenue_by_category")).bearing(name).with("accept", "text/csv");
        let told = ask.of(&app).await;
        match golden.strip_prefix("error: ") {
            Some(kind) => assert_eq!(told.refusal().1, kind.trim_end(), "{name}"),
            None => assert_eq!((told.text(), told.status.as_u16()), (golden.as_str(), 200)),
        }
        assert_eq!(told.header("x-sandbar-scoped"), scoped, "{name}");
    }
}

#[tokio::test]
async fn refusals_have_their_status_and_place() {
    let app = app().await;
    let revenue = question("revenue_by_category");
    let told = post(revenue.clone()).bearing("vic").of(&app).await;
    told.refused(404, "NotFound", "Q0101");
    assert_eq!(told.json()["problems"][0]["path"], "metrics[0]");
    let told = post(revenue).bearing("nia").of(&app).await;
    told.refused(403, "Denied", "Q0104");
    assert!(told.text().contains("`states`"), "{}", told.text());
    let told = post(r#"{"metrics":["revenue"],"filtr":{}}"#).bearing("ana").of(&app).await;
    told.refused(400, "InvalidQuery", "D0002");
    assert_eq!(told.json()["problems"][0]["path"], "filtr");
    for body in ["", "{", "[]", "null", "7", r#"{"metrics":7}"#, r#"{"metrics":[],"metrics":[]}"#] {
        let told = post(body).bearing("ana").of(&app).await;
        assert_eq!((told.refusal().0, told.refusal().1.as_str()), (400, "InvalidQuery"), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let told = post(deep).bearing("ana").of(&app).await;
    told.refused(400, "InvalidQuery", "D0000");
}

#[tokio::test]
async fn a_limit_is_told_before_the_first_row() {
    use sandbar::{Limits, Overflow};
    let limits = Limits::default().with_rows(3).with_overflow(Overflow::Fail);
    let app = crate::router(shop().limits(limits).build().await.unwrap());
    for format in ["application/json", "text/csv", "application/x-ndjson"] {
        let ask = post(question("revenue_by_category")).bearing("ana").with("accept", format);
        ask.of(&app).await.refused(422, "LimitExceeded", "E0301");
    }
}

#[tokio::test]
async fn json_says_what_the_columns_are() {
    let told = post(question("revenue_by_category")).bearing("wei").of(&app().await).await;
    let mut body = told.json();
    let label = body["columns"][1]["label"].take();
    assert_eq!(label, "Revenue");
    assert_eq!(body["columns"][0]["name"], "product.category");
    assert_eq!(body["columns"][0]["semantic"], "category");
    assert_eq!(body["columns"][1]["unit"], "USD");
    assert_eq!(body["rows"][0], json!(["Doohickey", "18371.80"]));
    assert_eq!(body["rows"][4], json!([null, "432.83"]));
    assert_eq!((body["row_count"].clone(), body["scoped"].clone()), (json!(5), json!(true)));
    assert_eq!((body["snapshot"].clone(), body["truncated"].clone()), (json!(1), json!(false)));
    assert_eq!((body["ordered"].clone(), body["warnings"].clone()), (json!(true), json!([])));
}

#[tokio::test]
async fn the_values_of_a_field_are_those_of_the_rows_one_sees() {
    let app = app().await;
    let path = "/api/agent/tables/products/fields/vendor/values";
    let values = async |name: &str, path: &str| get(path).bearing(name).of(&app).await;
    let vic = values("vic", path).await.json();
    assert_eq!((&vic["values"], &vic["scoped"]), (&json!(["Wick and Whistle"]), &json!(true)));
    assert_eq!(vic["column"]["name"], "vendor");
    let ana = values("ana", &format!("{path}?limit=3")).await.json();
    assert_eq!((ana["values"].as_array().unwrap().len(), &ana["scoped"]), (3, &json!(false)));
    let all = values("ana", path).await.json();
    assert!(all["values"].as_array().unwrap().len() > 3);
    values("vic", "/api/agent/tables/people/fields/email/values")
        .await
        .refused(404, "NotFound", "Q0102");
    values("nia", path).await.refused(403, "Denied", "Q0104");
    for wrong in ["limit=x", "limit=-1", "limit=", "limit=1&limit=2", "top=3"] {
        let told = values("ana", &format!("{path}?{wrong}")).await;
        told.refused(400, "InvalidRequest", "H0106");
        assert!(told.text().contains(wrong.split('=').next().unwrap()), "{}", told.text());
    }
}

#[tokio::test]
async fn l28_a_token_counts_only_in_its_header() {
    let app = app().await;
    let path = format!("/api/agent/tables?access_token={}", token("ana"));
    get(&path).of(&app).await.refused(401, "Unauthenticated", "E0101");
    get(&path).bearing("vic").of(&app).await.refused(400, "InvalidRequest", "H0106");
    let told = get("/api/agent/tables").bearing("vic").with("x-user", "ana@shop.test");
    assert!(!told.of(&app).await.text().contains("people"));
}
