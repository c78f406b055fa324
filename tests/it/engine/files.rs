//! Files: four formats of the same rows, and files that come, change and go.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::ArrowWriter;
use sandbar::{Engine, EngineBuilder, Error, ErrorKind, Principal, Session};
use tempfile::TempDir;

use super::{asked, csv};

pub(super) const POLICIES: &str = "
attributes: { team: { type: text } }
groups: { teams: {} }
policies: { own: { groups: [teams], grant: { tables: [points], rows: team = attribute.team } } }
";

pub(super) const FORMATS: [(&str, &str); 4] =
    [("parquet", "parquet"), ("csv", "csv"), ("json_lines", "jsonl"), ("arrow", "arrow")];

pub(super) fn batch(ids: std::ops::Range<i64>) -> RecordBatch {
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("team", Arc::new(StringArray::from_iter_values(ids.clone().map(team)))),
        ("points", Arc::new(Int64Array::from_iter(ids.clone().map(points)))),
        ("weight", Arc::new(Float64Array::from_iter_values(ids.clone().map(weight)))),
        ("fit", Arc::new(BooleanArray::from_iter(ids.map(|id| Some(id % 3 == 0))))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, c)| (name, c, true))).unwrap()
}

fn team(id: i64) -> &'static str {
    if id % 2 == 0 { "red" } else { "blue" }
}

fn points(id: i64) -> Option<i64> {
    (id % 5 != 4).then_some(id * 7)
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn weight(id: i64) -> f64 {
    id as f64 + 0.25
}

/// Writes the rows as a file of a format.
pub(super) fn write(path: &Path, format: &str, ids: std::ops::Range<i64>) {
    let batch = batch(ids.clone());
    let shown = |id| points(id).map(|n| n.to_string());
    match format {
        "parquet" => {
            let file = File::create(path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
        "arrow" => {
            let file = File::create(path).unwrap();
            let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap();
        }
        "csv" => {
            let mut text = "id,team,points,weight,fit\n".to_owned();
            for id in ids {
                let points = shown(id).unwrap_or_default();
                let _ = writeln!(text, "{id},{},{points},{},{}", team(id), weight(id), id % 3 == 0);
            }
            fs::write(path, text).unwrap();
        }
        _ => {
            let mut text = String::new();
            for id in ids {
                let points = shown(id).unwrap_or("null".to_owned());
                let (team, weight, fit) = (team(id), weight(id), id % 3 == 0);
                let _ = writeln!(
                    text,
                    r#"{{"id":{id},"team":"{team}","points":{points},"weight":{weight},"fit":{fit}}}"#
                );
            }
            fs::write(path, text).unwrap();
        }
    }
}

/// An engine to be over the points that lie at a path.
pub(super) fn over_points(format: &str, path: &str) -> EngineBuilder {
    let model = format!(
        "
sources: {{ points: {{ format: {format}, path: '{path}' }} }}
tables:
  points:
    primary_key: [id]
    fields: {{ id: {{}}, team: {{}}, points: {{}}, weight: {{}}, fit: {{}} }}
"
    );
    Engine::builder().model("model.yaml", &model).policies("policies.yaml", POLICIES)
}

async fn open(folder: &TempDir, format: &str) -> Result<Engine, Error> {
    over_points(format, "data").base_dir(folder.path()).build().await
}

pub(super) fn session(engine: &Engine) -> Session {
    let principal = Principal::asserted_by_host("ed").group("teams").attribute("team", "red");
    engine.session(principal.build().unwrap())
}

/// A folder with one file of ten rows.
fn folder(format: &str, extension: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write(&folder.path().join(format!("data/0.{extension}")), format, 0..10);
    folder
}

#[tokio::test]
async fn every_format_gives_the_same_answer() {
    for query in [
        r#"{"table":"points"}"#,
        r#"{"table":"points","group_by":["fit"],"aggregations":[{"function":"sum","field":"points"},{"function":"max","field":"weight"}]}"#,
        r#"{"table":"points","fields":["id"],"filter":{"field":"points","op":"is_null"}}"#,
        r#"{"table":"points","fields":["weight"],"filter":{"field":"points","op":">","value":20.5},"limit":2}"#,
    ] {
        let mut answers = Vec::new();
        for (format, extension) in FORMATS {
            let folder = folder(format, extension);
            write(&folder.path().join(format!("data/1.{extension}")), format, 10..30);
            answers.push(csv(&session(&open(&folder, format).await.unwrap()), query).await);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{query}: {answers:#?}");
        assert!(answers[0].lines().count() > 2, "{query}: {answers:?}");
    }
}

const SUM: &str = r#"{"table":"points","aggregations":["count",{"function":"max","field":"id"}]}"#;

/// How many rows there are, and the last of them.
async fn check(session: &Session, rows: i64, last: i64) {
    assert_eq!(csv(session, SUM).await, format!("count,max_id\n{rows},{last}\n"));
}

#[tokio::test]
async fn a_file_that_comes_changes_or_goes_is_seen_by_the_next_question() {
    for (format, extension) in FORMATS {
        let folder = folder(format, extension);
        let session = session(&open(&folder, format).await.unwrap());
        let file = |n: i64| folder.path().join(format!("data/{n}.{extension}"));
        check(&session, 5, 8).await;
        write(&file(1), format, 10..30);
        check(&session, 15, 28).await;
        fs::create_dir(folder.path().join("data/below")).unwrap();
        write(&folder.path().join(format!("data/below/2.{extension}")), format, 30..32);
        check(&session, 16, 30).await;
        write(&file(1), format, 10..50);
        check(&session, 26, 48).await;
        // As many rows as before, with other values.
        write(&file(1), format, 50..90);
        check(&session, 26, 88).await;
        fs::remove_file(file(1)).unwrap();
        check(&session, 6, 30).await;
        fs::remove_file(file(0)).unwrap();
        check(&session, 1, 30).await;
    }
}

/// A file that does not fit, when the engine is built and when it comes later.
async fn check_disagreeing(format: &str, extension: &str, write_bad: fn(&Path), told: &[&str]) {
    let folder = folder(format, extension);
    let engine = open(&folder, format).await.unwrap();
    let bad = folder.path().join(format!("data/bad.{extension}"));
    write_bad(&bad);
    let later = asked(&session(&engine), SUM).await.unwrap_err();
    assert_eq!((later.kind(), later.code()), (ErrorKind::Source, "E0305"), "{later}");
    let shown = format!("{later} {later:?}");
    let mut cause = String::new();
    let mut next = std::error::Error::source(&later);
    while let Some(error) = next {
        let _ = write!(cause, "{error} {error:?}");
        next = error.source();
    }
    let built = open(&folder, format).await.unwrap_err();
    assert_eq!((built.kind(), built.code()), (ErrorKind::Source, "E0203"), "{built}");
    for part in told {
        assert!(!shown.contains(part), "`{part}` is told to the asker: {shown}");
        assert!(cause.contains(part), "`{part}` is not told to the operator: {cause}");
        assert!(built.to_string().contains(part), "`{part}` is not told to the host: {built}");
    }
    fs::remove_file(bad).unwrap();
    check(&session(&engine), 5, 8).await;
}

fn other_type(path: &Path) {
    let column = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let names = ["id", "team", "points", "weight", "fit"];
    let batch = RecordBatch::try_from_iter(names.map(|name| (name, column("x")))).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn a_parquet_file_with_another_type_is_named_with_its_column() {
    check_disagreeing("parquet", "parquet", other_type, &["bad.parquet", "id"]).await;
}

#[tokio::test]
async fn a_csv_file_with_another_type_is_named_with_its_column() {
    let bad =
        |path: &Path| fs::write(path, "id,team,points,weight,fit\n7,red,many,0.5,true\n").unwrap();
    check_disagreeing("csv", "csv", bad, &["bad.csv", "points"]).await;
}

#[tokio::test]
async fn a_csv_file_without_a_column_is_named_with_it() {
    let bad = |path: &Path| fs::write(path, "id,team,weight,fit\n7,red,0.5,true\n").unwrap();
    check_disagreeing("csv", "csv", bad, &["bad.csv", "points"]).await;
}

#[tokio::test]
async fn a_json_file_with_one_more_column_is_named_with_it() {
    let bad = |path: &Path| {
        let row = r#"{"id":1,"team":"red","points":1,"weight":0.5,"fit":true,"more":1}"#;
        fs::write(path, format!("{row}\n")).unwrap();
    };
    check_disagreeing("json_lines", "jsonl", bad, &["bad.jsonl", "more"]).await;
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    for (format, extension) in [("parquet", "parquet"), ("arrow", "arrow")] {
        let name = ["bad.", extension].concat();
        let bad = |path: &Path| fs::write(path, "PAR1 is not all that it takes PAR1").unwrap();
        check_disagreeing(format, extension, bad, &[name.as_str()]).await;
    }
}

#[tokio::test]
async fn a_folder_without_files_is_told_without_its_path() {
    let folder = folder("parquet", "parquet");
    let engine = open(&folder, "parquet").await.unwrap();
    fs::remove_file(folder.path().join("data/0.parquet")).unwrap();
    let error = asked(&session(&engine), SUM).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Source, "E0305"), "{error}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains(folder.path().to_str().unwrap()), "{told}");
    write(&folder.path().join("data/1.parquet"), "parquet", 0..4);
    check(&session(&engine), 2, 2).await;
}

/// L47: the rows that a policy hides in one table are not to be read through another one that is
/// over a part of the same files.
#[tokio::test]
async fn l47_a_folder_and_a_file_of_it_are_one_source() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write(&folder.path().join("data/0.parquet"), "parquet", 0..4);
    write(&folder.path().join("data/1.parquet"), "parquet", 4..8);
    let build = async |path: &str| {
        let model = format!(
            "sources:\n  all: {{ format: parquet, path: data }}\n  part: {{ format: parquet, path: \
             {path} }}\ntables:\n  points: {{ source: all, fields: {{ id: {{}}, team: {{}} }} }}\n  \
             again: {{ source: part, fields: {{ id: {{}} }} }}\n"
        );
        let builder = Engine::builder().model("model.yaml", &model).base_dir(folder.path());
        builder.policies("policies.yaml", POLICIES).build().await
    };
    for path in ["data/0.parquet", "'data/*.parquet'", "data"] {
        let error = build(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPolicy, "{path}: {error}");
        assert!(error.to_string().contains("P0113"), "{path}: {error}");
    }
    fs::create_dir(folder.path().join("other")).unwrap();
    write(&folder.path().join("other/0.parquet"), "parquet", 0..4);
    assert!(build("other").await.is_ok());
}
