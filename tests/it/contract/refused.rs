//! What is refused, each with the status and the words of the contract.

use super::{At, Has, Json, Shop, Text, check, get, post};

const CONSTRUCT: &str = "/v1/construct-query";
const QUERY: &str = "/v1/query";
const DENIED: &str = "You don't have permissions to do that.";
const POSITIVE: &str = r#""value must be an integer greater than zero.""#;
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
        post("ana", CONSTRUCT, r#"{"table_id":2,"joins":[]}"#, 400, Has("unknown key `joins`")),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field":"x","operation":"is-null"}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].field""#),
        ),
        post("ana", CONSTRUCT, r#"{"table_id":2,"filters":{}}"#, 400, Has("expected a list")),
        post("ana", CONSTRUCT, r#"{"table_id":2,"filters":[7]}"#, 400, Has("filters[0]")),
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
async fn a_key_stands_once() {
    let shop = Shop::open().await;
    let told = shop.text("ana", CONSTRUCT, r#"{"table_id":2,"table_id":3}"#).await;
    assert_eq!((told.status, told.at("/problems/0/code")), (400, "D0000".into()), "{told:?}");
}

#[tokio::test]
async fn the_form_of_filters() {
    let shop = Shop::open().await;
    let (both, no_value) = (
        r#""give `value` or `values`, not both""#,
        r#""`equals` takes a `value` or `values`; `is-null` asks for missing ones""#,
    );
    let rows = [
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{}]}"#,
            400,
            Has("`segment_id`, or a `field_id`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"operation":"is-null"}]}"#,
            400,
            Has("`segment_id`, or a `field_id`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total"}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].operation""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"segment_id":1,"field_id":"orders:total","operation":"is-null"}]}"#,
            400,
            Has("not both"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equal","value":1}]}"#,
            400,
            At("/errors/filters", r#""unknown filter operation `equal`; did you mean `equals`?""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"between","values":[1,2]}]}"#,
            400,
            Has("unknown filter operation `between`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals"}]}"#,
            400,
            At("/errors/filters", no_value),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","value":null}]}"#,
            400,
            At("/errors/filters", no_value),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","values":[]}]}"#,
            400,
            At("/errors/filters", no_value),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","value":1,"values":[2]}]}"#,
            400,
            At("/errors/filters", both),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"greater-than","values":[1]}]}"#,
            400,
            At("/errors/filters", r#""`greater-than` compares with one `value`""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"less-than-or-equal","values":[1,2]}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].values""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","value":true}]}"#,
            400,
            At("/errors/filters", r#""value must be a string or a number.""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","value":[1]}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].value""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"string-contains","value":5}]}"#,
            400,
            At("/errors/filters", r#""value must be a string.""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"string-contains","values":["a",5]}]}"#,
            400,
            At("/problems/0/path", r#""filters[0].values[1]""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:created_at","operation":"year-equals","value":"2024"}]}"#,
            400,
            At("/errors/filters", r#""value must be an integer.""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:created_at","operation":"year-equals","values":[2024,2.5]}]}"#,
            400,
            At("/errors/filters", r#""value must be an integer.""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:created_at","operation":"equals","bucket":"fortnight","value":"2024-01-01"}]}"#,
            400,
            Has("unknown bucket `fortnight`"),
        ),
        // Every problem at once.
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{},{"field_id":"orders:total"}],"limit":null}"#,
            400,
            At("/problems/1/path", r#""filters[1].operation""#),
        ),
        // What does not fit the field is found out before anything runs.
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"string-contains","value":"1"}]}"#,
            400,
            Has("wants a text"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"equals","value":"x"}]}"#,
            400,
            Has("this wants a number"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"equals","value":5}]}"#,
            400,
            Has("this wants a text"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"filters":[{"field_id":"products:title","operation":"year-equals","value":5}]}"#,
            400,
            Has("which has no `year_number`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"field_id":"orders:total","operation":"is-true"}]}"#,
            400,
            Has("this wants a number"),
        ),
    ];
    check(&shop, &rows).await;
}

#[tokio::test]
async fn values_of_times() {
    let shop = Shop::open().await;
    let filter = |operation: &str, bucket: &str, value: &str| {
        let bucket =
            if bucket.is_empty() { String::new() } else { format!(r#""bucket":"{bucket}","#) };
        let text = format!(
            r#"{{"table_id":3,"filters":[{{"field_id":"orders:created_at","operation":"{operation}",{bucket}"value":{value}}}]}}"#
        );
        &*text.leak()
    };
    let mut rows = Vec::new();
    for (bucket, range) in [
        ("quarter-of-year", "from 1 to 4"),
        ("month-of-year", "from 1 to 12"),
        ("week-of-year", "from 1 to 53"),
        ("day-of-month", "from 1 to 31"),
        ("day-of-week", "from 1 to 7, 1 is Monday"),
        ("hour-of-day", "from 0 to 23"),
        ("minute-of-hour", "from 0 to 59"),
        ("second-of-minute", "from 0 to 59"),
    ] {
        let wanted = &*format!("{bucket} takes whole numbers {range}").leak();
        rows.push(post("ana", CONSTRUCT, filter("equals", bucket, "-1"), 400, Has(wanted)));
        rows.push(post("ana", CONSTRUCT, filter("equals", bucket, "60"), 400, Has(wanted)));
        rows.push(post(
            "ana",
            CONSTRUCT,
            filter("equals", bucket, r#""2024-01-01""#),
            400,
            Has(wanted),
        ));
    }
    for bucket in ["minute", "hour", "day", "week", "month", "quarter", "year", "day-of-year"] {
        let actual = Has("compute the actual date");
        rows.push(post("ana", CONSTRUCT, filter("equals", bucket, "-7"), 400, actual));
        let actual = Has("compute the actual date");
        rows.push(post("ana", CONSTRUCT, filter("less-than", bucket, "30"), 400, actual));
        let soon = Has("is not a time");
        rows.push(post("ana", CONSTRUCT, filter("equals", bucket, r#""soon""#), 400, soon));
    }
    rows.push(post(
        "ana",
        CONSTRUCT,
        filter("equals", "", "-1"),
        400,
        Has("compute the actual date"),
    ));
    rows.push(post(
        "ana",
        CONSTRUCT,
        filter("greater-than", "", "30"),
        400,
        Has("compute the actual date"),
    ));
    rows.push(post(
        "ana",
        CONSTRUCT,
        filter("equals", "", "1700000000"),
        400,
        Has("is not a time"),
    ));
    rows.push(post(
        "ana",
        CONSTRUCT,
        filter("equals", "", r#""yesterday""#),
        400,
        Has("this wants a date"),
    ));
    rows.push(post("ana", CONSTRUCT, filter("month-equals", "", "13"), 400, Has("from 1 to 12")));
    rows.push(post("ana", CONSTRUCT, filter("hour-equals", "", "24"), 400, Has("from 0 to 23")));
    rows.push(post(
        "ana",
        CONSTRUCT,
        filter("day-of-week-equals", "", "0"),
        400,
        Has("1 is Monday"),
    ));
    check(&shop, &rows).await;
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
async fn numbers_groups_and_orders() {
    let shop = Shop::open().await;
    let rows = [
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{}]}"#,
            400,
            Has("a `function` or a `measure_id` is wanted"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"sum"}]}"#,
            400,
            Has("a `field_id` is wanted"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count","measure_id":"units"}]}"#,
            400,
            Has("not both"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"median","field_id":"orders:total"}]}"#,
            400,
            Has("unknown aggregation function `median`; use one of count, count-distinct"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count_distinct","field_id":"orders:total"}]}"#,
            400,
            Has("did you mean `count-distinct`?"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count","sort_order":"down"}]}"#,
            400,
            Has("unknown direction `down`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"aggregations":[{"function":"sum","field_id":"products:title"}]}"#,
            400,
            Has("`sum` wants a number"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"decade"}]}"#,
            400,
            Has("unknown field_granularity `decade`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"hour-of-day"}]}"#,
            400,
            Has("unknown field_granularity"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":2,"group_by":[{"field_id":"products:title","field_granularity":"month"}]}"#,
            400,
            Has("which has no `month`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":1,"group_by":[{"field_id":"people:birth_date","field_granularity":"hour"}]}"#,
            400,
            Has("which has no `hour`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"order_by":[{"field":{"field_id":"orders:id"}}]}"#,
            400,
            At("/problems/0/path", r#""order_by[0].direction""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"order_by":[{"direction":"asc"}]}"#,
            400,
            At("/problems/0/path", r#""order_by[0].field""#),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"order_by":[{"field":{"field_id":"orders:id"},"direction":"up"}]}"#,
            400,
            Has("unknown direction `up`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count"}],"order_by":[{"field":{"field_id":"orders:total"},"direction":"asc"}]}"#,
            400,
            Has("ordered by its own columns"),
        ),
        post(
            "ana",
            QUERY,
            r#"{"table_id":3,"aggregations":[{"function":"count"}],"order_by":[{"field":{"field_id":"orders:total"},"direction":"asc"}]}"#,
            400,
            Has("ordered by its own columns"),
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
        get("ana", "/v1/table/3?with_fields=true", 400, Has("did you mean `with-fields`?")),
        get("ana", "/v1/table/3?with-fields=true&with-fields=true", 400, Has("is given twice")),
        get("ana", "/v1/ping", 200, Json(r#"{"message":"pong"}"#)),
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
            Has("is not a parameter here"),
        ),
        get("nia", "/v1/table/3/field/t3-1/values", 403, Text(DENIED)),
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
        post("ana", "/v1/search", r#"{"terms":[]}"#, 400, Has("unknown key `terms`")),
        post("ana", "/v1/search?limit=0", "{}", 400, At("/errors/limit", POSITIVE)),
    ];
    check(&shop, &rows).await;
}
