//! Conditions of policies of which a part would be passed over: each is refused, and one that says
//! the same in words of the language shows the rows that it says. The rows are told by hand.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use sandbar::{Engine, EngineBuilder, Principal};
use serde_json::Value;

use crate::percentiles::answer;

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, total: {}, status: {}, day: {}, at: {} }
";

/// Totals 4.37, 4.52 and 20.00, on January 5, 6 and 7 of 2024, written on the 5th at 23:30 and on
/// the 6th at 1:00 and 4:30.
fn builder(rows: &str) -> EngineBuilder {
    // 2024-01-05 is day 19,727 since 1970.
    let minutes = |days: i64, minutes: i64| ((19_727 + days) * 24 * 60 + minutes) * 60_000_000;
    let times = vec![minutes(0, 23 * 60 + 30), minutes(1, 60), minutes(1, 4 * 60 + 30)];
    let total = Decimal128Array::from(vec![437, 452, 2_000]);
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("total", Arc::new(total.with_precision_and_scale(9, 2).unwrap())),
        ("status", Arc::new(StringArray::from(vec!["paid", "paid ", "test"]))),
        ("day", Arc::new(Date32Array::from(vec![19_727, 19_728, 19_729]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(times))),
    ];
    let policies = format!(
        "groups: {{ g: {{}} }}
policies: {{ a: {{ groups: [g], grant: {{ tables: [orders], rows: {} }} }} }}",
        Value::from(rows)
    );
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", &policies)
        .batches("orders", vec![RecordBatch::try_from_iter(columns).unwrap()])
}

/// `refused` is refused, and `written` shows the rows with these ids.
async fn check(refused: &str, written: &str, shown: &str) {
    let error = builder(refused).build().await.map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "E0202", "{refused}");
    assert!(error.to_string().contains("P0101"), "{refused}: {error}");
    let engine = builder(written).build().await.unwrap();
    let asker = Principal::asserted_by_host("eve").group("g").build().unwrap();
    let found = answer(&engine.session(asker), r#"{"table":"orders","fields":["id"]}"#).await;
    assert_eq!(found.as_deref(), Ok(format!("id\n{shown}").as_str()), "{written}");
}

#[tokio::test]
async fn l41_a_part_of_a_call_is_not_passed_over() {
    // Without the digits all three are 4.6 and more.
    check("ceil(total, 1) >= 4.6", "ceil(cast(total as number) * 10) >= 46", "2\n3\n").await;
    // From the second letter on `paid` is `aid`.
    check("substring(status for 3) = 'aid'", "substring(status, 1, 3) = 'aid'", "").await;
    check("substring(status for 3) = 'pai'", "substring(status from 1 for 3) = 'pai'", "1\n2\n")
        .await;
    check("trim(leading status) = 'paid'", "trim(status) = 'paid'", "1\n2\n").await;
    check("try_cast(id as integer array) = 1", "try_cast(id as integer) = 1", "1\n").await;
}

#[tokio::test]
async fn l42_the_zone_or_the_time_of_a_constant_is_not_passed_over() {
    // 20:00 in New York is 1:00 of the next day in UTC; 20:00 in UTC is before all three.
    let zoned = "at >= timestamp '2024-01-05 20:00:00[America/New_York]'";
    check(zoned, "at >= timestamp '2024-01-05 20:00:00-05:00'", "2\n3\n").await;
    let zoned = "at >= '2024-01-05T20:00:00[America/New_York]'";
    check(zoned, "at >= '2024-01-06T01:00:00'", "2\n3\n").await;
    check("day >= '2024-01-06 12:00:00'", "day > '2024-01-06'", "3\n").await;
    check("day >= date '2024-01-06T12:00:00'", "day > date '2024-01-06'", "3\n").await;
    check("at >= '2024-01-05T23:29:60'", "at > '2024-01-05T23:30:00'", "2\n3\n").await;
}
