//! What is refused, each with the status and the words of the contract.

use super::{At, Has, Json, JsonHas, Shop, Text, check, get, post};

const CONSTRUCT: &str = "/v1/construct-query";
const QUERY: &str = "/v1/query";
const DENIED: &str = "You don't have permissions to do that.";
const POSITIVE: &str = r#""value must be an integer greater than zero.""#;
const BLANK: &str = r#""value must be a non-blank string.""#;
const ONE: &str = r#""exactly one of table_id, metric_id, continuation_token is given""#;

#[tokio::test]
async fn what_a_question_is_about() {
    let shop = Shop::open().await;
    let rows = [
        post("ana", CONSTRUCT, "{}", 400, At("/errors/_root", ONE)),
        post("ana", CONSTRUCT, r#"{"filters":[]}"#, 400, At("/errors/_root", ONE)),
        post("ana", CONSTRUCT, r#"{"table_id":3,"metric_id":101}"#, 400, At("/errors/_root", ONE)),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":null,"metric_id":null}"#,
            400,
            At("/errors/_root", ONE),
        ),
        post("ana", CONSTRUCT, r#"{"table_id":0}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":-3}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":"-3"}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":3.5}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":true}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":""}"#, 400, At("/errors/table_id", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"metric_id":0}"#, 400, At("/errors/metric_id", POSITIVE)),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":-3}"#,
            400,
            At(
                "/specific-errors/table_id/0",
                r#""value must be an integer greater than zero., received: -3""#,
            ),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":999999}"#,
            404,
            Text("No table found with table_id 999999"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":"999999"}"#,
            404,
            Text("No table found with table_id 999999"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":"nothing"}"#,
            404,
            Text("No table found with table_id nothing"),
        ),
        post("ana", CONSTRUCT, r#"{"metric_id":999999}"#, 404, Text("Not found.")),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":101}"#,
            404,
            Text("No table found with table_id 101"),
        ),
        post("ana", CONSTRUCT, r#"{"metric_id":3}"#, 404, Text("Not found.")),
        post("vic", CONSTRUCT, r#"{"table_id":1}"#, 404, Text("No table found with table_id 1")),
        post("vic", CONSTRUCT, r#"{"metric_id":101}"#, 404, Text("Not found.")),
        post("nia", CONSTRUCT, r#"{"table_id":3}"#, 403, Text(DENIED)),
        post("nia", CONSTRUCT, r#"{"metric_id":101}"#, 403, Text(DENIED)),
        post("nia", QUERY, r#"{"table_id":3}"#, 403, Text(DENIED)),
        // Ids as numbers, as texts, and names in their place.
        post("ana", QUERY, r#"{"table_id":2,"limit":1}"#, 202, At("/row_count", "1")),
        post("ana", QUERY, r#"{"table_id":"2","limit":1}"#, 202, At("/row_count", "1")),
        post("ana", QUERY, r#"{"table_id":"products","limit":1}"#, 202, At("/row_count", "1")),
        post("ana", QUERY, r#"{"metric_id":"101"}"#, 202, At("/row_count", "1")),
        post("ana", QUERY, r#"{"metric_id":"revenue"}"#, 202, At("/row_count", "1")),
        post("ana", CONSTRUCT, r#"{"table_id":2,"limit":0}"#, 400, At("/errors/limit", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":2,"limit":-1}"#, 400, At("/errors/limit", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":2,"limit":"5"}"#, 400, At("/errors/limit", POSITIVE)),
        post("ana", CONSTRUCT, r#"{"table_id":2,"limit":1.5}"#, 400, At("/errors/limit", POSITIVE)),
        post("ana", QUERY, r#"{"table_id":2,"limit":0}"#, 400, At("/errors/limit", POSITIVE)),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn the_form_of_a_body() {
    let shop = Shop::open().await;
    let rows = [
        post("ana", CONSTRUCT, "", 400, At("/problems/0/code", r#""D0000""#)),
        post("ana", CONSTRUCT, "nothing", 400, At("/problems/0/code", r#""D0000""#)),
        post("ana", CONSTRUCT, "[]", 400, At("/problems/0/code", r#""D0001""#)),
        // Nothing is ignored in silence.
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filter":[]}"#,
            400,
            At("/errors/filter", r#""unknown key `filter`; did you mean `filters`?""#),
        ),
        post("ana", CONSTRUCT, r#"{"table_id":2,"joins":[]}"#, 400, JsonHas("unknown key `joins`")),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field":"x","operation":"is-null"}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].field""#),
        ),
        post("ana", CONSTRUCT, r#"{"table_id":2,"filters":{}}"#, 400, JsonHas("expected a list")),
        post("ana", CONSTRUCT, r#"{"table_id":2,"filters":[7]}"#, 400, JsonHas("filters[0]")),
        // Absent, null and empty are alike.
        post(
            "ana",
            QUERY,
            r#"{"table_id":2,"filters":null,"fields":null,"aggregations":null,"group_by":null,"order_by":null,"limit":null}"#,
            202,
            At("/row_count", "200"),
        ),
        post(
            "ana",
            QUERY,
            r#"{"table_id":2,"filters":[],"fields":[],"aggregations":[],"group_by":[],"order_by":[]}"#,
            202,
            At("/row_count", "200"),
        ),
        post(
            "ana",
            QUERY,
            r#"{"table_id":2,"metric_id":null,"continuation_token":null}"#,
            202,
            At("/row_count", "200"),
        ),
        // What has no effect is accepted, and said.
        post(
            "ana",
            CONSTRUCT,
            r#"{"metric_id":101,"limit":5}"#,
            200,
            At("/warnings", r#"["`limit` has no effect on a question to a metric"]"#),
        ),
        post(
            "ana",
            QUERY,
            r#"{"metric_id":101,"fields":[{"field_id":"x"}],"aggregations":[{"function":"count"}],"order_by":[{"field":{"field_id":"x"},"direction":"asc"}]}"#,
            202,
            At(
                "/warnings",
                r#"["`fields` has no effect on a question to a metric","`aggregations` has no effect on a question to a metric","`order_by` has no effect on a question to a metric"]"#,
            ),
        ),
        post(
            "ana",
            QUERY,
            r#"{"table_id":2,"fields":[{"field_id":"products:title"}],"aggregations":[{"function":"count"}]}"#,
            202,
            At("/warnings", r#"["`fields` has no effect beside `aggregations` or `group_by`"]"#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"is-null","value":1}]}"#,
            200,
            At("/warnings", r#"["`filters[0].value` has no effect with `is-null`"]"#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"string-contains","bucket":"month","value":"a"}]}"#,
            200,
            At("/warnings", r#"["`filters[0].bucket` has no effect with `string-contains`"]"#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:price","operation":"equals","bucket":"month","value":1}]}"#,
            200,
            At("/warnings", r#"["`filters[0].bucket` has no effect: the field is no time"]"#),
        ),
        post("ana", CONSTRUCT, r#"{"table_id":2,"limit":5}"#, 200, At("/warnings", "null")),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn keys_without_an_effect_are_told() {
    let shop = Shop::open().await;
    let told = |body: &'static str, warnings: &'static str| {
        post("ana", CONSTRUCT, body, 200, At("/warnings", warnings))
    };
    let rows = [
        told(
            r#"{"table_id":2,"aggregations":[{"function":"max","field_id":"products:price","bucket":"month"}]}"#,
            r#"["`aggregations[0].bucket` has no effect: the field is no time"]"#,
        ),
        told(
            r#"{"table_id":2,"aggregations":[{"function":"max","field_id":"products:created_at","bucket":"month"},{"function":"count-distinct","field_id":"products:price"},{"function":"count"}]}"#,
            "null",
        ),
        told(
            r#"{"table_id":2,"aggregations":[{"function":"sum","field_id":"products:price"},{"function":"count","field_id":"products:created_at","bucket":"month"}]}"#,
            r#"["`aggregations[1].field_id` has no effect with `count`","`aggregations[1].bucket` has no effect with `count`"]"#,
        ),
        told(
            r#"{"table_id":3,"aggregations":[{"measure_id":"units","field_id":"orders:total","bucket":"month"}]}"#,
            r#"["`aggregations[0].field_id` has no effect beside `measure_id`","`aggregations[0].bucket` has no effect beside `measure_id`"]"#,
        ),
        told(
            r#"{"table_id":3,"filters":[{"segment_id":"bulk","bucket":"month","value":1,"values":[2]}]}"#,
            r#"["`filters[0].bucket` has no effect beside `segment_id`","`filters[0].value` has no effect beside `segment_id`","`filters[0].values` has no effect beside `segment_id`"]"#,
        ),
        told(
            r#"{"table_id":3,"filters":[{"segment_id":"bulk","bucket":null,"value":null,"values":[]}]}"#,
            "null",
        ),
        told(
            r#"{"table_id":3,"fields":[{"field_id":"orders:created_at","bucket":"month"}],"order_by":[{"field":{"field_id":"orders:created_at","bucket":"month"},"direction":"asc"}]}"#,
            r#"["`order_by[0].field.bucket` has no effect on a list"]"#,
        ),
        told(
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"month"}],"order_by":[{"field":{"field_id":"orders:created_at","bucket":"year"},"direction":"asc"}]}"#,
            r#"["`order_by[0].field.bucket` has no effect: the field is not grouped by it"]"#,
        ),
        told(
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"month"}],"order_by":[{"field":{"field_id":"orders:created_at","bucket":"month"},"direction":"asc"}]}"#,
            "null",
        ),
        told(
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"month"}],"order_by":[{"field":{"field_id":"orders:created_at"},"direction":"asc"}]}"#,
            "null",
        ),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn a_key_stands_once() {
    let shop = Shop::open().await;
    let told = shop.text("ana", CONSTRUCT, r#"{"table_id":2,"table_id":3}"#).await;
    assert_eq!((told.status, told.at("/problems/0/code")), (400, "D0000".into()), "{told:?}");
}

#[tokio::test]
async fn ids_of_fields_segments_and_measures() {
    let shop = Shop::open().await;
    let field = |id: &str| {
        let text = format!(r#"{{"table_id":3,"fields":[{{"field_id":"{id}"}}]}}"#);
        &*text.leak()
    };
    let prefix = |id: &str, prefix: &str| {
        Text(format!("field {id} does not match expected prefix {prefix}").leak())
    };
    let lost = |id: &str, index: &str| {
        Text(format!("field {id} not found - no column at index {index}").leak())
    };
    let malformed = |id: &str| Text(format!("Invalid field_id format: {id}").leak());
    let rows = [
        post("ana", CONSTRUCT, field("t42-1"), 400, prefix("t42-1", "t3-")),
        post("ana", CONSTRUCT, field("c101-1"), 400, prefix("c101-1", "t3-")),
        post("ana", CONSTRUCT, field("c3-1"), 400, prefix("c3-1", "t3-")),
        post("ana", CONSTRUCT, field("qAbC_1-1"), 400, prefix("qAbC_1-1", "t3-")),
        post("ana", CONSTRUCT, field("t3-99"), 404, lost("t3-99", "99")),
        post(
            "ana",
            CONSTRUCT,
            field("t3-99999999999999999999"),
            404,
            lost("t3-99999999999999999999", "99999999999999999999"),
        ),
        post("ana", CONSTRUCT, field("total_"), 400, malformed("total_")),
        post("ana", CONSTRUCT, field("t3"), 400, malformed("t3")),
        post("ana", CONSTRUCT, field("t3-"), 400, malformed("t3-")),
        post("ana", CONSTRUCT, field("t-1"), 400, malformed("t-1")),
        post("ana", CONSTRUCT, field("x3-1"), 400, malformed("x3-1")),
        post("ana", CONSTRUCT, field("3-1"), 400, malformed("3-1")),
        post("ana", CONSTRUCT, field("t3-1x"), 400, malformed("t3-1x")),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"fields":[{}]}"#,
            400,
            At("/problems/0/path", r#""fields[0]""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"fields":["t3-1"]}"#,
            400,
            At("/problems/0/path", r#""fields[0]""#),
        ),
        // A name does as well, since nothing else looks like one.
        post("ana", CONSTRUCT, field("customer.state"), 200, At("/warnings", "null")),
        post("ana", CONSTRUCT, field("total"), 200, At("/warnings", "null")),
        // Everywhere where a field stands.
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"t9-1","operation":"is-null"}]}"#,
            400,
            prefix("t9-1", "t3-"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"group_by":[{"field_id":"t9-1"}]}"#,
            400,
            prefix("t9-1", "t3-"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"sum","field_id":"t9-1"}]}"#,
            400,
            prefix("t9-1", "t3-"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"order_by":[{"field":{"field_id":"t9-1"},"direction":"asc"}]}"#,
            400,
            prefix("t9-1", "t3-"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"metric_id":101,"group_by":[{"field_id":"orders:total"}]}"#,
            400,
            Has("does not match expected prefix c101-"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"metric_id":101,"filters":[{"field_id":"c101-7","operation":"is-null"}]}"#,
            404,
            lost("c101-7", "7"),
        ),
        // Of another table, and none at all.
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":7}]}"#,
            404,
            Text("Segment with id 7 not found"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":"west"}]}"#,
            404,
            Text("Segment with id west not found"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":"segment:people:west"}]}"#,
            404,
            Has("Segment with id "),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"metric_id":109,"filters":[{"segment_id":"segment:orders:bulk"}]}"#,
            404,
            Has("Segment with id "),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":"bulk"}]}"#,
            200,
            At("/warnings", "null"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":0}]}"#,
            400,
            At("/errors/filters", POSITIVE),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"measure_id":7}]}"#,
            404,
            Text("Measure with id 7 not found"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"measure_id":"measure:products:product_count"}]}"#,
            404,
            Has("Measure with id "),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"measure_id":"units"}]}"#,
            200,
            At("/warnings", "null"),
        ),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn addresses_and_their_parameters() {
    let shop = Shop::open().await;
    let flag = r#""value must be a valid boolean string ('true' or 'false').""#;
    let rows = [
        get("ana", "/v1/table/0", 400, At("/errors/id", POSITIVE)),
        get("ana", "/v1/table/-1", 400, At("/errors/id", POSITIVE)),
        get("ana", "/v1/metric/0", 400, At("/errors/id", POSITIVE)),
        get("ana", "/v1/database/0", 400, At("/errors/id", POSITIVE)),
        get("ana", "/v1/table/999999", 404, Text("Not found.")),
        get("ana", "/v1/table/nothing", 404, Text("Not found.")),
        get("ana", "/v1/metric/999999", 404, Text("Not found.")),
        get("ana", "/v1/metric/3", 404, Text("Not found.")),
        get("ana", "/v1/database/2", 404, Text("Not found.")),
        get("vic", "/v1/table/1", 404, Text("Not found.")),
        get("vic", "/v1/metric/101", 404, Text("Not found.")),
        get("nia", "/v1/table/3", 403, Text(DENIED)),
        get("nia", "/v1/metric/101", 403, Text(DENIED)),
        get("ana", "/v1/table/3?with-fields=yes", 400, At("/errors/with-fields", flag)),
        get("ana", "/v1/table/3?with-segments=", 400, At("/errors/with-segments", flag)),
        get("ana", "/v1/metric/101?with-segments=1", 400, At("/errors/with-segments", flag)),
        get("ana", "/v1/table/3?with_fields=true", 400, JsonHas("did you mean `with-fields`?")),
        get("ana", "/v1/table/3?with-fields=true&with-fields=true", 400, JsonHas("is given twice")),
        get("ana", "/v1/ping", 200, Json(r#"{"message":"pong"}"#)),
        get("ana", "/v1/ping?x=1", 400, At("/errors/x", r#""`x` is not a parameter here""#)),
        get("ana", "/v1/table/999999/field/t999999-1/values", 404, Text("Not found.")),
        get("ana", "/v1/metric/999999/field/c999999-1/values", 404, Text("Not found.")),
        get("ana", "/v1/table/3/field/t3/values", 400, Text("Invalid field_id format: t3")),
        get(
            "ana",
            "/v1/table/3/field/t12-1/values",
            400,
            Text("field t12-1 does not match expected prefix t3-"),
        ),
        get(
            "ana",
            "/v1/metric/101/field/t3-1/values",
            400,
            Text("field t3-1 does not match expected prefix c101-"),
        ),
        get(
            "ana",
            "/v1/table/3/field/t3-99/values",
            404,
            Text("field t3-99 not found - no column at index 99"),
        ),
        get(
            "ana",
            "/v1/metric/101/field/c101-99/values",
            404,
            Text("field c101-99 not found - no column at index 99"),
        ),
        get(
            "ana",
            "/v1/table/3/field/{orders:id}/values?limit=0",
            400,
            At("/errors/limit", POSITIVE),
        ),
        get(
            "ana",
            "/v1/table/3/field/{orders:id}/values?limit=x",
            400,
            At("/errors/limit", POSITIVE),
        ),
        get(
            "ana",
            "/v1/table/3/field/{orders:id}/values?max=3",
            400,
            JsonHas("is not a parameter here"),
        ),
        get("nia", "/v1/table/3/field/t3-1/values", 403, Text(DENIED)),
        post("ana", "/v1/execute", "{}", 400, At("/errors/query", BLANK)),
        post("ana", "/v1/execute", r#"{"query":" "}"#, 400, At("/errors/query", BLANK)),
        post("ana", "/v1/execute", r#"{"query":7}"#, 400, At("/errors/query", BLANK)),
        post("ana", "/v1/execute", r#"{"sql":"select 1"}"#, 400, JsonHas("unknown key `sql`")),
        post(
            "ana",
            "/v1/query",
            r#"{"continuation_token":""}"#,
            400,
            At("/errors/continuation_token", BLANK),
        ),
        // Clients that know a later version fall back to this one.
        get("ana", "/v2/search", 404, At("/code", r#""H0101""#)),
        post("ana", "/v2/construct-query", "{}", 404, At("/code", r#""H0101""#)),
        post("ana", "/v2/query", "{}", 404, At("/code", r#""H0101""#)),
        post("ana", "/v1/read-resource", "{}", 404, At("/code", r#""H0101""#)),
        get("ana", "/v1/query", 405, At("/code", r#""H0102""#)),
        post("ana", "/v1/ping", "{}", 405, At("/code", r#""H0102""#)),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":[" "]}"#,
            400,
            At("/errors/term_queries", r#""value must be a non-blank string.""#),
        ),
        post(
            "ana",
            "/v1/search",
            r#"{"term_queries":"orders"}"#,
            400,
            At("/problems/0/path", r#""term_queries""#),
        ),
        post("ana", "/v1/search", r#"{"terms":[]}"#, 400, JsonHas("unknown key `terms`")),
        post("ana", "/v1/search?limit=0", "{}", 400, At("/errors/limit", POSITIVE)),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn more_than_anybody_needs() {
    let shop = Shop::open().await;
    let field = serde_json::json!({ "field_id": "orders:id" });
    let count = serde_json::json!({ "function": "count" });
    for (key, one) in [("fields", &field), ("group_by", &field), ("aggregations", &count)] {
        let many = |n: usize| {
            let mut body = serde_json::json!({ "table_id": 3 });
            body[key] = vec![one.clone(); n].into();
            body
        };
        let told = shop.post("ana", CONSTRUCT, many(256)).await;
        assert_eq!(told.status, 200, "{key}: {told:?}");
        for n in [257, 3_000] {
            let told = shop.post("ana", CONSTRUCT, many(n)).await;
            let wanted = "an answer has at most 256 columns";
            assert_eq!((told.status, told.at(&format!("/errors/{key}"))), (400, wanted.into()));
        }
    }
    // Each text of the table is searched for all of them.
    for (operation, n, status) in [
        ("string-not-contains", 100, 200),
        ("string-not-contains", 101, 400),
        ("string-starts-with", 9_000, 400),
        ("not-equals", 9_000, 200),
    ] {
        let words: Vec<String> = (0..n).map(|n| format!("word{n}")).collect();
        let filter = serde_json::json!({ "field_id": "products:title", "operation": operation, "values": words });
        let body = serde_json::json!({ "table_id": 2, "filters": [filter] });
        let told = shop.post("ana", CONSTRUCT, body).await;
        assert_eq!(told.status, status, "{operation} {n}: {told:?}");
    }
    // As many conditions as our own questions have; what holds them all is one.
    for (n, status) in [(999, 200), (1_000, 400)] {
        let of = |n: usize| serde_json::json!({ "field_id": "orders:id", "operation": "less-than", "value": n });
        let filters: Vec<serde_json::Value> = (0..n).map(of).collect();
        let body = serde_json::json!({ "table_id": 3, "filters": filters });
        assert_eq!(shop.post("ana", CONSTRUCT, body).await.status, status, "{n}");
    }
    for (n, status) in [(50, 200), (51, 400), (5_000, 400)] {
        let words: Vec<String> = (0..n).map(|n| format!("word{n}")).collect();
        let body = serde_json::json!({ "term_queries": words });
        assert_eq!(shop.post("ana", "/v1/search", body).await.status, status, "{n}");
    }
    // Both lists count together, and the refusal says how many there may be.
    for (terms, others, status) in [(25, 25, 200), (26, 25, 400), (1, 50, 400), (0, 51, 400)] {
        let words = |count: usize| vec!["orders"; count];
        let body = serde_json::json!({
            "term_queries": words(terms),
            "semantic_queries": words(others),
        });
        let told = shop.post("ana", "/v1/search", body).await;
        assert_eq!(told.status, status, "{terms} {others}: {told:?}");
        if status == 400 {
            assert_eq!(told.at("/errors/term_queries"), "at most 50 queries at a time");
            assert_eq!(told.header("x-sandbar-code"), "H0201");
        }
    }
    // More than a document may hold.
    let words = vec!["a"; 20_000];
    let body = serde_json::json!({ "term_queries": words });
    assert_eq!(shop.post("ana", "/v1/search", body).await.status, 400);
    let large = format!(r#"{{"query":"{}"}}"#, "A".repeat(2 << 20));
    assert_eq!(shop.text("ana", "/v1/execute", &large).await.status, 413);
}
