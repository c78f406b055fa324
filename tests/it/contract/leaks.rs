//! What is hidden gives the same bytes as what does not exist, at every address, and no value of a
//! hidden row or field comes out of any.

use serde_json::{Value, json};

use super::{Shop, Told};

/// Headers and body, with one id in place of another.
fn bytes(told: &Told, id: &str) -> String {
    let mut headers: Vec<String> =
        told.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    // The length is that of the body, which the id is a part of.
    headers.retain(|header| !header.starts_with("content-length"));
    headers.sort();
    format!("{} {headers:?} {}", told.status, told.body.replace(id, "…"))
}

#[tokio::test]
async fn l9_a_hidden_table_is_an_absent_one() {
    let shop = Shop::open().await;
    let ask = async |id: &str| {
        let mut all = Vec::new();
        for path in ["", "?with-field-values=true", "/field/t{id}-77/values", "/field/name/values"]
        {
            let path = format!("/v1/table/{id}{}", path.replace("{id}", id));
            all.push(bytes(&shop.get("vic", &path).await, id));
        }
        let id_value: Value = id.parse::<u64>().map_or(json!(id), Value::from);
        for path in ["/v1/construct-query", "/v1/query"] {
            for body in [
                json!({ "table_id": id_value }),
                json!({ "table_id": id_value, "fields": [{ "field_id": format!("t{id}-77") }] }),
                json!({ "table_id": id_value, "aggregations": [{ "function": "count" }] }),
                json!({ "table_id": id_value, "filters": [{ "segment_id": "west" }] }),
            ] {
                all.push(bytes(&shop.text("vic", path, &body.to_string()).await, id));
            }
        }
        all
    };
    // People are hidden from vendors; table 8 is not there.
    assert_eq!(ask("1").await, ask("8").await);
    assert_eq!(ask("people").await, ask("nobody").await);
}

#[tokio::test]
async fn l9_a_hidden_metric_is_an_absent_one() {
    let shop = Shop::open().await;
    let ask = async |id: &str| {
        let mut all = Vec::new();
        for path in ["", "?with-field-values=true&with-segments=true", "/field/c{id}-77/values"] {
            let path = format!("/v1/metric/{id}{}", path.replace("{id}", id));
            all.push(bytes(&shop.get("vic", &path).await, id));
        }
        let id_value: Value = id.parse::<u64>().map_or(json!(id), Value::from);
        for path in ["/v1/construct-query", "/v1/query"] {
            let groups = json!([{ "field_id": format!("c{id}-77") }]);
            for body in [
                json!({ "metric_id": id_value }),
                json!({ "metric_id": id_value, "group_by": groups }),
            ] {
                all.push(bytes(&shop.text("vic", path, &body.to_string()).await, id));
            }
        }
        all
    };
    assert_eq!(ask("101").await, ask("901").await);
    assert_eq!(ask("revenue").await, ask("nothing").await);
}

#[tokio::test]
async fn l9_l21_a_hidden_field_is_an_absent_one() {
    let shop = Shop::open().await;
    // Hidden fields of a visible table, one behind a hidden table, and none at all.
    let hidden = ["orders:total", "orders:user_id", "orders:customer.state"].map(|n| shop.id(n));
    let absent = "t3-7";
    let ask = async |id: &str| {
        let index = id.strip_prefix("t3-").unwrap().to_owned();
        let field = json!({ "field_id": id });
        let orders = |key: &str, value: Value| {
            let mut body = json!({ "table_id": 3, "aggregations": [{ "function": "count" }] });
            body[key] = value;
            body
        };
        let bodies = [
            orders("filters", json!([{ "field_id": id, "operation": "is-null" }])),
            orders("filters", json!([{ "field_id": id, "operation": "equals", "value": "x" }])),
            orders("group_by", json!([field])),
            orders("aggregations", json!([{ "function": "sum", "field_id": id }])),
            orders("order_by", json!([{ "field": field, "direction": "asc" }])),
            json!({ "table_id": 3, "fields": [field] }),
            json!({ "table_id": 3, "order_by": [{ "field": field, "direction": "desc" }] }),
        ];
        let mut all = Vec::new();
        for path in ["/v1/construct-query", "/v1/query"] {
            for body in &bodies {
                all.push(bytes(&shop.text("vic", path, &body.to_string()).await, &index));
            }
        }
        let path = format!("/v1/table/3/field/{id}/values");
        all.push(bytes(&shop.get("vic", &path).await, &index));
        let metric = format!("/v1/metric/105/field/c105-{index}/values");
        all.push(bytes(&shop.get("vic", &metric).await, &index));
        let grouped =
            json!({ "metric_id": 105, "group_by": [{ "field_id": format!("c105-{index}") }] });
        all.push(bytes(&shop.text("vic", "/v1/query", &grouped.to_string()).await, &index));
        all
    };
    let wanted = ask(absent).await;
    for id in hidden {
        assert_eq!(ask(id).await, wanted, "{id}");
    }
    // By their names they do not exist either.
    let named = async |name: &str| {
        let body = json!({ "table_id": 3, "fields": [{ "field_id": name }] }).to_string();
        bytes(&shop.text("vic", "/v1/construct-query", &body).await, name)
    };
    assert_eq!(named("total").await, named("totem").await);
    // Hidden segments and measures: over fields that vendors do not see.
    let of = async |key: &str, list: &str, id: &str| {
        let id_value: Value = id.parse::<u64>().map_or(json!(id), Value::from);
        let body = json!({ "table_id": 3, list: [{ key: id_value }] }).to_string();
        bytes(&shop.text("vic", "/v1/construct-query", &body).await, id)
    };
    for (key, list, hidden) in [
        ("segment_id", "filters", shop.id("segment:orders:western")),
        ("measure_id", "aggregations", shop.id("measure:orders:total_paid")),
    ] {
        assert_eq!(of(key, list, hidden).await, of(key, list, "7").await);
    }
}

#[tokio::test]
async fn l3_l8_listings_name_nothing_hidden() {
    let shop = Shop::open().await;
    let mut all = String::new();
    for path in [
        "/v1/table/2?with-field-values=true&with-measures=true&with-segments=true",
        "/v1/table/3?with-field-values=true&with-measures=true&with-segments=true",
        "/v1/table/4?with-field-values=true&with-measures=true&with-segments=true",
        "/v1/metric/105?with-field-values=true&with-segments=true",
        "/v1/metric/110?with-field-values=true&with-segments=true",
        "/v1/database",
        "/v1/database/1",
    ] {
        let told = shop.get("vic", path).await;
        assert_eq!(told.status, 200, "{path}");
        all.push_str(&told.body);
    }
    all.push_str(&shop.post("vic", "/v1/search", json!({})).await.body);
    let searches =
        json!({ "term_queries": ["revenue", "people", "total"], "semantic_queries": ["price"] });
    all.push_str(&shop.post("vic", "/v1/search", searches).await.body);
    for name in [
        "people",
        "user_id",
        "customer",
        "price",
        "subtotal",
        "discount",
        "revenue",
        "western",
        "total_paid",
        "signups",
        "birth",
        "Customer",
        "List price",
        "People",
    ] {
        assert!(!all.contains(name), "`{name}` is in {all}");
    }
    // Other vendors are other rows.
    assert!(all.contains("Wick and Whistle"));
    let vendors = shop.get("ana", "/v1/table/2/field/{products:vendor}/values?limit=500").await;
    for vendor in vendors.at("/values").as_array().unwrap() {
        let vendor = vendor.as_str().unwrap();
        assert!(vendor == "Wick and Whistle" || !all.contains(vendor), "{vendor}");
    }
}

#[tokio::test]
async fn l7_statistics_are_of_the_rows_that_are_seen() {
    let shop = Shop::open().await;
    let path = "/v1/table/2/field/{products:rating}/values";
    let (all, own) = (shop.get("ana", path).await, shop.get("vic", path).await);
    // `select … from products where vendor = 'Wick and Whistle'`, by another database.
    for (name, wanted) in OWN {
        let told = own.at(&format!("/statistics/{name}"));
        assert!((told.as_f64().unwrap() - wanted).abs() < 1e-9, "{name}: {told}");
        assert_ne!(told, all.at(&format!("/statistics/{name}")), "{name}");
    }
    // A mask takes the place of the values, here too.
    let emails = shop.get("wei", "/v1/table/1/field/{people:email}/values?limit=500").await;
    for email in emails.at("/values").as_array().unwrap() {
        assert!(email.as_str().unwrap().ends_with("***"), "{email}");
    }
    assert!(!emails.body.contains('@'));
}

/// What another database says of the seven products that this vendor sees.
const OWN: [(&str, f64); 4] =
    [("min", 3.9), ("max", 4.9), ("avg", 4.471_428_571_428_571), ("distinct_count", 7.0)];

/// A key may be joined by without being shown: the relationship's own name stands in its place.
#[tokio::test]
async fn l3_a_hidden_key_is_not_named() {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use sandbar::Engine;

    let ids = || Arc::new(Int64Array::from(vec![1, 2])) as _;
    let names = Arc::new(StringArray::from(vec!["a", "b"])) as _;
    let (places, notes) =
        ([("id", ids()), ("name", names)], [("id", ids()), ("secret_place", ids())]);
    let engine = Engine::builder()
        .model(
            "model.yaml",
            "
tables:
  places: { primary_key: [id], source: places, fields: { id: {}, name: {} } }
  notes:
    id: 5
    primary_key: [id]
    source: notes
    fields: { id: {}, secret_place: {} }
    relationships: { place: { to: places, on: { secret_place: id }, cardinality: many_to_one } }
",
        )
        .policies(
            "policies.yaml",
            "
groups: { staff: {} }
policies:
  all: { groups: [staff], grant: { tables: [places] } }
  some: { groups: [staff], grant: { tables: [notes], fields: { except: [secret_place] } } }
",
        )
        .batches("places", vec![RecordBatch::try_from_iter(places).unwrap()])
        .batches("notes", vec![RecordBatch::try_from_iter(notes).unwrap()])
        .build()
        .await
        .unwrap();
    let shop = Shop::of_mia(engine);
    let told = shop.get("ana", "/v1/table/5").await;
    assert_eq!(told.at("/related_tables/0/related_by"), "place");
    assert_eq!(told.at("/related_tables/0/fields/1/name"), "name");
    assert!(!told.body.contains("secret_place"), "{}", told.body);
    // And it joins all the same.
    let body = json!({ "table_id": 5, "fields": [{ "field_id": "place.name" }] });
    let told = shop.post("ana", "/v1/query", body).await;
    assert_eq!(told.at("/data/rows"), json!([["a"], ["b"]]));
}

/// The engine's own text names files and what stands in them; it is for the operator's log.
#[tokio::test]
async fn l1_the_text_of_what_fails_below_is_told_at_no_address() {
    use std::fs;

    use sandbar::Engine;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("first.csv"), "id,name\n1,Ada\n").unwrap();
    let engine = Engine::builder()
        .model(
            "model.yaml",
            "
sources: { people: { format: csv, path: 'data/*.csv' } }
tables: { people: { id: 5, primary_key: [id], fields: { id: {}, name: {} } } }
",
        )
        .policies(
            "policies.yaml",
            "
groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [people] } } }
",
        )
        .base_dir(folder.path())
        .build()
        .await
        .unwrap();
    let shop = Shop::of_mia(engine);
    let (native, theirs) = (json!({ "table": "people" }), json!({ "table_id": 5 }));
    let made = shop.post("ana", "/v1/construct-query", theirs.clone()).await;
    let made = json!({ "query": made.at("/query") });
    let told = shop.post("ana", "/v1/execute", made.clone()).await;
    assert_eq!(told.at("/data/rows"), json!([[1, "Ada"]]), "{told:?}");

    // A file that comes later has another column.
    fs::write(data.join("planted.csv"), "id,planted\n2,Bob\n").unwrap();
    let batch = json!({ "queries": [native, theirs] });
    for (told, status, code) in [
        (shop.post("ana", "/query", native.clone()).await, 502, "/code"),
        (shop.post("ana", "/query?page_size=1", native.clone()).await, 502, "/code"),
        (shop.post("ana", "/query", theirs.clone()).await, 502, "/code"),
        (shop.post("ana", "/batch", batch.clone()).await, 200, "/results/0/body/code"),
        (shop.post("ana", "/batch", batch.clone()).await, 200, "/results/1/body/code"),
        (shop.post("ana", "/v1/query", theirs.clone()).await, 202, "/code"),
        (shop.post("ana", "/v1/execute", made.clone()).await, 202, "/code"),
        (shop.get("ana", "/tables/people/fields/name/values").await, 502, "/code"),
        (shop.get("ana", "/v1/table/5/field/name/values").await, 502, ""),
    ] {
        let found = match code {
            "" => json!(told.header("x-sandbar-code")),
            place => told.at(place),
        };
        assert_eq!((told.status, found), (status, json!("E0305")), "{told:?}");
        for word in ["planted", ".csv", "data/", folder.path().to_str().unwrap()] {
            let headers = format!("{:?}", told.headers);
            assert!(!told.body.contains(word) && !headers.contains(word), "`{word}`: {told:?}");
        }
    }
}
