//! A table of which only groups of three rows are told: no way shows a smaller one, nor whether
//! there is one. All expected numbers are added up by hand from the rows below.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Administrator, Engine, Principal, SemanticQuery, Session};
use sandbar_testkit::{collected, told};

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    time: hired
    fields: { id: {}, state: {}, job: {}, salary: {}, bonus: {}, hired: {}, closed: {} }
    measures:
      bonus_or_none: { expr: 'coalesce(sum(bonus), 0)' }
      spread: { expr: max(salary) - min(salary) }
    segments: { nurses: { where: job = 'nurse' } }
    relationships:
      visits: { to: visits, on: { id: person_id }, cardinality: one_to_many }
      badges: { to: badges, on: { id: person_id }, cardinality: one_to_many, bridge: true }
      post: { to: posts, on: { job: job }, cardinality: many_to_one }
  visits:
    primary_key: [id]
    time: seen_on
    fields: { id: {}, person_id: {}, cost: {}, seen_on: {} }
    relationships:
      person: { to: people, on: { person_id: id }, cardinality: many_to_one }
  posts:
    primary_key: [job]
    fields: { job: {}, floor: {} }
    relationships:
      holders: { to: people, on: { job: job }, cardinality: one_to_many, bridge: true }
  badges:
    fields: { person_id: {}, badge: {} }
    relationships:
      person: { to: people, on: { person_id: id }, cardinality: many_to_one }
  states:
    query: { metrics: [staff, pay], group_by: [{ field: people.state, as: state }] }
    primary_key: [state]
    fields: { state: { type: text }, staff: { type: integer }, pay: { type: 'decimal(38, 0)' } }
  roll: { query: { table: people, fields: [id, state] }, fields: { id: { type: integer }, state: { type: text } } }
metrics:
  staff: { table: people, expr: count(*) }
  pay: { table: people, expr: sum(salary) }
  extra: { table: people, expr: sum(bonus) }
  best: { table: people, expr: max(salary) }
  middle: { table: people, expr: median(salary) }
  jobs: { table: people, expr: count(distinct job) }
  filled: { table: people, expr: sum(bonus), fill_nulls_with: 0 }
  nurse_pay: { table: people, expr: sum(salary), filter: job = 'nurse' }
  guard_pay: { table: people, expr: sum(salary), filter: job = 'guard' }
  nurse_part: { ratio: { numerator: nurse_pay, denominator: pay } }
  both: { derived: 'coalesce(nurse_pay, 0) + coalesce(guard_pay, 0)' }
  staff_so_far: { cumulative: { metric: staff } }
  newest: { table: people, expr: sum(salary), semi_additive: { over: hired, pick: last, per: global } }
  monthly: { table: people, expr: count(*), join_to_timespine: true }
  seen: { table: visits, expr: count(*) }
  seen_so_far: { cumulative: { metric: seen } }
  cost: { table: visits, expr: sum(cost) }
  each: { ratio: { numerator: cost, denominator: staff } }
  hired_then_seen:
    conversion: { base: staff, conversion: seen, entity: { base: id, conversion: person_id }, gives: count }
";

const POLICIES: &str = "
groups: { analysts: {}, clerks: {} }
policies:
  open:
    groups: [analysts, clerks]
    grant: { tables: [people], rows: not closed }
  rest: { groups: [analysts, clerks], grant: { tables: [visits, badges, posts, states, roll] } }
  groups_of_three: { groups: [analysts], restrict: { tables: [people], min_group_size: 3 } }
";

/// id, state, job, salary, bonus, day of the year 2026 less one, closed
type Person = (i64, &'static str, &'static str, i64, Option<i64>, i32, bool);

const PEOPLE: [Person; 10] = [
    (1, "CA", "nurse", 10, Some(1), 4, false),
    (2, "CA", "nurse", 20, Some(2), 11, false),
    (3, "CA", "guard", 30, None, 32, false),
    (4, "CA", "guard", 40, None, 39, false),
    (5, "NY", "nurse", 50, Some(5), 46, false),
    (6, "NY", "guard", 60, None, 60, false),
    (7, "TX", "nurse", 70, Some(7), 67, false),
    (8, "TX", "guard", 80, Some(8), 74, false),
    (9, "TX", "guard", 90, None, 81, false),
    // With this one there would be three in New York.
    (10, "NY", "nurse", 100, Some(9), 88, true),
];

/// id, person, cost
const VISITS: [(i64, Option<i64>, i64); 12] = [
    (1, Some(1), 1),
    (2, Some(1), 2),
    (3, Some(2), 3),
    (4, Some(3), 4),
    (5, Some(5), 5),
    (6, Some(5), 6),
    (7, Some(5), 7),
    (8, Some(7), 8),
    (9, Some(8), 9),
    (10, Some(9), 10),
    (11, None, 11),
    (12, Some(10), 12),
];

const BADGES: [(i64, &str); 7] =
    [(1, "red"), (1, "blue"), (2, "red"), (3, "red"), (5, "blue"), (7, "green"), (8, "green")];

fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn texts(values: impl Iterator<Item = &'static str>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// 2026-01-01 is this many days after 1970-01-01.
const NEW_YEAR: i32 = 20_454;

async fn engine(people: &[Person], visits: &[(i64, Option<i64>, i64)]) -> Engine {
    let days = people.iter().map(|p| Some(NEW_YEAR + p.5));
    let people = batch(vec![
        ("id", numbers(people.iter().map(|p| Some(p.0)))),
        ("state", texts(people.iter().map(|p| p.1))),
        ("job", texts(people.iter().map(|p| p.2))),
        ("salary", numbers(people.iter().map(|p| Some(p.3)))),
        ("bonus", numbers(people.iter().map(|p| p.4))),
        ("hired", Arc::new(days.collect::<Date32Array>())),
        ("closed", Arc::new(people.iter().map(|p| Some(p.6)).collect::<BooleanArray>())),
    ]);
    let days = visits.iter().map(|_| Some(NEW_YEAR + 100));
    let visits = batch(vec![
        ("id", numbers(visits.iter().map(|v| Some(v.0)))),
        ("person_id", numbers(visits.iter().map(|v| v.1))),
        ("cost", numbers(visits.iter().map(|v| Some(v.2)))),
        ("seen_on", Arc::new(days.collect::<Date32Array>())),
    ]);
    let badges = batch(vec![
        ("person_id", numbers(BADGES.iter().map(|b| Some(b.0)))),
        ("badge", texts(BADGES.iter().map(|b| b.1))),
    ]);
    let posts = batch(vec![
        ("job", texts(["nurse", "guard", "cook"].into_iter())),
        ("floor", numbers([Some(1), Some(2), Some(3)].into_iter())),
    ]);
    let builder = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("people", vec![people])
        .batches("visits", vec![visits])
        .batches("badges", vec![badges])
        .batches("posts", vec![posts]);
    builder.build().await.unwrap()
}

fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("mallory").group(group).build().unwrap())
}

async fn analyst() -> Session {
    session(&engine(&PEOPLE, &VISITS).await, "analysts")
}

/// The rows without their head, and the codes of the warnings.
async fn asked(session: &Session, question: &str) -> Result<(String, Vec<&'static str>), String> {
    let answer = collected(session, question).await.map_err(|e| told(&e))?;
    let csv = answer.to_csv().unwrap();
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    Ok((rows.join(" "), answer.warnings().iter().map(|warning| warning.code()).collect()))
}

/// Asks questions, each of which has the rows that stand beside it.
async fn check(session: &Session, questions: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (question, expected) in questions {
        let found = asked(session, question).await;
        if !matches!(&found, Ok((rows, codes)) if rows == expected && codes.contains(&"W0004")) {
            let _ = writeln!(wrong, "{question}\n  expected {expected}\n  found {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn l30_no_number_of_fewer_rows_is_told() {
    let session = analyst().await;
    check(&session, &[
        // Rows that are hidden count for nothing: there are two in New York.
        (r#"{"metrics":["staff"],"group_by":["people.state"]}"#, "CA,4 TX,3"),
        (
            r#"{"metrics":["staff","pay","best","jobs"],"group_by":["people.state"]}"#,
            "CA,4,100,40,2 TX,3,240,90,2",
        ),
        (r#"{"metrics":["middle"],"group_by":["people.state"]}"#, "CA,25.0 TX,80.0"),
        (r#"{"metrics":["staff","pay"]}"#, "9,450"),
        // Two in each state have a bonus, and five altogether.
        (r#"{"metrics":["staff","extra"],"group_by":["people.state"]}"#, "CA,4, TX,3,"),
        (r#"{"metrics":["extra"]}"#, "23"),
        (
            r#"{"table":"people","aggregations":[{"function":"count","field":"bonus","as":"n"},{"function":"avg","field":"bonus","as":"m"}],"group_by":["state"]}"#,
            "CA,, TX,,",
        ),
        (
            r#"{"table":"people","measures":["bonus_or_none","spread"],"group_by":["state"]}"#,
            "CA,,30 TX,,20",
        ),
        // Nothing stands in place of what is not told.
        (r#"{"metrics":["filled"],"group_by":["people.state"]}"#, "CA, TX,"),
        (
            r#"{"metrics":["nurse_pay","both","nurse_part"],"group_by":["people.state"]}"#,
            "CA,,, TX,,,",
        ),
        (r#"{"metrics":["both"]}"#, "450"),
        // Conditions narrow what is counted.
        (r#"{"metrics":["staff","pay"],"filter":{"field":"people.state","value":"NY"}}"#, ","),
        (r#"{"metrics":["staff","pay"],"filter":{"field":"people.id","value":7}}"#, ","),
        (r#"{"metrics":["staff"],"filter":{"field":"people.state","value":"nowhere"}}"#, ""),
        (
            r#"{"metrics":["staff",{"name":"pay","as":"rich","filter":{"field":"salary","op":">","value":70}}],"group_by":["people.state"]}"#,
            "CA,4, TX,3,",
        ),
        (
            r#"{"metrics":[{"name":"pay","as":"rich","filter":{"field":"salary","op":">","value":60}}]}"#,
            "240",
        ),
        // What is grouped by, or listed once each, are values of enough rows.
        (r#"{"table":"people","group_by":["state"]}"#, "CA TX"),
        (r#"{"table":"people","group_by":["id"]}"#, ""),
        (r#"{"metrics":["staff"],"group_by":["people.id"]}"#, ""),
        (r#"{"metrics":["staff"],"group_by":[{"field":"salary","bin":{"width":32}}]}"#, "0,3 32,3 64,3"),
        // Order and conditions on numbers see none that is not told.
        (
            r#"{"metrics":["extra","staff"],"group_by":["people.state"],"having":{"field":"extra","op":">","value":0}}"#,
            "",
        ),
        (
            r#"{"metrics":["extra","staff"],"group_by":["people.state"],"order_by":[{"field":"extra","order":"desc"}]}"#,
            "CA,,4 TX,,3",
        ),
        (
            r#"{"metrics":["staff"],"group_by":["people.state"],"order_by":["staff"],"limit":1}"#,
            "TX,3",
        ),
        // Totals and shares are of their own rows.
        (
            r#"{"metrics":["staff","extra"],"group_by":["people.state"],"totals":[[]]}"#,
            "CA,4,,0 TX,3,,0 ,9,23,1",
        ),
        (r#"{"metrics":["extra"],"group_by":["people.state"],"shares":["extra"]}"#, "CA,, TX,,"),
        (
            r#"{"metrics":["staff"],"group_by":["people.state","people.job"],"totals":[["people.state"]]}"#, "CA,,4,1 TX,,3,1",
        ),
        // Numbers of other times.
        (
            r#"{"metrics":["staff_so_far"],"group_by":[{"field":"metric_time","grain":"month"}]}"#,
            "2026-02-01,5 2026-03-01,9",
        ),
        (
            r#"{"metrics":["staff",{"name":"staff","as":"before","offset":{"unit":"month"}}],"group_by":[{"field":"metric_time","grain":"month"}]}"#, "2026-02-01,3, 2026-03-01,4,3",
        ),
        (r#"{"metrics":["newest"],"group_by":["people.state"]}"#, "CA, TX,"),
        (
            r#"{"metrics":["monthly"],"group_by":[{"field":"metric_time","grain":"month"}],"filter":{"field":"metric_time","op":"in_range","values":["2026-01-01","2026-05-01"]}}"#,
            "2026-01-01, 2026-02-01,3 2026-03-01,4 2026-04-01,",
        ),
        // Each row counts once in each group of what it has many of.
        (r#"{"metrics":["staff"],"group_by":["badges.badge"]}"#, "red,3 ,3"),
        // Conditions on rows of others are conditions like any other.
        (r#"{"metrics":["staff"],"filter":{"exists":"visits"}}"#, "7"),
        (
            r#"{"metrics":["staff"],"filter":{"exists":"visits","filter":{"field":"cost","op":">","value":8}}}"#,
            "",
        ),
        (r#"{"metrics":["pay"],"filter":{"metric":"seen","op":">=","value":2}}"#, ""),
        (r#"{"metrics":["pay"],"filter":{"metric":"seen","op":">=","value":1}}"#, "350"),
        (r#"{"metrics":["staff"],"filter":{"metric":"pay","op":">","value":10}}"#, "8"),
    ]).await;
}

#[tokio::test]
async fn l30_numbers_of_other_tables_are_of_enough_of_its_rows() {
    let session = analyst().await;
    check(&session, &[
        // Four visits of three people, three visits of one, three of three; two of nobody whom the
        // analyst sees.
        (r#"{"metrics":["seen","cost"],"group_by":["visits.person.state"]}"#, "CA,4,10 TX,3,27"),
        (r#"{"metrics":["seen"],"group_by":["visits.person.id"]}"#, ""),
        (r#"{"table":"visits","group_by":["person.job"]}"#, "guard nurse"),
        (r#"{"metrics":["cost"],"filter":{"field":"person.state","value":"NY"}}"#, ""),
        (r#"{"metrics":["cost"],"filter":{"field":"person.salary","op":">","value":50}}"#, "27"),
        (r#"{"metrics":["cost"],"filter":{"field":"person.salary","op":">","value":70}}"#, ""),
        (
            r#"{"metrics":[{"name":"cost","as":"ny","filter":{"field":"person.state","value":"NY"}},{"name":"seen","as":"rest","filter":{"field":"person.state","op":"!=","value":"NY"}}]}"#, ",9",
        ),
        // Visits of 2, 3, 5, 7, 8 and 9, and those of 5 alone.
        (
            r#"{"metrics":["seen"],"filter":{"metric":"pay","per":"person","op":">","value":10}}"#,
            "8",
        ),
        (
            r#"{"metrics":["cost"],"filter":{"metric":"seen","per":"person","op":">","value":2}}"#,
            "",
        ),
        (r#"{"table":"badges","aggregations":["count"],"filter":{"exists":"person.visits"}}"#, "7"),
        // Of both tables, side by side.
        (
            r#"{"metrics":["seen","staff","each"],"group_by":["people.state"]}"#,
            "CA,4,4,2.5 TX,3,3,9.0",
        ),
    ]).await;
    // Nothing is read of people: nothing is left out.
    let (rows, warnings) = asked(&session, r#"{"metrics":["seen","cost"]}"#).await.unwrap();
    assert_eq!((rows.as_str(), warnings.as_slice()), ("12,78", [].as_slice()));
}

#[tokio::test]
async fn l30_answers_that_others_are_made_of_leave_out_the_same() {
    let session = analyst().await;
    check(&session, &[
        (
            r#"{"from":{"metrics":["staff"],"group_by":["people.state"]},"aggregations":[{"function":"count","as":"n"},{"function":"sum","field":"staff","as":"s"}]}"#,
            "2,7",
        ),
        (
            r#"{"from":{"metrics":["staff"],"group_by":["people.id"]},"aggregations":[{"function":"count","as":"n"}]}"#,
            "0",
        ),
        (
            r#"{"from":{"metrics":["extra"],"group_by":["people.state"]},"filter":{"field":"extra","op":"not_null"},"fields":["people.state"]}"#,
            "",
        ),
        (r#"{"table":"states","fields":["state","staff","pay"]}"#, "CA,4,100 TX,3,240"),
        (r#"{"table":"states","aggregations":[{"function":"sum","field":"staff","as":"n"}]}"#, "7"),
    ]).await;
}

#[tokio::test]
async fn l30_single_rows_are_refused_in_every_place() {
    let engine = engine(&PEOPLE, &VISITS).await;
    let (session, clerk) = (session(&engine, "analysts"), session(&engine, "clerks"));
    for question in [
        r#"{"table":"people"}"#,
        r#"{"table":"people","fields":["state"]}"#,
        r#"{"table":"people","fields":["state"],"limit":3}"#,
        r#"{"from":{"table":"people","fields":["state","salary"]},"group_by":["state"],"aggregations":[{"function":"sum","field":"salary"}]}"#,
        r#"{"table":"visits","fields":["id","person.state"]}"#,
        r#"{"table":"visits","fields":["id"],"filter":{"field":"person.state","value":"NY"}}"#,
        r#"{"table":"visits","fields":["id"],"order_by":["person.salary"]}"#,
        r#"{"table":"visits","fields":["id"],"filter":{"metric":"staff","per":"person","op":"=","value":1}}"#,
        r#"{"table":"visits","fields":["id"],"filter":{"metric":"pay","per":"person","op":">","value":10}}"#,
        r#"{"table":"posts","fields":["job"],"filter":{"exists":"holders"}}"#,
        r#"{"table":"posts","aggregations":["count"],"filter":{"exists":"holders"}}"#,
        r#"{"table":"posts","aggregations":["count"],"filter":{"not":{"exists":"holders"}}}"#,
        r#"{"table":"posts","aggregations":["count"],"filter":{"field":"holders.state","value":"NY"}}"#,
        r#"{"table":"posts","aggregations":["count"],"filter":{"exists":"holders","filter":{"exists":"visits"}}}"#,
        r#"{"table":"posts","aggregations":["count"],"filter":{"metric":"best","op":">","value":85}}"#,
        r#"{"table":"posts","aggregations":[{"function":"sum","field":"floor"}],"group_by":["holders.state"]}"#,
        r#"{"metrics":["staff"],"filter":{"exists":"post.holders","filter":{"field":"salary","value":80}}}"#,
        r#"{"metrics":["hired_then_seen"]}"#,
        r#"{"table":"people","calculated":{"x":"case when id = 1 then state else '' end"},"aggregations":[{"function":"max","field":"x"}]}"#,
        r#"{"table":"people","calculated":{"x":"case when id = 1 then salary end"},"aggregations":[{"function":"sum","field":"x"}]}"#,
        r#"{"table":"people","calculated":{"x":"div(1, case when id = 1 and salary > 10 then 0 else 1 end)"},"aggregations":["count"],"filter":{"field":"x","op":">","value":-5}}"#,
        r#"{"table":"people","calculated":{"x":"id > 1"},"aggregations":["count"],"group_by":["x"]}"#,
        r#"{"table":"visits","calculated":{"x":"case when person_id = 1 then person.salary end"},"aggregations":[{"function":"max","field":"x"}]}"#,
        r#"{"metrics":["staff",{"name":"staff","as":"few","filter":{"field":"x","op":">","value":0}}],"calculated":{"x":"salary - 80"}}"#,
        r#"{"table":"roll"}"#,
        r#"{"table":"roll","aggregations":["count"],"group_by":["state"]}"#,
    ] {
        let refused = asked(&session, question).await.unwrap_err();
        assert!(refused.starts_with("Q0160 "), "{question}: {refused}");
        assert!(!refused.contains('3'), "{question}: {refused}");
        asked(&clerk, question).await.unwrap_or_else(|e| panic!("{question}: {e}"));
        let question = SemanticQuery::from_json(question).unwrap();
        let explained = session.explain(&question).await.unwrap_err();
        assert_eq!(explained.code(), "Q0160");
    }
}

#[tokio::test]
async fn l30_the_values_of_a_field_are_those_of_enough_rows() {
    let engine = engine(&PEOPLE, &VISITS).await;
    for (field, expected) in
        [("state", "state\nCA\nTX\n"), ("salary", "salary\n"), ("job", "job\nguard\nnurse\n")]
    {
        let found = session(&engine, "analysts").field_values("people", field, 100).await.unwrap();
        assert_eq!(found.to_csv().unwrap(), expected);
        let all = session(&engine, "clerks").field_values("people", field, 100).await.unwrap();
        assert!(all.to_csv().unwrap().len() > expected.len() || field == "job");
    }
}

/// Three people of a state of their own, hired on 20 July, 19 August and 18 September.
const LATER: [Person; 3] = [
    (21, "ZZ", "nurse", 1_000, Some(100), 200, false),
    (22, "ZZ", "guard", 2_000, Some(200), 230, false),
    (23, "ZZ", "nurse", 3_000, Some(300), 260, false),
];

/// Everything that somebody is told of a question: rows, warnings, errors.
async fn all_told(session: &Session, question: &str) -> String {
    format!("{:?}", asked(session, question).await)
}

#[tokio::test]
async fn l30_none_one_and_two_rows_are_told_alike() {
    let questions = [
        r#"{"metrics":["staff","pay","best","extra","filled","both"],"filter":{"field":"people.state","value":"ZZ"}}"#,
        r#"{"metrics":["staff"],"group_by":["people.state"]}"#,
        r#"{"metrics":["pay"],"group_by":["people.job"],"filter":{"field":"people.state","value":"ZZ"},"totals":[[]]}"#,
        r#"{"metrics":["pay"],"filter":{"field":"people.state","value":"ZZ"},"having":{"field":"pay","op":">","value":1}}"#,
        r#"{"metrics":[{"name":"pay","as":"z","filter":{"field":"state","value":"ZZ"}}],"group_by":["people.job"]}"#,
        r#"{"metrics":["monthly"],"group_by":[{"field":"metric_time","grain":"month"}],"filter":{"field":"people.state","value":"ZZ"}}"#,
        r#"{"metrics":["staff_so_far"],"group_by":[{"field":"metric_time","grain":"month"}],"filter":{"field":"people.state","value":"ZZ"}}"#,
        r#"{"metrics":["staff"],"filter":{"and":[{"field":"people.state","value":"ZZ"},{"exists":"visits"}]}}"#,
        r#"{"metrics":["cost","seen"],"filter":{"field":"person.state","value":"ZZ"}}"#,
        r#"{"metrics":["cost"],"group_by":["visits.person.state"]}"#,
        r#"{"metrics":["seen","staff"],"group_by":["people.state"]}"#,
        r#"{"table":"people","group_by":["state"]}"#,
        r#"{"table":"visits","group_by":["person.state"]}"#,
        r#"{"table":"states"}"#,
        r#"{"from":{"metrics":["pay"],"group_by":["people.state"]},"aggregations":["count"]}"#,
        r#"{"table":"people","fields":["state"],"filter":{"field":"state","value":"ZZ"}}"#,
    ];
    let mut told: Vec<Vec<String>> = Vec::new();
    for count in 0..=3 {
        let people: Vec<Person> = PEOPLE.into_iter().chain(LATER.into_iter().take(count)).collect();
        // Each of them is seen twice.
        let seen = (21..=22).flat_map(|p| [(p * 10, Some(p), 50), (p * 10 + 1, Some(p), 60)]);
        let seen = seen.chain([(230, Some(23), 70), (231, Some(23), 80)]).take(count * 2);
        let visits: Vec<_> = VISITS.into_iter().chain(seen).collect();
        let session = session(&engine(&people, &visits).await, "analysts");
        let mut all = Vec::new();
        for question in questions {
            all.push(all_told(&session, question).await);
        }
        told.push(all);
    }
    for (at, question) in questions.iter().enumerate() {
        assert_eq!(told[0][at], told[1][at], "one: {question}");
        assert_eq!(told[0][at], told[2][at], "two: {question}");
    }
    // Three are told, where they are asked for together.
    let differ = (0..questions.len()).filter(|at| told[0][*at] != told[3][*at]).count();
    assert!(differ >= 11, "{differ}");
}

#[tokio::test]
async fn l30_few_rows_do_not_move_the_end_of_periods() {
    let of_visits = r#"{"metrics":["seen_so_far",{"name":"staff","filter":{"field":"state","value":"ZZ"}}],"group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let of_people = r#"{"metrics":[{"name":"staff_so_far","as":"n","filter":{"field":"state","value":"CA"}},{"name":"staff","filter":{"field":"state","value":"ZZ"}}],"group_by":[{"field":"metric_time","grain":"month"}]}"#;
    // Without the later ones the visits end in April, and those hired in California in February.
    let few = [(of_visits, "2026-04-01,12,"), (of_people, "2026-02-01,4,")];
    // Three are told, and so may the newest of them be.
    let enough = [
        (
            of_visits,
            "2026-04-01,12, 2026-05-01,12, 2026-06-01,12, 2026-07-01,12, 2026-08-01,12, 2026-09-01,12,",
        ),
        (
            of_people,
            "2026-02-01,4, 2026-03-01,4, 2026-04-01,4, 2026-05-01,4, 2026-06-01,4, 2026-07-01,4, 2026-08-01,4, 2026-09-01,4,",
        ),
    ];
    for count in 0..=LATER.len() {
        let people: Vec<Person> = PEOPLE.into_iter().chain(LATER.into_iter().take(count)).collect();
        let engine = engine(&people, &VISITS).await;
        let expected = if count < 3 { &few } else { &enough };
        check(&session(&engine, "analysts"), expected).await;
        if count == 1 {
            // Whom it does not concern is told of the one who was hired in July.
            let clerk = asked(&session(&engine, "clerks"), of_visits).await.unwrap().0;
            let all = "2026-04-01,12,0 2026-05-01,12,0 2026-06-01,12,0 2026-07-01,12,1";
            assert_eq!(clerk, all);
        }
    }
}

/// Where the periods end goes by several numbers of the same table, each with a condition of its
/// own: those of Texas come a month later, when there is one.
#[tokio::test]
async fn l30_of_several_numbers_those_of_few_rows_do_not_move_the_end_of_periods() {
    let question = r#"{"metrics":[{"name":"staff_so_far","as":"n","filter":{"field":"state","value":"CA"}},{"name":"staff","as":"tx","filter":{"field":"state","value":"TX"},"offset":{"count":1,"unit":"month"}},{"name":"staff","as":"zz","filter":{"field":"state","value":"ZZ"}}],"group_by":[{"field":"metric_time","grain":"month"}]}"#;
    let few = "2026-02-01,4,, 2026-03-01,4,,";
    let enough = "2026-02-01,4,, 2026-03-01,4,, 2026-04-01,4,3, 2026-05-01,4,, 2026-06-01,4,, 2026-07-01,4,, 2026-08-01,4,, 2026-09-01,4,,";
    for count in 0..=LATER.len() {
        let people: Vec<Person> = PEOPLE.into_iter().chain(LATER.into_iter().take(count)).collect();
        let engine = engine(&people, &VISITS).await;
        let expected = if count < 3 { few } else { enough };
        check(&session(&engine, "analysts"), &[(question, expected)]).await;
        if count == 1 {
            let clerk = asked(&session(&engine, "clerks"), question).await.unwrap().0;
            let all = "2026-01-01,2,0,0 2026-02-01,4,0,0 2026-03-01,4,0,0 2026-04-01,4,3,0 2026-05-01,4,0,0 2026-06-01,4,0,0 2026-07-01,4,0,1";
            assert_eq!(clerk, all);
        }
    }
}

/// Each number reads its own rows, and once those of all others that decide where its periods end.
#[tokio::test]
async fn the_end_of_periods_is_read_once_for_each_number() {
    let engine = engine(&PEOPLE, &VISITS).await;
    let administrator = Administrator::asserted_by_host();
    for group in ["analysts", "clerks"] {
        let asker = Principal::asserted_by_host("mallory").group(group).build().unwrap();
        for (numbers, expected) in [(1, 1), (2, 4), (5, 10), (14, 28)] {
            let metrics: Vec<String> = (0..numbers)
                .map(|i| {
                    let (days, least) = (i + 1, i % 7);
                    format!(
                        r#"{{"name":"staff","as":"m{i}","offset":{{"count":{days},"unit":"day"}},"filter":{{"field":"people.id","op":">=","value":{least}}}}}"#
                    )
                })
                .collect();
            let question = format!(
                r#"{{"metrics":[{}],"group_by":[{{"field":"metric_time","grain":"day"}}]}}"#,
                metrics.join(",")
            );
            let query = SemanticQuery::from_json(&question).unwrap();
            let explained = engine.explain_as(&administrator, &asker, &query).await.unwrap();
            let plan = explained.logical_plan.unwrap();
            let scans = plan.lines().filter(|line| line.trim_start().starts_with("TableScan"));
            assert_eq!(scans.count(), expected, "{group}, {numbers} numbers:\n{plan}");
        }
    }
}

/// A row counts in 10,000 periods at most: that it would in more tells of it.
#[tokio::test]
async fn l30_few_rows_do_not_fail_for_too_many_periods() {
    // 10,001 days from 2 March 2026 on, when the sixth was hired.
    let question = |op: &str| {
        format!(
            r#"{{"metrics":["staff_so_far"],"group_by":[{{"field":"metric_time","grain":"day"}}],"filter":{{"and":[{{"field":"people.id","op":"{op}","value":6}},{{"field":"metric_time","op":"<","value":"2053-07-19"}}]}}}}"#
        )
    };
    let engine = engine(&PEOPLE, &VISITS).await;
    let (analyst, clerk) = (session(&engine, "analysts"), session(&engine, "clerks"));
    let of_one = question("=");
    check(&analyst, &[(of_one.as_str(), "")]).await;
    assert!(asked(&clerk, &of_one).await.unwrap_err().contains("E0304"));
    // Six are told.
    assert!(asked(&analyst, &question("<=")).await.unwrap_err().contains("E0304"));
}

/// The limit of what is promised: who may ask for a whole and for all but a part may subtract.
#[tokio::test]
async fn l30_differencing_is_not_prevented() {
    let session = analyst().await;
    // 9 people less 4 and 3 are 2 in New York, who get 450 less 100 and 240.
    check(
        &session,
        &[
            (r#"{"metrics":["staff","pay"]}"#, "9,450"),
            (r#"{"metrics":["staff","pay"],"group_by":["people.state"]}"#, "CA,4,100 TX,3,240"),
            (r#"{"metrics":["pay"],"filter":{"field":"people.id","op":"!=","value":7}}"#, "380"),
        ],
    )
    .await;
}
