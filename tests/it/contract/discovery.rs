//! What there is: tables, metrics, fields and their values, and the search for them.

use serde_json::{Value, json};

use super::{At, Json, Shop, check, get, post};

#[tokio::test]
async fn tables_tell_what_is_asked_for() {
    let shop = Shop::open().await;
    let rows = [
        get("ana", "/v1/table/3", 200, At("/type", r#""table""#)),
        get("ana", "/v1/table/3", 200, At("/id", "3")),
        get("ana", "/v1/table/3", 200, At("/name", r#""orders""#)),
        get("ana", "/v1/table/3", 200, At("/display_name", r#""Orders""#)),
        get("ana", "/v1/table/orders", 200, At("/id", "3")),
        get("ana", "/v1/table/3", 200, At("/database_id", "1")),
        get("ana", "/v1/table/3", 200, At("/database_engine", r#""sandbar""#)),
        get(
            "ana",
            "/v1/table/3",
            200,
            At("/description", r#""One row per order; an order is of one product.""#),
        ),
        get("ana", "/v1/table/3", 200, At("/fields/5/name", r#""total""#)),
        get("ana", "/v1/table/3", 200, At("/fields/5/type", r#""number""#)),
        get("ana", "/v1/table/3", 200, At("/fields/5/database_type", r#""DECIMAL(12,2)""#)),
        get("ana", "/v1/table/3", 200, At("/fields/5/semantic_type", r#""type/Currency""#)),
        get("ana", "/v1/table/3", 200, At("/fields/0/semantic_type", r#""type/PK""#)),
        get("ana", "/v1/table/3", 200, At("/fields/1/semantic_type", r#""type/FK""#)),
        get("ana", "/v1/table/3", 200, At("/fields/8/type", r#""datetime""#)),
        get("ana", "/v1/table/1", 200, At("/fields/3/type", r#""date""#)),
        get("ana", "/v1/table/1", 200, At("/fields/1/type", r#""string""#)),
        get("ana", "/v1/table/4", 200, At("/fields/6/type", r#""boolean""#)),
        get("ana", "/v1/table/3", 200, At("/fields/5/field_values", "null")),
        get("ana", "/v1/table/3?with-fields=false", 200, At("/fields", "[]")),
        get("ana", "/v1/table/3?with-fields=true", 200, At("/fields/9/name", r#""net""#)),
        get("ana", "/v1/table/3", 200, At("/related_tables/0/related_by", r#""user_id""#)),
        get("ana", "/v1/table/3", 200, At("/related_tables/0/database_engine", r#""sandbar""#)),
        get("ana", "/v1/table/3", 200, At("/related_tables/0/name", r#""people""#)),
        get("ana", "/v1/table/3", 200, At("/related_tables/1/related_by", r#""product_id""#)),
        get(
            "ana",
            "/v1/table/3",
            200,
            At("/related_tables/1/fields/2/field_id", r#""orders:product.title""#),
        ),
        get("ana", "/v1/table/3", 200, At("/related_tables/1/related_tables", "null")),
        get("ana", "/v1/table/3", 200, At("/related_tables/1/metrics", "null")),
        get("ana", "/v1/table/3?with-related-tables=false", 200, At("/related_tables", "null")),
        get("ana", "/v1/table/2", 200, At("/related_tables", "[]")),
        get("ana", "/v1/table/3", 200, At("/metrics/0/id", "101")),
        get(
            "ana",
            "/v1/table/3",
            200,
            At("/metrics/0/default_time_dimension_field_id", r#""revenue:created_at""#),
        ),
        get("ana", "/v1/table/3?with-metrics=false", 200, At("/metrics", "null")),
        get("ana", "/v1/table/2", 200, At("/metrics", "null")),
        get("ana", "/v1/table/3", 200, At("/measures", "null")),
        get("ana", "/v1/table/3?with-measures=true", 200, At("/measures/1/name", r#""units""#)),
        get(
            "ana",
            "/v1/table/3?with-measures=true",
            200,
            At("/measures/1/id", r#""measure:orders:units""#),
        ),
        get("ana", "/v1/table/3", 200, At("/segments", "null")),
        get(
            "ana",
            "/v1/table/3?with-segments=true",
            200,
            At("/segments/0/display_name", r#""Bulk""#),
        ),
        get(
            "ana",
            "/v1/table/3?with-segments=true",
            200,
            At("/segments/0/id", r#""segment:orders:bulk""#),
        ),
        get(
            "ana",
            "/v1/table/2?with-field-values=true",
            200,
            At("/fields/3/field_values", r#"["Doohickey","Gadget","Gizmo","Widget"]"#),
        ),
        get(
            "ana",
            "/v1/table/4?with-field-values=true",
            200,
            At("/fields/6/field_values", "[false,true]"),
        ),
        get("ana", "/v1/table/2?with-field-values=true", 200, At("/fields/2/field_values", "null")),
        // A vendor sees neither money nor people.
        get("vic", "/v1/table/3", 200, At("/fields/2/name", r#""quantity""#)),
        get("vic", "/v1/table/3", 200, At("/related_tables/0/name", r#""products""#)),
        get("vic", "/v1/table/3", 200, At("/related_tables/1", "null")),
        get("vic", "/v1/table/3", 200, At("/metrics/0/name", r#""units_sold""#)),
        get("vic", "/v1/table/3?with-segments=true", 200, At("/segments/1", "null")),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn metrics_tell_what_is_asked_for() {
    let shop = Shop::open().await;
    let rows = [
        get("ana", "/v1/metric/101", 200, At("/type", r#""metric""#)),
        get("ana", "/v1/metric/revenue", 200, At("/id", "101")),
        get("ana", "/v1/metric/101", 200, At("/name", r#""revenue""#)),
        get("ana", "/v1/metric/101", 200, At("/display_name", r#""Revenue""#)),
        get("ana", "/v1/metric/101", 200, At("/verified", "true")),
        get("ana", "/v1/metric/102", 200, At("/verified", "false")),
        get(
            "ana",
            "/v1/metric/101",
            200,
            At("/description", r#""What customers paid, with tax and less discounts.""#),
        ),
        get(
            "ana",
            "/v1/metric/101",
            200,
            At("/default_time_dimension_field_id", r#""revenue:created_at""#),
        ),
        get(
            "ana",
            "/v1/metric/101?with-default-temporal-breakout=false",
            200,
            At("/default_time_dimension_field_id", "null"),
        ),
        get("ana", "/v1/metric/101", 200, At("/queryable_dimensions/0/name", r#""id""#)),
        get(
            "ana",
            "/v1/metric/101",
            200,
            At("/queryable_dimensions/10/table_reference", r#""Customer""#),
        ),
        get(
            "ana",
            "/v1/metric/101?with-queryable-dimensions=false",
            200,
            At("/queryable_dimensions", "null"),
        ),
        get("ana", "/v1/metric/101", 200, At("/segments", "[]")),
        get("ana", "/v1/metric/101?with-segments=false", 200, At("/segments", "[]")),
        get("ana", "/v1/metric/101?with-segments=true", 200, At("/segments/0/name", r#""bulk""#)),
        get(
            "ana",
            "/v1/metric/110?with-field-values=true",
            200,
            At("/queryable_dimensions/6/field_values", "[false,true]"),
        ),
        get("vic", "/v1/metric/105", 200, At("/queryable_dimensions/2/name", r#""quantity""#)),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn databases_and_searches() {
    let shop = Shop::open().await;
    let one = r#"{"data":[{"type":"database","id":1,"name":"sandbar","engine":"sandbar","description":null}],"total_count":1}"#;
    let rows = [
        get("ana", "/v1/database", 200, Json(one)),
        get("nia", "/v1/database", 200, Json(one)),
        get("ana", "/v1/database/1", 200, At("/tables/3/name", r#""reviews""#)),
        get("ana", "/v1/database/1", 200, At("/tables/4", "null")),
        get("vic", "/v1/database/1", 200, At("/tables/0/name", r#""products""#)),
        get("nia", "/v1/database/1", 200, At("/tables", "[]")),
        // With nothing to look for, everything: four tables and twelve metrics.
        post("ana", "/v1/search", "{}", 200, At("/total_count", "16")),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":null,"semantic_queries":[]}"#,
            200,
            At("/total_count", "16"),
        ),
        post("nia", "/v1/search", "{}", 200, Json(r#"{"data":[],"total_count":0}"#)),
        // The number of results, not of what fits.
        post("ana", "/v1/search?limit=2", "{}", 200, At("/total_count", "2")),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["revenue"]}"#,
            200,
            At("/data/0/name", r#""revenue""#),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"semantic_queries":["revenue"]}"#,
            200,
            At("/data/0/type", r#""metric""#),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["revenue"]}"#,
            200,
            At("/data/0/verified", "true"),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["people"]}"#,
            200,
            At("/data/0/type", r#""table""#),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["people"]}"#,
            200,
            At("/data/0/display_name", r#""People""#),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["turnover"]}"#,
            200,
            At("/data/0/name", r#""revenue""#),
        ),
        // Of a whole sentence the words count.
        post(
            "ana",
            "/v1/search",
            r#"{"semantic_queries":["how much revenue did we make"]}"#,
            200,
            At("/data/0/name", r#""revenue""#),
        ),
        // What stands first for one of them and second for the other comes before the rest.
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":["signups"],"semantic_queries":["registrations"]}"#,
            200,
            At("/data/0/name", r#""signups""#),
        ),
        post("vic", "/v1/search", r#"{"term_queries":["revenue"]}"#, 200, At("/data", "[]")),
        post(
            "vic",
            "/v1/search",
            r#"{"term_queries":["units_sold"]}"#,
            200,
            At("/data/0/name", r#""units_sold""#),
        ),
    ];
    check(&shop, &rows).await;
}

/// Beside what another database says of the same rows (its `quantile_cont` and `stddev_samp`).
#[tokio::test]
async fn values_and_what_they_are_like() {
    let shop = Shop::open().await;
    let told = shop.get("ana", "/v1/table/2/field/{products:category}/values").await;
    let wanted = json!({
        "field_id": shop.id("products:category"),
        "statistics": { "distinct_count": 4, "percent_null": 0.0 },
        "values": ["Doohickey", "Gadget", "Gizmo", "Widget"],
        "scoped": false,
    });
    assert_eq!(told.json(), wanted);
    let told = shop.get("ana", "/v1/table/2/field/{products:id}/values").await;
    assert_eq!(told.at("/values").as_array().map(Vec::len), Some(30));
    let rows = [
        get(
            "ana",
            "/v1/table/2/field/{products:category}/values?limit=2",
            200,
            At("/values", r#"["Doohickey","Gadget"]"#),
        ),
        get(
            "ana",
            "/v1/table/2/field/category/values?limit=1",
            200,
            At("/values", r#"["Doohickey"]"#),
        ),
        get(
            "ana",
            "/v1/table/4/field/{reviews:positive}/values",
            200,
            At("/values", "[false,true]"),
        ),
        get(
            "ana",
            "/v1/metric/110/field/{average_rating:rating}/values",
            200,
            At("/values", "[1,2,3,4,5]"),
        ),
        get(
            "ana",
            "/v1/metric/110/field/{average_rating:rating}/values",
            200,
            At("/field_id", r#""average_rating:rating""#),
        ),
        get(
            "vic",
            "/v1/table/2/field/{products:vendor}/values",
            200,
            At("/values", r#"["Wick and Whistle"]"#),
        ),
        get(
            "wei",
            "/v1/table/1/field/{people:state}/values",
            200,
            At("/values", r#"["AZ","CA","NV","OR","WA"]"#),
        ),
        get(
            "wei",
            "/v1/table/1/field/{people:state}/values",
            200,
            At("/statistics/distinct_count", "5"),
        ),
    ];
    check(&shop, &rows).await;
    let near = |told: &Value, wanted: f64| {
        let told = told.as_f64().unwrap();
        assert!((told - wanted).abs() < 1e-6, "{told} {wanted}");
    };
    let told = shop.get("ana", "/v1/table/2/field/{products:rating}/values").await;
    for (name, wanted) in RATING {
        near(&told.at(&format!("/statistics/{name}")), wanted);
    }
    let told = shop.get("ana", "/v1/table/3/field/{orders:created_at}/values?limit=1").await;
    assert_eq!(told.at("/statistics/earliest"), EARLIEST);
    assert_eq!(told.at("/statistics/latest"), LATEST);
    assert_eq!(told.at("/values"), json!([EARLIEST]));
    // As seen from the orders: those without a product count as missing.
    let told = shop.get("ana", "/v1/table/3/field/{orders:product.category}/values").await;
    near(&told.at("/statistics/percent_null"), NO_PRODUCT);
}

/// `select min(rating), …, quantile_cont(rating, 0.25), …, stddev_samp(rating) from products`
const RATING: [(&str, f64); 8] = [
    ("min", 2.5),
    ("max", 5.0),
    ("avg", 4.052_061_855_670_104),
    ("q1", 3.5),
    ("q3", 4.7),
    ("sd", 0.691_488_502_063_235_9),
    ("distinct_count", 26.0),
    ("percent_null", 0.03),
];
/// `select min(created_at), max(created_at) from orders`
const EARLIEST: &str = "2022-07-01T01:15:15.138Z";
const LATEST: &str = "2026-06-30T23:46:59.506Z";
/// `select 1 - count(p.category) / count(*) from orders left join products`
const NO_PRODUCT: f64 = 0.002_345_415_778_251_647;
