//! Wrong answers that DataFusion gives in silence, and Sandbar does not. Each question here has had
//! one; the expected rows are counted by hand.

use std::fmt::Write;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionConfig;
use sandbar::{Engine, EngineBuilder, Principal, Session};
use tempfile::TempDir;

use super::csv;

type Columns = Vec<(&'static str, ArrayRef)>;

fn whole(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

fn known(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    whole(values.into_iter().map(Some))
}

fn batch(columns: Columns) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Writes the rows of a source as a file of its folder.
fn write(folder: &TempDir, source: &str, number: i64, columns: Columns) {
    let below = folder.path().join(source);
    std::fs::create_dir_all(&below).unwrap();
    let (file, batch) = (File::create(below.join(format!("{number:02}.parquet"))), batch(columns));
    let mut writer = ArrowWriter::try_new(file.unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A builder with everybody in the group `all`, whose queries run in so many partitions and read so
/// many rows at once.
fn builder(model: &str, policies: &str, partitions: usize, rows: usize) -> EngineBuilder {
    let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(rows);
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let policies = format!("groups: {{ all: {{}} }}\npolicies: {policies}");
    Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", &policies)
        .session_state(state)
}

async fn session(builder: EngineBuilder) -> Session {
    let principal = Principal::asserted_by_host("ed").group("all").build().unwrap();
    builder.build().await.unwrap().session(principal)
}

fn over_files(model: &str, tables: &str, folder: &TempDir, partitions: usize) -> EngineBuilder {
    let policies = format!("{{ all: {{ groups: [all], grant: {{ tables: [{tables}] }} }} }}");
    builder(model, &policies, partitions, 50).base_dir(folder.path())
}

/// Later payments are larger and on accounts with less on them: what the `limit` of a question
/// ordered by the accounts' amounts leaves of the files tells nothing about the payments' own
/// (apache/datafusion#25296).
#[tokio::test]
async fn a_limit_goes_by_the_field_that_was_asked_for() {
    const ACCOUNTS: i64 = 200;
    let model = "
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
  banks: { primary_key: [id], fields: { id: {}, amount: {} } }
";
    let folder = tempfile::tempdir().unwrap();
    for file in 0..20 {
        let ids = file * ACCOUNTS..(file + 1) * ACCOUNTS;
        let columns = vec![
            ("id", known(ids.clone())),
            ("amount", known(ids.clone().map(|id| id + 1000))),
            ("account_id", known(ids.map(|id| id % ACCOUNTS))),
        ];
        write(&folder, "payments", file, columns);
    }
    let columns = vec![
        ("id", known(0..ACCOUNTS)),
        ("amount", known((0..ACCOUNTS).map(|id| ACCOUNTS - id))),
        ("bank_id", known((0..ACCOUNTS).map(|id| id % 10))),
    ];
    write(&folder, "accounts", 0, columns);
    write(&folder, "banks", 0, vec![("id", known(0..10)), ("amount", known([7; 10]))]);
    let session = session(over_files(model, "payments, accounts, banks", &folder, 1)).await;
    let question = r#"{"table": "payments",
        "fields": ["id", "amount", "account.amount", "account.bank.amount"],
        "order_by": [{"field": "account.amount"}, {"field": "id", "order": "desc"}], "limit": 3}"#;
    assert_eq!(
        csv(&session, question).await,
        "id,amount,account.amount,account.bank.amount\n\
        3999,4999,1,7\n3799,4799,1,7\n3599,4599,1,7\n"
    );
}

/// The limit of an answer is none of the groups that it is made of, whatever they are called.
#[tokio::test]
async fn a_limit_is_not_that_of_inner_groups() {
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, day: {} } } }";
    let policies = "{ all: { groups: [all], grant: { tables: [t] } } }";
    // From the 1st of June 2024 (day 19,875) on, in steps of five days; each of 140 days thrice.
    let days = (0..420).map(|i| 19_875 + i * 5 % 700);
    let day: ArrayRef = Arc::new(arrow::array::Date32Array::from_iter_values(days));
    let rows = batch(vec![("id", known(0..420)), ("day", day)]);
    let session = session(builder(model, policies, 2, 50).batches("t", vec![rows])).await;
    let question = r#"{"from": {"table": "t", "group_by": ["day"]},
        "group_by": [{"field": "day", "grain": "month_of_year"}], "order_by": ["day"], "limit": 3}"#;
    assert_eq!(csv(&session, question).await, "day\n1\n2\n3\n");
    let question = r#"{"from": {"from": {"table": "t", "group_by": ["day"]}, "group_by": ["day"]},
        "fields": [{"field": "day", "grain": "month_of_year"}], "order_by": ["day"], "limit": 3}"#;
    assert_eq!(csv(&session, question).await, "day\n1\n1\n1\n");
}

/// Some groups in no order are enough, and a condition that leaves one value of a calculated key
/// gives them one (apache/datafusion#25350).
#[tokio::test]
async fn a_limit_of_groups_in_no_order_is_none_of_groups_in_an_order() {
    let model = "
tables:
  t: { primary_key: [id], fields: { id: {}, day: {} } }
  months:
    query:
      table: t
      aggregations: [count]
      group_by: [id, { field: day, grain: month, as: month }]
    fields: { id: { type: integer }, month: { type: date }, count: { type: integer } }
";
    let policies = "{ all: { groups: [all], grant: { tables: [t, months] } } }";
    // The 9th and the 20th of February 2024, and the 1st of March.
    let day: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![19_762, 19_773, 19_783]));
    let rows = batch(vec![("id", known(1..=3)), ("day", day)]);
    for partitions in [1, 2] {
        let builder = |rows| builder(model, policies, partitions, 50).batches("t", vec![rows]);
        let (full, empty) = (builder(rows.clone()), builder(rows.slice(0, 0)));
        let (full, empty) = (session(full).await, session(empty).await);
        for (month, limit, expected) in [
            ("2024-02-01", "", "1 2 id"),
            ("2024-03-01", r#", "limit": 1"#, "3 id"),
            ("2024-02-09", "", "id"),
        ] {
            let question = format!(
                r#"{{"table": "months", "fields": ["id"],
                "filter": {{"field": "month", "op": "=", "value": "{month}"}}{limit}}}"#
            );
            let found = csv(&full, &question).await;
            let mut lines: Vec<&str> = found.lines().collect();
            lines.sort_unstable();
            assert_eq!(lines.join(" "), expected, "{question}");
            assert_eq!(csv(&empty, &question).await, "id\n", "{question}");
        }
    }
}

/// As many groups as are asked for, also where the rows below are sorted by them
/// (apache/datafusion#24927).
#[tokio::test]
async fn a_limit_is_not_that_of_the_rows_of_groups() {
    let model = "tables: { t: { primary_key: [id], fields: { id: {}, a: {}, b: {}, n: {} } } }";
    let policies = "{ all: { groups: [all], grant: { tables: [t] } } }";
    let rows = |first: i64| {
        let ids = first..first + 12_000;
        batch(vec![
            ("id", known(ids.clone())),
            ("a", known(ids.clone().map(|i| i % 4))),
            ("b", known(ids.clone().map(|i| i / 4 % 10))),
            ("n", known(ids.map(|i| i % 1000))),
        ])
    };
    let batches = (0..10).map(|part| rows(part * 12_000)).collect();
    let session = session(builder(model, policies, 2, 8192).batches("t", batches)).await;
    for limit in 1..12 {
        let question = format!(
            r#"{{"from": {{"table": "t", "fields": ["a", "b", "n"], "order_by": ["a", "b"],
                "limit": 1000000}}, "filter": {{"field": "n", "op": ">", "value": 500}},
                "group_by": ["a", "b"], "limit": {limit}}}"#
        );
        let mut expected = "a,b\n".to_owned();
        for group in 0..limit {
            let _ = writeln!(expected, "{},{}", group / 10, group % 10);
        }
        assert_eq!(csv(&session, &question).await, expected);
    }
}

/// Rows that are joined are not sorted by what sorts one side (apache/datafusion#25052).
#[tokio::test]
async fn joined_rows_are_sorted_anew() {
    let model = "
tables:
  pay: { primary_key: [id], fields: { id: {}, amount: {}, account_id: {} } }
  accounts: { primary_key: [id], fields: { id: {}, rank: {} } }
  top_pay:
    query: { table: pay, fields: [id, amount, account_id], order_by: [amount], limit: 5000 }
    primary_key: [id]
    fields:
      { id: { type: integer }, amount: { type: integer }, account_id: { type: integer } }
    relationships:
      { account: { to: top_accounts, on: { account_id: id }, cardinality: many_to_one } }
  top_accounts:
    query: { table: accounts, fields: [id, rank], order_by: [rank], limit: 150 }
    primary_key: [id]
    fields: { id: { type: integer }, rank: { type: integer } }
";
    let policies = "{ all: { groups: [all], grant: { tables: [pay, accounts, top_pay, \
                    top_accounts] } } }";
    let pay = batch(vec![
        ("id", known(0..6000)),
        ("amount", known((0..6000).map(|i| i * 7919 % 40))),
        ("account_id", known((0..6000).map(|i| i * 31 % 200))),
    ]);
    let ranks = (0..200).map(|i| i * 77 % 200);
    let accounts = batch(vec![("id", known(0..200)), ("rank", known(ranks))]);
    let builder = builder(model, policies, 1, 50);
    let builder = builder.batches("pay", vec![pay]).batches("accounts", vec![accounts]);
    let session = session(builder).await;
    // Payments are of 40 amounts and 200 accounts; a pair of both stands again after 200 of them.
    let mut pairs: Vec<(i64, Option<i64>)> = Vec::new();
    let mut paid: Vec<(i64, i64)> = (0..6000).map(|i| (i * 7919 % 40, i)).collect();
    paid.sort_unstable();
    for (amount, id) in paid.into_iter().take(5000) {
        let rank = id * 31 % 200 * 77 % 200;
        pairs.push((amount, (rank < 150).then_some(rank)));
    }
    pairs.sort_by_key(|(amount, rank)| (*amount, rank.is_none(), *rank));
    let mut groups: Vec<((i64, Option<i64>), i64)> = Vec::new();
    for pair in pairs {
        match groups.last_mut() {
            Some((last, count)) if *last == pair => *count += 1,
            _ => groups.push((pair, 1)),
        }
    }
    let mut expected = "amount,account.rank,count\n".to_owned();
    for ((amount, rank), count) in groups {
        let rank = rank.map(|rank| rank.to_string()).unwrap_or_default();
        let _ = writeln!(expected, "{amount},{rank},{count}");
    }
    let question = r#"{"table": "top_pay", "group_by": ["amount", "account.rank"],
        "aggregations": ["count"]}"#;
    assert_eq!(csv(&session, question).await, expected);
}

/// Which files are read for the least of one number is nothing to another number
/// (apache/datafusion#24816).
#[tokio::test]
async fn extremes_are_computed_from_all_rows() {
    let model = "
sources: { t: { format: parquet, path: t } }
tables:
  t: { primary_key: [id], fields: { id: {}, a: {}, b: {}, c: {}, d: { expr: c + 1 } } }
metrics:
  first: { table: t, expr: min(a) }
  late: { table: t, expr: max(a), filter: b > 200 }
";
    let folder = tempfile::tempdir().unwrap();
    for file in 0..20 {
        let i = 0..100_i64;
        let columns = vec![
            ("id", known(i.clone().map(|i| file * 100 + i))),
            ("a", known(i.clone().map(|i| file * 10 + i % 10))),
            ("b", whole(i.clone().map(|i| (file >= 8).then_some(file * 10 + i)))),
            ("c", known(i.map(|i| 1000 - file * 10 - i % 10))),
        ];
        write(&folder, "t", file, columns);
    }
    let session = session(over_files(model, "t", &folder, 2)).await;
    let question = r#"{"table": "t", "aggregations": [{"function": "min", "field": "a"},
        {"function": "max", "field": "b"}]}"#;
    assert_eq!(csv(&session, question).await, "min_a,max_b\n0,289\n");
    assert_eq!(csv(&session, r#"{"metrics": ["first", "late"]}"#).await, "first,late\n0,199\n");
    let question = r#"{"table": "t", "aggregations": [{"function": "min", "field": "a"},
        {"function": "min", "field": "d"}]}"#;
    assert_eq!(csv(&session, question).await, "min_a,min_d\n0,802\n");
}

/// NaN is greater than every number, and the statistics of files leave it out
/// (apache/datafusion#15812).
#[tokio::test]
async fn a_nan_is_found_in_whatever_file_it_lies() {
    let model = "
sources: { t: { format: parquet, path: t } }
tables:
  t:
    primary_key: [id]
    fields: { id: {}, x: {}, y: {}, unknown: { expr: 'x <> null or not (x = null)' } }
";
    let folder = tempfile::tempdir().unwrap();
    for file in 0..6 {
        let ids = file * 10..file * 10 + 10;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let x = ids.clone().map(|id| if id == 43 { f64::NAN } else { (1000 - id) as f64 });
        let x: ArrayRef = Arc::new(Float64Array::from_iter_values(x));
        let y = arrow::compute::cast(&x, &DataType::Float32).unwrap();
        write(&folder, "t", file, vec![("id", known(ids)), ("x", x), ("y", y)]);
    }
    let session = session(over_files(model, "t", &folder, 2)).await;
    let list = r#"{"table": "t", "fields": ["id"],
        "order_by": [{"field": "x", "order": "desc"}], "limit": 3}"#;
    assert_eq!(csv(&session, list).await, "id\n43\n0\n1\n");
    let max = r#"{"table": "t", "aggregations": [{"function": "max", "field": "x"}]}"#;
    assert_eq!(csv(&session, max).await, "max_x\nNaN\n");
    // 1000 to 951 lie in the ids below 50, one of which is NaN.
    for (filter, count) in [
        (r#"{"field": "x", "op": ">", "value": 995}"#, 5 + 1),
        (r#"{"field": "x", "op": ">=", "value": 995}"#, 6 + 1),
        (r#"{"field": "x", "op": "!=", "value": 995}"#, 59),
        (r#"{"field": "x", "op": "<", "value": 945}"#, 4),
        (r#"{"field": "x", "op": "not_in", "values": [995, 996]}"#, 58),
        (r#"{"not": {"field": "x", "op": "<", "value": 995}}"#, 6 + 1),
        (r#"{"not": {"field": "x", "op": "=", "value": 995}}"#, 59),
        (r#"{"not": {"field": "x", "op": ">", "value": 944}}"#, 4),
    ] {
        for filter in [filter.to_owned(), filter.replace(r#""x""#, r#""y""#)] {
            let question =
                format!(r#"{{"table": "t", "aggregations": ["count"], "filter": {filter}}}"#);
            assert_eq!(csv(&session, &question).await, format!("count\n{count}\n"), "{filter}");
        }
    }
    // Nothing is known beside what is missing.
    let question = r#"{"table": "t", "group_by": ["unknown"], "aggregations": ["count"]}"#;
    assert_eq!(csv(&session, question).await, "unknown,count\n,60\n");
}

/// Twelve hundred rows with a value from 80 on, and eight hundred without.
async fn lists(policies: &str) -> Session {
    let model = "
tables:
  t:
    primary_key: [id]
    fields:
      id: {}
      b: {}
      both: { expr: 'b in (100, 101) and b in (200, 201)' }
      none: { expr: 'not (b in (100, 101) and b in (200, 201))' }
      word: { expr: \"case when not (b in (100, 101) and b in (200, 201)) then 'no' else '?' end\" }
";
    let values = (0..2000).map(|id| (id >= 800).then_some(id / 10));
    let rows = batch(vec![("id", known(0..2000)), ("b", whole(values))]);
    session(builder(model, policies, 2, 100).batches("t", vec![rows])).await
}

const EVERYTHING: &str = "{ all: { groups: [all], grant: { tables: [t] } } }";

/// What is known of a missing value is nothing, however many lists it is looked up in
/// (apache/datafusion#24246).
#[tokio::test]
async fn two_lists_of_one_value_leave_what_is_missing_unknown() {
    let session = lists(EVERYTHING).await;
    let list = |values: &str| format!(r#"{{"field": "b", "op": "in", "values": [{values}]}}"#);
    let equal = |a: i64, b: i64| {
        format!(
            r#"{{"or": [{{"field": "b", "op": "=", "value": {a}}},
                {{"field": "b", "op": "=", "value": {b}}}]}}"#
        )
    };
    let not = |filter: &str| format!(r#"{{"not": {filter}}}"#);
    let and = |a: &str, b: &str| format!(r#"{{"and": [{a}, {b}]}}"#);
    let or = |a: &str, b: &str| format!(r#"{{"or": [{a}, {b}]}}"#);
    let (first, second) = (list("100, 101, 102, 103"), list("150, 151, 152, 153"));
    for (filter, count) in [
        (not(&and(&first, &second)), 1200),
        (not(&and(&list("100, 101"), &list("150, 151"))), 1200),
        (not(&and(&equal(100, 101), &equal(150, 151))), 1200),
        (or(&not(&first), &not(&second)), 1200),
        (not(&and(&first, &not(&list("100, 101, 102, 103, 104")))), 1200),
        (not(&or(&first, &second)), 1200 - 80),
        (and(&not(&first), &not(&second)), 1200 - 80),
        (or(&first, &second), 80),
        (and(&first, &second), 0),
        (r#"{"field": "none", "op": "=", "value": true}"#.to_owned(), 1200),
        (r#"{"field": "both", "op": "=", "value": false}"#.to_owned(), 1200),
        (r#"{"field": "both", "op": "is_null"}"#.to_owned(), 800),
        (not(r#"{"field": "both", "op": "=", "value": true}"#), 1200),
    ] {
        let question =
            format!(r#"{{"table": "t", "aggregations": ["count"], "filter": {filter}}}"#);
        assert_eq!(csv(&session, &question).await, format!("count\n{count}\n"), "{filter}");
    }
    let question = r#"{"table": "t", "group_by": ["both", "none", "word"],
        "aggregations": ["count"]}"#;
    assert_eq!(
        csv(&session, question).await,
        "both,none,word,count\nfalse,true,no,1200\n,,?,800\n"
    );
}

/// The same, where it is a policy that looks them up: its rows are those of which it is true.
#[tokio::test]
async fn l51_a_policy_of_two_lists_hides_what_is_missing() {
    let grant = |rows: &str| {
        format!("{{ a: {{ groups: [all], grant: {{ tables: [t], rows: \"{rows}\" }} }} }}")
    };
    let two =
        "{ a: { groups: [all], grant: { tables: [t], rows: 'b not in (100, 101, 102, 103)' } },
        b: { groups: [all], grant: { tables: [t], rows: 'b not in (150, 151, 152, 153)' } } }";
    let question = r#"{"table": "t", "aggregations": ["count"]}"#;
    for (policies, count) in [
        (grant("b not in (100, 101, 102, 103) or b not in (150, 151, 152, 153)"), 1200),
        (grant("not (b in (100, 101, 102, 103) and b in (150, 151, 152, 153))"), 1200),
        (grant("not (b in (100, 101) and b in (150, 151))"), 1200),
        (grant("not ((b = 100 or b = 101) and (b = 150 or b = 151))"), 1200),
        (grant("not (b in (100, 101) and b not in (100, 101, 102))"), 1200),
        (two.to_owned(), 1200),
        // What becomes a constant, or a column, only while it is simplified.
        (grant("not (b in (coalesce(100, 1), coalesce(101, 1)) and b in (150, 151))"), 1200),
        (grant("not (case when true then b end in (100, 101) and b in (150, 151))"), 1200),
        // Nothing is known to be outside of a list with a missing member.
        (grant("b in (100, 101) and b not in (150, null)"), 0),
        (grant("b not in (150, null)"), 0),
        (grant("b in (100, null)"), 10),
    ] {
        let session = lists(&policies).await;
        assert_eq!(csv(&session, question).await, format!("count\n{count}\n"), "{policies}");
    }
}
