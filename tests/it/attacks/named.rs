//! L21, L3: names that an asker is not shown, where something that he is shown is made of them. Two
//! models differ in these names only, and tell him the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, SemanticQuery};
use sandbar_testkit::collected;

use super::definer::session;

/// A model whose field, column of an inner question and columns of an answer have these names.
fn model([internal, denied, unlisted, inner]: [&str; 4]) -> String {
    format!(
        "
tables:
  orders:
    primary_key: [id]
    fields: {{ id: {{}}, amount: {{}}, currency: {{}}, {internal}: {{ column: currency_code, visibility: internal }} }}
  big:
    query:
      table: orders
      fields:
        - {{ field: id, as: id }}
        - {{ field: amount, as: {unlisted} }}
        - {{ field: amount, as: {denied} }}
    primary_key: [id]
    fields: {{ id: {{ type: integer }}, {denied}: {{ type: integer }} }}
  per_currency:
    query:
      from: {{ table: orders, group_by: [currency], aggregations: [{{ function: sum, field: amount, as: {inner} }}] }}
      group_by: [currency]
      aggregations: [{{ function: max, field: {inner}, as: most }}]
    fields: {{ currency: {{ type: text }}, most: {{ type: 'decimal(38,0)' }} }}
  paid_in:
    query: {{ metrics: [owed], group_by: [{{ field: currency, as: {denied} }}] }}
    fields: {{ {denied}: {{ type: text }}, owed: {{ type: 'decimal(38,0)' }} }}
metrics:
  owed: {{ table: orders, expr: sum(amount), requires: [currency] }}
  paid: {{ table: orders, expr: sum(amount), requires: [{internal}] }}
  paid_in_euros: {{ derived: paid, inputs: {{ paid: {{ metric: paid, filter: {internal} = 'EUR' }} }} }}
"
    )
}

fn policies(denied: &str) -> String {
    format!(
        "
groups: {{ some: {{}} }}
policies:
  orders: {{ groups: [some], grant: {{ tables: [orders, per_currency] }} }}
  big: {{ groups: [some], grant: {{ tables: [big, paid_in], fields: {{ except: [{denied}] }} }} }}
"
    )
}

async fn engine(names: [&str; 4]) -> Engine {
    let texts = || -> ArrayRef { Arc::new(StringArray::from(vec!["EUR", "USD"])) };
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("amount", Arc::new(Int64Array::from(vec![10, 20]))),
        ("currency", texts()),
        ("currency_code", texts()),
    ];
    let engine = Engine::builder()
        .model("model.yaml", &model(names))
        .policies("policies.yaml", &policies(names[1]))
        .batches("orders", vec![RecordBatch::try_from_iter(columns).unwrap()]);
    engine.build().await.unwrap()
}

/// All that is told of a question: its answer, which may have no order, and how it is answered.
async fn told(engine: &Engine, question: &str) -> String {
    let session = session(engine, "some");
    let answer = match collected(&session, question).await {
        Ok(answer) => {
            let csv = answer.to_csv().unwrap();
            let mut lines: Vec<&str> = csv.lines().collect();
            lines[1..].sort_unstable();
            lines.join("\n")
        }
        Err(error) => format!("{error} {error:?} {:?}", error.problems()),
    };
    let query = SemanticQuery::from_json(question).unwrap();
    let explained = session.explain(&query).await;
    let outline = explained.as_ref().map(|told| told.outline.to_string()).unwrap_or_default();
    format!("{answer}\n{outline}\n{explained:?}")
}

const NAMES: [&str; 4] = ["first_secret", "second_secret", "third_secret", "fourth_secret"];
const OTHERS: [&str; 4] = ["a_secret", "another_secret", "one_more_secret", "the_last_secret"];

#[tokio::test]
async fn l21_l3_what_is_shown_names_nothing_hidden_that_it_is_made_of() {
    let (one, other) = (engine(NAMES).await, engine(OTHERS).await);
    for question in [
        r#"{"table":"big","fields":["id"]}"#,
        r#"{"table":"big","aggregations":["count"]}"#,
        r#"{"table":"per_currency","fields":["currency","most"],"order_by":["currency"]}"#,
        r#"{"table":"per_currency","aggregations":[{"function":"sum","field":"most"}]}"#,
        r#"{"metrics":["paid"]}"#,
        r#"{"metrics":["paid"],"group_by":["currency"]}"#,
        r#"{"metrics":["paid"],"group_by":["first_secret"]}"#,
        r#"{"table":"orders","aggregations":["count"],"filter":{"metric":"paid","op":">","value":1}}"#,
        r#"{"metrics":["paid_in_euros"]}"#,
        r#"{"table":"paid_in"}"#,
        r#"{"table":"paid_in","aggregations":[{"function":"sum","field":"owed"}]}"#,
        r#"{"from":{"table":"paid_in"},"aggregations":[{"function":"sum","field":"owed"}]}"#,
    ] {
        let (one, other) = (told(&one, question).await, told(&other, question).await);
        assert_eq!(one, other, "{question}");
        let named = one.replace("first_secret", "");
        assert!(!named.contains("secret") || question.contains("secret"), "{question}: {one}");
    }
    // What it is made of is told all the same.
    let big = told(&one, r#"{"table":"big","fields":["id"]}"#).await;
    assert!(big.contains("(not shown) = orders.amount"), "{big}");
    let mixed = r#"{"table":"paid_in","aggregations":[{"function":"sum","field":"owed"}]}"#;
    assert!(told(&one, mixed).await.contains("Q0150"));
    let euros = told(&one, r#"{"metrics":["paid_in_euros"]}"#).await;
    assert!(euros.starts_with("paid_in_euros\n10\n"), "{euros}");
}
