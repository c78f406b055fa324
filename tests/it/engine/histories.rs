//! Tables that keep a history: which version a row sees.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, EngineBuilder, Principal, Session};

use super::csv;

const MODEL: &str = "
tables:
  bookings:
    primary_key: [id]
    time: booked
    fields: { id: {}, listing_id: {}, booked: {}, paid: {}, shown: { expr: 'coalesce(booked, paid)' } }
    relationships:
      listing: { to: listings, on: { listing_id: id }, cardinality: many_to_one }
      listing_paid: { to: listings, on: { listing_id: id }, cardinality: many_to_one, as_of: paid }
  listings:
    primary_key: [id]
    validity: { from: since, to: till }
    fields: { id: {}, owner: {}, since: {}, till: {} }
metrics:
  booked: { table: bookings, expr: count(*) }
  paid: { table: bookings, expr: count(*), time: paid }
  mean: { table: bookings, expr: avg(id) }
  nine: { table: bookings, expr: count(*), filter: id = 9 }
  paid_eight: { table: bookings, expr: count(*), filter: id = 8, time: paid }
  paid_nine: { table: bookings, expr: count(*), filter: id = 9, time: paid }
";

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

/// The listing is of Ada from day 0 on and of Bob from day 10 on. Two were booked when it was
/// Ada's; one of these was paid when it was Bob's.
fn builder(model: &str, policies: &str) -> EngineBuilder {
    let numbers = |all: &[i64]| Arc::new(Int64Array::from(all.to_vec())) as ArrayRef;
    let days = |all: &[Option<i32>]| Arc::new(Date32Array::from(all.to_vec())) as ArrayRef;
    let bookings = batch(vec![
        ("id", numbers(&[1, 2])),
        ("listing_id", numbers(&[1, 1])),
        ("booked", days(&[Some(3), Some(9)])),
        ("paid", days(&[Some(4), Some(12)])),
    ]);
    let listings = batch(vec![
        ("id", numbers(&[1, 1])),
        ("owner", Arc::new(StringArray::from(vec!["Ada", "Bob"]))),
        ("since", days(&[Some(0), Some(10)])),
        ("till", days(&[Some(10), None])),
    ]);
    Engine::builder()
        .model("model.yaml", model)
        .policies("policies.yaml", policies)
        .batches("bookings", vec![bookings])
        .batches("listings", vec![listings])
}

async fn session(policy: &str) -> Session {
    let policies =
        format!("groups: {{ here: {{}} }}\npolicies:\n  all: {{ groups: [here], {policy} }}");
    let engine = builder(MODEL, &policies).build().await.unwrap();
    let principal = Principal::asserted_by_host("somebody").group("here").build();
    engine.session(principal.unwrap())
}

const EVERYTHING: &str = "grant: { tables: [bookings, listings] }";

#[tokio::test]
async fn each_number_sees_the_version_of_its_own_time() {
    let session = session(EVERYTHING).await;
    let asked =
        |metrics: &str| format!(r#"{{"metrics":[{metrics}],"group_by":["listing.owner"]}}"#);
    let found = csv(&session, &asked(r#""paid""#)).await;
    assert_eq!(found, "listing.owner,paid\nAda,1\nBob,1\n");
    // Whatever is asked beside it, in whatever order.
    let found = csv(&session, &asked(r#""booked","paid""#)).await;
    assert_eq!(found, "listing.owner,booked,paid\nAda,2,1\nBob,0,1\n");
    let found = csv(&session, &asked(r#""paid","booked""#)).await;
    assert_eq!(found, "listing.owner,paid,booked\nAda,1,2\nBob,1,0\n");
}

#[tokio::test]
async fn filters_of_numbers_that_may_see_other_versions_remove_no_group() {
    let session = session(EVERYTHING).await;
    for (asked, expected) in [
        (
            r#"{"metrics":["nine","paid_eight"],"group_by":["listing_id"]}"#,
            "listing_id,nine,paid_eight\n1,0,0\n",
        ),
        // The second booking was Ada's, and its payment Bob's.
        (
            r#"{"metrics":["nine","paid"],"group_by":["listing.owner"],
                "filter":{"field":"id","value":2}}"#,
            "listing.owner,nine,paid\nAda,0,0\nBob,0,1\n",
        ),
        // One filter of all leaves out what nothing counts in; each time has rows of its own.
        (
            r#"{"metrics":["nine","paid_nine"],"group_by":["listing_id"]}"#,
            "listing_id,nine,paid_nine\n",
        ),
        (
            r#"{"metrics":["nine","paid"],"group_by":["metric_time"]}"#,
            "metric_time,nine,paid\n1970-01-05,0,1\n1970-01-13,0,1\n",
        ),
    ] {
        assert_eq!(csv(&session, asked).await, expected, "{asked}");
    }
}

#[tokio::test]
async fn filters_that_look_at_other_rows_are_one_where_these_are() {
    let model = MODEL.replace(
        "      listing_paid:",
        "      versions: { to: listings, on: { id: id }, cardinality: one_to_many }
      listing_paid:",
    );
    let policies =
        format!("groups: {{ here: {{}} }}\npolicies:\n  all: {{ groups: [here], {EVERYTHING} }}");
    let engine = builder(&model, &policies).build().await.unwrap();
    let session = engine.session(Principal::asserted_by_host("ada").group("here").build().unwrap());
    let of = |owner: &str| {
        format!(
            r#""filter":{{"exists":"versions","filter":{{"field":"owner","value":"{owner}"}}}}"#
        )
    };
    let asked = |first: &str, second: &str| {
        let (first, second) = (of(first), of(second));
        format!(
            r#"{{"metrics":[{{"name":"booked","as":"a",{first}}},
                {{"name":"paid","as":"b",{second}}}],"group_by":["id"]}}"#
        )
    };
    // Listing 1 has versions, and listing 2 has none.
    let found = csv(&session, &asked("Cem", "Ada")).await;
    assert_eq!(found, "id,a,b\n1,0,1\n2,0,0\n");
    let found = csv(&session, &asked("Ada", "Ada")).await;
    assert_eq!(found, "id,a,b\n1,1,1\n");
}

#[tokio::test]
async fn q0154_a_calculated_time_sees_no_version() {
    let model = MODEL.replace("time: booked", "time: shown");
    let policies =
        format!("groups: {{ here: {{}} }}\npolicies:\n  all: {{ groups: [here], {EVERYTHING} }}");
    let engine = builder(&model, &policies).build().await.unwrap();
    let principal = Principal::asserted_by_host("somebody").group("here").build();
    let session = engine.session(principal.unwrap());
    let asked = r#"{"table":"bookings","fields":["id","listing.owner"]}"#;
    assert_eq!(session.query_json(asked).await.unwrap_err().code(), "Q0154");
    let asked = r#"{"table":"bookings","fields":["listing_paid.owner"]}"#;
    assert_eq!(csv(&session, asked).await, "listing_paid.owner\nAda\nBob\n");
}

#[tokio::test]
async fn a_policy_looks_at_the_version_that_the_row_sees() {
    let ids = r#"{"table":"bookings","fields":["id"]}"#;
    let of = |rows: &str| {
        format!(
            "grant: {{ tables: [bookings], rows: \"{rows}\" }} }}\n  listings: {{ groups: [here], \
             grant: {{ tables: [listings] }}"
        )
    };
    // By the time of the bookings, and by the day of the payment.
    for (rows, expected) in [
        ("listing.owner = 'Ada'", "id\n1\n2\n"),
        ("listing.owner = 'Bob'", "id\n"),
        ("listing_paid.owner = 'Ada'", "id\n1\n"),
        ("listing_paid.owner = 'Bob'", "id\n2\n"),
        ("listing_paid.owner = 'Bob' or listing.owner = 'Bob'", "id\n2\n"),
    ] {
        assert_eq!(csv(&session(&of(rows)).await, ids).await, expected, "{rows}");
    }
}

#[tokio::test]
async fn p0115_a_policy_over_a_history_needs_a_time() {
    let policies = "groups: { here: {} }
policies: { own: { groups: [here], grant: { tables: [bookings], rows: listing.owner = 'Ada' } } }";
    for time in ["", "    time: shown\n"] {
        let model = MODEL.replace("    time: booked\n", time);
        let error = builder(&model, policies).build().await.unwrap_err();
        assert!(error.to_string().contains("P0115"), "{error}");
    }
}

#[tokio::test]
async fn a_time_that_is_called_day_also_decides_over_days_of_periods() {
    let model = MODEL
        .replace("booked: {}", "day: { column: booked }")
        .replace("time: booked", "time: day")
        .replace("(booked,", "(day,");
    let policies =
        format!("groups: {{ here: {{}} }}\npolicies:\n  all: {{ groups: [here], {EVERYTHING} }}");
    let engine = builder(&model, &policies).build().await.unwrap();
    let principal = Principal::asserted_by_host("somebody").group("here").build();
    let session = engine.session(principal.unwrap());
    let asked = r#"{"metrics":[{"name":"mean","offset":{"count":1,"unit":"day"},"as":"n"}],
        "group_by":[{"field":"metric_time","as":"t"},"listing.owner"]}"#;
    // The days go up to the last with rows, the tenth.
    let expected = "t,listing.owner,n\n1970-01-05,Ada,1.0\n";
    assert_eq!(csv(&session, asked).await, expected);
}

#[tokio::test]
async fn a_way_to_all_versions_parts_no_numbers() {
    // Which of many versions a row sees is no matter: filters of two numbers remove no group.
    let model = "
tables:
  bookings:
    primary_key: [id]
    time: booked
    fields: { id: {}, listing_id: {}, booked: {}, paid: {} }
    relationships: { versions: { to: listings, on: { id: id }, cardinality: one_to_many } }
  listings:
    primary_key: [id]
    validity: { from: since, to: till }
    fields: { id: {}, owner: {}, since: {}, till: {} }
metrics:
  booked: { table: bookings, expr: count(*), filter: id = 8 }
  paid: { table: bookings, expr: count(*), filter: id = 9, time: paid }
";
    let policies = format!(
        "groups: {{ here: {{}} }}\npolicies: {{ all: {{ groups: [here], {EVERYTHING} }} }}"
    );
    let engine = builder(model, &policies).build().await.unwrap();
    let session = engine.session(Principal::asserted_by_host("ada").group("here").build().unwrap());
    let asked = r#"{"metrics":["booked","paid"],"group_by":["listing_id"]}"#;
    assert_eq!(csv(&session, asked).await, "listing_id,booked,paid\n1,0,0\n");
}
