//! Policies in the forms that the optimiser gives them: each answer is proven, and none is refused
//! for want of a proof.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{AttributeValue, Engine, Principal, Session};

const MODEL: &str = "
tables:
  people: { primary_key: [id], fields: { id: {}, state: {}, lon: {}, code: { expr: 'div(100, lon)' } } }
  orders:
    primary_key: [id]
    fields: { id: {}, user_id: {}, total: {}, inverse: { expr: 'div(1000, total)' } }
    relationships:
      customer: { to: people, on: { user_id: id }, cardinality: many_to_one }
metrics: { n: { table: orders, expr: count(*) }, revenue: { table: orders, expr: sum(total) } }
";

/// Bob has the longitude 0, on which `code` fails, and is not to be seen.
async fn session(people: &str, orders: &str) -> Session {
    let numbers = |all: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(all.to_vec())) };
    let states: ArrayRef = Arc::new(StringArray::from(vec!["CA", "NY", "CA"]));
    let rows = |columns: [(&str, ArrayRef); 3]| RecordBatch::try_from_iter(columns).unwrap();
    let of_people =
        rows([("id", numbers(&[1, 2, 3])), ("state", states), ("lon", numbers(&[5, 0, 7]))]);
    let of_orders = rows([
        ("id", numbers(&[1, 2, 3, 4])),
        ("user_id", numbers(&[1, 2, 3, 1])),
        ("total", numbers(&[10, 20, 30, 40])),
    ]);
    let policies = format!(
        "attributes: {{ states: {{ type: text, list: true }}, sizes: {{ type: integer, list: true }} }}
groups: {{ region: {{}} }}
policies:
  people: {{ groups: [region], grant: {{ tables: [people], rows: \"{people}\" }} }}
  orders: {{ groups: [region], grant: {{ tables: [orders], rows: \"{orders}\" }} }}
  twice: {{ groups: [region], grant: {{ tables: [orders], rows: \"user_id = 9 or {orders}\" }} }}
"
    );
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", &policies);
    let builder = builder.batches("people", vec![of_people]);
    let engine = builder.batches("orders", vec![of_orders]).build().await.unwrap();
    let list = |all: Vec<AttributeValue>| AttributeValue::List(all);
    let principal = Principal::asserted_by_host("ada")
        .group("region")
        .attribute("states", list(vec!["CA".into()]))
        .attribute("sizes", list(vec![5_i64.into(), 7_i64.into(), 5_i64.into()]));
    engine.session(principal.build().unwrap())
}

/// Questions that come back to a table over which a policy of another one goes, with a calculation
/// that can fail.
async fn check_all(session: &Session) {
    let cases = [
        (r#"{"table":"people","filter":{"metric":"n","op":">","value":1}}"#, "1,CA,5,20\n"),
        (
            r#"{"table":"people","fields":["id","code"],
                "filter":{"field":"orders.customer.lon","op":">","value":0}}"#,
            "1,20\n3,14\n",
        ),
        (
            r#"{"metrics":["n"],"group_by":["inverse"],
                "filter":{"metric":"revenue","op":">","value":10,"per":"customer"}}"#,
            "25,1\n33,1\n100,1\n",
        ),
        (
            r#"{"metrics":["n"],"group_by":["customer.code"],
                "filter":{"metric":"revenue","op":">","value":10,"per":"customer"}}"#,
            "14,1\n20,2\n",
        ),
        (
            r#"{"table":"orders","filter":{"metric":"n","op":">","value":1,"per":"customer"}}"#,
            "1,1,10,100\n4,1,40,25\n",
        ),
        (
            r#"{"metrics":["n",{"name":"revenue","as":"none","filter":{"field":"id","op":"in",
                "values":[]}}],"filter":{"field":"customer.code","op":">","value":0}}"#,
            "3,\n",
        ),
    ];
    for (question, rows) in cases {
        let answer = session.query_json(question).await;
        let answer = answer.unwrap_or_else(|e| panic!("{question}: {e:?}"));
        let found = answer.collect().await.unwrap_or_else(|e| panic!("{question}: {e:?}"));
        let found = found.to_csv().unwrap();
        assert_eq!(found.split_once('\n').unwrap().1, rows, "{question}");
    }
}

#[tokio::test]
async fn policies_of_other_tables_in_questions_that_come_back_to_these() {
    let state = "state in (attribute.states)";
    check_all(&session(state, "customer.state in (attribute.states)").await).await;
}

/// The optimiser computes once what stands twice, leaves out what is said twice, and orders anew.
#[tokio::test]
async fn policies_that_say_a_thing_twice() {
    let people =
        "(lon in (attribute.sizes) and state <= 'D') or (id = 9 or lon in (attribute.sizes))";
    check_all(&session(people, "customer.lon in (attribute.sizes)").await).await;
    let people = "lon in (attribute.sizes) or id = 9 or lon in (5, 7)";
    let orders = "(user_id = 1 or id = 3) and (id = 3 or user_id = 1 or user_id = 1)";
    check_all(&session(people, orders).await).await;
    let state = "state in (attribute.states)";
    let people = format!("id > 0 and ({state} or {state}) and ({state} or lon <> 1)");
    check_all(&session(&people, "customer.lon in (attribute.sizes)").await).await;
    let people = "lon in (attribute.sizes) or id = 9 or (id > 0 and lon in (5, 7) and state < 'D')";
    check_all(&session(people, "user_id = 1 or id = 3 or (user_id = 1 and total > 5)").await).await;
    let people = "lon > 0 and lon >= 1 and lon < 9 and lon <> 9 and lon <= 20";
    check_all(&session(people, "total > 5 and total >= 1 and user_id <> 2").await).await;
    let people = "(state = 'CA' and lon = 5) or (state = 'CA' and lon = 7)";
    check_all(&session(people, "id in (1, 3) or (id = 4 and user_id = 1)").await).await;
}

/// What the other part of a policy leaves says of a set that it is empty.
#[tokio::test]
async fn policies_over_sets_that_have_nothing_for_their_rows() {
    let none = "select state from people where state = 'TX' and state is not null";
    let people =
        format!("(state = 'CA' and lon < 6) or (state in ('CA') and state not in ({none}))");
    check_all(&session(&people, "id <> 2").await).await;
}

/// `k` is stored in fewer bits than `id` and `z`.
async fn of_texts(condition: &str) -> Session {
    let model = "
tables:
  t: { primary_key: [id], fields: { id: {}, a: {}, b: {}, c: {}, k: {}, z: {} } }
";
    let policies = format!(
        "groups: {{ g: {{}} }}
policies:
  all: {{ groups: [g], grant: {{ tables: [t], rows: \"{condition}\" }} }}
"
    );
    let texts = |all: [Option<&str>; 3]| -> ArrayRef { Arc::new(StringArray::from(all.to_vec())) };
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, true),
        ("a", texts([Some("A"), Some("b"), None]), true),
        ("b", texts([Some("a"), Some("x"), Some("c")]), true),
        ("c", texts([Some("a"), Some("b"), Some("c")]), true),
        ("k", Arc::new(Int32Array::from(vec![1, 5, 3])), true),
        ("z", Arc::new(Int64Array::from(vec![-7, 9, 3])), true),
    ]);
    let engine = Engine::builder().model("model.yaml", model).policies("policies.yaml", &policies);
    let engine = engine.batches("t", vec![rows.unwrap()]).build().await;
    let engine = engine.unwrap_or_else(|e| panic!("{condition}: {e}"));
    engine.session(Principal::asserted_by_host("ada").group("g").build().unwrap())
}

#[tokio::test]
async fn policies_that_the_optimiser_turns_round() {
    // Which of the rows, by hand.
    let policies = [
        ("lower(a) in (b, c)", "1 2"),
        ("lower(a) <> b and lower(a) <> c", ""),
        ("lower(a) = b and lower(a) = c", "1"),
        // Missing texts are joined as empty ones.
        ("(a || 'q') > b and (a || 'q') <> c", "3"),
        ("k between id and z", "2 3"),
        ("k = z or k = id", "1 3"),
        ("k > z or k >= id", "1 2 3"),
        ("id < k and 4 < k", "2"),
        ("(z < 0 and 1 = 1) or (id not in (2, 100)) is true", "1 3"),
        ("coalesce(k = z or k = id, false) = false", "2"),
        ("case when id in (1, 2) then k = id or z = 9 else false end", "1 2"),
    ];
    for (condition, ids) in policies {
        let session = of_texts(condition).await;
        for question in [
            r#"{"table":"t","fields":["id"]}"#,
            r#"{"table":"t","group_by":["id"],"aggregations":["count"]}"#,
            r#"{"table":"t","calculated":{"w":"z * 2"},"fields":["id","w"]}"#,
            r#"{"table":"t","aggregations":["count"]}"#,
        ] {
            let answer = session.query_json(question).await;
            let answer = answer.unwrap_or_else(|e| panic!("{condition}: {question}: {e:?}"));
            let csv = answer.collect().await.unwrap().to_csv().unwrap();
            let firsts = csv.lines().skip(1).map(|line| line.split(',').next().unwrap());
            let expected = match csv.starts_with("count") {
                true => ids.split_whitespace().count().to_string(),
                false => ids.to_owned(),
            };
            assert_eq!(firsts.collect::<Vec<_>>().join(" "), expected, "{condition}: {question}");
        }
    }
}
