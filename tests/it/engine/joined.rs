//! What joins give is counted inside the plan.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, ErrorKind, Limits};

use super::{asked, chief};

const MODEL: &str = "
tables:
  orders:
    primary_key: [id]
    fields: { id: {}, product_id: {} }
    relationships:
      product: { to: products, on: { product_id: id }, cardinality: many_to_one, trusted: true }
  products: { primary_key: [id], fields: { id: {}, name: {} } }
";
const POLICIES: &str = "
groups: { chiefs: {} }
policies: { all: { groups: [chiefs], grant: { tables: [orders, products] } } }
";
const BY_NAME: &str = r#"{"table":"orders","group_by":["product.name"],"aggregations":["count"]}"#;

/// Forty orders of four products, each of which is there so many times.
async fn engine(times: i64) -> Engine {
    let ids = Int64Array::from_iter_values(0..40);
    let products = Int64Array::from_iter_values((0..40).map(|id| id % 4));
    let orders = [("id", Arc::new(ids) as ArrayRef), ("product_id", Arc::new(products))];
    let of_each: Vec<i64> = (0..4).flat_map(|id| (0..times).map(move |_| id)).collect();
    let names = StringArray::from_iter_values(of_each.iter().map(|id| format!("product {id}")));
    let ids = Int64Array::from(of_each);
    let products = [("id", Arc::new(ids) as ArrayRef), ("name", Arc::new(names))];
    Engine::builder()
        .model("model.yaml", MODEL)
        .policies("policies.yaml", POLICIES)
        .batches("orders", vec![RecordBatch::try_from_iter(orders).unwrap()])
        .batches("products", vec![RecordBatch::try_from_iter(products).unwrap()])
        .build()
        .await
        .unwrap()
}

/// Whether a question whose joins give so many rows is answered exactly where it may be.
async fn check(times: i64, query: &str, joined: u64) {
    let session = chief(&engine(times).await);
    let limit = |rows: u64| Limits::default().with_joined_rows(rows);
    asked(&session.clone().with_limits(limit(joined)), query).await.unwrap();
    if let Some(less) = joined.checked_sub(1) {
        let error = asked(&session.with_limits(limit(less)), query).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "E0309"), "{error}");
        assert_eq!(error.to_string(), format!("the query joins more than {less} rows"));
    }
}

#[tokio::test]
async fn e0309_joins_give_as_many_rows_as_allowed_and_no_more() {
    // A join to one row gives each order once.
    check(1, BY_NAME, 40).await;
    // A key that is trusted and broken gives it more often.
    check(3, BY_NAME, 120).await;
    check(2_500, BY_NAME, 100_000).await;
    // Nothing is joined here.
    check(3, r#"{"table":"orders","group_by":["product_id"],"aggregations":["count"]}"#, 0).await;
}
