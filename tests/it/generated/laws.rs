//! Laws: what the answers to two or more questions, or of two or more engines, have to do with each
//! other. No answer is known beforehand.

use std::error::Error;

use sandbar::Session;
use sandbar_testkit::collected;
use sandbar_testkit::generate::{Random, json, smaller, tables, world, yaml};
use sandbar_testkit::reference::{Question, Table, World};
use sandbar_testkit::rows::Rows;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::refusals::is_refusal;
use super::{TOLD, drawn, furnished, setting};

/// How often a question is drawn until it is one that the law is about.
const DRAWS: usize = 60;
/// How many smaller cases are tried.
const TRIES: usize = 300;

/// What became of one question.
pub(super) enum Verdict {
    Holds,
    Refused,
    Broken(String),
}

/// A law.
pub(super) struct Law {
    /// How many worlds there are, if nobody says.
    pub(super) cases: u64,
    /// How many questions each world is asked.
    pub(super) questions: usize,
    /// The engines of a world, or why there are none.
    pub(super) engines: fn(&Runtime, &World) -> Result<Engines, String>,
    /// The question that is asked of a random one, if the law says something about it.
    pub(super) about: fn(&World, Question) -> Option<Question>,
    /// Whether it holds.
    pub(super) check: fn(&Case, &Question) -> Verdict,
}

/// The engines that a world is asked through, and the files that some of them read.
#[derive(Default)]
pub(super) struct Engines {
    pub(super) sessions: Vec<Session>,
    pub(super) files: Option<TempDir>,
}

/// A world and its engines.
pub(super) struct Case<'r> {
    pub(super) world: World,
    engines: Engines,
    runtime: &'r Runtime,
}

/// An answer, or why there is none.
pub(super) enum Asked {
    Rows(Rows),
    /// The question is refused with this code.
    Refused(String),
    /// It fails.
    Failed(String),
}

impl Asked {
    /// As text.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Rows(rows) => shown(rows),
            Self::Refused(code) => format!("refused with {code}"),
            Self::Failed(why) => format!("failed: {why}"),
        }
    }
}

impl Case<'_> {
    /// What one of the engines answers.
    pub(super) fn ask(&self, engine: usize, question: &Question) -> Asked {
        self.runtime.block_on(async {
            let answer = collected(&self.engines.sessions[engine], &json(question)).await;
            match answer {
                Ok(collected) => Asked::Rows(Rows::read(&collected.to_csv().unwrap())),
                Err(error) if is_refusal(&error) => Asked::Refused(error.code().to_owned()),
                Err(error) => {
                    let mut told = format!("{} {error}", error.code());
                    let mut cause = error.source();
                    while let Some(deeper) = cause {
                        told = format!("{told}; {deeper}");
                        cause = deeper.source();
                    }
                    Asked::Failed(told)
                }
            }
        })
    }

    /// The answers of the first engine to several questions; a verdict if one has none.
    pub(super) fn all<const N: usize>(
        &self,
        questions: [&Question; N],
    ) -> Result<[Rows; N], Verdict> {
        let mut found = Vec::new();
        for question in questions {
            match self.ask(0, question) {
                Asked::Rows(rows) => found.push(rows),
                Asked::Refused(_) => return Err(Verdict::Refused),
                Asked::Failed(why) => {
                    return Err(Verdict::Broken(format!("{}: {why}", json(question))));
                }
            }
        }
        Ok(found.try_into().unwrap())
    }
}

/// One engine over the world as it is.
pub(super) fn plain(runtime: &Runtime, world: &World) -> Result<Engines, String> {
    let sessions = vec![runtime.block_on(super::session(world))?];
    Ok(Engines { sessions, files: None })
}

/// Rows as text.
pub(super) fn shown(rows: &Rows) -> String {
    let lines = std::iter::once(&rows.head).chain(&rows.rows);
    lines.map(|line| line.join(",") + "\n").collect()
}

/// Whether its rows have an order: lists of rows that cannot be told apart have none.
fn is_ordered(world: &World, question: &Question) -> bool {
    if let Some(inner) = &question.from {
        return is_ordered(world, inner);
    }
    let is_list = question.metrics.is_empty()
        && question.measures.is_empty()
        && question.aggregations.is_empty()
        && question.group_by.is_empty();
    let named = |table: &&Table| question.table.as_ref() == Some(&table.name);
    !is_list || world.tables.iter().find(named).is_none_or(|table| table.told_apart)
}

impl Law {
    /// The smallest case in which the law is broken.
    fn shrunk(
        &self,
        runtime: &Runtime,
        (world, question, why): (World, Question, String),
    ) -> (World, Question, String) {
        let about = |(world, question): &(World, Question)| {
            let asked = smaller(world, question).into_iter().filter_map(|(world, question)| {
                let question = (self.about)(&world, question)?;
                Some((world, question))
            });
            let other = |(w, q): &(World, Question)| {
                json(q) != json(question) || tables(w) != tables(world)
            };
            asked.filter(other).collect()
        };
        let still = |(world, question): &(World, Question)| {
            let (world, engines) = (world.clone(), (self.engines)(runtime, world).ok()?);
            match (self.check)(&Case { world, engines, runtime }, question) {
                Verdict::Broken(why) => Some(why),
                _ => None,
            }
        };
        let ((world, question), why) =
            super::smallest(((world, question), why), TRIES, about, still);
        (world, question, why)
    }

    /// Tries the law on random worlds and questions.
    pub(super) fn holds(&self) {
        let (cases, first) = (setting("SANDBAR_CASES", self.cases), setting("SANDBAR_SEED", 1));
        let runtime = Runtime::new().unwrap();
        let (mut asked, mut held, mut broken) = (0, 0, Vec::new());
        for seed in first..first + cases {
            let mut random = Random::new(seed);
            let plain = world(&mut random);
            let world = furnished(seed, &plain, None);
            let engines = match (self.engines)(&runtime, &world) {
                Ok(engines) => engines,
                Err(why) => panic!("seed {seed}: {why}\n{}", yaml(&world, None)),
            };
            let case = Case { world, engines, runtime: &runtime };
            for number in 0..self.questions {
                let worlds = [&plain, &case.world, &case.world];
                let draws = number * DRAWS..(number + 1) * DRAWS;
                let draws = draws.map(|draw| drawn(&mut random, (seed, draw), worlds));
                let mut draws = draws.filter(|question| is_ordered(&case.world, question));
                let Some(question) = draws.find_map(|q| (self.about)(&case.world, q)) else {
                    continue;
                };
                asked += 1;
                match (self.check)(&case, &question) {
                    Verdict::Holds => held += 1,
                    Verdict::Refused => {}
                    Verdict::Broken(why) if broken.len() < TOLD => {
                        let found = (case.world.clone(), question, why);
                        let (world, question, why) = self.shrunk(&runtime, found);
                        let seed = format!("{seed}.{number}");
                        broken.push(super::case(&seed, &world, &question, &why));
                    }
                    Verdict::Broken(_) => broken.push(String::new()),
                }
            }
        }
        eprintln!("{asked} asked, {held} hold");
        super::none_is_wrong("laws", &broken);
        // Of two questions in a row, one is often refused.
        assert!(held * 5 > asked, "{held} of {asked} could be compared");
        assert!(held * 2 > usize::try_from(cases).unwrap(), "{held} in {cases} worlds");
    }
}
