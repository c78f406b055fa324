//! Parquet files whose footers say less of their values, or say it otherwise, than DataFusion takes
//! them to: no row is left out, and none gets the value of another.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::parquet::arrow::ArrowSchemaConverter;
use datafusion::parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::prelude::SessionContext;
use sandbar::{Engine, EngineBuilder, Principal, Session};
use tempfile::TempDir;

use super::csv;

const TABLES: &str =
    "tables: { t: { primary_key: [id], fields: { id: {}, x: {}, s: {}, tenant: {} } } }";

const FILES: &str = "sources: { t: { format: parquet, path: t } }";

/// Who writes files of which more is known.
const ARROW: &str = "parquet-rs version 59.3.2";
/// Somebody else.
const OTHER: &str = "writer version 1";

const X: usize = 1;
const S: usize = 2;
const TENANT: usize = 3;

/// Rows from the id `first` on, of the tenant `a` where nothing else is said.
fn rows(first: i64, x: &[Option<f64>], s: &[Option<&str>]) -> RecordBatch {
    let tenants = vec!["a"; x.len()];
    of_tenants(first, x, s, &tenants)
}

fn of_tenants(first: i64, x: &[Option<f64>], s: &[Option<&str>], tenants: &[&str]) -> RecordBatch {
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values((first..).take(x.len()))), true),
        ("x", Arc::new(Float64Array::from(x.to_vec())), true),
        ("s", Arc::new(StringArray::from(s.to_vec())), true),
        ("tenant", Arc::new(StringArray::from(tenants.to_vec())), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// What a footer says of a column of a row group, by the positions of both; what is true is given.
type Told = fn(usize, usize, Option<Statistics>) -> Option<Statistics>;

/// Writes a file of row groups.
fn write(folder: &TempDir, by: &str, groups: &[RecordBatch], told: Told) {
    let below = folder.path().join("t");
    std::fs::create_dir_all(&below).unwrap();
    let number = std::fs::read_dir(&below).unwrap().count();
    let file = File::create(below.join(format!("{number:02}.parquet"))).unwrap();
    let properties = WriterProperties::builder()
        .set_created_by(by.to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let schema = groups[0].schema();
    let root = ArrowSchemaConverter::new().convert(&schema).unwrap().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(file, root, Arc::new(properties.build())).unwrap();
    let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
    for (group, rows) in groups.iter().enumerate() {
        let columns = factory.create_column_writers(group).unwrap();
        let mut written = writer.next_row_group().unwrap();
        let fields = schema.fields().iter().zip(rows.columns());
        for (index, ((field, values), mut column)) in fields.zip(columns).enumerate() {
            for leaf in compute_leaves(field, values).unwrap() {
                column.write(&leaf).unwrap();
            }
            let mut chunk = column.close().unwrap();
            let close = chunk.close_mut();
            let known = told(group, index, close.metadata.statistics().cloned());
            let metadata = close.metadata.clone().into_builder().clear_statistics();
            close.metadata = match known {
                Some(known) => metadata.set_statistics(known),
                None => metadata,
            }
            .build()
            .unwrap();
            chunk.append_to_row_group(&mut written).unwrap();
        }
        written.close().unwrap();
    }
    writer.close().unwrap();
}

fn truth(_: usize, _: usize, known: Option<Statistics>) -> Option<Statistics> {
    known
}

fn builder(policy: &str) -> EngineBuilder {
    let policies = format!(
        "groups: {{ all: {{}} }}\npolicies: {{ all: {{ groups: [all], grant: {policy} }} }}"
    );
    Engine::builder().model("model.yaml", TABLES).policies("policies.yaml", &policies)
}

async fn asker(builder: EngineBuilder) -> Session {
    let principal = Principal::asserted_by_host("ed").group("all").build().unwrap();
    builder.build().await.unwrap().session(principal)
}

/// The folder as a source of Sandbar, and as a table of the host.
async fn sessions(folder: &TempDir, policy: &str) -> [Session; 2] {
    let own = builder(policy).model("sources.yaml", FILES).base_dir(folder.path());
    let format = ParquetFormat::default().with_force_view_types(false);
    let url = ListingTableUrl::parse(folder.path().join("t").to_str().unwrap()).unwrap();
    let context = SessionContext::new();
    let options = ListingOptions::new(Arc::new(format));
    let config = ListingTableConfig::new(url).with_listing_options(options);
    let config = config.infer_schema(&context.state()).await.unwrap();
    let table = ListingTable::try_new(config).unwrap();
    let hosted = builder(policy).table_provider("t", Arc::new(table));
    [asker(own).await, asker(hosted).await]
}

const EVERYTHING: &str = "{ tables: [t] }";

/// Asks all questions of both sessions, lists of ids by a condition.
async fn check(folder: &TempDir, policy: &str, fields: &str, lists: &[(&str, &str)]) {
    for session in sessions(folder, policy).await {
        let all = r#"{"table":"t","fields":["id","x","s"]}"#;
        assert_eq!(csv(&session, all).await, format!("id,x,s\n{fields}"));
        for (filter, ids) in lists {
            let question = format!(r#"{{"table":"t","fields":["id"],"filter":{filter}}}"#);
            assert_eq!(csv(&session, &question).await, format!("id\n{ids}"), "{filter}");
        }
    }
}

/// The bounds of doubles leave NaN out: where all other numbers are equal, NaN are not.
#[tokio::test]
async fn a_nan_among_equal_numbers_is_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (nan, s) = (Some(f64::NAN), [Some("a"), Some("b"), Some("c")]);
    write(&folder, ARROW, &[rows(0, &[Some(1.0), nan, Some(1.0)], &s)], truth);
    write(&folder, ARROW, &[rows(3, &[Some(2.0); 3], &s)], truth);
    // A row group of its own has no bounds at all.
    let groups = [rows(6, &[Some(4.0); 3], &s), rows(9, &[nan; 3], &s)];
    write(&folder, ARROW, &groups, truth);
    let fields = "0,1.0,a\n1,NaN,b\n2,1.0,c\n3,2.0,a\n4,2.0,b\n5,2.0,c\n6,4.0,a\n7,4.0,b\n8,4.0,c\n\
                  9,NaN,a\n10,NaN,b\n11,NaN,c\n";
    let lists = [
        (r#"{"field":"x","op":">","value":2}"#, "1\n6\n7\n8\n9\n10\n11\n"),
        (r#"{"field":"x","op":"<=","value":1}"#, "0\n2\n"),
    ];
    check(&folder, EVERYTHING, fields, &lists).await;
    for session in sessions(&folder, EVERYTHING).await {
        let groups = r#"{"table":"t","group_by":["x"],"aggregations":["count"]}"#;
        assert_eq!(csv(&session, groups).await, "x,count\n1.0,2\n2.0,3\n4.0,3\nNaN,4\n");
    }
}

/// A row group that says nothing of its values, as of long ones (apache/datafusion#25226).
#[tokio::test]
async fn the_bounds_of_some_rows_are_not_those_of_all() {
    let tells: [Told; 3] = [
        |group, column, known| match (group, column) {
            (1, S) => Some(Statistics::byte_array(None, None, None, Some(0), false)),
            _ => known,
        },
        |group, column, known| match (group, column) {
            (1, S) => Some(Statistics::byte_array(None, None, None, None, false)),
            _ => known,
        },
        |group, column, known| known.filter(|_| (group, column) != (1, S)),
    ];
    for told in tells {
        for by in [ARROW, OTHER] {
            let folder = tempfile::tempdir().unwrap();
            let x = [Some(1.0), Some(2.0)];
            let groups = [rows(0, &x, &[Some("a"); 2]), rows(2, &x, &[Some("z"); 2])];
            write(&folder, by, &groups, told);
            let lists = [
                (r#"{"field":"s","value":"z"}"#, "2\n3\n"),
                (r#"{"field":"s","op":">","value":"b"}"#, "2\n3\n"),
                (r#"{"field":"s","op":"starts_with","values":["z"]}"#, "2\n3\n"),
                (r#"{"field":"s","op":"!=","value":"a"}"#, "2\n3\n"),
                (r#"{"field":"s","op":"is_null"}"#, ""),
            ];
            check(&folder, EVERYTHING, "0,1.0,a\n1,2.0,a\n2,1.0,z\n3,2.0,z\n", &lists).await;
        }
    }
}

/// Where nothing is said of how many values are missing, some may be.
#[tokio::test]
async fn what_is_not_said_to_be_missing_may_be() {
    let silent: Told = |_, column, known| match (column, known) {
        (X, Some(Statistics::Double(known))) => Some(Statistics::double(
            known.min_opt().copied(),
            known.max_opt().copied(),
            None,
            None,
            false,
        )),
        (S, Some(Statistics::ByteArray(known))) => Some(Statistics::byte_array(
            known.min_opt().cloned(),
            known.max_opt().cloned(),
            None,
            None,
            false,
        )),
        (_, known) => known,
    };
    let folder = tempfile::tempdir().unwrap();
    let first = rows(0, &[Some(1.0), None, Some(1.0)], &[Some("a"), None, Some("a")]);
    let second = rows(3, &[Some(1.0), None, Some(2.0)], &[Some("a"), None, Some("b")]);
    write(&folder, OTHER, &[first], silent);
    write(&folder, OTHER, &[second], silent);
    let lists = [
        (r#"{"field":"s","op":"is_null"}"#, "1\n4\n"),
        (r#"{"field":"x","op":"is_null"}"#, "1\n4\n"),
        (r#"{"field":"s","op":"!=","value":"a"}"#, "1\n4\n5\n"),
        (r#"{"field":"s","op":"not_null"}"#, "0\n2\n3\n5\n"),
    ];
    let fields = "0,1.0,a\n1,,\n2,1.0,a\n3,1.0,a\n4,,\n5,2.0,b\n";
    check(&folder, EVERYTHING, fields, &lists).await;
}

/// Bounds that are NaN bound nothing.
#[tokio::test]
async fn a_nan_is_no_bound() {
    let tells: [Told; 4] = [
        |_, column, known| match column {
            X => Some(Statistics::double(Some(f64::NAN), Some(f64::NAN), None, Some(0), false)),
            _ => known,
        },
        |_, column, known| match column {
            X => Some(Statistics::double(Some(f64::NAN), Some(3.0), None, Some(0), false)),
            _ => known,
        },
        |_, column, known| match column {
            X => Some(Statistics::double(Some(1.0), Some(f64::NAN), None, Some(0), false)),
            _ => known,
        },
        |_, column, known| match column {
            X => Some(Statistics::double(Some(1.0), Some(-f64::NAN), None, Some(0), false)),
            _ => known,
        },
    ];
    for told in tells {
        let folder = tempfile::tempdir().unwrap();
        let x = [Some(1.0), Some(2.0), Some(f64::NAN), Some(3.0)];
        write(&folder, OTHER, &[rows(0, &x, &[Some("a"); 4])], told);
        let lists = [
            (r#"{"field":"x","op":"<","value":3}"#, "0\n1\n"),
            (r#"{"field":"x","op":">","value":2}"#, "2\n3\n"),
            (r#"{"field":"x","value":2}"#, "1\n"),
            (r#"{"field":"x","op":"in","values":[2,3]}"#, "1\n3\n"),
        ];
        check(&folder, EVERYTHING, "0,1.0,a\n1,2.0,a\n2,NaN,a\n3,3.0,a\n", &lists).await;
    }
}

/// The oldest writers compared texts byte by byte, and bytes as numbers with a sign.
#[tokio::test]
async fn the_oldest_bounds_are_not_those_of_texts() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [Some("a"), Some("\u{e9}"), Some("b")];
    write(&folder, OTHER, &[rows(0, &[Some(1.0); 3], &texts)], |_, column, known| match column {
        S => Some(Statistics::byte_array(
            Some("\u{e9}".into()),
            Some("b".into()),
            None,
            Some(0),
            true,
        )),
        _ => known,
    });
    let lists = [
        (r#"{"field":"s","value":"a"}"#, "0\n"),
        (r#"{"field":"s","op":">","value":"a"}"#, "1\n2\n"),
    ];
    check(&folder, EVERYTHING, "0,1.0,a\n1,1.0,\u{e9}\n2,1.0,b\n", &lists).await;
}

/// A policy looks at the tenant of each row, not at what a footer says of some.
#[tokio::test]
async fn l52_a_footer_makes_no_row_one_of_another_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let (x, s) = ([Some(1.0); 2], [Some("s"); 2]);
    let groups = [of_tenants(0, &x, &s, &["a"; 2]), of_tenants(2, &x, &s, &["z"; 2])];
    write(&folder, OTHER, &groups, |group, column, known| match (group, column) {
        (1, TENANT) => Some(Statistics::byte_array(None, None, None, Some(0), false)),
        _ => known,
    });
    for (tenant, fields) in [("a", "0,1.0,s\n1,1.0,s\n"), ("z", "2,1.0,s\n3,1.0,s\n")] {
        let policy = format!("{{ tables: [t], rows: \"tenant = '{tenant}'\" }}");
        check(&folder, &policy, fields, &[]).await;
    }
}
