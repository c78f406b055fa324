//! Numbers beside one that is grouped by rows behind a bridge: the days of these decide as well where
//! periods end, and no field of its own rows; and a name means one field for all numbers. What is
//! expected is counted by hand.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::reference::calendar::day;

use crate::optimised::answer;

/// `DAY` is what the day is called on which a person came.
const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    time: DAY
    fields: { id: {}, DAY: {}, team: {} }
    relationships:
      all: { to: orders, on: { id: of }, cardinality: one_to_many, bridge: true }
  orders:
    primary_key: [id]
    time: day
    fields: { id: {}, of: {}, day: {}, total: {} }
metrics:
  revenue: { table: orders, expr: sum(total) }
  so_far: { cumulative: { metric: revenue } }
  two_months: { cumulative: { metric: revenue, window: { count: 2, unit: month } } }
  placed: { table: orders, expr: count(*), join_to_timespine: true }
  known: { table: people, expr: count(*), filter: DAY is not null }
  heads: { table: people, expr: count(*) }
";
const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [people, orders] } } }
";

/// Orders of 10 and 20 by the first person, on 5 January and 5 February 2024; of 5 and 7 by the
/// second, on 7 February and 7 April. The second person came on 1 June.
async fn session(came: &str) -> Session {
    let numbers = |numbers: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
    let days = |days: &[(i32, i32)]| -> ArrayRef {
        let days = days.iter().map(|(month, of_month)| day(2024, *month, *of_month));
        Arc::new(Date32Array::from(days.collect::<Vec<i32>>()))
    };
    let people = RecordBatch::try_from_iter([
        ("id", numbers(&[1, 2])),
        (came, days(&[(1, 1), (6, 1)])),
        ("team", Arc::new(StringArray::from(vec!["x", "y"])) as ArrayRef),
    ]);
    let orders = RecordBatch::try_from_iter([
        ("id", numbers(&[1, 2, 3, 4])),
        ("of", numbers(&[1, 1, 2, 2])),
        ("day", days(&[(1, 5), (2, 5), (2, 7), (4, 7)])),
        ("total", numbers(&[10, 20, 5, 7])),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", &MODEL.replace("DAY", came))
        .policies("policies.yaml", POLICIES)
        .batches("people", vec![people.unwrap()])
        .batches("orders", vec![orders.unwrap()])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ann").group("all").build().unwrap())
}

/// Asks for numbers by months of the orders, also where the people's day has another name.
async fn check(numbers: &str, expected: &[&str]) {
    for came in ["day", "joined"] {
        let question = format!(
            r#"{{"metrics":[{numbers}],"group_by":[{{"field":"orders.day","grain":"month"}}]}}"#
        );
        let text = answer(&session(came).await, &question).await;
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows, expected, "{came}: {question}");
    }
}

const BEFORE: &str = r#"{"name":"revenue","as":"before","offset":{"count":1,"unit":"month"}}"#;

#[tokio::test]
async fn periods_end_with_the_days_behind_a_bridge_and_not_with_those_before_it() {
    for people in ["known", "heads"] {
        let beside = |number: &str| format!(r#"{number},"{people}""#);
        let so_far = ["2024-01-01,10,1", "2024-02-01,35,2", "2024-03-01,35,0", "2024-04-01,42,1"];
        check(&beside(r#""so_far""#), &so_far).await;
        // The two months that end with 31 January, 29 February, 31 March and 7 April.
        let months = ["2024-01-01,10,1", "2024-02-01,35,2", "2024-03-01,25,0", "2024-04-01,7,1"];
        check(&beside(r#""two_months""#), &months).await;
        let before = ["2024-01-01,,1", "2024-02-01,10,2", "2024-03-01,25,0", "2024-04-01,,1"];
        check(&beside(BEFORE), &before).await;
    }
}

#[tokio::test]
async fn a_row_for_each_period_goes_on_to_the_days_behind_a_bridge() {
    let rows = ["2024-01-01,1,,1", "2024-02-01,2,10,2", "2024-03-01,0,25,0", "2024-04-01,1,,1"];
    check(&format!(r#""placed",{BEFORE},"heads""#), &rows).await;
}

/// Of the order of 10 alone the newest day is 5 January.
#[tokio::test]
async fn numbers_go_on_to_the_newest_of_the_days_behind_a_bridge() {
    let first = r#"{"name":"so_far","filter":{"field":"total","value":10}}"#;
    let all = ["2024-01-01,10,1", "2024-02-01,10,2", "2024-03-01,10,0", "2024-04-01,10,1"];
    check(&format!(r#"{first},"heads""#), &all).await;
    // The last order of the first person is of 5 February, and that of the second of 7 April.
    let of =
        |team: &str| format!(r#"{{"name":"heads","filter":{{"field":"team","value":"{team}"}}}}"#);
    check(&format!("{first},{}", of("x")), &["2024-01-01,10,1", "2024-02-01,10,1"]).await;
    let rows = ["2024-01-01,10,0", "2024-02-01,10,1", "2024-03-01,10,0", "2024-04-01,10,1"];
    check(&format!("{first},{}", of("y")), &rows).await;
}

/// What cars and garages both call their owner: one person of each car, and many firms of a garage.
#[tokio::test]
async fn a_key_is_one_field_also_where_it_lies_behind_a_bridge_for_one_number() {
    let model = "
tables:
  cars:
    primary_key: [id]
    fields: { id: {} }
    relationships: { owner: { to: persons, on: { id: id }, cardinality: many_to_one } }
  garages:
    primary_key: [id]
    fields: { id: {} }
    relationships:
      owner: { to: firms, on: { id: id }, cardinality: one_to_many, bridge: true }
  persons: { primary_key: [id], fields: { id: {}, name: {} } }
  firms: { fields: { id: {}, name: {} } }
metrics:
  driven: { table: cars, expr: count(*) }
  run: { table: garages, expr: count(*) }
";
    let rows = |name: &str| {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let name: ArrayRef = Arc::new(StringArray::from(vec![name]));
        vec![RecordBatch::try_from_iter([("id", id), ("name", name)]).unwrap()]
    };
    for same in [false, true] {
        let name = "name: { dimension: owner }";
        let model = if same { model.replace("name: {}", name) } else { model.to_owned() };
        let policies = POLICIES.replace("people, orders", "cars, garages, persons, firms");
        let engine = Engine::builder()
            .model("model.yaml", &model)
            .policies("policies.yaml", &policies)
            .batches("cars", rows("car"))
            .batches("garages", rows("garage"))
            .batches("persons", rows("Ann"))
            .batches("firms", rows("Acme"))
            .build()
            .await
            .unwrap();
        let principal = Principal::asserted_by_host("ann").group("all").build().unwrap();
        let session = engine.session(principal);
        let question = r#"{"metrics":["driven","run"],"group_by":["owner.name"]}"#;
        if same {
            let expected = "owner.name,driven,run\nAcme,0,1\nAnn,1,0\n";
            assert_eq!(answer(&session, question).await, expected);
            continue;
        }
        let error = session.query_json(question).await.map(|_| ()).unwrap_err();
        let [problem] = error.problems() else { panic!("{error}") };
        assert_eq!((problem.code, &*problem.path), ("Q0143", "group_by[0]"), "{error}");
    }
}
