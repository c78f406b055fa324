//! What a question is made of, in words: all of it for an administrator, what he may see for an
//! asker.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::definitions::{Pick, ReportDay, WindowDef};
use sandbar::query::RelativeUnit;
use sandbar::time::Grain;
use sandbar::{
    Administrator, ColumnOutline, Engine, NumberOutline, Outline, Principal, PropertyOutline,
    SemanticQuery, Shift, SqlDialect, Window, WindowStart,
};

const MODEL: &str = "
tables:
  customers:
    primary_key: [id]
    fields: { id: {}, region: {} }
  orders:
    primary_key: [id]
    time: placed
    fields:
      id: {}
      customer_id: {}
      total: {}
      cost: { visibility: internal }
      status: {}
      margin: { expr: total - cost }
      placed: {}
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
  by_customer:
    query: { metrics: [revenue], group_by: [customer_id] }
    primary_key: [customer_id]
    fields: { customer_id: { type: integer }, revenue: { type: 'decimal(38,0)' } }
  balances:
    fields: { day: {}, account: {}, amount: {}, state: {} }
  tickets:
    primary_key: [id]
    fields: { id: {}, customer_id: {} }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
  visits:
    primary_key: [id]
    time: seen
    fields: { id: {}, visitor: {}, page: {}, seen: {} }
metrics:
  revenue: { table: orders, expr: sum(total), filter: status <> 'cancelled' }
  profit: { table: orders, expr: sum(margin) }
  costs: { table: orders, expr: sum(cost) }
  known: { table: customers, expr: count(*) }
  per_head: { ratio: { numerator: revenue, denominator: known } }
  mean_spent: { table: by_customer, expr: avg(revenue) }
  gross: { table: orders, expr: sum(total) }
  so_far: { cumulative: { metric: gross } }
  days_30: { cumulative: { metric: revenue, window: { count: 30, unit: day } } }
  this_month: { cumulative: { metric: gross, to_date: month, report: first } }
  growth:
    derived: gross - before
    inputs: { before: { metric: gross, offset: { count: 1, unit: year } } }
  month_30: { derived: then, inputs: { then: { metric: days_30, offset: { to: month } } } }
  balance:
    table: balances
    expr: sum(amount)
    filter: state = 'open'
    semi_additive: { over: day, pick: last, per: { fields: [account] } }
  visited: { table: visits, expr: count(*), filter: page <> 'b' }
  paid: { table: orders, expr: count(*), filter: status = 'paid' }
  converted:
    conversion:
      base: visited
      conversion: paid
      entity: { base: visitor, conversion: customer_id }
      window: { count: 7, unit: day }
      constant_properties: [{ base: page, conversion: status }]
  buyers:
    conversion:
      base: visited
      conversion: paid
      entity: { base: visitor, conversion: customer_id }
      gives: count
  daily: { table: orders, expr: sum(total), fill_nulls_with: 0, join_to_timespine: true }
  tix: { table: tickets, expr: count(*) }
  latest: { table: orders, expr: max(id) }
  lifted: { table: orders, expr: sum(cost), filter: cost > 1, definer: true, min_group_size: 2 }
  lifted_so_far: { cumulative: { metric: lifted } }
";

const POLICIES: &str = "
groups: { sales: {} }
policies:
  sales: { groups: [sales], grant: { tables: [customers, orders, by_customer], rows: id > 0 } }
  over: { groups: [sales], grant: { tables: [by_customer, balances, tickets, visits] } }
";

async fn engine() -> Engine {
    let ints = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let texts = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let days = || Arc::new(Date32Array::from(vec![19_000, 19_001])) as ArrayRef;
    let customers = RecordBatch::try_from_iter([("id", ints()), ("region", texts())]).unwrap();
    let orders = RecordBatch::try_from_iter([
        ("id", ints()),
        ("customer_id", ints()),
        ("total", ints()),
        ("cost", ints()),
        ("status", texts()),
        ("placed", days()),
    ]);
    let balances = RecordBatch::try_from_iter([
        ("day", days()),
        ("account", ints()),
        ("amount", ints()),
        ("state", texts()),
    ]);
    let tickets = RecordBatch::try_from_iter([("id", ints()), ("customer_id", ints())]);
    let visits = RecordBatch::try_from_iter([
        ("id", ints()),
        ("visitor", ints()),
        ("page", texts()),
        ("seen", days()),
    ]);
    let policies = POLICIES.replace("[customers, orders, by_customer]", "[customers, orders]");
    let builder = Engine::builder().model("m.yaml", MODEL).policies("p.yaml", &policies);
    let builder = builder
        .batches("customers", vec![customers])
        .batches("balances", vec![balances.unwrap()])
        .batches("tickets", vec![tickets.unwrap()])
        .batches("visits", vec![visits.unwrap()]);
    builder.batches("orders", vec![orders.unwrap()]).build().await.unwrap()
}

/// What an asker and an administrator are told; what the asker is told as data.
async fn check(query: &str, asker: &str, administrator: &str) -> Outline {
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
    own.outline
}

/// A column of what is told.
fn column<'o>(outline: &'o Outline, name: &str) -> &'o ColumnOutline {
    outline.columns.iter().find(|column| column.name == name).unwrap()
}

/// The only number that a column is computed from.
fn number<'o>(outline: &'o Outline, name: &str) -> &'o NumberOutline {
    let [number] = column(outline, name).numbers.as_slice() else { panic!("{outline:?}") };
    number
}

/// The other times of the numbers that a column is computed from.
fn shifts(outline: &Outline, name: &str) -> Vec<Vec<Shift>> {
    column(outline, name).numbers.iter().map(|number| number.shifts.clone()).collect()
}

/// A field of one event and that of the other.
fn equal(property: &PropertyOutline) -> (&str, &str) {
    (property.base.as_str(), property.conversion.as_str())
}

#[tokio::test]
async fn a_number_is_told_down_to_its_stored_fields() {
    let told = "
customers.region = orders.customer.region  [customers.region]
per_head = (sum(orders.total) where orders.status <> 'cancelled') / count(*)  [orders.total, orders.status]
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
later = revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total, orders.status]
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
    revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total, orders.status]
    rows of orders, by orders.customer_id
";
    check(r#"{"metrics":["mean_spent"]}"#, told, told).await;
    let told = "
max_revenue = max(revenue)  [orders.total, orders.status]
from the answer to
  customer_id = orders.customer_id  [orders.customer_id]
  revenue = sum(orders.total) where orders.status <> 'cancelled'  [orders.total, orders.status]
  rows of orders, by orders.customer_id
where revenue > 5
";
    let query = r#"{"from":{"metrics":["revenue"],"group_by":["customer_id"]},
        "filter":{"field":"revenue","op":">","value":5},
        "aggregations":[{"function":"max","field":"revenue"}]}"#;
    check(query, told, told).await;
}

#[tokio::test]
async fn what_is_accumulated_is_told_with_its_window() {
    let told = "
metric_time = month(orders.placed)  [orders.placed]
so_far = sum(orders.total) over all time  [orders.total]
days_30 = sum(orders.total) over the trailing 30 days where orders.status <> 'cancelled'  [orders.total, orders.status]
this_month = sum(orders.total) over the month to date, told on the first day  [orders.total]
rows of orders, by month(orders.placed)
  each period of orders.placed has all rows up to its last day
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the 30 days up to its last day
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows from the start of the month on, up to its first day
each of these is computed for itself, then put together by group
";
    let query = r#"{"metrics":["so_far","days_30","this_month"],
        "group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let outline = check(query, told, told).await;
    let (first, last) = (ReportDay::First, ReportDay::Last);
    for (name, start, report, filters) in [
        ("so_far", WindowStart::AllTime, last, vec![]),
        (
            "days_30",
            WindowStart::Trailing(30, RelativeUnit::Day),
            last,
            vec!["orders.status <> 'cancelled'".to_owned()],
        ),
        ("this_month", WindowStart::ToDate(RelativeUnit::Month), first, vec![]),
    ] {
        let number = number(&outline, name);
        assert_eq!(number.window, Some(Window { start, report }), "{name}");
        assert_eq!(number.filters, filters, "{name}");
        assert_eq!(number.aggregated, "sum(orders.total)");
        assert_eq!(number.table.as_deref(), Some("orders"));
        assert!(number.shifts.is_empty(), "{name}");
    }
    assert!(column(&outline, "metric_time").numbers.is_empty());
}

#[tokio::test]
async fn a_window_is_told_of_a_question_without_periods_too() {
    let told = "
so_far = sum(orders.total) over all time  [orders.total]
gross = sum(orders.total)  [orders.total]
rows of orders
rows of orders
each of these is computed for itself, then put together by group
";
    check(r#"{"metrics":["so_far","gross"]}"#, told, told).await;
}

#[tokio::test]
async fn a_number_of_another_time_is_told_with_the_way_there() {
    let told = "
metric_time = month(orders.placed)  [orders.placed]
growth = sum(orders.total) - (sum(orders.total) 1 year earlier)  [orders.total]
month_30 = sum(orders.total) over the trailing 30 days, at the start of the month where orders.status <> 'cancelled'  [orders.total, orders.status]
rows of orders, by month(orders.placed)
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the one 1 year earlier
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the 30 days up to the last day of the one at the start of the month
each of these is computed for itself, then put together by group
";
    let query = r#"{"metrics":["growth","month_30"],
        "group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let outline = check(query, told, told).await;
    let year = Shift::Back(1, RelativeUnit::Year);
    assert_eq!(shifts(&outline, "growth"), [vec![], vec![year]]);
    assert_eq!(shifts(&outline, "month_30"), [[Shift::StartOf(RelativeUnit::Month)]]);
}

#[tokio::test]
async fn what_a_number_is_compared_with_is_told() {
    // The question leads to the start of the year, and the metric from there a year back.
    let told = "
metric_time = month(orders.placed)  [orders.placed]
g = growth = (sum(orders.total) at the start of the year) - (sum(orders.total) at the start of the year, then 1 year earlier)  [orders.total]
r = gross = sum(orders.total) / (sum(orders.total) 2 months earlier)  [orders.total]
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the one at the start of the year
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the one at the start of the year, then 1 year earlier
rows of orders, by month(orders.placed)
  each period of orders.placed has the rows of the one 2 months earlier
rows of orders, by month(orders.placed)
each of these is computed for itself, then put together by group
";
    let query = r#"{"metrics":[
            {"name":"growth","as":"g","offset":{"to":"year"}},
            {"name":"gross","as":"r","offset":{"count":2,"unit":"month"},"compare":"ratio"}],
        "group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let outline = check(query, told, told).await;
    let january = Shift::StartOf(RelativeUnit::Year);
    assert_eq!(
        shifts(&outline, "g"),
        [vec![january], vec![january, Shift::Back(1, RelativeUnit::Year)]]
    );
    assert_eq!(shifts(&outline, "r"), [vec![], vec![Shift::Back(2, RelativeUnit::Month)]]);
}

#[tokio::test]
async fn a_number_that_is_not_added_up_is_told_with_its_time() {
    let told = "
balance = sum(balances.amount) where balances.state = 'open' at the last balances.day per balances.account  [balances.day, balances.account, balances.amount, balances.state]
rows of balances
";
    let outline = check(r#"{"metrics":["balance"]}"#, told, told).await;
    let semi = number(&outline, "balance").semi_additive.as_ref().unwrap();
    assert_eq!((semi.over.as_str(), semi.pick), ("balances.day", Pick::Last));
    assert_eq!(semi.per, ["balances.account"]);
}

#[tokio::test]
async fn events_that_follow_others_are_told_with_both() {
    let told = "
converted = (count(*) of orders that follow visits within 7 days, with visits.visitor = orders.customer_id and visits.page = orders.status where orders.status = 'paid') / (count(*) where visits.page <> 'b')  [orders.customer_id, orders.status, orders.placed, visits.visitor, visits.page, visits.seen]
rows of visits
  where visits.page <> 'b'
  with the rows of `orders` that follow them, each once
  orders.customer_id is the same as visits.visitor
  orders.status is the same as visits.page
  orders.placed is not before visits.seen, and less than 7 days after it
  of `orders`: orders.status = 'paid'
rows of visits
each of these is computed for itself, then put together by group
";
    let outline = check(r#"{"metrics":["converted"]}"#, told, told).await;
    let [counted, base] = column(&outline, "converted").numbers.as_slice() else {
        panic!("{outline:?}")
    };
    assert_eq!((counted.table.as_deref(), base.table.as_deref()), (Some("orders"), Some("visits")));
    assert_eq!(counted.filters, ["orders.status = 'paid'"]);
    assert_eq!(base.filters, ["visits.page <> 'b'"]);
    assert_eq!(base.conversion, None);
    let conversion = counted.conversion.as_ref().unwrap();
    assert_eq!(conversion.base, "visits");
    let times = (conversion.base_time.as_str(), conversion.time.as_str());
    assert_eq!(times, ("visits.seen", "orders.placed"));
    assert_eq!(equal(&conversion.entity), ("visits.visitor", "orders.customer_id"));
    let constant: Vec<_> = conversion.constant_properties.iter().map(equal).collect();
    assert_eq!(constant, [("visits.page", "orders.status")]);
    assert_eq!(conversion.window, Some(WindowDef { count: 7, unit: RelativeUnit::Day }));
    // A count of them has the conditions on what is followed in its lineage as well.
    let told = "
buyers = count(*) of orders that follow visits, with visits.visitor = orders.customer_id where orders.status = 'paid'  [orders.customer_id, orders.status, orders.placed, visits.visitor, visits.page, visits.seen]
rows of visits
  where visits.page <> 'b'
  with the rows of `orders` that follow them, each once
  orders.customer_id is the same as visits.visitor
  orders.placed is not before visits.seen
  of `orders`: orders.status = 'paid'
";
    check(r#"{"metrics":["buyers"]}"#, told, told).await;
}

#[tokio::test]
async fn what_stands_for_missing_numbers_and_periods_is_told() {
    let told = "
metric_time = month(orders.placed)  [orders.placed]
daily = coalesce(sum(orders.total), 0)  [orders.total]
rows of orders, by month(orders.placed)
each month of orders.placed has a row, whether it has data or not
";
    let query = r#"{"metrics":["daily"],"group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let outline = check(query, told, told).await;
    assert_eq!(column(&outline, "daily").fill.as_deref(), Some("0"));
    let spine = outline.spine.as_ref().unwrap();
    assert_eq!((spine.grain, spine.of.as_str()), (Grain::Month, "orders.placed"));
    // Another number fills nothing, and without periods there are none to fill.
    let told = "
gross = sum(orders.total)  [orders.total]
rows of orders
";
    let outline = check(r#"{"metrics":["gross"]}"#, told, told).await;
    assert_eq!((&column(&outline, "gross").fill, &outline.spine), (&None, &None));
}

#[tokio::test]
async fn a_number_that_a_condition_looks_up_is_told_with_the_way_there() {
    let told = "
gross = sum(orders.total)  [orders.total]
rows of orders
  each with its customer (customers)
  where tix per customer (customers) > 2
  tix per customer (customers) is made of
    tix = count(*)
    rows of tickets, by tickets.customer.id
      each with its customer (customers)
";
    let query = r#"{"metrics":["gross"],
        "filter":{"metric":"tix","per":"customer","op":">","value":2}}"#;
    let outline = check(query, told, told).await;
    let [(name, looked_up)] = outline.grains[0].looked_up.as_slice() else { panic!("{outline:?}") };
    assert_eq!(name, "tix per customer (customers)");
    assert_eq!(column(looked_up, "tix").metric.as_deref(), Some("tix"));
    assert_eq!(number(looked_up, "tix").table.as_deref(), Some("tickets"));
    assert_eq!(looked_up.grains[0].joins[0].path, "customer");
    // The same as a condition of one number alone, whose lineage has what is looked up.
    let told = "
gross = sum(orders.total) where latest per customer (customers) > 2  [orders.id, orders.total]
rows of orders
  each with its customer (customers)
  latest per customer (customers) is made of
    latest = max(orders.id)  [orders.id]
    rows of orders, by orders.customer.id
      each with its customer (customers)
";
    let query = r#"{"metrics":[{"name":"gross",
        "filter":{"metric":"latest","per":"customer","op":">","value":2}}]}"#;
    check(query, told, told).await;
    let told = "
known = count(*)
rows of customers
  where there is a row of `tickets` with tix per row of tickets > 2
  tix per row of tickets is made of
    tix = count(*)
    rows of tickets, by tickets.id
";
    let query = r#"{"metrics":["known"],"filter":{"exists":"tickets",
        "filter":{"metric":"tix","op":">","value":2}}}"#;
    check(query, told, told).await;
}

#[tokio::test]
async fn l29_what_is_told_of_a_number_names_nothing_that_is_lifted() {
    let asker = "
lifted = (not shown) where (not shown)
lifted_so_far = (not shown) over all time where (not shown)
rows of orders
rows of orders
each of these is computed for itself, then put together by group
";
    let administrator = "
lifted = sum(orders.cost) where orders.cost > 1
lifted_so_far = sum(orders.cost) over all time where orders.cost > 1
rows of orders
rows of orders
each of these is computed for itself, then put together by group
";
    let query = r#"{"metrics":["lifted","lifted_so_far"]}"#;
    let outline = check(query, asker, administrator).await;
    assert!(!format!("{outline:?}").contains("cost"), "{outline:?}");
    assert_eq!(number(&outline, "lifted").filters, ["(not shown)"]);
    // Where a condition looks it up as well.
    let asker = "
gross = sum(orders.total)  [orders.total]
rows of orders
  each with its customer (customers)
  where lifted per customer (customers) > 2
  lifted per customer (customers) is made of
    lifted = (not shown) where (not shown)
    rows of orders, by orders.customer.id
      each with its customer (customers)
";
    let administrator = asker.replace(
        "lifted = (not shown) where (not shown)",
        "lifted = sum(orders.cost) where orders.cost > 1",
    );
    let query = r#"{"metrics":["gross"],
        "filter":{"metric":"lifted","per":"customer","op":">","value":2}}"#;
    let outline = check(query, asker, &administrator).await;
    assert!(!format!("{outline:?}").contains("cost"), "{outline:?}");
}
