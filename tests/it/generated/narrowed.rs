//! Questions of somebody who sees some rows and values, to random worlds under random policies: his
//! answers are those of a world that has only these, and so are the words in which he is refused.

use std::cell::Cell;

use sandbar::Session;
use sandbar_testkit::generate::{
    HIDING, Random, STRATA, attributed, concerned, denying, describing, in_groups, propagating,
    rival, scoping, stratified, wide_world,
};
use sandbar_testkit::reference::{Policies, World};
use sandbar_testkit::told;

use super::{Tally, WORLDS, everybody, setting, with_rows};

/// A session of his.
pub(super) async fn session(world: &World, policies: &Policies) -> Result<Session, String> {
    Ok(sessions(world, policies).await?.0)
}

/// A session of his, and of the same engine, which keeps answers, one of somebody who sees everything
/// and one of another of his group, who has other attributes.
pub(super) async fn sessions(
    world: &World,
    policies: &Policies,
) -> Result<(Session, [Session; 2]), String> {
    let builder = with_rows(world, policies).keep_answers(64 << 20);
    let engine = builder.build().await.map_err(|error| told(&error))?;
    let others = [everybody(), rival(policies)].map(|other| engine.session(other));
    Ok((engine.session(concerned(policies)), others))
}

/// Whether policies show other rows than they did before something was added to them.
fn show_others(world: &World, before: &Policies, policies: &Policies) -> bool {
    let stored = 0..world.stored().count();
    stored.into_iter().any(|table| world.shown(before, table) != world.shown(policies, table))
}

#[test]
fn l50_answers_are_those_of_a_world_without_what_is_hidden() {
    let (worlds, asked_for, gone) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let Tally { asked, answered, refused, strata, hiding, .. } = Tally::of("narrowed", |seed| {
        let mut random = Random::new(seed ^ 0x5EED);
        let world = wide_world(&mut random);
        let plain = stratified(&mut random, &world);
        let mut asking = plain.clone();
        attributed(&mut Random::new(seed ^ 0xA77), &world, &mut asking);
        let mut policies = asking.clone();
        propagating(&mut Random::new(seed ^ 0xFA17), &world, &mut policies);
        worlds.set(worlds.get() + 1);
        asked_for.set(asked_for.get() + usize::from(show_others(&world, &plain, &asking)));
        gone.set(gone.get() + usize::from(show_others(&world, &asking, &policies)));
        denying(&mut Random::new(seed ^ 0xDE41), &world, &mut policies);
        scoping(&mut Random::new(seed ^ 0x5C09), &world, &mut policies);
        describing(&mut Random::new(seed ^ 0xDE5C), &world, &mut policies);
        (random, world, Some(policies))
    });
    // In some worlds what he sees is a matter of attributes that he may lack.
    let some = asked_for.get();
    assert!(some * 10 > worlds.get(), "in {some} of {} worlds", worlds.get());
    // In many worlds rows go with those that they belong to.
    assert!(gone.get() * 6 > worlds.get(), "in {} of {} worlds", gone.get(), worlds.get());
    // Some worlds at least have each way to hide something.
    for name in HIDING {
        let count = hiding.get(name).copied().unwrap_or(0);
        assert!(count * 50 > worlds.get(), "{name} in {count} of {} worlds", worlds.get());
    }
    // Much of what is asked is hidden from whoever asks.
    assert!(answered * 4 > asked, "{answered} of {asked} are answered");
    // What he is refused is compared as well: most of it speaks of names, hidden ones among them.
    let compared: usize = refused.values().sum();
    assert!(compared * 5 > asked * 2, "{compared} refusals of {asked} questions are compared");
    let least = usize::try_from(setting("SANDBAR_CASES", WORLDS) / 80).unwrap();
    for code in
        ["Q0101", "Q0102", "Q0103", "Q0104", "Q0105", "Q0106", "Q0107", "Q0140", "Q0142", "Q0148"]
    {
        let count = refused.get(code).copied().unwrap_or(0);
        assert!(count >= least, "{count} refusals with {code} are compared");
    }
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
    assert!(few * 10 > answered, "{few} of {answered} leave something out");
}
