//! Amounts of several currencies are not added up: not for those who see something else in place of
//! the currencies, not in a question to an answer, and not in a derived table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Principal};
use sandbar_testkit::csv;

const MODEL: &str = "
tables:
  payments:
    primary_key: [id]
    fields:
      id: {}
      currency: {}
      coin: { expr: upper(currency) }
      shop: {}
      amount: {}
  paid_in:
    query: { metrics: [paid], group_by: [currency, shop] }
    primary_key: [currency, shop]
    fields:
      currency: { type: text }
      shop: { type: integer }
      paid: { type: \"decimal(38,0)\" }
      twice: { expr: paid * 2 }
    measures: { all: { expr: sum(twice) } }
  above:
    query: { table: paid_in, fields: [currency, shop, { field: paid, as: much }] }
    fields:
      currency: { type: text }
      shop: { type: integer }
      much: { type: \"decimal(38,0)\" }
  without:
    query: { table: paid_in, fields: [shop, paid] }
    fields: { shop: { type: integer }, paid: { type: \"decimal(38,0)\" } }
metrics:
  paid: { table: payments, expr: sum(amount), requires: [currency] }
  by_coin: { table: payments, expr: sum(amount), requires: [coin] }
  most: { table: paid_in, expr: max(paid) }
  doubled: { derived: paid * 2 }
";

const POLICIES: &str = "
groups: { clear: {}, masked: {}, partly: {}, both: {} }
policies:
  all: { groups: [clear, both], grant: { tables: [payments, paid_in, above, without] } }
  masked:
    groups: [masked, both]
    grant: { tables: [payments], masks: { currency: { prefix: 1 } } }
  derived: { groups: [masked, partly], grant: { tables: [paid_in, above, without] } }
  partly: { groups: [partly], grant: { tables: [payments], rows: shop = 1 } }
  rest: { groups: [partly], grant: { tables: [payments], masks: { currency: null } } }
";

/// In the first shop 10 euros and 300 Egyptian pounds, in the second 5 euros.
async fn asked_by(group: &str, question: &str) -> Result<String, String> {
    let numbers = |numbers: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
    let payments = RecordBatch::try_from_iter([
        ("id", numbers([1, 2, 3])),
        ("currency", Arc::new(StringArray::from(vec!["EUR", "EGP", "EUR"])) as ArrayRef),
        ("shop", numbers([1, 1, 2])),
        ("amount", numbers([10, 300, 5])),
    ]);
    let engine = Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("payments", vec![payments.unwrap()])
        .build()
        .await
        .unwrap();
    let asker = Principal::asserted_by_host("ann").group(group).build().unwrap();
    csv(&engine.session(asker), question).await
}

async fn is_refused(group: &str, question: &str, code: &str) {
    match asked_by(group, question).await {
        Err(error) => assert!(error.contains(code), "{question}: {error}"),
        Ok(rows) => panic!("{group} {question}: {rows}"),
    }
}

#[tokio::test]
async fn a_unit_that_is_masked_tells_no_amounts_apart() {
    let by_currency = r#"{"metrics":["paid"],"group_by":["currency"]}"#;
    let rows = "currency,paid\nEGP,300\nEUR,15\n";
    for group in ["clear", "both"] {
        assert_eq!(asked_by(group, by_currency).await.unwrap(), rows);
        let coins = r#"{"metrics":["by_coin"],"group_by":["coin"]}"#;
        assert_eq!(asked_by(group, coins).await.unwrap(), "coin,by_coin\nEGP,300\nEUR,15\n");
    }
    for group in ["masked", "partly"] {
        for question in [
            by_currency,
            r#"{"metrics":["paid"],"filter":{"field":"currency","value":"E"}}"#,
            r#"{"metrics":["doubled"],"group_by":["currency"]}"#,
            r#"{"metrics":[{"name":"paid","filter":{"field":"currency","value":"E"}}]}"#,
            r#"{"metrics":["by_coin"],"group_by":["coin"]}"#,
        ] {
            is_refused(group, question, "Q0150").await;
        }
        // Nor does the derived table, which would have 310 in a row.
        is_refused(group, r#"{"table":"paid_in"}"#, "Q0111").await;
        // What adds nothing up is told.
        let rows = r#"{"table":"payments","aggregations":["count"],"group_by":["shop"]}"#;
        assert_eq!(asked_by(group, rows).await.unwrap(), "shop,count\n1,2\n2,1\n");
    }
}

#[tokio::test]
async fn amounts_in_an_answer_stay_apart() {
    let from = r#""from":{"metrics":["paid"],"group_by":["currency","shop"]}"#;
    let doubled = r#""from":{"metrics":["doubled"],"group_by":["currency","shop"]}"#;
    let sum =
        |of: &str| format!(r#""aggregations":[{{"function":"sum","field":"{of}","as":"s"}}]"#);
    let (paid, twice) = (sum("paid"), sum("doubled"));
    let nested = format!(r#""from":{{{from},"fields":["shop","paid"]}}"#);
    let kept = format!(r#""from":{{{from},"fields":["paid",{{"field":"currency","as":"c"}}]}}"#);
    for question in [
        format!("{{{from},{paid}}}"),
        format!(r#"{{{from},{paid},"group_by":["shop"]}}"#),
        format!("{{{doubled},{twice}}}"),
        format!("{{{nested},{paid}}}"),
        format!("{{{kept},{paid}}}"),
        format!(r#"{{{from},{},"calculated":{{"half":"paid / 2"}}}}"#, sum("half")),
        format!(r#"{{{from},{paid},"filter":{{"field":"currency","op":"!=","value":"EUR"}}}}"#),
        format!(r#"{{{from},"aggregations":[{{"function":"count_distinct","field":"paid"}}]}}"#),
    ] {
        is_refused("clear", &question, "Q0150").await;
    }
    for (question, rows) in [
        (format!(r#"{{{from},{paid},"group_by":["currency"]}}"#), "currency,s\nEGP,300\nEUR,15\n"),
        (format!(r#"{{{kept},{paid},"group_by":["c"]}}"#), "c,s\nEGP,300\nEUR,15\n"),
        (format!(r#"{{{from},{paid},"filter":{{"field":"currency","value":"EUR"}}}}"#), "s\n15\n"),
        (
            format!(
                r#"{{{from},"aggregations":[{{"function":"count","field":"paid","as":"n"}}]}}"#
            ),
            "n\n3\n",
        ),
        (
            format!(r#"{{{from},"aggregations":[{{"function":"max","field":"shop","as":"n"}}]}}"#),
            "n\n2\n",
        ),
        // Of one currency already.
        (
            r#"{"from":{"metrics":["paid"],"group_by":["shop"],
                "filter":{"field":"currency","value":"EUR"}},
                "aggregations":[{"function":"sum","field":"paid","as":"s"}]}"#
                .to_owned(),
            "s\n15\n",
        ),
    ] {
        assert_eq!(asked_by("clear", &question).await.unwrap(), rows, "{question}");
    }
}

/// Rows of totals are not counted beside those that they are totals of.
#[tokio::test]
async fn totals_in_an_answer_stay_apart() {
    let from = r#""from":{"table":"payments","aggregations":["count"],"group_by":["shop"],
        "totals":[[]]}"#;
    let listed = format!(r#""from":{{{from},"fields":["shop","count"]}}"#);
    let all = format!(r#""from":{{{from}}}"#);
    let (sum, rows) = (
        r#""aggregations":[{"function":"sum","field":"count","as":"n"}]"#,
        r#""aggregations":[{"function":"count","as":"n"}]"#,
    );
    for question in [
        format!("{{{from},{sum}}}"),
        format!("{{{from},{rows}}}"),
        format!(r#"{{{from},{sum},"group_by":["shop"]}}"#),
        format!(r#"{{{from},{sum},"filter":{{"field":"totals","op":">=","value":0}}}}"#),
        format!("{{{listed},{rows}}}"),
        format!("{{{all},{rows}}}"),
    ] {
        is_refused("clear", &question, "Q0155").await;
    }
    let first = r#""filter":{"field":"totals","value":0}"#;
    for (question, rows) in [
        (format!("{{{from},{sum},{first}}}"), "n\n3\n"),
        (format!("{{{all},{rows},{first}}}"), "n\n2\n"),
        (
            format!(r#"{{{from},"aggregations":[{{"function":"count","as":"n",{first}}}]}}"#),
            "n\n2\n",
        ),
        (format!(r#"{{{from},{sum},"group_by":["totals"]}}"#), "totals,n\n0,3\n1,3\n"),
        (format!(r#"{{{from}}}"#), "shop,count,totals\n1,2,0\n2,1,0\n,3,1\n"),
    ] {
        assert_eq!(asked_by("clear", &question).await.unwrap(), rows, "{question}");
    }
}

#[tokio::test]
async fn amounts_in_a_derived_table_stay_apart() {
    let sum = |table: &str, of: &str| {
        format!(
            r#""table":"{table}","aggregations":[{{"function":"sum","field":"{of}","as":"s"}}]"#
        )
    };
    let answer = r#""from":{"table":"above","fields":["much","currency"]}"#;
    let of_answer = r#""aggregations":[{"function":"sum","field":"much","as":"s"}]"#;
    for question in [
        format!("{{{}}}", sum("paid_in", "paid")),
        format!("{{{}}}", sum("paid_in", "twice")),
        format!("{{{}}}", sum("above", "much")),
        format!(r#"{{{},"group_by":["shop"]}}"#, sum("above", "much")),
        format!(r#"{{{},"group_by":["shop"]}}"#, sum("without", "paid")),
        r#"{"table":"paid_in","measures":["all"]}"#.to_owned(),
        r#"{"metrics":["most"]}"#.to_owned(),
        format!("{{{answer},{of_answer}}}"),
    ] {
        is_refused("clear", &question, "Q0150").await;
    }
    for (question, rows) in [
        (
            format!(r#"{{{},"group_by":["currency"]}}"#, sum("paid_in", "twice")),
            "EGP,600\nEUR,30\n",
        ),
        (format!(r#"{{{},"group_by":["currency"]}}"#, sum("above", "much")), "EGP,300\nEUR,15\n"),
        (r#"{"metrics":["most"],"group_by":["currency"]}"#.to_owned(), "EGP,300\nEUR,10\n"),
        (format!(r#"{{{answer},{of_answer},"group_by":["currency"]}}"#), "EGP,300\nEUR,15\n"),
    ] {
        let found = asked_by("clear", &question).await.unwrap();
        assert_eq!(found.split_once('\n').unwrap().1, rows, "{question}");
    }
}
