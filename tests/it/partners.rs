//! Rows whose partner in another table is hidden or missing: NULL stands for its fields, and is a
//! value like any other where rows are ordered, grouped and cut off.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use sandbar::{Engine, Principal, Session};

use crate::optimised::answer;

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, cid: {} }
    relationships: { shop: { to: shops, on: { cid: id }, cardinality: many_to_one } }
  shops: { primary_key: [id], fields: { id: {}, state: {}, name: {}, alias: {} } }
metrics:
  rows: { table: orders, expr: count(*) }
";

/// What leaves the shop in CA, each in its own way, and one that hides its values.
const POLICIES: [&str; 6] = [
    "rows: state = 'CA'",
    "rows: \"state in ('CA')\"",
    "rows: state like 'CA'",
    "rows: state >= 'CA' and state <= 'CA'",
    "rows: \"state = 'CA' and name = coalesce(alias, 'none')\"",
    "rows: id = 2, masks: { state: { constant: CA } }",
];

/// Orders 1 and 3 of the shop in NY, 2 and 4 of the one in CA, and 5 of none.
async fn session(policy: &str, hidden: i64) -> Session {
    let ints = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(1), Some(2), None]));
    let orders = [("id", ints(vec![1, 2, 3, 4, 5]), true), ("cid", keys, true)];
    let orders = RecordBatch::try_from_iter_with_nullable(orders);
    let ids: Vec<i64> = [1, 2].into_iter().chain(10..10 + hidden).collect();
    let text = |of: fn(i64) -> Option<&'static str>| -> ArrayRef {
        Arc::new(ids.iter().map(|id| of(*id)).collect::<StringArray>())
    };
    let shops = RecordBatch::try_from_iter_with_nullable([
        ("id", ints(ids.clone()), true),
        ("state", text(|id| Some(if id == 2 { "CA" } else { "NY" })), true),
        ("name", text(|_| Some("none")), true),
        ("alias", text(|_| None), true),
    ]);
    let policies = format!(
        "groups: {{ everyone: {{}} }}
policies:
  orders: {{ groups: [everyone], grant: {{ tables: [orders] }} }}
  shops: {{ groups: [everyone], grant: {{ tables: [shops], {policy} }} }}
"
    );
    let engine = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", &policies);
    let engine = engine.batches("orders", vec![orders.unwrap()]);
    let engine = engine.batches("shops", vec![shops.unwrap()]).build().await;
    let engine = engine.unwrap_or_else(|e| panic!("{policy}: {e}"));
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

#[tokio::test]
async fn one_value_of_the_partners_that_are_seen_is_not_one_of_all() {
    let asked = [
        (
            r#"{"table":"orders","fields":["id","shop.state"],"order_by":["shop.state"],"limit":2}"#,
            "id,shop.state\n2,CA\n4,CA\n",
        ),
        (
            r#"{"table":"orders","fields":["id"],"order_by":[{"field":"shop.state","order":"desc"}],
                "limit":3}"#,
            "id\n2\n4\n1\n",
        ),
        (
            r#"{"from":{"table":"orders","fields":["id"],"order_by":["shop.state"],"limit":2},
                "aggregations":[{"function":"sum","field":"id","as":"ids"}]}"#,
            "ids\n6\n",
        ),
        (
            r#"{"metrics":["rows"],"group_by":["shop.state","shop.name"]}"#,
            "shop.state,shop.name,rows\nCA,none,2\n,,3\n",
        ),
        (
            r#"{"metrics":["rows"],"group_by":["shop.name","id"],"order_by":["shop.name","id"],
                "limit":3}"#,
            "shop.name,id,rows\nnone,2,1\nnone,4,1\n,1,1\n",
        ),
    ];
    for policy in POLICIES {
        for hidden in [0, 10_000] {
            let session = session(policy, hidden).await;
            for (question, expected) in asked {
                let found = answer(&session, question).await;
                assert_eq!(found, expected, "{policy}, {hidden} hidden: {question}");
            }
        }
    }
}

#[tokio::test]
async fn l2_a_policy_that_contradicts_itself_leaves_no_partner() {
    // No text is both: the rows that go with such shops are gone, and those of no shop are not.
    for policy in [
        "rows: state = 'CA' and state = 'NY', propagate: true",
        "rows: \"state = 'CA' and state = 'NY' and name in (select name from shops where id = 1)\",
           propagate: true",
        "rows: \"false\", propagate: true",
        // Two lists with nothing in common, of which the shorter is written as alternatives.
        "rows: \"(((state = 'CA' or state = 'NY') or state = 'FL') or state = 'TX') and \
           ((state = 'OR' or state = 'WA') or state = 'NV')\", propagate: true",
        // The same behind other conditions.
        "rows: \"name <> 'all' and ((state < 'D' or state = 'TX') and \
           ((((state = 'CA' or state = 'NY') or state = 'FL') or state = 'TX') and \
           ((state = 'OR' or state = 'WA') or state = 'NV')))\", propagate: true",
    ] {
        let session = session(policy, 10).await;
        let orders = r#"{"table":"orders","fields":["id","cid"],"order_by":["id"]}"#;
        assert_eq!(answer(&session, orders).await, "id,cid\n5,\n", "{policy}");
    }
}

/// The optimiser finds it late, and leaves the rows below a condition that none of them fulfils.
#[tokio::test]
async fn a_policy_that_contradicts_itself_late_leaves_nothing() {
    let at =
        Arc::new(TimestampMicrosecondArray::from(vec![0, 86_400_000_000]).with_timezone("UTC"));
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("at", at),
        ("cat", Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    let engine = Engine::builder()
        .model(
            "model.yaml",
            "
tables:
  t: { primary_key: [id], fields: { id: {}, at: {}, cat: {} } }
metrics:
  most: { table: t, expr: 'percentile(id, 0.90)' }
",
        )
        .policies(
            "policies.yaml",
            "
groups: { everyone: {}, nobody: {} }
policies:
  all: { groups: [everyone], grant: { tables: [t] } }
  none:
    groups: [nobody]
    grant:
      tables: [t]
      rows: \"date_trunc('day', at) = date '1970-01-01' and date_trunc('day', at) = date '1970-01-02'\"
",
        )
        .batches("t", vec![rows.unwrap()])
        .build()
        .await
        .unwrap();
    let question = r#"{"metrics":["most"],"group_by":["cat"],"order_by":["cat"],"totals":[[]]}"#;
    for (group, expected) in [
        ("everyone", "cat,most,totals\na,1.0,0\nb,2.0,0\n,1.9,1\n"),
        ("nobody", "cat,most,totals\n,,1\n"),
    ] {
        let asker = Principal::asserted_by_host("ana").group(group).build().unwrap();
        assert_eq!(answer(&engine.session(asker), question).await, expected, "{group}");
    }
}
