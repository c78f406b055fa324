//! What must hold of whatever is told, by whichever way in.

use std::collections::BTreeSet;

use super::probes::{ADDED_UP, Expected, added_up};
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
        let mut cases: Vec<(Asker, Probe)> =
            probes.into_iter().map(|probe| (Asker::Sam, probe)).collect();
        // What was added up is asked where rows differ, and what reads a hidden field where
        // that does.
        for who in [Asker::Sam, Asker::Noel] {
            let his = added_up(who).filter(|probe| match twin {
                Twin::Rows => true,
                Twin::Fields | Twin::Names => format!("{probe:?}").contains("wages"),
                Twin::Same | Twin::Masks | Twin::Attributes => false,
            });
            cases.extend(his.map(|probe| (who, probe)));
        }
        for (who, probe) in &cases {
            let Some(told) = ask(one, *who, *entrance, probe) else { continue };
            let again = ask(other, *who, *entrance, probe);
            asked += 1;
            let what = || format!("{entrance:?} of {probe:?} by {who:?}");
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

/// Asks what was added up by hand through entrances that tell rows as CSV: what is told otherwise,
/// or what tells somebody of what is hidden from him.
///
/// # Panics
/// Where an entrance can be asked nothing.
pub fn told_as_added_up(entrances: &[Entrance], ask: Ask<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for entrance in entrances {
        let mut asked = 0;
        for (who, question, expected) in ADDED_UP.into_iter().flatten() {
            let probe = Probe::Question((*question).to_owned());
            let Some(told) = ask(World(Twin::Same), *who, *entrance, &probe) else { continue };
            asked += 1;
            // A line ends before the names of the columns, and an empty one follows the rows.
            let told = format!("\n{}", text(&told));
            let right = match expected {
                Expected::Rows(rows) => {
                    told.contains(&format!("\n{}\n\n", rows.replace(';', "\n")))
                }
                Expected::Refused(code) => told.contains(&format!("{code} ")),
            };
            if !right {
                found.push(format!(
                    "{entrance:?} of {question} by {who:?} tells{told}\nnot {expected:?}"
                ));
            }
            let mut tokens = tokens(&probe).filter(|_| *who != Asker::Chief);
            if let Some(token) = tokens.find(|token| told.contains(token)) {
                found.push(format!("{entrance:?} of {question} by {who:?} tells `{token}`"));
            }
        }
        assert!(asked > 0, "{entrance:?} is asked nothing");
    }
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
