//! What a question is made of, in words: all of it for an administrator, what he may see for an
//! asker.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Administrator, Engine, Principal, SemanticQuery, SqlDialect};

const MODEL: &str = "
tables:
  customers:
    primary_key: [id]
    fields: { id: {}, region: {} }
  orders:
    primary_key: [id]
    fields:
      id: {}
      customer_id: {}
      total: {}
      cost: { visibility: internal }
      status: {}
      margin: { expr: total - cost }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
  by_customer:
    query: { metrics: [revenue], group_by: [customer_id] }
    primary_key: [customer_id]
    fields: { customer_id: { type: integer }, revenue: { type: 'decimal(38,0)' } }
metrics:
  revenue: { table: orders, expr: sum(total), filter: status <> 'cancelled' }
  profit: { table: orders, expr: sum(margin) }
  costs: { table: orders, expr: sum(cost) }
  known: { table: customers, expr: count(*) }
  per_head: { ratio: { numerator: revenue, denominator: known } }
  mean_spent: { table: by_customer, expr: avg(revenue) }
";

const POLICIES: &str = "
groups: { sales: {} }
policies:
  sales: { groups: [sales], grant: { tables: [customers, orders, by_customer], rows: id > 0 } }
  over: { groups: [sales], grant: { tables: [by_customer] } }
";

async fn engine() -> Engine {
    let ints = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let texts = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let customers = RecordBatch::try_from_iter([("id", ints()), ("region", texts())]).unwrap();
    let orders = RecordBatch::try_from_iter([
        ("id", ints()),
        ("customer_id", ints()),
        ("total", ints()),
        ("cost", ints()),
        ("status", texts()),
    ]);
    let policies = POLICIES.replace("[customers, orders, by_customer]", "[customers, orders]");
    let builder = Engine::builder().model("m.yaml", MODEL).policies("p.yaml", &policies);
    let builder = builder.batches("customers", vec![customers]);
    builder.batches("orders", vec![orders.unwrap()]).build().await.unwrap()
}

/// What an asker and an administrator are told.
async fn check(query: &str, asker: &str, administrator: &str) {
    let engine = engine().await;
    let principal = Principal::asserted_by_host("somebody").group("sales").build().unwrap();
    let query = SemanticQuery::from_json(query).unwrap();
    let own = engine.session(principal.clone()).explain(&query).await.unwrap();
    let all = Administrator::asserted_by_host();
    let all = engine.explain_as(&all, &principal, &query).await.unwrap();
    let lines = |text: &str| text.lines().map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(lines(&own.outline.to_string()), asker.trim_start_matches('\n'));
    assert_eq!(lines(&all.outline.to_string()), administrator.trim_start_matches('\n'));
    assert!(own.policies.is_empty() && own.sql(SqlDialect::default()).is_none());
}

#[tokio::test]
async fn a_number_is_told_down_to_its_stored_fields() {
    let told = "
customers.region = orders.customer.region  [customers.region]
per_head = (sum(orders.total) where orders.status <> 'cancelled') / count(*)  [orders.total]
rows of orders, by orders.customer.region
  each with its customer (customers)
  where orders.customer.region is null or not orders.customer.region = 'z'
rows of customers, by customers.region
  where customers.region is null or not customers.region = 'z'
each of these is computed for itself, then put together by group
having per_head > 1.0
";
    let query = r#"{"metrics":["per_head"],"group_by":["customers.region"],
        "filter":{"field":"customers.region","op":"!=","value":"z"},
        "having":{"field":"per_head","op":">","value":1}}"#;
    check(query, told, told).await;
}

#[tokio::test]
async fn a_number_by_another_name_is_told_with_its_metric() {
    let told = "
n = known = count(*)
later = revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total]
rows of customers
rows of orders
each of these is computed for itself, then put together by group
";
    let query = r#"{"metrics":[{"name":"known","as":"n"},{"name":"revenue","as":"later"}]}"#;
    check(query, told, told).await;
    let engine = engine().await;
    let somebody = Principal::asserted_by_host("somebody").group("sales").build().unwrap();
    let query = SemanticQuery::from_json(query).unwrap();
    let told = engine.session(somebody).explain(&query).await.unwrap();
    let metrics = told.outline.columns.iter().map(|column| column.metric.as_deref());
    assert_eq!(metrics.collect::<Vec<_>>(), [Some("known"), Some("revenue")]);
}

#[tokio::test]
async fn l3_what_is_internal_is_told_to_an_administrator_only() {
    let asker = "
profit = sum(orders.margin)  [orders.total]
costs = (not shown)
rows of orders
";
    let administrator = "
profit = sum(orders.margin)  [orders.total, orders.cost]
costs = sum(orders.cost)  [orders.cost]
rows of orders
";
    check(r#"{"metrics":["profit","costs"]}"#, asker, administrator).await;
}

#[tokio::test]
async fn questions_in_questions_and_derived_tables_are_told_inside() {
    let told = "
mean_spent = avg(by_customer.revenue)  [by_customer.revenue]
rows of by_customer
  by_customer is made of
    customer_id = orders.customer_id  [orders.customer_id]
    revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total]
    rows of orders, by orders.customer_id
";
    check(r#"{"metrics":["mean_spent"]}"#, told, told).await;
    let told = "
max_revenue = max(revenue)  [orders.total]
from the answer to
  customer_id = orders.customer_id  [orders.customer_id]
  revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total]
  rows of orders, by orders.customer_id
where revenue > 5
";
    let query = r#"{"from":{"metrics":["revenue"],"group_by":["customer_id"]},
        "filter":{"field":"revenue","op":">","value":5},
        "aggregations":[{"function":"max","field":"revenue"}]}"#;
    check(query, told, told).await;
}
