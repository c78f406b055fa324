//! Non-interference: two worlds that look the same to somebody, who is told the same of both to
//! every question. They differ in rows that he does not see, in values under his masks, and in the
//! names of what is hidden; six in ten of the questions try to make use of that.
//!
//! Doubles may differ by 1e-9 of their size (1e-12 beside nothing): hidden rows move the bounds of
//! batches, and so the order of additions. Where the batches of an answer end is not compared.
//! Everything else is the same to the byte.

use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use sandbar::{Collected, Decision, Error, SemanticQuery, Session, Warning};
use sandbar_testkit::generate::{
    Random, alike, arm, ask_by_name, attack, attributed, closer, concerned, denying, describing,
    give_names, hidden_names, json, propagating, question, questions_below, scoping, spell_out,
    stratified, tables, twin, wide_world, yaml,
};
use sandbar_testkit::reference::{Policies, Question, World};
use sandbar_testkit::rows::{Rows, same_cell};
use sandbar_testkit::{collected, told};
use tokio::runtime::Runtime;

use super::digest::Digest;
use super::over_http::HttpDoor;
use super::{TOLD, none_is_wrong, policies_yaml, setting, smallest, stops, with_small_batches};

/// How many pairs of worlds there are, where nobody says otherwise: 1,120 questions.
const PAIRS: u64 = 140;
/// How many questions each pair is asked.
const QUESTIONS: usize = 8;

/// Somebody before one of two worlds, and what is recorded of his questions.
struct Door {
    session: Session,
    records: Arc<Mutex<Vec<Decision>>>,
    http: HttpDoor,
}

/// By which way a question is asked.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// For its rows.
    Session,
    /// Also for how it is answered.
    Explained,
    /// For both, over HTTP.
    Http,
}

impl Way {
    fn of(number: usize) -> Self {
        match number % 4 {
            0 => Self::Explained,
            2 => Self::Http,
            _ => Self::Session,
        }
    }
}

impl Door {
    async fn before(world: &World, policies: &Policies) -> Result<Self, String> {
        let records = Arc::default();
        let kept = Arc::clone(&records);
        let sink = move |decision: &Decision| {
            let kept: &Mutex<Vec<Decision>> = &kept;
            kept.lock().unwrap().push(decision.clone());
        };
        let builder = with_small_batches(world, policies).decisions(sink);
        let engine = builder.build().await.map_err(|error| told(&error))?;
        let somebody = concerned(policies);
        let http = HttpDoor::before(engine.clone(), somebody.clone());
        Ok(Self { session: engine.session(somebody), records, http })
    }

    /// Whatever can be noticed of one question: texts that are the same to the byte, and cells.
    async fn told(&self, question: &str, way: Way) -> Told {
        self.records.lock().unwrap().clear();
        let (mut told, rows) = match way {
            Way::Http => self.http.told(question).await,
            way => self.told_here(question, matches!(way, Way::Explained)).await,
        };
        for record in self.records.lock().unwrap().iter() {
            let Decision { subject, action, snapshot, scoped, rows, outcome, .. } = record;
            let _ = writeln!(told, "{subject:?} {action:?} {snapshot} {scoped} {rows} {outcome:?}");
        }
        (told, rows)
    }

    async fn told_here(&self, question: &str, explained: bool) -> Told {
        let mut told = String::new();
        let answer = collected(&self.session, question).await;
        let mut rows = Vec::new();
        match answer {
            Ok(answer) => {
                let _ = writeln!(told, "{}", shape(&answer));
                rows = Rows::read(&answer.to_csv().unwrap()).rows;
                if answer.warnings().contains(&Warning::Unordered) {
                    rows.sort();
                }
            }
            Err(error) => told += &all_of(&error),
        }
        if explained && let Ok(query) = SemanticQuery::from_json(question) {
            match self.session.explain(&query).await {
                Ok(explanation) => told = format!("{told}{explanation:?}\n"),
                Err(error) => told += &all_of(&error),
            }
        }
        (told, rows)
    }

    /// What can be noticed without a question: lists, descriptions, searches, values of fields.
    async fn looked_at(&self, words: &[String], over_http: bool) -> Told {
        let (session, mut told, mut rows) = (&self.session, String::new(), Vec::new());
        let tables = session.tables().unwrap();
        let _ = writeln!(told, "{tables:?}\n{:?}", session.metrics().unwrap());
        for word in words {
            let found = session.search(word).unwrap();
            let table = session.describe_table(word).map_err(|error| all_of(&error));
            let metric = session.describe_metric(word).map_err(|error| all_of(&error));
            let _ = writeln!(told, "{word}: {found:?} {table:?} {metric:?}");
            for table in tables.iter().take(1) {
                let values = session.field_values(&table.name, word, 50).await;
                note(&mut told, &mut rows, values);
            }
        }
        for table in &tables {
            // Others in each world, by the number of its words.
            let fields = table.fields.iter().skip(words[0].len() % 3).step_by(3);
            for field in fields {
                let values = session.field_values(&table.name, &field.id.to_string(), 50).await;
                note(&mut told, &mut rows, values);
            }
        }
        if over_http {
            let (heard, numbers) = self.http.looked_at(words).await;
            told += &heard;
            rows.extend(numbers);
        }
        (told, rows)
    }
}

fn note(told: &mut String, rows: &mut Vec<Vec<String>>, answer: Result<Collected, Error>) {
    match answer {
        Ok(answer) => {
            let _ = writeln!(told, "{}", shape(&answer));
            rows.extend(Rows::read(&answer.to_csv().unwrap()).rows);
        }
        Err(error) => *told += &all_of(&error),
    }
}

/// Everything of an answer but its cells, and where its batches end: which of its threads is first
/// decides that.
fn shape(answer: &Collected) -> String {
    let (columns, schema, rows) = (answer.columns(), answer.schema(), answer.num_rows());
    let (scoped, truncated) = (answer.is_scoped(), answer.is_truncated());
    let warnings = answer.warnings();
    format!("{columns:?} {schema:?} {rows} {scoped} {truncated} {warnings:?}")
}

/// Everything that an asker can see of a failure.
fn all_of(error: &Error) -> String {
    format!("error: {:?} {} {error} {error:?} {:?}\n", error.kind(), error.code(), error.problems())
}

/// What differs of what somebody is told.
fn difference(a: Told, b: Told) -> Option<String> {
    let short = |text: &str| text.chars().take(4_000).collect::<String>();
    let same_row = |(a, b): (&Vec<String>, &Vec<String>)| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_cell(a, b))
    };
    if a.0 != b.0 {
        // From a little before where they part.
        let alike = a.0.chars().zip(b.0.chars()).take_while(|(a, b)| a == b).count();
        let from =
            |text: &str| short(&text.chars().skip(alike.saturating_sub(500)).collect::<String>());
        return Some(format!("told: of one\n{}\nof the other\n{}", from(&a.0), from(&b.0)));
    }
    let same = a.1.len() == b.1.len() && a.1.iter().zip(&b.1).all(same_row);
    (!same).then(|| short(&format!("rows: of one\n{:?}\nof the other\n{:?}", a.1, b.1)))
}

/// One question before two worlds.
#[derive(Clone)]
struct Pair {
    worlds: [World; 2],
    policies: Policies,
    question: Question,
    way: Way,
}

impl Pair {
    async fn doors(&self) -> Result<[Door; 2], String> {
        let [a, b] = &self.worlds;
        Ok([Door::before(a, &self.policies).await?, Door::before(b, &self.policies).await?])
    }

    async fn is_wrong(&self) -> Option<String> {
        differs(&self.doors().await.ok()?, &json(&self.question), self.way).await
    }

    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let [a, b] = &self.worlds;
        for question in questions_below(&self.question) {
            all.push(Self { question, ..self.clone() });
        }
        for closer in closer(a, b, &self.policies) {
            all.push(Self { worlds: [a.clone(), closer], ..self.clone() });
        }
        all
    }

    fn shrunk(self, runtime: &Runtime, why: String) -> (Self, String) {
        let manner = |why: &str| why.split(':').next().map(str::to_owned);
        let first = manner(&why);
        smallest((self, why), 150, Self::smaller, |pair| {
            runtime.block_on(pair.is_wrong()).filter(|why| manner(why) == first)
        })
    }

    fn told(&self, seed: &str, why: &str) -> String {
        let [a, b] = &self.worlds;
        let Policies { cats, sizes, attributes, groups, scope, .. } = &self.policies;
        let policies = policies_yaml(a, &self.policies);
        let question = json(&self.question);
        let model = yaml(a, Some(&self.question));
        let other = if yaml(a, None) == yaml(b, None) { String::new() } else { yaml(b, None) };
        let (one, another) = (shortened(&tables(a)), shortened(&tables(b)));
        format!(
            "seed {seed}\n{model}{policies}{cats:?} {sizes:?} {attributes:?} {groups:?} {scope:?}\n\
             {one}----\n{other}{another}{question}\n{why}"
        )
    }
}

/// Without what of long values is not needed to read them.
fn shortened(text: &str) -> String {
    text.lines().map(|line| line.chars().take(300).collect::<String>() + "\n").collect()
}

/// What tells two worlds apart, whenever they are asked: which of its threads is first may decide
/// the order of rows that have none, and which of several goes first where all are equal, and tells
/// nothing. What one world tells at some time the other must tell at another.
async fn differs(doors: &[Door; 2], question: &str, way: Way) -> Option<String> {
    let told = AssertUnwindSafe(async {
        let [a, b] = doors;
        let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
        let mut found = None;
        for _ in 0..TRIES {
            let (one, other) = (a.told(question, way).await, b.told(question, way).await);
            let between = |one: &Told, other: &Told| difference(one.clone(), other.clone());
            found = Some(between(&one, &other)?);
            if of_other.iter().any(|other| between(&one, other).is_none())
                || of_one.iter().any(|one| between(one, &other).is_none())
            {
                return None;
            }
            of_one.push(one);
            of_other.push(other);
        }
        found
    });
    told.catch_unwind().await.unwrap_or_else(|_| Some("panic: the engine panics".to_owned()))
}

/// How often both worlds are asked before they are told apart.
const TRIES: usize = 6;

/// What somebody is told: beside the rows, and the rows.
type Told = (String, Vec<Vec<String>>);

/// What became of many questions.
#[derive(Debug, Default)]
struct Count {
    asked: usize,
    attacks: usize,
    answered: usize,
    attacks_answered: usize,
    failed_on_rows: usize,
    refused: usize,
    changes: usize,
    /// Pairs in which rows or values differ.
    different: usize,
    disguised: usize,
}

#[test]
fn l1_to_l36_what_is_hidden_changes_nothing_that_is_told() {
    let (pairs, first) = (setting("SANDBAR_CASES", PAIRS), setting("SANDBAR_SEED", 1));
    let runtime = Runtime::new().unwrap();
    let (mut count, mut wrong, mut digest) = (Count::default(), Vec::new(), Digest::default());
    for seed in first..first + pairs {
        let mut random = Random::new(seed ^ 0x7171);
        let mut world = wide_world(&mut random);
        arm(&mut random, &mut world);
        let mut policies = stratified(&mut random, &world);
        attributed(&mut Random::new(seed ^ 0xA77), &world, &mut policies);
        propagating(&mut Random::new(seed ^ 0xFA17), &world, &mut policies);
        denying(&mut Random::new(seed ^ 0xDE41), &world, &mut policies);
        scoping(&mut Random::new(seed ^ 0x5C09), &world, &mut policies);
        describing(&mut Random::new(seed ^ 0xDE5C), &world, &mut policies);
        let hidden = hidden_names(&world, &policies);
        give_names(&mut Random::new(seed ^ 0x4A3E), &mut world);
        let (other, changes) = twin(&mut random, &world, &policies);
        assert!(alike(&world, &other, &policies), "seed {seed}: the worlds look different");
        count.changes += changes;
        count.different += usize::from(changes > 0);
        count.disguised += usize::from(yaml(&world, None) != yaml(&other, None));
        let question_of = Question::default();
        let way = Way::Session;
        let mut pair = Pair { worlds: [world, other], policies, question: question_of, way };
        let doors = match runtime.block_on(pair.doors()) {
            Ok(doors) => doors,
            Err(why) => panic!("{}", pair.told(&seed.to_string(), &why)),
        };
        for number in 0..QUESTIONS {
            let is_attack = random.percent(60);
            pair.question = match is_attack {
                true => attack(&mut random, &pair.worlds[0], &hidden),
                false => question(&mut random, &pair.worlds[0]),
            };
            let as_it_is = pair.worlds[0].clone();
            let mut drawn = Random::new(seed ^ 0xCA1C ^ (u64::try_from(number).unwrap() << 32));
            spell_out(&mut drawn, &as_it_is, &as_it_is, &mut pair.question);
            let mut drawn = Random::new(seed ^ 0xA5C0 ^ (u64::try_from(number).unwrap() << 32));
            ask_by_name(&mut drawn, &as_it_is, &mut pair.question);
            let json = json(&pair.question);
            count.asked += 1;
            count.attacks += usize::from(is_attack);
            pair.way = Way::of(number);
            let told_apart = runtime.block_on(differs(&doors, &json, pair.way));
            digest.add(&format!("{seed}.{number} {json}"));
            for record in doors[0].records.lock().unwrap().iter() {
                digest.add(&format!("{:?} {}", record.outcome, record.rows));
            }
            let Some(why) = told_apart else {
                let records = doors[0].records.lock().unwrap();
                let answered = format!("{:?}", records.first().map(|record| record.outcome));
                count.answered += usize::from(answered.contains("Answered"));
                count.attacks_answered += usize::from(is_attack && answered.contains("Answered"));
                count.failed_on_rows += usize::from(answered.contains("E0304"));
                count.refused += usize::from(answered.contains("Q0"));
                continue;
            };
            if stops() {
                panic!("the question {} is told apart: {why}", count.asked);
            }
            if wrong.len() < TOLD {
                let (small, why) = pair.clone().shrunk(&runtime, why);
                wrong.push(small.told(&format!("{seed}.{number}"), &why));
            } else {
                wrong.push(String::new());
            }
        }
        let mut words: Vec<String> =
            (0..3.min(hidden.len())).map(|_| random.pick(&hidden).clone()).collect();
        words.extend(["t0".to_owned(), "m1".to_owned(), "no such thing".to_owned()]);
        let told = runtime.block_on(async {
            let [a, b] = &doors;
            // There are many addresses: one pair in four is looked at by all of them.
            let over_http = seed % 4 == 0;
            let (one, other) =
                (a.looked_at(&words, over_http).await, b.looked_at(&words, over_http).await);
            difference(one, other)
        });
        wrong.extend(told.map(|why| pair.told(&format!("{seed} looked at"), &why)));
        assert!(!stops() || wrong.is_empty(), "the lists of world {seed} are told apart");
    }
    eprintln!("{count:?}\ndigest of {pairs} pairs from seed {first}: {digest}");
    none_is_wrong("interference", &wrong);
    assert!(count.attacks * 2 >= count.asked, "{count:?}");
    assert!(count.answered * 3 > count.asked, "{count:?}");
    assert!(count.attacks_answered * 3 > count.attacks, "{count:?}");
    let pairs = usize::try_from(pairs).unwrap();
    assert!(count.different * 10 > pairs * 8 && count.disguised * 10 > pairs * 2, "{count:?}");
}
