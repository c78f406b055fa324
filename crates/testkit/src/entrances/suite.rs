//! What must hold of whatever is told, by whichever way in.

use std::collections::BTreeSet;

use super::world::{Asker, TOKENS, Twin, World};
use super::{Entrance, Probe, hidden, plain};

/// Asks in a world, as somebody, through an entrance: every byte that he is told, or `None` where
/// the entrance cannot be asked that.
pub type Ask<'a> = &'a mut dyn FnMut(World, Asker, Entrance, &Probe) -> Option<Vec<u8>>;

/// Asks everything in a world and in its twin through each entrance; what is told apart by
/// somebody from whom the difference is hidden, or tells him of it.
///
/// That the question could tell them apart is looked at, too: to somebody who sees the difference
/// each entrance that can tell of it does.
///
/// # Panics
/// Where an entrance can be asked nothing.
pub fn twins_are_told_alike(twin: Twin, entrances: &[Entrance], ask: Ask<'_>) -> Vec<String> {
    let (one, other) = (World(Twin::Same), World(twin));
    let witness = if twin == Twin::Attributes { Asker::Kim } else { Asker::Chief };
    let mut found = Vec::new();
    for entrance in entrances {
        let (mut asked, mut told_apart) = (0, false);
        let mut probes = Vec::new();
        // Names of hidden things are asked where it is they that are hidden, or what they stand for.
        if matches!(twin, Twin::Names | Twin::Fields) {
            probes.extend(hidden().iter().flat_map(|thing| thing.probes(thing.hidden)));
        }
        probes.extend(plain());
        for probe in &probes {
            let Some(told) = ask(one, Asker::Sam, *entrance, probe) else { continue };
            let again = ask(other, Asker::Sam, *entrance, probe);
            asked += 1;
            let what = || format!("{entrance:?} of {probe:?}");
            let twice = again.unwrap_or_default();
            if told != twice {
                let (told, twice) = (text(&told), text(&twice));
                found.push(format!("{} tells\n{told}\nand of the twin\n{twice}", what()));
            }
            for token in tokens(probe).filter(|token| holds(&told, token.as_bytes())) {
                found.push(format!("{} tells `{token}`:\n{}", what(), text(&told)));
            }
            // One that is told apart is enough.
            told_apart = told_apart
                || tells(*entrance, twin)
                    && ask(one, witness, *entrance, probe) != ask(other, witness, *entrance, probe);
        }
        assert!(asked > 0, "{entrance:?} is asked nothing");
        if tells(*entrance, twin) && !told_apart {
            found.push(format!("{entrance:?} tells nobody what differs: the cases prove nothing"));
        }
    }
    found
}

/// Asks with the name or number of each hidden thing, and with one that nothing has: what is told
/// differs in that name, where it is told again, and in nothing else.
///
/// # Panics
/// Where an entrance can be asked nothing.
pub fn hidden_and_absent(entrances: &[Entrance], ask: Ask<'_>) -> Vec<String> {
    let world = World(Twin::Same);
    let (mut found, mut exists) = (Vec::new(), BTreeSet::new());
    for entrance in entrances {
        let mut answered = 0;
        for thing in hidden() {
            let probes = thing.probes(thing.hidden).into_iter().zip(thing.probes(thing.absent));
            for (probe, other) in probes {
                let Some(told) = ask(world, Asker::Sam, *entrance, &probe) else { continue };
                let absent = ask(world, Asker::Sam, *entrance, &other).unwrap_or_default();
                answered += 1;
                if !exists.contains(thing.hidden) {
                    let mut seen = |probe| {
                        text(&ask(world, Asker::Chief, *entrance, probe).unwrap_or_default())
                    };
                    let real = seen(&probe).replace(thing.hidden, thing.absent);
                    if real != seen(&other) {
                        exists.insert(thing.hidden);
                    }
                }
                let told = text(&told).replace(thing.hidden, thing.absent);
                let absent = text(&absent);
                if told != absent {
                    found.push(format!("{entrance:?} of {probe:?} tells\n{told}\nnot\n{absent}"));
                }
            }
        }
        // Lists cannot be asked with a name.
        let lists =
            [Entrance::Tables, Entrance::Metrics, Entrance::HttpTables, Entrance::HttpMetrics];
        assert!(answered > 0 || lists.contains(entrance), "{entrance:?} is asked nothing");
    }
    // To somebody else they are two cases.
    let unreal = hidden().iter().filter(|thing| !exists.contains(thing.hidden));
    found.extend(unreal.map(|thing| format!("`{}` is nothing for anybody", thing.hidden)));
    found
}

/// Whether somebody who sees what a twin differs in can be told so by an entrance.
fn tells(entrance: Entrance, twin: Twin) -> bool {
    match twin {
        Twin::Same => false,
        Twin::Rows | Twin::Fields | Twin::Masks | Twin::Attributes => entrance.gives_rows(),
        Twin::Names => true,
    }
}

/// What must not be told of a probe: all that does not stand in it anyway.
fn tokens(probe: &Probe) -> impl Iterator<Item = &'static str> {
    let said = format!("{probe:?}");
    TOKENS.into_iter().filter(move |token| !said.contains(token))
}

fn holds(told: &[u8], token: &[u8]) -> bool {
    told.windows(token.len()).any(|window| window == token)
}

fn text(told: &[u8]) -> String {
    String::from_utf8_lossy(told).into_owned()
}
