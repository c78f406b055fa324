//! What may be listed, and that nothing else can be told apart from nothing.

use serde_json::Value;

use super::{Told, app, get, post, question};

/// Every word that stands as a value or key in a document.
fn words(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            into.extend(parts.map(str::to_lowercase));
        }
        Value::Array(all) => all.iter().for_each(|value| words(value, into)),
        Value::Object(all) => {
            for (key, value) in all {
                // `total` as a word of ours is no field.
                into.push(key.clone());
                words(value, into);
            }
        }
        _ => {}
    }
}

fn names(told: &Told, list: &str) -> Vec<String> {
    let body = told.json();
    let all = body[list].as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_hold_what_one_may_see() {
    let app = app().await;
    let tables = async |who: &str| {
        names(&get("/api/agent/tables").bearing(who).of(&app).await, "tables").join(" ")
    };
    assert_eq!(tables("ana").await, "people products orders reviews");
    assert_eq!(tables("wei").await, "people products orders reviews");
    assert_eq!(tables("vic").await, "products orders reviews");
    assert_eq!(tables("nia").await, "");
    let metrics =
        async |who: &str| names(&get("/api/agent/metrics").bearing(who).of(&app).await, "metrics");
    assert!(metrics("ana").await.contains(&"revenue".to_owned()));
    assert!(metrics("vic").await.contains(&"units_sold".to_owned()));
    assert!(!metrics("vic").await.contains(&"revenue".to_owned()));
    assert!(metrics("nia").await.is_empty());
}

#[tokio::test]
async fn nothing_hidden_is_listed_anywhere() {
    let app = app().await;
    let mut paths = vec!["/api/agent/tables".to_owned(), "/api/agent/metrics".to_owned()];
    for list in ["tables", "metrics"] {
        let told = get(&format!("/api/agent/{list}")).bearing("vic").of(&app).await;
        for name in names(&told, list) {
            paths.push(format!("/api/agent/{list}/{name}"));
            if list == "tables" {
                paths.push(format!("/api/agent/{list}/{name}/fields"));
            }
        }
    }
    for word in ["people", "revenue", "price", "total", "money", "customer", "a"] {
        paths.push(format!("/api/agent/search?q={word}"));
    }
    for path in paths {
        let told = get(&path).bearing("vic").of(&app).await;
        assert_eq!(told.status, 200, "{path}");
        let mut found = Vec::new();
        words(&told.json(), &mut found);
        for hidden in ["people", "revenue", "price", "total", "email", "user_id"] {
            assert!(!found.iter().any(|word| word == hidden), "`{hidden}` in {path}");
        }
    }
}

#[tokio::test]
async fn hidden_and_absent_are_told_in_the_same_bytes() {
    let app = app().await;
    let same = async |hidden: &str, absent: &str, what: &dyn Fn(&str) -> super::Ask| {
        assert_eq!(hidden.len(), absent.len());
        let (one, other) = (what(hidden).of(&app).await, what(absent).of(&app).await);
        assert_eq!(one.status, other.status);
        assert_eq!(one.headers, other.headers);
        assert_eq!(
            one.text().replace(&format!("`{hidden}`"), &format!("`{absent}`")),
            other.text()
        );
        assert_eq!(one.refusal().0, 404);
    };
    let vic = |path: String| get(&path).bearing("vic");
    for (hidden, absent) in [("people", "zzzzzz"), ("1", "9"), ("people", "zeople")] {
        same(hidden, absent, &|name| vic(format!("/api/agent/tables/{name}"))).await;
        same(hidden, absent, &|name| vic(format!("/api/agent/tables/{name}/fields"))).await;
        let values = |name: &str| vic(format!("/api/agent/tables/{name}/fields/id/values"));
        same(hidden, absent, &values).await;
    }
    same("revenue", "zzzzzzz", &|name| vic(format!("/api/agent/metrics/{name}"))).await;
    let of_product = |name: &str| vic(format!("/api/agent/tables/products/fields/{name}/values"));
    same("price", "zzzzz", &of_product).await;
    let listing =
        |name: &str| post(format!(r#"{{"table":"{name}","fields":["id"]}}"#)).bearing("vic");
    same("people", "zzzzzz", &listing).await;
}

#[tokio::test]
async fn a_number_is_as_good_as_a_name() {
    let app = app().await;
    for (list, name) in [("tables", "products"), ("metrics", "revenue")] {
        let named = get(&format!("/api/agent/{list}/{name}")).bearing("ana").of(&app).await;
        let id = named.json()["id"].as_u64().unwrap();
        let numbered = get(&format!("/api/agent/{list}/{id}")).bearing("ana").of(&app).await;
        assert_eq!((named.status.as_u16(), &named.body), (200, &numbered.body));
    }
    let table = get("/api/agent/tables/products").bearing("ana").of(&app).await.json();
    let fields = get("/api/agent/tables/products/fields").bearing("ana").of(&app).await.json();
    assert_eq!(table["fields"], fields["fields"]);
}

#[tokio::test]
async fn search_needs_words() {
    let app = app().await;
    let told = get("/api/agent/search?q=net%20revenue").bearing("ana").of(&app).await;
    assert!(names(&told, "results").contains(&"net_revenue".to_owned()));
    for wrong in ["", "?query=x", "?q=a&q=b", "?q=a&x=b"] {
        let told = get(&format!("/api/agent/search{wrong}")).bearing("ana").of(&app).await;
        told.refused(400, "InvalidRequest", "H0106");
    }
}

/// Bytes that are no text are refused wherever they stand in an address: no other name is looked for
/// in their place.
#[tokio::test]
async fn addresses_are_text() {
    let app = app().await;
    for path in [
        "/health?%ff",
        "/openapi.json?x=%ff",
        "/explorer/%ff",
        "/api/agent/tables/%ff",
        "/api/agent/tables/%c3/fields",
        "/api/agent/tables/products/fields/%ff/values",
        "/api/agent/tables/products/fields/category/values?limit=%ff",
        "/api/agent/tables?x=%ff",
        "/api/agent/metrics/%ff",
        "/api/agent/search?q=%ff",
        "/api/agent/search?q=a%c3&%a9",
        "/api/agent/v1/table/%ff",
        "/api/agent/v1/table/products?with-fields=%ff",
        "/api/agent/v1/table/products?%ff=true",
        "/api/agent/v1/table/products/field/%ff/values",
        "/api/agent/v1/metric/%ff",
        "/api/agent/v1/metric/revenue/field/%ff/values",
        "/api/agent/v1/database/%ff",
        "/api/agent/v1/ping?x=%ff",
    ] {
        let told = get(path).bearing("ana").of(&app).await;
        assert_eq!((told.status.as_u16(), told.header("x-sandbar-code")), (400, "H0107"), "{path}");
        told.refused(400, "InvalidRequest", "H0107");
    }
    let query = question("revenue_by_category");
    for (path, body) in [
        ("/api/agent/query?page_size=%ff", query.as_str()),
        ("/api/agent/batch?%ff", "{}"),
        ("/api/agent/explain?%ff", query.as_str()),
        ("/api/agent/v1/search?limit=%ff", "{}"),
        ("/api/agent/v1/query?%ff", "{}"),
        ("/auth/sso?%ff", "{}"),
    ] {
        let mut ask = post(body.to_owned()).bearing("ana");
        *ask.0.uri_mut() = path.parse().unwrap();
        ask.of(&app).await.refused(400, "InvalidRequest", "H0107");
    }
    // What is text stays what it is, and a `%` that begins nothing means itself.
    for words in ["%C3%A9t%c3%a9", "100%", "%25ff", "a%+b"] {
        let path = format!("/api/agent/search?q={words}");
        assert_eq!(get(&path).bearing("ana").of(&app).await.status, 200, "{words}");
    }
}
