//! L22, L50: a calculated field is shown in the rows in which one grant shows it with all that it is
//! computed from, on every way to its values, and is missing in others.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    fields:
      id: {}
      team: {}
      boss: {}
      salary: {SALARY}
      band: { expr: \"case when salary > 100 then 'high' else 'low' end\" }
      marked: { expr: \"'-' || band\" }
    relationships:
      lead: { to: people, on: { boss: id }, cardinality: many_to_one }
    measures: { high: { expr: \"count(case when band = 'high' then 1 end)\" } }
";

/// Four people of two teams; the first two are led by the third.
async fn session(salary: &str, directory: &str, groups: &[&str]) -> Session {
    let numbers = |all: Vec<Option<i64>>| Arc::new(Int64Array::from(all)) as _;
    let people = RecordBatch::try_from_iter([
        ("id", numbers(vec![Some(1), Some(2), Some(3), Some(4)])),
        ("team", Arc::new(StringArray::from(vec!["a", "a", "b", "b"])) as _),
        ("boss", numbers(vec![Some(3), Some(3), None, None])),
        ("salary", numbers(vec![Some(50), Some(200), Some(300), Some(60)])),
    ]);
    let policies = format!(
        "
attributes: {{ team: {{ type: text }} }}
groups: {{ staff: {{}}, managers: {{}} }}
policies:
  directory: {{ groups: [staff], grant: {{ tables: [people], fields: {{ except: {directory} }} }} }}
  own_team: {{ groups: [managers], grant: {{ tables: [people], rows: team = attribute.team }} }}
"
    );
    let engine = Engine::builder()
        .model("model.yaml", &MODEL.replace("{SALARY}", salary))
        .policies("policies.yaml", &policies)
        .batches("people", vec![people.unwrap()])
        .build()
        .await
        .unwrap();
    let mut principal = Principal::asserted_by_host("ann").attribute("team", "a");
    for group in groups {
        principal = principal.group(group);
    }
    engine.session(principal.build().unwrap())
}

async fn check(session: &Session, question: &str, expected: &str) {
    let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_csv().unwrap(), expected, "{question}");
}

#[tokio::test]
async fn l22_l50_a_calculated_field_is_missing_where_no_grant_shows_it() {
    // The salary can be had in no other way, or is shown in the rows of the team alone.
    for (salary, directory) in [
        ("{ visibility: internal }", "[band, marked]"),
        ("{}", "[band, marked, salary]"),
        ("{}", "[salary]"),
    ] {
        let ann = session(salary, directory, &["staff", "managers"]).await;
        for (question, expected) in [
            (r#"{"table":"people","fields":["id","band"]}"#, "id,band\n1,low\n2,high\n3,\n4,\n"),
            (
                r#"{"table":"people","fields":["id","marked"]}"#,
                "id,marked\n1,-low\n2,-high\n3,\n4,\n",
            ),
            (
                r#"{"table":"people","group_by":["band"],"aggregations":["count"]}"#,
                "band,count\nhigh,1\nlow,1\n,2\n",
            ),
            (
                r#"{"table":"people","fields":["id"],"filter":{"field":"band","op":"=","value":"high"}}"#,
                "id\n2\n",
            ),
            (
                r#"{"table":"people","fields":["id"],"filter":{"field":"band","op":"is_null"}}"#,
                "id\n3\n4\n",
            ),
            (
                r#"{"table":"people","aggregations":[{"function":"count","field":"band"},
                    {"function":"max","field":"marked"}]}"#,
                "count_band,max_marked\n2,-low\n",
            ),
            (
                r#"{"table":"people","calculated":{"x":"coalesce(band, '?')"},"fields":["id","x"]}"#,
                "id,x\n1,low\n2,high\n3,?\n4,?\n",
            ),
            (
                r#"{"table":"people","fields":["id"],"order_by":[{"field":"band","order":"desc"}]}"#,
                "id\n1\n2\n3\n4\n",
            ),
            // The boss of the team's people is of the other team.
            (r#"{"table":"people","fields":["id","lead.band"]}"#, "id,lead.band\n1,\n2,\n3,\n4,\n"),
            (
                r#"{"from":{"table":"people","fields":["id","band"]},"group_by":["band"],
                    "aggregations":["count"]}"#,
                "band,count\nhigh,1\nlow,1\n,2\n",
            ),
        ] {
            check(&ann, question, expected).await;
        }
        let values = ann.field_values("people", "band", 9).await.unwrap();
        assert_eq!(values.to_csv().unwrap(), "band\nhigh\nlow\n\n");
    }
}

#[tokio::test]
async fn l50_one_grant_that_shows_all_leaves_nothing_out() {
    let everything = "id,band\n1,low\n2,high\n3,high\n4,low\n";
    let question = r#"{"table":"people","fields":["id","band"]}"#;
    let staff = session("{}", "[boss]", &["staff", "managers"]).await;
    check(&staff, question, everything).await;
    // The rows of his team are all that he sees.
    let manager = session("{}", "[band]", &["managers"]).await;
    check(&manager, question, "id,band\n1,low\n2,high\n").await;
    // By itself the other grant shows no such field, and no measure that reads what it hides.
    let staff = session("{}", "[salary]", &["staff"]).await;
    let code = |question| {
        let asked = staff.query_json(question);
        async { asked.await.unwrap_err().code() }
    };
    assert_eq!(code(question).await, "Q0105");
    assert_eq!(code(r#"{"table":"people","measures":["high"]}"#).await, "Q0106");
}

#[tokio::test]
async fn l50_what_the_model_makes_of_a_field_is_made_of_the_rows_in_which_it_is_shown() {
    // The salaries are shown in all rows, the bands in those of the team.
    let ann = session("{}", "[band, marked]", &["staff", "managers"]).await;
    check(&ann, r#"{"table":"people","measures":["high"]}"#, "high\n1\n").await;
    check(&ann, r#"{"table":"people","fields":["id","band"]}"#, "id,band\n1,low\n2,high\n3,\n4,\n")
        .await;
}
