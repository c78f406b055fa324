//! Random questions to random small worlds, answered by the engine and by an evaluator that knows
//! nothing of it (`sandbar_testkit::reference`).
//!
//! `SANDBAR_CASES` says how many worlds there are, `SANDBAR_SEED` which is the first. Cases that are
//! wrong are made small and kept as files in `target/tmp/cases`. A run tells a digest of all that
//! was asked and answered: the same seeds have the same one.

mod configurations;
mod digest;
mod interference;
mod laws;
mod narrowed;
mod over_http;
mod parts;
mod properties;
mod refusals;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::RecordBatch;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use sandbar::{Engine, EngineBuilder, Principal, Session};
use sandbar_testkit::generate::{
    Random, ask_by_name, ask_spreads, batch, by_calendar, constructs, give_names, hiding, json,
    policies_yaml, question, smaller, spell_out, strata_of, tables, unbounded, weaker,
    with_calendar, with_spreads, without_hidden, world, yaml,
};
use sandbar_testkit::reference::{
    Answer, Cell, MASK_KEY, Policies, Question, Reference, Table, World,
};
use sandbar_testkit::rows::Rows;
use sandbar_testkit::{collected, told};
use tokio::runtime::Runtime;

use digest::Digest;

/// How many worlds there are, where nobody says otherwise: 2,080 questions.
const WORLDS: u64 = 260;
/// How many questions each world is asked.
const QUESTIONS: usize = 8;
/// How many wrong answers are told.
const TOLD: usize = 12;

/// What the questions that are answered make use of.
const CONSTRUCTS: [&str; 148] = [
    "!=",
    "<",
    "<=",
    "=",
    ">",
    ">=",
    "accumulated elsewhere",
    "aggregation",
    "aggregation grain",
    "all time",
    "approx_distinct",
    "asked filter",
    "asked offset",
    "asked week start",
    "asked zone",
    "avg",
    "between",
    "bin",
    "bin count",
    "bin start",
    "bridge",
    "bridge totals",
    "calculated",
    "calculated by the question",
    "calendar",
    "calendar accumulated",
    "calendar aggregated",
    "calendar calculated",
    "calendar elsewhere",
    "calendar itself",
    "calendar metric",
    "calendar of instants",
    "calendar offset",
    "case_sensitive",
    "compare",
    "composite key",
    "computed from a spread",
    "constant_properties",
    "contains",
    "conversion count",
    "conversion elsewhere",
    "conversion rate",
    "count",
    "count_distinct",
    "derived",
    "derived metric",
    "derived table",
    "empty",
    "ends_with",
    "fill",
    "filter and",
    "filter calculated",
    "filter calendar",
    "filter clock",
    "filter exists",
    "filter exists named",
    "filter grain",
    "filter history",
    "filter history as of",
    "filter hour",
    "filter instant",
    "filter metric",
    "filter metric per",
    "filter not",
    "filter or",
    "filter part",
    "filter path",
    "filter relative",
    "filter to many",
    "fiscal grain",
    "fiscal part",
    "from",
    "grain",
    "having",
    "having and",
    "having or",
    "history",
    "history as of",
    "hours",
    "in",
    "in_range",
    "input filter",
    "input offset",
    "is_null",
    "key",
    "limit",
    "listed bin",
    "listing",
    "max",
    "measure",
    "measure beside metrics",
    "measure filter",
    "measure of rows",
    "measure per row",
    "median",
    "metric filter",
    "metric filter of time",
    "metric measure",
    "metric time",
    "metric_time",
    "min",
    "model fiscal year",
    "model week start",
    "model zone",
    "not_contains",
    "not_empty",
    "not_in",
    "not_null",
    "offset elsewhere",
    "one to one",
    "order",
    "orders",
    "part of days",
    "part of weeks",
    "percentile",
    "percentile_disc",
    "ratio",
    "relative elsewhere",
    "report first",
    "requires",
    "role path",
    "segment",
    "segment inside",
    "segment path",
    "segments",
    "semi first",
    "semi global",
    "semi last",
    "semi per",
    "several metrics",
    "share within",
    "shares",
    "six tables",
    "starts_with",
    "stddev",
    "stddev_pop",
    "sum",
    "table name",
    "text key",
    "timespine",
    "timespine elsewhere",
    "to date",
    "to date elsewhere",
    "totals",
    "trailing",
    "variance",
    "variance_pop",
    "weeks",
];

pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
    let value = std::env::var(name);
    value.ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Whether the first wrong answer is enough: where it is known that there are some.
fn stops() -> bool {
    setting("SANDBAR_STOP", 0) > 0
}

/// A session of somebody who sees everything.
async fn session(world: &World) -> Result<Session, String> {
    somebody(with_rows(world, &Policies::default())).await
}

/// An engine to be over a world and its rows.
fn with_rows(world: &World, policies: &Policies) -> EngineBuilder {
    let rows =
        |builder: EngineBuilder, table: &Table| builder.batches(&table.name, vec![batch(table)]);
    world.stored().filter(|table| !table.hidden).fold(builder(world, policies), rows)
}

/// The same with rows in batches of two, in three partitions where DataFusion takes them apart: what
/// stands between rows moves them to others. Of very many rows there are a thousand batches, since
/// whatever is planned over them looks at each many times.
fn with_small_batches(world: &World, policies: &Policies) -> EngineBuilder {
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(2);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let rows = |builder: EngineBuilder, table: &Table| {
        let all = batch(table);
        let size = 2.max(all.num_rows() / 1_000);
        let slice = |from: usize| all.slice(from, size.min(all.num_rows() - from));
        let mut batches: Vec<RecordBatch> = (0..all.num_rows()).step_by(size).map(slice).collect();
        if batches.is_empty() {
            batches.push(all);
        }
        builder.batches(&table.name, batches)
    };
    world.stored().fold(builder(world, policies).session_state(state), rows)
}

/// An engine to be over a world, without the rows.
fn builder(world: &World, policies: &Policies) -> EngineBuilder {
    let now = UNIX_EPOCH + Duration::from_micros(u64::try_from(world.now).unwrap());
    Engine::builder()
        .model("model.yaml", &yaml(world, None))
        .policies("policies.yaml", &policies_yaml(world, policies))
        .mask_key(MASK_KEY)
        .clock(move || now)
}

/// A session of somebody who sees everything.
async fn somebody(builder: EngineBuilder) -> Result<Session, String> {
    let engine = builder.build().await.map_err(|error| told(&error))?;
    Ok(engine.session(everybody()))
}

/// Who sees everything.
fn everybody() -> Principal {
    Principal::asserted_by_host("somebody").group("elsewhere").build().unwrap()
}

/// A world that was drawn from a seed, with what is added to it: that draws from elsewhere, and moves
/// nothing of what was drawn.
fn furnished(seed: u64, plain: &World, policies: Option<&mut Policies>) -> World {
    let mut world = with_spreads(&mut Random::new(seed ^ 0x5D_5D5D), plain);
    with_calendar(&mut Random::new(seed ^ 0x0454), &mut world, policies);
    unbounded(&mut Random::new(seed ^ 0x1F1F), &mut world);
    give_names(&mut Random::new(seed ^ 0x4A3E), &mut world);
    world
}

/// A question to such a world, the one of this number: it is made of the world as it was drawn, and
/// then changed to make use of what was added, which moves no other question. The last of the worlds
/// is what the asker sees.
fn drawn(
    random: &mut Random,
    (seed, number): (u64, usize),
    [plain, world, seen]: [&World; 3],
) -> Question {
    let mut question = question(random, plain);
    let place = u64::try_from(number).unwrap() << 32;
    let drawn = |of: u64| Random::new(seed ^ of ^ place);
    ask_spreads(&mut drawn(0x5D5D), world, &mut question);
    by_calendar(&mut drawn(0xDA75), world, &mut question);
    spell_out(&mut drawn(0xCA1C), world, seen, &mut question);
    ask_by_name(&mut drawn(0xA5C0), world, &mut question);
    question
}

/// What became of one question.
enum Outcome {
    /// The answer, as far as it is compared.
    Same(String),
    /// It has no answer: the code that refused it, and all that the asker was told.
    Refused(String, String),
    /// The evaluator does not know which answer is right.
    Unclear,
    Wrong(String),
}

fn same_cell(found: &str, expected: &Cell) -> bool {
    let text = expected.text();
    if found == text {
        return true;
    }
    match (found.parse::<f64>(), expected) {
        // The numbers of these worlds have three digits or so, and their squares six: what the last
        // of 16 digits leave of a variance or difference that is 0 is below 1e-9.
        (Ok(x), Cell::Double(y)) => (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0),
        (Ok(x), Cell::Int(_) | Cell::Decimal(..)) => {
            let y = expected.double().unwrap();
            (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
        }
        (_, Cell::Instant(micros)) => ZONES.into_iter().any(|(offset, minutes)| {
            let shown = Cell::Instant(micros + minutes * 60_000_000).text().replace('Z', offset);
            found == shown
        }),
        _ => false,
    }
}

/// The zones that instants are stored with, in which they are shown as well, with their minutes.
const ZONES: [(&str, i64); 2] = [("+05:30", 330), ("+09:00", 540)];

fn same_row(found: &[String], expected: &[Cell]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| same_cell(f, e))
}

fn same(found: &Rows, expected: &Answer) -> bool {
    if found.head != expected.head || found.rows.len() != expected.rows.len() {
        return false;
    }
    if expected.ordered {
        return found.rows.iter().zip(&expected.rows).all(|(f, e)| same_row(f, e));
    }
    let mut left: Vec<&Vec<Cell>> = expected.rows.iter().collect();
    found.rows.iter().all(|row| {
        let at = left.iter().position(|expected| same_row(row, expected));
        at.map(|at| left.remove(at)).is_some()
    })
}

fn shown(answer: &Answer) -> String {
    let mut text = answer.head.join(",") + "\n";
    for row in &answer.rows {
        let row: Vec<String> = row.iter().map(Cell::text).collect();
        let _ = writeln!(text, "{}", row.join(","));
    }
    text
}

/// What the engine says to somebody, beside what is right over the rows of `world`.
async fn outcome(session: &Session, world: &World, question: &Question) -> Outcome {
    let expected = Reference::new(world).answer(question);
    let json = json(question);
    let answer = AssertUnwindSafe(collected(session, &json));
    let Ok(answer) = answer.catch_unwind().await else {
        return Outcome::Wrong("panic: the engine panics".to_owned());
    };
    let found = match answer {
        Ok(collected) => collected.to_csv().unwrap(),
        Err(error) if refusals::is_refusal(&error) => {
            let (code, told) = (error.code(), refusals::words(&error));
            return match expected {
                Ok(expected) if !refusals::is_deliberate(code, world, question) => {
                    let expected = shown(&expected);
                    Outcome::Wrong(format!("refused {code}: {told}expected:\n{expected}"))
                }
                _ => Outcome::Refused(code.to_owned(), told),
            };
        }
        Err(error) => {
            let mut source = String::new();
            let mut cause = std::error::Error::source(&error);
            while let Some(deeper) = cause {
                source = format!("{source} {deeper}; {deeper:?}");
                cause = deeper.source();
            }
            return Outcome::Wrong(format!("error: {} {error} {source}", error.code()));
        }
    };
    match expected {
        Ok(expected) if same(&Rows::read(&found), &expected) => {
            Outcome::Same(digest::compared(&Rows::read(&found), expected.ordered))
        }
        Ok(expected) => {
            let order = if expected.ordered { "in this order" } else { "in any order" };
            Outcome::Wrong(format!("found:\n{found}expected ({order}):\n{}", shown(&expected)))
        }
        Err(why) if why.starts_with("unclear") => Outcome::Unclear,
        Err(why) => Outcome::Wrong(format!("found:\n{found}expected a refusal: {why}\n")),
    }
}

impl Outcome {
    /// What of it counts in a digest.
    fn told(&self) -> &str {
        match self {
            Self::Same(rows) => rows,
            Self::Refused(code, _) => code,
            Self::Unclear => "unclear",
            Self::Wrong(_) => "wrong",
        }
    }
}

/// A case, to be read and to be tried again.
fn case(seed: &str, world: &World, question: &Question, why: &str) -> String {
    let (model, rows) = (yaml(world, Some(question)), tables(world));
    format!("seed {seed}\n{model}{rows}{}\n{why}", json(question))
}

/// A question to a world, of somebody who sees everything or whom policies concern.
#[derive(Clone)]
struct Case {
    world: World,
    policies: Option<Policies>,
    question: Question,
}

/// Whoever asks, and he before a world from which is deleted what he does not see, if policies
/// concern him.
struct Asker {
    session: Session,
    bare: Option<Session>,
    /// Of the same engine as he is, somebody who sees everything, and another one of his group.
    others: Option<[Session; 2]>,
}

impl Asker {
    /// What becomes of a question, over the rows of `seen`.
    ///
    /// Every second one was asked before by somebody who sees everything, or by another one of his
    /// group, who has other attributes, and is asked again: what is kept of others is none of his, and
    /// what is kept of his own is right. Nor is anything good for him that is handed out to them.
    async fn outcome(&self, seen: &World, question: &Question) -> Outcome {
        let text = json(question);
        let others = self.others.as_ref().filter(|_| text.len().is_multiple_of(2));
        let before = others.map(|others| &others[text.len() / 2 % 2]);
        if let Some(other) = before {
            if other.binding() == self.session.binding() {
                let why = "bound: he and somebody of other rights are handed out the same";
                return Outcome::Wrong(why.to_owned());
            }
            if let Ok(answer) = other.query_json(&text).await {
                let _ = answer.collect().await;
            }
        }
        let mut found = outcome(&self.session, seen, question).await;
        if before.is_some() && matches!(found, Outcome::Same(_)) {
            found = outcome(&self.session, seen, question).await;
        }
        let (Outcome::Refused(_, told), Some(bare)) = (&found, &self.bare) else { return found };
        let otherwise = refusals::otherwise(bare, question, told).await;
        match otherwise {
            Some(why) => Outcome::Wrong(why),
            None => found,
        }
    }
}

impl Case {
    async fn asker(&self) -> Result<Asker, String> {
        let Some(policies) = &self.policies else {
            return Ok(Asker { session: session(&self.world).await?, bare: None, others: None });
        };
        let (world, open) = without_hidden(&self.world, policies);
        let bare = Some(narrowed::session(&world, &open).await?);
        let (session, others) = narrowed::sessions(&self.world, policies).await?;
        Ok(Asker { session, bare, others: Some(others) })
    }

    /// What the asker sees of the world.
    fn seen(&self) -> World {
        self.policies.as_ref().map_or_else(|| self.world.clone(), |p| self.world.seen(p))
    }

    /// Whether the answer would be another one if single rows were told.
    fn leaves_few_out(&self) -> bool {
        let Some(policies) = &self.policies else { return false };
        if policies.min_group_sizes.is_empty() {
            return false;
        }
        let open = Policies { min_group_sizes: Vec::new(), ..policies.clone() };
        let told = |world: &World| Reference::new(world).answer(&self.question).map(|a| shown(&a));
        told(&self.seen()) != told(&self.world.seen(&open))
    }

    async fn is_wrong(&self) -> Option<String> {
        match self.asker().await.ok()?.outcome(&self.seen(), &self.question).await {
            Outcome::Wrong(why) => Some(why),
            Outcome::Same(_) | Outcome::Refused(..) | Outcome::Unclear => None,
        }
    }

    /// The same case with one thing less, in every way.
    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for policies in self.policies.iter().flat_map(weaker) {
            all.push(Self { policies: Some(policies), ..self.clone() });
        }
        for (world, question) in smaller(&self.world, &self.question) {
            // Policies speak of the tables that are there.
            if self.policies.is_none() || world.tables.len() == self.world.tables.len() {
                all.push(Self { world, question, policies: self.policies.clone() });
            }
        }
        all
    }

    /// The smallest case that is wrong in the same manner.
    fn shrunk(self, runtime: &Runtime, why: String) -> (Self, String) {
        let manner = |why: &str| {
            let kind = why.split([':', '\n']).next().map(str::to_owned);
            (kind, why.contains("expected a refusal"))
        };
        let first = manner(&why);
        let is_wrong = |case: &Self| runtime.block_on(case.is_wrong());
        smallest((self, why), 300, Self::smaller, |case| {
            is_wrong(case).filter(|why| manner(why) == first)
        })
    }

    fn told(&self, seed: &str, why: &str) -> String {
        let asker = self.policies.as_ref().map_or(String::new(), |policies| {
            let Policies { cats, sizes, attributes, groups, scope, .. } = policies;
            let yaml = policies_yaml(&self.world, policies);
            format!("{yaml}{cats:?} {sizes:?} {attributes:?} {groups:?} {scope:?}\n")
        });
        case(seed, &self.world, &self.question, &format!("{asker}{why}"))
    }
}

/// The smallest case found below one, by so many tries, that is still wrong; and why it is.
fn smallest<C>(
    mut found: (C, String),
    tries: usize,
    smaller: impl Fn(&C) -> Vec<C>,
    still: impl Fn(&C) -> Option<String>,
) -> (C, String) {
    let mut tried = 0;
    'smaller: loop {
        for case in smaller(&found.0) {
            tried += 1;
            if tried > tries {
                return found;
            }
            if let Some(why) = still(&case) {
                found = (case, why);
                continue 'smaller;
            }
        }
        return found;
    }
}

/// What became of many questions.
#[derive(Default)]
struct Tally {
    asked: usize,
    answered: usize,
    /// What those that are answered make use of.
    used: BTreeMap<&'static str, usize>,
    refused: BTreeMap<String, usize>,
    unclear: usize,
    /// How much of the tables they are about the asker sees, of those that are answered.
    strata: BTreeMap<&'static str, usize>,
    /// By what policies hide, and in how many worlds.
    hiding: BTreeMap<&'static str, usize>,
    /// How many of the answers leave something out that is of few rows.
    few: usize,
    wrong: Vec<String>,
    digest: Digest,
}

impl Tally {
    /// Asks worlds, of which each seed makes one and perhaps policies. None of the answers is wrong.
    #[track_caller]
    fn of(name: &str, make: impl Fn(u64) -> (Random, World, Option<Policies>)) -> Self {
        Self::of_worlds(name, WORLDS, make)
    }

    /// The same of so many worlds, where nobody says otherwise.
    #[track_caller]
    fn of_worlds(
        name: &str,
        worlds: u64,
        make: impl Fn(u64) -> (Random, World, Option<Policies>),
    ) -> Self {
        let (cases, first) = (setting("SANDBAR_CASES", worlds), setting("SANDBAR_SEED", 1));
        let runtime = Runtime::new().unwrap();
        let mut tally = Self::default();
        for seed in first..first + cases {
            let (mut random, plain, mut policies) = make(seed);
            let world = furnished(seed, &plain, policies.as_mut());
            for name in policies.iter().flat_map(hiding) {
                *tally.hiding.entry(name).or_default() += 1;
            }
            let mut case = Case { world, policies, question: Question::default() };
            let asker = match runtime.block_on(case.asker()) {
                Ok(asker) => asker,
                Err(why) => panic!("{}", case.told(&seed.to_string(), &why)),
            };
            let seen = case.seen();
            for number in 0..QUESTIONS {
                let worlds = [&plain, &case.world, &seen];
                case.question = drawn(&mut random, (seed, number), worlds);
                tally.asked += 1;
                let outcome = runtime.block_on(asker.outcome(&seen, &case.question));
                tally.digest.add(&format!("{seed}.{number} {}", json(&case.question)));
                tally.digest.add(outcome.told());
                match outcome {
                    Outcome::Same(_) => {
                        tally.answered += 1;
                        for name in constructs(&case.world, &case.question) {
                            *tally.used.entry(name).or_default() += 1;
                        }
                        if let Some(policies) = &case.policies {
                            for name in strata_of(&case.world, policies, &case.question) {
                                *tally.strata.entry(name).or_default() += 1;
                            }
                            tally.few += usize::from(case.leaves_few_out());
                        }
                    }
                    Outcome::Refused(code, _) => *tally.refused.entry(code).or_default() += 1,
                    Outcome::Unclear => tally.unclear += 1,
                    Outcome::Wrong(why) if stops() => {
                        panic!("the answer {} is wrong: {why}", tally.asked);
                    }
                    Outcome::Wrong(why) if tally.wrong.len() < TOLD => {
                        let (small, why) = case.clone().shrunk(&runtime, why);
                        tally.wrong.push(small.told(&format!("{seed}.{number}"), &why));
                    }
                    Outcome::Wrong(_) => tally.wrong.push(String::new()),
                }
            }
        }
        let Self { asked, answered, used, refused, unclear, strata, hiding, few, wrong, digest } =
            &tally;
        eprintln!("{asked} asked, {answered} answered, {unclear} unclear, refused: {refused:?}");
        eprintln!("used: {used:?}");
        eprintln!("seen: {strata:?}; {few} leave something out; hidden by: {hiding:?}");
        eprintln!("digest of {name}, {cases} worlds from seed {first}: {digest}");
        none_is_wrong(name, wrong);
        tally
    }
}

/// Keeps what is wrong as files, of which there should be none.
#[track_caller]
fn none_is_wrong(of: &str, wrong: &[String]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cases");
    for (index, case) in wrong.iter().enumerate().filter(|(_, case)| !case.is_empty()) {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{of}-{index}.txt")), case).unwrap();
    }
    let (count, all) = (wrong.len(), wrong.join("\n"));
    assert!(wrong.is_empty(), "{count} are wrong, and kept in {}:\n{all}", folder.display());
}

#[test]
fn random_questions_have_the_answers_of_a_slow_evaluator() {
    let Tally { asked, answered, used, .. } = Tally::of("questions", |seed| {
        let mut random = Random::new(seed);
        let world = world(&mut random);
        (random, world, None)
    });
    assert!(answered * 5 > asked * 2, "{answered} of {asked} are answered");
    // Fewer cases have fewer of each.
    let least = usize::try_from(setting("SANDBAR_CASES", WORLDS) / 80).unwrap();
    let rare: Vec<&str> =
        CONSTRUCTS.into_iter().filter(|name| used.get(name).is_none_or(|n| *n < least)).collect();
    assert!(rare.is_empty(), "hardly used: {rare:?}");
}
