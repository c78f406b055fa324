//! Refusals stay short, however much is wrong with a question and however many ways there are. Where
//! not all ways were tried, none is taken for the only one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Error, Principal, Session};

/// Twelve columns of the rows that many ways lead to.
const WAYS: std::ops::RangeInclusive<char> = 'a'..='l';

/// `sales` lead to `shops` in twelve ways, of which each is written on their side; shops lead to
/// their `visits` in as many, written on the side of the shops.
fn model() -> String {
    let keys: String = WAYS.map(|way| format!(", k{way}: {{}}")).collect();
    let to_shops = WAYS.map(|way| {
        format!("      r{way}: {{ to: shops, on: {{ k{way}: id }}, cardinality: many_to_one }}\n")
    });
    let to_visits = WAYS.map(|way| {
        format!("      s{way}: {{ to: visits, on: {{ id: k{way} }}, cardinality: one_to_many }}\n")
    });
    format!(
        "
tables:
  sales:
    primary_key: [id]
    fields: {{ id: {{}}{keys} }}
    relationships:
{}
  visits:
    primary_key: [id]
    fields: {{ id: {{}}{keys} }}
  shops:
    primary_key: [id]
    fields: {{ id: {{}} }}
    relationships:
{}",
        to_shops.collect::<String>(),
        to_visits.collect::<String>()
    )
}

const POLICIES: &str = "
groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [sales, visits, shops] } } }
";

async fn session() -> Session {
    let one = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let shops = RecordBatch::try_from_iter([("id", one())]).unwrap();
    // Each of rows of its own.
    let many = || {
        let keys = WAYS.map(|way| (format!("k{way}"), one()));
        RecordBatch::try_from_iter(std::iter::once(("id".to_owned(), one())).chain(keys)).unwrap()
    };
    let engine = Engine::builder()
        .model("model.yaml", &model())
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![many()])
        .batches("visits", vec![many()])
        .batches("shops", vec![shops])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ana").group("staff").build().unwrap())
}

async fn refused(question: &str) -> Error {
    session().await.query_json(question).await.map(|_| ()).unwrap_err()
}

/// The one thing that is wrong with a question.
async fn check(question: &str, code: &str, message: &str) {
    let error = refused(question).await;
    let [problem] = error.problems() else { panic!("{question}: {error}") };
    assert_eq!((problem.code, problem.message.as_str()), (code, message), "{question}");
}

#[tokio::test]
async fn four_of_many_ways_are_told() {
    check(
        r#"{"table":"shops","aggregations":["count"],"filter":{"exists":"sales"}}"#,
        "Q0140",
        "for `shops`, the rows of `sales` can be found in several ways, by `sales.ra`, `sales.rb`, \
         `sales.rc`, `sales.rd`, among others; ask for `shops` without it, or declare the \
         relationship that is meant in the model, and write its name",
    )
    .await;
    check(
        r#"{"table":"shops","aggregations":["count"],"filter":{"exists":"visits"}}"#,
        "Q0140",
        "for `shops`, the rows of `visits` can be found in several ways, by `sa`, `sb`, `sc`, `sd`, \
         among others; write one of `sa`, `sb`, `sc`, `sd`",
    )
    .await;
    check(
        r#"{"table":"sales","aggregations":["count"],"group_by":["shops.id"]}"#,
        "Q0140",
        "`shops.id` has no single value for `sales`: `sales` leads to `shops` in several ways \
         (`ra`, `rb`, `rc`, `rd`, among others), each with an answer of its own; write one of \
         `ra.id`, `rb.id`, `rc.id`, `rd.id`",
    )
    .await;
}

/// What the last of twenty problems says where there are more.
const MORE: &str =
    "; beyond these 20 problems there are more, which are told when these are mended";

#[tokio::test]
async fn twenty_problems_are_told_and_that_there_are_more() {
    for (count, more) in [(19, false), (20, false), (21, true), (200, true)] {
        let names: Vec<String> = (0..count).map(|n| format!(r#""missing{n}""#)).collect();
        let error =
            refused(&format!(r#"{{"table":"sales","fields":["id",{}]}}"#, names.join(","))).await;
        let problems = error.problems();
        assert_eq!(problems.len(), count.min(20), "{error}");
        for (n, problem) in problems.iter().enumerate() {
            assert_eq!((problem.code, &problem.path), ("Q0105", &format!("fields[{}]", n + 1)));
            assert_eq!(problem.message.ends_with(MORE), more && n == 19, "{count}: {problem}");
        }
    }
}

/// A message of one condition has less than 300 bytes, those of all twenty less than 6,000.
#[tokio::test]
async fn a_thousand_wrong_conditions_make_a_short_refusal() {
    for name in ["sales", "visits"] {
        let conditions = vec![format!(r#"{{"exists":"{name}"}}"#); 950].join(",");
        let question = format!(
            r#"{{"table":"shops","aggregations":["count"],"filter":{{"or":[{conditions}]}}}}"#
        );
        let error = refused(&question).await;
        let paths: Vec<&str> = error.problems().iter().map(|p| p.path.as_str()).collect();
        let first: Vec<String> = (0..20).map(|n| format!("filter.or[{n}]")).collect();
        assert_eq!(paths, first);
        assert!(error.problems().last().unwrap().message.ends_with(MORE), "{error}");
        let told: usize = error.problems().iter().map(|problem| problem.message.len()).sum();
        assert!(told < 6_000, "{told} bytes: {error}");
    }
}

/// A table, and its relationships with the tables that these lead to.
type Table = (String, Vec<(String, String)>);

/// Tables of one row each, with an `id` by which it leads to those of others, and a `name`.
async fn joined(tables: &[Table]) -> Session {
    let (mut model, mut names) = ("tables:\n".to_owned(), Vec::new());
    for (name, steps) in tables {
        let steps = steps.iter().map(|(step, to)| {
            format!("{step}: {{ to: {to}, on: {{ id: id }}, cardinality: many_to_one }}")
        });
        let steps: Vec<String> = steps.collect();
        model.push_str(&format!(
            "  {name}: {{ primary_key: [id], fields: {{ id: {{}}, name: {{}} }}, \
             relationships: {{ {} }} }}\n",
            steps.join(", ")
        ));
        names.push(name.as_str());
    }
    let policies = POLICIES.replace("sales, visits, shops", &names.join(", "));
    let builder =
        Engine::builder().model("model.yaml", &model).policies("policies.yaml", &policies);
    let row = || {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let name: ArrayRef = Arc::new(StringArray::from(vec!["one"]));
        vec![RecordBatch::try_from_iter([("id", id), ("name", name)]).unwrap()]
    };
    let engine = names.iter().fold(builder, |all, name| all.batches(name, row()));
    let engine = engine.build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("staff").build().unwrap())
}

fn table(name: &str, steps: &[(&str, &str)]) -> Table {
    let steps = steps.iter().map(|(step, to)| ((*step).to_owned(), (*to).to_owned()));
    (name.to_owned(), steps.collect())
}

/// Twenty tables, each of which leads to all later ones and the last one back to another: there are
/// tens of thousands of ways through them.
fn thicket(back: Option<&str>) -> Vec<Table> {
    let later = |n: usize| (n + 1..20).map(|m| (format!("to{m}"), format!("h{m}")));
    let mut all: Vec<Table> = (0..20).map(|n| (format!("h{n}"), later(n).collect())).collect();
    if let (Some(back), Some((_, steps))) = (back, all.last_mut()) {
        steps.push(("back".to_owned(), back.to_owned()));
    }
    all
}

/// The one thing that is wrong with a question.
async fn told(session: &Session, question: &str) -> (&'static str, String) {
    let error = session.query_json(question).await.map(|_| ()).unwrap_err();
    let [problem] = error.problems() else { panic!("{question}: {error}") };
    (problem.code, problem.message.clone())
}

async fn rows(session: &Session, question: &str) -> String {
    let answer = session.query_json(question).await.unwrap();
    answer.collect().await.unwrap().to_csv().unwrap()
}

#[tokio::test]
async fn ways_that_lead_elsewhere_hide_none() {
    let mut tables = thicket(None);
    tables.push(table("f", &[("a_t", "t"), ("b_h", "h0"), ("c_x", "x")]));
    tables.push(table("x", &[("to_t", "t")]));
    tables.push(table("t", &[]));
    let session = joined(&tables).await;
    let question = r#"{"table":"f","aggregations":["count"],"group_by":["t.name"]}"#;
    let (code, message) = told(&session, question).await;
    assert_eq!(code, "Q0140");
    assert_eq!(
        message,
        "`t.name` has no single value for `f`: `f` leads to `t` in several ways (`a_t`, \
         `c_x.to_t`), each with an answer of its own; write one of `a_t.name`, `c_x.to_t.name`"
    );
    // The thicket leads to `t` in no way, and `x` in one.
    let question = r#"{"table":"x","aggregations":["count"],"group_by":["t.name"]}"#;
    assert_eq!(rows(&session, question).await, "t.name,count\none,1\n");
}

/// From `f` to `t` there is a way over `p`, from which the thicket leads back to it alone, and
/// behind that a longer one over `x1` to `x6`.
#[tokio::test]
async fn where_not_all_ways_are_tried_none_is_the_only_one() {
    let mut tables = thicket(Some("p"));
    tables.push(table("f", &[("a_p", "p"), ("c_x", "x1")]));
    tables.push(table("p", &[("a_t", "t"), ("b_h", "h0")]));
    for n in 1..6 {
        let next = format!("x{}", n + 1);
        tables.push(table(&format!("x{n}"), &[("next", next.as_str())]));
    }
    tables.push(table("x6", &[("to_t", "t")]));
    tables.push(table("t", &[]));
    tables.push(table("visits", &[("at", "t")]));
    let session = joined(&tables).await;
    let question =
        |name: &str| format!(r#"{{"table":"f","aggregations":["count"],"group_by":["{name}"]}}"#);
    let (code, message) = told(&session, &question("t.name")).await;
    assert_eq!(code, "Q0140");
    assert_eq!(
        message,
        "`t.name` may have no single value for `f`: of the ways from `f` to `t` not all could be \
         tried (found: `a_p.a_t`); write `a_p.a_t.name`"
    );
    let written = rows(&session, &question("a_p.a_t.name")).await;
    assert_eq!(written, "a_p.a_t.name,count\none,1\n");
    let question = r#"{"table":"f","aggregations":["count"],"filter":{"exists":"visits"}}"#;
    let (code, message) = told(&session, question).await;
    assert_eq!(code, "Q0140");
    assert_eq!(
        message,
        "for `f`, the rows of `visits` may be found in several ways, of which not all could be \
         tried (found: `visits.at = a_p.a_t`); ask for `f` without it, or declare the relationship \
         that is meant in the model, and write its name"
    );
}

/// Numbers of other times read their table each for itself, and again for each of the totals: of
/// many the optimiser would make a plan for minutes.
#[tokio::test]
async fn tables_are_read_so_often_and_no_more() {
    let model = "
tables:
  visits:
    primary_key: [id]
    time: day
    fields: { id: {}, day: {}, kind: {}, place: {} }
metrics: { seen: { table: visits, expr: count(*) } }
";
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from(vec![1]))),
        ("day", Arc::new(Date32Array::from(vec![20_000]))),
        ("kind", Arc::new(StringArray::from(vec!["a"]))),
        ("place", Arc::new(StringArray::from(vec!["b"]))),
    ];
    let engine = Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", &POLICIES.replace("sales, visits, shops", "visits"))
        .batches("visits", vec![RecordBatch::try_from_iter(columns).unwrap()]);
    let staff = Principal::asserted_by_host("ana").group("staff").build().unwrap();
    let session = engine.build().await.unwrap().session(staff);
    let question = |numbers: usize, totals: &str| {
        let earlier = |count| {
            format!(
                r#"{{"name":"seen","as":"m{count}","offset":{{"count":{count},"unit":"month"}}}}"#
            )
        };
        let metrics: Vec<String> = (1..=numbers).map(earlier).collect();
        format!(
            r#"{{"metrics":[{}],"group_by":[{{"field":"day","grain":"month","as":"m"}},"kind","place"],
                "filter":{{"field":"day","op":"in_range","values":["2024-11-01","2024-12-01"]}},
                "totals":[{totals}]}}"#,
            metrics.join(",")
        )
    };
    for (numbers, totals, times) in
        [(129, "", 129), (43, r#"["m"],["m","kind"]"#, 129), (65, r#"["m"]"#, 130)]
    {
        let (code, message) = told(&session, &question(numbers, totals)).await;
        assert_eq!(code, "Q0116");
        assert!(message.contains(&format!("tables {times} times, of at most 128")), "{message}");
    }
    let few = rows(&session, &question(8, r#"["m"],["m","kind"]"#)).await;
    assert_eq!(few.lines().count(), 4, "{few}");
}
