//! Days that are stored in milliseconds are whole days wherever they are asked for, also where the
//! milliseconds are those of some time of the day.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Date64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use sandbar::{Engine, Principal, Session, Subject};
use tempfile::TempDir;

const DAY: i64 = 86_400_000;

/// The rows by hand: row 6 is of 30 December 1969, rows 3, 5 and 10 of the day after, row 7 of
/// 2 January 1970, and all others of the day before that.
const MILLIS: [i64; 10] = [0, 1, -1, DAY - 1, -DAY, -DAY - 1, DAY, 7, 5, -5];

const MODEL: &str = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, d: { type: date } }
    relationships:
      day: { to: names, on: { d: d }, cardinality: many_to_one }
  names: { primary_key: [d], fields: { d: {}, name: {} } }
";

/// How the days are kept.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Memory,
    Dictionary,
    Parquet,
}

fn millis(values: Vec<i64>) -> ArrayRef {
    Arc::new(Date64Array::from(values))
}

/// Somebody who sees the rows of `t` of which a condition is true, and all names.
async fn session(kept: Kept, zone: &str, days: Vec<i64>, rows: &str) -> (TempDir, Session) {
    let ids: Vec<i64> = (1..).take(days.len()).collect();
    let mut days = millis(days);
    if matches!(kept, Kept::Dictionary) {
        let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Date64));
        days = cast(&days, &words).unwrap();
    }
    let columns = [("id", Arc::new(Int64Array::from(ids)) as ArrayRef), ("d", days)];
    let table = RecordBatch::try_from_iter(columns).unwrap();
    let names = RecordBatch::try_from_iter([
        ("d", Arc::new(Date32Array::from(vec![-1, 0])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["the last", "the first"]))),
    ]);
    let policies = format!(
        "groups: {{ all: {{}} }}
policies:
  names: {{ groups: [all], grant: {{ tables: [names] }} }}
  some: {{ groups: [all], grant: {{ tables: [t], rows: \"{rows}\" }} }}
"
    );
    let zone = format!("defaults: {{ time_zone: {zone} }}\n");
    let mut engine = Engine::builder()
        .model("model.yaml", MODEL)
        .model("zone.yaml", &zone)
        .policies("policies.yaml", &policies)
        .batches("names", vec![names.unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    if matches!(kept, Kept::Parquet) {
        let file = File::create(folder.path().join("t.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, table.schema(), None).unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        let sources = "sources: { t: { format: parquet, path: t.parquet } }";
        engine = engine.model("sources.yaml", sources).base_dir(folder.path());
    } else {
        engine = engine.batches("t", vec![table]);
    }
    let engine = engine.build().await.unwrap();
    let ed = Principal::asserted_by_host("ed").group("all").build().unwrap();
    (folder, engine.session(ed))
}

async fn csv(session: &Session, question: &str) -> String {
    let answer = session.query_json(question).await;
    let answer = answer.unwrap_or_else(|e| panic!("{question}: {e}")).collect().await;
    answer.unwrap_or_else(|e| panic!("{question}: {e}")).to_csv().unwrap()
}

#[tokio::test]
async fn milliseconds_of_a_day_are_that_day() {
    for kept in [Kept::Memory, Kept::Dictionary, Kept::Parquet] {
        for zone in ["UTC", "America/New_York"] {
            let (_folder, session) = session(kept, zone, MILLIS.to_vec(), "true").await;
            for (question, expected) in [
                (
                    r#"{"table":"t","group_by":["d"],"aggregations":["count"]}"#,
                    "d,count\n1969-12-30,1\n1969-12-31,3\n1970-01-01,5\n1970-01-02,1\n",
                ),
                (
                    r#"{"table":"t","fields":["id","d","day.name"],"order_by":["id"],"limit":4}"#,
                    "id,d,day.name\n1,1970-01-01,the first\n2,1970-01-01,the first\n\
                     3,1969-12-31,the last\n4,1970-01-01,the first\n",
                ),
                (
                    r#"{"table":"t","fields":["id"],"filter":{"field":"d","op":"<","value":"1970-01-01"}}"#,
                    "id\n3\n5\n6\n10\n",
                ),
                (
                    r#"{"table":"t","fields":["id"],"filter":{"field":"d","value":"1969-12-31"}}"#,
                    "id\n3\n5\n10\n",
                ),
                (
                    r#"{"table":"t","aggregations":[{"function":"count_distinct","field":"d","as":"n"},
                        {"function":"min","field":"d","as":"a"},{"function":"max","field":"d","as":"z"}]}"#,
                    "n,a,z\n4,1969-12-30,1970-01-02\n",
                ),
                (
                    r#"{"table":"t","group_by":["x"],"calculated":{"x":"cast(d as text)"},"aggregations":["count"]}"#,
                    "x,count\n1969-12-30,1\n1969-12-31,3\n1970-01-01,5\n1970-01-02,1\n",
                ),
                (
                    r#"{"table":"t","group_by":["x"],"calculated":{"x":"year(d)"},"aggregations":["count"]}"#,
                    "x,count\n1969,4\n1970,6\n",
                ),
                (
                    r#"{"table":"t","group_by":["day.name"],"aggregations":["count"]}"#,
                    "day.name,count\nthe first,5\nthe last,3\n,2\n",
                ),
            ] {
                assert_eq!(csv(&session, question).await, expected, "{kept:?} {zone}: {question}");
            }
            let profile = session.field_profile(Subject::Table("t"), "d", 10).await.unwrap();
            let values = profile.values.to_csv().unwrap();
            let values: Vec<&str> = values.lines().skip(1).collect();
            assert_eq!(values, ["1969-12-30", "1969-12-31", "1970-01-01", "1970-01-02"]);
        }
    }
}

#[tokio::test]
async fn l1_a_policy_over_milliseconds_of_days_is_one_over_days() {
    for (rows, ids) in [
        ("d >= '1970-01-01'", "1 2 4 7 8 9"),
        ("d < date '1970-01-01'", "3 5 6 10"),
        ("d = date '1970-01-01'", "1 2 4 8 9"),
        ("d <> date '1969-12-31' and d <= date '1970-01-01'", "1 2 4 6 8 9"),
        ("d in (date '1969-12-30', date '1970-01-02')", "6 7"),
        ("d between date '1969-12-31' and date '1970-01-01'", "1 2 3 4 5 8 9 10"),
        ("try_cast(d as text) = '1969-12-31'", "3 5 10"),
        ("d < timestamp '1970-01-01T00:00:00Z'", "3 5 6 10"),
        ("day.name = 'the last'", "3 5 10"),
    ] {
        for kept in [Kept::Memory, Kept::Dictionary, Kept::Parquet] {
            let (_folder, session) = session(kept, "UTC", MILLIS.to_vec(), rows).await;
            let found = csv(&session, r#"{"table":"t","fields":["id"],"order_by":["id"]}"#).await;
            let found: Vec<&str> = found.lines().skip(1).collect();
            assert_eq!(found.join(" "), ids, "{kept:?}: {rows}");
        }
    }
}

#[tokio::test]
async fn a_day_that_no_date_can_hold_is_missing() {
    let last = i64::from(i32::MAX) * DAY;
    let days = vec![i64::MAX, i64::MIN, last + DAY, 0];
    let (_folder, everything) = session(Kept::Memory, "UTC", days.clone(), "true").await;
    let question = r#"{"table":"t","fields":["id","d"],"order_by":["id"]}"#;
    assert_eq!(csv(&everything, question).await, "id,d\n1,\n2,\n3,\n4,1970-01-01\n");
    for (rows, ids) in [("d >= '1970-01-01'", "4"), ("d < '1970-01-01'", "")] {
        let (_folder, session) = session(Kept::Memory, "UTC", days.clone(), rows).await;
        let found = csv(&session, r#"{"table":"t","fields":["id"]}"#).await;
        let found: Vec<&str> = found.lines().skip(1).collect();
        assert_eq!(found.join(" "), ids, "{rows}");
    }
}

#[tokio::test]
async fn two_times_of_one_day_are_one_key() {
    let model = "
tables:
  t:
    primary_key: [id]
    fields: { id: {}, d: {} }
    relationships:
      day: { to: days, on: { d: d }, cardinality: many_to_one }
  days: { primary_key: [d], fields: { d: {}, n: {} } }
";
    let policies = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [t, days] } } }
";
    let number = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    for (times, unique) in [(vec![3, DAY + 7], true), (vec![3, 7], false)] {
        let rows = [("id", number(vec![1, 2])), ("d", millis(vec![0, DAY - 1]))];
        let days = [("d", millis(times)), ("n", number(vec![10, 20]))];
        let engine = Engine::builder()
            .model("model.yaml", model)
            .policies("policies.yaml", policies)
            .batches("t", vec![RecordBatch::try_from_iter(rows).unwrap()])
            .batches("days", vec![RecordBatch::try_from_iter(days).unwrap()]);
        let engine = engine.build().await.unwrap();
        let ed = Principal::asserted_by_host("ed").group("all").build().unwrap();
        let session = engine.session(ed);
        let question = r#"{"table":"t","fields":["id","day.n"],"order_by":["id"]}"#;
        if unique {
            assert_eq!(csv(&session, question).await, "id,day.n\n1,10\n2,10\n");
            continue;
        }
        let refused = match session.query_json(question).await {
            Ok(answer) => answer.collect().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert_eq!(refused.unwrap_err().code(), "E0306");
    }
}
