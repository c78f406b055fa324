//! L52: a plan that cannot be proven is not run; it is made again behind a stronger shield.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use sandbar::{Administrator, AttributeValue, Engine, Principal, SemanticQuery};
use sandbar_shop::Asker;
use sandbar_testkit::{principal, shop};

const BARRIER: &str = "SecurityBarrierExec";

/// The physical plan of a question for the regional manager, and the rows of its answer.
async fn asked(query: &str) -> (String, Vec<String>) {
    let engine = shop().build().await.unwrap();
    asked_of(&engine, principal(Asker::named("wei").unwrap()), query).await
}

async fn asked_of(engine: &Engine, asker: Principal, query: &str) -> (String, Vec<String>) {
    let query = SemanticQuery::from_json(query).unwrap();
    let explained =
        engine.explain_as(&Administrator::asserted_by_host(), &asker, &query).await.unwrap();
    let answer = engine.session(asker).query(&query).await.unwrap().collect().await.unwrap();
    let rows = answer.to_csv().unwrap().lines().skip(1).map(str::to_owned).collect();
    (explained.physical_plan.unwrap(), rows)
}

/// How many people of the shop live in a state.
fn people_of(state: &str) -> usize {
    use arrow::array::AsArray;
    let shop = sandbar_shop::Shop::generate().unwrap();
    let states = arrow::compute::cast(
        shop.people().column_by_name("state").unwrap(),
        &arrow::datatypes::DataType::Utf8,
    );
    states.unwrap().as_string::<i32>().iter().filter(|s| *s == Some(state)).count()
}

fn counted(filter: &str) -> String {
    format!(r#"{{ "table": "people", "aggregations": ["count"], "filter": {filter} }}"#)
}

#[tokio::test]
async fn l52_a_policy_that_is_merged_with_the_question_is_set_apart() {
    // Of the seventy numbers of the policy and the three of the question the optimiser leaves two:
    // the policy is not found again in the plan that was made first. Nothing of the question can
    // fail, so that this plan has no barrier.
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let rows = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let engine = Engine::builder()
        .model("model.yaml", "tables: { t: { primary_key: [id], fields: { id: {} } } }")
        .policies(
            "policies.yaml",
            "attributes: { ids: { type: integer, list: true } }
groups: { some: {} }
policies: { some: { groups: [some], grant: { tables: [t], rows: 'id in (attribute.ids)' } } }",
        )
        .batches("t", vec![rows])
        .build()
        .await
        .unwrap();
    let seen = (0..70_i64).map(AttributeValue::from).collect();
    let asker = Principal::asserted_by_host("ed").group("some");
    let asker = asker.attribute("ids", AttributeValue::List(seen)).build().unwrap();
    let (plan, rows) = asked_of(
        &engine,
        asker,
        r#"{ "table": "t", "aggregations": ["count"],
            "filter": { "field": "id", "op": "in", "values": [3, 4, 80] } }"#,
    )
    .await;
    let (above, below) = plan.split_once(BARRIER).expect(&plan);
    // A copy of the condition below the barrier would be merged as well: the last shield has none.
    assert!(above.contains("80") && !below.contains("80"), "{plan}");
    assert!(below.contains("69"), "{plan}");
    assert_eq!(rows, ["2"]);
}

#[tokio::test]
async fn l52_a_policy_that_follows_from_what_is_left_needs_no_barrier() {
    // Of `state in (CA, WA, OR, NV, AZ) and state in (CA, NY)` the optimiser leaves `state = CA`.
    for filter in [
        r#"{ "field": "state", "op": "in", "values": ["CA", "NY"] }"#,
        r#"{ "field": "state", "op": "=", "value": "CA" }"#,
    ] {
        let (plan, rows) = asked(&counted(filter)).await;
        assert!(!plan.contains(BARRIER), "{plan}");
        assert!(people_of("CA") > 0 && people_of("NY") > 0);
        assert_eq!(rows, [people_of("CA").to_string()]);
    }
}

#[tokio::test]
async fn l52_a_question_that_contradicts_the_policy_has_an_empty_answer() {
    let elsewhere = counted(r#"{ "field": "state", "op": "in", "values": ["NY", "TX"] }"#);
    assert!(people_of("NY") > 0 && people_of("TX") > 0);
    let (_, rows) = asked(&elsewhere).await;
    assert_eq!(rows, ["0"]);
}
