//! What a change does that lets rows go with hidden rows: both tables are counted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use sandbar::{Administrator, DiffSamples, Engine, Principal};

use super::{check, difference};

/// Of the parks only the elm park is left, and of the trees those in it and those in none.
#[tokio::test]
async fn a_difference_counts_the_rows_that_go_with_others() {
    let (old, new) =
        ("{ tables: [parks] }", "{ tables: [parks], rows: city = 'Ash', propagate: true }");
    check(
        &difference(old, new).await,
        "
group wardens
  - table trees: rows park = attribute.park → (park = attribute.park) and (in missing or shown: city = 'Ash')
  - table parks: rows every row → city = 'Ash'
group council
  - table trees: rows in.city in (attribute.cities) → (in.city in (attribute.cities)) and (in missing or shown: city = 'Ash')
  - table parks: rows every row → city = 'Ash'
rows
  group wardens: trees 2 → 2 (+0 -0)
  group wardens: parks 2 → 1 (+0 -1)
  group council: trees 0 → 0 (+0 -0): under the new policies, attribute `cities` is wanted, and is missing or has the wrong type
  group council: parks 2 → 1 (+0 -1)
  ash: trees 4 → 2 (+0 -2)
  ash: parks 2 → 1 (+0 -1)
",
    );
}

const CHAIN: &str = "
tables:
  alpha:
    primary_key: [id]
    fields: { id: {}, b: {} }
    relationships: { bet: { to: beta, on: { b: id }, cardinality: many_to_one } }
  beta:
    primary_key: [id]
    fields: { id: {}, g: {} }
    relationships: { gam: { to: gamma, on: { g: id }, cardinality: many_to_one } }
  gamma: { primary_key: [id], fields: { id: {}, v: {} } }
";

/// What changes where three groups of one person take a row away together, and none of them alone.
#[tokio::test]
async fn a_difference_counts_what_several_groups_do_together() {
    let numbers = |all: &[Option<i64>]| Arc::new(Int64Array::from(all.to_vec())) as ArrayRef;
    let batch = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).unwrap();
    let rules = |gamma: &str| {
        format!(
            "
groups: {{ g1: {{}}, g2: {{}}, g3: {{}} }}
policies:
  a: {{ groups: [g1], grant: {{ tables: [alpha] }} }}
  b: {{ groups: [g2], grant: {{ tables: [beta], propagate: [alpha.bet] }} }}
  c: {{ groups: [g3], grant: {{ tables: [gamma], rows: v > 3{gamma} }} }}
"
        )
    };
    let keys = batch(vec![
        ("id", numbers(&[Some(1), Some(2), Some(3)])),
        ("b", numbers(&[Some(1), None, Some(2)])),
    ]);
    let between =
        batch(vec![("id", numbers(&[Some(1), Some(2)])), ("g", numbers(&[Some(1), Some(2)]))]);
    let far =
        batch(vec![("id", numbers(&[Some(1), Some(2)])), ("v", numbers(&[Some(3), Some(4)]))]);
    let engine = Engine::builder()
        .model("model.yaml", CHAIN)
        .policies("policies.yaml", &rules(""))
        .batches("alpha", vec![keys])
        .batches("beta", vec![between])
        .batches("gamma", vec![far])
        .build()
        .await
        .unwrap();
    let newer = super::rules(&rules(", propagate: [beta.gam]"));
    let ann = ["g1", "g2", "g3"]
        .into_iter()
        .fold(Principal::asserted_by_host("ann"), |ann, group| ann.group(group));
    let people = vec![("ann".to_owned(), ann.build().unwrap())];
    let samples = DiffSamples { attributes: Vec::new(), people };
    let administrator = Administrator::asserted_by_host();
    let told = engine.policy_diff_as(&administrator, &newer, &samples).await.unwrap().to_string();
    // The first row of beta goes with the first of gamma, and the first of alpha with it.
    assert!(told.contains("  ann: beta 2 → 1 (+0 -1)\n"), "{told}");
    assert!(told.contains("  ann: alpha 3 → 2 (+0 -1)\n"), "{told}");
}
