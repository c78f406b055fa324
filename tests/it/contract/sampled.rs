//! What a table or metric is shown with of the values of its fields: of so many, in the time of one
//! question, and of none whose calculation fails.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use sandbar::{Engine, Limits};
use serde_json::{Value, json};

use super::{Shop, Told};

const POLICIES: &str = "
groups: { staff: {} }
policies: { all: { groups: [staff], grant: { tables: [notes] } } }
";

/// Of 103 fields that people choose from the first fails on a row.
async fn notes(limits: Limits) -> Shop {
    let categories: String = (0..101)
        .map(|number| format!("      c{number}: {{ column: kind, semantic: category }}\n"))
        .collect();
    let model = format!(
        "
tables:
  notes:
    id: 1
    primary_key: [id]
    fields:
      id: {{}}
      bad: {{ expr: \"div(10, size)\", semantic: category }}
      kind: {{ semantic: category }}
      size: {{}}
{categories}
metrics:
  note_count: {{ id: 7, table: notes, expr: count(*) }}
"
    );
    let whole = |numbers: [i64; 2]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let kinds: ArrayRef = Arc::new(StringArray::from(vec!["long", "short"]));
    let notes = [("id", whole([1, 2])), ("size", whole([0, 5])), ("kind", kinds)];
    let engine = Engine::builder()
        .model("model.yaml", &model)
        .policies("policies.yaml", POLICIES)
        .batches("notes", vec![RecordBatch::try_from_iter(notes).unwrap()])
        .limits(limits)
        .build()
        .await
        .unwrap();
    Shop::of_mia(engine)
}

/// The names of the fields that are shown with values.
fn sampled(told: &Told, list: &str) -> Vec<String> {
    let Value::Array(fields) = told.at(list) else { panic!("{told:?}") };
    let with_values = fields.iter().filter(|field| !field["field_values"].is_null());
    with_values.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn values_are_of_a_hundred_fields_and_of_none_that_fails() {
    let shop = notes(Limits::default()).await;
    let mut wanted = vec!["kind".to_owned()];
    wanted.extend((0..98).map(|number| format!("c{number}")));
    for (path, list) in [
        ("/v1/table/1?with-field-values=true", "/fields"),
        ("/v1/metric/7?with-field-values=true", "/queryable_dimensions"),
    ] {
        let told = shop.get("ana", path).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(sampled(&told, list), wanted, "{path}");
    }
    // Asked alone it says what is wrong.
    let told = shop.get("ana", "/v1/table/1/field/bad/values").await;
    assert_eq!((told.status, told.header("x-sandbar-code")), (400, "E0304"));
    let told = shop.get("ana", "/v1/table/1").await;
    assert_eq!(sampled(&told, "/fields"), [""; 0]);
}

#[tokio::test]
async fn all_values_have_the_time_of_one_question() {
    let limits = Limits::default().with_time(Some(Duration::from_nanos(1)));
    let shop = notes(limits).await;
    for path in ["/v1/table/1?with-field-values=true", "/v1/metric/7?with-field-values=true"] {
        let told = shop.get("ana", path).await;
        assert_eq!((told.status, told.header("x-sandbar-code")), (422, "E0302"), "{told:?}");
    }
    let told = shop.get("ana", "/v1/table/1").await;
    assert_eq!((told.status, told.at("/name")), (200, json!("notes")));
}
