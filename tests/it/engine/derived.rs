//! Derived tables: a question that is a table, asked with the rights of whoever asks.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Error, Principal, Session};
use sandbar_testkit::told;

use super::csv;

const MODEL: &str = "
collections: { shelf: {} }
tables:
  customers:
    primary_key: [id]
    fields: { id: {}, tenant: {}, name: {}, region: {} }
    relationships:
      spending: { to: spending, on: { id: customer_id }, cardinality: one_to_one }
  orders:
    primary_key: [id]
    time: paid_on
    fields: { id: {}, tenant: {}, customer_id: {}, total: {}, paid_on: {} }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
  spending:
    query: { metrics: [revenue], group_by: [customer_id], aggregations: [{ function: max, field: id, as: last_id }] }
    primary_key: [customer_id]
    fields:
      customer_id: { type: integer }
      revenue: { type: 'decimal(38,0)', unit: EUR }
      last_id: { type: integer }
      per_13: { expr: 'div(100, last_id - 6)' }
    segments: { good: { where: revenue > 6 } }
    measures: { mean: { expr: avg(revenue) } }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: one_to_one }
      last: { to: orders, on: { last_id: id }, cardinality: many_to_one }
  monthly:
    query: { metrics: [revenue], group_by: [{ field: paid_on, grain: month, as: month }] }
    primary_key: [month]
    time: month
    fields: { month: { type: date, grain: month }, revenue: { type: 'decimal(38,0)' } }
  good_customers:
    query: { table: spending, segments: [good], fields: [customer_id, { field: customer.region, as: region }, revenue] }
    primary_key: [customer_id]
    collection: shelf
    fields: { customer_id: { type: integer }, region: { type: text }, amount: { type: 'decimal(38,0)', column: revenue } }
  named:
    query: { table: customers, fields: [id, name] }
    fields: { id: { type: integer }, name: { type: text } }
  best_two:
    query: { metrics: [revenue], group_by: [customer_id], order_by: [{ field: revenue, order: desc }], limit: 2 }
    fields: { customer_id: { type: integer }, revenue: { type: 'decimal(38,0)' } }
  means:
    query:
      from: { metrics: [revenue], group_by: [customer.region, customer_id] }
      group_by: [customer.region]
      aggregations: [{ function: avg, field: revenue, as: mean }]
    primary_key: [region]
    fields: { region: { type: text, column: customer.region }, mean: { type: 'decimal(38,4)' } }
metrics:
  revenue: { table: orders, expr: sum(total) }
  mean_spending: { table: spending, expr: avg(revenue) }
  best_month: { table: monthly, expr: max(revenue) }
  spread: { derived: best_month - mean_spending }
  locked: { table: orders, expr: count(*), collection: shelf }
";

const POLICIES: &str = "
attributes: { tenant: { type: text } }
groups: { chiefs: {}, tenants: {}, poor: {}, shelved: {}, kept: {} }
policies:
  all: { groups: [chiefs], grant: { tables: [customers, orders, spending, monthly, good_customers, named, best_two, means] } }
  own: { groups: [tenants, poor], grant: { tables: [orders, customers], rows: tenant = attribute.tenant } }
  over: { groups: [tenants, poor], grant: { tables: [spending, monthly, good_customers, named, best_two, means] } }
  no_totals: { groups: [poor], deny: { tables: [orders], fields: [total] } }
  shelf: { groups: [chiefs, shelved, kept], grant: { collections: [shelf] } }
  kept: { groups: [kept], grant: { tables: [orders, customers], rows: tenant = attribute.tenant } }
  kept_over: { groups: [kept], grant: { tables: [spending] } }
";

/// The same, with masks in the groups that have them.
const MASKS: &str = "
attributes: { tenant: { type: text } }
groups: { tenants: {}, hashed: {}, starred: {} }
policies:
  hashed_orders: { groups: [hashed], grant: { tables: [orders], rows: tenant = attribute.tenant, masks: { total: { constant: 1 } } } }
  hashed_people: { groups: [hashed], grant: { tables: [customers], rows: tenant = attribute.tenant, masks: { name: { prefix: 1 } } } }
  starred_orders: { groups: [starred], grant: { tables: [orders], rows: tenant = attribute.tenant, masks: { customer_id: { constant: 1 } } } }
  starred_people: { groups: [starred], grant: { tables: [customers], rows: tenant = attribute.tenant } }
  over: { groups: [hashed, starred], grant: { tables: [spending, monthly, good_customers, named, means], masks: {} } }
";

fn sources() -> [(&'static str, RecordBatch); 2] {
    let ints = |all: &[Option<i64>]| Arc::new(Int64Array::from(all.to_vec())) as ArrayRef;
    let texts = |all: &[&str]| Arc::new(StringArray::from(all.to_vec())) as ArrayRef;
    // 2026-01-05, and days after it.
    let days = [5, 20, 32, 41, 42, 60].map(|day| 20_453 + day);
    let customers = RecordBatch::try_from_iter([
        ("id", ints(&[Some(1), Some(2), Some(3)])),
        ("tenant", texts(&["a", "a", "b"])),
        ("name", texts(&["Ann", "Bob", "Cid"])),
        ("region", texts(&["north", "south", "north"])),
    ]);
    let orders = RecordBatch::try_from_iter([
        ("id", ints(&[1, 2, 3, 4, 5, 6].map(Some))),
        ("tenant", texts(&["a", "a", "a", "b", "a", "b"])),
        ("customer_id", ints(&[Some(1), Some(1), Some(2), Some(3), Some(1), None])),
        ("total", ints(&[10, 20, 5, 100, 30, 7].map(Some))),
        ("paid_on", Arc::new(Date32Array::from(days.to_vec())) as ArrayRef),
    ]);
    [("customers", customers.unwrap()), ("orders", orders.unwrap())]
}

async fn built(model: &str, policies: &str) -> Result<Engine, Error> {
    let mut builder = Engine::builder().model("model.yaml", model);
    if !policies.is_empty() {
        builder = builder.policies("policies.yaml", policies);
    }
    for (name, batch) in sources() {
        builder = builder.batches(name, vec![batch]);
    }
    builder.build().await
}

fn one(engine: &Engine, group: &str, tenant: Option<&str>) -> Session {
    let principal = Principal::asserted_by_host("somebody").group(group);
    let principal = match tenant {
        Some(tenant) => principal.attribute("tenant", tenant),
        None => principal,
    };
    engine.session(principal.build().unwrap())
}

async fn refused(session: &Session, query: &str) -> String {
    told(&session.query_json(query).await.expect_err(query))
}

const ALL: &str = r#"{"table":"spending","fields":["customer_id","revenue"]}"#;

#[tokio::test]
async fn a_derived_table_is_asked_like_any_other() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let chief = one(&engine, "chiefs", None);
    // Revenue by customer: 10 + 20 + 30, 5, 100, and 7 of nobody.
    assert_eq!(csv(&chief, ALL).await, "customer_id,revenue\n1,60\n2,5\n3,100\n,7\n");
    let good =
        r#"{"table":"spending","segments":["good"],"aggregations":["count"],"measures":["mean"]}"#;
    // (60 + 100 + 7) / 3
    assert_eq!(csv(&chief, good).await, "mean,count\n55.6667,3\n");
    let regions = r#"{"table":"spending","group_by":["customer.region"],"measures":["mean"]}"#;
    assert_eq!(
        csv(&chief, regions).await,
        "customer.region,mean\nnorth,80.0000\nsouth,5.0000\n,7.0000\n"
    );
    let means = r#"{"table":"means"}"#;
    assert_eq!(csv(&chief, means).await, "region,mean\nnorth,80.0000\nsouth,5.0000\n,7.0000\n");
    // Nobody's 7 was paid on order 6, the last of which is in March.
    let last = r#"{"table":"spending","fields":["customer_id","last.total"]}"#;
    assert_eq!(csv(&chief, last).await, "customer_id,last.total\n1,30\n2,5\n3,100\n,7\n");
    // From a stored table to a derived one.
    let theirs = r#"{"table":"customers","fields":["name","spending.revenue"]}"#;
    assert_eq!(csv(&chief, theirs).await, "name,spending.revenue\nAnn,60\nBob,5\nCid,100\n");
    let over = r#"{"table":"good_customers","fields":["customer_id","region","amount"]}"#;
    let rows = "customer_id,region,amount\n1,north,60\n3,north,100\n,,7\n";
    assert_eq!(csv(&chief, over).await, rows);
    let best =
        r#"{"table":"best_two","aggregations":[{"function":"sum","field":"revenue","as":"sum"}]}"#;
    assert_eq!(csv(&chief, best).await, "sum\n160\n");
}

#[tokio::test]
async fn an_answer_has_the_groups_that_a_table_of_its_rows_has() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let chief = one(&engine, "chiefs", None);
    let of = |rows: &str, second: &str| {
        format!(
            r#"{{{rows},"group_by":["customer.region"],"aggregations":[
                {{"function":"sum","field":"revenue","as":"a","filter":{{"field":"customer_id","value":1}}}},
                {{"function":"count","as":"b","filter":{{"field":"customer_id","value":{second}}}}}]}}"#
        )
    };
    let rows =
        r#""from":{"table":"spending","fields":["customer_id","customer.region","revenue"]}"#;
    for rows in [r#""table":"spending""#, rows] {
        // Of the north are the customers 1 and 3, of the south 2; 7 was paid by nobody.
        let same = csv(&chief, &of(rows, "1")).await;
        assert_eq!(same, "customer.region,a,b\nnorth,60,1\n", "{rows}");
        let two = csv(&chief, &of(rows, "2")).await;
        assert_eq!(two, "customer.region,a,b\nnorth,60,0\nsouth,,1\n,,0\n", "{rows}");
    }
}

#[tokio::test]
async fn metrics_of_derived_tables_stand_beside_others() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let chief = one(&engine, "chiefs", None);
    // January 30, February 5 + 100 + 30, March 7; 172 / 4 customers.
    let all = r#"{"metrics":["revenue","mean_spending","best_month","spread"]}"#;
    let rows = "revenue,mean_spending,best_month,spread\n172,43.0000,135,92.0000\n";
    assert_eq!(csv(&chief, all).await, rows);
    let by_month = r#"{"metrics":["revenue","best_month"],"group_by":[{"field":"metric_time","grain":"quarter"}]}"#;
    assert_eq!(csv(&chief, by_month).await, "metric_time,revenue,best_month\n2026-01-01,172,135\n");
    let finer = r#"{"metrics":["best_month"],"group_by":[{"field":"metric_time","grain":"day"}]}"#;
    assert!(refused(&chief, finer).await.starts_with("Q0152"), "{}", refused(&chief, finer).await);
}

#[tokio::test]
async fn l17_everyone_sees_a_derived_table_made_of_his_own_rows() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let (a, b) = (one(&engine, "tenants", Some("a")), one(&engine, "tenants", Some("b")));
    assert_eq!(csv(&a, ALL).await, "customer_id,revenue\n1,60\n2,5\n");
    assert_eq!(csv(&b, ALL).await, "customer_id,revenue\n3,100\n,7\n");
    let mean = r#"{"metrics":["mean_spending"]}"#;
    assert_eq!(csv(&a, mean).await, "mean_spending\n32.5000\n");
    assert_eq!(csv(&b, mean).await, "mean_spending\n53.5000\n");
    let best = r#"{"table":"best_two","fields":["customer_id","revenue"]}"#;
    assert_eq!(csv(&a, best).await.lines().count(), 3);
    assert_eq!(csv(&b, best).await.lines().count(), 3);
    let good = r#"{"table":"good_customers","fields":["customer_id","amount"]}"#;
    assert_eq!(csv(&a, good).await, "customer_id,amount\n1,60\n");
    let answer = a.query_json(ALL).await.unwrap();
    assert!(answer.is_scoped(), "the rows below are narrowed");
    let values = a.field_values("spending", "customer_id", 10).await.unwrap();
    assert_eq!(values.to_csv().unwrap().lines().skip(1).collect::<Vec<_>>(), ["1", "2"]);
}

/// Of the rows that are hidden from `a` the last id is 6: a division by zero if it were met.
#[tokio::test]
async fn a_calculation_over_a_derived_table_meets_no_hidden_row() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let probe = r#"{"table":"spending","fields":["customer_id","per_13"],
        "filter":{"field":"per_13","op":"<","value":1000}}"#;
    let (a, b) = (one(&engine, "tenants", Some("a")), one(&engine, "tenants", Some("b")));
    // div(100, 5 - 6) and div(100, 3 - 6)
    assert_eq!(csv(&a, probe).await, "customer_id,per_13\n1,-100\n2,-33\n");
    let own = match b.query_json(probe).await {
        Ok(answer) => answer.collect().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(told(&own.unwrap_err()).contains("zero"), "his own row fails, and is told");
    let key = r#"{"table":"spending","fields":["customer_id"],
        "filter":{"field":"customer_id","op":"=","value":3}}"#;
    assert_eq!(csv(&a, key).await, "customer_id\n");
}

#[tokio::test]
async fn who_may_not_see_all_that_a_derived_table_reads_does_not_see_it() {
    let engine = built(MODEL, POLICIES).await.unwrap();
    let poor = one(&engine, "poor", Some("a"));
    let absent = refused(&poor, &ALL.replace("spending", "spendang")).await;
    let hidden = refused(&poor, ALL).await;
    assert_eq!(hidden, absent.replace("spendang", "spending"));
    let names = |session: &Session| -> Vec<String> {
        session.tables().unwrap().into_iter().map(|table| table.name).collect()
    };
    assert_eq!(names(&poor), ["customers", "orders", "named"]);
    assert!(poor.describe_table("spending").is_err());
    let metrics: Vec<String> =
        poor.metrics().unwrap().into_iter().map(|metric| metric.name).collect();
    assert_eq!(metrics, Vec::<String>::new());
    assert!(poor.search("spending").unwrap().iter().all(|found| found.name != "spending"));
    // Nobody who lacks an attribute is told more than that.
    let nobody = one(&engine, "tenants", None);
    assert!(refused(&nobody, ALL).await.starts_with("Q0104"), "{}", refused(&nobody, ALL).await);
    assert!(!refused(&nobody, ALL).await.contains("revenue"));
    // A grant of the collection shows nothing without what stands below.
    let shelved = one(&engine, "shelved", Some("a"));
    assert_eq!(names(&shelved), Vec::<String>::new());
    // With that, it is enough.
    let kept = one(&engine, "kept", Some("b"));
    assert_eq!(names(&kept), ["customers", "orders", "spending", "good_customers"]);
    let good = r#"{"table":"good_customers","fields":["customer_id","amount"]}"#;
    assert_eq!(csv(&kept, good).await, "customer_id,amount\n3,100\n,7\n");
}

#[tokio::test]
async fn a_metric_that_is_not_granted_hides_what_is_made_of_it() {
    let model = MODEL.replace(
        "query: { metrics: [revenue], group_by: [{",
        "query: { metrics: [locked], group_by: [{",
    );
    let model = model.replace(
        "revenue: { type: 'decimal(38,0)' } }\n  good",
        "revenue: { type: integer, column: locked } }\n  good",
    );
    let engine = built(&model, POLICIES).await.unwrap();
    let count = r#"{"table":"monthly","aggregations":["count"]}"#;
    assert_eq!(csv(&one(&engine, "chiefs", None), count).await, "count\n3\n");
    let a = one(&engine, "tenants", Some("a"));
    assert!(refused(&a, count).await.starts_with("Q0102"));
    assert_eq!(csv(&a, ALL).await, "customer_id,revenue\n1,60\n2,5\n");
}

#[tokio::test]
async fn masks_below_are_masks_above() {
    let engine = built(MODEL, MASKS).await.unwrap();
    let hashed = one(&engine, "hashed", Some("a"));
    // Each total counts as 1.
    assert_eq!(csv(&hashed, ALL).await, "customer_id,revenue\n1,3\n2,1\n");
    let named = r#"{"table":"named","fields":["id","name"]}"#;
    assert_eq!(csv(&hashed, named).await, "id,name\n1,A***\n2,B***\n");
    // The masked customer is one group, and leads nowhere: it would lead to another customer.
    let starred = one(&engine, "starred", Some("a"));
    assert_eq!(csv(&starred, ALL).await, "customer_id,revenue\n1,65\n");
    let lead = r#"{"table":"spending","fields":["customer_id","customer.name"]}"#;
    assert_eq!(csv(&hashed, lead).await, "customer_id,customer.name\n1,A***\n2,B***\n");
    let found = refused(&starred, lead).await;
    assert_eq!(
        found,
        refused(&starred, &lead.replace("customer.name", "custumer.name"))
            .await
            .replace("custumer", "customer")
    );
    // Nor is there a number for each of what is told by a mask.
    let each = r#"{"table":"spending","fields":["revenue"],"filter":{"metric":"mean_spending","op":">","value":1}}"#;
    assert!(
        refused(&starred, each).await.starts_with("Q0111"),
        "{}",
        refused(&starred, each).await
    );
    let back = r#"{"table":"customers","fields":["name","spending.revenue"]}"#;
    assert!(refused(&starred, back).await.starts_with("Q0141"));
    // What the model's author wrote over that relationship is hidden as well.
    let good = r#"{"table":"good_customers","fields":["customer_id","region"]}"#;
    assert!(refused(&starred, good).await.starts_with("Q01"), "{}", refused(&starred, good).await);
}

/// What is wrong with a model in which one text stands for another.
async fn wrong(from: &str, to: &str) -> String {
    assert!(MODEL.contains(from), "{from}");
    match built(&MODEL.replacen(from, to, 1), "").await {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_derived_table_is_told_when_it_is_loaded() {
    let cases = [
        (
            "metrics: [revenue], group_by: [customer_id], agg",
            "metrics: [revenu], group_by: [customer_id], agg",
            "M0123 there is no metric `revenu`; did you mean `revenue`? (Q0101)\n  --> model.yaml:16:24",
        ),
        (
            "revenue: { type: 'decimal(38,0)' } }\n  means",
            "revenue: { type: integer } }\n  means",
            "M0123 field `revenue` is declared as integer, but the query gives a decimal(38,0); did you mean `decimal(38,0)`?\n  --> model.yaml:43:64",
        ),
        (
            "last_id: { type: integer }",
            "last_id: { type: integer, column: lost_id }",
            "M0123 field `last_id` reads column `lost_id`, which the query does not give; did you mean `last_id`?\n  --> model.yaml:21:41",
        ),
        (
            "    primary_key: [month]",
            "    primary_key: [revenue]",
            "M0123 rows of `monthly` are told apart by `month`: all of them belong to the primary key\n  --> model.yaml:30:18",
        ),
        (
            "order: desc }], limit: 2",
            "order: desc }], totals: [[]]",
            "M0123 the rows of a derived table are of one kind, so it has no `totals`\n  --> model.yaml:42:112",
        ),
        ("fields: [id, name] }", "fields: [id, name], limit: 2 }", "nothing"),
        (
            "query: { table: customers, fields: [id, name] }",
            "query: { from: { table: customers, fields: [id, name] }, limit: 1 }",
            "M0123 which rows come first is not determined: limit a question in groups, or a list of a table with a primary key\n  --> model.yaml:39:69",
        ),
        (
            "query: { metrics: [revenue], group_by: [customer_id], agg",
            "query: { table: good_customers, group_by: [customer_id], metrics: [mean_spending], agg",
            "M0123",
        ),
        (
            "    time: month\n",
            "    time: month\n    validity: { from: month, to: month }\n",
            "M0123 derived table `monthly` keeps no history: a `validity` is stored\n  --> model.yaml:32:15",
        ),
    ];
    let mut unlike = Vec::new();
    for (from, to, expected) in cases {
        let found = wrong(from, to).await;
        if !found.contains(expected) {
            unlike.push(format!("{to}\n found {found}\nwanted {expected}"));
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n\n"));
}

#[tokio::test]
async fn a_circle_of_derived_tables_is_refused() {
    let circle = "query: { table: good_customers, group_by: [customer_id], aggregations: [{ function: sum, field: amount, as: revenue }, { function: max, field: amount, as: last_id }] }";
    let query = "query: { metrics: [revenue], group_by: [customer_id], aggregations: [{ function: max, field: id, as: last_id }] }";
    let found = wrong(query, circle).await;
    assert!(found.contains("`spending` is made of itself, over "), "{found}");
}

#[tokio::test]
async fn policies_narrow_no_rows_of_derived_tables() {
    let narrowed = "groups: { a: {} }\npolicies:\n  p: { groups: [a], grant: { tables: [spending], rows: revenue > 6 } }\n";
    let restricted = "groups: { a: {} }\npolicies:\n  p: { restrict: { tables: [spending], rows: revenue > 6 } }\n";
    let over = "groups: { a: {} }\npolicies:\n  p: { groups: [a], grant: { tables: [customers], rows: spending.revenue > 6 } }\n";
    for policies in [narrowed, restricted, over] {
        let error = built(MODEL, policies).await.expect_err(policies);
        assert_eq!(error.to_string().matches("P01").count(), 1, "{error}");
        assert!(error.to_string().contains("P0114"), "{error}");
    }
}
