//! Values that are stored in other types than usual, as host tables and files have them.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use sandbar::{Engine, Principal, Session};
use serde_json::json;
use tempfile::TempDir;

use super::{asked, csv};

const MODEL: &str = "
tables:
  sales:
    primary_key: [id]
    fields: { id: {}, shop: {}, price: {}, day: {}, next: { expr: 'shop + 1' } }
    relationships:
      at: { to: shops, on: { shop: shop }, cardinality: many_to_one }
      priced: { to: prices, on: { price: price }, cardinality: many_to_one }
  shops: { primary_key: [shop], fields: { shop: {}, size: {} } }
  prices: { primary_key: [price], fields: { price: {}, class: {} } }
";

fn words(value: DataType) -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(value))
}

fn whole<const N: usize>(values: [Option<i64>; N]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn money<const N: usize>(values: [Option<i128>; N]) -> ArrayRef {
    let values = Decimal128Array::from(values.to_vec());
    Arc::new(values.with_precision_and_scale(9, 2).unwrap())
}

/// Columns, in which values may be missing.
fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn session(stored: fn(DataType) -> DataType, policy: &str) -> (TempDir, Session) {
    let as_stored = |values: ArrayRef| cast(&values, &stored(values.data_type().clone())).unwrap();
    let day: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), Some(-1), None, Some(19_782)]));
    let sales = rows(vec![
        ("id", whole([Some(1), Some(2), Some(3), Some(4)])),
        ("shop", as_stored(whole([Some(7), Some(8), None, Some(7)]))),
        ("price", as_stored(money([Some(150), Some(-50), Some(150), None]))),
        ("day", as_stored(day)),
    ]);
    let shops = rows(vec![
        ("shop", as_stored(whole([Some(7), Some(8)]))),
        ("size", as_stored(whole([Some(20), Some(30)]))),
    ]);
    let prices = rows(vec![
        ("price", as_stored(money([Some(150), Some(-50)]))),
        ("class", as_stored(whole([Some(1), Some(2)]))),
    ]);
    let policies = format!(
        "groups: {{ all: {{}} }}
policies:
  all: {{ groups: [all], grant: {{ tables: [shops, prices] }} }}
  some: {{ groups: [all], grant: {{ tables: [sales], {policy} }} }}"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut sources = "sources:\n".to_owned();
    for (name, rows) in [("sales", sales), ("shops", shops), ("prices", prices)] {
        let file = File::create(folder.path().join(format!("{name}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        sources += &format!("  {name}: {{ format: parquet, path: {name}.parquet }}\n");
    }
    let engine = Engine::builder()
        .model("sources.yaml", &sources)
        .model("model.yaml", MODEL)
        .policies("policies.yaml", &policies)
        .base_dir(folder.path())
        .build()
        .await
        .unwrap();
    let principal = Principal::asserted_by_host("ed").group("all").build().unwrap();
    (folder, engine.session(principal))
}

/// DataFusion cannot join numbers in dictionaries.
#[tokio::test]
async fn numbers_in_dictionaries_are_numbers() {
    for stored in [words as fn(DataType) -> DataType, |plain| plain] {
        let (_folder, session) = session(stored, "rows: 'shop is null or shop < 100'").await;
        for (question, expected) in [
            (
                r#"{"table":"sales","fields":["id","shop","at.size","priced.class","next"]}"#,
                "id,shop,at.size,priced.class,next\n1,7,20,1,8\n2,8,30,2,9\n3,,,1,\n4,7,20,,8\n",
            ),
            (
                r#"{"table":"sales","group_by":["at.size"],"aggregations":["count",
                    {"function":"sum","field":"price"},{"function":"min","field":"price"},
                    {"function":"count_distinct","field":"shop"}]}"#,
                "at.size,count,sum_price,min_price,count_distinct_shop\n\
                20,2,1.50,1.50,1\n30,1,-0.50,-0.50,1\n,1,1.50,1.50,0\n",
            ),
            (
                r#"{"table":"sales","fields":["id"],"filter":{"field":"price","op":"<","value":1}}"#,
                "id\n2\n",
            ),
            (
                r#"{"table":"sales","fields":["id"],"filter":{"field":"at.size","value":20}}"#,
                "id\n1\n4\n",
            ),
            (
                r#"{"table":"sales","group_by":["day"],"aggregations":["count"]}"#,
                "day,count\n1969-12-31,1\n1970-01-01,1\n2024-02-29,1\n,1\n",
            ),
        ] {
            assert_eq!(csv(&session, question).await, expected, "{question}");
        }
    }
}

/// One tenth has no double: with fewer bits another one is the nearest, which is written in full.
#[tokio::test]
async fn shorter_doubles_are_written_as_the_same_double_in_every_format() {
    let stored = |as_type: DataType| cast(&Float64Array::from(vec![0.1, 1.5]), &as_type).unwrap();
    let sales = rows(vec![
        ("id", whole([Some(1), Some(2)])),
        ("single", stored(DataType::Float32)),
        ("half", stored(DataType::Float16)),
    ]);
    let engine = Engine::builder()
        .model(
            "model.yaml",
            "tables: { sales: { primary_key: [id], fields: { id: {}, single: {}, half: {} } } }",
        )
        .policies(
            "policies.yaml",
            "groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [sales] } } }",
        )
        .batches("sales", vec![sales])
        .build()
        .await
        .unwrap();
    let ed = Principal::asserted_by_host("ed").group("all").build().unwrap();
    let question = r#"{"table":"sales","fields":["single","half"]}"#;
    let told = asked(&engine.session(ed), question).await.unwrap();
    let expected = "single,half\n0.10000000149011612,0.0999755859375\n1.5,1.5\n";
    assert_eq!(told.to_csv().unwrap(), expected);
    let expected = [
        json!({ "single": 0.10000000149011612, "half": 0.0999755859375 }),
        json!({ "single": 1.5, "half": 1.5 }),
    ];
    assert_eq!(told.to_json_rows().unwrap(), expected);
}

#[tokio::test]
async fn a_policy_reads_numbers_in_dictionaries() {
    for (rows, ids) in [
        ("shop = 7", "id\n1\n4\n"),
        ("shop in (7, 9, 10, 11)", "id\n1\n4\n"),
        ("price < 1.005 or shop is null", "id\n2\n3\n"),
        ("day >= date '1970-01-01'", "id\n1\n4\n"),
        ("at.size > 20", "id\n2\n"),
    ] {
        for stored in [words as fn(DataType) -> DataType, |plain| plain] {
            let (_folder, session) = session(stored, &format!("rows: \"{rows}\"")).await;
            let question = r#"{"table":"sales","fields":["id"]}"#;
            assert_eq!(csv(&session, question).await, ids, "{rows}");
        }
    }
}

#[tokio::test]
async fn days_have_no_time_however_they_are_stored() {
    let long = |plain: DataType| match plain {
        DataType::Date32 => DataType::Date64,
        other => other,
    };
    let (_folder, session) = session(long, "rows: 'id > 0'").await;
    let question = r#"{"table":"sales","fields":["id","day"]}"#;
    let expected = "id,day\n1,1970-01-01\n2,1969-12-31\n3,\n4,2024-02-29\n";
    assert_eq!(csv(&session, question).await, expected);
    let answer = session.query_json(question).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.to_json_rows().unwrap()[3]["day"], "2024-02-29");
}
