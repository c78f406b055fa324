//! What an answer says of times is given back as a filter, in UTC and west of it: dates, buckets
//! and instants, each in the words in which it came.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use sandbar::Engine;
use serde_json::{Value, json};

use super::Shop;

const ZONES: [&str; 2] = ["UTC", "America/New_York"];
/// How many rows there are.
const ROWS: i64 = 9;

/// Instants, in seconds, of which some are in another month, quarter or year west of UTC.
const AT: [i64; 9] = [
    1_672_529_400, // 2022-12-31T23:30:00Z
    1_672_531_200, // 2023-01-01T00:00:00Z, the evening before in New York
    1_672_549_199, // 2023-01-01T04:59:59Z, the last second of the year there
    1_672_549_200, // 2023-01-01T05:00:00Z
    1_675_206_000, // 2023-01-31T23:00:00Z
    1_675_220_400, // 2023-02-01T03:00:00Z, still January there
    1_680_314_400, // 2023-04-01T02:00:00Z, still March there
    1_699_162_200, // 2023-11-05T05:30:00Z, 01:30 there for the first time
    1_699_165_800, // 2023-11-05T06:30:00Z, and for the second
];

/// Days since 1970-01-01.
const BORN: [Option<i32>; 9] = [
    Some(-8_661), // 1946-04-16
    Some(-8_661),
    Some(-8_660),    // 1946-04-17
    Some(-8_646),    // 1946-05-01
    Some(11_016),    // 2000-02-29
    Some(19_357),    // 2022-12-31
    Some(19_358),    // 2023-01-01
    Some(2_932_896), // 9999-12-31
    None,
];

async fn open(zone: &str) -> Shop {
    of(zone, AT).await
}

async fn of(zone: &str, at: [i64; 9]) -> Shop {
    let model = format!(
        "defaults: {{ time_zone: {zone} }}
tables:
  people: {{ id: 1, primary_key: [id], fields: {{ id: {{}}, at: {{}}, born: {{}} }} }}
"
    );
    let policies = "
groups: { staff: {} }
policies:
  all: { groups: [staff], grant: { tables: [people] } }
";
    let at: Vec<i64> = at.iter().map(|seconds| seconds * 1_000_000).collect();
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(1..=ROWS)) as ArrayRef),
        ("at", Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))),
        ("born", Arc::new(Date32Array::from(BORN.to_vec()))),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", &model)
        .policies("policies.yaml", policies)
        .batches("people", vec![rows.unwrap()])
        .build()
        .await
        .unwrap();
    Shop::of_mia(engine)
}

/// How many rows a filter leaves.
async fn counted(shop: &Shop, filter: &Value) -> i64 {
    let count = json!({ "function": "count" });
    let body = json!({ "table_id": 1, "filters": [filter], "aggregations": [count] });
    let told = shop.post("ana", "/v1/query", body).await;
    assert_eq!((told.status, told.at("/status")), (202, json!("completed")), "{filter}: {told:?}");
    told.at("/data/rows/0/0").as_i64().unwrap()
}

fn equals(field: &str, bucket: &Value, value: &Value) -> Value {
    json!({ "field_id": field, "operation": "equals", "bucket": bucket, "value": value })
}

/// The groups of a field, without that of missing values: what each is called and how many it has.
async fn groups(shop: &Shop, field: &str, bucket: &Value) -> Vec<(String, i64)> {
    let body = json!({
        "table_id": 1,
        "group_by": [{ "field_id": field, "field_granularity": bucket }],
        "aggregations": [{ "function": "count" }],
    });
    let told = shop.post("ana", "/v1/query", body).await;
    let rows = told.at("/data/rows");
    let rows = rows.as_array().unwrap_or_else(|| panic!("{told:?}")).iter();
    let named = rows.filter_map(|row| Some((row[0].as_str()?.to_owned(), row[1].as_i64()?)));
    named.collect()
}

/// How many rows those groups have whose names fit.
fn sum(groups: &[(String, i64)], fits: impl Fn(&str) -> bool) -> i64 {
    groups.iter().filter(|(name, _)| fits(name)).map(|(_, count)| count).sum()
}

#[tokio::test]
async fn a_group_is_asked_for_by_what_it_is_called() {
    let words = ["minute", "hour", "day", "week", "month", "quarter", "year"];
    let buckets: Vec<Value> = [Value::Null].into_iter().chain(words.map(Value::from)).collect();
    for zone in ZONES {
        let shop = open(zone).await;
        for (field, known) in [("at", ROWS), ("born", ROWS - 1)] {
            for bucket in &buckets {
                // A date has no hours.
                if field == "born" && [json!("minute"), json!("hour")].contains(bucket) {
                    continue;
                }
                let groups = groups(&shop, field, bucket).await;
                assert_eq!(sum(&groups, |_| true), known, "{zone} {field} {bucket}: {groups:?}");
                for (name, count) in &groups {
                    let filter = equals(field, bucket, &json!(name));
                    assert_eq!(counted(&shop, &filter).await, *count, "{zone}: {filter}");
                }
                let names: Vec<&str> = groups.iter().map(|(name, _)| name.as_str()).collect();
                let all = json!({
                    "field_id": field, "operation": "equals", "bucket": bucket, "values": names,
                });
                assert_eq!(counted(&shop, &all).await, known, "{zone}: {all}");
                // All names of one answer are written alike, and are ordered as texts are.
                let (name, count) = &groups[groups.len() / 2];
                let name = name.as_str();
                for (operation, wanted) in [
                    ("not-equals", ROWS - count),
                    ("greater-than", sum(&groups, |other| other > name)),
                    ("greater-than-or-equal", sum(&groups, |other| other >= name)),
                    ("less-than", sum(&groups, |other| other < name)),
                    ("less-than-or-equal", sum(&groups, |other| other <= name)),
                ] {
                    let filter = json!({
                        "field_id": field, "operation": operation, "bucket": bucket, "value": name,
                    });
                    assert_eq!(counted(&shop, &filter).await, wanted, "{zone}: {filter}");
                }
            }
        }
    }
}

#[tokio::test]
async fn l42_an_hour_in_which_clocks_change_by_half_of_one_is_asked_for_by_its_name() {
    let at = [
        1_696_087_740, // 2023-09-30T15:29:00Z, 01:59 on Lord Howe Island
        1_696_087_800, // 2023-09-30T15:30:00Z, 02:30 there: clocks have gone forward
        1_696_088_700, // 2023-09-30T15:45:00Z
        1_696_089_600, // 2023-09-30T16:00:00Z, 03:00
        1_696_090_500, // 2023-09-30T16:15:00Z
        1_712_412_900, // 2024-04-06T14:15:00Z, 01:15
        1_712_414_700, // 2024-04-06T14:45:00Z, 01:45
        1_712_415_600, // 2024-04-06T15:00:00Z, 01:30: clocks have gone back
        1_712_418_300, // 2024-04-06T15:45:00Z, 02:15
    ];
    let shop = of("Australia/Lord_Howe", at).await;
    let hour = json!("hour");
    // Each is named by its time less the minutes of its clock.
    let named: [(&str, i64); 6] = [
        ("2023-09-30T14:30:00Z", 1),
        ("2023-09-30T15:00:00Z", 2),
        ("2023-09-30T16:00:00Z", 2),
        ("2024-04-06T14:00:00Z", 2),
        ("2024-04-06T14:30:00Z", 1),
        ("2024-04-06T15:30:00Z", 1),
    ];
    let named = named.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(groups(&shop, "at", &hour).await, named);
    // And what names none is an instant in one.
    let within: [(&str, i64); 8] = [
        ("2023-09-30T15:10:00Z", 1),
        ("2023-09-30T15:29:59Z", 1),
        ("2023-09-30T15:30:00Z", 2),
        ("2023-09-30T15:59:59Z", 2),
        ("2024-04-06T14:29:00Z", 2),
        ("2024-04-06T14:59:59Z", 2),
        ("2024-04-06T15:00:00Z", 1),
        ("2024-04-06T15:29:00Z", 1),
    ];
    let within = within.map(|(time, count)| (time.to_owned(), count));
    for (value, count) in named.iter().chain(&within) {
        let filter = equals("at", &hour, &json!(value));
        assert_eq!(counted(&shop, &filter).await, *count, "{value}");
    }
}

/// No instant of the library that knows zones is as late; the answers have these all the same.
#[tokio::test]
async fn the_last_hours_of_the_calendar_are_asked_for_by_their_names() {
    let (last, before) = (253_402_300_799, 253_402_214_400); // 9999-12-31T23:59:59Z, and 9999-12-30
    let at = [last, last - 1, last - 60, last - 3_600, before, before - 1, 0, 0, -1];
    for zone in ZONES {
        let shop = of(zone, at).await;
        for bucket in [Value::Null, json!("minute"), json!("hour"), json!("day"), json!("month")] {
            let groups = groups(&shop, "at", &bucket).await;
            assert_eq!(sum(&groups, |_| true), ROWS, "{zone} {bucket}: {groups:?}");
            for (name, count) in &groups {
                let filter = equals("at", &bucket, &json!(name));
                assert_eq!(counted(&shop, &filter).await, *count, "{zone}: {filter}");
            }
        }
        // Any instant of them is in one.
        for (bucket, wanted) in [("minute", 2), ("hour", 3)] {
            let filter = equals("at", &json!(bucket), &json!("9999-12-31T23:59:58Z"));
            assert_eq!(counted(&shop, &filter).await, wanted, "{zone}: {filter}");
        }
    }
}

#[tokio::test]
async fn midnight_of_utc_is_a_date_beside_a_bucket_of_days() {
    let january = "2023-01-01T00:00:00Z";
    let shops = [open(ZONES[0]).await, open(ZONES[1]).await];
    // Counted by hand: in UTC, and in New York.
    for (bucket, operation, value, wanted) in [
        (json!("month"), "equals", january, [4, 3]),
        (json!("month"), "equals", "2023-01-01", [4, 3]),
        (json!("month"), "equals", "2023-01-01T00:00:00.000Z", [4, 3]),
        (json!("month"), "equals", "2023-01-01T00:00:00+00:00", [4, 3]),
        (json!("month"), "not-equals", january, [5, 6]),
        (json!("month"), "greater-than", january, [4, 3]),
        (json!("month"), "greater-than-or-equal", january, [8, 6]),
        (json!("month"), "less-than", january, [1, 3]),
        (json!("month"), "less-than-or-equal", january, [5, 6]),
        (json!("day"), "equals", january, [3, 1]),
        (json!("quarter"), "equals", january, [5, 4]),
        (json!("year"), "equals", january, [8, 6]),
        (json!("day-of-year"), "equals", january, [3, 1]),
        // Any other time is an instant, and so is midnight where hours count.
        (json!("month"), "equals", "2023-01-01T04:59:59Z", [4, 3]),
        (json!("year"), "equals", "2023-01-01T04:59:59Z", [8, 3]),
        (json!("year"), "equals", "2023-01-01T00:00:00+05:00", [1, 3]),
        (json!("hour"), "equals", january, [1, 1]),
        (json!("minute"), "equals", january, [1, 1]),
        (Value::Null, "equals", january, [1, 1]),
        (Value::Null, "less-than", january, [1, 1]),
        (Value::Null, "greater-than", january, [7, 7]),
    ] {
        let filter = json!({
            "field_id": "at", "operation": operation, "bucket": bucket, "value": value,
        });
        let found = [counted(&shops[0], &filter).await, counted(&shops[1], &filter).await];
        assert_eq!(found, wanted, "{filter}");
    }
    let both = json!({
        "field_id": "at", "operation": "equals", "bucket": "month",
        "values": ["2022-12-01T00:00:00Z", january],
    });
    let found = [counted(&shops[0], &both).await, counted(&shops[1], &both).await];
    assert_eq!(found, [5, 6], "{both}");
}

#[tokio::test]
async fn a_field_of_dates_takes_dates_as_they_are_written() {
    for zone in ZONES {
        let shop = open(zone).await;
        for day in [
            "1946-04-16",
            "1946-04-16T00:00:00Z",
            "1946-04-16T00:00:00.000Z",
            "1946-04-16T00:00:00+00:00",
        ] {
            for bucket in [Value::Null, json!("day")] {
                for (operation, wanted) in [
                    ("equals", 2),
                    ("not-equals", 7),
                    ("greater-than", 6),
                    ("greater-than-or-equal", 8),
                    ("less-than", 0),
                    ("less-than-or-equal", 2),
                ] {
                    let filter = json!({
                        "field_id": "born", "operation": operation, "bucket": bucket, "value": day,
                    });
                    assert_eq!(counted(&shop, &filter).await, wanted, "{zone}: {filter}");
                }
            }
            // April.
            let filter = equals("born", &json!("month"), &json!(day));
            assert_eq!(counted(&shop, &filter).await, 3, "{zone}: {filter}");
        }
        for time in [
            "1946-04-16T12:00:00Z",
            "1946-04-16T00:00:01Z",
            "1946-04-16T00:00:00.001Z",
            "1946-04-16T00:00:00+02:00",
            "1946-04-15T20:00:00-04:00",
        ] {
            for bucket in [Value::Null, json!("day"), json!("month"), json!("day-of-year")] {
                let filter = equals("born", &bucket, &json!(time));
                let body = json!({ "table_id": 1, "filters": [filter] });
                let told = shop.post("ana", "/v1/construct-query", body).await;
                let code = told.header("x-sandbar-code");
                assert_eq!((told.status, code), (400, "H0206"), "{zone} {filter}: {told:?}");
                assert!(told.body.contains("is not a date"), "{told:?}");
            }
        }
    }
}

#[tokio::test]
async fn values_and_statistics_are_given_back() {
    for zone in ZONES {
        let shop = open(zone).await;
        for (field, known, first, last) in [
            ("at", 9, "2022-12-31T23:30:00Z", "2023-11-05T06:30:00Z"),
            ("born", 8, "1946-04-16T00:00:00Z", "9999-12-31T00:00:00Z"),
        ] {
            let told = shop.get("ana", &format!("/v1/table/1/field/{field}/values")).await;
            let statistics = told.at("/statistics");
            let ends = (&statistics["earliest"], &statistics["latest"]);
            assert_eq!(ends, (&json!(first), &json!(last)), "{zone} {field}: {told:?}");
            let mut sum = 0;
            for value in told.at("/values").as_array().unwrap() {
                let count = counted(&shop, &equals(field, &Value::Null, value)).await;
                assert!(count > 0, "{zone} {field}: {value}");
                sum += count;
            }
            assert_eq!(sum, known, "{zone} {field}: {told:?}");
            for (operation, value) in
                [("greater-than-or-equal", first), ("less-than-or-equal", last)]
            {
                let filter = json!({ "field_id": field, "operation": operation, "value": value });
                assert_eq!(counted(&shop, &filter).await, known, "{zone}: {filter}");
            }
        }
    }
}
