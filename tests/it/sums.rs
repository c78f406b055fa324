//! Sums of decimals that have no digits left: the answer is refused, and never wraps.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch};
use sandbar::{Engine, ErrorKind, Principal, Session};

const MODEL: &str = "
tables: { t: { primary_key: [id], fields: { id: {}, cat: {}, big: {} } } }
metrics: { total: { table: t, expr: sum(big) } }
";

const POLICIES: &str = "
groups: { everyone: {} }
policies: { all: { groups: [everyone], grant: { tables: [t] } } }
";

/// 9 followed by 37 zeros: two of them have 39 digits, and are more than 128 bits can hold.
const NINE: i128 = 90_000_000_000_000_000_000_000_000_000_000_000_000;

async fn session(big: Vec<i128>) -> Session {
    let ids: Vec<i64> = (1..).take(big.len()).collect();
    let cats: Vec<i64> = ids.iter().map(|id| id % 2).collect();
    let big = Decimal128Array::from(big).with_precision_and_scale(38, 0).unwrap();
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(ids))),
        ("cat", Arc::new(Int64Array::from(cats))),
        ("big", Arc::new(big)),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let builder = Engine::builder().model("model.yaml", MODEL).policies("policies.yaml", POLICIES);
    let engine = builder.batches("t", vec![rows]).build().await.unwrap();
    engine.session(Principal::asserted_by_host("ana").group("everyone").build().unwrap())
}

async fn answer(session: &Session, question: &str) -> Result<String, sandbar::Error> {
    let collected = session.query_json(question).await?.collect().await?;
    Ok(collected.to_csv().unwrap())
}

async fn refused(session: &Session, question: &str) {
    let error = answer(session, question).await.expect_err(question);
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidQuery, "E0304"), "{error}");
}

#[tokio::test]
async fn sums_of_decimals_are_refused_where_they_leave_38_digits() {
    let session = session(vec![NINE, 7, NINE, -8, -NINE]).await;
    let of =
        |function: &str| format!("{{\"function\":\"{function}\",\"field\":\"big\",\"as\":\"n\"}}");
    let (sum, mean) = (of("sum"), of("avg"));
    // Category 1 has the large ones: on the way the sum needs 39 digits.
    for rest in [
        r#""metrics":["total"]"#.to_owned(),
        r#""metrics":["total"],"group_by":["cat"]"#.to_owned(),
        format!(r#""table":"t","aggregations":[{mean}]"#),
        r#""from":{"metrics":["total"],"group_by":["id"]},
            "aggregations":[{"function":"sum","field":"total"}]"#
            .to_owned(),
    ] {
        refused(&session, &format!("{{{rest}}}")).await;
    }
    let small = format!(
        r#"{{"table":"t","aggregations":[{sum},{{"function":"avg","field":"big","as":"m"}}],
        "filter":{{"field":"cat","value":0}}}}"#
    );
    assert_eq!(answer(&session, &small).await.unwrap(), "n,m\n-1,-0.5000\n");
    let alone = r#"{"metrics":["total"],"filter":{"field":"id","values":[1,2]}}"#;
    let told = "total\n90000000000000000000000000000000000007\n";
    assert_eq!(answer(&session, alone).await.unwrap(), told);
    let cancelled = r#"{"metrics":["total"],"filter":{"field":"id","values":[1,5]}}"#;
    assert_eq!(answer(&session, cancelled).await.unwrap(), "total\n0\n");
    let large = self::session(vec![75 * 10_i128.pow(36)]).await;
    // Sums of two, products and differences of 39 digits that fit into 128 bits.
    for text in ["big + big", "big * 2", "-big - big", "cast(big as decimal(38,0)) + big"] {
        let calculated = format!(r#""calculated":{{"x":"{text}"}}"#);
        for rest in [
            r#""fields":["x"]"#,
            r#""aggregations":[{"function":"max","field":"x"}]"#,
            r#""aggregations":["count"],"filter":{"field":"x","op":"<","value":0}"#,
        ] {
            refused(&large, &format!(r#"{{"table":"t",{calculated},{rest}}}"#)).await;
        }
        let calculated = calculated.replace("big", "total");
        let from = r#""from":{"metrics":["total"]}"#;
        refused(&large, &format!(r#"{{{from},{calculated},"fields":["x"]}}"#)).await;
    }
    let half = r#"{"table":"t","calculated":{"x":"big + 1"},"fields":["x"]}"#;
    let told = "x\n75000000000000000000000000000000000001\n";
    assert_eq!(answer(&large, half).await.unwrap(), told);
    // 99…9 and 1 fit into 128 bits, and not into 38 digits.
    let full = self::session(vec![10_i128.pow(38) - 1, 0, 1]).await;
    refused(&full, r#"{"metrics":["total"]}"#).await;
    refused(&full, r#"{"metrics":["total"],"group_by":["cat"]}"#).await;
}
