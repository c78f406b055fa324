//! Plans as lean as hand-written ones: how many tables are read, joined and grouped for each question
//! of TPC-H and of the star schema benchmark, beside the plan that DataFusion makes of their SQL.
//! Where the two differ, `plans.csv` says why.

use std::fs;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use sandbar::{Administrator, Engine, Principal, SemanticQuery};
use sandbar_benches::{ssb, tpch};
use sandbar_testkit::fixture;

use crate::tpch::{star, with_stack};

/// How often the nodes that cost something stand in a plan.
fn counts(plan: &str) -> [usize; 3] {
    let lines = || plan.lines().map(str::trim_start);
    let starts = |name: &'static str| lines().filter(|line| line.starts_with(name)).count();
    let joins = lines().filter(|line| line.contains(" Join:") || line.starts_with("Join:"));
    [starts("TableScan"), joins.count(), starts("Aggregate")]
}

#[test]
fn plans_are_as_lean_as_those_of_the_official_sql() {
    with_stack(async {
        let tables = tpch::tables(0.01).unwrap().into_iter();
        let tables = tables.map(|(name, _, batches)| (name, batches)).collect();
        compare("tpch", [tpch::MODEL, tpch::POLICIES], tables, &tpch::QUERIES).await;
    });
}

#[test]
fn plans_are_as_lean_as_those_of_sql_over_a_star() {
    with_stack(async {
        let tables = star(0.01).await.into_iter();
        let tables = tables.map(|(name, batches)| (name.to_owned(), batches)).collect();
        compare("ssb", [ssb::MODEL, ssb::POLICIES], tables, &ssb::QUERIES).await;
    });
}

/// Compares the plans of the questions of a folder with those of its SQL, and both with `plans.csv`.
async fn compare(
    folder: &str,
    [model, policies]: [&str; 2],
    tables: Vec<(String, Vec<RecordBatch>)>,
    queries: &[(&str, &str)],
) {
    let context = SessionContext::new();
    let mut builder =
        Engine::builder().model("model.yaml", model).policies("policies.yaml", policies);
    for (name, batches) in tables {
        let table = MemTable::try_new(batches[0].schema(), vec![batches.clone()]);
        context.register_table(&name, Arc::new(table.unwrap())).unwrap();
        builder = builder.batches(&name, batches);
    }
    let engine = builder.build().await.unwrap();
    let analyst = Principal::asserted_by_host("analyst").group("analysts").build().unwrap();
    let expected = fs::read_to_string(fixture(&format!("{folder}/plans.csv"))).unwrap_or_default();
    let mut table =
        String::from("question,scans,joins,aggregates,sql scans,sql joins,sql aggregates,why\n");
    for (name, query) in queries {
        let query = SemanticQuery::from_json(query).unwrap();
        let administrator = Administrator::asserted_by_host();
        let explained = engine.explain_as(&administrator, &analyst, &query).await.unwrap();
        let ours =
            explained.logical_plan.unwrap_or_else(|| panic!("{name}: {:?}", explained.refusal));
        let ours = counts(&ours);
        let sql = fs::read_to_string(fixture(&format!("{folder}/sql/{name}.sql"))).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the plan that is written by hand")]
        let theirs = context.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
        let theirs = counts(&theirs.display_indent().to_string());
        let cells = ours.iter().chain(&theirs).map(ToString::to_string).collect::<Vec<_>>();
        let why = why(&expected, name);
        assert_eq!(ours != theirs, !why.is_empty(), "{name}: {cells:?}, because {why:?}");
        table.push_str(&format!("{name},{},{why}\n", cells.join(",")));
    }
    assert_eq!(table, expected, "read what has changed, and why, before it is committed");
}

/// What the last column of `plans.csv` says of a question.
fn why<'t>(table: &'t str, name: &str) -> &'t str {
    let row = table.lines().find(|row| row.split(',').next() == Some(name));
    row.and_then(|row| row.split(',').nth(7)).unwrap_or_default()
}
