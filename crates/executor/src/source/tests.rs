//! Sources end to end: what a query over them gives, and what it gives after the files change.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::FileWriter;
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use super::*;

const CSV: Format = Format::Csv { header: true, delimiter: b',' };

/// A folder of its own and a session that lives as long, with the engine's default caches.
struct World {
    dir: TempDir,
    context: SessionContext,
}

impl World {
    fn new() -> Self {
        let config = SessionConfig::new().with_target_partitions(2);
        Self { dir: tempfile::tempdir().unwrap(), context: SessionContext::new_with_config(config) }
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn parquet(&self, file: &str, batch: &RecordBatch) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
    }

    fn arrow(&self, file: &str, batch: &RecordBatch) {
        let file = File::create(self.path(file)).unwrap();
        let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.dir.path().join(file)
    }

    fn spec(&self, format: Format, path: &str) -> FilesSpec {
        let base = Some(self.dir.path().to_path_buf());
        FilesSpec { format, path: path.into(), base, partitions: vec![] }
    }

    async fn open(&self, spec: FilesSpec) -> Result<Sources, Vec<SourceProblem>> {
        let specs = BTreeMap::from([("t".to_owned(), SourceSpec::Files(spec))]);
        Sources::open(&self.context.state(), specs).await
    }

    /// Opens the source and makes it the table `t`.
    async fn table(&self, spec: FilesSpec) -> Sources {
        let sources = self.open(spec).await.unwrap();
        self.register(&sources);
        sources
    }

    fn register(&self, sources: &Sources) {
        self.context.register_table("t", sources.provider("t").unwrap()).unwrap();
    }

    async fn run(&self, sql: &str) -> Result<Vec<String>, DataFusionError> {
        let batches = self.context.sql(sql).await?.collect().await?;
        let text = pretty_format_batches(&batches).unwrap().to_string();
        let rows = text.lines().skip(3).filter(|line| line.starts_with('|'));
        let cells = |line: &str| line.split('|').map(str::trim).collect::<Vec<_>>().join(" ");
        Ok(rows.map(|line| cells(line).trim().to_owned()).collect())
    }

    async fn plan(&self, sql: &str) -> String {
        let explained = self.run(&format!("EXPLAIN FORMAT indent {sql}")).await.unwrap();
        explained.join("\n")
    }

    #[track_caller]
    fn problem(&self, outcome: Result<Vec<String>, DataFusionError>) -> SourceProblemKind {
        let error = outcome.unwrap_err();
        SourceProblem::behind(&error).unwrap_or_else(|| unreachable!("{error}")).kind.clone()
    }
}

/// Fails with the rows of `t`, ordered, unless they are these.
async fn check_rows(world: &World, columns: &str, expected: &[&str]) {
    let rows = world.run(&format!("SELECT {columns} FROM t ORDER BY 1")).await.unwrap();
    assert_eq!(rows, expected);
    let count = world.run("SELECT count(*) FROM t").await.unwrap();
    assert_eq!(count, [expected.len().to_string()]);
}

fn ids(rows: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(rows.to_vec())) as ArrayRef)])
        .unwrap()
}

fn id_and_name(id: i64, name: &str) -> RecordBatch {
    let id = Arc::new(Int64Array::from(vec![id])) as ArrayRef;
    let name = Arc::new(StringArray::from(vec![name])) as ArrayRef;
    RecordBatch::try_from_iter([("id", id), ("name", name)]).unwrap()
}

/// The same columns, swapped and nullable.
fn name_and_id(id: i64, name: &str) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("id", DataType::Int64, true),
    ]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec![name])), Arc::new(Int64Array::from(vec![id]))];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

async fn check_format(format: Format, write: impl Fn(&World)) {
    let world = World::new();
    write(&world);
    let sources = world.table(world.spec(format, "")).await;
    check_rows(&world, "id, name", &["1 a", "2 b"]).await;
    check_rows(&world, "name", &["a", "b"]).await;
    let (name, schema, identity) = sources.iter().next().unwrap();
    assert_eq!((name, schema.fields().len()), ("t", 2));
    assert!(schema.fields().iter().all(|f| f.is_nullable()), "{schema}");
    assert!(identity.starts_with("file:/"), "{identity}");
}

#[tokio::test]
async fn parquet_round_trips() {
    check_format(Format::Parquet, |world| {
        world.parquet("1.parquet", &id_and_name(1, "a"));
        world.parquet("2.parquet", &name_and_id(2, "b"));
    })
    .await;
}

#[tokio::test]
async fn csv_round_trips() {
    check_format(CSV, |world| {
        world.write("1.csv", "id,name\n1,a\n");
        world.write("2.csv", "id,name\n2,b\n");
    })
    .await;
    check_format(Format::Csv { header: true, delimiter: b';' }, |world| {
        world.write("1.csv", "id;name\n1;a\n2;b\n");
    })
    .await;
}

#[tokio::test]
async fn csv_without_header() {
    let world = World::new();
    world.write("1.tsv", "1\ta\n2\t\"b\nc\"\n");
    world.table(world.spec(Format::Csv { header: false, delimiter: b'\t' }, "1.tsv")).await;
    check_rows(&world, "column_1, replace(column_2, chr(10), '+')", &["1 a", "2 b+c"]).await;
}

#[tokio::test]
async fn json_lines_round_trip() {
    check_format(Format::JsonLines, |world| {
        world.write("1.jsonl", "{\"id\":1,\"name\":\"a\"}\n");
        world.write("2.json", "{\"name\":\"b\",\"id\":2}\n");
    })
    .await;
}

#[tokio::test]
async fn arrow_round_trips() {
    check_format(Format::Arrow, |world| {
        world.arrow("1.arrow", &id_and_name(1, "a"));
        world.arrow("2.arrow", &id_and_name(2, "b"));
    })
    .await;
}

#[tokio::test]
async fn patterns_choose_files() {
    let world = World::new();
    for (file, id) in [("a1", 1), ("a2", 2), ("b1", 3), ("x/a3", 4)] {
        world.write(&format!("{file}.csv"), &format!("id\n{id}\n"));
    }
    for (path, expected) in [
        ("a*.csv", &["1", "2"][..]),
        ("a[2-3].csv", &["2"]),
        ("**/a*.csv", &["1", "2", "4"]),
        ("*/*.csv", &["4"]),
        ("b1.csv", &["3"]),
        ("", &["1", "2", "3", "4"]),
    ] {
        world.context.deregister_table("t").unwrap();
        world.table(world.spec(CSV, path)).await;
        check_rows(&world, "id", expected).await;
    }
}

fn partitioned(world: &World, format: Format) -> FilesSpec {
    let partitions = vec![("y".into(), DataType::Int32), ("c".into(), DataType::Utf8)];
    FilesSpec { partitions, ..world.spec(format, "") }
}

#[tokio::test]
async fn partitions_are_columns_and_prune() {
    let world = World::new();
    for (folder, rows) in [("y=1/c=a", [1, 2]), ("y=1/c=b", [3, 4]), ("y=2/c=a%20b", [5, 6])] {
        world.parquet(&format!("{folder}/f.parquet"), &ids(&rows));
    }
    world.table(partitioned(&world, Format::Parquet)).await;
    check_rows(&world, "id, y, c", &["1 1 a", "2 1 a", "3 1 b", "4 1 b", "5 2 a b", "6 2 a b"])
        .await;
    for (filter, expected, files) in [
        ("y = 2", "2", 1),
        ("y + 1 = 2 AND c <> 'a'", "2", 1),
        ("t.c LIKE 'a%'", "4", 2),
        ("y = 1 AND id > 1", "3", 2),
        ("id = 5", "1", 3),
        ("y = 7", "0", 0),
    ] {
        let sql = format!("SELECT count(*) FROM t WHERE {filter}");
        assert_eq!(world.run(&sql).await.unwrap(), [expected], "{filter}");
        let plan = world.plan(&format!("SELECT id FROM t WHERE {filter}")).await;
        assert_eq!(plan.matches("f.parquet").count(), files, "{plan}");
        let decided = !filter.contains("id");
        assert_eq!(plan.contains("FilterExec"), !decided, "{plan}");
    }
    let sql = "SELECT y, count(*), max(id) FROM t GROUP BY y ORDER BY y";
    assert_eq!(world.run(sql).await.unwrap(), ["1  4  4", "2  2  6"].map(|s| s.replace("  ", " ")));
    assert_eq!(world.run("SELECT y FROM t WHERE c = 'b' LIMIT 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn partitions_must_be_there() {
    let world = World::new();
    world.write("y=1/c=a/f.csv", "id\n1\n");
    world.write("y=2/f.csv", "id\n1\n");
    world.write("y=z/c=a/f.csv", "id\n1\n");
    let problems = world.open(partitioned(&world, CSV)).await.unwrap_err();
    assert!(matches!(&problems[0].kind, SourceProblemKind::PartitionMissing { file, column }
        if file.ends_with("y=2/f.csv") && column == "c"));
    assert!(matches!(&problems[1].kind, SourceProblemKind::PartitionValue { file, column, .. }
        if file.ends_with("y=z/c=a/f.csv") && column == "y"));
    assert_eq!(problems.len(), 2);

    let world = World::new();
    world.write("y=1/c=a/f.csv", "c\n1\n");
    let problems = world.open(partitioned(&world, CSV)).await.unwrap_err();
    assert_eq!(problems[0].kind, SourceProblemKind::PartitionRepeated { column: "c".into() });
}

#[tokio::test]
async fn statistics_answer_counts() {
    let world = World::new();
    world.parquet("1.parquet", &ids(&[1, 2]));
    world.parquet("2.parquet", &ids(&[3, 4, 5]));
    world.table(world.spec(Format::Parquet, "")).await;
    assert_eq!(world.run("SELECT count(*), min(id), max(id) FROM t").await.unwrap(), ["5 1 5"]);
    let plan = world.plan("SELECT count(*), max(id) FROM t").await;
    assert!(!plan.contains("DataSourceExec"), "{plan}");
    let plan = world.plan("SELECT id FROM t LIMIT 1").await;
    assert_eq!(plan.matches(".parquet").count(), 1, "{plan}");
    let plan = world.plan("SELECT id FROM t WHERE id > 3").await;
    assert!(plan.contains("predicate=id@0 > 3"), "{plan}");
}

#[tokio::test]
async fn types_are_pinned() {
    let world = World::new();
    world.write("1.csv", "id,x,note\n1,1,\n");
    world.write("2.csv", "id,x,note\n2,1.5,\n");
    world.table(world.spec(CSV, "")).await;
    check_rows(&world, "id, x, arrow_typeof(note)", &["1 1.0 Utf8", "2 1.5 Utf8"]).await;
    world.write("3.csv", "id,x,note\n3,7,\n");
    check_rows(&world, "id, x", &["1 1.0", "2 1.5", "3 7.0"]).await;
}

#[tokio::test]
async fn all_disagreements_are_told_at_opening() {
    let world = World::new();
    world.parquet("1.parquet", &ids(&[1]));
    let text = Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    world.parquet("2.parquet", &RecordBatch::try_from_iter([("id", text)]).unwrap());
    let other = Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
    world.parquet("3.parquet", &RecordBatch::try_from_iter([("key", other)]).unwrap());
    world.write("4.parquet", "PAR1 nonsense PAR1");
    world.write("5.parquet", "");
    let mut specs = BTreeMap::new();
    specs.insert("a".to_owned(), SourceSpec::Files(world.spec(Format::Parquet, "")));
    specs.insert("b".to_owned(), SourceSpec::Files(world.spec(CSV, "none.csv")));
    specs.insert("c".to_owned(), SourceSpec::Files(world.spec(CSV, "*.none")));
    let problems = Sources::open(&world.context.state(), specs).await.unwrap_err();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let told = |needles: &[&str]| texts.iter().any(|t| needles.iter().all(|n| t.contains(n)));
    assert!(told(&["`a`", "2.parquet` has column `id` as Utf8", "has Int64"]), "{texts:#?}");
    assert!(told(&["`a`", "3.parquet` lacks column `id`"]), "{texts:#?}");
    assert!(told(&["`a`", "4.parquet` cannot be read ("]), "{texts:#?}");
    assert!(told(&["`a`", "5.parquet` is empty"]), "{texts:#?}");
    assert!(told(&["`b`", "none.csv` does not exist"]), "{texts:#?}");
    assert!(told(&["`c`", "*.none` holds no file"]), "{texts:#?}");
    assert_eq!(texts.len(), 6, "{texts:#?}");
}

#[tokio::test]
async fn files_come_change_and_go() {
    let world = World::new();
    world.parquet("1.parquet", &ids(&[1, 2]));
    world.table(world.spec(Format::Parquet, "")).await;
    check_rows(&world, "id", &["1", "2"]).await;
    world.parquet("2.parquet", &ids(&[3]));
    check_rows(&world, "id", &["1", "2", "3"]).await;
    world.parquet("2.parquet", &ids(&[4, 5, 6]));
    check_rows(&world, "id", &["1", "2", "4", "5", "6"]).await;
    fs::remove_file(world.path("1.parquet")).unwrap();
    check_rows(&world, "id", &["4", "5", "6"]).await;
    fs::remove_file(world.path("2.parquet")).unwrap();
    let problem = world.problem(world.run("SELECT id FROM t").await);
    assert!(matches!(problem, SourceProblemKind::NoFiles { .. }), "{problem}");
    fs::remove_dir_all(world.dir.path()).unwrap();
    let problem = world.problem(world.run("SELECT id FROM t").await);
    assert!(matches!(problem, SourceProblemKind::NoFiles { .. }), "{problem}");
    world.parquet("1.parquet", &ids(&[9]));
    check_rows(&world, "id", &["9"]).await;
}

#[tokio::test]
async fn one_file_that_is_removed() {
    let world = World::new();
    world.write("1.csv", "id\n1\n");
    world.table(world.spec(CSV, "1.csv")).await;
    fs::remove_file(world.path("1.csv")).unwrap();
    let problem = world.problem(world.run("SELECT id FROM t").await);
    assert!(matches!(problem, SourceProblemKind::NoFiles { .. }), "{problem}");
}

/// Another file of the same size takes the place of the old one, with the same time of change: only
/// the inode tells them apart, and the runtime's caches do not look at it.
#[tokio::test]
async fn a_file_replaced_with_same_size_and_time() {
    let world = World::new();
    world.parquet("1.parquet", &ids(&[1, 2]));
    world.table(world.spec(Format::Parquet, "*.parquet")).await;
    let sql = "SELECT min(id), max(id), sum(id) FROM t";
    assert_eq!(world.run(sql).await.unwrap(), ["1 2 3"]);
    let before = fs::metadata(world.path("1.parquet")).unwrap();
    let time: SystemTime = before.modified().unwrap();
    world.parquet("new", &ids(&[5, 6]));
    File::options().write(true).open(world.path("new")).unwrap().set_modified(time).unwrap();
    fs::rename(world.path("new"), world.path("1.parquet")).unwrap();
    let after = fs::metadata(world.path("1.parquet")).unwrap();
    assert_eq!((after.len(), after.modified().unwrap()), (before.len(), time));
    assert_eq!(world.run(sql).await.unwrap(), ["5 6 11"]);
}

/// Neither what was there meanwhile nor the time that a file says makes two listings one.
#[tokio::test]
async fn the_number_of_a_listing_does_not_come_again() {
    let world = World::new();
    world.write("1.csv", "id\n11\n");
    let sources = world.table(world.spec(CSV, "1.csv")).await;
    let state = world.context.state();
    let newest = async || sources.newest("t", &state).await;
    let first = newest().await;
    assert!(first.is_same(&newest().await) && first.is_same(&sources.version("t")));
    // Another file, which a scan finds, and then the first one again, as it was.
    fs::rename(world.path("1.csv"), world.path("aside")).unwrap();
    world.write("1.csv", "id\n22\n");
    check_rows(&world, "id", &["22"]).await;
    assert!(!first.is_same(&sources.version("t")));
    fs::rename(world.path("aside"), world.path("1.csv")).unwrap();
    let again = newest().await;
    assert!(!first.is_same(&again) && again.is_same(&newest().await));
    check_rows(&world, "id", &["11"]).await;
    assert!(again.is_same(&sources.version("t")));
    // Written over in place, with the old time.
    let time = fs::metadata(world.path("1.csv")).unwrap().modified().unwrap();
    world.write("1.csv", "id\n33\n");
    File::options().write(true).open(world.path("1.csv")).unwrap().set_modified(time).unwrap();
    assert!(!again.is_same(&newest().await));
}

#[tokio::test]
async fn a_file_rewritten_in_place_with_same_size() {
    let world = World::new();
    world.write("1.csv", "id\n11\n");
    world.table(world.spec(CSV, "")).await;
    check_rows(&world, "id", &["11"]).await;
    world.write("1.csv", "id\n22\n");
    let later = SystemTime::now() + std::time::Duration::from_secs(1);
    File::options().write(true).open(world.path("1.csv")).unwrap().set_modified(later).unwrap();
    check_rows(&world, "id", &["22"]).await;
}

#[tokio::test]
async fn a_bad_newcomer_fails_the_scan_and_not_the_next() {
    let world = World::new();
    world.write("1.jsonl", "{\"id\":1}\n");
    world.table(world.spec(Format::JsonLines, "")).await;
    world.write("2.jsonl", "{\"id\":\"x\"}\n");
    let problem = world.problem(world.run("SELECT id FROM t").await);
    assert!(
        matches!(&problem, SourceProblemKind::Disagrees { file, column, expected, found }
            if file.ends_with("2.jsonl") && column == "id"
            && (expected, found) == (&DataType::Int64, &DataType::Utf8)),
        "{problem}"
    );
    world.write("2.jsonl", "{\"id\":2,\"more\":1}\n");
    let problem = world.problem(world.run("SELECT id FROM t").await);
    assert!(matches!(problem, SourceProblemKind::ColumnUnknown { .. }), "{problem}");
    world.write("2.jsonl", "{\"id\":2}\n");
    check_rows(&world, "id", &["1", "2"]).await;
}

#[tokio::test]
async fn truncated_files_are_told() {
    async fn check(format: Format, file: &str, write: impl Fn(&World, &str)) {
        let world = World::new();
        write(&world, file);
        world.table(world.spec(format, "")).await;
        let size = fs::metadata(world.path(file)).unwrap().len();
        for keep in [size - 1, size / 2, 9, 1] {
            File::options().write(true).open(world.path(file)).unwrap().set_len(keep).unwrap();
            let problem = world.problem(world.run("SELECT id FROM t").await);
            assert!(
                matches!(&problem, SourceProblemKind::Unreadable { file: told, .. }
                    if told.ends_with(file)),
                "{problem}"
            );
            let problems = world.open(world.spec(format, "")).await.unwrap_err();
            assert_eq!(problems[0].kind, problem);
        }
        File::create(world.path(file)).unwrap();
        let problem = world.problem(world.run("SELECT id FROM t").await);
        assert!(matches!(problem, SourceProblemKind::Empty { .. }), "{problem}");
    }
    check(Format::Parquet, "1.parquet", |w, f| w.parquet(f, &ids(&[1, 2, 3]))).await;
    check(Format::Arrow, "1.arrow", |w, f| w.arrow(f, &ids(&[1, 2, 3]))).await;
}

/// Whatever byte of the footer is flipped: an answer or a problem, never a panic.
#[tokio::test]
async fn damaged_footers_do_no_harm() {
    for (format, file) in [(Format::Parquet, "1.parquet"), (Format::Arrow, "1.arrow")] {
        let world = World::new();
        match format {
            Format::Parquet => world.parquet(file, &ids(&[1, 2, 3])),
            _ => world.arrow(file, &ids(&[1, 2, 3])),
        }
        let good = fs::read(world.path(file)).unwrap();
        for place in (good.len() - 60)..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0x55;
            fs::write(world.path(file), bad).unwrap();
            if let Err(problems) = world.open(world.spec(format, file)).await {
                assert_eq!(problems.len(), 1);
            }
        }
    }
}

#[tokio::test]
async fn repeated_columns_are_told() {
    let world = World::new();
    let fields =
        vec![Field::new("id", DataType::Int64, true), Field::new("id", DataType::Int64, true)];
    let column = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::clone(&column), column]);
    let batch = batch.unwrap();
    world.parquet("f.parquet", &batch);
    world.arrow("f.arrow", &batch);
    world.write("f.csv", "id,id\n1,2\n");
    for (format, file) in
        [(Format::Parquet, "f.parquet"), (Format::Arrow, "f.arrow"), (CSV, "f.csv")]
    {
        let problems = world.open(world.spec(format, file)).await.unwrap_err();
        assert!(
            matches!(&problems[0].kind, SourceProblemKind::RepeatedColumn { column, .. }
                if column == "id"),
            "{problems:?}"
        );
    }
}

#[tokio::test]
async fn malformed_text_is_told() {
    for (format, text) in [
        (Format::JsonLines, "{\"id\":1}\n{\"id\":"),
        (Format::JsonLines, "[1]\n"),
        (CSV, "id,name\n1\n"),
        (CSV, "id,name\n\"\u{fffd}"),
    ] {
        let world = World::new();
        world.write("f", text);
        match world.open(world.spec(format, "f")).await {
            Ok(sources) => unreachable!("{text}: {sources:?}"),
            Err(problems) => assert!(problems[0].to_string().contains("/f`"), "{problems:?}"),
        }
    }
}

#[tokio::test]
async fn host_tables_and_batches_pass_through() {
    let world = World::new();
    let batch = ids(&[1, 2, 3]);
    let provider: Arc<dyn TableProvider> =
        Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap());
    let batches = |batch: &RecordBatch| SourceSpec::Batches {
        schema: batch.schema(),
        batches: vec![batch.clone()],
    };
    let specs = BTreeMap::from([
        ("a".to_owned(), SourceSpec::Provider(Arc::clone(&provider))),
        ("b".to_owned(), SourceSpec::Provider(Arc::clone(&provider))),
        ("c".to_owned(), batches(&batch)),
        ("d".to_owned(), batches(&batch)),
        ("t".to_owned(), batches(&ids(&[1, 2, 3]))),
        ("z".to_owned(), SourceSpec::Batches { schema: batch.schema(), batches: vec![] }),
    ]);
    let sources = Sources::open(&world.context.state(), specs).await.unwrap();
    assert!(Arc::ptr_eq(&sources.provider("a").unwrap(), &provider));
    assert!(sources.provider("x").is_none());
    assert_eq!(sources.shared(), [("a", "b"), ("c", "d")]);
    let identities: Vec<&str> = sources.iter().map(|(_, _, identity)| identity).collect();
    assert_eq!(identities[0], identities[1]);
    assert_eq!(identities[2], identities[3]);
    assert_ne!(identities[3], identities[4]);
    world.register(&sources);
    check_rows(&world, "id", &["1", "2", "3"]).await;
}

#[tokio::test]
async fn one_file_under_two_names_is_shared() {
    let world = World::new();
    world.write("1.csv", "id\n1\n");
    world.write("2.csv", "id\n1\n");
    let files = |path: &str| SourceSpec::Files(world.spec(CSV, path));
    let specs = BTreeMap::from([
        ("all".to_owned(), files("")),
        ("first".to_owned(), files("1.csv")),
        ("second".to_owned(), files("2.c?v")),
    ]);
    let sources = Sources::open(&world.context.state(), specs).await.unwrap();
    assert_eq!(sources.shared(), [("all", "first"), ("all", "second")]);
}

#[tokio::test]
async fn caches_may_be_off() {
    let world = World::new();
    world.parquet("1.parquet", &ids(&[1]));
    world.table(world.spec(Format::Parquet, "")).await;
    let set = |sql: &'static str| async { world.run(sql).await.unwrap() };
    set("SET datafusion.execution.collect_statistics = false").await;
    check_rows(&world, "id", &["1"]).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_each_time() {
    let world = World::new();
    world.write("v1/1.csv", "id\n1\n");
    world.write("v2/1.csv", "id\n2\n");
    let link =
        |to: &str| std::os::unix::fs::symlink(world.path(to), world.path("current")).unwrap();
    link("v1");
    world.table(world.spec(CSV, "current")).await;
    check_rows(&world, "id", &["1"]).await;
    fs::remove_file(world.path("current")).unwrap();
    link("v2");
    check_rows(&world, "id", &["2"]).await;
}

#[allow(dead_code, reason = "compile-time check: a table is shared between threads")]
fn is_send_and_sync(sources: Sources, path: &Path) -> impl Send + Sync {
    (sources, path.to_path_buf())
}
