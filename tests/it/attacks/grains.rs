//! Questions over several grains: what a policy hides counts in no part of them. The same questions
//! are asked where the hidden rows were never there, and have to get the same answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::told;

const MODEL: &str = "
tables:
  customers:
    primary_key: [id]
    time: since
    fields: { id: {}, tenant: {}, region: {}, since: {} }
  orders:
    primary_key: [id]
    time: paid_on
    fields: { id: {}, tenant: {}, customer_id: {}, total: {}, paid_on: {} }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
      labels: { to: labels, on: { id: order_id }, cardinality: one_to_many, bridge: true }
  returns:
    primary_key: [id]
    time: sent_on
    fields: { id: {}, tenant: {}, customer_id: {}, sent_on: {} }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
  labels: { fields: { order_id: {}, tenant: {}, label: {} } }
metrics:
  revenue: { table: orders, expr: sum(total) }
  placed: { table: orders, expr: count(*) }
  sent_back: { table: returns, expr: count(*) }
  known: { table: customers, expr: count(*) }
  buyers: { table: orders, expr: count(distinct customer_id) }
  middle: { table: orders, expr: median(total) }
  per_customer: { ratio: { numerator: revenue, denominator: known } }
  so_far: { cumulative: { metric: revenue } }
  buyers_so_far: { cumulative: { metric: buyers } }
  last_week: { cumulative: { metric: placed, window: { count: 7, unit: day } } }
  newest:
    { table: orders, expr: sum(total), semi_additive: { over: paid_on, pick: last, per: { fields: [customer_id] } } }
  dense: { table: orders, expr: count(*), join_to_timespine: true }
  followed:
    conversion:
      { base: placed, conversion: sent_back, entity: { base: customer_id, conversion: customer_id }, gives: count }
";

/// The rows of a table, with their tenants.
struct Rows {
    name: &'static str,
    tenants: Vec<&'static str>,
    columns: Vec<(&'static str, Column)>,
}

enum Column {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<&'static str>),
    Days(Vec<i32>),
}

fn tenant(n: i64) -> &'static str {
    ["a", "b", "c"][usize::try_from(n * 7 % 3).unwrap()]
}

/// Rows of three tenants that lead to each other across them.
fn world() -> Vec<Rows> {
    let ids = |count: i64| (0..count).map(Some).collect::<Vec<_>>();
    let tenants = |count: i64, shift: i64| (0..count).map(|n| tenant(n + shift)).collect();
    let day = |n: i64, span: i64| 20_500 + i32::try_from(n * 13 % span).unwrap();
    let days = |count: i64, span: i64| (0..count).map(|n| day(n, span)).collect::<Vec<_>>();
    let regions = (0..24).map(|n| ["north", "south"][n / 3 % 2]).collect();
    let leads = |count: i64| (0..count).map(|n| (n % 11 != 5).then_some(n * 5 % 27)).collect();
    let labels = (0..90).map(|n| ["new", "gift", "late"][n * 7 % 5 % 3]).collect();
    vec![
        Rows {
            name: "customers",
            tenants: tenants(24, 0),
            columns: vec![
                ("id", Column::Numbers(ids(24))),
                ("region", Column::Texts(regions)),
                ("since", Column::Days(days(24, 50))),
            ],
        },
        Rows {
            name: "orders",
            tenants: tenants(60, 1),
            columns: vec![
                ("id", Column::Numbers(ids(60))),
                ("customer_id", Column::Numbers(leads(60))),
                ("total", Column::Numbers((0..60).map(|n| Some(n * 17 % 23)).collect())),
                ("paid_on", Column::Days(days(60, 70))),
            ],
        },
        Rows {
            name: "returns",
            tenants: tenants(30, 2),
            columns: vec![
                ("id", Column::Numbers(ids(30))),
                ("customer_id", Column::Numbers(leads(30))),
                ("sent_on", Column::Days(days(30, 90))),
            ],
        },
        Rows {
            name: "labels",
            tenants: tenants(90, 0),
            columns: vec![
                ("order_id", Column::Numbers((0..90).map(|n| Some(n * 11 % 64)).collect())),
                ("label", Column::Texts(labels)),
            ],
        },
    ]
}

fn batch(rows: &Rows, keep: &dyn Fn(&str) -> bool) -> RecordBatch {
    let kept: Vec<usize> = (0..rows.tenants.len()).filter(|n| keep(rows.tenants[*n])).collect();
    let tenants: StringArray = kept.iter().map(|n| Some(rows.tenants[*n])).collect();
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![("tenant", Arc::new(tenants), true)];
    for (name, column) in &rows.columns {
        let array: ArrayRef = match column {
            Column::Numbers(cells) => {
                Arc::new(kept.iter().map(|n| cells[*n]).collect::<Int64Array>())
            }
            Column::Texts(cells) => {
                Arc::new(kept.iter().map(|n| Some(cells[*n])).collect::<StringArray>())
            }
            Column::Days(cells) => {
                Arc::new(kept.iter().map(|n| Some(cells[*n])).collect::<Date32Array>())
            }
        };
        columns.push((name, array, true));
    }
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn session(policy: &str, keep: &dyn Fn(&str) -> bool) -> Session {
    let mut builder =
        Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", policy);
    for rows in world() {
        builder = builder.batches(rows.name, vec![batch(&rows, keep)]);
    }
    let somebody = Principal::asserted_by_host("somebody").group("tenants");
    let somebody = somebody.attribute("tenant", "a").build().unwrap();
    builder.build().await.unwrap().session(somebody)
}

const QUESTIONS: [&str; 24] = [
    r#"{"metrics":["revenue","sent_back","known"]}"#,
    r#"{"metrics":["revenue","sent_back"],"group_by":["customer.region"]}"#,
    r#"{"metrics":["revenue","sent_back","known"],"group_by":["customers.region"]}"#,
    r#"{"metrics":["revenue","sent_back"],"group_by":[{"field":"metric_time","grain":"week"}]}"#,
    r#"{"metrics":["per_customer"],"group_by":["customers.region"]}"#,
    r#"{"metrics":["known"],"filter":{"exists":"orders"}}"#,
    r#"{"metrics":["known"],"filter":{"not":{"exists":"orders"}}}"#,
    r#"{"metrics":["known"],"filter":{"or":[{"field":"orders.total","op":">","value":20},{"field":"region","value":"north"}]}}"#,
    r#"{"metrics":["known"],"filter":{"exists":"orders","filter":{"exists":"labels","filter":{"field":"label","value":"late"}}}}"#,
    r#"{"metrics":["revenue"],"filter":{"metric":"placed","per":"customer","op":">","value":1}}"#,
    r#"{"metrics":["known"],"filter":{"metric":"placed","op":"=","value":0}}"#,
    r#"{"metrics":["known"],"filter":{"metric":"sent_back","op":"<","value":2}}"#,
    r#"{"metrics":["revenue"],"group_by":["customer_id"],"having":{"field":"revenue","op":">","value":15}}"#,
    r#"{"metrics":["revenue","buyers","middle"],"group_by":["customer.region"],"totals":[[]],"shares":["revenue"]}"#,
    r#"{"from":{"metrics":["placed"],"group_by":["customer_id"]},"group_by":["placed"],"aggregations":["count"]}"#,
    r#"{"metrics":["so_far","buyers_so_far"],"group_by":[{"field":"metric_time","grain":"month"}]}"#,
    r#"{"metrics":["last_week"],"group_by":[{"field":"metric_time","grain":"day"}]}"#,
    r#"{"metrics":["revenue",{"name":"revenue","as":"before","offset":{"unit":"week"}}],"group_by":[{"field":"metric_time","grain":"week"}]}"#,
    r#"{"metrics":["newest"],"group_by":["customer.region"]}"#,
    r#"{"metrics":["dense"],"group_by":[{"field":"metric_time","grain":"day"}]}"#,
    r#"{"metrics":["followed","placed"],"group_by":["customer.region"]}"#,
    r#"{"metrics":["revenue"],"group_by":["labels.label"],"totals":[[]]}"#,
    r#"{"metrics":[{"name":"revenue","as":"north","filter":{"field":"customer.region","value":"north"}},"revenue"]}"#,
    r#"{"table":"orders","fields":["id","customer.region"],"filter":{"not":{"exists":"labels"}},"limit":5}"#,
];

#[tokio::test]
async fn l50_hidden_rows_count_in_no_part_of_a_question() {
    let narrowed = "
attributes: { tenant: { type: text } }
groups: { tenants: {} }
policies:
  own:
    groups: [tenants]
    grant: { tables: [customers, orders, returns, labels], rows: tenant = attribute.tenant }
";
    let open = "
groups: { tenants: {} }
policies:
  all: { groups: [tenants], grant: { tables: [customers, orders, returns, labels] } }
";
    let under_policy = session(narrowed, &|_| true).await;
    let without_others = session(open, &|tenant| tenant == "a").await;
    let with_others = session(open, &|_| true).await;
    let mut different = 0;
    for question in QUESTIONS {
        let csv = async |session: &Session| {
            let answer = session.query_json(question).await;
            let answer = answer.unwrap_or_else(|e| panic!("{question}: {}", told(&e)));
            let answer = answer.collect().await;
            let answer = answer.unwrap_or_else(|e| panic!("{question}: {}", told(&e)));
            (answer.is_scoped(), answer.to_csv().unwrap())
        };
        let (scoped, found) = csv(&under_policy).await;
        let (open, expected) = csv(&without_others).await;
        assert_eq!(found, expected, "{question}");
        assert!(scoped && !open, "{question}");
        assert!(found.lines().count() > 1, "{question}");
        different += usize::from(csv(&with_others).await.1 != found);
    }
    // The rows of others would tell, if they counted.
    assert!(different >= QUESTIONS.len() - 2, "{different}");
}
