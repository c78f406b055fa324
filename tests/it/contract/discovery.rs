//! What there is: tables, metrics, fields and their values, and the search for them.

use super::{At, Json, Shop, check, get};

#[tokio::test]
async fn tables_tell_what_is_asked_for() {
    let shop = Shop::open().await;
    check(
        &shop,
        &[
            get("ana", "/v1/ping", 200, Json(r#"{"message":"pong"}"#)),
            get("ana", "/v1/table/3", 200, At("/type", r#""table""#)),
            get("ana", "/v1/table/3", 200, At("/name", r#""orders""#)),
        ],
    )
    .await;
}
