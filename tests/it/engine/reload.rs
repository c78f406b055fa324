//! A reload replaces everything or nothing, and counts from the next call on.

use sandbar::{ErrorKind, Model};
use tokio::task::JoinSet;

use super::{COUNT, LIST, MODEL, POLICIES, asked, chief, csv, engine, model, tenant};

/// A model that must be refused, with everything that must be told of it.
async fn check_refused(model: Model, kind: ErrorKind, code: &str, told: &[&str]) {
    let engine = engine(20).await;
    let session = tenant(&engine, "a");
    let error = engine.reload(&model).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (kind, code), "{error}");
    for part in told {
        assert!(error.to_string().contains(part), "`{part}` is not told:\n{error}");
    }
    assert_eq!(engine.snapshot_version(), 1);
    assert_eq!(csv(&session, COUNT).await, "count\n10\n");
}

#[tokio::test]
async fn a_bad_model_tells_every_problem_and_changes_nothing() {
    let bad = MODEL.replace("amount: {}", "amount: { column: price }");
    let bad = bad
        .replace("where: tenant", "where: tenent")
        .replace("table: sales, expr", "table: sale, expr");
    let model = Model::new().with_model("m.yaml", &bad).with_policies("p.yaml", POLICIES);
    check_refused(
        model,
        ErrorKind::InvalidModel,
        "E0201",
        &["price", "tenent", "`sale`", "m.yaml:"],
    )
    .await;
}

#[tokio::test]
async fn a_text_that_cannot_be_read_changes_nothing() {
    let model =
        Model::new().with_model("m.yaml", "tables: { sales: {").with_policies("p.yaml", POLICIES);
    check_refused(model, ErrorKind::InvalidModel, "E0201", &["m.yaml"]).await;
    let unknown = Model::new()
        .with_model("m.yaml", &MODEL.replace("time: at", "tiem: at"))
        .with_policies("p.yaml", "policies: { x: { grnat: {} } }");
    check_refused(unknown, ErrorKind::InvalidModel, "E0201", &["`tiem`", "`grnat`"]).await;
}

#[tokio::test]
async fn bad_policies_tell_every_problem_and_change_nothing() {
    let bad = POLICIES
        .replace("[sales], rows", "[sale], rows")
        .replace("groups: [chiefs]", "groups: [chefs]");
    let model = Model::new().with_model("m.yaml", MODEL).with_policies("p.yaml", &bad);
    check_refused(model, ErrorKind::InvalidPolicy, "E0202", &["`sale`", "`chefs`", "p.yaml:"])
        .await;
}

/// The model stays right without the column; a policy that reads it does not.
#[tokio::test]
async fn l46_a_policy_whose_column_is_gone_is_refused_and_the_old_one_stays() {
    let fewer = MODEL
        .replace("      tenant: {}\n", "")
        .replace("    segments: { of_a: { where: tenant = 'a' } }\n", "");
    let renamed = MODEL
        .replace("      tenant: {}\n", "      owner: { column: tenant }\n")
        .replace("tenant = 'a'", "owner = 'a'");
    for changed in [fewer, renamed] {
        assert_ne!(changed, MODEL);
        let right = Model::new().with_model("m.yaml", &changed);
        engine(20).await.reload(&right).await.unwrap();
        let model = right.with_policies("p.yaml", POLICIES);
        check_refused(model, ErrorKind::InvalidPolicy, "E0202", &["P0103", "`tenant`", "p.yaml:"])
            .await;
    }
}

#[tokio::test]
async fn a_source_that_is_not_there_changes_nothing() {
    let more = "
sources: { gone: { format: csv, path: /nowhere/gone.csv } }
tables: { gone: { fields: { id: {} } } }
";
    let model = model().with_model("more.yaml", more);
    check_refused(model, ErrorKind::Source, "E0203", &["gone"]).await;
}

#[tokio::test]
async fn l43_a_revoked_policy_counts_at_the_next_call_of_a_session() {
    let engine = engine(20).await;
    let (session, other) = (tenant(&engine, "a"), chief(&engine));
    assert_eq!(csv(&session, COUNT).await, "count\n10\n");
    let before = session.query_json(LIST).await.unwrap();
    let fewer =
        POLICIES.lines().filter(|line| !line.contains("own:")).collect::<Vec<_>>().join("\n");
    let reloaded = Model::new().with_model("m.yaml", MODEL).with_policies("p.yaml", &fewer);
    assert_eq!(engine.reload(&reloaded).await.unwrap(), 2);
    let error = asked(&session, COUNT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(session.tables().unwrap().is_empty());
    assert_eq!(csv(&other, COUNT).await, "count\n20\n");
    // What was running of it ends, and gives no row.
    assert_eq!(before.snapshot_version(), 1);
    assert_eq!(before.collect().await.unwrap_err().code(), "E0308");
    assert_eq!(asked(&other, COUNT).await.unwrap().snapshot_version(), 2);
}

#[tokio::test]
async fn a_narrowed_policy_and_a_new_metric_count_at_the_next_call() {
    let engine = engine(20).await;
    let session = tenant(&engine, "a");
    let narrower =
        POLICIES.replace("tenant = attribute.tenant", "tenant = attribute.tenant and id < 4");
    let more = format!("{MODEL}  most: {{ table: sales, expr: max(id) }}\n");
    assert_eq!(
        asked(&session, r#"{"metrics":["most"]}"#).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let reloaded = Model::new().with_model("m.yaml", &more).with_policies("p.yaml", &narrower);
    engine.reload(&reloaded).await.unwrap();
    assert_eq!(csv(&session, r#"{"metrics":["most"]}"#).await, "most\n2\n");
    // A clone is the same engine.
    engine.clone().reload(&model()).await.unwrap();
    assert_eq!(csv(&session, COUNT).await, "count\n10\n");
    assert_eq!(engine.snapshot_version(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l45_each_question_sees_one_snapshot() {
    let engine = engine(40).await;
    let limited = |n: i64| {
        let rows = format!("tenant = attribute.tenant and id < {n}");
        let policies = POLICIES.replace("tenant = attribute.tenant", &rows);
        let metric = format!("{MODEL}  bound: {{ table: sales, expr: max(id) + {n} }}\n");
        Model::new().with_model("m.yaml", &metric).with_policies("p.yaml", &policies)
    };
    engine.reload(&limited(10)).await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let session = tenant(&engine, "b");
        readers.spawn(async move {
            for _ in 0..25 {
                // A reload that changes what is being answered ends the answer.
                let found = loop {
                    match asked(&session, r#"{"metrics":["bound"]}"#).await {
                        Ok(found) => break found.to_csv().unwrap(),
                        Err(error) => assert_eq!(error.code(), "E0308"),
                    }
                };
                assert!(["bound\n19\n", "bound\n39\n"].contains(&found.as_str()), "{found}");
            }
        });
    }
    for _ in 0..10 {
        engine.reload(&limited(20)).await.unwrap();
        engine.reload(&limited(10)).await.unwrap();
    }
    readers.join_all().await;
}
