//! Questions of somebody who sees some rows and values, to random worlds under random policies: his
//! answers are those of a world that has only these.

use sandbar::Session;
use sandbar_testkit::generate::{Random, STRATA, concerned, in_groups, stratified, wide_world};
use sandbar_testkit::reference::{Policies, World};
use sandbar_testkit::told;

use super::{Tally, WORLDS, with_rows};

/// A session of his.
pub(super) async fn session(world: &World, policies: &Policies) -> Result<Session, String> {
    let engine = with_rows(world, policies).build().await.map_err(|error| told(&error))?;
    Ok(engine.session(concerned(policies)))
}

#[test]
fn l50_answers_are_those_of_a_world_without_what_is_hidden() {
    let Tally { asked, answered, strata, .. } = Tally::of("narrowed", |seed| {
        let mut random = Random::new(seed ^ 0x5EED);
        let world = wide_world(&mut random);
        let policies = stratified(&mut random, &world);
        (random, world, Some(policies))
    });
    // Much of what is asked is hidden from whoever asks.
    assert!(answered * 4 > asked, "{answered} of {asked} are answered");
    // How much a policy lets pass decides what DataFusion does with it: each has its share.
    let all: usize = strata.values().sum();
    for stratum in STRATA {
        let count = strata.get(stratum).copied().unwrap_or(0);
        assert!(count * 20 > all, "{count} of {all} are about tables of which is seen: {stratum}");
    }
}

#[test]
fn l30_groups_and_numbers_of_few_rows_are_told_to_nobody() {
    let Tally { asked, answered, few, .. } = Tally::of_worlds("groups", WORLDS / 2, |seed| {
        let mut random = Random::new(seed ^ 0x6_0000);
        let world = wide_world(&mut random);
        let mut policies = stratified(&mut random, &world);
        in_groups(&mut random, &world, &mut policies);
        (random, world, Some(policies))
    });
    assert!(answered * 6 > asked, "{answered} of {asked} are answered");
    assert!(few * 8 > answered, "{few} of {answered} leave something out");
}
