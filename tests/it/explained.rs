//! What an administrator is told of a question: its SQL, or why it has none that gives the same.
//! That the texts give the same rows elsewhere is what `fixtures/sqltext` compares.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use sandbar::{
    Administrator, Engine, Explanation, NoSqlText, Principal, SemanticQuery, SqlDialect, Warning,
};
use sandbar_shop::Asker;
use sandbar_testkit::{principal, shop};

const MODEL: &str = "
tables:
  people:
    primary_key: [id]
    fields:
      id: {}
      name: {}
      city: {}
      seen: {}
      shout: { expr: upper(name) }
metrics:
  people: { table: people, expr: count(*) }
";
const POLICIES: &str = "
attributes: { city: { type: text } }
groups: { staff: {}, clerks: {} }
policies:
  own_city: { groups: [staff], grant: { tables: [people], rows: city = attribute.city } }
  masked:
    groups: [clerks]
    grant: { tables: [people], masks: { name: hash } }
";

async fn engine() -> Engine {
    let texts = |texts: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let people = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("name", texts(["Ann", "Bob"])),
        ("city", texts(["Cork", "L'Aquila"])),
        ("seen", Arc::new(TimestampNanosecondArray::from(vec![1, 1_001])) as ArrayRef),
    ])
    .unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    builder.mask_key([7; 32]).batches("people", vec![people]).build().await.unwrap()
}

async fn explained(asker: &Principal, query: &str) -> Explanation {
    let query = SemanticQuery::from_json(query).unwrap();
    let administrator = Administrator::asserted_by_host();
    engine().await.explain_as(&administrator, asker, &query).await.unwrap()
}

fn staff(city: &str) -> Principal {
    let staff = Principal::asserted_by_host("sam").group("staff").attribute("city", city);
    staff.build().unwrap()
}

#[track_caller]
fn statements(sql: &str) -> usize {
    // This one knows `MATERIALIZED`.
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql);
    parsed.unwrap_or_else(|error| panic!("{error}: {sql}")).len()
}

#[tokio::test]
async fn a_value_of_a_policy_is_a_constant_whatever_is_in_it() {
    let wanted = r#"{ "table": "people", "fields": ["name"] }"#;
    for city in ["L'Aquila", "'; drop table people; --", "a\nb \"c\" \\", "{}"] {
        let told = explained(&staff(city), wanted).await;
        for dialect in [SqlDialect::DuckDb, SqlDialect::Postgres] {
            let sql = told.sql(dialect).unwrap().unwrap();
            let constant = format!("'{}'", city.replace('\'', "''"));
            assert!(sql.contains(&format!("\"city\" = {constant}")), "{sql}");
            assert_eq!(statements(&sql), 1, "{sql}");
        }
    }
}

#[tokio::test]
async fn what_gives_something_else_has_no_text_and_a_reason() {
    let of = |field: &str| format!(r#"{{ "table": "people", "fields": ["{field}"] }}"#);
    let clerk = Principal::asserted_by_host("cleo").group("clerks").build().unwrap();
    let sam = staff("Cork");
    let reason = async |asker: &Principal, query: &str, dialect| {
        explained(asker, query).await.sql(dialect).unwrap().unwrap_err()
    };
    for dialect in [SqlDialect::DuckDb, SqlDialect::Postgres] {
        assert_eq!(reason(&clerk, &of("name"), dialect).await, NoSqlText::HashMask);
        let shout = reason(&sam, &of("shout"), dialect).await;
        assert_eq!(shout, NoSqlText::Function { function: "upper".to_owned(), dialect });
        let later = r#"{ "table": "people", "fields": ["name"],
            "filter": { "field": "seen", "op": "=", "value": "1970-01-01T00:00:00.000001Z" } }"#;
        let nanos = reason(&sam, later, dialect).await;
        assert!(matches!(nanos, NoSqlText::Type { .. }), "{nanos}");
        let letters = r#"{ "table": "people", "fields": ["name"],
            "filter": { "field": "name", "op": "contains", "value": "ß" } }"#;
        assert_eq!(reason(&sam, letters, dialect).await, NoSqlText::Letters(dialect));
    }
}

/// DuckDB 1.4 has 18 digits for what is computed from two decimals of 18 or fewer, and fails where
/// it has more; DuckDB 2.0 does so for products.
#[tokio::test]
async fn decimals_have_room_for_what_is_computed_from_them() {
    let decimal = |digits: i128, precision: u8, scale: i8| -> ArrayRef {
        let one = Decimal128Array::from(vec![digits]);
        Arc::new(one.with_precision_and_scale(precision, scale).unwrap())
    };
    let rows = RecordBatch::try_from_iter([
        ("price", decimal(9_999_999_999_999, 15, 2)),
        ("rate", decimal(12_345_678, 9, 4)),
        ("few", decimal(99_999_999, 8, 4)),
        ("total", decimal(999_999_999_999_999_999, 18, 2)),
        ("wide", decimal(1, 19, 2)),
    ])
    .unwrap();
    let model = "tables: { t: { fields: { price: {}, rate: {}, few: {}, total: {}, wide: {} } } }";
    let policies = "
groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [t] } } }
";
    let builder = Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    let engine = builder.batches("t", vec![rows]).build().await.unwrap();
    let sam = Principal::asserted_by_host("sam").group("staff").build().unwrap();
    let administrator = Administrator::asserted_by_host();
    let calculated = |value: &str| {
        format!(r#"{{ "table": "t", "calculated": {{ "v": "{value}" }}, "fields": ["v"] }}"#)
    };
    let mean = r#"{ "table": "t", "aggregations": [{ "function": "avg", "field": "few" }] }"#;
    for (question, duckdb, postgres) in [
        (
            calculated("price * rate"),
            r#"CAST(CAST("t_1"."price" AS DECIMAL(25, 2)) * "t_1"."rate" AS DECIMAL(25, 6))"#,
            r#"CAST("t_1"."price" * "t_1"."rate" AS DECIMAL(25, 6))"#,
        ),
        (
            calculated("total + total"),
            r#"CAST(CAST("t_1"."total" AS DECIMAL(19, 2)) + "t_1"."total" AS DECIMAL(19, 2))"#,
            r#"CAST("t_1"."total" + "t_1"."total" AS DECIMAL(19, 2))"#,
        ),
        (
            calculated("total - rate"),
            r#"CAST(CAST("t_1"."total" AS DECIMAL(21, 2)) - "t_1"."rate" AS DECIMAL(21, 4))"#,
            r#"CAST("t_1"."total" - "t_1"."rate" AS DECIMAL(21, 4))"#,
        ),
        // There is room enough.
        (
            calculated("price + rate"),
            r#"CAST("t_1"."price" + "t_1"."rate" AS DECIMAL(18, 4))"#,
            r#"CAST("t_1"."price" + "t_1"."rate" AS DECIMAL(18, 4))"#,
        ),
        (
            calculated("price + wide"),
            r#"CAST("t_1"."price" + "t_1"."wide" AS DECIMAL(20, 2))"#,
            r#"CAST("t_1"."price" + "t_1"."wide" AS DECIMAL(20, 2))"#,
        ),
        // The sum of a mean, as a number of its last digit.
        (
            mean.to_owned(),
            r#"CAST("t_grouped_1"."a0" AS DECIMAL(38, 4)) * 100000000"#,
            r#"div("t_grouped_1"."a0" * 100000000"#,
        ),
    ] {
        let query = SemanticQuery::from_json(&question).unwrap();
        let told = engine.explain_as(&administrator, &sam, &query).await.unwrap();
        for (dialect, text) in [(SqlDialect::DuckDb, duckdb), (SqlDialect::Postgres, postgres)] {
            let sql = told.sql(dialect).unwrap().unwrap();
            assert!(sql.contains(text), "{sql}");
        }
    }
}

#[tokio::test]
async fn only_an_administrator_is_told_the_text() {
    let query = SemanticQuery::from_json(r#"{ "table": "people", "fields": ["name"] }"#).unwrap();
    let told = engine().await.session(staff("Cork")).explain(&query).await.unwrap();
    assert!(told.sql(SqlDialect::DuckDb).is_none());
    // Nor is the plan told by whoever logs what he got.
    assert!(!format!("{told:?}").contains("Cork"));
}

#[tokio::test]
async fn an_explanation_has_the_warnings_that_its_answer_has() {
    let session = engine().await.session(staff("Cork"));
    let approximate = r#"{ "table": "people",
        "aggregations": [{ "function": "approx_distinct", "field": "name" }] }"#;
    let totals = r#"{ "table": "people", "aggregations": ["count"], "group_by": ["city"] }"#;
    for (query, warnings) in [(approximate, vec![Warning::Approximate]), (totals, Vec::new())] {
        let query = SemanticQuery::from_json(query).unwrap();
        let told = session.explain(&query).await.unwrap();
        assert_eq!(told.warnings, warnings);
        let answer = session.query(&query).await.unwrap().collect().await.unwrap();
        assert_eq!(answer.warnings(), told.warnings);
    }
}

/// A policy is a step that nothing is moved into, as it is in the plan.
#[tokio::test]
async fn a_barrier_is_a_materialized_step() {
    let fallible = r#"{ "table": "people", "aggregations": [{ "function": "sum", "field": "id" }],
        "filter": { "field": "name", "op": "=", "value": "Ann" } }"#;
    let told = explained(&staff("Cork"), fallible).await;
    let barriers = told.logical_plan.as_deref().unwrap().matches("Barrier").count();
    let sql = told.sql(SqlDialect::Postgres).unwrap().unwrap();
    assert_eq!(sql.matches("AS MATERIALIZED").count(), barriers, "{sql}");
}

/// The stack of a worker of tokio; a debug build needs the most. DataFusion's unparser needed more.
#[test]
fn questions_about_answers_are_explained_on_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let engine = shop().build().await.unwrap();
            let administrator = Administrator::asserted_by_host();
            let wei = principal(Asker::named("wei").unwrap());
            // Shares and totals of an answer make the deepest plans.
            let query = r#"{ "from": { "metrics": ["revenue"],
                "group_by": ["products.category", { "field": "metric_time", "grain": "year" },
                    { "field": "metric_time", "grain": "month", "as": "month" }],
                "having": { "field": "revenue", "op": "not_null" },
                "shares": [{ "of": "revenue", "within": ["month"], "as": "share" }] },
              "aggregations": ["count", { "function": "avg", "field": "share", "as": "mean" }] }"#;
            let query = SemanticQuery::from_json(query).unwrap();
            let told = engine.explain_as(&administrator, &wei, &query).await.unwrap();
            assert!(told.refusal.is_none(), "{:?}", told.refusal);
            let sql = told.sql(SqlDialect::Postgres).unwrap().unwrap();
            assert_eq!(statements(&sql), 1);
            assert!(told.sql(SqlDialect::DuckDb).unwrap().is_ok());
        });
    };
    small.spawn(work).unwrap().join().unwrap();
}
