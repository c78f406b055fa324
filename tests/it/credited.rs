//! An event is credited to one row, also where several rows of one instant lie before it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  visits:
    primary_key: [id]
    time: day
    fields: { id: {}, person: {}, day: {}, region: {}, channel: {} }
  orders:
    primary_key: [id]
    time: day
    fields: { id: {}, buyer: {}, day: {} }
metrics:
  visits: { table: visits, expr: count(*) }
  orders: { table: orders, expr: count(*) }
  followed:
    conversion:
      base: visits
      conversion: orders
      entity: { base: person, conversion: buyer }
      gives: count
  visits_of_a_channel: { table: visits, expr: count(*), requires: [channel] }
  followed_of_a_channel:
    conversion:
      base: visits_of_a_channel
      conversion: orders
      entity: { base: person, conversion: buyer }
      gives: count
";

const POLICIES: &str = "
groups: { everyone: {}, narrow: {} }
policies:
  all: { groups: [everyone], grant: { tables: [visits, orders] } }
  orders: { groups: [narrow], grant: { tables: [orders] } }
  no_key: { groups: [narrow], grant: { tables: [visits], fields: { except: [id] } } }
";

async fn engine() -> Engine {
    let visits: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        ("person", Arc::new(Int64Array::from(vec![7, 7, 7, 7]))),
        // Three on one day; the fourth is later than the order.
        ("day", Arc::new(Date32Array::from(vec![10, 10, 10, 12]))),
        ("region", Arc::new(StringArray::from(vec![None, Some("c"), Some("a"), Some("z")]))),
        ("channel", Arc::new(StringArray::from(vec!["app", "app", "web", "web"]))),
    ];
    let orders: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1]))),
        ("buyer", Arc::new(Int64Array::from(vec![7]))),
        ("day", Arc::new(Date32Array::from(vec![11]))),
    ];
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let builder = builder.batches("visits", vec![RecordBatch::try_from_iter(visits).unwrap()]);
    let builder = builder.batches("orders", vec![RecordBatch::try_from_iter(orders).unwrap()]);
    builder.build().await.unwrap()
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("ana").group(group).build().unwrap())
}

async fn rows(session: &Session, keys: &str) -> String {
    let question = format!(r#"{{"metrics":["followed"],"group_by":[{keys}]}}"#);
    let answer = session.query_json(&question).await.unwrap();
    let csv = answer.collect().await.unwrap().to_csv().unwrap();
    csv.split_once('\n').unwrap().1.to_owned()
}

#[tokio::test]
async fn of_rows_of_one_instant_the_one_with_the_greatest_key_is_credited() {
    let engine = engine().await;
    let session = session(&engine, "everyone");
    // Nothing follows the others: their groups have a count of 0.
    assert_eq!(rows(&session, r#""visits.region""#).await, "a,1\nc,0\nz,0\n,0\n");
    assert_eq!(rows(&session, r#""visits.channel""#).await, "app,0\nweb,1\n");
    // The same row whatever it is grouped by.
    let both = "a,web,1\nc,app,0\nz,web,0\n,app,0\n";
    assert_eq!(rows(&session, r#""visits.region","visits.channel""#).await, both);
    let both = "app,c,0\napp,,0\nweb,a,1\nweb,z,0\n";
    assert_eq!(rows(&session, r#""visits.channel","visits.region""#).await, both);
    // Without groups, and as rows of another question.
    assert_eq!(rows(&session, "").await, "1\n");
    let question = r#"{"from":{"metrics":["followed"],"group_by":["visits.region"]},
        "aggregations":[{"function":"avg","field":"followed"},"count"]}"#;
    let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap().lines().nth(1), Some("0.25,4"));
}

#[tokio::test]
async fn l20_a_hidden_key_decides_nothing() {
    let engine = engine().await;
    let session = session(&engine, "narrow");
    // The last group, a missing value last.
    assert_eq!(rows(&session, r#""visits.region""#).await, "a,0\nc,0\nz,0\n,1\n");
    assert_eq!(rows(&session, r#""visits.channel""#).await, "app,0\nweb,1\n");
    let both = "app,c,0\napp,,0\nweb,a,1\nweb,z,0\n";
    assert_eq!(rows(&session, r#""visits.channel","visits.region""#).await, both);
}

/// What the base events are not put together of, their conversions are not either.
#[tokio::test]
async fn q0150_conversions_require_what_their_base_does() {
    let engine = engine().await;
    let session = session(&engine, "everyone");
    let ask = async |rest: &str| {
        let question = format!(r#"{{"metrics":["followed_of_a_channel"]{rest}}}"#);
        let answer = session.query_json(&question).await.map_err(|error| error.code().to_owned());
        Ok::<_, String>(answer?.collect().await.unwrap().to_csv().unwrap())
    };
    assert_eq!(ask("").await.unwrap_err(), "Q0150");
    assert_eq!(ask(r#","group_by":["visits.region"]"#).await.unwrap_err(), "Q0150");
    let found = ask(r#","group_by":["visits.channel"]"#).await.unwrap();
    assert_eq!(found, "visits.channel,followed_of_a_channel\napp,0\nweb,1\n");
    let web = r#","filter":{"field":"visits.channel","op":"=","value":"web"}"#;
    assert_eq!(ask(web).await.unwrap(), "followed_of_a_channel\n1\n");
}
