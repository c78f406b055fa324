//! Filters, numbers, groups and orders that are refused, each with the words of the contract.

use super::{At, Has, JsonHas, Shop, check, post};

const CONSTRUCT: &str = "/v1/construct-query";
const QUERY: &str = "/v1/query";

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
            JsonHas("`segment_id`, or a `field_id`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"filters":[{"operation":"is-null"}]}"#,
            400,
            JsonHas("`segment_id`, or a `field_id`"),
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
            JsonHas("not both"),
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
            JsonHas("unknown filter operation `between`"),
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
            JsonHas("unknown bucket `fortnight`"),
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
async fn numbers_groups_and_orders() {
    let shop = Shop::open().await;
    let rows = [
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{}]}"#,
            400,
            JsonHas("a `function` or a `measure_id` is wanted"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"sum"}]}"#,
            400,
            JsonHas("a `field_id` is wanted"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count","measure_id":"units"}]}"#,
            400,
            JsonHas("not both"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"median","field_id":"orders:total"}]}"#,
            400,
            JsonHas("unknown aggregation function `median`; use one of count, count-distinct"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count_distinct","field_id":"orders:total"}]}"#,
            400,
            JsonHas("did you mean `count-distinct`?"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"aggregations":[{"function":"count","sort_order":"down"}]}"#,
            400,
            JsonHas("unknown direction `down`"),
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
            JsonHas("unknown field_granularity `decade`"),
        ),
        post(
            "ana",
            CONSTRUCT,
            r#"{"table_id":3,"group_by":[{"field_id":"orders:created_at","field_granularity":"hour-of-day"}]}"#,
            400,
            JsonHas("unknown field_granularity"),
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
            JsonHas("unknown direction `up`"),
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
