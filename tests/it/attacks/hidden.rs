//! L21, L3, L9: what is hidden and what does not exist are one case. The same question is asked
//! of two engines, one whose model has the thing and hides it, and one whose model lacks it:
//! whatever comes back is equal to the byte.

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{
    Decision, Engine, EngineBuilder, Error, Principal, SemanticQuery, Session, SqlDialect,
};
use sandbar_testkit::collected;

const VISIBLE: &str = "
      id: {}
      team: {}
      waste: {}
      boss_id: {}
      half: { expr: waste / 2 }
";
const HIDDEN: &str = "
      wage: {}
      bonus: { expr: wage * 2 }
      bonus_of_boss: { expr: boss.wage * 2 }
";

fn model(with_hidden: bool) -> String {
    let or_nothing = |text: &'static str| if with_hidden { text } else { "" };
    format!(
        "
tables:
  staff:
    primary_key: [id]
    fields:{VISIBLE}{fields}
    segments:
      big_team: {{ where: team = 'big' }}
{segments}
    measures:
      mean_waste: {{ expr: avg(waste) }}
{measures}
    relationships:
      boss: {{ to: staff, on: {{ boss_id: id }}, cardinality: many_to_one }}
{relationships}
{tables}
metrics:
  all_waste: {{ table: staff, expr: sum(waste) }}
{metrics}
",
        fields = or_nothing(HIDDEN),
        segments = or_nothing("      rich: { where: wage > 1000 }"),
        measures = or_nothing("      mean_wage: { expr: avg(wage) }"),
        relationships = or_nothing(
            "      audit: { to: audits, on: { id: staff_id }, cardinality: one_to_one }"
        ),
        tables = or_nothing(
            "  audits: { primary_key: [staff_id], fields: { staff_id: {}, result: {} } }"
        ),
        metrics = or_nothing("  payroll: { table: staff, expr: sum(wage) }"),
    )
}

fn policies(with_hidden: bool) -> &'static str {
    if with_hidden {
        "
groups: { staff: {}, chiefs: {} }
policies:
  staff: { groups: [staff], grant: { tables: [staff], fields: { except: [wage] } } }
  chiefs: { groups: [chiefs], grant: { tables: [staff, audits] } }
"
    } else {
        "
groups: { staff: {}, chiefs: {} }
policies:
  staff: { groups: [staff], grant: { tables: [staff] } }
"
    }
}

fn builder(with_hidden: bool) -> EngineBuilder {
    let numbers = |of: fn(i64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..20).map(of)))
    };
    let teams = (0..20).map(|id| if id % 2 == 0 { "big" } else { "small" });
    let staff = RecordBatch::try_from_iter([
        ("id", numbers(|id| id)),
        ("team", Arc::new(StringArray::from_iter_values(teams)) as ArrayRef),
        ("waste", numbers(|id| id * 3)),
        ("boss_id", numbers(|id| id / 4)),
        ("wage", numbers(|id| id * 500)),
    ]);
    let audits = RecordBatch::try_from_iter([
        ("staff_id", numbers(|id| id)),
        ("result", numbers(|id| id % 3)),
    ]);
    Engine::builder()
        .model("model.yaml", &model(with_hidden))
        .policies("policies.yaml", policies(with_hidden))
        .batches("staff", vec![staff.unwrap()])
        .batches("audits", vec![audits.unwrap()])
}

pub(super) async fn engine(with_hidden: bool) -> Engine {
    builder(with_hidden).build().await.unwrap()
}

pub(super) fn session(engine: &Engine, group: &str) -> Session {
    engine.session(Principal::asserted_by_host("sam").group(group).build().unwrap())
}

/// Everything that can be seen of a failure.
pub(super) fn all_of(error: &Error) -> String {
    format!("{:?} {} {error} {error:?} {:?}", error.kind(), error.code(), error.problems())
}

async fn asked(session: &Session, query: &str) -> Result<String, String> {
    let answer = collected(session, query).await.map_err(|error| all_of(&error))?;
    answer.to_csv().map_err(|error| all_of(&error))
}

/// Asks both engines a question that must be refused.
async fn check_each(names: &[&str], template: &str) {
    let (with, without) = (engine(true).await, engine(false).await);
    for name in names {
        let query = template.replace("NAME", name);
        let hidden = asked(&session(&with, "staff"), &query).await;
        let absent = asked(&session(&without, "staff"), &query).await;
        assert!(hidden.is_err(), "{query} is answered");
        assert_eq!(hidden, absent, "{query}");
        // The names are those of real things, for somebody else.
        if !template.contains("REFUSED") && !name.contains(['W', 'P', ' ', '"']) {
            let chief = asked(&session(&with, "chiefs"), &query).await;
            assert!(chief.is_ok(), "{query}: {chief:?}");
        }
    }
}

const FIELDS: [&str; 6] =
    ["wage", "bonus", "bonus_of_boss", "boss.wage", "boss.bonus", "audit.result"];

async fn check_fields(template: &str) {
    check_each(&FIELDS, template).await;
}

macro_rules! clauses {
    ($($name:ident: $check:ident($($template:literal),*);)*) => {
        $(#[tokio::test]
        async fn $name() {
            $($check($template).await;)*
        })*
    };
}

async fn check_segments(template: &str) {
    check_each(&["rich"], template).await;
}

async fn check_numbers(template: &str) {
    check_each(&["mean_wage"], template).await;
}

async fn check_metrics(template: &str) {
    check_each(&["payroll"], template).await;
}

async fn check_tables(template: &str) {
    check_each(&["audits"], template).await;
}

clauses! {
    l21_fields: check_fields(r#"{"table":"staff","fields":["id","NAME"]}"#,
        r#"{"table":"staff","fields":[{"field":"NAME","as":"id"}]}"#);
    l21_filter: check_fields(r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","value":500}}"#,
        r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","op":">","value":0}}"#,
        r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","op":"is_null"}}"#);
    l21_filter_inside: check_fields(
        r#"{"table":"staff","fields":["id"],"filter":{"not":{"or":[{"field":"id","value":1},{"field":"NAME","values":[1,2]}]}}}"#);
    l21_group_by: check_fields(r#"{"table":"staff","group_by":["NAME"],"aggregations":["count"]}"#,
        r#"{"metrics":["all_waste"],"group_by":["NAME"]}"#);
    l21_order_by: check_fields(r#"{"table":"staff","fields":["id"],"order_by":["NAME"]}"#,
        r#"{"table":"staff","fields":["id"],"order_by":[{"field":"NAME","order":"desc"}],"limit":1}"#);
    l21_aggregations: check_fields(r#"{"table":"staff","aggregations":[{"function":"sum","field":"NAME"}]}"#,
        r#"{"table":"staff","aggregations":[{"function":"count","field":"NAME"}]}"#,
        r#"{"table":"staff","aggregations":[{"function":"max","field":"NAME","as":"x"}]}"#);
    l21_segments: check_segments(r#"{"table":"staff","fields":["id"],"segments":["NAME"]}"#,
        r#"{"table":"staff","fields":["id"],"filter":{"segment":"NAME"}}"#,
        r#"{"metrics":["all_waste"],"filter":{"not":{"segment":"NAME"}}}"#);
    l21_measures: check_numbers(r#"{"table":"staff","measures":["NAME"]}"#,
        r#"{"table":"staff","group_by":["team"],"measures":[{"name":"NAME","as":"x"}]}"#);
    l21_metrics: check_metrics(r#"{"metrics":["NAME"]}"#, r#"{"metrics":["all_waste","NAME"]}"#,
        r#"{"metrics":["NAME"],"group_by":["team"]}"#);
    l21_tables: check_tables(r#"{"table":"NAME","fields":["result"]}"#,
        r#"{"table":"NAME","aggregations":["count"]}"#);
    l21_wrongly_typed: check_fields(
        r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","op":"contains","value":"REFUSED"}}"#,
        r#"{"table":"staff","fields":["id"],"filter":{"field":"NAME","value":"REFUSED"}}"#);
}

#[tokio::test]
async fn l48_other_spellings() {
    let spellings = [
        "Wage",
        "WAGE",
        "wagE",
        " wage",
        "wage ",
        "\\\"wage\\\"",
        "staff.wage",
        "staff.Wage",
        "boss.Wage",
        "Boss.wage",
        "wages",
        "wag",
        "boss.boss.WAGE",
        "#wage",
    ];
    let (with, without) = (engine(true).await, engine(false).await);
    for name in spellings {
        let query = format!(r#"{{"table":"staff","fields":["{name}"]}}"#);
        let hidden = asked(&session(&with, "staff"), &query).await;
        assert!(
            hidden.as_ref().is_err_and(|told| !told.contains("did you mean `wage`")),
            "{hidden:?}"
        );
        assert_eq!(hidden, asked(&session(&without, "staff"), &query).await, "{query}");
    }
}

#[tokio::test]
async fn l10_numbers_of_hidden_things() {
    let (with, without) = (engine(true).await, engine(false).await);
    let chief = session(&with, "chiefs");
    let staff = chief.describe_table("staff").unwrap();
    let wage = &staff.fields.iter().find(|field| field.name == "wage").unwrap().id;
    let payroll = chief.describe_metric("payroll").unwrap().id;
    let audits = chief.describe_table("audits").unwrap().id;
    let queries = [
        format!(r#"{{"table":"staff","fields":["{wage}"]}}"#),
        format!(r#"{{"table":{},"fields":["{wage}"]}}"#, staff.id),
        format!(r#"{{"metrics":[{payroll}]}}"#),
        format!(r#"{{"metrics":["{payroll}"]}}"#),
        format!(r#"{{"table":{audits},"aggregations":["count"]}}"#),
        format!(r#"{{"table":"{audits}","aggregations":["count"]}}"#),
    ];
    for query in queries {
        let hidden = asked(&session(&with, "staff"), &query).await;
        assert!(hidden.is_err(), "{query}");
        assert_eq!(hidden, asked(&session(&without, "staff"), &query).await, "{query}");
    }
}

#[tokio::test]
async fn l6_l8_l9_listings_descriptions_and_searches() {
    let (with, without) = (engine(true).await, engine(false).await);
    let (with, without) = (session(&with, "staff"), session(&without, "staff"));
    let shown = |tables: Result<Vec<_>, Error>| format!("{:?}", tables.unwrap());
    assert_eq!(shown(with.tables()), shown(without.tables()));
    assert_eq!(
        format!("{:?}", with.metrics().unwrap()),
        format!("{:?}", without.metrics().unwrap())
    );
    for name in ["staff", "audits", "Audits", "payroll", "wage", "7"] {
        let table = |s: &Session| s.describe_table(name).map_err(|e| all_of(&e));
        assert_eq!(format!("{:?}", table(&with)), format!("{:?}", table(&without)), "{name}");
        let metric = |s: &Session| s.describe_metric(name).map_err(|e| all_of(&e));
        assert_eq!(format!("{:?}", metric(&with)), format!("{:?}", metric(&without)), "{name}");
    }
    for words in ["wage", "payroll", "audit", "rich", "bonus", "staff", "waste", ""] {
        let found = |s: &Session| format!("{:?}", s.search(words).unwrap());
        assert_eq!(found(&with), found(&without), "{words}");
    }
}

#[tokio::test]
async fn l19_answers_and_explanations_of_what_is_visible() {
    let (with, without) = (engine(true).await, engine(false).await);
    let (with, without) = (session(&with, "staff"), session(&without, "staff"));
    for query in [
        r#"{"table":"staff"}"#,
        r#"{"metrics":["all_waste"],"group_by":["boss.team"]}"#,
        r#"{"table":"staff","fields":["half"],"segments":["big_team"]}"#,
    ] {
        assert_eq!(asked(&with, query).await.unwrap(), asked(&without, query).await.unwrap());
        let parsed = SemanticQuery::from_json(query).unwrap();
        let hidden = with.explain(&parsed).await.unwrap();
        let absent = without.explain(&parsed).await.unwrap();
        assert_eq!(format!("{:?}", hidden.columns), format!("{:?}", absent.columns));
        assert!(hidden.sql(SqlDialect::DuckDb).is_none() && hidden.physical_plan.is_none());
        assert!(hidden.logical_plan.is_none() && hidden.policies.is_empty());
    }
    for field in ["wage", "bonus", "boss.wage"] {
        let hidden = with.field_values("staff", field, 10).await.map_err(|e| all_of(&e));
        let absent = without.field_values("staff", field, 10).await.map_err(|e| all_of(&e));
        assert_eq!(hidden.unwrap_err(), absent.unwrap_err());
    }
}

/// A question that reads nothing of what is hidden is answered, explained and recorded as if that
/// did not exist: nothing of it was narrowed.
#[tokio::test]
async fn l21_nothing_says_that_a_table_has_fields_that_are_hidden() {
    let told = async |with_hidden: bool, query: &str| {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        let sink = move |decision: &Decision| {
            kept.lock().unwrap().push((decision.scoped, decision.masked.clone()));
        };
        let engine = builder(with_hidden).decisions(sink).build().await.unwrap();
        let session = session(&engine, "staff");
        let query = SemanticQuery::from_json(query).unwrap();
        let explained = session.explain(&query).await.unwrap().scoped;
        let answer = session.query(&query).await.unwrap();
        let streamed = answer.is_scoped();
        let collected = answer.collect().await.unwrap();
        let records = records.lock().unwrap().clone();
        ([explained, streamed, collected.is_scoped()], collected.to_csv().unwrap(), records)
    };
    for query in [
        r#"{"table":"staff"}"#,
        r#"{"table":"staff","fields":["half"],"segments":["big_team"]}"#,
        r#"{"metrics":["all_waste"],"group_by":["boss.team"]}"#,
        r#"{"table":"staff","measures":["mean_waste"],"filter":{"field":"boss.team","value":"big"}}"#,
    ] {
        let (hidden, absent) = (told(true, query).await, told(false, query).await);
        assert_eq!(hidden, absent, "{query}");
        assert_eq!(hidden.0, [false; 3], "{query}");
        assert!(hidden.2.len() == 2 && hidden.2.iter().all(|(scoped, _)| !scoped), "{query}");
    }
}

/// The columns below a derived table have the names of its fields, also where a hidden field is of
/// the same column.
#[tokio::test]
async fn l19_a_hidden_field_of_a_column_is_not_told_by_what_is_explained_of_another() {
    let explained = async |hidden: &str, policies: &str| {
        let model = format!(
            "
tables:
  staff: {{ primary_key: [id], fields: {{ id: {{}}, team: {{}}, waste: {{}} }} }}
  teams:
    query: {{ metrics: [all_waste], group_by: [team] }}
    primary_key: [team]
    fields:
      team: {{ type: text }}
      {hidden}
      all_waste: {{ type: 'decimal(38, 0)' }}
metrics:
  all_waste: {{ table: staff, expr: sum(waste) }}
"
        );
        let column = |of: &[i64]| Arc::new(Int64Array::from(of.to_vec())) as ArrayRef;
        let staff = RecordBatch::try_from_iter([
            ("id", column(&[1, 2])),
            ("team", Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef),
            ("waste", column(&[3, 4])),
        ]);
        let engine = Engine::builder()
            .model("model.yaml", &model)
            .policies("policies.yaml", policies)
            .batches("staff", vec![staff.unwrap()])
            .build()
            .await
            .unwrap();
        let query = SemanticQuery::from_json(r#"{"table":"teams","aggregations":["count"]}"#);
        let told = session(&engine, "staff").explain(&query.unwrap()).await.unwrap();
        format!("{:?} {}", told.outline, told.outline)
    };
    let all = "
groups: { staff: {} }
policies:
  rows: { groups: [staff], grant: { tables: [staff] } }
  teams: { groups: [staff], grant: { tables: [teams] } }
";
    let except = all.replace("[teams]", "[teams], fields: { except: [secret] }");
    let absent = explained("", all).await;
    assert!(absent.contains("all_waste") && !absent.contains("(not shown)"), "{absent}");
    let secret = "secret: { column: all_waste, type: 'decimal(38, 0)' }";
    assert_eq!(explained(secret, &except).await, absent);
}
