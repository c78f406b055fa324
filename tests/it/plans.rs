//! Plans as lean as hand-written ones: how many tables are read, joined and grouped for each TPC-H
//! question, beside the plan that DataFusion makes of the official SQL.

use std::fs;

use datafusion::prelude::SessionContext;
use sandbar::{Administrator, Engine, Principal, SemanticQuery};
use sandbar_benches::tpch;
use sandbar_testkit::fixture;

/// How often the nodes that cost something stand in a plan.
fn counts(plan: &str) -> [usize; 3] {
    let lines = || plan.lines().map(str::trim_start);
    let starts = |name: &'static str| lines().filter(|line| line.starts_with(name)).count();
    let joins = lines().filter(|line| line.contains(" Join:") || line.starts_with("Join:"));
    [starts("TableScan"), joins.count(), starts("Aggregate")]
}

#[test]
fn plans_are_as_lean_as_those_of_the_official_sql() {
    // DataFusion's planner of SQL wants more stack in a debug build than a test thread has.
    let big = std::thread::Builder::new().stack_size(32 << 20);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = move || runtime.block_on(compare());
    big.spawn(run).unwrap().join().unwrap();
}

async fn compare() {
    let context = SessionContext::new();
    let mut builder = Engine::builder()
        .model("fixtures/tpch/model.yaml", tpch::MODEL)
        .policies("fixtures/tpch/policies.yaml", tpch::POLICIES);
    for (name, schema, batches) in tpch::tables(0.01).unwrap() {
        let table = datafusion::datasource::MemTable::try_new(schema, vec![batches.clone()]);
        context.register_table(&name, std::sync::Arc::new(table.unwrap())).unwrap();
        builder = builder.batches(&name, batches);
    }
    let engine = builder.build().await.unwrap();
    let analyst = Principal::asserted_by_host("analyst").group("analysts").build().unwrap();
    let mut table =
        String::from("question,scans,joins,aggregates,sql scans,sql joins,sql aggregates\n");
    for (name, query) in tpch::QUERIES {
        let query = SemanticQuery::from_json(query).unwrap();
        let administrator = Administrator::asserted_by_host();
        let explained = engine.explain_as(&administrator, &analyst, &query).await.unwrap();
        let ours =
            explained.logical_plan.unwrap_or_else(|| panic!("{name}: {:?}", explained.refusal));
        let ours = counts(&ours);
        let sql = fs::read_to_string(fixture(&format!("tpch/sql/{name}.sql"))).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the plan that is written by hand")]
        let theirs = context.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
        let theirs = counts(&theirs.display_indent().to_string());
        let cells = ours.iter().chain(&theirs).map(ToString::to_string).collect::<Vec<_>>();
        table.push_str(&format!("{name},{}\n", cells.join(",")));
    }
    let expected = fs::read_to_string(fixture("tpch/plans.csv")).unwrap_or_default();
    assert_eq!(table, expected, "read what has changed, and why, before it is committed");
}
