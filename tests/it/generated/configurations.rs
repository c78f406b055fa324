//! The same rows however the engine is set up: over other partitions and batches, without the
//! optimiser, from files instead of memory.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionConfig;
use sandbar::Session;
use sandbar_testkit::generate::batch;
use sandbar_testkit::reference::{Policies, Question, World};
use sandbar_testkit::rows::same_rows;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::laws::{Asked, Case, Engines, Law, Verdict, plain};
use super::{builder, somebody};

/// The other ways, in the order of their engines.
const WAYS: [&str; 4] =
    ["one row at a time", "shuffled partitions", "without the optimiser", "files"];

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

async fn in_memory(world: &World, state: SessionState) -> Result<Session, String> {
    let mut builder = builder(world, &Policies::default()).session_state(state);
    for table in world.stored() {
        builder = builder.batches(&table.name, vec![batch(table)]);
    }
    somebody(builder).await
}

async fn in_partitions(world: &World) -> Result<Session, String> {
    let mut builder = builder(world, &Policies::default()).session_state(state(8, 2).build());
    for table in world.stored() {
        builder = builder.table_provider(&table.name, shuffled(&batch(table)));
    }
    somebody(builder).await
}

/// Two rows a file and one in a row group, read one after the other: what an answer needs no longer
/// is left out of what is read.
async fn in_files(world: &World, folder: &TempDir) -> Result<Session, String> {
    let mut sources = "sources:\n".to_owned();
    for table in world.stored() {
        let rows = batch(table);
        let below = folder.path().join(&table.name);
        std::fs::create_dir(&below).unwrap();
        for first in (0..rows.num_rows().max(1)).step_by(2) {
            let file = File::create(below.join(format!("{first:03}.parquet"))).unwrap();
            let properties =
                WriterProperties::builder().set_max_row_group_row_count(Some(1)).build();
            let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
            writer.write(&rows.slice(first, 2.min(rows.num_rows() - first))).unwrap();
            writer.close().unwrap();
        }
        sources += &format!("  {0}: {{ format: parquet, path: {0} }}\n", table.name);
    }
    somebody(
        builder(world, &Policies::default())
            .session_state(state(1, 1).build())
            .model("sources.yaml", &sources)
            .base_dir(folder.path()),
    )
    .await
}

fn ways(runtime: &Runtime, world: &World) -> Result<Engines, String> {
    let mut engines = plain(runtime, world)?;
    let folder = tempfile::tempdir().unwrap();
    let unoptimised = state(1, 8192).with_optimizer_rules(Vec::new()).build();
    let others = runtime.block_on(async {
        let sessions = [
            in_memory(world, state(2, 1).build()).await,
            in_partitions(world).await,
            in_memory(world, unoptimised).await,
            in_files(world, &folder).await,
        ];
        sessions.into_iter().collect::<Result<Vec<Session>, String>>()
    });
    engines.sessions.extend(others?);
    engines.files = Some(folder);
    Ok(engines)
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
