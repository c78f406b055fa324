//! Order, warnings, emptiness, names that do not exist.

use sandbar::{Engine, ErrorKind, Warning};

use super::{COUNT, LIST, asked, builder, chief, csv, engine, rows, tenant};

/// What an answer warns of.
async fn check_warnings(query: &str, expected: &[&str]) {
    let collected = asked(&chief(&engine(20).await), query).await.unwrap();
    let codes: Vec<&str> = collected.warnings().iter().map(|w| w.code()).collect();
    assert_eq!(codes, expected, "{query}");
}

#[tokio::test]
async fn w0001_a_list_of_a_table_without_a_key_has_no_order() {
    check_warnings(r#"{"table":"heap","fields":["id"]}"#, &["W0001"]).await;
    check_warnings(r#"{"table":"heap","fields":["id"],"limit":3}"#, &["W0001"]).await;
}

#[tokio::test]
async fn w0001_does_not_come_where_the_order_is_known() {
    check_warnings(r#"{"table":"heap","fields":["id"],"order_by":["id"]}"#, &[]).await;
    check_warnings(r#"{"table":"heap","group_by":["tenant"],"aggregations":["count"]}"#, &[]).await;
    check_warnings(LIST, &[]).await;
    check_warnings(COUNT, &[]).await;
}

#[tokio::test]
async fn w0003_a_count_that_is_approximate_says_so() {
    let field = r#"{"function":"approx_distinct","field":"code","as":"codes"}"#;
    let plain = format!(r#"{{"table":"sales","aggregations":[{field}]}}"#);
    check_warnings(&plain, &["W0003"]).await;
    // Also where it stands below another question, or under totals.
    let inner = format!(
        r#"{{"from":{{"table":"sales","group_by":["tenant"],"aggregations":[{field}]}},
        "aggregations":[{{"function":"max","field":"codes"}}]}}"#
    );
    check_warnings(&inner, &["W0003"]).await;
    let totals = plain.replace("\"aggr", r#""group_by":["tenant"],"totals":[[]],"aggr"#);
    check_warnings(&totals, &["W0003"]).await;
    check_warnings(&plain.replace("approx_", "count_"), &[]).await;
    // Each code differs; of no rows there is none.
    let chief = chief(&engine(20).await);
    assert_eq!(csv(&chief, &plain).await, "codes\n20\n");
    assert_eq!(csv(&tenant(&engine(20).await, "nobody"), &plain).await, "codes\n0\n");
}

#[tokio::test]
async fn a_list_is_ordered_by_the_key_whether_it_is_asked_for_or_not() {
    let session = chief(&engine(20).await);
    let ids: String = (0..20).map(|id| format!("{id}\n")).collect();
    assert_eq!(csv(&session, LIST).await, format!("id\n{ids}"));
    let tenants = csv(&session, r#"{"table":"sales","fields":["tenant"],"limit":3}"#).await;
    assert_eq!(tenants, "tenant\na\nb\na\n");
}

#[tokio::test]
async fn a_stream_warns_once_its_rows_have_come() {
    let engine = engine(20).await;
    let answer = chief(&engine).query_json(r#"{"table":"heap"}"#).await.unwrap();
    assert_eq!(answer.warnings(), [Warning::Unordered]);
    assert!(!answer.is_scoped() && !answer.is_truncated());
    assert!(tenant(&engine, "a").query_json(LIST).await.unwrap().is_scoped());
}

/// What an empty table answers.
async fn check_empty(engine: &Engine, query: &str, expected: &str) {
    assert_eq!(csv(&chief(engine), query).await, expected, "{query}");
    // A table of which nothing is seen answers the same.
    let full = super::engine(50).await;
    assert_eq!(csv(&tenant(&full, "nobody"), query).await, expected, "{query}");
}

#[tokio::test]
async fn an_empty_table_has_a_header_and_no_rows() {
    let engine = builder(0).batches("sales", vec![rows(0)]).build().await.unwrap();
    check_empty(&engine, LIST, "id\n").await;
    check_empty(&engine, COUNT, "count\n0\n").await;
    check_empty(&engine, r#"{"metrics":["turnover"]}"#, "turnover\n\n").await;
    let groups = r#"{"metrics":["turnover"],"group_by":["tenant"]}"#;
    check_empty(&engine, groups, "tenant,turnover\n").await;
    let failing = r#"{"table":"sales","fields":["id"],"filter":{"field":"share","value":1}}"#;
    check_empty(&engine, failing, "id\n").await;
}

#[tokio::test]
async fn a_source_without_a_schema_is_refused() {
    let refused = builder(0).batches("more", vec![]).build().await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Source, "E0203"));
}

/// A question with one name that does not exist.
async fn check_unknown(query: &str) {
    let engine = engine(5).await;
    let error = asked(&chief(&engine), query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{query}: {error}");
    assert_eq!(error.problems().len(), 1, "{query}: {error}");
    assert!(error.to_string().contains("`nothing`"), "{query}: {error}");
}

#[tokio::test]
async fn unknown_names_are_not_found() {
    check_unknown(r#"{"table":"nothing","fields":["id"]}"#).await;
    check_unknown(r#"{"table":"sales","fields":["nothing"]}"#).await;
    check_unknown(r#"{"table":"sales","fields":["id"],"filter":{"field":"nothing","value":1}}"#)
        .await;
    check_unknown(r#"{"table":"sales","fields":["id"],"segments":["nothing"]}"#).await;
    check_unknown(r#"{"metrics":["nothing"]}"#).await;
    check_unknown(r#"{"table":"sales","measures":["nothing"]}"#).await;
}

#[tokio::test]
async fn every_unknown_name_is_told_at_once() {
    let query = r#"{"table":"sales","fields":["id","nothing","never"],"segments":["nowhere"]}"#;
    let error = asked(&chief(&engine(5).await), query).await.unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

#[tokio::test]
async fn rows_without_a_key_that_are_ordered_alike_are_ordered_by_what_is_shown() {
    let session = chief(&engine(20).await);
    let all = csv(&session, r#"{"table":"heap","fields":["tenant","id"],"order_by":["tenant"]}"#);
    let all = all.await;
    let rows: Vec<&str> = all.lines().skip(1).collect();
    let mut sorted: Vec<(&str, i64)> = rows
        .iter()
        .filter_map(|row| row.split_once(',').map(|(tenant, id)| (tenant, id.parse().unwrap())))
        .collect();
    sorted.sort_unstable();
    let sorted: Vec<String> = sorted.iter().map(|(tenant, id)| format!("{tenant},{id}")).collect();
    assert_eq!(rows, sorted);
    assert!(rows.len() > 2);
}

#[tokio::test]
async fn tables_and_metrics_are_asked_by_the_numbers_that_listings_give() {
    let session = chief(&engine(20).await);
    let table = session.tables().unwrap().into_iter().find(|table| table.name == "sales").unwrap();
    let by_name = csv(&session, COUNT).await;
    for number in [table.id.to_string(), format!("\"{}\"", table.id)] {
        let asked = COUNT.replace("\"sales\"", &number);
        assert_ne!(asked, COUNT);
        assert_eq!(csv(&session, &asked).await, by_name, "{asked}");
    }
    let unknown = asked(&session, r#"{"table":-1,"aggregations":["count"]}"#).await.unwrap_err();
    assert_eq!(unknown.code(), "Q0102");
    let metric = asked(&session, r#"{"metrics":[4711]}"#).await.unwrap_err();
    assert_eq!(metric.code(), "Q0101");
}
