//! TPC-H questions at scale factor 0.1, over the official generator's rows, equal DuckDB's answers
//! to the official SQL (fixtures/tpch); and so do those of the star schema benchmark, over a star
//! that is made of the same rows (fixtures/ssb).

use std::fs;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use sandbar::{Engine, Principal, Session};
use sandbar_benches::{ssb, tpch};
use sandbar_testkit::fixture;

#[tokio::test]
async fn tpch_questions_equal_the_official_sql() {
    let mut builder = Engine::builder()
        .model("fixtures/tpch/model.yaml", tpch::MODEL)
        .policies("fixtures/tpch/policies.yaml", tpch::POLICIES);
    for (name, _, batches) in tpch::tables(0.1).unwrap() {
        builder = builder.batches(&name, batches);
    }
    let analyst = analyst(&builder.build().await.unwrap());
    check(&analyst, "tpch", &tpch::QUERIES).await;
}

#[test]
fn ssb_questions_equal_the_hand_written_sql() {
    with_stack(async {
        let mut builder = Engine::builder()
            .model("fixtures/ssb/model.yaml", ssb::MODEL)
            .policies("fixtures/ssb/policies.yaml", ssb::POLICIES);
        for (name, batches) in star(0.1).await {
            builder = builder.batches(name, batches);
        }
        let analyst = analyst(&builder.build().await.unwrap());
        check(&analyst, "ssb", &ssb::QUERIES).await;
    });
}

/// Runs what plans SQL: DataFusion's planner wants more stack in a debug build than a test thread
/// has.
pub(crate) fn with_stack(work: impl Future<Output = ()> + Send + 'static) {
    let big = std::thread::Builder::new().stack_size(32 << 20);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    big.spawn(move || runtime.block_on(work)).unwrap().join().unwrap();
}

/// The tables of the star, made of those of TPC-H by the SQL of fixtures/ssb.
pub(crate) async fn star(scale: f64) -> Vec<(&'static str, Vec<RecordBatch>)> {
    let context = SessionContext::new();
    for (name, schema, batches) in tpch::tables(scale).unwrap() {
        let table = MemTable::try_new(schema, vec![batches]).unwrap();
        context.register_table(&name, Arc::new(table)).unwrap();
    }
    let mut tables = Vec::new();
    for (name, sql) in ssb::STAR {
        #[expect(clippy::disallowed_methods, reason = "the data, not a question to them")]
        let table = context.sql(sql).await.unwrap();
        tables.push((name, table.collect().await.unwrap()));
    }
    tables
}

pub(crate) fn analyst(engine: &Engine) -> Session {
    engine.session(Principal::asserted_by_host("analyst").group("analysts").build().unwrap())
}

/// Asks the questions of a folder, and compares the answers with its golden rows.
async fn check(analyst: &Session, folder: &str, queries: &[(&str, &str)]) {
    let mut differences = Vec::new();
    for (name, query) in queries {
        let answer = analyst.query_json(query).await.unwrap().collect().await.unwrap();
        let found = answer.to_csv().unwrap();
        let golden = fixture(&format!("{folder}/golden/{name}.csv"));
        let expected = fs::read_to_string(golden).unwrap();
        if found.lines().count() != expected.lines().count() {
            differences.push(format!("{name}: {found}\nbut\n{expected}"));
        }
        for (a, b) in found.lines().zip(expected.lines()) {
            if !same(a, b) {
                differences.push(format!("{name}: {a} ≠ {b}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Equal cell by cell. A mean or a ratio has six digits after the point in the golden rows: it is
/// rounded there, and ours has more digits or was cut off, so the last digit may differ by one.
fn same(found: &str, golden: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (found.split(',').collect(), golden.split(',').collect());
    a.len() == b.len()
        && a.iter().zip(&b).all(|(x, y)| {
            let six = |t: &str| t.split_once('.').is_some_and(|(_, digits)| digits.len() == 6);
            let close = || match (x.parse::<f64>(), y.parse::<f64>()) {
                (Ok(x), Ok(y)) => (x - y).abs() < 0.000_001_5,
                _ => false,
            };
            x == y || (six(y) && close())
        })
}
