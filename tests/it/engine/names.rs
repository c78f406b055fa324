//! Tables that are joined and have fields of one name.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionConfig;
use sandbar::{Engine, Principal};

use super::csv;

const MODEL: &str = "
sources:
  payments: { format: parquet, path: payments }
  accounts: { format: parquet, path: accounts }
  banks: { format: parquet, path: banks }
tables:
  payments:
    primary_key: [id]
    fields: { id: {}, amount: {}, account_id: {} }
    relationships: { account: { to: accounts, on: { account_id: id }, cardinality: many_to_one } }
  accounts:
    primary_key: [id]
    fields: { id: {}, amount: {}, bank_id: {} }
    relationships: { bank: { to: banks, on: { bank_id: id }, cardinality: many_to_one } }
  banks:
    primary_key: [id]
    fields: { id: {}, amount: {} }
";

const POLICIES: &str = "
groups: { all: {} }
policies: { all: { groups: [all], grant: { tables: [payments, accounts, banks] } } }
";

const ACCOUNTS: i64 = 200;

fn write(path: &Path, columns: Vec<(&str, Vec<i64>)>) {
    let columns = columns
        .into_iter()
        .map(|(name, values)| (name, Arc::new(Int64Array::from(values)) as ArrayRef, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Later payments are larger and on accounts with less on them: what the `limit` of a question
/// ordered by the accounts' amounts leaves of the files tells nothing about the payments' own.
#[tokio::test]
async fn a_limit_goes_by_the_field_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for file in 0..20 {
        let ids: Vec<i64> = (file * ACCOUNTS..(file + 1) * ACCOUNTS).collect();
        let amounts = ids.iter().map(|id| id + 1000).collect();
        let accounts = ids.iter().map(|id| id % ACCOUNTS).collect();
        let columns = vec![("id", ids), ("amount", amounts), ("account_id", accounts)];
        write(&at(&format!("payments/{file:02}.parquet")), columns);
    }
    let ids: Vec<i64> = (0..ACCOUNTS).collect();
    let amounts = ids.iter().map(|id| ACCOUNTS - id).collect();
    let banks = ids.iter().map(|id| id % 10).collect();
    let columns = vec![("id", ids), ("amount", amounts), ("bank_id", banks)];
    write(&at("accounts/all.parquet"), columns);
    write(&at("banks/all.parquet"), vec![("id", (0..10).collect()), ("amount", vec![7; 10])]);
    let config = SessionConfig::new().with_target_partitions(1).with_batch_size(50);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .base_dir(folder.path())
        .session_state(state)
        .build()
        .await
        .unwrap();
    let principal = Principal::asserted_by_host("ed").group("all").build().unwrap();
    let question = r#"{"table": "payments",
        "fields": ["id", "amount", "account.amount", "account.bank.amount"],
        "order_by": [{"field": "account.amount"}, {"field": "id", "order": "desc"}], "limit": 3}"#;
    let found = csv(&engine.session(principal), question).await;
    assert_eq!(
        found,
        "id,amount,account.amount,account.bank.amount\n\
        3999,4999,1,7\n3799,4799,1,7\n3599,4599,1,7\n"
    );
}
