//! Fields that are written with their table: a table that a row leads to one row of is that row,
//! also on the way to rows of which it has many, and whatever leads back to it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal, Session};
use sandbar_testkit::csv;

const MODEL: &str = "
tables:
  accounts:
    primary_key: [id]
    fields: { id: {}, region: {}, parent_id: {}, first_id: {} }
    relationships:
      parent: { to: accounts, on: { parent_id: id }, cardinality: many_to_one }
      users: { to: users, on: { id: account_id }, cardinality: one_to_many, bridge: true }
      # FIRST
  users:
    primary_key: [id]
    fields: { id: {}, account_id: {}, role: {} }
  invoices:
    primary_key: [id]
    fields: { id: {}, account_id: {}, amount: {} }
    relationships: { account: { to: accounts, on: { account_id: id }, cardinality: many_to_one } }
metrics:
  billed: { table: invoices, expr: sum(amount) }
";

const FIRST: &str = "first: { to: invoices, on: { first_id: id }, cardinality: many_to_one }";

const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [accounts, users, invoices] } } }
";

/// The second account is below the first, and the only one with a user. To the first 10 was
/// billed; to the second 500, and then 7.
async fn session(model: &str) -> Session {
    let numbers = |numbers: Vec<Option<i64>>| Arc::new(Int64Array::from(numbers)) as ArrayRef;
    let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let batch = |columns: Vec<(&str, ArrayRef)>| {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    };
    let accounts = batch(vec![
        ("id", numbers(vec![Some(1), Some(2)])),
        ("region", texts(&["EU", "US"])),
        ("parent_id", numbers(vec![None, Some(1)])),
        ("first_id", numbers(vec![Some(1), Some(2)])),
    ]);
    let users = batch(vec![
        ("id", numbers(vec![Some(1)])),
        ("account_id", numbers(vec![Some(2)])),
        ("role", texts(&["admin"])),
    ]);
    let invoices = batch(vec![
        ("id", numbers(vec![Some(1), Some(2), Some(3)])),
        ("account_id", numbers(vec![Some(1), Some(2), Some(2)])),
        ("amount", numbers(vec![Some(10), Some(500), Some(7)])),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", POLICIES)
        .batches("accounts", vec![accounts])
        .batches("users", vec![users])
        .batches("invoices", vec![invoices])
        .build()
        .await
        .unwrap();
    engine.session(Principal::asserted_by_host("ann").group("all").build().unwrap())
}

/// Asks questions, each of which has the rows that stand beside it, or is refused in these words.
async fn check(session: &Session, questions: &[(&str, Result<&str, &str>)]) {
    for (question, expected) in questions {
        match (csv(session, question).await, expected) {
            (Ok(rows), Ok(expected)) => {
                let rows = rows.lines().skip(1).collect::<Vec<_>>().join(" ");
                assert_eq!(rows, *expected, "{question}");
            }
            (Err(told), Err(expected)) => assert!(told.contains(expected), "{question}: {told}"),
            (found, _) => panic!("{question}: {found:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_table_that_a_row_leads_to_is_that_row_on_every_way() {
    let session = session(MODEL).await;
    check(&session, &[
        (r#"{"metrics":["billed"],"filter":{"field":"account.users.role","value":"admin"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"field":"users.role","value":"admin"}}"#, Ok("507")),
        // And not of accounts that are below the one that was billed.
        (r#"{"metrics":["billed"],"filter":{"field":"accounts.users.role","value":"admin"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"field":"accounts.region","value":"US"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"field":"accounts.parent.region","value":"EU"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"exists":"account.users"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"exists":"accounts.users"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"exists":"accounts"}}"#, Err("Q0148")),
        (r#"{"metrics":["billed"],"group_by":["users.role"]}"#, Ok("admin,507 ,10")),
        (r#"{"metrics":["billed"],"group_by":["accounts.users.role"]}"#, Ok("admin,507 ,10")),
    ]).await;
}

#[tokio::test]
async fn the_table_that_is_asked_is_its_own_row() {
    let session = session(MODEL).await;
    let ids = r#""table":"accounts","fields":["id"]"#;
    check(
        &session,
        &[
            (&format!(r#"{{{ids},"filter":{{"field":"users.role","value":"admin"}}}}"#), Ok("2")),
            (
                &format!(r#"{{{ids},"filter":{{"field":"accounts.users.role","value":"admin"}}}}"#),
                Ok("2"),
            ),
            (&format!(r#"{{{ids},"filter":{{"field":"accounts.region","value":"US"}}}}"#), Ok("2")),
            (&format!(r#"{{{ids},"filter":{{"exists":"accounts.users"}}}}"#), Ok("2")),
            // Rows of it of which each has many are others.
            (&format!(r#"{{{ids},"filter":{{"exists":"accounts"}}}}"#), Ok("1")),
            (
                &format!(
                    r#"{{{ids},"filter":{{"field":"invoices.amount","op":">","value":100}}}}"#
                ),
                Ok("2"),
            ),
        ],
    )
    .await;
}

/// Each account has many invoices, and of these a first one.
#[tokio::test]
async fn of_one_row_and_many_neither_is_guessed() {
    let session = session(&MODEL.replace("# FIRST", FIRST)).await;
    let asked = r#""table":"accounts","aggregations":["count"]"#;
    let over = r#""op":">","value":100"#;
    check(&session, &[
        (&format!(r#"{{{asked},"filter":{{"field":"first.amount",{over}}}}}"#), Ok("1")),
        (&format!(r#"{{{asked},"filter":{{"field":"invoices.amount",{over}}}}}"#), Err("write `first.amount`")),
        (&format!(r#"{{{asked},"filter":{{"exists":"invoices","filter":{{"field":"amount",{over}}}}}}}"#), Ok("1")),
        // Only one of them has a single value.
        (&format!(r#"{{{asked},"group_by":["invoices.amount"]}}"#), Ok("10,1 500,1")),
        // And an invoice is that of an account, and the first of none or one.
        (r#"{"metrics":["billed"],"filter":{"field":"account.region","value":"US"}}"#, Ok("507")),
        (r#"{"metrics":["billed"],"filter":{"field":"accounts.region","value":"US"}}"#, Err("write `account.region`")),
    ])
    .await;
}
