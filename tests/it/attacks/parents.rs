//! Facts of hidden parents: with `propagate`, rows go with the hidden rows that they belong to, and
//! nobody tells a row above that is hidden from one that is not there.
//!
//! What is expected was added up by hand: every amount is another power of two.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Administrator, AttributeValue, Engine, Model, Principal, SemanticQuery, Session};
use sandbar_testkit::{collected, told};

const MODEL: &str = "
tables:
  regions: { primary_key: [id], fields: { id: {}, area: {} } }
  customers:
    primary_key: [id]
    fields: { id: {}, name: {}, tier: {}, region_id: {} }
    relationships:
      region: { to: regions, on: { region_id: id }, cardinality: many_to_one }
      orders: { to: orders, on: { id: customer_id }, cardinality: one_to_many, bridge: true }
  orders:
    primary_key: [id]
    time: day
    fields: { id: {}, customer_id: {}, day: {}, total: {}, part: { expr: 'div(1000, total - 2)' } }
    relationships:
      customer: { to: customers, on: { customer_id: id }, cardinality: many_to_one }
      rate: { to: rates, on: { customer_id: id }, cardinality: many_to_one }
      items: { to: items, on: { id: order_id }, cardinality: one_to_many }
  items:
    primary_key: [order_id, line]
    fields: { order_id: {}, line: {}, qty: {} }
    relationships: { order: { to: orders, on: { order_id: id }, cardinality: many_to_one } }
  checks:
    primary_key: [id]
    fields: { id: {}, order_id: {}, line: {} }
    relationships:
      item: { to: items, on: { order_id: order_id, line: line }, cardinality: many_to_one }
  rates:
    primary_key: [id]
    validity: { from: since, to: till }
    fields: { id: {}, since: {}, till: {}, rate: {} }
  buyers:
    query: { table: orders, group_by: [customer_id], aggregations: [{ function: count, as: orders }] }
    primary_key: [customer_id]
    fields: { customer_id: { type: integer }, orders: { type: integer } }
    relationships: { person: { to: customers, on: { customer_id: id }, cardinality: many_to_one } }
metrics:
  revenue: { table: orders, expr: sum(total) }
  placed: { table: orders, expr: count(*) }
  pieces: { table: items, expr: sum(qty) }
  checked: { table: checks, expr: sum(id) }
  known: { table: customers, expr: count(*) }
  per_customer: { ratio: { numerator: revenue, denominator: known } }
";

const POLICIES: &str = "
attributes: { tiers: { type: text, list: true } }
groups:
  { gold: {}, north: {}, blind: {}, masked: {}, tiers: {}, cheap: {}, short: {}, plain: {} }
policies:
  facts:
    groups: [gold, north, blind, masked, tiers, cheap, short, plain]
    grant: { tables: [orders, items, checks, rates, buyers, regions] }
  customers: { groups: [gold, north, cheap, short, plain], grant: { tables: [customers] } }
  gold:
    groups: [gold, blind]
    restrict: { tables: [customers], rows: tier = 'gold', propagate: true }
  plain: { groups: [plain], restrict: { tables: [customers], rows: tier = 'gold' } }
  north: { groups: [north], restrict: { tables: [regions], rows: area = 'north', propagate: true } }
  masked:
    groups: [masked]
    grant:
      tables: [customers]
      rows: tier = 'gold'
      propagate: true
      masks: { id: { constant: 7 }, name: { prefix: 1 } }
  masked_keys: { groups: [masked], restrict: { tables: [orders], rows: id > 0 } }
  tiers:
    groups: [tiers]
    grant: { tables: [customers], rows: tier in (attribute.tiers), propagate: true }
  cheap: { groups: [cheap], restrict: { tables: [rates], rows: rate < 5, propagate: true } }
  short:
    groups: [short]
    restrict: { tables: [customers], rows: tier = 'gold', propagate: [orders.customer] }
";

type Cells<'a> = &'a [Option<i64>];

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn numbers(cells: Cells<'_>) -> ArrayRef {
    Arc::new(Int64Array::from(cells.to_vec()))
}

fn ids(ids: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

fn days(days: &[Option<i32>]) -> ArrayRef {
    Arc::new(Date32Array::from(days.to_vec()))
}

/// A customer: number, name, tier, region.
type Customer = (i64, &'static str, &'static str, Option<i64>);

const CUSTOMERS: [Customer; 4] = [
    (1, "Ann", "gold", Some(1)),
    (2, "Bob", "basic", Some(1)),
    (3, "Cay", "gold", Some(2)),
    (4, "Dan", "gold", None),
];

/// An engine over these customers. Orders: 1 of Ann, 2 of Bob, 3 of Cay, 4 of nobody, 5 of customer
/// 9, who is not there, 6 of Dan. One piece for each, and others for order 9, which is not there,
/// and for none.
async fn engine(customers: &[Customer]) -> Engine {
    let texts = |of: fn(&Customer) -> &'static str| -> ArrayRef {
        Arc::new(customers.iter().map(|customer| Some(of(customer))).collect::<StringArray>())
    };
    let regions: ArrayRef = Arc::new(StringArray::from(vec!["north", "south"]));
    let keys: Vec<i64> = customers.iter().map(|customer| customer.0).collect();
    let lie: Vec<Option<i64>> = customers.iter().map(|customer| customer.3).collect();
    let tables = [
        ("regions", batch(vec![("id", ids(&[1, 2])), ("area", regions)])),
        (
            "customers",
            batch(vec![
                ("id", ids(&keys)),
                ("name", texts(|customer| customer.1)),
                ("tier", texts(|customer| customer.2)),
                ("region_id", numbers(&lie)),
            ]),
        ),
        (
            "orders",
            batch(vec![
                ("id", ids(&[1, 2, 3, 4, 5, 6])),
                ("customer_id", numbers(&[Some(1), Some(2), Some(3), None, Some(9), Some(4)])),
                ("day", days(&[Some(1), Some(2), Some(3), Some(4), Some(5), None])),
                // The order of the hidden customer makes `part` fail.
                ("total", ids(&[16, 2, 64, 128, 256, 512])),
            ]),
        ),
        (
            "items",
            batch(vec![
                (
                    "order_id",
                    numbers(&[Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(9), None]),
                ),
                ("line", ids(&[1, 1, 1, 1, 1, 1, 1, 1])),
                ("qty", ids(&[1, 2, 4, 8, 16, 32, 64, 128])),
            ]),
        ),
        (
            "checks",
            batch(vec![
                ("id", ids(&[1, 2, 4, 8, 16, 32])),
                ("order_id", numbers(&[Some(1), Some(2), Some(6), None, Some(1), Some(6)])),
                ("line", numbers(&[Some(1), Some(1), None, Some(1), Some(7), Some(1)])),
            ]),
        ),
        (
            "rates",
            // Of customer 1 until day 2, then another; of 3 since day 9; of 4 always.
            batch(vec![
                ("id", ids(&[1, 1, 3, 4])),
                ("since", days(&[Some(0), Some(2), Some(9), Some(0)])),
                ("till", days(&[Some(2), None, None, None])),
                ("rate", ids(&[1, 9, 1, 1])),
            ]),
        ),
    ];
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let builder = tables.into_iter().fold(builder, |builder, (name, rows)| {
        // Two batches, so that something is put together again.
        let half = rows.num_rows() / 2;
        let rest = rows.slice(half, rows.num_rows() - half);
        builder.batches(name, vec![rows.slice(0, half), rest])
    });
    builder.build().await.unwrap_or_else(|error| panic!("{}", told(&error)))
}

fn somebody(groups: &[&str]) -> Principal {
    let principal = Principal::asserted_by_host("somebody");
    groups.iter().fold(principal, |principal, group| principal.group(group)).build().unwrap()
}

async fn csv(session: &Session, question: &str) -> String {
    match collected(session, question).await {
        Ok(answer) => answer.to_csv().unwrap().split_once('\n').unwrap().1.replace('\n', ";"),
        Err(error) => format!("{} {error}", error.code()),
    }
}

/// The sums of orders, pieces and checks that somebody sees.
async fn sums(session: &Session) -> String {
    csv(session, r#"{"metrics":["revenue","pieces","checked"]}"#).await
}

async fn check(groups: &[&str], question: &str, expected: &str) {
    let session = engine(&CUSTOMERS).await.session(somebody(groups));
    assert_eq!(csv(&session, question).await, expected, "{groups:?} {question}");
}

#[tokio::test]
async fn l5_rows_go_with_the_hidden_rows_that_they_belong_to() {
    let engine = engine(&CUSTOMERS).await;
    let of = async |groups: &[&str]| sums(&engine.session(somebody(groups))).await;
    // Without `propagate` all are there: 978, 255, 63.
    assert_eq!(of(&["plain"]).await, "978,255,63;");
    // Bob and customer 9 are not shown; what belongs to nothing is.
    assert_eq!(of(&["gold"]).await, "720,173,45;");
    // Cay lies in the south, Dan nowhere.
    assert_eq!(of(&["north"]).await, "658,171,47;");
    assert_eq!(of(&["gold", "north"]).await, "656,169,45;");
    // Only as far as the list goes.
    assert_eq!(of(&["short"]).await, "720,255,63;");
}

/// Whoever sees no customer at all sees only what belongs to none.
#[tokio::test]
async fn l5_nothing_shown_above_leaves_what_belongs_to_nothing() {
    let engine = engine(&CUSTOMERS).await;
    assert_eq!(sums(&engine.session(somebody(&["blind"]))).await, "128,136,12;");
}

#[tokio::test]
async fn l4_hidden_parents_hide_their_facts_in_every_part_of_a_question() {
    let gold = &["gold"][..];
    for (question, expected) in [
        (r#"{"metrics":["revenue"],"group_by":["customer.name"]}"#, "Ann,16;Cay,64;Dan,512;,128;"),
        (r#"{"metrics":["revenue"],"group_by":["customer_id"]}"#, "1,16;3,64;4,512;,128;"),
        (r#"{"table":"orders","fields":["id","customer.name"]}"#, "1,Ann;3,Cay;4,;6,Dan;"),
        (r#"{"table":"items","fields":["qty"],"order_by":["qty"]}"#, "1;4;8;32;128;"),
        (
            r#"{"metrics":["pieces"],"group_by":["order.customer.name"]}"#,
            "Ann,1;Cay,4;Dan,32;,136;",
        ),
        (r#"{"metrics":["known"],"filter":{"exists":"orders"}}"#, "3;"),
        (r#"{"metrics":["known"],"filter":{"metric":"placed","op":"=","value":1}}"#, "3;"),
        (r#"{"metrics":["placed"],"filter":{"exists":"items"}}"#, "4;"),
        (
            r#"{"metrics":["revenue"],"group_by":["customers.region.area"]}"#,
            "north,16;south,64;,640;",
        ),
        (r#"{"metrics":["per_customer"]}"#, "240.0;"),
        (r#"{"table":"buyers","fields":["customer_id","orders"]}"#, "1,1;3,1;4,1;,1;"),
        (
            r#"{"from":{"metrics":["placed"],"group_by":["customer_id"]},"aggregations":["count"]}"#,
            "4;",
        ),
        (
            r#"{"metrics":["placed"],"group_by":["customer.tier"],"totals":[[]]}"#,
            "gold,3,0;,1,0;,4,1;",
        ),
    ] {
        let session = engine(&CUSTOMERS).await.session(somebody(gold));
        let found = csv(&session, question).await;
        assert_eq!(found, expected, "{question}");
    }
    let session = engine(&CUSTOMERS).await.session(somebody(gold));
    let values = session.field_values("orders", "customer_id", 50).await.unwrap().to_csv().unwrap();
    assert_eq!(values, "customer_id\n1\n3\n4\n\n");
}

/// A customer who is hidden, and one who is not there.
#[tokio::test]
async fn l6_a_hidden_parent_is_told_from_an_absent_one_by_nothing() {
    let without: Vec<Customer> = CUSTOMERS.into_iter().filter(|c| c.1 != "Bob").collect();
    let mut with: Vec<Customer> = CUSTOMERS.to_vec();
    with.push((9, "Eve", "basic", Some(2)));
    let mut both = [engine(&without).await, engine(&with).await].into_iter();
    let [one, other] = [(); 2].map(|()| both.next().unwrap());
    for groups in [&["gold"][..], &["blind"], &["short"], &["masked"], &["gold", "north"]] {
        let (one, other) = (one.session(somebody(groups)), other.session(somebody(groups)));
        for question in [
            r#"{"metrics":["revenue","pieces","checked"]}"#,
            r#"{"table":"orders","fields":["id","customer_id","total"]}"#,
            r#"{"table":"orders","fields":["id"],"filter":{"field":"part","op":">","value":0}}"#,
            r#"{"metrics":["placed"],"group_by":["customer_id"]}"#,
            r#"{"table":"orders","fields":["id"],"filter":{"field":"customer_id","value":2}}"#,
            r#"{"table":"orders","fields":["id"],"filter":{"field":"customer_id","value":9}}"#,
            r#"{"table":"items","fields":["order_id","qty"],"order_by":["qty"],"limit":3}"#,
            r#"{"table":"customers","fields":["id"]}"#,
        ] {
            assert_eq!(csv(&one, question).await, csv(&other, question).await, "{question}");
            let query = SemanticQuery::from_json(question).unwrap();
            let explained = async |session: &Session| match session.explain(&query).await {
                Ok(told) => format!("{told:?}"),
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(explained(&one).await, explained(&other).await, "{question}");
        }
    }
}

/// A calculation that fails on the order of the hidden customer, and on no other.
#[tokio::test]
async fn l1_nothing_fails_on_the_facts_of_hidden_parents() {
    let failing = r#"{"table":"orders","fields":["id","part"],
        "filter":{"field":"part","op":">","value":0}}"#;
    check(&["gold"], failing, "1,71;3,16;4,7;6,1;").await;
    check(&["masked"], failing, "1,71;3,16;4,7;6,1;").await;
    let session = engine(&CUSTOMERS).await.session(somebody(&["plain"]));
    assert!(csv(&session, failing).await.starts_with("E0304 "));
}

#[tokio::test]
async fn l22_masked_keys_still_lead_to_the_rows_above() {
    let engine = engine(&CUSTOMERS).await;
    let session = engine.session(somebody(&["masked"]));
    assert_eq!(sums(&session).await, "720,173,45;");
    let names = r#"{"metrics":["revenue"],"group_by":["customer.id","customer.name"]}"#;
    assert_eq!(csv(&session, names).await, "7,A***,16;7,C***,64;7,D***,512;,,128;");
}

#[tokio::test]
async fn l37_a_missing_attribute_shows_no_fact_of_anybody() {
    let engine = engine(&CUSTOMERS).await;
    let of = async |tiers: Option<&[&str]>| {
        let principal = Principal::asserted_by_host("somebody").group("tiers");
        let list = |tiers: &[&str]| tiers.iter().map(|tier| AttributeValue::from(*tier)).collect();
        let principal = match tiers {
            None => principal,
            Some(tiers) => principal.attribute("tiers", AttributeValue::List(list(tiers))),
        };
        sums(&engine.session(principal.build().unwrap())).await
    };
    assert_eq!(of(Some(&["gold"])).await, "720,173,45;");
    // What belongs to somebody who is not there goes, whatever is shown.
    assert_eq!(of(Some(&["gold", "basic"])).await, "722,175,47;");
    assert_eq!(of(Some(&[])).await, "128,136,12;");
    assert_eq!(of(None).await, "128,136,12;");
}

/// What a row belongs to is the version of its time.
#[tokio::test]
async fn l50_a_hidden_version_hides_the_rows_of_its_time() {
    // Order 1 at a rate of 1; 3 at none yet; 6 has no time, so that nobody knows; 4 has no customer.
    check(&["cheap"], r#"{"table":"orders","fields":["id"]}"#, "1;4;").await;
    check(&["cheap"], r#"{"metrics":["revenue","pieces"]}"#, "144,137;").await;
}

#[tokio::test]
async fn l19_an_administrator_is_told_where_it_comes_from_and_the_asker_is_not() {
    let engine = engine(&CUSTOMERS).await;
    let query = SemanticQuery::from_json(r#"{"metrics":["pieces"]}"#).unwrap();
    let (administrator, asker) = (Administrator::asserted_by_host(), somebody(&["gold"]));
    let all = engine.explain_as(&administrator, &asker, &query).await.unwrap();
    let told = all.policies.iter().map(|policy| {
        let (rows, void) = (policy.rows.as_deref().unwrap_or("-"), policy.void);
        format!("{} {} {} {rows} {void}", policy.table, policy.effect, policy.policy)
    });
    let told: Vec<String> = told.collect();
    assert_eq!(told, ["items grant facts - false", "items propagate gold tier = 'gold' false"]);
    assert!(all.policies[1].origin.starts_with("policies.yaml:"), "{:?}", all.policies);
    let own = format!("{:?}", engine.session(asker).explain(&query).await.unwrap());
    assert!(own.contains("scoped: true"), "{own}");
    assert!(["gold", "tier", "propagate"].iter().all(|word| !own.contains(word)), "{own}");
}

#[tokio::test]
async fn l43_what_propagates_counts_at_the_next_question() {
    let engine = engine(&CUSTOMERS).await;
    let session = engine.session(somebody(&["plain"]));
    assert_eq!(sums(&session).await, "978,255,63;");
    let newer = POLICIES.replace(
        "plain: { groups: [plain], restrict: { tables: [customers], rows: tier = 'gold' } }",
        "plain: { groups: [plain], restrict: { tables: [customers], rows: tier = 'gold', \
         propagate: true } }",
    );
    assert_ne!(newer, POLICIES);
    let model = Model::new().with_model("model.yaml", MODEL);
    engine.reload(&model.with_policies("policies.yaml", &newer)).await.unwrap();
    assert_eq!(sums(&session).await, "720,173,45;");
}

/// Where no key can be missing, DataFusion knows that no row is without one.
#[tokio::test]
async fn l5_keys_that_are_never_missing() {
    let model = "
tables:
  towns: { primary_key: [id], fields: { id: {}, size: {} } }
  shops:
    primary_key: [id]
    fields: { id: {}, town_id: {}, other: { expr: 'div(8, id - 3)' } }
    relationships: { town: { to: towns, on: { town_id: id }, cardinality: many_to_one } }
metrics: { shops: { table: shops, expr: count(*) } }
";
    let shown = async |towns: &str, question: &str| {
        let policies = format!(
            "groups: {{ a: {{}} }}\npolicies:\n  shops: {{ groups: [a], grant: {{ tables: [shops] }} }}\n{towns}"
        );
        let rows = |columns: [(&str, ArrayRef); 2]| RecordBatch::try_from_iter(columns).unwrap();
        let builder = Engine::builder().model("model.yaml", model);
        let engine = builder
            .policies("policies.yaml", &policies)
            .batches("towns", vec![rows([("id", ids(&[1, 2])), ("size", ids(&[10, 20]))])])
            .batches("shops", vec![rows([("id", ids(&[1, 2, 3])), ("town_id", ids(&[1, 2, 5]))])])
            .build()
            .await
            .unwrap();
        csv(&engine.session(somebody(&["a"])), question).await
    };
    let large =
        "  towns: { groups: [a], grant: { tables: [towns], rows: size > 15, propagate: true } }";
    let none = "  towns: { restrict: { tables: [towns], rows: size > 15, propagate: true } }";
    let all = "  towns: { groups: [a], grant: { tables: [towns], propagate: true } }";
    let count = r#"{"metrics":["shops"]}"#;
    let list = r#"{"table":"shops","fields":["id","other"],"filter":{"field":"other","op":"<","value":0}}"#;
    for (towns, number, rows) in
        [(large, "1;", "2,-8;"), (none, "0;", ""), (all, "2;", "1,-4;2,-8;")]
    {
        assert_eq!(shown(towns, count).await, number, "{towns}");
        assert_eq!(shown(towns, list).await, rows, "{towns}");
    }
}
