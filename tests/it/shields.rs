//! L52: a plan that cannot be proven is not run; it is made again behind a stronger shield.

use sandbar::{Administrator, SemanticQuery};
use sandbar_shop::Asker;
use sandbar_testkit::{principal, shop};

const BARRIER: &str = "SecurityBarrierExec";

/// The physical plan of a question for the regional manager, and the rows of its answer.
async fn asked(query: &str) -> (String, Vec<String>) {
    let engine = shop().build().await.unwrap();
    let wei = principal(Asker::named("wei").unwrap());
    let query = SemanticQuery::from_json(query).unwrap();
    let explained =
        engine.explain_as(&Administrator::asserted_by_host(), &wei, &query).await.unwrap();
    let answer = engine.session(wei).query(&query).await.unwrap().collect().await.unwrap();
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
    // Of `state in (CA, WA, OR, NV, AZ) and state in (CA, NY)` the optimiser leaves
    // `state in (CA)`: the policy is not found again in the plan that was made first. Nothing of
    // the question can fail, so that this plan has no barrier.
    let merged = counted(r#"{ "field": "state", "op": "in", "values": ["CA", "NY"] }"#);
    let (plan, rows) = asked(&merged).await;
    let (above, below) = plan.split_once(BARRIER).expect(&plan);
    // A copy of the condition below the barrier would be merged as well: the last shield has none.
    assert!(above.contains("NY") && !below.contains("NY"), "{plan}");
    assert!(below.contains("WA"), "{plan}");
    assert!(people_of("CA") > 0 && people_of("NY") > 0);
    assert_eq!(rows, [people_of("CA").to_string()]);
    // What stays apart by itself is proven as it was made first.
    let apart = counted(r#"{ "field": "state", "op": "=", "value": "CA" }"#);
    let (plan, rows) = asked(&apart).await;
    assert!(!plan.contains(BARRIER), "{plan}");
    assert_eq!(rows, [people_of("CA").to_string()]);
}

#[tokio::test]
async fn l52_a_question_that_contradicts_the_policy_has_an_empty_answer() {
    let elsewhere = counted(r#"{ "field": "state", "op": "in", "values": ["NY", "TX"] }"#);
    assert!(people_of("NY") > 0 && people_of("TX") > 0);
    let (_, rows) = asked(&elsewhere).await;
    assert_eq!(rows, ["0"]);
}
