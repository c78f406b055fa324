//! Numbers over time where no filter says until when: all of one answer end with one day. The
//! expected numbers are counted by hand.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_shop::ASKERS;
use sandbar_testkit::{csv, principal, shop};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {}, shipped: {}, returned: {}, total: {}, status: {} }
  tickets:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {} }
metrics:
  rev: { table: orders, expr: sum(total) }
  placed: { table: orders, expr: count(*), join_to_timespine: true }
  paid: { table: orders, expr: sum(total), filter: status = 'paid' }
  sent: { table: orders, expr: count(*), time: shipped }
  handed_over: { table: orders, expr: count(*), time: shipped, join_to_timespine: true }
  back: { table: orders, expr: count(*), time: returned }
  tick: { table: tickets, expr: count(*) }
  all_tick: { cumulative: { metric: tick } }
  all_sent: { cumulative: { metric: sent } }
  all_back: { cumulative: { metric: back } }
  all_paid: { cumulative: { metric: paid } }
  rev_7: { cumulative: { metric: rev, window: { count: 7, unit: day } } }
  first_of_quarter: { cumulative: { metric: rev, to_date: quarter, report: first } }
  per_earlier:
    derived: rev / before
    inputs: { before: { metric: tick, offset: { count: 1, unit: month } } }
  per_tick: { ratio: { numerator: rev, denominator: all_tick } }
";
const POLICIES: &str = "
groups: { all: {}, paid: {} }
policies:
  all: { groups: [all], grant: { tables: [orders, tickets] } }
  paid: { groups: [paid], grant: { tables: [tickets] } }
  only_paid: { groups: [paid], grant: { tables: [orders], rows: status = 'paid' } }
";
/// 2026-01-01.
const FIRST: i32 = 20_454;

async fn session(group: &str) -> Session {
    // 10 January, 10 February, 20 March; 5 January, 7 February, 20 February.
    let days = |days: [i32; 3]| Arc::new(Date32Array::from(days.map(|day| FIRST + day).to_vec()));
    // 15 January, 1 February, and never.
    let returned: ArrayRef =
        Arc::new(Date32Array::from(vec![Some(FIRST + 14), Some(FIRST + 31), None]));
    let ids = || Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    let orders: [(&str, ArrayRef); 6] = [
        ("id", ids()),
        ("day", days([9, 40, 78])),
        ("shipped", days([10, 11, 12])),
        ("returned", returned),
        ("total", Arc::new(Int64Array::from(vec![100, 20, 3]))),
        ("status", Arc::new(StringArray::from(vec!["paid", "paid", "open"]))),
    ];
    let tickets: [(&str, ArrayRef); 2] = [("id", ids()), ("day", days([4, 37, 50]))];
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("orders", vec![RecordBatch::try_from_iter(orders).unwrap()])
        .batches("tickets", vec![RecordBatch::try_from_iter(tickets).unwrap()])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ana").group(group).build().unwrap())
}

async fn check(group: &str, question: &str, expected: &[&str]) {
    let answer = session(group).await.query_json(question).await.unwrap();
    let text = answer.collect().await.unwrap().to_csv().unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows, expected, "{question}");
}

#[tokio::test]
async fn numbers_go_on_beside_those_of_other_tables() {
    check(
        "all",
        r#"{ "metrics": ["rev",
            { "name": "tick", "as": "tick_before", "offset": { "count": 1, "unit": "month" } },
            "per_earlier", "all_tick", "per_tick"],
          "group_by": [{ "field": "metric_time", "grain": "month" }] }"#,
        &[
            "2026-01-01,100,0,,1,100.0",
            "2026-02-01,20,1,20.0,3,6.666666666666667",
            "2026-03-01,3,2,1.5,3,1.0",
        ],
    )
    .await;
}

#[tokio::test]
async fn numbers_go_on_beside_those_of_more_rows_of_the_table() {
    let question = r#"{ "metrics": ["rev",
            { "name": "paid", "as": "before", "offset": { "count": 1, "unit": "month" } },
            "all_paid"],
          "group_by": [{ "field": "metric_time", "grain": "month" }] }"#;
    let rows = ["2026-01-01,100,,100", "2026-02-01,20,100,120", "2026-03-01,3,20,120"];
    check("all", question, &rows).await;
    // Whoever does not see the last order is told nothing of March.
    check("paid", question, &rows[..2]).await;
}

#[tokio::test]
async fn numbers_go_on_beside_those_of_a_later_time() {
    check(
        "all",
        r#"{ "metrics": ["rev", "all_sent"],
          "group_by": [{ "field": "metric_time", "grain": "month" }] }"#,
        &["2026-01-01,100,3", "2026-02-01,20,3", "2026-03-01,3,3"],
    )
    .await;
}

#[tokio::test]
async fn what_is_made_up_goes_by_the_time_of_its_table_beside_a_number_of_another() {
    let made_up = r#"{ "function": "max", "field": "metric_time", "as": "last" },
        { "function": "count", "as": "late",
          "filter": { "field": "metric_time", "op": ">=", "value": "2026-02-01" } }"#;
    let alone = format!(r#"{{ "table": "orders", "aggregations": [{made_up}] }}"#);
    check("all", &alone, &["2026-03-20,2"]).await;
    let beside =
        format!(r#"{{ "table": "orders", "metrics": ["sent"], "aggregations": [{made_up}] }}"#);
    check("all", &beside, &["3,2026-03-20,2"]).await;
}

#[tokio::test]
async fn the_last_period_is_told_on_the_last_day() {
    let month = r#""group_by": [{ "field": "metric_time", "grain": "month" }]"#;
    let paid =
        r#"{ "name": "rev_7", "as": "paid_7", "filter": { "field": "status", "value": "paid" } }"#;
    // On the last days of January and February there are seven days without an order.
    check("all", &format!(r#"{{ "metrics": ["rev_7"], {month} }}"#), &["2026-03-01,3"]).await;
    check("all", &format!(r#"{{ "metrics": [{paid}], {month} }}"#), &["2026-02-01,20"]).await;
    let both = format!(r#"{{ "metrics": ["rev_7", {paid}], {month} }}"#);
    check("all", &both, &["2026-03-01,3,"]).await;
}

#[tokio::test]
async fn periods_without_data_have_a_row_beside_a_number_of_another_time() {
    for numbers in [r#""placed", "sent""#, r#""sent", "placed""#] {
        let question = format!(
            r#"{{ "metrics": [{numbers}], "group_by": [{{ "field": "day", "grain": "week" }}],
                "filter": {{ "field": "day", "op": "in_range",
                             "values": ["2026-02-09", "2026-03-02"] }} }}"#
        );
        check("all", &question, &["2026-02-09,1,1", "2026-02-16,0,0", "2026-02-23,0,0"]).await;
    }
}

#[tokio::test]
async fn two_numbers_with_a_row_for_each_period_of_their_times_are_told_by_their_names() {
    let question = r#"{ "metrics": ["placed", "handed_over"],
        "group_by": [{ "field": "day", "grain": "month" }, { "field": "shipped", "grain": "month" }] }"#;
    let refused = session("all").await.query_json(question).await.unwrap_err();
    let [problem] = refused.problems() else { panic!("{refused}") };
    assert_eq!(problem.code, "Q0151");
    assert_eq!(
        problem.message,
        "`placed` and `handed_over` have a row for each period of different times: group by one of \
         these, or ask for them apart"
    );
}

/// The newest day is 20 March, so that a stretch from the 21st on has none, whatever stands beside.
/// Of the second order, sent by 12 January, the day is 10 February: no period is missing before it.
#[tokio::test]
async fn periods_without_data_have_a_row_within_the_stretch_alone() {
    for metrics in [r#"["sent","placed"]"#, r#"["placed","sent"]"#] {
        let question = format!(
            r#"{{"metrics":{metrics},"group_by":["day"],
                "filter":{{"field":"metric_time","op":"<=","value":"2026-01-12"}}}}"#
        );
        let february = if metrics.starts_with("[\"sent") { "1,0" } else { "0,1" };
        let february = format!("2026-02-10,{february}");
        let expected = ["2026-01-10,1,1", "2026-01-11,0,0", "2026-01-12,0,0", &february];
        check("all", &question, &expected).await;
    }
}

#[tokio::test]
async fn a_stretch_that_begins_after_the_newest_day_tells_nothing() {
    let month = r#""group_by": [{ "field": "metric_time", "grain": "month" }]"#;
    let january = r#"{ "name": "rev", "as": "of_january", "offset": { "to": "quarter" } }"#;
    let ask = |numbers: &str, filter: &str| {
        format!(
            r#"{{ "metrics": [{numbers}], {month},
                "filter": {{ "field": "metric_time", {filter} }} }}"#
        )
    };
    let both = format!(r#""all_tick", {january}"#);
    for numbers in [r#""all_tick""#, january, both.as_str()] {
        check("all", &ask(numbers, r#""op": ">=", "value": "2026-03-21""#), &[]).await;
    }
    let march = ["2026-03-01,3,100"];
    check("all", &ask(&both, r#""op": ">=", "value": "2026-03-20""#), &march).await;
    let range = r#""op": "in_range", "values": ["2026-03-21", "2026-04-01"]"#;
    check("all", &ask(&both, range), &march).await;
}

/// The orders of the weeks from 5 January, 9 February and 16 March, four weeks later.
#[tokio::test]
async fn periods_without_data_go_on_beside_those_of_another_time() {
    let ask = |keys: &str, filter: &str| {
        format!(
            r#"{{ "metrics": [
                {{ "name": "placed", "as": "n", "offset": {{ "count": 4, "unit": "week" }} }}],
              "group_by": [{{ "field": "metric_time", "grain": "week" }}{keys}]{filter} }}"#
        )
    };
    let all = [
        "2026-02-02,1",
        "2026-02-09,0",
        "2026-02-16,0",
        "2026-02-23,0",
        "2026-03-02,0",
        "2026-03-09,1",
        "2026-03-16,0",
    ];
    check("all", &ask("", ""), &all).await;
    let by_status: Vec<String> = all.iter().map(|row| row.replacen(',', ",paid,", 1)).collect();
    let by_status: Vec<&str> = by_status.iter().map(String::as_str).collect();
    check("all", &ask(r#", "status""#, ""), &by_status).await;
    let from = |day: &str| {
        format!(r#", "filter": {{ "field": "metric_time", "op": ">=", "value": "{day}" }}"#)
    };
    check("all", &ask("", &from("2026-03-09")), &all[5..]).await;
    // Nothing is moved to the last week, and there is one all the same; then there is none.
    check("all", &ask("", &from("2026-03-16")), &all[6..]).await;
    check("all", &ask("", &from("2026-03-21")), &[]).await;
}

#[tokio::test]
async fn a_stretch_that_begins_has_to_end() {
    let session = session("all").await;
    let from = r#""filter": { "field": "metric_time", "op": ">=", "value": "2026-02-01" }"#;
    let to = r#""filter": { "field": "metric_time", "op": "<", "value": "2026-02-01" }"#;
    let before = r#"{ "name": "rev", "as": "before", "offset": { "count": 1, "unit": "month" } }"#;
    for (metric, filter) in [
        (before, from),
        (r#""per_earlier""#, from),
        (r#""all_tick""#, from),
        (r#""rev_7""#, from),
        (r#""first_of_quarter""#, to),
    ] {
        let question = format!(r#"{{ "metrics": [{metric}], {filter} }}"#);
        let refused = session.query_json(&question).await.unwrap_err();
        assert_eq!(refused.code(), "Q0151", "{question}");
    }
    check("all", &format!(r#"{{ "metrics": ["all_tick"], {to} }}"#), &["1"]).await;
}

/// No filter and no grain: the plain total. A row without a time lies in no period and no stretch.
#[tokio::test]
async fn what_is_accumulated_over_all_time_is_the_total_where_no_time_is_asked() {
    let plain = r#"{ "metrics": ["all_back", "back"] }"#;
    check("all", plain, &["3,3"]).await;
    let by_month = r#"{ "metrics": ["all_back"],
        "group_by": [{ "field": "metric_time", "grain": "month" }] }"#;
    check("all", by_month, &["2026-01-01,1", "2026-02-01,2"]).await;
    let to_the_end = r#"{ "metrics": ["all_back"],
        "filter": { "field": "metric_time", "op": "<=", "value": "9999-12-31" } }"#;
    check("all", to_the_end, &["2"]).await;
}

#[tokio::test]
async fn a_stretch_is_told_on_its_first_day_where_that_is_what_is_reported() {
    let stretch = r#""filter": { "field": "metric_time", "op": "in_range", "values": ["2026-02-05", "2026-03-01"] }"#;
    let alone = format!(r#"{{ "metrics": ["first_of_quarter"], {stretch} }}"#);
    check("all", &alone, &["100"]).await;
    let month = r#""group_by": [{ "field": "metric_time", "grain": "month" }]"#;
    let by_month = format!(r#"{{ "metrics": ["first_of_quarter"], {stretch}, {month} }}"#);
    check("all", &by_month, &["2026-02-01,100"]).await;
}

/// No day of February is one of January: such a stretch has none to be told on.
#[tokio::test]
async fn a_stretch_without_a_day_tells_nothing() {
    let range = |from: &str, to: &str| {
        format!(r#"{{ "field": "metric_time", "op": "in_range", "values": ["{from}", "{to}"] }}"#)
    };
    let (february, january) =
        (range("2026-02-10", "2026-02-15"), range("2026-01-01", "2026-02-01"));
    let both = format!(r#"{{ "and": [{february}, {january}] }}"#);
    for (metric, of_february, of_none) in
        [("first_of_quarter", "120", ""), ("rev_7", "20", ""), ("all_tick", "2", "0")]
    {
        for (filter, expected) in [
            (&february, of_february),
            (&both, of_none),
            (&range("2026-02-15", "2026-02-10"), of_none),
            (&range("2026-02-10", "2026-02-10"), of_none),
        ] {
            let question = format!(r#"{{ "metrics": ["{metric}"], "filter": {filter} }}"#);
            check("all", &question, &[expected]).await;
        }
    }
    let earlier = r#"{ "name": "rev", "as": "then", "offset": { "count": 1, "unit": "month" } }"#;
    let filter = range("2026-03-11", "2026-03-10");
    let question = format!(r#"{{ "metrics": [{earlier}], "filter": {filter} }}"#);
    check("all", &question, &[""]).await;
    let filter = range("2026-03-10", "2026-03-11");
    let question = format!(r#"{{ "metrics": [{earlier}], "filter": {filter} }}"#);
    check("all", &question, &["20"]).await;
}

/// Periods without data have totals as they have groups.
#[tokio::test]
async fn periods_without_data_have_totals() {
    check(
        "all",
        r#"{ "metrics": ["placed"],
          "group_by": [{ "field": "metric_time", "grain": "month", "as": "month" }, "status"],
          "filter": { "field": "metric_time", "op": "in_range",
                      "values": ["2026-01-01", "2026-05-01"] },
          "totals": [["month"], ["status"], []] }"#,
        &[
            "2026-01-01,open,0,0",
            "2026-01-01,paid,1,0",
            "2026-02-01,open,0,0",
            "2026-02-01,paid,1,0",
            "2026-03-01,open,1,0",
            "2026-03-01,paid,0,0",
            "2026-04-01,open,0,0",
            "2026-04-01,paid,0,0",
            "2026-01-01,,1,1",
            "2026-02-01,,1,1",
            "2026-03-01,,1,1",
            "2026-04-01,,0,1",
            ",open,1,2",
            ",paid,2,2",
            ",,3,3",
        ],
    )
    .await;
}

/// A number of an earlier time is that of the days that those of the stretch are moved to, as it is
/// where they are asked for themselves.
#[tokio::test]
async fn o3_a_part_of_a_month_is_moved_by_its_days_and_a_month_as_a_whole() {
    let engine = shop().build().await.unwrap();
    let ana = engine.session(principal(&ASKERS[0]));
    let stretch = |from: &str, to: &str| {
        format!(r#""filter":{{"field":"metric_time","op":"between","values":["{from}","{to}"]}}"#)
    };
    let number = async |question: String| {
        let rows = csv(&ana, &question).await.unwrap_or_else(|told| panic!("{question}: {told}"));
        rows.lines().nth(1).unwrap().to_owned()
    };
    for (unit, from, to, first, last) in [
        ("month", "2026-06-30", "2026-06-30", "2026-05-30", "2026-05-30"),
        ("month", "2026-06-02", "2026-06-30", "2026-05-02", "2026-05-30"),
        ("month", "2026-06-01", "2026-06-30", "2026-05-01", "2026-05-31"),
        ("quarter", "2026-06-16", "2026-06-30", "2026-03-16", "2026-03-30"),
        ("quarter", "2026-05-16", "2026-06-30", "2026-02-16", "2026-03-31"),
        ("year", "2025-02-28", "2025-02-28", "2024-02-28", "2024-02-28"),
        ("year", "2025-02-01", "2025-02-28", "2024-02-01", "2024-02-29"),
    ] {
        let moved = format!(
            r#"{{"metrics":[{{"name":"order_count","offset":{{"count":1,"unit":"{unit}"}},"as":"n"}}],{}}}"#,
            stretch(from, to)
        );
        let plain = format!(r#"{{"metrics":["order_count"],{}}}"#, stretch(first, last));
        let (moved, plain) = (number(moved).await, number(plain).await);
        assert_eq!(moved, plain, "{unit} before {from} to {to}");
        assert_ne!(plain, "0", "{first} to {last}");
    }
}
