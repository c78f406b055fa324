//! Metrics that read fields with their authors' rights: a number of enough rows is told, and nothing
//! else of what is hidden. All expected numbers are added up by hand from the rows below.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Administrator, Decision, Engine, EngineBuilder, Principal, SemanticQuery, Session};
use sandbar_testkit::csv;

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    fields: { id: {}, state: {}, job: {}, salary: {}, all_in: { expr: 'coalesce(salary, 0)' } }
    measures: { highest: { expr: max(salary) } }
    segments: { rich: { where: salary > 50 } }
  visits:
    primary_key: [id]
    fields: { id: {}, person_id: {}, kind: {} }
    relationships:
      person: { to: people, on: { person_id: id }, cardinality: many_to_one }
  states:
    query: { metrics: [pay, staff], group_by: [{ field: people.state, as: state }] }
    primary_key: [state]
    fields: { state: { type: text }, pay: { type: 'decimal(38, 0)' }, staff: { type: integer } }
collections: { board: {} }
metrics:
  staff: { table: people, expr: count(*) }
  pay: { table: people, expr: sum(salary), definer: true, min_group_size: 3 }
  mean_pay: { table: people, expr: avg(salary), definer: true, min_group_size: 3 }
  rich: { table: people, expr: count(*), filter: salary > 40, definer: true, min_group_size: 3 }
  all_in: { table: people, expr: sum(all_in), definer: true, min_group_size: 3 }
  jobs: { table: people, expr: count(distinct job), min_group_size: 3 }
  open_pay: { table: people, expr: sum(salary) }
  rich_part: { ratio: { numerator: rich, denominator: staff } }
  pay_each: { derived: pay / staff }
  visitors_pay: { table: visits, expr: sum(person.salary), definer: true, min_group_size: 3 }
  board_pay: { table: people, expr: sum(salary), definer: true, min_group_size: 3, collection: board }
  of_board: { derived: board_pay / staff }
";

const POLICIES: &str = "
groups: { analysts: {}, masked: {}, visitors: {}, finance: {} }
policies:
  analysts:
    groups: [analysts]
    grant: { tables: [people], rows: state <> 'ZZ', fields: { except: [salary] } }
  no_salaries: { groups: [analysts], deny: { tables: [people], fields: [salary] } }
  rest: { groups: [analysts], grant: { tables: [visits, states] } }
  masked:
    groups: [masked]
    grant: { tables: [people], masks: { salary: { constant: 7 } } }
  visitors: { groups: [visitors], grant: { tables: [visits] } }
  finance: { groups: [finance], grant: { tables: [people, visits, states], collections: [board] } }
";

/// id, state, job, salary
const PEOPLE: [Person; 9] = [
    (1, "CA", "nurse", Some(10)),
    (2, "CA", "nurse", Some(20)),
    (3, "CA", "guard", Some(30)),
    (4, "CA", "guard", Some(45)),
    (5, "NY", "nurse", Some(50)),
    (6, "NY", "guard", Some(60)),
    (7, "NY", "guard", None),
    (8, "ZZ", "nurse", Some(1_000)),
    (9, "TX", "nurse", Some(70)),
];

/// id, person, kind
const VISITS: [(i64, i64, &str); 8] = [
    (1, 1, "first"),
    (2, 2, "first"),
    (3, 3, "first"),
    (4, 4, "first"),
    (5, 5, "again"),
    (6, 5, "again"),
    (7, 5, "again"),
    (8, 8, "first"),
];

type Person = (i64, &'static str, &'static str, Option<i64>);

fn builder(people: &[Person]) -> EngineBuilder {
    let numbers = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let texts = |values: Vec<&'static str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let batch = |columns: Vec<(&str, ArrayRef)>| {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    };
    let people = batch(vec![
        ("id", numbers(people.iter().map(|p| Some(p.0)).collect())),
        ("state", texts(people.iter().map(|p| p.1).collect())),
        ("job", texts(people.iter().map(|p| p.2).collect())),
        ("salary", numbers(people.iter().map(|p| p.3).collect())),
    ]);
    let visits = batch(vec![
        ("id", numbers(VISITS.iter().map(|v| Some(v.0)).collect())),
        ("person_id", numbers(VISITS.iter().map(|v| Some(v.1)).collect())),
        ("kind", texts(VISITS.iter().map(|v| v.2).collect())),
    ]);
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("people", vec![people])
        .batches("visits", vec![visits])
}

async fn engine(people: &[Person]) -> Engine {
    builder(people).build().await.unwrap()
}

pub(super) fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("mallory").group(group).build().unwrap())
}

/// The rows without their head, or what is said instead.
pub(super) async fn asked(session: &Session, question: &str) -> Result<String, String> {
    let rows = csv(session, question).await?;
    Ok(rows.lines().skip(1).collect::<Vec<_>>().join(" "))
}

/// Asks questions, each of which has the rows, or the code, that stand beside it.
pub(super) async fn check(session: &Session, questions: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (question, expected) in questions {
        let found = asked(session, question).await;
        let right = match &found {
            Ok(rows) => rows == expected,
            Err(said) => said.starts_with(&format!("{expected} ")) && !said.contains("definer"),
        };
        if !right {
            let _ = writeln!(wrong, "{question}\n  expected {expected}\n  found {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const BY_STATE: &str = r#""group_by":["people.state"]"#;

#[tokio::test]
async fn l29_a_number_of_enough_rows_is_told_of_hidden_fields() {
    let session = session(&engine(&PEOPLE).await, "analysts");
    check(&session, &[
        // Two in New York and one in Texas have a salary; those of ZZ are not theirs to count.
        (&format!(r#"{{"metrics":["pay","staff"],{BY_STATE}}}"#), "CA,105,4 NY,,3 TX,,1"),
        (r#"{"metrics":["pay","rich"]}"#, "285,4"),
        (&format!(r#"{{"metrics":["mean_pay","rich"],{BY_STATE}}}"#), "CA,26.25, NY,, TX,,"),
        (&format!(r#"{{"metrics":["all_in","jobs"],{BY_STATE}}}"#), "CA,105,2 NY,110,2 TX,,"),
        // Others that are made of it have its rights, and its silence.
        (r#"{"metrics":["rich_part"]}"#, "0.5"),
        (&format!(r#"{{"metrics":["pay_each"],{BY_STATE}}}"#), "CA,26.25 NY, TX,"),
        (&format!(r#"{{"metrics":["pay"],{BY_STATE},"totals":[[]]}}"#), "CA,105,0 NY,,0 TX,,0 ,285,1"),
        (&format!(r#"{{"metrics":["pay"],{BY_STATE},"having":{{"field":"pay","op":">","value":0}}}}"#), "CA,105"),
        (&format!(r#"{{"from":{{"metrics":["pay"],{BY_STATE}}},"aggregations":[{{"function":"sum","field":"pay","as":"s"}}]}}"#), "105"),
        (r#"{"table":"states","fields":["state","pay","staff"]}"#, "CA,105,4 NY,,3 TX,,1"),
        // What they may filter by narrows it.
        (r#"{"metrics":["pay"],"filter":{"field":"people.job","value":"nurse"}}"#, "150"),
        (r#"{"metrics":["pay"],"filter":{"field":"people.id","value":1}}"#, ""),
        (r#"{"metrics":[{"name":"pay","as":"p","filter":{"field":"state","value":"NY"}}]}"#, ""),
        // One person is one, however often he comes.
        (r#"{"metrics":["visitors_pay"]}"#, "255"),
        (r#"{"metrics":["visitors_pay"],"group_by":["visits.kind"]}"#, "again, first,105"),
        // For one person it is of one row.
        (r#"{"metrics":["staff"],"filter":{"metric":"pay","op":">","value":0}}"#, "0"),
        (r#"{"metrics":["staff"],"filter":{"metric":"rich","op":">=","value":0}}"#, "0"),
    ]).await;
}

#[tokio::test]
async fn l29_everything_else_has_the_rights_of_who_asks() {
    let engine = engine(&PEOPLE).await;
    check(&session(&engine, "analysts"), &[
        (r#"{"metrics":["open_pay"]}"#, "Q0101"),
        (r#"{"metrics":["pay"],"group_by":["people.salary"]}"#, "Q0105"),
        (r#"{"metrics":["pay"],"filter":{"field":"people.salary","op":">","value":1}}"#, "Q0105"),
        (r#"{"metrics":[{"name":"pay","filter":{"field":"salary","op":">","value":1}}]}"#, "Q0105"),
        (r#"{"metrics":["pay"],"filter":{"field":"all_in","op":">","value":1}}"#, "Q0105"),
        (r#"{"metrics":["pay"],"filter":{"segment":"rich"}}"#, "Q0107"),
        (r#"{"table":"people","metrics":["pay"],"measures":["highest"]}"#, "Q0106"),
        (r#"{"table":"people","metrics":["pay"],"aggregations":[{"function":"sum","field":"salary"}]}"#, "Q0105"),
        (r#"{"table":"people","fields":["id"],"order_by":["salary"]}"#, "Q0105"),
        // What lies in a collection is granted with it, and with it alone.
        (r#"{"metrics":["board_pay"]}"#, "Q0101"),
        (r#"{"metrics":["of_board"]}"#, "Q0101"),
    ]).await;
    // Rows and tables are not lifted.
    check(
        &session(&engine, "visitors"),
        &[
            (r#"{"metrics":["pay"]}"#, "Q0101"),
            (r#"{"metrics":["visitors_pay"]}"#, "Q0101"),
            (r#"{"table":"visits","aggregations":["count"]}"#, "8"),
        ],
    )
    .await;
    check(
        &session(&engine, "finance"),
        &[
            (r#"{"metrics":["board_pay","open_pay"]}"#, "1285,1285"),
            // The size is the metric's, whoever asks.
            (
                &format!(r#"{{"metrics":["pay","open_pay"],{BY_STATE}}}"#),
                "CA,105,105 NY,,110 TX,,70 ZZ,,1000",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn l29_masks_stay_for_all_that_the_asker_names() {
    let session = session(&engine(&PEOPLE).await, "masked");
    check(&session, &[
        (r#"{"metrics":["pay","open_pay"]}"#, "1285,63"),
        (r#"{"metrics":["pay"],"group_by":["people.salary"]}"#, "7,1285"),
        (r#"{"metrics":["pay"],"filter":{"field":"people.salary","op":">","value":7}}"#, ""),
        (r#"{"metrics":[{"name":"pay","as":"p","filter":{"field":"salary","op":">","value":7}},"staff"]}"#, ",9"),
        (r#"{"metrics":[{"name":"pay","as":"p","filter":{"segment":"rich"}},"staff"]}"#, ",9"),
        (r#"{"metrics":["rich",{"name":"staff","as":"n","filter":{"field":"salary","value":7}}]}"#, "5,9"),
    ]).await;
}

#[tokio::test]
async fn l29_what_few_rows_hide_changes_nothing() {
    let mut other = PEOPLE;
    for person in &mut other {
        // As many have a salary, and another one; in California the sum is the same.
        person.3 = match person.0 {
            1 => Some(20),
            2 => Some(10),
            _ if person.1 == "CA" => person.3,
            _ => person.3.map(|salary| salary * 3 + 1),
        };
    }
    let (one, two) = (engine(&PEOPLE).await, engine(&other).await);
    for question in [
        format!(r#"{{"metrics":["pay","mean_pay","all_in","rich"],{BY_STATE},"filter":{{"field":"people.state","op":"!=","value":"NY"}}}}"#),
        format!(r#"{{"metrics":["pay"],{BY_STATE},"order_by":[{{"field":"pay","order":"desc"}}]}}"#),
        format!(r#"{{"metrics":["pay_each","rich_part"],{BY_STATE},"having":{{"field":"pay_each","op":"!=","value":55}}}}"#),
        r#"{"metrics":["pay"],"group_by":["people.id"]}"#.to_owned(),
        r#"{"metrics":["pay"],"filter":{"field":"people.state","op":"in","values":["NY","TX"]},"group_by":["people.job"]}"#.to_owned(),
        r#"{"metrics":["visitors_pay"],"group_by":["visits.kind"]}"#.to_owned(),
        r#"{"metrics":["staff"],"filter":{"metric":"pay","op":">","value":55}}"#.to_owned(),
        r#"{"table":"states"}"#.to_owned(),
    ] {
        let (one, two) = (session(&one, "analysts"), session(&two, "analysts"));
        let found = asked(&one, &question).await;
        assert!(found.is_ok(), "{question}: {found:?}");
        assert_eq!(found, asked(&two, &question).await, "{question}");
    }
}

#[tokio::test]
async fn l29_nothing_tells_what_is_lifted() {
    let engine = engine(&PEOPLE).await;
    let session = session(&engine, "analysts");
    let question =
        SemanticQuery::from_json(r#"{"metrics":["pay","rich","visitors_pay"]}"#).unwrap();
    let explained = session.explain(&question).await.unwrap();
    assert!(!format!("{explained:?}").contains("salary"), "{explained:?}");
    assert!(explained.outline.to_string().contains("pay = (not shown)"), "{}", explained.outline);
    assert!(explained.outline.columns.iter().all(|column| column.lineage.is_empty()));
    let lists = [
        format!("{:?}", session.describe_metric("pay").unwrap()),
        format!("{:?}", session.describe_table("people").unwrap()),
        format!("{:?}", session.search("salary").unwrap()),
    ];
    assert!(lists.iter().all(|list| !list.contains("salary")), "{lists:?}");
    assert!(session.field_values("people", "salary", 9).await.is_err());
    // An administrator is told.
    let administrator = Administrator::asserted_by_host();
    let analyst = Principal::asserted_by_host("mallory").group("analysts").build().unwrap();
    let full = engine.explain_as(&administrator, &analyst, &question).await.unwrap();
    assert!(full.outline.to_string().contains("sum(people.salary)"), "{}", full.outline);
}

#[tokio::test]
async fn l29_a_record_says_which_metrics_lifted_fields() {
    let records: Arc<Mutex<Vec<Decision>>> = Arc::default();
    let kept = Arc::clone(&records);
    let sink = move |decision: &Decision| kept.lock().unwrap().push(decision.clone());
    let engine = builder(&PEOPLE).decisions(sink).build().await.unwrap();
    for (question, expected) in [
        (r#"{"metrics":["staff"]}"#, vec![]),
        (r#"{"metrics":["pay_each","staff"]}"#, vec!["pay"]),
        (r#"{"metrics":["staff"],"filter":{"metric":"rich","op":">","value":0}}"#, vec!["rich"]),
        (r#"{"from":{"metrics":["rich","mean_pay"]}}"#, vec!["rich", "mean_pay"]),
        (r#"{"table":"states"}"#, vec!["pay"]),
    ] {
        records.lock().unwrap().clear();
        asked(&session(&engine, "analysts"), question).await.unwrap();
        let found: Vec<Vec<String>> =
            records.lock().unwrap().iter().map(|record| record.definers.clone()).collect();
        assert_eq!(found, [expected], "{question}");
    }
}
