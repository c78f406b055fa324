//! Whose days and weeks count: a question has those that it says, a metric keeps those of the
//! model. And which of them do where the question says only from when on.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::reference::calendar::day;

const MODEL: &str = "
defaults: { time_zone: Europe/Berlin }
tables:
  sales:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {} }
  visits:
    primary_key: [id]
    time: at
    fields: { id: {}, who: {}, at: {} }
  buys:
    primary_key: [id]
    time: at
    fields: { id: {}, who: {}, at: {} }
  plans: { primary_key: [id], fields: { id: {}, month: { grain: month } } }
  stays:
    primary_key: [id]
    measures: { all: { expr: count(*) } }
    fields:
      id: {}
      at: {}
      day: {}
      on_day: { expr: cast(at as date) }
      begins: { expr: cast(day as datetime) }
      begun: { expr: at >= day }
      since:
        expr: >-
          at >= date '2024-03-11'
      listed:
        expr: >-
          at in (date '2024-03-11', timestamp '2024-03-10 22:30:00')
      is_midnight:
        expr: >-
          day = timestamp '2024-03-10 23:00:00'
      before:
        expr: >-
          day < timestamp '2024-03-10 23:00:01'
      not_yet:
        expr: >-
          day < timestamp '2024-03-10 22:59:59'
metrics:
  sold: { table: sales, expr: count(*) }
  stayed: { table: stays, expr: count(*), time: at }
  this_month: { cumulative: { metric: sold, to_date: month } }
  this_week: { cumulative: { metric: sold, to_date: week } }
  first_day: { derived: first, inputs: { first: { metric: sold, offset: { to: week } } } }
  visited: { table: visits, expr: count(*), join_to_timespine: true }
  bought: { table: buys, expr: count(*) }
  within_a_day:
    conversion:
      base: visited
      conversion: bought
      entity: { base: who, conversion: who }
      window: { count: 1, unit: day }
      gives: count
";

const POLICIES: &str = "
groups: { everyone: {} }
policies:
  all: { groups: [everyone], grant: { tables: [sales, visits, buys, stays, plans] } }
";

/// Minutes of a day of March 2024 in UTC.
fn at(of_month: i32, minute: i64) -> i64 {
    (i64::from(day(2024, 3, of_month)) * 1440 + minute) * 60_000_000
}

fn table(last: (&str, ArrayRef), count: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=count));
    let who: ArrayRef = Arc::new(StringArray::from_iter_values((1..=count).map(|_| "ann")));
    RecordBatch::try_from_iter([("id", ids), ("who", who), last]).unwrap()
}

fn instants(of: Vec<i64>) -> (&'static str, ArrayRef) {
    ("at", Arc::new(TimestampMicrosecondArray::from(of)))
}

async fn session() -> Session {
    // A Saturday, the Sunday after it, and the Monday after that.
    let days: ArrayRef =
        Arc::new(Date32Array::from_iter_values([2, 3, 4].map(|d| day(2024, 3, d))));
    // Noon in Berlin before the clocks were set forward, and three days later.
    let visits = instants(vec![at(30, 11 * 60), at(33, 10 * 60)]);
    // Half past twelve of the next day there, but 23 and a half hours later.
    let buys = instants(vec![at(31, 10 * 60 + 30)]);
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![table(("day", days), 3)])
        .batches("visits", vec![table(visits, 2)])
        .batches("buys", vec![table(buys, 1)])
        .batches("stays", vec![stays()])
        .batches("plans", vec![plans()])
        .clock(|| std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_711_972_800))
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ann").group("everyone").build().unwrap())
}

/// The first four months of a year; it is the first of April.
fn plans() -> RecordBatch {
    let months: ArrayRef =
        Arc::new(Date32Array::from_iter_values([1, 2, 3, 4].map(|m| day(2024, m, 1))));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=4));
    RecordBatch::try_from_iter([("id", ids), ("month", months)]).unwrap()
}

/// Half past midnight and half past eleven in the evening before, in Berlin; and the day between.
fn stays() -> RecordBatch {
    let (_, at) = instants(vec![at(10, 23 * 60 + 30), at(10, 22 * 60 + 30)]);
    let days: ArrayRef = Arc::new(Date32Array::from_iter_values([day(2024, 3, 11); 2]));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values([1, 2]));
    RecordBatch::try_from_iter([("id", ids), ("at", at), ("day", days)]).unwrap()
}

#[test]
fn a_day_beside_an_instant_is_one_of_the_models_zone() {
    for (fields, first, second) in [
        (r#""on_day""#, "2024-03-11", "2024-03-10"),
        (r#""begins""#, "2024-03-10T23:00:00Z", "2024-03-10T23:00:00Z"),
        (r#""begun","since""#, "true,true", "false,false"),
        (r#""listed""#, "false", "true"),
        (r#""is_midnight","before","not_yet""#, "true,true,false", "true,true,false"),
    ] {
        for zone in ["UTC", "Asia/Tokyo"] {
            let query = format!(r#"{{"table":"stays","fields":[{fields}],"time_zone":"{zone}"}}"#);
            let rows = answer(&query);
            let rows: Vec<&str> = rows.lines().skip(1).collect();
            assert_eq!(rows, [first, second], "{query}");
        }
    }
}

#[test]
fn a_measure_of_a_table_without_a_time_has_none_beside_a_metric_either() {
    let time = r#""filter": { "field": "metric_time", "op": "previous", "unit": "month" }"#;
    for number in [
        format!(r#""measures": [{{ "name": "all", {time} }}]"#),
        format!(r#""aggregations": [{{ "function": "count", {time} }}]"#),
        r#""aggregations": [{ "function": "max", "field": "metric_time" }]"#.to_owned(),
    ] {
        check(&format!(r#"{{ "table": "stays", {number} }}"#), "Q0144");
        check(&format!(r#"{{ "table": "stays", "metrics": ["stayed"], {number} }}"#), "Q0144");
    }
    // Both were in March.
    let query = format!(r#"{{ "metrics": [{{ "name": "stayed", {time} }}] }}"#);
    check(&query, "stayed\n2\n");
}

fn answer(query: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        match session().await.query_json(query).await {
            Ok(answer) => answer.collect().await.unwrap().to_csv().unwrap(),
            Err(error) => error.code().to_owned(),
        }
    })
}

#[track_caller]
fn check(query: &str, expected: &str) {
    assert_eq!(answer(query), expected);
}

#[test]
fn a_week_to_date_is_a_week_of_the_model() {
    let query = r#"{ "metrics": ["this_week"], "week_start": "sunday",
        "group_by": [{ "field": "metric_time", "grain": "day" }] }"#;
    check(query, "metric_time,this_week\n2024-03-02,1\n2024-03-03,2\n2024-03-04,1\n");
}

#[test]
fn weeks_of_a_question_tell_the_weeks_to_date_of_the_model() {
    let query = r#"{ "metrics": ["this_week"], "week_start": "sunday",
        "group_by": [{ "field": "metric_time", "grain": "week" }] }"#;
    // The week of Sunday the 3rd ends with the 4th, the newest day: a Monday.
    check(query, "metric_time,this_week\n2024-02-25,1\n2024-03-03,1\n");
}

#[test]
fn the_start_of_a_week_is_that_of_whoever_says_it() {
    let keys = r#""week_start": "sunday",
        "group_by": [{ "field": "metric_time", "grain": "day" }],
        "filter": { "field": "metric_time", "op": "between", "values": ["2024-03-03", "2024-03-05"] }"#;
    let modelled = format!(r#"{{ "metrics": ["first_day"], {keys} }}"#);
    check(&modelled, "metric_time,first_day\n2024-03-04,1\n2024-03-05,1\n");
    let asked = format!(
        r#"{{ "metrics": [{{ "name": "sold", "as": "first", "offset": {{ "to": "week" }} }}], {keys} }}"#
    );
    check(&asked, "metric_time,first\n2024-03-03,1\n2024-03-04,1\n2024-03-05,1\n");
}

#[test]
fn a_week_of_a_question_has_no_start_of_a_week_of_the_model() {
    let query = r#"{ "metrics": ["first_day"], "week_start": "sunday",
        "group_by": [{ "field": "metric_time", "grain": "week" }] }"#;
    check(query, "Q0151");
    check(
        &query.replace("sunday", "monday"),
        "metric_time,first_day\n2024-02-26,2\n2024-03-04,1\n",
    );
}

#[test]
fn the_window_of_events_is_of_days_of_the_model() {
    for zone in ["Europe/Berlin", "UTC"] {
        let query = format!(r#"{{ "metrics": ["within_a_day"], "time_zone": "{zone}" }}"#);
        check(&query, "within_a_day\n0\n");
    }
}

#[test]
fn events_that_follow_have_a_row_for_each_period_where_the_first_ones_do() {
    let query = r#"{ "metrics": ["within_a_day"], "filter":
          { "field": "metric_time", "op": "between", "values": ["2024-03-30", "2024-03-31"] },
        "group_by": [{ "field": "metric_time", "grain": "day" }] }"#;
    check(query, "metric_time,within_a_day\n2024-03-30,0\n2024-03-31,0\n");
}

#[test]
fn a_period_without_an_asked_end_is_told_on_its_newest_day() {
    let query = |from: &str| {
        format!(
            r#"{{ "metrics": ["this_week", "this_month"],
            "group_by": [{{ "field": "metric_time", "grain": "year" }}],
            "filter": {{ "field": "metric_time", "op": ">=", "value": "{from}" }} }}"#
        )
    };
    check(&query("2024-03-03"), "metric_time,this_week,this_month\n2024-01-01,1,3\n");
    // There is no such day.
    check(&query("2024-03-05"), "metric_time,this_week,this_month\n");
}

#[test]
fn z8_months_are_compared_with_whole_months() {
    for (condition, count) in [
        (r#""op": "<", "value": "2024-03-01""#, 2),
        (r#""op": "<=", "value": "2024-02-29""#, 2),
        (r#""op": "<=", "value": "2024-02-01""#, 2),
        (r#""op": ">", "value": "2024-01-31""#, 3),
        (r#""op": "between", "values": ["2024-02-01", "2024-03-31"]"#, 2),
        (r#""op": "in", "values": ["2024-02-01", "2024-04-01"]"#, 2),
        (r#""op": "previous", "unit": "month", "count": 2"#, 2),
        (r#""op": "this", "unit": "year""#, 4),
        (r#""grain": "quarter_of_year", "value": 1"#, 3),
    ] {
        let query = format!(
            r#"{{"table":"plans","aggregations":["count"],"filter":{{"field":"month",{condition}}}}}"#
        );
        check(&query, &format!("count\n{count}\n"));
    }
    for condition in [
        r#""op": "<", "value": "2024-03-15""#,
        r#""op": "=", "value": "2024-03-31""#,
        r#""op": ">=", "value": "2024-02-29""#,
        r#""op": "previous", "unit": "week""#,
    ] {
        let query = format!(
            r#"{{"table":"plans","aggregations":["count"],"filter":{{"field":"month",{condition}}}}}"#
        );
        check(&query, "Q0152");
    }
}
