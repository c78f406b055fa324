//! Memory of all queries together, and what is put on disk instead.

use std::path::{Path, PathBuf};

use datafusion::execution::context::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use sandbar::{Engine, EngineBuilder, ErrorKind, Limits, Spill};

use super::{COUNT, MODEL, POLICIES, asked, chief, csv, rows};

/// Needs all rows at once to put them in order.
const BY_CODE: &str = r#"{"table":"sales","fields":["code","id","amount"],
    "order_by":[{"field":"code"}]}"#;

/// Sorts set nothing aside for the time when they spill, so that little memory is enough.
fn session() -> SessionState {
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .with_sort_spill_reservation_bytes(0)
        .with_batch_size(1_024);
    SessionStateBuilder::new().with_config(config).with_default_features().build()
}

/// As many rows in small batches, so that not much is in hand at a time.
fn batches() -> EngineBuilder {
    let batch = rows(1_000);
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("sales", vec![batch; 100])
        .session_state(session())
}

fn limits() -> Limits {
    Limits::default().with_rows(u64::MAX).with_time(None)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn e0303_all_queries_together_need_more_memory_than_allowed() {
    let engine = batches().memory(4 << 20).spill(Spill::never()).build().await.unwrap();
    let error = asked(&chief(&engine).with_limits(limits()), BY_CODE).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0303"), "{error}");
    assert_eq!(error.to_string(), "the query needs more memory than allowed");
    // Nothing of it is left behind: the same is answered as before, and again.
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n100000\n");
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n100000\n");
}

#[tokio::test]
async fn l53_what_does_not_fit_is_put_into_a_private_folder_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Spill::default().with_folder(folder.path());
    let engine = batches().spill(spill).build().await.unwrap();
    let session = chief(&engine).with_limits(limits().with_memory(4 << 20));
    let mut answer = session.query_json(BY_CODE).await.unwrap();
    let mut rows = answer.next().await.unwrap().unwrap().num_rows();
    let [private] = entries(folder.path()).try_into().expect("nothing is on disk");
    let files =
        |private: &PathBuf| entries(private).iter().map(|f| entries(f).len()).sum::<usize>();
    assert!(files(&private) > 0);
    while let Some(batch) = answer.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 100_000);
    // The files of a query go with it, the folder with the engine.
    drop(answer);
    assert_eq!(files(&private), 0);
    drop((session, engine));
    assert!(entries(folder.path()).is_empty());
}

#[tokio::test]
async fn e0303_nothing_is_put_on_disk_where_nothing_may() {
    let engine = batches().spill(Spill::never()).build().await.unwrap();
    let small = chief(&engine).with_limits(limits().with_memory(4 << 20));
    assert_eq!(asked(&small, BY_CODE).await.unwrap_err().code(), "E0303");
    let enough = chief(&engine).with_limits(limits());
    assert_eq!(asked(&enough, BY_CODE).await.unwrap().num_rows(), 100_000);
}

#[tokio::test]
async fn e0303_more_is_put_on_disk_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Spill::default().with_folder(folder.path()).with_bytes(1 << 20);
    let engine = batches().spill(spill).build().await.unwrap();
    let small = chief(&engine).with_limits(limits().with_memory(4 << 20));
    assert_eq!(asked(&small, BY_CODE).await.unwrap_err().code(), "E0303");
}
