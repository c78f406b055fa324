//! The same rows however the engine is set up: over other partitions and batches, without the
//! optimiser, from files instead of memory, of other types; also of doubles that are no numbers.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionConfig;
use sandbar::Session;
use sandbar_testkit::generate::{batch, json};
use sandbar_testkit::reference::{Kind, Policies, Question, Table, World};
use sandbar_testkit::rows::same_rows;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::laws::{Asked, Case, Engines, Law, Verdict};
use super::{builder, somebody};

/// The other ways, in the order of their engines.
const WAYS: [&str; 6] = [
    "one row at a time",
    "shuffled partitions",
    "without the optimiser",
    "files",
    "dictionaries",
    "files of other types",
];

/// How the values of a world are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// As they are.
    Plain,
    /// In dictionaries.
    Words,
    /// In other types that hold them.
    Other,
}

impl Stored {
    fn of(self, plain: &DataType) -> DataType {
        match (self, plain) {
            (Self::Plain, plain) | (_, plain @ DataType::Boolean) => plain.clone(),
            (Self::Words, plain) => {
                DataType::Dictionary(Box::new(DataType::Int16), Box::new(plain.clone()))
            }
            (Self::Other, DataType::Utf8) => DataType::Utf8View,
            (Self::Other, DataType::Int64) => DataType::Int16,
            (Self::Other, DataType::Date32) => DataType::Date64,
            (Self::Other, DataType::Decimal128(digits, scale)) => {
                DataType::Decimal64(*digits, *scale)
            }
            (Self::Other, DataType::Timestamp(_, zone)) => {
                DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
            }
            (Self::Other, plain) => plain.clone(),
        }
    }

    fn rows(self, rows: &RecordBatch) -> RecordBatch {
        let columns = rows.schema_ref().fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, values)| {
            let values = cast(values, &self.of(field.data_type())).unwrap();
            (field.name().clone(), values, true)
        });
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }
}

/// The rows of a table.
type RowsOf = fn(&Table) -> RecordBatch;

/// The rows of a table, in which some doubles are no numbers, infinite, or zero with a sign.
fn without_numbers(table: &Table) -> RecordBatch {
    let rows = batch(table);
    let columns = rows.schema_ref().fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, values)| {
        let values: ArrayRef = match field.data_type() {
            DataType::Float64 => {
                let doubles = values.as_primitive::<Float64Type>();
                let other: Float64Array = doubles.unary(|x| match x {
                    0.0 => -0.0,
                    0.5 => 0.0,
                    1.0 => f64::NAN,
                    1.5 => f64::from_bits(f64::NAN.to_bits() | 1 << 63),
                    2.0 => f64::INFINITY,
                    2.5 => f64::NEG_INFINITY,
                    other => other,
                });
                Arc::new(other)
            }
            _ => Arc::clone(values),
        };
        (field.name().clone(), values, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn state(partitions: usize, rows: usize) -> SessionStateBuilder {
    let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(rows);
    SessionStateBuilder::new().with_config(config).with_default_features()
}

/// The rows from the last to the first, every third of them in one of three partitions.
fn shuffled(rows: &RecordBatch) -> Arc<MemTable> {
    let count = u32::try_from(rows.num_rows()).unwrap();
    let part = |n: u32| {
        let rows_of_it = (0..count).rev().filter(|row| row % 3 == n);
        vec![take_record_batch(rows, &UInt32Array::from_iter_values(rows_of_it)).unwrap()]
    };
    Arc::new(MemTable::try_new(rows.schema(), (0..3).map(part).collect()).unwrap())
}

async fn in_memory(
    world: &World,
    rows: RowsOf,
    stored: Stored,
    state: SessionState,
) -> Result<Session, String> {
    let mut builder = builder(world, &Policies::default()).session_state(state);
    for table in world.stored() {
        builder = builder.batches(&table.name, vec![stored.rows(&rows(table))]);
    }
    somebody(builder).await
}

async fn in_partitions(world: &World, rows: RowsOf) -> Result<Session, String> {
    let mut builder = builder(world, &Policies::default()).session_state(state(8, 2).build());
    for table in world.stored() {
        builder = builder.table_provider(&table.name, shuffled(&rows(table)));
    }
    somebody(builder).await
}

/// How rows become files.
struct Written {
    stored: Stored,
    /// How many rows a file has.
    file: usize,
    properties: WriterProperties,
    state: SessionState,
}

/// Two rows a file and one in a row group, read one after the other: what an answer needs no longer
/// is left out of what is read.
fn row_by_row() -> Written {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1));
    let state = state(1, 1).build();
    Written { stored: Stored::Plain, file: 2, properties: properties.build(), state }
}

/// Files of several row groups of several pages, that tell the first letter of texts and have a
/// filter of values.
fn page_by_page() -> Written {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(4))
        .set_data_page_row_count_limit(2)
        .set_write_batch_size(2)
        .set_statistics_truncate_length(Some(1))
        .set_column_index_truncate_length(Some(1))
        .set_bloom_filter_enabled(true);
    let state = state(2, 3).build();
    Written { stored: Stored::Other, file: 6, properties: properties.build(), state }
}

async fn in_files(
    world: &World,
    rows: RowsOf,
    how: Written,
    folder: &TempDir,
    name: &str,
) -> Result<Session, String> {
    let mut sources = "sources:\n".to_owned();
    for table in world.stored() {
        let rows = how.stored.rows(&rows(table));
        let below = folder.path().join(name).join(&table.name);
        std::fs::create_dir_all(&below).unwrap();
        for first in (0..rows.num_rows().max(1)).step_by(how.file) {
            let file = File::create(below.join(format!("{first:03}.parquet"))).unwrap();
            let properties = Some(how.properties.clone());
            let mut writer = ArrowWriter::try_new(file, rows.schema(), properties).unwrap();
            writer.write(&rows.slice(first, how.file.min(rows.num_rows() - first))).unwrap();
            writer.close().unwrap();
        }
        sources += &format!("  {0}: {{ format: parquet, path: {name}/{0} }}\n", table.name);
    }
    somebody(
        builder(world, &Policies::default())
            .session_state(how.state)
            .model("sources.yaml", &sources)
            .base_dir(folder.path()),
    )
    .await
}

fn all_engines(runtime: &Runtime, world: &World, rows: RowsOf) -> Result<Engines, String> {
    let folder = tempfile::tempdir().unwrap();
    let plain = Stored::Plain;
    let unoptimised = state(1, 8192).with_optimizer_rules(Vec::new()).build();
    let sessions = runtime.block_on(async {
        let sessions = [
            in_memory(world, rows, plain, state(2, 8192).build()).await,
            in_memory(world, rows, plain, state(2, 1).build()).await,
            in_partitions(world, rows).await,
            in_memory(world, rows, plain, unoptimised).await,
            in_files(world, rows, row_by_row(), &folder, "rows").await,
            in_memory(world, rows, Stored::Words, state(3, 2).build()).await,
            in_files(world, rows, page_by_page(), &folder, "pages").await,
        ];
        sessions.into_iter().collect::<Result<Vec<Session>, String>>()
    });
    let mut engines = Engines { sessions: sessions?, files: None };
    engines.files = Some(folder);
    Ok(engines)
}

fn ways(runtime: &Runtime, world: &World) -> Result<Engines, String> {
    all_engines(runtime, world, batch)
}

fn ways_without_numbers(runtime: &Runtime, world: &World) -> Result<Engines, String> {
    all_engines(runtime, world, without_numbers)
}

/// As below, where what fails in one way may fail in all: doubles that are no whole numbers.
fn all_or_none(case: &Case, question: &Question) -> Verdict {
    let failed = |engine| matches!(case.ask(engine, question), Asked::Failed(_));
    match failed(0) && (1..=WAYS.len()).all(failed) {
        true => Verdict::Refused,
        false => all_ways(case, question),
    }
}

fn all_ways(case: &Case, question: &Question) -> Verdict {
    let plain = case.ask(0, question);
    for (way, engine) in WAYS.into_iter().zip(1..) {
        let other = match (&plain, &case.ask(engine, question)) {
            (Asked::Rows(a), Asked::Rows(b)) if same_rows(a, b) => continue,
            (Asked::Refused(a), Asked::Refused(b)) if a == b => continue,
            (_, other) => other.told(),
        };
        return Verdict::Broken(format!("{}but {way}:\n{other}", plain.told()));
    }
    match plain {
        Asked::Rows(_) => Verdict::Holds,
        Asked::Refused(_) => Verdict::Refused,
        Asked::Failed(why) => Verdict::Broken(why),
    }
}

#[test]
fn every_configuration_gives_the_same_rows() {
    let law = Law {
        cases: 10,
        questions: 5,
        engines: ways,
        about: |_, question| Some(question),
        check: all_ways,
    };
    law.holds();
}

#[test]
fn every_configuration_gives_the_same_rows_of_what_is_no_number() {
    let has_doubles = |world: &World, question: Question| {
        let text = json(&question);
        let mut columns = world.stored().flat_map(|table| &table.columns);
        let asked = columns.any(|c| c.kind == Kind::Double && text.contains(&c.name));
        asked.then_some(question)
    };
    let law = Law {
        cases: 8,
        questions: 4,
        engines: ways_without_numbers,
        about: has_doubles,
        check: all_or_none,
    };
    law.holds();
}
