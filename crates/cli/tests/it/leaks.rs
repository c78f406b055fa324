//! The leak cases that are asked through every way in (`sandbar_testkit::entrances`), asked on the
//! command line.

use std::collections::{BTreeMap, BTreeSet};

use sandbar::AttributeValue;
use sandbar_testkit::entrances::{
    Asker, Entrance, Probe, Twin, World, first_of_each, hidden_and_absent, told_as_added_up,
    twins_are_told_alike,
};
use tempfile::TempDir;

use crate::run;

/// The program, called in the folders of worlds.
struct Program {
    folders: BTreeMap<Twin, TempDir>,
    told: BTreeMap<(World, Asker, String), Vec<u8>>,
    /// A program takes its time to start: beside the first question of each kind, one in so many
    /// is asked.
    one_of: usize,
    first: BTreeSet<Probe>,
    format: &'static str,
}

impl Program {
    fn new(one_of: usize, format: &'static str) -> Self {
        let first = first_of_each().into_iter().collect();
        Self { folders: BTreeMap::new(), told: BTreeMap::new(), one_of, first, format }
    }

    /// What is told: how it ends, stdout and stderr.
    fn ask(
        &mut self,
        world: World,
        who: Asker,
        entrance: Entrance,
        probe: &Probe,
    ) -> Option<Vec<u8>> {
        let (Entrance::CommandQuery, Probe::Question(json)) = (entrance, probe) else {
            return None;
        };
        if json.len() % self.one_of != 0 && !self.first.contains(probe) {
            return None;
        }
        let key = (world, who, json.clone());
        if let Some(told) = self.told.get(&key) {
            return Some(told.clone());
        }
        let folder = self.folders.entry(world.0).or_insert_with(|| {
            let folder = tempfile::tempdir().unwrap();
            world.write(folder.path());
            folder
        });
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (model, policies) = (file("model.yaml"), file("policies.yaml"));
        let mut args = vec!["query", json, "--as", who.email(), "--group", world.group(who)];
        args.extend(["--model", &model, "--policies", &policies, "--format", self.format]);
        let attributes: Vec<String> = world.attributes(who).into_iter().map(said).collect();
        args.extend(attributes.iter().flat_map(|said| ["--attribute", said]));
        let ran = run(&args);
        let told = [&ran.out[..], format!("\n{:?}\n{}", ran.code, ran.err).as_bytes()].concat();
        self.told.insert(key, told.clone());
        Some(told)
    }
}

/// An attribute as it is typed.
fn said((name, value): (&str, AttributeValue)) -> String {
    let text = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => format!("{text:?}"),
        AttributeValue::Integer(number) => number.to_string(),
        other => panic!("{other:?} is not said here"),
    };
    match &value {
        AttributeValue::List(values) => {
            format!("{name}=[{}]", values.iter().map(text).collect::<Vec<_>>().join(","))
        }
        one => format!("{name}={}", text(one)),
    }
}

#[test]
fn l27_the_command_line_tells_nothing_of_what_is_hidden() {
    let mut program = Program::new(8, "json");
    let commands = Entrance::named("sandbar");
    for twin in [Twin::Rows, Twin::Fields, Twin::Masks, Twin::Names, Twin::Attributes] {
        let wrong = twins_are_told_alike(twin, &commands, &mut |world, who, entrance, probe| {
            program.ask(world, who, entrance, probe)
        });
        assert!(wrong.is_empty(), "{twin:?}: {}", wrong.join("\n"));
    }
    program.one_of = 1;
    let wrong = hidden_and_absent(&commands, &mut |world, who, entrance, probe| {
        program.ask(world, who, entrance, probe)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn l4_l5_l29_l30_l33_l34_l37_the_command_line_tells_what_is_added_up_by_hand() {
    let mut program = Program::new(3, "csv");
    let commands = Entrance::named("sandbar");
    let wrong = told_as_added_up(&commands, &mut |world, who, entrance, probe| {
        program.ask(world, who, entrance, probe)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
