//! TPC-H questions at scale factor 0.1, over the official generator's rows, equal DuckDB's answers
//! to the official SQL (fixtures/tpch).

use std::fs;

use sandbar::{Engine, Principal};
use sandbar_benches::tpch;
use sandbar_testkit::fixture;

#[tokio::test]
async fn tpch_questions_equal_the_official_sql() {
    let mut builder = Engine::builder()
        .model("fixtures/tpch/model.yaml", tpch::MODEL)
        .policies("fixtures/tpch/policies.yaml", tpch::POLICIES);
    for (name, _, batches) in tpch::tables(0.1).unwrap() {
        builder = builder.batches(&name, batches);
    }
    let engine = builder.build().await.unwrap();
    let analyst = Principal::asserted_by_host("analyst").group("analysts").build().unwrap();
    let session = engine.session(analyst);
    let mut differences = Vec::new();
    for (name, query) in tpch::QUERIES {
        let answer = session.query_json(query).await.unwrap().collect().await.unwrap();
        let found = answer.to_csv().unwrap();
        let expected = fs::read_to_string(fixture(&format!("tpch/golden/{name}.csv"))).unwrap();
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
