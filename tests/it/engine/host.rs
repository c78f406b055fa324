//! What a host brings along: its own tables, its own session state.

use std::sync::Arc;

use datafusion::catalog::MemTable;
use datafusion::execution::context::SessionState;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use sandbar::{Administrator, Engine, ErrorKind, Principal, SemanticQuery};

use super::{COUNT, LIST, MODEL, POLICIES, asked, builder, chief, csv, engine, rows, tenant};

async fn over_a_provider(count: i64) -> Engine {
    let batch = rows(count);
    let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()], vec![], vec![rows(0)]]);
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .table_provider("sales", Arc::new(table.unwrap()))
        .build()
        .await
        .unwrap()
}

/// A table of the host answers like rows in memory.
async fn check(query: &str) {
    let (hosted, own) = (over_a_provider(60).await, engine(60).await);
    for name in ["a", "b", "nobody"] {
        let expected = csv(&tenant(&own, name), query).await;
        assert_eq!(csv(&tenant(&hosted, name), query).await, expected, "{query} as {name}");
    }
    assert_eq!(csv(&chief(&hosted), query).await, csv(&chief(&own), query).await, "{query}");
}

#[tokio::test]
async fn a_table_of_the_host_is_sandboxed_like_any_other() {
    check(LIST).await;
    check(COUNT).await;
    check(r#"{"table":"sales","fields":["id","share"],"order_by":["code"],"limit":4}"#).await;
    check(r#"{"metrics":["turnover"],"group_by":["tenant"],"segments":["of_a"]}"#).await;
    check(r#"{"table":"sales","aggregations":[{"function":"max","field":"id"}],"filter":{"field":"share","op":"<","value":-10}}"#).await;
}

const GROUPS: &str = r#"{"table":"sales","group_by":["code"],"aggregations":["count"]}"#;

fn state(partitions: usize, pool: Option<Arc<dyn MemoryPool>>) -> SessionState {
    let config = SessionConfig::new().with_target_partitions(partitions);
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(pool) = pool {
        runtime = runtime.with_memory_pool(pool);
    }
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime.build_arc().unwrap())
        .with_default_features()
        .build()
}

/// How the plan of a question is spread under a host's configuration.
async fn check_partitions(partitions: usize, expected: bool) {
    let engine = builder(40_000).session_state(state(partitions, None)).build().await.unwrap();
    let query = SemanticQuery::from_json(GROUPS).unwrap();
    let asker = Principal::asserted_by_host("x").group("chiefs").build().unwrap();
    let explained = engine.explain_as(&Administrator::asserted_by_host(), &asker, &query).await;
    let plan = explained.unwrap().physical_plan.unwrap();
    assert_eq!(plan.contains(&format!("], {partitions})")), expected, "{plan}");
    assert_eq!(asked(&chief(&engine), COUNT).await.unwrap().to_csv().unwrap(), "count\n40000\n");
}

#[tokio::test]
async fn the_partitions_of_a_hosts_state_are_those_of_the_plans() {
    check_partitions(3, true).await;
    check_partitions(5, true).await;
    check_partitions(1, false).await;
}

#[tokio::test]
async fn the_memory_pool_of_a_hosts_state_is_the_ceiling_of_all_questions() {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(400_000));
    let state = state(1, Some(Arc::clone(&pool)));
    let engine = builder(100_000).session_state(state).build().await.unwrap();
    let error = asked(&chief(&engine), super::HEAVY).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0303"), "{error}");
    assert_eq!(pool.reserved(), 0);
    assert_eq!(csv(&chief(&engine), COUNT).await, "count\n100000\n");
}

#[tokio::test]
async fn one_state_can_serve_two_engines() {
    let state = state(2, None);
    let first = builder(10).session_state(state.clone()).build().await.unwrap();
    let second = builder(30).session_state(state).build().await.unwrap();
    assert_eq!(csv(&chief(&first), COUNT).await, "count\n10\n");
    assert_eq!(csv(&chief(&second), COUNT).await, "count\n30\n");
}
