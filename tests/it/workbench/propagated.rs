//! What a change does that lets rows go with hidden rows: both tables are counted.

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
